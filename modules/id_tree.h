/* Records of one size, ordered by the id they begin with: a B+ tree for what streams keep in order.
 *
 *             [ id child | id child | id child ]            inner nodes: an id is the lowest of
 *               /            |            \                 what may be below its child
 *   [rec rec rec rec] <-> [rec rec] <-> [rec rec rec]       leaves: about 1 KB of records
 *
 * Ids mostly arrive at the end and go from the front, so a full last leaf is left full when the
 * next record is appended, and both ends are known without a descent. A tree of few records is one
 * small leaf.
 *
 * Pointers to records are good until the next record is added or removed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The id of a stream entry: a time and a number within it. */
struct gf_id {
    uint64_t ms;
    uint64_t seq;
};

#define GF_ID_MIN ((struct gf_id){0, 0})
#define GF_ID_MAX ((struct gf_id){UINT64_MAX, UINT64_MAX})

/* gf_id_compare - <0, 0, >0. */
static inline int gf_id_compare(struct gf_id a, struct gf_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return (a.seq > b.seq) - (a.seq < b.seq);
}

static inline bool gf_id_is_zero(struct gf_id id)
{
    return (id.ms | id.seq) == 0;
}

/* gf_id_next, gf_id_previous - the neighbour of an id; false at the end of all ids. */
static inline bool gf_id_next(struct gf_id *id)
{
    id->seq++;
    if (id->seq == 0)
        id->ms++;
    return !gf_id_is_zero(*id);
}

static inline bool gf_id_previous(struct gf_id *id)
{
    if (gf_id_is_zero(*id))
        return false;
    if (id->seq == 0)
        id->ms--;
    id->seq--;
    return true;
}

/* A leaf; its records follow. */
struct gf_id_leaf {
    struct gf_id_leaf *prev;
    struct gf_id_leaf *next;
    uint32_t count;
    uint32_t capacity; /* records there is room for */
    _Alignas(8) char records[];
};

/* Invariants (gf_id_tree_check walks them): ids ascend; every inner node has a child, every leaf a
 * record; first and last are the ends of the list of leaves, which holds `count` records. */
struct gf_id_tree {
    void *root; /* owned; a leaf when height is 0; NULL when empty */
    struct gf_id_leaf *first;
    struct gf_id_leaf *last;
    uint64_t count;
    uint32_t record_size; /* bytes, a multiple of 8 */
    uint32_t height;      /* inner nodes above a leaf */
};

/* gf_id_tree_init - an empty tree of records of `record_size` bytes that begin with a struct
 * gf_id. */
void gf_id_tree_init(struct gf_id_tree *tree, uint32_t record_size);

/* gf_id_tree_clear - frees all nodes; the tree is empty then. */
void gf_id_tree_clear(struct gf_id_tree *tree);

/* gf_id_tree_find - the record with this id, or NULL. */
void *gf_id_tree_find(const struct gf_id_tree *tree, struct gf_id id);

/* gf_id_tree_add - a new record with this id, which no record has; zeroes but for the id. */
void *gf_id_tree_add(struct gf_id_tree *tree, struct gf_id id);

/* gf_id_tree_remove - the record with this id; false when there is none. */
bool gf_id_tree_remove(struct gf_id_tree *tree, struct gf_id id);

/* A place in a tree; leaf NULL: behind an end. Good until the tree changes. */
struct gf_id_cursor {
    struct gf_id_leaf *leaf;
    uint32_t index;
};

/* gf_id_tree_seek - the first record whose id is at least `id`. */
struct gf_id_cursor gf_id_tree_seek(const struct gf_id_tree *tree, struct gf_id id);

/* gf_id_tree_seek_back - the last record whose id is at most `id`. */
struct gf_id_cursor gf_id_tree_seek_back(const struct gf_id_tree *tree, struct gf_id id);

/* gf_id_cursor_at - the record there, or NULL behind an end. */
static inline void *gf_id_cursor_at(const struct gf_id_tree *tree, struct gf_id_cursor cursor)
{
    return cursor.leaf ? cursor.leaf->records + (uint64_t)cursor.index * tree->record_size : NULL;
}

static inline void gf_id_cursor_next(struct gf_id_cursor *cursor)
{
    if (++cursor->index >= cursor->leaf->count)
        *cursor = (struct gf_id_cursor){.leaf = cursor->leaf->next};
}

static inline void gf_id_cursor_previous(struct gf_id_cursor *cursor)
{
    if (cursor->index == 0) {
        cursor->leaf = cursor->leaf->prev;
        cursor->index = cursor->leaf ? cursor->leaf->count : 1;
    }
    cursor->index--;
}

/* gf_id_tree_first, gf_id_tree_last - the records at the ends; NULL when the tree is empty. */
static inline void *gf_id_tree_first(const struct gf_id_tree *tree)
{
    return tree->first ? tree->first->records : NULL;
}

static inline void *gf_id_tree_last(const struct gf_id_tree *tree)
{
    return tree->last ? tree->last->records + (tree->last->count - 1) * (uint64_t)tree->record_size
                      : NULL;
}

/* gf_id_tree_memory - bytes of its nodes, about: every node counts as the last leaf does. */
uint64_t gf_id_tree_memory(const struct gf_id_tree *tree);

/* gf_id_tree_check - asserts every invariant; O(n). */
void gf_id_tree_check(const struct gf_id_tree *tree);
