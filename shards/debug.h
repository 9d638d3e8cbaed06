/* Who may use DEBUG and MODULE. See debug_command.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gf_conn;

/* gf_debug_is_allowed - by enable-debug-command, for this connection. */
bool gf_debug_is_allowed(const struct gf_conn *conn);

/* gf_access_is_allowed - by the value of enable-debug-command or enable-module-command. */
bool gf_access_is_allowed(const struct gf_conn *conn, uint64_t access);
