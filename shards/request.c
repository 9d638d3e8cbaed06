/* Requests: their pool, their words, their way to the owner and back. */
#include "shards/request.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "shards/conn.h"
#include "shards/dispatch.h"
#include "shards/multi.h"
#include "shards/notice.h"
#include "shards/plan.h"
#include "shards/server.h"
#include "shards/slice.h"
#include "shards/stay.h"
#include "shards/timing.h"
#include "shards/trip.h"
#include "shards/worker.h"

/* Requests kept for reuse: a deep pipeline of every connection of a benchmark; more go back to
 * the allocator. */
#define REQUESTS_POOL_MAX 8192

static void reply_start(struct gf_request *request)
{
    gf_chain_init_inside(&request->reply, gf_request_reply_chunk(request), GF_REQUEST_REPLY);
}

/* As a release leaves it. */
static void request_clear(struct gf_request *request)
{
    request->state = GF_REQUEST_IDLE;
    request->trip = NULL;
    request->errand = NULL;
    request->waiter = NULL;
    request->claim = (struct gf_claim){0};
    request->link = (struct gf_link){0};
    request->conn = NULL;
    request->block = NULL;
    request->partitions_block = NULL;
    request->holds = false;
    reply_start(request);
}

struct gf_request *gf_request_acquire(struct gf_worker *worker, struct gf_conn *conn)
{
    struct gf_link *link = gf_list_pop_front(&worker->requests_free);
    struct gf_request *request;

    if (link) {
        request = gf_container(link, struct gf_request, link);
        worker->requests_free_count--;
    } else {
        request = gf_alloc_aligned(GF_MEMORY_OTHER, sizeof(*request), GF_CACHE_LINE);
        request_clear(request);
    }
    worker->requests_live++;
    request->message = (struct gf_message){.home = worker->core->id, .kind = GF_MESSAGE_REQUEST};
    request->state = GF_REQUEST_QUEUED;
    request->duration_ns = 0;
    request->answered = false;
    request->spread = false;
    request->parked = false;
    request->woken = false;
    request->cancels = 0;
    request->no_touch = conn->session.no_touch;
    request->tracks = conn->tracks;
    request->one_core = gf_conn_sees_one_core(conn);
    request->discard = conn->reply.discard;
    request->client = conn->session.id;
    request->conn = conn;
    request->words_count = 0;
    request->partitions_count = 0;
    request->hashes = NULL;
    request->multi = NULL;
    return request;
}

/* Bytes of the words and of what points at them. */
static size_t words_room(const struct gf_bytes *words, uint32_t count)
{
    size_t size = count * sizeof(*words);

    for (uint32_t i = 0; i < count; i++)
        size += words[i].size;
    return size;
}

static void words_copy(const struct gf_bytes *words, uint32_t count, struct gf_bytes *copies)
{
    char *bytes = (char *)&copies[count];

    for (uint32_t i = 0; i < count; i++) {
        if (words[i].size > 0)
            memcpy(bytes, words[i].data, words[i].size);
        copies[i] = (struct gf_bytes){.data = bytes, .size = words[i].size};
        bytes += words[i].size;
    }
}

struct gf_bytes *gf_words_copy(const struct gf_bytes *words, uint32_t count)
{
    struct gf_bytes *copies = gf_alloc(GF_MEMORY_BUFFERS, words_room(words, count));

    words_copy(words, count, copies);
    return copies;
}

void gf_request_set_words(struct gf_request *request, const struct gf_bytes *words, uint32_t count)
{
    struct gf_bytes *copies = (struct gf_bytes *)(void *)request->inside;
    size_t size = words_room(words, count);

    if (size > GF_REQUEST_INSIDE) {
        GF_ASSERT(!request->block);
        request->block = gf_alloc(GF_MEMORY_BUFFERS, size);
        copies = request->block;
    }
    words_copy(words, count, copies);
    request->words = copies;
    request->words_count = count;
}

void gf_request_set_partitions(struct gf_request *request, const uint16_t *partitions,
                               const uint64_t *hashes, uint32_t count)
{
    size_t hashes_size = hashes ? count * sizeof(*hashes) : 0;
    char *block = gf_alloc(GF_MEMORY_OTHER, hashes_size + count * sizeof(*partitions));

    GF_ASSERT(!request->partitions_block);
    if (hashes) {
        memcpy(block, hashes, hashes_size);
        request->hashes = (uint64_t *)(void *)block;
    }
    memcpy(block + hashes_size, partitions, count * sizeof(*partitions));
    request->partitions_block = block;
    request->partitions = (uint16_t *)(void *)(block + hashes_size);
    request->partitions_count = count;
}

void gf_request_move_reply(struct gf_request *request, struct gf_chain *chain)
{
    struct gf_chunk *inside = gf_request_reply_chunk(request);
    struct gf_chain *reply = &request->reply;

    if (!request->discard) {
        gf_chain_seal(reply);
        if (reply->first == inside) {
            gf_chain_append(chain, (struct gf_bytes){.data = inside->data, .size = inside->used});
            if (inside->used > 0)
                gf_chain_consume(reply, inside->used);
        }
        if (!gf_chain_empty(reply))
            gf_chain_splice(chain, reply);
    }
    gf_request_drop_reply(request);
}

void gf_request_drop_reply(struct gf_request *request)
{
    gf_chain_clear(&request->reply);
    reply_start(request);
}

void gf_request_release(struct gf_worker *worker, struct gf_request *request)
{
    GF_ASSERT(request->message.home == worker->core->id);
    GF_ASSERT(gf_link_is_free(&request->link));

    /* Taken already: it is as it was, and its lines need not be written again. */
    if (request->reply.cursor != gf_request_reply_chunk(request)->data)
        gf_request_drop_reply(request);
    if (GF_UNLIKELY(request->trip != NULL))
        gf_trip_end(request);
    if (request->block) {
        gf_free(GF_MEMORY_BUFFERS, request->block);
        request->block = NULL;
    }
    if (request->partitions_block) {
        gf_free(GF_MEMORY_OTHER, request->partitions_block);
        request->partitions_block = NULL;
    }
    request->state = GF_REQUEST_IDLE;
    request->conn = NULL;
    worker->requests_live--;
    if (worker->requests_free_count >= REQUESTS_POOL_MAX) {
        gf_free(GF_MEMORY_OTHER, request);
        return;
    }
    /* Front: the one used last is still in the cache. */
    gf_list_push_front(&worker->requests_free, &request->link);
    worker->requests_free_count++;
}

void gf_requests_deinit(struct gf_worker *worker)
{
    struct gf_link *link;

    GF_ASSERT(worker->requests_live == 0);
    while ((link = gf_list_pop_front(&worker->requests_free)))
        gf_free(GF_MEMORY_OTHER, gf_container(link, struct gf_request, link));
}

void gf_request_make_run(struct gf_worker *worker, struct gf_request *request,
                         struct gf_reply *reply, struct gf_run *ret_run)
{
    struct gf_scan_trip *trip = request->trip ? &request->trip->scan : NULL;

    *ret_run = (struct gf_run){
        .command = request->command,
        .words = request->words,
        .words_count = request->words_count,
        .db = request->db,
        .partition = request->partition,
        .key_hash = request->key_hash,
        .space = &worker->space.space,
        .reply = reply,
        .client = request->client,
        .no_touch = request->no_touch,
        .tracker = request->tracks ? request->message.home + 1u : 0,
        .one_core = request->one_core,
        .part = trip && trip->begun, /* counted at its first stop */
        .trip = trip,
    };
    gf_reply_init(reply, &request->reply, request->resp);
}

static bool request_do_errand(struct gf_worker *worker, struct gf_request *request)
{
    if (!request->errand->run(worker, request))
        return false;
    request->state = GF_REQUEST_DONE;
    return true;
}

/* It is to run in slices, and keeps its key meanwhile. */
static bool request_slice(struct gf_worker *worker, struct gf_request *request)
{
    if (!request->holds) {
        request->claim = (struct gf_claim){
            .partitions = request->partitions,
            .hashes = request->hashes,
            .count = request->partitions_count,
            .holds = true,
        };
        request->holds = gf_locks_claim(&worker->locks, &request->claim);
        GF_ASSERT(request->holds); /* it has just been used, so it is free */
    }
    return gf_slice_run(worker, request);
}

/* Whether it is worth slices, as far as that can be told before it runs. */
static bool request_is_worth(struct gf_worker *worker, const struct gf_request *request)
{
    return (request->holds || request->multi) && !gf_command_has_one_key(request->command) &&
           gf_slice_is_worth(worker, request->command, request->db, request->words,
                             request->words_count);
}

bool gf_request_run(struct gf_worker *worker, struct gf_request *request)
{
    struct gf_reply reply;
    struct gf_run run;

    if (GF_UNLIKELY(request->errand != NULL))
        return request_do_errand(worker, request);
    if (GF_UNLIKELY(request->command->flags & GF_BLOCKING))
        return gf_waiters_run(worker, request);
    if (GF_UNLIKELY(request->command->flags & GF_SLICED) && request_is_worth(worker, request))
        return gf_slice_run(worker, request);
    gf_request_make_run(worker, request, &reply, &run);
    run.may_postpone = !request->multi && gf_command_may_postpone(request->command);
    gf_run_command(worker, &run);
    if (GF_UNLIKELY(run.postponed))
        return request_slice(worker, request);
    request->duration_ns += run.duration_ns;
    request->state = GF_REQUEST_DONE;
    return true;
}

/* Gives a request that ran here back to its home. */
static void request_finish(struct gf_worker *worker, struct gf_request *request)
{
    if (request->message.home == worker->core->id)
        gf_request_home(worker, request);
    else
        gf_stay_return(worker, &request->message, GF_MESSAGE_REQUEST);
    gf_waiters_after(worker);
}

/* It waits here; its home is told, and keeps its memory for us. */
static void request_park(struct gf_worker *worker, struct gf_request *request)
{
    if (request->message.home == worker->core->id) {
        gf_waiters_parked(worker, request);
        return;
    }
    gf_stay_return(worker, &request->message, GF_MESSAGE_PARKED);
}

/* It ran in one go, or in slices: others may have its keys. */
static void request_ran(struct gf_worker *worker, struct gf_request *request)
{
    if (request->holds) {
        request->holds = false;
        gf_locks_release(&worker->locks, &request->claim);
    }
    request_finish(worker, request);
}

static void request_run_here(struct gf_worker *worker, struct gf_request *request)
{
    if (gf_request_run(worker, request))
        request_ran(worker, request);
    else if (request->state == GF_REQUEST_PARKED)
        request_park(worker, request);
    else if (request->holds) /* in slices */
        gf_stay_begin(worker, &request->message);
}

static void request_granted(struct gf_claim *claim)
{
    struct gf_request *request = gf_container(claim, struct gf_request, claim);
    struct gf_worker *worker = gf_worker_of(gf_core_here());

    GF_ASSERT(request->state == GF_REQUEST_WAITING);
    gf_stay_end(worker, &request->message);
    request_run_here(worker, request);
}

void gf_request_ran(struct gf_worker *worker, struct gf_request *request)
{
    request->state = GF_REQUEST_DONE;
    if (request->multi) {
        gf_multi_ran(worker, request->multi);
        return;
    }
    gf_stay_end(worker, &request->message);
    request_ran(worker, request);
}

void gf_request_slice(struct gf_worker *worker, struct gf_request *request)
{
    GF_ASSERT(request->state == GF_REQUEST_QUEUED);
    request->state = GF_REQUEST_ARRIVED;
    if (request_slice(worker, request))
        request_ran(worker, request);
}

/* Whether its partitions, or keys, are free: false, and it waits. What may pause keeps its keys, if
 * it is worth it. Where that is not known yet and others wait, it does, too: what comes behind it
 * must not pass it. */
static bool request_claim(struct gf_worker *worker, struct gf_request *request)
{
    bool sliced = (request->command->flags & GF_SLICED) != 0 && request->hashes;

    request->claim = (struct gf_claim){
        .partitions = request->partitions,
        .hashes = request->hashes,
        .count = request->partitions_count,
        .holds = sliced,
        .names = gf_command_sees_names(request->command),
        .granted = request_granted,
    };
    if (sliced && gf_locks_idle(&worker->locks) &&
        (gf_command_has_one_key(request->command) ||
         !gf_slice_is_worth(worker, request->command, request->db, request->words,
                            request->words_count)))
        return true;
    request->holds = sliced;
    return gf_locks_claim(&worker->locks, &request->claim);
}

void gf_request_arrive(struct gf_worker *worker, struct gf_request *request)
{
    GF_ASSERT(request->state == GF_REQUEST_QUEUED);
    GF_ASSERT(request->owner == worker->core->id);

    request->state = GF_REQUEST_ARRIVED;
    if (GF_UNLIKELY(!gf_locks_idle(&worker->locks) || (request->command->flags & GF_SLICED)) &&
        request->partitions_count > 0 && !request_claim(worker, request)) {
        request->state = GF_REQUEST_WAITING;
        gf_stay_begin(worker, &request->message);
        return;
    }
    request_run_here(worker, request);
}

/* Whoever was held until this request is home. */
static struct gf_conn *request_holds(const struct gf_request *request)
{
    struct gf_conn *conn = request->conn;
    bool holds = request->trip || (request->errand && !request->multi);

    if (!conn)
        return NULL;
    if (conn->held && !request->multi)
        holds |= gf_command_sees_names(request->command);
    if (conn->blocking == request) {
        holds = !request->spread;
        conn->worker->waiting.clients -= conn->blocked;
        conn->blocking = NULL;
        conn->blocked = false;
    }
    return holds && conn->held ? conn : NULL;
}

void gf_request_home(struct gf_worker *worker, struct gf_request *request)
{
    struct gf_errand *errand = request->errand;
    struct gf_conn *held;

    GF_ASSERT(request->state == GF_REQUEST_DONE);
    GF_ASSERT(!request->answered);
    if (GF_UNLIKELY(request->trip != NULL) && gf_trip_goes_on(worker, request))
        return;
    held = request_holds(request);
    request->errand = NULL;
    request->answered = true;
    if (GF_UNLIKELY(request->duration_ns >= worker->notable_ns && request->conn))
        gf_notice_slow(request->conn, request->command, request->words, request->words_count,
                       request->duration_ns);
    if (request->conn)
        gf_conn_complete(request->conn, request);
    else
        gf_request_release(worker, request);
    if (held)
        gf_conn_release(held);
    if (GF_UNLIKELY(errand != NULL))
        errand->done(worker, errand);
}

void gf_request_start(struct gf_worker *worker, struct gf_request *request)
{
    if (request->owner == worker->core->id) {
        gf_request_arrive(worker, request);
        return;
    }
    worker->counters.commands_remote++;
    bool posted = gf_mesh_post(worker->core, request->owner, &request->message);

    GF_ASSERT(posted); /* the caller asked gf_parcel_room_for_request */
}
