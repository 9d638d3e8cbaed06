/* A server on simulated cores: started, looked at from outside, stopped. */
#include "sim/node.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/keyspace.h"
#include "shards/background.h"
#include "shards/partition.h"
#include "shards/shutdown.h"
#include "shards/worker.h"
#include "sim/driver_sim.h"

static int node_make_driver(struct gf_server *server, struct gf_driver **ret_driver)
{
    struct sim_node *node = (struct sim_node *)server;

    *ret_driver = sim_driver_create(&node->machine, node->world->running);
    return GF_OK;
}

static void node_log(struct gf_log *log, const char *line, size_t size)
{
    struct sim_node *node = log->context;

    if (node->world->trace)
        printf("%.*s", (int)size, line);
}

/* What core/thread.c's threads do, in the same order; the world's steps are their gate. */
static void node_core_main(struct sim_task *task)
{
    struct sim_node *node = gf_container(task - task->core->id, struct sim_node, tasks);
    struct gf_thread *thread = &node->threads[task->core->id];

    SIM_CHECK(node->world, thread->start(thread->core, thread->context) == GF_OK);
    node->started++;
    while (node->started < node->server.cores_count)
        sim_task_wait(task, node->world->now_ns);
    gf_core_run(thread->core);
    thread->stopped(thread->core, thread->context);
    gf_core_enter(NULL);
}

void sim_node_start(struct sim_node *node, struct sim_world *world, uint32_t id,
                    const struct gf_settings *settings)
{
    char why[512];
    int error;

    memset(node, 0, sizeof(*node));
    node->world = world;
    sim_machine_init(&node->machine, world, id);
    node->log = (struct gf_log){.level = GF_LOG_INFO, .write = node_log, .context = node};
    gf_log_use(&node->log);
    node->main_driver = sim_driver_create(&node->machine, NULL);
    error = gf_server_init(&node->server, settings, node->main_driver, why, sizeof(why));
    if (error != GF_OK)
        sim_fail(world, "the server does not start: %s", why);
    node->server.make_driver = node_make_driver;
    node->server.log = &node->log;
    for (uint16_t core = 0; core < node->server.cores_count; core++) {
        node->threads[core] = gf_server_thread(&node->server, core);
        node->tasks[core].core = &node->server.cores[core];
        node->tasks[core].main = node_core_main;
        sim_task_start(world, &node->tasks[core]);
    }
}

bool sim_node_is_serving(const struct sim_node *node)
{
    return node->started == node->server.cores_count;
}

bool sim_node_is_quiet(const struct sim_node *node)
{
    for (uint16_t core = 0; core < node->server.cores_count; core++) {
        if (!gf_shutdown_is_quiet(&node->server.workers[core]))
            return false;
    }
    return true;
}

bool sim_node_is_paused(const struct sim_node *node)
{
    for (uint16_t core = 0; core < node->server.cores_count; core++) {
        if (node->server.workers[core].pause.until_ms != 0)
            return true;
    }
    return false;
}

bool sim_node_is_sending(const struct sim_node *node)
{
    for (uint16_t core = 0; core < node->server.cores_count; core++) {
        const struct gf_list *conns = &node->server.workers[core].conns;

        for (struct gf_link *link = gf_list_peek_front(conns); link;
             link = gf_list_next(conns, link)) {
            if (gf_conn_output_size(gf_container(link, struct gf_conn, link)) > 0)
                return true;
        }
    }
    return false;
}

static void partition_check(struct sim_node *node, const struct gf_partition *partition)
{
    SIM_CHECK(node->world, partition->owner == node->server.router.owners[partition->id]);
    for (uint32_t db = 0; db < partition->databases_count; db++) {
        if (partition->databases[db])
            gf_keyspace_check(partition->databases[db]);
    }
}

void sim_node_check(struct sim_node *node)
{
    struct gf_server *server = &node->server;

    SIM_CHECK(node->world, sim_node_is_quiet(node));
    for (uint16_t core = 0; core < server->cores_count; core++) {
        struct gf_worker *worker = &server->workers[core];

        SIM_CHECK(node->world, worker->conns_count == 0);
        SIM_CHECK(node->world, gf_list_empty(&worker->locks.waiting));
        for (uint32_t p = 0; p < server->router.partitions_count; p++) {
            SIM_CHECK(node->world, worker->locks.partitions[p].held == 0);
            SIM_CHECK(node->world, worker->locks.partitions[p].wanted == 0);
        }
        gf_timers_check(server->cores[core].timers);
    }
    for (uint32_t p = 0; p < server->router.partitions_count; p++)
        partition_check(node, server->partitions[p]);
    gf_pages_check(server->pages);
}

void sim_node_stop(struct sim_node *node)
{
    /* What gf_shutdown_wait does when a signal has come. */
    atomic_store(&node->server.stopping, 1);
}

bool sim_node_is_stopping(const struct sim_node *node)
{
    return atomic_load(&node->server.stopping) != 0;
}

/* Keys that a policy may choose from. */
static uint64_t node_evictable(const struct sim_node *node)
{
    const struct gf_server *server = &node->server;
    uint64_t count = 0;

    for (uint32_t p = 0; p < server->router.partitions_count; p++) {
        const struct gf_partition *partition = server->partitions[p];

        for (uint32_t db = 0; db < partition->databases_count; db++) {
            const struct gf_keyspace *keyspace = partition->databases[db];

            if (keyspace)
                count += node->world->kind.evicts_all ? gf_keyspace_count(keyspace)
                                                      : gf_keyspace_volatile_count(keyspace);
        }
    }
    return count;
}

bool sim_node_keeps_limit(struct sim_node *node)
{
    uint64_t limit = node->server.workers[0].settings.maxmemory;

    return limit == 0 || (uint64_t)gf_server_memory(&node->server) <= limit ||
           node_evictable(node) == 0;
}

bool sim_node_has_stopped(const struct sim_node *node)
{
    for (uint16_t core = 0; core < node->server.cores_count; core++) {
        if (node->tasks[core].state != SIM_TASK_ENDED)
            return false;
    }
    return true;
}

void sim_node_deinit(struct sim_node *node)
{
    int64_t data = 0;

    for (uint16_t core = 0; core < node->server.cores_count; core++) {
        data += node->server.cores[core].memory.bytes[GF_MEMORY_DATA];
        sim_task_release(&node->tasks[core]);
    }
    SIM_CHECK(node->world, data == 0);
    gf_server_deinit(&node->server);
    node->main_driver->ops->destroy(node->main_driver);
    sim_machine_deinit(&node->machine);
    gf_log_use(NULL);
}

uint64_t sim_node_handovers(const struct sim_node *node)
{
    uint64_t sum = 0;

    for (uint16_t core = 0; core < node->server.cores_count; core++)
        sum += node->server.workers[core].counters.handovers;
    return sum;
}
