/* Everything that goes through many entries: walks, scans, random choices. */
#include "core/random.h"
#include "modules/dict_parts.h"

void gf_dict_walk_init(struct gf_dict_walk *walk, const struct gf_dict *dict)
{
    *walk = (struct gf_dict_walk){.dict = dict};
}

bool gf_dict_walk_next(struct gf_dict_walk *walk, struct gf_dict_entry *ret_entry)
{
    while (walk->left == 0) {
        const struct gf_dict_bucket *bucket;

        if (walk->bucket == walk->dict->buckets_count)
            return false;
        bucket = *gf_dict_slot(walk->dict, walk->bucket++);
        if (!bucket)
            continue;
        walk->left = bucket->count;
        walk->expiring = bucket->expiring;
        walk->at = bucket->entries;
    }
    walk->left--;
    walk->at = gf_dict_entry_read(walk->dict, walk->expiring, walk->at, ret_entry);
    return true;
}

static uint64_t bits_reverse(uint64_t bits)
{
    bits = __builtin_bswap64(bits);
    bits = (bits & 0x0f0f0f0f0f0f0f0fu) << 4 | (bits >> 4 & 0x0f0f0f0f0f0f0f0fu);
    bits = (bits & 0x3333333333333333u) << 2 | (bits >> 2 & 0x3333333333333333u);
    return (bits & 0x5555555555555555u) << 1 | (bits >> 1 & 0x5555555555555555u);
}

/* A cursor is a hash, and a bucket is all hashes that end with the same bits: those hashes are an
 * interval when hashes are ordered by their bits from the last to the first. Splitting a bucket
 * cuts its interval in two, merging joins two, so whatever happens to the table, what is before a
 * cursor in this order stays before it. The next cursor is the end of the bucket's interval. */
static uint64_t cursor_next(const struct gf_dict *dict, uint32_t index, uint64_t cursor)
{
    uint32_t mask = gf_dict_mask(dict->buckets_count);

    /* Not split yet in this round: its top bit does not count. */
    if (index <= mask >> 1 && (index | (mask ^ mask >> 1)) >= dict->buckets_count)
        mask >>= 1;
    return bits_reverse(bits_reverse(cursor | ~(uint64_t)mask) + 1);
}

uint64_t gf_dict_scan(const struct gf_dict *dict, uint64_t cursor, uint64_t count,
                      void (*visit)(void *context, const struct gf_dict_entry *entry),
                      void *context)
{
    uint64_t visited = 0;
    uint64_t empty = 0;

    if (dict->buckets_count == 0)
        return 0;
    do {
        uint32_t index = gf_dict_bucket_index(dict, cursor);
        const struct gf_dict_bucket *bucket = *gf_dict_slot(dict, index);
        const char *at = bucket ? bucket->entries : NULL;

        for (uint32_t i = 0; bucket && i < bucket->count; i++, visited++) {
            struct gf_dict_entry entry;

            at = gf_dict_entry_read(dict, bucket->expiring, at, &entry);
            visit(context, &entry);
        }
        empty += bucket == NULL;
        cursor = cursor_next(dict, index, cursor);
    } while (cursor != 0 && visited + empty < count);
    return cursor;
}

static uint64_t random_below(uint64_t *seed, uint64_t limit)
{
    return (uint64_t)(__extension__(unsigned __int128) gf_random_next(seed) * limit >> 64);
}

/* A dart at a board of buckets_count times `largest` fields, again and again until it hits an
 * entry. */
void gf_dict_random(const struct gf_dict *dict, uint64_t *seed, struct gf_dict_entry *ret_entry)
{
    GF_ASSERT(dict->count > 0);
    for (;;) {
        uint32_t index = (uint32_t)random_below(seed, dict->buckets_count);
        uint64_t chosen = random_below(seed, dict->largest);
        const struct gf_dict_bucket *bucket = *gf_dict_slot(dict, index);
        const char *at;

        if (!bucket || chosen >= bucket->count)
            continue;
        at = bucket->entries;
        while (chosen-- > 0)
            at = gf_dict_entry_next(dict, bucket->expiring, at);
        gf_dict_entry_read(dict, bucket->expiring, at, ret_entry);
        return;
    }
}
