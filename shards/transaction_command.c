/* MULTI EXEC DISCARD WATCH UNWATCH: what a connection says about its transaction. */
#include "core/assert.h"
#include "shards/conn.h"
#include "shards/session.h"
#include "shards/transaction.h"
#include "shards/watch.h"

static void multi(struct gf_exec *x)
{
    struct gf_conn *conn = gf_session_of(x)->conn;

    if (conn->transaction) {
        gf_reply_error(x->reply, GF_MSG_MULTI_NESTED);
        return;
    }
    gf_transaction_begin(conn);
    gf_reply_ok(x->reply);
}

/* In MULTI it does not come here (gf_transaction_exec). */
static void exec(struct gf_exec *x)
{
    gf_reply_error(x->reply, GF_MSG_EXEC_WITHOUT_MULTI);
}

static void discard(struct gf_exec *x)
{
    struct gf_conn *conn = gf_session_of(x)->conn;

    if (!conn->transaction) {
        gf_reply_error(x->reply, GF_MSG_DISCARD_WITHOUT_MULTI);
        return;
    }
    gf_transaction_end(conn);
    gf_reply_ok(x->reply);
}

static void watch(struct gf_exec *x)
{
    if (gf_session_of(x)->conn->transaction)
        gf_reply_error(x->reply, GF_MSG_WATCH_IN_MULTI);
    else
        gf_watch_add(x);
}

static void unwatch(struct gf_exec *x)
{
    gf_watch_forget(gf_session_of(x)->conn);
    gf_reply_ok(x->reply);
}

/* clang-format off */
#define TRANSACTION_FLAGS \
    (GF_HOME | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK | GF_FAST | GF_ALLOW_BUSY)

static const struct gf_command commands[] = {
    {
        .name = "MULTI", .run = multi, .flags = TRANSACTION_FLAGS, .arity = 1,
        .since = "1.2.0", .group = "transactions", .complexity = "O(1)",
        .categories = "@transaction",
        .summary = "Begins a transaction: commands are kept until EXEC.",
    },
    {
        .name = "EXEC", .run = exec, .arity = 1,
        .flags = GF_HOME | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK | GF_NO_SLOWLOG,
        .since = "1.2.0", .group = "transactions", .complexity = "As its commands'",
        .categories = "@transaction",
        .summary = "Runs the commands since MULTI as one, if the watched keys are what they were.",
    },
    {
        .name = "DISCARD", .run = discard, .flags = TRANSACTION_FLAGS, .arity = 1,
        .since = "2.0.0", .group = "transactions", .complexity = "O(N), N = commands kept",
        .categories = "@transaction",
        .summary = "Ends a transaction without running it; watches nothing any more.",
    },
    {
        .name = "WATCH", .run = watch, .flags = TRANSACTION_FLAGS, .arity = -2,
        .key_first = 1, .key_last = -1, .key_step = 1, .key_flags = GF_KEY_RO,
        .since = "2.2.0", .group = "transactions", .complexity = "O(1) for every key",
        .categories = "@transaction",
        .summary = "The next transaction runs only if these keys stay as they are.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "UNWATCH", .run = unwatch, .flags = TRANSACTION_FLAGS, .arity = 1,
        .since = "2.2.0", .group = "transactions", .complexity = "O(1)",
        .categories = "@transaction",
        .summary = "The next transaction depends on no keys.",
    },
};
/* clang-format on */

const struct gf_module gf_transaction_module = {
    .abi = GF_MODULE_ABI,
    .name = "transaction",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
