/* Values one behind the other in as few bytes as can be: what small hashes, sets and sorted sets
 * are made of, and the buckets of big ones (modules/dict.h).
 *
 * A value is bytes; where they are the decimal text of an integer, the integer is kept instead, and
 * where they are hexadecimal digits, those are kept two to a byte:
 *
 *   first byte  then                           what
 *   00 .. 7f    that many bytes                bytes, 0 .. 127
 *   80 .. ef    nothing                        the integers 0 .. 111
 *   f0 .. f7    1 .. 8 bytes, low ones first   every other integer, signed, as short as it fits
 *   f8          size (2 bytes, low first)      bytes, 128 .. 65535
 *   f9          size (4 bytes, low first)      bytes, 65536 .. GF_PACKED_SIZE_MAX
 *   fa          a pointer (8 bytes)            bytes kept elsewhere: struct gf_packed_far
 *   fb          n (1 byte), n bytes            2n digits, 16 .. 64 and whole words (modules/hex.h)
 *   fc          16 bytes                       the digits of a UUID: 8-4-4-4-12
 *   fd .. ff    nothing uses them
 *
 * A value has one form only, so two values are equal when their bytes are (but for the far ones).
 * There is no way back from a value to the one before it, no count and no end mark: whoever owns
 * the run knows where it ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/assert.h"
#include "core/bytes.h"
#include "modules/block.h"
#include "protocol/reply.h"

#define GF_PACKED_SIZE_MAX UINT32_MAX /* of bytes inside a run */
#define GF_PACKED_INT_FIRST 0x80u
#define GF_PACKED_INT_WIDE 0xf0u
#define GF_PACKED_BYTES16 0xf8u
#define GF_PACKED_BYTES32 0xf9u
#define GF_PACKED_FAR 0xfau
#define GF_PACKED_DIGITS 0xfbu
#define GF_PACKED_UUID 0xfcu

#define GF_PACKED_DIGITS_MAX 64u                /* of one value */
#define GF_PACKED_TEXT_MAX GF_PACKED_DIGITS_MAX /* bytes of a text that is not kept as it is */

/* Bytes kept outside of the run: gf_alloc(GF_MEMORY_DATA), owned by whoever owns the run. */
struct gf_packed_far {
    size_t size;
    char data[];
};

/* A value as it is read. */
struct gf_packed_view {
    const char *data; /* NULL: it is an integer */
    size_t size;      /* of the text */
    int64_t number;   /* an integer; 0, or GF_PACKED_DIGITS or _UUID: `data` is packed digits */
    struct gf_packed_far *far; /* where the bytes are, when they are not in the run; or NULL */
};

/* A value as it is to be written or looked for: the head and, of bytes, a view of them. */
struct gf_packed_draft {
    struct gf_bytes tail; /* borrowed */
    const char *text;     /* borrowed: what packed digits were made of; NULL: it is not known */
    uint64_t probe;       /* eight bytes of what is written, by which most others differ, ... */
    uint8_t probe_at;     /* ... where they are: in any value with this head; 0: there are none */
    uint8_t text_size;    /* of `text` */
    uint8_t head_size;
    char head[2 + GF_PACKED_DIGITS_MAX / 2];
};

/* Making drafts: */

/* gf_packed_draft - of any bytes, at most GF_PACKED_SIZE_MAX. */
struct gf_packed_draft gf_packed_draft(struct gf_bytes bytes);
struct gf_packed_draft gf_packed_draft_int(int64_t number);
/* gf_packed_draft_of - of a value that was read; far ones become near. */
struct gf_packed_draft gf_packed_draft_of(const struct gf_packed_view *view);
/* gf_packed_draft_far - points at `far`. */
struct gf_packed_draft gf_packed_draft_far(struct gf_packed_far *far);

/* gf_packed_far_create - bytes in a block of their own; NULL when there is no memory. */
struct gf_packed_far *gf_packed_far_create(struct gf_bytes bytes);

static inline size_t gf_packed_draft_size(const struct gf_packed_draft *draft)
{
    return draft->head_size + draft->tail.size;
}

/* gf_packed_write - at `at`, where there is room for gf_packed_draft_size. Returns its end. */
char *gf_packed_write(char *at, const struct gf_packed_draft *draft);

/* Reading runs that are known to be good (written by us, or found valid): */

/* gf_packed_next_long - the slow half of gf_packed_next. */
const char *gf_packed_next_long(const char *at);

/* gf_packed_next - where the value behind the one at `at` begins. */
static inline const char *gf_packed_next(const char *at)
{
    uint8_t first = (uint8_t)*at;

    if (GF_LIKELY(first < GF_PACKED_INT_FIRST))
        return at + 1 + first;
    if (first < GF_PACKED_INT_WIDE)
        return at + 1;
    if (first == GF_PACKED_DIGITS)
        return at + 2 + (uint8_t)at[1];
    return gf_packed_next_long(at);
}

/* gf_packed_skip - the same, `count` values on. */
static inline const char *gf_packed_skip(const char *at, uint32_t count)
{
    while (count-- > 0)
        at = gf_packed_next(at);
    return at;
}

/* gf_packed_read_long - the slow half of gf_packed_read. */
const char *gf_packed_read_long(const char *at, struct gf_packed_view *ret_view);

/* gf_packed_read - the value at `at`; returns where the next begins. */
static inline const char *gf_packed_read(const char *at, struct gf_packed_view *ret_view)
{
    uint8_t first = (uint8_t)*at;
    uint32_t size = first;

    if (GF_LIKELY(first < GF_PACKED_INT_FIRST)) {
        *ret_view = (struct gf_packed_view){.data = at + 1, .size = size};
        return at + 1 + size;
    }
    if (first != GF_PACKED_DIGITS)
        return gf_packed_read_long(at, ret_view);
    size = (uint8_t)at[1];
    *ret_view = (struct gf_packed_view){.data = at + 2, .size = 2 * size, .number = first};
    return at + 2 + size;
}

/* gf_packed_is_long - the slow half of gf_packed_is. */
bool gf_packed_is_long(const char *at, const struct gf_packed_draft *draft);

/* gf_packed_is - the value at `at` is the draft's (of far ones, their bytes). */
static inline bool gf_packed_is(const char *at, const struct gf_packed_draft *draft)
{
    uint64_t found;

    if (*at != draft->head[0])
        return GF_UNLIKELY((uint8_t)*at == GF_PACKED_FAR) && gf_packed_is_long(at, draft);
    if (draft->probe_at > 0) {
        memcpy(&found, at + draft->probe_at, sizeof(found));
        if (GF_LIKELY(found != draft->probe))
            return false;
    }
    return gf_packed_is_long(at, draft);
}

/* gf_packed_find - the first value equal to the draft's.
 *
 * run        whole records of `stride` values each
 * stride     only the first value of each record is looked at: 1 for sets, 2 for field and value …
 * Returns    where it is, or NULL
 */
const char *gf_packed_find(struct gf_bytes run, const struct gf_packed_draft *draft,
                           uint32_t stride);

/* What a view is good for: */

static inline bool gf_packed_view_is_int(const struct gf_packed_view *view)
{
    return view->data == NULL;
}

/* gf_packed_view_is_near - its text is where the view says. */
static inline bool gf_packed_view_is_near(const struct gf_packed_view *view)
{
    return view->data != NULL && view->number == 0;
}

/* gf_packed_text_long - the slow half of gf_packed_text. */
struct gf_bytes gf_packed_text_long(const struct gf_packed_view *view, char *text);

/* gf_packed_text - the value as bytes; what is not kept as it is is written to `text`
 * (GF_PACKED_TEXT_MAX bytes). */
static inline __attribute__((always_inline)) struct gf_bytes
gf_packed_text(const struct gf_packed_view *view, char *text)
{
    if (GF_LIKELY(gf_packed_view_is_near(view)))
        return (struct gf_bytes){.data = view->data, .size = view->size};
    return gf_packed_text_long(view, text);
}

/* gf_packed_text_size - the size of that. */
size_t gf_packed_text_size(const struct gf_packed_view *view);

/* gf_packed_reply - answers it as a bulk string. */
void gf_packed_reply(struct gf_reply *reply, const struct gf_packed_view *view);

/* gf_packed_steps - answering it is so much for gf_exec_pause. */
static inline uint32_t gf_packed_steps(const struct gf_packed_view *view)
{
    return 1 + (uint32_t)(view->size / 512);
}

/* gf_packed_view_equals - the value's text is `bytes`. */
bool gf_packed_view_equals(const struct gf_packed_view *view, struct gf_bytes bytes);

/* gf_packed_hash, gf_packed_draft_hash - of the value at `at`, of a draft's: equal for equal
 * values, whether near or far. */
uint64_t gf_packed_hash(const char *at, uint64_t seed);
uint64_t gf_packed_draft_hash(const struct gf_packed_draft *draft, uint64_t seed);

/* Changing a run in a block. They return false when there is no memory (nothing has changed then);
 * only growing can fail. */

/* gf_packed_insert - in front of what is at offset `at`; at the end when `at` is block->size. */
bool gf_packed_insert(struct gf_block *block, size_t at, const struct gf_packed_draft *draft);

static inline bool gf_packed_append(struct gf_block *block, const struct gf_packed_draft *draft)
{
    return gf_packed_insert(block, block->size, draft);
}

/* gf_packed_replace - the value at offset `at` becomes the draft's, which must not be a view into
 * the block. */
bool gf_packed_replace(struct gf_block *block, size_t at, const struct gf_packed_draft *draft);

/* gf_packed_remove - the `count` values at offset `at` are gone; far blocks are not freed. */
void gf_packed_remove(struct gf_block *block, size_t at, uint32_t count);

/* gf_packed_valid - any bytes: are they a run as gf_packed_write makes it, or once made it, without
 * far values? Digits may stand there as text: they were not packed once.
 *
 * ret_count  how many values
 */
bool gf_packed_valid(struct gf_bytes run, uint64_t *ret_count);
