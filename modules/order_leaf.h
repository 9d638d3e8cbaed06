/* A leaf of an ordered index (modules/order.h): some pairs in order, in one block.
 *
 *      0      8      16    18      20     22     24
 *   +------+------+-------+---------+------+------+--------+----------+- - - - -+--------+--------+
 *   | prev | next | count | capacity| used | gaps | slot 0 | slot 1 … |  free   | member | member |
 *   +------+------+-------+---------+------+------+--------+----------+- - - - -+--------+--------+
 *
 *   slot      score (8 bytes), and how far from the end of the block its member begins (2)
 *   member    its size (1 byte), its bytes; or 255 and a pointer to a struct gf_packed_far when it
 *             is longer than GF_ORDER_NEAR_MAX
 *
 * Slots are in the order of the pairs, members in the order in which they came. The bytes of a
 * member that went stay as a gap until somebody needs the room. A block grows and
 * shrinks with its content in steps of about an eighth: leaves are nine tenths full whatever the
 * order of insertion. Functions that may move a leaf return where it is.
 *
 * Used by order.c only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/assert.h"
#include "core/bytes.h"
#include "modules/order.h"
#include "modules/packed.h"

#define GF_ORDER_LEAF_MAX 1024u /* bytes of a leaf: what memmove does in some 20 ns */
#define GF_ORDER_FAR 255u       /* instead of a size: the member is elsewhere */

struct gf_order_slot {
    double score;
    uint16_t offset; /* from the end of the leaf back to the member */
} __attribute__((packed));

struct gf_order_leaf {
    struct gf_order_leaf *previous; /* NULL at the ends */
    struct gf_order_leaf *next;
    uint16_t count;
    uint16_t capacity; /* bytes of the whole block */
    uint16_t used;     /* bytes of members and gaps at its end */
    uint16_t gaps;     /* of them, bytes of no member */
    struct gf_order_slot slots[];
};

_Static_assert(offsetof(struct gf_order_leaf, slots) == 24, "as drawn");

/* A pair on its way into a leaf. */
struct gf_order_item {
    double score;
    struct gf_bytes member;    /* borrowed */
    struct gf_packed_far *far; /* borrowed; NULL for a short member */
};

/* gf_order_item_size - bytes of its member in a leaf. */
static inline uint32_t gf_order_item_size(const struct gf_order_item *item)
{
    return 1 + (item->far ? (uint32_t)sizeof(item->far) : (uint32_t)item->member.size);
}

/* gf_order_leaf_content - bytes in use. */
static inline uint32_t gf_order_leaf_content(const struct gf_order_leaf *leaf)
{
    return (uint32_t)offsetof(struct gf_order_leaf, slots) +
           leaf->count * (uint32_t)sizeof(struct gf_order_slot) + leaf->used - leaf->gaps;
}

/* gf_order_leaf_member - the member of a slot. */
static inline struct gf_bytes gf_order_leaf_member(const struct gf_order_leaf *leaf, uint32_t index)
{
    const char *data = (const char *)leaf + leaf->capacity - leaf->slots[index].offset;
    struct gf_packed_far *far;

    if (GF_LIKELY((uint8_t)*data != GF_ORDER_FAR))
        return (struct gf_bytes){.data = data + 1, .size = (uint8_t)*data};
    memcpy(&far, data + 1, sizeof(far));
    return (struct gf_bytes){.data = far->data, .size = far->size};
}

/* gf_order_leaf_create - an empty leaf behind `previous` in the list, NULL = the first. */
struct gf_order_leaf *gf_order_leaf_create(struct gf_order *order, struct gf_order_leaf *previous,
                                           uint32_t content);

/* gf_order_leaf_destroy - out of the list and freed. */
void gf_order_leaf_destroy(struct gf_order *order, struct gf_order_leaf *leaf);

/* gf_order_leaf_fit - a block of the right size for `content` bytes, unless it already is one. */
struct gf_order_leaf *gf_order_leaf_fit(struct gf_order *order, struct gf_order_leaf *leaf,
                                        uint32_t content);

/* gf_order_leaf_insert - there must be room. */
void gf_order_leaf_insert(struct gf_order_leaf *leaf, uint32_t index,
                          const struct gf_order_item *item);
void gf_order_leaf_remove(struct gf_order_leaf *leaf, uint32_t index);
/* gf_order_leaf_item - a pair as it can be inserted elsewhere; its member is in the leaf. */
struct gf_order_item gf_order_leaf_item(const struct gf_order_leaf *leaf, uint32_t index);

/* gf_order_leaf_split - the pairs from `index` on move to a new leaf behind this one. */
struct gf_order_leaf *gf_order_leaf_split(struct gf_order *order, struct gf_order_leaf *leaf,
                                          uint32_t index);

/* gf_order_leaf_join - the pairs of the next leaf move to this one; the next is freed. */
struct gf_order_leaf *gf_order_leaf_join(struct gf_order *order, struct gf_order_leaf *leaf);

/* gf_order_leaf_below - how many of its pairs are below the bound. */
uint32_t gf_order_leaf_below(const struct gf_order_leaf *leaf, const struct gf_order_bound *bound);

/* gf_order_leaf_check - the invariants of one leaf; adds what it occupies to *size. */
void gf_order_leaf_check(const struct gf_order_leaf *leaf, size_t *size);
