/* What the files of the tree share: id_tree.c (searching, adding), id_tree_remove.c. Private to
 * them. */
#pragma once

#include <string.h>

#include "modules/id_tree.h"

/* Bytes of a full node: a memmove in it is cheaper than a cache miss. */
#define GF_ID_NODE_SIZE 1024u
/* With at least a quarter of 40 children each: more than there are ids. */
#define GF_ID_HEIGHT_MAX 16u

struct gf_id_entry {
    struct gf_id id; /* the first entry's is never looked at */
    void *child;
};

#define GF_ID_INNER_CAPACITY ((GF_ID_NODE_SIZE - 8) / sizeof(struct gf_id_entry))

struct gf_id_inner {
    uint32_t count;
    struct gf_id_entry entries[GF_ID_INNER_CAPACITY];
};

_Static_assert(sizeof(struct gf_id_inner) <= GF_ID_NODE_SIZE, "an inner node fits");

/* The way from the root to a leaf. */
struct gf_id_path {
    struct gf_id_inner *nodes[GF_ID_HEIGHT_MAX]; /* from the root on */
    uint32_t indexes[GF_ID_HEIGHT_MAX];          /* which child was taken */
};

static inline uint32_t gf_id_leaf_capacity_max(const struct gf_id_tree *tree)
{
    return (GF_ID_NODE_SIZE - (uint32_t)sizeof(struct gf_id_leaf)) / tree->record_size;
}

static inline char *gf_id_leaf_record(const struct gf_id_tree *tree, struct gf_id_leaf *leaf,
                                      uint32_t index)
{
    return leaf->records + (size_t)index * tree->record_size;
}

static inline struct gf_id gf_id_leaf_id(const struct gf_id_tree *tree,
                                         const struct gf_id_leaf *leaf, uint32_t index)
{
    struct gf_id id;

    memcpy(&id, leaf->records + (size_t)index * tree->record_size, sizeof(id));
    return id;
}

/* gf_id_leaf_index - the first record whose id is at least `id`; count when there is none. */
static inline uint32_t gf_id_leaf_index(const struct gf_id_tree *tree,
                                        const struct gf_id_leaf *leaf, struct gf_id id)
{
    uint32_t low = 0;
    uint32_t high = leaf->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (gf_id_compare(gf_id_leaf_id(tree, leaf, middle), id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* gf_id_tree_descend - the leaf where `id` is or would be; the tree is not empty. */
struct gf_id_leaf *gf_id_tree_descend(const struct gf_id_tree *tree, struct gf_id id,
                                      struct gf_id_path *ret_path);
