/* A run of neighbouring elements of a list in one piece of memory.
 *
 *   data                 begin                            end              capacity
 *    v                     v                               v                v
 *    | prefix | . . . . .  | entry | entry | …     | entry | . . . . . . .  |
 *
 * What all short elements begin with stands once, in front. Behind it, entries take one of two
 * shapes:
 *
 *   equal    every element has the same size: an entry is its bytes behind the prefix, no more; or
 *            every element is a number, and an entry is so many bytes of it
 *   mixed    an entry is a head, what the head says, and (in runs that are read backwards) its size
 *
 *   head          what follows
 *   0 … 95        so many characters behind the prefix
 *   96 … 223      nothing: the number 0 … 127
 *   225 … 232     a number of 1 … 8 bytes, low ones first
 *   240           a byte n, then n characters behind the prefix
 *   241, 242      a size of 2 or 4 bytes, then an element as it is, without the prefix
 *
 * Characters of a run whose elements need only a few of the 256 are packed (modules/alphabet.h).
 *
 * A run lies in a block of a deque, or inside an object as all there is to a small list. It does
 * not allocate: whoever owns the memory asks what an element needs first (gf_run_takes,
 * gf_run_entry_size), and makes a run of another shape when this one cannot hold it
 * (gf_run_shape_with, gf_run_recode).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"

#define GF_RUN_MIXED 255u      /* fixed_size of a mixed run */
#define GF_RUN_NUMBERS 8u      /* alphabet of a run of numbers, `fixed_size` bytes each */
#define GF_RUN_COUNT_MAX 2016u /* elements; those of one byte fill 2 KiB with the header */
#define GF_RUN_SHORT_MAX 254u  /* bytes of an element that may share a prefix and be packed */
#define GF_RUN_PREFIX_MAX 120u
#define GF_RUN_ENTRY_SLACK 10u /* bytes an entry has at most besides its element */

/* An element on its way into a run. */
struct gf_item {
    struct gf_bytes text; /* borrowed */
    int64_t number;
    bool is_number; /* the text is the one that `number` has */
};

/* An element read from a run: a number, or the two halves of its text. Views of the run and of
 * `scratch`: good until either changes. */
struct gf_element {
    struct gf_bytes prefix;
    struct gf_bytes rest;
    int64_t number;
    bool is_number;
    char scratch[GF_RUN_SHORT_MAX + 9];
};

/* How a run is laid out. */
struct gf_run_shape {
    uint8_t prefix_size;
    uint8_t fixed_size; /* characters of every element behind the prefix; or GF_RUN_MIXED */
    uint8_t alphabet;   /* of the characters behind the prefix, 0 = bytes as they are; or
                           GF_RUN_NUMBERS */
    bool backward;      /* mixed entries end with their size */
};

struct gf_run {
    char *data;        /* borrowed */
    uint32_t begin;    /* of the first entry */
    uint32_t end;      /* of the last */
    uint32_t capacity; /* bytes of data */
    uint32_t weight;   /* bytes the elements would have in Redis's listpack: what
                            list-max-listpack-size is about */
    uint16_t count;    /* elements */
    struct gf_run_shape shape;
};

/* gf_run_is_packed - more work than memory that is just there. */
static inline bool gf_run_is_packed(const struct gf_run *run)
{
    return run->shape.alphabet % GF_RUN_NUMBERS != 0;
}

/* gf_item_of - an element as a client sent it. */
struct gf_item gf_item_of(struct gf_bytes text);
/* gf_item_weight - bytes it would have in a listpack. */
uint32_t gf_item_weight(const struct gf_item *item);

/* gf_element_text - the text of an element, in one piece. */
struct gf_bytes gf_element_text(struct gf_element *element);
/* gf_element_item - the same as an item; borrows from the element. */
struct gf_item gf_element_item(struct gf_element *element);

/* gf_run_start - an empty run of a shape; data and capacity are set.
 *
 * prefix     at least shape->prefix_size bytes, which are copied
 * begin      where the first entry will be; at least shape->prefix_size
 */
void gf_run_start(struct gf_run *run, const struct gf_run_shape *shape, const char *prefix,
                  uint32_t begin);

/* gf_run_takes - can the run hold the item in its present shape? */
bool gf_run_takes(const struct gf_run *run, const struct gf_item *item);
/* gf_run_entry_size - bytes that an item takes which the run takes. */
uint32_t gf_run_entry_size(const struct gf_run *run, const struct gf_item *item);

/* gf_run_shape_of - the shape of a run that begins with an item.
 *
 * packed     characters may be packed: smaller, but more work
 */
struct gf_run_shape gf_run_shape_of(const struct gf_item *item, bool packed);
/* gf_run_shape_with - a shape that holds the elements of a run, and an item that it does not take;
 * packed if the run is. */
struct gf_run_shape gf_run_shape_with(const struct gf_run *run, const struct gf_item *item);
/* gf_run_shape_smallest - the shape in which a run's elements take the least, not to be read
 * backwards.
 *
 * ret_prefix its prefix; GF_RUN_PREFIX_MAX bytes
 */
struct gf_run_shape gf_run_shape_smallest(const struct gf_run *run, char *ret_prefix);
/* gf_run_recode_size - bytes of the run's entries in another shape that can hold them. */
uint32_t gf_run_recode_size(const struct gf_run *run, const struct gf_run_shape *shape);
/* gf_run_recode - append the elements number first … first + count - 1 of a run to another, whose
 * shape can hold them and which has room. */
void gf_run_recode(const struct gf_run *run, uint32_t first, uint32_t count, struct gf_run *to);

/* gf_run_insert - an item that the run takes, in front of the entry at `offset` (or at the end).
 * The entries behind it move up; there must be room behind the last. */
void gf_run_insert(struct gf_run *run, uint32_t offset, const struct gf_item *item);
/* gf_run_push_front - the same in front of the first, where there must be room. */
void gf_run_push_front(struct gf_run *run, const struct gf_item *item);
/* gf_run_remove - the entry at `offset` is gone; what is behind it moves down. */
void gf_run_remove(struct gf_run *run, uint32_t offset);
/* gf_run_remove_marked - all elements whose bit is set are gone. */
void gf_run_remove_marked(struct gf_run *run, const uint64_t *marks);
/* gf_run_drop - the first (or last) `count` elements are gone. */
void gf_run_drop(struct gf_run *run, uint32_t count, bool front);
/* gf_run_pop - the first (or last) element is gone, which was read already. */
void gf_run_pop(struct gf_run *run, struct gf_element *element, bool front);

/* gf_run_seek - the offset of an element by its number, 0 … count (the end). */
uint32_t gf_run_seek(const struct gf_run *run, uint32_t index);
/* gf_run_next - the offset behind an entry. */
uint32_t gf_run_next(const struct gf_run *run, uint32_t offset);
/* gf_run_last - the offset of the last entry; the run is not empty. */
uint32_t gf_run_last(const struct gf_run *run);
/* gf_run_offsets - of all entries, in order; room for `count`. */
void gf_run_offsets(const struct gf_run *run, uint32_t *ret_offsets);
/* gf_run_get - read the entry at an offset. Returns the offset behind it. */
uint32_t gf_run_get(const struct gf_run *run, uint32_t offset, struct gf_element *ret_element);

/* gf_run_check - asserts what must be true of a run; O(n). */
void gf_run_check(const struct gf_run *run);
