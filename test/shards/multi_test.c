/* Commands over several cores: locks, splitting, lending, and what waits behind them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mesh.h"
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

TestSuite(multi, .init = setup, .fini = teardown, .timeout = 60);

#define CROWD 5 /* clients: with GETS_EACH, more than the credits of a pair of cores */
#define GETS_EACH 1000

static void send_gets(struct node_client *client, const char *key, uint32_t count)
{
    char *text = malloc(count * 32);
    size_t size = 0;

    for (uint32_t i = 0; i < count; i++)
        size += (size_t)sprintf(text + size, "GET %s\r\n", key);
    node_client_send(client, text);
    free(text);
}

static void expect_gets(struct node_client *client, const char *answer, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        node_client_expect(client, answer);
}

/* Requests that wait behind a lock keep their places in the ring; the message that gives the lock back
 * needs one, too. */
Test(multi_crowd, gives_locks_back_when_everybody_else_waits_for_them, .timeout = 60)
{
    struct node_client writer;
    struct node_client crowd[CROWD];
    char keys[3][16];

    _Static_assert(CROWD * GETS_EACH > GF_MESH_CREDITS, "the crowd fills the ring");
    node_start(&node, 3, NULL);
    for (uint16_t core = 0; core < 3; core++)
        node_key(&node, core, 0, keys[core]);
    node_client_open(&writer, &node, 2);
    for (uint32_t i = 0; i < CROWD; i++)
        node_client_open(&crowd[i], &node, 2);
    node_client_format(&writer, "MSET %s 1 %s 2 %s 3\r\n", keys[0], keys[1], keys[2]);
    node_turn(&node, 2); /* asks core 0 for its lock */
    node_turn(&node, 0); /* grants it */
    node_turn(&node, 2); /* asks core 1 */
    for (uint32_t i = 0; i < CROWD; i++)
        send_gets(&crowd[i], keys[0], GETS_EACH);
    node_turn(&node, 2); /* the crowd's requests are on their way, as many as can be */
    node_client_expect(&writer, "+OK\r\n");
    for (uint32_t i = 0; i < CROWD; i++) {
        expect_gets(&crowd[i], "$1\r\n1\r\n", GETS_EACH);
        node_client_close(&crowd[i]);
    }
    node_client_close(&writer);
    node_end(&node);
}
