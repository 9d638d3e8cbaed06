/* One leaf of an ordered index. */
#include "modules/order_leaf.h"

#include <math.h>

#include "core/alloc.h"
#include "core/assert.h"

#define LEAF_MIN 128u /* bytes; a new leaf holds a few pairs */

/* Bytes of a slot's member inside the leaf. */
static uint32_t inside_size(const struct gf_order_leaf *leaf, uint32_t index)
{
    uint8_t size = (uint8_t)((const char *)leaf + leaf->capacity)[-leaf->slots[index].offset];

    return 1 + (size == GF_ORDER_FAR ? (uint32_t)sizeof(void *) : size);
}

static struct gf_order_leaf *leaf_alloc(struct gf_order *order, uint32_t content)
{
    uint32_t size = content < LEAF_MIN ? LEAF_MIN : content;
    struct gf_order_leaf *leaf;
    size_t real;

    GF_ASSERT(content <= GF_ORDER_LEAF_MAX);
    leaf = gf_alloc(GF_MEMORY_DATA, size);
    real = gf_alloc_size(leaf);
    order->size += real;
    *leaf = (struct gf_order_leaf){
        .capacity = (uint16_t)(real < GF_ORDER_LEAF_MAX ? real : GF_ORDER_LEAF_MAX)};
    return leaf;
}

static void leaf_free(struct gf_order *order, struct gf_order_leaf *leaf)
{
    order->size -= gf_alloc_size(leaf);
    gf_free(GF_MEMORY_DATA, leaf);
}

/* The list knows the leaf at its address. */
static void leaf_link(struct gf_order *order, struct gf_order_leaf *leaf)
{
    *(leaf->previous ? &leaf->previous->next : &order->first) = leaf;
    *(leaf->next ? &leaf->next->previous : &order->last) = leaf;
}

struct gf_order_leaf *gf_order_leaf_create(struct gf_order *order, struct gf_order_leaf *previous,
                                           uint32_t content)
{
    struct gf_order_leaf *leaf = leaf_alloc(order, content);

    leaf->previous = previous;
    leaf->next = previous ? previous->next : order->first;
    leaf_link(order, leaf);
    return leaf;
}

void gf_order_leaf_destroy(struct gf_order *order, struct gf_order_leaf *leaf)
{
    *(leaf->previous ? &leaf->previous->next : &order->first) = leaf->next;
    *(leaf->next ? &leaf->next->previous : &order->last) = leaf->previous;
    leaf_free(order, leaf);
}

/* The members of `from` go to the end of `to`, one behind the other, the last slot's first; the
 * slots are there already. */
static void members_copy(struct gf_order_leaf *to, const struct gf_order_leaf *from)
{
    to->used = 0;
    to->gaps = 0;
    for (uint32_t i = to->count; i-- > 0;) {
        uint32_t size = inside_size(from, i);

        to->used = (uint16_t)(to->used + size);
        memcpy((char *)to + to->capacity - to->used,
               (const char *)from + from->capacity - from->slots[i].offset, size);
        to->slots[i].offset = to->used;
    }
}

/* No gaps any more. */
static void leaf_close_gaps(struct gf_order_leaf *leaf)
{
    _Alignas(struct gf_order_leaf) char copy[GF_ORDER_LEAF_MAX];

    if (leaf->gaps == 0)
        return;
    memcpy(copy, leaf, leaf->capacity);
    members_copy(leaf, (const struct gf_order_leaf *)(const void *)copy);
}

struct gf_order_leaf *gf_order_leaf_fit(struct gf_order *order, struct gf_order_leaf *leaf,
                                        uint32_t content)
{
    uint32_t size = content < LEAF_MIN ? LEAF_MIN : content; /* the allocator adds an eighth */
    struct gf_order_leaf *fit;

    if (content <= leaf->capacity && size >= leaf->capacity - leaf->capacity / 4u)
        return leaf;
    fit = leaf_alloc(order, size);
    fit->previous = leaf->previous;
    fit->next = leaf->next;
    fit->count = leaf->count;
    memcpy(fit->slots, leaf->slots, leaf->count * sizeof(leaf->slots[0]));
    if (leaf->gaps > 0) {
        members_copy(fit, leaf);
    } else {
        fit->used = leaf->used;
        memcpy((char *)fit + fit->capacity - fit->used, (char *)leaf + leaf->capacity - leaf->used,
               leaf->used);
    }
    leaf_free(order, leaf);
    leaf_link(order, fit);
    return fit;
}

/* Room for a slot and `size` bytes of a member; returns where the bytes go. */
static char *leaf_open(struct gf_order_leaf *leaf, uint32_t index, double score, uint32_t size)
{
    struct gf_order_slot *slot = &leaf->slots[index];

    GF_ASSERT(index <= leaf->count);
    GF_ASSERT(gf_order_leaf_content(leaf) + sizeof(*slot) + size <= leaf->capacity);
    if (GF_UNLIKELY(gf_order_leaf_content(leaf) + leaf->gaps + sizeof(*slot) + size >
                    leaf->capacity))
        leaf_close_gaps(leaf);
    memmove(slot + 1, slot, (leaf->count - index) * sizeof(*slot));
    leaf->count++;
    leaf->used = (uint16_t)(leaf->used + size);
    *slot = (struct gf_order_slot){.score = score, .offset = leaf->used};
    return (char *)leaf + leaf->capacity - leaf->used;
}

void gf_order_leaf_insert(struct gf_order_leaf *leaf, uint32_t index,
                          const struct gf_order_item *item)
{
    char *data = leaf_open(leaf, index, item->score, gf_order_item_size(item));

    if (item->far != NULL) {
        *data = (char)GF_ORDER_FAR;
        memcpy(data + 1, &item->far, sizeof(item->far));
    } else {
        GF_ASSERT(item->member.size <= GF_ORDER_NEAR_MAX);
        *data = (char)item->member.size;
        if (item->member.size > 0)
            memcpy(data + 1, item->member.data, item->member.size);
    }
}

struct gf_order_item gf_order_leaf_item(const struct gf_order_leaf *leaf, uint32_t index)
{
    const char *data = (const char *)leaf + leaf->capacity - leaf->slots[index].offset;
    struct gf_order_item item = {.score = leaf->slots[index].score,
                                 .member = gf_order_leaf_member(leaf, index)};

    if ((uint8_t)*data == GF_ORDER_FAR)
        memcpy(&item.far, data + 1, sizeof(item.far));
    return item;
}

/* Its bytes become a gap, or free when they are the last in front. */
void gf_order_leaf_remove(struct gf_order_leaf *leaf, uint32_t index)
{
    uint16_t size = (uint16_t)inside_size(leaf, index);

    GF_ASSERT(index < leaf->count);
    leaf->count--;
    if (leaf->slots[index].offset == leaf->used)
        leaf->used = (uint16_t)(leaf->used - size);
    else
        leaf->gaps = (uint16_t)(leaf->gaps + size);
    if (leaf->count == 0)
        leaf->used = leaf->gaps = 0;
    memmove(&leaf->slots[index], &leaf->slots[index + 1],
            (leaf->count - index) * sizeof(leaf->slots[0]));
}

/* Pairs first .. last - 1 of `from` go to the end of `to`, which has room; they stay in `from`. */
static void leaf_append(struct gf_order_leaf *to, const struct gf_order_leaf *from, uint32_t first,
                        uint32_t last)
{
    for (uint32_t i = first; i < last; i++) {
        uint32_t size = inside_size(from, i);
        char *data = leaf_open(to, to->count, from->slots[i].score, size);

        memcpy(data, (const char *)from + from->capacity - from->slots[i].offset, size);
    }
}

struct gf_order_leaf *gf_order_leaf_split(struct gf_order *order, struct gf_order_leaf *leaf,
                                          uint32_t index)
{
    uint32_t content = (uint32_t)offsetof(struct gf_order_leaf, slots);
    struct gf_order_leaf *right;

    GF_ASSERT(index > 0);
    GF_ASSERT(index < leaf->count);
    for (uint32_t i = index; i < leaf->count; i++)
        content += inside_size(leaf, i) + (uint32_t)sizeof(leaf->slots[0]);
    right = gf_order_leaf_create(order, leaf, content);
    leaf_append(right, leaf, index, leaf->count);
    while (leaf->count > index)
        gf_order_leaf_remove(leaf, leaf->count - 1u);
    return right;
}

struct gf_order_leaf *gf_order_leaf_join(struct gf_order *order, struct gf_order_leaf *leaf)
{
    struct gf_order_leaf *right = leaf->next;
    uint32_t content = gf_order_leaf_content(leaf) + gf_order_leaf_content(right) -
                       (uint32_t)offsetof(struct gf_order_leaf, slots);

    leaf = gf_order_leaf_fit(order, leaf, content);
    leaf_append(leaf, right, 0, right->count);
    gf_order_leaf_destroy(order, right);
    return leaf;
}

uint32_t gf_order_leaf_below(const struct gf_order_leaf *leaf, const struct gf_order_bound *bound)
{
    uint32_t low = 0;
    uint32_t high = leaf->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        double score = leaf->slots[middle].score;
        bool below;

        if (bound->by_score && score != bound->score)
            below = score < bound->score;
        else if (!bound->by_member)
            below = bound->after;
        else
            below = gf_order_bound_compare(score, gf_order_leaf_member(leaf, middle), bound) < 0;
        if (below)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void gf_order_leaf_check(const struct gf_order_leaf *leaf, size_t *size)
{
    uint32_t used = 0;

    GF_ASSERT(leaf->count > 0);
    GF_ASSERT(leaf->capacity <= GF_ORDER_LEAF_MAX);
    GF_ASSERT(gf_order_leaf_content(leaf) + leaf->gaps <= leaf->capacity);
    *size += gf_alloc_size(leaf);
    for (uint32_t i = 0; i < leaf->count; i++) {
        GF_ASSERT(!isnan(leaf->slots[i].score));
        GF_ASSERT(leaf->slots[i].offset <= leaf->used);
        GF_ASSERT(inside_size(leaf, i) <= leaf->slots[i].offset);
        used += inside_size(leaf, i);
        if (i > 0) {
            struct gf_order_bound bound =
                gf_order_bound_pair(leaf->slots[i].score, gf_order_leaf_member(leaf, i));

            GF_ASSERT(gf_order_bound_compare(leaf->slots[i - 1].score,
                                             gf_order_leaf_member(leaf, i - 1), &bound) < 0);
        }
    }
    GF_ASSERT(used + leaf->gaps == leaf->used);
}
