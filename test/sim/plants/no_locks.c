/* A planted fault: split commands over several cores take no locks. In the place of
 * shards/lock.c. */
#define gf_locks_claim locks_claim_honest
#define gf_locks_release locks_release_honest
#include "shards/lock.c"
#undef gf_locks_claim
#undef gf_locks_release

#include "shards/multi.h"

bool gf_locks_claim(struct gf_locks *locks, struct gf_claim *claim);
void gf_locks_release(struct gf_locks *locks, struct gf_claim *claim);

static bool claim_is_of_split(struct gf_claim *claim)
{
    return claim->holds && !gf_container(claim, struct gf_part, claim)->lend;
}

bool gf_locks_claim(struct gf_locks *locks, struct gf_claim *claim)
{
    return claim_is_of_split(claim) || locks_claim_honest(locks, claim);
}

void gf_locks_release(struct gf_locks *locks, struct gf_claim *claim)
{
    if (!claim_is_of_split(claim))
        locks_release_honest(locks, claim);
}
