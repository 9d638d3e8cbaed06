/* Blocks from mimalloc, and the account of the thread that takes or returns them.
 *
 * A block is booked with the size it really occupies, asked from the allocator both when it is
 * taken and when it is returned, so that no header is needed and the two always agree.
 *
 * An account has one writer, its core's thread: a relaxed load and a relaxed store book a block,
 * and a locked read-modify-write (20 times as dear) is not needed. Readers may see a figure that
 * is a few blocks old.
 *
 * What clients make large (values, requests, replies) is an extent (core/extent.h): the allocator
 * would keep its memory, and its share of what is resident could not be bounded.
 *
 * With GF_SYSTEM_ALLOC all blocks come from the C library, where a sanitizer can watch them.
 */
#include "core/alloc.h"

#include <stdbool.h>
#include <string.h>

#ifdef GF_SYSTEM_ALLOC
#include <malloc.h>
#include <stdlib.h>
#else
#include <mimalloc.h>
#endif

#include "core/assert.h"
#include "core/extent.h"

#define BLOCK_SIZE_MIN 16  /* smaller blocks would not be 16-byte aligned */
#define BLOCK_ALIGNMENT 16 /* what mimalloc and glibc give from BLOCK_SIZE_MIN on */
#define ALIGNMENT_MAX 4096 /* one page */
#define JUNK 0xa5
#define JUNK_SIZE_MAX 4096 /* bytes at the start of a block */

/* The account of this thread's core; NULL books nothing. Thread-local and not an argument because a
 * block may be returned anywhere, by code that knows no core. */
static _Thread_local struct gf_memory_account *account_here;

#ifdef GF_SYSTEM_ALLOC

#define BLOCK_SIZE_MAX ((size_t)1 << 39) /* sanitizers end the process above 2^40 bytes */

static void *block_take(size_t size)
{
    return size <= BLOCK_SIZE_MAX ? malloc(size) : NULL;
}

static void *block_take_zero(size_t size)
{
    return size <= BLOCK_SIZE_MAX ? calloc(1, size) : NULL;
}

static void *block_take_aligned(size_t size, size_t alignment)
{
    void *block = NULL;

    if (size > BLOCK_SIZE_MAX)
        return NULL;
    return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
}

static void *block_resize(void *block, size_t size)
{
    return size <= BLOCK_SIZE_MAX ? realloc(block, size) : NULL;
}

static void block_return(void *block)
{
    free(block);
}

static size_t block_size(const void *block)
{
    return malloc_usable_size((void *)block);
}

static bool size_is_extent(enum gf_memory_kind kind, size_t size)
{
    (void)kind;
    (void)size;
    return false;
}

void gf_memory_purge(void)
{
    (void)malloc_trim(0);
}

#else

static bool size_is_extent(enum gf_memory_kind kind, size_t size)
{
    return size >= GF_EXTENT_SIZE_MIN && size <= GF_EXTENT_SIZE_MAX && kind != GF_MEMORY_OTHER;
}

static void *block_take(size_t size)
{
    return mi_malloc(size);
}

static void *block_take_zero(size_t size)
{
    return mi_zalloc(size);
}

static void *block_take_aligned(size_t size, size_t alignment)
{
    return mi_malloc_aligned(size, alignment);
}

static void *block_resize(void *block, size_t size)
{
    return mi_realloc(block, size);
}

static void block_return(void *block)
{
    if (GF_UNLIKELY(gf_extent_holds(block)))
        gf_extent_give(block);
    else
        mi_free(block);
}

static size_t block_size(const void *block)
{
    return GF_UNLIKELY(gf_extent_holds(block)) ? gf_extent_size(block) : mi_usable_size(block);
}

void gf_memory_purge(void)
{
    mi_collect(true);
}

#endif

static size_t size_round(size_t size)
{
    return size < BLOCK_SIZE_MIN ? BLOCK_SIZE_MIN : size;
}

struct gf_memory_account *gf_memory_account_use(struct gf_memory_account *account)
{
    struct gf_memory_account *before = account_here;

    account_here = account;
    return before;
}

void gf_memory_add(enum gf_memory_kind kind, int64_t bytes)
{
    struct gf_memory_account *account = account_here;
    int64_t held;

    if (!account)
        return;
    held = atomic_load_explicit(&account->bytes[kind], memory_order_relaxed);
    atomic_store_explicit(&account->bytes[kind], held + bytes, memory_order_relaxed);
}

/* Book a block just taken, if there was memory for it. */
static void *block_booked(enum gf_memory_kind kind, void *block)
{
    if (GF_LIKELY(block != NULL))
        gf_memory_add(kind, (int64_t)block_size(block));
    return block;
}

/* What is in a new block is nobody's to count on. Fresh memory is all zeros, which hides that
 * somebody does: builds that check structures see something else. */
static void *block_spoiled(void *block, size_t size)
{
#ifdef GF_VERIFY_ENABLED
    if (block)
        memset(block, JUNK, size < JUNK_SIZE_MAX ? size : JUNK_SIZE_MAX);
#else
    (void)size;
#endif
    return block;
}

static void *block_required(void *block)
{
    if (GF_UNLIKELY(block == NULL))
        gf_panic(__FILE__, __LINE__, "out of memory");
    return block;
}

/* An extent where it is to be one and there are addresses for it. */
static void *block_take_any(enum gf_memory_kind kind, size_t size)
{
    void *block = size_is_extent(kind, size) ? gf_extent_take(size) : NULL;

    return block ? block : block_spoiled(block_take(size_round(size)), size);
}

void *gf_alloc_try(enum gf_memory_kind kind, size_t size)
{
    return block_booked(kind, block_take_any(kind, size));
}

void *gf_alloc(enum gf_memory_kind kind, size_t size)
{
    return block_required(gf_alloc_try(kind, size));
}

void *gf_alloc_zero(enum gf_memory_kind kind, size_t size)
{
    return block_required(block_booked(kind, block_take_zero(size_round(size))));
}

void *gf_alloc_aligned(enum gf_memory_kind kind, size_t size, size_t alignment)
{
    GF_ASSERT(alignment != 0);
    GF_ASSERT((alignment & (alignment - 1)) == 0);
    GF_ASSERT(alignment <= ALIGNMENT_MAX);

    if (alignment < BLOCK_ALIGNMENT)
        alignment = BLOCK_ALIGNMENT;
    return block_required(block_booked(
        kind, block_spoiled(block_take_aligned(size_round(size), alignment), size)));
}

/* From an extent to none, or the other way. */
static void *block_convert(enum gf_memory_kind kind, void *block, size_t size)
{
    void *converted = block_take_any(kind, size);
    size_t size_before = block_size(block);

    if (converted) {
        memcpy(converted, block, size_before < size ? size_before : size);
        block_return(block);
    }
    return converted;
}

static void *block_resize_any(enum gf_memory_kind kind, void *block, size_t size)
{
    if (!block)
        return block_take_any(kind, size);
    if (gf_extent_holds(block) != size_is_extent(kind, size))
        return block_convert(kind, block, size);
    return gf_extent_holds(block) ? gf_extent_resize(block, size)
                                  : block_resize(block, size_round(size));
}

void *gf_realloc_try(enum gf_memory_kind kind, void *block, size_t size)
{
    size_t size_before = block ? block_size(block) : 0;
    void *resized = block_resize_any(kind, block, size);

    if (GF_UNLIKELY(resized == NULL))
        return NULL;
    gf_memory_add(kind, (int64_t)block_size(resized) - (int64_t)size_before);
    return resized;
}

void gf_free(enum gf_memory_kind kind, void *block)
{
    if (!block)
        return;
    gf_memory_add(kind, -(int64_t)block_size(block));
    block_return(block);
}

size_t gf_alloc_size(const void *block)
{
    return block ? block_size(block) : 0;
}
