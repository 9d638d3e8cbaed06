/* Seconds with a fraction, as BLPOP and its relatives are given them. */
#include "modules/timeout.h"

#include <math.h>

uint64_t gf_timeout_read(struct gf_exec *x, struct gf_bytes word)
{
    long double seconds;
    long double ms;

    if (!gf_bytes_parse_long_double(word, &seconds)) {
        gf_args_fail(x->args, GF_MSG_TIMEOUT_FLOAT);
        return 0;
    }
    ms = ceill(seconds * 1000);
    if (ms < 0) {
        gf_args_fail(x->args, GF_MSG_TIMEOUT_NEGATIVE);
        return 0;
    }
    /* The end of the wait has to be a time, too. */
    if (ms > (long double)(INT64_MAX - (int64_t)x->now_ms)) {
        gf_args_fail(x->args, GF_MSG_TIMEOUT_RANGE);
        return 0;
    }
    return (uint64_t)ms;
}

bool gf_timeout_next(struct gf_exec *x, uint64_t *ret_timeout_ms)
{
    uint64_t timeout_ms = gf_timeout_read(x, gf_args_next(x->args));

    if (!gf_args_ok(x->args, x->reply))
        return false;
    *ret_timeout_ms = timeout_ms;
    return true;
}
