/* The parser against Redis's own behaviour, however the bytes arrive. */
#include "protocol/parser.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/bytes.h"
#include "protocol/feed.h"

TestSuite(parser, .timeout = 60);

/* Input and what Redis 7.0.15 makes of it, as feed.h writes it down. */
struct parser_case {
    const char *input;
    size_t size;
    const char *expected;
    bool unauthenticated;
};

#define CASE(in, out)                                                                              \
    {                                                                                              \
        .input = (in), .size = sizeof(in) - 1, .expected = (out)                                   \
    }
#define CASE_UNAUTHENTICATED(in, out)                                                              \
    {                                                                                              \
        .input = (in), .size = sizeof(in) - 1, .expected = (out), .unauthenticated = true          \
    }

static const struct parser_case cases[] = {
    /* Arrays. */
    CASE("*1\r\n$4\r\nPING\r\n", "(PING)"),
    CASE("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$3\r\nabc\r\n",
         "(SET,key:000000000001,abc)"),
    CASE("*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "(GET,)"),
    CASE("*1\r\n$0\r\n\r\n", "()()"),
    CASE("*12\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n6\r\n"
         "$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n$1\r\na\r\n$1\r\nb\r\n",
         "(0,1,2,3,4,5,6,7,8,9,a,b)"),
    CASE("*1\r\n$101\r\n0123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234567890\r\n",
         "(0123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234567890)"),
    CASE("*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\nPING\r\n*1\r\n$4\r\nPING\r\n",
         "(PING)(PING)(PING)(PING)"),
    CASE("*2\r\n$4\r\nECHO\r\n$5\r\na\r\n\0b\r\n", "(ECHO,a\\r\\n\\0b)"),
    CASE("*2\r\n$4\r\nECHO\r\n$4\r\n*1\r\n\r\n", "(ECHO,*1\\r\\n)"),
    CASE("*0\r\n", ""),
    CASE("*-1\r\n", ""),
    CASE("*-9223372036854775808\r\n", ""),
    CASE("*0\r\n*-1\r\n\r\n*1\r\n$4\r\nPING\r\n", "(PING)"),
    /* The byte behind a CR and the two behind a word are not looked at. */
    CASE("*1\rX$4\rYPINGZZ", "(PING)"),
    CASE("*1\r\n$4\r\nPINGXX*1\r\n$4\r\nPING\r\n", "(PING)(PING)"),
    CASE("*1\r\n$12\rX012345678901\r\n", "(012345678901)"),
    /* Numbers are strict. */
    CASE("*\r\n", "!Protocol error: invalid multibulk length"),
    CASE("*abc\r\n", "!Protocol error: invalid multibulk length"),
    CASE("*+1\r\n", "!Protocol error: invalid multibulk length"),
    CASE("*01\r\n", "!Protocol error: invalid multibulk length"),
    CASE("*-0\r\n", "!Protocol error: invalid multibulk length"),
    CASE("* 1\r\n", "!Protocol error: invalid multibulk length"),
    CASE("*1 \r\n", "!Protocol error: invalid multibulk length"),
    CASE("*1\n$4\r\nPING\r\n", "!Protocol error: invalid multibulk length"),
    CASE("*2147483648\r\n", "!Protocol error: invalid multibulk length"),
    CASE("*99999999999999999999\r\n", "!Protocol error: invalid multibulk length"),
    CASE("*-99999999999999999999\r\n", "!Protocol error: invalid multibulk length"),
    CASE("*1\r\n$\r\n", "!Protocol error: invalid bulk length"),
    CASE("*1\r\n$\r\n\r\n\r\n", "!Protocol error: invalid bulk length"),
    CASE("*1\r\n$-1\r\n", "!Protocol error: invalid bulk length"),
    CASE("*1\r\n$-0\r\n", "!Protocol error: invalid bulk length"),
    CASE("*1\r\n$+4\r\nPING\r\n", "!Protocol error: invalid bulk length"),
    CASE("*1\r\n$04\r\nPING\r\n", "!Protocol error: invalid bulk length"),
    CASE("*1\r\n$004\r\nPING\r\n", "!Protocol error: invalid bulk length"),
    CASE("*1\r\n$4a\r\nPING\r\n", "!Protocol error: invalid bulk length"),
    CASE("*1\r\n$536870913\r\n", "!Protocol error: invalid bulk length"),
    CASE("*1\r\n$99999999999999999999\r\n", "!Protocol error: invalid bulk length"),
    CASE("*1\r\n$536870912\r\nabc", "..."),
    CASE("*2147483647\r\n", "..."),
    CASE("*1048577\r\n$1\r\na\r\n", "..."),
    /* What is not a bulk string. */
    CASE("*1\r\nabc", "..."),
    CASE("*1\r\nabc\r", "..."),
    CASE("*1\r\nabc\r\n", "!Protocol error: expected '$', got 'a'"),
    CASE("*2\r\n$4\r\nPING\r\nx\r\n", "!Protocol error: expected '$', got 'x'"),
    CASE("*2\r\n$3\r\nGET\r\nPING\r\n", "!Protocol error: expected '$', got 'P'"),
    CASE("*1\r\n\r\n", "!Protocol error: expected '$', got ' '"),
    CASE("*1\r\n\n\r\n", "!Protocol error: expected '$', got ' '"),
    CASE("*1\r\n'\r\n", "!Protocol error: expected '$', got '''"),
    CASE("*1\r\n\x80\r\n", "!Protocol error: expected '$', got '\x80'"),
    CASE("*1\r\n*1\r\n", "!Protocol error: expected '$', got '*'"),
    /* Requests before an error are served. */
    CASE("*1\r\n$4\r\nPING\r\n*x\r\n", "(PING)!Protocol error: invalid multibulk length"),
    /* A zero byte hides the rest of a line. */
    CASE("*1\r\n\0\r\nPING\r\n", "..."),
    CASE("*1\0\r\n$4\r\nPING\r\n", "..."),
    CASE("PI\0NG\r\nPING\r\n", "..."),
    CASE("\0\r\n", "..."),
    CASE("ECHO \"a\0b\"\r\n", "..."),
    /* Lines. */
    CASE("PING\r\n", "(PING)"),
    CASE("PING\n", "(PING)"),
    CASE("PING\r\r\n", "(PING)"),
    CASE("PING", "..."),
    CASE("\r\n", ""),
    CASE("\n", ""),
    CASE("\r\r\n", ""),
    CASE(" \t \r\n", ""),
    CASE(" PING \t x \r\n", "(PING,x)"),
    CASE("$4\r\nPING\r\n", "($4)(PING)"),
    CASE("+x\r\n-y\n", "(+x)(-y)"),
    CASE("a b\rc\r\n", "(a,b,c)"),
    CASE("a\vb \fc\r\n", "(a\vb,c)"),
    CASE("SET a 1\nGET a\n", "(SET,a,1)(GET,a)"),
    CASE("a b c d e f g h i j\n", "(a,b,c,d,e,f,g,h,i,j)"),
    /* Quotes. */
    CASE("ECHO \"a b\"\r\n", "(ECHO,a b)"),
    CASE("ECHO \"\"\r\n", "(ECHO,)"),
    CASE("\"\"\r\n", "()()"),
    CASE("\"\" \"\" ''\r\n", "(,,)"),
    CASE("ECHO \"\\x41\\n\\r\\t\\b\\a\\q\\\\\\\"\" x\r\n", "(ECHO,A\\n\\r\t\b\aq\\\",x)"),
    CASE("ECHO \"\\x00\\xfF\"\r\n", "(ECHO,\\0\xff)"),
    CASE("ECHO \"\\xZZ\\x4\"\r\n", "(ECHO,xZZx4)"),
    CASE("ECHO 'a\\'b\\n\"'\r\n", "(ECHO,a'b\\n\")"),
    CASE("ECHO \\x41\\n\r\n", "(ECHO,\\x41\\n)"),
    CASE("ECHO a\"b c\"\r\n", "(ECHO,ab c)"),
    CASE("ECHO \"a\"\v\"b\"\r\n", "(ECHO,a,b)"),
    CASE("ECHO \"a\"\r\r\n", "(ECHO,a)"),
    CASE("ECHO \"a\"b\r\n", "!Protocol error: unbalanced quotes in request"),
    CASE("ECHO 'a'x\r\n", "!Protocol error: unbalanced quotes in request"),
    CASE("ECHO \"a\r\n", "!Protocol error: unbalanced quotes in request"),
    CASE("ECHO 'a\r\n", "!Protocol error: unbalanced quotes in request"),
    CASE("ECHO \"a'\r\n", "!Protocol error: unbalanced quotes in request"),
    CASE("ECHO \"\\\r\n", "!Protocol error: unbalanced quotes in request"),
    CASE("ECHO \"\\x4\r\n", "!Protocol error: unbalanced quotes in request"),
    CASE("ECHO '\\'\r\n", "!Protocol error: unbalanced quotes in request"),
    CASE("ECHO a'b c'd\r\n", "!Protocol error: unbalanced quotes in request"),
    CASE("PING\nECHO \"\n", "(PING)!Protocol error: unbalanced quotes in request"),
    /* Before authentication. */
    CASE_UNAUTHENTICATED("*10\r\n$3\r\n", "..."),
    CASE_UNAUTHENTICATED("*11\r\n", "!Protocol error: unauthenticated multibulk length"),
    CASE_UNAUTHENTICATED("*11\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n"
                         "$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n",
                         "!Protocol error: unauthenticated multibulk length"),
    CASE_UNAUTHENTICATED("*1\r\n$16384\r\n", "..."),
    CASE_UNAUTHENTICATED("*1\r\n$16385\r\n", "!Protocol error: unauthenticated bulk length"),
    CASE_UNAUTHENTICATED("*1\r\n$536870913\r\n", "!Protocol error: invalid bulk length"),
    CASE_UNAUTHENTICATED("*2147483648\r\n", "!Protocol error: invalid multibulk length"),
    CASE_UNAUTHENTICATED("*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n", "(AUTH,x)"),
};

/* expect - the case, cut at `cuts`, gives what is expected. */
static void expect(const struct parser_case *c, const size_t *cuts, size_t cuts_count)
{
    struct feed feed;

    feed_init(&feed, !c->unauthenticated);
    feed_pieces(&feed, (struct gf_bytes){.data = c->input, .size = c->size}, cuts, cuts_count);
    cr_expect(eq(str, feed.text, (char *)c->expected), "%s cut at %zu", c->input,
              cuts_count > 0 ? cuts[0] : 0);
    feed_deinit(&feed);
}

/* Every case as Redis answers it, when its bytes arrive together. */
Test(parser, whole_input_is_read_as_redis_does)
{
    for (size_t i = 0; i < GF_COUNT(cases); i++)
        expect(&cases[i], NULL, 0);
}

/* TCP cuts where it likes: no cut changes the result. */
Test(parser, input_cut_anywhere_gives_the_same)
{
    for (size_t i = 0; i < GF_COUNT(cases); i++)
        for (size_t cut = 1; cut < cases[i].size; cut++)
            expect(&cases[i], &cut, 1);
}

/* The slowest client: one byte at a time. */
Test(parser, single_bytes_give_the_same)
{
    size_t cuts[512];

    for (size_t i = 0; i < GF_COUNT(cases); i++) {
        cr_assert(lt(sz, cases[i].size, GF_COUNT(cuts)));
        for (size_t cut = 1; cut < cases[i].size; cut++)
            cuts[cut - 1] = cut;
        expect(&cases[i], cuts, cases[i].size - 1);
    }
}

/* A case with `size` bytes of `fill` between `head` and `tail`. */
static void expect_filled(const char *head, size_t size, char fill, const char *tail,
                          const char *expected)
{
    size_t head_size = strlen(head);
    size_t total = head_size + size + strlen(tail);
    char *input = gf_alloc(GF_MEMORY_OTHER, total);
    struct feed feed;

    memcpy(input, head, head_size);
    memset(input + head_size, fill, size);
    memcpy(input + head_size + size, tail, strlen(tail));
    feed_init(&feed, true);
    feed_pieces(&feed, (struct gf_bytes){.data = input, .size = total}, NULL, 0);
    cr_expect(eq(str, feed.text, (char *)expected), "%s %zu", head, size);
    feed_deinit(&feed);
    gf_free(GF_MEMORY_OTHER, input);
}

/* A line may be 64 KB long before its end arrives. */
Test(parser, lines_without_an_end_are_refused_beyond_64_kb)
{
    expect_filled("", 65536, 'a', "", "...");
    expect_filled("", 65537, 'a', "", "!Protocol error: too big inline request");
    expect_filled("", 65537, '\0', "\n", "!Protocol error: too big inline request");
    expect_filled("*", 65535, '1', "", "...");
    expect_filled("*", 65536, '1', "", "!Protocol error: too big mbulk count string");
    expect_filled("*1\r\n$", 65535, '1', "", "...");
    expect_filled("*1\r\n$", 65536, '1', "", "!Protocol error: too big bulk count string");
    expect_filled("*1\r\n", 65537, '\0', "\r\n", "!Protocol error: too big bulk count string");
    /* With its end it is a long line, or no number. */
    expect_filled("", 65537, ' ', "x\n", "(x)");
    expect_filled("*", 65537, '1', "\r\n", "!Protocol error: invalid multibulk length");
    expect_filled("*1\r\n$", 65537, '1', "\r\n", "!Protocol error: invalid bulk length");
}

/* A line that trickles in is searched once, and still has an end: 64 KB and one byte. */
Test(parser, trickling_line_is_refused_at_64_kb)
{
    static char line[70000];
    struct feed feed;
    size_t cuts[GF_COUNT(line)];

    memset(line, 'a', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    for (size_t i = 0; i < 8; i++)
        cuts[i] = (i + 1) * 8192;
    cuts[8] = 65537;
    feed_init(&feed, true);
    feed_pieces(&feed, (struct gf_bytes){.data = line, .size = sizeof(line)}, cuts, 9);
    cr_expect(eq(str, feed.text, "!Protocol error: too big inline request"));
    feed_deinit(&feed);
}

/* bytes_held - memory of this thread's buffers. */
static int64_t bytes_held(const struct gf_memory_account *account)
{
    return atomic_load_explicit(&account->bytes[GF_MEMORY_BUFFERS], memory_order_relaxed);
}

/* A client that announces a million words or 512 MB and sends nothing costs nothing. */
Test(parser, announced_sizes_take_no_memory)
{
    static const char *const inputs[] = {"*1048576\r\n", "*2147483647\r\n$536870912\r\n",
                                         "*1048576\r\n$536870912\r\nabc"};
    struct gf_memory_account account = {0};
    struct gf_memory_account *before = gf_memory_account_use(&account);

    for (size_t i = 0; i < GF_COUNT(inputs); i++) {
        struct gf_parser parser;
        struct gf_words words = {0};
        struct gf_parsed parsed;
        char input[64];

        strcpy(input, inputs[i]);
        gf_parser_init(&parser, &feed_limits);
        parser.authenticated = true;
        cr_expect(eq(int, (int)gf_parser_next(&parser, input, strlen(input), &words, &parsed),
                     GF_PARSE_MORE));
        cr_expect(eq(i64, bytes_held(&account), 0));
        gf_parser_deinit(&parser);
        gf_words_deinit(&words);
    }
    gf_memory_account_use(before);
}

/* Places are remembered while a request is unfinished, as many as came, and given back. */
Test(parser, idle_parser_holds_no_memory)
{
    struct gf_memory_account account = {0};
    struct gf_memory_account *before = gf_memory_account_use(&account);
    char input[] = "*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$2\r\nXX\r\n";
    struct gf_parser parser;
    struct gf_words words = {0};
    struct gf_parsed parsed;

    gf_parser_init(&parser, &feed_limits);
    parser.authenticated = true;
    cr_assert(eq(int, (int)gf_parser_next(&parser, input, sizeof(input) - 5, &words, &parsed),
                 GF_PARSE_MORE));
    gf_words_deinit(&words);
    cr_expect(gt(i64, bytes_held(&account), 0));
    cr_expect(lt(i64, bytes_held(&account), 1024));
    cr_assert(eq(int, (int)gf_parser_next(&parser, input, sizeof(input) - 1, &words, &parsed),
                 GF_PARSE_REQUEST));
    cr_expect(eq(u32, parsed.words_count, 4));
    cr_expect(eq(sz, parsed.size, sizeof(input) - 1));
    gf_words_deinit(&words);
    cr_expect(eq(i64, bytes_held(&account), 0));
    gf_parser_deinit(&parser);
    gf_memory_account_use(before);
}

/* A pipeline's words lie one request behind the other. */
Test(parser, requests_add_to_the_same_words)
{
    char input[] = "*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING \"x\"\r\n";
    struct gf_parser parser;
    struct gf_words words = {0};
    struct gf_parsed first;
    struct gf_parsed second;

    gf_parser_init(&parser, &feed_limits);
    parser.authenticated = true;
    cr_assert(eq(int, (int)gf_parser_next(&parser, input, sizeof(input) - 1, &words, &first),
                 GF_PARSE_REQUEST));
    cr_assert(eq(int,
                 (int)gf_parser_next(&parser, input + first.size, sizeof(input) - 1 - first.size,
                                     &words, &second),
                 GF_PARSE_REQUEST));
    cr_expect(eq(u32, first.words_first, 0));
    cr_expect(eq(u32, first.words_count, 2));
    cr_expect(eq(u32, second.words_first, 2));
    cr_expect(eq(u32, second.words_count, 2));
    cr_expect(gf_bytes_equal(words.items[1], GF_BYTES("a")));
    cr_expect(gf_bytes_equal(words.items[3], GF_BYTES("x")));
    gf_parser_deinit(&parser);
    gf_words_deinit(&words);
}

/* Broken variants of good input, cut at random: whole and in pieces agree, and nothing breaks. */
Test(parser, random_mutations_agree_however_they_are_cut)
{
    static const char alphabet[] = "*$0123456789-\r\n\r\n \"'\\xaP\0";
    uint64_t seed = 20260101;

    for (uint32_t round = 0; round < 20000; round++) {
        char input[400];
        size_t cuts[8];
        struct feed whole;
        struct feed cut;
        struct gf_bytes bytes = {.data = input};

        while (bytes.size < 200) {
            const struct parser_case *c = &cases[feed_random(&seed) % GF_COUNT(cases)];
            memcpy(input + bytes.size, c->input, c->size < 200 ? c->size : 200);
            bytes.size += c->size < 200 ? c->size : 200;
            if (feed_random(&seed) % 2 == 0)
                break;
        }
        for (uint64_t i = feed_random(&seed) % 4; i > 0; i--)
            input[feed_random(&seed) % bytes.size] =
                alphabet[feed_random(&seed) % (sizeof(alphabet) - 1)];
        feed_cuts(&seed, bytes.size, cuts, GF_COUNT(cuts));
        feed_init(&whole, round % 2);
        feed_init(&cut, round % 2);
        feed_pieces(&whole, bytes, NULL, 0);
        feed_pieces(&cut, bytes, cuts, GF_COUNT(cuts));
        cr_assert(eq(str, whole.text, cut.text), "round %u", round);
        feed_deinit(&whole);
        feed_deinit(&cut);
    }
}

/* A command with very many words, in pieces: every word is found where it lies now. */
Test(parser, many_words_survive_many_pieces)
{
    enum { WORDS = 20000 };
    struct gf_buf input = {0};
    struct gf_parser parser;
    struct gf_words words = {0};
    struct gf_parsed parsed;
    char line[64];

    snprintf(line, sizeof(line), "*%d\r\n", WORDS);
    cr_assert(eq(int, gf_buf_append(&input, gf_bytes_of(line)), GF_OK));
    for (int i = 0; i < WORDS; i++) {
        snprintf(line, sizeof(line), "$5\r\n%05d\r\n", i);
        cr_assert(eq(int, gf_buf_append(&input, gf_bytes_of(line)), GF_OK));
    }
    gf_parser_init(&parser, &feed_limits);
    parser.authenticated = true;
    for (size_t size = 1; size < input.size; size += 777)
        cr_assert(eq(int, (int)gf_parser_next(&parser, input.data, size, &words, &parsed),
                     GF_PARSE_MORE));
    cr_assert(eq(int, (int)gf_parser_next(&parser, input.data, input.size, &words, &parsed),
                 GF_PARSE_REQUEST));
    cr_assert(eq(u32, parsed.words_count, WORDS));
    for (uint32_t i = 0; i < WORDS; i++) {
        snprintf(line, sizeof(line), "%05u", i);
        cr_assert(gf_bytes_equal(words.items[i], gf_bytes_of(line)));
    }
    gf_parser_deinit(&parser);
    gf_words_deinit(&words);
    gf_buf_deinit(&input);
}

/* An owner that could not run what it parsed ahead parses it again and gets the same words. */
Test(parser, input_can_be_parsed_again)
{
    char input[] = "SET \"a \\x41\" b'c d'\r\n*2\r\n$3\r\nGET";
    size_t size = sizeof(input) - 1;
    struct gf_parser parser;
    struct gf_words words = {0};
    struct gf_parsed parsed;

    gf_parser_init(&parser, &feed_limits);
    parser.authenticated = true;
    for (int round = 0; round < 3; round++) {
        words.count = 0;
        cr_assert(
            eq(int, (int)gf_parser_next(&parser, input, size, &words, &parsed), GF_PARSE_REQUEST));
        cr_assert(eq(u32, parsed.words_count, 3));
        cr_expect(gf_bytes_equal(words.items[1], GF_BYTES("a A")));
        cr_expect(gf_bytes_equal(words.items[2], GF_BYTES("bc d")));
        cr_assert(eq(
            int,
            (int)gf_parser_next(&parser, input + parsed.size, size - parsed.size, &words, &parsed),
            GF_PARSE_MORE));
        gf_parser_reset(&parser);
    }
    gf_parser_deinit(&parser);
    gf_words_deinit(&words);
}
