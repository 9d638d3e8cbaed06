/* The same figures, as a table and as JSON. Latencies in microseconds. */
#include "bench/load/report.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
    double percent;
    const char *name;
} percentiles[] = {{50, "p50"}, {90, "p90"}, {99, "p99"}, {99.9, "p99.9"}, {99.99, "p99.99"}};

#define PERCENTILES_COUNT (sizeof percentiles / sizeof percentiles[0])

static double us(uint64_t ns)
{
    return (double)ns / 1000;
}

static double rate_achieved(const struct gf_load_options *options,
                            const struct gf_load_result *result)
{
    double seconds =
        result->answering_s > options->duration_s ? result->answering_s : options->duration_s;

    return (double)result->answered / seconds;
}

static void text_row(const char *name, const struct gf_histogram *histogram)
{
    printf("%-12s %10" PRIu64, name, histogram->count);
    for (size_t i = 0; i < PERCENTILES_COUNT; i++)
        printf(" %9.1f", us(gf_histogram_percentile(histogram, percentiles[i].percent)));
    printf(" %10.1f\n", us(histogram->max));
}

static void report_text(const struct gf_load_options *options, const struct gf_load_result *result)
{
    printf("rate wanted %.0f/s, achieved %.0f/s over %.1f s; %u connections, %u active\n",
           options->rate, rate_achieved(options, result), options->duration_s, options->connections,
           options->active);
    printf("made %" PRIu64 ", answered %" PRIu64 ", errors %" PRIu64 ", unanswered %" PRIu64
           ", hits %" PRIu64 ", misses %" PRIu64 ", connections lost %" PRIu64 "\n\n",
           result->made, result->answered, result->errors, result->unanswered, result->hits,
           result->misses, result->connections_lost);
    printf("%-12s %10s", "us since due", "count");
    for (size_t i = 0; i < PERCENTILES_COUNT; i++)
        printf(" %9s", percentiles[i].name);
    printf(" %10s\n", "max");
    text_row("answered", &result->all);
    text_row("  GET", &result->reads);
    text_row("  SET", &result->writes);
    text_row("sent", &result->late);
}

static void json_histogram(const char *name, const struct gf_histogram *histogram)
{
    printf(",\n \"%s\": {\"count\": %" PRIu64, name, histogram->count);
    for (size_t i = 0; i < PERCENTILES_COUNT; i++)
        printf(", \"%s\": %.1f", percentiles[i].name,
               us(gf_histogram_percentile(histogram, percentiles[i].percent)));
    printf(", \"max\": %.1f}", us(histogram->max));
}

static void report_json(const struct gf_load_options *options, const struct gf_load_result *result)
{
    printf("{\"rate_wanted\": %.1f, \"rate_achieved\": %.1f, \"duration_s\": %.3f,\n"
           " \"connections\": %u, \"active\": %u, \"made\": %" PRIu64 ", \"answered\": %" PRIu64
           ",\n \"errors\": %" PRIu64 ", \"unanswered\": %" PRIu64 ", \"hits\": %" PRIu64
           ", \"misses\": %" PRIu64 ", \"connections_lost\": %" PRIu64,
           options->rate, rate_achieved(options, result), options->duration_s, options->connections,
           options->active, result->made, result->answered, result->errors, result->unanswered,
           result->hits, result->misses, result->connections_lost);
    json_histogram("all_us", &result->all);
    json_histogram("reads_us", &result->reads);
    json_histogram("writes_us", &result->writes);
    json_histogram("late_us", &result->late);
    printf("}\n");
}

void gf_load_report(const struct gf_load_options *options, const struct gf_load_result *result)
{
    if (options->is_json)
        report_json(options, result);
    else
        report_text(options, result);
}
