/* LATENCY: slow events of all cores, and how long every command takes. */
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/buf.h"
#include "core/histogram.h"
#include "modules/command.h"
#include "modules/registry.h"
#include "shards/ask.h"
#include "shards/latency.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/worker.h"

#define NS_PER_US 1000u
#define NAME_SHOWN 128 /* bytes of an unknown event that an error repeats, as all errors do */

/* ---- what the samples of all cores are asked for ------------------------------------------- */

struct samples_ask {
    struct gf_ask ask; /* first */
    uint64_t now_s;    /* Unix time, for the graph's axis and the report */
    uint64_t threshold_ms;
    enum gf_latency_event event; /* of HISTORY and GRAPH */
    bool known;                  /* HISTORY and GRAPH: there is such an event */
    char name[NAME_SHOWN + 1];   /* as the client gave it, cut */
    void (*write)(const struct samples_ask *samples, const struct gf_latency *latency,
                  struct gf_reply *reply);
};

static void samples_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    *(struct gf_latency *)gf_ask_slot(ask, worker->core->id) = worker->latency;
}

static void samples_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    const struct samples_ask *samples = gf_container(ask, struct samples_ask, ask);
    struct gf_latency sum = {0};

    for (uint32_t core = 0; core < ask->cores_count; core++)
        gf_latency_merge(&sum, gf_ask_slot(ask, core));
    samples->write(samples, &sum, reply);
}

static const struct gf_ask_kind samples_kind = {
    .size = sizeof(struct samples_ask),
    .slot_size = sizeof(struct gf_latency),
    .on_core = samples_on_core,
    .answer = samples_answer,
};

/* The event that a word names; GF_LATENCY_EVENTS_COUNT if there is none. */
static enum gf_latency_event event_of(struct gf_bytes name)
{
    int event = 0;

    while (event < GF_LATENCY_EVENTS_COUNT &&
           !gf_bytes_is(name, gf_latency_name((enum gf_latency_event)event)))
        event++;
    return (enum gf_latency_event)event;
}

static void samples_ask(struct gf_exec *x,
                        void (*write)(const struct samples_ask *samples,
                                      const struct gf_latency *latency, struct gf_reply *reply))
{
    struct gf_ask *ask = gf_ask_create(x, &samples_kind);
    struct samples_ask *samples = gf_container(ask, struct samples_ask, ask);

    samples->write = write;
    samples->now_s = x->now_ms / 1000;
    samples->threshold_ms = gf_session_of(x)->worker->settings.latency_monitor_threshold;
    if (x->args->count > 2) {
        struct gf_bytes name = x->args->words[2];

        samples->event = event_of(name);
        samples->known = samples->event < GF_LATENCY_EVENTS_COUNT;
        snprintf(samples->name, sizeof(samples->name), "%.*s",
                 (int)(name.size < NAME_SHOWN ? name.size : NAME_SHOWN), name.data);
    }
    gf_ask_start(ask);
}

static void write_latest(const struct samples_ask *samples, const struct gf_latency *latency,
                         struct gf_reply *reply)
{
    struct gf_reply_open list = gf_reply_array_open(reply);
    uint64_t count = 0;

    (void)samples;
    for (int event = 0; event < GF_LATENCY_EVENTS_COUNT; event++) {
        const struct gf_latency_series *series = &latency->series[event];

        if (series->count == 0)
            continue;
        count++;
        gf_reply_array(reply, 4);
        gf_reply_bulk_text(reply, gf_latency_name((enum gf_latency_event)event));
        gf_reply_int(reply, (int64_t)series->samples[series->count - 1].time_s);
        gf_reply_int(reply, (int64_t)series->samples[series->count - 1].latency_ms);
        gf_reply_int(reply, (int64_t)series->max_ms);
    }
    gf_reply_close(reply, list, count);
}

static void write_history(const struct samples_ask *samples, const struct gf_latency *latency,
                          struct gf_reply *reply)
{
    const struct gf_latency_series *series =
        samples->known ? &latency->series[samples->event] : NULL;
    uint32_t count = series ? series->count : 0;

    gf_reply_array(reply, count);
    for (uint32_t i = 0; i < count; i++) {
        gf_reply_array(reply, 2);
        gf_reply_int(reply, (int64_t)series->samples[i].time_s);
        gf_reply_int(reply, (int64_t)series->samples[i].latency_ms);
    }
}

/* ---- LATENCY GRAPH, LATENCY DOCTOR --------------------------------------------------------- */

#define GRAPH_COLUMNS 80
#define GRAPH_ROWS 6

static void text_reply(struct gf_reply *reply, struct gf_buf *text)
{
    gf_reply_verbatim(reply, "txt", (struct gf_bytes){.data = text->data, .size = text->size});
    gf_buf_deinit(text);
}

/* Lowest and highest of the last `count` samples. */
static void series_bounds(const struct gf_latency_series *series, uint32_t count, uint64_t *ret_low,
                          uint64_t *ret_high)
{
    *ret_low = UINT64_MAX;
    *ret_high = 0;
    for (uint32_t i = series->count - count; i < series->count; i++) {
        uint64_t ms = series->samples[i].latency_ms;

        *ret_low = ms < *ret_low ? ms : *ret_low;
        *ret_high = ms > *ret_high ? ms : *ret_high;
    }
}

/* One column for each of the newest samples, as high as it is of the highest. */
static void write_graph(const struct samples_ask *samples, const struct gf_latency *latency,
                        struct gf_reply *reply)
{
    const struct gf_latency_series *series =
        samples->known ? &latency->series[samples->event] : NULL;
    uint32_t count;
    struct gf_buf text = {0};
    char line[160];
    uint64_t low;
    uint64_t high;

    if (!series || series->count == 0) {
        gf_reply_error_format(reply, GF_MSG_LATENCY_NO_SAMPLES, gf_bytes_of(samples->name),
                              GF_BYTES(""));
        return;
    }
    count = series->count < GRAPH_COLUMNS ? series->count : GRAPH_COLUMNS;
    series_bounds(series, count, &low, &high);
    snprintf(line, sizeof(line), "%s - high %llu ms, low %llu ms (all time high %llu ms)\n",
             gf_latency_name(samples->event), (unsigned long long)high, (unsigned long long)low,
             (unsigned long long)series->max_ms);
    gf_buf_add_text(&text, line);
    for (uint32_t row = GRAPH_ROWS; row > 0; row--) {
        for (uint32_t i = 0; i < count; i++) {
            uint64_t ms = series->samples[series->count - count + i].latency_ms;

            line[i] = ms * GRAPH_ROWS > high * (row - 1) ? '#' : ' ';
        }
        line[count] = '\n';
        line[count + 1] = '\0';
        gf_buf_add_text(&text, line);
    }
    snprintf(line, sizeof(line), "oldest %llu s ago, newest %llu s ago\n",
             (unsigned long long)(samples->now_s - series->samples[series->count - count].time_s),
             (unsigned long long)(samples->now_s - series->samples[series->count - 1].time_s));
    gf_buf_add_text(&text, line);
    text_reply(reply, &text);
}

static void doctor_event(struct gf_buf *text, enum gf_latency_event event,
                         const struct gf_latency_series *series)
{
    uint64_t sum = 0;
    char line[320];

    for (uint32_t i = 0; i < series->count; i++)
        sum += series->samples[i].latency_ms;
    snprintf(line, sizeof(line),
             "%s (%s): %u slow seconds remembered, %llu ms on average, %llu ms at worst.\n",
             gf_latency_name(event), gf_latency_what(event), series->count,
             (unsigned long long)(sum / series->count), (unsigned long long)series->max_ms);
    gf_buf_add_text(text, line);
}

static void write_doctor(const struct samples_ask *samples, const struct gf_latency *latency,
                         struct gf_reply *reply)
{
    struct gf_buf text = {0};
    char line[160];
    bool any = false;

    for (int event = 0; event < GF_LATENCY_EVENTS_COUNT; event++) {
        if (latency->series[event].count == 0)
            continue;
        any = true;
        doctor_event(&text, (enum gf_latency_event)event, &latency->series[event]);
    }
    if (any) {
        gf_buf_add_text(&text,
                        "SLOWLOG GET shows which commands these were; commands over whole "
                        "collections or databases (KEYS, SORT, LRANGE 0 -1) are the usual ones.\n");
        if (latency->series[GF_LATENCY_FAST_COMMAND].count > 0)
            gf_buf_add_text(&text,
                            "A quick command is slow only when something else holds its core up: a "
                            "machine with more threads than CPUs, or swapping.\n");
    } else if (samples->threshold_ms == 0) {
        gf_buf_add_text(&text, "The latency monitor is off. CONFIG SET latency-monitor-threshold "
                               "<milliseconds> turns it on.\n");
    } else {
        snprintf(line, sizeof(line), "Nothing has taken %llu ms or more.\n",
                 (unsigned long long)samples->threshold_ms);
        gf_buf_add_text(&text, line);
    }
    text_reply(reply, &text);
}

static void latency_latest(struct gf_exec *x)
{
    samples_ask(x, write_latest);
}

static void latency_history(struct gf_exec *x)
{
    samples_ask(x, write_history);
}

static void latency_graph(struct gf_exec *x)
{
    samples_ask(x, write_graph);
}

static void latency_doctor(struct gf_exec *x)
{
    samples_ask(x, write_doctor);
}

/* ---- LATENCY RESET ------------------------------------------------------------------------- */

struct reset_ask {
    struct gf_ask ask; /* first */
    uint32_t events;   /* a bit for each to be forgotten */
};

static void reset_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    uint32_t events = gf_container(ask, struct reset_ask, ask)->events;
    uint32_t *forgotten = gf_ask_slot(ask, worker->core->id);

    for (int event = 0; event < GF_LATENCY_EVENTS_COUNT; event++) {
        if ((events & 1u << event) != 0 &&
            gf_latency_reset(&worker->latency, (enum gf_latency_event)event))
            *forgotten |= 1u << event;
    }
}

/* An event that several cores had counts once. */
static void reset_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    uint32_t forgotten = 0;

    for (uint32_t core = 0; core < ask->cores_count; core++)
        forgotten |= *(const uint32_t *)gf_ask_slot(ask, core);
    gf_reply_int(reply, __builtin_popcount(forgotten));
}

static const struct gf_ask_kind reset_kind = {
    .size = sizeof(struct reset_ask),
    .slot_size = sizeof(uint32_t),
    .on_core = reset_on_core,
    .answer = reset_answer,
};

static void latency_reset(struct gf_exec *x)
{
    struct gf_ask *ask = gf_ask_create(x, &reset_kind);
    uint32_t *events = &gf_container(ask, struct reset_ask, ask)->events;

    if (x->args->count == 2)
        *events = (1u << GF_LATENCY_EVENTS_COUNT) - 1;
    for (uint32_t i = 2; i < x->args->count; i++) {
        enum gf_latency_event event = event_of(x->args->words[i]);

        if (event < GF_LATENCY_EVENTS_COUNT)
            *events |= 1u << event;
    }
    gf_ask_start(ask);
}

/* ---- LATENCY HISTOGRAM --------------------------------------------------------------------- */

struct histogram_ask {
    struct gf_ask ask; /* first */
    bool *wanted;      /* by row id; owned */
};

/* One core's figures of every row. */
struct histogram_slot {
    struct gf_command_stats *stats; /* owned; the histograms stay the core's, readable by all */
};

static void histogram_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    struct histogram_slot *slot = gf_ask_slot(ask, worker->core->id);
    size_t size = gf_registry_rows_max(worker->plugins->registry) * sizeof(*slot->stats);

    slot->stats = memcpy(gf_alloc(GF_MEMORY_OTHER, size), worker->commands, size);
}

/* The histogram of a row over all cores. Returns how often it was called. */
static uint64_t histogram_sum(const struct gf_ask *ask, uint32_t row, struct gf_histogram *ret_sum)
{
    memset(ret_sum, 0, sizeof(*ret_sum));
    for (uint32_t core = 0; core < ask->cores_count; core++) {
        const struct histogram_slot *slot = gf_ask_slot(ask, core);

        if (slot->stats[row].histogram)
            gf_histogram_merge(ret_sum, slot->stats[row].histogram);
    }
    return gf_histogram_count(ret_sum);
}

static void reply_histogram(struct gf_reply *reply, const struct gf_histogram *histogram,
                            uint64_t calls)
{
    struct gf_histogram_step steps[GF_HISTOGRAM_STEPS_MAX];
    size_t count = gf_histogram_steps(histogram, steps);

    gf_reply_map(reply, 2);
    gf_reply_bulk_text(reply, "calls");
    gf_reply_int(reply, (int64_t)calls);
    gf_reply_bulk_text(reply, "histogram_usec");
    gf_reply_map(reply, count);
    for (size_t i = 0; i < count; i++) {
        gf_reply_int(reply, (int64_t)(steps[i].edge_ns / NS_PER_US));
        gf_reply_int(reply, (int64_t)steps[i].count);
    }
}

static void histogram_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    const struct histogram_ask *histogram = gf_container(ask, struct histogram_ask, ask);
    const struct gf_registry *registry = ask->worker->plugins->registry;
    struct gf_histogram *sum = gf_alloc(GF_MEMORY_OTHER, sizeof(*sum));
    struct gf_reply_open map = gf_reply_map_open(reply);
    uint64_t count = 0;

    for (uint32_t row = 0; row < gf_registry_rows(registry); row++) {
        uint64_t calls = histogram->wanted[row] ? histogram_sum(ask, row, sum) : 0;
        char name[64];

        if (calls == 0)
            continue;
        count++;
        gf_reply_bulk(reply, (struct gf_bytes){.data = name,
                                               .size = gf_registry_row_name(registry, row, name)});
        reply_histogram(reply, sum, calls);
    }
    gf_reply_close(reply, map, count);
    gf_free(GF_MEMORY_OTHER, sum);
}

static void histogram_deinit(struct gf_ask *ask)
{
    for (uint32_t core = 0; core < ask->cores_count; core++)
        gf_free(GF_MEMORY_OTHER, ((struct histogram_slot *)gf_ask_slot(ask, core))->stats);
    gf_free(GF_MEMORY_OTHER, gf_container(ask, struct histogram_ask, ask)->wanted);
}

static const struct gf_ask_kind histogram_kind = {
    .size = sizeof(struct histogram_ask),
    .slot_size = sizeof(struct histogram_slot),
    .on_core = histogram_on_core,
    .answer = histogram_answer,
    .deinit = histogram_deinit,
};

/* A container's name stands for all its subcommands. */
static void want_command(const struct gf_registry *registry, struct gf_bytes name, bool *wanted)
{
    const struct gf_command *row = gf_command_find(registry, name);

    if (!row)
        return;
    wanted[gf_registry_row_id(registry, row)] = true;
    for (uint32_t i = 0; i < row->subcommands_count; i++)
        wanted[gf_registry_row_id(registry, &row->subcommands[i])] = true;
}

static void latency_histogram(struct gf_exec *x)
{
    struct gf_ask *ask = gf_ask_create(x, &histogram_kind);
    uint32_t rows = gf_registry_rows_max(x->registry);
    bool *wanted = gf_alloc_zero(GF_MEMORY_OTHER, rows * sizeof(*wanted));

    gf_container(ask, struct histogram_ask, ask)->wanted = wanted;
    if (x->args->count == 2)
        memset(wanted, 1, rows * sizeof(*wanted));
    for (uint32_t i = 2; i < x->args->count; i++)
        want_command(x->registry, x->args->words[i], wanted);
    gf_ask_start(ask);
}

/* ---- rows ---------------------------------------------------------------------------------- */

#define LATENCY_FLAGS (GF_HOME | GF_ADMIN | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK)
#define LATENCY_TIPS "nondeterministic_output|request_policy:all_nodes|response_policy:special"

/* clang-format off */
static const struct gf_command subcommands[] = {
    {
        .name = "LATEST", .run = latency_latest, .flags = LATENCY_FLAGS, .arity = 2,
        .since = "2.8.13", .group = "server", .complexity = "O(1)",
        .summary = "The newest sample of every event.",
        .tips = LATENCY_TIPS,
    },
    {
        .name = "HISTORY", .run = latency_history, .flags = LATENCY_FLAGS, .arity = 3,
        .since = "2.8.13", .group = "server", .complexity = "O(1)",
        .summary = "The samples of an event, oldest first.",
        .tips = LATENCY_TIPS,
        GF_ARGS({.name = "event", .type = GF_ARG_STRING}),
    },
    {
        .name = "GRAPH", .run = latency_graph, .flags = LATENCY_FLAGS, .arity = 3,
        .since = "2.8.13", .group = "server", .complexity = "O(1)",
        .summary = "The samples of an event, drawn in characters.",
        .tips = LATENCY_TIPS,
        GF_ARGS({.name = "event", .type = GF_ARG_STRING}),
    },
    {
        .name = "DOCTOR", .run = latency_doctor, .flags = LATENCY_FLAGS, .arity = 2,
        .since = "2.8.13", .group = "server", .complexity = "O(1)",
        .summary = "The samples of all events in words, and what to do about them.",
        .tips = LATENCY_TIPS,
    },
    {
        .name = "RESET", .run = latency_reset, .flags = LATENCY_FLAGS, .arity = -2,
        .since = "2.8.13", .group = "server", .complexity = "O(1)",
        .summary = "Forgets the samples of the events, or of all.",
        .tips = "request_policy:all_nodes|response_policy:all_succeeded",
        GF_ARGS({.name = "event", .type = GF_ARG_STRING,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
    {
        .name = "HISTOGRAM", .run = latency_histogram, .flags = LATENCY_FLAGS, .arity = -2,
        .since = "7.0.0", .group = "server", .complexity = "O(N), N commands that were called",
        .summary = "How long the commands took: calls up to a number of microseconds.",
        .tips = LATENCY_TIPS,
        GF_ARGS({.name = "command", .type = GF_ARG_STRING,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
    GF_HELP_ROW("2.8.13", "server"),
};

static const struct gf_command commands[] = {
    {
        .name = "LATENCY", .arity = -2,
        .since = "2.8.13", .group = "server", .complexity = "As the subcommand's.",
        .summary = "Slow events, and how long commands take.",
        .subcommands = subcommands, .subcommands_count = GF_COUNT(subcommands),
    },
};
/* clang-format on */

const struct gf_module gf_latency_module = {
    .abi = GF_MODULE_ABI,
    .name = "latency",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
