/* Commands that give a value another key or another database: RENAME RENAMENX COPY MOVE.
 *
 * The expiry goes along, and what the destination held goes away with its own. RENAME and COPY may
 * have keys in two partitions, which are then lent to the core that runs them; MOVE stays in one,
 * because a key's partition is the same in every database.
 */
#include "core/alloc.h"
#include "core/assert.h"
#include "modules/keyspace.h"
#include "modules/module.h"
#include "modules/place.h"

#define COPY_PIECE 65536u /* bytes */

/* What was not taken over by a keyspace is freed: the copy of a value of bytes, always; a structure
 * only if it was not put. */
static void value_put_done(struct gf_value *value, const struct gf_place *place, bool put)
{
    if (put)
        value->pointer = NULL;
    gf_value_deinit(value, gf_keyspace_context_of(place->keyspace));
}

/* False when there is no memory; nothing has changed then. */
static bool place_put(struct gf_exec *x, const struct gf_place *to, const struct gf_value *value,
                      uint64_t expire_ms)
{
    return gf_keyspace_put(to->keyspace, to->hash, to->key, value, expire_ms, x->now_ms) != NULL;
}

/* Moves `object` from one key to another. When there is no memory it goes back to where it was,
 * an error is answered, and false returned. */
static bool place_move(struct gf_exec *x, const struct gf_place *from, struct gf_object *object,
                       const struct gf_place *to)
{
    struct gf_value value;
    uint64_t expire_ms;

    gf_keyspace_take(from->keyspace, from->hash, object, &value, &expire_ms);

    bool moved = place_put(x, to, &value, expire_ms);
    bool put = moved || place_put(x, from, &value, expire_ms);

    value_put_done(&value, from, put);
    if (!moved)
        gf_reply_error(x->reply, GF_MSG_OOM);
    return moved;
}

/* RENAME and RENAMENX up to the answer.
 *
 * keep        leave an existing destination alone
 * ret_renamed the source has the new name now, which it may have had before
 * Returns     false when an error was answered
 */
static bool rename_key(struct gf_exec *x, bool keep, bool *ret_renamed)
{
    struct gf_place from = gf_place_next(x);
    struct gf_place to = gf_place_next(x);

    if (!gf_args_finish(x->args, x->reply))
        return false;

    struct gf_object *object = gf_place_find(x, &from);

    if (object == NULL) {
        gf_reply_error(x->reply, GF_MSG_NO_KEY);
        return false;
    }
    bool same = gf_bytes_equal(from.key, to.key);
    bool rename = !keep || (!same && gf_place_peek(x, &to) == NULL);

    if (rename && !same) {
        if (!place_move(x, &from, object, &to))
            return false;
        gf_exec_changed(x, x->db, to.key, 0, NULL); /* it may be new: that is told first */
        gf_exec_changed(x, x->db, from.key, GF_EVENT_GENERIC, "rename_from");
        gf_exec_event(x, x->db, to.key, GF_EVENT_GENERIC, "rename_to");
    }
    *ret_renamed = rename;
    return true;
}

static void rename_always(struct gf_exec *x)
{
    bool renamed;

    if (rename_key(x, false, &renamed))
        gf_reply_ok(x->reply);
}

static void rename_if_new(struct gf_exec *x)
{
    bool renamed;

    if (rename_key(x, true, &renamed))
        gf_reply_int(x->reply, renamed);
}

/* The next word as the number of a database. */
static uint32_t args_next_db(struct gf_exec *x)
{
    int64_t db = gf_args_next_range(x->args, INT32_MIN, INT32_MAX, GF_MSG_INT_RANGE);

    if (db >= 0 && db < x->space->databases)
        return (uint32_t)db;
    gf_args_fail(x->args, GF_MSG_DB_INDEX);
    return 0;
}

static void move(struct gf_exec *x)
{
    struct gf_place from = gf_place_next(x);
    uint32_t db = args_next_db(x);

    if (!gf_args_finish(x->args, x->reply))
        return;
    if (db == x->db) {
        gf_reply_error(x->reply, GF_MSG_SAME_OBJECT);
        return;
    }

    struct gf_place to = gf_place_of(x, db, from.key);
    struct gf_object *object = gf_place_find(x, &from);

    if (object == NULL || gf_place_peek(x, &to) != NULL) {
        gf_reply_int(x->reply, 0);
        return;
    }
    if (!place_move(x, &from, object, &to))
        return;
    gf_exec_changed(x, db, to.key, 0, NULL); /* it is new: that is told first */
    gf_exec_changed(x, x->db, from.key, GF_EVENT_GENERIC, "move_from");
    gf_exec_event(x, db, to.key, GF_EVENT_GENERIC, "move_to");
    gf_reply_int(x->reply, 1);
}

/* The bytes of a long string, a piece at a time. */
static void bytes_copy(struct gf_exec *x, char *to, struct gf_bytes bytes)
{
    for (size_t at = 0; at < bytes.size; at += COPY_PIECE) {
        size_t left = bytes.size - at;

        memcpy(to + at, bytes.data + at, left < COPY_PIECE ? left : COPY_PIECE);
        gf_exec_pause(x, COPY_PIECE / 512);
    }
}

/* A value like `object`'s, in memory of its own. False when there is none for it. */
static bool value_copy(struct gf_exec *x, const struct gf_place *place,
                       const struct gf_object *object, struct gf_value *ret_value)
{
    struct gf_value value = {.type = (uint8_t)gf_object_type(object),
                             .encoding = gf_object_encoding(object)};

    if ((object->flags & GF_OBJECT_POINTER) != 0) {
        value.pointer = gf_place_type(place, object)->copy(gf_object_pointer(object), &x->pace);
        if (value.pointer == NULL)
            return false;
    } else {
        struct gf_bytes bytes = gf_object_bytes(object);
        char *block = gf_alloc_try(GF_MEMORY_DATA, bytes.size);

        if (block == NULL)
            return false;
        bytes_copy(x, block, bytes);
        value.bytes = (struct gf_bytes){.data = block, .size = bytes.size};
    }
    *ret_value = value;
    return true;
}

/* Puts a copy of `object` under `to`; false when there is no memory for it. */
static bool place_copy(struct gf_exec *x, const struct gf_place *from,
                       const struct gf_object *object, const struct gf_place *to)
{
    struct gf_value value;

    if (!value_copy(x, from, object, &value))
        return false;

    bool put = place_put(x, to, &value, gf_object_expire_ms(object));

    value_put_done(&value, to, put);
    return put;
}

static void copy(struct gf_exec *x)
{
    struct gf_place from = gf_place_next(x);
    struct gf_bytes to_key = gf_args_next(x->args);
    uint32_t db = x->db;
    bool replace = false;

    while (gf_args_left(x->args) > 0) {
        if (gf_args_skip_if(x->args, "REPLACE"))
            replace = true;
        else if (gf_args_skip_if(x->args, "DB"))
            db = args_next_db(x);
        else
            break; /* left over: a syntax error */
    }
    if (!gf_args_finish(x->args, x->reply))
        return;
    if (db == x->db && gf_bytes_equal(from.key, to_key)) {
        gf_reply_error(x->reply, GF_MSG_SAME_OBJECT);
        return;
    }

    struct gf_place to = gf_place_of(x, db, to_key);
    const struct gf_object *object = gf_place_find(x, &from);

    gf_exec_answered(x, from.key, object != NULL);
    if (object == NULL || (!replace && gf_place_peek(x, &to) != NULL)) {
        gf_reply_int(x->reply, 0);
    } else if (place_copy(x, &from, object, &to)) {
        gf_exec_changed(x, db, to.key, GF_EVENT_GENERIC, "copy_to");
        gf_reply_int(x->reply, 1);
    } else {
        gf_reply_error(x->reply, GF_MSG_OOM);
    }
}

static const struct gf_history renamenx_history[] = {
    {.since = "3.2.0", .what = "A key renamed to itself is no error."},
};

static const struct gf_key_spec rename_keys[] = {
    {.flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_DELETE, .begin_index = 1, .step = 1},
    {.flags = GF_KEY_OW | GF_KEY_UPDATE, .begin_index = 2, .step = 1},
};

static const struct gf_key_spec renamenx_keys[] = {
    {.flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_DELETE, .begin_index = 1, .step = 1},
    {.flags = GF_KEY_OW | GF_KEY_INSERT, .begin_index = 2, .step = 1},
};

static const struct gf_key_spec copy_keys[] = {
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 1, .step = 1},
    {.flags = GF_KEY_OW | GF_KEY_UPDATE, .begin_index = 2, .step = 1},
};

/* clang-format off */
static const struct gf_command commands[] = {
    {
        .name = "RENAME", .run = rename_always, .flags = GF_WRITE, .arity = 3,
        .key_first = 1, .key_last = 2, .key_step = 1,
        .key_specs = rename_keys, .key_specs_count = GF_COUNT(rename_keys),
        .since = "1.0.0", .group = "generic", .complexity = "O(1)",
        .summary = "Gives a value another key; what that key held is gone.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "newkey", .type = GF_ARG_KEY}),
    },
    {
        .name = "RENAMENX", .run = rename_if_new, .flags = GF_WRITE | GF_FAST, .arity = 3,
        .key_first = 1, .key_last = 2, .key_step = 1,
        .key_specs = renamenx_keys, .key_specs_count = GF_COUNT(renamenx_keys),
        .since = "1.0.0", .group = "generic", .complexity = "O(1)",
        .summary = "Gives a value another key, unless that key exists.",
        .history = renamenx_history, .history_count = GF_COUNT(renamenx_history),
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "newkey", .type = GF_ARG_KEY}),
    },
    {
        .name = "COPY", .run = copy, .flags = GF_WRITE | GF_GROWS | GF_SLICED, .arity = -3,
        .key_first = 1, .key_last = 2, .key_step = 1,
        .key_specs = copy_keys, .key_specs_count = GF_COUNT(copy_keys),
        .since = "6.2.0", .group = "generic",
        .complexity = "O(N), N = elements of a collection or bytes of a string",
        .summary = "Copies a value to another key or database; answers 1 if it did.",
        GF_ARGS({.name = "source", .type = GF_ARG_KEY},
                {.name = "destination", .type = GF_ARG_KEY},
                {.name = "destination-db", .type = GF_ARG_INTEGER, .token = "DB",
                 .flags = GF_ARG_OPTIONAL},
                {.name = "replace", .type = GF_ARG_TOKEN, .token = "REPLACE",
                 .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "MOVE", .run = move, .flags = GF_WRITE | GF_FAST, .arity = 3,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE,
        .since = "1.0.0", .group = "generic", .complexity = "O(1)",
        .summary = "Moves a key to another database, unless it exists there.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}, {.name = "db", .type = GF_ARG_INTEGER}),
    },
};
/* clang-format on */

const struct gf_module gf_rename_module = {
    .abi = GF_MODULE_ABI,
    .name = "rename",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
