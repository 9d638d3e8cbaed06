/* Commands on fields that the client names: HSET, HGET and their relatives, HINCRBY. */
#include "core/assert.h"
#include "modules/hashes.h"

/* Storing. */

/* Sets pairs of words from the next one on; false when an error was answered. What was set before
 * memory ran out stays set.
 *
 * ret_added  how many fields are new
 */
static bool pairs_put(struct gf_exec *x, struct gf_hash *hash, uint64_t *ret_added)
{
    uint64_t added = 0;

    while (gf_args_left(x->args) > 0) {
        struct gf_bytes field = gf_args_next(x->args);
        struct gf_dict_draft draft = {.value = gf_args_next(x->args)};
        enum gf_dict_put_result result = gf_hash_put(hash, field, &draft);

        if (result == GF_DICT_NO_MEMORY) {
            gf_hash_changed(hash, "hset");
            gf_reply_error(x->reply, GF_MSG_OOM);
            return false;
        }
        added += result == GF_DICT_ADDED;
    }
    *ret_added = added;
    return true;
}

/* HSET and HMSET up to the answer. */
static bool hash_set(struct gf_exec *x, const char *name, uint64_t *ret_added)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct gf_hash hash;

    if (gf_args_left(x->args) % 2 != 0) {
        gf_reply_error_explain(x->reply, GF_MSG_WRONG_ARITY, name, "");
        return false;
    }
    if (!gf_hash_find_to_change(x, key, &hash) || !pairs_put(x, &hash, ret_added))
        return false;
    gf_hash_changed(&hash, "hset");
    return true;
}

void gf_hash_hset_run(struct gf_exec *x)
{
    uint64_t added;

    if (hash_set(x, "hset", &added))
        gf_reply_int(x->reply, (int64_t)added);
}

void gf_hash_hmset_run(struct gf_exec *x)
{
    uint64_t added;

    if (hash_set(x, "hmset", &added))
        gf_reply_ok(x->reply);
}

void gf_hash_hsetnx_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct gf_bytes field = gf_args_next(x->args);
    struct gf_dict_draft draft = {.value = gf_args_next(x->args)};
    struct gf_dict_entry entry;
    struct gf_hash hash;

    if (!gf_hash_find_to_change(x, key, &hash))
        return;
    if (gf_hash_get(&hash, field, &entry)) {
        gf_reply_int(x->reply, 0);
        return;
    }
    if (gf_hash_put(&hash, field, &draft) == GF_DICT_NO_MEMORY) {
        gf_hash_changed(&hash, NULL);
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    gf_hash_changed(&hash, "hset");
    gf_reply_int(x->reply, 1);
}

/* Reading. */

static void value_reply(const struct gf_hash *hash, struct gf_bytes field)
{
    struct gf_dict_entry entry;

    if (gf_hash_get(hash, field, &entry))
        gf_packed_reply(hash->x->reply, &entry.value);
    else
        gf_reply_null(hash->x->reply);
}

void gf_hash_hget_run(struct gf_exec *x)
{
    struct gf_hash hash;

    if (gf_hash_find(x, x->args->words[1], &hash))
        value_reply(&hash, x->args->words[2]);
}

void gf_hash_hmget_run(struct gf_exec *x)
{
    struct gf_hash hash;

    if (!gf_hash_find(x, gf_args_next(x->args), &hash))
        return;
    gf_reply_array(x->reply, gf_args_left(x->args));
    while (gf_args_left(x->args) > 0)
        value_reply(&hash, gf_args_next(x->args));
}

void gf_hash_hlen_run(struct gf_exec *x)
{
    struct gf_hash hash;

    if (gf_hash_find(x, x->args->words[1], &hash))
        gf_reply_int(x->reply, (int64_t)gf_hash_count(&hash));
}

void gf_hash_hexists_run(struct gf_exec *x)
{
    struct gf_dict_entry entry;
    struct gf_hash hash;

    if (gf_hash_find(x, x->args->words[1], &hash))
        gf_reply_int(x->reply, gf_hash_get(&hash, x->args->words[2], &entry));
}

void gf_hash_hstrlen_run(struct gf_exec *x)
{
    struct gf_dict_entry entry;
    struct gf_hash hash;

    if (!gf_hash_find(x, x->args->words[1], &hash))
        return;
    if (gf_hash_get(&hash, x->args->words[2], &entry))
        gf_reply_int(x->reply, (int64_t)gf_packed_text_size(&entry.value));
    else
        gf_reply_int(x->reply, 0);
}

/* Removing. */

void gf_hash_hdel_run(struct gf_exec *x)
{
    uint64_t removed = 0;
    struct gf_hash hash;

    if (!gf_hash_find_to_change(x, gf_args_next(x->args), &hash))
        return;
    while (gf_args_left(x->args) > 0)
        removed += gf_hash_remove(&hash, gf_args_next(x->args));
    if (removed > 0)
        gf_hash_changed(&hash, "hdel");
    gf_reply_int(x->reply, (int64_t)removed);
}

/* Numbers. */

/* Another value for a field that keeps its expiry; false when an error was answered. */
static bool value_change(struct gf_hash *hash, struct gf_bytes field,
                         const struct gf_dict_draft *draft, const char *event)
{
    if (gf_hash_put(hash, field, draft) != GF_DICT_NO_MEMORY) {
        gf_hash_changed(hash, event);
        return true;
    }
    gf_hash_changed(hash, NULL);
    gf_reply_error(hash->x->reply, GF_MSG_OOM);
    return false;
}

void gf_hash_hincrby_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct gf_bytes field = gf_args_next(x->args);
    int64_t delta = gf_args_next_i64(x->args);
    struct gf_dict_entry entry = {.value = {.number = 0}};
    char text[GF_I64_TEXT_MAX];
    struct gf_hash hash;

    if (!gf_args_finish(x->args, x->reply) || !gf_hash_find_to_change(x, key, &hash))
        return;
    bool found = gf_hash_get(&hash, field, &entry);
    int64_t number = found ? entry.value.number : 0;

    if (found && !gf_packed_view_is_int(&entry.value)) {
        gf_reply_error(x->reply, GF_MSG_HASH_NOT_INTEGER);
        return;
    }
    if (__builtin_add_overflow(number, delta, &number)) {
        gf_reply_error(x->reply, GF_MSG_OVERFLOW);
        return;
    }
    struct gf_dict_draft draft = {
        .value = {.data = text, .size = gf_i64_format(text, number)},
        .expire_ms = found ? entry.expire_ms : 0,
    };

    if (value_change(&hash, field, &draft, "hincrby"))
        gf_reply_int(x->reply, number);
}

/* The number in a field, 0 without one; false when an error was answered. */
static bool float_of(struct gf_exec *x, const struct gf_dict_entry *entry, long double *ret_number)
{
    char text[GF_PACKED_TEXT_MAX];

    *ret_number = 0;
    if (!entry || gf_bytes_parse_long_double(gf_packed_text(&entry->value, text), ret_number))
        return true;
    gf_reply_error(x->reply, GF_MSG_HASH_NOT_FLOAT);
    return false;
}

/* HINCRBYFLOAT's words; false when an error was answered. */
static bool float_read(struct gf_exec *x, struct gf_bytes word, long double *ret_delta)
{
    if (!gf_bytes_parse_long_double(word, ret_delta)) {
        gf_reply_error(x->reply, GF_MSG_NOT_FLOAT);
        return false;
    }
    if (__builtin_isnan(*ret_delta) || __builtin_isinf(*ret_delta)) {
        gf_reply_error(x->reply, GF_MSG_VALUE_NAN_OR_INFINITY);
        return false;
    }
    return true;
}

void gf_hash_hincrbyfloat_run(struct gf_exec *x)
{
    const struct gf_bytes *words = x->args->words;
    char text[GF_LONG_DOUBLE_TEXT_MAX];
    struct gf_dict_entry entry;
    struct gf_hash hash;
    long double number, delta;

    if (!float_read(x, words[3], &delta) || !gf_hash_find_to_change(x, words[1], &hash))
        return;
    bool found = gf_hash_get(&hash, words[2], &entry);

    if (!float_of(x, found ? &entry : NULL, &number))
        return;
    number += delta;
    if (__builtin_isnan(number) || __builtin_isinf(number)) {
        gf_reply_error(x->reply, GF_MSG_NAN_OR_INFINITY);
        return;
    }
    struct gf_dict_draft draft = {
        .value = {.data = text, .size = gf_long_double_format(text, number)},
        .expire_ms = found ? entry.expire_ms : 0,
    };

    if (value_change(&hash, words[2], &draft, "hincrbyfloat"))
        gf_reply_bulk(x->reply, draft.value);
}
