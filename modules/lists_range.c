/* Elements by their place: LRANGE, LINDEX, LTRIM, LPOS. */
#include "core/assert.h"
#include "modules/lists.h"

/* A part of a list: `count` elements from `first` on. */
struct range {
    uint64_t first;
    uint64_t count;
};

/* range_cut - elements start … stop of `count`, both included; negative ones count from the end. */
static struct range range_cut(int64_t start, int64_t stop, uint64_t count)
{
    int64_t end = (int64_t)count;

    if (start < 0)
        start = start + end > 0 ? start + end : 0;
    if (stop < 0)
        stop += end;
    if (stop >= end)
        stop = end - 1;
    if (start > stop)
        return (struct range){0};
    return (struct range){.first = (uint64_t)start, .count = (uint64_t)(stop - start + 1)};
}

/* run_seek - the run in which element `first` is; *first becomes its number there. */
static uint32_t run_seek(const struct gf_list *list, uint64_t *first)
{
    struct gf_deque_cursor cursor;

    if (list->deque == NULL)
        return 0;
    cursor = gf_deque_seek(list->deque, *first);
    *first = cursor.index;
    return cursor.block;
}

/* range_reply - the elements of a range that is not empty, straight from the runs. */
static void range_reply(struct gf_exec *x, const struct gf_list *list, struct range range)
{
    uint64_t index = range.first;
    uint32_t number = run_seek(list, &index);
    struct gf_element element;

    for (;; number++, index = 0) {
        const struct gf_run *run = gf_list_run(list, number);
        uint32_t offset = gf_run_seek(run, (uint32_t)index);

        for (; index < run->count && range.count > 0; index++, range.count--) {
            offset = gf_run_get(run, offset, &element);
            gf_list_reply(x->reply, &element);
        }
        if (range.count == 0)
            return;
        gf_exec_pause(x, gf_list_run_steps(run));
    }
}

void gf_list_lrange_run(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    int64_t start = gf_args_next_i64(x->args);
    int64_t stop = gf_args_next_i64(x->args);
    struct gf_list list;
    struct range range;

    if (!gf_args_ok(x->args, x->reply) || !gf_list_find(x, place, &list))
        return;
    range = range_cut(start, stop, gf_list_count(&list));
    if (gf_exec_is_long(x, range.count))
        return;
    gf_reply_array(x->reply, range.count);
    if (range.count > 0)
        range_reply(x, &list, range);
}

/* A key that is not there is answered before the index is looked at. */
void gf_list_lindex_run(struct gf_exec *x)
{
    struct gf_list list;
    uint64_t count;
    int64_t index;

    if (!gf_list_find(x, gf_place_next(x), &list))
        return;
    if (list.object == NULL) {
        gf_reply_null(x->reply);
        return;
    }
    index = gf_args_next_i64(x->args);
    if (!gf_args_ok(x->args, x->reply))
        return;
    count = gf_list_count(&list);
    if (index < 0)
        index += (int64_t)count;
    if (index < 0 || index >= (int64_t)count)
        gf_reply_null(x->reply);
    else
        range_reply(x, &list, (struct range){.first = (uint64_t)index, .count = 1});
}

/* list_trim - what is outside of a range goes; when all does, at once. */
static void list_trim(struct gf_exec *x, struct gf_list *list, struct range range)
{
    uint64_t behind = gf_list_count(list) - range.first - range.count;

    if (range.count == 0) {
        gf_list_remove(list);
    } else {
        bool stored;

        gf_list_drop(list, behind, false, &x->pace);
        gf_list_drop(list, range.first, true, &x->pace);
        stored = gf_list_store(x, list, true);
        GF_ASSERT(stored); /* it has not grown */
    }
    gf_exec_changed(x, x->db, list->place.key, GF_EVENT_LIST, "ltrim");
    if (range.count == 0)
        gf_exec_event(x, x->db, list->place.key, GF_EVENT_GENERIC, "del");
}

void gf_list_ltrim_run(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    int64_t start = gf_args_next_i64(x->args);
    int64_t stop = gf_args_next_i64(x->args);
    struct gf_list list;
    struct range range;

    if (!gf_args_ok(x->args, x->reply) || !gf_list_find(x, place, &list))
        return;
    if (list.object != NULL) {
        uint64_t count = gf_list_count(&list);

        range = range_cut(start, stop, count);
        if (gf_exec_is_long(x, (count - range.count) / GF_LIST_DROPPED_AT_ONCE))
            return;
        list_trim(x, &list, range);
    }
    gf_reply_ok(x->reply);
}

/* LPOS. */

struct search {
    struct gf_item item;
    int64_t rank;        /* which match is the first to be answered; negative: from the end */
    uint64_t count_max;  /* matches to answer; 0 = all */
    uint64_t length_max; /* elements to look at; 0 = all */
    bool many;           /* COUNT was given: the answer is an array */

    /* While it runs: */
    uint64_t skip;   /* matches still to be passed by */
    uint64_t looked; /* elements looked at */
    uint64_t found;  /* places answered */
};

static struct search search_read(struct gf_args *args)
{
    struct search search = {.item = gf_item_of(gf_args_next(args)), .rank = 1, .count_max = 1};

    while (gf_args_left(args) > 0 && args->error == GF_MSG_NONE) {
        if (gf_args_left(args) >= 2 && gf_args_skip_if(args, "RANK")) {
            search.rank = gf_args_next_range(args, -INT64_MAX, INT64_MAX, GF_MSG_LONG_RANGE);
            if (search.rank == 0)
                gf_args_fail(args, GF_MSG_LPOS_RANK);
        } else if (gf_args_left(args) >= 2 && gf_args_skip_if(args, "COUNT")) {
            search.many = true;
            search.count_max = (uint64_t)gf_args_next_within(args, 0, INT64_MAX, GF_MSG_LPOS_COUNT);
        } else if (gf_args_left(args) >= 2 && gf_args_skip_if(args, "MAXLEN")) {
            search.length_max =
                (uint64_t)gf_args_next_within(args, 0, INT64_MAX, GF_MSG_LPOS_MAXLEN);
        } else {
            gf_args_fail(args, GF_MSG_SYNTAX);
        }
    }
    return search;
}

/* search_see - one element was looked at; true when the search is over. */
static bool search_see(struct search *search, struct gf_reply *reply, bool matches, uint64_t place)
{
    search->looked++;
    if (matches && search->skip > 0) {
        search->skip--;
    } else if (matches) {
        gf_reply_int(reply, (int64_t)place);
        search->found++;
        if (search->found == search->count_max)
            return true;
    }
    return search->looked == search->length_max;
}

static void search_forward(struct gf_exec *x, struct search *search, const struct gf_list *list)
{
    struct gf_element element;
    uint64_t place = 0;

    for (uint32_t number = 0; number < gf_list_runs(list); number++) {
        const struct gf_run *run = gf_list_run(list, number);
        uint32_t offset = run->begin;

        for (uint32_t i = 0; i < run->count; i++, place++) {
            offset = gf_run_get(run, offset, &element);
            if (search_see(search, x->reply, gf_list_element_is(&element, &search->item), place))
                return;
        }
        gf_exec_pause(x, gf_list_run_steps(run));
    }
}

static void search_backward(struct gf_exec *x, struct search *search, const struct gf_list *list)
{
    uint64_t place = gf_list_count(list);
    uint32_t offsets[GF_RUN_COUNT_MAX];
    struct gf_element element;

    for (uint32_t number = gf_list_runs(list); number-- > 0;) {
        const struct gf_run *run = gf_list_run(list, number);

        gf_run_offsets(run, offsets);
        for (uint32_t i = run->count; i-- > 0;) {
            (void)gf_run_get(run, offsets[i], &element);
            if (search_see(search, x->reply, gf_list_element_is(&element, &search->item), --place))
                return;
        }
        gf_exec_pause(x, gf_list_run_steps(run));
    }
}

static void search_run(struct gf_exec *x, struct search *search, const struct gf_list *list)
{
    bool back = search->rank < 0;

    search->skip = (uint64_t)(back ? -search->rank : search->rank) - 1;
    if (back)
        search_backward(x, search, list);
    else
        search_forward(x, search, list);
}

/* search_length - elements that may have to be looked at. */
static uint64_t search_length(const struct search *search, const struct gf_list *list)
{
    uint64_t count = gf_list_count(list);

    return search->length_max > 0 && search->length_max < count ? search->length_max : count;
}

void gf_list_lpos_run(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct search search = search_read(x->args);
    struct gf_reply_open open;
    struct gf_list list;

    if (!gf_args_ok(x->args, x->reply) || !gf_list_find(x, place, &list) ||
        gf_exec_is_long(x, search_length(&search, &list)))
        return;
    if (!search.many) {
        if (list.object != NULL)
            search_run(x, &search, &list);
        if (search.found == 0)
            gf_reply_null(x->reply);
        return;
    }
    if (list.object == NULL) {
        gf_reply_array(x->reply, 0);
        return;
    }
    open = gf_reply_array_open(x->reply);
    search_run(x, &search, &list);
    gf_reply_close(x->reply, open, search.found);
}
