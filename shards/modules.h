/* The server's own commands, as ordinary module tables. */
#pragma once

#include "modules/module.h"

extern const struct gf_module *const gf_server_modules[];
extern const uint32_t gf_server_modules_count;
