/* Messages to another core that may have to wait for room in the ring, and who may use how much of
 * it.
 *
 * What waits behind a lock on the other core keeps its place in the ring until that core has said
 * otherwise (stay.h). If such messages could take every place, the message that gives the lock back
 * would find none, and all would wait for ever. So the places of a pair of cores are shared out:
 *
 *     |<-------- requests -------->|<- asks for a lock ->|<- takes ->|<- everything else ->|
 *     0                                                                       GF_MESH_CREDITS
 *
 * Requests stop at two reserves, parcels that ask for a lock at one. Those may wait for a command
 * that holds its keys between two slices, which must be able to take its partitions for the next
 * (multi.h): such parcels wait for others of their kind only, and stop at half a reserve. What
 * never waits over there (giving locks back, calls, hand-overs) may use all of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"
#include "core/mesh.h"

struct gf_worker;

#define GF_PARCEL_RESERVE 64 /* places; 1 would do, more lets a turn's worth go at once */

struct gf_parcel {
    struct gf_message message; /* first */
    uint16_t to;
    bool locks;          /* asks for a lock: may wait over there */
    bool takes;          /* ... as one that has locked keys there */
    struct gf_link link; /* the worker's outbox */
};

/* gf_parcel_post - lend it to core parcel->to now, or as soon as there is room; in order among
 * parcels of its kind to that core. */
void gf_parcel_post(struct gf_worker *worker, struct gf_parcel *parcel);

/* gf_parcel_room_for_request - a request may be posted to another core now. */
bool gf_parcel_room_for_request(const struct gf_worker *worker, uint16_t to);
