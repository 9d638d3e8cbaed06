/* CLIENT PAUSE: who waits, who does not, and for how long. */
#include "shards/pause.h"

#include <criterion/criterion.h>

#include "support/node_fixture.h"

static struct node node;
static struct node_client pauser; /* of core 0 */
static struct node_client client; /* of core 1 */

static void setup(void)
{
    node_start(&node, 2, NULL);
    node_client_open(&pauser, &node, 0);
    node_client_open(&client, &node, 1);
}

static void teardown(void)
{
    node_client_close(&pauser);
    node_client_close(&client);
    node_end(&node);
}

TestSuite(pause, .init = setup, .fini = teardown, .timeout = 60);

static void pause_all(void)
{
    node_client_send(&pauser, "CLIENT PAUSE 60000 ALL\r\n");
    node_client_expect(&pauser, "+OK\r\n");
}

static void unpause(void)
{
    node_client_send(&pauser, "CLIENT UNPAUSE\r\n");
    node_client_expect(&pauser, "+OK\r\n");
}

/* Turns; nothing may be answered. */
static void expect_silence(void)
{
    node_turn_all(&node, 20);
    node_client_read(&client);
    cr_expect_eq(client.in_size, 0, "%s", client.in_size > 0 ? client.in : "");
}

/* Whoever pauses everything wants nobody to see or change anything meanwhile: as in Redis, commands
 * about connections and the server wait like those with keys. */
Test(pause, of_all_holds_commands_of_every_kind)
{
    static const char *const lines[][2] = {
        {"PING\r\n", "+PONG\r\n"},         {"GET k\r\n", "$-1\r\n"},
        {"CLIENT GETNAME\r\n", "$-1\r\n"}, {"CONFIG SET timeout 7\r\n", "+OK\r\n"},
        {"SELECT 1\r\n", "+OK\r\n"},       {"ROLE\r\n", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"},
        {"CLIENT PAUSE 0\r\n", "+OK\r\n"}, {"RESET\r\n", "+RESET\r\n"},
    };

    for (size_t i = 0; i < GF_COUNT(lines); i++) {
        pause_all();
        node_client_send(&client, lines[i][0]);
        expect_silence();
        cr_expect(client.conn->paused, "%s", lines[i][0]);
        unpause();
        node_client_expect(&client, lines[i][1]);
    }
}

Test(pause, of_all_holds_a_quit)
{
    pause_all();
    node_client_send(&client, "QUIT\r\n");
    expect_silence();
    cr_expect_not(client.ended);
    unpause();
    node_client_expect(&client, "+OK\r\n");
    node_client_expect_end(&client);
}

/* Whoever paused: nothing else could end it before its time. */
Test(pause, of_all_is_ended_by_anybody)
{
    pause_all();
    node_client_send(&pauser, "PING\r\n");
    node_turn_all(&node, 20);
    node_client_send(&client, "CLIENT UNPAUSE\r\n");
    node_client_expect(&client, "+OK\r\n");
    node_client_expect(&pauser, "+PONG\r\n");
}

/* An error changes nothing that a pause could protect. */
Test(pause, of_all_does_not_hold_what_is_refused)
{
    pause_all();
    node_client_send(&client, "NOPE\r\nGET\r\n");
    node_client_expect(&client, "-ERR unknown command 'NOPE', with args beginning with: \r\n"
                                "-ERR wrong number of arguments for 'get' command\r\n");
    unpause();
}

Test(pause, of_writes_lets_everything_else_through)
{
    node_client_send(&pauser, "CLIENT PAUSE 60000 WRITE\r\n");
    node_client_expect(&pauser, "+OK\r\n");
    node_client_send(&client, "GET k\r\nPING\r\nCLIENT GETNAME\r\nSET k v\r\n");
    node_client_expect(&client, "$-1\r\n+PONG\r\n$-1\r\n");
    expect_silence();
    unpause();
    node_client_expect(&client, "+OK\r\n");
}
