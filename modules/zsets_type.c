/* The type of sorted sets: how they live, die and are saved. */
#include "core/alloc.h"
#include "core/assert.h"
#include "core/hash.h"
#include "modules/dump.h"
#include "modules/zsets.h"

static const char *zset_encoding_name(const struct gf_object *object)
{
    return gf_object_encoding(object) == GF_ZSET_TREE ? "skiplist" : "listpack";
}

static void zset_free(void *value)
{
    gf_zset_tree_destroy(value);
}

static bool zset_free_slice(void *value, uint64_t budget)
{
    struct gf_zset_tree *tree = value;
    bool order_done = gf_order_free_slice(&tree->order, budget);
    bool scores_done = gf_dict_free_slice(&tree->scores, budget);

    if (!order_done || !scores_done)
        return false;
    gf_zset_tree_destroy(tree);
    return true;
}

static void *zset_copy(const void *value, struct gf_pace *pace)
{
    const struct gf_zset_tree *tree = value;
    struct gf_zset_tree *copy = gf_zset_tree_create(tree->scores.hash_seed);

    if (!gf_dict_copy(&copy->scores, &tree->scores, pace)) {
        gf_free(GF_MEMORY_DATA, copy);
        return NULL;
    }
    gf_zset_tree_sort(copy, pace);
    return copy;
}

static size_t zset_memory(const void *value, uint64_t samples)
{
    const struct gf_zset_tree *tree = value;

    return gf_alloc_size(tree) + tree->order.size + gf_dict_memory(&tree->scores, samples);
}

static uint64_t zset_length(const void *value)
{
    const struct gf_zset_tree *tree = value;

    return gf_dict_count(&tree->scores);
}

static const void *zset_prefetch(const void *value, struct gf_bytes element, uint32_t step,
                                 const void *at)
{
    const struct gf_zset_tree *tree = value;

    return gf_dict_prefetch(&tree->scores, element, step, at);
}

/* Pairs in their order, which both forms have. */
static uint64_t zset_digest(const struct gf_object *object, uint64_t seed)
{
    struct gf_zset zset = gf_zset_of(object);
    struct gf_zset_walk walk;
    struct gf_order_pair pair;

    gf_zset_walk_init(&walk, &zset, 0, UINT64_MAX, false);
    while (gf_zset_walk_next(&walk, &pair)) {
        double score = pair.score == 0 ? 0 : pair.score; /* -0 is equal to 0 */

        seed = gf_hash64(&score, sizeof(score), seed);
        seed = gf_hash64(pair.member.data, pair.member.size, seed);
    }
    return seed;
}

static void zset_save(const struct gf_object *object, struct gf_saver *saver)
{
    struct gf_zset zset = gf_zset_of(object);
    struct gf_zset_walk walk;
    struct gf_order_pair pair;

    gf_save_u64(saver, gf_object_encoding(object));
    if (zset.tree != NULL) {
        gf_dict_save(&zset.tree->scores, saver);
        return;
    }
    gf_save_u64(saver, zset.count);
    gf_zset_walk_init(&walk, &zset, 0, UINT64_MAX, false);
    while (gf_zset_walk_next(&walk, &pair)) {
        gf_save_double(saver, pair.score);
        gf_save_bytes(saver, pair.member);
    }
}

static bool scores_are_numbers(const struct gf_dict *scores)
{
    struct gf_dict_entry entry;
    struct gf_dict_walk walk;

    gf_dict_walk_init(&walk, scores);
    while (gf_dict_walk_next(&walk, &entry)) {
        if (entry.score != entry.score)
            return false;
    }
    return true;
}

static bool load_tree(struct gf_loader *loader, struct gf_value *ret_value)
{
    struct gf_zset_tree *tree = gf_zset_tree_create(loader->hash_seed);

    if (!gf_dict_load(&tree->scores, GF_DICT_SCORES, loader)) {
        gf_free(GF_MEMORY_DATA, tree);
        return false;
    }
    if (gf_dict_count(&tree->scores) == 0 || !scores_are_numbers(&tree->scores)) {
        gf_zset_tree_destroy(tree);
        return false;
    }
    gf_zset_tree_sort(tree, NULL);
    *ret_value = (struct gf_value){.type = GF_TYPE_ZSET, .encoding = GF_ZSET_TREE, .pointer = tree};
    return true;
}

/* The next pair of a small one, which must be above the last and have a new member. */
static bool load_pair(struct gf_loader *loader, struct gf_zset *zset, struct gf_dict *members,
                      struct gf_order_pair *pair)
{
    double score = gf_load_double(loader);
    struct gf_bytes member = gf_load_bytes(loader);
    struct gf_order_bound bound = gf_order_bound_pair(score, member);

    if (!gf_loader_ok(loader) || score != score || member.size > GF_PACKED_SIZE_MAX)
        return false;
    if (zset->count > 0 && gf_order_bound_compare(pair->score, pair->member, &bound) > 0)
        return false;
    if (gf_dict_put(members, member, NULL, NULL) != GF_DICT_ADDED)
        return false;
    *pair = (struct gf_order_pair){.score = score, .member = member};
    return gf_zset_append(zset, member, score);
}

static bool load_small(struct gf_loader *loader, struct gf_value *ret_value)
{
    uint64_t count = gf_load_count(loader, sizeof(double) + 1);
    struct gf_zset zset = {0};
    struct gf_order_pair last = {0};
    struct gf_dict members;
    bool good = gf_loader_ok(loader) && count > 0 && count <= GF_ZSET_SMALL_MAX;

    gf_dict_init(&members, GF_DICT_KEYS, loader->hash_seed);
    while (good && zset.count < count)
        good = load_pair(loader, &zset, &members, &last);
    gf_dict_deinit(&members);
    if (!good) {
        gf_zset_deinit(&zset);
        return false;
    }
    *ret_value = (struct gf_value){
        .type = GF_TYPE_ZSET,
        .encoding = GF_ZSET_PACKED,
        .bytes = {.data = zset.block.data, .size = zset.block.size},
    };
    return true;
}

static bool zset_load(struct gf_loader *loader, struct gf_value *ret_value)
{
    switch (gf_load_u64(loader)) {
    case GF_ZSET_PACKED:
        return load_small(loader, ret_value);
    case GF_ZSET_TREE:
        return load_tree(loader, ret_value);
    default:
        return false;
    }
}

/* Every pair of the order has its score in the table. */
static void tree_check(const struct gf_zset_tree *tree)
{
    struct gf_order_cursor cursor = gf_order_at(&tree->order, 0);

    gf_dict_check(&tree->scores);
    gf_order_check(&tree->order);
    GF_ASSERT(gf_dict_count(&tree->scores) == tree->order.count);
    GF_ASSERT(tree->order.count <= UINT64_MAX / 2);
    for (; !gf_order_at_end(&cursor); gf_order_next(&cursor)) {
        struct gf_order_pair pair = gf_order_pair(&cursor);
        struct gf_dict_entry entry;
        bool found = gf_dict_find(&tree->scores, pair.member, &entry);

        GF_ASSERT(found);
        GF_ASSERT(entry.score == pair.score);
    }
}

void gf_zset_check(const struct gf_object *object)
{
    struct gf_zset zset = gf_zset_of(object);
    struct gf_order_pair last = {0};
    struct gf_order_pair pair;
    struct gf_zset_walk walk;
    char text[GF_PACKED_TEXT_MAX];
    uint64_t rank = 0;

    if (zset.tree != NULL)
        tree_check(zset.tree);
    gf_zset_walk_init(&walk, &zset, 0, UINT64_MAX, false);
    for (; gf_zset_walk_next(&walk, &pair); rank++) {
        struct gf_order_bound bound = gf_order_bound_pair(pair.score, pair.member);

        GF_ASSERT(pair.score == pair.score);
        GF_ASSERT(rank == 0 || gf_order_bound_compare(last.score, last.member, &bound) < 0);
        last = pair;
        if (pair.member.data == walk.text) { /* overwritten by the next one */
            memcpy(text, walk.text, sizeof(text));
            last.member.data = text;
        }
    }
    GF_ASSERT(rank == zset.count);
    if (zset.tree == NULL)
        GF_ASSERT(walk.at == zset.block.data + zset.block.size);
}

const struct gf_type gf_zset_type = {
    .name = "zset",
    .id = GF_TYPE_ZSET,
    .encoding_name = zset_encoding_name,
    .free = zset_free,
    .free_slice = zset_free_slice,
    .copy = zset_copy,
    .memory = zset_memory,
    .length = zset_length,
    .prefetch = zset_prefetch,
    .digest = zset_digest,
    .save = zset_save,
    .load = zset_load,
};
