/* What a hop between two cores costs, each on a thread of its own: one message there and back at a
 * time, and messages in batches as a busy core posts them.
 *
 *   mesh_bench [--short]
 *
 * A round trip on a busy machine is mostly the wait until the peer's turn begins: the second figure
 * is what a message costs when turns are full.
 */
#include <stdio.h>
#include <string.h>

#include "core/core.h"
#include "core/error.h"
#include "core/thread.h"

#define CORES 2
#define BATCH 64
#define BATCHES_OUT 8 /* on their way at once: enough that the peer always has one */

struct bench {
    struct gf_core cores[CORES];
    struct gf_core *pointers[CORES];
    struct gf_message messages[BATCH * BATCHES_OUT];
    struct gf_op begin;
    uint32_t in_flight; /* messages posted at once in this run */
    uint64_t left;      /* to come home in this run            */
    uint64_t total;     /* of this run                         */
    uint64_t begin_ns;
    uint64_t rounds; /* of the first run; the second has BATCH times as many messages */
    bool batches;    /* the second run                                                */
    _Atomic bool finished;
    struct gf_timer look; /* core 1 looks whether it is over */
};

static struct bench *bench_of(struct gf_core *core)
{
    return core->owner;
}

static void bench_start(struct bench *bench)
{
    struct gf_core *core = &bench->cores[0];

    bench->begin_ns = core->driver->ops->now_ns(core->driver);
    bench->left = bench->total;
    for (uint32_t i = 0; i < bench->in_flight; i++)
        (void)gf_mesh_post(core, 1, &bench->messages[i]); /* fewer than there are credits */
}

static void begin_done(struct gf_op *op, int result)
{
    struct bench *bench = gf_container(op, struct bench, begin);

    (void)result; /* always GF_OK */
    bench->in_flight = 1;
    bench->total = bench->rounds;
    bench_start(bench);
}

static void bench_end(struct bench *bench)
{
    struct gf_core *core = &bench->cores[0];
    uint64_t end_ns = core->driver->ops->now_ns(core->driver);
    double each_ns = (double)(end_ns - bench->begin_ns) / (double)bench->total;

    if (bench->batches) {
        printf("mesh: %.1f ns per message there and back, %u at a time\n", each_ns,
               bench->in_flight);
        atomic_store(&bench->finished, true);
        gf_core_stop(core);
        return;
    }
    printf("mesh: %.0f ns per round trip, 1 at a time\n", each_ns);
    bench->batches = true;
    bench->in_flight = BATCH * BATCHES_OUT;
    bench->total = bench->rounds * BATCH;
    bench_start(bench);
}

/* Core 0: its messages come home, and go out again while enough are left. */
static void receive_home(struct gf_core *core, struct gf_message **messages, uint32_t count)
{
    struct bench *bench = bench_of(core);

    for (uint32_t i = 0; i < count; i++) {
        if (bench->left > bench->in_flight)
            (void)gf_mesh_post(core, 1, messages[i]);
        bench->left--;
    }
    if (bench->left == 0)
        bench_end(bench);
}

static void receive_away(struct gf_core *core, struct gf_message **messages, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        gf_mesh_return(core, messages[i]);
}

static void look_fired(struct gf_timer *timer)
{
    struct bench *bench = gf_container(timer, struct bench, look);

    if (atomic_load(&bench->finished))
        gf_core_stop(&bench->cores[1]);
    else
        gf_timer_start(&bench->cores[1], timer, 10000000);
}

static int core_start(struct gf_core *core, void *context)
{
    struct gf_driver_options options = {
        .recv_buffer_size = 4096, .recv_buffer_count = 8, .queue_size = 8, .backlog = 1};
    struct bench *bench = context;
    int error = gf_driver_uring_create(&options, &core->driver);

    if (error == GF_EUNSUPPORTED)
        error = gf_driver_epoll_create(&options, &core->driver);
    if (error != GF_OK)
        return error;
    core->owner = bench;
    if (core->id == 0) {
        core->receive = receive_home;
        bench->begin.done = begin_done;
        gf_core_defer(core, GF_PHASE_WORK, &bench->begin);
    } else {
        core->receive = receive_away;
        bench->look.fired = look_fired;
        gf_timer_start(core, &bench->look, 10000000);
    }
    return GF_OK;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct gf_thread threads[CORES];
    int error;

    bench.rounds = argc > 1 && strcmp(argv[1], "--short") == 0 ? 1000 : 300000;
    for (uint16_t id = 0; id < CORES; id++) {
        bench.pointers[id] = &bench.cores[id];
        if (gf_core_init(&bench.cores[id], id, CORES, bench.pointers) != GF_OK)
            return 1;
        threads[id] = (struct gf_thread){
            .core = &bench.cores[id], .start = core_start, .context = &bench, .pin = true};
    }
    error = gf_threads_start(threads, CORES);
    if (error == GF_OK)
        gf_threads_join(threads, CORES);
    for (uint16_t id = 0; id < CORES; id++)
        gf_core_deinit(&bench.cores[id]);
    return error == GF_OK && bench.left == 0 ? 0 : 1;
}
