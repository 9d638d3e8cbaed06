/* Asking every core on behalf of a connection. */
#include "shards/ask.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "shards/conn.h"
#include "shards/session.h"
#include "shards/worker.h"

struct gf_ask *gf_ask_create(struct gf_exec *x, const struct gf_ask_kind *kind)
{
    struct gf_session_exec *session = gf_session_of(x);
    struct gf_ask *ask = gf_alloc_zero(GF_MEMORY_OTHER, kind->size);
    size_t slot_size = kind->slot_size + kind->whole;
    size_t stride = (slot_size + GF_CACHE_LINE - 1) / GF_CACHE_LINE * GF_CACHE_LINE;

    GF_ASSERT(kind->size >= sizeof(*ask));
    GF_ASSERT(!kind->whole || !kind->again); /* hand-overs stop for one round only */
    ask->kind = kind;
    ask->worker = session->worker;
    ask->conn = session->conn;
    ask->command = x->command;
    ask->cores_count = session->worker->core->count;
    ask->discard = session->conn->reply.discard;
    ask->step = kind->whole ? GF_ASK_STOP : GF_ASK_RUN;
    ask->slot_stride = stride;
    if (stride > 0) {
        ask->slots = gf_alloc_aligned(GF_MEMORY_OTHER, ask->cores_count * stride, GF_CACHE_LINE);
        memset(ask->slots, 0, ask->cores_count * stride);
    }
    return ask;
}

static char *ask_unsettled(const struct gf_ask *ask, uint32_t core)
{
    return (char *)gf_ask_slot(ask, core) + ask->slot_stride - 1;
}

static void ask_on_core(struct gf_worker *worker, struct gf_call *call)
{
    struct gf_ask *ask = gf_container(call, struct gf_ask, call);

    switch (ask->step) {
    case GF_ASK_STOP:
        worker->handovers_stopped++;
        break;
    case GF_ASK_SETTLE:
        *ask_unsettled(ask, worker->core->id) = worker->handovers_live > 0;
        break;
    case GF_ASK_RUN:
        ask->kind->on_core(worker, ask);
        if (ask->kind->whole) {
            GF_ASSERT(worker->handovers_stopped > 0);
            worker->handovers_stopped--;
        }
        break;
    }
}

/* Whether another step must come before the answer; whether the client still waits for it or
 * not, what has begun goes on to its end. */
static bool ask_steps_on(struct gf_ask *ask)
{
    if (ask->step == GF_ASK_RUN)
        return false;
    if (ask->step == GF_ASK_STOP) {
        ask->step = GF_ASK_SETTLE;
        return true;
    }
    for (uint32_t core = 0; core < ask->cores_count; core++) {
        if (*ask_unsettled(ask, core))
            return true;
    }
    ask->step = GF_ASK_RUN;
    return true;
}

static void ask_reply(struct gf_ask *ask)
{
    struct gf_conn *conn = ask->conn;
    struct gf_reply *reply = &conn->reply;
    bool discard = reply->discard;

    /* Whether this answer is wanted was decided when the command came. */
    reply->discard = ask->discard;
    if (ask->kind->answer)
        ask->kind->answer(ask, reply);
    else
        gf_reply_ok(reply);
    gf_session_end_reply(conn, ask->command);
    reply->discard = discard;
    gf_conn_flush_later(conn);
}

static void ask_done(struct gf_worker *worker, struct gf_call *call)
{
    struct gf_ask *ask = gf_container(call, struct gf_ask, call);
    struct gf_conn *conn = ask->conn;
    /* A client that will send nothing more (DRAINING) still reads what it asked for. */
    bool reads = conn->state == GF_CONN_OPEN || conn->state == GF_CONN_DRAINING;

    if (ask_steps_on(ask) || (reads && ask->kind->again && ask->kind->again(ask))) {
        gf_call_start(worker, call);
        return;
    }
    if (reads)
        ask_reply(ask);
    gf_conn_release(conn);
    if (ask->close)
        gf_conn_close(conn, true);
    if (ask->kind->deinit)
        ask->kind->deinit(ask);
    gf_free(GF_MEMORY_OTHER, ask->slots);
    gf_free(GF_MEMORY_OTHER, ask);
    gf_conn_unpin(conn);
}

void gf_ask_start(struct gf_ask *ask)
{
    ask->call.on_core = ask_on_core;
    ask->call.done = ask_done;
    gf_conn_pin(ask->conn);
    gf_conn_hold(ask->conn);
    gf_call_start(ask->worker, &ask->call);
}
