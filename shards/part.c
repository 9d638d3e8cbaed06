/* A part of a command over several cores, on the core whose partitions it needs. See multi.h. */
#include "core/assert.h"
#include "core/core.h"
#include "modules/heap.h"
#include "shards/dispatch.h"
#include "shards/multi.h"
#include "shards/plan.h"
#include "shards/request.h"
#include "shards/server.h"
#include "shards/stay.h"
#include "shards/tracking.h"
#include "shards/worker.h"

static void part_set_owner(struct gf_worker *worker, const struct gf_part *part, uint16_t owner)
{
    for (uint32_t i = 0; i < part->partitions_count; i++) {
        struct gf_partition *partition = worker->partitions[part->partitions[i]];

        partition->owner = owner;
        if (owner == worker->core->id)
            gf_tracking_returned(worker, partition);
    }
}

static void part_finish(struct gf_worker *worker, struct gf_part *part)
{
    if (part->parcel.message.home == worker->core->id)
        gf_part_home(worker, part);
    else
        gf_stay_return(worker, &part->parcel.message, GF_MESSAGE_PART);
}

/* Others who look at names would see what it has changed on one core, and not what it will change
 * on another. What runs in slices changes one key, in the end. */
static bool part_changes(const struct gf_part *part)
{
    const struct gf_request *request = part->request;

    return !(request->command->flags & GF_SLICED) &&
           (request->errand || (request->command->flags & GF_WRITE));
}

/* Runs a split command's part. Its memory was checked for by the coordinator. */
static void part_run(struct gf_worker *worker, struct gf_part *part)
{
    const struct gf_request *request = part->request;
    struct gf_reply reply;
    struct gf_run run = {
        .command = request->command,
        .words = part->words,
        .words_count = part->words_count,
        .db = request->db,
        .space = &worker->space.space,
        .reply = &reply,
        .client = request->client,
        .no_touch = request->no_touch,
        .tracker = request->tracks ? part->parcel.message.home + 1u : 0,
        .part = true,
        .partition = GF_NO_PARTITION,
    };

    if (request->command->key_first > 0) {
        struct gf_bytes key = part->words[request->command->key_first];

        run.partition = gf_router_partition(&worker->server->router, key);
        run.key_hash = gf_keyspace_hash(worker->server->hash_seed, key);
    }
    gf_reply_init(&reply, &part->reply, request->resp);
    worker->tracking.flush = part->flush;
    gf_run_command(worker, &run);
    worker->tracking.flush = (struct gf_tracking_flush){0};
    part->duration_ns = run.duration_ns;
    part->failure = run.failure;
}

/* The partitions are the home core's for some time. */
static void part_lend(struct gf_worker *worker, struct gf_part *part)
{
    gf_heap_lend(worker->heap);
    part_set_owner(worker, part, part->parcel.message.home);
}

static void part_return(struct gf_worker *worker, struct gf_part *part)
{
    part_set_owner(worker, part, part->core);
    gf_heap_return(worker->heap);
    for (uint32_t i = 0; i < part->partitions_count; i++)
        gf_waiters_returned(worker, worker->partitions[part->partitions[i]]);
}

static void part_run_locked(struct gf_worker *worker, struct gf_part *part)
{
    part_run(worker, part);
    gf_locks_release(&worker->locks, &part->claim);
    part_finish(worker, part);
    gf_waiters_after(worker);
}

static void part_go(struct gf_worker *worker, struct gf_part *part)
{
    GF_ASSERT(part->core == worker->core->id);
    if (part->step == GF_PART_LOCK_RUN) {
        part_run_locked(worker, part);
        return;
    }
    if (part->lend) {
        part_lend(worker, part);
        if (part->keeps)
            gf_heap_unpin(worker->heap);
    }
    part_finish(worker, part);
    gf_waiters_after(worker);
}

static void part_granted(struct gf_claim *claim)
{
    struct gf_part *part = gf_container(claim, struct gf_part, claim);
    struct gf_worker *worker = gf_worker_of(gf_core_here());

    gf_stay_end(worker, &part->parcel.message);
    part_go(worker, part);
}

static void part_claim(struct gf_worker *worker, struct gf_part *part)
{
    if (gf_locks_claim(&worker->locks, &part->claim))
        part_go(worker, part);
    else
        gf_stay_begin(worker, &part->parcel.message);
}

/* Partitions to be lent, if they are free. */
static void part_try(struct gf_worker *worker, struct gf_part *part)
{
    part->claim = (struct gf_claim){
        .partitions = part->partitions,
        .count = part->partitions_count,
        .holds = true,
    };
    part->refused = !gf_locks_would(&worker->locks, &part->claim);
    if (part->refused) {
        part_finish(worker, part);
        return;
    }
    (void)gf_locks_claim(&worker->locks, &part->claim); /* it would, so it has */
    part_go(worker, part);
}

/* A split command with keys holds those, what is lent are partitions. */
static void part_lock(struct gf_worker *worker, struct gf_part *part)
{
    bool keyed = !part->lend && part->keys_count > 0;

    part->claim = (struct gf_claim){
        .partitions = keyed ? part->key_partitions : part->partitions,
        .hashes = keyed ? part->key_hashes : NULL,
        .count = keyed ? part->keys_count : part->partitions_count,
        .holds = true,
        .names = !part->lend && gf_command_sees_names(part->request->command),
        .changes = keyed && part_changes(part),
        .granted = part_granted,
    };
    part_claim(worker, part);
}

static void part_returned(struct gf_claim *claim)
{
    struct gf_part *part = gf_container(claim, struct gf_part, keys);
    struct gf_worker *worker = gf_worker_of(gf_core_here());

    gf_stay_end(worker, &part->parcel.message);
    part_run_locked(worker, part);
}

/* It holds its keys, or names, but the partitions may be with another command for a slice of that
 * one. */
static void part_run_when_here(struct gf_worker *worker, struct gf_part *part)
{
    part->keys = (struct gf_claim){
        .partitions = part->partitions,
        .count = part->partitions_count,
        .takes = true,
        .granted = part_returned,
    };
    if ((!part->claim.hashes && !part->claim.names) || gf_locks_claim(&worker->locks, &part->keys))
        part_run_locked(worker, part);
    else
        gf_stay_begin(worker, &part->parcel.message);
}

static struct gf_claim keys_of(const struct gf_part *part)
{
    return (struct gf_claim){
        .partitions = part->key_partitions,
        .hashes = part->key_hashes,
        .count = part->keys_count,
        .holds = true,
        .changes = part_changes(part),
    };
}

/* The keys are locked, and objects stay where they are, until the partitions are taken. */
static void part_keep(struct gf_worker *worker, struct gf_part *part)
{
    part->keeps = true;
    gf_heap_pin(worker->heap);
}

/* The partitions come back. */
static void part_hold(struct gf_worker *worker, struct gf_part *part)
{
    part_return(worker, part);
    if (part->keeps) {
        gf_heap_pin(worker->heap);
        gf_locks_release(&worker->locks, &part->claim);
        return;
    }
    part_keep(worker, part);
    part->keys = keys_of(part);
    gf_locks_keep_keys(&worker->locks, &part->claim, &part->keys);
}

static void part_keys_locked(struct gf_worker *worker, struct gf_part *part)
{
    part_keep(worker, part);
    part_finish(worker, part);
}

static void part_keys_granted(struct gf_claim *claim)
{
    struct gf_part *part = gf_container(claim, struct gf_part, keys);
    struct gf_worker *worker = gf_worker_of(gf_core_here());

    gf_stay_end(worker, &part->parcel.message);
    part_keys_locked(worker, part);
}

static void part_lock_keys(struct gf_worker *worker, struct gf_part *part)
{
    part->keys = keys_of(part);
    part->keys.granted = part_keys_granted;
    if (gf_locks_claim(&worker->locks, &part->keys))
        part_keys_locked(worker, part);
    else
        gf_stay_begin(worker, &part->parcel.message);
}

static void part_take(struct gf_worker *worker, struct gf_part *part)
{
    part->claim = (struct gf_claim){
        .partitions = part->partitions,
        .count = part->partitions_count,
        .holds = true,
        .takes = true,
        .granted = part_granted,
    };
    part_claim(worker, part);
}

static void part_unlock(struct gf_worker *worker, struct gf_part *part)
{
    part_return(worker, part);
    gf_locks_release(&worker->locks, &part->claim);
    if (part->keeps)
        gf_locks_release(&worker->locks, &part->keys);
}

void gf_part_arrive(struct gf_worker *worker, struct gf_part *part)
{
    GF_ASSERT(part->core == worker->core->id);
    switch (part->step) {
    case GF_PART_LOCK:
    case GF_PART_LOCK_RUN:
        part_lock(worker, part);
        return;
    case GF_PART_TRY:
        part_try(worker, part);
        return;
    case GF_PART_KEYS:
        part_lock_keys(worker, part);
        return;
    case GF_PART_TAKE:
        part_take(worker, part);
        return;
    case GF_PART_RUN:
        part_run_when_here(worker, part);
        return;
    case GF_PART_UNLOCK:
        part_unlock(worker, part);
        break;
    case GF_PART_HOLD:
        part_hold(worker, part);
        break;
    }
    part_finish(worker, part);
    gf_waiters_after(worker);
}
