/* Admission as a list of small named checks, and commands that run with their connection. */
#include "shards/session.h"

#include <string.h>

#include "core/assert.h"
#include "core/core.h"
#include "modules/registry.h"
#include "shards/conn.h"
#include "shards/debug.h"
#include "shards/dispatch.h"
#include "shards/monitor.h"
#include "shards/notice.h"
#include "shards/pause.h"
#include "shards/publish.h"
#include "shards/pubsub_command.h"
#include "shards/server.h"
#include "shards/stats.h"
#include "shards/timing.h"
#include "shards/tracking.h"
#include "shards/transaction.h"
#include "shards/worker.h"

/* One request on its way in. */
struct admission {
    struct gf_conn *conn;
    struct gf_worker *worker;
    const struct gf_command *command;   /* the row that runs; NULL = unknown             */
    const struct gf_command *container; /* of an unknown subcommand                      */
    const struct gf_bytes *words;
    uint32_t words_count;
    struct gf_reply *reply; /* where a refusal goes                          */
};

enum admission_verdict {
    ADMIT_GO,     /* the next check */
    ADMIT_REFUSE, /* answered with an error */
    ADMIT_LATER,  /* the request comes again, at once where the connection is not held */
};

static enum admission_verdict check_known(struct admission *a)
{
    if (a->command)
        return ADMIT_GO;
    if (a->container) {
        char name[64];
        const struct gf_registry *registry = a->worker->plugins->registry;
        uint32_t id = gf_registry_row_id(registry, a->container);

        /* Redis says the container's name in upper case here. */
        size_t size = gf_registry_row_name(registry, id, name);

        for (size_t i = 0; i < size; i++)
            name[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
        gf_reply_error_format(a->reply, GF_MSG_UNKNOWN_SUBCOMMAND, a->words[1],
                              (struct gf_bytes){.data = name, .size = size});
    } else if (gf_bytes_is(a->words[0], "POST") || gf_bytes_is(a->words[0], "Host:")) {
        /* A browser was made to send an HTTP request here; its body may hold commands. */
        gf_conn_close(a->conn, false);
        return ADMIT_LATER;
    } else {
        gf_reply_error_unknown(a->reply, a->words, a->words_count);
    }
    return ADMIT_REFUSE;
}

static enum admission_verdict check_arity(struct admission *a)
{
    char name[64];
    const struct gf_registry *registry = a->worker->plugins->registry;
    size_t size;

    if (gf_command_arity_ok(a->command, a->words_count))
        return ADMIT_GO;
    size = gf_registry_row_name(registry, gf_registry_row_id(registry, a->command), name);
    gf_reply_error_format(a->reply, GF_MSG_WRONG_ARITY,
                          (struct gf_bytes){.data = name, .size = size}, GF_BYTES(""));
    return ADMIT_REFUSE;
}

static enum admission_verdict check_authenticated(struct admission *a)
{
    if (a->conn->session.authenticated || (a->command->flags & GF_NO_AUTH))
        return ADMIT_GO;
    gf_reply_error(a->reply, GF_MSG_NOAUTH);
    return ADMIT_REFUSE;
}

/* DEBUG is for who was given it: its subcommands can stop the server. Others do not learn what it
 * can do: this comes before the look at the subcommand. */
static enum admission_verdict check_debug(struct admission *a)
{
    if (a->words_count < 2 || !gf_bytes_is(a->words[0], "DEBUG") || gf_debug_is_allowed(a->conn))
        return ADMIT_GO;
    gf_reply_error(a->reply, GF_MSG_DEBUG_NOT_ALLOWED);
    return ADMIT_REFUSE;
}

/* A subscriber's answers and messages look alike in RESP2: it may do little else. */
static enum admission_verdict check_subscribed(struct admission *a)
{
    const struct gf_registry *registry = a->worker->plugins->registry;
    char name[64];
    size_t size;

    if (!(a->conn->attention & GF_ATTENTION_SUBSCRIBED) || !gf_pubsub_is_mode(a->conn) ||
        gf_pubsub_allows(a->command))
        return ADMIT_GO;
    size = gf_registry_row_name(registry, gf_registry_row_id(registry, a->command), name);
    gf_reply_error_format(a->reply, GF_MSG_SUBSCRIBER_ONLY,
                          (struct gf_bytes){.data = name, .size = size}, GF_BYTES(""));
    return ADMIT_REFUSE;
}

/* CLIENT PAUSE: the request waits; what pauses and what does not is pause.h's. */
static enum admission_verdict check_paused(struct admission *a)
{
    uint32_t flags = a->command->flags;

    if (!(a->worker->attention & GF_ATTENTION_PAUSE))
        return ADMIT_GO;
    if (a->conn->transaction && gf_transaction_is_exec(a->command))
        flags |= a->conn->transaction->flags;
    if (!gf_pause_applies(a->worker, a->command, flags))
        return ADMIT_GO;
    gf_pause_hold(a->conn);
    return ADMIT_LATER;
}

/* Far over maxmemory: a write is tried again after the background has evicted some more. */
static enum admission_verdict check_memory(struct admission *a)
{
    bool waits = (a->worker->attention & GF_ATTENTION_MEMORY) && (a->command->flags & GF_GROWS);

    return waits ? ADMIT_LATER : ADMIT_GO;
}

/* A monitor only watches: it may not use keys. */
static enum admission_verdict check_monitoring(struct admission *a)
{
    if (!(a->conn->attention & GF_ATTENTION_MONITORING) ||
        !(a->command->flags & (GF_READ | GF_WRITE)))
        return ADMIT_GO;
    gf_reply_error(a->reply, GF_MSG_MONITOR_KEYS);
    return ADMIT_REFUSE;
}

/* What is kept for EXEC may not be as much as the client likes; and some commands may not. */
static enum admission_verdict check_transaction(struct admission *a)
{
    size_t size = 0;

    if (!a->conn->transaction)
        return ADMIT_GO;
    if (a->command->flags & GF_NO_MULTI) {
        gf_reply_error(a->reply, GF_MSG_NOT_IN_MULTI);
        return ADMIT_REFUSE;
    }
    if (gf_transaction_ends(a->command))
        return ADMIT_GO;
    for (uint32_t i = 0; i < a->words_count; i++)
        size += a->words[i].size;
    if (gf_worker_has_room(a->worker, size))
        return ADMIT_GO;
    gf_reply_error(a->reply, GF_MSG_OOM);
    return ADMIT_REFUSE;
}

static enum admission_verdict checks_run(struct admission *a)
{
    static enum admission_verdict (*const checks[])(struct admission *) = {
        check_debug,       check_known,  check_arity,  check_authenticated, check_subscribed,
        check_transaction, check_paused, check_memory, check_monitoring,
    };

    for (size_t i = 0; i < GF_COUNT(checks); i++) {
        enum admission_verdict verdict = checks[i](a);

        if (verdict != ADMIT_GO)
            return verdict;
    }
    return ADMIT_GO;
}

/* What is wrong with an EXEC is said as the reason why there is no transaction. */
static enum admission_verdict admit_exec(struct admission *a)
{
    struct gf_reply *reply = a->reply;
    struct gf_chain said = {0};
    struct gf_reply aside;
    enum admission_verdict verdict;

    gf_reply_init(&aside, &said, reply->resp);
    a->reply = &aside;
    verdict = checks_run(a);
    a->reply = reply;
    if (verdict == ADMIT_REFUSE) {
        char text[256];
        size_t skip;

        gf_chain_seal(&said);
        skip = memcmp(said.first->data, "-ERR ", 5) == 0 ? 5 : 1;
        GF_ASSERT(said.first->used > skip + 2 && said.first->used < sizeof(text));
        memcpy(text, said.first->data + skip, said.first->used - skip - 2);
        text[said.first->used - skip - 2] = '\0';
        gf_reply_error_explain(reply, GF_MSG_EXEC_ABORTED_FOR, text, "");
    }
    gf_chain_clear(&said);
    return verdict;
}

static enum admission_verdict admit(struct admission *a)
{
    if (GF_UNLIKELY(a->command && gf_transaction_is_exec(a->command)))
        return admit_exec(a);
    return checks_run(a);
}

/* Monitors see every command that was admitted, once it has run or is on its way to its core: one
 * that finds no room there comes again, and is not shown before. SELECT is shown in the database it
 * chose. */
static void show_monitors(const struct admission *a)
{
    if ((a->worker->attention & GF_ATTENTION_MONITOR) &&
        !(a->command->flags & (GF_ADMIN | GF_NO_MONITOR)))
        gf_monitor_feed(a->conn, a->words, a->words_count);
}

/* CLIENT REPLY SKIP swallows the answer of exactly one request: the next. */
static void reply_mode_begin(struct gf_conn *conn)
{
    if (conn->session.reply_mode == GF_REPLY_SKIP_NEXT)
        conn->session.reply_mode = GF_REPLY_SKIP;
    conn->reply.discard = conn->session.reply_mode != GF_REPLY_ON;
}

static void reply_mode_end(struct gf_conn *conn)
{
    if (conn->session.reply_mode == GF_REPLY_SKIP)
        conn->session.reply_mode = GF_REPLY_ON;
    conn->reply.discard = conn->session.reply_mode == GF_REPLY_OFF;
    if (conn->session.reply_mode == GF_REPLY_ON)
        conn->attention &= ~(uint32_t)GF_ATTENTION_REPLY;
}

void gf_session_end_reply(struct gf_conn *conn, const struct gf_command *command)
{
    gf_reply_end(&conn->reply);
    if (conn->reply.failed) {
        gf_stats_count_error(conn->worker, conn->reply.failure);
        gf_worker_stats_of(conn->worker, command)->failed++;
        conn->reply.failed = false;
    }
}

static void run_with_session(struct gf_conn *conn, const struct admission *a,
                             void (*run)(struct gf_exec *x))
{
    struct gf_worker *worker = conn->worker;
    struct gf_args args;
    struct gf_session_exec x = {
        .exec =
            {
                .args = &args,
                .reply = &conn->reply,
                .now_ms = gf_core_now_ms(worker->core),
                .seed = gf_worker_seed(worker),
                .db = conn->session.db,
                .space = &worker->space.space,
                .command = a->command,
                .limits = &worker->limits,
                .registry = worker->plugins->registry,
                .events = &worker->events.events,
            },
        .conn = conn,
        .worker = worker,
    };
    struct gf_timing_span span;
    uint64_t duration_ns;

    gf_args_init(&args, a->words, a->words_count);
    worker->events.client = conn->session.id;
    gf_timing_begin(worker, &span);
    run(&x.exec);
    duration_ns = gf_timing_end(worker, &span, a->command);
    if (GF_UNLIKELY(duration_ns >= worker->notable_ns))
        gf_notice_slow(conn, a->command, a->words, a->words_count, duration_ns);
    show_monitors(a);
    worker->counters.commands_processed++;
    gf_worker_stats_of(worker, a->command)->calls++;
    /* A command that asks other cores answers later, and ends its reply itself. */
    if (!conn->held)
        gf_session_end_reply(conn, a->command);
}

bool gf_session_is_subscribed_ping(const struct gf_conn *conn, const struct gf_command *command)
{
    return GF_UNLIKELY((conn->attention & GF_ATTENTION_SUBSCRIBED) != 0) &&
           gf_pubsub_is_mode(conn) && strcmp(command->name, "PING") == 0;
}

void gf_session_run_queued(struct gf_conn *conn, const struct gf_command *command,
                           const struct gf_bytes *words, uint32_t words_count)
{
    struct admission a = {
        .conn = conn,
        .worker = conn->worker,
        .command = command,
        .words = words,
        .words_count = words_count,
        .reply = &conn->reply,
    };

    run_with_session(conn, &a,
                     gf_session_is_subscribed_ping(conn, command) ? gf_pubsub_ping : command->run);
}

static void keep(const struct admission *a)
{
    gf_transaction_add(a->conn, a->command, a->words, a->words_count);
    gf_reply_status(a->reply, GF_BYTES("QUEUED"));
    gf_reply_end(a->reply);
}

/* PUBLISH needs its connection only within a transaction; otherwise many may be under way. */
static bool is_publish(const struct gf_command *command)
{
    return command->run == gf_publish_run;
}

static bool publish(const struct admission *a, const struct gf_ahead *ahead)
{
    if (!gf_publish_dispatch(a->conn, ahead, a->words))
        return false;
    show_monitors(a);
    return true;
}

/* It runs here, when all before it have been answered. */
static bool must_drain(const struct gf_conn *conn, const struct gf_command *command)
{
    if (!command || is_publish(command))
        return false;
    return (command->flags & GF_HOME) != 0 || gf_session_is_subscribed_ping(conn, command);
}

static void resolve(struct admission *a, const struct gf_ahead *ahead)
{
    const struct gf_registry *registry = a->worker->plugins->registry;

    a->command = ahead->command;
    if (a->command && a->command->subcommands_count > 0 && a->words_count >= 2)
        a->command = gf_registry_find_words(registry, a->words, a->words_count, &a->container);
}

static void refuse(const struct admission *a)
{
    gf_reply_end(a->reply);
    a->reply->failed = false;
    gf_stats_count_error(a->worker, a->reply->failure);
    gf_transaction_refused(a->conn, a->command);
    if (a->command)
        gf_worker_stats_of(a->worker, a->command)->rejected++;
}

bool gf_session_run(struct gf_conn *conn, const struct gf_ahead *ahead,
                    const struct gf_bytes *words)
{
    struct gf_worker *worker = conn->worker;
    struct admission a = {
        .conn = conn,
        .worker = worker,
        .words = words,
        .words_count = ahead->parsed.words_count,
        .reply = &conn->reply,
    };
    struct gf_ahead admitted = *ahead;
    struct gf_request *parked = NULL;
    struct gf_reply parked_reply;
    bool ran = true;

    resolve(&a, ahead);
    if (conn->requests_count > 0 && must_drain(conn, a.command)) {
        gf_conn_drain(conn);
        return false;
    }
    if (conn->attention & GF_ATTENTION_REPLY)
        reply_mode_begin(conn);
    if (conn->tracking)
        gf_tracking_begin(conn);
    if (conn->requests_count > 0) {
        /* A refusal must not overtake what is outstanding. */
        parked = gf_dispatch_park(conn, &parked_reply);
        a.reply = &parked_reply;
    }
    switch (admit(&a)) {
    case ADMIT_LATER:
        ran = false;
        break;
    case ADMIT_REFUSE:
        refuse(&a);
        if (parked)
            gf_dispatch_parked(conn, parked);
        parked = NULL;
        break;
    case ADMIT_GO:
        conn->session.last_command = a.command;
        admitted.command = a.command;
        admitted.located = admitted.located && a.command == ahead->command;
        admitted.here = admitted.here && admitted.located;
        if (GF_UNLIKELY(gf_transaction_takes(conn, a.command)))
            keep(&a);
        else if (GF_UNLIKELY(conn->transaction != NULL) && gf_transaction_is_exec(a.command))
            ran = gf_transaction_exec(conn, a.command);
        else if (is_publish(a.command))
            ran = publish(&a, &admitted);
        else if (gf_session_is_subscribed_ping(conn, a.command))
            run_with_session(conn, &a, gf_pubsub_ping);
        else if (a.command->flags & GF_HOME)
            run_with_session(conn, &a, a.command->run);
        else if ((ran = gf_dispatch_route(conn, &admitted, words)))
            show_monitors(&a);
        break;
    }
    if (parked)
        gf_request_release(worker, parked);
    if (ran && (conn->attention & GF_ATTENTION_REPLY))
        reply_mode_end(conn);
    if (conn->tracking)
        gf_tracking_end(conn, a.command, ran);
    return ran;
}
