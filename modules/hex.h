/* Texts of hexadecimal digits, two digits to a byte: identifiers, checksums, numbers with zeroes in
 * front. Digits are 0-9 and a-f; capitals are none, or there would be no way back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#else
#include <endian.h>
#endif

#define GF_HEX_STEP 16u /* digits packed at once */

#ifdef __SSE2__

/* gf_hex_pack - sixteen digits become the eight bytes at `ret_bytes`; false when one is none. */
static inline bool gf_hex_pack(const char *digits, char *ret_bytes)
{
    __m128i text = _mm_loadu_si128((const __m128i *)(const void *)digits);
    __m128i number = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    __m128i letter = _mm_sub_epi8(text, _mm_set1_epi8('a'));
    /* Unsigned, and what is below '0' or 'a' wrapped around. */
    __m128i is_number = _mm_cmpeq_epi8(_mm_min_epu8(number, _mm_set1_epi8(9)), number);
    __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(5)), letter);
    __m128i packed;

    if (_mm_movemask_epi8(_mm_or_si128(is_number, is_letter)) != 0xffff)
        return false;
    packed = _mm_or_si128(_mm_and_si128(number, is_number),
                          _mm_and_si128(_mm_add_epi8(letter, _mm_set1_epi8(10)), is_letter));
    packed = _mm_or_si128(_mm_slli_epi16(packed, 4), _mm_srli_epi16(packed, 8));
    packed = _mm_and_si128(packed, _mm_set1_epi16(0xff));
    _mm_storel_epi64((__m128i *)(void *)ret_bytes, _mm_packus_epi16(packed, packed));
    return true;
}

/* gf_hex_unpack - the way back. */
static inline void gf_hex_unpack(const char *bytes, char *ret_digits)
{
    __m128i packed = _mm_loadl_epi64((const __m128i *)(const void *)bytes);
    __m128i nibbles =
        _mm_and_si128(_mm_unpacklo_epi8(_mm_srli_epi16(packed, 4), packed), _mm_set1_epi8(15));
    __m128i letters =
        _mm_and_si128(_mm_cmpgt_epi8(nibbles, _mm_set1_epi8(9)), _mm_set1_epi8('a' - '9' - 1));

    _mm_storeu_si128((__m128i *)(void *)ret_digits,
                     _mm_add_epi8(_mm_add_epi8(nibbles, _mm_set1_epi8('0')), letters));
}

#else

#define GF_HEX_BYTES UINT64_C(0x0101010101010101) /* 1 in each byte of a word */

static inline bool gf_hex_pack_word(const char *digits, char *ret_bytes)
{
    const uint64_t tops = GF_HEX_BYTES * 0x80;
    uint64_t word;
    uint64_t number; /* each byte minus '0' */
    uint64_t letter; /* each byte minus 'a' - 1 */
    uint64_t good;   /* top bit of each byte that is a digit */
    uint32_t packed;

    memcpy(&word, digits, sizeof(word));
    word = le64toh(word);
    if ((word & tops) != 0)
        return false;
    number = word ^ GF_HEX_BYTES * '0';
    letter = word ^ GF_HEX_BYTES * ('a' - 1);
    /* No byte carries into the next one: all are below 128, and so is what is added. */
    good = ~(number + GF_HEX_BYTES * (0x80 - 10)) |
           (~(letter + GF_HEX_BYTES * (0x80 - 7)) & (letter + GF_HEX_BYTES * 0x7f));
    if ((good & tops) != tops)
        return false;
    word = (word & GF_HEX_BYTES * 0x0f) + (word >> 6 & GF_HEX_BYTES) * 9;
    word = (word << 4 | word >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    word = (word | word >> 8) & UINT64_C(0x0000ffff0000ffff);
    packed = htole32((uint32_t)(word | word >> 16));
    memcpy(ret_bytes, &packed, sizeof(packed));
    return true;
}

static inline void gf_hex_unpack_word(const char *bytes, char *ret_digits)
{
    uint32_t packed;
    uint64_t word;

    memcpy(&packed, bytes, sizeof(packed));
    word = le32toh(packed);
    word = (word | word << 16) & UINT64_C(0x0000ffff0000ffff);
    word = (word | word << 8) & UINT64_C(0x00ff00ff00ff00ff);
    word = (word >> 4 & GF_HEX_BYTES * 0x0f) | (word & UINT64_C(0x000f000f000f000f)) << 8;
    word += GF_HEX_BYTES * '0' + ((word + GF_HEX_BYTES * 6) >> 4 & GF_HEX_BYTES) * ('a' - '9' - 1);
    word = htole64(word);
    memcpy(ret_digits, &word, sizeof(word));
}

static inline bool gf_hex_pack(const char *digits, char *ret_bytes)
{
    return gf_hex_pack_word(digits, ret_bytes) && gf_hex_pack_word(digits + 8, ret_bytes + 4);
}

static inline void gf_hex_unpack(const char *bytes, char *ret_digits)
{
    gf_hex_unpack_word(bytes, ret_digits);
    gf_hex_unpack_word(bytes + 4, ret_digits + 8);
}

#endif
