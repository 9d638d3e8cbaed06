/* Inline commands: a line of words, as a person types it into telnet.
 *
 *   word        ends at a space, tab, CR, LF or the end of the line
 *   "word"      escapes: \n \r \t \b \a \xHH, and \c for any other c is c
 *   'word'      escapes: \' only
 *
 * Quotes may begin inside a word (a"b c" is one word: ab c); behind a closing quote there must be a
 * space or the end of the line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct gf_words;

/* gf_inline_split - split and unquote a line in place.
 *
 * text       the line without its end; quoted words are rewritten in place (they only get shorter)
 * words      has room for size / 2 + 1 more words
 * Returns    false when quotes are not balanced; some words may have been added then
 */
bool gf_inline_split(char *text, size_t size, struct gf_words *words);
