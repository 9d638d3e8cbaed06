/* Commands on all fields of a hash, or on any: HGETALL, HKEYS, HVALS, HSCAN, HRANDFIELD. */
#include "core/assert.h"
#include "core/random.h"
#include "modules/hashes.h"
#include "modules/scan.h"

#define SCAN_COUNT_DEFAULT 10

enum part {
    PART_FIELD = 1u << 0,
    PART_VALUE = 1u << 1,
};

/* Everything. */

static void all_answer(struct gf_exec *x, uint32_t parts)
{
    struct gf_hash_walk walk;
    struct gf_dict_entry entry;
    struct gf_hash hash;
    uint64_t count;

    if (!gf_hash_find(x, x->args->words[1], &hash))
        return;
    count = gf_hash_count(&hash);
    if (gf_exec_is_long(x, count))
        return;
    if (parts == (PART_FIELD | PART_VALUE))
        gf_reply_map(x->reply, count);
    else
        gf_reply_array(x->reply, count);
    if (count == 0)
        return;
    gf_hash_walk_init(&walk, &hash);
    while (gf_hash_walk_next(&walk, &entry)) {
        if ((parts & PART_FIELD) != 0)
            gf_packed_reply(x->reply, &entry.key);
        if ((parts & PART_VALUE) != 0)
            gf_packed_reply(x->reply, &entry.value);
        gf_exec_pause(x, gf_packed_steps(&entry.value));
    }
}

void gf_hash_hgetall_run(struct gf_exec *x)
{
    all_answer(x, PART_FIELD | PART_VALUE);
}

void gf_hash_hkeys_run(struct gf_exec *x)
{
    all_answer(x, PART_FIELD);
}

void gf_hash_hvals_run(struct gf_exec *x)
{
    all_answer(x, PART_VALUE);
}

/* HSCAN. */

/* One call. */
struct scan {
    struct gf_reply *reply;
    struct gf_bytes pattern;
    uint64_t count;    /* COUNT */
    uint64_t answered; /* elements */
    uint64_t now_ms;
    bool any_name;
    bool no_values;
};

static void scan_visit(void *context, const struct gf_dict_entry *entry)
{
    struct scan *scan = context;
    char text[GF_PACKED_TEXT_MAX];

    if (entry->expire_ms != 0 && entry->expire_ms <= scan->now_ms)
        return;
    if (!scan->any_name && !gf_bytes_match(scan->pattern, gf_packed_text(&entry->key, text), false))
        return;
    gf_packed_reply(scan->reply, &entry->key);
    if (!scan->no_values)
        gf_packed_reply(scan->reply, &entry->value);
    scan->answered += scan->no_values ? 1 : 2;
}

static void scan_ignore(void *context, const struct gf_dict_entry *entry)
{
    (void)context;
    (void)entry;
}

static bool scan_read(struct gf_exec *x, struct scan *scan)
{
    struct gf_args *args = x->args;

    while (gf_args_left(args) > 0) {
        if (gf_args_skip_if(args, "COUNT")) {
            scan->count = (uint64_t)gf_args_next_range(args, 1, INT64_MAX, GF_MSG_SYNTAX);
        } else if (gf_args_skip_if(args, "MATCH")) {
            scan->pattern = gf_args_next(args);
            scan->any_name = gf_bytes_equal(scan->pattern, GF_BYTES("*"));
        } else if (gf_args_skip_if(args, "NOVALUES")) {
            scan->no_values = true;
        } else {
            break; /* left over: a syntax error */
        }
    }
    return gf_args_finish(args, x->reply);
}

static void cursor_reply(struct gf_reply *reply, uint64_t cursor)
{
    char text[GF_I64_TEXT_MAX];

    gf_reply_array(reply, 2);
    gf_reply_bulk(reply, (struct gf_bytes){.data = text, .size = gf_u64_format(text, cursor)});
}

/* A small hash is answered whole. Of a big one the cursor is found first, because it is answered
 * first: the few fields are looked at twice instead of being kept aside. */
static void scan_answer(struct scan *scan, const struct gf_hash *hash, uint64_t cursor)
{
    bool is_dict = (hash->object->flags & GF_OBJECT_POINTER) != 0;
    struct gf_reply_open open;

    if (is_dict) {
        const struct gf_dict *dict = gf_hash_dict(hash->object);

        cursor_reply(scan->reply, gf_dict_scan(dict, cursor, scan->count, scan_ignore, NULL));
        open = gf_reply_array_open(scan->reply);
        gf_dict_scan(dict, cursor, scan->count, scan_visit, scan);
    } else {
        struct gf_hash_walk walk;
        struct gf_dict_entry entry;

        cursor_reply(scan->reply, 0);
        open = gf_reply_array_open(scan->reply);
        gf_hash_walk_init(&walk, hash);
        while (gf_hash_walk_next(&walk, &entry))
            scan_visit(scan, &entry);
    }
    gf_reply_close(scan->reply, open, scan->answered);
}

void gf_hash_hscan_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct scan scan = {
        .reply = x->reply, .count = SCAN_COUNT_DEFAULT, .now_ms = x->now_ms, .any_name = true};
    struct gf_hash hash;
    uint64_t cursor;

    if (!gf_scan_cursor_parse(gf_args_next(x->args), &cursor)) {
        gf_reply_error(x->reply, GF_MSG_INVALID_CURSOR);
        return;
    }
    if (!gf_hash_find(x, key, &hash))
        return;
    if (!hash.object) { /* before the options are looked at, as Redis does */
        cursor_reply(x->reply, 0);
        gf_reply_array(x->reply, 0);
        return;
    }
    if (scan_read(x, &scan))
        scan_answer(&scan, &hash, cursor);
}

/* HRANDFIELD. */

#define RANDOM_TRIES_MAX 100u /* to meet a field that has not expired; then they are counted */

/* The index-th live field. */
static void field_at(const struct gf_hash *hash, uint64_t index, struct gf_dict_entry *ret_entry)
{
    struct gf_hash_walk walk;
    bool found;

    gf_hash_walk_init(&walk, hash);
    do {
        found = gf_hash_walk_next(&walk, ret_entry);
        GF_ASSERT(found);
    } while (index-- > 0);
}

/* Any of the `count` live fields. */
static void field_any(const struct gf_hash *hash, uint64_t count, uint64_t *seed,
                      struct gf_dict_entry *ret_entry)
{
    if ((hash->object->flags & GF_OBJECT_POINTER) != 0) {
        for (uint32_t i = 0; i < RANDOM_TRIES_MAX; i++) {
            gf_dict_random(gf_hash_dict(hash->object), seed, ret_entry);
            if (ret_entry->expire_ms == 0 || ret_entry->expire_ms > hash->x->now_ms)
                return;
        }
    }
    field_at(hash, gf_random_next(seed) % count, ret_entry);
}

/* One element of HRANDFIELD's answer; in RESP3 field and value are an array of their own. */
static void field_reply(struct gf_exec *x, const struct gf_dict_entry *entry, bool with_values)
{
    if (with_values && x->reply->resp > 2)
        gf_reply_array(x->reply, 2);
    gf_packed_reply(x->reply, &entry->key);
    if (with_values)
        gf_packed_reply(x->reply, &entry->value);
    gf_exec_pause(x, with_values ? gf_packed_steps(&entry->value) : 1);
}

static void fields_array(struct gf_reply *reply, uint64_t count, bool with_values)
{
    gf_reply_array(reply, with_values && reply->resp == 2 ? 2 * count : count);
}

/* `wanted` of `count` live fields, each any of them. */
static void random_with_repeats(const struct gf_hash *hash, uint64_t count, uint64_t wanted,
                                bool with_values)
{
    uint64_t seed = hash->x->seed;

    fields_array(hash->x->reply, wanted, with_values);
    for (uint64_t i = 0; i < wanted; i++) {
        struct gf_dict_entry entry;

        field_any(hash, count, &seed, &entry);
        field_reply(hash->x, &entry, with_values);
    }
}

/* `wanted` different ones of `count`, in the order of the hash: each field has the chance (still
 * wanted / still to come). All of them when wanted is count. */
static void random_by_walk(const struct gf_hash *hash, uint64_t count, uint64_t wanted,
                           bool with_values)
{
    uint64_t seed = hash->x->seed;
    struct gf_hash_walk walk;
    struct gf_dict_entry entry;

    fields_array(hash->x->reply, wanted, with_values);
    gf_hash_walk_init(&walk, hash);
    while (wanted > 0 && gf_hash_walk_next(&walk, &entry)) {
        if (wanted == count || gf_random_next(&seed) % count < wanted) {
            field_reply(hash->x, &entry, with_values);
            wanted--;
        }
        count--;
        gf_exec_pause(hash->x, 1);
    }
    GF_ASSERT(wanted == 0);
}

/* The same for few of very many: any field, unless it was drawn before. */
static void random_by_draw(const struct gf_hash *hash, uint64_t count, uint64_t wanted,
                           bool with_values)
{
    uint64_t seed = hash->x->seed;
    struct gf_dict drawn;

    gf_dict_init(&drawn, GF_DICT_KEYS, 0);
    fields_array(hash->x->reply, wanted, with_values);
    while (wanted > 0) {
        struct gf_dict_entry entry;
        char text[GF_PACKED_TEXT_MAX];

        field_any(hash, count, &seed, &entry);
        gf_exec_pause(hash->x, 1);
        if (gf_dict_put(&drawn, gf_packed_text(&entry.key, text), NULL, NULL) == GF_DICT_CHANGED)
            continue;
        field_reply(hash->x, &entry, with_values);
        wanted--;
    }
    gf_dict_free_paced(&drawn, &hash->x->pace);
}

#define DRAW_SHARE 16u /* up to one of so many fields is drawn by chance, more by a walk */

/* How many fields are looked at. */
static uint64_t random_length(uint64_t count, int64_t wanted)
{
    if (wanted < 0)
        return count > 0 ? (uint64_t)-wanted : 0;
    return (uint64_t)wanted < count / DRAW_SHARE ? (uint64_t)wanted : count;
}

static void random_fields(const struct gf_hash *hash, int64_t wanted, bool with_values)
{
    uint64_t count = gf_hash_count(hash);
    bool is_dict = hash->object && (hash->object->flags & GF_OBJECT_POINTER) != 0;

    if (gf_exec_is_long(hash->x, random_length(count, wanted)))
        return;
    if (count == 0 || wanted == 0)
        gf_reply_array(hash->x->reply, 0);
    else if (wanted < 0)
        random_with_repeats(hash, count, (uint64_t)-wanted, with_values);
    else if (is_dict && (uint64_t)wanted < count / DRAW_SHARE)
        random_by_draw(hash, count, (uint64_t)wanted, with_values);
    else
        random_by_walk(hash, count, (uint64_t)wanted < count ? (uint64_t)wanted : count,
                       with_values);
}

static void random_one(struct gf_exec *x, struct gf_bytes key)
{
    struct gf_dict_entry entry;
    struct gf_hash hash;
    uint64_t count;

    if (!gf_hash_find(x, key, &hash))
        return;
    count = gf_hash_count(&hash);
    if (count == 0) {
        gf_reply_null(x->reply);
        return;
    }
    field_any(&hash, count, &x->seed, &entry);
    gf_packed_reply(x->reply, &entry.key);
}

/* The count and WITHVALUES; checked in Redis's order. False when an error was answered. */
static bool random_read(struct gf_exec *x, int64_t *ret_wanted, bool *ret_with_values)
{
    struct gf_args *args = x->args;
    int64_t wanted = gf_args_next_i64(args);

    if (!gf_args_ok(args, x->reply))
        return false;
    if (wanted == INT64_MIN) {
        gf_reply_error(x->reply, GF_MSG_LONG_RANGE);
        return false;
    }
    *ret_with_values = gf_args_left(args) > 0 && gf_args_skip_if(args, "WITHVALUES");
    if (*ret_with_values && gf_args_left(args) == 0 &&
        (wanted < -(INT64_MAX / 2) || wanted > INT64_MAX / 2)) {
        gf_reply_error(x->reply, GF_MSG_OUT_OF_RANGE);
        return false;
    }
    *ret_wanted = wanted;
    return gf_args_finish(args, x->reply);
}

void gf_hash_hrandfield_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct gf_hash hash;
    int64_t wanted;
    bool with_values;

    if (gf_args_left(x->args) == 0) {
        random_one(x, key);
        return;
    }
    if (random_read(x, &wanted, &with_values) && gf_hash_find(x, key, &hash))
        random_fields(&hash, wanted, with_values);
}
