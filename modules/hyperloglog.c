/* HyperLogLog commands: PFADD PFCOUNT PFMERGE PFDEBUG. The values are strings (modules/hll.h).
 *
 * PFCOUNT believes the count in a value's header when it is up to date, and never writes one: it
 * only reads, on every replica alike.
 */
#include <stdio.h>

#include "core/alloc.h"
#include "modules/hll.h"
#include "modules/place.h"
#include "modules/strings.h"

/* The HyperLogLog in an object; false when it is none, which is answered. */
static bool hll_read(struct gf_exec *x, const struct gf_object *object, char *text,
                     struct gf_bytes *ret_hll)
{
    if (!gf_string_check(x, object))
        return false;
    *ret_hll = gf_string_bytes(object, text);
    if (gf_hll_valid(*ret_hll))
        return true;
    gf_reply_error(x->reply, GF_MSG_HLL_INVALID);
    return false;
}

/* Stores what a copy has become; false when there is no memory, which is answered. */
static bool hll_store(struct gf_exec *x, struct gf_bytes key, struct gf_object *object,
                      const struct gf_buf *hll)
{
    char *data = gf_string_make_raw(x, key, object, hll->size);

    if (data == NULL)
        return false;
    memcpy(data, hll->data, hll->size);
    return true;
}

/* Marks the words that are left. */
static enum gf_hll_change words_mark(struct gf_exec *x, struct gf_buf *hll)
{
    enum gf_hll_change result = GF_HLL_SAME;

    while (gf_args_left(x->args) > 0) {
        struct gf_hll_mark mark = gf_hll_mark(gf_args_next(x->args));
        enum gf_hll_change change = gf_hll_set(hll, mark, x->limits->hll_sparse_max_bytes);

        if (change == GF_HLL_BROKEN)
            return change;
        if (change == GF_HLL_CHANGED)
            result = change;
    }
    return result;
}

/* A dense one is changed where it is. */
static void add_to_dense(struct gf_exec *x, struct gf_bytes key, struct gf_object *object)
{
    char *data = gf_string_make_raw(x, key, object, GF_HLL_DENSE_SIZE);
    bool changed = false;

    if (data == NULL)
        return;
    while (gf_args_left(x->args) > 0) {
        struct gf_hll_mark mark = gf_hll_mark(gf_args_next(x->args));

        changed |= gf_hll_dense_set(data, mark) == GF_HLL_CHANGED;
    }
    if (changed) {
        gf_hll_forget_count(data);
        gf_exec_changed(x, x->db, key, GF_EVENT_STRING, "pfadd");
    }
    gf_reply_int(x->reply, changed);
}

static void add_to_sparse(struct gf_exec *x, struct gf_bytes key, struct gf_object *object,
                          struct gf_buf *hll)
{
    enum gf_hll_change change = words_mark(x, hll);

    if (change == GF_HLL_BROKEN) {
        gf_reply_error(x->reply, GF_MSG_HLL_BROKEN);
        return;
    }
    if (change == GF_HLL_CHANGED || object == NULL)
        gf_hll_forget_count(hll->data);
    if (!hll_store(x, key, object, hll))
        return;
    if (change == GF_HLL_CHANGED || object == NULL)
        gf_exec_changed(x, x->db, key, GF_EVENT_STRING, "pfadd");
    gf_reply_int(x->reply, change == GF_HLL_CHANGED || object == NULL);
}

static void pfadd(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct gf_object *object = gf_keyspace_find(x->keyspace, x->key_hash, key, x->now_ms);
    char text[GF_I64_TEXT_MAX];
    struct gf_buf copy = {0};
    struct gf_bytes hll;

    if (object != NULL && !hll_read(x, object, text, &hll))
        return;
    if (object != NULL && gf_hll_is_dense(hll)) {
        add_to_dense(x, key, object);
        return;
    }
    if (object == NULL)
        gf_hll_init(&copy);
    else
        gf_buf_add(&copy, hll);
    add_to_sparse(x, key, object, &copy);
    gf_buf_deinit(&copy);
}

/* merge_next - the next key's registers into `registers`. False when an error was answered.
 *
 * ret_dense  becomes true when that one is dense
 */
static bool merge_next(struct gf_exec *x, uint8_t *registers, bool *ret_dense)
{
    struct gf_place place = gf_place_next(x);
    const struct gf_object *object = gf_place_find(x, &place);
    char text[GF_I64_TEXT_MAX];
    struct gf_bytes hll;

    if (object == NULL)
        return true;
    if (!hll_read(x, object, text, &hll))
        return false;
    *ret_dense |= gf_hll_is_dense(hll);
    if (gf_hll_merge(registers, hll))
        return true;
    gf_reply_error(x->reply, GF_MSG_HLL_BROKEN);
    return false;
}

/* The count of one key that its header knows; -1: it has to be computed. */
static int64_t count_known(struct gf_exec *x)
{
    struct gf_object *object =
        gf_keyspace_peek(x->keyspace, x->key_hash, x->args->words[1], x->now_ms);
    char text[GF_I64_TEXT_MAX];
    struct gf_bytes hll;

    if (gf_args_left(x->args) > 1 || object == NULL || gf_object_type(object) != GF_TYPE_STRING)
        return -1;
    hll = gf_string_bytes(object, text);
    return gf_hll_valid(hll) ? gf_hll_known_count(hll) : -1;
}

static void pfcount(struct gf_exec *x)
{
    uint8_t registers[GF_HLL_REGISTERS] = {0};
    int64_t known = count_known(x);
    bool dense = false;

    if (known >= 0) {
        struct gf_place place = gf_place_next(x);

        (void)gf_place_find(x, &place); /* an access, and a hit */
        gf_reply_int(x->reply, known);
        return;
    }
    while (gf_args_left(x->args) > 0) {
        if (!merge_next(x, registers, &dense))
            return;
    }
    gf_reply_int(x->reply, (int64_t)gf_hll_estimate(registers));
}

/* The destination's value with every register raised; false when it is broken. */
static bool merge_apply(struct gf_exec *x, struct gf_buf *hll, const uint8_t *registers, bool dense)
{
    if (dense && !gf_hll_to_dense(hll))
        return false;
    for (uint32_t i = 0; i < GF_HLL_REGISTERS; i++) {
        struct gf_hll_mark mark = {.index = i, .rank = registers[i]};

        if (mark.rank > 0 &&
            gf_hll_set(hll, mark, x->limits->hll_sparse_max_bytes) == GF_HLL_BROKEN)
            return false;
    }
    gf_hll_forget_count(hll->data);
    return true;
}

static void pfmerge(struct gf_exec *x)
{
    uint8_t registers[GF_HLL_REGISTERS] = {0};
    struct gf_bytes key = x->args->words[1];
    struct gf_object *object;
    struct gf_buf hll = {0};
    bool dense = false;

    while (gf_args_left(x->args) > 0) {
        if (!merge_next(x, registers, &dense))
            return;
    }
    object = gf_keyspace_peek(x->keyspace, x->key_hash, key, x->now_ms);
    if (object == NULL)
        gf_hll_init(&hll);
    else
        gf_buf_add(&hll, gf_object_bytes(object));
    if (!merge_apply(x, &hll, registers, dense)) {
        gf_reply_error(x->reply, GF_MSG_HLL_BROKEN);
    } else if (hll_store(x, key, object, &hll)) {
        gf_exec_changed(x, x->db, key, GF_EVENT_STRING, "pfadd");
        gf_reply_ok(x->reply);
    }
    gf_buf_deinit(&hll);
}

/* PFDEBUG. */

/* Makes a sparse one dense; false when an error was answered. */
static bool make_dense(struct gf_exec *x, struct gf_bytes key, struct gf_object *object,
                       struct gf_bytes hll)
{
    struct gf_buf copy = {0};
    bool made;

    gf_buf_add(&copy, hll);
    made = gf_hll_to_dense(&copy);
    if (!made)
        gf_reply_error(x->reply, GF_MSG_HLL_BROKEN);
    else
        made = hll_store(x, key, object, &copy);
    gf_buf_deinit(&copy);
    if (made)
        gf_exec_changed(x, x->db, key, 0, NULL);
    return made;
}

/* The value is dense afterwards, as with Redis. */
static void debug_registers(struct gf_exec *x, struct gf_bytes key, struct gf_object *object,
                            struct gf_bytes hll)
{
    uint8_t registers[GF_HLL_REGISTERS] = {0};

    if (!gf_hll_merge(registers, hll)) {
        gf_reply_error(x->reply, GF_MSG_HLL_BROKEN);
        return;
    }
    if (!gf_hll_is_dense(hll) && !make_dense(x, key, object, hll))
        return;
    gf_reply_array(x->reply, GF_HLL_REGISTERS);
    for (uint32_t i = 0; i < GF_HLL_REGISTERS; i++)
        gf_reply_int(x->reply, registers[i]);
}

/* The runs of a sparse one: z:zeroes, Z:more of them, v:rank,registers. */
static void debug_decode(struct gf_exec *x, struct gf_bytes hll)
{
    const char *at = hll.data + GF_HLL_HEADER_SIZE;
    struct gf_chain chain = {0};
    struct gf_hll_run run;
    bool first = true;

    if (gf_hll_is_dense(hll)) {
        gf_reply_error(x->reply, GF_MSG_HLL_NOT_SPARSE);
        return;
    }
    while (gf_hll_run_next(&at, hll.data + hll.size, &run)) {
        char text[32];
        const char *space = first ? "" : " ";
        int size = run.rank > 0
                       ? snprintf(text, sizeof(text), "%sv:%u,%u", space, run.rank, run.length)
                       : snprintf(text, sizeof(text), "%s%c:%u", space, run.size == 1 ? 'z' : 'Z',
                                  run.length);

        gf_chain_append(&chain, (struct gf_bytes){.data = text, .size = (size_t)size});
        first = false;
    }
    gf_reply_bulk_chain(x->reply, &chain);
}

static void debug_to_dense(struct gf_exec *x, struct gf_bytes key, struct gf_object *object,
                           struct gf_bytes hll)
{
    if (gf_hll_is_dense(hll))
        gf_reply_int(x->reply, 0);
    else if (make_dense(x, key, object, hll))
        gf_reply_int(x->reply, 1);
}

static void pfdebug(struct gf_exec *x)
{
    struct gf_bytes what = gf_args_next(x->args);
    struct gf_bytes key = gf_args_next(x->args);
    struct gf_object *object;
    char text[GF_I64_TEXT_MAX];
    struct gf_bytes hll;

    object = gf_keyspace_find(x->keyspace, x->key_hash, key, x->now_ms);
    if (object == NULL) {
        gf_reply_error(x->reply, GF_MSG_HLL_NO_KEY);
        return;
    }
    if (!hll_read(x, object, text, &hll))
        return;
    /* What may be changed is a raw string, whether it is changed or not: OBJECT ENCODING tells. */
    hll.data = gf_string_make_raw(x, key, object, hll.size);
    if (hll.data == NULL)
        return;
    object = gf_keyspace_peek(x->keyspace, x->key_hash, key, x->now_ms);
    if (gf_bytes_is(what, "GETREG"))
        debug_registers(x, key, object, hll);
    else if (gf_bytes_is(what, "DECODE"))
        debug_decode(x, hll);
    else if (gf_bytes_is(what, "ENCODING"))
        gf_reply_status(x->reply, gf_bytes_of(gf_hll_is_dense(hll) ? "dense" : "sparse"));
    else if (gf_bytes_is(what, "TODENSE"))
        debug_to_dense(x, key, object, hll);
    else
        gf_reply_error_format(x->reply, GF_MSG_HLL_DEBUG_UNKNOWN, what, (struct gf_bytes){0});
}

static const struct gf_key_spec merge_keys[] = {
    {.flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_INSERT, .begin_index = 1, .step = 1},
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 2, .last = -1, .step = 1},
};

/* clang-format off */
static const struct gf_command commands[] = {
    {
        .name = "PFADD", .run = pfadd, .flags = GF_WRITE | GF_GROWS | GF_FAST, .arity = -2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_INSERT,
        .since = "2.8.9", .group = "hyperloglog", .complexity = "O(1) for each element",
        .summary = "Counts elements in, each once; the key is made if it does not exist.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "element", .type = GF_ARG_STRING,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
    {
        .name = "PFCOUNT", .run = pfcount, .flags = GF_READ | GF_MAY_REPLICATE, .arity = -2,
        .key_first = 1, .key_last = -1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS,
        .since = "2.8.9", .group = "hyperloglog", .complexity = "O(N) in the number of keys",
        .summary = "About how many different elements were counted in, in all the keys together.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "PFMERGE", .run = pfmerge, .flags = GF_WRITE | GF_GROWS, .arity = -2,
        .key_first = 1, .key_last = -1, .key_step = 1,
        .key_specs = merge_keys, .key_specs_count = GF_COUNT(merge_keys),
        .since = "2.8.9", .group = "hyperloglog", .complexity = "O(N) in the number of keys",
        .summary = "Counts in what was counted in elsewhere.",
        GF_ARGS({.name = "destkey", .type = GF_ARG_KEY},
                {.name = "sourcekey", .type = GF_ARG_KEY,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
    {
        .name = "PFDEBUG", .run = pfdebug, .flags = GF_WRITE | GF_GROWS | GF_ADMIN, .arity = 3,
        .key_first = 2, .key_last = 2, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_ACCESS,
        .since = "2.8.9", .group = "hyperloglog", .complexity = "O(1): there are 16384 registers",
        .summary = "GETREG, DECODE, ENCODING and TODENSE: what a HyperLogLog looks like inside.",
        GF_ARGS({.name = "subcommand", .type = GF_ARG_STRING},
                {.name = "key", .type = GF_ARG_KEY}),
    },
};
/* clang-format on */

const struct gf_module gf_hyperloglog_module = {
    .abi = GF_MODULE_ABI,
    .name = "hyperloglog",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
