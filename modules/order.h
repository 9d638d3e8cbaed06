/* An ordered index of (score, member) pairs with ranks: a B+ tree that counts.
 *
 *   inner nodes   [ entry | entry | … ]           for each of up to 31 children: its first pair's
 *                     |       |                   score and prefix, and how many pairs it has
 *   leaves        [ pairs ] [ pairs ] [ pairs ]   up to 1 KiB, linked both ways (order_leaf.h)
 *
 * Pairs are ordered by score, then by member as memcmp does; -0 and 0 are one score, NaN is none.
 * Every question is turned into ranks: "how many pairs are below this bound" (gf_order_below), and
 * "which pair has this rank" (gf_order_at), both O(log n). A range is the pairs from one rank to
 * another, walked leaf by leaf in either direction.
 *
 * Against a skip list: a pair costs a third more than its own bytes, where a skip list adds 60
 * bytes; a search looks at a few lines of one node per level, and there are 4 levels for a million
 * pairs, where a skip list follows some 20 pointers to as many lines (bench/modules/order_bench.c).
 *
 * The order is a function of the pairs alone, whatever their history.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

struct gf_order_leaf;
struct gf_packed_far;

#define GF_ORDER_NEAR_MAX 250 /* bytes of a member inside the tree: at least 3 fit in a leaf */

/* Invariants (gf_order_check walks them):
 *   pairs ascend strictly from `first` to `last`
 *   a node's entry for a child has the child's first pair and its number of pairs
 *   size == bytes of all nodes
 */
struct gf_order {
    void *root;                  /* owned; a leaf when height is 0; NULL when empty */
    struct gf_order_leaf *first; /* NULL when empty */
    struct gf_order_leaf *last;
    uint64_t count;  /* pairs */
    size_t size;     /* bytes allocated */
    uint32_t height; /* levels of inner nodes */
};

/* One pair. */
struct gf_order_pair {
    double score;
    struct gf_bytes member; /* view into the tree, until it changes */
};

/* A place between two pairs. */
struct gf_order_bound {
    double score;
    struct gf_bytes member;
    bool by_score;  /* scores are compared first … */
    bool by_member; /* … then members */
    bool after;     /* what is equal to the bound is below it */
};

static inline struct gf_order_bound gf_order_bound_score(double score, bool after)
{
    return (struct gf_order_bound){.score = score, .by_score = true, .after = after};
}

/* gf_order_bound_member - of use when all scores are the same. */
static inline struct gf_order_bound gf_order_bound_member(struct gf_bytes member, bool after)
{
    return (struct gf_order_bound){.member = member, .by_member = true, .after = after};
}

static inline struct gf_order_bound gf_order_bound_pair(double score, struct gf_bytes member)
{
    return (struct gf_order_bound){
        .score = score, .member = member, .by_score = true, .by_member = true};
}

/* gf_order_bound_compare - a pair and a bound: negative when the pair is below. Never 0. */
int gf_order_bound_compare(double score, struct gf_bytes member,
                           const struct gf_order_bound *bound);

/* Where a walk is; good until the tree changes. */
struct gf_order_cursor {
    const struct gf_order_leaf *leaf; /* NULL: at the end of the walk */
    uint32_t index;
};

/* gf_order_deinit - frees everything; the index is empty and usable afterwards. A zeroed struct is
 * an empty index. */
void gf_order_deinit(struct gf_order *order);

/* gf_order_free_slice - frees about `budget` pairs of an index that nobody asks any more (its ranks
 * are wrong afterwards); true when it is empty. */
bool gf_order_free_slice(struct gf_order *order, uint64_t budget);

/* gf_order_insert - a pair that is not there yet.
 *
 * member     copied when it is no longer than GF_ORDER_NEAR_MAX; must not be in the tree
 * far        where a longer member is: borrowed until the pair is removed; NULL for a short one
 */
void gf_order_insert(struct gf_order *order, double score, struct gf_bytes member,
                     struct gf_packed_far *far);

/* gf_order_remove - a pair; false when it is not there. */
bool gf_order_remove(struct gf_order *order, double score, struct gf_bytes member);

/* gf_order_remove_at - the pair with that rank, below `count`. */
void gf_order_remove_at(struct gf_order *order, uint64_t rank);

/* gf_order_rescore - a pair that is there gets another score. `member` must not be in the tree. */
void gf_order_rescore(struct gf_order *order, double score, struct gf_bytes member,
                      double new_score);

/* gf_order_below - how many pairs are below the bound: the rank of the first that is not. */
uint64_t gf_order_below(const struct gf_order *order, const struct gf_order_bound *bound);

/* gf_order_at - the pair with that rank; the end when there is none. */
struct gf_order_cursor gf_order_at(const struct gf_order *order, uint64_t rank);

static inline bool gf_order_at_end(const struct gf_order_cursor *cursor)
{
    return cursor->leaf == NULL;
}

/* gf_order_pair - of a cursor that is not at the end. */
struct gf_order_pair gf_order_pair(const struct gf_order_cursor *cursor);
void gf_order_next(struct gf_order_cursor *cursor);
void gf_order_previous(struct gf_order_cursor *cursor);

/* gf_order_check - asserts every invariant; O(n). */
void gf_order_check(const struct gf_order *order);
