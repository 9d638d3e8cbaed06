/* What commands do to keys without a time to live, and to whole databases. */
#include "sim/model_step.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/error.h"

/* ---- The keys ---- */

struct sim_model_key *sim_step_key(struct sim_step *step, uint32_t index)
{
    return &step->model->keys[step->db][step->keys[index]];
}

struct gf_bytes sim_key_value(const struct sim_model_key *key)
{
    return (struct gf_bytes){.data = key->value.data, .size = key->value.size};
}

void sim_key_remove(struct sim_model_key *key)
{
    gf_buf_deinit(&key->value);
    key->exists = false;
    key->expires = false;
}

void sim_key_append(struct sim_model_key *key, struct gf_bytes value)
{
    key->exists = true;
    if (value.size > 0)
        GF_ASSERT(gf_buf_append(&key->value, value) == GF_OK);
}

void sim_key_set(struct sim_model_key *key, struct gf_bytes value)
{
    sim_key_remove(key);
    sim_key_append(key, value);
}

bool sim_reply_is_value(const struct sim_reply *reply, const struct sim_model_key *key)
{
    if (!key->exists)
        return reply->kind == SIM_REPLY_NULL;
    return reply->kind == SIM_REPLY_BULK && reply->text.size == key->value.size &&
           (key->value.size == 0 ||
            memcmp(reply->text.data, key->value.data, key->value.size) == 0);
}

bool sim_reply_is_integer(const struct sim_reply *reply, int64_t value)
{
    return reply->kind == SIM_REPLY_INTEGER && reply->integer == value;
}

bool sim_reply_is_ok(const struct sim_reply *reply)
{
    return sim_reply_is(reply, SIM_REPLY_STATUS, "OK");
}

/* ---- What commands do ---- */

bool sim_apply_set(struct sim_step *step, const struct sim_reply *reply)
{
    sim_key_set(sim_step_key(step, 0), sim_command_word(&step->command, 2));
    return sim_reply_is_ok(reply);
}

bool sim_apply_get(struct sim_step *step, const struct sim_reply *reply)
{
    return sim_reply_is_value(reply, sim_step_key(step, 0));
}

bool sim_apply_getset(struct sim_step *step, const struct sim_reply *reply)
{
    bool fits = sim_reply_is_value(reply, sim_step_key(step, 0));

    sim_key_set(sim_step_key(step, 0), sim_command_word(&step->command, 2));
    return fits;
}

bool sim_apply_getdel(struct sim_step *step, const struct sim_reply *reply)
{
    bool fits = sim_reply_is_value(reply, sim_step_key(step, 0));

    sim_key_remove(sim_step_key(step, 0));
    return fits;
}

bool sim_apply_setnx(struct sim_step *step, const struct sim_reply *reply)
{
    struct sim_model_key *key = sim_step_key(step, 0);
    bool existed = key->exists;

    if (!existed)
        sim_key_set(key, sim_command_word(&step->command, 2));
    return sim_reply_is_integer(reply, !existed);
}

bool sim_apply_append(struct sim_step *step, const struct sim_reply *reply)
{
    struct sim_model_key *key = sim_step_key(step, 0);

    sim_key_append(key, sim_command_word(&step->command, 2));
    return sim_reply_is_integer(reply, (int64_t)key->value.size);
}

bool sim_apply_strlen(struct sim_step *step, const struct sim_reply *reply)
{
    return sim_reply_is_integer(reply, (int64_t)sim_step_key(step, 0)->value.size);
}

bool sim_apply_incrby(struct sim_step *step, const struct sim_reply *reply)
{
    struct sim_model_key *key = sim_step_key(step, 0);
    int64_t value = 0;
    int64_t by = 0;
    char text[32];
    int size;

    GF_ASSERT(gf_bytes_parse_i64(sim_command_word(&step->command, 2), &by));
    if (key->exists && !gf_bytes_parse_i64(sim_key_value(key), &value))
        return reply->kind == SIM_REPLY_ERROR;
    if (__builtin_add_overflow(value, by, &value))
        return reply->kind == SIM_REPLY_ERROR;
    size = snprintf(text, sizeof(text), "%" PRId64, value);
    sim_key_set(key, (struct gf_bytes){.data = text, .size = (size_t)size});
    return sim_reply_is_integer(reply, value);
}

bool sim_apply_count(struct sim_step *step, const struct sim_reply *reply)
{
    int64_t count = 0;

    for (uint32_t i = 0; i < step->keys_count; i++)
        count += sim_step_key(step, i)->exists;
    return sim_reply_is_integer(reply, count);
}

bool sim_apply_del(struct sim_step *step, const struct sim_reply *reply)
{
    int64_t count = 0;

    for (uint32_t i = 0; i < step->keys_count; i++) {
        count += sim_step_key(step, i)->exists; /* a key named twice is there once */
        sim_key_remove(sim_step_key(step, i));
    }
    return sim_reply_is_integer(reply, count);
}

bool sim_apply_mget(struct sim_step *step, const struct sim_reply *reply)
{
    if (reply->kind != SIM_REPLY_ARRAY || reply->integer != step->keys_count)
        return false;
    for (uint32_t i = 0; i < step->keys_count; i++) {
        if (!sim_reply_is_value(&reply->elements[i], sim_step_key(step, i)))
            return false;
    }
    return true;
}

static void pairs_set(struct sim_step *step)
{
    for (uint32_t i = 0; i < step->keys_count; i++)
        sim_key_set(sim_step_key(step, i), sim_command_word(&step->command, 2 + 2 * i));
}

bool sim_apply_mset(struct sim_step *step, const struct sim_reply *reply)
{
    pairs_set(step);
    return sim_reply_is_ok(reply);
}

bool sim_apply_msetnx(struct sim_step *step, const struct sim_reply *reply)
{
    bool any = false;

    for (uint32_t i = 0; i < step->keys_count; i++)
        any = any || sim_step_key(step, i)->exists;
    if (!any)
        pairs_set(step);
    return sim_reply_is_integer(reply, !any);
}

static void key_copy(struct sim_model_key *to, const struct sim_model_key *from)
{
    if (to != from)
        sim_key_set(to, sim_key_value(from));
}

bool sim_apply_rename(struct sim_step *step, const struct sim_reply *reply)
{
    struct sim_model_key *from = sim_step_key(step, 0);
    struct sim_model_key *to = sim_step_key(step, 1);

    if (!from->exists)
        return sim_reply_is(reply, SIM_REPLY_ERROR, "ERR no such key");
    key_copy(to, from);
    if (to != from)
        sim_key_remove(from);
    return sim_reply_is_ok(reply);
}

bool sim_apply_renamenx(struct sim_step *step, const struct sim_reply *reply)
{
    struct sim_model_key *from = sim_step_key(step, 0);
    struct sim_model_key *to = sim_step_key(step, 1);

    if (!from->exists)
        return sim_reply_is(reply, SIM_REPLY_ERROR, "ERR no such key");
    if (to->exists)
        return sim_reply_is_integer(reply, 0);
    key_copy(to, from);
    sim_key_remove(from);
    return sim_reply_is_integer(reply, 1);
}

bool sim_apply_copy(struct sim_step *step, const struct sim_reply *reply)
{
    struct sim_model_key *from = sim_step_key(step, 0);
    struct sim_model_key *to = sim_step_key(step, 1);

    if (to == from)
        return reply->kind == SIM_REPLY_ERROR;
    if (!from->exists || (to->exists && step->row->shape != SIM_SHAPE_REPLACE))
        return sim_reply_is_integer(reply, 0);
    key_copy(to, from);
    return sim_reply_is_integer(reply, 1);
}

/* ---- Whole databases ---- */

bool sim_apply_dbsize(struct sim_step *step, const struct sim_reply *reply)
{
    int64_t count = 0;

    for (uint32_t i = 0; i < SIM_MODEL_KEYS; i++)
        count += step->model->keys[step->db][i].exists;
    if (step->model->may_evict_all)
        return reply->kind == SIM_REPLY_INTEGER && reply->integer <= count;
    return sim_reply_is_integer(reply, count);
}

bool sim_apply_flushdb(struct sim_step *step, const struct sim_reply *reply)
{
    for (uint32_t i = 0; i < SIM_MODEL_KEYS; i++)
        sim_key_remove(&step->model->keys[step->db][i]);
    return sim_reply_is_ok(reply);
}

bool sim_apply_swapdb(struct sim_step *step, const struct sim_reply *reply)
{
    for (uint32_t i = 0; i < SIM_MODEL_KEYS; i++) {
        struct sim_model_key key = step->model->keys[0][i];

        step->model->keys[0][i] = step->model->keys[1][i];
        step->model->keys[1][i] = key;
    }
    sim_scan_give_up(step->model);
    return sim_reply_is_ok(reply);
}

/* SELECT changed step->model->db when it was sent: what follows is for the other database. */
bool sim_apply_select(struct sim_step *step, const struct sim_reply *reply)
{
    (void)step;
    return sim_reply_is_ok(reply);
}

/* The protocol has changed already: the answer is in the new one, and says which it is. */
bool sim_apply_hello(struct sim_step *step, const struct sim_reply *reply)
{
    bool said = false;

    for (uint32_t i = 0; i < reply->elements_count; i++)
        said = said || sim_reply_is_integer(&reply->elements[i], step->request.resp);
    return reply->kind == SIM_REPLY_ARRAY && said;
}
