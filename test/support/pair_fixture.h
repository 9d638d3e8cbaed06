/* What most tests of the server's core need: a node of two cores, and a key of each.
 *
 * A test suite names pair_start and pair_end as its .init and .fini. Every Criterion test is a
 * process of its own, so there is one node.
 */
#pragma once

#include "support/node_fixture.h"

extern struct node node;
extern char near[16]; /* a key of core 0 */
extern char far[16];  /* a key of core 1 */

void pair_start(void);
void pair_end(void);
