/* The seam: every operation on the world outside this process, and nothing else.
 *
 * Three implementations: driver_uring.c, driver_epoll.c, and the simulator's (test/sim). Nothing in
 * core/, protocol/, raft/, modules/ or shards/ reaches clock, random, disk, network or another
 * thread except through this table: that is what lets a test run the whole server from a seed.
 *
 * One driver belongs to one core and is called on that core only (`wake` is called by others).
 * An operation is a struct embedded in its owner; it must stay where it is until its last `done`.
 * `done` never runs inside the call that started the operation; it runs inside `run`.
 *
 * A handle is a small non-negative int (a file descriptor in the real drivers). It is valid on
 * every core of the process, one core at a time: that is what connection hand-over uses.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"
#include "core/list.h"

struct gf_driver;

#define GF_ADDRESS_TEXT_MAX 64 /* "[" INET6 "%" scope "]:65535", rounded up */

/* One end of a connection, as text: "127.0.0.1:6379", "[::1]:6379". */
struct gf_address {
    char text[GF_ADDRESS_TEXT_MAX]; /* zero-terminated */
};

/* What all operations share. `done` is set by the owner before the start call. */
struct gf_op {
    void (*done)(struct gf_op *op, int result);
    struct gf_link link; /* the driver's, or the reactor's: a queue of results to deliver */
    int handle;          /* the driver's */
    int result;          /* the driver's */
    uint32_t state;      /* the driver's; 0 = idle */
};

/* Accept connections until the handle is closed. done(result) comes once per connection with
 * result = its handle (close-on-exec, non-blocking, TCP_NODELAY set), or a negative error: with
 * GF_EMFILE the driver rests 100 ms before it tries again; GF_ECANCELED is the last one. */
struct gf_accept_op {
    struct gf_op op;
};

/* Receive until stopped. done(result) comes once per piece, result = its size in bytes and `data`
 * pointing at it, borrowed until done returns. 0 = the peer closed, <0 = error or GF_ECANCELED
 * after recv_stop; each of these is the last one. */
struct gf_recv_op {
    struct gf_op op;
    const char *data;
};

/* Send all parts, in order. One send per handle at a time. done(result) once: the number of bytes
 * sent (always all of them), or a negative error. The parts must stay until then. The done of a
 * small send may come up to 10 ms late when nothing else happens: it costs no wake-up of its
 * own. */
#define GF_SEND_PARTS_MAX 64
struct gf_send_op {
    struct gf_op op;
    struct gf_bytes *parts; /* borrowed; the driver may change them while it works */
    uint32_t parts_count;   /* 1 .. GF_SEND_PARTS_MAX */
    size_t sent;            /* bytes the kernel took so far; readable any time */
};

struct gf_driver_options {
    uint32_t recv_buffer_size;  /* bytes of one receive buffer */
    uint32_t recv_buffer_count; /* a power of two */
    uint32_t queue_size;        /* operations that can be started in one turn before a flush */
    uint32_t tcp_keepalive_s;   /* 0 = off; for accepted and connected sockets */
    uint32_t backlog;           /* of listening sockets */
};

struct gf_driver_ops {
    const char *name; /* "io_uring", "epoll", "simulator" */

    /* Network. host is a numeric address or "*" / "::*" (all of IPv4 / IPv6); port 0 picks one.
     * shared: several cores listen on the same port (SO_REUSEPORT).
     * Returns a handle, or GF_EADDRINUSE, GF_EACCES, GF_EINVAL (not an address), GF_EIO. */
    int (*listen)(struct gf_driver *driver, const char *host, uint16_t port, bool shared);
    void (*accept_start)(struct gf_driver *driver, int handle, struct gf_accept_op *op);
    void (*recv_start)(struct gf_driver *driver, int handle, struct gf_recv_op *op);
    /* Ask a receive to stop; it ends with done(GF_ECANCELED), or with what ended it before. Pieces
     * that had already arrived may still be delivered first. */
    void (*recv_stop)(struct gf_driver *driver, struct gf_recv_op *op);
    void (*send)(struct gf_driver *driver, int handle, struct gf_send_op *op);
    /* done(result): the new connection's handle or a negative error. host as in listen. */
    void (*connect)(struct gf_driver *driver, const char *host, uint16_t port, struct gf_op *op);
    /* Close. Operations in flight on the handle get their last done (GF_ECANCELED or how they
     * ended) before op's done(GF_OK) runs; the handle is then gone. linger: let the peer read what
     * was sent; otherwise reset the connection. */
    void (*close)(struct gf_driver *driver, int handle, bool linger, struct gf_op *op);
    /* Both ends of a connection or a listening socket (peer is then empty). */
    void (*addresses)(struct gf_driver *driver, int handle, struct gf_address *ret_local,
                      struct gf_address *ret_peer);

    /* Files, whole, at start-up and on an operator's command only (they block): the config file.
     * file_read gives a gf_alloc'd block of kind OTHER. file_replace writes a new file beside the
     * old one with the same permissions, syncs it, renames it over, and syncs the directory: the
     * old or the new, never half. */
    int (*file_read)(struct gf_driver *driver, const char *path, char **ret_data, size_t *ret_size);
    int (*file_replace)(struct gf_driver *driver, const char *path, struct gf_bytes content);

    /* Submit what was started, wait for something to happen for at most timeout_ns (0 = do not
     * wait, UINT64_MAX = for ever), and run the `done` of everything that did. Returns how many
     * ran. */
    uint32_t (*run)(struct gf_driver *driver, uint64_t timeout_ns);
    /* Make another core's `run` return soon. Called on this core with that core's driver. */
    void (*wake)(struct gf_driver *driver, struct gf_driver *peer);

    uint64_t (*now_ns)(struct gf_driver *driver);  /* monotonic; any origin */
    uint64_t (*wall_us)(struct gf_driver *driver); /* Unix time, microseconds */
    uint64_t (*cpu_ns)(struct gf_driver *driver, bool system); /* the process's CPU time so far */
    void (*random)(struct gf_driver *driver, void *bytes, size_t size); /* from the system */
    /* Stop this thread, DEBUG SLEEP: everything else on the core waits. NULL: cannot. */
    void (*sleep)(struct gf_driver *driver, uint64_t duration_ns);

    /* What the machine says about this process, for INFO and for memory limits. 0 = not known. */
    uint64_t (*resident_size)(struct gf_driver *driver); /* RSS, bytes */

    void (*destroy)(struct gf_driver *driver); /* nothing may be in flight */
};

/* The first member of every driver. */
struct gf_driver {
    const struct gf_driver_ops *ops;
    /* Set by the core, may be NULL: `run` calls it once, when the wait is over and before the first
     * `done`, so that results are handled under the turn's own clock. */
    void (*awake)(void *context);
    void *awake_context;
    /* Set by the core before each `run`: how long a result may be held back so that more come with
     * it, as a network card coalesces its interrupts. 0 = not at all. */
    uint64_t coalesce_ns;
};

/* gf_driver_uring_create - the default. Called on the core's own thread (single issuer).
 *
 * Returns    GF_OK, GF_EUNSUPPORTED where the kernel or a seccomp profile refuses io_uring, or
 *            another error.
 */
int gf_driver_uring_create(const struct gf_driver_options *options, struct gf_driver **ret_driver);

/* gf_driver_epoll_create - the same contract where io_uring is refused. */
int gf_driver_epoll_create(const struct gf_driver_options *options, struct gf_driver **ret_driver);
