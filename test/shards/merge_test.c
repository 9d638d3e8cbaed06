/* Answers of parts made into one. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "shards/merge.h"

#define PARTS_MAX 4

/* Merges the parts' answers and compares; key_parts may be NULL. */
static bool merge(enum gf_merge kind, uint8_t resp, const char *const *answers,
                  const uint32_t *key_parts, uint32_t keys_count, const char *expected)
{
    struct gf_chain parts[PARTS_MAX] = {0};
    struct gf_chain *replies[PARTS_MAX];
    struct gf_merge_input input = {.kind = kind,
                                   .replies = replies,
                                   .key_parts = key_parts,
                                   .keys_count = keys_count,
                                   .seed = 1};
    struct gf_chain out = {0};
    struct gf_reply reply;
    bool failed;

    for (; answers[input.replies_count]; input.replies_count++) {
        replies[input.replies_count] = &parts[input.replies_count];
        gf_chain_append(&parts[input.replies_count], gf_bytes_of(answers[input.replies_count]));
    }
    gf_reply_init(&reply, &out, resp);
    gf_merge(&reply, &input);
    failed = reply.failed;
    gf_reply_end(&reply);
    gf_chain_seal(&out);
    cr_assert(out.first != NULL);
    cr_assert_eq(out.first->used, strlen(expected), "got %.*s", (int)out.first->used,
                 out.first->data);
    cr_assert_eq(memcmp(out.first->data, expected, out.first->used), 0, "got %.*s",
                 (int)out.first->used, out.first->data);
    for (uint32_t i = 0; i < input.replies_count; i++)
        cr_assert(gf_chain_empty(&parts[i]), "the parts' answers are used up");
    gf_chain_clear(&out);
    return failed;
}

#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(merge, adds_integers)
{
    cr_assert_not(merge(GF_MERGE_SUM, 2, PARTS(":1\r\n", ":0\r\n", ":41\r\n"), NULL, 0, ":42\r\n"));
    merge(GF_MERGE_SUM, 3, PARTS(":0\r\n", ":0\r\n"), NULL, 0, ":0\r\n");
    merge(GF_MERGE_SUM, 2, PARTS(":5000000000\r\n", ":5000000000\r\n"), NULL, 0,
          ":10000000000\r\n");
}

Test(merge, takes_one_ok)
{
    merge(GF_MERGE_OK, 2, PARTS("+OK\r\n", "+OK\r\n"), NULL, 0, "+OK\r\n");
}

Test(merge, takes_the_first_error)
{
    static const uint32_t key_parts[] = {0, 1, 2};

    cr_assert(
        merge(GF_MERGE_SUM, 2, PARTS(":1\r\n", "-ERR a\r\n", "-ERR b\r\n"), NULL, 0, "-ERR a\r\n"));
    cr_assert(merge(GF_MERGE_OK, 2, PARTS("-OOM x\r\n", "+OK\r\n"), NULL, 0, "-OOM x\r\n"));
    cr_assert(merge(GF_MERGE_KEYS, 3, PARTS("*1\r\n_\r\n", "*1\r\n_\r\n", "-ERR c\r\n"), key_parts,
                    3, "-ERR c\r\n"));
    cr_assert(merge(GF_MERGE_CONCAT, 2, PARTS("*0\r\n", "-ERR d\r\n"), NULL, 0, "-ERR d\r\n"));
    cr_assert(merge(GF_MERGE_ANY, 2, PARTS("$-1\r\n", "-ERR e\r\n"), NULL, 0, "-ERR e\r\n"));
}

Test(merge, puts_keys_back_in_their_order)
{
    static const uint32_t key_parts[] = {1, 0, 1, 1, 0};

    merge(GF_MERGE_KEYS, 2,
          PARTS("*2\r\n$1\r\na\r\n$-1\r\n", "*3\r\n$4\r\nb\r\nb\r\n$0\r\n\r\n$1\r\nc\r\n"),
          key_parts, 5, "*5\r\n$4\r\nb\r\nb\r\n$1\r\na\r\n$0\r\n\r\n$1\r\nc\r\n$-1\r\n");
    merge(GF_MERGE_KEYS, 3, PARTS("*2\r\n_\r\n$1\r\na\r\n", "*3\r\n_\r\n_\r\n$2\r\n__\r\n"),
          key_parts, 5, "*5\r\n_\r\n_\r\n_\r\n$2\r\n__\r\n$1\r\na\r\n");
}

Test(merge, joins_arrays)
{
    merge(GF_MERGE_CONCAT, 2, PARTS("*1\r\n$1\r\na\r\n", "*0\r\n", "*2\r\n$1\r\nb\r\n$1\r\nc\r\n"),
          NULL, 0, "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
    merge(GF_MERGE_CONCAT, 2, PARTS("*0\r\n", "*0\r\n"), NULL, 0, "*0\r\n");
}

Test(merge, takes_any_that_is_something)
{
    merge(GF_MERGE_ANY, 2, PARTS("$-1\r\n", "$1\r\nk\r\n", "$-1\r\n"), NULL, 0, "$1\r\nk\r\n");
    merge(GF_MERGE_ANY, 3, PARTS("_\r\n", "_\r\n", "$1\r\nk\r\n"), NULL, 0, "$1\r\nk\r\n");
    merge(GF_MERGE_ANY, 2, PARTS("$-1\r\n", "$-1\r\n"), NULL, 0, "$-1\r\n");
    merge(GF_MERGE_ANY, 3, PARTS("_\r\n", "_\r\n"), NULL, 0, "_\r\n");
}

/* A part's answer in many chunks. */
Test(merge, walks_long_answers)
{
    enum { SIZE = 50000 };
    struct gf_chain parts[2] = {0};
    struct gf_chain *replies[2] = {&parts[0], &parts[1]};
    static const uint32_t key_parts[] = {0, 1, 0};
    struct gf_merge_input input = {.kind = GF_MERGE_KEYS,
                                   .replies = replies,
                                   .replies_count = 2,
                                   .key_parts = key_parts,
                                   .keys_count = 3};
    struct gf_chain out = {0};
    struct gf_reply reply;
    char *value = malloc(SIZE);
    struct gf_buf flat = {0};

    memset(value, 'v', SIZE);
    gf_chain_append(&parts[0], gf_bytes_of("*2\r\n"));
    for (int i = 0; i < 2; i++) {
        gf_chain_append(&parts[0], gf_bytes_of("$50000\r\n"));
        for (int piece = 0; piece < 10; piece++)
            gf_chain_append(&parts[0], (struct gf_bytes){.data = value, .size = SIZE / 10});
        gf_chain_append(&parts[0], gf_bytes_of("\r\n"));
    }
    gf_chain_append(&parts[1], gf_bytes_of("*1\r\n$3\r\nmid\r\n"));
    cr_assert(parts[0].first != parts[0].last);
    gf_reply_init(&reply, &out, 2);
    gf_merge(&reply, &input);
    gf_reply_end(&reply);
    gf_chain_seal(&out);
    for (struct gf_chunk *chunk = out.first; chunk; chunk = chunk->next)
        gf_buf_append(&flat, (struct gf_bytes){.data = chunk->data, .size = chunk->used});
    cr_assert_eq(flat.size, 4 + 2 * (8 + SIZE + 2) + 9);
    cr_assert_eq(memcmp(flat.data, "*3\r\n$50000\r\nvvv", 15), 0);
    cr_assert_eq(memcmp(flat.data + 4 + 8 + SIZE + 2, "$3\r\nmid\r\n$50000\r\n", 17), 0);
    cr_assert_eq(memcmp(flat.data + flat.size - 4, "vv\r\n", 4), 0);
    gf_buf_deinit(&flat);
    gf_chain_clear(&out);
    free(value);
}
