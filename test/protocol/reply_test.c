/* The bytes of every kind of answer, as Redis 7.0 sends them. */
#include "protocol/reply.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"

static struct gf_chain chain;
static struct gf_reply reply;
static char *written; /* what take() returned last */

static void setup(void)
{
    gf_reply_init(&reply, &chain, 2);
}

static void teardown(void)
{
    gf_chain_clear(&chain);
    gf_free(GF_MEMORY_OTHER, written);
}

TestSuite(reply, .init = setup, .fini = teardown, .timeout = 60);

/* use - answer in this version from now on. */
static void use(uint8_t resp)
{
    gf_chain_clear(&chain);
    gf_reply_init(&reply, &chain, resp);
}

/* take - end the answer, and give its bytes, terminated; the chain is empty afterwards. */
static char *take(size_t *ret_size)
{
    size_t size = gf_chain_size(&chain);
    size_t at = 0;

    gf_reply_end(&reply);
    gf_free(GF_MEMORY_OTHER, written);
    written = gf_alloc(GF_MEMORY_OTHER, size + 1);
    gf_chain_seal(&chain);
    for (const struct gf_chunk *chunk = chain.first; chunk; chunk = chunk->next) {
        memcpy(written + at, chunk->data, chunk->used);
        at += chunk->used;
    }
    cr_assert(eq(sz, at, size));
    written[at] = '\0';
    gf_chain_clear(&chain);
    if (ret_size != NULL)
        *ret_size = size;
    return written;
}

/* EXPECT - the call answers these bytes in RESP2 and those in RESP3. */
#define EXPECT(call, resp2, resp3)                                                                 \
    do {                                                                                           \
        use(2);                                                                                    \
        call;                                                                                      \
        cr_expect(eq(str, take(NULL), (resp2)), #call " in RESP2");                                \
        use(3);                                                                                    \
        call;                                                                                      \
        cr_expect(eq(str, take(NULL), (resp3)), #call " in RESP3");                                \
    } while (0)

#define EXPECT_BOTH(call, text) EXPECT(call, text, text)

/* The short answers, most of all that is sent. */
Test(reply, short_answers)
{
    EXPECT_BOTH(gf_reply_ok(&reply), "+OK\r\n");
    EXPECT_BOTH(gf_reply_status(&reply, GF_BYTES("PONG")), "+PONG\r\n");
    EXPECT_BOTH(gf_reply_status(&reply, GF_BYTES("")), "+\r\n");
    EXPECT(gf_reply_null(&reply), "$-1\r\n", "_\r\n");
    EXPECT(gf_reply_null_array(&reply), "*-1\r\n", "_\r\n");
    EXPECT(gf_reply_bool(&reply, true), ":1\r\n", "#t\r\n");
    EXPECT(gf_reply_bool(&reply, false), ":0\r\n", "#f\r\n");
}

/* Numbers from the table, behind it, and at the ends of the range. */
Test(reply, integers)
{
    static const int64_t values[] = {0,   1,    9,     10,        42,        99,        100,
                                     101, 1000, 65536, INT32_MAX, INT64_MAX, INT64_MIN, -1};
    char expected[64];

    for (int64_t value = -1200; value < 1200; value++) {
        snprintf(expected, sizeof(expected), ":%lld\r\n", (long long)value);
        EXPECT_BOTH(gf_reply_int(&reply, value), expected);
    }
    for (size_t i = 0; i < GF_COUNT(values); i++) {
        snprintf(expected, sizeof(expected), ":%lld\r\n", (long long)values[i]);
        EXPECT_BOTH(gf_reply_int(&reply, values[i]), expected);
    }
    EXPECT_BOTH(gf_reply_bulk_int(&reply, -12), "$3\r\n-12\r\n");
    EXPECT_BOTH(gf_reply_bulk_int(&reply, INT64_MIN), "$20\r\n-9223372036854775808\r\n");
}

/* Bytes that the caller writes where they are answered; nobody writes what nobody reads. */
static void answer_digits(size_t size)
{
    char *room = gf_reply_bulk_room(&reply, size);

    cr_assert(ne(ptr, room, NULL));
    memset(room, '7', size);
}

Test(reply, bulk_room_is_where_the_bytes_go)
{
    EXPECT_BOTH(answer_digits(3), "$3\r\n777\r\n");
    EXPECT_BOTH(answer_digits(0), "$0\r\n\r\n");
    for (size_t size = 0; size < 8192; size += 1 + size / 3) {
        size_t taken;

        answer_digits(size);
        take(&taken);
        cr_expect(eq(sz, strspn(strstr(written, "\r\n") + 2, "7"), size));
        cr_expect(eq(str, written + taken - 2, "\r\n"));
    }
    reply.discard = true;
    cr_expect(eq(ptr, gf_reply_bulk_room(&reply, 3), NULL));
    gf_reply_end(&reply);
}

/* Every size around the table's end, a chunk's end, and several chunks. */
Test(reply, bulk_strings_of_all_sizes)
{
    size_t capacity = 200000;
    char *bytes = gf_alloc(GF_MEMORY_OTHER, capacity);

    for (size_t i = 0; i < capacity; i++)
        bytes[i] = (char)('a' + i % 26);
    for (size_t size = 0; size < capacity; size += size < 300 ? 1 : size / 7) {
        char header[32];
        size_t header_size = (size_t)snprintf(header, sizeof(header), "$%zu\r\n", size);
        size_t taken;

        gf_reply_array(&reply, 2);
        gf_reply_bulk(&reply, (struct gf_bytes){.data = bytes, .size = size});
        gf_reply_ok(&reply);
        take(&taken);
        cr_assert(eq(sz, taken, 4 + header_size + size + 2 + 5));
        cr_assert(eq(int, memcmp(written, "*2\r\n", 4), 0));
        cr_assert(eq(int, memcmp(written + 4, header, header_size), 0));
        cr_assert(eq(int, memcmp(written + 4 + header_size, bytes, size), 0));
        cr_assert(eq(str, written + 4 + header_size + size, "\r\n+OK\r\n"));
    }
    gf_free(GF_MEMORY_OTHER, bytes);
    EXPECT_BOTH(gf_reply_bulk_text(&reply, "hello"), "$5\r\nhello\r\n");
    EXPECT_BOTH(gf_reply_bulk(&reply, (struct gf_bytes){0}), "$0\r\n\r\n");
}

/* Doubles have 17 significant digits, and their own type in RESP3. */
Test(reply, doubles)
{
    EXPECT(gf_reply_double(&reply, 3), "$1\r\n3\r\n", ",3\r\n");
    EXPECT(gf_reply_double(&reply, 3.141), "$5\r\n3.141\r\n", ",3.141\r\n");
    EXPECT(gf_reply_double(&reply, 0.1), "$19\r\n0.10000000000000001\r\n",
           ",0.10000000000000001\r\n");
    EXPECT(gf_reply_double(&reply, 1e300), "$23\r\n1.0000000000000001e+300\r\n",
           ",1.0000000000000001e+300\r\n");
    EXPECT(gf_reply_double(&reply, -1.7976931348623157e308), "$24\r\n-1.7976931348623157e+308\r\n",
           ",-1.7976931348623157e+308\r\n");
    EXPECT(gf_reply_double(&reply, -0.0), "$2\r\n-0\r\n", ",-0\r\n");
    EXPECT(gf_reply_double(&reply, INFINITY), "$3\r\ninf\r\n", ",inf\r\n");
    EXPECT(gf_reply_double(&reply, -INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
    EXPECT(gf_reply_double(&reply, NAN), "$3\r\nnan\r\n", ",nan\r\n");
    EXPECT(gf_reply_double(&reply, -NAN), "$3\r\nnan\r\n", ",nan\r\n");
}

/* Types that RESP2 has no name for become what Redis makes of them. */
Test(reply, verbatim_text)
{
    EXPECT(gf_reply_verbatim(&reply, "txt", GF_BYTES("This is a verbatim\nstring")),
           "$25\r\nThis is a verbatim\nstring\r\n", "=29\r\ntxt:This is a verbatim\nstring\r\n");
    EXPECT(gf_reply_verbatim(&reply, "mkd", GF_BYTES("")), "$0\r\n\r\n", "=4\r\nmkd:\r\n");
}

/* A verbatim text too long for one copy. */
Test(reply, long_verbatim_text)
{
    static char text[30000];
    size_t size;

    memset(text, 'x', sizeof(text));
    use(3);
    gf_reply_verbatim(&reply, "txt", (struct gf_bytes){.data = text, .size = sizeof(text)});
    take(&size);
    cr_expect(eq(sz, size, sizeof("=30004\r\ntxt:") - 1 + sizeof(text) + 2));
    cr_expect(eq(int, memcmp(written, "=30004\r\ntxt:xxx", 15), 0));
}

static void answer_array(void)
{
    gf_reply_array(&reply, 3);
    for (int i = 0; i < 3; i++)
        gf_reply_int(&reply, i);
}

static void answer_nested(void)
{
    gf_reply_map(&reply, 2);
    gf_reply_bulk_text(&reply, "a");
    gf_reply_set(&reply, 2);
    gf_reply_int(&reply, 1);
    gf_reply_array(&reply, 0);
    gf_reply_bulk_text(&reply, "b");
    gf_reply_array(&reply, 1);
    gf_reply_map(&reply, 0);
}

static void answer_push(void)
{
    gf_reply_push(&reply, 2);
    gf_reply_bulk_text(&reply, "message");
    gf_reply_null(&reply);
}

/* Aggregates inside aggregates, flat where RESP2 knows no better. */
Test(reply, aggregates)
{
    EXPECT_BOTH(answer_array(), "*3\r\n:0\r\n:1\r\n:2\r\n");
    EXPECT_BOTH(gf_reply_array(&reply, 0), "*0\r\n");
    EXPECT(gf_reply_map(&reply, 0), "*0\r\n", "%0\r\n");
    EXPECT(gf_reply_set(&reply, 0), "*0\r\n", "~0\r\n");
    EXPECT(answer_nested(), "*4\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n$1\r\nb\r\n*1\r\n*0\r\n",
           "%2\r\n$1\r\na\r\n~2\r\n:1\r\n*0\r\n$1\r\nb\r\n*1\r\n%0\r\n");
    EXPECT(answer_push(), "*2\r\n$7\r\nmessage\r\n$-1\r\n", ">2\r\n$7\r\nmessage\r\n_\r\n");
}

static void answer_open(uint64_t count)
{
    struct gf_reply_open open = gf_reply_array_open(&reply);

    for (uint64_t i = 0; i < count; i++)
        gf_reply_int(&reply, (int64_t)(i % 10));
    gf_reply_close(&reply, open, count);
}

static void answer_open_nested(void)
{
    struct gf_reply_open outer = gf_reply_map_open(&reply);
    struct gf_reply_open inner;

    gf_reply_bulk_text(&reply, "empty");
    inner = gf_reply_set_open(&reply);
    gf_reply_close(&reply, inner, 0);
    gf_reply_bulk_text(&reply, "full");
    inner = gf_reply_array_open(&reply);
    answer_open(2);
    gf_reply_array(&reply, 1);
    gf_reply_ok(&reply);
    gf_reply_close(&reply, inner, 2);
    gf_reply_close(&reply, outer, 2);
}

/* A count known only afterwards leaves no gap behind. */
Test(reply, open_aggregates)
{
    EXPECT_BOTH(answer_open(0), "*0\r\n");
    EXPECT_BOTH(answer_open(3), "*3\r\n:0\r\n:1\r\n:2\r\n");
    EXPECT(answer_open_nested(),
           "*4\r\n$5\r\nempty\r\n*0\r\n$4\r\nfull\r\n*2\r\n*2\r\n:0\r\n:1\r\n*1\r\n+OK\r\n",
           "%2\r\n$5\r\nempty\r\n~0\r\n$4\r\nfull\r\n*2\r\n*2\r\n:0\r\n:1\r\n*1\r\n+OK\r\n");
}

/* The same when it spans chunks, and begins anywhere in one. */
Test(reply, open_aggregates_span_chunks)
{
    for (size_t before = GF_CHUNK_SIZE - 200; before < GF_CHUNK_SIZE + 50; before++) {
        char header[32];
        size_t header_size;
        size_t size;
        const char *p;
        struct gf_reply_open open;

        use(2);
        gf_reply_array(&reply, 2);
        open = gf_reply_array_open(&reply);
        for (size_t i = 0; i < before / 4; i++)
            gf_reply_int(&reply, 7);
        if (before % 4 > 0)
            gf_reply_status(&reply, (struct gf_bytes){.data = "abcd", .size = before % 4});
        gf_reply_close(&reply, open, before / 4 + (before % 4 > 0));
        answer_open(12345);
        take(&size);
        header_size = (size_t)snprintf(header, sizeof(header), "*2\r\n*%zu\r\n",
                                       before / 4 + (before % 4 > 0));
        cr_assert(eq(int, memcmp(written, header, header_size), 0));
        p = written + header_size + before / 4 * 4 + (before % 4 > 0 ? before % 4 + 3 : 0);
        cr_assert(eq(int, memcmp(p, "*12345\r\n:0\r\n:1\r\n", 16), 0), "%zu", before);
        cr_assert(eq(sz, (size_t)(written + size - p), 8 + 12345 * 4));
        for (size_t i = 0; i < 12345; i++)
            cr_assert(p[8 + i * 4 + 1] == (char)('0' + i % 10));
    }
}

/* Replicas run the same calls and write nothing; errors are still told. */
Test(reply, discarded_answers_leave_nothing)
{
    reply.discard = true;
    answer_open_nested();
    gf_reply_end(&reply);
    answer_nested();
    gf_reply_end(&reply);
    gf_reply_double(&reply, 1.5);
    gf_reply_end(&reply);
    gf_reply_verbatim(&reply, "txt", GF_BYTES("x"));
    gf_reply_end(&reply);
    gf_reply_raw(&reply, GF_BYTES(":1\r\n"), 1);
    gf_reply_end(&reply);
    cr_expect(not(reply.failed));
    gf_reply_error(&reply, GF_MSG_SYNTAX);
    gf_reply_end(&reply);
    cr_expect(reply.failed);
    cr_expect(gf_chain_empty(&chain));
    cr_expect(eq(ptr, chain.first, NULL));
}

/* Errors tell the statistics that the command failed. */
Test(reply, errors)
{
    cr_expect(not(reply.failed));
    EXPECT_BOTH(gf_reply_error(&reply, GF_MSG_SYNTAX), "-ERR syntax error\r\n");
    cr_expect(reply.failed);
    EXPECT_BOTH(gf_reply_error(&reply, GF_MSG_WRONGTYPE),
                "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
    EXPECT_BOTH(
        gf_reply_error_format(&reply, GF_MSG_WRONG_ARITY, GF_BYTES("object|help"), GF_BYTES("")),
        "-ERR wrong number of arguments for 'object|help' command\r\n");
    EXPECT_BOTH(gf_reply_error_format(&reply, GF_MSG_UNKNOWN_SUBCOMMAND, GF_BYTES("a\r\nb\0c"),
                                      GF_BYTES("OBJECT")),
                "-ERR unknown subcommand 'a  b'. Try OBJECT HELP.\r\n");
}

/* 150 bytes of an argument are repeated as 128. */
Test(reply, error_arguments_are_cut)
{
    char long_word[150];
    char expected[256];

    memset(long_word, 'y', sizeof(long_word));
    snprintf(expected, sizeof(expected), "-ERR unknown subcommand '%.128s'. Try OBJECT HELP.\r\n",
             long_word);
    EXPECT_BOTH(
        gf_reply_error_format(&reply, GF_MSG_UNKNOWN_SUBCOMMAND,
                              (struct gf_bytes){.data = long_word, .size = sizeof(long_word)},
                              GF_BYTES("OBJECT")),
        expected);
}

/* A client chooses the size of what an error repeats, and must not choose that of the answer. */
Test(reply, error_arguments_are_bounded)
{
    static char huge[1024 * 1024];
    struct gf_bytes word = {.data = huge, .size = sizeof(huge)};

    memset(huge, 'y', sizeof(huge));
    gf_reply_error_format(&reply, GF_MSG_UNSUPPORTED_OPTION, word, GF_BYTES(""));
    gf_reply_end(&reply);
    cr_expect(eq(sz, gf_chain_size(&chain), strlen("-ERR Unsupported option \r\n") + 65536));
}

/* The words of an unknown command, quoted as Redis does, and no more than 128 bytes of them. */
Test(reply, unknown_command_lists_its_words)
{
    static const struct gf_bytes few[] = {{"foo", 3}, {"a\0b", 3}, {"a\r\n", 3}, {"", 0}};
    struct gf_bytes many[20] = {{"foo", 3}};
    char list[256] = "";
    char expected[512];
    char word[150];

    EXPECT_BOTH(gf_reply_error_unknown(&reply, few, 1),
                "-ERR unknown command 'foo', with args beginning with: \r\n");
    EXPECT_BOTH(gf_reply_error_unknown(&reply, few, 4),
                "-ERR unknown command 'foo', with args beginning with: 'a' 'a  ' '' \r\n");
    for (size_t i = 1; i < GF_COUNT(many); i++)
        many[i] = GF_BYTES("0123456789");
    for (int i = 0; i < 10; i++)
        strcat(list, "'0123456789' ");
    snprintf(expected, sizeof(expected),
             "-ERR unknown command 'foo', with args beginning with: %s\r\n", list);
    EXPECT_BOTH(gf_reply_error_unknown(&reply, many, GF_COUNT(many)), expected);
    memset(word, 'q', sizeof(word));
    many[0] = many[1] = (struct gf_bytes){.data = word, .size = sizeof(word)};
    snprintf(expected, sizeof(expected),
             "-ERR unknown command '%.128s', with args beginning with: '%.128s' \r\n", word, word);
    EXPECT_BOTH(gf_reply_error_unknown(&reply, many, 3), expected);
}

/* Finished pieces of answers, from another core. */
Test(reply, raw_bytes_count_as_elements)
{
    gf_reply_array(&reply, 3);
    gf_reply_raw(&reply, GF_BYTES(":1\r\n:2\r\n"), 2);
    gf_reply_raw(&reply, GF_BYTES(""), 0);
    gf_reply_ok(&reply);
    cr_expect(eq(str, take(NULL), "*3\r\n:1\r\n:2\r\n+OK\r\n"));
}

#ifdef GF_VERIFY_ENABLED

/* An element too few would make the client wait for ever. */
Test(reply, missing_element_is_caught, .signal = SIGABRT)
{
    gf_reply_array(&reply, 2);
    gf_reply_ok(&reply);
    gf_reply_end(&reply);
}

/* One too many would be taken for the next command's answer. */
Test(reply, extra_element_is_caught, .signal = SIGABRT)
{
    gf_reply_array(&reply, 1);
    gf_reply_ok(&reply);
    gf_reply_ok(&reply);
}

Test(reply, missing_answer_is_caught, .signal = SIGABRT)
{
    gf_reply_end(&reply);
}

Test(reply, wrong_count_of_an_open_aggregate_is_caught, .signal = SIGABRT)
{
    struct gf_reply_open open = gf_reply_map_open(&reply);

    gf_reply_ok(&reply);
    gf_reply_close(&reply, open, 1);
}

Test(reply, unfinished_inner_aggregate_is_caught, .signal = SIGABRT)
{
    struct gf_reply_open open = gf_reply_array_open(&reply);

    gf_reply_array(&reply, 2);
    gf_reply_ok(&reply);
    gf_reply_close(&reply, open, 1);
}

#endif
