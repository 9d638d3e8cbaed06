/* COMMAND: the table of commands, answered to clients. The rows, and what is not a row printed. */
#include "modules/command.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/category.h"

const struct gf_command *gf_command_find(const struct gf_registry *registry, struct gf_bytes name)
{
    const char *bar = name.size > 0 ? memchr(name.data, '|', name.size) : NULL;
    const struct gf_command *container;
    struct gf_bytes words[2] = {name};

    if (bar == NULL)
        return gf_registry_find(registry, name);
    words[0].size = (size_t)(bar - name.data);
    words[1] = (struct gf_bytes){.data = bar + 1, .size = name.size - words[0].size - 1};
    container = gf_registry_find(registry, words[0]);
    if (container == NULL || container->subcommands_count == 0)
        return NULL;
    return gf_registry_find_words(registry, words, 2, &container);
}

void gf_command_reply_name(struct gf_exec *x, const struct gf_command *row)
{
    char text[64];
    uint32_t row_id = gf_registry_row_id(x->registry, row);
    size_t size = gf_registry_row_name(x->registry, row_id, text);

    gf_reply_bulk(x->reply, (struct gf_bytes){.data = text, .size = size});
}

static void command_count(struct gf_exec *x)
{
    gf_reply_int(x->reply, gf_registry_count(x->registry));
}

enum list_filter {
    LIST_ALL,    /* top-level commands only, as Redis does; the filters see subcommands too */
    LIST_MODULE, /* of a module that was loaded: the built-in ones are none */
    LIST_ACLCAT,
    LIST_PATTERN,
};

/* What LIST was asked for. */
struct list_query {
    enum list_filter filter;
    struct gf_bytes pattern; /* PATTERN */
    uint32_t category;       /* ACLCAT */
};

static bool list_wants(struct gf_exec *x, const struct list_query *query, uint32_t row_id)
{
    char text[64];
    struct gf_bytes name = {.data = text};

    switch (query->filter) {
    case LIST_ALL:
        return row_id < gf_registry_count(x->registry);
    case LIST_MODULE:
        return false;
    case LIST_ACLCAT:
        return (gf_command_categories(gf_registry_row(x->registry, row_id)) & query->category) != 0;
    case LIST_PATTERN:
        name.size = gf_registry_row_name(x->registry, row_id, text);
        return gf_bytes_match(query->pattern, name, true);
    }
    return false;
}

static void command_list(struct gf_exec *x)
{
    struct list_query query = {.filter = LIST_ALL};
    uint64_t found = 0;

    gf_args_next(x->args); /* LIST */
    if (gf_args_left(x->args) > 0) {
        if (!gf_args_skip_if(x->args, "FILTERBY"))
            gf_args_fail(x->args, GF_MSG_SYNTAX);
        if (gf_args_skip_if(x->args, "MODULE"))
            query.filter = LIST_MODULE;
        else if (gf_args_skip_if(x->args, "ACLCAT"))
            query.filter = LIST_ACLCAT;
        else if (gf_args_skip_if(x->args, "PATTERN"))
            query.filter = LIST_PATTERN;
        else
            gf_args_fail(x->args, GF_MSG_SYNTAX);
        query.pattern = gf_args_next(x->args);
        query.category = gf_category_find(query.pattern);
    }
    if (!gf_args_finish(x->args, x->reply))
        return;

    struct gf_reply_open open = gf_reply_array_open(x->reply);
    for (uint32_t i = 0; i < gf_registry_rows(x->registry); i++) {
        if (!list_wants(x, &query, i))
            continue;
        gf_command_reply_name(x, gf_registry_row(x->registry, i));
        found++;
    }
    gf_reply_close(x->reply, open, found);
}

/* keys_in_range - unlike gf_command_keys this takes a list that breaks off (MSET a 1 b): the
 * question is which words are keys, not whether the command will run. */
static uint32_t keys_in_range(const struct gf_command *row, const struct gf_args *request,
                              uint32_t *ret_indexes)
{
    int64_t last = row->key_last < 0 ? (int64_t)request->count + row->key_last : row->key_last;
    uint32_t found = 0;

    for (int64_t i = row->key_first; i <= last; i += row->key_step)
        ret_indexes[found++] = (uint32_t)i;
    return found;
}

/* keys_complaint - why a command line has no keys, before they are looked for; or GF_MSG_NONE. */
static enum gf_message_id keys_complaint(const struct gf_command *row,
                                         const struct gf_args *request)
{
    if (row == NULL)
        return GF_MSG_INVALID_COMMAND;
    if ((row->key_first == 0 && row->find_keys == NULL) || (row->flags & GF_PUBSUB) != 0)
        return GF_MSG_NO_KEY_ARGUMENTS;
    if (!gf_command_arity_ok(row, request->count))
        return GF_MSG_INVALID_COMMAND_ARITY;
    return GF_MSG_NONE;
}

/* key_flags_of - what the request does with its i-th key, counted from 0. */
static uint32_t key_flags_of(const struct gf_command *row, const struct gf_args *request,
                             uint32_t i)
{
    if (row->find_key_flags != NULL)
        return row->find_key_flags(request->words, request->count);
    if (row->key_specs_count == 0)
        return row->key_flags;
    return row->key_specs[i < row->key_specs_count ? i : row->key_specs_count - 1].flags;
}

/* What GETKEYS and GETKEYSANDFLAGS are asked about, and what they found. */
struct keys_query {
    struct gf_args request; /* the command line in question */
    const struct gf_command *row;
    uint32_t *indexes; /* owned; room for one per word */
    uint32_t count;
    bool with_flags;
};

static void reply_keys(struct gf_reply *reply, const struct keys_query *query)
{
    gf_reply_array(reply, query->count);
    for (uint32_t i = 0; i < query->count; i++) {
        if (query->with_flags)
            gf_reply_array(reply, 2);
        gf_reply_bulk(reply, query->request.words[query->indexes[i]]);
        if (query->with_flags)
            gf_command_reply_key_flags(reply, key_flags_of(query->row, &query->request, i));
    }
}

static void find_keys(struct gf_exec *x, bool with_flags)
{
    const struct gf_args *args = x->args;
    struct keys_query query = {
        .request = {.words = args->words + 2, .count = args->count - 2},
        .with_flags = with_flags,
    };
    const struct gf_args *request = &query.request;
    const struct gf_command *container;
    enum gf_message_id error;

    query.row = gf_registry_find_words(x->registry, request->words, request->count, &container);
    error = keys_complaint(query.row, request);
    if (error != GF_MSG_NONE) {
        gf_reply_error(x->reply, error);
        return;
    }
    query.indexes = gf_alloc_try(GF_MEMORY_OTHER, request->count * sizeof(*query.indexes));
    if (query.indexes == NULL) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    if (query.row->find_keys != NULL)
        query.count =
            query.row->find_keys(request->words, request->count, query.indexes, request->count);
    else
        query.count = keys_in_range(query.row, request, query.indexes);

    if (query.count == 0)
        gf_reply_error(x->reply, GF_MSG_INVALID_COMMAND_WORDS);
    else
        reply_keys(x->reply, &query);
    gf_free(GF_MEMORY_OTHER, query.indexes);
}

static void command_getkeys(struct gf_exec *x)
{
    find_keys(x, false);
}

static void command_getkeysandflags(struct gf_exec *x)
{
    find_keys(x, true);
}

static const struct gf_history info_history[] = {
    {.since = "7.0.0", .what = "Without a name it answers all commands."},
};

/* clang-format off */
#define COMMAND_FLAGS (GF_LOADING_OK | GF_STALE_OK)

#define COMMAND_NAMES                                                                             \
    GF_ARGS({.name = "command-name", .type = GF_ARG_STRING,                                       \
             .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE})

static const struct gf_command subcommands[] = {
    {
        .name = "COUNT", .run = command_count, .flags = COMMAND_FLAGS, .arity = 2,
        .since = "2.8.13", .group = "server", .categories = "@connection", .complexity = "O(1)",
        .summary = "How many commands there are, subcommands not counted.",
    },
    {
        .name = "LIST", .run = command_list, .flags = COMMAND_FLAGS, .arity = -2,
        .since = "7.0.0", .group = "server", .categories = "@connection",
        .complexity = "O(N) in the number of commands",
        .summary = "The names of all commands, or of those that a filter lets through.",
        .tips = "nondeterministic_output_order",
        GF_ARGS({.name = "filterby", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 .token = "FILTERBY",
                 GF_ARGS({.name = "module-name", .type = GF_ARG_STRING, .token = "MODULE"},
                         {.name = "category", .type = GF_ARG_STRING, .token = "ACLCAT"},
                         {.name = "pattern", .type = GF_ARG_PATTERN, .token = "PATTERN"})}),
    },
    {
        .name = "INFO", .run = gf_command_info_run, .flags = COMMAND_FLAGS, .arity = -2,
        .since = "2.8.13", .group = "server", .categories = "@connection",
        .complexity = "O(N) in the number of names",
        .summary = "Arity, flags and keys of commands; of all of them without a name.",
        .tips = "nondeterministic_output_order",
        .history = info_history, .history_count = GF_COUNT(info_history),
        COMMAND_NAMES,
    },
    {
        .name = "DOCS", .run = gf_command_docs_run, .flags = COMMAND_FLAGS, .arity = -2,
        .since = "7.0.0", .group = "server", .categories = "@connection",
        .complexity = "O(N) in the number of names",
        .summary = "What commands do and take; of all of them without a name.",
        .tips = "nondeterministic_output_order",
        COMMAND_NAMES,
    },
    {
        .name = "GETKEYS", .run = command_getkeys, .flags = COMMAND_FLAGS, .arity = -4,
        .since = "2.8.13", .group = "server", .categories = "@connection",
        .complexity = "O(N) in the number of words",
        .summary = "The keys in a whole command line.",
    },
    {
        .name = "GETKEYSANDFLAGS", .run = command_getkeysandflags, .flags = COMMAND_FLAGS,
        .arity = -4,
        .since = "7.0.0", .group = "server", .categories = "@connection",
        .complexity = "O(N) in the number of words",
        .summary = "The keys in a whole command line, and what it does with each.",
    },
    {
        .name = "HELP", .run = gf_command_help_run, .flags = COMMAND_FLAGS, .arity = 2,
        .since = "5.0.0", .group = "server", .categories = "@connection", .complexity = "O(1)",
        .summary = "Prints this help.",
    },
};

static const struct gf_command commands[] = {
    {
        .name = "COMMAND", .run = gf_command_info_run, .flags = COMMAND_FLAGS, .arity = -1,
        .since = "2.8.13", .group = "server", .categories = "@connection",
        .complexity = "O(N) in the number of commands",
        .summary = "Arity, flags and keys of all commands.",
        .tips = "nondeterministic_output_order",
        .subcommands = subcommands, .subcommands_count = GF_COUNT(subcommands),
    },
};
/* clang-format on */

const struct gf_module gf_command_module = {
    .abi = GF_MODULE_ABI,
    .name = "command",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
