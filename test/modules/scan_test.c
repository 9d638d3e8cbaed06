/* KEYS SCAN RANDOMKEY DBSIZE. */
#include "support/exec_steps.h"

#include <stddef.h>
#include <stdio.h>

#include "modules/scan.h"

#define KEYS_MAX 4000

/* What a whole iteration with SCAN saw, or one call of it. Keys are "k0" … "k3999". */
struct scan_seen {
    uint64_t cursor;
    uint32_t calls;
    uint32_t keys;          /* in the last call */
    uint8_t seen[KEYS_MAX]; /* times */
};

/* Reads the digits that `text` begins with and what follows them up to the next line. */
static const char *number_read(const char *text, uint64_t *ret_number)
{
    char *end;

    *ret_number = strtoull(text, &end, 10);
    cr_assert_eq(strncmp(end, "\r\n", 2), 0, "%s", text);
    return end + 2;
}

/* One call of SCAN from seen->cursor on; `options` begin with a space. */
static void scan_once(struct exec_fixture *fixture, const char *options, struct scan_seen *seen)
{
    char line[200];
    uint64_t size;
    uint64_t count;
    uint64_t number;

    snprintf(line, sizeof(line), "SCAN %llu%s", (unsigned long long)seen->cursor, options);

    const char *answer = exec_run(fixture, line);

    cr_assert_eq(strncmp(answer, "*2\r\n$", 5), 0, "%s answers %s", line, answer);
    answer = number_read(answer + 5, &size);
    answer = number_read(answer, &seen->cursor);
    answer = number_read(answer + 1, &count);
    for (uint64_t i = 0; i < count; i++) {
        answer = number_read(answer + 1, &size);
        cr_assert_eq(*answer, 'k');
        answer = number_read(answer + 1, &number);
        cr_assert_lt(number, KEYS_MAX);
        seen->seen[number]++;
    }
    cr_assert_eq(*answer, '\0');
    seen->keys = (uint32_t)count;
    seen->calls++;
}

static void keys_set(struct exec_fixture *fixture, uint32_t from, uint32_t to)
{
    char line[60];

    for (uint32_t i = from; i < to; i++) {
        snprintf(line, sizeof(line), "SET k%u %u", i, i);
        EXEC_EXPECT(fixture, line, "+OK\r\n");
    }
}

Test(scan, cursors_are_read_as_strtoul_does)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t cursor;
    } cases[] = {
        {"0", true, 0},
        {"", true, 0},
        {"00012", true, 12},
        {"+7", true, 7},
        {"-1", true, UINT64_MAX},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"184467440737095516150", false, 0},
        {"-", false, 0},
        {"+", false, 0},
        {"--1", false, 0},
        {" 0", false, 0},
        {"0 ", false, 0},
        {"1a", false, 0},
        {"a", false, 0},
    };

    for (size_t i = 0; i < GF_COUNT(cases); i++) {
        uint64_t cursor = 1;
        bool good = gf_scan_cursor_parse(gf_bytes_of(cases[i].text), &cursor);

        cr_expect_eq(good, cases[i].good, "'%s'", cases[i].text);
        cr_expect_eq(cursor, good ? cases[i].cursor : 1, "'%s'", cases[i].text);
    }
}

Test(scan, cursor_has_a_position_and_a_partition)
{
    uint64_t cursor = gf_scan_cursor(((uint64_t)1 << GF_SCAN_POSITION_BITS) - 1, 16383);

    cr_assert_eq(gf_scan_cursor_place(cursor), 16383);
    cr_assert_eq(gf_scan_cursor_position(cursor), ((uint64_t)1 << GF_SCAN_POSITION_BITS) - 1);
    cr_assert_eq(gf_scan_cursor(0, 3), 3);
}

Test(scan, small_databases_take_one_call)
{
    EXEC_STEPS({"SCAN 0", "*2\r\n$1\r\n0\r\n*0"}, {"SET k0 1", "+OK"},
               {"SCAN 0", "*2\r\n$1\r\n0\r\n*1\r\n$2\r\nk0"}, {"#1", NULL},
               {"SCAN 0", "*2\r\n$1\r\n0\r\n*0"});
}

Test(scan, errors)
{
    EXEC_STEPS({"SCAN", "-ERR wrong number of arguments for 'scan' command"},
               {"SCAN abc", "-ERR invalid cursor"}, {"SCAN abc COUNT 0", "-ERR invalid cursor"},
               {"SCAN \" 0\"", "-ERR invalid cursor"},
               {"SCAN 18446744073709551616", "-ERR invalid cursor"},
               {"SCAN 0 COUNT 0", "-ERR syntax error"}, {"SCAN 0 COUNT -1", "-ERR syntax error"},
               {"SCAN 0 COUNT abc", "-ERR value is not an integer or out of range"},
               {"SCAN 0 COUNT 9223372036854775808", "-ERR value is not an integer or out of range"},
               {"SCAN 0 COUNT", "-ERR syntax error"}, {"SCAN 0 COUNT 1 MATCH", "-ERR syntax error"},
               {"SCAN 0 TYPE", "-ERR syntax error"}, {"SCAN 0 foo bar", "-ERR syntax error"},
               {"SCAN 0 foo", "-ERR syntax error"});
}

Test(scan, cursors_that_were_made_up_end_the_scan)
{
    EXEC_STEPS({"SET k0 1", "+OK"}, {"SCAN -1", "*2\r\n$1\r\n0\r\n*0"},
               {"SCAN 18446744073709551615", "*2\r\n$1\r\n0\r\n*0"},
               {"SCAN 16383", "*2\r\n$1\r\n0\r\n*0"}, {"SCAN 4", "*2\r\n$1\r\n0\r\n*0"});
}

Test(scan, options)
{
    EXEC_STEPS({"SET k1 1", "+OK"}, {"SCAN 0 TYPE string", "*2\r\n$1\r\n0\r\n*1\r\n$2\r\nk1"},
               {"SCAN 0 type STRING count 9223372036854775807", "*2\r\n$1\r\n0\r\n*1\r\n$2\r\nk1"},
               {"SCAN 0 TYPE none", "*2\r\n$1\r\n0\r\n*0"},
               {"SCAN 0 TYPE \"\"", "*2\r\n$1\r\n0\r\n*0"},
               {"SCAN 0 MATCH k[1-3]", "*2\r\n$1\r\n0\r\n*1\r\n$2\r\nk1"},
               {"SCAN 0 MATCH K1", "*2\r\n$1\r\n0\r\n*0"},
               {"SCAN 0 MATCH z MATCH *", "*2\r\n$1\r\n0\r\n*1\r\n$2\r\nk1"},
               {"SCAN 0 MATCH k1 TYPE hash", "*2\r\n$1\r\n0\r\n*0"});
}

Test(scan, the_expired_are_absent)
{
    EXEC_STEPS({"SET k1 1", "+OK"}, {"SET k2 1", "+OK"}, {"PEXPIRE k2 5", ":1"}, {"@5", NULL},
               {"SCAN 0 COUNT 100", "*2\r\n$1\r\n0\r\n*1\r\n$2\r\nk1"},
               {"KEYS *", "*1\r\n$2\r\nk1"});
}

Test(scan, sees_every_key_once_when_nothing_changes)
{
    struct scan_seen seen = {0};
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    keys_set(&fixture, 0, 2000);
    do {
        scan_once(&fixture, " COUNT 20", &seen);
        cr_assert_leq(seen.keys, 100); /* COUNT and what shares a bucket */
        cr_assert_leq(seen.calls, 1000);
    } while (seen.cursor != 0);
    for (uint32_t i = 0; i < 2000; i++)
        cr_assert_eq(seen.seen[i], 1, "k%u: %u", i, seen.seen[i]);
    cr_assert_geq(seen.calls, 20);
    exec_fixture_deinit(&fixture);
}

Test(scan, one_call_can_take_all)
{
    struct scan_seen seen = {0};
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    keys_set(&fixture, 0, 2000);
    scan_once(&fixture, " COUNT 100000", &seen);
    cr_assert_eq(seen.cursor, 0);
    cr_assert_eq(seen.keys, 2000);
    seen = (struct scan_seen){0};
    scan_once(&fixture, " COUNT 100000 MATCH k1??", &seen);
    cr_assert_eq(seen.keys, 100);
    exec_fixture_deinit(&fixture);
}

/* Keys 0 … 999 stay; all others come and go while the scan is under way, and the tables grow. */
Test(scan, sees_what_stays_whatever_else_happens)
{
    struct scan_seen seen = {0};
    struct exec_fixture fixture;
    uint32_t next = 1000;
    char line[60];

    exec_fixture_init(&fixture);
    keys_set(&fixture, 0, 1000);
    do {
        scan_once(&fixture, " COUNT 15", &seen);
        if (next + 50 <= KEYS_MAX) {
            keys_set(&fixture, next, next + 50);
            next += 50;
        }
        snprintf(line, sizeof(line), "DEL k%u", next - 1 - seen.calls % 50);
        exec_run(&fixture, line);
        cr_assert_leq(seen.calls, 10000);
    } while (seen.cursor != 0);
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_geq(seen.seen[i], 1, "k%u", i);
    exec_fixture_deinit(&fixture);
}

/* A server with a core per partition: SCAN gets the one that its cursor names. */
struct routed {
    struct exec_fixture fixture;
    uint32_t partition; /* the only one given */
};

static struct routed *routed_of(struct gf_space *space)
{
    return (struct routed *)((char *)space - offsetof(struct routed, fixture.space));
}

static struct gf_keyspace *routed_at(struct gf_space *space, uint32_t db, uint32_t index)
{
    struct routed *routed = routed_of(space);

    return index == 0 ? routed->fixture.keyspaces[db][routed->partition] : NULL;
}

static uint32_t routed_partition_at(struct gf_space *space, uint32_t index)
{
    cr_assert_eq(index, 0);
    return routed_of(space)->partition;
}

Test(scan, goes_from_partition_to_partition)
{
    struct scan_seen seen = {0};
    struct routed routed = {.partition = 0};

    exec_fixture_init(&routed.fixture);
    keys_set(&routed.fixture, 0, 500);
    routed.fixture.space.at = routed_at;
    routed.fixture.space.partition_at = routed_partition_at;
    do {
        routed.partition = gf_scan_cursor_place(seen.cursor);
        scan_once(&routed.fixture, " COUNT 1000", &seen);
        cr_assert_leq(seen.calls, EXEC_PARTITIONS);
    } while (seen.cursor != 0);
    cr_assert_eq(seen.calls, EXEC_PARTITIONS);
    for (uint32_t i = 0; i < 500; i++)
        cr_assert_eq(seen.seen[i], 1, "k%u: %u", i, seen.seen[i]);
    exec_fixture_deinit(&routed.fixture);
}

/* The next call can be routed better: it gets the cursor in its plain form. */
Test(scan, a_partition_that_was_not_given_is_asked_for_again)
{
    struct routed routed = {.partition = 1};

    exec_fixture_init(&routed.fixture);
    keys_set(&routed.fixture, 0, 500);
    routed.fixture.space.at = routed_at;
    routed.fixture.space.partition_at = routed_partition_at;
    EXEC_STEPS_IN(&routed.fixture, {"SCAN 0002", "*2\r\n$1\r\n2\r\n*0"},
                  {"SCAN +16386", "*2\r\n$5\r\n16386\r\n*0"});
    exec_fixture_deinit(&routed.fixture);
}

Test(keys, patterns)
{
    EXEC_STEPS({"KEYS *", "*0"}, {"SET hello 1", "+OK"}, {"SET help 1", "+OK"},
               {"KEYS hello", "*1\r\n$5\r\nhello"}, {"KEYS h?lp", "*1\r\n$4\r\nhelp"},
               {"KEYS h[^e]*", "*0"}, {"KEYS *o", "*1\r\n$5\r\nhello"}, {"KEYS H*", "*0"},
               {"KEYS \"\"", "*0"}, {"#1", NULL}, {"KEYS *", "*0"},
               {"KEYS", "-ERR wrong number of arguments for 'keys' command"},
               {"KEYS a b", "-ERR wrong number of arguments for 'keys' command"});
}

Test(keys, gives_each_once)
{
    struct exec_fixture fixture;
    uint8_t seen[1000] = {0};
    uint64_t count;
    uint64_t number;

    exec_fixture_init(&fixture);
    keys_set(&fixture, 0, 1000);

    const char *answer = number_read(exec_run(&fixture, "KEYS k*") + 1, &count);

    cr_assert_eq(count, 1000);
    for (uint64_t i = 0; i < count; i++) {
        answer = number_read(answer + 1, &number);
        answer = number_read(answer + 1, &number);
        cr_assert_lt(number, 1000);
        cr_assert_eq(seen[number]++, 0);
    }
    exec_fixture_deinit(&fixture);
}

Test(dbsize, counts_every_partition)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    EXEC_STEPS_IN(&fixture, {"DBSIZE", ":0"},
                  {"DBSIZE x", "-ERR wrong number of arguments for 'dbsize' command"});
    keys_set(&fixture, 0, 300);
    EXEC_STEPS_IN(&fixture, {"DBSIZE", ":300"}, {"DEL k7", ":1"}, {"DBSIZE", ":299"}, {"#1", NULL},
                  {"DBSIZE", ":0"});
    exec_fixture_deinit(&fixture);
}

/* The number of the key that RANDOMKEY answers. */
static uint64_t random_number(struct exec_fixture *fixture)
{
    uint64_t number;
    const char *answer = exec_run(fixture, "RANDOMKEY");

    cr_assert_eq(*answer, '$', "%s", answer);
    cr_assert_neq(answer[1], '-', "%s", answer);
    number_read(strstr(answer, "\r\nk") + 3, &number);
    cr_assert_lt(number, KEYS_MAX);
    return number;
}

Test(randomkey, gives_each_its_share)
{
    enum { KEYS = 200, DRAWS = 200 };
    struct exec_fixture fixture;
    uint32_t drawn[KEYS] = {0};
    uint32_t unlucky = 0;

    exec_fixture_init(&fixture);
    EXEC_STEPS_IN(&fixture, {"RANDOMKEY", "$-1"});
    keys_set(&fixture, 0, KEYS);
    for (uint32_t i = 0; i < KEYS * DRAWS; i++)
        drawn[random_number(&fixture)]++;
    for (uint32_t i = 0; i < KEYS; i++) {
        cr_assert_geq(drawn[i], 1, "k%u", i);
        unlucky += drawn[i] < DRAWS / 2 || drawn[i] > DRAWS * 2;
    }
    cr_assert_leq(unlucky, KEYS / 10);
    exec_fixture_deinit(&fixture);
}

Test(randomkey, is_a_function_of_the_seed)
{
    struct exec_fixture fixture;
    uint64_t first[20];

    exec_fixture_init(&fixture);
    keys_set(&fixture, 0, 1000);
    fixture.seed = 77;
    for (size_t i = 0; i < GF_COUNT(first); i++)
        first[i] = random_number(&fixture);
    fixture.seed = 77;
    for (size_t i = 0; i < GF_COUNT(first); i++)
        cr_assert_eq(random_number(&fixture), first[i]);
    cr_assert(first[0] != first[1] || first[1] != first[2]);
    exec_fixture_deinit(&fixture);
}

Test(randomkey, never_gives_an_expired_one)
{
    struct exec_fixture fixture;
    char line[60];

    exec_fixture_init(&fixture);
    keys_set(&fixture, 0, 200);
    for (uint32_t i = 1; i < 200; i++) {
        snprintf(line, sizeof(line), "PEXPIRE k%u 10", i);
        EXEC_EXPECT(&fixture, line, ":1\r\n");
    }
    fixture.now_ms += 10;
    for (int i = 0; i < 100; i++)
        cr_assert_eq(random_number(&fixture), 0);
    EXEC_STEPS_IN(&fixture, {"DEL k0", ":1"}, {"RANDOMKEY", "$-1"});
    exec_fixture_deinit(&fixture);
}
