/* Watched keys: registered at their partitions by visits, compared by EXEC. */
#include "shards/watch.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "shards/conn.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/visit.h"
#include "shards/worker.h"

/* WATCH under way: done when all cores have been asked. */
struct watch_job {
    struct gf_worker *worker;
    struct gf_conn *conn; /* pinned */
    const struct gf_command *command;
    uint32_t waiting;     /* visits, and one while they are being started */
    bool held;            /* the connection is, for this */
    bool discard;         /* CLIENT REPLY says: nobody wants the answer */
    struct gf_list added; /* gf_watch.link */
};

/* Keys of one core, on their way to be watched or not to be. */
struct watch_visit {
    struct gf_visit visit;     /* first */
    struct watch_job *job;     /* NULL: they are dropped */
    struct gf_watch **watches; /* in this block, as partitions and hashes */
    uint32_t count;
};

static struct gf_watch *watch_of(struct gf_link *link)
{
    return gf_container(link, struct gf_watch, link);
}

/* ---- at the partition ---------------------------------------------------------------------- */

static void sink_count(struct gf_worker *worker, int by)
{
    struct gf_watch_sink *watch = &worker->watch;

    watch->count += (uint32_t)by;
    gf_events_want(&worker->events, &watch->sink, watch->count > 0 ? GF_EVENT_CHANGED : 0);
}

static bool key_is_there(struct gf_worker *worker, struct gf_partition *partition,
                         const struct gf_watch *watch)
{
    const struct gf_keyspace *keyspace = partition->databases[watch->db];

    return keyspace && gf_keyspace_peek(keyspace, watch->hash, watch->key,
                                        gf_core_now_ms(worker->core)) != NULL;
}

static struct gf_watched *watched_create(const struct gf_watch *watch)
{
    struct gf_watched *watched = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*watched) + watch->key.size);
    char *key = (char *)(watched + 1);

    if (watch->key.size > 0)
        memcpy(key, watch->key.data, watch->key.size);
    watched->keyed = (struct gf_keyed){
        .hash = watch->hash, .db = watch->db, .key = {.data = key, .size = watch->key.size}};
    return watched;
}

static void partition_watch(struct gf_worker *worker, struct gf_watch *watch)
{
    struct gf_partition *partition = worker->partitions[watch->partition];
    struct gf_keyed *found;

    gf_core_assert_here(partition->owner);
    found = gf_keyed_find(&partition->watched, watch->db, watch->hash, watch->key);
    if (!found) {
        found = &watched_create(watch)->keyed;
        gf_keyed_add(&partition->watched, found);
        sink_count(worker, 1);
    }
    watch->watched = gf_container(found, struct gf_watched, keyed);
    watch->watched->watchers++;
    watch->version = watch->watched->version;
    watch->present = key_is_there(worker, partition, watch);
}

static void partition_unwatch(struct gf_worker *worker, struct gf_watch *watch)
{
    struct gf_partition *partition = worker->partitions[watch->partition];
    struct gf_watched *watched = watch->watched;

    gf_core_assert_here(partition->owner);
    GF_ASSERT(watched->watchers > 0);
    watch->watched = NULL;
    if (--watched->watchers > 0)
        return;
    gf_keyed_remove(&partition->watched, &watched->keyed);
    gf_free(GF_MEMORY_OTHER, watched);
    sink_count(worker, -1);
}

bool gf_watch_holds(struct gf_worker *worker, const struct gf_list *watches)
{
    for (struct gf_link *link = gf_list_peek_front(watches); link;
         link = gf_list_next(watches, link)) {
        const struct gf_watch *watch = watch_of(link);
        struct gf_partition *partition = worker->partitions[watch->partition];

        gf_core_assert_here(partition->owner);
        if (watch->watched->version != watch->version ||
            key_is_there(worker, partition, watch) != watch->present)
            return false;
    }
    return true;
}

static void watch_take(struct gf_event_sink *sink, const struct gf_event *event)
{
    const struct gf_watch_sink *watch = gf_container(sink, struct gf_watch_sink, sink);
    const struct gf_worker *worker = watch->worker;
    const struct gf_server *server = worker->server;
    const struct gf_partition *partition;
    struct gf_keyed *found;

    if (!event->x)
        return; /* it went by itself: see the header */
    partition = worker->partitions[gf_router_partition(&server->router, event->key)];
    if (partition->watched.count == 0)
        return;
    found = gf_keyed_find(&partition->watched, event->db,
                          gf_keyspace_hash(server->hash_seed, event->key), event->key);
    if (found)
        gf_container(found, struct gf_watched, keyed)->version++;
}

/* What a visit to the watched keys of a partition needs to know. */
struct swap {
    const struct gf_partition *partition;
    uint32_t a;
    uint32_t b;
    uint64_t now_ms;
};

static void watched_swap(void *context, struct gf_keyed *node)
{
    const struct swap *swap = context;
    uint32_t dbs[] = {swap->a, swap->b};

    if (node->db != swap->a && node->db != swap->b)
        return;
    for (uint32_t i = 0; i < 2; i++) {
        const struct gf_keyspace *keyspace = swap->partition->databases[dbs[i]];

        if (keyspace && gf_keyspace_peek(keyspace, node->hash, node->key, swap->now_ms)) {
            gf_container(node, struct gf_watched, keyed)->version++;
            return;
        }
    }
}

static void watch_swapped(struct gf_event_sink *sink, struct gf_partition *partition, uint32_t a,
                          uint32_t b)
{
    const struct gf_watch_sink *watch = gf_container(sink, struct gf_watch_sink, sink);
    struct swap swap = {
        .partition = partition, .a = a, .b = b, .now_ms = gf_core_now_ms(watch->worker->core)};

    gf_keyed_visit(&partition->watched, watched_swap, &swap);
}

void gf_watch_init(struct gf_worker *worker)
{
    worker->watch = (struct gf_watch_sink){
        .worker = worker,
        .sink = {.wanted_lent = GF_EVENT_CHANGED, .take = watch_take, .swapped = watch_swapped},
    };
    gf_events_add(&worker->events, &worker->watch.sink);
}

void gf_watch_deinit(struct gf_worker *worker)
{
    GF_ASSERT(worker->watch.count == 0);
    gf_events_remove(&worker->events, &worker->watch.sink);
}

/* ---- visits -------------------------------------------------------------------------------- */

static void visit_run(struct gf_worker *worker, struct gf_visit *base)
{
    struct watch_visit *visit = gf_container(base, struct watch_visit, visit);

    for (uint32_t i = 0; i < visit->count; i++) {
        if (visit->job)
            partition_watch(worker, visit->watches[i]);
        else
            partition_unwatch(worker, visit->watches[i]);
    }
}

static void job_done(struct watch_job *job)
{
    struct gf_conn *conn = job->conn;
    bool reads = conn->state == GF_CONN_OPEN || conn->state == GF_CONN_DRAINING;
    bool discard = conn->reply.discard;
    struct gf_link *link;

    while ((link = gf_list_pop_front(&job->added)))
        gf_list_push_back(&conn->watches, link);
    if (conn->state != GF_CONN_OPEN)
        gf_watch_forget(conn);
    if (reads) {
        conn->reply.discard = job->discard;
        gf_reply_ok(&conn->reply);
        if (job->held) {
            gf_session_end_reply(conn, job->command);
            gf_conn_flush_later(conn);
        }
        conn->reply.discard = discard;
    }
    if (job->held)
        gf_conn_release(conn);
    gf_free(GF_MEMORY_OTHER, job);
    gf_conn_unpin(conn);
}

static void visit_done(struct gf_worker *worker, struct gf_visit *base)
{
    struct watch_visit *visit = gf_container(base, struct watch_visit, visit);
    struct watch_job *job = visit->job;

    (void)worker;
    for (uint32_t i = 0; !job && i < visit->count; i++)
        gf_free(GF_MEMORY_OTHER, visit->watches[i]);
    gf_free(GF_MEMORY_OTHER, visit);
    if (job && --job->waiting == 0)
        job_done(job);
}

static uint32_t count_of_core(const struct gf_worker *worker, const struct gf_list *watches,
                              uint16_t core)
{
    const uint16_t *owners = worker->server->router.owners;
    uint32_t count = 0;

    for (struct gf_link *link = gf_list_peek_front(watches); link;
         link = gf_list_next(watches, link))
        count += owners[watch_of(link)->partition] == core;
    return count;
}

/* One visit with all of the list's watches of one core. They stay in the list of a job; others are
 * taken out. */
static void visit_start(struct gf_worker *worker, struct gf_list *watches, uint16_t core,
                        struct watch_job *job)
{
    const uint16_t *owners = worker->server->router.owners;
    uint32_t count = count_of_core(worker, watches, core);
    struct gf_link *link = gf_list_peek_front(watches);
    struct watch_visit *visit;
    uint16_t *partitions;
    uint64_t *hashes;

    if (count == 0)
        return;
    visit =
        gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*visit) + count * sizeof(*visit->watches) +
                                           count * sizeof(*hashes) + count * sizeof(*partitions));
    visit->watches = (struct gf_watch **)(void *)(visit + 1);
    hashes = (uint64_t *)(void *)(visit->watches + count);
    partitions = (uint16_t *)(void *)(hashes + count);
    visit->job = job;
    while (link) {
        struct gf_watch *watch = watch_of(link);

        link = gf_list_next(watches, link);
        if (owners[watch->partition] != core)
            continue;
        if (!job)
            gf_list_remove(&watch->link);
        partitions[visit->count] = watch->partition;
        hashes[visit->count] = watch->hash;
        visit->watches[visit->count++] = watch;
    }
    visit->visit.partitions = partitions;
    visit->visit.hashes = hashes;
    visit->visit.partitions_count = count;
    visit->visit.run = visit_run;
    visit->visit.done = visit_done;
    if (job)
        job->waiting++;
    gf_visit_start(worker, &visit->visit, core);
}

void gf_watch_drop(struct gf_worker *worker, struct gf_list *watches)
{
    for (uint16_t core = 0; core < worker->core->count && !gf_list_empty(watches); core++)
        visit_start(worker, watches, core, NULL);
    GF_ASSERT(gf_list_empty(watches));
}

void gf_watch_forget(struct gf_conn *conn)
{
    gf_watch_drop(conn->worker, &conn->watches);
}

/* ---- WATCH --------------------------------------------------------------------------------- */

static bool list_has(const struct gf_list *watches, const struct gf_watch *wanted)
{
    for (struct gf_link *link = gf_list_peek_front(watches); link;
         link = gf_list_next(watches, link)) {
        const struct gf_watch *watch = watch_of(link);

        if (watch->hash == wanted->hash && watch->db == wanted->db &&
            gf_bytes_equal(watch->key, wanted->key))
            return true;
    }
    return false;
}

static struct gf_watch *watch_create(const struct gf_worker *worker, uint32_t db,
                                     struct gf_bytes key)
{
    const struct gf_server *server = worker->server;
    struct gf_watch *watch = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*watch) + key.size);
    char *copy = (char *)(watch + 1);

    if (key.size > 0)
        memcpy(copy, key.data, key.size);
    watch->key = (struct gf_bytes){.data = copy, .size = key.size};
    watch->db = db;
    watch->hash = gf_keyspace_hash(server->hash_seed, key);
    watch->partition = (uint16_t)gf_router_partition(&server->router, key);
    return watch;
}

void gf_watch_add(struct gf_exec *x)
{
    struct gf_session_exec *session = gf_session_of(x);
    struct gf_worker *worker = session->worker;
    struct gf_conn *conn = session->conn;
    struct watch_job *job = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*job));

    job->worker = worker;
    job->conn = conn;
    job->command = x->command;
    job->discard = conn->reply.discard;
    job->waiting = 1;
    gf_list_init(&job->added);
    for (uint32_t i = 1; i < x->args->count; i++) {
        struct gf_watch *watch = watch_create(worker, x->db, x->args->words[i]);

        if (list_has(&conn->watches, watch) || list_has(&job->added, watch))
            gf_free(GF_MEMORY_OTHER, watch);
        else
            gf_list_push_back(&job->added, &watch->link);
    }
    gf_conn_pin(conn);
    for (uint16_t core = 0; core < worker->core->count; core++)
        visit_start(worker, &job->added, core, job);
    if (--job->waiting == 0) {
        job_done(job);
        return;
    }
    job->held = true;
    gf_conn_hold(conn);
}
