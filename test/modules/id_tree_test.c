/* The tree of records by id, against a sorted array. */
#include "modules/id_tree.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "core/alloc.h"
#include "support/random.h"

#define COUNT_MAX 4000

struct record {
    struct gf_id id;
    uint64_t value;
    uint64_t more[2];
};

static struct record model[COUNT_MAX];
static uint32_t model_count;

/* The first record of the model whose id is at least `id`. */
static uint32_t model_seek(struct gf_id id)
{
    uint32_t index = 0;

    while (index < model_count && gf_id_compare(model[index].id, id) < 0)
        index++;
    return index;
}

static bool model_has(uint32_t index, struct gf_id id)
{
    return index < model_count && gf_id_compare(model[index].id, id) == 0;
}

static void add(struct gf_id_tree *tree, struct gf_id id, uint64_t value)
{
    uint32_t index = model_seek(id);
    struct record *record = gf_id_tree_add(tree, id);

    cr_assert(eq(u64, record->value, 0), "a new record is zeroes");
    record->value = value;
    memmove(&model[index + 1], &model[index], (model_count - index) * sizeof(*model));
    model[index] = (struct record){.id = id, .value = value};
    model_count++;
}

static void drop(struct gf_id_tree *tree, struct gf_id id)
{
    uint32_t index = model_seek(id);
    bool there = model_has(index, id);

    cr_assert(gf_id_tree_remove(tree, id) == there);
    if (!there)
        return;
    model_count--;
    memmove(&model[index], &model[index + 1], (model_count - index) * sizeof(*model));
}

static void look(const struct gf_id_tree *tree, struct gf_id id)
{
    uint32_t index = model_seek(id);
    const struct record *record = gf_id_tree_find(tree, id);
    const struct record *seek = gf_id_cursor_at(tree, gf_id_tree_seek(tree, id));
    const struct record *back = gf_id_cursor_at(tree, gf_id_tree_seek_back(tree, id));

    cr_assert(model_has(index, id) == (record != NULL));
    if (record)
        cr_assert(eq(u64, record->value, model[index].value));
    cr_assert(lt(u32, index, model_count + (seek == NULL)));
    if (seek)
        cr_assert(eq(u64, seek->value, model[index].value));
    index += model_has(index, id);
    cr_assert(ge(u32, index, back != NULL));
    if (back)
        cr_assert(eq(u64, back->value, model[index - 1].value));
}

static void compare_all(const struct gf_id_tree *tree)
{
    struct gf_id_cursor cursor = {.leaf = tree->first};
    const struct record *record;
    uint32_t index = 0;

    while ((record = gf_id_cursor_at(tree, cursor)) != NULL) {
        cr_assert(eq(u64, record->value, model[index].value));
        index++;
        gf_id_cursor_next(&cursor);
    }
    cr_assert(eq(u32, index, model_count));
    cursor = gf_id_tree_seek_back(tree, GF_ID_MAX);
    while ((record = gf_id_cursor_at(tree, cursor)) != NULL) {
        cr_assert(eq(u64, record->value, model[--index].value));
        gf_id_cursor_previous(&cursor);
    }
    cr_assert(eq(u32, index, 0));
}

/* Phases in which records are mostly added, and mostly removed; here and there, or at the ends. */
Test(id_tree, is_a_sorted_array)
{
    struct test_random random = {.state = 7};
    struct gf_id_tree tree;

    gf_id_tree_init(&tree, sizeof(struct record));
    for (uint32_t i = 0; i < 60000; i++) {
        struct gf_id id = {test_random_below(&random, 3000), test_random_below(&random, 3)};
        bool grows = i / 10000 % 2 == 0;

        if (i / 20000 == 1 && model_count > 0)
            id = grows ? (struct gf_id){model[model_count - 1].id.ms + 1, 0} : model[0].id;
        if (test_random_below(&random, 10) < (grows ? 8 : 2)) {
            if (model_count < COUNT_MAX - 1 && !model_has(model_seek(id), id))
                add(&tree, id, i + 1);
        } else {
            drop(&tree, id);
        }
        look(&tree, id);
        if (i % 500 == 0) {
            gf_id_tree_check(&tree);
            compare_all(&tree);
        }
    }
    cr_assert(gt(u32, model_count, 0));
    gf_id_tree_clear(&tree);
    gf_id_tree_check(&tree);
}

/* Ids of streams come in order: nodes that are left full cost no more than their records. */
Test(id_tree, is_full_when_ids_ascend)
{
    struct gf_memory_account account = {0};
    struct gf_memory_account *before = gf_memory_account_use(&account);
    struct gf_id_tree tree;

    gf_id_tree_init(&tree, sizeof(struct gf_id));
    for (uint64_t i = 0; i < 100000; i++)
        (void)gf_id_tree_add(&tree, (struct gf_id){i, 0});
    gf_id_tree_check(&tree);
    cr_expect(lt(i64, account.bytes[GF_MEMORY_DATA], 100000 * 18));
    cr_expect(lt(u64, gf_id_tree_memory(&tree), 100000 * 18));
    for (uint64_t i = 0; i < 100000; i++)
        cr_assert(gf_id_tree_remove(&tree, (struct gf_id){i, 0}));
    cr_expect(eq(i64, account.bytes[GF_MEMORY_DATA], 0), "an empty tree holds nothing");
    gf_memory_account_use(before);
}

/* A consumer for whom one entry is pending must not cost a kilobyte. */
Test(id_tree, is_small_when_it_holds_little)
{
    struct gf_id_tree tree;

    gf_id_tree_init(&tree, sizeof(struct gf_id));
    (void)gf_id_tree_add(&tree, (struct gf_id){1, 0});
    cr_expect(lt(u64, gf_id_tree_memory(&tree), 100));
    gf_id_tree_clear(&tree);
}
