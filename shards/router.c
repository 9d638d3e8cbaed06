/* The partition map: consistent hashing with bounded load. */
#include "shards/router.h"

#include <stdlib.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/hash.h"

/* One member's point on the ring. */
struct router_point {
    uint64_t place;
    uint16_t core;
};

/* Kept apart so that a member's points and a partition's place are never the same input. */
enum router_domain { ROUTER_MEMBER = 1, ROUTER_PARTITION = 2 };

static uint64_t router_place(enum router_domain domain, uint32_t id, uint32_t copy)
{
    uint32_t input[3] = {(uint32_t)domain, id, copy};

    return gf_hash64(input, sizeof(input), 0);
}

static int point_compare(const void *a, const void *b)
{
    uint64_t left = ((const struct router_point *)a)->place;
    uint64_t right = ((const struct router_point *)b)->place;

    return left < right ? -1 : left > right;
}

/* The first point at or after `place`, going round. */
static uint32_t ring_find(const struct router_point *ring, uint32_t count, uint64_t place)
{
    uint32_t low = 0;
    uint32_t high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (ring[middle].place < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low == count ? 0 : low;
}

void gf_router_init(struct gf_router *router, uint32_t partitions_count, uint16_t cores_count)
{
    uint32_t points = (uint32_t)cores_count * GF_ROUTER_POINTS;
    uint32_t share = (partitions_count + cores_count - 1) / cores_count;
    struct router_point *ring;
    uint32_t *load;

    GF_ASSERT(partitions_count >= 1);
    GF_ASSERT(partitions_count <= GF_PARTITIONS_MAX);
    GF_ASSERT((partitions_count & (partitions_count - 1)) == 0);
    GF_ASSERT(cores_count >= 1);

    *router = (struct gf_router){.partitions_count = partitions_count, .cores_count = cores_count};
    while ((partitions_count << router->slot_shift) < GF_SLOTS)
        router->slot_shift++;
    router->owners = gf_alloc(GF_MEMORY_OTHER, partitions_count * sizeof(*router->owners));

    ring = gf_alloc(GF_MEMORY_OTHER, points * sizeof(*ring));
    load = gf_alloc_zero(GF_MEMORY_OTHER, cores_count * sizeof(*load));
    for (uint32_t i = 0; i < points; i++) {
        ring[i].core = (uint16_t)(i / GF_ROUTER_POINTS);
        ring[i].place = router_place(ROUTER_MEMBER, ring[i].core, i % GF_ROUTER_POINTS);
    }
    qsort(ring, points, sizeof(*ring), point_compare);

    for (uint32_t p = 0; p < partitions_count; p++) {
        uint32_t at = ring_find(ring, points, router_place(ROUTER_PARTITION, p, 0));

        while (load[ring[at].core] == share)
            at = at + 1 == points ? 0 : at + 1;
        router->owners[p] = ring[at].core;
        load[ring[at].core]++;
    }
    gf_free(GF_MEMORY_OTHER, load);
    gf_free(GF_MEMORY_OTHER, ring);
    gf_router_check(router);
}

void gf_router_deinit(struct gf_router *router)
{
    gf_free(GF_MEMORY_OTHER, router->owners);
    *router = (struct gf_router){0};
}

void gf_router_check(const struct gf_router *router)
{
    uint32_t share = (router->partitions_count + router->cores_count - 1) / router->cores_count;

    for (uint16_t core = 0; core < router->cores_count; core++) {
        uint32_t owned = 0;

        for (uint32_t p = 0; p < router->partitions_count; p++)
            owned += router->owners[p] == core;
        GF_ASSERT(owned <= share);
    }
    for (uint32_t p = 0; p < router->partitions_count; p++)
        GF_ASSERT(router->owners[p] < router->cores_count);
}
