/* Integers in ascending order, each once, in as few bytes as the largest difference takes: what
 * small sets of integers are made of.
 *
 *     0        8       9
 *   +--------+-------+-------+-------+- - -+-------+
 *   |  base  | width | i - b | i - b |     | i - b |   `width` bytes each, low ones first
 *   +--------+-------+-------+-------+- - -+-------+
 *
 * base is no integer's larger one; integers are kept as their distance to it. There is no count:
 * the bytes' owner knows their size. The eight bytes of base in front are what lets an integer of
 * any width be read by one load that ends where it ends.
 */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/assert.h"
#include "core/bytes.h"

struct gf_block;

#define GF_INTS_HEAD 9                   /* bytes in front of the integers */
#define GF_INTS_ONE_SIZE (GF_INTS_HEAD + 1) /* bytes of a single one */

/* As they are read. */
struct gf_ints {
    const char *data; /* borrowed: the whole bytes */
    uint32_t count;
    uint32_t width; /* 1 .. 8 */
    int64_t base;
};

static inline struct gf_ints gf_ints_of(struct gf_bytes bytes)
{
    struct gf_ints ints = {.data = bytes.data, .width = (uint8_t)bytes.data[8]};

    memcpy(&ints.base, bytes.data, sizeof(ints.base));
    ints.count = (uint32_t)((bytes.size - GF_INTS_HEAD) / ints.width);
    return ints;
}

/* gf_ints_distance - of the index-th from base. */
static inline uint64_t gf_ints_distance(const struct gf_ints *ints, uint32_t index)
{
    const char *end = ints->data + GF_INTS_HEAD + (size_t)(index + 1) * ints->width;
    uint64_t bits;

    memcpy(&bits, end - sizeof(bits), sizeof(bits));
    return le64toh(bits) >> (64 - 8 * ints->width);
}

/* gf_ints_at - the index-th smallest; index < count. */
static inline int64_t gf_ints_at(const struct gf_ints *ints, uint32_t index)
{
    GF_ASSERT(index < ints->count);
    return (int64_t)((uint64_t)ints->base + gf_ints_distance(ints, index));
}

/* gf_ints_find - ret_index: where it is, or where it would have to be. */
bool gf_ints_find(const struct gf_ints *ints, int64_t number, uint32_t *ret_index);

/* gf_ints_one - a single integer; `room` has GF_INTS_ONE_SIZE bytes. */
struct gf_bytes gf_ints_one(char *room, int64_t number);

enum gf_ints_result {
    GF_INTS_ADDED,
    GF_INTS_PRESENT,
    GF_INTS_NO_MEMORY, /* nothing has changed */
};

/* gf_ints_add - to the bytes of a block. */
enum gf_ints_result gf_ints_add(struct gf_block *block, int64_t number);

/* gf_ints_remove - the index-th; none may be left, the head stays. */
void gf_ints_remove(struct gf_block *block, uint32_t index);

/* gf_ints_size - bytes that ascending integers take; count >= 1. */
size_t gf_ints_size(const int64_t *numbers, uint32_t count);
/* gf_ints_write - `room` has that many. */
void gf_ints_write(char *room, const int64_t *numbers, uint32_t count);

/* gf_ints_check - asserts every invariant. */
void gf_ints_check(struct gf_bytes bytes);
