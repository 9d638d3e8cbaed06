/* Messages to other cores, in order, when the rings are full. */
#include "shards/parcel.h"

#include "core/assert.h"
#include "core/core.h"
#include "shards/worker.h"

/* Posts what there is room for; comes again next turn while something is left. */
static void outbox_done(struct gf_op *op, int result)
{
    struct gf_worker *worker = gf_container(op, struct gf_worker, outbox_op);
    struct gf_link *link;

    (void)result; /* always GF_OK */
    while ((link = gf_list_peek_front(&worker->outbox))) {
        struct gf_parcel *parcel = gf_container(link, struct gf_parcel, link);

        if (!gf_mesh_post(worker->core, parcel->to, &parcel->message)) {
            gf_core_defer(worker->core, GF_PHASE_WORK, op);
            return;
        }
        gf_list_remove(link);
    }
}

void gf_parcel_post(struct gf_worker *worker, struct gf_parcel *parcel)
{
    GF_ASSERT(parcel->to != worker->core->id);
    if (gf_list_empty(&worker->outbox) &&
        gf_mesh_post(worker->core, parcel->to, &parcel->message))
        return;
    gf_list_push_back(&worker->outbox, &parcel->link);
    worker->outbox_op.done = outbox_done;
    if (!gf_op_is_deferred(&worker->outbox_op))
        gf_core_defer(worker->core, GF_PHASE_WORK, &worker->outbox_op);
}
