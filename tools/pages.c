/* Prints a reference page in Markdown, from the tables that the server itself works with.
 *
 *   pages options     every option: type, default, range, CONFIG SET, what it does
 *   pages commands    every command: syntax, summary, since, complexity, flags
 *
 * tools/docs writes them to docs/, and says when what is there is stale.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/error.h"
#include "modules/command.h"
#include "modules/registry.h"
#include "shards/modules.h"
#include "shards/settings.h"

#define GROUPS_MAX 32
#define COMMANDS_MAX 1024
#define OPTIONS_HEAD                                                                               \
    "| option | type | default | range | CONFIG SET | what it does |\n"                            \
    "|---|---|---|---|---|---|\n"

static const char made_by[] =
    "Made by `tools/docs` from the tables of the program: change those.\n";

/* ---- options ------------------------------------------------------------------------------- */

static const char *const type_names[] = {
    [GF_OPTION_BOOL] = "yes or no", [GF_OPTION_UINT] = "number", [GF_OPTION_INT] = "number",
    [GF_OPTION_SIZE] = "size",      [GF_OPTION_ENUM] = "choice", [GF_OPTION_TEXT] = "text",
};

/* A size as people write it: 512mb. */
static void print_size(uint64_t size)
{
    static const char *const units[] = {"", "kb", "mb", "gb"};
    uint32_t unit = 0;

    while (size > 0 && size % 1024 == 0 && unit + 1 < GF_COUNT(units)) {
        size /= 1024;
        unit++;
    }
    printf("%" PRIu64 "%s", size, units[unit]);
}

static void print_default(const struct gf_option *row, const struct gf_settings *defaults)
{
    char value[1024];
    size_t size = gf_option_format(row, defaults, value, sizeof(value));

    if (size == 0) {
        printf("empty");
        return;
    }
    putchar('`');
    if (row->type == GF_OPTION_SIZE)
        print_size(row->initial.number);
    else
        printf("%.*s", (int)size, value);
    putchar('`');
}

static void print_range(const struct gf_option *row)
{
    switch (row->type) {
    case GF_OPTION_BOOL:
        printf("`yes`, `no`");
        break;
    case GF_OPTION_UINT:
    case GF_OPTION_INT:
        printf("%" PRIi64 " to %" PRIu64, row->min, row->max);
        break;
    case GF_OPTION_SIZE:
        print_size((uint64_t)row->min);
        if (row->max < INT64_MAX) {
            printf(" to ");
            print_size(row->max);
        } else {
            printf(" and more");
        }
        break;
    case GF_OPTION_ENUM:
        for (const struct gf_option_value *value = row->values; value->name; value++)
            printf("%s`%s`", value == row->values ? "" : ", ", value->name);
        break;
    case GF_OPTION_TEXT:
        break;
    }
}

/* Text in a table: '|' would end the cell, and '*' begin emphasis. */
static void print_cell(const char *text)
{
    for (; *text; text++) {
        if (strchr("|*<", *text))
            putchar('\\');
        putchar(*text);
    }
}

static int option_order(const void *a, const void *b)
{
    const struct gf_option *const *left = a;
    const struct gf_option *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

/* The options that have an effect, or those that have none. */
static void print_rows(const struct gf_option *const *sorted, size_t count, bool effective,
                       const struct gf_settings *defaults)
{
    for (size_t i = 0; i < count; i++) {
        const struct gf_option *row = sorted[i];
        char name[64];

        if (gf_option_has_effect(row) != effective)
            continue;
        printf("| `%s` | %s | ", gf_option_public_name(row, name), type_names[row->type]);
        print_default(row, defaults);
        printf(" | ");
        if (gf_option_is_constant(row))
            print_default(row, defaults);
        else
            print_range(row);
        printf(" | %s | ", gf_option_is_settable(row) ? "yes" : "no");
        print_cell(row->doc);
        printf(" |\n");
    }
}

static void print_options(void)
{
    size_t count;
    const struct gf_option *rows = gf_settings_rows(&count);
    const struct gf_option **sorted = calloc(count, sizeof(const struct gf_option *));
    struct gf_settings defaults;

    gf_settings_init(&defaults);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &rows[i];
    qsort(sorted, count, sizeof(*sorted), option_order);
    printf(
        "# Options\n\n%s\n"
        "An option is set by the command line (`--maxmemory 1gb`), by a variable of the "
        "environment\n(`GOFISH_MAXMEMORY=1gb`), or by a line of the file that `--config` names "
        "(`maxmemory 1gb`). The command\nline wins over the environment, and that over the file. "
        "What has a *yes* under CONFIG SET can also be\nchanged while the server runs. "
        "`-` and `_` are the same in a name, and a size may end in `kb`, `mb`\nor `gb` (powers "
        "of 1024) or in `k`, `m` or `g` (powers of 1000).\n\n" OPTIONS_HEAD,
        made_by);
    print_rows(sorted, count, true, &defaults);
    printf(
        "\n## Known from Redis, and without effect\n\n"
        "Tools and configuration files for Redis name these; nothing depends on them here. Where "
        "the range is\none value, another one would promise what this build does not do, and is "
        "refused.\n\n" OPTIONS_HEAD);
    print_rows(sorted, count, false, &defaults);
    gf_settings_deinit(&defaults);
    free(sorted);
}

/* ---- commands ------------------------------------------------------------------------------ */

static const struct {
    uint32_t flag;
    const char *name; /* "" = not shown */
} flag_names[] = {
#define FLAG_NAME(flag_, bit, name_) {.flag = (flag_), .name = (name_)},
    GF_COMMAND_FLAGS(FLAG_NAME)
#undef FLAG_NAME
};

static void print_flags(uint32_t flags)
{
    bool first = true;

    for (size_t i = 0; i < GF_COUNT(flag_names); i++) {
        if ((flags & flag_names[i].flag) == 0 || flag_names[i].name[0] == '\0')
            continue;
        printf("%s`%s`", first ? " · " : ", ", flag_names[i].name);
        first = false;
    }
}

/* Everything about a row below its heading. */
static void print_row(const struct gf_command *container, const struct gf_command *row)
{
    char syntax[GF_COMMAND_SYNTAX_SIZE];

    gf_command_syntax(row, syntax);
    GF_ASSERT(strlen(syntax) + 1 < sizeof(syntax)); /* not cut */
    printf("```\n%s%s%s\n```\n\n%s\n\n", container ? container->name : "", container ? " " : "",
           syntax, row->summary);
    printf("Since %s", row->since);
    if (row->complexity)
        printf(" · %s", row->complexity);
    print_flags(row->flags);
    printf("\n\n");
    if (row->deprecated_since)
        printf("Deprecated since %s%s%s.\n\n", row->deprecated_since,
               row->replaced_by ? "; instead: " : "", row->replaced_by ? row->replaced_by : "");
    for (uint32_t i = 0; i < row->history_count; i++)
        printf("* %s: %s\n%s", row->history[i].since, row->history[i].what,
               i + 1 == row->history_count ? "\n" : "");
}

static void print_command(const struct gf_command *row)
{
    printf("### %s\n\n", row->name);
    if (row->run)
        print_row(NULL, row);
    else
        printf("%s\n\n", row->summary);
    for (uint32_t i = 0; i < row->subcommands_count; i++) {
        printf("#### %s %s\n\n", row->name, row->subcommands[i].name);
        print_row(row, &row->subcommands[i]);
    }
}

static int command_order(const void *a, const void *b)
{
    const struct gf_command *const *left = a;
    const struct gf_command *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

/* The groups in the order in which the registry comes to them. Returns how many. */
static uint32_t list_groups(const struct gf_registry *registry, const char **ret_groups)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < gf_registry_count(registry); i++) {
        const char *group = gf_registry_at(registry, i)->group;
        uint32_t known = 0;

        while (known < count && strcmp(ret_groups[known], group) != 0)
            known++;
        if (known < count)
            continue;
        GF_ASSERT(count < GROUPS_MAX);
        ret_groups[count++] = group;
    }
    return count;
}

/* The commands of a group by name. Returns how many. */
static uint32_t list_commands(const struct gf_registry *registry, const char *group,
                              const struct gf_command **ret_rows)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < gf_registry_count(registry); i++) {
        const struct gf_command *row = gf_registry_at(registry, i);

        if (strcmp(row->group, group) != 0)
            continue;
        GF_ASSERT(count < COMMANDS_MAX);
        ret_rows[count++] = row;
    }
    qsort(ret_rows, count, sizeof(*ret_rows), command_order);
    return count;
}

/* A link as GitHub and others make them of headings. */
static void print_link(const char *name)
{
    printf("[%s](#", name);
    for (const char *c = name; *c; c++)
        putchar(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
    putchar(')');
}

static void print_index(const struct gf_registry *registry, const char *const *groups,
                        uint32_t groups_count)
{
    const struct gf_command *rows[COMMANDS_MAX];

    printf("| group | commands |\n|---|---|\n");
    for (uint32_t g = 0; g < groups_count; g++) {
        uint32_t count = list_commands(registry, groups[g], rows);

        printf("| %s | ", groups[g]);
        for (uint32_t i = 0; i < count; i++) {
            printf("%s", i > 0 ? " " : "");
            print_link(rows[i]->name);
        }
        printf(" |\n");
    }
}

static int print_commands(void)
{
    const struct gf_command *rows[COMMANDS_MAX];
    const char *groups[GROUPS_MAX];
    uint32_t groups_count;
    struct gf_registry *registry;
    char why[256];

    if (gf_registry_create(gf_server_modules, gf_server_modules_count, &registry, why,
                           sizeof(why)) != GF_OK) {
        fprintf(stderr, "pages: %s\n", why);
        return EXIT_FAILURE;
    }
    groups_count = list_groups(registry, groups);
    printf("# Commands\n\n%s\n"
           "`<word>` stands for a word of yours, `[…]` may be left out, `a|b` is one of both, and "
           "what `...` follows\nmay be repeated. *Since* names the first version of Redis with the "
           "command (of "
           "Redis or Valkey from 8.0.0\non). Behind it: how its time grows, and the flags that "
           "COMMAND INFO answers.\n\n",
           made_by);
    print_index(registry, groups, groups_count);
    for (uint32_t g = 0; g < groups_count; g++) {
        uint32_t count = list_commands(registry, groups[g], rows);

        printf("\n## %s\n", groups[g]);
        for (uint32_t i = 0; i < count; i++) {
            printf("\n");
            print_command(rows[i]);
        }
    }
    gf_registry_destroy(registry);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "options") == 0) {
        print_options();
        return EXIT_SUCCESS;
    }
    if (argc == 2 && strcmp(argv[1], "commands") == 0)
        return print_commands();
    fprintf(stderr, "usage: pages options|commands\n");
    return 2;
}
