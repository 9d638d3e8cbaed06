/* What the files of the sorted sets share: how one is stored, found, read and changed.
 *
 *   zsets.c           the type; scores: ZADD, ZINCRBY, ZREM, ZSCORE, ZMSCORE, ZCARD
 *   zsets_value.c     the small form, and changes of either form
 *   zsets_big.c       the big form
 *   zsets_walk.c      reading pairs in order
 *   zsets_type.c      copies, saves, digests
 *   zsets_range.c     ZRANGE and its relatives, ZRANGESTORE
 *   zsets_rank.c      ranks and counts; ZREMRANGEBY…
 *   zsets_pop.c       the lowest and highest, waited for or not
 *   zsets_combine.c   ZUNION, ZINTER, ZDIFF and what stores them
 *   zsets_random.c    ZRANDMEMBER, ZSCAN
 *   geo*.c            places: sorted sets whose scores are positions
 *
 *   GF_ZSET_PACKED  count (2 bytes, low first), then a run of     few members, all short
 *                   modules/packed.h: member, score, member, …
 *                   in order. A score that is an integer is kept
 *                   as one, any other as the 8 bytes of the double.
 *   GF_ZSET_TREE    pointer to a struct gf_zset_tree              all others
 *
 * A sorted set that has become big stays so until it is stored anew.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "modules/block.h"
#include "modules/dict.h"
#include "modules/module.h"
#include "modules/object.h"
#include "modules/order.h"
#include "modules/place.h"

struct gf_object;

enum gf_zset_encoding { GF_ZSET_PACKED, GF_ZSET_TREE };

#define GF_ZSET_HEAD 2u          /* bytes in front of the run */
#define GF_ZSET_SMALL_MAX 65535u /* pairs of a small one, whatever the limits say */

/* The big form: by member, and by order. A long member is kept once, by `scores`. */
struct gf_zset_tree {
    struct gf_dict scores;
    struct gf_order order;
    uint32_t ahead; /* the bucket of `scores` that was thought of last as one of the next: a hint */
};

/* A sorted set: under its key, or (place.keyspace NULL) in the making. */
struct gf_zset {
    struct gf_place place;
    struct gf_object *object;  /* NULL: there is none yet, or no key. Moves when it changes. */
    struct gf_zset_tree *tree; /* NULL: it is small */
    struct gf_block block;     /* of a small one; data NULL when it is empty and has no object */
    uint64_t count;
    const struct gf_limits *limits;
    bool keeps_sign; /* of -0: it is made to be answered only */
    uint64_t hash_seed;
    uint64_t now_ms;
};

/* gf_zset_open - the sorted set at a place; empty when there is none. False when another type is
 * there: the error is answered then. */
bool gf_zset_open(struct gf_exec *x, const struct gf_place *place, struct gf_zset *ret_zset);

/* gf_zset_init - an empty one in the making. */
void gf_zset_init(const struct gf_exec *x, struct gf_zset *zset);
/* gf_zset_deinit - frees one in the making; does nothing to one under its key. */
void gf_zset_deinit(struct gf_zset *zset);

/* gf_zset_of - the one in an object that is known to be a sorted set; for reading. */
struct gf_zset gf_zset_of(const struct gf_object *object);

/* gf_zset_fill - one in the making out of all keys and scores of a dict, which is used up. False
 * when there is no memory; both are empty then. pace: NULL, or it may pause. */
bool gf_zset_fill(struct gf_zset *zset, struct gf_dict *scores, struct gf_pace *pace);

/* gf_zset_store - put one in the making under `place`, whatever is there; an empty one removes the
 * key. It is used up. False when there is no memory: nothing has changed then. */
bool gf_zset_store(struct gf_exec *x, const struct gf_place *place, struct gf_zset *zset);

/* gf_zset_store_result - what a command that stores does at its end: store, answer the count, tell.
 *
 * event      of the change; a key that is gone is told of as "del"
 */
void gf_zset_store_result(struct gf_exec *x, const struct gf_place *place, struct gf_zset *zset,
                          const char *event);

/* Reading: */

/* gf_zset_score - false when the member is not there. */
bool gf_zset_score(const struct gf_zset *zset, struct gf_bytes member, double *ret_score);

/* gf_zset_below - how many pairs are below the bound. */
uint64_t gf_zset_below(const struct gf_zset *zset, const struct gf_order_bound *bound);

#define GF_ZSET_WALK_BACK 64u

/* Pairs in order, or against it. The sorted set must not change. */
struct gf_zset_walk {
    const struct gf_zset *zset; /* borrowed */
    uint64_t rank;              /* of the next pair */
    uint64_t left;
    bool reverse;
    struct gf_order_cursor cursor;       /* big */
    const char *at;                      /* small, forward: the next pair */
    const char *back[GF_ZSET_WALK_BACK]; /* small, reverse: up to `rank`, which is the last */
    uint32_t back_count;
    struct gf_packed_view member; /* of the last pair; good as long as the sorted set */
    char text[GF_PACKED_TEXT_MAX];
};

/* gf_zset_walk_init - up to `count` pairs from the one with rank `first` on, which may not exist.
 *
 * reverse    ranks go down
 */
void gf_zset_walk_init(struct gf_zset_walk *walk, const struct gf_zset *zset, uint64_t first,
                       uint64_t count, bool reverse);
/* gf_zset_walk_next - false at the end. The member is good until the next call. */
bool gf_zset_walk_next(struct gf_zset_walk *walk, struct gf_order_pair *ret_pair);

/* gf_zset_reply_pair - one pair as ranges answer it. nested: an array of two, with the score. */
void gf_zset_reply_pair(struct gf_reply *reply, const struct gf_order_pair *pair, bool with_score,
                        bool nested);

/* Several, one behind the other. */
struct gf_zset_answer {
    uint64_t first; /* rank of the first; may not exist */
    uint64_t count; /* at most */
    bool reverse;   /* ranks go down */
    bool with_scores;
    bool nested;
};

/* gf_zset_reply - the elements; the aggregate around them is the caller's. Of a big one it may
 * pause. */
void gf_zset_reply(struct gf_exec *x, const struct gf_zset *zset,
                   const struct gf_zset_answer *answer);

/* Changing. Nothing here tells of the change (gf_exec_changed). */

enum gf_zset_flag {
    GF_ZSET_NX = 1u << 0,   /* only members that are not there */
    GF_ZSET_XX = 1u << 1,   /* only members that are there */
    GF_ZSET_GT = 1u << 2,   /* no score becomes less */
    GF_ZSET_LT = 1u << 3,   /* no score becomes more */
    GF_ZSET_INCR = 1u << 4, /* add to the score */
};

enum gf_zset_added {
    GF_ZSET_ADDED,
    GF_ZSET_CHANGED,
    GF_ZSET_SAME,      /* it has that score already */
    GF_ZSET_REFUSED,   /* by a flag */
    GF_ZSET_NAN,       /* inf - inf; nothing has changed */
    GF_ZSET_NO_MEMORY, /* nothing has changed */
};

/* gf_zset_add - a member gets a score.
 *
 * flags      enum gf_zset_flag
 * score      in: to have or to add; out: the one it has now, when it was ADDED, CHANGED or SAME
 */
enum gf_zset_added gf_zset_add(struct gf_zset *zset, struct gf_bytes member, uint32_t flags,
                               double *score);

/* gf_zset_finish - after the last gf_zset_add: a new one gets its key. False when there is no
 * memory: the error is answered then. */
bool gf_zset_finish(struct gf_exec *x, struct gf_zset *zset);

/* gf_zset_remove - false when it is not there. */
bool gf_zset_remove(struct gf_zset *zset, struct gf_bytes member);

/* gf_zset_remove_range - `count` pairs from rank `first` on, all of which exist. pace: NULL, or it
 * may pause before the last. */
void gf_zset_remove_range(struct gf_zset *zset, uint64_t first, uint64_t count,
                          struct gf_pace *pace);

/* gf_zset_removed - after the last remove: the key of an empty one goes; tells of the change.
 *
 * event      of the change; "del" follows when the key went
 */
void gf_zset_removed(struct gf_exec *x, struct gf_zset *zset, const char *event);

/* The big form (zsets_big.c): */

struct gf_zset_tree *gf_zset_tree_create(uint64_t hash_seed);
void gf_zset_tree_destroy(struct gf_zset_tree *tree);
/* gf_zset_tree_add - a member that is not there. False when there is no memory. */
bool gf_zset_tree_add(struct gf_zset_tree *tree, struct gf_bytes member, double score);
/* gf_zset_tree_rescore - a member that is there. */
void gf_zset_tree_rescore(struct gf_zset_tree *tree, struct gf_bytes member, double score,
                          double new_score);
void gf_zset_tree_remove(struct gf_zset_tree *tree, struct gf_bytes member, double score);
void gf_zset_tree_remove_range(struct gf_zset_tree *tree, uint64_t first, uint64_t count,
                               struct gf_pace *pace);
/* gf_zset_tree_sort - `scores` is complete: make `order` of it. pace: NULL, or it may pause. */
void gf_zset_tree_sort(struct gf_zset_tree *tree, struct gf_pace *pace);

/* Parts of the small form (zsets_value.c): */

/* gf_zset_read_score - the score at `at` of a run; returns what follows. */
const char *gf_zset_read_score(const char *at, double *ret_score);

/* gf_zset_append - a pair above all others, to a small one in the making that has room. False when
 * there is no memory. */
bool gf_zset_append(struct gf_zset *zset, struct gf_bytes member, double score);

/* gf_zset_count_of - pairs in an object. */
uint64_t gf_zset_count_of(const struct gf_object *object);

extern const struct gf_type gf_zset_type;

/* gf_zset_check - asserts every invariant; O(n). */
void gf_zset_check(const struct gf_object *object);
