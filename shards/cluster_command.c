/* CLUSTER: who has which slots; and what clients of a cluster say to a node: READONLY READWRITE
 * ASKING.
 *
 * Everything here is known on every core. The keys of a slot are cluster_slot.c's.
 */
#include <stdio.h>

#include "core/assert.h"
#include "core/buf.h"
#include "modules/command.h"
#include "shards/cluster.h"
#include "shards/conn.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/slot.h"
#include "shards/worker.h"

#define LINE_MAX 256 /* one node without its slots: 40 digits, an address, a few numbers */

static const struct gf_server *server_of(struct gf_exec *x)
{
    return gf_session_of(x)->worker->server;
}

static void cluster_slots(struct gf_exec *x)
{
    const struct gf_server *server = server_of(x);
    struct gf_reply_open open = gf_reply_array_open(x->reply);
    struct gf_cluster_range range;
    struct gf_address host;
    uint64_t count = 0;

    gf_cluster_host(gf_session_of(x)->conn, &host);
    gf_cluster_first_range(server, &range);
    do {
        gf_reply_array(x->reply, 3);
        gf_reply_int(x->reply, range.first);
        gf_reply_int(x->reply, range.last);
        gf_reply_array(x->reply, 4);
        gf_reply_bulk_text(x->reply, host.text);
        gf_reply_int(x->reply, gf_cluster_port(server, range.node));
        gf_reply_bulk_text(x->reply, server->node_ids[range.node]);
        gf_reply_map(x->reply, 0);
        count++;
    } while (gf_cluster_next_range(server, &range));
    gf_reply_close(x->reply, open, count);
}

static void reply_ranges_of(struct gf_reply *reply, const struct gf_server *server, uint16_t node)
{
    struct gf_reply_open open = gf_reply_array_open(reply);
    struct gf_cluster_range range;
    uint64_t count = 0;

    gf_cluster_first_range(server, &range);
    do {
        if (range.node != node)
            continue;
        gf_reply_int(reply, range.first);
        gf_reply_int(reply, range.last);
        count += 2;
    } while (gf_cluster_next_range(server, &range));
    gf_reply_close(reply, open, count);
}

static void reply_node(struct gf_reply *reply, const struct gf_server *server, uint16_t node,
                       const char *host)
{
    gf_reply_map(reply, 7);
    gf_reply_bulk_text(reply, "id");
    gf_reply_bulk_text(reply, server->node_ids[node]);
    gf_reply_bulk_text(reply, "port");
    gf_reply_int(reply, gf_cluster_port(server, node));
    gf_reply_bulk_text(reply, "ip");
    gf_reply_bulk_text(reply, host);
    gf_reply_bulk_text(reply, "endpoint");
    gf_reply_bulk_text(reply, host);
    gf_reply_bulk_text(reply, "role");
    gf_reply_bulk_text(reply, "master");
    gf_reply_bulk_text(reply, "replication-offset");
    gf_reply_int(reply, 0);
    gf_reply_bulk_text(reply, "health");
    gf_reply_bulk_text(reply, "online");
}

static void cluster_shards(struct gf_exec *x)
{
    const struct gf_server *server = server_of(x);
    uint16_t count = gf_cluster_nodes_count(server);
    struct gf_address host;

    gf_cluster_host(gf_session_of(x)->conn, &host);
    gf_reply_array(x->reply, count);
    for (uint16_t node = 0; node < count; node++) {
        gf_reply_map(x->reply, 2);
        gf_reply_bulk_text(x->reply, "slots");
        reply_ranges_of(x->reply, server, node);
        gf_reply_bulk_text(x->reply, "nodes");
        gf_reply_array(x->reply, 1);
        reply_node(x->reply, server, node, host.text);
    }
}

static void text_add_ranges_of(struct gf_buf *text, const struct gf_server *server, uint16_t node)
{
    struct gf_cluster_range range;
    char part[32];

    gf_cluster_first_range(server, &range);
    do {
        if (range.node != node)
            continue;
        if (range.first == range.last)
            snprintf(part, sizeof(part), " %u", range.first);
        else
            snprintf(part, sizeof(part), " %u-%u", range.first, range.last);
        gf_buf_add_text(text, part);
    } while (gf_cluster_next_range(server, &range));
}

/* Node's number plus one is its epoch: no two nodes have the same. The bus port is 0: there is
 * none. */
static void cluster_nodes(struct gf_exec *x)
{
    const struct gf_server *server = server_of(x);
    uint16_t myself = gf_cluster_myself(gf_session_of(x)->conn);
    struct gf_buf text = {0};
    struct gf_address host;
    char line[LINE_MAX];

    gf_cluster_host(gf_session_of(x)->conn, &host);
    for (uint16_t node = 0; node < gf_cluster_nodes_count(server); node++) {
        snprintf(line, sizeof(line), "%s %s:%u@0 %smaster - 0 0 %u connected",
                 server->node_ids[node], host.text, gf_cluster_port(server, node),
                 node == myself ? "myself," : "", node + 1u);
        gf_buf_add_text(&text, line);
        text_add_ranges_of(&text, server, node);
        gf_buf_add_text(&text, "\n");
    }
    gf_reply_verbatim(x->reply, "txt", (struct gf_bytes){.data = text.data, .size = text.size});
    gf_buf_deinit(&text);
}

static void cluster_info(struct gf_exec *x)
{
    unsigned nodes = gf_cluster_nodes_count(server_of(x));
    char text[1024];
    int size = snprintf(text, sizeof(text),
                        "cluster_state:ok\r\n"
                        "cluster_slots_assigned:%u\r\n"
                        "cluster_slots_ok:%u\r\n"
                        "cluster_slots_pfail:0\r\n"
                        "cluster_slots_fail:0\r\n"
                        "cluster_known_nodes:%u\r\n"
                        "cluster_size:%u\r\n"
                        "cluster_current_epoch:%u\r\n"
                        "cluster_my_epoch:%u\r\n"
                        "cluster_stats_messages_sent:0\r\n"
                        "cluster_stats_messages_received:0\r\n"
                        "total_cluster_links_buffer_limit_exceeded:0\r\n",
                        GF_SLOTS, GF_SLOTS, nodes, nodes, nodes,
                        gf_cluster_myself(gf_session_of(x)->conn) + 1u);

    GF_ASSERT((size_t)size < sizeof(text));
    gf_reply_verbatim(x->reply, "txt", (struct gf_bytes){.data = text, .size = (size_t)size});
}

/* Every node is a shard of its own: one id does for both. */
static void cluster_myid(struct gf_exec *x)
{
    gf_reply_bulk_text(x->reply, server_of(x)->node_ids[gf_cluster_myself(gf_session_of(x)->conn)]);
}

static void cluster_keyslot(struct gf_exec *x)
{
    gf_reply_int(x->reply, gf_slot_of(x->args->words[2]));
}

/* The third word is the id of a node; answers an error otherwise. */
static bool node_is_known(struct gf_exec *x)
{
    const struct gf_server *server = server_of(x);
    struct gf_bytes id = x->args->words[2];

    for (uint16_t node = 0; node < gf_cluster_nodes_count(server); node++) {
        if (gf_bytes_equal(id, gf_bytes_of(server->node_ids[node])))
            return true;
    }
    gf_reply_error_format(x->reply, GF_MSG_CLUSTER_NODE, id, GF_BYTES(""));
    return false;
}

/* Cores do not report each other. */
static void cluster_count_failure_reports(struct gf_exec *x)
{
    if (node_is_known(x))
        gf_reply_int(x->reply, 0);
}

static void cluster_replicas(struct gf_exec *x)
{
    if (node_is_known(x))
        gf_reply_array(x->reply, 0);
}

/* Links of the bus between nodes: none. */
static void cluster_links(struct gf_exec *x)
{
    gf_reply_array(x->reply, 0);
}

/* Changes of the cluster's shape. */
static void cluster_refuse(struct gf_exec *x)
{
    gf_reply_error(x->reply, GF_MSG_CLUSTER_ALONE);
}

/* READONLY, READWRITE, ASKING: this node has everything and is the master of it, so they are always
 * right and change nothing. */
static void agree(struct gf_exec *x)
{
    gf_reply_ok(x->reply);
}

static const struct gf_history slots_history[] = {
    {.since = "4.0.0", .what = "Says the ids of the nodes."},
    {.since = "7.0.0", .what = "Has a place for more about a node's addresses."},
};

static const struct gf_history meet_history[] = {
    {.since = "4.0.0", .what = "Takes the port of the bus."},
};

/* clang-format off */
#define CLUSTER_FLAGS (GF_HOME | GF_STALE_OK)
#define CLUSTER_ADMIN (GF_ADMIN | GF_STALE_OK)
#define CLUSTER_CHANGE (GF_ADMIN | GF_STALE_OK | GF_NO_ASYNC_LOADING)

#define NODE_ID {.name = "node-id", .type = GF_ARG_STRING}

static const struct gf_command cluster_subcommands[] = {
    {
        .name = "SLOTS", .run = cluster_slots, .flags = CLUSTER_FLAGS, .arity = 2,
        .since = "3.0.0", .group = "cluster", .complexity = "O(N) in the number of partitions",
        .summary = "Which node has which slots.", .tips = "nondeterministic_output",
        .deprecated_since = "7.0.0", .replaced_by = "`CLUSTER SHARDS`",
        .history = slots_history, .history_count = GF_COUNT(slots_history),
    },
    {
        .name = "SHARDS", .run = cluster_shards, .flags = CLUSTER_FLAGS, .arity = 2,
        .since = "7.0.0", .group = "cluster", .complexity = "O(N) in the number of partitions",
        .summary = "The nodes, each with its slots.", .tips = "nondeterministic_output",
    },
    {
        .name = "NODES", .run = cluster_nodes, .flags = CLUSTER_FLAGS, .arity = 2,
        .since = "3.0.0", .group = "cluster", .complexity = "O(N) in the number of partitions",
        .summary = "The nodes with their slots, one line each.",
        .tips = "nondeterministic_output",
    },
    {
        .name = "INFO", .run = cluster_info, .flags = CLUSTER_FLAGS, .arity = 2,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "The cluster in figures.", .tips = "nondeterministic_output",
    },
    {
        .name = "MYID", .run = cluster_myid, .flags = CLUSTER_FLAGS, .arity = 2,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "The id of the node at the other end of this connection.",
    },
    {
        .name = "MYSHARDID", .run = cluster_myid, .flags = CLUSTER_FLAGS | GF_LOADING_OK,
        .arity = 2,
        .since = "7.2.0", .group = "cluster", .complexity = "O(1)",
        .summary = "The id of that node's shard.", .tips = "nondeterministic_output",
    },
    {
        .name = "KEYSLOT", .run = cluster_keyslot, .flags = GF_STALE_OK, .arity = 3,
        .since = "3.0.0", .group = "cluster", .complexity = "O(N) in the length of the key",
        .summary = "The slot of a key.",
        GF_ARGS({.name = "key", .type = GF_ARG_STRING}),
    },
    {
        .name = "LINKS", .run = cluster_links, .flags = GF_STALE_OK, .arity = 2,
        .since = "7.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "This node's connections to the others.", .tips = "nondeterministic_output",
    },
    {
        .name = "COUNT-FAILURE-REPORTS", .run = cluster_count_failure_reports,
        .flags = GF_HOME | CLUSTER_ADMIN, .arity = 3,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "How many nodes say that a node does not answer.",
        .tips = "nondeterministic_output",
        GF_ARGS(NODE_ID),
    },
    {
        .name = "REPLICAS", .run = cluster_replicas, .flags = GF_HOME | CLUSTER_ADMIN, .arity = 3,
        .since = "5.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "The replicas of a node.", .tips = "nondeterministic_output",
        GF_ARGS(NODE_ID),
    },
    {
        .name = "SLAVES", .run = cluster_replicas, .flags = GF_HOME | CLUSTER_ADMIN, .arity = 3,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "The replicas of a node.", .tips = "nondeterministic_output",
        .deprecated_since = "5.0.0", .replaced_by = "`CLUSTER REPLICAS`",
        GF_ARGS(NODE_ID),
    },
    {
        .name = "MEET", .run = cluster_refuse, .flags = CLUSTER_CHANGE, .arity = -4,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "Joins this node with another.",
        .history = meet_history, .history_count = GF_COUNT(meet_history),
        GF_ARGS({.name = "ip", .type = GF_ARG_STRING},
                {.name = "port", .type = GF_ARG_INTEGER},
                {.name = "cluster_bus_port", .type = GF_ARG_INTEGER, .flags = GF_ARG_OPTIONAL,
                 .since = "4.0.0"}),
    },
    {
        .name = "FORGET", .run = cluster_refuse, .flags = CLUSTER_CHANGE, .arity = 3,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "Removes a node from the cluster.",
        GF_ARGS(NODE_ID),
    },
    {
        .name = "REPLICATE", .run = cluster_refuse, .flags = CLUSTER_CHANGE, .arity = 3,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "Makes this node a replica of another.",
        GF_ARGS(NODE_ID),
    },
    {
        .name = "FAILOVER", .run = cluster_refuse, .flags = CLUSTER_CHANGE, .arity = -2,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "Makes this replica the master.",
        GF_ARGS({.name = "options", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "force", .type = GF_ARG_TOKEN, .token = "FORCE"},
                         {.name = "takeover", .type = GF_ARG_TOKEN, .token = "TAKEOVER"})}),
    },
    {
        .name = "ADDSLOTS", .run = cluster_refuse, .flags = CLUSTER_CHANGE, .arity = -3,
        .since = "3.0.0", .group = "cluster", .complexity = "O(N) in the number of slots",
        .summary = "Gives slots to this node.",
        GF_ARGS({.name = "slot", .type = GF_ARG_INTEGER, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "ADDSLOTSRANGE", .run = cluster_refuse, .flags = CLUSTER_CHANGE, .arity = -4,
        .since = "7.0.0", .group = "cluster", .complexity = "O(N) in the number of slots",
        .summary = "Gives ranges of slots to this node.",
        GF_ARGS({.name = "start-slot_end-slot", .type = GF_ARG_BLOCK, .flags = GF_ARG_MULTIPLE,
                 GF_ARGS({.name = "start-slot", .type = GF_ARG_INTEGER},
                         {.name = "end-slot", .type = GF_ARG_INTEGER})}),
    },
    {
        .name = "DELSLOTS", .run = cluster_refuse, .flags = CLUSTER_CHANGE, .arity = -3,
        .since = "3.0.0", .group = "cluster", .complexity = "O(N) in the number of slots",
        .summary = "Takes slots from this node.",
        GF_ARGS({.name = "slot", .type = GF_ARG_INTEGER, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "DELSLOTSRANGE", .run = cluster_refuse, .flags = CLUSTER_CHANGE, .arity = -4,
        .since = "7.0.0", .group = "cluster", .complexity = "O(N) in the number of slots",
        .summary = "Takes ranges of slots from this node.",
        GF_ARGS({.name = "start-slot_end-slot", .type = GF_ARG_BLOCK, .flags = GF_ARG_MULTIPLE,
                 GF_ARGS({.name = "start-slot", .type = GF_ARG_INTEGER},
                         {.name = "end-slot", .type = GF_ARG_INTEGER})}),
    },
    {
        .name = "FLUSHSLOTS", .run = cluster_refuse, .flags = CLUSTER_CHANGE, .arity = 2,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "Takes all slots from this node.",
    },
    {
        .name = "SETSLOT", .run = cluster_refuse, .flags = CLUSTER_CHANGE, .arity = -4,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "Moves a slot, step by step.",
        GF_ARGS({.name = "slot", .type = GF_ARG_INTEGER},
                {.name = "subcommand", .type = GF_ARG_ONEOF,
                 GF_ARGS({.name = "node-id", .type = GF_ARG_STRING, .token = "IMPORTING"},
                         {.name = "node-id", .type = GF_ARG_STRING, .token = "MIGRATING"},
                         {.name = "node-id", .type = GF_ARG_STRING, .token = "NODE"},
                         {.name = "stable", .type = GF_ARG_TOKEN, .token = "STABLE"})}),
    },
    {
        .name = "BUMPEPOCH", .run = cluster_refuse, .flags = CLUSTER_CHANGE, .arity = 2,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "Raises this node's epoch.", .tips = "nondeterministic_output",
    },
    {
        .name = "SET-CONFIG-EPOCH", .run = cluster_refuse, .flags = CLUSTER_CHANGE, .arity = 3,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "Sets a new node's epoch.",
        GF_ARGS({.name = "config-epoch", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "SAVECONFIG", .run = cluster_refuse, .flags = CLUSTER_CHANGE, .arity = 2,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "Writes the cluster's map to disk.",
    },
    {
        .name = "RESET", .run = cluster_refuse, .arity = -2,
        .flags = GF_ADMIN | GF_NOSCRIPT | GF_STALE_OK,
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "Takes this node out of the cluster.",
        GF_ARGS({.name = "hard_soft", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "hard", .type = GF_ARG_TOKEN, .token = "HARD"},
                         {.name = "soft", .type = GF_ARG_TOKEN, .token = "SOFT"})}),
    },
    GF_HELP_ROW("5.0.0", "cluster"),
};

static const struct gf_command commands[] = {
    {
        .name = "CLUSTER", .arity = -2,
        .since = "3.0.0", .group = "cluster", .complexity = "As the subcommand's.",
        .summary = "The nodes, and who has which slots.",
        .subcommands = cluster_subcommands, .subcommands_count = GF_COUNT(cluster_subcommands),
    },
    {
        .name = "READONLY", .run = agree, .flags = GF_LOADING_OK | GF_STALE_OK | GF_FAST,
        .arity = 1, .categories = "@connection",
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "Lets a replica answer reads.",
    },
    {
        .name = "READWRITE", .run = agree, .flags = GF_LOADING_OK | GF_STALE_OK | GF_FAST,
        .arity = 1, .categories = "@connection",
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "Ends READONLY.",
    },
    {
        .name = "ASKING", .run = agree, .flags = GF_FAST, .arity = 1,
        .categories = "@connection",
        .since = "3.0.0", .group = "cluster", .complexity = "O(1)",
        .summary = "Lets the next command use a slot that is on its way to this node.",
    },
};
/* clang-format on */

const struct gf_module gf_cluster_module = {
    .abi = GF_MODULE_ABI,
    .name = "cluster",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
