/* Parts of values that go by themselves while the key stays: fields of hashes whose time has come.
 * Commands do not see them any more; here they leave memory.
 *
 * A slice goes on where the last one ended, round the table. Each value gets a small share of it,
 * then it is the next one's turn: a hash with millions of fields to remove does not keep the others
 * waiting, nor the core.
 */
#include "core/assert.h"
#include "modules/keyspace_parts.h"
#include "modules/module.h"

#define PURGE_SHARE 16u /* steps for one value in one slice */
#define PURGE_STEPS 64u /* of a slice; the last value's share may go beyond */

/* A slice in the making. */
struct slice {
    struct gf_keyspace *keyspace;
    uint64_t now_ms;
    uint32_t steps; /* taken so far */
    bool more;      /* some value had more than its share */
};

static void purged_tell(const struct gf_keyspace *keyspace, const struct gf_object *object,
                        uint64_t count, bool gone)
{
    if (keyspace->context->purged)
        keyspace->context->purged(keyspace->context, keyspace, object, count, gone);
}

/* A value that has ended as a whole is freed as one: in slices, when it is a big structure. */
static void gone_remove(struct slice *slice, struct gf_purge *purge)
{
    struct gf_keyspace *keyspace = slice->keyspace;
    const struct gf_type *type = keyspace->context->types[purge->object->type];

    if ((purge->object->flags & GF_OBJECT_POINTER) != 0)
        purge->count = type->length(gf_object_pointer(purge->object));
    else
        type->purge(purge);
    purged_tell(keyspace, purge->object, purge->count, true);
    gf_keyspace_remove(keyspace, purge->hash, purge->object);
    slice->steps++;
}

static void value_purge(struct slice *slice, const struct gf_table_entry *entry)
{
    struct gf_keyspace *keyspace = slice->keyspace;
    const struct gf_type *type = keyspace->context->types[entry->object->type];
    struct gf_purge purge = {.keyspace = keyspace,
                             .hash = entry->hash,
                             .object = entry->object,
                             .now_ms = slice->now_ms,
                             .steps = PURGE_SHARE};

    GF_ASSERT(type->purge != NULL);
    if (gf_keyspace_value_is_gone(keyspace, entry->object, slice->now_ms)) {
        gone_remove(slice, &purge);
        return;
    }
    type->purge(&purge);
    if (purge.count == 0)
        return;
    purged_tell(keyspace, purge.object, purge.count, false);
    slice->steps += purge.more ? PURGE_SHARE : 1;
    slice->more = slice->more || purge.more;
}

/* Objects may move, and removing one may free the bucket: collect first. */
static void bucket_purge(struct slice *slice, struct gf_bucket *bucket)
{
    const struct gf_keyspace *keyspace = slice->keyspace;
    struct gf_table_entry entries[GF_BUCKET_SLOTS];
    uint32_t count = 0;

    for (uint32_t used = gf_bucket_used(bucket); used; used &= used - 1) {
        struct gf_object *object = gf_bucket_object(bucket, (uint32_t)__builtin_ctz(used));

        if (gf_object_goes(object) && !gf_object_is_over(object, slice->now_ms))
            entries[count++] = (struct gf_table_entry){
                .hash = gf_table_hash(&keyspace->table, object), .object = object};
    }
    for (uint32_t i = 0; i < count; i++)
        value_purge(slice, &entries[i]);
}

bool gf_keyspace_purge_slice(struct gf_keyspace *keyspace, uint32_t budget, uint64_t now_ms)
{
    struct slice slice = {.keyspace = keyspace, .now_ms = now_ms};
    uint32_t lines = gf_table_lines(&keyspace->table);

    if (budget > lines)
        budget = lines;
    for (; budget > 0 && slice.steps < PURGE_STEPS && keyspace->going_count > 0; budget--) {
        struct gf_bucket *bucket;

        if (keyspace->purge_line >= gf_table_lines(&keyspace->table))
            keyspace->purge_line = 0;
        bucket = gf_table_line(&keyspace->table, keyspace->purge_line++);
        if (bucket && (bucket->meta & GF_BUCKET_VOLATILE) != 0)
            bucket_purge(&slice, bucket);
    }
    return slice.more || slice.steps >= PURGE_STEPS;
}
