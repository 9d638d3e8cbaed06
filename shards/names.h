/* A set of named things: a hash table that grows and shrinks by one bucket at a time.
 *
 * What is in it begins with a gf_named, so nothing is allocated for it here but the buckets. The
 * caller knows what a name is: it walks the few things of one hash and compares.
 *
 *     for (struct gf_named *at = gf_names_find(names, hash); at; at = gf_names_next(at))
 *
 * The number of buckets follows the number of things (linear hashing): with every one more, one
 * bucket is split in two; there is no moment at which everything moves.
 */
#pragma once

#include <stdint.h>

#include "core/alloc.h"

struct gf_named {
    struct gf_named *next; /* in its bucket */
    uint64_t hash;
};

/* Invariants (gf_names_check walks them):
 *   a thing is in the bucket that its hash chooses
 *   count is the number of things; buckets_count <= max(count, 1) rounded up to what was needed
 */
struct gf_names {
    struct gf_named **buckets; /* owned; NULL until the first thing */
    uint32_t buckets_count;
    uint32_t capacity; /* of the array: a power of two */
    uint32_t count;
};

void gf_names_deinit(struct gf_names *names);

void gf_names_add(struct gf_names *names, struct gf_named *named, uint64_t hash);
/* gf_names_remove - it is there. */
void gf_names_remove(struct gf_names *names, struct gf_named *named);

/* gf_names_find - the first thing with this hash, or NULL. gf_names_next - the next one. */
struct gf_named *gf_names_find(const struct gf_names *names, uint64_t hash);
struct gf_named *gf_names_next(const struct gf_named *named);

/* gf_names_at - any thing from bucket `index` on, wrapping round; NULL when there is none. */
struct gf_named *gf_names_at(const struct gf_names *names, uint32_t index);

/* gf_names_size - bytes of the buckets. */
static inline size_t gf_names_size(const struct gf_names *names)
{
    return names->capacity * sizeof(*names->buckets);
}

void gf_names_check(const struct gf_names *names);
