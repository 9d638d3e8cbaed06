/* Parts of a string: APPEND, GETRANGE, SETRANGE. */
#include "modules/strings.h"

/* size_is_allowed - `size` and `more` bytes together; otherwise the error is answered. */
static bool size_is_allowed(struct gf_exec *x, uint64_t size, uint64_t more)
{
    uint64_t total;

    if (!__builtin_add_overflow(size, more, &total) && total <= x->limits->bulk_size_max)
        return true;
    gf_reply_error(x->reply, GF_MSG_STRING_TOO_LONG);
    return false;
}

char *gf_string_make_raw(struct gf_exec *x, struct gf_bytes key, struct gf_object *object,
                         size_t size)
{
    bool made = object == NULL;
    char text[GF_I64_TEXT_MAX];
    char *data;

    if (object == NULL || gf_object_encoding(object) == GF_STRING_INT) {
        /* A number is no text yet: its digits become the value first. */
        struct gf_value value = {
            .type = GF_TYPE_STRING,
            .encoding = GF_STRING_RAW,
            .bytes = object ? gf_string_bytes(object, text) : GF_BYTES(""),
        };

        object = gf_keyspace_put(x->keyspace, x->key_hash, key, &value, made ? 0 : GF_KEEP_EXPIRE,
                                 x->now_ms);
    }
    if (object != NULL &&
        gf_keyspace_resize(x->keyspace, x->key_hash, object, size, GF_STRING_RAW, &data) != NULL)
        return data;
    if (made && object != NULL)
        gf_keyspace_remove(x->keyspace, x->key_hash, object);
    gf_reply_error(x->reply, GF_MSG_OOM);
    return NULL;
}

void gf_string_append_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct gf_bytes more = gf_args_next(x->args);
    char text[GF_I64_TEXT_MAX];
    struct gf_object *object;
    size_t size = 0;

    if (!gf_string_find(x, key, &object))
        return;
    if (object == NULL) {
        if (!gf_string_put(x, key, more, 0))
            return;
        gf_exec_changed(x, x->db, key, GF_EVENT_STRING, "append");
        gf_reply_int(x->reply, (int64_t)more.size);
        return;
    }
    size = gf_string_bytes(object, text).size;
    if (!size_is_allowed(x, size, more.size))
        return;

    char *data = gf_string_make_raw(x, key, object, size + more.size);
    if (data == NULL)
        return;
    if (more.size > 0)
        memcpy(data + size, more.data, more.size);
    gf_exec_changed(x, x->db, key, GF_EVENT_STRING, "append");
    gf_reply_int(x->reply, (int64_t)(size + more.size));
}

/* range_cut - bytes start .. end of `bytes`, both included; negative ones count from its end. */
static struct gf_bytes range_cut(struct gf_bytes bytes, int64_t start, int64_t end)
{
    int64_t size = (int64_t)bytes.size;

    if (start < 0 && end < 0 && start > end)
        return GF_BYTES("");
    if (start < 0)
        start = start + size > 0 ? start + size : 0;
    if (end < 0)
        end = end + size > 0 ? end + size : 0;
    if (end >= size)
        end = size - 1;
    if (start > end)
        return GF_BYTES("");
    return (struct gf_bytes){.data = bytes.data + start, .size = (size_t)(end - start + 1)};
}

void gf_string_getrange_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    int64_t start = gf_args_next_i64(x->args);
    int64_t end = gf_args_next_i64(x->args);
    struct gf_bytes bytes = GF_BYTES("");
    char text[GF_I64_TEXT_MAX];
    struct gf_object *object;

    if (!gf_args_finish(x->args, x->reply) || !gf_string_find(x, key, &object))
        return;
    if (object != NULL)
        bytes = range_cut(gf_string_bytes(object, text), start, end);
    gf_reply_bulk(x->reply, bytes);
}

void gf_string_setrange_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    int64_t offset = gf_args_next_range(x->args, 0, INT64_MAX, GF_MSG_OFFSET_OUT_OF_RANGE);
    struct gf_bytes part = gf_args_next(x->args);
    char text[GF_I64_TEXT_MAX];
    struct gf_object *object;
    size_t size = 0;

    if (!gf_args_finish(x->args, x->reply) || !gf_string_find(x, key, &object))
        return;
    if (object != NULL)
        size = gf_string_bytes(object, text).size;
    if (part.size == 0) {
        gf_reply_int(x->reply, (int64_t)size);
        return;
    }
    if (!size_is_allowed(x, (uint64_t)offset, part.size))
        return;

    if (size < (size_t)offset + part.size)
        size = (size_t)offset + part.size;
    char *data = gf_string_make_raw(x, key, object, size);
    if (data == NULL)
        return;
    memcpy(data + offset, part.data, part.size);
    gf_exec_changed(x, x->db, key, GF_EVENT_STRING, "setrange");
    gf_reply_int(x->reply, (int64_t)size);
}
