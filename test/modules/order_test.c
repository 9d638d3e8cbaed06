/* The ordered index, next to a sorted array. */
#include "modules/order.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/packed.h"
#include "support/random.h"

#define PAIRS_MAX 3000
#define MEMBER_MAX 400

struct model_pair {
    double score;
    struct gf_packed_far *member; /* owned: what a long member of the tree points at */
};

struct model {
    struct gf_order order;
    struct model_pair pairs[PAIRS_MAX];
    uint32_t count;
    struct test_random random;
};

static struct gf_bytes member_of(const struct model_pair *pair)
{
    return (struct gf_bytes){.data = pair->member->data, .size = pair->member->size};
}

static uint32_t model_below(const struct model *m, const struct gf_order_bound *bound)
{
    uint32_t rank = 0;

    while (rank < m->count &&
           gf_order_bound_compare(m->pairs[rank].score, member_of(&m->pairs[rank]), bound) < 0)
        rank++;
    return rank;
}

static void model_add(struct model *m, double score, struct gf_bytes member)
{
    struct gf_packed_far *far = gf_alloc(GF_MEMORY_DATA, sizeof(*far) + member.size);
    struct gf_order_bound bound = gf_order_bound_pair(score, member);
    uint32_t rank = model_below(m, &bound);

    far->size = member.size;
    if (member.size > 0)
        memcpy(far->data, member.data, member.size);
    memmove(&m->pairs[rank + 1], &m->pairs[rank], (m->count - rank) * sizeof(m->pairs[0]));
    m->pairs[rank] = (struct model_pair){.score = score, .member = far};
    m->count++;
    gf_order_insert(&m->order, score, member, member.size > GF_ORDER_NEAR_MAX ? far : NULL);
}

static void model_forget(struct model *m, uint32_t rank)
{
    gf_free(GF_MEMORY_DATA, m->pairs[rank].member);
    m->count--;
    memmove(&m->pairs[rank], &m->pairs[rank + 1], (m->count - rank) * sizeof(m->pairs[0]));
}

static void model_deinit(struct model *m)
{
    while (m->count > 0)
        model_forget(m, m->count - 1);
    gf_order_deinit(&m->order);
}

static void model_compare(struct model *m)
{
    struct gf_order_cursor cursor = gf_order_at(&m->order, 0);
    uint32_t rank = 0;

    gf_order_check(&m->order);
    cr_assert_eq(m->order.count, m->count);
    for (; !gf_order_at_end(&cursor); gf_order_next(&cursor), rank++) {
        struct gf_order_pair pair = gf_order_pair(&cursor);

        cr_assert(pair.score == m->pairs[rank].score);
        cr_assert(gf_bytes_equal(pair.member, member_of(&m->pairs[rank])));
    }
    cr_assert_eq(rank, m->count);
}

/* A member of a few words, so that many have one beginning; now and then a long one. */
static struct gf_bytes random_member(struct model *m, char *text, uint32_t size_max)
{
    uint32_t size = (uint32_t)test_random_below(&m->random, 12);

    if (test_random_below(&m->random, 10) == 0)
        size = (uint32_t)test_random_below(&m->random, size_max + 1);
    for (uint32_t i = 0; i < size; i++)
        text[i] = (char)("ab\0\xff"[test_random_below(&m->random, 4)]);
    return (struct gf_bytes){.data = text, .size = size};
}

static double random_score(struct model *m, uint32_t scores)
{
    static const double odd[] = {-1.0 / 0.0, 1.0 / 0.0, -0.0, 0.0, 1e300, -1e-300};

    if (test_random_below(&m->random, 20) == 0)
        return odd[test_random_below(&m->random, 6)];
    return (double)test_random_below(&m->random, scores) / 4 - 10;
}

/* Is the pair there already, under any score? */
static bool model_has(const struct model *m, double score, struct gf_bytes member)
{
    struct gf_order_bound bound = gf_order_bound_pair(score, member);
    uint32_t rank = model_below(m, &bound);

    return rank < m->count && m->pairs[rank].score == score &&
           gf_bytes_equal(member_of(&m->pairs[rank]), member);
}

static void step_change(struct model *m, uint32_t scores, uint32_t grow)
{
    uint64_t roll = test_random_below(&m->random, 100);
    uint32_t rank = m->count ? (uint32_t)test_random_below(&m->random, m->count) : 0;
    double score = random_score(m, scores);
    char text[MEMBER_MAX];

    if (m->count == 0 || (roll < grow && m->count < PAIRS_MAX)) {
        struct gf_bytes member = random_member(m, text, MEMBER_MAX);

        if (!model_has(m, score, member))
            model_add(m, score, member);
        else
            cr_assert(gf_order_below(&m->order, &(struct gf_order_bound){.by_score = true}) <=
                      m->count);
    } else if (roll < 90) {
        cr_assert(gf_order_remove(&m->order, m->pairs[rank].score, member_of(&m->pairs[rank])));
        model_forget(m, rank);
    } else if (roll < 95) {
        gf_order_remove_at(&m->order, rank);
        model_forget(m, rank);
    } else if (!model_has(m, score, member_of(&m->pairs[rank]))) {
        struct model_pair pair = m->pairs[rank];
        struct gf_order_bound bound = gf_order_bound_pair(score, member_of(&pair));

        gf_order_rescore(&m->order, pair.score, member_of(&pair), score);
        memmove(&m->pairs[rank], &m->pairs[rank + 1], (m->count - rank - 1) * sizeof(m->pairs[0]));
        m->count--;
        rank = model_below(m, &bound);
        memmove(&m->pairs[rank + 1], &m->pairs[rank], (m->count - rank) * sizeof(m->pairs[0]));
        m->pairs[rank] = (struct model_pair){.score = score, .member = pair.member};
        m->count++;
    }
}

static void step_ask(struct model *m, uint32_t scores)
{
    double score = random_score(m, scores);
    char text[MEMBER_MAX];
    struct gf_bytes member = random_member(m, text, MEMBER_MAX);
    struct gf_order_bound bounds[] = {gf_order_bound_score(score, false),
                                      gf_order_bound_score(score, true),
                                      gf_order_bound_pair(score, member)};
    uint32_t rank = m->count ? (uint32_t)test_random_below(&m->random, m->count) : 0;
    struct gf_order_cursor cursor = gf_order_at(&m->order, rank);

    for (uint32_t i = 0; i < GF_COUNT(bounds); i++)
        cr_assert_eq(gf_order_below(&m->order, &bounds[i]), model_below(m, &bounds[i]));
    for (uint32_t steps = 0; steps < 40 && !gf_order_at_end(&cursor); steps++) {
        struct gf_order_pair pair = gf_order_pair(&cursor);

        cr_assert(gf_bytes_equal(pair.member, member_of(&m->pairs[rank - steps])));
        gf_order_previous(&cursor);
        cr_assert_eq(gf_order_at_end(&cursor), steps == rank);
    }
}

static void play(uint64_t seed, uint32_t scores, uint32_t steps)
{
    struct model *m = calloc(1, sizeof(*m));

    m->random.state = seed;
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t grow = i / 4000 % 2 == 0 ? 75 : 30;

        step_change(m, scores, grow);
        step_ask(m, scores);
        if (i % 50 == 0)
            model_compare(m);
    }
    model_compare(m);
    while (m->count > 0) {
        gf_order_remove_at(&m->order, m->count % 3 ? 0 : m->count - 1);
        model_forget(m, m->count % 3 ? 0 : m->count - 1);
    }
    gf_order_check(&m->order);
    model_deinit(m);
    free(m);
}

Test(order, is_a_sorted_array_with_many_scores)
{
    play(1, 100000, 16000);
}

/* Ties are decided by members, through every level of the tree. */
Test(order, is_a_sorted_array_with_few_scores)
{
    play(2, 3, 16000);
}

static void insert_number(struct gf_order *order, uint32_t number)
{
    char text[16];
    int size = snprintf(text, sizeof(text), "member:%06u", number);

    gf_order_insert(order, number, (struct gf_bytes){.data = text, .size = (size_t)size}, NULL);
}

/* Time stamps and countdowns are common scores. */
Test(order, leaves_are_full_when_scores_only_grow_or_only_shrink)
{
    for (int down = 0; down < 2; down++) {
        struct gf_order order = {0};

        for (uint32_t i = 0; i < 100000; i++)
            insert_number(&order, down ? 100000 - i : i);
        gf_order_check(&order);
        cr_assert_lt(order.size, 100000 * 28, "24 bytes of a pair take %zu", order.size / 100000);
        gf_order_deinit(&order);
    }
}

Test(order, costs_a_third_more_than_its_pairs_in_any_order)
{
    struct gf_order order = {0};

    for (uint32_t i = 0; i < 100000; i++)
        insert_number(&order, (uint32_t)((uint64_t)i * 61673 % 100003));
    gf_order_check(&order);
    cr_assert_lt(order.size, 100000 * 32, "24 bytes of a pair take %zu", order.size / 100000);
    gf_order_deinit(&order);
}

Test(order, is_freed_in_slices)
{
    struct gf_order order = {0};
    uint32_t slices = 0;

    for (uint32_t i = 0; i < 50000; i++)
        insert_number(&order, i);
    while (!gf_order_free_slice(&order, 1000))
        slices++;
    cr_assert_gt(slices, 40);
    cr_assert_eq(order.size, 0);
    insert_number(&order, 1);
    gf_order_check(&order);
    gf_order_deinit(&order);
}
