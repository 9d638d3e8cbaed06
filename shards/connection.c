/* What a client says to see that somebody is there, and to choose how its connection is: PING ECHO
 * SELECT RESET QUIT. */
#include "core/assert.h"
#include "shards/auth.h"
#include "shards/client.h"
#include "shards/conn.h"
#include "shards/monitor.h"
#include "shards/pubsub.h"
#include "shards/session.h"
#include "shards/tracking.h"
#include "shards/transaction.h"
#include "shards/watch.h"
#include "shards/worker.h"

static void ping(struct gf_exec *x)
{
    if (x->args->count > 2) {
        gf_reply_error_format(x->reply, GF_MSG_WRONG_ARITY, GF_BYTES("ping"), GF_BYTES(""));
        return;
    }
    if (gf_args_left(x->args) > 0)
        gf_reply_bulk(x->reply, gf_args_next(x->args));
    else
        gf_reply_status(x->reply, GF_BYTES("PONG"));
}

static void echo(struct gf_exec *x)
{
    gf_reply_bulk(x->reply, gf_args_next(x->args));
}

static void select_db(struct gf_exec *x)
{
    struct gf_session_exec *session = gf_session_of(x);
    int64_t db = gf_args_next_range(x->args, INT32_MIN, INT32_MAX, GF_MSG_INT_RANGE);

    if (!gf_args_finish(x->args, x->reply))
        return;
    if (db < 0 || (uint64_t)db >= x->space->databases) {
        gf_reply_error(x->reply, GF_MSG_DB_INDEX);
        return;
    }
    session->conn->session.db = (uint32_t)db;
    gf_reply_ok(x->reply);
}

/* Everything but what the client is (its library) and its id. */
static void reset(struct gf_exec *x)
{
    struct gf_session_exec *session = gf_session_of(x);
    struct gf_conn *conn = session->conn;

    gf_monitor_remove(conn);
    gf_pubsub_leave(conn);
    gf_tracking_off(conn);
    gf_transaction_end(conn);
    gf_watch_forget(conn);
    conn->session.db = 0;
    conn->session.no_evict = false;
    conn->session.no_touch = false;
    conn->attention &= ~(uint32_t)GF_ATTENTION_NO_TOUCH;
    /* The answer that CLIENT REPLY SKIP swallows is this one. */
    if (conn->session.reply_mode != GF_REPLY_SKIP) {
        conn->session.reply_mode = GF_REPLY_ON;
        conn->reply.discard = false;
    }
    gf_client_set_text(&conn->session.name, GF_BYTES(""));
    gf_conn_set_resp(conn, 2);
    gf_auth_set(conn, !gf_auth_needed(session->worker));
    gf_reply_status(x->reply, GF_BYTES("RESET"));
}

static void quit(struct gf_exec *x)
{
    gf_reply_ok(x->reply);
    gf_conn_close(gf_session_of(x)->conn, true);
}

/* clang-format off */
#define SESSION_FLAGS \
    (GF_HOME | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK | GF_FAST | GF_NO_AUTH | GF_ALLOW_BUSY)

static const struct gf_command commands[] = {
    {
        .name = "PING", .run = ping, .flags = GF_FAST, .arity = -1,
        .since = "1.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "Answers PONG, or the message it is given.",
        .tips = "request_policy:all_shards|response_policy:all_succeeded",
        GF_ARGS({.name = "message", .type = GF_ARG_STRING, .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "ECHO", .run = echo, .flags = GF_LOADING_OK | GF_STALE_OK | GF_FAST, .arity = 2,
        .since = "1.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "Answers what it is given.",
        GF_ARGS({.name = "message", .type = GF_ARG_STRING}),
    },
    {
        .name = "SELECT", .run = select_db, .arity = 2,
        .flags = GF_HOME | GF_LOADING_OK | GF_STALE_OK | GF_FAST,
        .since = "1.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "Chooses the database of the commands that follow.",
        GF_ARGS({.name = "index", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "RESET", .run = reset, .flags = SESSION_FLAGS, .arity = 1,
        .since = "6.2.0", .group = "connection", .complexity = "O(1)",
        .summary = "Makes the connection as if it were new.",
    },
    {
        .name = "QUIT", .run = quit, .flags = SESSION_FLAGS, .arity = -1,
        .since = "1.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "Ends the connection after the answer.",
    },
};
/* clang-format on */

const struct gf_module gf_connection_module = {
    .abi = GF_MODULE_ABI,
    .name = "connection",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
