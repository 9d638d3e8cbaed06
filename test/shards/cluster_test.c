/* The map of slots as cluster clients get it; which words are secrets. */
#include <criterion/criterion.h>

#include "shards/auth.h"
#include "shards/cluster.h"
#include "shards/slot.h"
#include "support/node_fixture.h"

static void few_partitions(struct gf_settings *settings)
{
    settings->partitions = 8;
}

/* Every slot once, in order, neighbours merged, each at the node that owns it. Returns how many
 * nodes have slots. */
static uint32_t check_ranges(const struct gf_server *server)
{
    struct gf_cluster_range range;
    uint32_t next = 0;
    uint32_t before = UINT32_MAX;
    uint64_t nodes = 0;

    gf_cluster_first_range(server, &range);
    do {
        cr_assert_eq(range.first, next);
        cr_assert_geq(range.last, range.first);
        cr_assert_neq(range.node, before);
        for (uint32_t slot = range.first; server->core_ports_first && slot <= range.last; slot++)
            cr_assert_eq(server->router.owners[slot >> server->router.slot_shift], range.node);
        next = range.last + 1;
        before = range.node;
        nodes |= UINT64_C(1) << range.node;
    } while (gf_cluster_next_range(server, &range));
    cr_assert_eq(next, GF_SLOTS);
    return (uint32_t)__builtin_popcountll(nodes);
}

Test(cluster, ranges_cover_all_slots, .timeout = 60)
{
    for (uint16_t cores = 1; cores <= 4; cores++) {
        struct node node;

        node_start(&node, cores, cores == 3 ? few_partitions : NULL);
        cr_assert_eq(check_ranges(&node.server), gf_cluster_nodes_count(&node.server));
        cr_assert_eq(gf_cluster_nodes_count(&node.server), cores);
        node_end(&node);
    }
}

Test(cluster, without_core_ports_is_one_node, .timeout = 60)
{
    struct node node;

    node_start(&node, 2, NULL);
    node.server.core_ports_first = 0;
    cr_assert_eq(gf_cluster_nodes_count(&node.server), 1);
    cr_assert_eq(check_ranges(&node.server), 1);
    cr_assert_eq(gf_cluster_port(&node.server, 0), node.server.settings.port);
    node_end(&node);
}

Test(auth, passwords_are_secrets)
{
    const struct gf_bytes auth[] = {GF_BYTES("auth"), GF_BYTES("user"), GF_BYTES("word")};
    const struct gf_bytes hello[] = {GF_BYTES("HELLO"), GF_BYTES("3"),    GF_BYTES("SETNAME"),
                                     GF_BYTES("me"),    GF_BYTES("auth"), GF_BYTES("user"),
                                     GF_BYTES("word")};
    const struct gf_bytes set[] = {GF_BYTES("SET"), GF_BYTES("AUTH"), GF_BYTES("value")};

    cr_assert(!gf_auth_secret(auth, 3, 0));
    cr_assert(gf_auth_secret(auth, 3, 1));
    cr_assert(gf_auth_secret(auth, 3, 2));
    for (uint32_t i = 0; i < 7; i++)
        cr_assert_eq(gf_auth_secret(hello, 7, i), i >= 5);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert(!gf_auth_secret(set, 3, i));
}
