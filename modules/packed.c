/* Packed values: writing, reading, finding them, and telling good runs from bad ones. */
#include "modules/packed.h"

#include <endian.h>
#include <string.h>

#include "core/alloc.h"
#include "core/hash.h"
#include "modules/hex.h"

#define INT_NEAR_MAX (GF_PACKED_INT_WIDE - GF_PACKED_INT_FIRST - 1) /* 111: in the first byte */
#define INT_TEXT_MAX 20u
#define DIGITS_MIN GF_HEX_STEP
#define DIGITS_UNIT 8u  /* digits are so many, or a multiple of it */
#define DIGITS_PROBE 2u /* where those begin that are in every value of digits */
#define UUID_DIGITS 32u
#define UUID_TEXT 36u /* and its four dashes */

/* Bytes that a signed integer fits into, 1 .. 8. */
static uint32_t int_size(int64_t number)
{
    uint64_t bits = (uint64_t)(number < 0 ? ~number : number);
    uint32_t used = bits == 0 ? 1 : 65 - (uint32_t)__builtin_clzll(bits); /* with the sign */

    return (used + 7) / 8;
}

/* Two loads that meet or overlap: the low bytes and the high ones. */
static int64_t int_read(const char *at, uint32_t size)
{
    uint64_t bits;

    if (size >= sizeof(uint32_t)) {
        uint32_t low, high;

        memcpy(&low, at, sizeof(low));
        memcpy(&high, at + size - sizeof(high), sizeof(high));
        bits = le32toh(low) | (uint64_t)le32toh(high) << (8 * size - 32);
    } else if (size >= sizeof(uint16_t)) {
        uint16_t low, high;

        memcpy(&low, at, sizeof(low));
        memcpy(&high, at + size - sizeof(high), sizeof(high));
        bits = le16toh(low) | (uint64_t)le16toh(high) << (8 * size - 16);
    } else {
        bits = (uint8_t)*at;
    }
    return (int64_t)(bits << (64 - 8 * size)) >> (64 - 8 * size);
}

static void number_write(char *at, uint64_t bits, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        at[i] = (char)(bits >> (8 * i));
}

/* Sizes and pointers. */
static uint64_t number_read(const char *at, uint32_t size)
{
    uint64_t bits = 0;

    for (uint32_t i = 0; i < size; i++)
        bits |= (uint64_t)(uint8_t)at[i] << (8 * i);
    return bits;
}

/* Drafts. */

struct gf_packed_draft gf_packed_draft_int(int64_t number)
{
    struct gf_packed_draft draft;

    draft.tail = (struct gf_bytes){0};
    draft.probe_at = 0;
    if (number >= 0 && number <= INT_NEAR_MAX) {
        draft.head[0] = (char)(GF_PACKED_INT_FIRST + (uint32_t)number);
        draft.head_size = 1;
    } else {
        uint32_t size = int_size(number);

        draft.head[0] = (char)(GF_PACKED_INT_WIDE + size - 1);
        number_write(draft.head + 1, (uint64_t)number, size);
        draft.head_size = (uint8_t)(1 + size);
    }
    return draft;
}

/* Bytes that are known to be no integer. */
static struct gf_packed_draft draft_bytes(struct gf_bytes bytes)
{
    struct gf_packed_draft draft;

    GF_ASSERT(bytes.size <= GF_PACKED_SIZE_MAX);
    draft.tail = bytes;
    draft.probe_at = 0;
    if (bytes.size < GF_PACKED_INT_FIRST) {
        draft.head[0] = (char)bytes.size;
        draft.head_size = 1;
        /* The last ones: names that begin alike are common. */
        if (bytes.size >= sizeof(draft.probe)) {
            draft.probe_at = (uint8_t)(1 + bytes.size - sizeof(draft.probe));
            memcpy(&draft.probe, bytes.data + bytes.size - sizeof(draft.probe),
                   sizeof(draft.probe));
        }
    } else if (bytes.size <= UINT16_MAX) {
        draft.head[0] = (char)GF_PACKED_BYTES16;
        number_write(draft.head + 1, bytes.size, sizeof(uint16_t));
        draft.head_size = 1 + sizeof(uint16_t);
    } else {
        draft.head[0] = (char)GF_PACKED_BYTES32;
        number_write(draft.head + 1, bytes.size, sizeof(uint32_t));
        draft.head_size = 1 + sizeof(uint32_t);
    }
    return draft;
}

/* May these bytes be the text of an integer? Most are not, and their last byte tells. */
static bool looks_like_int(struct gf_bytes bytes)
{
    return bytes.size - 1 < INT_TEXT_MAX && (uint8_t)(bytes.data[bytes.size - 1] - '0') <= 9 &&
           (uint8_t)bytes.data[0] <= '9';
}

/* Pack `size` digits; false when they are not. The last step may overlap the one before. */
static bool digits_pack(const char *digits, size_t size, char *to)
{
    for (size_t i = 0; i < size - GF_HEX_STEP; i += GF_HEX_STEP)
        if (!gf_hex_pack(digits + i, to + i / 2))
            return false;
    return gf_hex_pack(digits + size - GF_HEX_STEP, to + (size - GF_HEX_STEP) / 2);
}

static inline void digits_unpack(const char *packed, size_t size, char *to)
{
    for (size_t i = 0; i < size - GF_HEX_STEP; i += GF_HEX_STEP)
        gf_hex_unpack(packed + i / 2, to + i);
    gf_hex_unpack(packed + (size - GF_HEX_STEP) / 2, to + size - GF_HEX_STEP);
}

/* The digits of a UUID, with its dashes or without. */

static bool uuid_strip(const char *text, char *to)
{
    if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-')
        return false;
    memcpy(to, text, 8);
    memcpy(to + 8, text + 9, 4);
    memcpy(to + 12, text + 14, 4);
    memcpy(to + 16, text + 19, 4);
    memcpy(to + 20, text + 24, 12);
    return true;
}

static void uuid_dress(const char *digits, char *to)
{
    memcpy(to, digits, 8);
    memcpy(to + 9, digits + 8, 4);
    memcpy(to + 14, digits + 12, 4);
    memcpy(to + 19, digits + 16, 4);
    memcpy(to + 24, digits + 20, 12);
    to[8] = to[13] = to[18] = to[23] = '-';
}

/* Digits are in the head of the draft: the rest of it. */
static void draft_close(struct gf_packed_draft *draft, struct gf_bytes text, size_t head_size)
{
    draft->tail = (struct gf_bytes){0};
    draft->text = text.data;
    draft->text_size = (uint8_t)text.size;
    draft->head_size = (uint8_t)head_size;
    draft->probe_at = DIGITS_PROBE;
    memcpy(&draft->probe, draft->head + DIGITS_PROBE, sizeof(draft->probe));
}

/* A draft of digits of which there may be so many; false when the bytes are not all digits. */
static bool draft_digits(struct gf_bytes bytes, struct gf_packed_draft *draft)
{
    char digits[UUID_DIGITS];

    if (GF_UNLIKELY(bytes.size == UUID_TEXT)) {
        draft->head[0] = (char)GF_PACKED_UUID;
        if (!uuid_strip(bytes.data, digits) || !digits_pack(digits, UUID_DIGITS, draft->head + 1))
            return false;
        draft_close(draft, bytes, 1 + UUID_DIGITS / 2);
        return true;
    }
    draft->head[0] = (char)GF_PACKED_DIGITS;
    draft->head[1] = (char)(bytes.size / 2);
    if (!digits_pack(bytes.data, bytes.size, draft->head + 2))
        return false;
    draft_close(draft, bytes, 2 + bytes.size / 2);
    return true;
}

/* May these bytes be digits to be packed? */
static bool looks_like_digits(struct gf_bytes bytes)
{
    return bytes.size - DIGITS_MIN <= GF_PACKED_DIGITS_MAX - DIGITS_MIN &&
           (bytes.size % DIGITS_UNIT == 0 || bytes.size == UUID_TEXT) &&
           (uint8_t)bytes.data[0] <= 'f';
}

struct gf_packed_draft gf_packed_draft(struct gf_bytes bytes)
{
    struct gf_packed_draft draft;
    int64_t number;

    if (looks_like_int(bytes) && gf_bytes_parse_i64(bytes, &number))
        return gf_packed_draft_int(number);
    if (looks_like_digits(bytes) && draft_digits(bytes, &draft))
        return draft;
    return draft_bytes(bytes);
}

struct gf_packed_draft gf_packed_draft_of(const struct gf_packed_view *view)
{
    struct gf_packed_draft draft;
    size_t front; /* bytes in front of the digits */
    size_t size;

    if (gf_packed_view_is_int(view))
        return gf_packed_draft_int(view->number);
    if (gf_packed_view_is_near(view))
        return draft_bytes((struct gf_bytes){.data = view->data, .size = view->size});
    front = view->number == GF_PACKED_UUID ? 1 : 2;
    size = front + (size_t)(gf_packed_next(view->data - front) - view->data);
    memcpy(draft.head, view->data - front, size);
    draft_close(&draft, (struct gf_bytes){0}, size);
    return draft;
}

struct gf_packed_draft gf_packed_draft_far(struct gf_packed_far *far)
{
    struct gf_packed_draft draft = {.head = {(char)GF_PACKED_FAR}, .head_size = 1 + sizeof(far)};

    memcpy(draft.head + 1, &far, sizeof(far));
    return draft;
}

struct gf_packed_far *gf_packed_far_create(struct gf_bytes bytes)
{
    struct gf_packed_far *far = gf_alloc_try(GF_MEMORY_DATA, sizeof(*far) + bytes.size);

    if (!far)
        return NULL;
    far->size = bytes.size;
    if (bytes.size > 0)
        memcpy(far->data, bytes.data, bytes.size);
    return far;
}

char *gf_packed_write(char *at, const struct gf_packed_draft *draft)
{
    *at = draft->head[0];
    if (draft->head_size > 1)
        memcpy(at + 1, draft->head + 1, draft->head_size - 1u);
    at += draft->head_size;
    if (draft->tail.size > 0)
        memcpy(at, draft->tail.data, draft->tail.size);
    return at + draft->tail.size;
}

/* Reading. */

const char *gf_packed_next_long(const char *at)
{
    uint8_t first = (uint8_t)*at;

    if (first < GF_PACKED_BYTES16)
        return at + 2 + (first - GF_PACKED_INT_WIDE);
    if (first == GF_PACKED_BYTES16)
        return at + 1 + sizeof(uint16_t) + number_read(at + 1, sizeof(uint16_t));
    if (first == GF_PACKED_BYTES32)
        return at + 1 + sizeof(uint32_t) + number_read(at + 1, sizeof(uint32_t));
    if (first == GF_PACKED_UUID)
        return at + 1 + UUID_DIGITS / 2;
    GF_ASSERT(first == GF_PACKED_FAR);
    return at + 1 + sizeof(void *);
}

const char *gf_packed_read_long(const char *at, struct gf_packed_view *ret_view)
{
    uint8_t first = (uint8_t)*at;

    if (first < GF_PACKED_INT_WIDE) {
        *ret_view = (struct gf_packed_view){.number = first - GF_PACKED_INT_FIRST};
        return at + 1;
    }
    if (first < GF_PACKED_BYTES16) {
        uint32_t size = first - GF_PACKED_INT_WIDE + 1;

        *ret_view = (struct gf_packed_view){.number = int_read(at + 1, size)};
        return at + 1 + size;
    }
    if (first == GF_PACKED_FAR) {
        struct gf_packed_far *far;

        memcpy(&far, at + 1, sizeof(far));
        *ret_view = (struct gf_packed_view){.data = far->data, .size = far->size, .far = far};
        return at + 1 + sizeof(far);
    }
    if (first == GF_PACKED_UUID) {
        *ret_view = (struct gf_packed_view){.data = at + 1, .size = UUID_TEXT, .number = first};
        return at + 1 + UUID_DIGITS / 2;
    }
    uint32_t size_size = first == GF_PACKED_BYTES16 ? sizeof(uint16_t) : sizeof(uint32_t);

    GF_ASSERT(first <= GF_PACKED_BYTES32);
    *ret_view =
        (struct gf_packed_view){.data = at + 1 + size_size, .size = number_read(at + 1, size_size)};
    return ret_view->data + ret_view->size;
}

bool gf_packed_is_long(const char *at, const struct gf_packed_draft *draft)
{
    if (GF_UNLIKELY((uint8_t)*at == GF_PACKED_FAR)) {
        struct gf_packed_view view;

        gf_packed_read_long(at, &view);
        return (uint8_t)draft->head[0] - GF_PACKED_BYTES16 <= 1u &&
               gf_bytes_equal((struct gf_bytes){.data = view.data, .size = view.size}, draft->tail);
    }
    if (*at != draft->head[0])
        return false;
    if ((uint8_t)*at == GF_PACKED_DIGITS && at[1] != draft->head[1])
        return false; /* they may not even be there that would be compared */
    if (draft->head_size > 1 && memcmp(at + 1, draft->head + 1, draft->head_size - 1u) != 0)
        return false;
    return gf_bytes_equal(
        (struct gf_bytes){.data = at + draft->head_size, .size = draft->tail.size}, draft->tail);
}

const char *gf_packed_find(struct gf_bytes run, const struct gf_packed_draft *draft,
                           uint32_t stride)
{
    const char *end = run.data + run.size;

    for (const char *at = run.data; at < end; at = gf_packed_skip(at, stride))
        if (gf_packed_is(at, draft))
            return at;
    return NULL;
}

/* Views. */

struct gf_bytes gf_packed_text_long(const struct gf_packed_view *view, char *text)
{
    char digits[UUID_DIGITS];

    if (gf_packed_view_is_int(view))
        return (struct gf_bytes){.data = text, .size = gf_i64_format(text, view->number)};
    if (GF_LIKELY(view->number == GF_PACKED_DIGITS)) {
        digits_unpack(view->data, view->size, text);
    } else {
        digits_unpack(view->data, UUID_DIGITS, digits);
        uuid_dress(digits, text);
    }
    return (struct gf_bytes){.data = text, .size = view->size};
}

size_t gf_packed_text_size(const struct gf_packed_view *view)
{
    char text[GF_I64_TEXT_MAX];

    return gf_packed_view_is_int(view) ? gf_i64_format(text, view->number) : view->size;
}

/* An integer, or digits, which are unpacked where they are answered. */
static void reply_long(struct gf_reply *reply, const struct gf_packed_view *view)
{
    char *text;

    if (gf_packed_view_is_int(view)) {
        gf_reply_bulk_int(reply, view->number);
        return;
    }
    text = gf_reply_bulk_room(reply, view->size);
    if (text == NULL)
        return;
    if (GF_LIKELY(view->number == GF_PACKED_DIGITS))
        digits_unpack(view->data, view->size, text);
    else
        gf_packed_text_long(view, text);
}

void gf_packed_reply(struct gf_reply *reply, const struct gf_packed_view *view)
{
    if (GF_LIKELY(gf_packed_view_is_near(view)))
        gf_reply_bulk(reply, (struct gf_bytes){.data = view->data, .size = view->size});
    else
        reply_long(reply, view);
}

bool gf_packed_view_equals(const struct gf_packed_view *view, struct gf_bytes bytes)
{
    char text[GF_PACKED_TEXT_MAX];

    return gf_bytes_equal(gf_packed_text(view, text), bytes);
}

uint64_t gf_packed_hash(const char *at, uint64_t seed)
{
    uint8_t first = (uint8_t)*at;
    char text[GF_PACKED_TEXT_MAX];
    struct gf_packed_view view;
    struct gf_bytes bytes;

    if (GF_LIKELY(first < GF_PACKED_INT_FIRST))
        return gf_hash64(at + 1, first, seed);
    if (first < GF_PACKED_BYTES16)
        return gf_hash64(at, (size_t)(gf_packed_next(at) - at), seed);
    gf_packed_read(at, &view);
    bytes = gf_packed_text(&view, text);
    return gf_hash64(bytes.data, bytes.size, seed);
}

uint64_t gf_packed_draft_hash(const struct gf_packed_draft *draft, uint64_t seed)
{
    uint8_t first = (uint8_t)draft->head[0];

    if (first >= GF_PACKED_INT_FIRST && first < GF_PACKED_BYTES16)
        return gf_hash64(draft->head, draft->head_size, seed);
    if (first >= GF_PACKED_DIGITS)
        return draft->text ? gf_hash64(draft->text, draft->text_size, seed)
                           : gf_packed_hash(draft->head, seed);
    return gf_hash64(draft->tail.data, draft->tail.size, seed);
}

/* Changing. */

bool gf_packed_insert(struct gf_block *block, size_t at, const struct gf_packed_draft *draft)
{
    char *place = gf_block_splice(block, at, 0, gf_packed_draft_size(draft));

    if (!place)
        return false;
    gf_packed_write(place, draft);
    return true;
}

bool gf_packed_replace(struct gf_block *block, size_t at, const struct gf_packed_draft *draft)
{
    const char *old = block->data + at;
    size_t old_size = (size_t)(gf_packed_next(old) - old);
    char *place = gf_block_splice(block, at, old_size, gf_packed_draft_size(draft));

    if (!place)
        return false;
    gf_packed_write(place, draft);
    return true;
}

void gf_packed_remove(struct gf_block *block, size_t at, uint32_t count)
{
    const char *old = block->data + at;
    char *place = gf_block_splice(block, at, (size_t)(gf_packed_skip(old, count) - old), 0);

    GF_ASSERT(place != NULL);
}

/* Runs that anybody may have sent. */

/* Is it the number of bytes of packed digits? */
static bool digits_are_whole(uint32_t bytes)
{
    return bytes >= DIGITS_MIN / 2 && bytes <= GF_PACKED_DIGITS_MAX / 2 &&
           2 * bytes % DIGITS_UNIT == 0;
}

/* The size of the value that begins at `at`, when it is well formed and ends by `end`; else 0. */
static size_t valid_size(const char *at, const char *end)
{
    uint8_t first = (uint8_t)*at;
    size_t left = (size_t)(end - at);
    size_t size = 1;

    if (first < GF_PACKED_INT_FIRST)
        size += first;
    else if (first == GF_PACKED_FAR || first > GF_PACKED_UUID)
        return 0;
    else if (first == GF_PACKED_UUID)
        size += UUID_DIGITS / 2;
    else if (first == GF_PACKED_DIGITS) {
        if (left < 2 || !digits_are_whole((uint8_t)at[1]))
            return 0;
        size += 1u + (uint8_t)at[1];
    } else if (first >= GF_PACKED_BYTES16) {
        uint32_t size_size = first == GF_PACKED_BYTES16 ? sizeof(uint16_t) : sizeof(uint32_t);

        if (left < 1 + size_size)
            return 0;
        size += size_size + number_read(at + 1, size_size);
    } else if (first >= GF_PACKED_INT_WIDE)
        size += first - GF_PACKED_INT_WIDE + 1u;
    return size <= left ? size : 0;
}

/* In the one form that it has: integers as short as they fit, and never as text. */
static bool valid_form(const char *at, size_t size)
{
    struct gf_packed_draft draft;
    struct gf_packed_view view;
    char text[GF_PACKED_TEXT_MAX];
    struct gf_bytes bytes;

    (void)gf_packed_read(at, &view);
    bytes = gf_packed_text(&view, text);
    draft = gf_packed_draft(bytes);
    if (gf_packed_view_is_near(&view) && (uint8_t)draft.head[0] >= GF_PACKED_DIGITS)
        draft = draft_bytes(bytes); /* from when digits were not packed */
    return gf_packed_draft_size(&draft) == size && gf_packed_is(at, &draft);
}

bool gf_packed_valid(struct gf_bytes run, uint64_t *ret_count)
{
    const char *end = run.data + run.size;
    uint64_t count = 0;

    for (const char *at = run.data; at < end; count++) {
        size_t size = valid_size(at, end);

        if (size == 0 || !valid_form(at, size))
            return false;
        at += size;
    }
    *ret_count = count;
    return true;
}
