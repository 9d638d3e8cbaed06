/* Reading a request's words front to back. */
#include "protocol/args.h"

#include <string.h>

#include "core/assert.h"
#include "protocol/reply.h"

void gf_args_fail(struct gf_args *args, enum gf_message_id error)
{
    GF_ASSERT(error > GF_MSG_NONE);
    GF_ASSERT(error < GF_MESSAGES_COUNT);
    if (args->error == GF_MSG_NONE)
        args->error = error;
}

/* words_next - the next word; false, with the error remembered, when there is none. */
static bool words_next(struct gf_args *args, struct gf_bytes *ret_word)
{
    if (args->index >= args->count) {
        gf_args_fail(args, GF_MSG_SYNTAX);
        return false;
    }
    *ret_word = args->words[args->index++];
    return true;
}

struct gf_bytes gf_args_next(struct gf_args *args)
{
    struct gf_bytes word = GF_BYTES("");

    (void)words_next(args, &word);
    return word;
}

bool gf_args_skip_if(struct gf_args *args, const char *word)
{
    if (args->index >= args->count || !gf_bytes_is(args->words[args->index], word))
        return false;
    args->index++;
    return true;
}

int64_t gf_args_next_i64(struct gf_args *args)
{
    return gf_args_next_range(args, INT64_MIN, INT64_MAX, GF_MSG_NOT_INTEGER);
}

int64_t gf_args_next_range(struct gf_args *args, int64_t min, int64_t max, enum gf_message_id error)
{
    struct gf_bytes word;
    int64_t value;

    GF_ASSERT(min <= max);
    if (!words_next(args, &word))
        return 0;
    if (!gf_bytes_parse_i64(word, &value)) {
        gf_args_fail(args, GF_MSG_NOT_INTEGER);
        return 0;
    }
    if (value < min || value > max) {
        gf_args_fail(args, error);
        return 0;
    }
    return value;
}

int64_t gf_args_next_within(struct gf_args *args, int64_t min, int64_t max,
                            enum gf_message_id error)
{
    struct gf_bytes word;
    int64_t value;

    GF_ASSERT(min <= max);
    if (!words_next(args, &word))
        return 0;
    if (!gf_bytes_parse_i64(word, &value) || value < min || value > max) {
        gf_args_fail(args, error);
        return 0;
    }
    return value;
}

double gf_args_next_double(struct gf_args *args)
{
    struct gf_bytes word;
    double value;

    if (!words_next(args, &word))
        return 0;
    if (!gf_bytes_parse_double(word, &value)) {
        gf_args_fail(args, GF_MSG_NOT_FLOAT);
        return 0;
    }
    return value;
}

bool gf_args_ok(struct gf_args *args, struct gf_reply *reply)
{
    if (GF_LIKELY(args->error == GF_MSG_NONE))
        return true;
    if (strchr(gf_message_text(args->error), '%') == NULL) {
        gf_reply_error(reply, args->error);
    } else {
        GF_ASSERT(args->error_name != NULL);
        gf_reply_error_format(reply, args->error, gf_bytes_of(args->error_name), GF_BYTES(""));
    }
    return false;
}

bool gf_args_finish(struct gf_args *args, struct gf_reply *reply)
{
    if (args->index < args->count)
        gf_args_fail(args, GF_MSG_SYNTAX);
    return gf_args_ok(args, reply);
}
