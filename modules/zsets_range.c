/* Ranges: ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZRANGEBYLEX ZREVRANGEBYLEX ZRANGESTORE.
 *
 * All are one command with different words left out: the pairs from one end to another, by rank,
 * score or member, upward or downward, perhaps only some of them, answered or stored.
 */
#include "core/assert.h"
#include "modules/zsets.h"
#include "modules/zsets_bounds.h"

/* What is known of a range before its words are read, and after. */
struct range {
    enum gf_zset_by by;
    bool reverse;
    bool any; /* BYSCORE, BYLEX and REV may be said */
    bool stores;
    bool with_scores;
    bool limited;
    int64_t offset;        /* LIMIT; negative: nothing is left */
    int64_t limit;         /* negative: all */
    struct gf_place place; /* of the sorted set */
    struct gf_zset_bounds bounds;
};

/* An option at the cursor; false when there is none that fits. */
static bool option_read(struct gf_args *args, struct range *range, bool *by_given)
{
    if (!range->stores && gf_args_skip_if(args, "WITHSCORES")) {
        range->with_scores = true;
    } else if (gf_args_left(args) > 2 && gf_args_skip_if(args, "LIMIT")) {
        range->offset = gf_args_next_i64(args);
        range->limit = gf_args_next_i64(args);
        range->limited = range->limit != -1;
    } else if (range->any && !range->reverse && gf_args_skip_if(args, "REV")) {
        range->reverse = true;
    } else if (range->any && !*by_given && gf_args_skip_if(args, "BYLEX")) {
        range->by = GF_ZSET_BY_LEX;
        *by_given = true;
    } else if (range->any && !*by_given && gf_args_skip_if(args, "BYSCORE")) {
        range->by = GF_ZSET_BY_SCORE;
        *by_given = true;
    } else {
        return false;
    }
    return true;
}

/* Everything behind the key(s). The options come first, because they say what the ends are. */
static void range_read(struct gf_args *args, struct range *range)
{
    uint32_t ends = args->index;
    bool by_given = false;

    args->index += 2;
    while (gf_args_left(args) > 0 && args->error == GF_MSG_NONE) {
        if (!option_read(args, range, &by_given))
            gf_args_fail(args, GF_MSG_SYNTAX);
    }
    if (range->limited && range->by == GF_ZSET_BY_RANK)
        gf_args_fail(args, GF_MSG_RANGE_LIMIT);
    if (range->with_scores && range->by == GF_ZSET_BY_LEX)
        gf_args_fail(args, GF_MSG_RANGE_LEX_SCORES);
    args->index = ends;
    gf_zset_bounds_read(args, range->by, range->reverse, &range->bounds);
    args->index = args->count;
}

/* The pairs wanted of a sorted set, the first of them given by `*ret_first`. */
static uint64_t range_find(const struct range *range, const struct gf_zset *zset,
                           uint64_t *ret_first)
{
    struct gf_zset_range found = gf_zset_bounds_find(&range->bounds, zset);
    bool by_rank = range->by == GF_ZSET_BY_RANK; /* LIMIT with a count of -1 is said, and ignored */
    uint64_t offset = by_rank ? 0 : (uint64_t)range->offset;

    if ((!by_rank && range->offset < 0) || offset >= found.count)
        return 0;
    *ret_first = range->reverse ? found.first + found.count - 1 - offset : found.first + offset;
    found.count -= offset;
    if (range->limit >= 0 && (uint64_t)range->limit < found.count)
        found.count = (uint64_t)range->limit;
    return found.count;
}

static void range_reply(struct gf_exec *x, const struct range *range, const struct gf_zset *zset)
{
    bool nested = range->with_scores && x->reply->resp == 3;
    uint64_t first = 0;
    uint64_t count = range_find(range, zset, &first);

    if (gf_exec_is_long(x, count))
        return;
    gf_reply_array(x->reply, range->with_scores && !nested ? count * 2 : count);
    gf_zset_reply(x, zset,
                  &(struct gf_zset_answer){.first = first,
                                           .count = count,
                                           .reverse = range->reverse,
                                           .with_scores = range->with_scores,
                                           .nested = nested});
}

static void range_run(struct gf_exec *x, struct range *range)
{
    struct gf_zset zset;

    range->place = gf_place_next(x);
    range->limit = -1;
    range_read(x->args, range);
    if (gf_args_finish(x->args, x->reply) && gf_zset_open(x, &range->place, &zset))
        range_reply(x, range, &zset);
}

static void zrange(struct gf_exec *x)
{
    range_run(x, &(struct range){.by = GF_ZSET_BY_RANK, .any = true});
}

static void zrevrange(struct gf_exec *x)
{
    range_run(x, &(struct range){.by = GF_ZSET_BY_RANK, .reverse = true});
}

static void zrangebyscore(struct gf_exec *x)
{
    range_run(x, &(struct range){.by = GF_ZSET_BY_SCORE});
}

static void zrevrangebyscore(struct gf_exec *x)
{
    range_run(x, &(struct range){.by = GF_ZSET_BY_SCORE, .reverse = true});
}

static void zrangebylex(struct gf_exec *x)
{
    range_run(x, &(struct range){.by = GF_ZSET_BY_LEX});
}

static void zrevrangebylex(struct gf_exec *x)
{
    range_run(x, &(struct range){.by = GF_ZSET_BY_LEX, .reverse = true});
}

/* The pairs wanted, as a sorted set of its own; false when there is no memory. */
static bool range_copy(struct gf_exec *x, const struct range *range, const struct gf_zset *zset,
                       struct gf_zset *copy)
{
    uint64_t first = 0;
    uint64_t count = range_find(range, zset, &first);
    struct gf_order_pair pair;
    struct gf_zset_walk walk;

    gf_zset_walk_init(&walk, zset, first, count, range->reverse);
    while (gf_zset_walk_next(&walk, &pair)) {
        if (gf_zset_add(copy, pair.member, 0, &pair.score) == GF_ZSET_NO_MEMORY)
            return false;
        gf_exec_pause(x, 2);
    }
    return true;
}

static void zrangestore(struct gf_exec *x)
{
    struct gf_place target = gf_place_next(x);
    struct range range = {
        .by = GF_ZSET_BY_RANK, .any = true, .stores = true, .limit = -1, .place = gf_place_next(x)};
    struct gf_zset zset;
    struct gf_zset copy;

    range_read(x->args, &range);
    if (!gf_args_finish(x->args, x->reply) || !gf_zset_open(x, &range.place, &zset))
        return;
    gf_zset_init(x, &copy);
    if (range_copy(x, &range, &zset, &copy)) {
        gf_zset_store_result(x, &target, &copy, "zrangestore");
        return;
    }
    gf_zset_deinit(&copy);
    gf_reply_error(x->reply, GF_MSG_OOM);
}

/* clang-format off */

static const struct gf_history zrange_history[] = {
    {.since = "6.2.0", .what = "REV, BYSCORE, BYLEX and LIMIT."},
};

static const struct gf_key_spec zrangestore_keys[] = {
    {.flags = GF_KEY_OW | GF_KEY_UPDATE, .begin_index = 1, .last = 0, .step = 1},
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 2, .last = 0, .step = 1},
};

static const struct gf_history zrangebyscore_history[] = {
    {.since = "2.0.0", .what = "WITHSCORES."},
};

static const struct gf_history zrevrangebyscore_history[] = {
    {.since = "2.1.6", .what = "`min` and `max` can be exclusive."},
};

static const struct gf_command commands[] = {
    {
        .name = "ZRANGE", .run = zrange,
        .flags = GF_READ | GF_SLICED, .arity = -4,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .history = zrange_history, .history_count = GF_COUNT(zrange_history),
        .since = "1.2.0", .group = "sorted-set",
        .complexity = "O(log N + M), N = members of the sorted set, M = members answered",
        .summary = "The members from one rank, score or name to another.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "start", .type = GF_ARG_STRING},
                {.name = "stop", .type = GF_ARG_STRING},
                {.name = "sortby", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 .since = "6.2.0",
                 GF_ARGS({.name = "byscore", .type = GF_ARG_TOKEN, .token = "BYSCORE"},
                         {.name = "bylex", .type = GF_ARG_TOKEN, .token = "BYLEX"})},
                {.name = "rev", .type = GF_ARG_TOKEN, .token = "REV", .flags = GF_ARG_OPTIONAL,
                 .since = "6.2.0"},
                {.name = "offset_count", .type = GF_ARG_BLOCK, .token = "LIMIT",
                 .flags = GF_ARG_OPTIONAL, .since = "6.2.0",
                 GF_ARGS({.name = "offset", .type = GF_ARG_INTEGER},
                         {.name = "count", .type = GF_ARG_INTEGER})},
                {.name = "withscores", .type = GF_ARG_TOKEN, .token = "WITHSCORES",
                 .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "ZRANGESTORE", .run = zrangestore,
        .flags = GF_WRITE | GF_GROWS | GF_SLICED, .arity = -5,
        .key_first = 1, .key_last = 2, .key_step = 1,
        .key_specs = zrangestore_keys, .key_specs_count = GF_COUNT(zrangestore_keys),
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(log N + M), N = members of the sorted set, M = members stored",
        .summary = "Stores the members from one rank, score or name to another as a sorted set.",
        GF_ARGS({.name = "dst", .type = GF_ARG_KEY},
                {.name = "src", .type = GF_ARG_KEY},
                {.name = "min", .type = GF_ARG_STRING},
                {.name = "max", .type = GF_ARG_STRING},
                {.name = "sortby", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "byscore", .type = GF_ARG_TOKEN, .token = "BYSCORE"},
                         {.name = "bylex", .type = GF_ARG_TOKEN, .token = "BYLEX"})},
                {.name = "rev", .type = GF_ARG_TOKEN, .token = "REV", .flags = GF_ARG_OPTIONAL},
                {.name = "offset_count", .type = GF_ARG_BLOCK, .token = "LIMIT",
                 .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "offset", .type = GF_ARG_INTEGER},
                         {.name = "count", .type = GF_ARG_INTEGER})}),
    },
    {
        .name = "ZREVRANGE", .run = zrevrange,
        .flags = GF_READ | GF_SLICED, .arity = -4,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .deprecated_since = "6.2.0",
        .replaced_by = "`ZRANGE` with the `REV` argument",
        .since = "1.2.0", .group = "sorted-set",
        .complexity = "O(log N + M), N = members of the sorted set, M = members answered",
        .summary = "The members from one rank to another, the highest score first.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "start", .type = GF_ARG_INTEGER},
                {.name = "stop", .type = GF_ARG_INTEGER},
                {.name = "withscores", .type = GF_ARG_TOKEN, .token = "WITHSCORES",
                 .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "ZRANGEBYSCORE", .run = zrangebyscore,
        .flags = GF_READ | GF_SLICED, .arity = -4,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .history = zrangebyscore_history, .history_count = GF_COUNT(zrangebyscore_history),
        .deprecated_since = "6.2.0",
        .replaced_by = "`ZRANGE` with the `BYSCORE` argument",
        .since = "1.0.5", .group = "sorted-set",
        .complexity = "O(log N + M), N = members of the sorted set, M = members answered",
        .summary = "The members from one score to another.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "min", .type = GF_ARG_DOUBLE},
                {.name = "max", .type = GF_ARG_DOUBLE},
                {.name = "withscores", .type = GF_ARG_TOKEN, .token = "WITHSCORES",
                 .flags = GF_ARG_OPTIONAL, .since = "2.0.0"},
                {.name = "offset_count", .type = GF_ARG_BLOCK, .token = "LIMIT",
                 .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "offset", .type = GF_ARG_INTEGER},
                         {.name = "count", .type = GF_ARG_INTEGER})}),
    },
    {
        .name = "ZREVRANGEBYSCORE", .run = zrevrangebyscore,
        .flags = GF_READ | GF_SLICED, .arity = -4,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .history = zrevrangebyscore_history, .history_count = GF_COUNT(zrevrangebyscore_history),
        .deprecated_since = "6.2.0",
        .replaced_by = "`ZRANGE` with the `REV` and `BYSCORE` arguments",
        .since = "2.2.0", .group = "sorted-set",
        .complexity = "O(log N + M), N = members of the sorted set, M = members answered",
        .summary = "The members from one score down to another.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "max", .type = GF_ARG_DOUBLE},
                {.name = "min", .type = GF_ARG_DOUBLE},
                {.name = "withscores", .type = GF_ARG_TOKEN, .token = "WITHSCORES",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "offset_count", .type = GF_ARG_BLOCK, .token = "LIMIT",
                 .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "offset", .type = GF_ARG_INTEGER},
                         {.name = "count", .type = GF_ARG_INTEGER})}),
    },
    {
        .name = "ZRANGEBYLEX", .run = zrangebylex,
        .flags = GF_READ | GF_SLICED, .arity = -4,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .deprecated_since = "6.2.0",
        .replaced_by = "`ZRANGE` with the `BYLEX` argument",
        .since = "2.8.9", .group = "sorted-set",
        .complexity = "O(log N + M), N = members of the sorted set, M = members answered",
        .summary = "The members from one name to another, where all scores are the same.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "min", .type = GF_ARG_STRING},
                {.name = "max", .type = GF_ARG_STRING},
                {.name = "offset_count", .type = GF_ARG_BLOCK, .token = "LIMIT",
                 .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "offset", .type = GF_ARG_INTEGER},
                         {.name = "count", .type = GF_ARG_INTEGER})}),
    },
    {
        .name = "ZREVRANGEBYLEX", .run = zrevrangebylex,
        .flags = GF_READ | GF_SLICED, .arity = -4,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .deprecated_since = "6.2.0",
        .replaced_by = "`ZRANGE` with the `REV` and `BYLEX` arguments",
        .since = "2.8.9", .group = "sorted-set",
        .complexity = "O(log N + M), N = members of the sorted set, M = members answered",
        .summary = "The members from one name down to another, where all scores are the same.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "max", .type = GF_ARG_STRING},
                {.name = "min", .type = GF_ARG_STRING},
                {.name = "offset_count", .type = GF_ARG_BLOCK, .token = "LIMIT",
                 .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "offset", .type = GF_ARG_INTEGER},
                         {.name = "count", .type = GF_ARG_INTEGER})}),
    },
};

/* clang-format on */

const struct gf_module gf_zset_range_module = {
    .abi = GF_MODULE_ABI,
    .name = "zsets_range",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
