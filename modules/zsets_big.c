/* The big form of a sorted set: a table from members to scores, and their order. */
#include "modules/zsets.h"

#include "core/alloc.h"
#include "core/assert.h"

_Static_assert(GF_ORDER_NEAR_MAX == GF_DICT_NEAR_MAX,
               "what the table keeps apart, the order borrows");

struct gf_zset_tree *gf_zset_tree_create(uint64_t hash_seed)
{
    struct gf_zset_tree *tree = gf_alloc_zero(GF_MEMORY_DATA, sizeof(*tree));

    gf_dict_init(&tree->scores, GF_DICT_SCORES, hash_seed);
    return tree;
}

void gf_zset_tree_destroy(struct gf_zset_tree *tree)
{
    if (tree == NULL)
        return;
    gf_order_deinit(&tree->order);
    gf_dict_deinit(&tree->scores);
    gf_free(GF_MEMORY_DATA, tree);
}

bool gf_zset_tree_add(struct gf_zset_tree *tree, struct gf_bytes member, double score)
{
    struct gf_dict_draft draft = {.score = score};
    struct gf_dict_entry entry;
    enum gf_dict_put_result result = gf_dict_put(&tree->scores, member, &draft, &entry);

    if (result == GF_DICT_NO_MEMORY)
        return false;
    GF_ASSERT(result == GF_DICT_ADDED);
    gf_order_insert(&tree->order, score, member, entry.key.far);
    return true;
}

void gf_zset_tree_rescore(struct gf_zset_tree *tree, struct gf_bytes member, double score,
                          double new_score)
{
    struct gf_dict_draft draft = {.score = new_score};
    enum gf_dict_put_result result = gf_dict_put(&tree->scores, member, &draft, NULL);

    GF_ASSERT(result == GF_DICT_CHANGED); /* a score for a score needs no memory */
    gf_order_rescore(&tree->order, score, member, new_score);
}

void gf_zset_tree_remove(struct gf_zset_tree *tree, struct gf_bytes member, double score)
{
    bool removed = gf_order_remove(&tree->order, score, member);

    GF_ASSERT(removed);
    removed = gf_dict_remove(&tree->scores, member);
    GF_ASSERT(removed);
}

/* Who takes the lowest or the highest takes the next one soon: what the table needs for that is
 * fetched now, in two steps: now where the bucket of the pair behind the next is, and the bucket
 * about which that was asked the last time. */
static void prefetch_next(struct gf_zset_tree *tree, uint64_t first)
{
    bool at_end = first >= tree->order.count;
    struct gf_order_cursor cursor;

    if (tree->order.count < 2)
        return;
    gf_dict_prefetch_bucket(&tree->scores, tree->ahead);
    cursor = gf_order_at(&tree->order, at_end ? tree->order.count - 1 : first);
    if (at_end)
        gf_order_previous(&cursor);
    else
        gf_order_next(&cursor);
    if (!gf_order_at_end(&cursor))
        tree->ahead = gf_dict_prefetch_place(&tree->scores, gf_order_pair(&cursor).member);
}

void gf_zset_tree_remove_range(struct gf_zset_tree *tree, uint64_t first, uint64_t count,
                               struct gf_pace *pace)
{
    GF_ASSERT(first + count <= tree->order.count);
    while (count-- > 0) {
        struct gf_order_cursor cursor = gf_order_at(&tree->order, first);
        struct gf_bytes member = gf_order_pair(&cursor).member;
        char near[GF_ORDER_NEAR_MAX];

        if (member.size <= sizeof(near)) {
            if (member.size > 0)
                memcpy(near, member.data, member.size);
            member.data = near;
        }
        gf_order_remove_at(&tree->order, first);
        if (!gf_dict_remove(&tree->scores, member))
            GF_ASSERT(false);
        prefetch_next(tree, first);
        if (count > 0)
            gf_pace_step(pace, 2); /* not at the end: it may be empty */
    }
}

void gf_zset_tree_sort(struct gf_zset_tree *tree, struct gf_pace *pace)
{
    struct gf_dict_entry entry;
    struct gf_dict_walk walk;
    char text[GF_PACKED_TEXT_MAX];

    GF_ASSERT(tree->order.count == 0);
    gf_dict_walk_init(&walk, &tree->scores);
    while (gf_dict_walk_next(&walk, &entry)) {
        gf_order_insert(&tree->order, entry.score, gf_packed_text(&entry.key, text), entry.key.far);
        gf_pace_step(pace, 1);
    }
}
