/* A histogram of latencies, exact to less than one percent from 1 ns to 18 minutes.
 *
 * Each power of two is cut into 128 equal parts, so a bucket is at most 1/128 of its value wide.
 * Values below 256 have a bucket each.
 */
#pragma once

#include <stdint.h>

#define GF_HISTOGRAM_PARTS_BITS 7
#define GF_HISTOGRAM_PARTS (1 << GF_HISTOGRAM_PARTS_BITS) /* 1/128 < 1 % */
#define GF_HISTOGRAM_VALUE_BITS 40                        /* 2^40 ns = 18 minutes */
#define GF_HISTOGRAM_BUCKETS                                                                       \
    ((GF_HISTOGRAM_VALUE_BITS - GF_HISTOGRAM_PARTS_BITS + 1) * GF_HISTOGRAM_PARTS)

struct gf_histogram {
    uint64_t counts[GF_HISTOGRAM_BUCKETS];
    uint64_t count; /* sum of counts */
    uint64_t max;   /* the largest value, exact */
};

/* gf_histogram_add - count one value; larger ones than 2^40 - 1 go to the last bucket. */
void gf_histogram_add(struct gf_histogram *histogram, uint64_t value);

/* gf_histogram_percentile - the smallest value that at least `percent` of all values do not exceed,
 * rounded up to the end of its bucket; 0 when there are none.
 *
 * percent    0 .. 100
 */
uint64_t gf_histogram_percentile(const struct gf_histogram *histogram, double percent);
