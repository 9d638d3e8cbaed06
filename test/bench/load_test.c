/* The parts of bench/load that a wrong number would come from. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <string.h>

#include "bench/load/histogram.h"
#include "bench/load/key.h"
#include "bench/load/scanner.h"
#include "bench/load/schedule.h"

TestSuite(histogram, .timeout = 10);
TestSuite(key, .timeout = 10);
TestSuite(schedule, .timeout = 10);
TestSuite(scanner, .timeout = 10);

static struct gf_histogram histogram;

/* A percentile is never below the true one, and at most one percent above it. */
Test(histogram, is_exact_to_one_percent)
{
    for (uint64_t value = 1; value <= 1000000; value++)
        gf_histogram_add(&histogram, value * 1000);
    for (double percent = 0.5; percent < 100; percent += 0.5) {
        double truth = percent * 10000 * 1000;
        double found = (double)gf_histogram_percentile(&histogram, percent);

        cr_assert(found >= truth * 0.999999, "%f: %f < %f", percent, found, truth);
        cr_assert(found <= truth * 1.01, "%f: %f > %f", percent, found, truth);
    }
    cr_expect(eq(u64, gf_histogram_percentile(&histogram, 100), 1000000000));
}

/* Every bucket's values come back as themselves or the bucket's end, in order, up to the limit. */
Test(histogram, holds_small_and_huge_values)
{
    const uint64_t values[] = {0, 1, 255, 256, 257, 511, 512, (1ULL << 40) - 1, UINT64_MAX};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        memset(&histogram, 0, sizeof histogram);
        gf_histogram_add(&histogram, values[i]);
        cr_expect(eq(u64, histogram.max, values[i]));
        if (values[i] < UINT64_MAX)
            cr_expect(eq(u64, gf_histogram_percentile(&histogram, 50), values[i]));
    }
}

/* The skew is the one asked for: key k is drawn in proportion to 1 / (k + 1)^s. */
Test(key, zipf_has_the_shape_of_zipf)
{
    static const double exponents[] = {0.7, 0.99, 1.0, 1.2};
    enum { KEYS = 1000, DRAWS = 1000000 };

    for (size_t e = 0; e < sizeof exponents / sizeof exponents[0]; e++) {
        static uint32_t drawn[KEYS];
        struct gf_dice dice = {.state = 7};
        struct gf_key_source source;
        double sum = 0;

        memset(drawn, 0, sizeof drawn);
        gf_key_source_init(&source, KEYS, exponents[e]);
        for (int i = 0; i < DRAWS; i++) {
            uint64_t key = gf_key_source_next(&source, &dice);

            cr_assert(key < KEYS);
            drawn[key]++;
        }
        for (int k = 1; k <= KEYS; k++)
            sum += pow(k, -exponents[e]);
        for (int k = 1; k <= KEYS; k *= 3) {
            double wanted = DRAWS * pow(k, -exponents[e]) / sum;

            /* Five standard deviations. */
            cr_expect(fabs(drawn[k - 1] - wanted) < 5 * sqrt(wanted), "s %f key %d: %u, not %f",
                      exponents[e], k, drawn[k - 1], wanted);
        }
    }
}

/* Without skew every key is as likely, and one key is always the first. */
Test(key, uniform_covers_all_keys)
{
    struct gf_dice dice = {.state = 7};
    struct gf_key_source source;
    uint32_t drawn[10] = {0};

    gf_key_source_init(&source, 10, 0);
    for (int i = 0; i < 100000; i++)
        drawn[gf_key_source_next(&source, &dice)]++;
    for (int k = 0; k < 10; k++)
        cr_expect(drawn[k] > 9500 && drawn[k] < 10500, "%d: %u", k, drawn[k]);
    gf_key_source_init(&source, 1, 0.99);
    cr_expect(eq(u64, gf_key_source_next(&source, &dice), 0));
}

/* The rate is kept over time, whatever the gaps look like. */
Test(schedule, keeps_the_rate)
{
    for (int is_poisson = 0; is_poisson <= 1; is_poisson++) {
        struct gf_dice dice = {.state = 7};
        struct gf_schedule schedule;

        gf_schedule_init(&schedule, 1000, 4, is_poisson);
        for (int i = 0; i < 100000; i++)
            gf_schedule_advance(&schedule, &dice);
        /* 400,000 requests at 1,000 per second */
        cr_expect(fabs(schedule.due_ns / 1e9 - 400) < (is_poisson ? 6 : 0.001));
    }
}

/* Replies are told apart wherever the network cuts them. */
Test(scanner, finds_replies_in_any_pieces)
{
    static const char bytes[] = "+OK\r\n$5\r\nab\r\nc\r\n$-1\r\n-ERR no\r\n$0\r\n\r\n:12\r\n_\r\n";
    static const enum gf_scan wanted[] = {GF_SCAN_DONE, GF_SCAN_DONE, GF_SCAN_NULL, GF_SCAN_ERROR,
                                          GF_SCAN_DONE, GF_SCAN_DONE, GF_SCAN_NULL};

    for (size_t piece = 1; piece < sizeof bytes; piece++) {
        struct gf_scanner scanner = {0};
        size_t found = 0;

        for (size_t start = 0; start < sizeof bytes - 1; start += piece) {
            const char *at = bytes + start;
            const char *end = start + piece < sizeof bytes ? at + piece : bytes + sizeof bytes - 1;
            enum gf_scan scan;

            while ((scan = gf_scanner_next(&scanner, &at, end)) != GF_SCAN_MORE) {
                cr_assert(found < sizeof wanted / sizeof wanted[0]);
                cr_expect(scan == wanted[found], "piece %zu, reply %zu", piece, found);
                found++;
            }
        }
        cr_expect(eq(sz, found, sizeof wanted / sizeof wanted[0]));
    }
}

/* What no GET or SET can answer is not counted as an answer. */
Test(scanner, refuses_what_is_no_reply)
{
    static const char *const broken[] = {"hello\r\n", "*1\r\n", "$-5\r\n", "$99999999999999\r\n"};

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct gf_scanner scanner = {0};
        const char *at = broken[i];

        cr_expect(gf_scanner_next(&scanner, &at, at + strlen(at)) == GF_SCAN_BROKEN);
    }
}
