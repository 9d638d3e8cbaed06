/* Messages to other cores, in order, when the rings are full. */
#include "shards/parcel.h"

#include "core/assert.h"
#include "core/core.h"
#include "shards/worker.h"

_Static_assert(2 * GF_PARCEL_RESERVE < GF_MESH_CREDITS, "most places are for requests");

/* Places that it leaves to others. */
static uint32_t parcel_reserve(const struct gf_parcel *parcel)
{
    if (!parcel->locks)
        return 0;
    return parcel->takes ? GF_PARCEL_RESERVE / 2 : GF_PARCEL_RESERVE;
}

static bool parcel_try(struct gf_worker *worker, struct gf_parcel *parcel)
{
    return gf_mesh_credits(worker->core, parcel->to) > parcel_reserve(parcel) &&
           gf_mesh_post(worker->core, parcel->to, &parcel->message);
}

/* Posts what there is room for; comes again next turn while something is left. One core without
 * room does not keep the parcels for others: they may be what it waits for. */
static void outbox_done(struct gf_op *op, int result)
{
    struct gf_worker *worker = gf_container(op, struct gf_worker, outbox_op);
    struct gf_link *link = gf_list_peek_front(&worker->outbox);

    (void)result; /* always GF_OK */
    while (link) {
        struct gf_parcel *parcel = gf_container(link, struct gf_parcel, link);
        struct gf_link *next = gf_list_next(&worker->outbox, link);

        /* Off the list first: once posted, it is the other core's. */
        gf_list_remove(link);
        if (!parcel_try(worker, parcel)) {
            if (next)
                gf_list_insert_before(next, link);
            else
                gf_list_push_back(&worker->outbox, link);
        }
        link = next;
    }
    if (!gf_list_empty(&worker->outbox))
        gf_core_defer(worker->core, GF_PHASE_WORK, op);
}

void gf_parcel_post(struct gf_worker *worker, struct gf_parcel *parcel)
{
    GF_ASSERT(parcel->to != worker->core->id);
    if (gf_list_empty(&worker->outbox) && parcel_try(worker, parcel))
        return;
    gf_list_push_back(&worker->outbox, &parcel->link);
    worker->outbox_op.done = outbox_done;
    if (!gf_op_is_deferred(&worker->outbox_op))
        gf_core_defer(worker->core, GF_PHASE_WORK, &worker->outbox_op);
}

bool gf_parcel_room_for_request(const struct gf_worker *worker, uint16_t to)
{
    return gf_mesh_credits(worker->core, to) > 2 * GF_PARCEL_RESERVE;
}
