/* One block of a stream: entries behind each other, with the names of their fields written once.
 *
 *   data: | field names | … trimmed … | entry | entry | … | free |
 *         0         fields_size     start                used   capacity
 *
 *   entry:  head  [ms delta] [seq]  [count, then field value field value …  |  value value …]
 *
 *   head    bits 0-1  how seq follows: 0 one more, same ms; 1 zero, later ms; 2 it is written
 *           bit 2     the entry has field names of its own, instead of the block's
 *           bit 3     removed: nothing follows the id
 *           bits 4-7  ms delta to the entry before: 0 .. 13; 14 one byte, 15 a LEB128 follows
 *
 *   value   a field or its value (modules/stream_value.h)
 *
 * An id is told from the one before; `base` stands before the first. So entries go from the front
 * in O(1), and one that is removed in the middle leaves its head and id.
 *
 * `weight` is what the block would take in Redis's own node format, whose size decides where a node
 * ends; by that approximate trimming, which removes whole blocks, leaves as many entries here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "modules/id_tree.h"
#include "modules/stream_value.h"

/* Blocks are no larger than these, whatever the options say: a walk through one must be short. */
#define GF_STREAM_BLOCK_BYTES_MAX (1u << 20)
#define GF_STREAM_BLOCK_ENTRIES_MAX 16384u

struct gf_stream_block {
    struct gf_id base;
    struct gf_id last;    /* of the last entry, removed or not */
    uint32_t live;        /* entries that are there */
    uint32_t total;       /* and those that were: since the block was made */
    uint32_t weight;      /* bytes; without Redis's two counters of entries */
    uint32_t fields : 31; /* names */
    uint32_t tail_removed : 1; /* the last entry is one that was removed */
    uint32_t fields_size; /* bytes */
    uint32_t start;       /* offset of the first entry that is there; == used when there is none */
    uint32_t used;
    uint32_t capacity;
    char data[];
};

/* One entry, looked at. Good until the block changes. */
struct gf_stream_entry {
    struct gf_id id;
    const char *fields; /* names behind each other, or NULL: they alternate with the values */
    const char *values;
    uint32_t count; /* pairs */
    bool removed;
};

/* The words of an entry that is to be: fields and values in turn. */
struct gf_stream_words {
    const struct gf_bytes *words;
    uint32_t count; /* words, even */
};

/* gf_stream_block_create - a block for `id` and those behind it, with the field names of `words`,
 * and room for their entry, but without entries. NULL when there is no memory. */
struct gf_stream_block *gf_stream_block_create(struct gf_id id,
                                               const struct gf_stream_words *words);

/* gf_stream_block_append - add an entry behind the others. The block may move; NULL when there is
 * no memory (nothing has changed then). */
struct gf_stream_block *gf_stream_block_append(struct gf_stream_block *block, struct gf_id first,
                                               struct gf_id id,
                                               const struct gf_stream_words *words);

/* gf_stream_block_bytes - the size of Redis's node. */
uint32_t gf_stream_block_bytes(const struct gf_stream_block *block);

/* gf_stream_block_fit - give back what the block does not use; it may move. */
struct gf_stream_block *gf_stream_block_fit(struct gf_stream_block *block);

/* gf_stream_block_copy - NULL when there is no memory. */
struct gf_stream_block *gf_stream_block_copy(const struct gf_stream_block *block);

/* gf_stream_block_shift - the first entry is gone. */
void gf_stream_block_shift(struct gf_stream_block *block);

/* gf_stream_block_remove - the entry with this id is gone; false when it is not there. */
bool gf_stream_block_remove(struct gf_stream_block *block, struct gf_id id);

/* gf_stream_block_strip - forget those removed behind the last that is there: XSETID may make their
 * ids possible again. */
void gf_stream_block_strip(struct gf_stream_block *block);

/* gf_stream_block_edge - the id of the last entry that is there. */
struct gf_id gf_stream_block_edge(const struct gf_stream_block *block);

/* A place between entries of a block. */
struct gf_stream_place {
    struct gf_id before; /* id of the entry before, or base */
    uint32_t offset;
};

static inline struct gf_stream_place gf_stream_block_begin(const struct gf_stream_block *block)
{
    return (struct gf_stream_place){.before = block->base, .offset = block->start};
}

/* gf_stream_block_next - the entry behind `place`, which moves behind it; false at the end. Entries
 * that were removed are shown, too. */
bool gf_stream_block_next(const struct gf_stream_block *block, struct gf_stream_place *place,
                          struct gf_stream_entry *ret_entry);

/* gf_stream_entry_pair - the next pair of an entry: call it `count` times. */
static inline void gf_stream_entry_pair(struct gf_stream_entry *entry,
                                        struct gf_stream_value ret_pair[2])
{
    ret_pair[0] = gf_stream_value_next(entry->fields ? &entry->fields : &entry->values);
    ret_pair[1] = gf_stream_value_next(&entry->values);
}

/* gf_stream_block_is_sound - what `data`, `fields_size`, `start`, `used`, `base` and `last` say
 * agrees with each other and with the counts; any bytes may be in there. */
bool gf_stream_block_is_sound(const struct gf_stream_block *block);
