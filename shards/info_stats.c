/* INFO's sections about what was done: stats, commands, errors, latencies, keys, cores. */
#include <string.h>

#include "core/alloc.h"
#include "core/core.h"
#include "core/histogram.h"
#include "modules/registry.h"
#include "protocol/messages.h"
#include "shards/info.h"
#include "shards/server.h"
#include "shards/worker.h"

#define NS_PER_US 1000u
#define BYTES_PER_KB 1024.0

void gf_info_stats(const struct gf_report *report, struct gf_buf *text)
{
    const struct gf_report_core *sum = &report->sum;

    gf_info_number(text, "instantaneous_ops_per_sec", sum->rates[GF_RATE_COMMANDS]);
    gf_info_line(text, "instantaneous_input_kbps:%.2f",
                 (double)sum->rates[GF_RATE_BYTES_IN] / BYTES_PER_KB);
    gf_info_line(text, "instantaneous_output_kbps:%.2f",
                 (double)sum->rates[GF_RATE_BYTES_OUT] / BYTES_PER_KB);
#define COUNTER_LINE(name, info) gf_info_number(text, info, sum->counters.name);
    GF_COUNTERS(COUNTER_LINE)
#undef COUNTER_LINE
    gf_info_number(text, "keyspace_hits", sum->lookups.hits);
    gf_info_number(text, "keyspace_misses", sum->lookups.misses);
    gf_info_number(text, "eviction_longest_usec", sum->eviction_longest_ns / NS_PER_US);
    gf_info_number(text, "pubsub_channels", sum->channels[GF_SUBSCRIPTION_CHANNEL]);
    gf_info_number(text, "pubsub_patterns", sum->channels[GF_SUBSCRIPTION_PATTERN]);
    gf_info_number(text, "tracking_total_keys", sum->tracked_keys);
    gf_info_number(text, "tracking_total_items", sum->tracked_items);
    gf_info_number(text, "tracking_total_prefixes", sum->tracked_prefixes);
    gf_info_number(text, "pubsubshard_channels", sum->channels[GF_SUBSCRIPTION_SHARD]);
    GF_INFO_ZEROS(text, "total_net_repl_input_bytes", "total_net_repl_output_bytes", "sync_full",
                  "sync_partial_ok", "sync_partial_err", "evicted_clients", "latest_fork_usec",
                  "total_forks", "migrate_cached_sockets", "slave_expires_tracked_keys",
                  "unexpected_error_replies", "acl_access_denied_cmd", "acl_access_denied_key",
                  "acl_access_denied_channel");
}

void gf_info_commandstats(const struct gf_report *report, struct gf_buf *text)
{
    const struct gf_registry *registry = report->worker->plugins->registry;

    for (uint32_t row = 0; row < gf_registry_rows(registry); row++) {
        const struct gf_command_stats *stats = &report->sum.commands[row];
        double us = (double)stats->duration_ns / NS_PER_US;
        char name[64];

        if (stats->calls == 0 && stats->rejected == 0 && stats->failed == 0)
            continue;
        (void)gf_registry_row_name(registry, row, name);
        gf_info_line(text,
                     "cmdstat_%s:calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=%llu,"
                     "failed_calls=%llu",
                     name, (unsigned long long)stats->calls, (unsigned long long)us,
                     stats->calls > 0 ? us / (double)stats->calls : 0.0,
                     (unsigned long long)stats->rejected, (unsigned long long)stats->failed);
    }
}

/* The first word of a message: its code. */
static struct gf_bytes message_code(enum gf_message_id id)
{
    const char *message = gf_message_text(id);

    return (struct gf_bytes){.data = message, .size = strcspn(message, " ")};
}

/* Errors by code: messages with the same code are added up where the first of them stands. */
void gf_info_errorstats(const struct gf_report *report, struct gf_buf *text)
{
    for (uint32_t id = GF_MSG_NONE + 1; id < GF_MESSAGES_COUNT; id++) {
        struct gf_bytes code = message_code((enum gf_message_id)id);
        uint64_t count = 0;
        bool first = true;

        for (uint32_t other = GF_MSG_NONE + 1; other < GF_MESSAGES_COUNT && first; other++) {
            if (!gf_bytes_equal(code, message_code((enum gf_message_id)other)))
                continue;
            first = other >= id;
            count += report->sum.errors[other];
        }
        if (first && count > 0)
            gf_info_line(text, "errorstat_%.*s:count=%llu", (int)code.size, code.data,
                         (unsigned long long)count);
    }
}

void gf_info_latencystats(const struct gf_report *report, struct gf_buf *text)
{
    const struct gf_registry *registry = report->worker->plugins->registry;
    struct gf_histogram *sum = gf_alloc(GF_MEMORY_OTHER, sizeof(*sum));

    for (uint32_t row = 0; row < gf_registry_rows(registry); row++) {
        char name[64];
        bool any = false;

        for (uint32_t core = 0; core < report->cores_count; core++) {
            const struct gf_histogram *histogram = report->cores[core]->commands[row].histogram;

            if (!histogram)
                continue;
            if (!any)
                memset(sum, 0, sizeof(*sum));
            any = true;
            gf_histogram_merge(sum, histogram);
        }
        if (!any || gf_histogram_count(sum) == 0)
            continue;
        (void)gf_registry_row_name(registry, row, name);
        gf_info_line(text, "latency_percentiles_usec_%s:p50=%.3f,p99=%.3f,p99.9=%.3f", name,
                     (double)gf_histogram_percentile(sum, 50) / NS_PER_US,
                     (double)gf_histogram_percentile(sum, 99) / NS_PER_US,
                     (double)gf_histogram_percentile(sum, 99.9) / NS_PER_US);
    }
    gf_free(GF_MEMORY_OTHER, sum);
}

void gf_info_keyspace(const struct gf_report *report, struct gf_buf *text)
{
    for (uint32_t db = 0; db < report->settings->databases; db++) {
        const struct gf_report_db *database = &report->sum.databases[db];

        if (database->keys == 0)
            continue;
        gf_info_line(text, "db%u:keys=%llu,expires=%llu,avg_ttl=%llu", db,
                     (unsigned long long)database->keys, (unsigned long long)database->expires,
                     database->expires > 0
                         ? (unsigned long long)(database->ttl_sum_ms / (double)database->expires)
                         : 0);
    }
}

/* One line for each core. */
void gf_info_cores(const struct gf_report *report, struct gf_buf *text)
{
    const struct gf_server *server = report->worker->server;

    for (uint32_t id = 0; id < report->cores_count; id++) {
        const struct gf_report_core *core = report->cores[id];
        const struct gf_counters *counters = &core->counters;
        int64_t other = 0;

        for (int kind = 0; kind < GF_MEMORY_KINDS_COUNT; kind++)
            other += core->memory[kind];
        other -= core->memory[GF_MEMORY_DATA] + core->memory[GF_MEMORY_BUFFERS];
        gf_info_line(
            text,
            "core%u:turns=%llu,busy=%.2f,connections=%llu,ops_per_sec=%llu,local=%llu,"
            "remote=%llu,multi=%llu,partitions=%llu,keys=%llu,data_bytes=%lld,"
            "buffers_bytes=%lld,other_bytes=%lld,port=%u,driver=%s",
            id, (unsigned long long)core->turns, core->busy_share,
            (unsigned long long)core->connections,
            (unsigned long long)core->rates[GF_RATE_COMMANDS],
            (unsigned long long)counters->commands_local,
            (unsigned long long)counters->commands_remote,
            (unsigned long long)counters->commands_multi, (unsigned long long)core->partitions,
            (unsigned long long)gf_report_keys(report, core),
            (long long)core->memory[GF_MEMORY_DATA], (long long)core->memory[GF_MEMORY_BUFFERS],
            (long long)other, server->core_ports_first ? server->core_ports_first + id : 0,
            server->driver_name ? server->driver_name : "");
    }
}
