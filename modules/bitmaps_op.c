/* BITOP: strings combined bit by bit into another. Shorter ones have zeroes behind them. */
#include "core/alloc.h"
#include "modules/bitmaps.h"
#include "modules/place.h"

#define BLOCK_SIZE 16384 /* bytes of every source at a time: what is written stays in the cache */

struct op {
    enum gf_bits_op op;
    struct gf_place to;
    uint32_t sources_count;
    size_t size; /* of the longest source */
};

static enum gf_bits_op op_read(struct gf_args *args)
{
    static const char *const names[] = {"AND", "OR", "XOR", "NOT"};

    for (uint32_t i = 0; i < GF_COUNT(names); i++) {
        if (gf_args_skip_if(args, names[i]))
            return (enum gf_bits_op)i;
    }
    gf_args_fail(args, GF_MSG_SYNTAX);
    return GF_BITS_AND;
}

/* One source's bytes; empty where there is no key. False for another type, which is answered. */
static bool source_read(struct gf_exec *x, struct gf_bytes key, char *text,
                        struct gf_bytes *ret_bytes)
{
    struct gf_place place = gf_place_of(x, x->db, key);
    const struct gf_object *object = gf_place_find(x, &place);

    if (!gf_string_check(x, object))
        return false;
    *ret_bytes = object != NULL ? gf_string_bytes(object, text) : GF_BYTES("");
    return true;
}

/* to[begin …], `size` bytes of it, with one source more. */
static void block_combine(const struct op *op, char *to, struct gf_bytes source, size_t begin,
                          size_t size)
{
    size_t part = source.size > begin ? source.size - begin : 0;

    if (part > size)
        part = size;
    gf_bits_combine(op->op, to + begin, source.data + begin, part);
    if (op->op == GF_BITS_AND)
        memset(to + begin + part, 0, size - part);
}

/* The first source is copied (NOT: its opposite is), the others are combined with that. */
static void sources_combine(const struct op *op, const struct gf_bytes *sources, char *to)
{
    for (size_t begin = 0; begin < op->size; begin += BLOCK_SIZE) {
        size_t size = op->size - begin < BLOCK_SIZE ? op->size - begin : BLOCK_SIZE;
        size_t part = sources[0].size > begin ? sources[0].size - begin : 0;

        if (part > size)
            part = size;
        if (part > 0)
            memcpy(to + begin, sources[0].data + begin, part);
        memset(to + begin + part, 0, size - part);
        if (op->op == GF_BITS_NOT)
            gf_bits_combine(GF_BITS_NOT, to + begin, to + begin, size);
        for (uint32_t i = 1; i < op->sources_count; i++)
            block_combine(op, to, sources[i], begin, size);
    }
}

static void result_put(struct gf_exec *x, const struct op *op, char *data)
{
    struct gf_value value = {.type = GF_TYPE_STRING,
                             .encoding = GF_STRING_RAW,
                             .bytes = {.data = data, .size = op->size}};

    if (gf_keyspace_put(op->to.keyspace, op->to.hash, op->to.key, &value, 0, x->now_ms) == NULL) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    gf_exec_changed(x, x->db, op->to.key, GF_EVENT_STRING, "set");
    gf_reply_int(x->reply, (int64_t)op->size);
}

/* No source has a byte: nor has the destination, which means it is no key. */
static void result_remove(struct gf_exec *x, const struct op *op)
{
    struct gf_object *object =
        gf_keyspace_peek(op->to.keyspace, op->to.hash, op->to.key, x->now_ms);

    if (object != NULL) {
        gf_keyspace_remove(op->to.keyspace, op->to.hash, object);
        gf_exec_changed(x, x->db, op->to.key, GF_EVENT_GENERIC, "del");
    }
    gf_reply_int(x->reply, 0);
}

/* False when a source is no string, which is answered. */
static bool sources_read(struct gf_exec *x, struct op *op, struct gf_bytes *sources,
                         char (*texts)[GF_I64_TEXT_MAX])
{
    for (uint32_t i = 0; i < op->sources_count; i++) {
        if (!source_read(x, gf_args_next(x->args), texts[i], &sources[i]))
            return false;
        if (sources[i].size > op->size)
            op->size = sources[i].size;
    }
    return true;
}

static void op_run(struct gf_exec *x, struct op *op, struct gf_bytes *sources)
{
    char *data;

    if (op->size == 0) {
        result_remove(x, op);
        return;
    }
    data = gf_alloc_try(GF_MEMORY_OTHER, op->size);
    if (data == NULL) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    sources_combine(op, sources, data);
    result_put(x, op, data);
    gf_free(GF_MEMORY_OTHER, data);
}

void gf_bitmap_op_run(struct gf_exec *x)
{
    struct op op = {.op = op_read(x->args)};
    struct gf_bytes *sources;
    char(*texts)[GF_I64_TEXT_MAX];

    if (!gf_args_ok(x->args, x->reply))
        return;
    op.to = gf_place_next(x);
    op.sources_count = gf_args_left(x->args);
    if (op.op == GF_BITS_NOT && op.sources_count != 1) {
        gf_reply_error(x->reply, GF_MSG_BITOP_NOT);
        return;
    }
    sources = gf_alloc_try(GF_MEMORY_OTHER, op.sources_count * sizeof(*sources));
    texts = gf_alloc_try(GF_MEMORY_OTHER, op.sources_count * sizeof(*texts));
    if (sources == NULL || texts == NULL)
        gf_reply_error(x->reply, GF_MSG_OOM);
    else if (sources_read(x, &op, sources, texts))
        op_run(x, &op, sources);
    gf_free(GF_MEMORY_OTHER, sources);
    gf_free(GF_MEMORY_OTHER, texts);
}
