/* WATCH: keys that a transaction depends on.
 *
 * Every partition knows which of its keys are watched, and counts their changes (gf_watched): it is
 * told by gf_exec_changed, through a sink that wants nothing while nobody watches. A connection
 * remembers of each key the count it saw, and whether the key was there (gf_watch).
 *
 *   home:  WATCH -- visit to each core --> partition: watched, version, present --> OK
 *          EXEC  -- over the partitions of the watched keys, too --> gf_watch_holds, and only then
 *                                                                    the commands
 *          EXEC, DISCARD, UNWATCH, RESET, close -- visit --> partition: one watcher less
 *
 * Keys that go without a command (expired, evicted, flushed) need not be told of: one that was
 * there and is not, or the other way round, is not what it was. One that had expired already when
 * it was watched was not there. SWAPDB changes what either database had.
 *
 * A connection that watches stays on its core.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"
#include "shards/events.h"
#include "shards/keyed.h"

struct gf_conn;
struct gf_exec;
struct gf_partition;
struct gf_worker;

/* A key of a partition that somebody watches; the partition's. */
struct gf_watched {
    struct gf_keyed keyed; /* first */
    uint32_t watchers;
    uint64_t version;      /* changes since the first of them came */
};

/* One key that a connection watches; home's, but where the header says otherwise. */
struct gf_watch {
    struct gf_link link;
    uint64_t hash;
    uint32_t db;
    uint16_t partition;
    bool present;               /* it was there                                 */
    uint64_t version;           /* of `watched` when it was added               */
    struct gf_watched *watched; /* to be used where the partition is            */
    struct gf_bytes key;        /* in the same block                            */
};

/* What a core watches the changes of keys with. */
struct gf_watch_sink {
    struct gf_event_sink sink;
    struct gf_worker *worker;
    uint32_t count; /* keys watched in this core's partitions */
};

void gf_watch_init(struct gf_worker *worker);
void gf_watch_deinit(struct gf_worker *worker);

/* gf_watch_add - the keys from word 1 on, then OK to the connection, which is held meanwhile. Of a
 * GF_HOME command's exec. */
void gf_watch_add(struct gf_exec *x);

/* gf_watch_forget - the connection watches nothing any more (it may be closing). */
void gf_watch_forget(struct gf_conn *conn);

/* gf_watch_drop - the same for a list of watches (gf_watch.link) that was a connection's; takes
 * what is in it. */
void gf_watch_drop(struct gf_worker *worker, struct gf_list *watches);

/* gf_watch_holds - all keys of the list are what they were. Called where all their partitions
 * are. */
bool gf_watch_holds(struct gf_worker *worker, const struct gf_list *watches);
