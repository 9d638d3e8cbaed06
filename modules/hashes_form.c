/* One hash: found, read, changed, in either form. */
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "modules/hashes.h"
#include "modules/lookups.h"

/* A hash that is no "listpack" any more still is one block up to here: most are small, but have a
 * long value. */
#define TABLE_PACKED_COUNT_MAX 64u
#define TABLE_PACKED_SIZE_MAX 4096u

#define PURGE_BUCKETS_MAX 64u /* of a big hash, looked at by one command */

static bool is_dict(const struct gf_hash *hash)
{
    return (gf_object_encoding(hash->object) & GF_HASH_DICT) != 0;
}

struct gf_hash_packed gf_hash_packed_of(const struct gf_object *object)
{
    struct gf_bytes bytes = gf_object_bytes(object);

    return (struct gf_hash_packed){.block = {.data = (char *)bytes.data, .size = bytes.size},
                                   .expiring = gf_object_goes(object)};
}

/* The same, to be changed. */
static struct gf_hash_packed packed_to_change(const struct gf_hash *hash)
{
    return (struct gf_hash_packed){
        .block = gf_block_of(hash->x->keyspace, hash->x->key_hash, hash->object),
        .expiring = gf_object_goes(hash->object)};
}

static void encoding_add(struct gf_hash *hash, uint32_t bits)
{
    uint8_t encoding = gf_object_encoding(hash->object);

    if ((encoding & bits) != bits)
        gf_keyspace_set_encoding(hash->x->keyspace, hash->x->key_hash, hash->object,
                                 (uint8_t)(encoding | bits));
}

/* The object may have moved, and have fields that expire now. */
static void packed_changed(struct gf_hash *hash, const struct gf_hash_packed *packed)
{
    hash->object = packed->block.object;
    if (GF_UNLIKELY(packed->expiring))
        encoding_add(hash, GF_ENCODING_GOES);
}

/* Finding. */

bool gf_hash_find(struct gf_exec *x, struct gf_bytes key, struct gf_hash *ret_hash)
{
    struct gf_object *object = gf_keyspace_find(x->keyspace, x->key_hash, key, x->now_ms);

    gf_exec_looked_up(x, key, object != NULL);
    *ret_hash = (struct gf_hash){.x = x, .key = key, .object = object};
    if (GF_LIKELY(!object || gf_object_type(object) == GF_TYPE_HASH))
        return true;
    gf_reply_error(x->reply, GF_MSG_WRONGTYPE);
    return false;
}

void gf_hash_purge_fields(struct gf_purge *purge)
{
    GF_ASSERT(gf_object_goes(purge->object));
    if ((purge->object->flags & GF_OBJECT_POINTER) != 0) {
        struct gf_dict *dict = gf_hash_dict(purge->object);

        purge->count = gf_dict_purge(dict, purge->now_ms, purge->steps);
        purge->more = dict->first_expire_ms <= purge->now_ms;
    } else {
        struct gf_hash_packed packed = {
            .block = gf_block_of(purge->keyspace, purge->hash, purge->object), .expiring = true};

        purge->count = gf_hash_packed_purge(&packed, purge->now_ms);
        purge->object = packed.block.object;
    }
}

void gf_hash_purge(struct gf_hash *hash)
{
    struct gf_exec *x = hash->x;
    struct gf_purge purge = {.keyspace = x->keyspace,
                             .hash = x->key_hash,
                             .object = hash->object,
                             .now_ms = x->now_ms,
                             .steps = PURGE_BUCKETS_MAX};

    if (GF_LIKELY(!gf_object_goes(hash->object)))
        return;

    gf_hash_purge_fields(&purge);
    hash->object = purge.object;
    if (purge.count == 0)
        return;
    if (x->lookups)
        x->lookups->fields_expired += purge.count;
    gf_exec_event(x, x->db, hash->key, GF_EVENT_HASH, "hexpired");
}

bool gf_hash_find_to_change(struct gf_exec *x, struct gf_bytes key, struct gf_hash *ret_hash)
{
    if (!gf_hash_find(x, key, ret_hash))
        return false;
    if (ret_hash->object)
        gf_hash_purge(ret_hash);
    return true;
}

/* Reading. */

static bool entry_lives(const struct gf_hash *hash, const struct gf_dict_entry *entry)
{
    return GF_LIKELY(entry->expire_ms == 0) || entry->expire_ms > hash->x->now_ms;
}

bool gf_hash_get(const struct gf_hash *hash, struct gf_bytes field, struct gf_dict_entry *ret_entry)
{
    if (!hash->object || field.size > GF_PACKED_SIZE_MAX)
        return false;
    if (is_dict(hash)) {
        if (!gf_dict_find(gf_hash_dict(hash->object), field, ret_entry))
            return false;
    } else {
        struct gf_hash_packed packed = gf_hash_packed_of(hash->object);
        struct gf_packed_draft draft = gf_packed_draft(field);
        size_t offset;

        if (!gf_hash_packed_find(&packed, &draft, &offset))
            return false;
        gf_hash_packed_read(&packed, offset, ret_entry);
    }
    return entry_lives(hash, ret_entry);
}

static uint64_t packed_count(const struct gf_hash *hash)
{
    struct gf_hash_packed packed = gf_hash_packed_of(hash->object);
    struct gf_hash_walk walk;
    struct gf_dict_entry entry;
    uint64_t count = 0;

    if (GF_LIKELY(gf_hash_packed_first_expire(&packed) > hash->x->now_ms))
        return gf_hash_packed_count(&packed);
    gf_hash_walk_init(&walk, hash);
    while (gf_hash_walk_next(&walk, &entry))
        count++;
    return count;
}

uint64_t gf_hash_count(const struct gf_hash *hash)
{
    const struct gf_dict *dict;

    if (!hash->object)
        return 0;
    if (!is_dict(hash))
        return packed_count(hash);
    dict = gf_hash_dict(hash->object);
    return gf_dict_count(dict) - gf_dict_expired_count(dict, hash->x->now_ms);
}

void gf_hash_walk_init(struct gf_hash_walk *walk, const struct gf_hash *hash)
{
    walk->now_ms = hash->x->now_ms;
    walk->is_dict = is_dict(hash);
    if (walk->is_dict) {
        gf_dict_walk_init(&walk->dict, gf_hash_dict(hash->object));
    } else {
        walk->packed = gf_hash_packed_of(hash->object);
        walk->offset = gf_hash_packed_head_size(walk->packed.expiring);
    }
}

bool gf_hash_walk_next(struct gf_hash_walk *walk, struct gf_dict_entry *ret_entry)
{
    do {
        if (walk->is_dict) {
            if (!gf_dict_walk_next(&walk->dict, ret_entry))
                return false;
        } else {
            if (walk->offset == walk->packed.block.size)
                return false;
            walk->offset = gf_hash_packed_read(&walk->packed, walk->offset, ret_entry);
        }
    } while (GF_UNLIKELY(ret_entry->expire_ms != 0) && ret_entry->expire_ms <= walk->now_ms);
    return true;
}

/* From the small form to the big one. */

static bool dict_fill(struct gf_dict *dict, const struct gf_hash_packed *packed)
{
    size_t offset = gf_hash_packed_head_size(packed->expiring);

    while (offset < packed->block.size) {
        struct gf_dict_entry entry;
        char field_text[GF_PACKED_TEXT_MAX];
        char value_text[GF_PACKED_TEXT_MAX];
        struct gf_dict_draft draft;

        offset = gf_hash_packed_read(packed, offset, &entry);
        draft = (struct gf_dict_draft){.value = gf_packed_text(&entry.value, value_text),
                                       .expire_ms = entry.expire_ms};
        if (gf_dict_put(dict, gf_packed_text(&entry.key, field_text), &draft, NULL) ==
            GF_DICT_NO_MEMORY)
            return false;
    }
    return true;
}

/* False when there is no memory; the hash is as it was then. */
static bool hash_make_dict(struct gf_hash *hash)
{
    struct gf_exec *x = hash->x;
    struct gf_hash_packed packed = gf_hash_packed_of(hash->object);
    struct gf_dict *dict = gf_alloc(GF_MEMORY_DATA, sizeof(*dict));
    struct gf_value value = {.type = GF_TYPE_HASH,
                             .encoding = gf_object_encoding(hash->object) | GF_HASH_DICT,
                             .pointer = dict};
    struct gf_object *object = NULL;

    gf_dict_init(dict, GF_DICT_BYTES, gf_keyspace_context_of(x->keyspace)->hash_seed);
    if (dict_fill(dict, &packed))
        object =
            gf_keyspace_put(x->keyspace, x->key_hash, hash->key, &value, GF_KEEP_EXPIRE, x->now_ms);
    if (!object) {
        gf_hash_type.free(dict);
        return false;
    }
    hash->object = object;
    return true;
}

/* Changing. */

/* An empty one under the key. */
static bool hash_create(struct gf_hash *hash)
{
    struct gf_exec *x = hash->x;
    uint16_t count = 0;
    struct gf_value value = {
        .type = GF_TYPE_HASH,
        .bytes = {.data = (const char *)&count, .size = sizeof(count)},
    };

    hash->object = gf_keyspace_put(x->keyspace, x->key_hash, hash->key, &value, 0, x->now_ms);
    return hash->object != NULL;
}

/* Does a packed hash stay one with so much more? */
static bool stays_packed(const struct gf_hash *hash, size_t more_size)
{
    struct gf_hash_packed packed = gf_hash_packed_of(hash->object);
    size_t size = packed.block.size + more_size;
    uint32_t count = gf_hash_packed_count(&packed);

    if ((gf_object_encoding(hash->object) & GF_HASH_TABLE) != 0)
        return count < TABLE_PACKED_COUNT_MAX && size <= TABLE_PACKED_SIZE_MAX;
    return count < GF_HASH_PACKED_COUNT_MAX && size <= GF_HASH_PACKED_SIZE_MAX;
}

/* Redis's names: beyond a limit it is a "hashtable", from then on. */

static void name_by_value(struct gf_hash *hash, struct gf_bytes field, struct gf_bytes value)
{
    uint64_t max = hash->x->limits->hash_max_listpack_value;

    if (field.size > max || value.size > max)
        encoding_add(hash, GF_HASH_TABLE);
}

static void name_by_count(struct gf_hash *hash, uint64_t count)
{
    if (count > hash->x->limits->hash_max_listpack_entries)
        encoding_add(hash, GF_HASH_TABLE);
}

static enum gf_dict_put_result packed_put(struct gf_hash *hash, struct gf_bytes field,
                                          const struct gf_dict_draft *draft)
{
    struct gf_hash_packed packed = packed_to_change(hash);
    struct gf_packed_draft field_draft = gf_packed_draft(field);
    struct gf_packed_draft value = gf_packed_draft(draft->value);
    bool found;
    bool done;
    size_t offset;

    if (draft->expire_ms != 0 && !packed.expiring && !gf_hash_packed_make_expiring(&packed))
        return GF_DICT_NO_MEMORY;
    found = gf_hash_packed_find(&packed, &field_draft, &offset);
    done = found ? gf_hash_packed_change(&packed, offset, &value, draft->expire_ms)
                 : gf_hash_packed_append(&packed, &field_draft, &value, draft->expire_ms);
    packed_changed(hash, &packed);
    if (!done)
        return GF_DICT_NO_MEMORY;
    name_by_count(hash, gf_hash_packed_count(&packed));
    return found ? GF_DICT_CHANGED : GF_DICT_ADDED;
}

static enum gf_dict_put_result dict_put(struct gf_hash *hash, struct gf_bytes field,
                                        const struct gf_dict_draft *draft)
{
    struct gf_dict *dict = gf_hash_dict(hash->object);
    struct gf_dict_entry entry;
    bool revives = GF_UNLIKELY(dict->first_expire_ms <= hash->x->now_ms) &&
                   gf_dict_find(dict, field, &entry) && !entry_lives(hash, &entry);
    enum gf_dict_put_result result = gf_dict_put(dict, field, draft, NULL);

    if (result == GF_DICT_NO_MEMORY)
        return result;
    if (draft->expire_ms != 0)
        encoding_add(hash, GF_ENCODING_GOES);
    name_by_count(hash, gf_dict_count(dict));
    return revives ? GF_DICT_ADDED : result;
}

enum gf_dict_put_result gf_hash_put(struct gf_hash *hash, struct gf_bytes field,
                                    const struct gf_dict_draft *draft)
{
    if (field.size > GF_PACKED_SIZE_MAX || draft->value.size > GF_PACKED_SIZE_MAX)
        return GF_DICT_NO_MEMORY;
    if (!hash->object && !hash_create(hash))
        return GF_DICT_NO_MEMORY;
    name_by_value(hash, field, draft->value);
    if (is_dict(hash))
        return dict_put(hash, field, draft);
    if (GF_LIKELY(stays_packed(hash, field.size + draft->value.size)))
        return packed_put(hash, field, draft);
    if (!hash_make_dict(hash))
        return GF_DICT_NO_MEMORY;
    return dict_put(hash, field, draft);
}

static bool packed_set_expire(struct gf_hash *hash, struct gf_bytes field, uint64_t expire_ms)
{
    struct gf_hash_packed packed = packed_to_change(hash);
    struct gf_packed_draft draft = gf_packed_draft(field);
    bool found;
    bool done;
    size_t offset;

    if (!packed.expiring && expire_ms == 0)
        return true;
    if (!packed.expiring && !gf_hash_packed_make_expiring(&packed))
        return false;
    found = gf_hash_packed_find(&packed, &draft, &offset);
    GF_ASSERT(found);
    done = gf_hash_packed_set_expire(&packed, offset, expire_ms);
    packed_changed(hash, &packed);
    return done;
}

bool gf_hash_set_expire(struct gf_hash *hash, struct gf_bytes field, uint64_t expire_ms)
{
    if (!is_dict(hash))
        return packed_set_expire(hash, field, expire_ms);
    if (!gf_dict_set_expire(gf_hash_dict(hash->object), field, expire_ms))
        return false;
    if (expire_ms != 0)
        encoding_add(hash, GF_ENCODING_GOES);
    return true;
}

bool gf_hash_remove(struct gf_hash *hash, struct gf_bytes field)
{
    struct gf_dict_entry entry;

    if (!gf_hash_get(hash, field, &entry))
        return false;
    if (is_dict(hash)) {
        gf_dict_remove(gf_hash_dict(hash->object), field);
    } else {
        struct gf_hash_packed packed = packed_to_change(hash);
        struct gf_packed_draft draft = gf_packed_draft(field);
        size_t offset;

        gf_hash_packed_find(&packed, &draft, &offset);
        gf_hash_packed_remove(&packed, offset);
        packed_changed(hash, &packed);
    }
    return true;
}

static bool hash_is_empty(const struct gf_hash *hash)
{
    if (is_dict(hash) && gf_dict_count(gf_hash_dict(hash->object)) == 0)
        return true;
    if (!is_dict(hash)) {
        struct gf_hash_packed packed = gf_hash_packed_of(hash->object);

        if (gf_hash_packed_count(&packed) == 0)
            return true;
    }
    return gf_object_goes(hash->object) && gf_hash_gone(hash->object, hash->x->now_ms);
}

void gf_hash_changed(struct gf_hash *hash, const char *event)
{
    struct gf_exec *x = hash->x;

    if (!hash->object || !hash_is_empty(hash)) {
        gf_exec_changed(x, x->db, hash->key, GF_EVENT_HASH, event);
        return;
    }
    gf_keyspace_remove(x->keyspace, x->key_hash, hash->object);
    hash->object = NULL;
    gf_exec_changed(x, x->db, hash->key, GF_EVENT_HASH, event);
    gf_exec_event(x, x->db, hash->key, GF_EVENT_GENERIC, "del");
}
