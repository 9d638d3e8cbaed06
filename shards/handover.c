/* Connection hand-over: stop receiving, wait until quiet, post handle and session. */
#include "shards/handover.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "shards/shutdown.h"
#include "shards/worker.h"

/* Something of it is its core's. */
static bool conn_must_stay(const struct gf_conn *conn)
{
    return conn->session.monitor || conn->subscriber || conn->tracking || conn->redirect_target ||
           conn->transaction || !gf_list_empty(&conn->watches);
}

static bool conn_is_quiet(const struct gf_conn *conn)
{
    return conn->state == GF_CONN_OPEN && !conn->held && conn->requests_count == 0 &&
           !conn->sending && gf_chain_empty(&conn->out) && conn->pins == 0;
}

static bool may_move(const struct gf_worker *worker)
{
    return worker->handovers_stopped == 0 && worker->monitors.total == 0;
}

/* It goes on as if it had never been asked to move; its next command may begin anew. */
static void handover_give_up(struct gf_conn *conn)
{
    conn->moving = false;
    if (!gf_op_is_deferred(&conn->resume))
        gf_core_defer(conn->worker->core, GF_PHASE_WORK, &conn->resume);
}

void gf_handover_consider(struct gf_conn *conn)
{
    struct gf_driver *driver = conn->worker->core->driver;

    if (GF_LIKELY(conn->away_count < GF_HANDOVER_AFTER))
        return;
    if (conn->session.on_core_port)
        return; /* its client chose this core */
    if (conn->moving) {
        gf_handover_try(conn);
        return;
    }
    if (conn_must_stay(conn) || !conn_is_quiet(conn) || !conn->receiving || conn->stopping_recv ||
        !may_move(conn->worker))
        return;
    conn->moving = true;
    conn->stopping_recv = true;
    driver->ops->recv_stop(driver, &conn->recv);
}

void gf_handover_try(struct gf_conn *conn)
{
    struct gf_worker *worker = conn->worker;
    struct gf_handover *handover;

    GF_ASSERT(conn->moving);
    GF_ASSERT(conn->away_core != worker->core->id);
    if (conn->receiving || !gf_conn_is_open(conn))
        return;
    if (conn_must_stay(conn) || !may_move(worker)) { /* others redirect to it since: tracking.h */
        handover_give_up(conn);
        return;
    }
    if (!conn_is_quiet(conn))
        return; /* when its answers are sent */
    handover = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*handover));
    handover->parcel.message =
        (struct gf_message){.home = worker->core->id, .kind = GF_MESSAGE_HANDOVER};
    handover->parcel.to = conn->away_core;
    handover->handle = conn->handle;
    handover->session = conn->session;
    handover->in = conn->in;
    conn->session = (struct gf_session){0};
    conn->in = (struct gf_buf){0};
    worker->counters.handovers++;
    worker->handovers_live++;
    gf_conn_forget(conn);
    gf_parcel_post(worker, &handover->parcel);
}

void gf_handover_arrive(struct gf_worker *worker, struct gf_handover *handover)
{
    gf_shutdown_more(worker);
    gf_conn_adopt(worker, handover->handle, &handover->session, &handover->in);
    gf_mesh_return(worker->core, &handover->parcel.message);
}

void gf_handover_home(struct gf_worker *worker, struct gf_handover *handover)
{
    GF_ASSERT(worker->handovers_live > 0);
    worker->handovers_live--;
    gf_free(GF_MEMORY_OTHER, handover);
}
