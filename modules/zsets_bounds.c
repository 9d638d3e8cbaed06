/* From the words of a range to the ranks it covers. */
#include "modules/zsets_bounds.h"

/* An end by score, "(" in front of it: exclusive. The number is read as loosely as Redis does. */
static bool score_parse(struct gf_bytes word, bool high, struct gf_order_bound *ret_bound)
{
    bool exclusive = word.size > 0 && word.data[0] == '(';
    double score;

    if (exclusive)
        word = (struct gf_bytes){.data = word.data + 1, .size = word.size - 1};
    if (!gf_bytes_parse_double_loose(word, &score))
        return false;
    /* What is equal to an inclusive high end is below the end of the range. */
    *ret_bound = gf_order_bound_score(score, exclusive != high);
    return true;
}

/* The same by member; "-" and "+" are the ends of everything. */
static bool lex_parse(struct gf_bytes word, bool high, struct gf_order_bound *ret_bound,
                      bool *ret_begin, bool *ret_end)
{
    char first = word.size > 0 ? word.data[0] : '\0';
    struct gf_bytes member;

    *ret_begin = first == '-';
    *ret_end = first == '+';
    *ret_bound = gf_order_bound_member(GF_BYTES(""), false);
    if (first == '-' || first == '+')
        return word.size == 1 || word.data[1] == '\0';
    if (first != '(' && first != '[')
        return false;
    member = (struct gf_bytes){.data = word.data + 1, .size = word.size - 1};
    *ret_bound = gf_order_bound_member(member, (first == '(') != high);
    return true;
}

static void read_scores(struct gf_args *args, const struct gf_bytes *ends,
                        struct gf_zset_bounds *bounds)
{
    if (!score_parse(ends[0], false, &bounds->low) || !score_parse(ends[1], true, &bounds->high))
        gf_args_fail(args, GF_MSG_SCORE_RANGE);
}

static void read_lex(struct gf_args *args, const struct gf_bytes *ends,
                     struct gf_zset_bounds *bounds)
{
    if (!lex_parse(ends[0], false, &bounds->low, &bounds->low_begin, &bounds->low_end) ||
        !lex_parse(ends[1], true, &bounds->high, &bounds->high_begin, &bounds->high_end))
        gf_args_fail(args, GF_MSG_LEX_RANGE);
}

void gf_zset_bounds_read(struct gf_args *args, enum gf_zset_by by, bool reverse,
                         struct gf_zset_bounds *ret_bounds)
{
    struct gf_bytes ends[2];

    *ret_bounds = (struct gf_zset_bounds){.by = by, .reverse = reverse};
    if (by == GF_ZSET_BY_RANK) {
        ret_bounds->start = gf_args_next_i64(args);
        ret_bounds->stop = gf_args_next_i64(args);
        return;
    }
    ends[reverse] = gf_args_next(args);
    ends[!reverse] = gf_args_next(args);
    if (by == GF_ZSET_BY_SCORE)
        read_scores(args, ends, ret_bounds);
    else
        read_lex(args, ends, ret_bounds);
}

static struct gf_zset_range find_ranks(const struct gf_zset_bounds *bounds, uint64_t count)
{
    int64_t size = (int64_t)count;
    int64_t start = bounds->start < 0 ? bounds->start + size : bounds->start;
    int64_t stop = bounds->stop < 0 ? bounds->stop + size : bounds->stop;

    if (start < 0)
        start = 0;
    if (stop >= size)
        stop = size - 1;
    if (start > stop)
        return (struct gf_zset_range){0};
    return (struct gf_zset_range){
        .first = (uint64_t)(bounds->reverse ? size - 1 - stop : start),
        .count = (uint64_t)(stop - start + 1),
    };
}

struct gf_zset_range gf_zset_bounds_find(const struct gf_zset_bounds *bounds,
                                         const struct gf_zset *zset)
{
    uint64_t first;
    uint64_t end;

    if (bounds->by == GF_ZSET_BY_RANK)
        return find_ranks(bounds, zset->count);
    first = bounds->low_end ? zset->count : 0;
    end = bounds->high_end ? zset->count : 0;
    if (!bounds->low_end && !bounds->low_begin)
        first = gf_zset_below(zset, &bounds->low);
    if (!bounds->high_end && !bounds->high_begin)
        end = gf_zset_below(zset, &bounds->high);
    return (struct gf_zset_range){.first = first, .count = end > first ? end - first : 0};
}
