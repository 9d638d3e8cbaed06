/* Locks: counts by partition and by key, and one queue in order of arrival. */
#include "shards/lock.h"

#include "core/alloc.h"
#include "core/assert.h"

#define BUCKETS_FIRST 16u

/* A key that is held or waited for. */
struct gf_lock_key {
    struct gf_lock_key *next; /* in its bucket */
    uint64_t hash;
    uint32_t held;
    uint32_t wanted;
    uint32_t seen; /* last walk that found it blocked */
};

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

/* ---- claims -------------------------------------------------------------------------------- */

bool gf_locks_free_key(const struct gf_locks *locks, uint32_t id, uint64_t hash)
{
    const struct gf_lock_partition *partition = &locks->partitions[id];

    if (locks->busy == 0 || (partition->held | partition->wanted) == 0)
        return true;
    return gf_locks_free_names(locks, id) && !key_find(locks, hash);
}

static bool entry_is_free(const struct gf_locks *locks, const struct gf_claim *claim, uint32_t i)
{
    uint16_t partition = claim->partitions[i];

    if (claim->hashes)
        return gf_locks_free_key(locks, partition, claim->hashes[i]);
    if (claim->takes)
        return !gf_locks_is_away(locks, partition) &&
               locks->partitions[partition].wanted_takes == 0;
    return claim->names ? gf_locks_free_names(locks, partition) : gf_locks_free(locks, partition);
}

bool gf_locks_would(const struct gf_locks *locks, const struct gf_claim *claim)
{
    if (gf_locks_idle(locks))
        return true;
    for (uint32_t i = 0; i < claim->count; i++) {
        if (!entry_is_free(locks, claim, i))
            return false;
    }
    return true;
}

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
    }
    locks->busy += claim->count;
}

static void claim_enqueue(struct gf_locks *locks, struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        struct gf_lock_partition *partition = &locks->partitions[claim->partitions[i]];

        partition->wanted++;
        if (claim->hashes)
            key_use(locks, claim->hashes[i])->wanted++;
        else
            partition->wanted_whole++;
        partition->wanted_takes += claim->takes;
    }
    locks->busy++;
    gf_list_push_back(&locks->waiting, &claim->link);
}

static void claim_dequeue(struct gf_locks *locks, struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        struct gf_lock_partition *partition = &locks->partitions[claim->partitions[i]];

        GF_ASSERT(partition->wanted > 0);
        partition->wanted--;
        if (claim->hashes) {
            struct gf_lock_key *key = key_find(locks, claim->hashes[i]);

            GF_ASSERT(key->wanted > 0);
            key->wanted--;
            key_leave(locks, key);
        } else {
            GF_ASSERT(partition->wanted_whole > 0);
            partition->wanted_whole--;
        }
        partition->wanted_takes -= claim->takes;
    }
    GF_ASSERT(locks->busy > 0);
    locks->busy--;
    gf_list_remove(&claim->link);
}

bool gf_locks_claim(struct gf_locks *locks, struct gf_claim *claim)
{
    GF_ASSERT(claim->count > 0);
    GF_ASSERT(gf_link_is_free(&claim->link));

    if (gf_locks_would(locks, claim)) {
        if (claim->holds)
            claim_take(locks, claim);
        return true;
    }
    claim_enqueue(locks, claim);
    return false;
}

/* ---- granting ------------------------------------------------------------------------------ */

/* Whether an entry of a waiting claim overlaps with what is held or with an older claim that still
 * waits. */
static bool entry_is_blocked(const struct gf_locks *locks, const struct gf_claim *claim, uint32_t i)
{
    const struct gf_lock_partition *partition = &locks->partitions[claim->partitions[i]];
    const struct gf_lock_key *key;

    if (partition->held_whole > 0)
        return true;
    if (claim->takes)
        return partition->seen_takes == locks->epoch;
    if (partition->held_names > 0 || partition->seen_whole == locks->epoch)
        return true;
    if (claim->names)
        return false;
    if (!claim->hashes)
        return partition->held > 0 || partition->seen == locks->epoch;
    key = key_find(locks, claim->hashes[i]);
    return key->held > 0 || key->seen == locks->epoch;
}

static bool claim_is_blocked(const struct gf_locks *locks, const struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        if (entry_is_blocked(locks, claim, i))
            return true;
    }
    return false;
}

/* What comes behind it waits for it. */
static void claim_mark_blocked(struct gf_locks *locks, const struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        struct gf_lock_partition *partition = &locks->partitions[claim->partitions[i]];

        partition->seen = locks->epoch;
        if (claim->hashes)
            key_find(locks, claim->hashes[i])->seen = locks->epoch;
        else
            partition->seen_whole = locks->epoch;
        if (claim->takes)
            partition->seen_takes = locks->epoch;
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

        link = gf_list_next(&locks->waiting, link);
        if (claim_is_blocked(locks, claim)) {
            claim_mark_blocked(locks, claim);
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

/* ---- checks -------------------------------------------------------------------------------- */

/* Does a waiting claim overlap with what is held? */
static bool claim_meets_held(const struct gf_locks *locks, const struct gf_claim *claim)
{
    for (uint32_t i = 0; i < claim->count; i++) {
        const struct gf_lock_partition *partition = &locks->partitions[claim->partitions[i]];

        bool whole = !claim->names && !claim->takes && !claim->hashes;

        if (partition->held_whole > 0 || (whole && partition->held > 0) ||
            (!claim->takes && partition->held_names > 0) ||
            (claim->hashes && key_find(locks, claim->hashes[i])->held > 0))
            return true;
    }
    return false;
}

/* Would `claim` have to wait behind `older`? */
static bool claims_overlap(const struct gf_claim *claim, const struct gf_claim *older)
{
    if (claim->takes && !older->takes)
        return false;
    for (uint32_t i = 0; i < claim->count; i++) {
        for (uint32_t k = 0; k < older->count; k++) {
            if (claim->partitions[i] == older->partitions[k] &&
                (!older->hashes ||
                 (claim->hashes ? claim->hashes[i] == older->hashes[k] : !claim->names)))
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
    uint32_t busy = 0, keys_held = 0, keys_wanted = 0;

    for (struct gf_link *link = gf_list_peek_front(&locks->waiting); link;
         link = gf_list_next(&locks->waiting, link)) {
        const struct gf_claim *claim = gf_container(link, struct gf_claim, link);

        GF_ASSERT(locks->granting || claim_must_wait(locks, claim));
        for (uint32_t i = 0; i < claim->count; i++) {
            GF_ASSERT(claim->partitions[i] < locks->partitions_count);
            wanted[claim->partitions[i]]++;
            keys_wanted += claim->hashes != NULL;
        }
        busy++;
    }
    for (uint32_t id = 0; id < locks->partitions_count; id++) {
        const struct gf_lock_partition *partition = &locks->partitions[id];

        GF_ASSERT(wanted[id] == partition->wanted);
        GF_ASSERT(partition->held_whole <= 1);
        GF_ASSERT(partition->held_names <= 1);
        busy += partition->held;
        keys_held += partition->held - partition->held_whole - partition->held_names;
    }
    GF_ASSERT(busy == locks->busy);
    keys_check(locks, keys_held, keys_wanted);
    gf_free(GF_MEMORY_OTHER, wanted);
}
