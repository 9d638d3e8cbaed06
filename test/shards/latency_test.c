/* Samples of slow events: one a second, the highest of it, the newest of them, all cores
 * together. */
#include "shards/latency.h"

#include <criterion/criterion.h>

static struct gf_latency latency;

TestSuite(latency, .timeout = 10);

static const struct gf_latency_series *commands(void)
{
    return &latency.series[GF_LATENCY_COMMAND];
}

Test(latency, highest_of_a_second_is_kept)
{
    gf_latency_add(&latency, GF_LATENCY_COMMAND, 100, 5);
    gf_latency_add(&latency, GF_LATENCY_COMMAND, 100, 9);
    gf_latency_add(&latency, GF_LATENCY_COMMAND, 100, 7);
    gf_latency_add(&latency, GF_LATENCY_COMMAND, 101, 2);
    cr_assert_eq(commands()->count, 2);
    cr_expect_eq(commands()->samples[0].latency_ms, 9);
    cr_expect_eq(commands()->samples[1].latency_ms, 2);
    cr_expect_eq(commands()->max_ms, 9);
    cr_expect_eq(latency.series[GF_LATENCY_FAST_COMMAND].count, 0);
}

/* The worst of all times is remembered even when its sample is gone. */
Test(latency, oldest_samples_go)
{
    gf_latency_add(&latency, GF_LATENCY_COMMAND, 1, 1000);
    for (uint64_t second = 2; second <= 1 + GF_LATENCY_SAMPLES; second++)
        gf_latency_add(&latency, GF_LATENCY_COMMAND, second, 1);
    cr_assert_eq(commands()->count, GF_LATENCY_SAMPLES);
    cr_expect_eq(commands()->samples[0].time_s, 2);
    cr_expect_eq(commands()->samples[GF_LATENCY_SAMPLES - 1].time_s, 1 + GF_LATENCY_SAMPLES);
    cr_expect_eq(commands()->max_ms, 1000);
}

Test(latency, cores_are_merged_in_order_of_time)
{
    struct gf_latency other = {0};

    gf_latency_add(&latency, GF_LATENCY_COMMAND, 10, 1);
    gf_latency_add(&latency, GF_LATENCY_COMMAND, 30, 3);
    gf_latency_add(&latency, GF_LATENCY_COMMAND, 40, 9);
    gf_latency_add(&other, GF_LATENCY_COMMAND, 20, 2);
    gf_latency_add(&other, GF_LATENCY_COMMAND, 30, 8);
    gf_latency_add(&other, GF_LATENCY_FAST_COMMAND, 5, 4);
    gf_latency_merge(&latency, &other);
    cr_assert_eq(commands()->count, 4);
    cr_expect_eq(commands()->samples[0].time_s, 10);
    cr_expect_eq(commands()->samples[1].time_s, 20);
    cr_expect_eq(commands()->samples[2].time_s, 30);
    cr_expect_eq(commands()->samples[2].latency_ms, 8);
    cr_expect_eq(commands()->samples[3].time_s, 40);
    cr_expect_eq(commands()->max_ms, 9);
    cr_expect_eq(latency.series[GF_LATENCY_FAST_COMMAND].count, 1);
}

Test(latency, reset_says_whether_there_was_anything)
{
    gf_latency_add(&latency, GF_LATENCY_COMMAND, 10, 1);
    cr_expect(gf_latency_reset(&latency, GF_LATENCY_COMMAND));
    cr_expect_not(gf_latency_reset(&latency, GF_LATENCY_COMMAND));
    cr_expect_eq(commands()->max_ms, 0);
}
