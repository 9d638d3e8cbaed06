/* A planted fault: who claims keys holds nothing (split commands over several cores, commands in
 * slices). In the place of shards/lock.c. */
#define gf_locks_claim locks_claim_honest
#define gf_locks_release locks_release_honest
#define gf_locks_keep_keys locks_keep_keys_honest
#include "shards/lock.c"
#undef gf_locks_claim
#undef gf_locks_release
#undef gf_locks_keep_keys

bool gf_locks_claim(struct gf_locks *locks, struct gf_claim *claim);
void gf_locks_release(struct gf_locks *locks, struct gf_claim *claim);
void gf_locks_keep_keys(struct gf_locks *locks, struct gf_claim *whole, struct gf_claim *keys);

static bool claim_is_forgotten(const struct gf_claim *claim)
{
    return claim->holds && claim->hashes;
}

bool gf_locks_claim(struct gf_locks *locks, struct gf_claim *claim)
{
    return claim_is_forgotten(claim) || locks_claim_honest(locks, claim);
}

void gf_locks_release(struct gf_locks *locks, struct gf_claim *claim)
{
    if (!claim_is_forgotten(claim))
        locks_release_honest(locks, claim);
}

void gf_locks_keep_keys(struct gf_locks *locks, struct gf_claim *whole, struct gf_claim *keys)
{
    (void)keys;
    locks_release_honest(locks, whole);
}
