/* Memory, and who holds how much of it. The only includer of mimalloc.
 *
 * Every block is accounted to a kind, on the core that allocates or frees it: a block may be freed
 * on another core (a lent partition does), so one core's figure can be negative and only the sum
 * over all cores means something.
 *
 * Small, fixed-size internal allocations die loudly when there is no memory. Anything whose size a
 * client chose goes through gf_alloc_try and is refused.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*          name      what it holds */
#define GF_MEMORY_KINDS(X)                                        \
    X(DATA,     data,     "keys, values and their tables")        \
    X(BUFFERS,  buffers,  "what clients send and have not read")  \
    X(LOG,      log,      "log entries not yet on disk")          \
    X(SNAPSHOT, snapshot, "pre-images and snapshot blocks")       \
    X(OTHER,    other,    "everything else")

enum gf_memory_kind {
#define GF_MEMORY_KIND(name, lower, text) GF_MEMORY_##name,
    GF_MEMORY_KINDS(GF_MEMORY_KIND)
#undef GF_MEMORY_KIND
    GF_MEMORY_KINDS_COUNT
};

/* One core's account. Written by that core only (relaxed), read by any. */
struct gf_memory_account {
    _Alignas(64) _Atomic int64_t bytes[GF_MEMORY_KINDS_COUNT];
    _Atomic int64_t spare; /* bytes of free blocks in pages of this core, booked nowhere; a recent
                            * figure */
};

/* gf_memory_account_use - book this thread's allocations to `account` from now on; NULL books them
 * to a throw-away account. Returns the account used before. */
struct gf_memory_account *gf_memory_account_use(struct gf_memory_account *account);

/* gf_memory_add - book bytes that came from elsewhere (slab pages); negative when they go back. */
void gf_memory_add(enum gf_memory_kind kind, int64_t bytes);

/* gf_alloc - `size` bytes of anything, 16-byte aligned; panics when there is no memory. size 0 is
 * allowed. */
void *gf_alloc(enum gf_memory_kind kind, size_t size);
void *gf_alloc_zero(enum gf_memory_kind kind, size_t size);

/* gf_alloc_try - the same, but NULL when there is no memory: for sizes that a client chose. */
void *gf_alloc_try(enum gf_memory_kind kind, size_t size);

/* gf_alloc_aligned - alignment a power of two, at most 4096. Freed with gf_free. */
void *gf_alloc_aligned(enum gf_memory_kind kind, size_t size, size_t alignment);

/* gf_realloc_try - grow or shrink; NULL when there is no memory (the block is then untouched). */
void *gf_realloc_try(enum gf_memory_kind kind, void *block, size_t size);

/* gf_free - give back a block of that kind. gf_free(kind, NULL) is a no-op. Any thread. */
void gf_free(enum gf_memory_kind kind, void *block);

/* gf_memory_purge - give what this thread has freed back to the system. */
void gf_memory_purge(void);

/* gf_alloc_size - bytes the block really occupies, at least what was asked for. */
size_t gf_alloc_size(const void *block);
