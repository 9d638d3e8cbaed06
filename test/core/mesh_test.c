/* The mesh: credits, batches, and wake-ups that are never lost. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>

#include "core/core.h"
#include "core/error.h"
#include "core/list.h"
#include "core/thread.h"

#define ROUNDS 3000 /* hops of one message, each of which may have to wake a sleeper */

typedef int driver_create(const struct gf_driver_options *options, struct gf_driver **ret_driver);

static const struct gf_driver_options options = {
    .recv_buffer_size = 4096, .recv_buffer_count = 16, .queue_size = 64, .backlog = 16};

TestSuite(mesh, .timeout = 60);

/* ---- Two cores turned by one thread ---- */

struct pair {
    struct gf_core cores[2];
    struct gf_core *peers[2];
    struct gf_message messages[GF_MESH_CREDITS + 1];
    struct gf_message *got[2 * GF_MESH_CREDITS + 2]; /* on either core, in order */
    uint32_t got_count;
    uint32_t batch_max;
};

static struct pair pair;

static void pair_received(struct gf_core *core, struct gf_message **messages, uint32_t count)
{
    gf_core_assert_here(core->id);
    if (count > pair.batch_max)
        pair.batch_max = count;
    for (uint32_t i = 0; i < count; i++) {
        pair.got[pair.got_count++] = messages[i];
        if (messages[i]->home != core->id)
            gf_mesh_return(core, messages[i]);
    }
}

static void pair_start(void)
{
    for (uint16_t i = 0; i < 2; i++) {
        pair.peers[i] = &pair.cores[i];
        gf_core_init(&pair.cores[i], i, 2, pair.peers);
        cr_assert_eq(gf_driver_epoll_create(&options, &pair.cores[i].driver), GF_OK);
        pair.cores[i].receive = pair_received;
    }
    gf_core_enter(&pair.cores[0]);
}

static void pair_turn(uint16_t id)
{
    gf_core_enter(&pair.cores[id]);
    gf_core_turn(&pair.cores[id], false);
    gf_core_enter(&pair.cores[0]);
}

static void pair_stop(void)
{
    gf_core_enter(NULL);
    gf_core_deinit(&pair.cores[0]);
    gf_core_deinit(&pair.cores[1]);
}

Test(mesh, refuses_a_post_beyond_the_credits_and_takes_one_when_they_are_back)
{
    pair_start();
    for (uint32_t i = 0; i < GF_MESH_CREDITS; i++)
        cr_assert(gf_mesh_post(&pair.cores[0], 1, &pair.messages[i]));
    cr_assert_not(gf_mesh_can_post(&pair.cores[0], 1));
    cr_assert_not(gf_mesh_post(&pair.cores[0], 1, &pair.messages[GF_MESH_CREDITS]));

    pair_turn(0); /* rings out */
    pair_turn(1); /* received and returned, all of them */
    cr_assert_eq(pair.got_count, GF_MESH_CREDITS);
    cr_assert_eq(pair.batch_max, 64);
    for (uint32_t i = 0; i < GF_MESH_CREDITS; i++)
        cr_assert_eq(pair.got[i], &pair.messages[i], "in the order they were posted");
    cr_assert_not(gf_mesh_can_post(&pair.cores[0], 1));
    pair_turn(0);
    cr_assert_eq(pair.got_count, 2 * GF_MESH_CREDITS);
    cr_assert(gf_mesh_post(&pair.cores[0], 1, &pair.messages[GF_MESH_CREDITS]));
    pair_turn(0);
    pair_turn(1);
    pair_turn(0);
    pair_stop();
}

Test(mesh, shows_a_post_to_the_peer_only_in_rings_out)
{
    pair_start();
    cr_assert(gf_mesh_post(&pair.cores[0], 1, &pair.messages[0]));
    pair_turn(1);
    cr_assert_eq(pair.got_count, 0);
    pair_turn(0);
    pair_turn(1);
    cr_assert_eq(pair.got_count, 1);
    cr_assert_eq(pair.messages[0].home, 0);
    pair_turn(0);
    cr_assert_eq(pair.got_count, 2);
    pair_stop();
}

/* ---- Cores on threads of their own, asleep most of the time ---- */

#define PARTY_CORES 3

enum { KIND_HOP, KIND_FINISHED, KIND_GOODBYE };

struct hop {
    struct gf_message message;
    uint32_t rounds; /* how often it came home; the home core's */
};

/* Every core sends a message of its own to every other one, ROUNDS times there and back. Who is
 * through tells core 0; when all are, core 0 says goodbye to all, and everyone stops. */
struct party {
    struct gf_core cores[PARTY_CORES];
    struct gf_core *peers[PARTY_CORES];
    struct gf_thread threads[PARTY_CORES];
    struct hop hops[PARTY_CORES][PARTY_CORES]; /* by home and destination */
    uint32_t hops_through[PARTY_CORES];        /* by home; the home core's */
    struct gf_message finished[PARTY_CORES];
    struct gf_message goodbyes[PARTY_CORES];
    uint32_t cores_through; /* core 0's */
    struct gf_op begin[PARTY_CORES];
    driver_create *create;
};

static struct party party;

static void party_begin(struct gf_op *op, int result)
{
    struct gf_core *core = gf_core_here();

    (void)op;
    (void)result;
    for (uint16_t to = 0; to < PARTY_CORES; to++)
        if (to != core->id)
            gf_mesh_post(core, to, &party.hops[core->id][to].message);
}

static int party_start(struct gf_core *core, void *context)
{
    (void)context;
    party.begin[core->id].done = party_begin;
    gf_core_defer(core, GF_PHASE_WORK, &party.begin[core->id]);
    return party.create(&options, &core->driver);
}

static void party_core_through(struct gf_core *core)
{
    if (++party.cores_through < PARTY_CORES)
        return;
    for (uint16_t to = 1; to < PARTY_CORES; to++) {
        party.goodbyes[to].kind = KIND_GOODBYE;
        gf_mesh_post(core, to, &party.goodbyes[to]);
    }
    gf_core_stop(core);
}

static void party_hop_home(struct gf_core *core, struct hop *hop)
{
    struct gf_message *finished = &party.finished[core->id];

    if (++hop->rounds < ROUNDS) {
        gf_mesh_post(core, (uint16_t)(hop - party.hops[core->id]), &hop->message);
        return;
    }
    if (++party.hops_through[core->id] < PARTY_CORES - 1)
        return;
    finished->kind = KIND_FINISHED;
    if (core->id == 0)
        party_core_through(core);
    else
        gf_mesh_post(core, 0, finished);
}

static void party_received(struct gf_core *core, struct gf_message **messages, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct gf_message *message = messages[i];

        if (message->kind == KIND_GOODBYE)
            gf_core_stop(core);
        else if (message->kind == KIND_FINISHED)
            party_core_through(core);
        else if (message->home == core->id)
            party_hop_home(core, gf_container(message, struct hop, message));
        else
            gf_mesh_return(core, message);
    }
}

static void party_run(driver_create *create)
{
    uint64_t turns = 0;

    memset(&party, 0, sizeof(party));
    party.create = create;
    for (uint16_t i = 0; i < PARTY_CORES; i++) {
        party.peers[i] = &party.cores[i];
        cr_assert_eq(gf_core_init(&party.cores[i], i, PARTY_CORES, party.peers), GF_OK);
        party.cores[i].receive = party_received;
        party.threads[i] = (struct gf_thread){.core = &party.cores[i], .start = party_start};
    }
    cr_assert_eq(gf_threads_start(party.threads, PARTY_CORES), GF_OK);
    gf_threads_join(party.threads, PARTY_CORES); /* a lost wake-up ends in the suite's timeout */

    for (uint16_t i = 0; i < PARTY_CORES; i++) {
        for (uint16_t to = 0; to < PARTY_CORES; to++)
            cr_assert_eq(party.hops[i][to].rounds, i == to ? 0 : ROUNDS);
        turns += party.cores[i].turns;
    }
    cr_assert_leq(turns, 20ull * ROUNDS * PARTY_CORES, "cores sleep, they do not spin");
    for (uint16_t i = 0; i < PARTY_CORES; i++)
        gf_core_deinit(&party.cores[i]);
}

Test(mesh, loses_no_wake_up_between_sleeping_cores_on_epoll)
{
    party_run(gf_driver_epoll_create);
}

Test(mesh, loses_no_wake_up_between_sleeping_cores_on_io_uring)
{
    struct gf_driver *driver;

    if (gf_driver_uring_create(&options, &driver) == GF_EUNSUPPORTED)
        cr_skip_test("the kernel refuses io_uring");
    driver->ops->destroy(driver);
    party_run(gf_driver_uring_create);
}

/* One core on each driver: wakes go through the eventfds. */
static _Atomic bool mixed_toggle;

static int mixed_create(const struct gf_driver_options *mixed_options,
                        struct gf_driver **ret_driver)
{
    bool uring = atomic_exchange(&mixed_toggle, true);

    if (uring && gf_driver_uring_create(mixed_options, ret_driver) == GF_OK)
        return GF_OK;
    return gf_driver_epoll_create(mixed_options, ret_driver);
}

Test(mesh, loses_no_wake_up_between_cores_on_different_drivers)
{
    party_run(mixed_create);
}
