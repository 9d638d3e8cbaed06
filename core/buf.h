/* Bytes on their way: a growable buffer for receiving, a chain of chunks for sending.
 *
 * A gf_buf is one contiguous block: requests that arrive in pieces are put together in it.
 * A gf_chain is a list of chunks that only grows at its end: replies are written into it and it is
 * handed to one send. Chunks come from mimalloc (GF_MEMORY_BUFFERS), so a chain may be filled on
 * one core and freed on another; nothing is held by an empty chain or an empty buf.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/assert.h"
#include "core/bytes.h"

struct gf_buf {
    char *data;      /* owned; NULL when capacity is 0 */
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes allocated */
};

/* gf_buf_reserve - room for `size` more bytes after the ones in use.
 *
 * Returns    GF_OK, or GF_ENOMEM (the buffer is then untouched).
 */
int gf_buf_reserve(struct gf_buf *buf, size_t size);
int gf_buf_append(struct gf_buf *buf, struct gf_bytes bytes);
/* gf_buf_add, gf_buf_add_text - append what the server itself has to say: where there is no memory
 * for that, the process ends. */
void gf_buf_add(struct gf_buf *buf, struct gf_bytes bytes);
static inline void gf_buf_add_text(struct gf_buf *buf, const char *text)
{
    gf_buf_add(buf, gf_bytes_of(text));
}
/* gf_buf_consume - drop the first `size` bytes; the rest moves to the front. */
void gf_buf_consume(struct gf_buf *buf, size_t size);
/* gf_buf_deinit - frees; the buffer is empty and usable afterwards. */
void gf_buf_deinit(struct gf_buf *buf);

/* A chunk's block, header included: several pipelines of small replies. */
#define GF_CHUNK_SIZE 16384

struct gf_chunk {
    struct gf_chunk *next;
    uint32_t used;     /* bytes written; of the last chunk of a chain, see gf_chain.cursor */
    uint32_t capacity; /* bytes in data */
    bool borrowed;     /* not the chain's to free: see gf_chain_init_inside */
    _Alignas(8) char data[];
};

/* Invariants (gf_chain_check walks them):
 *   sealed_size == sum of `used` of all chunks but the last
 *   no chunk but the last is empty
 *   data <= cursor <= end == data + capacity, of the last chunk
 */
struct gf_chain {
    struct gf_chunk *first; /* owned; NULL when empty */
    struct gf_chunk *last;
    char *cursor; /* next free byte of `last`; NULL when empty */
    char *end;    /* end of `last` */
    size_t sealed_size; /* bytes in all chunks but the last */
};

/* gf_chain_init_inside - an empty chain whose first chunk is part of something bigger that outlives
 * the chain's use of it: `chunk` with `capacity` bytes behind its header. Must not be spliced while
 * that chunk holds bytes. */
static inline void gf_chain_init_inside(struct gf_chain *chain, struct gf_chunk *chunk,
                                        uint32_t capacity)
{
    *chunk = (struct gf_chunk){.capacity = capacity, .borrowed = true};
    *chain = (struct gf_chain){
        .first = chunk,
        .last = chunk,
        .cursor = chunk->data,
        .end = chunk->data + capacity,
    };
}

/* gf_chain_grow - slow path of gf_chain_reserve: a new last chunk with at least `size` bytes. */
char *gf_chain_grow(struct gf_chain *chain, size_t size);

/* gf_chain_reserve - where the next bytes go; at least `size` contiguous bytes. Never NULL: reply
 * sizes are bounded by values that exist, and memory for them is a promise of the memory limit.
 * The caller writes and then commits what it wrote. */
static inline char *gf_chain_reserve(struct gf_chain *chain, size_t size)
{
    if (GF_LIKELY((size_t)(chain->end - chain->cursor) >= size))
        return chain->cursor;
    return gf_chain_grow(chain, size);
}

static inline void gf_chain_commit(struct gf_chain *chain, size_t size)
{
    chain->cursor += size;
}

static inline size_t gf_chain_size(const struct gf_chain *chain)
{
    return chain->last ? chain->sealed_size + (size_t)(chain->cursor - chain->last->data) : 0;
}

static inline bool gf_chain_empty(const struct gf_chain *chain)
{
    return gf_chain_size(chain) == 0;
}

/* gf_chain_append - copy bytes to the end. */
void gf_chain_append(struct gf_chain *chain, struct gf_bytes bytes);

/* gf_chain_splice - move all of `from` to the end of `chain`: small contents are copied, chunks of
 * big ones change hands. `from` is empty afterwards. */
void gf_chain_splice(struct gf_chain *chain, struct gf_chain *from);

/* gf_chain_seal - writes `used` of the last chunk, so that every chunk can be read by its
 * `used`. */
void gf_chain_seal(struct gf_chain *chain);

/* gf_chain_consume - drop the first `size` bytes (1 .. gf_chain_size); chunks used up are freed. */
void gf_chain_consume(struct gf_chain *chain, size_t size);

/* gf_chain_clear - frees everything; usable afterwards. */
void gf_chain_clear(struct gf_chain *chain);

/* gf_chain_check - asserts the invariants; O(chunks). */
void gf_chain_check(const struct gf_chain *chain);
