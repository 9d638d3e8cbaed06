/* A client of a node: answers in order, holding, limits, back-pressure, closing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "core/error.h"
#include "support/node_fixture.h"

static struct node node;
static char near[16]; /* a key of core 0 */
static char far[16];  /* a key of core 1 */

static void setup(void)
{
    node_start(&node, 2, NULL);
    node_key(&node, 0, 0, near);
    node_key(&node, 1, 0, far);
}

static void teardown(void)
{
    node_end(&node);
}

TestSuite(conn, .init = setup, .fini = teardown, .timeout = 60);

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
