/* Blocks of 16 bytes to 16 KiB, packed into pages by size.
 *
 * Sizes are multiples of 8 up to 256, and beyond what divides a run of pages into equal parts: each
 * is 3 to 6 hundredths more than the one before up to 8 KiB, and 6 to 12 from there on. A block has
 * no header: the note of its page (its run's first page) knows the size. When a size has few pages
 * and no free block, one of up to an eighth more is taken before a new page is, so a slab with few
 * blocks of many sizes is dense too.
 *
 * A slab belongs to one thread, and only taking and giving whole pages touches what others share.
 * For as long as its owner says so (gf_slab_share), other threads may allocate and free as well,
 * and everyone takes a lock; otherwise there is none. Blocks are booked as they are taken, with
 * their rounded size; of a page that is only partly used, the rest is not booked (it would make
 * eviction, which frees single blocks, see no effect), and is kept small by gf_slab_evacuate.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/pages.h"

#define GF_SLAB_SIZE_MAX 16384u    /* larger blocks are gf_alloc's */
#define GF_SLAB_SMALL_SIZE_MAX 256u /* of blocks in single pages; larger ones are in runs */
#define GF_SLAB_CLASSES 127u
#define GF_SLAB_CLASS_WORDS ((GF_SLAB_CLASSES + 63) / 64)

struct gf_slab_page;

/* One size. */
struct gf_slab_class {
    struct gf_slab_page *partial; /* pages with free blocks, the one to take from first */
    struct gf_slab_page *partial_last; /* partial the longest, so likely with the most */
    uint32_t pages;               /* pages, or runs, of this class */
    uint32_t used;                /* blocks in use */
};

struct gf_slab {
    struct gf_pages *pages;   /* borrowed */
    _Atomic uint32_t shares;  /* gf_slab_share not yet undone; changed by the owner only */
    pthread_mutex_t lock;     /* over everything below, while shares > 0 */
    uint64_t partial_classes[GF_SLAB_CLASS_WORDS]; /* bit c: classes[c].partial is not empty */
    uint32_t evacuate_class;  /* where the search for a sparse class goes on */
    size_t pages_size;        /* bytes of the pages held */
    size_t used_size;         /* bytes of the blocks in use */
    struct gf_slab_class classes[GF_SLAB_CLASSES];
};

void gf_slab_init(struct gf_slab *slab, struct gf_pages *pages);
/* gf_slab_deinit - every block must have been freed. */
void gf_slab_deinit(struct gf_slab *slab);

/* gf_slab_share, gf_slab_unshare - another thread may, and may no more, allocate and free here.
 * Called by the owner, before it lets the other know, and after the other has finished. */
void gf_slab_share(struct gf_slab *slab);
void gf_slab_unshare(struct gf_slab *slab);

/* Relaxed: who is lent something sees a number above 0 until it gives that back, whatever else the
 * owner lends meanwhile; the lending itself is ordered by the message that says so. */
static inline bool gf_slab_is_shared(const struct gf_slab *slab)
{
    return atomic_load_explicit(&slab->shares, memory_order_relaxed) > 0;
}

/* gf_slab_enter, gf_slab_leave - the slab's lock around something else that is shared with it,
 * while it is shared; nothing otherwise. No call of the slab's in between. */
void gf_slab_enter(struct gf_slab *slab);
void gf_slab_leave(struct gf_slab *slab);

/* gf_slab_alloc - a block, 8-byte aligned; NULL when the system has no memory.
 *
 * size       1 .. GF_SLAB_SIZE_MAX
 */
void *gf_slab_alloc(struct gf_slab *slab, size_t size);
void gf_slab_free(struct gf_slab *slab, void *block);

/* gf_slab_run_size - gf_slab_size of a block in a run. */
size_t gf_slab_run_size(size_t size);

/* gf_slab_size - what a block of `size` bytes is rounded up to at least. */
static inline size_t gf_slab_size(size_t size)
{
    uint32_t rounded = ((uint32_t)size + 7u) & ~7u;

    if (rounded <= 16)
        return 16;
    return rounded <= GF_SLAB_SMALL_SIZE_MAX ? rounded : gf_slab_run_size(size);
}

/* gf_slab_block_size - bytes that a block really has. */
size_t gf_slab_block_size(const void *block);

/* gf_slab_pages_size - bytes of the pages held. */
static inline size_t gf_slab_pages_size(const struct gf_slab *slab)
{
    return slab->pages_size;
}
/* gf_slab_used_size - bytes of the blocks in use. */
static inline size_t gf_slab_used_size(const struct gf_slab *slab)
{
    return slab->used_size;
}

/* gf_slab_evacuate - empty one page of a size that has too many free blocks. Not while shared.
 *
 * move       must take another block for the content, and free this one; called for each block of
 *            the page
 * Returns    true when a page was emptied; false when there is nothing worth it
 */
bool gf_slab_evacuate(struct gf_slab *slab, void (*move)(void *context, void *block),
                      void *context);

void gf_slab_check(const struct gf_slab *slab);
