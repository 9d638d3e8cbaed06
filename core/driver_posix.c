/* What both real drivers have in common: the table of handles, results owed, and sockets. */
#include "core/driver_posix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/assert.h"

#define HANDLES_COUNT_FIRST 256
#define KEEPALIVE_PROBES 3          /* unanswered probes until a connection counts as dead */
#define LINGER_DRAIN_SIZE (1 << 20) /* bytes of unread input that closing discards */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

int gf_posix_error(int system_error)
{
    switch (system_error) {
    case EADDRINUSE:
        return GF_EADDRINUSE;
    case EACCES:
    case EPERM:
        return GF_EACCES;
    case EMFILE:
    case ENFILE:
        return GF_EMFILE;
    case ENOMEM:
    case ENOBUFS:
        return GF_ENOMEM;
    case ECANCELED:
        return GF_ECANCELED;
    case ENOENT:
        return GF_ENOENT;
    case EINVAL:
        return GF_EINVAL;
    default:
        return GF_EIO;
    }
}

/* ---- Handles and results ---- */

int gf_posix_init(struct gf_posix_driver *posix, const struct gf_driver_options *options)
{
    *posix = (struct gf_posix_driver){.options = *options, .ring_fd = -1};
    gf_list_init(&posix->ready);
    posix->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (posix->wake_fd < 0)
        return gf_posix_error(errno);
    posix->handles_count = HANDLES_COUNT_FIRST;
    posix->handles = gf_alloc_zero(GF_MEMORY_OTHER, posix->handles_count * sizeof(*posix->handles));
    return GF_OK;
}

void gf_posix_deinit(struct gf_posix_driver *posix)
{
    if (!posix->handles)
        return;
    GF_ASSERT(gf_list_empty(&posix->ready));
    close(posix->wake_fd);
    gf_free(GF_MEMORY_OTHER, posix->handles);
    posix->handles = NULL;
}

struct gf_posix_handle *gf_posix_handle_at(struct gf_posix_driver *posix, int handle)
{
    GF_ASSERT(handle >= 0);
    if (GF_UNLIKELY((uint32_t)handle >= posix->handles_count)) {
        uint32_t count = posix->handles_count;
        size_t size;

        while (count <= (uint32_t)handle)
            count *= 2;
        size = count * sizeof(*posix->handles);
        posix->handles = gf_realloc_try(GF_MEMORY_OTHER, posix->handles, size);
        GF_ASSERT(posix->handles != NULL); /* bounded by the limit of open files */
        memset(posix->handles + posix->handles_count, 0,
               (count - posix->handles_count) * sizeof(*posix->handles));
        posix->handles_count = count;
    }
    return &posix->handles[handle];
}

void gf_posix_ready(struct gf_posix_driver *posix, struct gf_op *op, int result, bool late)
{
    op->result = result;
    gf_list_push_back(&posix->ready, &op->link);
    posix->ready_at_once = posix->ready_at_once || !late;
}

uint64_t gf_posix_ready_timeout(const struct gf_posix_driver *posix, uint64_t timeout_ns)
{
    if (gf_list_empty(&posix->ready))
        return timeout_ns;
    if (posix->ready_at_once)
        return 0;
    return timeout_ns < GF_SEND_DONE_DELAY_NS ? timeout_ns : GF_SEND_DONE_DELAY_NS;
}

uint32_t gf_posix_ready_run(struct gf_posix_driver *posix)
{
    struct gf_list list;
    struct gf_link *link;
    uint32_t count = 0;

    /* A list of its own: what becomes ready meanwhile is the next run's, so that this one ends. */
    gf_list_init(&list);
    gf_list_splice_back(&list, &posix->ready);
    posix->ready_at_once = false;
    while ((link = gf_list_pop_front(&list))) {
        struct gf_op *op = gf_container(link, struct gf_op, link);

        op->state = 0;
        op->done(op, op->result);
        count++;
    }
    return count;
}

void gf_posix_wake(struct gf_driver *peer)
{
    struct gf_posix_driver *posix = (struct gf_posix_driver *)peer;
    uint64_t one = 1;

    /* EAGAIN: the count is full of wakes already. */
    (void)!write(posix->wake_fd, &one, sizeof(one));
}

/* ---- Sockets ---- */

static int address_parse(const char *host, uint16_t port, union address *ret_address)
{
    union address address = {0};

    if (strcmp(host, "*") == 0)
        host = "0.0.0.0";
    else if (strcmp(host, "::*") == 0)
        host = "::";
    if (inet_pton(AF_INET, host, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(port);
    } else if (inet_pton(AF_INET6, host, &address.v6.sin6_addr) == 1) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(port);
    } else {
        return GF_EINVAL;
    }
    *ret_address = address;
    return GF_OK;
}

static socklen_t address_size(const union address *address)
{
    return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

static void option_set(int handle, int level, int name, int value)
{
    /* What a socket does not know of these, it does without. */
    (void)setsockopt(handle, level, name, &value, sizeof(value));
}

/* A listening socket gets them too: on Linux what it accepts inherits them, for no system call. */
static void stream_options_set(const struct gf_posix_driver *posix, int handle)
{
    int keepalive_s = (int)posix->options.tcp_keepalive_s;
    int interval_s = keepalive_s / KEEPALIVE_PROBES;

    option_set(handle, IPPROTO_TCP, TCP_NODELAY, 1);
    if (keepalive_s == 0)
        return;
    option_set(handle, SOL_SOCKET, SO_KEEPALIVE, 1);
    option_set(handle, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_s);
    option_set(handle, IPPROTO_TCP, TCP_KEEPINTVL, interval_s > 0 ? interval_s : 1);
    option_set(handle, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

/* A TCP socket for that address. Returns an error, or the handle. */
static int stream_open(const char *host, uint16_t port, union address *ret_address)
{
    int error = address_parse(host, port, ret_address);
    int handle;

    if (error != GF_OK)
        return error;
    handle = socket(ret_address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return handle < 0 ? gf_posix_error(errno) : handle;
}

int gf_posix_listen(struct gf_driver *driver, const char *host, uint16_t port, bool shared)
{
    struct gf_posix_driver *posix = (struct gf_posix_driver *)driver;
    union address address;
    int handle = stream_open(host, port, &address);
    int error;

    if (handle < 0)
        return handle;
    option_set(handle, SOL_SOCKET, SO_REUSEADDR, 1);
    if (address.any.sa_family == AF_INET6)
        option_set(handle, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (shared)
        option_set(handle, SOL_SOCKET, SO_REUSEPORT, 1);
    stream_options_set(posix, handle);
    if (bind(handle, &address.any, address_size(&address)) < 0 ||
        listen(handle, (int)posix->options.backlog) < 0) {
        error = gf_posix_error(errno);
        /* An address no interface has is malformed from where we stand. */
        if (errno == EADDRNOTAVAIL)
            error = GF_EINVAL;
        close(handle);
        return error;
    }
    return handle;
}

int gf_posix_connect(struct gf_posix_driver *posix, const char *host, uint16_t port)
{
    union address address;
    int handle = stream_open(host, port, &address);
    int error;

    if (handle < 0)
        return handle;
    stream_options_set(posix, handle);
    if (connect(handle, &address.any, address_size(&address)) < 0 && errno != EINPROGRESS) {
        error = gf_posix_error(errno);
        close(handle);
        return error;
    }
    return handle; /* one that connected at once is writable at once */
}

int gf_posix_connect_result(int handle)
{
    int system_error = 0;
    socklen_t size = sizeof(system_error);

    if (getsockopt(handle, SOL_SOCKET, SO_ERROR, &system_error, &size) < 0)
        system_error = errno;
    if (system_error == 0)
        return handle;
    close(handle);
    return gf_posix_error(system_error);
}

size_t gf_posix_send_size(const struct gf_send_op *op)
{
    size_t size = 0;

    for (uint32_t i = 0; i < op->parts_count; i++)
        size += op->parts[i].size;
    return size;
}

bool gf_posix_send_advance(struct gf_send_op *op, size_t count)
{
    op->sent += count;
    while (op->parts_count > 0 && op->parts[0].size <= count) {
        count -= op->parts[0].size;
        op->parts++;
        op->parts_count--;
    }
    if (op->parts_count == 0) {
        GF_ASSERT(count == 0);
        return true;
    }
    op->parts[0].data += count;
    op->parts[0].size -= count;
    return false;
}

int gf_posix_send_result(const struct gf_send_op *op)
{
    return op->sent > INT_MAX ? INT_MAX : (int)op->sent;
}

/* Input that is still unread would make close() reset the connection, and the reset would throw
 * away what the peer has not read yet: so it is discarded first. What arrives later still
 * resets. */
static void linger_drain(int handle)
{
    ssize_t size = 1;

    shutdown(handle, SHUT_WR);
    for (size_t drained = 0; drained < LINGER_DRAIN_SIZE && size > 0; drained += (size_t)size)
        size = recv(handle, NULL, LINGER_DRAIN_SIZE, MSG_DONTWAIT | MSG_TRUNC);
}

void gf_posix_close(int handle, bool linger)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    if (linger)
        linger_drain(handle);
    else
        (void)setsockopt(handle, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(handle);
}

static void address_format(const union address *address, struct gf_address *ret_text)
{
    char host[INET6_ADDRSTRLEN] = "";
    char *text = ret_text->text;

    text[0] = '\0';
    if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
        snprintf(text, GF_ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(address->v4.sin_port));
    } else if (address->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
        snprintf(text, GF_ADDRESS_TEXT_MAX, "[%s]:%u", host, ntohs(address->v6.sin6_port));
    }
}

void gf_posix_addresses(struct gf_driver *driver, int handle, struct gf_address *ret_local,
                        struct gf_address *ret_peer)
{
    union address local = {0};
    union address peer = {0};
    socklen_t local_size = sizeof(local);
    socklen_t peer_size = sizeof(peer);

    (void)driver;
    if (getsockname(handle, &local.any, &local_size) < 0)
        local.any.sa_family = AF_UNSPEC;
    if (getpeername(handle, &peer.any, &peer_size) < 0)
        peer.any.sa_family = AF_UNSPEC;
    address_format(&local, ret_local);
    address_format(&peer, ret_peer);
}
