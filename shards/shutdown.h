/* Ending the node in order, on SIGTERM, SIGINT or SHUTDOWN.
 *
 *   1  stopping is set; every core notices at its next tick
 *   2  no new clients; what clients asked is finished and answered, then they are closed; after
 *      GF_SHUTDOWN_GRACE_MS they are closed as they are
 *   3  a core with nothing left says so; when all have, they leave their loops
 *
 * A core that is busy with one long command makes everybody wait for it; SIGINT, once the server is
 * stopping, ends the process at once.
 *
 * A core that has said so takes it back when a connection arrives from one that has not noticed
 * yet. The sender is not done before its message is home again, so they cannot all have said so
 * meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gf_server;
struct gf_worker;

#define GF_SHUTDOWN_GRACE_MS 2000

struct gf_shutdown {
    uint64_t since_ms; /* of the core's clock; 0 = not stopping */
    bool quiet;        /* this core has said that it is done    */
};

/* gf_shutdown_begin - any core, or the main thread. */
void gf_shutdown_begin(struct gf_server *server);

/* gf_shutdown_wait - on the main thread: until a signal or SHUTDOWN. */
void gf_shutdown_wait(struct gf_server *server);

/* gf_shutdown_poll - at every tick of a core. */
void gf_shutdown_poll(struct gf_worker *worker);

/* gf_shutdown_is_quiet - nobody is connected to this core, and nothing of its own is under way. */
bool gf_shutdown_is_quiet(const struct gf_worker *worker);

/* gf_shutdown_more - this core has something to do again. */
void gf_shutdown_more(struct gf_worker *worker);

/* gf_shutdown_now - on a core that never served, because another could not start: turns it until
 * nothing is open any more. A core that stopped in order has nothing open. */
void gf_shutdown_now(struct gf_worker *worker);
