/* ACL categories of commands: a function of a row's flags, group and `categories`. */
#pragma once

#include <stdint.h>

#include "core/bytes.h"
#include "modules/module.h"

#define GF_CATEGORIES_MAX 32

/* gf_category_name - "@keyspace" for index 0, and so on in the order in which Redis lists them;
 * NULL behind the last. */
const char *gf_category_name(uint32_t index);

/* gf_category_find - the bit of a category by its name without '@', ignoring case; 0 if unknown. */
uint32_t gf_category_find(struct gf_bytes name);

/* gf_command_categories - bits of a row's categories. */
uint32_t gf_command_categories(const struct gf_command *row);
