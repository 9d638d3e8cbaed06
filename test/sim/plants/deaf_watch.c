/* A planted fault: what a command over several cores changes in partitions on loan is not told to
 * who watches them. In the place of shards/watch.c. */
#define gf_watch_init watch_init_honest
#include "shards/watch.c"
#undef gf_watch_init

void gf_watch_init(struct gf_worker *worker);

void gf_watch_init(struct gf_worker *worker)
{
    watch_init_honest(worker);
    worker->watch.sink.wanted_lent = 0;
}
