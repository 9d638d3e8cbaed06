/* Which key a request is about: uniform, or skewed as popularity is (Zipf).
 *
 * With exponent s, key number k (from 0) is asked for in proportion to 1 / (k + 1)^s. Caches see
 * exponents from 0.7 to 1.1.
 */
#pragma once

#include <stdint.h>

/* The random numbers of one run: the same seed, the same run. */
struct gf_dice {
    uint64_t state;
};

uint64_t gf_dice_next(struct gf_dice *dice);

/* gf_dice_unit - uniform in [0, 1). */
double gf_dice_unit(struct gf_dice *dice);

struct gf_key_source {
    uint64_t count;  /* keys 0 .. count - 1 */
    double exponent; /* 0 = uniform */
    /* Zipf only, computed once: see key.c. */
    double area_first;
    double area_last;
    double shortcut;
};

/* gf_key_source_init - count >= 1, exponent >= 0. */
void gf_key_source_init(struct gf_key_source *source, uint64_t count, double exponent);

/* gf_key_source_next - 0 .. count - 1. */
uint64_t gf_key_source_next(const struct gf_key_source *source, struct gf_dice *dice);
