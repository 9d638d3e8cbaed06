/* What the files of a run share: run.c (entries) and run_shape.c (how they are laid out). Private
 * to them. */
#pragma once

#include "modules/alphabet.h"
#include "modules/run.h"

static inline bool gf_run_shape_is_mixed(const struct gf_run_shape *shape)
{
    return shape->fixed_size == GF_RUN_MIXED;
}

/* gf_number_size - bytes that a number needs, 1 … 8. */
static inline uint32_t gf_number_size(int64_t number)
{
    uint64_t folded = (uint64_t)(number < 0 ? ~number : number);

    return folded == 0 ? 1 : (uint32_t)(71 - __builtin_clzll(folded << 1 | 1)) / 8;
}

/* gf_run_shape_stride - bytes of every entry of a run that is not mixed. */
static inline uint32_t gf_run_shape_stride(const struct gf_run_shape *shape)
{
    if (shape->alphabet == GF_RUN_NUMBERS)
        return shape->fixed_size;
    return gf_alphabet_size(shape->alphabet, shape->fixed_size);
}

/* gf_run_shape_entry_size - bytes of an entry in a shape that can hold the item. */
uint32_t gf_run_shape_entry_size(const struct gf_run_shape *shape, const struct gf_item *item);
