/* Timers of one core: a binary heap of pointers, the earliest deadline first.
 *
 * A timer knows its place in the heap (heap_index = place + 1), so stopping one costs no search.
 * The heap grows by doubling and never shrinks: a core has as many timers as it once had.
 */
#include "core/timer.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"

#define CAPACITY_FIRST 64

struct gf_timers {
    struct gf_timer **heap; /* owned array of borrowed timers */
    uint32_t count;
    uint32_t capacity;
};

struct gf_timers *gf_timers_create(void)
{
    struct gf_timers *timers = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*timers));

    timers->capacity = CAPACITY_FIRST;
    timers->heap = gf_alloc(GF_MEMORY_OTHER, timers->capacity * sizeof(struct gf_timer *));
    return timers;
}

void gf_timers_destroy(struct gf_timers *timers)
{
    if (!timers)
        return;
    gf_free(GF_MEMORY_OTHER, timers->heap);
    gf_free(GF_MEMORY_OTHER, timers);
}

static void timers_place(struct gf_timers *timers, uint32_t place, struct gf_timer *timer)
{
    timers->heap[place] = timer;
    timer->heap_index = place + 1;
}

static void timers_sift_up(struct gf_timers *timers, uint32_t place, struct gf_timer *timer)
{
    while (place > 0) {
        uint32_t parent = (place - 1) / 2;

        if (timers->heap[parent]->deadline_ns <= timer->deadline_ns)
            break;
        timers_place(timers, place, timers->heap[parent]);
        place = parent;
    }
    timers_place(timers, place, timer);
}

static void timers_sift_down(struct gf_timers *timers, uint32_t place, struct gf_timer *timer)
{
    for (;;) {
        uint32_t child = 2 * place + 1;

        if (child >= timers->count)
            break;
        if (child + 1 < timers->count &&
            timers->heap[child + 1]->deadline_ns < timers->heap[child]->deadline_ns)
            child++;
        if (timer->deadline_ns <= timers->heap[child]->deadline_ns)
            break;
        timers_place(timers, place, timers->heap[child]);
        place = child;
    }
    timers_place(timers, place, timer);
}

static void timers_grow(struct gf_timers *timers)
{
    uint32_t capacity = timers->capacity * 2;
    struct gf_timer **heap =
        gf_realloc_try(GF_MEMORY_OTHER, timers->heap, capacity * sizeof(struct gf_timer *));

    GF_ASSERT(heap != NULL); /* one pointer per timer: dies loudly, as small allocations do */
    timers->heap = heap;
    timers->capacity = capacity;
}

void gf_timer_start(struct gf_core *core, struct gf_timer *timer, uint64_t delay_ns)
{
    struct gf_timers *timers = core->timers;
    uint64_t deadline_ns;

    gf_core_assert_here(core->id);
    GF_ASSERT(timer->fired != NULL);
    gf_timer_stop(core, timer);
    /* At least 1 ns: a timer that restarts itself while it fires waits for the next turn. */
    deadline_ns = core->now_ns + (delay_ns > 0 ? delay_ns : 1);
    timer->deadline_ns = deadline_ns < core->now_ns ? UINT64_MAX - 1 : deadline_ns;

    if (timers->count == timers->capacity)
        timers_grow(timers);
    timers->count++;
    timers_sift_up(timers, timers->count - 1, timer);
}

void gf_timer_stop(struct gf_core *core, struct gf_timer *timer)
{
    struct gf_timers *timers = core->timers;
    struct gf_timer *last;
    uint32_t place;

    if (gf_timer_is_idle(timer))
        return;
    place = timer->heap_index - 1;
    GF_ASSERT(place < timers->count);
    GF_ASSERT(timers->heap[place] == timer);

    timer->heap_index = 0;
    timers->count--;
    last = timers->heap[timers->count];
    if (last == timer)
        return;
    if (place > 0 && last->deadline_ns < timers->heap[(place - 1) / 2]->deadline_ns)
        timers_sift_up(timers, place, last);
    else
        timers_sift_down(timers, place, last);
}

uint64_t gf_timers_deadline(const struct gf_timers *timers)
{
    return timers->count > 0 ? timers->heap[0]->deadline_ns : UINT64_MAX;
}

uint32_t gf_timers_fire(struct gf_core *core)
{
    struct gf_timers *timers = core->timers;
    uint32_t count = 0;

    while (timers->count > 0 && timers->heap[0]->deadline_ns <= core->now_ns) {
        struct gf_timer *timer = timers->heap[0];

        gf_timer_stop(core, timer);
        timer->fired(timer);
        count++;
    }
    return count;
}

void gf_timers_check(const struct gf_timers *timers)
{
    GF_ASSERT(timers->count <= timers->capacity);
    for (uint32_t i = 0; i < timers->count; i++) {
        GF_ASSERT(timers->heap[i]->heap_index == i + 1);
        if (i > 0)
            GF_ASSERT(timers->heap[(i - 1) / 2]->deadline_ns <= timers->heap[i]->deadline_ns);
    }
}
