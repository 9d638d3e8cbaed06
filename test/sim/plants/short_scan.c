/* A planted fault: SCAN leaves out the partition behind the one it begins at. In the place of
 * shards/worker.c. */
#define gf_worker_space_from worker_space_from_honest
#include "shards/worker.c"
#undef gf_worker_space_from

void gf_worker_space_from(const struct gf_worker *worker, uint32_t partition,
                          struct gf_partition_space *ret_space);

void gf_worker_space_from(const struct gf_worker *worker, uint32_t partition,
                          struct gf_partition_space *ret_space)
{
    worker_space_from_honest(worker, partition, ret_space);
    if (ret_space->given_count > 1) {
        ret_space->given++;
        ret_space->given_count--;
    }
}
