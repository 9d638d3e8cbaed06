/* The commands on lists. Every answer was also asked of Redis 7.0. */
#include "support/exec_steps.h"

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NO_INTEGER "-ERR value is not an integer or out of range"
#define SYNTAX "-ERR syntax error"
#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"
#define BULK1(a) "$1\r\n" a
#define ARRAY0 "*0"
#define ARRAY1(a) "*1\r\n$1\r\n" a
#define ARRAY2(a, b) "*2\r\n$1\r\n" a "\r\n$1\r\n" b
#define ARRAY3(a, b, c) "*3\r\n$1\r\n" a "\r\n$1\r\n" b "\r\n$1\r\n" c

Test(lists, elements_are_pushed_one_after_the_other)
{
    EXEC_STEPS({"LPUSH l a b c", ":3"}, {"LRANGE l 0 -1", ARRAY3("c", "b", "a")},
               {"RPUSH l d", ":4"}, {"LLEN l", ":4"}, {"LINDEX l 3", BULK1("d")},
               {"TYPE l", "+list"}, {"LPUSHX l e f", ":6"}, {"LINDEX l 0", BULK1("f")},
               {"RPUSHX l g", ":7"}, {"LINDEX l -1", BULK1("g")}, {"LPUSHX q a", ":0"},
               {"RPUSHX q a", ":0"}, {"EXISTS q", ":0"}, {"LLEN q", ":0"},
               {"LPUSH l", ARITY("lpush")}, {"SET s 1", "+OK"}, {"LPUSH s 1", WRONGTYPE},
               {"LPUSHX s 1", WRONGTYPE}, {"LLEN s", WRONGTYPE}, {"GET l", WRONGTYPE});
}

Test(lists, elements_keep_their_text)
{
    EXEC_STEPS({"RPUSH l 007 -0 12 \"\" 9223372036854775808 -9223372036854775808", ":6"},
               {"LRANGE l 0 -1", "*6\r\n$3\r\n007\r\n$2\r\n-0\r\n$2\r\n12\r\n$0\r\n\r\n"
                                 "$19\r\n9223372036854775808\r\n$20\r\n-9223372036854775808"});
}

Test(lists, the_last_element_takes_its_key_along)
{
    EXEC_STEPS({"RPUSH l a b c", ":3"}, {"LPOP l", BULK1("a")}, {"RPOP l", BULK1("c")},
               {"LPOP l", BULK1("b")}, {"EXISTS l", ":0"}, {"LPOP l", "$-1"}, {"LPOP l 1", "*-1"},
               {"RPUSH l a b c", ":3"}, {"LPOP l 0", ARRAY0}, {"LPOP l 2", ARRAY2("a", "b")},
               {"RPOP l 9", ARRAY1("c")}, {"EXISTS l", ":0"}, {"RPUSH l a b c", ":3"},
               {"RPOP l 2", ARRAY2("c", "b")},
               {"LPOP l -1", "-ERR value is out of range, must be positive"},
               {"LPOP l x", "-ERR value is out of range, must be positive"},
               {"LPOP l 1 2", ARITY("lpop")}, {"RPOP l 1 2", ARITY("rpop")}, {"SET s 1", "+OK"},
               {"LPOP s", WRONGTYPE}, {"LPOP s 1", WRONGTYPE});
}

Test(lists, ranges)
{
    EXEC_STEPS({"RPUSH l a b c", ":3"}, {"LRANGE l 1 1", ARRAY1("b")},
               {"LRANGE l -2 -1", ARRAY2("b", "c")}, {"LRANGE l -100 100", ARRAY3("a", "b", "c")},
               {"LRANGE l 2 1", ARRAY0}, {"LRANGE l 5 9", ARRAY0}, {"LRANGE l 0 -9", ARRAY0},
               {"LRANGE q 0 -1", ARRAY0}, {"LRANGE q x 1", NO_INTEGER},
               {"LRANGE l -9223372036854775808 9223372036854775807", ARRAY3("a", "b", "c")},
               {"LINDEX l 3", "$-1"}, {"LINDEX l -4", "$-1"}, {"LINDEX q x", "$-1"},
               {"LINDEX l x", NO_INTEGER}, {"SET s 1", "+OK"}, {"LINDEX s x", WRONGTYPE},
               {"LRANGE s x 1", NO_INTEGER}, {"LRANGE s 0 1", WRONGTYPE});
}

Test(lists, trimming)
{
    EXEC_STEPS({"RPUSH l a b c", ":3"}, {"LTRIM l 1 1", "+OK"}, {"LRANGE l 0 -1", ARRAY1("b")},
               {"LTRIM l 1 0", "+OK"}, {"EXISTS l", ":0"}, {"LTRIM l 0 0", "+OK"},
               {"LTRIM q x 0", NO_INTEGER}, {"SET s 1", "+OK"}, {"LTRIM s 0 0", WRONGTYPE});
}

Test(lists, elements_in_the_middle)
{
    EXEC_STEPS({"RPUSH l a b c", ":3"}, {"LSET l 1 x", "+OK"}, {"LSET l -1 y", "+OK"},
               {"LRANGE l 0 -1", ARRAY3("a", "x", "y")}, {"LSET l 3 z", "-ERR index out of range"},
               {"LSET q x z", "-ERR no such key"}, {"LSET l x z", NO_INTEGER},
               {"LINSERT l BEFORE a 0", ":4"}, {"LINSERT l after y 9", ":5"},
               {"LINSERT l AFTER q 9", ":-1"}, {"LINSERT q AFTER q 9", ":0"},
               {"LINSERT q FOO a b", SYNTAX}, {"LINDEX l 0", BULK1("0")},
               {"LINDEX l 4", BULK1("9")}, {"RPUSH r a b a b a", ":5"}, {"LREM r 1 a", ":1"},
               {"LREM r -1 a", ":1"}, {"LRANGE r 0 -1", ARRAY3("b", "a", "b")},
               {"LREM r 0 b", ":2"}, {"LREM r -9223372036854775808 a", ":1"}, {"EXISTS r", ":0"},
               {"LREM r 0 a", ":0"}, {"LREM r x a", NO_INTEGER});
}

Test(lists, places_of_elements)
{
    EXEC_STEPS({"RPUSH l a b c b a", ":5"}, {"LPOS l b", ":1"}, {"LPOS l b RANK 2", ":3"},
               {"LPOS l b RANK -1", ":3"}, {"LPOS l b RANK 3", "$-1"},
               {"LPOS l b COUNT 0", "*2\r\n:1\r\n:3"},
               {"LPOS l b COUNT 0 RANK -1", "*2\r\n:3\r\n:1"},
               {"LPOS l b COUNT 0 MAXLEN 2", "*1\r\n:1"}, {"LPOS l a COUNT 1 RANK 2", "*1\r\n:4"},
               {"LPOS l q", "$-1"}, {"LPOS l q COUNT 1", ARRAY0}, {"LPOS q q", "$-1"},
               {"LPOS q q COUNT 1", ARRAY0},
               {"LPOS l a RANK 0",
                "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second "
                "... or use negative to start from the end of the list"},
               {"LPOS l a RANK -9223372036854775808",
                "-ERR value is out of range, value must between -9223372036854775807 and "
                "9223372036854775807"},
               {"LPOS l a COUNT x", "-ERR COUNT can't be negative"},
               {"LPOS l a MAXLEN -1", "-ERR MAXLEN can't be negative"}, {"LPOS l a RANK", SYNTAX});
}

Test(lists, from_one_to_another)
{
    EXEC_STEPS({"RPUSH a 1 2 3", ":3"}, {"LMOVE a b LEFT RIGHT", BULK1("1")},
               {"RPOPLPUSH a b", BULK1("3")}, {"LRANGE b 0 -1", ARRAY2("3", "1")},
               {"LMOVE b b LEFT RIGHT", BULK1("3")}, {"LRANGE b 0 -1", ARRAY2("1", "3")},
               {"RPOPLPUSH a b", BULK1("2")}, {"EXISTS a", ":0"}, {"RPOPLPUSH a b", "$-1"},
               {"LMOVE b b LEFT LEFT", BULK1("2")}, {"LRANGE b 0 -1", ARRAY3("2", "1", "3")},
               {"LMOVE b c FOO LEFT", SYNTAX}, {"LMOVE b c LEFT FOO", SYNTAX}, {"SET s 1", "+OK"},
               {"LMOVE b s LEFT LEFT", WRONGTYPE}, {"LMOVE s b LEFT LEFT", WRONGTYPE},
               {"LMOVE q s LEFT LEFT", "$-1"}, {"LLEN b", ":3"}, {"LTRIM b 0 0", "+OK"},
               {"RPOPLPUSH b b", BULK1("2")}, {"LRANGE b 0 -1", ARRAY1("2")});
}

Test(lists, the_first_of_several)
{
    EXEC_STEPS(
        {"RPUSH b 1 2 3", ":3"}, {"LMPOP 2 a b LEFT", "*2\r\n$1\r\nb\r\n" ARRAY1("1")},
        {"LMPOP 2 a b right COUNT 5", "*2\r\n$1\r\nb\r\n" ARRAY2("3", "2")},
        {"LMPOP 2 a b LEFT", "*-1"}, {"LMPOP 0 a LEFT", "-ERR numkeys should be greater than 0"},
        {"LMPOP x a LEFT", "-ERR numkeys should be greater than 0"}, {"LMPOP 3 a b LEFT", SYNTAX},
        {"LMPOP 1 a FOO", SYNTAX},
        {"LMPOP 1 a LEFT COUNT 0", "-ERR count should be greater than 0"},
        {"LMPOP 1 a LEFT COUNT", SYNTAX}, {"LMPOP 1 a LEFT COUNT 1 COUNT 1", SYNTAX},
        {"SET s 1", "+OK"}, {"LMPOP 2 a s LEFT", WRONGTYPE}, {"BLMPOP 0 2 a s LEFT", WRONGTYPE},
        {"BLMPOP x 1 a LEFT COUNT 0", "-ERR count should be greater than 0"},
        {"BLMPOP x 1 a LEFT", "-ERR timeout is not a float or out of range"});
}

/* Where nobody may wait (in a transaction), the answer is that there is nothing. */
Test(lists, what_need_not_wait)
{
    EXEC_STEPS(
        {"RPUSH l 1 2 3 4 5", ":5"}, {"BLPOP a l 0", ARRAY2("l", "1")},
        {"BRPOP a l 0.5", ARRAY2("l", "5")}, {"BLMOVE l m LEFT LEFT 0", BULK1("2")},
        {"BRPOPLPUSH l m 0", BULK1("4")},
        {"BLMPOP 0 2 a l LEFT COUNT 2", "*2\r\n$1\r\nl\r\n" ARRAY1("3")}, {"BLPOP l 0", "*-1"},
        {"BRPOP l 0", "*-1"}, {"BLMOVE l m LEFT LEFT 0", "$-1"}, {"BRPOPLPUSH l m 0", "$-1"},
        {"BLMPOP 0 1 l LEFT", "*-1"}, {"SET s 1", "+OK"}, {"BLPOP l s 0", WRONGTYPE},
        {"BLMOVE l s LEFT LEFT 0", "$-1"}, {"BLMOVE m s LEFT LEFT 0", WRONGTYPE},
        {"BLPOP l x", "-ERR timeout is not a float or out of range"},
        {"BLPOP l -1", "-ERR timeout is negative"}, {"BLPOP l -inf", "-ERR timeout is negative"},
        {"BLPOP l inf", "-ERR timeout is out of range"},
        {"BLPOP l 9223372036854775", "-ERR timeout is out of range"},
        {"BLMOVE l m LEFT FOO x", SYNTAX});
}

/* The key goes with its deque; neither is looked at again (AddressSanitizer sees that). */
Test(lists, nothing_is_left_of_a_big_list_that_was_emptied_at_once)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    fixture.limits.list_max_listpack_size = 2;
    for (uint32_t i = 0; i < 100; i++)
        EXEC_STEPS_IN(&fixture, {"RPUSH l a b c", ":3"}, {"OBJECT ENCODING l", "$9\r\nquicklist"},
                      {"LMPOP 2 x l LEFT COUNT 9", "*2\r\n$1\r\nl\r\n" ARRAY3("a", "b", "c")},
                      {"EXISTS l", ":0"});
    exec_fixture_deinit(&fixture);
}

Test(lists, encodings_follow_the_setting)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    fixture.limits.list_max_listpack_size = 4;
    EXEC_STEPS_IN(&fixture, {"RPUSH l a b c d", ":4"}, {"OBJECT ENCODING l", "$8\r\nlistpack"},
                  {"RPUSH l e", ":5"}, {"OBJECT ENCODING l", "$9\r\nquicklist"},
                  {"LPOP l 2", ARRAY2("a", "b")}, {"OBJECT ENCODING l", "$9\r\nquicklist"},
                  {"LPOP l", BULK1("c")}, {"OBJECT ENCODING l", "$8\r\nlistpack"},
                  {"COPY l m", ":1"}, {"OBJECT ENCODING m", "$8\r\nlistpack"});
    exec_fixture_deinit(&fixture);
}
