/* A connection finds its core.
 *
 * A connection whose commands keep going to one other core is handed to that core when it has
 * nothing in flight. redis-benchmark without -r uses one key: all its connections end up on that
 * key's owner, and from then on no command leaves its core. One that came in on a core's own port
 * stays on that core: its client has chosen.
 *
 * A connection that is subscribed to anything stays, too: its subscriptions are its core's.
 *
 * Nothing moves while an ask must meet every connection (ask.h), nor while anybody monitors: lines
 * of the old core could arrive behind those of the new one.
 */
#pragma once

#include "core/buf.h"
#include "shards/conn.h"
#include "shards/parcel.h"

#define GF_HANDOVER_AFTER 64 /* commands in a row for one other core: no accident */

struct gf_handover {
    struct gf_parcel parcel; /* first */
    int handle;
    struct gf_session session;
    struct gf_buf in;
};

/* gf_handover_consider - begin to move it if it should and can. */
void gf_handover_consider(struct gf_conn *conn);

/* gf_handover_try - it is being moved and has stopped receiving: let it go if nothing is in
 * flight. If nothing may move now, it stays and goes on here. */
void gf_handover_try(struct gf_conn *conn);

/* gf_handover_arrive - on the new core. */
void gf_handover_arrive(struct gf_worker *worker, struct gf_handover *handover);

/* gf_handover_home - on the old core: the message came back. */
void gf_handover_home(struct gf_worker *worker, struct gf_handover *handover);
