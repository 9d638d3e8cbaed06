/* CLIENT PAUSE, UNPAUSE and UNBLOCK: who may go on, on every core. */
#include "core/assert.h"
#include "core/core.h"
#include "shards/ask.h"
#include "shards/client.h"
#include "shards/conn.h"
#include "shards/session.h"
#include "shards/worker.h"

#define PAUSE_MAX_MS UINT64_C(3153600000000) /* a hundred years: as good as for ever */

struct pause_ask {
    struct gf_ask ask; /* first */
    bool ends;
    bool writes_only;
    uint64_t timeout_ms; /* from when a core hears of it: its clock may differ from this one's */
};

static void pause_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    const struct pause_ask *pause = gf_container(ask, struct pause_ask, ask);

    if (pause->ends)
        gf_pause_end(worker);
    else
        gf_pause_start(worker, gf_core_now_ms(worker->core) + pause->timeout_ms,
                       pause->writes_only);
}

static const struct gf_ask_kind pause_kind = {
    .size = sizeof(struct pause_ask),
    .on_core = pause_on_core,
};

static void client_pause(struct gf_exec *x)
{
    const struct gf_bytes *words = x->args->words;
    bool writes_only = false;
    struct pause_ask *pause;
    int64_t timeout_ms;

    if (x->args->count > 4) {
        gf_reply_error_format(x->reply, GF_MSG_SUBCOMMAND_WORDS, words[1], GF_BYTES("CLIENT"));
        return;
    }
    if (x->args->count == 4) {
        writes_only = gf_bytes_is(words[3], "WRITE");
        if (!writes_only && !gf_bytes_is(words[3], "ALL")) {
            gf_reply_error(x->reply, GF_MSG_CLIENT_PAUSE_MODE);
            return;
        }
    }
    if (!gf_bytes_parse_i64(words[2], &timeout_ms)) {
        gf_reply_error(x->reply, GF_MSG_TIMEOUT_INTEGER);
        return;
    }
    if (timeout_ms < 0) {
        gf_reply_error(x->reply, GF_MSG_TIMEOUT_NEGATIVE);
        return;
    }
    if ((uint64_t)timeout_ms > PAUSE_MAX_MS)
        timeout_ms = (int64_t)PAUSE_MAX_MS;
    pause = gf_container(gf_ask_create(x, &pause_kind), struct pause_ask, ask);
    pause->timeout_ms = (uint64_t)timeout_ms;
    pause->writes_only = writes_only;
    gf_ask_start(&pause->ask);
}

static void client_unpause(struct gf_exec *x)
{
    struct pause_ask *pause = gf_container(gf_ask_create(x, &pause_kind), struct pause_ask, ask);

    pause->ends = true;
    gf_ask_start(&pause->ask);
}

struct unblock_ask {
    struct gf_ask ask; /* first */
    uint64_t id;
    enum gf_wait_end end;
};

static void unblock_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    const struct unblock_ask *unblock = gf_container(ask, struct unblock_ask, ask);
    uint64_t *unblocked = gf_ask_slot(ask, worker->core->id);
    struct gf_link *link = gf_list_peek_front(&worker->conns);

    for (; link; link = gf_list_next(&worker->conns, link)) {
        struct gf_conn *conn = gf_container(link, struct gf_conn, link);

        if (conn->session.id != unblock->id || !conn->blocked)
            continue;
        *unblocked = gf_waiters_cancel(worker, conn->blocking, unblock->end);
        return;
    }
}

static void unblock_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    uint64_t unblocked = 0;

    for (uint32_t core = 0; core < ask->cores_count; core++)
        unblocked += *(const uint64_t *)gf_ask_slot(ask, core);
    gf_reply_int(reply, (int64_t)unblocked);
}

static const struct gf_ask_kind unblock_kind = {
    .size = sizeof(struct unblock_ask),
    .slot_size = sizeof(uint64_t),
    .on_core = unblock_on_core,
    .answer = unblock_answer,
};

static void unblock_start(struct gf_exec *x, uint64_t id, enum gf_wait_end end)
{
    struct unblock_ask *unblock =
        gf_container(gf_ask_create(x, &unblock_kind), struct unblock_ask, ask);

    unblock->id = id;
    unblock->end = end;
    gf_ask_start(&unblock->ask);
}

/* A client that waits is on one core and stays there: no hand-over can hide it. */
static void client_unblock(struct gf_exec *x)
{
    const struct gf_bytes *words = x->args->words;
    bool error = x->args->count == 4 && gf_bytes_is(words[3], "ERROR");
    int64_t id;

    if (x->args->count > 4)
        gf_reply_error_format(x->reply, GF_MSG_SUBCOMMAND_WORDS, words[1], GF_BYTES("CLIENT"));
    else if (x->args->count == 4 && !gf_bytes_is(words[3], "TIMEOUT") &&
             !gf_bytes_is(words[3], "ERROR"))
        gf_reply_error(x->reply, GF_MSG_CLIENT_UNBLOCK_REASON);
    else if (!gf_bytes_parse_i64(words[2], &id))
        gf_reply_error(x->reply, GF_MSG_NOT_INTEGER);
    else
        unblock_start(x, (uint64_t)id, error ? GF_WAIT_UNBLOCKED : GF_WAIT_OVER);
}

static const struct gf_history pause_history[] = {
    {.since = "6.2.0", .what = "Takes a mode: WRITE stops writes only."},
};

/* clang-format off */
#define PAUSE_FLAGS (GF_HOME | GF_ADMIN | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK)

static const struct gf_command client_pause_subcommands[] = {
    {
        .name = "PAUSE", .run = client_pause, .flags = PAUSE_FLAGS, .arity = -3,
        .since = "2.9.50", .group = "connection", .complexity = "O(1)",
        .summary = "Lets all commands of all clients, or their writes, wait for a while.",
        .history = pause_history, .history_count = GF_COUNT(pause_history),
        GF_ARGS({.name = "timeout", .type = GF_ARG_INTEGER},
                {.name = "mode", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL, .since = "6.2.0",
                 GF_ARGS({.name = "write", .type = GF_ARG_TOKEN, .token = "WRITE"},
                         {.name = "all", .type = GF_ARG_TOKEN, .token = "ALL"})}),
    },
    {
        .name = "UNPAUSE", .run = client_unpause, .flags = PAUSE_FLAGS, .arity = 2,
        .since = "6.2.0", .group = "connection", .complexity = "O(N) in the number of clients",
        .summary = "Lets everybody who waits for the end of a pause go on.",
    },
    {
        .name = "UNBLOCK", .run = client_unblock, .flags = PAUSE_FLAGS, .arity = -3,
        .since = "5.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "Ends the wait of a client in a blocking command.",
        GF_ARGS({.name = "client-id", .type = GF_ARG_INTEGER},
                {.name = "timeout_error", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "timeout", .type = GF_ARG_TOKEN, .token = "TIMEOUT"},
                         {.name = "error", .type = GF_ARG_TOKEN, .token = "ERROR"})}),
    },
};

static const struct gf_command commands[] = {
    GF_CLIENT_ROW(client_pause_subcommands),
};
/* clang-format on */

const struct gf_module gf_client_pause_module = {
    .abi = GF_MODULE_ABI,
    .name = "client_pause",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
