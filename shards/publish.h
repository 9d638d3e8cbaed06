/* A message's way from who publishes it to every subscriber, on every core.
 *
 *   PUBLISH            keyspace notification
 *      |                     |
 *   gf_publication: channel and message, once per message, at home
 *      | a leg for each core that has subscriptions, this one included
 *      v
 *   core A: queue -> [leg][leg] -> out of A's subscribers -> home: one leg less, so many receivers
 *   core B: queue -> [leg] ------> out of B's subscribers -> home     (lent over the ring)
 *
 * Order: each core has one queue, taken in order; legs travel in order. So two messages of one
 * publisher arrive at a subscriber as they were published. A subscription counts from the message
 * after it. Nothing is delivered while a command runs: an answer is never cut in two.
 *
 * Bounded: a turn delivers GF_DELIVERY_BUDGET messages to subscribers, then others have theirs. A
 * PUBLISH that finds the ring to another core full comes again. What is published by the server
 * itself cannot wait; above GF_PUBLISH_WAITING_MAX bytes for other cores it is lost, and the
 * subscribers of those cores are closed rather than left with a gap.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/buf.h"
#include "core/driver.h"
#include "core/list.h"
#include "shards/parcel.h"
#include "shards/tracking.h"

struct gf_ahead;
struct gf_channel;
struct gf_conn;
struct gf_exec;
struct gf_publication;
struct gf_request;
struct gf_subscription;
struct gf_worker;

#define GF_PUBLISH_WAITING_MAX (64u * 1024 * 1024)
#define GF_DELIVERY_BUDGET 2048u /* copies into outputs in a turn: about 200 us */

/* What else travels as a message does: tracking.h. They follow the kinds of subscriptions. */
enum gf_publication_kind {
    GF_PUBLICATION_INVALIDATE = 8, /* channel: the key; message: ids of those who read it     */
    GF_PUBLICATION_BCAST,          /* channel: the key; to all who broadcast                  */
    GF_PUBLICATION_FLUSH,          /* to all who track                                        */
    GF_PUBLICATION_REDIRECT,       /* channel: the key, or flush; to the connection `target`  */
};

#define GF_ALL_CORES UINT16_MAX /* that have somebody for it */

/* What one core does for a message. The home core's, or another's while it is lent to it. */
struct gf_publish_leg {
    struct gf_parcel parcel; /* first */
    struct gf_publication *publication;
    struct gf_link link; /* the queue of the core that delivers */
    uint64_t sequence;   /* its place in that queue              */
    uint64_t receivers;  /* subscriptions that it reached         */
};

/* One message. Made and freed by its home core; others read it while they have a leg of it. */
struct gf_publication {
    uint8_t kind; /* enum gf_subscription_kind or gf_publication_kind      */
    bool gap;     /* no message: some were lost, close who would miss them */
    bool flush;   /* REDIRECT: of a flush                                  */
    uint8_t resp; /* REDIRECT: of who caches                               */
    uint32_t legs_out;
    uint64_t receivers;
    uint64_t writer;            /* CLIENT ID of who changed the key; REDIRECT: of who caches */
    uint64_t target;            /* REDIRECT: CLIENT ID                                   */
    struct gf_tracking_flush tells; /* FLUSH: of which command                           */
    struct gf_request *request; /* PUBLISH's, which holds the words; NULL: nobody waits  */
    struct gf_bytes channel;
    struct gf_bytes message;
    char *bytes; /* room for both, `size` of it                           */
    size_t size;
    struct gf_publish_leg *legs;
};

/* A core's queue, and how far its first message got. */
struct gf_deliveries {
    struct gf_list queue;                 /* gf_publish_leg.link                      */
    struct gf_op drain;                   /* deferred while `queue` is not empty      */
    uint32_t publications_live;           /* of this core, not home yet               */
    size_t waiting_size;                  /* bytes of those that nobody waits for     */
    bool gap;                             /* other cores are being told of a loss     */
    bool begun;                           /* the first leg's subscribers are gone through */
    struct gf_channel *channel;           /* of them: the channel or pattern ...      */
    struct gf_subscription *subscription; /* ... and who is next; NULL: none left     */
    struct gf_chain encoded[2];           /* the message to that channel, RESP2 and 3 */
};

/* gf_publication_create - for `core`, or all that have somebody; NULL: too much is under way, and
 * who would miss it is closed. gf_publication_start - sends it off. */
struct gf_publication *gf_publication_create(struct gf_worker *worker, int kind, uint16_t core,
                                             size_t size);
void gf_publication_start(struct gf_worker *worker, struct gf_publication *publication);

/* gf_publish - tell every subscriber of `channel` on every core, soon; nobody waits for it.
 *
 * kind       GF_SUBSCRIPTION_CHANNEL (reaches patterns as well) or _SHARD
 */
void gf_publish(struct gf_worker *worker, int kind, struct gf_bytes channel,
                struct gf_bytes message);

/* gf_publish_is_wanted - some core has subscriptions that a message of `kind` may reach. */
bool gf_publish_is_wanted(const struct gf_worker *worker, int kind);

/* gf_publish_dispatch - PUBLISH or SPUBLISH: answers when every core has delivered.
 *
 * Returns    false: not now; the same request must come again
 */
bool gf_publish_dispatch(struct gf_conn *conn, const struct gf_ahead *ahead,
                         const struct gf_bytes *words);

/* gf_publish_run - the rows' run, within a transaction: answers when every core has been asked. */
void gf_publish_run(struct gf_exec *x);

/* gf_publish_leg_arrive - on another core; gf_publish_leg_home - back. */
void gf_publish_leg_arrive(struct gf_worker *worker, struct gf_publish_leg *leg);
void gf_publish_leg_home(struct gf_worker *worker, struct gf_publish_leg *leg);

/* Of pubsub.c: the queue must not hold on to what goes. */
void gf_deliveries_init(struct gf_worker *worker);
void gf_deliveries_deinit(struct gf_worker *worker);
void gf_deliveries_pass(struct gf_worker *worker, const struct gf_subscription *subscription);
void gf_deliveries_pass_channel(struct gf_worker *worker, const struct gf_channel *channel);

/* gf_deliveries_quiet - nothing of this core is on its way, and nothing waits here. */
bool gf_deliveries_quiet(const struct gf_worker *worker);
