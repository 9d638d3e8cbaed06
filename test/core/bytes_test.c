/* core/bytes: order, case, globs and numbers, against tables recorded from Redis 7.0.15. */
#include "core/bytes.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "support/random.h"

TestSuite(bytes, .timeout = 30);

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

/* Sorting and packed collections depend on this order. */
Test(bytes, compare_is_memcmp_with_prefixes_first)
{
    cr_expect(eq(int, gf_bytes_compare(GF_BYTES("a"), GF_BYTES("a")), 0));
    cr_expect(eq(int, sign(gf_bytes_compare(GF_BYTES("a"), GF_BYTES("b"))), -1));
    cr_expect(eq(int, sign(gf_bytes_compare(GF_BYTES("ab"), GF_BYTES("a"))), 1));
    cr_expect(eq(int, sign(gf_bytes_compare(GF_BYTES(""), GF_BYTES("a"))), -1));
    cr_expect(eq(int, gf_bytes_compare((struct gf_bytes){0}, GF_BYTES("")), 0));
    cr_expect(eq(int, sign(gf_bytes_compare(GF_BYTES("\xff"), GF_BYTES("a"))), 1));
    cr_expect(eq(int, sign(gf_bytes_compare(GF_BYTES("a\0b"), GF_BYTES("a\0a"))), 1));
}

/* Sizes 8 to 16 have a path of their own; every single differing byte must be seen. */
Test(bytes, equal_sees_any_differing_byte_of_any_size)
{
    char a[40];
    char b[40];

    cr_expect(gf_bytes_equal((struct gf_bytes){0}, (struct gf_bytes){0}));
    for (size_t size = 1; size <= sizeof(a); size++) {
        memset(a, 'x', sizeof(a));
        memset(b, 'x', sizeof(b));
        struct gf_bytes left = {.data = a, .size = size};
        struct gf_bytes right = {.data = b, .size = size};

        cr_expect(gf_bytes_equal(left, right));
        for (size_t i = 0; i < size; i++) {
            b[i] = 'y';
            cr_expect(not(gf_bytes_equal(left, right)), "size %zu, byte %zu", size, i);
            b[i] = 'x';
        }
        right.size--;
        cr_expect(not(gf_bytes_equal(left, right)));
    }
}

/* Command and option names come in any case; only ASCII letters have one. */
Test(bytes, nocase_folds_only_ascii_letters)
{
    cr_expect(gf_bytes_is(GF_BYTES("KeepTTL"), "KEEPTTL"));
    cr_expect(gf_bytes_is(GF_BYTES(""), ""));
    cr_expect(not(gf_bytes_is(GF_BYTES("EX"), "EXAT")));
    cr_expect(not(gf_bytes_is(GF_BYTES("EXAT"), "EX")));
    cr_expect(not(gf_bytes_is(GF_BYTES("EX\0"), "EX")));
}

struct glob_row {
    const char *pattern;
    const char *text;
    bool nocase;
    bool matches;
};

static const struct glob_row glob_rows[] = {
    {.pattern = "", .text = "", .matches = true},
    {.pattern = "", .text = "a", .matches = false},
    {.pattern = "*", .text = "", .matches = true},
    {.pattern = "**", .text = "", .matches = false}, /* Redis's corner */
    {.pattern = "*", .text = "abc", .matches = true},
    {.pattern = "a*", .text = "a", .matches = true},
    {.pattern = "a**", .text = "a", .matches = true},
    {.pattern = "*a", .text = "ba", .matches = true},
    {.pattern = "*a", .text = "ab", .matches = false},
    {.pattern = "a*b*c", .text = "aXbXbXc", .matches = true},
    {.pattern = "a*b*c", .text = "aXcXb", .matches = false},
    {.pattern = "h?llo", .text = "hello", .matches = true},
    {.pattern = "h?llo", .text = "hllo", .matches = false},
    {.pattern = "?", .text = "", .matches = false},
    {.pattern = "h[ae]llo", .text = "hallo", .matches = true},
    {.pattern = "h[ae]llo", .text = "hillo", .matches = false},
    {.pattern = "h[^e]llo", .text = "hallo", .matches = true},
    {.pattern = "h[^e]llo", .text = "hello", .matches = false},
    {.pattern = "h[a-c]llo", .text = "hbllo", .matches = true},
    {.pattern = "h[c-a]llo", .text = "hbllo", .matches = true}, /* turned round */
    {.pattern = "h[a-c]llo", .text = "hdllo", .matches = false},
    {.pattern = "[a-]", .text = "_", .matches = true}, /* a range from ']' to 'a' */
    {.pattern = "[a-]", .text = "-", .matches = false},
    {.pattern = "[]", .text = "]", .matches = false},
    {.pattern = "[^]", .text = "x", .matches = true},
    {.pattern = "[^", .text = "x", .matches = true}, /* ends with the pattern */
    {.pattern = "[", .text = "[", .matches = false},
    {.pattern = "[ab", .text = "b", .matches = true},
    {.pattern = "[\\]]", .text = "]", .matches = true},
    {.pattern = "[\\-a]", .text = "-", .matches = true},
    {.pattern = "[\\", .text = "\\", .matches = true},
    {.pattern = "\\*", .text = "*", .matches = true},
    {.pattern = "\\*", .text = "a", .matches = false},
    {.pattern = "\\", .text = "\\", .matches = true},
    {.pattern = "a\\", .text = "a\\", .matches = true},
    {.pattern = "[a-\xff]", .text = "B", .matches = true}, /* bytes are signed in ranges */
    {.pattern = "[a-\xff]", .text = "b", .matches = false},
    {.pattern = "ABC", .text = "abc", .matches = false},
    {.pattern = "ABC", .text = "abc", .nocase = true, .matches = true},
    {.pattern = "[A-C]bc", .text = "bBC", .nocase = true, .matches = true},
    {.pattern = "[\\A]", .text = "a", .nocase = true, .matches = false}, /* exact, as in Redis */
};

/* KEYS, SCAN MATCH, CONFIG GET and PSUBSCRIBE must select what Redis selects. */
Test(bytes, glob_agrees_with_redis)
{
    for (size_t i = 0; i < sizeof(glob_rows) / sizeof(glob_rows[0]); i++) {
        const struct glob_row *row = &glob_rows[i];

        cr_expect(gf_bytes_match(gf_bytes_of(row->pattern), gf_bytes_of(row->text), row->nocase) ==
                      row->matches,
                  "pattern %s, text %s", row->pattern, row->text);
    }
}

/* The plainest matcher of stars and question marks there is; exponential. */
static bool match_plainly(const char *pattern, const char *text)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern == '*')
        return match_plainly(pattern + 1, text) || (*text && match_plainly(pattern, text + 1));
    return *text && (*pattern == '?' || *pattern == *text) && match_plainly(pattern + 1, text + 1);
}

/* Trying only the last star again must find every match that trying all of them finds. */
Test(bytes, glob_agrees_with_a_plain_matcher)
{
    struct test_random random = {.state = 11};
    char pattern[9];
    char text[13];

    for (int round = 0; round < 200000; round++) {
        size_t pattern_size = 1 + test_random_below(&random, sizeof(pattern) - 1);
        size_t text_size = 1 + test_random_below(&random, sizeof(text) - 1);

        for (size_t i = 0; i < pattern_size; i++)
            pattern[i] = "ab*?"[test_random_below(&random, 4)];
        for (size_t i = 0; i < text_size; i++)
            text[i] = "ab"[test_random_below(&random, 2)];
        pattern[pattern_size] = '\0';
        text[text_size] = '\0';
        cr_assert(gf_bytes_match(gf_bytes_of(pattern), gf_bytes_of(text), false) ==
                      match_plainly(pattern, text),
                  "pattern %s, text %s", pattern, text);
    }
}

/* A client must not be able to stop a core with a pattern. */
Test(bytes, glob_with_many_stars_is_bounded)
{
    static char pattern[2 * 1001 + 2];
    static char text[100000];

    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < 1001; i++)
        memcpy(pattern + 2 * i, "a*", 2);
    pattern[2 * 1001] = 'a';
    struct gf_bytes subject = {.data = text, .size = sizeof(text)};

    cr_expect(gf_bytes_match((struct gf_bytes){pattern + 2, 2 * 1000 + 1}, subject, false));
    cr_expect(not(gf_bytes_match((struct gf_bytes){pattern, 2 * 1001 + 1}, subject, false)));
    pattern[2 * 1001] = 'b';
    cr_expect(not(gf_bytes_match((struct gf_bytes){pattern + 2, 2 * 1000 + 1}, subject, false)));
}

static const struct {
    struct gf_bytes text;
    bool ok;
    int64_t value;
} i64_rows[] = {
    {GF_BYTES("0"), true, 0},
    {GF_BYTES("7"), true, 7},
    {GF_BYTES("-1"), true, -1},
    {GF_BYTES("9223372036854775807"), true, INT64_MAX},
    {GF_BYTES("-9223372036854775808"), true, INT64_MIN},
    {GF_BYTES("999999999999999999"), true, 999999999999999999},
    {GF_BYTES("1000000000000000000"), true, 1000000000000000000},
    {GF_BYTES("9223372036854775808"), false, 0},
    {GF_BYTES("-9223372036854775809"), false, 0},
    {GF_BYTES("9999999999999999999"), false, 0},
    {GF_BYTES("18446744073709551616"), false, 0},
    {GF_BYTES("123456789012345678901"), false, 0},
    {GF_BYTES(""), false, 0},
    {GF_BYTES("-"), false, 0},
    {GF_BYTES("-0"), false, 0},
    {GF_BYTES("00"), false, 0},
    {GF_BYTES("01"), false, 0},
    {GF_BYTES("-01"), false, 0},
    {GF_BYTES("+1"), false, 0},
    {GF_BYTES(" 1"), false, 0},
    {GF_BYTES("1 "), false, 0},
    {GF_BYTES("1\0"), false, 0},
    {GF_BYTES("0x1"), false, 0},
    {GF_BYTES("1.0"), false, 0},
    {GF_BYTES("1e1"), false, 0},
    {GF_BYTES("--1"), false, 0},
    {GF_BYTES("1/"), false, 0},
    {GF_BYTES("1:"), false, 0},
};

/* A value is stored as an integer only if formatting it gives the very same bytes again. */
Test(bytes, i64_is_parsed_strictly)
{
    int64_t value = 4711;

    for (size_t i = 0; i < sizeof(i64_rows) / sizeof(i64_rows[0]); i++) {
        value = 4711;
        cr_expect(gf_bytes_parse_i64(i64_rows[i].text, &value) == i64_rows[i].ok, "%s",
                  i64_rows[i].text.data);
        cr_expect(eq(i64, value, i64_rows[i].ok ? i64_rows[i].value : 4711), "%s",
                  i64_rows[i].text.data);
    }
    cr_expect(not(gf_bytes_parse_i64((struct gf_bytes){0}, &value)));
}

/* Digits are read eight at a time: each byte value at each place of each length must be judged. */
Test(bytes, any_byte_that_is_no_digit_is_refused)
{
    for (size_t size = 1; size <= 19; size++) {
        for (size_t place = 0; place < size; place++) {
            for (int byte = 0; byte < 256; byte++) {
                char text[GF_I64_TEXT_MAX];
                int64_t value;
                bool good = byte >= (place == 0 && size > 1 ? '1' : '0') && byte <= '9';

                if (place == 0 && size > 1 && byte == '-')
                    continue;
                memset(text, '1', sizeof(text));
                text[place] = (char)byte;
                struct gf_bytes view = {.data = text, .size = size};
                cr_assert(gf_bytes_parse_i64(view, &value) == good, "size %zu, place %zu, byte %d",
                          size, place, byte);
            }
        }
    }
}

/* SCAN cursors use all 64 bits. */
Test(bytes, u64_takes_digits_only)
{
    uint64_t value = 4711;

    cr_expect(gf_bytes_parse_u64(GF_BYTES("18446744073709551615"), &value));
    cr_expect(eq(u64, value, UINT64_MAX));
    cr_expect(gf_bytes_parse_u64(GF_BYTES("0000000000000000000000000000000000007"), &value));
    cr_expect(eq(u64, value, 7));
    cr_expect(not(gf_bytes_parse_u64(GF_BYTES("1000000000000000000000000"), &value)));
    cr_expect(gf_bytes_parse_u64(GF_BYTES("007"), &value));
    cr_expect(eq(u64, value, 7));
    cr_expect(not(gf_bytes_parse_u64(GF_BYTES("18446744073709551616"), &value)));
    cr_expect(not(gf_bytes_parse_u64(GF_BYTES("99999999999999999999"), &value)));
    cr_expect(not(gf_bytes_parse_u64(GF_BYTES("-1"), &value)));
    cr_expect(not(gf_bytes_parse_u64(GF_BYTES("+1"), &value)));
    cr_expect(not(gf_bytes_parse_u64(GF_BYTES(""), &value)));
    cr_expect(not(gf_bytes_parse_u64(GF_BYTES("1 "), &value)));
    cr_expect(eq(u64, value, 7));
}

static void i64_round_trip(int64_t value)
{
    char text[GF_I64_TEXT_MAX];
    char expected[32];
    size_t size = gf_i64_format(text, value);
    int64_t parsed = 0;

    snprintf(expected, sizeof(expected), "%" PRId64, value);
    cr_assert(eq(sz, size, strlen(expected)));
    cr_assert(memcmp(text, expected, size) == 0, "%s", expected);
    cr_assert(gf_bytes_parse_i64((struct gf_bytes){.data = text, .size = size}, &parsed));
    cr_assert(eq(i64, parsed, value));
}

/* Every counter a client reads passes through here. */
Test(bytes, i64_survives_a_round_trip)
{
    struct test_random random = {.state = 3};
    int64_t power = 1;

    i64_round_trip(INT64_MIN);
    i64_round_trip(INT64_MAX);
    for (int64_t value = -11000; value <= 11000; value++)
        i64_round_trip(value);
    for (int digits = 0; digits < 18; digits++, power *= 10) {
        i64_round_trip(power - 1);
        i64_round_trip(power);
        i64_round_trip(-power);
    }
    for (int round = 0; round < 100000; round++)
        i64_round_trip((int64_t)(test_random_next(&random) >> test_random_below(&random, 64)));
}

/* The largest unsigned number has 20 digits, one more than the largest signed one. */
Test(bytes, u64_is_formatted_up_to_its_maximum)
{
    char text[GF_I64_TEXT_MAX];

    cr_expect(eq(sz, gf_u64_format(text, UINT64_MAX), 20));
    cr_expect(memcmp(text, "18446744073709551615", 20) == 0);
    cr_expect(eq(sz, gf_u64_format(text, 0), 1));
    cr_expect(eq(chr, text[0], '0'));
}

static const struct {
    struct gf_bytes text;
    const char *answer; /* of INCRBYFLOAT on 0; NULL = not a valid float */
} float_rows[] = {
    {GF_BYTES("0"), "0"},
    {GF_BYTES("-0"), "0"},
    {GF_BYTES("+1"), "1"},
    {GF_BYTES("01"), "1"},
    {GF_BYTES("1.5"), "1.5"},
    {GF_BYTES(".5"), "0.5"},
    {GF_BYTES("5."), "5"},
    {GF_BYTES("0x1p3"), "8"},
    {GF_BYTES("-100"), "-100"},
    {GF_BYTES("0.1"), "0.1"},
    {GF_BYTES("3.14159265358979323846"), "3.14159265358979324"},
    {GF_BYTES("1e-17"), "0.00000000000000001"},
    {GF_BYTES("-1e-18"), "0"},
    {GF_BYTES("1e-4950"), "0"}, /* subnormal: fine */
    {GF_BYTES("1e20"), "100000000000000000000"},
    {GF_BYTES("inf"), "inf"},
    {GF_BYTES("-infinity"), "-inf"},
    {GF_BYTES(""), NULL},
    {GF_BYTES(" 1"), NULL},
    {GF_BYTES("\t1"), NULL},
    {GF_BYTES("1 "), NULL},
    {GF_BYTES("1\0"), NULL},
    {GF_BYTES("nan"), NULL},
    {GF_BYTES("1e5000"), NULL},
    {GF_BYTES("-1e-5000"), NULL},
    {GF_BYTES("abc"), NULL},
    {GF_BYTES("1,5"), NULL},
};

/* INCRBYFLOAT's answers are stored, so their text must be Redis's to the last digit. */
Test(bytes, long_doubles_read_and_look_like_redis)
{
    for (size_t i = 0; i < sizeof(float_rows) / sizeof(float_rows[0]); i++) {
        long double value = 0;
        bool ok = gf_bytes_parse_long_double(float_rows[i].text, &value);
        char text[GF_LONG_DOUBLE_TEXT_MAX + 1];

        cr_expect(ok == (float_rows[i].answer != NULL), "%s", float_rows[i].text.data);
        if (ok && float_rows[i].answer) {
            text[gf_long_double_format(text, value)] = '\0';
            cr_expect(eq(str, text, (char *)float_rows[i].answer));
        }
    }
}

/* The longest text there can be fits its buffer. */
Test(bytes, the_largest_long_double_fits)
{
    static char text[GF_LONG_DOUBLE_TEXT_MAX];
    static char digits[GF_LONG_DOUBLE_TEXT_MAX];
    long double value;

    size_t size = gf_long_double_format(text, -LDBL_MAX);
    cr_expect(eq(sz, size, 4934));
    cr_assert(gf_bytes_parse_long_double((struct gf_bytes){text, size}, &value));
    cr_expect(value == -LDBL_MAX);

    memset(digits, '0', sizeof(digits));
    digits[GF_LONG_DOUBLE_TEXT_MAX - 2] = '1';
    cr_expect(gf_bytes_parse_long_double((struct gf_bytes){digits, sizeof(digits) - 1}, &value));
    cr_expect(not(gf_bytes_parse_long_double((struct gf_bytes){digits, sizeof(digits)}, &value)));
}

static void expect_double(double value, const char *expected)
{
    char text[GF_DOUBLE_TEXT_MAX + 1];

    text[gf_double_format(text, value)] = '\0';
    cr_expect(eq(str, text, (char *)expected));
}

/* Doubles in replies look like those of Redis 7.0. */
Test(bytes, doubles_look_like_redis)
{
    expect_double(0, "0");
    expect_double(-0.0, "-0");
    expect_double(3, "3");
    expect_double(-1.5, "-1.5");
    expect_double(0.1, "0.10000000000000001");
    expect_double(1e16, "10000000000000000");
    expect_double(123456789012345678.0, "1.2345678901234568e+17");
    expect_double(1e20, "1e+20");
    expect_double(1e-5, "1.0000000000000001e-05");
    expect_double(5e-324, "4.9406564584124654e-324");
    expect_double(-DBL_MAX, "-1.7976931348623157e+308");
    expect_double((double)INFINITY, "inf");
    expect_double((double)-INFINITY, "-inf");
    expect_double((double)NAN, "nan");
}

/* A score written by us and read by us must be the same score. */
Test(bytes, doubles_survive_a_round_trip)
{
    struct test_random random = {.state = 5};

    for (int round = 0; round < 50000; round++) {
        uint64_t bits = test_random_next(&random);
        char text[GF_DOUBLE_TEXT_MAX];
        double value;
        double parsed = 0;

        memcpy(&value, &bits, sizeof(value));
        if (isnan(value))
            continue;
        struct gf_bytes view = {.data = text, .size = gf_double_format(text, value)};
        cr_assert(gf_bytes_parse_double(view, &parsed));
        cr_assert(memcmp(&parsed, &value, sizeof(value)) == 0, "%a", value);
    }
}

/* Limits and errors of doubles are those of long doubles, at their own range. */
Test(bytes, doubles_out_of_range_are_refused)
{
    double value = 4711;

    cr_expect(not(gf_bytes_parse_double(GF_BYTES("1e400"), &value)));
    cr_expect(not(gf_bytes_parse_double(GF_BYTES("1e-400"), &value)));
    cr_expect(not(gf_bytes_parse_double(GF_BYTES("nan"), &value)));
    cr_expect(not(gf_bytes_parse_double(GF_BYTES(" 1"), &value)));
    cr_expect(not(gf_bytes_parse_double(GF_BYTES(""), &value)));
    cr_expect(eq(dbl, value, 4711));
    cr_expect(gf_bytes_parse_double(GF_BYTES("-inf"), &value));
    cr_expect(value < -DBL_MAX);
    cr_expect(gf_bytes_parse_double(GF_BYTES("1e-320"), &value));
}

static const struct {
    const char *text;
    bool ok;
    uint64_t value;
} memory_rows[] = {
    {"0", true, 0},
    {"12", true, 12},
    {"12b", true, 12},
    {"64k", true, 64000},
    {"64kb", true, 65536},
    {"100MB", true, 104857600},
    {"1m", true, 1000000},
    {"1g", true, 1000000000},
    {"2Gb", true, 2147483648},
    {"18446744073709551615", true, UINT64_MAX},
    {"17179869184gb", false, 0}, /* 2^64 */
    {"17179869183gb", true, UINT64_MAX - (1u << 30) + 1},
    {"18446744073709551616", true, UINT64_MAX},
    {"18446744073709551616b", true, UINT64_MAX},
    {"18446744073709551616k", false, 0},
    {"", true, 0},
    {"mb", true, 0},
    {"-1", false, 0},
    {"1.5gb", false, 0},
    {"1 gb", false, 0},
    {"1kbb", false, 0},
    {"1tb", false, 0},
};

/* maxmemory is the option everybody sets; a wrong unit must not become another amount. */
Test(bytes, memory_texts_have_redis_units)
{
    for (size_t i = 0; i < sizeof(memory_rows) / sizeof(memory_rows[0]); i++) {
        uint64_t value = 4711;

        cr_expect(gf_bytes_parse_memory(gf_bytes_of(memory_rows[i].text), &value) ==
                      memory_rows[i].ok,
                  "%s", memory_rows[i].text);
        cr_expect(eq(u64, value, memory_rows[i].ok ? memory_rows[i].value : 4711), "%s",
                  memory_rows[i].text);
    }
}
