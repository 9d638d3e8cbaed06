/* OBJECT, MEMORY USAGE. */
#include "support/exec_steps.h"

/* clang-format off */
#define POLICY_CHANGE "Please note that when switching between policies at runtime "               \
    "LRU and LFU data will take some time to adjust."
#define NOT_LFU "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. "     \
    POLICY_CHANGE
#define IS_LFU "-ERR An LFU maxmemory policy is selected, idle time not tracked. " POLICY_CHANGE
/* clang-format on */

Test(object, encoding)
{
    EXEC_STEPS({"OBJECT ENCODING a", "$-1"}, {"SET a 12", "+OK"},
               {"OBJECT ENCODING a", "$3\r\nint"}, {"SET a text", "+OK"},
               {"OBJECT ENCODING a", "$6\r\nembstr"},
               {"SET a 12345678901234567890123456789012345678901234", "+OK"},
               {"object encoding a", "$6\r\nembstr"},
               {"SET a 123456789012345678901234567890123456789012345", "+OK"},
               {"OBJECT ENCODING a", "$3\r\nraw"});
}

Test(object, refcount)
{
    EXEC_STEPS({"OBJECT REFCOUNT a", "$-1"}, {"SET a text", "+OK"}, {"OBJECT REFCOUNT a", ":1"});
}

Test(object, idletime)
{
    EXEC_STEPS({"OBJECT IDLETIME a", "$-1"}, {"SET a text", "+OK"}, {"OBJECT IDLETIME a", ":0"},
               {"@90500", NULL}, {"OBJECT IDLETIME a", ":90"},
               {"OBJECT ENCODING a", "$6\r\nembstr"}, {"OBJECT IDLETIME a", ":90"},
               {"GET a", "$4\r\ntext"}, {"OBJECT IDLETIME a", ":0"}, {"OBJECT FREQ a", NOT_LFU},
               {"OBJECT FREQ b", "$-1"});
}

Test(object, freq)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    fixture.context.lfu = true;
    EXEC_STEPS_IN(&fixture, {"OBJECT FREQ a", "$-1"}, {"SET a text", "+OK"},
                  {"OBJECT IDLETIME a", IS_LFU}, {"OBJECT IDLETIME b", "$-1"},
                  {"OBJECT FREQ a", ":5"}, {"OBJECT FREQ a", ":5"});
    for (int i = 0; i < 1000; i++)
        exec_run(&fixture, "GET a");

    long often = strtol(exec_run(&fixture, "OBJECT FREQ a") + 1, NULL, 10);

    cr_assert_gt(often, 5);
    cr_assert_leq(often, 255);
    exec_fixture_deinit(&fixture);
}

Test(object, null_is_of_the_protocol)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    fixture.resp = 3;
    EXEC_STEPS_IN(&fixture, {"OBJECT ENCODING a", "_"}, {"OBJECT FREQ a", "_"},
                  {"MEMORY USAGE a", "_"}, {"RANDOMKEY", "_"});
    exec_fixture_deinit(&fixture);
}

Test(object, errors)
{
    EXEC_STEPS({"OBJECT", "-ERR wrong number of arguments for 'object' command"},
               {"OBJECT foo", "-ERR unknown subcommand 'foo'. Try OBJECT HELP."},
               {"OBJECT ENCODING", "-ERR wrong number of arguments for 'object|encoding' command"},
               {"OBJECT FREQ a b", "-ERR wrong number of arguments for 'object|freq' command"},
               {"MEMORY foo", "-ERR unknown subcommand 'foo'. Try MEMORY HELP."},
               {"MEMORY USAGE", "-ERR wrong number of arguments for 'memory|usage' command"});
}

Test(object, help_is_lines_of_status)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);

    const char *answer = exec_run(&fixture, "OBJECT HELP");

    cr_assert_eq(strncmp(answer, "*11\r\n+OBJECT <subcommand> ", 26), 0, "%s", answer);
    cr_assert_not_null(strstr(answer, "\r\n+IDLETIME <key>\r\n+    "), "%s", answer);
    answer = exec_run(&fixture, "MEMORY HELP");
    cr_assert_not_null(strstr(answer, "\r\n+USAGE <key> [SAMPLES <count>]\r\n+    "), "%s", answer);
    exec_fixture_deinit(&fixture);
}

Test(memory_usage, grows_with_the_value)
{
    struct exec_fixture fixture;
    char value[50000];
    const struct gf_bytes set[] = {
        GF_BYTES("SET"), GF_BYTES("long"), {.data = value, .size = sizeof(value)}};

    memset(value, 'v', sizeof(value));
    exec_fixture_init(&fixture);
    exec_run_words(&fixture, set, 3, NULL);
    EXEC_STEPS_IN(&fixture, {"SET short text", "+OK"});

    long of_short = strtol(exec_run(&fixture, "MEMORY USAGE short") + 1, NULL, 10);
    long of_long = strtol(exec_run(&fixture, "MEMORY USAGE long SAMPLES 0") + 1, NULL, 10);

    cr_assert_geq(of_short, 9); /* key and value */
    cr_assert_leq(of_short, 100);
    cr_assert_geq(of_long, (long)sizeof(value));
    cr_assert_leq(of_long, (long)sizeof(value) * 5 / 4);
    exec_fixture_deinit(&fixture);
}

Test(memory_usage, is_no_access)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    EXEC_STEPS_IN(&fixture, {"SET a 1", "+OK"}, {"@30500", NULL});
    exec_run(&fixture, "MEMORY USAGE a");
    EXEC_STEPS_IN(&fixture, {"OBJECT IDLETIME a", ":30"});
    exec_fixture_deinit(&fixture);
}

Test(memory_usage, errors)
{
    EXEC_STEPS({"MEMORY USAGE a", "$-1"}, {"MEMORY USAGE a SAMPLES", "-ERR syntax error"},
               {"MEMORY USAGE a SAMPLES -1", "-ERR syntax error"},
               {"MEMORY USAGE a SAMPLES x", "-ERR value is not an integer or out of range"},
               {"MEMORY USAGE a foo 1", "-ERR syntax error"},
               {"MEMORY USAGE a samples 5 SAMPLES 0", "$-1"});
}
