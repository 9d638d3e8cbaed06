/* MODULE LIST, LOAD, UNLOAD: data types and commands from outside the tree.
 *
 * LOAD runs the shared object's constructors and maps it here, makes a set of modules with it, and
 * every core takes that set over. From then on the commands have names. What a core does not know
 * yet it can run all the same: a request carries its row, types are found in one table.
 *
 * UNLOAD asks every core first whether it has values of the module's type: all keys are looked at,
 * which takes its time. Only then the names go. The code stays in memory: a request under way may
 * still need it. (A value made between the two questions stays, and can be read and deleted by
 * commands for any key.)
 *
 * Failure: one change at a time; another client's meanwhile is refused.
 */
#include <stdio.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "core/error.h"
#include "core/log.h"
#include "modules/command.h"
#include "modules/keyspace.h"
#include "modules/module.h"
#include "modules/object.h"
#include "shards/ask.h"
#include "shards/conn.h"
#include "shards/debug.h"
#include "shards/partition.h"
#include "shards/plugin.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/worker.h"

#define WHY_SIZE 512
#define PATH_SIZE_MAX 4096

/* A change of what is loaded. */
struct module_ask {
    struct gf_ask ask; /* first */
    struct gf_server *server;
    const struct gf_module *unloaded; /* NULL: something is loaded */
    bool counted;                     /* UNLOAD: the first round is over */
    enum gf_message_id error;         /* GF_MSG_NONE so far */
    const char *why;
};

/* What a core answers in the first round of an UNLOAD. */
struct module_slot {
    uint64_t values; /* of the module's type */
    bool busy;       /* a partition is at another core */
};

struct values_count {
    uint8_t type;
    uint64_t count;
};

static void values_visit(void *context, struct gf_object *object)
{
    struct values_count *count = context;

    count->count += gf_object_type(object) == count->type;
}

static uint64_t values_of_type(struct gf_keyspace *keyspace, uint8_t type)
{
    struct values_count count = {.type = type};
    uint64_t cursor = 0;

    do {
        /* At time 0: what has expired and is still there counts as well. */
        cursor = gf_keyspace_scan(keyspace, cursor, UINT32_MAX, 0, values_visit, &count);
    } while (cursor != 0);
    return count.count;
}

static void count_on_core(struct gf_worker *worker, struct module_slot *slot, uint8_t type)
{
    for (uint32_t i = 0; i < worker->owned_count; i++) {
        const struct gf_partition *partition = worker->partitions[worker->owned[i]];

        if (!gf_locks_free(&worker->locks, worker->owned[i])) {
            slot->busy = true;
            continue;
        }
        for (uint32_t db = 0; db < partition->databases_count; db++) {
            if (partition->databases[db] != NULL)
                slot->values += values_of_type(partition->databases[db], type);
        }
    }
}

static void module_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    struct module_ask *change = gf_container(ask, struct module_ask, ask);

    if (change->unloaded != NULL && !change->counted) {
        if (change->unloaded->type != NULL)
            count_on_core(worker, gf_ask_slot(ask, worker->core->id), change->unloaded->type->id);
        return;
    }
    if (change->error == GF_MSG_NONE)
        worker->plugins = change->server->plugins_newest;
}

/* After the first round of an UNLOAD: is there a second? */
static bool module_again(struct gf_ask *ask)
{
    struct module_ask *change = gf_container(ask, struct module_ask, ask);
    struct gf_plugin_set **newest = &change->server->plugins_newest;

    if (change->unloaded == NULL || change->counted)
        return false;
    change->counted = true;
    change->error = GF_MSG_MODULE_UNLOAD;
    for (uint32_t core = 0; core < ask->cores_count; core++) {
        const struct module_slot *slot = gf_ask_slot(ask, core);

        if (slot->values > 0)
            change->why = "there are values of its type";
        else if (slot->busy && change->why == NULL)
            change->why = "the server is busy, try again";
    }
    if (change->why != NULL)
        return false;

    int index = gf_plugin_set_find(*newest, gf_bytes_of(change->unloaded->name));

    GF_ASSERT(index >= 0); /* nobody else changes what is loaded */
    gf_plugin_set_remove(newest, (uint32_t)index);
    change->error = GF_MSG_NONE;
    return true;
}

static void module_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    const struct module_ask *change = gf_container(ask, struct module_ask, ask);

    if (change->error == GF_MSG_NONE)
        gf_reply_ok(reply);
    else
        gf_reply_error_explain(reply, change->error, change->why, "");
}

static void module_deinit(struct gf_ask *ask)
{
    struct module_ask *change = gf_container(ask, struct module_ask, ask);

    atomic_store(&change->server->plugins_busy, 0);
}

static const struct gf_ask_kind module_kind = {
    .size = sizeof(struct module_ask),
    .slot_size = sizeof(struct module_slot),
    .on_core = module_on_core,
    .again = module_again,
    .answer = module_answer,
    .deinit = module_deinit,
};

/* May this client change what is loaded, and is nobody else about to? Otherwise it is told. */
static bool change_begin(struct gf_exec *x, enum gf_message_id error)
{
    struct gf_conn *conn = gf_session_of(x)->conn;
    struct gf_server *server = conn->worker->server;
    uint32_t idle = 0;

    if (!gf_access_is_allowed(conn, conn->worker->settings.enable_module_command)) {
        gf_reply_error(x->reply, GF_MSG_MODULE_NOT_ALLOWED);
        return false;
    }
    if (atomic_compare_exchange_strong(&server->plugins_busy, &idle, 1))
        return true;
    gf_reply_error_explain(x->reply, error, "another module is being loaded or unloaded", "");
    return false;
}

static void change_start(struct gf_exec *x, const struct gf_module *unloaded)
{
    struct gf_ask *ask = gf_ask_create(x, &module_kind);
    struct module_ask *change = gf_container(ask, struct module_ask, ask);

    change->server = ask->worker->server;
    change->unloaded = unloaded;
    gf_ask_start(ask);
}

/* Opens and adds; false when that failed, for the reason given. */
static bool load(struct gf_server *server, const char *path, char *ret_why, size_t why_size)
{
    const struct gf_module *module;

    if (server->open_module == NULL) {
        snprintf(ret_why, why_size, "this server does not load modules");
        return false;
    }
    if (server->open_module(path, &module, ret_why, why_size) != GF_OK)
        return false;
    return gf_plugin_set_add(&server->plugins_newest, module, path, ret_why, why_size) == GF_OK;
}

static void module_load(struct gf_exec *x)
{
    struct gf_server *server = gf_session_of(x)->worker->server;
    char path[PATH_SIZE_MAX + 1];
    char why[WHY_SIZE];

    x->args->index = 2;

    struct gf_bytes word = gf_args_next(x->args);

    if (!change_begin(x, GF_MSG_MODULE_LOAD))
        return;
    if (gf_args_left(x->args) > 0) {
        snprintf(why, sizeof(why), "modules take no arguments here");
    } else if (word.size > PATH_SIZE_MAX || memchr(word.data, '\0', word.size) != NULL) {
        snprintf(why, sizeof(why), "this is no path");
    } else {
        memcpy(path, word.data, word.size);
        path[word.size] = '\0';
        if (load(server, path, why, sizeof(why))) {
            gf_log_line(GF_LOG_NOTICE, "module %s is loaded", path);
            change_start(x, NULL);
            return;
        }
    }
    atomic_store(&server->plugins_busy, 0);
    gf_reply_error_explain(x->reply, GF_MSG_MODULE_LOAD, why, "");
}

static void module_unload(struct gf_exec *x)
{
    struct gf_server *server = gf_session_of(x)->worker->server;
    int index;

    if (!change_begin(x, GF_MSG_MODULE_UNLOAD))
        return;
    index = gf_plugin_set_find(server->plugins_newest, x->args->words[2]);
    if (index >= 0) {
        change_start(x, server->plugins_newest->plugins[index].module);
        return;
    }
    atomic_store(&server->plugins_busy, 0);
    gf_reply_error_explain(x->reply, GF_MSG_MODULE_UNLOAD, "no such module with that name", "");
}

static void module_list(struct gf_exec *x)
{
    const struct gf_plugin_set *set = gf_session_of(x)->worker->plugins;

    gf_reply_array(x->reply, set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        gf_reply_map(x->reply, 4);
        gf_reply_bulk_text(x->reply, "name");
        gf_reply_bulk_text(x->reply, set->plugins[i].module->name);
        gf_reply_bulk_text(x->reply, "ver");
        gf_reply_int(x->reply, 1);
        gf_reply_bulk_text(x->reply, "path");
        gf_reply_bulk_text(x->reply, set->plugins[i].path);
        gf_reply_bulk_text(x->reply, "args");
        gf_reply_array(x->reply, 0);
    }
}

#define MODULE_CHANGE (GF_ADMIN | GF_NOSCRIPT | GF_NO_ASYNC_LOADING | GF_HOME | GF_NO_MULTI)

/* clang-format off */
static const struct gf_command subcommands[] = {
    {
        .name = "LIST", .run = module_list, .arity = 2,
        .flags = GF_ADMIN | GF_NOSCRIPT | GF_HOME,
        .since = "4.0.0", .group = "server", .complexity = "O(N), N = modules that were loaded",
        .summary = "The modules that were loaded.",
        .tips = "nondeterministic_output_order",
    },
    {
        .name = "LOAD", .run = module_load, .arity = -3, .flags = MODULE_CHANGE,
        .since = "4.0.0", .group = "server", .complexity = "O(1)",
        .summary = "Loads a module, where enable-module-command allows it.",
        GF_ARGS({.name = "path", .type = GF_ARG_STRING},
                {.name = "arg", .type = GF_ARG_STRING,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
    {
        .name = "UNLOAD", .run = module_unload, .arity = 3, .flags = MODULE_CHANGE,
        .since = "4.0.0", .group = "server", .complexity = "O(N), N = keys, which are looked at",
        .summary = "Takes a module away, unless there are values of its type.",
        GF_ARGS({.name = "name", .type = GF_ARG_STRING}),
    },
    GF_HELP_ROW("5.0.0", "server"),
};

static const struct gf_command commands[] = {
    {
        .name = "MODULE", .arity = -2,
        .since = "4.0.0", .group = "server", .complexity = "As the subcommand's.",
        .summary = "Data types and commands from outside the server.",
        .subcommands = subcommands, .subcommands_count = GF_COUNT(subcommands),
    },
};
/* clang-format on */

const struct gf_module gf_plugin_module = {
    .abi = GF_MODULE_ABI,
    .name = "module",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
