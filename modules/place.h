/* A key and where it lives: keyspace and hash, found once per command.
 *
 * The generic commands work on any key of any database they were given, so they all begin by
 * turning a word into one of these. Nothing is owned; a place is good while its word and its
 * keyspace are.
 */
#pragma once

#include <stdint.h>

#include "core/bytes.h"
#include "modules/keyspace.h"
#include "modules/lookups.h"
#include "modules/module.h"

struct gf_place {
    struct gf_keyspace *keyspace; /* borrowed */
    struct gf_bytes key;          /* view of a word */
    uint64_t hash;                /* of `key` */
};

/* gf_place_of - the place of any key of the command, in any database. */
static inline struct gf_place gf_place_of(struct gf_exec *x, uint32_t db, struct gf_bytes key)
{
    struct gf_keyspace *keyspace = x->space->find(x->space, db, key);
    uint64_t seed = gf_keyspace_context_of(keyspace)->hash_seed;

    return (struct gf_place){.keyspace = keyspace, .key = key, .hash = gf_keyspace_hash(seed, key)};
}

/* gf_place_next - the place of the next word in the selected database. The first key's was already
 * looked up by whoever made the exec. */
static inline struct gf_place gf_place_next(struct gf_exec *x)
{
    bool first = x->args->index == (uint32_t)x->command->key_first;
    struct gf_bytes key = gf_args_next(x->args);

    if (!first)
        return gf_place_of(x, x->db, key);
    return (struct gf_place){.keyspace = x->keyspace, .key = key, .hash = x->key_hash};
}

/* gf_place_find, gf_place_peek - the live object there, counted as an access or not; or NULL. */
static inline struct gf_object *gf_place_find(struct gf_exec *x, const struct gf_place *place)
{
    struct gf_object *object =
        gf_keyspace_find(place->keyspace, place->hash, place->key, x->now_ms);

    gf_exec_looked_up(x, place->key, object != NULL);
    return object;
}

static inline struct gf_object *gf_place_peek(struct gf_exec *x, const struct gf_place *place)
{
    struct gf_object *object =
        gf_keyspace_peek(place->keyspace, place->hash, place->key, x->now_ms);

    gf_exec_looked_up(x, place->key, object != NULL);
    return object;
}

/* gf_place_type - the type of an object found there. */
static inline const struct gf_type *gf_place_type(const struct gf_place *place,
                                                  const struct gf_object *object)
{
    return gf_keyspace_context_of(place->keyspace)->types[gf_object_type(object)];
}
