/* Adding up answers. The bytes are our own (protocol/reply.c wrote them), so they are walked, not
 * checked. */
#include "shards/merge.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"

/* A chain's bytes in one piece: the chunk itself, or a copy. */
static struct gf_bytes chain_flatten(struct gf_chain *chain, struct gf_buf *copy)
{
    gf_chain_seal(chain);
    if (!chain->first)
        return (struct gf_bytes){0};
    if (!chain->first->next)
        return (struct gf_bytes){.data = chain->first->data, .size = chain->first->used};
    for (struct gf_chunk *chunk = chain->first; chunk; chunk = chunk->next) {
        struct gf_bytes piece = {.data = chunk->data, .size = chunk->used};

        gf_buf_add(copy, piece);
    }
    return (struct gf_bytes){.data = copy->data, .size = copy->size};
}

/* The number on the first line ("$12\r\n", "*3\r\n", ":7\r\n") and the bytes of that line. */
static int64_t line_number(struct gf_bytes bytes, size_t *ret_size)
{
    const char *end = memchr(bytes.data, '\r', bytes.size);
    int64_t value = 0;

    GF_ASSERT(end != NULL);
    struct gf_bytes digits = {.data = bytes.data + 1, .size = (size_t)(end - bytes.data) - 1};

    if (!gf_bytes_parse_i64(digits, &value))
        value = 0; /* a line without a number: +OK, _, #t */
    *ret_size = (size_t)(end - bytes.data) + 2;
    return value;
}

/* Bytes of the first element; only the flat kinds that parts answer. */
static size_t element_size(struct gf_bytes bytes)
{
    size_t line_size;
    int64_t number = line_number(bytes, &line_size);

    if (bytes.data[0] == '$' && number >= 0)
        return line_size + (size_t)number + 2;
    return line_size;
}

static bool is_null(struct gf_bytes bytes)
{
    return bytes.data[0] == '_' || (bytes.size >= 3 && memcmp(bytes.data, "$-1", 3) == 0);
}

static void merge_sum(struct gf_reply *reply, const struct gf_bytes *parts, uint32_t count)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        size_t line_size;

        GF_ASSERT(parts[i].data[0] == ':');
        sum += line_number(parts[i], &line_size);
    }
    gf_reply_int(reply, sum);
}

static void merge_concat(struct gf_reply *reply, const struct gf_bytes *parts, uint32_t count)
{
    uint64_t total = 0;
    size_t line_size;

    for (uint32_t i = 0; i < count; i++)
        total += (uint64_t)line_number(parts[i], &line_size);
    gf_reply_array(reply, total);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t elements = (uint64_t)line_number(parts[i], &line_size);
        struct gf_bytes body = {.data = parts[i].data + line_size,
                                .size = parts[i].size - line_size};

        if (elements > 0)
            gf_reply_raw(reply, body, elements);
    }
}

static void merge_keys(struct gf_reply *reply, const struct gf_merge_input *input,
                       struct gf_bytes *parts)
{
    for (uint32_t i = 0; i < input->replies_count; i++) {
        size_t line_size;

        (void)line_number(parts[i], &line_size);
        parts[i].data += line_size;
        parts[i].size -= line_size;
    }
    gf_reply_array(reply, input->keys_count);
    for (uint32_t i = 0; i < input->keys_count; i++) {
        struct gf_bytes *part = &parts[input->key_parts[i]];
        struct gf_bytes element = {.data = part->data, .size = element_size(*part)};

        GF_ASSERT(element.size <= part->size);
        gf_reply_raw(reply, element, 1);
        part->data += element.size;
        part->size -= element.size;
    }
}

static void merge_any(struct gf_reply *reply, const struct gf_bytes *parts, uint32_t count,
                      uint64_t seed)
{
    uint32_t first = (uint32_t)(gf_random_next(&seed) % count);
    uint32_t chosen = first;

    for (uint32_t i = 0; i < count; i++) {
        chosen = (first + i) % count;
        if (!is_null(parts[chosen]))
            break;
    }
    gf_reply_raw(reply, parts[chosen], 1);
}

static uint32_t hex_digit(char digit)
{
    return digit <= '9' ? (uint32_t)(digit - '0') : (uint32_t)(digit - 'a') + 10;
}

/* Status lines of lower case hex digits. */
static void merge_xor(struct gf_reply *reply, const struct gf_bytes *parts, uint32_t count)
{
    char digits[64];
    size_t size = parts[0].size - 3; /* without '+', CR and LF */

    GF_ASSERT(size <= sizeof(digits));
    for (size_t i = 0; i < size; i++) {
        uint32_t digit = 0;

        for (uint32_t part = 0; part < count; part++) {
            GF_ASSERT(parts[part].size == size + 3);
            digit ^= hex_digit(parts[part].data[1 + i]);
        }
        digits[i] = "0123456789abcdef"[digit & 15];
    }
    gf_reply_status(reply, (struct gf_bytes){.data = digits, .size = size});
}

static void merge_parts(struct gf_reply *reply, const struct gf_merge_input *input,
                        struct gf_bytes *parts)
{
    for (uint32_t i = 0; i < input->replies_count; i++) {
        if (parts[i].data[0] == '-') {
            gf_reply_raw(reply, parts[i], 1);
            reply->failed = true;
            return;
        }
    }
    switch (input->kind) {
    case GF_MERGE_SUM:
        merge_sum(reply, parts, input->replies_count);
        break;
    case GF_MERGE_KEYS:
        merge_keys(reply, input, parts);
        break;
    case GF_MERGE_CONCAT:
        merge_concat(reply, parts, input->replies_count);
        break;
    case GF_MERGE_XOR:
        merge_xor(reply, parts, input->replies_count);
        break;
    case GF_MERGE_ANY:
        merge_any(reply, parts, input->replies_count, input->seed);
        break;
    case GF_MERGE_OK:
        gf_reply_raw(reply, parts[0], 1);
        break;
    case GF_MERGE_NONE:
        GF_ASSERT(input->kind != GF_MERGE_NONE);
        break;
    }
}

void gf_merge(struct gf_reply *reply, const struct gf_merge_input *input)
{
    uint32_t count = input->replies_count;
    struct gf_bytes *parts = gf_alloc(GF_MEMORY_BUFFERS, count * sizeof(*parts));
    struct gf_buf *copies = gf_alloc_zero(GF_MEMORY_BUFFERS, count * sizeof(*copies));

    for (uint32_t i = 0; i < count; i++) {
        parts[i] = chain_flatten(input->replies[i], &copies[i]);
        GF_ASSERT(parts[i].size > 0);
    }
    merge_parts(reply, input, parts);
    for (uint32_t i = 0; i < count; i++) {
        gf_buf_deinit(&copies[i]);
        gf_chain_clear(input->replies[i]);
    }
    gf_free(GF_MEMORY_BUFFERS, copies);
    gf_free(GF_MEMORY_BUFFERS, parts);
}
