/* How many members are below, in a range; and ranges removed. ZRANK ZREVRANK ZCOUNT ZLEXCOUNT
 * ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX.
 */
#include "core/assert.h"
#include "modules/zsets.h"
#include "modules/zsets_bounds.h"

static void rank_reply(struct gf_exec *x, bool reverse, bool with_score)
{
    struct gf_place place = {0};
    struct gf_bytes member;
    struct gf_zset zset;
    double score;

    x->args->index = 1;
    place = gf_place_next(x);
    member = gf_args_next(x->args);
    if (!gf_zset_open(x, &place, &zset))
        return;
    if (!gf_zset_score(&zset, member, &score)) {
        if (with_score)
            gf_reply_null_array(x->reply);
        else
            gf_reply_null(x->reply);
        return;
    }

    struct gf_order_bound bound = gf_order_bound_pair(score, member);
    uint64_t rank = gf_zset_below(&zset, &bound);

    if (with_score)
        gf_reply_array(x->reply, 2);
    gf_reply_int(x->reply, (int64_t)(reverse ? zset.count - 1 - rank : rank));
    if (with_score)
        gf_reply_double(x->reply, score);
}

static void rank_run(struct gf_exec *x, bool reverse)
{
    bool with_score = false;

    if (x->args->count > 4) {
        gf_reply_error_format(x->reply, GF_MSG_WRONG_ARITY,
                              gf_bytes_of(reverse ? "zrevrank" : "zrank"), GF_BYTES(""));
        return;
    }
    x->args->index = 3;
    if (gf_args_left(x->args) > 0)
        with_score = gf_args_skip_if(x->args, "WITHSCORE");
    if (gf_args_finish(x->args, x->reply))
        rank_reply(x, reverse, with_score);
}

static void zrank(struct gf_exec *x)
{
    rank_run(x, false);
}

static void zrevrank(struct gf_exec *x)
{
    rank_run(x, true);
}

static void count_run(struct gf_exec *x, enum gf_zset_by by)
{
    struct gf_place place = gf_place_next(x);
    struct gf_zset_bounds bounds;
    struct gf_zset_range range;
    struct gf_zset zset;

    gf_zset_bounds_read(x->args, by, false, &bounds);
    if (!gf_args_finish(x->args, x->reply) || !gf_zset_open(x, &place, &zset))
        return;
    range = gf_zset_bounds_find(&bounds, &zset);
    gf_reply_int(x->reply, (int64_t)range.count);
}

static void zcount(struct gf_exec *x)
{
    count_run(x, GF_ZSET_BY_SCORE);
}

static void zlexcount(struct gf_exec *x)
{
    count_run(x, GF_ZSET_BY_LEX);
}

static void remove_run(struct gf_exec *x, enum gf_zset_by by, const char *event)
{
    struct gf_place place = gf_place_next(x);
    struct gf_zset_bounds bounds;
    struct gf_zset_range range;
    struct gf_zset zset;

    gf_zset_bounds_read(x->args, by, false, &bounds);
    if (!gf_args_finish(x->args, x->reply) || !gf_zset_open(x, &place, &zset))
        return;
    range = gf_zset_bounds_find(&bounds, &zset);
    if (gf_exec_is_long(x, 4 * range.count))
        return;
    if (range.count > 0) {
        gf_zset_remove_range(&zset, range.first, range.count, &x->pace);
        gf_zset_removed(x, &zset, event);
    }
    gf_reply_int(x->reply, (int64_t)range.count);
}

static void zremrangebyrank(struct gf_exec *x)
{
    remove_run(x, GF_ZSET_BY_RANK, "zremrangebyrank");
}

static void zremrangebyscore(struct gf_exec *x)
{
    remove_run(x, GF_ZSET_BY_SCORE, "zremrangebyscore");
}

static void zremrangebylex(struct gf_exec *x)
{
    remove_run(x, GF_ZSET_BY_LEX, "zremrangebylex");
}

/* clang-format off */

static const struct gf_history rank_history[] = {
    {.since = "7.2.0", .what = "WITHSCORE."},
};

#define RANK(command, function, what)                                                             \
    {                                                                                             \
        .name = command, .run = function,                                                         \
        .flags = GF_READ | GF_FAST, .arity = -3,                                                  \
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,                               \
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,                                                   \
        .history = rank_history, .history_count = GF_COUNT(rank_history),                         \
        .since = "2.0.0", .group = "sorted-set",                                                  \
        .complexity = "O(log N), N = members of the sorted set",                                  \
        .summary = what,                                                                          \
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},                                              \
                {.name = "member", .type = GF_ARG_STRING},                                        \
                {.name = "withscore", .type = GF_ARG_TOKEN, .token = "WITHSCORE",                 \
                 .flags = GF_ARG_OPTIONAL}),                                                      \
    }
/* The bounds are what is left. */
#define REMOVE(command, function, version, what, ...)                                             \
    {                                                                                             \
        .name = command, .run = function,                                                         \
        .flags = GF_WRITE | GF_SLICED, .arity = 4,                                                \
        .key_first = 1, .key_last = 1, .key_step = 1,                                             \
        .key_flags = GF_KEY_RW | GF_KEY_DELETE,                                                   \
        .since = version, .group = "sorted-set",                                                  \
        .complexity = "O(M log N), N = members of the sorted set, M = members removed",           \
        .summary = what,                                                                          \
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, __VA_ARGS__),                                \
    }

static const struct gf_command commands[] = {
    RANK("ZRANK", zrank, "How many members are below a member."),
    RANK("ZREVRANK", zrevrank, "How many members are above a member."),
    {
        .name = "ZCOUNT", .run = zcount,
        .flags = GF_READ | GF_FAST, .arity = 4,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "2.0.0", .group = "sorted-set",
        .complexity = "O(log N), N = members of the sorted set",
        .summary = "How many members have a score in a range.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "min", .type = GF_ARG_DOUBLE},
                {.name = "max", .type = GF_ARG_DOUBLE}),
    },
    {
        .name = "ZLEXCOUNT", .run = zlexcount,
        .flags = GF_READ | GF_FAST, .arity = 4,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "2.8.9", .group = "sorted-set",
        .complexity = "O(log N), N = members of the sorted set",
        .summary = "How many members have a name in a range, where all scores are the same.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "min", .type = GF_ARG_STRING},
                {.name = "max", .type = GF_ARG_STRING}),
    },
    REMOVE("ZREMRANGEBYRANK", zremrangebyrank, "2.0.0",
           "Removes the members from one rank to another.",
           {.name = "start", .type = GF_ARG_INTEGER}, {.name = "stop", .type = GF_ARG_INTEGER}),
    REMOVE("ZREMRANGEBYSCORE", zremrangebyscore, "1.2.0",
           "Removes the members from one score to another.",
           {.name = "min", .type = GF_ARG_DOUBLE}, {.name = "max", .type = GF_ARG_DOUBLE}),
    REMOVE("ZREMRANGEBYLEX", zremrangebylex, "2.8.9",
           "Removes the members from one name to another, where all scores are the same.",
           {.name = "min", .type = GF_ARG_STRING}, {.name = "max", .type = GF_ARG_STRING}),
};

/* clang-format on */

const struct gf_module gf_zset_rank_module = {
    .abi = GF_MODULE_ABI,
    .name = "zsets_rank",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
