/* DUMP and RESTORE. */
#include <string.h>

#include "modules/payload.h"
#include "support/exec_reload.h"
#include "support/exec_steps.h"

static struct exec_fixture fixture;
static char payload[65536];
static size_t payload_size;

static void init(void)
{
    exec_fixture_init(&fixture);
}

static void fini(void)
{
    exec_fixture_deinit(&fixture);
}

TestSuite(dump_command, .init = init, .fini = fini);

/* Keeps what DUMP says of a key. */
static void dump(const char *key)
{
    char line[64] = "DUMP ";
    const char *answer = exec_run(&fixture, strcat(line, key));

    cr_assert(answer[0] == '$');
    payload_size = strtoull(answer + 1, NULL, 10);
    memcpy(payload, strchr(answer, '\n') + 1, payload_size);
}

/* RESTORE key ttl payload …: up to three more words. */
static const char *restore(const char *key, const char *ttl, const char *more[3])
{
    struct gf_bytes words[7] = {GF_BYTES("RESTORE"),
                                gf_bytes_of(key),
                                gf_bytes_of(ttl),
                                {.data = payload, .size = payload_size}};
    uint32_t count = 4;

    for (uint32_t i = 0; i < 3 && more[i] != NULL; i++)
        words[count++] = gf_bytes_of(more[i]);
    return exec_run_words(&fixture, words, count, NULL);
}

#define RESTORE(key, ttl, expected, ...)                                                           \
    cr_expect_str_eq(restore((key), (ttl), (const char *[3]){__VA_ARGS__}), (expected), "%s",      \
                     fixture.answer.data)

/* Everything that RESTORE stores answers as what was dumped. */
Test(dump_command, a_value_comes_back)
{
    EXEC_STEPS_IN(&fixture, {"SET number 12", "+OK"}, {"SET text hello", "+OK"},
                  {"APPEND grown 1", ":1"}, {"APPEND grown 2", ":2"});
    dump("number");
    RESTORE("a", "0", "+OK\r\n", NULL);
    dump("text");
    RESTORE("b", "0", "+OK\r\n", NULL);
    dump("grown");
    RESTORE("c", "0", "+OK\r\n", NULL);
    EXEC_STEPS_IN(&fixture, {"GET a", "$2\r\n12"}, {"OBJECT ENCODING a", "$3\r\nint"},
                  {"GET b", "$5\r\nhello"}, {"OBJECT ENCODING b", "$6\r\nembstr"},
                  {"GET c", "$2\r\n12"}, {"OBJECT ENCODING c", "$3\r\nint"}, {"TTL a", ":-1"},
                  {"DUMP missing", "$-1"});
}

/* A payload of many chunks is one bulk, and its checksum does not depend on the chunks. */
Test(dump_command, long_values_come_back)
{
    EXEC_STEPS_IN(&fixture, {"SETRANGE long 50000 x", ":50001"},
                  {"SETRANGE long 20000 y", ":50001"});
    dump("long");
    RESTORE("again", "0", "+OK\r\n", NULL);
    EXEC_STEPS_IN(&fixture, {"STRLEN again", ":50001"}, {"GETRANGE again 20000 20000", "$1\r\ny"});
}

/* Times: from now, at a moment, long ago, and beyond what a clock can say. */
Test(dump_command, restored_keys_expire)
{
    EXEC_STEPS_IN(&fixture, {"SET a 1 EX 100", "+OK"});
    dump("a");
    RESTORE("b", "1000", "+OK\r\n", NULL);
    RESTORE("c", "1700000005000", "+OK\r\n", "ABSTTL");
    RESTORE("d", "1600000000000", "+OK\r\n", "absttl");
    RESTORE("e", "9223372036854775807", "+OK\r\n", NULL);
    RESTORE("f", "0", "+OK\r\n", "ABSTTL");
    EXEC_STEPS_IN(&fixture, {"PTTL b", ":1000"}, {"PTTL c", ":5000"}, {"EXISTS d e", ":0"},
                  {"TTL f", ":-1"}, {"TTL a", ":100"});
    RESTORE("a", "1600000000000", "+OK\r\n", "REPLACE", "ABSTTL");
    EXEC_EXPECT(&fixture, "EXISTS a", ":0\r\n");
}

/* The first thing that is wrong is told, in Redis's order: options, key, time, payload. */
Test(dump_command, mistakes_are_told_in_order)
{
    EXEC_STEPS_IN(&fixture, {"SET a 1", "+OK"});
    dump("a");
    RESTORE("a", "x", "-ERR syntax error\r\n", "NONSENSE");
    RESTORE("a", "x", "-ERR syntax error\r\n", "IDLETIME");
    RESTORE("a", "x", "-ERR value is not an integer or out of range\r\n", "IDLETIME", "x");
    RESTORE("a", "x", "-ERR Invalid IDLETIME value, must be >= 0\r\n", "IDLETIME", "-1");
    RESTORE("a", "x", "-ERR Invalid FREQ value, must be >= 0 and <= 255\r\n", "FREQ", "256");
    RESTORE("a", "x", "-ERR syntax error\r\n", "FREQ", "1", "IDLETIME");
    RESTORE("a", "x", "-BUSYKEY Target key name already exists.\r\n", NULL);
    RESTORE("b", "x", "-ERR value is not an integer or out of range\r\n", NULL);
    RESTORE("b", "-1", "-ERR Invalid TTL value, must be >= 0\r\n", NULL);
    payload[0] ^= 1;
    RESTORE("b", "0", "-ERR DUMP payload version or checksum are wrong\r\n", NULL);
    payload_size = 3;
    RESTORE("b", "0", "-ERR DUMP payload version or checksum are wrong\r\n", NULL);
    EXEC_STEPS_IN(&fixture, {"RESTORE b 0 \"\"", "-ERR DUMP payload version or checksum are wrong"},
                  {"EXISTS b", ":0"}, {"GET a", "$1\r\n1"});
}

/* Who makes a good checksum for bad bytes is told so. */
Test(dump_command, bytes_that_are_no_value_are_refused)
{
    static const struct gf_bytes inside[] = {
        GF_BYTES("\x0f"),         /* no such type */
        GF_BYTES("\x00"),         /* a string that ends early */
        GF_BYTES("\x00\x07\x00"), /* of no encoding there is */
        GF_BYTES("\x00\x02\x05"
                 "ab"),               /* shorter than it says */
        GF_BYTES("\x00\x00\x02\x02"), /* longer than it says */
        GF_BYTES("\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    };

    for (size_t i = 0; i < GF_COUNT(inside); i++) {
        struct gf_chain chain = {0};

        gf_chain_append(&chain, inside[i]);
        gf_payload_seal(&chain);
        gf_chain_seal(&chain);
        payload_size = chain.first->used;
        memcpy(payload, chain.first->data, payload_size);
        gf_chain_clear(&chain);
        RESTORE("b", "0", "-ERR Bad data format\r\n", NULL);
    }
    EXEC_EXPECT(&fixture, "EXISTS b", ":0\r\n");
}

/* IDLETIME counts where times of access are kept, FREQ where their number is. */
Test(dump_command, access_is_restored)
{
    EXEC_STEPS_IN(&fixture, {"SET a 1", "+OK"});
    dump("a");
    RESTORE("b", "0", "+OK\r\n", "IDLETIME", "100");
    RESTORE("c", "0", "+OK\r\n", "FREQ", "100");
    EXEC_STEPS_IN(&fixture, {"OBJECT IDLETIME b", ":100"}, {"OBJECT IDLETIME c", ":0"});
    fixture.context.lfu = true;
    RESTORE("d", "0", "+OK\r\n", "FREQ", "100");
    EXEC_EXPECT(&fixture, "OBJECT FREQ d", ":100\r\n");
}
