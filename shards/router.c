/* The partition map: rendezvous hashing with bounded load. */
#include "shards/router.h"

#include <stdlib.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/hash.h"

/* A partition, as a joining core sees it. */
struct router_offer {
    uint64_t affinity;
    uint32_t partition;
    uint16_t owner;
};

/* By owner, and of each owner the partition first that belongs with the joining core most. */
static int offer_compare(const void *a, const void *b)
{
    const struct router_offer *left = a;
    const struct router_offer *right = b;

    if (left->owner != right->owner)
        return left->owner < right->owner ? -1 : 1;
    if (left->affinity != right->affinity)
        return left->affinity > right->affinity ? -1 : 1;
    return left->partition < right->partition ? -1 : 1;
}

static uint16_t fullest(const uint32_t *load, uint16_t count)
{
    uint16_t found = 0;

    for (uint16_t core = 1; core < count; core++)
        found = load[core] > load[found] ? core : found;
    return found;
}

/* `core` takes its share. load: partitions of each core before it, kept up to date. */
static void router_join(struct gf_router *router, uint16_t core, uint32_t *load,
                        struct router_offer *offers)
{
    uint32_t share = router->partitions_count / (core + 1u);
    uint32_t at = 0;

    for (uint32_t p = 0; p < router->partitions_count; p++) {
        uint32_t input[2] = {core, p};

        offers[p] = (struct router_offer){.affinity = gf_hash64(input, sizeof(input), 0),
                                          .partition = p,
                                          .owner = router->owners[p]};
    }
    qsort(offers, router->partitions_count, sizeof(*offers), offer_compare);
    for (load[core] = 0; load[core] < share; load[core]++)
        load[fullest(load, core)]--;
    /* Each owner's offers lie together; what it has too many of goes. */
    for (uint16_t owner = 0; owner < core; owner++) {
        uint32_t first = at;

        while (at < router->partitions_count && offers[at].owner == owner)
            at++;
        for (uint32_t given = 0; at - first - given > load[owner]; given++)
            router->owners[offers[first + given].partition] = core;
    }
}

static void router_order(struct gf_router *router)
{
    size_t size = router->partitions_count * sizeof(*router->order);
    uint32_t place = 0;

    router->order = gf_alloc(GF_MEMORY_OTHER, size);
    router->places = gf_alloc(GF_MEMORY_OTHER, size);
    for (uint32_t core = 0; core < router->cores_count; core++) {
        for (uint32_t p = 0; p < router->partitions_count; p++) {
            if (router->owners[p] != core)
                continue;
            router->order[place] = (uint16_t)p;
            router->places[p] = (uint16_t)place++;
        }
    }
    GF_ASSERT(place == router->partitions_count);
}

void gf_router_init(struct gf_router *router, uint32_t partitions_count, uint16_t cores_count)
{
    struct router_offer *offers;
    uint32_t *load;

    GF_ASSERT(partitions_count >= 1);
    GF_ASSERT(partitions_count <= GF_PARTITIONS_MAX);
    GF_ASSERT((partitions_count & (partitions_count - 1)) == 0);
    GF_ASSERT(cores_count >= 1);

    *router = (struct gf_router){.partitions_count = partitions_count, .cores_count = cores_count};
    while ((partitions_count << router->slot_shift) < GF_SLOTS)
        router->slot_shift++;
    router->owners = gf_alloc_zero(GF_MEMORY_OTHER, partitions_count * sizeof(*router->owners));
    load = gf_alloc_zero(GF_MEMORY_OTHER, cores_count * sizeof(*load));
    offers = gf_alloc(GF_MEMORY_OTHER, partitions_count * sizeof(*offers));
    load[0] = partitions_count;
    for (uint16_t core = 1; core < cores_count; core++)
        router_join(router, core, load, offers);
    gf_free(GF_MEMORY_OTHER, offers);
    gf_free(GF_MEMORY_OTHER, load);
    router_order(router);
    gf_router_check(router);
}

void gf_router_deinit(struct gf_router *router)
{
    gf_free(GF_MEMORY_OTHER, router->owners);
    gf_free(GF_MEMORY_OTHER, router->order);
    gf_free(GF_MEMORY_OTHER, router->places);
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
    for (uint32_t place = 0; place < router->partitions_count; place++)
        GF_ASSERT(router->places[router->order[place]] == place);
}
