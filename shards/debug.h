/* Who may use DEBUG. See debug_command.c. */
#pragma once

#include <stdbool.h>

struct gf_conn;

/* gf_debug_is_allowed - by enable-debug-command, for this connection. */
bool gf_debug_is_allowed(const struct gf_conn *conn);
