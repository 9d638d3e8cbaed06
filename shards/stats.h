/* What one core counts. Written by that core only; read by others through gf_call. */
#pragma once

#include <stdint.h>

struct gf_histogram;

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
    X(keys_expired,               "expired_keys")                 \
    X(keys_evicted,               "evicted_keys")                 \
    X(hits,                       "keyspace_hits")                \
    X(misses,                     "keyspace_misses")              \
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

/* One command row's figures on one core. */
struct gf_command_stats {
    uint64_t calls;
    uint64_t duration_ns; /* sum */
    uint64_t rejected;    /* refused before it ran */
    uint64_t failed;      /* answered an error */
    struct gf_histogram *histogram; /* of durations in ns; made at the first call; owned */
};
