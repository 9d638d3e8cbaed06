/* A series of numbers from a seed: the only randomness that commands have.
 *
 * Source: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014
 * (splitmix64).
 */
#pragma once

#include <stdint.h>

/* gf_random_next - the next number; `seed` moves on. */
static inline uint64_t gf_random_next(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
