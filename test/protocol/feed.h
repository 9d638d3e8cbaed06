/* Feeds a parser as a connection does, and writes down what came out of it.
 *
 *   (GET,a)   a request with two words; zero, CR and LF in a word are shown as \0 \r \n
 *   ()()      a request with one empty word (an empty request leaves no trace)
 *   !text     an error; nothing is read after it
 *   ...       the input ended inside a request
 *
 * Each call sees a block of exactly the bytes it may read, somewhere else every time.
 */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/buf.h"
#include "core/bytes.h"
#include "core/error.h"
#include "protocol/parser.h"

/* Redis 7.0's limits. */
static const struct gf_parser_limits feed_limits = GF_PARSER_LIMITS_DEFAULT;

struct feed {
    struct gf_parser parser;
    struct gf_words words; /* of the request being written down */
    struct gf_buf pending; /* bytes not yet understood */
    bool failed;           /* an error ended it */
    size_t text_size;
    char text[4096]; /* what came out; terminated */
};

static inline void feed_init(struct feed *feed, bool authenticated)
{
    memset(feed, 0, sizeof(*feed));
    gf_parser_init(&feed->parser, &feed_limits);
    feed->parser.authenticated = authenticated;
}

static inline void feed_deinit(struct feed *feed)
{
    gf_parser_deinit(&feed->parser);
    gf_words_deinit(&feed->words);
    gf_buf_deinit(&feed->pending);
}

static inline void feed_write(struct feed *feed, const char *text, size_t size)
{
    GF_ASSERT(feed->text_size + size < sizeof(feed->text));
    memcpy(feed->text + feed->text_size, text, size);
    feed->text_size += size;
    feed->text[feed->text_size] = '\0';
}

static inline void feed_write_word(struct feed *feed, struct gf_bytes word)
{
    for (size_t i = 0; i < word.size; i++) {
        if (word.data[i] == '\0')
            feed_write(feed, "\\0", 2);
        else if (word.data[i] == '\r')
            feed_write(feed, "\\r", 2);
        else if (word.data[i] == '\n')
            feed_write(feed, "\\n", 2);
        else
            feed_write(feed, &word.data[i], 1);
    }
}

static inline void feed_write_request(struct feed *feed, const struct gf_parsed *parsed)
{
    const struct gf_bytes *words;

    if (parsed->words_count == 0)
        return;
    words = feed->words.items + parsed->words_first;
    feed_write(feed, "(", 1);
    for (uint32_t i = 0; i < parsed->words_count; i++) {
        if (i > 0)
            feed_write(feed, ",", 1);
        feed_write_word(feed, words[i]);
    }
    feed_write(feed, ")", 1);
    if (parsed->words_count == 1 && words[0].size == 0)
        feed_write(feed, "()", 2);
}

/* feed_one - one call of the parser; false when it needs more or failed. */
static inline bool feed_one(struct feed *feed)
{
    struct gf_parsed parsed;
    size_t size = feed->pending.size;
    char *block = gf_alloc(GF_MEMORY_OTHER, size);
    enum gf_parse_result result;

    if (size > 0)
        memcpy(block, feed->pending.data, size);
    feed->words.count = 0;
    result = gf_parser_next(&feed->parser, block, size, &feed->words, &parsed);
    if (result == GF_PARSE_REQUEST) {
        GF_ASSERT(parsed.size > 0);
        GF_ASSERT(parsed.size <= size);
        GF_ASSERT(feed->words.count == parsed.words_first + parsed.words_count);
        GF_ASSERT(feed->parser.resume.places == NULL);
        feed_write_request(feed, &parsed);
        gf_buf_consume(&feed->pending, parsed.size);
    } else if (result == GF_PARSE_ERROR) {
        feed_write(feed, "!", 1);
        feed_write(feed, feed->parser.error_text, strlen(feed->parser.error_text));
        feed->failed = true;
    }
    gf_free(GF_MEMORY_OTHER, block);
    return result == GF_PARSE_REQUEST;
}

/* feed_piece - bytes arrive. */
static inline void feed_piece(struct feed *feed, struct gf_bytes piece)
{
    if (feed->failed)
        return;
    GF_ASSERT(gf_buf_append(&feed->pending, piece) == GF_OK);
    while (feed_one(feed))
        ;
}

/* feed_pieces - `input` arrives, cut at the given offsets (ascending), and ends. */
static inline void feed_pieces(struct feed *feed, struct gf_bytes input, const size_t *cuts,
                               size_t cuts_count)
{
    size_t from = 0;

    for (size_t i = 0; i <= cuts_count; i++) {
        size_t to = i < cuts_count ? cuts[i] : input.size;

        feed_piece(feed, (struct gf_bytes){.data = input.data + from, .size = to - from});
        from = to;
    }
    if (!feed->failed && feed->pending.size > 0)
        feed_write(feed, "...", 3);
}

/* feed_random - the next of a series of numbers from a seed (splitmix64). */
static inline uint64_t feed_random(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* feed_cuts - `count` random offsets in 0 .. size, ascending. */
static inline void feed_cuts(uint64_t *seed, size_t size, size_t *cuts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t cut = feed_random(seed) % (size + 1);
        size_t at = i;

        while (at > 0 && cuts[at - 1] > cut) {
            cuts[at] = cuts[at - 1];
            at--;
        }
        cuts[at] = cut;
    }
}
