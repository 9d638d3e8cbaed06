/* What the core that runs a waiter and the home of its request tell each other. See waiters.h.
 *
 *     home                              core of the keys
 *     request ------------------------> run: nothing there, parked
 *       <------------ parked ------------'   (the request's place in the ring is free again; its
 *                                             memory is the other core's until the wake)
 *     cancel -------------------------> ends at once, or when the partitions are free
 *       <------------ cancel ------------'
 *       <------------- wake: answered -- (or what it waited for came)
 *     request home     '--- wake -------> freed
 *
 * A cancel may cross with the wake: the request stays until the cancel is back.
 */
#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "shards/conn.h"
#include "shards/request.h"
#include "shards/wait_line.h"
#include "shards/worker.h"

static bool request_is_here(const struct gf_worker *worker, const struct gf_request *request)
{
    return request->spread || request->owner == worker->core->id;
}

/* ---- parked -------------------------------------------------------------------------------- */

/* The connection's request is not its own any more. */
static struct gf_request *conn_let_go(struct gf_conn *conn)
{
    struct gf_request *request = conn->blocking;

    gf_list_remove(&request->link);
    conn->requests_count--;
    conn->blocking = NULL;
    conn->blocked = false;
    conn->worker->waiting.clients--;
    request->conn = NULL;
    return request;
}

void gf_waiters_leave(struct gf_conn *conn)
{
    if (conn->blocked)
        (void)gf_waiters_cancel(conn->worker, conn_let_go(conn), GF_WAIT_GONE);
}

/* It is answered, though its answer is not home: what comes now comes behind that. */
static bool request_is_answered(const struct gf_request *request)
{
    return request->woken || (request->spread && !request->waiter);
}

void gf_waiters_let_pass(struct gf_conn *conn)
{
    struct gf_request *request = conn->blocking;
    struct gf_request *first;

    if (!conn->blocked || request_is_answered(request))
        return;
    gf_list_remove(&request->link);
    gf_list_push_back(&conn->requests, &request->link);
    first = gf_container(gf_list_peek_front(&conn->requests), struct gf_request, link);
    if (first->answered)
        gf_conn_complete(conn, first);
}

void gf_waiters_parked(struct gf_worker *worker, struct gf_request *request)
{
    struct gf_conn *conn = request->conn;

    GF_ASSERT(!request->parked);
    request->parked = true;
    if (!conn) {
        (void)gf_waiters_cancel(worker, request, GF_WAIT_GONE);
        return;
    }
    GF_ASSERT(conn->blocking == request);
    conn->blocked = true;
    worker->waiting.clients++;
    gf_waiters_let_pass(conn);
    if (!gf_chain_empty(&conn->out))
        gf_conn_flush_later(conn); /* what is answered does not wait with it */
    if (conn->ended)
        gf_conn_close(conn, true);
    if (conn->state == GF_CONN_OPEN)
        return;
    gf_waiters_leave(conn);
    gf_conn_close_if_drained(conn);
}

/* ---- the other core tells home ------------------------------------------------------------- */

static void wake_post(struct gf_worker *worker, uint16_t home, struct gf_request *request,
                      struct gf_waiter *waiter)
{
    struct gf_wake *wake = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*wake));

    wake->parcel.message = (struct gf_message){.home = worker->core->id, .kind = GF_MESSAGE_WAKE};
    wake->parcel.to = home;
    wake->request = request;
    wake->waiter = waiter;
    worker->waiting.messages++;
    gf_parcel_post(worker, &wake->parcel);
}

void gf_wake_answered(struct gf_worker *worker, struct gf_request *request)
{
    uint16_t home = request->message.home;

    if (home == worker->core->id)
        gf_request_home(worker, request);
    else
        wake_post(worker, home, request, NULL);
}

void gf_wake_changed(struct gf_worker *worker, struct gf_wait_entry *entry)
{
    struct gf_waiter *waiter = entry->waiter;
    uint16_t home = waiter->request->message.home;

    entry->wakes++;
    if (home == worker->core->id)
        gf_waiter_woken(worker, waiter);
    else
        wake_post(worker, home, NULL, waiter);
}

/* The request is all home's again. */
static void request_woken(struct gf_worker *worker, struct gf_request *request)
{
    request->woken = true;
    if (request->cancels > 0)
        return;
    request->message.kind = GF_MESSAGE_REQUEST;
    gf_request_home(worker, request);
}

void gf_wake_arrive(struct gf_worker *worker, struct gf_wake *wake)
{
    if (wake->waiter)
        gf_waiter_woken(worker, wake->waiter);
    else
        request_woken(worker, wake->request);
    gf_mesh_return(worker->core, &wake->parcel.message);
}

void gf_wake_home(struct gf_worker *worker, struct gf_wake *wake)
{
    GF_ASSERT(worker->waiting.messages > 0);
    worker->waiting.messages--;
    gf_free(GF_MEMORY_OTHER, wake);
}

/* ---- home tells the other core ------------------------------------------------------------- */

bool gf_waiters_cancel(struct gf_worker *worker, struct gf_request *request, enum gf_wait_end end)
{
    struct gf_cancel *cancel;
    bool waits = true;

    GF_ASSERT(request->parked);
    if (request_is_here(worker, request)) {
        waits = request->waiter != NULL; /* else a spread one is answered, its partitions go back */
        if (waits)
            gf_waiter_end(worker, request->waiter, end);
        return waits;
    }
    cancel = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*cancel));
    cancel->parcel.message =
        (struct gf_message){.home = worker->core->id, .kind = GF_MESSAGE_CANCEL};
    cancel->parcel.to = request->owner;
    cancel->request = request;
    cancel->end = end;
    request->cancels++;
    worker->waiting.messages++;
    gf_parcel_post(worker, &cancel->parcel);
    return waits;
}

void gf_cancel_arrive(struct gf_worker *worker, struct gf_cancel *cancel)
{
    if (cancel->request->waiter)
        gf_waiter_end(worker, cancel->request->waiter, cancel->end);
    gf_mesh_return(worker->core, &cancel->parcel.message);
}

void gf_cancel_home(struct gf_worker *worker, struct gf_cancel *cancel)
{
    struct gf_request *request = cancel->request;

    GF_ASSERT(worker->waiting.messages > 0);
    GF_ASSERT(request->cancels > 0);
    worker->waiting.messages--;
    request->cancels--;
    gf_free(GF_MEMORY_OTHER, cancel);
    if (request->woken)
        request_woken(worker, request);
}
