/* LCS. Every answer was also asked of Redis 7.0. */
#include "support/exec_steps.h"

#include <stdio.h>

#define SYNTAX "-ERR syntax error"

Test(lcs, the_common_text)
{
    EXEC_STEPS({"MSET a ohmytext b mynewtext", "+OK"}, {"LCS a b", "$6\r\nmytext"},
               {"LCS a b LEN", ":6"}, {"LCS a a", "$8\r\nohmytext"}, {"LCS a none", "$0\r\n"},
               {"LCS none a LEN", ":0"}, {"SET n 12034", "+OK"}, {"SET m 1234", "+OK"},
               {"LCS n m", "$4\r\n1234"});
}

Test(lcs, matches_from_the_last_to_the_first)
{
    EXEC_STEPS({"MSET a ohmytext b mynewtext", "+OK"},
               {"LCS a b IDX",
                "*4\r\n$7\r\nmatches\r\n*2\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n"
                "*2\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n$3\r\nlen\r\n:6"},
               {"LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
                "*4\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n"
                "$3\r\nlen\r\n:6"},
               {"LCS a b IDX MINMATCHLEN 5", "*4\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:6"},
               {"LCS a none IDX", "*4\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:0"});
}

Test(lcs, refuses_bad_options)
{
    EXEC_STEPS(
        {"LCS a", "-ERR wrong number of arguments for 'lcs' command"}, {"LCS a b nonsense", SYNTAX},
        {"LCS a b MINMATCHLEN", SYNTAX},
        {"LCS a b MINMATCHLEN x", "-ERR value is not an integer or out of range"},
        {"LCS a b LEN IDX", "-ERR If you want both the length and indexes, please just use IDX."},
        {"LCS a b LEN MINMATCHLEN -3", ":0"});
}

/* The limit counts a table of four bytes per pair of prefixes. */
Test(lcs, refuses_strings_beyond_the_limit)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    fixture.limits.bulk_size_max = 5 * 5 * 4;
    EXEC_STEPS_IN(
        &fixture, {"MSET a abcd b bcda c abcde", "+OK"}, {"LCS a b", "$3\r\nbcd"},
        {"LCS a c LEN",
         "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"});
    exec_fixture_deinit(&fixture);
}

/* length_slow - the definition, without a table. */
static int length_slow(const char *a, int a_size, const char *b, int b_size)
{
    if (a_size == 0 || b_size == 0)
        return 0;
    if (a[a_size - 1] == b[b_size - 1])
        return 1 + length_slow(a, a_size - 1, b, b_size - 1);
    int without_a = length_slow(a, a_size - 1, b, b_size);
    int without_b = length_slow(a, a_size, b, b_size - 1);
    return without_a > without_b ? without_a : without_b;
}

/* The text answered is as long as it can be and is really part of both strings, in order. */
Test(lcs, is_longest_and_common)
{
    struct exec_fixture fixture;
    uint64_t seed = 7;

    exec_fixture_init(&fixture);
    for (int round = 0; round < 200; round++) {
        char texts[2][10] = {"", ""};
        char line[64];
        int sizes[2];

        for (int i = 0; i < 2; i++) {
            sizes[i] = 1 + (int)(gf_random_next(&seed) % 8);
            for (int at = 0; at < sizes[i]; at++)
                texts[i][at] = (char)('a' + gf_random_next(&seed) % 3);
        }
        snprintf(line, sizeof(line), "MSET a %s b %s", texts[0], texts[1]);
        exec_run(&fixture, line);
        const char *answer = exec_run(&fixture, "LCS a b");
        const char *common = strchr(answer, '\n') + 1;
        int length = (int)strtol(answer + 1, NULL, 10);

        cr_assert_eq(length, length_slow(texts[0], sizes[0], texts[1], sizes[1]), "%s", line);
        for (int i = 0; i < 2; i++) {
            int found = 0;

            for (int at = 0; at < sizes[i] && found < length; at++)
                found += texts[i][at] == common[found];
            cr_assert_eq(found, length, "%s: %s", line, answer);
        }
    }
    exec_fixture_deinit(&fixture);
}
