/* The big form of a list: blocks of neighbouring elements, in a ring.
 *
 *   blocks    | . . . | 7 | 140 | 254 | … | 254 | 31 | . . . . |      counts, and where the run is
 *                       |    |     |
 *                      run  run   run (modules/run.h)
 *
 * Both ends push and pop in O(1). An index is found by adding up counts from the nearer end. An
 * element put in or taken out in the middle changes one block; full ones are split, and small
 * neighbours become one. An element of more than a block has a block to itself.
 *
 * The blocks at both ends, and their neighbours, have room and are laid out for speed. Blocks
 * further inside are sealed: their elements are packed as tightly as they can be, and blocks are
 * made full. Whatever changes a sealed block opens it first; elements may be popped from it as it
 * is, unless that would take a walk.
 *
 * What elements there are and in which order is a function of history; where blocks begin is
 * nobody's business but the memory's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/run.h"

struct gf_pace;

struct gf_deque_block {
    struct gf_run *run; /* owned; its data is behind it */
    uint32_t count;     /* the run's, so that counting does not touch it */
};

/* Invariants (gf_deque_check walks them):
 *   used <= mask + 1, a power of two
 *   no block is empty
 *   count and weight are the sums of the blocks'
 */
struct gf_deque {
    struct gf_deque_block *blocks; /* owned; a ring */
    uint32_t mask;                 /* capacity of the ring - 1 */
    uint32_t head;                 /* the ring's place of block 0 */
    uint32_t used;                 /* blocks */
    uint64_t count;                /* elements */
    uint64_t weight;               /* bytes they would have in a listpack: gf_run.weight */
    bool mark;                     /* whoever has the deque may use it */
};

/* Where an element is. Good until the deque changes. */
struct gf_deque_cursor {
    const struct gf_deque *deque;
    uint32_t block;  /* its number */
    uint32_t index;  /* in the block */
    uint32_t offset; /* in the block's run */
};

/* gf_deque_create - an empty one. */
struct gf_deque *gf_deque_create(void);
void gf_deque_destroy(struct gf_deque *deque);
/* gf_deque_free_slice - free up to `budget` blocks; true when the deque itself is gone, too. */
bool gf_deque_free_slice(struct gf_deque *deque, uint64_t budget);
/* gf_deque_copy - NULL when there is no memory. pace: NULL, or it may pause between blocks. */
struct gf_deque *gf_deque_copy(const struct gf_deque *deque, struct gf_pace *pace);
/* gf_deque_memory - bytes it has allocated; looks at about `samples` elements, 0 = all. */
size_t gf_deque_memory(const struct gf_deque *deque, uint64_t samples);

/* gf_deque_push - false when there is no memory; nothing has changed then. */
bool gf_deque_push(struct gf_deque *deque, const struct gf_item *item, bool front);
/* gf_deque_peek - the first or last element; the deque is not empty. */
void gf_deque_peek(struct gf_deque *deque, bool front, struct gf_element *ret_element);
/* gf_deque_pop - remove the element that gf_deque_peek just gave. */
void gf_deque_pop(struct gf_deque *deque, bool front, struct gf_element *element);
/* gf_deque_drop - remove the first (or last) `count`. O(blocks). pace: NULL, or it may pause
 * between blocks, while something is left. */
void gf_deque_drop(struct gf_deque *deque, uint64_t count, bool front, struct gf_pace *pace);

/* gf_deque_seek - the element number `index`, below count. */
struct gf_deque_cursor gf_deque_seek(const struct gf_deque *deque, uint64_t index);
/* gf_deque_read - give the element and move on to the next one; false behind the last. */
bool gf_deque_read(struct gf_deque_cursor *cursor, struct gf_element *ret_element);

/* gf_deque_insert - put an item in front of element number `index` (count: behind the last). False
 * when there is no memory; nothing has changed then. */
bool gf_deque_insert(struct gf_deque *deque, uint64_t index, const struct gf_item *item);
/* gf_deque_replace - put an item in the place of an element. False when there is no memory; nothing
 * has changed then. */
bool gf_deque_replace(struct gf_deque *deque, uint64_t index, const struct gf_item *item);

/* gf_deque_run - the run of a block, by its number. */
static inline struct gf_run *gf_deque_run(const struct gf_deque *deque, uint32_t block)
{
    return deque->blocks[(deque->head + block) & deque->mask].run;
}

/* gf_deque_remove_marked - remove elements of one block: those whose bit is set. A block of which
 * nothing is left is gone. */
void gf_deque_remove_marked(struct gf_deque *deque, uint32_t block, const uint64_t *marks);
/* gf_deque_settle - blocks that have become small are made one with their neighbours. O(blocks).
 * pace: NULL, or it may pause between blocks. */
void gf_deque_settle(struct gf_deque *deque, struct gf_pace *pace);

/* gf_deque_check - asserts the invariants; O(n). */
void gf_deque_check(const struct gf_deque *deque);
