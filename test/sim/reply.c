/* RESP2 replies, one level of arrays. */
#include "sim/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The line at `at`, without its end; its size with the end, 0 = not all here. */
static size_t line_find(struct gf_bytes data, size_t at, struct gf_bytes *ret_line)
{
    for (size_t i = at; i + 1 < data.size; i++) {
        if (data.data[i] != '\r' || data.data[i + 1] != '\n')
            continue;
        *ret_line = (struct gf_bytes){.data = data.data + at, .size = i - at};
        return i + 2 - at;
    }
    return 0;
}

static bool integer_parse(struct gf_bytes text, int64_t *ret_value)
{
    int64_t value = 0;
    bool negative = text.size > 0 && text.data[0] == '-';

    if (text.size == (size_t)negative || text.size > 20)
        return false;
    for (size_t i = negative; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = (int64_t)((uint64_t)value * 10 + (uint64_t)(text.data[i] - '0'));
    }
    *ret_value = negative ? -value : value;
    return true;
}

static int64_t bulk_parse(struct gf_bytes data, size_t used, struct sim_reply *reply)
{
    size_t size = (size_t)reply->integer;

    reply->kind = reply->integer == -1 ? SIM_REPLY_NULL : SIM_REPLY_BULK;
    if (reply->kind == SIM_REPLY_NULL)
        return (int64_t)used;
    if (reply->integer < 0)
        return -1;
    if (data.size < used + size + 2)
        return 0;
    reply->text = (struct gf_bytes){.data = data.data + used, .size = size};
    if (memcmp(data.data + used + size, "\r\n", 2) != 0)
        return -1;
    return (int64_t)(used + size + 2);
}

static int64_t array_parse(struct gf_bytes data, size_t used, struct sim_reply *reply,
                           struct sim_reply *elements)
{
    reply->kind = reply->integer == -1 ? SIM_REPLY_NULL : SIM_REPLY_ARRAY;
    reply->elements = elements;
    for (int64_t i = 0; i < reply->integer; i++) {
        struct sim_reply element;
        int64_t size;

        if (!elements)
            return -1;
        size = sim_reply_parse(
            (struct gf_bytes){.data = data.data + used, .size = data.size - used}, &element, NULL);
        if (size <= 0)
            return size;
        if (i < SIM_REPLY_ELEMENTS_MAX)
            elements[i] = element;
        used += (size_t)size;
    }
    return (int64_t)used;
}

int64_t sim_reply_parse(struct gf_bytes data, struct sim_reply *ret_reply,
                        struct sim_reply *elements)
{
    struct gf_bytes line;
    size_t used;

    *ret_reply = (struct sim_reply){0};
    used = line_find(data, 0, &line);
    if (used == 0)
        return 0;
    if (line.size == 0)
        return -1;
    ret_reply->text = (struct gf_bytes){.data = line.data + 1, .size = line.size - 1};
    switch (line.data[0]) {
    case '+':
        ret_reply->kind = SIM_REPLY_STATUS;
        return (int64_t)used;
    case '-':
        ret_reply->kind = SIM_REPLY_ERROR;
        return (int64_t)used;
    case ':':
    case '$':
    case '*':
        if (!integer_parse(ret_reply->text, &ret_reply->integer))
            return -1;
        break;
    default:
        return -1;
    }
    ret_reply->kind = SIM_REPLY_INTEGER;
    if (line.data[0] == '$')
        return bulk_parse(data, used, ret_reply);
    if (line.data[0] == '*')
        return array_parse(data, used, ret_reply, elements);
    return (int64_t)used;
}

bool sim_reply_is(const struct sim_reply *reply, enum sim_reply_kind kind, const char *text)
{
    return reply->kind == kind && reply->text.size == strlen(text) &&
           memcmp(reply->text.data, text, reply->text.size) == 0;
}

bool sim_reply_is_oom(const struct sim_reply *reply)
{
    return reply->kind == SIM_REPLY_ERROR && reply->text.size > 4 &&
           memcmp(reply->text.data, "OOM ", 4) == 0;
}

void sim_reply_format(const struct sim_reply *reply, char *text, size_t size)
{
    static const char *const kinds[] = {"status", "error", "integer", "bulk", "null", "array"};

    if (reply->kind == SIM_REPLY_INTEGER || reply->kind == SIM_REPLY_ARRAY)
        snprintf(text, size, "%s %" PRId64, kinds[reply->kind], reply->integer);
    else
        snprintf(text, size, "%s %zu \"%.*s\"", kinds[reply->kind], reply->text.size,
                 reply->text.size < 60 ? (int)reply->text.size : 60,
                 reply->text.size ? reply->text.data : "");
}
