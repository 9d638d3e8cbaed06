/* One simulated node: the whole server, its cores turned by the world instead of threads. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/log.h"
#include "core/thread.h"
#include "shards/server.h"
#include "sim/network.h"
#include "sim/world.h"

#define SIM_NODE_CORES_MAX 8

struct sim_node {
    struct gf_server server; /* first: the driver factory finds the node by it */
    struct sim_world *world;
    struct sim_machine machine;
    struct gf_log log;
    struct gf_thread threads[SIM_NODE_CORES_MAX]; /* what each core's thread would do */
    struct sim_task tasks[SIM_NODE_CORES_MAX];
    struct gf_driver *main_driver; /* owned */
    uint16_t started;              /* cores whose start has returned */
};

/* sim_node_start - build the server and let its cores start; serving after some steps of the world.
 *
 * settings   borrowed for this call; cores 1 .. SIM_NODE_CORES_MAX
 */
void sim_node_start(struct sim_node *node, struct sim_world *world, uint32_t id,
                    const struct gf_settings *settings);

/* sim_node_is_serving - all cores listen. */
bool sim_node_is_serving(const struct sim_node *node);

/* sim_node_is_quiet - no client, nothing in flight between cores. */
bool sim_node_is_quiet(const struct sim_node *node);

/* sim_node_is_paused - CLIENT PAUSE is on at some core. */
bool sim_node_is_paused(const struct sim_node *node);

/* sim_node_is_sending - some client has not been sent all that is for it. */
bool sim_node_is_sending(const struct sim_node *node);

/* sim_node_check - a quiet node: every lock is free, every partition at home and sound. */
void sim_node_check(struct sim_node *node);

/* sim_node_keeps_limit - it holds less than maxmemory, or nothing that may be evicted. */
bool sim_node_keeps_limit(struct sim_node *node);

/* sim_node_stop - as on SIGTERM: says so; the cores end after some steps. */
void sim_node_stop(struct sim_node *node);
bool sim_node_is_stopping(const struct sim_node *node);
bool sim_node_has_stopped(const struct sim_node *node);

/* sim_node_deinit - it has stopped. Memory of keys must all be gone. */
void sim_node_deinit(struct sim_node *node);

/* sim_node_handovers - connections that moved to another core so far. */
uint64_t sim_node_handovers(const struct sim_node *node);
