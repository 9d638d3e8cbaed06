/* A planted fault: a connection that moves speaks RESP2 again. In the place of shards/handover.c;
 * connections move sooner, so that many do. */
#define gf_handover_arrive handover_arrive_honest
#include "shards/handover.h"
#undef GF_HANDOVER_AFTER
#define GF_HANDOVER_AFTER 1
#include "shards/handover.c"
#undef gf_handover_arrive

void gf_handover_arrive(struct gf_worker *worker, struct gf_handover *handover);

void gf_handover_arrive(struct gf_worker *worker, struct gf_handover *handover)
{
    handover->session.resp = 2;
    handover_arrive_honest(worker, handover);
}
