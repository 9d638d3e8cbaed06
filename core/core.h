/* One core of the machine: a pinned thread, its driver, clock, timers, mesh and account.
 *
 * A turn is a fixed list of phases:
 *
 *   completions -> rings in -> timers -> work -> rings out -> sends -> submit and wait
 *   (driver->run)                                                      (driver->run)
 *
 * The last and the first are the same driver call. The clock is read once per turn, right after the
 * wait. A core with nothing deferred sleeps in the kernel until its first timer, a completion or a
 * peer's wake.
 *
 * A core is turned by its own thread (core/thread.h) or, in the simulator, by the world's loop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/driver.h"
#include "core/list.h"
#include "core/mesh.h"
#include "core/timer.h"

#define GF_CORES_MAX 256

enum gf_phase {
    GF_PHASE_WORK, /* partition work, bounded background slices */
    GF_PHASE_SEND, /* what should leave once per turn */
    GF_PHASES_COUNT
};

struct gf_core {
    uint16_t id;               /* 0 .. count - 1 */
    uint16_t count;            /* cores of this node */
    bool stopping;             /* gf_core_stop was called */
    struct gf_core **peers;    /* all cores of the node, by id; borrowed, never changes */
    struct gf_driver *driver;  /* owned */
    struct gf_mesh *mesh;      /* owned */
    struct gf_timers *timers;  /* owned */
    uint64_t now_ns;           /* monotonic, read once per turn */
    uint64_t wall_us;          /* Unix time, read once per turn, never running backwards */
    uint64_t turns;            /* turns made */
    uint64_t busy_ns;          /* time not spent waiting; updated once per turn */
    struct gf_list deferred[GF_PHASES_COUNT]; /* gf_op.link */
    struct gf_memory_account memory;
    gf_mesh_receive *receive;  /* the mesh's door upward; set before the first turn */
    void *owner;               /* the upper layer's world on this core (struct gf_shard_core) */
};

static inline uint64_t gf_core_now_ms(const struct gf_core *core)
{
    return core->wall_us / 1000;
}

/* gf_core_clock_ns - the driver's monotonic clock, read now: core->now_ns is as of the turn. */
static inline uint64_t gf_core_clock_ns(const struct gf_core *core)
{
    return core->driver->ops->now_ns(core->driver);
}

/* gf_core_here - the core whose turn this thread is making; NULL outside of any. */
struct gf_core *gf_core_here(void);

/* gf_core_enter - this thread makes `core`'s turns from now on (thread start; the simulator before
 * each turn). Also books this thread's memory to the core. NULL leaves. */
void gf_core_enter(struct gf_core *core);

static inline void gf_core_assert_here(uint16_t id)
{
    GF_ASSERT(gf_core_here() != NULL);
    GF_ASSERT(gf_core_here()->id == id);
}

/* gf_core_init - a core that can turn. Called before any core's thread runs.
 *
 * peers      array of `count` pointers, filled by the caller before the first turn
 */
int gf_core_init(struct gf_core *core, uint16_t id, uint16_t count, struct gf_core **peers);
/* gf_core_deinit - accepts a zeroed core. Nothing may be in flight. Destroys the driver. */
void gf_core_deinit(struct gf_core *core);

/* gf_core_turn - one turn. may_wait: sleep when there is nothing to do.
 * Returns true when anything happened. */
bool gf_core_turn(struct gf_core *core, bool may_wait);

/* gf_core_run - turns until gf_core_stop. */
void gf_core_run(struct gf_core *core);

/* gf_core_stop - gf_core_run returns at the end of this turn. On this core only. */
void gf_core_stop(struct gf_core *core);

/* gf_core_defer - run op->done(op, GF_OK) once, in the next `phase` of this core: this turn's if it
 * is still to come, the next turn's if it is running or over. An op can be deferred once at a time.
 * Work that is not finished defers itself again; the core does not sleep meanwhile. */
void gf_core_defer(struct gf_core *core, enum gf_phase phase, struct gf_op *op);

static inline bool gf_op_is_deferred(const struct gf_op *op)
{
    return !gf_link_is_free(&op->link);
}

/* gf_core_defer_cancel - forget a deferred op; not deferred is fine. */
void gf_core_defer_cancel(struct gf_core *core, struct gf_op *op);
