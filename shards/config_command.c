/* CONFIG: what the server is set to, and changing it while it runs.
 *
 * Every core has its own copy of the settings. CONFIG SET tries all its pairs on a copy first, then
 * every core takes them over. Two CONFIG SETs from different cores may arrive at a third in either
 * order: each carries a version, and a core keeps a setting's newest. So all cores end with the
 * same values, those of some order in which the commands could have come.
 */
#include "shards/config.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "core/log.h"
#include "modules/command.h"
#include "shards/ask.h"
#include "shards/conn.h"
#include "shards/server.h"
#include "shards/session.h"
#include "shards/worker.h"

/* A second name of an option, which clients still ask for. */
struct alias {
    const char *name;
    const char *option;
};

static const struct alias aliases[] = {
    {.name = "hash-max-ziplist-entries", .option = "hash-max-listpack-entries"},
    {.name = "hash-max-ziplist-value", .option = "hash-max-listpack-value"},
    {.name = "list-max-ziplist-size", .option = "list-max-listpack-size"},
    {.name = "lua-time-limit", .option = "busy-reply-threshold"},
    {.name = "min-slaves-max-lag", .option = "min-replicas-max-lag"},
    {.name = "min-slaves-to-write", .option = "min-replicas-to-write"},
    {.name = "slave-announce-ip", .option = "replica-announce-ip"},
    {.name = "slave-announce-port", .option = "replica-announce-port"},
    {.name = "slave-ignore-maxmemory", .option = "replica-ignore-maxmemory"},
    {.name = "slave-lazy-flush", .option = "replica-lazy-flush"},
    {.name = "slave-priority", .option = "replica-priority"},
    {.name = "slave-read-only", .option = "replica-read-only"},
    {.name = "slave-serve-stale-data", .option = "replica-serve-stale-data"},
    {.name = "slaveof", .option = "replicaof"},
    {.name = "zset-max-ziplist-entries", .option = "zset-max-listpack-entries"},
    {.name = "zset-max-ziplist-value", .option = "zset-max-listpack-value"},
};

/* What others must not see, whether it can be set here or not. */
static const char *const secrets[] = {
    "requirepass", "masterauth", "masteruser", "tls-key-file-pass", "tls-client-key-file-pass",
};

static const struct alias *alias_of(struct gf_bytes name)
{
    for (size_t i = 0; i < GF_COUNT(aliases); i++) {
        if (gf_bytes_is(name, aliases[i].name))
            return &aliases[i];
    }
    return NULL;
}

/* By the name that clients use: '_' is for the command line and for variables. */
static const struct gf_option *option_of(struct gf_bytes name)
{
    size_t count;
    const struct gf_option *rows = gf_settings_rows(&count);
    const struct alias *alias = alias_of(name);

    if (name.size > 0 && memchr(name.data, '_', name.size))
        return NULL;
    if (alias)
        name = gf_bytes_of(alias->option);
    return gf_option_find(rows, count, name);
}

bool gf_config_is_secret(const struct gf_command *command, const struct gf_bytes *words,
                         uint32_t index)
{
    if (index < 3 || strcmp(command->name, "SET") != 0 || !gf_bytes_is(words[0], "CONFIG"))
        return false;
    for (size_t i = 0; i < GF_COUNT(secrets); i++) {
        if (gf_bytes_is(words[index - 1], secrets[i]))
            return true;
    }
    return false;
}

/* ---- CONFIG GET ---------------------------------------------------------------------------- */

/* A name without wildcards is answered as the client spelled it; a pattern, by our own names. */
static bool is_pattern(struct gf_bytes word)
{
    for (size_t i = 0; i < word.size; i++) {
        if (word.data[i] == '*' || word.data[i] == '?' || word.data[i] == '[')
            return true;
    }
    return false;
}

/* What to call a setting, by the first word that asks for it; false = none does. */
static bool asked_name(const struct gf_args *args, struct gf_bytes name, struct gf_bytes *ret_name)
{
    for (uint32_t i = 2; i < args->count; i++) {
        struct gf_bytes word = args->words[i];

        if (is_pattern(word)) {
            *ret_name = name;
            if (gf_bytes_match(word, name, true))
                return true;
        } else {
            *ret_name = word;
            if (gf_bytes_is(word, name.data))
                return true;
        }
    }
    return false;
}

static uint64_t reply_setting(struct gf_exec *x, const char *name, const struct gf_option *row)
{
    const struct gf_settings *settings = &gf_session_of(x)->worker->settings;
    char number[GF_SETTINGS_VALUE_SIZE];
    struct gf_bytes asked;

    if (!asked_name(x->args, gf_bytes_of(name), &asked))
        return 0;
    gf_reply_bulk(x->reply, asked);
    gf_reply_bulk(x->reply, gf_settings_value(settings, row, number));
    return 1;
}

static void config_get(struct gf_exec *x)
{
    struct gf_reply_open map = gf_reply_map_open(x->reply);
    size_t rows_count;
    const struct gf_option *rows = gf_settings_rows(&rows_count);
    uint64_t count = 0;

    for (size_t i = 0; i < rows_count; i++) {
        char name[64];

        count += reply_setting(x, gf_option_public_name(&rows[i], name), &rows[i]);
    }
    for (size_t i = 0; i < GF_COUNT(aliases); i++)
        count += reply_setting(x, aliases[i].name, option_of(gf_bytes_of(aliases[i].option)));
    gf_reply_close(x->reply, map, count);
}

/* ---- CONFIG SET ---------------------------------------------------------------------------- */

/* One "name value" of a CONFIG SET. */
struct config_pair {
    const struct gf_option *row;
    struct gf_bytes value; /* owned by the ask */
};

struct config_set_ask {
    struct gf_ask ask;         /* first */
    uint64_t version;          /* of this CONFIG SET */
    struct config_pair *pairs; /* owned */
    uint32_t pairs_count;
};

/* Without a password everybody may come in, also who came while there was one. */
static void admit_everybody(struct gf_worker *worker)
{
    struct gf_link *link = gf_list_peek_front(&worker->conns);

    for (; link; link = gf_list_next(&worker->conns, link)) {
        struct gf_conn *conn = gf_container(link, struct gf_conn, link);

        conn->session.authenticated = true;
        conn->parser.authenticated = true;
        conn->attention &= ~(uint32_t)GF_ATTENTION_AUTH;
    }
}

static void config_set_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    struct config_set_ask *set = gf_container(ask, struct config_set_ask, ask);
    size_t rows_count;
    const struct gf_option *rows = gf_settings_rows(&rows_count);
    char why[512];

    for (uint32_t i = 0; i < set->pairs_count; i++) {
        const struct gf_option *row = set->pairs[i].row;
        uint64_t *version = &worker->settings_versions[row - rows];

        if (*version > set->version)
            continue;
        *version = set->version;
        int error = gf_option_parse(row, &worker->settings, set->pairs[i].value, why, sizeof(why));

        GF_ASSERT(error == GF_OK); /* the home core tried it */
    }
    gf_worker_apply_settings(worker);
    if (worker->settings.requirepass[0] == '\0')
        admit_everybody(worker);
    if (worker->server->log)
        gf_log_level_set(worker->server->log, (enum gf_log_level)worker->settings.loglevel);
}

static void config_set_deinit(struct gf_ask *ask)
{
    struct config_set_ask *set = gf_container(ask, struct config_set_ask, ask);

    for (uint32_t i = 0; i < set->pairs_count; i++)
        gf_free(GF_MEMORY_BUFFERS, (void *)set->pairs[i].value.data);
    gf_free(GF_MEMORY_OTHER, set->pairs);
}

static const struct gf_ask_kind config_set_kind = {
    .size = sizeof(struct config_set_ask),
    .on_core = config_set_on_core,
    .deinit = config_set_deinit,
};

/* Answers that a pair cannot be set at all, naming it as the client spelled it. */
static void refuse_name(struct gf_exec *x, struct gf_bytes name, const char *why)
{
    char text[64]; /* any option's name fits */

    snprintf(text, sizeof(text), "%.*s", (int)name.size, name.data);
    gf_reply_error_explain(x->reply, GF_MSG_CONFIG_FAILED, text, why);
}

/* Answers what is wrong with the value of a pair, naming it by its own name (or its second one). */
static void refuse_value(struct gf_exec *x, struct gf_bytes name, const char *why)
{
    const struct alias *alias = alias_of(name);
    char text[64];

    gf_reply_error_explain(x->reply, GF_MSG_CONFIG_FAILED,
                           alias ? alias->name : gf_option_public_name(option_of(name), text), why);
}

/* Two names of one setting are no repetition: the second is in force. */
static bool name_is_repeated(const struct gf_args *args, uint32_t index)
{
    struct gf_bytes name = args->words[index];

    for (uint32_t i = 2; i < index; i += 2) {
        if (option_of(args->words[i]) == option_of(name) &&
            alias_of(args->words[i]) == alias_of(name))
            return true;
    }
    return false;
}

/* All names: known, changeable, each once. Answers the first that is not. */
static bool names_are_good(struct gf_exec *x)
{
    for (uint32_t i = 2; i < x->args->count; i += 2) {
        struct gf_bytes name = x->args->words[i];
        const struct gf_option *row = option_of(name);

        if (!row) {
            gf_reply_error_format(x->reply, GF_MSG_CONFIG_UNKNOWN, name, GF_BYTES(""));
            return false;
        }
        if (!gf_option_is_settable(row)) {
            refuse_name(x, name, "can't set immutable config");
            return false;
        }
        if (name_is_repeated(x->args, i)) {
            refuse_name(x, name, "duplicate parameter");
            return false;
        }
    }
    return true;
}

/* All values, tried on a copy of the settings. Answers what is wrong with the first bad one. */
static bool values_are_good(struct gf_exec *x)
{
    struct gf_settings settings;
    struct gf_bytes name = x->args->words[2];
    char why[512];
    int error = GF_OK;

    gf_settings_copy(&settings, &gf_session_of(x)->worker->settings);
    for (uint32_t i = 2; i < x->args->count && error == GF_OK; i += 2) {
        name = x->args->words[i];
        error =
            gf_option_parse(option_of(name), &settings, x->args->words[i + 1], why, sizeof(why));
        if (error == GF_OK)
            error = gf_settings_check(&settings, why, sizeof(why));
    }
    gf_settings_deinit(&settings);
    if (error != GF_OK)
        refuse_value(x, name, why);
    return error == GF_OK;
}

static struct gf_bytes bytes_copy(struct gf_bytes bytes)
{
    char *copy = gf_alloc(GF_MEMORY_BUFFERS, bytes.size);

    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return (struct gf_bytes){.data = copy, .size = bytes.size};
}

static void config_set(struct gf_exec *x)
{
    struct gf_server *server = gf_session_of(x)->worker->server;
    uint32_t count = (x->args->count - 2) / 2;

    if (x->args->count % 2 != 0) {
        gf_reply_error(x->reply, GF_MSG_SYNTAX);
        return;
    }
    if (!names_are_good(x) || !values_are_good(x))
        return;

    struct gf_ask *ask = gf_ask_create(x, &config_set_kind);
    struct config_set_ask *set = gf_container(ask, struct config_set_ask, ask);

    set->version = atomic_fetch_add(&server->next_setting, 1) + 1;
    set->pairs_count = count;
    set->pairs = gf_alloc(GF_MEMORY_OTHER, count * sizeof(*set->pairs));
    for (uint32_t i = 0; i < count; i++)
        set->pairs[i] = (struct config_pair){
            .row = option_of(x->args->words[2 + 2 * i]),
            .value = bytes_copy(x->args->words[3 + 2 * i]),
        };
    gf_ask_start(ask);
}

/* ---- CONFIG RESETSTAT, CONFIG REWRITE ------------------------------------------------------ */

static void resetstat_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    (void)ask;
    gf_stats_reset(worker);
}

static const struct gf_ask_kind resetstat_kind = {
    .size = sizeof(struct gf_ask),
    .on_core = resetstat_on_core,
};

static void config_resetstat(struct gf_exec *x)
{
    gf_ask_start(gf_ask_create(x, &resetstat_kind));
}

static int rewrite_file(struct gf_worker *worker)
{
    struct gf_driver *driver = worker->core->driver;
    const char *path = worker->server->config_path;
    struct gf_bytes content;
    char *old = NULL;
    size_t old_size = 0;
    char *text;
    int error = driver->ops->file_read(driver, path, &old, &old_size);

    /* Removed meanwhile: then it is written anew. */
    if (error != GF_OK && error != GF_ENOENT)
        return error;
    text = gf_settings_rewrite(&worker->settings, (struct gf_bytes){.data = old, .size = old_size},
                               &content.size);
    content.data = text;
    error = driver->ops->file_replace(driver, path, content);
    gf_free(GF_MEMORY_OTHER, text);
    gf_free(GF_MEMORY_OTHER, old);
    return error;
}

static void config_rewrite(struct gf_exec *x)
{
    struct gf_worker *worker = gf_session_of(x)->worker;
    int error;

    if (!worker->server->config_path) {
        gf_reply_error(x->reply, GF_MSG_CONFIG_NO_FILE);
        return;
    }
    error = rewrite_file(worker);
    if (error != GF_OK) {
        gf_log_line(GF_LOG_WARNING, "CONFIG REWRITE: %s: %s", worker->server->config_path,
                    gf_error_text(error));
        gf_reply_error_explain(x->reply, GF_MSG_CONFIG_REWRITE, gf_error_text(error), "");
        return;
    }
    gf_log_line(GF_LOG_NOTICE, "CONFIG REWRITE: wrote %s", worker->server->config_path);
    gf_reply_ok(x->reply);
}

/* ---- rows ---------------------------------------------------------------------------------- */

#define CONFIG_FLAGS (GF_HOME | GF_ADMIN | GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK)

static const struct gf_history many_history[] = {
    {.since = "7.0.0", .what = "Several at once."},
};

/* clang-format off */
static const struct gf_command subcommands[] = {
    {
        .name = "GET", .run = config_get, .flags = CONFIG_FLAGS, .arity = -3,
        .since = "2.0.0", .group = "server", .complexity = "O(N*M), N patterns and M settings",
        .summary = "Settings whose names match the patterns.",
        .history = many_history, .history_count = GF_COUNT(many_history),
        GF_ARGS({.name = "parameter", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "SET", .run = config_set, .flags = CONFIG_FLAGS, .arity = -4,
        .since = "2.0.0", .group = "server", .complexity = "O(N), N settings",
        .summary = "Changes settings on every core: all of them, or none when one is wrong.",
        .tips = "request_policy:all_nodes|response_policy:all_succeeded",
        .history = many_history, .history_count = GF_COUNT(many_history),
        GF_ARGS({.name = "data", .type = GF_ARG_BLOCK, .flags = GF_ARG_MULTIPLE,
                 GF_ARGS({.name = "parameter", .type = GF_ARG_STRING},
                         {.name = "value", .type = GF_ARG_STRING})}),
    },
    {
        .name = "RESETSTAT", .run = config_resetstat, .flags = CONFIG_FLAGS, .arity = 2,
        .since = "2.0.0", .group = "server", .complexity = "O(1)",
        .summary = "Sets what INFO and LATENCY HISTOGRAM count back to zero.",
        .tips = "request_policy:all_nodes|response_policy:all_succeeded",
    },
    {
        .name = "REWRITE", .run = config_rewrite, .flags = CONFIG_FLAGS, .arity = 2,
        .since = "2.8.0", .group = "server", .complexity = "O(1)",
        .summary = "Writes the settings to the config file the server was started with.",
        .tips = "request_policy:all_nodes|response_policy:all_succeeded",
    },
    GF_HELP_ROW("5.0.0", "server"),
};

static const struct gf_command commands[] = {
    {
        .name = "CONFIG", .arity = -2,
        .since = "2.0.0", .group = "server", .complexity = "As the subcommand's.",
        .summary = "The settings of the server.",
        .subcommands = subcommands, .subcommands_count = GF_COUNT(subcommands),
    },
};
/* clang-format on */

const struct gf_module gf_config_module = {
    .abi = GF_MODULE_ABI,
    .name = "config",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
