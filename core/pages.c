/* Chunks with free pages are on a list; pages are taken from its first chunk. A chunk that was full
 * goes to the front when a page comes back, so the fullest are filled first and the others have a
 * chance to become empty.
 *
 * Free pages of a chunk form a stack through their notes. A page is either resident (it may have
 * memory behind it) or bare (never touched, or trimmed); resident ones are taken first.
 *
 * A fresh chunk gets its memory in runs of 4 pages: one huge page at once stops the caller for up
 * to 3 ms where the host must find memory too (measured), single pages cost a fault each. A chunk
 * that is full for the first time asks for a huge page; the kernel makes one in the background.
 */
#include "core/pages.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/list.h"

#define CHUNK_PAGES_USABLE (GF_PAGES_CHUNK_COUNT - GF_PAGES_HEADER_COUNT)
#define TRIM_PAGES_MAX 64     /* about 50 us of madvise */
#define TRIM_ABOVE_PAGES 256u /* 1 MiB of free pages, and a 64th of those in use, may stay */
#define POPULATE_PAGES 4u
#define NONE 0u /* page 0 holds notes and is never free */

/* The first bytes of a chunk: where the notes of pages 0 to 3 would be. */
struct chunk {
    struct gf_link link;     /* source's `available`; free when every page is used */
    uint16_t resident;       /* index of the first free page that may have memory, NONE */
    uint16_t bare;           /* of the first free page without, NONE */
    uint16_t resident_count; /* pages on the two stacks */
    uint16_t bare_count;
    uint16_t populated; /* fresh pages below this index have memory already */
    bool asked_huge;    /* for a huge page */
};

_Static_assert(sizeof(struct chunk) <= GF_PAGES_HEADER_COUNT * GF_PAGE_NOTE_SIZE,
               "the header must not reach the first note in use");

/* A free page's note. */
struct free_note {
    uint16_t next; /* page index, NONE */
};

struct gf_pages {
    pthread_mutex_t lock;     /* over everything below */
    struct gf_list available; /* chunk.link: chunks with free pages */
    size_t chunks;            /* mapped */
    size_t used;              /* pages in use */
    size_t resident;          /* free pages that may have memory behind them */
    size_t empty;             /* chunks without used pages: 0 or 1 after each call */
};

static struct free_note *chunk_note(struct chunk *chunk, uint32_t index)
{
    return (struct free_note *)((char *)chunk + index * GF_PAGE_NOTE_SIZE);
}

static void *chunk_page(struct chunk *chunk, uint32_t index)
{
    return (char *)chunk + (size_t)index * GF_PAGE_SIZE;
}

static uint32_t chunk_free_count(const struct chunk *chunk)
{
    return (uint32_t)chunk->resident_count + chunk->bare_count;
}

/* A mapping aligned to its size: map twice as much and cut off the ends. */
static void *chunk_map(void)
{
    size_t size = 2 * (size_t)GF_PAGES_CHUNK_SIZE;
    char *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t front;

    if (base == MAP_FAILED)
        return NULL;
    front = -(uintptr_t)base & (GF_PAGES_CHUNK_SIZE - 1);
    if (front > 0)
        (void)munmap(base, front); /* on failure only address space is lost */
    if (size - front > GF_PAGES_CHUNK_SIZE)
        (void)munmap(base + front + GF_PAGES_CHUNK_SIZE, size - front - GF_PAGES_CHUNK_SIZE);
    return base + front;
}

static bool pages_add_chunk(struct gf_pages *pages)
{
    struct chunk *chunk = chunk_map();

    if (!chunk)
        return false;
    *chunk = (struct chunk){.bare = GF_PAGES_HEADER_COUNT,
                            .bare_count = CHUNK_PAGES_USABLE,
                            .populated = GF_PAGES_HEADER_COUNT};
    for (uint32_t index = GF_PAGES_HEADER_COUNT; index < GF_PAGES_CHUNK_COUNT; index++)
        chunk_note(chunk, index)->next = (uint16_t)((index + 1) % GF_PAGES_CHUNK_COUNT);
    gf_list_push_front(&pages->available, &chunk->link);
    pages->chunks++;
    pages->empty++;
    return true;
}

static void pages_remove_chunk(struct gf_pages *pages, struct chunk *chunk)
{
    gf_list_remove(&chunk->link);
    pages->resident -= chunk->resident_count;
    pages->chunks--;
    pages->empty--;
    GF_ASSERT(munmap(chunk, GF_PAGES_CHUNK_SIZE) == 0);
}

struct gf_pages *gf_pages_create(void)
{
    struct gf_pages *pages = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*pages));

    GF_ASSERT(pthread_mutex_init(&pages->lock, NULL) == 0);
    gf_list_init(&pages->available);
    return pages;
}

void gf_pages_destroy(struct gf_pages *pages)
{
    struct gf_link *link;

    if (!pages)
        return;
    GF_ASSERT(pages->used == 0);
    while ((link = gf_list_peek_front(&pages->available)) != NULL)
        pages_remove_chunk(pages, gf_container(link, struct chunk, link));
    GF_ASSERT(pages->chunks == 0);
    GF_ASSERT(pthread_mutex_destroy(&pages->lock) == 0);
    gf_free(GF_MEMORY_OTHER, pages);
}

/* Memory for the run of fresh pages that begins with `index`. */
static void chunk_populate(struct chunk *chunk, uint32_t index)
{
    uint32_t end = index + POPULATE_PAGES;

    if (end > GF_PAGES_CHUNK_COUNT)
        end = GF_PAGES_CHUNK_COUNT;
#ifdef MADV_POPULATE_WRITE
    /* Where it fails (before Linux 5.14), each page has a fault of its own. */
    (void)madvise(chunk_page(chunk, index), (end - index) * (size_t)GF_PAGE_SIZE,
                  MADV_POPULATE_WRITE);
#endif
    chunk->populated = (uint16_t)end;
}

static void *chunk_take(struct gf_pages *pages, struct chunk *chunk)
{
    uint32_t index;

    if (chunk_free_count(chunk) == CHUNK_PAGES_USABLE)
        pages->empty--;
    if (chunk->resident != NONE) {
        index = chunk->resident;
        chunk->resident = chunk_note(chunk, index)->next;
        chunk->resident_count--;
        pages->resident--;
    } else {
        index = chunk->bare;
        GF_ASSERT(index != NONE);
        chunk->bare = chunk_note(chunk, index)->next;
        chunk->bare_count--;
        if (index >= chunk->populated)
            chunk_populate(chunk, index);
    }
    if (chunk_free_count(chunk) == 0) {
        gf_list_remove(&chunk->link);
        if (!chunk->asked_huge)
            (void)madvise(chunk, GF_PAGES_CHUNK_SIZE, MADV_HUGEPAGE); /* a wish */
        chunk->asked_huge = true;
    }
    pages->used++;
    return chunk_page(chunk, index);
}

void *gf_pages_take(struct gf_pages *pages)
{
    void *page = NULL;

    pthread_mutex_lock(&pages->lock);
    if (!gf_list_empty(&pages->available) || pages_add_chunk(pages)) {
        struct gf_link *first = gf_list_peek_front(&pages->available);

        page = chunk_take(pages, gf_container(first, struct chunk, link));
    }
    pthread_mutex_unlock(&pages->lock);
    return page;
}

void gf_pages_give(struct gf_pages *pages, void *page)
{
    struct chunk *chunk = (void *)((uintptr_t)page & ~(uintptr_t)(GF_PAGES_CHUNK_SIZE - 1));
    uint32_t index = (uint32_t)(((uintptr_t)page & (GF_PAGES_CHUNK_SIZE - 1)) / GF_PAGE_SIZE);

    GF_ASSERT(((uintptr_t)page & (GF_PAGE_SIZE - 1)) == 0);
    GF_ASSERT(index >= GF_PAGES_HEADER_COUNT);

    pthread_mutex_lock(&pages->lock);
    if (chunk_free_count(chunk) == 0)
        gf_list_push_front(&pages->available, &chunk->link);
    chunk_note(chunk, index)->next = chunk->resident;
    chunk->resident = (uint16_t)index;
    chunk->resident_count++;
    pages->resident++;
    pages->used--;
    if (chunk_free_count(chunk) == CHUNK_PAGES_USABLE) {
        pages->empty++;
        if (pages->empty > 1)
            pages_remove_chunk(pages, chunk);
    }
    pthread_mutex_unlock(&pages->lock);
}

size_t gf_pages_used_size(struct gf_pages *pages)
{
    size_t used;

    pthread_mutex_lock(&pages->lock);
    used = pages->used;
    pthread_mutex_unlock(&pages->lock);
    return used * GF_PAGE_SIZE;
}

size_t gf_pages_held_size(struct gf_pages *pages)
{
    size_t held;

    pthread_mutex_lock(&pages->lock);
    held = pages->used + pages->resident + pages->chunks * GF_PAGES_HEADER_COUNT;
    pthread_mutex_unlock(&pages->lock);
    return held * GF_PAGE_SIZE;
}

static void chunk_trim(struct gf_pages *pages, struct chunk *chunk, uint32_t count_max)
{
    /* Or the kernel would fill the holes again. */
    (void)madvise(chunk, GF_PAGES_CHUNK_SIZE, MADV_NOHUGEPAGE);
    chunk->asked_huge = false;
    for (uint32_t count = 0; count < count_max && chunk->resident != NONE; count++) {
        uint32_t index = chunk->resident;
        struct free_note *note = chunk_note(chunk, index);

        if (madvise(chunk_page(chunk, index), GF_PAGE_SIZE, MADV_DONTNEED) != 0)
            return; /* the page stays resident; nothing else is lost */
        chunk->resident = note->next;
        chunk->resident_count--;
        pages->resident--;
        note->next = chunk->bare;
        chunk->bare = (uint16_t)index;
        chunk->bare_count++;
    }
}

void gf_pages_trim(struct gf_pages *pages)
{
    pthread_mutex_lock(&pages->lock);
    if (pages->resident > TRIM_ABOVE_PAGES + pages->used / 64) {
        /* The last chunk is the one that pages are taken from last. */
        struct gf_link *link = pages->available.head.prev;

        while (link != &pages->available.head &&
               gf_container(link, struct chunk, link)->resident == NONE)
            link = link->prev;
        GF_ASSERT(link != &pages->available.head);
        chunk_trim(pages, gf_container(link, struct chunk, link), TRIM_PAGES_MAX);
    }
    pthread_mutex_unlock(&pages->lock);
}

static uint32_t stack_count(struct chunk *chunk, uint32_t index)
{
    uint32_t count = 0;

    for (; index != NONE; index = chunk_note(chunk, index)->next) {
        GF_ASSERT(index >= GF_PAGES_HEADER_COUNT);
        GF_ASSERT(index < GF_PAGES_CHUNK_COUNT);
        GF_ASSERT(count < CHUNK_PAGES_USABLE);
        count++;
    }
    return count;
}

void gf_pages_check(struct gf_pages *pages)
{
    size_t free_count = 0;
    size_t chunks_full;
    size_t available = 0;

    pthread_mutex_lock(&pages->lock);
    for (struct gf_link *link = gf_list_peek_front(&pages->available); link;
         link = gf_list_next(&pages->available, link)) {
        struct chunk *chunk = gf_container(link, struct chunk, link);

        GF_ASSERT(stack_count(chunk, chunk->resident) == chunk->resident_count);
        GF_ASSERT(stack_count(chunk, chunk->bare) == chunk->bare_count);
        free_count += chunk_free_count(chunk);
        available++;
    }
    chunks_full = pages->chunks - available;
    GF_ASSERT(pages->used ==
              chunks_full * CHUNK_PAGES_USABLE + available * CHUNK_PAGES_USABLE - free_count);
    pthread_mutex_unlock(&pages->lock);
}
