/* What the files of COMMAND share: the table of commands, answered to clients.
 *
 *   command.c        the rows; COUNT, LIST, GETKEYS, GETKEYSANDFLAGS
 *   command_info.c   COMMAND and COMMAND INFO: one row as an array of ten
 *   command_docs.c   COMMAND DOCS: one row as a map
 *   command_help.c   HELP of every container, from its rows
 */
#pragma once

#include <stdint.h>

#include "modules/module.h"
#include "modules/registry.h"

/* gf_command_help_run - the `run` of any HELP row: what the container's subcommands take and do. */
void gf_command_help_run(struct gf_exec *x);

/* GF_HELP_ROW - the row of HELP, which every container has. */
#define GF_HELP_ROW(since_, group_)                                                                \
    {                                                                                              \
        .name = "HELP", .run = gf_command_help_run, .flags = GF_LOADING_OK | GF_STALE_OK,          \
        .arity = 2, .since = (since_), .group = (group_), .complexity = "O(1)",                    \
        .summary = "Prints this help.",                                                            \
    }

/* gf_command_syntax - a row's name and arguments in one line, as HELP shows them; `text` holds
 * GF_COMMAND_SYNTAX_SIZE bytes. Returns text. */
#define GF_COMMAND_SYNTAX_SIZE 512
const char *gf_command_syntax(const struct gf_command *row, char *text);

void gf_command_info_run(struct gf_exec *x);
void gf_command_docs_run(struct gf_exec *x);

/* gf_command_find - a row by the name COMMAND LIST says ("get", "object|encoding"), ignoring case;
 * NULL if unknown. */
const struct gf_command *gf_command_find(const struct gf_registry *registry, struct gf_bytes name);

/* gf_command_reply_name - a row's name as COMMAND LIST says it. */
void gf_command_reply_name(struct gf_exec *x, const struct gf_command *row);

/* gf_command_reply_key_flags - a set of enum gf_key_flag. */
void gf_command_reply_key_flags(struct gf_reply *reply, uint32_t flags);

/* gf_command_key_specs - how many key specifications a row has, stated or implied. */
uint32_t gf_command_key_specs(const struct gf_command *row);
