/* Commands whose keys live on several partitions, and on several cores.
 *
 * All on this core, or all on one other core: an ordinary run or request. On several cores: the
 * partitions are locked core by core in ascending order of core ids, then
 *
 *   split   the command is a sum of single-key parts (its row's `merge` says how the answers add
 *           up): each core runs its part, and gives its locks back as soon as it has
 *   lend    everything else: the partitions are lent to this core, the command runs here once, over
 *           all of them, and they go back
 *
 *     LOCKING -> (all locked) -> RUNNING -> (all parts back) -> answered
 *                                 |   ^
 *            (its slice is over)  v   |  (all are here again)
 *                     keys only: HOLDING -> TAKING, in ascending order
 *
 * A split command locks its keys, a lent one the partitions: at once, where all of them are free.
 * Where they are not, it does not hold partitions and wait: it locks its keys, core by core, and
 * then takes the partitions for as long as it runs. One that runs in slices (slice.h) gives them
 * back after each, and keeps its keys; whoever waits for other keys goes on meanwhile.
 *
 *   LOCKING -> (refused) -> HOLDING the keys of what was locked -> LOCKING keys -> TAKING
 *
 *   LOCKING -> LOCKING  [part_home]      the next core; the last one of a split runs at once
 *   LOCKING -> RUNNING  [multi_locked]     an errand that is not done at once: gf_multi_ran follows
 *   RUNNING -> done     [part_home]      when `parts_out` is 0
 *
 * No lock is taken after the first was given back (two-phase locking), so the commands are serial;
 * and no two wait for each other, because all go through the cores in the same order.
 *
 * The connection is held meanwhile: what follows in its pipeline sees the command's effect.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "protocol/messages.h"
#include "shards/lock.h"
#include "shards/parcel.h"
#include "shards/tracking.h"

struct gf_ahead;
struct gf_conn;
struct gf_multi;
struct gf_plan;
struct gf_request;
struct gf_slice;
struct gf_worker;

enum gf_part_step {
    GF_PART_LOCK,     /* lock and come back; lend: as the home core's property */
    GF_PART_TRY,      /* the same of what is lent, if it is free now; or come back refused */
    GF_PART_KEYS,     /* lock its keys, and come back */
    GF_PART_LOCK_RUN, /* lock, run, unlock and come back: the last core of a split */
    GF_PART_RUN,      /* locked before: run when it is here, unlock and come back */
    GF_PART_UNLOCK,   /* take back what was lent and come back */
    GF_PART_HOLD,     /* the same, but the command keeps its keys */
    GF_PART_TAKE,     /* wait until the partitions are here, lend them and come back */
};

/* What one core contributes. Allocated by the home core with its gf_multi. */
struct gf_part {
    struct gf_parcel parcel;   /* first */
    enum gf_part_step step;
    bool lend;
    bool refused;              /* TRY: somebody is there                              */
    bool keeps;                /* `keys` is granted, besides `claim`, or instead of it */
    struct gf_multi *multi;    /* home core only                                      */
    struct gf_tracking_flush flush; /* which command this is, should it flush        */
    const struct gf_request *request; /* command, db, resp: read only                 */
    uint16_t core;
    uint16_t *partitions;      /* ascending, each once; in the multi's block          */
    uint32_t partitions_count;
    struct gf_bytes *words;    /* the command's words for this core; in the block     */
    uint32_t words_count;
    uint64_t *key_hashes;      /* of its keys, in the block; NULL: it has none        */
    uint16_t *key_partitions;  /* ... where they are                                  */
    uint32_t keys_count;
    struct gf_claim claim;     /* on `core`; of a split command with keys: those      */
    struct gf_claim keys;      /* on `core`: what a command in slices keeps; of a split
                                  one: until its partitions are here                  */
    struct gf_chain reply;     /* of a split part                                     */
    uint64_t duration_ns;      /* of a split part that was timed on its own           */
    enum gf_message_id failure; /* of a split part: the error it answered             */
};

/* gf_multi_dispatch - run a command that has several keys, all keys, or a cursor.
 *
 * Returns    false: not now; it must come again
 */
bool gf_multi_dispatch(struct gf_conn *conn, const struct gf_ahead *ahead,
                       const struct gf_bytes *words);

/* gf_multi_start - lock and lend what the plan says, run the request here, give everything back.
 * The connection is held by the caller, and released in the end. */
void gf_multi_start(struct gf_worker *worker, struct gf_request *request,
                    struct gf_plan *plan);

/* gf_multi_ran - its request, which was not done at once, is done. */
void gf_multi_ran(struct gf_worker *worker, struct gf_multi *multi);

/* gf_multi_has_keys - it is about keys, not whole partitions. */
bool gf_multi_has_keys(const struct gf_multi *multi);

/* gf_multi_hold - a slice of its request is over: the partitions go back, the keys stay locked.
 * gf_slice_held follows, maybe at once. */
void gf_multi_hold(struct gf_worker *worker, struct gf_multi *multi, struct gf_slice *slice);

/* gf_multi_take - the next slice is about to begin: gf_slice_go follows, when the partitions are
 * here again. */
void gf_multi_take(struct gf_worker *worker, struct gf_multi *multi);

/* gf_part_arrive - on part->core: do its step. */
void gf_part_arrive(struct gf_worker *worker, struct gf_part *part);

/* gf_part_home - on the home core: a part came back. */
void gf_part_home(struct gf_worker *worker, struct gf_part *part);
