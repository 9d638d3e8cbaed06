/* Samples of slow events. They are rare, so that keeping them in order may move the whole array. */
#include "shards/latency.h"

#include <string.h>

#include "core/assert.h"

const char *gf_latency_name(enum gf_latency_event event)
{
    static const char *const names[] = {
#define NAME(event, name, what) name,
        GF_LATENCY_EVENTS(NAME)
#undef NAME
    };

    GF_ASSERT(event < GF_LATENCY_EVENTS_COUNT);
    return names[event];
}

const char *gf_latency_what(enum gf_latency_event event)
{
    static const char *const texts[] = {
#define WHAT(event, name, what) what,
        GF_LATENCY_EVENTS(WHAT)
#undef WHAT
    };

    GF_ASSERT(event < GF_LATENCY_EVENTS_COUNT);
    return texts[event];
}

/* Puts a sample that is not older than the last one at the end. */
static void series_push(struct gf_latency_series *series, struct gf_latency_sample sample)
{
    struct gf_latency_sample *last = series->count > 0 ? &series->samples[series->count - 1] : NULL;

    if (last && last->time_s >= sample.time_s) {
        if (last->latency_ms < sample.latency_ms)
            last->latency_ms = sample.latency_ms;
        return;
    }
    if (series->count == GF_LATENCY_SAMPLES) {
        series->count--;
        memmove(series->samples, series->samples + 1, series->count * sizeof(sample));
    }
    series->samples[series->count++] = sample;
}

void gf_latency_add(struct gf_latency *latency, enum gf_latency_event event, uint64_t time_s,
                    uint64_t latency_ms)
{
    struct gf_latency_series *series = &latency->series[event];

    GF_ASSERT(event < GF_LATENCY_EVENTS_COUNT);
    series_push(series, (struct gf_latency_sample){.time_s = time_s, .latency_ms = latency_ms});
    if (latency_ms > series->max_ms)
        series->max_ms = latency_ms;
}

static void series_merge(struct gf_latency_series *into, const struct gf_latency_series *from)
{
    const struct gf_latency_series old = *into;
    uint32_t a = 0;
    uint32_t b = 0;

    into->count = 0;
    while (a < old.count || b < from->count) {
        bool take_old =
            b == from->count || (a < old.count && old.samples[a].time_s <= from->samples[b].time_s);

        series_push(into, take_old ? old.samples[a++] : from->samples[b++]);
    }
    if (from->max_ms > into->max_ms)
        into->max_ms = from->max_ms;
}

void gf_latency_merge(struct gf_latency *into, const struct gf_latency *from)
{
    for (int event = 0; event < GF_LATENCY_EVENTS_COUNT; event++)
        series_merge(&into->series[event], &from->series[event]);
}

bool gf_latency_reset(struct gf_latency *latency, enum gf_latency_event event)
{
    bool any = latency->series[event].count > 0;

    latency->series[event] = (struct gf_latency_series){0};
    return any;
}
