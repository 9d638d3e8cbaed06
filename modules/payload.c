/* One value on its own: type, value, version, checksum. */
#include "modules/payload.h"

#include <string.h>

#include "core/assert.h"
#include "core/hash.h"
#include "modules/dump.h"
#include "modules/object.h"

#define PAGE_SIZE 4096

static void integer_write(char *place, uint64_t value, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        place[i] = (char)(value >> (8 * i));
}

static uint64_t integer_read(const char *place, uint32_t size)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < size; i++)
        value |= (uint64_t)(uint8_t)place[i] << (8 * i);
    return value;
}

/* The checksum of bytes that come in pieces: each full page is hashed under the hash of the page
 * before it, so that how the bytes were cut does not matter. */
struct checksum {
    uint64_t hash;
    size_t used;
    char page[PAGE_SIZE]; /* the begun one */
};

static void checksum_init(struct checksum *checksum)
{
    checksum->hash = 0;
    checksum->used = 0;
}

static void checksum_add(struct checksum *checksum, struct gf_bytes bytes)
{
    while (bytes.size > 0) {
        size_t part = PAGE_SIZE - checksum->used;

        if (part > bytes.size)
            part = bytes.size;
        memcpy(checksum->page + checksum->used, bytes.data, part);
        checksum->used += part;
        bytes.data += part;
        bytes.size -= part;
        if (checksum->used < PAGE_SIZE)
            continue;
        checksum->hash = gf_hash64(checksum->page, PAGE_SIZE, checksum->hash);
        checksum->used = 0;
    }
}

static uint64_t checksum_value(const struct checksum *checksum)
{
    return gf_hash64(checksum->page, checksum->used, checksum->hash);
}

void gf_payload_seal(struct gf_chain *chain)
{
    char footer[GF_PAYLOAD_FOOTER_SIZE];
    struct checksum checksum;

    integer_write(footer, GF_PAYLOAD_VERSION, 2);
    gf_chain_append(chain, (struct gf_bytes){.data = footer, .size = 2});
    gf_chain_seal(chain);
    checksum_init(&checksum);
    for (const struct gf_chunk *chunk = chain->first; chunk != NULL; chunk = chunk->next)
        checksum_add(&checksum, (struct gf_bytes){.data = chunk->data, .size = chunk->used});
    integer_write(footer + 2, checksum_value(&checksum), 8);
    gf_chain_append(chain, (struct gf_bytes){.data = footer + 2, .size = 8});
}

void gf_payload_save(const struct gf_type *type, const struct gf_object *object,
                     struct gf_chain *chain)
{
    struct gf_saver saver = {.chain = chain};
    char id = (char)type->id;

    GF_ASSERT(gf_chain_empty(chain));
    gf_chain_append(chain, (struct gf_bytes){.data = &id, .size = 1});
    if (type->id >= GF_TYPE_PLUGIN_FIRST)
        gf_save_bytes(&saver, gf_bytes_of(type->name));
    type->save(object, &saver);
    gf_payload_seal(chain);
}

static bool payload_is_whole(struct gf_bytes payload)
{
    struct checksum checksum;
    const char *footer;

    if (payload.size <= GF_PAYLOAD_FOOTER_SIZE)
        return false;
    footer = payload.data + payload.size - GF_PAYLOAD_FOOTER_SIZE;
    if (integer_read(footer, 2) != GF_PAYLOAD_VERSION)
        return false;
    checksum_init(&checksum);
    checksum_add(&checksum, (struct gf_bytes){.data = payload.data, .size = payload.size - 8});
    return integer_read(footer + 2, 8) == checksum_value(&checksum);
}

/* The type whose value follows; NULL when nobody here knows it. */
static const struct gf_type *type_load(const struct gf_keyspace_context *context,
                                       struct gf_loader *loader)
{
    uint8_t id = (uint8_t)*loader->at++;

    const struct gf_type *type;

    if (id >= GF_TYPES_MAX)
        return NULL;
    /* Another core may be loading a module. */
    type = __atomic_load_n(&context->types[id], __ATOMIC_ACQUIRE);
    if (type != NULL && id >= GF_TYPE_PLUGIN_FIRST &&
        !gf_bytes_equal(gf_load_bytes(loader), gf_bytes_of(type->name)))
        return NULL;
    return type;
}

enum gf_payload_result gf_payload_load(const struct gf_keyspace_context *context,
                                       struct gf_bytes payload, struct gf_value *ret_value)
{
    struct gf_loader loader = {.at = payload.data, .hash_seed = context->hash_seed};
    struct gf_value value = {0};
    const struct gf_type *type;

    if (!payload_is_whole(payload))
        return GF_PAYLOAD_DAMAGED;
    loader.end = payload.data + payload.size - GF_PAYLOAD_FOOTER_SIZE;
    type = type_load(context, &loader);
    if (type == NULL || !type->load(&loader, &value))
        return GF_PAYLOAD_ODD;
    if (gf_loader_left(&loader) > 0 || !gf_loader_ok(&loader)) {
        gf_value_deinit(&value, context);
        return GF_PAYLOAD_ODD;
    }
    GF_ASSERT(value.type == type->id);
    *ret_value = value;
    return GF_PAYLOAD_OK;
}
