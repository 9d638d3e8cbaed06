/* What the server keeps on one core: connections, partitions it owns, locks, counters.
 *
 * Made, used and freed on its core. Other cores reach it only by messages: requests (request.h),
 * parts of commands over several cores (multi.h), calls (call.h), and connections handed over.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"
#include "core/list.h"
#include "modules/lookups.h"
#include "protocol/parser.h"
#include "shards/conn.h"
#include "shards/events.h"
#include "shards/latency.h"
#include "shards/listener.h"
#include "shards/lock.h"
#include "shards/maxmemory.h"
#include "shards/monitor.h"
#include "shards/notify.h"
#include "shards/partition.h"
#include "shards/pause.h"
#include "shards/pressure.h"
#include "shards/pubsub.h"
#include "shards/plugin.h"
#include "shards/settings.h"
#include "shards/shutdown.h"
#include "shards/slice.h"
#include "shards/slowlog.h"
#include "shards/stats.h"
#include "shards/timing.h"
#include "shards/tracking.h"
#include "shards/waiters.h"
#include "shards/watch.h"

struct gf_server;

/* One request parsed ahead. */
struct gf_ahead {
    const struct gf_command *command; /* NULL: unknown */
    struct gf_parsed parsed;
    uint64_t key_hash;
    uint32_t partition;
    bool located;  /* key_hash and partition are known */
    bool here;     /* ... this core owns the partition, and the command does not pause */
    bool repeats;  /* ... the key is that of the last one before it that was located */
    size_t offset; /* of its first byte in what was parsed */
};

/* client-output-buffer-limit of one class of clients. */
struct gf_output_limit {
    uint64_t hard_size; /* bytes; 0 = none */
    uint64_t soft_size; /* bytes; 0 = none */
    uint64_t soft_ns;   /* how long it may stay over soft_size */
};

enum gf_output_class { GF_OUTPUT_NORMAL, GF_OUTPUT_PUBSUB, GF_OUTPUT_CLASSES };

struct gf_worker {
    struct gf_core *core;             /* borrowed                                         */
    struct gf_server *server;         /* what is the same on every core; read only        */
    const struct gf_plugin_set *plugins; /* the modules there are, as this core knows them */
    uint32_t attention;               /* enum gf_attention: checks beyond the usual       */
    struct gf_settings settings;      /* this core's copy; CONFIG SET changes all copies  */
    struct gf_parser_limits parser_limits;
    struct gf_limits limits;          /* what commands obey                               */
    struct gf_event_bus events;       /* who listens to changes of keys                   */
    struct gf_output_limit output_limits[GF_OUTPUT_CLASSES];
    int64_t memory_ceiling;           /* GROWS commands are refused while this core's data
                                         is above it; INT64_MAX without maxmemory         */
    struct gf_locks locks;
    struct gf_partition *const *partitions; /* all of the node by id; use only owned ones */
    uint16_t *owned;                  /* ids of this core's partitions, ascending; owned  */
    uint32_t owned_count;
    struct gf_heap *heap;             /* of the objects in them; owned                    */
    struct gf_partition_space space;  /* any key of this core's partitions                */
    uint64_t seed;                    /* series of exec seeds                             */
    struct gf_words words;            /* scratch of the parser                            */
    struct gf_ahead ahead[GF_CONN_AHEAD];
    struct gf_list conns;             /* gf_conn.link, oldest first; owned                */
    _Atomic uint32_t conns_count;     /* written here, read by every core's listener      */
    struct gf_list requests_free;     /* pool of struct gf_request                        */
    uint32_t requests_free_count;
    uint32_t requests_live;
    struct gf_counters counters;
    struct gf_lookups lookups;        /* keyspace hits and misses                         */
    struct gf_rates rates;
    uint64_t errors[GF_MESSAGES_COUNT]; /* errors answered, by message                     */
    uint64_t notable_ns;              /* a command this slow is looked at by notice.h     */
    struct gf_slowlog slowlog;
    struct gf_latency latency;
    uint64_t *settings_versions;      /* by option row: what set it last (config.h); owned */
    struct gf_command_stats *commands;/* by row id; owned                                 */
    struct gf_listener *listeners;    /* owned                                            */
    uint32_t listeners_count;
    struct gf_background *background; /* expiry, growth, stalled clients; owned           */
    struct gf_maxmemory maxmemory;    /* what keeps the node under it                     */
    struct gf_timing timing;
    struct gf_pause pause;            /* CLIENT PAUSE                                     */
    struct gf_monitors monitors;      /* MONITOR                                          */
    struct gf_trackings tracking;     /* client-side caching                              */
    struct gf_notify notify;          /* keyspace notifications                           */
    struct gf_pubsub pubsub;          /* subscriptions, and messages for them             */
    struct gf_shutdown shutdown;
    struct gf_list corked;            /* gf_conn.cork_link: wait for answers of other cores */
    struct gf_timer cork_timer;       /* ... until then                                   */
    struct gf_list outbox;            /* gf_parcel.link: messages the rings had no room for */
    struct gf_op outbox_op;
    struct gf_pressure pressure;      /* asking the fullest core to evict                 */
    struct gf_watch_sink watch;       /* WATCH                                            */
    struct gf_waiting waiting;        /* who waits for keys                               */
    struct gf_slicing slicing;        /* commands that run in slices                      */
    uint32_t places_kept[GF_CORES_MAX]; /* by home: messages that wait here (stay.h)      */
    uint32_t stays_live;              /* under way from here (stay.h)                     */
    uint32_t visits_live;             /* under way from here (visit.h)                    */
    uint32_t handovers_live;          /* connections on their way to other cores          */
    uint32_t handovers_stopped;       /* asks that must meet every connection (ask.h)     */
};

/* gf_worker_init - on the core's own thread (or the simulator), before its first turn. */
int gf_worker_init(struct gf_worker *worker, struct gf_core *core, struct gf_server *server);
/* gf_worker_deinit - on the core, after its last turn. */
void gf_worker_deinit(struct gf_worker *worker);

/* gf_worker_stats_of - this core's figures of a command row. */
struct gf_command_stats *gf_worker_stats_of(struct gf_worker *worker,
                                            const struct gf_command *command);

/* gf_worker_apply_settings - derive what the hot path reads after `settings` changed. */
void gf_worker_apply_settings(struct gf_worker *worker);

/* gf_output_limit_parse - "normal 1gb 256mb 60 replica 0 0 0": classes of clients and their limits;
 * one that is not named has Redis's default. Returns NULL, or what is wrong in Redis's words.
 *
 * ret_limits  GF_OUTPUT_CLASSES of them
 */
const char *gf_output_limit_parse(const char *text, struct gf_output_limit *ret_limits);

/* gf_worker_space_from - what a command with a cursor may walk: this core's partitions from
 * `partition` on, up to the first behind it that is locked or that others wait for. */
void gf_worker_space_from(const struct gf_worker *worker, uint32_t partition,
                          struct gf_partition_space *ret_space);

/* gf_worker_has_room - a GROWS command with `size` bytes of words may run; evicts a little when it
 * may not yet. */
bool gf_worker_has_room(struct gf_worker *worker, size_t size);

static inline struct gf_worker *gf_worker_of(struct gf_core *core)
{
    return core->owner;
}

/* gf_worker_count_conns - one more (1) or one less (-1). */
static inline void gf_worker_count_conns(struct gf_worker *worker, int by)
{
    uint32_t count = atomic_load_explicit(&worker->conns_count, memory_order_relaxed);

    atomic_store_explicit(&worker->conns_count, count + (uint32_t)by, memory_order_relaxed);
}

/* gf_worker_seed - the next exec seed of this core. */
static inline uint64_t gf_worker_seed(struct gf_worker *worker)
{
    return gf_random_next(&worker->seed);
}
