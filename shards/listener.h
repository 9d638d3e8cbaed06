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

/* gf_listeners_probe - whether a node could listen on that port of every address.
 *
 * SO_REUSEPORT lets a second server of the same user share a port and take half of its clients. So
 * the main thread listens once without it, on all addresses at a time, before the cores share it.
 *
 * bind       without any address there is nothing to ask
 * driver     the main thread's; returns once it has closed what was opened
 * ret_why    on failure: for people; at least 256 bytes
 * Returns    GF_OK; GF_EADDRINUSE (optional or not); what gf_listeners_start would return
 */
int gf_listeners_probe(const char *bind, uint16_t port, struct gf_driver *driver, char *ret_why,
                       size_t why_size);

/* gf_listeners_stop - no more clients; the closes complete in later turns. */
void gf_listeners_stop(struct gf_worker *worker);

/* gf_listeners_stopped - all closes have completed. */
bool gf_listeners_stopped(const struct gf_worker *worker);
