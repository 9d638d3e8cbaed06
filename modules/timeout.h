/* How long a blocking command waits: the word that says it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "modules/exec.h"

/* gf_timeout_read - a word as seconds with a fraction, rounded up to milliseconds; an error is
 * remembered in x->args. 0 = for ever. */
uint64_t gf_timeout_read(struct gf_exec *x, struct gf_bytes word);

/* gf_timeout_next - the next word, which is the last; false: an error is answered. */
bool gf_timeout_next(struct gf_exec *x, uint64_t *ret_timeout_ms);
