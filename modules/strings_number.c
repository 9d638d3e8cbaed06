/* Strings as numbers: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT. */
#include "modules/strings.h"

/* number_of - a string as an integer, 0 without one; false, and an error answered, if it is no
 * integer. */
static bool number_of(struct gf_exec *x, const struct gf_object *object, int64_t *ret_number)
{
    if (object == NULL) {
        *ret_number = 0;
        return true;
    }
    if (gf_object_encoding(object) == GF_STRING_INT) {
        *ret_number = gf_object_int(object);
        return true;
    }
    if (gf_bytes_parse_i64(gf_object_bytes(object), ret_number))
        return true;
    gf_reply_error(x->reply, GF_MSG_NOT_INTEGER);
    return false;
}

/* increment - what all of them do. In place where a number is stored as such. */
static void increment(struct gf_exec *x, struct gf_bytes key, int64_t delta)
{
    struct gf_object *object;
    int64_t number;

    if (!gf_string_find(x, key, &object) || !number_of(x, object, &number))
        return;
    if (__builtin_add_overflow(number, delta, &number)) {
        gf_reply_error(x->reply, GF_MSG_OVERFLOW);
        return;
    }

    if (object != NULL && gf_object_encoding(object) == GF_STRING_INT) {
        gf_keyspace_set_int(x->keyspace, object, number);
    } else {
        struct gf_value value = {
            .type = GF_TYPE_STRING,
            .encoding = GF_STRING_INT,
            .bytes = {.data = (const char *)&number, .size = sizeof(number)},
        };

        if (gf_keyspace_put(x->keyspace, x->key_hash, key, &value, object ? GF_KEEP_EXPIRE : 0,
                            x->now_ms) == NULL) {
            gf_reply_error(x->reply, GF_MSG_OOM);
            return;
        }
    }
    gf_exec_changed(x, x->db, key, GF_EVENT_STRING, "incrby");
    gf_reply_int(x->reply, number);
}

void gf_string_incr_run(struct gf_exec *x)
{
    increment(x, x->args->words[1], 1);
}

void gf_string_decr_run(struct gf_exec *x)
{
    increment(x, x->args->words[1], -1);
}

void gf_string_incrby_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    int64_t delta = gf_args_next_i64(x->args);

    if (gf_args_finish(x->args, x->reply))
        increment(x, key, delta);
}

void gf_string_decrby_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    int64_t delta = gf_args_next_i64(x->args);

    /* The smallest integer has no positive counterpart. */
    if (delta == INT64_MIN)
        gf_args_fail(x->args, GF_MSG_DECREMENT_OVERFLOW);
    if (gf_args_finish(x->args, x->reply))
        increment(x, key, -delta);
}

/* float_of - a string as a float, 0 without one; false, and an error answered, if it is none. */
static bool float_of(struct gf_exec *x, const struct gf_object *object, long double *ret_number)
{
    char text[GF_I64_TEXT_MAX];

    *ret_number = 0;
    if (object == NULL || gf_bytes_parse_long_double(gf_string_bytes(object, text), ret_number))
        return true;
    gf_reply_error(x->reply, GF_MSG_NOT_FLOAT);
    return false;
}

void gf_string_incrbyfloat_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct gf_bytes delta_text = gf_args_next(x->args);
    char text[GF_LONG_DOUBLE_TEXT_MAX];
    struct gf_object *object;
    long double number, delta;

    if (!gf_string_find(x, key, &object) || !float_of(x, object, &number))
        return;
    if (!gf_bytes_parse_long_double(delta_text, &delta)) {
        gf_reply_error(x->reply, GF_MSG_NOT_FLOAT);
        return;
    }
    number += delta;
    if (__builtin_isnan(number) || __builtin_isinf(number)) {
        gf_reply_error(x->reply, GF_MSG_NAN_OR_INFINITY);
        return;
    }

    /* Stored as text even when it is a whole number, as Redis does. */
    struct gf_value value = {
        .type = GF_TYPE_STRING,
        .bytes = {.data = text, .size = gf_long_double_format(text, number)},
    };
    value.encoding = value.bytes.size <= GF_STRING_EMBSTR_MAX ? GF_STRING_EMBSTR : GF_STRING_RAW;
    if (gf_keyspace_put(x->keyspace, x->key_hash, key, &value, object ? GF_KEEP_EXPIRE : 0,
                        x->now_ms) == NULL) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    gf_exec_changed(x, x->db, key, GF_EVENT_STRING, "incrbyfloat");
    gf_reply_bulk(x->reply, value.bytes);
}
