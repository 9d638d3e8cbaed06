/* An inner node of an ordered index (modules/order.h): up to 31 children, and for each of them what
 * a search needs, in arrays: a child is chosen by scores and prefixes alone, most of the time.
 *
 * level      0: the children are leaves (order_leaf.h); else inner nodes
 * index      of a child, below `count`
 *
 * What the nodes at the left edge of the tree say of the first pair of child 0 may be out of date:
 * no search looks at it, and it would change with every pair taken from that end.
 *
 * Used by order.c only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "modules/order.h"
#include "modules/order_leaf.h"

#define GF_ORDER_CHILDREN_MAX 31u /* an inner node and its spare place are 1288 bytes */

/* What a node knows about its children: entry i is about child i. One place is spare, for the child
 * too many before a split. */
struct gf_order_inner {
    uint32_t count;
    double scores[GF_ORDER_CHILDREN_MAX + 1];                /* of the child's first pair */
    uint64_t prefixes[GF_ORDER_CHILDREN_MAX + 1];            /* gf_order_prefix of its member */
    uint64_t counts[GF_ORDER_CHILDREN_MAX + 1];              /* pairs below the child */
    struct gf_order_leaf *firsts[GF_ORDER_CHILDREN_MAX + 1]; /* the leaf with its first pair */
    void *children[GF_ORDER_CHILDREN_MAX + 1];
};

/* gf_order_prefix - the first 8 bytes of a member, big end first: two members with different
 * prefixes are ordered as those are. */
static inline uint64_t gf_order_prefix(struct gf_bytes member)
{
    uint64_t prefix = 0;

    if (member.size > 0)
        memcpy(&prefix, member.data, member.size < sizeof(prefix) ? member.size : sizeof(prefix));
    return __builtin_bswap64(prefix); /* little-endian machines, as everywhere */
}

struct gf_order_inner *gf_order_inner_create(struct gf_order *order);
/* gf_order_inner_destroy - the node, not its children. */
void gf_order_inner_destroy(struct gf_order *order, struct gf_order_inner *inner);

/* gf_order_inner_refresh - the entry of a child says what its first pair is. */
void gf_order_inner_refresh(struct gf_order_inner *inner, uint32_t index, uint32_t level);
/* gf_order_inner_set - the whole entry. */
void gf_order_inner_set(struct gf_order_inner *inner, uint32_t index, uint32_t level, void *child);
/* gf_order_inner_add - one more child, behind the one at `index`, whose entry is set anew; count
 * may be one more than GF_ORDER_CHILDREN_MAX then. */
void gf_order_inner_add(struct gf_order_inner *inner, uint32_t index, uint32_t level, void *child);

/* gf_order_inner_sum - pairs below the first `count` children. */
uint64_t gf_order_inner_sum(const struct gf_order_inner *inner, uint32_t count);

/* gf_order_inner_find - the last child whose first pair is below the bound: the first pair that is
 * not below it is in there, or right behind it. The first child when there is none.
 *
 * prefix     of the bound's member
 */
uint32_t gf_order_inner_find(const struct gf_order_inner *inner, const struct gf_order_bound *bound,
                             uint64_t prefix);

/* gf_order_inner_split - the children from `index` on as another node. */
struct gf_order_inner *gf_order_inner_split(struct gf_order *order, struct gf_order_inner *inner,
                                            uint32_t index);

/* gf_order_inner_is_small - is a child worth joining with a neighbour?
 * gf_order_inner_join - children `left` and the one behind it become one where both are small
 * enough; true when they did. */
bool gf_order_inner_is_small(const struct gf_order_inner *inner, uint32_t index, uint32_t level);
bool gf_order_inner_join(struct gf_order *order, struct gf_order_inner *inner, uint32_t left,
                         uint32_t level);
/* gf_order_inner_drop_empty - the child is gone when it has become empty; true when it was. */
bool gf_order_inner_drop_empty(struct gf_order *order, struct gf_order_inner *inner, uint32_t index,
                               uint32_t level);
