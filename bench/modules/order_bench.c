/* Time and memory of the ordered index, next to a plain skip list of the textbook (W. Pugh, 1990)
 * that counts and points back, as sorted sets are commonly made of: pairs of a random score and a
 * member of 16 bytes, inserted, ranked, found by rank and removed in random order; walked in order.
 *
 * Times are CPU time of the thread. Bytes are what the allocator holds for the pairs.
 *
 * Usage: order_bench [--short]
 */
#include "modules/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "core/random.h"

#define LEVELS_MAX 32u
#define MEMBER_SIZE 16u

struct pair {
    double score;
    char member[MEMBER_SIZE];
};

struct skip_node;

struct skip_level {
    struct skip_node *next;
    uint64_t span;
};

struct skip_node {
    char *member;
    double score;
    struct skip_node *previous;
    struct skip_level levels[];
};

struct skip_list {
    struct skip_node *head;
    uint64_t count;
    uint32_t levels;
    uint64_t seed;
    size_t size;
};

static uint64_t clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct skip_node *node_create(struct skip_list *list, uint32_t levels)
{
    struct skip_node *node =
        gf_alloc(GF_MEMORY_DATA, sizeof(*node) + levels * sizeof(node->levels[0]));

    list->size += gf_alloc_size(node);
    return node;
}

static void skip_open(struct skip_list *list)
{
    *list = (struct skip_list){.seed = 1, .levels = 1};
    list->head = node_create(list, LEVELS_MAX);
    memset(list->head->levels, 0, LEVELS_MAX * sizeof(list->head->levels[0]));
}

static bool node_below(const struct skip_node *node, const struct pair *pair)
{
    if (node->score != pair->score)
        return node->score < pair->score;
    return memcmp(node->member, pair->member, MEMBER_SIZE) < 0;
}

static void skip_path(const struct skip_list *list, const struct pair *pair,
                      struct skip_node **ret_path, uint64_t *ret_ranks)
{
    struct skip_node *node = list->head;
    uint64_t rank = 0;

    for (uint32_t level = list->levels; level-- > 0;) {
        while (node->levels[level].next != NULL && node_below(node->levels[level].next, pair)) {
            rank += node->levels[level].span;
            node = node->levels[level].next;
        }
        ret_path[level] = node;
        ret_ranks[level] = rank;
    }
}

static void skip_insert(struct skip_list *list, const struct pair *pair)
{
    struct skip_node *path[LEVELS_MAX];
    uint64_t ranks[LEVELS_MAX];
    uint32_t levels = 1;
    struct skip_node *node;

    while (levels < LEVELS_MAX && gf_random_next(&list->seed) % 4 == 0)
        levels++;
    skip_path(list, pair, path, ranks);
    for (; list->levels < levels; list->levels++) {
        path[list->levels] = list->head;
        ranks[list->levels] = 0;
        list->head->levels[list->levels].span = list->count;
    }
    node = node_create(list, levels);
    node->score = pair->score;
    node->member =
        gf_alloc(GF_MEMORY_DATA, MEMBER_SIZE + 2); /* a size and a zero, as strings have */
    list->size += gf_alloc_size(node->member);
    memcpy(node->member, pair->member, MEMBER_SIZE);
    for (uint32_t level = 0; level < levels; level++) {
        struct skip_level *before = &path[level]->levels[level];

        node->levels[level].next = before->next;
        node->levels[level].span = before->span - (ranks[0] - ranks[level]);
        before->next = node;
        before->span = ranks[0] - ranks[level] + 1;
    }
    for (uint32_t level = levels; level < list->levels; level++)
        path[level]->levels[level].span++;
    node->previous = path[0] == list->head ? NULL : path[0];
    if (node->levels[0].next != NULL)
        node->levels[0].next->previous = node;
    list->count++;
}

static uint64_t skip_rank(const struct skip_list *list, const struct pair *pair)
{
    struct skip_node *path[LEVELS_MAX];
    uint64_t ranks[LEVELS_MAX];

    skip_path(list, pair, path, ranks);
    return ranks[0];
}

static const struct skip_node *skip_at(const struct skip_list *list, uint64_t rank)
{
    const struct skip_node *node = list->head;
    uint64_t at = 0;

    for (uint32_t level = list->levels; level-- > 0;) {
        while (node->levels[level].next != NULL && at + node->levels[level].span <= rank + 1) {
            at += node->levels[level].span;
            node = node->levels[level].next;
        }
    }
    return node;
}

static void skip_remove(struct skip_list *list, const struct pair *pair)
{
    struct skip_node *path[LEVELS_MAX];
    uint64_t ranks[LEVELS_MAX];
    struct skip_node *node;

    skip_path(list, pair, path, ranks);
    node = path[0]->levels[0].next;
    for (uint32_t level = 0; level < list->levels; level++) {
        struct skip_level *before = &path[level]->levels[level];

        if (before->next == node) {
            before->span += node->levels[level].span - 1;
            before->next = node->levels[level].next;
        } else {
            before->span--;
        }
    }
    if (node->levels[0].next != NULL)
        node->levels[0].next->previous = node->previous;
    gf_free(GF_MEMORY_DATA, node->member);
    gf_free(GF_MEMORY_DATA, node);
    list->count--;
}

/* Both, filled with the same pairs. */
struct bench {
    struct pair *pairs; /* owned; in random order */
    uint32_t count;
    struct gf_order order;
    struct skip_list list;
    uint64_t sum; /* of what was found: keeps the work from being optimised away */
};

static struct gf_bytes pair_member(const struct pair *pair)
{
    return (struct gf_bytes){.data = pair->member, .size = MEMBER_SIZE};
}

static void tree_insert(struct bench *b, const struct pair *pair, uint32_t index)
{
    (void)index;
    gf_order_insert(&b->order, pair->score, pair_member(pair), NULL);
}

static void list_insert(struct bench *b, const struct pair *pair, uint32_t index)
{
    (void)index;
    skip_insert(&b->list, pair);
}

static void tree_rank(struct bench *b, const struct pair *pair, uint32_t index)
{
    struct gf_order_bound bound = gf_order_bound_pair(pair->score, pair_member(pair));

    (void)index;
    b->sum += gf_order_below(&b->order, &bound);
}

static void list_rank(struct bench *b, const struct pair *pair, uint32_t index)
{
    (void)index;
    b->sum -= skip_rank(&b->list, pair);
}

static uint64_t rank_of(const struct bench *b, uint32_t index)
{
    return (uint64_t)index * 2654435761u % b->count;
}

static void tree_at(struct bench *b, const struct pair *pair, uint32_t index)
{
    struct gf_order_cursor cursor = gf_order_at(&b->order, rank_of(b, index));

    (void)pair;
    b->sum += (uint8_t)gf_order_pair(&cursor).member.data[MEMBER_SIZE - 1];
}

static void list_at(struct bench *b, const struct pair *pair, uint32_t index)
{
    (void)pair;
    b->sum -= (uint8_t)skip_at(&b->list, rank_of(b, index))->member[MEMBER_SIZE - 1];
}

static void tree_remove(struct bench *b, const struct pair *pair, uint32_t index)
{
    (void)index;
    if (!gf_order_remove(&b->order, pair->score, pair_member(pair)))
        abort();
}

static void list_remove(struct bench *b, const struct pair *pair, uint32_t index)
{
    (void)index;
    skip_remove(&b->list, pair);
}

typedef void bench_op(struct bench *b, const struct pair *pair, uint32_t index);

/* ns per pair */
static double bench_run(struct bench *b, bench_op *op)
{
    uint64_t start = clock_ns();

    for (uint32_t i = 0; i < b->count; i++)
        op(b, &b->pairs[i], i);
    return (double)(clock_ns() - start) / b->count;
}

static void bench_print(struct bench *b, const char *what, bench_op *tree, bench_op *list)
{
    double tree_ns = bench_run(b, tree);
    double list_ns = bench_run(b, list);

    printf("  %-14s %7.0f ns  %7.0f ns\n", what, tree_ns, list_ns);
}

static void bench_walk(struct bench *b)
{
    uint64_t start = clock_ns();
    uint64_t middle;

    for (struct gf_order_cursor cursor = gf_order_at(&b->order, 0); !gf_order_at_end(&cursor);
         gf_order_next(&cursor))
        b->sum += (uint8_t)gf_order_pair(&cursor).member.data[0];
    middle = clock_ns();
    for (const struct skip_node *node = b->list.head->levels[0].next; node != NULL;
         node = node->levels[0].next)
        b->sum -= (uint8_t)node->member[0];
    printf("  %-14s %7.1f ns  %7.1f ns\n", "walk", (double)(middle - start) / b->count,
           (double)(clock_ns() - middle) / b->count);
}

static void bench_pairs(uint32_t count)
{
    struct bench b = {.count = count, .pairs = malloc(count * sizeof(struct pair))};
    uint64_t seed = count;
    char text[32];

    for (uint32_t i = 0; i < count; i++) {
        b.pairs[i].score = (double)(gf_random_next(&seed) % (count * UINT64_C(4)));
        snprintf(text, sizeof(text), "member:%09u", i);
        memcpy(b.pairs[i].member, text, MEMBER_SIZE);
    }
    skip_open(&b.list);
    printf("%u pairs         tree   skip list\n", count);
    bench_print(&b, "insert", tree_insert, list_insert);
    printf("  %-14s %7.1f     %7.1f\n", "bytes per pair", (double)b.order.size / count,
           (double)b.list.size / count);
    bench_print(&b, "rank", tree_rank, list_rank);
    bench_print(&b, "by rank", tree_at, list_at);
    bench_walk(&b);
    bench_print(&b, "remove", tree_remove, list_remove);
    if (b.sum != 0 || b.order.count != 0)
        abort();
    gf_order_deinit(&b.order);
    gf_free(GF_MEMORY_DATA, b.list.head);
    free(b.pairs);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--short") == 0) {
        bench_pairs(2000);
        return 0;
    }
    bench_pairs(1000);
    bench_pairs(100000);
    bench_pairs(3000000);
    return 0;
}
