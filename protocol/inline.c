/* Splitting an inline command into words. */
#include "protocol/inline.h"

#include <string.h>

#include "core/assert.h"
#include "protocol/parser.h"

struct splitter {
    const char *from; /* next byte to read */
    const char *end;  /* of the line */
    char *to;         /* where the next byte of an unquoted word goes */
};

/* As isspace in the C locale. */
static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool ends_word(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* hex_value - 0 .. 15, or -1. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static char escape_value(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return c;
    }
}

/* split_escape - what a backslash and the bytes behind it mean, inside double quotes. */
static void split_escape(struct splitter *s)
{
    const char *p = s->from + 1;

    if (s->end - p >= 3 && p[0] == 'x' && hex_value(p[1]) >= 0 && hex_value(p[2]) >= 0) {
        *s->to++ = (char)(hex_value(p[1]) * 16 + hex_value(p[2]));
        s->from += 4;
        return;
    }
    *s->to++ = escape_value(p[0]);
    s->from += 2;
}

/* split_quoted - from behind an opening quote to behind the closing one; false without one, or when
 * something else than a space follows it. */
static bool split_quoted(struct splitter *s, char quote)
{
    while (s->from < s->end) {
        bool escaped = *s->from == '\\' && s->end - s->from >= 2;

        if (escaped && quote == '"') {
            split_escape(s);
        } else if (escaped && s->from[1] == '\'') {
            *s->to++ = '\'';
            s->from += 2;
        } else if (*s->from == quote) {
            s->from++;
            return s->from == s->end || is_space(*s->from);
        } else {
            *s->to++ = *s->from++;
        }
    }
    return false;
}

/* split_unquoted - the rest of a word with quotes in it; what it means is written to s->to. */
static bool split_unquoted(struct splitter *s)
{
    while (s->from < s->end && !ends_word(*s->from)) {
        char c = *s->from++;

        if (c == '"' || c == '\'')
            return split_quoted(s, c);
        *s->to++ = c;
    }
    return true;
}

/* split_word - one word from its first byte: a view, or a copy if there are quotes in it. */
static bool split_word(struct splitter *s, struct gf_chain *unquoted, struct gf_bytes *ret_word)
{
    const char *start = s->from;
    char *copy;

    while (s->from < s->end && !ends_word(*s->from) && *s->from != '"' && *s->from != '\'')
        s->from++;
    *ret_word = (struct gf_bytes){.data = start, .size = (size_t)(s->from - start)};
    if (s->from == s->end || ends_word(*s->from))
        return true;

    /* Unquoting only makes it shorter. */
    copy = gf_chain_reserve(unquoted, (size_t)(s->end - start));
    s->to = mempcpy(copy, start, ret_word->size);
    if (!split_unquoted(s))
        return false;
    *ret_word = (struct gf_bytes){.data = copy, .size = (size_t)(s->to - copy)};
    gf_chain_commit(unquoted, ret_word->size);
    return true;
}

bool gf_inline_split(struct gf_bytes line, struct gf_words *words)
{
    struct splitter s = {.from = line.data, .end = line.data + line.size};

    for (;;) {
        while (s.from < s.end && is_space(*s.from))
            s.from++;
        if (s.from == s.end)
            return true;
        GF_ASSERT(words->count < words->capacity);
        if (!split_word(&s, &words->unquoted, &words->items[words->count]))
            return false;
        words->count++;
    }
}
