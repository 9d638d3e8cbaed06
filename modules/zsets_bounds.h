/* Where a range of a sorted set begins and ends, as clients write it: by rank, by score ("1", "(1",
 * "-inf"), or by member ("[a", "(a", "-", "+").
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "modules/zsets.h"

enum gf_zset_by {
    GF_ZSET_BY_RANK,
    GF_ZSET_BY_SCORE,
    GF_ZSET_BY_LEX,
};

/* Both ends, as they were read. */
struct gf_zset_bounds {
    enum gf_zset_by by;
    bool reverse;               /* ranks count from the highest score */
    int64_t start;              /* by rank; negative ones count from the other end */
    int64_t stop;               /* inclusive */
    struct gf_order_bound low;  /* else: pairs below it are not in the range */
    struct gf_order_bound high; /* pairs below it are */
    /* Of BY_LEX: */
    bool low_end;   /* "+" as the low end: nothing is above */
    bool low_begin; /* "-": nothing is below */
    bool high_end;
    bool high_begin;
};

/* gf_zset_bounds_read - the next two words; a mistake is remembered in args.
 *
 * reverse    the first word is the high end (by score, by lex)
 */
void gf_zset_bounds_read(struct gf_args *args, enum gf_zset_by by, bool reverse,
                         struct gf_zset_bounds *ret_bounds);

/* Pairs of a sorted set: `count` from the one with rank `first` on, upward. */
struct gf_zset_range {
    uint64_t first;
    uint64_t count;
};

struct gf_zset_range gf_zset_bounds_find(const struct gf_zset_bounds *bounds,
                                         const struct gf_zset *zset);
