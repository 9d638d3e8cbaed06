/* Commands that wait for keys: BLPOP, BZPOPMIN, XREAD with BLOCK and the like.
 *
 * A blocking command runs like any other. When it finds nothing and may wait (gf_exec_wait), its
 * request is parked: a waiter stands in line at each of its keys, in the partitions of the keys. A
 * change of a key makes its line ready; when the command that changed it is over (EXEC as a whole),
 * everybody in line is run again in order, as long as there is something. Who waits again keeps
 * his place. The connection is held meanwhile.
 *
 *                 nothing there            a key changed, or its time is over
 *   first run ------------------> WAITING ------------------------------------> TRYING
 *       |                            ^                                           |   |
 *       | answered                   +---------------- nothing for it -----------+   | answered
 *       v                                                                            v
 *   (request home)                                                             (request home)
 *
 * Where a waiter is run:
 *
 *   all keys on one core    there. Its request stays in the memory of its home, which got back the
 *                           place in the ring ("parked") and hears by a wake when it is answered
 *   on several cores        at home, over partitions on loan (multi.h), as the first time. A core
 *                           that finds it in a ready line sends a wake, and the line stands still
 *                           (stalled) until the partition comes back from that run
 *
 * So exactly one run answers, whatever changes at once on several cores: they all happen on one.
 *
 * Order: first come, first served at every key. A blocking command that comes to a stalled line on
 * its core does not pass it.
 *
 * The end of a wait (gf_waiters_cancel): its time is over, on the core that runs it; CLIENT
 * UNBLOCK; the client is gone. It is told by a message where the waiter is on another core, runs or
 * leaves when the partitions are free, and its request comes home like any other.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"
#include "core/timer.h"
#include "modules/exec.h"
#include "shards/events.h"
#include "shards/keyed.h"
#include "shards/parcel.h"

struct gf_conn;
struct gf_partition;
struct gf_request;
struct gf_waiter;
struct gf_worker;

/* Why a wait ends without a change of its keys; the later in this list wins. */
enum gf_wait_end {
    GF_WAIT_GOES_ON,
    GF_WAIT_OVER,     /* its time is over, or CLIENT UNBLOCK TIMEOUT: one last run */
    GF_WAIT_UNBLOCKED, /* CLIENT UNBLOCK ERROR */
    GF_WAIT_GONE,     /* nobody is there to be answered */
};

/* Everybody who waits for one key; in its partition. */
struct gf_wait_line {
    struct gf_keyed keyed;     /* first                                                      */
    uint16_t partition;
    bool used;                 /* is being served: stays, even when it is empty              */
    uint32_t round;            /* one more with each change: who has not been run since?     */
    uint32_t needs;            /* of them, those whose key must be there                     */
    struct gf_link ready_link; /* a list of ready lines; or free                             */
    struct gf_waiter *stalled; /* goes on when this one has been run; or NULL                */
    struct gf_list entries;    /* gf_wait_entry.link, in the order in which they came        */
};

/* A waiter's place in one line. */
struct gf_wait_entry {
    struct gf_link link;
    struct gf_wait_line *line;
    struct gf_waiter *waiter;
    uint32_t round;   /* the line's, when it was run last                              */
    uint32_t wakes;   /* sent to its home for this place; the partition's core writes  */
};

/* Made by the core that runs it, which uses and frees it. */
struct gf_waiter {
    struct gf_request *request; /* NULL: answered, but wakes for it are under way           */
    struct gf_timer timer;
    enum gf_wait_end end;
    bool needs;                 /* it must hear that a key is not there                     */
    uint8_t type;               /* enum gf_type_id of keys that can end it                  */
    bool trying;                /* its run has begun, or waits behind a lock                */
    bool again;                 /* something changed meanwhile (on several cores only)      */
    bool spread;                /* its keys are on several cores                            */
    uint64_t wakes;             /* received                                                 */
    struct gf_bytes *words;     /* for the runs to come; owned; NULL: the request's         */
    uint32_t words_count;
    uint32_t entries_count;
    struct gf_wait_entry entries[];
};

/* What a core knows of waiting.
 *
 * Invariants (gf_waiters_check walks them):
 *   lines    == lines in all partitions of this core that are here
 *   a line in `ready` has somebody in it
 */
struct gf_waiting {
    struct gf_event_sink sink;
    struct gf_worker *worker;
    struct gf_list ready;     /* gf_wait_line.ready_link, of this core's partitions          */
    struct gf_list postponed; /* gf_claim.link of requests that must not pass a stalled line */
    uint32_t lines;           /* keys waited for in this core's partitions                   */
    uint32_t stalled;         /* lines of this core that stand still, about: 0 = none        */
    uint32_t clients;         /* connections of this core that wait                          */
    uint32_t messages;        /* wakes and cancels under way from here                       */
    bool due;                 /* a line was made ready, or goes on: gf_waiters_serve        */
    bool serving;
};

/* From the core that runs a waiter, or has found it in a line, to its home. */
struct gf_wake {
    struct gf_parcel parcel;    /* first; allocated by the sender */
    struct gf_request *request; /* is answered; or NULL */
    struct gf_waiter *waiter;   /* a key of it changed; or NULL */
};

/* From a parked request's home to the core that runs it. */
struct gf_cancel {
    struct gf_parcel parcel; /* first; allocated by the home core */
    struct gf_request *request;
    enum gf_wait_end end;
};

void gf_waiters_init(struct gf_worker *worker);
void gf_waiters_deinit(struct gf_worker *worker);

/* gf_waiters_run - where the partitions are: run a GF_BLOCKING command, for the first time or
 * again. false: its request is PARKED (or WAITING, behind others) now. */
bool gf_waiters_run(struct gf_worker *worker, struct gf_request *request);

/* gf_waiters_serve - the slow half of gf_waiters_after. */
void gf_waiters_serve(struct gf_worker *worker);

/* gf_waiters_after - a command has finished here: whoever waited for what it changed comes next. */
#define gf_waiters_after(worker)                                                                   \
    do {                                                                                           \
        if (GF_UNLIKELY((worker)->waiting.due))                                                    \
            gf_waiters_serve(worker);                                                              \
    } while (0)

/* gf_waiters_returned - a partition of this core comes back from a run elsewhere. */
void gf_waiters_returned(struct gf_worker *worker, struct gf_partition *partition);

/* gf_waiters_parked - at home: the request waits where it is; its connection may be told things. */
void gf_waiters_parked(struct gf_worker *worker, struct gf_request *request);

/* gf_waiters_let_pass - at home: what was put behind a request that waits for keys (pushes to its
 * client) does not wait with it. Fine when nothing of the connection waits. */
void gf_waiters_let_pass(struct gf_conn *conn);

/* gf_waiters_cancel - at home, of a parked request, which may be gone afterwards. Returns whether
 * it still waits, as far as is known here. */
bool gf_waiters_cancel(struct gf_worker *worker, struct gf_request *request, enum gf_wait_end end);

/* gf_waiters_settled - at home, of one over several cores: its partitions are given back and it
 * waits (again). */
void gf_waiters_settled(struct gf_worker *worker, struct gf_request *request);

/* gf_waiters_leave - at home: a connection that is being closed has a request that may be parked;
 * it is not the connection's any more then. */
void gf_waiters_leave(struct gf_conn *conn);

/* Messages: on the other core, and back. */
void gf_wake_arrive(struct gf_worker *worker, struct gf_wake *wake);
void gf_wake_home(struct gf_worker *worker, struct gf_wake *wake);
void gf_cancel_arrive(struct gf_worker *worker, struct gf_cancel *cancel);
void gf_cancel_home(struct gf_worker *worker, struct gf_cancel *cancel);

/* gf_waiters_check - asserts the invariants. gf_waiters_check_settled - and, when nothing is under
 * way on any core: nobody waits for what is there, no line stands still. */
void gf_waiters_check(const struct gf_worker *worker);
void gf_waiters_check_settled(const struct gf_worker *worker);
