/* Messages at home: a publication, with a leg for each core with subscribers. */
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
