/* Bits of byte strings, against a model that looks at one bit at a time. */
#include "modules/bits.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "core/random.h"

#define SIZE_MAX_TESTED 3000
#define ROUNDS 3000

static char data[SIZE_MAX_TESTED];

static bool bit_at(const char *bytes, uint64_t index)
{
    return ((uint8_t)bytes[index / 8] >> (7 - index % 8) & 1) != 0;
}

/* Long runs of equal bytes are what the fast paths are about. */
static void data_fill(uint64_t *seed, size_t size)
{
    uint64_t kind = gf_random_next(seed) % 3;

    memset(data, kind == 1 ? 0xff : 0, sizeof(data));
    for (size_t i = 0; kind == 2 && i < size; i++)
        data[i] = (char)gf_random_next(seed);
    for (uint64_t i = gf_random_next(seed) % 4; size > 0 && i > 0; i--)
        data[gf_random_next(seed) % size] ^= (char)(1u << gf_random_next(seed) % 8);
}

static uint64_t model_count(uint64_t first, uint64_t last)
{
    uint64_t count = 0;

    for (uint64_t i = first; i <= last; i++)
        count += bit_at(data, i);
    return count;
}

static int64_t model_find(bool bit, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last; i++) {
        if (bit_at(data, i) == bit)
            return (int64_t)i;
    }
    return -1;
}

/* Whatever the range and wherever words begin and end in it. */
Test(bits, ranges_are_counted_and_searched)
{
    uint64_t seed = 1;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        size_t size = 1 + gf_random_next(&seed) % (round % 10 == 0 ? SIZE_MAX_TESTED : 100);
        uint64_t first = gf_random_next(&seed) % (size * 8);
        uint64_t last = first + gf_random_next(&seed) % (size * 8 - first);
        struct gf_bytes bytes = {.data = data, .size = size};

        data_fill(&seed, size);
        cr_assert(eq(u64, gf_bits_count(bytes, first, last), model_count(first, last)));
        cr_assert(eq(i64, gf_bits_find(bytes, true, first, last), model_find(true, first, last)));
        cr_assert(eq(i64, gf_bits_find(bytes, false, first, last), model_find(false, first, last)));
    }
}

/* A field of any width at any place is what was written there, and nothing around it changes. */
Test(bits, fields_come_back)
{
    uint64_t seed = 2;
    char before[64];

    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t width = 1 + (uint32_t)(gf_random_next(&seed) % 64);
        uint64_t offset = gf_random_next(&seed) % (sizeof(before) * 8 - width);
        uint64_t value = gf_random_next(&seed) & (UINT64_MAX >> (64 - width));
        struct gf_bytes bytes = {.data = data, .size = sizeof(before)};

        data_fill(&seed, sizeof(before));
        memcpy(before, data, sizeof(before));
        gf_bits_set(data, offset, width, value);
        cr_assert(eq(u64, gf_bits_get(bytes, offset, width), value));
        for (uint64_t i = 0; i < sizeof(before) * 8; i++) {
            if (i < offset || i >= offset + width)
                cr_assert_eq(bit_at(data, i), bit_at(before, i));
        }
    }
}

/* What is behind the end of a string is zero. */
Test(bits, fields_over_the_end_are_filled_with_zeroes)
{
    struct gf_bytes bytes = {.data = "\xff\xff", .size = 2};

    cr_expect(eq(u64, gf_bits_get(bytes, 12, 8), 0xf0));
    cr_expect(eq(u64, gf_bits_get(bytes, 0, 64), 0xffff000000000000u));
    cr_expect(eq(u64, gf_bits_get(bytes, 1000000, 64), 0));
}

static uint8_t model_combine(enum gf_bits_op op, uint8_t a, uint8_t b)
{
    switch (op) {
    case GF_BITS_AND:
        return a & b;
    case GF_BITS_OR:
        return a | b;
    case GF_BITS_XOR:
        return a ^ b;
    case GF_BITS_NOT:
        return (uint8_t)~b;
    }
    return 0;
}

/* Every operation, at every size around that of a step. */
Test(bits, strings_are_combined)
{
    uint64_t seed = 3;

    for (size_t size = 0; size < 140; size++) {
        for (int op = GF_BITS_AND; op <= GF_BITS_NOT; op++) {
            char from[140];
            char to[140];

            for (size_t i = 0; i < sizeof(to); i++) {
                to[i] = data[i] = (char)gf_random_next(&seed);
                from[i] = (char)gf_random_next(&seed);
            }
            gf_bits_combine((enum gf_bits_op)op, to, from, size);
            for (size_t i = 0; i < sizeof(to); i++) {
                uint8_t want =
                    model_combine((enum gf_bits_op)op, (uint8_t)data[i], (uint8_t)from[i]);

                cr_assert_eq((uint8_t)to[i], i < size ? want : (uint8_t)data[i]);
            }
        }
    }
}
