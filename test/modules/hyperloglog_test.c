/* HyperLogLog commands. The differential test compares every byte and every count with Redis's. */
#include <math.h>
#include <stdio.h>

#include "modules/hll.h"
#include "support/exec_steps.h"

static struct exec_fixture fixture;

static void init(void)
{
    exec_fixture_init(&fixture);
}

static void fini(void)
{
    exec_fixture_deinit(&fixture);
}

TestSuite(hyperloglog, .init = init, .fini = fini);

/* A key that is made counts as a change; an element that is known does not. */
Test(hyperloglog, elements_count_once)
{
    EXEC_STEPS_IN(&fixture, {"PFADD h", ":1"}, {"PFADD h", ":0"}, {"PFCOUNT h", ":0"},
                  {"PFADD h a b c", ":1"}, {"PFADD h a b c", ":0"}, {"PFCOUNT h", ":3"},
                  {"PFCOUNT missing", ":0"}, {"TYPE h", "+string"},
                  {"OBJECT ENCODING h", "$3\r\nraw"}, {"PFDEBUG ENCODING h", "+sparse"});
}

/* Keys of several partitions together; what is in two counts once. */
Test(hyperloglog, unions)
{
    EXEC_STEPS_IN(&fixture, {"PFADD a x y z", ":1"}, {"PFADD b z w", ":1"},
                  {"PFCOUNT a b missing", ":4"}, {"PFMERGE c a b", "+OK"}, {"PFCOUNT c", ":4"},
                  {"PFMERGE new", "+OK"}, {"PFCOUNT new", ":0"}, {"PFMERGE a b", "+OK"},
                  {"PFCOUNT a", ":4"});
}

/* What is no HyperLogLog is refused, and so is one whose runs do not add up. */
Test(hyperloglog, other_values_are_refused)
{
    EXEC_STEPS_IN(&fixture, {"SET s hello", "+OK"},
                  {"PFADD s a", "-WRONGTYPE Key is not a valid HyperLogLog string value."},
                  {"PFCOUNT s", "-WRONGTYPE Key is not a valid HyperLogLog string value."},
                  {"PFMERGE d s", "-WRONGTYPE Key is not a valid HyperLogLog string value."},
                  {"EXISTS d", ":0"});
    EXEC_STEPS_IN(&fixture, {"SETRANGE t 0 \"HYLL\\x01\"", ":5"},
                  {"SETRANGE t 15 \"\\x80\"", ":16"},
                  {"PFADD t a", "-INVALIDOBJ Corrupted HLL object detected"},
                  {"PFCOUNT t", "-INVALIDOBJ Corrupted HLL object detected"},
                  {"PFDEBUG NONE t", "-ERR Unknown PFDEBUG subcommand 'NONE'"},
                  {"PFDEBUG ENCODING no", "-ERR The specified key does not exist"});
}

/* Both forms hold the same registers, and a count that is right enough. */
Test(hyperloglog, sparse_becomes_dense_and_counts_well)
{
    char line[64];

    for (uint32_t i = 1; i <= 40000; i++) {
        snprintf(line, sizeof(line), "PFADD h element:%u", i);
        (void)exec_run(&fixture, line);
        if (i == 100)
            EXEC_EXPECT(&fixture, "PFDEBUG ENCODING h", "+sparse\r\n");
        if (i == 100 || i == 1000 || i == 10000 || i == 40000) {
            double count = strtod(exec_run(&fixture, "PFCOUNT h") + 1, NULL);

            cr_expect(fabs(count - i) < 0.03 * i, "%g instead of %u", count, i);
        }
    }
    EXEC_EXPECT(&fixture, "PFDEBUG ENCODING h", "+dense\r\n");
    EXEC_EXPECT(&fixture, "STRLEN h", ":12304\r\n");
}

/* Marks in any order give the registers that a dense one has from the beginning. */
Test(hyperloglog, both_forms_hold_the_same)
{
    struct gf_buf sparse = {0};
    struct gf_buf dense = {0};
    uint64_t seed = 1;

    gf_hll_init(&sparse);
    gf_hll_init(&dense);
    cr_assert(gf_hll_to_dense(&dense));
    for (uint32_t i = 0; i < 3000; i++) {
        uint64_t random = gf_random_next(&seed);
        struct gf_hll_mark mark = {.index = (uint32_t)(random % (i < 500 ? 64 : GF_HLL_REGISTERS)),
                                   .rank = (uint8_t)(1 + (random >> 20) % 32)};
        uint8_t left[GF_HLL_REGISTERS] = {0};
        uint8_t right[GF_HLL_REGISTERS] = {0};

        cr_assert_eq(gf_hll_set(&sparse, mark, 100000), gf_hll_set(&dense, mark, 0));
        if (i % 10 > 0)
            continue;
        cr_assert(gf_hll_merge(left, (struct gf_bytes){.data = sparse.data, .size = sparse.size}));
        cr_assert(gf_hll_merge(right, (struct gf_bytes){.data = dense.data, .size = dense.size}));
        cr_assert(memcmp(left, right, sizeof(left)) == 0);
    }
    cr_expect_eq(sparse.data[4], 1);
    gf_buf_deinit(&sparse);
    gf_buf_deinit(&dense);
}
