/* What a fuzz target gives to the program around it.
 *
 * A target is one file, <name>_fuzz.c, with the function below and a list of good inputs. It is a
 * program of that name: with clang and the fuzz preset libFuzzer drives it, guided by coverage, and
 * mutate.c puts the good inputs in; otherwise main.c does, with random changes to the good inputs,
 * and runs as a test.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

/* Good inputs to start from, and those that failed once; size 0 ends the list. */
extern const struct gf_bytes fuzz_seeds[];

/* LLVMFuzzerTestOneInput - libFuzzer's name for: try this input, abort when something is wrong.
 * Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
