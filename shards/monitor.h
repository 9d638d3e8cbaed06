/* MONITOR: connections that are told of every command, on whatever core it came in. */
#pragma once

#include <stdint.h>

#include "core/bytes.h"

struct gf_conn;

/* gf_monitor_add - this connection monitors from now on. */
void gf_monitor_add(struct gf_conn *conn);

/* gf_monitor_remove - it does not (any more); not a monitor is fine. */
void gf_monitor_remove(struct gf_conn *conn);

/* gf_monitor_feed - a command of `conn` was admitted on this core: tell the monitors of all cores. */
void gf_monitor_feed(struct gf_conn *conn, const struct gf_bytes *words, uint32_t words_count);
