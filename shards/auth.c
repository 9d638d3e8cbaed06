/* AUTH and HELLO. */
#include "shards/auth.h"

#include "core/assert.h"
#include "shards/client.h"
#include "shards/conn.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/worker.h"

/* Looks at every byte of `given`, right or wrong. */
static bool password_is(struct gf_bytes given, const char *wanted)
{
    size_t wanted_size = strlen(wanted);
    unsigned difference = given.size != wanted_size;

    for (size_t i = 0; i < given.size; i++)
        difference |= (unsigned char)given.data[i] ^ (unsigned char)wanted[i % (wanted_size + 1)];
    return difference == 0;
}

bool gf_auth_needed(const struct gf_worker *worker)
{
    return worker->settings.requirepass[0] != '\0';
}

bool gf_auth_check(struct gf_worker *worker, struct gf_bytes user, struct gf_bytes password)
{
    bool right = !gf_auth_needed(worker) || password_is(password, worker->settings.requirepass);

    right = gf_bytes_equal(user, GF_BYTES("default")) && right;
    worker->counters.passwords_wrong += !right;
    return right;
}

void gf_auth_set(struct gf_conn *conn, bool authenticated)
{
    conn->session.authenticated = authenticated;
    conn->parser.authenticated = authenticated;
    if (authenticated)
        conn->attention &= ~(uint32_t)GF_ATTENTION_AUTH;
    else
        conn->attention |= GF_ATTENTION_AUTH;
}

bool gf_auth_secret(const struct gf_bytes *words, uint32_t count, uint32_t index)
{
    if (index == 0)
        return false;
    if (gf_bytes_is(words[0], "AUTH"))
        return true;
    if (gf_bytes_is(words[0], "ACL")) /* refused, but a password all the same */
        return count > 2 && index > 2 && gf_bytes_is(words[1], "SETUSER");
    if (!gf_bytes_is(words[0], "HELLO"))
        return false;
    /* HELLO version [AUTH user password] [SETNAME name]: also where the rest makes no sense. */
    for (uint32_t i = 2; i < count; i++) {
        if (gf_bytes_is(words[i], "AUTH") && (index == i + 1 || index == i + 2))
            return true;
    }
    return false;
}

static void auth(struct gf_exec *x)
{
    struct gf_session_exec *session = gf_session_of(x);
    struct gf_bytes user = GF_BYTES("default");
    struct gf_bytes password;

    if (x->args->count > 3) {
        gf_reply_error(x->reply, GF_MSG_SYNTAX);
        return;
    }
    if (x->args->count == 2 && !gf_auth_needed(session->worker)) {
        gf_reply_error(x->reply, GF_MSG_NO_PASSWORD);
        return;
    }
    if (x->args->count == 3)
        user = gf_args_next(x->args);
    password = gf_args_next(x->args);
    if (!gf_auth_check(session->worker, user, password)) {
        gf_reply_error(x->reply, GF_MSG_WRONGPASS);
        return;
    }
    gf_auth_set(session->conn, true);
    gf_reply_ok(x->reply);
}

/* The version that HELLO asks for, 0 = stay. Answers the error and returns false. */
static bool hello_version(struct gf_exec *x, int64_t *ret_version)
{
    int64_t version = 0;

    if (gf_args_left(x->args) > 0) {
        if (!gf_bytes_parse_i64(gf_args_next(x->args), &version)) {
            gf_reply_error(x->reply, GF_MSG_HELLO_VERSION);
            return false;
        }
        if (version < 2 || version > 3) {
            gf_reply_error(x->reply, GF_MSG_NOPROTO);
            return false;
        }
    }
    *ret_version = version;
    return true;
}

static bool hello_auth(struct gf_exec *x)
{
    struct gf_session_exec *session = gf_session_of(x);
    struct gf_bytes user = gf_args_next(x->args);
    struct gf_bytes password = gf_args_next(x->args);

    if (!gf_auth_check(session->worker, user, password)) {
        gf_reply_error(x->reply, GF_MSG_WRONGPASS);
        return false;
    }
    gf_auth_set(session->conn, true);
    return true;
}

static bool hello_name(struct gf_exec *x)
{
    struct gf_bytes name = gf_args_next(x->args);

    if (!gf_client_text_ok(name)) {
        gf_reply_error(x->reply, GF_MSG_CLIENT_NAME);
        return false;
    }
    if (!gf_client_set_text(&gf_session_of(x)->conn->session.name, name)) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return false;
    }
    return true;
}

/* Each option takes effect where it stands, also in front of a wrong one. Answers the first error
 * and returns false. */
static bool hello_options(struct gf_exec *x)
{
    struct gf_args *args = x->args;
    bool good = true;

    while (good && gf_args_left(args) > 0) {
        struct gf_bytes option = gf_args_next(args);

        if (gf_bytes_is(option, "AUTH") && gf_args_left(args) >= 2) {
            good = hello_auth(x);
        } else if (gf_bytes_is(option, "SETNAME") && gf_args_left(args) >= 1) {
            good = hello_name(x);
        } else {
            gf_reply_error_format(x->reply, GF_MSG_HELLO_OPTION, option, GF_BYTES(""));
            good = false;
        }
    }
    return good;
}

/* Keys and texts are bulk strings: redis-cli insists on that. */
static void hello_answer(struct gf_exec *x, const struct gf_session *session)
{
    struct gf_reply *reply = x->reply;

    gf_reply_map(reply, 7);
    gf_reply_bulk_text(reply, "server");
    gf_reply_bulk_text(reply, "redis");
    gf_reply_bulk_text(reply, "version");
    gf_reply_bulk_text(reply, GF_REDIS_VERSION);
    gf_reply_bulk_text(reply, "proto");
    gf_reply_int(reply, session->resp);
    gf_reply_bulk_text(reply, "id");
    gf_reply_int(reply, (int64_t)session->id);
    gf_reply_bulk_text(reply, "mode");
    gf_reply_bulk_text(reply, "standalone");
    gf_reply_bulk_text(reply, "role");
    gf_reply_bulk_text(reply, "master");
    gf_reply_bulk_text(reply, "modules");
    gf_reply_array(reply, 0);
}

static void hello(struct gf_exec *x)
{
    struct gf_conn *conn = gf_session_of(x)->conn;
    int64_t version = 0;

    if (!hello_version(x, &version) || !hello_options(x))
        return;
    if (!conn->session.authenticated) {
        gf_reply_error(x->reply, GF_MSG_HELLO_NOAUTH);
        return;
    }
    if (version)
        gf_conn_set_resp(conn, (uint8_t)version);
    hello_answer(x, &conn->session);
}

static const struct gf_history auth_history[] = {
    {.since = "6.0.0", .what = "Takes a user name, too."},
};

static const struct gf_history hello_history[] = {
    {.since = "6.2.0", .what = "Without a version it tells about the connection as it is."},
};

/* clang-format off */
#define AUTH_FLAGS \
    (GF_HOME | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK | GF_FAST | GF_NO_AUTH | GF_ALLOW_BUSY)

static const struct gf_command commands[] = {
    {
        .name = "AUTH", .run = auth, .flags = AUTH_FLAGS, .arity = -2,
        .since = "1.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "Tells the server who the client is.",
        .history = auth_history, .history_count = GF_COUNT(auth_history),
        GF_ARGS({.name = "username", .type = GF_ARG_STRING, .flags = GF_ARG_OPTIONAL,
                 .since = "6.0.0"},
                {.name = "password", .type = GF_ARG_STRING}),
    },
    {
        .name = "HELLO", .run = hello, .flags = AUTH_FLAGS, .arity = -1,
        .since = "6.0.0", .group = "connection", .complexity = "O(1)",
        .summary = "Chooses the protocol version and tells who the server is.",
        .history = hello_history, .history_count = GF_COUNT(hello_history),
        GF_ARGS({.name = "arguments", .type = GF_ARG_BLOCK, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "protover", .type = GF_ARG_INTEGER},
                         {.name = "username_password", .type = GF_ARG_BLOCK, .token = "AUTH",
                          .flags = GF_ARG_OPTIONAL,
                          GF_ARGS({.name = "username", .type = GF_ARG_STRING},
                                  {.name = "password", .type = GF_ARG_STRING})},
                         {.name = "clientname", .type = GF_ARG_STRING, .token = "SETNAME",
                          .flags = GF_ARG_OPTIONAL})}),
    },
};
/* clang-format on */

const struct gf_module gf_auth_module = {
    .abi = GF_MODULE_ABI,
    .name = "auth",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
