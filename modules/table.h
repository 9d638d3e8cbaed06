/* The table of a keyspace: hash → object.
 *
 *   bucket, one cache line
 *   +--------------+------+----------------------------------+
 *   | 9 tags       | meta | 9 pointers of 6 bytes            |
 *   +--------------+------+----------------------------------+
 *    0              9      10                              63
 *
 *   tag    a byte of the hash, 0 = empty slot; all are compared at once
 *   meta   bits 0-6: how many objects passed by this bucket because it was full (127 = that or
 *          more, for ever); bit 7: an object that expires or goes may be in here
 *
 * The home bucket of a hash is (upper 32 bits * buckets) >> 32: whatever the size of the table, its
 * buckets are in the order of the hashes. A full bucket sends objects on to the next one; a search
 * goes on while the bucket was passed by. Behind the last home bucket there are some more, and more
 * are added when they are needed.
 *
 * The table grows (and shrinks) from the left: objects with a hash below `frontier` are already in
 * half[1], the new table, the others still in half[0]. Each write moves some home buckets. Buckets
 * are in segments of a page; those behind the frontier are freed, new ones taken as it goes, so
 * there never are two whole tables, nor a pause.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/assert.h"
#include "core/bytes.h"
#include "modules/object.h"

#define GF_BUCKET_SLOTS 9u
#define GF_BUCKET_PASSED 127u
#define GF_BUCKET_VOLATILE 128u
#define GF_SEGMENT_BUCKETS 64u

struct gf_pages;

struct gf_bucket {
    _Alignas(64) uint8_t tags[GF_BUCKET_SLOTS];
    uint8_t meta;
    uint8_t pointers[GF_BUCKET_SLOTS * 6];
};

_Static_assert(sizeof(struct gf_bucket) == 64, "a bucket is a cache line");

/* One table. The segments of less than GF_SEGMENT_BUCKETS buckets are from gf_alloc; there is only
 * one then. */
struct gf_table_half {
    struct gf_bucket **segments; /* owned; NULL where the frontier has passed */
    uint32_t buckets;            /* home buckets */
    uint32_t allocated;          /* buckets there are; 0: segments is that of the empty table */
};

struct gf_table {
    struct gf_table_half half[2]; /* half[1] is in use only while the table changes its size */
    uint64_t frontier;            /* upper 32 bits of hashes: those below it are in half[1] */
    uint64_t count;               /* objects */
    uint32_t frontier_bucket;     /* the first home bucket of half[0] that was not moved */
    uint32_t writes;              /* since the last step, while the table changes its size */
    uint64_t hash_seed;
    struct gf_pages *pages; /* borrowed; where segments come from */
};

/* Where an object is referred to. Good until the next change of the table. */
struct gf_table_place {
    struct gf_bucket *bucket;
    uint32_t half;  /* 0 or 1 */
    uint32_t index; /* the bucket's */
    uint32_t slot;
};

static inline uint8_t gf_table_tag(uint64_t hash)
{
    uint8_t tag = (uint8_t)hash;

    return (uint8_t)(tag + (tag == 0));
}

static inline uint32_t gf_table_half_of(const struct gf_table *table, uint64_t hash)
{
    return (hash >> 32) < table->frontier;
}

static inline uint32_t gf_half_home(const struct gf_table_half *half, uint64_t hash)
{
    return (uint32_t)(((hash >> 32) * half->buckets) >> 32);
}

static inline struct gf_bucket *gf_half_bucket(const struct gf_table_half *half, uint32_t index)
{
    return &half->segments[index / GF_SEGMENT_BUCKETS][index % GF_SEGMENT_BUCKETS];
}

static inline struct gf_object *gf_bucket_object(const struct gf_bucket *bucket, uint32_t slot)
{
    uint64_t bits;

    /* Two bytes before the pointer and the pointer: always inside the bucket. */
    memcpy(&bits, (const char *)bucket + 8 + 6 * (size_t)slot, sizeof(bits));
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "pointers in buckets are read as little endian"
#endif
    return (struct gf_object *)(uintptr_t)(bits >> 16);
}

#define GF_BUCKET_ALL ((1u << GF_BUCKET_SLOTS) - 1) /* a bit for each slot */

/* gf_bucket_match - bit i is set where tags[i] == tag. In two ways that must agree: _portable is
 * for machines without SSE2, and there on every machine for its test. */
static inline uint32_t gf_bucket_match_portable(const struct gf_bucket *bucket, uint8_t tag)
{
    uint32_t match = 0;

    for (uint32_t slot = 0; slot < GF_BUCKET_SLOTS; slot++)
        match |= (uint32_t)(bucket->tags[slot] == tag) << slot;
    return match;
}

static inline uint32_t gf_bucket_match(const struct gf_bucket *bucket, uint8_t tag)
{
#ifdef __SSE2__
    __m128i line = _mm_load_si128((const __m128i *)(const void *)bucket);
    __m128i equal = _mm_cmpeq_epi8(line, _mm_set1_epi8((char)tag));

    return (uint32_t)_mm_movemask_epi8(equal) & GF_BUCKET_ALL;
#else
    return gf_bucket_match_portable(bucket, tag);
#endif
}

/* gf_bucket_used - bit i is set where slot i holds an object. */
static inline uint32_t gf_bucket_used(const struct gf_bucket *bucket)
{
    return ~gf_bucket_match(bucket, 0) & GF_BUCKET_ALL;
}

/* gf_table_find - the object of `key`, NULL when there is none. ret_place may be NULL. */
static inline struct gf_object *gf_table_find(const struct gf_table *table, uint64_t hash,
                                              struct gf_bytes key, struct gf_table_place *ret_place)
{
    uint32_t which = gf_table_half_of(table, hash);
    const struct gf_table_half *half = &table->half[which];
    uint32_t index = gf_half_home(half, hash);
    uint8_t tag = gf_table_tag(hash);

    for (;; index++) {
        struct gf_bucket *bucket = gf_half_bucket(half, index);
        uint32_t match = gf_bucket_match(bucket, tag);

        for (; match; match &= match - 1) {
            uint32_t slot = (uint32_t)__builtin_ctz(match);
            struct gf_object *object = gf_bucket_object(bucket, slot);

            if (GF_LIKELY(gf_object_key_is(object, key))) {
                if (ret_place)
                    *ret_place = (struct gf_table_place){
                        .bucket = bucket, .half = which, .index = index, .slot = slot};
                return object;
            }
        }
        if (GF_LIKELY((bucket->meta & GF_BUCKET_PASSED) == 0))
            return NULL;
    }
}

/* Where the object with a hash is, as a rule. */
static inline const struct gf_bucket *gf_table_home(const struct gf_table *table, uint64_t hash)
{
    const struct gf_table_half *half = &table->half[gf_table_half_of(table, hash)];

    return gf_half_bucket(half, gf_half_home(half, hash));
}

static inline void gf_table_prefetch_bucket(const struct gf_table *table, uint64_t hash)
{
    gf_prefetch(gf_table_home(table, hash));
}

/* gf_table_guess - most likely the object with this hash (it is not read); or NULL. */
static inline const struct gf_object *gf_table_guess(const struct gf_table *table, uint64_t hash)
{
    const struct gf_bucket *bucket = gf_table_home(table, hash);
    uint32_t match = gf_bucket_match(bucket, gf_table_tag(hash));

    return match ? gf_bucket_object(bucket, (uint32_t)__builtin_ctz(match)) : NULL;
}

void gf_table_init(struct gf_table *table, struct gf_pages *pages, uint64_t hash_seed);
/* gf_table_deinit - frees the buckets; the objects are the caller's. */
void gf_table_deinit(struct gf_table *table);

/* gf_table_hash - of the object's key; reads the object. */
uint64_t gf_table_hash(const struct gf_table *table, const struct gf_object *object);

/* gf_table_locate - where this very object is; false when it is not in the table. */
bool gf_table_locate(const struct gf_table *table, uint64_t hash, const struct gf_object *object,
                     struct gf_table_place *ret_place);

/* gf_table_find_hash - an object with this hash; NULL when there is none. */
struct gf_object *gf_table_find_hash(const struct gf_table *table, uint64_t hash,
                                     struct gf_table_place *ret_place);

/* gf_table_insert - an object whose key is not in the table. Then moves the frontier, if any. */
void gf_table_insert(struct gf_table *table, uint64_t hash, struct gf_object *object);

/* gf_table_replace - another object with the same key takes the place. */
void gf_table_replace(const struct gf_table_place *place, struct gf_object *object);

/* gf_table_remove - the place is empty then. Then moves the frontier, if any. */
void gf_table_remove(struct gf_table *table, uint64_t hash, const struct gf_table_place *place);

/* gf_table_step - move the frontier by up to `budget` buckets; true when there is more to do. */
bool gf_table_step(struct gf_table *table, uint32_t budget);

/* All buckets by number, 0 .. gf_table_lines() - 1, in no useful order; NULL where there is
 * none. */
static inline uint32_t gf_table_lines(const struct gf_table *table)
{
    return table->half[0].allocated + table->half[1].allocated;
}
struct gf_bucket *gf_table_line(const struct gf_table *table, uint32_t number);

/* An object met on a walk. */
struct gf_table_entry {
    uint64_t hash;
    struct gf_object *object;
};

/* gf_table_gather - the objects of a small range of hashes that begins at `hash`, in their order.
 *
 * ret_entries  room for GF_GATHER_MAX
 * ret_next     the upper 32 bits of the hash at which the range ends; 2^32 at the end of all
 * Returns      how many objects
 */
#define GF_GATHER_MAX 64u
uint32_t gf_table_gather(const struct gf_table *table, uint64_t hash,
                         struct gf_table_entry *ret_entries, uint64_t *ret_next);

/* gf_table_memory - bytes of the buckets and their directories. */
size_t gf_table_memory(const struct gf_table *table);

void gf_table_check(const struct gf_table *table);
