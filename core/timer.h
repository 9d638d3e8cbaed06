/* Timers of one core, ordered by deadline. A zeroed timer is idle. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gf_core;

struct gf_timer {
    void (*fired)(struct gf_timer *timer); /* set by the owner before the start */
    uint64_t deadline_ns;                  /* core clock; valid while started */
    uint32_t heap_index;                   /* place in the heap + 1; 0 = idle */
};

static inline bool gf_timer_is_idle(const struct gf_timer *timer)
{
    return timer->heap_index == 0;
}

/* gf_timer_start - fire once, `delay_ns` from the turn's clock; restarts a started timer. Fires in
 * the "timers" phase, never early, never inside this call. */
void gf_timer_start(struct gf_core *core, struct gf_timer *timer, uint64_t delay_ns);

/* gf_timer_stop - an idle timer is fine. */
void gf_timer_stop(struct gf_core *core, struct gf_timer *timer);
