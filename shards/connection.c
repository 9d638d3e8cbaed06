/* Connection commands: PING ECHO SELECT QUIT. */
#include "core/assert.h"
#include "shards/conn.h"
#include "shards/session.h"
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

static const struct gf_command commands[] = {
    {
        .name = "PING", .run = ping, .flags = GF_HOME | GF_FAST | GF_LOADING_OK | GF_STALE_OK,
        .arity = -1,
        .since = "1.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "Answers PONG, or the message it is given.",
    },
};

const struct gf_module gf_connection_module = {
    .abi = GF_MODULE_ABI,
    .name = "connection",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
