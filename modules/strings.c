/* Strings: the type and the rows of its commands. */
#include "modules/strings.h"

/* clang-format off */
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
        .since = "1.0.0", .group = "string", .complexity = "O(1)",
        .summary = "Sets a key to a value, whatever it held before.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "value", .type = GF_ARG_STRING}),
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

static const struct gf_type string_type = {
    .name = "string",
    .id = GF_TYPE_STRING,
    .encoding_name = string_encoding_name,
};

const struct gf_module gf_strings_module = {
    .abi = GF_MODULE_ABI,
    .name = "strings",
    .type = &string_type,
    .commands = string_commands,
    .commands_count = GF_COUNT(string_commands),
};
