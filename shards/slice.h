/* Commands that run in slices: COPY of a large hash, SUNIONSTORE of large sets.
 *
 * Such a command (its row says GF_SLICED) holds its keys while it runs (lock.h) and runs on a
 * fiber. In its loops it asks whether others may run; when its slice is used up the fiber is left,
 * the core goes on with its turn, and once a turn one of those who wait goes on for a slice:
 *
 *   gf_request_run --> slice begins --> ... gf_exec_pause: over --> waiting --+
 *        ^                                                           |        | next turn
 *        | gf_request_ran <-- the command has returned <-- ... <-----+--------+
 *
 * What it computes is the same, paused or not. Nobody else gets at its keys, and while it waits
 *
 *   objects            of these cores stay where they are (gf_heap_pin)
 *   its partitions     are left alone by expiry, eviction and flushing: they are not free
 *   arguments, answer  are the request's
 *
 * Over several cores (multi.h) it is given the partitions for each slice, and only for that.
 *
 * Small values are not worth a fiber: the command runs in one go, as if its row said nothing. So it
 * does inside EXEC, and where what it needs are whole partitions. A command with several keys is
 * judged by the size of their values before it runs. One with a single key runs as any other does,
 * until it knows how much there is to do; if that is much, it returns and is run again, from the
 * beginning and on a fiber (gf_exec_is_long).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/driver.h"
#include "core/fiber.h"
#include "core/list.h"
#include "modules/exec.h"

struct gf_command;
struct gf_plan;
struct gf_request;
struct gf_slice;
struct gf_worker;

#define GF_SLICE_NS 200000u     /* of one turn */
#define GF_SLICE_ELEMENTS 2000u /* more are worth slices: they take about as long as one */

/* Those of one core. */
struct gf_slicing {
    struct gf_fibers fibers;
    struct gf_list waiting;   /* gf_slice.link, whose turn is next first; owned */
    struct gf_slice *running; /* on the fiber that is entered; or NULL          */
    struct gf_op op;          /* deferred while anybody waits                   */
};

void gf_slicing_init(struct gf_worker *worker);
void gf_slicing_deinit(struct gf_worker *worker);

/* gf_slice_is_worth - a GF_SLICED command with several keys, whose partitions are here, has large
 * values before it. */
bool gf_slice_is_worth(const struct gf_worker *worker, const struct gf_command *command,
                       uint32_t db, const struct gf_bytes *words, uint32_t count);

/* gf_slice_plan_is_worth - the same, of a plan on this core: what it knows is not found again. */
bool gf_slice_plan_is_worth(const struct gf_worker *worker, struct gf_plan *plan, uint32_t db);

/* gf_slice_run - begin to run a request's command, whose keys or partitions are locked for it.
 * true: it is DONE already. false: gf_request_ran follows. */
bool gf_slice_run(struct gf_worker *worker, struct gf_request *request);

/* gf_slice_held, gf_slice_go - of a command over several cores: its partitions have gone back after
 * a slice; they are here for the next. */
void gf_slice_held(struct gf_worker *worker, struct gf_slice *slice);
void gf_slice_go(struct gf_worker *worker, struct gf_slice *slice);

/* For who runs the command, on the fiber: */

/* gf_slice_set_pace - how long the first slice is. */
void gf_slice_set_pace(struct gf_worker *worker, struct gf_slice *slice, struct gf_pace *ret_pace);
/* gf_slice_duration_ns - of all slices until now. */
uint64_t gf_slice_duration_ns(struct gf_worker *worker, struct gf_slice *slice);
