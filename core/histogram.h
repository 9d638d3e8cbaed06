/* How often each latency occurred: a log-linear histogram of fixed size.
 *
 * Values are nanoseconds. Below 256 every value has a bucket of its own; above, each power of
 * two is cut into 128 buckets, so a bucket is at most 1/128 of its values wide. The layout is
 * that of an HdrHistogram with two significant digits up to one second, which is what Redis's
 * LATENCY HISTOGRAM and INFO latencystats show; tools see the same edges.
 *
 *     values   0 .. 255   256 .. 511   512 .. 1023   …   2^29 .. 2^30 - 1
 *     buckets  256 of 1   128 of 2     128 of 4      …   128 of 2^22
 *
 * One core records (relaxed load and store); every core may read or merge. A histogram is 24 KiB:
 * allocate one when the first value comes. A zeroed histogram is empty.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define GF_HISTOGRAM_SUB_BITS 7                     /* 128 buckets per power of two */
#define GF_HISTOGRAM_VALUE_BITS 30                  /* values up to 2^30 - 1 have buckets */
#define GF_HISTOGRAM_VALUE_MAX 1000000000u          /* one second; larger ones count as this */
#define GF_HISTOGRAM_BUCKETS \
    ((GF_HISTOGRAM_VALUE_BITS - GF_HISTOGRAM_SUB_BITS + 1) << GF_HISTOGRAM_SUB_BITS)
#define GF_HISTOGRAM_STEPS_MAX 21 /* 1024 ns, doubled until it is more than a second */

struct gf_histogram {
    _Atomic uint64_t counts[GF_HISTOGRAM_BUCKETS]; /* values recorded, by bucket */
};

/* gf_histogram_bucket - the bucket of a value of at most GF_HISTOGRAM_VALUE_MAX. */
static inline uint32_t gf_histogram_bucket(uint32_t value)
{
    uint32_t shift;

    if (value < (2u << GF_HISTOGRAM_SUB_BITS))
        return value;
    shift = 31u - GF_HISTOGRAM_SUB_BITS - (uint32_t)__builtin_clz(value);
    return (shift << GF_HISTOGRAM_SUB_BITS) + (value >> shift);
}

/* gf_histogram_add - count one value `times` times; 0 counts as 1. On the histogram's core. */
static inline void gf_histogram_add(struct gf_histogram *histogram, uint64_t value_ns,
                                    uint64_t times)
{
    uint32_t value = GF_HISTOGRAM_VALUE_MAX;
    _Atomic uint64_t *count;

    if (value_ns < GF_HISTOGRAM_VALUE_MAX)
        value = (uint32_t)value_ns + (value_ns == 0);
    count = &histogram->counts[gf_histogram_bucket(value)];

    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + times,
                          memory_order_relaxed);
}

static inline void gf_histogram_record(struct gf_histogram *histogram, uint64_t value_ns)
{
    gf_histogram_add(histogram, value_ns, 1);
}

/* gf_histogram_merge - add everything `from` holds; `into` belongs to this core. */
void gf_histogram_merge(struct gf_histogram *into, const struct gf_histogram *from);

/* gf_histogram_reset - empty it. On the histogram's core. */
void gf_histogram_reset(struct gf_histogram *histogram);

/* gf_histogram_count - values recorded. */
uint64_t gf_histogram_count(const struct gf_histogram *histogram);

/* gf_histogram_percentile - the largest value that falls into the bucket below which `percentile`
 * (0 .. 100) of all values are; 0 when the histogram is empty. */
uint64_t gf_histogram_percentile(const struct gf_histogram *histogram, double percentile);

/* One line of LATENCY HISTOGRAM. */
struct gf_histogram_step {
    uint64_t edge_ns; /* inclusive */
    uint64_t count;   /* values up to the edge */
};

/* gf_histogram_steps - counts at edges that double, from about a microsecond on; steps that add
 * nothing are left out.
 *
 * ret_steps  room for GF_HISTOGRAM_STEPS_MAX
 * Returns    how many there are
 */
size_t gf_histogram_steps(const struct gf_histogram *histogram,
                          struct gf_histogram_step *ret_steps);
