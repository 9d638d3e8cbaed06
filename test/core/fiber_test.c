/* Fibers: what runs on one stops and goes on; stacks are used again. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/fiber.h"

/* Somebody who counts to a number and leaves after each. */
struct counter {
    struct gf_fiber *fiber;
    uint32_t until;
    uint32_t reached;
    uint64_t sum; /* of what was on its stack */
};

static struct gf_fibers fibers;

static void setup(void)
{
    gf_fibers_init(&fibers);
}

static void teardown(void)
{
    gf_fibers_deinit(&fibers);
}

TestSuite(fiber, .init = setup, .fini = teardown, .timeout = 60);

static void count(void *context)
{
    struct counter *counter = context;
    volatile unsigned char here[8192];

    for (size_t i = 0; i < sizeof(here); i++)
        here[i] = (unsigned char)(counter->until + i);
    while (counter->reached < counter->until) {
        counter->reached++;
        gf_fiber_leave(counter->fiber);
    }
    for (size_t i = 0; i < sizeof(here); i++)
        counter->sum += here[i] == (unsigned char)(counter->until + i);
}

Test(fiber, runs_to_its_end_at_once)
{
    struct counter counter = {.until = 0};

    cr_assert(gf_fiber_start(&fibers, count, &counter, &counter.fiber));
    cr_assert_null(counter.fiber);
    cr_assert_eq(counter.sum, 8192);
    cr_assert_eq(fibers.busy_count, 0);
}

Test(fiber, goes_on_where_it_left)
{
    struct counter counter = {.until = 3};
    uint32_t entered = 0;

    cr_assert(gf_fiber_start(&fibers, count, &counter, &counter.fiber));
    cr_assert_eq(counter.reached, 1);
    while (!gf_fiber_enter(&fibers, counter.fiber))
        cr_assert_eq(counter.reached, ++entered + 1);
    cr_assert_eq(counter.reached, 3);
    cr_assert_eq(counter.sum, 8192);
}

Test(fiber, many_take_turns_each_on_a_stack_of_its_own)
{
    enum { COUNT = 20 };
    struct counter counters[COUNT] = {0};
    uint32_t busy = COUNT;

    for (uint32_t round = 0; round < 3; round++) {
        memset(counters, 0, sizeof(counters));
        for (uint32_t i = 0; i < COUNT; i++) {
            counters[i].until = 1 + i;
            cr_assert(gf_fiber_start(&fibers, count, &counters[i], &counters[i].fiber));
        }
        cr_assert_eq(fibers.busy_count, COUNT);
        for (busy = COUNT; busy > 0;) {
            for (uint32_t i = 0; i < COUNT; i++) {
                if (counters[i].sum == 0)
                    busy -= gf_fiber_enter(&fibers, counters[i].fiber);
            }
        }
        for (uint32_t i = 0; i < COUNT; i++)
            cr_assert_eq(counters[i].sum, 8192);
    }
    cr_assert_leq(fibers.free_count, COUNT);
}
