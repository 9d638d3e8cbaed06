/* The bytes under a saved value: numbers and byte strings. */
#include "modules/dump.h"

#include <string.h>

#include "core/assert.h"

#define U64_SIZE_MAX 10 /* bytes of LEB128 that 64 bits take */

void gf_save_u64(struct gf_saver *saver, uint64_t value)
{
    char *place = gf_chain_reserve(saver->chain, U64_SIZE_MAX);
    size_t size = 0;

    for (; value >= 0x80; value >>= 7)
        place[size++] = (char)(value | 0x80);
    place[size++] = (char)value;
    gf_chain_commit(saver->chain, size);
}

void gf_save_i64(struct gf_saver *saver, int64_t value)
{
    /* Zigzag: 0, -1, 1, -2 … become 0, 1, 2, 3 … */
    gf_save_u64(saver, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

void gf_save_double(struct gf_saver *saver, double value)
{
    char *place = gf_chain_reserve(saver->chain, sizeof(value));
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    for (uint32_t i = 0; i < sizeof(bits); i++)
        place[i] = (char)(bits >> (8 * i));
    gf_chain_commit(saver->chain, sizeof(bits));
}

void gf_save_bytes(struct gf_saver *saver, struct gf_bytes bytes)
{
    gf_save_u64(saver, bytes.size);
    if (bytes.size > 0)
        gf_chain_append(saver->chain, bytes);
}

void gf_loader_fail(struct gf_loader *loader)
{
    loader->failed = true;
}

uint64_t gf_load_u64(struct gf_loader *loader)
{
    uint64_t value = 0;

    for (uint32_t shift = 0; shift < 64 && gf_loader_left(loader) > 0; shift += 7) {
        uint8_t byte = (uint8_t)*loader->at++;

        if (shift == 63 && byte > 1)
            break; /* more than 64 bits */
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    gf_loader_fail(loader);
    return 0;
}

int64_t gf_load_i64(struct gf_loader *loader)
{
    uint64_t value = gf_load_u64(loader);

    return (int64_t)((value >> 1) ^ (value & 1 ? UINT64_MAX : 0));
}

double gf_load_double(struct gf_loader *loader)
{
    uint64_t bits = 0;
    double value;

    if (gf_loader_left(loader) < sizeof(bits)) {
        gf_loader_fail(loader);
        return 0;
    }
    for (uint32_t i = 0; i < sizeof(bits); i++)
        bits |= (uint64_t)(uint8_t)*loader->at++ << (8 * i);
    memcpy(&value, &bits, sizeof(value));
    return value;
}

struct gf_bytes gf_load_bytes(struct gf_loader *loader)
{
    uint64_t size = gf_load_u64(loader);
    struct gf_bytes bytes = {.data = loader->at, .size = size};

    if (size > gf_loader_left(loader)) {
        gf_loader_fail(loader);
        return (struct gf_bytes){.data = "", .size = 0};
    }
    loader->at += size;
    return bytes;
}

uint64_t gf_load_count(struct gf_loader *loader, uint64_t size_min)
{
    uint64_t count = gf_load_u64(loader);

    GF_ASSERT(size_min > 0);
    if (count > gf_loader_left(loader) / size_min) {
        gf_loader_fail(loader);
        return 0;
    }
    return count;
}
