/* Incremental parser of client requests.
 *
 * Two ways lead to a complete request:
 *
 *   whole     the request lies in the input from its first to its last byte. parse_whole walks it
 *             once and writes views straight into the words; nothing is remembered. Nearly every
 *             request goes this way, and it has no per-byte loop.
 *
 *   resumed   the input ended inside the request. What was understood so far is kept in `resume`:
 *             `offset` is the first byte of the element being read (a header line, or the body of
 *             a word), `scanned` how much of a line is known to have no end in it, `places` the
 *             words found, as offsets (the input may lie elsewhere next time). parse_resumed goes
 *             on from there, and every byte is looked at once, however slowly it arrives.
 *
 * Memory follows the bytes received, never a number a client announced: a word takes at least
 * WORD_SIZE_MIN bytes of input, and no more words are reserved than the input could hold.
 *
 * Which input is an error, and when, is Redis 7.0's own behaviour, found by experiment: any byte
 * may follow the CR of a header line, the two bytes behind a word are not looked at, and a zero
 * byte hides the rest of a line.
 */
#include "protocol/parser.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "protocol/inline.h"

#define WORD_SIZE_MIN 6     /* "$0\r\n\r\n" */
#define HEAD_SIZE 8         /* "*3\r\n$3\r\n" */
#define REQUEST_SIZE_MIN 10 /* "*1\r\n$0\r\n\r\n" */
#define LINE_END_SIZE 2     /* CR and the byte after it */
#define PLACES_FIRST 8      /* capacity of `places` when it is first needed */
#define WORDS_FIRST 64      /* the same for gf_words */

/* Where a word lies in an unfinished request. */
struct gf_word_place {
    size_t offset; /* from the request's first byte */
    size_t size;
};

/* What reading one element came to. */
enum step {
    STEP_DONE,
    STEP_MORE,
    STEP_ERROR,
};

void gf_words_deinit(struct gf_words *words)
{
    gf_chain_clear(&words->unquoted);
    gf_free(GF_MEMORY_BUFFERS, words->items);
    *words = (struct gf_words){0};
}

/* words_grow - the slow half of words_reserve. */
static bool words_grow(struct gf_words *words, uint64_t count)
{
    uint64_t capacity = words->capacity ? words->capacity : WORDS_FIRST;
    struct gf_bytes *items;

    while (capacity < words->count + count)
        capacity *= 2;
    if (capacity > UINT32_MAX)
        return false;
    items = gf_realloc_try(GF_MEMORY_BUFFERS, words->items, capacity * sizeof(*items));
    if (items == NULL)
        return false;
    words->items = items;
    words->capacity = (uint32_t)capacity;
    return true;
}

/* words_reserve - room for `count` more words. */
static inline bool words_reserve(struct gf_words *words, uint64_t count)
{
    return GF_LIKELY(words->capacity - words->count >= count) || words_grow(words, count);
}

void gf_parser_init(struct gf_parser *parser, const struct gf_parser_limits *limits)
{
    GF_ASSERT(limits != NULL);
    *parser = (struct gf_parser){.limits = limits};
}

void gf_parser_deinit(struct gf_parser *parser)
{
    gf_parser_reset(parser);
}

void gf_parser_reset(struct gf_parser *parser)
{
    gf_free(GF_MEMORY_BUFFERS, parser->resume.places);
    parser->resume = (struct gf_parser_resume){0};
}

static enum step fail(struct gf_parser *parser, const char *text)
{
    parser->error_text = text;
    return STEP_ERROR;
}

/* Header lines: "*<count>" and "$<size>". */

/* line_find - the end of the line at resume->offset: the first `end`, unless a zero byte comes
 * before it.
 *
 * ret_size   bytes of the line before `end`
 * Returns    false when it is not there yet; how far the search got is remembered
 */
static bool line_find(struct gf_parser_resume *resume, const char *input, size_t size, char end,
                      size_t *ret_size)
{
    const char *line = input + resume->offset;
    size_t from = resume->scanned;
    size_t left = size - resume->offset - from;
    const char *found;
    const char *zero;

    GF_ASSERT(resume->offset + from <= size);
    if (left == 0 || line[from] == '\0')
        return false;
    found = memchr(line + from, end, left);
    zero = memchr(line + from, '\0', found ? (size_t)(found - line) - from : left);
    if (zero != NULL) {
        resume->scanned = (size_t)(zero - line);
        return false;
    }
    if (found == NULL) {
        resume->scanned = from + left;
        return false;
    }
    *ret_size = (size_t)(found - line);
    return true;
}

/* header_find - the same for a header line; also an error when it is too long to have one. */
static enum step header_find(struct gf_parser *parser, const char *input, size_t size,
                             struct gf_bytes *ret_number)
{
    struct gf_parser_resume *resume = &parser->resume;
    size_t line_size;

    if (!line_find(resume, input, size, '\r', &line_size)) {
        if (size - resume->offset > parser->limits->inline_size_max)
            return fail(parser, resume->words_expected == 0
                                    ? "Protocol error: too big mbulk count string"
                                    : "Protocol error: too big bulk count string");
        return STEP_MORE;
    }
    if (resume->offset + line_size + LINE_END_SIZE > size) {
        resume->scanned = line_size; /* the CR is found again at once */
        return STEP_MORE;
    }
    resume->scanned = 0;
    *ret_number = (struct gf_bytes){
        .data = input + resume->offset + 1,
        .size = line_size > 0 ? line_size - 1 : 0,
    };
    return STEP_DONE;
}

/* count_read - "*<count>"; a count of 0 or less is an empty request, ret_empty tells. */
static enum step count_read(struct gf_parser *parser, const char *input, size_t size,
                            bool *ret_empty)
{
    struct gf_parser_resume *resume = &parser->resume;
    struct gf_bytes number;
    int64_t count;
    enum step step = header_find(parser, input, size, &number);

    if (step != STEP_DONE)
        return step;
    if (!gf_bytes_parse_i64(number, &count) || count > (int64_t)parser->limits->words_max)
        return fail(parser, "Protocol error: invalid multibulk length");
    if (!parser->authenticated && count > (int64_t)parser->limits->words_max_unauthenticated)
        return fail(parser, "Protocol error: unauthenticated multibulk length");
    resume->offset += 1 + number.size + LINE_END_SIZE;
    resume->words_expected = count > 0 ? (uint32_t)count : 0;
    resume->bulk_size = -1;
    *ret_empty = count <= 0;
    return STEP_DONE;
}

static enum step fail_no_bulk(struct gf_parser *parser, char got)
{
    if (got == '\r' || got == '\n')
        got = ' ';
    snprintf(parser->error_storage, sizeof(parser->error_storage),
             "Protocol error: expected '$', got '%c'", got);
    return fail(parser, parser->error_storage);
}

/* bulk_read - "$<size>", the header of a word. */
static enum step bulk_read(struct gf_parser *parser, const char *input, size_t size)
{
    struct gf_parser_resume *resume = &parser->resume;
    struct gf_bytes number;
    int64_t bulk_size;
    enum step step = header_find(parser, input, size, &number);

    if (step != STEP_DONE)
        return step;
    if (input[resume->offset] != '$')
        return fail_no_bulk(parser, input[resume->offset]);
    if (!gf_bytes_parse_i64(number, &bulk_size) || bulk_size < 0 ||
        (uint64_t)bulk_size > parser->limits->bulk_size_max)
        return fail(parser, "Protocol error: invalid bulk length");
    if (!parser->authenticated &&
        (uint64_t)bulk_size > parser->limits->bulk_size_max_unauthenticated)
        return fail(parser, "Protocol error: unauthenticated bulk length");
    resume->offset += 1 + number.size + LINE_END_SIZE;
    resume->bulk_size = bulk_size;
    return STEP_DONE;
}

/* Requests that come in pieces. */

/* places_reserve - room for `count` places in all. */
static bool places_reserve(struct gf_parser_resume *resume, uint64_t count)
{
    uint64_t capacity = resume->places_capacity ? resume->places_capacity : PLACES_FIRST;
    struct gf_word_place *places;

    if (GF_LIKELY(resume->places_capacity >= count))
        return true;
    while (capacity < count)
        capacity *= 2;
    if (capacity > UINT32_MAX)
        return false;
    places = gf_realloc_try(GF_MEMORY_BUFFERS, resume->places, capacity * sizeof(*places));
    if (places == NULL)
        return false;
    resume->places = places;
    resume->places_capacity = (uint32_t)capacity;
    return true;
}

static enum step fail_no_memory(struct gf_parser *parser)
{
    return fail(parser, "Protocol error: out of memory");
}

/* words_walk - read words, headers and bodies, until the request or the input is over. */
static enum step words_walk(struct gf_parser *parser, const char *input, size_t size)
{
    struct gf_parser_resume *resume = &parser->resume;

    while (resume->words_done < resume->words_expected) {
        if (resume->bulk_size < 0) {
            enum step step = bulk_read(parser, input, size);
            if (step != STEP_DONE)
                return step;
        }
        if (size - resume->offset < (uint64_t)resume->bulk_size + LINE_END_SIZE)
            return STEP_MORE;
        if (!places_reserve(resume, (uint64_t)resume->words_done + 1))
            return fail_no_memory(parser);
        resume->places[resume->words_done++] = (struct gf_word_place){
            .offset = resume->offset,
            .size = (size_t)resume->bulk_size,
        };
        resume->offset += (size_t)resume->bulk_size + LINE_END_SIZE;
        resume->bulk_size = -1;
    }
    return STEP_DONE;
}

/* resume_finish - the request is complete: its places become words, its memory goes back. */
static enum step resume_finish(struct gf_parser *parser, const char *input, struct gf_words *words,
                               struct gf_parsed *ret_parsed)
{
    struct gf_parser_resume *resume = &parser->resume;

    if (!words_reserve(words, resume->words_done))
        return fail_no_memory(parser);
    *ret_parsed = (struct gf_parsed){
        .words_first = words->count,
        .words_count = resume->words_done,
        .size = resume->offset,
    };
    for (uint32_t i = 0; i < resume->words_done; i++)
        words->items[words->count++] = (struct gf_bytes){
            .data = input + resume->places[i].offset,
            .size = resume->places[i].size,
        };
    gf_parser_reset(parser);
    return STEP_DONE;
}

static enum step parse_array_resumed(struct gf_parser *parser, const char *input, size_t size,
                                     struct gf_words *words, struct gf_parsed *ret_parsed)
{
    enum step step;

    if (parser->resume.words_expected == 0) {
        bool empty;
        step = count_read(parser, input, size, &empty);
        if (step != STEP_DONE)
            return step;
        if (empty)
            return resume_finish(parser, input, words, ret_parsed);
    }
    step = words_walk(parser, input, size);
    if (step != STEP_DONE)
        return step;
    return resume_finish(parser, input, words, ret_parsed);
}

/* parse_line - an inline command: one line, split into words. */
static enum step parse_line(struct gf_parser *parser, const char *input, size_t size,
                            struct gf_words *words, struct gf_parsed *ret_parsed)
{
    size_t line_size;
    size_t text_size;
    uint32_t first = words->count;

    if (!line_find(&parser->resume, input, size, '\n', &line_size)) {
        if (size > parser->limits->inline_size_max)
            return fail(parser, "Protocol error: too big inline request");
        return STEP_MORE;
    }
    text_size = line_size > 0 && input[line_size - 1] == '\r' ? line_size - 1 : line_size;
    /* Every word but the last is followed by a space. */
    if (!words_reserve(words, text_size / 2 + 1))
        return fail_no_memory(parser);
    if (first == 0 && words->unquoted.first != NULL)
        gf_chain_clear(&words->unquoted);
    if (!gf_inline_split((struct gf_bytes){.data = input, .size = text_size}, words)) {
        words->count = first;
        return fail(parser, "Protocol error: unbalanced quotes in request");
    }
    *ret_parsed = (struct gf_parsed){
        .words_first = first,
        .words_count = words->count - first,
        .size = line_size + 1,
    };
    gf_parser_reset(parser);
    return STEP_DONE;
}

/* Requests that lie in the input as a whole. */

/* number_long - a header line with a number of three digits or more.
 *
 * Returns    what follows the line, or NULL when it is not plain: parse_array_resumed decides
 */
static const char *number_long(const char *p, const char *end, char type, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *digits_end = end - p > 11 ? p + 11 : end;

    if (p[0] != type || p[1] < '1' || p[1] > '9')
        return NULL;
    p++;
    while (p < digits_end && *p >= '0' && *p <= '9')
        number = number * 10 + (uint64_t)(*p++ - '0');
    if (end - p < LINE_END_SIZE || *p != '\r')
        return NULL;
    *ret_number = number;
    return p + LINE_END_SIZE;
}

/* number_plain - a header line. One and two digits are told apart without a branch: sizes of keys
 * and values alternate between them, and a misprediction costs as much as a word.
 *
 * p          at least WORD_SIZE_MIN bytes before `end`
 */
static inline const char *number_plain(const char *p, const char *end, char type,
                                       uint64_t *ret_number)
{
    const unsigned char *line = (const unsigned char *)p;
    uint32_t first = (uint32_t)line[1] - '0';
    uint32_t second = (uint32_t)line[2] - '0';
    uint32_t one = line[2] == '\r';
    uint32_t two = (line[3] == '\r') & (second <= 9) & (first != 0);

    if (GF_UNLIKELY(!((p[0] == type) & (first <= 9) & (one | two))))
        return number_long(p, end, type, ret_number);
    *ret_number = one ? first : first * 10 + second;
    return p + 5 - one;
}

/* head_plain - the array's line and the first word's together, when both have one digit: nearly all
 * requests of up to nine words. Every line's place depends on the number in the line before; this
 * saves one step of that chain.
 *
 * p          at least HEAD_SIZE bytes
 */
static inline bool head_plain(const char *p, uint64_t *ret_count, uint64_t *ret_bulk_size)
{
    uint64_t head;
    uint64_t digits;
    uint64_t pattern;

    memcpy(&head, p, HEAD_SIZE);
    memcpy(&digits, "\0\xff\0\0\0\xff\0\0", HEAD_SIZE);
    memcpy(&pattern, "*\0\r\n$\0\r\n", HEAD_SIZE);
    *ret_count = (uint64_t)(unsigned char)p[1] - '0';
    *ret_bulk_size = (uint64_t)(unsigned char)p[5] - '0';
    return ((head & ~digits) == pattern) & (*ret_count <= 9) & (*ret_bulk_size <= 9);
}

/* parse_array_whole - an array of words that is complete and has nothing unusual in it.
 *
 * Returns    false, with nothing changed, when it is not: parse_array_resumed decides
 */
static bool parse_array_whole(const struct gf_parser *parser, const char *input, size_t size,
                              struct gf_words *words, struct gf_parsed *ret_parsed)
{
    const struct gf_parser_limits *limits = parser->limits;
    uint64_t words_max =
        parser->authenticated ? limits->words_max : limits->words_max_unauthenticated;
    uint64_t bulk_size_max =
        parser->authenticated ? limits->bulk_size_max : limits->bulk_size_max_unauthenticated;
    const char *end = input + size;
    const char *p = input + HEAD_SIZE;
    struct gf_bytes *word;
    uint64_t count;
    uint64_t bulk_size;

    if (size < REQUEST_SIZE_MIN)
        return false;
    if (GF_UNLIKELY(!head_plain(input, &count, &bulk_size))) {
        p = number_plain(input, end, '*', &count);
        if (p == NULL || end - p < WORD_SIZE_MIN)
            return false;
        p = number_plain(p, end, '$', &bulk_size);
        if (p == NULL)
            return false;
    }
    if (count - 1 >= words_max || count > size / WORD_SIZE_MIN || !words_reserve(words, count))
        return false;
    word = words->items + words->count;
    for (uint64_t left = count;;) {
        if (bulk_size > bulk_size_max || (size_t)(end - p) < bulk_size + LINE_END_SIZE)
            return false;
        *word++ = (struct gf_bytes){.data = p, .size = bulk_size};
        p += bulk_size + LINE_END_SIZE;
        if (--left == 0)
            break;
        if (end - p < WORD_SIZE_MIN)
            return false;
        p = number_plain(p, end, '$', &bulk_size);
        if (p == NULL)
            return false;
    }
    *ret_parsed = (struct gf_parsed){
        .words_first = words->count,
        .words_count = (uint32_t)count,
        .size = (size_t)(p - input),
    };
    words->count += (uint32_t)count;
    return true;
}

static bool is_fresh(const struct gf_parser_resume *resume)
{
    return (resume->offset | resume->scanned) == 0;
}

enum gf_parse_result gf_parser_next(struct gf_parser *parser, const char *input, size_t size,
                                    struct gf_words *words, struct gf_parsed *ret_parsed)
{
    enum step step;

    if (size == 0)
        return GF_PARSE_MORE;
    if (GF_LIKELY(input[0] == '*' && is_fresh(&parser->resume)) &&
        GF_LIKELY(parse_array_whole(parser, input, size, words, ret_parsed)))
        return GF_PARSE_REQUEST;
    GF_ASSERT(parser->resume.offset + parser->resume.scanned <= size);
    step = input[0] == '*' ? parse_array_resumed(parser, input, size, words, ret_parsed)
                           : parse_line(parser, input, size, words, ret_parsed);
    switch (step) {
    case STEP_DONE:
        return GF_PARSE_REQUEST;
    case STEP_MORE:
        return GF_PARSE_MORE;
    case STEP_ERROR:
        break;
    }
    return GF_PARSE_ERROR;
}
