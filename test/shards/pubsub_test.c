/* Subscribers and publishers on two cores. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pair_fixture.h"

TestSuite(pubsub, .init = pair_start, .fini = pair_end, .timeout = 60);

static void subscriber_open(struct node_client *client, uint16_t core, const char *channel)
{
    node_client_open(client, &node, core);
    node_client_format(client, "SUBSCRIBE %s\r\n", channel);
    node_client_format(client, "PING\r\n");
    char confirmed[200];

    snprintf(confirmed, sizeof(confirmed),
             "*3\r\n$9\r\nsubscribe\r\n$%zu\r\n%s\r\n:1\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n",
             strlen(channel), channel);
    node_client_expect(client, confirmed);
}

#define MESSAGE(text) "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\n" text "\r\n"

Test(pubsub, a_message_reaches_the_subscribers_of_every_core_and_is_counted)
{
    struct node_client subscribers[4];
    struct node_client publisher;

    for (uint16_t i = 0; i < 4; i++)
        subscriber_open(&subscribers[i], i % 2, "c");
    for (uint16_t core = 0; core < 2; core++) {
        node_client_open(&publisher, &node, core);
        node_client_send(&publisher, "PUBLISH c 1\r\nPUBLISH d 1\r\nPUBLISH c 2\r\nPING\r\n");
        node_client_expect(&publisher, ":4\r\n:0\r\n:4\r\n+PONG\r\n");
        for (int i = 0; i < 4; i++)
            node_client_expect(&subscribers[i], MESSAGE("1") MESSAGE("2"));
        node_client_close(&publisher);
    }
    for (int i = 0; i < 4; i++)
        node_client_close(&subscribers[i]);
}

Test(pubsub, channels_and_patterns_of_one_client_count_each)
{
    struct node_client subscriber;
    struct node_client publisher;

    node_client_open(&subscriber, &node, 1);
    node_client_open(&publisher, &node, 0);
    node_client_send(&subscriber, "SUBSCRIBE c\r\nPSUBSCRIBE ? [ab]\r\n");
    node_client_expect(&subscriber, "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
                                    "*3\r\n$10\r\npsubscribe\r\n$1\r\n?\r\n:2\r\n"
                                    "*3\r\n$10\r\npsubscribe\r\n$4\r\n[ab]\r\n:3\r\n");
    node_client_send(&publisher, "PUBLISH c 1\r\nPUBLISH cc 1\r\nPUBLISH a 2\r\n");
    node_client_expect(&publisher, ":2\r\n:0\r\n:2\r\n");
    node_client_expect(&subscriber,
                       MESSAGE("1") "*4\r\n$8\r\npmessage\r\n$1\r\n?\r\n$1\r\nc\r\n$1\r\n1\r\n"
                                    "*4\r\n$8\r\npmessage\r\n$1\r\n?\r\n$1\r\na\r\n$1\r\n2\r\n"
                                    "*4\r\n$8\r\npmessage\r\n$4\r\n[ab]\r\n$1\r\na\r\n$1\r\n2\r\n");
    node_client_send(&subscriber,
                     "PUNSUBSCRIBE\r\nUNSUBSCRIBE x\r\nUNSUBSCRIBE\r\nUNSUBSCRIBE\r\n");
    node_client_expect(&subscriber, "*3\r\n$12\r\npunsubscribe\r\n$1\r\n?\r\n:2\r\n"
                                    "*3\r\n$12\r\npunsubscribe\r\n$4\r\n[ab]\r\n:1\r\n"
                                    "*3\r\n$11\r\nunsubscribe\r\n$1\r\nx\r\n:1\r\n"
                                    "*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n"
                                    "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
    node_client_send(&publisher, "PUBLISH c 1\r\n");
    node_client_expect(&publisher, ":0\r\n");
    node_client_close(&subscriber);
    node_client_close(&publisher);
}

Test(pubsub, shard_channels_are_a_world_of_their_own)
{
    struct node_client subscriber;
    struct node_client publisher;

    node_client_open(&subscriber, &node, 1);
    node_client_open(&publisher, &node, 0);
    node_client_send(&subscriber, "SSUBSCRIBE c\r\nPSUBSCRIBE *\r\n");
    node_client_expect(&subscriber, "*3\r\n$10\r\nssubscribe\r\n$1\r\nc\r\n:1\r\n"
                                    "*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n");
    node_client_send(&publisher, "SPUBLISH c 1\r\n");
    node_client_expect(&publisher, ":1\r\n");
    node_client_expect(&subscriber, "*3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$1\r\n1\r\n");
    node_client_close(&subscriber);
    node_client_close(&publisher);
}

Test(pubsub, a_subscriber_of_resp2_may_do_little_else)
{
    struct node_client client;

    subscriber_open(&client, 0, "c");
    node_client_send(&client, "GET a\r\nclient id\r\nPING x\r\nPING x y\r\nNOTHING\r\n");
    node_client_expect(&client,
                       "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
                       "QUIT / RESET are allowed in this context\r\n"
                       "-ERR Can't execute 'client|id': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / "
                       "PING / QUIT / RESET are allowed in this context\r\n"
                       "*2\r\n$4\r\npong\r\n$1\r\nx\r\n"
                       "-ERR wrong number of arguments for 'ping' command\r\n"
                       "-ERR unknown command 'NOTHING', with args beginning with: \r\n");
    node_client_send(&client, "RESET\r\nGET a\r\nPUBLISH c 1\r\n");
    node_client_expect(&client, "+RESET\r\n$-1\r\n:0\r\n");
    node_client_close(&client);
}

Test(pubsub, a_subscriber_of_resp3_may_do_everything)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    node_client_send(&client, "CLIENT REPLY OFF\r\nHELLO 3\r\nCLIENT REPLY ON\r\n");
    node_client_expect(&client, "+OK\r\n");
    node_client_format(&client, "SUBSCRIBE c\r\nSET %s 1\r\nPUBLISH c 1\r\nPING\r\n", near);
    node_client_expect(&client, ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n+OK\r\n"
                                ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\n1\r\n:1\r\n+PONG\r\n");
    node_client_close(&client);
}

Test(pubsub, messages_of_one_publisher_arrive_in_order)
{
    struct node_client subscribers[2];
    struct node_client publisher;

    for (uint16_t core = 0; core < 2; core++)
        subscriber_open(&subscribers[core], core, "c");
    node_client_open(&publisher, &node, 0);
    for (int i = 0; i < 300; i++) {
        node_client_format(&publisher, "PUBLISH c %d\r\n", 100 + i);
        if (i % 50 == 49)
            node_turn(&node, 0);
    }
    node_client_expect_times(&publisher, ":2\r\n", 300);
    for (int i = 0; i < 300; i++) {
        char message[100];

        snprintf(message, sizeof(message), "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\n%d\r\n",
                 100 + i);
        for (uint16_t core = 0; core < 2; core++)
            node_client_expect(&subscribers[core], message);
    }
    for (uint16_t core = 0; core < 2; core++)
        node_client_close(&subscribers[core]);
    node_client_close(&publisher);
}

/* More subscriptions than one turn delivers to, some of which end meanwhile. */
Test(pubsub, a_large_fan_out_is_sliced_and_misses_nobody)
{
    static struct node_client clients[40];
    struct node_client publisher;
    struct gf_pubsub *pubsub = &node_worker(&node, 0)->pubsub;

    for (int i = 0; i < 40; i++) {
        node_client_open(&clients[i], &node, 0);
        node_client_send(&clients[i], "PSUBSCRIBE");
        for (int p = 0; p < 100; p++)
            node_client_format(&clients[i], " c*%.*s", p,
                               "******************************"
                               "**********************************************************"
                               "********************");
        node_client_send(&clients[i], "\r\n");
        node_turn_all(&node, 1);
    }
    node_turn_all(&node, 20);
    for (int i = 0; i < 40; i++) {
        node_client_read(&clients[i]);
        clients[i].in_size = 0;
    }
    node_client_open(&publisher, &node, 1);
    node_client_send(&publisher, "PUBLISH c hello\r\n");
    for (int i = 0; i < 20 && gf_list_empty(&pubsub->deliveries.queue); i++) {
        node_turn(&node, 1);
        node_turn(&node, 0);
    }
    cr_assert(!gf_list_empty(&pubsub->deliveries.queue), "4000 copies are more than a turn's");
    for (int i = 0; i < 40; i += 2)
        node_client_close(&clients[i]);
    node_turn_all(&node, 20);
    cr_assert(gf_list_empty(&pubsub->deliveries.queue));
    node_client_read(&publisher);
    cr_assert_geq(atoi(publisher.in + 1), 2000);
    cr_assert_leq(atoi(publisher.in + 1), 4000);
    for (int i = 1; i < 40; i += 2) {
        uint32_t count = 0;

        node_client_read(&clients[i]);
        for (const char *at = clients[i].in; (at = strstr(at, "hello")); at++)
            count++;
        cr_assert_eq(count, 100);
        node_client_close(&clients[i]);
    }
    node_client_close(&publisher);
}

Test(pubsub, a_subscriber_that_does_not_read_is_closed_by_its_own_limit)
{
    struct node_client subscriber;
    struct node_client publisher;
    struct gf_worker *worker = node_worker(&node, 0);

    subscriber_open(&subscriber, 0, "c");
    node_client_open(&publisher, &node, 1);
    worker->output_limits[GF_OUTPUT_PUBSUB].hard_size = 100000;
    for (int i = 0; i < 2000 && worker->pubsub.subscribers > 0; i++) {
        node_client_format(&publisher, "PUBLISH c %01000d\r\n", i);
        node_turn_all(&node, 2);
    }
    cr_assert_eq(worker->pubsub.subscribers, 0);
    cr_assert_eq(worker->counters.output_limit_disconnects, 1);
    node_client_close(&subscriber);
    node_client_close(&publisher);
}

Test(pubsub, says_who_is_subscribed_to_what_over_all_cores)
{
    struct node_client a;
    struct node_client b;
    struct node_client client;

    node_client_open(&a, &node, 0);
    node_client_open(&b, &node, 1);
    node_client_open(&client, &node, 1);
    node_client_send(&a, "SUBSCRIBE c1 c2\r\nPSUBSCRIBE p* q*\r\nSSUBSCRIBE s1\r\n");
    node_client_send(&b, "SUBSCRIBE c2 d3\r\nPSUBSCRIBE p*\r\nSSUBSCRIBE s1 s2\r\n");
    node_turn_all(&node, 5);
    node_client_send(&client, "PUBSUB CHANNELS\r\nPUBSUB CHANNELS c*\r\nPUBSUB NUMPAT\r\n"
                              "PUBSUB NUMSUB c2 nobody d3\r\nPUBSUB NUMSUB\r\n"
                              "PUBSUB SHARDCHANNELS\r\nPUBSUB SHARDNUMSUB s1 s2 c1\r\n"
                              "PUBSUB CHANNELS a b\r\n");
    node_client_expect(&client, "*3\r\n$2\r\nc1\r\n$2\r\nc2\r\n$2\r\nd3\r\n"
                                "*2\r\n$2\r\nc1\r\n$2\r\nc2\r\n:2\r\n"
                                "*6\r\n$2\r\nc2\r\n:2\r\n$6\r\nnobody\r\n:0\r\n$2\r\nd3\r\n:1\r\n"
                                "*0\r\n*2\r\n$2\r\ns1\r\n$2\r\ns2\r\n"
                                "*6\r\n$2\r\ns1\r\n:2\r\n$2\r\ns2\r\n:1\r\n$2\r\nc1\r\n:0\r\n"
                                "-ERR unknown subcommand or wrong number of arguments for "
                                "'CHANNELS'. Try PUBSUB HELP.\r\n");
    node_client_close(&a);
    node_client_close(&b);
    node_client_close(&client);
}

Test(pubsub, works_within_a_transaction)
{
    struct node_client subscriber;
    struct node_client client;

    subscriber_open(&subscriber, 1, "c");
    node_client_open(&client, &node, 0);
    node_client_format(&client,
                       "HELLO 3\r\nMULTI\r\nSET %s 1\r\nPUBLISH c 1\r\nSUBSCRIBE c\r\n"
                       "PUBLISH c 2\r\nGET %s\r\nEXEC\r\n",
                       near, near);
    node_turn_all(&node, 20);
    node_client_read(&client);
    cr_assert_not_null(strstr(client.in, "*5\r\n+OK\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n"
                                         ":1\r\n:2\r\n$1\r\n1\r\n"),
                       "%s", client.in);
    cr_assert_not_null(strstr(client.in, ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\n2\r\n"), "%s",
                       client.in);
    node_client_expect(&subscriber, MESSAGE("1") MESSAGE("2"));
    node_client_close(&subscriber);
    node_client_close(&client);
}
