/* The pool, and how keyspaces are chosen: at random, and then by lot with a chance proportional to
 * their keys, so that every key of the core has the same chance to be looked at.
 */
#include "modules/evict.h"

#include <string.h>

#include "core/random.h"

#define EVICTIONS_PER_MOVE 8u /* evictions for each page that may be emptied */
#define FILL_TRIES 64u        /* samples of buckets that may all be empty before giving up */
#define CHOOSE_TRIES 64u      /* keyspaces looked at before count_max is found too large */

void gf_evictor_init(struct gf_evictor *evictor, enum gf_eviction_policy policy, uint32_t samples)
{
    if (samples > GF_EVICT_SAMPLES_MAX)
        samples = GF_EVICT_SAMPLES_MAX;
    *evictor = (struct gf_evictor){.policy = policy, .samples = samples ? samples : 1};
}

/* Keys of the keyspace that the policy may take. */
static uint64_t candidates_count(enum gf_eviction_policy policy, const struct gf_keyspace *keyspace)
{
    switch (policy) {
    case GF_ALLKEYS_LRU:
    case GF_ALLKEYS_LFU:
    case GF_ALLKEYS_RANDOM:
        return gf_keyspace_count(keyspace);
    case GF_VOLATILE_LRU:
    case GF_VOLATILE_LFU:
    case GF_VOLATILE_RANDOM:
    case GF_VOLATILE_TTL:
        return gf_keyspace_volatile_count(keyspace);
    case GF_NOEVICTION:
        return 0;
    }
    return 0;
}

/* A random keyspace, each with a chance proportional to its keys. */
static struct gf_keyspace *keyspace_choose(struct gf_evictor *evictor,
                                           const struct gf_evict_source *source, uint64_t *seed,
                                           uint32_t *ret_index)
{
    for (uint32_t tries = CHOOSE_TRIES; tries > 0; tries--) {
        uint64_t random = gf_random_next(seed);
        uint32_t index = (uint32_t)(((random >> 32) * source->count) >> 32);
        struct gf_keyspace *keyspace = source->at(source->context, index);
        uint64_t count = keyspace ? candidates_count(evictor->policy, keyspace) : 0;

        if (count > evictor->count_max)
            evictor->count_max = count;
        if (count > 0 && (random & UINT32_MAX) * evictor->count_max <= count << 32) {
            *ret_index = index;
            return keyspace;
        }
    }
    return NULL;
}

/* Few keyspaces are left with keys, or the largest ones shrank: look at all, from a random one
 * on. */
static struct gf_keyspace *keyspace_search(struct gf_evictor *evictor,
                                           const struct gf_evict_source *source, uint64_t *seed,
                                           uint32_t *ret_index)
{
    uint32_t start = (uint32_t)(((gf_random_next(seed) >> 32) * source->count) >> 32);

    evictor->count_max /= 2;
    for (uint32_t i = 0; i < source->count; i++) {
        uint32_t index = (start + i) % source->count;
        struct gf_keyspace *keyspace = source->at(source->context, index);

        if (keyspace && candidates_count(evictor->policy, keyspace) > 0) {
            *ret_index = index;
            return keyspace;
        }
    }
    return NULL;
}

static bool pool_holds(const struct gf_evictor *evictor, const struct gf_victim *victim)
{
    for (uint32_t i = 0; i < evictor->pool_count; i++)
        if (evictor->pool[i].victim.hash == victim->hash &&
            evictor->pool[i].victim.keyspace == victim->keyspace)
            return true;
    return false;
}

/* Keep the best: a full pool loses its worst to a better one. */
static void pool_add(struct gf_evictor *evictor, const struct gf_victim *victim, uint32_t index)
{
    struct gf_evict_candidate *pool = evictor->pool;
    uint32_t at = evictor->pool_count;

    if (at == GF_EVICT_POOL_SIZE && pool[0].victim.score >= victim->score)
        return;
    if (pool_holds(evictor, victim))
        return;
    while (at > 0 && pool[at - 1].victim.score > victim->score)
        at--;
    if (evictor->pool_count < GF_EVICT_POOL_SIZE) {
        memmove(pool + at + 1, pool + at, (evictor->pool_count - at) * sizeof(*pool));
        evictor->pool_count++;
    } else {
        at--;
        memmove(pool, pool + 1, at * sizeof(*pool));
    }
    pool[at] = (struct gf_evict_candidate){.victim = *victim, .index = index};
}

/* Look at some more keys. */
static void pool_fill(struct gf_evictor *evictor, const struct gf_evict_source *source,
                      uint64_t *seed, uint64_t now_ms)
{
    struct gf_victim victims[GF_EVICT_SAMPLES_MAX + GF_BUCKET_SLOTS];
    uint32_t wanted = evictor->samples < GF_BUCKET_SLOTS ? GF_BUCKET_SLOTS : evictor->samples;
    uint32_t index = 0;
    struct gf_keyspace *keyspace;
    uint32_t count;

    if (source->count == 0)
        return;
    keyspace = keyspace_choose(evictor, source, seed, &index);
    if (!keyspace)
        keyspace = keyspace_search(evictor, source, seed, &index);
    if (!keyspace)
        return;
    count = gf_keyspace_sample(keyspace, evictor->policy, seed, now_ms, victims, wanted);
    for (uint32_t i = 0; i < count; i++)
        pool_add(evictor, &victims[i], index);
}

bool gf_evictor_next(struct gf_evictor *evictor, const struct gf_evict_source *source,
                     uint64_t *seed, uint64_t now_ms, struct gf_victim *ret_victim)
{
    if (evictor->policy == GF_NOEVICTION)
        return false;
    pool_fill(evictor, source, seed, now_ms);
    /* Where keys are few, most buckets are empty. */
    for (uint32_t tries = FILL_TRIES; tries > 0 && evictor->pool_count == 0; tries--)
        pool_fill(evictor, source, seed, now_ms);
    while (evictor->pool_count > 0) {
        const struct gf_evict_candidate *best = &evictor->pool[--evictor->pool_count];

        if (source->at(source->context, best->index) == best->victim.keyspace) {
            *ret_victim = best->victim;
            return true;
        }
    }
    return false;
}

size_t gf_evictor_run(struct gf_evictor *evictor, const struct gf_evict_source *source,
                      const struct gf_evict_goal *goal)
{
    uint64_t seed = goal->seed;
    size_t freed = 0;

    for (uint32_t budget = goal->budget; budget > 0 && freed < goal->size; budget--) {
        struct gf_victim victim;
        size_t size;

        if (!gf_evictor_next(evictor, source, &seed, goal->now_ms, &victim))
            break;
        evictor->tries++;
        size = gf_keyspace_evict(victim.keyspace, evictor->policy, &victim, goal->now_ms);
        if (size == 0)
            continue; /* spared: it was used meanwhile, or is gone */
        freed += size;
        /* What was freed is single blocks; whole pages come of it by moving others together. */
        if (++evictor->evictions % EVICTIONS_PER_MOVE == 0)
            (void)gf_keyspace_compact(victim.keyspace);
    }
    return freed;
}
