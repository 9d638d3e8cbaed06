/* Several sets: SINTER SINTERCARD SUNION SDIFF, SINTERSTORE SUNIONSTORE SDIFFSTORE.
 *
 * An answer is made while its members are found, from the sets as they are. A result to be stored
 * is collected in a table of its own first, which then becomes the value: the destination may be a
 * source as well.
 */
#include <stdlib.h>

#include "core/alloc.h"
#include "modules/sets.h"

#define SOURCES_INSIDE 16
/* A union of more sets than this is collected even to be answered: looking whether a member was in
 * any of the sets before takes a look-up in each. */
#define UNION_LOOKS_MAX 4

/* The sets of the command, as they stand in it. */
struct sources {
    const struct gf_object **objects; /* inside, or owned; NULL: an empty set */
    uint32_t count;
    const struct gf_object *inside[SOURCES_INSIDE];
};

static void sources_deinit(struct sources *sources)
{
    if (sources->objects != sources->inside)
        gf_free(GF_MEMORY_OTHER, (void *)sources->objects);
}

/* The next `count` words; false when an error was answered (there is nothing to deinit then). */
static bool sources_read(struct gf_exec *x, struct sources *sources, uint32_t count)
{
    sources->objects = sources->inside;
    sources->count = count;
    if (count > SOURCES_INSIDE)
        sources->objects = gf_alloc_try(GF_MEMORY_OTHER, count * sizeof(*sources->objects));
    if (sources->objects == NULL) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct gf_set set;

        if (!gf_set_find(x, &set)) {
            sources_deinit(sources);
            return false;
        }
        sources->objects[i] = set.object;
    }
    return true;
}

/* Where the members go that are found. */
struct result {
    struct gf_reply *reply; /* they are answered; or NULL    */
    struct gf_dict *dict;   /* they are collected; or NULL   */
    uint64_t count;
    uint64_t limit; /* that many are enough          */
    bool no_memory;
    struct gf_pace *pace; /* borrowed                */
};

/* False when no more are wanted. */
static bool result_take(struct result *result, const struct gf_packed_view *member)
{
    char text[GF_PACKED_TEXT_MAX];

    result->count++;
    if (result->reply)
        gf_packed_reply(result->reply, member);
    if (result->dict)
        result->no_memory = gf_dict_put(result->dict, gf_packed_text(member, text), NULL, NULL) ==
                            GF_DICT_NO_MEMORY;
    return !result->no_memory && result->count < result->limit;
}

/* ---- the three operations ------------------------------------------------------------------- */

typedef void combine(const struct sources *sources, struct result *result);

static int by_count(const void *a, const void *b)
{
    uint64_t first = gf_set_count(*(const struct gf_object *const *)a);
    uint64_t second = gf_set_count(*(const struct gf_object *const *)b);

    return (first > second) - (first < second);
}

static bool all_have(const struct sources *sources, uint32_t first,
                     const struct gf_packed_view *member)
{
    for (uint32_t i = first; i < sources->count; i++) {
        if (!gf_set_has_view(sources->objects[i], member))
            return false;
    }
    return true;
}

static bool any_has(const struct sources *sources, uint32_t first, uint32_t last,
                    const struct gf_packed_view *member)
{
    for (uint32_t i = first; i < last; i++) {
        if (gf_set_has_view(sources->objects[i], member))
            return true;
    }
    return false;
}

/* Members of the smallest set that are in all others, too; the small ones are asked first. */
static void intersect(const struct sources *sources, struct result *result)
{
    struct gf_packed_view member;
    struct gf_set_walk walk;
    bool more = true;

    qsort((void *)sources->objects, sources->count, sizeof(*sources->objects), by_count);
    gf_set_walk_init(&walk, sources->objects[0]);
    while (more && gf_set_walk_next(&walk, &member)) {
        if (all_have(sources, 1, &member))
            more = result_take(result, &member);
        gf_pace_step(result->pace, sources->count);
    }
}

static void unite(const struct sources *sources, struct result *result)
{
    struct gf_packed_view member;
    struct gf_set_walk walk;
    bool more = true;

    for (uint32_t i = 0; i < sources->count && more; i++) {
        gf_set_walk_init(&walk, sources->objects[i]);
        while (more && gf_set_walk_next(&walk, &member)) {
            if (result->dict || !any_has(sources, 0, i, &member))
                more = result_take(result, &member);
            gf_pace_step(result->pace, 2);
        }
    }
}

/* Members of the first set that are in none of the others. */
static void subtract(const struct sources *sources, struct result *result)
{
    struct gf_packed_view member;
    struct gf_set_walk walk;
    bool more = true;

    gf_set_walk_init(&walk, sources->objects[0]);
    while (more && gf_set_walk_next(&walk, &member)) {
        if (!any_has(sources, 1, sources->count, &member))
            more = result_take(result, &member);
        gf_pace_step(result->pace, sources->count);
    }
}

/* ---- answered ------------------------------------------------------------------------------- */

static void answer(struct gf_exec *x, combine *operation)
{
    struct result result = {.reply = x->reply, .limit = UINT64_MAX, .pace = &x->pace};
    struct gf_reply_open open;
    struct sources sources;

    if (!sources_read(x, &sources, gf_args_left(x->args)))
        return;
    open = gf_reply_set_open(x->reply);
    operation(&sources, &result);
    gf_reply_close(x->reply, open, result.count);
    sources_deinit(&sources);
}

void gf_set_sinter_run(struct gf_exec *x)
{
    answer(x, intersect);
}

void gf_set_sdiff_run(struct gf_exec *x)
{
    answer(x, subtract);
}

/* Answers the union of many sets. */
static void answer_collected(struct gf_exec *x)
{
    struct gf_dict dict;
    struct result result = {.dict = &dict, .limit = UINT64_MAX, .pace = &x->pace};
    struct gf_dict_entry entry;
    struct gf_dict_walk walk;
    struct sources sources;

    if (!sources_read(x, &sources, gf_args_left(x->args)))
        return;
    gf_dict_init(&dict, GF_DICT_KEYS, gf_keyspace_context_of(x->keyspace)->hash_seed);
    unite(&sources, &result);
    sources_deinit(&sources);
    if (result.no_memory) {
        gf_reply_error(x->reply, GF_MSG_OOM);
    } else {
        gf_reply_set(x->reply, gf_dict_count(&dict));
        gf_dict_walk_init(&walk, &dict);
        while (gf_dict_walk_next(&walk, &entry)) {
            gf_packed_reply(x->reply, &entry.key);
            gf_exec_pause(x, 1);
        }
    }
    gf_dict_free_paced(&dict, &x->pace);
}

void gf_set_sunion_run(struct gf_exec *x)
{
    if (gf_args_left(x->args) <= UNION_LOOKS_MAX)
        answer(x, unite);
    else
        answer_collected(x);
}

/* A number that is wrong in any way is wrong in the same way. */
static int64_t next_at_least(struct gf_args *args, int64_t min, enum gf_message_id error)
{
    int64_t number;

    if (!gf_bytes_parse_i64(gf_args_next(args), &number) || number < min) {
        gf_args_fail(args, error);
        return min;
    }
    return number;
}

void gf_set_sintercard_run(struct gf_exec *x)
{
    struct gf_args *args = x->args;
    int64_t keys = next_at_least(args, 1, GF_MSG_NUMKEYS);
    struct result result = {.limit = UINT64_MAX, .pace = &x->pace};
    uint32_t first = args->index;
    struct sources sources;

    if (keys > gf_args_left(args)) {
        gf_args_fail(args, GF_MSG_NUMKEYS_TOO_LARGE);
        (void)gf_args_ok(args, x->reply);
        return;
    }
    args->index += (uint32_t)keys;
    while (gf_args_left(args) > 1 && gf_args_skip_if(args, "LIMIT")) {
        int64_t limit = next_at_least(args, 0, GF_MSG_LIMIT_NEGATIVE);

        result.limit = limit > 0 ? (uint64_t)limit : UINT64_MAX;
    }
    if (!gf_args_finish(args, x->reply))
        return;
    args->index = first;
    if (!sources_read(x, &sources, (uint32_t)keys))
        return;
    intersect(&sources, &result);
    sources_deinit(&sources);
    gf_reply_int(x->reply, (int64_t)result.count);
}

/* ---- stored --------------------------------------------------------------------------------- */

/* Puts what was collected under the key of the first word, or removes it when that is nothing. */
static void put(struct gf_exec *x, struct gf_set *to, struct gf_dict *dict, const char *event)
{
    const struct gf_place *place = &to->place;
    uint64_t count = gf_dict_count(dict);

    if (count > 0) {
        if (!gf_set_put_table(x, to, dict, GF_SET_INTS)) {
            gf_reply_error(x->reply, GF_MSG_OOM);
            return;
        }
        gf_exec_changed(x, x->db, place->key, GF_EVENT_SET, event);
    } else {
        struct gf_object *old =
            gf_keyspace_peek(place->keyspace, place->hash, place->key, x->now_ms);

        gf_dict_deinit(dict);
        if (old != NULL) {
            gf_keyspace_remove(place->keyspace, place->hash, old);
            gf_exec_changed(x, x->db, place->key, GF_EVENT_GENERIC, "del");
        }
    }
    gf_reply_int(x->reply, (int64_t)count);
}

static void store(struct gf_exec *x, combine *operation, const char *event)
{
    struct gf_set to = {.place = gf_place_next(x)};
    struct gf_dict dict;
    struct result result = {.dict = &dict, .limit = UINT64_MAX, .pace = &x->pace};
    struct sources sources;

    if (!sources_read(x, &sources, gf_args_left(x->args)))
        return;
    gf_dict_init(&dict, GF_DICT_KEYS, gf_keyspace_context_of(to.place.keyspace)->hash_seed);
    operation(&sources, &result);
    sources_deinit(&sources);
    if (result.no_memory) {
        gf_dict_free_paced(&dict, &x->pace);
        gf_reply_error(x->reply, GF_MSG_OOM);
    } else {
        put(x, &to, &dict, event);
    }
}

void gf_set_sinterstore_run(struct gf_exec *x)
{
    store(x, intersect, "sinterstore");
}

void gf_set_sunionstore_run(struct gf_exec *x)
{
    store(x, unite, "sunionstore");
}

void gf_set_sdiffstore_run(struct gf_exec *x)
{
    store(x, subtract, "sdiffstore");
}
