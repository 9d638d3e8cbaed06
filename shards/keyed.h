/* Things that are known by a key of a database: who watches it, who waits for it.
 *
 * A chained hash table of nodes that lie in their owners' structs. Made when the first is added,
 * freed with the last: a table of a partition costs nothing while nobody is interested. Nodes are
 * found by the keyspace's hash, which the caller has.
 */
#pragma once

#include <stdint.h>

#include "core/bytes.h"

/* First member of what is kept. */
struct gf_keyed {
    struct gf_keyed *next; /* of its bucket */
    uint64_t hash;         /* gf_keyspace_hash of the key */
    uint32_t db;
    struct gf_bytes key;   /* owned by the node's owner; stays the same */
};

/* A zeroed table is empty.
 *
 * Invariants (gf_keyed_check walks them):
 *   count == nodes in all buckets; buckets is NULL when, and only when, count is 0
 *   every node is in the bucket of its hash, and no other has the same db and key
 */
struct gf_keyed_table {
    struct gf_keyed **buckets; /* buckets_count chains; owned */
    uint32_t buckets_count;    /* a power of two */
    uint32_t count;
};

/* gf_keyed_find - or NULL. */
struct gf_keyed *gf_keyed_find(const struct gf_keyed_table *table, uint32_t db, uint64_t hash,
                               struct gf_bytes key);

/* gf_keyed_add - hash, db and key are set; no other node has them. */
void gf_keyed_add(struct gf_keyed_table *table, struct gf_keyed *node);

void gf_keyed_remove(struct gf_keyed_table *table, struct gf_keyed *node);

/* gf_keyed_visit - every node, in no order worth naming; `visit` changes no table. */
void gf_keyed_visit(const struct gf_keyed_table *table,
                    void (*visit)(void *context, struct gf_keyed *node), void *context);

void gf_keyed_check(const struct gf_keyed_table *table);
