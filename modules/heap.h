/* The memory of objects: one slab for many keyspaces, meant to be those of all partitions of a
 * core.
 *
 * Each size of object in use costs half a page per heap, so few heaps waste little: 256 heaps with
 * values of all sizes up to 1000 bytes held 22 MB of free blocks besides 67 MB of objects, one heap
 * holds next to none.
 *
 * A heap belongs to a core. While a partition is lent to another core, that core allocates and
 * frees in the heap too: gf_heap_lend before it is told, gf_heap_return when the partition is back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/assert.h"
#include "core/bytes.h"
#include "core/list.h"
#include "core/slab.h"

struct gf_keyspace;
struct gf_pages;

/* The keyspaces that may hold `key`: the index-th, NULL behind the last. */
typedef struct gf_keyspace *gf_heap_route(void *context, struct gf_bytes key, uint32_t index);

struct gf_heap {
    struct gf_slab slab;
    struct gf_list keyspaces; /* gf_keyspace.heap_link; whose objects are in the slab; changed
                                 between gf_slab_enter and gf_slab_leave */
    struct gf_pages *pages;
    uint32_t pinned;      /* times that its objects must stay where they are */
    gf_heap_route *route; /* NULL: all keyspaces are searched, which only serves a few */
    void *route_context;
    bool pages_owned;
};

/* gf_heap_create - a heap without objects.
 *
 * pages      where its pages come from, meant to be one source for the whole program; NULL: a
 *            source of its own (2 MiB at least: for tests)
 */
struct gf_heap *gf_heap_create(struct gf_pages *pages);
/* gf_heap_set_route - how evacuation finds the keyspace of an object. */
void gf_heap_set_route(struct gf_heap *heap, gf_heap_route *route, void *context);
/* gf_heap_destroy - its keyspaces must have been destroyed. */
void gf_heap_destroy(struct gf_heap *heap);

/* gf_heap_lend, gf_heap_return - another core may, and may no more, work on keyspaces of this heap.
 * They count. Called by the heap's core only. */
static inline void gf_heap_lend(struct gf_heap *heap)
{
    gf_slab_share(&heap->slab);
}
static inline void gf_heap_return(struct gf_heap *heap)
{
    gf_slab_unshare(&heap->slab);
}
static inline bool gf_heap_is_lent(const struct gf_heap *heap)
{
    return gf_slab_is_shared(&heap->slab);
}

/* gf_heap_pin, gf_heap_unpin - somebody keeps, and no longer keeps, pointers to objects from one
 * turn to another. They count. Called by the heap's core only. */
static inline void gf_heap_pin(struct gf_heap *heap)
{
    heap->pinned++;
}
static inline void gf_heap_unpin(struct gf_heap *heap)
{
    GF_ASSERT(heap->pinned > 0);
    heap->pinned--;
}

/* gf_heap_work_slice - give pages back that few objects are on: moves the objects of up to `budget`
 * pages, but none while anything is lent or pinned. Pointers to objects are then no longer good.
 * Returns true when there is more to do. */
bool gf_heap_work_slice(struct gf_heap *heap, uint32_t budget);

/* gf_heap_free_size - bytes of its pages that hold no object: what evacuation may win. Exact while
 * nothing is lent. */
size_t gf_heap_free_size(const struct gf_heap *heap);
