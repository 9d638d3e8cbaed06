/* Keys that all clients use at once, and what must hold whoever comes first.
 *
 *   counters   only ever INCR and GET: every number is given out once, and nobody sees a number
 *              lower than one that was seen before it asked
 *   groups     keys of different partitions, always written together by MSET with a value of its
 *              own: MGET sees one value in all of them, and all of it together (GET of one key,
 *              too) is one linearizable register
 *   tokens     one key of several exists, and RENAME moves it: always exactly one
 *   races      MSETNX of fresh keys by everybody: one wins, and its value is in all of them
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/client.h"
#include "sim/history.h"
#include "sim/workload_deals.h"

#define SIM_COUNTERS 4
#define SIM_GROUPS 3
#define SIM_GROUP_KEYS_MAX 6
#define SIM_TOKENS 5
#define SIM_COUNTER_MAX 65536

struct sim_counter {
    uint64_t seen;  /* the largest number anybody has been told  */
    uint64_t asked; /* INCRs that were queued at a client         */
    uint64_t sent;  /* INCRs that may have run                   */
    uint8_t *given; /* by number: 1 = given out; owned           */
};

struct sim_group {
    uint32_t keys_count;
    struct sim_history history;
};

struct sim_shared {
    struct sim_world *world;
    uint64_t *ticks;     /* borrowed                             */
    uint64_t last_value; /* values are unique                    */
    struct sim_deals deals;
    struct sim_counter counters[SIM_COUNTERS];
    struct sim_group groups[SIM_GROUPS];
    bool token_made;      /* its SET has been answered            */
    uint64_t race;        /* the one that is open                 */
    uint64_t race_winner; /* value that won it; 0 = nobody yet    */
    uint32_t race_tries;
    uint32_t pauses_asked; /* not answered yet, or not read       */
    uint64_t pause_end_ns; /* the last one that was answered is over */
};

void sim_shared_init(struct sim_shared *shared, struct sim_world *world, uint64_t *ticks);
void sim_shared_deinit(struct sim_shared *shared);

/* sim_shared_begin - by one client that does not break, before the others: makes the token. */
void sim_shared_begin(struct sim_shared *shared, struct sim_client *client);

/* sim_shared_limit - CONFIG SET maxmemory and its policy. */
void sim_shared_limit(struct sim_shared *shared, struct sim_client *client, uint64_t size,
                      const char *policy);

/* sim_shared_play - one random command on shared keys of database 0, where the client must be. */
void sim_shared_play(struct sim_shared *shared, struct sim_client *client);

/* sim_shared_hammer - one more INCR of a counter. */
void sim_shared_hammer(struct sim_shared *shared, struct sim_client *client, uint32_t counter);

/* sim_shared_operate - one command of an operator: statistics, pauses, a memory limit that comes
 * and goes. In database 0. */
void sim_shared_operate(struct sim_shared *shared, struct sim_client *client);

/* sim_shared_check - the histories, when nothing is in flight any more. */
void sim_shared_check(struct sim_shared *shared);
