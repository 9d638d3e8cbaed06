/* CLIENT KILL: every core closes those of its connections that the filters let through. */
#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "shards/ask.h"
#include "shards/client.h"
#include "shards/conn.h"
#include "shards/session.h"
#include "shards/worker.h"

/* Whom. All filters must fit. */
struct kill_filter {
    uint64_t id; /* 0 = any */
    enum gf_client_type type;
    char *peer;      /* NULL = any; owned */
    char *local;     /* NULL = any; owned */
    uint64_t age_ms; /* at least so old; 0 = any */
    bool spare_self;
};

struct kill_ask {
    struct gf_ask ask; /* first */
    struct kill_filter filter;
    bool old_form; /* CLIENT KILL address: answers OK or an error, not a number */
};

struct kill_slot {
    uint64_t killed;
    bool self; /* the connection that asked is among them: it hears the answer first */
};

static bool kill_wants(const struct kill_ask *kill, struct gf_conn *conn)
{
    const struct kill_filter *filter = &kill->filter;

    if (conn->state != GF_CONN_OPEN && conn->state != GF_CONN_DRAINING)
        return false;
    if (conn == kill->ask.conn && filter->spare_self)
        return false;
    if (filter->id != 0 && filter->id != conn->session.id)
        return false;
    if (!gf_client_is(conn, filter->type) || gf_conn_age_ms(conn) < filter->age_ms)
        return false;
    if (filter->peer && strcmp(filter->peer, gf_conn_peer(conn)) != 0)
        return false;
    return !filter->local || strcmp(filter->local, gf_conn_local(conn)) == 0;
}

static void kill_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    struct kill_ask *kill = gf_container(ask, struct kill_ask, ask);
    struct kill_slot *slot = gf_ask_slot(ask, worker->core->id);
    struct gf_link *link = gf_list_peek_front(&worker->conns);

    while (link) {
        struct gf_conn *conn = gf_container(link, struct gf_conn, link);

        link = gf_list_next(&worker->conns, link);
        if (!kill_wants(kill, conn))
            continue;
        slot->killed++;
        if (conn == ask->conn)
            slot->self = true;
        else
            gf_conn_close(conn, false);
    }
}

static void kill_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    const struct kill_ask *kill = gf_container(ask, struct kill_ask, ask);
    uint64_t killed = 0;

    for (uint32_t core = 0; core < ask->cores_count; core++) {
        const struct kill_slot *slot = gf_ask_slot(ask, core);

        killed += slot->killed;
        ask->close |= slot->self;
    }
    if (!kill->old_form)
        gf_reply_int(reply, (int64_t)killed);
    else if (killed > 0)
        gf_reply_ok(reply);
    else
        gf_reply_error(reply, GF_MSG_CLIENT_NOT_FOUND);
}

static void filter_deinit(struct kill_filter *filter)
{
    gf_free(GF_MEMORY_OTHER, filter->peer);
    gf_free(GF_MEMORY_OTHER, filter->local);
}

static void kill_deinit(struct gf_ask *ask)
{
    filter_deinit(&gf_container(ask, struct kill_ask, ask)->filter);
}

static const struct gf_ask_kind kill_kind = {
    .size = sizeof(struct kill_ask),
    .slot_size = sizeof(struct kill_slot),
    .whole = true,
    .on_core = kill_on_core,
    .answer = kill_answer,
    .deinit = kill_deinit,
};

/* A copy, also of an empty one, which is nobody's. false: no memory. */
static bool address_set(char **address, struct gf_bytes value)
{
    char *copy = gf_alloc_try(GF_MEMORY_OTHER, value.size + 1);

    if (!copy)
        return false;
    if (value.size > 0)
        memcpy(copy, value.data, value.size);
    copy[value.size] = '\0';
    gf_free(GF_MEMORY_OTHER, *address);
    *address = copy;
    return true;
}

/* One option with its value. GF_MSG_NONE, or what is wrong with it. */
static enum gf_message_id filter_parse(struct kill_filter *filter, struct gf_bytes option,
                                       struct gf_bytes value)
{
    int64_t number;

    if (gf_bytes_is(option, "ID")) {
        if (!gf_bytes_parse_i64(value, &number) || number < 1)
            return GF_MSG_CLIENT_ID_POSITIVE;
        filter->id = (uint64_t)number;
    } else if (gf_bytes_is(option, "TYPE")) {
        if (!gf_client_type_parse(value, &filter->type))
            return GF_MSG_CLIENT_TYPE;
    } else if (gf_bytes_is(option, "USER")) {
        if (!gf_bytes_equal(value, GF_BYTES("default")))
            return GF_MSG_CLIENT_USER;
    } else if (gf_bytes_is(option, "ADDR") || gf_bytes_is(option, "LADDR")) {
        if (!address_set(gf_bytes_is(option, "ADDR") ? &filter->peer : &filter->local, value))
            return GF_MSG_OOM;
    } else if (gf_bytes_is(option, "MAXAGE")) {
        if (!gf_bytes_parse_i64(value, &number))
            return GF_MSG_CLIENT_MAXAGE;
        if (number < 1 || number > INT64_MAX / 1000)
            return GF_MSG_CLIENT_MAXAGE_POSITIVE;
        filter->age_ms = (uint64_t)number * 1000;
    } else if (gf_bytes_is(option, "SKIPME")) {
        if (!gf_bytes_is(value, "YES") && !gf_bytes_is(value, "NO"))
            return GF_MSG_SYNTAX;
        filter->spare_self = gf_bytes_is(value, "YES");
    } else {
        return GF_MSG_SYNTAX;
    }
    return GF_MSG_NONE;
}

static bool kill_parse(struct gf_exec *x, struct kill_filter *filter)
{
    const struct gf_bytes *words = x->args->words;
    enum gf_message_id error = GF_MSG_NONE;

    for (uint32_t i = 2; i < x->args->count && error == GF_MSG_NONE; i += 2) {
        bool last = i + 1 == x->args->count;

        error = last ? GF_MSG_SYNTAX : filter_parse(filter, words[i], words[i + 1]);
        if (error == GF_MSG_CLIENT_TYPE || error == GF_MSG_CLIENT_USER)
            gf_reply_error_format(x->reply, error, words[i + 1], GF_BYTES(""));
        else if (error != GF_MSG_NONE)
            gf_reply_error(x->reply, error);
    }
    return error == GF_MSG_NONE;
}

static void client_kill(struct gf_exec *x)
{
    bool old_form = x->args->count == 3;
    struct kill_filter filter = {.spare_self = !old_form};
    struct kill_ask *kill;

    if (old_form && !address_set(&filter.peer, x->args->words[2])) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    if (!old_form && !kill_parse(x, &filter)) {
        filter_deinit(&filter);
        return;
    }
    kill = gf_container(gf_ask_create(x, &kill_kind), struct kill_ask, ask);
    kill->filter = filter;
    kill->old_form = old_form;
    gf_ask_start(&kill->ask);
}

static const struct gf_history kill_history[] = {
    {.since = "2.8.12", .what = "Takes filters."},
    {.since = "2.8.12", .what = "Takes ID."},
    {.since = "3.2.0", .what = "Takes the type master."},
    {.since = "5.0.0", .what = "The type slave is called replica; both are understood."},
    {.since = "6.2.0", .what = "Takes LADDR."},
};

/* clang-format off */
static const struct gf_command client_kill_subcommands[] = {
    {
        .name = "KILL", .run = client_kill, .arity = -3,
        .flags = GF_HOME | GF_ADMIN | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK,
        .since = "2.4.0", .group = "connection", .complexity = "O(N) in the number of clients",
        .summary = "Closes connections: one, or all that fit the filters.",
        .history = kill_history, .history_count = GF_COUNT(kill_history),
        GF_ARGS({.name = "filter", .type = GF_ARG_ONEOF,
                 GF_ARGS({.name = "ip:port", .type = GF_ARG_STRING},
                         {.name = "new-format", .type = GF_ARG_ONEOF, .flags = GF_ARG_MULTIPLE,
                          GF_ARGS({.name = "client-id", .type = GF_ARG_INTEGER, .token = "ID",
                                   .flags = GF_ARG_OPTIONAL, .since = "2.8.12"},
                                  {.name = "normal_master_slave_pubsub", .type = GF_ARG_ONEOF,
                                   .token = "TYPE", .flags = GF_ARG_OPTIONAL, .since = "2.8.12",
                                   GF_ARGS({.name = "normal", .type = GF_ARG_TOKEN,
                                            .token = "NORMAL"},
                                           {.name = "master", .type = GF_ARG_TOKEN,
                                            .token = "MASTER", .since = "3.2.0"},
                                           {.name = "slave", .type = GF_ARG_TOKEN,
                                            .token = "SLAVE"},
                                           {.name = "replica", .type = GF_ARG_TOKEN,
                                            .token = "REPLICA", .since = "5.0.0"},
                                           {.name = "pubsub", .type = GF_ARG_TOKEN,
                                            .token = "PUBSUB"})},
                                  {.name = "username", .type = GF_ARG_STRING, .token = "USER",
                                   .flags = GF_ARG_OPTIONAL},
                                  {.name = "ip:port", .type = GF_ARG_STRING, .token = "ADDR",
                                   .flags = GF_ARG_OPTIONAL},
                                  {.name = "ip:port", .type = GF_ARG_STRING, .token = "LADDR",
                                   .flags = GF_ARG_OPTIONAL, .since = "6.2.0"},
                                  {.name = "yes/no", .type = GF_ARG_STRING, .token = "SKIPME",
                                   .flags = GF_ARG_OPTIONAL},
                                  {.name = "maxage", .type = GF_ARG_INTEGER, .token = "MAXAGE",
                                   .flags = GF_ARG_OPTIONAL, .since = "7.4.0"})})}),
    },
};

static const struct gf_command commands[] = {
    GF_CLIENT_ROW(client_kill_subcommands),
};
/* clang-format on */

const struct gf_module gf_client_kill_module = {
    .abi = GF_MODULE_ABI,
    .name = "client_kill",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
