/* What the files of the strings module share: its commands, and how a string is found, answered and
 * stored.
 *
 *   strings.c         the type and the rows
 *   strings_value.c   one string value: get, set and their relatives
 *   strings_many.c    several keys at once
 *   strings_range.c   parts of a string: APPEND, GETRANGE, SETRANGE
 *   strings_number.c  strings as numbers: INCR and its relatives
 *   strings_lcs.c     the longest common subsequence of two strings
 */
#pragma once

#include "core/assert.h"
#include "core/bytes.h"
#include "modules/keyspace.h"
#include "modules/lookups.h"
#include "modules/module.h"
#include "modules/object.h"

#define GF_STRING_EMBSTR_MAX 44 /* bytes; the limit OBJECT ENCODING of Redis shows */

/* gf_string_check - is `object` a string, or NULL? false: the error is answered. */
static inline bool gf_string_check(struct gf_exec *x, const struct gf_object *object)
{
    if (GF_LIKELY(object == NULL || gf_object_type(object) == GF_TYPE_STRING))
        return true;
    gf_reply_error(x->reply, GF_MSG_WRONGTYPE);
    return false;
}

/* gf_string_find - the live string of the command's first key.
 *
 * ret_object NULL when there is no such key
 * Returns    false when the key holds another type: the error is answered then
 */
static inline bool gf_string_find(struct gf_exec *x, struct gf_bytes key,
                                  struct gf_object **ret_object)
{
    *ret_object = gf_keyspace_find(x->keyspace, x->key_hash, key, x->now_ms);
    gf_exec_looked_up(x, key, *ret_object != NULL);
    return gf_string_check(x, *ret_object);
}

/* gf_string_find_old - the same for a command that writes and answers what was there before: a
 * client reads with it, so it counts as a hit or a miss. */
static inline bool gf_string_find_old(struct gf_exec *x, struct gf_bytes key,
                                      struct gf_object **ret_object)
{
    *ret_object = gf_keyspace_find(x->keyspace, x->key_hash, key, x->now_ms);
    gf_exec_answered(x, key, *ret_object != NULL);
    return gf_string_check(x, *ret_object);
}

/* gf_string_reply - a string as a bulk; null for NULL. */
static inline void gf_string_reply(struct gf_reply *reply, const struct gf_object *object)
{
    if (object == NULL)
        gf_reply_null(reply);
    else if (gf_object_encoding(object) == GF_STRING_INT)
        gf_reply_bulk_int(reply, gf_object_int(object));
    else
        gf_reply_bulk(reply, gf_object_bytes(object));
}

/* gf_string_bytes - the bytes of a string; of a number its text, written to `text`
 * (GF_I64_TEXT_MAX bytes). */
static inline struct gf_bytes gf_string_bytes(const struct gf_object *object, char *text)
{
    if (gf_object_encoding(object) != GF_STRING_INT)
        return gf_object_bytes(object);
    return (struct gf_bytes){.data = text, .size = gf_i64_format(text, gf_object_int(object))};
}

/* gf_string_value - how `bytes` are stored: as a number where they are the text of one.
 *
 * number     room for the number; must live as long as the value
 */
static inline struct gf_value gf_string_value(struct gf_bytes bytes, int64_t *number)
{
    struct gf_value value = {.type = GF_TYPE_STRING, .bytes = bytes};

    if (bytes.size <= GF_STRING_EMBSTR_MAX) {
        value.encoding = GF_STRING_EMBSTR;
        /* All digits and '-' are below ':'; most values are refused by their first byte. */
        if (bytes.size - 1 < GF_I64_TEXT_MAX && bytes.data[0] < ':' &&
            gf_bytes_parse_i64(bytes, number)) {
            value.encoding = GF_STRING_INT;
            value.bytes = (struct gf_bytes){.data = (const char *)number, .size = sizeof(*number)};
        }
    } else {
        value.encoding = GF_STRING_RAW;
    }
    return value;
}

/* gf_string_put - store `bytes` under the command's first key.
 *
 * expire_ms  0 = none, GF_KEEP_EXPIRE = as it is
 * Returns    false when there is no memory: the error is answered then
 */
static inline bool gf_string_put(struct gf_exec *x, struct gf_bytes key, struct gf_bytes bytes,
                                 uint64_t expire_ms)
{
    int64_t number;
    struct gf_value value = gf_string_value(bytes, &number);

    if (GF_LIKELY(gf_keyspace_put(x->keyspace, x->key_hash, key, &value, expire_ms, x->now_ms) !=
                  NULL))
        return true;
    gf_reply_error(x->reply, GF_MSG_OOM);
    return false;
}

/* gf_string_make_raw - a string of at least `size` bytes under the command's first key, its old
 * content kept, zeroes behind it.
 *
 * object     what the key holds; NULL: the key is made
 * Returns    its bytes, writable; NULL when there is no memory (answered, nothing has changed)
 */
char *gf_string_make_raw(struct gf_exec *x, struct gf_bytes key, struct gf_object *object,
                         size_t size);

/* The commands; their rows in strings.c say what they do. */
void gf_string_get_run(struct gf_exec *x);
void gf_string_set_run(struct gf_exec *x);
void gf_string_getex_run(struct gf_exec *x);
void gf_string_getdel_run(struct gf_exec *x);
void gf_string_getset_run(struct gf_exec *x);
void gf_string_setnx_run(struct gf_exec *x);
void gf_string_setex_run(struct gf_exec *x);
void gf_string_psetex_run(struct gf_exec *x);
void gf_string_strlen_run(struct gf_exec *x);
void gf_string_mget_run(struct gf_exec *x);
void gf_string_mset_run(struct gf_exec *x);
void gf_string_msetnx_run(struct gf_exec *x);
void gf_string_append_run(struct gf_exec *x);
void gf_string_getrange_run(struct gf_exec *x);
void gf_string_setrange_run(struct gf_exec *x);
void gf_string_incr_run(struct gf_exec *x);
void gf_string_decr_run(struct gf_exec *x);
void gf_string_incrby_run(struct gf_exec *x);
void gf_string_decrby_run(struct gf_exec *x);
void gf_string_incrbyfloat_run(struct gf_exec *x);
void gf_string_lcs_run(struct gf_exec *x);

/* gf_string_set_key_flags - SET reads its key only with the option GET. */
uint32_t gf_string_set_key_flags(const struct gf_bytes *words, uint32_t count);
