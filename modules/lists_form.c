/* A list in either of its forms: found, read, changed, stored. */
#include "core/assert.h"
#include "modules/lists.h"

#define SMALL_DATA_MAX (GF_LIST_SMALL_MAX - GF_LIST_HEADER_SIZE)
#define SMALL_AGAIN_WEIGHT 500u /* a big list of this weight becomes small again */

/* What OBJECT ENCODING says. */

#define SAFE_SIZE 8192u /* bytes of a listpack, whatever its number of elements may be */

static const uint32_t size_limits[] = {4096, 8192, 16384, 32768, 65536};

/* size_limit - the bytes that list-max-listpack-size means when it is negative. */
static uint64_t size_limit(int64_t setting)
{
    const int64_t last = (int64_t)GF_COUNT(size_limits) - 1;
    int64_t row = -setting - 1;

    return size_limits[row < last ? row : last];
}

static uint64_t count_limit(int64_t setting)
{
    return setting == 0 ? 1 : (uint64_t)setting;
}

#define LISTPACK_FRAME 7u /* bytes of a listpack without elements */

static uint64_t list_weight(const struct gf_list *list)
{
    return LISTPACK_FRAME + (list->deque != NULL ? list->deque->weight : list->run.weight);
}

void gf_list_grows(struct gf_exec *x, struct gf_list *list, size_t size, uint64_t count)
{
    int64_t setting = x->limits->list_max_listpack_size;
    uint64_t weight;

    if (list->quick)
        return;
    weight = list_weight(list) + size;
    if (setting < 0)
        list->quick = weight > size_limit(setting);
    else
        list->quick = weight > SAFE_SIZE || gf_list_count(list) + count > count_limit(setting);
}

/* list_shrinks - half of the limit is where a quicklist becomes a listpack again. */
static void list_shrinks(struct gf_exec *x, struct gf_list *list)
{
    int64_t setting = x->limits->list_max_listpack_size;

    if (!list->quick)
        return;
    if (setting < 0)
        list->quick = list_weight(list) > size_limit(setting) / 2;
    else
        list->quick = gf_list_count(list) > count_limit(setting) / 2;
}

/* Finding. */

static uint32_t byte_at(struct gf_bytes bytes, size_t index)
{
    return (uint8_t)bytes.data[index];
}

struct gf_run gf_list_open_bytes(struct gf_bytes bytes)
{
    struct gf_run run = {
        .data = (char *)bytes.data + GF_LIST_HEADER_SIZE,
        .begin = byte_at(bytes, 4),
        .end = (uint32_t)(bytes.size - GF_LIST_HEADER_SIZE),
        .capacity = (uint32_t)(bytes.size - GF_LIST_HEADER_SIZE),
        .weight = byte_at(bytes, 2) | byte_at(bytes, 3) << 8,
        .count = (uint16_t)(byte_at(bytes, 0) | byte_at(bytes, 1) << 8),
        .shape = {.prefix_size = (uint8_t)byte_at(bytes, 4),
                  .fixed_size = (uint8_t)byte_at(bytes, 5),
                  .alphabet = (uint8_t)byte_at(bytes, 6)},
    };

    GF_ASSERT(bytes.size >= GF_LIST_HEADER_SIZE);
    return run;
}

void gf_list_write_header(const struct gf_run *run, char *place)
{
    GF_ASSERT(run->weight <= UINT16_MAX);
    place[0] = (char)run->count;
    place[1] = (char)(run->count >> 8);
    place[2] = (char)run->weight;
    place[3] = (char)(run->weight >> 8);
    place[4] = (char)run->shape.prefix_size;
    place[5] = (char)run->shape.fixed_size;
    place[6] = (char)run->shape.alphabet;
}

void gf_list_open(struct gf_place place, struct gf_object *object, struct gf_list *ret_list)
{
    ret_list->place = place;
    ret_list->object = object;
    ret_list->deque = NULL;
    ret_list->quick = false;
    ret_list->scratch_at = 0;
    ret_list->run = (struct gf_run){0};
    if (object == NULL)
        return;
    if (object->flags & GF_OBJECT_POINTER) {
        ret_list->deque = gf_object_pointer(object);
        ret_list->quick = ret_list->deque->mark;
    } else {
        ret_list->run = gf_list_open_bytes(gf_object_bytes(object));
        ret_list->quick = gf_object_encoding(object) == GF_LIST_QUICKLIST;
    }
}

bool gf_list_find(struct gf_exec *x, struct gf_place place, struct gf_list *ret_list)
{
    struct gf_object *object = gf_place_find(x, &place);

    if (GF_UNLIKELY(object != NULL && gf_object_type(object) != GF_TYPE_LIST)) {
        gf_reply_error(x->reply, GF_MSG_WRONGTYPE);
        return false;
    }
    gf_list_open(place, object, ret_list);
    return true;
}

/* Small lists, changed in scratch. */

/* scratch_data - where a run's data is in one half of the scratch: behind room for the header. */
static char *scratch_data(struct gf_list *list, uint8_t half)
{
    return list->scratch[half] + GF_LIST_HEADER_SIZE;
}

static bool small_is_in_scratch(struct gf_list *list)
{
    return list->run.data == scratch_data(list, list->scratch_at);
}

/* small_edit - the run is in scratch from now on. */
static void small_edit(struct gf_list *list)
{
    if (small_is_in_scratch(list))
        return;
    if (list->run.end > 0)
        memcpy(scratch_data(list, 0), list->run.data, list->run.end);
    list->run.data = scratch_data(list, 0);
    list->run.capacity = SMALL_DATA_MAX;
}

/* small_settle - the entries begin right behind the prefix, as they are stored. */
static void small_settle(struct gf_run *run)
{
    uint32_t begin = run->shape.prefix_size;

    if (run->begin == begin)
        return;
    memmove(run->data + begin, run->data + run->begin, run->end - run->begin);
    run->end -= run->begin - begin;
    run->begin = begin;
}

/* small_reshape - the run takes the item from now on; false when it cannot be in a small list. */
static bool small_reshape(struct gf_list *list, const struct gf_item *item)
{
    struct gf_run_shape shape = gf_run_shape_with(&list->run, item);
    struct gf_run to = {.data = scratch_data(list, list->scratch_at ^ 1),
                        .capacity = SMALL_DATA_MAX};

    if (list->run.count == GF_RUN_COUNT_MAX ||
        shape.prefix_size + gf_run_recode_size(&list->run, &shape) > SMALL_DATA_MAX)
        return false;
    gf_run_start(&to, &shape, list->run.data, shape.prefix_size);
    gf_run_recode(&list->run, 0, list->run.count, &to);
    list->run = to;
    list->scratch_at ^= 1;
    return true;
}

/* small_insert - false when the list would not be small any more; nothing has changed then but the
 * shape. */
static bool small_insert(struct gf_list *list, uint32_t index, const struct gf_item *item)
{
    struct gf_run *run = &list->run;

    if (item->text.size > SMALL_DATA_MAX - GF_RUN_ENTRY_SLACK ||
        run->weight + gf_item_weight(item) > GF_LIST_SMALL_WEIGHT_MAX)
        return false;
    small_edit(list);
    if (run->count == 0) {
        struct gf_run_shape shape = gf_run_shape_of(item, true);

        gf_run_start(run, &shape, item->text.data, shape.prefix_size);
    } else if (!gf_run_takes(run, item) && !small_reshape(list, item)) {
        return false;
    }
    small_settle(run);
    if (run->end + gf_run_entry_size(run, item) > run->capacity)
        return false;
    gf_run_insert(run, gf_run_seek(run, index), item);
    return true;
}

/* list_become_big - false when there is no memory. */
static bool list_become_big(struct gf_list *list)
{
    struct gf_deque *deque = gf_deque_create();
    uint32_t offset = list->run.begin;
    struct gf_element element;

    for (uint32_t i = 0; i < list->run.count; i++) {
        struct gf_item item;

        offset = gf_run_get(&list->run, offset, &element);
        item = gf_element_item(&element);
        if (!gf_deque_push(deque, &item, false)) {
            gf_deque_destroy(deque);
            return false;
        }
    }
    list->deque = deque;
    return true;
}

/* list_become_small - a big list that has become short; it stays as it is when it is too large. */
static void list_become_small(struct gf_list *list)
{
    struct gf_list small = {.quick = list->quick};
    struct gf_deque_cursor cursor = gf_deque_seek(list->deque, 0);
    struct gf_element element;

    while (gf_deque_read(&cursor, &element)) {
        struct gf_item item = gf_element_item(&element);

        if (!small_insert(&small, small.run.count, &item))
            return;
    }
    list->run = small.run;
    list->run.data = scratch_data(list, 0);
    list->scratch_at = 0;
    memcpy(list->run.data, small.run.data, small.run.end);
    list->deque = NULL;
}

/* Reading and changing. */

bool gf_list_push(struct gf_list *list, struct gf_bytes text, bool front)
{
    struct gf_item item = gf_item_of(text);

    if (list->deque == NULL) {
        if (small_insert(list, front ? 0 : list->run.count, &item))
            return true;
        if (!list_become_big(list))
            return false;
    }
    return gf_deque_push(list->deque, &item, front);
}

void gf_list_peek(struct gf_list *list, bool front, struct gf_element *ret_element)
{
    const struct gf_run *run = &list->run;

    if (list->deque != NULL)
        gf_deque_peek(list->deque, front, ret_element);
    else
        (void)gf_run_get(run, front ? run->begin : gf_run_last(run), ret_element);
}

void gf_list_pop(struct gf_list *list, bool front, struct gf_element *element)
{
    if (list->deque != NULL) {
        gf_deque_pop(list->deque, front, element);
        return;
    }
    small_edit(list);
    gf_run_pop(&list->run, element, front);
}

void gf_list_drop(struct gf_list *list, uint64_t count, bool front, struct gf_pace *pace)
{
    if (list->deque != NULL) {
        gf_deque_drop(list->deque, count, front, pace);
        return;
    }
    small_edit(list);
    gf_run_drop(&list->run, (uint32_t)count, front);
}

bool gf_list_insert(struct gf_list *list, uint64_t index, struct gf_bytes text)
{
    struct gf_item item = gf_item_of(text);

    GF_ASSERT(index <= gf_list_count(list));
    if (list->deque == NULL) {
        if (small_insert(list, (uint32_t)index, &item))
            return true;
        if (!list_become_big(list))
            return false;
    }
    return gf_deque_insert(list->deque, index, &item);
}

bool gf_list_replace(struct gf_list *list, uint64_t index, struct gf_bytes text)
{
    struct gf_item item = gf_item_of(text);

    GF_ASSERT(index < gf_list_count(list));
    if (list->deque == NULL) {
        if (small_insert(list, (uint32_t)index, &item)) {
            gf_run_remove(&list->run, gf_run_seek(&list->run, (uint32_t)index + 1));
            return true;
        }
        if (!list_become_big(list))
            return false;
    }
    return gf_deque_replace(list->deque, index, &item);
}

void gf_list_remove_marked(struct gf_list *list, uint32_t number, const uint64_t *marks)
{
    if (list->deque != NULL) {
        gf_deque_remove_marked(list->deque, number, marks);
        return;
    }
    small_edit(list);
    gf_run_remove_marked(&list->run, marks);
}

void gf_list_settle(struct gf_list *list, struct gf_pace *pace)
{
    if (list->deque != NULL)
        gf_deque_settle(list->deque, pace);
}

/* Storing. */

/* list_is_stored - the object has the deque already. */
static bool deque_is_stored(const struct gf_list *list)
{
    return list->object != NULL && list->object->flags & GF_OBJECT_POINTER;
}

void gf_list_forget(struct gf_list *list)
{
    if (list->deque != NULL && !deque_is_stored(list))
        gf_deque_destroy(list->deque);
    list->deque = NULL;
}

static bool list_put(struct gf_exec *x, struct gf_list *list, const struct gf_value *value)
{
    const struct gf_place *place = &list->place;
    uint64_t expire_ms = list->object != NULL ? GF_KEEP_EXPIRE : 0;

    list->object =
        gf_keyspace_put(place->keyspace, place->hash, place->key, value, expire_ms, x->now_ms);
    return list->object != NULL;
}

static bool small_store(struct gf_exec *x, struct gf_list *list)
{
    struct gf_run *run = &list->run;
    struct gf_value value = {
        .type = GF_TYPE_LIST,
        .encoding = list->quick ? GF_LIST_QUICKLIST : GF_LIST_LISTPACK,
    };

    small_edit(list);
    small_settle(run);
    gf_list_write_header(run, list->scratch[list->scratch_at]);
    value.bytes = (struct gf_bytes){.data = list->scratch[list->scratch_at],
                                    .size = GF_LIST_HEADER_SIZE + run->end};
    return list_put(x, list, &value);
}

static bool big_store(struct gf_exec *x, struct gf_list *list)
{
    struct gf_value value = {.type = GF_TYPE_LIST, .pointer = list->deque};

    list->deque->mark = list->quick;
    if (deque_is_stored(list))
        return true;
    if (list_put(x, list, &value))
        return true;
    gf_list_forget(list);
    return false;
}

void gf_list_remove(struct gf_list *list)
{
    gf_list_forget(list); /* while the object can still say whether it has the deque */
    if (list->object != NULL)
        gf_keyspace_remove(list->place.keyspace, list->place.hash, list->object);
    list->object = NULL;
    list->run = (struct gf_run){0};
}

bool gf_list_store(struct gf_exec *x, struct gf_list *list, bool shrinks)
{
    if (gf_list_count(list) == 0) {
        gf_list_remove(list);
        return true;
    }
    if (shrinks)
        list_shrinks(x, list);
    if (shrinks && list->deque != NULL && deque_is_stored(list) &&
        list->deque->weight <= SMALL_AGAIN_WEIGHT)
        list_become_small(list);
    return list->deque != NULL ? big_store(x, list) : small_store(x, list);
}
