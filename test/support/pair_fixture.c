/* A node of two cores. See pair_fixture.h. */
#include "support/pair_fixture.h"

struct node node;
char near[16];
char far[16];

void pair_start(void)
{
    node_start(&node, 2, NULL);
    node_key(&node, 0, 0, near);
    node_key(&node, 1, 0, far);
}

void pair_end(void)
{
    node_end(&node);
}
