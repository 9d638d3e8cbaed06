/* SORT and SORT_RO: what they answer and store, in which order. */
#include "support/exec_steps.h"

#include <stdio.h>

#include "modules/registry.h"

#define SYNTAX "-ERR syntax error"
#define NOT_NUMBERS "-ERR One or more scores can't be converted into double"

TestSuite(sort, .timeout = 60);

/* Every kind of collection, small: the same elements, the same answer. */
Test(sort, elements_by_their_numbers)
{
    EXEC_STEPS({"RPUSH l 10 9 -1 1e1 0.5", ":5"},
               {"SORT l", "*5\r\n$2\r\n-1\r\n$3\r\n0.5\r\n$1\r\n9\r\n$2\r\n10\r\n$3\r\n1e1"},
               {"SORT l DESC LIMIT 0 2", "*2\r\n$3\r\n1e1\r\n$2\r\n10"}, {"SADD s 3 1 2", ":3"},
               {"SORT s", "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3"}, {"ZADD z 1 30 2 20 3 10", ":3"},
               {"SORT z", "*3\r\n$2\r\n10\r\n$2\r\n20\r\n$2\r\n30"},
               {"SORT_RO z DESC", "*3\r\n$2\r\n30\r\n$2\r\n20\r\n$2\r\n10"}, {"SORT none", "*0"});
}

Test(sort, elements_by_their_texts)
{
    EXEC_STEPS({"RPUSH l b a 10 9 \"\"", ":5"}, {"SORT l", NOT_NUMBERS},
               {"SORT l LIMIT 0 0", NOT_NUMBERS},
               {"SORT l ALPHA", "*5\r\n$0\r\n\r\n$2\r\n10\r\n$1\r\n9\r\n$1\r\na\r\n$1\r\nb"},
               {"SORT l alpha desc limit 1 2", "*2\r\n$1\r\na\r\n$1\r\n9"});
}

Test(sort, what_strtod_takes_is_a_number)
{
    EXEC_STEPS({"RPUSH l \" 7\" inf \"\" \"2\\x00z\"", ":4"},
               {"SORT l LIMIT 2 1", "*1\r\n$2\r\n 7"}, {"RPUSH l \"7 \"", ":5"},
               {"SORT l", NOT_NUMBERS}, {"DEL l", ":1"}, {"RPUSH l nan", ":1"},
               {"SORT l", NOT_NUMBERS});
}

/* The keys of the weights lie in all partitions. */
Test(sort, by_other_keys)
{
    EXEC_STEPS({"RPUSH l a b c", ":3"}, {"MSET w_a 3 w_b 2 w_c 1", "+OK"},
               {"SORT l BY w_*", "*3\r\n$1\r\nc\r\n$1\r\nb\r\n$1\r\na"}, {"DEL w_b", ":1"},
               {"SORT l BY w_*", "*3\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\na"}, {"SET w_b x", "+OK"},
               {"SORT l BY w_*", NOT_NUMBERS},
               {"SORT l BY w_* ALPHA", "*3\r\n$1\r\nc\r\n$1\r\na\r\n$1\r\nb"},
               {"HSET h_a f 1", ":1"}, {"HSET h_b f 3", ":1"}, {"HSET h_c f 2", ":1"},
               {"SORT l BY h_*->f DESC", "*3\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\na"},
               {"SORT l BY h_*", "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc"});
}

Test(sort, without_a_star_nothing_is_sorted)
{
    EXEC_STEPS({"RPUSH l 3 1 2", ":3"}, {"SORT l BY nosort", "*3\r\n$1\r\n3\r\n$1\r\n1\r\n$1\r\n2"},
               {"SORT l BY nosort DESC LIMIT 0 2", "*2\r\n$1\r\n2\r\n$1\r\n1"},
               {"SORT l BY nosort LIMIT 1 5", "*2\r\n$1\r\n1\r\n$1\r\n2"},
               {"SORT l BY nosort BY w_*", "*3\r\n$1\r\n3\r\n$1\r\n1\r\n$1\r\n2"},
               {"ZADD z 5 a 6 b 7 c", ":3"},
               {"SORT z BY nosort DESC LIMIT 0 1", "*1\r\n$1\r\nc"},
               {"SORT z BY nosort LIMIT 1 2", "*2\r\n$1\r\nb\r\n$1\r\nc"},
               {"SADD s c a b", ":3"}, {"SORT s BY nosort STORE to", ":3"},
               {"LRANGE to 0 -1", "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc"});
}

Test(sort, answers_what_get_names)
{
    EXEC_STEPS({"RPUSH l 2 1", ":2"}, {"MSET v_1 one v_2 2 x y", "+OK"}, {"HSET h_1 f field", ":1"},
               {"SORT l GET # GET v_*", "*4\r\n$1\r\n1\r\n$3\r\none\r\n$1\r\n2\r\n$1\r\n2"},
               {"SORT l GET h_*->f", "*2\r\n$5\r\nfield\r\n$-1"},
               {"SORT l GET h_*->no GET x", "*4\r\n$-1\r\n$-1\r\n$-1\r\n$-1"},
               {"SORT l GET h_*", "*2\r\n$-1\r\n$-1"});
}

Test(sort, stores_a_list)
{
    EXEC_STEPS({"RPUSH l 2 1", ":2"}, {"SET to text", "+OK"}, {"EXPIRE to 100", ":1"},
               {"SORT l STORE to", ":2"}, {"LRANGE to 0 -1", "*2\r\n$1\r\n1\r\n$1\r\n2"},
               {"TTL to", ":-1"}, {"SORT l GET v_* GET # STORE to", ":4"},
               {"LRANGE to 0 -1", "*4\r\n$0\r\n\r\n$1\r\n1\r\n$0\r\n\r\n$1\r\n2"},
               {"SORT l DESC STORE l", ":2"}, {"LRANGE l 0 -1", "*2\r\n$1\r\n2\r\n$1\r\n1"},
               {"SORT none STORE to", ":0"}, {"EXISTS to", ":0"},
               {"SORT l STORE none STORE to", ":2"}, {"EXISTS none to", ":1"});
}

Test(sort, mistakes)
{
    EXEC_STEPS({"SET k v", "+OK"}, {"SORT k",
                "-WRONGTYPE Operation against a key holding the wrong kind of value"},
               {"SORT k LIMIT 0", SYNTAX}, {"SORT k LIMIT x 0 nonsense",
                "-ERR value is not an integer or out of range"},
               {"SORT k BY", SYNTAX}, {"SORT k nonsense", SYNTAX}, {"SORT_RO k STORE to", SYNTAX},
               {"SORT none GET", SYNTAX}, {"RPUSH l 1 2", ":2"},
               {"SORT l LIMIT -5 1", "*1\r\n$1\r\n1"},
               {"SORT l LIMIT 5 1", "*0"}, {"SORT l LIMIT 0 -7", "*2\r\n$1\r\n1\r\n$1\r\n2"});
}

/* A pattern reaches keys that the request does not name; one without a star does not. */
Test(sort, says_when_it_needs_all_partitions)
{
    struct exec_fixture fixture;
    const struct gf_command *row;
    struct gf_bytes far[] = {GF_BYTES("SORT"), GF_BYTES("k"), GF_BYTES("get"), GF_BYTES("w_*")};
    struct gf_bytes near[] = {GF_BYTES("SORT"), GF_BYTES("k"), GF_BYTES("BY"), GF_BYTES("nosort"),
                              GF_BYTES("STORE"), GF_BYTES("to")};
    uint32_t keys[2];

    exec_fixture_init(&fixture);
    row = gf_registry_find(fixture.registry, GF_BYTES("sort"));
    cr_expect(row->finds_more(far, 4));
    cr_expect_not(row->finds_more(near, 6));
    cr_expect_eq(gf_command_keys(row, near, 6, keys, 2), 2);
    cr_expect_eq(keys[1], 5);
    exec_fixture_deinit(&fixture);
}

/* Big collections, whose elements lie in many pieces. */
Test(sort, thousands)
{
    struct exec_fixture fixture;
    char line[64];

    exec_fixture_init(&fixture);
    for (int i = 0; i < 5000; i++) {
        snprintf(line, sizeof(line), "RPUSH l %d", i * 7919 % 5003);
        (void)exec_run(&fixture, line);
        snprintf(line, sizeof(line), "ZADD z %d m%d", i, i);
        (void)exec_run(&fixture, line);
    }
    EXEC_STEPS_IN(&fixture, {"SORT l LIMIT 4998 2", "*2\r\n$4\r\n5001\r\n$4\r\n5002"},
                  {"SORT l BY nosort LIMIT 4000 1", "*1\r\n$4\r\n2007"},
                  {"SORT l BY nosort DESC LIMIT 999 1", "*1\r\n$4\r\n2007"},
                  {"SORT z BY nosort DESC LIMIT 10 2", "*2\r\n$5\r\nm4989\r\n$5\r\nm4988"},
                  {"SORT l STORE sorted", ":5000"}, {"LINDEX sorted 4999", "$4\r\n5002"},
                  {"LLEN sorted", ":5000"});
    exec_fixture_deinit(&fixture);
}
