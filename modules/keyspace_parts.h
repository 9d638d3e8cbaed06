/* What the files of the keyspace share: keyspace.c (single keys), walk.c (everything that goes
 * through many), access.c (who was used when), heap.c (moving objects). Private to them. */
#pragma once

#include "core/list.h"
#include "modules/heap.h"
#include "modules/keyspace.h"
#include "modules/table.h"

/* A structure on its way out. */
struct gf_dying {
    void *value;
    uint8_t type;
};

struct gf_keyspace {
    struct gf_table table;                         /* first: the prefetches count on it */
    const struct gf_keyspace_context *context;     /* borrowed */
    struct gf_heap *heap;                          /* the context's, or its own */
    uint64_t volatile_count;                       /* objects with an expiry */
    uint64_t going_count;                          /* objects with GF_ENCODING_GOES */
    __extension__ unsigned __int128 expire_sum_ms; /* sum of their expire_ms */
    uint64_t random;                               /* state of the coin for access counts */
    struct gf_link heap_link;                      /* heap->keyspaces */
    struct gf_dying *dying;                        /* owned; structures being freed in slices */
    uint32_t dying_count;
    uint64_t made_hash; /* of the last key that a put made */
    uint64_t made_ms;   /* when; 0 = asked for already */
    bool made_over_expired;
    uint32_t expire_line; /* where the next expiry slice goes on */
    uint32_t purge_line;  /* the next purge slice */
    uint32_t clear_line;  /* and the next clear slice */
    bool heap_owned;
};

/* gf_keyspace_value_is_gone - the slow half of gf_keyspace_is_expired: gf_type.gone. */
bool gf_keyspace_value_is_gone(const struct gf_keyspace *keyspace, const struct gf_object *object,
                               uint64_t now_ms);

/* gf_object_is_over - its own expiry has passed. */
static inline bool gf_object_is_over(const struct gf_object *object, uint64_t now_ms)
{
    return (object->flags & GF_OBJECT_EXPIRE) != 0 && gf_object_expire_ms(object) <= now_ms;
}

/* gf_keyspace_is_expired - the object counts as absent. */
static inline bool gf_keyspace_is_expired(const struct gf_keyspace *keyspace,
                                          const struct gf_object *object, uint64_t now_ms)
{
    if (GF_UNLIKELY(gf_object_goes(object)) && gf_keyspace_value_is_gone(keyspace, object, now_ms))
        return true;
    return gf_object_is_over(object, now_ms);
}

/* gf_keyspace_drop - remove the object at `place` and free it. Returns the bytes it occupied, not
 * counting a structure that is freed in slices. */
size_t gf_keyspace_drop(struct gf_keyspace *keyspace, uint64_t hash,
                        const struct gf_table_place *place);

/* gf_keyspace_going - tells who listens that an object goes by itself. */
static inline void gf_keyspace_going(const struct gf_keyspace *keyspace,
                                     const struct gf_object *object, uint32_t class)
{
    if (GF_UNLIKELY(keyspace->context->gone != NULL))
        keyspace->context->gone(keyspace->context, keyspace, object, class);
}

/* gf_keyspace_object_free - free an object that is in no bucket any more, and what it holds. */
void gf_keyspace_object_free(struct gf_keyspace *keyspace, struct gf_object *object);

/* gf_object_access_init, gf_object_access_touch - a new object's, a used one's access field;
 * gf_object_access_count - the slow half of it: counted, or not to be touched at all. */
void gf_object_access_init(const struct gf_keyspace_context *context, struct gf_object *object,
                           uint64_t now_ms);
void gf_object_access_count(struct gf_keyspace *keyspace, struct gf_object *object,
                            uint64_t now_ms);

#define GF_ACCESS_TICK_SHIFT 6 /* one tick of the access clock is 64 ms */
#define GF_ACCESS_MASK ((1u << GF_OBJECT_ACCESS_BITS) - 1)

static inline void gf_object_access_touch(struct gf_keyspace *keyspace, struct gf_object *object,
                                          uint64_t now_ms)
{
    if (GF_UNLIKELY(keyspace->context->lfu | keyspace->context->untouched)) {
        gf_object_access_count(keyspace, object, now_ms);
    } else {
        uint32_t ticks = (uint32_t)(now_ms >> GF_ACCESS_TICK_SHIFT) & GF_ACCESS_MASK;

        if (object->access != ticks) /* a hot key's line stays clean */
            object->access = ticks & GF_ACCESS_MASK;
    }
}
