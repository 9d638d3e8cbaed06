/* A keyspace against a simple model, with growth, shrinking, expiry and evacuation in between. */
#include "modules/keyspace.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/random.h"
#include "modules/heap.h"
#include "modules/keyspace_parts.h"
#include "modules/module.h"

#define SEED UINT64_C(0x1234567)

/* What the model knows of one key; keys are numbers. */
struct model_key {
    bool present;
    char fill;   /* every byte of the value */
    size_t size; /* of the value */
    uint64_t expire_ms;
};

struct world {
    struct gf_keyspace_context context;
    struct gf_keyspace *keyspace;
    struct model_key *keys;
    uint32_t keys_count;
    uint64_t now_ms;
    uint64_t seed;
};

static uint32_t world_random(struct world *w, uint32_t below)
{
    return (uint32_t)(gf_random_next(&w->seed) % below);
}

/* Keys of different lengths; a few are longer than 254 and 1024 bytes. */
static struct gf_bytes key_text(uint32_t number, char *text)
{
    int size = snprintf(text, 32, "key:%u", number);

    if (number % 50 == 7)
        while (size < 300)
            text[size++] = 'k';
    if (number % 100 == 13)
        while (size < 1500)
            text[size++] = 'K';
    return (struct gf_bytes){.data = text, .size = (size_t)size};
}

static void world_open(struct world *w, uint32_t keys_count, uint64_t seed)
{
    static const struct gf_type *const no_types[GF_TYPES_MAX];

    *w = (struct world){.context = {.types = no_types, .hash_seed = SEED},
                        .keys = calloc(keys_count, sizeof(struct model_key)),
                        .keys_count = keys_count,
                        .now_ms = 1000000,
                        .seed = seed};
    w->context.heap = gf_heap_create(NULL);
    w->keyspace = gf_keyspace_create(&w->context);
}

static void world_close(struct world *w)
{
    gf_keyspace_destroy(w->keyspace);
    gf_heap_destroy(w->context.heap);
    free(w->keys);
}

static bool model_live(const struct world *w, uint32_t number)
{
    const struct model_key *key = &w->keys[number];

    return key->present && (key->expire_ms == 0 || key->expire_ms > w->now_ms);
}

static size_t value_size(struct world *w)
{
    switch (world_random(w, 8)) {
    case 0:
        return 0;
    case 1:
        return world_random(w, 20000);
    case 2:
        return world_random(w, 1500);
    default:
        return world_random(w, 100);
    }
}

static void world_put(struct world *w, uint32_t number)
{
    char text[2000];
    static char bytes[20000];
    struct gf_bytes key = key_text(number, text);
    struct model_key *model = &w->keys[number];
    size_t size = value_size(w);
    char fill = (char)('a' + world_random(w, 26));
    bool keep = world_random(w, 4) == 0;
    uint64_t expire_ms = world_random(w, 4) == 0 ? w->now_ms + 1 + world_random(w, 2000) : 0;
    struct gf_value value = {.encoding = GF_STRING_RAW, .bytes = {.data = bytes, .size = size}};
    struct gf_object *object;

    memset(bytes, fill, size);
    if (keep)
        expire_ms = model_live(w, number) ? model->expire_ms : 0;
    object = gf_keyspace_put(w->keyspace, gf_keyspace_hash(SEED, key), key, &value,
                             keep ? GF_KEEP_EXPIRE : expire_ms, w->now_ms);
    cr_assert_not_null(object);
    *model =
        (struct model_key){.present = true, .fill = fill, .size = size, .expire_ms = expire_ms};
}

static void world_verify(struct world *w, uint32_t number)
{
    char text[2000];
    struct gf_bytes key = key_text(number, text);
    const struct model_key *model = &w->keys[number];
    struct gf_object *object =
        gf_keyspace_find(w->keyspace, gf_keyspace_hash(SEED, key), key, w->now_ms);
    struct gf_bytes bytes;
    size_t wrong = 0;

    if (!model_live(w, number)) {
        cr_assert_null(object);
        return;
    }
    cr_assert_not_null(object);
    cr_assert(gf_bytes_equal(gf_object_key(object), key));
    cr_assert_eq(gf_object_expire_ms(object), model->expire_ms);
    bytes = gf_object_bytes(object);
    cr_assert_eq(bytes.size, model->size);
    for (size_t i = 0; i < bytes.size; i++)
        wrong += bytes.data[i] != model->fill;
    cr_assert_eq(wrong, 0, "%zu bytes of key %u are not its own", wrong, number);
}

static struct gf_object *world_find(struct world *w, uint32_t number, uint64_t *ret_hash)
{
    char text[2000];
    struct gf_bytes key = key_text(number, text);

    *ret_hash = gf_keyspace_hash(SEED, key);
    return gf_keyspace_find(w->keyspace, *ret_hash, key, w->now_ms);
}

static void world_resize(struct world *w, uint32_t number)
{
    uint64_t hash;
    struct gf_object *object = world_find(w, number, &hash);
    struct model_key *model = &w->keys[number];
    size_t before = model->size;
    char *data;

    if (!object)
        return;
    model->size = world_random(w, 3) ? before + world_random(w, 100) : value_size(w);
    object = gf_keyspace_resize(w->keyspace, hash, object, model->size, GF_STRING_RAW, &data);
    cr_assert_not_null(object);
    for (size_t i = before; i < model->size; i++) {
        cr_assert_eq(data[i], 0);
        data[i] = model->fill;
    }
}

static void world_set_expire(struct world *w, uint32_t number)
{
    uint64_t hash;
    struct gf_object *object = world_find(w, number, &hash);
    struct model_key *model = &w->keys[number];

    if (!object)
        return;
    model->expire_ms = world_random(w, 2) ? 0 : w->now_ms + 1 + world_random(w, 1000);
    (void)gf_keyspace_set_expire(w->keyspace, hash, object, model->expire_ms);
}

static void world_remove(struct world *w, uint32_t number)
{
    uint64_t hash;
    struct gf_object *object = world_find(w, number, &hash);
    struct gf_value value;
    uint64_t expire_ms;

    if (!object)
        return;
    if (world_random(w, 2)) {
        gf_keyspace_remove(w->keyspace, hash, object);
    } else {
        gf_keyspace_take(w->keyspace, hash, object, &value, &expire_ms);
        cr_assert_eq(expire_ms, w->keys[number].expire_ms);
        cr_assert_eq(value.bytes.size, w->keys[number].size);
        gf_value_deinit(&value, &w->context);
    }
    w->keys[number].present = false;
}

/* One random operation on one random key of the first `range`. */
static void world_step(struct world *w, uint32_t range)
{
    uint32_t number = world_random(w, range);

    switch (world_random(w, 16)) {
    case 0:
    case 1:
        world_remove(w, number);
        break;
    case 2:
        world_resize(w, number);
        break;
    case 3:
        world_set_expire(w, number);
        break;
    case 4:
        w->now_ms += world_random(w, 3);
        break;
    case 5:
        (void)gf_keyspace_expire_slice(w->keyspace, world_random(w, 20), w->now_ms);
        break;
    case 6:
        (void)gf_keyspace_work_slice(w->keyspace, world_random(w, 4));
        break;
    case 7:
    case 8:
    case 9:
        world_verify(w, number);
        break;
    default:
        world_put(w, number);
    }
}

static void world_verify_all(struct world *w)
{
    gf_keyspace_check(w->keyspace);
    for (uint32_t number = 0; number < w->keys_count; number++)
        world_verify(w, number);
}

Test(keyspace, behaves_like_a_map)
{
    struct world w;

    for (uint64_t seed = 1; seed <= 4; seed++) {
        world_open(&w, 4000, seed);
        for (uint32_t round = 0; round < 30; round++) {
            uint32_t range = round % 3 == 0 ? 100 : round % 3 == 1 ? 1000 : 4000;

            for (uint32_t step = 0; step < 2000; step++)
                world_step(&w, range);
            gf_keyspace_check(w.keyspace);
        }
        world_verify_all(&w);
        for (uint32_t number = 0; number < w.keys_count; number++) {
            world_remove(&w, number);
            if (number % 500 == 0)
                gf_keyspace_check(w.keyspace);
        }
        w.now_ms += 10000;
        while (gf_keyspace_expire_slice(w.keyspace, 1000, w.now_ms) > 0)
            continue;
        cr_assert_eq(gf_keyspace_count(w.keyspace), 0);
        world_close(&w);
    }
}

static void key_put(struct gf_keyspace *keyspace, uint32_t number, size_t size)
{
    static const char bytes[1024];
    char text[2000];
    struct gf_bytes key = key_text(number, text);
    struct gf_value value = {.bytes = {.data = bytes, .size = size}};

    cr_assert_not_null(gf_keyspace_put(keyspace, gf_keyspace_hash(SEED, key), key, &value, 0, 1));
}

static void key_remove(struct gf_keyspace *keyspace, uint32_t number)
{
    char text[2000];
    struct gf_bytes key = key_text(number, text);
    uint64_t hash = gf_keyspace_hash(SEED, key);
    struct gf_object *object = gf_keyspace_find(keyspace, hash, key, 1);

    if (object)
        gf_keyspace_remove(keyspace, hash, object);
}

#define SCAN_KEYS 20000u

struct seen {
    uint32_t times[SCAN_KEYS];
    uint64_t digest; /* of the order */
    uint32_t visits;
};

static void seen_visit(void *context, struct gf_object *object)
{
    struct seen *seen = context;
    uint32_t number = (uint32_t)strtoul(gf_object_key(object).data + 4, NULL, 10);

    cr_assert_lt(number, SCAN_KEYS);
    seen->times[number]++;
    seen->digest = seen->digest * 31 + number;
    seen->visits++;
}

Test(keyspace, scan_sees_what_stays)
{
    static struct seen seen;
    struct world w;

    for (uint64_t seed = 1; seed <= 3; seed++) {
        uint64_t cursor = 0;

        seen = (struct seen){0};
        world_open(&w, 1, seed);
        for (uint32_t number = 0; number < 3000; number++)
            key_put(w.keyspace, number, 10);
        do {
            cursor = gf_keyspace_scan(w.keyspace, cursor, 1 + world_random(&w, 20), 1, seen_visit,
                                      &seen);
            cr_assert_eq(cursor >> 48, 0);
            /* Keys from 1000 on come and go: the table grows, then shrinks. */
            for (uint32_t i = 0; i < 60; i++) {
                uint32_t number = 1000 + world_random(&w, SCAN_KEYS - 1000);

                if (seed == 1 ? seen.visits < 1000 : world_random(&w, 2))
                    key_put(w.keyspace, number, 10);
                else
                    key_remove(w.keyspace, number);
            }
            if (world_random(&w, 10) == 0)
                (void)gf_keyspace_work_slice(w.keyspace, 4);
        } while (cursor);
        for (uint32_t number = 0; number < 1000; number++)
            cr_assert_eq(seen.times[number], 1); /* better than promised: not twice either */
        gf_keyspace_check(w.keyspace);
        world_close(&w);
    }
}

Test(keyspace, order_is_that_of_the_hashes_whatever_the_history)
{
    static struct seen a, b;
    struct gf_keyspace_context context = {.hash_seed = SEED};
    struct gf_keyspace *one = gf_keyspace_create(&context);
    struct gf_keyspace *two = gf_keyspace_create(&context);
    uint64_t cursor_one = 0, cursor_two = 0;

    for (uint32_t number = 0; number < 1000; number++)
        key_put(one, number, 10);
    for (uint32_t number = SCAN_KEYS; number-- > 0;)
        key_put(two, number, 20);
    for (uint32_t number = 1000; number < SCAN_KEYS; number++)
        key_remove(two, number);
    do {
        cursor_one = gf_keyspace_scan(one, cursor_one, 10, 1, seen_visit, &a);
        cursor_two = gf_keyspace_scan(two, cursor_two, 10, 1, seen_visit, &b);
        cr_assert_eq(cursor_one, cursor_two);
        cr_assert_eq(a.digest, b.digest);
    } while (cursor_one);
    cr_assert_eq(a.visits, 1000);
    for (uint64_t seed = 0; seed < 100; seed++)
        cr_assert(gf_bytes_equal(gf_object_key(gf_keyspace_random(one, seed, 1)),
                                 gf_object_key(gf_keyspace_random(two, seed, 1))));
    gf_keyspace_destroy(one);
    gf_keyspace_destroy(two);
}

Test(keyspace, memory_comes_back)
{
    struct gf_memory_account account = {0};
    struct gf_memory_account *before = gf_memory_account_use(&account);
    struct world w;

    world_open(&w, 2000, 5);
    for (uint32_t step = 0; step < 20000; step++)
        world_step(&w, 2000);
    world_close(&w);
    cr_assert_eq(account.bytes[GF_MEMORY_DATA], 0);
    cr_assert_eq(account.bytes[GF_MEMORY_OTHER], 0);
    gf_memory_account_use(before);
}

Test(keyspace, evacuation_follows_a_shift_of_sizes)
{
    struct world w;

    world_open(&w, 1, 1);
    for (uint32_t number = 0; number < SCAN_KEYS; number++)
        key_put(w.keyspace, number, 32);
    for (uint32_t number = 0; number < SCAN_KEYS; number++)
        if (number % 5)
            key_remove(w.keyspace, number);
    while (gf_keyspace_work_slice(w.keyspace, 8))
        continue;
    gf_keyspace_check(w.keyspace);
    /* A fifth of the objects is left: a sixteenth of that and three pages a size may be empty. */
    cr_assert_lt(gf_heap_free_size(w.context.heap),
                 gf_slab_used_size(&w.context.heap->slab) / 16 + 20 * GF_PAGE_SIZE);
    for (uint32_t number = 0; number < SCAN_KEYS; number += 5) {
        char text[2000];
        struct gf_bytes key = key_text(number, text);

        cr_assert_not_null(gf_keyspace_peek(w.keyspace, gf_keyspace_hash(SEED, key), key, 1));
    }
    world_close(&w);
}

/* A structure of `left` elements. */
struct structure {
    uint64_t left;
};

static uint32_t structures_alive;

static struct structure *structure_create(uint64_t elements)
{
    struct structure *s = gf_alloc(GF_MEMORY_DATA, sizeof(*s));

    s->left = elements;
    structures_alive++;
    return s;
}

static void structure_free(void *value)
{
    structures_alive--;
    gf_free(GF_MEMORY_DATA, value);
}

static bool structure_free_slice(void *value, uint64_t budget)
{
    struct structure *s = value;

    s->left -= s->left < budget ? s->left : budget;
    if (s->left > 0)
        return false;
    structure_free(value);
    return true;
}

static uint64_t structure_length(const void *value)
{
    return ((const struct structure *)value)->left;
}

static const struct gf_type structure_type = {.name = "structure",
                                              .id = GF_TYPE_LIST,
                                              .free = structure_free,
                                              .free_slice = structure_free_slice,
                                              .length = structure_length};
static const struct gf_type *const structure_types[GF_TYPES_MAX] = {[GF_TYPE_LIST] =
                                                                        &structure_type};

static struct gf_object *structure_put(struct gf_keyspace *keyspace, struct gf_bytes key,
                                       uint64_t elements)
{
    struct gf_value value = {.type = GF_TYPE_LIST, .pointer = structure_create(elements)};

    return gf_keyspace_put(keyspace, gf_keyspace_hash(SEED, key), key, &value, 0, 1);
}

Test(keyspace, big_structures_die_slowly)
{
    struct gf_keyspace_context context = {.types = structure_types, .hash_seed = SEED};
    struct gf_keyspace *keyspace = gf_keyspace_create(&context);
    struct gf_bytes big = GF_BYTES("big");
    struct gf_bytes small = GF_BYTES("small");
    struct gf_value taken;
    uint64_t expire_ms;
    uint32_t slices = 0;
    struct gf_object *object;

    object = structure_put(keyspace, small, 10);
    cr_assert_eq(gf_object_type(object), GF_TYPE_LIST);
    gf_keyspace_remove(keyspace, gf_keyspace_hash(SEED, small), object);
    cr_assert_eq(structures_alive, 0);

    object = structure_put(keyspace, big, 1000);
    gf_keyspace_take(keyspace, gf_keyspace_hash(SEED, big), object, &taken, &expire_ms);
    cr_assert_eq(structures_alive, 1);
    cr_assert_eq(((struct structure *)taken.pointer)->left, 1000);
    gf_value_deinit(&taken, &context);
    cr_assert_eq(structures_alive, 0);

    for (uint32_t i = 0; i < 5; i++) /* each replaces the one before */
        (void)structure_put(keyspace, big, 1000);
    cr_assert_eq(structures_alive, 5);
    key_put(keyspace, 1, 10);
    while (gf_keyspace_work_slice(keyspace, 2))
        slices++;
    cr_assert_gt(slices, 50);
    cr_assert_eq(structures_alive, 1);
    gf_keyspace_check(keyspace);
    gf_keyspace_destroy(keyspace);
    cr_assert_eq(structures_alive, 0);
}

static struct gf_keyspace *routed[2];

static struct gf_keyspace *route(void *context, struct gf_bytes key, uint32_t index)
{
    (void)context;
    /* Even numbers live in the first. */
    return index == 0 ? routed[(key.data[key.size - 1] - '0') & 1] : NULL;
}

Test(keyspace, evacuation_finds_its_way_by_the_key)
{
    struct gf_keyspace_context context = {.hash_seed = SEED, .heap = gf_heap_create(NULL)};
    size_t before;

    for (uint32_t i = 0; i < 2; i++)
        routed[i] = gf_keyspace_create(&context);
    gf_heap_set_route(context.heap, route, NULL);
    for (uint32_t number = 0; number < 10000; number++)
        if (number % 50 != 7 && number % 100 != 13)
            key_put(routed[number % 2], number, 32);
    for (uint32_t number = 0; number < 10000; number++)
        if (number % 7)
            key_remove(routed[number % 2], number);
    before = gf_slab_pages_size(&context.heap->slab);
    gf_heap_lend(context.heap);
    cr_assert_not(gf_heap_work_slice(context.heap, 1)); /* nothing moves while it is lent */
    gf_heap_return(context.heap);
    while (gf_heap_work_slice(context.heap, 4))
        continue;
    cr_assert_lt(gf_slab_pages_size(&context.heap->slab), before / 3);
    for (uint32_t i = 0; i < 2; i++) {
        gf_keyspace_check(routed[i]);
        gf_keyspace_destroy(routed[i]);
    }
    gf_heap_destroy(context.heap);
}

Test(keyspace, access_is_counted)
{
    struct gf_keyspace_context context = {
        .hash_seed = SEED, .lfu = true, .lfu_log_factor = 10, .lfu_decay_min = 1};
    struct gf_keyspace *keyspace = gf_keyspace_create(&context);
    struct gf_bytes key = GF_BYTES("key:1");
    uint64_t hash = gf_keyspace_hash(SEED, key);
    const uint64_t minute_ms = 60000;
    uint64_t now_ms = 100 * minute_ms;
    struct gf_object *object;
    uint8_t frequency;

    key_put(keyspace, 1, 10); /* at 1 ms: 100 minutes ago */
    object = gf_keyspace_peek(keyspace, hash, key, now_ms);
    cr_assert_eq(gf_object_frequency(&context, object, 1), 5);
    cr_assert_eq(gf_object_frequency(&context, object, 3 * minute_ms + 1), 2);
    cr_assert_eq(gf_object_frequency(&context, object, now_ms), 0);
    for (uint32_t i = 0; i < 1000; i++)
        (void)gf_keyspace_find(keyspace, hash, key, now_ms);
    frequency = gf_object_frequency(&context, object, now_ms);
    /* Redis documents 18 for a thousand hits with factor 10, from 5 on. */
    cr_assert_gt(frequency, 12);
    cr_assert_lt(frequency, 26);
    cr_assert_eq(gf_object_frequency(&context, object, now_ms + 4 * minute_ms), frequency - 4);

    context.lfu = false;
    (void)gf_keyspace_find(keyspace, hash, key, now_ms);
    cr_assert_lt(gf_object_idle_ms(object, now_ms), 64);
    cr_assert_lt(gf_object_idle_ms(object, now_ms + 5000) - 4900, 200);
    gf_object_set_idle_ms(object, 3600000, now_ms);
    cr_assert_lt(gf_object_idle_ms(object, now_ms) - 3599900, 200);
    gf_keyspace_destroy(keyspace);
}

Test(keyspace, expiry_slices_are_bounded_and_thorough)
{
    struct gf_keyspace_context context = {.hash_seed = SEED};
    struct gf_keyspace *keyspace = gf_keyspace_create(&context);
    struct gf_value value = {.bytes = GF_BYTES("v")};
    uint32_t slices = 0;
    char text[2000];

    for (uint32_t number = 0; number < 10000; number++) {
        struct gf_bytes key = key_text(number, text);

        (void)gf_keyspace_put(keyspace, gf_keyspace_hash(SEED, key), key, &value,
                              number % 3 ? 0 : 1000 + number, 1);
    }
    cr_assert_eq(gf_keyspace_volatile_count(keyspace), 3334);
    cr_assert_gt(gf_keyspace_average_ttl_ms(keyspace, 1), 5000);
    cr_assert_lt(gf_keyspace_average_ttl_ms(keyspace, 1), 7000);
    cr_assert_eq(gf_keyspace_expire_slice(keyspace, 10000, 999), 0);
    cr_assert_leq(gf_keyspace_expire_slice(keyspace, 10, 20000), 90);
    while (gf_keyspace_volatile_count(keyspace) > 0) {
        (void)gf_keyspace_expire_slice(keyspace, 10, 20000);
        cr_assert_lt(++slices, 1000);
    }
    cr_assert_eq(gf_keyspace_count(keyspace), 6666);
    gf_keyspace_check(keyspace);
    gf_keyspace_destroy(keyspace);
}

/* A flush during the growth of a large table: what the frontier has left behind are millions of
 * buckets that are not there, and passing them by is work, too. */
Test(keyspace, clear_slices_are_bounded_where_there_is_nothing)
{
    struct gf_keyspace_context context = {.hash_seed = SEED};
    struct gf_keyspace *keyspace = gf_keyspace_create(&context);
    const struct gf_table *table = &keyspace->table;

    for (uint32_t number = 0; table->frontier_bucket < 4 * GF_SEGMENT_BUCKETS; number++)
        key_put(keyspace, number, 10);
    cr_assert_null(gf_table_line(table, 0));
    for (uint32_t slices = 1; slices < 100; slices++) {
        cr_assert_not(gf_keyspace_clear_slice(keyspace, 1));
        cr_assert_leq(keyspace->clear_line, slices);
    }
    gf_keyspace_destroy(keyspace);
}
