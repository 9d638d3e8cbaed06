/* The ring of a deque's blocks, both ends, and reading in order. */
#include "modules/deque.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/alphabet.h"
#include "modules/deque_parts.h"
#include "modules/exec.h"

#define RING_MIN 4u
#define RUN_SIZE_FIRST (1024u - (uint32_t)sizeof(struct gf_run)) /* of a small deque's blocks */

/* Runs. */

struct gf_run *gf_deque_run_create(uint32_t size)
{
    struct gf_run *run = gf_alloc_try(GF_MEMORY_DATA, sizeof(*run) + size);

    if (run == NULL)
        return NULL;
    *run = (struct gf_run){
        .data = (char *)(run + 1),
        .capacity = (uint32_t)(gf_alloc_size(run) - sizeof(*run)),
    };
    return run;
}

void gf_deque_run_destroy(struct gf_run *run)
{
    gf_free(GF_MEMORY_DATA, run);
}

static bool shape_equal(const struct gf_run_shape *a, const struct gf_run_shape *b)
{
    return a->prefix_size == b->prefix_size && a->fixed_size == b->fixed_size &&
           a->alphabet == b->alphabet && a->backward == b->backward;
}

struct gf_run *gf_deque_run_remake(const struct gf_run *run, const struct gf_run_shape *shape,
                                   const uint32_t range[2], struct gf_deque_room room)
{
    bool same = shape_equal(&run->shape, shape);
    uint32_t size = same ? run->end - run->begin : gf_run_recode_size(run, shape);
    struct gf_run *to = gf_deque_run_create(shape->prefix_size + room.front + size + room.back);

    if (to == NULL)
        return NULL;
    /* What the allocator gives beyond what was asked for goes where the room is. */
    gf_run_start(to, shape, run->data,
                 room.front > room.back ? to->capacity - size - room.back
                                        : shape->prefix_size + room.front);
    if (same && range[1] == run->count) {
        memcpy(to->data + to->begin, run->data + run->begin, size);
        to->end = to->begin + size;
        to->count = run->count;
        to->weight = run->weight;
    } else {
        gf_run_recode(run, range[0], range[1], to);
    }
    return to;
}

/* The ring. */

static void ring_grow(struct gf_deque *deque)
{
    uint32_t capacity = deque->blocks ? 2 * (deque->mask + 1) : RING_MIN;
    struct gf_deque_block *blocks = gf_alloc(GF_MEMORY_DATA, capacity * sizeof(*blocks));

    for (uint32_t i = 0; i < deque->used; i++)
        blocks[i] = *gf_deque_block(deque, i);
    gf_free(GF_MEMORY_DATA, deque->blocks);
    deque->blocks = blocks;
    deque->mask = capacity - 1;
    deque->head = 0;
}

/* A quarter full is the time to give half of it back. */
static void ring_shrink(struct gf_deque *deque)
{
    uint32_t capacity = (deque->mask + 1) / 2;
    struct gf_deque_block *blocks;

    if (deque->mask + 1 <= 4 * RING_MIN || deque->used > (deque->mask + 1) / 4)
        return;
    blocks = gf_alloc(GF_MEMORY_DATA, capacity * sizeof(*blocks));
    for (uint32_t i = 0; i < deque->used; i++)
        blocks[i] = *gf_deque_block(deque, i);
    gf_free(GF_MEMORY_DATA, deque->blocks);
    deque->blocks = blocks;
    deque->mask = capacity - 1;
    deque->head = 0;
}

void gf_deque_add_block(struct gf_deque *deque, uint32_t number, struct gf_run *run)
{
    GF_ASSERT(number <= deque->used);
    GF_ASSERT(run->count > 0);
    if (deque->blocks == NULL || deque->used > deque->mask)
        ring_grow(deque);
    deque->used++;
    if (number < deque->used / 2) {
        deque->head = (deque->head - 1) & deque->mask;
        for (uint32_t i = 0; i < number; i++)
            *gf_deque_block(deque, i) = *gf_deque_block(deque, i + 1);
    } else {
        for (uint32_t i = deque->used - 1; i > number; i--)
            *gf_deque_block(deque, i) = *gf_deque_block(deque, i - 1);
    }
    *gf_deque_block(deque, number) = (struct gf_deque_block){.run = run, .count = run->count};
    deque->count += run->count;
    deque->weight += run->weight;
}

/* ring_forget - the block is in the ring no more. */
static void ring_forget(struct gf_deque *deque, uint32_t number)
{
    if (number < deque->used / 2) {
        for (uint32_t i = number; i > 0; i--)
            *gf_deque_block(deque, i) = *gf_deque_block(deque, i - 1);
        deque->head = (deque->head + 1) & deque->mask;
    } else {
        for (uint32_t i = number; i + 1 < deque->used; i++)
            *gf_deque_block(deque, i) = *gf_deque_block(deque, i + 1);
    }
    deque->used--;
    ring_shrink(deque);
}

void gf_deque_remove_block(struct gf_deque *deque, uint32_t number)
{
    struct gf_deque_block *block = gf_deque_block(deque, number);

    GF_ASSERT(number < deque->used);
    deque->count -= block->count;
    deque->weight -= block->run->weight;
    gf_deque_run_destroy(block->run);
    ring_forget(deque, number);
}

void gf_deque_change_block(struct gf_deque *deque, uint32_t number, struct gf_run *run,
                           uint32_t weight_before)
{
    struct gf_deque_block *block = gf_deque_block(deque, number);

    deque->count += (uint64_t)run->count - block->count;
    deque->weight += (uint64_t)run->weight - weight_before;
    block->count = run->count;
    if (block->run == run)
        return;
    gf_deque_run_destroy(block->run);
    block->run = run;
}

/* Life. */

struct gf_deque *gf_deque_create(void)
{
    return gf_alloc_zero(GF_MEMORY_DATA, sizeof(struct gf_deque));
}

bool gf_deque_free_slice(struct gf_deque *deque, uint64_t budget)
{
    for (; deque->used > 0 && budget > 0; budget--) {
        struct gf_deque_block *block = gf_deque_block(deque, deque->used - 1);

        deque->count -= block->count;
        gf_deque_run_destroy(block->run);
        deque->used--;
    }
    if (deque->used > 0)
        return false;
    gf_free(GF_MEMORY_DATA, deque->blocks);
    gf_free(GF_MEMORY_DATA, deque);
    return true;
}

void gf_deque_destroy(struct gf_deque *deque)
{
    if (deque != NULL)
        (void)gf_deque_free_slice(deque, UINT64_MAX);
}

struct gf_deque *gf_deque_copy(const struct gf_deque *deque, struct gf_pace *pace)
{
    struct gf_deque *copy = gf_deque_create();

    for (uint32_t i = 0; i < deque->used; i++) {
        const struct gf_run *run = gf_deque_run(deque, i);
        struct gf_run *same = gf_deque_run_remake(run, &run->shape, (uint32_t[2]){0, run->count},
                                                  (struct gf_deque_room){0});

        if (same == NULL) {
            gf_deque_destroy(copy);
            return NULL;
        }
        gf_deque_add_block(copy, i, same);
        gf_pace_step(pace, 16);
    }
    return copy;
}

size_t gf_deque_memory(const struct gf_deque *deque, uint64_t samples)
{
    size_t size = gf_alloc_size(deque) + gf_alloc_size(deque->blocks);
    uint64_t seen = 0;
    size_t runs = 0;
    uint32_t looked_at = 0;

    for (; looked_at < deque->used && (samples == 0 || seen < samples); looked_at++) {
        runs += gf_alloc_size(gf_deque_run(deque, looked_at));
        seen += gf_deque_block(deque, looked_at)->count;
    }
    if (looked_at > 0)
        size += (size_t)((double)runs / looked_at * deque->used);
    return size;
}

/* Both ends. */

/* run_is_open - laid out for speed, not for memory. */
static inline bool run_is_open(const struct gf_run *run)
{
    return run->shape.backward && !gf_run_is_packed(run);
}

/* run_has_room - there is room for the item, which the run takes. */
static inline bool run_has_room(const struct gf_run *run, const struct gf_item *item, bool front)
{
    uint32_t room = front ? run->begin - run->shape.prefix_size : run->capacity - run->end;

    return gf_run_entry_size(run, item) <= room;
}

struct gf_run_shape gf_deque_open_shape(const struct gf_run *run, const struct gf_item *item)
{
    struct gf_run open = *run;
    struct gf_run_shape shape = run->shape;

    if (!gf_run_takes(run, item)) {
        open.shape.backward = true;
        if (gf_run_is_packed(run)) /* the elements need not be looked at then */
            open.shape.alphabet = GF_ALPHABET_BYTES;
        shape = gf_run_shape_with(&open, item);
    }
    gf_deque_open(&shape);
    return shape;
}

/* room_for - how a run's spare bytes are divided when `more` are needed at one side. A quarter of
 * its size, more than once, makes growing cheap; what the other side has it keeps, up to a half. */
static struct gf_deque_room room_for(const struct gf_run *run, uint32_t size, uint32_t more,
                                     bool front)
{
    uint32_t spare = size / 4 + more;
    uint32_t other = front ? run->capacity - run->end : run->begin - run->shape.prefix_size;

    if (size + spare < RUN_SIZE_FIRST)
        spare = RUN_SIZE_FIRST - size;
    if (size + spare > GF_DEQUE_DATA_SIZE)
        spare = GF_DEQUE_DATA_SIZE - size;
    if (other > (spare - more) / 2)
        other = (spare - more) / 2;
    return front ? (struct gf_deque_room){.front = spare - other, .back = other}
                 : (struct gf_deque_room){.front = other, .back = spare - other};
}

bool gf_deque_make_room(struct gf_deque *deque, uint32_t number, const struct gf_item *item,
                        bool front, bool *ret_full)
{
    struct gf_run *run = gf_deque_run(deque, number);
    struct gf_run_shape shape = gf_deque_open_shape(run, item);
    bool same = shape_equal(&shape, &run->shape);
    uint32_t entries = same ? run->end - run->begin : gf_run_recode_size(run, &shape);
    struct gf_run like = {.shape = shape};
    uint32_t size = shape.prefix_size + entries;
    uint32_t more = gf_run_entry_size(&like, item);
    struct gf_run *made;

    *ret_full = run->count == GF_RUN_COUNT_MAX || size + more > GF_DEQUE_DATA_SIZE;
    if (*ret_full)
        return false;
    made = gf_deque_run_remake(run, &shape, (uint32_t[2]){0, run->count},
                               room_for(run, size, more, front));
    if (made == NULL)
        return false;
    gf_deque_change_block(deque, number, made, run->weight);
    return true;
}

/* block_begin - a new block at one end, with one element. False when there is no memory. */
static bool block_begin(struct gf_deque *deque, const struct gf_item *item, bool front)
{
    struct gf_run like = {.shape = gf_run_shape_of(item, false)};
    uint32_t size;
    struct gf_run *run;

    like.shape.backward = true;
    size = like.shape.prefix_size + gf_run_entry_size(&like, item);
    if (size < RUN_SIZE_FIRST)
        size = deque->used < 2 ? RUN_SIZE_FIRST : GF_DEQUE_DATA_SIZE;
    run = gf_deque_run_create(size);
    if (run == NULL)
        return false;
    gf_run_start(run, &like.shape, item->text.data, front ? run->capacity : like.shape.prefix_size);
    if (front)
        gf_run_push_front(run, item);
    else
        gf_run_insert(run, run->end, item);
    gf_deque_add_block(deque, front ? 0 : deque->used, run);
    gf_deque_seal(deque, front);
    return true;
}

/* block_end - the number of the block at one end. */
static inline uint32_t block_end(const struct gf_deque *deque, bool front)
{
    return front ? 0 : deque->used - 1;
}

/* push_slow - the block at the end has no room, another shape, or is sealed, or is not there. */
static bool push_slow(struct gf_deque *deque, const struct gf_item *item, bool front)
{
    bool full = true;

    if (deque->used > 0 && run_is_open(gf_deque_run(deque, block_end(deque, front))) &&
        gf_deque_make_room(deque, block_end(deque, front), item, front, &full))
        return gf_deque_push(deque, item, front);
    return full && block_begin(deque, item, front);
}

bool gf_deque_push(struct gf_deque *deque, const struct gf_item *item, bool front)
{
    struct gf_deque_block *block;
    struct gf_run *run;
    uint32_t weight;

    if (GF_UNLIKELY(deque->used == 0))
        return push_slow(deque, item, front);
    block = gf_deque_block(deque, block_end(deque, front));
    run = block->run;
    if (GF_UNLIKELY(!gf_run_takes(run, item) || !run_has_room(run, item, front) ||
                    !run_is_open(run)))
        return push_slow(deque, item, front);
    weight = run->weight;
    if (front)
        gf_run_push_front(run, item);
    else
        gf_run_insert(run, run->end, item);
    block->count++;
    deque->count++;
    deque->weight += run->weight - weight;
    return true;
}

/* The last element of a sealed run of mixed elements is found by a walk: it is opened first. */
static void end_open(struct gf_deque *deque, uint32_t number)
{
    struct gf_run *run = gf_deque_run(deque, number);
    struct gf_run_shape shape = run->shape;
    struct gf_run *open;

    shape.backward = true;
    shape.alphabet = GF_ALPHABET_BYTES;
    open =
        gf_deque_run_remake(run, &shape, (uint32_t[2]){0, run->count}, (struct gf_deque_room){0});
    if (open != NULL) /* slower is all it is otherwise */
        gf_deque_change_block(deque, number, open, run->weight);
}

void gf_deque_peek(struct gf_deque *deque, bool front, struct gf_element *ret_element)
{
    const struct gf_run *run;

    GF_ASSERT(deque->count > 0);
    run = gf_deque_run(deque, block_end(deque, front));
    if (GF_UNLIKELY(!front && run->shape.fixed_size == GF_RUN_MIXED && !run->shape.backward)) {
        end_open(deque, deque->used - 1);
        run = gf_deque_run(deque, deque->used - 1);
    }
    (void)gf_run_get(run, front ? run->begin : gf_run_last(run), ret_element);
}

void gf_deque_pop(struct gf_deque *deque, bool front, struct gf_element *element)
{
    uint32_t number = block_end(deque, front);
    struct gf_deque_block *block = gf_deque_block(deque, number);
    uint32_t weight = block->run->weight;

    GF_ASSERT(deque->count > 0);
    gf_run_pop(block->run, element, front);
    deque->weight -= weight - block->run->weight;
    deque->count--;
    block->count--;
    if (GF_UNLIKELY(block->count == 0))
        gf_deque_remove_block(deque, number);
}

void gf_deque_drop(struct gf_deque *deque, uint64_t count, bool front, struct gf_pace *pace)
{
    GF_ASSERT(count <= deque->count);
    while (count > 0) {
        uint32_t number = block_end(deque, front);
        struct gf_run *run = gf_deque_run(deque, number);
        uint32_t weight = run->weight;

        if (count >= run->count) {
            count -= run->count;
            gf_deque_remove_block(deque, number);
            if (deque->used > 0)
                gf_pace_step(pace, 4);
            continue;
        }
        gf_run_drop(run, (uint32_t)count, front);
        gf_deque_change_block(deque, number, run, weight);
        count = 0;
    }
}

/* Reading. */

struct gf_deque_cursor gf_deque_seek(const struct gf_deque *deque, uint64_t index)
{
    struct gf_deque_cursor cursor = {.deque = deque};
    uint64_t before = 0;

    GF_ASSERT(index < deque->count);
    if (index < deque->count / 2) {
        while (before + gf_deque_block(deque, cursor.block)->count <= index)
            before += gf_deque_block(deque, cursor.block++)->count;
    } else {
        cursor.block = deque->used;
        before = deque->count;
        while (before > index)
            before -= gf_deque_block(deque, --cursor.block)->count;
    }
    cursor.index = (uint32_t)(index - before);
    cursor.offset = gf_run_seek(gf_deque_run(deque, cursor.block), cursor.index);
    return cursor;
}

bool gf_deque_read(struct gf_deque_cursor *cursor, struct gf_element *ret_element)
{
    const struct gf_run *run;

    if (cursor->block == cursor->deque->used)
        return false;
    run = gf_deque_run(cursor->deque, cursor->block);
    cursor->offset = gf_run_get(run, cursor->offset, ret_element);
    if (++cursor->index == run->count) {
        cursor->index = 0;
        if (++cursor->block < cursor->deque->used)
            cursor->offset = gf_deque_run(cursor->deque, cursor->block)->begin;
    }
    return true;
}

void gf_deque_check(const struct gf_deque *deque)
{
    uint64_t count = 0;
    uint64_t weight = 0;

    GF_ASSERT(deque->used == 0 || deque->used <= deque->mask + 1);
    GF_ASSERT(((deque->mask + 1) & deque->mask) == 0);
    for (uint32_t i = 0; i < deque->used; i++) {
        const struct gf_run *run = gf_deque_run(deque, i);

        GF_ASSERT(run->data == (const char *)(run + 1));
        GF_ASSERT(run->count > 0);
        GF_ASSERT(run->count == gf_deque_block(deque, i)->count);
        gf_run_check(run);
        count += run->count;
        weight += run->weight;
    }
    GF_ASSERT(count == deque->count);
    GF_ASSERT(weight == deque->weight);
}
