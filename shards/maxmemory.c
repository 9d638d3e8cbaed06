/* The limit: what is resident, what may go, who waits. */
#include "shards/maxmemory.h"

#include "core/core.h"
#include "core/extent.h"
#include "shards/background.h"
#include "shards/latency.h"
#include "shards/server.h"
#include "shards/worker.h"

#define NS_PER_MS 1000000u
#define US_PER_S 1000000u
#define EVICT_BUDGET 512         /* candidates of one go, 0.1 to 0.25 ms */
#define EVICT_ROUNDS 8           /* goes of one command at most ... */
#define EVICT_ROUNDS_URGENT 4096 /* ... and when the node is over by more than ... */
#define URGENT_PART 256          /* ... this part of maxmemory; ... */
#define EVICT_COMMAND_NS 250000u /* ... and for no longer than this */
#define FLUSHED_BUDGET 512       /* buckets or objects of one go at what was flushed */
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

    if (worker->maxmemory.blind)
        return room;
    return room - at_most(node_spare(worker), limit / SPARE_PART_MAX) -
           at_most(worker->maxmemory.outside, limit / OUTSIDE_PART_MAX);
}

static bool may_evict(const struct gf_worker *worker)
{
    return worker->maxmemory.evictor.policy != GF_NOEVICTION;
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
           at_most(copies * worker->maxmemory.expected, limit / RESERVE_PART_MAX);
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

static void share_room(struct gf_worker *worker)
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
    struct gf_maxmemory *memory = &worker->maxmemory;
    struct gf_driver *driver = worker->core->driver;
    int64_t resident;
    int64_t outside;

    memory->freed = 0;
    if (worker->settings.maxmemory == 0)
        return;
    resident = (int64_t)driver->ops->resident_size(driver);
    memory->blind = resident == 0;
    outside = resident - gf_server_memory(worker->server) - node_spare(worker);
    memory->outside = outside > 0 ? outside : 0;
}

/* Keyspaces of this core by number: database by database, so that the databases in use are the
 * first numbers. */
static struct gf_keyspace *evict_at(void *context, uint32_t index)
{
    struct gf_worker *worker = context;
    uint16_t id = worker->owned[index % worker->owned_count];

    return gf_locks_is_quiet(&worker->locks, id)
               ? worker->partitions[id]->databases[index / worker->owned_count]
               : NULL;
}

/* One more than the highest database that any partition of this core has. In one that is away,
 * another core may be making a database. */
static uint32_t databases_used(const struct gf_worker *worker)
{
    uint32_t used = 1;

    for (uint32_t i = 0; i < worker->owned_count; i++) {
        const struct gf_partition *partition = worker->partitions[worker->owned[i]];

        if (gf_locks_is_away(&worker->locks, worker->owned[i]))
            continue;
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
    struct gf_evictor *evictor = &worker->maxmemory.evictor;
    struct gf_evict_source source = {
        .at = evict_at,
        .context = worker,
        .count = worker->owned_count * worker->maxmemory.databases_used,
    };
    struct gf_evict_goal goal = {
        .size = (size_t)(size < EVICT_STEP ? size : EVICT_STEP) + EVICT_SLACK,
        .budget = EVICT_BUDGET,
        .now_ms = gf_core_now_ms(worker->core),
        .seed = gf_worker_seed(worker),
    };
    uint32_t tries = evictor->tries;
    uint32_t evictions = evictor->evictions;
    size_t freed;

    if (evictor->policy == GF_NOEVICTION)
        return false;
    freed = gf_evictor_run(evictor, &source, &goal);
    worker->counters.keys_evicted += evictor->evictions - evictions;
    worker->maxmemory.freed += (int64_t)freed;
    if (worker->maxmemory.freed > (int64_t)(worker->settings.maxmemory / LOOK_PART))
        measure_outside(worker);
    return evictor->tries != tries;
}

/* Keyspaces that were flushed, on any core. */
static bool anything_flushed(const struct gf_worker *worker)
{
    return atomic_load_explicit(&worker->server->garbage_count, memory_order_relaxed) > 0;
}

/* A part of those of this core. false: there are none that it may touch now. */
static bool free_flushed(struct gf_worker *worker)
{
    if (!anything_flushed(worker))
        return false;
    for (uint32_t i = 0; i < worker->owned_count; i++) {
        uint16_t id = worker->owned[i];
        struct gf_partition *partition = worker->partitions[id];

        if (!gf_locks_is_quiet(&worker->locks, id) || partition->garbage_count == 0)
            continue;
        gf_partition_work(partition, FLUSHED_BUDGET);
        return true;
    }
    return false;
}

/* Room that costs no key: what was flushed is freed, sparse pages are emptied, free ones given
 * back. */
static bool reclaim(struct gf_worker *worker)
{
    return free_flushed(worker) || gf_heap_work_slice(worker->heap, RECLAIM_PAGES) ||
           gf_pages_trim(worker->server->pages);
}

/* One go at the room that is missing. False: nothing may go, here or elsewhere; true with
 * *ret_enough: others see to it. */
static bool make_some_room(struct gf_worker *worker, int64_t room, bool urgent, bool *ret_enough)
{
    int64_t share = gf_pressure_share(worker, room);
    bool asked;

    *ret_enough = false;
    if (free_flushed(worker))
        return true;
    /* When it is urgent, emptier pages are worth some keys. */
    if (gf_heap_work_slice(worker->heap, RECLAIM_PAGES) && !urgent)
        return true;
    if (gf_pages_trim(worker->server->pages))
        return true;
    /* Another core frees what was flushed: no key need go, and no write be refused, for that. */
    if (anything_flushed(worker)) {
        *ret_enough = true;
        return true;
    }
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
        share_room(worker);
        if (room >= 0) {
            if (room < node_reserve(worker))
                gf_background_poke(worker);
            return true;
        }
        rounds = room < -urgent_size ? EVICT_ROUNDS_URGENT : EVICT_ROUNDS;
        if (round > 0 && gf_core_clock_ns(worker->core) >= end_ns)
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

bool gf_maxmemory_make_room(struct gf_worker *worker, size_t size)
{
    uint64_t begin_ns = gf_core_clock_ns(worker->core);
    bool made = make_room(worker, needed_by(worker, size), begin_ns + EVICT_COMMAND_NS);
    uint64_t waited_ns = gf_core_clock_ns(worker->core) - begin_ns;
    uint64_t threshold_ms = worker->settings.latency_monitor_threshold;

    if (waited_ns > worker->maxmemory.longest_ns)
        worker->maxmemory.longest_ns = waited_ns;
    if (threshold_ms > 0 && waited_ns / NS_PER_MS >= threshold_ms)
        gf_latency_add(&worker->latency, GF_LATENCY_EVICTION, worker->core->wall_us / US_PER_S,
                       waited_ns / NS_PER_MS);
    return made;
}

void gf_maxmemory_init(struct gf_worker *worker)
{
    worker->maxmemory = (struct gf_maxmemory){.databases_used = 1};
    gf_evictor_init(&worker->maxmemory.evictor,
                    (enum gf_eviction_policy)worker->settings.maxmemory_policy,
                    (uint32_t)worker->settings.maxmemory_samples);
}

void gf_maxmemory_tick(struct gf_worker *worker)
{
    struct gf_maxmemory *memory = &worker->maxmemory;

    memory->databases_used = databases_used(worker);
    memory->expected -= memory->expected / EXPECTED_FADES;
    measure_outside(worker);
    share_room(worker);
}

void gf_maxmemory_apply(struct gf_worker *worker)
{
    struct gf_evictor *evictor = &worker->maxmemory.evictor;
    enum gf_eviction_policy policy = (enum gf_eviction_policy)worker->settings.maxmemory_policy;
    uint32_t samples = (uint32_t)worker->settings.maxmemory_samples;

    if (samples > GF_EVICT_SAMPLES_MAX)
        samples = GF_EVICT_SAMPLES_MAX;
    if (evictor->policy != policy || evictor->samples != samples)
        gf_evictor_init(evictor, policy, samples);
    set_waiting(worker, false);
    measure_outside(worker);
    share_room(worker);
    if (core_data(worker) > worker->memory_ceiling)
        gf_background_poke(worker);
}

bool gf_maxmemory_make_room_ahead(struct gf_worker *worker, uint64_t end_ns)
{
    int64_t room = 0;

    if (worker->settings.maxmemory == 0) {
        set_waiting(worker, false);
        return false;
    }
    for (;;) {
        int64_t share;
        bool moved;

        room = node_room(worker);
        share = gf_pressure_share(worker, room - node_reserve(worker));
        /* The fuller cores see to it, unless they hold nothing that may go. */
        if (share == 0 && room < 0 && !gf_pressure_ask(worker))
            share = -room;
        if (share == 0 && !must_wait(worker, room))
            break;
        moved = share > 0 &&
                (reclaim(worker) || (!anything_flushed(worker) && evict_some(worker, share)));
        if (share > 0 && !moved && !anything_flushed(worker))
            break;
        if (gf_core_clock_ns(worker->core) >= end_ns || !moved) {
            set_waiting(worker, must_wait(worker, room));
            share_room(worker);
            return true;
        }
    }
    /* Enough, or nothing is left that may go: then writes are refused, and need not wait. */
    set_waiting(worker, false);
    share_room(worker);
    return false;
}

void gf_maxmemory_expect(struct gf_worker *worker, size_t size)
{
    struct gf_maxmemory *memory = &worker->maxmemory;

    if (worker->settings.maxmemory == 0)
        return;
    if ((int64_t)size > memory->expected)
        memory->expected = (int64_t)size;
    if (node_room(worker) < node_reserve(worker))
        gf_background_poke(worker);
}
