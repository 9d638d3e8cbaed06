/* Who was used when, and who should go first.
 *
 * LRU: the access field holds the time of the last use in ticks of 64 ms (28 bits: it comes round
 * after 198 days, as Redis's does at seconds in 24 bits; the finer tick tells keys apart that are
 * used within a second of each other).
 *
 * LFU: a counter that grows ever more slowly and loses one a minute, as Redis has it, and the time
 * of the last use in ticks of 1024 ms. The finer time decides between keys with the same counter,
 * which are most of those that may go: without it a new key, whose counter is low, would have to
 * be used again at once to stay, and what becomes popular late would never get in.
 *
 *    bits 0-7   counter          bits 8-27   ticks (20 bits: comes round after 12 days)
 */
#include "core/assert.h"
#include "core/random.h"
#include "modules/exec.h"
#include "modules/keyspace_parts.h"

#define LFU_INIT 5u /* a new key's counter: not the first to go */
#define LFU_COUNTER_MAX 255u
#define LFU_TICK_SHIFT 10u
#define LFU_TICK_BITS (GF_OBJECT_ACCESS_BITS - 8)
#define LFU_TICK_MASK ((1u << LFU_TICK_BITS) - 1)
#define MS_PER_MINUTE 60000u
#define SAMPLE_TRIES 8u /* random buckets looked at for each that is used, when many are empty */

static uint32_t lru_ticks(uint64_t now_ms)
{
    return (uint32_t)(now_ms >> GF_ACCESS_TICK_SHIFT) & GF_ACCESS_MASK;
}

static uint32_t lfu_ticks(uint64_t now_ms)
{
    return (uint32_t)(now_ms >> LFU_TICK_SHIFT) & LFU_TICK_MASK;
}

/* Ticks since the last use. */
static uint32_t lfu_age(const struct gf_object *object, uint64_t now_ms)
{
    return (lfu_ticks(now_ms) - (object->access >> 8)) & LFU_TICK_MASK;
}

/* Minutes begun since the last use: a key in use loses one at each full minute, too. */
static uint32_t lfu_minutes(const struct gf_object *object, uint64_t now_ms)
{
    uint64_t ticks = now_ms >> LFU_TICK_SHIFT;
    uint64_t age = lfu_age(object, now_ms);
    uint64_t behind = age < ticks ? ticks - age + 1 : 1; /* the tick of the last use ends here */
    uint64_t last_ms = (behind << LFU_TICK_SHIFT) - 1;

    return last_ms < now_ms ? (uint32_t)(now_ms / MS_PER_MINUTE - last_ms / MS_PER_MINUTE) : 0;
}

/* The counter after the minutes that have passed. */
static uint32_t lfu_decayed(const struct gf_keyspace_context *context,
                            const struct gf_object *object, uint64_t now_ms)
{
    uint32_t counter = object->access & LFU_COUNTER_MAX;
    uint32_t elapsed = lfu_minutes(object, now_ms);
    uint32_t periods = context->lfu_decay_min ? elapsed / context->lfu_decay_min : 0;

    return periods > counter ? 0 : counter - periods;
}

static void lfu_store(struct gf_object *object, uint32_t counter, uint64_t now_ms)
{
    object->access = (lfu_ticks(now_ms) << 8 | counter) & GF_ACCESS_MASK;
}

void gf_object_access_init(const struct gf_keyspace_context *context, struct gf_object *object,
                           uint64_t now_ms)
{
    if (context->lfu)
        lfu_store(object, LFU_INIT, now_ms);
    else
        object->access = lru_ticks(now_ms) & GF_ACCESS_MASK;
}

/* The chance of an increment is 1 / (uses above the initial counter * log factor + 1). */
void gf_object_access_count(struct gf_keyspace *keyspace, struct gf_object *object, uint64_t now_ms)
{
    const struct gf_keyspace_context *context = keyspace->context;
    uint32_t counter;

    if (context->untouched)
        return;
    counter = lfu_decayed(context, object, now_ms);
    if (counter < LFU_COUNTER_MAX) {
        uint64_t above = counter > LFU_INIT ? counter - LFU_INIT : 0;
        uint64_t odds = above * context->lfu_log_factor + 1;

        if (gf_random_next(&keyspace->random) % odds == 0)
            counter++;
    }
    lfu_store(object, counter, now_ms);
}

uint64_t gf_object_idle_ms(const struct gf_object *object, uint64_t now_ms)
{
    uint32_t ticks = (lru_ticks(now_ms) - object->access) & GF_ACCESS_MASK;

    return (uint64_t)ticks << GF_ACCESS_TICK_SHIFT;
}

uint8_t gf_object_frequency(const struct gf_keyspace_context *context,
                            const struct gf_object *object, uint64_t now_ms)
{
    return (uint8_t)lfu_decayed(context, object, now_ms);
}

void gf_object_set_idle_ms(struct gf_object *object, uint64_t idle_ms, uint64_t now_ms)
{
    uint64_t idle_ticks = idle_ms >> GF_ACCESS_TICK_SHIFT;
    bool rounded = idle_ms % (1u << GF_ACCESS_TICK_SHIFT) > 0;

    idle_ticks += rounded; /* full seconds must not become one less */
    if (idle_ticks > GF_ACCESS_MASK)
        idle_ticks = GF_ACCESS_MASK;
    object->access = (lru_ticks(now_ms) - (uint32_t)idle_ticks) & GF_ACCESS_MASK;
}

void gf_object_set_frequency(struct gf_object *object, uint8_t frequency, uint64_t now_ms)
{
    lfu_store(object, frequency, now_ms);
}

static bool policy_is_volatile(enum gf_eviction_policy policy)
{
    return policy == GF_VOLATILE_LRU || policy == GF_VOLATILE_LFU || policy == GF_VOLATILE_RANDOM ||
           policy == GF_VOLATILE_TTL;
}

/* The least counter first, then the longest unused. */
static uint64_t lfu_score(const struct gf_keyspace_context *context, const struct gf_object *object,
                          uint64_t now_ms)
{
    uint64_t counter = lfu_decayed(context, object, now_ms);

    return (LFU_COUNTER_MAX - counter) << LFU_TICK_BITS | lfu_age(object, now_ms);
}

/* How good it is to evict `object`: more as time goes by, less when it is used. For LRU the time of
 * the last use, upside down, which stays the same until the next use. */
static uint64_t object_score(const struct gf_keyspace *keyspace, enum gf_eviction_policy policy,
                             const struct gf_object *object, uint64_t now_ms)
{
    switch (policy) {
    case GF_ALLKEYS_LRU:
    case GF_VOLATILE_LRU:
        return UINT64_MAX - ((now_ms >> GF_ACCESS_TICK_SHIFT) -
                             (gf_object_idle_ms(object, now_ms) >> GF_ACCESS_TICK_SHIFT));
    case GF_ALLKEYS_LFU:
    case GF_VOLATILE_LFU:
        return lfu_score(keyspace->context, object, now_ms);
    case GF_VOLATILE_TTL:
        return UINT64_MAX - gf_object_expire_ms(object);
    case GF_NOEVICTION:
    case GF_ALLKEYS_RANDOM:
    case GF_VOLATILE_RANDOM:
        return 0;
    }
    return 0;
}

/* The slots of `bucket` that the policy may empty. */
static uint32_t bucket_candidates(const struct gf_bucket *bucket, enum gf_eviction_policy policy)
{
    uint32_t used = gf_bucket_used(bucket);

    if (policy_is_volatile(policy) && !(bucket->meta & GF_BUCKET_VOLATILE))
        return 0;
    for (uint32_t rest = used; rest; rest &= rest - 1)
        gf_prefetch(gf_bucket_object(bucket, (uint32_t)__builtin_ctz(rest)));
    return used;
}

uint32_t gf_keyspace_sample(struct gf_keyspace *keyspace, enum gf_eviction_policy policy,
                            uint64_t *seed, uint64_t now_ms, struct gf_victim *ret_victims,
                            uint32_t count)
{
    uint32_t lines = gf_table_lines(&keyspace->table);
    uint32_t sampled = 0;

    if (lines == 0 || (policy_is_volatile(policy) && keyspace->volatile_count == 0))
        return 0;
    for (uint32_t tries = count * SAMPLE_TRIES; tries > 0 && sampled < count; tries--) {
        uint32_t line = (uint32_t)(((gf_random_next(seed) >> 32) * lines) >> 32);
        const struct gf_bucket *bucket = gf_table_line(&keyspace->table, line);
        uint32_t slots = bucket ? bucket_candidates(bucket, policy) : 0;

        for (; slots && sampled < count; slots &= slots - 1) {
            struct gf_object *object = gf_bucket_object(bucket, (uint32_t)__builtin_ctz(slots));

            if (policy_is_volatile(policy) && !(object->flags & GF_OBJECT_EXPIRE))
                continue;
            ret_victims[sampled++] =
                (struct gf_victim){.hash = gf_table_hash(&keyspace->table, object),
                                   .score = object_score(keyspace, policy, object, now_ms),
                                   .keyspace = keyspace};
        }
    }
    return sampled;
}

size_t gf_keyspace_evict(struct gf_keyspace *keyspace, enum gf_eviction_policy policy,
                         const struct gf_victim *victim, uint64_t now_ms)
{
    struct gf_table_place place;
    const struct gf_object *object;

    GF_ASSERT(victim->keyspace == keyspace);
    if (!gf_table_find_hash(&keyspace->table, victim->hash, &place))
        return 0;
    object = gf_bucket_object(place.bucket, place.slot);
    if (policy_is_volatile(policy) && !(object->flags & GF_OBJECT_EXPIRE))
        return 0;
    if (object_score(keyspace, policy, object, now_ms) < victim->score)
        return 0;
    gf_keyspace_going(keyspace, object, GF_EVENT_EVICTED);
    return gf_keyspace_drop(keyspace, victim->hash, &place);
}
