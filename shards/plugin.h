/* Modules from outside the tree: shared objects, and what a core knows of those that are loaded.
 *
 * A shared object has a symbol `gf_module`, a const struct gf_module. It calls the same functions
 * as the modules inside; the program exports them. Nothing in it is copied and it is never taken
 * out of memory again: rows that requests point at, and values that wait to be freed, outlive any
 * UNLOAD.
 *
 * What is loaded is an immutable set; each core has a pointer to one. A change makes another set,
 * which every core takes over in a turn of its own (shards/module_command.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/registry.h"

#define GF_PLUGINS_MAX 32

struct gf_plugin {
    const struct gf_module *module; /* in the shared object */
    char *path;                     /* owned by the first set that has it */
};

struct gf_plugin_set {
    struct gf_registry *registry; /* owned */
    struct gf_plugin_set *older;  /* owned: somebody may still look at it */
    uint32_t count;
    struct gf_plugin plugins[GF_PLUGINS_MAX]; /* in the order in which they were loaded */
};

/* gf_plugin_open - load a shared object; nothing in it runs but its own constructors.
 *
 * path       with a '/' in it
 * ret_why    on failure: for people; at least 256 bytes
 * Returns    GF_OK, or GF_EINVAL: no such file, no module, or one made for another version
 */
int gf_plugin_open(const char *path, const struct gf_module **ret_module, char *ret_why,
                   size_t why_size);

/* gf_plugin_set_create - the server's own modules. The arguments as of gf_registry_create. */
int gf_plugin_set_create(struct gf_plugin_set **ret_set, char *ret_why, size_t why_size);
void gf_plugin_set_destroy(struct gf_plugin_set *set);

/* gf_plugin_set_add - a set with one more, on top of `*set`, which it replaces; GF_OK or GF_EINVAL,
 * nothing has changed then. */
int gf_plugin_set_add(struct gf_plugin_set **set, const struct gf_module *module, const char *path,
                      char *ret_why, size_t why_size);
/* gf_plugin_set_remove - a set without the plugin of that index. */
void gf_plugin_set_remove(struct gf_plugin_set **set, uint32_t index);

/* gf_plugin_set_find - the index of a module by its name, or -1. */
int gf_plugin_set_find(const struct gf_plugin_set *set, struct gf_bytes name);
