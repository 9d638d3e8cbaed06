/* Keyed 64-bit hash of bytes. The only includer of xxHash.
 *
 * The whole of XXH3 is inlined: keys are short, and a call would cost as much as the hash of one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* gf_hash64 - XXH3 of `size` bytes under `seed`; the same on every machine. */
static inline uint64_t gf_hash64(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}
