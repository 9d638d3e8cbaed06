/* Client-side caching at the core of who caches: connections that track, and what they are sent. */
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/hash.h"
#include "shards/conn.h"
#include "shards/dispatch.h"
#include "shards/pubsub.h"
#include "shards/tracking.h"
#include "shards/worker.h"

static const char channel_name[] = "__redis__:invalidate";

/* ---- sent to connections ------------------------------------------------------------------- */

static uint64_t id_hash(uint64_t id)
{
    return gf_hash64(&id, sizeof(id), 0);
}

static struct gf_tracking *client_find(struct gf_worker *worker, uint64_t id)
{
    struct gf_named *named = gf_names_find(&worker->tracking.clients, id_hash(id));

    for (; named; named = gf_names_next(named)) {
        struct gf_tracking *tracking = gf_container(named, struct gf_tracking, named);

        if (tracking->conn->session.id == id)
            return tracking;
    }
    return NULL;
}

static struct gf_conn *target_find(struct gf_worker *worker, uint64_t id)
{
    struct gf_named *named = gf_names_find(&worker->tracking.targets, id_hash(id));

    for (; named; named = gf_names_next(named)) {
        struct gf_conn *conn = gf_container(named, struct gf_redirect_target, named)->conn;

        if (conn->session.id == id)
            return conn;
    }
    return NULL;
}

/* The keys of an invalidation: one, or null for all of them. resp: of who caches. */
static void reply_keys(struct gf_reply *reply, const struct gf_publication *publication,
                       uint8_t resp)
{
    bool flush = publication->kind == GF_PUBLICATION_FLUSH || publication->flush;

    if (!flush) {
        gf_reply_array(reply, 1);
        gf_reply_bulk(reply, publication->channel);
    } else if (resp == 3) {
        gf_reply_raw(reply, GF_BYTES("_\r\n"), 1);
    } else {
        gf_reply_raw(reply, GF_BYTES("$-1\r\n"), 1);
    }
}

/* Where a push to `conn` goes: behind the answers that are outstanding. */
static struct gf_request *push_begin(struct gf_conn *conn, struct gf_reply *ret_reply)
{
    struct gf_request *request;

    if (conn->requests_count == 0) {
        gf_reply_init(ret_reply, &conn->out, conn->session.resp);
        return NULL;
    }
    request = gf_dispatch_park(conn, ret_reply);
    request->discard = false; /* CLIENT REPLY is about answers */
    return request;
}

static void push_end(struct gf_conn *conn, struct gf_request *request, struct gf_reply *reply)
{
    gf_reply_end(reply);
    if (request)
        gf_dispatch_parked(conn, request);
    else
        gf_conn_flush_later(conn);
    gf_waiters_let_pass(conn);
}

/* To a connection that may read it: the one that caches, or the one it redirects to. */
static void tell(struct gf_conn *conn, const struct gf_publication *publication, bool redirected,
                 uint8_t resp)
{
    struct gf_request *request;
    struct gf_reply reply;

    if (conn->session.resp == 2 && (!redirected || !conn->subscriber))
        return;
    request = push_begin(conn, &reply);
    if (conn->session.resp == 3) {
        gf_reply_push(&reply, 2);
        gf_reply_bulk_text(&reply, "invalidate");
    } else {
        gf_reply_array(&reply, 3);
        gf_reply_bulk_text(&reply, "message");
        gf_reply_bulk_text(&reply, channel_name);
    }
    reply_keys(&reply, publication, resp);
    push_end(conn, request, &reply);
}

static void redirect(struct gf_worker *worker, const struct gf_tracking *tracking,
                     const struct gf_publication *publication)
{
    struct gf_bytes key = publication->channel;
    struct gf_publication *onward =
        gf_publication_create(worker, GF_PUBLICATION_REDIRECT, tracking->redirect_core, key.size);

    if (!onward)
        return;
    if (key.size > 0)
        memcpy(onward->bytes, key.data, key.size);
    onward->channel = (struct gf_bytes){.data = onward->bytes, .size = key.size};
    onward->flush = publication->kind == GF_PUBLICATION_FLUSH;
    onward->writer = tracking->conn->session.id;
    onward->resp = tracking->conn->session.resp;
    onward->target = tracking->redirect;
    gf_publication_start(worker, onward);
}

static void tell_client(struct gf_worker *worker, struct gf_tracking *tracking,
                        const struct gf_publication *publication)
{
    struct gf_conn *conn = tracking->conn;

    if (tracking->noloop && publication->writer == conn->session.id)
        return;
    if (tracking->redirect != 0)
        redirect(worker, tracking, publication);
    else
        tell(conn, publication, false, conn->session.resp);
}

static bool wants_key(const struct gf_tracking *tracking, struct gf_bytes key)
{
    for (uint32_t i = 0; i < tracking->prefixes_count; i++) {
        struct gf_bytes prefix = tracking->prefixes[i];

        if (prefix.size <= key.size &&
            (prefix.size == 0 || memcmp(prefix.data, key.data, prefix.size) == 0))
            return true;
    }
    return tracking->prefixes_count == 0;
}

static uint64_t deliver_to_all(struct gf_worker *worker, const struct gf_publication *publication)
{
    struct gf_link *link = gf_list_peek_front(&worker->tracking.list);
    bool bcast = publication->kind == GF_PUBLICATION_BCAST;
    uint64_t count = 0;

    for (; link; link = gf_list_next(&worker->tracking.list, link)) {
        struct gf_tracking *tracking = gf_container(link, struct gf_tracking, link);

        if (bcast && (!tracking->bcast || !wants_key(tracking, publication->channel)))
            continue;
        tell_client(worker, tracking, publication);
        count++;
    }
    return count;
}

/* ---- flushes ------------------------------------------------------------------------------- */

/* The place of a command's flush; a free one when none has told of it before; or NULL. */
static struct gf_tracking_flushing *flushing_find(struct gf_trackings *trackings, uint64_t command)
{
    struct gf_tracking_flushing *free_one = NULL;

    for (uint32_t i = 0; i < GF_TRACKING_FLUSHES; i++) {
        struct gf_tracking_flushing *it = &trackings->flushing[i];

        if (it->flush.cores > 0 && it->flush.command == command)
            return it;
        if (it->flush.cores == 0)
            free_one = it;
    }
    return free_one;
}

static bool nobody_tracks(const struct gf_worker *worker)
{
    return atomic_load_explicit(&worker->tracking.count, memory_order_relaxed) == 0;
}

/* One core more tells of a flush. Was it the last? */
static bool flush_is_told(struct gf_worker *worker, const struct gf_publication *publication)
{
    struct gf_tracking_flushing *it;

    if (publication->tells.command == 0)
        return true;
    if (nobody_tracks(worker))
        return false;
    it = flushing_find(&worker->tracking, publication->tells.command);
    if (!it)
        return true;
    if (it->flush.cores == 0)
        *it = (struct gf_tracking_flushing){.flush = publication->tells};
    return --it->flush.cores == 0;
}

/* Nobody tracks here any more: who tracks later has nothing from before. */
static void flushings_forget(struct gf_trackings *trackings)
{
    for (uint32_t i = 0; i < GF_TRACKING_FLUSHES; i++)
        trackings->flushing[i].flush.cores = 0;
}

void gf_tracking_settle(struct gf_worker *worker)
{
    struct gf_publication null = {.kind = GF_PUBLICATION_FLUSH};

    for (uint32_t i = 0; i < GF_TRACKING_FLUSHES; i++) {
        struct gf_tracking_flushing *it = &worker->tracking.flushing[i];

        if (it->flush.cores > 0 && it->old) {
            it->flush.cores = 0;
            (void)deliver_to_all(worker, &null);
        }
        it->old = true;
    }
}

/* ---- messages ------------------------------------------------------------------------------ */

uint64_t gf_tracking_deliver(struct gf_worker *worker, const struct gf_publication *publication)
{
    const char *ids = publication->message.data;
    uint64_t count = 0;

    if (publication->kind == GF_PUBLICATION_REDIRECT) {
        struct gf_conn *conn = target_find(worker, publication->target);

        if (conn)
            tell(conn, publication, true, publication->resp);
        return conn != NULL;
    }
    if (publication->kind == GF_PUBLICATION_FLUSH && !flush_is_told(worker, publication))
        return 0;
    if (publication->kind != GF_PUBLICATION_INVALIDATE)
        return deliver_to_all(worker, publication);
    for (size_t at = 0; at < publication->message.size; at += sizeof(uint64_t)) {
        struct gf_tracking *tracking;
        uint64_t id;

        memcpy(&id, ids + at, sizeof(id));
        tracking = client_find(worker, id);
        if (tracking && !tracking->bcast) {
            tell_client(worker, tracking, publication);
            count++;
        }
    }
    return count;
}

void gf_tracking_lost(struct gf_worker *worker, const struct gf_publication *publication)
{
    struct gf_tracking *tracking = client_find(worker, publication->writer);
    struct gf_request *request;
    struct gf_reply reply;

    if (!tracking || tracking->redirect != publication->target)
        return;
    tracking->broken = true;
    if (tracking->conn->session.resp != 3)
        return;
    request = push_begin(tracking->conn, &reply);
    gf_reply_push(&reply, 2);
    gf_reply_bulk_text(&reply, "tracking-redir-broken");
    gf_reply_int(&reply, (int64_t)tracking->redirect);
    push_end(tracking->conn, request, &reply);
}

/* ---- connections --------------------------------------------------------------------------- */

static void count_add(_Atomic uint32_t *count, int by)
{
    uint32_t now = atomic_load_explicit(count, memory_order_relaxed);

    atomic_store_explicit(count, now + (uint32_t)by, memory_order_seq_cst);
}

void gf_tracking_expect(struct gf_worker *worker, int by)
{
    count_add(&worker->tracking.bcast_count, by);
}

static void prefixes_free(struct gf_worker *worker, struct gf_tracking *tracking)
{
    worker->tracking.prefixes_count -= tracking->prefixes_count;
    for (uint32_t i = 0; i < tracking->prefixes_count; i++)
        gf_free(GF_MEMORY_OTHER, (void *)(uintptr_t)tracking->prefixes[i].data);
    gf_free(GF_MEMORY_OTHER, tracking->prefixes);
    tracking->prefixes = NULL;
    tracking->prefixes_count = 0;
}

/* More prefixes than before: a second CLIENT TRACKING ON adds its own. */
static void prefixes_add(struct gf_worker *worker, struct gf_tracking *tracking,
                         const struct gf_tracking *options)
{
    uint32_t count = tracking->prefixes_count + options->prefixes_count;
    struct gf_bytes *prefixes = gf_alloc(GF_MEMORY_OTHER, (count + 1) * sizeof(*prefixes));

    for (uint32_t i = 0; i < count; i++) {
        bool old = i < tracking->prefixes_count;
        struct gf_bytes from =
            old ? tracking->prefixes[i] : options->prefixes[i - tracking->prefixes_count];
        char *copy;

        if (old) {
            prefixes[i] = from;
            continue;
        }
        copy = gf_alloc(GF_MEMORY_OTHER, from.size + 1);
        if (from.size > 0)
            memcpy(copy, from.data, from.size);
        prefixes[i] = (struct gf_bytes){.data = copy, .size = from.size};
    }
    gf_free(GF_MEMORY_OTHER, tracking->prefixes);
    tracking->prefixes = prefixes;
    tracking->prefixes_count = count;
    worker->tracking.prefixes_count += options->prefixes_count;
}

void gf_tracking_on(struct gf_conn *conn, const struct gf_tracking *options)
{
    struct gf_worker *worker = conn->worker;
    struct gf_tracking *tracking = conn->tracking;

    if (!tracking) {
        tracking = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*tracking));
        tracking->conn = conn;
        tracking->bcast = options->bcast;
        gf_names_add(&worker->tracking.clients, &tracking->named, id_hash(conn->session.id));
        gf_list_push_back(&worker->tracking.list, &tracking->link);
        conn->tracking = tracking;
        conn->attention |= GF_ATTENTION_TRACKING;
        count_add(&worker->tracking.count, 1);
        count_add(&worker->tracking.bcast_count, tracking->bcast);
    }
    GF_ASSERT(tracking->bcast == options->bcast);
    tracking->optin = options->optin;
    tracking->optout = options->optout;
    tracking->noloop = options->noloop;
    tracking->caching = false;
    tracking->broken = false;
    tracking->redirect = options->redirect;
    tracking->redirect_core = options->redirect_core;
    prefixes_add(worker, tracking, options);
}

void gf_tracking_off(struct gf_conn *conn)
{
    struct gf_worker *worker = conn->worker;
    struct gf_tracking *tracking = conn->tracking;

    if (!tracking)
        return;
    gf_names_remove(&worker->tracking.clients, &tracking->named);
    gf_list_remove(&tracking->link);
    count_add(&worker->tracking.count, -1);
    count_add(&worker->tracking.bcast_count, -(int)tracking->bcast);
    if (nobody_tracks(worker))
        flushings_forget(&worker->tracking);
    prefixes_free(worker, tracking);
    gf_free(GF_MEMORY_OTHER, tracking);
    conn->tracking = NULL;
    conn->tracks = false;
    conn->attention &= ~(uint32_t)GF_ATTENTION_TRACKING;
}

void gf_tracking_target(struct gf_conn *conn)
{
    if (conn->redirect_target)
        return;
    conn->redirect_target = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*conn->redirect_target));
    conn->redirect_target->conn = conn;
    gf_names_add(&conn->worker->tracking.targets, &conn->redirect_target->named,
                 id_hash(conn->session.id));
}

void gf_tracking_leave(struct gf_conn *conn)
{
    gf_tracking_off(conn);
    if (!conn->redirect_target)
        return;
    gf_names_remove(&conn->worker->tracking.targets, &conn->redirect_target->named);
    gf_free(GF_MEMORY_OTHER, conn->redirect_target);
    conn->redirect_target = NULL;
}

void gf_tracking_begin(struct gf_conn *conn)
{
    const struct gf_tracking *tracking = conn->tracking;

    if (tracking->bcast)
        conn->tracks = false;
    else if (tracking->optin)
        conn->tracks = tracking->caching;
    else
        conn->tracks = !(tracking->optout && tracking->caching);
}

void gf_tracking_end(struct gf_conn *conn, const struct gf_command *command, bool ran)
{
    bool caching = command && strcmp(command->name, "CACHING") == 0;

    conn->tracks = false;
    /* What CLIENT CACHING says holds for one command, or one transaction. */
    if (conn->tracking && ran && !caching && !conn->transaction)
        conn->tracking->caching = false;
}
