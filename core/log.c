/* Making one line and writing it.
 *
 * Lines are written straight to their descriptor and not through the driver: they must get out when
 * the driver is what failed. Only a panic (core/assert.c) does the same.
 */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/core.h"
#include "core/error.h"

#define LOG_FILE_MODE 0644
#define DATE_SIZE 64 /* "2026-11-22 14:53:43.120", and what gcc thinks an int can be */
#define CORE_SIZE 16

/* Where this thread's lines go. Thread-local and not an argument: an event far from any context
 * must be able to say so. */
static _Thread_local struct gf_log *log_here;

const struct gf_option_value gf_log_level_values[] = {
    {.name = "debug", .value = GF_LOG_DEBUG},     {.name = "verbose", .value = GF_LOG_INFO},
    {.name = "info", .value = GF_LOG_INFO},       {.name = "notice", .value = GF_LOG_NOTICE},
    {.name = "warning", .value = GF_LOG_WARNING}, {.name = NULL},
};

static void log_write_file(struct gf_log *log, const char *line, size_t size)
{
    ssize_t written;

    do {
        written = write(log->file, line, size);
    } while (written < 0 && errno == EINTR);
    /* Nothing to be done: there is nowhere to report that the log cannot be written. */
}

int gf_log_open(struct gf_log *log, const char *path, enum gf_log_level level, uint64_t wall_us)
{
    int file = STDERR_FILENO;

    if (path[0]) {
        file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, LOG_FILE_MODE);
        if (file < 0 && (errno == EACCES || errno == EPERM || errno == EROFS))
            return GF_EACCES;
        if (file < 0)
            return errno == ENOENT ? GF_ENOENT : GF_EIO;
    }
    *log = (struct gf_log){
        .level = (int)level,
        .wall_us = wall_us,
        .file = file,
        .file_owned = path[0] != '\0',
        .write = log_write_file,
    };
    return GF_OK;
}

void gf_log_close(struct gf_log *log)
{
    if (log_here == log)
        log_here = NULL;
    if (log->file_owned)
        (void)close(log->file); /* nothing to be done: every line was written by itself */
    *log = (struct gf_log){0};
}

struct gf_log *gf_log_use(struct gf_log *log)
{
    struct gf_log *before = log_here;

    GF_ASSERT(log == NULL || log->write != NULL);
    log_here = log;
    return before;
}

bool gf_log_enabled(enum gf_log_level level)
{
    return log_here && (int)level >= atomic_load_explicit(&log_here->level, memory_order_relaxed);
}

void gf_log_level_set(struct gf_log *log, enum gf_log_level level)
{
    atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

static const char *level_name(enum gf_log_level level)
{
    switch (level) {
    case GF_LOG_DEBUG:
        return "debug";
    case GF_LOG_INFO:
        return "info";
    case GF_LOG_NOTICE:
        return "notice";
    case GF_LOG_WARNING:
        return "warning";
    }
    return "?";
}

/* The clock of the core whose turn it is, or the last one that was seen here. */
static uint64_t log_wall_us(struct gf_log *log)
{
    struct gf_core *core = gf_core_here();

    GF_ASSERT(log != NULL);
    if (core && core->wall_us)
        atomic_store_explicit(&log->wall_us, core->wall_us, memory_order_relaxed);
    return atomic_load_explicit(&log->wall_us, memory_order_relaxed);
}

static void date_format(char *text, uint64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm date;

    if (wall_us == 0 || !gmtime_r(&seconds, &date)) {
        snprintf(text, DATE_SIZE, "-");
        return;
    }
    snprintf(text, DATE_SIZE, "%04d-%02d-%02d %02d:%02d:%02d.%03u", date.tm_year + 1900,
             date.tm_mon + 1, date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec,
             (unsigned)(wall_us / 1000 % 1000));
}

/* Start a line: everything in front of the text. Returns its size. */
static size_t line_begin(struct gf_log *log, char *line, enum gf_log_level level)
{
    struct gf_core *core = gf_core_here();
    char date[DATE_SIZE];
    char place[CORE_SIZE] = "-";

    if (core)
        snprintf(place, sizeof(place), "%u", (unsigned)core->id);
    date_format(date, log_wall_us(log));
    return (size_t)snprintf(line, GF_LOG_LINE_MAX, "%d:%s %s %s ", (int)getpid(), place, date,
                            level_name(level));
}

/* Add text from `from` on, escaped; stops where the line end must go. Returns the line's size. */
static size_t line_add(char *line, size_t size, const char *from)
{
    static const char digits[] = "0123456789abcdef";

    for (; *from; from++) {
        unsigned char byte = (unsigned char)*from;
        bool printable = byte >= ' ' && byte != 0x7f; /* bytes of UTF-8 are */

        if (size + (printable ? 1 : 4) >= GF_LOG_LINE_MAX)
            break;
        if (printable) {
            line[size++] = (char)byte;
        } else {
            line[size++] = '\\';
            line[size++] = 'x';
            line[size++] = digits[byte >> 4];
            line[size++] = digits[byte & 15];
        }
    }
    return size;
}

static void log_event(enum gf_log_level level, const char *format, va_list args)
{
    struct gf_log *log = log_here;
    char text[GF_LOG_LINE_MAX];
    char line[GF_LOG_LINE_MAX];
    size_t size = line_begin(log, line, level);

    vsnprintf(text, sizeof(text), format, args);
    size = line_add(line, size, text);
    line[size++] = '\n';
    log->write(log, line, size);
}

void gf_log_line(enum gf_log_level level, const char *format, ...)
{
    va_list args;

    if (!gf_log_enabled(level))
        return;
    va_start(args, format);
    log_event(level, format, args);
    va_end(args);
}

