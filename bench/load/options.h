/* What the command line says. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gf_load_options {
    const char *host; /* numeric address */
    uint16_t port;
    double rate;          /* requests per second, all connections together */
    uint32_t connections; /* opened */
    uint32_t active;      /* of them, that get requests; <= connections */
    double duration_s;    /* measured time */
    double warmup_s;      /* before it, not counted */
    double drain_s;       /* after it, for the answers still missing */
    uint64_t keys;        /* key:000000000000 and so on */
    double zipf;          /* exponent of the skew; 0 = uniform */
    uint32_t size_min;    /* bytes of a value, uniform between the two */
    uint32_t size_max;
    double writes_percent; /* SETs of all requests; the rest are GETs */
    uint32_t burst;        /* requests due at once, on one connection: a pipeline */
    bool is_poisson;       /* arrivals */
    bool is_cache;         /* a missed GET is followed by a SET of that key */
    bool is_filled;        /* SET every key before the run */
    bool is_json;
    uint64_t seed;
};

/* gf_load_options_parse - from the command line. Prints what is wrong or, for --help, everything.
 * Returns 0, 1 (wrong), or -1 (help was printed). */
int gf_load_options_parse(struct gf_load_options *options, int argc, char **argv);
