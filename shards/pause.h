/* CLIENT PAUSE on one core: requests that it applies to wait until it is over. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/timer.h"

struct gf_command;
struct gf_conn;
struct gf_worker;

struct gf_pause {
    bool writes_only;  /* WRITE: reads go on                         */
    uint64_t until_ms; /* Unix time; 0 = no pause                    */
    struct gf_timer timer;
    struct gf_worker *worker;
};

/* gf_pause_start - on this core, until `until_ms`; a pause already on is never made shorter, and
 * ALL stays ALL. */
void gf_pause_start(struct gf_worker *worker, uint64_t until_ms, bool writes_only);

/* gf_pause_end - now (UNPAUSE, or time is up): everybody goes on. */
void gf_pause_end(struct gf_worker *worker);

/* gf_pause_applies - whether a request with these flags (EXEC has those of all its commands, too)
 * must wait: with ALL every command, be it PING or QUIT, but
 * CLIENT UNPAUSE (which waits in Redis, too, where nothing but time ends such a pause). What is
 * refused anyhow (unknown, wrong arity, not authenticated) does not wait. */
bool gf_pause_applies(const struct gf_worker *worker, const struct gf_command *command,
                      uint32_t flags);

/* gf_pause_hold - hold the connection until gf_pause_end. */
void gf_pause_hold(struct gf_conn *conn);
