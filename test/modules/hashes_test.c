/* Hashes, as clients see them: what Redis 7.2 answers, and 7.4 and 8.0 about fields that expire. */
#include "modules/hashes.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/exec_fixture.h"
#include "support/exec_reload.h"

static struct exec_fixture fixture;

static void init(void)
{
    exec_fixture_init(&fixture);
}

static void fini(void)
{
    exec_fixture_deinit(&fixture);
}

TestSuite(hashes, .init = init, .fini = fini);

static void wait_ms(uint64_t ms)
{
    fixture.now_ms += ms;
}

/* The answer to `line` begins with `expected`. */
static void expect_error(const char *line, const char *expected)
{
    const char *answer = exec_run(&fixture, line);

    cr_expect(strncmp(answer, expected, strlen(expected)) == 0, "%s: %s", line, answer);
}

/* h has field:0 .. field:count-1. */
static void fill(const char *key, uint32_t count)
{
    char line[128];

    for (uint32_t i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "HSET %s field:%u value:%u", key, i, i);
        exec_run(&fixture, line);
    }
}

/* What is set is read back, whatever it is: numbers, nothing, long values. */
Test(hashes, fields_are_set_and_read)
{
    EXEC_EXPECT(&fixture, "HSET h a 1 b \"\" 007 hello", ":3\r\n");
    EXEC_EXPECT(&fixture, "HSET h a 2 c -5", ":1\r\n");
    EXEC_EXPECT(&fixture, "HGET h a", "$1\r\n2\r\n");
    EXEC_EXPECT(&fixture, "HMGET h b 007 7 c",
                "*4\r\n$0\r\n\r\n$5\r\nhello\r\n$-1\r\n$2\r\n-5\r\n");
    EXEC_EXPECT(&fixture, "HLEN h", ":4\r\n");
    EXEC_EXPECT(&fixture, "HSTRLEN h 007", ":5\r\n");
    EXEC_EXPECT(&fixture, "HSTRLEN h c", ":2\r\n");
    EXEC_EXPECT(&fixture, "HEXISTS h zz", ":0\r\n");
    EXEC_EXPECT(&fixture, "HSETNX h a 9", ":0\r\n");
    EXEC_EXPECT(&fixture, "HSETNX h d 9", ":1\r\n");
    EXEC_EXPECT(&fixture, "HMSET h d 10", "+OK\r\n");
    EXEC_EXPECT(&fixture, "HGET none a", "$-1\r\n");
    EXEC_EXPECT(&fixture, "HSET h a", "-ERR wrong number of arguments for 'hset' command\r\n");
    EXEC_EXPECT(&fixture, "HMSET h a 1 b",
                "-ERR wrong number of arguments for 'hmset' command\r\n");
}

/* RESP3 has maps; a small hash keeps the order in which its fields came. */
Test(hashes, all_fields_in_both_protocols)
{
    exec_run(&fixture, "HSET h b 1 a 2");
    EXEC_EXPECT(&fixture, "HGETALL h", "*4\r\n$1\r\nb\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\n2\r\n");
    EXEC_EXPECT(&fixture, "HKEYS h", "*2\r\n$1\r\nb\r\n$1\r\na\r\n");
    EXEC_EXPECT(&fixture, "HVALS h", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    EXEC_EXPECT(&fixture, "HGETALL none", "*0\r\n");
    fixture.resp = 3;
    EXEC_EXPECT(&fixture, "HGETALL h", "%2\r\n$1\r\nb\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\n2\r\n");
    EXEC_EXPECT(&fixture, "HGETALL none", "%0\r\n");
    EXEC_EXPECT(&fixture, "HRANDFIELD h 2 WITHVALUES",
                "*2\r\n*2\r\n$1\r\nb\r\n$1\r\n1\r\n*2\r\n$1\r\na\r\n$1\r\n2\r\n");
}

/* The key goes with its last field. */
Test(hashes, removing_the_last_field_removes_the_key)
{
    exec_run(&fixture, "HSET h a 1 b 2");
    EXEC_EXPECT(&fixture, "HDEL h a a zz", ":1\r\n");
    EXEC_EXPECT(&fixture, "HDEL h b", ":1\r\n");
    EXEC_EXPECT(&fixture, "EXISTS h", ":0\r\n");
    EXEC_EXPECT(&fixture, "HDEL h b", ":0\r\n");
}

/* Numbers: texts and limits as Redis has them, and nothing changes where an error is answered. */
Test(hashes, numbers_in_fields)
{
    EXEC_EXPECT(&fixture, "HINCRBY h n 5", ":5\r\n");
    EXEC_EXPECT(&fixture, "HINCRBY h n 9223372036854775807",
                "-ERR increment or decrement would overflow\r\n");
    EXEC_EXPECT(&fixture, "HINCRBY h n x", "-ERR value is not an integer or out of range\r\n");
    EXEC_EXPECT(&fixture, "HINCRBYFLOAT h n 0.5", "$3\r\n5.5\r\n");
    EXEC_EXPECT(&fixture, "HINCRBY h n 1", "-ERR hash value is not an integer\r\n");
    EXEC_EXPECT(&fixture, "HINCRBYFLOAT h n 0.5", "$1\r\n6\r\n");
    EXEC_EXPECT(&fixture, "HINCRBY h n 1", ":7\r\n");
    EXEC_EXPECT(&fixture, "HINCRBYFLOAT h n inf", "-ERR value is NaN or Infinity\r\n");
    EXEC_EXPECT(&fixture, "HINCRBYFLOAT h n x", "-ERR value is not a valid float\r\n");
    exec_run(&fixture, "HSET h t text");
    EXEC_EXPECT(&fixture, "HINCRBYFLOAT h t 1", "-ERR hash value is not a float\r\n");
}

/* No command of hashes works on another type. */
Test(hashes, other_types_are_refused)
{
    static const char *const lines[] = {
        "HSET s a 1",
        "HGET s a",
        "HGETALL s",
        "HDEL s a",
        "HLEN s",
        "HSCAN s 0",
        "HRANDFIELD s",
        "HINCRBY s a 1",
        "HEXPIRE s x FIELDS 0 a",
        "HTTL s FIELD 1 a",
        "HPERSIST s FIELDS 1 a",
        "HGETEX s FIELDS 1 a",
        "HGETDEL s FIELDS 1 a",
        "HSETEX s FIELDS 1 a b",
    };

    exec_run(&fixture, "SET s text");
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        expect_error(lines[i], "-WRONGTYPE");
}

/* Redis's names, by Redis's limits; once a hashtable, always one. */
Test(hashes, encoding_names_follow_the_limits)
{
    char line[256];

    exec_run(&fixture, "HSET h a 1");
    EXEC_EXPECT(&fixture, "OBJECT ENCODING h", "$8\r\nlistpack\r\n");
    snprintf(line, sizeof(line), "HSET h a %065d", 1);
    exec_run(&fixture, line);
    EXEC_EXPECT(&fixture, "OBJECT ENCODING h", "$9\r\nhashtable\r\n");
    exec_run(&fixture, "HSET h a 1");
    EXEC_EXPECT(&fixture, "OBJECT ENCODING h", "$9\r\nhashtable\r\n");
    fill("big", 512);
    EXEC_EXPECT(&fixture, "OBJECT ENCODING big", "$8\r\nlistpack\r\n");
    exec_run(&fixture, "HSET big more 1");
    EXEC_EXPECT(&fixture, "OBJECT ENCODING big", "$9\r\nhashtable\r\n");
    exec_run(&fixture, "HSET e a 1");
    exec_run(&fixture, "HEXPIRE e 10 FIELDS 1 a");
    EXEC_EXPECT(&fixture, "OBJECT ENCODING e", "$10\r\nlistpackex\r\n");
}

/* What was true of a small hash is true of a big one. */
Test(hashes, big_ones_hold_what_was_set)
{
    char line[128];

    fill("h", 3000);
    EXEC_EXPECT(&fixture, "HLEN h", ":3000\r\n");
    for (uint32_t i = 0; i < 3000; i++) {
        snprintf(line, sizeof(line), "HGET h field:%u", i);
        cr_assert(strstr(exec_run(&fixture, line), "value:") != NULL);
    }
    EXEC_EXPECT(&fixture, "HINCRBY h n 5", ":5\r\n");
    EXEC_EXPECT(&fixture, "COPY h copy", ":1\r\n");
    for (uint32_t i = 0; i < 3000; i++) {
        snprintf(line, sizeof(line), "HDEL h field:%u", i);
        EXEC_EXPECT(&fixture, line, ":1\r\n");
    }
    EXEC_EXPECT(&fixture, "HGETALL h", "*2\r\n$1\r\nn\r\n$1\r\n5\r\n");
    EXEC_EXPECT(&fixture, "HLEN copy", ":3001\r\n");
}

/* Every field is seen by a scan, by its cursors or at once; NOVALUES leaves the values out. */
Test(hashes, scans_see_every_field)
{
    char line[64] = "HSCAN h 0 COUNT 50 NOVALUES";
    unsigned long long cursor;
    uint32_t fields = 0;

    EXEC_EXPECT(&fixture, "HSCAN h 0 NOSUCH", "*2\r\n$1\r\n0\r\n*0\r\n");
    exec_run(&fixture, "HSET h a 1");
    EXEC_EXPECT(&fixture, "HSCAN h 0", "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n");
    EXEC_EXPECT(&fixture, "HSCAN h 0 NOVALUES", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n");
    EXEC_EXPECT(&fixture, "HSCAN h 0 MATCH b*", "*2\r\n$1\r\n0\r\n*0\r\n");
    EXEC_EXPECT(&fixture, "HSCAN h x", "-ERR invalid cursor\r\n");
    EXEC_EXPECT(&fixture, "HSCAN h 0 COUNT 0", "-ERR syntax error\r\n");
    EXEC_EXPECT(&fixture, "HSCAN h 0 TYPE hash", "-ERR syntax error\r\n");
    fill("h", 1000);
    do {
        const char *answer = exec_run(&fixture, line);
        const char *found = answer;

        cr_assert(sscanf(answer, "*2\r\n$%*u\r\n%llu", &cursor) == 1);
        while ((found = strstr(found, "field:")) != NULL) {
            fields++;
            found++;
        }
        snprintf(line, sizeof(line), "HSCAN h %llu COUNT 50 NOVALUES", cursor);
    } while (cursor != 0);
    cr_assert(eq(u32, fields, 1000));
}

static uint32_t fields_in(const char *answer)
{
    uint32_t count = 0;

    while ((answer = strstr(answer, "field:")) != NULL) {
        count++;
        answer++;
    }
    return count;
}

/* All forms of HRANDFIELD: one, some, all, with repeats; in small and big hashes. */
Test(hashes, random_fields)
{
    EXEC_EXPECT(&fixture, "HRANDFIELD none", "$-1\r\n");
    EXEC_EXPECT(&fixture, "HRANDFIELD none 3", "*0\r\n");
    EXEC_EXPECT(&fixture, "HRANDFIELD none -9223372036854775808",
                "-ERR value is out of range, value must between -9223372036854775807 and "
                "9223372036854775807\r\n");
    EXEC_EXPECT(&fixture, "HRANDFIELD none 9223372036854775807 WITHVALUES",
                "-ERR value is out of range\r\n");
    EXEC_EXPECT(&fixture, "HRANDFIELD none 1 NOSUCH", "-ERR syntax error\r\n");
    for (uint32_t size = 40; size <= 4000; size *= 100) {
        fill("h", size);
        cr_expect(eq(u32, fields_in(exec_run(&fixture, "HRANDFIELD h")), 1));
        cr_expect(eq(u32, fields_in(exec_run(&fixture, "HRANDFIELD h 7")), 7));
        cr_expect(eq(u32, fields_in(exec_run(&fixture, "HRANDFIELD h 35 WITHVALUES")), 35));
        cr_expect(eq(u32, fields_in(exec_run(&fixture, "HRANDFIELD h -90")), 90));
        cr_expect(eq(u32, fields_in(exec_run(&fixture, "HRANDFIELD h 5000")), size));
        EXEC_EXPECT(&fixture, "HRANDFIELD h 0", "*0\r\n");
    }
}

/* A field is absent to every command from its millisecond on. */
Test(hashes, expired_fields_are_absent)
{
    exec_run(&fixture, "HSET h a 1 b 2 c 3");
    EXEC_EXPECT(&fixture, "HPEXPIRE h 100 FIELDS 2 a zz", "*2\r\n:1\r\n:-2\r\n");
    EXEC_EXPECT(&fixture, "HPTTL h FIELDS 3 a b zz", "*3\r\n:100\r\n:-1\r\n:-2\r\n");
    EXEC_EXPECT(&fixture, "HTTL h FIELDS 1 a", "*1\r\n:1\r\n");
    EXEC_EXPECT(&fixture, "HPEXPIRETIME h FIELDS 1 a", "*1\r\n:1700000000100\r\n");
    EXEC_EXPECT(&fixture, "HEXPIRETIME h FIELDS 1 a", "*1\r\n:1700000001\r\n");
    wait_ms(99);
    EXEC_EXPECT(&fixture, "HGET h a", "$1\r\n1\r\n");
    wait_ms(1);
    EXEC_EXPECT(&fixture, "HGET h a", "$-1\r\n");
    EXEC_EXPECT(&fixture, "HLEN h", ":2\r\n");
    EXEC_EXPECT(&fixture, "HEXISTS h a", ":0\r\n");
    EXEC_EXPECT(&fixture, "HSTRLEN h a", ":0\r\n");
    EXEC_EXPECT(&fixture, "HKEYS h", "*2\r\n$1\r\nb\r\n$1\r\nc\r\n");
    EXEC_EXPECT(&fixture, "HSCAN h 0 NOVALUES", "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nb\r\n$1\r\nc\r\n");
    EXEC_EXPECT(&fixture, "HRANDFIELD h 10", "*2\r\n$1\r\nb\r\n$1\r\nc\r\n");
    EXEC_EXPECT(&fixture, "HDEL h a", ":0\r\n");
    EXEC_EXPECT(&fixture, "HSETNX h a 9", ":1\r\n");
    EXEC_EXPECT(&fixture, "HTTL h FIELDS 1 a", "*1\r\n:-1\r\n");
}

/* A hash whose fields have all expired is no key, to any command, before anything removed it. */
Test(hashes, a_hash_without_live_fields_is_absent)
{
    exec_run(&fixture, "HSET h a 1 b 2");
    exec_run(&fixture, "HPEXPIRE h 100 FIELDS 1 a");
    exec_run(&fixture, "HPEXPIRE h 200 FIELDS 1 b");
    wait_ms(100);
    EXEC_EXPECT(&fixture, "EXISTS h", ":1\r\n");
    wait_ms(100);
    EXEC_EXPECT(&fixture, "EXISTS h", ":0\r\n");
    EXEC_EXPECT(&fixture, "TYPE h", "+none\r\n");
    EXEC_EXPECT(&fixture, "KEYS *", "*0\r\n");
    EXEC_EXPECT(&fixture, "HGETALL h", "*0\r\n");
    EXEC_EXPECT(&fixture, "RENAME h i", "-ERR no such key\r\n");
    EXEC_EXPECT(&fixture, "SETNX h text", ":1\r\n");
    EXEC_EXPECT(&fixture, "GET h", "$4\r\ntext\r\n");
}

/* Background removal, one slice of every partition. Returns whether there is more to do. */
static bool purge_slices(void)
{
    bool more = false;

    for (uint32_t i = 0; i < EXEC_PARTITIONS; i++)
        more |= gf_keyspace_purge_slice(fixture.keyspaces[0][i], UINT32_MAX, fixture.now_ms);
    return more;
}

/* What gf_keyspace_context.purged was told. */
static struct {
    uint64_t fields;
    uint32_t calls;
    uint32_t ended;
} told;

static void purged(const struct gf_keyspace_context *context, const struct gf_keyspace *keyspace,
                   const struct gf_object *object, uint64_t count, bool ended)
{
    (void)context;
    (void)keyspace;
    cr_assert(gf_object_type(object) == GF_TYPE_HASH);
    told.fields += count;
    told.calls++;
    told.ended += ended;
}

/* Where no key expires but by its fields, the background takes a hash away with the last. */
Test(hashes, the_background_removes_hashes_without_live_fields)
{
    uint64_t left = 0;

    fixture.context.purged = purged;
    exec_run(&fixture, "HSET h a 1 b 2");
    exec_run(&fixture, "HPEXPIRE h 100 FIELDS 2 a b");
    fill("big", 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        char line[64];

        snprintf(line, sizeof(line), "HPEXPIRE big 90 FIELDS 1 field:%u", i);
        exec_run(&fixture, line);
    }
    wait_ms(100);
    cr_expect(not(purge_slices()));
    for (uint32_t i = 0; i < EXEC_PARTITIONS; i++)
        left += gf_keyspace_count(fixture.keyspaces[0][i]);
    cr_expect(eq(u64, left, 0));
    cr_expect(eq(u64, told.fields, 1002));
    cr_expect(eq(u32, told.ended, 2));
}

/* A small hash that is only read loses its expired fields all the same, and keeps the others. */
Test(hashes, the_background_removes_fields_of_small_hashes)
{
    fixture.context.purged = purged;
    exec_run(&fixture, "HSET h a 1 b 2 c 3");
    exec_run(&fixture, "HPEXPIRE h 100 FIELDS 2 a c");
    cr_expect(not(purge_slices()));
    cr_expect(eq(u32, told.calls, 0));
    wait_ms(100);
    cr_expect(not(purge_slices()));
    cr_expect(eq(u64, told.fields, 2));
    cr_expect(eq(u32, told.ended, 0));
    struct gf_hash_packed packed = gf_hash_packed_of(exec_find(&fixture, "h"));
    cr_expect(eq(u32, gf_hash_packed_count(&packed), 1));
    EXEC_EXPECT(&fixture, "HGETALL h", "*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
    cr_expect(not(purge_slices()));
    cr_expect(eq(u32, told.calls, 1));
}

static uint64_t fields_held(const char *key)
{
    return gf_dict_count(gf_hash_dict(exec_find(&fixture, key)));
}

/* Of big hashes every slice removes some fields: none waits until another is done. */
Test(hashes, the_background_removes_fields_of_big_hashes_in_turns)
{
    const char *const names[] = {"{x}1", "{x}2", "{x}3", "{x}4", "{x}5", "{x}6", "{x}7"};
    uint32_t slices = 0;
    char line[64];

    fixture.context.purged = purged;
    for (uint32_t i = 0; i < GF_COUNT(names); i++) {
        fill(names[i], 3000);
        for (uint32_t field = 0; field < 2900; field++) {
            snprintf(line, sizeof(line), "HPEXPIRE %s 50 FIELDS 1 field:%u", names[i], field);
            exec_run(&fixture, line);
        }
    }
    wait_ms(50);
    for (; purge_slices(); slices++) {
        uint64_t fewest = UINT64_MAX;
        uint64_t most = 0;

        for (uint32_t i = 0; i < GF_COUNT(names); i++) {
            uint64_t held = fields_held(names[i]);

            gf_dict_check(gf_hash_dict(exec_find(&fixture, names[i])));
            fewest = held < fewest ? held : fewest;
            most = held > most ? held : most;
        }
        cr_assert(le(u64, most - fewest, 600), "%u: from %llu to %llu", slices,
                  (unsigned long long)fewest, (unsigned long long)most);
    }
    cr_expect(ge(u32, slices, 10));
    cr_expect(eq(u64, told.fields, 7 * 2900));
    for (uint32_t i = 0; i < GF_COUNT(names); i++)
        cr_expect(eq(u64, fields_held(names[i]), 100));
}

/* The fields of a key that has expired itself go with it: nothing is told of them. */
Test(hashes, fields_of_an_expired_key_go_with_it)
{
    fixture.context.purged = purged;
    exec_run(&fixture, "HSET h a 1 b 2");
    exec_run(&fixture, "HPEXPIRE h 10 FIELDS 1 a");
    exec_run(&fixture, "PEXPIRE h 20");
    wait_ms(20);
    cr_expect(not(purge_slices()));
    cr_expect(eq(u32, told.calls, 0));
}

/* NX, XX, GT and LT, a field that never expires being later than any time and, to LT, earlier. */
Test(hashes, conditions_of_hexpire)
{
    exec_run(&fixture, "HSET h a 1 b 2");
    EXEC_EXPECT(&fixture, "HEXPIRE h 10 XX FIELDS 1 a", "*1\r\n:0\r\n");
    EXEC_EXPECT(&fixture, "HEXPIRE h 10 GT FIELDS 1 a", "*1\r\n:0\r\n");
    EXEC_EXPECT(&fixture, "HEXPIRE h 10 NX FIELDS 1 a", "*1\r\n:1\r\n");
    EXEC_EXPECT(&fixture, "HEXPIRE h 20 NX FIELDS 1 a", "*1\r\n:0\r\n");
    EXEC_EXPECT(&fixture, "HEXPIRE h 10 GT FIELDS 1 a", "*1\r\n:0\r\n");
    EXEC_EXPECT(&fixture, "HEXPIRE h 20 gt FIELDS 1 a", "*1\r\n:1\r\n");
    EXEC_EXPECT(&fixture, "HEXPIRE h 30 LT FIELDS 2 a b", "*2\r\n:0\r\n:1\r\n");
    EXEC_EXPECT(&fixture, "HPERSIST h FIELDS 3 a a zz", "*3\r\n:1\r\n:-1\r\n:-2\r\n");
    EXEC_EXPECT(&fixture, "HEXPIRE h 0 FIELDS 1 a", "*1\r\n:2\r\n");
    EXEC_EXPECT(&fixture, "HPEXPIREAT h 1 FIELDS 1 b", "*1\r\n:2\r\n");
    EXEC_EXPECT(&fixture, "EXISTS h", ":0\r\n");
    EXEC_EXPECT(&fixture, "HEXPIRE h 10 FIELDS 2 a b", "*2\r\n:-2\r\n:-2\r\n");
}

/* Redis's texts, and its order of checks. */
Test(hashes, mistakes_about_expiry_are_told)
{
    static const char *const lines[][2] = {
        {"HEXPIRE h x FIELDS 1 a", "-ERR value is not an integer or out of range\r\n"},
        {"HEXPIRE h -1 FIELDS 1 a", "-ERR invalid expire time, must be >= 0\r\n"},
        {"HEXPIRE h 70368744178 FIELDS 1 a", "-ERR invalid expire time in 'hexpire' command\r\n"},
        {"HPEXPIREAT h 70368744177664 FIELDS 1 a",
         "-ERR invalid expire time in 'hpexpireat' command\r\n"},
        {"HEXPIRE h 1 NO FIELDS 1 a",
         "-ERR Mandatory argument FIELDS is missing or not at the right position\r\n"},
        {"HEXPIRE h 1 FIELDS 0 a", "-ERR Parameter `numFields` should be greater than 0\r\n"},
        {"HEXPIRE h 1 FIELDS 2 a",
         "-ERR The `numfields` parameter must match the number of arguments\r\n"},
        {"HTTL h FIELDS x a", "-ERR Number of fields must be a positive integer\r\n"},
        {"HPERSIST h FIELDS 2 a",
         "-ERR The `numfields` parameter must match the number of arguments\r\n"},
        {"HGETEX h EX 0x FIELDS 1 a", "-ERR value is not an integer or out of range\r\n"},
        {"HGETEX h KEEPTTL FIELDS 1 a",
         "-ERR Mandatory argument FIELDS is missing or not at the right position\r\n"},
        {"HSETEX h EX 1 PX 1 FIELDS 1 a b",
         "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified\r\n"},
        {"HSETEX h FNX FXX FIELDS 1 a b",
         "-ERR Only one of FXX or FNX arguments can be specified\r\n"},
        {"HSETEX h NX FIELDS 1 a b", "-ERR unknown argument: NX\r\n"},
        {"HSETEX h FIELDS 0 a b", "-ERR invalid number of fields\r\n"},
        {"HSETEX h FIELDS 2 a b", "-ERR wrong number of arguments for 'hsetex' command\r\n"},
        {"HSETEX h FNX KEEPTTL KEEPTTL EX",
         "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified\r\n"},
        {"HSETEX h FNX fnx KEEPTTL EX",
         "-ERR Only one of FXX or FNX arguments can be specified\r\n"},
    };

    exec_run(&fixture, "HSET h a 1");
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        EXEC_EXPECT(&fixture, lines[i][0], lines[i][1]);
    EXEC_EXPECT(&fixture, "HPEXPIREAT h 70368744177663 FIELDS 1 a", "*1\r\n:1\r\n");
}

/* HSET takes an expiry away, HINCRBY and KEEPTTL leave it. */
Test(hashes, what_keeps_an_expiry)
{
    exec_run(&fixture, "HSETEX h EX 100 FIELDS 3 a 1 b 2 c 3");
    exec_run(&fixture, "HSET h a 5");
    exec_run(&fixture, "HINCRBY h b 5");
    EXEC_EXPECT(&fixture, "HSETEX h KEEPTTL FIELDS 1 c 7", ":1\r\n");
    EXEC_EXPECT(&fixture, "HTTL h FIELDS 3 a b c", "*3\r\n:-1\r\n:100\r\n:100\r\n");
    EXEC_EXPECT(&fixture, "HSETEX h FIELDS 1 c 8", ":1\r\n");
    EXEC_EXPECT(&fixture, "HTTL h FIELDS 1 c", "*1\r\n:-1\r\n");
    EXEC_EXPECT(&fixture, "HMGET h a b c", "*3\r\n$1\r\n5\r\n$1\r\n7\r\n$1\r\n8\r\n");
}

/* FNX wants none of the fields, FXX all of them; a time that is over removes instead. */
Test(hashes, hsetex_conditions)
{
    EXEC_EXPECT(&fixture, "HSETEX h FXX FIELDS 1 a 1", ":0\r\n");
    EXEC_EXPECT(&fixture, "EXISTS h", ":0\r\n");
    EXEC_EXPECT(&fixture, "HSETEX h FNX FIELDS 2 a 1 b 2", ":1\r\n");
    EXEC_EXPECT(&fixture, "HSETEX h FNX FIELDS 2 c 1 b 2", ":0\r\n");
    EXEC_EXPECT(&fixture, "HSETEX h FXX FIELDS 2 a 3 c 4", ":0\r\n");
    EXEC_EXPECT(&fixture, "HSETEX h FXX FIELDS 2 a 3 b 4", ":1\r\n");
    EXEC_EXPECT(&fixture, "HSETEX h PXAT 1 FIELDS 1 a 3", ":1\r\n");
    EXEC_EXPECT(&fixture, "HGETALL h", "*2\r\n$1\r\nb\r\n$1\r\n4\r\n");
}

/* HGETEX and HGETDEL answer first and change then. */
Test(hashes, read_and_change)
{
    exec_run(&fixture, "HSET h a 1 b 2");
    EXEC_EXPECT(&fixture, "HGETEX h EX 10 FIELDS 2 a zz", "*2\r\n$1\r\n1\r\n$-1\r\n");
    EXEC_EXPECT(&fixture, "HTTL h FIELDS 1 a", "*1\r\n:10\r\n");
    EXEC_EXPECT(&fixture, "HGETEX h FIELDS 1 a", "*1\r\n$1\r\n1\r\n");
    EXEC_EXPECT(&fixture, "HTTL h FIELDS 1 a", "*1\r\n:10\r\n");
    EXEC_EXPECT(&fixture, "HGETEX h PERSIST FIELDS 1 a", "*1\r\n$1\r\n1\r\n");
    EXEC_EXPECT(&fixture, "HTTL h FIELDS 1 a", "*1\r\n:-1\r\n");
    EXEC_EXPECT(&fixture, "HGETEX h PXAT 5 FIELDS 1 a", "*1\r\n$1\r\n1\r\n");
    EXEC_EXPECT(&fixture, "HGETDEL h FIELDS 2 a b", "*2\r\n$-1\r\n$1\r\n2\r\n");
    EXEC_EXPECT(&fixture, "EXISTS h", ":0\r\n");
    EXEC_EXPECT(&fixture, "HGETDEL h FIELDS 1 b", "*1\r\n$-1\r\n");
}

/* Of a big hash, what has expired is absent at once and removed little by little; a loaded copy of
 * it goes on the same. */
Test(hashes, big_ones_with_fields_that_expire)
{
    char line[128];

    fill("h", 2000);
    for (uint32_t i = 0; i < 2000; i += 2) {
        snprintf(line, sizeof(line), "HPEXPIRE h %u FIELDS 1 field:%u", 1 + i / 10, i);
        EXEC_EXPECT(&fixture, line, "*1\r\n:1\r\n");
    }
    wait_ms(100);
    EXEC_EXPECT(&fixture, "HLEN h", ":1500\r\n");
    exec_run(&fixture, "HSET h x 1");
    EXEC_EXPECT(&fixture, "HLEN h", ":1501\r\n");
    EXEC_EXPECT(&fixture, "HSETNX h field:0 again", ":1\r\n");
    exec_reload(&fixture);
    wait_ms(200);
    EXEC_EXPECT(&fixture, "HLEN h", ":1002\r\n");
    cr_assert(eq(u32, fields_in(exec_run(&fixture, "HRANDFIELD h 2000")), 1001));
    for (uint32_t i = 0; i < 100; i++)
        exec_run(&fixture, "HSET h x 1");
    cr_assert(gf_dict_count(gf_hash_dict(exec_find(&fixture, "h"))) == 1002);
    gf_dict_check(gf_hash_dict(exec_find(&fixture, "h")));
}
