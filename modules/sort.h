/* What the files of SORT share.
 *
 *   sort.c          the rows; what is asked for; the answer
 *   sort_items.c    elements and their weights, in order
 *   sort_pattern.c  values that BY and GET name by patterns
 *
 * Nothing is changed until the order is known. Elements are copied first, so that all of this does
 * not depend on how a list, a set or a sorted set keeps them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "modules/module.h"
#include "modules/object.h"
#include "modules/packed.h"

/* What a request asks for. */
struct gf_sort_order {
    struct gf_bytes by;    /* pattern; size 0: elements are their own weights */
    bool unsorted;         /* BY without a star */
    bool descending;
    bool alpha;
    int64_t limit_start;
    int64_t limit_count;   /* negative: to the end */
};

/* One element. Texts are in gf_sort_items.texts. */
struct gf_sort_item {
    struct gf_bytes text;
    union {
        double score;
        struct gf_bytes weight; /* data NULL: there is none, which comes before all others */
    };
    uint64_t index; /* in the order they were added */
};

/* Places for items, in chunks: to make one large block larger, or to free it, would take long. */
#define GF_SORT_CHUNK_SHIFT 12
#define GF_SORT_CHUNK ((uint64_t)1 << GF_SORT_CHUNK_SHIFT) /* items; the first may be smaller */
struct gf_sort_places {
    struct gf_sort_item **chunks; /* owned, and so are they */
    uint64_t capacity;            /* items in all of them */
};

struct gf_sort_text;

struct gf_sort_items {
    struct gf_sort_places places;
    uint64_t count;
    struct gf_sort_text *texts; /* chunks of them, the one that is being filled first; owned */
    size_t longest; /* bytes of an element */
    char *room;     /* for the name of a key that a pattern makes of an element; owned */
    struct gf_pace *pace; /* borrowed; or NULL */
};

static inline struct gf_sort_item *gf_sort_place(const struct gf_sort_places *places,
                                                 uint64_t index)
{
    return &places->chunks[index >> GF_SORT_CHUNK_SHIFT][index & (GF_SORT_CHUNK - 1)];
}
static inline struct gf_bytes gf_sort_text(const struct gf_sort_items *items, uint64_t index)
{
    return gf_sort_place(&items->places, index)->text;
}

/* gf_sort_items_deinit - may pause. */
void gf_sort_items_deinit(struct gf_sort_items *items);

/* gf_sort_items_add - false when there is no memory. May pause. */
bool gf_sort_items_add(struct gf_sort_items *items, struct gf_bytes text);

/* gf_sort_items_load - elements of a collection, in its own order.
 *
 * object     a list, set or sorted set; or NULL
 * order      of lists and sorted sets that are not to be sorted: only the range in it is loaded
 * ret_first  of the items, where the range begins; they may be more or fewer than it asks for
 * ret_count  how many from there on
 * Returns    false when there is no memory
 */
bool gf_sort_items_load(struct gf_exec *x, struct gf_object *object,
                        const struct gf_sort_order *order, struct gf_sort_items *items,
                        uint64_t *ret_first, uint64_t *ret_count);

enum gf_sort_result {
    GF_SORT_OK,
    GF_SORT_NOT_NUMBERS, /* a weight is no number */
    GF_SORT_NO_MEMORY,
};

/* gf_sort_items_sort - finds their weights and sorts them.
 *
 */
enum gf_sort_result gf_sort_items_sort(struct gf_exec *x, struct gf_sort_items *items,
                                       const struct gf_sort_order *order);

/* A value that a pattern names. */
struct gf_sort_value {
    bool found;
    struct gf_bytes bytes; /* good until anything changes */
    char text[GF_PACKED_TEXT_MAX];
};

/* gf_sort_value_room - makes room in `items` for the names that patterns of up to `size` bytes make
 * of its elements. False when there is no memory. */
bool gf_sort_value_room(struct gf_sort_items *items, size_t size);

/* gf_sort_value_find - what `pattern` names for an element: the value of the key that it is with
 * the element for its first star; with "->field" behind the star, that field of it; "#" is the
 * element itself.
 *
 * room       of gf_sort_value_room
 */
void gf_sort_value_find(struct gf_exec *x, struct gf_bytes pattern, struct gf_bytes element,
                        char *room, struct gf_sort_value *ret_value);
