/* Client-side caching: connections that are told when what they read has changed.
 *
 * Default mode. The partition remembers who read its keys (gf_tracked); who changes one tells the
 * cores of those readers, and forgets them.
 *
 *   core B: GET k, for a client of core A --> partition.tracked: k: {client, A} --> answer
 *   core B: SET k, for anybody            --> publication to A: {k, its clients} --> core A: push
 *
 * Both the answer and the invalidation travel in the ring from B to A, in that order; at A the push
 * is put behind the answers that are still outstanding. So a client never hears first that what it
 * is about to read is no longer so.
 *
 * Broadcasting mode. Nothing is remembered: every change goes to the cores that have such clients,
 * and is compared with their prefixes there.
 *
 * Redirection. The message goes to another connection instead, a subscriber's if that speaks RESP2.
 * It stays on its core from then on.
 *
 * The table is bounded: at every tick a core with more keys than its share of tracking-table-max-
 * keys invalidates some as if they had changed. A database that is flushed is told with one null:
 * each core tells, behind the answers that it has sent, and the null goes out when all have.
 *
 * A connection that tracks stays on its core.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/list.h"
#include "shards/events.h"
#include "shards/keyed.h"
#include "shards/names.h"

struct gf_command;
struct gf_conn;
struct gf_partition;
struct gf_publication;
struct gf_run;
struct gf_worker;

/* Who read a key: a connection and its core. */
struct gf_reader {
    uint64_t client;
    uint16_t core;
};

/* A key of a partition that somebody may have a copy of; the partition's. As in Redis, the number
 * of the database does not count: node.db is 0. */
struct gf_tracked {
    struct gf_keyed keyed;     /* first */
    struct gf_reader *readers; /* owned */
    uint32_t readers_count;
    uint32_t readers_capacity;
};

/* How a connection tracks. */
struct gf_tracking {
    struct gf_named named; /* first; worker->tracking.clients, by id */
    struct gf_link link;   /* worker->tracking.list                  */
    struct gf_conn *conn;
    bool bcast;
    bool optin;
    bool optout;
    bool noloop;
    bool caching;      /* CLIENT CACHING: of the next command the other way round */
    bool broken;       /* the connection of `redirect` is gone                    */
    uint64_t redirect; /* CLIENT ID; 0 = none                                */
    uint16_t redirect_core;
    struct gf_bytes *prefixes; /* owned, with their bytes; BCAST: none = every key */
    uint32_t prefixes_count;
};

/* A connection that others redirect to. */
struct gf_redirect_target {
    struct gf_named named; /* first; worker->tracking.targets, by id */
    struct gf_conn *conn;
};

/* A command over several cores that flushes: which one, and how many cores tell of it. */
struct gf_tracking_flush {
    uint64_t command; /* of all cores; 0 = it runs on one */
    uint32_t cores;
};

#define GF_TRACKING_FLUSHES 8 /* that a core waits for; of more, each core is passed on */

/* One that some cores have told of. */
struct gf_tracking_flushing {
    struct gf_tracking_flush flush; /* cores: that have not told yet; 0: this is free */
    bool old;                       /* since before the last tick                     */
};

struct gf_trackings {
    struct gf_event_sink sink;
    struct gf_worker *worker;
    struct gf_names clients; /* gf_tracking of this core's connections */
    struct gf_list list;     /* the same                               */
    struct gf_names targets; /* gf_redirect_target                     */
    uint64_t prefixes_count; /* of them all                            */
    uint64_t flush_seed;     /* of the command whose flush was told    */
    uint64_t numbers;        /* given to commands over several cores   */
    struct gf_tracking_flush flush; /* of the part that runs now       */
    struct gf_tracking_flushing flushing[GF_TRACKING_FLUSHES];
    _Atomic uint32_t count;  /* clients here; written here, read by every core */
    _Atomic uint32_t bcast_count;
};

void gf_tracking_init(struct gf_worker *worker);
void gf_tracking_deinit(struct gf_worker *worker);

/* gf_tracking_on - as `options` says (its flags, redirect, prefixes; the texts are copied). Already
 * on is fine. gf_tracking_off - off, also when the connection ends; and nobody's target any
 * more. */
void gf_tracking_on(struct gf_conn *conn, const struct gf_tracking *options);
void gf_tracking_off(struct gf_conn *conn);
void gf_tracking_leave(struct gf_conn *conn);

/* gf_tracking_expect - one more client in BCAST mode, soon (1), or not any more (-1): the cores go
 * on telling of changes meanwhile. */
void gf_tracking_expect(struct gf_worker *worker, int by);

/* gf_tracking_target - others redirect to this connection from now on. */
void gf_tracking_target(struct gf_conn *conn);

/* gf_tracking_begin, gf_tracking_end - around the admission of a command of a connection that
 * tracks: is what it reads to be remembered? */
void gf_tracking_begin(struct gf_conn *conn);
void gf_tracking_end(struct gf_conn *conn, const struct gf_command *command, bool ran);

/* gf_tracking_remember - a command has run here for a client that caches what it reads. */
void gf_tracking_remember(struct gf_worker *worker, const struct gf_run *run);

/* gf_tracking_returned - partitions were on loan: what was remembered there has to be told here. */
void gf_tracking_returned(struct gf_worker *worker, const struct gf_partition *partition);

/* gf_tracking_deliver - a publication for connections of this core. Returns how many there were.
 * gf_tracking_lost - nobody was there to be redirected to. */
uint64_t gf_tracking_deliver(struct gf_worker *worker, const struct gf_publication *publication);
void gf_tracking_lost(struct gf_worker *worker, const struct gf_publication *publication);

/* gf_tracking_settle - at every tick: a core may have had nothing to tell of a flush (nobody
 * tracked anywhere when it came there). Nobody waits for it any longer. */
void gf_tracking_settle(struct gf_worker *worker);

/* gf_tracking_tick - keep the tables within their limit. */
void gf_tracking_tick(struct gf_worker *worker);

/* gf_tracking_keys, gf_tracking_items - of this core's partitions: keys remembered, and readers. */
uint64_t gf_tracking_keys(const struct gf_worker *worker);
uint64_t gf_tracking_items(const struct gf_worker *worker);
