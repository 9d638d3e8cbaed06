/* The end of the process, with a backtrace. */
#include "core/assert.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BACKTRACE_DEPTH 64

_Noreturn void gf_panic(const char *file, int line, const char *what)
{
    void *frames[BACKTRACE_DEPTH];
    int depth;

    fprintf(stderr, "gofish: panic at %s:%d: %s\n", file, line, what);
    fflush(stderr);
    depth = backtrace(frames, BACKTRACE_DEPTH);
    backtrace_symbols_fd(frames, depth, STDERR_FILENO);
    abort();
}
