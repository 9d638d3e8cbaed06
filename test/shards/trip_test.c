/* SCAN over several cores: one call goes on where the keys are. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/registry.h"
#include "support/node_fixture.h"

#define KEYS_MAX 2000
#define CORES_MAX 4

static struct node node;
static uint16_t cores;

static void setup_cores(uint16_t count, void (*configure)(struct gf_settings *settings))
{
    cores = count;
    node_start(&node, count, configure);
}

static void setup(void)
{
    setup_cores(2, NULL);
}

static void teardown(void)
{
    node_end(&node);
}

TestSuite(trip, .init = setup, .fini = teardown, .timeout = 60);

/* What the calls of one scan gave. Keys are "k<number>". */
struct seen {
    uint64_t cursor;
    uint32_t calls;
    uint32_t keys; /* of the last call */
    uint32_t times[KEYS_MAX];
};

/* The line that begins at *text, as a number behind its first `skip` characters; *text goes on. */
static uint64_t line_read(const char **text, size_t skip)
{
    char *end;
    uint64_t number = strtoull(*text + skip, &end, 10);

    cr_assert_eq(strncmp(end, "\r\n", 2), 0, "%s", *text);
    *text = end + 2;
    return number;
}

/* Takes a whole answer to SCAN; false when there is not all of it yet. */
static bool answer_take(struct node_client *client, struct seen *seen)
{
    const char *at = client->in;
    uint64_t count;
    uint32_t lines = 0;

    node_client_read(client);
    for (const char *p = client->in; p && (p = strchr(p, '\n')); p++)
        lines++;
    at = client->in;
    if (lines < 4)
        return false;
    cr_assert_eq(strncmp(at, "*2\r\n$", 5), 0, "%s", at);
    at += 4;
    line_read(&at, 1);
    seen->cursor = line_read(&at, 0);
    count = line_read(&at, 1);
    if (lines < 4 + 2 * count)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        line_read(&at, 1);
        uint64_t number = line_read(&at, 1);

        cr_assert_lt(number, KEYS_MAX);
        seen->times[number]++;
    }
    seen->keys = (uint32_t)count;
    seen->calls++;
    client->in_size -= (size_t)(at - client->in);
    memmove(client->in, at, client->in_size + 1);
    return true;
}

static void answer_wait(struct node_client *client, struct seen *seen)
{
    for (int i = 0; i < 500; i++) {
        if (answer_take(client, seen))
            return;
        node_turn_all(&node, 1);
    }
    cr_assert_fail("no answer: %s", client->in);
}

static void scan_once(struct node_client *client, const char *options, struct seen *seen)
{
    node_client_format(client, "SCAN %llu%s\r\n", (unsigned long long)seen->cursor, options);
    answer_wait(client, seen);
}

static void keys_set(struct node_client *client, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        node_client_format(client, "SET k%u 1\r\n", i);
        node_client_expect(client, "+OK\r\n");
    }
}

/* Clients' own tests, and people, expect a small database in one answer. */
Test(trip, a_small_database_takes_one_call_from_every_core)
{
    struct node_client client;

    node_client_open(&client, &node, 0);
    keys_set(&client, 0, 9);
    node_client_close(&client);
    for (uint16_t core = 0; core < 2; core++) {
        struct seen seen = {0};

        node_client_open(&client, &node, core);
        scan_once(&client, "", &seen);
        cr_assert_eq(seen.cursor, 0);
        cr_assert_eq(seen.keys, 9);
        for (uint32_t i = 0; i < 9; i++)
            cr_assert_eq(seen.times[i], 1, "k%u", i);
        node_client_close(&client);
    }
}

Test(trip, an_empty_database_takes_one_call)
{
    struct node_client client;

    for (uint16_t core = 0; core < 2; core++) {
        node_client_open(&client, &node, core);
        node_client_format(&client, "SCAN 0\r\nSCAN 00 COUNT 1000 MATCH x*\r\nPING\r\n");
        node_client_expect(&client, "*2\r\n$1\r\n0\r\n*0\r\n*2\r\n$1\r\n0\r\n*0\r\n+PONG\r\n");
        node_client_close(&client);
    }
}

static void many_partitions(struct gf_settings *settings)
{
    settings->partitions = 1024;
}

/* However the partitions are strewn over the cores: a call with COUNT sees that many keys. */
Test(trip_sparse, calls_are_as_few_as_count_allows, .timeout = 60)
{
    for (uint16_t count = 1; count <= CORES_MAX; count++) {
        struct node_client client;
        struct seen seen = {0};

        setup_cores(count, many_partitions);
        node_client_open(&client, &node, (uint16_t)(count - 1));
        keys_set(&client, 0, 200);
        do {
            scan_once(&client, " COUNT 10", &seen);
            cr_assert_leq(seen.keys, 40);
            cr_assert(seen.keys >= 10 || seen.cursor == 0, "%u keys", seen.keys);
        } while (seen.cursor != 0);
        cr_assert_leq(seen.calls, 21);
        for (uint32_t i = 0; i < 200; i++)
            cr_assert_eq(seen.times[i], 1, "k%u: %u", i, seen.times[i]);
        node_client_close(&client);
        node_end(&node);
    }
}

/* A pattern that fits nothing is work all the same: COUNT bounds it, on all cores together. */
Test(trip, what_is_looked_at_counts_not_what_fits)
{
    struct node_client client;
    struct seen seen = {0};

    node_client_open(&client, &node, 0);
    keys_set(&client, 0, 500);
    scan_once(&client, " COUNT 10 MATCH nothing", &seen);
    cr_assert_eq(seen.keys, 0);
    cr_assert_neq(seen.cursor, 0);
    do
        scan_once(&client, " COUNT 10 MATCH nothing", &seen);
    while (seen.cursor != 0);
    cr_assert_geq(seen.calls, 10);
    seen.calls = 0;
    scan_once(&client, " COUNT 100000 MATCH k1?", &seen);
    cr_assert_eq(seen.cursor, 0);
    cr_assert_eq(seen.keys, 10);
    node_client_close(&client);
}

/* Keys 0 .. 499 stay, others come and go between the calls. */
Test(trip, gives_what_stays_whatever_else_happens)
{
    struct node_client client;
    struct node_client other;
    struct seen seen = {0};
    uint32_t next = 500;

    node_client_open(&client, &node, 0);
    node_client_open(&other, &node, 1);
    keys_set(&other, 0, 500);
    do {
        scan_once(&client, " COUNT 15", &seen);
        if (next + 20 <= KEYS_MAX) {
            keys_set(&other, next, next + 20);
            node_client_format(&other, "DEL k%u k%u\r\n", next, next + 19);
            node_client_expect(&other, ":2\r\n");
            next += 20;
        }
        cr_assert_leq(seen.calls, 1000);
    } while (seen.cursor != 0);
    for (uint32_t i = 0; i < 500; i++)
        cr_assert_geq(seen.times[i], 1, "k%u", i);
    node_client_close(&other);
    node_client_close(&client);
}

/* Numbers are read as Redis reads them, also by who decides where SCAN begins. */
Test(trip, odd_cursors_go_where_they_point)
{
    struct node_client client;
    struct seen seen = {0};
    struct seen odd;

    node_client_open(&client, &node, 1);
    keys_set(&client, 0, 300);
    scan_once(&client, " COUNT 200", &seen);
    cr_assert_neq(seen.cursor, 0);
    for (int i = 0; i < 3; i++) {
        static const char *const prefixes[] = {"000", "+", "-"};

        odd = seen;
        node_client_format(&client, "SCAN %s%llu COUNT 1000\r\n", prefixes[i],
                           i < 2 ? (unsigned long long)seen.cursor
                                 : (unsigned long long)-seen.cursor);
        answer_wait(&client, &odd);
        cr_assert_eq(odd.cursor, 0);
        for (uint32_t k = 0; k < 300; k++)
            cr_assert_eq(odd.times[k], 1, "%s k%u: %u", prefixes[i], k, odd.times[k]);
    }
    node_client_format(&client, "SCAN \" 1\"\r\nSCAN 1x\r\nSCAN 18446744073709551616\r\n"
                                "SCAN 0 COUNT 0\r\nSCAN 16383\r\nSCAN -1\r\n");
    node_client_expect(&client, "-ERR invalid cursor\r\n-ERR invalid cursor\r\n"
                                "-ERR invalid cursor\r\n-ERR syntax error\r\n"
                                "*2\r\n$1\r\n0\r\n*0\r\n*2\r\n$1\r\n0\r\n*0\r\n");
    node_client_close(&client);
}

/* What stands behind SCAN in the pipeline comes after all of it. */
Test(trip, the_next_command_does_not_overtake_it)
{
    struct node_client client;
    char keys[2][16];

    for (uint16_t core = 0; core < 2; core++)
        node_key(&node, core, 0, keys[core]);
    for (uint16_t core = 0; core < 2; core++) {
        node_client_open(&client, &node, core);
        node_client_format(&client, "SET %s 1\r\nSCAN 0 MATCH %s\r\nDEL %s\r\nSCAN 0\r\n", keys[1],
                           keys[1], keys[1]);
        node_client_expect(&client, "+OK\r\n*2\r\n$1\r\n0\r\n*1\r\n");
        node_client_format(&client, "PING\r\n");
        while (!strstr(client.in, "PONG")) {
            node_turn_all(&node, 1);
            node_client_read(&client);
        }
        cr_assert_not_null(strstr(client.in, ":1\r\n*2\r\n$1\r\n0\r\n*0\r\n+PONG\r\n"), "%s",
                           client.in);
        client.in_size = 0;
        client.in[0] = '\0';
        node_client_close(&client);
    }
}

/* It ends when its client does; nothing is left behind (node_end looks). */
Test(trip, a_client_that_hangs_up_ends_it)
{
    for (uint32_t turns = 0; turns < 6; turns++) {
        struct node_client client;

        node_client_open(&client, &node, (uint16_t)(turns % 2));
        node_client_format(&client, "SCAN 0\r\nSCAN 0\r\n");
        for (uint32_t i = 0; i < turns; i++)
            node_turn(&node, (uint16_t)((turns + i) % 2));
        node_enter(&node, (uint16_t)(turns % 2));
        gf_conn_close(client.conn, false);
        node_turn_all(&node, 5);
        node_client_close(&client);
    }
}

/* It is one command in the statistics, and nothing when nobody wants its answer. */
Test(trip, counts_once_and_can_be_silent)
{
    struct node_client client;
    uint64_t calls = 0;

    node_client_open(&client, &node, 0);
    node_client_format(&client, "SCAN 0\r\n");
    node_client_expect(&client, "*2\r\n$1\r\n0\r\n*0\r\n");
    for (uint16_t core = 0; core < 2; core++) {
        struct gf_worker *worker = node_enter(&node, core);

        calls += gf_worker_stats_of(
                     worker, gf_registry_find(node.server.plugins->registry, GF_BYTES("SCAN")))
                     ->calls;
    }
    cr_assert_eq(calls, 1);
    node_client_format(&client, "CLIENT REPLY SKIP\r\nSCAN 0\r\nPING\r\n");
    node_client_expect(&client, "+PONG\r\n");
    node_client_close(&client);
}

static void never_granted(struct gf_claim *claim)
{
    (void)claim;
    cr_assert(false, "the claim was free");
}

/* A key number whose partition has this place in a scan. */
static uint32_t number_at(uint32_t place)
{
    const struct gf_router *router = &node.server.router;

    for (uint32_t number = 0; number < KEYS_MAX; number++) {
        char key[16];

        snprintf(key, sizeof(key), "k%u", number);
        if (router->places[gf_router_partition(router, gf_bytes_of(key))] == place)
            return number;
    }
    cr_assert_fail("no key at place %u", place);
    return 0;
}

/* A command before it in the pipeline waits for two partitions, one of which is locked: SCAN must
 * not pass through the other one before that command has run. */
Test(trip_locked, sees_what_waits_before_it, .timeout = 60)
{
    struct node_client client;
    struct seen seen = {0};
    struct gf_worker *worker;
    uint32_t free_key;
    uint32_t locked_key;
    uint16_t locked;
    struct gf_claim claim = {
        .partitions = &locked, .count = 1, .holds = true, .granted = never_granted};

    setup_cores(1, NULL);
    free_key = number_at(1);
    locked_key = number_at(3);
    locked = node.server.router.order[3];
    node_client_open(&client, &node, 0);
    worker = node_enter(&node, 0);
    cr_assert(gf_locks_claim(&worker->locks, &claim));
    node_client_format(&client, "MSET k%u 1 k%u 1\r\nSCAN 0 COUNT 100\r\n", free_key, locked_key);
    node_turn_all(&node, 3);
    node_enter(&node, 0);
    gf_locks_release(&worker->locks, &claim);
    node_client_expect(&client, "+OK\r\n");
    answer_wait(&client, &seen);
    while (seen.cursor != 0)
        scan_once(&client, " COUNT 100", &seen);
    cr_assert_eq(seen.times[free_key], 1);
    cr_assert_eq(seen.times[locked_key], 1);
    node_client_close(&client);
    node_end(&node);
}
