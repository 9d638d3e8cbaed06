/* Commands about keys whatever they hold: DEL UNLINK EXISTS TOUCH TYPE.
 *
 * All but TYPE take any number of keys and answer how many of them it concerned, so they split over
 * the owners of the keys and the answers add up. A key named twice counts twice, except where the
 * first time took it away.
 */
#include "core/assert.h"
#include "modules/keyspace.h"
#include "modules/module.h"
#include "modules/place.h"

/* DEL and UNLINK are one: big structures are freed in slices either way. */
static void del(struct gf_exec *x)
{
    int64_t removed = 0;

    while (gf_args_left(x->args) > 0) {
        struct gf_place place = gf_place_next(x);
        struct gf_object *object = gf_place_peek(x, &place);

        if (object == NULL)
            continue;
        gf_keyspace_remove(place.keyspace, place.hash, object);
        gf_exec_changed(x, x->db, place.key, GF_EVENT_GENERIC, "del");
        removed++;
    }
    gf_reply_int(x->reply, removed);
}

static void exists(struct gf_exec *x)
{
    int64_t found = 0;

    while (gf_args_left(x->args) > 0) {
        struct gf_place place = gf_place_next(x);

        found += gf_place_peek(x, &place) != NULL;
    }
    gf_reply_int(x->reply, found);
}

static void touch(struct gf_exec *x)
{
    int64_t found = 0;

    while (gf_args_left(x->args) > 0) {
        struct gf_place place = gf_place_next(x);

        found += gf_place_find(x, &place) != NULL;
    }
    gf_reply_int(x->reply, found);
}

static void type(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);

    if (!gf_args_finish(x->args, x->reply))
        return;

    const struct gf_object *object = gf_place_peek(x, &place);

    if (object == NULL) {
        gf_reply_status(x->reply, GF_BYTES("none"));
        return;
    }
    gf_reply_status(x->reply, gf_bytes_of(gf_place_type(&place, object)->name));
}

static const struct gf_history exists_history[] = {
    {.since = "3.0.3", .what = "Takes several keys."},
};

/* clang-format off */
static const struct gf_command commands[] = {
    {
        .name = "DEL", .run = del, .flags = GF_WRITE, .arity = -2,
        .key_first = 1, .key_last = -1, .key_step = 1, .merge = GF_MERGE_SUM,
        .key_flags = GF_KEY_RM | GF_KEY_DELETE,
        .since = "1.0.0", .group = "generic",
        .complexity = "O(N), N = keys given. What big values held is freed later, in slices.",
        .summary = "Removes keys; answers how many there were.",
        .tips = "request_policy:multi_shard|response_policy:agg_sum",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "UNLINK", .run = del, .flags = GF_WRITE | GF_FAST, .arity = -2,
        .key_first = 1, .key_last = -1, .key_step = 1, .merge = GF_MERGE_SUM,
        .key_flags = GF_KEY_RM | GF_KEY_DELETE,
        .since = "4.0.0", .group = "generic",
        .complexity = "O(N), N = keys given. What big values held is freed later, in slices.",
        .summary = "Removes keys; answers how many there were. The same as DEL.",
        .tips = "request_policy:multi_shard|response_policy:agg_sum",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "EXISTS", .run = exists, .flags = GF_READ | GF_FAST | GF_NO_TOUCH, .arity = -2,
        .key_first = 1, .key_last = -1, .key_step = 1, .merge = GF_MERGE_SUM,
        .key_flags = GF_KEY_RO,
        .since = "1.0.0", .group = "generic", .complexity = "O(N), N = keys given",
        .summary = "Answers how many of the keys exist; a key given twice counts twice.",
        .tips = "request_policy:multi_shard|response_policy:agg_sum",
        .history = exists_history, .history_count = GF_COUNT(exists_history),
        GF_ARGS({.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "TOUCH", .run = touch, .flags = GF_READ | GF_FAST, .arity = -2,
        .key_first = 1, .key_last = -1, .key_step = 1, .merge = GF_MERGE_SUM,
        .key_flags = GF_KEY_RO,
        .since = "3.2.1", .group = "generic", .complexity = "O(N), N = keys given",
        .summary = "Counts an access of every key; answers how many of them exist.",
        .tips = "request_policy:multi_shard|response_policy:agg_sum",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "TYPE", .run = type, .flags = GF_READ | GF_FAST | GF_NO_TOUCH, .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO,
        .since = "1.0.0", .group = "generic", .complexity = "O(1)",
        .summary = "Answers the type of a key's value, or none.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
};
/* clang-format on */

const struct gf_module gf_generic_module = {
    .abi = GF_MODULE_ABI,
    .name = "generic",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
