/* A field or a value of a stream's entry, packed; and numbers of any size (LEB128: seven bits a
 * byte, the low ones first).
 *
 *   00-7f   text of that size
 *   80-bf   an integer 0 .. 63
 *   c0-c7   an integer of 1 .. 8 bytes
 *   d0      a LEB128 size, and text
 *
 * Text that spells an integer is stored as one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

/* One field or value. */
struct gf_stream_value {
    struct gf_bytes bytes; /* data NULL: it is a number */
    int64_t number;
};

/* gf_stream_value_room - bytes that a text of that size takes at most. */
size_t gf_stream_value_room(size_t text_size);
/* gf_stream_value_put - write it at `at`; returns its end. */
char *gf_stream_value_put(char *at, struct gf_bytes text);
/* gf_stream_value_next - the field or value at *cursor, which moves behind it. */
struct gf_stream_value gf_stream_value_next(const char **cursor);
bool gf_stream_value_is(const struct gf_stream_value *value, struct gf_bytes text);

uint32_t gf_stream_leb_size(uint64_t value);
char *gf_stream_leb_put(char *at, uint64_t value);
uint64_t gf_stream_leb_next(const char **cursor);

/* gf_stream_value_is_sound, gf_stream_leb_is_sound - of bytes that anybody may have written: there
 * is one that ends before `end`, of 64 bits at most; *cursor moves behind it. */
bool gf_stream_value_is_sound(const char **cursor, const char *end);
bool gf_stream_leb_is_sound(const char **cursor, const char *end, uint64_t *ret_value);

/* gf_stream_weight_of_int, gf_stream_weight_of_text - what they take in Redis's nodes: an encoding,
 * the bytes, and how long both are. */
uint32_t gf_stream_weight_of_int(int64_t number);
uint32_t gf_stream_weight_of_text(struct gf_bytes text);
