/* The reactor's turn: phases, deferring, sleeping, stopping. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/core.h"
#include "core/error.h"
#include "core/thread.h"

static const struct gf_driver_options options = {
    .recv_buffer_size = 4096, .recv_buffer_count = 16, .queue_size = 64, .backlog = 16};

static struct gf_core core;
static struct gf_core *peers[1] = {&core};
static char trace[64]; /* one letter per thing that ran */

static void trace_add(char letter)
{
    size_t size = strlen(trace);

    cr_assert_lt(size + 1, sizeof(trace));
    trace[size] = letter;
}

static void core_start(void)
{
    memset(trace, 0, sizeof(trace));
    cr_assert_eq(gf_core_init(&core, 0, 1, peers), GF_OK);
    gf_core_enter(&core);
    cr_assert_eq(gf_driver_epoll_create(&options, &core.driver), GF_OK);
}

static void core_end(void)
{
    gf_core_deinit(&core);
    gf_core_enter(NULL);
}

TestSuite(core, .init = core_start, .fini = core_end, .timeout = 60);

static void work_done(struct gf_op *op, int result)
{
    (void)op;
    cr_assert_eq(result, GF_OK);
    trace_add('w');
}

static void send_done(struct gf_op *op, int result)
{
    (void)op;
    (void)result;
    trace_add('s');
}

static void timer_fired(struct gf_timer *timer)
{
    (void)timer;
    trace_add('t');
}

Test(core, runs_its_phases_in_order)
{
    struct gf_op work = {.done = work_done};
    struct gf_op send = {.done = send_done};
    struct gf_timer timer = {.fired = timer_fired};

    gf_core_turn(&core, false);
    gf_core_defer(&core, GF_PHASE_SEND, &send);
    gf_core_defer(&core, GF_PHASE_WORK, &work);
    gf_timer_start(&core, &timer, 0);
    cr_assert(gf_core_turn(&core, true));
    cr_assert_str_eq(trace, "tws");
    cr_assert_not(gf_op_is_deferred(&work));
    cr_assert_not(gf_core_turn(&core, false));
}

static void again_done(struct gf_op *op, int result)
{
    (void)result;
    trace_add('a');
    gf_core_defer(&core, GF_PHASE_WORK, op);
}

Test(core, work_that_defers_itself_runs_once_per_turn_and_keeps_the_core_awake)
{
    struct gf_op work = {.done = again_done};

    gf_core_defer(&core, GF_PHASE_WORK, &work);
    for (size_t turn = 1; turn <= 3; turn++) {
        gf_core_turn(&core, true); /* would sleep for ever: nothing else is there */
        cr_assert_eq(strlen(trace), turn);
    }
    gf_core_defer_cancel(&core, &work);
    gf_core_defer_cancel(&core, &work);
    cr_assert_not(gf_core_turn(&core, false));
}

static void from_work_done(struct gf_op *op, int result)
{
    static struct gf_op send = {.done = send_done};

    (void)op;
    (void)result;
    trace_add('w');
    gf_core_defer(&core, GF_PHASE_SEND, &send);
}

Test(core, a_phase_still_to_come_runs_in_the_same_turn)
{
    struct gf_op work = {.done = from_work_done};

    gf_core_defer(&core, GF_PHASE_WORK, &work);
    gf_core_turn(&core, false);
    cr_assert_str_eq(trace, "ws");
}

Test(core, sleeps_until_its_first_timer)
{
    struct gf_timer timer = {.fired = timer_fired};
    uint64_t before_ns;

    gf_core_turn(&core, false);
    before_ns = core.now_ns;
    gf_timer_start(&core, &timer, 2000000);
    while (!trace[0])
        gf_core_turn(&core, true);
    cr_assert_geq(core.now_ns - before_ns, 2000000);
    cr_assert_leq(core.turns, 20, "it sleeps, it does not spin");
}

static void stop_done(struct gf_op *op, int result)
{
    (void)op;
    (void)result;
    trace_add('x');
    gf_core_stop(&core);
}

Test(core, stops_at_the_end_of_the_turn)
{
    struct gf_op stop = {.done = stop_done};
    struct gf_op send = {.done = send_done};

    gf_core_defer(&core, GF_PHASE_WORK, &stop);
    gf_core_defer(&core, GF_PHASE_SEND, &send);
    gf_core_run(&core);
    cr_assert_str_eq(trace, "xs");
}

Test(core, the_wall_clock_and_the_account_belong_to_the_core)
{
    gf_core_turn(&core, false);
    cr_assert_gt(core.wall_us, 1600000000000000ull); /* later than 2020 */
    cr_assert_eq(gf_core_here(), &core);
    gf_core_assert_here(0);
}

/* ---- Threads ---- */

static int start_fails(struct gf_core *starting, void *context)
{
    (void)context;
    if (starting->id == 1)
        return GF_EADDRINUSE;
    return gf_driver_epoll_create(&options, &starting->driver);
}

static void count_stopped(struct gf_core *stopping, void *context)
{
    (void)stopping;
    (*(uint32_t *)context)++;
}

Test(core, when_one_thread_cannot_start_none_does)
{
    struct gf_core cores[2];
    struct gf_core *both[2] = {&cores[0], &cores[1]};
    struct gf_thread threads[2] = {{.start_error = 0}};
    uint32_t stopped = 0;

    for (uint16_t i = 0; i < 2; i++) {
        gf_core_init(&cores[i], i, 2, both);
        threads[i] = (struct gf_thread){
            .core = &cores[i], .start = start_fails, .stopped = count_stopped, .context = &stopped};
    }
    cr_assert_eq(gf_threads_start(threads, 2), GF_EADDRINUSE);
    cr_assert_eq(threads[0].start_error, GF_OK);
    cr_assert_eq(threads[1].start_error, GF_EADDRINUSE);
    cr_assert_eq(stopped, 1);
    gf_core_deinit(&cores[0]);
    gf_core_deinit(&cores[1]);
}

Test(core, the_machine_has_at_least_one_core_and_some_memory)
{
    cr_assert_geq(gf_machine_cores(), 1);
    cr_assert_leq(gf_machine_cores(), GF_CORES_MAX);
    cr_assert_gt(gf_machine_memory_limit(), 16u << 20);
}
