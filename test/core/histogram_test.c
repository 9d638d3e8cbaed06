/* core/histogram: buckets, percentiles, and the edges that Redis shows. */
#include "core/histogram.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#include "support/random.h"

static struct gf_histogram histogram;
static struct gf_histogram other;

TestSuite(histogram, .timeout = 20);

/* A gap or an overlap between buckets would lose values or count them twice. */
Test(histogram, buckets_follow_each_other_without_gaps)
{
    uint32_t bucket = 0;

    cr_assert(eq(u32, gf_histogram_bucket(0), 0));
    for (uint32_t value = 1; value < (1u << 22); value++) {
        uint32_t next = gf_histogram_bucket(value);

        cr_assert(next == bucket || next == bucket + 1, "value %u", value);
        bucket = next;
    }
    for (uint32_t bit = 22; bit < 30; bit++) {
        cr_expect(
            eq(u32, gf_histogram_bucket((1u << bit) - 1) + 1, gf_histogram_bucket(1u << bit)));
    }
    cr_expect(eq(u32, gf_histogram_bucket((1u << 30) - 1), GF_HISTOGRAM_BUCKETS - 1));
}

/* The figures that INFO latencystats of Redis 7.0.15 shows for durations like these. */
Test(histogram, percentiles_are_bucket_edges_as_in_redis)
{
    static const struct {
        uint64_t value;
        uint64_t shown;
    } rows[] = {
        {1, 1},           {255, 255},
        {1000, 1003},     {2000, 2007},
        {3000, 3007},     {7000, 7007},
        {8000, 8031},     {11000, 11007},
        {57000, 57087},   {100000, 100351},
        {573000, 573439}, {1000000000, 1002438655},
        {0, 1},           {UINT64_MAX, 1002438655},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gf_histogram_reset(&histogram);
        gf_histogram_record(&histogram, rows[i].value);
        cr_expect(eq(u64, gf_histogram_percentile(&histogram, 50), rows[i].shown));
        cr_expect(eq(u64, gf_histogram_percentile(&histogram, 100), rows[i].shown));
        cr_expect(eq(u64, gf_histogram_percentile(&histogram, 0), rows[i].shown));
    }
}

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

/* Any percentile is within a bucket, under one percent, of the exact one. */
Test(histogram, percentiles_are_close_to_the_exact_ones)
{
    static const double percentiles[] = {1, 25, 50, 90, 99, 99.9, 100};
    static uint32_t values[20000];
    struct test_random random = {.state = 6};

    for (size_t i = 0; i < 20000; i++) {
        values[i] = 1 + (uint32_t)test_random_below(&random, 1u << (1 + i % 29));
        gf_histogram_record(&histogram, values[i]);
    }
    qsort(values, 20000, sizeof(values[0]), compare);
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        uint64_t exact = values[(size_t)(percentiles[i] / 100 * 20000 + 0.5) - 1];
        uint64_t shown = gf_histogram_percentile(&histogram, percentiles[i]);

        cr_expect(shown >= exact);
        cr_expect(shown <= exact + exact / 128 + 1, "%f", percentiles[i]);
    }
    cr_expect(eq(u64, gf_histogram_count(&histogram), 20000));
}

Test(histogram, a_value_counts_as_often_as_it_is_added)
{
    gf_histogram_record(&histogram, 700);
    gf_histogram_add(&histogram, 5000, 15);
    gf_histogram_add(&histogram, 90000, 0);
    cr_expect(eq(u64, gf_histogram_count(&histogram), 16));
    cr_expect(lt(u64, gf_histogram_percentile(&histogram, 1), 1000));
    cr_expect(gt(u64, gf_histogram_percentile(&histogram, 50), 4900));
    cr_expect(lt(u64, gf_histogram_percentile(&histogram, 100), 6000));
}

/* LATENCY HISTOGRAM shows 1, 2, 4, 8, 16, 33, 66 … µs, cumulated, without empty steps. */
Test(histogram, steps_double_and_leave_out_what_adds_nothing)
{
    struct gf_histogram_step steps[GF_HISTOGRAM_STEPS_MAX];

    cr_expect(eq(sz, gf_histogram_steps(&histogram, steps), 0));
    gf_histogram_record(&histogram, 500);
    gf_histogram_record(&histogram, 1031);
    gf_histogram_record(&histogram, 3000);
    gf_histogram_record(&histogram, 33000);
    gf_histogram_record(&histogram, 33024);
    gf_histogram_record(&histogram, 2000000000);

    cr_assert(eq(sz, gf_histogram_steps(&histogram, steps), 5));
    cr_expect(eq(u64, steps[0].edge_ns / 1000, 1));
    cr_expect(eq(u64, steps[0].count, 2));
    cr_expect(eq(u64, steps[1].edge_ns / 1000, 4));
    cr_expect(eq(u64, steps[1].count, 3));
    cr_expect(eq(u64, steps[2].edge_ns / 1000, 33));
    cr_expect(eq(u64, steps[2].count, 4));
    cr_expect(eq(u64, steps[3].edge_ns / 1000, 66));
    cr_expect(eq(u64, steps[3].count, 5));
    cr_expect(eq(u64, steps[4].edge_ns / 1000, 1073741));
    cr_expect(eq(u64, steps[4].count, 6));
}

/* With a value everywhere, every step is there and none beyond. */
Test(histogram, there_are_at_most_steps_max_steps)
{
    struct gf_histogram_step steps[GF_HISTOGRAM_STEPS_MAX];
    size_t count;

    for (uint64_t value = 1; value < 2000000000; value += 1 + value / 4)
        gf_histogram_record(&histogram, value);
    count = gf_histogram_steps(&histogram, steps);
    cr_expect(eq(sz, count, GF_HISTOGRAM_STEPS_MAX));
    cr_expect(eq(u64, steps[count - 1].count, gf_histogram_count(&histogram)));
}

/* The node's histogram is that of its cores together. */
Test(histogram, merge_is_the_same_as_recording_in_one)
{
    static struct gf_histogram both;
    struct test_random random = {.state = 2};

    for (int i = 0; i < 5000; i++) {
        uint64_t value = test_random_below(&random, 100000000);

        gf_histogram_record(i % 3 ? &histogram : &other, value);
        gf_histogram_record(&both, value);
    }
    gf_histogram_merge(&histogram, &other);
    cr_expect(memcmp(&histogram, &both, sizeof(both)) == 0);
    gf_histogram_reset(&histogram);
    cr_expect(eq(u64, gf_histogram_count(&histogram), 0));
    cr_expect(eq(u64, gf_histogram_percentile(&histogram, 99), 0));
}
