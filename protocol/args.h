/* Forward cursor over a request's words, with a sticky first error.
 *
 * A command reads everything, checks once with gf_args_finish, then acts. After an error the
 * readers give harmless values (empty, 0) and the first error stays.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "protocol/messages.h"

struct gf_reply;

struct gf_args {
    const struct gf_bytes *words; /* borrowed while the command runs; words[0] is its name */
    uint32_t count;
    uint32_t index;               /* next word to read */
    enum gf_message_id error;     /* GF_MSG_NONE so far */
    const char *error_name;       /* for messages with a %s: the command's or option's name */
};

static inline void gf_args_init(struct gf_args *args, const struct gf_bytes *words, uint32_t count)
{
    *args = (struct gf_args){.words = words, .count = count, .index = 1};
}

static inline uint32_t gf_args_left(const struct gf_args *args)
{
    return args->count - args->index;
}

/* gf_args_next - the next word; empty and a syntax error when there is none. */
struct gf_bytes gf_args_next(struct gf_args *args);

/* gf_args_skip_if - take the next word if it spells `word`, ignoring case. */
bool gf_args_skip_if(struct gf_args *args, const char *word);

/* gf_args_next_i64 - the next word as a strict integer; "ERR value is not an integer or out of
 * range" otherwise. */
int64_t gf_args_next_i64(struct gf_args *args);

/* gf_args_next_range - the same, and within min .. max; `error` when it is not. */
int64_t gf_args_next_range(struct gf_args *args, int64_t min, int64_t max,
                           enum gf_message_id error);

/* gf_args_next_within - the same, but `error` also when it is no integer. */
int64_t gf_args_next_within(struct gf_args *args, int64_t min, int64_t max,
                            enum gf_message_id error);

/* gf_args_next_double - "ERR value is not a valid float" otherwise. */
double gf_args_next_double(struct gf_args *args);

/* gf_args_fail - remember `error` unless there is one already. */
void gf_args_fail(struct gf_args *args, enum gf_message_id error);

/* gf_args_finish - true when everything was read without an error and nothing is left over;
 * otherwise answers the first error (a syntax error for words left over) and returns false. */
bool gf_args_finish(struct gf_args *args, struct gf_reply *reply);

/* gf_args_ok - as gf_args_finish, but words may be left over. */
bool gf_args_ok(struct gf_args *args, struct gf_reply *reply);
