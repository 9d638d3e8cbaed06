/* Shutdown, one tick at a time. */
#include "shards/shutdown.h"

#include <signal.h>

#include "core/assert.h"
#include "core/core.h"
#include "core/log.h"
#include "core/thread.h"
#include "shards/conn.h"
#include "shards/listener.h"
#include "shards/server.h"
#include "shards/worker.h"

void gf_shutdown_begin(struct gf_server *server)
{
    if (atomic_exchange(&server->stopping, 1) == 0)
        gf_signals_raise();
}

void gf_shutdown_wait(struct gf_server *server)
{
    while (gf_signals_wait() == SIGHUP)
        continue; /* a terminal that went away is no reason to stop serving */
    atomic_store(&server->stopping, 1);
    gf_log_line(GF_LOG_NOTICE, "stopping: finishing what clients asked");
    gf_signals_let_interrupt(); /* somebody at a terminal who does not want to wait for that */
}

static void close_clients(struct gf_worker *worker, bool after_reply)
{
    struct gf_link *link = gf_list_peek_front(&worker->conns);

    while (link) {
        struct gf_conn *conn = gf_container(link, struct gf_conn, link);

        link = gf_list_next(&worker->conns, link);
        gf_conn_close(conn, after_reply);
    }
}

bool gf_shutdown_is_quiet(const struct gf_worker *worker)
{
    return gf_list_empty(&worker->conns) && worker->requests_live == 0 &&
           worker->visits_live == 0 && worker->stays_live == 0 && worker->waiting.messages == 0 &&
           worker->handovers_live == 0 && !worker->pressure.out && gf_monitors_quiet(worker) &&
           gf_deliveries_quiet(worker) && gf_list_empty(&worker->outbox) &&
           gf_locks_idle(&worker->locks);
}

void gf_shutdown_poll(struct gf_worker *worker)
{
    struct gf_shutdown *shutdown = &worker->shutdown;
    struct gf_server *server = worker->server;
    uint64_t now_ms = worker->core->now_ns / 1000000u;

    if (GF_LIKELY(atomic_load_explicit(&server->stopping, memory_order_relaxed) == 0))
        return;
    if (shutdown->since_ms == 0) {
        shutdown->since_ms = now_ms;
        gf_listeners_stop(worker);
    }
    close_clients(worker, now_ms - shutdown->since_ms < GF_SHUTDOWN_GRACE_MS);
    if (!shutdown->quiet && gf_listeners_stopped(worker) && gf_shutdown_is_quiet(worker)) {
        shutdown->quiet = true;
        atomic_fetch_add(&server->quiet_count, 1);
    }
    if (atomic_load(&server->quiet_count) == server->cores_count)
        gf_core_stop(worker->core);
}

void gf_shutdown_more(struct gf_worker *worker)
{
    uint32_t before;

    if (GF_LIKELY(!worker->shutdown.quiet))
        return;
    worker->shutdown.quiet = false;
    before = atomic_fetch_sub(&worker->server->quiet_count, 1);
    GF_ASSERT(before > 0);
    GF_ASSERT(before < worker->server->cores_count);
}

void gf_shutdown_now(struct gf_worker *worker)
{
    gf_listeners_stop(worker);
    while (!gf_listeners_stopped(worker) || !gf_list_empty(&worker->conns)) {
        close_clients(worker, false);
        gf_core_turn(worker->core, true);
    }
}
