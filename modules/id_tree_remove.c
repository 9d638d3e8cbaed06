/* Records that go out of a B+ tree: small nodes join a neighbour, empty ones go. */
#include "core/alloc.h"
#include "core/assert.h"
#include "modules/id_tree_parts.h"

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

static void inner_remove(struct gf_id_inner *inner, uint32_t index)
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
static bool leaves_merge(struct gf_id_tree *tree, struct gf_id_inner *parent, uint32_t index)
{
    struct gf_id_leaf *left = parent->entries[index].child;
    struct gf_id_leaf *right = parent->entries[index + 1].child;

    if (!merges(left->count, right->count, left->capacity))
        return false;
    memcpy(gf_id_leaf_record(tree, left, left->count), right->records,
           (size_t)right->count * tree->record_size);
    left->count += right->count;
    leaf_unlink(tree, right);
    inner_remove(parent, index + 1);
    return true;
}

static bool inners_merge(struct gf_id_inner *parent, uint32_t index)
{
    struct gf_id_inner *left = parent->entries[index].child;
    struct gf_id_inner *right = parent->entries[index + 1].child;

    if (!merges(left->count, right->count, GF_ID_INNER_CAPACITY))
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
    while (tree->height > 0 && ((struct gf_id_inner *)tree->root)->count <= 1) {
        struct gf_id_inner *root = tree->root;

        tree->root = root->count == 1 ? root->entries[0].child : NULL;
        tree->height = root->count == 1 ? tree->height - 1 : 0;
        gf_free(GF_MEMORY_DATA, root);
    }
}

/* path_merge - after its leaf lost a record: what became small along `path` joins a neighbour. */
static void path_merge(struct gf_id_tree *tree, const struct gf_id_path *path)
{
    for (uint32_t level = tree->height; level-- > 0;) {
        struct gf_id_inner *parent = path->nodes[level];
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
static void path_drop(struct gf_id_tree *tree, const struct gf_id_path *path,
                      struct gf_id_leaf *leaf)
{
    uint32_t level = tree->height;

    leaf_unlink(tree, leaf);
    if (level == 0)
        tree->root = NULL;
    while (level-- > 0) {
        struct gf_id_inner *parent = path->nodes[level];

        inner_remove(parent, path->indexes[level]);
        if (parent->count > 0 || level == 0)
            break;
        gf_free(GF_MEMORY_DATA, parent);
    }
    root_shrink(tree);
}

bool gf_id_tree_remove(struct gf_id_tree *tree, struct gf_id id)
{
    struct gf_id_path path;
    struct gf_id_leaf *leaf;
    uint32_t index;
    char *record;

    if (!tree->root)
        return false;
    leaf = gf_id_tree_descend(tree, id, &path);
    index = gf_id_leaf_index(tree, leaf, id);
    if (index == leaf->count || gf_id_compare(gf_id_leaf_id(tree, leaf, index), id) != 0)
        return false;
    record = gf_id_leaf_record(tree, leaf, index);
    leaf->count--;
    tree->count--;
    memmove(record, record + tree->record_size, (size_t)(leaf->count - index) * tree->record_size);
    if (leaf->count == 0)
        path_drop(tree, &path, leaf);
    else if (leaf->count < leaf->capacity / 4)
        path_merge(tree, &path);
    return true;
}
