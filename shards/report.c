/* Gathering the figures of all cores. */
#include "shards/report.h"

#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/core.h"
#include "modules/keyspace.h"
#include "modules/registry.h"
#include "shards/ask.h"
#include "shards/background.h"
#include "shards/conn.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/worker.h"

struct report_ask {
    struct gf_ask ask; /* first */
    uint64_t options;
    void (*write)(const struct gf_report *report, uint64_t options, struct gf_reply *reply);
};

static void count_keys(const struct gf_worker *worker, struct gf_report_core *core)
{
    uint64_t now_ms = gf_core_now_ms(worker->core);

    for (uint32_t i = 0; i < worker->owned_count; i++) {
        const struct gf_partition *partition = worker->partitions[worker->owned[i]];

        /* One that is lent at this moment is not this core's to look at. */
        for (uint32_t db = 0;
             partition->owner == worker->core->id && db < partition->databases_count; db++) {
            const struct gf_keyspace *keyspace = partition->databases[db];
            struct gf_report_db *sum = &core->databases[db];

            if (!keyspace)
                continue;
            sum->keys += gf_keyspace_count(keyspace);
            sum->expires += gf_keyspace_volatile_count(keyspace);
            sum->ttl_sum_ms += (double)gf_keyspace_average_ttl_ms(keyspace, now_ms) *
                               (double)gf_keyspace_volatile_count(keyspace);
        }
    }
    core->partitions = worker->owned_count;
}

static void count_connections(const struct gf_worker *worker, struct gf_report_core *core)
{
    struct gf_link *link = gf_list_peek_front(&worker->conns);

    for (; link; link = gf_list_next(&worker->conns, link)) {
        const struct gf_conn *conn = gf_container(link, struct gf_conn, link);
        size_t output_size = gf_conn_output_size(conn);

        core->monitors += conn->session.monitor;
        core->input_max = conn->in.size > core->input_max ? conn->in.size : core->input_max;
        core->output_max = output_size > core->output_max ? output_size : core->output_max;
    }
    core->blocked = worker->waiting.clients;
    core->blocking_keys = worker->waiting.lines;
    core->connections = atomic_load_explicit(&worker->conns_count, memory_order_relaxed);
}

/* The same channel may be known to several cores: which ones there are is told by their hashes. */
static void count_channels(const struct gf_worker *worker, struct gf_report_core *core)
{
    const struct gf_pubsub *pubsub = &worker->pubsub;

    core->subscribers = pubsub->subscribers;
    core->trackers = atomic_load_explicit(&worker->tracking.count, memory_order_relaxed);
    core->tracked_keys = gf_tracking_keys(worker);
    core->tracked_items = gf_tracking_items(worker);
    core->tracked_prefixes = worker->tracking.prefixes_count;
    for (int kind = 0; kind < GF_SUBSCRIPTION_KINDS; kind++) {
        const struct gf_list *list = &pubsub->channels[kind];
        uint64_t count = 0;
        uint64_t *hashes =
            gf_alloc(GF_MEMORY_OTHER, (pubsub->channels_count[kind] + 1) * sizeof(*hashes));

        for (struct gf_link *link = gf_list_peek_front(list); link; link = gf_list_next(list, link))
            hashes[count++] = gf_container(link, struct gf_channel, link)->named.hash;
        core->channels[kind] = count;
        core->channel_hashes[kind] = hashes;
    }
}

static int hash_compare(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;

    return (*left > *right) - (*left < *right);
}

/* How many different channels of a kind all cores know. */
static uint64_t channels_of_all(const struct gf_report *report, int kind)
{
    uint64_t count = 0;
    uint64_t different = 0;
    uint64_t *hashes;

    for (uint32_t core = 0; core < report->cores_count; core++)
        count += report->cores[core]->channels[kind];
    hashes = gf_alloc(GF_MEMORY_OTHER, (count + 1) * sizeof(*hashes));
    count = 0;
    for (uint32_t core = 0; core < report->cores_count; core++) {
        const struct gf_report_core *one = report->cores[core];

        memcpy(hashes + count, one->channel_hashes[kind], one->channels[kind] * sizeof(*hashes));
        count += one->channels[kind];
    }
    qsort(hashes, count, sizeof(*hashes), hash_compare);
    for (uint64_t i = 0; i < count; i++)
        different += i == 0 || hashes[i] != hashes[i - 1];
    gf_free(GF_MEMORY_OTHER, hashes);
    return different;
}

static void report_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    struct gf_report_core *core = gf_ask_slot(ask, worker->core->id);
    size_t commands_size =
        gf_registry_rows_max(worker->plugins->registry) * sizeof(*core->commands);

    core->counters = worker->counters;
    core->lookups = worker->lookups;
    core->eviction_longest_ns = worker->maxmemory.longest_ns;
    for (int rate = 0; rate < GF_RATES_COUNT; rate++)
        core->rates[rate] = gf_stats_rate(&worker->rates, (enum gf_rate)rate);
    core->busy_share = worker->rates.busy_share;
    core->turns = worker->core->turns;
    core->expire_paused = worker->background->expire_paused;
    for (int kind = 0; kind < GF_MEMORY_KINDS_COUNT; kind++)
        core->memory[kind] =
            atomic_load_explicit(&worker->core->memory.bytes[kind], memory_order_relaxed);
    memcpy(core->errors, worker->errors, sizeof(core->errors));
    core->databases =
        gf_alloc_zero(GF_MEMORY_OTHER, worker->settings.databases * sizeof(*core->databases));
    core->commands =
        memcpy(gf_alloc(GF_MEMORY_OTHER, commands_size), worker->commands, commands_size);
    count_connections(worker, core);
    count_channels(worker, core);
    count_keys(worker, core);
}

/* Both structs hold nothing but uint64_t. */
static void add_counters(uint64_t *sum, const uint64_t *more, size_t size)
{
    for (size_t i = 0; i < size / sizeof(*sum); i++)
        sum[i] += more[i];
}

static void add_commands(struct gf_command_stats *sum, const struct gf_command_stats *more,
                         uint32_t rows)
{
    for (uint32_t row = 0; row < rows; row++) {
        sum[row].calls += more[row].calls;
        sum[row].duration_ns += more[row].duration_ns;
        sum[row].rejected += more[row].rejected;
        sum[row].failed += more[row].failed;
    }
}

static void add_core(const struct gf_report *report, struct gf_report_core *sum,
                     const struct gf_report_core *core)
{
    add_counters((uint64_t *)&sum->counters, (const uint64_t *)&core->counters,
                 sizeof(sum->counters));
    sum->lookups.hits += core->lookups.hits;
    sum->lookups.misses += core->lookups.misses;
    sum->counters.fields_expired += core->lookups.fields_expired;
    if (core->eviction_longest_ns > sum->eviction_longest_ns)
        sum->eviction_longest_ns = core->eviction_longest_ns;
    add_counters(sum->rates, core->rates, sizeof(sum->rates));
    add_counters(sum->errors, core->errors, sizeof(sum->errors));
    sum->busy_share += core->busy_share;
    sum->turns += core->turns;
    sum->connections += core->connections;
    sum->blocked += core->blocked;
    sum->blocking_keys += core->blocking_keys;
    sum->monitors += core->monitors;
    sum->subscribers += core->subscribers;
    sum->trackers += core->trackers;
    sum->tracked_keys += core->tracked_keys;
    sum->tracked_items += core->tracked_items;
    sum->tracked_prefixes += core->tracked_prefixes;
    sum->input_max = core->input_max > sum->input_max ? core->input_max : sum->input_max;
    sum->output_max = core->output_max > sum->output_max ? core->output_max : sum->output_max;
    sum->partitions += core->partitions;
    sum->expire_paused += core->expire_paused;
    for (int kind = 0; kind < GF_MEMORY_KINDS_COUNT; kind++)
        sum->memory[kind] += core->memory[kind];
    for (uint64_t db = 0; db < report->settings->databases; db++) {
        sum->databases[db].keys += core->databases[db].keys;
        sum->databases[db].expires += core->databases[db].expires;
        sum->databases[db].ttl_sum_ms += core->databases[db].ttl_sum_ms;
    }
    add_commands(sum->commands, core->commands,
                 gf_registry_rows(report->worker->plugins->registry));
}

static void report_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    const struct report_ask *asked = gf_container(ask, struct report_ask, ask);
    struct gf_worker *worker = ask->worker;
    struct gf_report_core *cores[GF_CORES_MAX];
    struct gf_report report = {
        .worker = worker,
        .settings = &worker->settings,
        .now_ms = gf_core_now_ms(worker->core),
        .cores_count = ask->cores_count,
        .cores = cores,
    };
    struct gf_report_core *sum = &report.sum;

    sum->databases =
        gf_alloc_zero(GF_MEMORY_OTHER, worker->settings.databases * sizeof(*sum->databases));
    sum->commands = gf_alloc_zero(GF_MEMORY_OTHER, gf_registry_rows_max(worker->plugins->registry) *
                                                       sizeof(*sum->commands));
    for (uint32_t core = 0; core < ask->cores_count; core++) {
        cores[core] = gf_ask_slot(ask, core);
        add_core(&report, sum, cores[core]);
    }
    for (int kind = 0; kind < GF_SUBSCRIPTION_KINDS; kind++)
        sum->channels[kind] = channels_of_all(&report, kind);
    asked->write(&report, asked->options, reply);
    gf_free(GF_MEMORY_OTHER, sum->databases);
    gf_free(GF_MEMORY_OTHER, sum->commands);
}

static void report_deinit(struct gf_ask *ask)
{
    for (uint32_t core = 0; core < ask->cores_count; core++) {
        struct gf_report_core *slot = gf_ask_slot(ask, core);

        gf_free(GF_MEMORY_OTHER, slot->databases);
        gf_free(GF_MEMORY_OTHER, slot->commands);
        for (int kind = 0; kind < GF_SUBSCRIPTION_KINDS; kind++)
            gf_free(GF_MEMORY_OTHER, slot->channel_hashes[kind]);
    }
}

static const struct gf_ask_kind report_kind = {
    .size = sizeof(struct report_ask),
    .slot_size = sizeof(struct gf_report_core),
    .on_core = report_on_core,
    .answer = report_answer,
    .deinit = report_deinit,
};

void gf_report_ask(struct gf_exec *x, uint64_t options,
                   void (*write)(const struct gf_report *report, uint64_t options,
                                 struct gf_reply *reply))
{
    struct gf_ask *ask = gf_ask_create(x, &report_kind);
    struct report_ask *asked = gf_container(ask, struct report_ask, ask);

    asked->options = options;
    asked->write = write;
    gf_ask_start(ask);
}

uint64_t gf_report_memory(const struct gf_report *report)
{
    int64_t sum = 0;

    for (int kind = 0; kind < GF_MEMORY_KINDS_COUNT; kind++)
        sum += report->sum.memory[kind];
    return sum > 0 ? (uint64_t)sum : 0;
}

uint64_t gf_report_peak(const struct gf_report *report)
{
    uint64_t used = gf_report_memory(report);
    uint64_t peak =
        atomic_load_explicit(&report->worker->server->memory_peak, memory_order_relaxed);

    return used > peak ? used : peak;
}

uint64_t gf_report_resident(const struct gf_report *report)
{
    struct gf_driver *driver = report->worker->core->driver;

    return driver->ops->resident_size(driver);
}

uint64_t gf_report_keys(const struct gf_report *report, const struct gf_report_core *core)
{
    uint64_t keys = 0;

    for (uint64_t db = 0; db < report->settings->databases; db++)
        keys += core->databases[db].keys;
    return keys;
}
