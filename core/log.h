/* Leveled log lines, one line per event:
 *
 *     4711:2 2026-11-22 14:53:43.120 notice Ready to accept connections
 *     pid:core     UTC               level  text
 *
 * A line is one write to stderr or to a file opened for appending, so lines of several cores never
 * mix. The date is the clock of the core whose turn it is; threads that are no core (`-` in the
 * place of the core's number) use the time a core logged last.
 *
 * Libraries return errors; the folders that decide what to do about them log, once. What a client
 * can cause at will is logged through a guard.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/option.h"

#define GF_LOG_LINE_MAX 1024 /* bytes of a line with its end; longer texts are cut */

enum gf_log_level {
    GF_LOG_DEBUG,
    GF_LOG_INFO,
    GF_LOG_NOTICE,
    GF_LOG_WARNING,
};

/* Where lines go. Shared by all threads of a node; `level` may change while it is used. */
struct gf_log {
    _Atomic int level;           /* enum gf_log_level; lower ones are dropped */
    _Atomic uint64_t wall_us;    /* Unix time of the last line from a core */
    int file;                    /* descriptor */
    bool file_owned;             /* closed by gf_log_close */
    /* What writes a finished line; the simulator and tests put their own here. */
    void (*write)(struct gf_log *log, const char *line, size_t size);
    void *context;               /* for `write` */
};

/* gf_log_open - lines go to the end of the file `path`, or to stderr when it is "".
 *
 * wall_us    Unix time in microseconds for lines from before the first core runs; 0 = not known
 * Returns    GF_OK, GF_EACCES, GF_ENOENT or GF_EIO (the log is then untouched)
 */
int gf_log_open(struct gf_log *log, const char *path, enum gf_log_level level, uint64_t wall_us);

/* gf_log_close - no thread uses it any more. Accepts a zeroed log. */
void gf_log_close(struct gf_log *log);

/* gf_log_use - this thread's lines go to `log` from now on; NULL drops them. Returns the log used
 * before. */
struct gf_log *gf_log_use(struct gf_log *log);

/* gf_log_enabled - a line of that level would be written. */
bool gf_log_enabled(enum gf_log_level level);

/* The names of the levels, for the option `loglevel` in core/options.def. "verbose" is Redis's word
 * for info and stands first: CONFIG GET shows it. */
extern const struct gf_option_value gf_log_level_values[];

/* gf_log_level_set - any thread. */
void gf_log_level_set(struct gf_log *log, enum gf_log_level level);

/* gf_log_line - one event; bytes that are not printable are written as \xHH. */
void gf_log_line(enum gf_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
