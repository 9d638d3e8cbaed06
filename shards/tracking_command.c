/* CLIENT TRACKING, CACHING, TRACKINGINFO, GETREDIR. */
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "shards/ask.h"
#include "shards/client.h"
#include "shards/conn.h"
#include "shards/session.h"
#include "shards/tracking.h"
#include "shards/worker.h"

/* What CLIENT TRACKING ON asks for. The prefixes are views of the words until they are copied. */
struct tracking_ask {
    struct gf_ask ask;          /* first */
    struct gf_tracking options; /* its prefixes: owned */
};

struct tracking_slot {
    bool found; /* the connection to redirect to is here */
};

static void prefixes_deinit(struct gf_tracking *options)
{
    for (uint32_t i = 0; i < options->prefixes_count; i++)
        gf_free(GF_MEMORY_OTHER, (void *)(uintptr_t)options->prefixes[i].data);
    gf_free(GF_MEMORY_OTHER, options->prefixes);
}

/* ---- the words ----------------------------------------------------------------------------- */

/* A number that may be negative or 0, as Redis reads it. false: the error is answered. */
static bool redirect_read(struct gf_exec *x, struct gf_tracking *options)
{
    int64_t id;

    if (options->redirect != 0) {
        gf_reply_error(x->reply, GF_MSG_TRACKING_ONE_REDIRECT);
        return false;
    }
    if (!gf_bytes_parse_i64(gf_args_next(x->args), &id)) {
        gf_reply_error(x->reply, GF_MSG_NOT_INTEGER);
        return false;
    }
    if (id <= 0) {
        gf_reply_error(x->reply, GF_MSG_TRACKING_NO_CLIENT);
        return false;
    }
    options->redirect = (uint64_t)id;
    return true;
}

/* The options from word 3 on; false: the error is answered. options->prefixes has room for all. */
static bool options_read(struct gf_exec *x, struct gf_tracking *options)
{
    struct gf_args *args = x->args;

    args->index = 3;
    while (gf_args_left(args) > 0) {
        bool more = gf_args_left(args) >= 2;

        if (more && gf_args_skip_if(args, "REDIRECT")) {
            if (!redirect_read(x, options))
                return false;
        } else if (more && gf_args_skip_if(args, "PREFIX")) {
            options->prefixes[options->prefixes_count++] = gf_args_next(args);
        } else if (gf_args_skip_if(args, "BCAST")) {
            options->bcast = true;
        } else if (gf_args_skip_if(args, "OPTIN")) {
            options->optin = true;
        } else if (gf_args_skip_if(args, "OPTOUT")) {
            options->optout = true;
        } else if (gf_args_skip_if(args, "NOLOOP")) {
            options->noloop = true;
        } else {
            gf_reply_error(x->reply, GF_MSG_SYNTAX);
            return false;
        }
    }
    return true;
}

/* What is wrong with the options, by themselves or after what the connection has; or NONE. */
static enum gf_message_id options_complaint(const struct gf_tracking *options,
                                            const struct gf_tracking *now)
{
    if (!options->bcast && options->prefixes_count > 0)
        return GF_MSG_TRACKING_PREFIX;
    if (now && now->bcast != options->bcast)
        return GF_MSG_TRACKING_SWITCH_BCAST;
    if (options->bcast && (options->optin || options->optout))
        return GF_MSG_TRACKING_OPT_BCAST;
    if (options->optin && options->optout)
        return GF_MSG_TRACKING_OPT_BOTH;
    if (now && ((options->optin && now->optout) || (options->optout && now->optin)))
        return GF_MSG_TRACKING_SWITCH_OPT;
    return GF_MSG_NONE;
}

static bool prefixes_overlap(struct gf_bytes a, struct gf_bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;

    return size == 0 || memcmp(a.data, b.data, size) == 0;
}

/* No key may match two prefixes of one connection. Answers the error. */
static bool prefixes_are_good(struct gf_exec *x, const struct gf_tracking *options,
                              const struct gf_tracking *now)
{
    for (uint32_t i = 0; i < options->prefixes_count; i++) {
        struct gf_bytes prefix = options->prefixes[i];

        for (uint32_t j = 0; now && j < now->prefixes_count; j++) {
            if (prefixes_overlap(prefix, now->prefixes[j])) {
                gf_reply_error_format(x->reply, GF_MSG_TRACKING_OVERLAP_OLD, prefix,
                                      now->prefixes[j]);
                return false;
            }
        }
        for (uint32_t j = i + 1; j < options->prefixes_count; j++) {
            if (prefixes_overlap(prefix, options->prefixes[j])) {
                gf_reply_error_format(x->reply, GF_MSG_TRACKING_OVERLAP, prefix,
                                      options->prefixes[j]);
                return false;
            }
        }
    }
    return true;
}

/* ---- CLIENT TRACKING ----------------------------------------------------------------------- */

static void tracking_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    const struct gf_tracking *options = &gf_container(ask, struct tracking_ask, ask)->options;
    struct tracking_slot *slot = gf_ask_slot(ask, worker->core->id);
    struct gf_link *link = gf_list_peek_front(&worker->conns);

    if (options->bcast)
        gf_events_want(&worker->events, &worker->tracking.sink, GF_EVENT_CHANGED);
    for (; options->redirect != 0 && link; link = gf_list_next(&worker->conns, link)) {
        struct gf_conn *conn = gf_container(link, struct gf_conn, link);

        if (conn->session.id != options->redirect || !gf_conn_is_open(conn))
            continue;
        gf_tracking_target(conn);
        slot->found = true;
    }
}

/* The other cores tell of every change from now on, so that nothing is missed behind the OK. */
static void tracking_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    struct gf_tracking *options = &gf_container(ask, struct tracking_ask, ask)->options;
    bool found = options->redirect == 0;

    for (uint32_t core = 0; core < ask->cores_count; core++) {
        if (((const struct tracking_slot *)gf_ask_slot(ask, core))->found) {
            options->redirect_core = (uint16_t)core;
            found = true;
        }
    }
    if (!found) {
        gf_reply_error(reply, GF_MSG_TRACKING_NO_CLIENT);
        return;
    }
    if (gf_conn_is_open(ask->conn))
        gf_tracking_on(ask->conn, options);
    gf_reply_ok(reply);
}

static void tracking_deinit(struct gf_ask *ask)
{
    struct tracking_ask *tracking = gf_container(ask, struct tracking_ask, ask);

    gf_tracking_expect(ask->worker, -(int)tracking->options.bcast);
    prefixes_deinit(&tracking->options);
}

static const struct gf_ask_kind tracking_kind = {
    .size = sizeof(struct tracking_ask),
    .slot_size = sizeof(struct tracking_slot),
    .whole = true,
    .on_core = tracking_on_core,
    .answer = tracking_answer,
    .deinit = tracking_deinit,
};

static void tracking_ask_start(struct gf_exec *x, const struct gf_tracking *options)
{
    struct tracking_ask *ask =
        gf_container(gf_ask_create(x, &tracking_kind), struct tracking_ask, ask);

    ask->options = *options;
    ask->options.prefixes =
        gf_alloc(GF_MEMORY_OTHER, (options->prefixes_count + 1) * sizeof(*options->prefixes));
    for (uint32_t i = 0; i < options->prefixes_count; i++) {
        struct gf_bytes from = options->prefixes[i];
        char *copy = gf_alloc(GF_MEMORY_OTHER, from.size + 1);

        if (from.size > 0)
            memcpy(copy, from.data, from.size);
        ask->options.prefixes[i] = (struct gf_bytes){.data = copy, .size = from.size};
    }
    gf_tracking_expect(gf_session_of(x)->worker, options->bcast);
    gf_ask_start(&ask->ask);
}

static void turn_on(struct gf_exec *x, const struct gf_tracking *options)
{
    struct gf_conn *conn = gf_session_of(x)->conn;
    enum gf_message_id complaint = options_complaint(options, conn->tracking);

    if (complaint != GF_MSG_NONE) {
        gf_reply_error(x->reply, complaint);
        return;
    }
    if (!prefixes_are_good(x, options, conn->tracking))
        return;
    if (options->bcast || options->redirect != 0) {
        tracking_ask_start(x, options);
        return;
    }
    gf_tracking_on(conn, options);
    gf_reply_ok(x->reply);
}

static void client_tracking(struct gf_exec *x)
{
    struct gf_bytes word = x->args->words[2];
    struct gf_tracking options = {0};

    options.prefixes = gf_alloc(GF_MEMORY_OTHER, x->args->count * sizeof(*options.prefixes));
    if (!options_read(x, &options)) {
        /* answered */
    } else if (gf_bytes_is(word, "ON")) {
        turn_on(x, &options);
    } else if (gf_bytes_is(word, "OFF")) {
        gf_tracking_off(gf_session_of(x)->conn);
        gf_reply_ok(x->reply);
    } else {
        gf_reply_error(x->reply, GF_MSG_SYNTAX);
    }
    gf_free(GF_MEMORY_OTHER, options.prefixes);
}

/* ---- the others ---------------------------------------------------------------------------- */

static void client_caching(struct gf_exec *x)
{
    struct gf_tracking *tracking = gf_session_of(x)->conn->tracking;
    struct gf_bytes word = x->args->words[2];
    bool yes = gf_bytes_is(word, "YES");

    if (!tracking) {
        gf_reply_error(x->reply, GF_MSG_CLIENT_CACHING);
    } else if (!yes && !gf_bytes_is(word, "NO")) {
        gf_reply_error(x->reply, GF_MSG_SYNTAX);
    } else if (yes && !tracking->optin) {
        gf_reply_error(x->reply, GF_MSG_CACHING_YES);
    } else if (!yes && !tracking->optout) {
        gf_reply_error(x->reply, GF_MSG_CACHING_NO);
    } else {
        tracking->caching = true;
        gf_reply_ok(x->reply);
    }
}

static void reply_flags(struct gf_reply *reply, const struct gf_tracking *tracking)
{
    struct gf_reply_open open = gf_reply_set_open(reply);
    const struct {
        const char *name;
        bool shown;
    } flags[] = {
        {"off", !tracking},
        {"on", tracking != NULL},
        {"bcast", tracking && tracking->bcast},
        {"optin", tracking && tracking->optin},
        {"caching-yes", tracking && tracking->optin && tracking->caching},
        {"optout", tracking && tracking->optout},
        {"caching-no", tracking && tracking->optout && tracking->caching},
        {"noloop", tracking && tracking->noloop},
        {"broken_redirect", tracking && tracking->broken},
    };
    uint64_t count = 0;

    for (size_t i = 0; i < GF_COUNT(flags); i++) {
        if (flags[i].shown) {
            gf_reply_bulk_text(reply, flags[i].name);
            count++;
        }
    }
    gf_reply_close(reply, open, count);
}

static void client_trackinginfo(struct gf_exec *x)
{
    const struct gf_tracking *tracking = gf_session_of(x)->conn->tracking;

    gf_reply_map(x->reply, 3);
    gf_reply_bulk_text(x->reply, "flags");
    reply_flags(x->reply, tracking);
    gf_reply_bulk_text(x->reply, "redirect");
    gf_reply_int(x->reply, tracking ? (int64_t)tracking->redirect : -1);
    gf_reply_bulk_text(x->reply, "prefixes");
    gf_reply_array(x->reply, tracking ? tracking->prefixes_count : 0);
    for (uint32_t i = 0; tracking && i < tracking->prefixes_count; i++)
        gf_reply_bulk(x->reply, tracking->prefixes[i]);
}

static void client_getredir(struct gf_exec *x)
{
    const struct gf_tracking *tracking = gf_session_of(x)->conn->tracking;

    gf_reply_int(x->reply, tracking ? (int64_t)tracking->redirect : -1);
}

/* clang-format off */
#define CLIENT_FLAGS (GF_HOME | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK)

static const struct gf_command tracking_subcommands[] = {
    {
        .name = "TRACKING", .run = client_tracking, .flags = CLIENT_FLAGS, .arity = -3,
        .since = "6.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "Client-side caching: be told when what was read has changed.",
        GF_ARGS({.name = "status", .type = GF_ARG_ONEOF,
                 GF_ARGS({.name = "on", .type = GF_ARG_TOKEN, .token = "ON"},
                         {.name = "off", .type = GF_ARG_TOKEN, .token = "OFF"})},
                {.name = "client-id", .type = GF_ARG_INTEGER, .token = "REDIRECT",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "prefix", .type = GF_ARG_STRING, .token = "PREFIX",
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE | GF_ARG_MULTIPLE_TOKEN},
                {.name = "bcast", .type = GF_ARG_TOKEN, .token = "BCAST",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "optin", .type = GF_ARG_TOKEN, .token = "OPTIN",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "optout", .type = GF_ARG_TOKEN, .token = "OPTOUT",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "noloop", .type = GF_ARG_TOKEN, .token = "NOLOOP",
                 .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "TRACKINGINFO", .run = client_trackinginfo, .flags = CLIENT_FLAGS, .arity = 2,
        .since = "6.2.0", .group = "connection", .complexity = "O(1)",
        .summary = "How client side caching is set up for the connection.",
    },
    {
        .name = "CACHING", .run = client_caching, .flags = CLIENT_FLAGS, .arity = 3,
        .since = "6.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "Whether the keys of the next command are tracked.",
        GF_ARGS({.name = "mode", .type = GF_ARG_ONEOF,
                 GF_ARGS({.name = "yes", .type = GF_ARG_TOKEN, .token = "YES"},
                         {.name = "no", .type = GF_ARG_TOKEN, .token = "NO"})}),
    },
    {
        .name = "GETREDIR", .run = client_getredir, .flags = CLIENT_FLAGS, .arity = 2,
        .since = "6.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "Which connection is told about changed keys instead of this one.",
    },
};

static const struct gf_command commands[] = {
    GF_CLIENT_ROW(tracking_subcommands),
};
/* clang-format on */

const struct gf_module gf_tracking_module = {
    .abi = GF_MODULE_ABI,
    .name = "tracking",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
