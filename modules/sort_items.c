/* Elements and their weights, in order. */
#include <ctype.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/lists.h"
#include "modules/sets.h"
#include "modules/sort.h"
#include "modules/zsets.h"

#define NO_WEIGHT SIZE_MAX

/* ---- collecting ----------------------------------------------------------------------------- */

void gf_sort_items_deinit(struct gf_sort_items *items)
{
    gf_free(GF_MEMORY_OTHER, items->items);
    gf_free(GF_MEMORY_OTHER, items->texts);
    gf_free(GF_MEMORY_OTHER, items->room);
}

/* Room for one more of `size` bytes each in a block that doubles. */
static bool block_reserve(void **block, uint64_t *capacity, uint64_t wanted, size_t size)
{
    uint64_t grown = *capacity < 16 ? 16 : *capacity * 2;
    void *moved;

    if (wanted <= *capacity)
        return true;
    if (grown < wanted)
        grown = wanted;
    moved = *block ? gf_realloc_try(GF_MEMORY_OTHER, *block, grown * size)
                   : gf_alloc_try(GF_MEMORY_OTHER, grown * size);
    if (moved == NULL)
        return false;
    *block = moved;
    *capacity = grown;
    return true;
}

/* Copies a text behind the others; false when there is no memory. */
static bool text_add(struct gf_sort_items *items, struct gf_bytes text, size_t *ret_at)
{
    void *block = items->texts;

    if (!block_reserve(&block, &items->texts_capacity, items->texts_size + text.size, 1))
        return false;
    items->texts = block;
    if (text.size > 0)
        memcpy(items->texts + items->texts_size, text.data, text.size);
    *ret_at = items->texts_size;
    items->texts_size += text.size;
    return true;
}

bool gf_sort_items_add(struct gf_sort_items *items, struct gf_bytes text)
{
    void *block = items->items;
    struct gf_sort_item *item;

    if (!block_reserve(&block, &items->capacity, items->count + 1, sizeof(*item)))
        return false;
    items->items = block;
    item = &items->items[items->count];
    if (!text_add(items, text, &item->text))
        return false;
    item->text_size = text.size;
    item->index = items->count++;
    items->longest = text.size > items->longest ? text.size : items->longest;
    gf_pace_step(items->pace, 1);
    return true;
}

/* ---- out of collections --------------------------------------------------------------------- */

/* The range of LIMIT in so many elements, as Redis cuts it. */
static void range_of(const struct gf_sort_order *order, uint64_t total, uint64_t *ret_first,
                     uint64_t *ret_count)
{
    uint64_t first = order->limit_start < 0 ? 0 : (uint64_t)order->limit_start;
    uint64_t left;

    if (first > total)
        first = total;
    left = total - first;
    if (order->limit_count >= 0 && (uint64_t)order->limit_count < left)
        left = (uint64_t)order->limit_count;
    *ret_first = first;
    *ret_count = left;
}

static bool load_set(struct gf_object *object, struct gf_sort_items *items)
{
    char text[GF_PACKED_TEXT_MAX];
    struct gf_packed_view member;
    struct gf_set_walk walk;

    gf_set_walk_init(&walk, object);
    while (gf_set_walk_next(&walk, &member)) {
        if (!gf_sort_items_add(items, gf_packed_text(&member, text)))
            return false;
    }
    return true;
}

/* What is to be sorted. */
struct collection {
    struct gf_object *object; /* or NULL: nothing, as a set */
    enum gf_type_id type;
    uint64_t count;
    struct gf_list list; /* of a list */
};

/* Elements of one run from the first-th on. */
static bool load_run(const struct gf_run *run, uint64_t first, uint64_t count,
                     struct gf_sort_items *items)
{
    uint32_t offset = gf_run_seek(run, (uint32_t)first);
    struct gf_element element;

    while (count-- > 0) {
        offset = gf_run_get(run, offset, &element);
        if (!gf_sort_items_add(items, gf_element_text(&element)))
            return false;
    }
    return true;
}

static bool load_list(const struct gf_list *list, uint64_t first, uint64_t count,
                      struct gf_sort_items *items)
{
    for (uint32_t number = 0; count > 0 && number < gf_list_runs(list); number++) {
        const struct gf_run *run = gf_list_run(list, number);
        uint64_t here = 0;

        if (first < run->count) {
            here = run->count - first < count ? run->count - first : count;
            if (!load_run(run, first, here, items))
                return false;
        }
        first -= first < run->count ? first : run->count;
        count -= here;
    }
    return true;
}

static void reverse_items(struct gf_sort_items *items)
{
    for (uint64_t i = 0; i < items->count / 2; i++) {
        struct gf_sort_item item = items->items[i];

        items->items[i] = items->items[items->count - 1 - i];
        items->items[items->count - 1 - i] = item;
    }
}

static bool load_zset(struct gf_object *object, uint64_t first, uint64_t count,
                      struct gf_sort_items *items)
{
    struct gf_zset zset = gf_zset_of(object);
    struct gf_order_pair pair;
    struct gf_zset_walk walk;

    gf_zset_walk_init(&walk, &zset, first, count, false);
    while (gf_zset_walk_next(&walk, &pair)) {
        if (!gf_sort_items_add(items, pair.member))
            return false;
    }
    return true;
}

/* A range of a list or sorted set, counted from its beginning; or from its end, and backwards. */
static bool load_range(const struct collection *collection, uint64_t first, uint64_t count,
                       bool backwards, struct gf_sort_items *items)
{
    if (backwards)
        first = collection->count - first - count;
    if (collection->type == GF_TYPE_LIST ? !load_list(&collection->list, first, count, items)
                            : !load_zset(collection->object, first, count, items))
        return false;
    if (backwards)
        reverse_items(items);
    return true;
}

static void collection_open(struct gf_object *object, struct collection *ret_collection)
{
    ret_collection->object = object;
    ret_collection->type = object != NULL ? gf_object_type(object) : GF_TYPE_SET;
    if (ret_collection->type == GF_TYPE_LIST) {
        gf_list_open((struct gf_place){0}, object, &ret_collection->list);
        ret_collection->count = gf_list_count(&ret_collection->list);
    } else if (ret_collection->type == GF_TYPE_ZSET) {
        ret_collection->count = gf_zset_count_of(object);
    } else {
        ret_collection->count = gf_set_count(object);
    }
}

bool gf_sort_items_load(struct gf_exec *x, struct gf_object *object,
                        const struct gf_sort_order *order, struct gf_sort_items *items,
                        uint64_t *ret_first, uint64_t *ret_count)
{
    struct collection collection;

    items->pace = &x->pace;
    collection_open(object, &collection);
    range_of(order, collection.count, ret_first, ret_count);
    if (collection.type == GF_TYPE_SET)
        return load_set(object, items);
    if (!order->unsorted) /* all of them: even those that are not wanted must be numbers */
        return load_range(&collection, 0, collection.count, false, items);
    if (!load_range(&collection, *ret_first, *ret_count, order->descending, items))
        return false;
    *ret_first = 0;
    return true;
}

/* ---- weights -------------------------------------------------------------------------------- */

/* A weight as strtod reads it: spaces in front are fine, a zero byte ends it, nothing is 0. */
static bool score_of(struct gf_bytes text, double *ret_score)
{
    const char *zero = text.size > 0 ? memchr(text.data, '\0', text.size) : NULL;

    if (zero != NULL)
        text.size = (size_t)(zero - text.data);
    *ret_score = 0;
    if (text.size == 0)
        return true;
    while (text.size > 0 && isspace((unsigned char)text.data[0])) {
        text.data++;
        text.size--;
    }
    return text.size > 0 && gf_bytes_parse_double(text, ret_score);
}

/* What one element weighs by its own text, or by a value that stands elsewhere. */
static enum gf_sort_result weigh(struct gf_exec *x, struct gf_sort_items *items,
                                 struct gf_sort_item *item, const struct gf_sort_order *order)
{
    struct gf_bytes text = {.data = items->texts + item->text, .size = item->text_size};
    struct gf_sort_value value = {.found = true, .bytes = text};
    size_t at = item->text;

    if (order->by.size > 0)
        gf_sort_value_find(x, order->by, text, items->room, &value);
    if (!order->alpha) {
        item->score = 0;
        return !value.found || score_of(value.bytes, &item->score) ? GF_SORT_OK
                                                                   : GF_SORT_NOT_NUMBERS;
    }
    if (value.found && order->by.size > 0 && !text_add(items, value.bytes, &at))
        return GF_SORT_NO_MEMORY;
    item->weight.at = value.found ? at : NO_WEIGHT;
    item->weight.size = value.bytes.size;
    return GF_SORT_OK;
}

/* ---- order ---------------------------------------------------------------------------------- */

struct comparison {
    const struct gf_sort_items *items;
    const struct gf_sort_order *order;
};

static int scores_compare(const struct gf_sort_items *items, const struct gf_sort_item *a,
                          const struct gf_sort_item *b)
{
    struct gf_bytes first = {.data = items->texts + a->text, .size = a->text_size};
    struct gf_bytes second = {.data = items->texts + b->text, .size = b->text_size};

    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return gf_bytes_compare(first, second);
}

static int weights_compare(const struct gf_sort_items *items, const struct gf_sort_item *a,
                           const struct gf_sort_item *b)
{
    struct gf_bytes first, second;

    if (a->weight.at == NO_WEIGHT || b->weight.at == NO_WEIGHT)
        return (a->weight.at != NO_WEIGHT) - (b->weight.at != NO_WEIGHT);
    first = (struct gf_bytes){.data = items->texts + a->weight.at, .size = a->weight.size};
    second = (struct gf_bytes){.data = items->texts + b->weight.at, .size = b->weight.size};
    return gf_bytes_compare(first, second);
}

/* Elements of equal weight stay in the order in which they came. */
static int items_compare(const struct comparison *comparison, const struct gf_sort_item *a,
                         const struct gf_sort_item *b)
{
    int result = comparison->order->alpha ? weights_compare(comparison->items, a, b)
                                          : scores_compare(comparison->items, a, b);

    if (result != 0)
        return comparison->order->descending ? -result : result;
    return (a->index > b->index) - (a->index < b->index);
}

/* Two rows that stand one behind the other and are in order, as one: from `first` to `middle`, and
 * on to `end`. */
static void rows_merge(const struct comparison *comparison, const struct gf_sort_item *from,
                       struct gf_sort_item *to, uint64_t first, uint64_t middle, uint64_t end)
{
    uint64_t left = first, right = middle;

    for (uint64_t i = first; i < end; i++) {
        bool takes_right =
            left == middle ||
            (right < end && items_compare(comparison, &from[right], &from[left]) < 0);

        to[i] = from[takes_right ? right++ : left++];
        gf_pace_step(comparison->items->pace, 1);
    }
}

static uint64_t at_most(uint64_t index, uint64_t count)
{
    return index < count ? index : count;
}

/* Not qsort: with many elements that does a long last step in which it cannot pause. */
static bool items_merge(const struct comparison *comparison, struct gf_sort_items *items)
{
    struct gf_sort_item *room =
        gf_alloc_try(GF_MEMORY_OTHER, items->count * sizeof(*items->items));

    if (room == NULL)
        return false;
    for (uint64_t width = 1; width < items->count; width *= 2) {
        struct gf_sort_item *sorted = room;

        for (uint64_t first = 0; first < items->count; first += 2 * width)
            rows_merge(comparison, items->items, room, first, at_most(first + width, items->count),
                       at_most(first + 2 * width, items->count));
        room = items->items;
        items->items = sorted;
        items->capacity = items->count;
    }
    gf_free(GF_MEMORY_OTHER, room);
    return true;
}

enum gf_sort_result gf_sort_items_sort(struct gf_exec *x, struct gf_sort_items *items,
                                       const struct gf_sort_order *order)
{
    struct comparison comparison = {.items = items, .order = order};
    enum gf_sort_result result = GF_SORT_OK;

    for (uint64_t i = 0; i < items->count; i++) {
        enum gf_sort_result one = weigh(x, items, &items->items[i], order);

        if (one == GF_SORT_NO_MEMORY)
            return one;
        if (one != GF_SORT_OK)
            result = one;
        gf_exec_pause(x, 1);
    }
    if (result == GF_SORT_OK && items->count > 1 && !items_merge(&comparison, items))
        result = GF_SORT_NO_MEMORY;
    return result;
}
