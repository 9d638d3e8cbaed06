/* BITFIELD: a string as integers of any width up to 64 bits, read and written several at a time.
 *
 * All words are read before anything is done; the second pass over them needs no checks.
 */
#include "modules/bitmaps.h"

enum field_verb {
    FIELD_GET,
    FIELD_SET,
    FIELD_INCRBY,
};

enum field_overflow {
    OVERFLOW_WRAP,
    OVERFLOW_SAT,
    OVERFLOW_FAIL,
};

struct field {
    enum field_verb verb;
    enum field_overflow overflow;
    bool is_signed;
    uint32_t width; /* bits */
    uint64_t offset;
    int64_t value; /* to set, or to add */
};

/* What the first pass finds. */
struct fields {
    uint64_t count;
    bool writes;
    uint64_t end; /* the bit behind the last that is written */
};

static void overflow_read(struct gf_args *args, enum field_overflow *overflow)
{
    if (gf_args_skip_if(args, "WRAP"))
        *overflow = OVERFLOW_WRAP;
    else if (gf_args_skip_if(args, "SAT"))
        *overflow = OVERFLOW_SAT;
    else if (gf_args_skip_if(args, "FAIL"))
        *overflow = OVERFLOW_FAIL;
    else
        gf_args_fail(args, gf_args_left(args) > 0 ? GF_MSG_BITFIELD_OVERFLOW : GF_MSG_SYNTAX);
}

/* "u8", "i64": unsigned ones have at most 63 bits, so that answers fit. */
static void type_read(struct gf_args *args, struct field *field)
{
    struct gf_bytes word = gf_args_next(args);
    int64_t width = 0;

    field->is_signed = word.size > 0 && word.data[0] == 'i';
    if (word.size == 0 || (!field->is_signed && word.data[0] != 'u') ||
        !gf_bytes_parse_i64((struct gf_bytes){.data = word.data + 1, .size = word.size - 1},
                            &width) ||
        width < 1 || width > (field->is_signed ? 64 : 63)) {
        gf_args_fail(args, GF_MSG_BITFIELD_TYPE);
        width = 1;
    }
    field->width = (uint32_t)width;
}

/* The verb with its words; false after a mistake. OVERFLOW is taken along on the way. */
static bool field_next(struct gf_exec *x, struct field *field)
{
    struct gf_args *args = x->args;
    uint32_t words = 3;

    while (gf_args_skip_if(args, "OVERFLOW"))
        overflow_read(args, &field->overflow);
    if (gf_args_left(args) == 0)
        return false;
    if (gf_args_skip_if(args, "GET")) {
        field->verb = FIELD_GET;
        words = 2;
    } else if (gf_args_skip_if(args, "SET")) {
        field->verb = FIELD_SET;
    } else if (gf_args_skip_if(args, "INCRBY")) {
        field->verb = FIELD_INCRBY;
    } else {
        gf_args_fail(args, GF_MSG_SYNTAX);
    }
    if (gf_args_left(args) < words)
        gf_args_fail(args, GF_MSG_SYNTAX);
    if (args->error != GF_MSG_NONE)
        return false;
    type_read(args, field);
    field->offset = gf_bitmap_offset_next(x, field->width);
    if (field->verb != FIELD_GET)
        field->value = gf_args_next_i64(args);
    return args->error == GF_MSG_NONE;
}

static struct fields fields_read(struct gf_exec *x)
{
    struct fields fields = {0};
    struct field field = {0};

    while (field_next(x, &field)) {
        fields.count++;
        if (field.verb == FIELD_GET)
            continue;
        fields.writes = true;
        if (field.offset + field.width > fields.end)
            fields.end = field.offset + field.width;
    }
    return fields;
}

/* The number in a field, sign and all. An unsigned one never has 64 bits. */
static int64_t field_get(const struct field *field, struct gf_bytes bytes)
{
    uint64_t bits = gf_bits_get(bytes, field->offset, field->width);
    uint32_t unused = 64 - field->width;

    return field->is_signed ? (int64_t)(bits << unused) >> unused : (int64_t)bits;
}

/* The sum as the field can hold it, by the field's rule. False: it cannot, and must not. */
static bool field_sum(const struct field *field, __int128 sum, int64_t *ret_value)
{
    __int128 one = 1;
    __int128 max = field->is_signed ? (one << (field->width - 1)) - 1 : (one << field->width) - 1;
    __int128 min = field->is_signed ? -max - 1 : 0;

    if (sum < min || sum > max) {
        uint32_t unused = 64 - field->width;
        uint64_t low = (uint64_t)sum << unused;

        if (field->overflow == OVERFLOW_FAIL)
            return false;
        if (field->overflow == OVERFLOW_SAT)
            sum = sum < min ? min : max;
        else
            sum = field->is_signed ? (__int128)((int64_t)low >> unused) : (__int128)(low >> unused);
    }
    *ret_value = (int64_t)sum;
    return true;
}

/* One SET or INCRBY: done and answered. True when the field holds another number now. */
static bool field_write(struct gf_exec *x, const struct field *field, char *data, size_t size)
{
    int64_t old = field_get(field, (struct gf_bytes){.data = data, .size = size});
    __int128 sum = field->value;
    int64_t value;

    if (field->verb == FIELD_INCRBY)
        sum += old;
    else if (!field->is_signed)
        sum = (uint64_t)field->value; /* a negative number is a very large one here */
    if (!field_sum(field, sum, &value)) {
        gf_reply_null(x->reply);
        return false;
    }
    gf_bits_set(data, field->offset, field->width, (uint64_t)value);
    gf_reply_int(x->reply, field->verb == FIELD_SET ? old : value);
    return value != old;
}

static void fields_get(struct gf_exec *x, struct gf_bytes bytes, uint64_t count)
{
    struct field field = {0};

    gf_reply_array(x->reply, count);
    while (field_next(x, &field))
        gf_reply_int(x->reply, field_get(&field, bytes));
}

static void fields_write(struct gf_exec *x, struct gf_bytes key, struct gf_object *object,
                         const struct fields *fields)
{
    char text[GF_I64_TEXT_MAX];
    struct field field = {0};
    size_t before = object != NULL ? gf_string_bytes(object, text).size : 0;
    size_t size =
        (size_t)((fields->end + 7) / 8) > before ? (size_t)((fields->end + 7) / 8) : before;
    char *data = gf_string_make_raw(x, key, object, size);
    bool changed = size > before;

    if (data == NULL)
        return;
    gf_reply_array(x->reply, fields->count);
    while (field_next(x, &field)) {
        if (field.verb == FIELD_GET)
            gf_reply_int(x->reply,
                         field_get(&field, (struct gf_bytes){.data = data, .size = size}));
        else
            changed |= field_write(x, &field, data, size);
    }
    if (changed)
        gf_exec_changed(x, x->db, key, GF_EVENT_STRING, "setbit");
}

static void field_run(struct gf_exec *x, bool read_only)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct fields fields = fields_read(x);
    char text[GF_I64_TEXT_MAX];
    struct gf_object *object;

    if (!gf_args_finish(x->args, x->reply))
        return;
    if (fields.writes && read_only) {
        gf_reply_error(x->reply, GF_MSG_BITFIELD_RO);
        return;
    }
    if (!gf_string_find(x, key, &object))
        return;
    x->args->index = 2; /* the second pass, behind the key */
    if (fields.writes)
        fields_write(x, key, object, &fields);
    else
        fields_get(x, object != NULL ? gf_string_bytes(object, text) : GF_BYTES(""), fields.count);
}

void gf_bitmap_field_run(struct gf_exec *x)
{
    field_run(x, false);
}

void gf_bitmap_field_ro_run(struct gf_exec *x)
{
    field_run(x, true);
}

/* Words behind `word` that belong to it; 0: it is none of BITFIELD's. */
static uint32_t verb_words(struct gf_bytes word)
{
    if (gf_bytes_is(word, "OVERFLOW"))
        return 1;
    if (gf_bytes_is(word, "GET"))
        return 2;
    return 0;
}

uint32_t gf_bitmap_field_key_flags(const struct gf_bytes *words, uint32_t count)
{
    for (uint32_t i = 2; i < count;) {
        uint32_t more = verb_words(words[i]);

        if (more == 0 || count - i - 1 < more)
            return GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE;
        i += 1 + more;
    }
    return GF_KEY_RO | GF_KEY_ACCESS;
}
