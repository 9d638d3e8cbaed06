/* A planted fault: a connection that moves speaks RESP2 again. In the place of
 * shards/handover.c. */
#define gf_handover_arrive handover_arrive_honest
#include "shards/handover.c"
#undef gf_handover_arrive

void gf_handover_arrive(struct gf_worker *worker, struct gf_handover *handover);

void gf_handover_arrive(struct gf_worker *worker, struct gf_handover *handover)
{
    handover->session.resp = 2;
    handover_arrive_honest(worker, handover);
}
