/* ACL, as far as there is one user, who may do everything.
 *
 * Whoever asks about users gets the truth about that one. Whoever wants another, or wants this one
 * to be less, is refused: a rule that was accepted and not kept would be a hole. The password is
 * the option requirepass; it is not shown, not even as a hash.
 */
#include "core/assert.h"
#include "core/core.h"
#include "modules/category.h"
#include "modules/command.h"
#include "modules/registry.h"
#include "shards/auth.h"
#include "shards/session.h"
#include "shards/worker.h"

#define USER "default"
#define GENPASS_BITS 256 /* when nothing else is asked for */
#define GENPASS_BITS_MAX 4096

static void acl_whoami(struct gf_exec *x)
{
    gf_reply_bulk_text(x->reply, USER);
}

static void acl_users(struct gf_exec *x)
{
    gf_reply_array(x->reply, 1);
    gf_reply_bulk_text(x->reply, USER);
}

static bool is_the_user(struct gf_bytes name)
{
    return gf_bytes_equal(name, GF_BYTES(USER));
}

static void acl_list(struct gf_exec *x)
{
    bool password = gf_auth_needed(gf_session_of(x)->worker);

    gf_reply_array(x->reply, 1);
    gf_reply_bulk_text(x->reply, password ? "user " USER " on ~* &* +@all"
                                          : "user " USER " on nopass ~* &* +@all");
}

static void acl_getuser(struct gf_exec *x)
{
    bool password = gf_auth_needed(gf_session_of(x)->worker);
    struct gf_reply *reply = x->reply;

    if (!is_the_user(x->args->words[2])) {
        gf_reply_null(reply);
        return;
    }
    gf_reply_map(reply, 6);
    gf_reply_bulk_text(reply, "flags");
    gf_reply_set(reply, password ? 1 : 2);
    gf_reply_bulk_text(reply, "on");
    if (!password)
        gf_reply_bulk_text(reply, "nopass");
    gf_reply_bulk_text(reply, "passwords");
    gf_reply_array(reply, 0);
    gf_reply_bulk_text(reply, "commands");
    gf_reply_bulk_text(reply, "+@all");
    gf_reply_bulk_text(reply, "keys");
    gf_reply_bulk_text(reply, "~*");
    gf_reply_bulk_text(reply, "channels");
    gf_reply_bulk_text(reply, "&*");
    gf_reply_bulk_text(reply, "selectors");
    gf_reply_array(reply, 0);
}

static void acl_setuser(struct gf_exec *x)
{
    gf_reply_error(x->reply, GF_MSG_ACL_ONE_USER);
}

/* How many of them were removed: none. */
static void acl_deluser(struct gf_exec *x)
{
    for (uint32_t i = 2; i < x->args->count; i++) {
        if (is_the_user(x->args->words[i])) {
            gf_reply_error(x->reply, GF_MSG_ACL_DEFAULT_STAYS);
            return;
        }
    }
    gf_reply_int(x->reply, 0);
}

static void acl_file(struct gf_exec *x)
{
    gf_reply_error(x->reply, GF_MSG_ACL_NO_FILE);
}

/* What is beyond the words of ACL LOG and GENPASS. */
static bool too_many_words(struct gf_exec *x, uint32_t count_max)
{
    if (x->args->count <= count_max)
        return false;
    gf_reply_error_format(x->reply, GF_MSG_SUBCOMMAND_WORDS, x->args->words[1], GF_BYTES("ACL"));
    return true;
}

/* Everybody may do everything, so nobody is ever refused by a rule. */
static void acl_log(struct gf_exec *x)
{
    int64_t count;

    if (too_many_words(x, 3))
        return;
    if (x->args->count == 2)
        gf_reply_array(x->reply, 0);
    else if (gf_bytes_is(x->args->words[2], "RESET"))
        gf_reply_ok(x->reply);
    else if (!gf_bytes_parse_i64(x->args->words[2], &count))
        gf_reply_error(x->reply, GF_MSG_NOT_INTEGER);
    else
        gf_reply_array(x->reply, 0);
}

/* A digit for every four bits, begun ones included. */
static void acl_genpass(struct gf_exec *x)
{
    struct gf_driver *driver = gf_session_of(x)->worker->core->driver;
    unsigned char random[GENPASS_BITS_MAX / 8];
    char digits[GENPASS_BITS_MAX / 4];
    int64_t bits = GENPASS_BITS;
    size_t size;

    if (too_many_words(x, 3))
        return;
    if (x->args->count == 3 && !gf_bytes_parse_i64(x->args->words[2], &bits)) {
        gf_reply_error(x->reply, GF_MSG_NOT_INTEGER);
        return;
    }
    if (bits <= 0 || bits > GENPASS_BITS_MAX) {
        gf_reply_error(x->reply, GF_MSG_ACL_GENPASS_BITS);
        return;
    }
    size = ((size_t)bits + 3) / 4;
    driver->ops->random(driver, random, (size + 1) / 2);
    for (size_t i = 0; i < size; i++)
        digits[i] = "0123456789abcdef"[random[i / 2] >> (i % 2 * 4) & 15];
    gf_reply_bulk(x->reply, (struct gf_bytes){.data = digits, .size = size});
}

/* user command word ...: the only one that may be refused is a command that is none. */
static void acl_dryrun(struct gf_exec *x)
{
    const struct gf_bytes *words = &x->args->words[3];
    uint32_t count = x->args->count - 3;
    const struct gf_command *container = NULL;
    const struct gf_command *row;
    char name[64];

    if (!is_the_user(x->args->words[2])) {
        gf_reply_error_format(x->reply, GF_MSG_ACL_USER, x->args->words[2], GF_BYTES(""));
        return;
    }
    row = gf_registry_find_words(x->registry, words, count, &container);
    if (!row) {
        gf_reply_error_format(x->reply, GF_MSG_ACL_COMMAND, words[0], GF_BYTES(""));
    } else if (!gf_command_arity_ok(row, count)) {
        size_t size = gf_registry_row_name(x->registry, gf_registry_row_id(x->registry, row), name);

        gf_reply_error_format(x->reply, GF_MSG_WRONG_ARITY,
                              (struct gf_bytes){.data = name, .size = size}, GF_BYTES(""));
    } else {
        gf_reply_ok(x->reply);
    }
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

    if (too_many_words(x, 3))
        return;
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
#define ACL_ADMIN (ACL_FLAGS | GF_ADMIN)

static const struct gf_history getuser_history[] = {
    {.since = "6.2.0", .what = "Says the patterns of channels."},
    {.since = "7.0.0", .what = "Has selectors; patterns are rules."},
};

static const struct gf_history setuser_history[] = {
    {.since = "6.2.0", .what = "Patterns of channels."},
    {.since = "7.0.0", .what = "Selectors and rights to single keys."},
};

/* clang-format off */
static const struct gf_command subcommands[] = {
    {
        .name = "CAT", .run = acl_cat, .flags = ACL_FLAGS, .arity = -2,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "The categories of commands, or the commands of one.",
        GF_ARGS({.name = "category", .type = GF_ARG_STRING, .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "DELUSER", .run = acl_deluser, .flags = ACL_ADMIN, .arity = -3,
        .since = "6.0.0", .group = "server", .complexity = "O(N) in the number of names",
        .summary = "Removes users; there are none that could be removed.",
        GF_ARGS({.name = "username", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "DRYRUN", .run = acl_dryrun, .flags = ACL_ADMIN, .arity = -4,
        .since = "7.0.0", .group = "server", .complexity = "O(1)",
        .summary = "Whether a user may run a command, without running it.",
        GF_ARGS({.name = "username", .type = GF_ARG_STRING},
                {.name = "command", .type = GF_ARG_STRING},
                {.name = "arg", .type = GF_ARG_STRING,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
    {
        .name = "GENPASS", .run = acl_genpass, .flags = ACL_FLAGS | GF_HOME, .arity = -2,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "A random password of so many bits, 256 if nothing is said.",
        GF_ARGS({.name = "bits", .type = GF_ARG_INTEGER, .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "GETUSER", .run = acl_getuser, .flags = ACL_ADMIN | GF_HOME, .arity = 3,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "What a user may do. Passwords are not shown.",
        .history = getuser_history, .history_count = GF_COUNT(getuser_history),
        GF_ARGS({.name = "username", .type = GF_ARG_STRING}),
    },
    {
        .name = "LIST", .run = acl_list, .flags = ACL_ADMIN | GF_HOME, .arity = 2,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "The users with their rules: default, who may do everything.",
    },
    {
        .name = "LOAD", .run = acl_file, .flags = ACL_ADMIN, .arity = 2,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "An error: there is no file of users.",
    },
    {
        .name = "LOG", .run = acl_log, .flags = ACL_ADMIN, .arity = -2,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "What users were refused by their rules: nothing.",
        GF_ARGS({.name = "operation", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "count", .type = GF_ARG_INTEGER},
                         {.name = "reset", .type = GF_ARG_TOKEN, .token = "RESET"})}),
    },
    {
        .name = "SAVE", .run = acl_file, .flags = ACL_ADMIN, .arity = 2,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "An error: there is no file of users.",
    },
    {
        .name = "SETUSER", .run = acl_setuser, .flags = ACL_ADMIN, .arity = -3,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "An error: this server has one user; requirepass is the password.",
        .history = setuser_history, .history_count = GF_COUNT(setuser_history),
        GF_ARGS({.name = "username", .type = GF_ARG_STRING},
                {.name = "rule", .type = GF_ARG_STRING,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
    {
        .name = "USERS", .run = acl_users, .flags = ACL_ADMIN, .arity = 2,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "The names of the users: default, the only one.",
    },
    {
        .name = "WHOAMI", .run = acl_whoami, .flags = ACL_FLAGS, .arity = 2,
        .since = "6.0.0", .group = "server", .complexity = "O(1)",
        .summary = "The user of this connection: default, the only one.",
    },
    GF_HELP_ROW("6.0.0", "server"),
};

static const struct gf_command commands[] = {
    {
        .name = "ACL", .arity = -2,
        .since = "6.0.0", .group = "server", .complexity = "As the subcommand's.",
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
