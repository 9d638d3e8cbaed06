/* A stream: entries in blocks, ordered by id, and the groups that read them.
 *
 *   blocks (tree by first id):   [ block ] [ block ] [ block ]  <- entries are added to the last
 *   groups (by name):            group -> pending entries, consumers (modules/stream_group.h)
 *
 * Finding an id is O(log blocks) and a walk through one block; appending is O(1), taking away from
 * the front O(1) for each entry or whole block.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "modules/id_tree.h"
#include "modules/stream_block.h"

struct gf_limits;
struct gf_pace;
struct gf_stream_group;

/* Where a block is: the tree's record. */
struct gf_stream_slot {
    struct gf_id first; /* id of the first entry it ever had */
    struct gf_stream_block *block;
};

/* Invariants (gf_stream_check walks them):
 *   length    == sum of `live` of all blocks, and no block has none
 *   last_id   >= every id, entries_added >= length
 *   groups    ascend by name
 */
struct gf_stream {
    struct gf_id_tree blocks;        /* of struct gf_stream_slot */
    uint64_t length;                 /* entries */
    uint64_t entries_added;          /* ever */
    struct gf_id last_id;            /* of the last entry added, or as XSETID says */
    struct gf_id max_deleted;        /* the highest id that was removed by XDEL */
    struct gf_stream_group **groups; /* owned; by name */
    uint32_t groups_count;
};

struct gf_stream *gf_stream_create(void);
void gf_stream_destroy(struct gf_stream *stream);
/* gf_stream_free_slice - free up to `budget` elements; true when all is gone. */
bool gf_stream_free_slice(struct gf_stream *stream, uint64_t budget);

/* gf_stream_append - add an entry; `id` is above last_id.
 *
 * limits     where blocks end
 * Returns    false when there is no memory; nothing has changed then
 */
bool gf_stream_append(struct gf_stream *stream, struct gf_id id,
                      const struct gf_stream_words *words, const struct gf_limits *limits);

/* gf_stream_remove - the entry with this id is gone; false when there is none. */
bool gf_stream_remove(struct gf_stream *stream, struct gf_id id);

enum gf_stream_trim_kind {
    GF_STREAM_TRIM_NONE,
    GF_STREAM_TRIM_MAXLEN,
    GF_STREAM_TRIM_MINID,
};

/* What is to go from the front. */
struct gf_stream_trim {
    enum gf_stream_trim_kind kind;
    bool approximate;   /* whole blocks only */
    uint64_t limit;     /* entries that go at most; 0 = no limit */
    uint64_t maxlen;    /* entries to keep */
    struct gf_id minid; /* the lowest id to keep */
};

/* gf_stream_trim - returns how many entries went. pace: NULL, or it may pause meanwhile. */
uint64_t gf_stream_trim(struct gf_stream *stream, const struct gf_stream_trim *trim,
                        struct gf_pace *pace);
/* gf_stream_trim_steps - about how much of gf_pace_step that takes, as far as `max`. */
uint64_t gf_stream_trim_steps(const struct gf_stream *stream, const struct gf_stream_trim *trim,
                              uint64_t max);

/* gf_stream_count - entries from one id to another, as far as `max`, to a block. */
uint64_t gf_stream_count(const struct gf_stream *stream, struct gf_id from, struct gf_id to,
                         uint64_t max);

/* gf_stream_first_id - of the first entry; 0-0 when there is none. */
struct gf_id gf_stream_first_id(const struct gf_stream *stream);

/* gf_stream_edge_id - of the last entry that is there; 0-0 when there is none. */
struct gf_id gf_stream_edge_id(const struct gf_stream *stream);

/* gf_stream_find - the entry with this id; false when there is none. */
bool gf_stream_find(const struct gf_stream *stream, struct gf_id id,
                    struct gf_stream_entry *ret_entry);

/* A walk over the entries from one id to another, both included, in either direction. Good until
 * the stream changes. */
struct gf_stream_walk {
    const struct gf_stream *stream;
    struct gf_id from;
    struct gf_id to;
    struct gf_id_cursor cursor;          /* of the block */
    const struct gf_stream_block *block; /* NULL: at the end */
    struct gf_stream_place place;        /* forward: before the next entry */
    struct gf_stream_place *places;      /* backward: owned; of the block's entries */
    uint32_t places_count;               /* those not yet given */
};

void gf_stream_walk_start(struct gf_stream_walk *walk, const struct gf_stream *stream,
                          struct gf_id from, struct gf_id to);
bool gf_stream_walk_next(struct gf_stream_walk *walk, struct gf_stream_entry *ret_entry);

/* Backward, from `to` down to `from`; ends with gf_stream_walk_end. */
void gf_stream_walk_back_start(struct gf_stream_walk *walk, const struct gf_stream *stream,
                               struct gf_id from, struct gf_id to);
bool gf_stream_walk_back_next(struct gf_stream_walk *walk, struct gf_stream_entry *ret_entry);
void gf_stream_walk_end(struct gf_stream_walk *walk);

/* gf_stream_weight - elements to free: blocks, groups, consumers and what is pending. */
uint64_t gf_stream_weight(const struct gf_stream *stream);

/* gf_stream_memory - bytes; samples = blocks to look at, 0 = all. */
size_t gf_stream_memory(const struct gf_stream *stream, uint64_t samples);

/* gf_stream_check - asserts every invariant; O(n). */
void gf_stream_check(const struct gf_stream *stream);
