/* Streams as bytes, and back.
 *
 *   entries_added  last_id  max_deleted
 *   count of blocks, each   first  base  last  live  total  weight  names  entries
 *   count of groups, each   name  last_id  entries_read
 *                           count of consumers, each   name  seen  active
 *                           count of pending, each     id  when  how often  consumer's number
 *
 * Blocks are saved with what tells where they end: a replica that loads them trims as its leader.
 */
#include "modules/stream_save.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/hash.h"
#include "modules/exec.h"
#include "modules/stream_group.h"

#define WEIGHT_MAX (UINT32_MAX / 4)
#define BLOCK_SIZE_MIN 13u /* bytes of a saved block, at least */
#define GROUP_SIZE_MIN 6u
#define CONSUMER_SIZE_MIN 3u
#define PENDING_SIZE_MIN 5u

/* Saving. */

static void save_id(struct gf_saver *saver, struct gf_id id)
{
    gf_save_u64(saver, id.ms);
    gf_save_u64(saver, id.seq);
}

static void save_block(const struct gf_stream_slot *slot, struct gf_saver *saver)
{
    const struct gf_stream_block *block = slot->block;

    save_id(saver, slot->first);
    save_id(saver, block->base);
    save_id(saver, block->last);
    gf_save_u64(saver, block->live);
    gf_save_u64(saver, block->total);
    gf_save_u64(saver, block->weight);
    gf_save_u64(saver, block->fields);
    gf_save_bytes(saver, (struct gf_bytes){.data = block->data, .size = block->fields_size});
    gf_save_bytes(saver, (struct gf_bytes){.data = block->data + block->start,
                                           .size = block->used - block->start});
}

static uint32_t consumer_index(const struct gf_stream_group *group,
                               const struct gf_stream_consumer *consumer)
{
    uint32_t low = 0;
    uint32_t high = group->consumers_count;
    struct gf_bytes name = gf_stream_consumer_name(consumer);

    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;

        if (gf_bytes_compare(gf_stream_consumer_name(group->consumers[middle]), name) <= 0)
            low = middle;
        else
            high = middle;
    }
    GF_ASSERT(group->consumers[low] == consumer);
    return low;
}

static void save_group(const struct gf_stream_group *group, struct gf_saver *saver)
{
    struct gf_id_cursor cursor = {.leaf = group->pending.first};
    const struct gf_stream_pending *pending;

    gf_save_bytes(saver, gf_stream_group_name(group));
    save_id(saver, group->last_id);
    gf_save_i64(saver, group->entries_read);
    gf_save_u64(saver, group->consumers_count);
    for (uint32_t i = 0; i < group->consumers_count; i++) {
        gf_save_bytes(saver, gf_stream_consumer_name(group->consumers[i]));
        gf_save_u64(saver, group->consumers[i]->seen_ms);
        gf_save_i64(saver, group->consumers[i]->active_ms);
    }
    gf_save_u64(saver, group->pending.count);
    while ((pending = gf_id_cursor_at(&group->pending, cursor)) != NULL) {
        save_id(saver, pending->id);
        gf_save_u64(saver, pending->delivery_ms);
        gf_save_u64(saver, pending->deliveries);
        gf_save_u64(saver, consumer_index(group, pending->consumer));
        gf_id_cursor_next(&cursor);
    }
}

void gf_stream_save(const struct gf_stream *stream, struct gf_saver *saver)
{
    struct gf_id_cursor cursor = {.leaf = stream->blocks.first};
    const struct gf_stream_slot *slot;

    gf_save_u64(saver, stream->entries_added);
    save_id(saver, stream->last_id);
    save_id(saver, stream->max_deleted);
    gf_save_u64(saver, stream->blocks.count);
    while ((slot = gf_id_cursor_at(&stream->blocks, cursor)) != NULL) {
        save_block(slot, saver);
        gf_id_cursor_next(&cursor);
    }
    gf_save_u64(saver, stream->groups_count);
    for (uint32_t i = 0; i < stream->groups_count; i++)
        save_group(stream->groups[i], saver);
}

/* Loading. */

static struct gf_id load_id(struct gf_loader *loader)
{
    uint64_t ms = gf_load_u64(loader);
    uint64_t seq = gf_load_u64(loader);

    return (struct gf_id){.ms = ms, .seq = seq};
}

/* load_u32 - a number of at most `max`. */
static uint32_t load_u32(struct gf_loader *loader, uint32_t max)
{
    uint64_t value = gf_load_u64(loader);

    if (value > max) {
        gf_loader_fail(loader);
        return 0;
    }
    return (uint32_t)value;
}

/* block_of - a block in memory of its own, of what `head` says and the two pieces hold. */
static struct gf_stream_block *block_of(const struct gf_stream_block *head, struct gf_bytes fields,
                                        struct gf_bytes entries)
{
    size_t used = fields.size + entries.size;
    struct gf_stream_block *block;

    if (used > UINT32_MAX / 2)
        return NULL;
    block = gf_alloc_try(GF_MEMORY_DATA, sizeof(*block) + used);
    if (!block)
        return NULL;
    *block = *head;
    block->fields_size = block->start = (uint32_t)fields.size;
    block->used = (uint32_t)used;
    block->capacity = (uint32_t)(gf_alloc_size(block) - sizeof(*block));
    memcpy(block->data, fields.data, fields.size);
    memcpy(block->data + fields.size, entries.data, entries.size);
    return block;
}

/* load_block - the next block, behind those that end with `last`. */
static struct gf_stream_block *load_block(struct gf_loader *loader, struct gf_id last,
                                          struct gf_id *ret_first)
{
    struct gf_stream_block head = {.live = 0};
    struct gf_stream_block *block;
    struct gf_bytes fields;
    struct gf_bytes entries;
    struct gf_id below = *ret_first = load_id(loader);

    head.base = load_id(loader);
    head.last = load_id(loader);
    head.live = load_u32(loader, UINT32_MAX);
    head.total = load_u32(loader, UINT32_MAX);
    head.weight = load_u32(loader, WEIGHT_MAX);
    head.fields = load_u32(loader, INT32_MAX) & INT32_MAX;
    fields = gf_load_bytes(loader);
    entries = gf_load_bytes(loader);
    if (!gf_loader_ok(loader) || head.live == 0 || !gf_id_previous(&below) ||
        gf_id_compare(last, *ret_first) >= 0 || gf_id_compare(below, head.base) > 0)
        return NULL;
    block = block_of(&head, fields, entries);
    if (block && !gf_stream_block_is_sound(block)) {
        gf_free(GF_MEMORY_DATA, block);
        return NULL;
    }
    if (block) {
        block->tail_removed = true; /* so that the edge is looked for */
        block->tail_removed = gf_id_compare(gf_stream_block_edge(block), block->last) != 0;
    }
    return block;
}

static bool load_blocks(struct gf_stream *stream, struct gf_loader *loader)
{
    uint64_t count = gf_load_count(loader, BLOCK_SIZE_MIN);
    struct gf_id last = GF_ID_MIN;

    for (uint64_t i = 0; i < count; i++) {
        struct gf_id first;
        struct gf_stream_block *block = load_block(loader, last, &first);
        struct gf_stream_slot *slot;

        if (!block)
            return false;
        slot = gf_id_tree_add(&stream->blocks, first);
        slot->block = block;
        stream->length += block->live;
        last = block->last;
    }
    return gf_loader_ok(loader) && stream->entries_added >= stream->length &&
           gf_id_compare(gf_stream_edge_id(stream), stream->last_id) <= 0;
}

static bool load_consumers(struct gf_stream_group *group, struct gf_loader *loader)
{
    uint64_t count = gf_load_count(loader, CONSUMER_SIZE_MIN);

    for (uint64_t i = 0; i < count; i++) {
        struct gf_bytes name = gf_load_bytes(loader);
        uint64_t seen_ms = gf_load_u64(loader);
        int64_t active_ms = gf_load_i64(loader);
        struct gf_stream_consumer *consumer;

        if (!gf_loader_ok(loader) || gf_stream_consumer_find(group, name))
            return false;
        consumer = gf_stream_consumer_add(group, name, seen_ms);
        if (!consumer)
            return false;
        consumer->active_ms = active_ms;
    }
    return gf_loader_ok(loader);
}

static bool load_pending(struct gf_stream_group *group, struct gf_loader *loader)
{
    uint64_t count = gf_load_count(loader, PENDING_SIZE_MIN);

    for (uint64_t i = 0; i < count; i++) {
        struct gf_id id = load_id(loader);
        uint64_t delivery_ms = gf_load_u64(loader);
        uint64_t deliveries = gf_load_u64(loader);
        uint64_t consumer = gf_load_u64(loader);
        const struct gf_id *last = gf_id_tree_last(&group->pending);
        struct gf_stream_pending *pending;

        if (!gf_loader_ok(loader) || consumer >= group->consumers_count ||
            (last && gf_id_compare(*last, id) >= 0))
            return false;
        pending = gf_stream_pending_add(group, id, group->consumers[consumer]);
        pending->delivery_ms = delivery_ms;
        pending->deliveries = deliveries;
    }
    return gf_loader_ok(loader);
}

static bool load_groups(struct gf_stream *stream, struct gf_loader *loader)
{
    uint64_t count = gf_load_count(loader, GROUP_SIZE_MIN);

    for (uint64_t i = 0; i < count; i++) {
        struct gf_bytes name = gf_load_bytes(loader);
        struct gf_stream_group *group;

        if (!gf_loader_ok(loader) || gf_stream_group_find(stream, name))
            return false;
        group = gf_stream_group_add(stream, name);
        if (!group)
            return false;
        group->last_id = load_id(loader);
        group->entries_read = gf_load_i64(loader);
        if (!load_consumers(group, loader) || !load_pending(group, loader))
            return false;
    }
    return gf_loader_ok(loader);
}

struct gf_stream *gf_stream_load(struct gf_loader *loader)
{
    struct gf_stream *stream = gf_stream_create();

    stream->entries_added = gf_load_u64(loader);
    stream->last_id = load_id(loader);
    stream->max_deleted = load_id(loader);
    if (load_blocks(stream, loader) && load_groups(stream, loader))
        return stream;
    gf_stream_destroy(stream);
    return NULL;
}

/* Copying. */

static bool copy_group(struct gf_stream *copy, const struct gf_stream_group *group,
                       struct gf_pace *pace)
{
    struct gf_stream_group *to = gf_stream_group_add(copy, gf_stream_group_name(group));
    struct gf_id_cursor cursor = {.leaf = group->pending.first};
    const struct gf_stream_pending *pending;

    if (!to)
        return false;
    to->last_id = group->last_id;
    to->entries_read = group->entries_read;
    for (uint32_t i = 0; i < group->consumers_count; i++) {
        const struct gf_stream_consumer *from = group->consumers[i];
        struct gf_stream_consumer *consumer =
            gf_stream_consumer_add(to, gf_stream_consumer_name(from), from->seen_ms);

        if (!consumer)
            return false;
        consumer->active_ms = from->active_ms;
    }
    while ((pending = gf_id_cursor_at(&group->pending, cursor)) != NULL) {
        uint32_t index = consumer_index(group, pending->consumer);
        struct gf_stream_pending *added =
            gf_stream_pending_add(to, pending->id, to->consumers[index]);

        added->delivery_ms = pending->delivery_ms;
        added->deliveries = pending->deliveries;
        gf_id_cursor_next(&cursor);
        gf_pace_step(pace, 1);
    }
    return true;
}

static bool copy_blocks(struct gf_stream *copy, const struct gf_stream *stream,
                        struct gf_pace *pace)
{
    struct gf_id_cursor cursor = {.leaf = stream->blocks.first};
    const struct gf_stream_slot *slot;

    while ((slot = gf_id_cursor_at(&stream->blocks, cursor)) != NULL) {
        struct gf_stream_block *block = gf_stream_block_copy(slot->block);
        struct gf_stream_slot *added;

        if (!block)
            return false;
        added = gf_id_tree_add(&copy->blocks, slot->first);
        added->block = block;
        gf_id_cursor_next(&cursor);
        gf_pace_step(pace, 8);
    }
    return true;
}

struct gf_stream *gf_stream_copy(const struct gf_stream *stream, struct gf_pace *pace)
{
    struct gf_stream *copy = gf_stream_create();
    bool copied = copy_blocks(copy, stream, pace);

    copy->length = stream->length;
    copy->entries_added = stream->entries_added;
    copy->last_id = stream->last_id;
    copy->max_deleted = stream->max_deleted;
    for (uint32_t i = 0; i < stream->groups_count && copied; i++)
        copied = copy_group(copy, stream->groups[i], pace);
    if (copied)
        return copy;
    gf_stream_destroy(copy);
    return NULL;
}

/* The digest. */

static uint64_t digest_value(uint64_t digest, const struct gf_stream_value *value)
{
    if (!value->bytes.data)
        return gf_hash64(&value->number, sizeof(value->number), digest + 1);
    return gf_hash64(value->bytes.data, value->bytes.size, digest);
}

static uint64_t digest_entry(uint64_t digest, struct gf_stream_entry *entry)
{
    struct gf_stream_value pair[2];

    digest = gf_hash64(&entry->id, sizeof(entry->id), digest + entry->count);
    for (uint32_t i = 0; i < entry->count; i++) {
        gf_stream_entry_pair(entry, pair);
        digest = digest_value(digest_value(digest, &pair[0]), &pair[1]);
    }
    return digest;
}

static uint64_t digest_group(uint64_t digest, const struct gf_stream_group *group)
{
    struct gf_id_cursor cursor = {.leaf = group->pending.first};
    const struct gf_stream_pending *pending;

    digest = gf_hash64(group->name, group->name_size, digest);
    digest = gf_hash64(&group->last_id, sizeof(group->last_id), digest);
    digest = gf_hash64(&group->entries_read, sizeof(group->entries_read), digest);
    for (uint32_t i = 0; i < group->consumers_count; i++) {
        const struct gf_stream_consumer *consumer = group->consumers[i];
        uint64_t times[2] = {consumer->seen_ms, (uint64_t)consumer->active_ms};

        digest = gf_hash64(consumer->name, consumer->name_size, digest);
        digest = gf_hash64(times, sizeof(times), digest);
    }
    while ((pending = gf_id_cursor_at(&group->pending, cursor)) != NULL) {
        uint64_t facts[] = {pending->id.ms, pending->id.seq, pending->delivery_ms,
                            pending->deliveries, consumer_index(group, pending->consumer)};

        digest = gf_hash64(facts, sizeof(facts), digest);
        gf_id_cursor_next(&cursor);
    }
    return digest;
}

uint64_t gf_stream_digest(const struct gf_stream *stream, uint64_t seed)
{
    uint64_t facts[] = {stream->entries_added, stream->last_id.ms, stream->last_id.seq,
                        stream->max_deleted.ms, stream->max_deleted.seq};
    uint64_t digest = gf_hash64(facts, sizeof(facts), seed);
    struct gf_stream_walk walk;
    struct gf_stream_entry entry;

    gf_stream_walk_start(&walk, stream, GF_ID_MIN, GF_ID_MAX);
    while (gf_stream_walk_next(&walk, &entry))
        digest = digest_entry(digest, &entry);
    for (uint32_t i = 0; i < stream->groups_count; i++)
        digest = digest_group(digest, stream->groups[i]);
    return digest;
}
