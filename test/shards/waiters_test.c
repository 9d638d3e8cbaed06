/* Commands that wait for keys: who is served, when, and how a wait ends. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/pair_fixture.h"

TestSuite(waiters, .init = pair_start, .fini = pair_end, .timeout = 60);

#define CLIENTS 4

static struct node_client clients[CLIENTS];
static struct node_client giver;

static void clients_open(void)
{
    node_client_open(&giver, &node, 0);
    for (uint16_t i = 0; i < CLIENTS; i++)
        node_client_open(&clients[i], &node, i % 2);
}

static void clients_close(void)
{
    node_client_close(&giver);
    for (uint32_t i = 0; i < CLIENTS; i++)
        node_client_close(&clients[i]);
}

/* Waits until the server knows that `count` clients wait. */
static void expect_blocked(uint32_t count)
{
    for (int i = 0; i < 200; i++) {
        if (node_worker(&node, 0)->waiting.clients + node_worker(&node, 1)->waiting.clients ==
            count)
            return;
        node_turn_all(&node, 1);
    }
    cr_assert_fail("%u clients are not blocked", count);
}

static void wait_for(struct node_client *client, const char *keys, uint32_t blocked)
{
    node_client_format(client, "BZPOPMIN %s 0\r\n", keys);
    expect_blocked(blocked);
}

static void say(const char *line, const char *answer)
{
    node_client_format(&giver, "%s\r\n", line);
    node_client_expect(&giver, answer);
}

static void expect_popped(struct node_client *client, const char *key, const char *member)
{
    char answer[128];

    snprintf(answer, sizeof(answer), "*3\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$1\r\n1\r\n", strlen(key),
             key, strlen(member), member);
    node_client_expect(client, answer);
}

static void give(const char *key, const char *members)
{
    node_client_format(&giver, "ZADD %s %s\r\n", key, members);
    node_turn_all(&node, 8);
    node_client_read(&giver);
    cr_assert_eq(giver.in[0], ':', "%s", giver.in);
    giver.in_size = 0;
    giver.in[0] = '\0';
}

/* First come, first served, wherever the key is and wherever the clients are. */
Test(waiters, are_served_in_the_order_in_which_they_came)
{
    const char *keys[] = {near, far};

    clients_open();
    for (int k = 0; k < 2; k++) {
        for (uint32_t i = 0; i < CLIENTS; i++)
            wait_for(&clients[i], keys[k], i + 1);
        give(keys[k], "1 a");
        expect_popped(&clients[0], keys[k], "a");
        give(keys[k], "1 b 1 c 1 d");
        for (uint32_t i = 1; i < CLIENTS; i++)
            expect_popped(&clients[i], keys[k], (const char *[]){"b", "c", "d"}[i - 1]);
        expect_blocked(0);
    }
    clients_close();
}

/* Whose keys are on several cores is served in his turn, and only once. */
Test(waiters, of_keys_on_several_cores_have_one_place_in_all_lines)
{
    char both[40];

    clients_open();
    snprintf(both, sizeof(both), "%s %s", near, far);
    wait_for(&clients[0], far, 1);
    wait_for(&clients[1], both, 2);
    wait_for(&clients[2], far, 3);
    wait_for(&clients[3], near, 4);
    give(near, "1 n");
    expect_popped(&clients[1], near, "n");
    give(far, "1 f 1 g");
    expect_popped(&clients[0], far, "f");
    expect_popped(&clients[2], far, "g");
    give(near, "1 m");
    expect_popped(&clients[3], near, "m");
    clients_close();
}

/* Both keys come at once: one answer, from the key that is named first; nothing is lost. */
Test(waiters, that_could_be_served_twice_are_served_once)
{
    clients_open();
    node_client_format(&clients[0], "BZPOPMIN %s %s 0\r\nPING\r\n", far, near);
    expect_blocked(1);
    say("MULTI", "+OK\r\n");
    node_client_format(&giver, "ZADD %s 1 n\r\nZADD %s 1 f\r\nEXEC\r\n", near, far);
    node_client_expect(&giver, "+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n");
    expect_popped(&clients[0], far, "f");
    node_client_expect(&clients[0], "+PONG\r\n");
    node_client_format(&giver, "ZCARD %s\r\nZCARD %s\r\n", near, far);
    node_client_expect(&giver, ":1\r\n:0\r\n");
    clients_close();
}

/* What a transaction adds and takes away again was never there for them. */
Test(waiters, see_a_transaction_as_a_whole)
{
    clients_open();
    wait_for(&clients[0], far, 1);
    say("MULTI", "+OK\r\n");
    node_client_format(&giver, "ZADD %s 1 x\r\nDEL %s\r\nBZPOPMIN %s 0\r\nEXEC\r\n", far, far, far);
    node_client_expect(&giver, "+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n:1\r\n:1\r\n*-1\r\n");
    expect_blocked(1);
    give(far, "1 a");
    expect_popped(&clients[0], far, "a");
    clients_close();
}

/* The pipeline behind it does not overtake it, and the giver's does not take back. */
Test(waiters, come_before_the_next_command_of_who_gives)
{
    clients_open();
    wait_for(&clients[0], near, 1);
    wait_for(&clients[1], far, 2);
    node_client_format(&giver, "ZADD %s 1 a\r\nZCARD %s\r\nZADD %s 1 b\r\nZCARD %s\r\n", near, near,
                       far, far);
    node_client_expect(&giver, ":1\r\n:0\r\n:1\r\n:0\r\n");
    expect_popped(&clients[0], near, "a");
    expect_popped(&clients[1], far, "b");
    clients_close();
}

/* A client that is gone takes nothing. */
Test(waiters, that_are_gone_are_passed_over)
{
    char both[40];
    const char *lines[3] = {near, far, both};

    clients_open();
    snprintf(both, sizeof(both), "%s %s", near, far);
    for (uint32_t k = 0; k < 3; k++) {
        wait_for(&clients[0], lines[k], 1);
        wait_for(&clients[1], far, 2);
        wait_for(&clients[2], near, 3);
        node_client_close(&clients[0]);
        expect_blocked(2);
        node_turn_all(&node, 8);
        give(far, "1 f");
        give(near, "1 n");
        expect_popped(&clients[1], far, "f");
        expect_popped(&clients[2], near, "n");
        node_client_open(&clients[0], &node, (uint16_t)(k % 2));
    }
    clients_close();
}

/* It has been answered, and its partitions go back: then its client goes, or is unblocked. */
Test(waiters, that_are_gone_while_their_answer_is_under_way_lose_nothing_else)
{
    struct gf_conn *conn;
    unsigned long long id;

    clients_open();
    for (uint32_t k = 0; k < 2; k++) {
        conn = clients[0].conn;
        id = conn->session.id;
        node_client_format(&clients[0], "BZPOPMIN %s %s 0\r\n", near, far);
        expect_blocked(1);
        node_client_format(&giver, "ZADD %s 1 a 1 b\r\n", near);
        for (uint32_t turn = 0; conn->blocking && conn->blocking->waiter; turn++) {
            cr_assert_lt(turn, 200);
            node_turn(&node, (uint16_t)(turn % 2));
        }
        cr_assert(conn->blocked, "the answer is not under way");
        if (k == 0)
            node_client_close(&clients[0]);
        else
            node_client_format(&giver, "CLIENT UNBLOCK %llu ERROR\r\n", id);
        node_client_expect(&giver, k == 0 ? ":2\r\n" : ":2\r\n:0\r\n");
        expect_blocked(0);
        say("PING", "+PONG\r\n");
        wait_for(&clients[1], near, 0);
        expect_popped(&clients[1], near, "b");
        if (k == 0)
            node_client_open(&clients[0], &node, 0);
    }
    expect_popped(&clients[0], near, "a");
    clients_close();
}

/* Somebody of two cores stands in front and has not been run; who comes then has never waited for
 * anything: his request is as it was made. */
Test(waiters, that_must_not_pass_a_line_that_stands_still_stand_behind_it)
{
    clients_open();
    node_client_format(&clients[0], "BZPOPMIN %s %s 0\r\n", near, far);
    expect_blocked(1);
    node_client_format(&clients[3], "ZADD %s 1 a 1 b\r\n", far);
    for (uint32_t i = 0; node_worker(&node, 1)->waiting.stalled == 0; i++) {
        cr_assert_lt(i, 10);
        node_turn(&node, 1);
    }
    node_client_format(&clients[1], "BZPOPMIN %s 0\r\n", far);
    for (uint32_t i = 0; i < 3; i++)
        node_turn(&node, 1);
    cr_assert(!gf_list_empty(&node_worker(&node, 1)->waiting.postponed));
    node_client_expect(&clients[3], ":2\r\n");
    expect_popped(&clients[0], far, "a");
    expect_popped(&clients[1], far, "b");
    clients_close();
}

/* CLIENT UNBLOCK ends a wait in either way, and says whether there was one. */
Test(waiters, can_be_unblocked)
{
    char both[40];
    const char *lines[3] = {near, far, both};

    clients_open();
    snprintf(both, sizeof(both), "%s %s", near, far);
    for (uint32_t k = 0; k < 6; k++) {
        struct node_client *client = &clients[k / 3];
        unsigned long long id = client->conn->session.id;

        wait_for(client, lines[k % 3], 1);
        node_client_format(&giver, "CLIENT UNBLOCK %llu TIMEOUT\r\n", id);
        node_client_expect(&giver, ":1\r\n");
        node_client_expect(client, "*-1\r\n");
        wait_for(client, lines[k % 3], 1);
        node_client_format(&giver, "CLIENT UNBLOCK %llu ERROR\r\n", id);
        node_client_expect(&giver, ":1\r\n");
        node_client_expect(client, "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
        node_client_format(&giver, "CLIENT UNBLOCK %llu\r\n", id);
        node_client_expect(&giver, ":0\r\n");
    }
    clients_close();
}

/* Other ways for a key to come than the command that usually makes it; and what is none. */
Test(waiters, hear_of_keys_that_come_in_other_ways)
{
    static const char *const ways[] = {
        "ZADD other 1 a\r\nRENAME other %s\r\n",
        "ZADD other 1 a\r\nCOPY other %s\r\nDEL other\r\n",
        "SELECT 1\r\nZADD %s 1 a\r\nMOVE %s 0\r\nSELECT 0\r\n",
        "SELECT 1\r\nZADD %s 1 a\r\nSELECT 0\r\nSWAPDB 0 1\r\n",
        "SET %s x\r\nDEL %s\r\nZADD %s 1 a\r\n",
        "FLUSHALL\r\nZADD %s 1 a\r\n",
    };

    clients_open();
    for (uint32_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        for (uint32_t k = 0; k < 4; k++) {
            const char *key = k % 2 ? near : far;

            if (k < 2)
                wait_for(&clients[k], key, 1);
            else
                node_client_format(&clients[0], "BZPOPMIN %s %s 0\r\n", near, far);
            expect_blocked(1);
            node_client_format(&giver, ways[i], key, key, key);
            expect_popped(&clients[k < 2 ? k : 0], key, "a");
            node_turn_all(&node, 8);
            node_client_read(&giver);
            cr_assert_null(strchr(giver.in, '-'), "%s", giver.in);
            giver.in_size = 0;
            say("FLUSHALL", "+OK\r\n");
        }
    }
    clients_close();
}

/* Time is up: a null, and the line forgets. */
Test(waiters, give_up_when_their_time_is_over)
{
    clients_open();
    node_client_format(&clients[0], "BZPOPMIN %s 0.02\r\n", near);
    node_client_format(&clients[1], "BZPOPMIN %s 0.02\r\n", near);
    node_client_format(&clients[2], "BZPOPMIN %s %s 0.02\r\n", near, far);
    expect_blocked(3);
    usleep(25000);
    for (int i = 0; i < 3; i++)
        node_client_expect(&clients[i], "*-1\r\n");
    expect_blocked(0);
    cr_assert_eq(node_worker(&node, 0)->waiting.lines, 0);
    cr_assert_eq(node_worker(&node, 1)->waiting.lines, 0);
    clients_close();
}
