/* What a connection of RESP2 may do while it is subscribed to anything: its answers and messages
 * look alike, so there is little. */
#pragma once

#include <stdbool.h>

struct gf_command;
struct gf_conn;
struct gf_exec;

/* gf_pubsub_is_mode - it is in that mode. gf_pubsub_allows - a command may be used in it. */
bool gf_pubsub_is_mode(const struct gf_conn *conn);
bool gf_pubsub_allows(const struct gf_command *command);

/* gf_pubsub_ping - PING in that mode: answers as a message looks. */
void gf_pubsub_ping(struct gf_exec *x);
