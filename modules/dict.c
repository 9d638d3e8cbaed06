/* One entry at a time: find, put, change, remove. How the table grows is in dict_grow.c. */
#include "modules/dict.h"

#include <string.h>

#include "core/alloc.h"
#include "modules/dict_parts.h"
#include "modules/object.h"

/* Most buckets are about so long. Entries are looked at one after the other, so each line would be
 * waited for in its turn. */
#define PREFETCH_LINES 6u
#define PREFETCH_SIZE_MAX 1024u /* bytes of a bucket: about what its entries are, ten of them */
#define LINE_SIZE 64u

/* The parts of an entry to be written. */
struct parts {
    struct gf_packed_draft key;
    struct gf_packed_draft value;  /* GF_DICT_BYTES */
    struct gf_packed_draft expiry; /* when `expiring` */
    struct gf_packed_far *key_far; /* made for this entry, or NULL */
    struct gf_packed_far *value_far;
    double score;
    bool expiring; /* of the bucket it goes to */
};

void gf_dict_init(struct gf_dict *dict, enum gf_dict_kind kind, uint64_t hash_seed)
{
    *dict = (struct gf_dict){
        .hash_seed = hash_seed, .first_expire_ms = UINT64_MAX, .kind = (uint8_t)kind};
}

void gf_dict_deinit(struct gf_dict *dict)
{
    while (!gf_dict_free_slice(dict, UINT64_MAX))
        continue;
}

/* Finding. */

const char *gf_dict_entry_read(const struct gf_dict *dict, bool expiring, const char *at,
                               struct gf_dict_entry *ret_entry)
{
    at = gf_packed_read(at, &ret_entry->key);
    ret_entry->expire_ms = 0;
    if (dict->kind == GF_DICT_BYTES) {
        at = gf_packed_read(at, &ret_entry->value);
    } else if (dict->kind == GF_DICT_SCORES) {
        memcpy(&ret_entry->score, at, sizeof(ret_entry->score));
        at += sizeof(ret_entry->score);
    }
    if (GF_UNLIKELY(expiring)) {
        struct gf_packed_view expiry;

        at = gf_packed_read(at, &expiry);
        ret_entry->expire_ms = (uint64_t)expiry.number;
    }
    return at;
}

bool gf_dict_locate(const struct gf_dict *dict, const struct gf_packed_draft *key,
                    struct gf_dict_place *ret_place)
{
    uint64_t hash = gf_packed_draft_hash(key, dict->hash_seed);
    const struct gf_dict_bucket *bucket;
    const char *at;
    const char *end;

    ret_place->index = gf_dict_bucket_index(dict, hash);
    ret_place->bucket = gf_dict_slot(dict, ret_place->index);
    ret_place->offset = 0;
    bucket = *ret_place->bucket;
    if (!bucket)
        return false;
    for (size_t line = 1; line < PREFETCH_LINES; line++)
        __builtin_prefetch((const char *)bucket + line * LINE_SIZE);
    at = bucket->entries;
    end = at + bucket->size;
    while (at < end && !gf_packed_is(at, key))
        at = gf_dict_entry_next(dict, bucket->expiring, at);
    ret_place->offset = (size_t)(at - bucket->entries);
    return at < end;
}

bool gf_dict_find(const struct gf_dict *dict, struct gf_bytes key, struct gf_dict_entry *ret_entry)
{
    struct gf_packed_draft draft;
    struct gf_dict_place place;

    if (dict->buckets_count == 0)
        return false;
    draft = gf_packed_draft(key);
    if (!gf_dict_locate(dict, &draft, &place))
        return false;
    if (ret_entry)
        gf_dict_entry_read(dict, (*place.bucket)->expiring, (*place.bucket)->entries + place.offset,
                           ret_entry);
    return true;
}

/* The bucket that a key is in, or would be; the dict is not empty. */
static uint32_t index_of(const struct gf_dict *dict, struct gf_bytes key)
{
    struct gf_packed_draft draft = gf_packed_draft(key);

    return gf_dict_bucket_index(dict, gf_packed_draft_hash(&draft, dict->hash_seed));
}

uint32_t gf_dict_prefetch_place(const struct gf_dict *dict, struct gf_bytes key)
{
    uint32_t index;

    if (dict->buckets_count == 0)
        return 0;
    index = index_of(dict, key);
    gf_prefetch(gf_dict_slot(dict, index));
    return index;
}

void gf_dict_prefetch_bucket(const struct gf_dict *dict, uint32_t index)
{
    const struct gf_dict_bucket *bucket;

    if (index >= dict->buckets_count)
        return;
    bucket = *gf_dict_slot(dict, index);
    if (bucket == NULL)
        return;
    for (size_t line = 0; line < PREFETCH_LINES; line++)
        gf_prefetch((const char *)bucket + line * LINE_SIZE);
}

const void *gf_dict_prefetch(const struct gf_dict *dict, struct gf_bytes key, uint32_t step,
                             const void *at)
{
    const struct gf_dict_bucket *bucket;
    size_t size;

    switch (step) {
    case 0:
        if (dict->buckets_count == 0)
            return NULL;
        at = gf_dict_slot(dict, index_of(dict, key));
        gf_prefetch(at);
        return at;
    case 1:
        bucket = *(struct gf_dict_bucket *const *)at;
        if (bucket)
            gf_prefetch(bucket);
        return bucket;
    default:
        bucket = at;
        size = bucket->size < PREFETCH_SIZE_MAX ? bucket->size : PREFETCH_SIZE_MAX;
        for (size_t line = LINE_SIZE; line < sizeof(*bucket) + size; line += LINE_SIZE)
            gf_prefetch((const char *)bucket + line);
        return NULL;
    }
}

/* Buckets. */

struct gf_dict_bucket *gf_dict_bucket_resize(struct gf_dict_bucket *bucket, size_t size)
{
    size_t needed = sizeof(*bucket) + size;
    size_t capacity = gf_alloc_size(bucket);
    struct gf_dict_bucket *other;

    GF_ASSERT(size <= GF_DICT_BUCKET_SIZE_MAX);
    if (needed <= capacity && needed >= capacity - capacity / 4)
        return bucket;
    other = gf_alloc_try(GF_MEMORY_DATA, needed);
    if (!other)
        return needed <= capacity ? bucket : NULL;
    if (bucket)
        memcpy(other, bucket, sizeof(*bucket) + bucket->size);
    else
        *other = (struct gf_dict_bucket){0};
    gf_free(GF_MEMORY_DATA, bucket);
    return other;
}

/* Make the old_size bytes at an offset of a bucket new_size bytes long, as gf_block_splice does.
 * NULL when there is no memory or the bucket would be too large. */
static char *bucket_splice(struct gf_dict_bucket **slot, size_t offset, size_t old_size,
                           size_t new_size)
{
    size_t before = *slot ? (*slot)->size : 0;
    size_t size = before - old_size + new_size;
    size_t behind = before - offset - old_size;
    struct gf_dict_bucket *bucket = *slot;

    GF_ASSERT(offset + old_size <= before);
    if (new_size == old_size)
        return bucket->entries + offset; /* the lines behind stay clean */
    if (size > GF_DICT_BUCKET_SIZE_MAX)
        return NULL;
    if (new_size > old_size) {
        bucket = gf_dict_bucket_resize(bucket, size);
        if (!bucket)
            return NULL;
    }
    memmove(bucket->entries + offset + new_size, bucket->entries + offset + old_size, behind);
    bucket->size = size & GF_DICT_BUCKET_SIZE_MAX;
    if (new_size < old_size)
        bucket = gf_dict_bucket_resize(bucket, size);
    *slot = bucket;
    return bucket->entries + offset;
}

bool gf_dict_bucket_make_expiring(struct gf_dict *dict, struct gf_dict_bucket **slot)
{
    struct gf_dict_bucket *old = *slot;
    struct gf_dict_bucket *bucket;
    const char *at;
    char *to;

    if (!old || old->expiring)
        return true;
    if ((size_t)old->size + old->count > GF_DICT_BUCKET_SIZE_MAX)
        return false;
    bucket = gf_alloc_try(GF_MEMORY_DATA, sizeof(*bucket) + old->size + old->count);
    if (!bucket)
        return false;
    at = old->entries;
    to = bucket->entries;
    for (uint32_t i = 0; i < old->count; i++) {
        const char *next = gf_dict_entry_next(dict, false, at);

        memcpy(to, at, (size_t)(next - at));
        to += next - at;
        *to++ = (char)GF_PACKED_INT_FIRST; /* the integer 0 */
        at = next;
    }
    bucket->size = (uint32_t)(to - bucket->entries) & GF_DICT_BUCKET_SIZE_MAX;
    bucket->count = old->count;
    bucket->expiring = true;
    gf_free(GF_MEMORY_DATA, old);
    *slot = bucket;
    return true;
}

/* Parts of an entry. */

/* Keep bytes near or far: *draft becomes what is written. False when there is no memory. */
static bool part_place(struct gf_packed_draft *draft, struct gf_packed_far **ret_far)
{
    *ret_far = NULL;
    if (GF_LIKELY(draft->tail.size <= GF_DICT_NEAR_MAX))
        return true;
    *ret_far = gf_packed_far_create(draft->tail);
    if (!*ret_far)
        return false;
    *draft = gf_packed_draft_far(*ret_far);
    return true;
}

/* What stands behind the key. */
static size_t rest_size(const struct gf_dict *dict, const struct parts *parts)
{
    size_t size = 0;

    if (dict->kind == GF_DICT_BYTES)
        size = gf_packed_draft_size(&parts->value);
    else if (dict->kind == GF_DICT_SCORES)
        size = sizeof(parts->score);
    return parts->expiring ? size + gf_packed_draft_size(&parts->expiry) : size;
}

static void rest_write(const struct gf_dict *dict, const struct parts *parts, char *at)
{
    if (dict->kind == GF_DICT_BYTES) {
        at = gf_packed_write(at, &parts->value);
    } else if (dict->kind == GF_DICT_SCORES) {
        memcpy(at, &parts->score, sizeof(parts->score));
        at += sizeof(parts->score);
    }
    if (parts->expiring)
        gf_packed_write(at, &parts->expiry);
}

/* Value, score and expiry as they will be written. False when there is no memory. */
static bool rest_draft(const struct gf_dict *dict, const struct gf_dict_draft *draft,
                       struct parts *parts)
{
    parts->value_far = NULL;
    if (dict->kind == GF_DICT_KEYS)
        return true;
    parts->score = draft->score;
    if (dict->kind != GF_DICT_BYTES)
        return true;
    if (draft->value.size > GF_PACKED_SIZE_MAX)
        return false;
    parts->value = gf_packed_draft(draft->value);
    if (parts->expiring)
        parts->expiry = gf_packed_draft_int((int64_t)draft->expire_ms);
    return part_place(&parts->value, &parts->value_far);
}

static void far_free(const struct gf_packed_view *view)
{
    gf_free(GF_MEMORY_DATA, view->far);
}

/* Make the bucket at `index` able to hold an entry with that expiry. */
static bool expiry_prepare(struct gf_dict *dict, uint32_t index, uint64_t expire_ms)
{
    if (GF_LIKELY(expire_ms == 0))
        return true;
    GF_ASSERT(dict->kind == GF_DICT_BYTES);
    GF_ASSERT(expire_ms <= INT64_MAX);
    return gf_dict_expiries_reserve(dict, index) &&
           gf_dict_bucket_make_expiring(dict, gf_dict_slot(dict, index));
}

/* Storing. */

bool gf_dict_append(struct gf_dict *dict, uint32_t index, const struct gf_packed_draft *key,
                    const struct gf_dict_draft *draft)
{
    struct gf_dict_bucket **slot = gf_dict_slot(dict, index);
    uint64_t expire_ms = draft ? draft->expire_ms : 0;
    struct parts parts;
    size_t key_size;
    char *at;

    if (*slot && (*slot)->count == GF_DICT_BUCKET_COUNT_MAX)
        return false;
    if (!expiry_prepare(dict, index, expire_ms))
        return false;
    parts.expiring = expire_ms != 0 || gf_dict_bucket_expiring(*slot);
    parts.key = *key;
    if (!part_place(&parts.key, &parts.key_far))
        return false;
    key_size = gf_packed_draft_size(&parts.key);
    if (!rest_draft(dict, draft, &parts) ||
        !(at = bucket_splice(slot, *slot ? (*slot)->size : 0, 0,
                             key_size + rest_size(dict, &parts)))) {
        gf_free(GF_MEMORY_DATA, parts.key_far);
        gf_free(GF_MEMORY_DATA, parts.value_far);
        return false;
    }

    rest_write(dict, &parts, gf_packed_write(at, &parts.key));
    (*slot)->expiring = parts.expiring;
    (*slot)->count++;
    dict->count++;
    if ((*slot)->count > dict->largest)
        dict->largest = (*slot)->count;
    if (GF_UNLIKELY(parts.expiring)) {
        gf_dict_expiry_changed(dict, 0, expire_ms);
        gf_dict_expiries_note(dict, index);
    }
    return true;
}

/* Other things behind the key at `place`. */
static bool entry_change(struct gf_dict *dict, struct gf_dict_place *place,
                         const struct gf_packed_draft *key, const struct gf_dict_draft *draft)
{
    bool expiring = gf_dict_bucket_expiring(*place->bucket);
    struct gf_dict_entry old;
    struct parts parts;
    const char *value;
    size_t offset;
    char *at;

    if (draft->expire_ms != 0 && !expiring) {
        if (!expiry_prepare(dict, place->index, draft->expire_ms))
            return false;
        gf_dict_locate(dict, key, place); /* the bucket was rewritten */
    }
    parts.expiring = expiring || draft->expire_ms != 0;
    if (!rest_draft(dict, draft, &parts))
        return false;
    at = (*place->bucket)->entries + place->offset;
    value = gf_packed_next(at);
    offset = place->offset + (size_t)(value - at);
    const char *next = gf_dict_entry_read(dict, parts.expiring, at, &old);

    at = bucket_splice(place->bucket, offset, (size_t)(next - value), rest_size(dict, &parts));
    if (!at) {
        gf_free(GF_MEMORY_DATA, parts.value_far);
        return false;
    }
    rest_write(dict, &parts, at);
    if (dict->kind == GF_DICT_BYTES)
        far_free(&old.value);
    if (GF_UNLIKELY(parts.expiring)) {
        gf_dict_expiry_changed(dict, old.expire_ms, draft->expire_ms);
        gf_dict_expiries_note(dict, place->index);
    }
    return true;
}

static void place_read(const struct gf_dict *dict, const struct gf_dict_place *place,
                       struct gf_dict_entry *ret_entry)
{
    gf_dict_entry_read(dict, gf_dict_bucket_expiring(*place->bucket),
                       (*place->bucket)->entries + place->offset, ret_entry);
}

enum gf_dict_put_result gf_dict_put(struct gf_dict *dict, struct gf_bytes key,
                                    const struct gf_dict_draft *draft,
                                    struct gf_dict_entry *ret_entry)
{
    struct gf_packed_draft key_draft;
    struct gf_dict_place place;

    if (key.size > GF_PACKED_SIZE_MAX)
        return GF_DICT_NO_MEMORY;
    if (dict->buckets_count == 0 && !gf_dict_add_bucket(dict))
        return GF_DICT_NO_MEMORY;
    GF_ASSERT(draft || dict->kind == GF_DICT_KEYS);
    key_draft = gf_packed_draft(key);
    if (gf_dict_locate(dict, &key_draft, &place)) {
        if (dict->kind != GF_DICT_KEYS && !entry_change(dict, &place, &key_draft, draft))
            return GF_DICT_NO_MEMORY;
        if (ret_entry)
            place_read(dict, &place, ret_entry);
        return GF_DICT_CHANGED;
    }
    if (!gf_dict_append(dict, place.index, &key_draft, draft))
        return GF_DICT_NO_MEMORY;
    if (dict->count > (uint64_t)dict->buckets_count * GF_DICT_LOAD) {
        gf_dict_split(dict);
        if (ret_entry)
            gf_dict_locate(dict, &key_draft, &place);
    }
    if (ret_entry)
        place_read(dict, &place, ret_entry);
    return GF_DICT_ADDED;
}

bool gf_dict_set_expire(struct gf_dict *dict, struct gf_bytes key, uint64_t expire_ms)
{
    struct gf_packed_draft key_draft = gf_packed_draft(key);
    struct gf_packed_draft expiry = gf_packed_draft_int((int64_t)expire_ms);
    struct gf_dict_place place;
    bool found = dict->buckets_count > 0 && gf_dict_locate(dict, &key_draft, &place);
    struct gf_packed_view old;
    const char *at;
    char *to;

    GF_ASSERT(found);
    if (expire_ms == 0 && !(*place.bucket)->expiring)
        return true;
    if (!expiry_prepare(dict, place.index, expire_ms))
        return false;
    gf_dict_locate(dict, &key_draft, &place);
    at = gf_packed_skip((*place.bucket)->entries + place.offset, 2);
    to = bucket_splice(place.bucket, (size_t)(at - (*place.bucket)->entries),
                       (size_t)(gf_packed_read(at, &old) - at), gf_packed_draft_size(&expiry));
    if (!to)
        return false;
    gf_packed_write(to, &expiry);
    gf_dict_expiry_changed(dict, (uint64_t)old.number, expire_ms);
    gf_dict_expiries_note(dict, place.index);
    return true;
}

/* Removing. */

void gf_dict_entry_free(const struct gf_dict *dict, const struct gf_dict_entry *entry)
{
    far_free(&entry->key);
    if (dict->kind == GF_DICT_BYTES)
        far_free(&entry->value);
}

void gf_dict_remove_at(struct gf_dict *dict, const struct gf_dict_place *place)
{
    struct gf_dict_bucket *bucket = *place->bucket;
    bool expiring = bucket->expiring;
    const char *at = bucket->entries + place->offset;
    struct gf_dict_entry entry;
    const char *next = gf_dict_entry_read(dict, expiring, at, &entry);

    GF_ASSERT(dict->count > 0);
    GF_ASSERT(bucket->count > 0);
    gf_dict_entry_free(dict, &entry);
    bucket->count--;
    dict->count--;
    if (bucket->count == 0) {
        gf_free(GF_MEMORY_DATA, bucket);
        *place->bucket = NULL;
    } else {
        bucket_splice(place->bucket, place->offset, (size_t)(next - at), 0);
    }
    if (GF_UNLIKELY(expiring)) {
        gf_dict_expiry_changed(dict, entry.expire_ms, 0);
        gf_dict_expiries_note(dict, place->index);
    }
    if (dict->count < (uint64_t)dict->buckets_count * GF_DICT_LOAD_MIN)
        gf_dict_merge(dict);
}

bool gf_dict_remove(struct gf_dict *dict, struct gf_bytes key)
{
    struct gf_packed_draft draft;
    struct gf_dict_place place;

    if (dict->buckets_count == 0)
        return false;
    draft = gf_packed_draft(key);
    if (!gf_dict_locate(dict, &draft, &place))
        return false;
    gf_dict_remove_at(dict, &place);
    return true;
}
