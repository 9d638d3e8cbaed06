/* Chunks with free pages are on a list; pages are taken from its first chunk. A chunk that was full
 * goes to the front when a page comes back, so the fullest are filled first and the others have a
 * chance to become empty.
 *
 * Pages and runs are the same but for their size: all are "pieces" here, and there is a list of
 * chunks for each size.
 *
 * Free pieces of a chunk form a stack through their (first) notes. A piece is either resident (it
 * may have memory behind it) or bare (never touched, or trimmed); resident ones are taken first.
 *
 * A fresh chunk gets its memory in runs of 4 pages: one huge page at once stops the caller for up
 * to 3 ms where the host must find memory too (measured), single pages cost a fault each. A chunk
 * that is full for the first time asks for a huge page; the kernel makes one in the background. A
 * run gets its memory as a whole, after the lock was let go.
 */
#include "core/pages.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/list.h"

#define TRIM_PAGES_MAX 64u   /* one call: about 50 us of madvise */
#define TRIM_CHUNKS_MAX 256u /* looked at in one call */
#define TRIM_ABOVE_PAGES 64u /* 256 KiB of free pages, and a 128th of those in use, may stay */
#define POPULATE_PAGES 4u
#define NONE 0u                     /* page 0 holds notes and is never free */
#define FIRST GF_PAGES_HEADER_COUNT /* page index of a chunk's first piece */

/* The first bytes of a chunk: where the notes of pages 0 to 3 would be. */
struct chunk {
    struct gf_link link;     /* kind's `available`; free when every piece is used */
    uint16_t resident;       /* index of the first free piece that may have memory, NONE */
    uint16_t bare;           /* of the first free piece without, NONE */
    uint16_t resident_count; /* pieces on the two stacks */
    uint16_t bare_count;
    uint16_t populated; /* fresh pages below this index have memory already */
    bool asked_huge;    /* for a huge page */
};

_Static_assert(sizeof(struct chunk) <= GF_PAGES_HEADER_COUNT * GF_PAGE_NOTE_SIZE,
               "the header must not reach the first note in use");
/* Pages of a piece, by kind. */
static const uint8_t lengths[] = {1, GF_RUN_SHORT_PAGES, GF_RUN_PAGES, GF_RUN_LONG_PAGES};

#define KINDS (sizeof(lengths) / sizeof(lengths[0]))

/* A free piece's note. */
struct free_note {
    uint16_t next; /* page index, NONE */
};

/* The chunks that are cut into pieces of one size. The figures are read by anyone at any time. */
struct kind {
    uint32_t pages;           /* of a piece */
    uint32_t pieces;          /* of a chunk */
    struct gf_list available; /* chunk.link: chunks with free pieces */
    struct gf_link *trimmed;  /* the last one of these that was trimmed; the list's head: none */
    size_t empty;             /* chunks without used pieces: 0 or 1 after each call */
    _Atomic size_t chunks;    /* mapped */
    _Atomic size_t used;      /* pieces in use */
    _Atomic size_t resident;  /* free pieces that may have memory behind them */
};

struct gf_pages {
    pthread_mutex_t lock; /* over everything below, for writing */
    struct kind kinds[KINDS];
};

/* Under the lock there is one writer. */
static void figure_add(_Atomic size_t *figure, size_t count)
{
    atomic_store_explicit(figure, atomic_load_explicit(figure, memory_order_relaxed) + count,
                          memory_order_relaxed);
}

static size_t figure(const _Atomic size_t *figure)
{
    return atomic_load_explicit(figure, memory_order_relaxed);
}

static struct free_note *chunk_note(struct chunk *chunk, uint32_t index)
{
    return (struct free_note *)((char *)chunk + index * GF_PAGE_NOTE_SIZE);
}

static void *chunk_page(struct chunk *chunk, uint32_t index)
{
    return (char *)chunk + (size_t)index * GF_PAGE_SIZE;
}

static struct kind *kind_of(struct gf_pages *pages, uint32_t length)
{
    uint32_t index = 0;

    while (lengths[index] != length) {
        index++;
        GF_ASSERT(index < KINDS);
    }
    return &pages->kinds[index];
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

/* Off the list. A trim that would go on before this chunk goes on there all the same. */
static void kind_unlist(struct kind *kind, struct chunk *chunk)
{
    if (kind->trimmed == &chunk->link)
        kind->trimmed = chunk->link.next;
    gf_list_remove(&chunk->link);
}

static bool kind_add_chunk(struct kind *kind)
{
    struct chunk *chunk = chunk_map();
    uint32_t index = FIRST;

    if (!chunk)
        return false;
    *chunk = (struct chunk){.bare = (uint16_t)FIRST,
                            .bare_count = (uint16_t)kind->pieces,
                            .populated = GF_PAGES_HEADER_COUNT};
    for (uint32_t i = 1; i < kind->pieces; i++, index += kind->pages)
        chunk_note(chunk, index)->next = (uint16_t)(index + kind->pages);
    chunk_note(chunk, index)->next = NONE;
    gf_list_push_front(&kind->available, &chunk->link);
    figure_add(&kind->chunks, 1);
    kind->empty++;
    return true;
}

static void kind_remove_chunk(struct kind *kind, struct chunk *chunk)
{
    kind_unlist(kind, chunk);
    figure_add(&kind->resident, -(size_t)chunk->resident_count);
    figure_add(&kind->chunks, -(size_t)1);
    kind->empty--;
    /* A system that keeps no more mappings gets the memory back all the same. */
    if (munmap(chunk, GF_PAGES_CHUNK_SIZE) != 0)
        (void)madvise(chunk, GF_PAGES_CHUNK_SIZE, MADV_DONTNEED); /* only addresses are lost */
}

static void kind_init(struct kind *kind, uint32_t pages)
{
    kind->pages = pages;
    kind->pieces = (GF_PAGES_CHUNK_COUNT - FIRST) / pages;
    gf_list_init(&kind->available);
    kind->trimmed = &kind->available.head;
}

static void kind_deinit(struct kind *kind)
{
    struct gf_link *link;

    GF_ASSERT(kind->used == 0);
    while ((link = gf_list_peek_front(&kind->available)) != NULL)
        kind_remove_chunk(kind, gf_container(link, struct chunk, link));
    GF_ASSERT(kind->chunks == 0);
}

struct gf_pages *gf_pages_create(void)
{
    struct gf_pages *pages = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*pages));
    int error = pthread_mutex_init(&pages->lock, NULL);

    GF_ASSERT(error == 0);
    for (uint32_t i = 0; i < KINDS; i++)
        kind_init(&pages->kinds[i], lengths[i]);
    return pages;
}

void gf_pages_destroy(struct gf_pages *pages)
{
    int error;

    if (!pages)
        return;
    for (uint32_t i = 0; i < KINDS; i++)
        kind_deinit(&pages->kinds[i]);
    error = pthread_mutex_destroy(&pages->lock);
    GF_ASSERT(error == 0);
    gf_free(GF_MEMORY_OTHER, pages);
}

/* Memory for pages in a row. Where it fails (before Linux 5.14), each page has a fault of its
 * own. */
static void pages_populate(void *page, uint32_t count)
{
#ifdef MADV_POPULATE_WRITE
    (void)madvise(page, (size_t)count * GF_PAGE_SIZE, MADV_POPULATE_WRITE);
#else
    (void)page;
    (void)count;
#endif
}

/* Memory for the fresh pages from `index` on. */
static void chunk_populate(struct chunk *chunk, uint32_t index)
{
    uint32_t end = index + POPULATE_PAGES;

    if (end > GF_PAGES_CHUNK_COUNT)
        end = GF_PAGES_CHUNK_COUNT;
    pages_populate(chunk_page(chunk, index), end - index);
    chunk->populated = (uint16_t)end;
}

/* Returns a page index; *ret_bare: there is no memory behind the piece yet. */
static uint32_t chunk_pop(struct kind *kind, struct chunk *chunk, bool *ret_bare)
{
    uint32_t index;

    *ret_bare = chunk->resident == NONE;
    if (chunk->resident != NONE) {
        index = chunk->resident;
        chunk->resident = chunk_note(chunk, index)->next;
        chunk->resident_count--;
        figure_add(&kind->resident, -(size_t)1);
    } else {
        index = chunk->bare;
        GF_ASSERT(index != NONE);
        chunk->bare = chunk_note(chunk, index)->next;
        chunk->bare_count--;
    }
    return index;
}

static void *chunk_take(struct kind *kind, struct chunk *chunk, bool *ret_bare)
{
    uint32_t index;

    if (chunk_free_count(chunk) == kind->pieces)
        kind->empty--;
    index = chunk_pop(kind, chunk, ret_bare);
    if (*ret_bare && kind->pages == 1 && index >= chunk->populated)
        chunk_populate(chunk, index);
    if (chunk_free_count(chunk) == 0) {
        kind_unlist(kind, chunk);
        if (!chunk->asked_huge)
            (void)madvise(chunk, GF_PAGES_CHUNK_SIZE, MADV_HUGEPAGE); /* a wish */
        chunk->asked_huge = true;
    }
    figure_add(&kind->used, 1);
    return chunk_page(chunk, index);
}

static void *kind_take(struct gf_pages *pages, struct kind *kind, bool *ret_bare)
{
    void *piece = NULL;

    pthread_mutex_lock(&pages->lock);
    if (!gf_list_empty(&kind->available) || kind_add_chunk(kind)) {
        struct gf_link *first = gf_list_peek_front(&kind->available);

        piece = chunk_take(kind, gf_container(first, struct chunk, link), ret_bare);
    }
    pthread_mutex_unlock(&pages->lock);
    return piece;
}

void *gf_pages_take(struct gf_pages *pages)
{
    bool bare;

    return kind_take(pages, kind_of(pages, 1), &bare);
}

void *gf_pages_take_run(struct gf_pages *pages, uint32_t length)
{
    bool bare = false;
    void *run = kind_take(pages, kind_of(pages, length), &bare);

    if (run && bare)
        pages_populate(run, length);
    return run;
}

static void kind_give(struct gf_pages *pages, struct kind *kind, void *piece)
{
    struct chunk *chunk = (void *)((uintptr_t)piece & ~(uintptr_t)(GF_PAGES_CHUNK_SIZE - 1));
    uint32_t index = (uint32_t)(((uintptr_t)piece & (GF_PAGES_CHUNK_SIZE - 1)) / GF_PAGE_SIZE);

    GF_ASSERT((uintptr_t)piece % GF_PAGE_SIZE == 0);
    GF_ASSERT(index >= FIRST);
    GF_ASSERT((index - FIRST) % kind->pages == 0);

    pthread_mutex_lock(&pages->lock);
    if (chunk_free_count(chunk) == 0)
        gf_list_push_front(&kind->available, &chunk->link);
    chunk_note(chunk, index)->next = chunk->resident;
    chunk->resident = (uint16_t)index;
    chunk->resident_count++;
    figure_add(&kind->resident, 1);
    figure_add(&kind->used, -(size_t)1);
    if (chunk_free_count(chunk) == kind->pieces) {
        kind->empty++;
        if (kind->empty > 1)
            kind_remove_chunk(kind, chunk);
    }
    pthread_mutex_unlock(&pages->lock);
}

void gf_pages_give(struct gf_pages *pages, void *page)
{
    kind_give(pages, kind_of(pages, 1), page);
}

void gf_pages_give_run(struct gf_pages *pages, void *run, uint32_t length)
{
    kind_give(pages, kind_of(pages, length), run);
}

static size_t kind_used_pages(const struct kind *kind)
{
    return figure(&kind->used) * kind->pages;
}

static size_t kind_held_pages(const struct kind *kind)
{
    return (figure(&kind->used) + figure(&kind->resident)) * kind->pages +
           figure(&kind->chunks) * GF_PAGES_HEADER_COUNT;
}

size_t gf_pages_used_size(const struct gf_pages *pages)
{
    size_t count = 0;

    for (uint32_t i = 0; i < KINDS; i++)
        count += kind_used_pages(&pages->kinds[i]);
    return count * GF_PAGE_SIZE;
}

size_t gf_pages_held_size(const struct gf_pages *pages)
{
    size_t count = 0;

    for (uint32_t i = 0; i < KINDS; i++)
        count += kind_held_pages(&pages->kinds[i]);
    return count * GF_PAGE_SIZE;
}

/* Returns how many pieces went, at most `count_max`. */
static uint32_t chunk_trim(struct kind *kind, struct chunk *chunk, uint32_t count_max)
{
    uint32_t count = 0;

    /* Or the kernel would fill the holes again. */
    if (chunk->asked_huge && chunk->resident != NONE)
        (void)madvise(chunk, GF_PAGES_CHUNK_SIZE, MADV_NOHUGEPAGE);
    chunk->asked_huge = chunk->asked_huge && chunk->resident == NONE;
    for (; count < count_max && chunk->resident != NONE; count++) {
        uint32_t index = chunk->resident;
        struct free_note *note = chunk_note(chunk, index);
        size_t size = kind->pages * (size_t)GF_PAGE_SIZE;

        if (madvise(chunk_page(chunk, index), size, MADV_DONTNEED) != 0)
            break; /* the piece stays resident; nothing else is lost */
        chunk->resident = note->next;
        chunk->resident_count--;
        figure_add(&kind->resident, -(size_t)1);
        note->next = chunk->bare;
        chunk->bare = (uint16_t)index;
        chunk->bare_count++;
    }
    return count;
}

/* Free pieces may be scattered over many chunks. The last one is the one that pieces are taken from
 * last, so it goes from there to the front, call by call: what was trimmed stays on the list, and
 * must not stand in the way of what was not. */
static bool kind_trim(struct kind *kind)
{
    size_t keep = TRIM_ABOVE_PAGES / kind->pages + figure(&kind->used) / 128;
    const uint32_t pieces_max = TRIM_PAGES_MAX / kind->pages;
    const struct gf_link *head = &kind->available.head;
    uint32_t left = pieces_max;
    uint32_t looks = TRIM_CHUNKS_MAX;
    bool ended;

    if (figure(&kind->resident) <= keep)
        return false;
    for (; left > 0 && looks > 0 && kind->trimmed->prev != head; looks--) {
        struct gf_link *link = kind->trimmed->prev;

        left -= chunk_trim(kind, gf_container(link, struct chunk, link), left);
        if (left > 0)
            kind->trimmed = link;
    }
    ended = kind->trimmed->prev == head;
    if (ended)
        kind->trimmed = &kind->available.head;
    return left < pieces_max || !ended;
}

bool gf_pages_trim(struct gf_pages *pages)
{
    bool trimmed = false;

    pthread_mutex_lock(&pages->lock);
    for (uint32_t i = 0; i < KINDS; i++)
        trimmed |= kind_trim(&pages->kinds[i]);
    pthread_mutex_unlock(&pages->lock);
    return trimmed;
}

static uint32_t stack_count(const struct kind *kind, struct chunk *chunk, uint32_t index)
{
    uint32_t count = 0;

    for (; index != NONE; index = chunk_note(chunk, index)->next) {
        GF_ASSERT(index >= FIRST);
        GF_ASSERT(index < GF_PAGES_CHUNK_COUNT);
        GF_ASSERT((index - FIRST) % kind->pages == 0);
        GF_ASSERT(count < kind->pieces);
        count++;
    }
    return count;
}

static void kind_check(struct kind *kind)
{
    size_t free_count = 0;
    size_t resident = 0;
    size_t available = 0;

    for (struct gf_link *link = gf_list_peek_front(&kind->available); link;
         link = gf_list_next(&kind->available, link)) {
        struct chunk *chunk = gf_container(link, struct chunk, link);

        GF_ASSERT(stack_count(kind, chunk, chunk->resident) == chunk->resident_count);
        GF_ASSERT(stack_count(kind, chunk, chunk->bare) == chunk->bare_count);
        free_count += chunk_free_count(chunk);
        resident += chunk->resident_count;
        available++;
    }
    GF_ASSERT(kind->chunks >= available);
    GF_ASSERT(kind->resident == resident);
    GF_ASSERT(kind->used == kind->chunks * kind->pieces - free_count);
}

void gf_pages_check(struct gf_pages *pages)
{
    pthread_mutex_lock(&pages->lock);
    for (uint32_t i = 0; i < KINDS; i++)
        kind_check(&pages->kinds[i]);
    pthread_mutex_unlock(&pages->lock);
}
