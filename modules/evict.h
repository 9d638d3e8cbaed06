/* Choosing the keys that go when memory is full: one evictor per core, over the keyspaces there.
 *
 * Random buckets are looked at (they cost one cache miss and hold eight keys), the best of what was
 * ever seen waits in a pool, and the best of the pool goes, unless it was used meanwhile. So the
 * keys compared are not the last few but the best of hundreds.
 *
 * The pool refers to keys by keyspace and hash. A keyspace may be swapped, destroyed or lent to
 * another core at any time: it is asked for again, by its index, before a key of it goes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/keyspace.h"

#define GF_EVICT_POOL_SIZE 64u
#define GF_EVICT_SAMPLES_DEFAULT 5u /* maxmemory-samples */
#define GF_EVICT_SAMPLES_MAX 64u    /* more are taken as so many */

/* The keyspaces of a core. */
struct gf_evict_source {
    /* The keyspace with this index, always the same while it is here; NULL when there is none, or
     * not on this core now. Called several times per key: make it an array. */
    struct gf_keyspace *(*at)(void *context, uint32_t index);
    void *context;
    uint32_t count; /* indexes are 0 .. count - 1 */
};

struct gf_evict_candidate {
    struct gf_victim victim;
    uint32_t index; /* the source's */
};

struct gf_evictor {
    enum gf_eviction_policy policy;
    uint32_t samples;   /* keys to look at for each one evicted; whole buckets are */
    uint64_t count_max; /* about the number of keys of the largest keyspace */
    uint32_t tries;     /* candidates tried, ever; wraps */
    uint32_t evictions; /* those of them that went; wraps */
    uint32_t pool_count;
    struct gf_evict_candidate pool[GF_EVICT_POOL_SIZE]; /* by score, the best last */
};

/* How much to evict. */
struct gf_evict_goal {
    size_t size;     /* bytes to free */
    uint32_t budget; /* candidates to try at most; one costs 0.2 to 0.5 us */
    uint64_t now_ms;
    uint64_t seed;   /* a fresh one for every call */
};

/* gf_evictor_init - also when the policy or the number of samples has changed. */
void gf_evictor_init(struct gf_evictor *evictor, enum gf_eviction_policy policy, uint32_t samples);

/* gf_evictor_run - evict keys until the goal is reached, the budget spent, or nothing is found.
 * Objects of all keyspaces may move.
 *
 * Returns    bytes freed, as booked under GF_MEMORY_DATA; 0 with budget left: nothing can be
 *            evicted
 */
size_t gf_evictor_run(struct gf_evictor *evictor, const struct gf_evict_source *source,
                      const struct gf_evict_goal *goal);

/* gf_evictor_next - the best candidate known after looking at some more keys, taken from the pool:
 * for those who do not evict at once (a log comes first). gf_keyspace_evict says whether it still
 * is one. False when nothing is found. */
bool gf_evictor_next(struct gf_evictor *evictor, const struct gf_evict_source *source,
                     uint64_t *seed, uint64_t now_ms, struct gf_victim *ret_victim);
