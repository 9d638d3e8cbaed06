/* The floor under every server built on the drivers: answers "+OK" to each PING of an inline or
 * multibulk pipeline, counted by its line ends, and does nothing else.
 *
 *   echo_bench [--driver uring|epoll] [--port N] [--buffers N] [--buffer-size N]
 *   echo_bench --short                                                             starts and stops
 *
 * Load it with `redis-benchmark -t ping -P 1 -p <port>` and read the CPU time it takes per request.
 */
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/core.h"
#include "core/error.h"
#include "core/list.h"

#define REPLY "+OK\r\n"
#define REPLIES_MAX 4096 /* per turn and connection */
#define LINES_PER_PING 3 /* "*1\r\n$4\r\nPING\r\n" */

struct echo {
    struct gf_core core;
    struct gf_core *peers[1];
    struct gf_accept_op accept;
    char replies[REPLIES_MAX * (sizeof(REPLY) - 1)];
};

struct echo_conn {
    struct echo *echo;
    struct gf_recv_op recv;
    struct gf_send_op send;
    struct gf_op flush; /* deferred to the send phase */
    struct gf_op close;
    struct gf_bytes part;
    uint64_t lines; /* not answered yet */
    int handle;
    bool sending;
    bool ended;
};

static void conn_closed(struct gf_op *op, int result)
{
    (void)result;
    gf_free(GF_MEMORY_OTHER, gf_container(op, struct echo_conn, close));
}

static void conn_flush(struct gf_op *op, int result)
{
    struct echo_conn *conn = gf_container(op, struct echo_conn, flush);
    struct gf_driver *driver = conn->echo->core.driver;
    uint64_t count = conn->lines / LINES_PER_PING;

    (void)result;
    if (conn->sending)
        return;
    if (conn->ended) {
        driver->ops->close(driver, conn->handle, true, &conn->close);
        return;
    }
    if (count > REPLIES_MAX)
        count = REPLIES_MAX;
    if (count == 0)
        return;
    conn->lines -= count * LINES_PER_PING;
    conn->part = (struct gf_bytes){conn->echo->replies, count * (sizeof(REPLY) - 1)};
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
        conn->lines = 0;
    if (conn->ended || conn->lines >= LINES_PER_PING)
        conn_wants_flush(conn);
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

int main(int argc, char **argv)
{
    struct gf_op close = {.done = echo_closed};
    struct gf_driver_options options = {
        .recv_buffer_size = 16384, .recv_buffer_count = 256, .queue_size = 1024, .backlog = 511};
    int (*create)(const struct gf_driver_options *, struct gf_driver **) = gf_driver_epoll_create;
    struct echo *echo = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*echo));
    uint16_t port = 0;
    bool is_short = false;
    int handle;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0)
            is_short = true;
        if (i + 1 >= argc)
            continue;
        if (strcmp(argv[i], "--driver") == 0 && strcmp(argv[i + 1], "uring") == 0)
            create = gf_driver_uring_create;
        if (strcmp(argv[i], "--port") == 0)
            port = (uint16_t)strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--buffers") == 0)
            options.recv_buffer_count = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--buffer-size") == 0)
            options.recv_buffer_size = (uint32_t)strtoul(argv[i + 1], NULL, 10);
    }
    for (uint32_t i = 0; i < REPLIES_MAX; i++)
        memcpy(echo->replies + i * (sizeof(REPLY) - 1), REPLY, sizeof(REPLY) - 1);

    echo->peers[0] = &echo->core;
    gf_core_init(&echo->core, 0, 1, echo->peers);
    gf_core_enter(&echo->core);
    if (create(&options, &echo->core.driver) != GF_OK)
        return 1;
    handle = echo->core.driver->ops->listen(echo->core.driver, "127.0.0.1", port, false);
    if (handle < 0)
        return 1;
    echo->accept.op.done = echo_accepted;
    echo->core.driver->ops->accept_start(echo->core.driver, handle, &echo->accept);
    if (is_short)
        echo->core.driver->ops->close(echo->core.driver, handle, true, &close);
    gf_core_run(&echo->core);
    gf_core_deinit(&echo->core);
    gf_core_enter(NULL);
    gf_free(GF_MEMORY_OTHER, echo);
    return 0;
}
