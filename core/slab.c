/* A page's note holds its list links, its free blocks and its class. Free blocks are a list of
 * offsets inside the page, each kept in the first two bytes of a free block; blocks behind `fresh`
 * were never used and are on no list.
 *
 * A run is a page like any other, only larger: its first page's note is the one, those of the
 * others say how far back it is.
 */
#include "core/slab.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define BLOCK_POISON(block, size) ASAN_POISON_MEMORY_REGION(block, size)
#define BLOCK_UNPOISON(block, size) ASAN_UNPOISON_MEMORY_REGION(block, size)
#else
#define BLOCK_POISON(block, size) ((void)(block), (void)(size))
#define BLOCK_UNPOISON(block, size) ((void)(block), (void)(size))
#endif

#define NONE UINT16_MAX
#define CLASSES_SMALL 33u   /* classes 2 .. 32 are multiples of 8 */
#define PARTS_MAX 16u       /* class 32 has 16 blocks in a page; class 33 has 15 */
#define CLASS_RUN_FIRST 45u /* class 44 has 4 blocks of 1 KiB in a page; then come runs */
#define FOLLOWER UINT8_MAX  /* class of the notes of a run's other pages */
#define EVACUATE_LOOKS 16u  /* pages compared when one to empty is chosen */
#define BLOCKS_MAX (GF_PAGE_SIZE / 16u)

/* The note of a slab's page. */
struct gf_slab_page {
    struct gf_slab_page *next; /* on the class's list of partial pages */
    struct gf_slab_page *prev; /* NULL for the first */
    struct gf_slab *slab;      /* whose page it is */
    uint16_t free;             /* offset of the first free block, in units; NONE. Of a FOLLOWER:
                                * how many notes back the run's own is */
    uint16_t fresh;            /* offset behind the last block ever used, in units */
    uint16_t used;             /* blocks in use */
    uint8_t class;             /* index into slab->classes; FOLLOWER */
    uint8_t evacuating;        /* on no list, not taken from */
};

_Static_assert(sizeof(struct gf_slab_page) == GF_PAGE_NOTE_SIZE, "notes are an array of it");

/* Offsets are in units of 8 bytes, so that 16 bits reach the end of a run. */
#define UNIT_SHIFT 3u

/* Blocks in a run, by class from CLASS_RUN_FIRST on: each size is about a seventh more than the one
 * before. */
static const uint8_t run_parts[] = {56, 49, 42, 36, 31, 27, 23, 20, 17, 15,
                                    13, 11, 10, 9,  8,  7,  6,  5,  4};

#define CLASSES_END (CLASS_RUN_FIRST + sizeof(run_parts))

_Static_assert(CLASSES_END <= GF_SLAB_CLASSES, "a bit of partial_classes for each");
_Static_assert(GF_RUN_SIZE / 4 == GF_SLAB_SIZE_MAX, "the last class holds the largest blocks");

static uint32_t class_of_run(size_t size)
{
    uint32_t parts = GF_RUN_SIZE / (((uint32_t)size + 7u) & ~7u);
    uint32_t at = 0;

    while (run_parts[at] > parts)
        at++;
    return CLASS_RUN_FIRST + at;
}

static uint32_t class_of(size_t size)
{
    uint32_t eighths = ((uint32_t)size + 7u) / 8u;

    if (eighths <= 2)
        return 2;
    if (eighths < CLASSES_SMALL)
        return eighths;
    if (size > GF_SLAB_SMALL_SIZE_MAX)
        return class_of_run(size);
    return CLASSES_SMALL - 1 + PARTS_MAX - GF_PAGE_SIZE / (eighths * 8u);
}

static uint32_t class_size(uint32_t class)
{
    if (class < CLASSES_SMALL)
        return class * 8u;
    if (class >= CLASS_RUN_FIRST)
        return GF_RUN_SIZE / run_parts[class - CLASS_RUN_FIRST] & ~7u;
    return GF_PAGE_SIZE / (PARTS_MAX - (class - (CLASSES_SMALL - 1))) & ~7u;
}

size_t gf_slab_run_size(size_t size)
{
    return class_size(class_of_run(size));
}

static uint32_t class_page_size(uint32_t class)
{
    return class < CLASS_RUN_FIRST ? GF_PAGE_SIZE : GF_RUN_SIZE;
}

static uint32_t class_blocks(uint32_t class)
{
    return class < CLASS_RUN_FIRST ? GF_PAGE_SIZE / class_size(class)
                                   : run_parts[class - CLASS_RUN_FIRST];
}

/* What a page costs besides its blocks: the rest behind the last one, and the note. */
static int64_t class_overhead(uint32_t class)
{
    uint32_t size = class_page_size(class);

    return (int64_t)(size - class_blocks(class) * class_size(class) +
                     size / GF_PAGE_SIZE * GF_PAGE_NOTE_SIZE);
}

/* The note that speaks for the page or run of a block. */
static struct gf_slab_page *page_of(const void *block)
{
    struct gf_slab_page *page = gf_page_note(block);

    return GF_UNLIKELY(page->class == FOLLOWER) ? page - page->free : page;
}

static char *page_block(const struct gf_slab_page *page, uint32_t offset)
{
    return (char *)gf_page_of_note(page) + ((size_t)offset << UNIT_SHIFT);
}

/* Nothing left to take. */
static bool page_is_full(const struct gf_slab_page *page, uint32_t block_size)
{
    return page->free == NONE &&
           ((uint32_t)page->fresh << UNIT_SHIFT) + block_size > class_page_size(page->class);
}

static void partial_push(struct gf_slab *slab, struct gf_slab_page *page)
{
    struct gf_slab_class *class = &slab->classes[page->class];

    page->prev = NULL;
    page->next = class->partial;
    if (page->next)
        page->next->prev = page;
    else
        class->partial_last = page;
    class->partial = page;
    slab->partial_classes |= UINT64_C(1) << page->class;
}

static void partial_remove(struct gf_slab *slab, struct gf_slab_page *page)
{
    struct gf_slab_class *class = &slab->classes[page->class];

    if (page->next)
        page->next->prev = page->prev;
    else
        class->partial_last = page->prev;
    if (page->prev)
        page->prev->next = page->next;
    else
        class->partial = page->next;
    if (!class->partial)
        slab->partial_classes &= ~(UINT64_C(1) << page->class);
}

void gf_slab_init(struct gf_slab *slab, struct gf_pages *pages)
{
    int error;

    GF_ASSERT(pages != NULL);
    *slab = (struct gf_slab){.pages = pages};
    error = pthread_mutex_init(&slab->lock, NULL);
    GF_ASSERT(error == 0);
}

void gf_slab_deinit(struct gf_slab *slab)
{
    int error;

    for (uint32_t class = 0; class < GF_SLAB_CLASSES; class ++)
        GF_ASSERT(slab->classes[class].pages == 0);
    GF_ASSERT(!gf_slab_is_shared(slab));
    error = pthread_mutex_destroy(&slab->lock);
    GF_ASSERT(error == 0);
    *slab = (struct gf_slab){0};
}

void gf_slab_share(struct gf_slab *slab)
{
    atomic_fetch_add_explicit(&slab->shares, 1, memory_order_relaxed);
}

void gf_slab_unshare(struct gf_slab *slab)
{
    GF_ASSERT(gf_slab_is_shared(slab));
    atomic_fetch_sub_explicit(&slab->shares, 1, memory_order_relaxed);
}

void gf_slab_enter(struct gf_slab *slab)
{
    if (gf_slab_is_shared(slab))
        pthread_mutex_lock(&slab->lock);
}

void gf_slab_leave(struct gf_slab *slab)
{
    if (gf_slab_is_shared(slab))
        pthread_mutex_unlock(&slab->lock);
}

static struct gf_slab_page *slab_add_page(struct gf_slab *slab, uint32_t class)
{
    uint32_t size = class_page_size(class);
    void *address =
        size == GF_PAGE_SIZE ? gf_pages_take(slab->pages) : gf_pages_take_run(slab->pages);
    struct gf_slab_page *page;

    if (!address)
        return NULL;
    page = gf_page_note(address);
    *page = (struct gf_slab_page){.slab = slab, .free = NONE, .class = (uint8_t) class};
    for (uint32_t back = 1; back < size / GF_PAGE_SIZE; back++)
        page[back] = (struct gf_slab_page){.free = (uint16_t)back, .class = FOLLOWER};
    BLOCK_POISON(address, size);
    partial_push(slab, page);
    slab->classes[class].pages++;
    slab->pages_size += size;
    gf_memory_add(GF_MEMORY_DATA, class_overhead(class));
    return page;
}

static void slab_remove_page(struct gf_slab *slab, struct gf_slab_page *page)
{
    void *address = gf_page_of_note(page);
    uint32_t size = class_page_size(page->class);

    if (!page->evacuating)
        partial_remove(slab, page);
    slab->classes[page->class].pages--;
    slab->pages_size -= size;
    gf_memory_add(GF_MEMORY_DATA, -class_overhead(page->class));
    BLOCK_UNPOISON(address, size);
    if (size == GF_PAGE_SIZE)
        gf_pages_give(slab->pages, address);
    else
        gf_pages_give_run(slab->pages, address);
}

/* A page with a free block of `class`, or of one that is a little larger, or a new one. */
static struct gf_slab_page *slab_page(struct gf_slab *slab, uint32_t class)
{
    uint64_t candidates = slab->partial_classes >> class;

    if (GF_LIKELY(candidates & 1))
        return slab->classes[class].partial;
    if (candidates) {
        uint32_t other = class + (uint32_t)__builtin_ctzll(candidates);
        uint32_t size = class_size(class);

        if (class_size(other) <= size + size / 8)
            return slab->classes[other].partial;
    }
    return slab_add_page(slab, class);
}

static void *slab_take(struct gf_slab *slab, size_t size)
{
    struct gf_slab_page *page;
    uint32_t block_size;
    char *block;

    page = slab_page(slab, class_of(size));
    if (GF_UNLIKELY(!page))
        return NULL;

    block_size = class_size(page->class);
    if (page->free != NONE) {
        block = page_block(page, page->free);
        BLOCK_UNPOISON(block, block_size);
        memcpy(&page->free, block, sizeof(page->free));
    } else {
        block = page_block(page, page->fresh);
        BLOCK_UNPOISON(block, block_size);
        page->fresh = (uint16_t)(page->fresh + (block_size >> UNIT_SHIFT));
    }
    page->used++;
    slab->classes[page->class].used++;
    slab->used_size += block_size;
    if (page_is_full(page, block_size))
        partial_remove(slab, page);
    gf_memory_add(GF_MEMORY_DATA, block_size);
    return block;
}

static void slab_give(struct gf_slab *slab, void *block)
{
    struct gf_slab_page *page = page_of(block);
    uint32_t block_size = class_size(page->class);
    bool was_full = page_is_full(page, block_size);

    GF_ASSERT(page->slab == slab);
    GF_ASSERT(page->used > 0);
    memcpy(block, &page->free, sizeof(page->free));
    BLOCK_POISON(block, block_size);
    page->free = (uint16_t)((size_t)((char *)block - page_block(page, 0)) >> UNIT_SHIFT);
    page->used--;
    slab->classes[page->class].used--;
    slab->used_size -= block_size;
    gf_memory_add(GF_MEMORY_DATA, -(int64_t)block_size);
    if (was_full && !page->evacuating)
        partial_push(slab, page);
    if (page->used == 0)
        slab_remove_page(slab, page);
}

void *gf_slab_alloc(struct gf_slab *slab, size_t size)
{
    void *block;

    GF_ASSERT(size - 1 < GF_SLAB_SIZE_MAX);
    if (GF_LIKELY(!gf_slab_is_shared(slab)))
        return slab_take(slab, size);
    pthread_mutex_lock(&slab->lock);
    block = slab_take(slab, size);
    pthread_mutex_unlock(&slab->lock);
    return block;
}

void gf_slab_free(struct gf_slab *slab, void *block)
{
    if (GF_LIKELY(!gf_slab_is_shared(slab))) {
        slab_give(slab, block);
        return;
    }
    pthread_mutex_lock(&slab->lock);
    slab_give(slab, block);
    pthread_mutex_unlock(&slab->lock);
}

size_t gf_slab_block_size(const void *block)
{
    return class_size(page_of(block)->class);
}

/* Worth it: two pages and a thirty-second of what is used are free. */
static bool class_is_sparse(const struct gf_slab *slab, uint32_t class)
{
    const struct gf_slab_class *c = &slab->classes[class];
    uint32_t blocks;

    if (c->pages < 3)
        return false;
    blocks = class_blocks(class);
    return c->pages * blocks - c->used > 2 * blocks + c->used / 32;
}

static struct gf_slab_page *class_sparsest_page(const struct gf_slab_class *class)
{
    struct gf_slab_page *best = class->partial_last;
    struct gf_slab_page *page = best;

    for (uint32_t looks = 0; page && looks < EVACUATE_LOOKS; looks++, page = page->prev)
        if (page->used < best->used)
            best = page;
    return best;
}

/* Offsets of the blocks in use: all that were ever used, without those on the free list. */
static uint32_t page_blocks(const struct gf_slab_page *page, void **ret_blocks)
{
    uint32_t size = class_size(page->class);
    uint32_t units = size >> UNIT_SHIFT;
    bool is_free[BLOCKS_MAX] = {false};
    uint32_t count = 0;
    uint16_t offset = page->free;

    while (offset != NONE) {
        char *block = page_block(page, offset);

        is_free[offset / units] = true;
        BLOCK_UNPOISON(block, sizeof(offset));
        memcpy(&offset, block, sizeof(offset));
    }
    for (uint32_t at = 0; at < page->fresh; at += units) {
        if (is_free[at / units])
            BLOCK_POISON(page_block(page, at), size);
        else
            ret_blocks[count++] = page_block(page, at);
    }
    return count;
}

bool gf_slab_evacuate(struct gf_slab *slab, void (*move)(void *context, void *block), void *context)
{
    struct gf_slab_page *page = NULL;
    void *blocks[BLOCKS_MAX];
    uint32_t count;

    if (gf_slab_is_shared(slab))
        return false;
    for (uint32_t looks = 0; looks < GF_SLAB_CLASSES && !page; looks++) {
        slab->evacuate_class = (slab->evacuate_class + 1) % GF_SLAB_CLASSES;
        if (class_is_sparse(slab, slab->evacuate_class))
            page = class_sparsest_page(&slab->classes[slab->evacuate_class]);
    }
    if (!page)
        return false;

    partial_remove(slab, page);
    page->evacuating = true;
    count = page_blocks(page, blocks);
    GF_ASSERT(count == page->used);
    for (uint32_t i = 0; i < count; i++)
        move(context, blocks[i]);
    return true;
}

static void class_check(const struct gf_slab *slab, uint32_t class)
{
    const struct gf_slab_class *c = &slab->classes[class];
    uint32_t blocks = class_blocks(class);
    uint32_t partial = 0;
    uint32_t used = 0;
    void *live[BLOCKS_MAX];

    for (const struct gf_slab_page *page = c->partial; page; page = page->next) {
        GF_ASSERT(page->slab == slab);
        GF_ASSERT(page->class == class);
        GF_ASSERT(!page->evacuating);
        GF_ASSERT(page->used < blocks);
        GF_ASSERT(page->used > 0);
        GF_ASSERT(page_blocks(page, live) == page->used);
        GF_ASSERT(page->next ? page->next->prev == page : c->partial_last == page);
        used += page->used;
        partial++;
    }
    GF_ASSERT(c->used == used + (c->pages - partial) * blocks);
    GF_ASSERT(((slab->partial_classes >> class) & 1) == (c->partial != NULL));
}

void gf_slab_check(const struct gf_slab *slab)
{
    size_t pages_size = 0;
    size_t used_size = 0;

    for (uint32_t class = 2; class < CLASSES_END; class ++) {
        class_check(slab, class);
        pages_size += (size_t)slab->classes[class].pages * class_page_size(class);
        used_size += (size_t)slab->classes[class].used * class_size(class);
    }
    GF_ASSERT(slab->pages_size == pages_size);
    GF_ASSERT(slab->used_size == used_size);
}
