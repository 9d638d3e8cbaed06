/* What the files of CLIENT share.
 *
 *   client.c        what a connection says about itself and how it wants to be treated
 *   client_list.c   LIST and INFO
 *   client_kill.c   KILL
 *   client_pause.c  PAUSE, UNPAUSE, UNBLOCK
 *   tracking_command.c  TRACKING and its relatives
 */
#pragma once

#include <stdbool.h>

#include "core/bytes.h"

enum gf_client_type {
    GF_CLIENT_ANY,
    GF_CLIENT_NORMAL,
    GF_CLIENT_REPLICA,
    GF_CLIENT_PUBSUB,
    GF_CLIENT_MASTER,
};

/* GF_CLIENT_ROW - CLIENT's own row, in each file with the subcommands that are there. */
#define GF_CLIENT_ROW(rows)                                                                        \
    {                                                                                              \
        .name = "CLIENT", .arity = -2, .since = "2.4.0", .group = "connection",                    \
        .complexity = "As the subcommand's.",                                                      \
        .summary = "Connections: this one, and all of them.", .subcommands = (rows),               \
        .subcommands_count = GF_COUNT(rows),                                                       \
    }

struct gf_conn;

/* gf_client_type_parse - "normal", "replica", ...; false when it is none of them. */
bool gf_client_type_parse(struct gf_bytes word, enum gf_client_type *ret_type);

/* gf_client_is - whether it is of this type. */
bool gf_client_is(const struct gf_conn *conn, enum gf_client_type type);

/* gf_client_text_ok - may stand in a line of CLIENT LIST: printable ASCII, no spaces. */
bool gf_client_text_ok(struct gf_bytes text);

/* gf_client_set_text - replace one of a session's own texts; empty removes it. false: no memory,
 * and nothing has changed. */
bool gf_client_set_text(char **text, struct gf_bytes value);
