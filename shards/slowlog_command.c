/* SLOWLOG: the slow commands of all cores, newest first. */
#include <stdlib.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/command.h"
#include "shards/ask.h"
#include "shards/session.h"
#include "shards/worker.h"

#define COUNT_DEFAULT 10

/* ---- SLOWLOG GET --------------------------------------------------------------------------- */

struct get_ask {
    struct gf_ask ask; /* first */
    uint64_t count;    /* entries wanted */
};

/* Copies of one core's newest entries. */
struct get_slot {
    struct gf_slowlog_entry **entries; /* owned, as are what they point to */
    uint32_t count;
};

static void get_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    const struct get_ask *get = gf_container(ask, struct get_ask, ask);
    const struct gf_slowlog *log = &worker->slowlog;
    struct get_slot *slot = gf_ask_slot(ask, worker->core->id);
    struct gf_link *link = gf_list_peek_front(&log->entries);

    slot->entries = gf_alloc(GF_MEMORY_OTHER, log->count * sizeof(struct gf_slowlog_entry *));
    for (; link && slot->count < get->count; link = gf_list_next(&log->entries, link))
        slot->entries[slot->count++] =
            gf_slowlog_copy(gf_container(link, struct gf_slowlog_entry, link));
}

static void reply_entry(struct gf_reply *reply, const struct gf_slowlog_entry *entry)
{
    uint32_t offset = entry->name_size;

    gf_reply_array(reply, 6);
    gf_reply_int(reply, (int64_t)entry->id);
    gf_reply_int(reply, (int64_t)entry->time_s);
    gf_reply_int(reply, (int64_t)entry->duration_us);
    gf_reply_array(reply, entry->args_count);
    for (uint32_t i = 0; i < entry->args_count; i++)
        gf_reply_bulk(reply, gf_slowlog_arg(entry, &offset));
    gf_reply_bulk_text(reply, entry->peer.text);
    gf_reply_bulk(reply, gf_slowlog_name(entry));
}

/* Ids rise with time, whatever core gave them out. */
static int newer_first(const void *a, const void *b)
{
    const struct gf_slowlog_entry *const *x = a;
    const struct gf_slowlog_entry *const *y = b;

    return (*x)->id < (*y)->id ? 1 : -1;
}

static uint32_t entries_of_all(const struct gf_ask *ask, const struct gf_slowlog_entry **ret_all)
{
    uint32_t count = 0;

    for (uint32_t core = 0; core < ask->cores_count; core++) {
        const struct get_slot *slot = gf_ask_slot(ask, core);

        for (uint32_t i = 0; ret_all && i < slot->count; i++)
            ret_all[count + i] = slot->entries[i];
        count += slot->count;
    }
    return count;
}

static void get_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    const struct get_ask *get = gf_container(ask, struct get_ask, ask);
    uint32_t count = entries_of_all(ask, NULL);
    const struct gf_slowlog_entry **all = gf_alloc(GF_MEMORY_OTHER, count * sizeof(*all));

    (void)entries_of_all(ask, all);
    if (count > 1)
        qsort(all, count, sizeof(*all), newer_first);
    if (count > get->count)
        count = (uint32_t)get->count;
    gf_reply_array(reply, count);
    for (uint32_t i = 0; i < count; i++)
        reply_entry(reply, all[i]);
    gf_free(GF_MEMORY_OTHER, all);
}

static void get_deinit(struct gf_ask *ask)
{
    for (uint32_t core = 0; core < ask->cores_count; core++) {
        struct get_slot *slot = gf_ask_slot(ask, core);

        for (uint32_t i = 0; i < slot->count; i++)
            gf_free(GF_MEMORY_OTHER, slot->entries[i]);
        gf_free(GF_MEMORY_OTHER, slot->entries);
    }
}

static const struct gf_ask_kind get_kind = {
    .size = sizeof(struct get_ask),
    .slot_size = sizeof(struct get_slot),
    .on_core = get_on_core,
    .answer = get_answer,
    .deinit = get_deinit,
};

static void slowlog_get(struct gf_exec *x)
{
    uint64_t kept = gf_session_of(x)->worker->settings.slowlog_max_len;
    int64_t count = COUNT_DEFAULT;
    struct gf_ask *ask;

    x->args->index = 2;
    if (x->args->count > 3) {
        gf_reply_error_format(x->reply, GF_MSG_SUBCOMMAND_WORDS, x->args->words[1],
                              GF_BYTES("SLOWLOG"));
        return;
    } else if (x->args->count == 3) {
        count = gf_args_next_range(x->args, -1, INT64_MAX, GF_MSG_SLOWLOG_COUNT);
        if (x->args->error == GF_MSG_NOT_INTEGER)
            x->args->error = GF_MSG_SLOWLOG_COUNT;
    }
    if (!gf_args_finish(x->args, x->reply))
        return;

    ask = gf_ask_create(x, &get_kind);
    gf_container(ask, struct get_ask, ask)->count =
        count < 0 || (uint64_t)count > kept ? kept : (uint64_t)count;
    gf_ask_start(ask);
}

/* ---- SLOWLOG LEN, SLOWLOG RESET ------------------------------------------------------------ */

struct len_ask {
    struct gf_ask ask; /* first */
    uint64_t kept;     /* slowlog-max-len: every core keeps as many, together they show no more */
};

static void len_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    *(uint64_t *)gf_ask_slot(ask, worker->core->id) = worker->slowlog.count;
}

static void len_answer(struct gf_ask *ask, struct gf_reply *reply)
{
    uint64_t kept = gf_container(ask, struct len_ask, ask)->kept;
    uint64_t sum = 0;

    for (uint32_t core = 0; core < ask->cores_count; core++)
        sum += *(const uint64_t *)gf_ask_slot(ask, core);
    gf_reply_int(reply, (int64_t)(sum < kept ? sum : kept));
}

static const struct gf_ask_kind len_kind = {
    .size = sizeof(struct len_ask),
    .slot_size = sizeof(uint64_t),
    .on_core = len_on_core,
    .answer = len_answer,
};

static void slowlog_len(struct gf_exec *x)
{
    struct gf_ask *ask = gf_ask_create(x, &len_kind);

    gf_container(ask, struct len_ask, ask)->kept =
        gf_session_of(x)->worker->settings.slowlog_max_len;
    gf_ask_start(ask);
}

static void reset_on_core(struct gf_worker *worker, struct gf_ask *ask)
{
    (void)ask;
    gf_slowlog_clear(&worker->slowlog);
}

static const struct gf_ask_kind reset_kind = {
    .size = sizeof(struct gf_ask),
    .on_core = reset_on_core,
};

static void slowlog_reset(struct gf_exec *x)
{
    gf_ask_start(gf_ask_create(x, &reset_kind));
}

/* ---- rows ---------------------------------------------------------------------------------- */

#define SLOWLOG_FLAGS (GF_HOME | GF_ADMIN | GF_LOADING_OK | GF_STALE_OK)

static const struct gf_history get_history[] = {
    {.since = "4.0.0", .what = "Client address and name in each entry."},
};

/* clang-format off */
static const struct gf_command subcommands[] = {
    {
        .name = "GET", .run = slowlog_get, .flags = SLOWLOG_FLAGS, .arity = -2,
        .since = "2.2.12", .group = "server", .complexity = "O(N), N entries",
        .summary = "The newest slow commands of all cores; ten, or count, or all with -1.",
        .tips = "request_policy:all_nodes|nondeterministic_output",
        .history = get_history, .history_count = GF_COUNT(get_history),
        GF_ARGS({.name = "count", .type = GF_ARG_INTEGER, .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "LEN", .run = slowlog_len, .flags = SLOWLOG_FLAGS, .arity = 2,
        .since = "2.2.12", .group = "server", .complexity = "O(1)",
        .summary = "How many entries the slow log has.",
        .tips = "request_policy:all_nodes|response_policy:agg_sum|nondeterministic_output",
    },
    {
        .name = "RESET", .run = slowlog_reset, .flags = SLOWLOG_FLAGS, .arity = 2,
        .since = "2.2.12", .group = "server", .complexity = "O(N), N entries",
        .summary = "Forgets all entries.",
        .tips = "request_policy:all_nodes|response_policy:all_succeeded",
    },
    GF_HELP_ROW("6.2.0", "server"),
};

static const struct gf_command commands[] = {
    {
        .name = "SLOWLOG", .arity = -2,
        .since = "2.2.12", .group = "server", .complexity = "As the subcommand's.",
        .summary = "The log of commands that took longer than slowlog-log-slower-than.",
        .subcommands = subcommands, .subcommands_count = GF_COUNT(subcommands),
    },
};
/* clang-format on */

const struct gf_module gf_slowlog_module = {
    .abi = GF_MODULE_ABI,
    .name = "slowlog",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
