/* The big form of a list against an array of strings. */
#include "modules/deque.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "support/random.h"

#define MODEL_MAX 6000
#define TEXT_MAX 9000

/* What the deque should hold. */
struct model {
    struct gf_bytes items[MODEL_MAX]; /* owned texts */
    uint32_t count;
};

/* A deque, what it should hold, and what is put into it. */
struct pair {
    struct gf_deque *deque;
    struct model model;
    struct test_random random;
    uint32_t kind; /* of texts, see text_make */
    char text[TEXT_MAX];
};

static void model_insert(struct model *model, uint32_t index, struct gf_bytes text)
{
    char *copy = gf_alloc(GF_MEMORY_OTHER, text.size);

    GF_ASSERT(model->count < MODEL_MAX);
    memcpy(copy, text.data, text.size);
    memmove(&model->items[index + 1], &model->items[index],
            (model->count - index) * sizeof(model->items[0]));
    model->items[index] = (struct gf_bytes){.data = copy, .size = text.size};
    model->count++;
}

static void model_remove(struct model *model, uint32_t index)
{
    gf_free(GF_MEMORY_OTHER, (char *)model->items[index].data);
    model->count--;
    memmove(&model->items[index], &model->items[index + 1],
            (model->count - index) * sizeof(model->items[0]));
}

/* text_make - one of several kinds of lists: what their elements have in common differs. */
static struct gf_bytes text_make(struct pair *pair)
{
    struct test_random *random = &pair->random;
    uint64_t number = test_random_next(random);
    uint32_t kind = pair->kind % 8 == 7 ? (uint32_t)test_random_below(random, 7) : pair->kind % 8;
    int size = 0;

    switch (kind) {
    case 0: /* equal sizes, a prefix */
        size = snprintf(pair->text, TEXT_MAX, "job:%010u", (unsigned)(number % 100000));
        break;
    case 1: /* hex digits that share nothing */
        size = snprintf(pair->text, TEXT_MAX, "%016llx", (unsigned long long)number);
        break;
    case 2: /* numbers of all sizes */
        size = snprintf(pair->text, TEXT_MAX, "%lld", (long long)number >> (number % 64));
        break;
    case 3: /* bytes of all kinds */
        for (size = 0; size < (int)(number % 40); size++)
            pair->text[size] = (char)test_random_next(random);
        break;
    case 4: /* always the same */
        size = snprintf(pair->text, TEXT_MAX, "the same again");
        break;
    case 5: /* now and then a large one */
        size = (int)(number % 50 == 0 ? number / 64 % TEXT_MAX : number / 64 % 200);
        memset(pair->text, 'a' + (int)(number % 26), (size_t)size);
        break;
    default: /* a prefix, and sizes that differ */
        size = snprintf(pair->text, TEXT_MAX, "user:%u:name", (unsigned)(number % 1000));
        break;
    }
    return (struct gf_bytes){.data = pair->text, .size = (size_t)size};
}

static void pair_compare(struct pair *pair)
{
    struct gf_element element;
    struct gf_deque_cursor cursor;

    gf_deque_check(pair->deque);
    cr_assert_eq(pair->deque->count, pair->model.count);
    if (pair->model.count == 0)
        return;
    cursor = gf_deque_seek(pair->deque, 0);
    for (uint32_t i = 0; i < pair->model.count; i++) {
        struct gf_bytes text;

        cr_assert(gf_deque_read(&cursor, &element));
        text = gf_element_text(&element);
        cr_assert(gf_bytes_equal(text, pair->model.items[i]), "element %u is %.*s, not %.*s", i,
                  (int)text.size, text.data, (int)pair->model.items[i].size,
                  pair->model.items[i].data);
    }
    cr_assert_not(gf_deque_read(&cursor, &element));
}

static void pair_push(struct pair *pair, bool front)
{
    struct gf_bytes text = text_make(pair);
    struct gf_item item = gf_item_of(text);

    if (pair->model.count + 1 >= MODEL_MAX)
        return;
    cr_assert(gf_deque_push(pair->deque, &item, front));
    model_insert(&pair->model, front ? 0 : pair->model.count, text);
}

static void pair_pop(struct pair *pair, bool front)
{
    uint32_t index = front ? 0 : pair->model.count - 1;
    struct gf_element element;

    if (pair->model.count == 0)
        return;
    gf_deque_peek(pair->deque, front, &element);
    cr_assert(gf_bytes_equal(gf_element_text(&element), pair->model.items[index]));
    gf_deque_pop(pair->deque, front, &element);
    model_remove(&pair->model, index);
}

static void pair_insert(struct pair *pair)
{
    uint32_t index = (uint32_t)test_random_below(&pair->random, pair->model.count + 1);
    struct gf_bytes text = text_make(pair);
    struct gf_item item = gf_item_of(text);

    if (pair->model.count + 1 >= MODEL_MAX)
        return;
    cr_assert(gf_deque_insert(pair->deque, index, &item));
    model_insert(&pair->model, index, text);
}

static void pair_replace(struct pair *pair)
{
    struct gf_bytes text = text_make(pair);
    struct gf_item item = gf_item_of(text);
    uint32_t index;

    if (pair->model.count == 0)
        return;
    index = (uint32_t)test_random_below(&pair->random, pair->model.count);
    cr_assert(gf_deque_replace(pair->deque, index, &item));
    model_remove(&pair->model, index);
    model_insert(&pair->model, index, text);
}

static void pair_drop(struct pair *pair)
{
    bool front = test_random_below(&pair->random, 2) == 0;
    uint64_t count = test_random_below(&pair->random, pair->model.count / 4 + 1);

    gf_deque_drop(pair->deque, count, front, NULL);
    for (; count > 0; count--)
        model_remove(&pair->model, front ? 0 : pair->model.count - 1);
}

/* pair_sieve - about a third of each block goes. */
static void pair_sieve(struct pair *pair)
{
    uint32_t place = 0;

    for (uint32_t left = pair->deque->used; left > 0; left--) {
        uint32_t number = pair->deque->used - left;
        uint32_t count = gf_deque_run(pair->deque, number)->count;
        uint64_t marks[GF_RUN_COUNT_MAX / 64 + 1] = {0};

        for (uint32_t i = 0; i < count; i++) {
            if (test_random_below(&pair->random, 3) == 0) {
                marks[i / 64] |= UINT64_C(1) << (i % 64);
                model_remove(&pair->model, place);
            } else {
                place++;
            }
        }
        gf_deque_remove_marked(pair->deque, number, marks);
    }
    gf_deque_settle(pair->deque, NULL);
}

static void pair_copy(struct pair *pair)
{
    struct gf_deque *copy = gf_deque_copy(pair->deque, NULL);

    gf_deque_destroy(pair->deque);
    pair->deque = copy;
}

static void pair_step(struct pair *pair, uint32_t lean)
{
    uint64_t roll = test_random_below(&pair->random, 1000);

    if (roll < 450 + lean)
        pair_push(pair, roll % 2 == 0);
    else if (roll < 850)
        pair_pop(pair, roll % 2 == 0);
    else if (roll < 900)
        pair_insert(pair);
    else if (roll < 990)
        pair_replace(pair);
    else if (roll < 994)
        pair_drop(pair);
    else if (roll < 996)
        pair_sieve(pair);
    else
        pair_copy(pair);
}

static void pair_run(uint64_t seed)
{
    struct pair *pair = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*pair));

    pair->random.state = seed;
    pair->kind = (uint32_t)seed;
    pair->deque = gf_deque_create();
    for (uint32_t i = 0; i < 12000; i++) {
        pair_step(pair, i < 7000 ? 150 : 0);
        if (i % 64 == 0)
            pair_compare(pair);
        if (i % 3000 == 2999) {
            pair->kind = (uint32_t)test_random_next(&pair->random);
            pair_sieve(pair);
        }
    }
    pair_compare(pair);
    while (pair->model.count > 0)
        pair_pop(pair, pair->model.count % 3 == 0);
    pair_compare(pair);
    gf_deque_destroy(pair->deque);
    gf_free(GF_MEMORY_OTHER, pair);
}

Test(deque, holds_what_an_array_would_hold, .timeout = 300)
{
    for (uint64_t seed = 1; seed <= 24; seed++)
        pair_run(seed);
}

/* A queue's blocks go at one end as they come at the other: its memory stays what it was. */
Test(deque, a_queue_does_not_grow)
{
    struct gf_deque *deque = gf_deque_create();
    struct gf_item item = gf_item_of(GF_BYTES("some element of a queue"));
    struct gf_element element;
    size_t memory = 0;

    for (uint32_t i = 0; i < 100000; i++) {
        cr_assert(gf_deque_push(deque, &item, true));
        if (i < 5000)
            continue;
        gf_deque_peek(deque, false, &element);
        gf_deque_pop(deque, false, &element);
        if (i == 50000)
            memory = gf_deque_memory(deque, 0);
    }
    gf_deque_check(deque);
    cr_assert_eq(deque->count, 5000);
    cr_assert_leq(gf_deque_memory(deque, 0), memory + 8192);
    gf_deque_destroy(deque);
}

Test(deque, is_freed_in_slices)
{
    struct gf_deque *deque = gf_deque_create();
    uint32_t slices = 0;

    for (uint32_t i = 0; i < 100000; i++) {
        char text[16];
        int size = snprintf(text, sizeof(text), "%u-%u", i * 7919u, i);
        struct gf_item item = gf_item_of((struct gf_bytes){.data = text, .size = (size_t)size});

        cr_assert(gf_deque_push(deque, &item, i % 2 == 0));
    }
    gf_deque_check(deque);
    while (!gf_deque_free_slice(deque, 10))
        slices++;
    cr_assert_gt(slices, 10);
}

/* Bytes per element of a deque that was pushed to at one end. */
static double size_per_element(const char *format, bool front)
{
    struct gf_deque *deque = gf_deque_create();
    struct test_random random = {.state = 7};
    const uint32_t count = 50000;
    size_t memory;

    for (uint32_t i = 0; i < count; i++) {
        char text[64];
        int size = snprintf(text, sizeof(text), format, (unsigned long long)i,
                            (unsigned long long)test_random_next(&random));
        struct gf_item item = gf_item_of((struct gf_bytes){.data = text, .size = (size_t)size});

        cr_assert(gf_deque_push(deque, &item, front));
    }
    gf_deque_check(deque);
    memory = gf_deque_memory(deque, 0);
    gf_deque_destroy(deque);
    return (double)memory / count;
}

/* What is known beforehand takes no memory: where all elements begin alike, and that they are hex
 * digits. The bounds leave a tenth for blocks that are not full. */
Test(deque, elements_take_what_they_say)
{
    cr_expect_lt(size_per_element("job:%010llu", true), 3.0);
    cr_expect_lt(size_per_element("job:%010llu", false), 3.0);
    cr_expect_lt(size_per_element("%2$016llx", true), 8.9);
    cr_expect_lt(size_per_element("1%07llu", false), 4.6); /* numbers of four bytes */
    cr_expect_lt(size_per_element("same", false), 0.5);
}
