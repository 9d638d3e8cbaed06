/* What a run has to say. */
#pragma once

#include "bench/load/load.h"

/* gf_load_report - to standard output: JSON or text, as the options say. */
void gf_load_report(const struct gf_load_options *options, const struct gf_load_result *result);
