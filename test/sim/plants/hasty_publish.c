/* A planted fault: a message passes those that wait for the same turn. In the place of
 * shards/publish_deliver.c. */
#define gf_publish_leg_arrive leg_arrive_honest
#include "shards/publish_deliver.c"
#undef gf_publish_leg_arrive

void gf_publish_leg_arrive(struct gf_worker *worker, struct gf_publish_leg *leg);

void gf_publish_leg_arrive(struct gf_worker *worker, struct gf_publish_leg *leg)
{
    struct gf_deliveries *deliveries = &worker->pubsub.deliveries;

    leg_arrive_honest(worker, leg);
    if (deliveries->begun)
        return;
    gf_list_remove(&leg->link);
    gf_list_push_front(&deliveries->queue, &leg->link);
}
