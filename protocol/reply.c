/* Writing RESP2 and RESP3 answers into a chain.
 *
 * Every verb reserves once, stores without further checks, and commits once.
 *
 * An aggregate of unknown count (gf_reply_array_open) leaves GF_LINE_SIZE_MAX bytes free for its
 * header. gf_reply_close writes the header there and moves the bytes behind it, as far as they lie
 * in the same chunk, down to it, so the client sees no gap. Whatever is moved belongs to the
 * aggregate that is being closed, so no token of an outer aggregate points into it. At most a chunk
 * is moved.
 *
 *   open    | ...earlier | (23 bytes free) |
 *   filled  | ...earlier | (23 bytes free) | elements | -> | elements in further chunks |
 *   closed  | ...earlier | *7\r\n | elements |          -> | elements in further chunks |
 */
#include "protocol/reply.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "protocol/line.h"
#include "protocol/owed.h"

#define ERROR_ARG_MAX 128     /* bytes of an argument that "unknown command" repeats */
#define ERROR_ARG_LIMIT 65536 /* and any other text; Redis has no limit there */
#define COPY_MAX 8192         /* bytes of a string that are worth leaving a chunk's rest empty */

void gf_reply_init(struct gf_reply *reply, struct gf_chain *chain, uint8_t resp)
{
    GF_ASSERT(resp == 2 || resp == 3);
    *reply = (struct gf_reply){.chain = chain, .resp = resp};
    gf_owed_reset(reply);
}

void gf_reply_end(struct gf_reply *reply)
{
    gf_owed_check_end(reply);
}

/* What every verb does. */

/* written - what was written from `from` to `to` is part of the answer. */
static inline void written(struct gf_reply *reply, const char *from, const char *to)
{
    gf_chain_commit(reply->chain, (size_t)(to - from));
}

/* write_line - a line of its own, in the chain. */
static void write_line(struct gf_reply *reply, char type, uint64_t number)
{
    char *p = gf_chain_reserve(reply->chain, GF_LINE_SIZE_MAX);

    written(reply, p, gf_line_write(p, type, number));
}

/* write_short - a prebuilt answer of at most 8 bytes: stored whole, committed as far as it
 * counts. */
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
    gf_owed_pay(reply, 1);
    WRITE_SHORT(reply, "+OK\r\n");
}

void gf_reply_null(struct gf_reply *reply)
{
    gf_owed_pay(reply, 1);
    if (reply->resp == 2)
        WRITE_SHORT(reply, "$-1\r\n");
    else
        WRITE_SHORT(reply, "_\r\n");
}

void gf_reply_null_array(struct gf_reply *reply)
{
    gf_owed_pay(reply, 1);
    if (reply->resp == 2)
        WRITE_SHORT(reply, "*-1\r\n");
    else
        WRITE_SHORT(reply, "_\r\n");
}

void gf_reply_bool(struct gf_reply *reply, bool value)
{
    gf_owed_pay(reply, 1);
    if (reply->resp == 2)
        write_short(reply, value ? ":1\r\n\0\0\0" : ":0\r\n\0\0\0", 4);
    else
        write_short(reply, value ? "#t\r\n\0\0\0" : "#f\r\n\0\0\0", 4);
}

/* write_framed - type, bytes, CR LF. */
static void write_framed(struct gf_reply *reply, char type, struct gf_bytes bytes)
{
    char *start = gf_chain_reserve(reply->chain, 1 + bytes.size + 2);
    char *p = start;

    *p++ = type;
    if (bytes.size > 0)
        p = mempcpy(p, bytes.data, bytes.size);
    *p++ = '\r';
    *p++ = '\n';
    written(reply, start, p);
}

void gf_reply_status(struct gf_reply *reply, struct gf_bytes text)
{
    gf_owed_pay(reply, 1);
    GF_VERIFY(text.size == 0 || memchr(text.data, '\r', text.size) == NULL);
    GF_VERIFY(text.size == 0 || memchr(text.data, '\n', text.size) == NULL);
    if (!reply->discard)
        write_framed(reply, '+', text);
}

void gf_reply_int(struct gf_reply *reply, int64_t value)
{
    char *start;
    char *p;

    gf_owed_pay(reply, 1);
    if (reply->discard)
        return;
    if (GF_LIKELY(value >= 0)) {
        write_line(reply, ':', (uint64_t)value);
        return;
    }
    start = p = gf_chain_reserve(reply->chain, GF_LINE_SIZE_MAX);
    *p++ = ':';
    p += gf_i64_format(p, value);
    *p++ = '\r';
    *p++ = '\n';
    written(reply, start, p);
}

/* write_long - a line with the size, a prefix and the bytes, when they are too many for one chunk's
 * rest: they fill it and go on in chunks of their own. */
static void write_long(struct gf_reply *reply, char type, struct gf_bytes prefix,
                       struct gf_bytes bytes)
{
    write_line(reply, type, prefix.size + bytes.size);
    gf_chain_append(reply->chain, prefix);
    gf_chain_append(reply->chain, bytes);
    gf_chain_append(reply->chain, GF_BYTES("\r\n"));
}

/* write_sized - type, size, CR LF, prefix, bytes, CR LF: one reserve, one copy. */
static inline void write_sized(struct gf_reply *reply, char type, struct gf_bytes prefix,
                               struct gf_bytes bytes)
{
    char *start;
    char *p;

    if (GF_UNLIKELY(bytes.size > COPY_MAX)) {
        write_long(reply, type, prefix, bytes);
        return;
    }
    start = gf_chain_reserve(reply->chain, GF_LINE_SIZE_MAX + prefix.size + bytes.size + 2);
    p = gf_line_write(start, type, prefix.size + bytes.size);
    if (prefix.size > 0)
        p = mempcpy(p, prefix.data, prefix.size);
    if (bytes.size > 0)
        p = mempcpy(p, bytes.data, bytes.size);
    *p++ = '\r';
    *p++ = '\n';
    written(reply, start, p);
}

/* A bulk string whose line comes from the table takes no more: the line is stored as 8 bytes. */
#define SHORT_BULK_ROOM (1 + sizeof(struct gf_line_number) + GF_LINES_COUNT + 2)

/* copy_short - `size` bytes in loads that may overlap, without a call. */
static inline void copy_short(char *to, const char *from, size_t size)
{
    if (size >= 16) {
        for (size_t i = 0; i < size - 16; i += 16)
            memcpy(to + i, from + i, 16);
        memcpy(to + size - 16, from + size - 16, 16);
    } else if (size >= 8) {
        memcpy(to, from, 8);
        memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
        memcpy(to, from, 4);
        memcpy(to + size - 4, from + size - 4, 4);
    } else if (size > 0) {
        to[0] = from[0];
        to[size / 2] = from[size / 2];
        to[size - 1] = from[size - 1];
    }
}

static __attribute__((noinline)) void bulk_long(struct gf_reply *reply, struct gf_bytes bytes)
{
    write_sized(reply, '$', GF_BYTES(""), bytes);
}

static inline void write_bulk(struct gf_reply *reply, struct gf_bytes bytes)
{
    struct gf_chain *chain = reply->chain;
    char *p;

    if (GF_UNLIKELY(bytes.size >= GF_LINES_COUNT ||
                    (size_t)(chain->end - chain->cursor) < SHORT_BULK_ROOM)) {
        bulk_long(reply, bytes);
        return;
    }
    p = gf_line_write(chain->cursor, '$', bytes.size);
    copy_short(p, bytes.data, bytes.size);
    p += bytes.size;
    memcpy(p, "\r\n", 2);
    chain->cursor = p + 2;
}

void gf_reply_bulk(struct gf_reply *reply, struct gf_bytes bytes)
{
    gf_owed_pay(reply, 1);
    if (!reply->discard)
        write_bulk(reply, bytes);
}

char *gf_reply_bulk_room(struct gf_reply *reply, size_t size)
{
    char *start;
    char *p;

    GF_ASSERT(size <= COPY_MAX);
    gf_owed_pay(reply, 1);
    if (reply->discard)
        return NULL;
    start = gf_chain_reserve(reply->chain, GF_LINE_SIZE_MAX + size + 2);
    p = gf_line_write(start, '$', size);
    memcpy(p + size, "\r\n", 2);
    written(reply, start, p + size + 2);
    return p;
}

void gf_reply_bulk_chain(struct gf_reply *reply, struct gf_chain *chain)
{
    gf_owed_pay(reply, 1);
    if (reply->discard) {
        gf_chain_clear(chain);
        return;
    }
    write_line(reply, '$', gf_chain_size(chain));
    gf_chain_splice(reply->chain, chain);
    gf_chain_append(reply->chain, GF_BYTES("\r\n"));
}

void gf_reply_bulk_joined(struct gf_reply *reply, struct gf_bytes first, struct gf_bytes second)
{
    gf_owed_pay(reply, 1);
    if (!reply->discard)
        write_sized(reply, '$', first, second);
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

void gf_reply_double(struct gf_reply *reply, double value)
{
    char text[GF_DOUBLE_TEXT_MAX];
    struct gf_bytes bytes = {.data = text};

    gf_owed_pay(reply, 1);
    if (reply->discard)
        return;
    bytes.size = gf_double_format(text, value);
    if (reply->resp == 2)
        write_bulk(reply, bytes);
    else
        write_framed(reply, ',', bytes);
}

void gf_reply_long_double(struct gf_reply *reply, long double value)
{
    char text[GF_LONG_DOUBLE_TEXT_MAX];
    struct gf_bytes bytes = {.data = text};

    gf_owed_pay(reply, 1);
    if (reply->discard)
        return;
    bytes.size = gf_long_double_format(text, value);
    if (reply->resp == 2)
        write_bulk(reply, bytes);
    else
        write_framed(reply, ',', bytes);
}

void gf_reply_double_text(struct gf_reply *reply, double value)
{
    char text[GF_DOUBLE_TEXT_MAX];

    gf_reply_bulk(reply, (struct gf_bytes){.data = text, .size = gf_double_format(text, value)});
}

void gf_reply_verbatim(struct gf_reply *reply, const char *format3, struct gf_bytes text)
{
    char prefix[4] = "txt:";

    GF_ASSERT(strlen(format3) == 3);
    gf_owed_pay(reply, 1);
    if (reply->discard)
        return;
    if (reply->resp == 2) {
        write_bulk(reply, text);
        return;
    }
    memcpy(prefix, format3, 3);
    write_sized(reply, '=', (struct gf_bytes){.data = prefix, .size = 4}, text);
}

/* Aggregates. */

/* aggregate - the header of `count` elements: type3 in RESP3, a flat array in RESP2. */
static void aggregate(struct gf_reply *reply, char type3, uint64_t count, uint64_t elements)
{
    gf_owed_aggregate(reply, elements);
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

static struct gf_reply_open aggregate_open(struct gf_reply *reply, char type)
{
    struct gf_chain *chain = reply->chain;
    struct gf_reply_open open = {.type = type};
    char *p;

    gf_owed_aggregate(reply, GF_OWED_OPEN);
    if (reply->discard)
        return open;
    p = gf_chain_reserve(chain, GF_LINE_SIZE_MAX);
    open.chunk = chain->last;
    open.offset = (size_t)(p - chain->last->data);
    gf_chain_commit(chain, GF_LINE_SIZE_MAX);
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

    gf_owed_close(reply, elements);
    if (open.chunk == NULL)
        return;
    GF_ASSERT(!reply->discard);
    header = open.chunk->data + open.offset;
    end = reply->resp == 2 ? gf_line_write(header, '*', elements)
                           : gf_line_write(header, open.type, count);
    chunk_shrink(reply->chain, open.chunk, end, GF_LINE_SIZE_MAX - (size_t)(end - header));
}

/* Errors. */

/* error_write - a message's text as an error line; CR and LF in it become spaces. */
static void error_write(struct gf_reply *reply, enum gf_message_id id, struct gf_bytes text)
{
    char *line;

    gf_owed_pay(reply, 1);
    reply->failed = true;
    reply->failure = id;
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
    error_write(reply, id, gf_bytes_of(text));
}

/* argument_cut - what an error text repeats of an argument: up to a zero byte, at most `max`
 * bytes. */
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
    char inside[512];
    size_t capacity = strlen(gf_message_text(id)) + arguments[0].size + arguments[1].size;
    char *text = capacity <= sizeof(inside) ? inside : gf_alloc(GF_MEMORY_BUFFERS, capacity);
    size_t size = 0;
    uint32_t filled = 0;

    for (const char *p = gf_message_text(id); *p != '\0';) {
        if (p[0] == '%' && p[1] == 's') {
            GF_ASSERT(filled < 2);
            size = append(text, size, capacity, arguments[filled++]);
            p += 2;
        } else {
            size = append(text, size, capacity, (struct gf_bytes){.data = p, .size = 1});
            p++;
        }
    }
    GF_ASSERT(filled > 0);
    error_write(reply, id, (struct gf_bytes){.data = text, .size = size});
    if (text != inside)
        gf_free(GF_MEMORY_BUFFERS, text);
}

void gf_reply_error_format(struct gf_reply *reply, enum gf_message_id id, struct gf_bytes first,
                           struct gf_bytes second)
{
    size_t max = id == GF_MSG_UNKNOWN_SUBCOMMAND ? ERROR_ARG_MAX : ERROR_ARG_LIMIT;

    error_format(reply, id,
                 (struct gf_bytes[2]){argument_cut(first, max), argument_cut(second, max)});
}

void gf_reply_error_explain(struct gf_reply *reply, enum gf_message_id id, const char *first,
                            const char *second)
{
    error_format(reply, id, (struct gf_bytes[2]){gf_bytes_of(first), gf_bytes_of(second)});
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
    gf_owed_pay(reply, elements);
    if (!reply->discard)
        gf_chain_append(reply->chain, bytes);
}
