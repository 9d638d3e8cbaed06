/* INFO's sections about the process: server, clients, memory, persistence, replication, cpu,
 * cluster, modules. */
#include <string.h>

#include "core/core.h"
#include "shards/background.h"
#include "shards/conn.h"
#include "shards/info.h"
#include "shards/server.h"
#include "shards/worker.h"

#define NS_PER_US 1000u
#define US_PER_S 1000000u
#define S_PER_DAY 86400u

static const char *const policies[] = {
    [GF_NOEVICTION] = "noeviction",           [GF_ALLKEYS_LRU] = "allkeys-lru",
    [GF_ALLKEYS_LFU] = "allkeys-lfu",         [GF_ALLKEYS_RANDOM] = "allkeys-random",
    [GF_VOLATILE_LRU] = "volatile-lru",       [GF_VOLATILE_LFU] = "volatile-lfu",
    [GF_VOLATILE_RANDOM] = "volatile-random", [GF_VOLATILE_TTL] = "volatile-ttl",
};

void gf_info_server(const struct gf_report *report, struct gf_buf *text)
{
    const struct gf_server *server = report->worker->server;
    uint64_t uptime_s = (report->now_ms - server->started_ms) / 1000;

    gf_info_line(text, "redis_version:" GF_REDIS_VERSION);
    gf_info_line(text, "server_name:go-fish");
    gf_info_line(text, "gofish_version:" GOFISH_VERSION);
    gf_info_line(text, "redis_mode:standalone"); /* as HELLO's mode: several databases work */
    gf_info_line(text, "os:%s", server->system ? server->system : "");
    gf_info_number(text, "arch_bits", 8 * sizeof(void *));
    gf_info_line(text, "multiplexing_api:%s", server->driver_name ? server->driver_name : "");
    gf_info_line(text, "gcc_version:%s", __VERSION__);
    gf_info_number(text, "process_id", server->process_id);
    gf_info_line(text, "run_id:%s", server->run_id);
    gf_info_number(text, "tcp_port", report->settings->port);
    gf_info_number(text, "server_time_usec", report->worker->core->wall_us);
    gf_info_number(text, "uptime_in_seconds", uptime_s);
    gf_info_number(text, "uptime_in_days", uptime_s / S_PER_DAY);
    gf_info_line(text, "executable:%s", server->executable ? server->executable : "");
    gf_info_line(text, "config_file:%s", server->config_path ? server->config_path : "");
    gf_info_number(text, "cores", server->cores_count);
    gf_info_number(text, "partitions", server->router.partitions_count);
    gf_info_line(text, "io_driver:%s", server->driver_name ? server->driver_name : "");
    gf_info_line(text, "durability:none");
}

void gf_info_clients(const struct gf_report *report, struct gf_buf *text)
{
    gf_info_number(text, "connected_clients", report->sum.connections);
    gf_info_number(text, "cluster_connections", 0);
    gf_info_number(text, "maxclients", report->settings->maxclients);
    gf_info_number(text, "client_recent_max_input_buffer", report->sum.input_max);
    gf_info_number(text, "client_recent_max_output_buffer", report->sum.output_max);
    gf_info_number(text, "blocked_clients", report->sum.blocked);
    gf_info_number(text, "tracking_clients", report->sum.trackers);
    gf_info_number(text, "pubsub_clients", report->sum.subscribers);
    GF_INFO_ZEROS(text, "watching_clients", "clients_in_timeout_table");
    gf_info_number(text, "total_blocking_keys", report->sum.blocking_keys);
    gf_info_number(text, "monitor_clients", report->sum.monitors);
}

void gf_info_memory(const struct gf_report *report, struct gf_buf *text)
{
    static const char *const kinds[] = {
#define KIND_NAME(name, lower, what) #lower,
        GF_MEMORY_KINDS(KIND_NAME)
#undef KIND_NAME
    };
    uint64_t used = gf_report_memory(report);
    uint64_t peak = gf_report_peak(report);
    uint64_t resident = gf_report_resident(report);
    int64_t dataset = report->sum.memory[GF_MEMORY_DATA];

    gf_info_size(text, "used_memory", used);
    gf_info_size(text, "used_memory_rss", resident);
    gf_info_size(text, "used_memory_peak", peak);
    gf_info_line(text, "used_memory_peak_perc:%.2f%%",
                 peak > 0 ? 100.0 * (double)used / (double)peak : 0.0);
    dataset = dataset > 0 ? dataset : 0;
    gf_info_number(text, "used_memory_overhead", used - (uint64_t)dataset);
    gf_info_number(text, "used_memory_dataset", (uint64_t)dataset);
    gf_info_line(text, "used_memory_dataset_perc:%.2f%%",
                 used > 0 ? 100.0 * (double)dataset / (double)used : 0.0);
    for (int kind = 0; kind < GF_MEMORY_KINDS_COUNT; kind++)
        gf_info_line(text, "used_memory_%s:%lld", kinds[kind], (long long)report->sum.memory[kind]);
    gf_info_size(text, "total_system_memory", report->worker->server->memory_size);
    gf_info_size(text, "maxmemory", report->settings->maxmemory);
    gf_info_line(text, "maxmemory_policy:%s", policies[report->settings->maxmemory_policy]);
    gf_info_line(text, "mem_fragmentation_ratio:%.2f",
                 used > 0 ? (double)resident / (double)used : 0.0);
    gf_info_line(text, "mem_fragmentation_bytes:%lld", (long long)resident - (long long)used);
    gf_info_line(text, "mem_clients_normal:%lld", (long long)report->sum.memory[GF_MEMORY_BUFFERS]);
    GF_INFO_ZEROS(text, "mem_not_counted_for_evict", "mem_replication_backlog",
                  "mem_total_replication_buffers", "mem_clients_slaves", "mem_cluster_links",
                  "mem_aof_buffer", "number_of_cached_scripts", "number_of_functions",
                  "number_of_libraries");
    gf_info_line(text, "mem_allocator:mimalloc");
}

/* Nothing is on disk; the fields that tools wait for say so. */
void gf_info_persistence(const struct gf_report *report, struct gf_buf *text)
{
    GF_INFO_ZEROS(text, "loading", "async_loading", "rdb_bgsave_in_progress", "rdb_saves");
    gf_info_number(text, "rdb_last_save_time", report->worker->server->started_ms / 1000);
    gf_info_line(text, "rdb_last_bgsave_status:ok");
    gf_info_line(text, "rdb_last_bgsave_time_sec:-1");
    gf_info_line(text, "rdb_current_bgsave_time_sec:-1");
    GF_INFO_ZEROS(text, "aof_enabled", "aof_rewrite_in_progress", "aof_rewrite_scheduled",
                  "aof_rewrites");
    gf_info_line(text, "aof_last_rewrite_time_sec:-1");
    gf_info_line(text, "aof_current_rewrite_time_sec:-1");
    gf_info_line(text, "aof_last_bgrewrite_status:ok");
    gf_info_line(text, "aof_last_write_status:ok");
    GF_INFO_ZEROS(text, "module_fork_in_progress");
}

void gf_info_replication(const struct gf_report *report, struct gf_buf *text)
{
    gf_info_line(text, "role:master");
    gf_info_number(text, "connected_slaves", 0);
    gf_info_line(text, "master_failover_state:no-failover");
    gf_info_line(text, "master_replid:%s", report->worker->server->run_id);
    gf_info_line(text, "master_replid2:%040d", 0);
    gf_info_number(text, "master_repl_offset", 0);
    gf_info_line(text, "second_repl_offset:-1");
    GF_INFO_ZEROS(text, "repl_backlog_active", "repl_backlog_size",
                  "repl_backlog_first_byte_offset", "repl_backlog_histlen");
}

void gf_info_cpu(const struct gf_report *report, struct gf_buf *text)
{
    struct gf_driver *driver = report->worker->core->driver;
    uint64_t system_us = driver->ops->cpu_ns(driver, true) / NS_PER_US;
    uint64_t user_us = driver->ops->cpu_ns(driver, false) / NS_PER_US;

    gf_info_line(text, "used_cpu_sys:%.6f", (double)system_us / US_PER_S);
    gf_info_line(text, "used_cpu_user:%.6f", (double)user_us / US_PER_S);
    gf_info_line(text, "used_cpu_sys_children:0.000000");
    gf_info_line(text, "used_cpu_user_children:0.000000");
}

/* Cluster clients find their cores by CLUSTER SLOTS, however many there are; some of them ask here
 * first whether they may. */
void gf_info_cluster(const struct gf_report *report, struct gf_buf *text)
{
    (void)report;
    gf_info_number(text, "cluster_enabled", 1);
}

void gf_info_modules(const struct gf_report *report, struct gf_buf *text)
{
    (void)report; /* none can be loaded yet */
    (void)text;
}
