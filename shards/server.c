/* Building and taking down a node: settings, registry, map, cores, workers, in this order. */
#include "shards/server.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/thread.h"
#include "shards/listener.h"
#include "shards/modules.h"
#include "shards/shutdown.h"

#define CORE_PORTS_ABOVE_PORT 10000 /* default of core-port-base */
#define PORT_MAX 65535

static void format_hex(const uint8_t *bytes, size_t size, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = '\0';
}

/* Ids of the process and of the nodes that its cores are to cluster clients. */
static void server_make_ids(struct gf_server *server, struct gf_driver *driver)
{
    uint8_t bytes[GF_RUN_ID_SIZE / 2];

    driver->ops->random(driver, bytes, sizeof(bytes));
    format_hex(bytes, sizeof(bytes), server->run_id);
    driver->ops->random(driver, &server->hash_seed, sizeof(server->hash_seed));
    server->node_ids = gf_alloc(GF_MEMORY_OTHER, server->cores_count * sizeof(*server->node_ids));
    for (uint16_t core = 0; core < server->cores_count; core++) {
        driver->ops->random(driver, bytes, sizeof(bytes));
        format_hex(bytes, sizeof(bytes), server->node_ids[core]);
    }
    server->started_ms = driver->ops->wall_us(driver) / 1000;
}

/* The first of the ports that the cores have of their own; above PORT_MAX when they do not fit. */
static uint64_t server_core_ports(const struct gf_settings *settings)
{
    return settings->core_port_base ? settings->core_port_base
                                    : settings->port + CORE_PORTS_ABOVE_PORT;
}

/* The ports that nobody asked for are given up when something else has one of them: only
 * cluster-aware clients miss them. */
static uint16_t server_free_core_ports(const struct gf_server *server, struct gf_driver *driver)
{
    const struct gf_settings *settings = &server->settings;
    uint64_t first = server_core_ports(settings);
    uint64_t end = first + server->cores_count;
    char why[256];

    if (server->cores_count == 1)
        return 0;
    if (settings->core_port_base != 0)
        return (uint16_t)first;
    for (uint64_t port = first; port < end; port++) {
        bool exists = port <= PORT_MAX;

        if (exists &&
            gf_listeners_probe(settings->bind, (uint16_t)port, driver, why, sizeof(why)) == GF_OK)
            continue;
        gf_log_line(GF_LOG_NOTICE,
                    "port %u %s: the cores have no ports of their own; choose others with "
                    "--core-port-base",
                    (unsigned)port, exists ? "is taken" : "does not exist");
        return 0;
    }
    return (uint16_t)first;
}

/* What the settings ask of this machine. */
static int server_check(const struct gf_settings *settings, struct gf_driver *driver,
                        uint16_t cores, char *ret_why, size_t why_size)
{
    if (settings->partitions < cores) {
        snprintf(ret_why, why_size, "partitions: %u cores need at least as many partitions", cores);
        return GF_EINVAL;
    }
    if (cores > 1 && settings->core_port_base + cores > PORT_MAX + 1) {
        snprintf(ret_why, why_size, "core-port-base: %u cores need a port each, and the last is %u",
                 cores, PORT_MAX);
        return GF_EINVAL;
    }
    return gf_listeners_probe(settings->bind, (uint16_t)settings->port, driver, ret_why, why_size);
}

static int server_make_driver(struct gf_server *server, struct gf_driver **ret_driver);

int gf_server_init(struct gf_server *server, const struct gf_settings *settings,
                   struct gf_driver *driver, char *ret_why, size_t why_size)
{
    uint16_t machine_cores = gf_machine_cores();
    uint16_t cores = (uint16_t)(settings->cores ? settings->cores : machine_cores);
    int error;

    *server = (struct gf_server){0};
    gf_settings_copy(&server->settings, settings);
    server->cores_count = cores;
    server->make_driver = server_make_driver;
    error = server_check(settings, driver, cores, ret_why, why_size);
    if (error != GF_OK) {
        gf_settings_deinit(&server->settings);
        return error;
    }
    error = gf_plugin_set_create(&server->plugins, ret_why, why_size);
    server->plugins_newest = server->plugins;
    if (error != GF_OK) {
        gf_settings_deinit(&server->settings);
        return error;
    }
    if (cores > machine_cores)
        gf_log_line(GF_LOG_NOTICE, "%u cores are wanted and this machine gives %u: they take turns",
                    cores, machine_cores);
    server_make_ids(server, driver);
    server->core_ports_first = server_free_core_ports(server, driver);
    server->pages = gf_pages_create();
    gf_router_init(&server->router, (uint32_t)settings->partitions, cores);
    server->partitions = gf_alloc_zero(GF_MEMORY_OTHER, server->router.partitions_count *
                                                            sizeof(*server->partitions));
    server->cores =
        gf_alloc_aligned(GF_MEMORY_OTHER, cores * sizeof(*server->cores), GF_CACHE_LINE);
    server->core_pointers = gf_alloc(GF_MEMORY_OTHER, cores * sizeof(*server->core_pointers));
    server->workers =
        gf_alloc_aligned(GF_MEMORY_OTHER, cores * sizeof(*server->workers), GF_CACHE_LINE);
    memset(server->workers, 0, cores * sizeof(*server->workers));
    for (uint16_t core = 0; core < cores; core++) {
        server->core_pointers[core] = &server->cores[core];
        error = gf_core_init(&server->cores[core], core, cores, server->core_pointers);
        GF_ASSERT(error == GF_OK);
    }
    return GF_OK;
}

/* The text up to the next space, which is taken off `rest`; empty at the end. */
static struct gf_bytes path_next(struct gf_bytes *rest)
{
    struct gf_bytes path = {0};

    while (rest->size > 0 && rest->data[0] == ' ')
        *rest = (struct gf_bytes){.data = rest->data + 1, .size = rest->size - 1};
    path.data = rest->data;
    while (path.size < rest->size && path.data[path.size] != ' ')
        path.size++;
    *rest = (struct gf_bytes){.data = rest->data + path.size, .size = rest->size - path.size};
    return path;
}

int gf_server_load(struct gf_server *server, char *ret_why, size_t why_size)
{
    struct gf_bytes rest = gf_bytes_of(server->settings.load_module);
    struct gf_bytes word;
    int error = GF_OK;

    while (error == GF_OK && (word = path_next(&rest)).size > 0) {
        const struct gf_module *module;
        char *path = gf_alloc_zero(GF_MEMORY_OTHER, word.size + 1);

        memcpy(path, word.data, word.size);
        error = server->open_module(path, &module, ret_why, why_size);
        if (error == GF_OK)
            error = gf_plugin_set_add(&server->plugins_newest, module, path, ret_why, why_size);
        gf_free(GF_MEMORY_OTHER, path);
    }
    server->plugins = server->plugins_newest;
    return error;
}

void gf_server_deinit(struct gf_server *server)
{
    for (uint16_t core = 0; core < server->cores_count; core++)
        gf_core_deinit(&server->cores[core]);
    gf_free(GF_MEMORY_OTHER, server->workers);
    gf_free(GF_MEMORY_OTHER, server->core_pointers);
    gf_free(GF_MEMORY_OTHER, server->cores);
    gf_free(GF_MEMORY_OTHER, server->partitions);
    gf_free(GF_MEMORY_OTHER, server->node_ids);
    gf_router_deinit(&server->router);
    gf_pages_destroy(server->pages);
    gf_plugin_set_destroy(server->plugins_newest);
    gf_settings_deinit(&server->settings);
    *server = (struct gf_server){0};
}

/* The driver that the options ask for, or the better one that works here. */
static int server_make_driver(struct gf_server *server, struct gf_driver **ret_driver)
{
    const struct gf_settings *settings = &server->settings;
    struct gf_driver_options options = {
        .recv_buffer_size = 16384,
        .recv_buffer_count = 256,
        .queue_size = 1024,
        .tcp_keepalive_s = (uint32_t)settings->tcp_keepalive,
        .backlog = (uint32_t)settings->tcp_backlog,
    };
    int error = GF_EUNSUPPORTED;

    if (settings->io_driver != GF_IO_EPOLL)
        error = gf_driver_uring_create(&options, ret_driver);
    if (error == GF_OK || settings->io_driver == GF_IO_URING)
        return error;
    if (settings->io_driver == GF_IO_AUTO)
        gf_log_line(GF_LOG_NOTICE, "io_uring is not to be had here (%s); using epoll",
                    gf_error_text(error));
    return gf_driver_epoll_create(&options, ret_driver);
}

/* First thing on a core's thread. */
static int core_start(struct gf_core *core, void *context)
{
    struct gf_server *server = context;
    struct gf_worker *worker = &server->workers[core->id];
    int error;

    gf_core_enter(core);
    gf_log_use(server->log);
    error = server->make_driver(server, &core->driver);
    if (error != GF_OK) {
        gf_log_line(GF_LOG_WARNING, "core %u: no I/O driver: %s", core->id,
                    server->settings.io_driver == GF_IO_URING
                        ? "io_uring is refused by this system; try --io-driver epoll"
                        : gf_error_text(error));
        return error;
    }
    if (core->id == 0)
        server->driver_name = core->driver->ops->name;
    core->now_ns = core->driver->ops->now_ns(core->driver);
    core->wall_us = core->driver->ops->wall_us(core->driver);
    error = gf_worker_init(worker, core, server);
    if (error == GF_OK) {
        char why[256];

        error = gf_listeners_start(worker, why, sizeof(why));
        if (error != GF_OK) {
            gf_log_line(GF_LOG_WARNING, "%s", why);
            gf_shutdown_now(worker);
            gf_worker_deinit(worker);
        }
    }
    return error;
}

/* Last thing on a core's thread. */
static void core_stopped(struct gf_core *core, void *context)
{
    struct gf_server *server = context;

    gf_shutdown_now(&server->workers[core->id]);
    gf_worker_deinit(&server->workers[core->id]);
    (void)gf_log_use(NULL);
    gf_core_enter(NULL);
}

struct gf_thread gf_server_thread(struct gf_server *server, uint16_t core)
{
    return (struct gf_thread){
        .core = &server->cores[core],
        .start = core_start,
        .stopped = core_stopped,
        .context = server,
        .pin = server->settings.pin_cores,
    };
}

int gf_server_run(struct gf_server *server)
{
    struct gf_thread *threads =
        gf_alloc_zero(GF_MEMORY_OTHER, server->cores_count * sizeof(*threads));
    int error;

    for (uint16_t core = 0; core < server->cores_count; core++)
        threads[core] = gf_server_thread(server, core);
    error = gf_threads_start(threads, server->cores_count);
    if (error == GF_OK) {
        gf_log_line(GF_LOG_NOTICE,
                    "gofish " GOFISH_VERSION " ready on port %u: %u core%s, %u partitions, %s",
                    (unsigned)server->settings.port, server->cores_count,
                    server->cores_count == 1 ? "" : "s", server->router.partitions_count,
                    server->driver_name);
        gf_shutdown_wait(server);
        gf_threads_join(threads, server->cores_count);
        gf_log_line(GF_LOG_NOTICE, "stopped");
    }
    gf_free(GF_MEMORY_OTHER, threads);
    return error;
}
