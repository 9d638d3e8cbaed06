/* Listening sockets of one core. */
#include "shards/listener.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "core/log.h"
#include "shards/conn.h"
#include "shards/server.h"
#include "shards/stats.h"
#include "shards/worker.h"

#define LISTENERS_MAX 32 /* addresses in `bind`, twice: main port and core port */
#define HOST_MAX 64

static uint32_t clients_of_node(const struct gf_server *server)
{
    uint32_t sum = 0;

    for (uint16_t core = 0; core < server->cores_count; core++)
        sum += atomic_load_explicit(&server->workers[core].conns_count, memory_order_relaxed);
    return sum;
}

static void listener_accept_done(struct gf_op *op, int result)
{
    struct gf_accept_op *accept = gf_container(op, struct gf_accept_op, op);
    struct gf_listener *listener = gf_container(accept, struct gf_listener, accept);
    struct gf_worker *worker = listener->worker;
    struct gf_session session = {0};
    struct gf_conn *conn;

    if (result < 0) {
        if (result != GF_ECANCELED)
            gf_log_line(GF_LOG_WARNING, "accepting a connection: %s", gf_error_text(result));
        return;
    }
    session.id =
        atomic_fetch_add_explicit(&worker->server->next_client, 1, memory_order_relaxed) + 1;
    session.resp = 2;
    session.authenticated = worker->settings.requirepass[0] == '\0';
    session.created_ms = gf_conn_turn_ms(worker);
    session.active_ms = session.created_ms;
    session.on_core_port = listener->core_port;
    worker->counters.connections_received++;
    conn = gf_conn_open(worker, result, &session);
    if (clients_of_node(worker->server) > worker->settings.maxclients) {
        worker->counters.connections_rejected++;
        gf_reply_error(&conn->reply, GF_MSG_MAX_CLIENTS);
        gf_reply_end(&conn->reply);
        conn->reply.failed = false;
        gf_stats_count_error(worker, GF_MSG_MAX_CLIENTS);
        gf_conn_close(conn, true);
    }
}

const char *gf_listen_error_text(int error)
{
    switch (error) {
    case GF_EINVAL:
        return "it is not an address of this machine; choose others with --bind";
    case GF_EACCES:
        return "permission denied; ports below 1024 are for root";
    default:
        return gf_error_text(error);
    }
}

static int listener_open(struct gf_worker *worker, const char *host, uint16_t port, bool core_port)
{
    struct gf_driver *driver = worker->core->driver;
    struct gf_listener *listener = &worker->listeners[worker->listeners_count];
    int handle = driver->ops->listen(driver, host, port, !core_port);

    if (handle < 0)
        return handle;
    *listener = (struct gf_listener){.worker = worker, .handle = handle, .core_port = core_port};
    listener->accept.op.done = listener_accept_done;
    worker->listeners_count++;
    driver->ops->accept_start(driver, handle, &listener->accept);
    return GF_OK;
}

/* One address of `bind`, on the main port and on this core's own. */
static int listen_on_host(struct gf_worker *worker, const char *host, bool optional, char *ret_why,
                          size_t why_size)
{
    uint16_t port = (uint16_t)worker->settings.port;
    uint16_t core_ports_first = worker->server->core_ports_first;
    int error = listener_open(worker, host, port, false);

    if (error != GF_OK && !optional) {
        snprintf(ret_why, why_size, "cannot listen on %s port %u: %s%s", host, port,
                 gf_listen_error_text(error),
                 error == GF_EADDRINUSE ? "; is another server running? Choose a port with --port"
                                        : "");
        return error;
    }
    if (error != GF_OK || core_ports_first == 0)
        return GF_OK;

    port = (uint16_t)(core_ports_first + worker->core->id);
    error = listener_open(worker, host, port, true);
    if (error != GF_OK && !optional) {
        snprintf(ret_why, why_size,
                 "cannot listen on %s port %u, the port of core %u: %s; choose other ports with "
                 "--core-port-base",
                 host, port, worker->core->id, gf_listen_error_text(error));
        return error;
    }
    return GF_OK;
}

int gf_listeners_start(struct gf_worker *worker, char *ret_why, size_t why_size)
{
    const char *rest = worker->settings.bind + strspn(worker->settings.bind, " ");

    worker->listeners = gf_alloc_zero(GF_MEMORY_OTHER, LISTENERS_MAX * sizeof(*worker->listeners));
    while (*rest) {
        size_t size = strcspn(rest, " ");
        bool optional = rest[0] == '-';
        char host[HOST_MAX];
        int error;

        if (worker->listeners_count + 2 > LISTENERS_MAX) {
            snprintf(ret_why, why_size, "bind: too many addresses");
            return GF_EINVAL;
        }
        if (size >= sizeof(host)) {
            snprintf(ret_why, why_size, "bind: not an address: %.*s", (int)sizeof(host), rest);
            return GF_EINVAL;
        }
        memcpy(host, rest + optional, size - optional);
        host[size - optional] = '\0';
        error = listen_on_host(worker, host, optional, ret_why, why_size);
        if (error != GF_OK)
            return error;
        rest += size;
        rest += strspn(rest, " ");
    }
    if (worker->listeners_count == 0) {
        snprintf(ret_why, why_size, "bind: none of its addresses can be listened on");
        return GF_EINVAL;
    }
    return GF_OK;
}

static void listener_closed_done(struct gf_op *op, int result)
{
    struct gf_listener *listener = gf_container(op, struct gf_listener, closed);

    (void)result; /* the handle is gone either way */
    listener->handle = -1;
}

void gf_listeners_stop(struct gf_worker *worker)
{
    struct gf_driver *driver = worker->core->driver;

    for (uint32_t i = 0; i < worker->listeners_count; i++) {
        struct gf_listener *listener = &worker->listeners[i];

        if (listener->handle < 0 || listener->closing)
            continue;
        listener->closing = true;
        listener->closed.done = listener_closed_done;
        driver->ops->close(driver, listener->handle, false, &listener->closed);
    }
}

bool gf_listeners_stopped(const struct gf_worker *worker)
{
    for (uint32_t i = 0; i < worker->listeners_count; i++) {
        if (worker->listeners[i].handle >= 0)
            return false;
    }
    return true;
}
