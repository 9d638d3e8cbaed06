/* Ask every core, then go on: the way to anything that is not on this core.
 *
 * `on_core` runs once on each core, this one included, all at about the same time; it may touch
 * only its worker and its own slot of the context. When all have run, `done` runs here.
 */
#pragma once

#include <stdint.h>

#include "core/driver.h"
#include "shards/parcel.h"

struct gf_call;
struct gf_worker;

struct gf_call_leg {
    struct gf_parcel parcel; /* first */
    struct gf_call *call;
};

struct gf_call {
    void (*on_core)(struct gf_worker *worker, struct gf_call *call);
    void (*done)(struct gf_worker *worker, struct gf_call *call); /* may free the call */
    uint32_t waiting;          /* cores that have not answered */
    struct gf_op op;           /* runs this core's own part */
    struct gf_worker *home;
    struct gf_call_leg *legs;  /* one per other core; owned */
};

/* gf_call_start - on_core and done are set by the caller; `call` stays until done.
 * done never runs inside this call. */
void gf_call_start(struct gf_worker *worker, struct gf_call *call);

/* gf_call_arrive - on another core; gf_call_home - back on the calling core. */
void gf_call_arrive(struct gf_worker *worker, struct gf_call_leg *leg);
void gf_call_home(struct gf_call_leg *leg);
