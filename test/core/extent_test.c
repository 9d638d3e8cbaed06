#include "core/extent.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXTENTS 200u
#define MIB ((size_t)1 << 20)

static uint64_t state = 1;

static uint32_t random_below(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

/* A byte that depends on the place, so that neither loss nor overlap goes unseen. */
static void extent_fill(unsigned char *extent, size_t from, size_t size, uint32_t number)
{
    for (size_t at = from; at < size; at += 509)
        extent[at] = (unsigned char)(number + at);
}

static void extent_verify(const unsigned char *extent, size_t size, uint32_t number)
{
    size_t wrong = 0;

    for (size_t at = 0; at < size; at += 509)
        wrong += extent[at] != (unsigned char)(number + at);
    cr_assert_eq(wrong, 0, "%zu bytes of %zu are not what was written", wrong, size);
}

Test(extent, keeps_what_was_written_and_gives_memory_back)
{
    static unsigned char *extents[EXTENTS];
    static size_t sizes[EXTENTS];
    size_t used_before = gf_extent_used_size();

    for (uint32_t step = 0; step < 20000; step++) {
        uint32_t i = random_below(EXTENTS);

        if (extents[i]) {
            extent_verify(extents[i], sizes[i], i);
            gf_extent_give(extents[i]);
            extents[i] = NULL;
            continue;
        }
        sizes[i] = 1 + random_below(step % 8 ? 100000 : 2000000);
        extents[i] = gf_extent_take(sizes[i]);
        cr_assert_not_null(extents[i]);
        cr_assert(gf_extent_holds(extents[i]));
        cr_assert_geq(gf_extent_size(extents[i]), sizes[i]);
        cr_assert_leq(gf_extent_size(extents[i]), sizes[i] + sizes[i] / 15 + 4096);
        extent_fill(extents[i], 0, sizes[i], i);
    }
    for (uint32_t i = 0; i < EXTENTS; i++) {
        if (extents[i]) {
            extent_verify(extents[i], sizes[i], i);
            gf_extent_give(extents[i]);
        }
    }
    cr_assert_eq(gf_extent_used_size(), used_before);
    cr_assert_leq(gf_extent_free_size(), 2 * MIB);
    cr_assert_not(gf_extent_holds(extents));
    cr_assert_not(gf_extent_holds(NULL));
}

Test(extent, grows_and_shrinks)
{
    size_t size = 20000;
    size_t size_old;
    unsigned char *extent = gf_extent_take(size);

    extent_fill(extent, 0, size, 7);
    for (uint32_t step = 0; step < 300; step++) {
        size_old = size;
        size = step % 5 == 4 ? size / 2 + 1 : size + size / 3;
        if (size > 100 * MIB)
            size = 30000;
        extent = gf_extent_resize(extent, size);
        cr_assert_not_null(extent);
        cr_assert_geq(gf_extent_size(extent), size);
        extent_verify(extent, size < size_old ? size : size_old, 7);
        extent_fill(extent, 0, size, 7);
    }
    gf_extent_give(extent);
}

/* ThreadSanitizer's shadow of what is used is resident as well: nothing to be seen there. */
#ifndef __SANITIZE_THREAD__
static size_t resident_size(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;

    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%*s %lu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

Test(extent, only_what_is_used_is_resident)
{
    size_t before = resident_size();
    unsigned char *extents[40];
    unsigned char *large = gf_extent_take(300 * MIB / 8);

    /* Just over a power of two: the worst for anything that rounds up. */
    for (uint32_t i = 0; i < 40; i++) {
        extents[i] = gf_extent_take(MIB + 1);
        memset(extents[i], 1, MIB + 1);
    }
    memset(large, 1, 300 * MIB / 8);
    large = gf_extent_resize(large, 600 * MIB / 8);
    cr_assert_lt(resident_size() - before, (41 + 75 + 4) * MIB);
    gf_extent_give(large);
    for (uint32_t i = 0; i < 40; i++)
        gf_extent_give(extents[i]);
    cr_assert_lt((int64_t)resident_size() - (int64_t)before, (int64_t)(6 * MIB));
}
#endif

static void *other_thread(void *argument)
{
    unsigned char *extents[16] = {0};
    uint32_t number = *(uint32_t *)argument;

    for (uint32_t step = 0; step < 4000; step++) {
        uint32_t i = step % 16;

        if (extents[i]) {
            extent_verify(extents[i], 20000 + 4000 * i, number + i);
            gf_extent_give(extents[i]);
        }
        extents[i] = gf_extent_take(20000 + 4000 * i);
        extent_fill(extents[i], 0, 20000 + 4000 * i, number + i);
    }
    for (uint32_t i = 0; i < 16; i++)
        gf_extent_give(extents[i]);
    return NULL;
}

Test(extent, any_thread_may_take_and_give)
{
    pthread_t threads[2];
    uint32_t numbers[2] = {10, 20};

    for (uint32_t i = 0; i < 2; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, other_thread, &numbers[i]), 0);
    for (uint32_t i = 0; i < 2; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_assert_eq(gf_extent_used_size(), 0);
}
