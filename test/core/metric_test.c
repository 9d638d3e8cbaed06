/* core/metric: one core's figures, and the node's. */
#include "core/metric.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>

#define NET_METRICS(X)                                                                             \
    X(received, COUNTER, "bytes read from clients")                                                \
    X(clients, GAUGE, "connections open now")                                                      \
    X(longest, PEAK, "longest pipeline seen")

struct net_metrics {
    NET_METRICS(GF_METRIC_FIELD)
};

static const struct gf_metric_row net_list[] = {NET_METRICS(GF_METRIC_ROW)};
static const struct gf_metric_rows net_rows = {.rows = net_list, .count = 3};

static struct net_metrics metrics[2];
static const void *const cores[] = {&metrics[0], &metrics[1]};

/* INFO shows one figure for the whole node. */
Test(metric, the_total_sums_counters_and_takes_the_highest_peak)
{
    uint64_t total[3];

    gf_metric_add(&metrics[0].received, 100);
    gf_metric_add(&metrics[1].received, 11);
    gf_metric_raise(&metrics[0].longest, 7);
    gf_metric_raise(&metrics[0].longest, 5);
    gf_metric_raise(&metrics[1].longest, 9);
    gf_metrics_total(&net_rows, cores, 2, total);
    cr_expect(eq(u64, total[0], 111));
    cr_expect(eq(u64, total[2], 9));
    cr_expect(eq(str, (char *)net_list[0].name, "received"));
    cr_expect(net_list[2].kind == GF_METRIC_PEAK);
}

/* A connection accepted on one core is closed on another, to which it was handed over. */
Test(metric, a_gauge_below_zero_on_one_core_is_right_in_total)
{
    uint64_t total[3];

    gf_metric_add(&metrics[0].clients, 5);
    gf_metric_add(&metrics[1].clients, -2);
    gf_metrics_total(&net_rows, cores, 2, total);
    cr_expect(eq(u64, total[1], 3));
    gf_metric_set(&metrics[1].clients, 10);
    gf_metrics_total(&net_rows, cores, 2, total);
    cr_expect(eq(u64, total[1], 15));
}

/* CONFIG RESETSTAT forgets what happened, not what is. */
Test(metric, reset_keeps_gauges)
{
    gf_metric_add(&metrics[0].received, 100);
    gf_metric_set(&metrics[0].clients, 4);
    gf_metric_raise(&metrics[0].longest, 7);
    gf_metrics_reset(&net_rows, &metrics[0]);
    cr_expect(eq(u64, gf_metric_get(&metrics[0].received), 0));
    cr_expect(eq(u64, gf_metric_get(&metrics[0].clients), 4));
    cr_expect(eq(u64, gf_metric_get(&metrics[0].longest), 0));
}

static void *count_up(void *context)
{
    struct net_metrics *own = context;

    for (int i = 0; i < 200000; i++)
        gf_metric_add(&own->received, 1);
    return NULL;
}

/* Another core reads while this one counts: never a figure that was not there. */
Test(metric, reading_while_counting_sees_only_growth, .timeout = 20)
{
    pthread_t thread;
    uint64_t seen = 0;

    cr_assert(eq(int, pthread_create(&thread, NULL, count_up, &metrics[0]), 0));
    while (seen < 200000) {
        uint64_t now = gf_metric_get(&metrics[0].received);

        cr_assert(now >= seen);
        cr_assert(now <= 200000);
        seen = now;
    }
    pthread_join(thread, NULL);
}
