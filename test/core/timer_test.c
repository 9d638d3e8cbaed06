/* Timers: order, restart, stop, and that none fires early or inside its own start. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/core.h"
#include "core/list.h"
#include "core/timer.h"

#define TIMERS_COUNT 500

struct probe {
    struct gf_timer timer;
    uint32_t fired;
    uint64_t fired_ns; /* the core's clock when it fired last */
};

static struct gf_core core;
static struct gf_core *peers[1] = {&core};
static struct probe probes[TIMERS_COUNT];
static uint64_t last_deadline_ns;

static void probe_fired(struct gf_timer *timer)
{
    struct probe *probe = gf_container(timer, struct probe, timer);

    cr_assert(gf_timer_is_idle(timer));
    cr_assert_leq(timer->deadline_ns, core.now_ns, "fired early");
    cr_assert_geq(timer->deadline_ns, last_deadline_ns, "fired out of order");
    last_deadline_ns = timer->deadline_ns;
    probe->fired++;
    probe->fired_ns = core.now_ns;
}

static void timers_start(void)
{
    gf_core_init(&core, 0, 1, peers);
    gf_core_enter(&core);
    core.now_ns = 1000;
    for (size_t i = 0; i < TIMERS_COUNT; i++)
        probes[i].timer.fired = probe_fired;
}

static void timers_stop(void)
{
    gf_core_enter(NULL);
    gf_core_deinit(&core);
}

TestSuite(timer, .init = timers_start, .fini = timers_stop, .timeout = 60);

Test(timer, fires_at_its_deadline_and_not_before)
{
    gf_timer_start(&core, &probes[0].timer, 50);
    cr_assert_eq(gf_timers_deadline(core.timers), 1050);
    core.now_ns = 1049;
    cr_assert_eq(gf_timers_fire(&core), 0);
    core.now_ns = 1050;
    cr_assert_eq(gf_timers_fire(&core), 1);
    cr_assert_eq(probes[0].fired, 1);
    cr_assert_eq(gf_timers_deadline(core.timers), UINT64_MAX);
}

Test(timer, many_fire_in_order_whatever_was_stopped_and_restarted)
{
    uint32_t expected = 0;

    srand(7);
    for (size_t round = 0; round < 5000; round++) {
        struct gf_timer *timer = &probes[rand() % TIMERS_COUNT].timer;

        if (rand() % 3 == 0)
            gf_timer_stop(&core, timer);
        else
            gf_timer_start(&core, timer, (uint64_t)(rand() % 100000));
        if (round % 100 == 0)
            gf_timers_check(core.timers);
    }
    for (size_t i = 0; i < TIMERS_COUNT; i++)
        expected += !gf_timer_is_idle(&probes[i].timer);
    cr_assert_gt(expected, TIMERS_COUNT / 2);
    core.now_ns += 100000;
    cr_assert_eq(gf_timers_fire(&core), expected);
    gf_timers_check(core.timers);
}

static void again_fired(struct gf_timer *timer)
{
    struct probe *probe = gf_container(timer, struct probe, timer);

    probe->fired++;
    gf_timer_start(&core, timer, 0);
}

Test(timer, that_restarts_itself_waits_for_the_next_turn)
{
    probes[0].timer.fired = again_fired;
    gf_timer_start(&core, &probes[0].timer, 0);
    cr_assert_eq(gf_timers_fire(&core), 0, "never inside the turn that started it");
    core.now_ns++;
    cr_assert_eq(gf_timers_fire(&core), 1);
    core.now_ns++;
    cr_assert_eq(gf_timers_fire(&core), 1);
    cr_assert_eq(probes[0].fired, 2);
}

static void stopper_fired(struct gf_timer *timer)
{
    (void)timer;
    gf_timer_stop(&core, &probes[1].timer);
}

Test(timer, can_be_stopped_by_another_that_is_due_too)
{
    probes[0].timer.fired = stopper_fired;
    gf_timer_start(&core, &probes[0].timer, 10);
    gf_timer_start(&core, &probes[1].timer, 20);
    core.now_ns += 100;
    cr_assert_eq(gf_timers_fire(&core), 1);
    cr_assert_eq(probes[1].fired, 0);
}

Test(timer, far_beyond_the_clock_does_not_wrap)
{
    gf_timer_start(&core, &probes[0].timer, UINT64_MAX);
    core.now_ns += 1000000;
    cr_assert_eq(gf_timers_fire(&core), 0);
    gf_timer_stop(&core, &probes[0].timer);
    gf_timer_stop(&core, &probes[0].timer);
    cr_assert_eq(gf_timers_deadline(core.timers), UINT64_MAX);
}
