/* ZUNION, ZINTER, ZDIFF. Answers were also asked of Redis 7.0. */
#include "support/exec_steps.h"

#define TWO_SETS                                                                                   \
    {"ZADD a 1 x 2 y", ":2"},                                                                      \
    {                                                                                              \
        "ZADD b 10 y 20 z", ":2"                                                                   \
    }

Test(zsets_combine, unions_intersections_and_differences_in_the_order_of_their_scores)
{
    EXEC_STEPS(TWO_SETS, {"ZUNION 2 a b", "*3\r\n$1\r\nx\r\n$1\r\ny\r\n$1\r\nz"},
               {"ZUNION 2 a b WEIGHTS 1 -1 WITHSCORES",
                "*6\r\n$1\r\nz\r\n$3\r\n-20\r\n$1\r\ny\r\n$2\r\n-8\r\n$1\r\nx\r\n$1\r\n1"},
               {"ZINTER 2 a b WITHSCORES", "*2\r\n$1\r\ny\r\n$2\r\n12"},
               {"ZINTER 2 a b AGGREGATE MAX WITHSCORES", "*2\r\n$1\r\ny\r\n$2\r\n10"},
               {"ZDIFF 2 a b WITHSCORES", "*2\r\n$1\r\nx\r\n$1\r\n1"}, {"ZINTER 2 a none", "*0"},
               {"ZINTERCARD 2 a b", ":1"}, {"ZINTERCARD 3 a a a LIMIT 1", ":1"});
}

Test(zsets_combine, results_are_stored_over_whatever_was_there)
{
    EXEC_STEPS(TWO_SETS, {"SET t text", "+OK"}, {"ZUNIONSTORE t 2 a b", ":3"},
               {"ZSCORE t y", "$2\r\n12"}, {"ZINTERSTORE a 2 a b", ":1"},
               {"ZRANGE a 0 -1", "*1\r\n$1\r\ny"}, {"ZDIFFSTORE t 1 none", ":0"},
               {"EXISTS t", ":0"});
}

Test(zsets_combine, members_of_plain_sets_score_one)
{
    EXEC_STEPS({"ZADD a 5 1 6 x", ":2"}, {"SADD s 1 2", ":2"},
               {"ZUNION 2 a s WITHSCORES",
                "*6\r\n$1\r\n2\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n6\r\n$1\r\nx\r\n$1\r\n6"},
               {"ZDIFF 2 a s", "*1\r\n$1\r\nx"});
}

/* inf - inf and 0 * inf are 0 here, not a mistake. */
Test(zsets_combine, what_is_no_number_counts_as_zero)
{
    EXEC_STEPS({"ZADD a inf x", ":1"}, {"ZADD b -inf x", ":1"},
               {"ZUNION 2 a b WITHSCORES", "*2\r\n$1\r\nx\r\n$1\r\n0"},
               {"ZUNION 1 a WEIGHTS 0 WITHSCORES", "*2\r\n$1\r\nx\r\n$1\r\n0"});
}

/* A small sorted set holds whole scores as integers: 0 is what is stored of it. */
Test(zsets_combine, minus_zero_is_answered_as_it_is)
{
    EXEC_STEPS(
        {"ZADD a -1 x 1 y", ":2"},
        {"ZUNION 1 a WEIGHTS 0 WITHSCORES", "*4\r\n$1\r\nx\r\n$2\r\n-0\r\n$1\r\ny\r\n$1\r\n0"},
        {"ZINTER 2 a a WEIGHTS 0 0 AGGREGATE MAX WITHSCORES",
         "*4\r\n$1\r\nx\r\n$2\r\n-0\r\n$1\r\ny\r\n$1\r\n0"},
        {"ZUNIONSTORE t 1 a WEIGHTS 0", ":2"}, {"ZSCORE t x", "$1\r\n0"},
        {"ZADD t INCR -0 z", "$2\r\n-0"}, {"ZSCORE t z", "$1\r\n0"});
}

Test(zsets_combine, mistakes_in_the_order_of_redis)
{
    EXEC_STEPS(TWO_SETS, {"SET s text", "+OK"},
               {"ZUNION 0 a", "-ERR at least 1 input key is needed for 'zunion' command"},
               {"ZUNION x a", "-ERR value is not an integer or out of range"},
               {"ZUNION 3 a b", "-ERR syntax error"},
               {"ZUNION 2 a s nonsense",
                "-WRONGTYPE Operation against a key holding the wrong kind of value"},
               {"ZUNION 2 a b WEIGHTS 1 x", "-ERR weight value is not a float"},
               {"ZUNION 2 a b AGGREGATE AVG", "-ERR syntax error"},
               {"ZDIFF 2 a b WEIGHTS 1 1", "-ERR syntax error"},
               {"ZINTERCARD 2 a b LIMIT -1", "-ERR LIMIT can't be negative"},
               {"ZUNIONSTORE t 2 a b WITHSCORES", "-ERR syntax error"});
}
