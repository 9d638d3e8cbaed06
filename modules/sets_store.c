/* Whole sets: the result of a set operation in its smallest form, and sets as bytes.
 *
 * Saved:  encoding, then
 *   GF_SET_INTS    count, the first integer, then how much larger each next one is
 *   GF_SET_PACKED  count, the run
 *   GF_SET_TABLE   as gf_dict_save writes it
 */
#include <stdlib.h>

#include "core/alloc.h"
#include "modules/dump.h"
#include "modules/sets.h"

/* ---- the result of an operation ------------------------------------------------------------- */

/* What a set must be like to be kept in a small form. */
struct shape {
    uint64_t count;
    bool all_ints;
    size_t size_max; /* of a member's text */
    size_t run_size; /* of all members, packed */
};

static struct shape shape_of(const struct gf_dict *dict)
{
    struct shape shape = {.count = gf_dict_count(dict), .all_ints = true};
    struct gf_dict_walk walk;
    struct gf_dict_entry entry;

    gf_dict_walk_init(&walk, dict);
    while (gf_dict_walk_next(&walk, &entry)) {
        struct gf_packed_draft draft = gf_packed_draft_of(&entry.key);
        size_t size = gf_packed_text_size(&entry.key);

        shape.all_ints = shape.all_ints && gf_packed_view_is_int(&entry.key);
        shape.size_max = size > shape.size_max ? size : shape.size_max;
        shape.run_size += gf_packed_draft_size(&draft);
    }
    return shape;
}

static bool value_put(struct gf_exec *x, struct gf_set *set, const struct gf_value *value)
{
    struct gf_object *object = gf_keyspace_put(set->place.keyspace, set->place.hash, set->place.key,
                                               value, set->object ? GF_KEEP_EXPIRE : 0, x->now_ms);

    if (object != NULL)
        set->object = object;
    return object != NULL;
}

static bool bytes_put(struct gf_exec *x, struct gf_set *set, enum gf_set_encoding encoding,
                      struct gf_bytes bytes)
{
    struct gf_value value = {.type = GF_TYPE_SET, .encoding = (uint8_t)encoding, .bytes = bytes};

    return value_put(x, set, &value);
}

static int numbers_compare(const void *a, const void *b)
{
    int64_t first, second;

    memcpy(&first, a, sizeof(first));
    memcpy(&second, b, sizeof(second));
    return (first > second) - (first < second);
}

static bool put_as_ints(struct gf_exec *x, struct gf_set *set, const struct gf_dict *dict)
{
    uint32_t count = (uint32_t)gf_dict_count(dict);
    int64_t *numbers = gf_alloc_try(GF_MEMORY_OTHER, count * sizeof(*numbers));
    struct gf_dict_entry entry;
    struct gf_dict_walk walk;
    char *data = NULL;
    bool done = false;
    size_t size;

    if (numbers == NULL)
        return false;
    gf_dict_walk_init(&walk, dict);
    for (uint32_t i = 0; gf_dict_walk_next(&walk, &entry); i++)
        numbers[i] = entry.key.number;
    qsort(numbers, count, sizeof(*numbers), numbers_compare);
    size = gf_ints_size(numbers, count);
    data = gf_alloc_try(GF_MEMORY_OTHER, size);
    if (data != NULL) {
        gf_ints_write(data, numbers, count);
        done = bytes_put(x, set, GF_SET_INTS, (struct gf_bytes){.data = data, .size = size});
    }
    gf_free(GF_MEMORY_OTHER, data);
    gf_free(GF_MEMORY_OTHER, numbers);
    return done;
}

static bool put_as_packed(struct gf_exec *x, struct gf_set *set, const struct gf_dict *dict,
                          const struct shape *shape)
{
    size_t size = GF_SET_PACKED_HEAD + shape->run_size;
    char *data = gf_alloc_try(GF_MEMORY_OTHER, size);
    struct gf_dict_entry entry;
    struct gf_dict_walk walk;
    char *at;
    bool done;

    if (data == NULL)
        return false;
    data[0] = (char)(shape->count & 0xff);
    data[1] = (char)(shape->count >> 8);
    at = data + GF_SET_PACKED_HEAD;
    gf_dict_walk_init(&walk, dict);
    while (gf_dict_walk_next(&walk, &entry)) {
        struct gf_packed_draft draft = gf_packed_draft_of(&entry.key);

        at = gf_packed_write(at, &draft);
    }
    GF_ASSERT(at == data + size);
    done = bytes_put(x, set, GF_SET_PACKED, (struct gf_bytes){.data = data, .size = size});
    gf_free(GF_MEMORY_OTHER, data);
    return done;
}

/* The dict moves under the key. */
static bool put_as_table(struct gf_exec *x, struct gf_set *set, struct gf_dict *dict)
{
    struct gf_dict *moved = gf_alloc(GF_MEMORY_DATA, sizeof(*moved));
    struct gf_value value = {.type = GF_TYPE_SET, .encoding = GF_SET_TABLE, .pointer = moved};

    *moved = *dict;
    if (value_put(x, set, &value)) {
        gf_dict_init(dict, GF_DICT_KEYS, dict->hash_seed);
        return true;
    }
    gf_free(GF_MEMORY_DATA, moved);
    return false;
}

bool gf_set_put_table(struct gf_exec *x, struct gf_set *set, struct gf_dict *dict,
                      enum gf_set_encoding first)
{
    const struct gf_limits *limits = x->limits;
    uint64_t count = gf_dict_count(dict);
    bool ints =
        first == GF_SET_INTS && count <= limits->set_max_intset_entries && count <= UINT32_MAX;
    bool packed = count <= limits->set_max_listpack_entries && count <= UINT16_MAX;
    bool done;

    GF_ASSERT(count > 0);
    if (ints || packed) {
        struct shape shape = shape_of(dict);

        ints = ints && shape.all_ints;
        packed = packed && shape.size_max <= limits->set_max_listpack_value;
        if (ints)
            done = put_as_ints(x, set, dict);
        else if (packed)
            done = put_as_packed(x, set, dict, &shape);
        else
            done = put_as_table(x, set, dict);
    } else {
        done = put_as_table(x, set, dict);
    }
    gf_dict_deinit(dict);
    return done;
}

/* ---- as bytes ------------------------------------------------------------------------------- */

/* In the place of the encoding: a packed set, as the texts of its members. */
#define SAVED_MEMBERS 3u

static void save_ints(const struct gf_object *object, struct gf_saver *saver)
{
    struct gf_ints ints = gf_ints_of(gf_object_bytes(object));

    gf_save_u64(saver, ints.count);
    gf_save_i64(saver, gf_ints_at(&ints, 0));
    for (uint32_t i = 1; i < ints.count; i++)
        gf_save_u64(saver, gf_ints_distance(&ints, i) - gf_ints_distance(&ints, i - 1));
}

static void save_members(const struct gf_object *object, struct gf_saver *saver)
{
    char text[GF_PACKED_TEXT_MAX];
    struct gf_packed_view member;
    struct gf_set_walk walk;

    gf_save_u64(saver, gf_set_count(object));
    gf_set_walk_init(&walk, object);
    while (gf_set_walk_next(&walk, &member))
        gf_save_bytes(saver, gf_packed_text(&member, text));
}

void gf_set_save(const struct gf_object *object, struct gf_saver *saver)
{
    enum gf_set_encoding encoding = (enum gf_set_encoding)gf_object_encoding(object);

    gf_save_u64(saver, encoding == GF_SET_PACKED ? SAVED_MEMBERS : encoding);
    switch (encoding) {
    case GF_SET_INTS:
        save_ints(object, saver);
        return;
    case GF_SET_PACKED:
        save_members(object, saver);
        return;
    case GF_SET_TABLE:
        gf_dict_save(gf_object_pointer(object), saver);
        return;
    }
}

/* Bytes of a value, as gf_keyspace_take gives them. */
static char *value_bytes(struct gf_value *value, size_t size)
{
    char *data = gf_alloc_try(GF_MEMORY_DATA, size);

    value->bytes = (struct gf_bytes){.data = data, .size = data ? size : 0};
    return data;
}

static bool load_numbers(struct gf_loader *loader, int64_t *numbers, uint64_t count)
{
    numbers[0] = gf_load_i64(loader);
    for (uint64_t i = 1; i < count; i++) {
        uint64_t more = gf_load_u64(loader);

        if (more == 0 || __builtin_add_overflow(numbers[i - 1], more, &numbers[i]))
            gf_loader_fail(loader);
        if (!gf_loader_ok(loader))
            return false;
    }
    return gf_loader_ok(loader);
}

static bool load_ints(struct gf_loader *loader, struct gf_value *value)
{
    uint64_t count = gf_load_count(loader, 1);
    int64_t *numbers;
    char *data = NULL;

    if (count == 0 || count > UINT32_MAX)
        return false;
    numbers = gf_alloc_try(GF_MEMORY_OTHER, count * sizeof(*numbers));
    if (numbers != NULL && load_numbers(loader, numbers, count)) {
        data = value_bytes(value, gf_ints_size(numbers, (uint32_t)count));
        if (data != NULL)
            gf_ints_write(data, numbers, (uint32_t)count);
    }
    gf_free(GF_MEMORY_OTHER, numbers);
    return data != NULL;
}

/* No member is there twice. */
static bool run_is_set(struct gf_bytes run, uint64_t hash_seed)
{
    const char *at = run.data, *end = run.data + run.size;
    char text[GF_PACKED_TEXT_MAX];
    struct gf_packed_view member;
    struct gf_dict seen;
    bool good = true;

    gf_dict_init(&seen, GF_DICT_KEYS, hash_seed);
    while (good && at < end) {
        at = gf_packed_read(at, &member);
        good = gf_dict_put(&seen, gf_packed_text(&member, text), NULL, NULL) == GF_DICT_ADDED;
    }
    gf_dict_deinit(&seen);
    return good;
}

/* A packed set in the making: its head, and room for the count. */
static bool members_init(struct gf_block *block)
{
    *block = (struct gf_block){0};
    if (gf_block_splice(block, 0, 0, GF_SET_PACKED_HEAD) == NULL)
        return false;
    memset(block->data, 0, GF_SET_PACKED_HEAD);
    return true;
}

/* One more, in the form it is packed in today. */
static bool members_add(struct gf_block *block, struct gf_bytes member)
{
    struct gf_packed_draft draft;

    if (member.size > GF_PACKED_SIZE_MAX)
        return false;
    draft = gf_packed_draft(member);
    return gf_packed_append(block, &draft);
}

/* The value of `count` members, or nothing when they are not `good`. */
static bool members_finish(struct gf_block *block, uint64_t count, bool good, uint64_t hash_seed,
                           struct gf_value *value)
{
    struct gf_bytes run = {.data = block->data + GF_SET_PACKED_HEAD,
                           .size = block->size - GF_SET_PACKED_HEAD};

    if (!good || !run_is_set(run, hash_seed)) {
        gf_free(GF_MEMORY_DATA, block->data);
        return false;
    }
    block->data[0] = (char)(count & 0xff);
    block->data[1] = (char)(count >> 8);
    value->bytes = (struct gf_bytes){.data = block->data, .size = block->size};
    return true;
}

static bool load_members(struct gf_loader *loader, struct gf_value *value)
{
    uint64_t count = gf_load_count(loader, 1);
    struct gf_block block;
    bool good = gf_loader_ok(loader) && count > 0 && count <= UINT16_MAX;

    if (!good || !members_init(&block))
        return false;
    for (uint64_t i = 0; good && i < count; i++) {
        struct gf_bytes member = gf_load_bytes(loader);

        good = gf_loader_ok(loader) && members_add(&block, member);
    }
    return members_finish(&block, count, good, loader->hash_seed, value);
}

/* A packed set as it was saved before SAVED_MEMBERS. */
static bool load_packed(struct gf_loader *loader, struct gf_value *value)
{
    uint64_t count = gf_load_u64(loader), found;
    struct gf_bytes run = gf_load_bytes(loader);
    char text[GF_PACKED_TEXT_MAX];
    const char *at = run.data;
    struct gf_block block;
    bool good = true;

    if (!gf_loader_ok(loader) || count == 0 || count > UINT16_MAX ||
        !gf_packed_valid(run, &found) || found != count || !members_init(&block))
        return false;
    for (uint64_t i = 0; good && i < count; i++) {
        struct gf_packed_view member;

        at = gf_packed_read(at, &member);
        good = members_add(&block, gf_packed_text(&member, text));
    }
    return members_finish(&block, count, good, loader->hash_seed, value);
}

static bool load_table(struct gf_loader *loader, struct gf_value *value)
{
    struct gf_dict *dict = gf_alloc(GF_MEMORY_DATA, sizeof(*dict));

    if (gf_dict_load(dict, GF_DICT_KEYS, loader)) {
        if (gf_dict_count(dict) > 0) {
            value->pointer = dict;
            return true;
        }
        gf_dict_deinit(dict);
    }
    gf_free(GF_MEMORY_DATA, dict);
    return false;
}

bool gf_set_load(struct gf_loader *loader, struct gf_value *ret_value)
{
    uint64_t encoding = gf_load_u64(loader);
    struct gf_value value = {.type = GF_TYPE_SET};
    bool good = false;

    value.encoding = encoding == SAVED_MEMBERS ? GF_SET_PACKED : (uint8_t)(encoding & 15);

    if (encoding == SAVED_MEMBERS)
        good = load_members(loader, &value);
    else if (encoding == GF_SET_INTS)
        good = load_ints(loader, &value);
    else if (encoding == GF_SET_PACKED)
        good = load_packed(loader, &value);
    else if (encoding == GF_SET_TABLE)
        good = load_table(loader, &value);
    if (good)
        *ret_value = value;
    return good;
}

/* ---- checked -------------------------------------------------------------------------------- */

static void check_packed(const struct gf_object *object)
{
    struct gf_bytes bytes = gf_object_bytes(object);
    struct gf_bytes run;
    uint64_t count;
    bool valid;

    GF_ASSERT(bytes.size > GF_SET_PACKED_HEAD);
    run = (struct gf_bytes){.data = bytes.data + GF_SET_PACKED_HEAD,
                            .size = bytes.size - GF_SET_PACKED_HEAD};
    valid = gf_packed_valid(run, &count);
    GF_ASSERT(valid);
    GF_ASSERT(count == gf_set_count(object));
    GF_ASSERT(run_is_set(run, 0));
}

void gf_set_check(const struct gf_object *object)
{
    GF_ASSERT(gf_set_count(object) > 0);
    switch ((enum gf_set_encoding)gf_object_encoding(object)) {
    case GF_SET_INTS:
        gf_ints_check(gf_object_bytes(object));
        return;
    case GF_SET_PACKED:
        check_packed(object);
        return;
    case GF_SET_TABLE:
        gf_dict_check(gf_object_pointer(object));
        return;
    }
    gf_panic(__FILE__, __LINE__, "a set has one of its encodings");
}
