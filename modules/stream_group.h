/* Groups of a stream: what each has read, and which entries its consumers have not acknowledged.
 *
 *   group -> pending, by id: { id, when, how often, consumer }
 *         -> consumers, by name: { seen, active, ids that are pending for it }
 *
 * An entry is in the group's tree and, by its id alone, in that of its consumer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "modules/id_tree.h"

struct gf_pace;
struct gf_stream;

#define GF_STREAM_READ_UNKNOWN (-1)

struct gf_stream_consumer {
    uint64_t seen_ms;          /* when it last tried something */
    int64_t active_ms;         /* when it last got something; -1 = never */
    struct gf_id_tree pending; /* of struct gf_id */
    uint32_t name_size;
    char name[];
};

/* The tree's record of a pending entry. */
struct gf_stream_pending {
    struct gf_id id;
    uint64_t delivery_ms;
    uint64_t deliveries;
    struct gf_stream_consumer *consumer; /* borrowed from the group */
};

/* Invariants (gf_stream_group_check walks them): consumers ascend by name; what is pending for the
 * consumers is exactly what is pending for the group. */
struct gf_stream_group {
    struct gf_id last_id;                  /* last delivered */
    int64_t entries_read;                  /* as far as known, or GF_STREAM_READ_UNKNOWN */
    struct gf_id_tree pending;             /* of struct gf_stream_pending */
    struct gf_stream_consumer **consumers; /* owned; by name */
    uint32_t consumers_count;
    uint32_t name_size;
    char name[];
};

static inline struct gf_bytes gf_stream_group_name(const struct gf_stream_group *group)
{
    return (struct gf_bytes){.data = group->name, .size = group->name_size};
}

static inline struct gf_bytes gf_stream_consumer_name(const struct gf_stream_consumer *consumer)
{
    return (struct gf_bytes){.data = consumer->name, .size = consumer->name_size};
}

/* gf_stream_group_find - NULL when there is none. */
struct gf_stream_group *gf_stream_group_find(const struct gf_stream *stream, struct gf_bytes name);

/* gf_stream_group_add - a group with this name, which no group has. NULL when there is no memory.
 * Its last_id is 0-0, its entries_read unknown. */
struct gf_stream_group *gf_stream_group_add(struct gf_stream *stream, struct gf_bytes name);

/* gf_stream_group_remove - the group is gone; a stream that holds nothing else is returned, the
 * caller's: it may be big, and can be freed in slices. */
struct gf_stream *gf_stream_group_remove(struct gf_stream *stream, struct gf_stream_group *group);

/* gf_stream_group_free_slice - free what the group holds, taking from *budget; true when it is gone
 * itself. Its stream must forget it then. */
bool gf_stream_group_free_slice(struct gf_stream_group *group, uint64_t *budget);

/* gf_stream_consumer_find, _add - as for groups. seen_ms of a new one is now. */
struct gf_stream_consumer *gf_stream_consumer_find(const struct gf_stream_group *group,
                                                   struct gf_bytes name);
struct gf_stream_consumer *gf_stream_consumer_add(struct gf_stream_group *group,
                                                  struct gf_bytes name, uint64_t now_ms);

/* gf_stream_consumer_remove - with all that is pending for it. May pause meanwhile. */
void gf_stream_consumer_remove(struct gf_stream_group *group, struct gf_stream_consumer *consumer,
                               struct gf_pace *pace);

/* gf_stream_pending_find - NULL when the entry is not pending. */
static inline struct gf_stream_pending *gf_stream_pending_find(const struct gf_stream_group *group,
                                                               struct gf_id id)
{
    return gf_id_tree_find(&group->pending, id);
}

/* gf_stream_pending_add - an entry that was not pending is, for `consumer`. Times are 0. */
struct gf_stream_pending *gf_stream_pending_add(struct gf_stream_group *group, struct gf_id id,
                                                struct gf_stream_consumer *consumer);

/* gf_stream_pending_give - a pending entry is `consumer`'s from now on. */
void gf_stream_pending_give(struct gf_stream_pending *pending, struct gf_stream_consumer *consumer);

/* gf_stream_pending_remove - the entry is not pending any more; false when it was not. */
bool gf_stream_pending_remove(struct gf_stream_group *group, struct gf_id id);

uint64_t gf_stream_group_weight(const struct gf_stream_group *group);
size_t gf_stream_group_memory(const struct gf_stream_group *group);
void gf_stream_group_check(const struct gf_stream_group *group);
