/* Ascending integers as distances to a base. */
#include "modules/ints.h"

#include "core/alloc.h"
#include "modules/block.h"

/* Bytes that a distance takes, 1 .. 8. */
static uint32_t width_of(uint64_t distance)
{
    return distance == 0 ? 1 : (71 - (uint32_t)__builtin_clzll(distance)) / 8;
}

static void distance_write(char *at, uint64_t distance, uint32_t width)
{
    uint64_t bits = htole64(distance);

    memcpy(at, &bits, width);
}

static void head_write(char *data, int64_t base, uint32_t width)
{
    memcpy(data, &base, sizeof(base));
    data[8] = (char)width;
}

bool gf_ints_find(const struct gf_ints *ints, int64_t number, uint32_t *ret_index)
{
    uint64_t distance = (uint64_t)number - (uint64_t)ints->base;
    uint32_t low = 0, count = ints->count;

    if (number < ints->base) {
        *ret_index = 0;
        return false;
    }
    while (count > 0) {
        uint32_t half = count / 2;
        bool above = gf_ints_distance(ints, low + half) < distance;

        low += above ? half + 1 : 0;
        count = above ? count - half - 1 : half;
    }
    *ret_index = low;
    return low < ints->count && gf_ints_distance(ints, low) == distance;
}

struct gf_bytes gf_ints_one(char *room, int64_t number)
{
    head_write(room, number, 1);
    room[GF_INTS_HEAD] = 0;
    return (struct gf_bytes){.data = room, .size = GF_INTS_ONE_SIZE};
}

/* Integers that go further down or up than base and width allow: all are written anew. */
static bool ints_add_outside(struct gf_block *block, const struct gf_ints *old, uint32_t index,
                             int64_t number)
{
    int64_t first = index == 0 ? number : gf_ints_at(old, 0);
    int64_t last = index == old->count ? number : gf_ints_at(old, old->count - 1);
    uint32_t width = width_of((uint64_t)last - (uint64_t)first);
    size_t size = GF_INTS_HEAD + (size_t)(old->count + 1) * width;
    char *data = gf_alloc_try(GF_MEMORY_OTHER, size);
    char *at;

    if (!data)
        return false;
    head_write(data, first, width);
    for (uint32_t i = 0; i <= old->count; i++) {
        int64_t next = number;

        if (i != index)
            next = gf_ints_at(old, i < index ? i : i - 1);
        distance_write(data + GF_INTS_HEAD + (size_t)i * width, (uint64_t)next - (uint64_t)first,
                       width);
    }
    at = gf_block_splice(block, 0, block->size, size);
    if (at)
        memcpy(at, data, size);
    gf_free(GF_MEMORY_OTHER, data);
    return at != NULL;
}

enum gf_ints_result gf_ints_add(struct gf_block *block, int64_t number)
{
    struct gf_bytes bytes = {.data = block->data, .size = block->size};
    struct gf_ints ints = gf_ints_of(bytes);
    uint64_t distance = (uint64_t)number - (uint64_t)ints.base;
    uint32_t index;
    char *at;

    if (gf_ints_find(&ints, number, &index))
        return GF_INTS_PRESENT;
    if (number < ints.base || width_of(distance) > ints.width)
        return ints_add_outside(block, &ints, index, number) ? GF_INTS_ADDED : GF_INTS_NO_MEMORY;
    at = gf_block_splice(block, GF_INTS_HEAD + (size_t)index * ints.width, 0, ints.width);
    if (!at)
        return GF_INTS_NO_MEMORY;
    distance_write(at, distance, ints.width);
    return GF_INTS_ADDED;
}

void gf_ints_remove(struct gf_block *block, uint32_t index)
{
    struct gf_ints ints = gf_ints_of((struct gf_bytes){.data = block->data, .size = block->size});

    GF_ASSERT(index < ints.count);
    (void)gf_block_splice(block, GF_INTS_HEAD + (size_t)index * ints.width, ints.width, 0);
}

size_t gf_ints_size(const int64_t *numbers, uint32_t count)
{
    uint64_t span = (uint64_t)numbers[count - 1] - (uint64_t)numbers[0];

    GF_ASSERT(count > 0);
    return GF_INTS_HEAD + (size_t)count * width_of(span);
}

void gf_ints_write(char *room, const int64_t *numbers, uint32_t count)
{
    uint64_t first = (uint64_t)numbers[0];
    uint32_t width = width_of((uint64_t)numbers[count - 1] - first);

    head_write(room, numbers[0], width);
    for (uint32_t i = 0; i < count; i++)
        distance_write(room + GF_INTS_HEAD + (size_t)i * width, (uint64_t)numbers[i] - first,
                       width);
}

void gf_ints_check(struct gf_bytes bytes)
{
    struct gf_ints ints;

    GF_ASSERT(bytes.size >= GF_INTS_HEAD);
    ints = gf_ints_of(bytes);
    GF_ASSERT(ints.width >= 1);
    GF_ASSERT(ints.width <= 8);
    GF_ASSERT((bytes.size - GF_INTS_HEAD) % ints.width == 0);
    GF_ASSERT(ints.count == 0 || gf_ints_at(&ints, 0) >= ints.base);
    for (uint32_t i = 1; i < ints.count; i++)
        GF_ASSERT(gf_ints_at(&ints, i - 1) < gf_ints_at(&ints, i));
}
