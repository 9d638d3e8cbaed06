/* Counting what happens on a core, and how fast. */
#include "shards/stats.h"

#include <string.h>

#include "core/assert.h"
#include "core/core.h"
#include "core/histogram.h"
#include "modules/registry.h"
#include "shards/server.h"
#include "shards/worker.h"

#define NS_PER_S 1000000000u

void gf_stats_count_error(struct gf_worker *worker, enum gf_message_id failure)
{
    GF_ASSERT(failure < GF_MESSAGES_COUNT);
    worker->counters.error_replies++;
    worker->errors[failure]++;
}

void gf_stats_sample(struct gf_worker *worker)
{
    struct gf_rates *rates = &worker->rates;
    const struct gf_counters *counters = &worker->counters;
    uint64_t now[GF_RATES_COUNT] = {counters->commands_processed, counters->bytes_in,
                                    counters->bytes_out};
    uint64_t elapsed_ns = worker->core->now_ns - rates->since_ns;
    uint64_t busy_ns = worker->core->busy_ns - rates->busy_ns;

    if (rates->since_ns != 0 && elapsed_ns > 0) {
        double share = (double)busy_ns / (double)elapsed_ns;

        for (int rate = 0; rate < GF_RATES_COUNT; rate++) {
            /* RESETSTAT may have put a counter back to zero. */
            uint64_t more = now[rate] >= rates->last[rate] ? now[rate] - rates->last[rate] : 0;

            rates->per_second[rates->next][rate] =
                (uint64_t)((double)more * NS_PER_S / (double)elapsed_ns);
        }
        rates->next = (rates->next + 1) % GF_RATE_SAMPLES;
        /* The weight of a sample halves in about half a second of ticks. */
        rates->busy_share += ((share > 1 ? 1 : share) - rates->busy_share) / 8;
    }
    memcpy(rates->last, now, sizeof(now));
    rates->since_ns = worker->core->now_ns;
    rates->busy_ns = worker->core->busy_ns;
}

uint64_t gf_stats_rate(const struct gf_rates *rates, enum gf_rate rate)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < GF_RATE_SAMPLES; i++)
        sum += rates->per_second[i][rate];
    return sum / GF_RATE_SAMPLES;
}

void gf_stats_reset(struct gf_worker *worker)
{
    uint32_t rows = gf_registry_rows(worker->plugins->registry);

    worker->counters = (struct gf_counters){0};
    worker->lookups = (struct gf_lookups){0};
    worker->maxmemory.longest_ns = 0;
    memset(worker->errors, 0, sizeof(worker->errors));
    memset(worker->rates.last, 0, sizeof(worker->rates.last));
    memset(worker->rates.per_second, 0, sizeof(worker->rates.per_second));
    for (uint32_t row = 0; row < rows; row++) {
        struct gf_histogram *histogram = worker->commands[row].histogram;

        if (histogram)
            gf_histogram_reset(histogram);
        worker->commands[row] = (struct gf_command_stats){.histogram = histogram};
    }
}
