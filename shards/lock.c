/* Locks: counts by partition and by key, and one queue in order of arrival. */
#include "shards/lock.h"

#include "core/alloc.h"
#include "core/assert.h"

#define BUCKETS_FIRST 16u

void gf_locks_init(struct gf_locks *locks, uint32_t partitions_count)
{
    *locks = (struct gf_locks){.partitions_count = partitions_count};
    gf_list_init(&locks->waiting);
    locks->partitions =
        gf_alloc_zero(GF_MEMORY_OTHER, partitions_count * sizeof(*locks->partitions));
}

void gf_locks_deinit(struct gf_locks *locks)
{
    GF_ASSERT(locks->keys_count == 0);
    gf_free(GF_MEMORY_OTHER, locks->partitions);
    gf_free(GF_MEMORY_OTHER, locks->keys);
    *locks = (struct gf_locks){0};
}

/* ---- keys ---------------------------------------------------------------------------------- */

static struct gf_lock_key **key_bucket(const struct gf_locks *locks, uint64_t hash)
{
    return &locks->keys[hash & (locks->buckets_count - 1)];
}

static struct gf_lock_key *key_find(const struct gf_locks *locks, uint64_t hash)
{
    struct gf_lock_key *key = locks->keys_count > 0 ? *key_bucket(locks, hash) : NULL;

    while (key && key->hash != hash)
        key = key->next;
    return key;
}

static void keys_grow(struct gf_locks *locks)
{
    struct gf_lock_key **old = locks->keys;
    uint32_t old_count = locks->buckets_count;

    locks->buckets_count = old_count ? 2 * old_count : BUCKETS_FIRST;
    locks->keys =
        gf_alloc_zero(GF_MEMORY_OTHER, locks->buckets_count * sizeof(struct gf_lock_key *));
    for (uint32_t i = 0; i < old_count; i++) {
        struct gf_lock_key *key = old[i];

        while (key) {
            struct gf_lock_key *next = key->next;
            struct gf_lock_key **bucket = key_bucket(locks, key->hash);

            key->next = *bucket;
            *bucket = key;
            key = next;
        }
    }
    gf_free(GF_MEMORY_OTHER, old);
}

static struct gf_lock_key *key_use(struct gf_locks *locks, uint64_t hash)
{
    struct gf_lock_key *key = key_find(locks, hash);
    struct gf_lock_key **bucket;

    if (key)
        return key;
    if (locks->keys_count == locks->buckets_count)
        keys_grow(locks);
    bucket = key_bucket(locks, hash);
    key = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*key));
    key->hash = hash;
    key->next = *bucket;
    *bucket = key;
    locks->keys_count++;
    return key;
}

/* Gone, when nobody holds it or waits for it. */
static void key_leave(struct gf_locks *locks, struct gf_lock_key *key)
{
    struct gf_lock_key **place;

    if (key->held + key->wanted > 0)
        return;
    place = key_bucket(locks, key->hash);
    while (*place != key)
        place = &(*place)->next;
    *place = key->next;
    locks->keys_count--;
    gf_free(GF_MEMORY_OTHER, key);
}

/* ---- who waits ----------------------------------------------------------------------------- */

enum verdict {
    FREE,
    DUE,     /* partitions have been taken, or somebody is due who came before */
    BLOCKED, /* anything else is in the way, too                               */
};

/* What waits in front of an entry of a claim. */
struct before {
    bool any;
    bool whole;
    bool names;
    bool due;
    bool key; /* the same one */
};

bool gf_locks_free_key(const struct gf_locks *locks, uint32_t id, uint64_t hash)
{
    const struct gf_lock_partition *partition = &locks->partitions[id];

    if (locks->busy == 0 || (partition->held | partition->wanted) == 0)
        return true;
    return (partition->held_whole | partition->held_names | partition->wanted_whole) == 0 &&
           !key_find(locks, hash);
}

/* Of a claim that is new: everybody who waits. Of one that waits itself: what the walk has found
 * blocked until it came to it. */
static struct before entry_before(const struct gf_locks *locks, const struct gf_claim *claim,
                                  uint32_t i, bool waits)
{
    const struct gf_lock_partition *partition = &locks->partitions[claim->partitions[i]];
    const struct gf_lock_key *key = claim->hashes ? key_find(locks, claim->hashes[i]) : NULL;
    uint32_t epoch = locks->epoch;

    if (!waits)
        return (struct before){.any = partition->wanted > 0,
                               .whole = partition->wanted_whole > 0,
                               .names = partition->wanted_names > 0,
                               .due = partition->wanted_due > 0,
                               .key = key && key->wanted > 0};
    return (struct before){.any = partition->seen == epoch,
                           .whole = partition->seen_whole == epoch,
                           .names = partition->seen_names == epoch,
                           .due = partition->seen_due == epoch,
                           .key = key && key->seen == epoch};
}

/* Whether keys that change must let names have their turn. Who is due is not passed: he would not
 * be due any more. */
static bool before_is_patient(const struct gf_locks *locks, const struct before *before)
{
    return before->names && (before->due || locks->passes >= GF_LOCK_PASSES);
}

static enum verdict entry_verdict(const struct gf_locks *locks, const struct gf_claim *claim,
                                  uint32_t i, bool waits)
{
    const struct gf_lock_partition *partition = &locks->partitions[claim->partitions[i]];
    struct before before = entry_before(locks, claim, i, waits);
    bool blocked =
        before.whole || partition->held_names > 0 || partition->held_whole > partition->held_takes;

    if (claim->takes)
        return partition->held_whole > 0 || before.due ? DUE : FREE;
    if (claim->hashes) {
        const struct gf_lock_key *key = key_find(locks, claim->hashes[i]);

        blocked |= before.key || (key && key->held > 0) ||
                   (claim->changes && before_is_patient(locks, &before));
    } else if (claim->names) {
        blocked |= before.names || partition->held_changes > 0;
    } else {
        blocked |= before.any || partition->held > 0;
    }
    if (blocked)
        return BLOCKED;
    return partition->held_takes > 0 ? DUE : FREE;
}

static enum verdict claim_verdict(const struct gf_locks *locks, const struct gf_claim *claim,
                                  bool waits)
{
    enum verdict worst = FREE;

    for (uint32_t i = 0; i < claim->count && worst != BLOCKED; i++) {
        enum verdict verdict = entry_verdict(locks, claim, i, waits);

        if (verdict > worst)
            worst = verdict;
    }
    return worst;
}

bool gf_locks_would(const struct gf_locks *locks, const struct gf_claim *claim)
{
    return gf_locks_idle(locks) || claim_verdict(locks, claim, false) == FREE;
}

/* ---- claims -------------------------------------------------------------------------------- */

static void claim_take(struct gf_locks *locks, const struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        struct gf_lock_partition *partition = &locks->partitions[claim->partitions[i]];

        GF_ASSERT(partition->held_whole == 0);
        partition->held++;
        if (claim->hashes)
            key_use(locks, claim->hashes[i])->held++;
        else if (claim->names)
            partition->held_names++;
        else
            partition->held_whole++;
        partition->held_takes += claim->takes;
        partition->held_changes += claim->changes;
    }
    locks->busy += claim->count;
}

static void claim_set_due(struct gf_locks *locks, struct gf_claim *claim, bool due)
{
    if (claim->due == due)
        return;
    claim->due = due;
    for (uint32_t i = 0; i < claim->count; i++)
        locks->partitions[claim->partitions[i]].wanted_due += due ? 1u : -1u;
}

static void claim_enqueue(struct gf_locks *locks, struct gf_claim *claim, bool due)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        struct gf_lock_partition *partition = &locks->partitions[claim->partitions[i]];

        partition->wanted++;
        if (claim->hashes)
            key_use(locks, claim->hashes[i])->wanted++;
        else if (claim->names)
            partition->wanted_names++;
        else
            partition->wanted_whole += !claim->takes;
    }
    claim->due = false;
    claim_set_due(locks, claim, due);
    locks->busy++;
    gf_list_push_back(&locks->waiting, &claim->link);
}

static void claim_dequeue(struct gf_locks *locks, struct gf_claim *claim)
{
    claim_set_due(locks, claim, false);
    for (uint32_t i = 0; i < claim->count; i++) {
        struct gf_lock_partition *partition = &locks->partitions[claim->partitions[i]];

        GF_ASSERT(partition->wanted > 0);
        partition->wanted--;
        if (claim->hashes) {
            struct gf_lock_key *key = key_find(locks, claim->hashes[i]);

            GF_ASSERT(key->wanted > 0);
            key->wanted--;
            key_leave(locks, key);
        } else if (claim->names) {
            partition->wanted_names--;
        } else {
            partition->wanted_whole -= !claim->takes;
        }
    }
    if (claim->names)
        locks->passes = 0;
    GF_ASSERT(locks->busy > 0);
    locks->busy--;
    gf_list_remove(&claim->link);
}

/* Does it come before names that wait? */
static bool claim_passes_names(const struct gf_locks *locks, const struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count && claim->changes; i++) {
        if (locks->partitions[claim->partitions[i]].wanted_names > 0)
            return true;
    }
    return false;
}

bool gf_locks_claim(struct gf_locks *locks, struct gf_claim *claim)
{
    enum verdict verdict;

    GF_ASSERT(claim->count > 0);
    GF_ASSERT(gf_link_is_free(&claim->link));

    verdict = gf_locks_idle(locks) ? FREE : claim_verdict(locks, claim, false);
    if (verdict != FREE) {
        claim_enqueue(locks, claim, verdict == DUE);
        return false;
    }
    locks->passes += claim_passes_names(locks, claim);
    if (claim->holds)
        claim_take(locks, claim);
    return true;
}

/* ---- granting ------------------------------------------------------------------------------ */

/* What comes behind it waits for it. */
static void claim_mark(struct gf_locks *locks, const struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        struct gf_lock_partition *partition = &locks->partitions[claim->partitions[i]];

        partition->seen = locks->epoch;
        if (claim->hashes)
            key_find(locks, claim->hashes[i])->seen = locks->epoch;
        else if (claim->names)
            partition->seen_names = locks->epoch;
        else if (!claim->takes)
            partition->seen_whole = locks->epoch;
        if (claim->due)
            partition->seen_due = locks->epoch;
    }
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
        enum verdict verdict;

        link = gf_list_next(&locks->waiting, link);
        verdict = claim_verdict(locks, claim, true);
        if (verdict != FREE) {
            claim_set_due(locks, claim, verdict == DUE);
            claim_mark(locks, claim);
            continue;
        }
        claim_dequeue(locks, claim);
        locks->passes += claim_passes_names(locks, claim);
        if (claim->holds)
            claim_take(locks, claim);
        claim->granted(claim);
        if (locks->released)
            return;
    }
}

static void claim_drop(struct gf_locks *locks, const struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        struct gf_lock_partition *partition = &locks->partitions[claim->partitions[i]];

        GF_ASSERT(partition->held > 0);
        partition->held--;
        if (claim->hashes) {
            struct gf_lock_key *key = key_find(locks, claim->hashes[i]);

            GF_ASSERT(key->held > 0);
            key->held--;
            key_leave(locks, key);
        } else if (claim->names) {
            GF_ASSERT(partition->held_names == 1);
            partition->held_names--;
        } else {
            GF_ASSERT(partition->held_whole == 1);
            partition->held_whole--;
        }
        partition->held_takes -= claim->takes;
        partition->held_changes -= claim->changes;
    }
    locks->busy -= claim->count;
}

/* Something was given back. */
static void locks_released(struct gf_locks *locks)
{
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

void gf_locks_release(struct gf_locks *locks, struct gf_claim *claim)
{
    GF_ASSERT(claim->holds);
    GF_ASSERT(locks->busy >= claim->count);
    claim_drop(locks, claim);
    locks_released(locks);
}

void gf_locks_keep_keys(struct gf_locks *locks, struct gf_claim *whole, struct gf_claim *keys)
{
    GF_ASSERT(whole->holds);
    GF_ASSERT(!whole->hashes);
    GF_ASSERT(keys->holds);
    GF_ASSERT(keys->hashes != NULL);
    claim_drop(locks, whole);
    claim_take(locks, keys);
    locks_released(locks);
}
