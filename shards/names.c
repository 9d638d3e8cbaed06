/* Linear hashing over intrusive chains. */
#include "shards/names.h"

#include <string.h>

#include "core/assert.h"

#define CAPACITY_MIN 8u

/* Buckets below `count - capacity / 2` are split already: they are chosen by one bit more. */
static uint32_t bucket_of(const struct gf_names *names, uint64_t hash)
{
    uint32_t bucket = (uint32_t)hash & (names->capacity - 1);

    return bucket < names->buckets_count ? bucket : bucket - names->capacity / 2;
}

void gf_names_deinit(struct gf_names *names)
{
    gf_free(GF_MEMORY_OTHER, names->buckets);
    *names = (struct gf_names){0};
}

static void names_resize(struct gf_names *names, uint32_t capacity)
{
    struct gf_named **buckets = gf_alloc_zero(GF_MEMORY_OTHER, capacity * sizeof(*buckets));

    if (names->buckets)
        memcpy(buckets, names->buckets, names->buckets_count * sizeof(*buckets));
    gf_free(GF_MEMORY_OTHER, names->buckets);
    names->buckets = buckets;
    names->capacity = capacity;
}

/* One bucket more: what belongs there is in exactly one other. */
static void names_split(struct gf_names *names)
{
    uint32_t made = names->buckets_count;
    struct gf_named **from;

    if (made == names->capacity)
        names_resize(names, names->capacity * 2);
    from = &names->buckets[made - names->capacity / 2];
    names->buckets_count++;
    while (*from) {
        struct gf_named *named = *from;

        if (bucket_of(names, named->hash) == made) {
            *from = named->next;
            named->next = names->buckets[made];
            names->buckets[made] = named;
        } else {
            from = &named->next;
        }
    }
}

/* One bucket less: its things go back to where they came from. */
static void names_merge(struct gf_names *names)
{
    uint32_t last = names->buckets_count - 1;
    struct gf_named *moved;
    struct gf_named **end;

    if (names->buckets_count == names->capacity / 2)
        names_resize(names, names->capacity / 2);
    moved = names->buckets[last];
    end = &names->buckets[last - names->capacity / 2];
    while (*end)
        end = &(*end)->next;
    *end = moved;
    names->buckets[last] = NULL;
    names->buckets_count--;
}

void gf_names_add(struct gf_names *names, struct gf_named *named, uint64_t hash)
{
    uint32_t bucket;

    if (!names->buckets) {
        names_resize(names, CAPACITY_MIN);
        names->buckets_count = CAPACITY_MIN / 2;
    }
    if (names->count >= names->buckets_count)
        names_split(names);
    bucket = bucket_of(names, hash);
    named->hash = hash;
    named->next = names->buckets[bucket];
    names->buckets[bucket] = named;
    names->count++;
}

void gf_names_remove(struct gf_names *names, struct gf_named *named)
{
    struct gf_named **at;

    GF_ASSERT(names->count > 0);
    for (at = &names->buckets[bucket_of(names, named->hash)]; *at != named; at = &(*at)->next)
        GF_ASSERT(*at != NULL);
    *at = named->next;
    named->next = NULL;
    names->count--;
    if (names->count == 0)
        gf_names_deinit(names);
    else if (names->count < names->buckets_count / 2 && names->buckets_count > CAPACITY_MIN)
        names_merge(names);
}

struct gf_named *gf_names_next(const struct gf_named *named)
{
    struct gf_named *next = named->next;

    while (next && next->hash != named->hash)
        next = next->next;
    return next;
}

struct gf_named *gf_names_find(const struct gf_names *names, uint64_t hash)
{
    struct gf_named *named = names->count > 0 ? names->buckets[bucket_of(names, hash)] : NULL;

    while (named && named->hash != hash)
        named = named->next;
    return named;
}

struct gf_named *gf_names_at(const struct gf_names *names, uint32_t index)
{
    if (names->count == 0)
        return NULL;
    index %= names->buckets_count;
    while (!names->buckets[index])
        index = index + 1 < names->buckets_count ? index + 1 : 0;
    return names->buckets[index];
}

void gf_names_check(const struct gf_names *names)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < names->buckets_count; i++) {
        for (const struct gf_named *named = names->buckets[i]; named; named = named->next) {
            GF_ASSERT(bucket_of(names, named->hash) == i);
            count++;
        }
    }
    GF_ASSERT(count == names->count);
    GF_ASSERT(names->buckets_count <= names->capacity);
    GF_ASSERT(names->buckets_count >= names->capacity / 2 || names->count == 0);
}
