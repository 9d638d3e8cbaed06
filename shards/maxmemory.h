/* Keeping the node under maxmemory.
 *
 * What counts is what is resident, as far as it can be known: what the accounts of all cores say,
 * what pools and pages hold free, and what the process holds beyond those. Each core looks at the
 * sum and at its own part of the room that is left (gf_worker.memory_ceiling); only a write that
 * comes to the end of that part asks what is to be done. Room is made ahead of the writes, in the
 * background, and by a write itself for a bounded time only; while the node is far over, writes
 * wait. What costs no key goes first: flushed keyspaces, sparse pages, free ones.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/evict.h"

struct gf_server;
struct gf_worker;

struct gf_maxmemory {
    struct gf_evictor evictor;
    uint32_t databases_used; /* one more than the highest; at the last tick                     */
    int64_t outside;         /* bytes resident that neither accounts nor pages know of: code,
                                stacks, what the allocator keeps; at the last look               */
    int64_t freed;           /* bytes evicted since then                                        */
    int64_t expected;        /* bytes of the largest request that arrived lately                */
    uint64_t longest_ns;     /* that one write waited for room; CONFIG RESETSTAT                */
    bool blind;              /* there is no telling what is resident (the simulator)            */
};

/* gf_server_memory - bytes of all cores, all kinds; remembers the peak. Any core. */
int64_t gf_server_memory(struct gf_server *server);

void gf_maxmemory_init(struct gf_worker *worker);

/* gf_maxmemory_apply - the limit, the policy or its samples changed. */
void gf_maxmemory_apply(struct gf_worker *worker);

/* gf_maxmemory_tick - look again at what is resident, and at what this core may take of it. */
void gf_maxmemory_tick(struct gf_worker *worker);

/* gf_maxmemory_make_room - memory would be over the limit with `size` bytes more: evict now, for a
 * bounded time. What is left then is evicted in the background; when it is much, the next writes
 * wait for it (GF_ATTENTION_MEMORY). false: the command must be refused. */
bool gf_maxmemory_make_room(struct gf_worker *worker, size_t size);

/* gf_maxmemory_make_room_ahead - room for the writes to come; background work of one turn.
 *
 * end_ns     monotonic time at which to stop
 * Returns    true when there is more to do
 */
bool gf_maxmemory_make_room_ahead(struct gf_worker *worker, uint64_t end_ns);

/* gf_maxmemory_expect - a request is arriving that has `size` bytes already: evict ahead. */
void gf_maxmemory_expect(struct gf_worker *worker, size_t size);
