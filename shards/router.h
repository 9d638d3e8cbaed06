/* Who owns what on this node: slot → partition → core.
 *
 * Slots go to partitions in contiguous ranges, so that CLUSTER SLOTS stays short. Partitions go to
 * cores by consistent hashing with bounded load: a ring of XXH3 points, `GF_ROUTER_POINTS` for each
 * core, and no core takes more than ceil(partitions / cores). A core more or less moves close to the
 * fewest partitions possible.
 *
 * Source: V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2018,
 * with the load bounded to the ceiling of the mean.
 *
 * A router is made once and read-only afterwards; every core uses the same one.
 */
#pragma once

#include <stdint.h>

#include "core/bytes.h"
#include "shards/slot.h"

#define GF_PARTITIONS_MAX GF_SLOTS
#define GF_ROUTER_POINTS 64 /* points of one member: spread within a few percent before the bound */

struct gf_router {
    uint32_t partitions_count; /* a power of two, 1 .. GF_PARTITIONS_MAX */
    uint32_t slot_shift;       /* partition = slot >> slot_shift */
    uint16_t cores_count;
    uint16_t *owners; /* core id by partition; owned */
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

/* gf_router_check - every partition has an owner and no core has more than its share. */
void gf_router_check(const struct gf_router *router);
