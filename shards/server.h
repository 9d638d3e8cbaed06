/* The composition root: what the whole node is made of, built in order and taken down in reverse.
 *
 * Everything here is written before the cores run and only read while they do, but for the atomics
 * at the end: every core gives out client ids, and any core can be told to stop.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"
#include "core/log.h"
#include "core/pages.h"
#include "core/thread.h"
#include "modules/heap.h"
#include "modules/registry.h"
#include "shards/plugin.h"
#include "shards/router.h"
#include "shards/settings.h"
#include "shards/worker.h"

/* The version of Redis whose commands and replies these are, as INFO and HELLO say: clients decide
 * by it what they may send. */
#define GF_REDIS_VERSION "7.4.0"

#define GF_RUN_ID_SIZE 40 /* hex digits, as Redis's run_id and node ids */

struct gf_server {
    struct gf_settings settings;       /* as started; workers have their own copies        */
    struct gf_plugin_set *plugins;     /* as started; workers have their own pointers      */
    struct gf_plugin_set *plugins_newest; /* owned, with all older ones; used by whoever made
                                          plugins_busy 1                                   */
    _Atomic uint32_t plugins_busy;     /* what is loaded is being changed                  */
    /* Opens a shared object (gf_plugin_open); NULL: none can be loaded.                   */
    int (*open_module)(const char *path, const struct gf_module **ret_module, char *ret_why,
                       size_t why_size);
    struct gf_router router;
    uint16_t cores_count;
    struct gf_core *cores;             /* owned                                            */
    struct gf_core **core_pointers;    /* by id; owned                                     */
    struct gf_worker *workers;         /* by core id; owned; each used on its core only    */
    struct gf_partition **partitions;  /* by id; the pointers never change; owned          */
    char run_id[GF_RUN_ID_SIZE + 1];   /* this process                                     */
    char (*node_ids)[GF_RUN_ID_SIZE + 1]; /* by core: each core is a node to cluster clients */
    uint64_t hash_seed;
    struct gf_pages *pages;            /* memory of all keyspaces; owned                   */
    struct gf_log *log;                /* borrowed                                         */
    uint64_t started_ms;               /* Unix time                                        */
    const char *config_path;           /* --config FILE, or NULL; borrowed                 */
    uint64_t process_id;               /* 0 = not known                                    */
    const char *executable;            /* path, or ""; borrowed                            */
    const char *system;                /* name and release of the OS, or NULL; borrowed    */
    uint64_t memory_size;              /* bytes that this process may use: of the machine,
                                          or its control group's limit                     */
    const char *driver_name;           /* what won: "io_uring" or "epoll"                  */
    /* Makes a core's driver on that core; set by gf_server_init, the simulator sets its own.  */
    int (*make_driver)(struct gf_server *server, struct gf_driver **ret_driver);
    uint16_t core_ports_first;         /* port of core 0; 0 = cores have no ports          */
    _Atomic uint64_t next_client;      /* last client id given out                         */
    _Atomic uint64_t next_slow;        /* last slow log id given out                       */
    _Atomic uint64_t next_setting;     /* last version of a setting given out              */
    _Atomic uint64_t memory_peak;      /* bytes; the most that was accounted at any tick   */
    _Atomic uint32_t garbage_count;    /* flushed keyspaces that wait to be freed, all cores */
    _Atomic uint32_t stopping;         /* SHUTDOWN or a signal: 1 = in progress            */
    _Atomic uint32_t quiet_count;      /* cores that have nothing left to do               */
};

/* gf_server_init - everything but the cores' threads.
 *
 * driver     the main thread's; borrowed for this call
 * ret_why    on failure: for people; at least 256 bytes
 */
int gf_server_init(struct gf_server *server, const struct gf_settings *settings,
                   struct gf_driver *driver, char *ret_why, size_t why_size);
/* gf_server_load - before the cores run: the modules that --load-module names. open_module is set.
 * GF_OK, or GF_EINVAL and why; deinit all the same. */
int gf_server_load(struct gf_server *server, char *ret_why, size_t why_size);
void gf_server_deinit(struct gf_server *server);

/* gf_server_thread - what the thread of one core does; gf_server_run starts these, the simulator
 * goes through the same steps without threads. */
struct gf_thread gf_server_thread(struct gf_server *server, uint16_t core);

/* gf_server_run - start the cores, serve until told to stop. Returns GF_OK, or why it did not start
 * (said in the log). */
int gf_server_run(struct gf_server *server);
