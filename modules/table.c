/* Growth, shrinking, and the rarer walks of a keyspace's table.
 *
 * Moving home bucket F of half[0] (everything left of F is already gone from there): all objects in
 * bucket F have it as their home; those of F that passed it by are found in the buckets behind, as
 * far as those were passed by in turn. Hashes are not stored: they are computed from the keys
 * again, which are fetched two buckets ahead.
 */
#include "modules/table.h"

#include "core/alloc.h"
#include "core/hash.h"
#include "core/pages.h"

#define SLACK_BUCKETS 2u      /* behind the home buckets of a table of whole segments */
#define SMALL_BUCKETS_MAX 60u /* larger tables are made of whole segments */

/* Load limits, in objects per bucket of 9 slots, times 32. */
#define GROW_ABOVE 261u   /* 0.906 */
#define SHRINK_BELOW 115u /* 0.4 */
#define SHRINK_TO 216u    /* 0.75 */

#define WRITES_PER_STEP 4u
#define BUCKETS_PER_STEP 16u /* some 4 us */
#define PREFETCH_OBJECTS 2u  /* buckets ahead whose objects are fetched while one is moved */
#define PREFETCH_BUCKETS 3u  /* and ahead of those, the buckets themselves */

#define KNOWN_BUCKETS 8u /* longer chains of full buckets are rare */

static const struct gf_bucket empty_bucket;
static struct gf_bucket *const empty_segments[1] = {(struct gf_bucket *)&empty_bucket};

/* The table of a keyspace without objects: one bucket that is never written. */
static struct gf_table_half half_empty(uint32_t buckets)
{
    return (struct gf_table_half){.segments = (struct gf_bucket **)empty_segments,
                                  .buckets = buckets};
}

static bool half_is_small(const struct gf_table_half *half)
{
    return half->buckets < SMALL_BUCKETS_MAX;
}

static bool table_is_changing(const struct gf_table *table)
{
    return table->half[1].buckets != 0;
}

uint64_t gf_table_hash(const struct gf_table *table, const struct gf_object *object)
{
    struct gf_bytes key = gf_object_key(object);

    return gf_hash64(key.data, key.size, table->hash_seed);
}

/* Segments. */

static struct gf_bucket *segment_take(const struct gf_table *table)
{
    struct gf_bucket *segment = gf_pages_take(table->pages);

    GF_ASSERT(segment != NULL); /* one page: dies loudly, as small allocations do */
    memset(segment, 0, GF_PAGE_SIZE);
    gf_memory_add(GF_MEMORY_DATA, GF_PAGE_SIZE);
    return segment;
}

static void segment_give(const struct gf_table *table, struct gf_bucket *segment)
{
    gf_memory_add(GF_MEMORY_DATA, -(int64_t)GF_PAGE_SIZE);
    gf_pages_give(table->pages, segment);
}

/* Room in the directory for one more segment. */
static void directory_reserve(struct gf_table_half *half)
{
    size_t used = half->allocated / GF_SEGMENT_BUCKETS;
    size_t wanted = (half->buckets + SLACK_BUCKETS) / GF_SEGMENT_BUCKETS;
    struct gf_bucket **segments;

    if (half->allocated > 0 && gf_alloc_size(half->segments) > used * sizeof(*segments))
        return;
    if (wanted <= used)
        wanted = used + 1;
    segments = gf_alloc_zero(GF_MEMORY_DATA, wanted * sizeof(*segments));
    if (half->allocated > 0) {
        memcpy(segments, half->segments, used * sizeof(*segments));
        gf_free(GF_MEMORY_DATA, half->segments);
    }
    half->segments = segments;
}

/* A small table's only segment, a little longer than before. */
static void half_extend_small(struct gf_table_half *half)
{
    uint32_t allocated = half->allocated == 0 ? half->buckets : half->allocated + 4;
    struct gf_bucket *segment;
    size_t size;

    if (allocated > GF_SEGMENT_BUCKETS)
        allocated = GF_SEGMENT_BUCKETS;
    size = allocated * sizeof(*segment);
    segment = gf_alloc_aligned(GF_MEMORY_DATA, size, sizeof(*segment));
    memset(segment, 0, size);
    if (half->allocated > 0) {
        memcpy(segment, half->segments[0], half->allocated * sizeof(*segment));
        gf_free(GF_MEMORY_DATA, half->segments[0]);
    } else {
        half->segments = gf_alloc_zero(GF_MEMORY_DATA, sizeof(*half->segments));
    }
    half->segments[0] = segment;
    half->allocated = allocated;
}

/* Make bucket `index` exist. */
static void half_reserve(const struct gf_table *table, struct gf_table_half *half, uint32_t index)
{
    while (index >= half->allocated) {
        if (half_is_small(half) && half->allocated < GF_SEGMENT_BUCKETS) {
            half_extend_small(half);
            continue;
        }
        directory_reserve(half);
        half->segments[half->allocated / GF_SEGMENT_BUCKETS] = segment_take(table);
        half->allocated += GF_SEGMENT_BUCKETS;
    }
}

static void half_free_segment(const struct gf_table *table, struct gf_table_half *half,
                              uint32_t number)
{
    struct gf_bucket *segment = half->segments[number];

    if (!segment)
        return;
    if (number == 0 && half_is_small(half))
        gf_free(GF_MEMORY_DATA, segment);
    else
        segment_give(table, segment);
    half->segments[number] = NULL;
}

static uint32_t half_segments(const struct gf_table_half *half)
{
    return (half->allocated + GF_SEGMENT_BUCKETS - 1) / GF_SEGMENT_BUCKETS;
}

static void half_free(const struct gf_table *table, struct gf_table_half *half)
{
    if (half->allocated == 0)
        return;
    for (uint32_t number = 0; number < half_segments(half); number++)
        half_free_segment(table, half, number);
    gf_free(GF_MEMORY_DATA, half->segments);
}

void gf_table_init(struct gf_table *table, struct gf_pages *pages, uint64_t hash_seed)
{
    *table = (struct gf_table){
        .half = {half_empty(1), half_empty(0)}, .pages = pages, .hash_seed = hash_seed};
}

void gf_table_deinit(struct gf_table *table)
{
    half_free(table, &table->half[0]);
    half_free(table, &table->half[1]);
    gf_table_init(table, table->pages, table->hash_seed);
}

/* Slots. */

static void slot_set(struct gf_bucket *bucket, uint32_t slot, const struct gf_object *object)
{
    uint64_t bits = (uint64_t)(uintptr_t)object;

    GF_ASSERT(bits >> 48 == 0);
    memcpy(bucket->pointers + 6 * (size_t)slot, &bits, 6);
    if (object->flags & GF_OBJECT_EXPIRE || gf_object_goes(object))
        bucket->meta |= GF_BUCKET_VOLATILE;
}

static uint32_t bucket_passed(const struct gf_bucket *bucket)
{
    return bucket->meta & GF_BUCKET_PASSED;
}

/* Count one more that passes by; at the limit the count is lost and stays. */
static void bucket_pass(struct gf_bucket *bucket)
{
    if (bucket_passed(bucket) < GF_BUCKET_PASSED)
        bucket->meta++;
}

static void bucket_unpass(struct gf_bucket *bucket)
{
    GF_ASSERT(bucket_passed(bucket) > 0);
    if (bucket_passed(bucket) < GF_BUCKET_PASSED)
        bucket->meta--;
}

static void half_insert(const struct gf_table *table, struct gf_table_half *half, uint64_t hash,
                        const struct gf_object *object)
{
    uint32_t index = gf_half_home(half, hash);

    for (;; index++) {
        struct gf_bucket *bucket;
        uint32_t empty;

        half_reserve(table, half, index);
        bucket = gf_half_bucket(half, index);
        empty = gf_bucket_match(bucket, 0);
        if (empty) {
            uint32_t slot = (uint32_t)__builtin_ctz(empty);

            bucket->tags[slot] = gf_table_tag(hash);
            slot_set(bucket, slot, object);
            return;
        }
        bucket_pass(bucket);
    }
}

/* The first object with the tag of `hash` and either this address or, without one, this hash. */
static struct gf_object *table_search(const struct gf_table *table, uint64_t hash,
                                      const struct gf_object *wanted,
                                      struct gf_table_place *ret_place)
{
    uint32_t which = gf_table_half_of(table, hash);
    const struct gf_table_half *half = &table->half[which];
    uint32_t index = gf_half_home(half, hash);

    for (;; index++) {
        struct gf_bucket *bucket = gf_half_bucket(half, index);
        uint32_t match = gf_bucket_match(bucket, gf_table_tag(hash));

        for (; match; match &= match - 1) {
            uint32_t slot = (uint32_t)__builtin_ctz(match);
            struct gf_object *object = gf_bucket_object(bucket, slot);

            if (wanted ? object == wanted : gf_table_hash(table, object) == hash) {
                *ret_place = (struct gf_table_place){
                    .bucket = bucket, .half = which, .index = index, .slot = slot};
                return object;
            }
        }
        if (bucket_passed(bucket) == 0)
            return NULL;
    }
}

bool gf_table_locate(const struct gf_table *table, uint64_t hash, const struct gf_object *object,
                     struct gf_table_place *ret_place)
{
    GF_ASSERT(object != NULL);
    return table_search(table, hash, object, ret_place) != NULL;
}

struct gf_object *gf_table_find_hash(const struct gf_table *table, uint64_t hash,
                                     struct gf_table_place *ret_place)
{
    return table_search(table, hash, NULL, ret_place);
}

void gf_table_replace(const struct gf_table_place *place, struct gf_object *object)
{
    slot_set(place->bucket, place->slot, object);
}

/* Growing and shrinking. */

/* The number of home buckets nearest to `wanted` that leaves no segment half used. */
static uint32_t buckets_round(uint64_t wanted)
{
    uint64_t segments;

    if (wanted < SMALL_BUCKETS_MAX)
        return wanted < 1 ? 1 : (uint32_t)wanted;
    segments = (wanted + SLACK_BUCKETS + GF_SEGMENT_BUCKETS / 2) / GF_SEGMENT_BUCKETS;
    GF_ASSERT(segments < UINT32_MAX / GF_SEGMENT_BUCKETS);
    return (uint32_t)(segments * GF_SEGMENT_BUCKETS) - SLACK_BUCKETS;
}

static uint32_t buckets_larger(uint32_t buckets)
{
    uint32_t larger = buckets_round((uint64_t)buckets + buckets / 4 + 1);

    return larger > buckets ? larger : buckets + GF_SEGMENT_BUCKETS;
}

static void table_change(struct gf_table *table, uint32_t buckets)
{
    GF_ASSERT(!table_is_changing(table));
    table->half[1] = half_empty(buckets);
    half_reserve(table, &table->half[1], 0);
}

static void table_change_if_needed(struct gf_table *table)
{
    uint32_t buckets = table->half[0].buckets;
    uint32_t smaller;

    if (table->count * 32 > (uint64_t)buckets * GROW_ABOVE) {
        table_change(table, buckets_larger(buckets));
    } else if (table->count * 32 < (uint64_t)buckets * SHRINK_BELOW && buckets > 1) {
        smaller = buckets_round(table->count * 32 / SHRINK_TO + 1);
        if (smaller < buckets)
            table_change(table, smaller);
    }
}

/* An object that passed `home` by and lay in bucket `index` is gone from half[0]. */
static void passed_gone(const struct gf_table_half *half, uint32_t home, uint32_t index)
{
    for (; home < index; home++)
        bucket_unpass(gf_half_bucket(half, home));
}

/* Hashes of the objects in the buckets last looked at: those that passed a full bucket are met
 * several times before they move. Good as long as nothing but moving happens. */
struct known {
    uint32_t index[KNOWN_BUCKETS];                   /* which bucket's, UINT32_MAX = none */
    uint64_t hashes[KNOWN_BUCKETS][GF_BUCKET_SLOTS]; /* bucket `index`: at index % KNOWN_BUCKETS */
};

static void known_init(struct known *known)
{
    memset(known->index, 0xff, sizeof(known->index));
}

/* The hashes of the objects in a bucket, by slot. */
static const uint64_t *known_hashes(struct known *known, const struct gf_table *table,
                                    const struct gf_bucket *bucket, uint32_t index)
{
    uint64_t *hashes = known->hashes[index % KNOWN_BUCKETS];

    if (known->index[index % KNOWN_BUCKETS] == index)
        return hashes;
    known->index[index % KNOWN_BUCKETS] = index;
    for (uint32_t used = gf_bucket_used(bucket); used; used &= used - 1) {
        uint32_t slot = (uint32_t)__builtin_ctz(used);

        hashes[slot] = gf_table_hash(table, gf_bucket_object(bucket, slot));
    }
    return hashes;
}

/* Move the objects in one bucket of half[0] that are at home in `home`. Returns how many. */
static uint32_t bucket_move_home(struct gf_table *table, struct known *known, uint32_t index,
                                 uint32_t home)
{
    struct gf_table_half *old = &table->half[0];
    struct gf_bucket *bucket = gf_half_bucket(old, index);
    const uint64_t *hashes = known_hashes(known, table, bucket, index);
    uint32_t moved = 0;

    for (uint32_t used = gf_bucket_used(bucket); used; used &= used - 1) {
        uint32_t slot = (uint32_t)__builtin_ctz(used);

        if (gf_half_home(old, hashes[slot]) != home)
            continue;
        bucket->tags[slot] = 0;
        passed_gone(old, home + 1, index);
        half_insert(table, &table->half[1], hashes[slot], gf_bucket_object(bucket, slot));
        moved++;
    }
    return moved;
}

/* Move the objects at home in bucket F of half[0] to half[1]. Those that passed F by are all F's,
 * for what is at home left of F is gone: as many as were counted, unless the count was lost. */
static void table_move_home(struct gf_table *table, struct known *known)
{
    uint32_t home = table->frontier_bucket;
    uint32_t left = bucket_passed(gf_half_bucket(&table->half[0], home));
    bool is_exact = left < GF_BUCKET_PASSED;
    uint32_t index = home;

    (void)bucket_move_home(table, known, index, home);
    while (left > 0) {
        uint32_t moved = bucket_move_home(table, known, ++index, home);

        if (is_exact)
            left -= moved;
        else
            left = bucket_passed(gf_half_bucket(&table->half[0], index));
    }
}

static void table_finish_change(struct gf_table *table)
{
    half_free(table, &table->half[0]);
    table->half[0] = table->half[1];
    table->half[1] = half_empty(0);
    table->frontier = 0;
    table->frontier_bucket = 0;
}

/* What hashing the key of an object reads, when it has 16 bytes. */
static void key_prefetch(const struct gf_object *object)
{
    gf_prefetch(object);
    gf_prefetch((const char *)object + 23);
}

/* Lines that moving home bucket `index` will need, and some of those after it. */
static void table_prefetch_home(const struct gf_table *table, uint32_t index)
{
    const struct gf_table_half *old = &table->half[0];
    const struct gf_bucket *bucket;

    if (index + PREFETCH_BUCKETS < old->allocated)
        gf_prefetch(gf_half_bucket(old, index + PREFETCH_BUCKETS));
    if (index >= old->allocated)
        return;
    bucket = gf_half_bucket(old, index);
    for (uint32_t used = gf_bucket_used(bucket); used; used &= used - 1)
        key_prefetch(gf_bucket_object(bucket, (uint32_t)__builtin_ctz(used)));
}

/* Move the frontier by one bucket. */
static void table_step_one(struct gf_table *table, struct known *known)
{
    struct gf_table_half *old = &table->half[0];
    uint32_t next = table->frontier_bucket + 1;
    uint64_t frontier = (((uint64_t)next << 32) + old->buckets - 1) / old->buckets;

    table_prefetch_home(table, table->frontier_bucket + PREFETCH_OBJECTS);
    table_move_home(table, known);
    /* Searches start at home buckets below the frontier: these must exist. */
    half_reserve(table, &table->half[1], gf_half_home(&table->half[1], (frontier - 1) << 32));
    table->frontier = frontier;
    table->frontier_bucket = next;
    if (next == old->buckets) {
        table_finish_change(table);
        known_init(known);
        table_change_if_needed(table);
    } else if (next % GF_SEGMENT_BUCKETS == 0) {
        half_free_segment(table, old, next / GF_SEGMENT_BUCKETS - 1);
    }
}

bool gf_table_step(struct gf_table *table, uint32_t budget)
{
    struct known known;

    if (!table_is_changing(table))
        return false;
    known_init(&known);
    for (uint32_t ahead = 0; ahead < PREFETCH_OBJECTS; ahead++)
        table_prefetch_home(table, table->frontier_bucket + ahead);
    for (; budget > 0 && table_is_changing(table); budget--)
        table_step_one(table, &known);
    return table_is_changing(table);
}

/* After each write: four buckets move for each, or the rest of the old table would fill up
 * meanwhile (near 100 % the chains of full buckets have no end); many together, so that memory is
 * waited for once. */
static void table_changed(struct gf_table *table)
{
    if (!table_is_changing(table)) {
        table_change_if_needed(table);
    } else if (++table->writes == WRITES_PER_STEP) {
        table->writes = 0;
        (void)gf_table_step(table, BUCKETS_PER_STEP);
    }
}

void gf_table_insert(struct gf_table *table, uint64_t hash, struct gf_object *object)
{
    half_insert(table, &table->half[gf_table_half_of(table, hash)], hash, object);
    table->count++;
    table_changed(table);
}

void gf_table_remove(struct gf_table *table, uint64_t hash, const struct gf_table_place *place)
{
    const struct gf_table_half *half = &table->half[place->half];

    GF_ASSERT(table->count > 0);
    GF_ASSERT(place->bucket->tags[place->slot] == gf_table_tag(hash));
    place->bucket->tags[place->slot] = 0;
    passed_gone(half, gf_half_home(half, hash), place->index);
    table->count--;
    table_changed(table);
}

/* Walks. */

struct gf_bucket *gf_table_line(const struct gf_table *table, uint32_t number)
{
    const struct gf_table_half *half = &table->half[0];

    if (number >= half->allocated) {
        number -= half->allocated;
        half = &table->half[1];
    }
    if (number >= half->allocated || !half->segments[number / GF_SEGMENT_BUCKETS])
        return NULL;
    return gf_half_bucket(half, number);
}

/* Insert into a sorted array of `count`; false when it is full. */
static bool entries_add(struct gf_table_entry *entries, uint32_t count, struct gf_table_entry entry)
{
    uint32_t at = count;

    if (count == GF_GATHER_MAX)
        return false;
    for (; at > 0 && entries[at - 1].hash > entry.hash; at--)
        entries[at] = entries[at - 1];
    entries[at] = entry;
    return true;
}

/* Objects with hashes from `hash` to below end << 32, all of one home bucket; false: too many. */
static bool half_gather(const struct gf_table *table, uint64_t hash, uint64_t end,
                        struct gf_table_entry *ret_entries, uint32_t *ret_count)
{
    const struct gf_table_half *half = &table->half[gf_table_half_of(table, hash)];
    uint32_t index = gf_half_home(half, hash);
    struct gf_bucket *bucket;

    *ret_count = 0;
    do {
        bucket = gf_half_bucket(half, index++);
        for (uint32_t used = gf_bucket_used(bucket); used; used &= used - 1) {
            struct gf_table_entry entry = {
                .object = gf_bucket_object(bucket, (uint32_t)__builtin_ctz(used))};

            entry.hash = gf_table_hash(table, entry.object);
            if (entry.hash < hash || entry.hash >> 32 >= end)
                continue;
            if (!entries_add(ret_entries, *ret_count, entry))
                return false;
            ++*ret_count;
        }
    } while (bucket_passed(bucket) > 0);
    return true;
}

uint32_t gf_table_gather(const struct gf_table *table, uint64_t hash,
                         struct gf_table_entry *ret_entries, uint64_t *ret_next)
{
    uint32_t which = gf_table_half_of(table, hash);
    const struct gf_table_half *half = &table->half[which];
    uint64_t home = gf_half_home(half, hash);
    uint64_t begin = hash >> 32;
    uint64_t end = (((home + 1) << 32) + half->buckets - 1) / half->buckets;
    uint32_t count;

    if (which == 1 && end > table->frontier)
        end = table->frontier;
    while (!half_gather(table, hash, end, ret_entries, &count)) {
        GF_ASSERT(end - begin > 1); /* 65 keys with the same upper half of a keyed hash */
        end = begin + (end - begin) / 2;
    }
    *ret_next = end;
    return count;
}

static size_t half_memory(const struct gf_table_half *half)
{
    if (half->allocated == 0)
        return 0;
    return (size_t)half->allocated * sizeof(struct gf_bucket) + gf_alloc_size(half->segments);
}

size_t gf_table_memory(const struct gf_table *table)
{
    size_t size = half_memory(&table->half[0]) + half_memory(&table->half[1]);

    /* Segments behind the frontier are gone. */
    if (table_is_changing(table) && !half_is_small(&table->half[0]))
        size -= (size_t)table->frontier_bucket / GF_SEGMENT_BUCKETS * GF_PAGE_SIZE;
    return size;
}

static uint64_t half_check(const struct gf_table *table, uint32_t which)
{
    const struct gf_table_half *half = &table->half[which];
    uint64_t count = 0;

    for (uint32_t index = 0; index < half->allocated; index++) {
        struct gf_bucket *bucket;

        if (!half->segments[index / GF_SEGMENT_BUCKETS])
            continue;
        bucket = gf_half_bucket(half, index);
        for (uint32_t used = gf_bucket_used(bucket); used; used &= used - 1) {
            uint32_t slot = (uint32_t)__builtin_ctz(used);
            struct gf_object *object = gf_bucket_object(bucket, slot);
            uint64_t hash = gf_table_hash(table, object);
            struct gf_table_place place;
            bool found = gf_table_locate(table, hash, object, &place);

            GF_ASSERT(bucket->tags[slot] == gf_table_tag(hash));
            GF_ASSERT(gf_table_half_of(table, hash) == which);
            GF_ASSERT(found);
            GF_ASSERT(place.bucket == bucket);
            GF_ASSERT(place.slot == slot);
            GF_ASSERT(!(object->flags & GF_OBJECT_EXPIRE) || bucket->meta & GF_BUCKET_VOLATILE);
            count++;
        }
    }
    return count;
}

/* Sum of the passed counts, and of the distances from home; equal while no count was lost. */
static void half_check_passed(const struct gf_table *table, uint32_t which)
{
    const struct gf_table_half *half = &table->half[which];
    uint64_t passed = 0;
    uint64_t distance = 0;

    for (uint32_t index = 0; index < half->allocated; index++) {
        struct gf_bucket *bucket;

        if (!half->segments[index / GF_SEGMENT_BUCKETS])
            continue;
        bucket = gf_half_bucket(half, index);
        if (bucket_passed(bucket) == GF_BUCKET_PASSED)
            return;
        /* What is left in buckets that have been moved means nothing. */
        if (which == 1 || index >= table->frontier_bucket)
            passed += bucket_passed(bucket);
        for (uint32_t used = gf_bucket_used(bucket); used; used &= used - 1) {
            uint32_t slot = (uint32_t)__builtin_ctz(used);
            uint64_t hash = gf_table_hash(table, gf_bucket_object(bucket, slot));

            distance += index - gf_half_home(half, hash);
        }
    }
    GF_ASSERT(passed == distance);
}

void gf_table_check(const struct gf_table *table)
{
    GF_ASSERT(half_check(table, 0) + half_check(table, 1) == table->count);
    half_check_passed(table, 0);
    half_check_passed(table, 1);
    GF_ASSERT(table_is_changing(table) || table->frontier == 0);
    GF_ASSERT(table->frontier_bucket < table->half[0].buckets);
}
