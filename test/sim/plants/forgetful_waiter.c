/* A planted fault: a key that changes while a command over several cores is being run again for it
 * is not looked at afterwards. In the place of shards/waiters.c. */
#define gf_waiter_woken waiter_woken_honest
#include "shards/waiters.c"
#undef gf_waiter_woken

void gf_waiter_woken(struct gf_worker *worker, struct gf_waiter *waiter);

void gf_waiter_woken(struct gf_worker *worker, struct gf_waiter *waiter)
{
    if (waiter->request && waiter->trying)
        waiter->wakes++;
    else
        waiter_woken_honest(worker, waiter);
}
