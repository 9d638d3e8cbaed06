/* A planted fault: a command over several cores is refused by parts of it for lack of memory, after
 * others have run. In the place of shards/dispatch.c. */
#define gf_run_command run_command_honest
#include "shards/dispatch.c"
#undef gf_run_command

void gf_run_command(struct gf_worker *worker, struct gf_run *run);

void gf_run_command(struct gf_worker *worker, struct gf_run *run)
{
    bool part = run->part;

    if (part && !gf_worker_has_room(worker, 0))
        run->part = false;
    run_command_honest(worker, run);
    run->part = part;
}
