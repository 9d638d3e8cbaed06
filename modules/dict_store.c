/* Dicts as a whole: copied, freed in slices, measured, saved, loaded, checked. */
#include <string.h>

#include "core/alloc.h"
#include "modules/dict_parts.h"
#include "modules/dump.h"
#include "modules/exec.h"

#define LOAD_LOADED_MIN                                                                            \
    8u /* buckets to an entry in what is loaded; in fact there are several entries
                            * to a bucket, but where memory was short when some were removed */

/* Copies. */

/* Give the value at `at` its own copy of what it keeps far away. */
static bool far_copy(char *at)
{
    struct gf_packed_view view;
    struct gf_packed_draft draft;
    struct gf_packed_far *far;

    if ((uint8_t)*at != GF_PACKED_FAR)
        return true;
    gf_packed_read(at, &view);
    far = gf_packed_far_create((struct gf_bytes){.data = view.data, .size = view.size});
    if (!far)
        return false;
    draft = gf_packed_draft_far(far);
    gf_packed_write(at, &draft);
    return true;
}

/* The same for key and value of an entry; all or nothing. */
static bool entry_far_copy(const struct gf_dict *dict, char *at)
{
    struct gf_packed_view key;

    if (!far_copy(at))
        return false;
    if (dict->kind != GF_DICT_BYTES || far_copy((char *)gf_packed_next(at)))
        return true;
    gf_packed_read(at, &key);
    gf_free(GF_MEMORY_DATA, key.far);
    return false;
}

/* Whole, or cut off in front of the first entry that still points into the original. */
static struct gf_dict_bucket *bucket_copy(const struct gf_dict *dict,
                                          const struct gf_dict_bucket *bucket)
{
    size_t size = sizeof(*bucket) + bucket->size;
    struct gf_dict_bucket *copy = gf_alloc_try(GF_MEMORY_DATA, size);
    char *at;

    if (!copy)
        return NULL;
    memcpy(copy, bucket, size);
    at = copy->entries;
    for (copy->count = 0; copy->count < bucket->count; copy->count++) {
        if (!entry_far_copy(dict, at))
            break;
        at = (char *)gf_dict_entry_next(dict, copy->expiring, at);
    }
    copy->size = (uint32_t)(at - copy->entries) & GF_DICT_BUCKET_SIZE_MAX;
    return copy;
}

static bool segment_copy_expiries(struct gf_dict *copy, const struct gf_dict *dict, uint32_t index)
{
    const struct gf_dict_segment *from = dict->segments[index / GF_DICT_SEGMENT];
    struct gf_dict_segment *to = copy->segments[index / GF_DICT_SEGMENT];

    if (!from->expiries)
        return true;
    if (!gf_dict_expiries_reserve(copy, index))
        return false;
    to->expiries[index % GF_DICT_SEGMENT] = from->expiries[index % GF_DICT_SEGMENT];
    to->first_expire_ms = from->first_expire_ms;
    return true;
}

/* The bucket at `index`, which is the next, and its expiries. */
static bool bucket_copy_to(struct gf_dict *copy, const struct gf_dict *dict, uint32_t index)
{
    const struct gf_dict_bucket *bucket = *gf_dict_slot(dict, index);
    struct gf_dict_bucket *other;

    if (!gf_dict_add_bucket(copy) || !segment_copy_expiries(copy, dict, index))
        return false;
    if (!bucket)
        return true;
    other = bucket_copy(dict, bucket);
    *gf_dict_slot(copy, index) = other;
    copy->count += other ? other->count : 0;
    return other && other->count == bucket->count;
}

bool gf_dict_copy(struct gf_dict *copy, const struct gf_dict *dict, struct gf_pace *pace)
{
    gf_dict_init(copy, (enum gf_dict_kind)dict->kind, dict->hash_seed);
    for (uint32_t index = 0; index < dict->buckets_count; index++) {
        if (!bucket_copy_to(copy, dict, index)) {
            gf_dict_deinit(copy);
            return false;
        }
        gf_pace_step(pace, 4); /* a bucket of entries that are mostly copied as one */
    }
    copy->largest = dict->largest;
    copy->expiring_count = dict->expiring_count;
    copy->first_expire_ms = dict->first_expire_ms;
    copy->last_expire_ms = dict->last_expire_ms;
    return true;
}

/* Freeing. */

static void bucket_free(const struct gf_dict *dict, struct gf_dict_bucket *bucket)
{
    const char *at = bucket->entries;

    for (uint32_t i = 0; i < bucket->count; i++) {
        struct gf_dict_entry entry;

        at = gf_dict_entry_read(dict, bucket->expiring, at, &entry);
        gf_dict_entry_free(dict, &entry);
    }
    gf_free(GF_MEMORY_DATA, bucket);
}

bool gf_dict_free_slice(struct gf_dict *dict, uint64_t budget)
{
    while (dict->buckets_count > 0 && budget > 0) {
        struct gf_dict_bucket **slot = gf_dict_slot(dict, dict->buckets_count - 1);
        uint64_t count = *slot ? (*slot)->count : 1;

        if (*slot) {
            dict->count -= (*slot)->count;
            bucket_free(dict, *slot);
            *slot = NULL;
        }
        gf_dict_drop_bucket(dict);
        budget -= count < budget ? count : budget;
    }
    return dict->buckets_count == 0;
}

#define FREE_ELEMENTS 64u /* between two pauses */

void gf_dict_free_paced(struct gf_dict *dict, struct gf_pace *pace)
{
    while (!gf_dict_free_slice(dict, FREE_ELEMENTS))
        gf_pace_step(pace, FREE_ELEMENTS / 4);
}

/* Measuring. */

static size_t bucket_memory(const struct gf_dict *dict, const struct gf_dict_bucket *bucket)
{
    size_t size = gf_alloc_size(bucket);
    const char *at = bucket->entries;

    for (uint32_t i = 0; i < bucket->count; i++) {
        struct gf_dict_entry entry = {0};

        at = gf_dict_entry_read(dict, bucket->expiring, at, &entry);
        size += gf_alloc_size(entry.key.far);
        size += gf_alloc_size(entry.value.far);
    }
    return size;
}

size_t gf_dict_memory(const struct gf_dict *dict, uint64_t samples)
{
    size_t directory = gf_alloc_size(dict->segments);
    size_t buckets = 0;
    uint64_t seen = 0;
    uint32_t index = 0;

    for (uint32_t start = 0; start < dict->buckets_count; start += GF_DICT_SEGMENT) {
        const struct gf_dict_segment *segment = dict->segments[start / GF_DICT_SEGMENT];

        directory += gf_alloc_size(segment) + gf_alloc_size(segment->expiries);
    }
    for (; index < dict->buckets_count && (samples == 0 || seen < samples); index++) {
        const struct gf_dict_bucket *bucket = *gf_dict_slot(dict, index);

        if (bucket) {
            seen += bucket->count;
            buckets += bucket_memory(dict, bucket);
        }
    }
    if (seen > 0 && seen < dict->count)
        buckets = (size_t)((double)buckets * (double)dict->count / (double)seen);
    return directory + buckets;
}

/* Saving: buckets_count, and if there are any: largest; then per bucket (count * 2 + expiring) and
 * its entries, as what they mean. */

static void packed_save(struct gf_saver *saver, const struct gf_packed_view *view)
{
    char text[GF_PACKED_TEXT_MAX];

    gf_save_bytes(saver, gf_packed_text(view, text));
}

static void bucket_save(const struct gf_dict *dict, const struct gf_dict_bucket *bucket,
                        struct gf_saver *saver)
{
    const char *at = bucket->entries;

    for (uint32_t i = 0; i < bucket->count; i++) {
        struct gf_dict_entry entry;

        at = gf_dict_entry_read(dict, bucket->expiring, at, &entry);
        packed_save(saver, &entry.key);
        if (dict->kind == GF_DICT_BYTES)
            packed_save(saver, &entry.value);
        else if (dict->kind == GF_DICT_SCORES)
            gf_save_double(saver, entry.score);
        if (bucket->expiring)
            gf_save_u64(saver, entry.expire_ms);
    }
}

void gf_dict_save(const struct gf_dict *dict, struct gf_saver *saver)
{
    gf_save_u64(saver, dict->buckets_count);
    if (dict->buckets_count > 0)
        gf_save_u64(saver, dict->largest);
    for (uint32_t index = 0; index < dict->buckets_count; index++) {
        const struct gf_dict_bucket *bucket = *gf_dict_slot(dict, index);

        gf_save_u64(saver, bucket ? (uint64_t)bucket->count * 2 + bucket->expiring : 0);
        if (bucket)
            bucket_save(dict, bucket, saver);
    }
}

/* Loading. */

/* One entry into the bucket at `index`, where it must belong and not be yet. */
static bool entry_load(struct gf_dict *dict, uint32_t index, bool expiring,
                       struct gf_loader *loader)
{
    struct gf_bytes key = gf_load_bytes(loader);
    struct gf_packed_draft key_draft;
    struct gf_dict_draft draft = {0};
    struct gf_dict_place place;

    if (dict->kind == GF_DICT_BYTES)
        draft.value = gf_load_bytes(loader);
    else if (dict->kind == GF_DICT_SCORES)
        draft.score = gf_load_double(loader);
    if (expiring)
        draft.expire_ms = gf_load_u64(loader);
    if (!gf_loader_ok(loader) || key.size > GF_PACKED_SIZE_MAX || draft.expire_ms > INT64_MAX)
        return false;
    key_draft = gf_packed_draft(key);
    if (gf_dict_locate(dict, &key_draft, &place) || place.index != index)
        return false;
    return gf_dict_append(dict, index, &key_draft, &draft);
}

static bool bucket_load(struct gf_dict *dict, uint32_t index, struct gf_loader *loader)
{
    uint64_t meta = gf_load_u64(loader);
    bool expiring = meta & 1;

    if (!gf_loader_ok(loader) || meta / 2 > GF_DICT_BUCKET_COUNT_MAX ||
        (expiring && (dict->kind != GF_DICT_BYTES || meta == 1)))
        return false;
    for (uint64_t i = 0; i < meta / 2; i++) {
        if (!entry_load(dict, index, expiring, loader))
            return false;
    }
    /* It may be `expiring` although no entry has an expiry any more. */
    return !expiring || (gf_dict_expiries_reserve(dict, index) &&
                         gf_dict_bucket_make_expiring(dict, gf_dict_slot(dict, index)));
}

static bool buckets_load(struct gf_dict *dict, uint64_t buckets_count, struct gf_loader *loader)
{
    uint64_t largest = gf_load_u64(loader);

    for (uint64_t i = 0; i < buckets_count; i++)
        if (!gf_dict_add_bucket(dict))
            return false;
    for (uint32_t index = 0; index < dict->buckets_count; index++)
        if (!bucket_load(dict, index, loader))
            return false;
    if (largest < dict->largest || largest > GF_DICT_BUCKET_COUNT_MAX)
        return false;
    /* Far fewer entries than a table of this size ever has: looking for one would take for ever. */
    if (dict->count < dict->buckets_count / LOAD_LOADED_MIN + 1)
        return false;
    dict->largest = (uint16_t)largest;
    return true;
}

bool gf_dict_load(struct gf_dict *dict, enum gf_dict_kind kind, struct gf_loader *loader)
{
    uint64_t buckets_count = gf_load_count(loader, 1);

    gf_dict_init(dict, kind, loader->hash_seed);
    if (gf_loader_ok(loader) && buckets_count == 0)
        return true;
    if (gf_loader_ok(loader) && buckets_count < UINT32_MAX &&
        buckets_load(dict, buckets_count, loader))
        return true;
    gf_dict_deinit(dict);
    return false;
}

/* Checking. */

static void entry_check(const struct gf_dict *dict, const char *at, uint32_t index)
{
    struct gf_packed_view key;

    gf_packed_read(at, &key);
    GF_ASSERT((key.far != NULL) == (key.size > GF_DICT_NEAR_MAX));
    GF_ASSERT(gf_dict_bucket_index(dict, gf_packed_hash(at, dict->hash_seed)) == index);
}

static void bucket_check(const struct gf_dict *dict, const struct gf_dict_bucket *bucket,
                         uint32_t index)
{
    const char *at = bucket->entries;

    GF_ASSERT(bucket->count > 0);
    GF_ASSERT(bucket->count <= dict->largest);
    GF_ASSERT(!bucket->expiring || dict->kind == GF_DICT_BYTES);
    GF_ASSERT(sizeof(*bucket) + bucket->size <= gf_alloc_size(bucket));
    for (uint32_t i = 0; i < bucket->count; i++) {
        entry_check(dict, at, index);
        at = gf_dict_entry_next(dict, bucket->expiring, at);
    }
    GF_ASSERT(at == bucket->entries + bucket->size);
}

/* Entries of a bucket that have an expiry. */
static uint64_t bucket_expiring_count(const struct gf_dict *dict,
                                      const struct gf_dict_bucket *bucket)
{
    const char *at = bucket->entries;
    uint64_t count = 0;

    for (uint32_t i = 0; i < bucket->count; i++) {
        struct gf_dict_entry entry;

        at = gf_dict_entry_read(dict, bucket->expiring, at, &entry);
        count += entry.expire_ms != 0;
        GF_ASSERT(entry.expire_ms <= dict->last_expire_ms);
    }
    return count;
}

/* The times kept for a bucket are what its entries say, or before it. */
static void expiries_check(const struct gf_dict *dict, const struct gf_dict_bucket *bucket,
                           uint32_t index)
{
    const struct gf_dict_segment *segment = dict->segments[index / GF_DICT_SEGMENT];
    uint64_t first_ms = gf_dict_bucket_first_expire(dict, bucket);

    if (segment->expiries)
        GF_ASSERT(segment->expiries[index % GF_DICT_SEGMENT] == first_ms);
    else
        GF_ASSERT(!gf_dict_bucket_expiring(bucket));
    GF_ASSERT(segment->first_expire_ms <= first_ms);
    GF_ASSERT(dict->first_expire_ms <= first_ms);
}

void gf_dict_check(const struct gf_dict *dict)
{
    uint64_t count = 0;
    uint64_t expiring_count = 0;

    for (uint32_t index = 0; index < dict->buckets_count; index++) {
        const struct gf_dict_bucket *bucket = *gf_dict_slot(dict, index);

        expiries_check(dict, bucket, index);
        if (bucket) {
            bucket_check(dict, bucket, index);
            count += bucket->count;
            expiring_count += bucket_expiring_count(dict, bucket);
        }
    }
    GF_ASSERT(count == dict->count);
    GF_ASSERT(expiring_count == dict->expiring_count);
    GF_ASSERT((dict->count == 0) == (dict->buckets_count == 0));
}
