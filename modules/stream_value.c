/* Fields and values of streams as bytes. */
#include "modules/stream_value.h"

#include <string.h>

#define VALUE_SMALL 0x80u /* + an integer 0 .. 63 */
#define VALUE_SMALL_MAX 63
#define VALUE_INT 0xc0u /* + bytes - 1 */
#define VALUE_LONG 0xd0u
#define VALUE_TEXT_MAX 0x7fu
#define VALUE_HEAD_MAX 11u /* bytes in front of a text */

/* LEB128. */

uint32_t gf_stream_leb_size(uint64_t value)
{
    uint32_t size = 1;

    for (; value >= 0x80; value >>= 7)
        size++;
    return size;
}

char *gf_stream_leb_put(char *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (char)(value | 0x80);
    *at++ = (char)value;
    return at;
}

uint64_t gf_stream_leb_next(const char **cursor)
{
    uint64_t value = 0;
    uint32_t shift = 0;
    uint8_t byte;

    do {
        byte = (uint8_t) * (*cursor)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte >= 0x80);
    return value;
}

/* Values. */

static uint32_t int_bytes(int64_t number)
{
    uint64_t folded = (uint64_t)(number < 0 ? ~number : number) << 1; /* with the sign's bit */

    return folded == 0 ? 1 : (71 - (uint32_t)__builtin_clzll(folded)) / 8;
}

static bool text_is_number(struct gf_bytes text, int64_t *ret_number)
{
    return text.size - 1 < GF_I64_TEXT_MAX && text.data[0] <= '9' &&
           gf_bytes_parse_i64(text, ret_number);
}

char *gf_stream_value_put(char *at, struct gf_bytes text)
{
    int64_t number;

    if (text_is_number(text, &number)) {
        if (number >= 0 && number <= VALUE_SMALL_MAX) {
            *at++ = (char)(VALUE_SMALL + (uint32_t)number);
            return at;
        }
        uint32_t size = int_bytes(number);

        *at++ = (char)(VALUE_INT + size - 1);
        for (uint32_t i = 0; i < size; i++)
            *at++ = (char)((uint64_t)number >> (8 * i));
        return at;
    }
    if (text.size <= VALUE_TEXT_MAX) {
        *at++ = (char)text.size;
    } else {
        *at++ = (char)VALUE_LONG;
        at = gf_stream_leb_put(at, text.size);
    }
    if (text.size > 0)
        memcpy(at, text.data, text.size);
    return at + text.size;
}

size_t gf_stream_value_room(size_t text_size)
{
    return text_size + (text_size <= VALUE_TEXT_MAX ? 1 : VALUE_HEAD_MAX);
}

struct gf_stream_value gf_stream_value_next(const char **cursor)
{
    const char *at = *cursor;
    uint8_t head = (uint8_t)*at++;
    struct gf_stream_value value = {.bytes = {.data = at, .size = head}};

    if (head >= VALUE_INT && head < VALUE_LONG) {
        uint32_t size = head - VALUE_INT + 1;
        uint64_t bits = 0;

        for (uint32_t i = 0; i < size; i++)
            bits |= (uint64_t)(uint8_t)*at++ << (8 * i);
        value.bytes.data = NULL;
        value.bytes.size = 0;
        value.number = (int64_t)(bits << (64 - 8 * size)) >> (64 - 8 * size);
    } else if (head == VALUE_LONG) {
        value.bytes.size = gf_stream_leb_next(&at);
        value.bytes.data = at;
        at += value.bytes.size;
    } else if (head >= VALUE_SMALL) {
        value.bytes.data = NULL;
        value.bytes.size = 0;
        value.number = head - VALUE_SMALL;
    } else {
        at += head;
    }
    *cursor = at;
    return value;
}

bool gf_stream_value_is(const struct gf_stream_value *value, struct gf_bytes text)
{
    int64_t number;

    if (value->bytes.data)
        return gf_bytes_equal(value->bytes, text);
    return text_is_number(text, &number) && number == value->number;
}

uint32_t gf_stream_weight_of_int(int64_t number)
{
    if (number >= 0 && number <= 127)
        return 2;
    if (number >= -4096 && number <= 4095)
        return 3;
    if (number >= INT16_MIN && number <= INT16_MAX)
        return 4;
    if (number >= -(1 << 23) && number < 1 << 23)
        return 5;
    return number >= INT32_MIN && number <= INT32_MAX ? 6 : 10;
}

uint32_t gf_stream_weight_of_text(struct gf_bytes text)
{
    uint32_t size = (uint32_t)text.size;
    int64_t number;

    if (text_is_number(text, &number))
        return gf_stream_weight_of_int(number);
    size += size < 64 ? 1 : size < 4096 ? 2 : 5;
    if (size <= 127)
        return size + 1;
    if (size < 16383)
        return size + 2;
    return size + (size < 2097151 ? 3 : size < 268435455 ? 4 : 5);
}

bool gf_stream_leb_is_sound(const char **cursor, const char *end, uint64_t *ret_value)
{
    const char *at = *cursor;

    while (at < end && (uint8_t)*at >= 0x80)
        at++;
    if (at >= end || at - *cursor > 9 || (at - *cursor == 9 && (uint8_t)*at > 1))
        return false;
    *ret_value = gf_stream_leb_next(cursor);
    return true;
}

bool gf_stream_value_is_sound(const char **cursor, const char *end)
{
    uint8_t head;
    uint64_t size;

    if (*cursor >= end)
        return false;
    head = (uint8_t) * (*cursor)++;
    if (head <= VALUE_TEXT_MAX)
        size = head;
    else if (head < VALUE_INT)
        size = 0;
    else if (head < VALUE_INT + 8)
        size = head - VALUE_INT + 1;
    else if (head != VALUE_LONG || !gf_stream_leb_is_sound(cursor, end, &size))
        return false;
    if (size > (uint64_t)(end - *cursor))
        return false;
    *cursor += size;
    return true;
}
