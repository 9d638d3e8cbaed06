/* Keys that the server may have evicted: of a key that exists here it is only known what it holds
 * if it is still there.
 *
 * An answer must be right for some choice of evicted keys. What is learnt from it is what all such
 * choices have in common; when that is nothing (EXISTS of two keys says 1), what the command did
 * does not depend on which it was.
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

bool sim_evict_apply(struct sim_step *step, const struct sim_reply *reply)
{
    struct before before = {0};
    uint32_t evicted = UINT32_MAX; /* in every choice that is right, so far */
    bool found = false;

    before_take(&before, step);
    for (uint32_t choice = 0; choice < 1u << before.count && evicted != 0; choice++) {
        if (!tries(&before, choice, step, reply))
            continue;
        evicted &= choice;
        found = true;
    }
    if (found)
        tries(&before, evicted, step, reply);
    for (uint32_t i = 0; i < before.count; i++)
        sim_key_remove(&before.copies[i]);
    return found;
}
