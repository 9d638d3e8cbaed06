/* From a connection's bytes to running commands: parse ahead, prefetch, admit, route, run.
 *
 * The hot path of the server. A single-key command whose partition is on this core, with nothing of
 * the connection outstanding, allocates nothing, copies nothing, and answers into the connection's
 * output.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "modules/module.h"

struct gf_ahead;
struct gf_conn;
struct gf_request;
struct gf_slice;
struct gf_worker;

/* gf_dispatch - run the requests at the start of `data`.
 *
 * Called by  the connection's core; the connection is open and not held.
 * Returns    bytes used up. The rest is an unfinished request, or what came behind a request that
 *            holds the connection; the caller keeps it.
 */
size_t gf_dispatch(struct gf_conn *conn, const char *data, size_t size);

#define GF_NO_PARTITION UINT32_MAX

/* What one run of a command needs, wherever it runs. */
struct gf_run {
    const struct gf_command *command;
    const struct gf_bytes *words;
    uint32_t words_count;
    uint32_t db;
    uint32_t partition;      /* of the first key; GF_NO_PARTITION without */
    uint64_t key_hash;       /* of the first key; ignored without keys   */
    struct gf_space *space;  /* where it finds its keys                  */
    struct gf_reply *reply;
    uint64_t client;         /* CLIENT ID of who asked for it            */
    bool no_touch;           /* CLIENT NO-TOUCH: keys' access times and counts stay */
    uint32_t tracker;        /* 1 + core of a client that caches what it reads; 0 = not     */
    bool one_core;           /* a walk over all keys goes through this core's only          */
    bool admitted;           /* of a transaction: memory was checked for               */
    bool part;               /* of a split command: its coordinator checked memory and counts */
    struct gf_wait *wait;    /* a blocking command may wait; NULL: it may not                 */
    struct gf_scan_trip *trip; /* of SCAN over several cores; NULL otherwise               */
    struct gf_slice *slice;  /* it runs on a fiber and may pause; or NULL                  */
    bool may_postpone;       /* it can be run again, in slices                             */
    bool postponed;          /* in: it has been run, and has asked for slices; set: it asks for
                              * slices, and has neither answered nor changed anything      */
    uint64_t duration_ns;    /* set when it was timed on its own; 0 otherwise                 */
    enum gf_message_id failure; /* set: the error it answered, or GF_MSG_NONE                */
};

/* gf_command_has_keys - it finds keys in its words, or works on all. */
static inline bool gf_command_has_keys(const struct gf_command *command)
{
    return command->key_first > 0 || command->find_keys ||
           (command->flags & (GF_ALL_KEYS | GF_CURSOR)) != 0;
}

/* gf_command_has_one_key - it has exactly one, at a place that its row names. */
static inline bool gf_command_has_one_key(const struct gf_command *command)
{
    return command->key_first > 0 && command->key_last == command->key_first &&
           !command->find_keys && !(command->flags & GF_BLOCKING);
}

/* gf_command_may_postpone - it says itself when it is worth slices: gf_exec_is_long. */
static inline bool gf_command_may_postpone(const struct gf_command *command)
{
    return (command->flags & GF_SLICED) != 0 && gf_command_has_one_key(command);
}

/* gf_run_command - run it here, now: its partitions belong to this core and are free (or lent to
 * it). Refuses with the OOM error what would grow memory over the limit. Counts, but takes no
 * time. */
void gf_run_command(struct gf_worker *worker, struct gf_run *run);

/* gf_run_set_untouched - while a command of a client with CLIENT NO-TOUCH runs. */
void gf_run_set_untouched(struct gf_worker *worker, const struct gf_run *run, bool untouched);

/* gf_dispatch_here - run an admitted request on its connection's core, its answer in order. Its
 * partitions are this core's and free. `ahead->located` false: without a first keyspace. */
void gf_dispatch_here(struct gf_conn *conn, const struct gf_ahead *ahead,
                      const struct gf_bytes *words);

/* gf_dispatch_park - where an answer that is written now goes when others are outstanding: behind
 * them. gf_dispatch_parked - it is written. (gf_request_release drops it instead.) */
struct gf_request *gf_dispatch_park(struct gf_conn *conn, struct gf_reply *ret_reply);
void gf_dispatch_parked(struct gf_conn *conn, struct gf_request *request);

/* gf_dispatch_refuse - answer an error, in order, instead of running. */
void gf_dispatch_refuse(struct gf_conn *conn, enum gf_message_id message);

/* gf_dispatch_route - the second half of running a request: it was admitted; run it here, on its
 * owner, or over several cores.
 *
 * ahead      command is the row that runs (a subcommand's, where there is one)
 * Returns    false: not now; the same request must come again
 */
bool gf_dispatch_route(struct gf_conn *conn, const struct gf_ahead *ahead,
                       const struct gf_bytes *words);
