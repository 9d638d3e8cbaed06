/* Views of bytes: order, case, globs, and numbers as text.
 *
 * The integer routines run once or twice per request: parsing takes eight digits at a time,
 * formatting writes two digits per division.
 */
#include "core/bytes.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"

#define GLOB_STARS_MAX 1000 /* Redis's depth limit: a pattern with more stars matches nothing */
#define DOUBLE_DIGITS_MAX 16u   /* digits and sign of an integer that surely is a double */
#define DOUBLE_INTEGER_MAX 1e16 /* below, %.17g of an integer is its digits */
#define DIGITS_PER_WORD 8u  /* characters that are read at once */

static unsigned char byte_fold(char byte)
{
    unsigned char c = (unsigned char)byte;

    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

int gf_bytes_compare(struct gf_bytes a, struct gf_bytes b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;

    if (order)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

bool gf_bytes_is(struct gf_bytes bytes, const char *word)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (word[i] == '\0' || byte_fold(bytes.data[i]) != byte_fold(word[i]))
            return false;
    }
    return word[bytes.size] == '\0';
}

/* A byte as class ranges compare it: signed, as Redis does on x86, whatever this machine's char. */
static int glob_rank(char byte, bool nocase)
{
    return nocase ? (signed char)byte_fold(byte) : (signed char)byte;
}

/* Match one byte with the class whose '[' is at *index; leaves *index behind its ']'. A class
 * without ']' ends with the pattern. */
static bool glob_match_class(struct gf_bytes pattern, size_t *index, char byte, bool nocase)
{
    const char *p = pattern.data + *index + 1;
    const char *end = pattern.data + pattern.size;
    bool negated = p < end && *p == '^';
    bool found = false;

    if (negated)
        p++;
    for (; p < end && *p != ']'; p++) {
        if (*p == '\\' && end - p >= 2) {
            p++;
            found = found || *p == byte; /* exact, even when case is folded */
        } else if (end - p >= 3 && p[1] == '-') {
            int low = *(const signed char *)p;
            int high = *(const signed char *)(p + 2);
            char first = low < high ? p[0] : p[2];
            char last = low < high ? p[2] : p[0];
            int rank = glob_rank(byte, nocase);

            found = found || (rank >= glob_rank(first, nocase) && rank <= glob_rank(last, nocase));
            p += 2;
        } else {
            found = found || glob_rank(*p, nocase) == glob_rank(byte, nocase);
        }
    }
    if (p < end)
        p++;
    *index = (size_t)(p - pattern.data);
    return found != negated;
}

/* Match one byte with the element at *index, which is not a star; leaves *index behind it. */
static bool glob_match_byte(struct gf_bytes pattern, size_t *index, char byte, bool nocase)
{
    char element = pattern.data[*index];

    if (element == '[')
        return glob_match_class(pattern, index, byte, nocase);
    if (element == '?') {
        *index += 1;
        return true;
    }
    if (element == '\\' && *index + 1 < pattern.size)
        *index += 1;
    element = pattern.data[*index];
    *index += 1;
    return glob_rank(element, nocase) == glob_rank(byte, nocase);
}

static size_t glob_skip_stars(struct gf_bytes pattern, size_t index)
{
    while (index < pattern.size && pattern.data[index] == '*')
        index++;
    return index;
}

/* Every element but a star takes exactly one byte. So when the elements behind the last star met
 * have found a place, an earlier star has nothing to gain from taking more: only the last one is
 * ever tried again, which bounds the work by pattern times text. */
bool gf_bytes_match(struct gf_bytes pattern, struct gf_bytes text, bool nocase)
{
    size_t index = 0;             /* in the pattern */
    size_t place = 0;             /* in the text */
    size_t star_index = SIZE_MAX; /* behind the last star met */
    size_t star_place = 0;        /* where its rest was tried last */
    uint32_t stars = 0;

    if (text.size == 0)
        return pattern.size == 0 || (pattern.size == 1 && pattern.data[0] == '*');

    while (place < text.size) {
        if (index < pattern.size && pattern.data[index] == '*') {
            index = glob_skip_stars(pattern, index);
            if (index == pattern.size)
                return true;
            if (++stars > GLOB_STARS_MAX)
                return false;
            star_index = index;
            star_place = place;
        } else if (index < pattern.size &&
                   glob_match_byte(pattern, &index, text.data[place], nocase)) {
            place++;
        } else {
            if (star_index == SIZE_MAX)
                return false;
            index = star_index;
            place = ++star_place;
        }
    }
    return glob_skip_stars(pattern, index) == pattern.size;
}

/* One to eight characters as a word: the last one in the highest byte, '0' in front of the
 * first. */
static uint64_t digits_load(const char *digits, size_t count)
{
    uint64_t word = UINT64_C(0x3030303030303030);
    uint32_t head;
    uint32_t tail;

    if (count == DIGITS_PER_WORD) {
        memcpy(&word, digits, sizeof(word));
        return le64toh(word);
    }
    if (count < 4) {
        for (size_t i = 0; i < count; i++)
            word = word >> 8 | (uint64_t)(unsigned char)digits[i] << 56;
        return word;
    }
    /* Two loads that overlap; what the first one has too much is shifted out. */
    memcpy(&head, digits, sizeof(head));
    memcpy(&tail, digits + count - sizeof(tail), sizeof(tail));
    word >>= 8 * count;
    word |= (uint64_t)le32toh(tail) << 32;
    return word | (uint32_t)((uint64_t)le32toh(head) << 8 * (DIGITS_PER_WORD - count));
}

/* The number in a word of eight digits, all at once: pairs of digits, then of pairs, then of those.
 * False when a character is no digit. */
static bool digits_parse_word(uint64_t word, uint64_t *ret_value)
{
    const uint64_t high = UINT64_C(0xf0f0f0f0f0f0f0f0);
    const uint64_t pairs = UINT64_C(0x000000ff000000ff);

    /* '0' .. '9' are 0x30 .. 0x39: the high half is 3, also after 6 is added. */
    if (((word & high) | ((word + UINT64_C(0x0606060606060606)) & high) >> 4) !=
        UINT64_C(0x3333333333333333))
        return false;
    word -= UINT64_C(0x3030303030303030);
    word = word * 10 + (word >> 8);
    word = ((word & pairs) * (100 + (UINT64_C(1000000) << 32)) +
            (word >> 16 & pairs) * (1 + (UINT64_C(10000) << 32))) >>
           32;
    *ret_value = word;
    return true;
}

/* Digits to a number; false for anything else, for none, and above UINT64_MAX. */
static bool digits_parse(const char *digits, size_t count, uint64_t *ret_value)
{
    size_t first = count % DIGITS_PER_WORD ? count % DIGITS_PER_WORD : DIGITS_PER_WORD;
    uint64_t value;

    if (count == 0 || !digits_parse_word(digits_load(digits, first), &value))
        return false;
    for (size_t i = first; i < count; i += DIGITS_PER_WORD) {
        uint64_t word;

        if (!digits_parse_word(digits_load(digits + i, DIGITS_PER_WORD), &word) ||
            __builtin_mul_overflow(value, UINT64_C(100000000), &value) ||
            __builtin_add_overflow(value, word, &value))
            return false;
    }
    *ret_value = value;
    return true;
}

bool gf_bytes_parse_i64(struct gf_bytes bytes, int64_t *ret_value)
{
    bool negative = bytes.size > 1 && bytes.data[0] == '-';
    const char *digits = bytes.data + negative;
    size_t count = bytes.size - negative;
    uint64_t value;

    if (count == 0 || count >= GF_I64_TEXT_MAX)
        return false;
    if (digits[0] == '0' && bytes.size != 1)
        return false;
    if (!digits_parse(digits, count, &value))
        return false;
    if (value > (uint64_t)INT64_MAX + negative)
        return false;
    *ret_value = (int64_t)(negative ? -value : value);
    return true;
}

bool gf_bytes_parse_u64(struct gf_bytes bytes, uint64_t *ret_value)
{
    return digits_parse(bytes.data, bytes.size, ret_value);
}

/* Copy a number's text and terminate it for strtod; false when it cannot be a number: empty, too
 * long, or with a space in front, which strtod would skip. */
static bool number_terminate(struct gf_bytes bytes, char *text)
{
    if (bytes.size == 0 || bytes.size >= GF_LONG_DOUBLE_TEXT_MAX)
        return false;
    if (isspace((unsigned char)bytes.data[0]))
        return false;
    memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    return true;
}

bool gf_bytes_parse_long_double(struct gf_bytes bytes, long double *ret_value)
{
    char text[GF_LONG_DOUBLE_TEXT_MAX];
    long double value;
    char *end;

    if (!number_terminate(bytes, text))
        return false;
    errno = 0;
    value = strtold(text, &end);
    if (end != text + bytes.size || isnan(value))
        return false;
    if (errno == ERANGE && (isinf(value) || value == 0))
        return false; /* a subnormal result is fine */
    *ret_value = value;
    return true;
}

bool gf_bytes_parse_double(struct gf_bytes bytes, double *ret_value)
{
    char text[GF_LONG_DOUBLE_TEXT_MAX];
    double value;
    int64_t number;
    char *end;

    if (bytes.size <= DOUBLE_DIGITS_MAX && gf_bytes_parse_i64(bytes, &number)) {
        *ret_value = (double)number; /* most are; and it is exact */
        return true;
    }
    if (!number_terminate(bytes, text))
        return false;
    errno = 0;
    value = strtod(text, &end);
    if (end != text + bytes.size || isnan(value))
        return false;
    if (errno == ERANGE && (isinf(value) || value == 0))
        return false;
    *ret_value = value;
    return true;
}

bool gf_bytes_parse_double_loose(struct gf_bytes bytes, double *ret_value)
{
    char text[GF_LONG_DOUBLE_TEXT_MAX];
    double value;
    char *end;

    if (bytes.size >= sizeof(text))
        return false;
    if (bytes.size > 0)
        memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    value = strtod(text, &end);
    if (*end != '\0' || isnan(value))
        return false;
    *ret_value = value;
    return true;
}

#define MEMORY_DIGITS_MAX 128 /* so many are no number to Redis, however many of them are zeroes */

bool gf_bytes_parse_memory(struct gf_bytes bytes, uint64_t *ret_value)
{
    static const struct {
        const char *name;
        uint64_t factor;
    } units[] = {
        {"", 1},           {"b", 1},
        {"k", 1000},       {"kb", 1024},
        {"m", 1000000},    {"mb", 1024 * 1024},
        {"g", 1000000000}, {"gb", 1024 * 1024 * 1024},
    };
    struct gf_bytes unit = bytes;
    uint64_t value = 0;
    size_t digits;

    while (unit.size && unit.data[0] >= '0' && unit.data[0] <= '9') {
        unit.data++;
        unit.size--;
    }
    digits = bytes.size - unit.size;
    if (digits >= MEMORY_DIGITS_MAX)
        return false;
    if (digits > 0 && !digits_parse(bytes.data, digits, &value))
        value = UINT64_MAX; /* too many digits */
    for (size_t i = 0; i < GF_COUNT(units); i++) {
        if (!gf_bytes_is(unit, units[i].name))
            continue;
        if (__builtin_mul_overflow(value, units[i].factor, &value))
            return false;
        *ret_value = value;
        return true;
    }
    return false;
}

/* "00" to "99". */
static const char digit_pairs[200 + 1] = "0001020304050607080910111213141516171819"
                                         "2021222324252627282930313233343536373839"
                                         "4041424344454647484950515253545556575859"
                                         "6061626364656667686970717273747576777879"
                                         "8081828384858687888990919293949596979899";

static size_t digits_count(uint64_t value)
{
    size_t count = 1;

    for (;;) {
        if (value < 10)
            return count;
        if (value < 100)
            return count + 1;
        if (value < 1000)
            return count + 2;
        if (value < 10000)
            return count + 3;
        value /= 10000;
        count += 4;
    }
}

size_t gf_u64_format(char *text, uint64_t value)
{
    size_t size = digits_count(value);
    char *place = text + size;

    while (value >= 100) {
        place -= 2;
        memcpy(place, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10)
        memcpy(text, digit_pairs + value * 2, 2);
    else
        text[0] = (char)('0' + value);
    return size;
}

size_t gf_i64_format(char *text, int64_t value)
{
    if (value >= 0)
        return gf_u64_format(text, (uint64_t)value);
    text[0] = '-';
    return 1 + gf_u64_format(text + 1, -(uint64_t)value);
}

/* "inf" or "-inf", as Redis writes them. */
static size_t infinity_format(char *text, bool negative)
{
    memcpy(text, negative ? "-inf" : "inf", negative ? 4 : 3);
    return negative ? 4 : 3;
}

size_t gf_long_double_format(char *text, long double value)
{
    int size;

    if (isinf(value))
        return infinity_format(text, value < 0);
    size = snprintf(text, GF_LONG_DOUBLE_TEXT_MAX, "%.17Lf", value);
    GF_ASSERT(size > 0);
    GF_ASSERT(size < GF_LONG_DOUBLE_TEXT_MAX);

    if (memchr(text, '.', (size_t)size)) {
        while (text[size - 1] == '0')
            size--;
        if (text[size - 1] == '.')
            size--;
    }
    if (size == 2 && memcmp(text, "-0", 2) == 0) {
        text[0] = '0';
        size = 1;
    }
    return (size_t)size;
}

size_t gf_double_format(char *text, double value)
{
    int size;

    if (isinf(value))
        return infinity_format(text, value < 0);
    if (isnan(value)) {
        memcpy(text, "nan", 3);
        return 3;
    }
    if (value > -DOUBLE_INTEGER_MAX && value < DOUBLE_INTEGER_MAX &&
        value == (double)(int64_t)value && !(value == 0 && signbit(value)))
        return gf_i64_format(text, (int64_t)value); /* the same text */
    size = snprintf(text, GF_DOUBLE_TEXT_MAX, "%.17g", value);
    GF_ASSERT(size > 0);
    GF_ASSERT(size < GF_DOUBLE_TEXT_MAX);
    return (size_t)size;
}
