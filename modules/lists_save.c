/* The list type: saved, loaded, measured, and what OBJECT ENCODING calls it. */
#include "core/assert.h"
#include "core/hash.h"
#include "core/alloc.h"
#include "modules/dump.h"
#include "modules/lists.h"

/* A saved list is its encoding's number, how many elements there are, and the elements. */

static const char *list_encoding_name(const struct gf_object *object)
{
    bool quick = gf_object_encoding(object) == GF_LIST_QUICKLIST;

    if (object->flags & GF_OBJECT_POINTER)
        quick = ((const struct gf_deque *)gf_object_pointer(object))->mark;
    return quick ? "quicklist" : "listpack";
}

static void list_free(void *value)
{
    gf_deque_destroy(value);
}

static bool list_free_slice(void *value, uint64_t budget)
{
    return gf_deque_free_slice(value, budget);
}

static void *list_copy(const void *value, struct gf_pace *pace)
{
    const struct gf_deque *deque = value;
    struct gf_deque *copy = gf_deque_copy(deque, pace);

    if (copy != NULL)
        copy->mark = deque->mark;
    return copy;
}

static size_t list_memory(const void *value, uint64_t samples)
{
    return gf_deque_memory(value, samples);
}

/* Blocks are what is freed one by one. */
static uint64_t list_length(const void *value)
{
    return ((const struct gf_deque *)value)->used;
}

/* An object's elements, as a row of runs. */
struct view {
    const struct gf_deque *deque; /* or NULL and: */
    struct gf_run run;
};

static struct view view_of(const struct gf_object *object)
{
    if (object->flags & GF_OBJECT_POINTER)
        return (struct view){.deque = gf_object_pointer(object)};
    return (struct view){.run = gf_list_open_bytes(gf_object_bytes(object))};
}

static uint64_t view_count(const struct view *view)
{
    return view->deque != NULL ? view->deque->count : view->run.count;
}

/* view_walk - `visit` sees every element's text, in order. */
static void view_walk(const struct view *view, void (*visit)(void *, struct gf_bytes),
                      void *context)
{
    uint32_t runs = view->deque != NULL ? view->deque->used : 1;
    struct gf_element element;

    for (uint32_t i = 0; i < runs; i++) {
        const struct gf_run *run = view->deque != NULL ? gf_deque_run(view->deque, i) : &view->run;
        uint32_t offset = run->begin;

        for (uint32_t j = 0; j < run->count; j++) {
            offset = gf_run_get(run, offset, &element);
            visit(context, gf_element_text(&element));
        }
    }
}

static void digest_visit(void *context, struct gf_bytes text)
{
    uint64_t *digest = context;

    *digest = gf_hash64(text.data, text.size, *digest);
}

static uint64_t list_digest(const struct gf_object *object, uint64_t seed)
{
    struct view view = view_of(object);
    uint64_t digest = seed;

    view_walk(&view, digest_visit, &digest);
    return digest;
}

static void save_visit(void *context, struct gf_bytes text)
{
    gf_save_bytes(context, text);
}

static void list_save(const struct gf_object *object, struct gf_saver *saver)
{
    struct view view = view_of(object);
    bool quick = strcmp(list_encoding_name(object), "quicklist") == 0;

    gf_save_u64(saver, quick ? GF_LIST_QUICKLIST : GF_LIST_LISTPACK);
    gf_save_u64(saver, view_count(&view));
    view_walk(&view, save_visit, saver);
}

/* loaded_small - the value of a small list: its bytes in a block of their own. */
static bool loaded_small(const struct gf_list *list, struct gf_value *ret_value)
{
    size_t size = GF_LIST_HEADER_SIZE + list->run.end;
    char *block = gf_alloc_try(GF_MEMORY_DATA, size);

    if (block == NULL)
        return false;
    gf_list_write_header(&list->run, block);
    memcpy(block + GF_LIST_HEADER_SIZE, list->run.data, list->run.end);
    *ret_value = (struct gf_value){
        .type = GF_TYPE_LIST,
        .encoding = list->quick ? GF_LIST_QUICKLIST : GF_LIST_LISTPACK,
        .bytes = {.data = block, .size = size},
    };
    return true;
}

static bool list_load(struct gf_loader *loader, struct gf_value *ret_value)
{
    struct gf_list list = {.quick = false};
    uint64_t encoding = gf_load_u64(loader);
    uint64_t count = gf_load_count(loader, 1);
    bool fits = encoding <= GF_LIST_QUICKLIST && count > 0;

    list.quick = encoding == GF_LIST_QUICKLIST;
    for (uint64_t i = 0; fits && i < count; i++) {
        struct gf_bytes text = gf_load_bytes(loader);

        fits =
            gf_loader_ok(loader) && text.size <= UINT32_MAX / 2 && gf_list_push(&list, text, false);
    }
    if (!fits) {
        gf_list_forget(&list);
        return false;
    }
    if (list.deque == NULL)
        return loaded_small(&list, ret_value);
    list.deque->mark = list.quick;
    *ret_value = (struct gf_value){.type = GF_TYPE_LIST, .pointer = list.deque};
    return true;
}

const struct gf_type gf_list_type = {
    .name = "list",
    .id = GF_TYPE_LIST,
    .encoding_name = list_encoding_name,
    .free = list_free,
    .free_slice = list_free_slice,
    .copy = list_copy,
    .memory = list_memory,
    .length = list_length,
    .digest = list_digest,
    .save = list_save,
    .load = list_load,
};
