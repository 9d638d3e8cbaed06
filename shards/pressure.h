/* Who must evict when the node is over maxmemory.
 *
 * Cores do not fill up evenly, and the core that wants to write is often not the one that holds the
 * data: so the cores that hold more than the mean evict, and a core below the mean asks the fullest
 * one to, once at a time, and writes on meanwhile. What it may be over by is one round trip's
 * worth.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "shards/parcel.h"

struct gf_worker;

struct gf_pressure {
    struct gf_parcel parcel; /* first */
    bool out;                /* on its way, or at the other core                       */
    bool relieved;           /* the core asked had something to evict, the last time   */
};

/* gf_pressure_share - bytes that this core must evict now: 0 when the node has room, or when others
 * hold more. */
int64_t gf_pressure_share(const struct gf_worker *worker, int64_t room);

/* gf_pressure_ask - the fullest core must evict. false: it said that it has nothing that may go. */
bool gf_pressure_ask(struct gf_worker *worker);

/* gf_pressure_arrive - on the core that was asked; gf_pressure_home - back. */
void gf_pressure_arrive(struct gf_worker *worker, struct gf_pressure *pressure);
void gf_pressure_home(struct gf_worker *worker, struct gf_pressure *pressure);
