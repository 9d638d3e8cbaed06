/* A registry with one module more, or less. */
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "modules/registry_parts.h"

/* Why a module cannot join, besides what the self-check says; NULL: it can. */
static const char *join_complaint(const struct gf_registry *registry,
                                  const struct gf_module *module)
{
    const struct gf_registry_rows *shared = registry->shared;

    if (registry->modules_count == GF_REGISTRY_MODULES_MAX ||
        gf_module_rows(module) > shared->capacity - shared->count)
        return "too many modules and commands were loaded since the server started";
    for (uint32_t i = 0; i < registry->modules_count; i++) {
        if (strcmp(registry->modules[i]->name, module->name) == 0)
            return "a module of this name is there already";
    }
    for (uint32_t i = 0; i < module->commands_count; i++) {
        if (gf_registry_has_row(registry, module->commands[i].name))
            return "one of its commands is there already";
    }
    if (module->type == NULL)
        return NULL;
    if (module->type->id < GF_TYPE_PLUGIN_FIRST)
        return "the type's id is one of the server's own";
    if (shared->types[module->type->id] != NULL && shared->types[module->type->id] != module->type)
        return "the type's id was another module's since the server started";
    return NULL;
}

int gf_registry_add(const struct gf_registry *registry, const struct gf_module *module,
                    struct gf_registry **ret_registry, char *ret_why, size_t why_size)
{
    const struct gf_module *modules[GF_REGISTRY_MODULES_MAX];
    struct gf_module_list alone = {.modules = &module, .count = 1};
    struct gf_module_list list = {.modules = modules, .count = registry->modules_count};
    struct gf_registry *more;
    const char *complaint;
    int error = gf_registry_check_modules(&alone, ret_why, why_size);

    if (error != GF_OK)
        return error;
    complaint = join_complaint(registry, module);
    if (complaint != NULL) {
        snprintf(ret_why, why_size, "%s: %s", module->name, complaint);
        return GF_EINVAL;
    }
    memcpy(modules, registry->modules, list.count * sizeof(*modules));
    modules[list.count++] = module;
    error = gf_registry_check_modules(&list, ret_why, why_size);
    if (error != GF_OK)
        return error;

    more = gf_registry_begin(registry->shared, &list);
    more->count = registry->count;
    memcpy(more->tops, registry->tops, registry->count * sizeof(*more->tops));
    gf_registry_copy_rows(more, module);
    for (uint32_t i = registry->count; i < more->count; i++)
        gf_registry_copy_subcommands(more, more->tops[i]);
    *ret_registry = gf_registry_finish(more);
    return GF_OK;
}

static bool module_has_row(const struct gf_module *module, const char *name)
{
    for (uint32_t i = 0; i < module->commands_count; i++) {
        if (strcmp(module->commands[i].name, name) == 0)
            return true;
    }
    return false;
}

struct gf_registry *gf_registry_remove(const struct gf_registry *registry,
                                       const struct gf_module *module)
{
    const struct gf_module *modules[GF_REGISTRY_MODULES_MAX];
    struct gf_module_list list = {.modules = modules};
    struct gf_registry *less;

    for (uint32_t i = 0; i < registry->modules_count; i++) {
        if (registry->modules[i] != module)
            modules[list.count++] = registry->modules[i];
    }
    less = gf_registry_begin(registry->shared, &list);
    for (uint32_t i = 0; i < registry->count; i++) {
        if (!module_has_row(module, registry->rows[registry->tops[i]].name))
            less->tops[less->count++] = registry->tops[i];
    }
    return gf_registry_finish(less);
}
