/* Something to be done with partitions of one core, on that core, when they are free.
 *
 *   home: gf_visit_start --> ring --> core: partitions (keys) free? -- no: waits in gf_locks
 *                                       | yes                       |
 *                                       v                           v
 *   home: done   <------ ring <------ run <-------------------------+
 *
 * Takes no lock: `run` is one step, like a command. When the core is the home core and the
 * partitions are free, all of it happens inside gf_visit_start.
 */
#pragma once

#include <stdint.h>

#include "shards/lock.h"
#include "shards/parcel.h"

struct gf_worker;

/* Embedded in what is visited for; allocated by the home core, which frees it in or after `done`.
 * Between start and done, the home core touches nothing of it. */
struct gf_visit {
    struct gf_parcel parcel;    /* first */
    const uint16_t *partitions; /* of the core; borrowed */
    const uint64_t *hashes;     /* of a key in each of them; NULL: of all keys; borrowed */
    uint32_t partitions_count;  /* 1 or more */
    void (*run)(struct gf_worker *worker, struct gf_visit *visit);
    void (*done)(struct gf_worker *worker, struct gf_visit *visit);
    struct gf_claim claim;      /* the core's */
};

/* gf_visit_start - partitions, run and done are set. */
void gf_visit_start(struct gf_worker *worker, struct gf_visit *visit, uint16_t core);

/* gf_visit_arrive - on the core; gf_visit_home - back. */
void gf_visit_arrive(struct gf_worker *worker, struct gf_visit *visit);
void gf_visit_home(struct gf_worker *worker, struct gf_visit *visit);
