/* Buckets by the position of the highest bit and the seven bits below it. */
#include "bench/load/histogram.h"

#include <math.h>

#include "core/assert.h"

static uint32_t bucket_of(uint64_t value)
{
    uint32_t shift;

    if (value < 2 * GF_HISTOGRAM_PARTS)
        return (uint32_t)value;
    shift = 63 - (uint32_t)__builtin_clzll(value) - GF_HISTOGRAM_PARTS_BITS;
    return shift * GF_HISTOGRAM_PARTS + (uint32_t)(value >> shift);
}

/* The largest value of a bucket: the inverse of bucket_of. */
static uint64_t bucket_last(uint32_t bucket)
{
    uint32_t shift;

    if (bucket < 2 * GF_HISTOGRAM_PARTS)
        return bucket;
    shift = bucket / GF_HISTOGRAM_PARTS - 1;
    return ((uint64_t)(bucket - shift * GF_HISTOGRAM_PARTS + 1) << shift) - 1;
}

void gf_histogram_add(struct gf_histogram *histogram, uint64_t value)
{
    const uint64_t limit = (1ULL << GF_HISTOGRAM_VALUE_BITS) - 1;
    uint32_t bucket = bucket_of(value < limit ? value : limit);

    GF_ASSERT(bucket < GF_HISTOGRAM_BUCKETS);
    histogram->counts[bucket]++;
    histogram->count++;
    if (value > histogram->max)
        histogram->max = value;
}

uint64_t gf_histogram_percentile(const struct gf_histogram *histogram, double percent)
{
    uint64_t wanted = (uint64_t)ceil(percent / 100 * (double)histogram->count);
    uint64_t seen = 0;

    GF_ASSERT(percent >= 0);
    GF_ASSERT(percent <= 100);
    for (uint32_t bucket = 0; bucket < GF_HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen >= wanted && seen > 0)
            return bucket_last(bucket) < histogram->max ? bucket_last(bucket) : histogram->max;
    }
    return histogram->max;
}
