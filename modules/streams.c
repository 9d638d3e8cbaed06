/* Streams: the type and the rows of its commands. */
#include "modules/streams.h"

#include "modules/stream_save.h"

static const struct gf_history xadd_history[] = {
    {.since = "6.2.0", .what = "NOMKSTREAM, MINID and LIMIT."},
    {.since = "7.0.0", .what = "Ids of the form ms-*."},
};

static const struct gf_history range_history[] = {
    {.since = "6.2.0", .what = "Bounds that are not included."},
};

static const struct gf_history xtrim_history[] = {
    {.since = "6.2.0", .what = "MINID and LIMIT."},
};

static const struct gf_history xsetid_history[] = {
    {.since = "7.0.0", .what = "ENTRIESADDED and MAXDELETEDID."},
};

static const struct gf_history xpending_history[] = {
    {.since = "6.2.0", .what = "IDLE, and bounds that are not included."},
};

static const struct gf_history xautoclaim_history[] = {
    {.since = "7.0.0", .what = "A third element: ids that are no longer in the stream."},
};

static const struct gf_key_spec xread_keys[] = {
    {.flags = GF_KEY_RO | GF_KEY_ACCESS,
     .begin_keyword = "STREAMS",
     .begin_from = 1,
     .last = -1,
     .step = 1,
     .limit = 2},
};

static const struct gf_key_spec xreadgroup_keys[] = {
    {.flags = GF_KEY_RO | GF_KEY_ACCESS,
     .begin_keyword = "STREAMS",
     .begin_from = 4,
     .last = -1,
     .step = 1,
     .limit = 2},
};

/* clang-format off */
#define ONE_KEY(flags_)                                                                           \
    .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = (flags_)

#define KEY {.name = "key", .type = GF_ARG_KEY}

/* The options that XADD and XTRIM share. */
#define TRIM(flags_)                                                                              \
    {.name = "trim", .type = GF_ARG_BLOCK, .flags = (flags_),                                     \
     GF_ARGS({.name = "strategy", .type = GF_ARG_ONEOF,                                           \
              GF_ARGS({.name = "maxlen", .type = GF_ARG_TOKEN, .token = "MAXLEN"},                \
                      {.name = "minid", .type = GF_ARG_TOKEN, .token = "MINID",                   \
                       .since = "6.2.0"})},                                                       \
             {.name = "operator", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,                 \
              GF_ARGS({.name = "equal", .type = GF_ARG_TOKEN, .token = "="},                      \
                      {.name = "approximately", .type = GF_ARG_TOKEN, .token = "~"})},            \
             {.name = "threshold", .type = GF_ARG_STRING},                                        \
             {.name = "count", .type = GF_ARG_INTEGER, .token = "LIMIT", .since = "6.2.0",        \
              .flags = GF_ARG_OPTIONAL})}

#define COUNT_OPTION                                                                              \
    {.name = "count", .type = GF_ARG_INTEGER, .token = "COUNT", .flags = GF_ARG_OPTIONAL}

#define BLOCK_OPTION                                                                              \
    {.name = "milliseconds", .type = GF_ARG_INTEGER, .token = "BLOCK", .flags = GF_ARG_OPTIONAL}

#define STREAMS_OPTION                                                                            \
    {.name = "streams", .type = GF_ARG_BLOCK, .token = "STREAMS",                                 \
     GF_ARGS({.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE},                       \
             {.name = "id", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE})}

static const struct gf_command stream_commands[] = {
    {
        .name = "XADD", .run = gf_streams_xadd_run,
        .flags = GF_WRITE | GF_GROWS | GF_FAST | GF_SLICED,
        .arity = -5, ONE_KEY(GF_KEY_RW | GF_KEY_UPDATE), .tips = "nondeterministic_output",
        .history = xadd_history, .history_count = GF_COUNT(xadd_history),
        .since = "5.0.0", .group = "stream",
        .complexity = "O(1), with trimming O(N) in the entries that go",
        .summary = "Adds an entry to a stream, which may be trimmed at the same time.",
        GF_ARGS(KEY,
                {.name = "nomkstream", .type = GF_ARG_TOKEN, .token = "NOMKSTREAM",
                 .since = "6.2.0", .flags = GF_ARG_OPTIONAL},
                TRIM(GF_ARG_OPTIONAL),
                {.name = "id_or_auto", .type = GF_ARG_ONEOF,
                 GF_ARGS({.name = "auto_id", .type = GF_ARG_TOKEN, .token = "*"},
                         {.name = "id", .type = GF_ARG_STRING})},
                {.name = "field_value", .type = GF_ARG_BLOCK, .flags = GF_ARG_MULTIPLE,
                 GF_ARGS({.name = "field", .type = GF_ARG_STRING},
                         {.name = "value", .type = GF_ARG_STRING})}),
    },
    {
        .name = "XLEN", .run = gf_streams_xlen_run, .flags = GF_READ | GF_FAST, .arity = 2,
        ONE_KEY(GF_KEY_RO),
        .since = "5.0.0", .group = "stream", .complexity = "O(1)",
        .summary = "The number of entries in a stream.",
        GF_ARGS(KEY),
    },
    {
        .name = "XRANGE", .run = gf_streams_xrange_run, .flags = GF_READ | GF_SLICED, .arity = -4,
        ONE_KEY(GF_KEY_RO | GF_KEY_ACCESS),
        .history = range_history, .history_count = GF_COUNT(range_history),
        .since = "5.0.0", .group = "stream", .complexity = "O(N) in the entries of the answer",
        .summary = "The entries of a stream from one id to another.",
        GF_ARGS(KEY,
                {.name = "start", .type = GF_ARG_STRING},
                {.name = "end", .type = GF_ARG_STRING},
                COUNT_OPTION),
    },
    {
        .name = "XREVRANGE", .run = gf_streams_xrevrange_run,
        .flags = GF_READ | GF_SLICED, .arity = -4,
        ONE_KEY(GF_KEY_RO | GF_KEY_ACCESS),
        .history = range_history, .history_count = GF_COUNT(range_history),
        .since = "5.0.0", .group = "stream", .complexity = "O(N) in the entries of the answer",
        .summary = "The entries of a stream from one id down to another.",
        GF_ARGS(KEY,
                {.name = "end", .type = GF_ARG_STRING},
                {.name = "start", .type = GF_ARG_STRING},
                COUNT_OPTION),
    },
    {
        .name = "XREAD", .run = gf_streams_xread_run, .arity = -4,
        .flags = GF_READ | GF_BLOCKING | GF_MOVABLE,
        .find_keys = gf_streams_find_keys, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .key_specs = xread_keys, .key_specs_count = GF_COUNT(xread_keys),
        .since = "5.0.0", .group = "stream", .complexity = "O(N) in the entries of the answer",
        .summary = "The entries of several streams behind an id each; may wait for them.",
        GF_ARGS(COUNT_OPTION, BLOCK_OPTION, STREAMS_OPTION),
    },
    {
        .name = "XDEL", .run = gf_streams_xdel_run, .flags = GF_WRITE | GF_FAST, .arity = -3,
        ONE_KEY(GF_KEY_RW | GF_KEY_DELETE),
        .since = "5.0.0", .group = "stream",
        .complexity = "O(log N) for each id, N = blocks of the stream",
        .summary = "Removes entries from a stream.",
        GF_ARGS(KEY, {.name = "id", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "XTRIM", .run = gf_streams_xtrim_run, .flags = GF_WRITE | GF_SLICED, .arity = -4,
        ONE_KEY(GF_KEY_RW | GF_KEY_DELETE), .tips = "nondeterministic_output",
        .history = xtrim_history, .history_count = GF_COUNT(xtrim_history),
        .since = "5.0.0", .group = "stream",
        .complexity = "O(N) in the entries that go, whole blocks at a time",
        .summary = "Removes entries from the front of a stream.",
        GF_ARGS(KEY, TRIM(0)),
    },
    {
        .name = "XSETID", .run = gf_streams_xsetid_run, .flags = GF_WRITE | GF_GROWS | GF_FAST,
        .arity = -3, ONE_KEY(GF_KEY_RW | GF_KEY_UPDATE),
        .history = xsetid_history, .history_count = GF_COUNT(xsetid_history),
        .since = "5.0.0", .group = "stream", .complexity = "O(1)",
        .summary = "Sets the last id of a stream.",
        GF_ARGS(KEY,
                {.name = "last-id", .type = GF_ARG_STRING},
                {.name = "entries_added", .type = GF_ARG_INTEGER, .token = "ENTRIESADDED",
                 .since = "7.0.0", .flags = GF_ARG_OPTIONAL},
                {.name = "max_deleted_entry_id", .type = GF_ARG_STRING, .token = "MAXDELETEDID",
                 .since = "7.0.0", .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "XREADGROUP", .run = gf_streams_xreadgroup_run, .arity = -7,
        .flags = GF_WRITE | GF_BLOCKING | GF_MOVABLE,
        .find_keys = gf_streams_find_keys, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .key_specs = xreadgroup_keys, .key_specs_count = GF_COUNT(xreadgroup_keys),
        .since = "5.0.0", .group = "stream", .complexity = "O(N) in the entries of the answer",
        .summary = "Entries for a consumer of a group, which are pending from then on.",
        GF_ARGS({.name = "group_consumer", .type = GF_ARG_BLOCK, .token = "GROUP",
                 GF_ARGS({.name = "group", .type = GF_ARG_STRING},
                         {.name = "consumer", .type = GF_ARG_STRING})},
                COUNT_OPTION, BLOCK_OPTION,
                {.name = "noack", .type = GF_ARG_TOKEN, .token = "NOACK",
                 .flags = GF_ARG_OPTIONAL},
                STREAMS_OPTION),
    },
    {
        .name = "XACK", .run = gf_streams_xack_run, .flags = GF_WRITE | GF_FAST, .arity = -4,
        ONE_KEY(GF_KEY_RW | GF_KEY_UPDATE),
        .since = "5.0.0", .group = "stream",
        .complexity = "O(log N) for each id, N = what is pending",
        .summary = "Says that entries are done: they are no longer pending.",
        GF_ARGS(KEY,
                {.name = "group", .type = GF_ARG_STRING},
                {.name = "id", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "XPENDING", .run = gf_streams_xpending_run,
        .flags = GF_READ | GF_SLICED, .arity = -3,
        ONE_KEY(GF_KEY_RO | GF_KEY_ACCESS), .tips = "nondeterministic_output",
        .history = xpending_history, .history_count = GF_COUNT(xpending_history),
        .since = "5.0.0", .group = "stream",
        .complexity = "O(N) in the answer, with IDLE in what is looked at",
        .summary = "What was delivered to the consumers of a group and is not acknowledged.",
        GF_ARGS(KEY,
                {.name = "group", .type = GF_ARG_STRING},
                {.name = "filters", .type = GF_ARG_BLOCK, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "min-idle-time", .type = GF_ARG_INTEGER, .token = "IDLE",
                          .since = "6.2.0", .flags = GF_ARG_OPTIONAL},
                         {.name = "start", .type = GF_ARG_STRING},
                         {.name = "end", .type = GF_ARG_STRING},
                         {.name = "count", .type = GF_ARG_INTEGER},
                         {.name = "consumer", .type = GF_ARG_STRING,
                          .flags = GF_ARG_OPTIONAL})}),
    },
    {
        .name = "XCLAIM", .run = gf_streams_xclaim_run, .flags = GF_WRITE | GF_FAST, .arity = -6,
        ONE_KEY(GF_KEY_RW | GF_KEY_UPDATE), .tips = "nondeterministic_output",
        .since = "5.0.0", .group = "stream",
        .complexity = "O(log N) for each id, N = what is pending",
        .summary = "Gives pending entries to another consumer.",
        GF_ARGS(KEY,
                {.name = "group", .type = GF_ARG_STRING},
                {.name = "consumer", .type = GF_ARG_STRING},
                {.name = "min-idle-time", .type = GF_ARG_STRING},
                {.name = "id", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE},
                {.name = "ms", .type = GF_ARG_INTEGER, .token = "IDLE",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "unix-time-milliseconds", .type = GF_ARG_UNIX_TIME, .token = "TIME",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "count", .type = GF_ARG_INTEGER, .token = "RETRYCOUNT",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "force", .type = GF_ARG_TOKEN, .token = "FORCE",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "justid", .type = GF_ARG_TOKEN, .token = "JUSTID",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "id", .type = GF_ARG_STRING, .token = "LASTID",
                 .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "XAUTOCLAIM", .run = gf_streams_xautoclaim_run,
        .flags = GF_WRITE | GF_FAST | GF_SLICED,
        .arity = -6, ONE_KEY(GF_KEY_RW | GF_KEY_DELETE), .tips = "nondeterministic_output",
        .history = xautoclaim_history, .history_count = GF_COUNT(xautoclaim_history),
        .since = "6.2.0", .group = "stream", .complexity = "O(N) in what is looked at",
        .summary = "Gives entries that have been pending for long to another consumer.",
        GF_ARGS(KEY,
                {.name = "group", .type = GF_ARG_STRING},
                {.name = "consumer", .type = GF_ARG_STRING},
                {.name = "min-idle-time", .type = GF_ARG_STRING},
                {.name = "start", .type = GF_ARG_STRING},
                COUNT_OPTION,
                {.name = "justid", .type = GF_ARG_TOKEN, .token = "JUSTID",
                 .flags = GF_ARG_OPTIONAL}),
    },
};
/* clang-format on */

static const char *stream_encoding_name(const struct gf_object *object)
{
    (void)object;
    return "stream";
}

static void stream_free(void *value)
{
    gf_stream_destroy(value);
}

static bool stream_free_slice(void *value, uint64_t budget)
{
    return gf_stream_free_slice(value, budget);
}

static void *stream_copy(const void *value, struct gf_pace *pace)
{
    return gf_stream_copy(value, pace);
}

static size_t stream_memory(const void *value, uint64_t samples)
{
    return gf_stream_memory(value, samples);
}

static uint64_t stream_length(const void *value)
{
    return gf_stream_weight(value);
}

static uint64_t stream_digest(const struct gf_object *object, uint64_t seed)
{
    return gf_stream_digest(gf_object_pointer(object), seed);
}

static void stream_save(const struct gf_object *object, struct gf_saver *saver)
{
    gf_stream_save(gf_object_pointer(object), saver);
}

static bool stream_load(struct gf_loader *loader, struct gf_value *ret_value)
{
    struct gf_stream *stream = gf_stream_load(loader);

    if (stream)
        *ret_value = (struct gf_value){.type = GF_TYPE_STREAM, .pointer = stream};
    return stream != NULL;
}

static const struct gf_type stream_type = {
    .name = "stream",
    .id = GF_TYPE_STREAM,
    .encoding_name = stream_encoding_name,
    .free = stream_free,
    .free_slice = stream_free_slice,
    .copy = stream_copy,
    .memory = stream_memory,
    .length = stream_length,
    .digest = stream_digest,
    .save = stream_save,
    .load = stream_load,
};

const struct gf_module gf_streams_module = {
    .abi = GF_MODULE_ABI,
    .name = "streams",
    .type = &stream_type,
    .commands = stream_commands,
    .commands_count = GF_COUNT(stream_commands),
};
