/* core/buf: what goes in comes out, whatever the sizes and wherever the chunks end. */
#include "core/buf.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>

#include "core/alloc.h"
#include "core/error.h"
#include "support/random.h"

#define CAPACITY (GF_CHUNK_SIZE - sizeof(struct gf_chunk))

static struct gf_memory_account account;
static char stuff[100000]; /* bytes that tell where they came from */

static void setup(void)
{
    gf_memory_account_use(&account);
    for (size_t i = 0; i < sizeof(stuff); i++)
        stuff[i] = (char)(i * 31 + i / 251);
}

/* Whatever a test did, nothing may be left. */
static void teardown(void)
{
    cr_expect(eq(i64, atomic_load(&account.bytes[GF_MEMORY_BUFFERS]), 0));
}

TestSuite(buf, .init = setup, .fini = teardown, .timeout = 20);
TestSuite(chain, .init = setup, .fini = teardown, .timeout = 20);

static struct gf_bytes piece(size_t from, size_t size)
{
    return (struct gf_bytes){.data = stuff + from, .size = size};
}

/* A request arrives in pieces and is consumed as a whole. */
Test(buf, pieces_come_out_in_order)
{
    struct gf_buf buf = {0};

    for (size_t i = 0; i < 5000; i += 100)
        cr_assert(eq(int, gf_buf_append(&buf, piece(i, 100)), GF_OK));
    cr_assert(eq(sz, buf.size, 5000));
    gf_buf_consume(&buf, 0);
    gf_buf_consume(&buf, 1234);
    cr_assert(eq(sz, buf.size, 5000 - 1234));
    cr_expect(memcmp(buf.data, stuff + 1234, buf.size) == 0);
    gf_buf_consume(&buf, buf.size);
    cr_expect(eq(sz, buf.size, 0));
    gf_buf_deinit(&buf);
    cr_expect(buf.data == NULL);
    cr_expect(eq(int, gf_buf_append(&buf, piece(0, 1)), GF_OK));
    gf_buf_deinit(&buf);
}

/* "$536870912" announces half a gigabyte: the room for it is asked for at once, or refused. */
Test(buf, an_impossible_reservation_is_refused)
{
    struct gf_buf buf = {0};

    cr_assert(eq(int, gf_buf_append(&buf, piece(0, 10)), GF_OK));
    cr_expect(eq(int, gf_buf_reserve(&buf, (size_t)1 << 60), GF_ENOMEM));
    cr_expect(eq(int, gf_buf_reserve(&buf, SIZE_MAX), GF_ENOMEM));
    cr_expect(eq(sz, buf.size, 10));
    cr_expect(memcmp(buf.data, stuff, 10) == 0);
    gf_buf_deinit(&buf);
}

/* More is consumed than there is only by our own mistake. */
Test(buf, consuming_too_much_is_caught, .signal = SIGABRT, .fini = NULL)
{
    struct gf_buf buf = {0};

    gf_buf_consume(&buf, 1);
}

/* The chain holds exactly `expected`, and its own figures agree. */
static void expect_content(struct gf_chain *chain, const char *expected, size_t size)
{
    size_t seen = 0;

    gf_chain_check(chain);
    cr_assert(eq(sz, gf_chain_size(chain), size));
    gf_chain_seal(chain);
    for (struct gf_chunk *chunk = chain->first; chunk; chunk = chunk->next) {
        cr_assert(chunk->used > 0 || chunk == chain->last);
        cr_assert(seen + chunk->used <= size);
        cr_assert(memcmp(chunk->data, expected + seen, chunk->used) == 0);
        seen += chunk->used;
    }
    cr_assert(eq(sz, seen, size));
}

/* What lies inside thousands of requests is followed by little: a value that just does not fit must
 * not cost a whole chunk. */
Test(chain, behind_a_chunk_inside_something_comes_a_small_one)
{
    union {
        struct gf_chunk chunk;
        char bytes[sizeof(struct gf_chunk) + 100];
    } inside;
    struct gf_chain chain;

    gf_chain_init_inside(&chain, &inside.chunk, 100);
    gf_chain_append(&chain, piece(0, 150));
    cr_expect(lt(u32, chain.last->capacity, 1024));
    gf_chain_append(&chain, piece(150, 3000));
    cr_expect(eq(sz, chain.last->capacity, CAPACITY));
    expect_content(&chain, stuff, 3150);
    gf_chain_clear(&chain);
}

/* Nothing is allocated for a connection that has nothing to send. */
Test(chain, an_empty_chain_holds_nothing)
{
    struct gf_chain chain = {0};

    cr_expect(gf_chain_empty(&chain));
    gf_chain_append(&chain, (struct gf_bytes){0});
    gf_chain_seal(&chain);
    gf_chain_clear(&chain);
    gf_chain_check(&chain);
    cr_expect(chain.first == NULL);
    gf_chain_append(&chain, piece(0, 7));
    cr_expect(not(gf_chain_empty(&chain)));
    gf_chain_consume(&chain, 7);
    cr_expect(chain.first == NULL);
    cr_expect(eq(i64, atomic_load(&account.bytes[GF_MEMORY_BUFFERS]), 0));
}

/* A reply that ends exactly with its chunk, one byte before it, and one after. */
Test(chain, chunk_borders_lose_nothing)
{
    for (size_t size = CAPACITY - 1; size <= CAPACITY + 1; size++) {
        struct gf_chain chain = {0};

        gf_chain_append(&chain, piece(0, size));
        expect_content(&chain, stuff, size);
        gf_chain_append(&chain, piece(size, 10));
        expect_content(&chain, stuff, size + 10);
        gf_chain_clear(&chain);
    }
}

/* Reply headers are written in place; they need contiguous room at the end of a full chunk, too. */
Test(chain, a_reservation_is_contiguous_and_leaves_no_empty_chunk)
{
    struct gf_chain chain = {0};

    gf_chain_append(&chain, piece(0, CAPACITY - 3));
    for (int round = 0; round < 2; round++) {
        char *place = gf_chain_reserve(&chain, 10);

        cr_assert(chain.end - place >= 10);
    }
    /* Nothing was written to the chunk just made; a larger one takes its place. */
    char *place = gf_chain_reserve(&chain, 50000);
    memcpy(place, stuff + CAPACITY - 3, 50000);
    gf_chain_commit(&chain, 50000);
    expect_content(&chain, stuff, CAPACITY - 3 + 50000);
    gf_chain_clear(&chain);

    (void)gf_chain_reserve(&chain, 10);
    (void)gf_chain_reserve(&chain, 50000);
    expect_content(&chain, stuff, 0);
    gf_chain_clear(&chain);
}

/* Answers built on the owner core join those of the home core: small, large, at every border. */
Test(chain, splice_joins_any_two_contents)
{
    static const size_t sizes[] = {
        0, 1, 100, 4095, 4096, 4097, CAPACITY - 1, CAPACITY, CAPACITY + 1, 40000};

    for (size_t i = 0; i < GF_COUNT(sizes); i++) {
        for (size_t j = 0; j < GF_COUNT(sizes); j++) {
            struct gf_chain chain = {0};
            struct gf_chain from = {0};

            gf_chain_append(&chain, piece(0, sizes[i]));
            gf_chain_append(&from, piece(sizes[i], sizes[j]));
            gf_chain_splice(&chain, &from);
            expect_content(&chain, stuff, sizes[i] + sizes[j]);
            cr_expect(from.first == NULL);
            gf_chain_append(&chain, piece(sizes[i] + sizes[j], 10));
            expect_content(&chain, stuff, sizes[i] + sizes[j] + 10);
            gf_chain_clear(&chain);
        }
    }
}

/* A chain that was reserved but not written joins without a hole. */
Test(chain, splice_onto_and_from_reserved_chains)
{
    struct gf_chain chain = {0};
    struct gf_chain from = {0};

    (void)gf_chain_reserve(&chain, 10);
    (void)gf_chain_reserve(&from, 10);
    gf_chain_splice(&chain, &from);
    expect_content(&chain, stuff, 0);
    gf_chain_append(&from, piece(0, 30000));
    gf_chain_splice(&chain, &from);
    expect_content(&chain, stuff, 30000);
    gf_chain_clear(&chain);
}

/* A send that the kernel cut anywhere goes on with the right byte. */
Test(chain, consume_stops_anywhere)
{
    static const size_t steps[] = {1, CAPACITY - 2, 1, 1, CAPACITY + 5, 1000};

    for (size_t start = 0; start < GF_COUNT(steps); start++) {
        struct gf_chain chain = {0};
        size_t gone = 0;

        gf_chain_append(&chain, piece(0, 5));
        gf_chain_append(&chain, piece(5, 60000 - 5));
        for (size_t i = start; gone < 60000; i++) {
            size_t step = steps[i % GF_COUNT(steps)];

            if (step > 60000 - gone)
                step = 60000 - gone;
            gf_chain_consume(&chain, step);
            gone += step;
            expect_content(&chain, stuff + gone, 60000 - gone);
        }
        cr_expect(chain.first == NULL);
    }
}

/* Any sequence of operations leaves the same bytes as it does in a plain array. */
Test(chain, random_operations_agree_with_an_array)
{
    struct test_random random = {.state = 21};

    for (int round = 0; round < 200; round++) {
        struct gf_chain chain = {0};
        size_t begin = 0;
        size_t end = 0;

        while (end < sizeof(stuff) - 20000) {
            size_t size = test_random_below(&random, 1u << test_random_below(&random, 15));
            struct gf_chain from = {0};

            switch (test_random_below(&random, 4)) {
            case 0:
                gf_chain_append(&chain, piece(end, size));
                end += size;
                break;
            case 1:
                memcpy(gf_chain_reserve(&chain, size + 20), stuff + end, size);
                gf_chain_commit(&chain, size);
                end += size;
                break;
            case 2:
                gf_chain_append(&from, piece(end, size));
                gf_chain_splice(&chain, &from);
                end += size;
                break;
            default:
                size = end - begin < size ? end - begin : size;
                if (size)
                    gf_chain_consume(&chain, size);
                begin += size;
            }
            gf_chain_check(&chain);
        }
        expect_content(&chain, stuff + begin, end - begin);
        gf_chain_clear(&chain);
    }
}
