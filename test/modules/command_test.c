/* COMMAND: the table of commands as clients see it. test/e2e/command_table.py compares all of it
 * with a real Redis; here is what must hold without one. */
#include "modules/command.h"

#include <stdio.h>

#include "modules/category.h"
#include "support/exec_steps.h"

#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"

static const char *const getdel_info2 =
    "*10\r\n$6\r\ngetdel\r\n:2\r\n*2\r\n+write\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
    "*3\r\n+@write\r\n+@string\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n"
    "*3\r\n+RW\r\n+access\r\n+delete\r\n$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n"
    "$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$"
    "5\r\nrange\r\n"
    "$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n";

static const char *const getdel_info3 =
    "*10\r\n$6\r\ngetdel\r\n:2\r\n~2\r\n+write\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
    "~3\r\n+@write\r\n+@string\r\n+@fast\r\n~0\r\n~1\r\n%3\r\n$5\r\nflags\r\n"
    "~3\r\n+RW\r\n+access\r\n+delete\r\n$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n$5\r\nindex\r\n"
    "$4\r\nspec\r\n%1\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n$"
    "5\r\nrange\r\n"
    "$4\r\nspec\r\n%3\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n~0\r\n";

Test(command, info_of_one_row)
{
    struct exec_fixture fixture;
    char expected[1024];

    exec_fixture_init(&fixture);
    snprintf(expected, sizeof(expected), "*2\r\n$-1\r\n%s", getdel_info2);
    EXEC_EXPECT(&fixture, "COMMAND INFO nosuch GetDel", expected);
    fixture.resp = 3;
    snprintf(expected, sizeof(expected), "*2\r\n_\r\n%s", getdel_info3);
    EXEC_EXPECT(&fixture, "COMMAND INFO nosuch getdel", expected);
    exec_fixture_deinit(&fixture);
}

/* The whole table, in both protocols: the debug stack of the reply counts every element. */
Test(command, whole_table)
{
    struct exec_fixture fixture;
    char start[32];

    exec_fixture_init(&fixture);
    for (fixture.resp = 2; fixture.resp <= 3; fixture.resp++) {
        uint32_t count = gf_registry_count(fixture.registry);
        size_t size = (size_t)snprintf(start, sizeof(start), "*%u\r\n", count);

        cr_expect_eq(strncmp(exec_run(&fixture, "COMMAND"), start, size), 0);
        cr_expect_eq(strncmp(exec_run(&fixture, "COMMAND INFO"), start, size), 0);
        size = (size_t)snprintf(start, sizeof(start), fixture.resp == 3 ? "%%%u\r\n" : "*%u\r\n",
                                fixture.resp == 3 ? count : 2 * count);
        cr_expect_eq(strncmp(exec_run(&fixture, "COMMAND DOCS"), start, size), 0);
        snprintf(start, sizeof(start), ":%u\r\n", count);
        EXEC_EXPECT(&fixture, "COMMAND COUNT", start);
    }
    exec_fixture_deinit(&fixture);
}

Test(command, docs_of_one_row)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    EXEC_EXPECT(&fixture, "COMMAND DOCS nosuch", "*0\r\n");
    fixture.resp = 3;
    EXEC_EXPECT(&fixture, "COMMAND DOCS nosuch substr get|x",
                "%1\r\n$6\r\nsubstr\r\n%8\r\n"
                "$7\r\nsummary\r\n$26\r\nAn older name of GETRANGE.\r\n"
                "$5\r\nsince\r\n$5\r\n1.0.0\r\n$5\r\ngroup\r\n$6\r\nstring\r\n"
                "$10\r\ncomplexity\r\n$30\r\nO(N) in the size of the answer\r\n"
                "$9\r\ndoc_flags\r\n~1\r\n+deprecated\r\n$16\r\ndeprecated_since\r\n$5\r\n2.0.0\r\n"
                "$11\r\nreplaced_by\r\n$10\r\n`GETRANGE`\r\n$9\r\narguments\r\n*3\r\n"
                "%3\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n$14\r\nkey_spec_"
                "index\r\n:0\r\n"
                "%2\r\n$4\r\nname\r\n$5\r\nstart\r\n$4\r\ntype\r\n$7\r\ninteger\r\n"
                "%2\r\n$4\r\nname\r\n$3\r\nend\r\n$4\r\ntype\r\n$7\r\ninteger\r\n");
    exec_fixture_deinit(&fixture);
}

Test(command, list)
{
    EXEC_STEPS({"COMMAND LIST FILTERBY PATTERN GETD*", "*1\r\n$6\r\ngetdel"},
               {"COMMAND LIST FILTERBY PATTERN command|getkeys", "*1\r\n$15\r\ncommand|getkeys"},
               {"COMMAND LIST FILTERBY ACLCAT nosuch", "*0"},
               {"COMMAND LIST FILTERBY ACLCAT @string", "*0"},
               {"COMMAND LIST FILTERBY MODULE strings", "*0"},
               {"COMMAND LIST FILTERBY PATTERN", "-ERR syntax error"},
               {"COMMAND LIST FILTERBY COLOUR red", "-ERR syntax error"},
               {"COMMAND LIST FILTER PATTERN x", "-ERR syntax error"},
               {"COMMAND LIST x", "-ERR syntax error"});
}

Test(command, list_filters_by_category)
{
    struct exec_fixture fixture;
    const char *answer;

    exec_fixture_init(&fixture);
    answer = exec_run(&fixture, "COMMAND LIST FILTERBY ACLCAT STRING");
    cr_expect_eq(strncmp(answer, "*22\r\n", 5), 0, "%s", answer);
    cr_expect_not_null(strstr(answer, "\r\nlcs\r\n"));
    cr_expect_null(strstr(answer, "\r\ndel\r\n"));
    exec_fixture_deinit(&fixture);
}

Test(command, getkeys)
{
    EXEC_STEPS({"COMMAND GETKEYS get a", "*1\r\n$1\r\na"},
               {"COMMAND GETKEYS MSET a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb"},
               {"COMMAND GETKEYS mset a 1 b", "*2\r\n$1\r\na\r\n$1\r\nb"},
               {"COMMAND GETKEYS object encoding a", "*1\r\n$1\r\na"},
               {"COMMAND GETKEYS get", ARITY("command|getkeys")},
               {"COMMAND GETKEYS nosuch a", "-ERR Invalid command specified"},
               {"COMMAND GETKEYS object nosuch a", "-ERR Invalid command specified"},
               {"COMMAND GETKEYS set a", "-ERR Invalid number of arguments specified for command"},
               {"COMMAND GETKEYS command count", "-ERR The command has no key arguments"});
}

/* As many keys as a client cares to send. */
Test(command, getkeys_of_thousands)
{
    enum { COUNT = 5000 };
    static struct gf_bytes words[COUNT];
    struct exec_fixture fixture;
    size_t size;

    words[0] = GF_BYTES("COMMAND");
    words[1] = GF_BYTES("GETKEYS");
    words[2] = GF_BYTES("MGET");
    for (int i = 3; i < COUNT; i++)
        words[i] = GF_BYTES("k");
    exec_fixture_init(&fixture);
    const char *answer = exec_run_words(&fixture, words, COUNT, &size);
    cr_expect_eq(strncmp(answer, "*4997\r\n$1\r\nk\r\n", 14), 0);
    cr_expect_eq(size, strlen("*4997\r\n") + 4997 * strlen("$1\r\nk\r\n"));
    exec_fixture_deinit(&fixture);
}

Test(command, getkeysandflags)
{
    EXEC_STEPS(
        {"COMMAND GETKEYSANDFLAGS mset a 1 b 2",
         "*2\r\n*2\r\n$1\r\na\r\n*2\r\n+OW\r\n+update\r\n*2\r\n$1\r\nb\r\n*2\r\n+OW\r\n+update"},
        {"COMMAND GETKEYSANDFLAGS set a 1", "*1\r\n*2\r\n$1\r\na\r\n*2\r\n+OW\r\n+update"},
        {"COMMAND GETKEYSANDFLAGS set a 1 NX GET",
         "*1\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+update"},
        {"COMMAND GETKEYSANDFLAGS lcs a b LEN",
         "*2\r\n*2\r\n$1\r\na\r\n*2\r\n+RO\r\n+access\r\n*2\r\n$1\r\nb\r\n*2\r\n+RO\r\n+access"});
}

Test(command, errors)
{
    EXEC_STEPS({"COMMAND NOSUCH", "-ERR unknown subcommand 'NOSUCH'. Try COMMAND HELP."},
               {"COMMAND COUNT x", ARITY("command|count")},
               {"COMMAND HELP x", ARITY("command|help")});
}

/* HELP has two lines for every subcommand, and says what each takes. */
Test(command, help)
{
    struct exec_fixture fixture;
    const char *answer;

    exec_fixture_init(&fixture);
    answer = exec_run(&fixture, "COMMAND HELP");
    cr_expect_eq(strncmp(answer, "*17\r\n+COMMAND <subcommand>", 25), 0);
    cr_expect_not_null(strstr(answer, "\r\n+(no subcommand)\r\n"));
    cr_expect_not_null(strstr(answer, "\r\n+INFO [<command-name> ...]\r\n"));
    cr_expect_not_null(strstr(
        answer,
        "\r\n+LIST [FILTERBY MODULE <module-name>|ACLCAT <category>|PATTERN <pattern>]\r\n"));
    exec_fixture_deinit(&fixture);
}

/* Categories come from group, flags and the row's own list. */
Test(command, categories)
{
    struct gf_command row = {
        .name = "TRY",
        .run = gf_command_info_run,
        .flags = GF_WRITE | GF_FAST,
        .group = "string",
        .categories = "@dangerous|@connection",
    };
    uint32_t expected = gf_category_find(GF_BYTES("write")) | gf_category_find(GF_BYTES("FAST")) |
                        gf_category_find(GF_BYTES("string")) |
                        gf_category_find(GF_BYTES("dangerous")) |
                        gf_category_find(GF_BYTES("connection"));

    cr_expect_eq(gf_command_categories(&row), expected);
    row.categories = "@dangerous|-@string|@connection";
    expected &= ~gf_category_find(GF_BYTES("string"));
    cr_expect_eq(gf_command_categories(&row), expected);
    row.flags = GF_ADMIN;
    row.categories = NULL;
    row.run = NULL;
    expected = gf_category_find(GF_BYTES("admin")) | gf_category_find(GF_BYTES("dangerous")) |
               gf_category_find(GF_BYTES("slow"));
    cr_expect_eq(gf_command_categories(&row), expected);
    cr_expect_eq(gf_category_find(GF_BYTES("nosuch")), 0);
}
