/* Calls to all cores. */
#include "shards/call.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "shards/request.h"
#include "shards/worker.h"

static void call_finish(struct gf_call *call)
{
    gf_free(GF_MEMORY_OTHER, call->legs);
    call->legs = NULL;
    call->done(call->home, call);
}

static void call_here_done(struct gf_op *op, int result)
{
    struct gf_call *call = gf_container(op, struct gf_call, op);

    (void)result; /* always GF_OK */
    call->on_core(call->home, call);
    GF_ASSERT(call->waiting > 0);
    call->waiting--;
    if (call->waiting == 0)
        call_finish(call);
}

void gf_call_start(struct gf_worker *worker, struct gf_call *call)
{
    uint16_t count = worker->core->count;
    uint32_t leg = 0;

    call->home = worker;
    call->waiting = count;
    call->op = (struct gf_op){.done = call_here_done};
    gf_core_defer(worker->core, GF_PHASE_WORK, &call->op);
    call->legs = gf_alloc_zero(GF_MEMORY_OTHER, count * sizeof(*call->legs));
    for (uint16_t core = 0; core < count; core++) {
        struct gf_call_leg *to = &call->legs[leg];

        if (core == worker->core->id)
            continue;
        leg++;
        to->call = call;
        to->parcel.message =
            (struct gf_message){.home = worker->core->id, .kind = GF_MESSAGE_CALL};
        to->parcel.to = core;
        gf_parcel_post(worker, &to->parcel);
    }
}

void gf_call_arrive(struct gf_worker *worker, struct gf_call_leg *leg)
{
    leg->call->on_core(worker, leg->call);
    gf_mesh_return(worker->core, &leg->parcel.message);
}

void gf_call_home(struct gf_call_leg *leg)
{
    struct gf_call *call = leg->call;

    GF_ASSERT(call->waiting > 0);
    call->waiting--;
    if (call->waiting == 0)
        call_finish(call);
}
