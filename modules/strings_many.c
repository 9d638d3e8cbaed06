/* Several strings at once: MGET, MSET, MSETNX.
 *
 * Keys are worked on in batches: first every bucket of a batch is fetched ahead, then every object,
 * then the work is done, so that the cache misses of a batch overlap.
 */
#include "modules/strings.h"

#define BATCH_SIZE 16 /* about as many misses as a core has in flight, with room */

/* Where one key lives. */
struct place {
    struct gf_keyspace *keyspace; /* borrowed */
    uint64_t hash;
    struct gf_bytes key;
};

/* The keys from words[index] on, every step-th word, up to BATCH_SIZE of them. */
struct batch {
    struct place places[BATCH_SIZE];
    uint32_t count;
};

static void batch_fill(struct gf_exec *x, uint32_t index, uint32_t step, struct batch *ret_batch)
{
    uint64_t hash_seed = gf_keyspace_context_of(x->keyspace)->hash_seed;
    uint32_t count = 0;

    for (; index < x->args->count && count < BATCH_SIZE; index += step) {
        struct place *place = &ret_batch->places[count++];

        place->key = x->args->words[index];
        if (index == 1) {
            place->keyspace = x->keyspace;
            place->hash = x->key_hash;
        } else {
            place->keyspace = gf_exec_keyspace(x, place->key);
            place->hash = gf_keyspace_hash(hash_seed, place->key);
        }
        gf_keyspace_prefetch_bucket(place->keyspace, place->hash);
    }
    for (uint32_t i = 0; i < count; i++)
        gf_keyspace_prefetch_object(ret_batch->places[i].keyspace, ret_batch->places[i].hash);
    ret_batch->count = count;
}

void gf_string_mget_run(struct gf_exec *x)
{
    uint32_t count = x->args->count;
    struct batch batch;

    gf_reply_array(x->reply, count - 1);
    for (uint32_t index = 1; index < count; index += batch.count) {
        batch_fill(x, index, 1, &batch);
        for (uint32_t i = 0; i < batch.count; i++) {
            const struct place *place = &batch.places[i];
            struct gf_object *object =
                gf_keyspace_find(place->keyspace, place->hash, place->key, x->now_ms);

            /* Another type is no error here: one key must not spoil the others' answers. */
            if (object != NULL && gf_object_type(object) != GF_TYPE_STRING)
                object = NULL;
            gf_string_reply(x->reply, object);
        }
    }
}

/* pairs_complete - every key has its value; otherwise the error is answered. */
static bool pairs_complete(struct gf_exec *x, const char *name)
{
    if (x->args->count % 2 == 1)
        return true;
    gf_reply_error_format(x->reply, GF_MSG_WRONG_ARITY, gf_bytes_of(name), (struct gf_bytes){0});
    return false;
}

/* pairs_store - every key and the value behind it; false when there is no memory for one of them:
 * the error is answered then, and the pairs before it are stored. */
static bool pairs_store(struct gf_exec *x)
{
    struct batch batch;

    for (uint32_t index = 1; index < x->args->count; index += 2 * batch.count) {
        batch_fill(x, index, 2, &batch);
        for (uint32_t i = 0; i < batch.count; i++) {
            const struct place *place = &batch.places[i];
            int64_t number;
            struct gf_value value = gf_string_value(x->args->words[index + 2 * i + 1], &number);

            if (gf_keyspace_put(place->keyspace, place->hash, place->key, &value, 0, x->now_ms) !=
                NULL)
                continue;
            gf_reply_error(x->reply, GF_MSG_OOM);
            return false;
        }
    }
    return true;
}

static bool pairs_any_exists(struct gf_exec *x)
{
    struct batch batch;

    for (uint32_t index = 1; index < x->args->count; index += 2 * batch.count) {
        batch_fill(x, index, 2, &batch);
        for (uint32_t i = 0; i < batch.count; i++) {
            const struct place *place = &batch.places[i];

            if (gf_keyspace_find(place->keyspace, place->hash, place->key, x->now_ms) != NULL)
                return true;
        }
    }
    return false;
}

void gf_string_mset_run(struct gf_exec *x)
{
    if (!pairs_complete(x, "mset"))
        return;
    if (pairs_store(x))
        gf_reply_ok(x->reply);
}

void gf_string_msetnx_run(struct gf_exec *x)
{
    if (!pairs_complete(x, "msetnx"))
        return;
    if (pairs_any_exists(x)) {
        gf_reply_int(x->reply, 0);
        return;
    }
    if (pairs_store(x))
        gf_reply_int(x->reply, 1);
}
