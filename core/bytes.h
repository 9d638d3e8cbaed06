/* A view of bytes: compare, fold case, and numbers as Redis reads and writes them.
 *
 * A view owns nothing. It is not terminated by a zero and may contain any byte.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct gf_bytes {
    const char *data; /* may be NULL only when size is 0 */
    size_t size;
};

/* GF_BYTES - view of a string literal. */
#define GF_BYTES(literal) ((struct gf_bytes){.data = "" literal, .size = sizeof(literal) - 1})

static inline struct gf_bytes gf_bytes_of(const char *text)
{
    return (struct gf_bytes){.data = text, .size = strlen(text)};
}

/* Equal in 8 .. 16 bytes, by two loads that may overlap: half the time of a call to memcmp. */
static inline bool gf_bytes_equal_short(const char *a, const char *b, size_t size)
{
    uint64_t head_a, head_b, tail_a, tail_b;

    memcpy(&head_a, a, sizeof(head_a));
    memcpy(&head_b, b, sizeof(head_b));
    memcpy(&tail_a, a + size - sizeof(tail_a), sizeof(tail_a));
    memcpy(&tail_b, b + size - sizeof(tail_b), sizeof(tail_b));
    return ((head_a ^ head_b) | (tail_a ^ tail_b)) == 0;
}

/* The same for 4 .. 7 bytes. */
static inline bool gf_bytes_equal_tiny(const char *a, const char *b, size_t size)
{
    uint32_t head_a, head_b, tail_a, tail_b;

    memcpy(&head_a, a, sizeof(head_a));
    memcpy(&head_b, b, sizeof(head_b));
    memcpy(&tail_a, a + size - sizeof(tail_a), sizeof(tail_a));
    memcpy(&tail_b, b + size - sizeof(tail_b), sizeof(tail_b));
    return ((head_a ^ head_b) | (tail_a ^ tail_b)) == 0;
}

static inline bool gf_bytes_equal(struct gf_bytes a, struct gf_bytes b)
{
    if (a.size != b.size)
        return false;
    if (a.size - 8 <= 8)
        return gf_bytes_equal_short(a.data, b.data, a.size);
    /* Names that are much alike differ at their ends. */
    if (a.size - 17 <= 15)
        return gf_bytes_equal_short(a.data + a.size - 16, b.data + b.size - 16, 16) &&
               gf_bytes_equal_short(a.data, b.data, 16);
    if (a.size - 4 <= 3)
        return gf_bytes_equal_tiny(a.data, b.data, a.size);
    return a.size == 0 || memcmp(a.data, b.data, a.size) == 0;
}

/* gf_bytes_compare - memcmp order, a prefix before the longer; <0, 0, >0. */
int gf_bytes_compare(struct gf_bytes a, struct gf_bytes b);

/* gf_bytes_is - `bytes` spells `word` (a C string), ignoring the case of ASCII letters. */
bool gf_bytes_is(struct gf_bytes bytes, const char *word);

/* gf_bytes_match - Redis's glob: * ? [a-z] [^a] \x. Bounded by pattern.size * text.size.
 *
 * Two corners are Redis's own: an empty text is matched only by an empty pattern and by "*", and a
 * pattern with more than 1000 separate stars matches nothing.
 *
 * nocase     fold ASCII letters
 */
bool gf_bytes_match(struct gf_bytes pattern, struct gf_bytes text, bool nocase);

/* gf_bytes_parse_i64 - strict signed decimal, as Redis's string2ll.
 *
 * No spaces, no plus, no leading zeroes ("0" itself is fine), no "-0"; the whole view must be
 * the number.
 *
 * Returns    true and *ret_value, or false with *ret_value untouched.
 */
bool gf_bytes_parse_i64(struct gf_bytes bytes, int64_t *ret_value);

/* gf_bytes_parse_u64 - unsigned decimal (SCAN cursors): digits only, leading zeroes are fine. */
bool gf_bytes_parse_u64(struct gf_bytes bytes, uint64_t *ret_value);

/* gf_bytes_parse_long_double - as Redis reads INCRBYFLOAT's numbers: strtold of the whole view,
 * no leading space, no NaN, shorter than GF_LONG_DOUBLE_TEXT_MAX ("inf" is accepted; the caller
 * judges the result).
 */
bool gf_bytes_parse_long_double(struct gf_bytes bytes, long double *ret_value);

/* gf_bytes_parse_double - the same for doubles. */
bool gf_bytes_parse_double(struct gf_bytes bytes, double *ret_value);

/* gf_bytes_parse_double_loose - as Redis reads the ends of score ranges: strtod of the text up to
 * its first zero byte, spaces in front and infinities included; nothing at all is 0. No NaN. */
bool gf_bytes_parse_double_loose(struct gf_bytes bytes, double *ret_value);

/* gf_bytes_parse_memory - "100mb", "1g", "64k", "12" → bytes; k=1000, kb=1024 as in redis.conf.
 * Redis reads the number with strtoull: none is 0, and one above UINT64_MAX is UINT64_MAX. */
bool gf_bytes_parse_memory(struct gf_bytes bytes, uint64_t *ret_value);

#define GF_I64_TEXT_MAX 20           /* "-9223372036854775808" */
#define GF_LONG_DOUBLE_TEXT_MAX 5120 /* %.17Lf of the largest long double, and its zeroes */
#define GF_DOUBLE_TEXT_MAX 40        /* "-1.7976931348623157e+308", rounded up */

/* gf_i64_format - decimal text of `value`.
 *
 * text       at least GF_I64_TEXT_MAX bytes; not terminated
 * Returns    its size, 1 .. 20
 */
size_t gf_i64_format(char *text, int64_t value);
size_t gf_u64_format(char *text, uint64_t value);

/* gf_long_double_format - "human" text as INCRBYFLOAT answers: %.17Lf without trailing zeroes.
 *
 * text       at least GF_LONG_DOUBLE_TEXT_MAX bytes; not terminated
 * Returns    its size
 */
size_t gf_long_double_format(char *text, long double value);

/* gf_double_format - %.17g, "inf", "-inf", "nan", "-0": as Redis 7.0 writes doubles (0.1 becomes
 * 0.10000000000000001).
 *
 * text       at least GF_DOUBLE_TEXT_MAX bytes; not terminated
 * Returns    its size
 */
size_t gf_double_format(char *text, double value);
