/* Counters of one core, declared as a list, summed over the cores on request.
 *
 * A folder lists its metrics once and gets the struct and the table from the list:
 *
 *     #define GF_NET_METRICS(X)                                   \
 *         X(bytes_received, COUNTER, "bytes read from clients")   \
 *         X(clients,        GAUGE,   "connections open now")
 *
 *     struct gf_net_metrics {
 *         GF_NET_METRICS(GF_METRIC_FIELD)
 *     };
 *     static const struct gf_metric_row net_rows[] = { GF_NET_METRICS(GF_METRIC_ROW) };
 *
 * The struct holds nothing but its metrics, in the order of the rows: it is read as an array.
 *
 * Each core has a struct of its own and is the only writer; every core may read. A relaxed load and
 * store count, no locked instruction. Keep the structs of two cores on different cache lines.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct gf_metric {
    _Atomic uint64_t value;
};

enum gf_metric_kind {
    GF_METRIC_COUNTER, /* only grows; the node's value is the sum */
    GF_METRIC_GAUGE,   /* a level, also below zero on one core; the node's value is the sum */
    GF_METRIC_PEAK,    /* the highest so far; the node's value is the highest of all cores */
};

struct gf_metric_row {
    const char *name;
    enum gf_metric_kind kind;
    const char *doc;
};

struct gf_metric_rows {
    const struct gf_metric_row *rows;
    size_t count;
};

#define GF_METRIC_FIELD(field, metric_kind, text) struct gf_metric field;
#define GF_METRIC_ROW(field, metric_kind, text)                                                   \
    {.name = #field, .kind = GF_METRIC_##metric_kind, .doc = text},

static inline uint64_t gf_metric_get(const struct gf_metric *metric)
{
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

/* gf_metric_set - a GAUGE's new level. */
static inline void gf_metric_set(struct gf_metric *metric, uint64_t value)
{
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

/* gf_metric_add - count; a GAUGE also takes negative amounts. */
static inline void gf_metric_add(struct gf_metric *metric, int64_t amount)
{
    gf_metric_set(metric, gf_metric_get(metric) + (uint64_t)amount);
}

/* gf_metric_raise - remember `value` if it is a PEAK's highest. */
static inline void gf_metric_raise(struct gf_metric *metric, uint64_t value)
{
    if (value > gf_metric_get(metric))
        gf_metric_set(metric, value);
}

/* gf_metrics_total - the values of the node.
 *
 * cores      `cores_count` pointers to the structs of the cores
 * ret_values rows->count values
 */
void gf_metrics_total(const struct gf_metric_rows *rows, const void *const *cores,
                      size_t cores_count, uint64_t *ret_values);

/* gf_metrics_reset - one core's counters and peaks to zero; gauges stay. On that core only. */
void gf_metrics_reset(const struct gf_metric_rows *rows, void *metrics);
