/* CLUSTER COUNTKEYSINSLOT and GETKEYSINSLOT: a walk through the partition that the slot is part
 * of, on the core that owns it, so many keys at a time; what happens meanwhile may or may not be
 * seen, as with SCAN.
 */
#include "core/alloc.h"
#include "core/assert.h"
#include "core/buf.h"
#include "core/core.h"
#include "modules/keyspace.h"
#include "shards/ask.h"
#include "shards/partition.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/slot.h"
#include "shards/worker.h"

#define SLICE_KEYS 1024 /* of one visit: their slots take about 50 microseconds */

struct slot_ask {
    struct gf_ask ask; /* first */
    uint16_t slot;
    uint32_t partition;
    uint32_t db;
    bool with_keys;  /* GETKEYSINSLOT */
    uint64_t wanted; /* so many are enough */
    /* The owner's while it is asked, home's in between. */
    uint64_t cursor;
    uint64_t found;
    bool finished;
    bool no_memory;
    struct gf_buf keys; /* found: each its size and its bytes; owned */
};

static void slot_visit(void *context, struct gf_object *object)
{
    struct slot_ask *walk = context;
    struct gf_bytes key = gf_object_key(object);
    uint32_t size = (uint32_t)key.size;

    if (gf_slot_of(key) != walk->slot || walk->found == walk->wanted || walk->no_memory)
        return;
    if (walk->with_keys) {
        if (gf_buf_reserve(&walk->keys, sizeof(size) + key.size) != GF_OK) {
            walk->no_memory = true;
            return;
        }
        gf_buf_append(&walk->keys,
                      (struct gf_bytes){.data = (const char *)&size, .size = sizeof(size)});
        gf_buf_append(&walk->keys, key);
    }
    walk->found++;
}

static void slot_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    struct slot_ask *walk = gf_container(ask, struct slot_ask, ask);
    struct gf_keyspace *keyspace;

    if (worker->server->router.owners[walk->partition] != worker->core->id)
        return;
    if (gf_locks_is_away(&worker->locks, walk->partition))
        return; /* lent to another core: the next visit finds it back */
    keyspace = worker->partitions[walk->partition]->databases[walk->db];
    if (keyspace)
        walk->cursor = gf_keyspace_scan(keyspace, walk->cursor, SLICE_KEYS,
                                        gf_core_now_ms(worker->core), slot_visit, walk);
    walk->finished =
        !keyspace || walk->cursor == 0 || walk->found == walk->wanted || walk->no_memory;
}

static bool slot_again(struct gf_ask *ask)
{
    return !gf_container(ask, struct slot_ask, ask)->finished;
}

static void slot_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    const struct slot_ask *walk = gf_container(ask, struct slot_ask, ask);
    const char *next = walk->keys.data;

    if (walk->no_memory) {
        gf_reply_error(reply, GF_MSG_OOM);
        return;
    }
    if (!walk->with_keys) {
        gf_reply_int(reply, (int64_t)walk->found);
        return;
    }
    gf_reply_array(reply, walk->found);
    for (uint64_t i = 0; i < walk->found; i++) {
        uint32_t size;

        memcpy(&size, next, sizeof(size));
        gf_reply_bulk(reply, (struct gf_bytes){.data = next + sizeof(size), .size = size});
        next += sizeof(size) + size;
    }
}

static void slot_deinit(struct gf_ask *ask)
{
    gf_buf_deinit(&gf_container(ask, struct slot_ask, ask)->keys);
}

static const struct gf_ask_kind slot_kind = {
    .size = sizeof(struct slot_ask),
    .on_core = slot_on_core,
    .again = slot_again,
    .answer = slot_answer,
    .deinit = slot_deinit,
};

static struct slot_ask *slot_ask_create(struct gf_exec *x, uint16_t slot)
{
    struct slot_ask *walk = gf_container(gf_ask_create(x, &slot_kind), struct slot_ask, ask);

    walk->slot = slot;
    walk->partition = slot >> gf_session_of(x)->worker->server->router.slot_shift;
    walk->db = x->db;
    walk->wanted = UINT64_MAX;
    return walk;
}

static void cluster_countkeysinslot(struct gf_exec *x)
{
    int64_t slot;

    if (!gf_bytes_parse_i64(x->args->words[2], &slot))
        gf_reply_error(x->reply, GF_MSG_NOT_INTEGER);
    else if (slot < 0 || slot >= GF_SLOTS)
        gf_reply_error(x->reply, GF_MSG_CLUSTER_SLOT);
    else
        gf_ask_start(&slot_ask_create(x, (uint16_t)slot)->ask);
}

static void cluster_getkeysinslot(struct gf_exec *x)
{
    struct slot_ask *walk;
    int64_t slot;
    int64_t count;

    if (!gf_bytes_parse_i64(x->args->words[2], &slot) ||
        !gf_bytes_parse_i64(x->args->words[3], &count)) {
        gf_reply_error(x->reply, GF_MSG_NOT_INTEGER);
        return;
    }
    if (slot < 0 || slot >= GF_SLOTS || count < 0) {
        gf_reply_error(x->reply, GF_MSG_CLUSTER_SLOT_OR_COUNT);
        return;
    }
    walk = slot_ask_create(x, (uint16_t)slot);
    walk->with_keys = true;
    walk->wanted = (uint64_t)count;
    gf_ask_start(&walk->ask);
}

/* clang-format off */
static const struct gf_command cluster_slot_subcommands[] = {
    {
        .name = "COUNTKEYSINSLOT", .run = cluster_countkeysinslot, .flags = GF_HOME | GF_STALE_OK,
        .arity = 3,
        .since = "3.0.0", .group = "cluster",
        .complexity = "O(N) in the number of keys of the slot's partition",
        .summary = "How many keys of the selected database are in a slot.",
        GF_ARGS({.name = "slot", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "GETKEYSINSLOT", .run = cluster_getkeysinslot, .flags = GF_HOME | GF_STALE_OK,
        .arity = 4,
        .since = "3.0.0", .group = "cluster",
        .complexity = "O(N) in the number of keys of the slot's partition",
        .summary = "Keys of the selected database that are in a slot.",
        .tips = "nondeterministic_output",
        GF_ARGS({.name = "slot", .type = GF_ARG_INTEGER},
                {.name = "count", .type = GF_ARG_INTEGER}),
    },
};

static const struct gf_command commands[] = {
    {
        .name = "CLUSTER", .arity = -2,
        .since = "3.0.0", .group = "cluster", .complexity = "As the subcommand's.",
        .summary = "The nodes, and who has which slots.",
        .subcommands = cluster_slot_subcommands,
        .subcommands_count = GF_COUNT(cluster_slot_subcommands),
    },
};
/* clang-format on */

const struct gf_module gf_cluster_slot_module = {
    .abi = GF_MODULE_ABI,
    .name = "cluster_slot",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
