/* What the files of the deque share: deque.c (the ring, both ends, reading), deque_middle.c
 * (changes in between), deque_seal.c (packing). Private to them. */
#pragma once

#include "modules/alphabet.h"
#include "modules/deque.h"

#define GF_DEQUE_BLOCK_SIZE 4096u /* bytes of a block, unless one element is larger */
#define GF_DEQUE_DATA_SIZE (GF_DEQUE_BLOCK_SIZE - (uint32_t)sizeof(struct gf_run))

static inline struct gf_deque_block *gf_deque_block(const struct gf_deque *deque, uint32_t number)
{
    return &deque->blocks[(deque->head + number) & deque->mask];
}

/* gf_deque_run_create - a run without shape, of at least `size` bytes; NULL: no memory. */
struct gf_run *gf_deque_run_create(uint32_t size);
void gf_deque_run_destroy(struct gf_run *run);

/* Spare room of a run in the making, in bytes. */
struct gf_deque_room {
    uint32_t front;
    uint32_t back;
};

/* gf_deque_run_remake - elements first … first + count - 1 of a run in a run of their own, of a
 * shape that can hold them. NULL: no memory. */
struct gf_run *gf_deque_run_remake(const struct gf_run *run, const struct gf_run_shape *shape,
                                   const uint32_t range[2], struct gf_deque_room room);

/* gf_deque_add_block - a block with `run` becomes number `number`; the run's elements count from
 * now on. */
void gf_deque_add_block(struct gf_deque *deque, uint32_t number, struct gf_run *run);
/* gf_deque_remove_block - the block's elements count no more; its run is freed. */
void gf_deque_remove_block(struct gf_deque *deque, uint32_t number);
/* gf_deque_change_block - the run of a block is another one, or the same with other elements: what
 * it was counted with before is corrected. The old run is freed when it is another. */
void gf_deque_change_block(struct gf_deque *deque, uint32_t number, struct gf_run *run,
                           uint32_t weight_before);

/* gf_deque_open - a shape as an open block has it: read backwards, and not packed. */
static inline void gf_deque_open(struct gf_run_shape *shape)
{
    if (shape->alphabet != GF_RUN_NUMBERS)
        shape->alphabet = GF_ALPHABET_BYTES;
    shape->backward = true;
}

/* gf_deque_open_shape - the shape of an open block with a run's elements and an item. */
struct gf_run_shape gf_deque_open_shape(const struct gf_run *run, const struct gf_item *item);
/* gf_deque_make_room - make the block's run take an item, with room for it at the front (or back).
 * False when it would be too large, or there is no memory (*ret_full says which). */
bool gf_deque_make_room(struct gf_deque *deque, uint32_t number, const struct gf_item *item,
                        bool front, bool *ret_full);

/* gf_deque_seal - a block was begun at the front (or back): the one that is now far enough from it
 * is packed. */
void gf_deque_seal(struct gf_deque *deque, bool front);
