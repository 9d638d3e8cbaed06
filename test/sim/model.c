/* Commands as rows: how their words look, and what they do to the model. */
#include "sim/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "sim/driver_sim.h"

#define STEP_KEYS_MAX 6

struct step;

enum shape {
    SHAPE_NONE,    /* COMMAND               */
    SHAPE_KEY,     /* COMMAND k             */
    SHAPE_VALUE,   /* COMMAND k value       */
    SHAPE_NUMBER,  /* COMMAND k number      */
    SHAPE_TTL,     /* COMMAND k ms          */
    SHAPE_SET_PX,  /* SET k value PX ms     */
    SHAPE_TWO,     /* COMMAND k k           */
    SHAPE_REPLACE, /* COPY k k REPLACE      */
    SHAPE_KEYS,    /* COMMAND k k …         */
    SHAPE_PAIRS,   /* COMMAND k v k v …     */
    SHAPE_DBS,     /* SWAPDB a b            */
};

enum keys_kind { KEYS_PLAIN, KEYS_VOLATILE, KEYS_SOLE };

struct row {
    const char *name;
    enum shape shape;
    enum keys_kind kind;
    uint32_t weight;
    bool (*apply)(struct step *step, const struct sim_reply *reply);
};

/* One command in flight. */
struct step {
    struct sim_request request; /* first */
    struct sim_model *model;
    const struct row *row;
    uint32_t db;
    uint32_t keys[STEP_KEYS_MAX];
    uint32_t keys_count;
    uint64_t ttl_ms;
    struct sim_command command; /* owned */
};

uint64_t sim_wall_ms(uint64_t now_ns)
{
    return (SIM_WALL_ORIGIN_US + now_ns / 1000) / 1000;
}

/* ---- The keys ---- */

static struct sim_model_key *step_key(struct step *step, uint32_t index)
{
    return &step->model->keys[step->db][step->keys[index]];
}

static struct gf_bytes key_value(const struct sim_model_key *key)
{
    return (struct gf_bytes){.data = key->value.data, .size = key->value.size};
}

static void key_remove(struct sim_model_key *key)
{
    gf_buf_deinit(&key->value);
    key->exists = false;
    key->expires = false;
}

static void key_append(struct sim_model_key *key, struct gf_bytes value)
{
    key->exists = true;
    if (value.size > 0)
        GF_ASSERT(gf_buf_append(&key->value, value) == GF_OK);
}

static void key_set(struct sim_model_key *key, struct gf_bytes value)
{
    key_remove(key);
    key_append(key, value);
}

static bool reply_is_value(const struct sim_reply *reply, const struct sim_model_key *key)
{
    if (!key->exists)
        return reply->kind == SIM_REPLY_NULL;
    return reply->kind == SIM_REPLY_BULK && reply->text.size == key->value.size &&
           (key->value.size == 0 ||
            memcmp(reply->text.data, key->value.data, key->value.size) == 0);
}

static bool reply_is_integer(const struct sim_reply *reply, int64_t value)
{
    return reply->kind == SIM_REPLY_INTEGER && reply->integer == value;
}

static bool reply_is_ok(const struct sim_reply *reply)
{
    return sim_reply_is(reply, SIM_REPLY_STATUS, "OK");
}

/* ---- What commands do ---- */

static bool apply_set(struct step *step, const struct sim_reply *reply)
{
    key_set(step_key(step, 0), sim_command_word(&step->command, 2));
    return reply_is_ok(reply);
}

static bool apply_get(struct step *step, const struct sim_reply *reply)
{
    return reply_is_value(reply, step_key(step, 0));
}

static bool apply_getset(struct step *step, const struct sim_reply *reply)
{
    bool fits = reply_is_value(reply, step_key(step, 0));

    key_set(step_key(step, 0), sim_command_word(&step->command, 2));
    return fits;
}

static bool apply_getdel(struct step *step, const struct sim_reply *reply)
{
    bool fits = reply_is_value(reply, step_key(step, 0));

    key_remove(step_key(step, 0));
    return fits;
}

static bool apply_setnx(struct step *step, const struct sim_reply *reply)
{
    struct sim_model_key *key = step_key(step, 0);
    bool existed = key->exists;

    if (!existed)
        key_set(key, sim_command_word(&step->command, 2));
    return reply_is_integer(reply, !existed);
}

static bool apply_append(struct step *step, const struct sim_reply *reply)
{
    struct sim_model_key *key = step_key(step, 0);

    key_append(key, sim_command_word(&step->command, 2));
    return reply_is_integer(reply, (int64_t)key->value.size);
}

static bool apply_strlen(struct step *step, const struct sim_reply *reply)
{
    return reply_is_integer(reply, (int64_t)step_key(step, 0)->value.size);
}

static bool apply_incrby(struct step *step, const struct sim_reply *reply)
{
    struct sim_model_key *key = step_key(step, 0);
    int64_t value = 0;
    int64_t by = 0;
    char text[32];
    int size;

    GF_ASSERT(gf_bytes_parse_i64(sim_command_word(&step->command, 2), &by));
    if (key->exists && !gf_bytes_parse_i64(key_value(key), &value))
        return reply->kind == SIM_REPLY_ERROR;
    if (__builtin_add_overflow(value, by, &value))
        return reply->kind == SIM_REPLY_ERROR;
    size = snprintf(text, sizeof(text), "%" PRId64, value);
    key_set(key, (struct gf_bytes){.data = text, .size = (size_t)size});
    return reply_is_integer(reply, value);
}

static bool apply_count(struct step *step, const struct sim_reply *reply)
{
    int64_t count = 0;

    for (uint32_t i = 0; i < step->keys_count; i++)
        count += step_key(step, i)->exists;
    return reply_is_integer(reply, count);
}

static bool apply_del(struct step *step, const struct sim_reply *reply)
{
    int64_t count = 0;

    for (uint32_t i = 0; i < step->keys_count; i++) {
        count += step_key(step, i)->exists; /* a key named twice is there once */
        key_remove(step_key(step, i));
    }
    return reply_is_integer(reply, count);
}

static bool apply_mget(struct step *step, const struct sim_reply *reply)
{
    if (reply->kind != SIM_REPLY_ARRAY || reply->integer != step->keys_count)
        return false;
    for (uint32_t i = 0; i < step->keys_count; i++) {
        if (!reply_is_value(&reply->elements[i], step_key(step, i)))
            return false;
    }
    return true;
}

static void pairs_set(struct step *step)
{
    for (uint32_t i = 0; i < step->keys_count; i++)
        key_set(step_key(step, i), sim_command_word(&step->command, 2 + 2 * i));
}

static bool apply_mset(struct step *step, const struct sim_reply *reply)
{
    pairs_set(step);
    return reply_is_ok(reply);
}

static bool apply_msetnx(struct step *step, const struct sim_reply *reply)
{
    bool any = false;

    for (uint32_t i = 0; i < step->keys_count; i++)
        any = any || step_key(step, i)->exists;
    if (!any)
        pairs_set(step);
    return reply_is_integer(reply, !any);
}

static void key_copy(struct sim_model_key *to, const struct sim_model_key *from)
{
    if (to != from)
        key_set(to, key_value(from));
}

static bool apply_rename(struct step *step, const struct sim_reply *reply)
{
    struct sim_model_key *from = step_key(step, 0);
    struct sim_model_key *to = step_key(step, 1);

    if (!from->exists)
        return sim_reply_is(reply, SIM_REPLY_ERROR, "ERR no such key");
    key_copy(to, from);
    if (to != from)
        key_remove(from);
    return reply_is_ok(reply);
}

static bool apply_renamenx(struct step *step, const struct sim_reply *reply)
{
    struct sim_model_key *from = step_key(step, 0);
    struct sim_model_key *to = step_key(step, 1);

    if (!from->exists)
        return sim_reply_is(reply, SIM_REPLY_ERROR, "ERR no such key");
    if (to->exists)
        return reply_is_integer(reply, 0);
    key_copy(to, from);
    key_remove(from);
    return reply_is_integer(reply, 1);
}

static bool apply_copy(struct step *step, const struct sim_reply *reply)
{
    struct sim_model_key *from = step_key(step, 0);
    struct sim_model_key *to = step_key(step, 1);

    if (to == from)
        return reply->kind == SIM_REPLY_ERROR;
    if (!from->exists || (to->exists && step->row->shape != SHAPE_REPLACE))
        return reply_is_integer(reply, 0);
    key_copy(to, from);
    return reply_is_integer(reply, 1);
}

/* ---- Keys with a time to live ---- */

/* The reply says whether the key was there. Returns whether it can have been; afterwards the model
 * knows more. */
static bool key_resolve(struct step *step, bool alive)
{
    struct sim_model_key *key = step_key(step, 0);
    uint64_t from_ms = sim_wall_ms(step->request.sent_ns);
    uint64_t to_ms = sim_wall_ms(step->model->world->now_ns);

    if (!key->exists || !key->expires)
        return alive == key->exists;
    if (!alive) {
        bool possible = key->expire_min_ms <= to_ms;

        key_remove(key);
        return possible;
    }
    if (key->expire_max_ms <= from_ms)
        return false;
    if (key->expire_min_ms <= from_ms)
        key->expire_min_ms = from_ms + 1;
    return true;
}

static void key_expire(struct step *step, uint64_t ttl_ms)
{
    struct sim_model_key *key = step_key(step, 0);

    key->expires = true;
    key->expire_min_ms = sim_wall_ms(step->request.sent_ns) + ttl_ms;
    key->expire_max_ms = sim_wall_ms(step->model->world->now_ns) + ttl_ms;
}

static bool apply_set_px(struct step *step, const struct sim_reply *reply)
{
    apply_set(step, reply);
    key_expire(step, step->ttl_ms);
    return reply_is_ok(reply);
}

static bool apply_volatile_get(struct step *step, const struct sim_reply *reply)
{
    return key_resolve(step, reply->kind == SIM_REPLY_BULK) && apply_get(step, reply);
}

static bool apply_volatile_exists(struct step *step, const struct sim_reply *reply)
{
    return key_resolve(step, reply->integer == 1) && apply_count(step, reply);
}

static bool apply_volatile_del(struct step *step, const struct sim_reply *reply)
{
    return key_resolve(step, reply->integer == 1) && apply_del(step, reply);
}

static bool apply_persist(struct step *step, const struct sim_reply *reply)
{
    struct sim_model_key *key = step_key(step, 0);

    if (key->exists && !key->expires)
        return reply_is_integer(reply, 0);
    if (!key_resolve(step, reply->integer == 1))
        return false;
    key->expires = false;
    return reply->kind == SIM_REPLY_INTEGER;
}

static bool apply_pexpire(struct step *step, const struct sim_reply *reply)
{
    if (!key_resolve(step, reply->integer == 1))
        return false;
    if (reply->integer == 1)
        key_expire(step, step->ttl_ms);
    return reply->kind == SIM_REPLY_INTEGER;
}

static bool apply_pttl(struct step *step, const struct sim_reply *reply)
{
    struct sim_model_key *key = step_key(step, 0);
    uint64_t ttl_ms = (uint64_t)reply->integer;
    uint64_t from_ms = sim_wall_ms(step->request.sent_ns);
    uint64_t to_ms = sim_wall_ms(step->model->world->now_ns);

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

/* ---- Whole databases ---- */

static bool apply_dbsize(struct step *step, const struct sim_reply *reply)
{
    int64_t count = 0;

    for (uint32_t i = 0; i < SIM_MODEL_KEYS; i++)
        count += step->model->keys[step->db][i].exists;
    return reply_is_integer(reply, count);
}

static bool apply_flushdb(struct step *step, const struct sim_reply *reply)
{
    for (uint32_t i = 0; i < SIM_MODEL_KEYS; i++)
        key_remove(&step->model->keys[step->db][i]);
    return reply_is_ok(reply);
}

static bool apply_swapdb(struct step *step, const struct sim_reply *reply)
{
    for (uint32_t i = 0; i < SIM_MODEL_KEYS; i++) {
        struct sim_model_key key = step->model->keys[0][i];

        step->model->keys[0][i] = step->model->keys[1][i];
        step->model->keys[1][i] = key;
    }
    return reply_is_ok(reply);
}

/* SELECT changed step->model->db when it was sent: what follows is for the other database. */
static bool apply_select(struct step *step, const struct sim_reply *reply)
{
    (void)step;
    return reply_is_ok(reply);
}

/* clang-format off */
static const struct row rows[] = {
    {.name = "SET",      .shape = SHAPE_VALUE,   .weight = 12, .apply = apply_set},
    {.name = "GET",      .shape = SHAPE_KEY,     .weight = 14, .apply = apply_get},
    {.name = "GETSET",   .shape = SHAPE_VALUE,   .weight = 3,  .apply = apply_getset},
    {.name = "GETDEL",   .shape = SHAPE_KEY,     .weight = 3,  .apply = apply_getdel},
    {.name = "SETNX",    .shape = SHAPE_VALUE,   .weight = 3,  .apply = apply_setnx},
    {.name = "APPEND",   .shape = SHAPE_VALUE,   .weight = 5,  .apply = apply_append},
    {.name = "STRLEN",   .shape = SHAPE_KEY,     .weight = 3,  .apply = apply_strlen},
    {.name = "INCRBY",   .shape = SHAPE_NUMBER,  .weight = 8,  .apply = apply_incrby},
    {.name = "EXISTS",   .shape = SHAPE_KEYS,    .weight = 4,  .apply = apply_count},
    {.name = "TOUCH",    .shape = SHAPE_KEYS,    .weight = 2,  .apply = apply_count},
    {.name = "DEL",      .shape = SHAPE_KEYS,    .weight = 4,  .apply = apply_del},
    {.name = "UNLINK",   .shape = SHAPE_KEYS,    .weight = 2,  .apply = apply_del},
    {.name = "MGET",     .shape = SHAPE_KEYS,    .weight = 6,  .apply = apply_mget},
    {.name = "MSET",     .shape = SHAPE_PAIRS,   .weight = 6,  .apply = apply_mset},
    {.name = "MSETNX",   .shape = SHAPE_PAIRS,   .weight = 3,  .apply = apply_msetnx},
    {.name = "RENAME",   .shape = SHAPE_TWO,     .weight = 4,  .apply = apply_rename},
    {.name = "RENAMENX", .shape = SHAPE_TWO,     .weight = 3,  .apply = apply_renamenx},
    {.name = "COPY",     .shape = SHAPE_TWO,     .weight = 2,  .apply = apply_copy},
    {.name = "COPY",     .shape = SHAPE_REPLACE, .weight = 3,  .apply = apply_copy},
    {.name = "SELECT",   .shape = SHAPE_NONE,    .weight = 2,  .apply = apply_select},
    {.name = "SET",      .shape = SHAPE_SET_PX,  .weight = 5,  .kind = KEYS_VOLATILE, .apply = apply_set_px},
    {.name = "GET",      .shape = SHAPE_KEY,     .weight = 5,  .kind = KEYS_VOLATILE, .apply = apply_volatile_get},
    {.name = "EXISTS",   .shape = SHAPE_KEY,     .weight = 2,  .kind = KEYS_VOLATILE, .apply = apply_volatile_exists},
    {.name = "DEL",      .shape = SHAPE_KEY,     .weight = 1,  .kind = KEYS_VOLATILE, .apply = apply_volatile_del},
    {.name = "PERSIST",  .shape = SHAPE_KEY,     .weight = 1,  .kind = KEYS_VOLATILE, .apply = apply_persist},
    {.name = "PEXPIRE",  .shape = SHAPE_TTL,     .weight = 2,  .kind = KEYS_VOLATILE, .apply = apply_pexpire},
    {.name = "PTTL",     .shape = SHAPE_KEY,     .weight = 3,  .kind = KEYS_VOLATILE, .apply = apply_pttl},
    {.name = "DBSIZE",   .shape = SHAPE_NONE,    .weight = 8,  .kind = KEYS_SOLE,     .apply = apply_dbsize},
    {.name = "FLUSHDB",  .shape = SHAPE_NONE,    .weight = 3,  .kind = KEYS_SOLE,     .apply = apply_flushdb},
    {.name = "SWAPDB",   .shape = SHAPE_DBS,     .weight = 6,  .kind = KEYS_SOLE,     .apply = apply_swapdb},
};
/* clang-format on */

/* ---- Playing ---- */

static const struct row *row_choose(const struct sim_model *model)
{
    for (;;) {
        const struct row *row = &rows[sim_below(model->world, GF_COUNT(rows))];

        if (row->kind == (model->sole ? KEYS_VOLATILE : KEYS_SOLE))
            continue;
        if (sim_below(model->world, 14) < row->weight)
            return row;
    }
}

static void step_add_key(struct step *step)
{
    struct sim_model *model = step->model;
    uint32_t index;

    if (step->row->kind == KEYS_VOLATILE)
        index = SIM_MODEL_KEYS + (uint32_t)sim_below(model->world, SIM_MODEL_VOLATILE);
    else if (model->hot > 0 && !sim_one_in(model->world, 50))
        index = (uint32_t)sim_below(model->world, model->hot);
    else
        index = (uint32_t)sim_below(model->world, SIM_MODEL_KEYS);
    step->keys[step->keys_count++] = index;
    sim_command_print(&step->command, "c%" PRIu64 ":%u", model->id, index);
}

static void step_add_value(struct step *step)
{
    struct sim_world *world = step->model->world;
    size_t size = sim_size(world, step->model->value_max) - 1;
    char *value;

    if (sim_one_in(world, 4)) {
        sim_command_print(&step->command, "%" PRIu64, sim_below(world, 1000000));
        return;
    }
    value = gf_alloc(GF_MEMORY_OTHER, size);
    for (size_t i = 0; i < size; i++)
        value[i] = (char)(test_random_next(&world->random) >> 40);
    if (size >= 2 && sim_one_in(world, 8))
        memcpy(value, "\r\n", 2);
    sim_command_add(&step->command, (struct gf_bytes){.data = value, .size = size});
    gf_free(GF_MEMORY_OTHER, value);
}

static void step_add_words(struct step *step)
{
    struct sim_model *model = step->model;
    struct sim_world *world = model->world;
    uint32_t keys = 1 + (uint32_t)sim_below(world, STEP_KEYS_MAX);

    sim_command_print(&step->command, "%s", step->row->name);
    switch (step->row->shape) {
    case SHAPE_NONE:
        break;
    case SHAPE_KEY:
        step_add_key(step);
        break;
    case SHAPE_VALUE:
    case SHAPE_SET_PX:
        step_add_key(step);
        step_add_value(step);
        break;
    case SHAPE_NUMBER:
        step_add_key(step);
        sim_command_print(&step->command, "%d", (int)sim_below(world, 2001) - 1000);
        break;
    case SHAPE_TTL:
        step_add_key(step);
        break;
    case SHAPE_TWO:
    case SHAPE_REPLACE:
        step_add_key(step);
        step_add_key(step);
        break;
    case SHAPE_KEYS:
        while (keys-- > 0)
            step_add_key(step);
        break;
    case SHAPE_PAIRS:
        for (; keys > 0; keys--) {
            step_add_key(step);
            step_add_value(step);
        }
        break;
    case SHAPE_DBS:
        sim_command_print(&step->command, "%u", model->db_first);
        sim_command_print(&step->command, "%u", model->db_first + 1);
        break;
    }
    if (step->row->shape == SHAPE_REPLACE)
        sim_command_print(&step->command, "REPLACE");
    if (step->row->shape == SHAPE_SET_PX)
        sim_command_print(&step->command, "PX");
    if (step->row->shape == SHAPE_SET_PX || step->row->shape == SHAPE_TTL)
        sim_command_print(&step->command, "%" PRIu64, step->ttl_ms);
    if (step->row->apply == apply_select) {
        model->db = 1 - model->db;
        sim_command_print(&step->command, "%u", model->db_first + model->db);
    }
}

static void step_answered(struct sim_request *request, const struct sim_reply *reply)
{
    struct step *step = (struct step *)request;
    struct sim_world *world = step->model->world;

    if (reply && !sim_reply_is_oom(reply) && !step->row->apply(step, reply)) {
        char text[128];

        sim_reply_format(reply, text, sizeof(text));
        sim_fail(world, "client %d, db %u: %s %.*s … answered %s, which cannot be",
                 request->client->id, step->model->db_first + step->db, step->row->name,
                 (int)(step->command.count > 1 ? step->command.sizes[1] : 0),
                 sim_command_word(&step->command, step->command.count > 1).data, text);
    }
    sim_command_deinit(&step->command);
    gf_free(GF_MEMORY_OTHER, step);
}

static void model_play(struct sim_model *model, struct sim_client *client, const struct row *row)
{
    struct step *step = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*step));

    step->request.answered = step_answered;
    step->model = model;
    step->row = row;
    step->db = model->db;
    step->ttl_ms = sim_size(model->world, 500);
    step_add_words(step);
    sim_client_send(client, &step->command, &step->request);
}

void sim_model_play(struct sim_model *model, struct sim_client *client)
{
    model_play(model, client, row_choose(model));
}

void sim_model_begin(struct sim_model *model, struct sim_client *client)
{
    const struct row *row = rows;

    while (row->apply != apply_select)
        row++;
    model->db = 1; /* SELECT takes the other one */
    model_play(model, client, row);
}

void sim_model_init(struct sim_model *model, struct sim_world *world, uint64_t id)
{
    *model = (struct sim_model){.world = world, .id = id, .value_max = 64};
}

void sim_model_deinit(struct sim_model *model)
{
    for (uint32_t db = 0; db < SIM_MODEL_DATABASES; db++) {
        for (size_t i = 0; i < GF_COUNT(model->keys[db]); i++)
            key_remove(&model->keys[db][i]);
    }
}
