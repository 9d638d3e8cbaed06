/* A table of entries, each a key with nothing, bytes, or a score behind it: what big hashes, sets
 * and sorted sets are made of.
 *
 * Linear hashing whose buckets are packed runs (modules/packed.h): about ten entries each, one
 * block. The table grows and shrinks by one bucket at a time, as part of the very call that adds or
 * removes an entry: there is no pause and nothing to do in the background.
 *
 *   directory (segments of pointers)        bucket: one block
 *   +---+---+---+ … +---+                   +-----------------+-------+-------+----- - - -
 *   | 0 | 1 | 2 |   |n-1|                   | size and count  | entry | entry | …
 *   +---+-|-+---+ … +---+                   +-----------------+-------+-------+----- - - -
 *         +------------------------------->   entry: key [value | 8 bytes of score] [expiry]
 *
 *   An entry is in bucket `hash & mask`, where mask is the smallest 2^k - 1 that reaches n - 1; or,
 *   if that bucket is not there yet, in the one with the top bit of that away. Bucket n is made of
 *   the entries of bucket `n` without its top bit that belong there, in their order; when the last
 *   bucket goes, its entries go back to the end of that one.
 *
 * Keys and values longer than GF_DICT_NEAR_MAX are kept in blocks of their own, which stay where
 * they are as long as the entry lives: nothing that the table does copies more than a few KB.
 *
 * Which bucket an entry is in, and where in it, depends on the calls that were made and on the hash
 * seed, on nothing else; save and load keep it.
 *
 * Entries of GF_DICT_BYTES can have an expiry. It is logical: nothing here hides an entry whose
 * time has come; the caller compares `expire_ms`, or calls gf_dict_purge.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "modules/packed.h"

struct gf_saver;
struct gf_loader;
struct gf_pace;
struct gf_dict_segment;

#define GF_DICT_NEAR_MAX 250 /* bytes of a key or value kept in a bucket */

enum gf_dict_kind {
    GF_DICT_KEYS,   /* sets: nothing behind the key         */
    GF_DICT_BYTES,  /* hashes: a value, and maybe an expiry */
    GF_DICT_SCORES, /* sorted sets: a double                */
};

/* An entry as it is read. Its views are good until the dict is changed; the blocks that `far`
 * points at, until the entry is removed (a value's: or changed). */
struct gf_dict_entry {
    struct gf_packed_view key;
    struct gf_packed_view value; /* GF_DICT_BYTES */
    double score;                /* GF_DICT_SCORES */
    uint64_t expire_ms;          /* 0 = never */
};

struct gf_dict {
    uint64_t hash_seed;
    uint64_t count;                    /* entries, those whose time has come included */
    uint64_t expiring_count;           /* those of them that have an expiry */
    uint64_t first_expire_ms;          /* no entry's time comes before; UINT64_MAX: none has one */
    uint64_t last_expire_ms;           /* no entry's time comes after; 0: none has one */
    struct gf_dict_segment **segments; /* owned; the directory */
    uint32_t buckets_count;            /* n; 0 when empty */
    uint32_t living;                   /* the bucket where gf_dict_is_over found an entry last */
    uint16_t largest;                  /* since it was empty no bucket had more entries */
    uint8_t kind;                      /* enum gf_dict_kind */
};

/* gf_dict_init - empty. hash_seed: gf_keyspace_context.hash_seed, or a loader's. */
void gf_dict_init(struct gf_dict *dict, enum gf_dict_kind kind, uint64_t hash_seed);
void gf_dict_deinit(struct gf_dict *dict);

static inline uint64_t gf_dict_count(const struct gf_dict *dict)
{
    return dict->count;
}

/* gf_dict_find - ret_entry may be NULL: is it there? */
bool gf_dict_find(const struct gf_dict *dict, struct gf_bytes key, struct gf_dict_entry *ret_entry);

/* Two steps that hide cache misses when a key is known ahead of its use: first where its bucket is,
 * then, a while later, the bucket. Harmless at any time.
 *
 * Returns    of the first: which bucket, for the second, whatever happened in between
 */
uint32_t gf_dict_prefetch_place(const struct gf_dict *dict, struct gf_bytes key);
void gf_dict_prefetch_bucket(const struct gf_dict *dict, uint32_t index);
/* gf_dict_prefetch - both, and all of the bucket, as gf_type.prefetch wants it; the key is hashed
 * once. */
const void *gf_dict_prefetch(const struct gf_dict *dict, struct gf_bytes key, uint32_t step,
                             const void *at);

enum gf_dict_put_result {
    GF_DICT_ADDED,
    GF_DICT_CHANGED,   /* the key was there; it keeps its place in the order */
    GF_DICT_NO_MEMORY, /* nothing has changed */
};

/* What is to be stored under a key. */
struct gf_dict_draft {
    struct gf_bytes value; /* GF_DICT_BYTES; copied; must not point into this dict */
    double score;          /* GF_DICT_SCORES */
    uint64_t expire_ms;    /* GF_DICT_BYTES; 0 = never */
};

/* gf_dict_put - add the entry, or change it.
 *
 * draft      NULL for GF_DICT_KEYS
 * ret_entry  may be NULL; what is there now (sorted sets share key.far)
 */
enum gf_dict_put_result gf_dict_put(struct gf_dict *dict, struct gf_bytes key,
                                    const struct gf_dict_draft *draft,
                                    struct gf_dict_entry *ret_entry);

/* gf_dict_remove - false when it is not there. Never fails for lack of memory. */
bool gf_dict_remove(struct gf_dict *dict, struct gf_bytes key);

/* Going through it: */

/* A walk over all entries, in an order that depends on history only. The dict must not change. */
struct gf_dict_walk {
    const struct gf_dict *dict;
    const char *at;
    uint32_t left;   /* entries left in this bucket */
    uint32_t bucket; /* the next one */
    bool expiring;   /* the entries of this bucket have expiries */
};

void gf_dict_walk_init(struct gf_dict_walk *walk, const struct gf_dict *dict);
/* gf_dict_walk_next - false at the end. */
bool gf_dict_walk_next(struct gf_dict_walk *walk, struct gf_dict_entry *ret_entry);

/* gf_dict_scan - visit all entries of one bucket or more, until about `count` were visited.
 *
 * cursor     0 to start; what the last call returned. Any number is harmless.
 * visit      must not change the dict
 * Returns    the next cursor, 0 at the end. An entry that is there from the first to the last call
 *            is visited at least once, whatever else happens in between.
 */
uint64_t gf_dict_scan(const struct gf_dict *dict, uint64_t cursor, uint64_t count,
                      void (*visit)(void *context, const struct gf_dict_entry *entry),
                      void *context);

/* gf_dict_random - an entry, each with the same probability; the dict must not be empty.
 *
 * seed       of gf_random_next; moves on
 */
void gf_dict_random(const struct gf_dict *dict, uint64_t *seed, struct gf_dict_entry *ret_entry);

/* Expiries (GF_DICT_BYTES): */

/* gf_dict_set_expire - 0 = never. The key must be there. False when there is no memory. */
bool gf_dict_set_expire(struct gf_dict *dict, struct gf_bytes key, uint64_t expire_ms);

/* gf_dict_expired_count - entries with expire_ms <= now_ms; cheap when there are few. */
uint64_t gf_dict_expired_count(const struct gf_dict *dict, uint64_t now_ms);

/* gf_dict_is_over - every entry has expire_ms <= now_ms. Begins with the bucket where the last look
 * found one that has not: cheap, however often it is asked and however many wait for a purge. */
bool gf_dict_is_over(struct gf_dict *dict, uint64_t now_ms);

/* gf_dict_purge - remove entries with expire_ms <= now_ms, at most those of `budget` buckets.
 * Returns how many. */
uint64_t gf_dict_purge(struct gf_dict *dict, uint64_t now_ms, uint32_t budget);

/* As a whole: */

/* gf_dict_copy - into one that was not initialised. False when there is no memory. pace: NULL, or
 * it may pause in between. */
bool gf_dict_copy(struct gf_dict *copy, const struct gf_dict *dict, struct gf_pace *pace);

/* gf_dict_free_slice - free about `budget` entries, from the end; true when nothing is left (then
 * the dict is empty and as gf_dict_init made it). It must be out of use. */
bool gf_dict_free_slice(struct gf_dict *dict, uint64_t budget);
/* gf_dict_free_paced - the same for all of it, pausing meanwhile. */
void gf_dict_free_paced(struct gf_dict *dict, struct gf_pace *pace);

/* gf_dict_memory - bytes it holds, without struct gf_dict; estimated from `samples` entries, 0 =
 * all of them. */
size_t gf_dict_memory(const struct gf_dict *dict, uint64_t samples);

/* gf_dict_save, gf_dict_load - modules/dump.h; load makes a dict of that kind out of any bytes, or
 * returns false (nothing is left to free then). */
void gf_dict_save(const struct gf_dict *dict, struct gf_saver *saver);
bool gf_dict_load(struct gf_dict *dict, enum gf_dict_kind kind, struct gf_loader *loader);

/* gf_dict_check - asserts every invariant; O(n). */
void gf_dict_check(const struct gf_dict *dict);
