/* SUBSCRIBE and its relatives, PUBLISH.
 *
 * Each channel or pattern of a command is confirmed by an answer of its own, in RESP3 by a push.
 * That is no reply to the command: CLIENT REPLY OFF does not swallow it.
 */
#include "shards/pubsub_command.h"

#include <string.h>

#include "shards/conn.h"
#include "shards/pubsub.h"
#include "shards/session.h"

/* ---- confirmations ------------------------------------------------------------------------- */

static const char *const subscribed_words[] = {"subscribe", "psubscribe", "ssubscribe"};
static const char *const unsubscribed_words[] = {"unsubscribe", "punsubscribe", "sunsubscribe"};

/* Shard channels are counted for themselves. */
static uint32_t count_shown(const struct gf_conn *conn, enum gf_subscription_kind kind)
{
    if (kind == GF_SUBSCRIPTION_SHARD)
        return gf_pubsub_count(conn, kind);
    return gf_pubsub_count(conn, GF_SUBSCRIPTION_CHANNEL) +
           gf_pubsub_count(conn, GF_SUBSCRIPTION_PATTERN);
}

/* name NULL: of nothing. */
static void confirm(struct gf_conn *conn, enum gf_subscription_kind kind, const char *word,
                    const struct gf_bytes *name)
{
    struct gf_reply reply;

    gf_reply_init(&reply, conn->reply.chain, conn->session.resp);
    gf_reply_push(&reply, 3);
    gf_reply_bulk_text(&reply, word);
    if (name)
        gf_reply_bulk(&reply, *name);
    else
        gf_reply_null(&reply);
    gf_reply_int(&reply, count_shown(conn, kind));
    gf_reply_end(&reply);
}

static void subscribe_to(struct gf_exec *x, enum gf_subscription_kind kind)
{
    struct gf_conn *conn = gf_session_of(x)->conn;

    while (gf_args_left(x->args) > 0) {
        struct gf_bytes name = gf_args_next(x->args);

        (void)gf_pubsub_subscribe(conn, kind, name);
        confirm(conn, kind, subscribed_words[kind], &name);
    }
    gf_reply_raw(x->reply, GF_BYTES(""), 1); /* it is said already */
}

/* Without words: from everything of the kind. */
static void unsubscribe_from_all(struct gf_conn *conn, enum gf_subscription_kind kind)
{
    const char *word = unsubscribed_words[kind];
    struct gf_subscription *subscription = gf_pubsub_first(conn, kind);

    if (!subscription)
        confirm(conn, kind, word, NULL);
    for (; subscription; subscription = gf_pubsub_first(conn, kind)) {
        struct gf_bytes name = subscription->channel->name;
        struct gf_reply reply;

        /* The name goes with its last subscription, the count is known after it. */
        gf_reply_init(&reply, conn->reply.chain, conn->session.resp);
        gf_reply_push(&reply, 3);
        gf_reply_bulk_text(&reply, word);
        gf_reply_bulk(&reply, name);
        (void)gf_pubsub_unsubscribe(conn, kind, name);
        gf_reply_int(&reply, count_shown(conn, kind));
        gf_reply_end(&reply);
    }
}

static void unsubscribe_from(struct gf_exec *x, enum gf_subscription_kind kind)
{
    struct gf_conn *conn = gf_session_of(x)->conn;

    if (gf_args_left(x->args) == 0)
        unsubscribe_from_all(conn, kind);
    while (gf_args_left(x->args) > 0) {
        struct gf_bytes name = gf_args_next(x->args);

        (void)gf_pubsub_unsubscribe(conn, kind, name);
        confirm(conn, kind, unsubscribed_words[kind], &name);
    }
    gf_reply_raw(x->reply, GF_BYTES(""), 1); /* it is said already */
}

static void subscribe(struct gf_exec *x)
{
    subscribe_to(x, GF_SUBSCRIPTION_CHANNEL);
}

static void psubscribe(struct gf_exec *x)
{
    subscribe_to(x, GF_SUBSCRIPTION_PATTERN);
}

static void ssubscribe(struct gf_exec *x)
{
    subscribe_to(x, GF_SUBSCRIPTION_SHARD);
}

static void unsubscribe(struct gf_exec *x)
{
    unsubscribe_from(x, GF_SUBSCRIPTION_CHANNEL);
}

static void punsubscribe(struct gf_exec *x)
{
    unsubscribe_from(x, GF_SUBSCRIPTION_PATTERN);
}

static void sunsubscribe(struct gf_exec *x)
{
    unsubscribe_from(x, GF_SUBSCRIPTION_SHARD);
}

/* ---- subscriber mode ----------------------------------------------------------------------- */

bool gf_pubsub_is_mode(const struct gf_conn *conn)
{
    return conn->subscriber && conn->session.resp == 2;
}

bool gf_pubsub_allows(const struct gf_command *command)
{
    static const char *const names[] = {
        "SUBSCRIBE",    "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE",
        "SUNSUBSCRIBE", "PING",       "QUIT",       "RESET",
    };

    for (size_t i = 0; i < GF_COUNT(names); i++) {
        if (strcmp(command->name, names[i]) == 0)
            return true;
    }
    return false;
}

void gf_pubsub_ping(struct gf_exec *x)
{
    if (x->args->count > 2) {
        gf_reply_error_format(x->reply, GF_MSG_WRONG_ARITY, GF_BYTES("ping"), GF_BYTES(""));
        return;
    }
    gf_reply_array(x->reply, 2);
    gf_reply_bulk_text(x->reply, "pong");
    gf_reply_bulk(x->reply, x->args->count == 2 ? x->args->words[1] : GF_BYTES(""));
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* The words of a sharded command stand where keys do, but are none. */
static uint32_t no_keys(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                        uint32_t max)
{
    (void)words;
    (void)count;
    (void)ret_indexes;
    (void)max;
    return 0;
}

/* clang-format off */
#define SUBSCRIBE_FLAGS (GF_HOME | GF_PUBSUB | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK)
#define PUBLISH_FLAGS (GF_HOME | GF_PUBSUB | GF_LOADING_OK | GF_STALE_OK | GF_FAST)

static const struct gf_key_spec shard_one[] = {
    {.flags = GF_KEY_NOT_KEY, .begin_index = 1, .step = 1},
};

static const struct gf_key_spec shard_all[] = {
    {.flags = GF_KEY_NOT_KEY, .begin_index = 1, .last = -1, .step = 1},
};

static const struct gf_command commands[] = {
    {
        .name = "SUBSCRIBE", .run = subscribe, .flags = SUBSCRIBE_FLAGS, .arity = -2,
        .since = "2.0.0", .group = "pubsub", .complexity = "O(N) in the channels given",
        .summary = "Listens to channels.",
        GF_ARGS({.name = "channel", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "PSUBSCRIBE", .run = psubscribe, .flags = SUBSCRIBE_FLAGS, .arity = -2,
        .since = "2.0.0", .group = "pubsub", .complexity = "O(N) in the patterns given",
        .summary = "Listens to all channels whose names match patterns.",
        GF_ARGS({.name = "pattern", .type = GF_ARG_BLOCK, .flags = GF_ARG_MULTIPLE,
                 GF_ARGS({.name = "pattern", .type = GF_ARG_PATTERN})}),
    },
    {
        .name = "SSUBSCRIBE", .run = ssubscribe, .flags = SUBSCRIBE_FLAGS, .arity = -2,
        .key_first = 1, .key_last = -1, .key_step = 1, .find_keys = no_keys,
        .key_specs = shard_all, .key_specs_count = GF_COUNT(shard_all),
        .since = "7.0.0", .group = "pubsub", .complexity = "O(N) in the channels given",
        .summary = "Listens to shard channels.",
        GF_ARGS({.name = "shardchannel", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "UNSUBSCRIBE", .run = unsubscribe, .flags = SUBSCRIBE_FLAGS, .arity = -1,
        .since = "2.0.0", .group = "pubsub", .complexity = "O(N) in the channels left",
        .summary = "Stops listening to channels; without any, to all.",
        GF_ARGS({.name = "channel", .type = GF_ARG_STRING,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
    {
        .name = "PUNSUBSCRIBE", .run = punsubscribe, .flags = SUBSCRIBE_FLAGS, .arity = -1,
        .since = "2.0.0", .group = "pubsub", .complexity = "O(N) in the patterns left",
        .summary = "Stops listening to patterns; without any, to all.",
        GF_ARGS({.name = "pattern", .type = GF_ARG_PATTERN,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
    {
        .name = "SUNSUBSCRIBE", .run = sunsubscribe, .flags = SUBSCRIBE_FLAGS, .arity = -1,
        .key_first = 1, .key_last = -1, .key_step = 1, .find_keys = no_keys,
        .key_specs = shard_all, .key_specs_count = GF_COUNT(shard_all),
        .since = "7.0.0", .group = "pubsub", .complexity = "O(N) in the channels left",
        .summary = "Stops listening to shard channels; without any, to all.",
        GF_ARGS({.name = "shardchannel", .type = GF_ARG_STRING,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
    {
        .name = "PUBLISH", .run = gf_publish_run, .flags = PUBLISH_FLAGS, .arity = 3,
        .since = "2.0.0", .group = "pubsub",
        .complexity = "O(N+M), N = subscribers of the channel, M = patterns of all cores",
        .summary = "Sends a message to a channel; answers how many it reached.",
        GF_ARGS({.name = "channel", .type = GF_ARG_STRING},
                {.name = "message", .type = GF_ARG_STRING}),
    },
    {
        .name = "SPUBLISH", .run = gf_publish_run, .flags = PUBLISH_FLAGS, .arity = 3,
        .key_first = 1, .key_last = 1, .key_step = 1, .find_keys = no_keys,
        .key_specs = shard_one, .key_specs_count = GF_COUNT(shard_one),
        .since = "7.0.0", .group = "pubsub", .complexity = "O(N) in the subscribers",
        .summary = "Sends a message to a shard channel; answers how many it reached.",
        GF_ARGS({.name = "shardchannel", .type = GF_ARG_STRING},
                {.name = "message", .type = GF_ARG_STRING}),
    },
};
/* clang-format on */

const struct gf_module gf_pubsub_module = {
    .abi = GF_MODULE_ABI,
    .name = "pubsub",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
