/* One slice of the key space: the databases of one partition.
 *
 * Lives on one core, its owner. While a command over several cores runs, it is lent: `owner` names
 * the coordinating core, and nobody else may touch it until it comes back. Functions here assert
 * that they are called on the owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"
#include "modules/keyspace.h"
#include "modules/module.h"
#include "shards/keyed.h"

struct gf_event_bus;
struct gf_router;

struct gf_partition {
    uint16_t owner;                      /* core that may touch it now                    */
    uint16_t id;                         /* 0 .. partitions_count - 1                     */
    uint32_t databases_count;            /* 1 .. what the `databases` option says         */
    struct gf_keyspace_context context;  /* shared by its keyspaces                       */
    struct gf_keyspace **databases;      /* made when first used, NULL before; owned      */
    struct gf_keyspace **garbage;        /* flushed, cleared in slices; owned             */
    uint32_t garbage_count;
    uint32_t garbage_capacity;
    struct gf_keyed_table watched;       /* gf_watched.keyed (watch.h)                     */
    struct gf_keyed_table waited;        /* gf_wait_line.keyed (waiters.h)                 */
    struct gf_list waited_ready;         /* gf_wait_line.ready_link, while it is on loan   */
    uint32_t waited_known;               /* lines, as its own core has counted them        */
    uint32_t waited_unstalled;           /* lines that go on, while it is on loan          */
    struct gf_keyed_table tracked;       /* gf_tracked.keyed (tracking.h)                  */
    uint64_t tracked_items;              /* their readers                                  */
    _Atomic uint32_t *node_garbage;      /* counted with those of all partitions; borrowed */
};

void gf_partition_init(struct gf_partition *partition, uint16_t id, uint16_t owner,
                       uint32_t databases_count, const struct gf_keyspace_context *context,
                       _Atomic uint32_t *node_garbage);
void gf_partition_deinit(struct gf_partition *partition);

/* gf_partition_create_keyspace - the slow path of gf_partition_keyspace. */
struct gf_keyspace *gf_partition_create_keyspace(struct gf_partition *partition, uint32_t db);

/* gf_partition_keyspace - database `db`; never NULL. */
static inline struct gf_keyspace *gf_partition_keyspace(struct gf_partition *partition, uint32_t db)
{
    GF_ASSERT(db < partition->databases_count);
    if (GF_UNLIKELY(!partition->databases[db]))
        return gf_partition_create_keyspace(partition, db);
    return partition->databases[db];
}

/* gf_partition_clear - database `db` is empty at once; the old keyspace is freed in slices. */
void gf_partition_clear(struct gf_partition *partition, uint32_t db);

/* gf_partition_swap - what was in `a` is in `b` and the other way round. */
void gf_partition_swap(struct gf_partition *partition, uint32_t a, uint32_t b);

/* gf_partition_work - bounded background work: flushed keyspaces, growth, sliced frees.
 *
 * budget     objects or buckets to touch, about
 * Returns    true when there is more to do
 */
bool gf_partition_work(struct gf_partition *partition, uint32_t budget);

/* The partitions a command was given, as the command sees them. */
struct gf_partition_space {
    struct gf_space space;
    const struct gf_router *router;         /* borrowed                                  */
    struct gf_partition *const *partitions; /* all of the node by id; borrowed           */
    const uint16_t *given;                  /* ids it may walk with `at`, ascending      */
    uint32_t given_count;
    uint16_t core;                          /* core the command runs on                  */
    bool one_core;                          /* `walk` goes through that core's only      */
    struct gf_event_bus *events;            /* told of whole databases; NULL: nobody is  */
};

/* gf_partition_space_init - a space on `core` that finds any key whose partition `core` owns.
 *
 * given      the ids for commands over all keys; borrowed while the space is used
 */
void gf_partition_space_init(struct gf_partition_space *space, const struct gf_router *router,
                             struct gf_partition *const *partitions, uint16_t core);
