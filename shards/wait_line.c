/* Lines at keys: found by their key, made ready by changes of it. See waiters.h. */
#include "shards/wait_line.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "shards/server.h"
#include "shards/worker.h"

static struct gf_wait_line *line_of(struct gf_keyed *node)
{
    return gf_container(node, struct gf_wait_line, keyed);
}

bool gf_wait_is_ours(const struct gf_worker *worker, uint32_t partition)
{
    return worker->server->router.owners[partition] == worker->core->id;
}

/* Lines came or went in a partition of this core. Of one on loan its own core is told when it
 * comes back. */
void gf_wait_lines_count(struct gf_worker *worker, struct gf_partition *partition)
{
    struct gf_waiting *waiting = &worker->waiting;

    if (!gf_wait_is_ours(worker, partition->id))
        return;
    waiting->lines += partition->waited.count - partition->waited_known;
    partition->waited_known = partition->waited.count;
    gf_events_want(&worker->events, &waiting->sink, waiting->lines > 0 ? GF_EVENT_CHANGED : 0);
}

static struct gf_wait_line *line_create(struct gf_partition *partition, uint32_t db, uint64_t hash,
                                        struct gf_bytes key)
{
    struct gf_wait_line *line = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*line) + key.size);
    char *copy = (char *)(line + 1);

    if (key.size > 0)
        memcpy(copy, key.data, key.size);
    line->keyed =
        (struct gf_keyed){.db = db, .hash = hash, .key = {.data = copy, .size = key.size}};
    line->partition = partition->id;
    line->round = 1;
    gf_list_init(&line->entries);
    gf_keyed_add(&partition->waited, &line->keyed);
    return line;
}

void gf_wait_line_free_if_empty(struct gf_worker *worker, struct gf_wait_line *line)
{
    struct gf_partition *partition = worker->partitions[line->partition];

    if (line->used || !gf_list_empty(&line->entries))
        return;
    GF_ASSERT(!line->stalled);
    if (!gf_link_is_free(&line->ready_link))
        gf_list_remove(&line->ready_link);
    gf_keyed_remove(&partition->waited, &line->keyed);
    gf_free(GF_MEMORY_OTHER, line);
    gf_wait_lines_count(worker, partition);
}

/* It is looked at when the command that runs now is over; or, of a partition on loan, when that is
 * back. */
void gf_wait_line_make_ready(struct gf_worker *worker, struct gf_wait_line *line)
{
    struct gf_partition *partition = worker->partitions[line->partition];

    if (!gf_link_is_free(&line->ready_link))
        return;
    if (gf_wait_is_ours(worker, line->partition))
        gf_waiting_add_ready(&worker->waiting, &line->ready_link);
    else
        gf_list_push_back(&partition->waited_ready, &line->ready_link);
}

static void line_changed(struct gf_worker *worker, struct gf_wait_line *line)
{
    line->round++;
    gf_wait_line_make_ready(worker, line);
}

static void waiting_take(struct gf_event_sink *sink, const struct gf_event *event)
{
    struct gf_worker *worker = gf_container(sink, struct gf_waiting, sink)->worker;
    const struct gf_server *server = worker->server;
    const struct gf_partition *partition;
    struct gf_keyed *found;

    partition = worker->partitions[gf_router_partition(&server->router, event->key)];
    if (partition->waited.count == 0)
        return;
    found = gf_keyed_find(&partition->waited, event->db,
                          gf_keyspace_hash(server->hash_seed, event->key), event->key);
    if (found)
        line_changed(worker, line_of(found));
}

/* Databases that are not what they were. */
struct exchange {
    struct gf_worker *worker;
    uint32_t a;
    uint32_t b;
};

static void line_exchange(void *context, struct gf_keyed *node)
{
    const struct exchange *exchange = context;

    if (node->db == exchange->a || node->db == exchange->b)
        line_changed(exchange->worker, line_of(node));
}

static void waiting_swapped(struct gf_event_sink *sink, struct gf_partition *partition, uint32_t a,
                            uint32_t b)
{
    struct exchange exchange = {
        .worker = gf_container(sink, struct gf_waiting, sink)->worker, .a = a, .b = b};

    gf_keyed_visit(&partition->waited, line_exchange, &exchange);
}

static void waiting_cleared(struct gf_event_sink *sink, struct gf_partition *partition, uint32_t db)
{
    waiting_swapped(sink, partition, db, db);
}

struct gf_wait_line *gf_wait_line_find(const struct gf_worker *worker, uint32_t db,
                                       struct gf_bytes key)
{
    const struct gf_server *server = worker->server;
    const struct gf_partition *partition =
        worker->partitions[gf_router_partition(&server->router, key)];
    struct gf_keyed *found = NULL;

    if (partition->owner == worker->core->id && partition->waited.count > 0)
        found =
            gf_keyed_find(&partition->waited, db, gf_keyspace_hash(server->hash_seed, key), key);
    return found ? line_of(found) : NULL;
}

struct gf_wait_line *gf_wait_line_add(struct gf_worker *worker, uint32_t db, struct gf_bytes key)
{
    const struct gf_server *server = worker->server;
    uint32_t partition = gf_router_partition(&server->router, key);

    gf_core_assert_here(worker->partitions[partition]->owner);
    return line_create(worker->partitions[partition], db, gf_keyspace_hash(server->hash_seed, key),
                       key);
}

void gf_wait_lines_init(struct gf_worker *worker)
{
    worker->waiting.worker = worker;
    worker->waiting.sink = (struct gf_event_sink){
        .wanted_lent = GF_EVENT_CHANGED,
        .take = waiting_take,
        .cleared = waiting_cleared,
        .swapped = waiting_swapped,
    };
    gf_events_add(&worker->events, &worker->waiting.sink);
}

/* Somebody stands in it who could have what is there, or nobody moves. */
static bool line_is_neglected(const struct gf_partition *partition, const struct gf_wait_line *line,
                              uint64_t now_ms)
{
    const struct gf_keyspace *keyspace = partition->databases[line->keyed.db];
    const struct gf_object *object =
        keyspace ? gf_keyspace_peek(keyspace, line->keyed.hash, line->keyed.key, now_ms) : NULL;
    struct gf_link *link = gf_list_peek_front(&line->entries);
    const struct gf_waiter *first = gf_container(link, struct gf_wait_entry, link)->waiter;

    return line->stalled || (object && first->type == gf_object_type(object) && !first->needs);
}

/* A core, looked at by whom the visits to its lines are for. */
struct settled {
    const struct gf_partition *partition;
    uint64_t now_ms;
};

static void line_check_settled(void *context, struct gf_keyed *node)
{
    const struct settled *settled = context;

    GF_ASSERT(!gf_list_empty(&line_of(node)->entries));
    GF_ASSERT(!line_is_neglected(settled->partition, line_of(node), settled->now_ms));
}

void gf_waiters_check_settled(const struct gf_worker *worker)
{
    struct settled settled = {.now_ms = gf_core_now_ms(worker->core)};

    GF_ASSERT(gf_list_empty(&worker->waiting.ready));
    GF_ASSERT(gf_list_empty(&worker->waiting.postponed));
    for (uint32_t i = 0; i < worker->owned_count; i++) {
        settled.partition = worker->partitions[worker->owned[i]];
        gf_keyed_visit(&settled.partition->waited, line_check_settled, &settled);
    }
}
