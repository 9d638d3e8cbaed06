/* Nanoseconds per answer of the reply writer.
 *
 * Each line writes one kind of answer until a chain holds a send's worth, empties it, and starts
 * again; the best of many short passes is printed. Run it on one core: taskset -c 1 reply_bench.
 * With --short the passes are tiny, to be run as a test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/assert.h"
#include "protocol/reply.h"

#define PASSES 400
#define SEND_SIZE 8192 /* bytes written before the chain is emptied */

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void answer_ok(struct gf_reply *reply, uint64_t index)
{
    (void)index;
    gf_reply_ok(reply);
}

static void answer_null(struct gf_reply *reply, uint64_t index)
{
    (void)index;
    gf_reply_null(reply);
}

static void answer_small_int(struct gf_reply *reply, uint64_t index)
{
    gf_reply_int(reply, (int64_t)(index & 63));
}

static void answer_big_int(struct gf_reply *reply, uint64_t index)
{
    gf_reply_int(reply, (int64_t)(1000000 + index));
}

static void answer_bulk_32(struct gf_reply *reply, uint64_t index)
{
    (void)index;
    gf_reply_bulk(reply, GF_BYTES("0123456789abcdef0123456789abcdef"));
}

static void answer_bulk_mixed(struct gf_reply *reply, uint64_t index)
{
    static const char text[] = "0123456789abcdef0123456789abcdef0123456789abcdef";

    gf_reply_bulk(reply, (struct gf_bytes){
                             .data = text,
                             .size = (index * 0x9e3779b97f4a7c15u >> 32) % (sizeof(text) - 1),
                         });
}

static void answer_array_10(struct gf_reply *reply, uint64_t index)
{
    gf_reply_array(reply, 10);
    for (int i = 0; i < 10; i++)
        answer_bulk_32(reply, index);
}

static void answer_open_10(struct gf_reply *reply, uint64_t index)
{
    struct gf_reply_open open = gf_reply_array_open(reply);

    for (int i = 0; i < 10; i++)
        answer_bulk_32(reply, index);
    gf_reply_close(reply, open, 10);
}

static void answer_error(struct gf_reply *reply, uint64_t index)
{
    (void)index;
    gf_reply_error(reply, GF_MSG_WRONGTYPE);
}

struct kind {
    const char *name;
    void (*answer)(struct gf_reply *reply, uint64_t index);
    bool discard;
};

static const struct kind kinds[] = {
    {.name = "+OK", .answer = answer_ok},
    {.name = "null", .answer = answer_null},
    {.name = "integer below 64", .answer = answer_small_int},
    {.name = "integer of 7 digits", .answer = answer_big_int},
    {.name = "bulk 32", .answer = answer_bulk_32},
    {.name = "bulk 0-47, random", .answer = answer_bulk_mixed},
    {.name = "bulk 32, discarded", .answer = answer_bulk_32, .discard = true},
    {.name = "array of 10 bulk 32", .answer = answer_array_10},
    {.name = "the same, count afterwards", .answer = answer_open_10},
    {.name = "error", .answer = answer_error},
};

static void kind_run(const struct kind *kind, uint64_t answers)
{
    struct gf_chain chain = {0};
    struct gf_reply reply;
    double best = 1e9;

    gf_reply_init(&reply, &chain, 2);
    reply.discard = kind->discard;
    for (int pass = 0; pass < PASSES; pass++) {
        uint64_t start = now_ns();
        double each;

        for (uint64_t i = 0; i < answers; i++) {
            kind->answer(&reply, i);
            gf_reply_end(&reply);
            if (gf_chain_size(&chain) >= SEND_SIZE)
                gf_chain_clear(&chain);
        }
        each = (double)(now_ns() - start) / (double)answers;
        best = each < best ? each : best;
    }
    printf("%-28s %8.1f ns/answer\n", kind->name, best);
    gf_chain_clear(&chain);
}

int main(int argc, char **argv)
{
    bool is_short = argc > 1 && strcmp(argv[1], "--short") == 0;

    for (size_t i = 0; i < GF_COUNT(kinds); i++)
        kind_run(&kinds[i], is_short ? 100 : 20000);
    return EXIT_SUCCESS;
}
