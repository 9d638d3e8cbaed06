/* What this server looks like to cluster clients: each core is a node, on the core's own port.
 *
 * A client that knows the map sends a key's commands to the port of the core that owns it, and no
 * command leaves its core. Without core ports (one core, or no room for the ports) there is one
 * node, on the main port. There are no replicas, and no bus between nodes yet.
 *
 * Clients of a cluster ask every node for its keys and add up: on a core's port DBSIZE, KEYS, SCAN,
 * RANDOMKEY (and DEBUG DIGEST) are about the keys of that core. On the main port they are about
 * all. Everything else is the same on all ports: a single key is found wherever it is, FLUSHALL
 * empties the whole server, INFO tells about it. (redis-cli --cluster takes the port it was given
 * for one of the nodes: give it a core's port, or it adds up the whole and the parts.)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/driver.h"

struct gf_conn;
struct gf_server;

/* Consecutive slots of one node. */
struct gf_cluster_range {
    uint32_t first;
    uint32_t last;
    uint16_t node;
};

/* gf_cluster_nodes_count - nodes are numbered 0 .. count - 1. */
uint16_t gf_cluster_nodes_count(const struct gf_server *server);

uint16_t gf_cluster_port(const struct gf_server *server, uint16_t node);

/* gf_cluster_myself - the node that a connection talks to. */
uint16_t gf_cluster_myself(const struct gf_conn *conn);

/* gf_cluster_host - the address under which the client of this connection reaches this server. */
void gf_cluster_host(struct gf_conn *conn, struct gf_address *ret_host);

/* gf_cluster_first_range, gf_cluster_next_range - all slots, ascending, in the longest possible
 * ranges. false: there are no more. */
void gf_cluster_first_range(const struct gf_server *server, struct gf_cluster_range *ret_range);
bool gf_cluster_next_range(const struct gf_server *server, struct gf_cluster_range *range);
