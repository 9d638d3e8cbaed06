/* Building objects: which parts one has, where its value goes, and when it can be reused. */
#include "modules/object.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/slab.h"

#define LARGE_MIN 1024u /* bytes; of larger blocks less is wasted */

/* The parts of an object in the making. */
struct shape {
    size_t value_offset; /* bytes before the value */
    size_t value_size;   /* bytes of the value inside the object */
    uint32_t flags;      /* enum gf_object_flag */
};

static struct shape draft_shape(const struct gf_object_draft *draft)
{
    struct shape shape = {.value_offset = sizeof(struct gf_object) + draft->key.size};

    if (draft->expire_ms != 0) {
        shape.value_offset += sizeof(uint64_t);
        shape.flags |= GF_OBJECT_EXPIRE;
    }
    if (draft->key.size >= GF_OBJECT_KEY_ESCAPE)
        shape.value_offset += sizeof(uint32_t);
    if (draft->pointer) {
        shape.value_size = sizeof(void *);
        shape.flags |= GF_OBJECT_POINTER;
    } else if (shape.value_offset + draft->bytes.size <= GF_SLAB_SIZE_MAX) {
        shape.value_size = draft->bytes.size;
    } else {
        shape.value_size = sizeof(struct gf_object_block);
        shape.flags |= GF_OBJECT_BLOCK;
    }
    if (shape.value_offset + shape.value_size > GF_SLAB_SIZE_MAX)
        shape.flags |= GF_OBJECT_LARGE;
    return shape;
}

static void bytes_write(char *place, struct gf_bytes bytes)
{
    if (bytes.data)
        memcpy(place, bytes.data, bytes.size);
    else
        memset(place, 0, bytes.size);
}

/* Write everything but the access time and the bytes of a block. The key may be the object's
 * own. */
static void object_write(struct gf_object *object, const struct gf_object_draft *draft,
                         const struct shape *shape)
{
    char *part = (char *)(object + 1);
    uint32_t key_size = (uint32_t)draft->key.size;

    if (shape->flags & GF_OBJECT_EXPIRE)
        part += sizeof(uint64_t);
    if (key_size >= GF_OBJECT_KEY_ESCAPE)
        part += sizeof(uint32_t);
    if (part != draft->key.data && key_size > 0)
        memmove(part, draft->key.data, key_size);
    if (shape->flags & GF_OBJECT_EXPIRE)
        memcpy(object + 1, &draft->expire_ms, sizeof(draft->expire_ms));
    if (key_size >= GF_OBJECT_KEY_ESCAPE)
        memcpy(part - sizeof(uint32_t), &key_size, sizeof(key_size));

    object->type = draft->type & 15u;
    object->encoding = draft->encoding & 15u;
    object->key_size = key_size >= GF_OBJECT_KEY_ESCAPE ? GF_OBJECT_KEY_ESCAPE : (uint8_t)key_size;
    object->value_size = (uint16_t)shape->value_size;
    object->flags = shape->flags & 15u;
}

struct gf_object *gf_object_create(struct gf_slab *slab, const struct gf_object_draft *draft)
{
    struct shape shape = draft_shape(draft);
    size_t size = shape.value_offset + shape.value_size;
    struct gf_object_block block = {.size = draft->bytes.size};
    struct gf_object *object;

    GF_ASSERT(draft->key.size <= UINT32_MAX);
    if (shape.flags & GF_OBJECT_BLOCK) {
        block.data = gf_alloc_try(GF_MEMORY_DATA, block.size + draft->size_slack);
        if (!block.data)
            return NULL;
    } else if (size + draft->size_slack <= GF_SLAB_SIZE_MAX) {
        size += draft->size_slack;
    }
    object = shape.flags & GF_OBJECT_LARGE ? gf_alloc_try(GF_MEMORY_DATA, size)
                                           : gf_slab_alloc(slab, size);
    if (!object) {
        gf_free(GF_MEMORY_DATA, block.data);
        return NULL;
    }

    object->access = 0;
    object_write(object, draft, &shape);
    if (shape.flags & GF_OBJECT_BLOCK) {
        bytes_write(block.data, draft->bytes);
        memcpy((char *)object + shape.value_offset, &block, sizeof(block));
    } else if (shape.flags & GF_OBJECT_POINTER) {
        memcpy((char *)object + shape.value_offset, &draft->pointer, sizeof(draft->pointer));
    } else {
        bytes_write((char *)object + shape.value_offset, draft->bytes);
    }
    return object;
}

void gf_object_destroy(struct gf_slab *slab, struct gf_object *object)
{
    if (object->flags & GF_OBJECT_BLOCK)
        gf_free(GF_MEMORY_DATA, gf_object_block(object).data);
    if (object->flags & GF_OBJECT_LARGE)
        gf_free(GF_MEMORY_DATA, object);
    else
        gf_slab_free(slab, object);
}

/* A block of `capacity` bytes may go on holding `size`: it fits, and not half of it (of a large one
 * a quarter) is wasted. */
static bool capacity_suits(size_t capacity, size_t size)
{
    size_t waste_max = capacity > LARGE_MIN ? capacity / 4 : capacity / 2;

    return size <= capacity && (capacity <= 64 || capacity - size < waste_max);
}

/* Is `size` sure to suit the object's block? Answered from the header alone where it can be. */
static bool object_suits(const struct gf_object *object, size_t size)
{
    if (!(object->flags & GF_OBJECT_LARGE) && size <= GF_SLAB_SIZE_MAX &&
        gf_slab_size(size) == gf_slab_size(gf_object_size(object)))
        return true;
    return capacity_suits(gf_object_block_size(object), size);
}

/* A long value for an object that has a block already. */
static bool object_overwrite_block(struct gf_object *object, const struct gf_object_draft *draft,
                                   const struct shape *shape)
{
    struct gf_object_block block = gf_object_block(object);

    if (!capacity_suits(gf_alloc_size(block.data), draft->bytes.size))
        return false;
    block.size = draft->bytes.size;
    object_write(object, draft, shape);
    bytes_write(block.data, draft->bytes);
    memcpy((char *)object + shape->value_offset, &block, sizeof(block));
    return true;
}

bool gf_object_overwrite(struct gf_object *object, const struct gf_object_draft *draft)
{
    struct shape shape = draft_shape(draft);
    const uint32_t kinds = GF_OBJECT_BLOCK | GF_OBJECT_POINTER | GF_OBJECT_LARGE;

    if ((shape.flags & kinds) != (object->flags & kinds))
        return false;
    if (shape.flags & GF_OBJECT_POINTER)
        return false; /* the old structure must be freed first; rare */
    if (!object_suits(object, shape.value_offset + shape.value_size))
        return false;
    if (shape.flags & GF_OBJECT_BLOCK)
        return object_overwrite_block(object, draft, &shape);
    object_write(object, draft, &shape);
    bytes_write((char *)object + shape.value_offset, draft->bytes);
    return true;
}

/* Write `from` with another expiry to `object`, which may be `from` itself. */
static void object_write_expire(struct gf_object *object, const struct gf_object *from,
                                uint64_t expire_ms)
{
    struct gf_object header = *from;
    bool had = header.flags & GF_OBJECT_EXPIRE;
    const char *rest = (const char *)(from + 1) + (had ? sizeof(expire_ms) : 0);
    size_t rest_size = (size_t)((const char *)from + gf_object_size(from) - rest);
    char *place = (char *)(object + 1) + (expire_ms ? sizeof(expire_ms) : 0);

    memmove(place, rest, rest_size);
    if (expire_ms)
        memcpy(object + 1, &expire_ms, sizeof(expire_ms));
    header.flags = (header.flags & ~(uint32_t)GF_OBJECT_EXPIRE) & 15u;
    if (expire_ms)
        header.flags |= GF_OBJECT_EXPIRE;
    *object = header;
}

struct gf_object *gf_object_with_expire(struct gf_slab *slab, struct gf_object *object,
                                        uint64_t expire_ms)
{
    size_t size = gf_object_size(object);
    struct gf_object *moved;

    if (object->flags & GF_OBJECT_EXPIRE)
        size -= sizeof(expire_ms);
    if (expire_ms)
        size += sizeof(expire_ms);
    if (object_suits(object, size)) {
        object_write_expire(object, object, expire_ms);
        return object;
    }
    /* At most eight bytes beyond a slab's blocks: such an object becomes a large one. */
    moved = size > GF_SLAB_SIZE_MAX ? gf_alloc(GF_MEMORY_DATA, size) : gf_slab_alloc(slab, size);
    GF_ASSERT(moved != NULL);
    object_write_expire(moved, object, expire_ms);
    moved->flags &= ~(uint32_t)GF_OBJECT_LARGE & 15u;
    if (size > GF_SLAB_SIZE_MAX)
        moved->flags |= GF_OBJECT_LARGE;
    gf_object_forget_block(object);
    gf_object_destroy(slab, object);
    return moved;
}

void gf_object_forget_block(struct gf_object *object)
{
    object->flags &= ~(uint32_t)GF_OBJECT_BLOCK & 15u;
}

size_t gf_object_block_size(const struct gf_object *object)
{
    return object->flags & GF_OBJECT_LARGE ? gf_alloc_size(object) : gf_slab_block_size(object);
}

size_t gf_object_memory(const struct gf_object *object)
{
    size_t size = gf_object_block_size(object);

    if (object->flags & GF_OBJECT_BLOCK)
        size += gf_alloc_size(gf_object_block(object).data);
    return size;
}
