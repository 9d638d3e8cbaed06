/* Commands over the keys of a database: KEYS SCAN RANDOMKEY DBSIZE.
 *
 * They see the keyspaces they were given, partition by partition. KEYS and DBSIZE are sums of their
 * parts. SCAN begins where its cursor points and goes on into the partitions behind it, also those
 * of other cores, until it has seen enough keys: a small database does not need a call per
 * partition.
 */
#include "modules/scan.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/random.h"
#include "modules/keyspace.h"
#include "modules/module.h"
#include "modules/registry.h"

#define SCAN_COUNT_DEFAULT 10
#define SCAN_ROUNDS_PER_COUNT 10 /* calls of gf_keyspace_scan that may find nothing, per COUNT */
#define SCAN_FOUND_INLINE 64     /* keys found that need no memory of their own */
#define RANDOM_TRIES 100         /* as many as Redis before it settles for any key */

bool gf_scan_cursor_parse(struct gf_bytes text, uint64_t *ret_cursor)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t digits = negative || (text.size > 0 && text.data[0] == '+') ? 1 : 0;
    uint64_t cursor = 0;

    if (digits == 1 && text.size == 1)
        return false;
    for (size_t i = digits; i < text.size; i++) {
        uint64_t digit = (uint64_t)(uint8_t)text.data[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(cursor, 10, &cursor) ||
            __builtin_add_overflow(cursor, digit, &cursor))
            return false;
    }
    *ret_cursor = negative ? -cursor : cursor;
    return true;
}

/* Which keys are wanted. */
struct key_filter {
    struct gf_bytes pattern;            /* borrowed from the words */
    bool any_name;                      /* the pattern matches everything */
    bool any_type;                      /* `type` is not set */
    struct gf_bytes type;               /* borrowed from the words */
    const struct gf_type *const *types; /* by id; the registry's */
};

static void filter_set_pattern(struct key_filter *filter, struct gf_bytes pattern)
{
    filter->pattern = pattern;
    filter->any_name = gf_bytes_equal(pattern, GF_BYTES("*"));
}

static void filter_set_type(struct key_filter *filter, struct gf_bytes type)
{
    filter->type = type;
    filter->any_type = false;
}

static bool filter_passes(const struct key_filter *filter, const struct gf_object *object)
{
    if (!filter->any_name && !gf_bytes_match(filter->pattern, gf_object_key(object), false))
        return false;
    return filter->any_type ||
           gf_bytes_is(filter->type, filter->types[gf_object_type(object)]->name);
}

/* What KEYS carries through a keyspace. */
struct keys_walk {
    struct key_filter filter;
    struct gf_reply *reply;
    uint64_t count; /* keys answered */
};

static void keys_visit(void *context, struct gf_object *object)
{
    struct keys_walk *walk = context;

    if (!filter_passes(&walk->filter, object))
        return;
    gf_reply_bulk(walk->reply, gf_object_key(object));
    walk->count++;
}

static void keys(struct gf_exec *x)
{
    struct keys_walk walk = {.reply = x->reply,
                             .filter = {.any_type = true, .types = gf_registry_types(x->registry)}};
    struct gf_keyspace *keyspace;

    filter_set_pattern(&walk.filter, gf_args_next(x->args));
    if (!gf_args_finish(x->args, x->reply))
        return;

    struct gf_reply_open open = gf_reply_array_open(x->reply);

    for (uint32_t i = 0; (keyspace = x->space->at(x->space, x->db, i)) != NULL; i++) {
        uint64_t cursor = 0;

        if (gf_keyspace_count(keyspace) == 0)
            continue;
        do {
            cursor = gf_keyspace_scan(keyspace, cursor, UINT32_MAX, x->now_ms, keys_visit, &walk);
        } while (cursor != 0);
    }
    gf_reply_close(x->reply, open, walk.count);
}

/* One call of SCAN. */
struct scan {
    struct key_filter filter;
    uint64_t visited; /* keys seen, wanted or not */
    uint64_t wanted;  /* keys to see: COUNT */
    uint64_t rounds;  /* calls of gf_keyspace_scan left */
    /* The cursor is answered before the keys and is known after them. */
    struct gf_bytes *found; /* views of keys; found_inline, or owned */
    size_t found_count;
    size_t found_capacity;
    bool no_memory; /* a key found had no room: no answer may be given */
    struct gf_bytes found_inline[SCAN_FOUND_INLINE];
};

static bool scan_found_grow(struct scan *scan)
{
    size_t capacity = scan->found_capacity * 2;
    size_t size = capacity * sizeof(struct gf_bytes);
    bool inline_yet = scan->found == scan->found_inline;
    struct gf_bytes *found = inline_yet ? gf_alloc_try(GF_MEMORY_OTHER, size)
                                        : gf_realloc_try(GF_MEMORY_OTHER, scan->found, size);

    if (found == NULL)
        return false;
    if (inline_yet)
        memcpy(found, scan->found_inline, sizeof(scan->found_inline));
    scan->found = found;
    scan->found_capacity = capacity;
    return true;
}

static void scan_visit(void *context, struct gf_object *object)
{
    struct scan *scan = context;

    scan->visited++;
    if (scan->no_memory || !filter_passes(&scan->filter, object))
        return;
    if (scan->found_count == scan->found_capacity && !scan_found_grow(scan)) {
        scan->no_memory = true;
        return;
    }
    scan->found[scan->found_count++] = gf_object_key(object);
}

static bool scan_has_enough(const struct scan *scan)
{
    return scan->visited >= scan->wanted || scan->rounds == 0;
}

/* Goes on in one keyspace; returns the next position in it, 0 at its end. */
static uint64_t scan_keyspace(struct scan *scan, struct gf_keyspace *keyspace, uint64_t position,
                              uint64_t now_ms)
{
    if (gf_keyspace_count(keyspace) == 0)
        return 0;
    do {
        uint64_t left = scan->wanted - scan->visited;
        uint32_t count = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;

        scan->rounds--;
        position = gf_keyspace_scan(keyspace, position, count, now_ms, scan_visit, scan);
    } while (position != 0 && !scan_has_enough(scan));
    return position;
}

/* Goes on from `cursor` through the partitions given; returns the cursor to go on with, 0 when
 * there is nothing more. A partition that was not given ends it: another core's, or a locked
 * one. */
static uint64_t scan_run(struct scan *scan, struct gf_exec *x, uint64_t cursor)
{
    struct gf_space *space = x->space;
    uint32_t place = gf_scan_cursor_place(cursor);
    uint64_t position = gf_scan_cursor_position(cursor);
    struct gf_keyspace *keyspace;

    if (place >= space->partitions || position >> GF_SCAN_POSITION_BITS != 0)
        return 0; /* made up by the client: nothing is there */
    if (space->walk(space, place) != place) {
        place = space->walk(space, place);
        position = 0;
    }
    for (uint32_t i = 0; (keyspace = space->at(space, x->db, i)) != NULL; i++) {
        uint32_t here = space->partition_at(space, i);

        if (here < place)
            continue;
        if (here > place)
            break;
        position = scan_keyspace(scan, keyspace, position, x->now_ms);
        if (position != 0)
            return gf_scan_cursor(position, place);
        place = space->walk(space, place + 1);
        if (scan_has_enough(scan))
            break;
    }
    return place < space->partitions ? gf_scan_cursor(position, place) : 0;
}

static void scan_answer(const struct scan *scan, struct gf_reply *reply, uint64_t cursor)
{
    char text[GF_I64_TEXT_MAX];
    size_t size = gf_u64_format(text, cursor);

    gf_reply_array(reply, 2);
    gf_reply_bulk(reply, (struct gf_bytes){.data = text, .size = size});
    gf_reply_array(reply, scan->found_count);
    for (size_t i = 0; i < scan->found_count; i++)
        gf_reply_bulk(reply, scan->found[i]);
}

/* COUNT's number. Less than 1 is called a syntax error, as Redis does. */
static uint64_t scan_next_count(struct gf_args *args)
{
    return (uint64_t)gf_args_next_range(args, 1, INT64_MAX, GF_MSG_SYNTAX);
}

/* Reads SCAN's arguments; false when an error was answered. */
static bool scan_read(struct gf_exec *x, struct scan *scan, uint64_t *ret_cursor)
{
    struct gf_args *args = x->args;

    if (!gf_scan_cursor_parse(gf_args_next(args), ret_cursor))
        gf_args_fail(args, GF_MSG_INVALID_CURSOR);
    while (gf_args_left(args) > 0) {
        if (gf_args_skip_if(args, "COUNT"))
            scan->wanted = scan_next_count(args);
        else if (gf_args_skip_if(args, "MATCH"))
            filter_set_pattern(&scan->filter, gf_args_next(args));
        else if (gf_args_skip_if(args, "TYPE"))
            filter_set_type(&scan->filter, gf_args_next(args));
        else
            break; /* left over: a syntax error */
    }
    return gf_args_finish(args, x->reply);
}

/* What the cores before this one have done counts, too. */
static void scan_begin(struct scan *scan, const struct gf_scan_trip *trip, uint64_t *cursor)
{
    scan->rounds = scan->wanted < UINT32_MAX ? scan->wanted * SCAN_ROUNDS_PER_COUNT : UINT64_MAX;
    scan->found = scan->found_inline;
    scan->found_capacity = SCAN_FOUND_INLINE;
    if (trip && trip->begun) {
        *cursor = trip->cursor;
        scan->visited = trip->visited;
        scan->rounds = trip->rounds;
    }
}

static void scan_end(const struct scan *scan, struct gf_scan_trip *trip, uint64_t cursor)
{
    trip->begun = true;
    trip->answered = !scan->no_memory;
    trip->more = trip->answered && cursor != 0 && !scan_has_enough(scan);
    trip->cursor = cursor;
    trip->found = scan->found_count;
    trip->visited = scan->visited;
    trip->rounds = scan->rounds;
}

static void scan_command(struct gf_exec *x)
{
    struct scan scan = {.wanted = SCAN_COUNT_DEFAULT};
    uint64_t cursor;

    scan.filter = (struct key_filter){
        .any_name = true, .any_type = true, .types = gf_registry_types(x->registry)};
    if (!scan_read(x, &scan, &cursor))
        return;
    scan_begin(&scan, x->trip, &cursor);
    cursor = scan_run(&scan, x, cursor);
    if (x->trip)
        scan_end(&scan, x->trip, cursor);
    if (scan.no_memory)
        gf_reply_error(x->reply, GF_MSG_OOM);
    else
        scan_answer(&scan, x->reply, cursor);
    if (scan.found != scan.found_inline)
        gf_free(GF_MEMORY_OTHER, scan.found);
}

static uint64_t database_count(struct gf_exec *x)
{
    struct gf_keyspace *keyspace;
    uint64_t count = 0;

    for (uint32_t i = 0; (keyspace = x->space->at(x->space, x->db, i)) != NULL; i++)
        count += gf_keyspace_count(keyspace);
    return count;
}

static void dbsize(struct gf_exec *x)
{
    if (gf_args_finish(x->args, x->reply))
        gf_reply_int(x->reply, (int64_t)database_count(x));
}

/* A live object of the keyspace that holds the index-th of all keys, or NULL. */
static struct gf_object *random_object(struct gf_exec *x, uint64_t index, uint64_t seed)
{
    struct gf_keyspace *keyspace;

    for (uint32_t i = 0; (keyspace = x->space->at(x->space, x->db, i)) != NULL; i++) {
        uint64_t count = gf_keyspace_count(keyspace);

        if (index < count)
            return gf_keyspace_random(keyspace, seed, x->now_ms);
        index -= count;
    }
    return NULL;
}

/* Any live object: for databases where nearly everything has expired. */
static struct gf_object *random_any(struct gf_exec *x, uint64_t seed)
{
    struct gf_keyspace *keyspace;

    for (uint32_t i = 0; (keyspace = x->space->at(x->space, x->db, i)) != NULL; i++) {
        struct gf_object *object = gf_keyspace_random(keyspace, seed, x->now_ms);

        if (object != NULL)
            return object;
    }
    return NULL;
}

static void randomkey(struct gf_exec *x)
{
    if (!gf_args_finish(x->args, x->reply))
        return;

    uint64_t count = database_count(x);
    uint64_t seed = x->seed;
    struct gf_object *object = NULL;

    for (int i = 0; count > 0 && object == NULL && i < RANDOM_TRIES; i++) {
        uint64_t index = gf_random_next(&seed) % count;

        object = random_object(x, index, gf_random_next(&seed));
    }
    if (object == NULL)
        object = random_any(x, gf_random_next(&seed));
    if (object == NULL)
        gf_reply_null(x->reply);
    else
        gf_reply_bulk(x->reply, gf_object_key(object));
}

static const struct gf_history scan_history[] = {
    {.since = "6.0.0", .what = "The TYPE option."},
};

/* clang-format off */
static const struct gf_command commands[] = {
    {
        .name = "KEYS", .run = keys, .arity = 2, .merge = GF_MERGE_CONCAT,
        .flags = GF_READ | GF_ALL_KEYS | GF_DANGEROUS,
        .since = "1.0.0", .group = "generic",
        .complexity = "O(N), N = keys of the database; SCAN does the same in small steps",
        .summary = "All keys that match a pattern.",
        .tips = "request_policy:all_shards|nondeterministic_output_order",
        GF_ARGS({.name = "pattern", .type = GF_ARG_PATTERN}),
    },
    {
        .name = "SCAN", .run = scan_command, .flags = GF_READ | GF_CURSOR, .arity = -2,
        .since = "2.8.0", .group = "generic",
        .complexity = "O(COUNT) for a call; O(N) for all of them, N = keys of the database",
        .summary = "Some of the keys, and a cursor to get the next ones with.",
        .tips = "nondeterministic_output|request_policy:special",
        .history = scan_history, .history_count = GF_COUNT(scan_history),
        GF_ARGS({.name = "cursor", .type = GF_ARG_INTEGER},
                {.name = "pattern", .type = GF_ARG_PATTERN, .token = "MATCH",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "count", .type = GF_ARG_INTEGER, .token = "COUNT",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "type", .type = GF_ARG_STRING, .token = "TYPE",
                 .flags = GF_ARG_OPTIONAL, .since = "6.0.0"}),
    },
    {
        .name = "RANDOMKEY", .run = randomkey, .arity = 1, .merge = GF_MERGE_ANY,
        .flags = GF_READ | GF_ALL_KEYS | GF_NO_TOUCH,
        .since = "1.0.0", .group = "generic", .complexity = "O(1)",
        .summary = "One of the keys, chosen at random.",
        .tips = "request_policy:all_shards|nondeterministic_output",
    },
    {
        .name = "DBSIZE", .run = dbsize, .arity = 1, .merge = GF_MERGE_SUM,
        .flags = GF_READ | GF_FAST | GF_ALL_KEYS,
        .since = "1.0.0", .group = "server", .complexity = "O(1)", .categories = "@keyspace",
        .summary = "How many keys the database holds, expired ones still in memory included.",
        .tips = "request_policy:all_shards|response_policy:agg_sum",
    },
};
/* clang-format on */

const struct gf_module gf_scan_module = {
    .abi = GF_MODULE_ABI,
    .name = "scan",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
