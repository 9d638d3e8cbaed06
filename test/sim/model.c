/* Commands as rows: how their words look, and what they do to the model. */
#include "sim/model_step.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"

/* clang-format off */
static const struct sim_row rows[] = {
    {.name = "SET",      .shape = SIM_SHAPE_VALUE,   .weight = 12, .apply = sim_apply_set},
    {.name = "GET",      .shape = SIM_SHAPE_KEY,     .weight = 14, .apply = sim_apply_get},
    {.name = "GETSET",   .shape = SIM_SHAPE_VALUE,   .weight = 3,  .apply = sim_apply_getset},
    {.name = "GETDEL",   .shape = SIM_SHAPE_KEY,     .weight = 3,  .apply = sim_apply_getdel},
    {.name = "SETNX",    .shape = SIM_SHAPE_VALUE,   .weight = 3,  .apply = sim_apply_setnx},
    {.name = "APPEND",   .shape = SIM_SHAPE_VALUE,   .weight = 5,  .apply = sim_apply_append},
    {.name = "STRLEN",   .shape = SIM_SHAPE_KEY,     .weight = 3,  .apply = sim_apply_strlen},
    {.name = "INCRBY",   .shape = SIM_SHAPE_NUMBER,  .weight = 8,  .apply = sim_apply_incrby},
    {.name = "EXISTS",   .shape = SIM_SHAPE_KEYS,    .weight = 4,  .apply = sim_apply_count},
    {.name = "TOUCH",    .shape = SIM_SHAPE_KEYS,    .weight = 2,  .apply = sim_apply_count},
    {.name = "DEL",      .shape = SIM_SHAPE_KEYS,    .weight = 4,  .apply = sim_apply_del},
    {.name = "UNLINK",   .shape = SIM_SHAPE_KEYS,    .weight = 2,  .apply = sim_apply_del},
    {.name = "MGET",     .shape = SIM_SHAPE_KEYS,    .weight = 6,  .apply = sim_apply_mget},
    {.name = "MSET",     .shape = SIM_SHAPE_PAIRS,   .weight = 6,  .apply = sim_apply_mset},
    {.name = "MSETNX",   .shape = SIM_SHAPE_PAIRS,   .weight = 3,  .apply = sim_apply_msetnx},
    {.name = "RENAME",   .shape = SIM_SHAPE_TWO,     .weight = 4,  .apply = sim_apply_rename},
    {.name = "RENAMENX", .shape = SIM_SHAPE_TWO,     .weight = 3,  .apply = sim_apply_renamenx},
    {.name = "COPY",     .shape = SIM_SHAPE_TWO,     .weight = 2,  .apply = sim_apply_copy},
    {.name = "COPY",     .shape = SIM_SHAPE_REPLACE, .weight = 3,  .apply = sim_apply_copy},
    {.name = "SELECT",   .shape = SIM_SHAPE_NONE,    .weight = 2,  .apply = sim_apply_select},
    {.name = "SCAN",     .shape = SIM_SHAPE_SCAN,    .weight = 6,  .apply = sim_apply_scan},
    {.name = "HELLO",    .shape = SIM_SHAPE_HELLO,   .weight = 1,  .apply = sim_apply_hello},
    {.name = "SET",      .shape = SIM_SHAPE_SET_PX,  .weight = 5,  .kind = SIM_KEYS_VOLATILE, .apply = sim_apply_set_px},
    {.name = "GET",      .shape = SIM_SHAPE_KEY,     .weight = 5,  .kind = SIM_KEYS_VOLATILE, .apply = sim_apply_volatile_get},
    {.name = "EXISTS",   .shape = SIM_SHAPE_KEY,     .weight = 2,  .kind = SIM_KEYS_VOLATILE, .apply = sim_apply_volatile_exists},
    {.name = "DEL",      .shape = SIM_SHAPE_KEY,     .weight = 1,  .kind = SIM_KEYS_VOLATILE, .apply = sim_apply_volatile_del},
    {.name = "PERSIST",  .shape = SIM_SHAPE_KEY,     .weight = 1,  .kind = SIM_KEYS_VOLATILE, .apply = sim_apply_persist},
    {.name = "PEXPIRE",  .shape = SIM_SHAPE_TTL,     .weight = 2,  .kind = SIM_KEYS_VOLATILE, .apply = sim_apply_pexpire},
    {.name = "PTTL",     .shape = SIM_SHAPE_KEY,     .weight = 3,  .kind = SIM_KEYS_VOLATILE, .apply = sim_apply_pttl},
    {.name = "DBSIZE",   .shape = SIM_SHAPE_NONE,    .weight = 8,  .kind = SIM_KEYS_SOLE,     .apply = sim_apply_dbsize},
    {.name = "FLUSHDB",  .shape = SIM_SHAPE_NONE,    .weight = 3,  .kind = SIM_KEYS_SOLE,     .apply = sim_apply_flushdb},
    {.name = "SWAPDB",   .shape = SIM_SHAPE_DBS,     .weight = 6,  .kind = SIM_KEYS_SOLE,     .apply = sim_apply_swapdb},
};
/* clang-format on */

/* ---- Playing ---- */

static bool row_fits(const struct sim_model *model, const struct sim_row *row)
{
    const struct sim_model_scan *scan = &model->scan;

    if (row->kind == (model->sole ? SIM_KEYS_VOLATILE : SIM_KEYS_SOLE))
        return false;
    if (row->shape == SIM_SHAPE_HELLO)
        return model->world->kind.speaks3;
    if (row->shape == SIM_SHAPE_SCAN)
        return !scan->asked && (!scan->active || scan->db == model->db);
    return true;
}

static const struct sim_row *row_choose(const struct sim_model *model)
{
    for (;;) {
        const struct sim_row *row = &rows[sim_below(model->world, GF_COUNT(rows))];

        if (!row_fits(model, row))
            continue;
        if (sim_below(model->world, 14) < row->weight)
            return row;
    }
}

static void step_add_key(struct sim_step *step)
{
    struct sim_model *model = step->model;
    uint32_t index;

    if (step->row->kind == SIM_KEYS_VOLATILE)
        index = SIM_MODEL_KEYS + (uint32_t)sim_below(model->world, SIM_MODEL_VOLATILE);
    else if (model->hot > 0 && !sim_one_in(model->world, 50))
        index = (uint32_t)sim_below(model->world, model->hot);
    else
        index = (uint32_t)sim_below(model->world, SIM_MODEL_KEYS);
    step->keys[step->keys_count++] = index;
    sim_command_print(&step->command, "c%" PRIu64 ":%u", model->id, index);
}

static void step_add_value(struct sim_step *step)
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

static void step_add_scan(struct sim_step *step)
{
    struct sim_model *model = step->model;

    model->scan.asked = true;
    sim_command_print(&step->command, "%" PRIu64, model->scan.active ? model->scan.cursor : 0);
    sim_command_print(&step->command, "MATCH");
    sim_command_print(&step->command, "c%" PRIu64 ":*", model->id);
    sim_command_print(&step->command, "COUNT");
    sim_command_print(&step->command, "%" PRIu64, sim_size(model->world, 100));
}

static void step_add_words(struct sim_step *step)
{
    struct sim_model *model = step->model;
    struct sim_world *world = model->world;
    uint32_t keys = 1 + (uint32_t)sim_below(world, SIM_STEP_KEYS_MAX);

    sim_command_print(&step->command, "%s", step->row->name);
    switch (step->row->shape) {
    case SIM_SHAPE_NONE:
        break;
    case SIM_SHAPE_KEY:
        step_add_key(step);
        break;
    case SIM_SHAPE_VALUE:
    case SIM_SHAPE_SET_PX:
        step_add_key(step);
        step_add_value(step);
        break;
    case SIM_SHAPE_NUMBER:
        step_add_key(step);
        sim_command_print(&step->command, "%d", (int)sim_below(world, 2001) - 1000);
        break;
    case SIM_SHAPE_TTL:
        step_add_key(step);
        break;
    case SIM_SHAPE_TWO:
    case SIM_SHAPE_REPLACE:
        step_add_key(step);
        step_add_key(step);
        break;
    case SIM_SHAPE_KEYS:
        while (keys-- > 0)
            step_add_key(step);
        break;
    case SIM_SHAPE_PAIRS:
        for (; keys > 0; keys--) {
            step_add_key(step);
            step_add_value(step);
        }
        break;
    case SIM_SHAPE_DBS:
        sim_command_print(&step->command, "%u", model->db_first);
        sim_command_print(&step->command, "%u", model->db_first + 1);
        break;
    case SIM_SHAPE_SCAN:
        step_add_scan(step);
        break;
    case SIM_SHAPE_HELLO:
        step->request.resp = sim_one_in(world, 2) ? 2 : 3;
        sim_command_print(&step->command, "%u", step->request.resp);
        break;
    }
    if (step->row->shape == SIM_SHAPE_REPLACE)
        sim_command_print(&step->command, "REPLACE");
    if (step->row->shape == SIM_SHAPE_SET_PX)
        sim_command_print(&step->command, "PX");
    if (step->row->shape == SIM_SHAPE_SET_PX || step->row->shape == SIM_SHAPE_TTL)
        sim_command_print(&step->command, "%" PRIu64, step->ttl_ms);
    if (step->row->apply == sim_apply_select) {
        model->db = 1 - model->db;
        sim_command_print(&step->command, "%u", model->db_first + model->db);
    }
}

static bool step_apply(struct sim_step *step, const struct sim_reply *reply)
{
    bool fits;

    if (sim_reply_is_oom(reply))
        return true; /* nothing was done */
    if (step->model->may_evict_all && step->row->kind == SIM_KEYS_PLAIN && step->keys_count > 0)
        fits = sim_evict_apply(step, reply);
    else
        fits = step->row->apply(step, reply);
    sim_scan_follow(step->model);
    return fits;
}

static void step_answered(struct sim_request *request, const struct sim_reply *reply)
{
    struct sim_step *step = (struct sim_step *)request;
    struct sim_world *world = step->model->world;

    if (reply && !step_apply(step, reply)) {
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

static void model_play(struct sim_model *model, struct sim_client *client,
                       const struct sim_row *row)
{
    struct sim_step *step = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*step));

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
    const struct sim_row *row = rows;

    while (row->apply != sim_apply_select)
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
            sim_key_remove(&model->keys[db][i]);
    }
}
