/* The figures of the node, gathered from its cores: what INFO and MEMORY STATS print. */
#pragma once

#include <stdint.h>

#include "core/alloc.h"
#include "modules/lookups.h"
#include "protocol/messages.h"
#include "shards/pubsub.h"
#include "shards/stats.h"

struct gf_exec;
struct gf_reply;
struct gf_settings;
struct gf_worker;

/* One database on one core, or on all. */
struct gf_report_db {
    uint64_t keys;
    uint64_t expires;  /* those with an expiry */
    double ttl_sum_ms; /* of the times to live of all of them, about */
};

/* One core's, as it says itself; or the sum of all, the highest where a sum makes no sense. */
struct gf_report_core {
    struct gf_counters counters;
    struct gf_lookups lookups;
    uint64_t eviction_longest_ns;
    uint64_t rates[GF_RATES_COUNT];
    double busy_share;
    uint64_t turns;
    uint64_t connections;
    uint64_t monitors;
    uint64_t subscribers;  /* connections subscribed to anything */
    uint64_t trackers;     /* connections that cache what they read */
    uint64_t tracked_keys;
    uint64_t tracked_items;
    uint64_t tracked_prefixes;
    uint64_t channels[GF_SUBSCRIPTION_KINDS]; /* different ones, patterns as well       */
    uint64_t *channel_hashes[GF_SUBSCRIPTION_KINDS]; /* of them; owned. Not of a sum */
    uint64_t blocked;      /* connections that wait for keys */
    uint64_t blocking_keys; /* keys that somebody waits for */
    uint64_t input_max;   /* bytes: the longest unfinished request */
    uint64_t output_max;  /* bytes: the most answers that a client has not read */
    uint64_t partitions;
    uint64_t expire_paused; /* cores on which DEBUG SET-ACTIVE-EXPIRE 0 is on */
    int64_t memory[GF_MEMORY_KINDS_COUNT]; /* of one core it can be negative */
    uint64_t errors[GF_MESSAGES_COUNT];
    struct gf_report_db *databases;    /* by number; owned by the report */
    struct gf_command_stats *commands; /* by row id; owned. Of a sum, without histograms */
};

struct gf_report {
    struct gf_worker *worker;            /* the core that asked */
    const struct gf_settings *settings;  /* its copy */
    uint64_t now_ms;                     /* Unix time */
    uint32_t cores_count;
    struct gf_report_core **cores;       /* by id */
    struct gf_report_core sum;
};

/* gf_report_ask - gather a report, then `write` it; `options` is given to it, too. Called by a
 * GF_HOME command, which then returns without an answer. */
void gf_report_ask(struct gf_exec *x, uint64_t options,
                   void (*write)(const struct gf_report *report, uint64_t options,
                                 struct gf_reply *reply));

/* gf_report_memory - bytes of all kinds together; never negative. gf_report_peak - the most that it
 * has ever been. gf_report_resident - what the system says that the process holds. */
uint64_t gf_report_memory(const struct gf_report *report);
uint64_t gf_report_peak(const struct gf_report *report);
uint64_t gf_report_resident(const struct gf_report *report);

/* gf_report_keys - keys of all databases, on one core or (`sum`) on all. */
uint64_t gf_report_keys(const struct gf_report *report, const struct gf_report_core *core);
