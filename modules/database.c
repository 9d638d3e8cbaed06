/* Commands that replace whole databases: FLUSHDB FLUSHALL SWAPDB.
 *
 * They take no time, however much there is: the owner of the keyspaces puts empty ones in their
 * place, or exchanges them. Each part of such a command does it for its own partitions.
 */
#include "modules/module.h"

/* ASYNC or SYNC, or nothing. Either way what was there is freed in slices, after the answer. */
static bool flush_mode_read(struct gf_exec *x)
{
    if (!gf_args_skip_if(x->args, "ASYNC"))
        gf_args_skip_if(x->args, "SYNC");
    return gf_args_finish(x->args, x->reply);
}

static void flushdb(struct gf_exec *x)
{
    if (!flush_mode_read(x))
        return;

    x->space->clear(x->space, x->db);
    gf_reply_ok(x->reply);
}

static void flushall(struct gf_exec *x)
{
    if (!flush_mode_read(x))
        return;

    for (uint32_t db = 0; db < x->space->databases; db++)
        x->space->clear(x->space, db);
    gf_reply_ok(x->reply);
}

/* The next word as a number that an int holds; `error` when it is none. */
static int64_t next_db(struct gf_args *args, enum gf_message_id error)
{
    int64_t db = 0;

    if (!gf_bytes_parse_i64(gf_args_next(args), &db) || db < INT32_MIN || db > INT32_MAX)
        gf_args_fail(args, error);
    return db;
}

static void swapdb(struct gf_exec *x)
{
    int64_t first = next_db(x->args, GF_MSG_INVALID_FIRST_DB);
    int64_t second = next_db(x->args, GF_MSG_INVALID_SECOND_DB);
    int64_t databases = x->space->databases;

    if (first < 0 || first >= databases || second < 0 || second >= databases)
        gf_args_fail(x->args, GF_MSG_DB_INDEX);
    if (!gf_args_finish(x->args, x->reply))
        return;

    if (first != second)
        x->space->swap(x->space, (uint32_t)first, (uint32_t)second);
    gf_reply_ok(x->reply);
}

static const struct gf_history flush_history[] = {
    {.since = "4.0.0", .what = "The ASYNC mode."},
    {.since = "6.2.0", .what = "The SYNC mode."},
};

/* clang-format off */
#define FLUSH_MODE                                                                                \
    {.name = "async", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,                             \
     GF_ARGS({.name = "async", .type = GF_ARG_TOKEN, .token = "ASYNC", .since = "4.0.0"},         \
             {.name = "sync", .type = GF_ARG_TOKEN, .token = "SYNC", .since = "6.2.0"})}

static const struct gf_command commands[] = {
    {
        .name = "FLUSHDB", .run = flushdb, .arity = -1, .merge = GF_MERGE_OK,
        .flags = GF_WRITE | GF_ALL_KEYS | GF_DANGEROUS,
        .since = "1.0.0", .group = "server", .categories = "@keyspace",
        .complexity = "O(1); what the keys held is freed later, in slices",
        .summary = "Removes all keys of the selected database.",
        .tips = "request_policy:all_shards|response_policy:all_succeeded",
        .history = flush_history, .history_count = GF_COUNT(flush_history),
        GF_ARGS(FLUSH_MODE),
    },
    {
        .name = "FLUSHALL", .run = flushall, .arity = -1, .merge = GF_MERGE_OK,
        .flags = GF_WRITE | GF_ALL_KEYS | GF_DANGEROUS,
        .since = "1.0.0", .group = "server", .categories = "@keyspace",
        .complexity = "O(1); what the keys held is freed later, in slices",
        .summary = "Removes all keys of all databases.",
        .tips = "request_policy:all_shards|response_policy:all_succeeded",
        .history = flush_history, .history_count = GF_COUNT(flush_history),
        GF_ARGS(FLUSH_MODE),
    },
    {
        .name = "SWAPDB", .run = swapdb, .arity = 3, .merge = GF_MERGE_OK,
        .flags = GF_WRITE | GF_FAST | GF_ALL_KEYS | GF_DANGEROUS,
        .since = "4.0.0", .group = "server", .categories = "@keyspace",
        .complexity = "O(P), P = partitions",
        .summary = "Exchanges two databases: each has the other's keys afterwards.",
        GF_ARGS({.name = "index1", .type = GF_ARG_INTEGER},
                {.name = "index2", .type = GF_ARG_INTEGER}),
    },
};
/* clang-format on */

const struct gf_module gf_database_module = {
    .abi = GF_MODULE_ABI,
    .name = "database",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
