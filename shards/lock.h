/* Locks on partitions of one core, and on keys in them, for commands that do not run in one step
 * on that core: those over several cores, and those that run in slices.
 *
 * Such a command claims what it needs core by core in ascending order of core ids, and on each
 * core all of it at once or none: so no two commands ever wait for each other. A claim names
 * partitions; and with `hashes`, of each only one key:
 *
 *     who is there or came before    who comes now: keys   whole partitions   names
 *     keys                           the same key waits    waits              goes on, but (1)
 *     whole partitions               waits                 waits              waits
 *     names, and looks at them       waits                 waits              waits
 *     names, and waits               goes on, but (2)      waits              waits
 *
 * A core grants claims in the order of arrival wherever they overlap: a big claim is not starved
 * by small ones, and a request that arrives behind a claim on its key waits behind it. Keys are
 * told apart by their hashes: two with the same hash wait for each other, which is no harm; so do
 * keys of the same name in two databases.
 *
 * `names`: what only looks at which keys there are (SCAN, DBSIZE) does not wait for a command that
 * holds a few of them for a long time: that one changes what there is at once, when it ends. Nor
 * does anybody who wants keys wait for one that waits itself: it may be for all of a core.
 *
 * (1) `changes`: keys of a command that changes one core after the other, or several keys. Who
 * looks at names waits until it is over: he would see half of it. (2) Such claims could follow each
 * other without end, so after GF_LOCK_PASSES of them that came later names have their turn.
 *
 * Who holds keys and wants to use them on another core takes the partitions, too, for a short time
 * (`takes`): nobody else gets at anything in them meanwhile. Such a claim passes all who wait for a
 * key, for whole partitions, or behind who does: that may be one of its keys. And it passes who
 * holds `names`. It does not pass who is `due`: who waits for nothing but that partitions come
 * back, as itself. Those who take partitions go through the cores in ascending order, and wait for
 * no key then; so on the last core nobody waits for anything, and whoever is due has his turn, one
 * after the other, in the order in which they came.
 *
 * Ordinary requests of this core take no lock: they ask gf_locks_free first and, when the answer is
 * no, wait their turn with a claim that does not hold.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"

#define GF_LOCK_PASSES 64 /* claims on keys that come before names which came before them */

/* One party that wants partitions of this core. Embedded in its owner; zeroed = idle. */
struct gf_claim {
    struct gf_link link;                     /* the waiting list                               */
    const uint16_t *partitions;              /* ids, borrowed until granted (and released)     */
    const uint64_t *hashes;                  /* of a key in each of them; NULL: of all keys    */
    uint32_t count;                          /* 1 or more                                      */
    bool holds;                              /* take the lock (else: run once when it is free) */
    bool names;                              /* without hashes: only which keys there are      */
    bool changes;                            /* holds, with hashes: names wait for it          */
    bool takes;                              /* without hashes: of who holds keys there, or
                                                (!holds) waits until nobody has taken them     */
    bool due;                                /* waits for taken partitions only; the lock's    */
    void (*granted)(struct gf_claim *claim); /* called once, later, when it had to wait       */
};

/* What is known of one partition. */
struct gf_lock_partition {
    uint32_t held;         /* entries of granted claims that hold                    */
    uint32_t held_whole;   /* those of them that have all of it: 0 or 1; 1: it is away */
    uint32_t held_takes;   /* ... for a time, by who holds keys                      */
    uint32_t held_names;   /* those of them that look at names: 0 or 1               */
    uint32_t held_changes; /* those of them that names wait for                      */
    uint32_t wanted;       /* entries of waiting claims                              */
    uint32_t wanted_whole; /* those of them that want all of it, and do not take it  */
    uint32_t wanted_names; /* those of them that look at names                       */
    uint32_t wanted_due;   /* those of them that are due                             */
    uint32_t seen;         /* last walk that found it blocked for some claim ...     */
    uint32_t seen_whole;   /* ... of those that want all of it                       */
    uint32_t seen_names;
    uint32_t seen_due;
};

/* A key that is held or waited for. */
struct gf_lock_key {
    struct gf_lock_key *next; /* in its bucket */
    uint64_t hash;
    uint32_t held;
    uint32_t wanted;
    uint32_t seen; /* last walk that found it blocked */
};

/* All locks of one core.
 *
 * Invariants (gf_locks_check walks them):
 *   busy      == entries held + claims waiting
 *   of each partition and key: held and wanted are what the claims say
 *   every waiting claim overlaps with what is held or with an older one (but while a walk goes on)
 */
struct gf_locks {
    struct gf_list waiting; /* gf_claim.link, oldest first; borrowed      */
    uint32_t partitions_count;
    uint32_t busy;                        /* entries held + claims waiting              */
    uint32_t epoch;                       /* of the last walk over `waiting`            */
    uint32_t passes;                      /* before names that wait                     */
    bool granting;                        /* a walk over `waiting` is going on          */
    bool released;                        /* something was given back since it began    */
    struct gf_lock_partition *partitions; /* by id; owned                 */
    struct gf_lock_key **keys;            /* held or waited for, in buckets by hash; owned */
    uint32_t keys_count;
    uint32_t buckets_count; /* a power of two; 0: none yet                */
};

void gf_locks_init(struct gf_locks *locks, uint32_t partitions_count);
void gf_locks_deinit(struct gf_locks *locks);

/* gf_locks_idle - nothing is held and nobody waits: the one check a request makes. */
static inline bool gf_locks_idle(const struct gf_locks *locks)
{
    return locks->busy == 0;
}

/* gf_locks_free - everything in this partition may be used now, by anybody. */
static inline bool gf_locks_free(const struct gf_locks *locks, uint32_t partition)
{
    return locks->busy == 0 ||
           (locks->partitions[partition].held | locks->partitions[partition].wanted) == 0;
}

/* gf_locks_is_quiet - nobody has anything of this partition, or waits for it but to look at names,
 * which may take as long as a command in slices: keys may expire here, or be evicted. */
static inline bool gf_locks_is_quiet(const struct gf_locks *locks, uint32_t partition)
{
    const struct gf_lock_partition *it = &locks->partitions[partition];

    return locks->busy == 0 || (it->held == 0 && it->wanted == it->wanted_names);
}

/* gf_locks_free_key - a request for this key may run now: the slow half of gf_locks_free. */
bool gf_locks_free_key(const struct gf_locks *locks, uint32_t partition, uint64_t hash);

/* gf_locks_free_names - it may be looked at which keys there are in this partition. */
static inline bool gf_locks_free_names(const struct gf_locks *locks, uint32_t partition)
{
    const struct gf_lock_partition *it = &locks->partitions[partition];

    return locks->busy == 0 || (it->held_whole | it->held_names | it->held_changes |
                                it->wanted_whole | it->wanted_names) == 0;
}

/* gf_locks_would - a claim would be granted at once. */
bool gf_locks_would(const struct gf_locks *locks, const struct gf_claim *claim);

/* gf_locks_claim - take what `claim` wants (holds), or find it free (!holds), now.
 *
 * Returns    true: go on (granted is not called). false: claim->granted will be called; the claim
 *            must stay where it is until then.
 */
bool gf_locks_claim(struct gf_locks *locks, struct gf_claim *claim);

/* gf_locks_release - give back what a granted claim with `holds` took; grants what waited for
 * it. */
void gf_locks_release(struct gf_locks *locks, struct gf_claim *claim);

/* gf_locks_keep_keys - from whole partitions to keys in them: `whole` gives back what it took, and
 * `keys` (holds, with hashes in the same partitions) takes its own before anybody else can. */
void gf_locks_keep_keys(struct gf_locks *locks, struct gf_claim *whole, struct gf_claim *keys);

/* gf_locks_is_away - a command, maybe of another core, has the whole partition now. */
static inline bool gf_locks_is_away(const struct gf_locks *locks, uint32_t partition)
{
    return locks->partitions[partition].held_whole > 0;
}

/* gf_locks_check - asserts the invariants. */
void gf_locks_check(const struct gf_locks *locks);
