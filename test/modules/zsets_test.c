/* Sorted sets. Answers were also asked of Redis 7.0. */
#include "modules/zsets.h"

#include <stdio.h>

#include "support/exec_reload.h"
#include "support/exec_steps.h"
#include "support/random.h"

#define FLOAT "-ERR value is not a valid float"
#define SYNTAX "-ERR syntax error"

Test(zsets, scores_are_given_and_changed)
{
    EXEC_STEPS({"ZADD z 1 a 2 b 3 c", ":3"}, {"ZADD z 4 a 5 d", ":1"}, {"ZADD z CH 4 a 6 b", ":1"},
               {"ZCARD z", ":4"}, {"ZSCORE z a", "$1\r\n4"}, {"ZSCORE z none", "$-1"},
               {"ZMSCORE z a none b", "*3\r\n$1\r\n4\r\n$-1\r\n$1\r\n6"},
               {"ZINCRBY z 1.5 a", "$3\r\n5.5"}, {"ZADD z INCR 1 a", "$3\r\n6.5"},
               {"ZREM z a none b", ":2"}, {"ZREM z c d", ":2"}, {"EXISTS z", ":0"});
}

Test(zsets, options_say_which_members_are_touched)
{
    EXEC_STEPS({"ZADD z 1 a", ":1"}, {"ZADD z NX 5 a 2 b", ":1"}, {"ZADD z XX CH 3 a 9 c", ":1"},
               {"ZADD z GT CH 2 a", ":0"}, {"ZADD z LT CH 2 a", ":1"}, {"ZADD z GT 7 new", ":1"},
               {"ZADD z NX INCR 1 a", "$-1"}, {"ZADD z XX INCR 1 none", "$-1"},
               {"ZADD z GT INCR -1 a", "$-1"}, {"ZSCORE z a", "$1\r\n2"});
}

/* In the order in which Redis finds them. */
Test(zsets, mistakes_change_nothing)
{
    EXEC_STEPS(
        {"ZADD z 1", "-ERR wrong number of arguments for 'zadd' command"}, {"ZADD z 1 a 2", SYNTAX},
        {"ZADD z NX XX 1 a", "-ERR XX and NX options at the same time are not compatible"},
        {"ZADD z NX GT 1 a", "-ERR GT, LT, and/or NX options at the same time are not compatible"},
        {"ZADD z INCR 1 a 2 b", "-ERR INCR option supports a single increment-element pair"},
        {"ZADD z 1 a x b", FLOAT}, {"ZADD z nan a", FLOAT}, {"EXISTS z", ":0"},
        {"ZADD z inf a", ":1"}, {"ZINCRBY z -inf a", "-ERR resulting score is not a number (NaN)"},
        {"ZSCORE z a", "$3\r\ninf"}, {"SET s x", "+OK"},
        {"ZADD s 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value"});
}

Test(zsets, ranges_by_rank_score_and_name)
{
    EXEC_STEPS({"ZADD z 1 a 2 b 2 c 3 d", ":4"}, {"ZRANGE z 1 -2", "*2\r\n$1\r\nb\r\n$1\r\nc"},
               {"ZRANGE z 0 0 REV WITHSCORES", "*2\r\n$1\r\nd\r\n$1\r\n3"},
               {"ZRANGE z (1 2 BYSCORE", "*2\r\n$1\r\nb\r\n$1\r\nc"},
               {"ZRANGE z inf -inf BYSCORE REV LIMIT 1 1", "*1\r\n$1\r\nc"},
               {"ZRANGE z - [b BYLEX", "*2\r\n$1\r\na\r\n$1\r\nb"}, {"ZCOUNT z 2 (3", ":2"},
               {"ZRANK z c", ":2"}, {"ZREVRANK z c", ":1"},
               {"ZRANK z c WITHSCORE", "*2\r\n:2\r\n$1\r\n2"}, {"ZRANK z none", "$-1"},
               {"ZRANGESTORE t z 1 2", ":2"}, {"ZREMRANGEBYSCORE t 2 2", ":2"}, {"EXISTS t", ":0"},
               {"ZRANGE z a b BYLEX", "-ERR min or max not valid string range item"},
               {"ZCOUNT z a b", "-ERR min or max is not a float"},
               {"ZRANGE z 0 1 LIMIT 0 1",
                "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or "
                "BYLEX"});
}

Test(zsets, the_lowest_and_the_highest_are_taken)
{
    EXEC_STEPS({"ZADD z 1 a 2 b 3 c 4 d 5 e", ":5"}, {"ZPOPMIN z", "*2\r\n$1\r\na\r\n$1\r\n1"},
               {"ZPOPMAX z 2", "*4\r\n$1\r\ne\r\n$1\r\n5\r\n$1\r\nd\r\n$1\r\n4"},
               {"ZMPOP 2 none z MIN", "*2\r\n$1\r\nz\r\n*1\r\n*2\r\n$1\r\nb\r\n$1\r\n2"},
               {"BZPOPMIN none z 0", "*3\r\n$1\r\nz\r\n$1\r\nc\r\n$1\r\n3"}, {"EXISTS z", ":0"},
               {"ZPOPMIN z", "*0"}, {"ZMPOP 1 z MAX", "*-1"},
               {"ZPOPMIN z -1", "-ERR value is out of range, must be positive"});
}

/* The fixture lets nobody wait, as EXEC does not. */
Test(zsets, a_blocking_pop_that_may_not_wait_answers_null)
{
    EXEC_STEPS({"BZPOPMIN none 0", "*-1"}, {"BZMPOP 0 1 none MIN", "*-1"},
               {"BZPOPMAX none x", "-ERR timeout is not a float or out of range"},
               {"BZPOPMAX none -1", "-ERR timeout is negative"});
}

Test(zsets, resp3_has_doubles_and_pairs)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    fixture.resp = 3;
    EXEC_STEPS_IN(
        &fixture, {"ZADD z 1.5 a inf b", ":2"}, {"ZSCORE z a", ",1.5"},
        {"ZRANGE z 0 -1 WITHSCORES", "*2\r\n*2\r\n$1\r\na\r\n,1.5\r\n*2\r\n$1\r\nb\r\n,inf"},
        {"ZPOPMAX z", "*2\r\n$1\r\nb\r\n,inf"}, {"ZPOPMAX z 1", "*1\r\n*2\r\n$1\r\na\r\n,1.5"},
        {"ZSCORE z a", "_"});
    exec_fixture_deinit(&fixture);
}

Test(zsets, become_big_at_the_limits)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    fixture.limits.zset_max_listpack_entries = 2;
    fixture.limits.zset_max_listpack_value = 3;
    EXEC_STEPS_IN(&fixture, {"ZADD z 1 a 2 b", ":2"}, {"OBJECT ENCODING z", "$8\r\nlistpack"},
                  {"ZADD z 3 c", ":1"}, {"OBJECT ENCODING z", "$8\r\nskiplist"},
                  {"ZREM z b c", ":2"}, {"OBJECT ENCODING z", "$8\r\nskiplist"},
                  {"ZADD y 1 long", ":1"}, {"OBJECT ENCODING y", "$8\r\nskiplist"},
                  {"ZRANGESTORE y z 0 -1", ":1"}, {"OBJECT ENCODING y", "$8\r\nlistpack"});
    exec_fixture_deinit(&fixture);
}

/* Both forms give the same answers to the same random commands, and hold what they should. */
static void run_both(struct exec_fixture *small, struct exec_fixture *big, const char *line)
{
    char answer[4096];

    snprintf(answer, sizeof(answer), "%s", exec_run(small, line));
    cr_assert_str_eq(exec_run(big, line), answer, "%s", line);
}

static void random_line(struct test_random *random, char *line, size_t size)
{
    static const char *const formats[] = {
        "ZADD z %d %d",        "ZADD z %d.5 m%d",         "ZADD z GT %d %d",
        "ZADD z LT CH %d m%d", "ZINCRBY z %d %d",         "ZADD z %d long-member-of-more-bytes%d",
        "ZRANGE z %d %d REV",  "ZRANGEBYSCORE z %d %d",   "ZREVRANGEBYSCORE z %d %d WITHSCORES",
        "ZCOUNT z (%d %d",     "ZREMRANGEBYRANK z %d %d", "ZREMRANGEBYSCORE z %d %d",
        "ZADD z %d %d",        "ZADD z %d m%d",           "ZMSCORE z %d m%d",
        "ZRANGE z %d %d",
    };
    int a = (int)test_random_below(random, 60) - 20;
    int b = (int)test_random_below(random, 60) - 20;

    if (test_random_below(random, 12) == 0)
        snprintf(line, size, test_random_below(random, 2) ? "ZREM z %d m%d" : "ZRANK z %d", a, b);
    else
        snprintf(line, size, formats[test_random_below(random, GF_COUNT(formats))], a, b);
}

Test(zsets, both_forms_are_one_type)
{
    struct test_random random = {.state = 5};
    struct exec_fixture small;
    struct exec_fixture big;
    char line[128];

    exec_fixture_init(&small);
    exec_fixture_init(&big);
    big.limits.zset_max_listpack_entries = 0;
    for (int i = 0; i < 6000; i++) {
        struct gf_object *objects[2];

        random_line(&random, line, sizeof(line));
        run_both(&small, &big, line);
        objects[0] = exec_find(&small, "z");
        objects[1] = exec_find(&big, "z");
        cr_assert_eq(objects[0] == NULL, objects[1] == NULL);
        if (objects[0] == NULL)
            continue;
        gf_zset_check(objects[0]);
        gf_zset_check(objects[1]);
        if (i % 50 == 0)
            cr_assert_eq(gf_zset_type.digest(objects[0], 1), gf_zset_type.digest(objects[1], 1));
    }
    exec_fixture_deinit(&small);
    exec_fixture_deinit(&big);
}

/* Members that lie outside of both table and order, and those that just do not. */
Test(zsets, long_members_come_and_go)
{
    struct exec_fixture fixture;
    char line[700];

    exec_fixture_init(&fixture);
    for (int i = 0; i < 400; i++) {
        int length = 240 + i % 20 + (i % 50 == 0 ? 200 : 0);

        snprintf(line, sizeof(line), "ZADD z %d %0*d", i % 7, length, i);
        cr_assert_str_eq(exec_run(&fixture, line), ":1\r\n");
    }
    gf_zset_check(exec_find(&fixture, "z"));
    cr_assert_eq(exec_reload(&fixture), 1);
    gf_zset_check(exec_find(&fixture, "z"));
    for (int i = 0; i < 100; i++)
        exec_run(&fixture, i % 2 ? "ZPOPMIN z 2" : "ZREMRANGEBYRANK z 7 8");
    EXEC_EXPECT(&fixture, "ZCARD z", ":200\r\n");
    gf_zset_check(exec_find(&fixture, "z"));
    exec_reload_mutated(&fixture, 200, 3);
    exec_fixture_deinit(&fixture);
}

/* What a save wrote is loaded; damaged bytes are no value, or one that keeps its promises. */
Test(zsets, loads_survive_any_bytes)
{
    struct exec_fixture fixture;
    char line[128];

    exec_fixture_init(&fixture);
    EXEC_STEPS_IN(&fixture, {"ZADD small 1 a 2.5 b inf c -7 12 -1e300 d", ":5"});
    for (int i = 0; i < 300; i++) {
        snprintf(line, sizeof(line), "ZADD big %d.25 member:%d", i * 7 % 41, i);
        exec_run(&fixture, line);
    }
    cr_assert_eq(exec_reload(&fixture), 2);
    exec_reload_mutated(&fixture, 2000, 9);
    exec_fixture_deinit(&fixture);
}

Test(zsets, random_members_are_members)
{
    EXEC_STEPS(
        {"ZADD z 1 a", ":1"}, {"ZRANDMEMBER z", "$1\r\na"},
        {"ZRANDMEMBER z -2", "*2\r\n$1\r\na\r\n$1\r\na"}, {"ZRANDMEMBER z 5", "*1\r\n$1\r\na"},
        {"ZRANDMEMBER z 1 WITHSCORES", "*2\r\n$1\r\na\r\n$1\r\n1"}, {"ZRANDMEMBER none", "$-1"},
        {"ZRANDMEMBER none 3", "*0"},
        {"ZRANDMEMBER z x", "-ERR value is not an integer or out of range"},
        {"ZSCAN z 0", "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\n1"},
        {"ZSCAN z 0 MATCH b*", "*2\r\n$1\r\n0\r\n*0"},
        {"ZSCAN none 0 nonsense", "*2\r\n$1\r\n0\r\n*0"}, {"ZSCAN z x", "-ERR invalid cursor"});
}

static struct gf_bytes numbered(char *text, size_t size, uint32_t number)
{
    return (struct gf_bytes){.data = text,
                             .size = (size_t)snprintf(text, size, "member:%u", number)};
}

/* As many as the small form ever has: one that changes its place is there once all the same. */
Test(zsets, a_full_small_one_takes_other_scores)
{
    struct gf_limits limits = {.zset_max_listpack_entries = GF_ZSET_SMALL_MAX + 1,
                               .zset_max_listpack_value = 64};
    struct gf_zset zset = {.limits = &limits};
    double score = GF_ZSET_SMALL_MAX;
    double found;
    char text[32];

    for (uint32_t i = 0; i < GF_ZSET_SMALL_MAX; i++)
        cr_assert(gf_zset_append(&zset, numbered(text, sizeof(text), i), i));
    for (uint32_t i = 0; i < 3; i++, score = -score) {
        struct gf_bytes member = numbered(text, sizeof(text), 1000 * i);

        cr_assert_eq(gf_zset_add(&zset, member, 0, &score), GF_ZSET_CHANGED);
        cr_assert(gf_zset_score(&zset, member, &found));
        cr_assert_eq(found, score);
        cr_assert_eq(zset.count, GF_ZSET_SMALL_MAX);
    }
    cr_assert_null(zset.tree);
    cr_assert_eq(gf_zset_add(&zset, GF_BYTES("new"), 0, &score), GF_ZSET_ADDED);
    cr_assert_eq(zset.count, GF_ZSET_SMALL_MAX + 1);
    cr_assert_not_null(zset.tree);
    gf_zset_deinit(&zset);
}
