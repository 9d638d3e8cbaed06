/* HELP of every container, printed from its rows: two lines for each subcommand. */
#include "core/assert.h"
#include "modules/command.h"

#define LINE_SIZE GF_COMMAND_SYNTAX_SIZE /* a longer line is cut */

/* A line being written. */
struct line {
    char text[LINE_SIZE];
    size_t size; /* bytes in use, below LINE_SIZE */
};

static void line_add(struct line *line, const char *text)
{
    size_t room = sizeof(line->text) - 1 - line->size;
    size_t size = strlen(text) < room ? strlen(text) : room;

    memcpy(line->text + line->size, text, size);
    line->size += size;
}

static void line_add_args(struct line *line, const struct gf_arg *args, uint32_t count,
                          const char *between);

/* line_add_bare - an argument without its brackets and dots. */
static void line_add_bare(struct line *line, const struct gf_arg *arg)
{
    if (arg->token != NULL)
        line_add(line, arg->token);
    if (arg->type == GF_ARG_TOKEN)
        return;
    if (arg->token != NULL)
        line_add(line, " ");
    if (arg->type == GF_ARG_ONEOF || arg->type == GF_ARG_BLOCK) {
        bool grouped = arg->type == GF_ARG_ONEOF && (arg->flags & GF_ARG_OPTIONAL) == 0;

        line_add(line, grouped ? "(" : "");
        line_add_args(line, arg->args, arg->args_count, arg->type == GF_ARG_ONEOF ? "|" : " ");
        line_add(line, grouped ? ")" : "");
        return;
    }
    line_add(line, "<");
    line_add(line, arg->name);
    line_add(line, ">");
}

static void line_add_args(struct line *line, const struct gf_arg *args, uint32_t count,
                          const char *between)
{
    for (uint32_t i = 0; i < count; i++) {
        bool optional = (args[i].flags & GF_ARG_OPTIONAL) != 0;

        line_add(line, i > 0 ? between : "");
        line_add(line, optional ? "[" : "");
        line_add_bare(line, &args[i]);
        line_add(line, (args[i].flags & GF_ARG_MULTIPLE) != 0 ? " ..." : "");
        line_add(line, optional ? "]" : "");
    }
}

static void line_add_syntax(struct line *line, const char *name, const struct gf_command *row)
{
    line_add(line, name);
    if (row->args_count > 0) {
        line_add(line, " ");
        line_add_args(line, row->args, row->args_count, " ");
    }
}

const char *gf_command_syntax(const struct gf_command *row, char *text)
{
    struct line line = {.size = 0};

    line_add_syntax(&line, row->name, row);
    memcpy(text, line.text, line.size);
    text[line.size] = '\0';
    return text;
}

static void line_reply(struct line *line, struct gf_reply *reply)
{
    gf_reply_status(reply, (struct gf_bytes){.data = line->text, .size = line->size});
    line->size = 0;
}

static void reply_row(struct gf_reply *reply, const char *name, const struct gf_command *row)
{
    struct line line = {.size = 0};

    line_add_syntax(&line, name, row);
    line_reply(&line, reply);
    line_add(&line, "    ");
    line_add(&line, row->summary);
    line_reply(&line, reply);
}

void gf_command_help_run(struct gf_exec *x)
{
    const struct gf_command *container = gf_registry_find(x->registry, x->args->words[0]);
    struct line line = {.size = 0};

    GF_ASSERT(container != NULL);
    gf_reply_array(x->reply,
                   1 + 2 * ((uint64_t)container->subcommands_count + (container->run != NULL)));
    line_add(&line, container->name);
    line_add(&line, " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    line_reply(&line, x->reply);
    if (container->run != NULL)
        reply_row(x->reply, "(no subcommand)", container);
    for (uint32_t i = 0; i < container->subcommands_count; i++)
        reply_row(x->reply, container->subcommands[i].name, &container->subcommands[i]);
}
