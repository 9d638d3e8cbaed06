/* The lines that begin every RESP element: a type, a number, CR LF ("$5\r\n", "*2\r\n", ":0\r\n").
 *
 * Numbers below GF_LINES_COUNT come from a table: one 8-byte store, of which only the bytes that
 * count are kept. It covers most sizes, most counts, and most answers of commands that count.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "core/assert.h"
#include "core/bytes.h"

#define GF_LINE_SIZE_MAX (1 + GF_I64_TEXT_MAX + 2) /* type, number, CR LF */
#define GF_LINES_COUNT 100

/* What follows the type byte of a line with a small number. */
struct gf_line_number {
    char text[7];
    uint8_t size;
};

_Static_assert(sizeof(struct gf_line_number) == 8, "copied with one store");

#define GF_LINE_1(ones)                                                                            \
    {                                                                                              \
        .text = {'0' + (ones), '\r', '\n'}, .size = 3                                              \
    }
#define GF_LINE_2(tens, ones)                                                                      \
    {                                                                                              \
        .text = {'0' + (tens), '0' + (ones), '\r', '\n'}, .size = 4                                \
    }
#define GF_LINES_10(LINE)                                                                          \
    LINE(0), LINE(1), LINE(2), LINE(3), LINE(4), LINE(5), LINE(6), LINE(7), LINE(8), LINE(9)
#define GF_LINES_OF(t)                                                                             \
    GF_LINE_2(t, 0), GF_LINE_2(t, 1), GF_LINE_2(t, 2), GF_LINE_2(t, 3), GF_LINE_2(t, 4),           \
        GF_LINE_2(t, 5), GF_LINE_2(t, 6), GF_LINE_2(t, 7), GF_LINE_2(t, 8), GF_LINE_2(t, 9)

static const struct gf_line_number gf_line_numbers[] = {
    GF_LINES_10(GF_LINE_1), GF_LINES_OF(1), GF_LINES_OF(2), GF_LINES_OF(3), GF_LINES_OF(4),
    GF_LINES_OF(5),         GF_LINES_OF(6), GF_LINES_OF(7), GF_LINES_OF(8), GF_LINES_OF(9),
};

_Static_assert(GF_COUNT(gf_line_numbers) == GF_LINES_COUNT, "one line per number below 100");

/* gf_line_write - type, number, CR LF.
 *
 * p          has GF_LINE_SIZE_MAX bytes
 * Returns    what follows the line
 */
static inline char *gf_line_write(char *p, char type, uint64_t number)
{
    *p++ = type;
    if (GF_LIKELY(number < GF_LINES_COUNT)) {
        memcpy(p, &gf_line_numbers[number], sizeof(struct gf_line_number));
        return p + gf_line_numbers[number].size;
    }
    p += gf_u64_format(p, number);
    *p++ = '\r';
    *p++ = '\n';
    return p;
}
