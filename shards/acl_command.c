/* ACL, as far as there is one user: WHOAMI, USERS, CAT. */
#include "core/assert.h"
#include "modules/category.h"
#include "modules/command.h"
#include "modules/registry.h"
#include "shards/session.h"

static void acl_whoami(struct gf_exec *x)
{
    gf_reply_bulk_text(x->reply, "default");
}

static void acl_users(struct gf_exec *x)
{
    gf_reply_array(x->reply, 1);
    gf_reply_bulk_text(x->reply, "default");
}

static void reply_commands(struct gf_exec *x, uint32_t category)
{
    struct gf_reply_open list = gf_reply_array_open(x->reply);
    uint64_t count = 0;

    for (uint32_t id = 0; id < gf_registry_rows(x->registry); id++) {
        const struct gf_command *row = gf_registry_row(x->registry, id);

        if ((gf_command_categories(row) & category) == 0)
            continue;
        count++;
        gf_command_reply_name(x, row);
    }
    gf_reply_close(x->reply, list, count);
}

static void acl_cat(struct gf_exec *x)
{
    uint64_t count = 0;

    if (x->args->count > 3) {
        gf_reply_error_format(x->reply, GF_MSG_SUBCOMMAND_WORDS, x->args->words[1],
                              GF_BYTES("ACL"));
        return;
    }
    if (x->args->count == 3) {
        uint32_t category = gf_category_find(x->args->words[2]);

        if (category == 0)
            gf_reply_error_format(x->reply, GF_MSG_UNKNOWN_CATEGORY, x->args->words[2],
                                  GF_BYTES(""));
        else
            reply_commands(x, category);
        return;
    }
    while (gf_category_name((uint32_t)count) != NULL)
        count++;
    gf_reply_array(x->reply, count);
    for (uint32_t i = 0; i < count; i++)
        gf_reply_bulk_text(x->reply, gf_category_name(i) + 1); /* without its @ */
}

#define ACL_FLAGS (GF_NOSCRIPT | GF_LOADING_OK | GF_STALE_OK)

/* clang-format off */
static const struct gf_command subcommands[] = {
    {
        .name = "CAT", .run = acl_cat, .flags = ACL_FLAGS, .arity = -2,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "The categories of commands, or the commands of one.",
        GF_ARGS({.name = "category", .type = GF_ARG_STRING, .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "USERS", .run = acl_users, .flags = ACL_FLAGS | GF_ADMIN, .arity = 2,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "The names of the users: default, the only one.",
    },
    {
        .name = "WHOAMI", .run = acl_whoami, .flags = ACL_FLAGS, .arity = 2,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "The user of this connection: default, the only one.",
    },
    {
        .name = "HELP", .run = gf_command_help_run, .flags = GF_LOADING_OK | GF_STALE_OK,
        .arity = 2,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "Prints what ACL can do.",
    },
};

static const struct gf_command commands[] = {
    {
        .name = "ACL", .arity = -2,
        .since = "6.0.0", .group = "server",
        .summary = "Users and categories of commands.",
        .subcommands = subcommands, .subcommands_count = GF_COUNT(subcommands),
    },
};
/* clang-format on */

const struct gf_module gf_acl_module = {
    .abi = GF_MODULE_ABI,
    .name = "acl",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
