/* Changes in the middle of a deque: one block opens, splits, or becomes one with its neighbour. */
#include "core/assert.h"
#include "modules/alphabet.h"
#include "modules/deque.h"
#include "modules/deque_parts.h"
#include "modules/exec.h"

#define BLOCK_STEPS 32u /* of gf_pace_step, when two blocks become one */
#define MERGE_SIZE_MAX (GF_DEQUE_DATA_SIZE * 3 / 4) /* bytes of entries that become one block */

/* block_part - some elements of a run, in an open run of their own; NULL: no memory. */
static struct gf_run *block_part(const struct gf_run *run, uint32_t first, uint32_t count)
{
    struct gf_run_shape shape = run->shape;

    gf_deque_open(&shape);
    return gf_deque_run_remake(run, &shape, (uint32_t[2]){first, count}, (struct gf_deque_room){0});
}

/* block_split - two blocks out of one, the second beginning with its element `index`. */
static bool block_split(struct gf_deque *deque, uint32_t number, uint32_t index)
{
    struct gf_run *run = gf_deque_run(deque, number);
    struct gf_run *first = block_part(run, 0, index);
    struct gf_run *second = block_part(run, index, run->count - index);

    GF_ASSERT(index > 0);
    GF_ASSERT(index < run->count);
    if (first == NULL || second == NULL) {
        gf_deque_run_destroy(first);
        gf_deque_run_destroy(second);
        return false;
    }
    gf_deque_change_block(deque, number, first, run->weight);
    gf_deque_add_block(deque, number + 1, second);
    return true;
}

/* block_single - a new block with one element becomes number `number`. */
static bool block_single(struct gf_deque *deque, uint32_t number, const struct gf_item *item)
{
    struct gf_run like = {.shape = gf_run_shape_of(item, false)};
    struct gf_run *run;

    like.shape.backward = true;
    run = gf_deque_run_create(like.shape.prefix_size + gf_run_entry_size(&like, item));
    if (run == NULL)
        return false;
    gf_run_start(run, &like.shape, item->text.data, like.shape.prefix_size);
    gf_run_insert(run, run->end, item);
    gf_deque_add_block(deque, number, run);
    return true;
}

/* insert_split - the block of an element has no room for an item in front of that element. */
static bool insert_split(struct gf_deque *deque, const struct gf_deque_cursor *at, uint64_t index,
                         const struct gf_item *item)
{
    uint32_t count = gf_deque_run(deque, at->block)->count;
    bool large = item->text.size > GF_DEQUE_DATA_SIZE / 2;

    if (large && at->index > 0)
        return block_split(deque, at->block, at->index) && block_single(deque, at->block + 1, item);
    if (large || count == 1)
        return block_single(deque, at->block, item);
    return block_split(deque, at->block, count / 2) && gf_deque_insert(deque, index, item);
}

/* block_accept - make sure that a block takes an item behind its last. False: see
 * gf_deque_make_room. */
static bool block_accept(struct gf_deque *deque, uint32_t number, const struct gf_item *item,
                         bool *ret_full)
{
    struct gf_run *run = gf_deque_run(deque, number);

    if (gf_run_takes(run, item) && run->capacity - run->end >= gf_run_entry_size(run, item))
        return true;
    return gf_deque_make_room(deque, number, item, false, ret_full);
}

/* block_insert - an item in front of element `index` of a block that accepts it. */
static void block_insert(struct gf_deque *deque, uint32_t number, uint32_t index,
                         const struct gf_item *item)
{
    struct gf_run *run = gf_deque_run(deque, number);
    uint32_t weight = run->weight;

    gf_run_insert(run, gf_run_seek(run, index), item);
    gf_deque_change_block(deque, number, run, weight);
}

bool gf_deque_insert(struct gf_deque *deque, uint64_t index, const struct gf_item *item)
{
    struct gf_deque_cursor at;
    bool full = false;

    if (index == 0 || index == deque->count)
        return gf_deque_push(deque, item, index == 0);
    at = gf_deque_seek(deque, index);
    if (!block_accept(deque, at.block, item, &full))
        return full && insert_split(deque, &at, index, item);
    block_insert(deque, at.block, at.index, item);
    return true;
}

/* block_merge - the elements of a block go behind those of the one before it. What does not fit, or
 * finds no memory, stays. */
static void block_merge(struct gf_deque *deque, uint32_t number)
{
    struct gf_run *run = gf_deque_run(deque, number);
    uint32_t weight = run->weight;
    uint32_t offset = run->begin;
    uint32_t moved = 0;
    bool full;

    for (; moved < run->count; moved++) {
        struct gf_element element;
        struct gf_item item;

        offset = gf_run_get(run, offset, &element);
        item = gf_element_item(&element);
        if (!block_accept(deque, number - 1, &item, &full))
            break;
        block_insert(deque, number - 1, gf_deque_run(deque, number - 1)->count, &item);
    }
    gf_run_drop(run, moved, true);
    gf_deque_change_block(deque, number, run, weight);
    if (run->count == 0)
        gf_deque_remove_block(deque, number);
}

static uint32_t run_size(const struct gf_run *run)
{
    return run->end - run->begin;
}

/* block_settle - a block that has become smaller: one with a neighbour, or in less memory. */
static void block_settle(struct gf_deque *deque, uint32_t number)
{
    struct gf_run *run = gf_deque_run(deque, number);
    uint32_t size = run_size(run);
    struct gf_run *less;

    if (size > GF_DEQUE_DATA_SIZE / 4)
        return;
    if (number > 0 && size + run_size(gf_deque_run(deque, number - 1)) < MERGE_SIZE_MAX) {
        block_merge(deque, number);
        return;
    }
    if (number + 1 < deque->used &&
        size + run_size(gf_deque_run(deque, number + 1)) < MERGE_SIZE_MAX) {
        block_merge(deque, number + 1);
        return;
    }
    if (run->capacity < 4 * (size + run->shape.prefix_size))
        return;
    less = block_part(run, 0, run->count);
    if (less != NULL)
        gf_deque_change_block(deque, number, less, run->weight);
}

bool gf_deque_replace(struct gf_deque *deque, uint64_t index, const struct gf_item *item)
{
    struct gf_deque_cursor at = gf_deque_seek(deque, index);
    struct gf_run *run = gf_deque_run(deque, at.block);
    uint32_t old_size = gf_run_next(run, at.offset) - at.offset;
    uint32_t weight = run->weight;
    uint64_t marks[GF_RUN_COUNT_MAX / 64 + 1] = {0};

    if (gf_run_takes(run, item) &&
        gf_run_entry_size(run, item) <= old_size + run->capacity - run->end) {
        gf_run_remove(run, at.offset);
        gf_run_insert(run, at.offset, item);
        gf_deque_change_block(deque, at.block, run, weight);
        return true;
    }
    if (!gf_deque_insert(deque, index, item))
        return false;
    at = gf_deque_seek(deque, index + 1);
    marks[at.index / 64] = UINT64_C(1) << at.index % 64;
    gf_deque_remove_marked(deque, at.block, marks);
    if (at.block < deque->used)
        block_settle(deque, at.block);
    return true;
}

void gf_deque_remove_marked(struct gf_deque *deque, uint32_t block, const uint64_t *marks)
{
    struct gf_run *run = gf_deque_run(deque, block);
    uint32_t weight = run->weight;

    gf_run_remove_marked(run, marks);
    gf_deque_change_block(deque, block, run, weight);
    if (run->count == 0)
        gf_deque_remove_block(deque, block);
}

void gf_deque_settle(struct gf_deque *deque, struct gf_pace *pace)
{
    for (uint32_t number = deque->used; number-- > 0;) {
        uint32_t used = deque->used;

        block_settle(deque, number);
        gf_pace_step(pace, deque->used < used ? BLOCK_STEPS : 1);
    }
}
