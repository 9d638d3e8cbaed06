/* Incremental parser of client requests: RESP arrays of bulk strings, and inline commands.
 *
 * Zero-copy: words are views into the caller's input, which is never changed, so what was parsed
 * ahead can be parsed again. Only inline words with quotes are copied, unquoted, beside the words.
 *
 * Resumable: when the input ends inside a request, the parser remembers how far it got in it (in
 * offsets from the request's first byte), so a request that trickles in costs O(its size), never
 * O(size²). An idle parser holds no memory.
 *
 * The caller keeps the bytes of an unfinished request in front of what arrives next and passes them
 * again; the parser itself copies nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/bytes.h"

enum gf_parse_result {
    GF_PARSE_REQUEST, /* one request is complete */
    GF_PARSE_MORE,    /* the input ends inside a request (or is empty) */
    GF_PARSE_ERROR,   /* not RESP: answer parser->error_text and close */
};

/* Growing array of words, shared by the requests parsed ahead on one core. Its user sets count to 0
 * when it is through with them. */
struct gf_words {
    struct gf_bytes *items; /* owned */
    uint32_t count;
    uint32_t capacity;
    struct gf_chain unquoted; /* bytes of the words that are no views; emptied by the parser when it
                                 finds no words left from before */
};

void gf_words_deinit(struct gf_words *words);

struct gf_parser_limits {
    uint64_t bulk_size_max;    /* proto-max-bulk-len, 512 MB */
    uint32_t words_max;        /* INT32_MAX: Redis 7.0 has no other limit */
    uint32_t inline_size_max;  /* 64 KB */
    /* Before authentication Redis allows less: 10 words, 16 KB a word. */
    uint32_t words_max_unauthenticated;
    uint64_t bulk_size_max_unauthenticated;
};

/* Redis 7.0's limits, with the default of proto-max-bulk-len. */
#define GF_PARSER_LIMITS_DEFAULT                                                                   \
    {                                                                                              \
        .bulk_size_max = 512 * 1024 * 1024,                                                        \
        .words_max = INT32_MAX,                                                                    \
        .inline_size_max = 64 * 1024,                                                              \
        .words_max_unauthenticated = 10,                                                           \
        .bulk_size_max_unauthenticated = 16384,                                                    \
    }

struct gf_parser {
    const struct gf_parser_limits *limits; /* borrowed */
    bool authenticated;       /* set by the owner; chooses the limits */
    const char *error_text;   /* after GF_PARSE_ERROR: "Protocol error: …", Redis's wording; static
                                 or in error_storage */
    /* Position inside an unfinished request; all zero between requests. */
    struct gf_parser_resume {
        struct gf_word_place *places; /* owned; words found so far, when they are many */
        uint32_t places_capacity;
        uint32_t words_done;
        uint32_t words_expected; /* 0: the header is not read yet */
        int64_t bulk_size;       /* size of the bulk being read; -1: its header is not read yet */
        size_t offset;           /* bytes of the request already understood */
        size_t scanned;          /* bytes behind `offset` known to hold no end of a line */
    } resume;
    char error_storage[64];
};

/* One complete request. */
struct gf_parsed {
    uint32_t words_first; /* index into gf_words.items */
    uint32_t words_count; /* 0 for an empty line or an empty array: no request, no answer */
    size_t size;          /* bytes of input it took */
};

void gf_parser_init(struct gf_parser *parser, const struct gf_parser_limits *limits);
void gf_parser_deinit(struct gf_parser *parser);

/* gf_parser_reset - forget the unfinished request: the next input starts with a request's first
 * byte (for an owner that parses again what it had parsed ahead). */
void gf_parser_reset(struct gf_parser *parser);

/* gf_parser_next - the next request at the start of `input`.
 *
 * words      its words are added to it: views into `input`, or into words->unquoted
 * ret_parsed written on GF_PARSE_REQUEST only
 */
enum gf_parse_result gf_parser_next(struct gf_parser *parser, const char *input, size_t size,
                                    struct gf_words *words, struct gf_parsed *ret_parsed);
