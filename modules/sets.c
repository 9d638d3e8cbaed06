/* Sets: the type and the rows of its commands. */
#include "modules/sets.h"

#include "core/alloc.h"
#include "core/hash.h"
#include "modules/registry.h"

static uint32_t sintercard_keys(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                                uint32_t max)
{
    return gf_command_counted_keys(words, count, 1, ret_indexes, max);
}

static const struct gf_history several_members[] = {
    {.since = "2.4.0", .what = "Several members at once."},
};

static const struct gf_history spop_history[] = {
    {.since = "3.2.0", .what = "The count."},
};

static const struct gf_history srandmember_history[] = {
    {.since = "2.6.0", .what = "The count."},
};

static const struct gf_key_spec smove_keys[] = {
    {.flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_DELETE, .begin_index = 1, .step = 1},
    {.flags = GF_KEY_RW | GF_KEY_INSERT, .begin_index = 2, .step = 1},
};

static const struct gf_key_spec sintercard_key_specs[] = {
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 1, .step = 1, .counted = true},
};

static const struct gf_key_spec store_keys[] = {
    {.flags = GF_KEY_OW | GF_KEY_UPDATE, .begin_index = 1, .step = 1},
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 2, .last = -1, .step = 1},
};

static const struct gf_key_spec sinterstore_keys[] = {
    {.flags = GF_KEY_RW | GF_KEY_UPDATE, .begin_index = 1, .step = 1},
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 2, .last = -1, .step = 1},
};

/* clang-format off */

#define KEY {.name = "key", .type = GF_ARG_KEY}
#define KEYS {.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE}
#define DESTINATION {.name = "destination", .type = GF_ARG_KEY}
#define MEMBER {.name = "member", .type = GF_ARG_STRING}
#define MEMBERS {.name = "member", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE}

static const struct gf_command set_commands[] = {
    {
        .name = "SADD", .run = gf_set_sadd_run, .flags = GF_WRITE | GF_GROWS | GF_FAST, .arity = -3,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2, .key_flags = GF_KEY_RW | GF_KEY_INSERT,
        .history = several_members, .history_count = GF_COUNT(several_members),
        .since = "1.0.0", .group = "set", .complexity = "O(1) for each member",
        .summary = "Adds members to a set, which is made if need be; answers how many are new.",
        GF_ARGS(KEY, MEMBERS),
    },
    {
        .name = "SREM", .run = gf_set_srem_run, .flags = GF_WRITE | GF_FAST, .arity = -3,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2, .key_flags = GF_KEY_RW | GF_KEY_DELETE,
        .history = several_members, .history_count = GF_COUNT(several_members),
        .since = "1.0.0", .group = "set", .complexity = "O(1) for each member",
        .summary = "Takes members out of a set; a set without members is gone.",
        GF_ARGS(KEY, MEMBERS),
    },
    {
        .name = "SISMEMBER", .run = gf_set_sismember_run, .flags = GF_READ | GF_FAST, .arity = 3,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2, .key_flags = GF_KEY_RO,
        .since = "1.0.0", .group = "set", .complexity = "O(1)",
        .summary = "Whether a set has a member.",
        GF_ARGS(KEY, MEMBER),
    },
    {
        .name = "SMISMEMBER", .run = gf_set_smismember_run, .flags = GF_READ | GF_FAST, .arity = -3,
        .key_first = 1, .key_last = 1, .key_step = 1, .element = 2, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "6.2.0", .group = "set", .complexity = "O(1) for each member",
        .summary = "Whether a set has each of several members.",
        GF_ARGS(KEY, MEMBERS),
    },
    {
        .name = "SCARD", .run = gf_set_scard_run, .flags = GF_READ | GF_FAST, .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO,
        .since = "1.0.0", .group = "set", .complexity = "O(1)",
        .summary = "How many members a set has.",
        GF_ARGS(KEY),
    },
    {
        .name = "SMEMBERS", .run = gf_set_smembers_run, .flags = GF_READ | GF_SLICED, .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .tips = "nondeterministic_output_order",
        .since = "1.0.0", .group = "set", .complexity = "O(N), N = members of the set",
        .summary = "All members of a set.",
        GF_ARGS(KEY),
    },
    {
        .name = "SMOVE", .run = gf_set_smove_run, .flags = GF_WRITE | GF_FAST, .arity = 4,
        .key_first = 1, .key_last = 2, .key_step = 1,
        .key_specs = smove_keys, .key_specs_count = GF_COUNT(smove_keys),
        .since = "1.0.0", .group = "set", .complexity = "O(1)",
        .summary = "Takes a member out of one set and adds it to another.",
        GF_ARGS({.name = "source", .type = GF_ARG_KEY}, DESTINATION, MEMBER),
    },
    {
        .name = "SPOP", .run = gf_set_spop_run, .flags = GF_WRITE | GF_FAST | GF_SLICED, .arity = -2,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_DELETE,
        .tips = "nondeterministic_output",
        .history = spop_history, .history_count = GF_COUNT(spop_history),
        .since = "1.0.0", .group = "set", .complexity = "O(1) for each member taken out",
        .summary = "Takes members chosen at random out of a set and answers them.",
        GF_ARGS(KEY, {.name = "count", .type = GF_ARG_INTEGER, .flags = GF_ARG_OPTIONAL,
                      .since = "3.2.0"}),
    },
    {
        .name = "SRANDMEMBER", .run = gf_set_srandmember_run, .flags = GF_READ | GF_SLICED, .arity = -2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .tips = "nondeterministic_output",
        .history = srandmember_history, .history_count = GF_COUNT(srandmember_history),
        .since = "1.0.0", .group = "set",
        .complexity = "O(1) for each member; O(N), N = members of the set, for many of them",
        .summary = "Members of a set chosen at random: different ones, or any if the count is "
                   "negative.",
        GF_ARGS(KEY, {.name = "count", .type = GF_ARG_INTEGER, .flags = GF_ARG_OPTIONAL,
                      .since = "2.6.0"}),
    },
    {
        .name = "SINTER", .run = gf_set_sinter_run, .flags = GF_READ | GF_SLICED, .arity = -2,
        .key_first = 1, .key_last = -1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .tips = "nondeterministic_output_order",
        .since = "1.0.0", .group = "set",
        .complexity = "O(N*M), N = members of the smallest set, M = sets",
        .summary = "The members that several sets have in common.",
        GF_ARGS(KEYS),
    },
    {
        .name = "SINTERCARD", .run = gf_set_sintercard_run, .flags = GF_READ | GF_MOVABLE | GF_SLICED,
        .arity = -3, .find_keys = sintercard_keys, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .key_specs = sintercard_key_specs, .key_specs_count = GF_COUNT(sintercard_key_specs),
        .since = "7.0.0", .group = "set",
        .complexity = "O(N*M), N = members of the smallest set, M = sets",
        .summary = "How many members several sets have in common.",
        GF_ARGS({.name = "numkeys", .type = GF_ARG_INTEGER}, KEYS,
                {.name = "limit", .type = GF_ARG_INTEGER, .token = "LIMIT",
                 .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "SINTERSTORE", .run = gf_set_sinterstore_run, .flags = GF_WRITE | GF_GROWS | GF_SLICED,
        .arity = -3, .key_first = 1, .key_last = -1, .key_step = 1,
        .key_specs = sinterstore_keys, .key_specs_count = GF_COUNT(sinterstore_keys),
        .since = "1.0.0", .group = "set",
        .complexity = "O(N*M), N = members of the smallest set, M = sets",
        .summary = "Stores the members that several sets have in common.",
        GF_ARGS(DESTINATION, KEYS),
    },
    {
        .name = "SUNION", .run = gf_set_sunion_run, .flags = GF_READ | GF_SLICED, .arity = -2,
        .key_first = 1, .key_last = -1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .tips = "nondeterministic_output_order",
        .since = "1.0.0", .group = "set", .complexity = "O(N), N = members of all sets",
        .summary = "The members of several sets.",
        GF_ARGS(KEYS),
    },
    {
        .name = "SUNIONSTORE", .run = gf_set_sunionstore_run, .flags = GF_WRITE | GF_GROWS | GF_SLICED,
        .arity = -3, .key_first = 1, .key_last = -1, .key_step = 1,
        .key_specs = store_keys, .key_specs_count = GF_COUNT(store_keys),
        .since = "1.0.0", .group = "set", .complexity = "O(N), N = members of all sets",
        .summary = "Stores the members of several sets.",
        GF_ARGS(DESTINATION, KEYS),
    },
    {
        .name = "SDIFF", .run = gf_set_sdiff_run, .flags = GF_READ | GF_SLICED, .arity = -2,
        .key_first = 1, .key_last = -1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .tips = "nondeterministic_output_order",
        .since = "1.0.0", .group = "set",
        .complexity = "O(N*M), N = members of the first set, M = sets",
        .summary = "The members of a set that are not in any of the others.",
        GF_ARGS(KEYS),
    },
    {
        .name = "SDIFFSTORE", .run = gf_set_sdiffstore_run, .flags = GF_WRITE | GF_GROWS | GF_SLICED,
        .arity = -3, .key_first = 1, .key_last = -1, .key_step = 1,
        .key_specs = store_keys, .key_specs_count = GF_COUNT(store_keys),
        .since = "1.0.0", .group = "set",
        .complexity = "O(N*M), N = members of the first set, M = sets",
        .summary = "Stores the members of a set that are not in any of the others.",
        GF_ARGS(DESTINATION, KEYS),
    },
    {
        .name = "SSCAN", .run = gf_set_sscan_run, .flags = GF_READ, .arity = -3,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .tips = "nondeterministic_output",
        .since = "2.8.0", .group = "set",
        .complexity = "O(COUNT) for a call; O(N) for all of them, N = members of the set",
        .summary = "Some of the members of a set, and a cursor to get the next ones with.",
        GF_ARGS(KEY, {.name = "cursor", .type = GF_ARG_INTEGER},
                {.name = "pattern", .type = GF_ARG_PATTERN, .token = "MATCH",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "count", .type = GF_ARG_INTEGER, .token = "COUNT",
                 .flags = GF_ARG_OPTIONAL}),
    },
};

/* clang-format on */

static const char *set_encoding_name(const struct gf_object *object)
{
    switch ((enum gf_set_encoding)gf_object_encoding(object)) {
    case GF_SET_INTS:
        return "intset";
    case GF_SET_PACKED:
        return "listpack";
    case GF_SET_TABLE:
        return "hashtable";
    }
    gf_panic(__FILE__, __LINE__, "a set has one of its encodings");
}

static void set_free(void *value)
{
    gf_dict_deinit(value);
    gf_free(GF_MEMORY_DATA, value);
}

static bool set_free_slice(void *value, uint64_t budget)
{
    if (!gf_dict_free_slice(value, budget))
        return false;
    set_free(value);
    return true;
}

static void *set_copy(const void *value, struct gf_pace *pace)
{
    struct gf_dict *copy = gf_alloc(GF_MEMORY_DATA, sizeof(*copy));

    if (gf_dict_copy(copy, value, pace))
        return copy;
    gf_free(GF_MEMORY_DATA, copy);
    return NULL;
}

static size_t set_memory(const void *value, uint64_t samples)
{
    return gf_alloc_size(value) + gf_dict_memory(value, samples);
}

static uint64_t set_length(const void *value)
{
    return gf_dict_count(value);
}

static const void *set_prefetch(const void *value, struct gf_bytes element, uint32_t step,
                                const void *at)
{
    return gf_dict_prefetch(value, element, step, at);
}

/* Does not depend on the order: a sum. */
static uint64_t set_digest(const struct gf_object *object, uint64_t seed)
{
    char text[GF_PACKED_TEXT_MAX];
    struct gf_packed_view member;
    struct gf_set_walk walk;
    uint64_t sum = 0;

    gf_set_walk_init(&walk, object);
    while (gf_set_walk_next(&walk, &member)) {
        struct gf_bytes bytes = gf_packed_text(&member, text);

        sum += gf_hash64(bytes.data, bytes.size, seed);
    }
    return sum;
}

static const struct gf_type set_type = {
    .name = "set",
    .id = GF_TYPE_SET,
    .encoding_name = set_encoding_name,
    .free = set_free,
    .free_slice = set_free_slice,
    .copy = set_copy,
    .memory = set_memory,
    .length = set_length,
    .prefetch = set_prefetch,
    .digest = set_digest,
    .save = gf_set_save,
    .load = gf_set_load,
};

const struct gf_module gf_sets_module = {
    .abi = GF_MODULE_ABI,
    .name = "sets",
    .type = &set_type,
    .commands = set_commands,
    .commands_count = GF_COUNT(set_commands),
};
