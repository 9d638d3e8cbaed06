/* The map of slots as ranges of nodes. */
#include "shards/cluster.h"

#include <string.h>

#include "core/assert.h"
#include "shards/conn.h"
#include "shards/router.h"
#include "shards/server.h"
#include "shards/worker.h"

uint16_t gf_cluster_nodes_count(const struct gf_server *server)
{
    return server->core_ports_first ? server->cores_count : 1;
}

uint16_t gf_cluster_port(const struct gf_server *server, uint16_t node)
{
    if (server->core_ports_first == 0)
        return (uint16_t)server->settings.port;
    return (uint16_t)(server->core_ports_first + node);
}

uint16_t gf_cluster_myself(const struct gf_conn *conn)
{
    return conn->worker->server->core_ports_first ? conn->worker->core->id : 0;
}

void gf_cluster_host(struct gf_conn *conn, struct gf_address *ret_host)
{
    const char *local = gf_conn_local(conn); /* "127.0.0.1:6379", "[::1]:6379" */
    const char *end = strrchr(local, ':');
    size_t size = end ? (size_t)(end - local) : 0;

    if (size >= 2 && local[0] == '[') {
        local++;
        size -= 2;
    }
    GF_ASSERT(size < sizeof(ret_host->text));
    memcpy(ret_host->text, local, size);
    ret_host->text[size] = '\0';
}

static uint16_t node_of(const struct gf_server *server, uint32_t partition)
{
    return server->core_ports_first ? server->router.owners[partition] : 0;
}

/* The longest range that begins with `partition`. */
static void range_from(const struct gf_server *server, uint32_t partition,
                       struct gf_cluster_range *ret_range)
{
    const struct gf_router *router = &server->router;
    uint16_t node = node_of(server, partition);

    ret_range->node = node;
    ret_range->first = gf_router_slot_first(router, partition);
    while (partition + 1 < router->partitions_count && node_of(server, partition + 1) == node)
        partition++;
    ret_range->last = gf_router_slot_last(router, partition);
}

void gf_cluster_first_range(const struct gf_server *server, struct gf_cluster_range *ret_range)
{
    range_from(server, 0, ret_range);
}

bool gf_cluster_next_range(const struct gf_server *server, struct gf_cluster_range *range)
{
    if (range->last + 1 == GF_SLOTS)
        return false;
    range_from(server, (range->last + 1) >> server->router.slot_shift, range);
    return true;
}
