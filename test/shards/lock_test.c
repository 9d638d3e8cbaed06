/* Locks on partitions and keys against a simple model: who overlaps, who came first. */
#include <criterion/criterion.h>
#include <string.h>

#include "shards/lock.h"
#include "support/random.h"

#define PARTITIONS 12
#define CLAIMS 40
#define CLAIM_MAX 4 /* partitions of one claim */
#define KEYS 3      /* of a partition */

enum claim_state { IDLE, WAITING, HELD };

/* One claim, as the test knows it. */
struct party {
    struct gf_claim claim;
    enum claim_state state;
    uint64_t arrived; /* rising */
    uint16_t partitions[CLAIM_MAX];
    uint64_t hashes[CLAIM_MAX];
    struct gf_claim take; /* of the partitions, while it holds keys in them */
    enum claim_state take_state;
    uint64_t take_arrived;
    bool release_at_once; /* from inside its grant */
    bool claim_again;     /* from inside its grant, another one */
};

static struct gf_locks locks;
static struct party parties[CLAIMS];
static struct test_random rng;
static uint64_t clock_;
static uint32_t grants;
static uint32_t takes;

static void setup(void)
{
    gf_locks_init(&locks, PARTITIONS);
    memset(parties, 0, sizeof(parties));
    rng = (struct test_random){.state = 1};
    clock_ = 0;
    grants = 0;
    takes = 0;
}

static void teardown(void)
{
    gf_locks_deinit(&locks);
}

TestSuite(lock, .init = setup, .fini = teardown, .timeout = 60);

/* Must `a` wait for `b`, of whose entries these two are in one partition, and which is held, or
 * waits and came before? */
static bool entries_overlap(const struct party *a, uint32_t i, const struct party *b, uint32_t k)
{
    if (a->claim.hashes && b->claim.hashes)
        return a->hashes[i] == b->hashes[k];
    if (a->claim.names && b->claim.hashes)
        return b->state == HELD && b->claim.changes;
    if (a->claim.hashes && b->claim.names)
        return b->state == HELD;
    return true;
}

static bool overlap(const struct party *a, const struct party *b)
{
    for (uint32_t i = 0; i < a->claim.count; i++) {
        for (uint32_t k = 0; k < b->claim.count; k++) {
            if (a->partitions[i] == b->partitions[k] && entries_overlap(a, i, b, k))
                return true;
        }
    }
    return false;
}

static bool share_partition(const struct party *a, const struct party *b)
{
    for (uint32_t i = 0; i < a->claim.count; i++) {
        for (uint32_t k = 0; k < b->claim.count; k++) {
            if (a->partitions[i] == b->partitions[k])
                return true;
        }
    }
    return false;
}

/* Who takes partitions waits for who has them whole, or came before to take them. */
static bool take_must_wait(const struct party *party)
{
    for (uint32_t i = 0; i < CLAIMS; i++) {
        const struct party *other = &parties[i];

        if (other != party && share_partition(party, other) &&
            (other->take_state == HELD ||
             (other->take_state == WAITING && other->take_arrived < party->take_arrived) ||
             (other->state == HELD && !other->claim.hashes && !other->claim.names)))
            return true;
    }
    return false;
}

/* ... or is due, and came before. */
static bool take_may_wait(const struct party *party)
{
    for (uint32_t i = 0; i < CLAIMS; i++) {
        const struct party *other = &parties[i];

        if (other != party && share_partition(party, other) && other->state == WAITING &&
            other->claim.due && other->arrived < party->take_arrived)
            return true;
    }
    return take_must_wait(party);
}

/* What a claim must wait for. */
static bool must_wait(const struct party *party)
{
    for (uint32_t i = 0; i < CLAIMS; i++) {
        const struct party *other = &parties[i];

        if (other == party)
            continue;
        if (other->take_state == HELD && share_partition(party, other))
            return true;
        if (overlap(party, other) &&
            (other->state == HELD || (other->state == WAITING && other->arrived < party->arrived)))
            return true;
    }
    return false;
}

/* Of keys that change: they have passed names often enough. */
static bool may_wait(const struct party *party)
{
    for (uint32_t i = 0; i < CLAIMS && party->claim.changes; i++) {
        const struct party *other = &parties[i];

        if (other->state == WAITING && other->claim.names && share_partition(party, other) &&
            other->arrived < party->arrived)
            return true;
    }
    return must_wait(party);
}

static void party_release(struct party *party)
{
    GF_ASSERT(party->take_state != WAITING);
    if (party->take_state == HELD) {
        party->take_state = IDLE;
        gf_locks_release(&locks, &party->take);
    }
    party->state = IDLE;
    gf_locks_release(&locks, &party->claim);
}

static void take_granted(struct gf_claim *claim)
{
    struct party *party = gf_container(claim, struct party, take);

    cr_assert_not(take_must_wait(party), "taken out of turn");
    party->take_state = HELD;
    takes++;
}

/* Takes the partitions of its keys, each once. */
static void party_take(struct party *party)
{
    for (uint32_t i = 1; i < party->claim.count; i++) {
        if (party->partitions[i] == party->partitions[0])
            return;
    }
    party->take = (struct gf_claim){.partitions = party->partitions,
                                    .count = party->claim.count,
                                    .holds = true,
                                    .takes = true,
                                    .granted = take_granted};
    party->take_arrived = ++clock_;
    party->take_state = WAITING;
    if (gf_locks_claim(&locks, &party->take))
        take_granted(&party->take);
    else
        cr_assert(take_may_wait(party), "waits for nothing");
}

static void party_try(struct party *party);

static void party_granted(struct party *party)
{
    cr_assert_not(must_wait(party), "granted out of turn");
    grants++;
    party->state = party->claim.holds ? HELD : IDLE;
    if (party->claim_again) {
        for (uint32_t i = 0; i < CLAIMS; i++) {
            if (parties[i].state == IDLE && &parties[i] != party) {
                party_try(&parties[i]);
                break;
            }
        }
    }
    if (party->state == HELD && party->release_at_once)
        party_release(party);
}

static void claim_granted(struct gf_claim *claim)
{
    struct party *party = gf_container(claim, struct party, claim);

    cr_assert_eq(party->state, WAITING);
    party_granted(party);
}

/* A new claim of some partitions, each once; or of keys, which may be named twice. */
static void party_try(struct party *party)
{
    uint32_t count = 1 + (uint32_t)test_random_below(&rng, CLAIM_MAX);
    uint32_t first = (uint32_t)test_random_below(&rng, PARTITIONS);
    uint32_t stride = test_random_below(&rng, 2) ? 1 : 5; /* both prime to PARTITIONS */
    uint64_t what = test_random_below(&rng, 8); /* 0: names, 1 to 3: whole partitions, or keys */
    bool again = what > 3 && test_random_below(&rng, 2);

    cr_assert_eq(party->state, IDLE);
    for (uint32_t i = 0; i < count; i++) {
        party->partitions[i] = (uint16_t)((first + (again ? 0 : i) * stride) % PARTITIONS);
        party->hashes[i] = party->partitions[i] * KEYS + test_random_below(&rng, KEYS);
    }
    party->claim = (struct gf_claim){.partitions = party->partitions,
                                     .hashes = what > 3 ? party->hashes : NULL,
                                     .names = what == 0,
                                     .count = count,
                                     .holds = test_random_below(&rng, 3) > 0,
                                     .granted = claim_granted};
    party->claim.changes = what > 3 && party->claim.holds && test_random_below(&rng, 2);
    party->release_at_once = test_random_below(&rng, 2);
    party->claim_again = test_random_below(&rng, 8) == 0;
    party->arrived = ++clock_;
    party->state = WAITING;
    if (gf_locks_claim(&locks, &party->claim)) {
        party_granted(party);
    } else {
        cr_assert(may_wait(party), "waits for nothing");
    }
}

/* Nobody waits who need not. */
static void check_all(void)
{
    gf_locks_check(&locks);
    for (uint32_t i = 0; i < CLAIMS; i++) {
        if (parties[i].state == WAITING)
            cr_assert(may_wait(&parties[i]), "a grant was lost");
        if (parties[i].take_state == WAITING)
            cr_assert(take_may_wait(&parties[i]), "a grant was lost");
    }
}

/* Releases one, or gives it the partitions of its keys. */
static void release_some(void)
{
    uint32_t at = (uint32_t)test_random_below(&rng, CLAIMS);

    for (uint32_t i = 0; i < CLAIMS; i++) {
        struct party *party = &parties[(at + i) % CLAIMS];

        if (party->state != HELD || party->take_state == WAITING)
            continue;
        if (party->claim.hashes && party->take_state == IDLE && test_random_below(&rng, 2))
            party_take(party);
        else
            party_release(party);
        return;
    }
}

Test(lock, grants_in_order_and_to_one_at_a_time)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        rng.state = seed;
        for (uint32_t step = 0; step < 1000; step++) {
            struct party *party = &parties[test_random_below(&rng, CLAIMS)];

            if (party->state == IDLE && test_random_below(&rng, 2))
                party_try(party);
            else
                release_some();
            check_all();
        }
        for (uint32_t i = 0; i < 100 * CLAIMS && !gf_locks_idle(&locks); i++) {
            release_some();
            check_all();
        }
        cr_assert(gf_locks_idle(&locks), "somebody waits for ever");
    }
    cr_assert_gt(grants, 10000);
    cr_assert_gt(takes, 100);
}

/* A long queue of requests behind one lock is a loop, not a recursion. */
Test(lock, grants_a_long_queue)
{
    enum { COUNT = 100000 };
    static struct party queue[COUNT];
    static uint16_t partition = 3;
    struct gf_claim first = {.partitions = &partition, .count = 1, .holds = true};

    cr_assert(gf_locks_claim(&locks, &first));
    for (uint32_t i = 0; i < COUNT; i++) {
        queue[i].state = WAITING;
        queue[i].release_at_once = true;
        queue[i].claim = (struct gf_claim){
            .partitions = queue[i].partitions, .count = 1, .holds = true, .granted = claim_granted};
        queue[i].partitions[0] = partition;
        cr_assert_not(gf_locks_claim(&locks, &queue[i].claim));
    }
    gf_locks_release(&locks, &first);
    cr_assert(gf_locks_idle(&locks));
    cr_assert_eq(grants, COUNT);
}

Test(lock, a_big_claim_is_not_starved_by_small_ones)
{
    uint16_t all[2] = {0, 1};
    struct party *big = &parties[0];
    struct party *left = &parties[1];
    struct party *late = &parties[2];

    left->partitions[0] = 0;
    left->claim = (struct gf_claim){.partitions = left->partitions, .count = 1, .holds = true};
    left->state = HELD;
    cr_assert(gf_locks_claim(&locks, &left->claim));

    memcpy(big->partitions, all, sizeof(all));
    big->claim = (struct gf_claim){
        .partitions = big->partitions, .count = 2, .holds = true, .granted = claim_granted};
    big->state = WAITING;
    big->arrived = 1;
    cr_assert_not(gf_locks_claim(&locks, &big->claim));

    /* Partition 1 is free, but the big claim was here first. */
    cr_assert_not(gf_locks_free(&locks, 1));
    late->partitions[0] = 1;
    late->claim =
        (struct gf_claim){.partitions = late->partitions, .count = 1, .granted = claim_granted};
    late->state = WAITING;
    late->arrived = 2;
    cr_assert_not(gf_locks_claim(&locks, &late->claim));
    cr_assert(gf_locks_free(&locks, 2));

    party_release(left);
    cr_assert_eq(big->state, HELD);
    cr_assert_eq(late->state, WAITING);
    party_release(big);
    cr_assert_eq(late->state, IDLE);
    cr_assert(gf_locks_idle(&locks));
}

static struct gf_claim claim_of(const uint16_t *partition, const uint64_t *hash, bool holds)
{
    return (struct gf_claim){.partitions = partition,
                             .hashes = hash,
                             .count = 1,
                             .holds = holds,
                             .granted = claim_granted};
}

static void count_grant(struct gf_claim *claim)
{
    (void)claim;
    grants++;
}

Test(lock, others_use_a_partition_in_which_a_key_is_held)
{
    static const uint16_t partition = 3;
    static const uint64_t held_hash = 7, other_hash = 8;
    struct gf_claim held = claim_of(&partition, &held_hash, true);
    struct gf_claim other = claim_of(&partition, &other_hash, true);
    struct gf_claim names = claim_of(&partition, NULL, false);
    struct gf_claim whole = names;
    struct gf_claim same = claim_of(&partition, &held_hash, false);

    names.names = true;
    cr_assert(gf_locks_claim(&locks, &held));
    cr_assert(gf_locks_claim(&locks, &other));
    cr_assert(gf_locks_would(&locks, &names));
    cr_assert_not(gf_locks_would(&locks, &whole));
    cr_assert_not(gf_locks_would(&locks, &same));
    cr_assert_not(gf_locks_free(&locks, partition), "expiry and eviction keep away");
    cr_assert(gf_locks_free_key(&locks, partition, 9));
    gf_locks_release(&locks, &other);
    cr_assert(gf_locks_free_key(&locks, partition, other_hash));
    gf_locks_release(&locks, &held);
    cr_assert(gf_locks_idle(&locks));
}

/* A command over several cores between two slices. */
Test(lock, keys_stay_when_their_partitions_go_back)
{
    static const uint16_t partition = 3;
    static const uint64_t kept_hash = 7, other_hash = 8;
    struct gf_claim whole = claim_of(&partition, NULL, true);
    struct gf_claim keys = claim_of(&partition, &kept_hash, true);
    struct gf_claim take = claim_of(&partition, NULL, true);
    struct party *same = &parties[0], *other = &parties[1], *all = &parties[2];

    take.takes = true;
    cr_assert(gf_locks_claim(&locks, &whole));
    same->claim = claim_of(&partition, &kept_hash, false);
    other->claim = claim_of(&partition, &other_hash, false);
    all->claim = claim_of(&partition, NULL, false);
    same->state = other->state = all->state = WAITING;
    cr_assert_not(gf_locks_claim(&locks, &same->claim));
    cr_assert_not(gf_locks_claim(&locks, &other->claim));
    cr_assert_not(gf_locks_claim(&locks, &all->claim));
    gf_locks_keep_keys(&locks, &whole, &keys);
    cr_assert_eq(same->state, WAITING);
    cr_assert_eq(other->state, IDLE);
    cr_assert_eq(all->state, WAITING);
    cr_assert(gf_locks_claim(&locks, &take), "it passes who waits for its keys");
    cr_assert(gf_locks_is_away(&locks, partition));
    cr_assert_not(gf_locks_free_names(&locks, partition));
    gf_locks_release(&locks, &take);
    gf_locks_release(&locks, &keys);
    cr_assert_eq(same->state, IDLE);
    cr_assert_eq(all->state, IDLE);
    cr_assert(gf_locks_idle(&locks));
}

/* Of three, one needs what the two others use in turns. */
Test(lock, who_takes_partitions_is_passed_by_nobody_who_does_so_later)
{
    static const uint16_t both[2] = {3, 4};
    static const uint64_t hashes[2] = {7, 8};
    struct gf_claim keys[3];
    struct gf_claim take[3];

    for (uint32_t i = 0; i < 3; i++) {
        keys[i] = claim_of(&both[i % 2], &hashes[i % 2], true);
        take[i] = claim_of(&both[i % 2], NULL, true);
        take[i].takes = true;
        take[i].granted = count_grant;
    }
    keys[2] = (struct gf_claim){
        .partitions = both, .hashes = (const uint64_t[]){17, 18}, .count = 2, .holds = true};
    take[2].partitions = both;
    take[2].count = 2;
    for (uint32_t i = 0; i < 3; i++)
        cr_assert(gf_locks_claim(&locks, &keys[i]));
    cr_assert(gf_locks_claim(&locks, &take[0]));
    cr_assert_not(gf_locks_claim(&locks, &take[2]));
    cr_assert_not(gf_locks_claim(&locks, &take[1]), "its partition is free, but not its turn");
    gf_locks_release(&locks, &take[0]);
    cr_assert_eq(grants, 1);
    cr_assert_not(gf_locks_claim(&locks, &take[0]));
    gf_locks_release(&locks, &take[2]);
    cr_assert_eq(grants, 3);
    gf_locks_release(&locks, &take[0]);
    gf_locks_release(&locks, &take[1]);
    for (uint32_t i = 0; i < 3; i++)
        gf_locks_release(&locks, &keys[i]);
    cr_assert(gf_locks_idle(&locks));
}

static struct gf_claim names_of(const uint16_t *partition, bool holds)
{
    struct gf_claim names = claim_of(partition, NULL, holds);

    names.names = true;
    names.granted = count_grant;
    return names;
}

Test(lock, keys_pass_names_that_wait_and_not_names_that_look)
{
    static const uint16_t partition = 3;
    static const uint64_t taken_hash = 7, other_hash = 8;
    struct gf_claim keys = claim_of(&partition, &taken_hash, true);
    struct gf_claim change = claim_of(&partition, &other_hash, true);
    struct gf_claim names = names_of(&partition, true);
    struct gf_claim more = claim_of(&partition, &(const uint64_t){9}, false);

    change.changes = true;
    cr_assert(gf_locks_claim(&locks, &keys));
    cr_assert(gf_locks_claim(&locks, &change));
    cr_assert_not(gf_locks_claim(&locks, &names), "it would see half of a change");
    cr_assert(gf_locks_free_key(&locks, partition, 9));
    cr_assert(gf_locks_claim(&locks, &more));
    gf_locks_release(&locks, &change);
    cr_assert_eq(grants, 1);
    cr_assert_not(gf_locks_free_key(&locks, partition, 9));
    gf_locks_release(&locks, &names);
    gf_locks_release(&locks, &keys);
    cr_assert(gf_locks_idle(&locks));
}

/* It wants all partitions of the core, of which one may be changed for long. */
Test(lock, keys_expire_while_names_wait)
{
    static const uint16_t both[2] = {3, 4};
    static const uint64_t hash = 7;
    struct gf_claim change = claim_of(&both[0], &hash, true);
    struct gf_claim names = names_of(both, false);
    struct gf_claim whole = claim_of(&both[1], NULL, false);

    change.changes = true;
    names.count = 2;
    whole.granted = count_grant;
    cr_assert(gf_locks_claim(&locks, &change));
    cr_assert_not(gf_locks_claim(&locks, &names));
    cr_assert_not(gf_locks_is_quiet(&locks, 3));
    cr_assert_not(gf_locks_free(&locks, 4));
    cr_assert(gf_locks_is_quiet(&locks, 4));
    cr_assert_not(gf_locks_claim(&locks, &whole));
    cr_assert_not(gf_locks_is_quiet(&locks, 4));
    gf_locks_release(&locks, &change);
    cr_assert_eq(grants, 2);
    cr_assert(gf_locks_idle(&locks));
}

/* Commands over several cores, one after the other without a gap. */
Test(lock, names_have_their_turn_under_a_stream_of_changes)
{
    static const uint16_t partition = 3;
    static const uint64_t hashes[2] = {7, 8};
    struct gf_claim change[2];
    struct gf_claim names = names_of(&partition, true);
    uint32_t passed = 0;

    for (uint32_t i = 0; i < 2; i++) {
        change[i] = claim_of(&partition, &hashes[i], true);
        change[i].changes = true;
        change[i].granted = count_grant;
    }
    cr_assert(gf_locks_claim(&locks, &change[0]));
    cr_assert_not(gf_locks_claim(&locks, &names));
    while (gf_locks_claim(&locks, &change[++passed % 2]))
        gf_locks_release(&locks, &change[(passed + 1) % 2]);
    cr_assert_gt(passed, 10);
    cr_assert_leq(passed, GF_LOCK_PASSES + 1);
    cr_assert_eq(grants, 0);
    gf_locks_release(&locks, &change[(passed + 1) % 2]);
    cr_assert_eq(grants, 1);
    gf_locks_release(&locks, &names);
    cr_assert_eq(grants, 2, "the change had to wait for its end");
    gf_locks_release(&locks, &change[passed % 2]);
    cr_assert(gf_locks_idle(&locks));
}

/* Commands in slices, whose partitions are never all here at once. */
Test(lock, names_have_their_turn_under_a_stream_of_slices)
{
    static const uint16_t both[2] = {3, 4};
    static const uint64_t hashes[2] = {7, 8};
    struct gf_claim keys[2], take[2];
    struct gf_claim names = names_of(both, false);

    names.count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        keys[i] = claim_of(&both[i], &hashes[i], true);
        take[i] = claim_of(&both[i], NULL, true);
        take[i].takes = true;
        take[i].granted = count_grant;
        cr_assert(gf_locks_claim(&locks, &keys[i]));
    }
    cr_assert(gf_locks_claim(&locks, &take[0]));
    cr_assert_not(gf_locks_claim(&locks, &names));
    cr_assert_not(gf_locks_claim(&locks, &take[1]), "it is due");
    gf_locks_release(&locks, &take[0]);
    cr_assert_eq(grants, 2);
    gf_locks_release(&locks, &take[1]);
    gf_locks_release(&locks, &keys[0]);
    gf_locks_release(&locks, &keys[1]);
    cr_assert(gf_locks_idle(&locks));
}

/* Who waits for whole partitions waits for the keys of who takes them. */
Test(lock, who_takes_partitions_passes_who_waits_for_its_keys)
{
    static const uint16_t partition = 3;
    static const uint64_t hash = 7, other_hash = 8;
    struct gf_claim keys = claim_of(&partition, &hash, true);
    struct gf_claim other_keys = claim_of(&partition, &other_hash, true);
    struct gf_claim take = claim_of(&partition, NULL, true), other_take = take;
    struct gf_claim whole = claim_of(&partition, NULL, true);
    struct gf_claim names = names_of(&partition, true);

    take.takes = other_take.takes = true;
    other_take.granted = whole.granted = count_grant;
    cr_assert(gf_locks_claim(&locks, &keys));
    cr_assert(gf_locks_claim(&locks, &other_keys));
    cr_assert_not(gf_locks_claim(&locks, &whole));
    cr_assert(gf_locks_claim(&locks, &take));
    cr_assert_not(gf_locks_claim(&locks, &names), "behind who waits for a key: not due");
    cr_assert_not(gf_locks_claim(&locks, &other_take));
    gf_locks_release(&locks, &take);
    cr_assert_eq(grants, 1, "the other's turn");
    gf_locks_release(&locks, &other_take);
    gf_locks_release(&locks, &keys);
    gf_locks_release(&locks, &other_keys);
    cr_assert_eq(grants, 2);
    gf_locks_release(&locks, &whole);
    cr_assert_eq(grants, 3);
    gf_locks_release(&locks, &names);
    cr_assert(gf_locks_idle(&locks));
}
