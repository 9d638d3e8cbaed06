/* Hit ratios on a skewed trace: the evictor against exact LRU, and against a model of what Redis
 * does (five samples for each eviction, a pool of 16), all with room for the same number of
 * keys. */
#include "modules/evict.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/random.h"
#include "modules/heap.h"

#define SEED UINT64_C(0xfeed)
#define KEYS 20000u
#define ROOM (KEYS / 2)
#define ACCESSES 600000u
#define WARM (ACCESSES / 3) /* not counted: the caches are filling */
#define KEYSPACES 16u
#define GUIDES 4096u

/* Key numbers with probability proportional to 1 / rank^s; ranks are spread over the numbers. */
struct zipf {
    double *sums; /* cumulative, KEYS of them */
    uint64_t seed;
    uint32_t guides[GUIDES + 1]; /* the first rank whose sum exceeds i / GUIDES of the whole */
};

static void zipf_open(struct zipf *zipf, double s)
{
    double sum = 0;

    zipf->sums = malloc(KEYS * sizeof(double));
    zipf->seed = 7;
    for (uint32_t rank = 0; rank < KEYS; rank++)
        zipf->sums[rank] = sum += 1 / pow(rank + 1, s);
    for (uint32_t i = 0, rank = 0; i < GUIDES; i++) {
        while (zipf->sums[rank] <= sum * i / GUIDES)
            rank++;
        zipf->guides[i] = rank;
    }
    zipf->guides[GUIDES] = KEYS - 1;
}

static uint32_t zipf_next(struct zipf *zipf)
{
    double share = (double)(gf_random_next(&zipf->seed) >> 11) * 0x1p-53;
    double wanted = share * zipf->sums[KEYS - 1];
    uint32_t low = zipf->guides[(uint32_t)(share * GUIDES)];
    uint32_t high = zipf->guides[(uint32_t)(share * GUIDES) + 1];

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (zipf->sums[middle] <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)((uint64_t)low * 7919 % KEYS);
}

/* A cache of numbers with a last use each; `choose` says who goes. */
struct model {
    uint64_t used_at[KEYS]; /* 0 = not in the cache */
    uint32_t members[ROOM]; /* who is in it */
    uint32_t place[KEYS];   /* index into members */
    uint32_t count;
    uint64_t seed;
    uint32_t pool[16]; /* Redis's: numbers by time of last use when seen, oldest last */
    uint64_t pool_used_at[16];
    uint32_t pool_count;
};

/* The list of exact LRU would be longer than a search: the test is small. */
static uint32_t model_choose_exact(struct model *m)
{
    uint32_t oldest = m->members[0];

    for (uint32_t i = 1; i < m->count; i++)
        if (m->used_at[m->members[i]] < m->used_at[oldest])
            oldest = m->members[i];
    return oldest;
}

static void model_pool_add(struct model *m, uint32_t number)
{
    uint32_t at = m->pool_count;

    for (uint32_t i = 0; i < m->pool_count; i++)
        if (m->pool[i] == number)
            return;
    if (m->pool_count == 16 && m->used_at[number] >= m->pool_used_at[0])
        return;
    while (at > 0 && m->pool_used_at[at - 1] < m->used_at[number])
        at--;
    if (m->pool_count == 16) {
        at--;
        memmove(m->pool, m->pool + 1, at * sizeof(*m->pool));
        memmove(m->pool_used_at, m->pool_used_at + 1, at * sizeof(*m->pool_used_at));
    } else {
        memmove(m->pool + at + 1, m->pool + at, (m->pool_count - at) * sizeof(*m->pool));
        memmove(m->pool_used_at + at + 1, m->pool_used_at + at,
                (m->pool_count - at) * sizeof(*m->pool_used_at));
        m->pool_count++;
    }
    m->pool[at] = number;
    m->pool_used_at[at] = m->used_at[number];
}

static uint32_t model_choose_redis(struct model *m)
{
    for (;;) {
        for (uint32_t i = 0; i < 5; i++)
            model_pool_add(m, m->members[gf_random_next(&m->seed) % m->count]);
        while (m->pool_count > 0) {
            uint32_t number = m->pool[--m->pool_count];

            if (m->used_at[number]) /* Redis does not look whether it was used since */
                return number;
        }
    }
}

static double model_run(double s, uint32_t (*choose)(struct model *), uint32_t accesses)
{
    struct model *m = calloc(1, sizeof(*m));
    struct zipf zipf;
    uint32_t hits = 0;

    m->seed = 3;
    zipf_open(&zipf, s);
    for (uint32_t i = 0; i < accesses; i++) {
        uint32_t number = zipf_next(&zipf);

        if (m->used_at[number]) {
            hits += i >= accesses / 3;
        } else {
            if (m->count == ROOM) {
                uint32_t gone = choose(m);

                m->used_at[gone] = 0;
                m->members[m->place[gone]] = m->members[--m->count];
                m->place[m->members[m->place[gone]]] = m->place[gone];
            }
            m->place[number] = m->count;
            m->members[m->count++] = number;
        }
        m->used_at[number] = i + 1;
    }
    free(zipf.sums);
    free(m);
    return (double)hits / (accesses - accesses / 3);
}

struct cache {
    struct gf_keyspace_context context;
    struct gf_keyspace *keyspaces[KEYSPACES];
    struct gf_evict_source source;
    struct gf_evictor evictor;
    uint64_t seed;
};

static struct gf_keyspace *cache_at(void *context, uint32_t index)
{
    struct cache *cache = context;

    return cache->keyspaces[index];
}

static void cache_open(struct cache *cache, enum gf_eviction_policy policy)
{
    *cache =
        (struct cache){.context = {.hash_seed = SEED,
                                   .lfu = policy == GF_ALLKEYS_LFU || policy == GF_VOLATILE_LFU,
                                   .lfu_log_factor = 10,
                                   .lfu_decay_min = 1},
                       .source = {.at = cache_at, .context = cache, .count = KEYSPACES},
                       .seed = 9};
    cache->context.heap = gf_heap_create(NULL);
    for (uint32_t i = 0; i < KEYSPACES; i++)
        cache->keyspaces[i] = gf_keyspace_create(&cache->context);
    gf_evictor_init(&cache->evictor, policy, GF_EVICT_SAMPLES_DEFAULT);
}

static void cache_close(struct cache *cache)
{
    for (uint32_t i = 0; i < KEYSPACES; i++)
        gf_keyspace_destroy(cache->keyspaces[i]);
    gf_heap_destroy(cache->context.heap);
}

static uint64_t cache_count(const struct cache *cache)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < KEYSPACES; i++)
        count += gf_keyspace_count(cache->keyspaces[i]);
    return count;
}

static struct gf_keyspace *cache_of(struct cache *cache, uint32_t number)
{
    return cache->keyspaces[number % KEYSPACES];
}

/* Eight digits; sprintf is slow under sanitizers. */
static struct gf_bytes number_key(uint32_t number, char *text)
{
    for (int i = 7; i >= 0; i--) {
        text[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return (struct gf_bytes){.data = text, .size = 8};
}

static bool cache_hit(struct cache *cache, uint32_t number, uint64_t now_ms)
{
    char text[16];
    struct gf_bytes key = number_key(number, text);

    return gf_keyspace_find(cache_of(cache, number), gf_keyspace_hash(SEED, key), key, now_ms);
}

static void cache_put(struct cache *cache, uint32_t number, uint64_t expire_ms, uint64_t now_ms)
{
    char text[16];
    struct gf_bytes key = number_key(number, text);
    struct gf_value value = {.bytes = GF_BYTES("value")};

    (void)gf_keyspace_put(cache_of(cache, number), gf_keyspace_hash(SEED, key), key, &value,
                          expire_ms, now_ms);
}

/* Evict exactly one key. */
static size_t cache_evict(struct cache *cache, uint64_t now_ms)
{
    struct gf_evict_goal goal = {
        .size = 1, .budget = 1000, .now_ms = now_ms, .seed = gf_random_next(&cache->seed)};

    return gf_evictor_run(&cache->evictor, &cache->source, &goal);
}

/* us_per_access: the speed of the clock. */
static double cache_run(enum gf_eviction_policy policy, double s, uint64_t us_per_access)
{
    struct cache cache;
    struct zipf zipf;
    uint32_t hits = 0;
    uint64_t count = 0;

    cache_open(&cache, policy);
    zipf_open(&zipf, s);
    for (uint32_t i = 0; i < ACCESSES; i++) {
        uint32_t number = zipf_next(&zipf);
        uint64_t now_ms = 1000000 + i * us_per_access / 1000;

        if (cache_hit(&cache, number, now_ms)) {
            hits += i >= WARM;
            continue;
        }
        if (count == ROOM) {
            cr_assert_gt(cache_evict(&cache, now_ms), 0);
            count--;
        }
        cache_put(&cache, number, 0, now_ms);
        count++;
    }
    cr_assert_eq(count, cache_count(&cache));
    for (uint32_t i = 0; i < KEYSPACES; i++)
        gf_keyspace_check(cache.keyspaces[i]);
    cache_close(&cache);
    free(zipf.sums);
    return (double)hits / (ACCESSES - WARM);
}

Test(evict, lru_hits_at_least_as_often_as_redis)
{
    const double skews[] = {0.7, 0.99};

    for (uint32_t i = 0; i < GF_COUNT(skews); i++) {
        double redis = model_run(skews[i], model_choose_redis, ACCESSES);
        double fast = cache_run(GF_ALLKEYS_LRU, skews[i], 100);   /* 60 s in all */
        double hurried = cache_run(GF_ALLKEYS_LRU, skews[i], 10); /* 6 s in all */

        printf("skew %.2f: redis %.4f, go-fish %.4f, in a tenth of the time %.4f\n", skews[i],
               redis, fast, hurried);
        cr_assert_geq(fast, redis);
        cr_assert_geq(hurried, redis - 0.002);
    }
}

Test(evict, lru_is_near_exact)
{
    double exact = model_run(0.9, model_choose_exact, ACCESSES / 10);
    double redis = model_run(0.9, model_choose_redis, ACCESSES / 10);

    printf("exact %.4f, redis %.4f in a short run\n", exact, redis);
    cr_assert_lt(redis, exact + 0.01); /* the model of Redis is no better than what it imitates */
}

Test(evict, lfu_hits_more_than_lru)
{
    double redis = model_run(0.9, model_choose_redis, ACCESSES);
    double lfu = cache_run(GF_ALLKEYS_LFU, 0.9, 100);

    printf("redis's LRU %.4f, go-fish's LFU %.4f\n", redis, lfu);
    cr_assert_gt(lfu, redis);
}

/* New keys all have the same counter: those that came first had their chance. */
Test(evict, lfu_takes_the_longest_unused_of_those_used_as_often)
{
    struct cache cache;
    uint32_t new_left = 0;

    cache_open(&cache, GF_ALLKEYS_LFU);
    for (uint32_t number = 0; number < 4000; number++)
        cache_put(&cache, number, 0, number % 2 ? 1041000 : 1021000); /* the same minute */
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_gt(cache_evict(&cache, 1045000), 0);
    for (uint32_t number = 1; number < 4000; number += 2)
        new_left += cache_hit(&cache, number, 1045000);
    cr_assert_gt(new_left, 1950); /* of 2000 */
    cache_close(&cache);
}

Test(evict, ttl_takes_the_nearest_expiries)
{
    struct cache cache;
    uint32_t near_left = 0;

    cache_open(&cache, GF_VOLATILE_TTL);
    for (uint32_t number = 0; number < 4000; number++)
        cache_put(&cache, number, number % 2 ? 0 : 2000000 + number * 100, 1000000);
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_gt(cache_evict(&cache, 1000000), 0);
    for (uint32_t number = 0; number < 4000; number++) {
        if (number % 2)
            cr_assert(cache_hit(&cache, number, 1000000)); /* no expiry: never touched */
        else if (number < 1600)
            near_left += cache_hit(&cache, number, 1000000);
    }
    cr_assert_lt(near_left, 100); /* of 800; the 1000 nearest are below 2000 */
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_gt(cache_evict(&cache, 1000000), 0);
    cr_assert_eq(cache_evict(&cache, 1000000), 0);
    cr_assert_eq(cache_count(&cache), 2000);
    cache_close(&cache);
}

Test(evict, every_policy_can_empty_the_cache)
{
    const enum gf_eviction_policy policies[] = {GF_ALLKEYS_LRU,    GF_ALLKEYS_LFU,
                                                GF_ALLKEYS_RANDOM, GF_VOLATILE_LRU,
                                                GF_VOLATILE_LFU,   GF_VOLATILE_RANDOM};
    struct cache cache;

    for (uint32_t i = 0; i < GF_COUNT(policies); i++) {
        cache_open(&cache, policies[i]);
        for (uint32_t number = 0; number < 3000; number++)
            cache_put(&cache, number, 5000000, 1000000);
        for (uint32_t left = 3000; left > 0; left--)
            cr_assert_gt(cache_evict(&cache, 1000000), 0);
        cr_assert_eq(cache_count(&cache), 0);
        cache_close(&cache);
    }
    cache_open(&cache, GF_NOEVICTION);
    cache_put(&cache, 1, 0, 1000000);
    cr_assert_eq(cache_evict(&cache, 1000000), 0);
    cache_close(&cache);
}

/* A keyspace that is not here any more must not be touched, whatever the pool remembers. */
Test(evict, forgets_keyspaces_that_left)
{
    struct cache cache;

    cache_open(&cache, GF_ALLKEYS_LRU);
    for (uint32_t number = 0; number < 3000; number++)
        cache_put(&cache, number, 0, 1000000);
    cr_assert_gt(cache_evict(&cache, 1000000), 0);
    for (uint32_t i = 1; i < KEYSPACES; i++) {
        gf_keyspace_destroy(cache.keyspaces[i]);
        cache.keyspaces[i] = NULL;
    }
    while (gf_keyspace_count(cache.keyspaces[0]) > 0)
        cr_assert_gt(cache_evict(&cache, 1000000), 0);
    cr_assert_eq(cache_evict(&cache, 1000000), 0);
    cache_close(&cache);
}

/* INFO's evicted_keys is how many went, not how many were looked at: what the pool remembers and
 * was used since is spared. */
Test(evict, keys_that_are_spared_do_not_count_as_evicted)
{
    struct cache cache;
    uint64_t before;

    cache_open(&cache, GF_ALLKEYS_LRU);
    for (uint32_t number = 0; number < 3000; number++)
        cache_put(&cache, number, 0, 1000000);
    for (uint32_t i = 0; i < 20; i++)
        cr_assert_gt(cache_evict(&cache, 1000000), 0);
    for (uint32_t number = 0; number < 3000; number++)
        (void)cache_hit(&cache, number, 2000000);
    before = cache_count(&cache);
    cache.evictor.evictions = 0;
    cache.evictor.tries = 0;
    cr_assert_gt(cache_evict(&cache, 2000000), 0);
    cr_assert_eq(before - cache_count(&cache), 1);
    cr_assert_eq(cache.evictor.evictions, 1);
    cr_assert_gt(cache.evictor.tries, 1);
    cache_close(&cache);
}
