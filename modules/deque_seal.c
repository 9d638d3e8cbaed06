/* Sealing: a block that is no longer near an end of its deque is packed, and made full.
 *
 *   open            sealed
 *   0    1    2     3    4    5          a block was begun: number 2 is to be sealed
 *   0    1    2 ->  3    4    5          what number 3 has room for goes there
 *   0    1    2     3    4    5          the rest is sealed as number 2, to be filled next time
 *
 * Blocks are full in the end because allocators round sizes up by as much as a quarter. Two open
 * blocks stay between an end and what is sealed, so elements that come and go there do not make
 * a block open and close.
 */
#include "core/alloc.h"
#include "core/assert.h"
#include "modules/deque.h"
#include "modules/deque_parts.h"

#define OPEN_AT_ENDS 2u
#define FULL_SIZE (GF_DEQUE_DATA_SIZE * 31 / 32) /* bytes of a run that is not filled any more */

static bool run_is_sealed(const struct gf_run *run)
{
    return !run->shape.backward;
}

/* fill_one - the element of `from` that is nearest to `to` goes there; false: it does not fit.
 *
 * offsets    of the elements of `from`
 */
static bool fill_one(const struct gf_run *from, const uint32_t *offsets, uint32_t moved,
                     struct gf_run *to, bool front)
{
    uint32_t number = front ? from->count - 1u - moved : moved;
    struct gf_element element;
    struct gf_item item;
    uint32_t room;

    (void)gf_run_get(from, offsets[number], &element);
    item = gf_element_item(&element);
    if (!gf_run_takes(to, &item))
        return false;
    room = front ? to->begin - to->shape.prefix_size : to->capacity - to->end;
    if (gf_run_entry_size(to, &item) > room)
        return false;
    if (front)
        gf_run_push_front(to, &item);
    else
        gf_run_insert(to, to->end, &item);
    return true;
}

/* block_fill - elements of block `number` go into its inner neighbour, as many as fit. */
static void block_fill(struct gf_deque *deque, uint32_t number, uint32_t inner, bool front)
{
    struct gf_run *from = gf_deque_run(deque, number);
    struct gf_run *to = gf_deque_run(deque, inner);
    uint32_t size = to->shape.prefix_size + to->end - to->begin;
    uint32_t more = from->end - from->begin;
    uint32_t offsets[GF_RUN_COUNT_MAX];
    struct gf_run *made;
    uint32_t weight = from->weight;
    uint32_t moved = 0;

    if (!run_is_sealed(to) || size > FULL_SIZE || to->count == GF_RUN_COUNT_MAX)
        return;
    if (more > GF_DEQUE_DATA_SIZE - size)
        more = GF_DEQUE_DATA_SIZE - size;
    made = gf_deque_run_remake(to, &to->shape, (uint32_t[2]){0, to->count},
                               front ? (struct gf_deque_room){.front = more}
                                     : (struct gf_deque_room){.back = more});
    if (made == NULL)
        return;
    gf_run_offsets(from, offsets);
    while (moved < from->count && fill_one(from, offsets, moved, made, front))
        moved++;
    gf_deque_change_block(deque, inner, made, to->weight);
    gf_run_drop(from, moved, !front);
    gf_deque_change_block(deque, number, from, weight);
}

/* block_pack - a block in its smallest shape, in no more memory than that takes. */
static void block_pack(struct gf_deque *deque, uint32_t number)
{
    struct gf_run *run = gf_deque_run(deque, number);
    char prefix[GF_RUN_PREFIX_MAX];
    struct gf_run_shape shape = gf_run_shape_smallest(run, prefix);
    struct gf_run *made = gf_deque_run_create(shape.prefix_size + gf_run_recode_size(run, &shape));

    if (made == NULL)
        return;
    if (gf_alloc_size(made) >= gf_alloc_size(run)) {
        gf_deque_run_destroy(made);
        return;
    }
    gf_run_start(made, &shape, prefix, shape.prefix_size);
    gf_run_recode(run, 0, run->count, made);
    gf_deque_change_block(deque, number, made, run->weight);
}

void gf_deque_seal(struct gf_deque *deque, bool front)
{
    uint32_t number = front ? OPEN_AT_ENDS : deque->used - 1 - OPEN_AT_ENDS;
    uint32_t inner = front ? number + 1 : number - 1;
    struct gf_run *run;

    if (deque->used < 2 * OPEN_AT_ENDS + 1)
        return;
    run = gf_deque_run(deque, number);
    if (run_is_sealed(run) || run->end - run->begin > GF_DEQUE_DATA_SIZE)
        return;
    block_fill(deque, number, inner, front);
    if (run->count == 0)
        gf_deque_remove_block(deque, number);
    else
        block_pack(deque, number);
}
