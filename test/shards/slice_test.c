/* Commands that run in slices: who runs in between, who waits, and in what order it all shows. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "modules/registry.h"
#include "shards/parcel.h"
#include "shards/stats.h"
#include "support/node_fixture.h"
#include "support/random.h"

#define MEMBERS 999 /* of a large set: a COPY of it pauses once a bucket */

static struct node node;
static struct node_client client; /* asks for what takes long */
static struct node_client other;

static void one_element(struct gf_settings *settings)
{
    settings->command_slice_elements = 1;
    settings->set_max_listpack_entries = 4;
    settings->hash_max_listpack_entries = 4;
}

static void start(uint16_t cores)
{
    node_start(&node, cores, one_element);
    node_client_open(&client, &node, 0);
    node_client_open(&other, &node, 0);
}

static void setup(void)
{
    start(1);
}

static void teardown(void)
{
    node_client_close(&client);
    node_client_close(&other);
    node_end(&node);
}

TestSuite(slice, .init = setup, .fini = teardown, .timeout = 60);

/* A set of MEMBERS members. */
static void set_make(const char *key)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        node_client_format(&other, "SADD %s member:%u\r\n", key, i);
        node_client_expect(&other, ":1\r\n");
    }
}

static bool is_suspended(void)
{
    return !gf_list_empty(&node_worker(&node, 0)->slicing.waiting);
}

/* COPY has begun, and pauses. */
static void copy_begin(const char *from, const char *to)
{
    node_client_format(&client, "COPY %s %s\r\n", from, to);
    node_turn(&node, 0);
    cr_assert(is_suspended());
}

static void expect_nothing(struct node_client *from)
{
    node_client_read(from);
    cr_assert_eq(from->in_size, 0, "%s", from->in);
}

Test(slice, others_are_answered_while_a_command_pauses)
{
    set_make("a");
    copy_begin("a", "b");
    for (unsigned i = 0; i < 5; i++) {
        node_client_format(&other, "SET x %u\r\nSADD y %u\r\nGET x\r\n", i, i);
        node_client_expect(&other, "+OK\r\n:1\r\n$1\r\n");
        node_client_expect(&other, (char[]){(char)('0' + i), '\r', '\n', 0});
        cr_assert(is_suspended(), "not answered between the slices");
    }
    node_client_expect(&client, ":1\r\n");
    cr_assert_not(is_suspended());
    node_client_send(&client, "SCARD b\r\nSISMEMBER b member:998\r\n");
    node_client_expect(&client, ":999\r\n:1\r\n");
}

Test(slice, who_wants_its_keys_waits)
{
    set_make("a");
    copy_begin("a", "b");
    node_client_send(&other, "SADD a more\r\nSCARD b\r\n");
    for (unsigned i = 0; i < 5; i++)
        node_turn(&node, 0);
    cr_assert(is_suspended());
    expect_nothing(&other);
    node_client_expect(&client, ":1\r\n");
    node_client_expect(&other, ":1\r\n:999\r\n");
}

Test(slice, what_follows_in_a_pipeline_sees_its_effect)
{
    set_make("a");
    node_client_send(&client, "COPY a b\r\nSCARD b\r\nDBSIZE\r\nSET c 1\r\nDEL a b\r\nDBSIZE\r\n"
                              "SCAN 0 COUNT 100\r\n");
    node_client_expect(&client, ":1\r\n:999\r\n:2\r\n+OK\r\n:2\r\n:1\r\n"
                                "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nc\r\n");
}

Test(slice, names_are_looked_at_meanwhile_and_whole_databases_wait)
{
    struct node_client flusher;

    set_make("a");
    copy_begin("a", "b");
    node_client_send(&other, "DBSIZE\r\nKEYS *\r\nRANDOMKEY\r\nSCAN 0 COUNT 100\r\n");
    node_client_expect(&other, ":1\r\n*1\r\n$1\r\na\r\n$1\r\na\r\n"
                               "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n");
    cr_assert(is_suspended());
    node_client_open(&flusher, &node, 0);
    node_client_send(&flusher, "FLUSHALL\r\n");
    node_turn(&node, 0);
    expect_nothing(&flusher);
    node_client_send(&other, "DBSIZE\r\n"); /* came after it */
    node_client_expect(&client, ":1\r\n");
    node_client_expect(&flusher, "+OK\r\n");
    node_client_expect(&other, ":0\r\n");
    node_client_close(&flusher);
}

Test(slice, several_take_turns)
{
    struct node_client more;

    set_make("a");
    set_make("d");
    node_client_open(&more, &node, 0);
    node_client_send(&client, "COPY a b\r\n");
    node_client_send(&other, "COPY a c\r\n"); /* the same source: one after the other */
    node_client_send(&more, "COPY d e\r\n");
    node_client_expect(&more, ":1\r\n");
    node_client_expect(&client, ":1\r\n");
    node_client_expect(&other, ":1\r\n");
    node_client_close(&more);
    node_client_send(&client, "SCARD b\r\nSCARD c\r\nSCARD e\r\n");
    node_client_expect(&client, ":999\r\n:999\r\n:999\r\n");
}

Test(slice, runs_to_its_end_when_nobody_waits_for_the_answer)
{
    set_make("a");
    copy_begin("a", "b");
    close(client.fd);
    client.fd = -1;
    node_client_send(&other, "SCARD b\r\n");
    node_client_expect(&other, ":999\r\n");
}

Test(slice, a_transaction_waits_and_runs_in_one_go)
{
    set_make("a");
    copy_begin("a", "b");
    node_client_send(&other, "MULTI\r\nSCARD b\r\nCOPY b c\r\nEXEC\r\nSCARD c\r\n");
    node_client_expect(&other, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:999\r\n:1\r\n:999\r\n");
    node_client_expect(&client, ":1\r\n");
}

Test(slice, who_waits_for_a_key_is_served_when_it_is_there)
{
    struct node_client waiter;

    for (unsigned i = 0; i < 40; i++) {
        node_client_format(&other, "RPUSH a %01000u\r\n", i);
        node_turn_all(&node, 1);
        other.in_size = 0;
    }
    node_client_read(&other);
    other.in_size = 0;
    other.in[0] = 0;
    node_client_open(&waiter, &node, 0);
    node_client_send(&waiter, "BLPOP b 0\r\n");
    node_turn(&node, 0);
    copy_begin("a", "b");
    node_client_send(&other, "LLEN b\r\n");
    node_client_expect(&client, ":1\r\n");
    node_turn_all(&node, 3);
    node_client_read(&waiter);
    cr_assert_gt(waiter.in_size, 1000);
    node_client_close(&waiter);
}

Test(slice, is_counted_and_timed_once)
{
    const struct gf_command_stats *stats;
    const struct gf_command *copy =
        gf_registry_find(node.server.plugins->registry, GF_BYTES("COPY"));

    set_make("a");
    copy_begin("a", "b");
    stats = gf_worker_stats_of(node_worker(&node, 0), copy);
    cr_assert_eq(stats->calls, 0);
    node_client_expect(&client, ":1\r\n");
    cr_assert_eq(stats->calls, 1);
    cr_assert_gt(stats->duration_ns, 0);
}

/* A command of another core's client. */
Test(slice_far, comes_back_over_the_ring, .timeout = 60)
{
    char keys[3][16];

    start(2);
    for (uint32_t i = 0; i < 3; i++)
        node_key(&node, 1, i, keys[i]);
    set_make(keys[0]);
    node_client_format(&client, "COPY %s %s\r\nGET %s\r\nSCARD %s\r\n", keys[0], keys[1], keys[2],
                       keys[1]);
    for (unsigned i = 0; i < 5; i++)
        node_turn_all(&node, 1);
    cr_assert_not(gf_list_empty(&node_worker(&node, 1)->slicing.waiting));
    node_client_format(&other, "SCARD %s\r\nSADD %s late\r\n", keys[0], keys[1]);
    node_client_expect(&client, ":1\r\n$-1\r\n:999\r\n");
    node_client_expect(&other, ":999\r\n:1\r\n");
    teardown();
}

/* Another key of `key`'s partition. */
static void neighbour_of(const char *key, char neighbour[16])
{
    const struct gf_router *router = &node.server.router;
    uint32_t partition = gf_router_partition(router, gf_bytes_of(key));
    unsigned number = 1000;

    do
        snprintf(neighbour, 16, "n%u", number++);
    while (gf_router_partition(router, gf_bytes_of(neighbour)) != partition);
}

static bool is_held(const char *key)
{
    const struct gf_router *router = &node.server.router;
    uint32_t partition = gf_router_partition(router, gf_bytes_of(key));

    return !gf_locks_free(&node_worker(&node, router->owners[partition])->locks, partition);
}

/* Keys on two cores: the partitions come and go, the keys stay held. */
Test(slice_spread, gives_partitions_back_between_slices, .timeout = 60)
{
    char near[16], far[16], neighbours[2][16];
    struct node_client late;

    start(2);
    node_key(&node, 0, 0, near);
    node_key(&node, 1, 0, far);
    neighbour_of(near, neighbours[0]);
    neighbour_of(far, neighbours[1]);
    node_client_open(&late, &node, 1);
    for (uint16_t round = 0; round < 2; round++) {
        set_make(near);
        node_client_format(&client, "COPY %s %s\r\nSCARD %s\r\n", near, far, far);
        for (unsigned i = 0; i < 5; i++)
            node_turn_all(&node, 1);
        cr_assert(is_held(far));
        for (uint16_t core = 0; core < 2; core++) {
            node_client_format(&other, "SET %s %u\r\n", neighbours[core], core);
            node_client_expect(&other, "+OK\r\n");
        }
        node_client_format(&other, "MGET %s %s\r\nDBSIZE\r\n", neighbours[0], neighbours[1]);
        node_client_expect(&other, "*2\r\n$1\r\n0\r\n$1\r\n1\r\n:3\r\n");
        node_client_format(&late, "EXISTS %s %s\r\n", near, far);
        node_turn_all(&node, 4);
        expect_nothing(&late);
        cr_assert(is_held(near), "all of it happened while the command paused");
        node_client_expect(&client, ":1\r\n:999\r\n");
        node_client_expect(&late, ":2\r\n");
        node_client_format(&client, "DEL %s %s %s %s\r\n", near, far, neighbours[0], neighbours[1]);
        node_client_expect(&client, ":4\r\n");
    }
    node_client_close(&late);
    teardown();
}

/* Two commands that pause, both ways over the same two partitions, and what waits for all. */
Test(slice_spread, several_give_way_to_each_other, .timeout = 60)
{
    char near[16], far[16], from[2][16];
    struct node_client flusher;

    start(2);
    node_key(&node, 0, 0, near);
    node_key(&node, 1, 0, far);
    neighbour_of(near, from[0]);
    neighbour_of(far, from[1]);
    set_make(from[0]);
    set_make(from[1]);
    node_client_open(&flusher, &node, 1);
    node_client_format(&client, "COPY %s %s\r\n", from[0], far);
    node_client_format(&other, "COPY %s %s\r\n", from[1], near);
    for (unsigned i = 0; i < 10; i++)
        node_turn_all(&node, 1);
    node_client_send(&flusher, "FLUSHALL\r\n");
    node_turn_all(&node, 3);
    expect_nothing(&flusher);
    node_client_expect(&client, ":1\r\n");
    node_client_expect(&other, ":1\r\n");
    node_client_expect(&flusher, "+OK\r\n");
    node_client_send(&client, "DBSIZE\r\n");
    node_client_expect(&client, ":0\r\n");
    node_client_close(&flusher);
    teardown();
}

static uint16_t owner_now(const char *key)
{
    return node.server.partitions[gf_router_partition(&node.server.router, gf_bytes_of(key))]
        ->owner;
}

/* A command that pauses on one core, whose partition another one has taken meanwhile. */
Test(slice_spread, a_slice_waits_for_partitions_that_are_away, .timeout = 60)
{
    struct node_client remote;
    char from[16], to[16], target[16], far[16];

    start(2);
    node_key(&node, 0, 0, from);
    node_key(&node, 1, 0, far);
    neighbour_of(from, target);
    snprintf(to, sizeof(to), "%.14s0", target);
    while (gf_router_partition(&node.server.router, gf_bytes_of(to)) !=
           gf_router_partition(&node.server.router, gf_bytes_of(from)))
        snprintf(to, sizeof(to), "n%u", (unsigned)atoi(to + 1) + 1);
    set_make(from);
    set_make(far);
    node_client_open(&remote, &node, 1);
    node_client_format(&remote, "COPY %s %s\r\n", far, target);
    node_turn_all(&node, 5);
    node_client_format(&client, "COPY %s %s\r\n", from, to);
    for (unsigned i = 0; i < 5 || owner_now(from) == 0; i++) {
        cr_assert_lt(i, 10);
        node_turn(&node, 1);
        node_turn(&node, 0);
    }
    cr_assert_eq(owner_now(from), 1, "it is lent");
    for (unsigned i = 0; i < 2 * MEMBERS; i++)
        node_turn(&node, 0);
    cr_assert_not(gf_list_empty(&node_worker(&node, 0)->locks.waiting));
    expect_nothing(&client);
    node_client_expect(&remote, ":1\r\n");
    node_client_expect(&client, ":1\r\n");
    node_client_format(&client, "SCARD %s\r\nSCARD %s\r\n", to, target);
    node_client_expect(&client, ":999\r\n:999\r\n");
    node_client_close(&remote);
    teardown();
}

/* DBSIZE waits for a slice of another core's command: for one partition, and asks for all. */
Test(slice_spread, who_looks_at_names_and_waits_keeps_nobody_from_keys, .timeout = 60)
{
    struct node_client remote;
    char from[16], far[16], free[16];

    start(2);
    node_key(&node, 0, 0, from);
    node_key(&node, 0, 1, free);
    node_key(&node, 1, 0, far);
    set_make(from);
    node_client_open(&remote, &node, 1);
    node_client_format(&remote, "COPY %s %s\r\n", from, far);
    node_turn_all(&node, 5);
    for (unsigned i = 0; owner_now(from) == 0; i++) {
        cr_assert_lt(i, 10);
        node_turn(&node, 1);
        node_turn(&node, 0);
    }
    node_client_format(&client, "DBSIZE\r\nSET %s 1\r\n", free);
    node_turn(&node, 0);
    node_client_format(&other, "GET %s\r\n", free);
    for (unsigned i = 0; i < 3; i++)
        node_turn(&node, 0);
    expect_nothing(&client);
    node_client_read(&other);
    cr_assert_str_eq(other.in, "$-1\r\n");
    node_client_expect(&client, ":1\r\n+OK\r\n");
    cr_assert(is_held(far));
    node_client_expect(&remote, ":1\r\n");
    node_client_close(&remote);
    teardown();
}

/* Commands in slices take turns over all partitions, so that never all of them are here. */
Test(slice_spread, who_looks_at_names_has_his_turn_between_slices, .timeout = 60)
{
    enum { COMMANDS = 8 };
    struct node_client clients[COMMANDS];
    char from[COMMANDS][16], to[16];

    start(2);
    for (uint16_t i = 0; i < COMMANDS; i++) {
        node_key(&node, i % 2, i, from[i]);
        set_make(from[i]);
    }
    for (uint16_t i = 0; i < COMMANDS; i++) {
        node_key(&node, 1 - i % 2, i + 20, to);
        node_client_open(&clients[i], &node, i / 2 % 2);
        node_client_format(&clients[i], "COPY %s %s\r\n", from[i], to);
    }
    node_turn_all(&node, 20);
    for (unsigned i = 0; i < 5; i++) {
        node_client_send(&other, "DBSIZE\r\n");
        node_client_expect(&other, ":8\r\n");
    }
    for (uint16_t i = 0; i < COMMANDS; i++)
        expect_nothing(&clients[i]);
    for (uint16_t i = 0; i < COMMANDS; i++) {
        node_client_expect(&clients[i], ":1\r\n");
        node_client_close(&clients[i]);
    }
    node_client_send(&other, "DBSIZE\r\n");
    node_client_expect(&other, ":16\r\n");
    teardown();
}

/* Several parts of one command find their partitions away, and come back one after the other. */
Test(slice_spread, parts_are_asked_again_each_for_itself, .timeout = 60)
{
    struct test_random random = {.state = 1};
    struct node_client reader;
    char keys[3][16], from[16], to[16];

    start(3);
    for (uint16_t core = 0; core < 3; core++)
        node_key(&node, core, 0, keys[core]);
    neighbour_of(keys[0], from);
    neighbour_of(keys[1], to);
    set_make(from);
    node_client_open(&reader, &node, 2);
    for (unsigned round = 0; round < 10; round++) {
        node_client_format(&client, "COPY %s %s REPLACE\r\n", from, to);
        for (unsigned i = 0; i < 100; i++) {
            node_client_format(&reader, "MGET %s %s %s\r\n", keys[0], keys[1], keys[2]);
            for (unsigned k = 0; k < 50; k++)
                node_turn(&node, (uint16_t)test_random_below(&random, 3));
            node_client_expect(&reader, "*3\r\n$-1\r\n$-1\r\n$-1\r\n");
        }
        node_client_expect(&client, ":1\r\n");
    }
    node_client_close(&reader);
    teardown();
}

/* More keys of `key`'s partition. */
static void neighbours_of(const char *key, uint32_t count, char neighbours[][16])
{
    const struct gf_router *router = &node.server.router;
    uint32_t partition = gf_router_partition(router, gf_bytes_of(key));
    unsigned number = 2000;

    for (uint32_t i = 0; i < count; number++) {
        snprintf(neighbours[i], 16, "n%u", number);
        i += gf_router_partition(router, gf_bytes_of(neighbours[i])) == partition;
    }
}

static bool is_answered(struct node_client *from)
{
    node_client_read(from);
    return from->in_size > 0;
}

/* Long commands of both cores over the same partitions advance side by side. */
Test(slice_spread, none_is_starved_by_others_over_the_same_partitions, .timeout = 60)
{
    struct node_client clients[4];
    char near[16], far[16], from[4][16], to[4][16];
    uint32_t turns[4] = {0};
    uint32_t turn = 0;

    start(2);
    node_key(&node, 0, 0, near);
    node_key(&node, 1, 0, far);
    neighbours_of(near, 4, from);
    neighbours_of(far, 4, to);
    for (unsigned i = 0; i < 4; i++) {
        set_make(from[i]);
        node_client_open(&clients[i], &node, (uint16_t)(i % 2));
    }
    for (unsigned i = 0; i < 4; i++)
        node_client_format(&clients[i], "COPY %s %s\r\n", from[i], to[i]);
    for (uint32_t left = 4; left > 0; turn++) {
        node_turn_all(&node, 1);
        for (unsigned i = 0; i < 4; i++) {
            if (turns[i] == 0 && is_answered(&clients[i])) {
                turns[i] = turn;
                left--;
            }
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_gt(turns[i], turn / 2, "another had %u turns of %u", turns[i], turn);
        node_client_expect(&clients[i], ":1\r\n");
        node_client_close(&clients[i]);
    }
    teardown();
}

/* What a long command over both cores holds is one key of each: other keys of its partitions can be
 * used by everything that names its keys. */
Test(slice_spread, other_keys_of_its_partitions_are_free_for_every_command, .timeout = 60)
{
    char near[16], far[16], nears[2][16], fars[2][16];

    start(2);
    node_key(&node, 0, 0, near);
    node_key(&node, 1, 0, far);
    neighbours_of(near, 2, nears);
    neighbours_of(far, 2, fars);
    set_make(near);
    node_client_format(&client, "COPY %s %s\r\n", near, far);
    node_turn_all(&node, 5);
    node_client_format(&other, "SET %s 1\r\nRENAME %s %s\r\n", nears[0], nears[0], fars[0]);
    node_client_expect(&other, "+OK\r\n+OK\r\n");
    node_client_format(&other, "MSETNX %s 1 %s 2\r\n", nears[1], fars[1]);
    node_client_expect(&other, ":1\r\n");
    node_client_format(&other, "WATCH %s %s\r\nMULTI\r\nINCR %s\r\nINCR %s\r\nEXEC\r\n", nears[1],
                       fars[0], nears[1], fars[1]);
    node_client_expect(&other, "+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:2\r\n:3\r\n");
    node_client_format(&other, "MULTI\r\nINCR %s\r\nEXEC\r\n", nears[1]);
    node_client_expect(&other, "+OK\r\n+QUEUED\r\n*1\r\n:3\r\n");
    node_client_format(&other, "MULTI\r\nINCR %s\r\nEXEC\r\n", fars[1]);
    node_client_expect(&other, "+OK\r\n+QUEUED\r\n*1\r\n:4\r\n");
    cr_assert(is_held(near), "all of it while the command pauses");
    cr_assert(is_held(far));
    node_client_format(&other, "RENAME %s %s\r\nSCARD %s\r\n", far, nears[0], nears[0]);
    node_turn_all(&node, 5);
    expect_nothing(&other);
    node_client_expect(&client, ":1\r\n");
    node_client_expect(&other, "+OK\r\n:999\r\n");
    teardown();
}

/* A command that waits for a key that is held keeps nobody from partitions that it found free. */
Test(slice_spread, who_waits_for_its_keys_holds_keys_only, .timeout = 60)
{
    struct node_client waiter;
    char near[16], far[16], own[16], beside[16];

    start(2);
    node_key(&node, 0, 0, near);
    node_key(&node, 0, 1, own);
    node_key(&node, 1, 0, far);
    neighbour_of(own, beside);
    set_make(near);
    node_client_format(&client, "COPY %s %s\r\n", near, far);
    node_turn_all(&node, 5);
    node_client_open(&waiter, &node, 0);
    node_client_format(&waiter, "RENAME %s %s\r\n", far, own);
    node_turn_all(&node, 3);
    node_client_format(&other, "SET %s 1\r\n", beside);
    node_client_expect(&other, "+OK\r\n");
    node_client_format(&other, "EXISTS %s\r\n", own);
    node_turn_all(&node, 2);
    expect_nothing(&other);
    cr_assert(is_held(far));
    node_client_expect(&client, ":1\r\n");
    node_client_expect(&waiter, "+OK\r\n");
    node_client_expect(&other, ":1\r\n");
    node_client_close(&waiter);
    teardown();
}

#define CROWD (2 * GF_PARCEL_RESERVE)

/* Whoever waits for its keys keeps a place in the ring: not those that it needs itself. */
Test(slice_spread, goes_on_however_many_wait_for_its_keys, .timeout = 60)
{
    static struct node_client crowd[CROWD];
    struct node_client getters[4];
    char near[16], far[16];

    start(2);
    node_key(&node, 0, 0, near);
    node_key(&node, 1, 0, far);
    set_make(near);
    node_client_format(&client, "COPY %s %s\r\n", near, far);
    node_turn_all(&node, 5);
    cr_assert(is_held(far));
    for (uint32_t i = 0; i < GF_COUNT(getters); i++) {
        node_client_open(&getters[i], &node, 0);
        node_client_send_gets(&getters[i], far, GF_MESH_CREDITS / GF_COUNT(getters));
    }
    for (uint32_t i = 0; i < CROWD; i++) {
        char own[16];

        node_key(&node, 0, i + 1, own);
        node_client_open(&crowd[i], &node, 0);
        node_client_format(&crowd[i], "EXISTS %s %s\r\n", own, far);
    }
    node_client_expect(&client, ":1\r\n");
    for (uint32_t i = 0; i < CROWD; i++) {
        node_client_expect(&crowd[i], ":1\r\n");
        node_client_close(&crowd[i]);
    }
    for (uint32_t i = 0; i < GF_COUNT(getters); i++)
        node_client_close(&getters[i]);
    teardown();
}

/* ... and leaves the places to those who want other keys. */
Test(slice_spread, who_waits_for_its_keys_keeps_nobody_from_others, .timeout = 60)
{
    static const char wrong[] =
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    struct node_client getters[8], askers[8];
    char near[16], far[16], own[2][16], others[2][16];

    start(2);
    node_key(&node, 0, 0, near);
    node_key(&node, 0, 1, own[0]);
    node_key(&node, 0, 2, own[1]);
    node_key(&node, 1, 0, far);
    neighbours_of(far, 2, others);
    set_make(near);
    node_client_format(&client, "COPY %s %s\r\n", near, far);
    node_turn_all(&node, 5);
    for (uint32_t i = 0; i < GF_COUNT(getters); i++) {
        node_client_open(&getters[i], &node, 0);
        node_client_open(&askers[i], &node, 0);
        node_client_send_gets(&getters[i], far, GF_MESH_CREDITS / GF_COUNT(getters));
        node_client_format(&askers[i], "EXISTS %s %s\r\n", own[0], far);
    }
    node_turn_all(&node, 20);
    cr_assert_gt(gf_mesh_credits(node_worker(&node, 0)->core, 1), GF_MESH_CREDITS - 64);
    node_client_format(&other, "GET %s\r\nMSET %s 1 %s 2\r\n", others[0], own[1], others[1]);
    node_client_expect(&other, "$-1\r\n+OK\r\n");
    cr_assert(is_held(far));
    node_client_expect(&client, ":1\r\n");
    for (uint32_t i = 0; i < GF_COUNT(getters); i++) {
        node_client_expect_times(&getters[i], wrong, GF_MESH_CREDITS / GF_COUNT(getters));
        node_client_expect(&askers[i], ":1\r\n");
        node_client_close(&getters[i]);
        node_client_close(&askers[i]);
    }
    teardown();
}
