/* Accepting clients on one core. Every core listens on the main port (SO_REUSEPORT: the kernel
 * spreads the clients) and, when there are several cores, on a port of its own.
 *
 * A connection above maxclients is told so and closed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/driver.h"

struct gf_worker;

struct gf_listener {
    struct gf_worker *worker;
    struct gf_accept_op accept;
    struct gf_op closed;
    int handle;              /* -1 = not listening          */
    bool core_port;          /* this core's own port        */
    bool closing;
};

/* gf_listeners_start - listen on every address of `bind`.
 *
 * ret_why    on failure: address, port and reason, for people
 * Returns    GF_OK, or the error of the first address that is not optional ("-" in front), or
 *            GF_EINVAL when there is none; what was opened is for gf_listeners_stop
 */
int gf_listeners_start(struct gf_worker *worker, char *ret_why, size_t why_size);

/* gf_listen_error_text - why the driver could not listen, and what to do about it, for people. */
const char *gf_listen_error_text(int error);

/* gf_listeners_stop - no more clients; the closes complete in later turns. */
void gf_listeners_stop(struct gf_worker *worker);

/* gf_listeners_stopped - all closes have completed. */
bool gf_listeners_stopped(const struct gf_worker *worker);
