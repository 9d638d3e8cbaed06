/* What a connection-level command may see, and the slow half of admission.
 *
 * Commands with GF_HOME run on the connection's core with nothing of the connection outstanding.
 * They are ordinary rows; their exec is the first member of a gf_session_exec.
 */
#pragma once

#include <stdbool.h>

#include "core/list.h"
#include "modules/module.h"

struct gf_ahead;
struct gf_conn;
struct gf_worker;

struct gf_session_exec {
    struct gf_exec exec;      /* keyspace is NULL */
    struct gf_conn *conn;     /* its reply is exec.reply */
    struct gf_worker *worker; /* conn->worker */
};

/* gf_session_of - of an exec that a GF_HOME command was given. */
static inline struct gf_session_exec *gf_session_of(struct gf_exec *x)
{
    return gf_container(x, struct gf_session_exec, exec);
}

/* gf_session_run - a request that is not on the hot path: broken, unknown, of a connection or
 * server in an unusual state, or GF_HOME. Runs it, refuses it, or hands it to gf_dispatch_route.
 *
 * Returns    false: not now (the connection is held, or will be); it must come again
 */
bool gf_session_run(struct gf_conn *conn, const struct gf_ahead *ahead,
                    const struct gf_bytes *words);

/* gf_session_is_subscribed_ping - the one command that answers differently in a subscriber's mode:
 * it runs with its connection then. */
bool gf_session_is_subscribed_ping(const struct gf_conn *conn, const struct gf_command *command);

/* gf_session_run_queued - a GF_HOME command of a transaction (or such a PING) that runs now, with
 * the connection not held; answers to conn->reply. It may hold the connection and answer later. */
void gf_session_run_queued(struct gf_conn *conn, const struct gf_command *command,
                           const struct gf_bytes *words, uint32_t words_count);

/* gf_session_end_reply - the answer of a GF_HOME command is complete: count it if it is an
 * error. */
void gf_session_end_reply(struct gf_conn *conn, const struct gf_command *command);
