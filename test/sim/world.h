/* The simulated world: one virtual clock, one queue of events, one random series, and tasks.
 *
 * Everything that happens is either an event that fires or a task (a core of a server) that runs
 * until it waits again. When several could be next the seed decides, so one seed is one history.
 * The clock moves when nothing can happen now, and a little with everything that does.
 *
 * A task has a stack of its own and waits inside its driver's `run`, just as a thread waits in the
 * kernel: peers really meet a core that sleeps.
 *
 * Every step is noted. The notes are hashed (two runs are the same when their hashes are) and
 * printed with --trace.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "support/random.h"

#define SIM_US 1000ull
#define SIM_MS 1000000ull
#define SIM_S 1000000000ull

#define SIM_TASKS_MAX 64

struct gf_core;
struct sim_clock;
struct sim_world;

/* Something that happens later. Embedded in its owner; zeroed = not scheduled. */
struct sim_event {
    void (*fire)(struct sim_event *event); /* set by the owner                                 */
    uint64_t at_ns;
    uint64_t sequence;   /* breaks ties: first scheduled first               */
    uint32_t heap_index; /* place in the queue + 1; 0 = not scheduled        */
    bool idle;           /* a client's pause: nothing is under way meanwhile */
};

enum sim_task_state { SIM_TASK_RUNNABLE, SIM_TASK_WAITING, SIM_TASK_ENDED };

struct sim_task {
    struct sim_world *world;
    void (*main)(struct sim_task *task);
    struct gf_core *core; /* whose turns it makes; borrowed                  */
    int id;
    enum sim_task_state state;
    bool woken;
    uint64_t deadline_ns;      /* of a wait; UINT64_MAX = none                    */
    uint64_t stalled_until_ns; /* the machine does not run it before              */
    ucontext_t context;
    void *stack; /* mapped; owned                                   */
    void *fiber; /* AddressSanitizer's                              */
};

/* Faults that a run must find. */
enum sim_plant {
    SIM_PLANT_NONE,
    SIM_PLANT_LOST_WAKES, /* one wake of fifty does not come                         */
    SIM_PLANT_HALVES,     /* clients write groups in two commands: they are not atomic */
    SIM_PLANT_SHORT_ENDS, /* what comes right before a client's end is lost            */
};

/* How this world treats everyone; drawn from the seed, so that runs differ in kind. */
struct sim_climate {
    uint64_t delay_max_ns; /* of anything on the network                      */
    uint64_t turn_max_ns;  /* what one turn of a core costs                   */
    uint32_t stall_one_in; /* turns after which a core is not run for a while */
    uint64_t stall_max_ns;
    uint32_t piece_max;    /* bytes of one receive or send                    */
    uint32_t window_max;   /* bytes a connection takes in one direction       */
    uint32_t reset_one_in; /* pieces after which a connection breaks; 0 = never */
};

/* What happens in this run that does not in every one; drawn from the seed, see kind.h. */
struct sim_kind {
    bool sets_clock; /* the wall clock jumps                                       */
    bool evicts;     /* maxmemory, and keys with a time to live go ...              */
    bool evicts_all; /* ... or any key                                              */
    bool monitors;   /* somebody watches                                            */
    bool listens;    /* somebody is subscribed to what others publish               */
    bool waits;      /* many wait for keys, and for long                            */
    bool speaks3;    /* connections change their protocol                           */
    bool operates;   /* an operator lists and kills clients                         */
    bool stops;      /* the server stops while clients play, not when they are done */
    bool slices;     /* commands that can pause do, after a few elements            */
};

struct sim_world {
    uint64_t seed;
    struct test_random random;
    uint64_t now_ns;
    uint64_t steps;
    uint32_t connections; /* ever made                              */
    uint64_t hash;        /* of all notes so far                     */
    bool trace;
    enum sim_plant plant;
    struct sim_climate climate;
    struct sim_kind kind;
    struct sim_clock *clock;   /* what servers take for the time; borrowed    */
    struct sim_event **events; /* a heap by (at_ns, sequence); owned      */
    uint32_t events_count;
    uint32_t events_capacity;
    uint32_t events_busy; /* that are not idle                       */
    uint64_t next_sequence;
    struct sim_task *tasks[SIM_TASKS_MAX]; /* borrowed                    */
    int tasks_count;
    struct sim_task *running; /* NULL = the world itself                 */
    ucontext_t context;       /* the world's own, while a task runs      */
    void *fiber;
    const void *stack; /* the world's own stack, for AddressSanitizer */
    size_t stack_size;
    void (*quiet)(
        struct sim_world *world); /* nothing is under way: what is owed is lost; or NULL */
    void *quiet_context;
};

void sim_world_init(struct sim_world *world, uint64_t seed);
void sim_world_deinit(struct sim_world *world);

/* sim_world_step - one event or one task. false: nothing will ever happen again. */
bool sim_world_step(struct sim_world *world);

/* Random numbers of this world. below: 0 .. limit - 1; one_in: true once in `count`, never for 0;
 * size: small ones more often than large ones, 1 .. max. */
uint64_t sim_below(struct sim_world *world, uint64_t limit);
bool sim_one_in(struct sim_world *world, uint64_t count);
uint64_t sim_size(struct sim_world *world, uint64_t max);

/* sim_note - say what happened; `what` is a literal. */
void sim_note(struct sim_world *world, const char *what, int64_t a, int64_t b);

/* sim_fail - the run has failed: says why and ends the process (the exit prints the seed). */
_Noreturn void sim_fail(struct sim_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define SIM_CHECK(world, cond)                                                                     \
    ((cond) ? (void)0 : sim_fail(world, "%s:%d: %s", __FILE__, __LINE__, #cond))

void sim_schedule(struct sim_world *world, struct sim_event *event, uint64_t delay_ns);
void sim_cancel(struct sim_world *world, struct sim_event *event);

static inline bool sim_is_scheduled(const struct sim_event *event)
{
    return event->heap_index != 0;
}

/* sim_delay - how long something on the network takes this time. */
uint64_t sim_delay(struct sim_world *world);

/* sim_task_start - `main` runs at some later step, on a stack of its own. */
void sim_task_start(struct sim_world *world, struct sim_task *task);
/* sim_task_release - the task has ended: its stack goes. */
void sim_task_release(struct sim_task *task);
/* sim_task_wait - in the task: let the world go on until woken, at most until deadline_ns. */
void sim_task_wait(struct sim_task *task, uint64_t deadline_ns);
/* sim_task_wake - a wake of a task that does not wait ends its next wait. */
void sim_task_wake(struct sim_task *task);
