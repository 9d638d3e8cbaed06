/* A small hash table of keys that somebody is interested in. */
#include "shards/keyed.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"

#define BUCKETS_FIRST 8

static struct gf_keyed **bucket_of(const struct gf_keyed_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->buckets_count - 1)];
}

static bool node_is(const struct gf_keyed *node, uint32_t db, uint64_t hash, struct gf_bytes key)
{
    return node->hash == hash && node->db == db && gf_bytes_equal(node->key, key);
}

struct gf_keyed *gf_keyed_find(const struct gf_keyed_table *table, uint32_t db, uint64_t hash,
                               struct gf_bytes key)
{
    struct gf_keyed *node = table->count > 0 ? *bucket_of(table, hash) : NULL;

    while (node && !node_is(node, db, hash, key))
        node = node->next;
    return node;
}

static void table_grow(struct gf_keyed_table *table)
{
    struct gf_keyed_table old = *table;

    table->buckets_count = old.buckets_count > 0 ? 2 * old.buckets_count : BUCKETS_FIRST;
    table->buckets = gf_alloc_zero(GF_MEMORY_OTHER, table->buckets_count * sizeof(*table->buckets));
    for (uint32_t i = 0; i < old.buckets_count; i++) {
        struct gf_keyed *node = old.buckets[i];

        while (node) {
            struct gf_keyed *next = node->next;
            struct gf_keyed **bucket = bucket_of(table, node->hash);

            node->next = *bucket;
            *bucket = node;
            node = next;
        }
    }
    gf_free(GF_MEMORY_OTHER, old.buckets);
}

void gf_keyed_add(struct gf_keyed_table *table, struct gf_keyed *node)
{
    struct gf_keyed **bucket;

    GF_VERIFY(!gf_keyed_find(table, node->db, node->hash, node->key));
    if (table->count == table->buckets_count)
        table_grow(table);
    bucket = bucket_of(table, node->hash);
    node->next = *bucket;
    *bucket = node;
    table->count++;
}

void gf_keyed_remove(struct gf_keyed_table *table, struct gf_keyed *node)
{
    struct gf_keyed **place = bucket_of(table, node->hash);

    GF_ASSERT(table->count > 0);
    while (*place != node) {
        GF_ASSERT(*place != NULL);
        place = &(*place)->next;
    }
    *place = node->next;
    node->next = NULL;
    table->count--;
    if (table->count > 0)
        return;
    gf_free(GF_MEMORY_OTHER, table->buckets);
    *table = (struct gf_keyed_table){0};
}

void gf_keyed_visit(const struct gf_keyed_table *table,
                    void (*visit)(void *context, struct gf_keyed *node), void *context)
{
    for (uint32_t i = 0; i < table->buckets_count; i++) {
        struct gf_keyed *node = table->buckets[i];

        while (node) {
            struct gf_keyed *next = node->next;

            visit(context, node);
            node = next;
        }
    }
}

void gf_keyed_check(const struct gf_keyed_table *table)
{
    uint32_t count = 0;

    GF_ASSERT((table->buckets == NULL) == (table->count == 0));
    for (uint32_t i = 0; i < table->buckets_count; i++) {
        for (const struct gf_keyed *node = table->buckets[i]; node; node = node->next) {
            GF_ASSERT((node->hash & (table->buckets_count - 1)) == i);
            GF_ASSERT(gf_keyed_find(table, node->db, node->hash, node->key) == node);
            count++;
        }
    }
    GF_ASSERT(count == table->count);
}
