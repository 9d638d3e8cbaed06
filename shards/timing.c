/* The clock, looked at once per batch. */
#include "shards/timing.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "core/histogram.h"
#include "shards/worker.h"

/* A command took that long, `times` times. */
static void book(struct gf_worker *worker, const struct gf_command *command, uint64_t duration_ns,
                 uint32_t times)
{
    struct gf_command_stats *stats = gf_worker_stats_of(worker, command);

    stats->duration_ns += duration_ns * times;
    if (!worker->settings.latency_tracking)
        return;
    if (!stats->histogram)
        stats->histogram = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*stats->histogram));
    gf_histogram_add(stats->histogram, duration_ns, times);
}

void gf_timing_book(struct gf_worker *worker, const struct gf_command *command,
                    uint64_t duration_ns)
{
    book(worker, command, duration_ns, 1);
}

void gf_timing_turn(struct gf_worker *worker)
{
    if (worker->timing.since_ns < worker->core->now_ns)
        worker->timing.since_ns = worker->core->now_ns;
}

void gf_timing_ran(struct gf_worker *worker, const struct gf_command *command)
{
    struct gf_timing *timing = &worker->timing;

    if (GF_UNLIKELY(timing->count == GF_TIMING_BATCH))
        gf_timing_batch(worker);
    timing->commands[timing->count++] = command;
}

uint64_t gf_timing_batch(struct gf_worker *worker)
{
    struct gf_timing *timing = &worker->timing;
    uint64_t now_ns;
    uint64_t share_ns;

    if (timing->count == 0)
        return 0;
    now_ns = gf_core_clock_ns(worker->core);
    share_ns = (now_ns - timing->since_ns) / timing->count;
    for (uint32_t first = 0, next; first < timing->count; first = next) {
        const struct gf_command *command = timing->commands[first];

        next = first + 1;
        while (next < timing->count && timing->commands[next] == command)
            next++;
        book(worker, command, share_ns, next - first);
    }
    timing->count = 0;
    timing->since_ns = now_ns;
    return share_ns;
}

void gf_timing_begin(struct gf_worker *worker, struct gf_timing_span *span)
{
    if (worker->timing.count > 0)
        gf_timing_batch(worker);
    else
        worker->timing.since_ns = gf_core_clock_ns(worker->core);
    span->since_ns = worker->timing.since_ns;
}

uint64_t gf_timing_measure(struct gf_worker *worker, const struct gf_timing_span *span)
{
    uint64_t now_ns = gf_core_clock_ns(worker->core);

    worker->timing.since_ns = now_ns;
    /* Never 0: that means "not timed on its own". */
    return now_ns > span->since_ns ? now_ns - span->since_ns : 1;
}

uint64_t gf_timing_end(struct gf_worker *worker, const struct gf_timing_span *span,
                       const struct gf_command *command)
{
    uint64_t duration_ns = gf_timing_measure(worker, span);

    gf_timing_book(worker, command, duration_ns);
    return duration_ns;
}

bool gf_timing_alone(const struct gf_worker *worker, const struct gf_command *command)
{
    return (command->flags & (GF_FAST | GF_GROWS)) == 0 ||
           (worker->attention & GF_ATTENTION_TIMING) != 0;
}
