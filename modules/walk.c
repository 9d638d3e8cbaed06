/* Everything that goes through many keys of a keyspace: scans, random keys, expiry, clearing. */
#include "core/assert.h"
#include "core/random.h"
#include "modules/keyspace_parts.h"
#include "modules/module.h"

#define HASH_END (UINT64_C(1) << 32) /* one behind the last upper half of a hash */
#define CURSOR_SHIFT 16              /* a cursor is the upper 48 bits of a hash */
#define SCAN_BUCKETS_PER_KEY 10u     /* a scan looks at so many buckets for each key wanted… */
#define SCAN_BUCKETS_MIN 64u         /* …and so many more, then gives up until the next call */
#define RANDOM_CANDIDATES 16u        /* keys in a row from which a random one is chosen */
#define RANDOM_BUCKETS_MAX 4096u
#define DYING_ELEMENTS_PER_STEP 16u /* cost about as much as moving one bucket */

/* A scan in the making. */
struct scan {
    const struct gf_keyspace *keyspace;
    uint32_t count;   /* wanted */
    uint32_t visited; /* so far */
    uint64_t last;    /* cursor position of the last one visited */
    uint64_t now_ms;
    void (*visit)(void *context, struct gf_object *object);
    void *context;
};

/* Visit live objects of one range; false when there are enough and *ret_cursor says where the first
 * one not visited is. Keys of one position go together: the cursor cannot come between. */
static bool scan_entries(struct scan *scan, const struct gf_table_entry *entries, uint32_t count,
                         uint64_t *ret_cursor)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t position = entries[i].hash >> CURSOR_SHIFT;

        if (gf_keyspace_is_expired(scan->keyspace, entries[i].object, scan->now_ms))
            continue;
        if (scan->visited >= scan->count && position != scan->last) {
            *ret_cursor = position;
            return false;
        }
        scan->visit(scan->context, entries[i].object);
        scan->visited++;
        scan->last = position;
    }
    return true;
}

uint64_t gf_keyspace_scan(struct gf_keyspace *keyspace, uint64_t cursor, uint32_t count,
                          uint64_t now_ms, void (*visit)(void *context, struct gf_object *object),
                          void *context)
{
    struct scan scan = {.keyspace = keyspace,
                        .count = count ? count : 1,
                        .now_ms = now_ms,
                        .last = UINT64_MAX,
                        .visit = visit,
                        .context = context};
    uint64_t budget = (uint64_t)scan.count * SCAN_BUCKETS_PER_KEY + SCAN_BUCKETS_MIN;
    struct gf_table_entry entries[GF_GATHER_MAX];
    uint64_t hash = cursor << CURSOR_SHIFT;
    uint64_t next;

    if (cursor >> (64 - CURSOR_SHIFT) != 0 || keyspace->table.count == 0)
        return 0;
    for (; budget > 0; budget--) {
        uint32_t found = gf_table_gather(&keyspace->table, hash, entries, &next);

        if (!scan_entries(&scan, entries, found, &cursor))
            return cursor;
        if (next == HASH_END)
            return 0;
        hash = next << 32;
    }
    return hash >> CURSOR_SHIFT;
}

/* Live keys in a row from a random place on; one of them. Where keys stand on the line of hashes is
 * random itself, and a key's chance is proportional to the 16 gaps before it. */
struct gf_object *gf_keyspace_random(struct gf_keyspace *keyspace, uint64_t seed, uint64_t now_ms)
{
    struct gf_table_entry entries[GF_GATHER_MAX];
    struct gf_object *live[RANDOM_CANDIDATES];
    uint64_t hash = gf_random_next(&seed);
    uint32_t count = 0;
    uint64_t next;

    if (keyspace->table.count == 0)
        return NULL;
    for (uint32_t budget = RANDOM_BUCKETS_MAX; budget > 0 && count < RANDOM_CANDIDATES; budget--) {
        uint32_t found = gf_table_gather(&keyspace->table, hash, entries, &next);

        for (uint32_t i = 0; i < found && count < RANDOM_CANDIDATES; i++)
            if (!gf_keyspace_is_expired(keyspace, entries[i].object, now_ms))
                live[count++] = entries[i].object;
        hash = next == HASH_END ? 0 : next << 32; /* round and round: few keys are met again */
    }
    return count ? live[gf_random_next(&seed) % count] : NULL;
}

/* Is any object's time over? Where none has an expiry at all, the bucket forgets that one had. */
static bool bucket_has_expired(struct gf_bucket *bucket, uint64_t now_ms)
{
    bool any_expires = false;

    for (uint32_t used = gf_bucket_used(bucket); used; used &= used - 1) {
        const struct gf_object *object = gf_bucket_object(bucket, (uint32_t)__builtin_ctz(used));

        if (gf_object_is_over(object, now_ms))
            return true;
        any_expires =
            any_expires || gf_object_goes(object) || (object->flags & GF_OBJECT_EXPIRE) != 0;
    }
    if (!any_expires)
        bucket->meta &= (uint8_t)~GF_BUCKET_VOLATILE;
    return false;
}

/* Removing moves the frontier, which may free the bucket: collect first, then remove. */
static uint32_t bucket_remove_expired(struct gf_keyspace *keyspace, struct gf_bucket *bucket,
                                      uint64_t now_ms)
{
    struct gf_table_entry expired[GF_BUCKET_SLOTS];
    uint32_t count = 0;

    for (uint32_t used = gf_bucket_used(bucket); used; used &= used - 1) {
        struct gf_object *object = gf_bucket_object(bucket, (uint32_t)__builtin_ctz(used));

        if (gf_object_is_over(object, now_ms))
            expired[count++] = (struct gf_table_entry){
                .hash = gf_table_hash(&keyspace->table, object), .object = object};
    }
    for (uint32_t i = 0; i < count; i++) {
        gf_keyspace_going(keyspace, expired[i].object, GF_EVENT_EXPIRED);
        gf_keyspace_remove(keyspace, expired[i].hash, expired[i].object);
    }
    return count;
}

uint32_t gf_keyspace_expire_slice(struct gf_keyspace *keyspace, uint32_t budget, uint64_t now_ms)
{
    uint32_t lines = gf_table_lines(&keyspace->table);
    uint32_t removed = 0;

    if (budget > lines)
        budget = lines;
    for (; budget > 0 && keyspace->volatile_count > 0; budget--) {
        struct gf_bucket *bucket;

        if (keyspace->expire_line >= gf_table_lines(&keyspace->table))
            keyspace->expire_line = 0;
        bucket = gf_table_line(&keyspace->table, keyspace->expire_line++);
        if (!bucket || !(bucket->meta & GF_BUCKET_VOLATILE))
            continue;
        if (bucket_has_expired(bucket, now_ms))
            removed += bucket_remove_expired(keyspace, bucket, now_ms);
    }
    return removed;
}

/* Free one dying structure's elements; true when none is dying any more. */
static bool dying_step(struct gf_keyspace *keyspace)
{
    struct gf_dying *last;

    if (keyspace->dying_count == 0)
        return true;
    last = &keyspace->dying[keyspace->dying_count - 1];
    if (keyspace->context->types[last->type]->free_slice(last->value, DYING_ELEMENTS_PER_STEP))
        keyspace->dying_count--;
    return keyspace->dying_count == 0;
}

/* Out of use means: the table need not be kept in order, only emptied. */
bool gf_keyspace_clear_slice(struct gf_keyspace *keyspace, uint32_t budget)
{
    while (budget > 0 && keyspace->table.count > 0) {
        struct gf_bucket *bucket;

        GF_ASSERT(keyspace->clear_line < gf_table_lines(&keyspace->table));
        bucket = gf_table_line(&keyspace->table, keyspace->clear_line++);
        if (!bucket) {
            budget--; /* behind the frontier of a large table there are many of these */
            continue;
        }
        for (uint32_t used = gf_bucket_used(bucket); used; used &= used - 1) {
            uint32_t slot = (uint32_t)__builtin_ctz(used);

            bucket->tags[slot] = 0;
            keyspace->table.count--;
            gf_keyspace_object_free(keyspace, gf_bucket_object(bucket, slot));
        }
        budget -= budget < GF_BUCKET_SLOTS ? budget : GF_BUCKET_SLOTS;
    }
    for (; budget > 0 && !dying_step(keyspace); budget--)
        continue;
    keyspace->volatile_count = 0;
    keyspace->going_count = 0;
    keyspace->expire_sum_ms = 0;
    return keyspace->table.count == 0 && keyspace->dying_count == 0;
}

bool gf_keyspace_work_slice(struct gf_keyspace *keyspace, uint32_t budget)
{
    bool more = gf_table_step(&keyspace->table, budget);

    for (; budget > 0 && !dying_step(keyspace); budget--)
        continue;
    more |= keyspace->dying_count > 0;
    /* A page of small objects is worth about eight buckets. */
    if (!more)
        more = gf_heap_work_slice(keyspace->heap, (budget + 7) / 8);
    return more;
}

bool gf_keyspace_compact(struct gf_keyspace *keyspace)
{
    return gf_heap_work_slice(keyspace->heap, 1);
}

void gf_keyspace_check(const struct gf_keyspace *keyspace)
{
    uint64_t volatile_count = 0;
    uint64_t going_count = 0;
    __extension__ unsigned __int128 expire_sum_ms = 0;

    gf_table_check(&keyspace->table);
    for (uint32_t line = 0; line < gf_table_lines(&keyspace->table); line++) {
        const struct gf_bucket *bucket = gf_table_line(&keyspace->table, line);

        if (!bucket)
            continue;
        for (uint32_t used = gf_bucket_used(bucket); used; used &= used - 1) {
            struct gf_object *object = gf_bucket_object(bucket, (uint32_t)__builtin_ctz(used));

            volatile_count += (object->flags & GF_OBJECT_EXPIRE) != 0;
            going_count += gf_object_goes(object);
            expire_sum_ms += gf_object_expire_ms(object);
        }
    }
    GF_ASSERT(volatile_count == keyspace->volatile_count);
    GF_ASSERT(going_count == keyspace->going_count);
    GF_ASSERT(expire_sum_ms == keyspace->expire_sum_ms);
    gf_slab_check(&keyspace->heap->slab);
}
