/* Sockets, and two growing buffers per connection. */
#include "bench/load/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/assert.h"

#define HEAD_MAX 96 /* "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$16777216\r\n", rounded up */

int gf_conn_open(struct gf_conn *conn, const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1;
    int error = 0;

    conn->fd = -1;
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return EINVAL;
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (conn->fd < 0)
        return errno;
    if (connect(conn->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        fcntl(conn->fd, F_SETFL, O_NONBLOCK) != 0) {
        error = errno;
        gf_conn_close(conn);
    }
    return error;
}

void gf_conn_close(struct gf_conn *conn)
{
    if (conn->fd > 0)
        close(conn->fd);
    conn->fd = -1;
    conn->out_size = 0;
    conn->out_sent = 0;
}

void gf_conn_deinit(struct gf_conn *conn)
{
    gf_conn_close(conn);
    free(conn->out);
    free(conn->pending);
    *conn = (struct gf_conn){.fd = -1};
}

/* Room for `size` more bytes at the end of the output. */
static char *out_reserve(struct gf_conn *conn, size_t size)
{
    if (conn->out_sent == conn->out_size) {
        conn->out_sent = 0;
        conn->out_size = 0;
    }
    if (conn->out_size + size > conn->out_capacity) {
        conn->out_capacity = 2 * (conn->out_size + size);
        conn->out = realloc(conn->out, conn->out_capacity);
        GF_ASSERT(conn->out != NULL);
    }
    return conn->out + conn->out_size;
}

static void pending_push(struct gf_conn *conn, const struct gf_pending *pending)
{
    uint32_t count = conn->pending_head - conn->pending_tail;

    if (count == conn->pending_capacity) {
        uint32_t capacity = count ? 2 * count : 16; /* most connections never owe more */
        struct gf_pending *grown = calloc(capacity, sizeof *grown);

        GF_ASSERT(grown != NULL);
        for (uint32_t i = 0; i < count; i++)
            grown[i] = conn->pending[(conn->pending_tail + i) & (count - 1)];
        free(conn->pending);
        conn->pending = grown;
        conn->pending_capacity = capacity;
        conn->pending_tail = 0;
        conn->pending_head = count;
    }
    conn->pending[conn->pending_head++ & (conn->pending_capacity - 1)] = *pending;
}

bool gf_conn_pop(struct gf_conn *conn, struct gf_pending *ret_pending)
{
    if (conn->pending_head == conn->pending_tail)
        return false;
    *ret_pending = conn->pending[conn->pending_tail++ & (conn->pending_capacity - 1)];
    return true;
}

void gf_conn_get(struct gf_conn *conn, const struct gf_pending *pending)
{
    char *out = out_reserve(conn, HEAD_MAX);

    conn->out_size += (size_t)snprintf(
        out, HEAD_MAX, "*2\r\n$3\r\nGET\r\n$16\r\nkey:%012" PRIu64 "\r\n", pending->key);
    pending_push(conn, pending);
}

void gf_conn_set(struct gf_conn *conn, const struct gf_pending *pending, struct gf_value value)
{
    char *out = out_reserve(conn, HEAD_MAX + value.size + 2);
    size_t size =
        (size_t)snprintf(out, HEAD_MAX, "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012" PRIu64 "\r\n$%u\r\n",
                         pending->key, value.size);

    memcpy(out + size, value.data, value.size);
    memcpy(out + size + value.size, "\r\n", 2);
    conn->out_size += size + value.size + 2;
    pending_push(conn, pending);
}

bool gf_conn_flush(struct gf_conn *conn)
{
    while (conn->out_sent < conn->out_size) {
        ssize_t sent = send(conn->fd, conn->out + conn->out_sent, conn->out_size - conn->out_sent,
                            MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN;
        conn->out_sent += (size_t)sent;
    }
    return true;
}
