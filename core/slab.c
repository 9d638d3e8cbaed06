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
#define FOLLOWER UINT8_MAX  /* class of the notes of a run's other pages */
#define EVACUATE_LOOKS 16u  /* pages compared when one to empty is chosen */
#define BORROW_PAGES_MAX 8u /* a class with fewer takes blocks of larger ones */
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

_Static_assert(GF_RUN_LONG_SIZE >> UNIT_SHIFT < NONE, "they do");

/* Classes 2 .. 32 are multiples of 8, in single pages. Behind them come those of short runs (up to
 * 1 KiB), of runs (up to 4 KiB) and of long ones. Blocks of a run are so many to it: */
#define PART(size, parts) ((size) / (parts) & ~7u)
#define PARTS_62_TO_36(size)                                                                       \
    PART(size, 62), PART(size, 60), PART(size, 58), PART(size, 56), PART(size, 54),                \
        PART(size, 52), PART(size, 50), PART(size, 48), PART(size, 46), PART(size, 44),            \
        PART(size, 42), PART(size, 40), PART(size, 38), PART(size, 36)
#define PARTS_34_TO_18(size)                                                                       \
    PART(size, 34), PART(size, 33), PART(size, 32), PART(size, 31), PART(size, 30),                \
        PART(size, 29), PART(size, 28), PART(size, 27), PART(size, 26), PART(size, 25),            \
        PART(size, 24), PART(size, 23), PART(size, 22), PART(size, 21), PART(size, 20),            \
        PART(size, 19), PART(size, 18)
#define PARTS_17_TO_9(size)                                                                        \
    PART(size, 17), PART(size, 16), PART(size, 15), PART(size, 14), PART(size, 13),                \
        PART(size, 12), PART(size, 11), PART(size, 10), PART(size, 9)
#define EIGHTS(n) 8 * (n), 8 * (n) + 8, 8 * (n) + 16, 8 * (n) + 24, 8 * (n) + 32

/* Bytes of a block, by class. */
static const uint16_t class_sizes[] = {
    /* clang-format off */
    0, 0, 16, EIGHTS(3), EIGHTS(8), EIGHTS(13), EIGHTS(18), EIGHTS(23), EIGHTS(28),
    PARTS_62_TO_36(GF_RUN_SHORT_SIZE), PARTS_34_TO_18(GF_RUN_SHORT_SIZE),
    PART(GF_RUN_SHORT_SIZE, 17), PART(GF_RUN_SHORT_SIZE, 16),
    PART(GF_RUN_SIZE, 70), PART(GF_RUN_SIZE, 68), PART(GF_RUN_SIZE, 66), PART(GF_RUN_SIZE, 64),
    PARTS_62_TO_36(GF_RUN_SIZE), PARTS_34_TO_18(GF_RUN_SIZE),
    PARTS_34_TO_18(GF_RUN_LONG_SIZE), PARTS_17_TO_9(GF_RUN_LONG_SIZE),
    /* clang-format on */
};

#define CLASS_SMALL_LAST 32u /* of blocks of 256 bytes */
#define CLASS_SHORT_LAST 65u /* of 1 KiB */
#define CLASS_RUN_LAST 100u  /* of 4 KiB */
#define CLASS_LAST 126u      /* of 16 KiB */
#define PARTS_EACH_MAX 34u   /* beyond, parts are even */
#define SHORT_PARTS_MIN (GF_RUN_SHORT_SIZE / 1024)
#define RUN_PARTS_MIN (GF_RUN_SIZE / 4096)
#define LONG_PARTS_MIN (GF_RUN_LONG_SIZE / GF_SLAB_SIZE_MAX)

_Static_assert(sizeof(class_sizes) == sizeof(uint16_t) * GF_SLAB_CLASSES, "a size for each class");
_Static_assert(GF_SLAB_CLASSES == CLASS_LAST + 1, "and the last one is the largest");
_Static_assert(GF_RUN_LONG_SIZE / LONG_PARTS_MIN == GF_SLAB_SIZE_MAX,
               "which has the largest blocks");

/* The class of `parts` blocks in a run, of those that end with class `last`, of `parts_min`. */
static uint32_t class_of_parts(uint32_t parts, uint32_t last, uint32_t parts_min)
{
    if (parts > PARTS_EACH_MAX)
        parts = PARTS_EACH_MAX + (parts - PARTS_EACH_MAX) / 2;
    return last + parts_min - parts;
}

static uint32_t class_of(size_t size)
{
    uint32_t rounded = ((uint32_t)size + 7u) & ~7u;

    if (GF_LIKELY(rounded <= GF_SLAB_SMALL_SIZE_MAX))
        return rounded < 16 ? 2 : rounded / 8;
    if (rounded <= GF_RUN_SHORT_SIZE / SHORT_PARTS_MIN)
        return class_of_parts(GF_RUN_SHORT_SIZE / rounded, CLASS_SHORT_LAST, SHORT_PARTS_MIN);
    if (rounded <= GF_RUN_SIZE / RUN_PARTS_MIN)
        return class_of_parts(GF_RUN_SIZE / rounded, CLASS_RUN_LAST, RUN_PARTS_MIN);
    return class_of_parts(GF_RUN_LONG_SIZE / rounded, CLASS_LAST, LONG_PARTS_MIN);
}

static uint32_t class_size(uint32_t class)
{
    return class_sizes[class];
}

size_t gf_slab_run_size(size_t size)
{
    return class_size(class_of(size));
}

/* Pages of a page or run. */
static uint32_t class_pages(uint32_t class)
{
    if (class <= CLASS_SMALL_LAST)
        return 1;
    if (class <= CLASS_SHORT_LAST)
        return GF_RUN_SHORT_PAGES;
    return class <= CLASS_RUN_LAST ? GF_RUN_PAGES : GF_RUN_LONG_PAGES;
}

static uint32_t class_page_size(uint32_t class)
{
    return class_pages(class) * GF_PAGE_SIZE;
}

static uint32_t class_blocks(uint32_t class)
{
    return class_page_size(class) / class_size(class);
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
    slab->partial_classes[page->class / 64u] |= UINT64_C(1) << page->class % 64u;
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
        slab->partial_classes[page->class / 64u] &= ~(UINT64_C(1) << page->class % 64u);
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
    uint32_t length = class_pages(class);
    uint32_t size = length * GF_PAGE_SIZE;
    void *address =
        length == 1 ? gf_pages_take(slab->pages) : gf_pages_take_run(slab->pages, length);
    struct gf_slab_page *page;

    if (!address)
        return NULL;
    page = gf_page_note(address);
    *page = (struct gf_slab_page){.slab = slab, .free = NONE, .class = (uint8_t) class};
    for (uint32_t back = 1; back < length; back++)
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
    uint32_t length = class_pages(page->class);
    uint32_t size = length * GF_PAGE_SIZE;

    if (!page->evacuating)
        partial_remove(slab, page);
    slab->classes[page->class].pages--;
    slab->pages_size -= size;
    gf_memory_add(GF_MEMORY_DATA, -class_overhead(page->class));
    BLOCK_UNPOISON(address, size);
    if (length == 1)
        gf_pages_give(slab->pages, address);
    else
        gf_pages_give_run(slab->pages, address, length);
}

/* The first class from `class` on that has free blocks; GF_SLAB_CLASSES: none. */
static uint32_t class_partial(const struct gf_slab *slab, uint32_t class)
{
    uint32_t word = class / 64u;
    uint64_t bits = slab->partial_classes[word] >> class % 64u << class % 64u;

    while (bits == 0 && ++word < GF_SLAB_CLASS_WORDS)
        bits = slab->partial_classes[word];
    return bits == 0 ? GF_SLAB_CLASSES : 64u * word + (uint32_t)__builtin_ctzll(bits);
}

/* A page with a free block of `class`, or of one that is a little larger, or a new one. */
static struct gf_slab_page *slab_page(struct gf_slab *slab, uint32_t class)
{
    const struct gf_slab_class *c = &slab->classes[class];

    if (GF_LIKELY(c->partial != NULL))
        return c->partial;
    if (c->pages < BORROW_PAGES_MAX) {
        uint32_t other = class_partial(slab, class);
        uint32_t size = class_size(class);

        if (other < GF_SLAB_CLASSES && class_size(other) <= size + size / 8)
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
    GF_ASSERT(((slab->partial_classes[class / 64u] >> class % 64u) & 1) == (c->partial != NULL));
}

void gf_slab_check(const struct gf_slab *slab)
{
    size_t pages_size = 0;
    size_t used_size = 0;

    for (uint32_t class = 2; class <= CLASS_LAST; class ++) {
        class_check(slab, class);
        pages_size += (size_t)slab->classes[class].pages * class_page_size(class);
        used_size += (size_t)slab->classes[class].used * class_size(class);
    }
    GF_ASSERT(slab->pages_size == pages_size);
    GF_ASSERT(slab->used_size == used_size);
}
