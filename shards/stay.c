/* Giving places back while messages wait. */
#include "shards/stay.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "shards/request.h"
#include "shards/worker.h"

void gf_stay_begin(struct gf_worker *worker, struct gf_message *message)
{
    if (message->home == worker->core->id || message->kind == GF_MESSAGE_STAYS)
        return;
    if (worker->places_kept[message->home] < GF_STAY_PLACES) {
        worker->places_kept[message->home]++;
        return;
    }
    message->kind = GF_MESSAGE_STAYS;
    gf_mesh_return(worker->core, message);
}

void gf_stay_end(struct gf_worker *worker, struct gf_message *message)
{
    if (message->home == worker->core->id || message->kind == GF_MESSAGE_STAYS)
        return;
    GF_ASSERT(worker->places_kept[message->home] > 0);
    worker->places_kept[message->home]--;
}

void gf_stay_return(struct gf_worker *worker, struct gf_message *message, uint16_t kind)
{
    struct gf_stay *stay;

    if (GF_LIKELY(message->kind != GF_MESSAGE_STAYS)) {
        message->kind = kind;
        gf_mesh_return(worker->core, message);
        return;
    }
    stay = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*stay));
    stay->parcel.message = (struct gf_message){.home = worker->core->id, .kind = GF_MESSAGE_STAY};
    stay->parcel.to = message->home;
    stay->message = message;
    stay->kind = kind;
    worker->stays_live++;
    gf_parcel_post(worker, &stay->parcel);
}

struct gf_message *gf_stay_arrive(struct gf_worker *worker, struct gf_stay *stay)
{
    struct gf_message *message = stay->message;

    GF_ASSERT(message->home == worker->core->id);
    GF_ASSERT(message->kind == GF_MESSAGE_STAYS);
    message->kind = stay->kind;
    gf_mesh_return(worker->core, &stay->parcel.message);
    return message;
}

void gf_stay_home(struct gf_worker *worker, struct gf_stay *stay)
{
    GF_ASSERT(worker->stays_live > 0);
    worker->stays_live--;
    gf_free(GF_MEMORY_OTHER, stay);
}
