/* A planted fault: of fifty messages from other cores one is not delivered. In the place of
 * shards/publish_deliver.c. */
#define gf_publish_leg_arrive leg_arrive_honest
#include "shards/publish_deliver.c"
#undef gf_publish_leg_arrive

void gf_publish_leg_arrive(struct gf_worker *worker, struct gf_publish_leg *leg);

void gf_publish_leg_arrive(struct gf_worker *worker, struct gf_publish_leg *leg)
{
    static uint32_t arrived;

    if (leg->parcel.message.home == worker->core->id || ++arrived % 50 != 0) {
        leg_arrive_honest(worker, leg);
        return;
    }
    leg->receivers = 0;
    gf_mesh_return(worker->core, &leg->parcel.message);
}
