/* Settings while the server runs: CONFIG. See config_command.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gf_bytes;
struct gf_command;

/* gf_config_is_secret - the index-th word of a request must not be shown to anybody: a password
 * that CONFIG SET sets. */
bool gf_config_is_secret(const struct gf_command *command, const struct gf_bytes *words,
                         uint32_t index);
