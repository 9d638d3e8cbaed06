/* Answers of the parts of a split command, made into one. */
#pragma once

#include <stdint.h>

#include "core/buf.h"
#include "modules/module.h"

struct gf_merge_input {
    enum gf_merge kind;
    struct gf_chain **replies;      /* one per part; whole RESP elements                      */
    uint32_t replies_count;
    const uint32_t *key_parts;      /* MERGE_KEYS: which part answers the i-th key            */
    uint32_t keys_count;
    uint64_t seed;                  /* MERGE_ANY                                              */
};

/* gf_merge - answer what one server would have answered. The first error among the parts wins. The
 * replies are used up. */
void gf_merge(struct gf_reply *reply, const struct gf_merge_input *input);
