/* Reading words front to back, and the one error that is answered. */
#include "protocol/args.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "protocol/reply.h"

static struct gf_chain chain;
static struct gf_reply reply;
static struct gf_args args;

static void setup(void)
{
    gf_reply_init(&reply, &chain, 2);
}

static void teardown(void)
{
    gf_chain_clear(&chain);
}

TestSuite(args, .init = setup, .fini = teardown, .timeout = 10);

/* ARGS - a cursor over these words; the first is the command's name. */
#define ARGS(...)                                                                                  \
    do {                                                                                           \
        static const struct gf_bytes words[] = {__VA_ARGS__};                                      \
        gf_args_init(&args, words, GF_COUNT(words));                                               \
    } while (0)

#define W(text)                                                                                    \
    {                                                                                              \
        .data = (text), .size = sizeof(text) - 1                                                   \
    }

/* answered - what was answered, terminated. */
static char *answered(void)
{
    static char text[512];
    size_t size = gf_chain_size(&chain);

    cr_assert(lt(sz, size, sizeof(text)));
    if (size > 0)
        memcpy(text, chain.first->data, size);
    text[size] = '\0';
    return text;
}

/* Everything read, nothing left: no answer yet. */
Test(args, words_in_order)
{
    ARGS(W("SET"), W("key"), W("value"));
    cr_expect(eq(u32, gf_args_left(&args), 2));
    cr_expect(gf_bytes_equal(gf_args_next(&args), GF_BYTES("key")));
    cr_expect(gf_bytes_equal(gf_args_next(&args), GF_BYTES("value")));
    cr_expect(eq(u32, gf_args_left(&args), 0));
    cr_expect(gf_args_finish(&args, &reply));
    cr_expect(eq(str, answered(), ""));
}

Test(args, missing_word_is_a_syntax_error)
{
    ARGS(W("SET"), W("key"));
    (void)gf_args_next(&args);
    cr_expect(eq(sz, gf_args_next(&args).size, 0));
    cr_expect(eq(i64, gf_args_next_i64(&args), 0));
    cr_expect(not(gf_args_finish(&args, &reply)));
    cr_expect(eq(str, answered(), "-ERR syntax error\r\n"));
}

Test(args, words_left_over_are_a_syntax_error)
{
    ARGS(W("GET"), W("key"), W("more"));
    (void)gf_args_next(&args);
    cr_expect(gf_args_ok(&args, &reply));
    cr_expect(not(gf_args_finish(&args, &reply)));
    cr_expect(eq(str, answered(), "-ERR syntax error\r\n"));
}

/* Options are taken in any case, and only when they are there. */
Test(args, options)
{
    ARGS(W("SET"), W("nX"), W("EX"), W("10"));
    cr_expect(not(gf_args_skip_if(&args, "XX")));
    cr_expect(gf_args_skip_if(&args, "NX"));
    cr_expect(not(gf_args_skip_if(&args, "E")));
    cr_expect(gf_args_skip_if(&args, "ex"));
    cr_expect(eq(i64, gf_args_next_i64(&args), 10));
    cr_expect(not(gf_args_skip_if(&args, "EX")));
    cr_expect(gf_args_finish(&args, &reply));
}

Test(args, integers_are_strict)
{
    static const struct gf_bytes bad[] = {W(""),
                                          W("a"),
                                          W("1 "),
                                          W(" 1"),
                                          W("+1"),
                                          W("01"),
                                          W("-0"),
                                          W("1a"),
                                          W("0x1"),
                                          W("1.0"),
                                          W("9223372036854775808")};

    for (size_t i = 0; i < GF_COUNT(bad); i++) {
        struct gf_bytes words[2] = {GF_BYTES("X"), bad[i]};

        gf_chain_clear(&chain);
        setup();
        gf_args_init(&args, words, 2);
        cr_expect(eq(i64, gf_args_next_i64(&args), 0));
        cr_expect(not(gf_args_finish(&args, &reply)));
        cr_expect(eq(str, answered(), "-ERR value is not an integer or out of range\r\n"));
    }
    ARGS(W("X"), W("-9223372036854775808"), W("9223372036854775807"), W("0"));
    cr_expect(eq(i64, gf_args_next_i64(&args), INT64_MIN));
    cr_expect(eq(i64, gf_args_next_i64(&args), INT64_MAX));
    cr_expect(eq(i64, gf_args_next_i64(&args), 0));
    cr_expect(eq(int, (int)args.error, GF_MSG_NONE));
}

Test(args, range_has_its_own_error)
{
    ARGS(W("X"), W("1"), W("3"), W("4"));
    cr_expect(eq(i64, gf_args_next_range(&args, 1, 3, GF_MSG_MUST_BE_POSITIVE), 1));
    cr_expect(eq(i64, gf_args_next_range(&args, 1, 3, GF_MSG_MUST_BE_POSITIVE), 3));
    cr_expect(eq(i64, gf_args_next_range(&args, 1, 3, GF_MSG_MUST_BE_POSITIVE), 0));
    cr_expect(not(gf_args_finish(&args, &reply)));
    cr_expect(eq(str, answered(), "-ERR value is out of range, must be positive\r\n"));
}

Test(args, doubles)
{
    ARGS(W("X"), W("1.5"), W("-1e3"), W("inf"), W("nan"));
    cr_expect(ieee_ulp_eq(dbl, gf_args_next_double(&args), 1.5, 0));
    cr_expect(ieee_ulp_eq(dbl, gf_args_next_double(&args), -1000, 0));
    cr_expect(gt(dbl, gf_args_next_double(&args), 1e308));
    cr_expect(eq(int, (int)args.error, GF_MSG_NONE));
    (void)gf_args_next_double(&args);
    cr_expect(not(gf_args_finish(&args, &reply)));
    cr_expect(eq(str, answered(), "-ERR value is not a valid float\r\n"));
}

/* The first error is the one that the client sees. */
Test(args, first_error_stays)
{
    ARGS(W("X"), W("a"), W("b"));
    (void)gf_args_next_i64(&args);
    (void)gf_args_next_double(&args);
    gf_args_fail(&args, GF_MSG_SYNTAX);
    cr_expect(not(gf_args_ok(&args, &reply)));
    cr_expect(eq(str, answered(), "-ERR value is not an integer or out of range\r\n"));
}

/* Some errors name the command. */
Test(args, error_with_a_name)
{
    ARGS(W("SETEX"));
    args.error_name = "setex";
    gf_args_fail(&args, GF_MSG_INVALID_EXPIRE);
    cr_expect(not(gf_args_finish(&args, &reply)));
    cr_expect(eq(str, answered(), "-ERR invalid expire time in 'setex' command\r\n"));
    cr_expect(reply.failed);
}
