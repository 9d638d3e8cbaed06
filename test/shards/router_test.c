/* The partition map: bounded load, contiguous slots, few moves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/core.h"
#include "shards/router.h"

static uint32_t share(uint32_t partitions, uint32_t cores)
{
    return (partitions + cores - 1) / cores;
}

Test(router, bounds_every_cores_load)
{
    for (uint32_t partitions = 1; partitions <= 4096; partitions *= 4) {
        for (uint16_t cores = 1; cores <= 64 && cores <= partitions; cores++) {
            struct gf_router router;
            uint32_t load[64] = {0};

            gf_router_init(&router, partitions, cores);
            gf_router_check(&router);
            for (uint32_t p = 0; p < partitions; p++)
                load[router.owners[p]]++;
            for (uint16_t core = 0; core < cores; core++)
                cr_assert_leq(load[core], share(partitions, cores));
            gf_router_deinit(&router);
        }
    }
}

Test(router, gives_every_core_something)
{
    for (uint16_t cores = 1; cores <= 64; cores++) {
        struct gf_router router;
        uint32_t load[64] = {0};

        gf_router_init(&router, 256, cores);
        for (uint32_t p = 0; p < 256; p++)
            load[router.owners[p]]++;
        for (uint16_t core = 0; core < cores; core++)
            cr_assert_gt(load[core], 0, "core %u of %u", core, cores);
        gf_router_deinit(&router);
    }
}

Test(router, slots_of_a_partition_are_contiguous)
{
    for (uint32_t partitions = 1; partitions <= GF_PARTITIONS_MAX; partitions *= 2) {
        struct gf_router router;
        uint32_t next = 0;

        gf_router_init(&router, partitions, 1);
        for (uint32_t p = 0; p < partitions; p++) {
            cr_assert_eq(gf_router_slot_first(&router, p), next);
            cr_assert_geq(gf_router_slot_last(&router, p), next);
            next = gf_router_slot_last(&router, p) + 1;
        }
        cr_assert_eq(next, GF_SLOTS);
        gf_router_deinit(&router);
    }
}

Test(router, a_key_lies_in_its_slots_partition)
{
    struct gf_router router;

    gf_router_init(&router, 256, 3);
    for (int i = 0; i < 1000; i++) {
        char key[16];
        struct gf_bytes bytes = {.data = key, .size = (size_t)snprintf(key, sizeof(key), "k%d", i)};
        uint32_t partition = gf_router_partition(&router, bytes);

        cr_assert_geq(gf_slot_of(bytes), gf_router_slot_first(&router, partition));
        cr_assert_leq(gf_slot_of(bytes), gf_router_slot_last(&router, partition));
    }
    gf_router_deinit(&router);
}

Test(router, is_the_same_every_time)
{
    struct gf_router a;
    struct gf_router b;

    gf_router_init(&a, 256, 7);
    gf_router_init(&b, 256, 7);
    cr_assert_eq(memcmp(a.owners, b.owners, 256 * sizeof(*a.owners)), 0);
    gf_router_deinit(&a);
    gf_router_deinit(&b);
}

/* From `cores` to one more, or back: only what the new one has, and that is the fewest possible. */
static void check_moves(uint32_t partitions, uint16_t cores)
{
    struct gf_router before;
    struct gf_router after;
    uint32_t moved = 0;

    gf_router_init(&before, partitions, cores);
    gf_router_init(&after, partitions, (uint16_t)(cores + 1));
    for (uint32_t p = 0; p < partitions; p++) {
        if (before.owners[p] == after.owners[p])
            continue;
        cr_assert_eq(after.owners[p], cores);
        moved++;
    }
    cr_assert_eq(moved, partitions / (cores + 1u));
    gf_router_deinit(&before);
    gf_router_deinit(&after);
}

Test(router, a_core_more_or_less_moves_the_fewest)
{
    for (uint32_t partitions = 1; partitions <= 1024; partitions *= 2) {
        for (uint16_t cores = 1; cores <= 32; cores++)
            check_moves(partitions, cores);
    }
}

/* A scan changes cores as rarely as it can. */
Test(router, a_scan_goes_core_by_core)
{
    for (uint16_t cores = 1; cores <= 8; cores++) {
        struct gf_router router;
        uint32_t changes = 0;

        gf_router_init(&router, 64, cores);
        for (uint32_t place = 1; place < 64; place++) {
            uint16_t before = router.order[place - 1];
            uint16_t here = router.order[place];

            cr_assert_eq(router.places[here], place);
            changes += router.owners[before] != router.owners[here];
            cr_assert(router.owners[before] < router.owners[here] || before < here);
        }
        cr_assert_eq(changes, cores - 1u);
        gf_router_deinit(&router);
    }
}

/* A big node starts in a moment. */
Test(router, of_many_cores_and_partitions)
{
    struct gf_router router;

    gf_router_init(&router, 4096, 64);
    gf_router_check(&router);
    gf_router_deinit(&router);
}
