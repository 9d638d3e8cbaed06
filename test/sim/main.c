/* The simulator: plays seeds.
 *
 *   sim --seed N [--steps M] [--trace]    one run
 *   sim --seeds A..B,C [--steps M]        each of them; stops at the first that fails
 *   sim --twice ...                       each run twice: it must be the same
 *   sim --plant FAULT ...                 with a fault planted, which the run must find
 *   sim --kind KIND ...                   every run does that, too: sets-clock, evicts, monitors,
 *                                         speaks3, operates, stops, listens, slices, waits
 *
 * A run that fails says why and how to repeat it, and ends the process by SIGABRT.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/extent.h"
#include "core/thread.h"
#include "shards/settings.h"
#include "shards/shutdown.h"
#include "sim/clock.h"
#include "sim/kind.h"
#include "sim/node.h"
#include "sim/workload.h"
#include "sim/world.h"
#include "support/seeds.h"

#define STEPS_DEFAULT 60000
/* A run that needs more of both after its steps hangs. */
#define STEPS_TO_END 3000000
#define TIME_TO_END_NS 60000000000ull
#define STEPS_TO_HEAR 50000  /* for SHUTDOWN to come to the server */
#define STOP_MAX_NS (GF_SHUTDOWN_GRACE_MS * SIM_MS + SIM_S)

/* By enum sim_plant. */
static const char *const plants[] = {"", "lost-wakes", "halves", "short-ends"};

struct options {
    const char *program;
    const char *seeds; /* support/seeds.h */
    uint64_t steps;
    bool trace;
    bool twice;
    uint32_t plant;   /* enum sim_plant */
    const char *kind; /* sim_kind_add's; NULL: as drawn */
};

/* Figures of one run. */
struct run {
    uint64_t hash;
    uint64_t steps;
    uint64_t replies;
    uint64_t handovers;
    uint64_t virtual_ms;
    bool evicts;
    char kind[128];
};

/* Written for the signal handler: how to repeat what runs now. */
static char repeat[256];

static void say_repeat(void)
{
    (void)!write(STDERR_FILENO, repeat, strlen(repeat));
}

static void on_signal(int number)
{
    say_repeat();
    signal(number, SIG_DFL);
    raise(number);
}

static void steps_until(struct sim_world *world, const char *what, bool (*reached)(void *),
                        void *context)
{
    uint64_t limit = world->steps + STEPS_TO_END;
    uint64_t limit_ns = world->now_ns + TIME_TO_END_NS;

    while (!reached(context)) {
        /* Both: clients may do much in little time, and little in much. */
        if (world->steps >= limit && world->now_ns >= limit_ns)
            sim_fail(world, "%s: it does not come to an end", what);
        if (!sim_world_step(world))
            sim_fail(world, "%s: nothing will ever happen again", what);
    }
}

static bool is_serving(void *context)
{
    return sim_node_is_serving(context);
}

static bool is_over(void *context)
{
    return sim_workload_is_over(context);
}

/* Nobody is connected and nothing is under way. */
static bool is_quiet(void *context)
{
    struct sim_node *node = context;

    return sim_node_is_quiet(node) && node->world->events_busy == 0;
}

static bool has_stopped(void *context)
{
    return sim_node_has_stopped(context);
}

static bool is_stopping(void *context)
{
    return sim_node_is_stopping(context);
}

static bool keeps_limit(void *context)
{
    return sim_node_keeps_limit(context);
}

static bool is_settled(void *context)
{
    return sim_workload_is_settled(context);
}

/* The clients come to their end, then the server is stopped. */
static void run_to_end(struct sim_world *world, struct sim_node *node,
                       struct sim_workload *workload)
{
    sim_workload_end(workload);
    steps_until(world, "answering", is_over, workload);
    steps_until(world, "settling", is_settled, workload);
    if (world->kind.evicts)
        steps_until(world, "evicting", keeps_limit, node);
    sim_workload_check(workload);
    sim_workload_hang_up(workload);
    steps_until(world, "hanging up", is_quiet, node);
    sim_node_check(node);
    world->quiet = NULL;
    sim_node_stop(node);
    steps_until(world, "stopping", has_stopped, node);
}

/* The server is stopped while they play on. */
static void run_to_stop(struct sim_world *world, struct sim_node *node,
                        struct sim_workload *workload)
{
    uint64_t limit_ns;

    world->quiet = NULL; /* who comes too late waits for nothing */
    if (sim_one_in(world, 2))
        sim_workload_shutdown(workload);
    for (uint64_t steps = 0; steps < STEPS_TO_HEAR && !is_stopping(node); steps++)
        sim_world_step(world);
    sim_node_stop(node); /* if the client was too slow to say so */
    limit_ns = world->now_ns + STOP_MAX_NS + 50 * world->climate.stall_max_ns;
    steps_until(world, "stopping", has_stopped, node);
    if (world->now_ns > limit_ns)
        sim_fail(world, "stopping took %.0f ms too long", (double)(world->now_ns - limit_ns) / 1e6);
    sim_workload_end(workload);
    steps_until(world, "losing all connections", is_over, workload);
    sim_workload_check(workload);
    sim_workload_hang_up(workload);
    while (world->events_busy > 0)
        sim_world_step(world);
}

static void run_once(const struct options *options, uint64_t seed, struct run *ret_run)
{
    static struct sim_world world;
    static struct sim_clock clock;
    static struct sim_node node;
    static struct sim_workload workload;
    struct gf_settings settings;

    /* What runs before this one left in the allocators: some sizes depend on it, and a memory limit
     * on them. */
    gf_memory_purge();
    gf_extent_trim();
    sim_world_init(&world, seed);
    sim_clock_init(&clock, &world);
    world.trace = options->trace;
    world.plant = (enum sim_plant)options->plant;
    sim_kind_draw(&world, &settings);
    if (options->kind)
        sim_kind_add(&world.kind, options->kind);
    sim_kind_settle(&world, &settings);
    if (world.kind.sets_clock)
        sim_clock_start(&clock);
    sim_node_start(&node, &world, 1, &settings);
    gf_settings_deinit(&settings);
    steps_until(&world, "starting", is_serving, &node);

    *ret_run = (struct run){0};
    sim_workload_init(&workload, &node);
    for (uint64_t steps = 0; steps < options->steps; steps++)
        sim_world_step(&world);
    ret_run->handovers = sim_node_handovers(&node);
    if (world.kind.stops)
        run_to_stop(&world, &node, &workload);
    else
        run_to_end(&world, &node, &workload);
    sim_clock_stop(&clock);

    ret_run->replies = sim_workload_replies(&workload);
    sim_kind_format(&world, ret_run->kind, sizeof(ret_run->kind));
    sim_workload_deinit(&workload);
    sim_node_deinit(&node);
    ret_run->evicts = world.kind.evicts;
    ret_run->hash = world.hash;
    ret_run->steps = world.steps;
    ret_run->virtual_ms = world.now_ns / SIM_MS;
    sim_world_deinit(&world);
}

static void run_seed(const struct options *options, uint64_t seed)
{
    struct run run;

    snprintf(repeat, sizeof(repeat),
             "sim: repeat with: %s --seed %" PRIu64 " --steps %" PRIu64 "%s%s%s%s --trace\n",
             options->program, seed, options->steps, options->plant ? " --plant " : "",
             plants[options->plant], options->kind ? " --kind " : "",
             options->kind ? options->kind : "");
    run_once(options, seed, &run);
    printf("seed %" PRIu64 ": %" PRIu64 " replies in %" PRIu64 " ms, %" PRIu64 " steps, %" PRIu64
           " hand-overs, hash %016" PRIx64 "%s\n",
           seed, run.replies, run.virtual_ms, run.steps, run.handovers, run.hash, run.kind);
    if (options->twice) {
        struct run again;

        run_once(options, seed, &again);
        if ((again.hash != run.hash || again.steps != run.steps)) {
            fprintf(stderr, "sim: FAILED: seed %" PRIu64 " was not the same twice\n", seed);
            abort();
        }
    }
    fflush(stdout);
}

static int usage(void)
{
    fprintf(stderr, "usage: sim --seed N | --seeds A..B,C [--steps M] [--trace] [--twice] "
                    "[--plant lost-wakes|halves|short-ends] [--kind KIND]\n");
    return 2;
}

static bool plant_find(const char *name, uint32_t *ret_plant)
{
    for (uint32_t i = 1; name && i < GF_COUNT(plants); i++) {
        if (strcmp(plants[i], name) != 0)
            continue;
        *ret_plant = i;
        return true;
    }
    return false;
}

static bool kind_find(const char *name, const char **ret_name)
{
    struct sim_kind kind = {0};

    if (!name || !sim_kind_add(&kind, name))
        return false;
    *ret_name = name;
    return true;
}

static bool options_parse(struct options *options, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        char *end = NULL;

        if (strcmp(argv[i], "--trace") == 0) {
            options->trace = true;
        } else if (strcmp(argv[i], "--twice") == 0) {
            options->twice = true;
        } else if (strcmp(argv[i], "--plant") == 0) {
            if (!plant_find(argv[++i], &options->plant))
                return false;
        } else if (strcmp(argv[i], "--kind") == 0) {
            if (!kind_find(argv[++i], &options->kind))
                return false;
        } else if (strcmp(argv[i], "--seed") == 0 || strcmp(argv[i], "--seeds") == 0) {
            options->seeds = value;
            i++;
        } else if (strcmp(argv[i], "--steps") == 0) {
            options->steps = strtoull(argv[++i], &end, 10);
        } else {
            return false;
        }
        if (end && (*end != '\0' || *value == '\0'))
            return false;
    }
    return seeds_are_good(options->seeds);
}

int main(int argc, char **argv)
{
    struct options options = {.program = argv[0], .seeds = "1", .steps = STEPS_DEFAULT};
    uint64_t first;
    uint64_t last;

    if (!options_parse(&options, argc, argv))
        return usage();
    gf_signals_block(); /* SHUTDOWN raises one at its own process */
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    signal(SIGBUS, on_signal);
    while (seeds_next(&options.seeds, &first, &last)) {
        for (uint64_t seed = first; seed <= last; seed++)
            run_seed(&options, seed);
    }
    return 0;
}
