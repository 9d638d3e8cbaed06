/* Messages that wait on another core without a place in the ring.
 *
 * Who waits there behind a lock would keep the place of his message (core/mesh.h), and many who
 * wait for one key would take the places of all others. So the message goes back at once, and is
 * the other core's all the same; what comes home in the end is told of by a message of that core's
 * own.
 *
 *     home                           core
 *     message ---------------------> has to wait                 [gf_stay_begin]
 *       <------------- "stays" ------'  (the place is free again; the memory is the other core's)
 *                                     its turn comes             [gf_stay_end]
 *       <------------- gf_stay ------- is done                   [gf_stay_return]
 *     home again     '-- gf_stay ---> freed
 *
 * The first few who wait keep their places: most waits are short, and two messages more are not
 * worth it.
 */
#pragma once

#include <stdint.h>

#include "shards/parcel.h"

struct gf_worker;

#define GF_STAY_PLACES 4 /* kept by those of one core who wait */

/* Made by the core on which a message stayed. */
struct gf_stay {
    struct gf_parcel parcel;    /* first */
    struct gf_message *message; /* comes home with this */
    uint16_t kind;              /* ... as one of that kind */
};

/* gf_stay_begin - on the core that has a message: it waits. Nothing for one of its own.
 * gf_stay_end - its wait is over; gf_stay_begin has been called. */
void gf_stay_begin(struct gf_worker *worker, struct gf_message *message);
void gf_stay_end(struct gf_worker *worker, struct gf_message *message);

/* gf_stay_return - gf_mesh_return for a message that may have waited, as one of `kind`. */
void gf_stay_return(struct gf_worker *worker, struct gf_message *message, uint16_t kind);

/* gf_stay_arrive - at the message's home. Returns the message, which is home again.
 * gf_stay_home - back on the core where it stayed. */
struct gf_message *gf_stay_arrive(struct gf_worker *worker, struct gf_stay *stay);
void gf_stay_home(struct gf_worker *worker, struct gf_stay *stay);
