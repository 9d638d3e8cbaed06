/* CLIENT: what a connection says about itself, and how it wants to be treated. */
#include "shards/client.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/command.h"
#include "shards/conn.h"
#include "shards/session.h"

bool gf_client_type_parse(struct gf_bytes word, enum gf_client_type *ret_type)
{
    static const struct {
        const char *name;
        enum gf_client_type type;
    } types[] = {
        {"normal", GF_CLIENT_NORMAL}, {"replica", GF_CLIENT_REPLICA}, {"slave", GF_CLIENT_REPLICA},
        {"pubsub", GF_CLIENT_PUBSUB}, {"master", GF_CLIENT_MASTER},
    };

    for (size_t i = 0; i < GF_COUNT(types); i++) {
        if (gf_bytes_is(word, types[i].name)) {
            *ret_type = types[i].type;
            return true;
        }
    }
    return false;
}

/* There are no replicas. A monitor is a normal one, as in Redis. */
bool gf_client_is(const struct gf_conn *conn, enum gf_client_type type)
{
    enum gf_client_type own = conn->subscriber ? GF_CLIENT_PUBSUB : GF_CLIENT_NORMAL;

    return type == GF_CLIENT_ANY || type == own;
}

bool gf_client_text_ok(struct gf_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '!' || text.data[i] > '~')
            return false;
    }
    return true;
}

bool gf_client_set_text(char **text, struct gf_bytes value)
{
    char *copy = NULL;

    if (value.size > 0) {
        copy = gf_alloc_try(GF_MEMORY_OTHER, value.size + 1);
        if (!copy)
            return false;
        memcpy(copy, value.data, value.size);
        copy[value.size] = '\0';
    }
    gf_free(GF_MEMORY_OTHER, *text);
    *text = copy;
    return true;
}

static struct gf_session *session_of(struct gf_exec *x)
{
    return &gf_session_of(x)->conn->session;
}

static void client_id(struct gf_exec *x)
{
    gf_reply_int(x->reply, (int64_t)session_of(x)->id);
}

static void client_getname(struct gf_exec *x)
{
    const char *name = session_of(x)->name;

    if (name)
        gf_reply_bulk_text(x->reply, name);
    else
        gf_reply_null(x->reply);
}

static void client_setname(struct gf_exec *x)
{
    struct gf_bytes name = x->args->words[2];

    if (!gf_client_text_ok(name))
        gf_reply_error(x->reply, GF_MSG_CLIENT_NAME);
    else if (!gf_client_set_text(&session_of(x)->name, name))
        gf_reply_error(x->reply, GF_MSG_OOM);
    else
        gf_reply_ok(x->reply);
}

static void client_setinfo(struct gf_exec *x)
{
    struct gf_bytes option = x->args->words[2];
    struct gf_bytes value = x->args->words[3];
    char **text;

    if (gf_bytes_is(option, "LIB-NAME")) {
        text = &session_of(x)->library_name;
    } else if (gf_bytes_is(option, "LIB-VER")) {
        text = &session_of(x)->library_version;
    } else {
        gf_reply_error_format(x->reply, GF_MSG_CLIENT_INFO_OPTION, option, GF_BYTES(""));
        return;
    }
    if (!gf_client_text_ok(value))
        gf_reply_error_format(x->reply, GF_MSG_CLIENT_TEXT, option, GF_BYTES(""));
    else if (!gf_client_set_text(text, value))
        gf_reply_error(x->reply, GF_MSG_OOM);
    else
        gf_reply_ok(x->reply);
}

/* The answer to REPLY itself counts as one of the new mode: OFF and SKIP are not answered. */
static void client_reply(struct gf_exec *x)
{
    struct gf_conn *conn = gf_session_of(x)->conn;
    struct gf_bytes mode = x->args->words[2];

    if (gf_bytes_is(mode, "ON")) {
        conn->session.reply_mode = GF_REPLY_ON;
        conn->reply.discard = false;
    } else if (gf_bytes_is(mode, "OFF")) {
        conn->session.reply_mode = GF_REPLY_OFF;
        conn->attention |= GF_ATTENTION_REPLY;
        conn->reply.discard = true;
    } else if (gf_bytes_is(mode, "SKIP")) {
        if (conn->session.reply_mode != GF_REPLY_OFF)
            conn->session.reply_mode = GF_REPLY_SKIP_NEXT;
        conn->attention |= GF_ATTENTION_REPLY;
        conn->reply.discard = true;
    } else {
        gf_reply_error(x->reply, GF_MSG_SYNTAX);
        return;
    }
    gf_reply_ok(x->reply);
}

/* The third word is ON or OFF; answers a syntax error otherwise. */
static bool parse_switch(struct gf_exec *x, bool *ret_on)
{
    struct gf_bytes word = x->args->words[2];

    if (!gf_bytes_is(word, "ON") && !gf_bytes_is(word, "OFF")) {
        gf_reply_error(x->reply, GF_MSG_SYNTAX);
        return false;
    }
    *ret_on = gf_bytes_is(word, "ON");
    return true;
}

static void client_no_evict(struct gf_exec *x)
{
    if (parse_switch(x, &session_of(x)->no_evict))
        gf_reply_ok(x->reply);
}

static void client_no_touch(struct gf_exec *x)
{
    struct gf_conn *conn = gf_session_of(x)->conn;

    if (!parse_switch(x, &conn->session.no_touch))
        return;
    if (conn->session.no_touch)
        conn->attention |= GF_ATTENTION_NO_TOUCH;
    else
        conn->attention &= ~(uint32_t)GF_ATTENTION_NO_TOUCH;
    gf_reply_ok(x->reply);
}

/* Clients offer what they can do; there is nothing yet that this server would make use of. */
static void client_capa(struct gf_exec *x)
{
    gf_reply_ok(x->reply);
}

/* Nothing is ever moved behind a client's back, so there is nothing to notify it of. */
static void client_maint_notifications(struct gf_exec *x)
{
    if (gf_bytes_is(x->args->words[2], "OFF"))
        gf_reply_ok(x->reply);
    else
        gf_reply_error(x->reply, GF_MSG_CLIENT_NO_MAINTENANCE);
}

/* clang-format off */
#define CLIENT_FLAGS (GF_HOME | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK)

#define CLIENT_ON_OFF(name_) \
    {.name = (name_), .type = GF_ARG_ONEOF, \
     GF_ARGS({.name = "on", .type = GF_ARG_TOKEN, .token = "ON"}, \
             {.name = "off", .type = GF_ARG_TOKEN, .token = "OFF"})}

static const struct gf_command client_subcommands[] = {
    {
        .name = "ID", .run = client_id, .flags = CLIENT_FLAGS, .arity = 2,
        .since = "5.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "The connection's number: no two of this server ever had the same.",
    },
    {
        .name = "GETNAME", .run = client_getname, .flags = CLIENT_FLAGS, .arity = 2,
        .since = "2.6.9", .group = "connection", .complexity = "O(1)",
        .summary = "The name the connection gave itself.",
    },
    {
        .name = "SETNAME", .run = client_setname, .flags = CLIENT_FLAGS, .arity = 3,
        .since = "2.6.9", .group = "connection", .complexity = "O(1)",
        .summary = "Gives the connection a name, or takes it away when it is empty.",
        GF_ARGS({.name = "connection-name", .type = GF_ARG_STRING}),
    },
    {
        .name = "SETINFO", .run = client_setinfo, .flags = CLIENT_FLAGS, .arity = 4,
        .since = "7.2.0", .group = "connection", .complexity = "O(1)",
        .summary = "Says which client library is at the other end.",
        .tips = "request_policy:all_nodes|response_policy:all_succeeded",
        GF_ARGS({.name = "attr", .type = GF_ARG_ONEOF,
                 GF_ARGS({.name = "libname", .type = GF_ARG_STRING, .token = "LIB-NAME"},
                         {.name = "libver", .type = GF_ARG_STRING, .token = "LIB-VER"})}),
    },
    {
        .name = "REPLY", .run = client_reply, .flags = CLIENT_FLAGS, .arity = 3,
        .since = "3.2.0", .group = "connection", .complexity = "O(1)",
        .summary = "Whether commands are answered: all, none, or all but the next.",
        GF_ARGS({.name = "on_off_skip", .type = GF_ARG_ONEOF,
                 GF_ARGS({.name = "on", .type = GF_ARG_TOKEN, .token = "ON"},
                         {.name = "off", .type = GF_ARG_TOKEN, .token = "OFF"},
                         {.name = "skip", .type = GF_ARG_TOKEN, .token = "SKIP"})}),
    },
    {
        .name = "NO-EVICT", .run = client_no_evict, .flags = CLIENT_FLAGS | GF_ADMIN, .arity = 3,
        .since = "7.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "Whether the connection may be closed to make room for others.",
        GF_ARGS(CLIENT_ON_OFF("enabled")),
    },
    {
        .name = "NO-TOUCH", .run = client_no_touch, .flags = CLIENT_FLAGS, .arity = 3,
        .since = "7.2.0", .group = "connection", .complexity = "O(1)",
        .summary = "Whether the connection's commands leave access times and counts alone.",
        GF_ARGS(CLIENT_ON_OFF("enabled")),
    },
    {
        .name = "CAPA", .run = client_capa, .flags = CLIENT_FLAGS, .arity = -3,
        .since = "8.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "Says what the client is capable of.",
        GF_ARGS({.name = "capability", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "MAINT_NOTIFICATIONS", .run = client_maint_notifications, .flags = CLIENT_FLAGS,
        .arity = -3,
        .since = "8.2.0", .group = "connection", .complexity = "O(1)",
        .summary = "Asks for word of planned moves; there are none.",
        GF_ARGS(CLIENT_ON_OFF("enabled"),
                {.name = "option", .type = GF_ARG_STRING,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
    GF_HELP_ROW("5.0.0", "connection"),
};

static const struct gf_command commands[] = {
    GF_CLIENT_ROW(client_subcommands),
};
/* clang-format on */

const struct gf_module gf_client_module = {
    .abi = GF_MODULE_ABI,
    .name = "client",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
