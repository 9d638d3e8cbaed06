/* Nanoseconds per request of the parser, for the shapes of input that matter.
 *
 * Each line is a full receive buffer of one kind of request, parsed over and over; the best of
 * many short passes is printed, since everything that disturbs a pass makes it slower. Run it on
 * one core: taskset -c 1 parser_bench. With --short the passes are tiny, to be run as a test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/assert.h"
#include "core/buf.h"
#include "protocol/parser.h"

#define BUFFER_SIZE 16384 /* one receive buffer */
#define PASSES 400

static const struct gf_parser_limits limits = GF_PARSER_LIMITS_DEFAULT;

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Input of one kind: requests one behind the other. */
struct shape {
    const char *name;
    /* Adds request number `index`. */
    void (*add)(struct gf_buf *buf, uint64_t index);
    size_t size; /* bytes of input to parse at a time */
    size_t step; /* bytes that arrive at a time; 0 = all */
};

static void add_word(struct gf_buf *buf, char fill, size_t size)
{
    char header[32];
    int header_size = snprintf(header, sizeof(header), "$%zu\r\n", size);

    (void)gf_buf_reserve(buf, (size_t)header_size + size + 2);
    (void)gf_buf_append(buf, (struct gf_bytes){.data = header, .size = (size_t)header_size});
    memset(buf->data + buf->size, fill, size);
    buf->size += size;
    (void)gf_buf_append(buf, GF_BYTES("\r\n"));
}

static void add_text(struct gf_buf *buf, const char *text)
{
    (void)gf_buf_append(buf, gf_bytes_of(text));
}

static void add_ping(struct gf_buf *buf, uint64_t index)
{
    (void)index;
    add_text(buf, "*1\r\n$4\r\nPING\r\n");
}

static void add_get(struct gf_buf *buf, uint64_t index)
{
    (void)index;
    add_text(buf, "*2\r\n$3\r\nGET\r\n");
    add_word(buf, 'k', 16);
}

static void add_set(struct gf_buf *buf, uint64_t index)
{
    (void)index;
    add_text(buf, "*3\r\n$3\r\nSET\r\n");
    add_word(buf, 'k', 16);
    add_word(buf, 'v', 32);
}

/* Sizes on both sides of 10 without a pattern: what a branch predictor cannot learn. */
static void add_set_mixed(struct gf_buf *buf, uint64_t index)
{
    uint64_t z = (index + 1) * 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z ^= z >> 27;
    add_text(buf, "*3\r\n$3\r\nSET\r\n");
    add_word(buf, 'k', 5 + z % 12);
    add_word(buf, 'v', 1 + (z >> 20) % 40);
}

static void add_set_300(struct gf_buf *buf, uint64_t index)
{
    (void)index;
    add_text(buf, "*3\r\n$3\r\nSET\r\n");
    add_word(buf, 'k', 16);
    add_word(buf, 'v', 300);
}

static void add_mset_10(struct gf_buf *buf, uint64_t index)
{
    (void)index;
    add_text(buf, "*21\r\n$4\r\nMSET\r\n");
    for (int i = 0; i < 10; i++) {
        add_word(buf, 'k', 16);
        add_word(buf, 'v', 32);
    }
}

static void add_inline(struct gf_buf *buf, uint64_t index)
{
    (void)index;
    add_text(buf, "SET kkkkkkkkkkkkkkkk vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\r\n");
}

static const struct shape shapes[] = {
    {.name = "PING", .add = add_ping, .size = BUFFER_SIZE},
    {.name = "GET 16", .add = add_get, .size = BUFFER_SIZE},
    {.name = "SET 16 32", .add = add_set, .size = BUFFER_SIZE},
    {.name = "SET 5-16 1-40, random", .add = add_set_mixed, .size = BUFFER_SIZE},
    {.name = "SET 16 300", .add = add_set_300, .size = BUFFER_SIZE},
    {.name = "MSET 10 pairs", .add = add_mset_10, .size = BUFFER_SIZE},
    {.name = "inline SET 16 32", .add = add_inline, .size = BUFFER_SIZE},
    {.name = "SET 16 32, by 50 bytes", .add = add_set, .size = BUFFER_SIZE, .step = 50},
    {.name = "MSET 10 pairs, by 50 bytes", .add = add_mset_10, .size = BUFFER_SIZE, .step = 50},
};

/* parse_all - one pass over the input. Returns how many requests it had. */
static uint64_t parse_all(struct gf_buf *input, size_t step, struct gf_words *words)
{
    struct gf_parser parser;
    struct gf_parsed parsed;
    uint64_t requests = 0;
    size_t arrived = step ? step : input->size;
    size_t used = 0;

    gf_parser_init(&parser, &limits);
    parser.authenticated = true;
    words->count = 0;
    while (used < input->size) {
        enum gf_parse_result result =
            gf_parser_next(&parser, input->data + used, arrived - used, words, &parsed);

        if (result == GF_PARSE_REQUEST) {
            used += parsed.size;
            requests++;
            continue;
        }
        GF_ASSERT(result == GF_PARSE_MORE);
        GF_ASSERT(arrived < input->size);
        arrived = arrived + step < input->size ? arrived + step : input->size;
    }
    gf_parser_deinit(&parser);
    return requests;
}

static void shape_run(const struct shape *shape, uint64_t repeats)
{
    struct gf_buf input = {0};
    struct gf_words words = {0};
    double best = 1e9;

    for (uint64_t i = 0; input.size < shape->size; i++)
        shape->add(&input, i);
    for (int pass = 0; pass < PASSES; pass++) {
        uint64_t start = now_ns();
        uint64_t requests = 0;
        double each;

        for (uint64_t i = 0; i < repeats; i++)
            requests += parse_all(&input, shape->step, &words);
        each = (double)(now_ns() - start) / (double)requests;
        best = each < best ? each : best;
    }
    printf("%-28s %8.1f ns/request\n", shape->name, best);
    gf_buf_deinit(&input);
    gf_words_deinit(&words);
}

int main(int argc, char **argv)
{
    bool is_short = argc > 1 && strcmp(argv[1], "--short") == 0;

    for (size_t i = 0; i < GF_COUNT(shapes); i++)
        shape_run(&shapes[i], is_short ? 1 : 20);
    return EXIT_SUCCESS;
}
