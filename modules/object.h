/* One key with its value: the single allocation a key costs.
 *
 *      0        8                [expire_ms]  [key_size32]  key   value
 *   +--------+------------------+------------+-------------+-----+-------------------+
 *   | header | … optional parts in this order …             | key | bytes, or pointer |
 *   +--------+------------------+------------+-------------+-----+-------------------+
 *
 * Objects belong to their keyspace; pointers to them are good until the next call that changes the
 * keyspace (a call that returns an object says that it may have moved). Only keyspace.c makes them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"

enum gf_type_id {
    GF_TYPE_STRING,
    GF_TYPE_LIST,
    GF_TYPE_SET,
    GF_TYPE_ZSET,
    GF_TYPE_HASH,
    GF_TYPE_STREAM,
    GF_TYPE_PLUGIN_FIRST, /* types from outside the tree */
    GF_TYPES_MAX = 16
};

/* Encodings of strings; other types number their own from 0. */
enum gf_string_encoding {
    GF_STRING_INT,    /* the value is an int64_t, 8 bytes in host order */
    GF_STRING_EMBSTR, /* bytes, set as a whole, at most 44 */
    GF_STRING_RAW,    /* bytes, longer or grown by APPEND, SETRANGE … */
};

struct gf_object; /* layout is keyspace.c's and object.h's inline readers' */

enum gf_type_id gf_object_type(const struct gf_object *object);
uint8_t gf_object_encoding(const struct gf_object *object);
struct gf_bytes gf_object_key(const struct gf_object *object);

/* gf_object_bytes - the value of a type whose values are bytes, inside the object or (when long) in
 * a block of its own. */
struct gf_bytes gf_object_bytes(const struct gf_object *object);

/* gf_object_int - the value of a GF_STRING_INT object. */
int64_t gf_object_int(const struct gf_object *object);

/* gf_object_pointer - the value of a structured type. */
void *gf_object_pointer(const struct gf_object *object);

/* gf_object_expire_ms - Unix time in ms at which the key is gone; 0 = never. */
uint64_t gf_object_expire_ms(const struct gf_object *object);

/* gf_object_memory - bytes the object occupies: its block and blocks behind it; of a structured
 * value only the pointer (the type's `memory` knows the rest). */
size_t gf_object_memory(const struct gf_object *object);
