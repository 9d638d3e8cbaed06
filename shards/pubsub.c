/* Subscriptions of one core's connections. */
#include "shards/pubsub.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "core/hash.h"
#include "shards/conn.h"
#include "shards/server.h"
#include "shards/worker.h"

/* Which of pubsub->interest a kind counts for. */
static uint32_t interest_of(enum gf_subscription_kind kind)
{
    return kind == GF_SUBSCRIPTION_SHARD;
}

/* Written on this core only; a publisher that reads it later sees the subscription or has published
 * before it: the confirmation has not left this core yet. */
static void interest_count(struct gf_pubsub *pubsub, enum gf_subscription_kind kind, int by)
{
    _Atomic uint32_t *interest = &pubsub->interest[interest_of(kind)];
    uint32_t count = atomic_load_explicit(interest, memory_order_relaxed);

    atomic_store_explicit(interest, count + (uint32_t)by, memory_order_seq_cst);
}

bool gf_pubsub_has_interest(const struct gf_worker *worker, uint16_t core,
                            enum gf_subscription_kind kind)
{
    const struct gf_pubsub *pubsub = &worker->server->workers[core].pubsub;

    return atomic_load_explicit(&pubsub->interest[interest_of(kind)], memory_order_seq_cst) > 0;
}

/* ---- channels ------------------------------------------------------------------------------ */

static uint64_t channel_hash(const struct gf_worker *worker, enum gf_subscription_kind kind,
                             struct gf_bytes name)
{
    return gf_hash64(name.data, name.size, worker->server->hash_seed + (uint64_t)kind);
}

static struct gf_channel *channel_find(const struct gf_worker *worker,
                                       enum gf_subscription_kind kind, struct gf_bytes name,
                                       uint64_t hash)
{
    struct gf_named *named = gf_names_find(&worker->pubsub.names, hash);

    for (; named; named = gf_names_next(named)) {
        struct gf_channel *channel = gf_container(named, struct gf_channel, named);

        if (channel->kind == kind && gf_bytes_equal(channel->name, name))
            return channel;
    }
    return NULL;
}

struct gf_channel *gf_pubsub_find(const struct gf_worker *worker, enum gf_subscription_kind kind,
                                  struct gf_bytes name)
{
    return channel_find(worker, kind, name, channel_hash(worker, kind, name));
}

/* The channel of this name, made if nobody had it; NULL: no memory for the name. */
static struct gf_channel *channel_get(struct gf_worker *worker, enum gf_subscription_kind kind,
                                      struct gf_bytes name)
{
    struct gf_pubsub *pubsub = &worker->pubsub;
    uint64_t hash = channel_hash(worker, kind, name);
    struct gf_channel *channel = channel_find(worker, kind, name, hash);
    char *text;

    if (channel)
        return channel;
    channel = gf_alloc_try(GF_MEMORY_OTHER, sizeof(*channel) + name.size);
    if (!channel)
        return NULL;
    text = (char *)(channel + 1);
    if (name.size > 0)
        memcpy(text, name.data, name.size);
    *channel = (struct gf_channel){.kind = kind, .name = {.data = text, .size = name.size}};
    gf_list_init(&channel->subscriptions);
    gf_names_add(&pubsub->names, &channel->named, hash);
    gf_list_push_back(&pubsub->channels[kind], &channel->link);
    pubsub->channels_count[kind]++;
    return channel;
}

static void channel_free(struct gf_worker *worker, struct gf_channel *channel)
{
    struct gf_pubsub *pubsub = &worker->pubsub;

    GF_ASSERT(channel->count == 0);
    gf_deliveries_pass_channel(worker, channel);
    gf_names_remove(&pubsub->names, &channel->named);
    gf_list_remove(&channel->link);
    pubsub->channels_count[channel->kind]--;
    gf_free(GF_MEMORY_OTHER, channel);
}

uint64_t gf_pubsub_receivers(const struct gf_worker *worker, enum gf_subscription_kind kind,
                             struct gf_bytes name)
{
    const struct gf_list *patterns = &worker->pubsub.channels[GF_SUBSCRIPTION_PATTERN];
    const struct gf_channel *channel = gf_pubsub_find(worker, kind, name);
    uint64_t receivers = channel ? channel->count : 0;
    struct gf_link *link = kind == GF_SUBSCRIPTION_CHANNEL ? gf_list_peek_front(patterns) : NULL;

    for (; link; link = gf_list_next(patterns, link)) {
        const struct gf_channel *pattern = gf_container(link, struct gf_channel, link);

        if (gf_bytes_match(pattern->name, name, false))
            receivers += pattern->count;
    }
    return receivers;
}

/* ---- subscriptions ------------------------------------------------------------------------- */

static uint64_t pair_hash(const struct gf_conn *conn, const struct gf_channel *channel)
{
    return gf_hash64(&conn->session.id, sizeof(conn->session.id), channel->named.hash);
}

static struct gf_subscription *pair_find(const struct gf_conn *conn,
                                         const struct gf_channel *channel)
{
    struct gf_named *named = gf_names_find(&conn->worker->pubsub.pairs, pair_hash(conn, channel));

    for (; named; named = gf_names_next(named)) {
        struct gf_subscription *subscription = gf_container(named, struct gf_subscription, named);

        if (subscription->conn == conn && subscription->channel == channel)
            return subscription;
    }
    return NULL;
}

static void subscriber_begin(struct gf_conn *conn)
{
    struct gf_subscriber *subscriber;

    if (conn->subscriber)
        return;
    subscriber = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*subscriber));
    for (int kind = 0; kind < GF_SUBSCRIPTION_KINDS; kind++)
        gf_list_init(&subscriber->subscriptions[kind]);
    conn->subscriber = subscriber;
    conn->attention |= GF_ATTENTION_SUBSCRIBED;
    conn->worker->pubsub.subscribers++;
}

static void subscriber_end_if_idle(struct gf_conn *conn)
{
    for (int kind = 0; kind < GF_SUBSCRIPTION_KINDS; kind++) {
        if (conn->subscriber->counts[kind] > 0)
            return;
    }
    gf_free(GF_MEMORY_OTHER, conn->subscriber);
    conn->subscriber = NULL;
    conn->attention &= ~(uint32_t)GF_ATTENTION_SUBSCRIBED;
    conn->worker->pubsub.subscribers--;
}

bool gf_pubsub_subscribe(struct gf_conn *conn, enum gf_subscription_kind kind, struct gf_bytes name)
{
    struct gf_worker *worker = conn->worker;
    struct gf_channel *channel = channel_get(worker, kind, name);
    struct gf_subscription *subscription;

    GF_ASSERT(gf_conn_is_open(conn));
    if (!channel || pair_find(conn, channel))
        return false;
    subscriber_begin(conn);
    subscription = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*subscription));
    subscription->channel = channel;
    subscription->conn = conn;
    subscription->since = worker->pubsub.sequence;
    gf_names_add(&worker->pubsub.pairs, &subscription->named, pair_hash(conn, channel));
    gf_list_push_back(&channel->subscriptions, &subscription->channel_link);
    gf_list_push_back(&conn->subscriber->subscriptions[kind], &subscription->conn_link);
    channel->count++;
    conn->subscriber->counts[kind]++;
    interest_count(&worker->pubsub, kind, 1);
    return true;
}

static void subscription_end(struct gf_subscription *subscription)
{
    struct gf_channel *channel = subscription->channel;
    struct gf_conn *conn = subscription->conn;
    struct gf_worker *worker = conn->worker;

    gf_deliveries_pass(worker, subscription);
    gf_names_remove(&worker->pubsub.pairs, &subscription->named);
    gf_list_remove(&subscription->channel_link);
    gf_list_remove(&subscription->conn_link);
    channel->count--;
    conn->subscriber->counts[channel->kind]--;
    interest_count(&worker->pubsub, channel->kind, -1);
    if (channel->count == 0)
        channel_free(worker, channel);
    gf_free(GF_MEMORY_OTHER, subscription);
}

bool gf_pubsub_unsubscribe(struct gf_conn *conn, enum gf_subscription_kind kind,
                           struct gf_bytes name)
{
    struct gf_channel *channel = gf_pubsub_find(conn->worker, kind, name);
    struct gf_subscription *subscription = channel ? pair_find(conn, channel) : NULL;

    if (!subscription)
        return false;
    subscription_end(subscription);
    subscriber_end_if_idle(conn);
    return true;
}

void gf_pubsub_leave(struct gf_conn *conn)
{
    for (int kind = 0; conn->subscriber && kind < GF_SUBSCRIPTION_KINDS; kind++) {
        struct gf_subscription *subscription;

        while ((subscription = gf_pubsub_first(conn, (enum gf_subscription_kind)kind)))
            subscription_end(subscription);
    }
    if (conn->subscriber)
        subscriber_end_if_idle(conn);
}

struct gf_subscription *gf_pubsub_first(const struct gf_conn *conn, enum gf_subscription_kind kind)
{
    struct gf_link *link =
        conn->subscriber ? gf_list_peek_front(&conn->subscriber->subscriptions[kind]) : NULL;

    return link ? gf_container(link, struct gf_subscription, conn_link) : NULL;
}

uint32_t gf_pubsub_count(const struct gf_conn *conn, enum gf_subscription_kind kind)
{
    return conn->subscriber ? conn->subscriber->counts[kind] : 0;
}

/* ---- life ---------------------------------------------------------------------------------- */

void gf_pubsub_init(struct gf_worker *worker)
{
    for (int kind = 0; kind < GF_SUBSCRIPTION_KINDS; kind++)
        gf_list_init(&worker->pubsub.channels[kind]);
    gf_deliveries_init(worker);
}

void gf_pubsub_deinit(struct gf_worker *worker)
{
    GF_ASSERT(worker->pubsub.names.count == 0);
    GF_ASSERT(worker->pubsub.pairs.count == 0);
    gf_deliveries_deinit(worker);
}

static void channel_check(const struct gf_channel *channel)
{
    struct gf_link *link = gf_list_peek_front(&channel->subscriptions);
    uint32_t count = 0;

    for (; link; link = gf_list_next(&channel->subscriptions, link)) {
        const struct gf_subscription *subscription =
            gf_container(link, struct gf_subscription, channel_link);

        GF_ASSERT(subscription->channel == channel);
        GF_ASSERT(subscription->conn->subscriber != NULL);
        GF_ASSERT(gf_conn_is_open(subscription->conn));
        count++;
    }
    GF_ASSERT(count > 0);
    GF_ASSERT(count == channel->count);
}

void gf_pubsub_check(const struct gf_worker *worker)
{
    const struct gf_pubsub *pubsub = &worker->pubsub;
    uint32_t interest[2] = {0};
    uint32_t channels = 0;

    gf_names_check(&pubsub->names);
    gf_names_check(&pubsub->pairs);
    for (int kind = 0; kind < GF_SUBSCRIPTION_KINDS; kind++) {
        const struct gf_list *list = &pubsub->channels[kind];

        for (struct gf_link *link = gf_list_peek_front(list); link;
             link = gf_list_next(list, link)) {
            const struct gf_channel *channel = gf_container(link, struct gf_channel, link);

            channel_check(channel);
            interest[interest_of((enum gf_subscription_kind)kind)] += channel->count;
            channels++;
        }
    }
    GF_ASSERT(channels == pubsub->names.count);
    for (int i = 0; i < 2; i++)
        GF_ASSERT(interest[i] == atomic_load_explicit(&pubsub->interest[i], memory_order_relaxed));
}
