/* A B+ tree of records ordered by id. */
#include "modules/id_tree.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"

#define NODE_SIZE 1024u /* bytes of a full node: a memmove in it is cheaper than a cache miss */
#define LEAF_CAPACITY_MIN 2u
#define HEIGHT_MAX 16u /* with at least a quarter of 40 children each: more than there are ids */

struct inner_entry {
    struct gf_id id; /* the first entry's is never looked at */
    void *child;
};

#define INNER_CAPACITY ((NODE_SIZE - 8) / sizeof(struct inner_entry))

struct inner {
    uint32_t count;
    struct inner_entry entries[INNER_CAPACITY];
};

_Static_assert(sizeof(struct inner) <= NODE_SIZE, "an inner node fits");

/* The way from the root to a leaf. */
struct path {
    struct inner *nodes[HEIGHT_MAX]; /* from the root on */
    uint32_t indexes[HEIGHT_MAX];    /* which child was taken */
};

static uint32_t leaf_capacity_max(const struct gf_id_tree *tree)
{
    return (NODE_SIZE - (uint32_t)sizeof(struct gf_id_leaf)) / tree->record_size;
}

static char *leaf_record(const struct gf_id_tree *tree, struct gf_id_leaf *leaf, uint32_t index)
{
    return leaf->records + (size_t)index * tree->record_size;
}

static struct gf_id leaf_id(const struct gf_id_tree *tree, const struct gf_id_leaf *leaf,
                            uint32_t index)
{
    struct gf_id id;

    memcpy(&id, leaf->records + (size_t)index * tree->record_size, sizeof(id));
    return id;
}

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
    GF_ASSERT(leaf_capacity_max(tree) >= 8);
}

static void node_free(void *node, uint32_t height)
{
    if (height > 0) {
        struct inner *inner = node;

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
static uint32_t inner_index(const struct inner *inner, struct gf_id id)
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

/* leaf_index - the first record whose id is at least `id`; count when there is none. */
static uint32_t leaf_index(const struct gf_id_tree *tree, const struct gf_id_leaf *leaf,
                           struct gf_id id)
{
    uint32_t low = 0;
    uint32_t high = leaf->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (gf_id_compare(leaf_id(tree, leaf, middle), id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* descend - the leaf where `id` is or would be; the tree is not empty. */
static struct gf_id_leaf *descend(const struct gf_id_tree *tree, struct gf_id id,
                                  struct path *ret_path)
{
    void *node = tree->root;

    GF_ASSERT(node != NULL);
    for (uint32_t i = 0; i < tree->height; i++) {
        struct inner *inner = node;

        ret_path->nodes[i] = inner;
        ret_path->indexes[i] = inner_index(inner, id);
        node = inner->entries[ret_path->indexes[i]].child;
    }
    return node;
}

struct gf_id_cursor gf_id_tree_seek(const struct gf_id_tree *tree, struct gf_id id)
{
    struct path path;
    struct gf_id_leaf *leaf;
    uint32_t index;

    if (!tree->root)
        return (struct gf_id_cursor){0};
    leaf = descend(tree, id, &path);
    index = leaf_index(tree, leaf, id);
    if (index == leaf->count)
        return (struct gf_id_cursor){.leaf = leaf->next};
    return (struct gf_id_cursor){.leaf = leaf, .index = index};
}

struct gf_id_cursor gf_id_tree_seek_back(const struct gf_id_tree *tree, struct gf_id id)
{
    struct path path;
    struct gf_id_cursor cursor;

    if (!tree->root)
        return (struct gf_id_cursor){0};
    cursor.leaf = descend(tree, id, &path);
    cursor.index = leaf_index(tree, cursor.leaf, id);
    if (cursor.index == cursor.leaf->count ||
        gf_id_compare(leaf_id(tree, cursor.leaf, cursor.index), id) != 0)
        gf_id_cursor_previous(&cursor);
    return cursor;
}

void *gf_id_tree_find(const struct gf_id_tree *tree, struct gf_id id)
{
    struct path path;
    struct gf_id_leaf *leaf;
    uint32_t index;

    if (!tree->root)
        return NULL;
    leaf = descend(tree, id, &path);
    index = leaf_index(tree, leaf, id);
    if (index == leaf->count || gf_id_compare(leaf_id(tree, leaf, index), id) != 0)
        return NULL;
    return leaf_record(tree, leaf, index);
}

/* Adding. */

static void *record_insert(struct gf_id_tree *tree, struct gf_id_leaf *leaf, uint32_t index,
                           struct gf_id id)
{
    char *record = leaf_record(tree, leaf, index);

    GF_ASSERT(leaf->count < leaf->capacity);
    memmove(record + tree->record_size, record, (size_t)(leaf->count - index) * tree->record_size);
    memset(record, 0, tree->record_size);
    memcpy(record, &id, sizeof(id));
    leaf->count++;
    tree->count++;
    return record;
}

static void inner_insert(struct inner *inner, uint32_t index, const struct inner_entry *entry)
{
    GF_ASSERT(inner->count < INNER_CAPACITY);
    memmove(&inner->entries[index + 1], &inner->entries[index],
            (inner->count - index) * sizeof(*entry));
    inner->entries[index] = *entry;
    inner->count++;
}

/* inner_split - the upper part of a full node as a new one; all of it stays where the tree grows at
 * its end. */
static struct inner *inner_split(struct inner *inner, bool at_end)
{
    struct inner *right = gf_alloc(GF_MEMORY_DATA, sizeof(*right));
    uint32_t kept = at_end ? INNER_CAPACITY - 1 : INNER_CAPACITY / 2;

    right->count = inner->count - kept;
    memcpy(right->entries, &inner->entries[kept], right->count * sizeof(*right->entries));
    inner->count = kept;
    return right;
}

/* root_grow - a new root above the old one and `entry`. */
static void root_grow(struct gf_id_tree *tree, const struct inner_entry *entry)
{
    struct inner *root = gf_alloc(GF_MEMORY_DATA, sizeof(*root));

    root->count = 2;
    root->entries[0] = (struct inner_entry){.child = tree->root};
    root->entries[1] = *entry;
    tree->root = root;
    tree->height++;
    GF_ASSERT(tree->height < HEIGHT_MAX);
}

/* parents_insert - a node that was split off goes behind its sibling, at the end of `path`. */
static void parents_insert(struct gf_id_tree *tree, const struct path *path,
                           struct inner_entry entry)
{
    for (uint32_t level = tree->height; level-- > 0;) {
        struct inner *inner = path->nodes[level];
        uint32_t index = path->indexes[level] + 1;
        struct inner *right;

        if (inner->count < INNER_CAPACITY) {
            inner_insert(inner, index, &entry);
            return;
        }
        right = inner_split(inner, index == INNER_CAPACITY);
        if (index <= inner->count && index != INNER_CAPACITY)
            inner_insert(inner, index, &entry);
        else
            inner_insert(right, index - inner->count, &entry);
        entry = (struct inner_entry){.id = right->entries[0].id, .child = right};
    }
    root_grow(tree, &entry);
}

/* leaf_split - a new leaf behind a full one, with its upper half; with nothing when the next record
 * comes at the end of the tree. */
static struct gf_id_leaf *leaf_split(struct gf_id_tree *tree, struct gf_id_leaf *leaf, bool at_end)
{
    struct gf_id_leaf *right = leaf_create(tree, leaf_capacity_max(tree));
    uint32_t kept = at_end ? leaf->count : leaf->count / 2;

    right->count = leaf->count - kept;
    memcpy(right->records, leaf_record(tree, leaf, kept), (size_t)right->count * tree->record_size);
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
    uint32_t capacity_max = leaf_capacity_max(tree);
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
    struct path path;
    uint32_t index;

    if (leaf && leaf->count < leaf->capacity &&
        gf_id_compare(leaf_id(tree, leaf, leaf->count - 1), id) < 0)
        return record_insert(tree, leaf, leaf->count, id);
    if (!leaf)
        return record_insert(tree, root_leaf_grow(tree), 0, id);
    leaf = descend(tree, id, &path);
    if (tree->height == 0 && leaf->count == leaf->capacity &&
        leaf->capacity < leaf_capacity_max(tree))
        leaf = root_leaf_grow(tree);
    index = leaf_index(tree, leaf, id);
    GF_ASSERT(index == leaf->count || gf_id_compare(leaf_id(tree, leaf, index), id) != 0);
    if (leaf->count < leaf->capacity)
        return record_insert(tree, leaf, index, id);

    right = leaf_split(tree, leaf, !leaf->next && index == leaf->count);
    parents_insert(tree, &path,
                   (struct inner_entry){.id = right->count > 0 ? leaf_id(tree, right, 0) : id,
                                        .child = right});
    if (index < leaf->count || (index == leaf->count && right->count > 0))
        return record_insert(tree, leaf, index, id);
    return record_insert(tree, right, index - leaf->count, id);
}

/* Removing. */

static void leaf_unlink(struct gf_id_tree *tree, struct gf_id_leaf *leaf)
{
    if (leaf->prev)
        leaf->prev->next = leaf->next;
    else
        tree->first = leaf->next;
    if (leaf->next)
        leaf->next->prev = leaf->prev;
    else
        tree->last = leaf->prev;
    gf_free(GF_MEMORY_DATA, leaf);
}

static void inner_remove(struct inner *inner, uint32_t index)
{
    GF_ASSERT(index < inner->count);
    inner->count--;
    memmove(&inner->entries[index], &inner->entries[index + 1],
            (inner->count - index) * sizeof(*inner->entries));
}

/* merges - two neighbours are better one node: it stays a quarter free, so that the next record
 * does not split it again. */
static bool merges(uint32_t left, uint32_t right, uint32_t capacity)
{
    return left + right <= capacity - capacity / 4;
}

/* leaves_merge - the index-th and the next child of `parent` become one, if they are small. */
static bool leaves_merge(struct gf_id_tree *tree, struct inner *parent, uint32_t index)
{
    struct gf_id_leaf *left = parent->entries[index].child;
    struct gf_id_leaf *right = parent->entries[index + 1].child;

    if (!merges(left->count, right->count, left->capacity))
        return false;
    memcpy(leaf_record(tree, left, left->count), right->records,
           (size_t)right->count * tree->record_size);
    left->count += right->count;
    leaf_unlink(tree, right);
    inner_remove(parent, index + 1);
    return true;
}

static bool inners_merge(struct inner *parent, uint32_t index)
{
    struct inner *left = parent->entries[index].child;
    struct inner *right = parent->entries[index + 1].child;

    if (!merges(left->count, right->count, INNER_CAPACITY))
        return false;
    /* The id of the right one's first child was not kept up to date: its parent's is. */
    right->entries[0].id = parent->entries[index + 1].id;
    memcpy(&left->entries[left->count], right->entries, right->count * sizeof(*right->entries));
    left->count += right->count;
    gf_free(GF_MEMORY_DATA, right);
    inner_remove(parent, index + 1);
    return true;
}

/* root_shrink - a root with one child is none; an empty tree has none. */
static void root_shrink(struct gf_id_tree *tree)
{
    while (tree->height > 0 && ((struct inner *)tree->root)->count <= 1) {
        struct inner *root = tree->root;

        tree->root = root->count == 1 ? root->entries[0].child : NULL;
        tree->height = root->count == 1 ? tree->height - 1 : 0;
        gf_free(GF_MEMORY_DATA, root);
    }
}

/* path_merge - after its leaf lost a record: what became small along `path` joins a neighbour. */
static void path_merge(struct gf_id_tree *tree, const struct path *path)
{
    for (uint32_t level = tree->height; level-- > 0;) {
        struct inner *parent = path->nodes[level];
        uint32_t index = path->indexes[level];
        bool is_leaf = level == tree->height - 1;
        bool merged = false;

        if (index + 1 < parent->count)
            merged = is_leaf ? leaves_merge(tree, parent, index) : inners_merge(parent, index);
        if (!merged && index > 0)
            merged =
                is_leaf ? leaves_merge(tree, parent, index - 1) : inners_merge(parent, index - 1);
        if (!merged)
            break;
    }
    root_shrink(tree);
}

/* path_drop - its leaf is empty: away with it, and with the nodes that become empty by that. */
static void path_drop(struct gf_id_tree *tree, const struct path *path, struct gf_id_leaf *leaf)
{
    uint32_t level = tree->height;

    leaf_unlink(tree, leaf);
    if (level == 0)
        tree->root = NULL;
    while (level-- > 0) {
        struct inner *parent = path->nodes[level];

        inner_remove(parent, path->indexes[level]);
        if (parent->count > 0 || level == 0)
            break;
        gf_free(GF_MEMORY_DATA, parent);
    }
    root_shrink(tree);
}

bool gf_id_tree_remove(struct gf_id_tree *tree, struct gf_id id)
{
    struct path path;
    struct gf_id_leaf *leaf;
    uint32_t index;
    char *record;

    if (!tree->root)
        return false;
    leaf = descend(tree, id, &path);
    index = leaf_index(tree, leaf, id);
    if (index == leaf->count || gf_id_compare(leaf_id(tree, leaf, index), id) != 0)
        return false;
    record = leaf_record(tree, leaf, index);
    leaf->count--;
    tree->count--;
    memmove(record, record + tree->record_size, (size_t)(leaf->count - index) * tree->record_size);
    if (leaf->count == 0)
        path_drop(tree, &path, leaf);
    else if (leaf->count < leaf->capacity / 4)
        path_merge(tree, &path);
    return true;
}

/* Figures. */

uint64_t gf_id_tree_memory(const struct gf_id_tree *tree)
{
    uint64_t leaves;

    if (!tree->last)
        return 0;
    if (tree->height == 0)
        return gf_alloc_size(tree->root);
    leaves = tree->count / leaf_capacity_max(tree) + 1;
    return (leaves + leaves / (INNER_CAPACITY / 2) + 1) * gf_alloc_size(tree->last);
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
            GF_ASSERT(gf_id_compare(leaf_id(tree, leaf, i), bounds[0]) >= 0);
            GF_ASSERT(gf_id_compare(leaf_id(tree, leaf, i), bounds[1]) <= 0);
            if (i > 0)
                GF_ASSERT(gf_id_compare(leaf_id(tree, leaf, i - 1), leaf_id(tree, leaf, i)) < 0);
        }
        return leaf->count;
    }
    struct inner *inner = node;

    GF_ASSERT(inner->count > 0);
    GF_ASSERT(inner->count <= INNER_CAPACITY);
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
            GF_ASSERT(gf_id_compare(leaf_id(tree, before, before->count - 1),
                                    leaf_id(tree, leaf, 0)) < 0);
        count += leaf->count;
        before = leaf;
    }
    GF_ASSERT(before == tree->last);
    GF_ASSERT(count == tree->count);
}
