/* The inner nodes of an ordered index: arrays of what is known about each child. */
#include "modules/order_inner.h"

#include "core/alloc.h"

#define CHILDREN_FEW 8u     /* less: worth joining */
#define CHILDREN_JOINED 24u /* no more after a join */
#define LEAF_FEW (GF_ORDER_LEAF_MAX / 4)
#define LEAF_JOINED (GF_ORDER_LEAF_MAX / 4 * 3)

struct gf_order_inner *gf_order_inner_create(struct gf_order *order)
{
    struct gf_order_inner *inner = gf_alloc(GF_MEMORY_DATA, sizeof(*inner));

    order->size += gf_alloc_size(inner);
    inner->count = 0;
    return inner;
}

void gf_order_inner_destroy(struct gf_order *order, struct gf_order_inner *inner)
{
    order->size -= gf_alloc_size(inner);
    gf_free(GF_MEMORY_DATA, inner);
}

void gf_order_inner_refresh(struct gf_order_inner *inner, uint32_t index, uint32_t level)
{
    if (level == 0) {
        struct gf_order_leaf *leaf = inner->children[index];

        inner->firsts[index] = leaf;
        inner->scores[index] = leaf->slots[0].score;
        inner->prefixes[index] = gf_order_prefix(gf_order_leaf_member(leaf, 0));
    } else {
        const struct gf_order_inner *child = inner->children[index];

        inner->firsts[index] = child->firsts[0];
        inner->scores[index] = child->scores[0];
        inner->prefixes[index] = child->prefixes[0];
    }
}

uint64_t gf_order_inner_sum(const struct gf_order_inner *inner, uint32_t count)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++)
        sum += inner->counts[i];
    return sum;
}

void gf_order_inner_set(struct gf_order_inner *inner, uint32_t index, uint32_t level, void *child)
{
    inner->children[index] = child;
    if (level == 0) {
        inner->counts[index] = ((struct gf_order_leaf *)child)->count;
    } else {
        const struct gf_order_inner *node = child;

        inner->counts[index] = gf_order_inner_sum(node, node->count);
    }
    gf_order_inner_refresh(inner, index, level);
}

/* Entries `from` to the end of a node move to `to_index` of another, or of the same one. */
static void inner_move(struct gf_order_inner *to, uint32_t to_index,
                       const struct gf_order_inner *node, uint32_t from)
{
    uint32_t count = node->count - from;

    GF_ASSERT(to_index + count <= GF_ORDER_CHILDREN_MAX + 1);
    memmove(&to->scores[to_index], &node->scores[from], count * sizeof(to->scores[0]));
    memmove(&to->prefixes[to_index], &node->prefixes[from], count * sizeof(to->prefixes[0]));
    memmove(&to->counts[to_index], &node->counts[from], count * sizeof(to->counts[0]));
    memmove(&to->firsts[to_index], &node->firsts[from], count * sizeof(to->firsts[0]));
    memmove(&to->children[to_index], &node->children[from], count * sizeof(to->children[0]));
}

void gf_order_inner_add(struct gf_order_inner *inner, uint32_t index, uint32_t level, void *child)
{
    inner_move(inner, index + 2, inner, index + 1);
    inner->count++;
    gf_order_inner_set(inner, index, level, inner->children[index]);
    gf_order_inner_set(inner, index + 1, level, child);
}

static void inner_remove(struct gf_order_inner *inner, uint32_t index)
{
    inner_move(inner, index, inner, index + 1);
    inner->count--;
}

static bool inner_is_below(const struct gf_order_inner *inner, uint32_t index,
                           const struct gf_order_bound *bound, uint64_t prefix)
{
    if (bound->by_score && inner->scores[index] != bound->score)
        return inner->scores[index] < bound->score;
    if (!bound->by_member)
        return bound->after;
    if (inner->prefixes[index] != prefix)
        return inner->prefixes[index] < prefix;
    return gf_order_bound_compare(inner->scores[index],
                                  gf_order_leaf_member(inner->firsts[index], 0), bound) < 0;
}

uint32_t gf_order_inner_find(const struct gf_order_inner *inner, const struct gf_order_bound *bound,
                             uint64_t prefix)
{
    uint32_t low = 1;
    uint32_t high = inner->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (inner_is_below(inner, middle, bound, prefix))
            low = middle + 1;
        else
            high = middle;
    }
    return low - 1;
}

struct gf_order_inner *gf_order_inner_split(struct gf_order *order, struct gf_order_inner *inner,
                                            uint32_t index)
{
    struct gf_order_inner *right = gf_order_inner_create(order);

    inner_move(right, 0, inner, index);
    right->count = inner->count - index;
    inner->count = index;
    return right;
}

bool gf_order_inner_join(struct gf_order *order, struct gf_order_inner *inner, uint32_t left,
                         uint32_t level)
{
    if (level == 0) {
        struct gf_order_leaf *leaf = inner->children[left];
        uint32_t content = gf_order_leaf_content(leaf) + gf_order_leaf_content(leaf->next);

        if (content > LEAF_JOINED)
            return false;
        inner->children[left] = gf_order_leaf_join(order, leaf);
    } else {
        struct gf_order_inner *node = inner->children[left];
        struct gf_order_inner *right = inner->children[left + 1];

        if (node->count + right->count > CHILDREN_JOINED)
            return false;
        inner_move(node, node->count, right, 0);
        node->count += right->count;
        gf_order_inner_destroy(order, right);
    }
    inner->counts[left] += inner->counts[left + 1];
    inner_remove(inner, left + 1);
    gf_order_inner_refresh(inner, left, level);
    return true;
}

bool gf_order_inner_drop_empty(struct gf_order *order, struct gf_order_inner *inner, uint32_t index,
                               uint32_t level)
{
    if (level == 0) {
        struct gf_order_leaf *leaf = inner->children[index];

        if (leaf->count > 0)
            return false;
        gf_order_leaf_destroy(order, leaf);
    } else {
        struct gf_order_inner *node = inner->children[index];

        if (node->count > 0)
            return false;
        gf_order_inner_destroy(order, node);
    }
    inner_remove(inner, index);
    return true;
}

bool gf_order_inner_is_small(const struct gf_order_inner *inner, uint32_t index, uint32_t level)
{
    if (level == 0)
        return gf_order_leaf_content(inner->children[index]) < LEAF_FEW;
    return ((const struct gf_order_inner *)inner->children[index])->count < CHILDREN_FEW;
}
