/* One key with its value: the single allocation a key costs.
 *
 *      0        8                [expire_ms]  [key_size32]  key   value
 *   +--------+------------------+------------+-------------+-----+-------------------+
 *   | header | … optional parts in this order …             | key | bytes, or pointer |
 *   +--------+------------------+------------+-------------+-----+-------------------+
 *
 *   expire_ms    8 bytes, when GF_OBJECT_EXPIRE
 *   key_size32   4 bytes, when the header's key_size is GF_OBJECT_KEY_ESCAPE
 *   value        the bytes themselves; with GF_OBJECT_BLOCK a struct gf_object_block (the bytes are
 *                elsewhere); with GF_OBJECT_POINTER the pointer to a structure. Not aligned.
 *
 * Objects belong to their keyspace; pointers to them are good until the next call that changes the
 * keyspace (a call that returns an object says that it may have moved). Only object.c makes them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
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

/* The highest bit of any type's encoding: the value may end by itself (a hash all of whose fields
 * expire); gf_type.gone knows. */
#define GF_ENCODING_GOES 8u

enum gf_object_flag {
    GF_OBJECT_EXPIRE = 1u << 0,
    GF_OBJECT_BLOCK = 1u << 1,
    GF_OBJECT_POINTER = 1u << 2,
    GF_OBJECT_LARGE = 1u << 3, /* the object itself is too large for a slab: from gf_alloc */
};

#define GF_OBJECT_KEY_ESCAPE 255u
#define GF_OBJECT_ACCESS_BITS 28

struct gf_object {
    uint8_t type : 4;     /* enum gf_type_id */
    uint8_t encoding : 4; /* the type's */
    uint8_t key_size;     /* bytes, or GF_OBJECT_KEY_ESCAPE */
    uint16_t value_size;  /* bytes behind the key */
    uint32_t access : 28; /* when or how often it was used: modules/access.c */
    uint32_t flags : 4;   /* enum gf_object_flag */
};

_Static_assert(sizeof(struct gf_object) == 8, "the header is 8 bytes");

/* Where the bytes of a long value are. */
struct gf_object_block {
    char *data; /* gf_alloc(GF_MEMORY_DATA); its capacity is gf_alloc_size */
    size_t size;
};

static inline enum gf_type_id gf_object_type(const struct gf_object *object)
{
    return (enum gf_type_id)object->type;
}

static inline uint8_t gf_object_encoding(const struct gf_object *object)
{
    return object->encoding;
}

/* gf_object_goes - it may be gone without having an expiry. */
static inline bool gf_object_goes(const struct gf_object *object)
{
    return (object->encoding & GF_ENCODING_GOES) != 0;
}

/* gf_object_expire_ms - Unix time in ms at which the key is gone; 0 = never. */
static inline uint64_t gf_object_expire_ms(const struct gf_object *object)
{
    uint64_t expire_ms = 0;

    if (object->flags & GF_OBJECT_EXPIRE)
        __builtin_memcpy(&expire_ms, object + 1, sizeof(expire_ms));
    return expire_ms;
}

static inline struct gf_bytes gf_object_key(const struct gf_object *object)
{
    const char *part = (const char *)(object + 1);
    uint32_t size = object->key_size;

    if (object->flags & GF_OBJECT_EXPIRE)
        part += sizeof(uint64_t);
    if (__builtin_expect(size == GF_OBJECT_KEY_ESCAPE, 0)) {
        __builtin_memcpy(&size, part, sizeof(size));
        part += sizeof(size);
    }
    return (struct gf_bytes){.data = part, .size = size};
}

/* gf_object_key_is - the object's key is `key`. */
static inline bool gf_object_key_is(const struct gf_object *object, struct gf_bytes key)
{
    return gf_bytes_equal(gf_object_key(object), key);
}

/* gf_prefetch - fetch the line of an address. The empty asm has a reason: a function that does
 * nothing but __builtin_prefetch counts as pure for gcc, and calls of it are dropped. */
static inline void gf_prefetch(const void *address)
{
    __asm__ volatile("");
    __builtin_prefetch(address);
}

/* gf_object_prefetch - its header and key; an object begins anywhere in a line. */
static inline void gf_object_prefetch(const struct gf_object *object)
{
    gf_prefetch(object);
    gf_prefetch((const char *)object + 48);
}

/* gf_object_value - the first byte behind the key. */
static inline char *gf_object_value(const struct gf_object *object)
{
    struct gf_bytes key = gf_object_key(object);

    return (char *)key.data + key.size;
}

static inline struct gf_object_block gf_object_block(const struct gf_object *object)
{
    struct gf_object_block block;

    __builtin_memcpy(&block, gf_object_value(object), sizeof(block));
    return block;
}

/* gf_object_bytes - the value of a type whose values are bytes, inside the object or (when long) in
 * a block of its own. */
static inline struct gf_bytes gf_object_bytes(const struct gf_object *object)
{
    if (__builtin_expect((object->flags & GF_OBJECT_BLOCK) != 0, 0)) {
        struct gf_object_block block = gf_object_block(object);

        return (struct gf_bytes){.data = block.data, .size = block.size};
    }
    return (struct gf_bytes){.data = gf_object_value(object), .size = object->value_size};
}

/* gf_object_int - the value of a GF_STRING_INT object. */
static inline int64_t gf_object_int(const struct gf_object *object)
{
    int64_t value;

    __builtin_memcpy(&value, gf_object_value(object), sizeof(value));
    return value;
}

/* gf_object_pointer - the value of a structured type. */
static inline void *gf_object_pointer(const struct gf_object *object)
{
    void *pointer;

    __builtin_memcpy(&pointer, gf_object_value(object), sizeof(pointer));
    return pointer;
}

/* gf_object_memory - bytes the object occupies: its block and blocks behind it; of a structured
 * value only the pointer (the type's `memory` knows the rest). */
size_t gf_object_memory(const struct gf_object *object);

/* Making objects; called by the keyspace only. */

struct gf_slab;

/* What an object is to hold. */
struct gf_object_draft {
    struct gf_bytes key;   /* copied */
    struct gf_bytes bytes; /* copied; data may be NULL: the bytes are zeroes then */
    void *pointer;         /* not NULL: a structured value, bytes is empty */
    size_t size_slack;     /* bytes of capacity beyond what is needed now */
    uint64_t expire_ms;    /* 0 = none */
    uint8_t type;
    uint8_t encoding;
};

/* gf_object_create - NULL when there is no memory. access is 0. */
struct gf_object *gf_object_create(struct gf_slab *slab, const struct gf_object_draft *draft);

/* gf_object_destroy - the object and the block behind it; not what GF_OBJECT_POINTER points at. */
void gf_object_destroy(struct gf_slab *slab, struct gf_object *object);

/* gf_object_overwrite - make the object hold `draft` (which has its key), without allocation.
 * False when it does not fit or would waste too much; nothing has changed then. */
bool gf_object_overwrite(struct gf_object *object, const struct gf_object_draft *draft);

/* gf_object_with_expire - the same object with another expiry, 0 = none; it may move (the old one
 * is destroyed then). Access is kept. */
struct gf_object *gf_object_with_expire(struct gf_slab *slab, struct gf_object *object,
                                        uint64_t expire_ms);

/* gf_object_forget_block - the block behind a value is the caller's from now on. */
void gf_object_forget_block(struct gf_object *object);

/* gf_object_block_size - bytes of the object's own block, without the one behind it. */
size_t gf_object_block_size(const struct gf_object *object);

/* gf_object_size - bytes of it in use. */
static inline size_t gf_object_size(const struct gf_object *object)
{
    return (size_t)(gf_object_value(object) - (const char *)object) + object->value_size;
}
