/* SORT and SORT_RO: elements of a list, set or sorted set in the order of numbers or texts, their
 * own or others'; answered, or stored as a list. */
#include "modules/sort.h"

#include "core/alloc.h"
#include "modules/lists.h"
#include "modules/place.h"

/* A request as it was read. */
struct sort {
    struct gf_sort_order order;
    struct gf_bytes *gets; /* patterns of what is answered for each element; owned */
    uint32_t gets_count;
    bool stores;
    struct gf_bytes to; /* where */
    struct gf_sort_items items;
    uint64_t first; /* of the items: what is wanted begins here */
    uint64_t count;
};

static bool has_star(struct gf_bytes pattern)
{
    return pattern.size > 0 && memchr(pattern.data, '*', pattern.size) != NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

static void read_limit(struct gf_args *args, struct gf_sort_order *order)
{
    order->limit_start = gf_args_next_i64(args);
    order->limit_count = gf_args_next_i64(args);
}

/* A pattern without a star means: as they are. It does so even when another follows. */
static void read_by(struct gf_args *args, struct gf_sort_order *order)
{
    order->by = gf_args_next(args);
    order->unsorted = order->unsorted || !has_star(order->by);
}

/* One option; false when there is none. */
static bool read_option(struct gf_args *args, struct sort *sort, bool may_store)
{
    uint32_t behind = gf_args_left(args) - 1; /* words behind the option's name */

    if (gf_args_skip_if(args, "ASC")) {
        sort->order.descending = false;
    } else if (gf_args_skip_if(args, "DESC")) {
        sort->order.descending = true;
    } else if (gf_args_skip_if(args, "ALPHA")) {
        sort->order.alpha = true;
    } else if (behind >= 2 && gf_args_skip_if(args, "LIMIT")) {
        read_limit(args, &sort->order);
    } else if (may_store && behind >= 1 && gf_args_skip_if(args, "STORE")) {
        sort->stores = true;
        sort->to = gf_args_next(args);
    } else if (behind >= 1 && gf_args_skip_if(args, "BY")) {
        read_by(args, &sort->order);
    } else if (behind >= 1 && gf_args_skip_if(args, "GET")) {
        sort->gets[sort->gets_count++] = gf_args_next(args);
    } else {
        return false;
    }
    return true;
}

/* The options; false when an error was answered. */
static bool read_all(struct gf_exec *x, struct sort *sort, bool may_store)
{
    struct gf_args *args = x->args;

    sort->gets = gf_alloc_try(GF_MEMORY_OTHER, args->count * sizeof(*sort->gets));
    if (sort->gets == NULL) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return false;
    }
    while (gf_args_left(args) > 0 && args->error == GF_MSG_NONE) {
        if (!read_option(args, sort, may_store))
            gf_args_fail(args, GF_MSG_SYNTAX);
    }
    return gf_args_ok(args, x->reply);
}

/* ---- answering ------------------------------------------------------------------------------ */

static void answer_gets(struct gf_exec *x, const struct sort *sort, struct gf_bytes element)
{
    struct gf_sort_value value;

    for (uint32_t i = 0; i < sort->gets_count; i++) {
        gf_sort_value_find(x, sort->gets[i], element, sort->items.room, &value);
        if (value.found)
            gf_reply_bulk(x->reply, value.bytes);
        else
            gf_reply_null(x->reply);
    }
}

static void answer(struct gf_exec *x, const struct sort *sort)
{
    gf_reply_array(x->reply, sort->count * (sort->gets_count > 0 ? sort->gets_count : 1));
    for (uint64_t i = sort->first; i < sort->first + sort->count; i++) {
        struct gf_bytes element = gf_sort_text(&sort->items, i);

        if (sort->gets_count == 0)
            gf_reply_bulk(x->reply, element);
        else
            answer_gets(x, sort, element);
        gf_exec_pause(x, 1);
    }
}

static bool push(struct gf_exec *x, struct gf_list *list, struct gf_bytes text)
{
    gf_list_grows(x, list, text.size, 1);
    return gf_list_push(list, text, false);
}

/* Pushes what is answered for one element; false when there is no memory. */
static bool push_gets(struct gf_exec *x, const struct sort *sort, struct gf_bytes element,
                      struct gf_list *list)
{
    struct gf_sort_value value;

    for (uint32_t i = 0; i < sort->gets_count; i++) {
        gf_sort_value_find(x, sort->gets[i], element, sort->items.room, &value);
        if (!push(x, list, value.found ? value.bytes : GF_BYTES("")))
            return false;
    }
    return true;
}

static bool push_all(struct gf_exec *x, const struct sort *sort, struct gf_list *list)
{
    for (uint64_t i = sort->first; i < sort->first + sort->count; i++) {
        struct gf_bytes element = gf_sort_text(&sort->items, i);

        if (sort->gets_count > 0 ? !push_gets(x, sort, element, list) : !push(x, list, element))
            return false;
        gf_exec_pause(x, 1);
    }
    return true;
}

/* Nothing to store: the key goes. */
static void store_nothing(struct gf_exec *x, const struct gf_place *place)
{
    struct gf_object *old = gf_keyspace_peek(place->keyspace, place->hash, place->key, x->now_ms);

    if (old != NULL) {
        gf_keyspace_remove(place->keyspace, place->hash, old);
        gf_exec_changed(x, x->db, place->key, GF_EVENT_GENERIC, "del");
    }
    gf_reply_int(x->reply, 0);
}

static void store(struct gf_exec *x, const struct sort *sort)
{
    struct gf_list list = {.place = gf_place_of(x, x->db, sort->to)};

    if (sort->count == 0) {
        store_nothing(x, &list.place);
        return;
    }
    if (!push_all(x, sort, &list)) {
        gf_list_forget(&list);
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    if (!gf_list_store(x, &list, false)) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    gf_exec_changed(x, x->db, sort->to, GF_EVENT_LIST, "sortstore");
    gf_reply_int(x->reply, (int64_t)(sort->count * (sort->gets_count > 0 ? sort->gets_count : 1)));
}

/* ---- the command ---------------------------------------------------------------------------- */

/* The collection; false when the key holds another type: the error is answered then. */
static bool find(struct gf_exec *x, struct gf_object **ret_object)
{
    struct gf_bytes key = x->args->words[1];
    enum gf_type_id type;

    *ret_object = gf_keyspace_find(x->keyspace, x->key_hash, key, x->now_ms);
    gf_exec_answered(x, key, *ret_object != NULL);
    if (*ret_object == NULL)
        return true;
    type = gf_object_type(*ret_object);
    if (type == GF_TYPE_LIST || type == GF_TYPE_SET || type == GF_TYPE_ZSET)
        return true;
    gf_reply_error(x->reply, GF_MSG_WRONGTYPE);
    return false;
}

/* A set has no order to keep: what is stored without one is stored in that of its texts. */
static void settle_order(struct sort *sort, const struct gf_object *object)
{
    if (sort->order.unsorted && sort->stores && object != NULL &&
        gf_object_type(object) == GF_TYPE_SET) {
        sort->order.unsorted = false;
        sort->order.alpha = true;
        sort->order.by = GF_BYTES("");
    }
}

static size_t longest_pattern(const struct sort *sort)
{
    size_t longest = sort->order.by.size;

    for (uint32_t i = 0; i < sort->gets_count; i++)
        longest = sort->gets[i].size > longest ? sort->gets[i].size : longest;
    return longest;
}

static enum gf_sort_result load_and_sort(struct gf_exec *x, struct sort *sort,
                                         struct gf_object *object)
{
    if (!gf_sort_items_load(x, object, &sort->order, &sort->items, &sort->first, &sort->count) ||
        !gf_sort_value_room(&sort->items, longest_pattern(sort)))
        return GF_SORT_NO_MEMORY;
    return sort->order.unsorted ? GF_SORT_OK
                                : gf_sort_items_sort(x, &sort->items, &sort->order);
}

static void run(struct gf_exec *x, struct sort *sort, bool may_store)
{
    enum gf_sort_result result;
    struct gf_object *object;

    (void)gf_args_next(x->args);
    if (!read_all(x, sort, may_store) || !find(x, &object))
        return;
    settle_order(sort, object);
    result = load_and_sort(x, sort, object);
    if (result == GF_SORT_NO_MEMORY)
        gf_reply_error(x->reply, GF_MSG_OOM);
    else if (result == GF_SORT_NOT_NUMBERS)
        gf_reply_error(x->reply, GF_MSG_SORT_NOT_NUMBERS);
    else if (sort->stores)
        store(x, sort);
    else
        answer(x, sort);
}

static void sort_run(struct gf_exec *x)
{
    struct sort sort = {.order = {.limit_count = -1}};

    run(x, &sort, true);
    gf_free(GF_MEMORY_OTHER, sort.gets);
    gf_sort_items_deinit(&sort.items);
}

static void sort_ro_run(struct gf_exec *x)
{
    struct sort sort = {.order = {.limit_count = -1}};

    run(x, &sort, false);
    gf_free(GF_MEMORY_OTHER, sort.gets);
    gf_sort_items_deinit(&sort.items);
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* The key, and the last STORE's. */
static uint32_t sort_keys(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                          uint32_t max)
{
    uint32_t to = 0;

    for (uint32_t i = 2; i < count; i++) {
        if (gf_bytes_is(words[i], "LIMIT"))
            i += 2;
        else if (gf_bytes_is(words[i], "GET") || gf_bytes_is(words[i], "BY"))
            i++;
        else if (gf_bytes_is(words[i], "STORE") && i + 1 < count)
            to = ++i;
    }
    if (max > 0)
        ret_indexes[0] = 1;
    if (to != 0 && max > 1)
        ret_indexes[1] = to;
    return to != 0 ? 2 : 1;
}

static uint32_t sort_ro_keys(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                             uint32_t max)
{
    (void)words;
    (void)count;
    if (max > 0)
        ret_indexes[0] = 1;
    return 1;
}

/* A pattern with a star behind BY or GET, wherever that stands. */
static bool sort_finds_more(const struct gf_bytes *words, uint32_t count)
{
    for (uint32_t i = 2; i + 1 < count; i++) {
        if ((gf_bytes_is(words[i], "BY") || gf_bytes_is(words[i], "GET")) && has_star(words[i + 1]))
            return true;
    }
    return false;
}

static const struct gf_key_spec sort_key_specs[] = {
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 1, .step = 1},
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .unknown = true,
     .notes = "BY and GET: which keys they name depends on the elements of the key"},
    {.flags = GF_KEY_OW | GF_KEY_UPDATE, .unknown = true,
     .notes = "STORE: it may stand anywhere"},
};

/* clang-format off */

#define KEY {.name = "key", .type = GF_ARG_KEY}
#define BY {.name = "pattern", .type = GF_ARG_PATTERN, .token = "BY", .flags = GF_ARG_OPTIONAL}
#define LIMIT                                                                                     \
    {.name = "offset_count", .type = GF_ARG_BLOCK, .token = "LIMIT", .flags = GF_ARG_OPTIONAL,    \
     GF_ARGS({.name = "offset", .type = GF_ARG_INTEGER},                                          \
             {.name = "count", .type = GF_ARG_INTEGER})}
#define GET                                                                                       \
    {.name = "pattern", .type = GF_ARG_PATTERN, .token = "GET",                                   \
     .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE | GF_ARG_MULTIPLE_TOKEN}
#define ORDER                                                                                     \
    {.name = "order", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,                             \
     GF_ARGS({.name = "asc", .type = GF_ARG_TOKEN, .token = "ASC"},                               \
             {.name = "desc", .type = GF_ARG_TOKEN, .token = "DESC"})}
#define ALPHA {.name = "sorting", .type = GF_ARG_TOKEN, .token = "ALPHA", .flags = GF_ARG_OPTIONAL}

static const struct gf_command commands[] = {
    {
        .name = "SORT", .run = sort_run,
        .flags = GF_WRITE | GF_GROWS | GF_MOVABLE | GF_DANGEROUS | GF_SLICED, .arity = -2, .key_first = 1, .key_last = 1, .key_step = 1,
        .find_keys = sort_keys, .finds_more = sort_finds_more,
        .key_specs = sort_key_specs, .key_specs_count = GF_COUNT(sort_key_specs),
        .categories = "@set|@sortedset|@list|-@keyspace",
        .since = "1.0.0", .group = "generic",
        .complexity = "O(N*log(N)), N = elements; O(M) when they are not sorted, M = elements "
                      "answered",
        .summary = "The elements of a list, set or sorted set, sorted; answered or stored.",
        GF_ARGS(KEY, BY, LIMIT, GET, ORDER, ALPHA,
                {.name = "destination", .type = GF_ARG_KEY, .token = "STORE",
                 .flags = GF_ARG_OPTIONAL}),
    },
    {
        .name = "SORT_RO", .run = sort_ro_run,
        .flags = GF_READ | GF_MOVABLE | GF_DANGEROUS | GF_SLICED, .arity = -2, .key_first = 1, .key_last = 1, .key_step = 1,
        .find_keys = sort_ro_keys, .finds_more = sort_finds_more,
        .key_specs = sort_key_specs, .key_specs_count = 2,
        .categories = "@set|@sortedset|@list|-@keyspace",
        .since = "7.0.0", .group = "generic",
        .complexity = "O(N*log(N)), N = elements; O(M) when they are not sorted, M = elements "
                      "answered",
        .summary = "The elements of a list, set or sorted set, sorted; stores nothing.",
        GF_ARGS(KEY, BY, LIMIT, GET, ORDER, ALPHA),
    },
};

/* clang-format on */

const struct gf_module gf_sort_module = {
    .abi = GF_MODULE_ABI,
    .name = "sort",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
