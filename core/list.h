/* Intrusive doubly-linked list.
 *
 * The link is a member of the element; `gf_container` gets back to it. A link is
 * on at most one list; a link that is on none has next == NULL. A zeroed link is
 * free; a list must be initialised.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/assert.h"

#define gf_container(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct gf_link {
    struct gf_link *next;
    struct gf_link *prev;
};

struct gf_list {
    struct gf_link head; /* head.next is the first, head.prev the last; itself when empty */
};

static inline void gf_list_init(struct gf_list *list)
{
    list->head.next = &list->head;
    list->head.prev = &list->head;
}

static inline bool gf_list_empty(const struct gf_list *list)
{
    return list->head.next == &list->head;
}

static inline bool gf_link_is_free(const struct gf_link *link)
{
    return link->next == NULL;
}

static inline void gf_list_insert_before(struct gf_link *place, struct gf_link *link)
{
    GF_ASSERT(gf_link_is_free(link));
    link->next = place;
    link->prev = place->prev;
    place->prev->next = link;
    place->prev = link;
}

static inline void gf_list_push_back(struct gf_list *list, struct gf_link *link)
{
    gf_list_insert_before(&list->head, link);
}

static inline void gf_list_push_front(struct gf_list *list, struct gf_link *link)
{
    gf_list_insert_before(list->head.next, link);
}

static inline void gf_list_remove(struct gf_link *link)
{
    GF_ASSERT(!gf_link_is_free(link));
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = NULL;
    link->prev = NULL;
}

/* gf_list_peek_front - the first link, or NULL when the list is empty. */
static inline struct gf_link *gf_list_peek_front(const struct gf_list *list)
{
    return gf_list_empty(list) ? NULL : list->head.next;
}

/* gf_list_pop_front - unlink and return the first link, or NULL when the list is empty. */
static inline struct gf_link *gf_list_pop_front(struct gf_list *list)
{
    struct gf_link *link = gf_list_peek_front(list);

    if (link)
        gf_list_remove(link);
    return link;
}

/* gf_list_next - the link after `link`, or NULL at the end. */
static inline struct gf_link *gf_list_next(const struct gf_list *list, const struct gf_link *link)
{
    return link->next == &list->head ? NULL : link->next;
}

/* gf_list_splice_back - move everything in `from` to the end of `list`; `from` is then empty. */
static inline void gf_list_splice_back(struct gf_list *list, struct gf_list *from)
{
    if (gf_list_empty(from))
        return;
    from->head.next->prev = list->head.prev;
    list->head.prev->next = from->head.next;
    from->head.prev->next = &list->head;
    list->head.prev = from->head.prev;
    gf_list_init(from);
}
