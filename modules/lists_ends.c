/* Both ends of one list: LPUSH, LPOP and their relatives, LLEN. */
#include "core/assert.h"
#include "modules/lists.h"

/* Pushing. */

static size_t words_size(const struct gf_args *args)
{
    size_t size = 0;

    for (uint32_t i = args->index; i < args->count; i++)
        size += args->words[i].size;
    return size;
}

/* push_all - the words left, one after the other; none of them when there is no memory. */
static bool push_all(struct gf_exec *x, struct gf_list *list, bool front)
{
    uint64_t before = gf_list_count(list);

    gf_list_grows(x, list, words_size(x->args), gf_args_left(x->args));
    while (gf_args_left(x->args) > 0) {
        if (gf_list_push(list, gf_args_next(x->args), front))
            continue;
        if (list->deque != NULL)
            gf_list_drop(list, gf_list_count(list) - before, front, NULL);
        gf_list_forget(list);
        return false;
    }
    return gf_list_store(x, list, false);
}

/* push_run - all four pushes.
 *
 * make       make the key when there is none
 */
static void push_run(struct gf_exec *x, bool front, bool make)
{
    struct gf_list list;

    if (!gf_list_find(x, gf_place_next(x), &list))
        return;
    if (list.object == NULL && !make) {
        gf_reply_int(x->reply, 0);
        return;
    }
    if (!push_all(x, &list, front)) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    gf_exec_changed(x, x->db, list.place.key, GF_EVENT_LIST, front ? "lpush" : "rpush");
    gf_reply_int(x->reply, (int64_t)gf_list_count(&list));
}

void gf_list_lpush_run(struct gf_exec *x)
{
    push_run(x, true, true);
}

void gf_list_rpush_run(struct gf_exec *x)
{
    push_run(x, false, true);
}

void gf_list_lpushx_run(struct gf_exec *x)
{
    push_run(x, true, false);
}

void gf_list_rpushx_run(struct gf_exec *x)
{
    push_run(x, false, false);
}

/* Popping. */

void gf_list_popped(struct gf_exec *x, struct gf_list *list, bool front)
{
    bool empty = gf_list_count(list) == 0;
    /* Nothing grows, so storing a small list cannot fail; a big one stays where it is. */
    bool stored = gf_list_store(x, list, true);

    GF_ASSERT(stored);
    gf_exec_changed(x, x->db, list->place.key, GF_EVENT_LIST, front ? "lpop" : "rpop");
    if (empty)
        gf_exec_event(x, x->db, list->place.key, GF_EVENT_GENERIC, "del");
}

void gf_list_pop_reply(struct gf_exec *x, struct gf_list *list, uint64_t count, bool front)
{
    struct gf_element element;
    uint32_t steps;

    GF_ASSERT(count <= gf_list_count(list));
    for (; count > 0; count--) {
        gf_list_peek(list, front, &element);
        gf_list_reply(x->reply, &element);
        steps = element.is_number ? 1 : 1 + (uint32_t)(element.rest.size / 512);
        gf_list_pop(list, front, &element);
        if (count > 1)
            gf_exec_pause(x, steps);
    }
}

/* pop_one - LPOP and RPOP without a count. */
static void pop_one(struct gf_exec *x, bool front)
{
    struct gf_list list;

    if (!gf_list_find(x, gf_place_next(x), &list))
        return;
    if (list.object == NULL) {
        gf_reply_null(x->reply);
        return;
    }
    gf_list_pop_reply(x, &list, 1, front);
    gf_list_popped(x, &list, front);
}

/* pop_many - with one: an array of so many, as far as there are. */
static void pop_many(struct gf_exec *x, bool front)
{
    struct gf_place place = gf_place_next(x);
    uint64_t count = (uint64_t)gf_args_next_within(x->args, 0, INT64_MAX, GF_MSG_MUST_BE_POSITIVE);
    struct gf_list list;

    if (!gf_args_ok(x->args, x->reply) || !gf_list_find(x, place, &list))
        return;
    if (list.object == NULL) {
        gf_reply_null_array(x->reply);
        return;
    }
    if (count > gf_list_count(&list))
        count = gf_list_count(&list);
    if (gf_exec_is_long(x, count))
        return;
    gf_reply_array(x->reply, count);
    if (count == 0)
        return;
    gf_list_pop_reply(x, &list, count, front);
    gf_list_popped(x, &list, front);
}

static void pop_run(struct gf_exec *x, bool front)
{
    if (GF_LIKELY(x->args->count == 2))
        pop_one(x, front);
    else if (x->args->count == 3)
        pop_many(x, front);
    else
        gf_reply_error_format(x->reply, GF_MSG_WRONG_ARITY, gf_bytes_of(front ? "lpop" : "rpop"),
                              GF_BYTES(""));
}

void gf_list_lpop_run(struct gf_exec *x)
{
    pop_run(x, true);
}

void gf_list_rpop_run(struct gf_exec *x)
{
    pop_run(x, false);
}

void gf_list_llen_run(struct gf_exec *x)
{
    struct gf_list list;

    if (gf_list_find(x, gf_place_next(x), &list))
        gf_reply_int(x->reply, (int64_t)gf_list_count(&list));
}
