/* Pairs of a sorted set in order.
 *
 * There is no way back in the small form: against the order, the walk goes forward through the run
 * up to where it is and remembers the last few records, as often as it needs more of them.
 */
#include "core/assert.h"
#include "modules/zsets.h"

static const char *small_first(const struct gf_zset *zset)
{
    return zset->block.data + GF_ZSET_HEAD;
}

/* The records in front of the pair that was given last, as many as there is room for. */
static void walk_look_back(struct gf_zset_walk *walk)
{
    uint64_t last = walk->rank;
    uint64_t count = last + 1 < GF_ZSET_WALK_BACK ? last + 1 : GF_ZSET_WALK_BACK;
    const char *at = gf_packed_skip(small_first(walk->zset), (uint32_t)(last + 1 - count) * 2);

    for (uint32_t i = 0; i < count; i++) {
        walk->back[i] = at;
        at = gf_packed_skip(at, 2);
    }
    walk->back_count = (uint32_t)count;
}

void gf_zset_walk_init(struct gf_zset_walk *walk, const struct gf_zset *zset, uint64_t first,
                       uint64_t count, bool reverse)
{
    uint64_t there = first >= zset->count ? 0 : reverse ? first + 1 : zset->count - first;

    walk->zset = zset;
    walk->rank = first;
    walk->left = count < there ? count : there;
    walk->reverse = reverse;
    walk->back_count = 0;
    if (walk->left == 0)
        return;
    if (zset->tree != NULL)
        walk->cursor = gf_order_at(&zset->tree->order, first);
    else if (!reverse)
        walk->at = gf_packed_skip(small_first(zset), (uint32_t)first * 2);
}

static void small_next(struct gf_zset_walk *walk, struct gf_order_pair *ret_pair)
{
    const char *at = walk->at;

    if (walk->reverse) {
        if (walk->back_count == 0)
            walk_look_back(walk);
        at = walk->back[--walk->back_count];
    }
    at = gf_packed_read(at, &walk->member);
    ret_pair->member = gf_packed_text(&walk->member, walk->text);
    walk->at = gf_zset_read_score(at, &ret_pair->score);
}

bool gf_zset_walk_next(struct gf_zset_walk *walk, struct gf_order_pair *ret_pair)
{
    if (walk->left == 0)
        return false;
    if (walk->zset->tree == NULL) {
        small_next(walk, ret_pair);
    } else {
        *ret_pair = gf_order_pair(&walk->cursor);
        walk->member =
            (struct gf_packed_view){.data = ret_pair->member.data, .size = ret_pair->member.size};
        if (walk->left > 1 && walk->reverse)
            gf_order_previous(&walk->cursor);
        else if (walk->left > 1)
            gf_order_next(&walk->cursor);
    }
    walk->left--;
    walk->rank += walk->reverse ? UINT64_MAX : 1;
    return true;
}

void gf_zset_reply_pair(struct gf_reply *reply, const struct gf_order_pair *pair, bool with_score,
                        bool nested)
{
    if (with_score && nested)
        gf_reply_array(reply, 2);
    gf_reply_bulk(reply, pair->member);
    if (with_score)
        gf_reply_double(reply, pair->score);
}

/* Of a big one: nothing between the tree and the answer. */
static void tree_reply(struct gf_exec *x, const struct gf_zset *zset,
                       const struct gf_zset_answer *answer)
{
    struct gf_order_cursor cursor = gf_order_at(&zset->tree->order, answer->first);
    uint64_t left = answer->count;

    while (!gf_order_at_end(&cursor) && left-- > 0) {
        struct gf_order_pair pair = gf_order_pair(&cursor);

        gf_zset_reply_pair(x->reply, &pair, answer->with_scores, answer->nested);
        gf_exec_pause(x, 1 + (uint32_t)(pair.member.size / 512));
        if (answer->reverse)
            gf_order_previous(&cursor);
        else
            gf_order_next(&cursor);
    }
}

void gf_zset_reply(struct gf_exec *x, const struct gf_zset *zset,
                   const struct gf_zset_answer *answer)
{
    struct gf_zset_walk walk;
    struct gf_order_pair pair;

    if (zset->tree != NULL) {
        tree_reply(x, zset, answer);
        return;
    }
    gf_zset_walk_init(&walk, zset, answer->first, answer->count, answer->reverse);
    while (gf_zset_walk_next(&walk, &pair))
        gf_zset_reply_pair(x->reply, &pair, answer->with_scores, answer->nested);
}
