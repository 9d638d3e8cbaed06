/* Strings: the type and the rows of its commands. */
#include "modules/strings.h"

#include "core/alloc.h"
#include "core/hash.h"
#include "modules/dump.h"

static const struct gf_history set_history[] = {
    {.since = "2.6.12", .what = "EX, PX, NX and XX."},
    {.since = "6.0.0", .what = "KEEPTTL."},
    {.since = "6.2.0", .what = "GET, EXAT and PXAT."},
    {.since = "7.0.0", .what = "NX and GET may be combined."},
};

/* clang-format off */

/* The ways to say when a key expires; SET and GETEX share them. */
#define SECONDS(...)                                                                              \
    {.name = "seconds", .type = GF_ARG_INTEGER, .token = "EX", __VA_ARGS__}
#define MILLISECONDS(...)                                                                         \
    {.name = "milliseconds", .type = GF_ARG_INTEGER, .token = "PX", __VA_ARGS__}
#define UNIX_SECONDS(...)                                                                         \
    {.name = "unix-time-seconds", .type = GF_ARG_UNIX_TIME, .token = "EXAT", __VA_ARGS__}
#define UNIX_MILLISECONDS(...)                                                                    \
    {.name = "unix-time-milliseconds", .type = GF_ARG_UNIX_TIME, .token = "PXAT", __VA_ARGS__}

static const struct gf_command string_commands[] = {
    {
        .name = "GET", .run = gf_string_get_run, .flags = GF_READ | GF_FAST, .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "1.0.0", .group = "string", .complexity = "O(1)",
        .summary = "The value of a key.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "SET", .run = gf_string_set_run, .flags = GF_WRITE | GF_GROWS, .arity = -3,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE | GF_KEY_VARIABLE,
        .find_key_flags = gf_string_set_key_flags,
        .history = set_history, .history_count = GF_COUNT(set_history),
        .since = "1.0.0", .group = "string", .complexity = "O(1)",
        .summary = "Stores a value under a key, whatever the key held before.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "value", .type = GF_ARG_STRING},
                {.name = "condition", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 .since = "2.6.12",
                 GF_ARGS({.name = "nx", .type = GF_ARG_TOKEN, .token = "NX"},
                         {.name = "xx", .type = GF_ARG_TOKEN, .token = "XX"})},
                {.name = "get", .type = GF_ARG_TOKEN, .flags = GF_ARG_OPTIONAL, .token = "GET",
                 .since = "6.2.0"},
                {.name = "expiration", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS(SECONDS(.since = "2.6.12"), MILLISECONDS(.since = "2.6.12"),
                         UNIX_SECONDS(.since = "6.2.0"), UNIX_MILLISECONDS(.since = "6.2.0"),
                         {.name = "keepttl", .type = GF_ARG_TOKEN, .token = "KEEPTTL",
                          .since = "6.0.0"})}),
    },
    {
        .name = "GETEX", .run = gf_string_getex_run, .flags = GF_WRITE | GF_FAST, .arity = -2,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE,
        .since = "6.2.0", .group = "string", .complexity = "O(1)",
        .summary = "The value of a key, whose expiry is set or removed at the same time.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "expiration", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS(SECONDS(), MILLISECONDS(), UNIX_SECONDS(), UNIX_MILLISECONDS(),
                         {.name = "persist", .type = GF_ARG_TOKEN, .token = "PERSIST"})}),
    },
    {
        .name = "GETDEL", .run = gf_string_getdel_run, .flags = GF_WRITE | GF_FAST, .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_DELETE,
        .since = "6.2.0", .group = "string", .complexity = "O(1)",
        .summary = "The value of a key, which is removed.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "GETSET", .run = gf_string_getset_run, .flags = GF_WRITE | GF_GROWS | GF_FAST,
        .arity = 3,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE,
        .deprecated_since = "6.2.0", .replaced_by = "`SET` with `GET`",
        .since = "1.0.0", .group = "string", .complexity = "O(1)",
        .summary = "Stores a value under a key and answers the one before.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "value", .type = GF_ARG_STRING}),
    },
    {
        .name = "SETNX", .run = gf_string_setnx_run, .flags = GF_WRITE | GF_GROWS | GF_FAST,
        .arity = 3,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_OW | GF_KEY_INSERT,
        .since = "1.0.0", .group = "string", .complexity = "O(1)",
        .summary = "Stores a value under a key that does not exist yet.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "value", .type = GF_ARG_STRING}),
    },
    {
        .name = "SETEX", .run = gf_string_setex_run, .flags = GF_WRITE | GF_GROWS, .arity = 4,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_OW | GF_KEY_UPDATE,
        .since = "2.0.0", .group = "string", .complexity = "O(1)",
        .summary = "Stores a value that expires after some seconds.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "seconds", .type = GF_ARG_INTEGER},
                {.name = "value", .type = GF_ARG_STRING}),
    },
    {
        .name = "PSETEX", .run = gf_string_psetex_run, .flags = GF_WRITE | GF_GROWS, .arity = 4,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_OW | GF_KEY_UPDATE,
        .since = "2.6.0", .group = "string", .complexity = "O(1)",
        .summary = "Stores a value that expires after some milliseconds.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "milliseconds", .type = GF_ARG_INTEGER},
                {.name = "value", .type = GF_ARG_STRING}),
    },
    {
        .name = "STRLEN", .run = gf_string_strlen_run, .flags = GF_READ | GF_FAST, .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO,
        .since = "2.2.0", .group = "string", .complexity = "O(1)",
        .summary = "The size of a value in bytes.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "MGET", .run = gf_string_mget_run, .flags = GF_READ | GF_FAST, .arity = -2,
        .key_first = 1, .key_last = -1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .merge = GF_MERGE_KEYS, .tips = "request_policy:multi_shard",
        .since = "1.0.0", .group = "string", .complexity = "O(N) in the number of keys",
        .summary = "The values of several keys.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "MSET", .run = gf_string_mset_run, .flags = GF_WRITE | GF_GROWS, .arity = -3,
        .key_first = 1, .key_last = -1, .key_step = 2, .key_flags = GF_KEY_OW | GF_KEY_UPDATE,
        .merge = GF_MERGE_OK,
        .tips = "request_policy:multi_shard|response_policy:all_succeeded",
        .since = "1.0.1", .group = "string", .complexity = "O(N) in the number of keys",
        .summary = "Stores several values, all at once.",
        GF_ARGS({.name = "key_value", .type = GF_ARG_BLOCK, .flags = GF_ARG_MULTIPLE,
                 GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                         {.name = "value", .type = GF_ARG_STRING})}),
    },
    {
        .name = "MSETNX", .run = gf_string_msetnx_run, .flags = GF_WRITE | GF_GROWS, .arity = -3,
        .key_first = 1, .key_last = -1, .key_step = 2, .key_flags = GF_KEY_OW | GF_KEY_INSERT,
        .tips = "request_policy:multi_shard|response_policy:agg_min",
        .since = "1.0.1", .group = "string", .complexity = "O(N) in the number of keys",
        .summary = "Stores several values, all of them or, when one key exists, none.",
        GF_ARGS({.name = "key_value", .type = GF_ARG_BLOCK, .flags = GF_ARG_MULTIPLE,
                 GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                         {.name = "value", .type = GF_ARG_STRING})}),
    },
    {
        .name = "APPEND", .run = gf_string_append_run, .flags = GF_WRITE | GF_GROWS | GF_FAST,
        .arity = 3,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_INSERT,
        .since = "2.0.0", .group = "string", .complexity = "O(1) for each byte added, on average",
        .summary = "Adds bytes to the end of a value.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "value", .type = GF_ARG_STRING}),
    },
    {
        .name = "GETRANGE", .run = gf_string_getrange_run, .flags = GF_READ, .arity = 4,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "2.4.0", .group = "string", .complexity = "O(N) in the size of the answer",
        .summary = "A part of a value, given by its first and last byte.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "start", .type = GF_ARG_INTEGER},
                {.name = "end", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "SUBSTR", .run = gf_string_getrange_run, .flags = GF_READ, .arity = 4,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .deprecated_since = "2.0.0", .replaced_by = "`GETRANGE`",
        .since = "1.0.0", .group = "string", .complexity = "O(N) in the size of the answer",
        .summary = "An older name of GETRANGE.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "start", .type = GF_ARG_INTEGER},
                {.name = "end", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "SETRANGE", .run = gf_string_setrange_run, .flags = GF_WRITE | GF_GROWS, .arity = 4,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_UPDATE,
        .since = "2.2.0", .group = "string", .complexity = "O(N) in the size of the new part",
        .summary = "Overwrites a part of a value; what was missing before it becomes zero bytes.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "offset", .type = GF_ARG_INTEGER},
                {.name = "value", .type = GF_ARG_STRING}),
    },
    {
        .name = "INCR", .run = gf_string_incr_run, .flags = GF_WRITE | GF_GROWS | GF_FAST,
        .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE,
        .since = "1.0.0", .group = "string", .complexity = "O(1)",
        .summary = "Adds one to an integer.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "DECR", .run = gf_string_decr_run, .flags = GF_WRITE | GF_GROWS | GF_FAST,
        .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE,
        .since = "1.0.0", .group = "string", .complexity = "O(1)",
        .summary = "Takes one from an integer.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "INCRBY", .run = gf_string_incrby_run, .flags = GF_WRITE | GF_GROWS | GF_FAST,
        .arity = 3,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE,
        .since = "1.0.0", .group = "string", .complexity = "O(1)",
        .summary = "Adds to an integer.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "increment", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "DECRBY", .run = gf_string_decrby_run, .flags = GF_WRITE | GF_GROWS | GF_FAST,
        .arity = 3,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE,
        .since = "1.0.0", .group = "string", .complexity = "O(1)",
        .summary = "Takes from an integer.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "decrement", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "INCRBYFLOAT", .run = gf_string_incrbyfloat_run,
        .flags = GF_WRITE | GF_GROWS | GF_FAST, .arity = 3,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE,
        .since = "2.6.0", .group = "string", .complexity = "O(1)",
        .summary = "Adds to a floating-point number.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "increment", .type = GF_ARG_DOUBLE}),
    },
    {
        .name = "LCS", .run = gf_string_lcs_run, .flags = GF_READ, .arity = -3,
        .key_first = 1, .key_last = 2, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "7.0.0", .group = "string", .complexity = "O(N*M) in the sizes of the two values",
        .summary = "The longest common subsequence of two values.",
        GF_ARGS({.name = "key1", .type = GF_ARG_KEY},
                {.name = "key2", .type = GF_ARG_KEY},
                {.name = "len", .type = GF_ARG_TOKEN, .flags = GF_ARG_OPTIONAL, .token = "LEN"},
                {.name = "idx", .type = GF_ARG_TOKEN, .flags = GF_ARG_OPTIONAL, .token = "IDX"},
                {.name = "len", .type = GF_ARG_INTEGER, .flags = GF_ARG_OPTIONAL,
                 .token = "MINMATCHLEN"},
                {.name = "withmatchlen", .type = GF_ARG_TOKEN, .flags = GF_ARG_OPTIONAL,
                 .token = "WITHMATCHLEN"}),
    },
};

/* clang-format on */

static const char *string_encoding_name(const struct gf_object *object)
{
    switch ((enum gf_string_encoding)gf_object_encoding(object)) {
    case GF_STRING_INT:
        return "int";
    case GF_STRING_EMBSTR:
        return "embstr";
    case GF_STRING_RAW:
        return "raw";
    }
    gf_panic(__FILE__, __LINE__, "a string has one of its encodings");
}

/* A number hashes as its text does. */
static uint64_t string_digest(const struct gf_object *object, uint64_t seed)
{
    char number[GF_I64_TEXT_MAX];
    struct gf_bytes bytes = gf_string_bytes(object, number);

    return gf_hash64(bytes.data, bytes.size, seed);
}

static void string_save(const struct gf_object *object, struct gf_saver *saver)
{
    uint8_t encoding = gf_object_encoding(object);

    gf_save_u64(saver, encoding);
    if (encoding == GF_STRING_INT)
        gf_save_i64(saver, gf_object_int(object));
    else
        gf_save_bytes(saver, gf_object_bytes(object));
}

static bool string_load(struct gf_loader *loader, struct gf_value *ret_value)
{
    uint64_t encoding = gf_load_u64(loader);
    int64_t number;
    struct gf_bytes bytes = {.data = (const char *)&number, .size = sizeof(number)};
    char *block;

    if (encoding == GF_STRING_INT)
        number = gf_load_i64(loader);
    else
        bytes = gf_load_bytes(loader);
    if (encoding > GF_STRING_RAW ||
        (encoding == GF_STRING_EMBSTR && bytes.size > GF_STRING_EMBSTR_MAX) ||
        !gf_loader_ok(loader))
        return false;
    block = gf_alloc_try(GF_MEMORY_DATA, bytes.size);
    if (block == NULL)
        return false;
    memcpy(block, bytes.data, bytes.size);
    *ret_value = (struct gf_value){.type = GF_TYPE_STRING,
                                   .encoding = (uint8_t)encoding,
                                   .bytes = {.data = block, .size = bytes.size}};
    return true;
}

static const struct gf_type string_type = {
    .name = "string",
    .id = GF_TYPE_STRING,
    .encoding_name = string_encoding_name,
    .digest = string_digest,
    .save = string_save,
    .load = string_load,
};

const struct gf_module gf_strings_module = {
    .abi = GF_MODULE_ABI,
    .name = "strings",
    .type = &string_type,
    .commands = string_commands,
    .commands_count = GF_COUNT(string_commands),
};
