/* Transactions: kept, then run as one request. See transaction.h. */
#include "shards/transaction.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "modules/registry.h"
#include "shards/conn.h"
#include "shards/dispatch.h"
#include "shards/monitor.h"
#include "shards/multi.h"
#include "shards/notice.h"
#include "shards/parcel.h"
#include "shards/plan.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/stats.h"
#include "shards/timing.h"
#include "shards/watch.h"
#include "shards/worker.h"

#define COMMANDS_FIRST 8

static struct gf_transaction *transaction_of(struct gf_errand *errand)
{
    return gf_container(errand, struct gf_transaction, errand);
}

/* ---- MULTI to EXEC ------------------------------------------------------------------------- */

void gf_transaction_begin(struct gf_conn *conn)
{
    GF_ASSERT(!conn->transaction);
    conn->transaction = gf_alloc_zero(GF_MEMORY_BUFFERS, sizeof(*conn->transaction));
    gf_list_init(&conn->transaction->watches);
    conn->attention |= GF_ATTENTION_MULTI;
}

static void transaction_free(struct gf_worker *worker, struct gf_transaction *transaction)
{
    gf_watch_drop(worker, &transaction->watches);
    for (uint32_t i = 0; i < transaction->commands_count; i++)
        gf_free(GF_MEMORY_BUFFERS, transaction->commands[i].words);
    gf_free(GF_MEMORY_BUFFERS, transaction->commands);
    gf_free(GF_MEMORY_OTHER, transaction->all);
    gf_free(GF_MEMORY_BUFFERS, transaction);
}

/* Takes it from the connection, with what that watches. */
static struct gf_transaction *transaction_take(struct gf_conn *conn)
{
    struct gf_transaction *transaction = conn->transaction;
    struct gf_link *link;

    conn->transaction = NULL;
    conn->attention &= ~(uint32_t)GF_ATTENTION_MULTI;
    while ((link = gf_list_pop_front(&conn->watches)))
        gf_list_push_back(&transaction->watches, link);
    return transaction;
}

void gf_transaction_end(struct gf_conn *conn)
{
    if (conn->transaction)
        transaction_free(conn->worker, transaction_take(conn));
}

bool gf_transaction_is_exec(const struct gf_command *command)
{
    return strcmp(command->name, "EXEC") == 0;
}

bool gf_transaction_takes(const struct gf_conn *conn, const struct gf_command *command)
{
    static const char *const at_once[] = {"EXEC", "DISCARD", "MULTI", "WATCH", "QUIT", "RESET"};

    if (!conn->transaction)
        return false;
    for (size_t i = 0; i < GF_COUNT(at_once); i++) {
        if (strcmp(command->name, at_once[i]) == 0)
            return false;
    }
    return true;
}

bool gf_transaction_ends(const struct gf_command *command)
{
    static const char *const names[] = {"EXEC", "DISCARD", "QUIT", "RESET"};

    for (size_t i = 0; i < GF_COUNT(names); i++) {
        if (strcmp(command->name, names[i]) == 0)
            return true;
    }
    return false;
}

void gf_transaction_refused(struct gf_conn *conn, const struct gf_command *command)
{
    if (!conn->transaction)
        return;
    if (command && gf_transaction_is_exec(command))
        gf_transaction_end(conn);
    else
        conn->transaction->broken = true;
}

void gf_transaction_add(struct gf_conn *conn, const struct gf_command *command,
                        const struct gf_bytes *words, uint32_t count)
{
    struct gf_transaction *transaction = conn->transaction;
    struct gf_queued *queued;

    if (transaction->commands_count == transaction->commands_capacity) {
        uint32_t capacity = transaction->commands_count + transaction->commands_count / 2;

        transaction->commands_capacity = capacity > COMMANDS_FIRST ? capacity : COMMANDS_FIRST;
        transaction->commands =
            gf_realloc_try(GF_MEMORY_BUFFERS, transaction->commands,
                           transaction->commands_capacity * sizeof(*transaction->commands));
        GF_ASSERT(transaction->commands != NULL);
    }
    queued = &transaction->commands[transaction->commands_count++];
    *queued = (struct gf_queued){
        .command = command, .words = gf_words_copy(words, count), .words_count = count};
    transaction->flags |= command->flags;
    for (uint32_t i = 0; i < count; i++)
        transaction->size += words[i].size;
}

/* ---- running: where the partitions are ----------------------------------------------------- */

/* What a command over all keys, or with a cursor, may walk. Others find their keys in any. */
static void space_of(struct gf_worker *worker, const struct gf_request *request,
                     const struct gf_command *command, const uint16_t *partition,
                     struct gf_partition_space *ret_space)
{
    const struct gf_transaction *transaction = transaction_of(request->errand);

    *ret_space = worker->space;
    ret_space->one_core = request->one_core;
    if (command->flags & GF_CURSOR) {
        ret_space->given = partition;
        ret_space->given_count = 1;
    } else if ((command->flags & GF_ALL_KEYS) && transaction->all &&
               !(request->one_core && (command->flags & GF_READ))) {
        ret_space->given = transaction->all;
        ret_space->given_count = worker->server->router.partitions_count;
    }
}

/* To monitors; at home. */
static void show(struct gf_conn *conn, const struct gf_command *command,
                 const struct gf_bytes *words, uint32_t count)
{
    if ((conn->worker->attention & GF_ATTENTION_MONITOR) && gf_conn_is_open(conn) &&
        !(command->flags & (GF_ADMIN | GF_NO_MONITOR)))
        gf_monitor_feed(conn, words, count);
}

/* A command on keys, or on none. */
static void run_on_keys(struct gf_worker *worker, struct gf_request *request,
                        const struct gf_queued *queued)
{
    struct gf_transaction *transaction = transaction_of(request->errand);
    struct gf_partition_space space;
    struct gf_reply reply;
    struct gf_plan plan;
    struct gf_run run = {
        .command = queued->command,
        .words = queued->words,
        .words_count = queued->words_count,
        .db = transaction->db,
        .partition = GF_NO_PARTITION,
        .space = &space.space,
        .reply = &reply,
        .client = request->client,
        .no_touch = request->no_touch,
        .tracker = request->tracks ? request->message.home + 1u : 0,
        .one_core = request->one_core,
        .admitted = true,
    };

    gf_plan_init(&plan, worker, queued->command);
    plan.one_core = request->one_core;
    if (gf_plan_keys(&plan, queued->words, queued->words_count)) {
        run.partition = plan.first_partition;
        run.key_hash = plan.first_hash;
    }
    space_of(worker, request, queued->command, &plan.first_partition, &space);
    gf_reply_init(&reply, &request->reply, transaction->resp);
    gf_run_command(worker, &run);
    if (request->message.home == worker->core->id)
        show(transaction->conn, queued->command, queued->words, queued->words_count);
    if (run.duration_ns >= worker->notable_ns && request->message.home == worker->core->id)
        gf_notice_slow(transaction->conn, queued->command, queued->words, queued->words_count,
                       run.duration_ns);
    gf_plan_deinit(&plan);
}

/* A command that runs with its connection, here at home. Returns false when it asks other cores:
 * gf_transaction_resume follows. */
static bool run_with_conn(struct gf_request *request, const struct gf_queued *queued)
{
    struct gf_transaction *transaction = transaction_of(request->errand);
    struct gf_conn *conn = transaction->conn;

    if (!gf_conn_is_open(conn))
        return true; /* nobody to run it for, nobody who counts the answers */
    GF_ASSERT(conn->held);
    conn->held = false;
    conn->reply.chain = &request->reply;
    gf_session_run_queued(conn, queued->command, queued->words, queued->words_count);
    if (conn->held) {
        conn->executing = request;
        return false;
    }
    conn->held = true;
    conn->reply.chain = &conn->out;
    transaction->db = conn->session.db;
    transaction->resp = conn->session.resp;
    return true;
}

static void transaction_header(struct gf_request *request, uint32_t count)
{
    char text[16];
    int size = snprintf(text, sizeof(text), "*%u\r\n", count);

    gf_chain_append(&request->reply, (struct gf_bytes){.data = text, .size = (size_t)size});
}

/* Whether it runs with its connection; of a transaction that does not, that is not here. */
static bool needs_conn(const struct gf_transaction *transaction, const struct gf_command *command)
{
    return (command->flags & GF_HOME) ||
           ((transaction->flags & GF_HOME) &&
            gf_session_is_subscribed_ping(transaction->conn, command));
}

/* Runs what is left. Returns false when it is suspended. */
static bool transaction_run(struct gf_worker *worker, struct gf_request *request)
{
    struct gf_transaction *transaction = transaction_of(request->errand);

    if (!transaction->begun) {
        transaction->begun = true;
        if (!gf_watch_holds(worker, &transaction->watches)) {
            struct gf_reply reply;

            gf_reply_init(&reply, &request->reply, request->resp);
            gf_reply_null_array(&reply);
            return true;
        }
        transaction_header(request, transaction->commands_count);
    }
    while (transaction->next < transaction->commands_count) {
        const struct gf_queued *queued = &transaction->commands[transaction->next++];

        if (!needs_conn(transaction, queued->command))
            run_on_keys(worker, request, queued);
        else if (!run_with_conn(request, queued))
            return false;
    }
    return true;
}

static void resume_done(struct gf_op *op, int result)
{
    struct gf_transaction *transaction = gf_container(op, struct gf_transaction, resume);
    struct gf_conn *conn = transaction->conn;
    struct gf_request *request = conn->executing;

    (void)result; /* always GF_OK */
    GF_ASSERT(request->errand == &transaction->errand);
    conn->executing = NULL;
    conn->reply.chain = &conn->out;
    transaction->db = conn->session.db;
    transaction->resp = conn->session.resp;
    if (transaction_run(conn->worker, request))
        gf_request_ran(conn->worker, request);
}

void gf_transaction_resume(struct gf_conn *conn)
{
    struct gf_transaction *transaction = transaction_of(conn->executing->errand);

    transaction->resume.done = resume_done;
    gf_core_defer(conn->worker->core, GF_PHASE_WORK, &transaction->resume);
}

static void transaction_done(struct gf_worker *worker, struct gf_errand *errand)
{
    struct gf_transaction *transaction = transaction_of(errand);
    struct gf_conn *conn = transaction->conn;

    show(conn, transaction->exec, &(struct gf_bytes)GF_BYTES("EXEC"), 1);
    transaction_free(worker, transaction);
    gf_conn_unpin(conn);
}

/* ---- EXEC ---------------------------------------------------------------------------------- */

/* Adds what one command needs to the union: partitions of `plan`, each once. */
static void union_add(struct gf_plan *all, const struct gf_plan *plan, uint8_t *seen)
{
    for (uint32_t i = 0; i < plan->partitions_count; i++)
        gf_plan_add_once(all, plan->partitions[i], seen);
}

/* The partitions of all commands and of the watched keys. */
static void union_find(struct gf_plan *all, const struct gf_transaction *transaction)
{
    uint8_t seen[GF_PARTITIONS_MAX / 8] = {0};

    gf_plan_reserve(all, all->worker->server->router.partitions_count);
    for (uint32_t i = 0; i < transaction->commands_count; i++) {
        const struct gf_queued *queued = &transaction->commands[i];
        struct gf_plan plan;

        if (!gf_command_has_keys(queued->command))
            continue;
        gf_plan_init(&plan, all->worker, queued->command);
        plan.one_core = all->one_core;
        if (gf_plan_keys(&plan, queued->words, queued->words_count))
            union_add(all, &plan, seen);
        gf_plan_deinit(&plan);
    }
    for (struct gf_link *link = gf_list_peek_front(&transaction->watches); link;
         link = gf_list_next(&transaction->watches, link))
        gf_plan_add_once(all, gf_container(link, struct gf_watch, link)->partition, seen);
}

/* Keys of one command. false: it needs whole partitions. */
static bool keys_add(struct gf_plan *all, const struct gf_queued *queued)
{
    const uint64_t *hashes;
    struct gf_plan plan;
    bool has_keys = true;

    gf_plan_init(&plan, all->worker, queued->command);
    if (gf_plan_keys(&plan, queued->words, queued->words_count)) {
        hashes = gf_plan_hashes(&plan);
        for (uint32_t i = 0; hashes && i < plan.keys_count; i++)
            gf_plan_add_key(all, plan.partitions[i], hashes[i]);
        has_keys = hashes != NULL;
    }
    gf_plan_deinit(&plan);
    return has_keys;
}

/* The keys of all commands, and the watched ones. false: keys are not enough. */
static bool keys_find(struct gf_plan *all, const struct gf_transaction *transaction)
{
    const struct gf_list *watches = &transaction->watches;
    uint32_t count = 0;

    if (transaction->flags & (GF_ALL_KEYS | GF_CURSOR))
        return false;
    for (uint32_t i = 0; i < transaction->commands_count; i++)
        count += transaction->commands[i].words_count;
    for (struct gf_link *link = gf_list_peek_front(watches); link;
         link = gf_list_next(watches, link))
        count++;
    gf_plan_reserve_keys(all, count);
    for (uint32_t i = 0; i < transaction->commands_count; i++) {
        const struct gf_queued *queued = &transaction->commands[i];

        if (gf_command_has_keys(queued->command) && !keys_add(all, queued))
            return false;
    }
    for (struct gf_link *link = gf_list_peek_front(watches); link;
         link = gf_list_next(watches, link)) {
        const struct gf_watch *watch = gf_container(link, struct gf_watch, link);

        gf_plan_add_key(all, watch->partition, watch->hash);
    }
    return true;
}

/* What EXEC locks: keys if they are all there is, partitions otherwise. */
static void transaction_plan(struct gf_conn *conn, const struct gf_command *exec,
                             struct gf_plan *ret_plan)
{
    gf_plan_init(ret_plan, conn->worker, exec);
    ret_plan->one_core = gf_conn_sees_one_core(conn);
    if (keys_find(ret_plan, conn->transaction))
        return;
    gf_plan_deinit(ret_plan);
    gf_plan_init(ret_plan, conn->worker, exec);
    ret_plan->one_core = gf_conn_sees_one_core(conn);
    union_find(ret_plan, conn->transaction);
}

static struct gf_request *request_make(struct gf_conn *conn, const struct gf_command *exec,
                                       struct gf_transaction *transaction)
{
    struct gf_request *request = gf_request_acquire(conn->worker, conn);
    struct gf_bytes word = GF_BYTES("EXEC");

    request->command = exec;
    request->db = conn->session.db;
    request->resp = conn->session.resp;
    request->owner = conn->worker->core->id;
    request->errand = &transaction->errand;
    gf_request_set_words(request, &word, 1);
    gf_list_push_back(&conn->requests, &request->link);
    conn->requests_count++;
    transaction->errand = (struct gf_errand){.run = transaction_run, .done = transaction_done};
    transaction->conn = conn;
    transaction->exec = exec;
    transaction->db = request->db;
    transaction->resp = request->resp;
    gf_conn_pin(conn);
    return request;
}

/* Everything on one core, or nowhere: as one request. */
static void start_on_one_core(struct gf_conn *conn, struct gf_request *request,
                              struct gf_plan *plan)
{
    struct gf_worker *worker = conn->worker;
    bool with_conn = transaction_of(request->errand)->flags & GF_HOME;

    if (plan->partitions_count > 0) {
        request->owner = plan->core;
        gf_request_set_partitions(request, plan->partitions, gf_plan_hashes(plan),
                                  plan->partitions_count);
    }
    if (with_conn)
        gf_conn_hold(conn);
    gf_request_start(worker, request);
    if (conn->requests_count > 0 && !conn->held)
        gf_conn_hold(conn);
}

static void start_on_several(struct gf_conn *conn, struct gf_request *request, struct gf_plan *plan)
{
    struct gf_transaction *transaction = transaction_of(request->errand);
    uint32_t count = conn->worker->server->router.partitions_count;

    if (transaction->flags & GF_ALL_KEYS) {
        transaction->all = gf_alloc(GF_MEMORY_OTHER, count * sizeof(*transaction->all));
        for (uint32_t i = 0; i < count; i++)
            transaction->all[i] = (uint16_t)i;
    }
    gf_conn_hold(conn);
    gf_multi_start(conn->worker, request, plan);
}

static void answer_error(struct gf_conn *conn, const struct gf_command *exec,
                         enum gf_message_id message)
{
    if (message == GF_MSG_EXEC_ABORTED_FOR)
        gf_reply_error_explain(&conn->reply, message,
                               "OOM command not allowed when used memory > 'maxmemory'.", "");
    else
        gf_reply_error(&conn->reply, message);
    gf_session_end_reply(conn, exec);
    show(conn, exec, &(struct gf_bytes)GF_BYTES("EXEC"), 1);
    gf_transaction_end(conn);
}

/* Wherever its keys are: it needs the connection, or is shown to monitors. */
static bool runs_at_home(const struct gf_conn *conn, const struct gf_transaction *transaction)
{
    return (transaction->flags & GF_HOME) || (conn->worker->attention & GF_ATTENTION_MONITOR);
}

static void exec_start(struct gf_conn *conn, const struct gf_command *exec, struct gf_plan *plan)
{
    bool at_home = runs_at_home(conn, conn->transaction);
    struct gf_transaction *transaction = transaction_take(conn);
    struct gf_request *request = request_make(conn, exec, transaction);

    if (plan->partitions_count > 0) {
        request->partition = plan->partitions[0];
        plan->first_partition = plan->partitions[0];
    }
    if (plan->partitions_count > 0 && (plan->cores_count > 1 || at_home))
        start_on_several(conn, request, plan);
    else
        start_on_one_core(conn, request, plan);
}

bool gf_transaction_exec(struct gf_conn *conn, const struct gf_command *exec)
{
    struct gf_worker *worker = conn->worker;
    struct gf_transaction *transaction = conn->transaction;
    bool started = true;
    struct gf_plan plan;
    struct gf_link *link;

    if (transaction->broken) {
        answer_error(conn, exec, GF_MSG_EXEC_ABORTED);
        return true;
    }
    if ((transaction->flags & GF_GROWS) && !gf_worker_has_room(worker, transaction->size)) {
        answer_error(conn, exec, GF_MSG_EXEC_ABORTED_FOR);
        return true;
    }
    while ((link = gf_list_pop_front(&conn->watches)))
        gf_list_push_back(&transaction->watches, link);
    transaction_plan(conn, exec, &plan);
    if (plan.cores_count == 1 && !runs_at_home(conn, transaction) &&
        plan.core != worker->core->id && !gf_parcel_room_for_request(worker, plan.core))
        started = false;
    else
        exec_start(conn, exec, &plan);
    gf_plan_deinit(&plan);
    if (started) {
        worker->counters.commands_processed++;
        gf_worker_stats_of(worker, exec)->calls++;
    }
    return started;
}
