/* The first of several lists that has something: LMPOP, and BLPOP, BRPOP, BLMPOP, which wait. */
#include "modules/lists.h"
#include "modules/registry.h"
#include "modules/timeout.h"

/* first_found - the first list of so many keys, from the next word on.
 *
 * Returns    false when one that comes first is no list: the error is answered then. object NULL:
 *            there is none.
 */
static bool first_found(struct gf_exec *x, uint64_t keys, struct gf_list *ret_list)
{
    ret_list->object = NULL;
    for (; keys > 0; keys--) {
        if (!gf_list_find(x, gf_place_next(x), ret_list))
            return false;
        if (ret_list->object != NULL)
            return true;
    }
    return true;
}

/* pop_or_wait - BLPOP and BRPOP: the last word is the time. */
static void pop_or_wait(struct gf_exec *x, bool front)
{
    uint64_t timeout_ms = gf_timeout_read(x, x->args->words[x->args->count - 1]);
    struct gf_list list;

    if (!gf_args_ok(x->args, x->reply) || !first_found(x, x->args->count - 2, &list))
        return;
    if (list.object != NULL) {
        gf_reply_array(x->reply, 2);
        gf_reply_bulk(x->reply, list.place.key);
        gf_list_pop_reply(x, &list, 1, front);
        gf_list_popped(x, &list, front);
    } else if (!gf_exec_wait(x, timeout_ms)) {
        gf_reply_null_array(x->reply);
    }
}

void gf_list_blpop_run(struct gf_exec *x)
{
    pop_or_wait(x, true);
}

void gf_list_brpop_run(struct gf_exec *x)
{
    pop_or_wait(x, false);
}

/* What LMPOP and BLMPOP are to do. */
struct many {
    uint64_t keys;
    uint32_t keys_index; /* word of the first */
    uint64_t count;
    bool front;
};

/* many_read - keys, end and count, from the number of keys on. */
static struct many many_read(struct gf_args *args)
{
    struct many many = {.count = 1};

    many.keys = (uint64_t)gf_args_next_within(args, 1, INT64_MAX, GF_MSG_NUMKEYS);
    many.keys_index = args->index;
    if (many.keys >= gf_args_left(args)) {
        gf_args_fail(args, GF_MSG_SYNTAX);
        return many;
    }
    args->index += (uint32_t)many.keys;
    if (!gf_list_next_end(args, &many.front))
        return many;
    if (gf_args_left(args) >= 2 && gf_args_skip_if(args, "COUNT"))
        many.count = (uint64_t)gf_args_next_within(args, 1, INT64_MAX, GF_MSG_COUNT_POSITIVE);
    if (gf_args_left(args) > 0)
        gf_args_fail(args, GF_MSG_SYNTAX);
    return many;
}

/* many_pop - false when all lists are empty: nothing is answered then. */
static bool many_pop(struct gf_exec *x, const struct many *many)
{
    uint64_t count = many->count;
    struct gf_list list;

    x->args->index = many->keys_index;
    if (!first_found(x, many->keys, &list))
        return true;
    if (list.object == NULL)
        return false;
    if (count > gf_list_count(&list))
        count = gf_list_count(&list);
    gf_reply_array(x->reply, 2);
    gf_reply_bulk(x->reply, list.place.key);
    gf_reply_array(x->reply, count);
    gf_list_pop_reply(x, &list, count, many->front);
    gf_list_popped(x, &list, many->front);
    return true;
}

void gf_list_lmpop_run(struct gf_exec *x)
{
    struct many many = many_read(x->args);

    if (gf_args_ok(x->args, x->reply) && !many_pop(x, &many))
        gf_reply_null_array(x->reply);
}

void gf_list_blmpop_run(struct gf_exec *x)
{
    struct gf_bytes time = gf_args_next(x->args);
    struct many many = many_read(x->args);
    uint64_t timeout_ms = gf_timeout_read(x, time);

    if (gf_args_ok(x->args, x->reply) && !many_pop(x, &many) && !gf_exec_wait(x, timeout_ms))
        gf_reply_null_array(x->reply);
}

uint32_t gf_list_lmpop_keys(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                            uint32_t max)
{
    return gf_command_counted_keys(words, count, 1, ret_indexes, max);
}

uint32_t gf_list_blmpop_keys(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                             uint32_t max)
{
    return gf_command_counted_keys(words, count, 2, ret_indexes, max);
}
