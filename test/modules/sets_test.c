/* Set commands: what they answer, what they leave behind, and in which form. */
#include "support/exec_steps.h"

#include <stdio.h>

#include "core/alloc.h"
#include "modules/dump.h"
#include "modules/sets.h"
#include "support/random.h"

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define SYNTAX "-ERR syntax error"

TestSuite(sets, .timeout = 60);

Test(sets, members_are_there_once)
{
    EXEC_STEPS({"SADD s a b a", ":2"}, {"SADD s b c", ":1"}, {"SCARD s", ":3"},
               {"SISMEMBER s a", ":1"}, {"SISMEMBER s x", ":0"}, {"SISMEMBER none a", ":0"},
               {"SMISMEMBER s a x c", "*3\r\n:1\r\n:0\r\n:1"},
               {"SMISMEMBER none a b", "*2\r\n:0\r\n:0"}, {"SREM s a x a", ":1"},
               {"SMEMBERS s", "*2\r\n$1\r\nb\r\n$1\r\nc"});
}

Test(sets, without_members_there_is_no_key)
{
    EXEC_STEPS({"SADD s a 1", ":2"}, {"SREM s a 1", ":2"}, {"EXISTS s", ":0"}, {"SADD i 5", ":1"},
               {"SREM i 5", ":1"}, {"EXISTS i", ":0"}, {"SMEMBERS i", "*0"}, {"SCARD i", ":0"});
}

Test(sets, other_types_are_refused)
{
    EXEC_STEPS({"SET k v", "+OK"}, {"SADD k a", WRONGTYPE}, {"SREM k a", WRONGTYPE},
               {"SCARD k", WRONGTYPE}, {"SPOP k", WRONGTYPE}, {"SINTER none k", WRONGTYPE},
               {"SUNION none k", WRONGTYPE}, {"SINTERCARD 2 none k", WRONGTYPE},
               {"SMOVE none k a", ":0"}, {"SADD s a", ":1"}, {"SMOVE s k a", WRONGTYPE},
               {"SUNIONSTORE k s", ":1"}, {"TYPE k", "+set"}, {"GET s", WRONGTYPE});
}

/* The form goes from integers to packed to a table, at Redis's limits. */
Test(sets, forms_change_at_the_limits)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    fixture.limits.set_max_intset_entries = 4;
    fixture.limits.set_max_listpack_entries = 3;
    fixture.limits.set_max_listpack_value = 5;
    EXEC_STEPS_IN(&fixture, {"SADD i 1 2 3 4", ":4"}, {"OBJECT ENCODING i", "$6\r\nintset"},
                  {"SADD i 4", ":0"}, {"OBJECT ENCODING i", "$6\r\nintset"}, {"SADD i 5", ":1"},
                  {"OBJECT ENCODING i", "$9\r\nhashtable"}, {"SADD p 1 2", ":2"},
                  {"SADD p a", ":1"}, {"OBJECT ENCODING p", "$8\r\nlistpack"}, {"SADD p b", ":1"},
                  {"OBJECT ENCODING p", "$9\r\nhashtable"}, {"SADD l abcdef", ":1"},
                  {"OBJECT ENCODING l", "$9\r\nhashtable"}, {"SADD m 123456", ":1"},
                  {"SADD m a", ":1"}, {"OBJECT ENCODING m", "$9\r\nhashtable"},
                  {"SADD h a a a a", ":1"}, {"OBJECT ENCODING h", "$9\r\nhashtable"},
                  {"SREM p 1 2 a", ":3"}, {"OBJECT ENCODING p", "$9\r\nhashtable"},
                  {"SUNIONSTORE p p", ":1"}, {"OBJECT ENCODING p", "$8\r\nlistpack"},
                  {"SDIFFSTORE j i l", ":5"}, {"OBJECT ENCODING j", "$9\r\nhashtable"},
                  {"SREM i 1 2", ":2"}, {"SUNIONSTORE i i", ":3"},
                  {"OBJECT ENCODING i", "$6\r\nintset"});
    exec_fixture_deinit(&fixture);
}

Test(sets, a_form_that_changes_keeps_the_expiry)
{
    EXEC_STEPS({"SADD s 1", ":1"}, {"EXPIRE s 100", ":1"}, {"SADD s a", ":1"}, {"TTL s", ":100"},
               {"SUNIONSTORE s s", ":2"}, {"TTL s", ":-1"});
}

Test(sets, smove)
{
    EXEC_STEPS({"SADD a 1 2", ":2"}, {"SADD b x", ":1"}, {"SMOVE a b 1", ":1"},
               {"SMOVE a b 1", ":0"}, {"SMOVE a a 2", ":1"}, {"SMOVE a a 9", ":0"},
               {"SMOVE a c 2", ":1"}, {"EXISTS a", ":0"}, {"SMOVE a c 2", ":0"}, {"SCARD b", ":2"},
               {"SMEMBERS c", "*1\r\n$1\r\n2"});
}

Test(sets, several_sets)
{
    EXEC_STEPS({"SADD a 1 2 3", ":3"}, {"SADD b 2 3 x", ":3"}, {"SADD c 3", ":1"},
               {"SINTER a b", "*2\r\n$1\r\n2\r\n$1\r\n3"}, {"SINTER a b none", "*0"},
               {"SUNION c a", "*3\r\n$1\r\n3\r\n$1\r\n1\r\n$1\r\n2"},
               {"SDIFF a b", "*1\r\n$1\r\n1"}, {"SDIFF none a", "*0"}, {"SDIFF a a", "*0"},
               {"SINTERSTORE d a b c", ":1"}, {"SMEMBERS d", "*1\r\n$1\r\n3"},
               {"SDIFFSTORE d a a", ":0"}, {"EXISTS d", ":0"}, {"SUNIONSTORE a a b", ":4"},
               {"SCARD a", ":4"}, {"SINTERSTORE a a none", ":0"}, {"EXISTS a", ":0"});
}

Test(sets, sintercard_counts_up_to_its_limit)
{
    EXEC_STEPS({"SADD a 1 2 3", ":3"}, {"SADD b 1 2 3 4", ":4"}, {"SINTERCARD 2 a b", ":3"},
               {"SINTERCARD 2 a b LIMIT 2", ":2"}, {"SINTERCARD 2 a b limit 0", ":3"},
               {"SINTERCARD 2 a b LIMIT 9", ":3"},
               {"SINTERCARD 0 a", "-ERR numkeys should be greater than 0"},
               {"SINTERCARD x a", "-ERR numkeys should be greater than 0"},
               {"SINTERCARD 3 a b", "-ERR Number of keys can't be greater than number of args"},
               {"SINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative"},
               {"SINTERCARD 1 a LIMIT", SYNTAX}, {"SINTERCARD 1 a b", SYNTAX});
}

Test(sets, spop_takes_each_member_once)
{
    EXEC_STEPS({"SADD s 1 2 3", ":3"}, {"SPOP s 3", "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3"},
               {"EXISTS s", ":0"}, {"SPOP s", "$-1"}, {"SPOP s 5", "*0"}, {"SADD s a", ":1"},
               {"SPOP s 0", "*0"}, {"SPOP s", "$1\r\na"}, {"EXISTS s", ":0"},
               {"SPOP s -1", "-ERR value is out of range, must be positive"},
               {"SPOP s x", "-ERR value is out of range, must be positive"},
               {"SPOP s 1 2", SYNTAX});
}

Test(sets, srandmember_leaves_all_as_it_is)
{
    EXEC_STEPS({"SADD s a", ":1"}, {"SRANDMEMBER s", "$1\r\na"},
               {"SRANDMEMBER s 5", "*1\r\n$1\r\na"},
               {"SRANDMEMBER s -2", "*2\r\n$1\r\na\r\n$1\r\na"}, {"SRANDMEMBER s 0", "*0"},
               {"SRANDMEMBER none", "$-1"}, {"SRANDMEMBER none 2", "*0"}, {"SCARD s", ":1"},
               {"SRANDMEMBER s -9223372036854775808",
                "-ERR value is out of range, value must between -9223372036854775807 and "
                "9223372036854775807"},
               {"SRANDMEMBER s -9223372036854775807", "-ERR value is out of range"},
               {"SRANDMEMBER s x", "-ERR value is not an integer or out of range"},
               {"SRANDMEMBER s 1 2", SYNTAX});
}

Test(sets, resp3_says_set)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    fixture.resp = 3;
    EXEC_STEPS_IN(&fixture, {"SADD s 1", ":1"}, {"SMEMBERS s", "~1\r\n$1\r\n1"},
                  {"SINTER s", "~1\r\n$1\r\n1"}, {"SUNION s s s s s s", "~1\r\n$1\r\n1"},
                  {"SRANDMEMBER s 1", "*1\r\n$1\r\n1"}, {"SPOP s 2", "~1\r\n$1\r\n1"},
                  {"SPOP s 2", "~0"}, {"SPOP s", "_"});
    exec_fixture_deinit(&fixture);
}

Test(sets, sscan_gives_small_sets_at_once)
{
    EXEC_STEPS({"SADD s a b 12", ":3"},
               {"SSCAN s 0 COUNT 1", "*2\r\n$1\r\n0\r\n*3\r\n$1\r\na\r\n$1\r\nb\r\n$2\r\n12"},
               {"SSCAN s 7 MATCH 1*", "*2\r\n$1\r\n0\r\n*1\r\n$2\r\n12"},
               {"SSCAN none 0 nonsense", "*2\r\n$1\r\n0\r\n*0"},
               {"SSCAN s x", "-ERR invalid cursor"}, {"SSCAN s 0 COUNT 0", SYNTAX},
               {"SSCAN s 0 nonsense", SYNTAX},
               {"SSCAN s 0 COUNT x", "-ERR value is not an integer or out of range"});
}

/* ---- against a model ------------------------------------------------------------------------ */

#define MODEL_MEMBERS 3000

struct model {
    bool has[MODEL_MEMBERS];
    uint32_t count;
};

static struct exec_fixture fixture;
static struct model model;
static struct test_random series = {.state = 20260101};

/* The i-th member: some are integers, some long. */
static struct gf_bytes member_of(uint32_t index, char *text)
{
    size_t size = (size_t)sprintf(text, index % 3 == 0 ? "%u" : "member-%u", index);

    if (index % 101 == 0) {
        memset(text + size, 'x', 300);
        size += 300;
    }
    return (struct gf_bytes){.data = text, .size = size};
}

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(test_random_next(&series) % limit);
}

static const char *ask(const char *name, struct gf_bytes word)
{
    struct gf_bytes words[] = {gf_bytes_of(name), GF_BYTES("s"), word};

    fixture.seed = test_random_next(&series);
    return exec_run_words(&fixture, words, 3, NULL);
}

static bool is_one(const char *answer)
{
    cr_assert(answer[0] == ':', "%s", answer);
    return answer[1] == '1';
}

static void change(bool add)
{
    char text[400];
    uint32_t index = below(MODEL_MEMBERS);
    bool changed = is_one(ask(add ? "SADD" : "SREM", member_of(index, text)));

    cr_assert_eq(changed, model.has[index] != add);
    model.has[index] = add;
    model.count += add ? (uint32_t)changed : -(uint32_t)changed;
}

static void expect_model(void)
{
    struct gf_object *object = exec_find(&fixture, "s");
    char text[400];

    cr_assert_eq(gf_set_count(object), model.count);
    if (object)
        gf_set_check(object);
    for (uint32_t i = 0; i < MODEL_MEMBERS; i++)
        cr_assert_eq(gf_set_has(object, member_of(i, text)), model.has[i], "member %u", i);
}

/* The forms differ in everything but what they mean. */
Test(sets, random_changes_match_a_model)
{
    exec_fixture_init(&fixture);
    for (uint32_t phase = 0; phase < 6; phase++) {
        for (uint32_t i = 0; i < 4000; i++)
            change(below(10) < (phase % 2 == 0 ? 8 : 1));
        expect_model();
    }
    exec_fixture_deinit(&fixture);
}

/* Takes the popped out of the model; false when one was not in it. */
static void expect_popped(const char *answer)
{
    static char text[400], line[500];

    for (uint32_t i = 0; i < MODEL_MEMBERS; i++) {
        struct gf_bytes member = member_of(i, text);
        int size = snprintf(line, sizeof(line), "\r\n$%zu\r\n%.*s\r\n", member.size,
                            (int)member.size, member.data);

        cr_assert_lt(size, (int)sizeof(line));
        if (strstr(answer, line) != NULL) {
            cr_assert(model.has[i]);
            model.has[i] = false;
            model.count--;
        }
    }
}

/* One by one, several, and nearly all: whatever way is taken, nothing is lost and nothing comes
 * twice. */
Test(sets, spop_takes_from_all_forms_what_is_in_them)
{
    static const uint32_t sizes[] = {5, 100, 400, 2900};

    exec_fixture_init(&fixture);
    for (size_t s = 0; s < GF_COUNT(sizes); s++) {
        while (model.count < sizes[s])
            change(true);
        while (model.count > 0) {
            uint32_t wanted = 1 + below(below(4) == 0 ? model.count : 1 + model.count / 4);
            uint32_t left = model.count - wanted;
            char number[16];
            int size = snprintf(number, sizeof(number), "%u", wanted);

            expect_popped(ask("SPOP", (struct gf_bytes){.data = number, .size = (size_t)size}));
            cr_assert_eq(model.count, left);
            expect_model();
        }
    }
    exec_fixture_deinit(&fixture);
}

/* Keeps the expiry even when a set is made anew from what stays in it. */
Test(sets, spop_of_nearly_all_keeps_the_expiry)
{
    exec_fixture_init(&fixture);
    while (model.count < 1000)
        change(true);
    EXEC_STEPS_IN(&fixture, {"EXPIRE s 77", ":1"});
    (void)exec_run(&fixture, "SPOP s 998");
    EXEC_STEPS_IN(&fixture, {"SCARD s", ":2"}, {"TTL s", ":77"});
    exec_fixture_deinit(&fixture);
}

/* All members equally often: 40,000 draws from 100 members, five standard deviations. */
Test(sets, srandmember_is_fair)
{
    static uint32_t drawn[3][100];
    static const char *const lines[] = {"SRANDMEMBER s", "SRANDMEMBER s 10", "SRANDMEMBER s 60"};

    exec_fixture_init(&fixture);
    fixture.limits.set_max_listpack_entries = 10;
    for (uint32_t i = 0; i < 100; i++) {
        char line[32];

        snprintf(line, sizeof(line), "SADD s m%02u", i);
        (void)exec_run(&fixture, line);
    }
    for (uint32_t way = 0; way < GF_COUNT(lines); way++) {
        uint32_t each = way == 0 ? 1 : way == 1 ? 10 : 60;

        for (uint32_t i = 0; i < 40000 / each; i++) {
            const char *answer = exec_run(&fixture, lines[way]);

            while ((answer = strchr(answer, 'm')) != NULL) {
                drawn[way][strtoul(answer + 1, NULL, 10)]++;
                answer++;
            }
        }
        for (uint32_t i = 0; i < 100; i++)
            cr_expect(drawn[way][i] > 300 && drawn[way][i] < 500, "way %u, member %u: %u", way, i,
                      drawn[way][i]);
    }
    exec_fixture_deinit(&fixture);
}

/* Members that stay for the whole time of a scan come in it, while others come and go. */
Test(sets, sscan_gives_what_stays)
{
    static bool seen[MODEL_MEMBERS];
    char text[400], line[64];
    uint64_t cursor = 0;

    exec_fixture_init(&fixture);
    for (uint32_t i = 0; i < MODEL_MEMBERS; i += 2)
        cr_assert(is_one(ask("SADD", member_of(i, text))));
    do {
        const char *answer;

        snprintf(line, sizeof(line), "SSCAN s %llu COUNT 30", (unsigned long long)cursor);
        answer = exec_run(&fixture, line);
        cursor = strtoull(strchr(answer + 4, '\n') + 1, NULL, 10);
        for (uint32_t i = 0; i < MODEL_MEMBERS; i += 2) {
            struct gf_bytes member = member_of(i, text);

            snprintf(line, sizeof(line), "\r\n%.40s", text);
            line[2 + (member.size < 40 ? member.size : 40)] = '\0';
            if (member.size < 40)
                strcat(line, "\r\n");
            seen[i] = seen[i] || strstr(answer, line) != NULL;
        }
        for (uint32_t i = 0; i < 40; i++)
            (void)ask(below(2) ? "SADD" : "SREM",
                      member_of(below(MODEL_MEMBERS / 2) * 2 + 1, text));
    } while (cursor != 0);
    for (uint32_t i = 0; i < MODEL_MEMBERS; i += 2)
        cr_expect(seen[i], "member %u", i);
    exec_fixture_deinit(&fixture);
}

/* A set that was saved before digits were packed is read, and its members are found. */
Test(sets, what_was_saved_with_digits_as_text_is_read)
{
    static const char saved[] = {GF_SET_PACKED, 2,   19,  16,  '0', '1', '2', '3', '4', '5', '6',
                                 '7',           '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 1,   'x'};
    static const char packed[] = {2,    0,          (char)0xfb, 8,          0x01,       0x23, 0x45,
                                  0x67, (char)0x89, (char)0xab, (char)0xcd, (char)0xef, 1,    'x'};
    struct gf_loader loader = {.at = saved, .end = saved + sizeof(saved)};
    struct gf_value value = {0};

    cr_assert(gf_set_load(&loader, &value));
    cr_assert(
        gf_bytes_equal(value.bytes, (struct gf_bytes){.data = packed, .size = sizeof(packed)}));
    gf_free(GF_MEMORY_DATA, (char *)value.bytes.data);
}

/* Digits among other members: found, listed, moved to another form and back. */
Test(sets, members_of_digits_are_as_others)
{
    EXEC_STEPS(
        {"SADD s 0123456789abcdef 0123456789ABCDEF f81d4fae-7dec-11d0-a765-00a0c91e6bf6", ":3"},
        {"SISMEMBER s 0123456789abcdef", ":1"}, {"SISMEMBER s 0123456789abcdee", ":0"},
        {"SISMEMBER s f81d4fae-7dec-11d0-a765-00a0c91e6bf6", ":1"},
        {"SADD s 0123456789abcdef", ":0"},
        {"SMEMBERS s", "*3\r\n$16\r\n0123456789abcdef\r\n$16\r\n0123456789ABCDEF\r\n"
                       "$36\r\nf81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
        {"SUNIONSTORE t s", ":3"}, {"SDIFF t s", "*0"}, {"SREM s 0123456789abcdef", ":1"},
        {"SDIFF t s", "*1\r\n$16\r\n0123456789abcdef"}, {"SMOVE t s 0123456789abcdef", ":1"},
        {"SCARD s", ":3"});
}
