/* Messages at the core of subscribers: a queue of legs, delivered in bounded pieces. */
#include "core/assert.h"
#include "core/core.h"
#include "protocol/reply.h"
#include "shards/conn.h"
#include "shards/publish.h"
#include "shards/pubsub.h"
#include "shards/tracking.h"
#include "shards/worker.h"

#define COPY_COST_SIZE 4096u         /* so many bytes of a message cost as much as another copy */
#define OUTPUT_LOOK_SIZE (64 * 1024) /* output above this is compared with its limit at once    */

static void encoded_clear(struct gf_deliveries *deliveries)
{
    gf_chain_clear(&deliveries->encoded[0]);
    gf_chain_clear(&deliveries->encoded[1]);
}

/* The message as it goes to subscribers of `channel`. */
static const struct gf_chain *encoded_get(struct gf_deliveries *deliveries,
                                          const struct gf_publication *publication, uint8_t resp)
{
    static const char *const words[] = {"message", "pmessage", "smessage"};
    const struct gf_channel *channel = deliveries->channel;
    struct gf_chain *chain = &deliveries->encoded[resp - 2];
    bool pattern = channel->kind == GF_SUBSCRIPTION_PATTERN;
    struct gf_reply reply;

    if (!gf_chain_empty(chain))
        return chain;
    gf_reply_init(&reply, chain, resp);
    gf_reply_push(&reply, pattern ? 4 : 3);
    gf_reply_bulk_text(&reply, words[channel->kind]);
    if (pattern)
        gf_reply_bulk(&reply, channel->name);
    gf_reply_bulk(&reply, publication->channel);
    gf_reply_bulk(&reply, publication->message);
    gf_reply_end(&reply);
    gf_chain_seal(chain);
    return chain;
}

static void cursor_set(struct gf_deliveries *deliveries, struct gf_channel *channel)
{
    struct gf_link *link = channel ? gf_list_peek_front(&channel->subscriptions) : NULL;

    encoded_clear(deliveries);
    deliveries->channel = channel;
    deliveries->subscription =
        link ? gf_container(link, struct gf_subscription, channel_link) : NULL;
}

/* The first pattern from `link` on that the message matches. */
static struct gf_channel *pattern_from(const struct gf_list *patterns, struct gf_link *link,
                                       const struct gf_publication *publication)
{
    for (; link; link = gf_list_next(patterns, link)) {
        struct gf_channel *pattern = gf_container(link, struct gf_channel, link);

        if (gf_bytes_match(pattern->name, publication->channel, false))
            return pattern;
    }
    return NULL;
}

static const struct gf_publication *publication_first(const struct gf_deliveries *deliveries)
{
    struct gf_link *link = gf_list_peek_front(&deliveries->queue);

    GF_ASSERT(link != NULL);
    return gf_container(link, struct gf_publish_leg, link)->publication;
}

/* From a channel to the patterns, from a pattern to the next. */
static void cursor_next_channel(struct gf_worker *worker)
{
    struct gf_deliveries *deliveries = &worker->pubsub.deliveries;
    const struct gf_list *patterns = &worker->pubsub.channels[GF_SUBSCRIPTION_PATTERN];
    const struct gf_publication *publication = publication_first(deliveries);
    const struct gf_channel *channel = deliveries->channel;
    struct gf_link *from = gf_list_peek_front(patterns);

    if (publication->kind != GF_SUBSCRIPTION_CHANNEL)
        from = NULL;
    else if (channel && channel->kind == GF_SUBSCRIPTION_PATTERN)
        from = gf_list_next(patterns, &channel->link);
    cursor_set(deliveries, pattern_from(patterns, from, publication));
}

static void cursor_begin(struct gf_worker *worker)
{
    struct gf_deliveries *deliveries = &worker->pubsub.deliveries;
    const struct gf_publication *publication = publication_first(deliveries);

    deliveries->begun = true;
    cursor_set(deliveries, gf_pubsub_find(worker, (enum gf_subscription_kind)publication->kind,
                                          publication->channel));
    if (!deliveries->channel)
        cursor_next_channel(worker);
}

void gf_deliveries_pass(struct gf_worker *worker, const struct gf_subscription *subscription)
{
    struct gf_deliveries *deliveries = &worker->pubsub.deliveries;
    struct gf_link *next;

    if (deliveries->subscription != subscription)
        return;
    next = gf_list_next(&subscription->channel->subscriptions, &subscription->channel_link);
    deliveries->subscription =
        next ? gf_container(next, struct gf_subscription, channel_link) : NULL;
}

void gf_deliveries_pass_channel(struct gf_worker *worker, const struct gf_channel *channel)
{
    if (worker->pubsub.deliveries.channel == channel)
        cursor_next_channel(worker);
}

/* Copies the message into one connection's output. May close the connection. */
static void deliver_one(struct gf_conn *conn, const struct gf_chain *encoded)
{
    for (const struct gf_chunk *c = encoded->first; c; c = c->next)
        gf_chain_append(&conn->out, (struct gf_bytes){.data = c->data, .size = c->used});
    gf_conn_flush_later(conn);
    if (gf_chain_size(&conn->out) > OUTPUT_LOOK_SIZE)
        (void)gf_conn_limit_output(conn);
}

/* Messages were lost on the way here: who would have got them must not go on as if they had. */
static void close_subscribers(struct gf_worker *worker)
{
    struct gf_link *link = gf_list_peek_front(&worker->conns);

    while (link) {
        struct gf_conn *conn = gf_container(link, struct gf_conn, link);

        link = gf_list_next(&worker->conns, link);
        if (!conn->subscriber && !conn->tracking)
            continue;
        worker->counters.output_limit_disconnects++;
        gf_conn_close(conn, false);
    }
}

/* The first leg's message to all of its subscribers here, or as many as the budget allows. Returns
 * whether that was all. */
static bool deliver_some(struct gf_worker *worker, struct gf_publish_leg *leg, uint32_t *budget)
{
    struct gf_deliveries *deliveries = &worker->pubsub.deliveries;
    const struct gf_publication *publication = leg->publication;
    uint32_t cost = 1 + (uint32_t)(publication->message.size / COPY_COST_SIZE);

    if (!deliveries->begun)
        cursor_begin(worker);
    while (deliveries->channel) {
        struct gf_subscription *subscription = deliveries->subscription;

        if (!subscription) {
            cursor_next_channel(worker);
            continue;
        }
        if (*budget == 0)
            return false;
        gf_deliveries_pass(worker, subscription);
        *budget -= *budget < cost ? *budget : cost;
        if (subscription->since >= leg->sequence)
            continue;
        leg->receivers++;
        deliver_one(subscription->conn,
                    encoded_get(deliveries, publication, subscription->conn->session.resp));
    }
    deliveries->begun = false;
    return true;
}

static void deliver_tracking(struct gf_worker *worker, struct gf_publish_leg *leg, uint32_t *budget)
{
    leg->receivers = gf_tracking_deliver(worker, leg->publication);
    *budget -= leg->receivers < *budget ? (uint32_t)leg->receivers : *budget;
}

static void drain_done(struct gf_op *op, int result)
{
    struct gf_deliveries *deliveries = gf_container(op, struct gf_deliveries, drain);
    struct gf_pubsub *pubsub = gf_container(deliveries, struct gf_pubsub, deliveries);
    struct gf_worker *worker = gf_container(pubsub, struct gf_worker, pubsub);
    uint32_t budget = GF_DELIVERY_BUDGET;
    struct gf_link *link;

    (void)result; /* always GF_OK */
    while ((link = gf_list_peek_front(&deliveries->queue))) {
        struct gf_publish_leg *leg = gf_container(link, struct gf_publish_leg, link);

        if (leg->publication->gap)
            close_subscribers(worker);
        else if (budget == 0)
            break;
        else if (leg->publication->kind >= GF_PUBLICATION_INVALIDATE)
            deliver_tracking(worker, leg, &budget);
        else if (!deliver_some(worker, leg, &budget))
            break;
        gf_list_remove(link);
        if (leg->parcel.message.home == worker->core->id)
            gf_publish_leg_home(worker, leg);
        else
            gf_mesh_return(worker->core, &leg->parcel.message);
    }
    if (!gf_list_empty(&deliveries->queue) && !gf_op_is_deferred(op))
        gf_core_defer(worker->core, GF_PHASE_WORK, op);
}

void gf_publish_leg_arrive(struct gf_worker *worker, struct gf_publish_leg *leg)
{
    struct gf_pubsub *pubsub = &worker->pubsub;

    leg->sequence = ++pubsub->sequence;
    leg->receivers = 0;
    gf_list_push_back(&pubsub->deliveries.queue, &leg->link);
    if (!gf_op_is_deferred(&pubsub->deliveries.drain))
        gf_core_defer(worker->core, GF_PHASE_WORK, &pubsub->deliveries.drain);
}

/* ---- life ---------------------------------------------------------------------------------- */

void gf_deliveries_init(struct gf_worker *worker)
{
    gf_list_init(&worker->pubsub.deliveries.queue);
    worker->pubsub.deliveries.drain.done = drain_done;
}

void gf_deliveries_deinit(struct gf_worker *worker)
{
    GF_ASSERT(gf_deliveries_quiet(worker));
    gf_core_defer_cancel(worker->core, &worker->pubsub.deliveries.drain);
    encoded_clear(&worker->pubsub.deliveries);
}

bool gf_deliveries_quiet(const struct gf_worker *worker)
{
    const struct gf_deliveries *deliveries = &worker->pubsub.deliveries;

    return deliveries->publications_live == 0 && gf_list_empty(&deliveries->queue);
}
