/* The command line, one row per option. */
#include "bench/load/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"

enum option_kind { KIND_TEXT, KIND_NUMBER, KIND_RANGE, KIND_FLAG, KIND_SHORT, KIND_HELP };

struct option_row {
    const char *name;
    enum option_kind kind;
    double min;
    double max;
    const char *help;
};

/* clang-format off */
enum { HOST, PORT, RATE, CONNECTIONS, ACTIVE, DURATION, WARMUP, DRAIN, KEYS, ZIPF, SIZE, WRITES,
       BURST, POISSON, CACHE, NO_FILL, SEED, JSON, SHORT, HELP, ROWS_COUNT };

static const struct option_row rows[ROWS_COUNT] = {
    [HOST]        = {"host", KIND_TEXT, 0, 0, "numeric address (127.0.0.1)"},
    [PORT]        = {"port", KIND_NUMBER, 1, 65535, "(6379)"},
    [RATE]        = {"rate", KIND_NUMBER, 1, 1e8, "requests per second, in all (10000)"},
    [CONNECTIONS] = {"connections", KIND_NUMBER, 1, 1e6, "opened (50)"},
    [ACTIVE]      = {"active", KIND_NUMBER, 1, 1e6, "of them, that get requests (all)"},
    [DURATION]    = {"duration", KIND_NUMBER, 0.1, 86400, "seconds that count (10)"},
    [WARMUP]      = {"warmup", KIND_NUMBER, 0, 3600, "seconds before, that do not count (2)"},
    [DRAIN]       = {"drain", KIND_NUMBER, 0, 600, "seconds after, to wait for answers (5)"},
    [KEYS]        = {"keys", KIND_NUMBER, 1, 1e11, "how many there are (100000)"},
    [ZIPF]        = {"zipf", KIND_NUMBER, 0, 5, "exponent of the key skew, 0 = uniform (0)"},
    [SIZE]        = {"size", KIND_RANGE, 0, 16 << 20, "bytes of a value: N, or N-M uniform (32)"},
    [WRITES]      = {"writes", KIND_NUMBER, 0, 100, "percent of SETs, the rest is GET (10)"},
    [BURST]       = {"burst", KIND_NUMBER, 1, 10000, "requests due at once on a connection (1)"},
    [POISSON]     = {"poisson", KIND_FLAG, 0, 0, "random gaps between them, not even ones"},
    [CACHE]       = {"cache", KIND_FLAG, 0, 0, "a missed GET is followed by a SET"},
    [NO_FILL]     = {"no-fill", KIND_FLAG, 0, 0, "do not SET every key before"},
    [SEED]        = {"seed", KIND_NUMBER, 0, 9e15, "same seed, same requests (1)"},
    [JSON]        = {"json", KIND_FLAG, 0, 0, "print JSON"},
    [SHORT]       = {"short", KIND_SHORT, 0, 0, "one second at toy size"},
    [HELP]        = {"help", KIND_HELP, 0, 0, "this"},
};
/* clang-format on */

static const struct gf_load_options defaults = {
    .host = "127.0.0.1",
    .port = 6379,
    .rate = 10000,
    .connections = 50,
    .duration_s = 10,
    .warmup_s = 2,
    .drain_s = 5,
    .keys = 100000,
    .size_min = 32,
    .size_max = 32,
    .writes_percent = 10,
    .burst = 1,
    .is_filled = true,
    .seed = 1,
};

static void print_help(void)
{
    printf("load - requests at a fixed rate, and how long each waited since it was due\n\n");
    for (int row = 0; row < ROWS_COUNT; row++)
        printf("  --%-12s %s\n", rows[row].name, rows[row].help);
}

/* Parses one number up to `stop` and checks its bounds. */
static bool parse_number(const struct option_row *row, const char *text, char stop, double *ret)
{
    char *end;
    double value;

    errno = 0;
    value = strtod(text, &end);
    if (errno != 0 || end == text || *end != stop || !(value >= row->min && value <= row->max)) {
        fprintf(stderr, "load: --%s %s: a number from %.0f to %.0f is wanted\n", row->name, text,
                row->min, row->max);
        return false;
    }
    *ret = value;
    return true;
}

static bool parse_size(struct gf_load_options *options, const char *text)
{
    const char *dash = strchr(text, '-');
    double min;
    double max;

    if (!parse_number(&rows[SIZE], text, dash ? '-' : 0, &min))
        return false;
    max = min;
    if (dash && !parse_number(&rows[SIZE], dash + 1, 0, &max))
        return false;
    if (max < min) {
        fprintf(stderr, "load: --size %s: the larger one comes second\n", text);
        return false;
    }
    options->size_min = (uint32_t)min;
    options->size_max = (uint32_t)max;
    return true;
}

static void set_short(struct gf_load_options *options)
{
    options->rate = 2000;
    options->connections = 20;
    options->duration_s = 0.8;
    options->warmup_s = 0.2;
    options->keys = 1000;
}

static void set_flag(struct gf_load_options *options, int row)
{
    if (row == POISSON)
        options->is_poisson = true;
    else if (row == CACHE)
        options->is_cache = true;
    else if (row == NO_FILL)
        options->is_filled = false;
    else
        options->is_json = true;
}

static void set_number(struct gf_load_options *options, int row, double value)
{
    switch (row) {
    case PORT:
        options->port = (uint16_t)value;
        break;
    case RATE:
        options->rate = value;
        break;
    case CONNECTIONS:
        options->connections = (uint32_t)value;
        break;
    case ACTIVE:
        options->active = (uint32_t)value;
        break;
    case DURATION:
        options->duration_s = value;
        break;
    case WARMUP:
        options->warmup_s = value;
        break;
    case DRAIN:
        options->drain_s = value;
        break;
    case KEYS:
        options->keys = (uint64_t)value;
        break;
    case ZIPF:
        options->zipf = value;
        break;
    case WRITES:
        options->writes_percent = value;
        break;
    case BURST:
        options->burst = (uint32_t)value;
        break;
    default:
        GF_ASSERT(row == SEED);
        options->seed = (uint64_t)value;
    }
}

static bool set_option(struct gf_load_options *options, int row, const char *text)
{
    double value;

    switch (rows[row].kind) {
    case KIND_TEXT:
        options->host = text;
        return true;
    case KIND_RANGE:
        return parse_size(options, text);
    case KIND_NUMBER:
        if (!parse_number(&rows[row], text, 0, &value))
            return false;
        set_number(options, row, value);
        return true;
    case KIND_FLAG:
        set_flag(options, row);
        return true;
    case KIND_SHORT:
        set_short(options);
        return true;
    case KIND_HELP:
        break;
    }
    return false;
}

int gf_load_options_parse(struct gf_load_options *options, int argc, char **argv)
{
    struct option long_options[ROWS_COUNT + 1] = {{0}};
    int row;

    for (row = 0; row < ROWS_COUNT; row++) {
        bool takes_value = rows[row].kind <= KIND_RANGE;

        long_options[row] = (struct option){
            .name = rows[row].name,
            .has_arg = takes_value ? required_argument : no_argument,
            .val = row,
        };
    }
    *options = defaults;
    while ((row = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (row == HELP) {
            print_help();
            return -1;
        }
        if (row == '?' || !set_option(options, row, optarg))
            return 1;
    }
    if (optind < argc) {
        fprintf(stderr, "load: '%s' is not an option; see --help\n", argv[optind]);
        return 1;
    }
    if (options->active == 0 || options->active > options->connections)
        options->active = options->connections;
    return 0;
}
