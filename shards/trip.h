/* SCAN's way over the cores, when the keys of one core are not enough for its COUNT.
 *
 *     home: start --> owner of the cursor: keys, next cursor --> home: enough? -- yes --> answer
 *                      ^                                          |
 *                      +---- owner of the next partition <-- no --+
 *
 * Each stop is an ordinary run of SCAN, and its answer is whole: home takes the keys out of it. The
 * partitions are walked core by core (router.h), so a call has one stop on each core, and a few
 * more where it waited behind a lock; then it answers what it has, and so it does when a ring is
 * full: the cursor says where the next call goes on.
 *
 * The connection is held meanwhile: what follows in its pipeline must not overtake a later stop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "modules/scan.h"

struct gf_conn;
struct gf_request;
struct gf_worker;

struct gf_trip {
    struct gf_scan_trip scan; /* home's and the owner's in turns, as the request     */
    uint32_t stops;           /* that have answered before the one under way         */
    struct gf_chain keys;     /* what they found                                     */
    uint64_t found;           /* keys in it                                          */
};

/* gf_trip_begin - of a request of a GF_CURSOR command, before its start. Holds the connection. */
void gf_trip_begin(struct gf_conn *conn, struct gf_request *request);

/* gf_trip_goes_on - on the home core: a stop has answered. false: that was the last one, the
 * request's reply is complete. */
bool gf_trip_goes_on(struct gf_worker *worker, struct gf_request *request);

/* gf_trip_end - frees the request's trip, if it has one. */
void gf_trip_end(struct gf_request *request);
