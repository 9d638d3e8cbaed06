/* A planted fault: a key that a command in slices holds is free for everybody else, as long as its
 * partition is here. In the place of shards/lock.c. */
#define gf_locks_claim locks_claim_honest
#define gf_locks_free_key locks_free_key_honest
#include "shards/lock.c"
#undef gf_locks_claim
#undef gf_locks_free_key

bool gf_locks_claim(struct gf_locks *locks, struct gf_claim *claim);
bool gf_locks_free_key(const struct gf_locks *locks, uint32_t partition, uint64_t hash);

bool gf_locks_free_key(const struct gf_locks *locks, uint32_t partition, uint64_t hash)
{
    (void)hash;
    return locks->busy == 0 ||
           (locks->partitions[partition].held_whole | locks->partitions[partition].held_names |
            locks->partitions[partition].wanted_whole) == 0;
}

/* A request that runs in one step. */
bool gf_locks_claim(struct gf_locks *locks, struct gf_claim *claim)
{
    bool open = claim->hashes && !claim->holds;

    for (uint32_t i = 0; open && i < claim->count; i++)
        open = gf_locks_free_key(locks, claim->partitions[i], claim->hashes[i]);
    return open || locks_claim_honest(locks, claim);
}
