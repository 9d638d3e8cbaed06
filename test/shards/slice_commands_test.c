/* Every command that can pause: others are answered meanwhile, and what it answers and leaves is
 * the same as in one go (in EXEC). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/node_fixture.h"

#define ELEMENTS 999 /* more than one block of a list, or leaf of a sorted set, holds */
#define TEXT_MAX (128 * ELEMENTS)

static struct node node;
static struct node_client client; /* asks for what takes long */
static struct node_client other;
static char text[TEXT_MAX];
static char answer[TEXT_MAX];

static void one_element(struct gf_settings *settings)
{
    settings->command_slice_elements = 1;
    settings->enable_debug_command = GF_DEBUG_YES;
}

static void setup(void)
{
    node_start(&node, 1, one_element);
    node_client_open(&client, &node, 0);
    node_client_open(&other, &node, 0);
}

static void teardown(void)
{
    node_client_close(&client);
    node_client_close(&other);
    node_end(&node);
}

TestSuite(slice_commands, .init = setup, .fini = teardown, .timeout = 120);

/* Turns until the answer to a PING behind all else is there; what is in front of it stays. */
static void read_all(struct node_client *from)
{
    const char *end = "+PONG\r\n";

    node_client_send(from, "PING\r\n");
    for (unsigned i = 0; i < 100000; i++) {
        node_client_read(from);
        if (from->in_size >= strlen(end) &&
            strcmp(from->in + from->in_size - strlen(end), end) == 0) {
            from->in_size -= strlen(end);
            from->in[from->in_size] = '\0';
            return;
        }
        node_turn(&node, 0);
    }
    cr_assert_fail("no answer");
}

/* A collection of ELEMENTS elements: `format` is given their numbers, three times. */
static void make(const char *command, const char *key, const char *format)
{
    int used = snprintf(text, sizeof(text), "%s %s", command, key);

    for (unsigned i = 0; i < ELEMENTS; i++) {
        text[used++] = ' ';
        used += snprintf(text + used, sizeof(text) - (size_t)used, format, i, i, i);
    }
    snprintf(text + used, sizeof(text) - (size_t)used, "\r\n");
    node_client_send(&other, text);
    read_all(&other);
    other.in_size = 0;
}

static bool is_suspended(void)
{
    return !gf_list_empty(&node_worker(&node, 0)->slicing.waiting);
}

/* What a command on key "b" answers in one go. */
static void run_in_one_go(const char *command)
{
    const char *before = "+OK\r\n+QUEUED\r\n*1\r\n";

    node_client_send(&other, "MULTI\r\n");
    node_client_format(&other, command, "b");
    node_client_send(&other, "\r\nEXEC\r\n");
    read_all(&other);
    cr_assert_eq(strncmp(other.in, before, strlen(before)), 0, "%.100s", other.in);
    snprintf(answer, sizeof(answer), "%s", other.in + strlen(before));
    other.in_size = 0;
}

static void expect_the_same(const char *command)
{
    node_client_send(&other, "DEBUG DIGEST-VALUE a b\r\n");
    read_all(&other);
    cr_assert_eq(strncmp(other.in, "*2\r\n+", 5), 0, "%.100s", other.in);
    cr_assert_eq(strncmp(other.in + 5, other.in + 48, 40), 0, "%s: %s", command, other.in);
    other.in_size = 0;
}

/* A command, with %s for the key, on "a" and "b", which hold the same. */
static void expect_pauses(const char *command)
{
    run_in_one_go(command);
    node_client_format(&client, command, "a");
    node_client_send(&client, "\r\n");
    node_turn(&node, 0);
    cr_assert(is_suspended(), "%s: does not pause", command);
    node_client_send(&other, "SET x 1\r\n");
    node_client_expect(&other, "+OK\r\n");
    node_client_send(&other, "GET x\r\n");
    node_client_expect(&other, "$1\r\n1\r\n");
    cr_assert(is_suspended(), "%s: nobody is answered between its slices", command);
    read_all(&client);
    cr_assert_str_eq(client.in, answer, "%s", command);
    client.in_size = 0;
    expect_the_same(command);
    node_client_send(&other, "DEL a b\r\n");
    read_all(&other);
    other.in_size = 0;
}

struct row {
    const char *make; /* the command that adds elements */
    const char *format;
    const char *command;
};

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        make(rows[i].make, "a", rows[i].format);
        make(rows[i].make, "b", rows[i].format);
        expect_pauses(rows[i].command);
    }
}

#define EXPECT_ROWS(...)                                                                           \
    expect_rows((const struct row[]){__VA_ARGS__},                                                 \
                sizeof((const struct row[]){__VA_ARGS__}) / sizeof(struct row))

#define TEXT(number) "element:" #number ":a_text_that_fills_blocks_of_a_list_sooner:" #number
#define LIST "RPUSH", "element:%u:a_text_that_fills_blocks_of_a_list_sooner:%u"
#define TWICE "RPUSH", "same %u:a_text_that_fills_blocks_of_a_list_sooner:%u"

Test(slice_commands, lists)
{
    EXPECT_ROWS({LIST, "LRANGE %s 0 -1"}, {LIST, "LRANGE %s 5 990"}, {LIST, "LTRIM %s 600 610"},
                {LIST, "LTRIM %s 995 -1"}, {LIST, "LTRIM %s 0 1"}, {LIST, "LPOS %s no"},
                {LIST, "LPOS %s " TEXT(998) ""}, {LIST, "LPOS %s " TEXT(1) " RANK -1"},
                {LIST, "LINSERT %s AFTER " TEXT(998) " x"}, {LIST, "LREM %s 0 " TEXT(500) ""},
                {LIST, "LREM %s -1 " TEXT(1) ""}, {LIST, "LPOP %s 990"}, {LIST, "RPOP %s 999"},
                {LIST, "LPOP %s 2000"}, {TWICE, "LREM %s 0 same"}, {TWICE, "LREM %s -700 same"},
                {TWICE, "LPOS %s same COUNT 0"});
}

#define HASH "HSET", "field:%u value:%u"

Test(slice_commands, hashes)
{
    EXPECT_ROWS({HASH, "HGETALL %s"}, {HASH, "HKEYS %s"}, {HASH, "HVALS %s"},
                {HASH, "HRANDFIELD %s 2000 WITHVALUES"});
}

#define SET "SADD", "member:%u"

Test(slice_commands, sets)
{
    EXPECT_ROWS({SET, "SMEMBERS %s"}, {SET, "SPOP %s 999"}, {SET, "SRANDMEMBER %s 1000"});
}

#define ZSET "ZADD", "%u member:%u"

Test(slice_commands, sorted_sets)
{
    EXPECT_ROWS({ZSET, "ZREMRANGEBYRANK %s 3 900"}, {ZSET, "ZREMRANGEBYSCORE %s -inf +inf"},
                {ZSET, "ZRANGE %s 0 -1 WITHSCORES"}, {ZSET, "ZREVRANGEBYSCORE %s 900 10"},
                {ZSET, "ZRANGEBYLEX %s - +"}, {ZSET, "ZPOPMIN %s 900"}, {ZSET, "ZPOPMAX %s 999"},
                {ZSET, "ZRANDMEMBER %s 999 WITHSCORES"});
}

/* A command on "a" whose answer is not the same twice, and begins with `header`. */
static void expect_pauses_and(const char *command, const char *header)
{
    node_client_format(&client, command, "a");
    node_client_send(&client, "\r\n");
    node_turn(&node, 0);
    cr_assert(is_suspended(), "%s: does not pause", command);
    node_client_send(&other, "SET x 1\r\n");
    node_client_expect(&other, "+OK\r\n");
    cr_assert(is_suspended(), "%s: nobody is answered between its slices", command);
    read_all(&client);
    cr_assert_eq(strncmp(client.in, header, strlen(header)), 0, "%.20s", client.in);
    client.in_size = 0;
}

/* As many as asked for, and the others stay. */
Test(slice_commands, chosen_by_chance)
{
    const struct {
        struct row row;
        const char *header;
        const char *size; /* a command for how many are left, */
        const char *left; /* and its answer */
    } rows[] = {
        {{SET, "SPOP %s 300"}, "*300\r\n", "SCARD a\r\n", ":699\r\n"},
        {{SET, "SPOP %s 950"}, "*950\r\n", "SCARD a\r\n", ":49\r\n"},
        {{SET, "SRANDMEMBER %s 100"}, "*100\r\n", "SCARD a\r\n", ":999\r\n"},
        {{SET, "SRANDMEMBER %s 500"}, "*500\r\n", "SCARD a\r\n", ":999\r\n"},
        {{SET, "SRANDMEMBER %s -500"}, "*500\r\n", "SCARD a\r\n", ":999\r\n"},
        {{HASH, "HRANDFIELD %s 20"}, "*20\r\n", "HLEN a\r\n", ":999\r\n"},
        {{HASH, "HRANDFIELD %s 500"}, "*500\r\n", "HLEN a\r\n", ":999\r\n"},
        {{HASH, "HRANDFIELD %s -500"}, "*500\r\n", "HLEN a\r\n", ":999\r\n"},
        {{ZSET, "ZRANDMEMBER %s 100"}, "*100\r\n", "ZCARD a\r\n", ":999\r\n"},
        {{ZSET, "ZRANDMEMBER %s -500"}, "*500\r\n", "ZCARD a\r\n", ":999\r\n"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make(rows[i].row.make, "a", rows[i].row.format);
        expect_pauses_and(rows[i].row.command, rows[i].header);
        node_client_send(&other, rows[i].size);
        node_client_expect(&other, rows[i].left);
        node_client_send(&other, "DEL a\r\n");
        node_client_expect(&other, ":1\r\n");
    }
}

static void stream_make(const char *key)
{
    int used = 0;

    for (unsigned i = 1; i <= ELEMENTS; i++)
        used += snprintf(text + used, sizeof(text) - (size_t)used,
                         "XADD %s %u-1 field value\r\n", key, i);
    node_client_send(&other, text);
    read_all(&other);
    other.in_size = 0;
}

Test(slice_commands, streams)
{
    const char *commands[] = {
        "XRANGE %s - +",
        "XREVRANGE %s 900 20",
        "XTRIM %s MAXLEN 7",
        "XTRIM %s MINID ~ 800",
        "XADD %s MAXLEN 5 2000-1 field value",
        "XADD %s MINID 900 2000-1 field value",
    };

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        stream_make("a");
        stream_make("b");
        expect_pauses(commands[i]);
    }
}

/* All of it is pending for one consumer; that is seen in what is pending afterwards. */
Test(slice_commands, groups)
{
    const struct {
        const char *command;
        const char *header;
        const char *left;
    } rows[] = {
        {"XPENDING %s group IDLE 0 - + 1000", "*999\r\n", "*4\r\n:999\r\n"},
        {"XPENDING %s group - + 1000 first", "*999\r\n", "*4\r\n:999\r\n"},
        {"XAUTOCLAIM %s group second 0 - COUNT 990", "*3\r\n$5\r\n991-1\r\n*990\r\n",
         "*4\r\n:999\r\n$3\r\n1-1\r\n$5\r\n999-1\r\n*2\r\n*2\r\n$5\r\nfirst\r\n$1\r\n9\r\n"
         "*2\r\n$6\r\nsecond\r\n$3\r\n990\r\n"},
        {"XGROUP DELCONSUMER %s group second", ":990\r\n", "*4\r\n:9\r\n"},
    };

    stream_make("a");
    node_client_send(&other, "XGROUP CREATE a group 0\r\n"
                             "XREADGROUP GROUP group first STREAMS a >\r\n");
    read_all(&other);
    other.in_size = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_pauses_and(rows[i].command, rows[i].header);
        node_client_send(&other, "XPENDING a group\r\n");
        node_client_expect(&other, rows[i].left);
        read_all(&other);
        other.in_size = 0;
    }
}

Test(slice_commands, bitmaps)
{
    const char *commands[] = {"BITCOUNT %s", "BITCOUNT %s 7 -3 BIT", "BITPOS %s 1", "BITPOS %s 0",
                              "BITPOS %s 0 70000"};

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        for (const char *key = "a"; key; key = *key == 'a' ? "b" : NULL) {
            node_client_format(&other, "SETBIT %s 8000001 1\r\nSETBIT %s 9000001 1\r\n", key, key);
            if (strstr(commands[i], "BITPOS %s 0"))
                node_client_format(&other, "BITOP NOT %s %s\r\n", key, key);
            read_all(&other);
            other.in_size = 0;
        }
        expect_pauses(commands[i]);
    }
}
