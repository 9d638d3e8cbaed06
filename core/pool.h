/* Objects of one size, made in blocks, that belong to one core.
 *
 * The object released last is acquired first: it is still in the cache. Blocks are never given back
 * before the pool ends, so a pool that has served its peak allocates no more.
 *
 *    block     +------+----------------+-----+----------------+-----+-------------
 *              | next | object         | tag | object         | tag | …
 *              +------+----------------+-----+----------------+-----+-------------
 *
 * The tag of an object in use points to its pool, that of a free one is NULL: an object released
 * twice, or to a pool of another core, is caught on the spot.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/alloc.h"

struct gf_pool_options {
    enum gf_memory_kind kind; /* what the blocks are booked as */
    size_t object_size;       /* bytes, at least 1 */
    size_t alignment;         /* of every object: a power of two, 16 .. 64; 0 = 16 */
    uint32_t count_max;       /* objects in use at most; 0 = no limit */
};

struct gf_pool_free;
struct gf_pool_block;

/* Invariants (gf_pool_check walks them):
 *   count_in_use <= count_made, count_in_use <= count_max
 *   count_made   == objects in all blocks
 *   count_in_use == objects whose tag points here; `free` is NULL when that is all of them
 */
struct gf_pool {
    uint16_t home;                 /* core id; set once */
    enum gf_memory_kind kind;      /* set once */
    uint32_t tag_offset;           /* bytes from an object to its tag */
    uint32_t stride;               /* bytes from an object to the next */
    uint32_t alignment;            /* bytes */
    uint32_t count_max;            /* set once; UINT32_MAX = no limit */
    uint32_t count_in_use;         /* acquired and not released */
    uint32_t count_made;           /* objects in all blocks */
    struct gf_pool_free *free;     /* released objects, the last one first */
    struct gf_pool_block *blocks;  /* owned */
};

/* gf_pool_init - an empty pool of core `home`; allocates nothing yet. */
void gf_pool_init(struct gf_pool *pool, uint16_t home, const struct gf_pool_options *options);

/* gf_pool_deinit - every object must have been released. Accepts a zeroed pool. Any thread. */
void gf_pool_deinit(struct gf_pool *pool);

/* gf_pool_acquire - an object with unspecified content.
 *
 * Called by  the home core.
 * Returns    NULL when count_max objects are in use: the caller stops taking on work.
 */
void *gf_pool_acquire(struct gf_pool *pool);

/* gf_pool_release - on the home core; `object` came from this pool. */
void gf_pool_release(struct gf_pool *pool, void *object);

/* gf_pool_check - asserts the invariants; O(objects). */
void gf_pool_check(const struct gf_pool *pool);
