/* What commands do to keys with a time to live.
 *
 * The model knows between which two moments a key goes; every reply narrows that. */
#include "sim/clock.h"
#include "sim/model_step.h"

/* Between these two the server's time was when it ran the command. */
static uint64_t step_from_ms(const struct sim_step *step)
{
    const struct sim_world *world = step->model->world;

    return sim_clock_low_ms(world->clock, step->request.sent_ns, world->now_ns);
}

static uint64_t step_to_ms(const struct sim_step *step)
{
    const struct sim_world *world = step->model->world;

    return sim_clock_high_ms(world->clock, world->now_ns);
}

/* The reply says whether the key was there. Returns whether it can have been; afterwards the model
 * knows more. */
static bool key_resolve(struct sim_step *step, bool alive)
{
    struct sim_model_key *key = sim_step_key(step, 0);
    uint64_t from_ms = step_from_ms(step);
    uint64_t to_ms = step_to_ms(step);

    if (!alive && step->model->may_evict) {
        sim_key_remove(key);
        return true;
    }
    if (!key->exists || !key->expires)
        return alive == key->exists;
    if (!alive) {
        bool possible = key->expire_min_ms <= to_ms;

        sim_key_remove(key);
        return possible;
    }
    if (key->expire_max_ms <= from_ms)
        return false;
    if (key->expire_min_ms <= from_ms)
        key->expire_min_ms = from_ms + 1;
    return true;
}

static void key_expire(struct sim_step *step, uint64_t ttl_ms)
{
    struct sim_model_key *key = sim_step_key(step, 0);

    key->expires = true;
    key->expire_min_ms = step_from_ms(step) + ttl_ms;
    key->expire_max_ms = step_to_ms(step) + ttl_ms;
}

bool sim_apply_set_px(struct sim_step *step, const struct sim_reply *reply)
{
    sim_apply_set(step, reply);
    key_expire(step, step->ttl_ms);
    return sim_reply_is_ok(reply);
}

bool sim_apply_volatile_get(struct sim_step *step, const struct sim_reply *reply)
{
    return key_resolve(step, reply->kind == SIM_REPLY_BULK) && sim_apply_get(step, reply);
}

bool sim_apply_volatile_exists(struct sim_step *step, const struct sim_reply *reply)
{
    return key_resolve(step, reply->integer == 1) && sim_apply_count(step, reply);
}

bool sim_apply_volatile_del(struct sim_step *step, const struct sim_reply *reply)
{
    return key_resolve(step, reply->integer == 1) && sim_apply_del(step, reply);
}

bool sim_apply_persist(struct sim_step *step, const struct sim_reply *reply)
{
    struct sim_model_key *key = sim_step_key(step, 0);

    if (key->exists && !key->expires)
        return sim_reply_is_integer(reply, 0);
    if (!key_resolve(step, reply->integer == 1))
        return false;
    key->expires = false;
    return reply->kind == SIM_REPLY_INTEGER;
}

bool sim_apply_pexpire(struct sim_step *step, const struct sim_reply *reply)
{
    if (!key_resolve(step, reply->integer == 1))
        return false;
    if (reply->integer == 1)
        key_expire(step, step->ttl_ms);
    return reply->kind == SIM_REPLY_INTEGER;
}

bool sim_apply_pttl(struct sim_step *step, const struct sim_reply *reply)
{
    struct sim_model_key *key = sim_step_key(step, 0);
    uint64_t ttl_ms = (uint64_t)reply->integer;
    uint64_t from_ms = step_from_ms(step);
    uint64_t to_ms = step_to_ms(step);

    if (reply->kind != SIM_REPLY_INTEGER || !key_resolve(step, reply->integer != -2))
        return false;
    if (!key->exists || !key->expires)
        return reply->integer == (key->exists ? -1 : -2);
    if (from_ms + ttl_ms > key->expire_max_ms || to_ms + ttl_ms < key->expire_min_ms)
        return false;
    if (from_ms + ttl_ms > key->expire_min_ms)
        key->expire_min_ms = from_ms + ttl_ms;
    if (to_ms + ttl_ms < key->expire_max_ms)
        key->expire_max_ms = to_ms + ttl_ms;
    return true;
}
