/* Determinism: nobody can tell a value from the one that was saved and loaded. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "core/random.h"
#include "support/exec_fixture.h"
#include "support/exec_reload.h"
#include "support/exec_words.h"

#define COMMANDS 6000
#define COMMANDS_PER_RELOAD 40 /* on average */
#define COMMANDS_PER_PURGE 15
#define MUTATIONS 40 /* of each value */

static struct exec_fixture whole;    /* its values stay in memory */
static struct exec_fixture reloaded; /* its values go through save and load now and then */
static struct exec_words words;

/* Collections become big early, so that both forms and the way between them are seen. */
static void limits_lower(struct gf_limits *limits)
{
    limits->hash_max_listpack_entries = 6;
    limits->list_max_listpack_size = 6;
    limits->set_max_intset_entries = 6;
    limits->set_max_listpack_entries = 6;
    limits->zset_max_listpack_entries = 6;
    limits->hll_sparse_max_bytes = 60;
    limits->stream_node_max_entries = 4;
}

static void fixtures_init(void)
{
    exec_fixture_init(&whole);
    exec_fixture_init(&reloaded);
    limits_lower(&whole.limits);
    limits_lower(&reloaded.limits);
}

static void fixtures_deinit(void)
{
    exec_fixture_deinit(&whole);
    exec_fixture_deinit(&reloaded);
}

TestSuite(reload, .init = fixtures_init, .fini = fixtures_deinit, .timeout = 120);

static void words_show(const char *left, const char *right)
{
    for (uint32_t i = 0; i < words.count; i++)
        fprintf(stderr, "%.*s ", (int)words.words[i].size, words.words[i].data);
    fprintf(stderr, "\nanswers %s\nafter a reload %s\n", left, right);
}

/* The same command to both; true when it was not an error. */
static bool step(void)
{
    size_t left_size;
    size_t right_size;
    const char *left = exec_run_words(&whole, words.words, words.count, &left_size);
    const char *right = exec_run_words(&reloaded, words.words, words.count, &right_size);
    bool same = left_size == right_size && memcmp(left, right, left_size) == 0;

    if (!same)
        words_show(left, right);
    cr_assert(same);
    return left[0] != '-';
}

/* Fields of hashes that have had their time go in the background, too: at the same place of the
 * stream, as from a log. */
static void purge(struct exec_fixture *fixture)
{
    for (uint32_t db = 0; db < EXEC_DATABASES; db++)
        for (uint32_t i = 0; i < EXEC_PARTITIONS; i++)
            while (gf_keyspace_purge_slice(fixture->keyspaces[db][i], UINT32_MAX, fixture->now_ms))
                continue;
}

static void stream(uint64_t seed)
{
    uint32_t good = 0;
    uint32_t reloads = 0;

    for (uint32_t i = 0; i < COMMANDS; i++) {
        uint64_t milliseconds = gf_random_next(&seed) % 40;

        exec_words_draw(&words, whole.registry, &seed);
        good += step();
        whole.now_ms += milliseconds;
        reloaded.now_ms += milliseconds;
        if (gf_random_next(&seed) % COMMANDS_PER_PURGE == 0) {
            purge(&whole);
            purge(&reloaded);
        }
        if (gf_random_next(&seed) % COMMANDS_PER_RELOAD == 0)
            reloads += exec_reload(&reloaded) > 0;
    }
    exec_expect_same(&whole, &reloaded);
    cr_expect(good > COMMANDS / 4, "only %u of %u commands were good", good, COMMANDS);
    cr_expect(gt(u32, reloads, 0));
}

/* A replica that starts from a snapshot computes what the others compute, whatever comes. */
Test(reload, nobody_can_tell_a_loaded_value)
{
    stream(1);
}

Test(reload, nobody_can_tell_a_loaded_value_resp3)
{
    whole.resp = 3;
    reloaded.resp = 3;
    stream(2);
}

/* Big collections stay small for long with the limits that people have. */
Test(reload, nobody_can_tell_a_loaded_value_usual_limits)
{
    struct exec_fixture usual;

    exec_fixture_init(&usual);
    whole.limits = usual.limits;
    reloaded.limits = usual.limits;
    exec_fixture_deinit(&usual);
    stream(3);
}

/* What a client sends with RESTORE may be anything, with a good checksum. */
Test(reload, damaged_values_are_refused_or_harmless)
{
    uint64_t seed = 4;

    for (uint32_t i = 0; i < COMMANDS / 4; i++) {
        exec_words_draw(&words, whole.registry, &seed);
        (void)exec_run_words(&whole, words.words, words.count, NULL);
        if (i % 250 == 249)
            exec_reload_mutated(&whole, MUTATIONS, seed);
    }
}
