/* Messages: a publication at home, a leg for each core with subscribers. */
#include "shards/publish.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "protocol/reply.h"
#include "shards/ask.h"
#include "shards/conn.h"
#include "shards/dispatch.h"
#include "shards/pubsub.h"
#include "shards/request.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/stats.h"
#include "shards/tracking.h"
#include "shards/worker.h"

#define COPY_COST_SIZE 4096u         /* so many bytes of a message cost as much as another copy */
#define OUTPUT_LOOK_SIZE (64 * 1024) /* output above this is compared with its limit at once    */

/* ---- delivery ------------------------------------------------------------------------------ */

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

/* ---- at home ------------------------------------------------------------------------------- */

static void count_run(struct gf_worker *worker, const struct gf_command *command)
{
    gf_worker_stats_of(worker, command)->calls++;
    worker->counters.commands_processed++;
}

/* Every core has delivered: the client that published learns to how many. */
static void request_answer(struct gf_worker *worker, struct gf_request *request, uint64_t receivers)
{
    struct gf_reply reply;

    gf_reply_init(&reply, &request->reply, request->resp);
    gf_reply_int(&reply, (int64_t)receivers);
    gf_reply_end(&reply);
    request->state = GF_REQUEST_DONE;
    count_run(worker, request->command);
    gf_request_home(worker, request);
}

void gf_publish_leg_home(struct gf_worker *worker, struct gf_publish_leg *leg)
{
    struct gf_publication *publication = leg->publication;
    struct gf_deliveries *deliveries = &worker->pubsub.deliveries;

    publication->receivers += leg->receivers;
    GF_ASSERT(publication->legs_out > 0);
    if (--publication->legs_out > 0)
        return;
    deliveries->publications_live--;
    deliveries->waiting_size -= publication->size;
    if (publication->gap)
        deliveries->gap = false;
    if (publication->kind == GF_PUBLICATION_REDIRECT && publication->receivers == 0)
        gf_tracking_lost(worker, publication);
    if (publication->request)
        request_answer(worker, publication->request, publication->receivers);
    gf_free(GF_MEMORY_BUFFERS, publication);
}

static bool core_wants(const struct gf_worker *worker, uint16_t core, int kind)
{
    const struct gf_trackings *trackings = &worker->server->workers[core].tracking;

    if (kind == GF_PUBLICATION_BCAST)
        return atomic_load_explicit(&trackings->bcast_count, memory_order_seq_cst) > 0;
    if (kind == GF_PUBLICATION_FLUSH)
        return atomic_load_explicit(&trackings->count, memory_order_seq_cst) > 0;
    return gf_pubsub_has_interest(worker, core, (enum gf_subscription_kind)kind);
}

/* With a leg for `only`; or for each core that wants it, and for this one, so that there always is
 * one. */
static struct gf_publication *publication_create(struct gf_worker *worker, int kind, uint16_t only,
                                                 size_t size)
{
    uint16_t cores = worker->core->count;
    size_t legs_size = cores * sizeof(struct gf_publish_leg);
    struct gf_publication *publication =
        gf_alloc(GF_MEMORY_BUFFERS, sizeof(*publication) + legs_size + size);
    uint32_t count = 0;

    *publication = (struct gf_publication){
        .kind = (uint8_t)kind,
        .size = size,
        .legs = (struct gf_publish_leg *)(void *)(publication + 1),
        .bytes = (char *)(publication + 1) + legs_size,
    };
    for (uint16_t core = 0; core < cores; core++) {
        bool here = core == worker->core->id;

        if (only == GF_ALL_CORES ? !here && !core_wants(worker, core, kind) : core != only)
            continue;
        publication->legs[count++] = (struct gf_publish_leg){
            .publication = publication,
            .parcel = {.message = {.home = worker->core->id, .kind = GF_MESSAGE_PUBLISH},
                       .to = core},
        };
    }
    publication->legs_out = count;
    return publication;
}

void gf_publication_start(struct gf_worker *worker, struct gf_publication *publication)
{
    uint32_t count = publication->legs_out;

    GF_ASSERT(count > 0);
    worker->pubsub.deliveries.publications_live++;
    worker->pubsub.deliveries.waiting_size += publication->size;
    for (uint32_t i = 0; i < count; i++) {
        struct gf_publish_leg *leg = &publication->legs[i];

        if (leg->parcel.to == worker->core->id)
            gf_publish_leg_arrive(worker, leg);
        else
            gf_parcel_post(worker, &leg->parcel);
    }
}

bool gf_publish_is_wanted(const struct gf_worker *worker, int kind)
{
    for (uint16_t core = 0; core < worker->core->count; core++) {
        if (core_wants(worker, core, kind))
            return true;
    }
    return false;
}

/* Too much is under way: the cores that it is for are told that some of it is missing. */
static void publish_gap(struct gf_worker *worker, int kind, uint16_t only)
{
    struct gf_publication *publication;

    if (worker->pubsub.deliveries.gap)
        return;
    worker->pubsub.deliveries.gap = true;
    publication = publication_create(worker, kind, only, 0);
    publication->gap = true;
    gf_publication_start(worker, publication);
}

struct gf_publication *gf_publication_create(struct gf_worker *worker, int kind, uint16_t core,
                                             size_t size)
{
    if (worker->pubsub.deliveries.waiting_size + size <= GF_PUBLISH_WAITING_MAX)
        return publication_create(worker, kind, core, size);
    publish_gap(worker, kind, core);
    return NULL;
}

static char *bytes_put(char *to, struct gf_bytes from, struct gf_bytes *ret_bytes)
{
    if (from.size > 0)
        memcpy(to, from.data, from.size);
    *ret_bytes = (struct gf_bytes){.data = to, .size = from.size};
    return to + from.size;
}

void gf_publish(struct gf_worker *worker, int kind, struct gf_bytes channel,
                struct gf_bytes message)
{
    struct gf_publication *publication;

    if (!gf_publish_is_wanted(worker, kind))
        return;
    publication = gf_publication_create(worker, kind, GF_ALL_CORES, channel.size + message.size);
    if (!publication)
        return;
    bytes_put(bytes_put(publication->bytes, channel, &publication->channel), message,
              &publication->message);
    gf_publication_start(worker, publication);
}

/* ---- PUBLISH ------------------------------------------------------------------------------- */

static enum gf_subscription_kind kind_of(const struct gf_command *command)
{
    return command->name[0] == 'S' ? GF_SUBSCRIPTION_SHARD : GF_SUBSCRIPTION_CHANNEL;
}

static bool has_room(const struct gf_worker *worker, enum gf_subscription_kind kind)
{
    for (uint16_t core = 0; core < worker->core->count; core++) {
        if (core != worker->core->id && core_wants(worker, core, kind) &&
            !gf_parcel_room_for_request(worker, core))
            return false;
    }
    return true;
}

bool gf_publish_dispatch(struct gf_conn *conn, const struct gf_ahead *ahead,
                         const struct gf_bytes *words)
{
    struct gf_worker *worker = conn->worker;
    enum gf_subscription_kind kind = kind_of(ahead->command);
    struct gf_publication *publication;
    struct gf_request *request;

    if (!gf_publish_is_wanted(worker, kind) && conn->requests_count == 0) {
        gf_reply_int(&conn->reply, 0);
        gf_reply_end(&conn->reply);
        count_run(worker, ahead->command);
        return true;
    }
    if (!has_room(worker, kind))
        return false;
    request = gf_request_acquire(worker, conn);
    request->command = ahead->command;
    request->resp = conn->session.resp;
    request->db = conn->session.db;
    request->owner = worker->core->id;
    gf_request_set_words(request, words, ahead->parsed.words_count);
    gf_list_push_back(&conn->requests, &request->link);
    conn->requests_count++;
    publication = publication_create(worker, kind, GF_ALL_CORES, 0);
    publication->request = request;
    publication->channel = request->words[1];
    publication->message = request->words[2];
    gf_publication_start(worker, publication);
    return true;
}

/* A PUBLISH within a transaction: its answer cannot come later, so what it will reach is asked for
 * behind it. */
struct receivers_ask {
    struct gf_ask ask; /* first */
    enum gf_subscription_kind kind;
    struct gf_bytes channel; /* owned */
};

static void receivers_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    const struct receivers_ask *asked = gf_container(ask, struct receivers_ask, ask);
    uint64_t *receivers = gf_ask_slot(ask, worker->core->id);

    *receivers = gf_pubsub_receivers(worker, asked->kind, asked->channel);
}

static void receivers_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    uint64_t receivers = 0;

    for (uint32_t core = 0; core < ask->cores_count; core++)
        receivers += *(const uint64_t *)gf_ask_slot(ask, core);
    gf_reply_int(reply, (int64_t)receivers);
}

static void receivers_deinit(struct gf_ask *ask)
{
    struct receivers_ask *asked = gf_container(ask, struct receivers_ask, ask);

    gf_free(GF_MEMORY_OTHER, (void *)(uintptr_t)asked->channel.data);
}

static const struct gf_ask_kind receivers_kind = {
    .size = sizeof(struct receivers_ask),
    .slot_size = sizeof(uint64_t),
    .on_core = receivers_on_core,
    .answer = receivers_answer,
    .deinit = receivers_deinit,
};

void gf_publish_run(struct gf_exec *x)
{
    struct gf_worker *worker = gf_session_of(x)->worker;
    enum gf_subscription_kind kind = kind_of(x->command);
    struct gf_bytes channel = gf_args_next(x->args);
    struct receivers_ask *asked;

    if (!gf_publish_is_wanted(worker, kind)) {
        gf_reply_int(x->reply, 0);
        return;
    }
    gf_publish(worker, kind, channel, gf_args_next(x->args));
    asked = gf_container(gf_ask_create(x, &receivers_kind), struct receivers_ask, ask);
    asked->kind = kind;
    bytes_put(gf_alloc(GF_MEMORY_OTHER, channel.size + 1), channel, &asked->channel);
    gf_ask_start(&asked->ask);
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
