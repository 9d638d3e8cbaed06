/* Commands over several cores: locks, splitting, lending, and what waits behind them. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/mesh.h"
#include "modules/registry.h"
#include "support/pair_fixture.h"
#include "support/random.h"

TestSuite(multi, .init = pair_start, .fini = pair_end, .timeout = 60);

#define CROWD 5 /* clients: with GETS_EACH, more than the credits of a pair of cores */
#define GETS_EACH 1000

/* Requests that wait behind a lock keep their places in the ring; the message that gives the lock
 * back needs one, too. */
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
        node_client_send_gets(&crowd[i], keys[0], GETS_EACH);
    node_turn(&node, 2); /* the crowd's requests are on their way, as many as can be */
    node_client_expect(&writer, "+OK\r\n");
    for (uint32_t i = 0; i < CROWD; i++) {
        node_client_expect_times(&crowd[i], "$1\r\n1\r\n", GETS_EACH);
        node_client_close(&crowd[i]);
    }
    node_client_close(&writer);
    node_end(&node);
}

/* Whether the keys are on one core or on several makes no difference to who counts refusals. */
Test(multi, that_is_refused_for_want_of_memory_is_counted)
{
    static const char refusal[] = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    struct gf_worker *worker = node_worker(&node, 0);
    const struct gf_command *mset =
        gf_registry_find(node.server.plugins->registry, GF_BYTES("MSET"));
    struct node_client client;

    node_client_open(&client, &node, 0);
    node_client_send(&client, "CONFIG SET maxmemory 1\r\n");
    node_client_expect(&client, "+OK\r\n");
    node_client_format(&client, "MSET %s 1 %s 2\r\n", near, near);
    node_client_expect(&client, refusal);
    cr_assert_eq(gf_worker_stats_of(worker, mset)->rejected, 1);
    node_client_format(&client, "MSET %s 1 %s 2\r\n", near, far);
    node_client_expect(&client, refusal);
    cr_assert_eq(gf_worker_stats_of(worker, mset)->rejected, 2);
    node_client_close(&client);
}

Test(multi, splits_and_puts_together)
{
    struct node_client client;
    char keys[2][16];

    node_key(&node, 0, 1, keys[0]);
    node_key(&node, 1, 1, keys[1]);
    for (uint16_t core = 0; core < 2; core++) {
        node_client_open(&client, &node, core);
        node_client_format(&client, "MSET %s 1 %s 2 %s 3 %s 4\r\n", near, far, keys[1], keys[0]);
        node_client_format(&client, "MGET %s %s x %s %s %s\r\n", far, near, far, keys[0], keys[1]);
        node_client_format(&client, "EXISTS %s %s %s x\r\nDBSIZE\r\n", near, far, far);
        node_client_expect(&client,
                           "+OK\r\n*6\r\n$1\r\n2\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n$1\r\n4\r\n"
                           "$1\r\n3\r\n:3\r\n:4\r\n");
        node_client_format(&client, "DEL %s %s %s\r\nDEL %s %s\r\nDBSIZE\r\n", near, far, near,
                           keys[0], keys[1]);
        node_client_expect(&client, ":2\r\n:2\r\n:0\r\n");
        node_client_close(&client);
    }
}

Test(multi, refuses_broken_requests_as_one_core_would)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    node_client_format(&client, "MSET %s 1 %s\r\nMGET\r\nMSET\r\nRENAME %s\r\n", near, far, far);
    node_client_expect(&client, "-ERR wrong number of arguments for 'mset' command\r\n"
                                "-ERR wrong number of arguments for 'mget' command\r\n"
                                "-ERR wrong number of arguments for 'mset' command\r\n"
                                "-ERR wrong number of arguments for 'rename' command\r\n");
    node_client_format(&client, "EXISTS %s\r\n", near);
    node_client_expect(&client, ":0\r\n");
    node_client_close(&client);
}

Test(multi, lends_partitions_and_gives_them_back)
{
    struct node_client client;

    for (uint16_t core = 0; core < 2; core++) {
        node_client_open(&client, &node, core);
        node_client_format(&client,
                           "SET %s v\r\nRENAME %s %s\r\nGET %s\r\nRENAME %s %s\r\nGET %s\r\n", near,
                           near, far, far, far, near, near);
        node_client_expect(&client, "+OK\r\n+OK\r\n$1\r\nv\r\n+OK\r\n$1\r\nv\r\n");
        node_client_close(&client);
    }
    for (uint32_t p = 0; p < node.server.router.partitions_count; p++)
        cr_assert_eq(node.server.partitions[p]->owner, node.server.router.owners[p]);
}

/* The client hangs up between the locks: the command goes on, and all locks come back. */
Test(multi, goes_on_without_its_client)
{
    struct node_client client;
    struct node_client reader;

    node_client_open(&client, &node, 0);
    node_client_format(&client, "MSET %s 1 %s 2\r\n", near, far);
    node_turn(&node, 0);
    gf_conn_close(client.conn, false);
    node_turn_all(&node, 5);
    node_client_open(&reader, &node, 1);
    node_client_format(&reader, "MGET %s %s\r\n", near, far);
    node_client_expect(&reader, "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    node_client_close(&reader);
    node_client_close(&client);
}

/* ---- any interleaving ----------------------------------------------------------------------- */

#define CORES 3
#define ACTORS 9
#define PAIRS 4

/* Writes and reads pairs of keys on different cores; a reader must never see half a write. */
struct actor {
    struct node_client client;
    uint32_t outstanding;
};

static struct node crowd_node;
static struct actor actors[ACTORS];
static char pairs[PAIRS][2][16];

static void actor_open(struct actor *actor, struct test_random *random)
{
    node_client_open(&actor->client, &crowd_node, (uint16_t)test_random_below(random, CORES));
    actor->outstanding = 0;
}

static void actor_ask(struct actor *actor, struct test_random *random)
{
    char(*pair)[16] = pairs[test_random_below(random, PAIRS)];
    unsigned value = (unsigned)test_random_below(random, 10);

    switch (test_random_below(random, 6)) {
    case 0:
        node_client_format(&actor->client, "MSET %s %u %s %u\r\n", pair[0], value, pair[1], value);
        break;
    case 1:
        node_client_format(&actor->client, "DEL %s %s\r\n", pair[1], pair[0]);
        break;
    case 2:
        node_client_format(&actor->client, "GET %s\r\n", pair[value % 2]);
        break;
    case 3:
        node_client_format(&actor->client, "COPY %s %s REPLACE\r\n", pair[0], pair[1]);
        break;
    case 4:
        node_client_send(&actor->client, "DBSIZE\r\n");
        break;
    default:
        node_client_format(&actor->client, "MGET %s %s\r\n", pair[0], pair[1]);
        break;
    }
    actor->outstanding++;
}

/* Checks one answer at `text`; returns its size. */
static size_t answer_check(const char *text)
{
    const char *end = strstr(text, "\r\n");

    cr_assert_neq(text[0], '-', "%.60s", text);
    if (text[0] == '$' && text[1] != '-')
        return 7; /* one digit */
    if (text[0] != '*')
        return (size_t)(end - text) + 2;
    if (text[5] == '-')
        cr_assert_eq(memcmp(text + 4, "$-1\r\n$-1\r\n", 10), 0, "half a pair: %.20s", text);
    else
        cr_assert_eq(memcmp(text + 4, text + 11, 7), 0, "half a pair: %.20s", text);
    return text[5] == '-' ? 14 : 18;
}

static void actor_hear(struct actor *actor)
{
    size_t at = 0;

    node_client_read(&actor->client);
    cr_assert_not(actor->client.ended);
    while (at < actor->client.in_size) {
        at += answer_check(actor->client.in + at);
        cr_assert_gt(actor->outstanding, 0);
        actor->outstanding--;
    }
    cr_assert_eq(at, actor->client.in_size, "whole answers only");
    actor->client.in_size = 0;
}

static void play(uint64_t seed)
{
    struct test_random random = {.state = seed};

    for (uint32_t i = 0; i < ACTORS; i++)
        actor_open(&actors[i], &random);
    for (uint32_t step = 0; step < 2000; step++) {
        struct actor *actor = &actors[test_random_below(&random, ACTORS)];

        if (test_random_below(&random, 100) == 0) {
            node_client_close(&actor->client);
            actor_open(actor, &random);
        } else if (test_random_below(&random, 2)) {
            actor_ask(actor, &random);
        } else {
            node_turn(&crowd_node, (uint16_t)test_random_below(&random, CORES));
        }
        actor_hear(actor);
    }
    for (uint32_t i = 0; i < ACTORS; i++) {
        for (uint32_t turn = 0; turn < 1000 && actors[i].outstanding > 0; turn++) {
            node_turn_all(&crowd_node, 1);
            actor_hear(&actors[i]);
        }
        cr_assert_eq(actors[i].outstanding, 0, "seed %llu: somebody waits for ever",
                     (unsigned long long)seed);
        node_client_close(&actors[i].client);
    }
}

Test(multi_crowd, sees_whole_writes_in_any_order_of_turns, .timeout = 120)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        node_start(&crowd_node, CORES, NULL);
        for (uint32_t i = 0; i < PAIRS; i++) {
            node_key(&crowd_node, (uint16_t)(i % CORES), i, pairs[i][0]);
            node_key(&crowd_node, (uint16_t)((i + 1) % CORES), i + PAIRS, pairs[i][1]);
        }
        play(seed);
        node_end(&crowd_node);
    }
}
