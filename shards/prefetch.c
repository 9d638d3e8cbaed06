/* Rounds of prefetches over commands that are about to run. See prefetch.h. */
#include "shards/prefetch.h"

#include "core/core.h"
#include "modules/keyspace.h"
#include "modules/registry.h"
#include "shards/conn.h"
#include "shards/request.h"
#include "shards/worker.h"

/* An element of a big value that a command names. */
struct element {
    const struct gf_type *type;
    const void *value;
    struct gf_bytes name;
    const void *at; /* what the last step returned */
};

/* Those of one batch. More are not worth a place: the first would have gone from the cache. */
struct elements {
    struct element items[GF_CONN_AHEAD];
    uint32_t count;
};

static inline const struct gf_keyspace *keyspace_of(const struct gf_worker *worker,
                                                    uint32_t partition, uint32_t db)
{
    return gf_partition_keyspace(worker->partitions[partition], db);
}

/* The first step for the element that a command names, if any. Where the value is small, its object
 * is all there is. */
static void element_add(const struct gf_worker *worker, struct elements *elements,
                        const struct gf_object *object, struct gf_bytes name)
{
    struct element *element = &elements->items[elements->count];

    if (!object || !(object->flags & GF_OBJECT_POINTER) || elements->count == GF_CONN_AHEAD)
        return;
    element->type = gf_registry_types(worker->plugins->registry)[gf_object_type(object)];
    if (!element->type->prefetch)
        return;
    element->value = gf_object_pointer(object);
    element->name = name;
    element->at = element->type->prefetch(element->value, name, 0, NULL);
    elements->count += element->at != NULL;
}

/* Does the command name one? */
static inline bool element_is_named(const struct gf_command *command, uint32_t words_count)
{
    return command->element > 0 && (uint32_t)command->element < words_count;
}

static void elements_prefetch(struct elements *elements)
{
    for (uint32_t step = 1; step < GF_PREFETCH_STEPS; step++) {
        for (uint32_t i = 0; i < elements->count; i++) {
            struct element *element = &elements->items[i];

            if (element->at)
                element->at =
                    element->type->prefetch(element->value, element->name, step, element->at);
        }
    }
}

/* Is there anything of its key to fetch that was not fetched for the one before it? */
static inline bool ahead_is_fresh(const struct gf_ahead *ahead)
{
    return ahead->here && !ahead->repeats;
}

/* The objects of the keys, and the first step for the elements. */
static void ahead_objects(const struct gf_worker *worker, uint32_t db, uint32_t count,
                          struct elements *elements)
{
    const struct gf_object *object = NULL;
    uint64_t object_hash = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct gf_ahead *ahead = &worker->ahead[i];

        if (ahead_is_fresh(ahead))
            gf_keyspace_prefetch_object(keyspace_of(worker, ahead->partition, db), ahead->key_hash);
    }
    elements->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct gf_ahead *ahead = &worker->ahead[i];

        if (!ahead->here || !element_is_named(ahead->command, ahead->parsed.words_count))
            continue;
        if (object == NULL || object_hash != ahead->key_hash) {
            object = gf_keyspace_guess(keyspace_of(worker, ahead->partition, db), ahead->key_hash);
            object_hash = ahead->key_hash;
        }
        element_add(
            worker, elements, object,
            worker->words.items[ahead->parsed.words_first + (uint32_t)ahead->command->element]);
    }
}

void gf_prefetch_ahead(struct gf_worker *worker, uint32_t db, uint32_t count)
{
    struct elements elements;

    if (count < 2 || !gf_locks_idle(&worker->locks))
        return;
    for (uint32_t i = 0; i < count; i++) {
        const struct gf_ahead *ahead = &worker->ahead[i];

        if (ahead_is_fresh(ahead))
            gf_keyspace_prefetch_bucket(keyspace_of(worker, ahead->partition, db), ahead->key_hash);
    }
    ahead_objects(worker, db, count, &elements);
    elements_prefetch(&elements);
}

/* The command on one key that came here to run; or NULL. */
static const struct gf_request *request_for_one_key(const struct gf_worker *worker,
                                                    const struct gf_message *message)
{
    const struct gf_request *request = (const struct gf_request *)message;
    bool is_one = message->kind == GF_MESSAGE_REQUEST && message->home != worker->core->id &&
                  request->partitions_count == 1 && request->command->key_first > 0;

    return is_one ? request : NULL;
}

void gf_prefetch_requests(struct gf_worker *worker, struct gf_message **messages, uint32_t count)
{
    struct elements elements;

    if (count < 2 || !gf_locks_idle(&worker->locks))
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (messages[i]->kind == GF_MESSAGE_REQUEST)
            gf_request_prefetch((const struct gf_request *)messages[i],
                                messages[i]->home == worker->core->id);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct gf_request *request = request_for_one_key(worker, messages[i]);

        if (request)
            gf_keyspace_prefetch_bucket(keyspace_of(worker, request->partition, request->db),
                                        request->key_hash);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct gf_request *request = request_for_one_key(worker, messages[i]);

        if (request)
            gf_keyspace_prefetch_object(keyspace_of(worker, request->partition, request->db),
                                        request->key_hash);
    }
    elements.count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct gf_request *request = request_for_one_key(worker, messages[i]);

        if (request && element_is_named(request->command, request->words_count))
            element_add(worker, &elements,
                        gf_keyspace_guess(keyspace_of(worker, request->partition, request->db),
                                          request->key_hash),
                        request->words[request->command->element]);
    }
    elements_prefetch(&elements);
}
