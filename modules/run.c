/* Entries of a run: how large, written, read, moved. */
#include "modules/run.h"

#include "core/assert.h"
#include "modules/run_parts.h"

enum head {
    HEAD_CHARACTERS_MAX = 95,
    HEAD_NUMBER = 96,
    HEAD_NUMBER_MAX = 223,
    HEAD_BYTES = 224, /* and how many */
    HEAD_CHARACTERS_8 = 240,
    HEAD_WHOLE_16 = 241,
    HEAD_WHOLE_32 = 242,
};

#define NUMBER_MAX (HEAD_NUMBER_MAX - HEAD_NUMBER) /* that a head can hold */

/* Items and elements. */

struct gf_item gf_item_of(struct gf_bytes text)
{
    struct gf_item item = {.text = text};

    /* All digits and '-' are below ':'; most texts are refused by their first byte. */
    if (text.size - 1 < GF_I64_TEXT_MAX && text.data[0] < ':')
        item.is_number = gf_bytes_parse_i64(text, &item.number);
    return item;
}

static uint32_t number_weight(int64_t number)
{
    if (number >= 0 && number <= 127)
        return 2;
    if (number >= -4096 && number <= 4095)
        return 3;

    uint32_t size = gf_number_size(number);

    return size <= 4 ? size + 2 : 10;
}

static uint32_t text_weight(size_t size)
{
    if (size < 64)
        return (uint32_t)size + 2;
    if (size < 4096)
        return (uint32_t)size + 2 + (size + 2 < 128 ? 1 : 2);

    uint32_t back = 2;

    for (uint64_t left = (size + 5) >> 14; left > 0; left >>= 7)
        back++;
    return (uint32_t)size + 5 + back;
}

uint32_t gf_item_weight(const struct gf_item *item)
{
    return item->is_number ? number_weight(item->number) : text_weight(item->text.size);
}

struct gf_bytes gf_element_text(struct gf_element *element)
{
    if (element->is_number) {
        size_t size = gf_i64_format(element->scratch, element->number);

        return (struct gf_bytes){.data = element->scratch, .size = size};
    }
    if (element->prefix.size == 0)
        return element->rest;

    char *rest = element->scratch + element->prefix.size;

    memcpy(element->scratch, element->prefix.data, element->prefix.size);
    if (element->rest.data != rest)
        memcpy(rest, element->rest.data, element->rest.size);
    return (struct gf_bytes){.data = element->scratch,
                             .size = element->prefix.size + element->rest.size};
}

struct gf_item gf_element_item(struct gf_element *element)
{
    bool is_number = element->is_number;
    struct gf_bytes text = gf_element_text(element);

    if (is_number)
        return (struct gf_item){.text = text, .number = element->number, .is_number = true};
    return gf_item_of(text);
}

/* element_weight - without making its text, where that is plainly no number. */
static uint32_t element_weight(struct gf_element *element)
{
    size_t size = element->prefix.size + element->rest.size;
    struct gf_item item;
    char first;

    if (element->is_number)
        return number_weight(element->number);
    if (size - 1 >= GF_I64_TEXT_MAX)
        return text_weight(size);
    first = element->prefix.size > 0 ? element->prefix.data[0] : element->rest.data[0];
    if (first >= ':')
        return text_weight(size);
    item = gf_element_item(element);
    return gf_item_weight(&item);
}

/* Sizes. */

/* back_size - bytes of the size behind an entry of `size` bytes. */
static inline uint32_t back_size(uint32_t size)
{
    uint32_t bytes = 1;

    for (; size >= 128; size >>= 7)
        bytes++;
    return bytes;
}

uint32_t gf_run_shape_entry_size(const struct gf_run_shape *shape, const struct gf_item *item)
{
    uint32_t size;

    if (!gf_run_shape_is_mixed(shape))
        return gf_run_shape_stride(shape);
    if (item->is_number) {
        size =
            item->number >= 0 && item->number <= NUMBER_MAX ? 1 : 1 + gf_number_size(item->number);
    } else if (item->text.size <= GF_RUN_SHORT_MAX) {
        uint32_t characters = (uint32_t)item->text.size - shape->prefix_size;

        size = (characters <= HEAD_CHARACTERS_MAX ? 1 : 2) +
               gf_alphabet_size(shape->alphabet, characters);
    } else {
        size = (item->text.size <= UINT16_MAX ? 3 : 5) + (uint32_t)item->text.size;
    }
    return shape->backward ? size + back_size(size) : size;
}

uint32_t gf_run_entry_size(const struct gf_run *run, const struct gf_item *item)
{
    return gf_run_shape_entry_size(&run->shape, item);
}

/* Writing. */

void gf_run_start(struct gf_run *run, const struct gf_run_shape *shape, const char *prefix,
                  uint32_t begin)
{
    GF_ASSERT(begin >= shape->prefix_size);
    GF_ASSERT(begin <= run->capacity);
    run->shape = *shape;
    run->begin = run->end = begin;
    run->count = 0;
    run->weight = 0;
    if (shape->prefix_size > 0)
        memmove(run->data, prefix, shape->prefix_size);
}

static char *number_store(char *place, int64_t number, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        *place++ = (char)((uint64_t)number >> (8 * i));
    return place;
}

static char *number_write(char *place, int64_t number)
{
    uint32_t size = gf_number_size(number);

    if (number >= 0 && number <= NUMBER_MAX) {
        *place++ = (char)(HEAD_NUMBER + number);
        return place;
    }
    *place++ = (char)(HEAD_BYTES + size);
    return number_store(place, number, size);
}

static char *characters_write(const struct gf_run_shape *shape, char *place, struct gf_bytes rest)
{
    if (rest.size > HEAD_CHARACTERS_MAX)
        *place++ = (char)HEAD_CHARACTERS_8;
    *place++ = (char)rest.size;
    gf_alphabet_pack(shape->alphabet, rest, place);
    return place + gf_alphabet_size(shape->alphabet, (uint32_t)rest.size);
}

static char *whole_write(char *place, struct gf_bytes text)
{
    uint32_t bytes = text.size <= UINT16_MAX ? 2 : 4;

    *place++ = (char)(bytes == 2 ? HEAD_WHOLE_16 : HEAD_WHOLE_32);
    for (uint32_t i = 0; i < bytes; i++)
        *place++ = (char)(text.size >> (8 * i));
    return mempcpy(place, text.data, text.size);
}

/* back_write - the size of an entry so that it can be read from its end: seven bits a byte, low
 * ones last; all but the first have the top bit set. */
static void back_write(char *place, uint32_t size)
{
    uint32_t bytes = back_size(size);

    for (uint32_t i = bytes; i-- > 0; size >>= 7)
        place[i] = (char)((size & 0x7f) | (i > 0 ? 0x80 : 0));
}

static void entry_write(const struct gf_run_shape *shape, char *place, const struct gf_item *item)
{
    struct gf_bytes rest = {.data = item->text.data + shape->prefix_size,
                            .size = item->text.size - shape->prefix_size};
    char *end;

    if (shape->alphabet == GF_RUN_NUMBERS) {
        (void)number_store(place, item->number, shape->fixed_size);
        return;
    }
    if (!gf_run_shape_is_mixed(shape)) {
        gf_alphabet_pack(shape->alphabet, rest, place);
        return;
    }
    if (item->is_number)
        end = number_write(place, item->number);
    else if (item->text.size <= GF_RUN_SHORT_MAX)
        end = characters_write(shape, place, rest);
    else
        end = whole_write(place, item->text);
    if (shape->backward)
        back_write(end, (uint32_t)(end - place));
}

static void run_count(struct gf_run *run, const struct gf_item *item)
{
    GF_ASSERT(run->count < GF_RUN_COUNT_MAX);
    run->count++;
    run->weight += gf_item_weight(item);
}

void gf_run_insert(struct gf_run *run, uint32_t offset, const struct gf_item *item)
{
    uint32_t size = gf_run_shape_entry_size(&run->shape, item);

    GF_ASSERT(run->end + size <= run->capacity);
    GF_ASSERT(offset >= run->begin);
    if (offset < run->end)
        memmove(run->data + offset + size, run->data + offset, run->end - offset);
    entry_write(&run->shape, run->data + offset, item);
    run->end += size;
    run_count(run, item);
}

void gf_run_push_front(struct gf_run *run, const struct gf_item *item)
{
    uint32_t size = gf_run_shape_entry_size(&run->shape, item);

    GF_ASSERT(run->begin >= run->shape.prefix_size + size);
    run->begin -= size;
    entry_write(&run->shape, run->data + run->begin, item);
    run_count(run, item);
}

/* Reading. */

/* What stands at an offset of a mixed run. */
struct entry {
    uint32_t payload; /* offset of what follows the head */
    uint32_t size;    /* bytes of it */
    uint32_t count;   /* characters, of a text behind the prefix */
    uint8_t head;
};

static inline struct entry entry_at(const struct gf_run *run, uint32_t offset)
{
    const uint8_t *data = (const uint8_t *)run->data + offset;
    struct entry entry = {.payload = offset + 1, .head = data[0]};

    if (entry.head <= HEAD_CHARACTERS_MAX) {
        entry.count = entry.head;
        entry.size = gf_alphabet_size(run->shape.alphabet, entry.count);
    } else if (entry.head <= HEAD_NUMBER_MAX) {
        entry.size = 0;
    } else if (entry.head <= HEAD_BYTES + 8) {
        entry.size = entry.head - HEAD_BYTES;
    } else if (entry.head == HEAD_CHARACTERS_8) {
        entry.payload++;
        entry.count = data[1];
        entry.size = gf_alphabet_size(run->shape.alphabet, entry.count);
    } else {
        uint32_t bytes = entry.head == HEAD_WHOLE_16 ? 2 : 4;

        entry.payload += bytes;
        for (uint32_t i = 0; i < bytes; i++)
            entry.size |= (uint32_t)data[1 + i] << (8 * i);
    }
    return entry;
}

static inline uint32_t entry_end(const struct gf_run *run, uint32_t offset,
                                 const struct entry *entry)
{
    uint32_t end = entry->payload + entry->size;

    return run->shape.backward ? end + back_size(end - offset) : end;
}

uint32_t gf_run_next(const struct gf_run *run, uint32_t offset)
{
    struct entry entry;

    if (!gf_run_shape_is_mixed(&run->shape))
        return offset + gf_run_shape_stride(&run->shape);
    entry = entry_at(run, offset);
    return entry_end(run, offset, &entry);
}

uint32_t gf_run_seek(const struct gf_run *run, uint32_t index)
{
    uint32_t offset = run->begin;

    GF_ASSERT(index <= run->count);
    if (!gf_run_shape_is_mixed(&run->shape))
        return offset + index * gf_run_shape_stride(&run->shape);
    if (index == run->count)
        return run->end;
    for (; index > 0; index--)
        offset = gf_run_next(run, offset);
    return offset;
}

uint32_t gf_run_last(const struct gf_run *run)
{
    const uint8_t *data = (const uint8_t *)run->data;
    uint32_t offset = run->end;
    uint32_t size = 0;

    GF_ASSERT(run->count > 0);
    if (!gf_run_shape_is_mixed(&run->shape) || !run->shape.backward)
        return gf_run_seek(run, run->count - 1u);
    for (uint32_t shift = 0;; shift += 7) {
        uint8_t byte = data[--offset];

        size |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return offset - size;
    }
}

void gf_run_offsets(const struct gf_run *run, uint32_t *ret_offsets)
{
    uint32_t offset = run->begin;

    for (uint32_t i = 0; i < run->count; i++) {
        ret_offsets[i] = offset;
        offset = gf_run_next(run, offset);
    }
}

/* characters_get - `count` characters behind the prefix, where they are or unpacked. */
static inline void characters_get(const struct gf_run *run, uint32_t payload, uint32_t count,
                                  struct gf_element *ret_element)
{
    const char *place = run->data + payload;

    ret_element->is_number = false;
    ret_element->prefix = (struct gf_bytes){.data = run->data, .size = run->shape.prefix_size};
    if (run->shape.alphabet != GF_ALPHABET_BYTES) {
        char *text = ret_element->scratch + run->shape.prefix_size;

        gf_alphabet_unpack(run->shape.alphabet, place, count, text);
        place = text;
    }
    ret_element->rest = (struct gf_bytes){.data = place, .size = count};
}

/* number_load - a number of `size` bytes, 1 … 8. */
static inline int64_t number_load(const char *place, uint32_t size)
{
    uint64_t number = 0;

    for (uint32_t i = 0; i < size; i++)
        number |= (uint64_t)(uint8_t)place[i] << (8 * i);
    number <<= 64 - 8 * size;
    return (int64_t)number >> (64 - 8 * size);
}

static int64_t number_read(const struct gf_run *run, const struct entry *entry)
{
    if (entry->head <= HEAD_NUMBER_MAX)
        return entry->head - HEAD_NUMBER;
    return number_load(run->data + entry->payload, entry->size);
}

uint32_t gf_run_get(const struct gf_run *run, uint32_t offset, struct gf_element *ret_element)
{
    struct entry entry;

    GF_ASSERT(offset >= run->begin);
    if (run->shape.alphabet == GF_RUN_NUMBERS) {
        ret_element->is_number = true;
        ret_element->number = number_load(run->data + offset, run->shape.fixed_size);
        return offset + run->shape.fixed_size;
    }
    if (!gf_run_shape_is_mixed(&run->shape)) {
        characters_get(run, offset, run->shape.fixed_size, ret_element);
        return offset + gf_run_shape_stride(&run->shape);
    }
    entry = entry_at(run, offset);
    if (entry.head <= HEAD_CHARACTERS_MAX || entry.head == HEAD_CHARACTERS_8) {
        characters_get(run, entry.payload, entry.count, ret_element);
    } else if (entry.head <= HEAD_BYTES + 8) {
        ret_element->is_number = true;
        ret_element->number = number_read(run, &entry);
    } else {
        ret_element->is_number = false;
        ret_element->prefix = (struct gf_bytes){.data = run->data, .size = 0};
        ret_element->rest =
            (struct gf_bytes){.data = run->data + entry.payload, .size = entry.size};
    }
    return entry_end(run, offset, &entry);
}

/* Removing. */

void gf_run_remove(struct gf_run *run, uint32_t offset)
{
    struct gf_element element;
    uint32_t next = gf_run_get(run, offset, &element);

    GF_ASSERT(run->count > 0);
    run->weight -= element_weight(&element);
    run->count--;
    memmove(run->data + offset, run->data + next, run->end - next);
    run->end -= next - offset;
}

void gf_run_remove_marked(struct gf_run *run, const uint64_t *marks)
{
    struct gf_element element;
    uint32_t offset = run->begin;
    uint32_t to = run->begin;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < run->count; i++) {
        uint32_t next = gf_run_get(run, offset, &element);

        if (marks[i / 64] >> (i % 64) & 1) {
            run->weight -= element_weight(&element);
        } else {
            memmove(run->data + to, run->data + offset, next - offset);
            to += next - offset;
            kept++;
        }
        offset = next;
    }
    run->end = to;
    run->count = (uint16_t)kept;
}

void gf_run_pop(struct gf_run *run, struct gf_element *element, bool front)
{
    GF_ASSERT(run->count > 0);
    run->weight -= element_weight(element);
    if (front)
        run->begin = gf_run_next(run, run->begin);
    else
        run->end = gf_run_last(run);
    run->count--;
}

void gf_run_drop(struct gf_run *run, uint32_t count, bool front)
{
    uint32_t kept = run->count - count;
    uint32_t from = front ? run->begin : gf_run_seek(run, kept);
    struct gf_element element;
    uint32_t offset = from;

    GF_ASSERT(count <= run->count);
    for (uint32_t i = 0; i < count; i++) {
        offset = gf_run_get(run, offset, &element);
        run->weight -= element_weight(&element);
    }
    if (front)
        run->begin = offset;
    else
        run->end = from;
    run->count = (uint16_t)kept;
}
