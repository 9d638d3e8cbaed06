/* Work of a core that no client asked for: expiry of keys and of fields, room ahead of writes,
 * growth of tables, freeing what was flushed, clients that stall. Every piece is bounded: a slice
 * of at most GF_BACKGROUND_SLICE_NS a turn.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/driver.h"
#include "core/timer.h"

struct gf_worker;

#define GF_BACKGROUND_SLICE_NS 200000u       /* of one turn */
#define GF_BACKGROUND_TICK_NS 100000000u     /* 100 ms: how often a quiet core looks around */

struct gf_background {
    struct gf_worker *worker;
    struct gf_timer tick;
    struct gf_op work;             /* deferred while there is work for the next turn */
    uint32_t next_partition;       /* index into worker->owned: where the round goes on */
    uint32_t round_idle;           /* partitions in a row that had nothing to do */
    uint32_t ticks;                /* so far */
    uint64_t expire_paused;        /* DEBUG SET-ACTIVE-EXPIRE 0 */
};

struct gf_background *gf_background_create(struct gf_worker *worker);
void gf_background_destroy(struct gf_background *background);

/* gf_background_poke - there is work (a flush, a big delete): do not wait for the next tick. */
void gf_background_poke(struct gf_worker *worker);
