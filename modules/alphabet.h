/* Alphabets: sets of at most 128 characters, in which texts are packed with 4 to 7 bits each.
 *
 * They are fixed, so that nothing but their number has to be kept with what is packed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"

/*   number    bits  characters */
enum gf_alphabet {
    GF_ALPHABET_BYTES,   /* 8, all: nothing is packed */
    GF_ALPHABET_HEX,     /* 4: 0-9 a-f */
    GF_ALPHABET_NUMBERS, /* 4: 0-9 - . : , / and space */
    GF_ALPHABET_UUID,    /* 5: 0-9 a-f and 16 signs between them; A-F are not */
    GF_ALPHABET_WORDS,   /* 5: a-z - _ . : / and space */
    GF_ALPHABET_BASE64,  /* 6: A-Z a-z 0-9 - _ */
    GF_ALPHABET_LOWER,   /* 6: a-z 0-9 and 28 signs */
    GF_ALPHABET_ASCII,   /* 7: all below 128 */
    GF_ALPHABETS
};

#define GF_ALPHABETS_ALL 0xffu /* a set of alphabets: bit n = number n */

/* gf_alphabets_of - the alphabets that can write a text. Bytes always can. */
uint32_t gf_alphabets_of(struct gf_bytes text);
/* gf_alphabet_takes - can this one write the text? */
bool gf_alphabet_takes(uint8_t alphabet, struct gf_bytes text);
/* gf_alphabet_best - of a set, the one with the fewest bits. */
uint8_t gf_alphabet_best(uint32_t alphabets);
/* gf_alphabet_bits - 4 … 8. */
uint32_t gf_alphabet_bits(uint8_t alphabet);

/* gf_alphabet_size - bytes of `count` packed characters. */
static inline uint32_t gf_alphabet_size(uint8_t alphabet, uint32_t count)
{
    return alphabet == GF_ALPHABET_BYTES ? count : (count * gf_alphabet_bits(alphabet) + 7) / 8;
}

/* gf_alphabet_pack - write gf_alphabet_size bytes at `place`. */
void gf_alphabet_pack(uint8_t alphabet, struct gf_bytes text, char *place);
/* gf_alphabet_unpack - `count` characters from `packed` to `text`, which has room for 8 more. */
void gf_alphabet_unpack(uint8_t alphabet, const char *packed, uint32_t count, char *text);
