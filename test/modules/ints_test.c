/* Ascending integers in a block: against an ordinary sorted array, at every width. */
#include "modules/ints.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "core/alloc.h"
#include "modules/block.h"
#include "support/random.h"

#define MODEL_MAX 600

static struct gf_block block;
static int64_t model[MODEL_MAX];
static uint32_t model_count;

static void start(int64_t first)
{
    block = (struct gf_block){.data = gf_alloc(GF_MEMORY_DATA, GF_INTS_ONE_SIZE),
                              .size = GF_INTS_ONE_SIZE};
    (void)gf_ints_one(block.data, first);
    model[0] = first;
    model_count = 1;
}

static void fini(void)
{
    gf_free(GF_MEMORY_DATA, block.data);
}

TestSuite(ints, .fini = fini, .timeout = 60);

static struct gf_ints view(void)
{
    return gf_ints_of((struct gf_bytes){.data = block.data, .size = block.size});
}

static void expect_model(void)
{
    struct gf_ints ints = view();

    gf_ints_check((struct gf_bytes){.data = block.data, .size = block.size});
    cr_assert(eq(u32, ints.count, model_count));
    for (uint32_t i = 0; i < model_count; i++)
        cr_assert(eq(i64, gf_ints_at(&ints, i), model[i]));
}

static void add(int64_t number)
{
    enum gf_ints_result result = gf_ints_add(&block, number);
    uint32_t at = 0;

    while (at < model_count && model[at] < number)
        at++;
    if (at < model_count && model[at] == number) {
        cr_assert_eq(result, GF_INTS_PRESENT);
        return;
    }
    cr_assert_eq(result, GF_INTS_ADDED);
    memmove(&model[at + 1], &model[at], (model_count - at) * sizeof(*model));
    model[at] = number;
    model_count++;
}

static void remove_at(uint32_t index)
{
    gf_ints_remove(&block, index);
    model_count--;
    memmove(&model[index], &model[index + 1], (model_count - index) * sizeof(*model));
}

/* The whole range of 64 bits has distances that no signed number can say. */
Test(ints, extremes_live_together)
{
    start(0);
    add(INT64_MAX);
    add(INT64_MIN);
    add(-1);
    add(INT64_MIN + 1);
    add(INT64_MAX);
    expect_model();
}

Test(ints, small_spans_take_a_byte_each)
{
    start(1700000000000);
    for (int64_t i = 1; i < 256; i++)
        add(1700000000000 + i);
    expect_model();
    cr_expect(eq(sz, block.size, GF_INTS_HEAD + 256));
}

/* Every pair of steps and width that can occur: downwards, upwards, into the middle, out again. */
Test(ints, random_changes_match_a_sorted_array)
{
    struct test_random random = {.state = 4711};

    start(0);
    for (uint32_t round = 0; round < 20000; round++) {
        uint64_t bits = test_random_next(&random);
        int64_t number = (int64_t)(test_random_next(&random) >> (bits % 64));

        if (bits & 256)
            number = -number;
        if (model_count == MODEL_MAX - 1 || (model_count > 1 && bits & 512))
            remove_at((uint32_t)(bits >> 32) % model_count);
        else
            add(number);
        if (round % 64 == 0)
            expect_model();
    }
    expect_model();
}

Test(ints, what_is_not_there_is_not_found)
{
    struct gf_ints ints;
    uint32_t index;

    start(10);
    add(300);
    ints = view();
    cr_expect(not(gf_ints_find(&ints, 9, &index)));
    cr_expect(eq(u32, index, 0));
    cr_expect(not(gf_ints_find(&ints, 10 + 65536, &index)), "its low bytes are those of 10");
    cr_expect(eq(u32, index, 2));
    cr_expect(not(gf_ints_find(&ints, INT64_MIN, &index)));
    cr_expect(gf_ints_find(&ints, 300, &index));
    cr_expect(eq(u32, index, 1));
}

Test(ints, written_at_once_they_are_the_same)
{
    static const int64_t numbers[] = {-5, 0, 7, 70000};
    char *room;

    start(7);
    add(70000);
    add(-5);
    add(0);
    expect_model();
    cr_assert(eq(sz, gf_ints_size(numbers, 4), block.size));
    room = gf_alloc(GF_MEMORY_DATA, block.size);
    gf_ints_write(room, numbers, 4);
    cr_expect_eq(memcmp(room, block.data, block.size), 0);
    gf_free(GF_MEMORY_DATA, room);
}
