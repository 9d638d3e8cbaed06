/* Pages of 4 KiB and runs of 4, 18 or 36 of them, cut from chunks of 2 MiB.
 *
 * Everything that holds many small things (slabs, segments of tables) takes its memory here, so
 * that a page freed by one user serves any other, and huge pages back all of it. A chunk is cut
 * into pages or into runs of one length, never both. A chunk without used pages goes back to
 * the system, one spare of each kind excepted.
 *
 *   chunk, aligned to its size
 *   +--------------------------------+--------+--------+-----+----------+
 *   | chunk header, notes (32 bytes  | page 4 | page 5 |  …  | page 511 |
 *   | for each page): pages 0 to 3   |        |        |     |          |
 *   +--------------------------------+--------+--------+-----+----------+
 *
 * The note of a page belongs to whoever holds the page (of a run, the notes of all its pages).
 * Address → chunk → note is arithmetic.
 *
 * Any thread may take and give pages: a lock is held for some ten nanoseconds, once for each page
 * or run, and for microseconds where the system is asked for memory or given some back. Nothing
 * here is booked: a page is booked by its holder.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GF_PAGE_SIZE 4096u
/* Pages of a run: what leaves next to nothing of the 508 of a chunk. */
#define GF_RUN_SHORT_PAGES 4u
#define GF_RUN_PAGES 18u
#define GF_RUN_LONG_PAGES 36u
#define GF_RUN_SHORT_SIZE (GF_RUN_SHORT_PAGES * GF_PAGE_SIZE)
#define GF_RUN_SIZE (GF_RUN_PAGES * GF_PAGE_SIZE)
#define GF_RUN_LONG_SIZE (GF_RUN_LONG_PAGES * GF_PAGE_SIZE)
#define GF_PAGES_CHUNK_SIZE (2u << 20)
#define GF_PAGE_NOTE_SIZE 32u
#define GF_PAGES_CHUNK_COUNT (GF_PAGES_CHUNK_SIZE / GF_PAGE_SIZE)
#define GF_PAGES_HEADER_COUNT (GF_PAGES_CHUNK_COUNT * GF_PAGE_NOTE_SIZE / GF_PAGE_SIZE)

struct gf_pages;

/* gf_pages_create - a source of pages; one for the whole program is meant. */
struct gf_pages *gf_pages_create(void);
/* gf_pages_destroy - every page must have been given back. */
void gf_pages_destroy(struct gf_pages *pages);

/* gf_pages_take - a page with any content, or NULL when the system has no memory. */
void *gf_pages_take(struct gf_pages *pages);
/* gf_pages_give - the page goes back to the source it came from. */
void gf_pages_give(struct gf_pages *pages, void *page);

/* gf_pages_take_run, gf_pages_give_run - the same for a run.
 *
 * length     its pages: one of GF_RUN_…_PAGES
 */
void *gf_pages_take_run(struct gf_pages *pages, uint32_t length);
void gf_pages_give_run(struct gf_pages *pages, void *run, uint32_t length);

/* The figures cost nothing and may be a few pages old. */

/* gf_pages_used_size - bytes of the pages in use, runs included. */
size_t gf_pages_used_size(const struct gf_pages *pages);
/* gf_pages_held_size - bytes held from the system, free pages included where they still may have
 * memory behind them. */
size_t gf_pages_held_size(const struct gf_pages *pages);

/* gf_pages_trim - give the memory behind free pages back to the system when there are more than
 * a few. Bounded: 64 pages of each kind per call. Returns false when there is nothing more to give,
 * which comes after finitely many calls. */
bool gf_pages_trim(struct gf_pages *pages);

/* gf_page_note - the GF_PAGE_NOTE_SIZE bytes that belong to the page's holder. */
static inline void *gf_page_note(const void *address)
{
    uintptr_t chunk = (uintptr_t)address & ~(uintptr_t)(GF_PAGES_CHUNK_SIZE - 1);
    uintptr_t index = ((uintptr_t)address & (GF_PAGES_CHUNK_SIZE - 1)) / GF_PAGE_SIZE;

    return (void *)(chunk + index * GF_PAGE_NOTE_SIZE);
}

/* gf_page_of_note - back from a note to its page. */
static inline void *gf_page_of_note(const void *note)
{
    uintptr_t chunk = (uintptr_t)note & ~(uintptr_t)(GF_PAGES_CHUNK_SIZE - 1);
    uintptr_t index = ((uintptr_t)note & (GF_PAGES_CHUNK_SIZE - 1)) / GF_PAGE_NOTE_SIZE;

    return (void *)(chunk + index * GF_PAGE_SIZE);
}

void gf_pages_check(struct gf_pages *pages);
