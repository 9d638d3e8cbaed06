/* Several strings at once: MGET, MSET, MSETNX.
 *
 * Keys are worked on in batches: first every bucket of a batch is fetched ahead, then every object,
 * then the work is done, so that the cache misses of a batch overlap.
 */
#include "modules/place.h"
#include "modules/strings.h"

#define BATCH_SIZE 16 /* about as many misses as a core has in flight, with room */

/* The next keys of the command line, with their values where it has values. */
struct batch {
    struct gf_place places[BATCH_SIZE];
    struct gf_bytes values[BATCH_SIZE];
    uint32_t count;
};

/* batch_next - false when there are no more keys. */
static bool batch_next(struct gf_exec *x, bool with_values, struct batch *ret_batch)
{
    struct gf_place *places = ret_batch->places;
    uint32_t count = 0;

    while (count < BATCH_SIZE && gf_args_left(x->args) > 0) {
        places[count] = gf_place_next(x);
        if (with_values)
            ret_batch->values[count] = gf_args_next(x->args);
        gf_keyspace_prefetch_bucket(places[count].keyspace, places[count].hash);
        count++;
    }
    for (uint32_t i = 0; i < count; i++)
        gf_keyspace_prefetch_object(places[i].keyspace, places[i].hash);
    ret_batch->count = count;
    return count > 0;
}

void gf_string_mget_run(struct gf_exec *x)
{
    struct batch batch;

    gf_reply_array(x->reply, gf_args_left(x->args));
    while (batch_next(x, false, &batch)) {
        for (uint32_t i = 0; i < batch.count; i++) {
            struct gf_object *object = gf_place_find(x, &batch.places[i]);

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
    if (gf_args_left(x->args) % 2 == 0)
        return true;
    gf_reply_error_format(x->reply, GF_MSG_WRONG_ARITY, gf_bytes_of(name), GF_BYTES(""));
    return false;
}

/* pairs_store - every key and the value behind it; false when there is no memory for one of them:
 * the error is answered then, and the pairs before it are stored. */
static bool pairs_store(struct gf_exec *x)
{
    struct batch batch;

    while (batch_next(x, true, &batch)) {
        for (uint32_t i = 0; i < batch.count; i++) {
            const struct gf_place *place = &batch.places[i];
            int64_t number;
            struct gf_value value = gf_string_value(batch.values[i], &number);

            if (gf_keyspace_put(place->keyspace, place->hash, place->key, &value, 0, x->now_ms) ==
                NULL) {
                gf_reply_error(x->reply, GF_MSG_OOM);
                return false;
            }
            gf_exec_changed(x, x->db, place->key, GF_EVENT_STRING, "set");
        }
    }
    return true;
}

/* pairs_any_exists - reads all keys and goes back to the first. */
static bool pairs_any_exists(struct gf_exec *x)
{
    uint32_t first = x->args->index;
    bool found = false;
    struct batch batch;

    while (!found && batch_next(x, true, &batch)) {
        for (uint32_t i = 0; i < batch.count; i++)
            found = found || gf_place_find(x, &batch.places[i]) != NULL;
    }
    x->args->index = first;
    return found;
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
