/* Keyspace notifications on two cores. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shards/notify.h"
#include "support/pair_fixture.h"

TestSuite(notify, .init = pair_start, .fini = pair_end, .timeout = 60);

Test(notify, letters_are_shown_as_redis_does)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"KEA", "AKE"},
        {"g$lshzxetdnKEm", "AKEm"},
        {"nA", "A"},
        {"xKm", "xKm"},
        {"K", "K"},
        {"ne$", "$en"},
        {"Ad", "A"},
        {"AnmKE", "AKEm"},
        {"KEg$lszxe", "g$lszxeKE"},
    };
    char text[GF_NOTIFY_TEXT_MAX];
    uint32_t flags;

    for (size_t i = 0; i < GF_COUNT(cases); i++) {
        cr_assert(gf_notify_parse(cases[i][0], &flags));
        gf_notify_format(flags, text);
        cr_expect_str_eq(text, cases[i][1]);
    }
    cr_assert(!gf_notify_parse("KEq", &flags));
}

static void set_option(struct node_client *client, const char *value)
{
    node_client_format(client, "CONFIG SET notify-keyspace-events %s\r\n", value);
    node_client_expect(client, "+OK\r\n");
}

static void expect_event(struct node_client *client, const char *channel, const char *message)
{
    char text[300];

    snprintf(text, sizeof(text),
             "*4\r\n$8\r\npmessage\r\n$10\r\n__key*__:*\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n",
             strlen(channel), channel, strlen(message), message);
    node_client_expect(client, text);
}

static void expect_both(struct node_client *client, uint32_t db, const char *key, const char *event)
{
    char channel[100];

    snprintf(channel, sizeof(channel), "__keyspace@%u__:%s", db, key);
    expect_event(client, channel, event);
    snprintf(channel, sizeof(channel), "__keyevent@%u__:%s", db, event);
    expect_event(client, channel, key);
}

Test(notify, reaches_subscribers_of_every_core_in_the_order_of_the_changes)
{
    struct node_client subscribers[2];
    struct node_client client;

    node_client_open(&client, &node, 0);
    set_option(&client, "AKE");
    for (uint16_t core = 0; core < 2; core++) {
        node_client_open(&subscribers[core], &node, core);
        node_client_send(&subscribers[core], "PSUBSCRIBE __key*__:*\r\n");
        node_client_expect(&subscribers[core],
                           "*3\r\n$10\r\npsubscribe\r\n$10\r\n__key*__:*\r\n:1\r\n");
    }
    const char *keys[] = {near, far};

    for (int i = 0; i < 2; i++) {
        node_client_format(&client, "SET %s 1 EX 100\r\nGETDEL %s\r\nGET %s\r\n", keys[i], keys[i],
                           keys[i]);
        node_client_expect(&client, "+OK\r\n$1\r\n1\r\n$-1\r\n");
        for (uint16_t core = 0; core < 2; core++) {
            expect_both(&subscribers[core], 0, keys[i], "set");
            expect_both(&subscribers[core], 0, keys[i], "expire");
            expect_both(&subscribers[core], 0, keys[i], "del");
        }
    }
    /* Over both cores: lent to one of them. */
    node_client_format(&client, "SELECT 2\r\nSET %s 1\r\nRENAME %s %s\r\n", near, near, far);
    node_client_expect(&client, "+OK\r\n+OK\r\n+OK\r\n");
    for (uint16_t core = 0; core < 2; core++) {
        expect_both(&subscribers[core], 2, near, "set");
        expect_both(&subscribers[core], 2, near, "rename_from");
        expect_both(&subscribers[core], 2, far, "rename_to");
        node_client_close(&subscribers[core]);
    }
    node_client_close(&client);
}

Test(notify, says_what_was_asked_for_and_nothing_else)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    set_option(&client, "Enm");
    node_client_send(&client, "HELLO 3\r\nPSUBSCRIBE __key*__:*\r\n");
    node_turn_all(&node, 10);
    node_client_read(&client);
    client.in_size = 0;
    node_client_format(&client, "SET %s 1\r\nSET %s 2\r\nGET missing\r\nPING\r\n", near, near);
    node_turn_all(&node, 20);
    node_client_read(&client);
    cr_assert_not_null(strstr(client.in, "__keyevent@0__:new\r\n"), "%s", client.in);
    cr_assert_not_null(strstr(client.in, "__keyevent@0__:keymiss\r\n$7\r\nmissing\r\n"));
    cr_assert_null(strstr(client.in, "keyspace"));
    cr_assert_null(strstr(client.in, ":set"));
    client.in_size = 0;
    set_option(&client, "\"\"");
    cr_assert_eq(node_worker(&node, 1)->notify.sink.wanted, 0, "nobody listens any more");
    node_client_close(&client);
}

Test(notify, keys_that_expire_are_told_by_the_background)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    set_option(&client, "Ex");
    node_client_send(&client, "HELLO 3\r\nSUBSCRIBE __keyevent@0__:expired\r\n");
    node_turn_all(&node, 10);
    node_client_read(&client);
    client.in_size = 0;
    node_client_format(&client, "SET %s 1 PX 1\r\n", far);
    for (int i = 0; i < 3000 && !(client.in_size > 0 && strstr(client.in, "expired")); i++) {
        usleep(1000); /* its tick comes by the clock */
        node_turn_all(&node, 1);
        node_client_read(&client);
    }
    cr_assert_not_null(
        strstr(client.in, ">3\r\n$7\r\nmessage\r\n$22\r\n__keyevent@0__:expired\r\n"));
    node_client_close(&client);
}
