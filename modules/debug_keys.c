/* DEBUG, as far as it looks at keys: OBJECT, DIGEST, DIGEST-VALUE.
 *
 * A digest is 160 bits that depend on what the keys hold and not on how or where: two servers with
 * the same keys have the same digest. It is the XOR of a digest for each key: partitions can be
 * added up in any order; no keys at all are all zeroes.
 */
#include <stdio.h>

#include "core/assert.h"
#include "core/hash.h"
#include "modules/keyspace.h"
#include "modules/place.h"
#include "modules/registry.h"

#define DIGEST_WORDS 3      /* 64 bits each; half of the last is shown */
#define DIGEST_TEXT_SIZE 40 /* hex digits */

struct digest {
    uint64_t words[DIGEST_WORDS];
};

static uint64_t value_digest(const struct gf_type *type, const struct gf_object *object,
                             uint64_t seed)
{
    if (type->digest)
        return type->digest(object, seed);
    if ((object->flags & GF_OBJECT_POINTER) != 0)
        return seed;

    struct gf_bytes bytes = gf_object_bytes(object);

    return gf_hash64(bytes.data, bytes.size, seed);
}

/* Type, value and expiry. */
static struct digest object_digest(const struct gf_type *type, const struct gf_object *object)
{
    struct digest digest;
    uint64_t expire_ms = gf_object_expire_ms(object);

    for (uint64_t i = 0; i < DIGEST_WORDS; i++) {
        uint64_t seed = gf_hash64(&expire_ms, sizeof(expire_ms), i << 8 | type->id);

        digest.words[i] = value_digest(type, object, seed);
    }
    return digest;
}

static void digest_text(const struct digest *digest, char *text)
{
    char whole[16 * DIGEST_WORDS + 1];

    snprintf(whole, sizeof(whole), "%016llx%016llx%016llx", (unsigned long long)digest->words[0],
             (unsigned long long)digest->words[1], (unsigned long long)digest->words[2]);
    memcpy(text, whole, DIGEST_TEXT_SIZE);
}

static void reply_digest(struct gf_reply *reply, const struct digest *digest)
{
    char text[DIGEST_TEXT_SIZE];

    digest_text(digest, text);
    gf_reply_status(reply, (struct gf_bytes){.data = text, .size = sizeof(text)});
}

/* What DIGEST carries through a keyspace. */
struct digest_walk {
    const struct gf_type *const *types;
    uint64_t db;
    struct digest sum;
};

static void digest_visit(void *context, struct gf_object *object)
{
    struct digest_walk *walk = context;
    struct gf_bytes key = gf_object_key(object);
    struct digest digest = object_digest(walk->types[gf_object_type(object)], object);

    for (int i = 0; i < DIGEST_WORDS; i++)
        walk->sum.words[i] ^= gf_hash64(key.data, key.size, digest.words[i] + walk->db);
}

static void digest_keyspace(struct gf_keyspace *keyspace, uint64_t now_ms, struct digest_walk *walk)
{
    uint64_t cursor = 0;

    do {
        cursor = gf_keyspace_scan(keyspace, cursor, UINT32_MAX, now_ms, digest_visit, walk);
    } while (cursor != 0);
}

static void debug_digest(struct gf_exec *x)
{
    struct digest_walk walk = {.types = gf_registry_types(x->registry)};

    for (uint32_t db = 0; db < x->space->databases; db++) {
        struct gf_keyspace *keyspace;

        walk.db = db;
        for (uint32_t i = 0; (keyspace = x->space->at(x->space, db, i)) != NULL; i++)
            digest_keyspace(keyspace, x->now_ms, &walk);
    }
    reply_digest(x->reply, &walk.sum);
}

static void debug_digest_value(struct gf_exec *x)
{
    x->args->index = 2;
    gf_reply_array(x->reply, gf_args_left(x->args));
    while (gf_args_left(x->args) > 0) {
        struct gf_place place = gf_place_of(x, x->db, gf_args_next(x->args));
        const struct gf_object *object = gf_place_peek(x, &place);
        struct digest digest = {{0}};

        if (object != NULL)
            digest = object_digest(gf_place_type(&place, object), object);
        reply_digest(x->reply, &digest);
    }
}

static void debug_object(struct gf_exec *x)
{
    char text[256];

    x->args->index = 2;

    struct gf_place place = gf_place_next(x);
    const struct gf_object *object = gf_place_peek(x, &place);

    if (object == NULL) {
        gf_reply_error(x->reply, GF_MSG_NO_KEY);
        return;
    }
    uint64_t idle_s = gf_object_idle_ms(object, x->now_ms) / 1000;
    size_t size = (object->flags & GF_OBJECT_POINTER) != 0 ? 0 : gf_object_bytes(object).size;

    snprintf(text, sizeof(text),
             "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:%llu "
             "lru_seconds_idle:%llu",
             (const void *)object, gf_place_type(&place, object)->encoding_name(object), size,
             (unsigned long long)(x->now_ms / 1000 - idle_s), (unsigned long long)idle_s);
    gf_reply_status(x->reply, gf_bytes_of(text));
}

#define DEBUG_KEYS_FLAGS (GF_READ | GF_ADMIN | GF_NOSCRIPT | GF_NO_TOUCH)

/* clang-format off */
static const struct gf_command subcommands[] = {
    {
        .name = "OBJECT", .run = debug_object, .flags = DEBUG_KEYS_FLAGS, .arity = 3,
        .key_first = 2, .key_last = 2, .key_step = 1, .key_flags = GF_KEY_RO,
        .since = "1.0.0", .group = "server", .complexity = "O(1)",
        .summary = "How a key's value is stored.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "DIGEST", .run = debug_digest, .arity = 2, .merge = GF_MERGE_XOR,
        .flags = DEBUG_KEYS_FLAGS | GF_ALL_KEYS,
        .since = "1.0.0", .group = "server", .complexity = "O(N), N = everything there is",
        .summary = "A hash of all keys of all databases and what they hold.",
    },
    {
        .name = "DIGEST-VALUE", .run = debug_digest_value, .flags = DEBUG_KEYS_FLAGS, .arity = -3,
        .key_first = 2, .key_last = -1, .key_step = 1, .key_flags = GF_KEY_RO,
        .since = "1.0.0", .group = "server", .complexity = "O(N), N = what the keys hold",
        .summary = "A hash of what each key holds; zeroes for a missing one.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY, .flags = GF_ARG_MULTIPLE}),
    },
};

static const struct gf_command commands[] = {
    {
        .name = "DEBUG", .arity = -2,
        .since = "1.0.0", .group = "server", .complexity = "As the subcommand's.",
        .summary = "For tests: off unless enable-debug-command says so.",
        .subcommands = subcommands, .subcommands_count = GF_COUNT(subcommands),
    },
};
/* clang-format on */

const struct gf_module gf_debug_keys_module = {
    .abi = GF_MODULE_ABI,
    .name = "debug-keys",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
