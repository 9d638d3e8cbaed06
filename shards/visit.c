/* Visits to partitions. */
#include "shards/visit.h"

#include "core/assert.h"
#include "core/core.h"
#include "shards/request.h"
#include "shards/stay.h"
#include "shards/worker.h"

void gf_visit_home(struct gf_worker *worker, struct gf_visit *visit)
{
    GF_ASSERT(worker->visits_live > 0);
    worker->visits_live--;
    visit->done(worker, visit);
}

static void visit_run(struct gf_worker *worker, struct gf_visit *visit)
{
    visit->run(worker, visit);
    if (visit->parcel.message.home == worker->core->id)
        gf_visit_home(worker, visit);
    else
        gf_stay_return(worker, &visit->parcel.message, GF_MESSAGE_VISIT);
}

static void visit_granted(struct gf_claim *claim)
{
    struct gf_visit *visit = gf_container(claim, struct gf_visit, claim);
    struct gf_worker *worker = gf_worker_of(gf_core_here());

    gf_stay_end(worker, &visit->parcel.message);
    visit_run(worker, visit);
}

void gf_visit_arrive(struct gf_worker *worker, struct gf_visit *visit)
{
    GF_ASSERT(visit->parcel.to == worker->core->id);
    visit->claim = (struct gf_claim){
        .partitions = visit->partitions,
        .hashes = visit->hashes,
        .count = visit->partitions_count,
        .granted = visit_granted,
    };
    if (gf_locks_claim(&worker->locks, &visit->claim))
        visit_run(worker, visit);
    else
        gf_stay_begin(worker, &visit->parcel.message);
}

void gf_visit_start(struct gf_worker *worker, struct gf_visit *visit, uint16_t core)
{
    visit->parcel.message = (struct gf_message){.home = worker->core->id, .kind = GF_MESSAGE_VISIT};
    visit->parcel.to = core;
    visit->parcel.locks = true;
    worker->visits_live++;
    if (core == worker->core->id)
        gf_visit_arrive(worker, visit);
    else
        gf_parcel_post(worker, &visit->parcel);
}
