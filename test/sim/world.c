/* The simulated world's clock, events and tasks. */
#include "sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"

#define TASK_STACK_SIZE (1024 * 1024)
#define TASK_GUARD_SIZE 4096

/* AddressSanitizer must know when the stack changes; without it these are nothing. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#define fiber_leave __sanitizer_start_switch_fiber
#define fiber_arrive __sanitizer_finish_switch_fiber
#else
static void fiber_leave(void **fiber, const void *stack, size_t size)
{
    (void)fiber;
    (void)stack;
    (void)size;
}

static void fiber_arrive(void *fiber, const void **ret_stack, size_t *ret_size)
{
    (void)fiber;
    (void)ret_stack;
    (void)ret_size;
}
#endif

/* ---- Random ---- */

uint64_t sim_below(struct sim_world *world, uint64_t limit)
{
    GF_ASSERT(limit > 0);
    return test_random_below(&world->random, limit);
}

bool sim_one_in(struct sim_world *world, uint64_t count)
{
    return count > 0 && sim_below(world, count) == 0;
}

uint64_t sim_size(struct sim_world *world, uint64_t max)
{
    uint64_t limit = max;

    while (limit > 1 && sim_below(world, 2) == 0)
        limit = (limit + 1) / 2;
    return 1 + sim_below(world, limit);
}

static void climate_draw(struct sim_world *world)
{
    struct sim_climate *climate = &world->climate;
    static const uint64_t delays_ns[] = {20 * SIM_US, 200 * SIM_US, 2 * SIM_MS};
    static const uint32_t pieces[] = {1, 7, 64, 1500, 16384, 16384};
    static const uint32_t windows[] = {64, 1000, 16384, 262144};

    climate->delay_max_ns = delays_ns[sim_below(world, GF_COUNT(delays_ns))];
    climate->turn_max_ns = sim_size(world, 100 * SIM_US);
    climate->stall_one_in = (uint32_t)(sim_below(world, 2) * sim_size(world, 2000));
    climate->stall_max_ns = sim_size(world, 50 * SIM_MS);
    climate->piece_max = pieces[sim_below(world, GF_COUNT(pieces))];
    climate->window_max = windows[sim_below(world, GF_COUNT(windows))];
    climate->reset_one_in = sim_one_in(world, 3) ? 200 + (uint32_t)sim_below(world, 5000) : 0;
}

void sim_world_init(struct sim_world *world, uint64_t seed)
{
    *world = (struct sim_world){.seed = seed};
    /* Neighbouring seeds are different worlds; the state must not be 0. */
    world->random.state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
    for (int i = 0; i < 8; i++)
        test_random_next(&world->random);
    world->now_ns = SIM_S;
    climate_draw(world);
}

void sim_world_deinit(struct sim_world *world)
{
    SIM_CHECK(world, world->events_count == 0);
    gf_free(GF_MEMORY_OTHER, world->events);
    world->events = NULL;
}

/* ---- Notes ---- */

void sim_note(struct sim_world *world, const char *what, int64_t a, int64_t b)
{
    uint64_t values[3] = {world->now_ns, (uint64_t)a, (uint64_t)b};

    for (size_t i = 0; i < GF_COUNT(values); i++)
        world->hash = (world->hash ^ values[i]) * UINT64_C(0x100000001b3);
    world->hash = (world->hash ^ (uint64_t)what[0]) * UINT64_C(0x100000001b3);
    world->hash ^= world->hash >> 29;
    if (world->trace)
        printf("%12.6f %8" PRIu64 " %s %" PRId64 " %" PRId64 "\n", (double)world->now_ns / 1e6,
               world->steps, what, a, b);
}

_Noreturn void sim_fail(struct sim_world *world, const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fprintf(stderr, "sim: FAILED at step %" PRIu64 ", %.3f ms: ", world->steps,
            (double)world->now_ns / 1e6);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    abort();
}

/* ---- Events ---- */

static bool event_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->sequence < b->sequence);
}

static void event_put(struct sim_world *world, struct sim_event *event, uint32_t index)
{
    world->events[index] = event;
    event->heap_index = index + 1;
}

static void event_rise(struct sim_world *world, struct sim_event *event, uint32_t index)
{
    while (index > 0 && event_before(event, world->events[(index - 1) / 2])) {
        event_put(world, world->events[(index - 1) / 2], index);
        index = (index - 1) / 2;
    }
    event_put(world, event, index);
}

static void event_sink(struct sim_world *world, struct sim_event *event, uint32_t index)
{
    for (;;) {
        uint32_t child = 2 * index + 1;

        if (child >= world->events_count)
            break;
        if (child + 1 < world->events_count &&
            event_before(world->events[child + 1], world->events[child]))
            child++;
        if (!event_before(world->events[child], event))
            break;
        event_put(world, world->events[child], index);
        index = child;
    }
    event_put(world, event, index);
}

void sim_schedule(struct sim_world *world, struct sim_event *event, uint64_t delay_ns)
{
    GF_ASSERT(!sim_is_scheduled(event));
    GF_ASSERT(event->fire != NULL);
    if (world->events_count == world->events_capacity) {
        world->events_capacity = world->events_capacity ? 2 * world->events_capacity : 256;
        world->events = gf_realloc_try(GF_MEMORY_OTHER, world->events,
                                       world->events_capacity * sizeof(struct sim_event *));
        GF_ASSERT(world->events != NULL);
    }
    event->at_ns = world->now_ns + delay_ns;
    event->sequence = world->next_sequence++;
    world->events_busy += !event->idle;
    event_rise(world, event, world->events_count++);
}

void sim_cancel(struct sim_world *world, struct sim_event *event)
{
    struct sim_event *last;
    uint32_t index;

    if (!sim_is_scheduled(event))
        return;
    index = event->heap_index - 1;
    event->heap_index = 0;
    world->events_busy -= !event->idle;
    last = world->events[--world->events_count];
    if (last == event)
        return;
    event_rise(world, last, index);
    event_sink(world, last, last->heap_index - 1);
}

uint64_t sim_delay(struct sim_world *world)
{
    return sim_below(world, 4) == 0 ? 0 : sim_below(world, world->climate.delay_max_ns);
}

/* ---- Tasks ---- */

static struct sim_task *task_from_halves(unsigned high, unsigned low)
{
    return (struct sim_task *)(((uintptr_t)high << 32) | low);
}

/* makecontext passes ints only. */
static void task_begin(unsigned high, unsigned low)
{
    struct sim_task *task = task_from_halves(high, low);
    struct sim_world *world = task->world;

    fiber_arrive(NULL, &world->stack, &world->stack_size);
    task->main(task);
    task->state = SIM_TASK_ENDED;
    fiber_leave(NULL, world->stack, world->stack_size);
    swapcontext(&task->context, &world->context);
    GF_ASSERT(false);
}

void sim_task_start(struct sim_world *world, struct sim_task *task)
{
    uintptr_t address = (uintptr_t)task;

    GF_ASSERT(world->tasks_count < SIM_TASKS_MAX);
    task->world = world;
    task->state = SIM_TASK_RUNNABLE;
    task->id = world->tasks_count;
    task->stack =
        mmap(NULL, TASK_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    GF_ASSERT(task->stack != MAP_FAILED);
    GF_ASSERT(mprotect(task->stack, TASK_GUARD_SIZE, PROT_NONE) == 0);
    GF_ASSERT(getcontext(&task->context) == 0);
    task->context.uc_stack.ss_sp = task->stack;
    task->context.uc_stack.ss_size = TASK_STACK_SIZE;
    task->context.uc_link = NULL;
    makecontext(&task->context, (void (*)(void))task_begin, 2, (unsigned)(address >> 32),
                (unsigned)address);
    world->tasks[world->tasks_count++] = task;
}

void sim_task_release(struct sim_task *task)
{
    struct sim_world *world = task->world;

    GF_ASSERT(task->state == SIM_TASK_ENDED);
    munmap(task->stack, TASK_STACK_SIZE);
    for (int i = 0; i < world->tasks_count; i++) {
        if (world->tasks[i] != task)
            continue;
        world->tasks[i] = world->tasks[--world->tasks_count];
        break;
    }
}

static void task_go_on(struct sim_world *world, struct sim_task *task)
{
    const struct sim_climate *climate = &world->climate;

    sim_note(world, "turn", task->id, task->woken);
    task->state = SIM_TASK_RUNNABLE;
    task->woken = false;
    world->now_ns += sim_below(world, climate->turn_max_ns) + 100;
    if (sim_one_in(world, climate->stall_one_in))
        task->stalled_until_ns = world->now_ns + sim_below(world, climate->stall_max_ns);
    gf_core_enter(task->core);
    world->running = task;
    fiber_leave(&world->fiber, task->stack, TASK_STACK_SIZE);
    swapcontext(&world->context, &task->context);
    fiber_arrive(world->fiber, NULL, NULL);
    world->running = NULL;
    gf_core_enter(NULL); /* what the world itself does is booked to nobody */
}

void sim_task_wait(struct sim_task *task, uint64_t deadline_ns)
{
    struct sim_world *world = task->world;

    GF_ASSERT(world->running == task);
    task->state = SIM_TASK_WAITING;
    task->deadline_ns = deadline_ns;
    fiber_leave(&task->fiber, world->stack, world->stack_size);
    swapcontext(&task->context, &world->context);
    fiber_arrive(task->fiber, &world->stack, &world->stack_size);
}

void sim_task_wake(struct sim_task *task)
{
    task->woken = true;
}

static bool task_wants_to_run(const struct sim_task *task)
{
    switch (task->state) {
    case SIM_TASK_RUNNABLE:
        return true;
    case SIM_TASK_WAITING:
        return task->woken || task->deadline_ns <= task->world->now_ns;
    case SIM_TASK_ENDED:
        return false;
    }
    return false;
}

/* ---- Steps ---- */

/* When the next thing can happen; UINT64_MAX = never. */
static uint64_t world_next_ns(const struct sim_world *world)
{
    uint64_t next_ns = world->events_count > 0 ? world->events[0]->at_ns : UINT64_MAX;

    for (int i = 0; i < world->tasks_count; i++) {
        const struct sim_task *task = world->tasks[i];
        uint64_t at_ns = UINT64_MAX;

        if (task_wants_to_run(task))
            at_ns = task->stalled_until_ns;
        else if (task->state == SIM_TASK_WAITING)
            at_ns = task->deadline_ns;
        if (at_ns < next_ns)
            next_ns = at_ns;
    }
    return next_ns;
}

/* Tasks that could go on now; stalled ones are counted in ret_stalled only. */
static int world_runnable(struct sim_world *world, struct sim_task **ret_tasks, int *ret_stalled)
{
    int count = 0;

    *ret_stalled = 0;
    for (int i = 0; i < world->tasks_count; i++) {
        struct sim_task *task = world->tasks[i];

        if (!task_wants_to_run(task))
            continue;
        if (task->stalled_until_ns > world->now_ns)
            (*ret_stalled)++;
        else
            ret_tasks[count++] = task;
    }
    return count;
}

static void event_fire_next(struct sim_world *world)
{
    struct sim_event *event = world->events[0];

    sim_cancel(world, event);
    event->fire(event);
}

bool sim_world_step(struct sim_world *world)
{
    struct sim_task *runnable[SIM_TASKS_MAX];
    int stalled;
    int count = world_runnable(world, runnable, &stalled);
    bool due = world->events_count > 0 && world->events[0]->at_ns <= world->now_ns;
    uint64_t chosen;

    world->steps++;
    if (count == 0 && !due) {
        uint64_t next_ns = world_next_ns(world);

        if (next_ns == UINT64_MAX)
            return false;
        if (stalled == 0 && world->events_busy == 0 && world->quiet)
            world->quiet(world);
        world->now_ns = next_ns;
        return true;
    }
    chosen = sim_below(world, (uint64_t)count + due);
    if (chosen == (uint64_t)count)
        event_fire_next(world);
    else
        task_go_on(world, runnable[chosen]);
    return true;
}
