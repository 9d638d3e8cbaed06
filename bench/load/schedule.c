/* Due times as a running sum. */
#include "bench/load/schedule.h"

#include <math.h>

#include "core/assert.h"

void gf_schedule_init(struct gf_schedule *schedule, double rate, uint32_t burst, bool is_poisson)
{
    GF_ASSERT(rate > 0);
    GF_ASSERT(burst > 0);
    *schedule = (struct gf_schedule){
        .interval_ns = 1e9 / rate * burst,
        .is_poisson = is_poisson,
    };
}

void gf_schedule_advance(struct gf_schedule *schedule, struct gf_dice *dice)
{
    if (schedule->is_poisson)
        schedule->due_ns -= log(1 - gf_dice_unit(dice)) * schedule->interval_ns;
    else
        schedule->due_ns += schedule->interval_ns;
}
