/* A client of a node: answers in order, holding, limits, back-pressure, closing. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

#include "core/error.h"
#include "support/pair_fixture.h"

TestSuite(conn, .init = pair_start, .fini = pair_end, .timeout = 60);

Test(conn, answers_local_and_remote_keys)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    node_client_format(&client, "SET %s a\r\nGET %s\r\nSET %s b\r\nGET %s\r\n", near, near, far,
                       far);
    node_client_expect(&client, "+OK\r\n$1\r\na\r\n+OK\r\n$1\r\nb\r\n");
    cr_assert_eq(client.in_size, 0);
    node_client_close(&client);
}

Test(conn, answers_in_the_order_of_the_requests)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    node_client_format(&client, "SET %s n\r\nSET %s f\r\n", near, far);
    node_client_expect(&client, "+OK\r\n+OK\r\n");

    /* The remote answer is outstanding: what runs here meanwhile waits behind it. */
    node_client_format(&client, "GET %s\r\nGET %s\r\nNOPE\r\nGET %s\r\nPING\r\n", far, near, near);
    node_turn(&node, 0);
    node_turn(&node, 0);
    node_client_read(&client);
    cr_assert_eq(client.in_size, 0);
    node_client_expect(&client, "$1\r\nf\r\n$1\r\nn\r\n-ERR unknown command 'NOPE', "
                                "with args beginning with: \r\n$1\r\nn\r\n+PONG\r\n");
    node_client_close(&client);
}

/* One send for a pipeline, not one for what is here and one for what comes back. */
Test(conn, holds_answers_back_while_others_of_the_pipeline_are_away)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    node_client_format(&client, "GET %s\r\nGET %s\r\n", near, far);
    while (client.conn->requests_count == 0)
        node_turn(&node, 0);
    /* At the end of the very turn that ran them: however slow this is, no time has passed. */
    cr_expect(!gf_link_is_free(&client.conn->cork_link));
    cr_expect_eq(gf_chain_size(&client.conn->out), strlen("$-1\r\n"));
    node_client_expect(&client, "$-1\r\n$-1\r\n");
    cr_expect(gf_link_is_free(&client.conn->cork_link));
    node_client_close(&client);
}

/* A core that does not answer must not keep back what is there. */
Test(conn, sends_what_is_there_when_the_rest_takes_long)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    node_client_format(&client, "GET %s\r\nGET %s\r\n", near, far);
    for (uint32_t i = 0; i < 100000 && client.in_size == 0; i++) {
        node_turn(&node, 0); /* core 1 stands still */
        node_client_read(&client);
    }
    cr_expect_str_eq(client.in, "$-1\r\n");
    node_client_expect(&client, "$-1\r\n$-1\r\n");
    node_client_close(&client);
}

Test(conn, sees_the_effect_of_a_command_over_both_cores)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    node_client_format(&client, "SET %s 1\r\nMSET %s 2 %s 3\r\nGET %s\r\nMGET %s %s x\r\n", far,
                       near, far, far, far, near);
    node_client_expect(&client, "+OK\r\n+OK\r\n$1\r\n3\r\n*3\r\n$1\r\n3\r\n$1\r\n2\r\n$-1\r\n");
    node_client_close(&client);
}

Test(conn, answers_everything_that_came_before_the_clients_end)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    node_client_format(&client, "MSET %s 1 %s 2\r\nSET %s 3\r\nGET %s\r\n", near, far, far, far);
    cr_assert_eq(shutdown(client.fd, SHUT_WR), 0);
    node_client_expect(&client, "+OK\r\n+OK\r\n$1\r\n3\r\n");
    node_client_expect_end(&client);
    node_client_close(&client);
}

/* More requests than may be on other cores: the rest waits in `in`, and beyond GF_CONN_IN_HIGH in
 * the socket. */
Test(conn, is_not_read_while_it_has_too_much_in_flight)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    for (uint32_t i = 0; i < 10; i++)
        node_client_send_gets(&client, far, 1000);
    for (uint32_t i = 0; i < 20; i++)
        node_turn(&node, 0);
    cr_assert_eq(client.conn->requests_count, GF_CONN_REQUESTS_MAX);
    cr_assert(client.conn->held);
    cr_assert(client.conn->full);
    cr_assert_not(client.conn->receiving);
    cr_assert_lt(client.conn->in.size, GF_CONN_IN_HIGH + 2 * 16384);
    node_client_expect_times(&client, "$-1\r\n", 10000);
    node_turn_all(&node, 2);
    cr_assert_eq(client.in_size, 0);
    /* All its commands were for core 1: that is where it is now. */
    struct gf_link *link = gf_list_peek_front(&node_worker(&node, 1)->conns);

    cr_assert(link != NULL);
    cr_assert_eq(gf_container(link, struct gf_conn, link)->in.capacity, 0,
                 "an idle connection holds no memory");
    node_client_close(&client);
}

/* The ring to the other core is full: nothing is dropped, and nothing more is read meanwhile. */
Test(conn, is_not_read_while_the_ring_is_full)
{
    struct node_client crowd[5];
    struct gf_conn *last;

    for (uint32_t i = 0; i < 5; i++) {
        node_client_open(&crowd[i], &node, 0);
        node_client_send_gets(&crowd[i], far, 1000);
        node_turn(&node, 0);
    }
    last = crowd[4].conn;
    cr_assert_lt(last->requests_count, 1000);
    for (uint32_t i = 0; i < 12; i++) {
        node_client_send_gets(&crowd[4], far, 1000);
        node_turn(&node, 0);
        node_turn(&node, 0);
    }
    cr_assert_not(last->receiving);
    cr_assert_lt(last->in.size, GF_CONN_IN_HIGH + 2 * 16384);
    for (uint32_t i = 0; i < 5; i++) {
        node_client_expect_times(&crowd[i], "$-1\r\n", i < 4 ? 1000 : 13000);
        node_client_close(&crowd[i]);
    }
}
