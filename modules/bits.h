/* Bits of byte strings, as bitmap commands number them: bit 0 is the highest bit of the first byte.
 *
 * Nothing here knows keys or commands.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

/* gf_bits_count - ones among the bits first .. last, both included and inside of `bytes`. */
uint64_t gf_bits_count(struct gf_bytes bytes, uint64_t first, uint64_t last);

/* gf_bits_find - the first bit that is `bit` among first .. last, both included and inside of
 * `bytes`; -1 when there is none. */
int64_t gf_bits_find(struct gf_bytes bytes, bool bit, uint64_t first, uint64_t last);

/* gf_bits_get - `count` bits (1 .. 64) from `offset` on as a number; bits behind the end are 0. */
uint64_t gf_bits_get(struct gf_bytes bytes, uint64_t offset, uint32_t count);

/* gf_bits_set - write the low `count` bits (1 .. 64) of `value` at `offset`; there must be room. */
void gf_bits_set(char *data, uint64_t offset, uint32_t count, uint64_t value);

enum gf_bits_op {
    GF_BITS_AND,
    GF_BITS_OR,
    GF_BITS_XOR,
    GF_BITS_NOT,
};

/* gf_bits_combine - to = to `op` from, `size` bytes; NOT: to = not from. The two do not overlap, or
 * are the same. */
void gf_bits_combine(enum gf_bits_op op, char *to, const char *from, size_t size);
