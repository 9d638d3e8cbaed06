/* Groups, their consumers, and what is pending. */
#include "modules/stream_group.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/exec.h"
#include "modules/stream.h"

/* Both kinds of lists are arrays of pointers, ordered by name. */

/* list_find - the place of `name` among `count` things; true when it is there. */
static bool list_find(void *const *list, uint32_t count, struct gf_bytes name,
                      struct gf_bytes (*name_of)(const void *), uint32_t *ret_index)
{
    uint32_t low = 0;
    uint32_t high = count;
    int order = 1;

    while (low < high && order != 0) {
        uint32_t middle = (low + high) / 2;

        order = gf_bytes_compare(name_of(list[middle]), name);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_index = high;
    return order == 0;
}

/* list_insert - a larger list with `thing` in it; capacities are powers of two. */
static void **list_insert(void **list, uint32_t count, uint32_t index, void *thing)
{
    if ((count & (count - 1)) == 0) {
        list =
            gf_realloc_try(GF_MEMORY_DATA, list, (count ? 2 * (size_t)count : 1) * sizeof(*list));
        GF_ASSERT(list != NULL);
    }
    memmove(&list[index + 1], &list[index], (count - index) * sizeof(*list));
    list[index] = thing;
    return list;
}

/* list_remove - the list keeps its room. */
static void list_remove(void **list, uint32_t count, const void *thing)
{
    uint32_t index = 0;

    while (index < count && list[index] != thing)
        index++;
    GF_ASSERT(index < count);
    memmove(&list[index], &list[index + 1], (count - index - 1) * sizeof(*list));
}

static struct gf_bytes group_name(const void *group)
{
    return gf_stream_group_name(group);
}

static struct gf_bytes consumer_name(const void *consumer)
{
    return gf_stream_consumer_name(consumer);
}

/* Groups. */

struct gf_stream_group *gf_stream_group_find(const struct gf_stream *stream, struct gf_bytes name)
{
    uint32_t index;

    if (!list_find((void *const *)stream->groups, stream->groups_count, name, group_name, &index))
        return NULL;
    return stream->groups[index];
}

struct gf_stream_group *gf_stream_group_add(struct gf_stream *stream, struct gf_bytes name)
{
    struct gf_stream_group *group;
    uint32_t index;
    bool found =
        list_find((void *const *)stream->groups, stream->groups_count, name, group_name, &index);

    GF_ASSERT(!found);
    group = gf_alloc_try(GF_MEMORY_DATA, sizeof(*group) + name.size);
    if (!group)
        return NULL;
    *group = (struct gf_stream_group){.entries_read = GF_STREAM_READ_UNKNOWN,
                                      .name_size = (uint32_t)name.size};
    gf_id_tree_init(&group->pending, sizeof(struct gf_stream_pending));
    memcpy(group->name, name.data, name.size);
    stream->groups = (struct gf_stream_group **)list_insert((void **)stream->groups,
                                                            stream->groups_count, index, group);
    stream->groups_count++;
    return group;
}

static void consumer_free(struct gf_stream_consumer *consumer)
{
    gf_id_tree_clear(&consumer->pending);
    gf_free(GF_MEMORY_DATA, consumer);
}

/* tree_free_slice - false when the budget is used up before the tree is empty. */
static bool tree_free_slice(struct gf_id_tree *tree, uint64_t *budget)
{
    if (*budget >= tree->count) {
        *budget -= tree->count;
        gf_id_tree_clear(tree);
        return true;
    }
    for (; *budget > 0; (*budget)--) {
        struct gf_id id;

        memcpy(&id, gf_id_tree_last(tree), sizeof(id));
        (void)gf_id_tree_remove(tree, id);
    }
    return false;
}

bool gf_stream_group_free_slice(struct gf_stream_group *group, uint64_t *budget)
{
    if (!tree_free_slice(&group->pending, budget))
        return false;
    while (group->consumers_count > 0) {
        struct gf_stream_consumer *consumer = group->consumers[group->consumers_count - 1];

        if (*budget == 0 || !tree_free_slice(&consumer->pending, budget))
            return false;
        *budget -= *budget > 0;
        consumer_free(consumer);
        group->consumers_count--;
    }
    gf_free(GF_MEMORY_DATA, group->consumers);
    gf_free(GF_MEMORY_DATA, group);
    return true;
}

struct gf_stream *gf_stream_group_remove(struct gf_stream *stream, struct gf_stream_group *group)
{
    struct gf_stream *rest = gf_stream_create();

    list_remove((void **)stream->groups, stream->groups_count, group);
    stream->groups_count--;
    rest->groups = (struct gf_stream_group **)list_insert(NULL, 0, 0, group);
    rest->groups_count = 1;
    return rest;
}

/* Consumers. */

struct gf_stream_consumer *gf_stream_consumer_find(const struct gf_stream_group *group,
                                                   struct gf_bytes name)
{
    uint32_t index;

    if (!list_find((void *const *)group->consumers, group->consumers_count, name, consumer_name,
                   &index))
        return NULL;
    return group->consumers[index];
}

struct gf_stream_consumer *gf_stream_consumer_add(struct gf_stream_group *group,
                                                  struct gf_bytes name, uint64_t now_ms)
{
    struct gf_stream_consumer *consumer;
    uint32_t index;
    bool found = list_find((void *const *)group->consumers, group->consumers_count, name,
                           consumer_name, &index);

    GF_ASSERT(!found);
    consumer = gf_alloc_try(GF_MEMORY_DATA, sizeof(*consumer) + name.size);
    if (!consumer)
        return NULL;
    *consumer = (struct gf_stream_consumer){
        .seen_ms = now_ms, .active_ms = -1, .name_size = (uint32_t)name.size};
    gf_id_tree_init(&consumer->pending, sizeof(struct gf_id));
    memcpy(consumer->name, name.data, name.size);
    group->consumers = (struct gf_stream_consumer **)list_insert(
        (void **)group->consumers, group->consumers_count, index, consumer);
    group->consumers_count++;
    return consumer;
}

void gf_stream_consumer_remove(struct gf_stream_group *group, struct gf_stream_consumer *consumer,
                               struct gf_pace *pace)
{
    const struct gf_id *last;

    while ((last = gf_id_tree_last(&consumer->pending)) != NULL) {
        struct gf_id id = *last;

        (void)gf_id_tree_remove(&group->pending, id);
        (void)gf_id_tree_remove(&consumer->pending, id);
        gf_pace_step(pace, 2);
    }
    list_remove((void **)group->consumers, group->consumers_count, consumer);
    group->consumers_count--;
    consumer_free(consumer);
}

/* What is pending. */

struct gf_stream_pending *gf_stream_pending_add(struct gf_stream_group *group, struct gf_id id,
                                                struct gf_stream_consumer *consumer)
{
    struct gf_stream_pending *pending = gf_id_tree_add(&group->pending, id);

    pending->consumer = consumer;
    (void)gf_id_tree_add(&consumer->pending, id);
    return pending;
}

void gf_stream_pending_give(struct gf_stream_pending *pending, struct gf_stream_consumer *consumer)
{
    bool removed;

    if (pending->consumer == consumer)
        return;
    removed = gf_id_tree_remove(&pending->consumer->pending, pending->id);
    GF_ASSERT(removed);
    (void)gf_id_tree_add(&consumer->pending, pending->id);
    pending->consumer = consumer;
}

bool gf_stream_pending_remove(struct gf_stream_group *group, struct gf_id id)
{
    struct gf_stream_pending *pending = gf_stream_pending_find(group, id);
    bool removed;

    if (!pending)
        return false;
    removed = gf_id_tree_remove(&pending->consumer->pending, id);
    GF_ASSERT(removed);
    return gf_id_tree_remove(&group->pending, id);
}

/* Figures. */

uint64_t gf_stream_group_weight(const struct gf_stream_group *group)
{
    return 1 + group->consumers_count + 2 * group->pending.count;
}

size_t gf_stream_group_memory(const struct gf_stream_group *group)
{
    size_t size =
        gf_alloc_size(group) + gf_id_tree_memory(&group->pending) + gf_alloc_size(group->consumers);

    for (uint32_t i = 0; i < group->consumers_count; i++)
        size +=
            gf_alloc_size(group->consumers[i]) + gf_id_tree_memory(&group->consumers[i]->pending);
    return size;
}

static void consumer_check(const struct gf_stream_group *group, struct gf_stream_consumer *consumer)
{
    struct gf_id_cursor cursor = {.leaf = consumer->pending.first};
    const struct gf_id *id;

    gf_id_tree_check(&consumer->pending);
    while ((id = gf_id_cursor_at(&consumer->pending, cursor)) != NULL) {
        const struct gf_stream_pending *pending = gf_stream_pending_find(group, *id);

        GF_ASSERT(pending != NULL);
        GF_ASSERT(pending->consumer == consumer);
        gf_id_cursor_next(&cursor);
    }
}

void gf_stream_group_check(const struct gf_stream_group *group)
{
    uint64_t pending = 0;

    gf_id_tree_check(&group->pending);
    for (uint32_t i = 0; i < group->consumers_count; i++) {
        struct gf_stream_consumer *consumer = group->consumers[i];

        if (i > 0)
            GF_ASSERT(gf_bytes_compare(gf_stream_consumer_name(group->consumers[i - 1]),
                                       gf_stream_consumer_name(consumer)) < 0);
        consumer_check(group, consumer);
        pending += consumer->pending.count;
    }
    GF_ASSERT(pending == group->pending.count);
}
