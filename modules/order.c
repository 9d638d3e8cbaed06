/* The tree over the leaves of an ordered index: what goes down and up along its paths.
 *
 * A change goes down from the root along a path, changes the leaf, and comes back up along the path
 * to bring the entries of the nodes up to date: counts, first pairs, addresses of leaves that
 * moved. A full leaf is split before the pair goes in, and an inner node right after it got one
 * child too many. A pair at the very end (or beginning) splits off just one neighbour, so scores
 * that only grow leave full leaves behind. Nodes that became small are joined with a neighbour
 * under the same parent when both fit in three quarters of one; so neighbours never are both small.
 */
#include "modules/order.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/order_inner.h"
#include "modules/order_leaf.h"

#define HEIGHT_MAX 24u /* 2^64 pairs need less */

/* One level of a way down: a node, and which child. */
struct step {
    struct gf_order_inner *inner;
    uint32_t index;
};

struct path {
    struct step steps[HEIGHT_MAX]; /* [0] is right above the leaf */
    struct gf_order_leaf *leaf;
};

int gf_order_bound_compare(double score, struct gf_bytes member, const struct gf_order_bound *bound)
{
    if (bound->by_score && score != bound->score)
        return score < bound->score ? -1 : 1;
    if (bound->by_member) {
        int order = gf_bytes_compare(member, bound->member);

        if (order != 0)
            return order;
    }
    return bound->after ? -1 : 1;
}

/* The way to the leaf where a pair is, or would be. */
static void path_find(const struct gf_order *order, const struct gf_order_bound *bound,
                      struct path *ret_path)
{
    uint64_t prefix = gf_order_prefix(bound->member);
    void *node = order->root;

    GF_ASSERT(order->height <= HEIGHT_MAX);
    for (uint32_t level = order->height; level-- > 0;) {
        struct gf_order_inner *inner = node;
        uint32_t index = gf_order_inner_find(inner, bound, prefix);

        ret_path->steps[level] = (struct step){.inner = inner, .index = index};
        node = inner->children[index];
    }
    ret_path->leaf = node;
}

/* The way to the pair with that rank; returns its index in the leaf. */
static uint32_t path_find_rank(const struct gf_order *order, uint64_t rank, struct path *ret_path)
{
    void *node = order->root;

    GF_ASSERT(rank < order->count);
    for (uint32_t level = order->height; level-- > 0;) {
        struct gf_order_inner *inner = node;
        uint32_t index = 0;

        while (rank >= inner->counts[index])
            rank -= inner->counts[index++];
        ret_path->steps[level] = (struct step){.inner = inner, .index = index};
        node = inner->children[index];
    }
    ret_path->leaf = node;
    return (uint32_t)rank;
}

static void path_count(const struct gf_order *order, struct path *path, uint64_t change)
{
    for (uint32_t level = 0; level < order->height; level++)
        path->steps[level].inner->counts[path->steps[level].index] += change;
}

/* The leaf has moved, or has another first pair. */
static void path_refresh(struct gf_order *order, struct path *path)
{
    if (order->height == 0)
        order->root = path->leaf;
    else
        path->steps[0].inner->children[path->steps[0].index] = path->leaf;
    for (uint32_t level = 0; level < order->height; level++) {
        gf_order_inner_refresh(path->steps[level].inner, path->steps[level].index, level);
        if (path->steps[level].index > 0)
            break;
    }
}

/* Where a full node is split. */
enum split {
    SPLIT_MIDDLE,
    SPLIT_FIRST, /* pairs come at the beginning of the tree: only the first part stays */
    SPLIT_LAST,  /* pairs come at its end: only the last part goes */
};

static uint32_t split_point(uint32_t count, enum split split)
{
    switch (split) {
    case SPLIT_FIRST:
        return 1;
    case SPLIT_LAST:
        return count - 1;
    case SPLIT_MIDDLE:
        break;
    }
    return count / 2;
}

/* The leaf at the end of the path has a new neighbour `right`: into the node above with it, and up
 * as far as nodes overflow. */
static void path_add(struct gf_order *order, struct path *path, void *right, enum split split)
{
    uint32_t level = 0;

    for (; level < order->height; level++) {
        struct gf_order_inner *inner = path->steps[level].inner;
        uint32_t index = path->steps[level].index;

        gf_order_inner_add(inner, index, level, right);
        if (inner->count <= GF_ORDER_CHILDREN_MAX)
            return;
        right = gf_order_inner_split(order, inner, split_point(inner->count, split));
    }

    struct gf_order_inner *root = gf_order_inner_create(order);

    root->count = 2;
    gf_order_inner_set(root, 0, level, order->root);
    gf_order_inner_set(root, 1, level, right);
    order->root = root;
    order->height++;
    GF_ASSERT(order->height <= HEIGHT_MAX);
}

/* The index in the middle of a leaf's bytes. */
static uint32_t leaf_middle(const struct gf_order_leaf *leaf)
{
    uint32_t half = (uint32_t)(leaf->used - leaf->gaps) / 2;
    uint32_t sum = 0;
    uint32_t index = 0;

    while (index + 1u < leaf->count && (index == 0 || sum < half))
        sum += (uint32_t)gf_order_leaf_member(leaf, index++).size + 1;
    return index;
}

/* Make two of the leaf at the end of the path, where a pair is to come in at `index`. */
static void path_split(struct gf_order *order, struct path *path, uint32_t index)
{
    struct gf_order_leaf *leaf = path->leaf;
    enum split split = SPLIT_MIDDLE;
    struct gf_order_leaf *right;

    if (index == leaf->count && leaf == order->last)
        split = SPLIT_LAST;
    else if (index == 0 && leaf == order->first)
        split = SPLIT_FIRST;
    right = gf_order_leaf_split(
        order, leaf, split == SPLIT_MIDDLE ? leaf_middle(leaf) : split_point(leaf->count, split));
    path->leaf = gf_order_leaf_fit(order, leaf, gf_order_leaf_content(leaf));
    path_refresh(order, path);
    path_add(order, path, right, split);
}

/* Room for `size` more bytes in the leaf at the end of the path, without a split; false when there
 * is none. */
static bool path_make_room(struct gf_order *order, struct path *path, uint32_t size)
{
    uint32_t content = gf_order_leaf_content(path->leaf) + size;

    if (content <= path->leaf->capacity)
        return true;
    if (content > GF_ORDER_LEAF_MAX)
        return false;
    path->leaf = gf_order_leaf_fit(order, path->leaf, content);
    path_refresh(order, path);
    return true;
}

static void order_insert(struct gf_order *order, const struct gf_order_item *item)
{
    struct gf_order_bound bound = gf_order_bound_pair(item->score, item->member);
    uint32_t size = gf_order_item_size(item) + (uint32_t)sizeof(struct gf_order_slot);
    struct path path;
    uint32_t index;

    if (order->root == NULL)
        order->root = gf_order_leaf_create(order, NULL,
                                           (uint32_t)offsetof(struct gf_order_leaf, slots) + size);
    for (;;) {
        path_find(order, &bound, &path);
        index = gf_order_leaf_below(path.leaf, &bound);
        if (GF_LIKELY(path_make_room(order, &path, size)))
            break;
        path_split(order, &path, index);
    }
    gf_order_leaf_insert(path.leaf, index, item);
    path_count(order, &path, 1);
    if (index == 0)
        path_refresh(order, &path);
    order->count++;
}

void gf_order_insert(struct gf_order *order, double score, struct gf_bytes member,
                     struct gf_packed_far *far)
{
    struct gf_order_item item = {.score = score, .member = member, .far = far};

    GF_ASSERT(score == score);
    GF_ASSERT(far != NULL || member.size <= GF_ORDER_NEAR_MAX);
    order_insert(order, &item);
}

/* A pair went out of a leaf: bring the nodes above up to date, drop what is empty, join what is
 * small.
 *
 * leftmost   the leaf was the first: no search looks at what the nodes above say of its first pair
 */
static void path_shrink(struct gf_order *order, struct path *path, bool leftmost)
{
    for (uint32_t level = 0; level < order->height; level++) {
        struct gf_order_inner *inner = path->steps[level].inner;
        uint32_t index = path->steps[level].index;

        if (gf_order_inner_drop_empty(order, inner, index, level))
            continue;
        if (gf_order_inner_is_small(inner, index, level)) {
            if (index + 1 < inner->count && gf_order_inner_join(order, inner, index, level))
                continue;
            if (index > 0 && gf_order_inner_join(order, inner, index - 1, level))
                continue;
        }
        if (!leftmost)
            gf_order_inner_refresh(inner, index, level);
    }
}

/* A root with one child is not needed, nor is an empty one. */
static void order_lower(struct gf_order *order)
{
    while (order->height > 0) {
        struct gf_order_inner *root = order->root;

        if (root->count > 1)
            return;
        order->root = root->count == 1 ? root->children[0] : NULL;
        order->height = root->count == 1 ? order->height - 1 : 0;
        gf_order_inner_destroy(order, root);
    }
    if (order->first != NULL && order->first->count == 0) {
        gf_order_leaf_destroy(order, order->first);
        order->root = NULL;
    }
}

/* Who takes pairs from an end takes more of them: the leaf there is not made to fit each time. */
static bool leaf_may_wait(const struct gf_order *order, const struct gf_order_leaf *leaf)
{
    return (leaf == order->first || leaf == order->last) &&
           gf_order_leaf_content(leaf) >= leaf->capacity / 4u;
}

static void path_remove(struct gf_order *order, struct path *path, uint32_t index)
{
    struct gf_order_leaf *leaf = path->leaf;
    bool leftmost = leaf == order->first;

    gf_order_leaf_remove(leaf, index);
    order->count--;
    path_count(order, path, UINT64_MAX);
    if (leaf->count > 0 && !leaf_may_wait(order, leaf)) {
        path->leaf = gf_order_leaf_fit(order, leaf, gf_order_leaf_content(leaf));
        if (path->leaf != leaf)
            path_refresh(order, path);
    }
    path_shrink(order, path, leftmost);
    order_lower(order);
}

/* The way to a pair that may be there; returns its index in the leaf, or UINT32_MAX. A pair that
 * is the first of its leaf is "right behind" the leaf that path_find comes to: so the search is for
 * the place behind the pair. */
static uint32_t path_find_pair(const struct gf_order *order, double score, struct gf_bytes member,
                               struct path *ret_path)
{
    struct gf_order_bound bound = gf_order_bound_pair(score, member);
    uint32_t index;

    if (order->root == NULL)
        return UINT32_MAX;
    bound.after = true;
    path_find(order, &bound, ret_path);
    index = gf_order_leaf_below(ret_path->leaf, &bound);
    if (index == 0 || ret_path->leaf->slots[index - 1].score != score ||
        !gf_bytes_equal(gf_order_leaf_member(ret_path->leaf, index - 1), member))
        return UINT32_MAX;
    return index - 1;
}

bool gf_order_remove(struct gf_order *order, double score, struct gf_bytes member)
{
    struct path path;
    uint32_t index = path_find_pair(order, score, member, &path);

    if (index == UINT32_MAX)
        return false;
    path_remove(order, &path, index);
    return true;
}

void gf_order_remove_at(struct gf_order *order, uint64_t rank)
{
    struct path path;
    uint32_t index = path_find_rank(order, rank, &path);

    path_remove(order, &path, index);
}

/* The pair at `index` of the leaf stays between its neighbours with the new score; those outside
 * of the leaf are not looked at. */
static bool rescore_fits(const struct gf_order *order, const struct gf_order_leaf *leaf,
                         uint32_t index, double new_score)
{
    bool above = index > 0 ? leaf->slots[index - 1].score < new_score : leaf == order->first;
    bool below =
        index + 1u < leaf->count ? new_score < leaf->slots[index + 1].score : leaf == order->last;

    return new_score == leaf->slots[index].score || (above && below);
}

void gf_order_rescore(struct gf_order *order, double score, struct gf_bytes member,
                      double new_score)
{
    struct path path;
    uint32_t index = path_find_pair(order, score, member, &path);
    struct gf_order_item item;

    GF_ASSERT(index != UINT32_MAX);
    GF_ASSERT(new_score == new_score);
    if (rescore_fits(order, path.leaf, index, new_score)) {
        path.leaf->slots[index].score = new_score;
        if (index == 0)
            path_refresh(order, &path);
        return;
    }
    item = gf_order_leaf_item(path.leaf, index);
    item.score = new_score;
    item.member = member; /* the leaf's own goes away */
    path_remove(order, &path, index);
    order_insert(order, &item);
}

uint64_t gf_order_below(const struct gf_order *order, const struct gf_order_bound *bound)
{
    struct path path;
    uint64_t rank = 0;

    if (order->root == NULL)
        return 0;
    path_find(order, bound, &path);
    for (uint32_t level = 0; level < order->height; level++)
        rank += gf_order_inner_sum(path.steps[level].inner, path.steps[level].index);
    return rank + gf_order_leaf_below(path.leaf, bound);
}

struct gf_order_cursor gf_order_at(const struct gf_order *order, uint64_t rank)
{
    struct gf_order_cursor cursor = {0};
    struct path path;

    if (rank >= order->count)
        return cursor;
    if (rank == 0)
        return (struct gf_order_cursor){.leaf = order->first};
    cursor.index = path_find_rank(order, rank, &path);
    cursor.leaf = path.leaf;
    return cursor;
}

struct gf_order_pair gf_order_pair(const struct gf_order_cursor *cursor)
{
    GF_ASSERT(cursor->leaf != NULL);
    return (struct gf_order_pair){.score = cursor->leaf->slots[cursor->index].score,
                                  .member = gf_order_leaf_member(cursor->leaf, cursor->index)};
}

void gf_order_next(struct gf_order_cursor *cursor)
{
    if (++cursor->index < cursor->leaf->count)
        return;
    *cursor = (struct gf_order_cursor){.leaf = cursor->leaf->next};
    if (cursor->leaf != NULL && cursor->leaf->next != NULL)
        __builtin_prefetch(cursor->leaf->next);
}

void gf_order_previous(struct gf_order_cursor *cursor)
{
    if (cursor->index-- > 0)
        return;
    *cursor = (struct gf_order_cursor){.leaf = cursor->leaf->previous};
    if (cursor->leaf != NULL)
        cursor->index = cursor->leaf->count - 1u;
}

/* Free the last leaf, and the nodes above that have no child left. */
static void order_free_last(struct gf_order *order)
{
    struct path path;
    void *node = order->root;

    for (uint32_t level = order->height; level-- > 0;) {
        struct gf_order_inner *inner = node;

        path.steps[level] = (struct step){.inner = inner, .index = inner->count - 1};
        node = inner->children[inner->count - 1];
    }
    gf_order_leaf_destroy(order, node);
    for (uint32_t level = 0; level < order->height; level++) {
        struct gf_order_inner *inner = path.steps[level].inner;

        if (--inner->count > 0)
            return;
        gf_order_inner_destroy(order, inner);
    }
    *order = (struct gf_order){.size = order->size};
}

bool gf_order_free_slice(struct gf_order *order, uint64_t budget)
{
    while (order->root != NULL && budget > 0) {
        uint64_t count = order->last->count;

        order->count -= count;
        budget -= count < budget ? count : budget;
        order_free_last(order);
    }
    return order->root == NULL;
}

void gf_order_deinit(struct gf_order *order)
{
    (void)gf_order_free_slice(order, UINT64_MAX);
    GF_ASSERT(order->size == 0);
}

/* What a node says of a child. */
static void entry_check(const struct gf_order_inner *inner, uint32_t index, uint32_t level)
{
    struct gf_order_inner fresh;

    fresh.children[0] = inner->children[index];
    gf_order_inner_refresh(&fresh, 0, level);
    GF_ASSERT(fresh.firsts[0] == inner->firsts[index]);
    GF_ASSERT(fresh.scores[0] == inner->scores[index]);
    GF_ASSERT(fresh.prefixes[0] == inner->prefixes[index]);
}

/* A node and everything below it. */
static uint64_t node_check(const void *node, uint32_t level, bool leftmost, size_t *size)
{
    const struct gf_order_inner *inner = node;
    uint64_t sum = 0;

    if (level == 0) {
        gf_order_leaf_check(node, size);
        return ((const struct gf_order_leaf *)node)->count;
    }
    *size += gf_alloc_size(inner);
    GF_ASSERT(inner->count > 0);
    GF_ASSERT(inner->count <= GF_ORDER_CHILDREN_MAX);
    for (uint32_t i = 0; i < inner->count; i++) {
        bool is_first = leftmost && i == 0;

        if (!is_first)
            entry_check(inner, i, level - 1);
        GF_ASSERT(node_check(inner->children[i], level - 1, is_first, size) == inner->counts[i]);
        sum += inner->counts[i];
    }
    return sum;
}

void gf_order_check(const struct gf_order *order)
{
    struct gf_order_cursor cursor = gf_order_at(order, 0);
    struct gf_order_pair last = {0};
    uint64_t count = 0;
    size_t size = 0;

    GF_ASSERT((order->root == NULL) == (order->count == 0));
    if (order->root != NULL)
        GF_ASSERT(node_check(order->root, order->height, true, &size) == order->count);
    GF_ASSERT(size == order->size);
    for (; !gf_order_at_end(&cursor); gf_order_next(&cursor)) {
        struct gf_order_pair pair = gf_order_pair(&cursor);
        struct gf_order_bound bound = gf_order_bound_pair(pair.score, pair.member);

        GF_ASSERT(count == 0 || gf_order_bound_compare(last.score, last.member, &bound) < 0);
        last = pair;
        count++;
    }
    GF_ASSERT(count == order->count);
    GF_ASSERT(count == 0 || order->last->next == NULL);
}
