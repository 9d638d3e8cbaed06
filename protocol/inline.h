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

#include "core/bytes.h"

struct gf_words;

/* gf_inline_split - split a line into words.
 *
 * line       without its end; stays as it is
 * words      has room for line.size / 2 + 1 more words; words without quotes become views into the
 *            line, words with quotes are unquoted into words->unquoted
 * Returns    false when quotes are not balanced; some words may have been added then
 */
bool gf_inline_split(struct gf_bytes line, struct gf_words *words);
