/* Several sorted sets as one: ZUNION ZINTER ZDIFF, what stores them, and ZINTERCARD.
 *
 * A plain set is taken for a sorted set whose scores are all 1. What comes out is first gathered in
 * a table from members to scores, and put in order once it is complete. Unions and intersections
 * begin with the smallest set, as in Redis: sums of floating-point numbers depend on their order.
 */
#include <stdlib.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/registry.h"
#include "modules/sets.h"
#include "modules/zsets.h"

enum operation { UNION, INTER, DIFF };

enum aggregate { AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX };

/* One of the sets. */
struct source {
    const struct gf_object *object; /* borrowed; NULL: there is none */
    bool is_set;                    /* a plain one */
    struct gf_zset zset;            /* for reading, unless it is a plain one */
    uint64_t count;
    double weight;
    uint32_t index; /* in the command line */
};

/* A command line, read. */
struct combination {
    enum operation operation;
    bool stores;
    bool counts; /* ZINTERCARD */
    bool with_scores;
    enum aggregate aggregate;
    uint64_t limit; /* of ZINTERCARD; 0 = none */
    struct gf_place target;
    struct source *sources; /* owned */
    uint32_t sources_count;
    struct gf_pace *pace; /* borrowed */
};

/* Members of a source, with their scores. */
struct source_walk {
    const struct source *source;
    struct gf_zset_walk zset;
    struct gf_set_walk set;
    char text[GF_PACKED_TEXT_MAX];
};

static void walk_init(struct source_walk *walk, const struct source *source)
{
    walk->source = source;
    if (source->is_set)
        gf_set_walk_init(&walk->set, source->object);
    else
        gf_zset_walk_init(&walk->zset, &source->zset, 0, UINT64_MAX, false);
}

static bool walk_next(struct source_walk *walk, struct gf_order_pair *ret_pair)
{
    struct gf_packed_view view;

    if (!walk->source->is_set)
        return gf_zset_walk_next(&walk->zset, ret_pair);
    if (!gf_set_walk_next(&walk->set, &view))
        return false;
    *ret_pair = (struct gf_order_pair){.score = 1, .member = gf_packed_text(&view, walk->text)};
    return true;
}

static bool source_score(const struct source *source, struct gf_bytes member, double *ret_score)
{
    if (!source->is_set)
        return source->count > 0 && gf_zset_score(&source->zset, member, ret_score);
    *ret_score = 1;
    return gf_set_has(source->object, member);
}

/* inf * 0 and inf - inf count as 0. */
static double number_or_zero(double value)
{
    return value != value ? 0 : value;
}

static double aggregate(enum aggregate how, double a, double b)
{
    switch (how) {
    case AGGREGATE_SUM:
        return number_or_zero(a + b);
    case AGGREGATE_MIN:
        return b < a ? b : a;
    case AGGREGATE_MAX:
        return b > a ? b : a;
    }
    gf_panic(__FILE__, __LINE__, "a way to aggregate");
}

static bool gather(struct gf_dict *result, struct gf_bytes member, double score)
{
    struct gf_dict_draft draft = {.score = score};

    return gf_dict_put(result, member, &draft, NULL) != GF_DICT_NO_MEMORY;
}

/* Everything of one source of a union; false when there is no memory. */
static bool union_add(const struct combination *c, const struct source *source,
                      struct gf_dict *result)
{
    struct source_walk walk;
    struct gf_order_pair pair;

    walk_init(&walk, source);
    while (walk_next(&walk, &pair)) {
        double score = number_or_zero(source->weight * pair.score);
        struct gf_dict_entry entry;

        if (gf_dict_find(result, pair.member, &entry))
            score = aggregate(c->aggregate, entry.score, score);
        if (!gather(result, pair.member, score))
            return false;
        gf_pace_step(c->pace, 2);
    }
    return true;
}

static bool run_union(const struct combination *c, struct gf_dict *result)
{
    for (uint32_t i = 0; i < c->sources_count; i++) {
        if (!union_add(c, &c->sources[i], result))
            return false;
    }
    return true;
}

/* Is a member of the first source in all others, and with what score? */
static bool inter_score(const struct combination *c, struct gf_bytes member, double *score)
{
    *score = number_or_zero(c->sources[0].weight * *score);
    for (uint32_t i = 1; i < c->sources_count; i++) {
        double other;

        if (!source_score(&c->sources[i], member, &other))
            return false;
        *score = aggregate(c->aggregate, *score, c->sources[i].weight * other);
    }
    return true;
}

static bool run_inter(const struct combination *c, struct gf_dict *result)
{
    struct source_walk walk;
    struct gf_order_pair pair;

    walk_init(&walk, &c->sources[0]);
    while (walk_next(&walk, &pair)) {
        if (inter_score(c, pair.member, &pair.score) && !gather(result, pair.member, pair.score))
            return false;
        gf_pace_step(c->pace, c->sources_count);
    }
    return true;
}

static bool is_in_others(const struct combination *c, struct gf_bytes member)
{
    double score;

    for (uint32_t i = 1; i < c->sources_count; i++) {
        if (source_score(&c->sources[i], member, &score))
            return true;
    }
    return false;
}

static bool run_diff(const struct combination *c, struct gf_dict *result)
{
    struct source_walk walk;
    struct gf_order_pair pair;

    walk_init(&walk, &c->sources[0]);
    while (walk_next(&walk, &pair)) {
        if (!is_in_others(c, pair.member) && !gather(result, pair.member, pair.score))
            return false;
        gf_pace_step(c->pace, c->sources_count);
    }
    return true;
}

static bool run_operation(const struct combination *c, struct gf_dict *result)
{
    switch (c->operation) {
    case UNION:
        return run_union(c, result);
    case INTER:
        return run_inter(c, result);
    case DIFF:
        return run_diff(c, result);
    }
    gf_panic(__FILE__, __LINE__, "an operation");
}

static int sources_compare(const void *a, const void *b)
{
    const struct source *left = a;
    const struct source *right = b;

    if (left->count != right->count)
        return left->count < right->count ? -1 : 1;
    return left->index < right->index ? -1 : 1;
}

/* The set under the next key; false for another type. */
static bool source_open(struct gf_exec *x, struct source *ret_source)
{
    struct gf_place place = gf_place_next(x);
    struct gf_object *object = gf_place_find(x, &place);

    *ret_source = (struct source){.object = object, .weight = 1};
    if (object == NULL)
        return true;
    if (gf_object_type(object) == GF_TYPE_SET) {
        ret_source->is_set = true;
        ret_source->count = gf_set_count(object);
        return true;
    }
    if (gf_object_type(object) != GF_TYPE_ZSET)
        return false;
    ret_source->zset = gf_zset_of(object);
    ret_source->count = ret_source->zset.count;
    return true;
}

/* How many keys follow: no more than there are words. Remembers mistakes. */
static uint32_t sources_count_read(struct gf_exec *x)
{
    int64_t count = gf_args_next_i64(x->args);

    if (x->args->error != GF_MSG_NONE)
        return 0;
    if (count < 1)
        gf_args_fail(x->args, GF_MSG_KEYS_NEEDED);
    if (count > (int64_t)gf_args_left(x->args))
        gf_args_fail(x->args, GF_MSG_SYNTAX);
    return x->args->error == GF_MSG_NONE ? (uint32_t)count : 0;
}

/* The keys, and what is under them. False when the error was answered. */
static bool sources_read(struct gf_exec *x, struct combination *c)
{
    uint32_t count = sources_count_read(x);

    if (!gf_args_ok(x->args, x->reply))
        return false;
    c->sources = gf_alloc_try(GF_MEMORY_OTHER, count * sizeof(*c->sources));
    if (c->sources == NULL) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return false;
    }
    for (; c->sources_count < count; c->sources_count++) {
        if (!source_open(x, &c->sources[c->sources_count])) {
            gf_reply_error(x->reply, GF_MSG_WRONGTYPE);
            return false;
        }
        c->sources[c->sources_count].index = c->sources_count;
    }
    return true;
}

static void weights_read(struct gf_args *args, struct combination *c)
{
    for (uint32_t i = 0; i < c->sources_count; i++) {
        if (!gf_bytes_parse_double(gf_args_next(args), &c->sources[i].weight))
            gf_args_fail(args, GF_MSG_WEIGHT_FLOAT);
    }
}

static void aggregate_read(struct gf_args *args, struct combination *c)
{
    if (gf_args_skip_if(args, "SUM"))
        c->aggregate = AGGREGATE_SUM;
    else if (gf_args_skip_if(args, "MIN"))
        c->aggregate = AGGREGATE_MIN;
    else if (gf_args_skip_if(args, "MAX"))
        c->aggregate = AGGREGATE_MAX;
    else
        gf_args_fail(args, GF_MSG_SYNTAX);
}

static bool options_read(struct gf_exec *x, struct combination *c)
{
    struct gf_args *args = x->args;
    bool weighs = c->operation != DIFF && !c->counts;

    while (gf_args_left(args) > 0 && args->error == GF_MSG_NONE) {
        if (weighs && gf_args_left(args) > c->sources_count && gf_args_skip_if(args, "WEIGHTS"))
            weights_read(args, c);
        else if (weighs && gf_args_left(args) > 1 && gf_args_skip_if(args, "AGGREGATE"))
            aggregate_read(args, c);
        else if (!c->stores && !c->counts && gf_args_skip_if(args, "WITHSCORES"))
            c->with_scores = true;
        else if (c->counts && gf_args_left(args) > 1 && gf_args_skip_if(args, "LIMIT"))
            c->limit = (uint64_t)gf_args_next_within(args, 0, INT64_MAX, GF_MSG_LIMIT_NEGATIVE);
        else
            gf_args_fail(args, GF_MSG_SYNTAX);
    }
    return gf_args_ok(args, x->reply);
}

static void reply_result(struct gf_exec *x, const struct combination *c, const struct gf_zset *zset)
{
    bool nested = c->with_scores && x->reply->resp == 3;
    struct gf_order_pair pair;
    struct gf_zset_walk walk;

    gf_reply_array(x->reply, c->with_scores && !nested ? zset->count * 2 : zset->count);
    gf_zset_walk_init(&walk, zset, 0, UINT64_MAX, false);
    while (gf_zset_walk_next(&walk, &pair)) {
        gf_zset_reply_pair(x->reply, &pair, c->with_scores, nested);
        gf_exec_pause(x, 1);
    }
}

/* Gathered, put in order, and answered or stored. */
static void combination_finish(struct gf_exec *x, const struct combination *c)
{
    static const char *const events[] = {
        [UNION] = "zunionstore", [INTER] = "zinterstore", [DIFF] = "zdiffstore"};
    struct gf_dict result;
    struct gf_zset zset;

    gf_zset_init(x, &zset);
    zset.keeps_sign = !c->stores;
    gf_dict_init(&result, GF_DICT_SCORES, zset.hash_seed);
    if (!run_operation(c, &result) || !gf_zset_fill(&zset, &result, c->pace)) {
        gf_dict_deinit(&result);
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    if (c->stores) {
        gf_zset_store_result(x, &c->target, &zset, events[c->operation]);
    } else {
        reply_result(x, c, &zset);
        if (zset.tree != NULL)
            gf_keyspace_retire(x->keyspace, GF_TYPE_ZSET, zset.tree);
        else
            gf_zset_deinit(&zset);
    }
}

static void reply_count(struct gf_exec *x, const struct combination *c)
{
    struct source_walk walk;
    struct gf_order_pair pair;
    uint64_t count = 0;

    walk_init(&walk, &c->sources[0]);
    while ((c->limit == 0 || count < c->limit) && walk_next(&walk, &pair)) {
        count += inter_score(c, pair.member, &pair.score);
        gf_pace_step(c->pace, c->sources_count);
    }
    gf_reply_int(x->reply, (int64_t)count);
}

static void combine(struct gf_exec *x, struct combination *c, const char *name)
{
    x->args->error_name = name;
    c->pace = &x->pace;
    if (c->stores)
        c->target = gf_place_next(x);
    if (sources_read(x, c) && options_read(x, c)) {
        if (c->operation != DIFF)
            qsort(c->sources, c->sources_count, sizeof(*c->sources), sources_compare);
        if (c->counts)
            reply_count(x, c);
        else
            combination_finish(x, c);
    }
    gf_free(GF_MEMORY_OTHER, c->sources);
}

static void zunion(struct gf_exec *x)
{
    combine(x, &(struct combination){.operation = UNION}, "zunion");
}

static void zinter(struct gf_exec *x)
{
    combine(x, &(struct combination){.operation = INTER}, "zinter");
}

static void zdiff(struct gf_exec *x)
{
    combine(x, &(struct combination){.operation = DIFF}, "zdiff");
}

static void zunionstore(struct gf_exec *x)
{
    combine(x, &(struct combination){.operation = UNION, .stores = true}, "zunionstore");
}

static void zinterstore(struct gf_exec *x)
{
    combine(x, &(struct combination){.operation = INTER, .stores = true}, "zinterstore");
}

static void zdiffstore(struct gf_exec *x)
{
    combine(x, &(struct combination){.operation = DIFF, .stores = true}, "zdiffstore");
}

static void zintercard(struct gf_exec *x)
{
    combine(x, &(struct combination){.operation = INTER, .counts = true}, "zintercard");
}

static uint32_t read_keys_find(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                               uint32_t max)
{
    return gf_command_counted_keys(words, count, 1, ret_indexes, max);
}

/* The target, and those that a number counts. */
static uint32_t store_keys_find(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                                uint32_t max)
{
    uint32_t found = gf_command_counted_keys(words, count, 2, max > 0 ? ret_indexes + 1 : NULL,
                                             max > 0 ? max - 1 : 0);

    if (found == 0)
        return 0;
    if (max > 0)
        ret_indexes[0] = 1;
    return found + 1;
}

/* clang-format off */

static const struct gf_key_spec zunion_keys[] = {
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 1, .counted = true, .step = 1},
};

static const struct gf_key_spec zinter_keys[] = {
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 1, .counted = true, .step = 1},
};

static const struct gf_key_spec zdiff_keys[] = {
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 1, .counted = true, .step = 1},
};

static const struct gf_key_spec zunionstore_keys[] = {
    {.flags = GF_KEY_OW | GF_KEY_UPDATE, .begin_index = 1, .last = 0, .step = 1},
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 2, .counted = true, .step = 1},
};

static const struct gf_key_spec zinterstore_keys[] = {
    {.flags = GF_KEY_OW | GF_KEY_UPDATE, .begin_index = 1, .last = 0, .step = 1},
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 2, .counted = true, .step = 1},
};

static const struct gf_key_spec zdiffstore_keys[] = {
    {.flags = GF_KEY_OW | GF_KEY_UPDATE, .begin_index = 1, .last = 0, .step = 1},
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 2, .counted = true, .step = 1},
};

static const struct gf_key_spec zintercard_keys[] = {
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 1, .counted = true, .step = 1},
};

static const struct gf_command commands[] = {
    {
        .name = "ZUNION", .run = zunion,
        .flags = GF_READ | GF_MOVABLE | GF_SLICED, .arity = -3,
        .find_keys = read_keys_find,
        .key_specs = zunion_keys, .key_specs_count = GF_COUNT(zunion_keys),
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(N + M log M), N = members of all sets, M = of the union",
        .summary = "The members of any of several sets, with their scores added up.",
        GF_ARGS({.name = "numkeys", .type = GF_ARG_INTEGER},
                {.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE},
                {.name = "weight", .type = GF_ARG_INTEGER, .token = "WEIGHTS",
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE},
                {.name = "aggregate", .type = GF_ARG_ONEOF, .token = "AGGREGATE",
                 .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "sum", .type = GF_ARG_TOKEN, .token = "SUM"},
                         {.name = "min", .type = GF_ARG_TOKEN, .token = "MIN"},
                         {.name = "max", .type = GF_ARG_TOKEN, .token = "MAX"})},
                {.name = "withscores", .type = GF_ARG_TOKEN, .token = "WITHSCORES",
                 .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "ZINTER", .run = zinter,
        .flags = GF_READ | GF_MOVABLE | GF_SLICED, .arity = -3,
        .find_keys = read_keys_find,
        .key_specs = zinter_keys, .key_specs_count = GF_COUNT(zinter_keys),
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(N K + M log M), N = members of the smallest of K sets, M = of all",
        .summary = "The members that all of several sets have, with their scores added up.",
        GF_ARGS({.name = "numkeys", .type = GF_ARG_INTEGER},
                {.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE},
                {.name = "weight", .type = GF_ARG_INTEGER, .token = "WEIGHTS",
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE},
                {.name = "aggregate", .type = GF_ARG_ONEOF, .token = "AGGREGATE",
                 .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "sum", .type = GF_ARG_TOKEN, .token = "SUM"},
                         {.name = "min", .type = GF_ARG_TOKEN, .token = "MIN"},
                         {.name = "max", .type = GF_ARG_TOKEN, .token = "MAX"})},
                {.name = "withscores", .type = GF_ARG_TOKEN, .token = "WITHSCORES",
                 .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "ZDIFF", .run = zdiff,
        .flags = GF_READ | GF_MOVABLE | GF_SLICED, .arity = -3,
        .find_keys = read_keys_find,
        .key_specs = zdiff_keys, .key_specs_count = GF_COUNT(zdiff_keys),
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(N K + M log M), N = members of the first of K sets, M = of the difference",
        .summary = "The members of the first set that no other one has.",
        GF_ARGS({.name = "numkeys", .type = GF_ARG_INTEGER},
                {.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE},
                {.name = "withscores", .type = GF_ARG_TOKEN, .token = "WITHSCORES",
                 .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "ZUNIONSTORE", .run = zunionstore,
        .flags = GF_WRITE | GF_GROWS | GF_MOVABLE | GF_SLICED, .arity = -4,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .find_keys = store_keys_find,
        .key_specs = zunionstore_keys, .key_specs_count = GF_COUNT(zunionstore_keys),
        .since = "2.0.0", .group = "sorted-set",
        .complexity = "O(N + M log M), N = members of all sets, M = of the union",
        .summary = "Stores what ZUNION answers.",
        GF_ARGS({.name = "destination", .type = GF_ARG_KEY},
                {.name = "numkeys", .type = GF_ARG_INTEGER},
                {.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE},
                {.name = "weight", .type = GF_ARG_INTEGER, .token = "WEIGHTS",
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE},
                {.name = "aggregate", .type = GF_ARG_ONEOF, .token = "AGGREGATE",
                 .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "sum", .type = GF_ARG_TOKEN, .token = "SUM"},
                         {.name = "min", .type = GF_ARG_TOKEN, .token = "MIN"},
                         {.name = "max", .type = GF_ARG_TOKEN, .token = "MAX"})}),
    },
    {
        .name = "ZINTERSTORE", .run = zinterstore,
        .flags = GF_WRITE | GF_GROWS | GF_MOVABLE | GF_SLICED, .arity = -4,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .find_keys = store_keys_find,
        .key_specs = zinterstore_keys, .key_specs_count = GF_COUNT(zinterstore_keys),
        .since = "2.0.0", .group = "sorted-set",
        .complexity = "O(N K + M log M), N = members of the smallest of K sets, M = of all",
        .summary = "Stores what ZINTER answers.",
        GF_ARGS({.name = "destination", .type = GF_ARG_KEY},
                {.name = "numkeys", .type = GF_ARG_INTEGER},
                {.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE},
                {.name = "weight", .type = GF_ARG_INTEGER, .token = "WEIGHTS",
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE},
                {.name = "aggregate", .type = GF_ARG_ONEOF, .token = "AGGREGATE",
                 .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "sum", .type = GF_ARG_TOKEN, .token = "SUM"},
                         {.name = "min", .type = GF_ARG_TOKEN, .token = "MIN"},
                         {.name = "max", .type = GF_ARG_TOKEN, .token = "MAX"})}),
    },
    {
        .name = "ZDIFFSTORE", .run = zdiffstore,
        .flags = GF_WRITE | GF_GROWS | GF_MOVABLE | GF_SLICED, .arity = -4,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .find_keys = store_keys_find,
        .key_specs = zdiffstore_keys, .key_specs_count = GF_COUNT(zdiffstore_keys),
        .since = "6.2.0", .group = "sorted-set",
        .complexity = "O(N K + M log M), N = members of the first of K sets, M = of the difference",
        .summary = "Stores what ZDIFF answers.",
        GF_ARGS({.name = "destination", .type = GF_ARG_KEY},
                {.name = "numkeys", .type = GF_ARG_INTEGER},
                {.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "ZINTERCARD", .run = zintercard,
        .flags = GF_READ | GF_MOVABLE | GF_SLICED, .arity = -3,
        .find_keys = read_keys_find,
        .key_specs = zintercard_keys, .key_specs_count = GF_COUNT(zintercard_keys),
        .since = "7.0.0", .group = "sorted-set",
        .complexity = "O(N K), N = members of the smallest of K sets",
        .summary = "How many members all of several sets have.",
        GF_ARGS({.name = "numkeys", .type = GF_ARG_INTEGER},
                {.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE},
                {.name = "limit", .type = GF_ARG_INTEGER, .token = "LIMIT",
                 .flags = GF_ARG_OPTIONAL}),
    },
};

/* clang-format on */

const struct gf_module gf_zset_combine_module = {
    .abi = GF_MODULE_ABI,
    .name = "zsets_combine",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
