/* One string through all sizes of objects, from a small block to an extent, while its heap moves
 * objects and evicts others. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/evict.h"
#include "modules/heap.h"
#include "modules/keyspace_parts.h"
#include "support/exec_fixture.h"
#include "support/random.h"

#define VALUE_MAX (6u << 20) /* beyond every size class */
#define FILLERS 400

static struct exec_fixture fixture;
static struct test_random series;
static char *mirror; /* what the value must be */
static size_t mirror_size;

static void setup(void)
{
    exec_fixture_init(&fixture);
    series.state = 99;
    mirror = calloc(1, VALUE_MAX);
    mirror_size = 0;
}

static void teardown(void)
{
    free(mirror);
    exec_fixture_deinit(&fixture);
}

TestSuite(strings_growth, .init = setup, .fini = teardown, .timeout = 60);

static void run(const char *name, const char *key, const char *middle, struct gf_bytes value)
{
    struct gf_bytes words[4] = {gf_bytes_of(name), gf_bytes_of(key)};
    uint32_t count = 2;

    if (middle)
        words[count++] = gf_bytes_of(middle);
    words[count++] = value;
    cr_assert_neq(exec_run_words(&fixture, words, count, NULL)[0], '-', "%s: %.60s", name,
                  fixture.answer.data);
}

static void expect_value(void)
{
    struct gf_bytes words[] = {GF_BYTES("GET"), GF_BYTES("grown")};
    size_t size;
    const char *answer = exec_run_words(&fixture, words, 2, &size);
    char head[32];
    int head_size = snprintf(head, sizeof(head), "$%zu\r\n", mirror_size);

    cr_assert_eq(size, (size_t)head_size + mirror_size + 2);
    cr_assert_eq(memcmp(answer, head, (size_t)head_size), 0);
    cr_assert_eq(memcmp(answer + head_size, mirror, mirror_size), 0);
}

static struct gf_bytes piece(size_t size, char fill)
{
    static char bytes[VALUE_MAX];

    memset(bytes, fill, size);
    return (struct gf_bytes){.data = bytes, .size = size};
}

static void append(size_t size, char fill)
{
    run("APPEND", "grown", NULL, piece(size, fill));
    memset(mirror + mirror_size, fill, size);
    mirror_size += size;
}

static void set_range(size_t at, size_t size, char fill)
{
    char offset[32];

    snprintf(offset, sizeof(offset), "%zu", at);
    run("SETRANGE", "grown", offset, piece(size, fill));
    memset(mirror + at, fill, size);
    if (at + size > mirror_size)
        mirror_size = at + size;
}

/* Neighbours of all sizes come and go, so that pages become empty enough to be given back. */
static void fillers_change(void)
{
    for (int i = 0; i < 20; i++) {
        char key[16];

        snprintf(key, sizeof(key), "f%u", (unsigned)test_random_below(&series, FILLERS));
        if (test_random_below(&series, 2) == 0)
            run("DEL", key, NULL, gf_bytes_of(key));
        else
            run("SET", key, NULL, piece(1 + test_random_below(&series, 3000), 'f'));
    }
}

static struct gf_keyspace *source_at(void *context, uint32_t index)
{
    (void)context;
    return fixture.keyspaces[0][index];
}

/* A few neighbours: those that would expire first. The one that grows does not expire. */
static void evict_some(void)
{
    struct gf_evict_source source = {.at = source_at, .count = EXEC_PARTITIONS};
    struct gf_evict_goal goal = {
        .size = 2000, .budget = 200, .now_ms = fixture.now_ms, .seed = fixture.seed};
    struct gf_evictor evictor;

    gf_evictor_init(&evictor, GF_VOLATILE_RANDOM, 5);
    run("SET", "v1", NULL, piece(1000, 'v'));
    exec_run(&fixture, "PEXPIRE v1 1000000");
    gf_evictor_run(&evictor, &source, &goal);
}

/* Pages that became emptier are given back. Returns whether there is more to do. */
static bool heaps_work(void)
{
    bool more = false;

    for (int i = 0; i < EXEC_PARTITIONS; i++)
        more |= gf_heap_work_slice(fixture.keyspaces[0][i]->heap, 64);
    return more;
}

static void world_moves(void)
{
    fillers_change();
    evict_some();
    heaps_work();
    for (int i = 0; i < EXEC_PARTITIONS; i++) {
        if (fixture.keyspaces[0][i])
            gf_keyspace_check(fixture.keyspaces[0][i]);
    }
}

Test(strings_growth, append_goes_through_all_sizes)
{
    while (mirror_size < VALUE_MAX / 2) {
        size_t step = 1 + test_random_below(&series, mirror_size / 4 + 8);

        if (mirror_size + step > VALUE_MAX)
            break;
        append(step, (char)('a' + mirror_size % 26));
        expect_value();
        world_moves();
        expect_value();
    }
}

Test(strings_growth, setrange_goes_through_all_sizes)
{
    append(1, 'x');
    while (mirror_size < VALUE_MAX / 2) {
        size_t at = test_random_below(&series, mirror_size + mirror_size / 3 + 16);
        size_t size = 1 + test_random_below(&series, 64);

        if (at + size > VALUE_MAX)
            break;
        set_range(at, size, (char)('a' + at % 26));
        expect_value();
        world_moves();
        expect_value();
    }
}

/* Around each power of two, where size classes end: one byte more, and back by SET. */
Test(strings_growth, every_border_is_crossed)
{
    for (size_t border = 16; border <= 2u << 20; border *= 2) {
        for (size_t size = border > 40 ? border - 40 : 1; size < border + 8; size += 3) {
            run("SET", "grown", NULL, piece(size, 's'));
            memset(mirror, 's', size);
            mirror_size = size;
            append(1, 'a');
            expect_value();
            heaps_work();
            set_range(mirror_size, 1, 'r');
            expect_value();
        }
        world_moves();
    }
}

/* Large objects move, too, when the pages around them become empty. */
Test(strings_growth, large_objects_survive_evacuation)
{
    char key[16];

    for (int i = 0; i < 60; i++) {
        snprintf(key, sizeof(key), "big%d", i);
        run("SET", key, NULL, piece((size_t)(i + 1) * 3000, (char)('A' + i % 26)));
    }
    for (int i = 0; i < 60; i++) {
        snprintf(key, sizeof(key), "big%d", i);
        if (i % 3 != 0)
            run("DEL", key, NULL, gf_bytes_of(key));
        heaps_work();
    }
    for (int i = 0; i < 200 && heaps_work(); i++)
        world_moves();
    for (int i = 0; i < 60; i += 3) {
        struct gf_bytes words[] = {GF_BYTES("GET"), gf_bytes_of(key)};
        size_t size;
        const char *answer;

        snprintf(key, sizeof(key), "big%d", i);
        words[1] = gf_bytes_of(key);
        answer = exec_run_words(&fixture, words, 2, &size);
        cr_assert_gt(size, (size_t)(i + 1) * 3000);
        for (size_t k = size - 3; k > size - 3 - (size_t)i * 3000; k--)
            cr_assert_eq(answer[k], 'A' + i % 26);
    }
}
