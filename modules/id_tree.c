/* A B+ tree of records ordered by id. */
#include "modules/id_tree.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/id_tree_parts.h"

#define LEAF_CAPACITY_MIN 2u

static struct gf_id_leaf *leaf_create(const struct gf_id_tree *tree, uint32_t capacity)
{
    struct gf_id_leaf *leaf =
        gf_alloc(GF_MEMORY_DATA, sizeof(struct gf_id_leaf) + (size_t)capacity * tree->record_size);

    *leaf = (struct gf_id_leaf){.capacity = capacity};
    return leaf;
}

void gf_id_tree_init(struct gf_id_tree *tree, uint32_t record_size)
{
    GF_ASSERT(record_size >= sizeof(struct gf_id));
    GF_ASSERT(record_size % 8 == 0);
    *tree = (struct gf_id_tree){.record_size = record_size};
    GF_ASSERT(gf_id_leaf_capacity_max(tree) >= 8);
}

static void node_free(void *node, uint32_t height)
{
    if (height > 0) {
        struct gf_id_inner *inner = node;

        for (uint32_t i = 0; i < inner->count; i++)
            node_free(inner->entries[i].child, height - 1);
    }
    gf_free(GF_MEMORY_DATA, node);
}

void gf_id_tree_clear(struct gf_id_tree *tree)
{
    if (tree->root)
        node_free(tree->root, tree->height);
    gf_id_tree_init(tree, tree->record_size);
}

/* Searching. */

/* inner_index - the child that holds `id`, if any does. */
static uint32_t inner_index(const struct gf_id_inner *inner, struct gf_id id)
{
    uint32_t low = 0;
    uint32_t high = inner->count;

    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;

        if (gf_id_compare(inner->entries[middle].id, id) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct gf_id_leaf *gf_id_tree_descend(const struct gf_id_tree *tree, struct gf_id id,
                                      struct gf_id_path *ret_path)
{
    void *node = tree->root;

    GF_ASSERT(node != NULL);
    for (uint32_t i = 0; i < tree->height; i++) {
        struct gf_id_inner *inner = node;

        ret_path->nodes[i] = inner;
        ret_path->indexes[i] = inner_index(inner, id);
        node = inner->entries[ret_path->indexes[i]].child;
    }
    return node;
}

struct gf_id_cursor gf_id_tree_seek(const struct gf_id_tree *tree, struct gf_id id)
{
    struct gf_id_path path;
    struct gf_id_leaf *leaf;
    uint32_t index;

    if (!tree->root)
        return (struct gf_id_cursor){0};
    leaf = gf_id_tree_descend(tree, id, &path);
    index = gf_id_leaf_index(tree, leaf, id);
    if (index == leaf->count)
        return (struct gf_id_cursor){.leaf = leaf->next};
    return (struct gf_id_cursor){.leaf = leaf, .index = index};
}

struct gf_id_cursor gf_id_tree_seek_back(const struct gf_id_tree *tree, struct gf_id id)
{
    struct gf_id_path path;
    struct gf_id_cursor cursor;

    if (!tree->root)
        return (struct gf_id_cursor){0};
    cursor.leaf = gf_id_tree_descend(tree, id, &path);
    cursor.index = gf_id_leaf_index(tree, cursor.leaf, id);
    if (cursor.index == cursor.leaf->count ||
        gf_id_compare(gf_id_leaf_id(tree, cursor.leaf, cursor.index), id) != 0)
        gf_id_cursor_previous(&cursor);
    return cursor;
}

void *gf_id_tree_find(const struct gf_id_tree *tree, struct gf_id id)
{
    struct gf_id_path path;
    struct gf_id_leaf *leaf;
    uint32_t index;

    if (!tree->root)
        return NULL;
    leaf = gf_id_tree_descend(tree, id, &path);
    index = gf_id_leaf_index(tree, leaf, id);
    if (index == leaf->count || gf_id_compare(gf_id_leaf_id(tree, leaf, index), id) != 0)
        return NULL;
    return gf_id_leaf_record(tree, leaf, index);
}

/* Adding. */

static void *record_insert(struct gf_id_tree *tree, struct gf_id_leaf *leaf, uint32_t index,
                           struct gf_id id)
{
    char *record = gf_id_leaf_record(tree, leaf, index);

    GF_ASSERT(leaf->count < leaf->capacity);
    memmove(record + tree->record_size, record, (size_t)(leaf->count - index) * tree->record_size);
    memset(record, 0, tree->record_size);
    memcpy(record, &id, sizeof(id));
    leaf->count++;
    tree->count++;
    return record;
}

static void inner_insert(struct gf_id_inner *inner, uint32_t index, const struct gf_id_entry *entry)
{
    GF_ASSERT(inner->count < GF_ID_INNER_CAPACITY);
    memmove(&inner->entries[index + 1], &inner->entries[index],
            (inner->count - index) * sizeof(*entry));
    inner->entries[index] = *entry;
    inner->count++;
}

/* inner_split - the upper part of a full node as a new one; all of it stays where the tree grows at
 * its end. */
static struct gf_id_inner *inner_split(struct gf_id_inner *inner, bool at_end)
{
    struct gf_id_inner *right = gf_alloc(GF_MEMORY_DATA, sizeof(*right));
    uint32_t kept = at_end ? GF_ID_INNER_CAPACITY - 1 : GF_ID_INNER_CAPACITY / 2;

    right->count = inner->count - kept;
    memcpy(right->entries, &inner->entries[kept], right->count * sizeof(*right->entries));
    inner->count = kept;
    return right;
}

/* root_grow - a new root above the old one and `entry`. */
static void root_grow(struct gf_id_tree *tree, const struct gf_id_entry *entry)
{
    struct gf_id_inner *root = gf_alloc(GF_MEMORY_DATA, sizeof(*root));

    root->count = 2;
    root->entries[0] = (struct gf_id_entry){.child = tree->root};
    root->entries[1] = *entry;
    tree->root = root;
    tree->height++;
    GF_ASSERT(tree->height < GF_ID_HEIGHT_MAX);
}

/* parents_insert - a node that was split off goes behind its sibling, at the end of `path`. */
static void parents_insert(struct gf_id_tree *tree, const struct gf_id_path *path,
                           struct gf_id_entry entry)
{
    for (uint32_t level = tree->height; level-- > 0;) {
        struct gf_id_inner *inner = path->nodes[level];
        uint32_t index = path->indexes[level] + 1;
        struct gf_id_inner *right;

        if (inner->count < GF_ID_INNER_CAPACITY) {
            inner_insert(inner, index, &entry);
            return;
        }
        right = inner_split(inner, index == GF_ID_INNER_CAPACITY);
        if (index <= inner->count && index != GF_ID_INNER_CAPACITY)
            inner_insert(inner, index, &entry);
        else
            inner_insert(right, index - inner->count, &entry);
        entry = (struct gf_id_entry){.id = right->entries[0].id, .child = right};
    }
    root_grow(tree, &entry);
}

/* leaf_split - a new leaf behind a full one, with its upper half; with nothing when the next record
 * comes at the end of the tree. */
static struct gf_id_leaf *leaf_split(struct gf_id_tree *tree, struct gf_id_leaf *leaf, bool at_end)
{
    struct gf_id_leaf *right = leaf_create(tree, gf_id_leaf_capacity_max(tree));
    uint32_t kept = at_end ? leaf->count : leaf->count / 2;

    right->count = leaf->count - kept;
    memcpy(right->records, gf_id_leaf_record(tree, leaf, kept),
           (size_t)right->count * tree->record_size);
    leaf->count = kept;
    right->prev = leaf;
    right->next = leaf->next;
    if (leaf->next)
        leaf->next->prev = right;
    else
        tree->last = right;
    leaf->next = right;
    return right;
}

/* root_leaf_grow - the only leaf with twice the room. */
static struct gf_id_leaf *root_leaf_grow(struct gf_id_tree *tree)
{
    struct gf_id_leaf *old = tree->root;
    uint32_t capacity = old ? 2 * old->capacity : LEAF_CAPACITY_MIN;
    uint32_t capacity_max = gf_id_leaf_capacity_max(tree);
    struct gf_id_leaf *leaf = leaf_create(tree, capacity < capacity_max ? capacity : capacity_max);

    if (old) {
        leaf->count = old->count;
        memcpy(leaf->records, old->records, (size_t)old->count * tree->record_size);
        gf_free(GF_MEMORY_DATA, old);
    }
    tree->root = tree->first = tree->last = leaf;
    return leaf;
}

void *gf_id_tree_add(struct gf_id_tree *tree, struct gf_id id)
{
    struct gf_id_leaf *leaf = tree->last;
    struct gf_id_leaf *right;
    struct gf_id_path path;
    uint32_t index;

    if (leaf && leaf->count < leaf->capacity &&
        gf_id_compare(gf_id_leaf_id(tree, leaf, leaf->count - 1), id) < 0)
        return record_insert(tree, leaf, leaf->count, id);
    if (!leaf)
        return record_insert(tree, root_leaf_grow(tree), 0, id);
    leaf = gf_id_tree_descend(tree, id, &path);
    if (tree->height == 0 && leaf->count == leaf->capacity &&
        leaf->capacity < gf_id_leaf_capacity_max(tree))
        leaf = root_leaf_grow(tree);
    index = gf_id_leaf_index(tree, leaf, id);
    GF_ASSERT(index == leaf->count || gf_id_compare(gf_id_leaf_id(tree, leaf, index), id) != 0);
    if (leaf->count < leaf->capacity)
        return record_insert(tree, leaf, index, id);

    right = leaf_split(tree, leaf, !leaf->next && index == leaf->count);
    parents_insert(tree, &path,
                   (struct gf_id_entry){.id = right->count > 0 ? gf_id_leaf_id(tree, right, 0) : id,
                                        .child = right});
    if (index < leaf->count || (index == leaf->count && right->count > 0))
        return record_insert(tree, leaf, index, id);
    return record_insert(tree, right, index - leaf->count, id);
}

/* Figures. */

uint64_t gf_id_tree_memory(const struct gf_id_tree *tree)
{
    uint64_t leaves;

    if (!tree->last)
        return 0;
    if (tree->height == 0)
        return gf_alloc_size(tree->root);
    leaves = tree->count / gf_id_leaf_capacity_max(tree) + 1;
    return (leaves + leaves / (GF_ID_INNER_CAPACITY / 2) + 1) * gf_alloc_size(tree->last);
}

/* node_check - the subtree's ids lie in [low, high); counts its records. */
static uint64_t node_check(const struct gf_id_tree *tree, void *node, uint32_t height,
                           const struct gf_id bounds[2])
{
    uint64_t count = 0;

    if (height == 0) {
        struct gf_id_leaf *leaf = node;

        GF_ASSERT(leaf->count > 0);
        GF_ASSERT(leaf->count <= leaf->capacity);
        for (uint32_t i = 0; i < leaf->count; i++) {
            GF_ASSERT(gf_id_compare(gf_id_leaf_id(tree, leaf, i), bounds[0]) >= 0);
            GF_ASSERT(gf_id_compare(gf_id_leaf_id(tree, leaf, i), bounds[1]) <= 0);
            if (i > 0)
                GF_ASSERT(gf_id_compare(gf_id_leaf_id(tree, leaf, i - 1),
                                        gf_id_leaf_id(tree, leaf, i)) < 0);
        }
        return leaf->count;
    }
    struct gf_id_inner *inner = node;

    GF_ASSERT(inner->count > 0);
    GF_ASSERT(inner->count <= GF_ID_INNER_CAPACITY);
    for (uint32_t i = 0; i < inner->count; i++) {
        struct gf_id within[2] = {i > 0 ? inner->entries[i].id : bounds[0],
                                  i + 1 < inner->count ? inner->entries[i + 1].id : bounds[1]};

        if (i + 1 < inner->count)
            GF_ASSERT(gf_id_previous(&within[1]));
        GF_ASSERT(gf_id_compare(within[0], bounds[0]) >= 0);
        count += node_check(tree, inner->entries[i].child, height - 1, within);
    }
    return count;
}

void gf_id_tree_check(const struct gf_id_tree *tree)
{
    static const struct gf_id bounds[2] = {GF_ID_MIN, GF_ID_MAX};
    struct gf_id_leaf *before = NULL;
    uint64_t count = 0;

    GF_ASSERT((tree->count == 0) == (tree->root == NULL));
    if (tree->root)
        GF_ASSERT(node_check(tree, tree->root, tree->height, bounds) == tree->count);
    for (struct gf_id_leaf *leaf = tree->first; leaf; leaf = leaf->next) {
        GF_ASSERT(leaf->prev == before);
        if (before)
            GF_ASSERT(gf_id_compare(gf_id_leaf_id(tree, before, before->count - 1),
                                    gf_id_leaf_id(tree, leaf, 0)) < 0);
        count += leaf->count;
        before = leaf;
    }
    GF_ASSERT(before == tree->last);
    GF_ASSERT(count == tree->count);
}
