/* Listening sockets of one core, and of nobody: those that ask whether a port is free. */
#include "shards/listener.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/core.h"
#include "core/log.h"
#include "shards/conn.h"
#include "shards/server.h"
#include "shards/stats.h"
#include "shards/worker.h"

#define ADDRESSES_MAX 16                  /* in `bind` */
#define LISTENERS_MAX (2 * ADDRESSES_MAX) /* main port and core port */
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

static const char *listen_error_text(int error)
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
                 listen_error_text(error),
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
                 host, port, worker->core->id, listen_error_text(error));
        return error;
    }
    return GF_OK;
}

/* One address of `bind`. */
struct bind_address {
    char host[HOST_MAX];
    bool optional; /* "-" in front: it may be missing */
};

static int bind_parse(const char *bind, struct bind_address *addresses, uint32_t *ret_count,
                      char *ret_why, size_t why_size)
{
    const char *rest = bind + strspn(bind, " ");
    uint32_t count = 0;

    while (*rest) {
        size_t size = strcspn(rest, " ");
        bool optional = rest[0] == '-';

        if (count == ADDRESSES_MAX) {
            snprintf(ret_why, why_size, "bind: more than %d addresses", ADDRESSES_MAX);
            return GF_EINVAL;
        }
        if (size >= HOST_MAX) {
            snprintf(ret_why, why_size, "bind: not an address: %.*s", HOST_MAX, rest);
            return GF_EINVAL;
        }
        addresses[count].optional = optional;
        memcpy(addresses[count].host, rest + optional, size - optional);
        addresses[count].host[size - optional] = '\0';
        count++;
        rest += size;
        rest += strspn(rest, " ");
    }
    *ret_count = count;
    return GF_OK;
}

static int listen_nowhere(char *ret_why, size_t why_size)
{
    snprintf(ret_why, why_size, "bind: none of its addresses can be listened on");
    return GF_EINVAL;
}

int gf_listeners_start(struct gf_worker *worker, char *ret_why, size_t why_size)
{
    struct bind_address addresses[ADDRESSES_MAX];
    uint32_t count;
    int error = bind_parse(worker->settings.bind, addresses, &count, ret_why, why_size);

    worker->listeners = gf_alloc_zero(GF_MEMORY_OTHER, LISTENERS_MAX * sizeof(*worker->listeners));
    for (uint32_t i = 0; i < count && error == GF_OK; i++)
        error = listen_on_host(worker, addresses[i].host, addresses[i].optional, ret_why, why_size);
    if (error == GF_OK && worker->listeners_count == 0)
        error = listen_nowhere(ret_why, why_size);
    return error;
}

/* ---- before the cores do ------------------------------------------------------------------- */

/* A listening socket that only asks whether the port is free. */
struct probe {
    struct gf_op op;
    int handle; /* negative: why not */
    bool closed;
};

static void probe_closed(struct gf_op *op, int result)
{
    (void)result; /* the handle is gone either way */
    gf_container(op, struct probe, op)->closed = true;
}

static void probe_close(struct gf_driver *driver, struct probe *probe)
{
    probe->op.done = probe_closed;
    driver->ops->close(driver, probe->handle, false, &probe->op);
    while (!probe->closed)
        driver->ops->run(driver, 0);
}

/* What the addresses' probes have found out. An address that may be missing must not be another
 * server's all the same. */
static int probes_judge(const struct probe *probes, const struct bind_address *addresses,
                        uint32_t count, uint16_t port, char *ret_why, size_t why_size)
{
    uint32_t opened = 0;

    for (uint32_t i = 0; i < count; i++) {
        int error = probes[i].handle < 0 ? probes[i].handle : GF_OK;

        opened += error == GF_OK;
        if (error == GF_OK || (addresses[i].optional && error != GF_EADDRINUSE))
            continue;
        if (error == GF_EADDRINUSE && opened == 0)
            snprintf(ret_why, why_size,
                     "port %u is already in use: is another server running? Choose one with --port",
                     port);
        else if (error == GF_EADDRINUSE)
            snprintf(ret_why, why_size,
                     "cannot listen on %s port %u: another server does, or an address before it "
                     "in --bind says the same",
                     addresses[i].host, port);
        else
            snprintf(ret_why, why_size, "cannot listen on %s port %u: %s", addresses[i].host, port,
                     listen_error_text(error));
        return error;
    }
    return opened > 0 || count == 0 ? GF_OK : listen_nowhere(ret_why, why_size);
}

int gf_listeners_probe(const char *bind, uint16_t port, struct gf_driver *driver, char *ret_why,
                       size_t why_size)
{
    struct bind_address addresses[ADDRESSES_MAX];
    struct probe probes[ADDRESSES_MAX] = {0};
    uint32_t count;
    int error = bind_parse(bind, addresses, &count, ret_why, why_size);

    if (error != GF_OK)
        return error;
    for (uint32_t i = 0; i < count; i++)
        probes[i].handle = driver->ops->listen(driver, addresses[i].host, port, false);
    error = probes_judge(probes, addresses, count, port, ret_why, why_size);
    for (uint32_t i = 0; i < count; i++) {
        if (probes[i].handle >= 0)
            probe_close(driver, &probes[i]);
    }
    return error;
}

/* ---- no more clients ----------------------------------------------------------------------- */

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
