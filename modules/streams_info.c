/* XINFO: a stream, its groups, the consumers of one. */
#include "modules/command.h"
#include "modules/streams.h"

#define FULL_COUNT 10 /* of entries and of what is pending, unless COUNT says so */

/* find_stream - the stream, which must exist; NULL: the error is answered. */
static struct gf_stream *find_stream(struct gf_exec *x, struct gf_place *ret_place)
{
    struct gf_stream *stream;

    *ret_place = gf_streams_place(x);
    if (!gf_streams_find(x, ret_place, &stream))
        return NULL;
    if (!stream)
        gf_reply_error(x->reply, GF_MSG_NO_KEY);
    return stream;
}

static void reply_number(struct gf_reply *reply, const char *name, uint64_t value)
{
    gf_reply_bulk_text(reply, name);
    gf_reply_int(reply, (int64_t)value);
}

static void reply_name_id(struct gf_reply *reply, const char *name, struct gf_id id)
{
    gf_reply_bulk_text(reply, name);
    gf_streams_reply_id(reply, id);
}

static void reply_name_bytes(struct gf_reply *reply, const char *name, struct gf_bytes bytes)
{
    gf_reply_bulk_text(reply, name);
    gf_reply_bulk(reply, bytes);
}

/* reply_known - a counter, null when it is unknown. */
static void reply_known(struct gf_reply *reply, const char *name, int64_t value)
{
    gf_reply_bulk_text(reply, name);
    if (value == GF_STREAM_READ_UNKNOWN)
        gf_reply_null(reply);
    else
        gf_reply_int(reply, value);
}

/* reply_lag - how many entries the group has not read, as far as that can be known. */
static void reply_lag(struct gf_reply *reply, const struct gf_stream *stream,
                      const struct gf_stream_group *group)
{
    int64_t read = group->entries_read;

    gf_reply_bulk_text(reply, "lag");
    if (stream->entries_added == 0)
        read = 0;
    else if (read == GF_STREAM_READ_UNKNOWN || gf_streams_has_gaps(stream, group->last_id))
        read = gf_streams_read_count(stream, group->last_id);
    if (read == GF_STREAM_READ_UNKNOWN)
        gf_reply_null(reply);
    else
        gf_reply_int(reply, (int64_t)stream->entries_added - read);
}

/* XINFO STREAM. */

static void reply_head(struct gf_reply *reply, const struct gf_stream *stream)
{
    uint64_t blocks = stream->blocks.count;

    reply_number(reply, "length", stream->length);
    reply_number(reply, "radix-tree-keys", blocks);
    reply_number(reply, "radix-tree-nodes", blocks + 1);
    reply_name_id(reply, "last-generated-id", stream->last_id);
    reply_name_id(reply, "max-deleted-entry-id", stream->max_deleted);
    reply_number(reply, "entries-added", stream->entries_added);
    reply_name_id(reply, "recorded-first-entry-id", gf_stream_first_id(stream));
}

/* reply_edge - the first or the last entry, or null. */
static void reply_edge(struct gf_reply *reply, const struct gf_stream *stream, struct gf_id id)
{
    struct gf_stream_entry entry;

    if (gf_stream_find(stream, id, &entry))
        gf_streams_reply_entry(reply, &entry);
    else
        gf_reply_null(reply);
}

static void reply_stream(struct gf_reply *reply, const struct gf_stream *stream)
{
    gf_reply_map(reply, 10);
    reply_head(reply, stream);
    reply_number(reply, "groups", stream->groups_count);
    gf_reply_bulk_text(reply, "first-entry");
    reply_edge(reply, stream, gf_stream_first_id(stream));
    gf_reply_bulk_text(reply, "last-entry");
    reply_edge(reply, stream, gf_stream_edge_id(stream));
}

/* reply_pending - up to `count` pending entries, 0 = all: of a consumer, or (NULL) of the group,
 * which says whose each is. */
static void reply_pending(struct gf_reply *reply, const struct gf_stream_group *group,
                          const struct gf_stream_consumer *consumer, uint64_t count)
{
    const struct gf_id_tree *tree = consumer ? &consumer->pending : &group->pending;
    struct gf_id_cursor cursor = {.leaf = tree->first};
    struct gf_reply_open array;
    const struct gf_id *id;
    uint64_t given = 0;

    reply_number(reply, "pel-count", tree->count);
    gf_reply_bulk_text(reply, "pending");
    array = gf_reply_array_open(reply);
    while ((id = gf_id_cursor_at(tree, cursor)) != NULL && (count == 0 || given < count)) {
        const struct gf_stream_pending *pending = gf_stream_pending_find(group, *id);

        gf_reply_array(reply, consumer ? 3 : 4);
        gf_streams_reply_id(reply, *id);
        if (!consumer)
            gf_reply_bulk(reply, gf_stream_consumer_name(pending->consumer));
        gf_reply_int(reply, (int64_t)pending->delivery_ms);
        gf_reply_int(reply, (int64_t)pending->deliveries);
        given++;
        gf_id_cursor_next(&cursor);
    }
    gf_reply_close(reply, array, given);
}

static void reply_full_group(struct gf_reply *reply, const struct gf_stream *stream,
                             const struct gf_stream_group *group, uint64_t count)
{
    gf_reply_map(reply, 7);
    reply_name_bytes(reply, "name", gf_stream_group_name(group));
    reply_name_id(reply, "last-delivered-id", group->last_id);
    reply_known(reply, "entries-read", group->entries_read);
    reply_lag(reply, stream, group);
    reply_pending(reply, group, NULL, count);
    gf_reply_bulk_text(reply, "consumers");
    gf_reply_array(reply, group->consumers_count);
    for (uint32_t i = 0; i < group->consumers_count; i++) {
        const struct gf_stream_consumer *consumer = group->consumers[i];

        gf_reply_map(reply, 5);
        reply_name_bytes(reply, "name", gf_stream_consumer_name(consumer));
        reply_number(reply, "seen-time", consumer->seen_ms);
        reply_number(reply, "active-time", (uint64_t)consumer->active_ms);
        reply_pending(reply, group, consumer, count);
    }
}

static void reply_full(struct gf_reply *reply, const struct gf_stream *stream, uint64_t count)
{
    struct gf_reply_open array;
    struct gf_stream_entry entry;
    struct gf_stream_walk walk;
    uint64_t given = 0;

    gf_reply_map(reply, 9);
    reply_head(reply, stream);
    gf_reply_bulk_text(reply, "entries");
    array = gf_reply_array_open(reply);
    gf_stream_walk_start(&walk, stream, GF_ID_MIN, GF_ID_MAX);
    while ((count == 0 || given < count) && gf_stream_walk_next(&walk, &entry)) {
        gf_streams_reply_entry(reply, &entry);
        given++;
    }
    gf_reply_close(reply, array, given);
    gf_reply_bulk_text(reply, "groups");
    gf_reply_array(reply, stream->groups_count);
    for (uint32_t i = 0; i < stream->groups_count; i++)
        reply_full_group(reply, stream, stream->groups[i], count);
}

/* Everything but the count is a matter of the subcommand's form, with an error of its own. */
static void info_stream_run(struct gf_exec *x)
{
    const struct gf_bytes *words = x->args->words;
    struct gf_place place;
    const struct gf_stream *stream = find_stream(x, &place);
    uint32_t left = gf_args_left(x->args);
    int64_t count = FULL_COUNT;

    if (!stream)
        return;
    if (left == 0) {
        reply_stream(x->reply, stream);
        return;
    }
    if ((left != 1 && left != 3) || !gf_bytes_is(words[3], "FULL") ||
        (left == 3 && !gf_bytes_is(words[4], "COUNT"))) {
        gf_reply_error_format(x->reply, GF_MSG_SUBCOMMAND_WORDS, words[1], GF_BYTES("XINFO"));
        return;
    }
    x->args->index += left == 3 ? 2 : 1;
    if (left == 3)
        count = gf_args_next_i64(x->args);
    if (gf_args_finish(x->args, x->reply))
        reply_full(x->reply, stream, (uint64_t)(count < 0 ? FULL_COUNT : count));
}

/* XINFO GROUPS and CONSUMERS. */

static void info_groups_run(struct gf_exec *x)
{
    struct gf_place place;
    const struct gf_stream *stream = find_stream(x, &place);

    if (!stream)
        return;
    gf_reply_array(x->reply, stream->groups_count);
    for (uint32_t i = 0; i < stream->groups_count; i++) {
        const struct gf_stream_group *group = stream->groups[i];

        gf_reply_map(x->reply, 6);
        reply_name_bytes(x->reply, "name", gf_stream_group_name(group));
        reply_number(x->reply, "consumers", group->consumers_count);
        reply_number(x->reply, "pending", group->pending.count);
        reply_name_id(x->reply, "last-delivered-id", group->last_id);
        reply_known(x->reply, "entries-read", group->entries_read);
        reply_lag(x->reply, stream, group);
    }
}

static uint64_t since(const struct gf_exec *x, uint64_t time_ms)
{
    return x->now_ms > time_ms ? x->now_ms - time_ms : 0;
}

static void info_consumers_run(struct gf_exec *x)
{
    struct gf_place place;
    const struct gf_stream *stream = find_stream(x, &place);
    struct gf_bytes name = gf_args_next(x->args);
    const struct gf_stream_group *group;

    if (!stream)
        return;
    group = gf_stream_group_find(stream, name);
    if (!group) {
        gf_reply_error_format(x->reply, GF_MSG_STREAM_NO_GROUP, name, place.key);
        return;
    }
    gf_reply_array(x->reply, group->consumers_count);
    for (uint32_t i = 0; i < group->consumers_count; i++) {
        const struct gf_stream_consumer *consumer = group->consumers[i];
        int64_t active_ms = consumer->active_ms;

        gf_reply_map(x->reply, 4);
        reply_name_bytes(x->reply, "name", gf_stream_consumer_name(consumer));
        reply_number(x->reply, "pending", consumer->pending.count);
        reply_number(x->reply, "idle", since(x, consumer->seen_ms));
        reply_number(x->reply, "inactive",
                     active_ms < 0 ? UINT64_MAX : since(x, (uint64_t)active_ms));
    }
}

static const struct gf_history stream_history[] = {
    {.since = "6.0.0", .what = "FULL."},
    {.since = "7.0.0",
     .what = "max-deleted-entry-id, entries-added, recorded-first-entry-id, entries-read, lag."},
};

static const struct gf_history groups_history[] = {
    {.since = "7.0.0", .what = "entries-read and lag."},
};

/* clang-format off */
#define INFO_KEYS                                                                                 \
    .key_first = 2, .key_last = 2, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS

static const struct gf_command info_commands[] = {
    {
        .name = "STREAM", .run = info_stream_run, .flags = GF_READ, .arity = -3, INFO_KEYS,
        .history = stream_history, .history_count = GF_COUNT(stream_history),
        .since = "5.0.0", .group = "stream", .complexity = "O(1), with FULL O(N) in what is shown",
        .summary = "Counters and edges of a stream; with FULL entries and groups, too.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "full", .type = GF_ARG_BLOCK, .flags = GF_ARG_OPTIONAL, .token = "FULL",
                 GF_ARGS({.name = "count", .type = GF_ARG_INTEGER, .token = "COUNT",
                          .flags = GF_ARG_OPTIONAL})}),
    },
    {
        .name = "GROUPS", .run = info_groups_run, .flags = GF_READ, .arity = 3, INFO_KEYS,
        .history = groups_history, .history_count = GF_COUNT(groups_history),
        .since = "5.0.0", .group = "stream", .complexity = "O(N) in the number of groups",
        .summary = "The groups of a stream and how far each has read.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "CONSUMERS", .run = info_consumers_run, .flags = GF_READ, .arity = 4, INFO_KEYS,
        .tips = "nondeterministic_output",
        .since = "5.0.0", .group = "stream", .complexity = "O(N) in the number of consumers",
        .summary = "The consumers of a group and what is pending for each.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "groupname", .type = GF_ARG_STRING}),
    },
    GF_HELP_ROW("5.0.0", "stream"),
};

static const struct gf_command commands[] = {
    {
        .name = "XINFO", .arity = -2,
        .since = "5.0.0", .group = "stream", .complexity = "As the subcommand's.",
        .summary = "What there is to know about a stream.",
        .subcommands = info_commands, .subcommands_count = GF_COUNT(info_commands),
    },
};
/* clang-format on */

const struct gf_module gf_streams_info_module = {
    .abi = GF_MODULE_ABI,
    .name = "streams-info",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
