/* What LATENCY remembers of one core: for each kind of event the newest samples, at most one a
 * second, and the highest of all times. Cores are added up when somebody asks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*          event          name             what it is */
#define GF_LATENCY_EVENTS(X)                                                     \
    X(COMMAND,      "command",      "commands that may take long by themselves") \
    X(FAST_COMMAND, "fast-command", "commands that should always be quick")      \
    X(EVICTION,     "eviction-cycle", "evictions that a write had to wait for")

enum gf_latency_event {
#define GF_LATENCY_ID(event, name, what) GF_LATENCY_##event,
    GF_LATENCY_EVENTS(GF_LATENCY_ID)
#undef GF_LATENCY_ID
    GF_LATENCY_EVENTS_COUNT
};

#define GF_LATENCY_SAMPLES 160 /* as many as Redis keeps of an event */

struct gf_latency_sample {
    uint64_t time_s; /* Unix time */
    uint64_t latency_ms;
};

/* Of one kind of event. `samples` is in order of time, oldest first, one a second at most. */
struct gf_latency_series {
    struct gf_latency_sample samples[GF_LATENCY_SAMPLES];
    uint32_t count;
    uint64_t max_ms; /* since the last reset */
};

struct gf_latency {
    struct gf_latency_series series[GF_LATENCY_EVENTS_COUNT];
};

const char *gf_latency_name(enum gf_latency_event event);
const char *gf_latency_what(enum gf_latency_event event);

/* gf_latency_add - it took `latency_ms`; the highest of a second is kept. time_s never runs
 * back. */
void gf_latency_add(struct gf_latency *latency, enum gf_latency_event event, uint64_t time_s,
                    uint64_t latency_ms);

/* gf_latency_merge - as if what is in `from` had been added to `into`, too. */
void gf_latency_merge(struct gf_latency *into, const struct gf_latency *from);

/* gf_latency_reset - forget an event. Returns whether there was anything to forget. */
bool gf_latency_reset(struct gf_latency *latency, enum gf_latency_event event);
