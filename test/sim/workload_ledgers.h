/* Long commands over sets that all clients use, in runs of the kind "slices".
 *
 *   pairs   two members of a ledger that come and go together, by one SADD or SREM
 *   halves  one member of ledger 0 and one of ledger 1, that come and go together by MULTI
 *
 * Everything that reads, copies or combines ledgers in slices must find pairs, and halves where it
 * looks at both ledgers, whole or not at all.
 */
#pragma once

#include "sim/client.h"
#include "sim/world.h"

/* sim_ledgers_play - one step, by a client in database 0. */
void sim_ledgers_play(struct sim_world *world, struct sim_client *client);
