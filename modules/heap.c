/* Evacuation: an object is referred to from one bucket only, and its key says from which. So any
 * object can be moved. */
#include "modules/heap.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/keyspace_parts.h"

struct gf_heap *gf_heap_create(struct gf_pages *pages)
{
    struct gf_heap *heap = gf_alloc_zero(GF_MEMORY_DATA, sizeof(*heap));

    heap->pages_owned = pages == NULL;
    heap->pages = pages ? pages : gf_pages_create();
    gf_slab_init(&heap->slab, heap->pages);
    gf_list_init(&heap->keyspaces);
    return heap;
}

void gf_heap_destroy(struct gf_heap *heap)
{
    if (!heap)
        return;
    GF_ASSERT(gf_list_empty(&heap->keyspaces));
    gf_slab_deinit(&heap->slab);
    if (heap->pages_owned)
        gf_pages_destroy(heap->pages);
    gf_free(GF_MEMORY_DATA, heap);
}

void gf_heap_set_route(struct gf_heap *heap, gf_heap_route *route, void *context)
{
    heap->route = route;
    heap->route_context = context;
}

/* The place that refers to `object`: in a keyspace that its key leads to, or in one that is out of
 * use and being cleared. */
static struct gf_table_place heap_locate(const struct gf_heap *heap, const struct gf_object *object)
{
    struct gf_bytes key = gf_object_key(object);
    struct gf_table_place place = {0};
    const struct gf_keyspace *routed;

    for (uint32_t index = 0; heap->route; index++) {
        routed = heap->route(heap->route_context, key, index);
        if (!routed)
            break;
        if (gf_table_locate(&routed->table, gf_table_hash(&routed->table, object), object, &place))
            return place;
    }
    for (struct gf_link *link = gf_list_peek_front(&heap->keyspaces); link;
         link = gf_list_next(&heap->keyspaces, link)) {
        const struct gf_keyspace *keyspace = gf_container(link, struct gf_keyspace, heap_link);

        if (keyspace->table.count > 0 &&
            gf_table_locate(&keyspace->table, gf_table_hash(&keyspace->table, object), object,
                            &place))
            return place;
    }
    gf_panic(__FILE__, __LINE__, "a block of the heap that no keyspace refers to");
}

static void object_move(void *context, void *block)
{
    struct gf_heap *heap = context;
    struct gf_table_place place = heap_locate(heap, block);
    size_t size = gf_slab_block_size(block); /* slack included */
    void *moved = gf_slab_alloc(&heap->slab, size);

    GF_ASSERT(moved != NULL); /* its size has free blocks, or evacuation would not have begun */
    memcpy(moved, block, size);
    gf_table_replace(&place, moved);
    gf_slab_free(&heap->slab, block);
}

bool gf_heap_work_slice(struct gf_heap *heap, uint32_t budget)
{
    bool moved = heap->pinned == 0;

    for (; budget > 0 && moved; budget--)
        moved = gf_slab_evacuate(&heap->slab, object_move, heap);
    gf_pages_trim(heap->pages);
    return moved;
}

size_t gf_heap_free_size(const struct gf_heap *heap)
{
    return gf_slab_pages_size(&heap->slab) - gf_slab_used_size(&heap->slab);
}
