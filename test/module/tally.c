/* An example of a data type from outside the tree: tallies, counters with names under one key.
 *
 * It is built against the installed headers alone, as a shared object, by test/e2e/plugins.py; the
 * walk-through in docs/modules.md goes through it from top to bottom.
 *
 *   TALLY.ADD key name amount    the counter's new value; key and counter are made as needed
 *   TALLY.GET key name           its value, or null
 *   TALLY.ALL key                all of them, in the order of their names
 *   TALLY.DEL key name           1 if it was there; without counters there is no key
 */
#include <string.h>

#include "core/alloc.h"
#include "core/hash.h"
#include "modules/dump.h"
#include "modules/place.h"

#define TYPE_ID 15       /* of GF_TYPE_PLUGIN_FIRST .. GF_TYPES_MAX - 1; part of what is saved */
#define NAME_SIZE_MAX 55 /* bytes of a counter's name */
#define CAPACITY_MIN 4

/* ---- the value ----------------------------------------------------------------------------- */

struct counter {
    int64_t value;
    uint8_t name_size;
    char name[NAME_SIZE_MAX];
};

/* Counters in the order of their names: the order is a function of what is in it, so that every
 * replica answers the same. */
struct tally {
    struct counter *counters; /* owned; count <= capacity */
    uint32_t count;
    uint32_t capacity;
};

static int name_compare(const struct counter *counter, struct gf_bytes name)
{
    size_t common = counter->name_size < name.size ? counter->name_size : name.size;
    int order = memcmp(counter->name, name.data, common);

    return order != 0 ? order : (counter->name_size > name.size) - (counter->name_size < name.size);
}

/* Where a counter is, or would be. */
static uint32_t tally_search(const struct tally *tally, struct gf_bytes name, bool *ret_found)
{
    uint32_t low = 0;
    uint32_t high = tally->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (name_compare(&tally->counters[middle], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = low < tally->count && name_compare(&tally->counters[low], name) == 0;
    return low;
}

/* A client chooses how many there are: no memory is an answer, not the end. */
static bool tally_reserve(struct tally *tally, uint32_t count)
{
    uint32_t capacity = tally->capacity ? tally->capacity : CAPACITY_MIN;
    struct counter *counters;

    while (capacity < count)
        capacity *= 2;
    if (capacity == tally->capacity)
        return true;
    counters = gf_realloc_try(GF_MEMORY_DATA, tally->counters, capacity * sizeof(*counters));
    if (counters == NULL)
        return false;
    tally->counters = counters;
    tally->capacity = capacity;
    return true;
}

static bool tally_insert(struct tally *tally, uint32_t at, struct gf_bytes name, int64_t value)
{
    struct counter *counter;

    if (!tally_reserve(tally, tally->count + 1))
        return false;
    counter = &tally->counters[at];
    memmove(counter + 1, counter, (tally->count - at) * sizeof(*counter));
    memset(counter, 0, sizeof(*counter));
    counter->value = value;
    counter->name_size = (uint8_t)name.size;
    memcpy(counter->name, name.data, name.size);
    tally->count++;
    return true;
}

static struct tally *tally_create(void)
{
    return gf_alloc_zero(GF_MEMORY_DATA, sizeof(struct tally));
}

/* ---- the type ------------------------------------------------------------------------------ */

static const char *tally_encoding_name(const struct gf_object *object)
{
    (void)object;
    return "sorted-array";
}

static void tally_free(void *value)
{
    struct tally *tally = value;

    gf_free(GF_MEMORY_DATA, tally->counters);
    gf_free(GF_MEMORY_DATA, tally);
}

/* One block, whatever the number of counters: freed at once. */
static bool tally_free_slice(void *value, uint64_t budget)
{
    (void)budget;
    tally_free(value);
    return true;
}

static void *tally_copy(const void *value, struct gf_pace *pace)
{
    const struct tally *from = value;
    struct tally *to = tally_create();

    if (!tally_reserve(to, from->count)) {
        tally_free(to);
        return NULL;
    }
    memcpy(to->counters, from->counters, from->count * sizeof(*to->counters));
    gf_pace_step(pace, from->count / 16);
    to->count = from->count;
    return to;
}

static size_t tally_memory(const void *value, uint64_t samples)
{
    const struct tally *tally = value;

    (void)samples;
    return gf_alloc_size(tally) + (tally->counters ? gf_alloc_size(tally->counters) : 0);
}

static uint64_t tally_length(const void *value)
{
    (void)value;
    return 1;
}

static uint64_t tally_digest(const struct gf_object *object, uint64_t seed)
{
    const struct tally *tally = gf_object_pointer(object);

    for (uint32_t i = 0; i < tally->count; i++) {
        const struct counter *counter = &tally->counters[i];

        seed = gf_hash64(counter->name, counter->name_size, seed) + (uint64_t)counter->value;
    }
    return seed;
}

static void tally_save(const struct gf_object *object, struct gf_saver *saver)
{
    const struct tally *tally = gf_object_pointer(object);

    gf_save_u64(saver, tally->count);
    for (uint32_t i = 0; i < tally->count; i++) {
        const struct counter *counter = &tally->counters[i];

        gf_save_bytes(saver, (struct gf_bytes){.data = counter->name, .size = counter->name_size});
        gf_save_i64(saver, counter->value);
    }
}

/* Anybody may have made these bytes: names that are too long, not in order, or twice. */
static bool tally_load_counter(struct tally *tally, struct gf_loader *loader)
{
    struct gf_bytes name = gf_load_bytes(loader);
    int64_t value = gf_load_i64(loader);

    if (!gf_loader_ok(loader) || name.size > NAME_SIZE_MAX)
        return false;
    if (tally->count > 0 && name_compare(&tally->counters[tally->count - 1], name) >= 0)
        return false;
    return tally_insert(tally, tally->count, name, value);
}

static bool tally_load(struct gf_loader *loader, struct gf_value *ret_value)
{
    uint64_t count = gf_load_count(loader, 2);
    struct tally *tally;

    if (count == 0)
        return false;
    tally = tally_create();
    for (uint64_t i = 0; i < count; i++) {
        if (!tally_load_counter(tally, loader)) {
            tally_free(tally);
            return false;
        }
    }
    *ret_value = (struct gf_value){.type = TYPE_ID, .pointer = tally};
    return true;
}

static const struct gf_type tally_type = {
    .name = "tally",
    .id = TYPE_ID,
    .encoding_name = tally_encoding_name,
    .free = tally_free,
    .free_slice = tally_free_slice,
    .copy = tally_copy,
    .memory = tally_memory,
    .length = tally_length,
    .digest = tally_digest,
    .save = tally_save,
    .load = tally_load,
};

/* ---- the commands: read, act, answer ------------------------------------------------------- */

/* The tally of a key, NULL when there is none; false for another type, which is answered. */
static bool tally_find(struct gf_exec *x, const struct gf_place *place, struct tally **ret_tally)
{
    struct gf_object *object = gf_place_find(x, place);

    if (object != NULL && gf_object_type(object) != TYPE_ID) {
        gf_reply_error(x->reply, GF_MSG_WRONGTYPE);
        return false;
    }
    *ret_tally = object != NULL ? gf_object_pointer(object) : NULL;
    return true;
}

/* A new key with one counter; false when there is no memory. */
static bool tally_put(struct gf_exec *x, const struct gf_place *place, struct gf_bytes name,
                      int64_t amount)
{
    struct gf_value value = {.type = TYPE_ID, .pointer = tally_create()};

    if (tally_insert(value.pointer, 0, name, amount) &&
        gf_keyspace_put(place->keyspace, place->hash, place->key, &value, 0, x->now_ms) != NULL)
        return true;
    tally_free(value.pointer);
    return false;
}

static void add(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct gf_bytes name = gf_args_next(x->args);
    int64_t value = gf_args_next_i64(x->args);
    struct tally *tally;
    uint32_t at;
    bool found;

    if (name.size > NAME_SIZE_MAX)
        gf_args_fail(x->args, GF_MSG_OUT_OF_RANGE);
    if (!gf_args_finish(x->args, x->reply) || !tally_find(x, &place, &tally))
        return;
    if (tally == NULL) {
        found = tally_put(x, &place, name, value);
    } else {
        at = tally_search(tally, name, &found);
        if (found && __builtin_add_overflow(tally->counters[at].value, value, &value)) {
            gf_reply_error(x->reply, GF_MSG_OVERFLOW);
            return;
        }
        if (found)
            tally->counters[at].value = value;
        else
            found = tally_insert(tally, at, name, value);
    }
    if (!found) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    gf_exec_changed(x, x->db, place.key, GF_EVENT_MODULE, "tally.add");
    gf_reply_int(x->reply, value);
}

static void get(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct gf_bytes name = gf_args_next(x->args);
    struct tally *tally;
    bool found = false;
    uint32_t at = 0;

    if (!gf_args_finish(x->args, x->reply) || !tally_find(x, &place, &tally))
        return;
    if (tally != NULL)
        at = tally_search(tally, name, &found);
    if (found)
        gf_reply_int(x->reply, tally->counters[at].value);
    else
        gf_reply_null(x->reply);
}

static void all(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct tally *tally;

    if (!tally_find(x, &place, &tally))
        return;
    gf_reply_map(x->reply, tally != NULL ? tally->count : 0);
    for (uint32_t i = 0; tally != NULL && i < tally->count; i++) {
        const struct counter *counter = &tally->counters[i];

        gf_reply_bulk(x->reply,
                      (struct gf_bytes){.data = counter->name, .size = counter->name_size});
        gf_reply_int(x->reply, counter->value);
    }
}

static void del(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct gf_bytes name = gf_args_next(x->args);
    struct tally *tally;
    bool found = false;
    uint32_t at = 0;

    if (!tally_find(x, &place, &tally))
        return;
    if (tally != NULL)
        at = tally_search(tally, name, &found);
    if (found) {
        struct counter *counter = &tally->counters[at];

        tally->count--;
        memmove(counter, counter + 1, (tally->count - at) * sizeof(*counter));
        gf_exec_changed(x, x->db, place.key, GF_EVENT_MODULE, "tally.del");
        if (tally->count == 0) {
            gf_keyspace_remove(place.keyspace, place.hash, gf_place_peek(x, &place));
            gf_exec_event(x, x->db, place.key, GF_EVENT_GENERIC, "del");
        }
    }
    gf_reply_int(x->reply, found);
}

/* clang-format off */
static const struct gf_command commands[] = {
    {
        .name = "TALLY.ADD", .run = add, .flags = GF_WRITE | GF_GROWS | GF_FAST, .arity = 4,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_UPDATE,
        .since = "1.0.0", .group = "module", .complexity = "O(log N), N = counters of the key",
        .summary = "Adds to a counter and answers what it is now.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "name", .type = GF_ARG_STRING},
                {.name = "amount", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "TALLY.GET", .run = get, .flags = GF_READ | GF_FAST, .arity = 3,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "1.0.0", .group = "module", .complexity = "O(log N), N = counters of the key",
        .summary = "The value of a counter.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "name", .type = GF_ARG_STRING}),
    },
    {
        .name = "TALLY.ALL", .run = all, .flags = GF_READ, .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "1.0.0", .group = "module", .complexity = "O(N), N = counters of the key",
        .summary = "All counters of a key, with their values.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "TALLY.DEL", .run = del, .flags = GF_WRITE | GF_FAST, .arity = 3,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_DELETE,
        .since = "1.0.0", .group = "module", .complexity = "O(N), N = counters of the key",
        .summary = "Takes a counter away.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "name", .type = GF_ARG_STRING}),
    },
};
/* clang-format on */

/* What the server looks for. */
const struct gf_module gf_module = {
    .abi = GF_MODULE_ABI,
    .name = "tally",
    .type = &tally_type,
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
