/* Making room in the middle of bytes, and closing it. */
#include "modules/block.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/keyspace.h"

struct gf_block gf_block_of(struct gf_keyspace *keyspace, uint64_t hash, struct gf_object *object)
{
    struct gf_bytes bytes = gf_object_bytes(object);

    GF_ASSERT(!(object->flags & GF_OBJECT_POINTER));
    return (struct gf_block){.data = (char *)bytes.data,
                             .size = bytes.size,
                             .keyspace = keyspace,
                             .hash = hash,
                             .object = object};
}

/* Another size for the whole block; false when there is no memory. */
static bool block_resize(struct gf_block *block, size_t size)
{
    if (block->keyspace) {
        struct gf_object *object =
            gf_keyspace_resize(block->keyspace, block->hash, block->object, size,
                               gf_object_encoding(block->object), &block->data);

        if (!object)
            return false;
        block->object = object;
    } else if (size > gf_alloc_size(block->data) || size < gf_alloc_size(block->data) / 2) {
        char *data = gf_realloc_try(GF_MEMORY_DATA, block->data, size);

        if (!data)
            return false;
        block->data = data;
    }
    block->size = size;
    return true;
}

char *gf_block_splice(struct gf_block *block, size_t at, size_t old_size, size_t new_size)
{
    size_t behind = block->size - at - old_size;
    size_t size = block->size - old_size + new_size;

    GF_ASSERT(at <= block->size);
    GF_ASSERT(old_size <= block->size - at);
    if (new_size > old_size) {
        if (!block_resize(block, size))
            return NULL;
        memmove(block->data + at + new_size, block->data + at + old_size, behind);
    } else if (new_size < old_size) {
        bool resized;

        memmove(block->data + at + new_size, block->data + at + old_size, behind);
        resized = block_resize(block, size);
        GF_ASSERT(resized); /* to less than it has now */
    }
    return block->data + at;
}
