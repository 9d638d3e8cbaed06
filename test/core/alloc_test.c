/* core/alloc: every byte is booked where it is taken, and unbooked where it is returned. */
#include "core/alloc.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <string.h>

#include "support/random.h"

static struct gf_memory_account account;

static void setup(void)
{
    gf_memory_account_use(&account);
}

TestSuite(alloc, .init = setup, .timeout = 10);

static int64_t held(const struct gf_memory_account *of, enum gf_memory_kind kind)
{
    return atomic_load(&of->bytes[kind]);
}

/* maxmemory is compared with these figures: they must be what blocks really occupy. */
Test(alloc, a_block_is_booked_with_its_real_size)
{
    void *block = gf_alloc(GF_MEMORY_DATA, 1000);

    cr_expect(gf_alloc_size(block) >= 1000);
    cr_expect(eq(i64, held(&account, GF_MEMORY_DATA), (int64_t)gf_alloc_size(block)));
    cr_expect(eq(i64, held(&account, GF_MEMORY_BUFFERS), 0));
    gf_free(GF_MEMORY_DATA, block);
    cr_expect(eq(i64, held(&account, GF_MEMORY_DATA), 0));
}

/* Callers keep int128 and pointers with tags in these blocks. */
Test(alloc, blocks_are_aligned_whatever_their_size)
{
    for (size_t size = 0; size < 200; size++) {
        void *block = gf_alloc_zero(GF_MEMORY_OTHER, size);

        cr_assert(block != NULL);
        cr_assert(eq(u64, (uint64_t)(uintptr_t)block % 16, 0), "size %zu", size);
        for (size_t i = 0; i < size; i++)
            cr_assert(eq(chr, ((char *)block)[i], 0));
        gf_free(GF_MEMORY_OTHER, block);
    }
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        void *block = gf_alloc_aligned(GF_MEMORY_OTHER, 100, alignment);

        cr_assert(eq(u64, (uint64_t)(uintptr_t)block % alignment, 0));
        memset(block, 1, 100);
        gf_free(GF_MEMORY_OTHER, block);
    }
    cr_expect(eq(i64, held(&account, GF_MEMORY_OTHER), 0));
}

/* A client may ask for more than there is; the server answers with an error and goes on. */
Test(alloc, an_impossible_size_is_refused_and_nothing_is_booked)
{
    char *block = gf_alloc_try(GF_MEMORY_DATA, 100);

    cr_assert(block != NULL);
    int64_t before = held(&account, GF_MEMORY_DATA);
    memset(block, 'x', 100);
    cr_expect(gf_alloc_try(GF_MEMORY_DATA, (size_t)1 << 60) == NULL);
    cr_expect(gf_realloc_try(GF_MEMORY_DATA, block, (size_t)1 << 60) == NULL);
    cr_expect(eq(i64, held(&account, GF_MEMORY_DATA), before));
    cr_expect(eq(chr, block[99], 'x'));
    gf_free(GF_MEMORY_DATA, block);
}

/* Internal allocations have no way to go on. */
Test(alloc, an_impossible_internal_size_ends_the_process, .signal = SIGABRT)
{
    (void)gf_alloc(GF_MEMORY_OTHER, (size_t)1 << 60);
}

/* Strings grow by APPEND: content stays, and the account follows in both directions. */
Test(alloc, realloc_keeps_content_and_account)
{
    struct test_random random = {.state = 9};
    unsigned char *block = NULL;
    size_t size = 0;

    for (int round = 0; round < 300; round++) {
        size_t resized = test_random_below(&random, 50000);
        size_t kept = size < resized ? size : resized;

        block = gf_realloc_try(GF_MEMORY_LOG, block, resized);
        cr_assert(block != NULL);
        for (size_t i = 0; i < kept; i++)
            cr_assert(block[i] == (unsigned char)i);
        for (size_t i = kept; i < resized; i++)
            block[i] = (unsigned char)i;
        size = resized;
        cr_assert(eq(i64, held(&account, GF_MEMORY_LOG), (int64_t)gf_alloc_size(block)));
    }
    gf_free(GF_MEMORY_LOG, block);
    cr_expect(eq(i64, held(&account, GF_MEMORY_LOG), 0));
}

/* A partition is lent with its blocks: only the sum of the accounts means something. */
Test(alloc, a_block_freed_elsewhere_leaves_the_sum_right)
{
    struct gf_memory_account other = {0};
    void *block = gf_alloc(GF_MEMORY_DATA, 64);

    cr_expect(gf_memory_account_use(&other) == &account);
    gf_free(GF_MEMORY_DATA, block);
    cr_expect(held(&other, GF_MEMORY_DATA) < 0);
    cr_expect(eq(i64, held(&other, GF_MEMORY_DATA) + held(&account, GF_MEMORY_DATA), 0));
}

/* Threads that are no core allocate, too. */
Test(alloc, without_an_account_nothing_is_booked)
{
    gf_memory_account_use(NULL);
    gf_free(GF_MEMORY_DATA, gf_alloc(GF_MEMORY_DATA, 64));
    gf_memory_add(GF_MEMORY_DATA, 4711);
    cr_expect(gf_memory_account_use(&account) == NULL);
    cr_expect(eq(i64, held(&account, GF_MEMORY_DATA), 0));
    gf_memory_add(GF_MEMORY_DATA, 4711);
    cr_expect(eq(i64, held(&account, GF_MEMORY_DATA), 4711));
}

/* Half-built structures free what they have. */
Test(alloc, freeing_nothing_is_fine)
{
    gf_free(GF_MEMORY_DATA, NULL);
    cr_expect(eq(sz, gf_alloc_size(NULL), 0));
    cr_expect(eq(i64, held(&account, GF_MEMORY_DATA), 0));
}
