/* The driver on io_uring, the default. The only includer of liburing.
 *
 * Happy path: accepts and receives are multishot, so each is submitted once in the life of a
 * handle; received bytes land in buffers of one provided ring and are handed on without a copy; all
 * sends of a turn go to the kernel with the one system call that also waits. An unpipelined request
 * costs exactly that one call.
 *
 * Quick sends. A small send is submitted with MSG_DONTWAIT and "no completion on success": the
 * kernel tries it inside the submission and either it is done or a completion says what is left. So
 * when the call returns, every quick send without a completion is known to have succeeded, and its
 * done is called. A completion of its own would end the wait at once and cost a second system call
 * per turn. What a quick send could not send is sent again as an ordinary one, which waits for the
 * peer. Waiting with quick sends submitted is bounded by GF_SEND_DONE_DELAY_NS.
 *
 * Failure: no receive buffer left ends a multishot receive; it is submitted again, by when this
 * turn has given buffers back. Too many open files ends a multishot accept; it rests on a kernel
 * timeout. A completion queue that overflows loses nothing: the kernel keeps the rest and gives it
 * to the next call; quick sends are then not judged before the queue is whole again.
 *
 * A receive may also end without a completion, by a fault of some kernels: see driver_sweep.h.
 *
 * On close: what is in flight on the handle is cancelled by its user_data, never by descriptor. An
 * operation ends with its last completion only, so none can arrive for memory that is gone; a
 * cancel is submitted in order, before anything that could reuse the same user_data. When nothing
 * is left the descriptor is closed and close's done runs.
 */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/driver.h"
#include "core/driver_coalesce.h"
#include "core/driver_posix.h"
#include "core/driver_sweep.h"

#define NS_PER_S 1000000000ull
#define BUFFERS_ALIGNMENT 4096   /* a page, as the kernel wants it */
#define QUEUE_SIZE_MAX 4096      /* submissions; more than that are flushed in between */
#define COMPLETIONS_FACTOR 8     /* completions per submission: multishots give many */
#define BUFFERS_GROUP 0          /* the one provided-buffer group */
#define SEND_SIZE_MAX (1u << 30) /* of one submission: the kernel's counts are 32 bits wide */
#define RECYCLE_BATCH 32         /* buffers given back at once */

/* gf_op.state; 0 is idle. */
enum uring_state {
    STATE_ACCEPT = 1,
    STATE_RESTING, /* an accept after EMFILE: a timeout is in flight */
    STATE_RECV,
    STATE_SEND_QUICK, /* on `quick` */
    STATE_SEND,
    STATE_CONNECT, /* waits for writable */
    STATE_READY,   /* the result is known, on `ready` */
    STATE_MASK = 0xff,
    STATE_CANCELED = 0x100, /* a flag: its next completion is the last */
    STATE_RESTART = 0x200,  /* a flag of a receive: cancelled to be submitted again */
};

/* user_data: an operation's address, or one of these in its low bits. */
enum uring_tag {
    TAG_OP,     /* look at its state */
    TAG_QUICK,  /* a quick send that did not succeed: handled before all others */
    TAG_IGNORE, /* cancels, and wakes from other rings */
    TAG_WAKE,   /* the eventfd */
    TAG_MASK = 7,
};

_Static_assert(_Alignof(struct gf_op) > TAG_MASK, "tags live in the low bits of addresses");

struct uring_driver {
    struct gf_posix_driver posix;
    struct io_uring ring;
    struct gf_list quick;    /* gf_op.link: quick sends submitted or about to be */
    struct msghdr *messages; /* owned; one per submission slot, read when it is submitted */
    struct io_uring_buf_ring *buffers_ring; /* owned; buffers the kernel may fill */
    char *buffers;                          /* owned; recv_buffer_count of recv_buffer_size bytes */
    uint32_t buffers_returning;    /* added to buffers_ring, not yet visible to the kernel */
    struct __kernel_timespec rest; /* what a resting accept waits for */
    struct gf_sweep sweep;
    struct gf_coalesce coalesce;
};

static struct uring_driver *uring_of(struct gf_driver *driver)
{
    return (struct uring_driver *)driver;
}

static void uring_ready(struct uring_driver *uring, struct gf_op *op, int result)
{
    op->state = STATE_READY;
    gf_posix_ready(&uring->posix, op, result, false);
}

/* A free submission slot; a full queue is flushed first. */
static struct io_uring_sqe *uring_submission(struct uring_driver *uring, void *data,
                                             enum uring_tag tag)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);

    while (GF_UNLIKELY(!sqe)) {
        int error = io_uring_submit(&uring->ring);

        GF_ASSERT(error >= 0 || error == -EINTR || error == -EAGAIN || error == -EBUSY);
        sqe = io_uring_get_sqe(&uring->ring);
    }
    /* The prep calls that follow leave user_data alone. */
    sqe->user_data = (uintptr_t)data | tag;
    return sqe;
}

static void uring_cancel(struct uring_driver *uring, struct gf_op *op, enum uring_state why)
{
    struct io_uring_sqe *sqe = uring_submission(uring, NULL, TAG_IGNORE);

    io_uring_prep_cancel64(sqe, (uintptr_t)op | TAG_OP, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    op->state |= why;
}

/* ---- Close ---- */

/* Goes on with a close that waits for the handle's operations, when the last one has ended. */
static void uring_close_continue(struct uring_driver *uring, int handle)
{
    struct gf_posix_handle *entry = gf_posix_handle_at(&uring->posix, handle);
    struct gf_op *closing = entry->closing;

    if (!closing || entry->reader || entry->writer)
        return;
    entry->closing = NULL;
    gf_posix_close(handle, entry->linger);
    uring_ready(uring, closing, GF_OK);
}

static void uring_close(struct gf_driver *driver, int handle, bool linger, struct gf_op *op)
{
    struct uring_driver *uring = uring_of(driver);
    struct gf_posix_handle *entry = gf_posix_handle_at(&uring->posix, handle);

    GF_ASSERT(op->state == 0);
    GF_ASSERT(entry->closing == NULL);
    op->handle = handle;
    op->state = STATE_READY;
    entry->closing = op;
    entry->linger = linger;
    if (entry->reader && !(entry->reader->state & STATE_CANCELED))
        uring_cancel(uring, entry->reader, STATE_CANCELED);
    if (entry->writer && entry->writer->state == STATE_SEND_QUICK)
        entry->writer->state |= STATE_CANCELED; /* it ends by itself, with the next call */
    else if (entry->writer)
        uring_cancel(uring, entry->writer, STATE_CANCELED);
    uring_close_continue(uring, handle);
}

/* The last done of an accept or a receive. */
static void uring_reader_end(struct uring_driver *uring, struct gf_op *op, int result)
{
    int handle = op->handle;

    gf_posix_handle_at(&uring->posix, handle)->reader = NULL;
    op->state = 0;
    op->done(op, result);
    uring_close_continue(uring, handle);
}

/* The same for a send. */
static void uring_writer_end(struct uring_driver *uring, struct gf_op *op, int result)
{
    int handle = op->handle;

    gf_posix_handle_at(&uring->posix, handle)->writer = NULL;
    op->state = 0;
    op->done(op, result);
    uring_close_continue(uring, handle);
}

/* ---- Accept and receive ---- */

static void uring_reader_start(struct uring_driver *uring, int handle, struct gf_op *op,
                               enum uring_state state)
{
    struct gf_posix_handle *entry = gf_posix_handle_at(&uring->posix, handle);

    GF_ASSERT(op->state == 0);
    GF_ASSERT(entry->reader == NULL);
    GF_ASSERT(entry->closing == NULL);
    entry->reader = op;
    entry->watch = GF_SWEEP_UNWATCHED;
    op->handle = handle;
    op->state = state;
}

static void uring_accept_submit(struct uring_driver *uring, struct gf_op *op)
{
    struct io_uring_sqe *sqe = uring_submission(uring, op, TAG_OP);

    io_uring_prep_multishot_accept(sqe, op->handle, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void uring_accept_start(struct gf_driver *driver, int handle, struct gf_accept_op *op)
{
    struct uring_driver *uring = uring_of(driver);

    uring_reader_start(uring, handle, &op->op, STATE_ACCEPT);
    uring_accept_submit(uring, &op->op);
}

static void uring_accept_rest(struct uring_driver *uring, struct gf_op *op)
{
    struct io_uring_sqe *sqe = uring_submission(uring, op, TAG_OP);

    io_uring_prep_timeout(sqe, &uring->rest, 0, 0);
    op->state = STATE_RESTING;
    op->done(op, GF_EMFILE);
}

static void uring_accept_done(struct uring_driver *uring, struct gf_op *op, int result,
                              uint32_t flags)
{
    bool ended = !(flags & IORING_CQE_F_MORE);

    if (ended && (op->state & STATE_CANCELED)) {
        if (result >= 0)
            op->done(op, result);
        uring_reader_end(uring, op, GF_ECANCELED);
        return;
    }
    if (result == -EMFILE || result == -ENFILE || result == -ENOBUFS || result == -ENOMEM) {
        uring_accept_rest(uring, op);
        return;
    }
    if (result == -EINVAL || result == -EBADF || result == -ENOTSOCK || result == -EOPNOTSUPP) {
        uring_reader_end(uring, op, gf_posix_error(-result)); /* not a listening socket */
        return;
    }
    if (ended)
        uring_accept_submit(uring, op);
    /* Other errors are about one connection, which is gone. */
    if (result >= 0)
        op->done(op, result);
}

/* A rest is over: by its timeout, or by a close. */
static void uring_accept_rested(struct uring_driver *uring, struct gf_op *op)
{
    if (op->state & STATE_CANCELED) {
        uring_reader_end(uring, op, GF_ECANCELED);
        return;
    }
    op->state = STATE_ACCEPT;
    uring_accept_submit(uring, op);
}

static void uring_recv_submit(struct uring_driver *uring, struct gf_op *op)
{
    struct io_uring_sqe *sqe = uring_submission(uring, op, TAG_OP);

    io_uring_prep_recv_multishot(sqe, op->handle, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFERS_GROUP;
    op->state &= ~(uint32_t)STATE_RESTART;
    gf_posix_handle_at(&uring->posix, op->handle)->watch = GF_SWEEP_FRESH;
}

static void uring_recv_start(struct gf_driver *driver, int handle, struct gf_recv_op *op)
{
    struct uring_driver *uring = uring_of(driver);

    uring_reader_start(uring, handle, &op->op, STATE_RECV);
    uring_recv_submit(uring, &op->op);
}

static void uring_recv_stop(struct gf_driver *driver, struct gf_recv_op *op)
{
    bool runs = (op->op.state & STATE_MASK) == STATE_RECV; /* else it has ended, or is about to */

    if (runs && !(op->op.state & STATE_CANCELED))
        uring_cancel(uring_of(driver), &op->op, STATE_CANCELED);
}

static char *uring_buffer(struct uring_driver *uring, uint32_t index)
{
    return uring->buffers + (size_t)index * uring->posix.options.recv_buffer_size;
}

static void uring_buffers_publish(struct uring_driver *uring)
{
    if (uring->buffers_returning == 0)
        return;
    io_uring_buf_ring_advance(uring->buffers_ring, (int)uring->buffers_returning);
    uring->buffers_returning = 0;
}

static void uring_buffer_return(struct uring_driver *uring, uint32_t index)
{
    const struct gf_driver_options *options = &uring->posix.options;

    io_uring_buf_ring_add(uring->buffers_ring, uring_buffer(uring, index),
                          options->recv_buffer_size, (unsigned short)index,
                          io_uring_buf_ring_mask(options->recv_buffer_count),
                          (int)uring->buffers_returning++);
    if (uring->buffers_returning == RECYCLE_BATCH)
        uring_buffers_publish(uring);
}

/* Bytes arrived. What must follow the piece (the next submission, the last done) is queued before
 * its done runs, because done may stop the receive or close the handle. */
static void uring_recv_piece(struct uring_driver *uring, struct gf_op *op, int result,
                             uint32_t flags)
{
    uint32_t index = flags >> IORING_CQE_BUFFER_SHIFT;
    struct gf_posix_handle *entry = gf_posix_handle_at(&uring->posix, op->handle);

    GF_ASSERT(flags & IORING_CQE_F_BUFFER);
    entry->watch = GF_SWEEP_FRESH;
    gf_coalesce_received(&uring->coalesce, entry);
    if (!(flags & IORING_CQE_F_MORE)) {
        if (op->state & STATE_CANCELED) {
            entry->reader = NULL;
            uring_ready(uring, op, GF_ECANCELED);
            uring_close_continue(uring, op->handle);
        } else {
            uring_recv_submit(uring, op);
        }
    }
    gf_container(op, struct gf_recv_op, op)->data = uring_buffer(uring, index);
    op->done(op, result);
    uring_buffer_return(uring, index);
}

static void uring_recv_done(struct uring_driver *uring, struct gf_op *op, int result,
                            uint32_t flags)
{
    if (GF_LIKELY(result > 0)) {
        uring_recv_piece(uring, op, result, flags);
        return;
    }
    if (flags & IORING_CQE_F_BUFFER)
        uring_buffer_return(uring, flags >> IORING_CQE_BUFFER_SHIFT);
    if (flags & IORING_CQE_F_MORE)
        return;
    if (result == -ENOBUFS || result == -EINTR || result == -EAGAIN ||
        (result == -ECANCELED && (op->state & STATE_RESTART))) {
        if (op->state & STATE_CANCELED)
            uring_reader_end(uring, op, GF_ECANCELED);
        else
            uring_recv_submit(uring, op);
        return;
    }
    uring_reader_end(uring, op, result == 0 ? 0 : gf_posix_error(-result));
}

/* A quiet receive has something to collect: see driver_sweep.h. */
static void uring_recv_restart(struct gf_posix_driver *posix, struct gf_op *op)
{
    if (op->state == STATE_RECV)
        uring_cancel((struct uring_driver *)posix, op, STATE_RESTART);
}

/* ---- Send and connect ---- */

static void uring_send_submit(struct uring_driver *uring, struct gf_send_op *op, enum uring_tag tag)
{
    struct io_uring_sqe *sqe = uring_submission(uring, &op->op, tag);
    int flags = MSG_NOSIGNAL | MSG_WAITALL | (tag == TAG_QUICK ? MSG_DONTWAIT : 0);

    if (op->parts_count == 1) {
        size_t size = op->parts[0].size;

        io_uring_prep_send(sqe, op->op.handle, op->parts[0].data,
                           size < SEND_SIZE_MAX ? size : SEND_SIZE_MAX, flags);
    } else {
        struct msghdr *message = &uring->messages[sqe - uring->ring.sq.sqes];

        message->msg_iov = gf_posix_send_iovecs(op);
        message->msg_iovlen = op->parts_count;
        io_uring_prep_sendmsg(sqe, op->op.handle, message, (unsigned)flags);
    }
    if (tag == TAG_QUICK)
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

static void uring_send(struct gf_driver *driver, int handle, struct gf_send_op *op)
{
    struct uring_driver *uring = uring_of(driver);
    struct gf_posix_handle *entry = gf_posix_handle_at(&uring->posix, handle);

    GF_ASSERT(op->parts_count > 0);
    GF_ASSERT(op->parts_count <= GF_SEND_PARTS_MAX);
    GF_ASSERT(op->op.state == 0);
    GF_ASSERT(entry->writer == NULL);
    GF_ASSERT(entry->closing == NULL);
    entry->writer = &op->op;
    op->op.handle = handle;
    op->sent = 0;
    if (gf_posix_send_size(op) <= GF_SEND_DONE_DELAY_SIZE) {
        op->op.state = STATE_SEND_QUICK;
        gf_list_push_back(&uring->quick, &op->op.link);
        uring_send_submit(uring, op, TAG_QUICK);
    } else {
        op->op.state = STATE_SEND;
        uring_send_submit(uring, op, TAG_OP);
    }
}

/* A completion of a send: goes on with what is left. True when the send is over. */
static bool uring_send_continue(struct uring_driver *uring, struct gf_send_op *op, int result,
                                int *ret_result)
{
    if (result >= 0 && gf_posix_send_advance(op, (size_t)result)) {
        *ret_result = gf_posix_send_result(op);
        return true;
    }
    if (op->op.state & STATE_CANCELED) {
        *ret_result = GF_ECANCELED;
        return true;
    }
    if (result < 0 && result != -EAGAIN && result != -EINTR) {
        *ret_result = gf_posix_error(-result);
        return true;
    }
    op->op.state = STATE_SEND;
    uring_send_submit(uring, op, TAG_OP);
    return false;
}

static void uring_send_done(struct uring_driver *uring, struct gf_op *op, int result)
{
    if (uring_send_continue(uring, gf_container(op, struct gf_send_op, op), result, &result))
        uring_writer_end(uring, op, result);
}

static void uring_connect(struct gf_driver *driver, const char *host, uint16_t port,
                          struct gf_op *op)
{
    struct uring_driver *uring = uring_of(driver);
    int handle = gf_posix_connect(&uring->posix, host, port);
    struct io_uring_sqe *sqe;

    GF_ASSERT(op->state == 0);
    if (handle < 0) {
        uring_ready(uring, op, handle);
        return;
    }
    op->handle = handle;
    op->state = STATE_CONNECT;
    sqe = uring_submission(uring, op, TAG_OP);
    io_uring_prep_poll_add(sqe, handle, POLLOUT);
}

static void uring_connect_done(struct gf_op *op)
{
    op->state = 0;
    op->done(op, gf_posix_connect_result(op->handle));
}

/* ---- Quick sends ---- */

/* Takes the quick sends that did not succeed off the list. */
static void uring_quick_failures(struct uring_driver *uring, uint32_t completions)
{
    const struct io_uring_cq *queue = &uring->ring.cq;
    uint32_t head = *queue->khead;

    for (uint32_t i = 0; i < completions; i++) {
        const struct io_uring_cqe *cqe = &queue->cqes[(head + i) & *queue->kring_mask];
        struct gf_op *op;
        int result;

        if ((cqe->user_data & TAG_MASK) != TAG_QUICK)
            continue;
        op = (struct gf_op *)(uintptr_t)(cqe->user_data & ~(uint64_t)TAG_MASK);
        gf_list_remove(&op->link);
        if (!uring_send_continue(uring, gf_container(op, struct gf_send_op, op), cqe->res, &result))
            continue;
        gf_posix_handle_at(&uring->posix, op->handle)->writer = NULL;
        uring_ready(uring, op, result);
        uring_close_continue(uring, op->handle); /* its done comes behind the send's */
    }
}

/* After a call: judges the quick sends and calls their dones. */
static uint32_t uring_quick_settle(struct uring_driver *uring, uint32_t completions)
{
    struct gf_list list;
    struct gf_link *link;
    uint32_t count = 0;
    /* Before the failures: those submit again. */
    bool whole = io_uring_sq_ready(&uring->ring) == 0 && !io_uring_cq_has_overflow(&uring->ring);

    if (gf_list_empty(&uring->quick))
        return 0;
    uring_quick_failures(uring, completions);
    if (!whole)
        return 0;

    gf_list_init(&list);
    gf_list_splice_back(&list, &uring->quick);
    while ((link = gf_list_pop_front(&list))) {
        struct gf_op *op = gf_container(link, struct gf_op, link);
        struct gf_send_op *send_op = gf_container(op, struct gf_send_op, op);

        send_op->sent += gf_posix_send_size(send_op);
        uring_writer_end(uring, op, gf_posix_send_result(send_op));
        count++;
    }
    return count;
}

/* ---- Run ---- */

static void uring_wake_listen(struct uring_driver *uring)
{
    struct io_uring_sqe *sqe = uring_submission(uring, NULL, TAG_WAKE);

    io_uring_prep_poll_multishot(sqe, uring->posix.wake_fd, POLLIN);
}

static void uring_wake_done(struct uring_driver *uring, uint32_t flags)
{
    uint64_t wakes;

    (void)!read(uring->posix.wake_fd, &wakes, sizeof(wakes)); /* ending the wait was all */
    if (!(flags & IORING_CQE_F_MORE))
        uring_wake_listen(uring);
}

static uint32_t uring_completion(struct uring_driver *uring, uint64_t user_data, int result,
                                 uint32_t flags)
{
    struct gf_op *op = (struct gf_op *)(uintptr_t)user_data;

    if (GF_UNLIKELY((user_data & TAG_MASK) != TAG_OP)) {
        if ((user_data & TAG_MASK) == TAG_WAKE)
            uring_wake_done(uring, flags);
        return 0;
    }
    switch (op->state & STATE_MASK) {
    case STATE_RECV:
        uring_recv_done(uring, op, result, flags);
        return 1;
    case STATE_SEND:
        uring_send_done(uring, op, result);
        return 1;
    case STATE_ACCEPT:
        uring_accept_done(uring, op, result, flags);
        return 1;
    case STATE_RESTING:
        uring_accept_rested(uring, op);
        return 1;
    case STATE_CONNECT:
        uring_connect_done(op);
        return 1;
    default:
        gf_panic(__FILE__, __LINE__, "a completion for an operation that is not in flight");
    }
}

/* Submits, and waits for `count` completions, for timeout_ns (UINT64_MAX: for ever) at most. */
static int uring_wait(struct uring_driver *uring, uint32_t count, uint64_t timeout_ns)
{
    struct __kernel_timespec timeout = {.tv_sec = (long long)(timeout_ns / NS_PER_S),
                                        .tv_nsec = (long long)(timeout_ns % NS_PER_S)};
    struct io_uring_cqe *cqe;

    return io_uring_submit_and_wait_timeout(&uring->ring, &cqe, count,
                                            timeout_ns == UINT64_MAX ? NULL : &timeout, NULL);
}

/* Coalescing. Returns whether anything has come; if not, *timeout_ns is what is left of it. */
static bool uring_wait_for_more(struct uring_driver *uring, uint64_t *timeout_ns, int *ret_error)
{
    uint64_t coalesce_ns = uring->posix.driver.coalesce_ns;
    uint32_t count = gf_coalesce_count(&uring->coalesce);

    if (coalesce_ns == 0 || coalesce_ns >= *timeout_ns || count < 2)
        return false;
    *ret_error = uring_wait(uring, count, coalesce_ns);
    if (*timeout_ns != UINT64_MAX)
        *timeout_ns -= coalesce_ns;
    return io_uring_cq_ready(&uring->ring) > 0;
}

/* The one system call of a turn; none at all when there is neither something to submit nor to wait
 * for nor, by the kernel's own flag, to collect. */
static void uring_enter(struct uring_driver *uring, uint64_t timeout_ns)
{
    int error = 0;

    if (timeout_ns > 0) {
        if (!uring_wait_for_more(uring, &timeout_ns, &error))
            error = uring_wait(uring, 1, timeout_ns);
    } else if (io_uring_sq_ready(&uring->ring) > 0 ||
               IO_URING_READ_ONCE(*uring->ring.sq.kflags) &
                   (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) {
        error = io_uring_submit_and_get_events(&uring->ring);
    }
    GF_ASSERT(error >= 0 || error == -ETIME || error == -EINTR || error == -EAGAIN ||
              error == -EBUSY);
}

static uint32_t uring_run(struct gf_driver *driver, uint64_t timeout_ns)
{
    struct uring_driver *uring = uring_of(driver);
    const struct io_uring_cq *queue = &uring->ring.cq;
    uint32_t completions;
    uint32_t head;
    uint32_t count;

    timeout_ns = gf_posix_ready_timeout(&uring->posix, timeout_ns);
    if (!gf_list_empty(&uring->quick) && timeout_ns > GF_SEND_DONE_DELAY_NS)
        timeout_ns = GF_SEND_DONE_DELAY_NS;
    uring_enter(uring, timeout_ns);
    gf_posix_awake(&uring->posix);

    /* Exactly these: what a flush in between adds is the next run's. */
    completions = io_uring_cq_ready(&uring->ring);
    gf_coalesce_run(&uring->coalesce, completions);
    count = uring_quick_settle(uring, completions);
    count += gf_posix_ready_run(&uring->posix);
    head = *queue->khead;
    for (uint32_t i = 0; i < completions; i++) {
        const struct io_uring_cqe *cqe = &queue->cqes[(head + i) & *queue->kring_mask];

        count += uring_completion(uring, cqe->user_data, cqe->res, cqe->flags);
    }
    io_uring_cq_advance(&uring->ring, completions);
    uring_buffers_publish(uring);
    gf_sweep_if_due(&uring->sweep, &uring->posix, completions == 0, uring_recv_restart);
    return count;
}

static void uring_wake(struct gf_driver *driver, struct gf_driver *peer)
{
    struct uring_driver *uring = uring_of(driver);
    int ring_fd = ((struct gf_posix_driver *)peer)->ring_fd;
    struct io_uring_sqe *sqe;

    if (ring_fd < 0) {
        gf_posix_wake(peer);
        return;
    }
    sqe = uring_submission(uring, NULL, TAG_IGNORE);
    io_uring_prep_msg_ring(sqe, ring_fd, 0, TAG_IGNORE, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

/* ---- Life ---- */

/* Makes the ring with the best flags the kernel knows. What none of these can do has no multishot
 * receive either, and is left to epoll. */
static int uring_setup(struct uring_driver *uring)
{
    static const unsigned flags[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    };
    uint32_t queue_size = uring->posix.options.queue_size;
    int error = -EINVAL;

    if (queue_size > QUEUE_SIZE_MAX)
        queue_size = QUEUE_SIZE_MAX;
    for (size_t i = 0; error == -EINVAL && i < GF_COUNT(flags); i++) {
        struct io_uring_params params = {
            .flags = flags[i] | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
            .cq_entries = queue_size * COMPLETIONS_FACTOR,
        };

        error = io_uring_queue_init_params(queue_size, &uring->ring, &params);
    }
    if (error == -EMFILE || error == -ENFILE)
        return GF_EMFILE;
    if (error < 0)
        return error == -ENOMEM ? GF_ENOMEM : GF_EUNSUPPORTED;
    (void)io_uring_register_ring_fd(&uring->ring); /* saves a reference count per call, no more */
    uring->posix.ring_fd = uring->ring.ring_fd;
    return GF_OK;
}

static int uring_buffers_setup(struct uring_driver *uring)
{
    const struct gf_driver_options *options = &uring->posix.options;
    size_t ring_size = options->recv_buffer_count * sizeof(struct io_uring_buf);
    struct io_uring_buf_reg registration = {.ring_entries = options->recv_buffer_count,
                                            .bgid = BUFFERS_GROUP};

    uring->buffers_ring = gf_alloc_aligned(GF_MEMORY_BUFFERS, ring_size, BUFFERS_ALIGNMENT);
    uring->buffers = gf_alloc_aligned(
        GF_MEMORY_BUFFERS, (size_t)options->recv_buffer_count * options->recv_buffer_size,
        BUFFERS_ALIGNMENT);
    io_uring_buf_ring_init(uring->buffers_ring);
    registration.ring_addr = (uintptr_t)uring->buffers_ring;
    if (io_uring_register_buf_ring(&uring->ring, &registration, 0) < 0)
        return GF_EUNSUPPORTED;
    for (uint32_t i = 0; i < options->recv_buffer_count; i++)
        uring_buffer_return(uring, i);
    uring_buffers_publish(uring);
    return GF_OK;
}

static void uring_free(struct uring_driver *uring)
{
    gf_posix_deinit(&uring->posix);
    gf_free(GF_MEMORY_BUFFERS, uring->buffers_ring);
    gf_free(GF_MEMORY_BUFFERS, uring->buffers);
    gf_free(GF_MEMORY_OTHER, uring->messages);
    gf_free(GF_MEMORY_OTHER, uring);
}

static void uring_destroy(struct gf_driver *driver)
{
    struct uring_driver *uring = uring_of(driver);

    GF_ASSERT(gf_list_empty(&uring->quick));
    io_uring_queue_exit(&uring->ring);
    uring_free(uring);
}

static const struct gf_driver_ops uring_ops = {
    .name = "io_uring",
    .listen = gf_posix_listen,
    .accept_start = uring_accept_start,
    .recv_start = uring_recv_start,
    .recv_stop = uring_recv_stop,
    .send = uring_send,
    .connect = uring_connect,
    .close = uring_close,
    .addresses = gf_posix_addresses,
    .file_read = gf_posix_file_read,
    .file_replace = gf_posix_file_replace,
    .run = uring_run,
    .wake = uring_wake,
    .now_ns = gf_posix_now_ns,
    .wall_us = gf_posix_wall_us,
    .cpu_ns = gf_posix_cpu_ns,
    .random = gf_posix_random,
    .sleep = gf_posix_sleep,
    .resident_size = gf_posix_resident_size,
    .destroy = uring_destroy,
};

int gf_driver_uring_create(const struct gf_driver_options *options, struct gf_driver **ret_driver)
{
    struct uring_driver *uring = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*uring));
    int error = gf_posix_init(&uring->posix, options);

    GF_ASSERT((options->recv_buffer_count & (options->recv_buffer_count - 1)) == 0);
    if (error != GF_OK)
        goto out_free;
    error = uring_setup(uring);
    if (error != GF_OK)
        goto out_free;
    error = uring_buffers_setup(uring);
    if (error != GF_OK)
        goto out_ring;

    uring->posix.driver.ops = &uring_ops;
    uring->rest.tv_nsec = GF_ACCEPT_REST_NS;
    uring->messages =
        gf_alloc_zero(GF_MEMORY_OTHER, uring->ring.sq.ring_entries * sizeof(*uring->messages));
    gf_list_init(&uring->quick);
    uring_wake_listen(uring);
    *ret_driver = &uring->posix.driver;
    return GF_OK;

out_ring:
    io_uring_queue_exit(&uring->ring);
out_free:
    uring_free(uring);
    return error;
}
