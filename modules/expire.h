/* When keys expire, as clients say it: what every command that sets an expiry shares. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "modules/module.h"

/* gf_expire_when - `time` in units of `unit_ms` milliseconds, counted from base_ms, as Unix time in
 * milliseconds; may be negative. False when it does not fit. */
bool gf_expire_when(int64_t time, int64_t unit_ms, uint64_t base_ms, int64_t *ret_when_ms);

/* gf_expire_reply_invalid - "invalid expire time", with the command's name. */
void gf_expire_reply_invalid(struct gf_exec *x);
