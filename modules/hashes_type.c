/* Hashes as a whole: named, copied, freed, measured, saved and loaded. */
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/hash.h"
#include "modules/dump.h"
#include "modules/hashes.h"

static const char *hash_encoding_name(const struct gf_object *object)
{
    uint8_t encoding = gf_object_encoding(object);

    if ((encoding & GF_HASH_TABLE) != 0)
        return "hashtable";
    return (encoding & GF_ENCODING_GOES) != 0 ? "listpackex" : "listpack";
}

/* A walk over all fields, expired or not. */
static void walk_all(struct gf_hash_walk *walk, const struct gf_object *object)
{
    *walk = (struct gf_hash_walk){.is_dict = (object->flags & GF_OBJECT_POINTER) != 0};
    if (walk->is_dict) {
        gf_dict_walk_init(&walk->dict, gf_hash_dict(object));
    } else {
        walk->packed = gf_hash_packed_of(object);
        walk->offset = gf_hash_packed_head_size(walk->packed.expiring);
    }
}

bool gf_hash_gone(const struct gf_object *object, uint64_t now_ms)
{
    struct gf_hash_packed packed;
    struct gf_hash_walk walk;
    struct gf_dict_entry entry;

    if ((object->flags & GF_OBJECT_POINTER) != 0)
        return gf_dict_is_over(gf_hash_dict(object), now_ms);
    packed = gf_hash_packed_of(object);
    if (gf_hash_packed_first_expire(&packed) > now_ms)
        return false;
    walk_all(&walk, object);
    walk.now_ms = now_ms;
    return !gf_hash_walk_next(&walk, &entry);
}

/* Big ones. */

static void hash_free(void *value)
{
    gf_dict_deinit(value);
    gf_free(GF_MEMORY_DATA, value);
}

static bool hash_free_slice(void *value, uint64_t budget)
{
    if (!gf_dict_free_slice(value, budget))
        return false;
    gf_free(GF_MEMORY_DATA, value);
    return true;
}

static void *hash_copy(const void *value, struct gf_pace *pace)
{
    struct gf_dict *copy = gf_alloc(GF_MEMORY_DATA, sizeof(*copy));

    if (gf_dict_copy(copy, value, pace))
        return copy;
    gf_free(GF_MEMORY_DATA, copy);
    return NULL;
}

static size_t hash_memory(const void *value, uint64_t samples)
{
    return gf_alloc_size(value) + gf_dict_memory(value, samples);
}

static uint64_t hash_length(const void *value)
{
    return gf_dict_count(value);
}

static const void *hash_prefetch(const void *value, struct gf_bytes element, uint32_t step,
                                 const void *at)
{
    return gf_dict_prefetch(value, element, step, at);
}

/* The sum over all fields: neither form nor order matters. */
static uint64_t hash_digest(const struct gf_object *object, uint64_t seed)
{
    struct gf_hash_walk walk;
    struct gf_dict_entry entry;
    uint64_t sum = 0;

    walk_all(&walk, object);
    while (gf_hash_walk_next(&walk, &entry)) {
        char text[GF_PACKED_TEXT_MAX];
        struct gf_bytes field = gf_packed_text(&entry.key, text);
        uint64_t hash = gf_hash64(field.data, field.size, seed);
        struct gf_bytes value = gf_packed_text(&entry.value, text);

        hash = gf_hash64(value.data, value.size, hash);
        sum += gf_hash64(&entry.expire_ms, sizeof(entry.expire_ms), hash);
    }
    return sum;
}

/* Saving: the encoding; then a dict, or the number of fields, and each with its value and, when the
 * encoding says so, its expiry. */

static void text_save(struct gf_saver *saver, const struct gf_packed_view *view)
{
    char text[GF_PACKED_TEXT_MAX];

    gf_save_bytes(saver, gf_packed_text(view, text));
}

static void packed_save(const struct gf_object *object, struct gf_saver *saver)
{
    struct gf_hash_packed packed = gf_hash_packed_of(object);
    size_t offset = gf_hash_packed_head_size(packed.expiring);

    gf_save_u64(saver, gf_hash_packed_count(&packed));
    while (offset < packed.block.size) {
        struct gf_dict_entry entry;

        offset = gf_hash_packed_read(&packed, offset, &entry);
        text_save(saver, &entry.key);
        text_save(saver, &entry.value);
        if (packed.expiring)
            gf_save_u64(saver, entry.expire_ms);
    }
}

static void hash_save(const struct gf_object *object, struct gf_saver *saver)
{
    gf_save_u64(saver, gf_object_encoding(object));
    if ((object->flags & GF_OBJECT_POINTER) != 0)
        gf_dict_save(gf_hash_dict(object), saver);
    else
        packed_save(object, saver);
}

/* Loading. */

/* The next field to the end; false when it cannot be, or there is no memory. */
static bool field_load(struct gf_hash_packed *packed, struct gf_loader *loader)
{
    struct gf_bytes field = gf_load_bytes(loader);
    struct gf_bytes value = gf_load_bytes(loader);
    uint64_t expire_ms = packed->expiring ? gf_load_u64(loader) : 0;
    struct gf_packed_draft field_draft;
    struct gf_packed_draft value_draft;
    size_t offset;

    if (!gf_loader_ok(loader) || expire_ms > INT64_MAX ||
        field.size + value.size > GF_HASH_PACKED_SIZE_MAX)
        return false;
    field_draft = gf_packed_draft(field);
    value_draft = gf_packed_draft(value);
    return !gf_hash_packed_find(packed, &field_draft, &offset) &&
           gf_hash_packed_append(packed, &field_draft, &value_draft, expire_ms);
}

static bool packed_load(struct gf_loader *loader, uint8_t encoding, struct gf_value *ret_value)
{
    uint64_t count = gf_load_count(loader, 2);
    struct gf_hash_packed packed;
    bool good = gf_loader_ok(loader) && count > 0 && count <= GF_HASH_PACKED_COUNT_MAX;

    if (!good || !gf_hash_packed_init(&packed, (encoding & GF_ENCODING_GOES) != 0))
        return false;
    for (uint64_t i = 0; good && i < count; i++)
        good = field_load(&packed, loader);
    /* Twice as large as it gets by itself: those that expire have bytes more. */
    if (!good || packed.block.size > 2 * GF_HASH_PACKED_SIZE_MAX) {
        gf_free(GF_MEMORY_DATA, packed.block.data);
        return false;
    }
    *ret_value = (struct gf_value){
        .type = GF_TYPE_HASH,
        .encoding = encoding,
        .bytes = {.data = packed.block.data, .size = packed.block.size},
    };
    return true;
}

static bool dict_load(struct gf_loader *loader, uint8_t encoding, struct gf_value *ret_value)
{
    struct gf_dict *dict = gf_alloc(GF_MEMORY_DATA, sizeof(*dict));
    bool loaded = gf_dict_load(dict, GF_DICT_BYTES, loader);

    /* Without the bit nobody would ask when its fields go. */
    if (!loaded || gf_dict_count(dict) == 0 ||
        (dict->first_expire_ms != UINT64_MAX && (encoding & GF_ENCODING_GOES) == 0)) {
        if (loaded)
            gf_dict_deinit(dict);
        gf_free(GF_MEMORY_DATA, dict);
        return false;
    }
    *ret_value = (struct gf_value){.type = GF_TYPE_HASH, .encoding = encoding, .pointer = dict};
    return true;
}

static bool hash_load(struct gf_loader *loader, struct gf_value *ret_value)
{
    uint64_t encoding = gf_load_u64(loader);

    if (!gf_loader_ok(loader) ||
        (encoding & ~(uint64_t)(GF_HASH_TABLE | GF_HASH_DICT | GF_ENCODING_GOES)) != 0)
        return false;
    if ((encoding & GF_HASH_DICT) != 0)
        return dict_load(loader, (uint8_t)encoding, ret_value);
    return packed_load(loader, (uint8_t)encoding, ret_value);
}

const struct gf_type gf_hash_type = {
    .name = "hash",
    .id = GF_TYPE_HASH,
    .encoding_name = hash_encoding_name,
    .free = hash_free,
    .free_slice = hash_free_slice,
    .copy = hash_copy,
    .memory = hash_memory,
    .length = hash_length,
    .prefetch = hash_prefetch,
    .gone = gf_hash_gone,
    .purge = gf_hash_purge_fields,
    .digest = hash_digest,
    .save = hash_save,
    .load = hash_load,
};
