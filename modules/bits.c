/* Bits of byte strings: counted, found, read, written, combined.
 *
 * Counting takes 32 bytes at a time where the processor has AVX2, which is asked when the program
 * runs: bits of each half byte are looked up in a table of 16 by one shuffle, the sums of bytes
 * become sums of words by one more instruction. Source: W. Muła, N. Kurz, D. Lemire, "Faster
 * Population Counts Using AVX2 Instructions", 2016. Elsewhere it takes 8.
 */
#include "modules/bits.h"

#include <string.h>

#include "core/assert.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define WORD_SIZE sizeof(uint64_t)
#define WORD_BITS 64u

static uint64_t word_at(const char *data)
{
    uint64_t word;

    memcpy(&word, data, sizeof(word));
    return word;
}

static uint64_t count_words(const char *data, size_t size)
{
    uint64_t count = 0;
    size_t i = 0;

    for (; i + WORD_SIZE <= size; i += WORD_SIZE)
        count += (uint64_t)__builtin_popcountll(word_at(data + i));
    for (; i < size; i++)
        count += (uint64_t)__builtin_popcount((uint8_t)data[i]);
    return count;
}

#if defined(__x86_64__)
#define WIDE_SIZE 32
/* Each byte of a sum gains at most 8 per step, so it holds this many. */
#define WIDE_STEPS 31

__attribute__((target("avx2"))) static inline __m256i wide_count(__m256i bits)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(0x0f);
    __m256i first = _mm256_shuffle_epi8(table, _mm256_and_si256(bits, low));
    __m256i second = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bits, 4), low));

    return _mm256_add_epi8(first, second);
}

/* `size` is a multiple of WIDE_SIZE. */
__attribute__((target("avx2"))) static uint64_t count_wide(const char *data, size_t size)
{
    __m256i sum = _mm256_setzero_si256();
    uint64_t parts[4];
    size_t i = 0;

    while (i < size) {
        size_t end =
            i + (size_t)WIDE_STEPS * WIDE_SIZE < size ? i + (size_t)WIDE_STEPS * WIDE_SIZE : size;
        __m256i bytes = _mm256_setzero_si256();

        for (; i < end; i += WIDE_SIZE)
            bytes =
                _mm256_add_epi8(bytes, wide_count(_mm256_loadu_si256((const void *)(data + i))));
        sum = _mm256_add_epi64(sum, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
    }
    _mm256_storeu_si256((void *)parts, sum);
    return parts[0] + parts[1] + parts[2] + parts[3];
}

static uint64_t count_bytes(const char *data, size_t size)
{
    size_t wide = size - size % WIDE_SIZE;

    if (wide == 0 || !__builtin_cpu_supports("avx2"))
        return count_words(data, size);
    return count_wide(data, wide) + count_words(data + wide, size - wide);
}
#else
static uint64_t count_bytes(const char *data, size_t size)
{
    return count_words(data, size);
}
#endif

/* The bits of the byte that `bit` is in, from it on; and up to it, itself included. */
static uint8_t mask_from(uint64_t bit)
{
    return (uint8_t)(0xffu >> bit % 8);
}

static uint8_t mask_to(uint64_t bit)
{
    return (uint8_t)(0xffu << (7 - bit % 8));
}

uint64_t gf_bits_count(struct gf_bytes bytes, uint64_t first, uint64_t last)
{
    uint64_t begin = first / 8;
    uint64_t end = last / 8;
    uint64_t outside;

    GF_ASSERT(first <= last);
    GF_ASSERT(end < bytes.size);
    outside = (uint64_t)__builtin_popcount((uint8_t)bytes.data[begin] & (uint8_t)~mask_from(first));
    outside += (uint64_t)__builtin_popcount((uint8_t)bytes.data[end] & (uint8_t)~mask_to(last));
    return count_bytes(bytes.data + begin, end - begin + 1) - outside;
}

/* The first byte from `begin` on that is not `skip`; `end` when all are. */
static uint64_t byte_other(const char *data, uint64_t begin, uint64_t end, uint8_t skip)
{
    uint64_t all = skip ? UINT64_MAX : 0;

    while (begin + WORD_SIZE <= end && word_at(data + begin) == all)
        begin += WORD_SIZE;
    while (begin < end && (uint8_t)data[begin] == skip)
        begin++;
    return begin;
}

int64_t gf_bits_find(struct gf_bytes bytes, bool bit, uint64_t first, uint64_t last)
{
    uint64_t at = first / 8;
    uint64_t end = last / 8;
    uint8_t flip = bit ? 0 : 0xff; /* so that a one is looked for */
    uint8_t byte;

    GF_ASSERT(first <= last);
    GF_ASSERT(end < bytes.size);
    byte = (uint8_t)((uint8_t)bytes.data[at] ^ flip) & mask_from(first);
    if (byte == 0 && at < end) {
        at = byte_other(bytes.data, at + 1, end, flip);
        byte = (uint8_t)bytes.data[at] ^ flip;
    }
    if (at == end)
        byte &= mask_to(last);
    return byte != 0 ? (int64_t)(at * 8) + __builtin_clz(byte) - 24 : -1;
}

uint64_t gf_bits_get(struct gf_bytes bytes, uint64_t offset, uint32_t count)
{
    uint64_t at = offset / 8;
    unsigned __int128 window = 0;

    GF_ASSERT(count - 1 < WORD_BITS);
    for (uint32_t i = 0; i <= WORD_SIZE; i++)
        window = window << 8 | (at + i < bytes.size ? (uint8_t)bytes.data[at + i] : 0);
    window >>= 72 - offset % 8 - count;
    return (uint64_t)window & (UINT64_MAX >> (WORD_BITS - count));
}

void gf_bits_set(char *data, uint64_t offset, uint32_t count, uint64_t value)
{
    GF_ASSERT(count - 1 < WORD_BITS);
    while (count > 0) {
        uint32_t room = 8 - (uint32_t)(offset % 8);
        uint32_t part = count < room ? count : room;
        uint8_t mask = (uint8_t)(((1u << part) - 1) << (room - part));
        uint8_t bits = (uint8_t)(value >> (count - part) << (room - part)) & mask;

        data[offset / 8] = (char)(((uint8_t)data[offset / 8] & (uint8_t)~mask) | bits);
        offset += part;
        count -= part;
    }
}

/* 32 bytes at once; the compiler makes of it what the processor has. */
typedef uint64_t wide __attribute__((vector_size(32)));

#define COMBINE(expression_wide, expression_byte)                                                  \
    for (; i + sizeof(wide) <= size; i += sizeof(wide)) {                                          \
        wide a;                                                                                    \
        wide b;                                                                                    \
        memcpy(&a, to + i, sizeof(a));                                                             \
        memcpy(&b, from + i, sizeof(b));                                                           \
        a = expression_wide;                                                                       \
        memcpy(to + i, &a, sizeof(a));                                                             \
    }                                                                                              \
    for (; i < size; i++)                                                                          \
    to[i] = (char)(expression_byte)

void gf_bits_combine(enum gf_bits_op op, char *to, const char *from, size_t size)
{
    size_t i = 0;

    switch (op) {
    case GF_BITS_AND:
        COMBINE(a & b, to[i] & from[i]);
        break;
    case GF_BITS_OR:
        COMBINE(a | b, to[i] | from[i]);
        break;
    case GF_BITS_XOR:
        COMBINE(a ^ b, to[i] ^ from[i]);
        break;
    case GF_BITS_NOT:
        COMBINE(~b, ~from[i]);
        break;
    }
}
