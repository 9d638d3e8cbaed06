/* Fields in one block. */
#include "modules/hashes_packed.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"

/* The head. */

static void count_set(struct gf_hash_packed *packed, uint32_t count)
{
    uint16_t narrow = (uint16_t)count;

    GF_ASSERT(count <= UINT16_MAX);
    memcpy(packed->block.data, &narrow, sizeof(narrow));
}

static void first_expire_set(struct gf_hash_packed *packed, uint64_t first_ms)
{
    GF_ASSERT(packed->expiring);
    memcpy(packed->block.data + sizeof(uint16_t), &first_ms, sizeof(first_ms));
}

/* A field goes at `expire_ms`, 0 = never. */
static void first_expire_note(struct gf_hash_packed *packed, uint64_t expire_ms)
{
    if (expire_ms != 0 && expire_ms < gf_hash_packed_first_expire(packed))
        first_expire_set(packed, expire_ms);
}

bool gf_hash_packed_init(struct gf_hash_packed *packed, bool expiring)
{
    *packed = (struct gf_hash_packed){.expiring = expiring};
    if (!gf_block_splice(&packed->block, 0, 0, gf_hash_packed_head_size(expiring)))
        return false;
    count_set(packed, 0);
    if (expiring)
        first_expire_set(packed, UINT64_MAX);
    return true;
}

uint32_t gf_hash_packed_count(const struct gf_hash_packed *packed)
{
    uint16_t count;

    memcpy(&count, packed->block.data, sizeof(count));
    return count;
}

uint64_t gf_hash_packed_first_expire(const struct gf_hash_packed *packed)
{
    uint64_t first_ms;

    if (!packed->expiring)
        return UINT64_MAX;
    memcpy(&first_ms, packed->block.data + sizeof(uint16_t), sizeof(first_ms));
    return first_ms;
}

/* Finding. */

bool gf_hash_packed_find(const struct gf_hash_packed *packed, const struct gf_packed_draft *field,
                         size_t *ret_offset)
{
    size_t head_size = gf_hash_packed_head_size(packed->expiring);
    struct gf_bytes run = {.data = packed->block.data + head_size,
                           .size = packed->block.size - head_size};
    const char *at = gf_packed_find(run, field, packed->expiring ? 3 : 2);

    *ret_offset = at ? (size_t)(at - packed->block.data) : packed->block.size;
    return at != NULL;
}

size_t gf_hash_packed_read(const struct gf_hash_packed *packed, size_t offset,
                           struct gf_dict_entry *ret_entry)
{
    const char *at = packed->block.data + offset;
    struct gf_packed_view expiry;

    at = gf_packed_read(at, &ret_entry->key);
    at = gf_packed_read(at, &ret_entry->value);
    ret_entry->expire_ms = 0;
    if (packed->expiring) {
        at = gf_packed_read(at, &expiry);
        ret_entry->expire_ms = (uint64_t)expiry.number;
    }
    return (size_t)(at - packed->block.data);
}

/* Changing. */

bool gf_hash_packed_append(struct gf_hash_packed *packed, const struct gf_packed_draft *field,
                           const struct gf_packed_draft *value, uint64_t expire_ms)
{
    struct gf_packed_draft expiry;
    size_t size = gf_packed_draft_size(field) + gf_packed_draft_size(value);
    char *at;

    GF_ASSERT(expire_ms == 0 || packed->expiring);
    if (packed->expiring) {
        expiry = gf_packed_draft_int((int64_t)expire_ms);
        size += gf_packed_draft_size(&expiry);
    }
    at = gf_block_splice(&packed->block, packed->block.size, 0, size);
    if (!at)
        return false;
    at = gf_packed_write(at, field);
    at = gf_packed_write(at, value);
    if (packed->expiring) {
        gf_packed_write(at, &expiry);
        first_expire_note(packed, expire_ms);
    }
    count_set(packed, gf_hash_packed_count(packed) + 1);
    return true;
}

bool gf_hash_packed_change(struct gf_hash_packed *packed, size_t offset,
                           const struct gf_packed_draft *value, uint64_t expire_ms)
{
    struct gf_packed_draft expiry;
    const char *old = gf_packed_next(packed->block.data + offset);
    size_t old_size = (size_t)(gf_packed_skip(old, packed->expiring ? 2 : 1) - old);
    size_t size = gf_packed_draft_size(value);
    char *at;

    GF_ASSERT(expire_ms == 0 || packed->expiring);
    if (packed->expiring) {
        expiry = gf_packed_draft_int((int64_t)expire_ms);
        size += gf_packed_draft_size(&expiry);
    }
    at = gf_block_splice(&packed->block, (size_t)(old - packed->block.data), old_size, size);
    if (!at)
        return false;
    at = gf_packed_write(at, value);
    if (packed->expiring) {
        gf_packed_write(at, &expiry);
        first_expire_note(packed, expire_ms);
    }
    return true;
}

bool gf_hash_packed_set_expire(struct gf_hash_packed *packed, size_t offset, uint64_t expire_ms)
{
    struct gf_packed_draft expiry = gf_packed_draft_int((int64_t)expire_ms);
    const char *at = gf_packed_skip(packed->block.data + offset, 2);

    GF_ASSERT(packed->expiring);
    if (!gf_packed_replace(&packed->block, (size_t)(at - packed->block.data), &expiry))
        return false;
    first_expire_note(packed, expire_ms);
    return true;
}

bool gf_hash_packed_make_expiring(struct gf_hash_packed *packed)
{
    size_t from = gf_hash_packed_head_size(false);
    uint32_t count = gf_hash_packed_count(packed);
    size_t size = packed->block.size - from;
    char *old = gf_alloc_try(GF_MEMORY_OTHER, size);
    const char *at = old;
    char *to;

    GF_ASSERT(!packed->expiring);
    if (!old)
        return false;
    memcpy(old, packed->block.data + from, size);
    to = gf_block_splice(&packed->block, from, size, sizeof(uint64_t) + size + count);
    if (to) {
        packed->expiring = true;
        first_expire_set(packed, UINT64_MAX);
        to += sizeof(uint64_t);
        for (uint32_t i = 0; i < count; i++) {
            const char *next = gf_packed_skip(at, 2);

            memcpy(to, at, (size_t)(next - at));
            to += next - at;
            *to++ = (char)GF_PACKED_INT_FIRST; /* the integer 0 */
            at = next;
        }
    }
    gf_free(GF_MEMORY_OTHER, old);
    return to != NULL;
}

void gf_hash_packed_remove(struct gf_hash_packed *packed, size_t offset)
{
    uint32_t count = gf_hash_packed_count(packed);

    GF_ASSERT(count > 0);
    count_set(packed, count - 1);
    gf_packed_remove(&packed->block, offset, packed->expiring ? 3 : 2);
}

uint32_t gf_hash_packed_purge(struct gf_hash_packed *packed, uint64_t now_ms)
{
    size_t offset = gf_hash_packed_head_size(packed->expiring);
    uint64_t first_ms = UINT64_MAX;
    uint32_t purged = 0;

    if (gf_hash_packed_first_expire(packed) > now_ms)
        return 0;
    while (offset < packed->block.size) {
        struct gf_dict_entry entry;
        size_t next = gf_hash_packed_read(packed, offset, &entry);

        if (entry.expire_ms != 0 && entry.expire_ms <= now_ms) {
            gf_hash_packed_remove(packed, offset);
            purged++;
            continue;
        }
        if (entry.expire_ms != 0 && entry.expire_ms < first_ms)
            first_ms = entry.expire_ms;
        offset = next;
    }
    first_expire_set(packed, first_ms);
    return purged;
}
