/* SCAN over the connection's own keys, one call at a time between its other commands.
 *
 * A key that is there from the first call to the last must be returned, and none that is not there
 * when a call runs.
 */
#include "sim/model_step.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/bytes.h"

/* The number of an own key behind "c<id>:"; -1 = it is no own key. */
static int64_t key_number(const struct sim_model *model, struct gf_bytes name)
{
    const char *colon = memchr(name.data, ':', name.size);
    struct gf_bytes rest = {0};
    char own[32];
    int64_t number;

    snprintf(own, sizeof(own), "c%" PRIu64, model->id);
    if (!colon ||
        !gf_bytes_equal((struct gf_bytes){.data = name.data, .size = (size_t)(colon - name.data)},
                        gf_bytes_of(own)))
        return -1;
    rest.data = colon + 1;
    rest.size = (size_t)(name.data + name.size - rest.data);
    if (!gf_bytes_parse_i64(rest, &number) || number < 0 ||
        number >= SIM_MODEL_KEYS + SIM_MODEL_VOLATILE)
        return -1;
    return number;
}

static void scan_begin(struct sim_step *step)
{
    struct sim_model_scan *scan = &step->model->scan;

    scan->active = true;
    scan->db = step->db;
    for (uint32_t i = 0; i < SIM_MODEL_KEYS; i++) {
        scan->present[i] = step->model->keys[step->db][i].exists;
        scan->seen[i] = false;
    }
}

bool sim_apply_scan(struct sim_step *step, const struct sim_reply *reply)
{
    struct sim_model *model = step->model;
    struct sim_model_scan *scan = &model->scan;

    scan->asked = false;
    if (reply->kind != SIM_REPLY_ARRAY || reply->integer != 2 || reply->elements_count == 0 ||
        !gf_bytes_parse_u64(reply->elements[0].text, &scan->cursor))
        return false;
    if (!scan->active)
        scan_begin(step);
    for (uint32_t i = 1; i < reply->elements_count; i++) {
        int64_t number = key_number(model, reply->elements[i].text);

        if (number < 0)
            return false;
        if (number >= SIM_MODEL_KEYS)
            continue;
        if (!model->keys[step->db][number].exists)
            return false;
        scan->seen[number] = true;
    }
    if (scan->cursor != 0)
        return true;
    scan->active = false;
    for (uint32_t i = 0; i < SIM_MODEL_KEYS; i++) {
        if (scan->present[i] && !scan->seen[i] && !model->may_evict_all && !model->one_core)
            return false;
    }
    return true;
}

void sim_scan_follow(struct sim_model *model)
{
    struct sim_model_scan *scan = &model->scan;

    for (uint32_t i = 0; i < SIM_MODEL_KEYS && scan->active; i++)
        scan->present[i] = scan->present[i] && model->keys[scan->db][i].exists;
}

void sim_scan_give_up(struct sim_model *model)
{
    memset(model->scan.present, 0, sizeof(model->scan.present));
}
