/* Transactions and waiting on keys that all clients use.
 *
 *   deals   accounts whose sum is always 0: MULTI takes from one what it gives to another,
 *           sometimes with WATCH, and then what it answers follows from what was read before it
 *   jobs    numbers put into queues by ZADD and taken by BZPOPMIN, which waits a while for one of
 *           several queues: nobody gets what was not given, and nothing is got twice
 */
#pragma once

#include <stdint.h>

#include "sim/client.h"
#include "sim/world.h"

#define SIM_ACCOUNTS 4
#define SIM_JOBS_MAX 65536

struct sim_deals {
    struct sim_world *world;
    uint32_t jobs_given;
    uint8_t *jobs_taken; /* by number; owned */
};

void sim_deals_init(struct sim_deals *deals, struct sim_world *world);
void sim_deals_deinit(struct sim_deals *deals);

/* sim_deals_play - one of them, by a client in database 0. */
void sim_deals_play(struct sim_deals *deals, struct sim_client *client);
