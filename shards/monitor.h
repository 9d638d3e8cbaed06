/* MONITOR: connections that are told of every command, on whatever core it came in.
 *
 * Every core counts the monitors of every core. A core without any anywhere has no attention bit
 * set and looks at nothing. Otherwise it writes one line per command: straight to its own
 * monitors, and into one batch for each other core that has some. A batch is lent to that core,
 * one at a time; what comes up meanwhile collects in the next one.
 *
 *   core A   line -> out of A's monitors
 *            line -> batches[B].lines  --lent-->  core B: out of B's monitors  --back-->  core A
 *
 * Failure: a monitor that does not read is closed by its output limit, like any client. If a core
 * is so far behind that its next batch would exceed GF_MONITOR_BATCH_MAX, lines are lost; its
 * monitors are closed rather than left with a gap.
 *
 * Order: what one connection does is shown in its order, because connections stay on their cores
 * while anybody monitors (handover.h).
 *
 * A new monitor may begin with commands from just before its OK, when others monitored already:
 * their lines were on the way to its core.
 *
 * On close (or RESET): the monitor is off its core's list at once; the others stop counting it when
 * they hear of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/bytes.h"
#include "core/driver.h"
#include "core/list.h"
#include "shards/parcel.h"

struct gf_conn;
struct gf_worker;

#define GF_MONITOR_BATCH_MAX (64u * 1024 * 1024) /* bytes of lines waiting for one other core */

/* Lines for the monitors of one other core. */
struct gf_monitor_batch {
    struct gf_parcel parcel; /* first */
    struct gf_chain lent;    /* the other core's while `away` */
    struct gf_chain lines;   /* this core's: collected since */
    bool away;
    bool lent_lost; /* lines are missing behind `lent` */
    bool lost;      /* lines are missing behind `lines` */
};

struct gf_monitors {
    struct gf_list conns; /* gf_conn.monitor_link: this core's; borrowed */
    uint32_t total;       /* monitors of all cores, as far as known here */
    uint32_t calls;       /* news of this core's monitors under way      */
    uint32_t batches_away;
    uint32_t *counts;                 /* monitors by core; owned                     */
    struct gf_monitor_batch *batches; /* by core; owned; NULL until needed           */
    struct gf_chain line;             /* scratch: the line being written             */
    struct gf_op flush;               /* deferred: lend the batches                  */
};

void gf_monitors_init(struct gf_worker *worker);
void gf_monitors_deinit(struct gf_worker *worker);

/* gf_monitors_quiet - nothing of this core's is on its way. */
bool gf_monitors_quiet(const struct gf_worker *worker);

/* gf_monitor_remove - it does not monitor (any more); not a monitor is fine. */
void gf_monitor_remove(struct gf_conn *conn);

/* gf_monitor_feed - a command of `conn` is shown to the monitors of all cores. */
void gf_monitor_feed(struct gf_conn *conn, const struct gf_bytes *words, uint32_t words_count);

/* gf_monitor_batch_arrive - on the core of the monitors; gf_monitor_batch_home - it came back. */
void gf_monitor_batch_arrive(struct gf_worker *worker, struct gf_monitor_batch *batch);
void gf_monitor_batch_home(struct gf_worker *worker, struct gf_monitor_batch *batch);
