/* Process entry: settings, server, exit status. */
#include <limits.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/driver.h"
#include "core/log.h"
#include "core/thread.h"
#include "shards/plugin.h"
#include "shards/server.h"

enum exit_status {
    EXIT_STATUS_OK,
    EXIT_STATUS_FAILED,  /* the server could not start, or ended by a failure */
    EXIT_STATUS_OPTIONS, /* options are wrong */
};

static int print_help(void)
{
    char *text = gf_settings_help();

    fputs(text, stdout);
    gf_free(GF_MEMORY_OTHER, text);
    return EXIT_STATUS_OK;
}

/* The path of this program, for INFO; empty when the system does not tell. */
static const char *executable_path(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);

    path[length > 0 ? length : 0] = '\0';
    return path;
}

/* "Linux 6.1.0 x86_64". */
static const char *system_text(char *text, size_t size)
{
    struct utsname name;

    text[0] = '\0';
    if (uname(&name) == 0)
        snprintf(text, size, "%s %s %s", name.sysname, name.release, name.machine);
    return text;
}

static int run(const struct gf_settings *settings, const char *config_path,
               struct gf_driver *driver)
{
    char executable[PATH_MAX];
    char system[3 * sizeof(((struct utsname *)NULL)->sysname)];
    struct gf_server server;
    struct gf_log log;
    char why[512];
    int error = gf_log_open(&log, settings->logfile, (enum gf_log_level)settings->loglevel,
                            driver->ops->wall_us(driver));

    if (error != GF_OK) {
        fprintf(stderr, "gofish: cannot open the log file %s: %s\n", settings->logfile,
                gf_error_text(error));
        return EXIT_STATUS_FAILED;
    }
    gf_log_use(&log);
    error = gf_server_init(&server, settings, driver, why, sizeof(why));
    if (error == GF_OK) {
        server.open_module = gf_plugin_open;
        error = gf_server_load(&server, why, sizeof(why));
        if (error != GF_OK)
            gf_server_deinit(&server);
    }
    if (error == GF_OK) {
        server.config_path = config_path;
        server.executable = executable_path(executable, sizeof(executable));
        server.system = system_text(system, sizeof(system));
        server.memory_size = gf_machine_memory_limit();
        server.process_id = (uint64_t)getpid();
        server.log = &log;
        error = gf_server_run(&server);
        gf_server_deinit(&server);
    } else {
        fprintf(stderr, "gofish: %s\n", why);
    }
    gf_log_use(NULL);
    gf_log_close(&log);
    return error == GF_OK ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}

int main(int argc, char **argv)
{
    struct gf_driver_options options = {.recv_buffer_size = 4096, .recv_buffer_count = 1};
    struct gf_settings_source source = {.argc = argc, .argv = argv, .environment = environ};
    struct gf_settings settings;
    enum gf_settings_action action;
    const char *config_path;
    char why[512];
    int status = EXIT_STATUS_OK;

    gf_signals_block();
    if (gf_driver_epoll_create(&options, &source.driver) != GF_OK) {
        fprintf(stderr, "gofish: cannot reach the system: out of file descriptors?\n");
        return EXIT_STATUS_FAILED;
    }
    if (gf_settings_load(&settings, &source, &action, &config_path, why, sizeof(why)) != GF_OK) {
        fprintf(stderr, "gofish: %s\n", why);
        source.driver->ops->destroy(source.driver);
        return EXIT_STATUS_OPTIONS;
    }
    switch (action) {
    case GF_SETTINGS_HELP:
        status = print_help();
        break;
    case GF_SETTINGS_VERSION:
        printf("gofish " GOFISH_VERSION "\n");
        break;
    case GF_SETTINGS_RUN:
        status = run(&settings, config_path, source.driver);
        break;
    }
    gf_settings_deinit(&settings);
    source.driver->ops->destroy(source.driver);
    return status;
}
