/* XGROUP: groups and their consumers come and go. */
#include "modules/command.h"
#include "modules/streams.h"

/* What CREATE and SETID are told behind the group's name. */
struct group_options {
    struct gf_bytes id;
    bool make_stream;     /* MKSTREAM */
    int64_t entries_read; /* or GF_STREAM_READ_UNKNOWN */
};

/* reply_form - the words are not this subcommand's. */
static void reply_form(struct gf_exec *x)
{
    gf_reply_error_format(x->reply, GF_MSG_SUBCOMMAND_WORDS, x->args->words[1], GF_BYTES("XGROUP"));
}

/* read_options - false when the error is answered. */
static bool read_options(struct gf_exec *x, bool create, struct group_options *options)
{
    struct gf_args *args = x->args;

    options->id = gf_args_next(args);
    options->entries_read = GF_STREAM_READ_UNKNOWN;
    while (args->error == GF_MSG_NONE && gf_args_left(args) > 0) {
        if (create && gf_args_skip_if(args, "MKSTREAM")) {
            options->make_stream = true;
        } else if (gf_args_left(args) >= 2 && gf_args_skip_if(args, "ENTRIESREAD")) {
            options->entries_read = gf_args_next_range(args, GF_STREAM_READ_UNKNOWN, INT64_MAX,
                                                       GF_MSG_STREAM_ENTRIESREAD);
        } else {
            reply_form(x);
            return false;
        }
    }
    return gf_args_ok(args, x->reply);
}

/* find_stream - the stream, which must exist unless it may be made; false: the error is
 * answered. */
static bool find_stream(struct gf_exec *x, const struct gf_place *place, bool may_lack,
                        struct gf_stream **ret_stream)
{
    if (!gf_streams_find(x, place, ret_stream))
        return false;
    if (!*ret_stream && !may_lack)
        gf_reply_error(x->reply, GF_MSG_STREAM_NO_STREAM);
    return *ret_stream || may_lack;
}

/* find_group - the group of a stream that must both exist; NULL: the error is answered. */
static struct gf_stream_group *find_group(struct gf_exec *x, const struct gf_place *place,
                                          struct gf_bytes name)
{
    struct gf_stream_group *group;
    struct gf_stream *stream;

    if (!find_stream(x, place, false, &stream))
        return NULL;
    group = gf_stream_group_find(stream, name);
    if (!group)
        gf_reply_error_format(x->reply, GF_MSG_STREAM_NO_GROUP, name, place->key);
    return group;
}

/* read_id - "$" is the stream's last id; false when the error is answered.
 *
 * bounds     "-" and "+" are ids, too
 */
static bool read_id(struct gf_exec *x, const struct gf_stream *stream, struct gf_bytes word,
                    bool bounds, struct gf_id *ret_id)
{
    bool found = true;

    if (word.size == 1 && word.data[0] == '$')
        *ret_id = stream ? stream->last_id : GF_ID_MIN;
    else if (bounds && word.size == 1 && word.data[0] == '-')
        *ret_id = GF_ID_MIN;
    else if (bounds && word.size == 1 && word.data[0] == '+')
        *ret_id = GF_ID_MAX;
    else
        found = gf_streams_parse_id(word, 0, ret_id);
    if (!found)
        gf_reply_error(x->reply, GF_MSG_STREAM_ID);
    return found;
}

static void group_create_run(struct gf_exec *x)
{
    struct gf_place place = gf_streams_place(x);
    struct gf_bytes name = gf_args_next(x->args);
    struct group_options options = {.make_stream = false};
    struct gf_stream_group *group;
    struct gf_stream *stream;
    struct gf_id id;
    bool made;

    if (!read_options(x, true, &options) || !find_stream(x, &place, options.make_stream, &stream))
        return;
    if (x->args->count > 8) {
        reply_form(x);
        return;
    }
    if (!read_id(x, stream, options.id, false, &id))
        return;
    made = stream == NULL;
    if (made)
        stream = gf_streams_add(x, &place);
    if (!stream)
        return;
    if (gf_stream_group_find(stream, name)) {
        gf_reply_error(x->reply, GF_MSG_STREAM_GROUP_EXISTS);
        return;
    }
    group = gf_stream_group_add(stream, name);
    if (!group) {
        if (made)
            gf_keyspace_remove(place.keyspace, place.hash, gf_place_peek(x, &place));
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    group->last_id = id;
    group->entries_read = options.entries_read;
    gf_streams_changed(x, &place, "xgroup-create");
    gf_reply_ok(x->reply);
}

static void group_setid_run(struct gf_exec *x)
{
    struct gf_place place = gf_streams_place(x);
    struct gf_bytes name = gf_args_next(x->args);
    struct group_options options = {.make_stream = false};
    struct gf_stream_group *group;
    struct gf_stream *stream;
    struct gf_id id;

    if (!read_options(x, false, &options))
        return;
    group = find_group(x, &place, name);
    if (!group || !gf_streams_find(x, &place, &stream))
        return;
    if (x->args->count != 5 && x->args->count != 7) {
        reply_form(x);
        return;
    }
    if (!read_id(x, stream, options.id, true, &id))
        return;
    group->last_id = id;
    group->entries_read = options.entries_read;
    gf_streams_changed(x, &place, "xgroup-setid");
    gf_reply_ok(x->reply);
}

static void group_destroy_run(struct gf_exec *x)
{
    struct gf_place place = gf_streams_place(x);
    struct gf_bytes name = gf_args_next(x->args);
    struct gf_stream_group *group;
    struct gf_stream *stream;

    if (!find_stream(x, &place, false, &stream))
        return;
    group = gf_stream_group_find(stream, name);
    if (group) {
        gf_keyspace_retire(place.keyspace, GF_TYPE_STREAM, gf_stream_group_remove(stream, group));
        gf_streams_changed(x, &place, "xgroup-destroy");
    }
    gf_reply_int(x->reply, group != NULL);
}

static void group_createconsumer_run(struct gf_exec *x)
{
    struct gf_place place = gf_streams_place(x);
    struct gf_bytes name = gf_args_next(x->args);
    struct gf_stream_group *group = find_group(x, &place, name);
    struct gf_bytes consumer = gf_args_next(x->args);

    if (!group)
        return;
    if (gf_stream_consumer_find(group, consumer))
        gf_reply_int(x->reply, 0);
    else if (gf_streams_consumer(x, &place, group, consumer))
        gf_reply_int(x->reply, 1);
}

static void group_delconsumer_run(struct gf_exec *x)
{
    struct gf_place place = gf_streams_place(x);
    struct gf_bytes name = gf_args_next(x->args);
    struct gf_stream_group *group = find_group(x, &place, name);
    struct gf_stream_consumer *consumer;
    uint64_t pending = 0;

    if (!group)
        return;
    consumer = gf_stream_consumer_find(group, gf_args_next(x->args));
    if (consumer) {
        pending = consumer->pending.count;
        if (gf_exec_is_long(x, 2 * pending))
            return;
        gf_stream_consumer_remove(group, consumer, &x->pace);
        gf_streams_changed(x, &place, "xgroup-delconsumer");
    }
    gf_reply_int(x->reply, (int64_t)pending);
}

static const struct gf_history create_history[] = {
    {.since = "7.0.0", .what = "ENTRIESREAD."},
};

/* clang-format off */
#define GROUP_KEYS(flags_)                                                                        \
    .key_first = 2, .key_last = 2, .key_step = 1, .key_flags = GF_KEY_RW | (flags_)

#define GROUP_ID                                                                                  \
    {.name = "id", .type = GF_ARG_ONEOF,                                                          \
     GF_ARGS({.name = "id", .type = GF_ARG_STRING},                                               \
             {.name = "new_id", .type = GF_ARG_TOKEN, .token = "$"})}

#define GROUP_ENTRIES_READ                                                                        \
    {.name = "entries_read", .type = GF_ARG_INTEGER, .token = "ENTRIESREAD",                      \
     .flags = GF_ARG_OPTIONAL}

static const struct gf_command group_commands[] = {
    {
        .name = "CREATE", .run = group_create_run, .flags = GF_WRITE | GF_GROWS, .arity = -5,
        GROUP_KEYS(GF_KEY_INSERT),
        .history = create_history, .history_count = GF_COUNT(create_history),
        .since = "5.0.0", .group = "stream", .complexity = "O(1)",
        .summary = "Makes a group that reads the entries behind an id.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "groupname", .type = GF_ARG_STRING},
                GROUP_ID,
                {.name = "mkstream", .type = GF_ARG_TOKEN, .token = "MKSTREAM",
                 .flags = GF_ARG_OPTIONAL},
                GROUP_ENTRIES_READ),
    },
    {
        .name = "SETID", .run = group_setid_run, .flags = GF_WRITE, .arity = -5,
        GROUP_KEYS(GF_KEY_UPDATE),
        .history = create_history, .history_count = GF_COUNT(create_history),
        .since = "5.0.0", .group = "stream", .complexity = "O(1)",
        .summary = "Moves a group to another id.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "groupname", .type = GF_ARG_STRING},
                GROUP_ID,
                GROUP_ENTRIES_READ),
    },
    {
        .name = "DESTROY", .run = group_destroy_run, .flags = GF_WRITE, .arity = 4,
        GROUP_KEYS(GF_KEY_DELETE),
        .since = "5.0.0", .group = "stream", .complexity = "O(N) in what is pending for the group",
        .summary = "Removes a group, its consumers and what is pending.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "groupname", .type = GF_ARG_STRING}),
    },
    {
        .name = "CREATECONSUMER", .run = group_createconsumer_run, .flags = GF_WRITE | GF_GROWS,
        .arity = 5, GROUP_KEYS(GF_KEY_INSERT),
        .since = "6.2.0", .group = "stream", .complexity = "O(log N) in the number of consumers",
        .summary = "Makes a consumer of a group.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "groupname", .type = GF_ARG_STRING},
                {.name = "consumername", .type = GF_ARG_STRING}),
    },
    {
        .name = "DELCONSUMER", .run = group_delconsumer_run,
        .flags = GF_WRITE | GF_SLICED, .arity = 5,
        GROUP_KEYS(GF_KEY_DELETE),
        .since = "5.0.0", .group = "stream",
        .complexity = "O(N log M), N = pending for it, M = pending for the group",
        .summary = "Removes a consumer and what is pending for it.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "groupname", .type = GF_ARG_STRING},
                {.name = "consumername", .type = GF_ARG_STRING}),
    },
    GF_HELP_ROW("5.0.0", "stream"),
};

static const struct gf_command commands[] = {
    {
        .name = "XGROUP", .arity = -2,
        .since = "5.0.0", .group = "stream", .complexity = "As the subcommand's.",
        .summary = "Groups of a stream and their consumers.",
        .subcommands = group_commands, .subcommands_count = GF_COUNT(group_commands),
    },
};
/* clang-format on */

const struct gf_module gf_streams_group_module = {
    .abi = GF_MODULE_ABI,
    .name = "streams-group",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
