/* How a run is laid out: what a shape takes, and from one shape to another. */
#include "core/assert.h"
#include "modules/run.h"
#include "modules/run_parts.h"

static uint8_t common_size(const char *prefix, uint32_t max, struct gf_bytes text)
{
    uint32_t size = 0;

    if (max > text.size)
        max = (uint32_t)text.size;
    while (size < max && prefix[size] == text.data[size])
        size++;
    return (uint8_t)size;
}

static inline bool shape_shares(const struct gf_run_shape *shape, const char *prefix,
                                struct gf_bytes text)
{
    return text.size >= shape->prefix_size && memcmp(prefix, text.data, shape->prefix_size) == 0 &&
           gf_alphabet_takes(shape->alphabet,
                             (struct gf_bytes){.data = text.data + shape->prefix_size,
                                               .size = text.size - shape->prefix_size});
}

bool gf_run_takes(const struct gf_run *run, const struct gf_item *item)
{
    const struct gf_run_shape *shape = &run->shape;

    if (run->count == GF_RUN_COUNT_MAX)
        return false;
    if (shape->alphabet == GF_RUN_NUMBERS)
        return item->is_number && gf_number_size(item->number) <= shape->fixed_size;
    if (!gf_run_shape_is_mixed(shape))
        return item->text.size == (size_t)shape->prefix_size + shape->fixed_size &&
               shape_shares(shape, run->data, item->text);
    return item->is_number || item->text.size > GF_RUN_SHORT_MAX ||
           shape_shares(shape, run->data, item->text);
}

struct gf_run_shape gf_run_shape_of(const struct gf_item *item, bool packed)
{
    uint8_t alphabet = packed ? GF_ALPHABET_HEX : GF_ALPHABET_BYTES;
    struct gf_run_shape shape = {.fixed_size = GF_RUN_MIXED, .alphabet = alphabet};
    size_t size = item->text.size;

    if (item->is_number)
        return (struct gf_run_shape){.fixed_size = (uint8_t)gf_number_size(item->number),
                                     .alphabet = GF_RUN_NUMBERS};
    if (size > GF_RUN_SHORT_MAX)
        return shape;
    shape.prefix_size = (uint8_t)(size < GF_RUN_PREFIX_MAX ? size : GF_RUN_PREFIX_MAX);
    shape.fixed_size = (uint8_t)(size - shape.prefix_size);
    if (packed)
        shape.alphabet = gf_alphabet_best(gf_alphabets_of((struct gf_bytes){
            .data = item->text.data + shape.prefix_size, .size = shape.fixed_size}));
    return shape;
}

/* item_alphabets - those that can write what of the item is behind the prefix. */
static uint32_t item_alphabets(const struct gf_run_shape *shape, const struct gf_item *item)
{
    if (gf_run_shape_is_mixed(shape) && (item->is_number || item->text.size > GF_RUN_SHORT_MAX))
        return GF_ALPHABETS_ALL;
    return gf_alphabets_of((struct gf_bytes){.data = item->text.data + shape->prefix_size,
                                             .size = item->text.size - shape->prefix_size});
}

/* numbers_with - a run of numbers, and an item that is no number or a longer one. */
static struct gf_run_shape numbers_with(const struct gf_run *run, const struct gf_item *item)
{
    struct gf_run_shape shape = run->shape;

    if (item->is_number && run->count < GF_RUN_COUNT_MAX) {
        shape.fixed_size = (uint8_t)gf_number_size(item->number);
        return shape;
    }
    shape.fixed_size = GF_RUN_MIXED;
    shape.alphabet = GF_ALPHABET_BYTES;
    if (!shape.backward) /* packed, where memory counts more than speed */
        shape.alphabet = gf_alphabet_best(item_alphabets(&shape, item));
    return shape;
}

struct gf_run_shape gf_run_shape_with(const struct gf_run *run, const struct gf_item *item)
{
    struct gf_run_shape shape = run->shape;
    size_t size = item->text.size;
    bool equal =
        !gf_run_shape_is_mixed(&shape) && size == (size_t)shape.prefix_size + shape.fixed_size;
    uint32_t found = GF_ALPHABETS_ALL;
    uint32_t offset = run->begin;
    struct gf_element element;

    if (shape.alphabet == GF_RUN_NUMBERS)
        return numbers_with(run, item);
    if (equal || (!item->is_number && size <= GF_RUN_SHORT_MAX))
        shape.prefix_size = common_size(run->data, shape.prefix_size, item->text);
    shape.fixed_size = equal ? (uint8_t)(size - shape.prefix_size) : GF_RUN_MIXED;
    if (shape.alphabet == GF_ALPHABET_BYTES)
        return shape;

    for (uint32_t i = 0; i < run->count && found != 1u << GF_ALPHABET_BYTES; i++) {
        struct gf_item old;

        offset = gf_run_get(run, offset, &element);
        old = gf_element_item(&element);
        found &= item_alphabets(&shape, &old);
    }
    shape.alphabet = gf_alphabet_best(found & item_alphabets(&shape, item));
    return shape;
}

uint32_t gf_run_recode_size(const struct gf_run *run, const struct gf_run_shape *shape)
{
    struct gf_element element;
    uint32_t offset = run->begin;
    uint32_t size = 0;

    if (!gf_run_shape_is_mixed(shape))
        return run->count * gf_run_shape_stride(shape);
    for (uint32_t i = 0; i < run->count; i++) {
        struct gf_item item;

        offset = gf_run_get(run, offset, &element);
        item = gf_element_item(&element);
        size += gf_run_shape_entry_size(shape, &item);
    }
    return size;
}

/* run_is_plain - entries are the bytes behind the prefix, all of one size, and nothing else. */
static bool run_is_plain(const struct gf_run *run)
{
    return !gf_run_shape_is_mixed(&run->shape) && run->shape.alphabet == GF_ALPHABET_BYTES;
}

/* plain_entry - what of an element of a plain run is behind `skip` bytes of its entry. */
static struct gf_bytes plain_entry(const struct gf_run *run, uint32_t index, uint32_t skip)
{
    uint32_t size = run->shape.fixed_size;

    return (struct gf_bytes){.data = run->data + run->begin + index * size + skip,
                             .size = size - skip};
}

/* recode_plain - all elements of a plain run to one whose prefix is longer: their weights need not
 * be found out again. */
static void recode_plain(const struct gf_run *run, struct gf_run *to)
{
    uint32_t skip = (uint32_t)(to->shape.prefix_size - run->shape.prefix_size);
    uint32_t stride = gf_run_shape_stride(&to->shape);

    GF_ASSERT(to->end + run->count * stride <= to->capacity);
    GF_ASSERT(to->count + run->count <= GF_RUN_COUNT_MAX);
    for (uint32_t i = 0; i < run->count; i++, to->end += stride)
        gf_alphabet_pack(to->shape.alphabet, plain_entry(run, i, skip), to->data + to->end);
    to->count = (uint16_t)(to->count + run->count);
    to->weight += run->weight;
}

void gf_run_recode(const struct gf_run *run, uint32_t first, uint32_t count, struct gf_run *to)
{
    uint32_t offset = gf_run_seek(run, first);
    struct gf_element element;

    GF_ASSERT(first + count <= run->count);
    if (count == run->count && run_is_plain(run) && !gf_run_shape_is_mixed(&to->shape) &&
        to->shape.alphabet != GF_RUN_NUMBERS && to->shape.prefix_size >= run->shape.prefix_size) {
        recode_plain(run, to);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct gf_item item;

        offset = gf_run_get(run, offset, &element);
        item = gf_element_item(&element);
        GF_VERIFY(gf_run_takes(to, &item));
        gf_run_insert(to, to->end, &item);
    }
}

void gf_run_check(const struct gf_run *run)
{
    struct gf_element element;
    uint32_t offset = run->begin;
    uint32_t weight = 0;

    GF_ASSERT(run->count <= GF_RUN_COUNT_MAX);
    GF_ASSERT(run->begin >= run->shape.prefix_size);
    GF_ASSERT(run->end <= run->capacity);
    for (uint32_t i = 0; i < run->count; i++) {
        struct gf_item item;

        GF_ASSERT(gf_run_seek(run, i) == offset);
        offset = gf_run_get(run, offset, &element);
        item = gf_element_item(&element);
        weight += gf_item_weight(&item);
        GF_ASSERT(!gf_run_shape_is_mixed(&run->shape) || !item.is_number || element.is_number);
    }
    GF_ASSERT(offset == run->end);
    GF_ASSERT(weight == run->weight);
    GF_ASSERT(run->count == 0 || gf_run_last(run) == gf_run_seek(run, run->count - 1u));
}

/* The smallest shape. */

/* What the elements of a run have in common. */
struct common {
    bool equal;          /* all texts have one size, and are short */
    size_t size;         /* it */
    uint32_t count;      /* short elements that are no numbers */
    uint32_t numbers;    /* elements that are */
    uint32_t number_max; /* bytes of the longest of them */
    uint32_t texts_size; /* how far those begin with `prefix` */
    uint32_t all_size;   /* how far all elements do */
    char prefix[GF_RUN_PREFIX_MAX];
};

static void common_add(struct common *common, struct gf_element *element, uint32_t index)
{
    bool number = element->is_number;
    struct gf_bytes text;

    if (number) {
        uint32_t bytes = gf_number_size(element->number);

        common->numbers++;
        common->number_max = bytes > common->number_max ? bytes : common->number_max;
        if (!common->equal)
            return;
    }
    text = gf_element_text(element);
    if (index == 0)
        common->size = text.size;
    common->equal = common->equal && text.size == common->size && text.size <= GF_RUN_SHORT_MAX;
    if (text.size > GF_RUN_SHORT_MAX)
        return;
    if (index == 0 || (!number && common->count == 0 && !common->equal)) {
        common->all_size = common->texts_size =
            (uint32_t)(text.size < GF_RUN_PREFIX_MAX ? text.size : GF_RUN_PREFIX_MAX);
        memcpy(common->prefix, text.data, common->all_size);
    }
    common->all_size = common_size(common->prefix, common->all_size, text);
    if (!number) {
        common->texts_size = common_size(common->prefix, common->texts_size, text);
        common->count++;
    }
}

static struct common common_of(const struct gf_run *run)
{
    struct common common = {.equal = true};
    uint32_t offset = run->begin;
    struct gf_element element;

    for (uint32_t i = 0; i < run->count; i++) {
        offset = gf_run_get(run, offset, &element);
        common_add(&common, &element, i);
    }
    return common;
}

/* shape_pack - the alphabet of a shape that is right but for that. */
static void shape_pack(const struct gf_run *run, struct gf_run_shape *shape)
{
    uint32_t found = GF_ALPHABETS_ALL;
    uint32_t offset = run->begin;
    struct gf_element element;

    for (uint32_t i = 0; i < run->count && found != 1u << GF_ALPHABET_BYTES; i++) {
        struct gf_item item = {.is_number = false};

        offset = gf_run_get(run, offset, &element);
        item.is_number = element.is_number;
        item.text = gf_element_text(&element);
        found &= item_alphabets(shape, &item);
    }
    shape->alphabet = gf_alphabet_best(found);
}

/* plain_smallest - of a plain run, whose entries need not be taken apart. */
static struct gf_run_shape plain_smallest(const struct gf_run *run, char *ret_prefix)
{
    struct gf_run_shape shape = {.prefix_size = run->shape.prefix_size};
    struct gf_bytes entry = plain_entry(run, 0, 0);
    uint32_t common = GF_RUN_PREFIX_MAX - shape.prefix_size;
    uint32_t found = GF_ALPHABETS_ALL;

    if (common > entry.size)
        common = (uint32_t)entry.size;
    for (uint32_t i = 1; i < run->count && common > 0; i++)
        common = common_size(entry.data, common, plain_entry(run, i, 0));
    memcpy(ret_prefix, run->data, shape.prefix_size);
    memcpy(ret_prefix + shape.prefix_size, entry.data, common);
    shape.prefix_size = (uint8_t)(shape.prefix_size + common);
    shape.fixed_size = (uint8_t)(entry.size - common);
    if (shape.fixed_size == 0)
        return shape; /* nothing is to be packed */
    for (uint32_t i = 0; i < run->count && found != 1u << GF_ALPHABET_BYTES; i++)
        found &= gf_alphabets_of(plain_entry(run, i, common));
    shape.alphabet = gf_alphabet_best(found);
    return shape;
}

struct gf_run_shape gf_run_shape_smallest(const struct gf_run *run, char *ret_prefix)
{
    if (run_is_plain(run))
        return plain_smallest(run, ret_prefix);

    struct common common = common_of(run);
    struct gf_run_shape mixed = {.fixed_size = GF_RUN_MIXED};
    struct gf_run_shape equal = {.prefix_size = (uint8_t)common.all_size,
                                 .fixed_size = (uint8_t)(common.size - common.all_size)};

    memcpy(ret_prefix, common.prefix, sizeof(common.prefix));
    if (common.equal) {
        shape_pack(run, &equal);
        if (common.count == run->count)
            return equal;
    } else if (common.count > 0) {
        mixed.prefix_size = (uint8_t)common.texts_size;
    }
    if (common.numbers == run->count)
        mixed = (struct gf_run_shape){.fixed_size = (uint8_t)common.number_max,
                                      .alphabet = GF_RUN_NUMBERS};
    else
        shape_pack(run, &mixed);
    if (common.equal && gf_run_recode_size(run, &equal) <= gf_run_recode_size(run, &mixed))
        return equal;
    return mixed;
}
