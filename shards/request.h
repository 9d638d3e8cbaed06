/* One command in flight on another core, or waiting its turn: from its words to its reply.
 *
 *                 +---- the partition is free ----+
 *                 |                               v
 *   QUEUED -> ARRIVED -----> WAITING ----------> DONE -> (released)
 *   home      owner          owner, behind        home
 *                            a lock
 *
 *   QUEUED  -> ARRIVED  [worker_receive]        on the owner, from the ring (or at once, when home)
 *   ARRIVED -> WAITING  [gf_request_arrive]     another command has locked its partition, or key
 *   ARRIVED -> DONE     [gf_request_run]        posted back; the home core takes the reply
 *   WAITING -> DONE     [request_granted]       the same
 *   ... -> DONE         [gf_request_ran]        the same, after it ran in slices (slice.h)
 *   ARRIVED -> PARKED -> DONE                   a blocking command (waiters.h)
 *
 * Home core: the core that holds the connection. It acquires the request from its pool, copies the
 * words into it, and is the only one that releases it. Owner core: the core that owns the
 * partitions; it borrows the request from QUEUED to DONE, and during that time the home core
 * touches nothing but `link`, `conn` and `answered`.
 *
 * A command that can run at once on its home core, with no reply before it outstanding, never
 * becomes a request.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/assert.h"
#include "core/buf.h"
#include "core/mesh.h"
#include "modules/module.h"
#include "shards/lock.h"

struct gf_conn;
struct gf_multi;
struct gf_reply;
struct gf_request;
struct gf_run;
struct gf_trip;
struct gf_waiter;
struct gf_worker;

#define GF_REQUEST_INSIDE 304 /* words and their bytes, kept inside: all of most commands */
#define GF_REQUEST_LARGE 16384 /* bytes of words that memory is made for before they are copied */
#define GF_REQUEST_REPLY 168  /* bytes of reply kept inside */

enum gf_message_kind {
    GF_MESSAGE_REQUEST,  /* struct gf_request           */
    GF_MESSAGE_PART,     /* struct gf_part (multi.h)    */
    GF_MESSAGE_CALL,     /* struct gf_call_leg (call.h) */
    GF_MESSAGE_HANDOVER, /* struct gf_handover          */
    GF_MESSAGE_PRESSURE, /* struct gf_pressure          */
    GF_MESSAGE_MONITOR,  /* struct gf_monitor_batch     */
    GF_MESSAGE_VISIT,    /* struct gf_visit             */
    GF_MESSAGE_PUBLISH,  /* struct gf_publish_leg       */
    GF_MESSAGE_PARKED,   /* struct gf_request: it waits over there (waiters.h) */
    GF_MESSAGE_WAKE,     /* struct gf_wake              */
    GF_MESSAGE_CANCEL,   /* struct gf_cancel            */
    GF_MESSAGE_STAYS,    /* any: it waits over there (stay.h) */
    GF_MESSAGE_STAY,     /* struct gf_stay              */
};

enum gf_request_state {
    GF_REQUEST_IDLE,
    GF_REQUEST_QUEUED,
    GF_REQUEST_ARRIVED,
    GF_REQUEST_WAITING,
    GF_REQUEST_PARKED,
    GF_REQUEST_DONE,
};

/* What a request does where its partitions are, instead of running its command: EXEC. */
struct gf_errand {
    /* On the owner, or on the core that its partitions are lent to. Returns false when it is not
     * done: then it calls gf_request_ran later. Only with its partitions locked. */
    bool (*run)(struct gf_worker *worker, struct gf_request *request);
    /* At home, in the end; answered or not. The request is gone. */
    void (*done)(struct gf_worker *worker, struct gf_errand *errand);
};

/* Lies in cache lines by who writes them while it is under way: a small command moves two to three
 * lines that its home wrote, and on its way back two that its owner wrote. What its home alone uses
 * stays there. */
struct gf_request {
    /* Written at home before it goes, and read by the owner. */
    _Alignas(GF_CACHE_LINE) struct gf_message message; /* first                            */
    uint16_t owner;                  /* core that runs it                                  */
    uint16_t partition;              /* of the first key                                   */
    uint32_t db;
    uint8_t resp;                    /* of the connection: 2 or 3                          */
    bool no_touch;                   /* CLIENT NO-TOUCH                                    */
    bool tracks;                     /* its client caches what it reads                    */
    bool one_core;                   /* of a client that sees one core's keys              */
    bool discard;                    /* CLIENT REPLY OFF: nobody wants the answer          */
    const struct gf_command *command;
    uint64_t key_hash;               /* of the first key                                   */
    uint32_t words_count;
    uint32_t partitions_count;
    struct gf_bytes *words;          /* inside, or in `block`                              */
    const uint16_t *partitions;      /* of all keys: &partition, or partitions_block       */
    const uint64_t *hashes;          /* of the keys in them; NULL: of all keys             */
    struct gf_trip *trip;            /* SCAN over several cores (trip.h); owned            */
    _Alignas(GF_CACHE_LINE) uint64_t client; /* CLIENT ID                                  */
    struct gf_errand *errand;        /* what to do instead; or NULL                        */
    char inside[GF_REQUEST_INSIDE];  /* words, and then their bytes                        */

    /* The home core's alone. */
    struct gf_link link;             /* conn->requests, in order; or the pool              */
    struct gf_conn *conn;            /* NULL once it hung up                               */
    bool answered;                   /* back, its reply may be taken                       */
    bool spread;                     /* a blocking command over several cores              */
    bool parked;                     /* it waits for keys, as far as is known here         */
    bool woken;                      /* ... and waits no more                              */
    uint32_t cancels;                /* under way                                          */
    void *block;                     /* words too big for inside; owned                    */
    void *partitions_block;          /* owned                                              */
    struct gf_multi *multi;          /* that has locked its partitions; or NULL            */

    /* Written by the owner while it has it, and read at home. */
    _Alignas(GF_CACHE_LINE) enum gf_request_state state;
    bool holds;                      /* its claim keeps its keys until it is done          */
    uint64_t duration_ns;            /* when it was timed on its own; 0 otherwise          */
    struct gf_chain reply;           /* first chunk inside, the rest from gf_alloc         */
    /* The first chunk: a struct that ends without a size must not stand inside another. */
    _Alignas(GF_CACHE_LINE) char reply_inside[sizeof(struct gf_chunk) + GF_REQUEST_REPLY];

    /* The owner's alone. */
    struct gf_claim claim;           /* waiting for partitions                             */
    struct gf_waiter *waiter;        /* while it is parked                                 */
};

/* gf_request_reply_chunk - the first chunk of the reply. */
static inline struct gf_chunk *gf_request_reply_chunk(struct gf_request *request)
{
    return (struct gf_chunk *)(void *)request->reply_inside;
}

/* gf_request_prefetch - what the owner is going to touch, or, when it is home again, what its home
 * is. Reads the first line only. */
static inline void gf_request_prefetch(const struct gf_request *request, bool home)
{
    __builtin_prefetch(&request->state, 1);
    __builtin_prefetch(request->reply_inside, 1);
    if (home) {
        __builtin_prefetch(&request->link, 1);
        return;
    }
    __builtin_prefetch(request->inside);
    if (request->words_count > 2)
        __builtin_prefetch(request->inside + GF_CACHE_LINE);
}

/* gf_request_acquire - an empty request of this core, its reply ready to be written. */
struct gf_request *gf_request_acquire(struct gf_worker *worker, struct gf_conn *conn);

/* gf_words_copy - the words and their bytes in one block of gf_alloc(GF_MEMORY_BUFFERS). */
struct gf_bytes *gf_words_copy(const struct gf_bytes *words, uint32_t count);

/* gf_request_set_words - copy the words (views into a receive buffer) into the request. */
void gf_request_set_words(struct gf_request *request, const struct gf_bytes *words, uint32_t count);

/* gf_request_set_partitions - of a command with several keys, all on its owner; copied.
 *
 * hashes     of the keys, one for each of `partitions`; NULL: it needs whole partitions
 */
void gf_request_set_partitions(struct gf_request *request, const uint16_t *partitions,
                               const uint64_t *hashes, uint32_t count);

/* gf_request_move_reply - append the reply to `chain`; big chunks change hands. */
void gf_request_move_reply(struct gf_request *request, struct gf_chain *chain);

/* gf_request_drop_reply - forget what was answered. */
void gf_request_drop_reply(struct gf_request *request);

/* gf_request_start - on the home core, complete and queued at its connection: to its owner, which
 * may be this core. The caller has asked gf_parcel_room_for_request. */
void gf_request_start(struct gf_worker *worker, struct gf_request *request);

/* gf_request_arrive - on the owner: run it, or let it wait behind a lock. */
void gf_request_arrive(struct gf_worker *worker, struct gf_request *request);

/* gf_request_run - where its partitions are and are free, on the owner or on the core they are lent
 * to: run its command, or do its errand, into its reply. DONE afterwards; false: it is not done
 * yet (or PARKED), and gf_request_ran follows. */
bool gf_request_run(struct gf_worker *worker, struct gf_request *request);

/* gf_request_slice - on its home core, which is its owner, complete and queued at its connection:
 * it has been run and has asked for slices (gf_run.postponed); its key is free. */
void gf_request_slice(struct gf_worker *worker, struct gf_request *request);

/* gf_request_make_run - what a run of its command needs, and the start of its reply. */
void gf_request_make_run(struct gf_worker *worker, struct gf_request *request,
                         struct gf_reply *reply, struct gf_run *ret_run);

/* gf_request_ran - where it ran: what was not done at once is. */
void gf_request_ran(struct gf_worker *worker, struct gf_request *request);

/* gf_request_home - on the home core, done: its connection takes the reply. */
void gf_request_home(struct gf_worker *worker, struct gf_request *request);

/* gf_request_release - back to the pool of its home core. */
void gf_request_release(struct gf_worker *worker, struct gf_request *request);

/* gf_requests_deinit - frees the pool; no request may be alive. */
void gf_requests_deinit(struct gf_worker *worker);
