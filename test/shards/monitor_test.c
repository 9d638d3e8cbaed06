/* Monitors on one core, commands on any. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/node_fixture.h"

static struct node node;

static void setup(void)
{
    node_start(&node, 2, NULL);
}

static void teardown(void)
{
    node_end(&node);
}

TestSuite(monitor, .init = setup, .fini = teardown, .timeout = 60);

static uint32_t monitors_known(uint16_t core)
{
    return node_worker(&node, core)->monitors.total;
}

static void watcher_open(struct node_client *watcher, uint16_t core)
{
    node_client_open(watcher, &node, core);
    node_client_send(watcher, "MONITOR\r\n");
    node_client_expect(watcher, "+OK\r\n");
}

/* Turns until the client has got `text`, and takes everything up to its end. */
static void expect_line(struct node_client *client, const char *text)
{
    const char *found = NULL;
    size_t size;

    for (int i = 0; i < 50 && !found; i++) {
        node_turn_all(&node, 1);
        node_client_read(client);
        found = client->in_size > 0 ? strstr(client->in, text) : NULL;
    }
    cr_assert_not_null(found, "'%s' did not come: %s", text, client->in_size ? client->in : "");
    size = (size_t)(found - client->in) + strlen(text);
    memmove(client->in, client->in + size, client->in_size - size + 1);
    client->in_size -= size;
}

Test(monitor, sees_commands_of_every_core)
{
    struct node_client watcher;
    struct node_client clients[2];

    watcher_open(&watcher, 0);
    node_client_open(&clients[0], &node, 0);
    node_client_open(&clients[1], &node, 1);
    for (int i = 0; i < 2; i++) {
        node_client_format(&clients[i], "SELECT 3\r\nset k%d \"a\\\"\\x01\\n\"\r\n", i);
        node_client_expect(&clients[i], "+OK\r\n+OK\r\n");
        expect_line(&watcher, "] \"SELECT\" \"3\"\r\n");
        expect_line(&watcher, i == 0 ? "] \"set\" \"k0\" \"a\\\"\\x01\\n\"\r\n"
                                     : "] \"set\" \"k1\" \"a\\\"\\x01\\n\"\r\n");
    }
    for (int i = 0; i < 2; i++)
        node_client_close(&clients[i]);
    node_client_close(&watcher);
}

Test(monitor, is_counted_everywhere_until_it_ends)
{
    struct node_client watcher;

    watcher_open(&watcher, 1);
    for (uint16_t core = 0; core < 2; core++) {
        cr_assert_eq(monitors_known(core), 1);
        cr_assert(node_worker(&node, core)->attention & GF_ATTENTION_MONITOR);
    }
    node_client_send(&watcher, "RESET\r\n");
    node_client_expect(&watcher, "+RESET\r\n");
    node_turn_all(&node, 10);
    for (uint16_t core = 0; core < 2; core++) {
        cr_assert_eq(monitors_known(core), 0);
        cr_assert(!(node_worker(&node, core)->attention & GF_ATTENTION_MONITOR));
    }
    node_client_close(&watcher);
}

Test(monitor, that_hangs_up_before_it_begins_is_forgotten)
{
    struct node_client watcher;

    node_client_open(&watcher, &node, 0);
    node_client_send(&watcher, "MONITOR\r\n");
    node_turn(&node, 0);
    node_turn(&node, 0);
    node_client_close(&watcher);
    node_turn_all(&node, 20);
    cr_assert_eq(monitors_known(0), 0);
    cr_assert_eq(monitors_known(1), 0);
}

Test(monitor, does_not_see_secrets_or_admin_commands)
{
    struct node_client watcher;
    struct node_client client;

    watcher_open(&watcher, 0);
    node_client_open(&client, &node, 1);
    node_client_send(&client, "AUTH default sesame\r\nCLIENT UNPAUSE\r\nECHO end\r\n");
    node_client_expect(&client, "+OK\r\n+OK\r\n$3\r\nend\r\n");
    expect_line(&watcher, "] \"AUTH\" \"(redacted)\" \"(redacted)\"\r\n");
    for (int i = 0; i < 20; i++)
        node_turn_all(&node, 1);
    node_client_read(&watcher);
    cr_assert_null(strstr(watcher.in, "CLIENT"));
    cr_assert_not_null(strstr(watcher.in, "] \"ECHO\" \"end\"\r\n"));
    node_client_close(&client);
    node_client_close(&watcher);
}

Test(monitor, may_not_use_keys)
{
    struct node_client watcher;

    watcher_open(&watcher, 0);
    node_client_send(&watcher, "GET k\r\n");
    node_client_expect(&watcher, "-ERR a monitoring client cannot interact with the keyspace\r\n");
    node_client_close(&watcher);
}

Test(monitor, with_missing_lines_is_closed)
{
    struct node_client watcher;
    struct node_client client;

    watcher_open(&watcher, 0);
    node_client_open(&client, &node, 1);
    /* As if core 0 had been so far behind that core 1 could not keep its lines. */
    node_worker(&node, 1)->monitors.batches[0].lost = true;
    node_client_send(&client, "PING\r\n");
    node_client_expect(&client, "+PONG\r\n");
    node_client_expect_end(&watcher);
    node_client_close(&client);
    node_client_close(&watcher);
}

#define CROWD 5 /* clients: with GETS_EACH, more than the credits of a pair of cores */
#define GETS_EACH 1000

/* Commands that find no room on the way to their core come again and again. */
Test(monitor, sees_a_command_once_though_it_had_to_wait_for_room)
{
    static char text[GETS_EACH * 24];
    struct node_client watcher;
    struct node_client clients[CROWD];
    char far[16];
    size_t size = 0;
    uint32_t lines = 0;

    node_key(&node, 1, 0, far);
    for (int i = 0; i < GETS_EACH; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "GET %s\r\n", far);
    watcher_open(&watcher, 0);
    for (int i = 0; i < CROWD; i++) {
        node_client_open(&clients[i], &node, 0);
        node_client_send(&clients[i], text);
    }
    for (int i = 0; i < 20; i++)
        node_turn(&node, 0); /* core 1 takes nothing */
    node_turn_all(&node, 200);
    for (int i = 0; i < 50; i++) {
        node_client_read(&watcher);
        node_turn_all(&node, 1);
    }
    for (const char *at = watcher.in; (at = strstr(at, "\"GET\"")); at++)
        lines++;
    cr_assert_eq(lines, CROWD * GETS_EACH);
    for (int i = 0; i < CROWD; i++)
        node_client_close(&clients[i]);
    node_client_close(&watcher);
}

static uint32_t conns_of(uint16_t core)
{
    return atomic_load(&node_worker(&node, core)->conns_count);
}

/* Lines of the old core could come behind those of the new one. */
Test(monitor, keeps_connections_on_their_cores)
{
    struct node_client watcher;
    struct node_client client;
    char far[16];

    node_key(&node, 1, 0, far);
    watcher_open(&watcher, 0);
    node_client_open(&client, &node, 0);
    for (int i = 0; i < 200; i++) {
        node_client_format(&client, "GET %s\r\n", far);
        node_client_expect(&client, "$-1\r\n");
    }
    cr_assert_eq(conns_of(0), 2);
    node_client_close(&watcher);
    node_turn_all(&node, 10);
    node_client_format(&client, "GET %s\r\n", far);
    node_client_expect(&client, "$-1\r\n");
    node_turn_all(&node, 10);
    cr_assert_eq(conns_of(0), 0);
    cr_assert_eq(conns_of(1), 1);
    node_client_close(&client);
}

/* What was collected for a monitor that left is not for the next one. */
Test(monitor, does_not_see_what_was_collected_for_another)
{
    struct node_client watcher;
    struct node_client client;

    watcher_open(&watcher, 0);
    node_client_open(&client, &node, 1);
    node_client_send(&client, "ECHO first\r\n");
    for (int i = 0; i < 5; i++)
        node_turn(&node, 1); /* its batch is lent, core 0 does not see it yet */
    node_client_send(&client, "ECHO second\r\n");
    for (int i = 0; i < 5; i++)
        node_turn(&node, 1);
    cr_assert(!gf_chain_empty(&node_worker(&node, 1)->monitors.batches[0].lines));
    node_client_close(&watcher);
    for (int i = 0; i < 5; i++)
        node_turn(&node, 0);
    /* Core 1 hears in one turn that the monitor is gone, and that its batch is home. */
    watcher_open(&watcher, 0);
    node_turn_all(&node, 10);
    node_client_read(&watcher);
    cr_assert_eq(watcher.in_size, 0, "%s", watcher.in);
    node_client_close(&client);
    node_client_close(&watcher);
}
