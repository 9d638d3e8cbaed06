/* Locks: whether they are what the claims say. */
#include "core/alloc.h"
#include "core/assert.h"
#include "shards/lock.h"

static uint32_t held_of_key(const struct gf_locks *locks, uint64_t hash)
{
    for (uint32_t i = 0; i < locks->buckets_count; i++) {
        for (const struct gf_lock_key *key = locks->keys[i]; key; key = key->next) {
            if (key->hash == hash)
                return key->held;
        }
    }
    return 0;
}

/* Does a waiting claim overlap with what is held? */
static bool claim_meets_held(const struct gf_locks *locks, const struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        const struct gf_lock_partition *partition = &locks->partitions[claim->partitions[i]];
        uint32_t held = partition->held_whole;

        if (!claim->takes)
            held += partition->held_names;
        if (claim->names)
            held += partition->held_changes;
        else if (claim->hashes)
            held += held_of_key(locks, claim->hashes[i]);
        else if (!claim->takes)
            held += partition->held;
        if (held > 0)
            return true;
    }
    return false;
}

/* Would a claim's i-th entry have to wait behind the k-th of `older`, in the same partition? */
static bool entries_overlap(const struct gf_claim *claim, uint32_t i, const struct gf_claim *older,
                            uint32_t k)
{
    if (claim->takes)
        return older->due;
    if (older->takes)
        return !claim->hashes && !claim->names;
    if (older->hashes)
        return claim->hashes ? claim->hashes[i] == older->hashes[k] : !claim->names;
    return !older->names || !claim->hashes || claim->changes;
}

static bool claims_overlap(const struct gf_claim *claim, const struct gf_claim *older)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        for (uint32_t k = 0; k < older->count; k++) {
            if (claim->partitions[i] == older->partitions[k] && entries_overlap(claim, i, older, k))
                return true;
        }
    }
    return false;
}

static bool claim_must_wait(const struct gf_locks *locks, const struct gf_claim *claim)
{
    const struct gf_link *link = gf_list_peek_front(&locks->waiting);

    if (claim_meets_held(locks, claim))
        return true;
    for (; link != &claim->link; link = gf_list_next(&locks->waiting, link)) {
        if (claims_overlap(claim, gf_container(link, struct gf_claim, link)))
            return true;
    }
    return false;
}

static void keys_check(const struct gf_locks *locks, uint32_t held, uint32_t wanted)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < locks->buckets_count; i++) {
        for (const struct gf_lock_key *key = locks->keys[i]; key; key = key->next) {
            GF_ASSERT(key->held + key->wanted > 0);
            held -= key->held;
            wanted -= key->wanted;
            count++;
        }
    }
    GF_ASSERT(count == locks->keys_count);
    GF_ASSERT(held == 0);
    GF_ASSERT(wanted == 0);
}

void gf_locks_check(const struct gf_locks *locks)
{
    uint32_t *wanted = gf_alloc_zero(GF_MEMORY_OTHER, locks->partitions_count * sizeof(*wanted));
    uint32_t *due = gf_alloc_zero(GF_MEMORY_OTHER, locks->partitions_count * sizeof(*due));
    uint32_t busy = 0, keys_held = 0, keys_wanted = 0;

    for (struct gf_link *link = gf_list_peek_front(&locks->waiting); link;
         link = gf_list_next(&locks->waiting, link)) {
        const struct gf_claim *claim = gf_container(link, struct gf_claim, link);

        GF_ASSERT(locks->granting || claim_must_wait(locks, claim));
        for (uint32_t i = 0; i < claim->count; i++) {
            GF_ASSERT(claim->partitions[i] < locks->partitions_count);
            wanted[claim->partitions[i]]++;
            due[claim->partitions[i]] += claim->due;
            keys_wanted += claim->hashes != NULL;
        }
        busy++;
    }
    for (uint32_t id = 0; id < locks->partitions_count; id++) {
        const struct gf_lock_partition *partition = &locks->partitions[id];

        GF_ASSERT(wanted[id] == partition->wanted);
        GF_ASSERT(partition->held_whole <= 1);
        GF_ASSERT(partition->held_names <= 1);
        GF_ASSERT(partition->held_takes <= partition->held_whole);
        GF_ASSERT(due[id] == partition->wanted_due);
        busy += partition->held;
        keys_held += partition->held - partition->held_whole - partition->held_names;
    }
    GF_ASSERT(busy == locks->busy);
    keys_check(locks, keys_held, keys_wanted);
    gf_free(GF_MEMORY_OTHER, wanted);
    gf_free(GF_MEMORY_OTHER, due);
}
