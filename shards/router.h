/* Who owns what on this node: slot → partition → core.
 *
 * Slots go to partitions in contiguous ranges, so that CLUSTER SLOTS stays short. Partitions go to
 * cores by rendezvous hashing with bounded load: the cores join one after the other, and each takes
 * its share from the fullest ones before it, those partitions whose XXH3 with its own id is
 * highest. So no core has more than ceil(partitions / cores), and one core more or less moves the
 * fewest partitions that can move. (A ring of points with the same bound was here first: full cores
 * pushed partitions on to the next ones, and a core more moved 1.5 times the fewest in the median
 * and up to 5 times.)
 *
 * Source: D. Thaler, C. Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", 1996.
 *
 * SCAN goes through the partitions core by core, and on each core by id: `order`. So it changes
 * cores as rarely as it can, whatever the rendezvous has scattered where.
 *
 * A router is made once and read-only afterwards; every core uses the same one.
 */
#pragma once

#include <stdint.h>

#include "core/bytes.h"
#include "shards/slot.h"

#define GF_PARTITIONS_MAX GF_SLOTS

struct gf_router {
    uint32_t partitions_count; /* a power of two, 1 .. GF_PARTITIONS_MAX */
    uint32_t slot_shift;       /* partition = slot >> slot_shift */
    uint16_t cores_count;
    uint16_t *owners; /* core id by partition; owned */
    uint16_t *order;  /* partition by its place in a scan; owned */
    uint16_t *places; /* the other way round: place by partition; owned */
};

/* gf_router_init - compute the map.
 *
 * partitions_count   a power of two, 1 .. GF_PARTITIONS_MAX
 * cores_count        1 .. GF_CORES_MAX
 */
void gf_router_init(struct gf_router *router, uint32_t partitions_count, uint16_t cores_count);
void gf_router_deinit(struct gf_router *router);

static inline uint32_t gf_router_partition(const struct gf_router *router, struct gf_bytes key)
{
    return (uint32_t)gf_slot_of(key) >> router->slot_shift;
}

static inline uint32_t gf_router_slot_first(const struct gf_router *router, uint32_t partition)
{
    return partition << router->slot_shift;
}

static inline uint32_t gf_router_slot_last(const struct gf_router *router, uint32_t partition)
{
    return ((partition + 1) << router->slot_shift) - 1;
}

/* gf_router_check - every partition has an owner and a place, and no core has more than its
 * share. */
void gf_router_check(const struct gf_router *router);
