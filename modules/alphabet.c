/* The tables of the alphabets, and moving bits. */
#include "modules/alphabet.h"

#include "core/assert.h"

/* clang-format off */

/* A table of codes holds each character's code and one more: 0 is "not in here". */
#define DIGITS(from)                                                                              \
    ['0'] = (from) + 1, ['1'] = (from) + 2, ['2'] = (from) + 3, ['3'] = (from) + 4,               \
    ['4'] = (from) + 5, ['5'] = (from) + 6, ['6'] = (from) + 7, ['7'] = (from) + 8,               \
    ['8'] = (from) + 9, ['9'] = (from) + 10
#define A_TO_F(from)                                                                              \
    ['a'] = (from) + 1, ['b'] = (from) + 2, ['c'] = (from) + 3, ['d'] = (from) + 4,               \
    ['e'] = (from) + 5, ['f'] = (from) + 6
#define A_TO_Z(from)                                                                              \
    A_TO_F(from), ['g'] = (from) + 7, ['h'] = (from) + 8, ['i'] = (from) + 9, ['j'] = (from) + 10,\
    ['k'] = (from) + 11, ['l'] = (from) + 12, ['m'] = (from) + 13, ['n'] = (from) + 14,           \
    ['o'] = (from) + 15, ['p'] = (from) + 16, ['q'] = (from) + 17, ['r'] = (from) + 18,           \
    ['s'] = (from) + 19, ['t'] = (from) + 20, ['u'] = (from) + 21, ['v'] = (from) + 22,           \
    ['w'] = (from) + 23, ['x'] = (from) + 24, ['y'] = (from) + 25, ['z'] = (from) + 26
#define CAPITALS(from)                                                                            \
    ['A'] = (from) + 1, ['B'] = (from) + 2, ['C'] = (from) + 3, ['D'] = (from) + 4,               \
    ['E'] = (from) + 5, ['F'] = (from) + 6, ['G'] = (from) + 7, ['H'] = (from) + 8,               \
    ['I'] = (from) + 9, ['J'] = (from) + 10, ['K'] = (from) + 11, ['L'] = (from) + 12,            \
    ['M'] = (from) + 13, ['N'] = (from) + 14, ['O'] = (from) + 15, ['P'] = (from) + 16,           \
    ['Q'] = (from) + 17, ['R'] = (from) + 18, ['S'] = (from) + 19, ['T'] = (from) + 20,           \
    ['U'] = (from) + 21, ['V'] = (from) + 22, ['W'] = (from) + 23, ['X'] = (from) + 24,           \
    ['Y'] = (from) + 25, ['Z'] = (from) + 26

static const struct alphabet {
    uint8_t bits;
    const char *characters; /* by code; NULL: a code is the character */
    uint8_t codes[128];
} alphabets[GF_ALPHABETS] = {
    [GF_ALPHABET_BYTES] = {.bits = 8},
    [GF_ALPHABET_HEX] = {
        .bits = 4, .characters = "0123456789abcdef", .codes = {DIGITS(0), A_TO_F(10)},
    },
    [GF_ALPHABET_NUMBERS] = {
        .bits = 4, .characters = "0123456789-.:,/ ",
        .codes = {DIGITS(0), ['-'] = 11, ['.'] = 12, [':'] = 13, [','] = 14, ['/'] = 15,
                  [' '] = 16},
    },
    [GF_ALPHABET_UUID] = {
        .bits = 5, .characters = "0123456789abcdef-_:.,/{}[]+ @#=\"",
        .codes = {DIGITS(0), A_TO_F(10), ['-'] = 17, ['_'] = 18, [':'] = 19, ['.'] = 20,
                  [','] = 21, ['/'] = 22, ['{'] = 23, ['}'] = 24, ['['] = 25, [']'] = 26,
                  ['+'] = 27, [' '] = 28, ['@'] = 29, ['#'] = 30, ['='] = 31, ['"'] = 32},
    },
    [GF_ALPHABET_WORDS] = {
        .bits = 5, .characters = "abcdefghijklmnopqrstuvwxyz-_.:/ ",
        .codes = {A_TO_Z(0), ['-'] = 27, ['_'] = 28, ['.'] = 29, [':'] = 30, ['/'] = 31,
                  [' '] = 32},
    },
    [GF_ALPHABET_BASE64] = {
        .bits = 6,
        .characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        .codes = {CAPITALS(0), A_TO_Z(26), DIGITS(52), ['-'] = 63, ['_'] = 64},
    },
    [GF_ALPHABET_LOWER] = {
        .bits = 6,
        .characters = "abcdefghijklmnopqrstuvwxyz0123456789 -_.:/,;=+&?%@#\"{}[]()<>|!'\\",
        .codes = {A_TO_Z(0), DIGITS(26), [' '] = 37, ['-'] = 38, ['_'] = 39, ['.'] = 40,
                  [':'] = 41, ['/'] = 42, [','] = 43, [';'] = 44, ['='] = 45, ['+'] = 46,
                  ['&'] = 47, ['?'] = 48, ['%'] = 49, ['@'] = 50, ['#'] = 51, ['"'] = 52,
                  ['{'] = 53, ['}'] = 54, ['['] = 55, [']'] = 56, ['('] = 57, [')'] = 58,
                  ['<'] = 59, ['>'] = 60, ['|'] = 61, ['!'] = 62, ['\''] = 63, ['\\'] = 64},
    },
    [GF_ALPHABET_ASCII] = {.bits = 7},
};

/* clang-format on */

_Static_assert(GF_ALPHABETS == 8, "gf_alphabet_best asks in the order of bits");

/* clang-format off */

#define BIT(name) (1u << GF_ALPHABET_##name)
#define ASCII (BIT(BYTES) | BIT(ASCII))
#define LOWER (ASCII | BIT(LOWER))
#define LOWER_UUID (LOWER | BIT(UUID))
#define LETTER (LOWER | BIT(BASE64) | BIT(WORDS))
#define SIGN (LOWER_UUID | BIT(NUMBERS) | BIT(WORDS))

/* Which alphabets have a character, by character; those from 128 on are in none but BYTES. */
static const uint8_t members[128] = {
    [0 ... 31] = ASCII, [' '] = SIGN, ['!'] = LOWER, ['"' ... '#'] = LOWER_UUID, ['$'] = ASCII,
    ['%' ... ')'] = LOWER, ['*'] = ASCII, ['+'] = LOWER_UUID, [','] = LOWER_UUID | BIT(NUMBERS),
    ['-'] = SIGN | BIT(BASE64), ['.' ... '/'] = SIGN,
    ['0' ... '9'] = LOWER_UUID | BIT(HEX) | BIT(NUMBERS) | BIT(BASE64),
    [':'] = SIGN, [';' ... '<'] = LOWER, ['='] = LOWER_UUID, ['>' ... '?'] = LOWER,
    ['@'] = LOWER_UUID, ['A' ... 'Z'] = ASCII | BIT(BASE64), ['['] = LOWER_UUID, ['\\'] = LOWER,
    [']'] = LOWER_UUID, ['^'] = ASCII, ['_'] = LOWER_UUID | BIT(WORDS) | BIT(BASE64),
    ['`'] = ASCII, ['a' ... 'f'] = LETTER | BIT(HEX) | BIT(UUID), ['g' ... 'z'] = LETTER,
    ['{'] = LOWER_UUID, ['|'] = LOWER, ['}'] = LOWER_UUID, ['~' ... 127] = ASCII,
};

/* clang-format on */

uint32_t gf_alphabets_of(struct gf_bytes text)
{
    uint32_t found = GF_ALPHABETS_ALL;
    uint32_t high = 0;

    for (size_t i = 0; i < text.size; i++) {
        found &= members[text.data[i] & 127];
        high |= (uint8_t)text.data[i];
    }
    return high < 128 ? found : 1u << GF_ALPHABET_BYTES;
}

bool gf_alphabet_takes(uint8_t alphabet, struct gf_bytes text)
{
    return alphabet == GF_ALPHABET_BYTES || (gf_alphabets_of(text) >> alphabet & 1) != 0;
}

uint8_t gf_alphabet_best(uint32_t found)
{
    uint32_t packed = found & ~(1u << GF_ALPHABET_BYTES);

    return packed == 0 ? GF_ALPHABET_BYTES : (uint8_t)__builtin_ctz(packed);
}

uint32_t gf_alphabet_bits(uint8_t alphabet)
{
    return alphabets[alphabet].bits;
}

void gf_alphabet_pack(uint8_t alphabet, struct gf_bytes text, char *place)
{
    const struct alphabet *a = &alphabets[alphabet];
    uint32_t filled = 0;
    uint64_t bits = 0;

    if (alphabet == GF_ALPHABET_BYTES) {
        if (text.size > 0)
            memcpy(place, text.data, text.size);
        return;
    }
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = (uint8_t)text.data[i];
        uint64_t code = a->characters == NULL ? c : (uint64_t)a->codes[c] - 1;

        bits |= code << filled;
        filled += a->bits;
        if (filled >= 8) {
            *place++ = (char)bits;
            bits >>= 8;
            filled -= 8;
        }
    }
    if (filled > 0)
        *place = (char)bits;
}

/* unpack_named - eight characters at a time come out of `bits` bytes. */
static void unpack_named(const struct alphabet *a, const char *packed, uint32_t count, char *text)
{
    uint64_t mask = (1u << a->bits) - 1;
    uint32_t size = (count * a->bits + 7) / 8;
    const char *end = packed + size;

    for (uint32_t done = 0; done < count; done += 8, packed += a->bits, text += 8) {
        uint64_t bits = 0;
        size_t left = (size_t)(end - packed);

        memcpy(&bits, packed, left < a->bits ? left : a->bits);
        for (uint32_t i = 0; i < 8; i++) {
            uint64_t code = bits >> (i * a->bits) & mask;

            text[i] = a->characters == NULL ? (char)code : a->characters[code];
        }
    }
}

void gf_alphabet_unpack(uint8_t alphabet, const char *packed, uint32_t count, char *text)
{
    GF_ASSERT(alphabet < GF_ALPHABETS);
    if (alphabet == GF_ALPHABET_BYTES)
        memcpy(text, packed, count);
    else
        unpack_named(&alphabets[alphabet], packed, count, text);
}
