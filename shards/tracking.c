/* Client-side caching where the keys are: who read them, and telling their cores. */
#include "shards/tracking.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "modules/registry.h"
#include "shards/dispatch.h"
#include "shards/pubsub.h"
#include "shards/server.h"
#include "shards/worker.h"

#define KEYS_INLINE 64       /* keys of a command that need no memory to be found   */
#define EVICTIONS_MAX 10000u /* keys that a tick makes its clients forget, at most  */

/* ---- what a partition remembers ------------------------------------------------------------ */

static struct gf_tracked *tracked_create(uint64_t hash, struct gf_bytes key)
{
    struct gf_tracked *tracked = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*tracked) + key.size);
    char *bytes = (char *)(tracked + 1);

    if (key.size > 0)
        memcpy(bytes, key.data, key.size);
    tracked->keyed = (struct gf_keyed){.hash = hash, .key = {.data = bytes, .size = key.size}};
    return tracked;
}

static void tracked_free(struct gf_partition *partition, struct gf_tracked *tracked)
{
    gf_keyed_remove(&partition->tracked, &tracked->keyed);
    partition->tracked_items -= tracked->readers_count;
    gf_free(GF_MEMORY_OTHER, tracked->readers);
    gf_free(GF_MEMORY_OTHER, tracked);
}

static void tracked_add(struct gf_partition *partition, struct gf_tracked *tracked,
                        struct gf_reader reader)
{
    for (uint32_t i = 0; i < tracked->readers_count; i++) {
        if (tracked->readers[i].client == reader.client)
            return;
    }
    if (tracked->readers_count == tracked->readers_capacity) {
        uint32_t capacity = tracked->readers_capacity ? 2 * tracked->readers_capacity : 1;
        struct gf_reader *grown = gf_alloc(GF_MEMORY_OTHER, capacity * sizeof(*grown));

        if (tracked->readers)
            memcpy(grown, tracked->readers, tracked->readers_count * sizeof(*grown));
        gf_free(GF_MEMORY_OTHER, tracked->readers);
        tracked->readers = grown;
        tracked->readers_capacity = capacity;
    }
    tracked->readers[tracked->readers_count++] = reader;
    partition->tracked_items++;
}

static void remember_key(struct gf_worker *worker, struct gf_bytes key, struct gf_reader reader)
{
    const struct gf_server *server = worker->server;
    struct gf_partition *partition = worker->partitions[gf_router_partition(&server->router, key)];
    uint64_t hash = gf_keyspace_hash(server->hash_seed, key);
    struct gf_keyed *found;

    gf_core_assert_here(partition->owner);
    found = gf_keyed_find(&partition->tracked, 0, hash, key);
    if (!found) {
        found = &tracked_create(hash, key)->keyed;
        gf_keyed_add(&partition->tracked, found);
    }
    tracked_add(partition, gf_container(found, struct gf_tracked, keyed), reader);
}

void gf_tracking_remember(struct gf_worker *worker, const struct gf_run *run)
{
    struct gf_reader reader = {.client = run->client, .core = (uint16_t)(run->tracker - 1)};
    uint32_t few[KEYS_INLINE];
    uint32_t *indexes = few;
    uint32_t count;

    if (!(run->command->flags & GF_READ))
        return;
    count = gf_command_keys(run->command, run->words, run->words_count, indexes, KEYS_INLINE);
    if (count > KEYS_INLINE) {
        indexes = gf_alloc(GF_MEMORY_OTHER, count * sizeof(*indexes));
        count = gf_command_keys(run->command, run->words, run->words_count, indexes, count);
    }
    for (uint32_t i = 0; i < count; i++)
        remember_key(worker, run->words[indexes[i]], reader);
    if (indexes != few)
        gf_free(GF_MEMORY_OTHER, indexes);
    gf_events_want(&worker->events, &worker->tracking.sink, GF_EVENT_CHANGED);
}

void gf_tracking_returned(struct gf_worker *worker, const struct gf_partition *partition)
{
    if (GF_UNLIKELY(partition->tracked.count > 0))
        gf_events_want(&worker->events, &worker->tracking.sink, GF_EVENT_CHANGED);
}

/* ---- telling ------------------------------------------------------------------------------- */

/* The readers of one core, as their ids behind each other. */
static void invalidate_on_core(struct gf_worker *worker, const struct gf_tracked *tracked,
                               uint16_t core, uint64_t writer)
{
    struct gf_bytes key = tracked->keyed.key;
    struct gf_publication *publication;
    uint64_t *clients;
    uint32_t count = 0;

    for (uint32_t i = 0; i < tracked->readers_count; i++)
        count += tracked->readers[i].core == core;
    if (count == 0)
        return;
    publication = gf_publication_create(worker, GF_PUBLICATION_INVALIDATE, core,
                                        count * sizeof(*clients) + key.size);
    if (!publication)
        return;
    clients = (uint64_t *)(void *)publication->bytes;
    for (uint32_t i = 0; i < tracked->readers_count; i++) {
        if (tracked->readers[i].core == core)
            *clients++ = tracked->readers[i].client;
    }
    publication->message =
        (struct gf_bytes){.data = publication->bytes, .size = count * sizeof(*clients)};
    publication->channel = (struct gf_bytes){.data = (char *)clients, .size = key.size};
    if (key.size > 0)
        memcpy(clients, key.data, key.size);
    publication->writer = writer;
    gf_publication_start(worker, publication);
}

static void invalidate(struct gf_worker *worker, struct gf_partition *partition,
                       struct gf_tracked *tracked, uint64_t writer)
{
    for (uint16_t core = 0; core < worker->core->count; core++)
        invalidate_on_core(worker, tracked, core, writer);
    tracked_free(partition, tracked);
}

static void broadcast(struct gf_worker *worker, struct gf_bytes key, uint64_t writer)
{
    struct gf_publication *publication =
        gf_publication_create(worker, GF_PUBLICATION_BCAST, GF_ALL_CORES, key.size);

    if (!publication)
        return;
    if (key.size > 0)
        memcpy(publication->bytes, key.data, key.size);
    publication->channel = (struct gf_bytes){.data = publication->bytes, .size = key.size};
    publication->writer = writer;
    gf_publication_start(worker, publication);
}

/* While the node stops nobody is told anything any more, and other cores may be gone already. */
static bool any_core_has(const struct gf_worker *worker, bool bcast)
{
    if (GF_UNLIKELY(atomic_load_explicit(&worker->server->stopping, memory_order_relaxed) != 0))
        return false;
    for (uint16_t core = 0; core < worker->core->count; core++) {
        const struct gf_trackings *trackings = &worker->server->workers[core].tracking;

        if (atomic_load_explicit(bcast ? &trackings->bcast_count : &trackings->count,
                                 memory_order_seq_cst) > 0)
            return true;
    }
    return false;
}

static void tracking_take(struct gf_event_sink *sink, const struct gf_event *event)
{
    struct gf_worker *worker = gf_container(sink, struct gf_trackings, sink)->worker;
    const struct gf_server *server = worker->server;
    struct gf_partition *partition =
        worker->partitions[gf_router_partition(&server->router, event->key)];

    if (partition->tracked.count > 0) {
        struct gf_keyed *found = gf_keyed_find(
            &partition->tracked, 0, gf_keyspace_hash(server->hash_seed, event->key), event->key);

        if (found)
            invalidate(worker, partition, gf_container(found, struct gf_tracked, keyed),
                       event->client);
    }
    if (any_core_has(worker, true))
        broadcast(worker, event->key, event->client);
}

static void forget_first(struct gf_partition *partition)
{
    uint32_t bucket = 0;

    while (!partition->tracked.buckets[bucket])
        bucket++;
    tracked_free(partition,
                 gf_container(partition->tracked.buckets[bucket], struct gf_tracked, keyed));
}

/* Told for every partition and database of a command; one null is enough for all of them. */
static void tracking_cleared(struct gf_event_sink *sink, struct gf_partition *partition,
                             uint32_t db)
{
    struct gf_worker *worker = gf_container(sink, struct gf_trackings, sink)->worker;
    struct gf_publication *publication;

    (void)db;
    while (partition->tracked.count > 0)
        forget_first(partition);
    if (worker->tracking.flush_seed == worker->seed || !any_core_has(worker, false))
        return;
    worker->tracking.flush_seed = worker->seed; /* every command draws a new one */
    publication = gf_publication_create(worker, GF_PUBLICATION_FLUSH, GF_ALL_CORES, 0);
    if (!publication)
        return;
    publication->tells = worker->tracking.flush;
    gf_publication_start(worker, publication);
}

static void tracking_swapped(struct gf_event_sink *sink, struct gf_partition *partition, uint32_t a,
                             uint32_t b)
{
    (void)b;
    tracking_cleared(sink, partition, a);
}

/* ---- limits and life ----------------------------------------------------------------------- */

uint64_t gf_tracking_keys(const struct gf_worker *worker)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < worker->owned_count; i++) {
        const struct gf_partition *partition = worker->partitions[worker->owned[i]];

        if (partition->owner == worker->core->id)
            count += partition->tracked.count;
    }
    return count;
}

uint64_t gf_tracking_items(const struct gf_worker *worker)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < worker->owned_count; i++) {
        const struct gf_partition *partition = worker->partitions[worker->owned[i]];

        if (partition->owner == worker->core->id)
            count += partition->tracked_items;
    }
    return count;
}

/* Up to `excess` keys are forgotten, their readers told. From any partition on. */
static void evict(struct gf_worker *worker, uint64_t excess)
{
    uint64_t seed = worker->core->turns;
    uint32_t start = (uint32_t)(gf_random_next(&seed) % worker->owned_count);

    for (uint32_t i = 0; i < worker->owned_count && excess > 0; i++) {
        uint16_t id = worker->owned[(start + i) % worker->owned_count];
        struct gf_partition *partition = worker->partitions[id];

        if (partition->owner != worker->core->id)
            continue;
        for (uint32_t bucket = 0; partition->tracked.count > 0 && excess > 0; bucket++) {
            struct gf_keyed *first = partition->tracked.buckets[bucket];

            if (!first)
                continue;
            invalidate(worker, partition, gf_container(first, struct gf_tracked, keyed), 0);
            excess--;
            bucket = UINT32_MAX; /* the table may be another now: from its start */
        }
    }
}

void gf_tracking_tick(struct gf_worker *worker)
{
    uint64_t limit = worker->settings.tracking_table_max_keys;
    uint64_t count = gf_tracking_keys(worker);
    bool wanted = count > 0 || any_core_has(worker, true);

    gf_events_want(&worker->events, &worker->tracking.sink, wanted ? GF_EVENT_CHANGED : 0);
    if (limit == 0)
        return;
    limit = limit / worker->core->count > 0 ? limit / worker->core->count : 1;
    if (count > limit)
        evict(worker, count - limit < EVICTIONS_MAX ? count - limit : EVICTIONS_MAX);
}

void gf_tracking_init(struct gf_worker *worker)
{
    struct gf_trackings *trackings = &worker->tracking;

    trackings->worker = worker;
    trackings->flush_seed = 0;
    trackings->sink = (struct gf_event_sink){
        .wanted_lent = GF_EVENT_CHANGED,
        .take = tracking_take,
        .cleared = tracking_cleared,
        .swapped = tracking_swapped,
    };
    gf_list_init(&trackings->list);
    gf_events_add(&worker->events, &trackings->sink);
}

void gf_tracking_deinit(struct gf_worker *worker)
{
    GF_ASSERT(gf_list_empty(&worker->tracking.list));
    GF_ASSERT(worker->tracking.clients.count == 0);
    GF_ASSERT(worker->tracking.targets.count == 0);
    for (uint32_t i = 0; i < worker->owned_count; i++) {
        struct gf_partition *partition = worker->partitions[worker->owned[i]];

        while (partition->tracked.count > 0)
            forget_first(partition);
    }
    gf_events_remove(&worker->events, &worker->tracking.sink);
}
