/* The memory of the objects of one partition: one slab for the keyspaces of all its databases.
 *
 * It moves with the partition: used on whichever core runs the partition, by one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/list.h"
#include "core/pages.h"
#include "core/slab.h"

struct gf_heap {
    struct gf_slab slab;
    struct gf_list keyspaces; /* gf_keyspace.heap_link; whose objects are in the slab */
    struct gf_pages *pages;
    bool pages_owned;
};

/* gf_heap_create - a heap without objects.
 *
 * pages      where its pages come from, meant to be one source for the whole program; NULL: a source
 *            of its own (2 MiB at least: for tests)
 */
struct gf_heap *gf_heap_create(struct gf_pages *pages);
/* gf_heap_destroy - its keyspaces must have been destroyed. */
void gf_heap_destroy(struct gf_heap *heap);

/* gf_heap_work_slice - give pages back that few objects are on: moves the objects of up to `budget`
 * pages. Pointers to objects are then no longer good. Returns true when there is more to do. */
bool gf_heap_work_slice(struct gf_heap *heap, uint32_t budget);

/* gf_heap_free_size - bytes of its pages that hold no object: what evacuation may win. */
size_t gf_heap_free_size(const struct gf_heap *heap);
