/* MEMORY, as far as it is about the whole node: STATS, DOCTOR, MALLOC-STATS, PURGE. The rest of the
 * container (USAGE, HELP) is modules/object_command.c's.
 */
#include <stdio.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/buf.h"
#include "modules/command.h"
#include "shards/ask.h"
#include "shards/report.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/worker.h"

#define MB (1024.0 * 1024.0)
#define SMALL_SIZE (5u << 20) /* below, ratios mean nothing */
#define FRAGMENTED_RATIO 1.4  /* resident to accounted memory */

static void reply_pair(struct gf_reply *reply, const char *name, int64_t value)
{
    gf_reply_bulk_text(reply, name);
    gf_reply_int(reply, value);
}

static void reply_ratio(struct gf_reply *reply, const char *name, double part, double whole)
{
    gf_reply_bulk_text(reply, name);
    gf_reply_double(reply, whole > 0 ? part / whole : 0);
}

static void stats_write(const struct gf_report *report, uint64_t options, struct gf_reply *reply)
{
    const int64_t *memory = report->sum.memory;
    uint64_t used = gf_report_memory(report);
    uint64_t resident = gf_report_resident(report);
    uint64_t peak = gf_report_peak(report);
    uint64_t keys = gf_report_keys(report, &report->sum);
    int64_t data = memory[GF_MEMORY_DATA];

    (void)options;
    gf_reply_map(reply, 14);
    reply_pair(reply, "peak.allocated", (int64_t)peak);
    reply_pair(reply, "total.allocated", (int64_t)used);
    reply_pair(reply, "replication.backlog", 0);
    reply_pair(reply, "clients.slaves", 0);
    reply_pair(reply, "clients.normal", memory[GF_MEMORY_BUFFERS]);
    reply_pair(reply, "aof.buffer", memory[GF_MEMORY_LOG]);
    reply_pair(reply, "overhead.total", (int64_t)used - data);
    reply_pair(reply, "keys.count", (int64_t)keys);
    reply_pair(reply, "keys.bytes-per-key", keys > 0 && data > 0 ? data / (int64_t)keys : 0);
    reply_pair(reply, "dataset.bytes", data);
    reply_ratio(reply, "dataset.percentage", 100.0 * (double)data, (double)used);
    reply_ratio(reply, "peak.percentage", 100.0 * (double)used, (double)peak);
    reply_ratio(reply, "fragmentation", (double)resident, (double)used);
    reply_pair(reply, "fragmentation.bytes", (int64_t)resident - (int64_t)used);
}

static void memory_stats(struct gf_exec *x)
{
    gf_report_ask(x, 0, stats_write);
}

static void doctor_write(const struct gf_report *report, uint64_t options, struct gf_reply *reply)
{
    uint64_t used = gf_report_memory(report);
    uint64_t resident = gf_report_resident(report);
    uint64_t limit = report->settings->maxmemory;
    struct gf_buf text = {0};
    char line[256];

    (void)options;
    if (report->sum.memory[GF_MEMORY_DATA] < SMALL_SIZE) {
        gf_buf_add_text(&text, "There is too little data to say anything about it.\n");
    } else if ((double)resident > FRAGMENTED_RATIO * (double)used) {
        snprintf(line, sizeof(line),
                 "The process holds %.1f MB, %.1f MB more than it uses: freed memory that was not "
                 "given back yet. MEMORY PURGE asks for it.\n",
                 (double)resident / MB, ((double)resident - (double)used) / MB);
        gf_buf_add_text(&text, line);
    }
    if (limit > 0 && used > limit - limit / 10)
        gf_buf_add_text(&text, "More than nine tenths of maxmemory are in use.\n");
    if ((uint64_t)report->sum.output_max > SMALL_SIZE)
        gf_buf_add_text(&text, "A client reads its answers slowly; see CLIENT LIST, field omem.\n");
    if (text.size == 0)
        gf_buf_add_text(&text, "Nothing is wrong with the memory.\n");
    gf_reply_verbatim(reply, "txt", (struct gf_bytes){.data = text.data, .size = text.size});
    gf_buf_deinit(&text);
}

static void memory_doctor(struct gf_exec *x)
{
    gf_report_ask(x, 0, doctor_write);
}

static void memory_malloc_stats(struct gf_exec *x)
{
    gf_reply_bulk_text(x->reply, "The allocator is mimalloc. It keeps no statistics in this build; "
                                 "INFO memory and INFO cores show what every core accounts.");
}

static void purge_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    (void)worker;
    (void)ask;
    gf_memory_purge();
}

static const struct gf_ask_kind purge_kind = {
    .size = sizeof(struct gf_ask),
    .on_core = purge_on_core,
};

static void memory_purge(struct gf_exec *x)
{
    gf_ask_start(gf_ask_create(x, &purge_kind));
}

/* clang-format off */
static const struct gf_command subcommands[] = {
    {
        .name = "DOCTOR", .run = memory_doctor, .flags = GF_HOME, .arity = 2,
        .since = "4.0.0", .group = "server", .complexity = "O(1)",
        .summary = "What is wrong with the memory, in words.",
        .tips = "nondeterministic_output|request_policy:all_shards|response_policy:special",
    },
    {
        .name = "MALLOC-STATS", .run = memory_malloc_stats, .flags = GF_HOME, .arity = 2,
        .since = "4.0.0", .group = "server", .complexity = "O(1)",
        .summary = "What the allocator says about itself.",
        .tips = "nondeterministic_output|request_policy:all_shards|response_policy:special",
    },
    {
        .name = "PURGE", .run = memory_purge, .flags = GF_HOME, .arity = 2,
        .since = "4.0.0", .group = "server", .complexity = "O(N), N pages",
        .summary = "Gives freed memory back to the system.",
        .tips = "request_policy:all_shards|response_policy:all_succeeded",
    },
    {
        .name = "STATS", .run = memory_stats, .flags = GF_HOME, .arity = 2,
        .since = "4.0.0", .group = "server", .complexity = "O(P), P = partitions",
        .summary = "Who holds how much memory, in numbers.",
        .tips = "nondeterministic_output|request_policy:all_shards|response_policy:special",
    },
};

static const struct gf_command commands[] = {
    {
        .name = "MEMORY", .arity = -2,
        .since = "4.0.0", .group = "server", .complexity = "As the subcommand's.",
        .summary = "Who holds how much memory.",
        .subcommands = subcommands, .subcommands_count = GF_COUNT(subcommands),
    },
};
/* clang-format on */

const struct gf_module gf_node_memory_module = {
    .abi = GF_MODULE_ABI,
    .name = "node-memory",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
