/* The floor under every server built on the drivers: answers "+OK" to each PING of a multibulk
 * pipeline, counted by its line ends, and does nothing else.
 *
 *   echo_bench [--driver uring|epoll] [--port N] [--buffers N] [--buffer-size N] [--hop]
 *   echo_bench --short                                                             starts and stops
 *
 * --hop      two cores; every second PING goes to the other core and back before it is answered, as
 *            a message of one cache line that the other core writes to: what random keys on two
 *            cores cost at least
 *
 * Load it with `redis-benchmark -t ping -P 1 -p <port>` and read the CPU time it takes per request.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/core.h"
#include "core/error.h"
#include "core/list.h"
#include "core/thread.h"

#define CORES_MAX 2
#define REPLY "+OK\r\n"
#define REPLIES_MAX 4096 /* per turn and connection */
#define LINES_PER_PING 3 /* "*1\r\n$4\r\nPING\r\n" */

/* What all cores share, written before they start. */
struct setup {
    int (*create)(const struct gf_driver_options *, struct gf_driver **);
    struct gf_driver_options options;
    uint16_t port;
    uint16_t cores; /* 1, or 2 with --hop */
    bool is_short;
    struct gf_core *peers[CORES_MAX];
    char replies[REPLIES_MAX * (sizeof(REPLY) - 1)];
};

struct echo {
    struct gf_core core;
    struct setup *setup;
    struct gf_accept_op accept;
    struct gf_op close;
    struct gf_list hops_free; /* struct echo_hop.link */
};

struct echo_conn;

/* A PING on its way to the other core and back. */
struct echo_hop {
    _Alignas(GF_CACHE_LINE) struct gf_message message; /* first */
    struct gf_link link;
    struct echo_conn *conn;
    uint64_t visits; /* written by the other core */
};

struct echo_conn {
    struct echo *echo;
    struct gf_recv_op recv;
    struct gf_send_op send;
    struct gf_op flush; /* deferred to the send phase */
    struct gf_op close;
    struct gf_bytes part;
    uint64_t lines; /* came, not counted as a whole PING yet */
    uint64_t ready; /* PINGs to be answered */
    uint64_t away;  /* PINGs on the other core */
    int handle;
    bool sending;
    bool ended;
};

static void conn_closed(struct gf_op *op, int result)
{
    (void)result;
    gf_free(GF_MEMORY_OTHER, gf_container(op, struct echo_conn, close));
}

/* Nothing is sent while a part of the pipeline is away: one send for all of it. */
static void conn_flush(struct gf_op *op, int result)
{
    struct echo_conn *conn = gf_container(op, struct echo_conn, flush);
    struct gf_driver *driver = conn->echo->core.driver;
    uint64_t count = conn->ready;

    (void)result;
    if (conn->sending || conn->away > 0)
        return;
    if (conn->ended) {
        driver->ops->close(driver, conn->handle, true, &conn->close);
        return;
    }
    if (count > REPLIES_MAX)
        count = REPLIES_MAX;
    if (count == 0)
        return;
    conn->ready -= count;
    conn->part = (struct gf_bytes){conn->echo->setup->replies, count * (sizeof(REPLY) - 1)};
    conn->send.parts = &conn->part;
    conn->send.parts_count = 1;
    conn->sending = true;
    driver->ops->send(driver, conn->handle, &conn->send);
}

static void conn_wants_flush(struct echo_conn *conn)
{
    if (!conn->sending && !gf_op_is_deferred(&conn->flush))
        gf_core_defer(&conn->echo->core, GF_PHASE_SEND, &conn->flush);
}

static void conn_sent(struct gf_op *op, int result)
{
    struct echo_conn *conn = gf_container(op, struct echo_conn, send.op);

    conn->sending = false;
    if (result < 0)
        conn->ready = 0;
    if (conn->ended || conn->ready > 0)
        conn_wants_flush(conn);
}

static bool conn_hop(struct echo_conn *conn)
{
    struct gf_core *core = &conn->echo->core;
    uint16_t to = (uint16_t)(1 - core->id);
    struct gf_link *link;
    struct echo_hop *hop;

    if (core->count == 1 || !gf_mesh_can_post(core, to))
        return false;
    link = gf_list_pop_front(&conn->echo->hops_free);
    hop = link ? gf_container(link, struct echo_hop, link)
               : gf_alloc_aligned(GF_MEMORY_OTHER, sizeof(*hop), GF_CACHE_LINE);
    *hop = (struct echo_hop){.conn = conn};
    conn->away++;
    return gf_mesh_post(core, to, &hop->message);
}

static void echo_receive(struct gf_core *core, struct gf_message **messages, uint32_t count)
{
    struct echo *echo = core->owner;

    for (uint32_t i = 0; i < count; i++) {
        struct echo_hop *hop = gf_container(messages[i], struct echo_hop, message);

        if (messages[i]->home != core->id) {
            hop->visits++;
            gf_mesh_return(core, messages[i]);
            continue;
        }
        hop->conn->away--;
        hop->conn->ready += hop->visits;
        conn_wants_flush(hop->conn);
        gf_list_push_front(&echo->hops_free, &hop->link);
    }
}

static void conn_received(struct gf_op *op, int result)
{
    struct echo_conn *conn = gf_container(op, struct echo_conn, recv.op);
    const char *place = conn->recv.data;
    const char *end = place + result;

    if (result <= 0)
        conn->ended = true;
    while (result > 0 && (place = memchr(place, '\n', (size_t)(end - place)))) {
        conn->lines++;
        place++;
        if (conn->lines % LINES_PER_PING == 0 && (conn->lines % 2 == 0 || !conn_hop(conn)))
            conn->ready++;
    }
    conn_wants_flush(conn);
}

static void echo_accepted(struct gf_op *op, int result)
{
    struct echo *echo = gf_container(op, struct echo, accept.op);
    struct gf_driver *driver = echo->core.driver;
    struct echo_conn *conn;

    if (result < 0)
        return;
    conn = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*conn));
    conn->echo = echo;
    conn->handle = result;
    conn->recv.op.done = conn_received;
    conn->send.op.done = conn_sent;
    conn->flush.done = conn_flush;
    conn->close.done = conn_closed;
    driver->ops->recv_start(driver, result, &conn->recv);
}

static void echo_closed(struct gf_op *op, int result)
{
    (void)op;
    (void)result;
    gf_core_stop(gf_core_here());
}

static int echo_start(struct gf_core *core, void *context)
{
    struct echo *echo = context;
    const struct gf_driver_ops *ops;
    int error = echo->setup->create(&echo->setup->options, &core->driver);
    int handle;

    if (error != GF_OK)
        return error;
    core->owner = echo;
    core->receive = echo_receive;
    ops = core->driver->ops;
    handle = ops->listen(core->driver, "127.0.0.1", echo->setup->port, echo->setup->cores > 1);
    if (handle < 0)
        return handle;
    echo->accept.op.done = echo_accepted;
    ops->accept_start(core->driver, handle, &echo->accept);
    echo->close.done = echo_closed;
    if (echo->setup->is_short)
        ops->close(core->driver, handle, true, &echo->close);
    return GF_OK;
}

static void setup_read(struct setup *setup, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0)
            setup->is_short = true;
        if (strcmp(argv[i], "--hop") == 0)
            setup->cores = CORES_MAX;
        if (i + 1 >= argc)
            continue;
        if (strcmp(argv[i], "--driver") == 0 && strcmp(argv[i + 1], "uring") == 0)
            setup->create = gf_driver_uring_create;
        if (strcmp(argv[i], "--port") == 0)
            setup->port = (uint16_t)strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--buffers") == 0)
            setup->options.recv_buffer_count = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--buffer-size") == 0)
            setup->options.recv_buffer_size = (uint32_t)strtoul(argv[i + 1], NULL, 10);
    }
}

int main(int argc, char **argv)
{
    static struct setup setup = {
        .create = gf_driver_epoll_create,
        .options = {.recv_buffer_size = 16384,
                    .recv_buffer_count = 256,
                    .queue_size = 1024,
                    .backlog = 511},
        .cores = 1,
    };
    static struct echo echoes[CORES_MAX];
    struct gf_thread threads[CORES_MAX];
    int error;

    gf_signals_block(); /* a client that is gone is no reason to end */
    setup_read(&setup, argc, argv);
    for (uint32_t i = 0; i < REPLIES_MAX; i++)
        memcpy(setup.replies + i * (sizeof(REPLY) - 1), REPLY, sizeof(REPLY) - 1);
    for (uint16_t id = 0; id < setup.cores; id++) {
        struct gf_core *core = &echoes[id].core;

        echoes[id].setup = &setup;
        setup.peers[id] = core;
        gf_list_init(&echoes[id].hops_free);
        if (gf_core_init(core, id, setup.cores, setup.peers) != GF_OK)
            return 1;
        threads[id] = (struct gf_thread){
            .core = core, .start = echo_start, .context = &echoes[id], .pin = true};
    }
    error = gf_threads_start(threads, setup.cores);
    if (error == GF_OK)
        gf_threads_join(threads, setup.cores);
    else
        fprintf(stderr, "echo_bench: cannot start: %s\n", gf_error_text(error));
    for (uint16_t id = 0; id < setup.cores; id++)
        gf_core_deinit(&echoes[id].core);
    return error == GF_OK ? 0 : 1;
}
