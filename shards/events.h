/* Who on this core is told of what happens to keys: a list of sinks.
 *
 *   a command -- gf_exec_changed --> bus.events -- emit --> every sink that wants this class
 *   expiry, eviction ------------------- gf_events_gone ----^
 *   FLUSHDB, FLUSHALL, SWAPDB ---- gf_events_cleared, _swapped --> every sink that has the callback
 *
 * A sink is told on the core where the change is made, while it is made: that core owns the key's
 * partition, or has it on loan while a command over several cores runs (multi.h). So what a sink
 * knows of single keys belongs into their partition, which is lent with everything in it, and not
 * into the worker: a worker's own state is that of another core then. Sinks whose state is in
 * partitions say with `wanted_lent` what they want to hear of while partitions are on loan here.
 *
 * When nobody wants anything, a command pays one test (modules/exec.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"
#include "modules/exec.h"

struct gf_partition;

/* One thing that happened. */
struct gf_event {
    struct gf_exec *x;   /* the command that did it; NULL: none, it expired or was evicted  */
    uint32_t classes;    /* enum gf_event_class                                             */
    const char *name;    /* Redis's name of the event; NULL: it has none                    */
    uint32_t db;
    struct gf_bytes key; /* until the call returns                                          */
    uint64_t client;     /* CLIENT ID of who did it; 0: nobody                              */
};

/* Embedded in whoever listens; zeroed = on no bus. */
struct gf_event_sink {
    struct gf_link link;  /* the bus's list                                                 */
    uint32_t wanted;      /* enum gf_event_class; set it with gf_events_want                */
    uint32_t wanted_lent; /* ... and these, while partitions of other cores are here        */
    /* Must not touch keyspaces, nor begin a command: note what is to be done afterwards. */
    void (*take)(struct gf_event_sink *sink, const struct gf_event *event);
    /* Before every key of a database goes, and before two databases change places; told once for
     * each partition, whatever is wanted. The keyspaces may be looked at. NULL: does not care. */
    void (*cleared)(struct gf_event_sink *sink, struct gf_partition *partition, uint32_t db);
    void (*swapped)(struct gf_event_sink *sink, struct gf_partition *partition, uint32_t a,
                    uint32_t b);
};

/* All sinks of one core.
 *
 * Invariants (gf_events_check walks them):
 *   events.wanted == all `wanted` of the sinks, and `wanted_lent` too while lent > 0
 */
struct gf_event_bus {
    struct gf_events events; /* first: what execs are given                                  */
    struct gf_list sinks;    /* gf_event_sink.link, in the order of gf_events_add; borrowed  */
    uint32_t lent;           /* commands that run over partitions of other cores now         */
    uint64_t client;         /* of the command that runs now; 0: of nobody                   */
};

void gf_events_init(struct gf_event_bus *bus);

/* gf_events_add, gf_events_remove - `take` and the other callbacks are set before. */
void gf_events_add(struct gf_event_bus *bus, struct gf_event_sink *sink);
void gf_events_remove(struct gf_event_bus *bus, struct gf_event_sink *sink);

/* gf_events_want - a sink on the bus wants these classes from now on, and no others. */
void gf_events_want(struct gf_event_bus *bus, struct gf_event_sink *sink, uint32_t wanted);

/* gf_events_lend, gf_events_return - around a run over partitions of other cores. */
void gf_events_lend(struct gf_event_bus *bus);
void gf_events_return(struct gf_event_bus *bus);

/* gf_events_gone - a key goes that no command removed, or a part of its value.
 *
 * class      GF_EVENT_EXPIRED, GF_EVENT_EVICTED …; GF_EVENT_CHANGED is added
 * name       of the event
 */
void gf_events_gone(struct gf_event_bus *bus, uint32_t db, struct gf_bytes key, uint32_t class,
                    const char *name);

/* gf_events_cleared, gf_events_swapped - called by the space of a command, before it does it. */
void gf_events_cleared(struct gf_event_bus *bus, struct gf_partition *partition, uint32_t db);
void gf_events_swapped(struct gf_event_bus *bus, struct gf_partition *partition, uint32_t a,
                       uint32_t b);

/* gf_events_check - asserts the invariants. */
void gf_events_check(const struct gf_event_bus *bus);
