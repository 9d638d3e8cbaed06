/* The players' lives: connect, think, play, rest, quit, and come again. */
#include "sim/workload.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "shards/background.h"
#include "sim/kind.h"
#include "sim/roster.h"

#define QUEUED_PIECES 100    /* pieces not yet written, then no more commands */
#define SETTLE_NS SIM_S      /* stalls of all cores and more */
#define PAUSE_SLACK_NS SIM_S /* a pause is not measured that exactly */
#define SLOW_NS (30 * SIM_S) /* who has not read all that others did by then goes */

static void player_think_later(struct sim_player *player)
{
    struct sim_world *world = player->workload->world;

    if (!player->workload->ending && !sim_is_scheduled(&player->think_event))
        sim_schedule(world, &player->think_event, sim_below(world, player->pause_max_ns));
}

static void player_forget(struct sim_player *player)
{
    if (player->model) {
        sim_model_deinit(player->model);
        gf_free(GF_MEMORY_OTHER, player->model);
        player->model = NULL;
    }
}

/* ---- Watchers ---- */

static void watcher_line(struct sim_client *client, struct gf_bytes text)
{
    sim_watch_line(&gf_container(client, struct sim_player, client)->watch, text);
}

static void watch_answered(struct sim_request *request, const struct sim_reply *reply)
{
    struct sim_player *player = gf_container(request, struct sim_player, watch_request);

    player->watch_asked = false;
    if (reply && player->watch.tracks && !player->watch.begun)
        sim_watch_begin(&player->watch);
    else
        sim_watch_end(&player->watch, false); /* RESET, or the end of the connection */
}

/* MONITOR; once it watches, RESET now and then. */
static void watcher_play(struct sim_player *player)
{
    struct sim_command command = {0};
    bool watches = player->watch.tracks != NULL;

    if (player->watch_asked || (watches && !sim_one_in(player->workload->world, 50)))
        return;
    if (!watches)
        sim_watch_ask(&player->watch, &player->workload->tracks);
    player->watch_asked = true;
    player->watch_request = (struct sim_request){.answered = watch_answered};
    sim_command_print(&command, watches ? "RESET" : "MONITOR");
    sim_client_send(&player->client, &command, &player->watch_request);
    sim_command_deinit(&command);
}

/* ---- Listeners ---- */

static bool listener_message(struct sim_client *client, const struct sim_reply *reply)
{
    return sim_listener_take(&gf_container(client, struct sim_player, client)->listener, reply);
}

static void listener_answered(struct sim_request *request, const struct sim_reply *reply)
{
    struct sim_player *player = gf_container(request, struct sim_player, listener_request);

    if (reply)
        sim_listener_begin(&player->listener);
}

/* Subscribes once a connection, then only listens. */
static void listener_play(struct sim_player *player)
{
    struct sim_command command = {0};

    if (player->listener.publishers)
        return;
    sim_listener_ask(&player->listener, &player->workload->publishers, &command);
    player->listener_request = (struct sim_request){.answered = listener_answered};
    sim_client_send(&player->client, &command, &player->listener_request);
    sim_command_deinit(&command);
}

/* ---- Connecting ---- */

/* So little above what the server takes already that it must evict. */
static void player_limit(struct sim_player *player)
{
    struct sim_workload *workload = player->workload;
    struct sim_world *world = workload->world;
    uint64_t used = (uint64_t)gf_server_memory(&workload->node->server);

    sim_shared_limit(&workload->shared, &player->client, used + 16384 + sim_size(world, 400000),
                     sim_kind_policy(world));
}

static void player_connect(struct sim_player *player)
{
    struct sim_workload *workload = player->workload;
    struct sim_world *world = workload->world;
    const struct gf_server *server = &workload->node->server;
    uint16_t port = (uint16_t)server->settings.port;
    bool solid = player->manner == SIM_SOLE;
    bool one_core = false;

    player_forget(player);
    sim_watch_end(&player->watch, false);
    sim_listener_end(&player->listener, false);
    player->publisher = NULL;
    /* On a core's port DBSIZE and KEYS are about a part of the keys: nobody checks that here. */
    if (server->core_ports_first != 0 && !solid && player->manner != SIM_OPERATOR &&
        sim_one_in(world, 8)) {
        one_core = true;
        port = (uint16_t)(server->core_ports_first + sim_below(world, server->cores_count));
    }
    sim_client_connect(&player->client, &workload->node->machine, port, solid);
    player->client.deaf = player->manner == SIM_VANDAL;
    player->client.must_answer = !world->kind.stops;
    if (player->manner == SIM_WATCHER)
        player->client.line = watcher_line;
    if (player->manner == SIM_LISTENER)
        player->client.message = listener_message;
    if (player->manner == SIM_VANDAL || player->manner == SIM_WATCHER ||
        player->manner == SIM_LISTENER)
        return;
    if (world->kind.listens && player->manner == SIM_POLITE)
        player->publisher = sim_publisher_add(&workload->publishers);
    /* CONFIG is not shown to monitors. */
    if (world->kind.monitors && player->manner != SIM_OPERATOR && !(solid && world->kind.evicts))
        player->client.track = sim_track_add(&workload->tracks, &player->client);
    if (world->kind.operates)
        sim_roster_ask_id(&player->client);
    player->model = gf_alloc(GF_MEMORY_OTHER, sizeof(*player->model));
    sim_model_init(player->model, world, ++workload->connections);
    player->model->sole = solid;
    player->model->db_first = solid ? 14 : 0;
    player->model->one_core = one_core;
    player->model->may_evict = world->kind.evicts;
    player->model->may_evict_all = world->kind.evicts_all;
    player->model->hot = player->manner == SIM_HAMMER ? 1 + player->hot % 2 : 0;
    player->model->value_max = sim_one_in(world, 6) ? 3 * world->climate.piece_max : 64;
    if (player->model->value_max > 10 * world->climate.window_max)
        player->model->value_max = 10 * world->climate.window_max;
    if (solid && !world->kind.evicts_all && !workload->begun)
        sim_shared_begin(&workload->shared, &player->client); /* still in database 0 */
    if (solid && world->kind.evicts && !workload->begun)
        player_limit(player);
    workload->begun = workload->begun || solid;
    if (world->kind.evicts)
        player->model->value_max = 4096;
    sim_model_begin(player->model, &player->client);
}

static void player_vandalize(struct sim_player *player)
{
    static const char *const texts[] = {
        "*3\r\n$3\r\nSET\r\n$1\r\nv\r\n$5\r\nab",
        "*2\r\n$3\r\nGET\r\n$1\r\nv\r\n",
        "PING\r\n",
        "*1\r\n$4\r\nQUIT\r\n",
        "*5\r\n$4\r\nMSET\r\n$2\r\nv1\r\n$1\r\n1\r\n$2\r\nv2\r\n$1\r\n2\r\n",
        "*3\r\n$4\r\nMGET\r\n$2\r\nv1\r\n$2\r\nv2\r\n",
        "*0\r\n\r\n",
        "*-1\r\n",
        "*2\r\n$999999999999\r\n",
        "$nonsense\r\n",
        "*1\r\n:1\r\n",
        "NOSUCHCOMMAND v v v\r\n",
        "SET v \"unbalanced\r\n",
    };
    const char *text = texts[sim_below(player->workload->world, GF_COUNT(texts))];

    sim_client_send_raw(&player->client, gf_bytes_of(text));
}

/* LIST, or now and then KILL, of another one; who waits for keys may be unblocked. */
static bool player_ask_for_another(struct sim_player *player)
{
    struct sim_workload *workload = player->workload;
    struct sim_player *other =
        &workload->players[sim_below(workload->world, workload->players_count)];
    bool waits;

    if (other == player || other->client.server_id == 0 || !sim_client_is_whole(&other->client))
        return false;
    waits = workload->world->kind.waits && sim_client_waits(&other->client);
    if (waits && sim_one_in(workload->world, 2))
        sim_roster_unblock(&player->client, &other->client);
    else if ((other->manner == SIM_HAMMER || (waits && other->manner != SIM_SOLE)) &&
             sim_one_in(workload->world, 8))
        sim_roster_kill(&player->client, &other->client);
    else
        sim_roster_list(&player->client, &other->client);
    return true;
}

static void player_play(struct sim_player *player)
{
    struct sim_workload *workload = player->workload;
    struct sim_world *world = workload->world;
    bool shared =
        player->model && player->model->db == 0 && sim_below(world, 100) < player->shared_percent;

    if (world->kind.evicts_all && player->manner != SIM_OPERATOR)
        shared = false; /* what all share must not be evicted */
    if (player->manner == SIM_VANDAL)
        player_vandalize(player);
    else if (player->manner == SIM_WATCHER)
        watcher_play(player);
    else if (player->manner == SIM_LISTENER)
        listener_play(player);
    else if (player->publisher && !player->client.track && sim_one_in(world, 4))
        sim_publisher_play(&workload->publishers, player->publisher, &player->client);
    else if (player->manner == SIM_OPERATOR && world->kind.operates &&
             player_ask_for_another(player))
        return;
    else if (shared && player->manner == SIM_HAMMER)
        sim_shared_hammer(&workload->shared, &player->client, player->hot);
    else if (shared && player->manner == SIM_OPERATOR)
        sim_shared_operate(&workload->shared, &player->client);
    else if (shared && player->manner == SIM_POLITE)
        sim_shared_play(&workload->shared, &player->client);
    else
        sim_model_play(player->model, &player->client);
}

/* A server that stops must not wait for one who does not read. */
static uint64_t rest_draw(struct sim_world *world)
{
    bool long_one = world->kind.stops && sim_one_in(world, 10);

    return sim_below(world, long_one ? 60 * SIM_S : 50 * SIM_MS);
}

static void player_quit(struct sim_player *player)
{
    struct sim_client *client = &player->client;
    struct sim_world *world = player->workload->world;

    switch (sim_below(world, 4)) {
    case 0:
        sim_client_slam(client);
        break;
    case 1:
        sim_client_finish(client);
        break;
    default:
        sim_client_close(client, sim_one_in(world, 2));
        break;
    }
}

static void player_think(struct sim_event *event)
{
    struct sim_player *player = gf_container(event, struct sim_player, think_event);
    struct sim_world *world = player->workload->world;
    struct sim_client *client = &player->client;
    uint32_t count = 1 + (uint32_t)sim_below(world, player->pipeline_max);

    if (player->workload->ending)
        return;
    /* Whose databases are nobody else's comes once: a server that stops may still answer it, and
     * its keys are there. */
    if (!client->socket && player->manner == SIM_SOLE && player->workload->begun)
        return;
    player_think_later(player);
    if (!client->socket)
        player_connect(player);
    if (player->manner != SIM_SOLE && sim_one_in(world, player->quits_one_in)) {
        player_quit(player);
        return;
    }
    if (client->finishing)
        return;
    if (sim_one_in(world, player->rests_one_in))
        sim_client_rest(client, rest_draw(world));
    while (count-- > 0 && client->requests_count < player->pipeline_max &&
           client->out.size < QUEUED_PIECES * world->climate.piece_max)
        player_play(player);
}

/* One that comes, moves to the core of its key, and leaves soon, for operators to look for. */
static void player_make_mover(struct sim_player *player)
{
    player->manner = SIM_HAMMER;
    player->shared_percent = 100;
    player->pipeline_max = 64;
    player->pause_max_ns = 100 * SIM_US;
    player->quits_one_in = 60;
}

static void player_init(struct sim_player *player, struct sim_workload *workload, int id)
{
    static const uint32_t pipelines[] = {1, 1, 4, 16, 64, 300};
    static const uint64_t pauses_ns[] = {100 * SIM_US, SIM_MS, 10 * SIM_MS};
    struct sim_world *world = workload->world;
    uint64_t lot = sim_below(world, 16);

    *player = (struct sim_player){.workload = workload};
    sim_client_init(&player->client, world, id, &workload->ticks);
    player->think_event.fire = player_think;
    player->think_event.idle = true;
    player->manner = lot < 11 ? SIM_POLITE : lot < 15 ? SIM_HAMMER : SIM_VANDAL;
    if (id == 0)
        player->manner = SIM_SOLE;
    player->pipeline_max = pipelines[sim_below(world, GF_COUNT(pipelines))];
    player->pause_max_ns = pauses_ns[sim_below(world, GF_COUNT(pauses_ns))];
    player->shared_percent = (uint32_t)sim_below(world, 101);
    player->hot = (uint32_t)sim_below(world, SIM_COUNTERS);
    player->quits_one_in = (uint32_t)(sim_below(world, 2) * sim_size(world, 500));
    player->rests_one_in = (uint32_t)(sim_below(world, 2) * sim_size(world, 100));
    if (id == 1 && (world->kind.operates || sim_one_in(world, 3)))
        player->manner = SIM_OPERATOR;
    if ((id == 2 || id == 3) && world->kind.monitors)
        player->manner = SIM_WATCHER;
    if ((id == 4 || id == 5) && world->kind.listens)
        player->manner = SIM_LISTENER;
    if (player->manner == SIM_OPERATOR)
        player->pipeline_max = 1;
    if (player->manner == SIM_WATCHER)
        player->quits_one_in *= 10;
    if (player->manner == SIM_HAMMER) {
        player->shared_percent = sim_one_in(world, 2) ? 100 : 0;
        player->quits_one_in *= 4;
    }
    if (world->kind.operates && id > 5 && sim_one_in(world, 2))
        player_make_mover(player);
    if (world->kind.operates && player->manner == SIM_OPERATOR)
        player->pause_max_ns = 300 * SIM_US;
    player_think_later(player);
}

static bool workload_nobody_rests(const struct sim_workload *workload)
{
    for (uint32_t i = 0; i < workload->players_count; i++) {
        if (sim_is_scheduled(&workload->players[i].client.lazy_event))
            return false;
    }
    return true;
}

/* Nothing is under way, no core has anything to do: whoever waits for an answer waits in vain. */
static void workload_quiet(struct sim_world *world)
{
    struct sim_workload *workload = world->quiet_context;

    if (sim_node_is_paused(workload->node)) {
        if (workload->shared.pauses_asked == 0 &&
            world->now_ns > workload->shared.pause_end_ns + PAUSE_SLACK_NS)
            sim_fail(world, "a pause does not end");
        return;
    }
    for (uint16_t core = 0; core < workload->node->server.cores_count; core++)
        gf_waiters_check_settled(&workload->node->server.workers[core]);
    for (uint32_t i = 0; i < workload->players_count; i++) {
        const struct sim_client *client = &workload->players[i].client;

        if (sim_client_is_owed(client))
            sim_fail(world, "all is quiet, but client %d waits: %u requests, %zu bytes not written",
                     client->id, client->requests_count, client->out.size);
    }
}

void sim_workload_init(struct sim_workload *workload, struct sim_node *node)
{
    struct sim_world *world = node->world;

    memset(workload, 0, sizeof(*workload));
    workload->world = world;
    workload->node = node;
    sim_shared_init(&workload->shared, world, &workload->ticks);
    sim_tracks_init(&workload->tracks, world);
    sim_publishers_init(&workload->publishers, world);
    workload->players_count = 3 + (uint32_t)sim_below(world, SIM_PLAYERS_MAX - 2);
    for (uint32_t i = 0; i < workload->players_count; i++)
        player_init(&workload->players[i], workload, (int)i);
    world->quiet = workload_quiet;
    world->quiet_context = workload;
}

void sim_workload_end(struct sim_workload *workload)
{
    workload->ending = true;
    for (uint32_t i = 0; i < workload->players_count; i++)
        sim_cancel(workload->world, &workload->players[i].think_event);
}

bool sim_workload_is_over(const struct sim_workload *workload)
{
    for (uint32_t i = 0; i < workload->players_count; i++) {
        if (workload->players[i].client.requests_count > 0)
            return false;
    }
    return true;
}

/* Byte by byte, what a monitor is shown takes longer than a run may: it reads on, without hurry. */
static void hang_up_slow(struct sim_workload *workload)
{
    for (uint32_t i = 0; i < workload->players_count; i++) {
        struct sim_player *player = &workload->players[i];

        if ((player->manner == SIM_WATCHER || player->manner == SIM_LISTENER) &&
            workload->world->now_ns < player->client.replied_ns + SIM_S)
            sim_client_close(&player->client, false);
    }
}

bool sim_workload_is_settled(struct sim_workload *workload)
{
    struct sim_world *world = workload->world;

    if (workload->over_ns == 0)
        workload->over_ns = world->now_ns;
    if (world->now_ns > workload->over_ns + SLOW_NS)
        hang_up_slow(workload);
    return world->now_ns > workload->over_ns + SETTLE_NS && workload_nobody_rests(workload) &&
           world->events_busy == 0 && !sim_node_is_sending(workload->node);
}

void sim_workload_shutdown(struct sim_workload *workload)
{
    struct sim_client *client = &workload->players[0].client;

    /* Behind half a command it would be part of it. */
    if (client->socket && !client->finishing)
        sim_client_send_raw(client, GF_BYTES("*2\r\n$8\r\nSHUTDOWN\r\n$6\r\nNOSAVE\r\n"));
    else
        sim_node_stop(workload->node);
}

void sim_workload_hang_up(struct sim_workload *workload)
{
    for (uint32_t i = 0; i < workload->players_count; i++)
        sim_client_close(&workload->players[i].client, sim_one_in(workload->world, 2));
}

void sim_workload_check(struct sim_workload *workload)
{
    sim_shared_check(&workload->shared);
    for (uint32_t i = 0; i < workload->players_count; i++) {
        struct sim_player *player = &workload->players[i];

        bool quiet = sim_workload_is_settled(workload) && sim_client_is_whole(&player->client);

        sim_watch_end(&player->watch, quiet);
        sim_listener_end(&player->listener, quiet);
    }
}

uint64_t sim_workload_replies(const struct sim_workload *workload)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < workload->players_count; i++)
        sum += workload->players[i].client.replies;
    return sum;
}

void sim_workload_deinit(struct sim_workload *workload)
{
    workload->world->quiet = NULL;
    for (uint32_t i = 0; i < workload->players_count; i++) {
        player_forget(&workload->players[i]);
        sim_client_deinit(&workload->players[i].client);
    }
    sim_shared_deinit(&workload->shared);
    sim_tracks_deinit(&workload->tracks);
    sim_publishers_deinit(&workload->publishers);
}
