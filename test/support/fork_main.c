/* Runs Criterion's tests without Criterion's runner: for builds with ThreadSanitizer.
 *
 * The runner shares memory with its tests at fixed random addresses, most of which ThreadSanitizer
 * keeps for itself, so a program ends before its first test. Here each test runs in a forked child
 * instead, one after the other, with its own and its suite's fixtures, expected signal and exit
 * code. A race is reported when the child exits, with an exit code that no test expects. The
 * functions below that begin with `criterion_` and `cri_` take the place of the
 * library's; what else the assertions need still comes from it.
 *
 *   --filter PATTERN   only the tests whose suite/name matches; also --filter=PATTERN. Other
 *                      options of Criterion's are ignored.
 */
#include <criterion/criterion.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOWER 20 /* under ThreadSanitizer, with room to spare */

/* The linker's names for the sections in which the Test macros leave their pointers. */
extern struct criterion_test *const __start_cr_tst[];
extern struct criterion_test *const __stop_cr_tst[];
extern struct criterion_suite *const __start_cr_sts[] __attribute__((weak));
extern struct criterion_suite *const __stop_cr_sts[] __attribute__((weak));

void cri_asserts_passed_incr(void);

/* Of the one test that this process runs. */
static const struct criterion_test *current;
static const struct criterion_test_extra_data *suite_data;
static int failures;

static const struct criterion_test_extra_data *find_suite_data(const char *name)
{
    static const struct criterion_test_extra_data nothing;

    for (struct criterion_suite *const *at = __start_cr_sts; at < __stop_cr_sts; at++) {
        if (*at != NULL && (*at)->data != NULL && strcmp((*at)->name, name) == 0)
            return (*at)->data;
    }
    return &nothing;
}

/* -- what the Test and assertion macros call -- */

void criterion_internal_test_setup(void)
{
    if (suite_data->init)
        suite_data->init();
    if (current->data->init)
        current->data->init();
}

void criterion_internal_test_main(void (*fn)(void))
{
    fn();
}

void criterion_internal_test_teardown(void)
{
    if (current->data->fini)
        current->data->fini();
    if (suite_data->fini)
        suite_data->fini();
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
    if (!stats->passed)
        fprintf(stderr, "%s:%u: assertion failed: %s\n", stats->file, stats->line,
                stats->message ? stats->message : "");
}

void cri_asserts_passed_incr(void)
{
}

void criterion_continue_test(void)
{
    failures++;
}

void criterion_abort_test(void)
{
    exit(1);
}

/* -- the runner -- */

static void run_child(void)
{
    double timeout = current->data->timeout > 0 ? current->data->timeout : suite_data->timeout;

    alarm(timeout > 0 ? (unsigned)(timeout * SLOWER) + 1 : 0);
    current->test();
    exit(failures ? 1 : 0);
}

/* Runs `current` in a process of its own; true when it ended as it should. */
static bool run_test(void)
{
    int signal = current->data->signal ? current->data->signal : suite_data->signal;
    int status;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0)
        run_child();
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        return false;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == signal && signal != 0)
        return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == current->data->exit_code && signal == 0)
        return true;
    fprintf(stderr, "FAILED %s/%s: %s %d\n", current->category, current->name,
            WIFSIGNALED(status) ? "signal" : "exit code",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return false;
}

static bool is_wanted(const char *filter)
{
    char name[512];

    snprintf(name, sizeof name, "%s/%s", current->category, current->name);
    return fnmatch(filter, name, 0) == 0;
}

int main(int argc, char **argv)
{
    const char *filter = "*";
    int failed = 0;
    int run = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc)
            filter = argv[++i];
        else if (strncmp(argv[i], "--filter=", strlen("--filter=")) == 0)
            filter = argv[i] + strlen("--filter=");
    }
    for (struct criterion_test *const *at = __start_cr_tst; at < __stop_cr_tst; at++) {
        if (*at == NULL)
            continue;
        current = *at;
        suite_data = find_suite_data(current->category);
        if (current->data->disabled || !is_wanted(filter))
            continue;
        if (current->data->kind_ != CR_TEST_NORMAL) {
            fprintf(stderr, "FAILED %s/%s: only plain tests are known here\n", current->category,
                    current->name);
            failed++;
            continue;
        }
        run++;
        failed += !run_test();
    }
    printf("%d tests, %d failed\n", run, failed);
    return failed > 0 || run == 0;
}
