/* Client-side caching on two cores. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shards/publish.h"
#include "support/pair_fixture.h"

TestSuite(tracking, .init = pair_start, .fini = pair_end, .timeout = 60);

static void ok(struct node_client *client, const char *line)
{
    node_client_format(client, "%s\r\n", line);
    node_client_expect(client, "+OK\r\n");
}

/* A client of RESP3 with `options` behind CLIENT TRACKING ON. */
static void tracker_open(struct node_client *client, uint16_t core, const char *options)
{
    char line[200];

    node_client_open(client, &node, core);
    node_client_send(client, "CLIENT REPLY OFF\r\nHELLO 3\r\nCLIENT REPLY ON\r\n");
    node_client_expect(client, "+OK\r\n");
    snprintf(line, sizeof(line), "CLIENT TRACKING ON %s", options);
    ok(client, line);
}

static void expect_invalidation(struct node_client *client, const char *key)
{
    char text[100];

    snprintf(text, sizeof(text), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$%zu\r\n%s\r\n", strlen(key),
             key);
    node_client_expect(client, text);
}

/* Nothing has come that was not taken. */
static void expect_silence(struct node_client *client)
{
    node_turn_all(&node, 10);
    node_client_read(client);
    cr_assert_eq(client->in_size, 0, "%s", client->in_size ? client->in : "");
}

Test(tracking, a_key_that_was_read_is_invalidated_once_wherever_it_lives)
{
    const char *keys[] = {near, far};
    struct node_client writer;

    node_client_open(&writer, &node, 0);
    for (uint16_t core = 0; core < 2; core++) {
        struct node_client tracker;

        tracker_open(&tracker, core, "");
        for (int i = 0; i < 2; i++) {
            node_client_format(&tracker, "GET %s\r\n", keys[i]);
            node_client_expect(&tracker, "_\r\n");
            node_client_format(&writer, "SET %s 1\r\nSET %s 2\r\n", keys[i], keys[i]);
            node_client_expect(&writer, "+OK\r\n+OK\r\n");
            expect_invalidation(&tracker, keys[i]);
            expect_silence(&tracker);
            node_client_format(&writer, "DEL %s\r\n", keys[i]);
            node_client_expect(&writer, ":1\r\n");
        }
        node_client_close(&tracker);
    }
    node_client_close(&writer);
}

Test(tracking, keys_of_one_command_over_both_cores_are_remembered_where_they_live)
{
    struct node_client tracker;
    struct node_client writer;

    tracker_open(&tracker, 0, "");
    node_client_open(&writer, &node, 0);
    node_client_format(&tracker, "MGET %s %s\r\n", near, far);
    node_client_expect(&tracker, "*2\r\n_\r\n_\r\n");
    node_client_format(&tracker, "LCS %s %s\r\n", far, near);
    node_client_expect(&tracker, "$0\r\n\r\n");
    /* Two that lend partitions: one to remember, one to change. */
    node_client_format(&writer, "MSETNX %s 1 %s 2\r\n", far, near);
    node_client_expect(&writer, ":1\r\n");
    node_turn_all(&node, 20);
    node_client_read(&tracker);
    cr_assert_not_null(strstr(tracker.in, near));
    cr_assert_not_null(strstr(tracker.in, far));
    node_client_close(&tracker);
    node_client_close(&writer);
}

/* Its value has not been read yet when it is changed: the client must not hear of the change
 * first. */
Test(tracking, an_invalidation_stays_behind_the_answers_that_are_outstanding)
{
    struct node_client tracker;
    struct node_client writer;

    tracker_open(&tracker, 0, "");
    node_client_open(&writer, &node, 0);
    node_client_format(&tracker, "GET %s\r\nGET %s\r\n", far, near);
    node_turn(&node, 0);
    node_client_format(&writer, "SET %s 1\r\n", near);
    node_turn(&node, 0);
    node_turn(&node, 0);
    node_client_expect(&writer, "+OK\r\n");
    node_client_expect(&tracker, "_\r\n_\r\n");
    expect_invalidation(&tracker, near);
    node_client_close(&tracker);
    node_client_close(&writer);
}

/* Takes what has been answered so far; it begins with `kind` and has `part` in it. */
static void expect_answer_with(struct node_client *client, char kind, const char *part)
{
    node_turn_all(&node, 10);
    node_client_read(client);
    cr_assert_eq(client->in[0], kind, "%s", client->in);
    cr_assert_not_null(strstr(client->in, part), "%s", client->in);
    client->in_size = 0;
    client->in[0] = '\0';
}

/* It waits for keys, on one core or on both: what it caches is no longer so meanwhile. */
Test(tracking, who_waits_for_keys_is_told_at_once)
{
    char both[40];
    const char *lines[3] = {near, far, both};
    struct node_client tracker;
    struct node_client writer;

    snprintf(both, sizeof(both), "%s %s", near, far);
    node_client_open(&writer, &node, 1);
    tracker_open(&tracker, 0, "");
    for (int i = 0; i < 3; i++) {
        node_client_format(&tracker, "GET cached\r\nBLPOP %s 0\r\n", lines[i]);
        node_client_expect(&tracker, "_\r\n");
        node_turn_all(&node, 10);
        node_client_send(&writer, "SET cached 1\r\nDEL cached\r\n");
        node_client_expect(&writer, "+OK\r\n:1\r\n");
        expect_invalidation(&tracker, "cached");
        node_client_format(&writer, "RPUSH %s value\r\n", i == 1 ? far : near);
        node_client_expect(&writer, ":1\r\n");
        expect_answer_with(&tracker, '*', "value");
    }
    node_client_close(&tracker);
    node_client_close(&writer);
}

/* It came while the command was on its way to where it waits. */
Test(tracking, who_is_about_to_wait_is_told_at_once)
{
    struct node_client tracker;
    struct node_client writer;

    node_client_open(&writer, &node, 0);
    tracker_open(&tracker, 0, "");
    node_client_format(&tracker, "GET %s\r\n", near);
    node_client_expect(&tracker, "_\r\n");
    node_client_format(&tracker, "BLPOP %s 0\r\n", far);
    node_client_format(&writer, "SET %s 1\r\n", near);
    for (int i = 0; i < 4; i++)
        node_turn(&node, 0);
    cr_assert(tracker.conn->blocking && !tracker.conn->blocked);
    node_client_expect(&writer, "+OK\r\n");
    expect_invalidation(&tracker, near);
    node_client_close(&tracker);
    node_client_close(&writer);
}

/* A stream is read by a command that may wait, and is remembered all the same. */
Test(tracking, streams_that_were_read_or_waited_for_are_remembered)
{
    const char *keys[] = {near, far};
    struct node_client tracker;
    struct node_client writer;

    node_client_open(&writer, &node, 0);
    tracker_open(&tracker, 0, "");
    for (int i = 0; i < 2; i++) {
        node_client_format(&writer, "XADD %s 1-1 f v\r\n", keys[i]);
        node_client_expect(&writer, "$3\r\n1-1\r\n");
        for (int blocks = 0; blocks < 2; blocks++) {
            node_client_format(&tracker, "XREAD %s STREAMS %s 0\r\n",
                               blocks ? "BLOCK 0" : "COUNT 9", keys[i]);
            expect_answer_with(&tracker, '%', "1-1");
            node_client_format(&writer, "XADD %s 2-%d f v\r\n", keys[i], blocks + 1);
            node_client_expect(&writer, blocks ? "$3\r\n2-2\r\n" : "$3\r\n2-1\r\n");
            expect_invalidation(&tracker, keys[i]);
            expect_silence(&tracker);
        }
    }
    node_client_close(&tracker);
    node_client_close(&writer);
}

Test(tracking, own_writes_are_told_unless_noloop)
{
    struct node_client tracker;

    tracker_open(&tracker, 0, "");
    node_client_format(&tracker, "GET %s\r\nSET %s 1\r\n", far, far);
    node_client_expect(&tracker, "_\r\n+OK\r\n");
    expect_invalidation(&tracker, far);
    ok(&tracker, "CLIENT TRACKING OFF");
    ok(&tracker, "CLIENT TRACKING ON NOLOOP");
    node_client_format(&tracker, "GET %s\r\nSET %s 2\r\n", far, far);
    node_client_expect(&tracker, "$1\r\n1\r\n+OK\r\n");
    expect_silence(&tracker);
    node_client_close(&tracker);
}

Test(tracking, optin_and_optout_choose_commands)
{
    struct node_client tracker;
    struct node_client writer;

    tracker_open(&tracker, 0, "OPTIN");
    node_client_open(&writer, &node, 1);
    node_client_format(&tracker, "GET %s\r\n", near);
    node_client_expect(&tracker, "_\r\n");
    node_client_format(&writer, "SET %s 1\r\n", near);
    node_client_expect(&writer, "+OK\r\n");
    expect_silence(&tracker);
    ok(&tracker, "CLIENT CACHING YES");
    node_client_format(&tracker, "GET %s\r\nGET %s\r\n", near, far);
    node_client_expect(&tracker, "$1\r\n1\r\n_\r\n");
    node_client_format(&writer, "SET %s 1\r\nSET %s 2\r\n", far, near);
    node_client_expect(&writer, "+OK\r\n+OK\r\n");
    expect_invalidation(&tracker, near);
    ok(&tracker, "CLIENT TRACKING OFF");
    ok(&tracker, "CLIENT TRACKING ON OPTOUT");
    ok(&tracker, "CLIENT CACHING NO");
    node_client_format(&tracker, "GET %s\r\nGET %s\r\n", near, far);
    node_client_expect(&tracker, "$1\r\n2\r\n$1\r\n1\r\n");
    node_client_format(&writer, "SET %s 1\r\nSET %s 2\r\n", near, far);
    node_client_expect(&writer, "+OK\r\n+OK\r\n");
    expect_invalidation(&tracker, far);
    expect_silence(&tracker);
    node_client_close(&tracker);
    node_client_close(&writer);
}

Test(tracking, broadcasting_goes_by_prefix_and_remembers_nothing)
{
    struct node_client tracker;
    struct node_client writer;

    tracker_open(&tracker, 1, "BCAST PREFIX a: PREFIX b:");
    node_client_open(&writer, &node, 0);
    node_client_send(&writer, "SET a:1 1\r\nSET c:1 1\r\nSET b: 1\r\nDEL a:1\r\n");
    node_client_expect(&writer, "+OK\r\n+OK\r\n+OK\r\n:1\r\n");
    node_turn_all(&node, 10);
    node_client_read(&tracker);
    cr_assert_not_null(strstr(tracker.in, "a:1"));
    cr_assert_not_null(strstr(tracker.in, "b:"));
    cr_assert_null(strstr(tracker.in, "c:1"));
    for (uint16_t core = 0; core < 2; core++)
        cr_assert_eq(gf_tracking_keys(node_worker(&node, core)), 0);
    node_client_close(&tracker);
    node_client_close(&writer);
}

Test(tracking, a_flush_is_told_with_null)
{
    struct node_client tracker;
    struct node_client writer;

    tracker_open(&tracker, 0, "");
    node_client_open(&writer, &node, 0);
    ok(&writer, "FLUSHALL");
    node_turn_all(&node, 10);
    node_client_read(&tracker);
    cr_assert_str_eq(tracker.in, ">2\r\n$10\r\ninvalidate\r\n_\r\n",
                     "one: not one for each core or database");
    tracker.in_size = 0;
    tracker.in[0] = '\0';
    node_client_send(&writer, "SWAPDB 0 1\r\nMULTI\r\nFLUSHDB\r\nEXEC\r\n");
    node_client_expect(&writer, "+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    node_turn_all(&node, 10);
    node_client_read(&tracker);
    cr_assert_str_eq(tracker.in, ">2\r\n$10\r\ninvalidate\r\n_\r\n"
                                 ">2\r\n$10\r\ninvalidate\r\n_\r\n");
    node_client_close(&tracker);
    node_client_close(&writer);
}

/* Who tracked had stopped when the command came to the second core. */
Test(tracking, a_flush_is_not_told_to_who_tracks_since)
{
    struct node_client tracker;
    struct node_client writer;

    tracker_open(&tracker, 1, "");
    node_client_open(&writer, &node, 0);
    node_client_send(&writer, "FLUSHALL\r\n");
    node_turn(&node, 0);
    node_turn(&node, 1); /* its part, which is told */
    node_client_send(&tracker, "CLIENT TRACKING OFF\r\n");
    node_turn(&node, 1);
    node_client_expect(&tracker, "+OK\r\n");
    node_client_expect(&writer, "+OK\r\n");
    ok(&tracker, "CLIENT TRACKING ON");
    for (uint16_t core = 0; core < 2; core++) {
        gf_tracking_settle(node_enter(&node, core));
        gf_tracking_settle(node_enter(&node, core));
    }
    expect_silence(&tracker);
    node_client_close(&tracker);
    node_client_close(&writer);
}

/* The other core could not tell. */
Test(tracking, a_flush_is_told_though_a_core_does_not_tell)
{
    const struct gf_publication told = {.kind = GF_PUBLICATION_FLUSH,
                                        .tells = {.command = 1u << 16, .cores = 2}};
    struct node_client tracker;

    tracker_open(&tracker, 0, "");
    for (unsigned i = 0; i < 2 * GF_TRACKING_FLUSHES; i++) {
        cr_assert_eq(gf_tracking_deliver(node_enter(&node, 0), &told), 0);
        gf_tracking_settle(node_enter(&node, 0));
        gf_tracking_settle(node_enter(&node, 0));
        node_client_expect(&tracker, ">2\r\n$10\r\ninvalidate\r\n_\r\n");
    }
    node_client_close(&tracker);
}

Test(tracking, redirects_to_a_subscriber_until_that_is_gone)
{
    struct node_client tracker;
    struct node_client target;
    struct node_client writer;
    char line[100];

    node_client_open(&target, &node, 1);
    node_client_send(&target, "SUBSCRIBE __redis__:invalidate\r\n");
    node_client_expect(&target, "*3\r\n$9\r\nsubscribe\r\n$20\r\n__redis__:invalidate\r\n:1\r\n");
    node_client_open(&tracker, &node, 0);
    node_client_open(&writer, &node, 0);
    node_client_send(&tracker, "CLIENT TRACKING ON REDIRECT 99999\r\n");
    node_client_expect(&tracker, "-ERR The client ID you want redirect to does not exist\r\n");
    snprintf(line, sizeof(line), "CLIENT TRACKING ON REDIRECT %llu",
             (unsigned long long)target.conn->session.id);
    ok(&tracker, line);
    node_client_format(&tracker, "GET %s\r\n", near);
    node_client_expect(&tracker, "$-1\r\n");
    node_client_format(&writer, "SET %s 1\r\n", near);
    node_client_expect(&writer, "+OK\r\n");
    snprintf(line, sizeof(line), "*1\r\n$%zu\r\n%s\r\n", strlen(near), near);
    node_client_expect(&target, "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n");
    node_client_expect(&target, line);
    expect_silence(&tracker);
    node_client_close(&target);
    node_client_format(&tracker, "GET %s\r\n", near);
    node_client_expect(&tracker, "$1\r\n1\r\n");
    node_client_format(&writer, "SET %s 1\r\n", near);
    node_client_expect(&writer, "+OK\r\n");
    node_turn_all(&node, 10);
    node_client_send(&tracker, "CLIENT TRACKINGINFO\r\n");
    node_turn_all(&node, 10);
    node_client_read(&tracker);
    cr_assert_not_null(strstr(tracker.in, "broken_redirect"), "%s", tracker.in);
    node_client_close(&tracker);
    node_client_close(&writer);
}

Test(tracking, keys_beyond_the_limit_are_invalidated)
{
    struct node_client tracker;

    tracker_open(&tracker, 0, "");
    ok(&tracker, "CONFIG SET tracking-table-max-keys 10");
    for (int i = 0; i < 40; i++) {
        char key[16];

        node_key(&node, i % 2, (uint32_t)i, key);
        node_client_format(&tracker, "GET %s\r\n", key);
    }
    for (int i = 0; i < 400; i++) {
        usleep(1000); /* its tick comes by the clock */
        node_turn_all(&node, 1);
    }
    cr_assert_leq(gf_tracking_keys(node_worker(&node, 0)), 5);
    cr_assert_leq(gf_tracking_keys(node_worker(&node, 1)), 5);
    node_client_read(&tracker);
    cr_assert_not_null(strstr(tracker.in, "invalidate"));
    node_client_close(&tracker);
}

Test(tracking, what_makes_no_sense_is_refused)
{
    static const char *const cases[][2] = {
        {"CLIENT TRACKING MAYBE", "-ERR syntax error\r\n"},
        {"CLIENT TRACKING ON BOGUS", "-ERR syntax error\r\n"},
        {"CLIENT TRACKING ON PREFIX a", "-ERR PREFIX option requires BCAST mode to be enabled\r\n"},
        {"CLIENT TRACKING ON BCAST OPTIN",
         "-ERR OPTIN and OPTOUT are not compatible with BCAST\r\n"},
        {"CLIENT TRACKING ON OPTIN OPTOUT",
         "-ERR You can't specify both OPTIN mode and OPTOUT mode\r\n"},
        {"CLIENT TRACKING ON BCAST PREFIX ab PREFIX a",
         "-ERR Prefix 'ab' overlaps with another provided prefix 'a'. Prefixes for a single client "
         "must not overlap.\r\n"},
        {"CLIENT CACHING YES",
         "-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
         "OPTOUT mode enabled\r\n"},
        {"CLIENT GETREDIR", ":-1\r\n"},
        {"CLIENT TRACKING ON", "+OK\r\n"},
        {"CLIENT CACHING YES",
         "-ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.\r\n"},
        {"CLIENT TRACKING ON BCAST",
         "-ERR You can't switch BCAST mode on/off before disabling tracking for this client, and "
         "then re-enabling it with a different mode.\r\n"},
        {"CLIENT TRACKINGINFO",
         "*6\r\n$5\r\nflags\r\n*1\r\n$2\r\non\r\n$8\r\nredirect\r\n:0\r\n$8\r\nprefixes\r\n*0\r\n"},
        {"CLIENT GETREDIR", ":0\r\n"},
        {"RESET", "+RESET\r\n"},
        {"CLIENT GETREDIR", ":-1\r\n"},
    };
    struct node_client client;

    node_client_open(&client, &node, 0);
    for (size_t i = 0; i < GF_COUNT(cases); i++) {
        node_client_format(&client, "%s\r\n", cases[i][0]);
        node_client_expect(&client, cases[i][1]);
    }
    node_client_close(&client);
}
