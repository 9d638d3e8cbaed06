/* The commands on strings. Every answer was also asked of Redis 7.0. */
#include "support/exec_steps.h"

#define NO_INTEGER "-ERR value is not an integer or out of range"
#define NO_FLOAT "-ERR value is not a valid float"
#define SYNTAX "-ERR syntax error"
#define OVERFLOW "-ERR increment or decrement would overflow"
#define TOO_LONG "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"
#define BAD_TIME(name) "-ERR invalid expire time in '" name "' command"
#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"

Test(strings, get_and_set)
{
    EXEC_STEPS({"GET a", "$-1"}, {"SET a 1", "+OK"}, {"GET a", "$1\r\n1"}, {"SET a \"\"", "+OK"},
               {"GET a", "$0\r\n"}, {"SET a \"x\\r\\n\\x00y\"", "+OK"}, {"STRLEN a", ":5"},
               {"GET", ARITY("get")}, {"GET a b", ARITY("get")}, {"SET a", ARITY("set")});
}

/* What was stored as a number reads back as the same text, whatever its spelling. */
Test(strings, numbers_keep_their_text)
{
    EXEC_STEPS({"SET a 9223372036854775807", "+OK"}, {"GET a", "$19\r\n9223372036854775807"},
               {"SET a -9223372036854775808", "+OK"}, {"GET a", "$20\r\n-9223372036854775808"},
               {"SET a 9223372036854775808", "+OK"}, {"GET a", "$19\r\n9223372036854775808"},
               {"SET a 007", "+OK"}, {"GET a", "$3\r\n007"}, {"SET a -0", "+OK"},
               {"GET a", "$2\r\n-0"}, {"SET a +1", "+OK"}, {"GET a", "$2\r\n+1"},
               {"STRLEN a", ":2"}, {"SET a -12", "+OK"}, {"STRLEN a", ":3"});
}

Test(strings, encodings)
{
    EXEC_STEPS({"SET a 12", "+OK"}, {"OBJECT ENCODING a", "$3\r\nint"}, {"SET a 012", "+OK"},
               {"OBJECT ENCODING a", "$6\r\nembstr"}, {"SET a 9223372036854775808", "+OK"},
               {"OBJECT ENCODING a", "$6\r\nembstr"},
               {"SET a 12345678901234567890123456789012345678901234", "+OK"}, /* 44 bytes */
               {"OBJECT ENCODING a", "$6\r\nembstr"},
               {"SET a 123456789012345678901234567890123456789012345", "+OK"},
               {"OBJECT ENCODING a", "$3\r\nraw"}, {"SET a 12", "+OK"}, {"APPEND a 3", ":3"},
               {"OBJECT ENCODING a", "$3\r\nraw"}, {"INCR a", ":124"},
               {"OBJECT ENCODING a", "$3\r\nint"}, {"APPEND b 12", ":2"},
               {"OBJECT ENCODING b", "$3\r\nint"}, {"INCRBYFLOAT b 1", "$2\r\n13"},
               {"OBJECT ENCODING b", "$6\r\nembstr"}, {"SETRANGE c 0 12", ":2"},
               {"OBJECT ENCODING c", "$3\r\nraw"});
}

Test(strings, set_with_expiry)
{
    EXEC_STEPS({"SET a 1 EX 10", "+OK"}, {"PTTL a", ":10000"}, {"SET a 1 px 1500", "+OK"},
               {"PTTL a", ":1500"}, {"SET a 1 EXAT 1700000100", "+OK"}, {"PTTL a", ":100000"},
               {"SET a 1 PXAT 1700000000777", "+OK"}, {"PTTL a", ":777"}, {"@776", NULL},
               {"GET a", "$1\r\n1"}, {"@1", NULL}, {"GET a", "$-1"}, {"SET a 1 EX 10", "+OK"},
               {"SET a 2", "+OK"}, {"PTTL a", ":-1"});
}

/* A key that would be gone at once leaves nothing behind, not even the value before it. */
Test(strings, set_with_expiry_in_the_past)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"SET a 2 PXAT 1", "+OK"}, {"GET a", "$-1"}, {"DBSIZE", ":0"},
               {"SET b 1 EXAT 1700000000", "+OK"}, {"DBSIZE", ":0"}, {"SET c 1", "+OK"},
               {"SET c 2 GET EXAT 5", "$1\r\n1"}, {"EXISTS c", ":0"});
}

Test(strings, set_refuses_bad_times)
{
    EXEC_STEPS({"SET a 1 EX 0", BAD_TIME("set")}, {"SET a 1 PX -5", BAD_TIME("set")},
               {"SET a 1 EXAT 0", BAD_TIME("set")}, {"SET a 1 PXAT -1", BAD_TIME("set")},
               {"SET a 1 EX 9223372036854775807", BAD_TIME("set")},
               {"SET a 1 EX 9223372036854775", BAD_TIME("set")},
               {"SET a 1 PX 9223372036854775807", BAD_TIME("set")}, {"SET a 1 EX x", NO_INTEGER},
               {"SET a 1 EX", SYNTAX}, {"SET a 1 EX 1.5", NO_INTEGER},
               {"SETEX a 0 1", BAD_TIME("setex")}, {"PSETEX a 0 1", BAD_TIME("psetex")},
               {"SETEX a x 1", NO_INTEGER}, {"EXISTS a", ":0"});
}

Test(strings, set_refuses_options_that_exclude_each_other)
{
    EXEC_STEPS({"SET a 1 NX XX", SYNTAX}, {"SET a 1 EX 1 PX 1", SYNTAX},
               {"SET a 1 KEEPTTL EX 1", SYNTAX}, {"SET a 1 EXAT 1 KEEPTTL", SYNTAX},
               {"SET a 1 PERSIST", SYNTAX}, {"SET a 1 nonsense", SYNTAX},
               {"SET a 1 EX 1 PXAT 1", SYNTAX}, {"EXISTS a", ":0"},
               {"SET a 1 EX 5 EX 7 NX NX", "+OK"}, {"TTL a", ":7"});
}

Test(strings, set_nx_and_xx)
{
    EXEC_STEPS({"SET a 1 XX", "$-1"}, {"EXISTS a", ":0"}, {"SET a 1 NX", "+OK"},
               {"SET a 2 NX", "$-1"}, {"GET a", "$1\r\n1"}, {"SET a 3 XX EX 5", "+OK"},
               {"GET a", "$1\r\n3"}, {"@5000", NULL}, {"SET a 4 XX", "$-1"}, {"SET a 5 nx", "+OK"},
               {"TTL a", ":-1"});
}

Test(strings, set_keepttl)
{
    EXEC_STEPS({"SET a 1 EX 10", "+OK"}, {"SET a 2 KEEPTTL", "+OK"}, {"TTL a", ":10"},
               {"GET a", "$1\r\n2"}, {"@10000", NULL}, {"SET a 3 KEEPTTL", "+OK"},
               {"TTL a", ":-1"});
}

Test(strings, set_get)
{
    EXEC_STEPS({"SET a 1 GET", "$-1"}, {"SET a text GET", "$1\r\n1"},
               {"SET a x GET XX", "$4\r\ntext"}, {"SET a y NX GET", "$1\r\nx"},
               {"GET a", "$1\r\nx"}, {"SET b y GET XX", "$-1"}, {"EXISTS b", ":0"},
               {"SET b y GET NX EX 9", "$-1"}, {"TTL b", ":9"}, {"SET b z GET KEEPTTL", "$1\r\ny"},
               {"TTL b", ":9"}, {"GETSET b 7", "$1\r\nz"}, {"TTL b", ":-1"}, {"GETSET c 1", "$-1"},
               {"GET c", "$1\r\n1"});
}

/* The old value is kept aside in a block of its own when it is long. */
Test(strings, set_get_of_a_long_value)
{
    struct exec_fixture fixture;
    char value[1001];
    struct gf_bytes words[] = {
        GF_BYTES("SET"), GF_BYTES("a"), {.data = value, .size = 1000}, GF_BYTES("GET")};
    size_t size;

    memset(value, 'v', sizeof(value) - 1);
    value[1000] = '\0';
    exec_fixture_init(&fixture);
    exec_run_words(&fixture, words, 3, &size);
    words[2] = GF_BYTES("short");
    const char *answer = exec_run_words(&fixture, words, 4, &size);
    cr_assert_eq(size, strlen("$1000\r\n") + 1000 + 2);
    cr_expect_arr_eq(answer + strlen("$1000\r\n"), value, 1000);
    EXEC_EXPECT(&fixture, "GET a", "$5\r\nshort\r\n");
    exec_fixture_deinit(&fixture);
}

Test(strings, setnx_setex_psetex)
{
    EXEC_STEPS({"SETNX a 1", ":1"}, {"SETNX a 2", ":0"}, {"GET a", "$1\r\n1"},
               {"SETEX a 10 x", "+OK"}, {"TTL a", ":10"}, {"PSETEX a 10 y", "+OK"},
               {"PTTL a", ":10"}, {"@10", NULL}, {"SETNX a 3", ":1"}, {"PTTL a", ":-1"});
}

Test(strings, getex)
{
    EXEC_STEPS(
        {"GETEX a", "$-1"}, {"GETEX a EX 0", "$-1"}, {"GETEX a EX x", "$-1"}, {"SET a 1", "+OK"},
        {"GETEX a", "$1\r\n1"}, {"TTL a", ":-1"}, {"GETEX a EX 10", "$1\r\n1"}, {"TTL a", ":10"},
        {"GETEX a", "$1\r\n1"}, {"TTL a", ":10"}, {"GETEX a PERSIST", "$1\r\n1"}, {"TTL a", ":-1"},
        {"GETEX a PX 70", "$1\r\n1"}, {"PTTL a", ":70"}, {"GETEX a EXAT 1700000005", "$1\r\n1"},
        {"TTL a", ":5"}, {"GETEX a EX 0", BAD_TIME("getex")}, {"GETEX a EX x", NO_INTEGER},
        {"GETEX a KEEPTTL", SYNTAX}, {"GETEX a NX", SYNTAX}, {"GETEX a EX 1 PERSIST", SYNTAX},
        {"TTL a", ":5"}, {"GETEX a PXAT 1", "$1\r\n1"}, {"EXISTS a", ":0"}, {"DBSIZE", ":0"});
}

Test(strings, getdel)
{
    EXEC_STEPS({"GETDEL a", "$-1"}, {"SET a text", "+OK"}, {"GETDEL a", "$4\r\ntext"},
               {"EXISTS a", ":0"}, {"SET a 5", "+OK"}, {"GETDEL a", "$1\r\n5"}, {"DBSIZE", ":0"});
}

/* More keys than one batch, over all partitions, some of them missing or named twice. */
Test(strings, many_keys)
{
    EXEC_STEPS(
        {"MSET a 1 b two a 3", "+OK"},
        {"MGET a b c a", "*4\r\n$1\r\n3\r\n$3\r\ntwo\r\n$-1\r\n$1\r\n3"}, {"MSET a", ARITY("mset")},
        {"MSET a 1 b", ARITY("mset")}, {"MSETNX a 1 b", ARITY("msetnx")}, {"MGET", ARITY("mget")},
        {"MSETNX c 1 d 2", ":1"}, {"MSETNX e 1 d 5", ":0"}, {"EXISTS e", ":0"},
        {"GET d", "$1\r\n2"}, {"MSETNX f 1 f 2", ":1"}, {"GET f", "$1\r\n2"},
        {"MSET k1 1 k2 2 k3 3 k4 4 k5 5 k6 6 k7 7 k8 8 k9 9 k10 10 k11 11 k12 12 k13 13 "
         "k14 14 k15 15 k16 16 k17 17 k18 18",
         "+OK"},
        {"DBSIZE", ":23"},
        {"MSETNX n1 1 n2 2 n3 3 n4 4 n5 5 n6 6 n7 7 n8 8 n9 9 n10 10 n11 11 n12 12 n13 13 "
         "n14 14 n15 15 n16 16 n17 17 k18 18",
         ":0"},
        {"DBSIZE", ":23"},
        {"MGET k18 k17 k1 k2 k3 k4 k5 k6 k7 k8 k9 k10 k11 k12 k13 k14 k15 k16",
         "*18\r\n$2\r\n18\r\n$2\r\n17\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n"
         "$1\r\n6\r\n$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n$2\r\n10\r\n$2\r\n11\r\n$2\r\n12\r\n"
         "$2\r\n13\r\n$2\r\n14\r\n$2\r\n15\r\n$2\r\n16"});
}

/* MSET starts afresh: the old expiry goes. */
Test(strings, mset_drops_expiry)
{
    EXEC_STEPS({"SET a 1 EX 10", "+OK"}, {"MSET b 1 a 2", "+OK"}, {"TTL a", ":-1"},
               {"SET c 1 PX 5", "+OK"}, {"@5", NULL}, {"MSETNX c 1", ":1"});
}

Test(strings, append_and_strlen)
{
    EXEC_STEPS({"STRLEN a", ":0"}, {"APPEND a ab", ":2"}, {"APPEND a cd", ":4"},
               {"APPEND a \"\"", ":4"}, {"GET a", "$4\r\nabcd"}, {"SET n 10 EX 9", "+OK"},
               {"APPEND n 5", ":3"}, {"GET n", "$3\r\n105"}, {"TTL n", ":9"}, {"STRLEN n", ":3"});
}

Test(strings, getrange)
{
    EXEC_STEPS({"GETRANGE a 0 -1", "$0\r\n"}, {"SET a \"This is a string\"", "+OK"},
               {"GETRANGE a 0 3", "$4\r\nThis"}, {"GETRANGE a -3 -1", "$3\r\ning"},
               {"GETRANGE a 0 -1", "$16\r\nThis is a string"},
               {"GETRANGE a 10 100", "$6\r\nstring"}, {"GETRANGE a 5 3", "$0\r\n"},
               {"GETRANGE a -1 -3", "$0\r\n"}, {"GETRANGE a 20 30", "$0\r\n"},
               {"GETRANGE a -100 -90", "$1\r\nT"},
               {"GETRANGE a -9223372036854775808 9223372036854775807", "$16\r\nThis is a string"},
               {"SUBSTR a 5 6", "$2\r\nis"}, {"GETRANGE a x 1", NO_INTEGER},
               {"GETRANGE a 1 x", NO_INTEGER}, {"SET a 12345", "+OK"},
               {"GETRANGE a 1 2", "$2\r\n23"}, {"SET a \"\"", "+OK"}, {"GETRANGE a 0 0", "$0\r\n"});
}

Test(strings, setrange)
{
    EXEC_STEPS({"SETRANGE a 3 \"\"", ":0"}, {"EXISTS a", ":0"}, {"SETRANGE a 2 x", ":3"},
               {"SETRANGE a 0 yz", ":3"}, {"GET a", "$3\r\nyzx"}, {"SETRANGE a 1 abc", ":4"},
               {"GET a", "$4\r\nyabc"}, {"SETRANGE a 9 \"\"", ":4"}, {"SET n 1234 EX 5", "+OK"},
               {"SETRANGE n 1 99", ":4"}, {"GET n", "$4\r\n1994"}, {"TTL n", ":5"},
               {"SETRANGE a -1 x", "-ERR offset is out of range"}, {"SETRANGE a x x", NO_INTEGER},
               {"SETRANGE a 9223372036854775807 x", TOO_LONG});
}

/* A gap is filled with zero bytes. */
Test(strings, setrange_fills_with_zeroes)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    EXEC_EXPECT(&fixture, "SETRANGE a 2 x", ":3\r\n");
    cr_expect_arr_eq(exec_run(&fixture, "GET a"), "$3\r\n\0\0x\r\n", 9);
    exec_fixture_deinit(&fixture);
}

/* Strings grow up to the limit and not a byte beyond. */
Test(strings, growth_is_limited)
{
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    fixture.limits.bulk_size_max = 10;
    EXEC_STEPS_IN(&fixture, {"SET a 12345678", "+OK"}, {"APPEND a 90", ":10"},
                  {"APPEND a x", TOO_LONG}, {"STRLEN a", ":10"}, {"SETRANGE a 9 xy", TOO_LONG},
                  {"SETRANGE a 9 x", ":10"}, {"SETRANGE b 10 x", TOO_LONG}, {"EXISTS b", ":0"});
    exec_fixture_deinit(&fixture);
}

Test(strings, incr_and_decr)
{
    EXEC_STEPS({"INCR a", ":1"}, {"INCR a", ":2"}, {"DECR a", ":1"}, {"INCRBY a 41", ":42"},
               {"DECRBY a 50", ":-8"}, {"GET a", "$2\r\n-8"}, {"SET a text", "+OK"},
               {"INCR a", NO_INTEGER}, {"INCRBY b x", NO_INTEGER}, {"INCRBY b 1.5", NO_INTEGER},
               {"EXISTS b", ":0"}, {"SET a \" 1\"", "+OK"}, {"INCR a", NO_INTEGER},
               {"SET a 01", "+OK"}, {"DECR a", NO_INTEGER}, {"SET a 5 EX 9", "+OK"},
               {"INCR a", ":6"}, {"TTL a", ":9"}, {"@9000", NULL}, {"INCR a", ":1"},
               {"TTL a", ":-1"});
}

Test(strings, numbers_do_not_overflow)
{
    EXEC_STEPS({"SET a 9223372036854775807", "+OK"}, {"INCR a", OVERFLOW},
               {"DECRBY a -1", OVERFLOW}, {"GET a", "$19\r\n9223372036854775807"},
               {"SET a -9223372036854775808", "+OK"}, {"DECR a", OVERFLOW},
               {"INCRBY a -1", OVERFLOW}, {"INCRBY a 9223372036854775807", ":-1"},
               {"DECRBY a -9223372036854775808", "-ERR decrement would overflow"},
               {"INCRBY a 9223372036854775808", NO_INTEGER});
}

Test(strings, incrbyfloat)
{
    EXEC_STEPS({"INCRBYFLOAT a 10.5", "$4\r\n10.5"}, {"INCRBYFLOAT a 0.1", "$4\r\n10.6"},
               {"INCRBYFLOAT a -5", "$3\r\n5.6"}, {"SET a 5.0e3", "+OK"},
               {"INCRBYFLOAT a 2.0e2", "$4\r\n5200"}, {"SET a 1 EX 5", "+OK"},
               {"INCRBYFLOAT a 1", "$1\r\n2"}, {"TTL a", ":5"}, {"INCRBYFLOAT a x", NO_FLOAT},
               {"INCRBYFLOAT a \"\"", NO_FLOAT}, {"SET a text", "+OK"},
               {"INCRBYFLOAT a 1", NO_FLOAT},
               {"INCRBYFLOAT b inf", "-ERR increment would produce NaN or Infinity"},
               {"EXISTS b", ":0"}, {"INCRBYFLOAT b nan", NO_FLOAT});
}

/* A whole number that INCRBYFLOAT left is text; INCR takes it and makes it a number. */
Test(strings, incr_after_incrbyfloat)
{
    EXEC_STEPS({"INCRBYFLOAT a 3", "$1\r\n3"}, {"INCR a", ":4"}, {"INCRBYFLOAT a 0.5", "$3\r\n4.5"},
               {"INCR a", NO_INTEGER});
}
