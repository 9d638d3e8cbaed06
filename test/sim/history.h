/* Whether what clients saw of one register could have come from a register.
 *
 * Every write has a value of its own. A read belongs to the write it saw; the two (or more) of them
 * span a zone, from the first answer to the last question. P. Gibbons and E. Korach, "Testing
 * Shared Memories", 1997: with unique values a history is linearizable exactly when no read ends
 * before its write begins, no two forward zones overlap, and no backward zone lies within a forward
 * one.
 *
 *   forward zone:   first answer < last question: the register held the value all that time
 *   backward zone:  last question < first answer: at some moment in between
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

/* A write whose answer never came may have happened at any time after, or not at all. */
#define SIM_NEVER_ANSWERED UINT64_MAX

struct sim_history {
    struct gf_buf operations; /* owned */
};

/* value: unique to the write, above 0; 0 = what a read sees that comes before every write. */
void sim_history_write(struct sim_history *history, uint64_t value, uint64_t sent_tick,
                       uint64_t answered_tick);
void sim_history_read(struct sim_history *history, uint64_t value, uint64_t sent_tick,
                      uint64_t answered_tick);

/* sim_history_check - Returns true, or false and says in `why` what cannot be. */
bool sim_history_check(const struct sim_history *history, char *why, size_t why_size);

void sim_history_deinit(struct sim_history *history);
