/* Work of a core that no client asked for: expiry, eviction, growth of tables, freeing what was
 * flushed, clients that stall. Every piece is bounded: a slice of at most GF_BACKGROUND_SLICE_NS a
 * turn.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/driver.h"
#include "core/timer.h"
#include "modules/evict.h"

struct gf_server;
struct gf_worker;

#define GF_BACKGROUND_SLICE_NS 200000u       /* of one turn */
#define GF_BACKGROUND_TICK_NS 100000000u     /* 100 ms: how often a quiet core looks around */

struct gf_background {
    struct gf_worker *worker;
    struct gf_timer tick;
    struct gf_op work;             /* deferred while there is work for the next turn */
    uint32_t next_partition;       /* index into worker->owned: where the round goes on */
    uint32_t round_idle;           /* partitions in a row that had nothing to do */
    struct gf_evictor evictor;
    uint32_t ticks;                /* so far */
    uint32_t databases_used;       /* one more than the highest; at the last tick */
    int64_t outside;               /* bytes resident that neither accounts nor pages know of: code,
                                      stacks, what the allocator keeps; at the last look */
    int64_t freed;                 /* bytes evicted since then */
    int64_t expected;              /* bytes of the largest request that arrived lately */
    bool blind;                    /* there is no telling what is resident (the simulator) */
    uint64_t expire_paused;        /* DEBUG SET-ACTIVE-EXPIRE 0 */
};

struct gf_background *gf_background_create(struct gf_worker *worker);
void gf_background_destroy(struct gf_background *background);

/* gf_server_memory - bytes of all cores, all kinds; remembers the peak. */
int64_t gf_server_memory(struct gf_server *server);

/* gf_background_settings - maxmemory or a policy changed. */
void gf_background_settings(struct gf_worker *worker);

/* gf_background_make_room - memory would be over the limit with `size` bytes more: evict now, for
 * a bounded time. What is left then is evicted in the background; when it is much, the next writes
 * wait for it (GF_ATTENTION_MEMORY). false: the command must be refused. */
bool gf_background_make_room(struct gf_worker *worker, size_t size);

/* gf_background_expect - a request is arriving that has `size` bytes already: evict ahead. */
void gf_background_expect(struct gf_worker *worker, size_t size);

/* gf_background_poke - there is work (a flush, a big delete): do not wait for the next tick. */
void gf_background_poke(struct gf_worker *worker);
