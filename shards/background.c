/* Background work of a core: one slice per turn, one look around per tick. */
#include "shards/background.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "core/extent.h"
#include "core/log.h"
#include "modules/keyspace.h"
#include "shards/conn.h"
#include "shards/latency.h"
#include "shards/server.h"
#include "shards/stats.h"
#include "shards/worker.h"

#define NS_PER_MS 1000000u
#define US_PER_S 1000000u
#define PARTITION_BUDGET 64      /* buckets or objects between two looks at the clock */
#define EXPIRE_BUCKETS 256       /* buckets looked at in one partition and round */
#define ROUND_TICKS 4            /* ticks between rounds of a core that is not pushed */
#define EVICT_BUDGET 512         /* candidates of one go, 0.1 to 0.25 ms */
#define EVICT_ROUNDS 8           /* goes of one command at most ... */
#define EVICT_ROUNDS_URGENT 4096 /* ... and when the node is over by more than ... */
#define URGENT_PART 256          /* ... this part of maxmemory; ... */
#define EVICT_COMMAND_NS 250000u /* ... and for no longer than this */
#define WAIT_PART 128            /* of maxmemory: over by more, the next writes wait */
#define RESERVE_PART 256         /* of maxmemory: evicted ahead of the writes */
#define RESERVE_PART_MAX 12      /* ... more, when large requests arrive, up to this part */
#define EXPECTED_FADES 4         /* large requests are expected less at each tick: by 1/4 */
#define NEEDED_PART_MAX 8        /* of maxmemory: what one write may ask for at most */
#define EVICT_STEP 16384         /* bytes evicted in one go at most: then pages are looked for */
#define EVICT_SLACK 4096         /* bytes more than needed, so that not every write evicts */
#define RECLAIM_PAGES 8          /* emptied in one go */
#define SPARE_PART_MAX 2         /* of maxmemory: 1/2 */
#define OUTSIDE_PART_MAX 4       /* of maxmemory: 1/4 */
#define LOOK_PART 128            /* of maxmemory: evicted between two looks at what is resident */
#define STALLED_CONNS_PER_TICK 1000 /* connections looked at in one tick */

static uint64_t background_now(const struct gf_worker *worker)
{
    return worker->core->driver->ops->now_ns(worker->core->driver);
}

/* Expired keys of one partition; returns how many were removed. */
static uint32_t partition_expire(struct gf_worker *worker, struct gf_partition *partition)
{
    uint32_t removed = 0;

    if (worker->background->expire_paused)
        return 0;
    for (uint32_t db = 0; db < partition->databases_count; db++) {
        struct gf_keyspace *keyspace = partition->databases[db];

        if (keyspace && gf_keyspace_volatile_count(keyspace) > 0)
            removed +=
                gf_keyspace_expire_slice(keyspace, EXPIRE_BUCKETS, gf_core_now_ms(worker->core));
    }
    worker->counters.keys_expired += removed;
    return removed;
}

/* The next partition that is this core's to touch now; NULL when the one in turn is lent or
 * locked. */
static struct gf_partition *partition_next(struct gf_worker *worker)
{
    struct gf_background *background = worker->background;
    uint16_t id;

    if (background->next_partition >= worker->owned_count)
        background->next_partition = 0;
    id = worker->owned[background->next_partition++];
    return gf_locks_free(&worker->locks, id) ? worker->partitions[id] : NULL;
}

/* Memory of one kind on all cores. */
static int64_t node_memory_of(const struct gf_server *server, enum gf_memory_kind kind)
{
    int64_t sum = 0;

    for (uint16_t core = 0; core < server->cores_count; core++)
        sum += atomic_load_explicit(&server->cores[core].memory.bytes[kind], memory_order_relaxed);
    return sum;
}

int64_t gf_server_memory(struct gf_server *server)
{
    uint64_t peak = atomic_load_explicit(&server->memory_peak, memory_order_relaxed);
    int64_t sum = 0;

    for (int kind = 0; kind < GF_MEMORY_KINDS_COUNT; kind++)
        sum += node_memory_of(server, (enum gf_memory_kind)kind);
    /* Two cores may race for the peak: the next look, a tick later at most, sets it right. */
    if (sum > 0 && (uint64_t)sum > peak)
        atomic_store_explicit(&server->memory_peak, (uint64_t)sum, memory_order_relaxed);
    return sum;
}

static int64_t core_data(const struct gf_worker *worker)
{
    return atomic_load_explicit(&worker->core->memory.bytes[GF_MEMORY_DATA], memory_order_relaxed);
}

/* Memory that is held but booked nowhere: free blocks, free pages, free extents. */
static int64_t node_spare(const struct gf_worker *worker)
{
    const struct gf_server *server = worker->server;
    struct gf_memory_account *own = &worker->core->memory;
    int64_t sum = (int64_t)(gf_pages_held_size(server->pages) - gf_pages_used_size(server->pages) +
                            gf_extent_free_size());

    if (!gf_heap_is_lent(worker->heap))
        atomic_store_explicit(&own->spare, (int64_t)gf_heap_free_size(worker->heap),
                              memory_order_relaxed);
    for (uint16_t core = 0; core < server->cores_count; core++)
        sum += atomic_load_explicit(&server->cores[core].memory.spare, memory_order_relaxed);
    return sum;
}

static int64_t at_most(int64_t size, int64_t limit)
{
    return size < limit ? size : limit;
}

/* maxmemory, where there is one. */
static int64_t memory_limit(const struct gf_worker *worker)
{
    uint64_t maxmemory = worker->settings.maxmemory;

    return maxmemory < INT64_MAX ? (int64_t)maxmemory : INT64_MAX;
}

/* Bytes that the node may still take; negative when it holds too much. What is resident beyond the
 * accounts counts, too, up to parts of maxmemory: beyond those, evicting would not help. */
static int64_t node_room(const struct gf_worker *worker)
{
    int64_t limit = memory_limit(worker);
    int64_t room = limit - gf_server_memory(worker->server);

    if (worker->background->blind)
        return room;
    return room - at_most(node_spare(worker), limit / SPARE_PART_MAX) -
           at_most(worker->background->outside, limit / OUTSIDE_PART_MAX);
}

static bool may_evict(const struct gf_worker *worker)
{
    return worker->background->evictor.policy != GF_NOEVICTION;
}

/* Bytes that are to be free before anybody asks for them: a part of all, and several times what is
 * being received: for the growth of the buffer, the copy on its way to another core, the value. */
static int64_t node_reserve(const struct gf_worker *worker)
{
    int64_t limit = memory_limit(worker);
    int64_t copies = worker->core->count > 1 ? 4 : 2;

    if (!may_evict(worker))
        return 0;
    return limit / RESERVE_PART +
           at_most(copies * worker->background->expected, limit / RESERVE_PART_MAX);
}

/* Writes wait while the node is over by more than a part; what is in the background then does not
 * make anybody else wait. */
static void set_waiting(struct gf_worker *worker, bool waiting)
{
    worker->attention &= ~(uint32_t)GF_ATTENTION_MEMORY;
    if (waiting)
        worker->attention |= GF_ATTENTION_MEMORY;
}

static bool must_wait(const struct gf_worker *worker, int64_t room)
{
    return room < -(memory_limit(worker) / WAIT_PART);
}

void gf_worker_check_memory(struct gf_worker *worker)
{
    int64_t room;
    int64_t reserve;

    if (worker->settings.maxmemory == 0) {
        (void)gf_server_memory(worker->server); /* for its peak */
        worker->memory_ceiling = INT64_MAX;
        return;
    }
    room = node_room(worker);
    reserve = node_reserve(worker);
    /* Room is shared out evenly; where it ends, and where the reserve begins, a write asks what is
     * to be done. Without room the next one does, whatever is evicted until then. */
    if (room > reserve)
        room -= reserve;
    worker->memory_ceiling = room >= 0 ? core_data(worker) + room / worker->core->count : INT64_MIN;
}

static void measure_outside(struct gf_worker *worker)
{
    struct gf_background *background = worker->background;
    struct gf_driver *driver = worker->core->driver;
    int64_t resident;
    int64_t outside;

    background->freed = 0;
    if (worker->settings.maxmemory == 0)
        return;
    resident = (int64_t)driver->ops->resident_size(driver);
    background->blind = resident == 0;
    outside = resident - gf_server_memory(worker->server) - node_spare(worker);
    background->outside = outside > 0 ? outside : 0;
}

/* Keyspaces of this core by number: database by database, so that the databases in use are the
 * first numbers. */
static struct gf_keyspace *evict_at(void *context, uint32_t index)
{
    struct gf_worker *worker = context;
    uint16_t id = worker->owned[index % worker->owned_count];

    return gf_locks_free(&worker->locks, id)
               ? worker->partitions[id]->databases[index / worker->owned_count]
               : NULL;
}

/* One more than the highest database that any partition of this core has. */
static uint32_t databases_used(const struct gf_worker *worker)
{
    uint32_t used = 1;

    for (uint32_t i = 0; i < worker->owned_count; i++) {
        const struct gf_partition *partition = worker->partitions[worker->owned[i]];

        for (uint32_t db = used; db < partition->databases_count; db++) {
            if (partition->databases[db])
                used = db + 1;
        }
    }
    return used;
}

/* Evicts `size` bytes, EVICT_STEP at most, or tries EVICT_BUDGET candidates. false: there is
 * nothing that may go. */
static bool evict_some(struct gf_worker *worker, int64_t size)
{
    struct gf_evictor *evictor = &worker->background->evictor;
    struct gf_evict_source source = {
        .at = evict_at,
        .context = worker,
        .count = worker->owned_count * worker->background->databases_used,
    };
    struct gf_evict_goal goal = {
        .size = (size_t)(size < EVICT_STEP ? size : EVICT_STEP) + EVICT_SLACK,
        .budget = EVICT_BUDGET,
        .now_ms = gf_core_now_ms(worker->core),
        .seed = gf_worker_seed(worker),
    };
    uint32_t before = evictor->evictions;
    size_t freed;

    if (evictor->policy == GF_NOEVICTION)
        return false;
    freed = gf_evictor_run(evictor, &source, &goal);
    worker->counters.keys_evicted += evictor->evictions - before;
    worker->background->freed += (int64_t)freed;
    if (worker->background->freed > (int64_t)(worker->settings.maxmemory / LOOK_PART))
        measure_outside(worker);
    return freed > 0 || evictor->evictions != before;
}

/* Room that costs no key: sparse pages are emptied, free ones given back. */
static bool reclaim(struct gf_worker *worker)
{
    return gf_heap_work_slice(worker->heap, RECLAIM_PAGES) || gf_pages_trim(worker->server->pages);
}

/* One go at the room that is missing. False: nothing may go, here or elsewhere; true with
 * *ret_enough: others see to it. */
static bool make_some_room(struct gf_worker *worker, int64_t room, bool urgent, bool *ret_enough)
{
    int64_t share = gf_pressure_share(worker, room);
    bool asked;

    *ret_enough = false;
    /* When it is urgent, emptier pages are worth some keys. */
    if (gf_heap_work_slice(worker->heap, RECLAIM_PAGES) && !urgent)
        return true;
    if (gf_pages_trim(worker->server->pages))
        return true;
    if (!may_evict(worker))
        return false;
    /* Others hold more: they must evict, and this core too when that takes too long. */
    asked = share == 0 && gf_pressure_ask(worker);
    *ret_enough = asked && !urgent;
    if (*ret_enough || evict_some(worker, share > 0 ? share : -room))
        return true;
    *ret_enough = true;
    return asked;
}

static bool make_room(struct gf_worker *worker, int64_t needed, uint64_t end_ns)
{
    int64_t urgent_size = (int64_t)(worker->settings.maxmemory / URGENT_PART);
    uint32_t rounds = EVICT_ROUNDS;
    bool enough = false;
    int64_t room = 0;

    for (uint32_t round = 0; round < rounds && !enough; round++) {
        room = node_room(worker) - needed;
        gf_worker_check_memory(worker);
        if (room >= 0) {
            if (room < node_reserve(worker))
                gf_background_poke(worker);
            return true;
        }
        rounds = room < -urgent_size ? EVICT_ROUNDS_URGENT : EVICT_ROUNDS;
        if (round > 0 && background_now(worker) >= end_ns)
            break;
        if (!make_some_room(worker, room, room < -urgent_size, &enough))
            return room + needed >= 0; /* what would help, but need not be */
    }
    /* Still over: the rest in the background. */
    set_waiting(worker, must_wait(worker, room + needed));
    gf_background_poke(worker);
    return true;
}

/* What a write that brings `size` bytes is to find free. Without eviction it is refused only when
 * the limit has been reached already. */
static int64_t needed_by(const struct gf_worker *worker, size_t size)
{
    return may_evict(worker) ? at_most((int64_t)size, memory_limit(worker) / NEEDED_PART_MAX) : 0;
}

bool gf_background_make_room(struct gf_worker *worker, size_t size)
{
    uint64_t begin_ns = background_now(worker);
    bool made = make_room(worker, needed_by(worker, size), begin_ns + EVICT_COMMAND_NS);
    uint64_t waited_ns = background_now(worker) - begin_ns;
    uint64_t threshold_ms = worker->settings.latency_monitor_threshold;

    if (waited_ns > worker->eviction_longest_ns)
        worker->eviction_longest_ns = waited_ns;
    if (threshold_ms > 0 && waited_ns / NS_PER_MS >= threshold_ms)
        gf_latency_add(&worker->latency, GF_LATENCY_EVICTION, worker->core->wall_us / US_PER_S,
                       waited_ns / NS_PER_MS);
    return made;
}

void gf_background_settings(struct gf_worker *worker)
{
    struct gf_evictor *evictor = &worker->background->evictor;
    enum gf_eviction_policy policy = (enum gf_eviction_policy)worker->settings.maxmemory_policy;
    uint32_t samples = (uint32_t)worker->settings.maxmemory_samples;

    if (samples > GF_EVICT_SAMPLES_MAX)
        samples = GF_EVICT_SAMPLES_MAX;
    if (evictor->policy != policy || evictor->samples != samples)
        gf_evictor_init(evictor, policy, samples);
    set_waiting(worker, false);
    measure_outside(worker);
    gf_worker_check_memory(worker);
    if (core_data(worker) > worker->memory_ceiling)
        gf_background_poke(worker);
}

/* Room for the writes to come, until the time is over. True when there is more to do. */
static bool evict_ahead(struct gf_worker *worker, uint64_t end_ns)
{
    int64_t room = 0;

    if (worker->settings.maxmemory == 0) {
        set_waiting(worker, false);
        return false;
    }
    for (;;) {
        int64_t share;

        room = node_room(worker);
        share = gf_pressure_share(worker, room - node_reserve(worker));
        /* The fuller cores see to it, unless they hold nothing that may go. */
        if (share == 0 && room < 0 && !gf_pressure_ask(worker))
            share = -room;
        if (share == 0 && !must_wait(worker, room))
            break;
        if (share > 0 && !reclaim(worker) && !evict_some(worker, share))
            break;
        if (background_now(worker) >= end_ns || share == 0) {
            set_waiting(worker, must_wait(worker, room));
            gf_worker_check_memory(worker);
            return true;
        }
    }
    /* Enough, or nothing is left that may go: then writes are refused, and need not wait. */
    set_waiting(worker, false);
    gf_worker_check_memory(worker);
    return false;
}

void gf_background_expect(struct gf_worker *worker, size_t size)
{
    struct gf_background *background = worker->background;

    if (worker->settings.maxmemory == 0)
        return;
    if ((int64_t)size > background->expected)
        background->expected = (int64_t)size;
    if (node_room(worker) < node_reserve(worker))
        gf_background_poke(worker);
}

/* One slice: goes round the partitions until its time is over or a whole round found nothing to
 * do. */
static void background_work_done(struct gf_op *op, int result)
{
    struct gf_background *background = gf_container(op, struct gf_background, work);
    struct gf_worker *worker = background->worker;
    uint64_t end_ns = background_now(worker) + GF_BACKGROUND_SLICE_NS;
    bool pressed;

    (void)result; /* always GF_OK */
    pressed = evict_ahead(worker, end_ns);
    if (pressed)
        background->round_idle = 0;
    while (background->round_idle < worker->owned_count) {
        struct gf_partition *partition = partition_next(worker);
        bool more = false;

        if (partition) {
            more = gf_partition_work(partition, PARTITION_BUDGET);
            more |= partition_expire(worker, partition) > EXPIRE_BUCKETS / 4;
        }
        background->round_idle = more ? 0 : background->round_idle + 1;
        if (background_now(worker) >= end_ns) {
            gf_core_defer(worker->core, GF_PHASE_WORK, op);
            return;
        }
    }
    if (pressed)
        gf_core_defer(worker->core, GF_PHASE_WORK, op);
}

void gf_background_poke(struct gf_worker *worker)
{
    struct gf_background *background = worker->background;

    background->round_idle = 0;
    if (!gf_op_is_deferred(&background->work))
        gf_core_defer(worker->core, GF_PHASE_WORK, &background->work);
}

/* Clients that keep half a request, their answers, or nothing, for too long. */
static void close_stalled(struct gf_worker *worker)
{
    uint64_t half_ns = worker->settings.client_request_timeout * 1000000000u;
    uint64_t idle_ms = worker->settings.timeout * 1000u;
    uint32_t left = STALLED_CONNS_PER_TICK;

    while (left-- > 0 && !gf_list_empty(&worker->conns)) {
        /* The list is a round: what was looked at goes to the end. */
        struct gf_link *link = gf_list_pop_front(&worker->conns);
        struct gf_conn *conn = gf_container(link, struct gf_conn, link);

        gf_list_push_back(&worker->conns, link);
        if (conn->state != GF_CONN_OPEN && conn->state != GF_CONN_DRAINING)
            continue;
        if (conn->sending && gf_conn_limit_output(conn))
            continue;
        if (half_ns > 0 && gf_conn_stalled(conn, half_ns))
            gf_conn_close(conn, false);
        else if (idle_ms > 0 && !conn->held && gf_conn_idle_ms(conn) > idle_ms &&
                 conn->requests_count == 0 && !conn->session.monitor)
            gf_conn_close(conn, false);
        if (left > atomic_load_explicit(&worker->conns_count, memory_order_relaxed))
            left = atomic_load_explicit(&worker->conns_count, memory_order_relaxed);
    }
}

static bool anything_volatile(const struct gf_worker *worker)
{
    for (uint32_t i = 0; i < worker->owned_count; i++) {
        const struct gf_partition *partition = worker->partitions[worker->owned[i]];

        if (partition->owner != worker->core->id)
            continue;
        if (partition->garbage_count > 0)
            return true;
        for (uint32_t db = 0; db < partition->databases_count; db++) {
            if (partition->databases[db] && gf_keyspace_count(partition->databases[db]) > 0)
                return true;
        }
    }
    return false;
}

/* The main thread has no clock of its own for its lines. */
static void tell_log_time(const struct gf_worker *worker)
{
    struct gf_log *log = worker->server->log;

    if (log && worker->core->id == 0)
        atomic_store_explicit(&log->wall_us, worker->core->wall_us, memory_order_relaxed);
}

static void background_tick(struct gf_timer *timer)
{
    struct gf_background *background = gf_container(timer, struct gf_background, tick);
    struct gf_worker *worker = background->worker;

    worker->background->databases_used = databases_used(worker);
    background->expected -= background->expected / EXPECTED_FADES;
    measure_outside(worker);
    gf_worker_check_memory(worker);
    gf_stats_sample(worker);
    tell_log_time(worker);
    gf_shutdown_poll(worker);
    close_stalled(worker);
    if (++worker->background->ticks % ROUND_TICKS == 0 && anything_volatile(worker))
        gf_background_poke(worker);
    gf_timer_start(worker->core, timer, GF_BACKGROUND_TICK_NS);
}

struct gf_background *gf_background_create(struct gf_worker *worker)
{
    struct gf_background *background = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*background));

    background->worker = worker;
    background->tick.fired = background_tick;
    background->work.done = background_work_done;
    background->databases_used = 1;
    gf_evictor_init(&background->evictor,
                    (enum gf_eviction_policy)worker->settings.maxmemory_policy,
                    (uint32_t)worker->settings.maxmemory_samples);
    gf_timer_start(worker->core, &background->tick, GF_BACKGROUND_TICK_NS);
    return background;
}

void gf_background_destroy(struct gf_background *background)
{
    if (!background)
        return;
    gf_timer_stop(background->worker->core, &background->tick);
    gf_core_defer_cancel(background->worker->core, &background->work);
    gf_free(GF_MEMORY_OTHER, background);
}
