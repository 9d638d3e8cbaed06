/* The self-check of the modules a registry is built from. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "modules/module.h"

#define GF_MODULES_EXTRA_MAX 64 /* modules besides the built-in ones */
#define GF_COMMAND_NAME_MAX 30  /* twice this and a '|' fit the 64 bytes of a row's name */

struct gf_module_list {
    const struct gf_module **modules; /* borrowed */
    uint32_t count;
};

/* gf_registry_check_modules - every row of every module keeps the rules of modules/module.h.
 *
 * ret_why    on failure: the first broken rule, "<module>: <command>: <rule>"
 * Returns    GF_OK or GF_EINVAL
 */
int gf_registry_check_modules(const struct gf_module_list *list, char *ret_why, size_t why_size);
