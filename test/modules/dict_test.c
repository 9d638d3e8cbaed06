/* The table of big collections: it holds what a plain array would, grows and shrinks by single
 * buckets, and its order depends on history alone. */
#include "modules/dict.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "modules/dump.h"
#include "support/random.h"

#define KEYS 3000u
#define SEED 12345u

/* What the dict should hold, by the number of the key. */
struct model {
    bool present[KEYS];
    uint32_t value[KEYS];
    uint64_t expire_ms[KEYS];
    uint64_t count;
};

static struct gf_dict dict;
static struct model model;

static void init(void)
{
    gf_dict_init(&dict, GF_DICT_BYTES, SEED);
    model = (struct model){0};
}

static void fini(void)
{
    gf_dict_deinit(&dict);
}

TestSuite(dict, .init = init, .fini = fini);

/* The text of a key or value: every seventh is a number, every eleventh long. */
static struct gf_bytes text_of(uint32_t number, char *text)
{
    size_t size = (size_t)snprintf(text, 64, number % 7 == 0 ? "%u" : "name:%u", number);

    if (number % 11 == 0) {
        memset(text + size, '.', 400);
        size += 400;
    }
    return (struct gf_bytes){.data = text, .size = size};
}

#define TEXT_MAX 512

static void put(struct gf_dict *to, uint32_t key, uint32_t value, uint64_t expire_ms)
{
    char key_text[TEXT_MAX];
    char value_text[TEXT_MAX];
    struct gf_dict_draft draft = {.value = text_of(value, value_text), .expire_ms = expire_ms};
    enum gf_dict_put_result result =
        gf_dict_put(to, text_of(key, key_text), to->kind == GF_DICT_BYTES ? &draft : NULL, NULL);

    cr_assert(result == (model.present[key] ? GF_DICT_CHANGED : GF_DICT_ADDED));
    model.count += !model.present[key];
    model.present[key] = true;
    model.value[key] = value;
    model.expire_ms[key] = expire_ms;
}

static void drop(uint32_t key)
{
    char text[TEXT_MAX];

    cr_assert(gf_dict_remove(&dict, text_of(key, text)) == model.present[key]);
    model.count -= model.present[key];
    model.present[key] = false;
}

static void expect_key(const struct gf_dict *in, uint32_t key)
{
    char text[TEXT_MAX];
    struct gf_dict_entry entry;

    cr_assert(gf_dict_find(in, text_of(key, text), &entry) == model.present[key]);
    if (!model.present[key])
        return;
    cr_assert(gf_packed_view_equals(&entry.key, text_of(key, text)));
    cr_assert(gf_packed_view_equals(&entry.value, text_of(model.value[key], text)));
    cr_assert(eq(u64, entry.expire_ms, model.expire_ms[key]));
}

static void expect_all(const struct gf_dict *in)
{
    gf_dict_check(in);
    cr_assert(eq(u64, gf_dict_count(in), model.count));
    for (uint32_t key = 0; key < KEYS; key++)
        expect_key(in, key);
}

/* Both dicts hold the same in the same order, and will go on to. */
static void expect_same(const struct gf_dict *a, const struct gf_dict *b)
{
    struct gf_dict_walk walk_a, walk_b;
    struct gf_dict_entry entry_a, entry_b;
    char text[GF_I64_TEXT_MAX];

    gf_dict_check(b);
    cr_assert(eq(u64, a->count, b->count));
    cr_assert(eq(u32, a->buckets_count, b->buckets_count));
    cr_assert(eq(u32, a->largest, b->largest));
    gf_dict_walk_init(&walk_a, a);
    gf_dict_walk_init(&walk_b, b);
    while (gf_dict_walk_next(&walk_a, &entry_a)) {
        cr_assert(gf_dict_walk_next(&walk_b, &entry_b));
        cr_assert(gf_packed_view_equals(&entry_a.key, gf_packed_text(&entry_b.key, text)));
        cr_assert(eq(u64, entry_a.expire_ms, entry_b.expire_ms));
    }
    cr_assert(not(gf_dict_walk_next(&walk_b, &entry_b)));
}

/* Any mixture of puts, changes and removals, growing and shrinking through all sizes, leaves what
 * an array would hold. */
Test(dict, random_changes_match_an_array)
{
    struct test_random random = {.state = 99};

    for (uint32_t round = 0; round < 6; round++) {
        bool shrinking = round % 2;

        for (uint32_t step = 0; step < 12000; step++) {
            uint32_t key = (uint32_t)test_random_below(&random, KEYS);

            if (test_random_below(&random, 10) < (shrinking ? 8u : 2u))
                drop(key);
            else
                put(&dict, key, (uint32_t)test_random_below(&random, 500),
                    round < 2 || test_random_below(&random, 20)
                        ? 0
                        : 1 + test_random_below(&random, 99));
            if (step % 500 == 0)
                expect_all(&dict);
        }
        expect_all(&dict);
    }
    for (uint32_t key = 0; key < KEYS; key++)
        drop(key);
    expect_all(&dict);
    cr_assert(dict.segments == NULL);
}

/* Sets have nothing behind the key, sorted sets eight bytes: both find them again. */
Test(dict, keys_alone_and_keys_with_scores)
{
    struct gf_dict set, scores;
    struct gf_dict_entry entry;
    char text[TEXT_MAX];

    gf_dict_init(&set, GF_DICT_KEYS, SEED);
    gf_dict_init(&scores, GF_DICT_SCORES, SEED);
    for (uint32_t key = 0; key < KEYS; key++) {
        struct gf_dict_draft draft = {.score = key / 3.0};

        put(&set, key, 0, 0);
        cr_assert(gf_dict_put(&scores, text_of(key, text), &draft, &entry) == GF_DICT_ADDED);
        cr_assert(gf_packed_view_equals(&entry.key, text_of(key, text)));
        cr_assert(entry.score == key / 3.0);
        cr_assert(eq(int, entry.key.far != NULL, key % 11 == 0));
        draft.score += 1;
        cr_assert(gf_dict_put(&scores, text_of(key, text), &draft, NULL) == GF_DICT_CHANGED);
    }
    for (uint32_t key = 0; key < KEYS; key++) {
        cr_assert(gf_dict_find(&set, text_of(key, text), NULL));
        cr_assert(gf_dict_find(&scores, text_of(key, text), &entry));
        cr_assert(entry.score == key / 3.0 + 1);
    }
    gf_dict_check(&set);
    gf_dict_check(&scores);
    for (uint32_t key = 0; key < KEYS; key++) {
        cr_assert(gf_dict_remove(&set, text_of(key, text)));
        cr_assert(gf_dict_remove(&scores, text_of(key, text)));
    }
    cr_assert(set.segments == NULL && scores.segments == NULL);
}

/* The key's own block stays where it is while its entry lives: whoever shares it may rely on it. */
Test(dict, far_keys_stay_where_they_are)
{
    struct gf_dict_entry entry, later;
    char text[TEXT_MAX];

    put(&dict, 0, 0, 0);
    gf_dict_find(&dict, text_of(0, text), &entry);
    for (uint32_t key = 1; key < KEYS; key++)
        put(&dict, key, 0, 0);
    put(&dict, 0, 1, 5);
    gf_dict_find(&dict, text_of(0, text), &later);
    cr_assert(entry.key.far != NULL);
    cr_assert(entry.key.far == later.key.far);
}

struct seen {
    uint32_t times[KEYS];
};

static void visit(void *context, const struct gf_dict_entry *entry)
{
    struct seen *seen = context;
    char text[GF_I64_TEXT_MAX + 1];
    struct gf_bytes key = gf_packed_text(&entry->key, text);
    const char *digits = memchr(key.data, ':', key.size);
    size_t skip = digits ? (size_t)(digits + 1 - key.data) : 0;
    uint32_t number = 0;

    for (size_t i = skip; i < key.size && key.data[i] != '.'; i++)
        number = number * 10 + (uint32_t)(key.data[i] - '0');
    cr_assert(number < KEYS);
    seen->times[number]++;
}

/* HSCAN's promise: what is there all the time is returned, however the table grows or shrinks. */
Test(dict, a_scan_misses_nothing_while_the_table_changes)
{
    struct test_random random = {.state = 3};

    for (uint32_t round = 0; round < 60; round++) {
        uint32_t others = round % 2 ? KEYS : 200; /* grows or shrinks meanwhile */
        struct seen seen = {0};
        uint64_t cursor = 0;

        for (uint32_t key = 0; key < (round % 2 ? 300u : KEYS); key++)
            if (!model.present[key])
                put(&dict, key, 1, 0);
        do {
            cursor = gf_dict_scan(&dict, cursor, 10, visit, &seen);
            for (uint32_t i = 0; i < 100; i++) {
                uint32_t key = 200 + (uint32_t)test_random_below(&random, KEYS - 200);

                if (others == KEYS)
                    put(&dict, key, 1, 0);
                else
                    drop(key);
            }
        } while (cursor != 0);
        for (uint32_t key = 0; key < 200; key++)
            cr_assert(seen.times[key] > 0, "round %u, key %u", round, key);
        for (uint32_t key = 200; key < KEYS; key++)
            drop(key);
    }
}

/* A scan of a table that stays as it is returns each entry once; any cursor is harmless. */
Test(dict, a_scan_in_peace_returns_each_once)
{
    struct test_random random = {.state = 4};
    struct seen seen = {0};
    uint64_t cursor = 0;

    for (uint32_t key = 0; key < KEYS; key++)
        put(&dict, key, 1, 0);
    do {
        cursor = gf_dict_scan(&dict, cursor, 1 + test_random_below(&random, 50), visit, &seen);
    } while (cursor != 0);
    for (uint32_t key = 0; key < KEYS; key++)
        cr_assert(eq(u32, seen.times[key], 1));
    for (uint32_t i = 0; i < 1000; i++)
        gf_dict_scan(&dict, test_random_next(&random), 10, visit, &seen);
}

/* Every entry is drawn equally often: within six standard deviations. */
Test(dict, random_entries_are_uniform)
{
    struct seen seen = {0};
    uint64_t seed = 1;
    uint32_t keys = 500;
    double expected = 400;

    for (uint32_t key = 0; key < keys; key++)
        put(&dict, key, 1, 0);
    for (uint32_t i = 0; i < keys * expected; i++) {
        struct gf_dict_entry entry;

        gf_dict_random(&dict, &seed, &entry);
        visit(&seen, &entry);
    }
    for (uint32_t key = 0; key < keys; key++)
        cr_expect(seen.times[key] > expected - 120 && seen.times[key] < expected + 120, "%u: %u",
                  key, seen.times[key]);
}

/* Entries whose time has come are counted, found and removed without touching the others. */
Test(dict, expired_entries_are_counted_and_purged)
{
    struct test_random random = {.state = 5};
    char text[TEXT_MAX];

    for (uint32_t key = 0; key < KEYS; key++)
        put(&dict, key, 1, key % 3 ? 0 : 1 + test_random_below(&random, 100));
    for (uint32_t key = 0; key < KEYS; key += 17) {
        cr_assert(gf_dict_set_expire(&dict, text_of(key, text), key % 2 * 50));
        model.expire_ms[key] = key % 2 * 50;
    }
    expect_all(&dict);
    for (uint64_t now_ms = 0; now_ms <= 100; now_ms += 5) {
        uint64_t expired = 0;

        for (uint32_t key = 0; key < KEYS; key++) {
            if (!model.present[key] || model.expire_ms[key] == 0 || model.expire_ms[key] > now_ms)
                continue;
            expired++;
            model.present[key] = false;
            model.count--;
        }
        cr_assert(eq(u64, gf_dict_expired_count(&dict, now_ms), expired));
        while (expired > 0) {
            uint64_t purged = gf_dict_purge(&dict, now_ms, 3);

            cr_assert(purged > 0);
            expired -= purged;
        }
        expect_all(&dict);
    }
    cr_assert(eq(u64, dict.expiring_count, 0));
    cr_assert(eq(u64, gf_dict_purge(&dict, 100, 3), 0)); /* nothing is left to look at */
    cr_assert(dict.first_expire_ms == UINT64_MAX);
}

/* Of many entries a few are left: looks find those again at once, while the others go. */
Test(dict, is_over_when_the_last_entry_is)
{
    char text[TEXT_MAX];

    for (uint32_t key = 0; key < KEYS; key++)
        put(&dict, key, 1, key % 500 == 499 ? 1000 + key : 10 + key % 7);
    cr_assert(not(gf_dict_is_over(&dict, 9)));
    for (uint64_t now_ms = 16; now_ms < 1000 + KEYS; now_ms += 83) {
        struct gf_dict_entry entry;
        uint32_t last = KEYS / 500 * 500 - 1;
        bool over = 1000 + last <= now_ms;

        cr_assert(eq(int, gf_dict_is_over(&dict, now_ms), over));
        if (!over && dict.buckets_count > 0) {
            uint32_t living = dict.living;

            cr_assert(not(gf_dict_is_over(&dict, now_ms)));
            cr_assert(eq(u32, dict.living, living));
            cr_assert(gf_dict_find(&dict, text_of(last, text), &entry));
        }
        (void)gf_dict_purge(&dict, now_ms, 16);
    }
    cr_assert(gf_dict_is_over(&dict, 1000 + KEYS));
    while (gf_dict_purge(&dict, 1000 + KEYS, 1000) > 0)
        ;
    cr_assert(eq(u64, gf_dict_count(&dict), 0));
}

static void save(const struct gf_dict *from, struct gf_buf *ret_bytes)
{
    struct gf_chain chain = {0};
    struct gf_saver saver = {.chain = &chain};

    gf_dict_save(from, &saver);
    gf_chain_seal(&chain);
    for (struct gf_chunk *chunk = chain.first; chunk; chunk = chunk->next)
        gf_buf_add(ret_bytes, (struct gf_bytes){.data = chunk->data, .size = chunk->used});
    gf_chain_clear(&chain);
}

static void grow_for_saves(struct test_random *random)
{
    for (uint32_t step = 0; step < 4000; step++) {
        uint32_t key = (uint32_t)test_random_below(random, KEYS);

        if (step % 4 == 3)
            drop(key);
        else
            put(&dict, key, key, step % 5 ? 0 : 1 + step);
    }
}

/* A replica that was loaded from a snapshot goes on exactly as the one that was not. */
Test(dict, copies_and_loaded_ones_go_on_the_same)
{
    struct test_random random = {.state = 6};
    struct gf_buf bytes = {0};
    struct gf_loader loader;
    struct gf_dict loaded, copy;
    uint64_t seed_a = 9, seed_b = 9;

    grow_for_saves(&random);
    save(&dict, &bytes);
    loader =
        (struct gf_loader){.at = bytes.data, .end = bytes.data + bytes.size, .hash_seed = SEED};
    cr_assert(gf_dict_load(&loaded, GF_DICT_BYTES, &loader));
    cr_assert(eq(u64, gf_loader_left(&loader), 0));
    cr_assert(gf_dict_copy(&copy, &dict, NULL));
    expect_same(&dict, &loaded);
    expect_same(&dict, &copy);
    expect_all(&loaded);
    expect_all(&copy);
    for (uint32_t i = 0; i < 100; i++) {
        struct gf_dict_entry a, b;
        char text[GF_I64_TEXT_MAX];

        gf_dict_random(&dict, &seed_a, &a);
        gf_dict_random(&loaded, &seed_b, &b);
        cr_assert(gf_packed_view_equals(&a.key, gf_packed_text(&b.key, text)));
    }
    for (uint32_t key = 0; key < KEYS; key += 2) {
        char text[TEXT_MAX];

        gf_dict_remove(&dict, text_of(key, text));
        gf_dict_remove(&loaded, text_of(key, text));
    }
    cr_assert(eq(u64, gf_dict_purge(&dict, 2000, 1000), gf_dict_purge(&loaded, 2000, 1000)));
    expect_same(&dict, &loaded);
    gf_dict_deinit(&loaded);
    gf_dict_deinit(&copy);
    gf_buf_deinit(&bytes);
}

/* Saved bytes come from anybody: whatever was changed in them, the result is a sound dict or
 * none. */
Test(dict, load_survives_any_bytes)
{
    struct test_random random = {.state = 8};
    struct gf_buf bytes = {0};

    for (uint32_t key = 0; key < 60; key++)
        put(&dict, key, key, key % 3 ? 0 : 77);
    save(&dict, &bytes);
    for (uint32_t round = 0; round < 30000; round++) {
        size_t at = test_random_below(&random, bytes.size);
        size_t end = round % 3 ? bytes.size : at;
        char before = bytes.data[at];
        struct gf_loader loader = {.at = bytes.data, .end = bytes.data + end, .hash_seed = SEED};
        struct gf_dict loaded;

        bytes.data[at] = (char)test_random_next(&random);
        if (gf_dict_load(&loaded, round % 2 ? GF_DICT_BYTES : GF_DICT_SCORES, &loader)) {
            gf_dict_check(&loaded);
            gf_dict_deinit(&loaded);
        }
        bytes.data[at] = before;
    }
    gf_buf_deinit(&bytes);
}

/* A hash of millions goes in slices: each call frees about what it was told to. */
Test(dict, freed_in_slices)
{
    uint32_t slices = 0;

    for (uint32_t key = 0; key < KEYS; key++)
        put(&dict, key, 1, 0);
    cr_assert(gf_dict_memory(&dict, 0) > KEYS * 20);
    cr_assert(gf_dict_memory(&dict, 100) > KEYS * 20);
    while (!gf_dict_free_slice(&dict, 100))
        slices++;
    cr_assert(slices > KEYS / 200);
    cr_assert(dict.segments == NULL);
}

/* Prefetches read what is there, however far the table got, and change nothing. */
Test(dict, prefetches_are_harmless)
{
    for (uint32_t key = 0; key < KEYS; key++) {
        char text[32];
        struct gf_bytes name = {.data = text};
        const void *at = NULL;
        uint64_t count = gf_dict_count(&dict);

        name.size = (size_t)snprintf(text, sizeof(text), "element:%u", key);
        for (uint32_t step = 0; step < 3 && (step == 0 || at); step++)
            at = gf_dict_prefetch(&dict, name, step, at);
        cr_assert_null(at);
        cr_assert_eq(gf_dict_count(&dict), count);
        put(&dict, key, 1, 0);
    }
    gf_dict_check(&dict);
}
