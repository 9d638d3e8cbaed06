/* The hot path. Everything rare is behind one of three doors: gf_admit (an unusual connection or
 * server state, a broken request), gf_multi_start (keys on several cores), a request (not here, or
 * not in order). */
#include "shards/dispatch.h"

#include <string.h>

#include "core/assert.h"
#include "core/core.h"
#include "modules/keyspace.h"
#include "modules/registry.h"
#include "shards/background.h"
#include "shards/conn.h"
#include "shards/handover.h"
#include "shards/multi.h"
#include "shards/notice.h"
#include "shards/parcel.h"
#include "shards/prefetch.h"
#include "shards/request.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/slice.h"
#include "shards/stats.h"
#include "shards/timing.h"
#include "shards/tracking.h"
#include "shards/worker.h"

/* The key that was located last. Pipelines often stay with one: a queue, a counter, a board. */
struct last_key {
    struct gf_bytes key; /* view of a word; a size that no key has: there is none */
    uint64_t hash;
    uint32_t partition;
};

/* The largest size that gcc lets be compared. */
#define LAST_KEY_NONE ((struct last_key){.key = {.size = PTRDIFF_MAX}})

/* Returns whether it is the last one again. */
static inline bool key_locate(const struct gf_server *server, struct gf_bytes key,
                              struct last_key *last)
{
    if (gf_bytes_equal(key, last->key))
        return true;
    *last = (struct last_key){
        .key = key,
        .hash = gf_keyspace_hash(server->hash_seed, key),
        .partition = gf_router_partition(&server->router, key),
    };
    return false;
}

/* Finds partition and hash of the only key, if the command has exactly one. */
static inline void ahead_locate(const struct gf_worker *worker, struct gf_ahead *ahead,
                                const struct gf_bytes *words, struct last_key *last)
{
    const struct gf_server *server = worker->server;
    const struct gf_command *command = ahead->command;

    ahead->here = false;
    ahead->located = false;
    if (GF_UNLIKELY(!command || !gf_command_has_one_key(command) ||
                    (uint32_t)command->key_first >= ahead->parsed.words_count))
        return;
    ahead->repeats = key_locate(server, words[command->key_first], last);
    ahead->key_hash = last->hash;
    ahead->partition = last->partition;
    ahead->here = server->router.owners[ahead->partition] == worker->core->id;
    ahead->located = true;
}

/* The row of a command's name; `before` is the command before it in the batch, or NULL: most
 * batches say one name again and again. */
static inline const struct gf_command *command_find(const struct gf_worker *worker,
                                                    const struct gf_bytes *words,
                                                    const struct gf_ahead *before)
{
    if (before && gf_bytes_equal(words[0], worker->words.items[before->parsed.words_first]))
        return before->command;
    return gf_registry_find(worker->plugins->registry, words[0]);
}

/* Parses up to GF_CONN_AHEAD requests and looks up what the prefetch needs to know. */
static enum gf_parse_result parse_ahead(struct gf_conn *conn, const char *data, size_t size,
                                        uint32_t *ret_count, size_t *ret_used)
{
    struct gf_worker *worker = conn->worker;
    enum gf_parse_result result = GF_PARSE_REQUEST;
    struct last_key last = LAST_KEY_NONE;
    size_t used = 0;
    uint32_t count = 0;

    worker->words.count = 0;
    while (count < GF_CONN_AHEAD) {
        struct gf_ahead *ahead = &worker->ahead[count];
        const struct gf_bytes *words;

        result =
            gf_parser_next(&conn->parser, data + used, size - used, &worker->words, &ahead->parsed);
        if (result != GF_PARSE_REQUEST)
            break;
        ahead->offset = used;
        used += ahead->parsed.size;
        if (ahead->parsed.words_count == 0)
            continue;
        words = &worker->words.items[ahead->parsed.words_first];
        ahead->command = command_find(worker, words, count > 0 ? ahead - 1 : NULL);
        count++;
        ahead_locate(worker, ahead, words, &last);
        if (GF_UNLIKELY(ahead->command && (ahead->command->flags & GF_NO_AUTH)))
            break; /* AUTH, HELLO, RESET: what follows may be parsed under other limits */
    }
    *ret_count = count;
    *ret_used = used;
    return result;
}

static inline bool over_memory(const struct gf_worker *worker, size_t size)
{
    return atomic_load_explicit(&worker->core->memory.bytes[GF_MEMORY_DATA], memory_order_relaxed) +
               (int64_t)size >
           worker->memory_ceiling;
}

bool gf_worker_has_room(struct gf_worker *worker, size_t size)
{
    return !over_memory(worker, size) || gf_maxmemory_make_room(worker, size);
}

static inline size_t words_size(const struct gf_bytes *words, uint32_t count)
{
    size_t size = 0;

    for (uint32_t i = 0; i < count; i++)
        size += words[i].size;
    return size;
}

static void count_run(struct gf_worker *worker, const struct gf_run *run)
{
    struct gf_command_stats *stats = gf_worker_stats_of(worker, run->command);

    stats->calls++;
    worker->counters.commands_processed++;
    if (GF_UNLIKELY(run->reply->failed)) {
        stats->failed++;
        gf_stats_count_error(worker, run->reply->failure);
    }
}

static void run_timed(struct gf_worker *worker, struct gf_run *run, struct gf_exec *x)
{
    struct gf_timing_span span;

    if (GF_UNLIKELY(run->slice != NULL)) {
        gf_slice_set_pace(worker, run->slice, &x->pace);
        run->command->run(x);
        run->duration_ns = gf_slice_duration_ns(worker, run->slice);
        gf_timing_book(worker, run->command, run->duration_ns);
        return;
    }
    if (GF_LIKELY(!run->part && !run->wait && !gf_timing_alone(worker, run->command))) {
        run->command->run(x);
        if (GF_LIKELY(!x->postponed))
            gf_timing_ran(worker, run->command);
        return;
    }
    gf_timing_begin(worker, &span);
    run->command->run(x);
    run->duration_ns = run->part || run->wait || x->postponed
                           ? gf_timing_measure(worker, &span)
                           : gf_timing_end(worker, &span, run->command);
}

/* Accesses of the keyspaces that the command may use leave traces, or do not. What other cores have
 * lent to this one is the coordinator's care (multi.c). */
void gf_run_set_untouched(struct gf_worker *worker, const struct gf_run *run, bool untouched)
{
    if (run->partition != GF_NO_PARTITION && gf_command_has_one_key(run->command)) {
        worker->partitions[run->partition]->context.untouched = untouched;
        return;
    }
    for (uint32_t i = 0; i < worker->owned_count; i++) {
        struct gf_partition *partition = worker->partitions[worker->owned[i]];

        if (partition->owner == worker->core->id)
            partition->context.untouched = untouched;
    }
}

/* CLIENT NO-TOUCH; the command TOUCH means what it says all the same. */
static void run_no_touch(struct gf_worker *worker, struct gf_run *run, struct gf_exec *x)
{
    bool untouched = strcmp(run->command->name, "TOUCH") != 0;

    gf_run_set_untouched(worker, run, untouched);
    run_timed(worker, run, x);
    gf_run_set_untouched(worker, run, false);
}

/* Field by field: to clear the whole of it first would take as long as the rest. */
static inline void exec_init(struct gf_worker *worker, const struct gf_run *run,
                             struct gf_args *args, struct gf_exec *x)
{
    gf_args_init(args, run->words, run->words_count);
    x->keyspace = NULL;
    if (GF_LIKELY(run->partition != GF_NO_PARTITION))
        x->keyspace = gf_partition_keyspace(worker->partitions[run->partition], run->db);
    x->args = args;
    x->reply = run->reply;
    x->now_ms = gf_core_now_ms(worker->core);
    x->seed = gf_worker_seed(worker);
    x->key_hash = run->key_hash;
    x->db = run->db;
    x->space = run->space;
    x->command = run->command;
    x->limits = &worker->limits;
    x->registry = worker->plugins->registry;
    x->lookups = run->postponed ? NULL : &worker->lookups; /* they were counted */
    x->trip = run->trip;
    x->events = &worker->events.events;
    x->wait = run->wait;
    x->pace = (struct gf_pace){0};
    x->at_once = worker->settings.command_slice_elements > 0 ? 0 : GF_SLICE_ELEMENTS;
    x->may_postpone = run->may_postpone;
    x->postponed = false;
    _Static_assert(sizeof(*x) == 144, "all fields are set above");
}

void gf_run_command(struct gf_worker *worker, struct gf_run *run)
{
    const struct gf_command *command = run->command;
    struct gf_partition_space rest;
    struct gf_args args;
    struct gf_exec x;

    exec_init(worker, run, &args, &x);
    run->duration_ns = 0;
    run->postponed = false;
    worker->events.client = run->client;
    if (GF_UNLIKELY((command->flags & GF_GROWS) && !run->part && !run->admitted &&
                    !gf_worker_has_room(worker, words_size(run->words, run->words_count)))) {
        gf_reply_error(run->reply, GF_MSG_OOM);
        gf_reply_end(run->reply);
        run->reply->failed = false;
        gf_stats_count_error(worker, GF_MSG_OOM);
        gf_worker_stats_of(worker, command)->rejected++;
        return;
    }
    if (GF_UNLIKELY((command->flags & GF_CURSOR) && !run->admitted)) {
        gf_worker_space_from(worker, run->partition, &rest);
        rest.one_core = run->one_core;
        x.space = &rest.space;
    }
    if (GF_UNLIKELY(run->no_touch))
        run_no_touch(worker, run, &x);
    else
        run_timed(worker, run, &x);
    if (GF_UNLIKELY(x.postponed)) {
        run->postponed = true;
        return;
    }
    if (GF_UNLIKELY(run->tracker != 0))
        gf_tracking_remember(worker, run);
    if (GF_UNLIKELY(run->wait != NULL && run->wait->waits))
        return; /* nothing was answered */
    gf_reply_end(run->reply);
    run->failure = run->reply->failed ? run->reply->failure : GF_MSG_NONE;
    if (!run->part)
        count_run(worker, run);
    run->reply->failed = false;
    if (GF_UNLIKELY(command->flags & GF_ALL_KEYS))
        gf_background_poke(worker);
}

/* Where the answer of a command that runs now must go: straight out, or behind what is
 * outstanding. */
struct gf_request *gf_dispatch_park(struct gf_conn *conn, struct gf_reply *ret_reply)
{
    struct gf_request *request = gf_request_acquire(conn->worker, conn);

    gf_reply_init(ret_reply, &request->reply, conn->session.resp);
    return request;
}

void gf_dispatch_parked(struct gf_conn *conn, struct gf_request *request)
{
    request->state = GF_REQUEST_DONE;
    request->answered = true;
    gf_list_push_back(&conn->requests, &request->link);
    conn->requests_count++;
}

/* A request that keeps a copy of the words, behind the others of its connection. */
static struct gf_request *request_make(struct gf_conn *conn, const struct gf_ahead *ahead,
                                       const struct gf_bytes *words, uint16_t owner)
{
    struct gf_request *request = gf_request_acquire(conn->worker, conn);

    request->command = ahead->command;
    request->db = conn->session.db;
    request->resp = conn->session.resp;
    request->key_hash = ahead->key_hash;
    request->partition = (uint16_t)ahead->partition;
    request->owner = owner;
    request->partitions = &request->partition;
    request->hashes = &request->key_hash;
    request->partitions_count = 1;
    gf_request_set_words(request, words, ahead->parsed.words_count);
    gf_list_push_back(&conn->requests, &request->link);
    conn->requests_count++;
    return request;
}

void gf_dispatch_here(struct gf_conn *conn, const struct gf_ahead *ahead,
                      const struct gf_bytes *words)
{
    struct gf_worker *worker = conn->worker;
    struct gf_run run = {
        .command = ahead->command,
        .words = words,
        .words_count = ahead->parsed.words_count,
        .db = conn->session.db,
        .partition = ahead->located ? ahead->partition : GF_NO_PARTITION,
        .key_hash = ahead->key_hash,
        .space = &worker->space.space,
        .reply = &conn->reply,
        .client = conn->session.id,
        .no_touch = conn->session.no_touch,
        .tracker = conn->tracks ? worker->core->id + 1u : 0,
        .one_core = gf_conn_sees_one_core(conn),
        .may_postpone = gf_command_may_postpone(ahead->command),
    };

    if (GF_LIKELY(conn->requests_count == 0)) {
        gf_run_command(worker, &run);
    } else {
        struct gf_reply reply;
        struct gf_request *request = gf_dispatch_park(conn, &reply);

        run.reply = &reply;
        gf_run_command(worker, &run);
        if (GF_UNLIKELY(run.postponed))
            gf_request_release(worker, request);
        else
            gf_dispatch_parked(conn, request);
    }
    if (GF_UNLIKELY(run.postponed))
        gf_request_slice(worker, request_make(conn, ahead, words, worker->core->id));
    else if (GF_UNLIKELY(run.duration_ns >= worker->notable_ns))
        gf_notice_slow(conn, run.command, words, run.words_count, run.duration_ns);
    conn->away_count = 0;
    worker->counters.commands_local++;
    gf_waiters_after(worker);
}

void gf_dispatch_refuse(struct gf_conn *conn, enum gf_message_id message)
{
    struct gf_reply *reply = &conn->reply;
    struct gf_request *request = NULL;
    struct gf_reply parked;

    if (conn->requests_count > 0) {
        request = gf_dispatch_park(conn, &parked);
        reply = &parked;
    }
    gf_reply_error(reply, message);
    gf_reply_end(reply);
    reply->failed = false;
    gf_stats_count_error(conn->worker, message);
    if (request)
        gf_dispatch_parked(conn, request);
}

/* Another core owns the key, or a command over several cores is busy with it here. */
static bool run_elsewhere(struct gf_conn *conn, const struct gf_ahead *ahead,
                          const struct gf_bytes *words)
{
    struct gf_worker *worker = conn->worker;
    uint16_t owner = worker->server->router.owners[ahead->partition];
    size_t size = words_size(words, ahead->parsed.words_count);
    struct gf_request *request;

    if (size > GF_REQUEST_LARGE)
        (void)gf_worker_has_room(worker, size); /* for the copy; its owner may refuse it */
    if (owner != worker->core->id && !gf_parcel_room_for_request(worker, owner))
        return false;
    request = request_make(conn, ahead, words, owner);
    if (owner == worker->core->id) {
        conn->away_count = 0; /* here, behind a lock */
    } else if (owner == conn->away_core) {
        conn->away_count += conn->away_count < UINT16_MAX;
    } else {
        conn->away_core = owner;
        conn->away_count = 1;
    }
    gf_request_start(worker, request);
    return true;
}

/* Its key is here and free: it runs at once. */
static bool runs_here(const struct gf_worker *worker, const struct gf_ahead *ahead)
{
    return worker->server->router.owners[ahead->partition] == worker->core->id &&
           gf_locks_free_key(&worker->locks, ahead->partition, ahead->key_hash);
}

bool gf_dispatch_route(struct gf_conn *conn, const struct gf_ahead *ahead,
                       const struct gf_bytes *words)
{
    struct gf_worker *worker = conn->worker;
    struct gf_ahead one = *ahead;

    if (!gf_command_has_keys(one.command)) {
        gf_dispatch_here(conn, &one, words);
        return true;
    }
    if (!gf_command_has_one_key(one.command))
        return gf_multi_dispatch(conn, &one, words);
    if (!one.located)
        ahead_locate(worker, &one, words, &LAST_KEY_NONE);
    GF_ASSERT(one.located);
    if (runs_here(worker, &one)) {
        gf_dispatch_here(conn, &one, words);
        return true;
    }
    return run_elsewhere(conn, &one, words);
}

/* Runs one parsed request. false: not now; it must be tried again later. */
static inline bool run_one(struct gf_conn *conn, const struct gf_ahead *ahead,
                           const struct gf_bytes *words)
{
    struct gf_worker *worker = conn->worker;
    const struct gf_command *command = ahead->command;

    if (GF_UNLIKELY(!command || (worker->attention | conn->attention) != 0 ||
                    !gf_command_arity_ok(command, ahead->parsed.words_count) ||
                    (command->flags & GF_HOME) != 0 || command->subcommands_count > 0))
        return gf_session_run(conn, ahead, words);
    conn->session.last_command = command;
    if (GF_LIKELY(ahead->here && gf_locks_free(&worker->locks, ahead->partition))) {
        gf_dispatch_here(conn, ahead, words);
        return true;
    }
    return gf_dispatch_route(conn, ahead, words);
}

/* Runs the batch. Returns how many ran; fewer than `count` when the connection was held, closed, or
 * one could not start. */
static uint32_t run_ahead(struct gf_conn *conn, uint32_t count)
{
    struct gf_worker *worker = conn->worker;
    uint32_t i;

    for (i = 0; i < count; i++) {
        const struct gf_ahead *ahead = &worker->ahead[i];

        if (GF_UNLIKELY(conn->held || conn->state != GF_CONN_OPEN))
            break;
        if (GF_UNLIKELY(conn->requests_count >= GF_CONN_REQUESTS_MAX)) {
            conn->full = true;
            gf_conn_hold(conn);
            break;
        }
        if (GF_UNLIKELY(!run_one(conn, ahead, &worker->words.items[ahead->parsed.words_first])))
            break;
    }
    return i;
}

/* The parser met bytes that are no request: say so behind everything outstanding, then hang up. */
static void protocol_error(struct gf_conn *conn)
{
    struct gf_reply *reply = &conn->reply;
    struct gf_request *request = NULL;
    struct gf_reply parked;

    if (conn->requests_count > 0) {
        request = gf_dispatch_park(conn, &parked);
        reply = &parked;
    }
    gf_reply_error_format(reply, GF_MSG_PROTOCOL, gf_bytes_of(conn->parser.error_text),
                          GF_BYTES(""));
    gf_reply_end(reply);
    reply->failed = false;
    gf_stats_count_error(conn->worker, GF_MSG_PROTOCOL);
    if (request)
        gf_dispatch_parked(conn, request);
    gf_conn_close(conn, true);
}

/* A batch of one was timed exactly, though its command is a quick one. */
static inline void notice_batch(struct gf_conn *conn, uint32_t ran, uint64_t duration_ns)
{
    struct gf_worker *worker = conn->worker;
    const struct gf_ahead *ahead = &worker->ahead[0];

    if (GF_UNLIKELY(duration_ns >= worker->notable_ns && ran == 1 && conn->session.last_command))
        gf_notice_slow(conn, conn->session.last_command,
                       &worker->words.items[ahead->parsed.words_first], ahead->parsed.words_count,
                       duration_ns);
}

size_t gf_dispatch(struct gf_conn *conn, const char *data, size_t size)
{
    struct gf_worker *worker = conn->worker;
    enum gf_parse_result result = GF_PARSE_REQUEST;
    size_t used = 0;

    GF_ASSERT(!conn->held);
    gf_core_assert_here(worker->core->id);
    gf_timing_turn(worker);
    while (result == GF_PARSE_REQUEST && !conn->held && conn->state == GF_CONN_OPEN) {
        uint32_t count;
        uint32_t ran;
        size_t parsed_size;

        result = parse_ahead(conn, data + used, size - used, &count, &parsed_size);
        gf_prefetch_ahead(worker, conn->session.db, count);
        ran = run_ahead(conn, count);
        notice_batch(conn, ran, gf_timing_batch(worker));
        conn->session.commands += ran;
        if (ran < count) {
            /* What was parsed and did not run is parsed again later. */
            gf_parser_reset(&conn->parser);
            used += worker->ahead[ran].offset;
            if (!conn->held && conn->state == GF_CONN_OPEN && !gf_op_is_deferred(&conn->resume))
                gf_core_defer(worker->core, GF_PHASE_WORK, &conn->resume);
            break;
        }
        used += parsed_size;
        if (GF_UNLIKELY(conn->held))
            gf_parser_reset(&conn->parser); /* CONFIG SET: other limits; it is begun again */
        if (count == GF_CONN_AHEAD && gf_conn_limit_output(conn))
            break;
        if (result == GF_PARSE_ERROR && conn->state == GF_CONN_OPEN && !conn->held)
            protocol_error(conn);
    }
    conn->session.active_ms = gf_conn_turn_ms(worker);
    if (!gf_chain_empty(&conn->out))
        gf_conn_flush_later(conn);
    gf_handover_consider(conn);
    return used;
}
