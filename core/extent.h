/* Large blocks, with no more memory behind them than they hold.
 *
 * Address space is plenty, memory is not: each block has a slot of addresses to itself, of 32 KiB
 * to 1 GiB, and only the pages in use have memory. So nothing is ever fragmented, a block can grow
 * where it is until its slot ends, and what is freed goes back to the system page by page.
 *
 *   all slots of 32 KiB      of 64 KiB                       … of 1 GiB
 *   +----+----+----+-- … --+--------+--------+-- … --+-- … --+---------------
 *   |##  |    |### |       |#####   |        |       |       |####
 *   +----+----+----+-- … --+--------+--------+-- … --+-- … --+---------------
 *
 * Some of the freed slots keep their memory for those who come next: 1 MiB, and a 64th of what is
 * in use. There is one set of slots in a program, as there is one address space; any thread may
 * take, resize and give.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define GF_EXTENT_SIZE_MIN 16385u /* smaller ones would waste most of a page and of time */
#define GF_EXTENT_SIZE_MAX ((size_t)1 << 30)

/* gf_extent_take - `size` bytes (1 .. GF_EXTENT_SIZE_MAX) with any content, aligned to a page; NULL
 * when there are no addresses for it (the memory itself is only missed when it is touched). */
void *gf_extent_take(size_t size);
void gf_extent_give(void *extent);

/* gf_extent_resize - grow or shrink, keeping what fits; may move. NULL: nothing has changed. */
void *gf_extent_resize(void *extent, size_t size);

/* gf_extent_size - bytes that have memory, at least what was asked for. */
size_t gf_extent_size(const void *extent);

/* gf_extent_holds - is it the address of an extent? */
bool gf_extent_holds(const void *address);

/* gf_extent_trim - free slots keep no memory: how large the next extents are does not depend on
 * those before. */
void gf_extent_trim(void);

/* gf_extent_free_size - bytes of memory behind slots that are free. */
size_t gf_extent_free_size(void);
/* gf_extent_used_size - bytes of memory behind slots that are taken. */
size_t gf_extent_used_size(void);
