/* One slice a turn, of whoever waits longest. */
#include "shards/slice.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "core/random.h"
#include "modules/heap.h"
#include "modules/keyspace.h"
#include "modules/registry.h"
#include "shards/dispatch.h"
#include "shards/multi.h"
#include "shards/plan.h"
#include "shards/request.h"
#include "shards/server.h"
#include "shards/timing.h"
#include "shards/worker.h"

#define LOOK_ELEMENTS 64u     /* between two looks at the clock */
#define BYTES_PER_ELEMENT 512 /* of a value of bytes */
#define BLOCK_ELEMENTS 64     /* of a value that counts its blocks */
#define KEYS_INSIDE 32

struct gf_slice {
    struct gf_link link;
    struct gf_worker *worker;
    struct gf_request *request;
    struct gf_fiber *fiber;
    struct gf_reply reply;
    struct gf_run run;
    struct gf_timing_span span; /* of the slice that runs              */
    uint64_t end_ns;            /* ... which is over then              */
    uint64_t duration_ns;       /* of those before                     */
    bool gives_back;            /* its partitions, between two slices  */
    struct gf_claim claim;      /* until they are here                 */
};

/* ---- worth it? ----------------------------------------------------------------------------- */

/* About how many elements a command has to go through. */
static uint64_t object_elements(const struct gf_worker *worker, const struct gf_object *object)
{
    const struct gf_type *type;

    if (!(object->flags & GF_OBJECT_POINTER))
        return gf_object_bytes(object).size / BYTES_PER_ELEMENT;
    type = gf_registry_types(worker->plugins->registry)[gf_object_type(object)];
    if (!type->length)
        return 0;
    return type->length(gf_object_pointer(object)) *
           (type->id == GF_TYPE_LIST || type->id == GF_TYPE_STREAM ? BLOCK_ELEMENTS : 1);
}

static uint64_t key_elements(const struct gf_worker *worker, uint32_t db, uint32_t id,
                             uint64_t hash, struct gf_bytes key)
{
    const struct gf_partition *partition = worker->partitions[id];
    const struct gf_object *object = NULL;

    gf_core_assert_here(partition->owner);
    if (partition->databases[db])
        object = gf_keyspace_peek(partition->databases[db], hash, key,
                                  gf_core_now_ms(worker->core));
    return object ? object_elements(worker, object) : 0;
}

bool gf_slice_plan_is_worth(const struct gf_worker *worker, struct gf_plan *plan, uint32_t db)
{
    const uint64_t *hashes = gf_plan_hashes(plan);
    uint64_t elements = 0;

    if (!hashes)
        return false;
    if (GF_UNLIKELY(worker->settings.command_slice_elements > 0))
        return true;
    for (uint32_t i = 0; i < plan->keys_count && elements <= GF_SLICE_ELEMENTS; i++)
        elements += key_elements(worker, db, plan->partitions[i], hashes[i],
                                 plan->words[plan->key_words[i]]);
    return elements > GF_SLICE_ELEMENTS;
}

bool gf_slice_is_worth(const struct gf_worker *worker, const struct gf_command *command,
                       uint32_t db, const struct gf_bytes *words, uint32_t count)
{
    const struct gf_server *server = worker->server;
    uint32_t inside[KEYS_INSIDE];
    uint32_t *indexes = inside;
    uint64_t elements = 0;
    uint32_t keys;

    if (GF_UNLIKELY(worker->settings.command_slice_elements > 0))
        return true;
    if (count > KEYS_INSIDE)
        indexes = gf_alloc(GF_MEMORY_OTHER, count * sizeof(*indexes));
    keys = gf_command_keys(command, words, count, indexes, count);
    for (uint32_t i = 0; i < keys && elements <= GF_SLICE_ELEMENTS; i++) {
        struct gf_bytes key = words[indexes[i]];

        elements += key_elements(worker, db, gf_router_partition(&server->router, key),
                                 gf_keyspace_hash(server->hash_seed, key), key);
    }
    if (indexes != inside)
        gf_free(GF_MEMORY_OTHER, indexes);
    return elements > GF_SLICE_ELEMENTS;
}

/* ---- on the fiber -------------------------------------------------------------------------- */

static void pace_wind(struct gf_worker *worker, struct gf_pace *pace)
{
    uint64_t elements = worker->settings.command_slice_elements;

    pace->left = LOOK_ELEMENTS;
    if (GF_UNLIKELY(elements > 0))
        pace->left = 1 + (uint32_t)(gf_worker_seed(worker) % elements);
}

static bool slice_is_over(const struct gf_slice *slice)
{
    const struct gf_worker *worker = slice->worker;

    return worker->settings.command_slice_elements > 0 ||
           gf_core_clock_ns(worker->core) >= slice->end_ns;
}

/* What is true of the worker while this command runs, and not while others do. */
static void slice_pause(struct gf_pace *pace)
{
    struct gf_worker *worker = gf_worker_of(gf_core_here());
    struct gf_slice *slice = worker->slicing.running;

    if (slice_is_over(slice)) {
        if (slice->run.no_touch)
            gf_run_set_untouched(worker, &slice->run, false);
        gf_fiber_leave(slice->fiber);
        if (slice->run.no_touch)
            gf_run_set_untouched(worker, &slice->run, true);
        worker->events.client = slice->run.client;
    }
    pace_wind(worker, pace);
}

void gf_slice_set_pace(struct gf_worker *worker, struct gf_slice *slice, struct gf_pace *ret_pace)
{
    GF_ASSERT(worker->slicing.running == slice);
    ret_pace->pause = slice_pause;
    pace_wind(worker, ret_pace);
}

uint64_t gf_slice_duration_ns(struct gf_worker *worker, struct gf_slice *slice)
{
    return slice->duration_ns + gf_timing_measure(worker, &slice->span);
}

static void slice_main(void *context)
{
    struct gf_slice *slice = context;

    gf_run_command(slice->worker, &slice->run);
}

/* ---- on the core's stack ------------------------------------------------------------------- */

static void slice_begin(struct gf_slice *slice)
{
    struct gf_worker *worker = slice->worker;

    GF_ASSERT(!worker->slicing.running);
    worker->slicing.running = slice;
    gf_timing_begin(worker, &slice->span);
    slice->end_ns = slice->span.since_ns + GF_SLICE_NS;
}

static void slice_end(struct gf_slice *slice)
{
    struct gf_worker *worker = slice->worker;

    slice->duration_ns += gf_timing_measure(worker, &slice->span);
    worker->slicing.running = NULL;
}

/* Its turn comes. */
void gf_slice_held(struct gf_worker *worker, struct gf_slice *slice)
{
    gf_list_push_back(&worker->slicing.waiting, &slice->link);
    if (!gf_op_is_deferred(&worker->slicing.op))
        gf_core_defer(worker->core, GF_PHASE_WORK, &worker->slicing.op);
}

/* It goes on later. */
static void slice_wait(struct gf_worker *worker, struct gf_slice *slice)
{
    if (slice->gives_back)
        gf_multi_hold(worker, slice->request->multi, slice);
    else
        gf_slice_held(worker, slice);
}

static void slice_destroy(struct gf_slice *slice)
{
    struct gf_request *request = slice->request;

    request->duration_ns += slice->run.duration_ns;
    request->state = GF_REQUEST_DONE;
    gf_heap_unpin(slice->worker->heap);
    gf_free(GF_MEMORY_OTHER, slice);
}

bool gf_slice_run(struct gf_worker *worker, struct gf_request *request)
{
    struct gf_slice *slice = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*slice));
    bool started;

    slice->worker = worker;
    slice->request = request;
    gf_request_make_run(worker, request, &slice->reply, &slice->run);
    slice->run.slice = slice;
    slice->run.postponed = gf_command_may_postpone(request->command);
    slice->gives_back = request->multi && gf_multi_has_keys(request->multi);
    gf_heap_pin(worker->heap);
    slice_begin(slice);
    started = gf_fiber_start(&worker->slicing.fibers, slice_main, slice, &slice->fiber);
    slice_end(slice);
    if (!started) {
        slice->run.slice = NULL; /* in one go */
        gf_run_command(worker, &slice->run);
    }
    if (slice->fiber) {
        slice_wait(worker, slice);
        return false;
    }
    slice_destroy(slice);
    return true;
}

/* It holds keys of this core, in partitions that a command over several cores may have taken for a
 * slice of its own. (One over several cores that does not give its partitions back has them.) */
static bool slice_is_away(const struct gf_worker *worker, const struct gf_slice *slice)
{
    const struct gf_request *request = slice->request;

    for (uint32_t i = 0; i < request->partitions_count; i++) {
        if (gf_locks_is_away(&worker->locks, request->partitions[i]))
            return true;
    }
    return false;
}

void gf_slice_go(struct gf_worker *worker, struct gf_slice *slice)
{
    struct gf_request *request = slice->request;
    bool ended;

    GF_ASSERT(slice->gives_back || !slice_is_away(worker, slice));
    slice_begin(slice);
    ended = gf_fiber_enter(&worker->slicing.fibers, slice->fiber);
    slice_end(slice);
    if (!ended) {
        slice_wait(worker, slice);
        return;
    }
    slice_destroy(slice);
    gf_request_ran(worker, request);
}

static void slice_granted(struct gf_claim *claim)
{
    gf_slice_go(gf_worker_of(gf_core_here()), gf_container(claim, struct gf_slice, claim));
}

/* With keys of this core: as soon as their partitions are here. */
static void slice_go_here(struct gf_worker *worker, struct gf_slice *slice)
{
    const struct gf_request *request = slice->request;

    slice->claim = (struct gf_claim){
        .partitions = request->partitions,
        .count = request->partitions_count,
        .takes = true,
        .granted = slice_granted,
    };
    if (gf_locks_claim(&worker->locks, &slice->claim))
        gf_slice_go(worker, slice);
}

/* The next one's turn. */
static void slicing_done(struct gf_op *op, int result)
{
    struct gf_slicing *slicing = gf_container(op, struct gf_slicing, op);
    struct gf_worker *worker = gf_container(slicing, struct gf_worker, slicing);
    struct gf_link *link = gf_list_pop_front(&slicing->waiting);
    struct gf_slice *slice = gf_container(link, struct gf_slice, link);

    (void)result; /* always GF_OK */
    if (slice->gives_back)
        gf_multi_take(worker, slice->request->multi);
    else if (!slice->request->multi)
        slice_go_here(worker, slice);
    else
        gf_slice_go(worker, slice);
    if (!gf_list_empty(&slicing->waiting) && !gf_op_is_deferred(op))
        gf_core_defer(worker->core, GF_PHASE_WORK, op);
}

void gf_slicing_init(struct gf_worker *worker)
{
    gf_fibers_init(&worker->slicing.fibers);
    gf_list_init(&worker->slicing.waiting);
    worker->slicing.op.done = slicing_done;
}

void gf_slicing_deinit(struct gf_worker *worker)
{
    GF_ASSERT(gf_list_empty(&worker->slicing.waiting));
    gf_fibers_deinit(&worker->slicing.fibers);
}
