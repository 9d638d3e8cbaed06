/* One string value: GET, SET and their relatives. */
#include "modules/strings.h"

void gf_string_get_run(struct gf_exec *x)
{
    struct gf_object *object;

    if (gf_string_find(x, x->args->words[1], &object))
        gf_string_reply(x->reply, object);
}

void gf_string_set_run(struct gf_exec *x)
{
    const struct gf_bytes *words = x->args->words;

    if (GF_LIKELY(x->args->count == 3)) {
        if (gf_string_put(x, words[1], words[2], 0))
            gf_reply_ok(x->reply);
        return;
    }
    gf_reply_error(x->reply, GF_MSG_SYNTAX);
}
