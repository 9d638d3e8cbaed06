/* Growing one block (gf_buf) and a list of them (gf_chain).
 *
 * A chain's chunks are full but for the last, except where a chunk too small for a reservation was
 * left behind. No chunk but the last is ever empty, so a sender needs no check for empty parts.
 */
#include "core/buf.h"

#include "core/alloc.h"
#include "core/error.h"

#define BUF_CAPACITY_MIN 512          /* one usual request */
#define BUF_DOUBLING_LIMIT (1u << 20) /* above it a buffer grows by a half, not by a whole */
#define SPLICE_COPY_MAX 4096          /* bytes; copying less is cheaper than a half-empty chunk */
#define CHUNK_CAPACITY (GF_CHUNK_SIZE - sizeof(struct gf_chunk))
/* Behind a chunk inside something bigger: it was a little too small, and there are thousands. */
#define CHUNK_CAPACITY_FIRST (1024 - sizeof(struct gf_chunk))
#define CHUNK_CAPACITY_MAX (1u << 30) /* longer contents are appended in several chunks */

int gf_buf_reserve(struct gf_buf *buf, size_t size)
{
    size_t needed;
    size_t grown;
    char *data;

    if (GF_LIKELY(buf->capacity - buf->size >= size))
        return GF_OK;
    if (__builtin_add_overflow(buf->size, size, &needed))
        return GF_ENOMEM;

    grown =
        buf->capacity + (buf->capacity < BUF_DOUBLING_LIMIT ? buf->capacity : buf->capacity / 2);
    if (grown < BUF_CAPACITY_MIN)
        grown = BUF_CAPACITY_MIN;
    if (grown < needed)
        grown = needed;
    data = gf_realloc_try(GF_MEMORY_BUFFERS, buf->data, grown);
    if (!data)
        return GF_ENOMEM;
    buf->data = data;
    buf->capacity = grown;
    return GF_OK;
}

int gf_buf_append(struct gf_buf *buf, struct gf_bytes bytes)
{
    int error = gf_buf_reserve(buf, bytes.size);
    if (error != GF_OK)
        return error;

    if (bytes.size)
        memcpy(buf->data + buf->size, bytes.data, bytes.size);
    buf->size += bytes.size;
    return GF_OK;
}

void gf_buf_add(struct gf_buf *buf, struct gf_bytes bytes)
{
    int error = gf_buf_append(buf, bytes);

    GF_ASSERT(error == GF_OK);
}

void gf_buf_consume(struct gf_buf *buf, size_t size)
{
    GF_ASSERT(size <= buf->size);

    buf->size -= size;
    if (buf->size && size)
        memmove(buf->data, buf->data + size, buf->size);
}

void gf_buf_deinit(struct gf_buf *buf)
{
    gf_free(GF_MEMORY_BUFFERS, buf->data);
    *buf = (struct gf_buf){0};
}

static void chunk_free(struct gf_chunk *chunk)
{
    if (!chunk->borrowed)
        gf_free(GF_MEMORY_BUFFERS, chunk);
}

/* Forget an empty last chunk. */
static void chain_drop_last(struct gf_chain *chain)
{
    struct gf_chunk *dropped = chain->last;
    struct gf_chunk *previous = chain->first;

    GF_ASSERT(chain->cursor == dropped->data);
    if (previous == dropped) {
        *chain = (struct gf_chain){0};
    } else {
        while (previous->next != dropped)
            previous = previous->next;
        previous->next = NULL;
        chain->last = previous;
        chain->cursor = previous->data + previous->used;
        chain->end = previous->data + previous->capacity;
        chain->sealed_size -= previous->used;
    }
    chunk_free(dropped);
}

void gf_chain_seal(struct gf_chain *chain)
{
    if (chain->last)
        chain->last->used = (uint32_t)(chain->cursor - chain->last->data);
}

/* A new last chunk of that capacity behind whatever there is. */
static void chain_add_chunk(struct gf_chain *chain, size_t capacity)
{
    struct gf_chunk *chunk = gf_alloc(GF_MEMORY_BUFFERS, sizeof(*chunk) + capacity);

    chunk->next = NULL;
    chunk->used = 0;
    chunk->borrowed = false;
    chunk->capacity = (uint32_t)capacity;
    if (chain->last) {
        gf_chain_seal(chain);
        chain->sealed_size += chain->last->used;
        chain->last->next = chunk;
    } else {
        chain->first = chunk;
    }
    chain->last = chunk;
    chain->cursor = chunk->data;
    chain->end = chunk->data + capacity;
}

char *gf_chain_grow(struct gf_chain *chain, size_t size)
{
    bool first = chain->last && chain->last->borrowed;
    size_t least = first ? CHUNK_CAPACITY_FIRST : CHUNK_CAPACITY;
    size_t capacity = size < least ? least : size;

    GF_ASSERT(size <= UINT32_MAX);
    if (chain->last && chain->cursor == chain->last->data)
        chain_drop_last(chain);
    chain_add_chunk(chain, capacity);
    return chain->cursor;
}

void gf_chain_append(struct gf_chain *chain, struct gf_bytes bytes)
{
    while (bytes.size) {
        size_t room = (size_t)(chain->end - chain->cursor);
        size_t part = bytes.size < room ? bytes.size : room;

        if (part) {
            memcpy(chain->cursor, bytes.data, part);
            chain->cursor += part;
            bytes.data += part;
            bytes.size -= part;
        }
        if (bytes.size)
            (void)gf_chain_grow(chain,
                                bytes.size < CHUNK_CAPACITY_MAX ? bytes.size : CHUNK_CAPACITY_MAX);
    }
}

void gf_chain_splice(struct gf_chain *chain, struct gf_chain *from)
{
    GF_ASSERT(chain != from);

    gf_chain_seal(from);
    if (gf_chain_empty(from)) {
        gf_chain_clear(from);
        return;
    }
    if (chain->last && gf_chain_size(from) <= SPLICE_COPY_MAX) {
        for (struct gf_chunk *chunk = from->first; chunk; chunk = chunk->next)
            gf_chain_append(chain, (struct gf_bytes){.data = chunk->data, .size = chunk->used});
        gf_chain_clear(from);
        return;
    }
    if (chain->last && chain->cursor == chain->last->data)
        chain_drop_last(chain);
    if (chain->last) {
        gf_chain_seal(chain);
        from->sealed_size += chain->sealed_size + chain->last->used;
        chain->last->next = from->first;
        from->first = chain->first;
    }
    *chain = *from;
    *from = (struct gf_chain){0};
}

/* Free the first chunk of a sealed chain. */
static void chain_drop_first(struct gf_chain *chain)
{
    struct gf_chunk *dropped = chain->first;

    if (dropped == chain->last) {
        *chain = (struct gf_chain){0};
    } else {
        chain->first = dropped->next;
        chain->sealed_size -= dropped->used;
    }
    chunk_free(dropped);
}

void gf_chain_consume(struct gf_chain *chain, size_t size)
{
    struct gf_chunk *first;

    GF_ASSERT(size > 0);
    GF_ASSERT(size <= gf_chain_size(chain));

    gf_chain_seal(chain);
    while (chain->first && size >= chain->first->used) {
        size -= chain->first->used;
        chain_drop_first(chain);
    }
    if (size == 0)
        return;

    /* Part of a chunk: rare, drivers send whole ones. */
    first = chain->first;
    first->used -= (uint32_t)size;
    memmove(first->data, first->data + size, first->used);
    if (first == chain->last)
        chain->cursor -= size;
    else
        chain->sealed_size -= size;
}

void gf_chain_clear(struct gf_chain *chain)
{
    struct gf_chunk *chunk = chain->first;

    while (chunk) {
        struct gf_chunk *next = chunk->next;

        chunk_free(chunk);
        chunk = next;
    }
    *chain = (struct gf_chain){0};
}

void gf_chain_check(const struct gf_chain *chain)
{
    size_t sealed_size = 0;

    GF_ASSERT((chain->first == NULL) == (chain->last == NULL));
    if (!chain->last) {
        GF_ASSERT(chain->cursor == NULL);
        GF_ASSERT(chain->end == NULL);
        GF_ASSERT(chain->sealed_size == 0);
        return;
    }
    for (struct gf_chunk *chunk = chain->first; chunk != chain->last; chunk = chunk->next) {
        GF_ASSERT(chunk->used > 0);
        GF_ASSERT(chunk->used <= chunk->capacity);
        sealed_size += chunk->used;
    }
    GF_ASSERT(chain->sealed_size == sealed_size);
    GF_ASSERT(chain->last->next == NULL);
    GF_ASSERT(chain->cursor >= chain->last->data);
    GF_ASSERT(chain->cursor <= chain->end);
    GF_ASSERT(chain->end == chain->last->data + chain->last->capacity);
}
