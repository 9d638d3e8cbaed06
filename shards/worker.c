/* One core's share of the server: made, wired to the core's door, taken down. */
#include "shards/worker.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/registry.h"
#include "shards/background.h"
#include "shards/call.h"
#include "shards/handover.h"
#include "shards/listener.h"
#include "shards/multi.h"
#include "shards/notice.h"
#include "shards/prefetch.h"
#include "shards/request.h"
#include "shards/server.h"
#include "shards/stay.h"
#include "shards/visit.h"

/* Longer words are refused whatever proto-max-bulk-len says: what a packed value can hold. */
#define WORD_SIZE_MAX UINT32_MAX

struct gf_command_stats *gf_worker_stats_of(struct gf_worker *worker,
                                            const struct gf_command *command)
{
    return &worker->commands[gf_registry_row_id(worker->plugins->registry, command)];
}

static void receive_one(struct gf_worker *worker, struct gf_message *message);

/* What is said of requests that wait for keys, and messages that wait for anything. */
static void receive_of_waiting(struct gf_worker *worker, struct gf_message *message, bool home)
{
    if (message->kind == GF_MESSAGE_PARKED)
        gf_waiters_parked(worker, (struct gf_request *)message);
    else if (message->kind == GF_MESSAGE_WAKE && home)
        gf_wake_home(worker, (struct gf_wake *)message);
    else if (message->kind == GF_MESSAGE_WAKE)
        gf_wake_arrive(worker, (struct gf_wake *)message);
    else if (message->kind == GF_MESSAGE_CANCEL && home)
        gf_cancel_home(worker, (struct gf_cancel *)message);
    else if (message->kind == GF_MESSAGE_CANCEL)
        gf_cancel_arrive(worker, (struct gf_cancel *)message);
    else if (message->kind == GF_MESSAGE_STAY && home)
        gf_stay_home(worker, (struct gf_stay *)message);
    else if (message->kind == GF_MESSAGE_STAY)
        receive_one(worker, gf_stay_arrive(worker, (struct gf_stay *)message));
}

static void receive_one(struct gf_worker *worker, struct gf_message *message)
{
    bool home = message->home == worker->core->id;

    switch ((enum gf_message_kind)message->kind) {
    case GF_MESSAGE_REQUEST:
        if (home)
            gf_request_home(worker, (struct gf_request *)message);
        else
            gf_request_arrive(worker, (struct gf_request *)message);
        return;
    case GF_MESSAGE_PART:
        if (home)
            gf_part_home(worker, (struct gf_part *)message);
        else
            gf_part_arrive(worker, (struct gf_part *)message);
        return;
    case GF_MESSAGE_CALL:
        if (home)
            gf_call_home((struct gf_call_leg *)message);
        else
            gf_call_arrive(worker, (struct gf_call_leg *)message);
        return;
    case GF_MESSAGE_HANDOVER:
        if (home)
            gf_handover_home(worker, (struct gf_handover *)message);
        else
            gf_handover_arrive(worker, (struct gf_handover *)message);
        return;
    case GF_MESSAGE_PRESSURE:
        if (home)
            gf_pressure_home(worker, (struct gf_pressure *)message);
        else
            gf_pressure_arrive(worker, (struct gf_pressure *)message);
        return;
    case GF_MESSAGE_MONITOR:
        if (home)
            gf_monitor_batch_home(worker, (struct gf_monitor_batch *)message);
        else
            gf_monitor_batch_arrive(worker, (struct gf_monitor_batch *)message);
        return;
    case GF_MESSAGE_VISIT:
        if (home)
            gf_visit_home(worker, (struct gf_visit *)message);
        else
            gf_visit_arrive(worker, (struct gf_visit *)message);
        return;
    case GF_MESSAGE_PUBLISH:
        if (home)
            gf_publish_leg_home(worker, (struct gf_publish_leg *)message);
        else
            gf_publish_leg_arrive(worker, (struct gf_publish_leg *)message);
        return;
    case GF_MESSAGE_PARKED:
    case GF_MESSAGE_WAKE:
    case GF_MESSAGE_CANCEL:
    case GF_MESSAGE_STAYS:
    case GF_MESSAGE_STAY:
        receive_of_waiting(worker, message, home);
        return;
    }
    GF_ASSERT(message->kind <= GF_MESSAGE_STAY);
}

static void worker_receive(struct gf_core *core, struct gf_message **messages, uint32_t count)
{
    struct gf_worker *worker = gf_worker_of(core);

    gf_timing_turn(worker);
    gf_prefetch_requests(worker, messages, count);
    for (uint32_t i = 0; i < count; i++)
        receive_one(worker, messages[i]);
    gf_timing_batch(worker);
}

/* How accesses are noted follows from the eviction policy. */
static void worker_set_access(const struct gf_worker *worker, struct gf_keyspace_context *context)
{
    int policy = worker->settings.maxmemory_policy;

    context->lfu = policy == GF_ALLKEYS_LFU || policy == GF_VOLATILE_LFU;
    context->lfu_log_factor = (uint32_t)worker->settings.lfu_log_factor;
    context->lfu_decay_min = (uint32_t)worker->settings.lfu_decay_time;
}

void gf_worker_apply_settings(struct gf_worker *worker)
{
    const struct gf_settings *settings = &worker->settings;
    int64_t slow_us = settings->slowlog_log_slower_than;
    uint64_t size_max = settings->proto_max_bulk_len;

    if (size_max > WORD_SIZE_MAX)
        size_max = WORD_SIZE_MAX;
    worker->parser_limits = (struct gf_parser_limits)GF_PARSER_LIMITS_DEFAULT;
    worker->parser_limits.bulk_size_max = size_max;
    worker->limits = (struct gf_limits){
        .bulk_size_max = size_max,
        .hash_max_listpack_entries = settings->hash_max_listpack_entries,
        .hash_max_listpack_value = settings->hash_max_listpack_value,
        .list_max_listpack_size = settings->list_max_listpack_size,
        .set_max_intset_entries = settings->set_max_intset_entries,
        .set_max_listpack_entries = settings->set_max_listpack_entries,
        .set_max_listpack_value = settings->set_max_listpack_value,
        .zset_max_listpack_entries = settings->zset_max_listpack_entries,
        .zset_max_listpack_value = settings->zset_max_listpack_value,
        .hll_sparse_max_bytes = settings->hll_sparse_max_bytes,
        .stream_node_max_bytes = settings->stream_node_max_bytes,
        .stream_node_max_entries = settings->stream_node_max_entries,
    };
    gf_output_limit_parse(settings->client_output_buffer_limit, worker->output_limits);
    worker->attention &= ~(uint32_t)GF_ATTENTION_TIMING;
    if (slow_us >= 0 && slow_us < 1000)
        worker->attention |= GF_ATTENTION_TIMING;
    for (uint32_t i = 0; i < worker->owned_count; i++)
        worker_set_access(worker, &worker->partitions[worker->owned[i]]->context);
    gf_notify_apply(worker);
    gf_notice_settings(worker);
    gf_maxmemory_apply(worker);
}

/* The word up to the next space, which may be empty; *text goes behind that space, NULL at the
 * end. */
static struct gf_bytes next_word(const char **text)
{
    const char *end = strchrnul(*text, ' ');
    struct gf_bytes word = {.data = *text, .size = (size_t)(end - *text)};

    *text = *end ? end + 1 : NULL;
    return word;
}

static uint32_t words_count(const char *text)
{
    uint32_t count = 0;

    while (text) {
        next_word(&text);
        count++;
    }
    return count;
}

/* One class and its three numbers; there are no replicas to keep theirs for. Returns what is wrong,
 * or NULL. */
static const char *limit_parse_class(const char **text, struct gf_output_limit *limits)
{
    struct gf_bytes class = next_word(text);
    struct gf_bytes hard = next_word(text);
    struct gf_bytes soft = next_word(text);
    struct gf_bytes soft_s = next_word(text);
    struct gf_output_limit parsed;
    uint64_t seconds;

    if (!gf_bytes_is(class, "normal") && !gf_bytes_is(class, "replica") &&
        !gf_bytes_is(class, "slave") && !gf_bytes_is(class, "pubsub"))
        return "Invalid client class specified in buffer limit configuration.";
    if (!gf_bytes_parse_memory(hard, &parsed.hard_size) ||
        !gf_bytes_parse_memory(soft, &parsed.soft_size) || !gf_bytes_parse_u64(soft_s, &seconds) ||
        seconds > INT32_MAX)
        return "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    parsed.soft_ns = seconds * 1000000000u;
    if (gf_bytes_is(class, "normal"))
        limits[GF_OUTPUT_NORMAL] = parsed;
    else if (gf_bytes_is(class, "pubsub"))
        limits[GF_OUTPUT_PUBSUB] = parsed;
    return NULL;
}

const char *gf_output_limit_parse(const char *text, struct gf_output_limit *ret_limits)
{
    struct gf_output_limit limits[GF_OUTPUT_CLASSES] = {
        [GF_OUTPUT_PUBSUB] = {.hard_size = 32u << 20,
                              .soft_size = 8u << 20,
                              .soft_ns = 60 * 1000000000ull},
    };
    const char *why = NULL;

    if (words_count(text) % 4 != 0)
        return "Wrong number of arguments in buffer limit configuration.";
    while (text && !why)
        why = limit_parse_class(&text, limits);
    if (!why)
        memcpy(ret_limits, limits, sizeof(limits));
    return why;
}

/* Where the heap looks for an object's keyspace when it moves the object. */
static struct gf_keyspace *heap_route(void *context, struct gf_bytes key, uint32_t index)
{
    const struct gf_worker *worker = context;
    const struct gf_partition *partition =
        worker->partitions[gf_router_partition(&worker->server->router, key)];
    uint32_t seen = 0;

    for (uint32_t db = 0; db < partition->databases_count; db++) {
        if (partition->databases[db] && seen++ == index)
            return partition->databases[db];
    }
    return NULL;
}

/* The index of a database of one of this core's partitions. */
static uint32_t database_of(const struct gf_worker *worker,
                            const struct gf_keyspace_context *context,
                            const struct gf_keyspace *keyspace)
{
    const struct gf_partition *partition =
        gf_container((uintptr_t)context, struct gf_partition, context);
    uint32_t db = 0;

    GF_ASSERT(partition->owner == worker->core->id);
    while (partition->databases[db] != keyspace)
        db++;
    return db;
}

/* A key of one of this core's partitions goes without a command. */
static void key_gone(const struct gf_keyspace_context *context, const struct gf_keyspace *keyspace,
                     const struct gf_object *object, uint32_t class)
{
    struct gf_worker *worker = gf_worker_of(gf_core_here());

    gf_events_gone(&worker->events, database_of(worker, context, keyspace), gf_object_key(object),
                   class, class == GF_EVENT_EXPIRED ? "expired" : "evicted");
}

/* Fields of a hash go without a command, and it with the last of them. */
static void fields_gone(const struct gf_keyspace_context *context,
                        const struct gf_keyspace *keyspace, const struct gf_object *object,
                        uint64_t count, bool ended)
{
    struct gf_worker *worker = gf_worker_of(gf_core_here());
    uint32_t db = database_of(worker, context, keyspace);
    struct gf_bytes key = gf_object_key(object);

    worker->counters.fields_expired += count;
    gf_events_gone(&worker->events, db, key, GF_EVENT_HASH, "hexpired");
    if (ended)
        gf_events_gone(&worker->events, db, key, GF_EVENT_GENERIC, "del");
}

static void worker_take_partitions(struct gf_worker *worker)
{
    struct gf_server *server = worker->server;
    struct gf_keyspace_context context = {
        .types = gf_registry_types(worker->plugins->registry),
        .hash_seed = server->hash_seed,
        .gone = key_gone,
        .purged = fields_gone,
    };

    worker->partitions = server->partitions;
    worker->heap = gf_heap_create(server->pages);
    gf_heap_set_route(worker->heap, heap_route, worker);
    context.heap = worker->heap;
    worker_set_access(worker, &context);
    worker->owned =
        gf_alloc(GF_MEMORY_OTHER, server->router.partitions_count * sizeof(*worker->owned));
    for (uint32_t p = 0; p < server->router.partitions_count; p++) {
        if (server->router.owners[p] != worker->core->id)
            continue;
        worker->owned[worker->owned_count++] = (uint16_t)p;
        server->partitions[p] = gf_alloc(GF_MEMORY_OTHER, sizeof(struct gf_partition));
        gf_partition_init(server->partitions[p], (uint16_t)p, worker->core->id,
                          (uint32_t)worker->settings.databases, &context, &server->garbage_count);
    }
    gf_partition_space_init(&worker->space, &server->router, server->partitions, worker->core->id);
    worker->space.space.databases = (uint32_t)worker->settings.databases;
    worker->space.given = worker->owned;
    worker->space.given_count = worker->owned_count;
    worker->space.events = &worker->events;
}

int gf_worker_init(struct gf_worker *worker, struct gf_core *core, struct gf_server *server)
{
    gf_core_assert_here(core->id);
    *worker = (struct gf_worker){.core = core, .server = server, .plugins = server->plugins};
    core->owner = worker;
    core->receive = worker_receive;
    gf_settings_copy(&worker->settings, &server->settings);
    gf_list_init(&worker->conns);
    gf_list_init(&worker->requests_free);
    gf_list_init(&worker->outbox);
    gf_list_init(&worker->corked);
    worker->cork_timer.fired = gf_conn_uncork_fired;
    worker->pressure.relieved = true;
    gf_slowlog_init(&worker->slowlog);
    gf_monitors_init(worker);
    gf_pubsub_init(worker);
    gf_locks_init(&worker->locks, server->router.partitions_count);
    core->driver->ops->random(core->driver, &worker->seed, sizeof(worker->seed));
    worker->commands =
        gf_alloc_zero(GF_MEMORY_OTHER,
                      gf_registry_rows_max(worker->plugins->registry) * sizeof(*worker->commands));
    worker->settings_versions =
        gf_alloc_zero(GF_MEMORY_OTHER, gf_settings_count() * sizeof(*worker->settings_versions));
    gf_events_init(&worker->events);
    gf_notify_init(worker);
    gf_tracking_init(worker);
    gf_watch_init(worker);
    gf_waiters_init(worker);
    gf_slicing_init(worker);
    worker_take_partitions(worker);
    gf_maxmemory_init(worker);
    worker->background = gf_background_create(worker);
    gf_worker_apply_settings(worker);
    return GF_OK;
}

void gf_worker_deinit(struct gf_worker *worker)
{
    if (!worker->core)
        return;
    gf_core_assert_here(worker->core->id);
    GF_ASSERT(gf_list_empty(&worker->conns));
    gf_background_destroy(worker->background);
    gf_monitors_deinit(worker);
    gf_tracking_deinit(worker);
    gf_notify_deinit(worker);
    gf_pubsub_deinit(worker);
    gf_waiters_deinit(worker);
    gf_slicing_deinit(worker);
    gf_watch_deinit(worker);
    gf_core_defer_cancel(worker->core, &worker->outbox_op);
    gf_timer_stop(worker->core, &worker->cork_timer);
    for (uint32_t i = 0; i < worker->owned_count; i++) {
        struct gf_partition *partition = worker->partitions[worker->owned[i]];

        gf_partition_deinit(partition);
        gf_free(GF_MEMORY_OTHER, partition);
    }
    gf_heap_destroy(worker->heap);
    gf_requests_deinit(worker);
    for (uint32_t i = 0; i < gf_registry_rows_max(worker->plugins->registry); i++)
        gf_free(GF_MEMORY_OTHER, worker->commands[i].histogram);
    gf_free(GF_MEMORY_OTHER, worker->commands);
    gf_free(GF_MEMORY_OTHER, worker->settings_versions);
    gf_slowlog_clear(&worker->slowlog);
    gf_free(GF_MEMORY_OTHER, worker->owned);
    gf_free(GF_MEMORY_OTHER, worker->listeners);
    gf_locks_deinit(&worker->locks);
    gf_words_deinit(&worker->words);
    gf_settings_deinit(&worker->settings);
    *worker = (struct gf_worker){0};
}

void gf_worker_space_from(const struct gf_worker *worker, uint32_t partition,
                          struct gf_partition_space *ret_space)
{
    uint32_t first = 0;
    uint32_t count = 1;

    *ret_space = worker->space;
    while (first < worker->owned_count && worker->owned[first] != partition)
        first++;
    GF_ASSERT(first < worker->owned_count);
    while (first + count < worker->owned_count &&
           gf_locks_free_names(&worker->locks, worker->owned[first + count]))
        count++;
    ret_space->given = worker->owned + first;
    ret_space->given_count = count;
}
