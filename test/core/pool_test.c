/* core/pool: reuse, limits, and the mistakes that are caught. */
#include "core/pool.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <string.h>

#include "core/core.h"
#include "support/random.h"

struct item {
    char content[100];
};

static struct gf_core core = {.id = 3, .count = 4};
static struct gf_pool pool;

static void setup(void)
{
    gf_core_enter(&core);
    gf_pool_init(&pool, 3,
                 &(struct gf_pool_options){
                     .kind = GF_MEMORY_OTHER,
                     .object_size = sizeof(struct item),
                     .alignment = 64,
                     .count_max = 1000,
                 });
}

TestSuite(pool, .init = setup, .timeout = 10);

/* The object released last is the one still in the cache. */
Test(pool, released_last_is_acquired_first)
{
    void *first = gf_pool_acquire(&pool);
    void *second = gf_pool_acquire(&pool);

    gf_pool_release(&pool, second);
    gf_pool_release(&pool, first);
    cr_expect(gf_pool_acquire(&pool) == first);
    cr_expect(gf_pool_acquire(&pool) == second);
    gf_pool_check(&pool);
}

/* The cap is what bounds requests in flight: it must be exact. */
Test(pool, acquires_up_to_its_limit_and_no_further)
{
    void *objects[1000];

    for (int i = 0; i < 1000; i++) {
        objects[i] = gf_pool_acquire(&pool);
        cr_assert(objects[i] != NULL);
        cr_assert(eq(u64, (uint64_t)(uintptr_t)objects[i] % 64, 0));
        memset(objects[i], i, sizeof(struct item));
    }
    cr_expect(gf_pool_acquire(&pool) == NULL);
    gf_pool_check(&pool);
    for (int i = 0; i < 1000; i++) {
        char expected[sizeof(struct item)];

        memset(expected, i, sizeof(expected));
        cr_assert(memcmp(objects[i], expected, sizeof(expected)) == 0);
    }
    gf_pool_release(&pool, objects[17]);
    cr_expect(gf_pool_acquire(&pool) == objects[17]);
}

/* A pool at its peak allocates no more, and gives everything back at its end. */
Test(pool, memory_stays_at_the_peak_and_goes_back)
{
    struct test_random random = {.state = 8};
    struct item *objects[300];
    int64_t peak;

    for (int i = 0; i < 300; i++)
        objects[i] = gf_pool_acquire(&pool);
    peak = atomic_load(&core.memory.bytes[GF_MEMORY_OTHER]);
    cr_assert(peak >= 300 * (int64_t)sizeof(struct item));
    for (int round = 0; round < 20000; round++) {
        size_t i = test_random_below(&random, 300);

        if (objects[i])
            gf_pool_release(&pool, objects[i]);
        objects[i] = objects[i] ? NULL : gf_pool_acquire(&pool);
    }
    gf_pool_check(&pool);
    cr_expect(eq(i64, atomic_load(&core.memory.bytes[GF_MEMORY_OTHER]), peak));
    for (int i = 0; i < 300; i++) {
        if (objects[i])
            gf_pool_release(&pool, objects[i]);
    }
    cr_expect(eq(u32, pool.count_in_use, 0));
    gf_pool_deinit(&pool);
    cr_expect(eq(i64, atomic_load(&core.memory.bytes[GF_MEMORY_OTHER]), 0));
    gf_pool_deinit(&pool);
}

/* Sizes that do not divide anything, and objects larger than a block is meant to be. */
Test(pool, any_object_size_fits)
{
    static const size_t sizes[] = {1, 7, 8, 9, 63, 64, 65, 1000, 4096, 100000};

    for (size_t i = 0; i < GF_COUNT(sizes); i++) {
        struct gf_pool odd;
        void *objects[50];

        gf_pool_init(&odd, 3, &(struct gf_pool_options){.object_size = sizes[i]});
        for (int j = 0; j < 50; j++) {
            objects[j] = gf_pool_acquire(&odd);
            cr_assert(eq(u64, (uint64_t)(uintptr_t)objects[j] % 16, 0));
            memset(objects[j], 0xff, sizes[i]);
        }
        gf_pool_check(&odd);
        for (int j = 0; j < 50; j++)
            gf_pool_release(&odd, objects[j]);
        gf_pool_check(&odd);
        gf_pool_deinit(&odd);
    }
}

/* An object in the free list twice would be given to two owners. */
Test(pool, releasing_twice_is_caught, .signal = SIGABRT)
{
    void *object = gf_pool_acquire(&pool);

    gf_pool_release(&pool, object);
    gf_pool_release(&pool, object);
}

/* An object of another pool has another size. */
Test(pool, releasing_to_another_pool_is_caught, .signal = SIGABRT)
{
    struct gf_pool other;

    gf_pool_init(&other, 3, &(struct gf_pool_options){.object_size = sizeof(struct item)});
    gf_pool_release(&other, gf_pool_acquire(&pool));
}

/* The free list has no lock. */
Test(pool, another_core_is_caught, .signal = SIGABRT)
{
    struct gf_core other = {.id = 2, .count = 4};
    void *object = gf_pool_acquire(&pool);

    gf_core_enter(&other);
    gf_pool_release(&pool, object);
}

/* What is still in use would point into freed blocks. */
Test(pool, ending_with_objects_in_use_is_caught, .signal = SIGABRT)
{
    (void)gf_pool_acquire(&pool);
    gf_pool_deinit(&pool);
}
