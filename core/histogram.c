/* Reading a histogram: walks over its buckets. */
#include "core/histogram.h"

#include "core/assert.h"

#define STEP_FIRST_NS 1024

static uint64_t bucket_count(const struct gf_histogram *histogram, uint32_t bucket)
{
    return atomic_load_explicit(&histogram->counts[bucket], memory_order_relaxed);
}

/* The largest value that falls into the bucket. */
static uint64_t bucket_edge(uint32_t bucket)
{
    uint32_t shift = bucket >> GF_HISTOGRAM_SUB_BITS;
    uint32_t sub = bucket & ((1u << GF_HISTOGRAM_SUB_BITS) - 1);

    GF_ASSERT(bucket < GF_HISTOGRAM_BUCKETS);
    if (shift <= 1)
        return bucket;
    shift -= 1;
    return ((uint64_t)(sub + (1u << GF_HISTOGRAM_SUB_BITS) + 1) << shift) - 1;
}

void gf_histogram_merge(struct gf_histogram *into, const struct gf_histogram *from)
{
    for (uint32_t i = 0; i < GF_HISTOGRAM_BUCKETS; i++) {
        uint64_t count = bucket_count(from, i);

        if (count)
            atomic_store_explicit(&into->counts[i], bucket_count(into, i) + count,
                                  memory_order_relaxed);
    }
}

void gf_histogram_reset(struct gf_histogram *histogram)
{
    for (uint32_t i = 0; i < GF_HISTOGRAM_BUCKETS; i++)
        atomic_store_explicit(&histogram->counts[i], 0, memory_order_relaxed);
}

uint64_t gf_histogram_count(const struct gf_histogram *histogram)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < GF_HISTOGRAM_BUCKETS; i++)
        count += bucket_count(histogram, i);
    return count;
}

uint64_t gf_histogram_percentile(const struct gf_histogram *histogram, double percentile)
{
    uint64_t total = gf_histogram_count(histogram);
    uint64_t wanted;
    uint64_t seen = 0;

    GF_ASSERT(percentile >= 0);
    GF_ASSERT(percentile <= 100);
    if (total == 0)
        return 0;
    wanted = (uint64_t)(percentile / 100 * (double)total + 0.5);
    if (wanted == 0)
        wanted = 1;
    for (uint32_t i = 0; i < GF_HISTOGRAM_BUCKETS; i++) {
        seen += bucket_count(histogram, i);
        if (seen >= wanted)
            return bucket_edge(i);
    }
    /* Another core recorded or reset meanwhile: the last bucket is as good an answer as any. */
    return bucket_edge(GF_HISTOGRAM_BUCKETS - 1);
}

size_t gf_histogram_steps(const struct gf_histogram *histogram, struct gf_histogram_step *ret_steps)
{
    size_t steps = 0;
    uint64_t seen = 0;
    uint64_t shown = 0;
    uint32_t bucket = 0;

    for (uint64_t level = STEP_FIRST_NS; bucket < GF_HISTOGRAM_BUCKETS; level *= 2) {
        /* The bucket in which the level begins is counted with it; the last level has none. */
        uint32_t last = level >> GF_HISTOGRAM_VALUE_BITS ? GF_HISTOGRAM_BUCKETS - 1
                                                         : gf_histogram_bucket((uint32_t)level);

        for (; bucket <= last; bucket++)
            seen += bucket_count(histogram, bucket);
        if (seen > shown) {
            GF_ASSERT(steps < GF_HISTOGRAM_STEPS_MAX);
            ret_steps[steps++] = (struct gf_histogram_step){
                .edge_ns = bucket_edge(last),
                .count = seen,
            };
        }
        shown = seen;
    }
    return steps;
}
