/* RESP2 and RESP3 replies. */
#include "sim/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16 /* of arrays in arrays; COMMAND DOCS answers 12 */

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

/* What is being parsed, and where the elements of arrays go. */
struct parse {
    struct gf_bytes data;
    size_t used;
    uint8_t resp;
    struct sim_reply *elements;
    uint32_t elements_count;
    uint32_t depth;
};

enum parse_result { PARSE_DONE, PARSE_MORE, PARSE_WRONG };

static enum parse_result reply_parse(struct parse *parse, struct sim_reply *reply);

static enum parse_result bulk_parse(struct parse *parse, struct sim_reply *reply)
{
    size_t size = (size_t)reply->integer;

    if (reply->integer < 0)
        return PARSE_WRONG;
    if (parse->data.size < parse->used + size + 2)
        return PARSE_MORE;
    reply->kind = SIM_REPLY_BULK;
    reply->text = (struct gf_bytes){.data = parse->data.data + parse->used, .size = size};
    parse->used += size + 2;
    return memcmp(reply->text.data + size, "\r\n", 2) == 0 ? PARSE_DONE : PARSE_WRONG;
}

/* A bulk with three letters and a colon before it. */
static enum parse_result verbatim_parse(struct parse *parse, struct sim_reply *reply)
{
    enum parse_result result = bulk_parse(parse, reply);

    if (result != PARSE_DONE)
        return result;
    if (reply->text.size < 4 || reply->text.data[3] != ':')
        return PARSE_WRONG;
    reply->text.data += 4;
    reply->text.size -= 4;
    return PARSE_DONE;
}

static enum parse_result array_parse(struct parse *parse, struct sim_reply *reply, bool map)
{
    if (reply->integer < 0 || parse->depth == DEPTH_MAX)
        return PARSE_WRONG;
    reply->kind = SIM_REPLY_ARRAY;
    parse->depth++;
    for (int64_t i = reply->integer << map; i > 0; i--) {
        struct sim_reply element;
        enum parse_result result = reply_parse(parse, &element);

        if (result != PARSE_DONE)
            return result;
        if (element.kind != SIM_REPLY_ARRAY && parse->elements_count < SIM_REPLY_ELEMENTS_MAX)
            parse->elements[parse->elements_count++] = element;
    }
    parse->depth--;
    return PARSE_DONE;
}

/* What follows a line that begins with `type`. */
static enum parse_result rest_parse(struct parse *parse, char type, struct sim_reply *reply)
{
    bool counts = strchr(":$*%~>=", type) != NULL;

    if (parse->resp == 2 && !strchr("+-:$*", type))
        return PARSE_WRONG;
    if (counts && !integer_parse(reply->text, &reply->integer))
        return PARSE_WRONG;
    if (parse->resp == 2 && (type == '$' || type == '*') && reply->integer == -1) {
        reply->kind = SIM_REPLY_NULL;
        return PARSE_DONE;
    }
    switch (type) {
    case '+':
        reply->kind = SIM_REPLY_STATUS;
        return PARSE_DONE;
    case '-':
        reply->kind = SIM_REPLY_ERROR;
        return PARSE_DONE;
    case ':':
        reply->kind = SIM_REPLY_INTEGER;
        return PARSE_DONE;
    case '_':
        reply->kind = SIM_REPLY_NULL;
        return reply->text.size == 0 ? PARSE_DONE : PARSE_WRONG;
    case ',':
    case '#':
    case '(':
        reply->kind = SIM_REPLY_OTHER;
        return PARSE_DONE;
    case '$':
        return bulk_parse(parse, reply);
    case '=':
        return verbatim_parse(parse, reply);
    default:
        return array_parse(parse, reply, type == '%');
    }
}

static enum parse_result reply_parse(struct parse *parse, struct sim_reply *reply)
{
    struct gf_bytes line;
    size_t size = line_find(parse->data, parse->used, &line);

    *reply = (struct sim_reply){0};
    if (size == 0)
        return PARSE_MORE;
    parse->used += size;
    if (line.size == 0 || !strchr("+-:$*_,#(=%~>", line.data[0]) || line.data[0] == '\0')
        return PARSE_WRONG;
    reply->text = (struct gf_bytes){.data = line.data + 1, .size = line.size - 1};
    return rest_parse(parse, line.data[0], reply);
}

int64_t sim_reply_parse(struct gf_bytes data, uint8_t resp, struct sim_reply *ret_reply,
                        struct sim_reply *elements)
{
    struct parse parse = {.data = data, .resp = resp, .elements = elements};
    enum parse_result result = reply_parse(&parse, ret_reply);

    ret_reply->elements = elements;
    ret_reply->elements_count = parse.elements_count;
    if (result == PARSE_DONE)
        return (int64_t)parse.used;
    return result == PARSE_MORE ? 0 : -1;
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
    static const char *const kinds[] = {"status", "error", "integer", "bulk",
                                        "null",   "array", "other"};

    if (reply->kind == SIM_REPLY_INTEGER || reply->kind == SIM_REPLY_ARRAY)
        snprintf(text, size, "%s %" PRId64, kinds[reply->kind], reply->integer);
    else
        snprintf(text, size, "%s %zu \"%.*s\"", kinds[reply->kind], reply->text.size,
                 reply->text.size < 60 ? (int)reply->text.size : 60,
                 reply->text.size ? reply->text.data : "");
}
