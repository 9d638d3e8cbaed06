/* Writing RESP2 and RESP3 answers into a chain.
 *
 * Every verb reserves once, stores without further checks, and commits once. Lines that are a type
 * byte and a number ("$5\r\n", "*2\r\n", ":0\r\n") take their number from a table when it is below
 * 100: one 8-byte store, of which only the bytes that count are committed.
 *
 * An aggregate of unknown count (gf_reply_array_open) leaves LINE_SIZE_MAX bytes free for its header.
 * gf_reply_close writes the header there and moves the bytes behind it, as far as they lie in the
 * same chunk, down to it, so the client sees no gap. Whatever is moved belongs to the aggregate that
 * is being closed, so no token of an outer aggregate points into it. At most a chunk is moved.
 *
 *   open    | ...earlier | (23 bytes free) |
 *   filled  | ...earlier | (23 bytes free) | elements | -> | elements in further chunks |
 *   closed  | ...earlier | *7\r\n | elements |          -> | elements in further chunks |
 */
#include "protocol/reply.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"

#define LINE_SIZE_MAX (1 + GF_I64_TEXT_MAX + 2) /* type, number, CR LF */
#define TABLE_COUNT 100
#define ERROR_ARG_MAX 128  /* bytes of an argument that an error text repeats */
#define DOUBLE_TEXT_MAX 32 /* "-1.2345678901234567e-308" and its zero */

/* Elements owed: the checks of debug builds. owed[0] counts the answer itself. */

#ifdef GF_VERIFY_ENABLED

/* An open aggregate owes any number; what is left of this tells how many came. */
#define OWED_OPEN (UINT64_MAX / 2)

static void owed_reset(struct gf_reply *reply)
{
    reply->depth = 0;
    reply->owed[0] = 1;
}

static void owed_pay(struct gf_reply *reply, uint64_t elements)
{
    GF_VERIFY(reply->owed[reply->depth] >= elements);
    reply->owed[reply->depth] -= elements;
    while (reply->depth > 0 && reply->owed[reply->depth] == 0)
        reply->depth--;
}

/* owed_push - an aggregate begins. It is paid for at once in the one around it, which must stay on the
 * stack until this one is complete: so only the count is taken, and levels are left by owed_pay. */
static void owed_push(struct gf_reply *reply, uint64_t elements)
{
    if (elements == 0)
        return;
    GF_VERIFY(reply->depth + 1 < GF_REPLY_DEPTH_MAX);
    reply->owed[++reply->depth] = elements;
}

static void owed_aggregate(struct gf_reply *reply, uint64_t elements)
{
    GF_VERIFY(reply->owed[reply->depth] > 0);
    reply->owed[reply->depth]--;
    owed_push(reply, elements);
    owed_pay(reply, 0);
}

static void owed_close(struct gf_reply *reply, uint64_t elements)
{
    GF_VERIFY(reply->depth > 0);
    GF_VERIFY(reply->owed[reply->depth] == OWED_OPEN - elements);
    reply->owed[reply->depth] = 0;
    owed_pay(reply, 0);
}

static void owed_check_end(struct gf_reply *reply)
{
    GF_VERIFY(reply->depth == 0);
    GF_VERIFY(reply->owed[0] == 0);
    owed_reset(reply);
}

#else

#define OWED_OPEN 0

static inline void owed_reset(struct gf_reply *reply)
{
    (void)reply;
}

static inline void owed_pay(struct gf_reply *reply, uint64_t elements)
{
    (void)reply;
    (void)elements;
}

static inline void owed_push(struct gf_reply *reply, uint64_t elements)
{
    (void)reply;
    (void)elements;
}

static inline void owed_aggregate(struct gf_reply *reply, uint64_t elements)
{
    (void)reply;
    (void)elements;
}

static inline void owed_close(struct gf_reply *reply, uint64_t elements)
{
    (void)reply;
    (void)elements;
}

static inline void owed_check_end(struct gf_reply *reply)
{
    (void)reply;
}

#endif

void gf_reply_init(struct gf_reply *reply, struct gf_chain *chain, uint8_t resp)
{
    GF_ASSERT(resp == 2 || resp == 3);
    *reply = (struct gf_reply){.chain = chain, .resp = resp};
    owed_reset(reply);
}

void gf_reply_end(struct gf_reply *reply)
{
    owed_check_end(reply);
}

/* Lines. */

/* What follows the type byte of a line with a small number. */
struct number_line {
    char text[7];
    uint8_t size;
};

_Static_assert(sizeof(struct number_line) == 8, "copied with one store");

#define LINE_1(ones)                                                                               \
    {                                                                                              \
        .text = {'0' + (ones), '\r', '\n'}, .size = 3                                              \
    }
#define LINE_2(tens, ones)                                                                         \
    {                                                                                              \
        .text = {'0' + (tens), '0' + (ones), '\r', '\n'}, .size = 4                                \
    }
#define LINES_10(LINE)                                                                             \
    LINE(0), LINE(1), LINE(2), LINE(3), LINE(4), LINE(5), LINE(6), LINE(7), LINE(8), LINE(9)
#define LINES_OF(t)                                                                                \
    LINE_2(t, 0), LINE_2(t, 1), LINE_2(t, 2), LINE_2(t, 3), LINE_2(t, 4), LINE_2(t, 5),            \
        LINE_2(t, 6), LINE_2(t, 7), LINE_2(t, 8), LINE_2(t, 9)

static const struct number_line number_lines[] = {
    LINES_10(LINE_1), LINES_OF(1), LINES_OF(2), LINES_OF(3), LINES_OF(4),
    LINES_OF(5),      LINES_OF(6), LINES_OF(7), LINES_OF(8), LINES_OF(9),
};

_Static_assert(GF_COUNT(number_lines) == TABLE_COUNT, "one line per number below 100");

/* line_write - type, number, CR LF. `p` has LINE_SIZE_MAX bytes; returns what follows the line. */
static inline char *line_write(char *p, char type, uint64_t number)
{
    *p++ = type;
    if (GF_LIKELY(number < TABLE_COUNT)) {
        memcpy(p, &number_lines[number], sizeof(struct number_line));
        return p + number_lines[number].size;
    }
    p += gf_u64_format(p, number);
    *p++ = '\r';
    *p++ = '\n';
    return p;
}

/* chain_end - what was written up to `p` is part of the answer. */
static inline void written(struct gf_reply *reply, const char *from, const char *to)
{
    gf_chain_commit(reply->chain, (size_t)(to - from));
}

/* write_line - a line of its own, in the chain. */
static void write_line(struct gf_reply *reply, char type, uint64_t number)
{
    char *p = gf_chain_reserve(reply->chain, LINE_SIZE_MAX);

    written(reply, p, line_write(p, type, number));
}

/* write_short - a prebuilt answer of at most 8 bytes: stored whole, committed as far as it counts. */
static inline void write_short(struct gf_reply *reply, const char text[8], size_t size)
{
    if (reply->discard)
        return;
    memcpy(gf_chain_reserve(reply->chain, 8), text, 8);
    gf_chain_commit(reply->chain, size);
}

/* WRITE_SHORT - the same for a literal; the array behind it gives the 8 readable bytes. */
#define WRITE_SHORT(reply, literal)                                                                \
    write_short(reply, (const char[8]){literal}, sizeof(literal) - 1)

/* Single elements. */

void gf_reply_ok(struct gf_reply *reply)
{
    owed_pay(reply, 1);
    WRITE_SHORT(reply, "+OK\r\n");
}

void gf_reply_null(struct gf_reply *reply)
{
    owed_pay(reply, 1);
    if (reply->resp == 2)
        WRITE_SHORT(reply, "$-1\r\n");
    else
        WRITE_SHORT(reply, "_\r\n");
}

void gf_reply_null_array(struct gf_reply *reply)
{
    owed_pay(reply, 1);
    if (reply->resp == 2)
        WRITE_SHORT(reply, "*-1\r\n");
    else
        WRITE_SHORT(reply, "_\r\n");
}

void gf_reply_bool(struct gf_reply *reply, bool value)
{
    owed_pay(reply, 1);
    if (reply->resp == 2)
        write_short(reply, value ? ":1\r\n\0\0\0" : ":0\r\n\0\0\0", 4);
    else
        write_short(reply, value ? "#t\r\n\0\0\0" : "#f\r\n\0\0\0", 4);
}

/* write_framed - type, prefix, bytes, CR LF. */
static void write_framed(struct gf_reply *reply, char type, struct gf_bytes bytes)
{
    char *start = gf_chain_reserve(reply->chain, 1 + bytes.size + 2);
    char *p = start;

    *p++ = type;
    memcpy(p, bytes.data, bytes.size);
    p += bytes.size;
    *p++ = '\r';
    *p++ = '\n';
    written(reply, start, p);
}

void gf_reply_status(struct gf_reply *reply, struct gf_bytes text)
{
    owed_pay(reply, 1);
    GF_VERIFY(text.size == 0 || memchr(text.data, '\r', text.size) == NULL);
    GF_VERIFY(text.size == 0 || memchr(text.data, '\n', text.size) == NULL);
    if (!reply->discard)
        write_framed(reply, '+', text);
}

void gf_reply_int(struct gf_reply *reply, int64_t value)
{
    char *start;
    char *p;

    owed_pay(reply, 1);
    if (reply->discard)
        return;
    if (GF_LIKELY(value >= 0)) {
        write_line(reply, ':', (uint64_t)value);
        return;
    }
    start = p = gf_chain_reserve(reply->chain, LINE_SIZE_MAX);
    *p++ = ':';
    p += gf_i64_format(p, value);
    *p++ = '\r';
    *p++ = '\n';
    written(reply, start, p);
}

/* write_bulk - a bulk string: one reserve, one copy. */
static inline void write_bulk(struct gf_reply *reply, struct gf_bytes bytes)
{
    char *start = gf_chain_reserve(reply->chain, LINE_SIZE_MAX + bytes.size + 2);
    char *p = line_write(start, '$', bytes.size);

    if (bytes.size > 0)
        memcpy(p, bytes.data, bytes.size);
    p += bytes.size;
    *p++ = '\r';
    *p++ = '\n';
    written(reply, start, p);
}

void gf_reply_bulk(struct gf_reply *reply, struct gf_bytes bytes)
{
    owed_pay(reply, 1);
    if (!reply->discard)
        write_bulk(reply, bytes);
}

void gf_reply_bulk_text(struct gf_reply *reply, const char *text)
{
    gf_reply_bulk(reply, gf_bytes_of(text));
}

void gf_reply_bulk_int(struct gf_reply *reply, int64_t value)
{
    char text[GF_I64_TEXT_MAX];
    size_t size = gf_i64_format(text, value);

    gf_reply_bulk(reply, (struct gf_bytes){.data = text, .size = size});
}

/* double_format - %.17g, with the same names for what is not a number everywhere. */
static size_t double_format(char *text, double value)
{
    if (isnan(value))
        return (size_t)snprintf(text, DOUBLE_TEXT_MAX, "nan");
    if (isinf(value))
        return (size_t)snprintf(text, DOUBLE_TEXT_MAX, value > 0 ? "inf" : "-inf");
    return (size_t)snprintf(text, DOUBLE_TEXT_MAX, "%.17g", value);
}

void gf_reply_double(struct gf_reply *reply, double value)
{
    char text[DOUBLE_TEXT_MAX];
    struct gf_bytes bytes = {.data = text};

    owed_pay(reply, 1);
    if (reply->discard)
        return;
    bytes.size = double_format(text, value);
    if (reply->resp == 2)
        write_bulk(reply, bytes);
    else
        write_framed(reply, ',', bytes);
}

void gf_reply_long_double(struct gf_reply *reply, long double value)
{
    char text[GF_LONG_DOUBLE_TEXT_MAX];

    owed_pay(reply, 1);
    if (reply->discard)
        return;
    size_t size = gf_long_double_format(text, value);
    write_bulk(reply, (struct gf_bytes){.data = text, .size = size});
}

void gf_reply_verbatim(struct gf_reply *reply, const char *format3, struct gf_bytes text)
{
    char *start;
    char *p;

    GF_ASSERT(strlen(format3) == 3);
    owed_pay(reply, 1);
    if (reply->discard)
        return;
    if (reply->resp == 2) {
        write_bulk(reply, text);
        return;
    }
    start = gf_chain_reserve(reply->chain, LINE_SIZE_MAX + 4 + text.size + 2);
    p = line_write(start, '=', 4 + text.size);
    memcpy(p, format3, 3);
    p[3] = ':';
    p += 4;
    if (text.size > 0)
        memcpy(p, text.data, text.size);
    p += text.size;
    *p++ = '\r';
    *p++ = '\n';
    written(reply, start, p);
}

void gf_reply_bigint(struct gf_reply *reply, struct gf_bytes digits)
{
    owed_pay(reply, 1);
    if (reply->discard)
        return;
    if (reply->resp == 2)
        write_bulk(reply, digits);
    else
        write_framed(reply, '(', digits);
}

/* Aggregates. */

/* aggregate - the header of `count` elements: type3 in RESP3, a flat array in RESP2. */
static void aggregate(struct gf_reply *reply, char type3, uint64_t count, uint64_t elements)
{
    owed_aggregate(reply, elements);
    if (reply->discard)
        return;
    if (reply->resp == 2)
        write_line(reply, '*', elements);
    else
        write_line(reply, type3, count);
}

void gf_reply_array(struct gf_reply *reply, uint64_t count)
{
    aggregate(reply, '*', count, count);
}

void gf_reply_map(struct gf_reply *reply, uint64_t pairs)
{
    aggregate(reply, '%', pairs, pairs * 2);
}

void gf_reply_set(struct gf_reply *reply, uint64_t count)
{
    aggregate(reply, '~', count, count);
}

void gf_reply_push(struct gf_reply *reply, uint64_t count)
{
    aggregate(reply, '>', count, count);
}

void gf_reply_attribute(struct gf_reply *reply, uint64_t pairs)
{
    GF_ASSERT(reply->resp == 3);
    owed_push(reply, pairs * 2); /* beside the element it describes, not instead of it */
    if (!reply->discard)
        write_line(reply, '|', pairs);
}

static struct gf_reply_open aggregate_open(struct gf_reply *reply, char type)
{
    struct gf_chain *chain = reply->chain;
    struct gf_reply_open open = {.type = type};
    char *p;

    owed_aggregate(reply, OWED_OPEN);
    if (reply->discard)
        return open;
    p = gf_chain_reserve(chain, LINE_SIZE_MAX);
    open.chunk = chain->last;
    open.offset = (size_t)(p - chain->last->data);
    gf_chain_commit(chain, LINE_SIZE_MAX);
    return open;
}

struct gf_reply_open gf_reply_array_open(struct gf_reply *reply)
{
    return aggregate_open(reply, '*');
}

struct gf_reply_open gf_reply_map_open(struct gf_reply *reply)
{
    return aggregate_open(reply, '%');
}

struct gf_reply_open gf_reply_set_open(struct gf_reply *reply)
{
    return aggregate_open(reply, '~');
}

/* chunk_shrink - take `size` bytes at `at` out of a chunk; what lies behind them moves down. */
static void chunk_shrink(struct gf_chain *chain, struct gf_chunk *chunk, char *at, size_t size)
{
    bool last = chunk == chain->last;
    char *end = last ? chain->cursor : chunk->data + chunk->used;

    GF_ASSERT(at >= chunk->data);
    GF_ASSERT((size_t)(end - at) >= size);
    memmove(at, at + size, (size_t)(end - at) - size);
    if (last) {
        chain->cursor -= size;
    } else {
        chunk->used -= (uint32_t)size;
        chain->sealed_size -= size;
    }
}

void gf_reply_close(struct gf_reply *reply, struct gf_reply_open open, uint64_t count)
{
    uint64_t elements = open.type == '%' ? count * 2 : count;
    char *header;
    char *end;

    owed_close(reply, elements);
    if (open.chunk == NULL)
        return;
    GF_ASSERT(!reply->discard);
    header = open.chunk->data + open.offset;
    end =
        reply->resp == 2 ? line_write(header, '*', elements) : line_write(header, open.type, count);
    chunk_shrink(reply->chain, open.chunk, end, LINE_SIZE_MAX - (size_t)(end - header));
}

/* Errors. */

/* error_write - a text as an error line; CR and LF in it become spaces. */
static void error_write(struct gf_reply *reply, struct gf_bytes text)
{
    char *line;

    owed_pay(reply, 1);
    reply->failed = true;
    if (reply->discard)
        return;
    line = gf_chain_reserve(reply->chain, 1 + text.size + 2);
    line[0] = '-';
    for (size_t i = 0; i < text.size; i++)
        line[1 + i] = text.data[i] == '\r' || text.data[i] == '\n' ? ' ' : text.data[i];
    line[1 + text.size] = '\r';
    line[2 + text.size] = '\n';
    gf_chain_commit(reply->chain, 1 + text.size + 2);
}

void gf_reply_error(struct gf_reply *reply, enum gf_message_id id)
{
    const char *text = gf_message_text(id);

    GF_VERIFY(strchr(text, '%') == NULL);
    error_write(reply, gf_bytes_of(text));
}

/* argument_cut - what an error text repeats of an argument: up to a zero byte, at most `max` bytes. */
static struct gf_bytes argument_cut(struct gf_bytes argument, size_t max)
{
    return (struct gf_bytes){
        .data = argument.data,
        .size =
            strnlen(argument.data ? argument.data : "", argument.size < max ? argument.size : max),
    };
}

/* append - `bytes` behind what `text` holds, as far as there is room. Returns the new size. */
static size_t append(char *text, size_t size, size_t capacity, struct gf_bytes bytes)
{
    size_t fits = bytes.size < capacity - size ? bytes.size : capacity - size;

    if (fits > 0)
        memcpy(text + size, bytes.data, fits);
    return size + fits;
}

/* error_format - a message with its %s filled by arguments that are cut already. */
static void error_format(struct gf_reply *reply, enum gf_message_id id,
                         const struct gf_bytes arguments[2])
{
    char text[512];
    size_t size = 0;
    uint32_t filled = 0;

    for (const char *p = gf_message_text(id); *p != '\0';) {
        if (p[0] == '%' && p[1] == 's') {
            GF_ASSERT(filled < 2);
            size = append(text, size, sizeof(text), arguments[filled++]);
            p += 2;
        } else {
            size = append(text, size, sizeof(text), (struct gf_bytes){.data = p, .size = 1});
            p++;
        }
    }
    GF_ASSERT(filled > 0);
    error_write(reply, (struct gf_bytes){.data = text, .size = size});
}

void gf_reply_error_format(struct gf_reply *reply, enum gf_message_id id, struct gf_bytes first,
                           struct gf_bytes second)
{
    error_format(reply, id,
                 (struct gf_bytes[2]){argument_cut(first, ERROR_ARG_MAX),
                                      argument_cut(second, ERROR_ARG_MAX)});
}

void gf_reply_error_unknown(struct gf_reply *reply, const struct gf_bytes *words, uint32_t count)
{
    char list[ERROR_ARG_MAX * 2]; /* less than 128 bytes, and one word more with its quotes */
    size_t size = 0;

    GF_ASSERT(count > 0);
    for (uint32_t i = 1; i < count && size < ERROR_ARG_MAX; i++) {
        struct gf_bytes word = argument_cut(words[i], ERROR_ARG_MAX - size);

        size = append(list, size, sizeof(list), GF_BYTES("'"));
        size = append(list, size, sizeof(list), word);
        size = append(list, size, sizeof(list), GF_BYTES("' "));
    }
    error_format(
        reply, GF_MSG_UNKNOWN_COMMAND,
        (struct gf_bytes[2]){argument_cut(words[0], ERROR_ARG_MAX), {.data = list, .size = size}});
}

void gf_reply_raw(struct gf_reply *reply, struct gf_bytes bytes, uint64_t elements)
{
    owed_pay(reply, elements);
    if (!reply->discard)
        gf_chain_append(reply->chain, bytes);
}
