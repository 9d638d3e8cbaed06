/* Bitmaps: the rows of their commands, and SETBIT and GETBIT. The values are strings. */
#include "modules/bitmaps.h"

uint64_t gf_bitmap_offset_next(struct gf_exec *x, uint32_t width)
{
    struct gf_bytes word = gf_args_next(x->args);
    int64_t times = 1;
    int64_t offset;

    if (width > 0 && word.size > 0 && word.data[0] == '#') {
        word = (struct gf_bytes){.data = word.data + 1, .size = word.size - 1};
        times = width;
    }
    if (gf_bytes_parse_i64(word, &offset) && !__builtin_mul_overflow(offset, times, &offset) &&
        offset >= 0 && (uint64_t)offset / 8 < x->limits->bulk_size_max)
        return (uint64_t)offset;
    gf_args_fail(x->args, GF_MSG_BIT_OFFSET);
    return 0;
}

static bool bit_next(struct gf_args *args)
{
    int64_t bit;

    if (!gf_bytes_parse_i64(gf_args_next(args), &bit) || (bit != 0 && bit != 1)) {
        gf_args_fail(args, GF_MSG_BIT_VALUE);
        return false;
    }
    return bit != 0;
}

void gf_bitmap_setbit_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    uint64_t offset = gf_bitmap_offset_next(x, 0);
    bool bit = bit_next(x->args);
    char text[GF_I64_TEXT_MAX];
    struct gf_object *object;

    if (!gf_args_finish(x->args, x->reply) || !gf_string_find(x, key, &object))
        return;

    size_t before = object != NULL ? gf_string_bytes(object, text).size : 0;
    size_t size = offset / 8 < before ? before : offset / 8 + 1;
    char *data = gf_string_make_raw(x, key, object, size);

    if (data == NULL)
        return;

    bool old = gf_bits_get((struct gf_bytes){.data = data, .size = size}, offset, 1);

    gf_bits_set(data, offset, 1, bit);
    if (size > before || old != bit)
        gf_exec_changed(x, x->db, key, GF_EVENT_STRING, "setbit");
    gf_reply_int(x->reply, old);
}

void gf_bitmap_getbit_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    uint64_t offset = gf_bitmap_offset_next(x, 0);
    struct gf_bytes bytes = GF_BYTES("");
    char text[GF_I64_TEXT_MAX];
    struct gf_object *object;

    if (!gf_args_finish(x->args, x->reply) || !gf_string_find(x, key, &object))
        return;
    if (object != NULL)
        bytes = gf_string_bytes(object, text);
    gf_reply_int(x->reply, (int64_t)gf_bits_get(bytes, offset, 1));
}

static const struct gf_history unit_history[] = {
    {.since = "7.0.0", .what = "BYTE and BIT."},
};

static const struct gf_key_spec op_keys[] = {
    {.flags = GF_KEY_OW | GF_KEY_UPDATE, .begin_index = 2, .step = 1},
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 3, .last = -1, .step = 1},
};

/* clang-format off */

#define UNIT                                                                                      \
    {.name = "unit", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL, .since = "7.0.0",            \
     GF_ARGS({.name = "byte", .type = GF_ARG_TOKEN, .token = "BYTE"},                             \
             {.name = "bit", .type = GF_ARG_TOKEN, .token = "BIT"})}

#define FIELD_GET_ARGS                                                                            \
    GF_ARGS({.name = "encoding", .type = GF_ARG_STRING},                                          \
            {.name = "offset", .type = GF_ARG_INTEGER})

#define FIELD_SET_ARGS(last)                                                                      \
    GF_ARGS({.name = "encoding", .type = GF_ARG_STRING},                                          \
            {.name = "offset", .type = GF_ARG_INTEGER},                                           \
            {.name = last, .type = GF_ARG_INTEGER})

static const struct gf_command commands[] = {
    {
        .name = "SETBIT", .run = gf_bitmap_setbit_run, .flags = GF_WRITE | GF_GROWS, .arity = 4,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE,
        .since = "2.2.0", .group = "bitmap", .complexity = "O(1)",
        .summary = "Sets or clears one bit and answers what it was; the value grows as needed.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "offset", .type = GF_ARG_INTEGER},
                {.name = "value", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "GETBIT", .run = gf_bitmap_getbit_run, .flags = GF_READ | GF_FAST, .arity = 3,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "2.2.0", .group = "bitmap", .complexity = "O(1)",
        .summary = "One bit of a value.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "offset", .type = GF_ARG_INTEGER}),
    },
    {
        .name = "BITCOUNT", .run = gf_bitmap_count_run, .flags = GF_READ | GF_SLICED, .arity = -2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .history = unit_history, .history_count = GF_COUNT(unit_history),
        .since = "2.6.0", .group = "bitmap", .complexity = "O(N), N = bytes looked at",
        .summary = "How many bits of a value, or of a range of it, are set.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "range", .type = GF_ARG_BLOCK, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "start", .type = GF_ARG_INTEGER},
                         {.name = "end", .type = GF_ARG_INTEGER}, UNIT)}),
    },
    {
        .name = "BITPOS", .run = gf_bitmap_pos_run, .flags = GF_READ | GF_SLICED, .arity = -3,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .history = unit_history, .history_count = GF_COUNT(unit_history),
        .since = "2.8.7", .group = "bitmap", .complexity = "O(N), N = bytes looked at",
        .summary = "The first bit of a value, or of a range of it, that is set or clear.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "bit", .type = GF_ARG_INTEGER},
                {.name = "range", .type = GF_ARG_BLOCK, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "start", .type = GF_ARG_INTEGER},
                         {.name = "end-unit-block", .type = GF_ARG_BLOCK, .flags = GF_ARG_OPTIONAL,
                          GF_ARGS({.name = "end", .type = GF_ARG_INTEGER}, UNIT)})}),
    },
    {
        .name = "BITOP", .run = gf_bitmap_op_run, .flags = GF_WRITE | GF_GROWS, .arity = -4,
        .key_first = 2, .key_last = -1, .key_step = 1,
        .key_specs = op_keys, .key_specs_count = GF_COUNT(op_keys),
        .since = "2.6.0", .group = "bitmap", .complexity = "O(N), N = bytes of all values",
        .summary = "Combines values bit by bit and stores the result.",
        GF_ARGS({.name = "operation", .type = GF_ARG_ONEOF,
                 GF_ARGS({.name = "and", .type = GF_ARG_TOKEN, .token = "AND"},
                         {.name = "or", .type = GF_ARG_TOKEN, .token = "OR"},
                         {.name = "xor", .type = GF_ARG_TOKEN, .token = "XOR"},
                         {.name = "not", .type = GF_ARG_TOKEN, .token = "NOT"})},
                {.name = "destkey", .type = GF_ARG_KEY},
                {.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "BITFIELD", .run = gf_bitmap_field_run, .flags = GF_WRITE | GF_GROWS, .arity = -2,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE | GF_KEY_VARIABLE,
        .find_key_flags = gf_bitmap_field_key_flags,
        .since = "3.2.0", .group = "bitmap", .complexity = "O(1) for each integer",
        .summary = "Reads and writes integers of any width inside a value.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "operation", .type = GF_ARG_ONEOF,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE,
                 GF_ARGS({.name = "get-block", .type = GF_ARG_BLOCK, .token = "GET",
                          FIELD_GET_ARGS},
                         {.name = "write", .type = GF_ARG_BLOCK,
                          GF_ARGS({.name = "overflow-block", .type = GF_ARG_ONEOF,
                                   .token = "OVERFLOW", .flags = GF_ARG_OPTIONAL,
                                   GF_ARGS({.name = "wrap", .type = GF_ARG_TOKEN,
                                            .token = "WRAP"},
                                           {.name = "sat", .type = GF_ARG_TOKEN, .token = "SAT"},
                                           {.name = "fail", .type = GF_ARG_TOKEN,
                                            .token = "FAIL"})},
                                  {.name = "write-operation", .type = GF_ARG_ONEOF,
                                   GF_ARGS({.name = "set-block", .type = GF_ARG_BLOCK,
                                            .token = "SET", FIELD_SET_ARGS("value")},
                                           {.name = "incrby-block", .type = GF_ARG_BLOCK,
                                            .token = "INCRBY", FIELD_SET_ARGS("increment")})})})}),
    },
    {
        .name = "BITFIELD_RO", .run = gf_bitmap_field_ro_run, .flags = GF_READ | GF_FAST,
        .arity = -2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "6.0.0", .group = "bitmap", .complexity = "O(1) for each integer",
        .summary = "Reads integers of any width inside a value.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "get-block", .type = GF_ARG_BLOCK, .token = "GET",
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE | GF_ARG_MULTIPLE_TOKEN,
                 FIELD_GET_ARGS}),
    },
};
/* clang-format on */

const struct gf_module gf_bitmaps_module = {
    .abi = GF_MODULE_ABI,
    .name = "bitmaps",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
