/* What both real drivers have in common: sockets, whole files, clocks, and the table of handles.
 *
 * A handle is a file descriptor. The table says what is in flight on each, so that close can end
 * it; an entry belongs to the driver that works on the handle now, and is empty in all others.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "core/driver.h"
#include "core/list.h"

/* How long an accept rests after "too many open files": without a rest it would fail in a loop. */
#define GF_ACCEPT_REST_NS 100000000ull

/* How late the done of a send that succeeded at once may be delivered when nothing else happens.
 * Waiting for the next event instead of returning from the kernel for it saves a system call per
 * request; this bounds how long the sent bytes are held. Longer than a tick of the kernel: one
 * connection, one request at a time, took 12 us of CPU per request with 1 ms and 10 us with 20 ms,
 * because the shorter timeout has to reprogram the clock's interrupt before each sleep. */
#define GF_SEND_DONE_DELAY_NS 10000000ull

/* Sends up to this size are delivered late; 0 = none. At 16 requests deep 32768 takes 0.70 us of
 * CPU per request where 0 takes 0.82. */
#define GF_SEND_DONE_DELAY_SIZE 32768

struct gf_posix_handle {
    struct gf_op *reader;  /* the accept or receive in flight; borrowed */
    struct gf_op *writer;  /* the send or connect in flight; borrowed */
    struct gf_op *closing; /* the close in flight; borrowed */
    uint32_t interest;     /* the driver's */
    bool linger;           /* of `closing` */
    uint8_t watch;         /* enum gf_sweep_watch, of `reader` */
    uint16_t period;       /* of gf_coalesce */
};

/* The first member of both real drivers. */
struct gf_posix_driver {
    struct gf_driver driver;
    struct gf_driver_options options;
    int wake_fd;                     /* an eventfd that ends the wait; any thread writes it */
    int ring_fd;                     /* the io_uring, -1 in the epoll driver */
    struct gf_posix_handle *handles; /* owned; by file descriptor */
    uint32_t handles_count;
    struct gf_list ready; /* gf_op.link: `result` is known, `done` is owed; oldest first */
    bool ready_at_once;   /* something in `ready` must not be delivered late */
};

/* gf_posix_init - Returns GF_OK, GF_EMFILE or GF_EIO. */
int gf_posix_init(struct gf_posix_driver *posix, const struct gf_driver_options *options);
/* gf_posix_deinit - accepts a zeroed driver. */
void gf_posix_deinit(struct gf_posix_driver *posix);

/* gf_posix_handle_at - the entry of a handle; the table grows as needed, which moves the
 * entries. */
struct gf_posix_handle *gf_posix_handle_at(struct gf_posix_driver *posix, int handle);

/* gf_posix_ready - op's done(result) is owed, and will be called by the next run.
 * late: it may wait for GF_SEND_DONE_DELAY_NS. */
void gf_posix_ready(struct gf_posix_driver *posix, struct gf_op *op, int result, bool late);

/* gf_posix_ready_timeout - how long a run that wants to wait `timeout_ns` may wait. */
uint64_t gf_posix_ready_timeout(const struct gf_posix_driver *posix, uint64_t timeout_ns);

/* gf_posix_ready_run - call the done of everything that is ready now. Returns how many. */
uint32_t gf_posix_ready_run(struct gf_posix_driver *posix);

/* gf_posix_awake - tell the core that the wait is over. */
static inline void gf_posix_awake(struct gf_posix_driver *posix)
{
    if (posix->driver.awake)
        posix->driver.awake(posix->driver.awake_context);
}

/* gf_posix_error - our code for an errno. */
int gf_posix_error(int system_error);

/* gf_posix_connect - start to connect. Returns an error, or a handle that is writable when it is
 * decided. */
int gf_posix_connect(struct gf_posix_driver *posix, const char *host, uint16_t port);
/* gf_posix_connect_result - how a pending connect ended: the handle, or an error and it is
 * closed. */
int gf_posix_connect_result(int handle);

_Static_assert(sizeof(struct gf_bytes) == sizeof(struct iovec), "parts are passed as iovecs");
_Static_assert(offsetof(struct gf_bytes, size) == offsetof(struct iovec, iov_len),
               "parts are passed as iovecs");

/* gf_posix_send_iovecs - the parts that are left, as sendmsg takes them. */
static inline struct iovec *gf_posix_send_iovecs(const struct gf_send_op *op)
{
    return (struct iovec *)op->parts;
}

/* gf_posix_send_advance - `count` more bytes of a send are gone. True when all are. */
bool gf_posix_send_advance(struct gf_send_op *op, size_t count);
/* gf_posix_send_result - what done gets for a send that is complete. */
int gf_posix_send_result(const struct gf_send_op *op);
/* gf_posix_send_size - bytes not sent yet. */
size_t gf_posix_send_size(const struct gf_send_op *op);

/* gf_posix_close - close the descriptor; linger as in gf_driver_ops.close. */
void gf_posix_close(int handle, bool linger);

/* gf_posix_wake - end the wait of another core's driver through its eventfd. */
void gf_posix_wake(struct gf_driver *peer);

/* Rows of gf_driver_ops that are the same in both. */
int gf_posix_listen(struct gf_driver *driver, const char *host, uint16_t port, bool shared);
void gf_posix_addresses(struct gf_driver *driver, int handle, struct gf_address *ret_local,
                        struct gf_address *ret_peer);
int gf_posix_file_read(struct gf_driver *driver, const char *path, char **ret_data,
                       size_t *ret_size);
int gf_posix_file_replace(struct gf_driver *driver, const char *path, struct gf_bytes content);
uint64_t gf_posix_now_ns(struct gf_driver *driver);
uint64_t gf_posix_wall_us(struct gf_driver *driver);
uint64_t gf_posix_cpu_ns(struct gf_driver *driver, bool system);
void gf_posix_random(struct gf_driver *driver, void *bytes, size_t size);
void gf_posix_sleep(struct gf_driver *driver, uint64_t duration_ns);
uint64_t gf_posix_resident_size(struct gf_driver *driver);
