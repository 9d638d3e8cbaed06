/* Entries of a stream, in blocks. */
#include "modules/stream.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/exec.h"
#include "modules/stream_group.h"

#define TRIM_BLOCK_STEPS 8u  /* of gf_pace_step: a block goes */
#define TRIM_STEP_ENTRIES 4u /* entries that make one, where it is not known how large blocks are */
#define NODE_BYTES_MAX (1u << 30) /* of Redis's nodes when no other limit is set */

struct gf_stream *gf_stream_create(void)
{
    struct gf_stream *stream = gf_alloc_zero(GF_MEMORY_DATA, sizeof(*stream));

    gf_id_tree_init(&stream->blocks, sizeof(struct gf_stream_slot));
    return stream;
}

bool gf_stream_free_slice(struct gf_stream *stream, uint64_t budget)
{
    struct gf_stream_slot *slot;

    while (stream->groups_count > 0) {
        struct gf_stream_group *group = stream->groups[stream->groups_count - 1];

        if (!gf_stream_group_free_slice(group, &budget))
            return false;
        stream->groups_count--;
    }
    while ((slot = gf_id_tree_first(&stream->blocks)) != NULL) {
        if (budget-- == 0)
            return false;
        gf_free(GF_MEMORY_DATA, slot->block);
        (void)gf_id_tree_remove(&stream->blocks, slot->first);
    }
    gf_free(GF_MEMORY_DATA, stream->groups);
    gf_free(GF_MEMORY_DATA, stream);
    return true;
}

void gf_stream_destroy(struct gf_stream *stream)
{
    bool gone = !stream || gf_stream_free_slice(stream, UINT64_MAX);

    GF_ASSERT(gone);
}

/* Adding. */

/* block_is_full - Redis would begin another node for an entry of `size` bytes of text. */
static bool block_is_full(const struct gf_stream_block *block, uint64_t size,
                          const struct gf_limits *limits)
{
    uint64_t bytes_max = limits->stream_node_max_bytes;
    uint64_t entries_max = limits->stream_node_max_entries;

    if (bytes_max == 0 || bytes_max > NODE_BYTES_MAX)
        bytes_max = NODE_BYTES_MAX;
    if (gf_stream_block_bytes(block) + size >= bytes_max)
        return true;
    if (entries_max > 0 && block->total >= entries_max)
        return true;
    return block->used >= GF_STREAM_BLOCK_BYTES_MAX || block->total >= GF_STREAM_BLOCK_ENTRIES_MAX;
}

/* append_new - the entry begins a block. */
static bool append_new(struct gf_stream *stream, struct gf_id id,
                       const struct gf_stream_words *words)
{
    struct gf_stream_slot *last = gf_id_tree_last(&stream->blocks);
    struct gf_stream_block *block = gf_stream_block_create(id, words);
    struct gf_stream_block *filled = block ? gf_stream_block_append(block, id, id, words) : NULL;
    struct gf_stream_slot *slot;

    if (!filled) {
        gf_free(GF_MEMORY_DATA, block);
        return false;
    }
    if (last)
        last->block = gf_stream_block_fit(last->block);
    slot = gf_id_tree_add(&stream->blocks, id);
    slot->block = filled;
    return true;
}

bool gf_stream_append(struct gf_stream *stream, struct gf_id id,
                      const struct gf_stream_words *words, const struct gf_limits *limits)
{
    struct gf_stream_slot *slot = gf_id_tree_last(&stream->blocks);
    uint64_t size = 0;

    GF_ASSERT(gf_id_compare(stream->last_id, id) < 0);
    if (slot && gf_id_compare(slot->block->last, id) >= 0)
        gf_stream_block_strip(slot->block);
    for (uint32_t i = 0; i < words->count; i++)
        size += words->words[i].size;
    if (slot && !block_is_full(slot->block, size, limits)) {
        struct gf_stream_block *block = gf_stream_block_append(slot->block, slot->first, id, words);

        if (!block)
            return false;
        slot->block = block;
    } else if (!append_new(stream, id, words)) {
        return false;
    }
    stream->length++;
    stream->entries_added++;
    stream->last_id = id;
    return true;
}

/* Removing. */

/* slot_of - where the entry with this id would be; NULL when no block begins so low. */
static struct gf_stream_slot *slot_of(const struct gf_stream *stream, struct gf_id id)
{
    return gf_id_cursor_at(&stream->blocks, gf_id_tree_seek_back(&stream->blocks, id));
}

static void slot_drop(struct gf_stream *stream, struct gf_stream_slot *slot)
{
    gf_free(GF_MEMORY_DATA, slot->block);
    (void)gf_id_tree_remove(&stream->blocks, slot->first);
}

bool gf_stream_remove(struct gf_stream *stream, struct gf_id id)
{
    struct gf_stream_slot *slot = slot_of(stream, id);

    if (!slot || !gf_stream_block_remove(slot->block, id))
        return false;
    if (slot->block->live == 0)
        slot_drop(stream, slot);
    stream->length--;
    return true;
}

/* trim_keeps - an entry stays when the stream is this long and it has this id. */
static bool trim_keeps(const struct gf_stream_trim *trim, uint64_t length, struct gf_id id)
{
    if (trim->kind == GF_STREAM_TRIM_MAXLEN)
        return length <= trim->maxlen;
    return gf_id_compare(id, trim->minid) >= 0;
}

/* trim_takes_block - all of the first block goes. */
static bool trim_takes_block(const struct gf_stream *stream, const struct gf_stream_trim *trim,
                             const struct gf_stream_block *block)
{
    if (trim->kind == GF_STREAM_TRIM_MAXLEN)
        return stream->length - block->live >= trim->maxlen;
    return gf_id_compare(block->last, trim->minid) < 0;
}

uint64_t gf_stream_trim(struct gf_stream *stream, const struct gf_stream_trim *trim,
                        struct gf_pace *pace)
{
    uint64_t length = stream->length;
    struct gf_stream_slot *slot;

    GF_ASSERT(trim->kind != GF_STREAM_TRIM_NONE);
    while ((slot = gf_id_tree_first(&stream->blocks)) != NULL) {
        uint64_t live = slot->block->live;

        if (trim->kind == GF_STREAM_TRIM_MAXLEN && stream->length <= trim->maxlen)
            break;
        if (trim->limit > 0 && length - stream->length + live > trim->limit)
            break;
        if (trim_takes_block(stream, trim, slot->block)) {
            slot_drop(stream, slot);
            stream->length -= live;
            gf_pace_step(pace, TRIM_BLOCK_STEPS);
            continue;
        }
        if (trim->approximate)
            break;
        while (slot->block->live > 0 &&
               !trim_keeps(trim, stream->length, gf_stream_first_id(stream))) {
            gf_stream_block_shift(slot->block);
            stream->length--;
        }
        /* All that is left of it may have been removed, with a last id that is high enough. */
        if (slot->block->live == 0)
            slot_drop(stream, slot);
        break;
    }
    return length - stream->length;
}

uint64_t gf_stream_trim_steps(const struct gf_stream *stream, const struct gf_stream_trim *trim,
                              uint64_t max)
{
    struct gf_id_cursor cursor = {.leaf = stream->blocks.first};
    const struct gf_stream_slot *slot;
    uint64_t steps = 0;

    if (trim->kind == GF_STREAM_TRIM_MAXLEN)
        return stream->length > trim->maxlen
                   ? TRIM_BLOCK_STEPS + (stream->length - trim->maxlen) / TRIM_STEP_ENTRIES
                   : 0;
    while (steps <= max && (slot = gf_id_cursor_at(&stream->blocks, cursor)) != NULL &&
           gf_id_compare(slot->first, trim->minid) < 0) {
        steps += TRIM_BLOCK_STEPS;
        gf_id_cursor_next(&cursor);
    }
    return steps;
}

/* Reading. */

uint64_t gf_stream_count(const struct gf_stream *stream, struct gf_id from, struct gf_id to,
                         uint64_t max)
{
    struct gf_id_cursor cursor = gf_id_tree_seek_back(&stream->blocks, from);
    const struct gf_stream_slot *slot;
    uint64_t count = 0;

    if (!cursor.leaf)
        cursor.leaf = stream->blocks.first;
    while (count <= max && (slot = gf_id_cursor_at(&stream->blocks, cursor)) != NULL &&
           gf_id_compare(slot->first, to) <= 0) {
        count += slot->block->live;
        gf_id_cursor_next(&cursor);
    }
    return count;
}

struct gf_id gf_stream_first_id(const struct gf_stream *stream)
{
    const struct gf_stream_slot *slot = gf_id_tree_first(&stream->blocks);
    struct gf_stream_place place;
    struct gf_stream_entry entry;

    if (!slot)
        return GF_ID_MIN;
    place = gf_stream_block_begin(slot->block);
    (void)gf_stream_block_next(slot->block, &place, &entry);
    return entry.id;
}

struct gf_id gf_stream_edge_id(const struct gf_stream *stream)
{
    const struct gf_stream_slot *slot = gf_id_tree_last(&stream->blocks);

    return slot ? gf_stream_block_edge(slot->block) : GF_ID_MIN;
}

bool gf_stream_find(const struct gf_stream *stream, struct gf_id id,
                    struct gf_stream_entry *ret_entry)
{
    struct gf_stream_walk walk;

    gf_stream_walk_start(&walk, stream, id, id);
    return gf_stream_walk_next(&walk, ret_entry);
}

static void walk_to_block(struct gf_stream_walk *walk)
{
    const struct gf_stream_slot *slot = gf_id_cursor_at(&walk->stream->blocks, walk->cursor);

    walk->block = slot ? slot->block : NULL;
    if (slot)
        walk->place = gf_stream_block_begin(slot->block);
}

void gf_stream_walk_start(struct gf_stream_walk *walk, const struct gf_stream *stream,
                          struct gf_id from, struct gf_id to)
{
    *walk = (struct gf_stream_walk){.stream = stream, .from = from, .to = to};
    walk->cursor = gf_id_tree_seek_back(&stream->blocks, from);
    if (!walk->cursor.leaf)
        walk->cursor.leaf = stream->blocks.first;
    walk_to_block(walk);
    if (walk->block && gf_id_compare(walk->block->last, from) < 0) {
        gf_id_cursor_next(&walk->cursor);
        walk_to_block(walk);
    }
}

bool gf_stream_walk_next(struct gf_stream_walk *walk, struct gf_stream_entry *ret_entry)
{
    while (walk->block) {
        while (gf_stream_block_next(walk->block, &walk->place, ret_entry)) {
            if (ret_entry->removed || gf_id_compare(ret_entry->id, walk->from) < 0)
                continue;
            if (gf_id_compare(ret_entry->id, walk->to) <= 0)
                return true;
            walk->block = NULL;
            return false;
        }
        gf_id_cursor_next(&walk->cursor);
        walk_to_block(walk);
    }
    return false;
}

/* walk_places - where the entries of the block are that the walk is to give. */
static void walk_places(struct gf_stream_walk *walk)
{
    struct gf_stream_place place;
    struct gf_stream_place before;
    struct gf_stream_entry entry;

    gf_free(GF_MEMORY_OTHER, walk->places);
    walk->places = NULL;
    walk->places_count = 0;
    walk_to_block(walk);
    if (!walk->block)
        return;
    walk->places = gf_alloc(GF_MEMORY_OTHER, walk->block->live * sizeof(*walk->places));
    before = place = walk->place;
    while (gf_stream_block_next(walk->block, &place, &entry) &&
           gf_id_compare(entry.id, walk->to) <= 0) {
        if (!entry.removed && gf_id_compare(entry.id, walk->from) >= 0)
            walk->places[walk->places_count++] = before;
        before = place;
    }
}

void gf_stream_walk_back_start(struct gf_stream_walk *walk, const struct gf_stream *stream,
                               struct gf_id from, struct gf_id to)
{
    *walk = (struct gf_stream_walk){.stream = stream, .from = from, .to = to};
    walk->cursor = gf_id_tree_seek_back(&stream->blocks, to);
    walk_places(walk);
}

bool gf_stream_walk_back_next(struct gf_stream_walk *walk, struct gf_stream_entry *ret_entry)
{
    while (walk->block) {
        if (walk->places_count > 0) {
            walk->place = walk->places[--walk->places_count];
            return gf_stream_block_next(walk->block, &walk->place, ret_entry);
        }
        if (gf_id_compare(walk->block->base, walk->from) < 0)
            break;
        gf_id_cursor_previous(&walk->cursor);
        walk_places(walk);
    }
    return false;
}

void gf_stream_walk_end(struct gf_stream_walk *walk)
{
    gf_free(GF_MEMORY_OTHER, walk->places);
    *walk = (struct gf_stream_walk){0};
}

/* Figures. */

uint64_t gf_stream_weight(const struct gf_stream *stream)
{
    uint64_t weight = stream->blocks.count;

    for (uint32_t i = 0; i < stream->groups_count; i++)
        weight += gf_stream_group_weight(stream->groups[i]);
    return weight;
}

/* blocks_memory - those not looked at count as the mean of the others. */
static uint64_t blocks_memory(const struct gf_stream *stream, uint64_t samples)
{
    struct gf_id_cursor cursor = {.leaf = stream->blocks.first};
    const struct gf_stream_slot *slot;
    uint64_t size = 0;
    uint64_t seen = 0;

    while ((slot = gf_id_cursor_at(&stream->blocks, cursor)) != NULL &&
           (samples == 0 || seen < samples)) {
        size += gf_alloc_size(slot->block);
        seen++;
        gf_id_cursor_next(&cursor);
    }
    return seen > 0 ? size / seen * (stream->blocks.count - seen) + size : 0;
}

size_t gf_stream_memory(const struct gf_stream *stream, uint64_t samples)
{
    uint64_t size =
        gf_alloc_size(stream) + gf_id_tree_memory(&stream->blocks) + blocks_memory(stream, samples);

    size += gf_alloc_size(stream->groups);
    for (uint32_t i = 0; i < stream->groups_count; i++)
        size += gf_stream_group_memory(stream->groups[i]);
    return size;
}

static bool block_tail_is_removed(const struct gf_stream_block *block)
{
    struct gf_stream_place place = gf_stream_block_begin(block);
    struct gf_stream_entry entry = {.removed = false};

    while (gf_stream_block_next(block, &place, &entry))
        continue;
    return entry.removed;
}

void gf_stream_check(const struct gf_stream *stream)
{
    struct gf_id_cursor cursor = {.leaf = stream->blocks.first};
    const struct gf_stream_slot *slot;
    struct gf_id last = GF_ID_MIN;
    uint64_t length = 0;

    gf_id_tree_check(&stream->blocks);
    while ((slot = gf_id_cursor_at(&stream->blocks, cursor)) != NULL) {
        struct gf_id below = slot->first;

        GF_ASSERT(gf_stream_block_is_sound(slot->block));
        GF_ASSERT(slot->block->live > 0);
        GF_ASSERT(slot->block->tail_removed == block_tail_is_removed(slot->block));
        GF_ASSERT(gf_id_compare(last, slot->first) < 0);
        GF_ASSERT(gf_id_previous(&below));
        GF_ASSERT(gf_id_compare(below, slot->block->base) <= 0);
        last = slot->block->last;
        length += slot->block->live;
        gf_id_cursor_next(&cursor);
    }
    GF_ASSERT(length == stream->length);
    GF_ASSERT(gf_id_compare(gf_stream_edge_id(stream), stream->last_id) <= 0);
    for (uint32_t i = 0; i < stream->groups_count; i++) {
        if (i > 0)
            GF_ASSERT(gf_bytes_compare(gf_stream_group_name(stream->groups[i - 1]),
                                       gf_stream_group_name(stream->groups[i])) < 0);
        gf_stream_group_check(stream->groups[i]);
    }
}
