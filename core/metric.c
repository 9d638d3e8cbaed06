/* Sums over the cores. */
#include "core/metric.h"

#include "core/assert.h"

_Static_assert(sizeof(struct gf_metric) == sizeof(uint64_t), "a struct of metrics is an array");

void gf_metrics_total(const struct gf_metric_rows *rows, const void *const *cores,
                      size_t cores_count, uint64_t *ret_values)
{
    for (size_t i = 0; i < rows->count; i++) {
        uint64_t total = 0;

        for (size_t core = 0; core < cores_count; core++) {
            const struct gf_metric *metrics = cores[core];
            uint64_t value = gf_metric_get(&metrics[i]);

            if (rows->rows[i].kind != GF_METRIC_PEAK)
                total += value;
            else if (value > total)
                total = value;
        }
        ret_values[i] = total;
    }
}

void gf_metrics_reset(const struct gf_metric_rows *rows, void *metrics)
{
    struct gf_metric *metric = metrics;

    GF_ASSERT(metrics != NULL);
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->rows[i].kind != GF_METRIC_GAUGE)
            gf_metric_set(&metric[i], 0);
    }
}
