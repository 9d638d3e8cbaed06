/* Elements and their weights, in order. */
#include <ctype.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/lists.h"
#include "modules/sets.h"
#include "modules/sort.h"
#include "modules/zsets.h"

/* ---- collecting ----------------------------------------------------------------------------- */

#define CHUNK_STEPS 32u      /* of gf_pace_step: a chunk of items, or of texts, comes or goes */
#define PLACES_FIRST 16u     /* items in a first chunk that has to grow */
#define TEXTS_SIZE 131072u   /* bytes of a chunk of texts */
#define TEXTS_SIZE_FIRST 512u

/* A chunk of texts. One that is longer than a chunk has one to itself. */
struct gf_sort_text {
    struct gf_sort_text *next;
    size_t used;
    size_t size;
    char bytes[];
};

/* The first chunk, or a larger one in its place. */
static bool places_begin(struct gf_sort_places *places, uint64_t wanted)
{
    uint64_t capacity = places->capacity < PLACES_FIRST ? PLACES_FIRST : 2 * places->capacity;
    struct gf_sort_item *chunk;

    capacity = capacity < wanted ? wanted : capacity;
    capacity = capacity < GF_SORT_CHUNK ? capacity : GF_SORT_CHUNK;
    if (places->chunks == NULL)
        places->chunks = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*places->chunks));
    chunk = gf_realloc_try(GF_MEMORY_OTHER, places->chunks[0], capacity * sizeof(*chunk));
    if (chunk == NULL)
        return false;
    places->chunks[0] = chunk;
    places->capacity = capacity;
    return true;
}

/* Makes room for up to `wanted` items; for more than there is. False when there is no memory. */
static bool places_extend(struct gf_sort_places *places, uint64_t wanted)
{
    uint64_t count = places->capacity >> GF_SORT_CHUNK_SHIFT;
    void *chunks = places->chunks;

    if (count == 0)
        return places_begin(places, wanted);
    if ((count & (count - 1)) == 0) /* the table doubles */
        chunks = gf_realloc_try(GF_MEMORY_OTHER, chunks, 2 * count * sizeof(*places->chunks));
    if (chunks == NULL)
        return false;
    places->chunks = chunks;
    places->chunks[count] =
        gf_alloc_try(GF_MEMORY_OTHER, GF_SORT_CHUNK * sizeof(**places->chunks));
    if (places->chunks[count] == NULL)
        return false;
    places->capacity += GF_SORT_CHUNK;
    return true;
}

static void places_deinit(struct gf_sort_places *places, struct gf_pace *pace)
{
    for (uint64_t first = 0; first < places->capacity; first += GF_SORT_CHUNK) {
        gf_free(GF_MEMORY_OTHER, places->chunks[first >> GF_SORT_CHUNK_SHIFT]);
        gf_pace_step(pace, CHUNK_STEPS);
    }
    gf_free(GF_MEMORY_OTHER, places->chunks);
    *places = (struct gf_sort_places){0};
}

void gf_sort_items_deinit(struct gf_sort_items *items)
{
    struct gf_sort_text *chunk;

    places_deinit(&items->places, items->pace);
    while ((chunk = items->texts) != NULL) {
        items->texts = chunk->next;
        gf_free(GF_MEMORY_OTHER, chunk);
        gf_pace_step(items->pace, CHUNK_STEPS);
    }
    gf_free(GF_MEMORY_OTHER, items->room);
}

/* A chunk in front of the others, with room for `size` bytes. */
static bool texts_extend(struct gf_sort_items *items, size_t size)
{
    size_t room = items->texts == NULL ? TEXTS_SIZE_FIRST : 4 * items->texts->size;
    struct gf_sort_text *chunk;

    room = room > TEXTS_SIZE ? TEXTS_SIZE : room;
    room = room < size ? size : room;
    chunk = gf_alloc_try(GF_MEMORY_OTHER, sizeof(*chunk) + room);
    if (chunk == NULL)
        return false;
    chunk->next = items->texts;
    chunk->used = 0;
    chunk->size = room;
    items->texts = chunk;
    gf_pace_step(items->pace, CHUNK_STEPS);
    return true;
}

/* Copies a text; false when there is no memory. */
static bool text_add(struct gf_sort_items *items, struct gf_bytes text, struct gf_bytes *ret_copy)
{
    char *copy;

    if ((items->texts == NULL || items->texts->size - items->texts->used < text.size) &&
        !texts_extend(items, text.size))
        return false;
    copy = items->texts->bytes + items->texts->used;
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    items->texts->used += text.size;
    *ret_copy = (struct gf_bytes){.data = copy, .size = text.size};
    return true;
}

bool gf_sort_items_add(struct gf_sort_items *items, struct gf_bytes text)
{
    struct gf_sort_item *item;

    if (items->count == items->places.capacity && !places_extend(&items->places, 0))
        return false;
    item = gf_sort_place(&items->places, items->count);
    if (!text_add(items, text, &item->text))
        return false;
    item->index = items->count++;
    items->longest = text.size > items->longest ? text.size : items->longest;
    gf_pace_step(items->pace, 1 + (uint32_t)(text.size / 512));
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
        struct gf_sort_item *front = gf_sort_place(&items->places, i);
        struct gf_sort_item *back = gf_sort_place(&items->places, items->count - 1 - i);
        struct gf_sort_item item = *front;

        *front = *back;
        *back = item;
        gf_pace_step(items->pace, 1);
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
    struct gf_sort_value value = {.found = true, .bytes = item->text};

    if (order->by.size > 0)
        gf_sort_value_find(x, order->by, item->text, items->room, &value);
    if (!order->alpha) {
        item->score = 0;
        return !value.found || score_of(value.bytes, &item->score) ? GF_SORT_OK
                                                                   : GF_SORT_NOT_NUMBERS;
    }
    item->weight = value.found ? value.bytes : (struct gf_bytes){0};
    return !value.found || order->by.size == 0 || text_add(items, value.bytes, &item->weight)
               ? GF_SORT_OK
               : GF_SORT_NO_MEMORY;
}

/* ---- order ---------------------------------------------------------------------------------- */

static int scores_compare(const struct gf_sort_item *a, const struct gf_sort_item *b)
{
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return gf_bytes_compare(a->text, b->text);
}

static int weights_compare(const struct gf_sort_item *a, const struct gf_sort_item *b)
{
    if (a->weight.data == NULL || b->weight.data == NULL)
        return (a->weight.data != NULL) - (b->weight.data != NULL);
    return gf_bytes_compare(a->weight, b->weight);
}

/* Elements of equal weight stay in the order in which they came. */
static int items_compare(const struct gf_sort_order *order, const struct gf_sort_item *a,
                         const struct gf_sort_item *b)
{
    int result = order->alpha ? weights_compare(a, b) : scores_compare(a, b);

    if (result != 0)
        return order->descending ? -result : result;
    return (a->index > b->index) - (a->index < b->index);
}

/* A pass over all items: from one set of places to the other. */
struct merge {
    const struct gf_sort_order *order;
    struct gf_sort_places from;
    struct gf_sort_places to;
    struct gf_pace *pace;
};

/* Two rows that stand one behind the other and are in order, as one: from `first` to `middle`, and
 * on to `end`. */
static void rows_merge(const struct merge *merge, uint64_t first, uint64_t middle, uint64_t end)
{
    uint64_t left = first, right = middle;

    for (uint64_t i = first; i < end; i++) {
        bool takes_right =
            left == middle ||
            (right < end && items_compare(merge->order, gf_sort_place(&merge->from, right),
                                          gf_sort_place(&merge->from, left)) < 0);

        *gf_sort_place(&merge->to, i) =
            *gf_sort_place(&merge->from, takes_right ? right++ : left++);
        gf_pace_step(merge->pace, 1);
    }
}

static uint64_t at_most(uint64_t index, uint64_t count)
{
    return index < count ? index : count;
}

/* Not qsort: with many elements that does a long last step in which it cannot pause. */
static bool items_merge(struct gf_sort_items *items, const struct gf_sort_order *order)
{
    struct merge merge = {.order = order, .from = items->places, .pace = items->pace};
    uint64_t count = items->count;
    bool room = true;

    while (room && merge.to.capacity < count) {
        room = places_extend(&merge.to, count);
        gf_pace_step(items->pace, CHUNK_STEPS);
    }
    for (uint64_t width = 1; room && width < count; width *= 2) {
        struct gf_sort_places sorted;

        for (uint64_t first = 0; first < count; first += 2 * width)
            rows_merge(&merge, first, at_most(first + width, count),
                       at_most(first + 2 * width, count));
        sorted = merge.to;
        merge.to = merge.from;
        merge.from = sorted;
    }
    items->places = merge.from;
    places_deinit(&merge.to, items->pace);
    return room;
}

enum gf_sort_result gf_sort_items_sort(struct gf_exec *x, struct gf_sort_items *items,
                                       const struct gf_sort_order *order)
{
    enum gf_sort_result result = GF_SORT_OK;

    for (uint64_t i = 0; i < items->count; i++) {
        enum gf_sort_result one = weigh(x, items, gf_sort_place(&items->places, i), order);

        if (one == GF_SORT_NO_MEMORY)
            return one;
        if (one != GF_SORT_OK)
            result = one;
        gf_exec_pause(x, 1);
    }
    if (result == GF_SORT_OK && items->count > 1 && !items_merge(items, order))
        result = GF_SORT_NO_MEMORY;
    return result;
}
