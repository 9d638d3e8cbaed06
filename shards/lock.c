/* Partition locks: held flags, and one queue in order of arrival. */
#include "shards/lock.h"

#include "core/alloc.h"
#include "core/assert.h"

void gf_locks_init(struct gf_locks *locks, uint32_t partitions_count)
{
    *locks = (struct gf_locks){.partitions_count = partitions_count};
    gf_list_init(&locks->waiting);
    locks->held = gf_alloc_zero(GF_MEMORY_OTHER, partitions_count * sizeof(*locks->held));
    locks->wanted = gf_alloc_zero(GF_MEMORY_OTHER, partitions_count * sizeof(*locks->wanted));
    locks->seen = gf_alloc_zero(GF_MEMORY_OTHER, partitions_count * sizeof(*locks->seen));
}

void gf_locks_deinit(struct gf_locks *locks)
{
    gf_free(GF_MEMORY_OTHER, locks->held);
    gf_free(GF_MEMORY_OTHER, locks->wanted);
    gf_free(GF_MEMORY_OTHER, locks->seen);
    *locks = (struct gf_locks){0};
}

static bool claim_is_free(const struct gf_locks *locks, const struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        if (!gf_locks_free(locks, claim->partitions[i]))
            return false;
    }
    return true;
}

static void claim_take(struct gf_locks *locks, const struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        GF_ASSERT(!locks->held[claim->partitions[i]]);
        locks->held[claim->partitions[i]] = 1;
    }
    locks->busy += claim->count;
}

static void claim_enqueue(struct gf_locks *locks, struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++)
        locks->wanted[claim->partitions[i]]++;
    locks->busy++;
    gf_list_push_back(&locks->waiting, &claim->link);
}

static void claim_dequeue(struct gf_locks *locks, struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        GF_ASSERT(locks->wanted[claim->partitions[i]] > 0);
        locks->wanted[claim->partitions[i]]--;
    }
    GF_ASSERT(locks->busy > 0);
    locks->busy--;
    gf_list_remove(&claim->link);
}

bool gf_locks_claim(struct gf_locks *locks, struct gf_claim *claim)
{
    GF_ASSERT(claim->count > 0);
    GF_ASSERT(gf_link_is_free(&claim->link));

    if (claim_is_free(locks, claim)) {
        if (claim->holds)
            claim_take(locks, claim);
        return true;
    }
    claim_enqueue(locks, claim);
    return false;
}

/* Whether a waiting claim overlaps with what is held or with an older claim that still waits. */
static bool claim_is_blocked(const struct gf_locks *locks, const struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        uint32_t partition = claim->partitions[i];

        if (locks->held[partition] || locks->seen[partition] == locks->epoch)
            return true;
    }
    return false;
}

/* Grants, oldest first, every waiting claim that nothing is in front of. What runs when a claim is
 * granted may itself release or claim: a release only notes that the walk must start over (so a
 * long queue is a loop, not a recursion), a new claim was blocked when it came. */
static void locks_grant(struct gf_locks *locks)
{
    struct gf_link *link = gf_list_peek_front(&locks->waiting);

    locks->released = false;
    locks->epoch++;
    while (link) {
        struct gf_claim *claim = gf_container(link, struct gf_claim, link);

        link = gf_list_next(&locks->waiting, link);
        if (claim_is_blocked(locks, claim)) {
            for (uint32_t i = 0; i < claim->count; i++)
                locks->seen[claim->partitions[i]] = locks->epoch;
            continue;
        }
        claim_dequeue(locks, claim);
        if (claim->holds)
            claim_take(locks, claim);
        claim->granted(claim);
        if (locks->released)
            return;
    }
}

void gf_locks_release(struct gf_locks *locks, struct gf_claim *claim)
{
    GF_ASSERT(claim->holds);
    GF_ASSERT(locks->busy >= claim->count);

    for (uint32_t i = 0; i < claim->count; i++) {
        GF_ASSERT(locks->held[claim->partitions[i]]);
        locks->held[claim->partitions[i]] = 0;
    }
    locks->busy -= claim->count;
    locks->released = true;
    if (locks->granting)
        return;

    locks->granting = true;
    while (locks->released)
        locks_grant(locks);
    locks->granting = false;
#ifdef GF_VERIFY_ENABLED
    gf_locks_check(locks);
#endif
}

void gf_locks_check(const struct gf_locks *locks)
{
    uint32_t *wanted = gf_alloc_zero(GF_MEMORY_OTHER, locks->partitions_count * sizeof(*wanted));
    uint32_t busy = 0;

    for (struct gf_link *link = gf_list_peek_front(&locks->waiting); link;
         link = gf_list_next(&locks->waiting, link)) {
        const struct gf_claim *claim = gf_container(link, struct gf_claim, link);
        bool blocked = false;

        for (uint32_t i = 0; i < claim->count; i++) {
            uint32_t partition = claim->partitions[i];

            GF_ASSERT(partition < locks->partitions_count);
            blocked |= locks->held[partition] || wanted[partition] > 0;
        }
        GF_ASSERT(blocked || locks->granting);
        for (uint32_t i = 0; i < claim->count; i++)
            wanted[claim->partitions[i]]++;
        busy++;
    }
    for (uint32_t partition = 0; partition < locks->partitions_count; partition++) {
        GF_ASSERT(wanted[partition] == locks->wanted[partition]);
        busy += locks->held[partition];
    }
    GF_ASSERT(busy == locks->busy);
    gf_free(GF_MEMORY_OTHER, wanted);
}
