/* Commands that look at how a key is stored: OBJECT, MEMORY USAGE.
 *
 * None of them counts as an access of the key. A missing key is null for all of them.
 */
#include "core/assert.h"
#include "modules/command.h"
#include "modules/keyspace.h"
#include "modules/module.h"
#include "modules/place.h"

#define SAMPLES_DEFAULT 5 /* elements of a collection that MEMORY USAGE looks at */

/* The key, which stands behind the two names. */
static struct gf_place subcommand_place(struct gf_exec *x)
{
    x->args->index = (uint32_t)x->command->key_first;
    return gf_place_next(x);
}

/* Reads the key that is the command's only argument. NULL when the answer is given already: an
 * error, or null for a missing key. */
static const struct gf_object *object_read(struct gf_exec *x, struct gf_place *ret_place)
{
    struct gf_place place = subcommand_place(x);

    if (!gf_args_finish(x->args, x->reply))
        return NULL;

    const struct gf_object *object =
        gf_keyspace_peek(place.keyspace, place.hash, place.key, x->now_ms);

    gf_exec_count_lookup(x, object != NULL); /* no keymiss of it, as in Redis */
    if (object == NULL)
        gf_reply_null(x->reply);
    *ret_place = place;
    return object;
}

static void object_encoding(struct gf_exec *x)
{
    struct gf_place place;
    const struct gf_object *object = object_read(x, &place);

    if (object != NULL)
        gf_reply_bulk_text(x->reply, gf_place_type(&place, object)->encoding_name(object));
}

/* Values are never shared. */
static void object_refcount(struct gf_exec *x)
{
    struct gf_place place;

    if (object_read(x, &place) != NULL)
        gf_reply_int(x->reply, 1);
}

static void object_idletime(struct gf_exec *x)
{
    struct gf_place place;
    const struct gf_object *object = object_read(x, &place);

    if (object == NULL)
        return;
    if (gf_keyspace_context_of(place.keyspace)->lfu)
        gf_reply_error(x->reply, GF_MSG_LFU_SELECTED);
    else
        gf_reply_int(x->reply, (int64_t)(gf_object_idle_ms(object, x->now_ms) / 1000));
}

static void object_freq(struct gf_exec *x)
{
    struct gf_place place;
    const struct gf_object *object = object_read(x, &place);

    if (object == NULL)
        return;

    const struct gf_keyspace_context *context = gf_keyspace_context_of(place.keyspace);

    if (!context->lfu)
        gf_reply_error(x->reply, GF_MSG_LFU_NOT_SELECTED);
    else
        gf_reply_int(x->reply, gf_object_frequency(context, object, x->now_ms));
}

/* Bytes that a key takes with its value. */
static uint64_t object_bytes(const struct gf_place *place, const struct gf_object *object,
                             uint64_t samples)
{
    uint64_t size = gf_object_memory(object);

    if ((object->flags & GF_OBJECT_POINTER) != 0)
        size += gf_place_type(place, object)->memory(gf_object_pointer(object), samples);
    return size;
}

static void memory_usage(struct gf_exec *x)
{
    struct gf_place place = subcommand_place(x);
    int64_t samples = SAMPLES_DEFAULT;

    while (gf_args_skip_if(x->args, "SAMPLES"))
        samples = gf_args_next_range(x->args, 0, INT64_MAX, GF_MSG_SYNTAX);
    if (!gf_args_finish(x->args, x->reply))
        return;

    /* Neither a hit nor a miss, unlike what OBJECT asks. */
    const struct gf_object *object =
        gf_keyspace_peek(place.keyspace, place.hash, place.key, x->now_ms);

    if (object == NULL)
        gf_reply_null(x->reply);
    else
        gf_reply_int(x->reply, (int64_t)object_bytes(&place, object, (uint64_t)samples));
}

/* clang-format off */
static const struct gf_command object_subcommands[] = {
    {
        .name = "ENCODING", .run = object_encoding, .flags = GF_READ | GF_NO_TOUCH, .arity = 3,
        .key_first = 2, .key_last = 2, .key_step = 1, .key_flags = GF_KEY_RO,
        .since = "2.2.3", .group = "generic", .complexity = "O(1)",
        .summary = "How a value is represented in memory.",
        .tips = "nondeterministic_output",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "FREQ", .run = object_freq, .flags = GF_READ | GF_NO_TOUCH, .arity = 3,
        .key_first = 2, .key_last = 2, .key_step = 1, .key_flags = GF_KEY_RO,
        .since = "4.0.0", .group = "generic", .complexity = "O(1)",
        .summary = "How often a key was accessed lately, on a logarithmic scale.",
        .tips = "nondeterministic_output",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "IDLETIME", .run = object_idletime, .flags = GF_READ | GF_NO_TOUCH, .arity = 3,
        .key_first = 2, .key_last = 2, .key_step = 1, .key_flags = GF_KEY_RO,
        .since = "2.2.3", .group = "generic", .complexity = "O(1)",
        .summary = "Seconds since a key was accessed.",
        .tips = "nondeterministic_output",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "REFCOUNT", .run = object_refcount, .flags = GF_READ | GF_NO_TOUCH, .arity = 3,
        .key_first = 2, .key_last = 2, .key_step = 1, .key_flags = GF_KEY_RO,
        .since = "2.2.3", .group = "generic", .complexity = "O(1)",
        .summary = "How many references a value has: always 1.",
        .tips = "nondeterministic_output",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    GF_HELP_ROW("6.2.0", "generic"),
};

static const struct gf_command memory_subcommands[] = {
    {
        .name = "USAGE", .run = memory_usage, .flags = GF_READ | GF_NO_TOUCH, .arity = -3,
        .key_first = 2, .key_last = 2, .key_step = 1, .key_flags = GF_KEY_RO,
        .since = "4.0.0", .group = "server", .complexity = "O(N), N = samples",
        .summary = "Bytes that a key takes with its value.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "count", .type = GF_ARG_INTEGER, .token = "SAMPLES",
                 .flags = GF_ARG_OPTIONAL}),
    },
    GF_HELP_ROW("4.0.0", "server"),
};

static const struct gf_command object_commands[] = {
    {
        .name = "OBJECT", .arity = -2,
        .since = "2.2.3", .group = "generic", .complexity = "As the subcommand's.",
        .summary = "How a key is stored.",
        .subcommands = object_subcommands, .subcommands_count = GF_COUNT(object_subcommands),
    },
};

static const struct gf_command memory_commands[] = {
    {
        .name = "MEMORY", .arity = -2,
        .since = "4.0.0", .group = "server", .complexity = "As the subcommand's.",
        .summary = "Who holds how much memory.",
        .subcommands = memory_subcommands, .subcommands_count = GF_COUNT(memory_subcommands),
    },
};
/* clang-format on */

const struct gf_module gf_object_module = {
    .abi = GF_MODULE_ABI,
    .name = "object",
    .commands = object_commands,
    .commands_count = GF_COUNT(object_commands),
};

const struct gf_module gf_memory_module = {
    .abi = GF_MODULE_ABI,
    .name = "memory",
    .commands = memory_commands,
    .commands_count = GF_COUNT(memory_commands),
};
