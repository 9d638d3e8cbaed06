/* Entries of a stream, packed. */
#include "modules/stream_block.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"

#define SEQ_MORE 0u    /* one more, in the same ms */
#define SEQ_ZERO 1u    /* zero, in a later ms */
#define SEQ_WRITTEN 2u /* as it is in a later ms; in the same ms, how much more than one more */
#define SEQ_MASK 3u
#define HEAD_OWN_FIELDS 4u
#define HEAD_REMOVED 8u
#define MS_SHIFT 4
#define MS_INLINE_MAX 13u
#define MS_BYTE 14u
#define MS_LEB 15u
#define ID_SIZE_MAX 21u /* head, and two LEB128 */

/* What entries take in Redis's nodes. */

/* weight_of_words - the words from `first` on, `step` apart. */
static uint32_t weight_of_words(const struct gf_stream_words *words, uint32_t first, uint32_t step)
{
    uint32_t weight = 0;

    for (uint32_t i = first; i < words->count; i += step)
        weight += gf_stream_weight_of_text(words->words[i]);
    return weight;
}

static uint32_t weight_of_entry(struct gf_id first, struct gf_id id,
                                const struct gf_stream_words *words, bool own_fields)
{
    uint32_t pairs = words->count / 2;
    uint32_t weight = 2 + gf_stream_weight_of_int((int64_t)(id.ms - first.ms)) +
                      gf_stream_weight_of_int((int64_t)(id.seq - first.seq));

    if (!own_fields)
        return weight + weight_of_words(words, 1, 2) + gf_stream_weight_of_int((int64_t)pairs + 3);
    return weight + gf_stream_weight_of_int(pairs) + weight_of_words(words, 0, 1) +
           gf_stream_weight_of_int(2 * (int64_t)pairs + 4);
}

uint32_t gf_stream_block_bytes(const struct gf_stream_block *block)
{
    return block->weight + gf_stream_weight_of_int(block->live) +
           gf_stream_weight_of_int(block->total - block->live);
}

/* Making blocks. */

/* words_room - bytes that the words from `first` on, `step` apart, take at most. */
static size_t words_room(const struct gf_stream_words *words, uint32_t first, uint32_t step)
{
    size_t size = 0;

    for (uint32_t i = first; i < words->count; i += step)
        size += gf_stream_value_room(words->words[i].size);
    return size;
}

static struct gf_stream_block *block_alloc(size_t capacity)
{
    struct gf_stream_block *block;

    if (capacity > UINT32_MAX - sizeof(*block))
        return NULL;
    block = gf_alloc_try(GF_MEMORY_DATA, sizeof(*block) + capacity);
    if (block)
        *block =
            (struct gf_stream_block){.capacity = (uint32_t)(gf_alloc_size(block) - sizeof(*block))};
    return block;
}

struct gf_stream_block *gf_stream_block_create(struct gf_id id, const struct gf_stream_words *words)
{
    struct gf_stream_block *block = block_alloc(words_room(words, 0, 1) + ID_SIZE_MAX);
    char *at;

    if (!block)
        return NULL;
    block->base = id;
    GF_ASSERT(gf_id_previous(&block->base));
    block->last = block->base;
    block->fields = words->count / 2;
    block->weight = 7 + gf_stream_weight_of_int(block->fields) + weight_of_words(words, 0, 2) + 2;
    at = block->data;
    for (uint32_t i = 0; i < words->count; i += 2)
        at = gf_stream_value_put(at, words->words[i]);
    block->fields_size = block->start = block->used = (uint32_t)(at - block->data);
    return block;
}

struct gf_stream_block *gf_stream_block_copy(const struct gf_stream_block *block)
{
    struct gf_stream_block *copy = block_alloc(block->used);
    uint32_t capacity;

    if (!copy)
        return NULL;
    capacity = copy->capacity;
    memcpy(copy, block, sizeof(*block) + block->used);
    copy->capacity = capacity;
    return copy;
}

/* entries_compact - what was trimmed from the front is room again. */
static void entries_compact(struct gf_stream_block *block)
{
    uint32_t trimmed = block->start - block->fields_size;

    memmove(block->data + block->fields_size, block->data + block->start,
            block->used - block->start);
    block->start -= trimmed;
    block->used -= trimmed;
}

static struct gf_stream_block *block_resize(struct gf_stream_block *block, size_t capacity)
{
    struct gf_stream_block *moved;

    if (capacity > UINT32_MAX - sizeof(*block))
        return NULL;
    moved = gf_realloc_try(GF_MEMORY_DATA, block, sizeof(*block) + capacity);
    if (moved)
        moved->capacity = (uint32_t)(gf_alloc_size(moved) - sizeof(*moved));
    return moved;
}

struct gf_stream_block *gf_stream_block_fit(struct gf_stream_block *block)
{
    struct gf_stream_block *copy;

    if (block->start > block->fields_size)
        entries_compact(block);
    if (block->capacity - block->used <= block->capacity / 16)
        return block;
    copy = gf_stream_block_copy(block); /* a block is not made smaller where it is */
    if (!copy)
        return block;
    gf_free(GF_MEMORY_DATA, block);
    return copy;
}

/* block_reserve - room for `size` more bytes. */
static struct gf_stream_block *block_reserve(struct gf_stream_block *block, size_t size)
{
    size_t trimmed = block->start - block->fields_size;
    size_t need = block->used + size;

    if (need <= block->capacity)
        return block;
    if (need - trimmed <= block->capacity && trimmed >= block->used / 4) {
        entries_compact(block);
        return block;
    }
    return block_resize(block, need + need / 4);
}

/* Entries. */

/* id_put - the head without its flags, and the id behind it. */
static char *id_put(char *at, struct gf_id before, struct gf_id id)
{
    char *head = at++;
    uint64_t ms = id.ms - before.ms;
    uint64_t seq = ms == 0 ? id.seq - before.seq - 1 : id.seq;

    if (ms <= MS_INLINE_MAX) {
        *head = (char)(ms << MS_SHIFT);
    } else if (ms - MS_INLINE_MAX - 1 <= UINT8_MAX) {
        *head = (char)(MS_BYTE << MS_SHIFT);
        *at++ = (char)(ms - MS_INLINE_MAX - 1);
    } else {
        *head = (char)(MS_LEB << MS_SHIFT);
        at = gf_stream_leb_put(at, ms);
    }
    if (seq != 0) {
        *head |= (char)SEQ_WRITTEN;
        at = gf_stream_leb_put(at, seq);
    } else if (ms != 0) {
        *head |= (char)SEQ_ZERO;
    }
    return at;
}

/* id_next - the id at *cursor, in front of which `before` is; *cursor moves behind it. */
static inline struct gf_id id_next(const char **cursor, struct gf_id before)
{
    uint8_t head = (uint8_t) * (*cursor)++;
    uint64_t ms = head >> MS_SHIFT;
    uint64_t seq = 0;

    if (ms == MS_BYTE)
        ms = MS_INLINE_MAX + 1 + (uint64_t)(uint8_t) * (*cursor)++;
    else if (ms == MS_LEB)
        ms = gf_stream_leb_next(cursor);
    if ((head & SEQ_MASK) == SEQ_WRITTEN)
        seq = gf_stream_leb_next(cursor);
    if (ms == 0)
        seq += before.seq + 1;
    return (struct gf_id){.ms = before.ms + ms, .seq = seq};
}

/* fields_are - the block's names are the fields of `words`. */
static bool fields_are(const struct gf_stream_block *block, const struct gf_stream_words *words)
{
    const char *cursor = block->data;

    if (block->fields != words->count / 2)
        return false;
    for (uint32_t i = 0; i < words->count; i += 2) {
        struct gf_stream_value field = gf_stream_value_next(&cursor);

        if (!gf_stream_value_is(&field, words->words[i]))
            return false;
    }
    return true;
}

struct gf_stream_block *gf_stream_block_append(struct gf_stream_block *block, struct gf_id first,
                                               struct gf_id id, const struct gf_stream_words *words)
{
    bool own_fields = !fields_are(block, words);
    size_t room = ID_SIZE_MAX + (own_fields ? gf_stream_leb_size(words->count / 2) : 0) +
                  words_room(words, own_fields ? 0 : 1, own_fields ? 1 : 2);
    char *at;

    GF_ASSERT(gf_id_compare(block->last, id) < 0);
    block = block_reserve(block, room);
    if (!block)
        return NULL;
    at = block->data + block->used;
    at = id_put(at, block->last, id);
    if (own_fields) {
        block->data[block->used] |= (char)HEAD_OWN_FIELDS;
        at = gf_stream_leb_put(at, words->count / 2);
    }
    for (uint32_t i = own_fields ? 0 : 1; i < words->count; i += own_fields ? 1 : 2)
        at = gf_stream_value_put(at, words->words[i]);
    block->used = (uint32_t)(at - block->data);
    GF_ASSERT(block->used <= block->capacity);
    block->weight += weight_of_entry(first, id, words, own_fields);
    block->last = id;
    block->tail_removed = false;
    block->live++;
    block->total++;
    return block;
}

bool gf_stream_block_next(const struct gf_stream_block *block, struct gf_stream_place *place,
                          struct gf_stream_entry *ret_entry)
{
    const char *cursor = block->data + place->offset;
    uint8_t head;

    if (place->offset >= block->used)
        return false;
    head = (uint8_t)*cursor;
    ret_entry->id = id_next(&cursor, place->before);
    ret_entry->removed = (head & HEAD_REMOVED) != 0;
    ret_entry->count = block->fields;
    ret_entry->fields = block->data;
    if (head & HEAD_OWN_FIELDS) {
        ret_entry->count = (uint32_t)gf_stream_leb_next(&cursor);
        ret_entry->fields = NULL;
    }
    ret_entry->values = cursor;
    if (!ret_entry->removed) {
        uint32_t values = ret_entry->count << (head & HEAD_OWN_FIELDS ? 1 : 0);

        for (uint32_t i = 0; i < values; i++)
            (void)gf_stream_value_next(&cursor);
    }
    place->before = ret_entry->id;
    place->offset = (uint32_t)(cursor - block->data);
    return true;
}

/* Removing. */

/* start_advance - the block begins with an entry that is there, or is empty. */
static void start_advance(struct gf_stream_block *block)
{
    struct gf_stream_place place = gf_stream_block_begin(block);
    struct gf_stream_place before = place;
    struct gf_stream_entry entry;

    while (gf_stream_block_next(block, &place, &entry) && entry.removed)
        before = place;
    block->base = before.before;
    block->start = before.offset;
}

void gf_stream_block_shift(struct gf_stream_block *block)
{
    struct gf_stream_place place = gf_stream_block_begin(block);
    struct gf_stream_entry entry;
    bool found = gf_stream_block_next(block, &place, &entry);

    GF_ASSERT(found);
    GF_ASSERT(!entry.removed);
    block->base = place.before;
    block->start = place.offset;
    block->live--;
    start_advance(block);
}

bool gf_stream_block_remove(struct gf_stream_block *block, struct gf_id id)
{
    struct gf_stream_place place = gf_stream_block_begin(block);
    uint32_t offset = place.offset;
    struct gf_stream_entry entry;
    uint32_t kept;

    while (gf_stream_block_next(block, &place, &entry) && gf_id_compare(entry.id, id) < 0)
        offset = place.offset;
    if (offset >= block->used || gf_id_compare(entry.id, id) != 0 || entry.removed)
        return false;
    if (offset == block->start) {
        gf_stream_block_shift(block);
        return true;
    }
    block->data[offset] =
        (char)((block->data[offset] | (char)HEAD_REMOVED) & (char)~HEAD_OWN_FIELDS);
    /* The number of own fields goes, too. */
    const char *behind_id = block->data + offset;

    (void)id_next(&behind_id, (struct gf_id){0});
    kept = (uint32_t)(behind_id - block->data);
    block->tail_removed |= place.offset == block->used;
    memmove(block->data + kept, block->data + place.offset, block->used - place.offset);
    block->used -= place.offset - kept;
    block->live--;
    return true;
}

void gf_stream_block_strip(struct gf_stream_block *block)
{
    struct gf_stream_place place = gf_stream_block_begin(block);
    struct gf_stream_place kept = place;
    struct gf_stream_entry entry;

    while (gf_stream_block_next(block, &place, &entry)) {
        if (!entry.removed)
            kept = place;
    }
    block->last = kept.before;
    block->tail_removed = false;
    block->used = kept.offset;
}

struct gf_id gf_stream_block_edge(const struct gf_stream_block *block)
{
    struct gf_stream_place place = gf_stream_block_begin(block);
    struct gf_stream_entry entry;
    struct gf_id id = block->last;

    while (block->tail_removed && gf_stream_block_next(block, &place, &entry)) {
        if (!entry.removed)
            id = entry.id;
    }
    return id;
}

/* Checking bytes that anybody may have written. */

static bool values_are_sound(const char **cursor, const char *end, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (!gf_stream_value_is_sound(cursor, end))
            return false;
    }
    return true;
}

static bool id_is_sound(const char **cursor, const char *end, struct gf_id *id)
{
    const char *at = *cursor;
    uint8_t head = (uint8_t)*at++;
    uint8_t way = head & SEQ_MASK;
    uint64_t ms = head >> MS_SHIFT;
    uint64_t seq = 0;
    struct gf_id next;

    if (ms == MS_BYTE && at++ >= end)
        return false;
    if (ms == MS_LEB && !gf_stream_leb_is_sound(&at, end, &ms))
        return false;
    if (way == SEQ_WRITTEN && !gf_stream_leb_is_sound(&at, end, &seq))
        return false;
    if (way > SEQ_WRITTEN || (way == SEQ_ZERO && ms == 0) || (way == SEQ_MORE && ms != 0))
        return false;
    next = id_next(cursor, *id);
    if (gf_id_compare(*id, next) >= 0 || *cursor != at)
        return false; /* it wrapped around */
    *id = next;
    return true;
}

static bool entry_is_sound(const struct gf_stream_block *block, const char **cursor,
                           struct gf_id *id)
{
    const char *end = block->data + block->used;
    uint8_t head = (uint8_t) * *cursor;
    uint64_t values = block->fields;

    if (!id_is_sound(cursor, end, id))
        return false;
    if (head & HEAD_REMOVED)
        return !(head & HEAD_OWN_FIELDS);
    if (head & HEAD_OWN_FIELDS) {
        if (!gf_stream_leb_is_sound(cursor, end, &values) || values == 0 || values > block->used)
            return false;
        values *= 2;
    }
    return values_are_sound(cursor, end, values);
}

bool gf_stream_block_is_sound(const struct gf_stream_block *block)
{
    const char *cursor = block->data;
    struct gf_id id = block->base;
    uint32_t live = 0;
    uint32_t seen = 0;

    if (block->fields == 0 || block->fields_size > block->start || block->start >= block->used ||
        block->used > block->capacity)
        return false;
    if (!values_are_sound(&cursor, block->data + block->fields_size, block->fields) ||
        cursor != block->data + block->fields_size)
        return false;
    cursor = block->data + block->start;
    if (*cursor & (char)HEAD_REMOVED)
        return false;
    while (cursor < block->data + block->used) {
        live += (*cursor & (char)HEAD_REMOVED) == 0;
        seen++;
        if (!entry_is_sound(block, &cursor, &id))
            return false;
    }
    return live == block->live && seen <= block->total && gf_id_compare(id, block->last) == 0;
}
