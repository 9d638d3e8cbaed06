/* CLIENT LIST and KILL: who is connected is found, wherever its connection is just now.
 *
 * A connection that was known before the question and is whole when the answer comes must be in a
 * list, once. One that is killed must be gone: KILL that found nobody must not leave it whole, and
 * after KILL's answer it must not be served any more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/client.h"
#include "sim/world.h"

/* sim_roster_ask_id - a connection's first command: CLIENT ID. */
void sim_roster_ask_id(struct sim_client *client);

/* sim_roster_list, sim_roster_kill - `client` asks for `other`, whose id is known.
 * sim_roster_unblock - the same, whether that one waits for keys or not. */
void sim_roster_list(struct sim_client *client, struct sim_client *other);
void sim_roster_unblock(struct sim_client *client, struct sim_client *other);
void sim_roster_kill(struct sim_client *client, struct sim_client *other);
