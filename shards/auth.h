/* Who a connection is. There is one user, "default"; its password is the option `requirepass`, and
 * without one everybody is authenticated from the start.
 */
#pragma once

#include <stdbool.h>

#include "core/bytes.h"

struct gf_conn;
struct gf_worker;

/* gf_auth_check - the name and password of the user; counts wrong ones. The time it takes says
 * nothing about how much of the password was right. */
bool gf_auth_check(struct gf_worker *worker, struct gf_bytes user, struct gf_bytes password);

/* gf_auth_needed - a new connection has to authenticate itself. */
bool gf_auth_needed(const struct gf_worker *worker);

/* gf_auth_set - from now on it is, or is not, authenticated. */
void gf_auth_set(struct gf_conn *conn, bool authenticated);

/* gf_auth_secret - the index-th word of a command is a password (or the name that goes with it): it
 * must not be shown to others. */
bool gf_auth_secret(const struct gf_bytes *words, uint32_t count, uint32_t index);
