/* Commands that ask every core before they answer. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/node_fixture.h"

static struct node node;

static void setup(void)
{
    node_start(&node, 3, NULL);
}

static void teardown(void)
{
    node_end(&node);
}

TestSuite(ask, .init = setup, .fini = teardown, .timeout = 60);

/* Whether what was answered so far contains `text`. */
static bool client_has(struct node_client *client, const char *text)
{
    node_client_read(client);
    return client->in && strstr(client->in, text) != NULL;
}

Test(ask, what_follows_waits_for_the_answer)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    node_client_send(&client, "CLIENT UNPAUSE\r\nPING\r\n");
    for (int i = 0; i < 10; i++)
        node_turn(&node, 0);
    node_client_read(&client);
    cr_assert_eq(client.in_size, 0); /* cores 1 and 2 have not been turned */
    node_client_expect(&client, "+OK\r\n+PONG\r\n");
    node_client_close(&client);
}

Test(ask, lists_the_clients_of_all_cores_by_id)
{
    struct node_client clients[6];
    const char *last = NULL;

    for (uint16_t i = 0; i < 6; i++)
        node_client_open(&clients[i], &node, (uint16_t)(2 - i % 3));
    node_client_send(&clients[0], "CLIENT LIST\r\n");
    node_turn_all(&node, 20);
    node_client_read(&clients[0]);
    last = clients[0].in;
    for (int i = 0; i < 6; i++) {
        char id[32];

        snprintf(id, sizeof(id), "\nid=%llu ", (unsigned long long)clients[i].conn->session.id);
        last = strstr(last, id);
        cr_assert_not_null(last, "client %d is missing or not in order: %s", i, clients[0].in);
    }
    for (int i = 0; i < 6; i++)
        node_client_close(&clients[i]);
}

Test(ask, a_client_that_hangs_up_is_not_answered)
{
    struct node_client client;
    struct node_client other;

    node_client_open(&client, &node, 0);
    node_client_open(&other, &node, 1);
    node_client_send(&client, "CLIENT PAUSE 60000 WRITE\r\n");
    node_turn(&node, 0);
    node_turn(&node, 0);
    node_client_close(&client); /* while the other cores have not heard of it */
    node_turn_all(&node, 20);
    cr_assert_neq(node_worker(&node, 2)->pause.until_ms, 0); /* it happened all the same */
    node_client_send(&other, "CLIENT UNPAUSE\r\n");
    node_client_expect(&other, "+OK\r\n");
    cr_assert_eq(node_worker(&node, 2)->pause.until_ms, 0);
    node_client_close(&other);
}

Test(ask, reply_skip_swallows_its_answer_only)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    node_client_send(&client, "CLIENT REPLY SKIP\r\nCLIENT UNPAUSE\r\nPING\r\n");
    node_client_expect(&client, "+PONG\r\n");
    node_client_send(&client, "CLIENT REPLY OFF\r\nCLIENT UNPAUSE\r\nPING\r\nCLIENT REPLY ON\r\n");
    node_client_expect(&client, "+OK\r\n");
    node_client_close(&client);
}

Test(ask, kill_reaches_every_core_and_spares_the_killer)
{
    struct node_client killer;
    struct node_client victims[3];

    node_client_open(&killer, &node, 1);
    for (uint16_t core = 0; core < 3; core++)
        node_client_open(&victims[core], &node, core);
    node_client_send(&killer, "CLIENT KILL TYPE normal\r\n");
    node_client_expect(&killer, ":3\r\n");
    for (uint16_t core = 0; core < 3; core++)
        node_client_expect_end(&victims[core]);
    node_client_send(&killer, "CLIENT KILL TYPE normal SKIPME no\r\nPING\r\n");
    node_client_expect(&killer, ":1\r\n"); /* and what came behind is not run */
    node_client_expect_end(&killer);
    cr_assert_eq(killer.in_size, 0);
    for (uint16_t core = 0; core < 3; core++)
        node_client_close(&victims[core]);
    node_client_close(&killer);
}

Test(ask, keys_of_a_slot_come_from_its_owner)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    for (uint16_t core = 0; core < 3; core++) {
        char key[16];

        node_key(&node, core, 0, key);
        node_client_format(&client, "MSET {%s}a 1 {%s}b 2\r\n", key, key);
        node_client_expect(&client, "+OK\r\n");
        node_client_format(&client, "CLUSTER COUNTKEYSINSLOT %u\r\n", gf_slot_of(gf_bytes_of(key)));
        node_client_expect(&client, ":2\r\n");
        node_client_format(&client, "CLUSTER GETKEYSINSLOT %u 1\r\n", gf_slot_of(gf_bytes_of(key)));
        node_turn_all(&node, 20);
        cr_assert(client_has(&client, "*1\r\n"));
        cr_assert(client_has(&client, key));
        client.in_size = 0;
    }
    node_client_close(&client);
}
