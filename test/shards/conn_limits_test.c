/* Clients that take too much: output, time. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "shards/background.h"
#include "shards/pause.h"
#include "support/pair_fixture.h"

#define SECOND_NS UINT64_C(1000000000)
#define VALUE_SIZE 50000

TestSuite(conn_limits, .init = pair_start, .fini = pair_end, .timeout = 60);

/* Gives `near` a value of VALUE_SIZE bytes. */
static void set_value(struct node_client *client)
{
    char *text = malloc(VALUE_SIZE + 64);
    int size =
        sprintf(text, "*3\r\n$3\r\nSET\r\n$%zu\r\n%s\r\n$%d\r\n", strlen(near), near, VALUE_SIZE);

    memset(text + size, 'v', VALUE_SIZE);
    strcpy(text + size + VALUE_SIZE, "\r\n");
    node_client_send(client, text);
    node_client_expect(client, "+OK\r\n");
    free(text);
}

/* What every core does ten times a second. */
static void tick(uint16_t core)
{
    struct gf_background *background = node_enter(&node, core)->background;

    background->tick.fired(&background->tick);
}

Test(conn_limits, are_read_from_the_option)
{
    struct gf_output_limit limits[GF_OUTPUT_CLASSES];
    const struct gf_output_limit *normal = &limits[GF_OUTPUT_NORMAL];
    const struct gf_output_limit *pubsub = &limits[GF_OUTPUT_PUBSUB];

    cr_assert_eq(gf_output_limit_parse("normal 1gb 256mb 60", limits), NULL);
    cr_assert_eq(normal->hard_size, UINT64_C(1) << 30);
    cr_assert_eq(normal->soft_size, UINT64_C(256) << 20);
    cr_assert_eq(normal->soft_ns, 60 * SECOND_NS);
    cr_assert_eq(pubsub->hard_size, UINT64_C(32) << 20, "what is not named is as in Redis");
    cr_assert_eq(gf_output_limit_parse("replica 1 2 3 Normal 0 7 5 pubsub 1 2 3", limits), NULL);
    cr_assert_eq(normal->hard_size, 0);
    cr_assert_eq(normal->soft_size, 7);
    cr_assert_eq(pubsub->hard_size, 1);
    cr_assert_eq(gf_output_limit_parse("pubsub 1 2 3", limits), NULL);
    cr_assert_eq(normal->soft_size, 0);
    cr_assert_eq(pubsub->soft_size, 2);
}

/* Tools compare the sentences; what is wrong leaves the limits as they were. */
Test(conn_limits, that_make_no_sense_are_refused_as_redis_does)
{
    static const char count[] = "Wrong number of arguments in buffer limit configuration.";
    static const char class[] = "Invalid client class specified in buffer limit configuration.";
    static const char number[] =
        "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", count},
        {"normal 1gb 256mb", count},
        {" normal 1 2 3", count},
        {"normal  1 2 3", count},
        {"other 1 2 3", class},
        {"normal 1 2 3 master 1 2 3", class},
        {"normal -1 2 3", number},
        {"normal 1 x 3", number},
        {"normal 1 2 -3", number},
        {"normal 1 2 2147483648", number},
    };

    for (size_t i = 0; i < GF_COUNT(cases); i++) {
        struct gf_output_limit limits[GF_OUTPUT_CLASSES] = {{.hard_size = 7}};
        const char *why = gf_output_limit_parse(cases[i].text, limits);

        cr_assert_not_null(why, "'%s'", cases[i].text);
        cr_expect_str_eq(why, cases[i].why, "'%s'", cases[i].text);
        cr_expect_eq(limits[0].hard_size, 7);
    }
}

Test(conn_limits, close_a_client_that_does_not_read)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    set_value(&client);
    node_worker(&node, 0)->output_limits[GF_OUTPUT_NORMAL].hard_size = 500000;
    for (uint32_t i = 0; i < 100 && client.conn->state == GF_CONN_OPEN; i++) {
        node_client_send_gets(&client, near, 1);
        node_turn(&node, 0);
        cr_assert_lt(gf_conn_output_size(client.conn), 500000 + 2 * VALUE_SIZE);
    }
    node_client_expect_end(&client);
    cr_assert_eq(node_worker(&node, 0)->counters.output_limit_disconnects, 1);
    node_client_close(&client);
}

/* Many answers in one turn: the limit holds within the turn, too. */
Test(conn_limits, hold_for_a_long_pipeline)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    set_value(&client);
    node_worker(&node, 0)->output_limits[GF_OUTPUT_NORMAL].hard_size = 500000;
    node_client_send_gets(&client, near, 500);
    node_turn(&node, 0);
    cr_assert_lt(node_worker(&node, 0)->counters.commands_processed,
                 500000 / VALUE_SIZE + 2 * GF_CONN_AHEAD);
    node_client_expect_end(&client);
    node_client_close(&client);
}

/* Nothing new is asked or answered: the soft limit's time runs out all the same. */
Test(conn_limits, soft_limit_of_a_silent_client)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    set_value(&client);
    node_client_send_gets(&client, near, 20);
    node_turn_all(&node, 3);
    cr_assert_gt(gf_conn_output_size(client.conn), 300000);
    node_worker(&node, 0)->output_limits[GF_OUTPUT_NORMAL] =
        (struct gf_output_limit){.soft_size = 100000, .soft_ns = 10 * SECOND_NS};
    tick(0);
    cr_assert_eq(client.conn->state, GF_CONN_OPEN);
    cr_assert_neq(client.conn->out_since_ns, 0);
    client.conn->out_since_ns -= 11 * SECOND_NS;
    tick(0);
    cr_assert_neq(client.conn->state, GF_CONN_OPEN);
    node_turn_all(&node, 5);
    cr_assert(gf_list_empty(&node_worker(&node, 0)->conns));
    node_client_close(&client);
}

/* Its end was seen, its last answers are not taken. */
Test(conn_limits, close_a_client_that_leaves_its_last_answers)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    set_value(&client);
    node_client_send_gets(&client, near, 20);
    node_client_send(&client, "*x\r\n");
    node_turn_all(&node, 3);
    tick(0);
    cr_assert_eq(client.conn->state, GF_CONN_DRAINING);
    client.conn->in_since_ns -= 61 * SECOND_NS;
    tick(0);
    node_turn_all(&node, 5);
    cr_assert(gf_list_empty(&node_worker(&node, 0)->conns));
    node_client_close(&client);
}

/* While it was held, it was not the client's turn. */
Test(conn_limits, do_not_count_the_time_of_a_pause)
{
    struct node_client client;
    struct gf_worker *worker = node_worker(&node, 0);

    node_client_open(&client, &node, 0);
    gf_pause_start(node_enter(&node, 0), gf_core_now_ms(worker->core) + 1000000, false);
    node_client_format(&client, "GET %s\r\nGET %.1s", near, near);
    node_turn_all(&node, 2);
    cr_assert(client.conn->paused);
    client.conn->in_since_ns -= 100 * SECOND_NS;
    tick(0);
    gf_pause_end(node_enter(&node, 0));
    node_client_expect(&client, "$-1\r\n");
    tick(0);
    cr_assert_eq(client.conn->state, GF_CONN_OPEN);
    client.conn->in_since_ns -= 100 * SECOND_NS;
    tick(0);
    cr_assert_neq(client.conn->state, GF_CONN_OPEN, "now it is");
    node_client_expect_end(&client);
    node_client_close(&client);
}

/* The wall clock is set: forward by a day on this core, and a client came from a core whose turn
 * began later. Nobody was idle for so long. */
Test(conn_limits, idle_time_is_not_the_wall_clocks)
{
    struct node_client client;
    struct gf_worker *worker = node_worker(&node, 0);

    node_client_open(&client, &node, 0);
    worker->settings.timeout = 300;
    worker->core->wall_us += 86400ull * 1000000;
    tick(0);
    node_turn_all(&node, 5);
    cr_assert_eq(client.conn->state, GF_CONN_OPEN);
    client.conn->session.active_ms = gf_conn_turn_ms(worker) + 50;
    client.conn->session.created_ms = client.conn->session.active_ms;
    cr_assert_eq(gf_conn_age_ms(client.conn), 0);
    tick(0);
    cr_assert_eq(client.conn->state, GF_CONN_OPEN);
    client.conn->session.active_ms = gf_conn_turn_ms(worker) - 301 * 1000;
    tick(0);
    node_client_expect_end(&client);
    node_client_close(&client);
}

Test(conn_limits, of_the_query_buffer)
{
    static const char piece[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    struct node_client client;

    node_client_open(&client, &node, 0);
    node_worker(&node, 0)->settings.client_query_buffer_limit = 10000;
    node_client_send(&client, "*2\r\n$3\r\nGET\r\n$200000\r\n");
    for (size_t sent = 32; sent + sizeof(piece) < 10000; sent += sizeof(piece) - 1) {
        node_client_send(&client, piece);
        node_turn(&node, 0);
    }
    cr_assert_eq(client.conn->state, GF_CONN_OPEN);
    node_client_send(&client, piece);
    node_client_send(&client, piece);
    node_client_expect_end(&client);
    cr_assert_eq(client.in_size, 0);
    cr_assert_eq(node_worker(&node, 0)->counters.query_limit_disconnects, 1);
    node_client_close(&client);
}

/* done's result cannot say more than INT_MAX; what was sent is in the operation. */
static void send_nothing(struct gf_driver *driver, int handle, struct gf_send_op *op)
{
    (void)driver;
    (void)handle;
    (void)op;
}

Test(conn_limits, an_answer_beyond_two_gigabytes_is_sent_once)
{
    const size_t size = 3000000000u;
    struct node_client client;
    struct gf_driver *driver;
    const struct gf_driver_ops *ops;
    struct gf_driver_ops fake;
    struct gf_chunk *chunk;

    node_client_open(&client, &node, 0);
    node_turn(&node, 0);
    driver = node_enter(&node, 0)->core->driver;
    ops = driver->ops;
    fake = *ops;
    fake.send = send_nothing;
    driver->ops = &fake;
    /* A chunk that claims its bytes: nobody looks at them. */
    chunk = gf_alloc_zero(GF_MEMORY_BUFFERS, sizeof(*chunk) + 8);
    chunk->used = (uint32_t)size;
    chunk->capacity = (uint32_t)size;
    client.conn->out = (struct gf_chain){
        .first = chunk, .last = chunk, .cursor = chunk->data + size, .end = chunk->data + size};
    gf_conn_flush_later(client.conn);
    node_turn(&node, 0);
    cr_assert(client.conn->sending);
    cr_assert_eq(gf_conn_output_size(client.conn), size);

    client.conn->send.sent = size;
    client.conn->send.op.done(&client.conn->send.op, INT_MAX);
    cr_assert_not(client.conn->sending);
    cr_assert_eq(gf_conn_output_size(client.conn), 0);
    driver->ops = ops;
    node_client_close(&client);
}
