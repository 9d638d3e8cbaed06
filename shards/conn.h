/* One client: bytes in, requests out, answers back in order.
 *
 * Happy path: a receive brings bytes; all whole requests in them are parsed, up to
 * GF_CONN_AHEAD at a time, their buckets and objects prefetched, and run; the answers collect in
 * `out` and leave in one send at the end of the turn. Bytes of an unfinished request are kept in
 * `in`.
 *
 * Order: an answer goes straight to `out` only when nothing is in `requests`; otherwise it waits in
 * a request of its own, behind the ones before it.
 *
 * Stopping: a command that must see all others finished (`held`: commands over several cores,
 * CLIENT PAUSE, admin commands that ask other cores), or one that finds the ring to its core full,
 * stops the parsing; what has arrived stays in `in`, and
 * beyond GF_CONN_IN_HIGH the socket is not read any more. gf_conn_release goes on.
 *
 * Failure: a protocol error answers and closes after the answer is sent. An output above
 * client-output-buffer-limit, an unfinished request above client-query-buffer-limit, or one that
 * makes no progress for client-request-timeout, closes at once; so does a client that does not take
 * its last answers for that long.
 *
 * The client's end (it closed, or shut down its sending side): what came before it is run and
 * answered first.
 *
 * On close: the receive and send in flight end first (the driver's close waits for them), then the
 * requests on other cores come back and are dropped; the connection is freed when the last is home.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/driver.h"
#include "core/list.h"
#include "protocol/parser.h"
#include "protocol/reply.h"
#include "shards/request.h"

struct gf_timer;
struct gf_transaction;
struct gf_redirect_target;
struct gf_subscriber;
struct gf_tracking;
struct gf_worker;

#define GF_CONN_AHEAD 16                 /* requests parsed ahead of the one that runs */
#define GF_CONN_REQUESTS_MAX 1024        /* in flight on other cores, then reading stops */
#define GF_CONN_IN_HIGH (64 * 1024)      /* unparsed bytes when stopped, then no reading */
#define GF_CONN_IN_LARGE (32 * 1024)     /* bytes of one request: memory is made for it ahead */
#define GF_CONN_SEND_PARTS 8

enum gf_conn_state {
    GF_CONN_OPEN,
    GF_CONN_DRAINING, /* no more requests; closes when `out` is sent */
    GF_CONN_CLOSING,  /* the driver's close is in flight */
    GF_CONN_CLOSED,   /* the handle is gone; waits for requests on other cores */
};

/* Why the fast path must look closer. Bits of gf_conn.attention and gf_worker.attention. */
enum gf_attention {
    GF_ATTENTION_AUTH = 1u << 0,      /* conn: not authenticated yet                     */
    GF_ATTENTION_REPLY = 1u << 1,     /* conn: CLIENT REPLY OFF or SKIP                  */
    GF_ATTENTION_MONITOR = 1u << 2,   /* worker: somebody monitors                       */
    GF_ATTENTION_PAUSE = 1u << 3,     /* worker: CLIENT PAUSE is on                      */
    GF_ATTENTION_TIMING = 1u << 4,    /* worker: every command is timed on its own       */
    GF_ATTENTION_MEMORY = 1u << 5,    /* worker: far over maxmemory: writes wait         */
    GF_ATTENTION_MONITORING = 1u << 6,/* conn: it is a monitor                           */
    GF_ATTENTION_NO_TOUCH = 1u << 7,  /* conn: CLIENT NO-TOUCH                           */
    GF_ATTENTION_MULTI = 1u << 8,     /* conn: between MULTI and EXEC                    */
    GF_ATTENTION_SUBSCRIBED = 1u << 9,/* conn: subscribed to something                   */
    GF_ATTENTION_TRACKING = 1u << 10, /* conn: caches what it reads                      */
};

enum gf_reply_mode { GF_REPLY_ON, GF_REPLY_OFF, GF_REPLY_SKIP, GF_REPLY_SKIP_NEXT };

/* What a client has said about itself. Moves with the connection to another core. */
struct gf_session {
    uint64_t id;               /* CLIENT ID: unique on the node, rising                   */
    uint32_t db;
    uint8_t resp;              /* 2 or 3                                                  */
    bool authenticated;
    bool no_evict;
    bool no_touch;
    bool monitor;
    enum gf_reply_mode reply_mode;
    uint64_t created_ms;       /* clock of the turn (not the wall's, which may be set)    */
    uint64_t active_ms;        /* last request; the same                                  */
    char *name;                /* CLIENT SETNAME, or NULL; owned                          */
    char *library_name;        /* CLIENT SETINFO; or NULL; owned                          */
    char *library_version;
    char *peer;                /* addresses of both ends, once asked for; owned           */
    char *local;
    const struct gf_command *last_command; /* for CLIENT LIST; or NULL                    */
    uint64_t commands;         /* requests so far                                         */
    uint64_t bytes_in;
    uint64_t bytes_out;
    bool on_core_port;         /* came in on the port of one core: it stays on that core  */
};

/* Invariants (gf_conn_check walks them):
 *   full, draining and paused are three of the reasons to be held: one at most, and only then
 *   `requests` has requests_count members, the first of which is not answered yet
 *   a connection that is being moved has nothing in flight
 *   `leaving` holds bytes while, and only while, a send is in flight
 */
struct gf_conn {
    struct gf_worker *worker;     /* home; never changes                                  */
    struct gf_link link;          /* worker->conns                                        */
    struct gf_link monitor_link;  /* worker->monitors.conns                               */
    struct gf_link cork_link;     /* worker->corked: `out` waits for answers behind it    */
    struct gf_subscriber *subscriber; /* what it is subscribed to (pubsub.h); or NULL      */
    struct gf_tracking *tracking; /* how it caches what it reads (tracking.h); or NULL    */
    struct gf_redirect_target *redirect_target; /* others' invalidations come here; or NULL */
    bool tracks;                  /* the command that is being admitted: remember its keys */
    enum gf_conn_state state;
    uint32_t attention;           /* enum gf_attention                                    */
    int handle;
    bool receiving;               /* recv is in flight                                    */
    bool sending;                 /* send is in flight                                    */
    bool stopping_recv;           /* recv was asked to stop                               */
    bool held;                    /* no request may start; gf_conn_release ends it        */
    bool full;                    /* held because too many requests are on other cores    */
    bool draining;                /* held until `requests` is empty                       */
    bool paused;                  /* held by CLIENT PAUSE                                 */
    bool moving;                  /* being handed to another core                         */
    bool uncorked;                /* `out` has waited long enough                         */
    bool ended;                   /* the client has sent all it will; closes when `in` ran */
    uint32_t pins;                /* calls to other cores that will come back to it       */
    struct gf_session session;
    struct gf_parser parser;
    struct gf_buf in;             /* bytes of an unfinished request, or of a stopped conn */
    uint64_t in_since_ns;         /* last progress of the unfinished request, or when the
                                     last answers leave (DRAINING): of those              */
    size_t draining_size;         /* bytes of output left when they were last looked at   */
    struct gf_reply reply;        /* writes to `out`                                      */
    struct gf_chain out;          /* answers not yet handed to a send                     */
    struct gf_chain leaving;      /* answers in the send that is in flight                */
    uint64_t out_since_ns;        /* since when the output is over its soft limit; 0 = not */
    struct gf_list requests;      /* gf_request.link, in order                            */
    uint32_t requests_count;
    struct gf_transaction *transaction; /* between MULTI and EXEC; or NULL; owned           */
    struct gf_list watches;       /* gf_watch.link: WATCH; owned                          */
    struct gf_request *blocking;  /* a blocking command that is not answered yet; or NULL   */
    bool blocked;                 /* it waits for its keys                                 */
    struct gf_request *executing; /* EXEC that waits for a command of this connection;
                                     gf_conn_release goes on with that; or NULL           */
    uint16_t away_core;           /* the other core its commands keep going to ...        */
    uint16_t away_count;          /* ... this many times in a row                         */
    struct gf_recv_op recv;
    struct gf_send_op send;
    struct gf_bytes parts[GF_CONN_SEND_PARTS];
    struct gf_op flush;           /* deferred to the send phase                           */
    struct gf_op resume;          /* deferred: go on parsing `in`                         */
    struct gf_op closed;          /* the driver's close                                   */
};

/* gf_conn_open - a new client on this core. Takes the handle. */
struct gf_conn *gf_conn_open(struct gf_worker *worker, int handle,
                             const struct gf_session *session);

/* gf_conn_adopt - the same for a client handed over with bytes it had sent; takes `in`. */
void gf_conn_adopt(struct gf_worker *worker, int handle, const struct gf_session *session,
                   struct gf_buf *in);

/* gf_conn_close - stop receiving, drop what is queued, close. after_reply: send `out` first. Safe
 * to call more than once and from inside its own command. */
void gf_conn_close(struct gf_conn *conn, bool after_reply);

/* gf_conn_flush_later - something was added to `out`: it is sent at the end of the turn. */
void gf_conn_flush_later(struct gf_conn *conn);

/* gf_conn_hold - no further request of this connection starts until gf_conn_release; answers of
 * commands that finish later are written by their owner straight to conn->reply. */
void gf_conn_hold(struct gf_conn *conn);
void gf_conn_release(struct gf_conn *conn);

/* gf_conn_drain - hold it until everything outstanding has been answered. */
void gf_conn_drain(struct gf_conn *conn);

/* gf_conn_pin, gf_conn_unpin - keep the struct while a call to other cores is under way; after the
 * unpin it may be gone. A closed connection must not be answered: see gf_conn_is_open. */
void gf_conn_pin(struct gf_conn *conn);
void gf_conn_unpin(struct gf_conn *conn);

static inline bool gf_conn_is_open(const struct gf_conn *conn)
{
    return conn->state == GF_CONN_OPEN;
}

/* gf_conn_sees_one_core - its commands over all keys read those of its core only (cluster.h). */
static inline bool gf_conn_sees_one_core(const struct gf_conn *conn)
{
    return conn->session.on_core_port;
}

/* gf_conn_complete - a request of this connection is done: its answer and those behind it that
 * waited for it move to `out`. */
void gf_conn_complete(struct gf_conn *conn, struct gf_request *request);

/* gf_conn_set_resp - 2 or 3, from now on. */
void gf_conn_set_resp(struct gf_conn *conn, uint8_t resp);

/* gf_conn_turn_ms - for created_ms and active_ms. gf_conn_age_ms, gf_conn_idle_ms - since then. */
uint64_t gf_conn_turn_ms(const struct gf_worker *worker);
uint64_t gf_conn_age_ms(const struct gf_conn *conn);
uint64_t gf_conn_idle_ms(const struct gf_conn *conn);

/* gf_conn_reserve_in - room for `size` more bytes in `in`; GF_EFULL above
 * client-query-buffer-limit, GF_ENOMEM when there is no memory. */
int gf_conn_reserve_in(struct gf_conn *conn, size_t size);

/* gf_conn_close_if_drained - the close that gf_conn_close(after_reply) put off, if it is time. */
void gf_conn_close_if_drained(struct gf_conn *conn);

/* gf_conn_forget - the handle is gone or given away: off the books, freed when nothing pins it. */
void gf_conn_forget(struct gf_conn *conn);

/* gf_conn_limit_output - close it if more output waits than it may have. Returns whether it did. */
bool gf_conn_limit_output(struct gf_conn *conn);

/* gf_conn_stalled - no progress for so long: of the request it has begun to send, or of the answers
 * that it should take before it is closed. Called now and then: it remembers what it saw. */
bool gf_conn_stalled(struct gf_conn *conn, uint64_t timeout_ns);

/* gf_conn_uncork - its answers wait for no others any more. */
void gf_conn_uncork(struct gf_conn *conn);

/* Continuations of conn_send.c. */
void gf_conn_uncork_fired(struct gf_timer *timer);
void gf_conn_flush_done(struct gf_op *op, int result);
void gf_conn_send_done(struct gf_op *op, int result);

/* gf_conn_output_size - bytes of answers not yet taken by the kernel. */
size_t gf_conn_output_size(const struct gf_conn *conn);

/* gf_conn_peer, gf_conn_local - addresses of the two ends: "127.0.0.1:6379", "[::1]:6379". Valid as
 * long as the session. */
const char *gf_conn_peer(struct gf_conn *conn);
const char *gf_conn_local(struct gf_conn *conn);

void gf_session_deinit(struct gf_session *session);

/* gf_conn_check - asserts the invariants; between two callbacks. */
void gf_conn_check(const struct gf_conn *conn);
