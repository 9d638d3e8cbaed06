/* What the files of the bitmaps module share. A bitmap is a string; its bits are counted from the
 * highest of the first byte on (modules/bits.h).
 *
 *   bitmaps.c         the rows; SETBIT, GETBIT
 *   bitmaps_range.c   BITCOUNT, BITPOS
 *   bitmaps_op.c      BITOP
 *   bitmaps_field.c   BITFIELD: several integers of any width
 */
#pragma once

#include "modules/bits.h"
#include "modules/strings.h"

/* gf_bitmap_offset_next - the next word as the place of a bit.
 *
 * width      not 0: the word may be "#n", the n-th of fields of that many bits
 */
uint64_t gf_bitmap_offset_next(struct gf_exec *x, uint32_t width);

/* The commands; their rows in bitmaps.c say what they do. */
void gf_bitmap_setbit_run(struct gf_exec *x);
void gf_bitmap_getbit_run(struct gf_exec *x);
void gf_bitmap_count_run(struct gf_exec *x);
void gf_bitmap_pos_run(struct gf_exec *x);
void gf_bitmap_op_run(struct gf_exec *x);
void gf_bitmap_field_run(struct gf_exec *x);
void gf_bitmap_field_ro_run(struct gf_exec *x);

/* gf_bitmap_field_key_flags - BITFIELD with nothing but GET only reads. */
uint32_t gf_bitmap_field_key_flags(const struct gf_bytes *words, uint32_t count);
