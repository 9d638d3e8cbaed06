/* Values that BY and GET name by patterns. */
#include <string.h>

#include "core/alloc.h"
#include "modules/hashes.h"
#include "modules/place.h"
#include "modules/sort.h"
#include "modules/strings.h"

/* A pattern in its parts: before and behind the star, and the field of a hash. */
struct parts {
    struct gf_bytes before;
    struct gf_bytes behind;
    struct gf_bytes field; /* size 0: the value of a string is wanted */
};

/* False when there is no star. */
static bool parts_of(struct gf_bytes pattern, struct parts *parts)
{
    const char *end = pattern.data + pattern.size;
    const char *star = pattern.size > 0 ? memchr(pattern.data, '*', pattern.size) : NULL;
    const char *arrow;

    if (star == NULL)
        return false;
    parts->before = (struct gf_bytes){pattern.data, (size_t)(star - pattern.data)};
    parts->behind = (struct gf_bytes){star + 1, (size_t)(end - star - 1)};
    parts->field = GF_BYTES("");
    arrow = memmem(parts->behind.data, parts->behind.size, "->", 2);
    if (arrow != NULL && arrow + 2 < end) {
        parts->behind.size = (size_t)(arrow - parts->behind.data);
        parts->field = (struct gf_bytes){arrow + 2, (size_t)(end - arrow - 2)};
    }
    return true;
}

static void value_of_string(const struct gf_object *object, struct gf_sort_value *value)
{
    if (gf_object_type(object) != GF_TYPE_STRING)
        return;
    value->bytes = gf_string_bytes(object, value->text);
    value->found = true;
}

static void value_of_field(struct gf_exec *x, struct gf_bytes key, struct gf_object *object,
                           struct gf_bytes field, struct gf_sort_value *value)
{
    struct gf_hash hash = {.x = x, .key = key, .object = object};
    struct gf_dict_entry entry;

    if (gf_object_type(object) != GF_TYPE_HASH || !gf_hash_get(&hash, field, &entry))
        return;
    value->bytes = gf_packed_text(&entry.value, value->text);
    value->found = true;
}

static void value_of_key(struct gf_exec *x, struct gf_bytes key, const struct parts *parts,
                         struct gf_sort_value *value)
{
    struct gf_place place = gf_place_of(x, x->db, key);
    struct gf_object *object =
        gf_keyspace_find(place.keyspace, place.hash, place.key, x->now_ms);

    gf_exec_answered(x, key, object != NULL);
    if (object == NULL)
        return;
    if (parts->field.size > 0)
        value_of_field(x, key, object, parts->field, value);
    else
        value_of_string(object, value);
}

bool gf_sort_value_room(struct gf_sort_items *items, size_t size)
{
    gf_free(GF_MEMORY_OTHER, items->room);
    items->room = gf_alloc_try(GF_MEMORY_OTHER, items->longest + size);
    return items->room != NULL;
}

void gf_sort_value_find(struct gf_exec *x, struct gf_bytes pattern, struct gf_bytes element,
                        char *room, struct gf_sort_value *ret_value)
{
    struct gf_bytes name = {.data = room, .size = 0};
    struct parts parts;

    ret_value->found = false;
    if (gf_bytes_equal(pattern, GF_BYTES("#"))) {
        ret_value->bytes = element;
        ret_value->found = true;
        return;
    }
    if (!parts_of(pattern, &parts))
        return;
    memcpy(room, parts.before.data, parts.before.size);
    memcpy(room + parts.before.size, element.data, element.size);
    memcpy(room + parts.before.size + element.size, parts.behind.data, parts.behind.size);
    name.size = parts.before.size + element.size + parts.behind.size;
    value_of_key(x, name, &parts, ret_value);
}
