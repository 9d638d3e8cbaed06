/* A planted fault: a core's time runs backwards when the wall clock is set back. In the place of
 * core/core.c. */
#include "core/core.h"

/* Where the driver is asked for it, what is known is forgotten first. */
#define wall_us(driver) wall_us((core->wall_us = 0, (driver)))
#include "core/core.c"
