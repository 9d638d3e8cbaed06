/* COMMAND DOCS: one row as a map. redis-cli takes its hints from here. */
#include "modules/command.h"

#include "core/assert.h"

static const char *const arg_type_names[] = {
    [GF_ARG_STRING] = "string",    [GF_ARG_INTEGER] = "integer", [GF_ARG_DOUBLE] = "double",
    [GF_ARG_KEY] = "key",          [GF_ARG_PATTERN] = "pattern", [GF_ARG_UNIX_TIME] = "unix-time",
    [GF_ARG_TOKEN] = "pure-token", [GF_ARG_ONEOF] = "oneof",     [GF_ARG_BLOCK] = "block",
};

static const struct {
    uint32_t flag;
    const char *name;
} arg_flag_names[] = {
    {.flag = GF_ARG_OPTIONAL, .name = "optional"},
    {.flag = GF_ARG_MULTIPLE, .name = "multiple"},
    {.flag = GF_ARG_MULTIPLE_TOKEN, .name = "multiple_token"},
};

/* A row whose arguments are being answered. */
struct docs {
    struct gf_reply *reply;
    uint32_t specs_count; /* key specifications of the row */
    uint32_t keys_seen;   /* key arguments answered so far */
};

static void reply_pair(struct gf_reply *reply, const char *name, const char *value)
{
    gf_reply_bulk_text(reply, name);
    gf_reply_bulk_text(reply, value);
}

static void reply_arg_flags(struct gf_reply *reply, uint32_t flags)
{
    gf_reply_bulk_text(reply, "flags");
    gf_reply_set(reply, (uint64_t)__builtin_popcount(flags));
    for (size_t i = 0; i < GF_COUNT(arg_flag_names); i++) {
        if ((flags & arg_flag_names[i].flag) != 0)
            gf_reply_status(reply, gf_bytes_of(arg_flag_names[i].name));
    }
}

static uint32_t arg_pairs(const struct gf_arg *arg)
{
    return 2 + (arg->type == GF_ARG_KEY) + (arg->token != NULL) + (arg->since != NULL) +
           (arg->flags != 0) + (arg->args_count > 0);
}

/* reply_arg - everything but the arguments inside it.
 *
 * The n-th key argument belongs to the n-th key specification, and all further ones to the last. */
static void reply_arg(struct docs *docs, const struct gf_arg *arg)
{
    gf_reply_map(docs->reply, arg_pairs(arg));
    reply_pair(docs->reply, "name", arg->name);
    reply_pair(docs->reply, "type", arg_type_names[arg->type]);
    if (arg->type == GF_ARG_KEY) {
        uint32_t index = docs->keys_seen++;

        if (index >= docs->specs_count)
            index = docs->specs_count > 0 ? docs->specs_count - 1 : 0;
        gf_reply_bulk_text(docs->reply, "key_spec_index");
        gf_reply_int(docs->reply, index);
    }
    if (arg->token != NULL)
        reply_pair(docs->reply, "token", arg->token);
    if (arg->since != NULL)
        reply_pair(docs->reply, "since", arg->since);
    if (arg->flags != 0)
        reply_arg_flags(docs->reply, arg->flags);
}

/* reply_args - as deep as the rows are nested, which is a few levels. */
static void reply_args(struct docs *docs, const struct gf_arg *args, uint32_t count)
{
    gf_reply_bulk_text(docs->reply, "arguments");
    gf_reply_array(docs->reply, count);
    for (uint32_t i = 0; i < count; i++) {
        reply_arg(docs, &args[i]);
        if (args[i].args_count > 0)
            reply_args(docs, args[i].args, args[i].args_count);
    }
}

static void reply_deprecated(struct gf_reply *reply, const struct gf_command *row)
{
    gf_reply_bulk_text(reply, "doc_flags");
    gf_reply_set(reply, 1);
    gf_reply_status(reply, GF_BYTES("deprecated"));
    reply_pair(reply, "deprecated_since", row->deprecated_since);
    if (row->replaced_by != NULL)
        reply_pair(reply, "replaced_by", row->replaced_by);
}

static void reply_history(struct gf_reply *reply, const struct gf_command *row)
{
    gf_reply_bulk_text(reply, "history");
    gf_reply_set(reply, row->history_count);
    for (uint32_t i = 0; i < row->history_count; i++) {
        gf_reply_array(reply, 2);
        gf_reply_bulk_text(reply, row->history[i].since);
        gf_reply_bulk_text(reply, row->history[i].what);
    }
}

static uint32_t row_pairs(const struct gf_command *row)
{
    uint32_t deprecated = row->deprecated_since ? 2 + (row->replaced_by != NULL) : 0;

    return 3 + (row->complexity != NULL) + deprecated + (row->history_count > 0) +
           (row->args_count > 0) + (row->subcommands_count > 0);
}

/* reply_fields - name and map of a row, but for its subcommands. */
static void reply_fields(struct gf_exec *x, const struct gf_command *row)
{
    struct docs docs = {.reply = x->reply, .specs_count = gf_command_key_specs(row)};

    gf_command_reply_name(x, row);
    gf_reply_map(x->reply, row_pairs(row));
    reply_pair(x->reply, "summary", row->summary);
    reply_pair(x->reply, "since", row->since);
    reply_pair(x->reply, "group", row->group);
    if (row->complexity != NULL)
        reply_pair(x->reply, "complexity", row->complexity);
    if (row->deprecated_since != NULL)
        reply_deprecated(x->reply, row);
    if (row->history_count > 0)
        reply_history(x->reply, row);
    if (row->args_count > 0)
        reply_args(&docs, row->args, row->args_count);
}

static void reply_row(struct gf_exec *x, const struct gf_command *row)
{
    reply_fields(x, row);
    if (row->subcommands_count == 0)
        return;
    gf_reply_bulk_text(x->reply, "subcommands");
    gf_reply_map(x->reply, row->subcommands_count);
    for (uint32_t i = 0; i < row->subcommands_count; i++)
        reply_fields(x, &row->subcommands[i]);
}

void gf_command_docs_run(struct gf_exec *x)
{
    uint32_t count = gf_registry_count(x->registry);
    uint64_t found = 0;

    gf_args_next(x->args); /* DOCS */
    if (gf_args_left(x->args) == 0) {
        gf_reply_map(x->reply, count);
        for (uint32_t i = 0; i < count; i++)
            reply_row(x, gf_registry_at(x->registry, i));
        return;
    }
    struct gf_reply_open open = gf_reply_map_open(x->reply);
    while (gf_args_left(x->args) > 0) {
        const struct gf_command *row = gf_command_find(x->registry, gf_args_next(x->args));

        if (row == NULL)
            continue; /* unknown names are left out */
        reply_row(x, row);
        found++;
    }
    gf_reply_close(x->reply, open, found);
}
