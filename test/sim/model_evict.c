/* Keys that the server may have evicted: of a key that exists here it is only known what it holds
 * if it is still there.
 *
 * An answer must be right for some choice of evicted keys. The smallest choice is what is learnt
 * from it; when several are equally small (EXISTS of two keys says 1), nothing is: then the command
 * did not depend on which it was.
 */
#include "sim/model_step.h"

#include "core/assert.h"
#include "core/error.h"

/* The keys of a step that exist, once each, as they were. */
struct before {
    struct sim_model_key *keys[SIM_STEP_KEYS_MAX];
    struct sim_model_key copies[SIM_STEP_KEYS_MAX];
    uint32_t count;
};

static void key_assign(struct sim_model_key *to, const struct sim_model_key *from)
{
    sim_key_remove(to);
    to->exists = from->exists;
    to->expires = from->expires;
    to->expire_min_ms = from->expire_min_ms;
    to->expire_max_ms = from->expire_max_ms;
    if (from->value.size > 0)
        GF_ASSERT(gf_buf_append(&to->value, sim_key_value(from)) == GF_OK);
}

static void before_take(struct before *before, struct sim_step *step)
{
    for (uint32_t i = 0; i < step->keys_count; i++) {
        struct sim_model_key *key = sim_step_key(step, i);
        bool known = false;

        for (uint32_t k = 0; k < before->count; k++)
            known = known || before->keys[k] == key;
        if (known)
            continue;
        before->keys[before->count] = key;
        key_assign(&before->copies[before->count++], key);
    }
}

/* As it was, but for the keys of `evicted` (bit i: the i-th). */
static void before_restore(const struct before *before, uint32_t evicted)
{
    for (uint32_t i = 0; i < before->count; i++) {
        if (evicted & (1u << i))
            sim_key_remove(before->keys[i]);
        else
            key_assign(before->keys[i], &before->copies[i]);
    }
}

static bool tries(const struct before *before, uint32_t evicted, struct sim_step *step,
                  const struct sim_reply *reply)
{
    for (uint32_t i = 0; i < before->count; i++) {
        if ((evicted & (1u << i)) && !before->copies[i].exists)
            return false; /* it was not there to be evicted */
    }
    before_restore(before, evicted);
    return step->row->apply(step, reply);
}

/* Choices of `size` keys with which the answer is right; ret_evicted is one of them. */
static uint32_t choices(const struct before *before, uint32_t size, struct sim_step *step,
                        const struct sim_reply *reply, uint32_t *ret_evicted)
{
    uint32_t found = 0;

    for (uint32_t evicted = 0; evicted < 1u << before->count; evicted++) {
        if ((uint32_t)__builtin_popcount(evicted) != size)
            continue;
        if (!tries(before, evicted, step, reply))
            continue;
        *ret_evicted = evicted;
        found++;
    }
    return found;
}

bool sim_evict_apply(struct sim_step *step, const struct sim_reply *reply)
{
    struct before before = {0};
    uint32_t found = 0;
    uint32_t evicted = 0;

    before_take(&before, step);
    for (uint32_t size = 0; size <= before.count && found == 0; size++)
        found = choices(&before, size, step, reply, &evicted);
    if (found > 0)
        tries(&before, found == 1 ? evicted : 0, step, reply);
    for (uint32_t i = 0; i < before.count; i++)
        sim_key_remove(&before.copies[i]);
    return found > 0;
}
