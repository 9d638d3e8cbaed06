/* Commands over several partitions, at home: plan, lock, run, merge. See multi.h. */
#include "shards/multi.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "shards/conn.h"
#include "shards/dispatch.h"
#include "shards/merge.h"
#include "shards/plan.h"
#include "shards/request.h"
#include "shards/server.h"
#include "shards/slice.h"
#include "shards/stats.h"
#include "shards/timing.h"
#include "shards/trip.h"
#include "shards/worker.h"

/* The coordinator's side of a command over several cores. */
struct gf_multi {
    struct gf_request *request; /* holds the words and gets the answer; at its connection */
    struct gf_part *parts;      /* ascending by core; owned                               */
    uint32_t parts_count;       /* 2 or more; an errand's: 1 or more                      */
    uint32_t parts_locked;
    uint32_t parts_out; /* RUN or UNLOCK under way                                */
    bool lend;
    bool keys_first;        /* partitions are taken when all keys are locked         */
    struct gf_slice *slice; /* that waits until the parts are back; or NULL          */
    uint32_t *key_parts;    /* part of the i-th key, for MERGE_KEYS; in `block`       */
    uint32_t keys_count;
    void *block; /* partitions, words, key_parts; owned                    */
};

static void multi_lock_next(struct gf_worker *worker, struct gf_multi *multi);
static void multi_locked(struct gf_worker *worker, struct gf_multi *multi);
static void multi_continue(struct gf_worker *worker, struct gf_multi *multi);

/* ---- locking and running ------------------------------------------------------------------- */

static void part_send(struct gf_worker *worker, struct gf_part *part, enum gf_part_step step)
{
    part->step = step;
    part->parcel.locks = step != GF_PART_RUN && step != GF_PART_UNLOCK && step != GF_PART_HOLD;
    part->parcel.takes = step == GF_PART_TAKE;
    if (part->core == worker->core->id)
        gf_part_arrive(worker, part);
    else
        gf_parcel_post(worker, &part->parcel);
}

static void multi_lock_next(struct gf_worker *worker, struct gf_multi *multi)
{
    struct gf_part *part = &multi->parts[multi->parts_locked];
    bool last = multi->parts_locked + 1 == multi->parts_count;
    enum gf_part_step step = GF_PART_LOCK;

    if (multi->lend && multi->keys_count > 0)
        step = multi->keys_first ? GF_PART_KEYS : GF_PART_TRY;
    else if (last && !multi->lend)
        step = GF_PART_LOCK_RUN;
    if (step == GF_PART_LOCK_RUN)
        multi->parts_out = 1;
    part_send(worker, part, step);
}

/* All parts so far lock partitions; from now on, keys. */
static void multi_hold(struct gf_worker *worker, struct gf_multi *multi, uint32_t count)
{
    multi->parts_out = count;
    for (uint32_t i = 0; i < count; i++)
        part_send(worker, &multi->parts[i], GF_PART_HOLD);
}

static void multi_tried(struct gf_worker *worker, struct gf_multi *multi, bool refused)
{
    multi->parts_locked += !refused;
    multi->keys_first = refused;
    if (refused && multi->parts_locked > 0)
        multi_hold(worker, multi, multi->parts_locked);
    else if (multi->parts_locked < multi->parts_count)
        multi_lock_next(worker, multi);
    else
        multi_locked(worker, multi);
}

static void multi_take(struct gf_worker *worker, struct gf_multi *multi)
{
    multi->parts_locked = 0;
    part_send(worker, &multi->parts[0], GF_PART_TAKE);
}

/* CLIENT NO-TOUCH for what other cores have lent to this one. */
static void lent_set_untouched(struct gf_worker *worker, const struct gf_multi *multi,
                               bool untouched)
{
    for (uint32_t i = 0; i < multi->parts_count; i++) {
        const struct gf_part *part = &multi->parts[i];

        for (uint32_t p = 0; p < part->partitions_count; p++) {
            struct gf_partition *partition = worker->partitions[part->partitions[p]];

            gf_core_assert_here(partition->owner);
            partition->context.untouched = untouched;
        }
    }
}

/* The partitions on loan are used now. */
static void multi_begin_lent(struct gf_worker *worker, const struct gf_multi *multi)
{
    if (multi->request->no_touch)
        lent_set_untouched(worker, multi, true);
    gf_events_lend(&worker->events);
}

/* ... and not any more. */
static void multi_end_lent(struct gf_worker *worker, const struct gf_multi *multi)
{
    gf_events_return(&worker->events);
    if (multi->request->no_touch)
        lent_set_untouched(worker, multi, false);
}

/* Returns false when it needs the partitions longer, or again. */
static bool multi_run_lent(struct gf_worker *worker, struct gf_multi *multi)
{
    multi_begin_lent(worker, multi);
    if (!gf_request_run(worker, multi->request) && multi->request->state != GF_REQUEST_PARKED)
        return false;
    multi_end_lent(worker, multi);
    return true;
}

/* Every lock is held: a lent command runs here and gives all back; the parts of a split that have
 * not run yet (all but the last) run now. */
static void multi_locked(struct gf_worker *worker, struct gf_multi *multi)
{
    if (!multi->lend || multi_run_lent(worker, multi))
        multi_continue(worker, multi);
}

void gf_multi_ran(struct gf_worker *worker, struct gf_multi *multi)
{
    multi_end_lent(worker, multi);
    multi_continue(worker, multi);
}

bool gf_multi_has_keys(const struct gf_multi *multi)
{
    return multi->keys_count > 0;
}

void gf_multi_hold(struct gf_worker *worker, struct gf_multi *multi, struct gf_slice *slice)
{
    GF_ASSERT(multi->lend);
    multi_end_lent(worker, multi);
    multi->slice = slice;
    multi_hold(worker, multi, multi->parts_count);
}

void gf_multi_take(struct gf_worker *worker, struct gf_multi *multi)
{
    GF_ASSERT(multi->slice != NULL);
    multi_take(worker, multi);
}

static void multi_took(struct gf_worker *worker, struct gf_multi *multi)
{
    multi->parts_locked++;
    if (multi->parts_locked < multi->parts_count) {
        part_send(worker, &multi->parts[multi->parts_locked], GF_PART_TAKE);
        return;
    }
    if (!multi->slice) {
        multi_locked(worker, multi);
        return;
    }
    multi_begin_lent(worker, multi);
    gf_slice_go(worker, multi->slice);
}

static void multi_continue(struct gf_worker *worker, struct gf_multi *multi)
{
    uint32_t count = multi->lend ? multi->parts_count : multi->parts_count - 1;

    multi->parts_out = count;
    for (uint32_t i = 0; i < count; i++)
        part_send(worker, &multi->parts[i], multi->lend ? GF_PART_UNLOCK : GF_PART_RUN);
    /* The last part_home may have freed the multi. */
}

static void multi_merge(struct gf_worker *worker, struct gf_multi *multi)
{
    struct gf_request *request = multi->request;
    struct gf_chain *replies[GF_CORES_MAX];
    struct gf_merge_input input = {
        .kind = request->command->merge,
        .replies = replies,
        .replies_count = multi->parts_count,
        .key_parts = multi->key_parts,
        .keys_count = multi->keys_count,
        .seed = gf_worker_seed(worker),
    };
    struct gf_reply reply;
    enum gf_message_id failure = GF_MSG_NONE;

    for (uint32_t i = 0; i < multi->parts_count; i++) {
        const struct gf_part *part = &multi->parts[i];

        replies[i] = &multi->parts[i].reply;
        if (failure == GF_MSG_NONE)
            failure = part->failure;
        /* The slowest part: that is how long its client waited. */
        if (part->duration_ns > request->duration_ns)
            request->duration_ns = part->duration_ns;
    }
    gf_reply_init(&reply, &request->reply, request->resp);
    gf_merge(&reply, &input);
    gf_reply_end(&reply);
    request->state = GF_REQUEST_DONE;
    gf_timing_book(worker, request->command, request->duration_ns);
    gf_worker_stats_of(worker, request->command)->calls++;
    worker->counters.commands_processed++;
    if (reply.failed) {
        gf_worker_stats_of(worker, request->command)->failed++;
        gf_stats_count_error(worker, failure);
    }
}

static void multi_answer(struct gf_worker *worker, struct gf_multi *multi)
{
    struct gf_request *request = multi->request;
    struct gf_conn *conn = request->conn;

    if (!multi->lend)
        multi_merge(worker, multi);
    gf_free(GF_MEMORY_OTHER, multi->parts);
    gf_free(GF_MEMORY_OTHER, multi->block);
    gf_free(GF_MEMORY_OTHER, multi);
    if (request->state == GF_REQUEST_PARKED) {
        request->multi = NULL;
        gf_waiters_settled(worker, request);
        return;
    }
    gf_request_home(worker, request);
    if (conn)
        gf_conn_release(conn);
}

static void multi_held(struct gf_worker *worker, struct gf_multi *multi)
{
    if (multi->slice)
        gf_slice_held(worker, multi->slice);
    else
        multi_lock_next(worker, multi);
}

void gf_part_home(struct gf_worker *worker, struct gf_part *part)
{
    struct gf_multi *multi = part->multi;

    switch (part->step) {
    case GF_PART_LOCK:
        multi->parts_locked++;
        if (multi->parts_locked < multi->parts_count)
            multi_lock_next(worker, multi);
        else
            multi_locked(worker, multi);
        return;
    case GF_PART_LOCK_RUN:
        multi->parts_locked++;
        multi_locked(worker, multi);
        return;
    case GF_PART_TRY:
        multi_tried(worker, multi, part->refused);
        return;
    case GF_PART_KEYS:
        multi->parts_locked++;
        if (multi->parts_locked < multi->parts_count)
            multi_lock_next(worker, multi);
        else
            multi_take(worker, multi);
        return;
    case GF_PART_TAKE:
        multi_took(worker, multi);
        return;
    case GF_PART_HOLD:
        GF_ASSERT(multi->parts_out > 0);
        multi->parts_out--;
        if (multi->parts_out == 0)
            multi_held(worker, multi);
        return;
    case GF_PART_RUN:
    case GF_PART_UNLOCK:
        GF_ASSERT(multi->parts_out > 0);
        multi->parts_out--;
        if (multi->parts_out == 0)
            multi_answer(worker, multi);
        return;
    }
}

/* ---- planning ------------------------------------------------------------------------------ */

static struct gf_request *request_make(struct gf_conn *conn, const struct gf_ahead *ahead,
                                       const struct gf_bytes *words)
{
    struct gf_request *request = gf_request_acquire(conn->worker, conn);

    request->command = ahead->command;
    request->db = conn->session.db;
    request->resp = conn->session.resp;
    request->owner = conn->worker->core->id;
    gf_request_set_words(request, words, ahead->parsed.words_count);
    gf_list_push_back(&conn->requests, &request->link);
    conn->requests_count++;
    return request;
}

void gf_multi_start(struct gf_worker *worker, struct gf_request *request, struct gf_plan *plan)
{
    struct gf_multi *multi = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*multi));
    uint64_t number;

    request->partition = plan->first_partition;
    request->key_hash = plan->first_hash;
    worker->counters.commands_multi++;
    number = ++worker->tracking.numbers << 16 | worker->core->id;
    multi->request = request;
    multi->lend = request->command->merge == GF_MERGE_NONE;
    request->multi = multi;
    multi->parts_count = plan->cores_count;
    multi->parts = gf_alloc_zero(GF_MEMORY_OTHER, plan->cores_count * sizeof(*multi->parts));
    multi->keys_count = plan->keys_count;
    multi->block = gf_plan_parts(plan, request, multi->parts, &multi->key_parts);
    for (uint32_t i = 0; i < multi->parts_count; i++) {
        struct gf_part *part = &multi->parts[i];

        part->multi = multi;
        part->request = request;
        part->lend = multi->lend;
        part->flush = (struct gf_tracking_flush){.command = number, .cores = multi->parts_count};
        part->parcel.message =
            (struct gf_message){.home = worker->core->id, .kind = GF_MESSAGE_PART};
        part->parcel.to = part->core;
    }
    multi_lock_next(worker, multi);
}

/* Everything is on one core: this one, where it may have to wait behind a lock, or another. */
static bool start_on_one_core(struct gf_conn *conn, const struct gf_ahead *ahead,
                              const struct gf_bytes *words, struct gf_plan *plan)
{
    struct gf_worker *worker = conn->worker;
    bool trip = (ahead->command->flags & GF_CURSOR) && worker->core->count > 1;
    bool blocking = (ahead->command->flags & GF_BLOCKING) != 0;
    bool names = gf_command_sees_names(ahead->command);
    struct gf_request *request;

    if (!trip && !blocking && plan->core == worker->core->id &&
        gf_plan_is_free(plan, &worker->locks) &&
        !(GF_UNLIKELY(ahead->command->flags & GF_SLICED) &&
          gf_slice_plan_is_worth(worker, plan, conn->session.db))) {
        struct gf_ahead one = *ahead;

        one.partition = plan->first_partition;
        one.key_hash = plan->first_hash;
        one.located = true;
        gf_dispatch_here(conn, &one, words);
        return true;
    }
    if (plan->core != worker->core->id && !gf_parcel_room_for_request(worker, plan->core))
        return false;
    request = request_make(conn, ahead, words);
    request->owner = plan->core;
    request->partition = plan->first_partition;
    request->key_hash = plan->first_hash;
    gf_request_set_partitions(request, plan->partitions, gf_plan_hashes(plan),
                              plan->partitions_count);
    if (ahead->command->flags & GF_CURSOR) /* it walks on: what follows must not overtake it */
        gf_trip_begin(conn, request);
    if (blocking)
        conn->blocking = request;
    gf_request_start(worker, request);
    if ((conn->blocking || (names && conn->requests_count > 0)) && !conn->held)
        gf_conn_hold(conn); /* it has not been answered yet, and may wait: others pass it */
    return true;
}

static void start_on_several(struct gf_conn *conn, const struct gf_ahead *ahead,
                             const struct gf_bytes *words, struct gf_plan *plan)
{
    struct gf_request *request = request_make(conn, ahead, words);

    if (ahead->command->flags & GF_BLOCKING) {
        request->spread = true;
        conn->blocking = request;
    }
    gf_conn_hold(conn);
    gf_multi_start(conn->worker, request, plan);
}

bool gf_multi_dispatch(struct gf_conn *conn, const struct gf_ahead *ahead,
                       const struct gf_bytes *words)
{
    struct gf_worker *worker = conn->worker;
    struct gf_plan plan;
    bool started = true;

    /* It may pass who waits for a key: not those of its own connection. */
    if (conn->requests_count > 0 && gf_command_sees_names(ahead->command)) {
        gf_conn_drain(conn);
        return false;
    }
    gf_plan_init(&plan, worker, ahead->command);
    plan.one_core = gf_conn_sees_one_core(conn);
    if (!gf_plan_keys(&plan, words, ahead->parsed.words_count)) {
        /* No keys where its row looks for them: the command itself says what is wrong. */
        gf_dispatch_here(conn, ahead, words);
    } else if (plan.cores_count == 1) {
        started = start_on_one_core(conn, ahead, words, &plan);
    } else if ((ahead->command->flags & GF_GROWS) && !gf_worker_has_room(worker, 0)) {
        gf_dispatch_refuse(conn, GF_MSG_OOM); /* before any part of it ran */
        gf_worker_stats_of(worker, ahead->command)->rejected++;
    } else {
        start_on_several(conn, ahead, words, &plan);
    }
    gf_plan_deinit(&plan);
    return started;
}
