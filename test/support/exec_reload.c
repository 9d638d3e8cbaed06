/* Sends what a fixture holds through save and load. */
#include "support/exec_reload.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "core/random.h"
#include "modules/payload.h"
#include "support/exec_words.h"

#define COMMANDS_ON_LOADED 4

/* The keys of a keyspace, one behind the other, each with its size in front. */
struct keys {
    struct gf_buf text;
    uint32_t count;
};

static void keys_visit(void *context, struct gf_object *object)
{
    struct keys *keys = context;
    struct gf_bytes key = gf_object_key(object);

    gf_buf_add(&keys->text,
               (struct gf_bytes){.data = (const char *)&key.size, .size = sizeof(key.size)});
    gf_buf_add(&keys->text, key);
    keys->count++;
}

static struct keys keys_of(struct gf_keyspace *keyspace, uint64_t now_ms)
{
    struct keys keys = {0};
    uint64_t cursor = 0;

    do {
        cursor = gf_keyspace_scan(keyspace, cursor, UINT32_MAX, now_ms, keys_visit, &keys);
    } while (cursor != 0);
    return keys;
}

static struct gf_bytes key_next(const char **cursor)
{
    struct gf_bytes key;

    memcpy(&key.size, *cursor, sizeof(key.size));
    key.data = *cursor + sizeof(key.size);
    *cursor = key.data + key.size;
    return key;
}

/* The payload of an object, in one piece. */
static void payload_of(const struct gf_keyspace_context *context, const struct gf_object *object,
                       struct gf_buf *ret_payload)
{
    struct gf_chain chain = {0};

    gf_payload_save(context->types[gf_object_type(object)], object, &chain);
    gf_chain_seal(&chain);
    ret_payload->size = 0;
    for (const struct gf_chunk *chunk = chain.first; chunk != NULL; chunk = chunk->next)
        gf_buf_add(ret_payload, (struct gf_bytes){.data = chunk->data, .size = chunk->used});
    gf_chain_clear(&chain);
}

static struct gf_bytes bytes_in(const struct gf_buf *buf)
{
    return (struct gf_bytes){.data = buf->data, .size = buf->size};
}

bool exec_payload(struct exec_fixture *fixture, struct gf_bytes key, struct gf_buf *ret_payload)
{
    struct gf_keyspace *keyspace = fixture->space.find(&fixture->space, fixture->db, key);
    uint64_t hash = gf_keyspace_hash(fixture->context.hash_seed, key);
    const struct gf_object *object = gf_keyspace_peek(keyspace, hash, key, fixture->now_ms);

    if (object != NULL)
        payload_of(&fixture->context, object, ret_payload);
    return object != NULL;
}

static void object_reload(struct exec_fixture *fixture, struct gf_keyspace *keyspace,
                          struct gf_bytes key)
{
    const struct gf_keyspace_context *context = gf_keyspace_context_of(keyspace);
    uint64_t hash = gf_keyspace_hash(context->hash_seed, key);
    struct gf_object *object = gf_keyspace_peek(keyspace, hash, key, fixture->now_ms);
    struct gf_buf before = {0};
    struct gf_buf after = {0};
    struct gf_value value = {0};
    uint32_t access = object->access;

    payload_of(context, object, &before);
    GF_ASSERT(gf_payload_load(context, bytes_in(&before), &value) == GF_PAYLOAD_OK);
    object =
        gf_keyspace_put(keyspace, hash, key, &value, gf_object_expire_ms(object), fixture->now_ms);
    GF_ASSERT(object != NULL);
    object->access = access & ((1u << GF_OBJECT_ACCESS_BITS) - 1);
    value.pointer = NULL;
    gf_value_deinit(&value, context);

    payload_of(context, object, &after);
    GF_ASSERT(gf_bytes_equal(bytes_in(&before), bytes_in(&after)));
    gf_buf_deinit(&before);
    gf_buf_deinit(&after);
}

/* The digest of everything, as DEBUG DIGEST says it. */
static void digest_of(struct exec_fixture *fixture, char text[64])
{
    strncpy(text, exec_run(fixture, "DEBUG DIGEST"), 63);
    text[63] = '\0';
}

uint32_t exec_reload(struct exec_fixture *fixture)
{
    uint64_t seed = fixture->seed;
    uint32_t count = 0;
    char before[64];
    char after[64];

    digest_of(fixture, before);
    for (uint32_t db = 0; db < EXEC_DATABASES; db++) {
        for (uint32_t i = 0; i < EXEC_PARTITIONS; i++) {
            struct gf_keyspace *keyspace = fixture->keyspaces[db][i];
            struct keys keys = keys_of(keyspace, fixture->now_ms);
            const char *cursor = keys.text.data;

            for (uint32_t j = 0; j < keys.count; j++)
                object_reload(fixture, keyspace, key_next(&cursor));
            count += keys.count;
            gf_keyspace_check(keyspace);
            gf_buf_deinit(&keys.text);
        }
    }
    digest_of(fixture, after);
    GF_ASSERT(strcmp(before, after) == 0);
    fixture->seed = seed; /* as if nothing had been run */
    return count;
}

/* A few bytes of the value set, cut out or doubled; type and footer stay. */
static void payload_mutate(struct gf_buf *payload, uint64_t *seed)
{
    payload->size -= GF_PAYLOAD_FOOTER_SIZE;
    for (uint64_t changes = 1 + gf_random_next(seed) % 3; changes > 0; changes--) {
        size_t at = 1 + gf_random_next(seed) % payload->size;
        size_t piece = 1 + gf_random_next(seed) % 8;

        if (at >= payload->size)
            continue;
        if (piece > payload->size - at)
            piece = payload->size - at;
        switch (gf_random_next(seed) % 4) {
        case 0:
            payload->data[at] = (char)gf_random_next(seed);
            break;
        case 1:
            payload->data[at] ^= (char)(1u << gf_random_next(seed) % 8);
            break;
        case 2:
            memmove(payload->data + at, payload->data + at + piece, payload->size - at - piece);
            payload->size -= piece;
            break;
        default:
            GF_ASSERT(gf_buf_reserve(payload, piece) == GF_OK);
            memmove(payload->data + at + piece, payload->data + at, payload->size - at);
            payload->size += piece;
            break;
        }
    }
}

void exec_payload_seal(struct gf_buf *payload)
{
    struct gf_chain chain = {0};

    gf_chain_append(&chain, bytes_in(payload));
    gf_payload_seal(&chain);
    gf_chain_seal(&chain);
    payload->size = 0;
    for (const struct gf_chunk *chunk = chain.first; chunk != NULL; chunk = chunk->next)
        gf_buf_add(payload, (struct gf_bytes){.data = chunk->data, .size = chunk->used});
    gf_chain_clear(&chain);
}

bool exec_load_and_use(struct exec_fixture *fixture, struct gf_bytes key, struct gf_bytes payload)
{
    static struct exec_words words;
    static const char *const questions[][2] = {
        {"DUMP"}, {"OBJECT", "ENCODING"}, {"MEMORY", "USAGE"}, {"DEBUG", "DIGEST-VALUE"}};
    const struct gf_bytes restore[] = {GF_BYTES("RESTORE"), key, GF_BYTES("0"), payload,
                                       GF_BYTES("REPLACE")};
    const struct gf_bytes copy[] = {GF_BYTES("COPY"),   key, key, GF_BYTES("DB"), GF_BYTES("15"),
                                    GF_BYTES("REPLACE")};

    if (exec_run_words(fixture, restore, GF_COUNT(restore), NULL)[0] != '+')
        return false;
    (void)exec_run_words(fixture, copy, GF_COUNT(copy), NULL);
    for (size_t i = 0; i < GF_COUNT(questions); i++) {
        struct gf_bytes line[3] = {gf_bytes_of(questions[i][0]), key, key};
        bool two = questions[i][1] != NULL;

        if (two)
            line[1] = gf_bytes_of(questions[i][1]);
        (void)exec_run_words(fixture, line, two ? 3 : 2, NULL);
    }
    for (uint32_t i = 0; i < COMMANDS_ON_LOADED; i++) {
        exec_words_draw(&words, fixture->registry, &fixture->seed);
        (void)exec_run_words(fixture, words.words, words.count, NULL);
    }
    return true;
}

static void object_mutate(struct exec_fixture *fixture, struct gf_bytes key, uint32_t count,
                          uint64_t *seed)
{
    struct gf_buf good = {0};
    struct gf_buf bad = {0};

    if (!exec_payload(fixture, key, &good))
        return; /* gone meanwhile */
    for (uint32_t i = 0; i < count; i++) {
        bad.size = 0;
        gf_buf_add(&bad, bytes_in(&good));
        payload_mutate(&bad, seed);
        exec_payload_seal(&bad);
        (void)exec_load_and_use(fixture, key, bytes_in(&bad));
    }
    gf_buf_deinit(&good);
    gf_buf_deinit(&bad);
}

void exec_reload_mutated(struct exec_fixture *fixture, uint32_t count, uint64_t seed)
{
    for (uint32_t i = 0; i < EXEC_PARTITIONS; i++) {
        struct keys keys = keys_of(fixture->keyspaces[fixture->db][i], fixture->now_ms);
        const char *cursor = keys.text.data;

        for (uint32_t j = 0; j < keys.count; j++)
            object_mutate(fixture, key_next(&cursor), count, &seed);
        gf_buf_deinit(&keys.text);
    }
}

static void keyspaces_expect_same(struct gf_keyspace *a, struct gf_keyspace *b, uint64_t now_ms)
{
    const struct gf_keyspace_context *context = gf_keyspace_context_of(a);
    struct keys keys = keys_of(a, now_ms);
    struct keys others = keys_of(b, now_ms);
    const char *cursor = keys.text.data;
    struct gf_buf left = {0};
    struct gf_buf right = {0};

    GF_ASSERT(gf_bytes_equal(bytes_in(&keys.text), bytes_in(&others.text)));
    for (uint32_t i = 0; i < keys.count; i++) {
        struct gf_bytes key = key_next(&cursor);
        uint64_t hash = gf_keyspace_hash(context->hash_seed, key);

        payload_of(context, gf_keyspace_peek(a, hash, key, now_ms), &left);
        payload_of(context, gf_keyspace_peek(b, hash, key, now_ms), &right);
        GF_ASSERT(gf_bytes_equal(bytes_in(&left), bytes_in(&right)));
    }
    gf_buf_deinit(&left);
    gf_buf_deinit(&right);
    gf_buf_deinit(&keys.text);
    gf_buf_deinit(&others.text);
}

void exec_expect_same(struct exec_fixture *a, struct exec_fixture *b)
{
    for (uint32_t db = 0; db < EXEC_DATABASES; db++) {
        for (uint32_t i = 0; i < EXEC_PARTITIONS; i++)
            keyspaces_expect_same(a->keyspaces[db][i], b->keyspaces[db][i], a->now_ms);
    }
}
