/* A small hash: one block with its fields in the order in which they came.
 *
 *   0           2                     [10]
 *   +-----------+---------------------+-------+-------+----------+-------+-----
 *   | count (2) | [first_expire_ms]   | field | value | [expiry] | field | …
 *   +-----------+---------------------+-------+-------+----------+-------+-----
 *
 *   count            fields, those whose time has come included
 *   first_expire_ms  8 bytes, when `expiring`: no field's time comes before; UINT64_MAX: none
 *   field, value     packed values (modules/packed.h)
 *   expiry           a packed integer, when `expiring`: expire_ms, 0 = never
 *
 * Whether it is `expiring` is said elsewhere (the object's encoding). Nothing here hides a field
 * whose time has come.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "modules/block.h"
#include "modules/dict.h"

#define GF_HASH_PACKED_COUNT_MAX 512u
#define GF_HASH_PACKED_SIZE_MAX 65536u

struct gf_hash_packed {
    struct gf_block block; /* at least the head of an empty one */
    bool expiring;
};

/* gf_hash_packed_head_size - bytes in front of the first field. */
static inline size_t gf_hash_packed_head_size(bool expiring)
{
    return expiring ? sizeof(uint16_t) + sizeof(uint64_t) : sizeof(uint16_t);
}

/* gf_hash_packed_init - an empty one in a block of its own. False when there is no memory. */
bool gf_hash_packed_init(struct gf_hash_packed *packed, bool expiring);

uint32_t gf_hash_packed_count(const struct gf_hash_packed *packed);
/* gf_hash_packed_first_expire - UINT64_MAX when it is not `expiring`. */
uint64_t gf_hash_packed_first_expire(const struct gf_hash_packed *packed);

/* gf_hash_packed_find - ret_offset: where it is, or the end when it is not there. */
bool gf_hash_packed_find(const struct gf_hash_packed *packed, const struct gf_packed_draft *field,
                         size_t *ret_offset);

/* gf_hash_packed_read - the field at an offset; returns the next one's. */
size_t gf_hash_packed_read(const struct gf_hash_packed *packed, size_t offset,
                           struct gf_dict_entry *ret_entry);

/* The following return false when there is no memory; nothing has changed then. */

/* gf_hash_packed_append - a field that is not there. */
bool gf_hash_packed_append(struct gf_hash_packed *packed, const struct gf_packed_draft *field,
                           const struct gf_packed_draft *value, uint64_t expire_ms);
/* gf_hash_packed_change - other things behind the field at an offset. */
bool gf_hash_packed_change(struct gf_hash_packed *packed, size_t offset,
                           const struct gf_packed_draft *value, uint64_t expire_ms);
/* gf_hash_packed_set_expire - of the field at an offset; it must be `expiring`. */
bool gf_hash_packed_set_expire(struct gf_hash_packed *packed, size_t offset, uint64_t expire_ms);
/* gf_hash_packed_make_expiring - the same fields, which never expire so far. */
bool gf_hash_packed_make_expiring(struct gf_hash_packed *packed);

/* gf_hash_packed_remove - the field at an offset is gone. */
void gf_hash_packed_remove(struct gf_hash_packed *packed, size_t offset);

/* gf_hash_packed_purge - remove the fields with expire_ms <= now_ms. Returns how many. */
uint32_t gf_hash_packed_purge(struct gf_hash_packed *packed, uint64_t now_ms);
