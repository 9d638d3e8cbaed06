/* Keys that commands looked for, found and not found. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "modules/module.h"

/* INFO's keyspace_hits and keyspace_misses. */
struct gf_lookups {
    uint64_t hits;
    uint64_t misses;
};

/* gf_exec_answered - a key was looked for to answer what it holds; counts in any command. */
static inline void gf_exec_answered(const struct gf_exec *x, bool found)
{
    if (x->lookups) {
        x->lookups->hits += found;
        x->lookups->misses += !found;
    }
}

/* gf_exec_looked_up - a key was looked for; counts in commands that only read, because those that
 * write look for keys that need not exist. */
static inline void gf_exec_looked_up(const struct gf_exec *x, bool found)
{
    if (x->command->flags & GF_READ)
        gf_exec_answered(x, found);
}
