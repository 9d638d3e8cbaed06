/* Hashes: the rows of their commands. Those about when fields expire are in hashes_expire.c. */
#include "modules/hashes.h"

#include "core/assert.h"

static const struct gf_history hset_history[] = {
    {.since = "4.0.0", .what = "More than one field."},
};

static const struct gf_history hdel_history[] = {
    {.since = "2.4.0", .what = "More than one field."},
};

/* clang-format off */
#define KEY {.name = "key", .type = GF_ARG_KEY}
#define FIELD {.name = "field", .type = GF_ARG_STRING}
#define FIELDS {.name = "field", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE}
#define VALUE {.name = "value", .type = GF_ARG_STRING}
#define FIELD_VALUES                                                                              \
    {.name = "field_value", .type = GF_ARG_BLOCK, .flags = GF_ARG_MULTIPLE, GF_ARGS(FIELD, VALUE)}

/* The row of a command that answers all there is. */
#define WHOLE(command, function, what)                                                            \
    {                                                                                             \
        .name = command, .run = function, .arity = 2,                                             \
        .flags = GF_READ | GF_SLICED,                                                             \
        .key_first = 1, .key_last = 1, .key_step = 1,                                             \
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,                                                   \
        .tips = "nondeterministic_output_order",                                                  \
        .since = "2.0.0", .group = "hash", .complexity = "O(N), N = fields of the hash",          \
        .summary = what,                                                                          \
        GF_ARGS(KEY),                                                                             \
    }

static const struct gf_command commands[] = {
    {
        .name = "HSET", .run = gf_hash_hset_run, .arity = -4,
        .flags = GF_WRITE | GF_GROWS | GF_FAST,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,
        .key_flags = GF_KEY_RW | GF_KEY_UPDATE,
        .history = hset_history, .history_count = GF_COUNT(hset_history),
        .since = "2.0.0", .group = "hash", .complexity = "O(N) in the number of fields set",
        .summary = "Sets fields of a hash; answers how many are new.",
        GF_ARGS(KEY,
                FIELD_VALUES),
    },
    {
        .name = "HMSET", .run = gf_hash_hmset_run, .arity = -4,
        .flags = GF_WRITE | GF_GROWS | GF_FAST,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,
        .key_flags = GF_KEY_RW | GF_KEY_UPDATE,
        .deprecated_since = "4.0.0", .replaced_by = "`HSET` with multiple field-value pairs",
        .since = "2.0.0", .group = "hash", .complexity = "O(N) in the number of fields set",
        .summary = "Sets fields of a hash.",
        GF_ARGS(KEY,
                FIELD_VALUES),
    },
    {
        .name = "HSETNX", .run = gf_hash_hsetnx_run, .arity = 4,
        .flags = GF_WRITE | GF_GROWS | GF_FAST,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,
        .key_flags = GF_KEY_RW | GF_KEY_INSERT,
        .since = "2.0.0", .group = "hash", .complexity = "O(1)",
        .summary = "Sets a field of a hash that does not have it yet.",
        GF_ARGS(KEY,
                FIELD,
                VALUE),
    },
    {
        .name = "HGET", .run = gf_hash_hget_run, .arity = 3,
        .flags = GF_READ | GF_FAST,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "2.0.0", .group = "hash", .complexity = "O(1)",
        .summary = "The value of a field.",
        GF_ARGS(KEY,
                FIELD),
    },
    {
        .name = "HMGET", .run = gf_hash_hmget_run, .arity = -3,
        .flags = GF_READ | GF_FAST,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "2.0.0", .group = "hash", .complexity = "O(N) in the number of fields asked for",
        .summary = "The values of several fields.",
        GF_ARGS(KEY,
                FIELDS),
    },
    WHOLE("HGETALL", gf_hash_hgetall_run, "All fields with their values."),
    WHOLE("HKEYS", gf_hash_hkeys_run, "The names of all fields."),
    WHOLE("HVALS", gf_hash_hvals_run, "The values of all fields."),
    {
        .name = "HDEL", .run = gf_hash_hdel_run, .arity = -3,
        .flags = GF_WRITE | GF_FAST,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,
        .key_flags = GF_KEY_RW | GF_KEY_DELETE,
        .history = hdel_history, .history_count = GF_COUNT(hdel_history),
        .since = "2.0.0", .group = "hash", .complexity = "O(N) in the number of fields removed",
        .summary = "Removes fields; the key goes with the last one.",
        GF_ARGS(KEY,
                FIELDS),
    },
    {
        .name = "HLEN", .run = gf_hash_hlen_run, .arity = 2,
        .flags = GF_READ | GF_FAST,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO,
        .since = "2.0.0", .group = "hash",
        .complexity = "O(1), or O(N) in the fields that have expired since the last change",
        .summary = "The number of fields.",
        GF_ARGS(KEY),
    },
    {
        .name = "HEXISTS", .run = gf_hash_hexists_run, .arity = 3,
        .flags = GF_READ | GF_FAST,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,
        .key_flags = GF_KEY_RO,
        .since = "2.0.0", .group = "hash", .complexity = "O(1)",
        .summary = "Whether a hash has a field.",
        GF_ARGS(KEY,
                FIELD),
    },
    {
        .name = "HSTRLEN", .run = gf_hash_hstrlen_run, .arity = 3,
        .flags = GF_READ | GF_FAST,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,
        .key_flags = GF_KEY_RO,
        .since = "3.2.0", .group = "hash", .complexity = "O(1)",
        .summary = "The size of a field's value in bytes.",
        GF_ARGS(KEY,
                FIELD),
    },
    {
        .name = "HINCRBY", .run = gf_hash_hincrby_run, .arity = 4,
        .flags = GF_WRITE | GF_GROWS | GF_FAST,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE,
        .since = "2.0.0", .group = "hash", .complexity = "O(1)",
        .summary = "Adds to the integer in a field.",
        GF_ARGS(KEY,
                FIELD,
                {.name = "increment", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "HINCRBYFLOAT", .run = gf_hash_hincrbyfloat_run, .arity = 4,
        .flags = GF_WRITE | GF_GROWS | GF_FAST,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE,
        .since = "2.6.0", .group = "hash", .complexity = "O(1)",
        .summary = "Adds to the floating-point number in a field.",
        GF_ARGS(KEY,
                FIELD,
                {.name = "increment", .type = GF_ARG_DOUBLE}),
    },
    {
        .name = "HRANDFIELD", .run = gf_hash_hrandfield_run, .arity = -2,
        .flags = GF_READ | GF_SLICED,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .tips = "nondeterministic_output",
        .since = "6.2.0", .group = "hash", .complexity = "O(N) in the number of fields answered",
        .summary = "One field or several, chosen at random.",
        GF_ARGS(KEY,
                {.name = "options", .type = GF_ARG_BLOCK, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "count", .type = GF_ARG_INTEGER},
                         {.name = "withvalues", .type = GF_ARG_TOKEN, .token = "WITHVALUES",
                          .flags = GF_ARG_OPTIONAL})}),
    },
    {
        .name = "HSCAN", .run = gf_hash_hscan_run, .arity = -3,
        .flags = GF_READ,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .tips = "nondeterministic_output",
        .since = "2.8.0", .group = "hash",
        .complexity = "O(COUNT) for a call; O(N) for all of them, N = fields of the hash",
        .summary = "Some of the fields, and a cursor to get the next ones with.",
        GF_ARGS(KEY,
                {.name = "cursor", .type = GF_ARG_INTEGER},
                {.name = "pattern", .type = GF_ARG_PATTERN, .token = "MATCH",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "count", .type = GF_ARG_INTEGER, .token = "COUNT",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "novalues", .type = GF_ARG_TOKEN, .token = "NOVALUES",
                 .flags = GF_ARG_OPTIONAL, .since = "7.4.0"}),
    },
};
/* clang-format on */

const struct gf_module gf_hashes_module = {
    .abi = GF_MODULE_ABI,
    .name = "hashes",
    .type = &gf_hash_type,
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
