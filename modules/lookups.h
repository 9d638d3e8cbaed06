/* Keys that commands looked for, found and not found. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "modules/module.h"

/* INFO's keyspace_hits and keyspace_misses; and part of its expired_subkeys. */
struct gf_lookups {
    uint64_t hits;
    uint64_t misses;
    uint64_t fields_expired; /* found to have had their time, and removed */
};

/* gf_exec_count_lookup - a hit or a miss, and no event. */
static inline void gf_exec_count_lookup(const struct gf_exec *x, bool found)
{
    if (x->lookups) {
        x->lookups->hits += found;
        x->lookups->misses += !found;
    }
}

/* gf_exec_answered - a key of the selected database was looked for to answer what it holds; counts
 * in any command, and not finding it is an event. */
static inline void gf_exec_answered(struct gf_exec *x, struct gf_bytes key, bool found)
{
    gf_exec_count_lookup(x, found);
    if (!found)
        gf_exec_event(x, x->db, key, GF_EVENT_KEY_MISS, "keymiss");
}

/* gf_exec_looked_up - a key was looked for; counts in commands that only read, because those that
 * write look for keys that need not exist. */
static inline void gf_exec_looked_up(struct gf_exec *x, struct gf_bytes key, bool found)
{
    if (x->command->flags & GF_READ)
        gf_exec_answered(x, key, found);
}
