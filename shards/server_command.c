/* Commands to the server as a whole: TIME, LOLWUT, SHUTDOWN, ROLE, and what is honest to say about
 * disks, replicas and loadable modules while there are none.
 */
#include <stdio.h>

#include "core/assert.h"
#include "core/core.h"
#include "core/log.h"
#include "modules/command.h"
#include "shards/conn.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/shutdown.h"
#include "shards/worker.h"

#define US_PER_S 1000000u

static void time_of_day(struct gf_exec *x)
{
    uint64_t wall_us = gf_session_of(x)->worker->core->wall_us;

    gf_reply_array(x->reply, 2);
    gf_reply_bulk_int(x->reply, (int64_t)(wall_us / US_PER_S));
    gf_reply_bulk_int(x->reply, (int64_t)(wall_us % US_PER_S));
}

/* VERSION number [size...]: the sizes of Redis's pictures 5 and 6 must be numbers; the fish has one
 * size. What is behind them is not looked at. */
static void lolwut_words(struct gf_args *args)
{
    int64_t version;
    uint32_t sizes;

    if (gf_args_left(args) < 2 || !gf_args_skip_if(args, "VERSION"))
        return;
    version = gf_args_next_i64(args);
    sizes = version == 5 ? 3 : version == 6 ? 2 : 0;
    for (uint32_t i = 0; i < sizes && gf_args_left(args) > 0; i++)
        (void)gf_args_next_i64(args);
}

static void lolwut(struct gf_exec *x)
{
    static const char fish[] = "            o   o\n"
                               "    |\\      o\n"
                               "    | \\  ,-'''''-.   o\n"
                               "    |  >(      (o )\n"
                               "    | /  `-.___.-' >\n"
                               "    |/\n"
                               "\n"
                               "go-fish " GOFISH_VERSION "\n";

    lolwut_words(x->args);
    if (gf_args_ok(x->args, x->reply))
        gf_reply_verbatim(x->reply, "txt", gf_bytes_of(fish));
}

/* ---- SHUTDOWN ------------------------------------------------------------------------------ */

enum shutdown_word {
    SHUTDOWN_NOSAVE = 1u << 0,
    SHUTDOWN_SAVE = 1u << 1,
    SHUTDOWN_NOW = 1u << 2,
    SHUTDOWN_FORCE = 1u << 3,
    SHUTDOWN_ABORT = 1u << 4,
};

static uint32_t shutdown_words(struct gf_args *args)
{
    uint32_t words = 0;

    while (gf_args_left(args) > 0) {
        if (gf_args_skip_if(args, "NOSAVE"))
            words |= SHUTDOWN_NOSAVE;
        else if (gf_args_skip_if(args, "SAVE"))
            words |= SHUTDOWN_SAVE;
        else if (gf_args_skip_if(args, "NOW"))
            words |= SHUTDOWN_NOW;
        else if (gf_args_skip_if(args, "FORCE"))
            words |= SHUTDOWN_FORCE;
        else if (gf_args_skip_if(args, "ABORT"))
            words |= SHUTDOWN_ABORT;
        else
            break;
    }
    if ((words & SHUTDOWN_ABORT) != 0 && words != SHUTDOWN_ABORT)
        gf_args_fail(args, GF_MSG_SYNTAX);
    if ((words & SHUTDOWN_SAVE) != 0 && (words & SHUTDOWN_NOSAVE) != 0)
        gf_args_fail(args, GF_MSG_SYNTAX);
    return words;
}

static void shutdown_server(struct gf_exec *x)
{
    struct gf_session_exec *session = gf_session_of(x);
    struct gf_server *server = session->worker->server;
    uint32_t words = shutdown_words(x->args);

    if (!gf_args_finish(x->args, x->reply))
        return;
    if ((words & SHUTDOWN_ABORT) != 0) {
        gf_reply_error(x->reply, atomic_load(&server->stopping) ? GF_MSG_SHUTDOWN_GOES_ON
                                                                : GF_MSG_NO_SHUTDOWN);
        return;
    }
    if ((words & (SHUTDOWN_SAVE | SHUTDOWN_FORCE)) == SHUTDOWN_SAVE) {
        gf_reply_error(x->reply, GF_MSG_NOTHING_ON_DISK);
        return;
    }
    gf_log_line(GF_LOG_NOTICE, "a client asked for SHUTDOWN");
    gf_shutdown_begin(server);
    /* Its answer is that the connection is closed. */
    gf_conn_hold(session->conn);
}

/* ---- replicas and disks -------------------------------------------------------------------- */

static void role(struct gf_exec *x)
{
    gf_reply_array(x->reply, 3);
    gf_reply_bulk_text(x->reply, "master");
    gf_reply_int(x->reply, 0);
    gf_reply_array(x->reply, 0);
}

/* As in Redis before its first save: when the server came up. */
static void last_save(struct gf_exec *x)
{
    gf_reply_int(x->reply, (int64_t)(gf_session_of(x)->worker->server->started_ms / 1000));
}

static void nothing_on_disk(struct gf_exec *x)
{
    gf_reply_error(x->reply, GF_MSG_NOTHING_ON_DISK);
}

/* The next word as milliseconds, which are not waited for. */
static void skip_timeout(struct gf_args *args)
{
    int64_t timeout_ms = 0;

    if (!gf_bytes_parse_i64(gf_args_next(args), &timeout_ms))
        gf_args_fail(args, GF_MSG_TIMEOUT_INTEGER);
    else if (timeout_ms < 0)
        gf_args_fail(args, GF_MSG_TIMEOUT_NEGATIVE);
}

/* Without replicas there is nothing to wait for. */
static void wait_replicas(struct gf_exec *x)
{
    (void)gf_args_next_i64(x->args);
    skip_timeout(x->args);
    if (gf_args_finish(x->args, x->reply))
        gf_reply_int(x->reply, 0);
}

static void wait_disks(struct gf_exec *x)
{
    int64_t local = gf_args_next_range(x->args, 0, 1, GF_MSG_OUT_OF_RANGE);

    (void)gf_args_next_range(x->args, 0, INT64_MAX, GF_MSG_MUST_BE_POSITIVE);
    skip_timeout(x->args);
    if (!gf_args_finish(x->args, x->reply))
        return;
    if (local > 0) {
        gf_reply_error(x->reply, GF_MSG_NO_APPEND_ONLY_FILE);
        return;
    }
    gf_reply_array(x->reply, 2);
    gf_reply_int(x->reply, 0);
    gf_reply_int(x->reply, 0);
}

static void replicaof(struct gf_exec *x)
{
    const struct gf_bytes *words = x->args->words;
    int64_t port;

    if (gf_bytes_is(words[1], "NO") && gf_bytes_is(words[2], "ONE"))
        gf_reply_ok(x->reply);
    else if (!gf_bytes_parse_i64(words[2], &port) || port < 0 || port > UINT16_MAX)
        gf_reply_error(x->reply, GF_MSG_INVALID_MASTER_PORT);
    else
        gf_reply_error(x->reply, GF_MSG_NO_REPLICATION);
}

/* ---- rows ---------------------------------------------------------------------------------- */

#define SAVE_FLAGS (GF_ADMIN | GF_NOSCRIPT | GF_NO_ASYNC_LOADING)
static const struct gf_history shutdown_history[] = {
    {.since = "7.0.0", .what = "NOW, FORCE and ABORT."},
};

static const struct gf_history bgsave_history[] = {
    {.since = "3.2.2", .what = "SCHEDULE."},
};

/* clang-format off */
#define REPLICAOF_ARGS \
    GF_ARGS({.name = "args", .type = GF_ARG_ONEOF, \
             GF_ARGS({.name = "host-port", .type = GF_ARG_BLOCK, \
                      GF_ARGS({.name = "host", .type = GF_ARG_STRING}, \
                              {.name = "port", .type = GF_ARG_INTEGER})}, \
                     {.name = "no-one", .type = GF_ARG_BLOCK, \
                      GF_ARGS({.name = "no", .type = GF_ARG_TOKEN, .token = "NO"}, \
                              {.name = "one", .type = GF_ARG_TOKEN, .token = "ONE"})})})

static const struct gf_command commands[] = {
    {
        .name = "TIME", .run = time_of_day, .arity = 1,
        .flags = GF_HOME | GF_LOADING_OK | GF_STALE_OK | GF_FAST,
        .since = "2.6.0", .group = "server", .complexity = "O(1)",
        .summary = "The server's clock: Unix time in seconds, and microseconds.",
        .tips = "nondeterministic_output",
    },
    {
        .name = "LOLWUT", .run = lolwut, .arity = -1, .flags = GF_READ | GF_FAST,
        .since = "5.0.0", .group = "server", .complexity = "O(1)",
        .summary = "A fish, and the version.",
        GF_ARGS({.name = "version", .type = GF_ARG_INTEGER, .token = "VERSION",
                 .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "SHUTDOWN", .run = shutdown_server, .arity = -1,
        .flags = GF_HOME | GF_ADMIN | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK | GF_NO_MULTI |
                 GF_ALLOW_BUSY,
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .summary = "Finishes what clients asked, closes their connections, and ends the server.",
        .history = shutdown_history, .history_count = GF_COUNT(shutdown_history),
        GF_ARGS({.name = "nosave_save", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "nosave", .type = GF_ARG_TOKEN, .token = "NOSAVE"},
                         {.name = "save", .type = GF_ARG_TOKEN, .token = "SAVE"})},
                {.name = "now", .type = GF_ARG_TOKEN, .token = "NOW", .since = "7.0.0",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "force", .type = GF_ARG_TOKEN, .token = "FORCE", .since = "7.0.0",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "abort", .type = GF_ARG_TOKEN, .token = "ABORT", .since = "7.0.0",
                 .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "ROLE", .run = role, .arity = 1,
        .flags = GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK | GF_FAST | GF_DANGEROUS,
        .since = "2.8.12", .group = "server", .complexity = "O(1)", .categories = "@admin",
        .summary = "Whether this is a master or a replica.",
    },
    {
        .name = "LASTSAVE", .run = last_save, .arity = 1,
        .flags = GF_HOME | GF_LOADING_OK | GF_STALE_OK | GF_FAST | GF_DANGEROUS,
        .since = "1.0.0", .group = "server", .complexity = "O(1)", .categories = "@admin",
        .summary = "When the server started, in Unix time: nothing was saved since.",
        .tips = "nondeterministic_output",
    },
    {
        .name = "SAVE", .run = nothing_on_disk, .arity = 1, .flags = SAVE_FLAGS | GF_NO_MULTI,
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .summary = "An error: this build keeps nothing on disk.",
    },
    {
        .name = "BGSAVE", .run = nothing_on_disk, .arity = -1, .flags = SAVE_FLAGS,
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .summary = "An error: this build keeps nothing on disk.",
        .history = bgsave_history, .history_count = GF_COUNT(bgsave_history),
        GF_ARGS({.name = "schedule", .type = GF_ARG_TOKEN, .token = "SCHEDULE",
                 .flags = GF_ARG_OPTIONAL, .since = "3.2.2"}),
    },
    {
        .name = "BGREWRITEAOF", .run = nothing_on_disk, .arity = 1, .flags = SAVE_FLAGS,
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .summary = "An error: this build keeps nothing on disk.",
    },
    {
        .name = "WAIT", .run = wait_replicas, .arity = 3, .flags = GF_NOSCRIPT,
        .since = "3.0.0", .group = "generic", .complexity = "O(1)",
        .categories = "@connection|-@keyspace",
        .summary = "How many replicas have the connection's writes: none, at once.",
        .tips = "request_policy:all_shards|response_policy:agg_min",
        GF_ARGS({.name = "numreplicas", .type = GF_ARG_INTEGER},
                {.name = "timeout", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "WAITAOF", .run = wait_disks, .arity = 4, .flags = GF_NOSCRIPT,
        .since = "7.2.0", .group = "generic", .complexity = "O(1)",
        .categories = "@connection|-@keyspace",
        .summary = "How many disks have the connection's writes: none, at once.",
        .tips = "request_policy:all_shards|response_policy:agg_min",
        GF_ARGS({.name = "numlocal", .type = GF_ARG_INTEGER},
                {.name = "numreplicas", .type = GF_ARG_INTEGER},
                {.name = "timeout", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "REPLICAOF", .run = replicaof, .arity = 3,
        .flags = GF_ADMIN | GF_NOSCRIPT | GF_STALE_OK | GF_NO_ASYNC_LOADING,
        .since = "5.0.0", .group = "server", .complexity = "O(1)",
        .summary = "NO ONE: stays the master it is. This build does not replicate.",
        REPLICAOF_ARGS,
    },
    {
        .name = "SLAVEOF", .run = replicaof, .arity = 3,
        .flags = GF_ADMIN | GF_NOSCRIPT | GF_STALE_OK | GF_NO_ASYNC_LOADING,
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .summary = "The old name of REPLICAOF.",
        .deprecated_since = "5.0.0", .replaced_by = "`REPLICAOF`",
        REPLICAOF_ARGS,
    },
};
/* clang-format on */

const struct gf_module gf_server_module = {
    .abi = GF_MODULE_ABI,
    .name = "server",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
