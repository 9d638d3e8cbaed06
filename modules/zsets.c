/* Sorted sets: members and their scores. ZADD ZINCRBY ZREM ZSCORE ZMSCORE ZCARD. */
#include "modules/zsets.h"

#include <string.h>

#include "core/assert.h"

/* What ZADD's words in front of the scores say. */
struct zadd_options {
    uint32_t flags; /* enum gf_zset_flag */
    bool changed;   /* CH: count what changed, too */
};

/* The options that exclude each other. */
static void zadd_options_check(struct gf_args *args, uint32_t flags)
{
    bool nx = flags & GF_ZSET_NX;
    bool gt = flags & GF_ZSET_GT;
    bool lt = flags & GF_ZSET_LT;
    uint32_t words = gf_args_left(args);

    if (words == 0 || words % 2 != 0)
        gf_args_fail(args, GF_MSG_SYNTAX);
    if (nx && (flags & GF_ZSET_XX))
        gf_args_fail(args, GF_MSG_ZADD_NX_XX);
    if ((nx && gt) || (nx && lt) || (gt && lt))
        gf_args_fail(args, GF_MSG_ZADD_GT_LT_NX);
    if ((flags & GF_ZSET_INCR) && words > 2)
        gf_args_fail(args, GF_MSG_ZADD_INCR_PAIR);
}

/* Whether the next word begins like one of them: few scores do. */
static bool option_is_likely(const struct gf_args *args)
{
    struct gf_bytes word;

    if (gf_args_left(args) == 0)
        return false;
    word = args->words[args->index];
    return word.size > 0 && memchr("NnXxGgLlIiCc", word.data[0], 12);
}

static void zadd_options_read(struct gf_args *args, uint32_t flags,
                              struct zadd_options *ret_options)
{
    struct zadd_options options = {.flags = flags};

    while (option_is_likely(args)) {
        if (gf_args_skip_if(args, "NX"))
            options.flags |= GF_ZSET_NX;
        else if (gf_args_skip_if(args, "XX"))
            options.flags |= GF_ZSET_XX;
        else if (gf_args_skip_if(args, "GT"))
            options.flags |= GF_ZSET_GT;
        else if (gf_args_skip_if(args, "LT"))
            options.flags |= GF_ZSET_LT;
        else if (gf_args_skip_if(args, "INCR"))
            options.flags |= GF_ZSET_INCR;
        else if (gf_args_skip_if(args, "CH"))
            options.changed = true;
        else
            break;
    }
    zadd_options_check(args, options.flags);
    *ret_options = options;
}

/* Every score is a number: only then anything is added. Goes back to the first, and returns it. */
static double scores_check(struct gf_args *args)
{
    uint32_t begin = args->index;
    double first = gf_args_next_double(args);

    (void)gf_args_next(args);
    while (gf_args_left(args) > 0 && args->error == GF_MSG_NONE) {
        (void)gf_args_next_double(args);
        (void)gf_args_next(args);
    }
    args->index = begin;
    return first;
}

/* What adding the pairs of a command line came to. */
struct zadd_result {
    uint64_t added;
    uint64_t changed;
    enum gf_zset_added last;
    double score; /* of the last pair */
};

/* The words that are left are scores and members; `first` is the first score, read already. */
static void zadd_pairs(struct gf_exec *x, struct gf_zset *zset, uint32_t flags, double first,
                       struct zadd_result *ret_result)
{
    struct zadd_result result = {.last = GF_ZSET_SAME, .score = first};
    uint32_t begin = x->args->index;

    while (gf_args_left(x->args) > 0 && result.last != GF_ZSET_NO_MEMORY) {
        if (x->args->index == begin)
            (void)gf_args_next(x->args);
        else
            result.score = gf_args_next_double(x->args);
        result.last = gf_zset_add(zset, gf_args_next(x->args), flags, &result.score);
        result.added += result.last == GF_ZSET_ADDED;
        result.changed += result.last == GF_ZSET_CHANGED;
    }
    *ret_result = result;
}

static void zadd_reply(struct gf_exec *x, const struct zadd_options *options,
                       const struct zadd_result *result)
{
    if (result->last == GF_ZSET_NAN)
        gf_reply_error(x->reply, GF_MSG_SCORE_NAN);
    else if (result->last == GF_ZSET_NO_MEMORY)
        gf_reply_error(x->reply, GF_MSG_OOM);
    else if (!(options->flags & GF_ZSET_INCR))
        gf_reply_int(x->reply, (int64_t)(result->added + (options->changed ? result->changed : 0)));
    else if (result->last == GF_ZSET_REFUSED)
        gf_reply_null(x->reply);
    else
        gf_reply_double(x->reply, result->score);
}

/* The pairs that are left, once they are known to be good. */
static void zadd_run(struct gf_exec *x, const struct gf_place *place,
                     const struct zadd_options *options, double first)
{
    struct zadd_result result;
    struct gf_zset zset;

    if (!gf_zset_open(x, place, &zset))
        return;
    zadd_pairs(x, &zset, options->flags, first, &result);
    if (!gf_zset_finish(x, &zset))
        return;
    if (result.added + result.changed > 0)
        gf_exec_changed(x, x->db, place->key, GF_EVENT_ZSET,
                        options->flags & GF_ZSET_INCR ? "zincr" : "zadd");
    zadd_reply(x, options, &result);
}

static void add_command(struct gf_exec *x, uint32_t flags)
{
    struct gf_place place = gf_place_next(x);
    struct zadd_options options;
    double first;

    zadd_options_read(x->args, flags, &options);
    first = scores_check(x->args);
    if (gf_args_ok(x->args, x->reply))
        zadd_run(x, &place, &options, first);
}

static void zadd(struct gf_exec *x)
{
    add_command(x, 0);
}

/* ZADD with INCR, to the mistakes that it finds: a score "NX" is an option. */
static void zincrby(struct gf_exec *x)
{
    add_command(x, GF_ZSET_INCR);
}

static void zrem(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct gf_zset zset;
    int64_t removed = 0;

    if (!gf_zset_open(x, &place, &zset))
        return;
    while (gf_args_left(x->args) > 0 && zset.count > 0)
        removed += gf_zset_remove(&zset, gf_args_next(x->args));
    if (removed > 0)
        gf_zset_removed(x, &zset, "zrem");
    gf_reply_int(x->reply, removed);
}

static void zcard(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct gf_zset zset;

    if (gf_zset_open(x, &place, &zset))
        gf_reply_int(x->reply, (int64_t)zset.count);
}

/* The score of the next word, or null. */
static void reply_score(struct gf_exec *x, const struct gf_zset *zset)
{
    double score;

    if (gf_zset_score(zset, gf_args_next(x->args), &score))
        gf_reply_double(x->reply, score);
    else
        gf_reply_null(x->reply);
}

static void zscore(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct gf_zset zset;

    if (gf_zset_open(x, &place, &zset))
        reply_score(x, &zset);
}

static void zmscore(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct gf_zset zset;

    if (!gf_zset_open(x, &place, &zset))
        return;
    gf_reply_array(x->reply, gf_args_left(x->args));
    while (gf_args_left(x->args) > 0)
        reply_score(x, &zset);
}

/* clang-format off */

static const struct gf_history zadd_history[] = {
    {.since = "2.4.0", .what = "Several members at once."},
    {.since = "3.0.2", .what = "XX, NX, CH and INCR."},
    {.since = "6.2.0", .what = "GT and LT."},
};

static const struct gf_history zrem_history[] = {
    {.since = "2.4.0", .what = "Several members at once."},
};

static const struct gf_command commands[] = {
    {
        .name = "ZADD", .run = zadd,
        .flags = GF_WRITE | GF_GROWS | GF_FAST, .arity = -4,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 3,
        .key_flags = GF_KEY_RW | GF_KEY_UPDATE,
        .history = zadd_history, .history_count = GF_COUNT(zadd_history),
        .since = "1.2.0", .group = "sorted-set",
        .complexity = "O(log N) per member, N = members of the sorted set",
        .summary = "Gives members their scores; adds those that are not there.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "condition", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 .since = "3.0.2",
                 GF_ARGS({.name = "nx", .type = GF_ARG_TOKEN, .token = "NX"},
                         {.name = "xx", .type = GF_ARG_TOKEN, .token = "XX"})},
                {.name = "comparison", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 .since = "6.2.0",
                 GF_ARGS({.name = "gt", .type = GF_ARG_TOKEN, .token = "GT"},
                         {.name = "lt", .type = GF_ARG_TOKEN, .token = "LT"})},
                {.name = "change", .type = GF_ARG_TOKEN, .token = "CH",
                 .flags = GF_ARG_OPTIONAL, .since = "3.0.2"},
                {.name = "increment", .type = GF_ARG_TOKEN, .token = "INCR",
                 .flags = GF_ARG_OPTIONAL, .since = "3.0.2"},
                {.name = "score_member", .type = GF_ARG_BLOCK, .flags = GF_ARG_MULTIPLE,
                 GF_ARGS({.name = "score", .type = GF_ARG_DOUBLE},
                         {.name = "member", .type = GF_ARG_STRING})}),
    },
    {
        .name = "ZINCRBY", .run = zincrby,
        .flags = GF_WRITE | GF_GROWS | GF_FAST, .arity = 4,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 3,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE,
        .since = "1.2.0", .group = "sorted-set",
        .complexity = "O(log N), N = members of the sorted set",
        .summary = "Adds to the score of a member.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "increment", .type = GF_ARG_INTEGER},
                {.name = "member", .type = GF_ARG_STRING}),
    },
    {
        .name = "ZREM", .run = zrem,
        .flags = GF_WRITE | GF_FAST, .arity = -3,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,
        .key_flags = GF_KEY_RW | GF_KEY_DELETE,
        .history = zrem_history, .history_count = GF_COUNT(zrem_history),
        .since = "1.2.0", .group = "sorted-set",
        .complexity = "O(log N) per member, N = members of the sorted set",
        .summary = "Removes members.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "member", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "ZCARD", .run = zcard,
        .flags = GF_READ | GF_FAST, .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO,
        .since = "1.2.0", .group = "sorted-set",
        .complexity = "O(1)",
        .summary = "How many members a sorted set has.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "ZSCORE", .run = zscore,
        .flags = GF_READ | GF_FAST, .arity = 3,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "1.2.0", .group = "sorted-set",
        .complexity = "O(1)",
        .summary = "The score of a member.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "member", .type = GF_ARG_STRING}),
    },
    {
        .name = "ZMSCORE", .run = zmscore,
        .flags = GF_READ | GF_FAST, .arity = -3,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(1) per member",
        .summary = "The scores of several members.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "member", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE}),
    },
};

/* clang-format on */

const struct gf_module gf_zsets_module = {
    .abi = GF_MODULE_ABI,
    .name = "zsets",
    .type = &gf_zset_type,
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
