/* A stack of its own for work that stops in the middle, and goes on where it was.
 *
 *        core's stack                      fiber's stack
 *   gf_fiber_start ----------------------> main(context)
 *        | goes on with its turn <-------- gf_fiber_leave
 *        v                                    :
 *   gf_fiber_enter ----------------------> (returns from gf_fiber_leave)
 *        | ended <------------------------ main returns
 *
 * A fiber belongs to the thread that makes it: it is entered there only, never from another fiber
 * of the pool. What runs on one may call whatever the core may, but not wait. Under
 * AddressSanitizer and ThreadSanitizer every switch is announced to them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"

struct gf_fiber;

/* Fibers of one thread. */
struct gf_fibers {
    struct gf_list free; /* kept for reuse, few */
    uint32_t free_count;
    uint32_t busy_count; /* started and not ended */
};

void gf_fibers_init(struct gf_fibers *fibers);
/* gf_fibers_deinit - none may be busy. */
void gf_fibers_deinit(struct gf_fibers *fibers);

/* gf_fiber_start - run main(context) on a stack of its own, until it leaves or returns.
 *
 * ret_fiber  set before main begins; NULL when it has ended already
 * Returns    false: there is no memory for a stack, nothing was run
 */
bool gf_fiber_start(struct gf_fibers *fibers, void (*main)(void *context), void *context,
                    struct gf_fiber **ret_fiber);

/* gf_fiber_enter - go on where it left; true when it has ended, and is gone. */
bool gf_fiber_enter(struct gf_fibers *fibers, struct gf_fiber *fiber);

/* gf_fiber_leave - on the fiber: back to whoever entered it. Returns when it is entered again. */
void gf_fiber_leave(struct gf_fiber *fiber);
