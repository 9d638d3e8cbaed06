/* The directory, and how the table grows and shrinks by a bucket. */
#include <string.h>

#include "core/alloc.h"
#include "modules/dict_parts.h"

#define BITS 64u

/* The directory. */

uint32_t gf_dict_segment_room(const struct gf_dict *dict, uint32_t segment)
{
    if (segment > 0 || dict->buckets_count >= GF_DICT_SEGMENT)
        return GF_DICT_SEGMENT;
    return gf_dict_mask(dict->buckets_count) + 1;
}

/* An array of pointers that has room for 2^k, as many as it needs, gets room for one more. */
static bool segments_grow(struct gf_dict *dict, uint32_t count)
{
    struct gf_dict_segment **segments;

    if ((count & (count - 1)) != 0)
        return true;
    segments = gf_realloc_try(GF_MEMORY_DATA, dict->segments,
                              (count ? 2 * (size_t)count : 1) * sizeof(*segments));
    if (segments)
        dict->segments = segments;
    return segments != NULL;
}

static struct gf_dict_segment *segment_create(uint32_t room)
{
    struct gf_dict_segment *segment =
        gf_alloc_try(GF_MEMORY_DATA, sizeof(*segment) + room * sizeof(segment->buckets[0]));

    if (segment)
        *segment = (struct gf_dict_segment){.first_expire_ms = UINT64_MAX};
    return segment;
}

/* Twice the room in the first segment. */
static bool first_segment_grow(struct gf_dict *dict, uint32_t room)
{
    struct gf_dict_segment *segment = dict->segments[0];

    if (segment->expiries) {
        uint64_t *expiries = gf_realloc_try(GF_MEMORY_DATA, segment->expiries,
                                            2 * room * sizeof(segment->expiries[0]));

        if (!expiries)
            return false;
        segment->expiries = expiries;
    }
    segment = gf_realloc_try(GF_MEMORY_DATA, segment,
                             sizeof(*segment) + 2 * room * sizeof(segment->buckets[0]));
    if (segment)
        dict->segments[0] = segment;
    return segment != NULL;
}

bool gf_dict_add_bucket(struct gf_dict *dict)
{
    uint32_t index = dict->buckets_count;
    uint32_t segment = index / GF_DICT_SEGMENT;

    if (index == UINT32_MAX)
        return false;
    if (index % GF_DICT_SEGMENT == 0) {
        if (!segments_grow(dict, segment))
            return false;
        dict->segments[segment] = segment_create(segment == 0 ? 1 : GF_DICT_SEGMENT);
        if (!dict->segments[segment])
            return false;
    } else if (segment == 0 && (index & (index - 1)) == 0 && !first_segment_grow(dict, index)) {
        return false;
    }
    dict->buckets_count++;
    *gf_dict_slot(dict, index) = NULL;
    if (dict->segments[segment]->expiries)
        dict->segments[segment]->expiries[index % GF_DICT_SEGMENT] = UINT64_MAX;
    return true;
}

void gf_dict_drop_bucket(struct gf_dict *dict)
{
    uint32_t index = dict->buckets_count - 1;
    uint32_t segment = index / GF_DICT_SEGMENT;

    GF_ASSERT(*gf_dict_slot(dict, index) == NULL);
    dict->buckets_count--;
    if (index % GF_DICT_SEGMENT == 0) {
        gf_free(GF_MEMORY_DATA, dict->segments[segment]->expiries);
        gf_free(GF_MEMORY_DATA, dict->segments[segment]);
    }
    if (index == 0) {
        uint64_t hash_seed = dict->hash_seed;

        gf_free(GF_MEMORY_DATA, dict->segments);
        gf_dict_init(dict, (enum gf_dict_kind)dict->kind, hash_seed);
    }
}

/* Splitting. */

/* Which entries of a bucket go to the new one, as bits, and how many bytes they are. */
struct division {
    uint64_t moves[(GF_DICT_BUCKET_COUNT_MAX + BITS) / BITS];
    uint32_t count;
    size_t size;
};

static struct division bucket_divide(const struct gf_dict *dict,
                                     const struct gf_dict_bucket *bucket, uint32_t top_bit)
{
    struct division division = {0};
    const char *at = bucket->entries;

    for (uint32_t i = 0; i < bucket->count; i++) {
        const char *next = gf_dict_entry_next(dict, bucket->expiring, at);

        if (gf_packed_hash(at, dict->hash_seed) & top_bit) {
            division.moves[i / BITS] |= UINT64_C(1) << (i % BITS);
            division.count++;
            division.size += (size_t)(next - at);
        }
        at = next;
    }
    return division;
}

/* Move the chosen entries to the end of `to`, close the gaps. Both have the room. */
static void bucket_move(const struct gf_dict *dict, const struct division *division,
                        struct gf_dict_bucket *from, struct gf_dict_bucket *to)
{
    const char *at = from->entries;
    char *stay = from->entries;
    char *go = to->entries;

    for (uint32_t i = 0; i < from->count; i++) {
        const char *next = gf_dict_entry_next(dict, from->expiring, at);
        bool moves = division->moves[i / BITS] >> (i % BITS) & 1;
        char **end = moves ? &go : &stay;

        memmove(*end, at, (size_t)(next - at));
        *end += next - at;
        at = next;
    }
    to->count = division->count & GF_DICT_BUCKET_COUNT_MAX;
    to->size = division->size & GF_DICT_BUCKET_SIZE_MAX;
    to->expiring = from->expiring;
    from->count = (from->count - division->count) & GF_DICT_BUCKET_COUNT_MAX;
    from->size = (from->size - division->size) & GF_DICT_BUCKET_SIZE_MAX;
}

/* Divide what is at `from` between there and `to`, which is empty. False when there is no
 * memory. */
static bool slots_divide(struct gf_dict *dict, uint32_t from, uint32_t to)
{
    struct gf_dict_bucket **slot = gf_dict_slot(dict, from);
    struct gf_dict_bucket *bucket = *slot;
    struct division division = bucket_divide(dict, bucket, to - from);

    if (division.count == 0)
        return true;
    if (division.count == bucket->count) {
        *gf_dict_slot(dict, to) = bucket;
        *slot = NULL;
        return true;
    }
    *gf_dict_slot(dict, to) = gf_alloc_try(GF_MEMORY_DATA, sizeof(*bucket) + division.size);
    if (!*gf_dict_slot(dict, to))
        return false;
    bucket_move(dict, &division, bucket, *gf_dict_slot(dict, to));
    *slot = gf_dict_bucket_resize(bucket, bucket->size);
    return true;
}

void gf_dict_split(struct gf_dict *dict)
{
    uint32_t to = dict->buckets_count;
    uint32_t from = to - (UINT32_C(1) << (31 - (uint32_t)__builtin_clz(to)));
    bool expiring;

    if (!gf_dict_add_bucket(dict))
        return; /* a longer bucket is no harm */
    expiring = gf_dict_bucket_expiring(*gf_dict_slot(dict, from));
    if (!*gf_dict_slot(dict, from))
        return;
    if ((expiring && !gf_dict_expiries_reserve(dict, to)) || !slots_divide(dict, from, to)) {
        gf_dict_drop_bucket(dict);
        return;
    }
    if (expiring) {
        gf_dict_expiries_note(dict, from);
        gf_dict_expiries_note(dict, to);
    }
}

/* Merging. */

/* Every entry of `from` to the end of `to`, whose entries look the same. */
static bool bucket_append(struct gf_dict_bucket **to, const struct gf_dict_bucket *from)
{
    size_t size = (size_t)(*to)->size + from->size;
    uint32_t count = (uint32_t)(*to)->count + from->count;
    struct gf_dict_bucket *bucket;

    if (size > GF_DICT_BUCKET_SIZE_MAX || count > GF_DICT_BUCKET_COUNT_MAX)
        return false;
    bucket = gf_dict_bucket_resize(*to, size);
    if (!bucket)
        return false;
    memcpy(bucket->entries + bucket->size, from->entries, from->size);
    bucket->size = size & GF_DICT_BUCKET_SIZE_MAX;
    bucket->count = count & GF_DICT_BUCKET_COUNT_MAX;
    *to = bucket;
    return true;
}

/* The entries of the slot `from` to the end of the slot `to`. */
static bool slots_merge(struct gf_dict *dict, uint32_t from, uint32_t to)
{
    struct gf_dict_bucket **from_slot = gf_dict_slot(dict, from);
    struct gf_dict_bucket **to_slot = gf_dict_slot(dict, to);
    bool expiring = gf_dict_bucket_expiring(*from_slot) || gf_dict_bucket_expiring(*to_slot);

    if (expiring && !gf_dict_expiries_reserve(dict, to))
        return false;
    if (!*to_slot) {
        *to_slot = *from_slot;
    } else {
        if (expiring && !(gf_dict_bucket_make_expiring(dict, from_slot) &&
                          gf_dict_bucket_make_expiring(dict, to_slot)))
            return false;
        if (!bucket_append(to_slot, *from_slot))
            return false;
        gf_free(GF_MEMORY_DATA, *from_slot);
    }
    *from_slot = NULL;
    if ((*to_slot)->count > dict->largest)
        dict->largest = (*to_slot)->count;
    if (expiring)
        gf_dict_expiries_note(dict, to);
    return true;
}

void gf_dict_merge(struct gf_dict *dict)
{
    uint32_t from = dict->buckets_count - 1;

    if (from == 0) {
        if (dict->count == 0)
            gf_dict_drop_bucket(dict);
        return;
    }
    if (*gf_dict_slot(dict, from) &&
        !slots_merge(dict, from, from - (UINT32_C(1) << (31 - (uint32_t)__builtin_clz(from)))))
        return; /* a bucket too many is no harm */
    gf_dict_drop_bucket(dict);
}
