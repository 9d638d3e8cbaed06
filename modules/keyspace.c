/* One key at a time: find, store, change, remove. */
#include "modules/keyspace.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/hash.h"
#include "modules/keyspace_parts.h"
#include "modules/module.h"

#define FREE_AT_ONCE_MAX 64u /* elements; larger structures are freed in slices */

_Static_assert(offsetof(struct gf_keyspace, table) == 0, "gf_keyspace_prefetch_* count on it");

struct gf_keyspace *gf_keyspace_create(const struct gf_keyspace_context *context)
{
    struct gf_keyspace *keyspace = gf_alloc_zero(GF_MEMORY_DATA, sizeof(*keyspace));

    keyspace->context = context;
    keyspace->heap_owned = context->heap == NULL;
    keyspace->heap = context->heap ? context->heap : gf_heap_create(NULL);
    keyspace->random = context->hash_seed;
    gf_table_init(&keyspace->table, keyspace->heap->pages, context->hash_seed);
    gf_slab_enter(&keyspace->heap->slab);
    gf_list_push_back(&keyspace->heap->keyspaces, &keyspace->heap_link);
    gf_slab_leave(&keyspace->heap->slab);
    return keyspace;
}

void gf_keyspace_destroy(struct gf_keyspace *keyspace)
{
    if (!keyspace)
        return;
    while (!gf_keyspace_clear_slice(keyspace, UINT32_MAX))
        continue;
    gf_table_deinit(&keyspace->table);
    gf_free(GF_MEMORY_DATA, keyspace->dying);
    gf_slab_enter(&keyspace->heap->slab);
    gf_list_remove(&keyspace->heap_link);
    gf_slab_leave(&keyspace->heap->slab);
    if (keyspace->heap_owned)
        gf_heap_destroy(keyspace->heap);
    gf_free(GF_MEMORY_DATA, keyspace);
}

uint64_t gf_keyspace_hash(uint64_t hash_seed, struct gf_bytes key)
{
    return gf_hash64(key.data, key.size, hash_seed);
}

struct gf_object *gf_keyspace_find(struct gf_keyspace *keyspace, uint64_t hash, struct gf_bytes key,
                                   uint64_t now_ms)
{
    struct gf_object *object = gf_table_find(&keyspace->table, hash, key, NULL);

    if (!object || gf_keyspace_is_expired(keyspace, object, now_ms))
        return NULL;
    gf_object_access_touch(keyspace, object, now_ms);
    return object;
}

struct gf_object *gf_keyspace_peek(const struct gf_keyspace *keyspace, uint64_t hash,
                                   struct gf_bytes key, uint64_t now_ms)
{
    struct gf_object *object = gf_table_find(&keyspace->table, hash, key, NULL);

    return object && !gf_keyspace_is_expired(keyspace, object, now_ms) ? object : NULL;
}

bool gf_keyspace_value_is_gone(const struct gf_keyspace *keyspace, const struct gf_object *object,
                               uint64_t now_ms)
{
    const struct gf_type *type = keyspace->context->types[object->type];

    GF_ASSERT(type->gone != NULL);
    return type->gone(object, now_ms);
}

/* Accounts of expiries. */

static void volatile_add(struct gf_keyspace *keyspace, const struct gf_object *object)
{
    keyspace->going_count += gf_object_goes(object);
    if (object->flags & GF_OBJECT_EXPIRE) {
        keyspace->volatile_count++;
        keyspace->expire_sum_ms += gf_object_expire_ms(object);
    }
}

static void volatile_remove(struct gf_keyspace *keyspace, const struct gf_object *object)
{
    keyspace->going_count -= gf_object_goes(object);
    if (object->flags & GF_OBJECT_EXPIRE) {
        GF_ASSERT(keyspace->volatile_count > 0);
        keyspace->volatile_count--;
        keyspace->expire_sum_ms -= gf_object_expire_ms(object);
    }
}

/* Structures. */

void gf_keyspace_retire(struct gf_keyspace *keyspace, uint8_t type_id, void *value)
{
    const struct gf_type *type = keyspace->context->types[type_id];
    size_t capacity = gf_alloc_size(keyspace->dying) / sizeof(*keyspace->dying);

    GF_ASSERT(type != NULL);
    GF_ASSERT(type->free != NULL);
    if (!type->free_slice || !type->length || type->length(value) <= FREE_AT_ONCE_MAX) {
        type->free(value);
        return;
    }
    if (keyspace->dying_count == capacity) {
        struct gf_dying *dying =
            gf_realloc_try(GF_MEMORY_DATA, keyspace->dying,
                           2 * (keyspace->dying_count + 1) * sizeof(*keyspace->dying));

        GF_ASSERT(dying != NULL);
        keyspace->dying = dying;
    }
    keyspace->dying[keyspace->dying_count++] = (struct gf_dying){.value = value, .type = type_id};
}

void gf_keyspace_object_free(struct gf_keyspace *keyspace, struct gf_object *object)
{
    if (object->flags & GF_OBJECT_POINTER)
        gf_keyspace_retire(keyspace, object->type, gf_object_pointer(object));
    gf_object_destroy(&keyspace->heap->slab, object);
}

/* Storing. */

/* Another object with the same key: into the bucket with it, away with the old one. */
static void object_swap(struct gf_keyspace *keyspace, const struct gf_table_place *place,
                        struct gf_object *old, struct gf_object *object)
{
    object->access = old->access;
    volatile_remove(keyspace, old);
    volatile_add(keyspace, object);
    gf_table_replace(place, object);
    gf_keyspace_object_free(keyspace, old);
}

static struct gf_object *put_new(struct gf_keyspace *keyspace, uint64_t hash,
                                 const struct gf_object_draft *draft, uint64_t now_ms)
{
    struct gf_object *object = gf_object_create(&keyspace->heap->slab, draft);

    if (!object)
        return NULL;
    gf_object_access_init(keyspace->context, object, now_ms);
    volatile_add(keyspace, object);
    gf_table_insert(&keyspace->table, hash, object);
    return object;
}

/* Make the object at `place` hold `draft`, in place or as another object. */
static struct gf_object *object_change(struct gf_keyspace *keyspace,
                                       const struct gf_table_place *place,
                                       const struct gf_object_draft *draft)
{
    struct gf_object *old = gf_bucket_object(place->bucket, place->slot);
    struct gf_object *object;

    volatile_remove(keyspace, old);
    if (gf_object_overwrite(old, draft)) {
        volatile_add(keyspace, old);
        gf_table_replace(place, old); /* the bucket learns of an expiry */
        return old;
    }
    volatile_add(keyspace, old);
    object = gf_object_create(&keyspace->heap->slab, draft);
    if (object)
        object_swap(keyspace, place, old, object);
    return object;
}

static void made_note(struct gf_keyspace *keyspace, uint64_t hash, uint64_t now_ms, bool expired)
{
    keyspace->made_hash = hash;
    keyspace->made_ms = now_ms;
    keyspace->made_over_expired = expired;
}

enum gf_made gf_keyspace_made(struct gf_keyspace *keyspace, uint64_t hash, uint64_t now_ms)
{
    if (keyspace->made_hash != hash || keyspace->made_ms != now_ms)
        return GF_MADE_NOT;
    keyspace->made_ms = 0;
    return keyspace->made_over_expired ? GF_MADE_OVER_EXPIRED : GF_MADE_NEW;
}

struct gf_object *gf_keyspace_put(struct gf_keyspace *keyspace, uint64_t hash, struct gf_bytes key,
                                  const struct gf_value *value, uint64_t expire_ms, uint64_t now_ms)
{
    struct gf_object_draft draft = {.key = key,
                                    .bytes = value->bytes,
                                    .pointer = value->pointer,
                                    .expire_ms = expire_ms,
                                    .type = value->type,
                                    .encoding = value->encoding};
    struct gf_table_place place;
    struct gf_object *old = gf_table_find(&keyspace->table, hash, key, &place);
    struct gf_object *object;

    if (!old) {
        if (expire_ms == GF_KEEP_EXPIRE)
            draft.expire_ms = 0;
        made_note(keyspace, hash, now_ms, false);
        return put_new(keyspace, hash, &draft, now_ms);
    }
    if (expire_ms == GF_KEEP_EXPIRE)
        draft.expire_ms =
            gf_keyspace_is_expired(keyspace, old, now_ms) ? 0 : gf_object_expire_ms(old);
    if (GF_UNLIKELY(gf_keyspace_is_expired(keyspace, old, now_ms)))
        made_note(keyspace, hash, now_ms, true);
    draft.key = gf_object_key(old);
    object = object_change(keyspace, &place, &draft);
    if (object)
        gf_object_access_touch(keyspace, object, now_ms);
    return object;
}

static struct gf_table_place place_of(const struct gf_keyspace *keyspace, uint64_t hash,
                                      const struct gf_object *object)
{
    struct gf_table_place place;
    bool found = gf_table_locate(&keyspace->table, hash, object, &place);

    GF_ASSERT(found);
    return place;
}

/* The bytes of a value that is about to be `size` long and can become so without moving. */
static char *value_in_place(struct gf_object *object, size_t size)
{
    if (object->flags & GF_OBJECT_BLOCK) {
        struct gf_object_block block = gf_object_block(object);
        size_t capacity = gf_alloc_size(block.data);

        if (size > capacity || (size < capacity / 2 && size < block.size))
            return NULL;
        block.size = size;
        memcpy(gf_object_value(object), &block, sizeof(block));
        return block.data;
    }
    size_t offset = (size_t)(gf_object_value(object) - (char *)object);

    if (offset + size > gf_object_block_size(object) || size > UINT16_MAX)
        return NULL;
    object->value_size = (uint16_t)size;
    return gf_object_value(object);
}

/* A larger block for the bytes of an object that has one. */
static char *block_grow(struct gf_object *object, size_t size, size_t slack)
{
    struct gf_object_block block = gf_object_block(object);
    char *data = gf_realloc_try(GF_MEMORY_DATA, block.data, size + slack);

    if (!data)
        return NULL;
    block.data = data;
    block.size = size;
    memcpy(gf_object_value(object), &block, sizeof(block));
    return data;
}

/* Another object with the same bytes, `size` of them; zeroes behind the old ones. */
static struct gf_object *object_with_size(struct gf_keyspace *keyspace,
                                          const struct gf_table_place *place, size_t size,
                                          size_t slack)
{
    struct gf_object *old = gf_bucket_object(place->bucket, place->slot);
    struct gf_bytes bytes = gf_object_bytes(old);
    struct gf_object_draft draft = {.key = gf_object_key(old),
                                    .bytes = {.size = size},
                                    .expire_ms = gf_object_expire_ms(old),
                                    .size_slack = slack,
                                    .type = old->type,
                                    .encoding = old->encoding};
    struct gf_object *object = gf_object_create(&keyspace->heap->slab, &draft);

    if (!object)
        return NULL;
    memcpy((char *)gf_object_bytes(object).data, bytes.data, bytes.size < size ? bytes.size : size);
    object_swap(keyspace, place, old, object);
    return object;
}

struct gf_object *gf_keyspace_resize(struct gf_keyspace *keyspace, uint64_t hash,
                                     struct gf_object *object, size_t size, uint8_t encoding,
                                     char **ret_data)
{
    struct gf_bytes before = gf_object_bytes(object);
    /* A value that was grown before will grow again: an eighth more makes that O(1) a byte. */
    bool grows_again =
        size > before.size && object->type == GF_TYPE_STRING && object->encoding == GF_STRING_RAW;
    size_t slack = grows_again ? size / 8 : 0;
    char *data;

    GF_ASSERT(!(object->flags & GF_OBJECT_POINTER));
    data = value_in_place(object, size);
    if (!data && object->flags & GF_OBJECT_BLOCK && size > before.size)
        data = block_grow(object, size, slack);
    if (data) {
        if (size > before.size)
            memset(data + before.size, 0, size - before.size);
    } else {
        struct gf_table_place place = place_of(keyspace, hash, object);

        object = object_with_size(keyspace, &place, size, slack);
        if (!object)
            return NULL;
        data = (char *)gf_object_bytes(object).data;
    }
    GF_ASSERT((encoding & GF_ENCODING_GOES) == (object->encoding & GF_ENCODING_GOES));
    object->encoding = encoding & 15u;
    *ret_data = data;
    return object;
}

void gf_keyspace_set_int(struct gf_keyspace *keyspace, struct gf_object *object, int64_t value)
{
    (void)keyspace;
    GF_ASSERT(object->type == GF_TYPE_STRING);
    GF_ASSERT(object->encoding == GF_STRING_INT);
    memcpy(gf_object_value(object), &value, sizeof(value));
}

void gf_keyspace_set_encoding(struct gf_keyspace *keyspace, uint64_t hash, struct gf_object *object,
                              uint8_t encoding)
{
    bool went = gf_object_goes(object);

    keyspace->going_count -= went;
    object->encoding = encoding & 15u;
    keyspace->going_count += gf_object_goes(object);
    if (gf_object_goes(object) && !went) {
        struct gf_table_place place = place_of(keyspace, hash, object);

        gf_table_replace(&place, object); /* the bucket learns of it */
    }
}

struct gf_object *gf_keyspace_set_expire(struct gf_keyspace *keyspace, uint64_t hash,
                                         struct gf_object *object, uint64_t expire_ms)
{
    struct gf_table_place place;
    struct gf_object *moved;

    if (expire_ms != 0 && object->flags & GF_OBJECT_EXPIRE) {
        volatile_remove(keyspace, object);
        memcpy(object + 1, &expire_ms, sizeof(expire_ms));
        volatile_add(keyspace, object);
        return object;
    }
    if (expire_ms == gf_object_expire_ms(object))
        return object;
    place = place_of(keyspace, hash, object);
    volatile_remove(keyspace, object);
    moved = gf_object_with_expire(&keyspace->heap->slab, object, expire_ms);
    volatile_add(keyspace, moved);
    gf_table_replace(&place, moved);
    return moved;
}

/* Removing. */

/* Out of the table and the accounts; the object is the caller's. */
static struct gf_object *object_unlink(struct gf_keyspace *keyspace, uint64_t hash,
                                       const struct gf_table_place *place)
{
    struct gf_object *object = gf_bucket_object(place->bucket, place->slot);

    volatile_remove(keyspace, object);
    gf_table_remove(&keyspace->table, hash, place);
    return object;
}

size_t gf_keyspace_drop(struct gf_keyspace *keyspace, uint64_t hash,
                        const struct gf_table_place *place)
{
    struct gf_object *object = object_unlink(keyspace, hash, place);
    size_t size = gf_object_memory(object);

    gf_keyspace_object_free(keyspace, object);
    return size;
}

void gf_keyspace_remove(struct gf_keyspace *keyspace, uint64_t hash, struct gf_object *object)
{
    struct gf_table_place place = place_of(keyspace, hash, object);

    gf_keyspace_object_free(keyspace, object_unlink(keyspace, hash, &place));
}

void gf_keyspace_take(struct gf_keyspace *keyspace, uint64_t hash, struct gf_object *object,
                      struct gf_value *ret_value, uint64_t *ret_expire_ms)
{
    struct gf_table_place place = place_of(keyspace, hash, object);
    struct gf_value value = {.type = object->type, .encoding = object->encoding};

    *ret_expire_ms = gf_object_expire_ms(object);
    (void)object_unlink(keyspace, hash, &place);
    if (object->flags & GF_OBJECT_POINTER) {
        value.pointer = gf_object_pointer(object);
    } else if (object->flags & GF_OBJECT_BLOCK) {
        /* The block changes hands instead of being copied. */
        value.bytes = gf_object_bytes(object);
        gf_object_forget_block(object);
    } else {
        struct gf_bytes bytes = gf_object_bytes(object);
        char *copy = gf_alloc(GF_MEMORY_DATA, bytes.size);

        memcpy(copy, bytes.data, bytes.size);
        value.bytes = (struct gf_bytes){.data = copy, .size = bytes.size};
    }
    gf_object_destroy(&keyspace->heap->slab, object);
    *ret_value = value;
}

void gf_value_deinit(struct gf_value *value, const struct gf_keyspace_context *context)
{
    if (value->pointer)
        context->types[value->type]->free(value->pointer);
    else
        gf_free(GF_MEMORY_DATA, (char *)value->bytes.data);
    *value = (struct gf_value){0};
}

/* Figures. */

uint64_t gf_keyspace_count(const struct gf_keyspace *keyspace)
{
    return keyspace->table.count;
}

uint64_t gf_keyspace_volatile_count(const struct gf_keyspace *keyspace)
{
    return keyspace->volatile_count;
}

uint64_t gf_keyspace_average_ttl_ms(const struct gf_keyspace *keyspace, uint64_t now_ms)
{
    uint64_t mean_ms;

    if (keyspace->volatile_count == 0)
        return 0;
    mean_ms = (uint64_t)(keyspace->expire_sum_ms / keyspace->volatile_count);
    return mean_ms > now_ms ? mean_ms - now_ms : 0;
}

const struct gf_keyspace_context *gf_keyspace_context_of(const struct gf_keyspace *keyspace)
{
    return keyspace->context;
}
