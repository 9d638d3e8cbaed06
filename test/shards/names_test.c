/* A set that grows by one bucket at a time. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/random.h"
#include "shards/names.h"

#define THINGS 2000

Test(names, finds_what_was_added_and_nothing_else)
{
    struct gf_named *things = calloc(THINGS, sizeof(*things));
    bool *there = calloc(THINGS, sizeof(*there));
    struct gf_names names = {0};
    uint64_t seed = 7;

    for (int step = 0; step < 20000; step++) {
        /* Grows for a while, then shrinks. */
        bool grow = gf_random_next(&seed) % 10 < (step / 5000 % 2 ? 3 : 7);
        uint32_t i = (uint32_t)(gf_random_next(&seed) % THINGS);

        if (grow && !there[i]) {
            gf_names_add(&names, &things[i], (i / 2) * 0x9e3779b97f4a7c15u); /* two share a hash */
            there[i] = true;
        } else if (!grow && there[i]) {
            gf_names_remove(&names, &things[i]);
            there[i] = false;
        }
        if (step % 50 == 0)
            gf_names_check(&names);
    }
    for (uint32_t i = 0; i < THINGS; i++) {
        struct gf_named *at = gf_names_find(&names, (i / 2) * 0x9e3779b97f4a7c15u);

        while (at && at != &things[i])
            at = gf_names_next(at);
        cr_assert_eq(at != NULL, there[i], "thing %u", i);
    }
    for (struct gf_named *at; (at = gf_names_at(&names, (uint32_t)gf_random_next(&seed)));)
        gf_names_remove(&names, at);
    cr_assert_eq(names.count, 0);
    cr_assert_null(names.buckets, "an empty set holds no memory");
    free(things);
    free(there);
}
