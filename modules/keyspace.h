/* Keys of one database in one partition: key → object, with expiry and access times.
 *
 * Owned by a partition; used on the core that owns the partition, which can change (a lent
 * partition takes its keyspaces along): objects live in a heap (modules/heap.h, which wants to know
 * of it), the rest comes from gf_alloc, so any core may run it, one at a time.
 *
 * Expiry is logical: an object with expire_ms <= now_ms is absent to every function that takes
 * now_ms, and stays in memory until gf_keyspace_expire_slice (or an overwrite) removes it. So what
 * a command computes never depends on how far the background removal got. The same is true of an
 * object whose type says that its value has ended (gf_type.gone), removed by
 * gf_keyspace_purge_slice.
 *
 * Access times are for eviction only and are the core's own business, not part of the data.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "modules/object.h"
#include "modules/table.h"

struct gf_heap;
struct gf_keyspace;
struct gf_type;

enum gf_eviction_policy {
    GF_NOEVICTION,
    GF_ALLKEYS_LRU,
    GF_ALLKEYS_LFU,
    GF_ALLKEYS_RANDOM,
    GF_VOLATILE_LRU,
    GF_VOLATILE_LFU,
    GF_VOLATILE_RANDOM,
    GF_VOLATILE_TTL,
};

/* What all keyspaces of a partition, or of a core, share; outlives them. */
struct gf_keyspace_context {
    const struct gf_type *const *types; /* GF_TYPES_MAX entries by id, NULL = none (registry's) */
    uint64_t hash_seed;      /* of the whole node (later: cluster); fixed when data is created */
    bool lfu;                /* access counts instead of access times (maxmemory-policy *-lfu) */
    bool untouched;          /* accesses leave no trace; while a CLIENT NO-TOUCH command runs */
    uint32_t lfu_log_factor; /* lfu-log-factor */
    uint32_t lfu_decay_min;  /* lfu-decay-time, minutes */
    /* Called before an object goes by itself; GF_EVENT_EXPIRED or GF_EVENT_EVICTED. Must not touch
     * keyspaces. NULL: nobody listens. */
    void (*gone)(const struct gf_keyspace_context *context, const struct gf_keyspace *keyspace,
                 const struct gf_object *object, uint32_t class);
    /* Called after parts of a value went by themselves, how many; `ended`: with them the value, the
     * object goes next. Must not touch keyspaces. NULL: nobody listens. */
    void (*purged)(const struct gf_keyspace_context *context, const struct gf_keyspace *keyspace,
                   const struct gf_object *object, uint64_t count, bool ended);
    struct gf_heap *heap; /* modules/heap.h; shared by all keyspaces of a core; NULL: each
                             * keyspace has its own (wasteful, for tests) */
};

struct gf_keyspace *gf_keyspace_create(const struct gf_keyspace_context *context);
/* gf_keyspace_destroy - frees every object now; for big keyspaces see gf_keyspace_clear_slice. */
void gf_keyspace_destroy(struct gf_keyspace *keyspace);

/* gf_keyspace_clear_slice - free up to `budget` objects; true when the keyspace is empty. The
 * keyspace must be out of use (FLUSH swaps in a fresh one and clears the old in the background). */
bool gf_keyspace_clear_slice(struct gf_keyspace *keyspace, uint32_t budget);

/* gf_keyspace_hash - the hash of a key; the same in every keyspace with the same hash_seed. */
uint64_t gf_keyspace_hash(uint64_t hash_seed, struct gf_bytes key);

/* gf_keyspace_guess - see gf_table_guess: for prefetches only. The table is the first member of a
 * keyspace. */
static inline const struct gf_object *gf_keyspace_guess(const struct gf_keyspace *keyspace,
                                                        uint64_t hash)
{
    return gf_table_guess((const struct gf_table *)(const void *)keyspace, hash);
}

/* Two steps that hide cache misses when several commands are known ahead: bucket first, then, some
 * commands later, the entry that the bucket points at. Harmless at any time. */
static inline void gf_keyspace_prefetch_bucket(const struct gf_keyspace *keyspace, uint64_t hash)
{
    gf_table_prefetch_bucket((const struct gf_table *)(const void *)keyspace, hash);
}
static inline void gf_keyspace_prefetch_object(const struct gf_keyspace *keyspace, uint64_t hash)
{
    const struct gf_object *object = gf_keyspace_guess(keyspace, hash);

    if (object)
        gf_object_prefetch(object);
}

/* gf_keyspace_find - the live object of `key`, counted as an access; NULL when there is none. */
struct gf_object *gf_keyspace_find(struct gf_keyspace *keyspace, uint64_t hash, struct gf_bytes key,
                                   uint64_t now_ms);

/* gf_keyspace_peek - the same, not counted as an access (OBJECT, TTL, TYPE, DEBUG…). */
struct gf_object *gf_keyspace_peek(const struct gf_keyspace *keyspace, uint64_t hash,
                                   struct gf_bytes key, uint64_t now_ms);

/* A value to store: either bytes or a pointer, by the type. */
struct gf_value {
    uint8_t type;          /* enum gf_type_id */
    uint8_t encoding;      /* the type's */
    struct gf_bytes bytes; /* copied; must not point into this keyspace */
    void *pointer;         /* structured types: the object takes it */
};

/* gf_keyspace_put - store `value` under `key`, replacing what is there (its old value is freed, big
 * structures in slices).
 *
 * expire_ms  0 = none; GF_KEEP_EXPIRE = that of the live object being replaced
 * Returns    the object, or NULL when there is no memory for bytes whose size a client chose
 *            (nothing has changed then).
 */
#define GF_KEEP_EXPIRE UINT64_MAX
struct gf_object *gf_keyspace_put(struct gf_keyspace *keyspace, uint64_t hash, struct gf_bytes key,
                                  const struct gf_value *value, uint64_t expire_ms,
                                  uint64_t now_ms);

/* gf_keyspace_made - was the key with this hash made by the last put that made one, at now_ms? Says
 * so once per key made. */
enum gf_made {
    GF_MADE_NOT,
    GF_MADE_NEW,
    GF_MADE_OVER_EXPIRED, /* new to clients; one that had expired was still in memory */
};
enum gf_made gf_keyspace_made(struct gf_keyspace *keyspace, uint64_t hash, uint64_t now_ms);

/* gf_keyspace_resize - change the size of a bytes value to `size`, keeping what fits; new bytes are
 * zero. Grows with slack when it grows repeatedly (APPEND is amortised O(1) a byte). The object may
 * move. encoding is set. NULL when there is no memory (nothing has changed then).
 *
 * ret_data   the value's bytes, writable until the next change of the keyspace
 */
struct gf_object *gf_keyspace_resize(struct gf_keyspace *keyspace, uint64_t hash,
                                     struct gf_object *object, size_t size, uint8_t encoding,
                                     char **ret_data);

/* gf_keyspace_set_int - overwrite a GF_STRING_INT object's number in place. */
void gf_keyspace_set_int(struct gf_keyspace *keyspace, struct gf_object *object, int64_t value);

/* gf_keyspace_set_encoding - of a value that stays as it is. */
void gf_keyspace_set_encoding(struct gf_keyspace *keyspace, uint64_t hash, struct gf_object *object,
                              uint8_t encoding);

/* gf_keyspace_set_expire - 0 removes it. The object may move. */
struct gf_object *gf_keyspace_set_expire(struct gf_keyspace *keyspace, uint64_t hash,
                                         struct gf_object *object, uint64_t expire_ms);

/* gf_keyspace_remove - the object is gone; a big structure is freed in slices. */
void gf_keyspace_remove(struct gf_keyspace *keyspace, uint64_t hash, struct gf_object *object);

/* gf_keyspace_retire - free a structured value that no object holds any more: now, or in slices
 * when it is big. A part of a value that is big itself can be made a value of its own and end
 * here. */
void gf_keyspace_retire(struct gf_keyspace *keyspace, uint8_t type_id, void *value);

/* gf_keyspace_take - like remove, but a structured value is given to the caller in ret_value, and
 * bytes are copied into a block of gf_alloc(GF_MEMORY_DATA) given in ret_value->bytes (RENAME,
 * MOVE: put it under another key, in another keyspace). gf_value_deinit frees what was not put. */
void gf_keyspace_take(struct gf_keyspace *keyspace, uint64_t hash, struct gf_object *object,
                      struct gf_value *ret_value, uint64_t *ret_expire_ms);
void gf_value_deinit(struct gf_value *value, const struct gf_keyspace_context *context);

/* gf_keyspace_count - objects, the expired that are still in memory included (as DBSIZE counts). */
uint64_t gf_keyspace_count(const struct gf_keyspace *keyspace);
/* gf_keyspace_volatile_count - those of them with an expiry. */
uint64_t gf_keyspace_volatile_count(const struct gf_keyspace *keyspace);
/* gf_keyspace_average_ttl_ms - an estimate of the mean time to live, for INFO's avg_ttl; 0 if
 * none. */
uint64_t gf_keyspace_average_ttl_ms(const struct gf_keyspace *keyspace, uint64_t now_ms);

/* gf_keyspace_scan - visit the live objects of at least one bucket, in the order of their hashes,
 * until about `count` have been visited.
 *
 * cursor     0 to start; what the last call returned
 * visit      must not change the keyspace
 * Returns    the next cursor, 0 at the end. Below 2^48. An object that is there from the first to
 *            the last call is visited at least once, whatever else happens to the keyspace
 *            (growth included); the cursor means the same in every keyspace with the same
 *            hash_seed.
 */
uint64_t gf_keyspace_scan(struct gf_keyspace *keyspace, uint64_t cursor, uint32_t count,
                          uint64_t now_ms, void (*visit)(void *context, struct gf_object *object),
                          void *context);

/* gf_keyspace_random - a live object chosen by seed, near uniform; NULL when there is none (bounded
 * work: it may give up when nearly everything has expired). */
struct gf_object *gf_keyspace_random(struct gf_keyspace *keyspace, uint64_t seed, uint64_t now_ms);

/* Background work, bounded: */

/* gf_keyspace_expire_slice - remove expired objects; looks at no more than `budget` buckets.
 * Returns how many were removed. Goes round the table; cheap when nothing is volatile. */
uint32_t gf_keyspace_expire_slice(struct gf_keyspace *keyspace, uint32_t budget, uint64_t now_ms);

/* gf_keyspace_purge_slice - remove parts of values that have had their time (gf_type.purge), and
 * objects of which nothing else is left; looks at no more than `budget` buckets. Goes round the
 * table, a bounded piece of each value at a time. Cheap when no value has such parts. Returns true
 * when there is more to do now. */
bool gf_keyspace_purge_slice(struct gf_keyspace *keyspace, uint32_t budget, uint64_t now_ms);

/* gf_keyspace_work_slice - table growth and sliced frees, about `budget` buckets or elements.
 * Returns true when there is more to do. */
bool gf_keyspace_work_slice(struct gf_keyspace *keyspace, uint32_t budget);

/* gf_keyspace_compact - empty one page of the heap that few objects are on; any object in the heap
 * may move. False when none is worth it. */
bool gf_keyspace_compact(struct gf_keyspace *keyspace);

/* Eviction (modules/evict.c keeps a pool of good victims per core): */

/* One candidate for eviction. */
struct gf_victim {
    uint64_t hash;
    uint64_t score; /* bigger = better to evict: how long ago the last access, 255 - frequency, or
                     * nearness of expiry; scores of one policy stay comparable as time passes */
    struct gf_keyspace *keyspace;
};

/* gf_keyspace_sample - up to `count` candidates from random buckets (volatile ones only where the
 * policy says so), scored. Returns how many. */
uint32_t gf_keyspace_sample(struct gf_keyspace *keyspace, enum gf_eviction_policy policy,
                            uint64_t *seed, uint64_t now_ms, struct gf_victim *ret_victims,
                            uint32_t count);

/* gf_keyspace_evict - remove the object that `victim` meant, if it still is there and its score has
 * not dropped. Returns bytes freed, 0 if it was spared. */
size_t gf_keyspace_evict(struct gf_keyspace *keyspace, enum gf_eviction_policy policy,
                         const struct gf_victim *victim, uint64_t now_ms);

/* gf_object_idle_ms, gf_object_frequency - for OBJECT IDLETIME / FREQ and eviction. */
uint64_t gf_object_idle_ms(const struct gf_object *object, uint64_t now_ms);
uint8_t gf_object_frequency(const struct gf_keyspace_context *context,
                            const struct gf_object *object, uint64_t now_ms);
/* gf_object_set_idle_ms, gf_object_set_frequency - for RESTORE and tests; only one of them means
 * something, by context->lfu. */
void gf_object_set_idle_ms(struct gf_object *object, uint64_t idle_ms, uint64_t now_ms);
void gf_object_set_frequency(struct gf_object *object, uint8_t frequency, uint64_t now_ms);

/* gf_keyspace_context_of - the context given at creation. */
const struct gf_keyspace_context *gf_keyspace_context_of(const struct gf_keyspace *keyspace);

/* gf_keyspace_check - asserts every invariant; O(n). */
void gf_keyspace_check(const struct gf_keyspace *keyspace);
