/* Random command lines, made from what the rows say about their arguments: whoever adds a command
 * or a type adds it to the tests that run these. */
#pragma once

#include <stdint.h>

#include "core/bytes.h"
#include "modules/registry.h"

#define EXEC_WORDS_MAX 128
#define EXEC_WORDS_TEXT 16384

struct exec_words {
    struct gf_bytes words[EXEC_WORDS_MAX];
    uint32_t count;
    char text[EXEC_WORDS_TEXT]; /* what the words are views of */
    size_t used;
    const char *group;  /* of the command: its keys are mostly those of the same group */
    uint32_t keys_told; /* by a numkeys; 0 = by none */
    uint64_t *seed;
};

/* exec_words_draw - a command with keys whose answer depends on nothing but the data. The words are
 * good mostly, and are good until the next call. */
void exec_words_draw(struct exec_words *words, const struct gf_registry *registry, uint64_t *seed);
