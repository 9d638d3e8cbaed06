/* Databases of one partition, and the space in which a command finds them. */
#include "shards/partition.h"

#include "core/alloc.h"
#include "core/core.h"
#include "shards/events.h"
#include "shards/router.h"

void gf_partition_init(struct gf_partition *partition, uint16_t id, uint16_t owner,
                       uint32_t databases_count, const struct gf_keyspace_context *context,
                       _Atomic uint32_t *node_garbage)
{
    GF_ASSERT(databases_count >= 1);

    *partition = (struct gf_partition){
        .owner = owner,
        .id = id,
        .databases_count = databases_count,
        .context = *context,
        .node_garbage = node_garbage,
    };
    gf_list_init(&partition->waited_ready);
    partition->databases =
        gf_alloc_zero(GF_MEMORY_OTHER, databases_count * sizeof(*partition->databases));
}

void gf_partition_deinit(struct gf_partition *partition)
{
    for (uint32_t db = 0; db < partition->databases_count; db++) {
        if (partition->databases[db])
            gf_keyspace_destroy(partition->databases[db]);
    }
    for (uint32_t i = 0; i < partition->garbage_count; i++)
        gf_keyspace_destroy(partition->garbage[i]);
    GF_ASSERT(partition->watched.count == 0);
    GF_ASSERT(partition->waited.count == 0);
    gf_free(GF_MEMORY_OTHER, partition->databases);
    gf_free(GF_MEMORY_OTHER, partition->garbage);
    *partition = (struct gf_partition){0};
}

struct gf_keyspace *gf_partition_create_keyspace(struct gf_partition *partition, uint32_t db)
{
    gf_core_assert_here(partition->owner);
    GF_ASSERT(!partition->databases[db]);
    partition->databases[db] = gf_keyspace_create(&partition->context);
    return partition->databases[db];
}

static void garbage_push(struct gf_partition *partition, struct gf_keyspace *keyspace)
{
    if (partition->garbage_count == partition->garbage_capacity) {
        uint32_t capacity = partition->garbage_capacity ? partition->garbage_capacity * 2 : 4;
        struct gf_keyspace **grown =
            gf_realloc_try(GF_MEMORY_OTHER, partition->garbage, capacity * sizeof(*grown));

        GF_ASSERT(grown != NULL);
        partition->garbage = grown;
        partition->garbage_capacity = capacity;
    }
    partition->garbage[partition->garbage_count++] = keyspace;
    atomic_fetch_add_explicit(partition->node_garbage, 1, memory_order_relaxed);
}

void gf_partition_clear(struct gf_partition *partition, uint32_t db)
{
    struct gf_keyspace *keyspace = partition->databases[db];

    gf_core_assert_here(partition->owner);
    if (!keyspace)
        return;
    partition->databases[db] = NULL;
    garbage_push(partition, keyspace);
}

void gf_partition_swap(struct gf_partition *partition, uint32_t a, uint32_t b)
{
    struct gf_keyspace *keyspace = partition->databases[a];

    gf_core_assert_here(partition->owner);
    GF_ASSERT(a < partition->databases_count);
    GF_ASSERT(b < partition->databases_count);
    partition->databases[a] = partition->databases[b];
    partition->databases[b] = keyspace;
}

bool gf_partition_work(struct gf_partition *partition, uint32_t budget)
{
    bool more = false;

    gf_core_assert_here(partition->owner);
    if (partition->garbage_count > 0) {
        struct gf_keyspace *last = partition->garbage[partition->garbage_count - 1];

        if (gf_keyspace_clear_slice(last, budget)) {
            gf_keyspace_destroy(last);
            partition->garbage_count--;
            atomic_fetch_sub_explicit(partition->node_garbage, 1, memory_order_relaxed);
        }
        return true;
    }
    for (uint32_t db = 0; db < partition->databases_count; db++) {
        if (partition->databases[db])
            more |= gf_keyspace_work_slice(partition->databases[db], budget);
    }
    return more;
}

static struct gf_partition_space *space_of(struct gf_space *space)
{
    return gf_container(space, struct gf_partition_space, space);
}

static struct gf_keyspace *space_find(struct gf_space *base, uint32_t db, struct gf_bytes key)
{
    struct gf_partition_space *space = space_of(base);
    uint32_t id = gf_router_partition(space->router, key);

    GF_ASSERT(space->partitions[id]->owner == space->core);
    return gf_partition_keyspace(space->partitions[id], db);
}

static struct gf_keyspace *space_at(struct gf_space *base, uint32_t db, uint32_t index)
{
    struct gf_partition_space *space = space_of(base);

    if (index >= space->given_count)
        return NULL;
    GF_ASSERT(space->partitions[space->given[index]]->owner == space->core);
    return gf_partition_keyspace(space->partitions[space->given[index]], db);
}

static uint32_t space_partition_at(struct gf_space *base, uint32_t index)
{
    struct gf_partition_space *space = space_of(base);

    GF_ASSERT(index < space->given_count);
    return space->router->places[space->given[index]];
}

static uint32_t space_walk(struct gf_space *base, uint32_t place)
{
    struct gf_partition_space *space = space_of(base);
    const struct gf_router *router = space->router;

    while (space->one_core && place < router->partitions_count &&
           router->owners[router->order[place]] != space->core)
        place++;
    return place;
}

static void space_clear(struct gf_space *base, uint32_t db)
{
    struct gf_partition_space *space = space_of(base);

    for (uint32_t i = 0; i < space->given_count; i++) {
        struct gf_partition *partition = space->partitions[space->given[i]];

        if (space->events)
            gf_events_cleared(space->events, partition, db);
        gf_partition_clear(partition, db);
    }
}

static void space_swap(struct gf_space *base, uint32_t a, uint32_t b)
{
    struct gf_partition_space *space = space_of(base);

    for (uint32_t i = 0; i < space->given_count; i++) {
        struct gf_partition *partition = space->partitions[space->given[i]];

        if (space->events)
            gf_events_swapped(space->events, partition, a, b);
        gf_partition_swap(partition, a, b);
    }
}

void gf_partition_space_init(struct gf_partition_space *space, const struct gf_router *router,
                             struct gf_partition *const *partitions, uint16_t core)
{
    *space = (struct gf_partition_space){
        .space =
            {
                .find = space_find,
                .at = space_at,
                .partition_at = space_partition_at,
                .walk = space_walk,
                .clear = space_clear,
                .swap = space_swap,
                .partitions = router->partitions_count,
            },
        .router = router,
        .partitions = partitions,
        .core = core,
    };
}
