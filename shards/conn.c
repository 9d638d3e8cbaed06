/* A client's life: open, receive, complete in order, close. See conn.h. */
#include "shards/conn.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "core/error.h"
#include "shards/background.h"
#include "shards/dispatch.h"
#include "shards/handover.h"
#include "shards/monitor.h"
#include "shards/pubsub.h"
#include "shards/tracking.h"
#include "shards/transaction.h"
#include "shards/waiters.h"
#include "shards/watch.h"
#include "shards/worker.h"

static void conn_recv_done(struct gf_op *op, int result);
static void conn_resume_done(struct gf_op *op, int result);
static void conn_closed_done(struct gf_op *op, int result);

void gf_session_deinit(struct gf_session *session)
{
    gf_free(GF_MEMORY_OTHER, session->name);
    gf_free(GF_MEMORY_OTHER, session->library_name);
    gf_free(GF_MEMORY_OTHER, session->library_version);
    gf_free(GF_MEMORY_OTHER, session->peer);
    gf_free(GF_MEMORY_OTHER, session->local);
    session->peer = NULL;
    session->local = NULL;
    session->name = NULL;
    session->library_name = NULL;
    session->library_version = NULL;
}

static void conn_start_receiving(struct gf_conn *conn)
{
    GF_ASSERT(!conn->receiving);
    conn->receiving = true;
    conn->worker->core->driver->ops->recv_start(conn->worker->core->driver, conn->handle,
                                                &conn->recv);
}

struct gf_conn *gf_conn_open(struct gf_worker *worker, int handle, const struct gf_session *session)
{
    struct gf_conn *conn = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*conn));

    gf_core_assert_here(worker->core->id);
    conn->worker = worker;
    conn->handle = handle;
    conn->session = *session;
    gf_parser_init(&conn->parser, &worker->parser_limits);
    conn->parser.authenticated = session->authenticated;
    gf_reply_init(&conn->reply, &conn->out, session->resp);
    gf_list_init(&conn->requests);
    gf_list_init(&conn->watches);
    conn->recv.op.done = conn_recv_done;
    conn->send.op.done = gf_conn_send_done;
    conn->flush.done = gf_conn_flush_done;
    conn->resume.done = conn_resume_done;
    conn->closed.done = conn_closed_done;
    if (!session->authenticated)
        conn->attention |= GF_ATTENTION_AUTH;
    if (session->reply_mode != GF_REPLY_ON)
        conn->attention |= GF_ATTENTION_REPLY;
    if (session->no_touch)
        conn->attention |= GF_ATTENTION_NO_TOUCH;

    gf_list_push_back(&worker->conns, &conn->link);
    gf_worker_count_conns(worker, 1);
    conn_start_receiving(conn);
    return conn;
}

/* Parses and runs what is in `in`, as far as that goes now. */
static void conn_process_in(struct gf_conn *conn)
{
    size_t used;

    if (conn->held || conn->moving || conn->state != GF_CONN_OPEN || conn->in.size == 0)
        return;
    used = gf_dispatch(conn, conn->in.data, conn->in.size);
    if (used == conn->in.size || conn->state != GF_CONN_OPEN)
        gf_buf_deinit(&conn->in);
    else
        gf_buf_consume(&conn->in, used);
}

int gf_conn_reserve_in(struct gf_conn *conn, size_t size)
{
    if (conn->in.size + size > conn->worker->settings.client_query_buffer_limit) {
        conn->worker->counters.query_limit_disconnects++;
        return GF_EFULL;
    }
    return gf_buf_reserve(&conn->in, size);
}

void gf_conn_adopt(struct gf_worker *worker, int handle, const struct gf_session *session,
                   struct gf_buf *in)
{
    struct gf_conn *conn = gf_conn_open(worker, handle, session);

    conn->in = *in;
    conn->in_since_ns = worker->core->now_ns;
    if (conn->in.size > 0)
        gf_core_defer(worker->core, GF_PHASE_WORK, &conn->resume);
}

/* Stop reading a connection that has enough unparsed bytes, read on when it has few again. */
static void conn_balance(struct gf_conn *conn)
{
    bool waits = gf_op_is_deferred(&conn->resume); /* a ring was full; resume comes back here */
    bool stopped =
        conn->held || conn->moving || conn->ended || waits || conn->state != GF_CONN_OPEN;
    struct gf_driver *driver = conn->worker->core->driver;

    if (conn->receiving && stopped && conn->in.size > GF_CONN_IN_HIGH && !conn->stopping_recv) {
        conn->stopping_recv = true;
        driver->ops->recv_stop(driver, &conn->recv);
    } else if (!conn->receiving && !stopped && conn->state == GF_CONN_OPEN) {
        conn_start_receiving(conn);
    }
}

static void conn_take_bytes(struct gf_conn *conn, const char *data, size_t size)
{
    size_t used = 0;

    if (conn->in.size == 0 && !conn->held && !conn->moving)
        used = gf_dispatch(conn, data, size);
    if (used < size && conn->state == GF_CONN_OPEN) {
        struct gf_bytes rest = {.data = data + used, .size = size - used};
        bool more_of_old = conn->in.size > 0;

        if (gf_conn_reserve_in(conn, rest.size) != GF_OK) {
            gf_conn_close(conn, false);
            return;
        }
        GF_ASSERT(gf_buf_append(&conn->in, rest) == GF_OK);
        conn->in_since_ns = conn->worker->core->now_ns;
        if (conn->in.size > GF_CONN_IN_LARGE)
            gf_maxmemory_expect(conn->worker, conn->in.size);
        if (more_of_old)
            conn_process_in(conn);
    }
}

/* Closes a connection whose client has sent its last request, once that has run. */
static void conn_close_if_ended(struct gf_conn *conn)
{
    if (conn->ended && conn->state == GF_CONN_OPEN && !conn->held &&
        !gf_op_is_deferred(&conn->resume))
        gf_conn_close(conn, true);
}

/* The client will send no more. */
static void conn_end(struct gf_conn *conn)
{
    conn->ended = true;
    if (conn->blocked) {
        gf_conn_close(conn, true); /* nobody is there to take what it waits for */
        return;
    }
    if (conn->moving) {
        conn->moving = false; /* not worth it any more */
        conn_process_in(conn);
    }
    conn_close_if_ended(conn);
}

static void conn_recv_done(struct gf_op *op, int result)
{
    struct gf_recv_op *recv = gf_container(op, struct gf_recv_op, op);
    struct gf_conn *conn = gf_container(recv, struct gf_conn, recv);
    struct gf_worker *worker = conn->worker;

    GF_ASSERT(conn->receiving);
    if (result > 0) {
        conn->session.bytes_in += (uint64_t)result;
        worker->counters.bytes_in += (uint64_t)result;
        worker->counters.receives++;
        if (conn->state != GF_CONN_OPEN)
            return;
        conn_take_bytes(conn, recv->data, (size_t)result);
        conn_balance(conn);
        return;
    }

    conn->receiving = false;
    if (conn->stopping_recv && result == GF_ECANCELED) {
        conn->stopping_recv = false;
        if (conn->moving)
            gf_handover_try(conn);
        else
            conn_balance(conn);
        return;
    }
    conn->stopping_recv = false;
    if (conn->state != GF_CONN_OPEN)
        return;
    if (result == 0)
        conn_end(conn);
    else
        gf_conn_close(conn, false);
}

void gf_conn_hold(struct gf_conn *conn)
{
    GF_ASSERT(!conn->held);
    conn->held = true;
}

void gf_conn_drain(struct gf_conn *conn)
{
    conn->draining = true;
    gf_conn_hold(conn);
}

void gf_conn_release(struct gf_conn *conn)
{
    GF_ASSERT(conn->held);
    if (GF_UNLIKELY(conn->executing != NULL)) {
        gf_transaction_resume(conn);
        return;
    }
    conn->held = false;
    /* The time until now was not the client's. */
    if (conn->state == GF_CONN_OPEN)
        conn->in_since_ns = conn->worker->core->now_ns;
    if (conn->state == GF_CONN_OPEN && !gf_op_is_deferred(&conn->resume))
        gf_core_defer(conn->worker->core, GF_PHASE_WORK, &conn->resume);
}

static void conn_resume_done(struct gf_op *op, int result)
{
    struct gf_conn *conn = gf_container(op, struct gf_conn, resume);

    (void)result; /* always GF_OK */
#ifdef GF_VERIFY_ENABLED
    gf_conn_check(conn);
#endif
    conn_process_in(conn);
    if (conn->state == GF_CONN_OPEN)
        conn_balance(conn);
    conn_close_if_ended(conn);
}

void gf_conn_complete(struct gf_conn *conn, struct gf_request *request)
{
    struct gf_link *link;

    GF_ASSERT(request->answered);
    while ((link = gf_list_peek_front(&conn->requests))) {
        struct gf_request *first = gf_container(link, struct gf_request, link);

        if (!first->answered)
            break;
        gf_list_remove(link);
        conn->requests_count--;
        gf_request_move_reply(first, &conn->out);
        gf_request_release(conn->worker, first);
    }
    gf_conn_flush_later(conn);
    if (conn->full && conn->requests_count <= GF_CONN_REQUESTS_MAX / 2) {
        conn->full = false;
        gf_conn_release(conn);
    }
    if (conn->draining && conn->requests_count == 0) {
        conn->draining = false;
        gf_conn_release(conn);
    }
}

/* Requests on other cores come back to nobody: they are dropped then. */
static void conn_forget_requests(struct gf_conn *conn)
{
    struct gf_link *link;

    while ((link = gf_list_pop_front(&conn->requests))) {
        struct gf_request *request = gf_container(link, struct gf_request, link);

        if (request->answered)
            gf_request_release(conn->worker, request);
        else
            request->conn = NULL;
    }
    conn->requests_count = 0;
}

/* A transaction that has not begun never will. What it is told of others ends, too. */
static void conn_forget_keys(struct gf_conn *conn)
{
    gf_transaction_end(conn);
    gf_watch_forget(conn);
    gf_pubsub_leave(conn);
    gf_tracking_leave(conn);
}

static void conn_close_now(struct gf_conn *conn, bool linger)
{
    struct gf_core *core = conn->worker->core;

    GF_ASSERT(conn->state == GF_CONN_OPEN || conn->state == GF_CONN_DRAINING);
    conn->state = GF_CONN_CLOSING;
    gf_waiters_leave(conn);
    conn_forget_requests(conn);
    conn_forget_keys(conn);
    gf_monitor_remove(conn);
    gf_conn_uncork(conn);
    gf_core_defer_cancel(core, &conn->flush);
    gf_core_defer_cancel(core, &conn->resume);
    gf_chain_clear(&conn->out);
    core->driver->ops->close(core->driver, conn->handle, linger, &conn->closed);
}

void gf_conn_close(struct gf_conn *conn, bool after_reply)
{
    struct gf_driver *driver = conn->worker->core->driver;

    if (conn->state == GF_CONN_CLOSING || conn->state == GF_CONN_CLOSED)
        return;
    if (!after_reply) {
        conn_close_now(conn, false);
        return;
    }
    if (conn->state == GF_CONN_DRAINING)
        return;
    conn->state = GF_CONN_DRAINING;
    gf_waiters_leave(conn);
    conn_forget_keys(conn);
    gf_monitor_remove(conn);
    conn->in_since_ns = conn->worker->core->now_ns;
    if (conn->receiving && !conn->stopping_recv) {
        conn->stopping_recv = true;
        driver->ops->recv_stop(driver, &conn->recv);
    }
    gf_conn_flush_later(conn);
}

void gf_conn_close_if_drained(struct gf_conn *conn)
{
    if (conn->state == GF_CONN_DRAINING && conn->requests_count == 0 && conn->pins == 0 &&
        !conn->sending && gf_chain_empty(&conn->out))
        conn_close_now(conn, true);
}

static void conn_free(struct gf_conn *conn)
{
    GF_ASSERT(conn->state == GF_CONN_CLOSED);
    GF_ASSERT(conn->pins == 0);
    GF_ASSERT(conn->subscriber == NULL);
    gf_list_remove(&conn->link);
    gf_parser_deinit(&conn->parser);
    gf_session_deinit(&conn->session);
    gf_buf_deinit(&conn->in);
    gf_chain_clear(&conn->out);
    gf_chain_clear(&conn->leaving);
    gf_free(GF_MEMORY_OTHER, conn);
}

/* Takes the connection off this core's books; the driver no longer knows its handle. */
void gf_conn_forget(struct gf_conn *conn)
{
    struct gf_worker *worker = conn->worker;

    conn->state = GF_CONN_CLOSED;
    gf_conn_uncork(conn);
    gf_core_defer_cancel(worker->core, &conn->flush);
    gf_core_defer_cancel(worker->core, &conn->resume);
    gf_worker_count_conns(worker, -1);
    if (conn->pins == 0)
        conn_free(conn);
}

static void conn_closed_done(struct gf_op *op, int result)
{
    struct gf_conn *conn = gf_container(op, struct gf_conn, closed);

    (void)result; /* closing cannot fail in a way that matters here: the handle is gone */
    GF_ASSERT(conn->state == GF_CONN_CLOSING);
    GF_ASSERT(!conn->receiving);
    GF_ASSERT(!conn->sending);
    gf_conn_forget(conn);
}

void gf_conn_pin(struct gf_conn *conn)
{
    conn->pins++;
}

void gf_conn_unpin(struct gf_conn *conn)
{
    GF_ASSERT(conn->pins > 0);
    conn->pins--;
    if (conn->pins > 0)
        return;
    if (conn->state == GF_CONN_CLOSED)
        conn_free(conn);
    else
        gf_conn_close_if_drained(conn);
}

void gf_conn_set_resp(struct gf_conn *conn, uint8_t resp)
{
    GF_ASSERT(resp == 2 || resp == 3);
    conn->session.resp = resp;
    conn->reply.resp = resp;
}

static void conn_check_requests(const struct gf_conn *conn)
{
    uint32_t count = 0;

    for (struct gf_link *link = gf_list_peek_front(&conn->requests); link;
         link = gf_list_next(&conn->requests, link)) {
        const struct gf_request *request = gf_container(link, struct gf_request, link);

        GF_ASSERT(request->conn == conn);
        GF_ASSERT(count > 0 || !request->answered);
        count++;
    }
    GF_ASSERT(count == conn->requests_count);
}

void gf_conn_check(const struct gf_conn *conn)
{
    bool may_send = conn->state == GF_CONN_OPEN || conn->state == GF_CONN_DRAINING;

    gf_core_assert_here(conn->worker->core->id);
    GF_ASSERT(conn->full + conn->draining + conn->paused <= (int)conn->held);
    conn_check_requests(conn);
    GF_ASSERT(may_send || conn->requests_count == 0);
    GF_ASSERT(conn->state == GF_CONN_OPEN || !conn->transaction);
    GF_ASSERT(conn->state == GF_CONN_OPEN || gf_list_empty(&conn->watches));
    GF_ASSERT(!conn->moving || (!conn->transaction && gf_list_empty(&conn->watches)));
    GF_ASSERT(!conn->moving || !conn->held);
    GF_ASSERT(!conn->moving || conn->requests_count == 0);
    gf_chain_check(&conn->out);
    gf_chain_check(&conn->leaving);
    GF_ASSERT(conn->sending == !gf_chain_empty(&conn->leaving));
    if (!may_send)
        GF_ASSERT(!gf_op_is_deferred(&conn->flush));
}

uint64_t gf_conn_turn_ms(const struct gf_worker *worker)
{
    return worker->core->now_ns / 1000000u;
}

/* The turn of a core that it came from may have begun after this one's. */
static uint64_t conn_since_ms(const struct gf_conn *conn, uint64_t then_ms)
{
    uint64_t now_ms = gf_conn_turn_ms(conn->worker);

    return now_ms > then_ms ? now_ms - then_ms : 0;
}

uint64_t gf_conn_age_ms(const struct gf_conn *conn)
{
    return conn_since_ms(conn, conn->session.created_ms);
}

uint64_t gf_conn_idle_ms(const struct gf_conn *conn)
{
    return conn_since_ms(conn, conn->session.active_ms);
}

static char *address_copy(const struct gf_address *address)
{
    size_t size = strlen(address->text) + 1;
    char *copy = gf_alloc(GF_MEMORY_OTHER, size);

    memcpy(copy, address->text, size);
    return copy;
}

static void conn_find_addresses(struct gf_conn *conn)
{
    struct gf_driver *driver = conn->worker->core->driver;
    struct gf_address local;
    struct gf_address peer;

    if (conn->session.peer)
        return;
    driver->ops->addresses(driver, conn->handle, &local, &peer);
    conn->session.local = address_copy(&local);
    conn->session.peer = address_copy(&peer);
}

const char *gf_conn_peer(struct gf_conn *conn)
{
    conn_find_addresses(conn);
    return conn->session.peer;
}

const char *gf_conn_local(struct gf_conn *conn)
{
    conn_find_addresses(conn);
    return conn->session.local;
}
