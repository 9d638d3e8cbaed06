/* A connection moves to the core that its commands keep going to. */
#include <criterion/criterion.h>
#include <string.h>

#include "shards/handover.h"
#include "shards/lock.h"
#include "shards/shutdown.h"
#include "shards/tracking.h"
#include "support/pair_fixture.h"

TestSuite(handover, .init = pair_start, .fini = pair_end, .timeout = 60);

static uint32_t conns_of(uint16_t core)
{
    return atomic_load(&node.server.workers[core].conns_count);
}

/* One command at a time for a key, each answered. */
static void client_get(struct node_client *client, const char *key, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        node_client_format(client, "GET %s\r\n", key);
        node_client_expect(client, "$-1\r\n");
    }
}

Test(handover, moves_after_enough_commands_for_one_other_core)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    client_get(&client, far, GF_HANDOVER_AFTER - 1);
    node_turn_all(&node, 5);
    cr_assert_eq(conns_of(0), 1);
    client_get(&client, far, 1);
    node_turn_all(&node, 5);
    cr_assert_eq(conns_of(0), 0);
    cr_assert_eq(conns_of(1), 1);

    client_get(&client, far, 3);
    cr_assert_eq(node.server.workers[0].counters.handovers, 1);
    cr_assert_eq(node.server.workers[1].counters.commands_local, 3);
    node_client_close(&client);
}

Test(handover, does_not_move_for_mixed_keys)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    for (uint32_t i = 0; i < 3; i++) {
        client_get(&client, far, GF_HANDOVER_AFTER - 1);
        client_get(&client, near, 1);
    }
    cr_assert_eq(conns_of(0), 1);
    node_client_close(&client);
}

Test(handover, takes_the_session_and_half_a_request_along)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    client.conn->session.db = 3;
    gf_conn_set_resp(client.conn, 3);
    for (uint32_t i = 0; i < GF_HANDOVER_AFTER; i++) {
        node_client_format(&client, "GET %s\r\n", far);
        node_client_expect(&client, "_\r\n");
    }
    /* It has stopped receiving, or is about to: these bytes may be read by either core. */
    node_client_format(&client, "*2\r\n$3\r\nGET\r\n$%zu\r\n%.1s", strlen(far), far);
    node_turn_all(&node, 5);
    cr_assert_eq(conns_of(1), 1);
    node_client_format(&client, "%s\r\n", far + 1);
    node_client_expect(&client, "_\r\n");

    struct gf_link *link = gf_list_peek_front(&node.server.workers[1].conns);
    struct gf_conn *conn = gf_container(link, struct gf_conn, link);

    cr_assert_eq(conn->session.db, 3);
    cr_assert_eq(conn->session.id, 1);
    node_client_close(&client);
}

static void never_granted(struct gf_claim *claim)
{
    (void)claim;
    cr_assert(false, "the claim was free");
}

/* A key of its own core can keep a connection waiting, too: behind a lock. */
Test(handover, does_not_move_to_its_own_core)
{
    struct node_client client;
    struct gf_worker *worker = &node.server.workers[0];
    uint16_t partition = (uint16_t)gf_router_partition(&node.server.router, gf_bytes_of(near));
    struct gf_claim claim = {
        .partitions = &partition, .count = 1, .holds = true, .granted = never_granted};

    node_client_open(&client, &node, 0);
    node_enter(&node, 0);
    cr_assert(gf_locks_claim(&worker->locks, &claim));
    for (uint32_t i = 0; i < GF_HANDOVER_AFTER + 2; i++)
        node_client_format(&client, "GET %s\r\n", near);
    node_turn_all(&node, 3);
    node_enter(&node, 0);
    gf_locks_release(&worker->locks, &claim);
    for (uint32_t i = 0; i < GF_HANDOVER_AFTER + 2; i++)
        node_client_expect(&client, "$-1\r\n");
    node_turn_all(&node, 5);
    client_get(&client, near, 1);
    cr_assert_eq(conns_of(0), 1);
    node_client_close(&client);
}

Test(handover, is_dropped_when_the_client_ends_meanwhile)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    client_get(&client, far, GF_HANDOVER_AFTER);
    node_client_close(&client);
    node_turn_all(&node, 10);
    cr_assert_eq(conns_of(0) + conns_of(1), 0);
}

/* Core 1 has nothing left and says so; then a connection arrives from core 0, which has not noticed
 * yet that the node is stopping. */
Test(handover, to_a_core_that_was_done_with_its_shutdown)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    client_get(&client, far, GF_HANDOVER_AFTER - 1);
    node_client_format(&client, "GET %s\r\n", far);
    for (uint32_t i = 0; i < 20 && conns_of(0) > 0; i++) {
        if (!client.conn->moving)
            node_turn(&node, 1);
        node_turn(&node, 0);
    }
    cr_assert_eq(conns_of(0), 0);
    cr_assert_eq(conns_of(1), 0, "the connection is between the cores");

    atomic_store(&node.server.stopping, 1);
    gf_shutdown_poll(node_enter(&node, 1));
    cr_assert_eq(atomic_load(&node.server.quiet_count), 1);
    node_turn_all(&node, 2);
    gf_shutdown_poll(node_enter(&node, 0));
    gf_shutdown_poll(node_enter(&node, 1));
    if (node.server.cores[1].stopping)
        cr_assert(gf_list_empty(&node.server.workers[1].conns), "a core stops with a connection");

    for (uint32_t i = 0; i < 20; i++) {
        node_turn_all(&node, 1);
        gf_shutdown_poll(node_enter(&node, 0));
        gf_shutdown_poll(node_enter(&node, 1));
    }
    cr_assert(node.server.cores[0].stopping);
    cr_assert(node.server.cores[1].stopping);
    node_client_close(&client);
}

/* Turns core 0 until the next turn gives the connection away. */
static void until_it_leaves(struct node_client *client)
{
    client_get(client, far, GF_HANDOVER_AFTER - 1);
    node_client_format(client, "GET %s\r\n", far);
    for (uint32_t i = 0; i < 20 && !client->conn->moving; i++) {
        node_turn(&node, 0);
        if (!client->conn->moving)
            node_turn(&node, 1);
    }
    cr_assert(client->conn->moving);
    cr_assert_eq(conns_of(0), 1);
}

/* Core 1 looks at its connections, then core 0 lets one go, then looks at its own. */
static void ask_while_leaving(struct node_client *admin, const char *request,
                              struct node_client *client)
{
    node_client_open(client, &node, 0);
    node_client_open(admin, &node, 1);
    until_it_leaves(client);
    node_client_send(admin, request);
    node_turn(&node, 1);
    node_turn(&node, 0);
}

Test(handover, does_not_hide_a_connection_from_client_list)
{
    struct node_client client;
    struct node_client admin;

    ask_while_leaving(&admin, "CLIENT LIST\r\n", &client);
    node_turn_all(&node, 20);
    node_client_read(&admin);
    cr_assert_not_null(strstr(admin.in, "id=1 "), "%s", admin.in);
    cr_assert_not_null(strstr(admin.in, "id=2 "), "%s", admin.in);
    node_client_close(&client);
    node_client_close(&admin);
}

Test(handover, does_not_save_a_connection_from_client_kill)
{
    struct node_client client;
    struct node_client admin;

    ask_while_leaving(&admin, "CLIENT KILL ID 1\r\n", &client);
    node_client_expect(&admin, ":1\r\n");
    node_client_expect_end(&client);
    node_client_close(&client);
    node_client_close(&admin);
}

/* The one who asked is gone before the cores have settled: what it asked for happens. */
Test(handover, goes_on_after_an_ask_of_a_client_that_hung_up)
{
    struct node_client client;
    struct node_client admin;

    node_client_open(&client, &node, 0);
    node_client_open(&admin, &node, 1);
    node_client_send(&admin, "CLIENT KILL ID 1\r\n");
    node_turn(&node, 1);
    node_client_close(&admin);
    node_client_expect_end(&client);
    node_turn_all(&node, 10);
    cr_assert_eq(node_worker(&node, 0)->handovers_stopped, 0);
    cr_assert_eq(node_worker(&node, 1)->handovers_stopped, 0);
    node_client_close(&client);
}

/* Others redirect to it since it was about to leave: it must stay, and serve. */
Test(handover, is_given_up_when_others_redirect_to_it)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    until_it_leaves(&client);
    node_enter(&node, 0);
    gf_tracking_target(client.conn);
    node_turn_all(&node, 5);
    cr_assert_eq(conns_of(0), 1);
    cr_assert(!client.conn->moving);
    node_client_expect(&client, "$-1\r\n");
    client_get(&client, far, GF_HANDOVER_AFTER + 1);
    node_turn_all(&node, 5);
    cr_assert_eq(conns_of(0), 1);
    node_client_close(&client);
}

/* It was about to leave when the cores were told to stop handing over. */
Test(handover, that_is_given_up_serves_on)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    until_it_leaves(&client);
    node_worker(&node, 0)->handovers_stopped = 1;
    node_turn_all(&node, 5);
    cr_assert_eq(conns_of(0), 1);
    cr_assert(!client.conn->moving);
    node_client_expect(&client, "$-1\r\n");
    client_get(&client, far, 3);
    cr_assert_eq(conns_of(0), 1);
    node_worker(&node, 0)->handovers_stopped = 0;
    client_get(&client, far, 1);
    node_turn_all(&node, 5);
    cr_assert_eq(conns_of(1), 1);
    node_client_close(&client);
}
