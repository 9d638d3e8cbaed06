/* Locks on partitions of one core, for commands whose partitions live on several cores.
 *
 * Such a command claims its partitions core by core in ascending order of core ids, and on each
 * core all of them at once or none: so no two commands ever wait for each other. A core grants
 * claims in the order of arrival wherever they overlap: a big claim is not starved by small ones,
 * and a request that arrives behind a claim on its partition waits behind it.
 *
 * Ordinary requests of this core take no lock: they ask gf_locks_free first and, when the answer is
 * no, wait their turn with a claim that does not hold.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"

/* One party that wants partitions of this core. Embedded in its owner; zeroed = idle. */
struct gf_claim {
    struct gf_link link;                    /* the waiting list                               */
    const uint16_t *partitions;             /* ids, borrowed until granted (and released)     */
    uint32_t count;                         /* 1 or more                                      */
    bool holds;                             /* take the lock (else: run once when it is free) */
    void (*granted)(struct gf_claim *claim); /* called once, later, when it had to wait       */
};

/* All locks of one core.
 *
 * Invariants (gf_locks_check walks them):
 *   busy      == partitions held + claims waiting
 *   wanted[p] == how often waiting claims name p
 *   every waiting claim overlaps with what is held or with an older one (but while a walk goes on)
 */
struct gf_locks {
    struct gf_list waiting; /* gf_claim.link, oldest first; borrowed      */
    uint32_t partitions_count;
    uint32_t busy;          /* partitions held + claims waiting           */
    uint32_t epoch;         /* of the last walk over `waiting`            */
    bool granting;          /* a walk over `waiting` is going on          */
    bool released;          /* something was given back since it began    */
    uint8_t *held;          /* by partition id: 1 = locked; owned         */
    uint32_t *wanted;       /* by partition id: claims waiting for it     */
    uint32_t *seen;         /* by partition id: last walk that blocked it */
};

void gf_locks_init(struct gf_locks *locks, uint32_t partitions_count);
void gf_locks_deinit(struct gf_locks *locks);

/* gf_locks_idle - nothing is held and nobody waits: the one check a request makes. */
static inline bool gf_locks_idle(const struct gf_locks *locks)
{
    return locks->busy == 0;
}

/* gf_locks_free - a request for this partition may run now. */
static inline bool gf_locks_free(const struct gf_locks *locks, uint32_t partition)
{
    return locks->busy == 0 || (!locks->held[partition] && locks->wanted[partition] == 0);
}

/* gf_locks_claim - take what `claim` wants (holds), or find it free (!holds), now.
 *
 * Returns    true: go on (granted is not called). false: claim->granted will be called; the claim
 *            must stay where it is until then.
 */
bool gf_locks_claim(struct gf_locks *locks, struct gf_claim *claim);

/* gf_locks_release - give back what a granted claim with `holds` took; grants what waited for
 * it. */
void gf_locks_release(struct gf_locks *locks, struct gf_claim *claim);

/* gf_locks_check - asserts the invariants. */
void gf_locks_check(const struct gf_locks *locks);
