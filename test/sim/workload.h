/* Clients of all kinds, playing with one node until told to stop.
 *
 * Every player uses keys of its own (model.h) and, most of them, keys that all share
 * (workload_shared.h); the rest is manners: how many commands at once, how often it reads, hangs
 * up, sends nonsense, hammers one key.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/client.h"
#include "sim/listen.h"
#include "sim/model.h"
#include "sim/node.h"
#include "sim/watch.h"
#include "sim/workload_shared.h"
#include "sim/world.h"

#define SIM_PLAYERS_MAX 32

enum sim_manner {
    SIM_POLITE,   /* own and shared keys                              */
    SIM_HAMMER,   /* one key, again and again: is handed over         */
    SIM_SOLE,     /* the one that has two databases to itself          */
    SIM_OPERATOR, /* statistics, pauses, memory limits               */
    SIM_VANDAL,   /* nonsense, half requests                          */
    SIM_WATCHER,  /* MONITOR, RESET                                   */
    SIM_LISTENER, /* PSUBSCRIBE, and listens                          */
};

struct sim_workload;

struct sim_player {
    struct sim_client client;
    struct sim_workload *workload;
    enum sim_manner manner;
    uint32_t pipeline_max;   /* commands outstanding                  */
    uint64_t pause_max_ns;   /* between thoughts                      */
    uint32_t shared_percent; /* of its commands                       */
    uint32_t quits_one_in;   /* thoughts; 0 = never                   */
    uint32_t rests_one_in;
    uint32_t hot; /* index of what a hammer hammers        */
    struct sim_event think_event;
    struct sim_model *model; /* of this connection; owned             */
    struct sim_watch watch;  /* a watcher's                           */
    struct sim_request watch_request;
    bool watch_asked;        /* MONITOR or RESET is in flight         */
    struct sim_listener listener;   /* a listener's                   */
    struct sim_request listener_request;
    struct sim_publisher *publisher; /* of this connection; borrowed; or NULL */
};

struct sim_workload {
    struct sim_world *world;
    struct sim_node *node;
    uint64_t ticks;       /* see client.h                          */
    bool begun;           /* the token is made, the memory limited */
    bool ending;          /* nothing new                           */
    uint64_t connections; /* so far: names the keys of a connection */
    uint64_t over_ns;     /* since when nobody waits for an answer */
    struct sim_shared shared;
    struct sim_tracks tracks;
    struct sim_publishers publishers;
    struct sim_player players[SIM_PLAYERS_MAX];
    uint32_t players_count;
};

/* sim_workload_init - players drawn from the seed; they begin at once. */
void sim_workload_init(struct sim_workload *workload, struct sim_node *node);

/* sim_workload_end - no new commands; what is outstanding gets its answers. */
void sim_workload_end(struct sim_workload *workload);
bool sim_workload_is_over(const struct sim_workload *workload);

/* sim_workload_is_settled - over for so long that whatever was under way has come. */
bool sim_workload_is_settled(struct sim_workload *workload);

/* sim_workload_shutdown - one of the clients sends SHUTDOWN. */
void sim_workload_shutdown(struct sim_workload *workload);

/* sim_workload_hang_up - all clients close. */
void sim_workload_hang_up(struct sim_workload *workload);

/* sim_workload_check - what only the whole history shows. */
void sim_workload_check(struct sim_workload *workload);

/* sim_workload_replies - that clients got so far. */
uint64_t sim_workload_replies(const struct sim_workload *workload);

void sim_workload_deinit(struct sim_workload *workload);
