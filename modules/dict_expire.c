/* When entries go: per bucket the time of the first one, and per segment and dict a time that none
 * comes before, so that the few whose time has come are found without looking at the others. */
#include "core/alloc.h"
#include "modules/dict_parts.h"

bool gf_dict_expiries_reserve(struct gf_dict *dict, uint32_t index)
{
    struct gf_dict_segment *segment = dict->segments[index / GF_DICT_SEGMENT];
    uint32_t room = gf_dict_segment_room(dict, index / GF_DICT_SEGMENT);

    if (segment->expiries)
        return true;
    segment->expiries = gf_alloc_try(GF_MEMORY_DATA, room * sizeof(segment->expiries[0]));
    if (!segment->expiries)
        return false;
    for (uint32_t i = 0; i < room; i++)
        segment->expiries[i] = UINT64_MAX;
    return true;
}

uint64_t gf_dict_bucket_first_expire(const struct gf_dict *dict,
                                     const struct gf_dict_bucket *bucket)
{
    uint64_t first_ms = UINT64_MAX;
    const char *at;

    if (!gf_dict_bucket_expiring(bucket))
        return UINT64_MAX;
    at = bucket->entries;
    for (uint32_t i = 0; i < bucket->count; i++) {
        struct gf_dict_entry entry;

        at = gf_dict_entry_read(dict, true, at, &entry);
        if (entry.expire_ms != 0 && entry.expire_ms < first_ms)
            first_ms = entry.expire_ms;
    }
    return first_ms;
}

void gf_dict_expiries_note(struct gf_dict *dict, uint32_t index)
{
    struct gf_dict_segment *segment = dict->segments[index / GF_DICT_SEGMENT];
    uint64_t first_ms = gf_dict_bucket_first_expire(dict, *gf_dict_slot(dict, index));

    if (!segment->expiries) {
        GF_ASSERT(first_ms == UINT64_MAX);
        return;
    }
    segment->expiries[index % GF_DICT_SEGMENT] = first_ms;
    if (first_ms < segment->first_expire_ms)
        segment->first_expire_ms = first_ms;
    if (first_ms < dict->first_expire_ms)
        dict->first_expire_ms = first_ms;
}

/* The next bucket, from `index` on, with an entry whose time has come; or buckets_count. */
static uint32_t bucket_next_expired(const struct gf_dict *dict, uint32_t index, uint64_t now_ms)
{
    while (index < dict->buckets_count) {
        const struct gf_dict_segment *segment = dict->segments[index / GF_DICT_SEGMENT];

        if (!segment->expiries || segment->first_expire_ms > now_ms) {
            index = (index / GF_DICT_SEGMENT + 1) * GF_DICT_SEGMENT;
            continue;
        }
        if (segment->expiries[index % GF_DICT_SEGMENT] <= now_ms)
            return index;
        index++;
    }
    return dict->buckets_count;
}

uint64_t gf_dict_expired_count(const struct gf_dict *dict, uint64_t now_ms)
{
    uint64_t count = 0;

    if (GF_LIKELY(dict->first_expire_ms > now_ms))
        return 0;
    for (uint32_t index = bucket_next_expired(dict, 0, now_ms); index < dict->buckets_count;
         index = bucket_next_expired(dict, index + 1, now_ms)) {
        const struct gf_dict_bucket *bucket = *gf_dict_slot(dict, index);
        const char *at = bucket->entries;

        for (uint32_t i = 0; i < bucket->count; i++) {
            struct gf_dict_entry entry;

            at = gf_dict_entry_read(dict, bucket->expiring, at, &entry);
            count += entry.expire_ms != 0 && entry.expire_ms <= now_ms;
        }
    }
    return count;
}

/* Every entry of the table has an expiry: is there one whose time has not come? */
static bool bucket_has_living(const struct gf_dict *dict, uint32_t index, uint64_t now_ms)
{
    const struct gf_dict_bucket *bucket = *gf_dict_slot(dict, index);
    const char *at = bucket ? bucket->entries : NULL;

    for (uint32_t i = 0; bucket && i < bucket->count; i++) {
        struct gf_dict_entry entry;

        at = gf_dict_entry_read(dict, bucket->expiring, at, &entry);
        if (entry.expire_ms > now_ms)
            return true;
    }
    return false;
}

bool gf_dict_is_over(struct gf_dict *dict, uint64_t now_ms)
{
    if (dict->first_expire_ms > now_ms || dict->expiring_count < dict->count)
        return false;
    if (dict->last_expire_ms <= now_ms)
        return true;
    for (uint32_t looks = 0; looks < dict->buckets_count; looks++, dict->living++) {
        if (dict->living >= dict->buckets_count)
            dict->living = 0;
        if (bucket_has_living(dict, dict->living, now_ms))
            return false;
    }
    return true;
}

/* One expired entry of a bucket; false when there is none any more. */
static bool bucket_purge_one(struct gf_dict *dict, uint32_t index, uint64_t now_ms)
{
    struct gf_dict_place place = {.index = index, .bucket = gf_dict_slot(dict, index)};
    const struct gf_dict_bucket *bucket = *place.bucket;
    const char *at;

    if (!gf_dict_bucket_expiring(bucket))
        return false;
    at = bucket->entries;
    for (uint32_t i = 0; i < bucket->count; i++) {
        struct gf_dict_entry entry;
        const char *next = gf_dict_entry_read(dict, true, at, &entry);

        if (entry.expire_ms != 0 && entry.expire_ms <= now_ms) {
            place.offset = (size_t)(at - bucket->entries);
            gf_dict_remove_at(dict, &place);
            return true;
        }
        at = next;
    }
    return false;
}

/* The bound of a segment as tight as it can be: nobody looks into it again before it is time. */
static void segment_tighten(struct gf_dict *dict, uint32_t start)
{
    struct gf_dict_segment *segment = dict->segments[start / GF_DICT_SEGMENT];
    uint32_t count = dict->buckets_count - start;

    segment->first_expire_ms = UINT64_MAX;
    for (uint32_t i = 0; i < count && i < GF_DICT_SEGMENT; i++)
        if (segment->expiries[i] < segment->first_expire_ms)
            segment->first_expire_ms = segment->expiries[i];
}

static void dict_tighten(struct gf_dict *dict)
{
    dict->first_expire_ms = UINT64_MAX;
    if (dict->expiring_count == 0)
        dict->last_expire_ms = 0;
    for (uint32_t start = 0; start < dict->buckets_count; start += GF_DICT_SEGMENT) {
        const struct gf_dict_segment *segment = dict->segments[start / GF_DICT_SEGMENT];

        if (segment->first_expire_ms < dict->first_expire_ms)
            dict->first_expire_ms = segment->first_expire_ms;
    }
}

/* Purge `*budget` buckets of the segment that begins with the bucket `start`. The table may shrink
 * meanwhile, even to nothing. */
static uint64_t segment_purge(struct gf_dict *dict, uint32_t start, uint64_t now_ms,
                              uint32_t *budget)
{
    uint32_t end = start + GF_DICT_SEGMENT;
    uint32_t index = bucket_next_expired(dict, start, now_ms);
    uint64_t purged = 0;

    for (; *budget > 0 && index < end && index < dict->buckets_count; (*budget)--) {
        while (index < dict->buckets_count && bucket_purge_one(dict, index, now_ms))
            purged++;
        index = bucket_next_expired(dict, index + 1, now_ms);
    }
    if (*budget > 0 && start < dict->buckets_count)
        segment_tighten(dict, start);
    return purged;
}

uint64_t gf_dict_purge(struct gf_dict *dict, uint64_t now_ms, uint32_t budget)
{
    uint64_t purged = 0;

    if (GF_LIKELY(dict->first_expire_ms > now_ms))
        return 0;
    for (uint32_t start = 0; budget > 0 && start < dict->buckets_count; start += GF_DICT_SEGMENT)
        if (dict->segments[start / GF_DICT_SEGMENT]->first_expire_ms <= now_ms)
            purged += segment_purge(dict, start, now_ms, &budget);
    if (budget > 0)
        dict_tighten(dict);
    return purged;
}
