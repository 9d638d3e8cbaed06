/* MULTI, EXEC, WATCH: on one core, on the other, and over both. */
#include <criterion/criterion.h>
#include <string.h>

#include "support/pair_fixture.h"

TestSuite(transaction, .init = pair_start, .fini = pair_end, .timeout = 60);

static struct node_client a;
static struct node_client b;

static void clients_open(uint16_t core_a, uint16_t core_b)
{
    node_client_open(&a, &node, core_a);
    node_client_open(&b, &node, core_b);
}

static void clients_close(void)
{
    node_client_close(&a);
    node_client_close(&b);
}

static void say(struct node_client *client, const char *line, const char *answer)
{
    node_client_format(client, "%s\r\n", line);
    node_client_expect(client, answer);
}

/* Where the keys are makes no difference to what a client sees. */
Test(transaction, answers_in_one_array_wherever_its_keys_are)
{
    const char *keys[][2] = {{near, near}, {far, far}, {near, far}, {far, near}};

    clients_open(0, 1);
    for (int i = 0; i < 4; i++) {
        say(&a, "MULTI", "+OK\r\n");
        node_client_format(&a, "SET %s %d\r\nAPPEND %s x\r\nSTRLEN %s\r\nEXEC\r\n", keys[i][0], i,
                           keys[i][1], keys[i][0]);
        node_client_expect(&a, "+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n");
        cr_assert(strncmp(a.in, ":", 1) == 0);
        say(&b, "FLUSHALL", "+OK\r\n");
        node_client_read(&a);
        a.in_size = 0;
        a.in[0] = '\0';
    }
    clients_close();
}

/* Nobody sees half of it: what comes while it holds its partitions waits. */
Test(transaction, over_two_cores_is_seen_whole)
{
    clients_open(1, 0);
    node_client_format(&a, "MULTI\r\nSET %s 1\r\nSET %s 1\r\nEXEC\r\n", near, far);
    node_turn(&node, 1);
    node_turn(&node, 0);
    node_client_format(&b, "MGET %s %s\r\n", near, far);
    node_client_expect(&b, "*2\r\n$1\r\n1\r\n$1\r\n1\r\n");
    node_client_expect(&a, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n");
    clients_close();
}

/* A command over all keys sees those of all cores, in a transaction, too. */
Test(transaction, knows_all_keys)
{
    clients_open(0, 0);
    node_client_format(&a, "MSET %s 1 %s 2\r\n", near, far);
    node_client_expect(&a, "+OK\r\n");
    say(&a, "MULTI", "+OK\r\n");
    say(&a, "DBSIZE", "+QUEUED\r\n");
    say(&a, "SCAN 0 COUNT 1", "+QUEUED\r\n");
    say(&a, "FLUSHALL", "+QUEUED\r\n");
    say(&a, "DBSIZE", "+QUEUED\r\n");
    node_client_send(&a, "EXEC\r\n");
    node_client_expect(&a, "*4\r\n:2\r\n*2\r\n");
    node_turn_all(&node, 5);
    clients_close();
}

/* SELECT counts for what follows it; CONFIG asks every core, with the partitions locked. */
Test(transaction, runs_commands_of_the_connection_in_their_place)
{
    clients_open(0, 1);
    node_client_format(&a, "MULTI\r\nSET %s 1\r\nSELECT 3\r\nGET %s\r\n", far, far);
    say(&a, "CONFIG SET maxclients 100", "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
    node_client_format(&a, "INCR %s\r\nEXEC\r\nGET %s\r\n", far, far);
    node_client_expect(&a, "+QUEUED\r\n*5\r\n+OK\r\n+OK\r\n$-1\r\n+OK\r\n:1\r\n$1\r\n1\r\n");
    say(&a, "SELECT 0", "+OK\r\n");
    clients_close();
}

/* While a command of the transaction asks other cores, nobody gets in between. */
Test(transaction, keeps_its_keys_while_it_asks_other_cores)
{
    clients_open(0, 1);
    node_client_format(&a, "MULTI\r\nSET %s 1\r\nCONFIG RESETSTAT\r\nINCR %s\r\nEXEC\r\n", far,
                       far);
    node_turn(&node, 0);
    node_turn(&node, 1); /* locked */
    node_turn(&node, 0); /* SET ran, the question is on its way */
    node_client_format(&b, "INCR %s\r\n", far);
    node_turn(&node, 1);
    node_turn(&node, 1);
    node_client_read(&b);
    cr_assert_eq(b.in_size, 0);
    node_client_expect(&a, "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n+OK\r\n:2\r\n");
    node_client_expect(&b, ":3\r\n");
    clients_close();
}

/* A client that is gone has begun a transaction all the same. */
Test(transaction, that_has_begun_ends_without_its_client)
{
    clients_open(0, 1);
    node_client_format(&a, "MULTI\r\nSET %s 1\r\nCONFIG RESETSTAT\r\nINCR %s\r\nEXEC\r\n", far,
                       far);
    node_turn(&node, 0);
    node_turn(&node, 1);
    node_turn(&node, 0);
    node_client_close(&a);
    node_turn_all(&node, 10);
    node_client_format(&b, "GET %s\r\n", far);
    node_client_expect(&b, "$1\r\n2\r\n");
    node_client_close(&b);
}

/* The point of WATCH: whoever changes the key, on whatever core, in whatever way. */
Test(transaction, does_nothing_when_a_watched_key_changed)
{
    static const char *const changes[] = {
        "SET %s 1",          "DEL %s",        "EXPIRE %s 100", "RENAME %s z",
        "FLUSHALL",          "SWAPDB 0 1",    "PEXPIRE %s 0",  "APPEND %s x",
        "COPY y %s REPLACE", "MSET q 1 %s 2", "MOVE %s 5",
    };
    const char *keys[] = {near, far};

    for (uint32_t k = 0; k < 4; k++) {
        clients_open(k / 2, 1);
        for (uint32_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
            const char *key = keys[k % 2];

            node_client_format(&a, "FLUSHALL\r\nMSET %s 7 y 1\r\nWATCH %s\r\n", key, key);
            node_client_expect(&a, "+OK\r\n+OK\r\n+OK\r\n");
            node_client_format(&b, changes[i], key);
            node_client_send(&b, "\r\n");
            node_turn_all(&node, 12);
            node_client_read(&b);
            cr_assert_gt(b.in_size, 0);
            cr_assert_neq(b.in[0], '-', "%s", b.in);
            b.in_size = 0;
            node_client_format(&a, "MULTI\r\nGET %s\r\nSET other 1\r\nEXEC\r\n", key);
            node_client_expect(&a, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*-1\r\n");
        }
        clients_close();
    }
}

/* Reading, changing others, or changing nothing leaves the key what it was; and EXEC forgets. */
Test(transaction, runs_when_watched_keys_are_what_they_were)
{
    clients_open(0, 1);
    node_client_format(&a, "SET %s 7\r\nWATCH %s %s nothing\r\n", far, far, near);
    node_client_expect(&a, "+OK\r\n+OK\r\n");
    node_client_format(&b, "GET %s\r\nDEL nothing\r\nSET other 1\r\nPERSIST %s\r\n", far, far);
    node_client_expect(&b, "$1\r\n7\r\n:0\r\n+OK\r\n:0\r\n");
    say(&a, "MULTI", "+OK\r\n");
    node_client_format(&a, "SET %s 8\r\nEXEC\r\n", far);
    node_client_expect(&a, "+QUEUED\r\n*1\r\n+OK\r\n");
    node_client_format(&b, "SET %s 1\r\n", far);
    node_client_expect(&b, "+OK\r\n");
    say(&a, "MULTI", "+OK\r\n");
    say(&a, "EXEC", "*0\r\n");
    clients_close();
}

/* UNWATCH, DISCARD and RESET forget; a client that goes leaves nothing (node_end looks). */
Test(transaction, forgets_what_it_watched)
{
    static const char *const forgets[] = {"UNWATCH", "MULTI\r\nDISCARD", "RESET"};

    clients_open(0, 1);
    for (int i = 0; i < 3; i++) {
        node_client_format(&a, "WATCH %s %s\r\n", far, near);
        node_client_expect(&a, "+OK\r\n");
        node_client_format(&a, "%s\r\n", forgets[i]);
        node_client_expect(&a, i == 1 ? "+OK\r\n+OK\r\n" : i == 0 ? "+OK\r\n" : "+RESET\r\n");
        node_client_format(&b, "MSET %s 1 %s 1\r\n", far, near);
        node_client_expect(&b, "+OK\r\n");
        say(&a, "MULTI", "+OK\r\n");
        say(&a, "PING", "+QUEUED\r\n");
        say(&a, "EXEC", "*1\r\n+PONG\r\n");
    }
    node_client_format(&a, "WATCH %s %s\r\nMULTI\r\nSET %s 1\r\n", far, near, far);
    node_turn(&node, 0);
    clients_close();
}

/* A client sees by the first word that nothing of its transaction was done, whatever the reason. */
Test(transaction, that_may_not_run_says_why)
{
    clients_open(0, 1);
    node_client_send(&a, "EXEC x\r\nMULTI\r\nEXEC x\r\nEXEC\r\n");
    node_client_expect(&a, "-EXECABORT Transaction discarded because of: wrong number of arguments "
                           "for 'exec' command\r\n+OK\r\n"
                           "-EXECABORT Transaction discarded because of: wrong number of arguments "
                           "for 'exec' command\r\n-ERR EXEC without MULTI\r\n");
    node_client_send(&a, "SUBSCRIBE c\r\nEXEC\r\n");
    node_client_expect(&a, "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
                           "-EXECABORT Transaction discarded because of: Can't execute 'exec': "
                           "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
                           "allowed in this context\r\n");
    b.conn->attention |= GF_ATTENTION_AUTH;
    b.conn->session.authenticated = false;
    node_client_send(&b, "EXEC\r\n");
    node_client_expect(&b, "-EXECABORT Transaction discarded because of: NOAUTH Authentication "
                           "required.\r\n");
    clients_close();
}

/* A transaction with a mistake in it does nothing. */
Test(transaction, that_was_refused_a_command_does_nothing)
{
    clients_open(0, 1);
    node_client_format(&a, "MULTI\r\nSET %s 1\r\nGET\r\nEXEC\r\nEXISTS %s\r\n", far, far);
    node_client_expect(&a,
                       "+OK\r\n+QUEUED\r\n-ERR wrong number of arguments for 'get' command\r\n"
                       "-EXECABORT Transaction discarded because of previous errors.\r\n:0\r\n");
    clients_close();
}
