/* The self-check of the modules a registry is built from: every rule is one line here. */
#include "modules/registry_check.h"

#include <stdio.h>

#include "core/assert.h"
#include "core/error.h"
#include "modules/object.h"

static const char *const groups[] = {
    "generic", "string", "list",         "set",        "sorted-set", "hash",
    "pubsub",  "server", "transactions", "connection", "scripting",  "hyperloglog",
    "cluster", "geo",    "stream",       "bitmap",     "module",
};

static bool group_is_known(const char *group)
{
    for (size_t i = 0; i < GF_COUNT(groups); i++) {
        if (strcmp(groups[i], group) == 0)
            return true;
    }
    return false;
}

/* name_is_good - upper case letters, digits, '-', '_' and '.', and not too long. */
static bool name_is_good(const char *name)
{
    size_t size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

    return size > 0 && size <= GF_COMMAND_NAME_MAX && name[size] == '\0';
}

/* The broken rule of a row's keys, or NULL. */
static const char *keys_complaint(const struct gf_command *row)
{
    int words = row->arity >= 0 ? row->arity : -row->arity;

    if ((row->flags & GF_MOVABLE) != 0 && row->find_keys == NULL)
        return "GF_MOVABLE needs find_keys";
    if (row->key_specs_count > 0 && row->key_specs == NULL)
        return "key_specs_count without key_specs";
    if (row->finds_more != NULL && (row->key_first == 0 || row->merge != GF_MERGE_NONE))
        return "finds_more needs key_first, and no merge";
    if (row->key_first == 0) {
        if (row->key_last != 0 || row->key_step != 0)
            return "key_last or key_step without key_first";
        if (row->key_flags != 0 && row->find_keys == NULL)
            return "key_flags without keys";
        return NULL;
    }
    if (row->key_first < 1 || (row->key_first >= words && (row->flags & GF_PUBSUB) == 0))
        return "key_first is not within the arity";
    if (row->key_step < 1)
        return "key_step must be at least 1";
    if (row->key_last >= 0 && row->key_last < row->key_first)
        return "key_last is before key_first";
    if (row->key_last >= words)
        return "key_last is not within the arity";
    if (row->key_flags == 0 && row->key_specs_count == 0)
        return "keys need key_flags or key_specs";
    if ((row->flags & GF_ALL_KEYS) != 0)
        return "GF_ALL_KEYS contradicts key_first";
    return NULL;
}

static const char *flags_complaint(const struct gf_command *row)
{
    bool keyed = (row->key_first != 0 || row->find_keys != NULL) && (row->flags & GF_PUBSUB) == 0;

    if ((row->flags & GF_WRITE) != 0 && (row->flags & GF_READ) != 0)
        return "GF_WRITE contradicts GF_READ";
    if ((row->flags & GF_BLOCKING) != 0 && (row->flags & GF_FAST) != 0 &&
        (row->flags & GF_WRITE) == 0)
        return "a GF_BLOCKING GF_FAST command must be a GF_WRITE";
    if (row->merge != GF_MERGE_NONE && !keyed && (row->flags & GF_ALL_KEYS) == 0)
        return "merge without keys";
    if (row->merge == GF_MERGE_KEYS && row->key_first == 0)
        return "GF_MERGE_KEYS needs key_first";
    if (keyed && (row->flags & (GF_WRITE | GF_READ | GF_HOME)) == 0)
        return "keys need GF_WRITE, GF_READ or GF_HOME";
    return NULL;
}

static const char *docs_complaint(const struct gf_command *row)
{
    if (row->since == NULL || row->summary == NULL)
        return "since or summary is missing";
    if (row->complexity == NULL && row->subcommands_count == 0)
        return "complexity is missing";
    if (row->group == NULL || !group_is_known(row->group))
        return "group is missing or unknown";
    if (row->args_count > 0 && row->args == NULL)
        return "args_count without args";
    return NULL;
}

static const char *row_complaint(const struct gf_command *row)
{
    const char *complaint;

    if (row->name == NULL)
        return "name is missing";
    if (!name_is_good(row->name))
        return "name must be upper case, at most 30 bytes";
    if (row->arity == 0)
        return "arity must not be 0";
    if (row->run == NULL && row->subcommands_count == 0)
        return "run is missing";
    complaint = keys_complaint(row);
    if (complaint == NULL)
        complaint = flags_complaint(row);
    if (complaint == NULL)
        complaint = docs_complaint(row);
    return complaint;
}

static const char *subcommand_complaint(const struct gf_command *container, uint32_t index)
{
    const struct gf_command *row = &container->subcommands[index];

    if (row->name == NULL)
        return "name is missing";
    if (row->arity > -2 && row->arity < 2)
        return "a subcommand's arity counts both names";
    if (row->subcommands_count > 0)
        return "a subcommand has no subcommands";
    if (row->run == NULL)
        return "run is missing";
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(container->subcommands[i].name, row->name) == 0)
            return "another subcommand has this name";
    }
    return row_complaint(row);
}

/* row_is_open - only its subcommands do anything, so other modules may add theirs. */
static bool row_is_open(const struct gf_command *row)
{
    return row->run == NULL && row->subcommands_count > 0;
}

static bool row_has_subcommand(const struct gf_command *row, const char *name)
{
    for (uint32_t i = 0; i < row->subcommands_count; i++) {
        if (strcmp(row->subcommands[i].name, name) == 0)
            return true;
    }
    return false;
}

/* namesakes_complaint - what is wrong with `row` and `other`, which has the same name. */
static const char *namesakes_complaint(const struct gf_command *row, const struct gf_command *other)
{
    if (!row_is_open(row) || !row_is_open(other))
        return "another command has this name";
    for (uint32_t i = 0; i < row->subcommands_count; i++) {
        if (row_has_subcommand(other, row->subcommands[i].name))
            return "another module has a subcommand of this";
    }
    return NULL;
}

/* name_complaint - about the rows with the same name in front of a module's index-th: in that
 * module and in those before it. */
static const char *name_complaint(const struct gf_module_list *list, uint32_t module,
                                  uint32_t index)
{
    const struct gf_command *row = &list->modules[module]->commands[index];
    const char *complaint = NULL;

    for (uint32_t i = 0; i <= module && complaint == NULL; i++) {
        uint32_t end = i < module ? list->modules[i]->commands_count : index;

        for (uint32_t j = 0; j < end && complaint == NULL; j++) {
            const struct gf_command *other = &list->modules[i]->commands[j];

            if (strcmp(other->name, row->name) == 0)
                complaint = namesakes_complaint(row, other);
        }
    }
    return complaint;
}

static const char *type_complaint(const struct gf_module_list *list, uint32_t module)
{
    const struct gf_type *type = list->modules[module]->type;

    if (type == NULL)
        return NULL;
    if (type->id >= GF_TYPES_MAX)
        return "the type's id is out of range";
    if (type->name == NULL || type->encoding_name == NULL)
        return "the type's name or encoding_name is missing";
    for (uint32_t i = 0; i < module; i++) {
        const struct gf_type *other = list->modules[i]->type;

        if (other != NULL && other->id == type->id)
            return "another type has this id";
        if (other != NULL && strcmp(other->name, type->name) == 0)
            return "another type has this name";
    }
    if (type->save == NULL || type->load == NULL)
        return "the type's save or load is missing";
    return NULL;
}

static const char *module_complaint(const struct gf_module_list *list, uint32_t module)
{
    const struct gf_module *self = list->modules[module];

    if (self->abi != GF_MODULE_ABI)
        return "built for another version of modules/module.h";
    if (self->name == NULL)
        return "the module has no name";
    return type_complaint(list, module);
}

/* One rule broken: where, and which. */
struct complaint {
    const char *module;
    const char *command;    /* "" = the module itself */
    const char *subcommand; /* "" = the command itself */
    const char *text;       /* NULL = nothing is wrong */
};

static const char *row_name(const struct gf_command *row)
{
    return row->name != NULL ? row->name : "(no name)";
}

static struct complaint command_check(const struct gf_module_list *list, uint32_t module,
                                      uint32_t index)
{
    const struct gf_command *row = &list->modules[module]->commands[index];
    struct complaint complaint = {
        .module = list->modules[module]->name,
        .command = row_name(row),
        .subcommand = "",
    };

    complaint.text = row_complaint(row);
    for (uint32_t i = 0; complaint.text == NULL && i < row->subcommands_count; i++) {
        complaint.text = subcommand_complaint(row, i);
        complaint.subcommand = complaint.text ? row_name(&row->subcommands[i]) : "";
    }
    if (complaint.text == NULL)
        complaint.text = name_complaint(list, module, index);
    return complaint;
}

static struct complaint module_check(const struct gf_module_list *list, uint32_t module)
{
    const struct gf_module *self = list->modules[module];
    struct complaint complaint = {
        .module = self->name ? self->name : "(no name)",
        .command = "",
        .subcommand = "",
        .text = module_complaint(list, module),
    };

    for (uint32_t i = 0; complaint.text == NULL && i < self->commands_count; i++)
        complaint = command_check(list, module, i);
    return complaint;
}

int gf_registry_check_modules(const struct gf_module_list *list, char *ret_why, size_t why_size)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct complaint complaint = module_check(list, i);

        if (complaint.text == NULL)
            continue;
        snprintf(ret_why, why_size, "%s: %s%s%s%s%s", complaint.module, complaint.command,
                 complaint.subcommand[0] != '\0' ? "|" : "", complaint.subcommand,
                 complaint.command[0] != '\0' ? ": " : "", complaint.text);
        return GF_EINVAL;
    }
    return GF_OK;
}
