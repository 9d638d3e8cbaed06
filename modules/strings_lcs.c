/* LCS: the longest common subsequence of two strings.
 *
 * Dynamic programming over all pairs of prefixes: length(i, j) is one more than length(i-1, j-1)
 * where a[i-1] == b[j-1], else the greater of length(i-1, j) and length(i, j-1). Only one row of
 * lengths is kept. The way back needs one bit per pair, "length(i-1, j) is the greater one", which
 * takes a 32nd of the table of lengths that Redis keeps; the limit counts that table all the same,
 * so that both refuse the same strings.
 */
#include "core/alloc.h"
#include "modules/place.h"
#include "modules/strings.h"

#define LCS_SIZE_MAX (UINT32_MAX - 2) /* bytes of one string */

struct lcs {
    struct gf_bytes a;
    struct gf_bytes b;
    uint32_t *row;  /* owned; length(i, j) by j, for the i last worked on */
    uint64_t *ways; /* owned; bit (i-1) * b.size + (j-1); NULL when only the length is asked for */
};

/* What the words after the keys say. */
struct lcs_options {
    bool length_only;       /* LEN */
    bool matches;           /* IDX */
    bool match_lengths;     /* WITHMATCHLEN */
    int64_t match_size_min; /* MINMATCHLEN */
};

/* A stretch that both strings have in common, places of its first and last byte in each. */
struct lcs_match {
    uint64_t a_first, a_last;
    uint64_t b_first, b_last;
    uint64_t size; /* 0 = none */
};

static bool options_read(struct gf_exec *x, struct lcs_options *ret_options)
{
    struct lcs_options options = {0};

    while (gf_args_left(x->args) > 0 && x->args->error == GF_MSG_NONE) {
        if (gf_args_skip_if(x->args, "IDX"))
            options.matches = true;
        else if (gf_args_skip_if(x->args, "LEN"))
            options.length_only = true;
        else if (gf_args_skip_if(x->args, "WITHMATCHLEN"))
            options.match_lengths = true;
        else if (gf_args_left(x->args) > 1 && gf_args_skip_if(x->args, "MINMATCHLEN"))
            options.match_size_min = gf_args_next_i64(x->args);
        else
            gf_args_fail(x->args, GF_MSG_SYNTAX);
    }
    if (options.matches && options.length_only)
        gf_args_fail(x->args, GF_MSG_LCS_LEN_AND_IDX);
    *ret_options = options;
    return gf_args_ok(x->args, x->reply);
}

/* string_next - the string that the next word names, empty without one; false for another type.
 *
 * text       GF_I64_TEXT_MAX bytes, which the string of a number is written to
 */
static bool string_next(struct gf_exec *x, char *text, struct gf_bytes *ret_bytes)
{
    struct gf_place place = gf_place_next(x);
    struct gf_object *object = gf_place_find(x, &place);

    *ret_bytes = GF_BYTES("");
    if (object == NULL)
        return true;
    if (gf_object_type(object) != GF_TYPE_STRING)
        return false;
    *ret_bytes = gf_string_bytes(object, text);
    return true;
}

/* lcs_alloc - the row, and the ways when they are wanted.
 * Returns GF_MSG_NONE or what is wrong. */
static enum gf_message_id lcs_alloc(struct lcs *lcs, bool ways, uint64_t limit)
{
    uint64_t cells;
    uint64_t table_size;

    if (lcs->a.size > LCS_SIZE_MAX || lcs->b.size > LCS_SIZE_MAX)
        return GF_MSG_LCS_TOO_LONG;
    cells = (lcs->a.size + 1) * (lcs->b.size + 1);
    if (__builtin_mul_overflow(cells, sizeof(uint32_t), &table_size))
        return GF_MSG_LCS_NO_MEMORY;
    if (table_size > limit)
        return GF_MSG_LCS_OVER_LIMIT;

    lcs->row = gf_alloc_try(GF_MEMORY_OTHER, (lcs->b.size + 1) * sizeof(*lcs->row));
    if (lcs->row == NULL)
        return GF_MSG_LCS_NO_MEMORY;
    if (ways) {
        lcs->ways = gf_alloc_try(GF_MEMORY_OTHER, (cells / 64 + 1) * sizeof(*lcs->ways));
        if (lcs->ways == NULL)
            return GF_MSG_LCS_NO_MEMORY;
        memset(lcs->ways, 0, (cells / 64 + 1) * sizeof(*lcs->ways));
    }
    return GF_MSG_NONE;
}

static void lcs_deinit(struct lcs *lcs)
{
    gf_free(GF_MEMORY_OTHER, lcs->row);
    gf_free(GF_MEMORY_OTHER, lcs->ways);
}

/* lcs_solve - fills row and ways; returns the length. */
static uint32_t lcs_solve(struct lcs *lcs)
{
    uint32_t *row = lcs->row;
    uint64_t bit = 0;

    memset(row, 0, (lcs->b.size + 1) * sizeof(*row));
    for (size_t i = 1; i <= lcs->a.size; i++) {
        uint32_t diagonal = 0; /* length(i-1, j-1) */

        for (size_t j = 1; j <= lcs->b.size; j++, bit++) {
            uint32_t above = row[j];
            uint32_t left = row[j - 1];

            if (lcs->a.data[i - 1] == lcs->b.data[j - 1])
                row[j] = diagonal + 1;
            else
                row[j] = above > left ? above : left;
            if (lcs->ways != NULL)
                lcs->ways[bit / 64] |= (uint64_t)(above > left) << (bit % 64);
            diagonal = above;
        }
    }
    return row[lcs->b.size];
}

/* lcs_match_before - the last match that ends before a[*a_end] and b[*b_end]; moves both ends to
 * its beginning. Walks the way that lcs_solve found best. */
static struct lcs_match lcs_match_before(const struct lcs *lcs, uint64_t *a_end, uint64_t *b_end)
{
    uint64_t i = *a_end;
    uint64_t j = *b_end;
    struct lcs_match match = {0};

    while (i > 0 && j > 0 && lcs->a.data[i - 1] != lcs->b.data[j - 1]) {
        uint64_t bit = (i - 1) * lcs->b.size + (j - 1);

        if ((lcs->ways[bit / 64] >> (bit % 64) & 1) != 0)
            i--;
        else
            j--;
    }
    match.a_last = i - 1; /* meaningless, like b_last, when nothing follows */
    match.b_last = j - 1;
    while (i > 0 && j > 0 && lcs->a.data[i - 1] == lcs->b.data[j - 1]) {
        i--;
        j--;
        match.size++;
    }
    match.a_first = i;
    match.b_first = j;
    *a_end = i;
    *b_end = j;
    return match;
}

static void match_reply(struct gf_reply *reply, const struct lcs_match *match, bool with_length)
{
    gf_reply_array(reply, with_length ? 3 : 2);
    gf_reply_array(reply, 2);
    gf_reply_int(reply, (int64_t)match->a_first);
    gf_reply_int(reply, (int64_t)match->a_last);
    gf_reply_array(reply, 2);
    gf_reply_int(reply, (int64_t)match->b_first);
    gf_reply_int(reply, (int64_t)match->b_last);
    if (with_length)
        gf_reply_int(reply, (int64_t)match->size);
}

/* reply_matches - from the last to the first, as they are found. */
static void reply_matches(struct gf_reply *reply, const struct lcs *lcs, uint32_t length,
                          const struct lcs_options *options)
{
    uint64_t a_end = lcs->a.size;
    uint64_t b_end = lcs->b.size;
    uint64_t count = 0;

    gf_reply_map(reply, 2);
    gf_reply_bulk_text(reply, "matches");
    struct gf_reply_open open = gf_reply_array_open(reply);
    while (a_end > 0 && b_end > 0) {
        struct lcs_match match = lcs_match_before(lcs, &a_end, &b_end);

        if (match.size == 0 || (int64_t)match.size < options->match_size_min)
            continue;
        match_reply(reply, &match, options->match_lengths);
        count++;
    }
    gf_reply_close(reply, open, count);
    gf_reply_bulk_text(reply, "len");
    gf_reply_int(reply, length);
}

static void reply_text(struct gf_reply *reply, const struct lcs *lcs, uint32_t length)
{
    char *text = gf_alloc_try(GF_MEMORY_OTHER, length);
    uint64_t a_end = lcs->a.size;
    uint64_t b_end = lcs->b.size;
    uint64_t left = length;

    if (text == NULL) {
        gf_reply_error(reply, GF_MSG_LCS_NO_MEMORY);
        return;
    }
    while (left > 0) {
        struct lcs_match match = lcs_match_before(lcs, &a_end, &b_end);

        left -= match.size;
        memcpy(text + left, lcs->a.data + match.a_first, match.size);
    }
    gf_reply_bulk(reply, (struct gf_bytes){.data = text, .size = length});
    gf_free(GF_MEMORY_OTHER, text);
}

static void reply_answer(struct gf_reply *reply, struct lcs *lcs, const struct lcs_options *options)
{
    uint32_t length = lcs_solve(lcs);

    if (options->matches)
        reply_matches(reply, lcs, length, options);
    else if (options->length_only)
        gf_reply_int(reply, length);
    else
        reply_text(reply, lcs, length);
}

void gf_string_lcs_run(struct gf_exec *x)
{
    char a_text[GF_I64_TEXT_MAX], b_text[GF_I64_TEXT_MAX];
    struct lcs_options options;
    struct lcs lcs = {0};
    enum gf_message_id error;

    if (!string_next(x, a_text, &lcs.a) || !string_next(x, b_text, &lcs.b)) {
        gf_reply_error(x->reply, GF_MSG_LCS_NOT_STRINGS);
        return;
    }
    if (!options_read(x, &options))
        return;

    error = lcs_alloc(&lcs, !options.length_only, x->limits->bulk_size_max);
    if (error != GF_MSG_NONE)
        gf_reply_error(x->reply, error);
    else
        reply_answer(x->reply, &lcs, &options);
    lcs_deinit(&lcs);
}
