/* Which partitions and cores a command with several keys needs.
 *
 * Made and dropped while the command is dispatched; it borrows the words.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"
#include "modules/module.h"
#include "shards/lock.h"

struct gf_part;
struct gf_request;
struct gf_worker;

#define GF_PLAN_KEYS_INSIDE 64 /* keys without an allocation */

struct gf_plan {
    const struct gf_worker *worker;
    const struct gf_command *command;
    bool one_core;               /* its client reads this core's keys only (cluster.h)    */
    uint32_t cores_count;       /* cores that own a partition of it; 1 or more            */
    uint16_t core;              /* the only one, when cores_count is 1                    */
    uint16_t first_partition;   /* of the first key, or of the cursor                     */
    uint64_t first_hash;        /* of the first key                                       */
    uint32_t keys_count;        /* 0 for commands over all keys                           */
    uint32_t *key_words;        /* word index of each key; inside or owned                */
    uint16_t *partitions;       /* of each key, repeats included; or all of them; inside
                                   or owned                                               */
    uint32_t partitions_count;
    uint64_t *hashes;           /* of each key, when they were asked for; inside or owned */
    bool hashed;                /* ... they were                                          */
    const struct gf_bytes *words; /* of the request; borrowed                             */
    uint8_t cores[GF_CORES_MAX]; /* 1 = has a part in it                                  */
    uint32_t key_words_inside[GF_PLAN_KEYS_INSIDE];
    uint16_t partitions_inside[GF_PLAN_KEYS_INSIDE];
    uint64_t hashes_inside[GF_PLAN_KEYS_INSIDE];
};

void gf_plan_init(struct gf_plan *plan, const struct gf_worker *worker,
                  const struct gf_command *command);
void gf_plan_deinit(struct gf_plan *plan);

/* gf_plan_keys - find them. false: there are none where the row looks for them, or (of a command
 * that could be split) not in whole steps: the request is broken. */
bool gf_plan_keys(struct gf_plan *plan, const struct gf_bytes *words, uint32_t count);

/* gf_plan_reserve - room for `count` partitions, before the first is added.
 * gf_plan_add_once - one partition more, unless its bit is set in `seen` (of GF_PARTITIONS_MAX). */
void gf_plan_reserve(struct gf_plan *plan, uint32_t count);
void gf_plan_add_once(struct gf_plan *plan, uint16_t partition, uint8_t *seen);

/* gf_plan_reserve_keys - the same for keys that are not words of a request.
 * gf_plan_add_key - one key more; named twice is fine. */
void gf_plan_reserve_keys(struct gf_plan *plan, uint32_t count);
void gf_plan_add_key(struct gf_plan *plan, uint16_t partition, uint64_t hash);

/* gf_plan_hashes - of the keys, one for each of plan->partitions; NULL: it needs whole
 * partitions. */
const uint64_t *gf_plan_hashes(struct gf_plan *plan);

/* gf_plan_is_free - on the only core: nothing of it is locked or waited for. */
bool gf_plan_is_free(struct gf_plan *plan, const struct gf_locks *locks);

/* gf_command_sees_names - it looks at which keys there are, and not at what they hold. */
static inline bool gf_command_sees_names(const struct gf_command *command)
{
    return (command->flags & GF_CURSOR) != 0 ||
           ((command->flags & (GF_ALL_KEYS | GF_READ)) == (GF_ALL_KEYS | GF_READ) &&
            command->merge != GF_MERGE_XOR);
}

/* gf_plan_parts - one part per core, ascending: core, partitions, keys, words (views into
 * request's).
 *
 * parts          cores_count zeroed ones
 * ret_key_parts  part of the i-th key; in the block, too
 * Returns        the block they live in, gf_alloc'd (OTHER); the caller owns it
 */
void *gf_plan_parts(struct gf_plan *plan, const struct gf_request *request,
                    struct gf_part *parts, uint32_t **ret_key_parts);
