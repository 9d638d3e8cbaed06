/* One core of the machine: the turn, as named phases, and "which core am I". */
#include "core/core.h"

#include <stddef.h>

/* See core_coalesce: less is not worth the kernel's timer, more would be noticed by clients. */
#define COALESCE_NS_MIN 10000
#define COALESCE_NS_MAX 60000

/* Which core this thread makes turns for. Thread-local and written by gf_core_enter only: it is
 * what gf_core_assert_here compares with, so it cannot be a parameter. */
static _Thread_local struct gf_core *here;

struct gf_core *gf_core_here(void)
{
    return here;
}

void gf_core_enter(struct gf_core *core)
{
    here = core;
    gf_memory_account_use(core ? &core->memory : NULL);
}

int gf_core_init(struct gf_core *core, uint16_t id, uint16_t count, struct gf_core **peers)
{
    GF_ASSERT(count > 0);
    GF_ASSERT(count <= GF_CORES_MAX);
    GF_ASSERT(id < count);

    *core = (struct gf_core){.id = id, .count = count, .peers = peers};
    for (int phase = 0; phase < GF_PHASES_COUNT; phase++)
        gf_list_init(&core->deferred[phase]);
    core->mesh = gf_mesh_create(count);
    core->timers = gf_timers_create();
    return GF_OK;
}

void gf_core_deinit(struct gf_core *core)
{
    if (core->driver)
        core->driver->ops->destroy(core->driver);
    gf_mesh_destroy(core->mesh);
    gf_timers_destroy(core->timers);
    core->driver = NULL;
    core->mesh = NULL;
    core->timers = NULL;
}

static bool core_has_deferred(const struct gf_core *core)
{
    for (int phase = 0; phase < GF_PHASES_COUNT; phase++)
        if (!gf_list_empty(&core->deferred[phase]))
            return true;
    return false;
}

/* The driver's wait is over: from here on everything happens under this turn's clock. */
static void core_awake(void *context)
{
    struct gf_core *core = context;
    struct gf_driver *driver = core->driver;
    uint64_t wall_us = driver->ops->wall_us(driver);

    driver->awake = NULL; /* once per run */
    gf_mesh_awake(core);
    core->now_ns = driver->ops->now_ns(driver);
    if (wall_us > core->wall_us)
        core->wall_us = wall_us;
}

/* How long this turn may sleep. Deferred work, and messages that are not yet out or not yet in,
 * mean not at all. */
static uint64_t core_timeout(struct gf_core *core, bool may_wait, uint64_t now_ns)
{
    uint64_t deadline_ns;

    if (!may_wait || core->stopping || core_has_deferred(core))
        return 0;
    deadline_ns = gf_timers_deadline(core->timers);
    if (deadline_ns <= now_ns)
        return 0;
    if (!gf_mesh_sleep(core))
        return 0;
    return deadline_ns == UINT64_MAX ? UINT64_MAX : deadline_ns - now_ns;
}

/* Twice as long as the last turn's work took. A core that works more than a third of its time gets
 * fewer and bigger turns from it; with less to do turns bring less and less, until this is not
 * worth a timer. */
static uint64_t core_coalesce(uint64_t work_ns)
{
    if (2 * work_ns < COALESCE_NS_MIN)
        return 0;
    return 2 * work_ns < COALESCE_NS_MAX ? 2 * work_ns : COALESCE_NS_MAX;
}

static uint32_t core_completions(struct gf_core *core, bool may_wait)
{
    struct gf_driver *driver = core->driver;
    uint64_t before_ns = driver->ops->now_ns(driver);
    uint64_t timeout_ns = core_timeout(core, may_wait, before_ns);
    uint64_t last_ns = core->now_ns;
    uint32_t count;

    /* The first turn's work begins now; what came before was no turn. */
    if (core->turns == 0)
        last_ns = before_ns;
    driver->awake = core_awake;
    driver->awake_context = core;
    driver->coalesce_ns = core_coalesce(before_ns - last_ns);
    count = driver->ops->run(driver, timeout_ns);
    if (driver->awake)
        core_awake(core);
    core->busy_ns += before_ns - last_ns;
    return count;
}

static uint32_t core_deferred_run(struct gf_core *core, enum gf_phase phase)
{
    struct gf_list list;
    struct gf_link *link;
    uint32_t count = 0;

    if (gf_list_empty(&core->deferred[phase]))
        return 0;
    /* A list of its own, so that what is deferred meanwhile waits for the next turn. */
    gf_list_init(&list);
    gf_list_splice_back(&list, &core->deferred[phase]);
    while ((link = gf_list_pop_front(&list))) {
        struct gf_op *op = gf_container(link, struct gf_op, link);

        op->done(op, GF_OK);
        count++;
    }
    return count;
}

bool gf_core_turn(struct gf_core *core, bool may_wait)
{
    uint32_t happened;

    gf_core_assert_here(core->id);
    GF_ASSERT(core->driver != NULL);

    happened = core_completions(core, may_wait);
    happened += gf_mesh_poll(core);
    happened += gf_timers_fire(core);
    happened += core_deferred_run(core, GF_PHASE_WORK);
    gf_mesh_flush(core);
    happened += core_deferred_run(core, GF_PHASE_SEND);
    core->turns++;
    return happened > 0;
}

void gf_core_run(struct gf_core *core)
{
    while (!core->stopping)
        gf_core_turn(core, true);
    /* What the last turn started (sends, wakes of peers) has not reached the kernel yet. */
    gf_core_turn(core, false);
}

void gf_core_stop(struct gf_core *core)
{
    gf_core_assert_here(core->id);
    core->stopping = true;
}

void gf_core_defer(struct gf_core *core, enum gf_phase phase, struct gf_op *op)
{
    gf_core_assert_here(core->id);
    GF_ASSERT(phase < GF_PHASES_COUNT);
    GF_ASSERT(op->done != NULL);
    gf_list_push_back(&core->deferred[phase], &op->link);
}

void gf_core_defer_cancel(struct gf_core *core, struct gf_op *op)
{
    gf_core_assert_here(core->id);
    if (gf_op_is_deferred(op))
        gf_list_remove(&op->link);
}
