/* Who on this core is subscribed to what.
 *
 * A core knows the subscriptions of its own connections, and of the other cores only whether they
 * have any (`interest`, the one number of it that others read): a message goes to each core that
 * does (publish.h), which finds its subscribers here.
 *
 *     conn->subscriber -- subscriptions, per kind, in the order in which they were made
 *                              |
 *     channels (by name) --- gf_channel -- the same subscriptions, by channel
 *
 * A connection with subscriptions stays on its core. Its subscriptions end with it, at once: a
 * connection that is being closed is told nothing more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/list.h"
#include "shards/names.h"
#include "shards/publish.h"

struct gf_conn;
struct gf_worker;

enum gf_subscription_kind {
    GF_SUBSCRIPTION_CHANNEL, /* SUBSCRIBE  */
    GF_SUBSCRIPTION_PATTERN, /* PSUBSCRIBE */
    GF_SUBSCRIPTION_SHARD,   /* SSUBSCRIBE */
    GF_SUBSCRIPTION_KINDS,
};

/* A channel or pattern that somebody on this core is subscribed to. */
struct gf_channel {
    struct gf_named named; /* first; by name, kinds apart                  */
    struct gf_link link;   /* pubsub->channels[kind], oldest first         */
    enum gf_subscription_kind kind;
    uint32_t count;               /* of `subscriptions`                    */
    struct gf_list subscriptions; /* gf_subscription.channel_link          */
    struct gf_bytes name;         /* behind the struct                     */
};

struct gf_subscription {
    struct gf_named named; /* first; by channel and connection             */
    struct gf_link channel_link;
    struct gf_link conn_link; /* conn->subscriber->subscriptions[kind]     */
    struct gf_channel *channel;
    struct gf_conn *conn;
    uint64_t since; /* pubsub->sequence when it was made: later messages reach it */
};

/* What a connection is subscribed to. */
struct gf_subscriber {
    struct gf_list subscriptions[GF_SUBSCRIPTION_KINDS];
    uint32_t counts[GF_SUBSCRIPTION_KINDS];
};

/* Invariants (gf_pubsub_check walks them):
 *   a channel has subscriptions, as many as it counts
 *   interest: subscriptions to channels and patterns; to shard channels
 */
struct gf_pubsub {
    struct gf_names names; /* gf_channel of all kinds                          */
    struct gf_names pairs; /* gf_subscription                                  */
    struct gf_list channels[GF_SUBSCRIPTION_KINDS];
    uint32_t channels_count[GF_SUBSCRIPTION_KINDS];
    uint32_t subscribers;         /* connections with subscriptions                   */
    uint64_t sequence;            /* of messages that were queued here                */
    _Atomic uint32_t interest[2]; /* written here, read by every core that publishes  */
    struct gf_deliveries deliveries;
};

void gf_pubsub_init(struct gf_worker *worker);
void gf_pubsub_deinit(struct gf_worker *worker);

/* gf_pubsub_subscribe, gf_pubsub_unsubscribe - whether that changed anything. */
bool gf_pubsub_subscribe(struct gf_conn *conn, enum gf_subscription_kind kind,
                         struct gf_bytes name);
bool gf_pubsub_unsubscribe(struct gf_conn *conn, enum gf_subscription_kind kind,
                           struct gf_bytes name);

/* gf_pubsub_leave - of everything; of nothing is fine. */
void gf_pubsub_leave(struct gf_conn *conn);

/* gf_pubsub_first - the connection's oldest subscription of a kind, or NULL. */
struct gf_subscription *gf_pubsub_first(const struct gf_conn *conn, enum gf_subscription_kind kind);

/* gf_pubsub_count - how many the connection has of a kind. */
uint32_t gf_pubsub_count(const struct gf_conn *conn, enum gf_subscription_kind kind);

/* gf_pubsub_find - the channel or pattern of this name, or NULL when nobody here has it. */
struct gf_channel *gf_pubsub_find(const struct gf_worker *worker, enum gf_subscription_kind kind,
                                  struct gf_bytes name);

/* gf_pubsub_receivers - subscriptions of this core that a message would reach. */
uint64_t gf_pubsub_receivers(const struct gf_worker *worker, enum gf_subscription_kind kind,
                             struct gf_bytes name);

/* gf_pubsub_has_interest - core `core` has subscriptions that a message of `kind` may reach. */
bool gf_pubsub_has_interest(const struct gf_worker *worker, uint16_t core,
                            enum gf_subscription_kind kind);

/* gf_pubsub_check - asserts the invariants. */
void gf_pubsub_check(const struct gf_worker *worker);
