/* When requests are due: decided before the first one is sent, and never by the server.
 *
 * That is what makes the load open: a server that stalls finds the requests of the stall waiting,
 * with the time at which they should have been sent, and the stall is counted against each of them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/load/key.h"

struct gf_schedule {
    double interval_ns; /* between bursts, on average */
    bool is_poisson;    /* exponential gaps, as from many independent users; else even ones */
    double due_ns;      /* when the next burst is due, from the start */
};

/* gf_schedule_init - rate in requests per second; burst requests are due at once. */
void gf_schedule_init(struct gf_schedule *schedule, double rate, uint32_t burst, bool is_poisson);

/* gf_schedule_advance - the next burst was made; due_ns is now that of the one after it. */
void gf_schedule_advance(struct gf_schedule *schedule, struct gf_dice *dice);
