/* Members in no particular order: ZRANDMEMBER, ZSCAN. */
#include "core/assert.h"
#include "core/random.h"
#include "modules/scan.h"
#include "modules/zsets.h"

#define SCAN_COUNT_DEFAULT 10
#define SCAN_INTEGER_MAX 4611686018427387904.0 /* 2^62 */

/* What ZRANDMEMBER is asked for. */
struct choice {
    uint64_t count;
    bool repeats; /* a member may come more than once */
    bool with_scores;
};

static struct gf_order_pair pair_at(struct gf_zset_walk *walk, const struct gf_zset *zset,
                                    uint64_t rank)
{
    struct gf_order_pair pair = {0};
    bool found;

    gf_zset_walk_init(walk, zset, rank, 1, false);
    found = gf_zset_walk_next(walk, &pair);
    GF_ASSERT(found);
    return pair;
}

static void reply_any(struct gf_exec *x, const struct choice *choice, const struct gf_zset *zset,
                      bool nested)
{
    uint64_t seed = x->seed;
    struct gf_zset_walk walk;

    for (uint64_t i = 0; i < choice->count; i++) {
        struct gf_order_pair pair = pair_at(&walk, zset, gf_random_next(&seed) % zset->count);

        gf_zset_reply_pair(x->reply, &pair, choice->with_scores, nested);
        gf_exec_pause(x, 2);
    }
}

/* `count` different members: each of those left is taken with the probability that is needed for
 * as many as are still wanted (D. Knuth, The Art of Computer Programming, 3.4.2, algorithm S). */
static void reply_different(struct gf_exec *x, const struct choice *choice,
                            const struct gf_zset *zset, bool nested)
{
    uint64_t wanted = choice->count;
    uint64_t seed = x->seed;
    struct gf_order_pair pair;
    struct gf_zset_walk walk;

    gf_zset_walk_init(&walk, zset, 0, UINT64_MAX, false);
    for (uint64_t left = zset->count; wanted > 0 && gf_zset_walk_next(&walk, &pair); left--) {
        gf_exec_pause(x, 1);
        if (gf_random_next(&seed) % left >= wanted)
            continue;
        gf_zset_reply_pair(x->reply, &pair, choice->with_scores, nested);
        wanted--;
    }
}

#define COUNT_MAX "9223372036854775807"

static bool choice_read(struct gf_args *args, struct gf_reply *reply, struct choice *ret_choice)
{
    int64_t count = gf_args_next_i64(args);

    if (count == INT64_MIN) {
        gf_reply_error_explain(reply, GF_MSG_BETWEEN, "-" COUNT_MAX, COUNT_MAX);
        return false;
    }
    *ret_choice =
        (struct choice){.count = (uint64_t)(count < 0 ? -count : count), .repeats = count < 0};
    if (args->error == GF_MSG_NONE && gf_args_left(args) == 1)
        ret_choice->with_scores = gf_args_skip_if(args, "WITHSCORES");
    if (gf_args_left(args) > 0)
        gf_args_fail(args, GF_MSG_SYNTAX);
    if (ret_choice->with_scores && ret_choice->count > INT64_MAX / 2)
        gf_args_fail(args, GF_MSG_OUT_OF_RANGE);
    return gf_args_ok(args, reply);
}

static void random_many(struct gf_exec *x, const struct gf_place *place)
{
    struct choice choice;
    struct gf_zset zset;
    bool nested;

    if (!choice_read(x->args, x->reply, &choice) || !gf_zset_open(x, place, &zset))
        return;
    if (zset.count == 0)
        choice.count = 0;
    if (!choice.repeats && choice.count > zset.count)
        choice.count = zset.count;
    if (gf_exec_is_long(x, choice.repeats ? choice.count : zset.count))
        return;
    nested = choice.with_scores && x->reply->resp == 3;
    gf_reply_array(x->reply, choice.with_scores && !nested ? choice.count * 2 : choice.count);
    if (choice.repeats)
        reply_any(x, &choice, &zset, nested);
    else
        reply_different(x, &choice, &zset, nested);
}

static void zrandmember(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct gf_zset_walk walk;
    struct gf_zset zset;

    if (gf_args_left(x->args) > 0) {
        random_many(x, &place);
        return;
    }
    if (!gf_zset_open(x, &place, &zset))
        return;
    if (zset.count == 0) {
        gf_reply_null(x->reply);
    } else {
        uint64_t seed = x->seed;
        uint64_t rank = gf_random_next(&seed) % zset.count;

        gf_reply_bulk(x->reply, pair_at(&walk, &zset, rank).member);
    }
}

/* One call of ZSCAN. The cursor is answered in front of the pairs and is known after them, so a big
 * one is scanned twice: for the cursor, and for the pairs. */
struct scan {
    struct gf_bytes pattern;
    bool all;   /* no pattern */
    bool small; /* the form of what is scanned */
    uint64_t count;
    struct gf_reply *reply; /* NULL: the first time */
    uint64_t found;
};

static bool scan_wants(const struct scan *scan, struct gf_bytes member)
{
    return scan->all || gf_bytes_match(scan->pattern, member, false);
}

static void scan_pair(struct scan *scan, struct gf_bytes member, double score)
{
    /* Of a small one, every integer is answered as one, however great. */
    bool is_integer =
        score > -SCAN_INTEGER_MAX && score < SCAN_INTEGER_MAX && score == (double)(int64_t)score;

    if (!scan_wants(scan, member))
        return;
    gf_reply_bulk(scan->reply, member);
    if (scan->small && is_integer)
        gf_reply_bulk_int(scan->reply, (int64_t)score);
    else
        gf_reply_double_text(scan->reply, score);
    scan->found++;
}

static void scan_visit(void *context, const struct gf_dict_entry *entry)
{
    struct scan *scan = context;
    char text[GF_PACKED_TEXT_MAX];

    if (scan->reply != NULL)
        scan_pair(scan, gf_packed_text(&entry->key, text), entry->score);
}

static void scan_small(struct scan *scan, const struct gf_zset *zset)
{
    struct gf_order_pair pair;
    struct gf_zset_walk walk;

    gf_zset_walk_init(&walk, zset, 0, UINT64_MAX, false);
    while (gf_zset_walk_next(&walk, &pair))
        scan_pair(scan, pair.member, pair.score);
}

static void scan_reply(struct gf_exec *x, struct scan *scan, const struct gf_zset *zset,
                       uint64_t cursor)
{
    uint64_t next = 0;
    struct gf_reply_open open;
    char text[GF_I64_TEXT_MAX];

    scan->small = zset->tree == NULL;
    if (zset->tree != NULL)
        next = gf_dict_scan(&zset->tree->scores, cursor, scan->count, scan_visit, scan);
    scan->reply = x->reply;
    gf_reply_array(x->reply, 2);
    gf_reply_bulk(x->reply, (struct gf_bytes){.data = text, .size = gf_u64_format(text, next)});
    open = gf_reply_array_open(x->reply);
    if (zset->tree != NULL)
        (void)gf_dict_scan(&zset->tree->scores, cursor, scan->count, scan_visit, scan);
    else if (zset->count > 0)
        scan_small(scan, zset);
    gf_reply_close(x->reply, open, scan->found * 2);
}

static void scan_options_read(struct gf_args *args, struct scan *scan)
{
    while (gf_args_left(args) > 1 && args->error == GF_MSG_NONE) {
        if (gf_args_skip_if(args, "COUNT")) {
            scan->count = (uint64_t)gf_args_next_range(args, 1, INT64_MAX, GF_MSG_SYNTAX);
        } else if (gf_args_skip_if(args, "MATCH")) {
            scan->pattern = gf_args_next(args);
            scan->all = gf_bytes_equal(scan->pattern, GF_BYTES("*"));
        } else {
            break;
        }
    }
}

static void zscan(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct scan scan = {.all = true, .count = SCAN_COUNT_DEFAULT};
    struct gf_zset zset;
    uint64_t cursor;

    if (!gf_scan_cursor_parse(gf_args_next(x->args), &cursor)) {
        gf_reply_error(x->reply, GF_MSG_INVALID_CURSOR);
        return;
    }
    if (!gf_zset_open(x, &place, &zset))
        return;
    if (zset.count > 0) { /* Redis looks at the options of a scan of nothing no further */
        scan_options_read(x->args, &scan);
        if (!gf_args_finish(x->args, x->reply))
            return;
    }
    scan_reply(x, &scan, &zset, cursor);
}

/* clang-format off */

static const struct gf_command commands[] = {
    {
        .name = "ZRANDMEMBER", .run = zrandmember,
        .flags = GF_READ | GF_SLICED, .arity = -2,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .tips = "nondeterministic_output",
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(M log N), N = members of the sorted set, M = members answered",
        .summary = "Some members, chosen at random.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "options", .type = GF_ARG_BLOCK, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "count", .type = GF_ARG_INTEGER},
                         {.name = "withscores", .type = GF_ARG_TOKEN, .token = "WITHSCORES",
                          .flags = GF_ARG_OPTIONAL})}),
    },
    {
        .name = "ZSCAN", .run = zscan,
        .flags = GF_READ, .arity = -3,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .tips = "nondeterministic_output",
        .since = "2.8.0", .group = "sorted-set",
        .complexity = "O(COUNT) for a call, O(N) for all of them; N = members of the sorted set",
        .summary = "Some members with their scores, and a cursor to get the next ones with.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "cursor", .type = GF_ARG_INTEGER},
                {.name = "pattern", .type = GF_ARG_PATTERN, .token = "MATCH",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "count", .type = GF_ARG_INTEGER, .token = "COUNT",
                 .flags = GF_ARG_OPTIONAL}),
    },
};

/* clang-format on */

const struct gf_module gf_zset_random_module = {
    .abi = GF_MODULE_ABI,
    .name = "zsets_random",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
