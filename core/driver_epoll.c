/* The driver on epoll, where io_uring is refused.
 *
 * Happy path: a handle is registered for what is in flight on it, level-triggered. `run` tries the
 * sends that were started since the last one, waits, and serves every event: one recv, several
 * accepts, one sendmsg. A send registers for "writable" only when the socket is full.
 *
 * Failure: an operation whose result is known before the wait (an error of a start call, a
 * cancelled one) goes to the `ready` list, whose dones are called at the end of `run`, in order.
 *
 * On close: the operations in flight are queued in `ready` as cancelled, and the close behind them.
 * The descriptor is closed when the close's turn comes: after all events of the batch, so no event
 * can meet a new connection that got the same number.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/driver.h"
#include "core/driver_posix.h"

#define EVENTS_MAX 256
#define ACCEPTS_MAX 64 /* per event; the rest comes with the next turn's */
#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull

/* gf_op.state; 0 is idle. */
enum epoll_state {
    STATE_ACCEPT = 1, /* registered for readable */
    STATE_RESTING,    /* an accept after EMFILE, on `resting` */
    STATE_RECV,       /* registered for readable */
    STATE_SEND,       /* on `sends`, not tried yet */
    STATE_SEND_WAIT,  /* registered for writable */
    STATE_CONNECT,    /* registered for writable */
    STATE_READY,      /* the result is known, on `ready` */
};

struct epoll_driver {
    struct gf_posix_driver posix;
    int epoll_fd;
    struct gf_list sends;      /* gf_op.link: sends to try */
    struct gf_list resting;    /* gf_op.link: accepts that rest until `resting_until_ns` */
    uint64_t resting_until_ns; /* valid while `resting` is not empty */
    bool has_pwait2;           /* the kernel knows timeouts finer than a millisecond */
    char *buffer;              /* owned; what a recv reads into, recv_buffer_size bytes */
};

static struct epoll_driver *epoll_of(struct gf_driver *driver)
{
    return (struct epoll_driver *)driver;
}

static void epoll_ready(struct epoll_driver *epoll, struct gf_op *op, int result, bool late)
{
    op->state = STATE_READY;
    gf_posix_ready(&epoll->posix, op, result, late);
}

/* Registers for exactly `interest`; a handle without any is not registered, because epoll reports a
 * hang-up even to those who did not ask. */
static int epoll_interest_set(struct epoll_driver *epoll, int handle, uint32_t interest)
{
    struct gf_posix_handle *entry = gf_posix_handle_at(&epoll->posix, handle);
    struct epoll_event event = {.events = interest, .data.fd = handle};
    int operation = EPOLL_CTL_MOD;

    if (entry->interest == interest)
        return GF_OK;
    if (entry->interest == 0)
        operation = EPOLL_CTL_ADD;
    else if (interest == 0)
        operation = EPOLL_CTL_DEL;
    if (epoll_ctl(epoll->epoll_fd, operation, handle, &event) < 0)
        return gf_posix_error(errno);
    entry->interest = interest;
    return GF_OK;
}

static int epoll_interest_change(struct epoll_driver *epoll, int handle, uint32_t add,
                                 uint32_t remove)
{
    uint32_t interest = gf_posix_handle_at(&epoll->posix, handle)->interest;

    return epoll_interest_set(epoll, handle, (interest | add) & ~remove);
}

/* ---- Accept and receive ---- */

static void epoll_reader_start(struct epoll_driver *epoll, int handle, struct gf_op *op,
                               enum epoll_state state)
{
    struct gf_posix_handle *entry = gf_posix_handle_at(&epoll->posix, handle);
    int error;

    GF_ASSERT(entry->reader == NULL);
    GF_ASSERT(entry->closing == NULL);
    GF_ASSERT(op->state == 0);
    op->handle = handle;
    op->state = state;
    entry->reader = op;
    error = epoll_interest_change(epoll, handle, EPOLLIN, 0);
    if (error == GF_OK)
        return;
    gf_posix_handle_at(&epoll->posix, handle)->reader = NULL;
    epoll_ready(epoll, op, error, false);
}

/* The reader of a handle has ended, or ends with its next done. */
static void epoll_reader_clear(struct epoll_driver *epoll, int handle)
{
    struct gf_posix_handle *entry = gf_posix_handle_at(&epoll->posix, handle);

    if (entry->reader->state == STATE_RESTING)
        gf_list_remove(&entry->reader->link);
    entry->reader = NULL;
    (void)epoll_interest_change(epoll, handle, 0, EPOLLIN); /* removing interest cannot fail */
}

static void epoll_accept_start(struct gf_driver *driver, int handle, struct gf_accept_op *op)
{
    epoll_reader_start(epoll_of(driver), handle, &op->op, STATE_ACCEPT);
}

static void epoll_recv_start(struct gf_driver *driver, int handle, struct gf_recv_op *op)
{
    epoll_reader_start(epoll_of(driver), handle, &op->op, STATE_RECV);
}

static void epoll_recv_stop(struct gf_driver *driver, struct gf_recv_op *op)
{
    struct epoll_driver *epoll = epoll_of(driver);

    if (op->op.state != STATE_RECV)
        return;
    epoll_reader_clear(epoll, op->op.handle);
    epoll_ready(epoll, &op->op, GF_ECANCELED, false);
}

static void epoll_accept_rest(struct epoll_driver *epoll, struct gf_op *op)
{
    (void)epoll_interest_change(epoll, op->handle, 0, EPOLLIN);
    op->state = STATE_RESTING;
    if (gf_list_empty(&epoll->resting))
        epoll->resting_until_ns = gf_posix_now_ns(NULL) + GF_ACCEPT_REST_NS;
    gf_list_push_back(&epoll->resting, &op->link);
    op->done(op, GF_EMFILE);
}

static uint32_t epoll_accept(struct epoll_driver *epoll, int handle)
{
    for (uint32_t count = 0; count < ACCEPTS_MAX; count++) {
        struct gf_op *op = gf_posix_handle_at(&epoll->posix, handle)->reader;
        int peer;

        if (!op) /* closed by the done before */
            return count;
        peer = accept4(handle, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer >= 0) {
            op->done(op, peer);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            epoll_accept_rest(epoll, op);
            return count + 1;
        } else if (errno == EAGAIN) {
            return count;
        }
        /* Anything else is about the one connection, which is gone. */
    }
    return ACCEPTS_MAX;
}

static uint32_t epoll_rested(struct epoll_driver *epoll)
{
    struct gf_link *link;
    uint32_t count = 0;

    if (gf_list_empty(&epoll->resting) || gf_posix_now_ns(NULL) < epoll->resting_until_ns)
        return 0;
    while ((link = gf_list_pop_front(&epoll->resting))) {
        struct gf_op *op = gf_container(link, struct gf_op, link);

        op->state = STATE_ACCEPT;
        /* It was registered before: if the kernel has no memory for it now, that is the end. */
        if (epoll_interest_change(epoll, op->handle, EPOLLIN, 0) != GF_OK) {
            epoll_reader_clear(epoll, op->handle);
            epoll_ready(epoll, op, GF_EIO, false);
        }
        count++;
    }
    return count;
}

static uint32_t epoll_recv(struct epoll_driver *epoll, struct gf_op *op)
{
    struct gf_recv_op *recv_op = gf_container(op, struct gf_recv_op, op);
    ssize_t size = recv(op->handle, epoll->buffer, epoll->posix.options.recv_buffer_size, 0);

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    recv_op->data = epoll->buffer;
    if (size <= 0) {
        int error = size == 0 ? 0 : gf_posix_error(errno);

        epoll_reader_clear(epoll, op->handle);
        op->state = 0;
        op->done(op, error);
        return 1;
    }
    op->done(op, (int)size);
    return 1;
}

/* ---- Send and connect ---- */

/* Tries to send what is left. True when the send is over, with its result. */
static bool epoll_send_try(struct gf_send_op *op, int *ret_result)
{
    for (;;) {
        struct msghdr message = {.msg_iov = gf_posix_send_iovecs(op),
                                 .msg_iovlen = op->parts_count};
        ssize_t size = sendmsg(op->op.handle, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (size >= 0) {
            if (gf_posix_send_advance(op, (size_t)size)) {
                *ret_result = gf_posix_send_result(op);
                return true;
            }
        } else if (errno == EAGAIN) {
            return false;
        } else if (errno != EINTR) {
            *ret_result = gf_posix_error(errno);
            return true;
        }
    }
}

static void epoll_send(struct gf_driver *driver, int handle, struct gf_send_op *op)
{
    struct epoll_driver *epoll = epoll_of(driver);
    struct gf_posix_handle *entry = gf_posix_handle_at(&epoll->posix, handle);

    GF_ASSERT(op->parts_count > 0);
    GF_ASSERT(op->parts_count <= GF_SEND_PARTS_MAX);
    GF_ASSERT(op->op.state == 0);
    GF_ASSERT(entry->writer == NULL);
    GF_ASSERT(entry->closing == NULL);
    op->op.handle = handle;
    op->op.state = STATE_SEND;
    op->sent = 0;
    entry->writer = &op->op;
    gf_list_push_back(&epoll->sends, &op->op.link);
}

static void epoll_writer_clear(struct epoll_driver *epoll, int handle)
{
    struct gf_posix_handle *entry = gf_posix_handle_at(&epoll->posix, handle);

    if (entry->writer->state == STATE_SEND)
        gf_list_remove(&entry->writer->link);
    entry->writer = NULL;
    (void)epoll_interest_change(epoll, handle, 0, EPOLLOUT); /* removing interest cannot fail */
}

/* The sends that were started since the last run. */
static void epoll_sends_try(struct epoll_driver *epoll)
{
    struct gf_link *link;

    while ((link = gf_list_pop_front(&epoll->sends))) {
        struct gf_op *op = gf_container(link, struct gf_op, link);
        struct gf_send_op *send_op = gf_container(op, struct gf_send_op, op);
        int result;

        op->state = STATE_SEND_WAIT;
        if (!epoll_send_try(send_op, &result)) {
            result = epoll_interest_change(epoll, op->handle, EPOLLOUT, 0);
            if (result == GF_OK)
                continue;
        }
        epoll_writer_clear(epoll, op->handle);
        epoll_ready(epoll, op, result, send_op->sent <= GF_SEND_DONE_DELAY_SIZE);
    }
}

static void epoll_connect(struct gf_driver *driver, const char *host, uint16_t port,
                          struct gf_op *op)
{
    struct epoll_driver *epoll = epoll_of(driver);
    int handle = gf_posix_connect(&epoll->posix, host, port);
    int error = handle;

    GF_ASSERT(op->state == 0);
    if (handle >= 0) {
        op->handle = handle;
        op->state = STATE_CONNECT;
        error = epoll_interest_change(epoll, handle, EPOLLOUT, 0);
        if (error == GF_OK) {
            gf_posix_handle_at(&epoll->posix, handle)->writer = op;
            return;
        }
        close(handle);
    }
    epoll_ready(epoll, op, error, false);
}

static uint32_t epoll_write(struct epoll_driver *epoll, struct gf_op *op)
{
    int handle = op->handle;
    int result;

    if (op->state == STATE_CONNECT) {
        epoll_writer_clear(epoll, handle);
        result = gf_posix_connect_result(handle);
    } else if (op->state != STATE_SEND_WAIT) {
        return 0; /* started by a done of this batch; not tried yet */
    } else if (epoll_send_try(gf_container(op, struct gf_send_op, op), &result)) {
        epoll_writer_clear(epoll, handle);
    } else {
        return 0;
    }
    op->state = 0;
    op->done(op, result);
    return 1;
}

/* ---- Close ---- */

static void epoll_close(struct gf_driver *driver, int handle, bool linger, struct gf_op *op)
{
    struct epoll_driver *epoll = epoll_of(driver);
    struct gf_posix_handle *entry = gf_posix_handle_at(&epoll->posix, handle);
    struct gf_op *reader = entry->reader;
    struct gf_op *writer = entry->writer;

    GF_ASSERT(op->state == 0);
    GF_ASSERT(entry->closing == NULL);
    if (reader) {
        epoll_reader_clear(epoll, handle);
        epoll_ready(epoll, reader, GF_ECANCELED, false);
    }
    if (writer) {
        epoll_writer_clear(epoll, handle);
        epoll_ready(epoll, writer, GF_ECANCELED, false);
    }
    op->handle = handle;
    entry->closing = op;
    entry->linger = linger;
    epoll_ready(epoll, op, GF_OK, false);
}

/* ---- Run ---- */

static uint64_t epoll_timeout(const struct epoll_driver *epoll, uint64_t timeout_ns)
{
    uint64_t now_ns;

    timeout_ns = gf_posix_ready_timeout(&epoll->posix, timeout_ns);
    if (timeout_ns == 0 || gf_list_empty(&epoll->resting))
        return timeout_ns;
    now_ns = gf_posix_now_ns(NULL);
    if (epoll->resting_until_ns <= now_ns)
        return 0;
    if (epoll->resting_until_ns - now_ns < timeout_ns)
        timeout_ns = epoll->resting_until_ns - now_ns;
    return timeout_ns;
}

static int epoll_wait_for(struct epoll_driver *epoll, struct epoll_event *events,
                          uint64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / NS_PER_S),
                               .tv_nsec = (long)(timeout_ns % NS_PER_S)};
    uint64_t timeout_ms = timeout_ns / NS_PER_MS + (timeout_ns % NS_PER_MS > 0);
    int count;

    if (timeout_ns == UINT64_MAX)
        return epoll_wait(epoll->epoll_fd, events, EVENTS_MAX, -1);
    if (epoll->has_pwait2 && timeout_ns > 0) {
        count = epoll_pwait2(epoll->epoll_fd, events, EVENTS_MAX, &timeout, NULL);
        if (count >= 0 || (errno != ENOSYS && errno != EPERM))
            return count;
        epoll->has_pwait2 = false;
    }
    if (timeout_ms > INT32_MAX)
        timeout_ms = INT32_MAX;
    return epoll_wait(epoll->epoll_fd, events, EVENTS_MAX, (int)timeout_ms);
}

static uint32_t epoll_event_serve(struct epoll_driver *epoll, const struct epoll_event *event)
{
    int handle = event->data.fd;
    uint32_t count = 0;
    uint64_t wakes;
    struct gf_op *op;

    if (handle == epoll->posix.wake_fd) {
        (void)!read(handle, &wakes, sizeof(wakes)); /* having ended the wait is all it is for */
        return 0;
    }
    op = gf_posix_handle_at(&epoll->posix, handle)->reader;
    if (op && (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        count += op->state == STATE_RECV ? epoll_recv(epoll, op) : epoll_accept(epoll, handle);
    op = gf_posix_handle_at(&epoll->posix, handle)->writer;
    if (op && (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)))
        count += epoll_write(epoll, op);
    return count;
}

/* Closes the descriptors of the closes that are ready; their dones follow in order. */
static void epoll_closes_run(struct epoll_driver *epoll)
{
    struct gf_list *ready = &epoll->posix.ready;

    for (struct gf_link *link = gf_list_peek_front(ready); link; link = gf_list_next(ready, link)) {
        struct gf_op *op = gf_container(link, struct gf_op, link);
        struct gf_posix_handle *entry;

        if (op->result != GF_OK)
            continue;
        entry = gf_posix_handle_at(&epoll->posix, op->handle);
        if (entry->closing != op)
            continue;
        entry->closing = NULL;
        gf_posix_close(op->handle, entry->linger);
    }
}

static uint32_t epoll_run(struct gf_driver *driver, uint64_t timeout_ns)
{
    struct epoll_driver *epoll = epoll_of(driver);
    struct epoll_event events[EVENTS_MAX];
    uint32_t count = 0;
    int events_count;

    epoll_sends_try(epoll);
    events_count = epoll_wait_for(epoll, events, epoll_timeout(epoll, timeout_ns));
    gf_posix_awake(&epoll->posix);
    for (int i = 0; i < events_count; i++)
        count += epoll_event_serve(epoll, &events[i]);
    count += epoll_rested(epoll);
    epoll_closes_run(epoll);
    return count + gf_posix_ready_run(&epoll->posix);
}

static void epoll_wake(struct gf_driver *driver, struct gf_driver *peer)
{
    (void)driver;
    gf_posix_wake(peer);
}

static void epoll_destroy(struct gf_driver *driver)
{
    struct epoll_driver *epoll = epoll_of(driver);

    GF_ASSERT(gf_list_empty(&epoll->sends));
    GF_ASSERT(gf_list_empty(&epoll->resting));
    close(epoll->epoll_fd);
    gf_posix_deinit(&epoll->posix);
    gf_free(GF_MEMORY_BUFFERS, epoll->buffer);
    gf_free(GF_MEMORY_OTHER, epoll);
}

static const struct gf_driver_ops epoll_ops = {
    .name = "epoll",
    .listen = gf_posix_listen,
    .accept_start = epoll_accept_start,
    .recv_start = epoll_recv_start,
    .recv_stop = epoll_recv_stop,
    .send = epoll_send,
    .connect = epoll_connect,
    .close = epoll_close,
    .addresses = gf_posix_addresses,
    .file_read = gf_posix_file_read,
    .file_replace = gf_posix_file_replace,
    .run = epoll_run,
    .wake = epoll_wake,
    .now_ns = gf_posix_now_ns,
    .wall_us = gf_posix_wall_us,
    .cpu_ns = gf_posix_cpu_ns,
    .random = gf_posix_random,
    .sleep = gf_posix_sleep,
    .resident_size = gf_posix_resident_size,
    .destroy = epoll_destroy,
};

int gf_driver_epoll_create(const struct gf_driver_options *options, struct gf_driver **ret_driver)
{
    struct epoll_driver *epoll = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*epoll));
    int error = gf_posix_init(&epoll->posix, options);

    if (error != GF_OK)
        goto out_free;
    epoll->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    error = gf_posix_error(errno);
    if (epoll->epoll_fd < 0)
        goto out_posix;
    error = epoll_interest_set(epoll, epoll->posix.wake_fd, EPOLLIN);
    if (error != GF_OK)
        goto out_epoll;

    epoll->posix.driver.ops = &epoll_ops;
    epoll->has_pwait2 = true;
    epoll->buffer = gf_alloc(GF_MEMORY_BUFFERS, options->recv_buffer_size);
    gf_list_init(&epoll->sends);
    gf_list_init(&epoll->resting);
    *ret_driver = &epoll->posix.driver;
    return GF_OK;

out_epoll:
    close(epoll->epoll_fd);
out_posix:
    gf_posix_deinit(&epoll->posix);
out_free:
    gf_free(GF_MEMORY_OTHER, epoll);
    return error;
}
