/* What one core counts. Written by that core only; read by others through gf_call. */
#pragma once

#include <stdint.h>

#include "protocol/messages.h"

struct gf_histogram;
struct gf_worker;

/*          name                   INFO's name (or what it is) */
#define GF_COUNTERS(X)                                            \
    X(connections_received,       "total_connections_received")   \
    X(connections_rejected,       "rejected_connections")         \
    X(commands_processed,         "total_commands_processed")     \
    X(commands_local,             "commands_local")               \
    X(commands_remote,            "commands_remote")              \
    X(commands_multi,             "commands_multi_core")          \
    X(bytes_in,                   "total_net_input_bytes")        \
    X(bytes_out,                  "total_net_output_bytes")       \
    X(error_replies,              "total_error_replies")          \
    X(passwords_wrong,            "acl_access_denied_auth")       \
    X(keys_expired,               "expired_keys")                 \
    X(fields_expired,             "expired_subkeys")              \
    X(keys_evicted,               "evicted_keys")                 \
    X(handovers,                  "connections_handed_over")      \
    X(output_limit_disconnects,   "client_output_buffer_limit_disconnections") \
    X(query_limit_disconnects,    "client_query_buffer_limit_disconnections")  \
    X(sends,                      "total_writes_processed")       \
    X(receives,                   "total_reads_processed")

struct gf_counters {
#define GF_COUNTER_FIELD(name, info) uint64_t name;
    GF_COUNTERS(GF_COUNTER_FIELD)
#undef GF_COUNTER_FIELD
};

/* Rates over the last GF_RATE_SAMPLES ticks: INFO's instantaneous_*. */
#define GF_RATE_SAMPLES 16

enum gf_rate {
    GF_RATE_COMMANDS, /* a second       */
    GF_RATE_BYTES_IN, /* bytes a second */
    GF_RATE_BYTES_OUT,
    GF_RATES_COUNT
};

struct gf_rates {
    uint64_t since_ns;  /* the last sample; 0 = none yet */
    uint64_t busy_ns;   /* core->busy_ns at the last sample */
    uint64_t last[GF_RATES_COUNT];                     /* counters at the last sample */
    uint64_t per_second[GF_RATE_SAMPLES][GF_RATES_COUNT];
    double busy_share;  /* part of the last second or so that was not spent waiting, 0 .. 1 */
    uint32_t next;      /* sample to be overwritten */
};

/* One command row's figures on one core. */
struct gf_command_stats {
    uint64_t calls;
    uint64_t duration_ns; /* sum */
    uint64_t rejected;    /* refused before it ran */
    uint64_t failed;      /* answered an error */
    struct gf_histogram *histogram; /* of durations in ns; made at the first call; owned */
};

/* gf_stats_count_error - a client was answered this error; GF_MSG_NONE: it is not known which. */
void gf_stats_count_error(struct gf_worker *worker, enum gf_message_id failure);

/* gf_stats_sample - at every tick of a core: feeds its rates. */
void gf_stats_sample(struct gf_worker *worker);

/* gf_stats_rate - the mean of the samples. */
uint64_t gf_stats_rate(const struct gf_rates *rates, enum gf_rate rate);

/* gf_stats_reset - CONFIG RESETSTAT, on this core. */
void gf_stats_reset(struct gf_worker *worker);
