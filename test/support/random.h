/* Random numbers for property tests: the same from the same seed, on every machine. */
#pragma once

#include <stdint.h>

struct test_random {
    uint64_t state; /* any seed but 0 */
};

/* test_random_next - 64 random bits (xorshift64*). */
static inline uint64_t test_random_next(struct test_random *random)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * UINT64_C(2685821657736338717);
}

/* test_random_below - 0 .. limit - 1. */
static inline uint64_t test_random_below(struct test_random *random, uint64_t limit)
{
    return test_random_next(random) % limit;
}
