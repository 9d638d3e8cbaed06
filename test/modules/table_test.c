/* The comparison of a bucket's tags, in the two ways there are. */
#include <criterion/criterion.h>

#include "modules/table.h"
#include "support/random.h"

/* Slot by slot, as the header says. */
static uint32_t match_of(const struct gf_bucket *bucket, uint8_t tag)
{
    uint32_t match = 0;

    for (uint32_t slot = 0; slot < GF_BUCKET_SLOTS; slot++) {
        if (bucket->tags[slot] == tag)
            match |= 1u << slot;
    }
    return match;
}

static void expect_agreement(const struct gf_bucket *bucket, uint8_t tag)
{
    cr_assert_eq(gf_bucket_match(bucket, tag), match_of(bucket, tag));
    cr_assert_eq(gf_bucket_match_portable(bucket, tag), match_of(bucket, tag));
}

Test(table, both_ways_of_matching_tags_agree)
{
    struct test_random random = {.state = 1};
    struct gf_bucket bucket;

    for (int round = 0; round < 20000; round++) {
        uint8_t *bytes = (uint8_t *)&bucket;
        uint64_t values = 1 + test_random_below(&random, 256); /* few: many slots are alike */

        for (size_t i = 0; i < sizeof(bucket); i++)
            bytes[i] = (uint8_t)test_random_below(&random, values);
        expect_agreement(&bucket, (uint8_t)test_random_below(&random, values));
        expect_agreement(&bucket, bucket.tags[test_random_below(&random, GF_BUCKET_SLOTS)]);
        expect_agreement(&bucket, 0);
    }
}

/* Bytes of meta and pointers that look like the tag are none. */
Test(table, matches_nothing_behind_the_tags)
{
    struct gf_bucket bucket;

    for (uint32_t tag = 0; tag < 256; tag++) {
        memset(&bucket, (int)tag, sizeof(bucket));
        memset(bucket.tags, (int)(tag ^ 1), sizeof(bucket.tags));
        cr_assert_eq(gf_bucket_match(&bucket, (uint8_t)tag), 0);
        cr_assert_eq(gf_bucket_match_portable(&bucket, (uint8_t)tag), 0);
        memset(bucket.tags, (int)tag, sizeof(bucket.tags));
        cr_assert_eq(gf_bucket_match(&bucket, (uint8_t)tag), GF_BUCKET_ALL);
        cr_assert_eq(gf_bucket_match_portable(&bucket, (uint8_t)tag), GF_BUCKET_ALL);
        cr_assert_eq(gf_bucket_used(&bucket), tag == 0 ? 0 : GF_BUCKET_ALL);
    }
}
