/* Planning a command with several keys. */
#include "shards/plan.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/keyspace.h"
#include "modules/registry.h"
#include "modules/scan.h"
#include "shards/multi.h"
#include "shards/request.h"
#include "shards/server.h"
#include "shards/worker.h"

void gf_plan_init(struct gf_plan *plan, const struct gf_worker *worker,
                  const struct gf_command *command)
{
    plan->worker = worker;
    plan->command = command;
    plan->one_core = false;
    plan->cores_count = 0;
    plan->core = 0;
    plan->first_partition = 0;
    plan->first_hash = 0;
    plan->keys_count = 0;
    plan->partitions_count = 0;
    plan->key_words = plan->key_words_inside;
    plan->partitions = plan->partitions_inside;
    plan->hashes = plan->hashes_inside;
    plan->hashed = false;
    plan->words = NULL;
    memset(plan->cores, 0, sizeof(plan->cores));
}

void gf_plan_deinit(struct gf_plan *plan)
{
    if (plan->key_words != plan->key_words_inside)
        gf_free(GF_MEMORY_OTHER, plan->key_words);
    if (plan->partitions != plan->partitions_inside)
        gf_free(GF_MEMORY_OTHER, plan->partitions);
    if (plan->hashes != plan->hashes_inside)
        gf_free(GF_MEMORY_OTHER, plan->hashes);
}

void gf_plan_reserve(struct gf_plan *plan, uint32_t count)
{
    if (count <= GF_PLAN_KEYS_INSIDE)
        return;
    plan->key_words = gf_alloc(GF_MEMORY_OTHER, count * sizeof(*plan->key_words));
    plan->partitions = gf_alloc(GF_MEMORY_OTHER, count * sizeof(*plan->partitions));
}

static void plan_add(struct gf_plan *plan, uint32_t partition)
{
    uint16_t core = plan->worker->server->router.owners[partition];

    plan->partitions[plan->partitions_count++] = (uint16_t)partition;
    if (!plan->cores[core]) {
        plan->cores[core] = 1;
        plan->cores_count++;
        plan->core = core;
    }
}

void gf_plan_add_once(struct gf_plan *plan, uint16_t partition, uint8_t *seen)
{
    uint8_t bit = (uint8_t)(1u << (partition % 8));

    if (seen[partition / 8] & bit)
        return;
    seen[partition / 8] |= bit;
    plan_add(plan, partition);
}

void gf_plan_reserve_keys(struct gf_plan *plan, uint32_t count)
{
    gf_plan_reserve(plan, count);
    plan->hashed = true;
    if (count > GF_PLAN_KEYS_INSIDE)
        plan->hashes = gf_alloc(GF_MEMORY_OTHER, count * sizeof(*plan->hashes));
}

void gf_plan_add_key(struct gf_plan *plan, uint16_t partition, uint64_t hash)
{
    GF_ASSERT(plan->hashed);
    plan->hashes[plan->keys_count++] = hash;
    plan_add(plan, partition);
}

/* One core's client: the partitions of this core. */
static void plan_owned(struct gf_plan *plan)
{
    const struct gf_worker *worker = plan->worker;

    for (uint32_t i = 0; i < worker->owned_count; i++)
        plan_add(plan, worker->owned[i]);
}

/* A cursor that is none, or of a partition that does not exist, is for the command to refuse. */
static void plan_cursor(struct gf_plan *plan, struct gf_bytes word)
{
    const struct gf_router *router = &plan->worker->server->router;
    uint64_t cursor = 0;
    uint32_t place;

    (void)gf_scan_cursor_parse(word, &cursor);
    place = gf_scan_cursor_place(cursor);
    if (place >= router->partitions_count)
        place = 0;
    while (plan->one_core && place < router->partitions_count &&
           router->owners[router->order[place]] != plan->worker->core->id)
        place++;
    if (place < router->partitions_count)
        plan_add(plan, router->order[place]);
    else
        plan_add(plan, plan->worker->owned[0]); /* behind its last: SCAN finds that it is over */
    plan->first_partition = plan->partitions[0];
}

/* A request that may look up any key: all partitions, though it has keys. */
static void plan_more(struct gf_plan *plan, const struct gf_bytes *words)
{
    const struct gf_server *server = plan->worker->server;
    struct gf_bytes first = words[plan->command->key_first];

    gf_plan_reserve(plan, server->router.partitions_count);
    for (uint32_t p = 0; p < server->router.partitions_count; p++)
        plan_add(plan, p);
    plan->first_partition = (uint16_t)gf_router_partition(&server->router, first);
    plan->first_hash = gf_keyspace_hash(server->hash_seed, first);
}

bool gf_plan_keys(struct gf_plan *plan, const struct gf_bytes *words, uint32_t count)
{
    const struct gf_server *server = plan->worker->server;
    const struct gf_command *command = plan->command;

    if (command->flags & GF_ALL_KEYS) {
        gf_plan_reserve(plan, server->router.partitions_count);
        if (plan->one_core && (command->flags & GF_READ)) {
            plan_owned(plan);
        } else {
            for (uint32_t p = 0; p < server->router.partitions_count; p++)
                plan_add(plan, p);
        }
        plan->first_partition = plan->partitions[0];
        return true;
    }
    if (command->flags & GF_CURSOR) {
        plan_cursor(plan, words[1]);
        return true;
    }
    if (GF_UNLIKELY(command->finds_more != NULL) && command->finds_more(words, count)) {
        plan_more(plan, words);
        return true;
    }
    plan->words = words;
    gf_plan_reserve(plan, count);
    plan->keys_count = gf_command_keys(command, words, count, plan->key_words, count);
    if (plan->keys_count == 0)
        return false;
    if (command->merge != GF_MERGE_NONE &&
        (count - (uint32_t)command->key_first) % (uint32_t)command->key_step != 0)
        return false;
    for (uint32_t i = 0; i < plan->keys_count; i++)
        plan_add(plan, gf_router_partition(&server->router, words[plan->key_words[i]]));
    plan->first_partition = plan->partitions[0];
    plan->first_hash = gf_keyspace_hash(server->hash_seed, words[plan->key_words[0]]);
    return true;
}

const uint64_t *gf_plan_hashes(struct gf_plan *plan)
{
    uint64_t seed = plan->worker->server->hash_seed;

    if (plan->keys_count == 0)
        return NULL;
    if (plan->hashed)
        return plan->hashes;
    plan->hashed = true;
    if (plan->keys_count > GF_PLAN_KEYS_INSIDE)
        plan->hashes = gf_alloc(GF_MEMORY_OTHER, plan->keys_count * sizeof(*plan->hashes));
    for (uint32_t i = 0; i < plan->keys_count; i++)
        plan->hashes[i] = gf_keyspace_hash(seed, plan->words[plan->key_words[i]]);
    return plan->hashes;
}

bool gf_plan_is_free(struct gf_plan *plan, const struct gf_locks *locks)
{
    if (GF_LIKELY(gf_locks_idle(locks)))
        return true;
    struct gf_claim claim = {
        .partitions = plan->partitions,
        .hashes = gf_plan_hashes(plan),
        .count = plan->partitions_count,
        .names = gf_command_sees_names(plan->command),
    };

    return gf_locks_would(locks, &claim);
}

/* Numbers the cores that take part, ascending; returns part index by core. */
static void parts_number(const struct gf_plan *plan, struct gf_part *parts, uint16_t *ret_index)
{
    uint16_t next = 0;

    for (uint32_t core = 0; core < GF_CORES_MAX; core++) {
        if (!plan->cores[core])
            continue;
        parts[next].core = (uint16_t)core;
        ret_index[core] = next++;
    }
    GF_ASSERT(next == plan->cores_count);
}

/* Each part's partitions, once each; they lie one part behind the other in `room`. */
static void parts_take_partitions(const struct gf_plan *plan, struct gf_part *parts,
                                  const uint16_t *index, uint16_t *room)
{
    const uint16_t *owners = plan->worker->server->router.owners;
    uint8_t seen[GF_PARTITIONS_MAX / 8] = {0};

    for (uint32_t i = 0; i < plan->partitions_count; i++)
        parts[index[owners[plan->partitions[i]]]].partitions_count++;
    for (uint32_t i = 0; i < plan->cores_count; i++) {
        parts[i].partitions = room;
        room += parts[i].partitions_count;
        parts[i].partitions_count = 0;
    }
    for (uint32_t i = 0; i < plan->partitions_count; i++) {
        uint16_t partition = plan->partitions[i];
        struct gf_part *part = &parts[index[owners[partition]]];

        if (seen[partition / 8] & (1u << (partition % 8)))
            continue;
        seen[partition / 8] |= (uint8_t)(1u << (partition % 8));
        part->partitions[part->partitions_count++] = partition;
    }
}

/* Each part's keys, in their order: where they are, and their hashes. */
static void parts_take_keys(struct gf_plan *plan, struct gf_part *parts, const uint32_t *key_parts,
                            uint64_t *hashes, uint16_t *room)
{
    const uint64_t *all = gf_plan_hashes(plan);

    for (uint32_t i = 0; i < plan->keys_count; i++)
        parts[key_parts[i]].keys_count++;
    for (uint32_t i = 0; i < plan->cores_count; i++) {
        parts[i].key_hashes = hashes;
        parts[i].key_partitions = room;
        hashes += parts[i].keys_count;
        room += parts[i].keys_count;
        parts[i].keys_count = 0;
    }
    for (uint32_t i = 0; i < plan->keys_count; i++) {
        struct gf_part *part = &parts[key_parts[i]];

        part->key_hashes[part->keys_count] = all[i];
        part->key_partitions[part->keys_count++] = plan->partitions[i];
    }
}

/* Each part's words: the command's name, and key_step words for each of its keys. */
static void parts_take_words(const struct gf_plan *plan, const struct gf_request *request,
                             struct gf_part *parts, const uint32_t *key_parts,
                             struct gf_bytes *room)
{
    uint32_t step = (uint32_t)plan->command->key_step;

    for (uint32_t i = 0; i < plan->keys_count; i++)
        parts[key_parts[i]].words_count += step;
    for (uint32_t i = 0; i < plan->cores_count; i++) {
        parts[i].words = room;
        room += parts[i].words_count + 1;
        parts[i].words[0] = request->words[0];
        parts[i].words_count = 1;
    }
    for (uint32_t i = 0; i < plan->keys_count; i++) {
        struct gf_part *part = &parts[key_parts[i]];

        for (uint32_t k = 0; k < step; k++)
            part->words[part->words_count++] = request->words[plan->key_words[i] + k];
    }
}

void *gf_plan_parts(struct gf_plan *plan, const struct gf_request *request,
                    struct gf_part *parts, uint32_t **ret_key_parts)
{
    bool split = plan->command->merge != GF_MERGE_NONE && plan->keys_count > 0;
    uint32_t words_count =
        split ? plan->keys_count * (uint32_t)plan->command->key_step + plan->cores_count : 0;
    size_t keys_size = plan->keys_count * (sizeof(uint64_t) + sizeof(uint32_t) + sizeof(uint16_t));
    struct gf_bytes *words =
        gf_alloc(GF_MEMORY_OTHER, words_count * sizeof(struct gf_bytes) + keys_size +
                                      plan->partitions_count * sizeof(uint16_t));
    uint64_t *hashes = (uint64_t *)(void *)(words + words_count);
    uint32_t *key_parts = (uint32_t *)(void *)(hashes + plan->keys_count);
    uint16_t *key_partitions = (uint16_t *)(void *)(key_parts + plan->keys_count);
    uint16_t *partitions = key_partitions + plan->keys_count;
    const uint16_t *owners = plan->worker->server->router.owners;
    uint16_t index[GF_CORES_MAX];

    parts_number(plan, parts, index);
    for (uint32_t i = 0; i < plan->keys_count; i++)
        key_parts[i] = index[owners[plan->partitions[i]]];
    parts_take_partitions(plan, parts, index, partitions);
    if (plan->keys_count > 0)
        parts_take_keys(plan, parts, key_parts, hashes, key_partitions);
    if (split) {
        parts_take_words(plan, request, parts, key_parts, words);
    } else {
        for (uint32_t i = 0; i < plan->cores_count; i++) {
            parts[i].words = request->words;
            parts[i].words_count = request->words_count;
        }
    }
    *ret_key_parts = key_parts;
    return words;
}
