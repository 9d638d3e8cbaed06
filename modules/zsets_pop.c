/* The lowest and the highest members, taken away: ZPOPMIN ZPOPMAX ZMPOP BZPOPMIN BZPOPMAX BZMPOP.
 *
 * The blocking ones are the same commands, but when no key has anything they wait; they are run
 * again when there is a sorted set under one of their keys (modules/exec.h).
 */
#include "core/assert.h"
#include "modules/registry.h"
#include "modules/timeout.h"
#include "modules/zsets.h"

/* How the answer looks. */
enum shape {
    SHAPE_FLAT,      /* member, score, member, score … */
    SHAPE_NESTED,    /* [member, score], … */
    SHAPE_KEY_FLAT,  /* key, member, score */
    SHAPE_KEY_PAIRS, /* key, [[member, score], …] */
};

struct pop {
    bool highest;
    uint64_t count; /* at most */
    enum shape shape;
};

static void reply_header(struct gf_exec *x, const struct pop *pop, struct gf_bytes key,
                         uint64_t count)
{
    switch (pop->shape) {
    case SHAPE_FLAT:
        gf_reply_array(x->reply, count * 2);
        break;
    case SHAPE_NESTED:
        gf_reply_array(x->reply, count);
        break;
    case SHAPE_KEY_FLAT:
        gf_reply_array(x->reply, count * 2 + 1);
        gf_reply_bulk(x->reply, key);
        break;
    case SHAPE_KEY_PAIRS:
        gf_reply_array(x->reply, 2);
        gf_reply_bulk(x->reply, key);
        gf_reply_array(x->reply, count);
        break;
    }
}

/* Take from a sorted set that has members, and answer what was taken. */
static void pop_run(struct gf_exec *x, const struct pop *pop, struct gf_zset *zset)
{
    uint64_t count = pop->count < zset->count ? pop->count : zset->count;

    reply_header(x, pop, zset->place.key, count);
    if (count == 0)
        return;
    gf_zset_reply(x, zset,
                  &(struct gf_zset_answer){.first = pop->highest ? zset->count - 1 : 0,
                                           .count = count,
                                           .reverse = pop->highest,
                                           .with_scores = true,
                                           .nested = pop->shape == SHAPE_NESTED ||
                                                     pop->shape == SHAPE_KEY_PAIRS});
    gf_zset_remove_range(zset, pop->highest ? zset->count - count : 0, count, &x->pace);
    gf_zset_removed(x, zset, pop->highest ? "zpopmax" : "zpopmin");
}

static void pop_one_key(struct gf_exec *x, bool highest)
{
    struct gf_place place = gf_place_next(x);
    struct pop pop = {.highest = highest, .count = 1, .shape = SHAPE_FLAT};
    struct gf_zset zset;

    if (gf_args_left(x->args) > 1)
        gf_args_fail(x->args, GF_MSG_SYNTAX);
    if (gf_args_left(x->args) == 1) {
        pop.count = (uint64_t)gf_args_next_within(x->args, 0, INT64_MAX, GF_MSG_MUST_BE_POSITIVE);
        pop.shape = x->reply->resp == 3 ? SHAPE_NESTED : SHAPE_FLAT;
    }
    if (gf_args_ok(x->args, x->reply) && gf_zset_open(x, &place, &zset) &&
        !gf_exec_is_long(x, pop.count < zset.count ? pop.count : zset.count))
        pop_run(x, &pop, &zset);
}

static void zpopmin(struct gf_exec *x)
{
    pop_one_key(x, false);
}

static void zpopmax(struct gf_exec *x)
{
    pop_one_key(x, true);
}

/* Of `count` keys from here on, the first that has members.
 *
 * Returns    false when there is none, or an error was answered (*ret_failed)
 */
static bool keys_find(struct gf_exec *x, uint64_t count, struct gf_zset *ret_zset, bool *ret_failed)
{
    *ret_failed = false;
    while (count-- > 0) {
        struct gf_place place = gf_place_next(x);

        if (!gf_zset_open(x, &place, ret_zset)) {
            *ret_failed = true;
            return false;
        }
        if (ret_zset->count > 0)
            return true;
    }
    return false;
}

/* Words that say how many keys there are, the keys, which end, and how many members: the cursor is
 * at the first key afterwards. */
static uint64_t mpop_read(struct gf_args *args, struct pop *pop)
{
    uint64_t keys = (uint64_t)gf_args_next_within(args, 1, INT64_MAX, GF_MSG_NUMKEYS);
    uint32_t first = args->index;
    bool counted = false;

    if (args->error != GF_MSG_NONE)
        return 0;
    if (keys >= gf_args_left(args)) {
        gf_args_fail(args, GF_MSG_SYNTAX);
        return 0;
    }
    args->index += (uint32_t)keys;
    if (gf_args_skip_if(args, "MAX"))
        pop->highest = true;
    else if (!gf_args_skip_if(args, "MIN"))
        gf_args_fail(args, GF_MSG_SYNTAX);
    while (gf_args_left(args) > 0 && args->error == GF_MSG_NONE) {
        if (!counted && gf_args_left(args) > 1 && gf_args_skip_if(args, "COUNT"))
            pop->count = (uint64_t)gf_args_next_within(args, 1, INT64_MAX, GF_MSG_COUNT_POSITIVE);
        else
            gf_args_fail(args, GF_MSG_SYNTAX);
        counted = true;
    }
    args->index = first;
    return keys;
}

static void zmpop(struct gf_exec *x)
{
    struct pop pop = {.count = 1, .shape = SHAPE_KEY_PAIRS};
    uint64_t keys = mpop_read(x->args, &pop);
    struct gf_zset zset;
    bool failed;

    if (!gf_args_ok(x->args, x->reply))
        return;
    if (keys_find(x, keys, &zset, &failed))
        pop_run(x, &pop, &zset);
    else if (!failed)
        gf_reply_null_array(x->reply);
}

/* Pop, or wait, or answer that there was nothing. */
static void pop_or_wait(struct gf_exec *x, const struct pop *pop, uint64_t keys,
                        uint64_t timeout_ms)
{
    struct gf_zset zset;
    bool failed;

    if (keys_find(x, keys, &zset, &failed))
        pop_run(x, pop, &zset);
    else if (!failed && !gf_exec_wait(x, timeout_ms))
        gf_reply_null_array(x->reply);
}

static void pop_blocking(struct gf_exec *x, bool highest)
{
    struct pop pop = {.highest = highest, .count = 1, .shape = SHAPE_KEY_FLAT};
    uint64_t keys = gf_args_left(x->args) - 1;
    uint64_t timeout_ms = gf_timeout_read(x, x->args->words[x->args->count - 1]);

    if (gf_args_ok(x->args, x->reply))
        pop_or_wait(x, &pop, keys, timeout_ms);
}

static void bzpopmin(struct gf_exec *x)
{
    pop_blocking(x, false);
}

static void bzpopmax(struct gf_exec *x)
{
    pop_blocking(x, true);
}

static void bzmpop(struct gf_exec *x)
{
    struct pop pop = {.count = 1, .shape = SHAPE_KEY_PAIRS};
    struct gf_bytes timeout = gf_args_next(x->args);
    uint64_t keys = mpop_read(x->args, &pop);
    uint64_t timeout_ms = gf_timeout_read(x, timeout);

    if (gf_args_ok(x->args, x->reply))
        pop_or_wait(x, &pop, keys, timeout_ms);
}

static uint32_t zmpop_keys_find(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                                uint32_t max)
{
    return gf_command_counted_keys(words, count, 1, ret_indexes, max);
}

static uint32_t bzmpop_keys_find(const struct gf_bytes *words, uint32_t count,
                                 uint32_t *ret_indexes, uint32_t max)
{
    return gf_command_counted_keys(words, count, 2, ret_indexes, max);
}

/* clang-format off */

static const struct gf_key_spec zmpop_keys[] = {
    {.flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_DELETE,
     .begin_index = 1, .counted = true, .step = 1},
};

static const struct gf_history bzpopmin_history[] = {
    {.since = "6.0.0", .what = "The timeout may be a fraction."},
};

static const struct gf_history bzpopmax_history[] = {
    {.since = "6.0.0", .what = "The timeout may be a fraction."},
};

static const struct gf_key_spec bzmpop_keys[] = {
    {.flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_DELETE,
     .begin_index = 2, .counted = true, .step = 1},
};

#define POP(command, function, what)                                                              \
    {                                                                                             \
        .name = command, .run = function,                                                         \
        .flags = GF_WRITE | GF_FAST | GF_SLICED, .arity = -2,                                     \
        .key_first = 1, .key_last = 1, .key_step = 1,                                             \
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_DELETE,                                   \
        .since = "5.0.0", .group = "sorted-set",                                                  \
        .complexity = "O(M log N), N = members of the sorted set, M = members taken",             \
        .summary = what,                                                                          \
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},                                              \
                {.name = "count", .type = GF_ARG_INTEGER, .flags = GF_ARG_OPTIONAL}),             \
    }

static const struct gf_command commands[] = {
    POP("ZPOPMIN", zpopmin, "Takes away the members with the lowest scores."),
    POP("ZPOPMAX", zpopmax, "Takes away the members with the highest scores."),
    {
        .name = "ZMPOP", .run = zmpop,
        .flags = GF_WRITE | GF_MOVABLE, .arity = -4,
        .find_keys = zmpop_keys_find,
        .key_specs = zmpop_keys, .key_specs_count = GF_COUNT(zmpop_keys),
        .since = "7.0.0", .group = "sorted-set",
        .complexity = "O(K + M log N), K = keys, N = members of that set, M = members taken",
        .summary = "Takes away the lowest or highest members of the first sorted set that has any.",
        GF_ARGS({.name = "numkeys", .type = GF_ARG_INTEGER},
                {.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE},
                {.name = "where", .type = GF_ARG_ONEOF,
                 GF_ARGS({.name = "min", .type = GF_ARG_TOKEN, .token = "MIN"},
                         {.name = "max", .type = GF_ARG_TOKEN, .token = "MAX"})},
                {.name = "count", .type = GF_ARG_INTEGER, .token = "COUNT",
                 .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "BZPOPMIN", .run = bzpopmin,
        .flags = GF_WRITE | GF_NOSCRIPT | GF_BLOCKING | GF_FAST, .arity = -3,
        .key_first = 1, .key_last = -2, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_DELETE,
        .history = bzpopmin_history, .history_count = GF_COUNT(bzpopmin_history),
        .since = "5.0.0", .group = "sorted-set",
        .complexity = "O(log N), N = members of the sorted set",
        .summary = "Takes away the member with the lowest score of some sorted set; waits for one.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE},
                {.name = "timeout", .type = GF_ARG_DOUBLE}),
    },
    {
        .name = "BZPOPMAX", .run = bzpopmax,
        .flags = GF_WRITE | GF_NOSCRIPT | GF_BLOCKING | GF_FAST, .arity = -3,
        .key_first = 1, .key_last = -2, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_DELETE,
        .history = bzpopmax_history, .history_count = GF_COUNT(bzpopmax_history),
        .since = "5.0.0", .group = "sorted-set",
        .complexity = "O(log N), N = members of the sorted set",
        .summary = "Takes away the member with the highest score of some sorted set; waits for one.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE},
                {.name = "timeout", .type = GF_ARG_DOUBLE}),
    },
    {
        .name = "BZMPOP", .run = bzmpop,
        .flags = GF_WRITE | GF_BLOCKING | GF_MOVABLE, .arity = -5,
        .find_keys = bzmpop_keys_find,
        .key_specs = bzmpop_keys, .key_specs_count = GF_COUNT(bzmpop_keys),
        .since = "7.0.0", .group = "sorted-set",
        .complexity = "O(K + M log N), K = keys, N = members of that set, M = members taken",
        .summary = "Takes away the lowest or highest members of some sorted set; waits for some.",
        GF_ARGS({.name = "timeout", .type = GF_ARG_DOUBLE},
                {.name = "numkeys", .type = GF_ARG_INTEGER},
                {.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE},
                {.name = "where", .type = GF_ARG_ONEOF,
                 GF_ARGS({.name = "min", .type = GF_ARG_TOKEN, .token = "MIN"},
                         {.name = "max", .type = GF_ARG_TOKEN, .token = "MAX"})},
                {.name = "count", .type = GF_ARG_INTEGER, .token = "COUNT",
                 .flags = GF_ARG_OPTIONAL}),
    },
};

/* clang-format on */

const struct gf_module gf_zset_pop_module = {
    .abi = GF_MODULE_ABI,
    .name = "zsets_pop",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
