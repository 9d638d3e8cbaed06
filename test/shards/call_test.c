/* Calls to every core, and messages that wait for room in a ring. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "shards/call.h"
#include "shards/parcel.h"
#include "support/node_fixture.h"

#define CORES 3

static struct node node;

static void setup(void)
{
    node_start(&node, CORES, NULL);
}

static void teardown(void)
{
    node_end(&node);
}

TestSuite(call, .init = setup, .fini = teardown, .timeout = 60);

struct counted {
    struct gf_call call;
    uint32_t ran[CORES];
    uint32_t done;
};

static void count_core(struct gf_worker *worker, struct gf_call *call)
{
    gf_core_assert_here(worker->core->id);
    gf_container(call, struct counted, call)->ran[worker->core->id]++;
}

static void count_done(struct gf_worker *worker, struct gf_call *call)
{
    struct counted *counted = gf_container(call, struct counted, call);

    cr_assert_eq(worker, call->home);
    for (uint16_t core = 0; core < CORES; core++)
        cr_assert_eq(counted->ran[core], 1);
    counted->done++;
}

Test(call, runs_once_on_every_core_and_then_ends_at_home)
{
    struct counted counted = {.call = {.on_core = count_core, .done = count_done}};

    gf_call_start(node_enter(&node, 1), &counted.call);
    cr_assert_eq(counted.ran[1], 0, "nothing runs inside the call");
    for (int i = 0; i < 3; i++)
        node_turn(&node, 1);
    cr_assert_eq(counted.ran[1], 1);
    cr_assert_eq(counted.done, 0);
    node_turn(&node, 0);
    node_turn(&node, 1);
    cr_assert_eq(counted.done, 0, "core 2 has not answered");
    node_turn(&node, 2);
    node_turn(&node, 1);
    cr_assert_eq(counted.done, 1);
}

/* More calls than a ring has places. */
Test(call, waits_for_room)
{
    enum { COUNT = GF_MESH_CREDITS + 500 };
    struct counted *many = calloc(COUNT, sizeof(*many));
    struct gf_worker *worker = node_enter(&node, 0);

    for (uint32_t i = 0; i < COUNT; i++) {
        many[i].call = (struct gf_call){.on_core = count_core, .done = count_done};
        gf_call_start(worker, &many[i].call);
    }
    cr_assert_not(gf_list_empty(&worker->outbox));
    cr_assert_eq(gf_mesh_credits(worker->core, 1), 0);
    node_turn_all(&node, 10);
    cr_assert(gf_list_empty(&worker->outbox));
    for (uint32_t i = 0; i < COUNT; i++)
        cr_assert_eq(many[i].done, 1);
    cr_assert_eq(gf_mesh_credits(node_enter(&node, 0)->core, 1), GF_MESH_CREDITS);
    free(many);
}

/* One core takes nothing: what is for the other goes out all the same. */
Test(call, a_full_core_does_not_hold_up_another)
{
    enum { COUNT = GF_MESH_CREDITS + 10 };
    struct counted *many = calloc(COUNT, sizeof(*many));
    struct gf_worker *worker = node_enter(&node, 0);

    for (uint32_t i = 0; i < COUNT; i++) {
        many[i].call = (struct gf_call){.on_core = count_core, .done = count_done};
        gf_call_start(worker, &many[i].call);
    }
    for (int i = 0; i < 10; i++) {
        node_turn(&node, 0);
        node_turn(&node, 2);
    }
    cr_assert_eq(many[COUNT - 1].ran[2], 1);
    cr_assert_eq(many[COUNT - 1].ran[1], 0);
    node_turn_all(&node, 10);
    cr_assert_eq(many[COUNT - 1].done, 1);
    free(many);
}

Test(call, room_is_shared_out)
{
    struct gf_worker *worker = node_enter(&node, 0);
    uint32_t count = GF_MESH_CREDITS - 2 * GF_PARCEL_RESERVE;
    struct counted *many = calloc(count, sizeof(*many));
    struct counted more = {.call = {.on_core = count_core, .done = count_done}};

    cr_assert(gf_parcel_room_for_request(worker, 1));
    for (uint32_t i = 0; i < count; i++) {
        many[i].call = (struct gf_call){.on_core = count_core, .done = count_done};
        gf_call_start(worker, &many[i].call);
    }
    cr_assert_not(gf_parcel_room_for_request(worker, 1));
    gf_call_start(worker, &more.call);
    cr_assert(gf_list_empty(&worker->outbox), "a call may use the reserve");
    node_turn_all(&node, 5);
    cr_assert_eq(more.done, 1);
    cr_assert(gf_parcel_room_for_request(node_enter(&node, 0), 1));
    free(many);
}
