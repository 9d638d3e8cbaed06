/* How many results a driver waits for at once. */
#include <criterion/criterion.h>

#include "core/driver_coalesce.h"


#define HANDLES 64

static struct gf_coalesce coalesce;
static struct gf_posix_handle handles[HANDLES];

/* `runs` runs; in each all of the first `active` handles receive. */
static void runs_of(uint32_t runs, uint32_t active)
{
    for (uint32_t run = 0; run < runs; run++) {
        for (uint32_t i = 0; i < active; i++)
            gf_coalesce_received(&coalesce, &handles[i]);
        gf_coalesce_run(&coalesce, active);
    }
}

/* The first period counts nobody: handles look as if they had been in it. */
static void begin(void)
{
    runs_of(GF_COALESCE_RUNS, 1);
}

TestSuite(coalesce, .init = begin);

/* Of a period that goes on nothing is known, so nothing is held back. */
Test(coalesce, begins_when_a_period_has_been_seen)
{
    runs_of(GF_COALESCE_RUNS - 1, 10);
    cr_assert_eq(gf_coalesce_count(&coalesce), 0);
    runs_of(1, 10);
    cr_assert_eq(gf_coalesce_count(&coalesce), 5);
}

/* Who is alone is answered at once. */
Test(coalesce, does_not_wait_for_one_handle_or_three)
{
    runs_of(GF_COALESCE_RUNS, 1);
    cr_assert_lt(gf_coalesce_count(&coalesce), 2);
    runs_of(2 * GF_COALESCE_RUNS, 3);
    cr_assert_lt(gf_coalesce_count(&coalesce), 2);
}

/* A run that ended with nothing says nothing. */
Test(coalesce, waits_for_half_as_many_more_than_came_last)
{
    runs_of(GF_COALESCE_RUNS, HANDLES);
    cr_assert_eq(gf_coalesce_count(&coalesce), HANDLES / GF_COALESCE_SHARE);
    runs_of(1, 4);
    cr_assert_eq(gf_coalesce_count(&coalesce), 6);
    runs_of(1, 0);
    cr_assert_eq(gf_coalesce_count(&coalesce), 6);
    runs_of(1, 1);
    cr_assert_eq(gf_coalesce_count(&coalesce), 1);
    runs_of(1, HANDLES);
    cr_assert_eq(gf_coalesce_count(&coalesce), HANDLES / GF_COALESCE_SHARE);
}

/* Each handle once in a period, however often it receives; those that fell silent are forgotten. */
Test(coalesce, counts_active_handles)
{
    for (uint32_t i = 0; i < 100; i++)
        gf_coalesce_received(&coalesce, &handles[i % 4]);
    cr_assert_eq(coalesce.active, 4);
    runs_of(GF_COALESCE_RUNS, HANDLES);
    cr_assert_eq(coalesce.active_last, HANDLES);
    runs_of(GF_COALESCE_RUNS, 8);
    cr_assert_eq(coalesce.active_last, 8);
    cr_assert_eq(gf_coalesce_count(&coalesce), 4);
}
