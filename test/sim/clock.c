/* Setting the wall clock. */
#include "sim/clock.h"

#include "core/list.h"

static int64_t jump_draw(struct sim_world *world)
{
    static const uint64_t sizes_us[] = {5000, 1000000, 3600ull * 1000000, 40ull * 86400 * 1000000};
    int64_t size = (int64_t)sim_size(world, sizes_us[sim_below(world, 4)]);

    return sim_one_in(world, 2) ? -size : size;
}

static void clock_fire(struct sim_event *event)
{
    struct sim_clock *clock = gf_container(event, struct sim_clock, event);
    struct sim_world *world = clock->world;
    struct sim_clock_setting *last = &clock->settings[clock->settings_count - 1];
    struct sim_clock_setting *next = last + 1;

    *next = (struct sim_clock_setting){.at_ns = world->now_ns,
                                       .offset_us = last->offset_us + jump_draw(world)};
    if (sim_one_in(world, 3))
        next->offset_us = 0; /* set right again */
    clock->settings_count++;
    sim_note(world, "clock is set", next->offset_us, 0);
    if (clock->settings_count < SIM_CLOCK_SETTINGS_MAX)
        sim_schedule(world, event, sim_size(world, 500 * SIM_MS));
}

void sim_clock_init(struct sim_clock *clock, struct sim_world *world)
{
    *clock = (struct sim_clock){.world = world, .settings_count = 1};
    clock->event.fire = clock_fire;
    clock->event.idle = true;
    world->clock = clock;
}

void sim_clock_start(struct sim_clock *clock)
{
    sim_schedule(clock->world, &clock->event, sim_size(clock->world, 500 * SIM_MS));
}

void sim_clock_stop(struct sim_clock *clock)
{
    sim_cancel(clock->world, &clock->event);
}

static uint64_t wall_us(uint64_t at_ns, int64_t offset_us)
{
    return (uint64_t)((int64_t)(SIM_WALL_ORIGIN_US + at_ns / 1000) + offset_us);
}

uint64_t sim_clock_wall_us(const struct sim_clock *clock, uint64_t at_ns)
{
    int64_t offset_us = 0;

    for (uint32_t i = 0; i < clock->settings_count && clock->settings[i].at_ns <= at_ns; i++)
        offset_us = clock->settings[i].offset_us;
    return wall_us(at_ns, offset_us);
}

uint64_t sim_clock_low_ms(const struct sim_clock *clock, uint64_t since_ns, uint64_t until_ns)
{
    uint64_t low_us = sim_clock_wall_us(clock, since_ns);

    for (uint32_t i = 0; i < clock->settings_count; i++) {
        const struct sim_clock_setting *setting = &clock->settings[i];
        uint64_t us = wall_us(setting->at_ns, setting->offset_us);

        if (setting->at_ns >= since_ns && setting->at_ns <= until_ns && us < low_us)
            low_us = us;
    }
    return low_us / 1000;
}

uint64_t sim_clock_high_ms(const struct sim_clock *clock, uint64_t until_ns)
{
    uint64_t high_us = sim_clock_wall_us(clock, until_ns);

    /* Just before it was set, each time. */
    for (uint32_t i = 1; i < clock->settings_count; i++) {
        const struct sim_clock_setting *setting = &clock->settings[i];
        uint64_t us = wall_us(setting->at_ns, setting[-1].offset_us);

        if (setting->at_ns <= until_ns && us > high_us)
            high_us = us;
    }
    return high_us / 1000;
}
