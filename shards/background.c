/* Background work of a core: one slice per turn, one look around per tick. */
#include "shards/background.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "core/log.h"
#include "modules/keyspace.h"
#include "shards/conn.h"
#include "shards/server.h"
#include "shards/stats.h"
#include "shards/worker.h"

#define PARTITION_BUDGET 64         /* buckets or objects between two looks at the clock */
#define EXPIRE_BUCKETS 256          /* buckets looked at in one partition and round */
#define ROUND_TICKS 4               /* ticks between rounds of a core that is not pushed */
#define STALLED_CONNS_PER_TICK 1000 /* connections looked at in one tick */

/* Expired keys of one partition, and expired fields of its hashes; returns whether there is more to
 * do. */
static bool partition_expire(struct gf_worker *worker, struct gf_partition *partition)
{
    uint64_t now_ms = gf_core_now_ms(worker->core);
    uint32_t removed = 0;
    bool more = false;

    if (worker->background->expire_paused)
        return false;
    for (uint32_t db = 0; db < partition->databases_count; db++) {
        struct gf_keyspace *keyspace = partition->databases[db];

        if (!keyspace)
            continue;
        removed += gf_keyspace_expire_slice(keyspace, EXPIRE_BUCKETS, now_ms);
        more |= gf_keyspace_purge_slice(keyspace, EXPIRE_BUCKETS, now_ms);
    }
    worker->counters.keys_expired += removed;
    return more || removed > EXPIRE_BUCKETS / 4;
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
    return gf_locks_is_quiet(&worker->locks, id) ? worker->partitions[id] : NULL;
}

/* One slice: goes round the partitions until its time is over or a whole round found nothing to
 * do. */
static void background_work_done(struct gf_op *op, int result)
{
    struct gf_background *background = gf_container(op, struct gf_background, work);
    struct gf_worker *worker = background->worker;
    uint64_t end_ns = gf_core_clock_ns(worker->core) + GF_BACKGROUND_SLICE_NS;
    bool pressed;

    (void)result; /* always GF_OK */
    pressed = gf_maxmemory_make_room_ahead(worker, end_ns);
    if (pressed)
        background->round_idle = 0;
    while (background->round_idle < worker->owned_count) {
        struct gf_partition *partition = partition_next(worker);
        bool more = false;

        if (partition) {
            more = gf_partition_work(partition, PARTITION_BUDGET);
            more |= partition_expire(worker, partition);
        }
        background->round_idle = more ? 0 : background->round_idle + 1;
        if (gf_core_clock_ns(worker->core) >= end_ns) {
            gf_core_defer(worker->core, GF_PHASE_WORK, op);
            break;
        }
    }
    if (pressed && !gf_op_is_deferred(op))
        gf_core_defer(worker->core, GF_PHASE_WORK, op);
    gf_waiters_after(worker);
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
                 conn->requests_count == 0 && !conn->session.monitor && !conn->subscriber)
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

    gf_maxmemory_tick(worker);
    gf_tracking_tick(worker);
    gf_tracking_settle(worker);
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
