/* Bits within a range of a string: BITCOUNT, BITPOS.
 *
 * A range is given in bytes or in bits; negative places count from the end. A missing key is an
 * endless row of zeroes.
 */
#include "modules/bitmaps.h"

#define PIECE_BITS (32768 * 8) /* of a long string, between two pauses */
#define PIECE_STEPS 32u        /* of gf_exec_pause: less than reading as many elements */
#define STEP_BYTES (PIECE_BITS / 8 / PIECE_STEPS)

/* The words of a range, and then the bits they mean. */
struct range {
    int64_t start;
    int64_t end;
    bool start_given;
    bool end_given;
    bool in_bits;
    bool unit_given;
};

/* BYTE or BIT. */
static void unit_read(struct gf_args *args, struct range *range)
{
    range->unit_given = true;
    if (gf_args_skip_if(args, "BIT"))
        range->in_bits = true;
    else if (!gf_args_skip_if(args, "BYTE"))
        gf_args_fail(args, GF_MSG_SYNTAX);
}

/* The whole string becomes 0 .. -1. */
static void range_finish(struct range *range)
{
    if (!range->start_given)
        range->start = 0;
    if (!range->end_given)
        range->end = -1;
}

/* range_bits - the bits of a string of `size` bytes that a range means, in `start` and `end`. False
 * when there are none. */
static bool range_bits(struct range *range, size_t size)
{
    int64_t total = range->in_bits ? (int64_t)size * 8 : (int64_t)size;

    if (range->start < 0)
        range->start = range->start + total > 0 ? range->start + total : 0;
    if (range->end < 0)
        range->end = range->end + total > 0 ? range->end + total : 0;
    if (range->end >= total)
        range->end = total - 1;
    if (range->start > range->end)
        return false;
    if (!range->in_bits) {
        range->start *= 8;
        range->end = range->end * 8 + 7;
    }
    return true;
}

/* range_is_long - see gf_exec_is_long. */
static bool range_is_long(struct gf_exec *x, struct gf_bytes bytes)
{
    return gf_exec_is_long(x, 1 + bytes.size / STEP_BYTES);
}

static int64_t count_pieces(struct gf_exec *x, struct gf_bytes bytes, const struct range *range)
{
    uint64_t count = 0;

    for (int64_t first = range->start; first <= range->end; first += PIECE_BITS) {
        int64_t last = range->end - first < PIECE_BITS ? range->end : first + PIECE_BITS - 1;

        count += gf_bits_count(bytes, (uint64_t)first, (uint64_t)last);
        gf_exec_pause(x, PIECE_STEPS);
    }
    return (int64_t)count;
}

void gf_bitmap_count_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct range range = {0};
    char text[GF_I64_TEXT_MAX];
    struct gf_object *object;

    if (gf_args_left(x->args) == 1)
        gf_args_fail(x->args, GF_MSG_SYNTAX); /* a start without an end */
    if (gf_args_left(x->args) == 2 || gf_args_left(x->args) == 3) {
        range.start_given = range.end_given = true;
        range.start = gf_args_next_i64(x->args);
        range.end = gf_args_next_i64(x->args);
        if (gf_args_left(x->args) > 0)
            unit_read(x->args, &range);
    }
    if (!gf_args_finish(x->args, x->reply) || !gf_string_find(x, key, &object))
        return;
    range_finish(&range);

    bool empty = range.start < 0 && range.end < 0 && range.start > range.end;
    struct gf_bytes bytes = object != NULL ? gf_string_bytes(object, text) : GF_BYTES("");

    if (range_is_long(x, bytes))
        return;
    if (empty || !range_bits(&range, bytes.size))
        gf_reply_int(x->reply, 0);
    else
        gf_reply_int(x->reply, count_pieces(x, bytes, &range));
}

/* [start [end [BYTE|BIT]]]; the unit is looked at before the end is a number, as Redis does. */
static struct range pos_range_read(struct gf_args *args)
{
    struct range range = {0};

    if (gf_args_left(args) == 0)
        return range;
    range.start_given = true;
    range.start = gf_args_next_i64(args);
    if (gf_args_left(args) == 0)
        return range;

    struct gf_bytes end = gf_args_next(args);

    range.end_given = true;
    if (gf_args_left(args) > 0)
        unit_read(args, &range);
    if (!gf_bytes_parse_i64(end, &range.end))
        gf_args_fail(args, GF_MSG_NOT_INTEGER);
    return range;
}

static int64_t pos_find(struct gf_exec *x, struct gf_bytes bytes, bool bit, struct range *range)
{
    int64_t found = -1;

    if (!range_bits(range, bytes.size))
        return -1;
    for (int64_t first = range->start; found < 0 && first <= range->end; first += PIECE_BITS) {
        int64_t last = range->end - first < PIECE_BITS ? range->end : first + PIECE_BITS - 1;

        found = gf_bits_find(bytes, bit, (uint64_t)first, (uint64_t)last);
        gf_exec_pause(x, PIECE_STEPS);
    }
    /* Behind a string whose end nobody named there are zeroes. */
    if (found < 0 && !bit && !range->end_given)
        return range->end + 1;
    return found;
}

void gf_bitmap_pos_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    int64_t bit = gf_args_next_i64(x->args);
    char text[GF_I64_TEXT_MAX];
    struct gf_object *object;
    struct range range;

    if (bit != 0 && bit != 1)
        gf_args_fail(x->args, GF_MSG_BITPOS_BIT);
    if (gf_args_left(x->args) > 3)
        gf_args_fail(x->args, GF_MSG_SYNTAX);
    range = pos_range_read(x->args);
    if (!gf_args_finish(x->args, x->reply) || !gf_string_find(x, key, &object))
        return;
    range_finish(&range);
    if (object == NULL)
        gf_reply_int(x->reply, bit ? -1 : 0);
    else if (!range_is_long(x, gf_string_bytes(object, text)))
        gf_reply_int(x->reply, pos_find(x, gf_string_bytes(object, text), bit != 0, &range));
}
