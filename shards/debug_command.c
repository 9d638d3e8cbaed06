/* DEBUG, as far as it is about the server: SLEEP, SET-ACTIVE-EXPIRE, LOG, RELOAD. What looks at
 * keys is in modules/debug_keys.c.
 */
#include "shards/debug.h"

#include <stdio.h>

#include "core/assert.h"
#include "core/core.h"
#include "core/log.h"
#include "modules/command.h"
#include "shards/ask.h"
#include "shards/background.h"
#include "shards/conn.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/worker.h"

#define NS_PER_S 1e9
#define SLEEP_MAX_S 1e9 /* more is as good as for ever */

static bool is_local(const struct gf_conn *conn)
{
    struct gf_driver *driver = conn->worker->core->driver;
    struct gf_address local;
    struct gf_address peer;

    driver->ops->addresses(driver, conn->handle, &local, &peer);
    return strncmp(peer.text, "127.", 4) == 0 || strncmp(peer.text, "[::1]", 5) == 0;
}

bool gf_debug_is_allowed(const struct gf_conn *conn)
{
    return gf_access_is_allowed(conn, conn->worker->settings.enable_debug_command);
}

bool gf_access_is_allowed(const struct gf_conn *conn, uint64_t access)
{
    switch ((enum gf_debug_access)access) {
    case GF_DEBUG_NO:
        return false;
    case GF_DEBUG_YES:
        return true;
    case GF_DEBUG_LOCAL:
        return is_local(conn);
    }
    return false;
}

/* The core really stops, as Redis does: tests count on it. The other cores go on. */
static void debug_sleep(struct gf_exec *x)
{
    struct gf_driver *driver = gf_session_of(x)->worker->core->driver;
    double seconds;

    x->args->index = 2;
    seconds = gf_args_next_double(x->args);
    if (!gf_args_finish(x->args, x->reply))
        return;
    if (seconds > SLEEP_MAX_S)
        seconds = SLEEP_MAX_S;
    if (seconds > 0 && driver->ops->sleep)
        driver->ops->sleep(driver, (uint64_t)(seconds * NS_PER_S));
    gf_reply_ok(x->reply);
}

struct expire_ask {
    struct gf_ask ask; /* first */
    bool paused;
};

static void expire_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    worker->background->expire_paused = gf_container(ask, struct expire_ask, ask)->paused;
}

static const struct gf_ask_kind expire_kind = {
    .size = sizeof(struct expire_ask),
    .on_core = expire_on_core,
};

static void debug_set_active_expire(struct gf_exec *x)
{
    int64_t active;
    struct gf_ask *ask;

    x->args->index = 2;
    active = gf_args_next_i64(x->args);
    if (!gf_args_finish(x->args, x->reply))
        return;
    ask = gf_ask_create(x, &expire_kind);
    gf_container(ask, struct expire_ask, ask)->paused = active == 0;
    gf_ask_start(ask);
}

static void debug_log(struct gf_exec *x)
{
    struct gf_bytes message = x->args->words[2];

    gf_log_line(GF_LOG_WARNING, "DEBUG LOG: %.*s", (int)(message.size < 256 ? message.size : 256),
                message.data);
    gf_reply_ok(x->reply);
}

static void debug_reload(struct gf_exec *x)
{
    gf_reply_error(x->reply, GF_MSG_DEBUG_NOTHING_TO_RELOAD);
}

#define DEBUG_FLAGS (GF_HOME | GF_ADMIN | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK)

/* clang-format off */
static const struct gf_command subcommands[] = {
    {
        .name = "SLEEP", .run = debug_sleep, .flags = DEBUG_FLAGS, .arity = 3,
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .summary = "Stops the connection's core for some seconds; 0.1 is allowed.",
        GF_ARGS({.name = "seconds", .type = GF_ARG_DOUBLE}),
    },
    {
        .name = "SET-ACTIVE-EXPIRE", .run = debug_set_active_expire, .flags = DEBUG_FLAGS,
        .arity = 3,
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .summary = "0: keys that have expired are no longer removed in the background. 1: they are.",
        GF_ARGS({.name = "active", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "LOG", .run = debug_log, .flags = DEBUG_FLAGS, .arity = 3,
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .summary = "Writes a line to the server's log.",
        GF_ARGS({.name = "message", .type = GF_ARG_STRING}),
    },
    {
        .name = "RELOAD", .run = debug_reload, .flags = DEBUG_FLAGS, .arity = -2,
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .summary = "An error: this build keeps nothing on disk.",
    },
    {
        .name = "HELP", .run = gf_command_help_run, .flags = DEBUG_FLAGS & ~(uint32_t)GF_HOME,
        .arity = 2,
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .summary = "Prints what DEBUG can do.",
    },
};

static const struct gf_command commands[] = {
    {
        .name = "DEBUG", .arity = -2,
        .since = "1.0.0", .group = "server", .complexity = "As the subcommand's.",
        .summary = "For tests: off unless enable-debug-command says so.",
        .subcommands = subcommands, .subcommands_count = GF_COUNT(subcommands),
    },
};
/* clang-format on */

const struct gf_module gf_debug_module = {
    .abi = GF_MODULE_ABI,
    .name = "debug",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
