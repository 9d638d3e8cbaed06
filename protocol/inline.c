/* Splitting an inline command into words, in place. */
#include "protocol/inline.h"

#include "core/assert.h"
#include "core/bytes.h"
#include "protocol/parser.h"

/* Reads and writes the same line; `to` never overtakes `from`. */
struct splitter {
    const char *from; /* next byte to read */
    const char *end;
    char *to; /* where the next byte of the word goes */
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

/* split_word - one word from its first byte. */
static bool split_word(struct splitter *s)
{
    while (s->from < s->end && !ends_word(*s->from)) {
        char c = *s->from++;

        if (c == '"' || c == '\'')
            return split_quoted(s, c);
        *s->to++ = c;
    }
    return true;
}

bool gf_inline_split(char *text, size_t size, struct gf_words *words)
{
    struct splitter s = {.from = text, .end = text + size, .to = text};

    for (;;) {
        char *word;

        while (s.from < s.end && is_space(*s.from))
            s.from++;
        if (s.from == s.end)
            return true;
        word = s.to = text + (s.from - text);
        if (!split_word(&s))
            return false;
        GF_ASSERT(s.to <= s.from);
        GF_ASSERT(words->count < words->capacity);
        words->items[words->count++] = (struct gf_bytes){
            .data = word,
            .size = (size_t)(s.to - word),
        };
    }
}
