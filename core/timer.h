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

/* The rest is the reactor's (core/core.c). */
struct gf_timers;

struct gf_timers *gf_timers_create(void);
void gf_timers_destroy(struct gf_timers *timers);

/* gf_timers_deadline - when the first timer is due; UINT64_MAX when none is started. */
uint64_t gf_timers_deadline(const struct gf_timers *timers);

/* gf_timers_fire - fire every timer that is due by the turn's clock. Returns how many. */
uint32_t gf_timers_fire(struct gf_core *core);

/* gf_timers_check - walks the heap and asserts its order. */
void gf_timers_check(const struct gf_timers *timers);
