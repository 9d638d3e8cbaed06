/* Plans of commands with keys: every row of every module, keys wherever they lie. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "modules/registry.h"
#include "shards/multi.h"
#include "shards/plan.h"
#include "shards/request.h"
#include "support/node_fixture.h"
#include "support/random.h"

#define CORES 3
#define WORDS_MAX 600 /* more keys than a plan has room for inside */

static struct node node;
static struct test_random random_series;
static char texts[WORDS_MAX][16];
static struct gf_bytes words[WORDS_MAX];

static void setup(void)
{
    node_start(&node, CORES, NULL);
    random_series.state = 7;
}

static void teardown(void)
{
    node_end(&node);
}

TestSuite(plan, .init = setup, .fini = teardown, .timeout = 60);

static const struct gf_command *row_find(const char *name)
{
    struct gf_bytes word = gf_bytes_of(name);
    const struct gf_command *row = gf_registry_find(node.server.plugins->registry, word);

    cr_assert_not_null(row, "%s", name);
    return row;
}

/* The command's name and `count` - 1 words "k<number>" out of `keys` different ones. */
static void words_make(const struct gf_command *row, uint32_t count, uint32_t keys)
{
    words[0] = gf_bytes_of(row->name);
    for (uint32_t i = 1; i < count; i++) {
        snprintf(texts[i], sizeof(texts[i]), "k%u",
                 (unsigned)test_random_below(&random_series, keys));
        words[i] = gf_bytes_of(texts[i]);
    }
}

static uint32_t partition_of(uint32_t word)
{
    return gf_router_partition(&node.server.router, words[word]);
}

static uint16_t core_of(uint32_t word)
{
    return node.server.router.owners[partition_of(word)];
}

/* The keys are those of the row, each with its partition; the cores are those of the keys. */
static void expect_keys(struct gf_plan *plan, uint32_t words_count)
{
    uint32_t indexes[WORDS_MAX];
    uint32_t count = gf_command_keys(plan->command, words, words_count, indexes, WORDS_MAX);
    bool cores[CORES] = {false};
    uint32_t cores_count = 0;

    cr_assert_eq(plan->keys_count, count, "%s", plan->command->name);
    cr_assert_eq(plan->partitions_count, count);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(plan->key_words[i], indexes[i]);
        cr_assert_eq(plan->partitions[i], partition_of(indexes[i]));
        cores_count += !cores[core_of(indexes[i])];
        cores[core_of(indexes[i])] = true;
    }
    cr_assert_eq(plan->cores_count, cores_count);
    cr_assert_eq(plan->first_partition, partition_of(indexes[0]));
    if (cores_count == 1)
        cr_assert_eq(plan->core, core_of(indexes[0]));
}

static void expect_partitions(const struct gf_part *part)
{
    bool seen[64] = {false};

    for (uint32_t i = 0; i < part->partitions_count; i++) {
        cr_assert_eq(node.server.router.owners[part->partitions[i]], part->core);
        cr_assert(!seen[part->partitions[i]], "named twice");
        seen[part->partitions[i]] = true;
    }
}

/* Each key and what belongs to it is in its core's part, in order; nothing else is. */
static void expect_split_words(struct gf_plan *plan, const struct gf_part *parts,
                               const uint32_t *key_parts)
{
    uint32_t step = (uint32_t)plan->command->key_step;
    uint32_t used[CORES] = {1, 1, 1};

    for (uint32_t i = 0; i < plan->keys_count; i++) {
        const struct gf_part *part = &parts[key_parts[i]];

        cr_assert_eq(part->core, core_of(plan->key_words[i]));
        for (uint32_t k = 0; k < step; k++)
            cr_assert_eq(part->words[used[key_parts[i]]++].data,
                         words[plan->key_words[i] + k].data);
    }
    for (uint32_t i = 0; i < plan->cores_count; i++) {
        cr_assert_eq(parts[i].words_count, used[i]);
        cr_assert_eq(parts[i].words[0].data, words[0].data);
    }
}

static void expect_parts(struct gf_plan *plan, uint32_t words_count)
{
    struct gf_request request = {.words = words, .words_count = words_count};
    struct gf_part parts[CORES] = {0};
    uint32_t *key_parts;
    void *block = gf_plan_parts(plan, &request, parts, &key_parts);

    for (uint32_t i = 0; i < plan->cores_count; i++) {
        cr_assert(i == 0 || parts[i].core > parts[i - 1].core);
        cr_assert_gt(parts[i].partitions_count, 0);
        expect_partitions(&parts[i]);
    }
    if (plan->command->merge != GF_MERGE_NONE && plan->keys_count > 0)
        expect_split_words(plan, parts, key_parts);
    else
        cr_assert_eq(parts[0].words, request.words);
    gf_free(GF_MEMORY_OTHER, block);
}

/* Plans it; Returns whether there is a plan. */
static bool plan_words(const struct gf_command *row, uint32_t count)
{
    struct gf_plan plan;
    bool planned;

    gf_plan_init(&plan, node_enter(&node, 1), row);
    planned = gf_plan_keys(&plan, words, count);
    if (planned && !(row->flags & (GF_ALL_KEYS | GF_CURSOR)))
        expect_keys(&plan, count);
    if (planned)
        expect_parts(&plan, count);
    gf_plan_deinit(&plan);
    return planned;
}

static bool row_has_keys(const struct gf_command *row)
{
    return row->key_first > 0 || row->find_keys;
}

Test(plan, finds_the_keys_of_every_row)
{
    const struct gf_registry *registry = node.server.plugins->registry;
    uint32_t rows = 0;

    for (uint32_t id = 0; id < gf_registry_rows(registry); id++) {
        const struct gf_command *row = gf_registry_row(registry, id);
        uint32_t least = (uint32_t)(row->arity < 0 ? -row->arity : row->arity);
        uint32_t most = row->arity < 0 ? least + 12 : least;
        bool planned = false;

        if (!row_has_keys(row) || row->subcommands_count > 0)
            continue;
        rows++;
        for (uint32_t round = 0; round < 40; round++) {
            uint32_t count = least + (uint32_t)test_random_below(&random_series, most - least + 1);

            words_make(row, count, 1 + (uint32_t)test_random_below(&random_series, 30));
            planned |= plan_words(row, count);
        }
        cr_assert(planned || row->find_keys, "%s has no keys", row->name);
    }
    cr_assert_gt(rows, 30);
}

Test(plan, has_room_for_very_many_keys)
{
    for (uint32_t count = GF_PLAN_KEYS_INSIDE - 2; count <= GF_PLAN_KEYS_INSIDE + 3; count++) {
        words_make(row_find("MGET"), count, 1000);
        cr_assert(plan_words(row_find("MGET"), count));
    }
    words_make(row_find("DEL"), WORDS_MAX, 5);
    cr_assert(plan_words(row_find("DEL"), WORDS_MAX));
    words_make(row_find("MSET"), WORDS_MAX - 1, 1000);
    cr_assert(plan_words(row_find("MSET"), WORDS_MAX - 1));
}

/* Where the keys lie decides whether it is a command of one core or of several. */
Test(plan, knows_one_core_from_several)
{
    struct gf_plan plan;
    char near[16];
    char also_near[16];
    char far[16];

    node_key(&node, 2, 0, near);
    node_key(&node, 2, 1, also_near);
    node_key(&node, 0, 0, far);
    words[0] = GF_BYTES("RENAME");
    words[1] = gf_bytes_of(near);
    words[2] = gf_bytes_of(also_near);
    gf_plan_init(&plan, node_enter(&node, 1), row_find("RENAME"));
    cr_assert(gf_plan_keys(&plan, words, 3));
    cr_assert_eq(plan.cores_count, 1);
    cr_assert_eq(plan.core, 2);
    gf_plan_deinit(&plan);

    words[2] = gf_bytes_of(far);
    gf_plan_init(&plan, node_enter(&node, 1), row_find("RENAME"));
    cr_assert(gf_plan_keys(&plan, words, 3));
    cr_assert_eq(plan.cores_count, 2);
    cr_assert(plan.cores[0] && plan.cores[2] && !plan.cores[1]);
    gf_plan_deinit(&plan);
}

/* A request that cannot be cut into whole steps is not planned: the command itself refuses it. */
Test(plan, refuses_halves_of_pairs)
{
    for (uint32_t count = 3; count < 12; count++) {
        words_make(row_find("MSET"), count, 30);
        cr_assert_eq(plan_words(row_find("MSET"), count), count % 2 == 1, "%u words", count);
        words_make(row_find("MSETNX"), count, 30);
        cr_assert_eq(plan_words(row_find("MSETNX"), count), count % 2 == 1, "%u words", count);
    }
}

Test(plan, takes_every_partition_for_a_command_over_all_keys)
{
    struct gf_plan plan;

    words[0] = GF_BYTES("DBSIZE");
    gf_plan_init(&plan, node_enter(&node, 0), row_find("DBSIZE"));
    cr_assert(gf_plan_keys(&plan, words, 1));
    cr_assert_eq(plan.cores_count, CORES);
    cr_assert_eq(plan.partitions_count, node.server.router.partitions_count);
    cr_assert_eq(plan.keys_count, 0);
    expect_parts(&plan, 1);
    gf_plan_deinit(&plan);
}

/* A cursor names a place in the order of scans. What is no cursor, or of no place, goes to the
 * first one; the command refuses it there. */
Test(plan, sends_a_cursor_to_its_partition)
{
    static const struct {
        const char *cursor;
        uint32_t place;
    } cases[] = {
        {"0", 0},
        {"5", 5},
        {"16384", 0},
        {"16389", 5},
        {"16", 0},
        {"16383", 0},
        {"x", 0},
        {"y1", 0},
        {"", 0},
        {"18446744073709551615", 0},
        {"18446744073709551616", 0},
    };

    words[0] = GF_BYTES("SCAN");
    for (size_t i = 0; i < GF_COUNT(cases); i++) {
        uint16_t partition = node.server.router.order[cases[i].place];
        struct gf_plan plan;

        words[1] = gf_bytes_of(cases[i].cursor);
        gf_plan_init(&plan, node_enter(&node, 0), row_find("SCAN"));
        cr_assert(gf_plan_keys(&plan, words, 2));
        cr_assert_eq(plan.cores_count, 1);
        cr_assert_eq(plan.first_partition, partition, "%s", cases[i].cursor);
        cr_assert_eq(plan.core, node.server.router.owners[partition]);
        gf_plan_deinit(&plan);
    }
}
