/* Single-producer, single-consumer ring of pointers.
 *
 * One core pushes, one other core pops, and nobody else touches the ring. It is the only structure
 * that two cores write to.
 *
 * Both sides work in batches: a push is staged and becomes visible with the next publish, a pop
 * keeps its place occupied until the next release. So a turn costs each side one store that the
 * other core's cache notices, however many messages it moved.
 *
 * Indexes run freely and wrap at 2^32; a slot is `index & mask`. Compare them only by unsigned
 * difference, never with `<`.
 *
 *      tail      tail_next        head        head_next
 *       v         v                v           v
 *   [ . p p p p p m m m m m m m m m s s s s s s . . . ]
 *       popped, not     waiting       staged      free
 *       yet released
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/assert.h"

struct gf_ring {
    /* Written by the producer. */
    _Alignas(GF_CACHE_LINE) _Atomic uint32_t head; /* messages ever published */
    uint32_t head_next;                            /* messages ever pushed */
    uint32_t tail_seen;                            /* producer's last look at tail */

    /* Written by the consumer. */
    _Alignas(GF_CACHE_LINE) _Atomic uint32_t tail; /* messages ever released */
    uint32_t tail_next;                            /* messages ever popped */

    /* Written once, by gf_ring_init. */
    _Alignas(GF_CACHE_LINE) uint32_t mask; /* capacity - 1 */
    void **slots;                          /* mask + 1 pointers, owned */
};

_Static_assert(offsetof(struct gf_ring, tail) >= GF_CACHE_LINE,
               "producer and consumer must not share a cache line");

/* gf_ring_init - make an empty ring.
 *
 * capacity   messages the ring can hold; a power of two, at most 2^31
 */
void gf_ring_init(struct gf_ring *ring, uint32_t capacity);
/* gf_ring_deinit - accepts a zeroed ring. The messages in it are the caller's. */
void gf_ring_deinit(struct gf_ring *ring);

/* gf_ring_push - stage one message for the consumer.
 *
 * Called by  the producer core only.
 * Returns    false when the ring is full: the caller keeps `message`. Never blocks.
 */
static inline bool gf_ring_push(struct gf_ring *ring, void *message)
{
    GF_ASSERT(message != NULL);
    if (ring->head_next - ring->tail_seen > ring->mask) {
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (ring->head_next - ring->tail_seen > ring->mask)
            return false;
    }
    ring->slots[ring->head_next & ring->mask] = message;
    ring->head_next++;
    return true;
}

/* gf_ring_publish - let the consumer see what was staged. On the producer core.
 *
 * Sequentially consistent, not just release: the mesh reads the consumer's sleeping flag right
 * after this store, and the two must not change places (see core/mesh.c). */
static inline void gf_ring_publish(struct gf_ring *ring)
{
    atomic_store_explicit(&ring->head, ring->head_next, memory_order_seq_cst);
}

/* gf_ring_pop - take up to `max` messages, oldest first; their slots stay occupied until the
 * release. On the consumer core. Returns how many. */
static inline uint32_t gf_ring_pop(struct gf_ring *ring, void **messages, uint32_t max)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint32_t count = head - ring->tail_next;

    if (count > max)
        count = max;
    for (uint32_t i = 0; i < count; i++)
        messages[i] = ring->slots[(ring->tail_next + i) & ring->mask];
    ring->tail_next += count;
    return count;
}

/* gf_ring_release - give the popped slots back to the producer. On the consumer core. */
static inline void gf_ring_release(struct gf_ring *ring)
{
    atomic_store_explicit(&ring->tail, ring->tail_next, memory_order_release);
}

/* gf_ring_waiting - messages that a pop would find. On the consumer core. Sequentially consistent
 * for the mesh's decision to sleep. */
static inline uint32_t gf_ring_waiting(const struct gf_ring *ring)
{
    return atomic_load_explicit(&ring->head, memory_order_seq_cst) - ring->tail_next;
}

/* gf_ring_check - asserts the order of the indexes; while neither core uses the ring. */
void gf_ring_check(const struct gf_ring *ring);
