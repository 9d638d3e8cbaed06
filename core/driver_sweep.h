/* Finds receives whose end the kernel has lost, for the io_uring driver.
 *
 * On some kernels (6.18 is one) a reset that reaches a socket in the same moment as data never ends
 * its multishot receive: of connections that send and reset at once, 1 in 150 to 1 in 20,000 stayed
 * open for ever. So a receive that has been quiet for a second is looked at, once, with poll(2);
 * where that sees something to collect, the driver submits the receive again.
 *
 *   submitted, a piece came --> FRESH --a sweep--> QUIET --the next sweep--> looked at, UNWATCHED
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/driver_posix.h"

/* gf_posix_handle.watch. */
enum gf_sweep_watch { GF_SWEEP_UNWATCHED, GF_SWEEP_FRESH, GF_SWEEP_QUIET };

struct gf_sweep {
    uint64_t due_ns;    /* when the next one is */
    uint32_t busy_runs; /* since the clock was last looked at */
};

/* gf_sweep_if_due - look at the quiet receives when a second has passed. To be called at the end of
 * every run; idle: the run brought nothing. A core with nothing to do still runs several times a
 * second, its timers see to that.
 *
 * restart    called for each receive (gf_posix_handle.reader) that has something to collect.
 */
void gf_sweep_if_due(struct gf_sweep *sweep, struct gf_posix_driver *posix, bool idle,
                     void (*restart)(struct gf_posix_driver *posix, struct gf_op *reader));
