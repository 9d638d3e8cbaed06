/* How long commands took, for INFO commandstats, LATENCY and SLOWLOG, at almost no cost.
 *
 * Quick commands (GF_FAST, GF_GROWS) that run in one batch share one look at the clock: each is
 * booked its part of the batch. All others, and every command while GF_ATTENTION_TIMING is set (a
 * slow log threshold below a millisecond), are timed on their own. A batch of one is exact either
 * way.
 */
#pragma once

#include <stdint.h>

#include "modules/module.h"

struct gf_conn;
struct gf_run;
struct gf_worker;

#define GF_TIMING_BATCH 64 /* as many messages as the mesh delivers at once */

/* Commands that ran since the last look at the clock. */
struct gf_timing {
    uint64_t since_ns; /* end of the last batch or span */
    uint32_t count;
    const struct gf_command *commands[GF_TIMING_BATCH];
};

/* gf_timing_turn - a batch begins; time spent waiting for it does not count. */
void gf_timing_turn(struct gf_worker *worker);

/* gf_timing_ran - a quick command ran. */
void gf_timing_ran(struct gf_worker *worker, const struct gf_command *command);

/* gf_timing_batch - look at the clock and book the batch. Returns each command's share in ns. */
uint64_t gf_timing_batch(struct gf_worker *worker);

/* One command timed on its own. */
struct gf_timing_span {
    uint64_t since_ns;
};

void gf_timing_begin(struct gf_worker *worker, struct gf_timing_span *span);
/* gf_timing_end - books it; returns ns. */
uint64_t gf_timing_end(struct gf_worker *worker, const struct gf_timing_span *span,
                       const struct gf_command *command);

/* gf_timing_measure - the same without booking: a part of a command, which is booked as a whole. */
uint64_t gf_timing_measure(struct gf_worker *worker, const struct gf_timing_span *span);

/* gf_timing_book - a command took that long altogether. */
void gf_timing_book(struct gf_worker *worker, const struct gf_command *command,
                    uint64_t duration_ns);

/* gf_timing_alone - this command must be timed on its own. */
bool gf_timing_alone(const struct gf_worker *worker, const struct gf_command *command);
