/* A client's answers on their way out: one send per turn, limits on what waits.
 *
 * Happy path: answers collect in `out`; in the send phase `out` becomes `leaving` and is sent; when
 * the kernel has taken all of it, the next `out` follows. One send is in flight at most.
 *
 * Corked: behind answers that are there, others of the same pipeline are still on other cores. They
 * will be back before a send were worth its while, so `out` waits for them, CORK_NS at most: half
 * the sends, half the wake-ups of the client.
 *
 * Failure: a send that fails closes the connection. Too much output does, too: more than the hard
 * limit at once, or more than the soft limit for its number of seconds. That is looked at when
 * output collects behind a send, between the batches of a long pipeline, and at every tick.
 */
#include "core/assert.h"
#include "core/core.h"
#include "shards/conn.h"
#include "shards/handover.h"
#include "shards/worker.h"

#define CORK_NS 200000      /* some ten trips to another core and back */
#define CORK_SIZE_MAX 16384 /* bytes of answers that are worth a send of their own */

size_t gf_conn_output_size(const struct gf_conn *conn)
{
    size_t sent = conn->sending ? conn->send.sent : 0;

    return gf_chain_size(&conn->out) + gf_chain_size(&conn->leaving) - sent;
}

bool gf_conn_limit_output(struct gf_conn *conn)
{
    enum gf_output_class class = conn->subscriber ? GF_OUTPUT_PUBSUB : GF_OUTPUT_NORMAL;
    const struct gf_output_limit *limit = &conn->worker->output_limits[class];
    size_t size = gf_conn_output_size(conn);
    uint64_t now_ns = conn->worker->core->now_ns;

    if (limit->soft_size == 0 || size <= limit->soft_size)
        conn->out_since_ns = 0;
    else if (conn->out_since_ns == 0)
        conn->out_since_ns = now_ns;
    if ((limit->hard_size > 0 && size > limit->hard_size) ||
        (conn->out_since_ns != 0 && now_ns - conn->out_since_ns > limit->soft_ns)) {
        conn->worker->counters.output_limit_disconnects++;
        gf_conn_close(conn, false);
        return true;
    }
    return false;
}

static void conn_send_leaving(struct gf_conn *conn)
{
    struct gf_driver *driver = conn->worker->core->driver;
    uint32_t count = 0;

    GF_ASSERT(!conn->sending);
    for (struct gf_chunk *c = conn->leaving.first; c && count < GF_CONN_SEND_PARTS; c = c->next)
        conn->parts[count++] = (struct gf_bytes){.data = c->data, .size = c->used};
    GF_ASSERT(count > 0);
    conn->send.parts = conn->parts;
    conn->send.parts_count = count;
    conn->send.sent = 0;
    conn->sending = true;
    driver->ops->send(driver, conn->handle, &conn->send);
}

/* Everything that is corked waited long enough. */
void gf_conn_uncork_fired(struct gf_timer *timer)
{
    struct gf_worker *worker = gf_container(timer, struct gf_worker, cork_timer);
    struct gf_link *link;

    while ((link = gf_list_pop_front(&worker->corked))) {
        struct gf_conn *conn = gf_container(link, struct gf_conn, cork_link);

        conn->uncorked = true;
        gf_conn_flush_later(conn);
    }
}

void gf_conn_uncork(struct gf_conn *conn)
{
    if (!gf_link_is_free(&conn->cork_link))
        gf_list_remove(&conn->cork_link);
}

/* Leaves `out` where it is until the answers behind it are back, or it is time. */
static bool conn_cork(struct gf_conn *conn)
{
    struct gf_worker *worker = conn->worker;

    if (conn->requests_count == 0 || conn->uncorked || conn->blocked ||
        conn->state != GF_CONN_OPEN || gf_chain_size(&conn->out) > CORK_SIZE_MAX)
        return false;
    if (!gf_link_is_free(&conn->cork_link))
        return true;
    gf_list_push_back(&worker->corked, &conn->cork_link);
    if (gf_timer_is_idle(&worker->cork_timer))
        gf_timer_start(worker->core, &worker->cork_timer, CORK_NS);
    return true;
}

void gf_conn_flush_done(struct gf_op *op, int result)
{
    struct gf_conn *conn = gf_container(op, struct gf_conn, flush);

    (void)result; /* always GF_OK */
    GF_ASSERT(conn->state == GF_CONN_OPEN || conn->state == GF_CONN_DRAINING);
#ifdef GF_VERIFY_ENABLED
    gf_conn_check(conn);
#endif
    if (!gf_chain_empty(&conn->out) && !conn->sending && !conn_cork(conn)) {
        gf_conn_uncork(conn);
        conn->uncorked = false;
        conn->leaving = conn->out;
        conn->out = (struct gf_chain){0};
        gf_chain_seal(&conn->leaving);
        conn_send_leaving(conn);
    }
    if (conn->sending && gf_chain_size(&conn->out) > 0 && gf_conn_limit_output(conn))
        return;
    gf_conn_close_if_drained(conn);
}

void gf_conn_send_done(struct gf_op *op, int result)
{
    struct gf_send_op *send = gf_container(op, struct gf_send_op, op);
    struct gf_conn *conn = gf_container(send, struct gf_conn, send);

    GF_ASSERT(conn->sending);
    conn->sending = false;
    if (result <= 0 || conn->state == GF_CONN_CLOSING) {
        gf_chain_clear(&conn->leaving);
        gf_conn_close(conn, false);
        return;
    }
    /* Not `result`: it is an int, and several big answers can be more. */
    conn->session.bytes_out += send->sent;
    conn->worker->counters.bytes_out += send->sent;
    conn->worker->counters.sends++;
    gf_chain_consume(&conn->leaving, send->sent);
    if (!gf_chain_empty(&conn->leaving))
        conn_send_leaving(conn);
    else if (!gf_chain_empty(&conn->out))
        gf_conn_flush_later(conn);
    else if (conn->state == GF_CONN_DRAINING)
        gf_conn_close_if_drained(conn);
    else
        gf_handover_consider(conn);
}

void gf_conn_flush_later(struct gf_conn *conn)
{
    if (conn->state != GF_CONN_OPEN && conn->state != GF_CONN_DRAINING)
        return;
    if (!gf_op_is_deferred(&conn->flush))
        gf_core_defer(conn->worker->core, GF_PHASE_SEND, &conn->flush);
}

bool gf_conn_stalled(struct gf_conn *conn, uint64_t timeout_ns)
{
    uint64_t now_ns = conn->worker->core->now_ns;

    if (conn->state == GF_CONN_DRAINING) {
        size_t size = gf_conn_output_size(conn);

        if (size != conn->draining_size)
            conn->in_since_ns = now_ns;
        conn->draining_size = size;
    } else if (conn->held || conn->in.size == 0) {
        return false;
    }
    return now_ns - conn->in_since_ns > timeout_ns;
}
