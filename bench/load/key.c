/* Zipf numbers by rejection-inversion (Hörmann and Derflinger, 1996): no table, constant time, any
 * exponent.
 *
 * The probabilities 1/k^s are hidden under the curve x^-s. A point is drawn under the curve between
 * 1/2 and count + 1/2 by inverting its area, rounded to the nearest k, and refused when it lies in
 * the small part that the curve has too much. */
#include "bench/load/key.h"

#include <math.h>

#include "core/assert.h"
#include "core/random.h"

uint64_t gf_dice_next(struct gf_dice *dice)
{
    return gf_random_next(&dice->state);
}

double gf_dice_unit(struct gf_dice *dice)
{
    return (double)(gf_dice_next(dice) >> 11) * 0x1p-53; /* a double has 53 bits */
}

/* The area under x^-exponent from 1 to x. */
static double area(double exponent, double x)
{
    if (exponent == 1)
        return log(x);
    return (pow(x, 1 - exponent) - 1) / (1 - exponent);
}

/* The x up to which the area is that large: the inverse of `area`. */
static double area_inverse(double exponent, double size)
{
    if (exponent == 1)
        return exp(size);
    return pow(1 + size * (1 - exponent), 1 / (1 - exponent));
}

void gf_key_source_init(struct gf_key_source *source, uint64_t count, double exponent)
{
    GF_ASSERT(count >= 1);
    GF_ASSERT(exponent >= 0);
    *source = (struct gf_key_source){.count = count, .exponent = exponent};
    /* The first bar has all its area to the right of 1/2 made good here: 1 is its probability. */
    source->area_first = area(exponent, 1.5) - 1;
    source->area_last = area(exponent, (double)count + 0.5);
    /* So close to the left of k a point is always good. */
    source->shortcut = 2 - area_inverse(exponent, area(exponent, 2.5) - pow(2, -exponent));
}

uint64_t gf_key_source_next(const struct gf_key_source *source, struct gf_dice *dice)
{
    if (source->exponent == 0)
        return (uint64_t)(gf_dice_unit(dice) * (double)source->count);

    for (;;) {
        double at =
            source->area_last + gf_dice_unit(dice) * (source->area_first - source->area_last);
        double x = area_inverse(source->exponent, at);
        double k = floor(x + 0.5);

        if (k < 1)
            k = 1;
        if (k > (double)source->count)
            k = (double)source->count;
        if (k - x <= source->shortcut ||
            at >= area(source->exponent, k + 0.5) - pow(k, -source->exponent))
            return (uint64_t)k - 1;
    }
}
