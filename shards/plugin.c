/* Modules from outside the tree. The only includer of dlfcn.h. */
#include "shards/plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "shards/modules.h"

int gf_plugin_open(const char *path, const struct gf_module **ret_module, char *ret_why,
                   size_t why_size)
{
    const struct gf_module *module;
    void *handle;

    if (strchr(path, '/') == NULL) {
        snprintf(ret_why, why_size, "%s: a path is needed, with a / in it", path);
        return GF_EINVAL;
    }
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        snprintf(ret_why, why_size, "%s", dlerror());
        return GF_EINVAL;
    }
    module = dlsym(handle, "gf_module");
    if (module == NULL) {
        snprintf(ret_why, why_size, "%s: no symbol gf_module: is it a module for gofish?", path);
        return GF_EINVAL;
    }
    if (module->abi != GF_MODULE_ABI) {
        snprintf(
            ret_why, why_size,
            "%s: made for version %#x of modules/module.h, this server has %#x: build it again "
            "with this server's headers",
            path, module->abi, GF_MODULE_ABI);
        return GF_EINVAL;
    }
    *ret_module = module;
    return GF_OK;
}

int gf_plugin_set_create(struct gf_plugin_set **ret_set, char *ret_why, size_t why_size)
{
    struct gf_registry *registry;
    int error = gf_registry_create(gf_server_modules, gf_server_modules_count, &registry, ret_why,
                                   why_size);

    if (error != GF_OK)
        return error;
    *ret_set = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(**ret_set));
    (*ret_set)->registry = registry;
    return GF_OK;
}

/* Newer ones first: their registries share the rows of the first. */
void gf_plugin_set_destroy(struct gf_plugin_set *set)
{
    while (set != NULL) {
        struct gf_plugin_set *older = set->older;

        /* A path stands in the set that brought it and in all newer ones. */
        for (uint32_t i = 0; i < set->count; i++) {
            bool inherited = false;

            for (uint32_t j = 0; older != NULL && j < older->count; j++)
                inherited |= older->plugins[j].path == set->plugins[i].path;
            if (!inherited)
                gf_free(GF_MEMORY_OTHER, set->plugins[i].path);
        }
        gf_registry_destroy(set->registry);
        gf_free(GF_MEMORY_OTHER, set);
        set = older;
    }
}

static struct gf_plugin_set *set_follow(struct gf_plugin_set *older, struct gf_registry *registry)
{
    struct gf_plugin_set *set = gf_alloc(GF_MEMORY_OTHER, sizeof(*set));

    *set = *older;
    set->older = older;
    set->registry = registry;
    return set;
}

int gf_plugin_set_add(struct gf_plugin_set **set, const struct gf_module *module, const char *path,
                      char *ret_why, size_t why_size)
{
    struct gf_bytes text = {.data = path, .size = strlen(path) + 1};
    struct gf_registry *registry;
    struct gf_plugin *plugin;
    int error;

    if ((*set)->count == GF_PLUGINS_MAX) {
        snprintf(ret_why, why_size, "no more than %u modules can be loaded", GF_PLUGINS_MAX);
        return GF_EINVAL;
    }
    error = gf_registry_add((*set)->registry, module, &registry, ret_why, why_size);
    if (error != GF_OK)
        return error;
    *set = set_follow(*set, registry);
    plugin = &(*set)->plugins[(*set)->count++];
    plugin->module = module;
    plugin->path = gf_alloc(GF_MEMORY_OTHER, text.size);
    memcpy(plugin->path, text.data, text.size);
    return GF_OK;
}

void gf_plugin_set_remove(struct gf_plugin_set **set, uint32_t index)
{
    struct gf_plugin *plugins;

    GF_ASSERT(index < (*set)->count);
    *set = set_follow(*set, gf_registry_remove((*set)->registry, (*set)->plugins[index].module));
    plugins = (*set)->plugins;
    (*set)->count--;
    memmove(&plugins[index], &plugins[index + 1], ((*set)->count - index) * sizeof(*plugins));
}

int gf_plugin_set_find(const struct gf_plugin_set *set, struct gf_bytes name)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (gf_bytes_equal(name, gf_bytes_of(set->plugins[i].module->name)))
            return (int)i;
    }
    return -1;
}
