/* One command on its way: its words, its reply, its pool. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "shards/request.h"
#include "support/node_fixture.h"

static struct node node;
static struct node_client client;

static void setup(void)
{
    node_start(&node, 1, NULL);
    node_client_open(&client, &node, 0);
}

static void teardown(void)
{
    node_client_close(&client);
    node_end(&node);
}

TestSuite(request, .init = setup, .fini = teardown, .timeout = 60);

/* Writes `size` bytes into a request's reply in pieces and moves them behind `before`. */
static void move_reply(size_t size, size_t piece, size_t before, bool discard)
{
    struct gf_worker *worker = node_enter(&node, 0);
    struct gf_request *request = gf_request_acquire(worker, client.conn);
    struct gf_chain out = {0};
    size_t expected = before + (discard ? 0 : size);
    size_t at = 0;

    for (size_t i = 0; i < before; i++)
        gf_chain_append(&out, gf_bytes_of("b"));
    for (size_t done = 0; done < size; done += piece) {
        size_t count = size - done < piece ? size - done : piece;
        char *to = gf_chain_reserve(&request->reply, count);

        for (size_t i = 0; i < count; i++)
            to[i] = (char)('0' + (done + i) % 10);
        gf_chain_commit(&request->reply, count);
    }
    cr_assert_eq(gf_chain_size(&request->reply), size);
    request->discard = discard;
    gf_request_move_reply(request, &out);
    gf_chain_check(&out);
    cr_assert(gf_chain_empty(&request->reply));
    cr_assert_eq(request->reply.first, gf_request_reply_chunk(request), "ready for the next reply");
    cr_assert_eq(gf_chain_size(&out), expected);
    gf_chain_seal(&out);
    for (struct gf_chunk *chunk = out.first; chunk; chunk = chunk->next) {
        cr_assert_neq(chunk, gf_request_reply_chunk(request), "the request keeps its own chunk");
        for (uint32_t i = 0; i < chunk->used; i++, at++)
            cr_assert_eq(chunk->data[i], at < before ? 'b' : (char)('0' + (at - before) % 10));
    }
    cr_assert_eq(at, expected);
    gf_chain_clear(&out);
    gf_request_release(worker, request);
}

Test(request, moves_replies_of_every_size)
{
    static const size_t sizes[] = {
        0, 1, GF_REQUEST_REPLY - 1, GF_REQUEST_REPLY, GF_REQUEST_REPLY + 1, 20 * 1024, 100 * 1024};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int before = 0; before <= 10; before += 10) {
            move_reply(sizes[i], 7, (size_t)before, false);
            move_reply(sizes[i], 64, (size_t)before, false);
            move_reply(sizes[i], sizes[i] + 1, (size_t)before, false);
        }
        move_reply(sizes[i], 64, 5, true);
    }
}

#define WORDS_MAX (GF_REQUEST_INSIDE / sizeof(struct gf_bytes) + 3)

Test(request, copies_its_words)
{
    struct gf_worker *worker = node_enter(&node, 0);

    for (uint32_t count = 1; count <= WORDS_MAX; count++) {
        size_t taken = count * sizeof(struct gf_bytes);
        size_t room = taken < GF_REQUEST_INSIDE ? GF_REQUEST_INSIDE - taken : 0;
        size_t totals[] = {0, 1, room, room + 1, 5000};

        for (size_t t = 0; t < sizeof(totals) / sizeof(totals[0]); t++) {
            struct gf_request *request = gf_request_acquire(worker, client.conn);
            struct gf_bytes words[WORDS_MAX] = {0};
            char *bytes = malloc(totals[t] + 1);

            memset(bytes, 'w', totals[t]);
            words[count - 1] = (struct gf_bytes){.data = bytes, .size = totals[t]};
            gf_request_set_words(request, words, count);
            memset(bytes, 'X', totals[t]); /* the receive buffer is used again */
            cr_assert_eq(request->words_count, count);
            cr_assert_eq(request->words[count - 1].size, totals[t]);
            for (size_t i = 0; i < totals[t]; i++)
                cr_assert_eq(request->words[count - 1].data[i], 'w');
            cr_assert_eq(request->block != NULL, taken + totals[t] > GF_REQUEST_INSIDE);
            gf_request_release(worker, request);
            free(bytes);
        }
    }
}

Test(request, comes_from_its_pool_again)
{
    struct gf_worker *worker = node_enter(&node, 0);
    struct gf_request *first = gf_request_acquire(worker, client.conn);

    cr_assert_eq(worker->requests_live, 1);
    gf_request_release(worker, first);
    cr_assert_eq(worker->requests_live, 0);
    cr_assert_eq(gf_request_acquire(worker, client.conn), first);
    gf_request_release(worker, first);
}

/* The client hangs up while its request is on another core: nobody is answered, nothing is lost. */
Test(request_away, comes_home_to_nobody, .timeout = 60)
{
    struct node two;
    struct node_client gone;
    char far[16];

    node_start(&two, 2, NULL);
    node_key(&two, 1, 0, far);
    node_client_open(&gone, &two, 0);
    node_client_format(&gone, "SET %s 1\r\nGET %s\r\n", far, far);
    node_turn(&two, 0);
    cr_assert_eq(node_worker(&two, 0)->requests_live, 2);
    gf_conn_close(gone.conn, false);
    for (int i = 0; i < 5; i++)
        node_turn(&two, 0);
    cr_assert(gf_list_empty(&node_worker(&two, 0)->conns));
    cr_assert_eq(node_worker(&two, 0)->requests_live, 2, "the other core has them still");
    node_turn_all(&two, 3);
    cr_assert_eq(node_worker(&two, 0)->requests_live, 0);
    node_client_close(&gone);
    node_end(&two);
}
