/* Blocks cut into objects, and the list of those that are free. */
#include "core/pool.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#include "core/assert.h"
#include "core/core.h"

#define BLOCK_SIZE 32768  /* what a block should hold in objects, bytes */
#define BLOCK_COUNT_MIN 8 /* objects in a block, however large they are */
#define OBJECT_SIZE_MAX (1u << 20)

/* Lies in the first bytes of a free object. */
struct gf_pool_free {
    struct gf_pool_free *next;
};

/* One alignment's worth of bytes in front of the first object. */
struct gf_pool_block {
    struct gf_pool_block *next;
    uint32_t count; /* objects in it */
};

_Static_assert(sizeof(struct gf_pool_block) <= 16, "the header must fit in front of an object");

static size_t size_align(size_t size, size_t alignment)
{
    return (size + alignment - 1) & ~(alignment - 1);
}

void gf_pool_init(struct gf_pool *pool, uint16_t home, const struct gf_pool_options *options)
{
    size_t alignment = options->alignment ? options->alignment : 16;
    size_t tag_offset = size_align(options->object_size, sizeof(struct gf_pool *));

    GF_ASSERT(options->object_size > 0);
    GF_ASSERT(options->object_size <= OBJECT_SIZE_MAX);
    GF_ASSERT((alignment & (alignment - 1)) == 0);
    GF_ASSERT(alignment >= 16);
    GF_ASSERT(alignment <= GF_CACHE_LINE);

    *pool = (struct gf_pool){
        .home = home,
        .kind = options->kind,
        .tag_offset = (uint32_t)tag_offset,
        .stride = (uint32_t)size_align(tag_offset + sizeof(struct gf_pool *), alignment),
        .alignment = (uint32_t)alignment,
        .count_max = options->count_max ? options->count_max : UINT32_MAX,
    };
}

void gf_pool_deinit(struct gf_pool *pool)
{
    GF_ASSERT(pool->count_in_use == 0);

    while (pool->blocks) {
        struct gf_pool_block *block = pool->blocks;

        pool->blocks = block->next;
        ASAN_UNPOISON_MEMORY_REGION(block, pool->alignment + (size_t)block->count * pool->stride);
        gf_free(pool->kind, block);
    }
    *pool = (struct gf_pool){0};
}

static struct gf_pool **object_tag(const struct gf_pool *pool, void *object)
{
    return (struct gf_pool **)(void *)((char *)object + pool->tag_offset);
}

static void pool_push_free(struct gf_pool *pool, void *object)
{
    struct gf_pool_free *freed = object;

    *object_tag(pool, object) = NULL;
    freed->next = pool->free;
    pool->free = freed;
    ASAN_POISON_MEMORY_REGION(object, pool->tag_offset);
}

/* Another block; its first object is acquired first. */
static void pool_add_block(struct gf_pool *pool)
{
    uint32_t count = BLOCK_SIZE / pool->stride;
    struct gf_pool_block *block;

    if (count < BLOCK_COUNT_MIN)
        count = BLOCK_COUNT_MIN;
    if (count > pool->count_max - pool->count_made)
        count = pool->count_max - pool->count_made;
    GF_ASSERT(count > 0);

    block = gf_alloc_aligned(pool->kind, pool->alignment + (size_t)count * pool->stride,
                             pool->alignment);
    block->next = pool->blocks;
    block->count = count;
    pool->blocks = block;
    pool->count_made += count;
    for (uint32_t i = count; i > 0; i--)
        pool_push_free(pool, (char *)block + pool->alignment + (size_t)(i - 1) * pool->stride);
}

void *gf_pool_acquire(struct gf_pool *pool)
{
    void *object;

    gf_core_assert_here(pool->home);
    if (!pool->free) {
        if (pool->count_in_use == pool->count_max)
            return NULL;
        pool_add_block(pool);
    }

    object = pool->free;
    GF_ASSERT(*object_tag(pool, object) == NULL);
    ASAN_UNPOISON_MEMORY_REGION(object, pool->tag_offset);
    pool->free = pool->free->next;
    *object_tag(pool, object) = pool;
    pool->count_in_use++;
    return object;
}

void gf_pool_release(struct gf_pool *pool, void *object)
{
    gf_core_assert_here(pool->home);
    GF_ASSERT(*object_tag(pool, object) == pool);

    pool_push_free(pool, object);
    pool->count_in_use--;
}

void gf_pool_check(const struct gf_pool *pool)
{
    uint32_t count_blocks = 0;
    uint32_t count_tagged = 0;

    for (struct gf_pool_block *block = pool->blocks; block; block = block->next) {
        count_blocks += block->count;
        for (uint32_t i = 0; i < block->count; i++) {
            char *object = (char *)block + pool->alignment + (size_t)i * pool->stride;

            if (*object_tag(pool, object) == pool)
                count_tagged++;
            else
                GF_ASSERT(*object_tag(pool, object) == NULL);
        }
    }
    GF_ASSERT(count_blocks == pool->count_made);
    GF_ASSERT(count_tagged == pool->count_in_use);
    GF_ASSERT(pool->count_in_use <= pool->count_max);
    GF_ASSERT((pool->free != NULL) == (pool->count_in_use < pool->count_made));
}
