/* The table of keys that somebody is interested in, against a list. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "shards/keyed.h"

#include "core/assert.h"
#include "support/random.h"

#define NODES 64

struct thing {
    struct gf_keyed keyed;
    char text[8];
    bool in;
};

static void count_one(void *context, struct gf_keyed *node)
{
    (void)node;
    ++*(uint32_t *)context;
}

TestSuite(keyed, .timeout = 20);

/* Who is added is found, and nobody else; an empty table holds no memory. */
Test(keyed, finds_what_was_added)
{
    struct gf_keyed_table table = {0};
    struct thing things[NODES] = {0};
    struct test_random random = {3};
    uint32_t count = 0;

    for (uint32_t i = 0; i < NODES; i++) {
        snprintf(things[i].text, sizeof(things[i].text), "k%u", i / 2);
        things[i].keyed =
            (struct gf_keyed){.hash = i / 4, .db = i % 2, .key = gf_bytes_of(things[i].text)};
    }
    for (uint32_t step = 0; step < 20000; step++) {
        struct thing *thing = &things[test_random_below(&random, NODES)];
        struct gf_keyed *found =
            gf_keyed_find(&table, thing->keyed.db, thing->keyed.hash, gf_bytes_of(thing->text));
        uint32_t visited = 0;

        cr_assert_eq(found, thing->in ? &thing->keyed : NULL);
        if (thing->in)
            gf_keyed_remove(&table, &thing->keyed);
        else
            gf_keyed_add(&table, &thing->keyed);
        thing->in = !thing->in;
        count = thing->in ? count + 1 : count - 1;
        gf_keyed_check(&table);
        gf_keyed_visit(&table, count_one, &visited);
        cr_assert_eq(visited, count);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        if (things[i].in)
            gf_keyed_remove(&table, &things[i].keyed);
    }
    cr_assert_null(table.buckets);
}
