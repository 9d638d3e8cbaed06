/* core/log: the line, its levels, its guard, and several threads at once. */
#include "core/log.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/core.h"
#include "core/error.h"

#define WALL_US UINT64_C(1795358623120999) /* 2026-11-22 14:43:43.120999 UTC */

static struct gf_core core = {.id = 2, .count = 4, .wall_us = WALL_US};
static struct gf_log log_used;
static char lines[8192];
static size_t lines_size;

static void lines_write(struct gf_log *log, const char *line, size_t size)
{
    cr_assert(log == &log_used);
    cr_assert(lines_size + size < sizeof(lines));
    memcpy(lines + lines_size, line, size);
    lines_size += size;
    lines[lines_size] = '\0';
}

static void setup(void)
{
    cr_assert(eq(int, gf_log_open(&log_used, "", GF_LOG_NOTICE, 0), GF_OK));
    log_used.write = lines_write;
    gf_log_use(&log_used);
    gf_core_enter(&core);
}

TestSuite(log, .init = setup, .timeout = 20);

/* The text of what was logged, without the process id in front; the log is empty afterwards. */
static char *logged(void)
{
    char pid[16];
    size_t pid_size = (size_t)snprintf(pid, sizeof(pid), "%d:", (int)getpid());

    if (lines_size == 0)
        return "";
    cr_assert(strncmp(lines, pid, pid_size) == 0);
    lines_size = 0;
    return lines + pid_size;
}

/* Log processors cut lines at spaces; the form is fixed. */
Test(log, a_line_says_who_when_and_how_bad)
{
    gf_log_line(GF_LOG_WARNING, "disk %s is %d%% full", "sda", 93);
    cr_expect(eq(str, logged(), "2 2026-11-22 14:43:43.120 warning disk sda is 93% full\n"));
}

/* What nobody asked for costs nothing and is not written. */
Test(log, lower_levels_are_dropped)
{
    gf_log_line(GF_LOG_INFO, "no");
    cr_expect(eq(str, logged(), ""));
    cr_expect(not(gf_log_enabled(GF_LOG_INFO)));

    gf_log_level_set(&log_used, GF_LOG_DEBUG);
    cr_expect(gf_log_enabled(GF_LOG_DEBUG));
    gf_log_line(GF_LOG_DEBUG, "yes");
    cr_expect(eq(str, logged(), "2 2026-11-22 14:43:43.120 debug yes\n"));
}

/* A client's name with a line break must not forge a line. */
Test(log, one_event_is_one_line)
{
    gf_log_line(GF_LOG_NOTICE, "client %s", "a\nb\x1b[31m\x7f \xc3\xa4");
    cr_expect(eq(str, logged(),
                 "2 2026-11-22 14:43:43.120 notice client "
                 "a\\x0ab\\x1b[31m\\x7f \xc3\xa4\n"));
}

/* A long text is cut, with its line end in place. */
Test(log, a_long_line_is_cut)
{
    static char text[5000];

    memset(text, 'x', sizeof(text) - 1);
    gf_log_line(GF_LOG_NOTICE, "%s", text);
    cr_expect(eq(sz, lines_size, GF_LOG_LINE_MAX));
    cr_expect(eq(chr, lines[lines_size - 1], '\n'));
    lines_size = 0;
    memset(text, '\n', sizeof(text) - 1);
    gf_log_line(GF_LOG_NOTICE, "%s", text);
    cr_expect(lines_size <= GF_LOG_LINE_MAX);
    cr_expect(eq(chr, lines[lines_size - 1], '\n'));
    cr_expect(strchr(lines, '\n') == lines + lines_size - 1);
}

/* The main thread is no core and may not read a clock. */
Test(log, outside_a_core_the_last_time_seen_is_used)
{
    gf_core_enter(NULL);
    gf_log_line(GF_LOG_NOTICE, "starting");
    cr_expect(eq(str, logged(), "- - notice starting\n"));

    gf_core_enter(&core);
    gf_log_line(GF_LOG_NOTICE, "x");
    (void)logged();
    gf_core_enter(NULL);
    gf_log_line(GF_LOG_NOTICE, "stopping");
    cr_expect(eq(str, logged(), "- 2026-11-22 14:43:43.120 notice stopping\n"));
}

/* Code under test logs without a log. */
Test(log, without_a_log_lines_vanish)
{
    cr_expect(gf_log_use(NULL) == &log_used);
    gf_log_line(GF_LOG_WARNING, "nobody");
    cr_expect(not(gf_log_enabled(GF_LOG_WARNING)));
    cr_expect(eq(str, logged(), ""));
}

/* A log that cannot be written must be known before the server forks into the background. */
Test(log, a_file_that_cannot_be_opened_is_an_error)
{
    struct gf_log log = {.file = 4711};

    cr_expect(eq(int, gf_log_open(&log, "/nonexistent/folder/log", GF_LOG_INFO, 0), GF_ENOENT));
    cr_expect(eq(int, gf_log_open(&log, "/", GF_LOG_INFO, 0), GF_EIO));
    cr_expect(eq(int, log.file, 4711));
}

#define THREADS 4
#define LINES_EACH 500

static void *write_lines(void *log)
{
    gf_log_use(log);
    for (int i = 0; i < LINES_EACH; i++)
        gf_log_line(GF_LOG_NOTICE, "a line of some length, number %d", i);
    return NULL;
}

/* Cores log at the same time, into the same file; half lines would be lost events. */
Test(log, lines_of_several_threads_do_not_mix)
{
    char path[] = "/tmp/gofish_log_test_XXXXXX";
    pthread_t threads[THREADS];
    struct gf_log log;
    char line[GF_LOG_LINE_MAX + 1];
    int count = 0;

    close(mkstemp(path));
    cr_assert(eq(int, gf_log_open(&log, path, GF_LOG_NOTICE, WALL_US), GF_OK));
    for (int i = 0; i < THREADS; i++)
        cr_assert(eq(int, pthread_create(&threads[i], NULL, write_lines, &log), 0));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    gf_log_close(&log);
    gf_log_close(&log);

    FILE *file = fopen(path, "r");
    cr_assert(file != NULL);
    while (fgets(line, sizeof(line), file)) {
        int number;

        count +=
            sscanf(line, "%*d:- 2026-11-22 14:43:43.120 notice a line of some length, number %d",
                   &number) == 1;
    }
    fclose(file);
    unlink(path);
    cr_expect(eq(int, count, THREADS *LINES_EACH));
}
