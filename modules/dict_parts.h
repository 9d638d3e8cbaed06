/* What the files of the dict share: dict.c (single entries, growth), dict_walk.c (everything that
 * goes through many), dict_grow.c, dict_expire.c, dict_store.c (copies, saves). Private to them. */
#pragma once

#include "core/assert.h"
#include "modules/dict.h"

#define GF_DICT_LOAD 12u     /* entries per bucket above which one bucket is split */
#define GF_DICT_LOAD_MIN 5u  /* below which the last one goes */
#define GF_DICT_SEGMENT 256u /* buckets of a segment */
#define GF_DICT_BUCKET_COUNT_MAX 511u
#define GF_DICT_BUCKET_SIZE_MAX ((1u << 22) - 1)

/* A bucket; one without entries is a NULL in the directory. */
struct gf_dict_bucket {
    uint32_t size : 22;    /* bytes of entries */
    uint32_t count : 9;    /* entries */
    uint32_t expiring : 1; /* each entry ends with an integer: its expire_ms, 0 = never */
    char entries[];
};

/* A part of the directory. The first has room for 2^k buckets, as many as it needs; all others for
 * GF_DICT_SEGMENT. */
struct gf_dict_segment {
    uint64_t *expiries;       /* owned; per bucket, when its first entry goes, or UINT64_MAX; NULL:
                               * no bucket of the segment has ever been `expiring` */
    uint64_t first_expire_ms; /* none of them is smaller */
    struct gf_dict_bucket *buckets[];
};

/* Where an entry is. */
struct gf_dict_place {
    uint32_t index;                 /* the bucket's */
    struct gf_dict_bucket **bucket; /* its slot of the directory */
    size_t offset;                  /* of the entry in `entries`; the end, when it is not there */
};

/* The smallest 2^k - 1 that is at least buckets_count - 1. */
static inline uint32_t gf_dict_mask(uint32_t buckets_count)
{
    return buckets_count > 1 ? UINT32_MAX >> __builtin_clz(buckets_count - 1) : 0;
}

static inline uint32_t gf_dict_bucket_index(const struct gf_dict *dict, uint64_t hash)
{
    uint32_t mask = gf_dict_mask(dict->buckets_count);
    uint32_t index = (uint32_t)hash & mask;

    return index < dict->buckets_count ? index : index & (mask >> 1);
}

static inline struct gf_dict_bucket **gf_dict_slot(const struct gf_dict *dict, uint32_t index)
{
    return &dict->segments[index / GF_DICT_SEGMENT]->buckets[index % GF_DICT_SEGMENT];
}

/* gf_dict_bucket_expiring - NULL is not. */
static inline bool gf_dict_bucket_expiring(const struct gf_dict_bucket *bucket)
{
    return bucket && bucket->expiring;
}

/* gf_dict_value_size - bytes of what is between an entry's key and its expiry. */
static inline size_t gf_dict_value_size(const struct gf_dict *dict, const char *value)
{
    if (dict->kind == GF_DICT_BYTES)
        return (size_t)(gf_packed_next(value) - value);
    return dict->kind == GF_DICT_SCORES ? sizeof(double) : 0;
}

/* gf_dict_entry_next - where the entry behind the one at `at` begins. */
static inline const char *gf_dict_entry_next(const struct gf_dict *dict, bool expiring,
                                             const char *at)
{
    at = gf_packed_next(at);
    at += gf_dict_value_size(dict, at);
    return expiring ? gf_packed_next(at) : at;
}

/* gf_dict_entry_read - the entry at `at`; returns where the next begins. */
const char *gf_dict_entry_read(const struct gf_dict *dict, bool expiring, const char *at,
                               struct gf_dict_entry *ret_entry);

/* gf_dict_locate - false: it is not there, and `offset` is the end of its bucket. The dict must
 * have a bucket. */
bool gf_dict_locate(const struct gf_dict *dict, const struct gf_packed_draft *key,
                    struct gf_dict_place *ret_place);

/* gf_dict_remove_at - remove the entry at `place`; the table may shrink. */
void gf_dict_remove_at(struct gf_dict *dict, const struct gf_dict_place *place);

/* gf_dict_expiry_changed - of one entry; 0 = never, or no such entry. */
static inline void gf_dict_expiry_changed(struct gf_dict *dict, uint64_t old_ms, uint64_t new_ms)
{
    dict->expiring_count -= old_ms != 0;
    dict->expiring_count += new_ms != 0;
    if (new_ms > dict->last_expire_ms)
        dict->last_expire_ms = new_ms;
}

/* gf_dict_entry_free - what is kept outside of the bucket. */
void gf_dict_entry_free(const struct gf_dict *dict, const struct gf_dict_entry *entry);

/* gf_dict_bucket_resize - a block with room for `size` bytes of entries and not much more; `bucket`
 * (NULL: none yet) is freed if it is another. NULL when there is no memory to grow. */
struct gf_dict_bucket *gf_dict_bucket_resize(struct gf_dict_bucket *bucket, size_t size);

/* gf_dict_bucket_make_expiring - give every entry an expiry of "never", unless they have one. False
 * when there is no memory. */
bool gf_dict_bucket_make_expiring(struct gf_dict *dict, struct gf_dict_bucket **slot);

/* gf_dict_split, gf_dict_merge - a bucket more, a bucket less; nothing when there is no memory. The
 * last bucket goes with the last entry. */
void gf_dict_split(struct gf_dict *dict);
void gf_dict_merge(struct gf_dict *dict);

/* gf_dict_add_bucket - one more at the end of the directory, without entries and without moving
 * any there. False when there is no memory. */
bool gf_dict_add_bucket(struct gf_dict *dict);

/* gf_dict_drop_bucket - the last one, which is empty, is gone. */
void gf_dict_drop_bucket(struct gf_dict *dict);

/* gf_dict_append - an entry that is not there, at the end of a bucket; the table does not grow.
 * False when there is no memory. */
bool gf_dict_append(struct gf_dict *dict, uint32_t index, const struct gf_packed_draft *key,
                    const struct gf_dict_draft *draft);

/* gf_dict_expiries_reserve - make room for the expiries of a bucket's segment; false when there is
 * no memory. */
bool gf_dict_expiries_reserve(struct gf_dict *dict, uint32_t index);

/* gf_dict_expiries_note - a bucket that is or was `expiring` has changed. */
void gf_dict_expiries_note(struct gf_dict *dict, uint32_t index);

/* gf_dict_bucket_first_expire - the earliest expiry in a bucket, UINT64_MAX: none. */
uint64_t gf_dict_bucket_first_expire(const struct gf_dict *dict,
                                     const struct gf_dict_bucket *bucket);

/* gf_dict_segment_room - buckets the segment-th segment has room for. */
uint32_t gf_dict_segment_room(const struct gf_dict *dict, uint32_t segment);
