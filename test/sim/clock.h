/* The wall clock that a world's servers see: it may be set, forwards and backwards; the virtual
 * clock behind timers never is. */
#pragma once

#include <stdint.h>

#include "sim/world.h"

#define SIM_WALL_ORIGIN_US 1790000000000000ull /* Unix time when the virtual clock shows 0 */
#define SIM_CLOCK_SETTINGS_MAX 32

/* Somebody set the clock. */
struct sim_clock_setting {
    uint64_t at_ns;
    int64_t offset_us; /* from then on */
};

struct sim_clock {
    struct sim_world *world;
    struct sim_event event;
    struct sim_clock_setting settings[SIM_CLOCK_SETTINGS_MAX];
    uint32_t settings_count;
};

/* sim_clock_init - one that only runs; sim_clock_start - from now on it is set now and then. */
void sim_clock_init(struct sim_clock *clock, struct sim_world *world);
void sim_clock_start(struct sim_clock *clock);
void sim_clock_stop(struct sim_clock *clock);

/* sim_clock_wall_us - what it shows at `at_ns`, not later than now. */
uint64_t sim_clock_wall_us(const struct sim_clock *clock, uint64_t at_ns);

/* What a core, whose time never runs backwards, can take for the time when it reads the clock
 * between since_ns and until_ns: the lowest and the highest value. */
uint64_t sim_clock_low_ms(const struct sim_clock *clock, uint64_t since_ns, uint64_t until_ns);
uint64_t sim_clock_high_ms(const struct sim_clock *clock, uint64_t until_ns);
