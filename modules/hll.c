/* HyperLogLogs as bytes: registers read, raised, merged and counted. */
#include "modules/hll.h"

#include <math.h>
#include <string.h>

#include "core/assert.h"
#include "core/error.h"

#define INDEX_BITS 14
#define RANK_BITS 50 /* of the hash, for the run of zeroes */
#define HASH_SEED 0xadc83b19u
#define COUNT_OFFSET 8
#define STALE_OFFSET 15 /* the byte whose highest bit says that the count is out of date */

#define ZERO_LENGTH_MAX 64u /* longer runs of zeroes take two bytes */
#define RANK_LENGTH_MAX 4u
#define SPARSE_RANK_MAX 32u
#define RUN_SIZE_MAX 5    /* bytes that can take the place of one run */
#define MERGED_RUNS_MAX 5 /* looked at after a change, from the run before it on */

static const double alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */

static uint64_t load8(const char *data)
{
    uint64_t value;

    memcpy(&value, data, sizeof(value));
    return value;
}

/* MurmurHash64A. Source: A. Appleby, MurmurHash2, 64-bit, public domain. */
static uint64_t murmur(struct gf_bytes bytes)
{
    const uint64_t m = 0xc6a4a7935bd1e995u;
    uint64_t hash = HASH_SEED ^ (bytes.size * m);
    uint64_t rest = 0;
    size_t i = 0;

    for (; i + 8 <= bytes.size; i += 8) {
        uint64_t k = load8(bytes.data + i) * m;

        hash = (hash ^ ((k ^ k >> 47) * m)) * m;
    }
    for (size_t j = bytes.size; j > i; j--)
        rest = rest << 8 | (uint8_t)bytes.data[j - 1];
    if (i < bytes.size)
        hash = (hash ^ rest) * m;
    hash = (hash ^ hash >> 47) * m;
    return hash ^ hash >> 47;
}

struct gf_hll_mark gf_hll_mark(struct gf_bytes element)
{
    uint64_t hash = murmur(element);
    uint64_t zeroes = hash >> INDEX_BITS | (uint64_t)1 << RANK_BITS;

    return (struct gf_hll_mark){.index = hash % GF_HLL_REGISTERS,
                                .rank = (uint8_t)(__builtin_ctzll(zeroes) + 1)};
}

bool gf_hll_valid(struct gf_bytes bytes)
{
    if (bytes.size < GF_HLL_HEADER_SIZE || memcmp(bytes.data, "HYLL", 4) != 0)
        return false;
    return bytes.data[4] == 1 || (bytes.data[4] == 0 && bytes.size == GF_HLL_DENSE_SIZE);
}

bool gf_hll_is_dense(struct gf_bytes bytes)
{
    return bytes.data[4] == 0;
}

void gf_hll_init(struct gf_buf *ret_hll)
{
    /* All zeroes in one run: 16383 is all of its 14 bits. */
    static const char empty[] = "HYLL\1\0\0\0\0\0\0\0\0\0\0\0\x7f\xff";

    gf_buf_add(ret_hll, (struct gf_bytes){.data = empty, .size = sizeof(empty) - 1});
}

void gf_hll_forget_count(char *hll)
{
    hll[STALE_OFFSET] = (char)(hll[STALE_OFFSET] | 0x80);
}

int64_t gf_hll_known_count(struct gf_bytes hll)
{
    uint64_t count = 0;

    for (uint32_t i = 8; i > 0; i--)
        count = count << 8 | (uint8_t)hll.data[COUNT_OFFSET + i - 1];
    return count >> 63 ? -1 : (int64_t)count;
}

/* Dense registers. The last one's second byte does not exist, nor is it needed. */

static uint8_t register_get(const char *registers, uint32_t index)
{
    uint32_t at = index * 6 / 8;
    uint32_t shift = index * 6 % 8;
    uint32_t bits = (uint8_t)registers[at];

    if (shift > 2)
        bits |= (uint32_t)(uint8_t)registers[at + 1] << 8;
    return bits >> shift & 63;
}

static void register_set(char *registers, uint32_t index, uint8_t rank)
{
    uint32_t at = index * 6 / 8;
    uint32_t shift = index * 6 % 8;
    uint32_t mask = 63u << shift;
    uint32_t bits = (uint32_t)rank << shift;

    registers[at] = (char)(((uint8_t)registers[at] & ~mask) | bits);
    if (shift > 2)
        registers[at + 1] = (char)(((uint8_t)registers[at + 1] & ~(mask >> 8)) | bits >> 8);
}

enum gf_hll_change gf_hll_dense_set(char *hll, struct gf_hll_mark mark)
{
    char *registers = hll + GF_HLL_HEADER_SIZE;

    GF_ASSERT(mark.index < GF_HLL_REGISTERS);
    if (register_get(registers, mark.index) >= mark.rank)
        return GF_HLL_SAME;
    register_set(registers, mark.index, mark.rank);
    return GF_HLL_CHANGED;
}

/* Runs. */

bool gf_hll_run_next(const char **at, const char *end, struct gf_hll_run *ret_run)
{
    uint8_t first;

    if (*at == end)
        return false;
    first = (uint8_t) * *at;
    if (first >= 0x80) {
        *ret_run = (struct gf_hll_run){
            .size = 1, .length = (first & 3u) + 1, .rank = (uint8_t)((first >> 2 & 31) + 1)};
    } else if (first < 0x40) {
        *ret_run = (struct gf_hll_run){.size = 1, .length = first + 1u};
    } else {
        if (end - *at < 2)
            return false;
        *ret_run =
            (struct gf_hll_run){.size = 2, .length = ((first & 63u) << 8 | (uint8_t)(*at)[1]) + 1};
    }
    *at += ret_run->size;
    return true;
}

/* Writes a run of `length` registers (none: nothing); returns behind it. */
static char *run_write(char *place, uint32_t length, uint8_t rank)
{
    if (length == 0)
        return place;
    if (rank > 0) {
        *place++ = (char)(0x80u | (uint32_t)(rank - 1) << 2 | (length - 1));
    } else if (length <= ZERO_LENGTH_MAX) {
        *place++ = (char)(length - 1);
    } else {
        *place++ = (char)(0x40u | (length - 1) >> 8);
        *place++ = (char)(length - 1);
    }
    return place;
}

static void run_marks(uint8_t *registers, const struct gf_hll_run *run)
{
    for (uint32_t i = 0; i < run->length; i++) {
        if (registers[i] < run->rank)
            registers[i] = run->rank;
    }
}

static bool runs_merge(uint8_t *registers, struct gf_bytes hll)
{
    const char *at = hll.data + GF_HLL_HEADER_SIZE;
    const char *end = hll.data + hll.size;
    struct gf_hll_run run;
    uint32_t index = 0;

    while (gf_hll_run_next(&at, end, &run)) {
        if (run.length > GF_HLL_REGISTERS - index)
            return false;
        if (run.rank > 0)
            run_marks(registers + index, &run);
        index += run.length;
    }
    return at == end && index == GF_HLL_REGISTERS;
}

bool gf_hll_merge(uint8_t registers[GF_HLL_REGISTERS], struct gf_bytes hll)
{
    if (!gf_hll_is_dense(hll))
        return runs_merge(registers, hll);
    for (uint32_t i = 0; i < GF_HLL_REGISTERS; i++) {
        uint8_t rank = register_get(hll.data + GF_HLL_HEADER_SIZE, i);

        if (registers[i] < rank)
            registers[i] = rank;
    }
    return true;
}

bool gf_hll_to_dense(struct gf_buf *hll)
{
    uint8_t registers[GF_HLL_REGISTERS] = {0};

    if (hll->data[4] == 0)
        return true;
    if (!runs_merge(registers, (struct gf_bytes){.data = hll->data, .size = hll->size}))
        return false;
    if (hll->size < GF_HLL_DENSE_SIZE &&
        gf_buf_reserve(hll, GF_HLL_DENSE_SIZE - hll->size) != GF_OK)
        return false;
    hll->data[4] = 0;
    hll->size = GF_HLL_DENSE_SIZE;
    memset(hll->data + GF_HLL_HEADER_SIZE, 0, GF_HLL_DENSE_SIZE - GF_HLL_HEADER_SIZE);
    for (uint32_t i = 0; i < GF_HLL_REGISTERS; i++)
        register_set(hll->data + GF_HLL_HEADER_SIZE, i, registers[i]);
    return true;
}

/* The run that a register is in. */
struct run_place {
    struct gf_hll_run run;
    uint32_t first;  /* register of the run */
    size_t offset;   /* of the run in the value */
    size_t previous; /* of the run before, or of this one when it is the first */
};

static bool run_find(const struct gf_buf *hll, uint32_t index, struct run_place *ret_place)
{
    const char *at = hll->data + GF_HLL_HEADER_SIZE;
    const char *end = hll->data + hll->size;
    struct run_place place = {.previous = GF_HLL_HEADER_SIZE, .offset = GF_HLL_HEADER_SIZE};

    while (gf_hll_run_next(&at, end, &place.run)) {
        if (index - place.first < place.run.length) {
            *ret_place = place;
            return true;
        }
        place.first += place.run.length;
        place.previous = place.offset;
        place.offset = (size_t)(at - hll->data);
    }
    return false;
}

/* Neighbours of equal rank become one run: from `offset` on, over a few runs. */
static void runs_join(struct gf_buf *hll, size_t offset)
{
    for (uint32_t i = 0; i < MERGED_RUNS_MAX && offset < hll->size; i++) {
        const char *at = hll->data + offset;
        const char *end = hll->data + hll->size;
        struct gf_hll_run run;
        struct gf_hll_run next;

        if (!gf_hll_run_next(&at, end, &run))
            return;
        if (run.rank > 0 && gf_hll_run_next(&at, end, &next) && next.rank == run.rank &&
            run.length + next.length <= RANK_LENGTH_MAX) {
            (void)run_write(hll->data + offset + 1, run.length + next.length, run.rank);
            memmove(hll->data + offset, hll->data + offset + 1, hll->size - offset - 1);
            hll->size--;
        } else {
            offset += run.size;
        }
    }
}

static enum gf_hll_change promote(struct gf_buf *hll, struct gf_hll_mark mark)
{
    if (!gf_hll_to_dense(hll))
        return GF_HLL_BROKEN;
    return gf_hll_dense_set(hll->data, mark);
}

/* Room for `more` bytes (less when negative) behind the run at `offset`, which takes `size`. */
static bool runs_shift(struct gf_buf *hll, size_t behind, int more)
{
    if (more > 0 && gf_buf_reserve(hll, (size_t)more) != GF_OK)
        return false;
    memmove(hll->data + behind + more, hll->data + behind, hll->size - behind);
    hll->size = (size_t)((int64_t)hll->size + more);
    return true;
}

enum gf_hll_change gf_hll_set(struct gf_buf *hll, struct gf_hll_mark mark, uint64_t size_max)
{
    char with[RUN_SIZE_MAX];
    struct run_place place;
    char *end;
    int more;

    if (hll->data[4] == 0)
        return gf_hll_dense_set(hll->data, mark);
    if (mark.rank > SPARSE_RANK_MAX)
        return promote(hll, mark);
    if (!run_find(hll, mark.index, &place))
        return GF_HLL_BROKEN;
    if (place.run.rank >= mark.rank)
        return GF_HLL_SAME;

    end = run_write(with, mark.index - place.first, place.run.rank);
    end = run_write(end, 1, mark.rank);
    end = run_write(end, place.first + place.run.length - 1 - mark.index, place.run.rank);
    more = (int)(end - with) - (int)place.run.size;
    if (more > 0 && hll->size + (size_t)more > size_max)
        return promote(hll, mark);
    if (!runs_shift(hll, place.offset + place.run.size, more))
        return GF_HLL_BROKEN;
    memcpy(hll->data + place.offset, with, (size_t)(end - with));
    runs_join(hll, place.previous);
    return GF_HLL_CHANGED;
}

/* The estimate. */

static double sigma(double x)
{
    double y = 1;
    double z = x;
    double before;

    if (x == 1)
        return INFINITY;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (before != z);
    return z;
}

static double tau(double x)
{
    double y = 1;
    double z = 1 - x;
    double before;

    if (x == 0 || x == 1)
        return 0;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (before != z);
    return z / 3;
}

uint64_t gf_hll_estimate(const uint8_t registers[GF_HLL_REGISTERS])
{
    const double m = GF_HLL_REGISTERS;
    uint32_t histogram[64] = {0};
    double z;

    for (uint32_t i = 0; i < GF_HLL_REGISTERS; i++)
        histogram[registers[i] & 63]++;
    z = m * tau((m - histogram[RANK_BITS + 1]) / m);
    for (uint32_t rank = RANK_BITS; rank >= 1; rank--)
        z = (z + histogram[rank]) * 0.5;
    z += m * sigma(histogram[0] / m);
    return (uint64_t)llround(alpha * m * m / z);
}
