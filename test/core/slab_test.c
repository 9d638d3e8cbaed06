#include "core/slab.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/alloc.h"

#define BLOCKS 20000u

/* Blocks with a pattern each. */
struct world {
    struct gf_memory_account account;
    struct gf_memory_account other_account; /* of the other thread, where there is one */
    struct gf_pages *pages;
    struct gf_slab slab;
    unsigned char *blocks[BLOCKS]; /* NULL = none */
    size_t sizes[BLOCKS];
    uint64_t state;
};

static uint32_t world_random(struct world *w, uint32_t below)
{
    w->state = w->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->state >> 33) % below;
}

static struct world *world_open(void)
{
    struct world *w = aligned_alloc(64, sizeof(*w));

    memset(w, 0, sizeof(*w));
    (void)gf_memory_account_use(&w->account);
    w->pages = gf_pages_create();
    gf_slab_init(&w->slab, w->pages);
    w->state = 1;
    return w;
}

static void world_close(struct world *w)
{
    gf_slab_deinit(&w->slab);
    cr_assert_eq(gf_pages_used_size(w->pages), 0);
    gf_pages_destroy(w->pages);
    cr_assert_eq(w->account.bytes[GF_MEMORY_DATA], 0);
    cr_assert_eq(w->account.bytes[GF_MEMORY_OTHER], 0);
    (void)gf_memory_account_use(NULL);
    free(w);
}

static void block_take(struct world *w, uint32_t i, size_t size)
{
    w->blocks[i] = gf_slab_alloc(&w->slab, size);
    w->sizes[i] = size;
    cr_assert_not_null(w->blocks[i]);
    cr_assert_eq((uintptr_t)w->blocks[i] % 8, 0);
    cr_assert_geq(gf_slab_block_size(w->blocks[i]), gf_slab_size(size));
    cr_assert_geq(gf_slab_size(size), size);
    memset(w->blocks[i], (int)(i % 251), gf_slab_block_size(w->blocks[i]));
}

static void block_verify(const struct world *w, uint32_t i)
{
    size_t wrong = 0;

    /* One assertion for all bytes: an assertion of its own for each is most of a test's time. */
    for (size_t at = 0; at < w->sizes[i]; at++)
        wrong += w->blocks[i][at] != i % 251;
    cr_assert_eq(wrong, 0, "%zu bytes of block %u are not its own", wrong, i);
}

static void block_give(struct world *w, uint32_t i)
{
    block_verify(w, i);
    gf_slab_free(&w->slab, w->blocks[i]);
    w->blocks[i] = NULL;
}

static void world_give_all(struct world *w)
{
    for (uint32_t i = 0; i < BLOCKS; i++)
        if (w->blocks[i])
            block_give(w, i);
}

Test(slab, blocks_do_not_overlap)
{
    struct world *w = world_open();

    for (uint32_t step = 0; step < 200000; step++) {
        uint32_t i = world_random(w, BLOCKS);

        if (w->blocks[i])
            block_give(w, i);
        else
            block_take(w, i, 1 + world_random(w, step % 2 ? 100 : GF_SLAB_SMALL_SIZE_MAX));
        if (step % 20000 == 0) {
            gf_slab_check(&w->slab);
            gf_pages_check(w->pages);
        }
    }
    world_give_all(w);
    world_close(w);
}

Test(slab, every_size_has_room)
{
    struct world *w = world_open();
    double waste = 0;

    for (uint32_t size = 1; size <= GF_SLAB_SIZE_MAX; size++) {
        block_take(w, size, size);
        /* At most a fourteenth more than asked for beyond 256 bytes, and an eighth at the end. */
        cr_assert_lt(gf_slab_size(size),
                     size <= 256 ? size + 16 : size + size / (size <= 8192 ? 14 : 8) + 8);
        if (size > 16) /* no smaller one would do */
            cr_assert_lt(gf_slab_size(size) - gf_slab_size(size - 8), size / 7 + 9);
        waste += (double)(gf_slab_size(size) - size) / size / GF_SLAB_SIZE_MAX;
        if (size > 1)
            cr_assert_geq(gf_slab_size(size), gf_slab_size(size - 1));
    }
    cr_assert_lt(waste, 0.04);
    gf_slab_check(&w->slab);
    world_give_all(w);
    world_close(w);
}

Test(slab, booked_is_what_blocks_take)
{
    struct world *w = world_open();
    int64_t booked;
    int64_t pages;

    for (uint32_t i = 0; i < BLOCKS; i++)
        block_take(w, i, 56);
    booked = w->account.bytes[GF_MEMORY_DATA];
    pages = (int64_t)gf_slab_pages_size(&w->slab);
    cr_assert_eq(gf_slab_used_size(&w->slab), BLOCKS * 56);
    cr_assert_geq(booked, (int64_t)BLOCKS * 56);
    cr_assert_leq(booked, pages + pages / 100); /* and a note for each page */
    world_give_all(w);
    world_close(w);
}

static void block_move(void *context, void *block)
{
    struct world *w = context;
    uint32_t i = 0;

    while (w->blocks[i] != block)
        i++;
    cr_assert_lt(i, BLOCKS);
    w->blocks[i] = gf_slab_alloc(&w->slab, gf_slab_block_size(block));
    memcpy(w->blocks[i], block, w->sizes[i]);
    gf_slab_free(&w->slab, block);
}

Test(slab, evacuation_packs_what_is_left)
{
    struct world *w = world_open();
    size_t before;

    for (uint32_t i = 0; i < BLOCKS; i++)
        block_take(w, i, 100);
    before = gf_slab_pages_size(&w->slab);
    for (uint32_t i = 0; i < BLOCKS; i++)
        if (i % 4)
            block_give(w, i);
    while (gf_slab_evacuate(&w->slab, block_move, w))
        gf_slab_check(&w->slab);
    cr_assert_lt(gf_slab_pages_size(&w->slab), before / 3);
    gf_slab_share(&w->slab);
    cr_assert_not(gf_slab_evacuate(&w->slab, block_move, w));
    gf_slab_unshare(&w->slab);
    world_give_all(w);
    world_close(w);
}

static void blocks_churn(struct world *w)
{
    void *blocks[100] = {0};

    for (uint32_t round = 0; round < 20000; round++) {
        void **block = &blocks[round % 100];

        if (*block)
            gf_slab_free(&w->slab, *block);
        *block = gf_slab_alloc(&w->slab, 16 + round % 500);
    }
    for (uint32_t i = 0; i < 100; i++)
        gf_slab_free(&w->slab, blocks[i]);
}

static void *other_thread(void *argument)
{
    struct world *w = argument;

    (void)gf_memory_account_use(&w->other_account);
    blocks_churn(w);
    return NULL;
}

Test(slab, others_may_use_it_while_it_is_shared)
{
    struct world *w = world_open();
    pthread_t thread;

    gf_slab_share(&w->slab);
    cr_assert_eq(pthread_create(&thread, NULL, other_thread, w), 0);
    blocks_churn(w);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    gf_slab_unshare(&w->slab);
    gf_slab_check(&w->slab);
    /* The accounts of both make sense only together. */
    w->account.bytes[GF_MEMORY_DATA] += w->other_account.bytes[GF_MEMORY_DATA];
    world_close(w);
}

Test(pages, chunks_come_and_go)
{
    struct gf_pages *pages = gf_pages_create();
    static void *taken[2000];

    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 2000; i++) {
            taken[i] = gf_pages_take(pages);
            cr_assert_not_null(taken[i]);
            cr_assert_eq((uintptr_t)taken[i] % GF_PAGE_SIZE, 0);
            cr_assert_eq(gf_page_of_note(gf_page_note(taken[i])), taken[i]);
            memset(taken[i], (int)i, GF_PAGE_SIZE);
        }
        gf_pages_check(pages);
        cr_assert_eq(gf_pages_used_size(pages), 2000 * GF_PAGE_SIZE);
        /* Every second page stays: no chunk can go, but its free pages can. */
        for (uint32_t i = 0; i < 2000; i += 2)
            gf_pages_give(pages, taken[i]);
        for (uint32_t i = 0; i < 100; i++)
            gf_pages_trim(pages);
        gf_pages_check(pages);
        cr_assert_lt(gf_pages_held_size(pages), 1400 * GF_PAGE_SIZE);
        for (uint32_t i = 1; i < 2000; i += 2) {
            cr_assert_eq(((unsigned char *)taken[i])[GF_PAGE_SIZE - 1], i % 256);
            gf_pages_give(pages, taken[i]);
        }
        gf_pages_check(pages);
        cr_assert_leq(gf_pages_held_size(pages), GF_PAGES_CHUNK_SIZE);
    }
    gf_pages_destroy(pages);
}

Test(slab, large_blocks_do_not_overlap)
{
    struct world *w = world_open();

    for (uint32_t step = 0; step < 40000; step++) {
        uint32_t i = world_random(w, BLOCKS / 20);

        if (w->blocks[i])
            block_give(w, i);
        else
            block_take(w, i, 1 + world_random(w, GF_SLAB_SIZE_MAX));
        if (step % 4000 == 0) {
            gf_slab_check(&w->slab);
            gf_pages_check(w->pages);
        }
    }
    world_give_all(w);
    world_close(w);
}

Test(slab, evacuation_packs_large_blocks)
{
    struct world *w = world_open();
    size_t before;

    for (uint32_t i = 0; i < BLOCKS / 10; i++)
        block_take(w, i, i % 2 ? 1500 : 12000);
    before = gf_slab_pages_size(&w->slab);
    for (uint32_t i = 0; i < BLOCKS / 10; i++)
        if (i / 2 % 4)
            block_give(w, i);
    while (gf_slab_evacuate(&w->slab, block_move, w))
        gf_slab_check(&w->slab);
    cr_assert_lt(gf_slab_pages_size(&w->slab), before / 3);
    cr_assert_lt(gf_pages_used_size(w->pages), before / 3);
    for (uint32_t i = 0; i < 100; i++)
        (void)gf_pages_trim(w->pages);
    cr_assert_lt(gf_pages_held_size(w->pages), before / 2);
    world_give_all(w);
    world_close(w);
}

static void runs_come_and_go(uint32_t length)
{
    struct gf_pages *pages = gf_pages_create();
    static unsigned char *runs[200];
    void *page = gf_pages_take(pages);
    const uint32_t size = length * GF_PAGE_SIZE;

    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 200; i++) {
            runs[i] = gf_pages_take_run(pages, length);
            cr_assert_not_null(runs[i]);
            cr_assert_eq((uintptr_t)runs[i] % GF_PAGE_SIZE, 0);
            memset(runs[i], (int)i, size);
        }
        gf_pages_check(pages);
        cr_assert_eq(gf_pages_used_size(pages), 200 * size + GF_PAGE_SIZE);
        for (uint32_t i = 0; i < 200; i += 2)
            gf_pages_give_run(pages, runs[i], length);
        for (uint32_t i = 0; i < 100; i++)
            (void)gf_pages_trim(pages);
        gf_pages_check(pages);
        cr_assert_lt(gf_pages_held_size(pages), 120 * size);
        for (uint32_t i = 1; i < 200; i += 2) {
            cr_assert_eq(runs[i][size - 1], i);
            gf_pages_give_run(pages, runs[i], length);
        }
        gf_pages_check(pages);
    }
    gf_pages_give(pages, page);
    gf_pages_destroy(pages);
}

Test(pages, runs_come_and_go)
{
    runs_come_and_go(GF_RUN_SHORT_PAGES);
    runs_come_and_go(GF_RUN_PAGES);
    runs_come_and_go(GF_RUN_LONG_PAGES);
}

#define FULL_CHUNKS 300u /* more than one call of gf_pages_trim looks at */
#define CHUNK_RUNS 28u   /* runs in a chunk */
#define CHUNK_GIVEN 4u   /* of those, given back */

/* Whoever needs room trims until nothing is left to trim, and evicts keys then: free memory must be
 * found behind any number of chunks that have none any more, and the end must come. */
Test(pages, trimming_comes_to_an_end_behind_many_bare_chunks)
{
    struct gf_pages *pages = gf_pages_create();
    static void *runs[FULL_CHUNKS * CHUNK_RUNS];
    uint32_t calls = 0;

    for (uint32_t i = 0; i < FULL_CHUNKS * CHUNK_RUNS; i++) {
        runs[i] = gf_pages_take_run(pages, GF_RUN_PAGES);
        cr_assert_not_null(runs[i]);
        /* Its content is this test's, who wants no memory for 600 MB of it. */
        cr_assert_eq(madvise(runs[i], GF_RUN_SIZE, MADV_DONTNEED), 0);
    }
    for (uint32_t i = 0; i < FULL_CHUNKS * CHUNK_RUNS; i++)
        if (i % CHUNK_RUNS < CHUNK_GIVEN)
            gf_pages_give_run(pages, runs[i], GF_RUN_PAGES);
    while (calls < FULL_CHUNKS * CHUNK_GIVEN && gf_pages_trim(pages))
        calls++;
    cr_assert_lt(calls, FULL_CHUNKS * CHUNK_GIVEN);
    gf_pages_check(pages);
    cr_assert_lt(gf_pages_held_size(pages) - gf_pages_used_size(pages),
                 gf_pages_used_size(pages) / 32);
    for (uint32_t i = 0; i < FULL_CHUNKS * CHUNK_RUNS; i++)
        if (i % CHUNK_RUNS >= CHUNK_GIVEN)
            gf_pages_give_run(pages, runs[i], GF_RUN_PAGES);
    gf_pages_check(pages);
    gf_pages_destroy(pages);
}
