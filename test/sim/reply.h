/* Replies as a client sees them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

#define SIM_REPLY_ELEMENTS_MAX 64

enum sim_reply_kind {
    SIM_REPLY_STATUS, /* text */
    SIM_REPLY_ERROR,  /* text */
    SIM_REPLY_INTEGER,
    SIM_REPLY_BULK, /* text */
    SIM_REPLY_NULL,
    SIM_REPLY_ARRAY, /* or set, map, push */
    SIM_REPLY_OTHER, /* RESP3: a number of another kind, a truth value; text */
};

struct sim_reply {
    enum sim_reply_kind kind;
    struct gf_bytes text;       /* a view into what was parsed */
    int64_t integer;            /* or the length of an array   */
    struct sim_reply *elements; /* the caller's: of all levels but arrays, in order ... */
    uint32_t elements_count;    /* ... so many; of longer ones the first           */
};

/* sim_reply_parse - the reply at the start of `data`.
 *
 * resp       2 or 3: what only the other protocol has is no reply
 * elements   room for SIM_REPLY_ELEMENTS_MAX, used by arrays
 * Returns    its size in bytes; 0 = not all of it is here; -1 = this is no reply
 */
int64_t sim_reply_parse(struct gf_bytes data, uint8_t resp, struct sim_reply *ret_reply,
                        struct sim_reply *elements);

/* sim_reply_is - kind and text are these. */
bool sim_reply_is(const struct sim_reply *reply, enum sim_reply_kind kind, const char *text);

/* sim_reply_is_oom - refused for lack of memory: nothing was done. */
bool sim_reply_is_oom(const struct sim_reply *reply);

/* sim_reply_format - for people; at most `size` bytes with the terminator. */
void sim_reply_format(const struct sim_reply *reply, char *text, size_t size);
