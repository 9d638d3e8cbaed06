/* Changes in the middle of a list: LSET, LINSERT, LREM. */
#include "core/assert.h"
#include "modules/lists.h"

/* A key that is not there is answered before the index is looked at. */
void gf_list_lset_run(struct gf_exec *x)
{
    struct gf_list list;
    struct gf_bytes text;
    int64_t count;
    int64_t index;

    if (!gf_list_find(x, gf_place_next(x), &list))
        return;
    if (list.object == NULL) {
        gf_reply_error(x->reply, GF_MSG_NO_KEY);
        return;
    }
    index = gf_args_next_i64(x->args);
    text = gf_args_next(x->args);
    if (!gf_args_ok(x->args, x->reply))
        return;
    count = (int64_t)gf_list_count(&list);
    if (index < 0)
        index += count;
    if (index < 0 || index >= count) {
        gf_reply_error(x->reply, GF_MSG_LIST_INDEX);
        return;
    }
    gf_list_grows(x, &list, text.size, 1);
    if (!gf_list_replace(&list, (uint64_t)index, text) || !gf_list_store(x, &list, true)) {
        gf_list_forget(&list);
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    gf_exec_changed(x, x->db, list.place.key, GF_EVENT_LIST, "lset");
    gf_reply_ok(x->reply);
}

/* list_find_text - the place of the first element with this text; false when there is none. */
static bool list_find_text(struct gf_exec *x, const struct gf_list *list, struct gf_bytes text,
                           uint64_t *ret_place)
{
    struct gf_item item = gf_item_of(text);
    struct gf_element element;
    uint64_t place = 0;

    for (uint32_t number = 0; number < gf_list_runs(list); number++) {
        const struct gf_run *run = gf_list_run(list, number);
        uint32_t offset = run->begin;

        for (uint32_t i = 0; i < run->count; i++, place++) {
            offset = gf_run_get(run, offset, &element);
            if (gf_list_element_is(&element, &item)) {
                *ret_place = place;
                return true;
            }
        }
        gf_exec_pause(x, gf_list_run_steps(run));
    }
    return false;
}

void gf_list_linsert_run(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    bool before = gf_args_skip_if(x->args, "BEFORE");
    bool known = before || gf_args_skip_if(x->args, "AFTER");
    struct gf_list list;
    struct gf_bytes pivot;
    struct gf_bytes text;
    uint64_t index;

    if (!known)
        gf_args_fail(x->args, GF_MSG_SYNTAX);
    pivot = gf_args_next(x->args);
    text = gf_args_next(x->args);
    if (!gf_args_ok(x->args, x->reply) || !gf_list_find(x, place, &list))
        return;
    if (list.object == NULL) {
        gf_reply_int(x->reply, 0);
        return;
    }
    if (gf_exec_is_long(x, gf_list_count(&list)))
        return;
    if (!list_find_text(x, &list, pivot, &index)) {
        gf_reply_int(x->reply, -1);
        return;
    }
    gf_list_grows(x, &list, text.size, 1);
    if (!gf_list_insert(&list, before ? index : index + 1, text) ||
        !gf_list_store(x, &list, false)) {
        gf_list_forget(&list);
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    gf_exec_changed(x, x->db, place.key, GF_EVENT_LIST, "linsert");
    gf_reply_int(x->reply, (int64_t)gf_list_count(&list));
}

/* LREM. */

struct removal {
    struct gf_item item;
    uint64_t max; /* elements to remove */
    bool back;    /* the last ones */
    uint64_t removed;
};

/* run_mark - the elements of one run that are to be removed. Returns how many they are. */
static uint32_t run_mark(const struct gf_run *run, const struct removal *removal, uint64_t *marks)
{
    uint64_t left = removal->max - removal->removed;
    struct gf_element element;
    uint32_t offset = run->begin;
    uint32_t found = 0;

    memset(marks, 0, (run->count / 64u + 1) * sizeof(*marks));
    for (uint32_t i = 0; i < run->count && (removal->back || found < left); i++) {
        offset = gf_run_get(run, offset, &element);
        if (gf_list_element_is(&element, &removal->item)) {
            marks[i / 64] |= UINT64_C(1) << (i % 64);
            found++;
        }
    }
    /* From the end: the first ones found are too many. */
    for (uint32_t i = 0; found > left; i++) {
        uint64_t bit = UINT64_C(1) << (i % 64);

        found -= (marks[i / 64] & bit) != 0;
        marks[i / 64] &= ~bit;
    }
    return found;
}

/* list_remove_text - run by run. Removing changes how many runs there are, but none that is still
 * to come: counted from the end that is yet to be reached. */
static void list_remove_text(struct gf_exec *x, struct gf_list *list, struct removal *removal)
{
    uint64_t marks[GF_RUN_COUNT_MAX / 64 + 1];
    uint32_t left = gf_list_runs(list);

    while (left > 0 && removal->removed < removal->max) {
        uint32_t number = removal->back ? left - 1 : gf_list_runs(list) - left;
        const struct gf_run *run = gf_list_run(list, number);
        uint32_t steps = gf_list_run_steps(run);
        uint32_t found = run_mark(run, removal, marks);

        left--;
        removal->removed += found;
        if (found > 0)
            gf_list_remove_marked(list, number, marks);
        if (gf_list_count(list) > 0)
            gf_exec_pause(x, steps);
    }
    gf_list_settle(list, &x->pace);
}

void gf_list_lrem_run(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    int64_t count = gf_args_next_i64(x->args);
    struct removal removal = {.item = gf_item_of(gf_args_next(x->args)), .back = count < 0};
    struct gf_list list;
    bool stored;

    if (!gf_args_ok(x->args, x->reply) || !gf_list_find(x, place, &list))
        return;
    removal.max = count == 0 ? UINT64_MAX : (count < 0 ? 0 - (uint64_t)count : (uint64_t)count);
    if (gf_exec_is_long(x, gf_list_count(&list)))
        return;
    if (list.object != NULL)
        list_remove_text(x, &list, &removal);
    if (removal.removed > 0) {
        bool empty = gf_list_count(&list) == 0;

        stored = gf_list_store(x, &list, true);
        GF_ASSERT(stored); /* it has not grown */
        gf_exec_changed(x, x->db, place.key, GF_EVENT_LIST, "lrem");
        if (empty)
            gf_exec_event(x, x->db, place.key, GF_EVENT_GENERIC, "del");
    }
    gf_reply_int(x->reply, (int64_t)removal.removed);
}
