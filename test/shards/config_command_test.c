/* CONFIG, SLOWLOG and INFO on a node of two cores: what one core is told, all know. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "shards/conn.h"
#include "support/node_fixture.h"

static struct node node;
static struct node_client first;  /* of core 0 */
static struct node_client second; /* of core 1 */

static void setup(void)
{
    node_start(&node, 2, NULL);
    node_client_open(&first, &node, 0);
    node_client_open(&second, &node, 1);
}

static void teardown(void)
{
    node_client_close(&first);
    node_client_close(&second);
    node_end(&node);
}

TestSuite(config_command, .init = setup, .fini = teardown, .timeout = 60);

static void ask(struct node_client *client, const char *request, const char *answer)
{
    node_client_send(client, request);
    node_client_expect(client, answer);
}

Test(config_command, set_reaches_every_core)
{
    ask(&first, "CONFIG SET timeout 77 maxclients 5\r\n", "+OK\r\n");
    cr_expect_eq(node_worker(&node, 0)->settings.timeout, 77);
    cr_expect_eq(node_worker(&node, 1)->settings.timeout, 77);
    ask(&second, "CONFIG GET timeout\r\n", "*2\r\n$7\r\ntimeout\r\n$2\r\n77\r\n");
}

Test(config_command, set_is_all_or_nothing)
{
    ask(&first, "CONFIG SET timeout 77 maxmemory-policy bogus\r\n",
        "-ERR CONFIG SET failed (possibly related to argument 'maxmemory-policy') - argument(s) "
        "must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, "
        "allkeys-lru, allkeys-lfu, allkeys-random, noeviction\r\n");
    cr_expect_eq(node_worker(&node, 0)->settings.timeout, 0);
    cr_expect_eq(node_worker(&node, 1)->settings.timeout, 0);
}

/* Whoever is later wins on both cores, not each on its own. */
Test(config_command, settings_of_two_clients_at_once_agree)
{
    for (int i = 0; i < 20; i++) {
        node_client_format(&first, "CONFIG SET timeout %d\r\n", 100 + i);
        node_client_format(&second, "CONFIG SET timeout %d\r\n", 200 + i);
        for (int turn = 0; turn < i % 4; turn++)
            node_turn(&node, (uint16_t)(i % 2));
        node_client_expect(&first, "+OK\r\n");
        node_client_expect(&second, "+OK\r\n");
        cr_expect_eq(node_worker(&node, 0)->settings.timeout,
                     node_worker(&node, 1)->settings.timeout);
    }
}

Test(config_command, set_refuses_as_redis_does)
{
    ask(&first, "CONFIG SET nosuch 1\r\n",
        "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n");
    ask(&first, "CONFIG SET timeout 1 timeout 2\r\n",
        "-ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate "
        "parameter\r\n");
    ask(&first, "CONFIG SET databases 3\r\n",
        "-ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable "
        "config\r\n");
    ask(&first, "CONFIG SET timeout 1 maxclients\r\n", "-ERR syntax error\r\n");
    ask(&first, "CONFIG SET maxmemory_policy noeviction\r\n",
        "-ERR Unknown option or number of arguments for CONFIG SET - 'maxmemory_policy'\r\n");
    ask(&first, "CONFIG SET Slave-Read-Only 1\r\n",
        "-ERR CONFIG SET failed (possibly related to argument 'slave-read-only') - argument must "
        "be 'yes' or 'no'\r\n");
    ask(&first, "CONFIG SET slowlog-max-len 0128\r\n",
        "-ERR CONFIG SET failed (possibly related to argument 'slowlog-max-len') - argument "
        "couldn't be parsed into an integer\r\n");
    ask(&first, "CONFIG REWRITE\r\n", "-ERR The server is running without a config file\r\n");
}

/* Operators and libraries set these on every Redis; nothing that they could see follows from it. */
Test(config_command, what_has_no_effect_is_taken_and_shown)
{
    ask(&first,
        "CONFIG SET hz 100 lazyfree-lazy-user-flush yes list-max-ziplist-size -1 slave-priority 7"
        " stop-writes-on-bgsave-error no replica-announce-ip 10.0.0.1\r\n",
        "+OK\r\n");
    ask(&second, "CONFIG GET hz\r\n", "*2\r\n$2\r\nhz\r\n$3\r\n100\r\n");
    ask(&second, "CONFIG GET list-max-listpack-size\r\n",
        "*2\r\n$22\r\nlist-max-listpack-size\r\n$2\r\n-1\r\n");
    ask(&second, "CONFIG GET replica-priority\r\n", "*2\r\n$16\r\nreplica-priority\r\n$1\r\n7\r\n");
}

/* Who wants more than this build does must hear it, and who wants just that must not. */
Test(config_command, what_would_be_a_lie_is_refused)
{
    ask(&first,
        "CONFIG SET notify-keyspace-events \"\" save \"\" appendonly no activedefrag no\r\n",
        "+OK\r\n");
    ask(&first, "CONFIG SET min-slaves-to-write 0 maxmemory-clients 0 protected-mode no\r\n",
        "+OK\r\n");
    ask(&first, "CONFIG SET maxmemory-clients 5\r\n",
        "-ERR CONFIG SET failed (possibly related to argument 'maxmemory-clients') - only '0' "
        "works in this build\r\n");
    ask(&first, "CONFIG SET maxmemory-clients 1gb\r\n",
        "-ERR CONFIG SET failed (possibly related to argument 'maxmemory-clients') - only '0' "
        "works in this build\r\n");
    ask(&second, "CONFIG GET maxmemory-clients\r\n",
        "*2\r\n$17\r\nmaxmemory-clients\r\n$1\r\n0\r\n");
    ask(&first, "CONFIG SET dbfilename x.rdb\r\n",
        "-ERR Unknown option or number of arguments for CONFIG SET - 'dbfilename'\r\n");
}

Test(config_command, facts_can_be_read_and_not_set)
{
    static const char *const facts[][2] = {{"cluster-enabled", "yes"},
                                           {"io-threads", "1"},
                                           {"daemonize", "no"},
                                           {"aclfile", ""},
                                           {"slaveof", ""},
                                           {"unixsocket", ""}};
    char answer[200];

    for (size_t i = 0; i < GF_COUNT(facts); i++) {
        const char *name = facts[i][0];
        const char *value = facts[i][1];

        node_client_format(&first, "CONFIG GET %s\r\n", name);
        snprintf(answer, sizeof(answer), "*2\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(name), name,
                 strlen(value), value);
        node_client_expect(&first, answer);
        node_client_format(&first, "CONFIG SET %s \"%s\"\r\n", name, value);
        snprintf(answer, sizeof(answer),
                 "-ERR CONFIG SET failed (possibly related to argument '%s') - can't set immutable "
                 "config\r\n",
                 name);
        node_client_expect(&first, answer);
    }
}

/* Odd values that scripts for Redis may contain. */
Test(config_command, set_takes_what_redis_takes)
{
    ask(&first, "CONFIG SET maxmemory \"\" slowlog-max-len 9223372036854775807\r\n", "+OK\r\n");
    ask(&first, "CONFIG SET slowlog-log-slower-than 9223372036854775807\r\n", "+OK\r\n");
    ask(&first, "CONFIG SET latency-monitor-threshold 9223372036854775807\r\n", "+OK\r\n");
    cr_expect_eq(node_worker(&node, 0)->notable_ns, UINT64_MAX);
    ask(&first, "CONFIG SET lfu-log-factor 2147483647 lfu-decay-time 2147483647\r\n", "+OK\r\n");
    ask(&first, "CONFIG SET maxmemory-samples 2147483647 maxmemory-policy Allkeys-LFU\r\n",
        "+OK\r\n");
    ask(&first, "CONFIG SET slave-read-only yes replica-read-only no\r\n", "+OK\r\n");
    ask(&first, "CONFIG GET slave-read-only maxmemory\r\n",
        "*4\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n$15\r\nslave-read-only\r\n$2\r\nno\r\n");
}

/* More memory than there can be is no limit; its sign is not the machine's. */
Test(config_command, maxmemory_beyond_63_bits_is_not_negative)
{
    ask(&first, "CONFIG SET maxmemory 18446744073709551615\r\n", "+OK\r\n");
    ask(&first, "SET a 1\r\n", "+OK\r\n");
    ask(&second, "SET b 1\r\n", "+OK\r\n");
}

/* Who came while there was a password may go on when there is none any more. */
Test(config_command, taking_the_password_away_admits_everybody)
{
    struct node_client stranger;

    ask(&first, "CONFIG SET requirepass sesame\r\n", "+OK\r\n");
    node_client_open(&stranger, &node, 1);
    ask(&first, "CONFIG SET requirepass \"\"\r\n", "+OK\r\n");
    cr_expect(stranger.conn->session.authenticated);
    ask(&stranger, "PING\r\n", "+PONG\r\n");
    node_client_close(&stranger);
}

Test(config_command, slow_commands_of_both_cores_are_one_list)
{
    ask(&first, "CONFIG SET slowlog-log-slower-than 0\r\n", "+OK\r\n");
    ask(&first, "SLOWLOG RESET\r\n", "+OK\r\n");
    ask(&first, "NOPE\r\n", "-ERR unknown command 'NOPE', with args beginning with: \r\n");
    ask(&first, "PING a\r\n", "$1\r\na\r\n");
    ask(&second, "PING b\r\n", "$1\r\nb\r\n");
    /* RESET itself, and both PINGs; what was refused never ran. */
    ask(&first, "SLOWLOG LEN\r\n", ":3\r\n");
    ask(&second, "CONFIG SET slowlog-log-slower-than -1 slowlog-max-len 2\r\n", "+OK\r\n");
    ask(&first, "SLOWLOG LEN\r\n", ":2\r\n");
    ask(&first, "SLOWLOG GET -2\r\n", "-ERR count should be greater than or equal to -1\r\n");
}

Test(config_command, resetstat_forgets_on_every_core)
{
    ask(&second, "PING\r\n", "+PONG\r\n");
    cr_expect_gt(node_worker(&node, 1)->counters.commands_processed, 0);
    ask(&first, "CONFIG RESETSTAT\r\n", "+OK\r\n");
    cr_expect_eq(node_worker(&node, 1)->counters.commands_processed, 0);
    cr_expect_eq(node_worker(&node, 1)->counters.receives, 0);
}

/* Hits count for reads only, and on whichever core ran them. */
Test(config_command, lookups_are_counted)
{
    char near[16];
    char far[16];

    node_key(&node, 0, 0, near);
    node_key(&node, 1, 0, far);
    node_client_format(&first, "SET %s 1\r\nGET %s\r\nGET %s\r\nINCR %s\r\n", near, near, far,
                       near);
    node_client_expect(&first, "+OK\r\n$1\r\n1\r\n$-1\r\n:2\r\n");
    cr_expect_eq(node_worker(&node, 0)->lookups.hits, 1);
    cr_expect_eq(node_worker(&node, 0)->lookups.misses, 0);
    cr_expect_eq(node_worker(&node, 1)->lookups.hits, 0);
    cr_expect_eq(node_worker(&node, 1)->lookups.misses, 1);
}

/* A word that no value could hold is refused before it is received. */
Test(config_command, words_beyond_4_gb_are_refused_whatever_the_limit)
{
    ask(&second, "CONFIG SET proto-max-bulk-len 8gb\r\n", "+OK\r\n");
    ask(&first, "*2\r\n$3\r\nGET\r\n$4294967296\r\n",
        "-ERR Protocol error: invalid bulk length\r\n");
    node_client_expect_end(&first);
}
