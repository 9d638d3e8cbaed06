/* One run of open-loop load against one server.
 *
 *   open connections -> fill the keys -> warm up -> measure -> drain -> result
 *
 * The schedule says when each request is due; it is put on a connection then, whether or not
 * earlier ones were answered, and its latency counts from the due time until its reply is read.
 * Requests that are never answered count with the time they had waited when the run ended.
 */
#pragma once

#include <stdint.h>

#include "bench/load/histogram.h"
#include "bench/load/options.h"

struct gf_load_result {
    struct gf_histogram all;    /* ns from due to answered, errors left out */
    struct gf_histogram reads;  /* GETs of these */
    struct gf_histogram writes; /* SETs of these */
    struct gf_histogram late;   /* ns from due to sent: the generator's own fault */
    uint64_t made;              /* requests due in the measured time */
    uint64_t answered;          /* of them, errors included */
    uint64_t errors;            /* answered with -ERR */
    uint64_t unanswered;        /* lost with their connection, or not answered in time */
    uint64_t hits;              /* GETs that found a value */
    uint64_t misses;            /* GETs that found none */
    uint64_t connections_lost;
    double answering_s;  /* from the end of the warm-up to the last answer */
    const char *aborted; /* why the run ended early, or NULL; static text */
};

/* gf_load_run - run to the end. The result is the caller's, zeroed or not.
 * Returns 0, or an errno when the connections could not be made or the keys not be filled. */
int gf_load_run(const struct gf_load_options *options, struct gf_load_result *ret_result);
