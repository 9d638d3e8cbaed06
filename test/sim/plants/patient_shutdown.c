/* A planted fault: who does not read keeps the server from stopping. In the place of
 * shards/shutdown.c. */
#include "shards/shutdown.h"

#undef GF_SHUTDOWN_GRACE_MS
#define GF_SHUTDOWN_GRACE_MS 3600000
#include "shards/shutdown.c"
