/* A message to another core that may have to wait for room in the ring. */
#pragma once

#include <stdint.h>

#include "core/list.h"
#include "core/mesh.h"

struct gf_worker;

struct gf_parcel {
    struct gf_message message; /* first */
    uint16_t to;
    struct gf_link link;       /* the worker's outbox */
};

/* gf_parcel_post - lend it to core parcel->to now, or as soon as there is room; in order among
 * parcels. */
void gf_parcel_post(struct gf_worker *worker, struct gf_parcel *parcel);
