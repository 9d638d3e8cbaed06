/* Single-producer, single-consumer ring of pointers: its memory. The rest is inline. */
#include "core/ring.h"

#include "core/alloc.h"

#define CAPACITY_MAX (1u << 31) /* beyond it a full ring and an empty one look alike */

void gf_ring_init(struct gf_ring *ring, uint32_t capacity)
{
    GF_ASSERT(capacity > 0);
    GF_ASSERT(capacity <= CAPACITY_MAX);
    GF_ASSERT((capacity & (capacity - 1)) == 0);

    *ring = (struct gf_ring){.mask = capacity - 1};
    ring->slots = gf_alloc_aligned(GF_MEMORY_OTHER, capacity * sizeof(*ring->slots), GF_CACHE_LINE);
}

void gf_ring_deinit(struct gf_ring *ring)
{
    gf_free(GF_MEMORY_OTHER, ring->slots);
    *ring = (struct gf_ring){0};
}

void gf_ring_check(const struct gf_ring *ring)
{
    uint32_t capacity = ring->mask + 1;
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

    GF_ASSERT((capacity & ring->mask) == 0);
    GF_ASSERT(head - tail <= capacity);
    GF_ASSERT(ring->head_next - tail <= capacity);
    GF_ASSERT(ring->head_next - head <= capacity);
    GF_ASSERT(ring->tail_next - tail <= head - tail);
}
