/* load: an open-loop load generator for servers that speak the Redis protocol. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/load.h"
#include "bench/load/options.h"
#include "bench/load/report.h"

int main(int argc, char **argv)
{
    struct gf_load_options options;
    struct gf_load_result *result;
    int status = gf_load_options_parse(&options, argc, argv);

    if (status != 0)
        return status < 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    result = calloc(1, sizeof *result);
    if (result == NULL)
        return EXIT_FAILURE;

    status = gf_load_run(&options, result);
    if (status != 0) {
        fprintf(stderr, "load: %s:%u: %s\n", options.host, options.port, strerror(status));
    } else {
        gf_load_report(&options, result);
        if (result->aborted) {
            fprintf(stderr, "load: ended early: %s\n", result->aborted);
            status = 1;
        }
    }
    free(result);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
