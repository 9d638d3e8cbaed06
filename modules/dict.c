/* One entry at a time, and how the table grows and shrinks. */
#include "modules/dict_parts.h"
