/* The structure under streams, against an array of entries. */
#include "modules/stream.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

#include "core/alloc.h"
#include "modules/exec.h"
#include "modules/stream_save.h"
#include "support/random.h"

#define COUNT_MAX 6000
#define VALUES_MAX 6

struct entry {
    struct gf_id id;
    uint32_t count; /* words */
    char text[VALUES_MAX][24];
};

static struct entry model[COUNT_MAX];
static uint32_t model_count;
static struct gf_limits limits = {.stream_node_max_bytes = 400, .stream_node_max_entries = 10};

static void entry_draw(struct test_random *random, struct entry *entry)
{
    entry->count = 2 * (1 + (uint32_t)test_random_below(random, VALUES_MAX / 2));
    for (uint32_t i = 0; i < entry->count; i++) {
        if (i % 2 == 0)
            snprintf(entry->text[i], 24, "f%u", (unsigned)(i * test_random_below(random, 5) / 4));
        else if (test_random_below(random, 2) == 0)
            snprintf(entry->text[i], 24, "%lld",
                     (long long)test_random_next(random) >> test_random_below(random, 63));
        else
            snprintf(entry->text[i], 24, "%.*s", (int)test_random_below(random, 20),
                     "abcdefghijklmnopqrstuvwxyz");
    }
}

static void append(struct test_random *random, struct gf_stream *stream)
{
    struct entry *entry = &model[model_count];
    struct gf_bytes words[VALUES_MAX];

    entry_draw(random, entry);
    for (uint32_t i = 0; i < entry->count; i++)
        words[i] = gf_bytes_of(entry->text[i]);
    entry->id = stream->last_id;
    if (test_random_below(random, 3) == 0)
        entry->id.ms += test_random_next(random) >> (40 + test_random_below(random, 23));
    if (entry->id.ms > stream->last_id.ms)
        entry->id.seq = test_random_below(random, 3);
    else
        entry->id.seq += 1 + (test_random_next(random) >> (40 + test_random_below(random, 23)));
    cr_assert(gf_stream_append(stream, entry->id,
                               &(struct gf_stream_words){.words = words, .count = entry->count},
                               &limits));
    model_count++;
}

static void forget(uint32_t index, uint32_t count)
{
    model_count -= count;
    memmove(&model[index], &model[index + count], (model_count - index) * sizeof(*model));
}

static void take_out(struct test_random *random, struct gf_stream *stream)
{
    uint32_t index = (uint32_t)test_random_below(random, model_count);
    struct gf_id id = model[index].id;

    cr_assert(gf_stream_remove(stream, id));
    cr_assert(not(gf_stream_remove(stream, id)));
    forget(index, 1);
}

static void trim(struct test_random *random, struct gf_stream *stream)
{
    struct gf_stream_trim trim = {.kind = GF_STREAM_TRIM_MAXLEN, .maxlen = model_count};
    uint64_t gone = test_random_below(random, model_count < 30 ? model_count : 30);
    uint64_t trimmed;

    trim.approximate = test_random_below(random, 3) == 0;
    if (test_random_below(random, 2) == 0)
        trim.maxlen -= gone;
    else {
        trim.kind = GF_STREAM_TRIM_MINID;
        trim.minid = model[gone].id;
    }
    trimmed = gf_stream_trim(stream, &trim, NULL);
    if (trim.approximate)
        cr_assert(le(u64, trimmed, gone));
    else
        cr_assert(eq(u64, trimmed, gone));
    forget(0, (uint32_t)trimmed);
}

static void value_same(const struct gf_stream_value *value, const char *text)
{
    char number[GF_I64_TEXT_MAX];
    struct gf_bytes bytes = value->bytes;

    if (!bytes.data)
        bytes = (struct gf_bytes){.data = number, .size = gf_i64_format(number, value->number)};
    cr_assert(gf_bytes_equal(bytes, gf_bytes_of(text)));
}

static void entry_same(struct gf_stream_entry entry, const struct entry *expected)
{
    cr_assert(gf_id_compare(entry.id, expected->id) == 0);
    cr_assert(eq(u32, 2 * entry.count, expected->count));
    for (uint32_t i = 0; i < entry.count; i++) {
        struct gf_stream_value pair[2];

        gf_stream_entry_pair(&entry, pair);
        value_same(&pair[0], expected->text[2 * i]);
        value_same(&pair[1], expected->text[2 * i + 1]);
    }
}

static void range_same(struct test_random *random, const struct gf_stream *stream)
{
    uint32_t from = (uint32_t)test_random_below(random, model_count);
    uint32_t to = from + (uint32_t)test_random_below(random, model_count - from);
    struct gf_stream_entry entry;
    struct gf_stream_walk walk;

    gf_stream_walk_start(&walk, stream, model[from].id, model[to].id);
    for (uint32_t i = from; i <= to; i++) {
        cr_assert(gf_stream_walk_next(&walk, &entry));
        entry_same(entry, &model[i]);
    }
    cr_assert(not(gf_stream_walk_next(&walk, &entry)));
    gf_stream_walk_back_start(&walk, stream, model[from].id, model[to].id);
    for (uint32_t i = to + 1; i-- > from;) {
        cr_assert(gf_stream_walk_back_next(&walk, &entry));
        entry_same(entry, &model[i]);
    }
    cr_assert(not(gf_stream_walk_back_next(&walk, &entry)));
    gf_stream_walk_end(&walk);
}

static void edges_same(const struct gf_stream *stream)
{
    cr_assert(eq(u64, stream->length, model_count));
    if (model_count == 0) {
        cr_assert(gf_id_is_zero(gf_stream_first_id(stream)));
        return;
    }
    cr_assert(gf_id_compare(gf_stream_first_id(stream), model[0].id) == 0);
    cr_assert(gf_id_compare(gf_stream_edge_id(stream), model[model_count - 1].id) == 0);
}

/* The stream after a way through save and load, or through copy. */
static struct gf_stream *again(struct gf_stream *stream, bool copied)
{
    struct gf_chain chain = {0};
    struct gf_saver saver = {.chain = &chain};
    struct gf_stream *loaded;
    struct gf_buf bytes = {0};
    struct gf_loader loader;

    gf_stream_save(stream, &saver);
    gf_chain_seal(&chain);
    for (struct gf_chunk *chunk = chain.first; chunk; chunk = chunk->next)
        gf_buf_add(&bytes, (struct gf_bytes){.data = chunk->data, .size = chunk->used});
    loader = (struct gf_loader){.at = bytes.data, .end = bytes.data + bytes.size};
    loaded = copied ? gf_stream_copy(stream, NULL) : gf_stream_load(&loader);
    cr_assert(loaded != NULL);
    cr_assert(eq(u64, gf_stream_digest(stream, 5), gf_stream_digest(loaded, 5)));
    gf_stream_destroy(stream);
    gf_chain_clear(&chain);
    gf_buf_deinit(&bytes);
    return loaded;
}

static void play(uint64_t seed, uint32_t steps)
{
    struct test_random random = {.state = seed};
    struct gf_stream *stream = gf_stream_create();

    for (uint32_t i = 0; i < steps; i++) {
        uint64_t roll = test_random_below(&random, 100);
        bool grows = i / 2000 % 2 == 0;

        if (model_count < COUNT_MAX && (model_count == 0 || roll < (grows ? 70 : 30)))
            append(&random, stream);
        else if (roll < 95)
            take_out(&random, stream);
        else
            trim(&random, stream);
        edges_same(stream);
        if (model_count > 0 && i % 20 == 0)
            range_same(&random, stream);
        if (i % 100 == 0)
            gf_stream_check(stream);
        if (i % 500 == 0)
            stream = again(stream, i % 1000 == 0);
    }
    gf_stream_destroy(stream);
}

/* Ids, values, blocks that lose entries in the middle and at both ends, and what is saved. */
Test(stream, is_an_array_of_entries)
{
    play(1, 12000);
}

Test(stream, is_an_array_of_entries_when_blocks_are_large)
{
    limits = (struct gf_limits){.stream_node_max_bytes = 0, .stream_node_max_entries = 0};
    play(2, 6000);
}

/* A replica that loads a stream must trim it as its leader does. */
Test(stream, blocks_end_where_they_did_after_a_load)
{
    struct test_random random = {.state = 3};
    struct gf_stream *stream = gf_stream_create();

    for (uint32_t i = 0; i < 203; i++)
        append(&random, stream);

    uint64_t blocks = stream->blocks.count;

    stream = again(stream, false);
    cr_expect(eq(u64, stream->blocks.count, blocks));
    gf_stream_destroy(stream);
}

/* Freeing what is big must not hold others up, and must come to an end. */
Test(stream, is_freed_in_slices)
{
    struct gf_memory_account account = {0};
    struct gf_memory_account *before = gf_memory_account_use(&account);
    struct test_random random = {.state = 4};
    struct gf_stream *stream = gf_stream_create();
    uint32_t slices = 1;

    for (uint32_t i = 0; i < 3000; i++)
        append(&random, stream);

    uint64_t weight = gf_stream_weight(stream);

    cr_expect(lt(i64, (int64_t)gf_stream_memory(stream, 0), account.bytes[GF_MEMORY_DATA] + 4096));
    cr_expect(gt(i64, (int64_t)gf_stream_memory(stream, 0), account.bytes[GF_MEMORY_DATA] / 2));
    while (!gf_stream_free_slice(stream, 16))
        slices++;
    cr_expect(ge(u64, slices, weight / 16));
    cr_expect(eq(i64, account.bytes[GF_MEMORY_DATA], 0));
    gf_memory_account_use(before);
}

/* 16 bytes of value, one field: 27 bytes in a node of Redis. The allocator rounds blocks up. */
Test(stream, an_entry_costs_little_more_than_its_value)
{
    struct gf_limits usual = {.stream_node_max_bytes = 4096, .stream_node_max_entries = 100};
    struct gf_bytes words[2] = {GF_BYTES("field"), GF_BYTES("value:0123456789")};
    struct gf_stream_words pair = {.words = words, .count = 2};
    struct gf_stream *stream = gf_stream_create();

    for (uint64_t i = 1; i <= 100000; i++)
        cr_assert(gf_stream_append(stream, (struct gf_id){1700000000000 + i, 0}, &pair, &usual));
    cr_expect(lt(u64, gf_stream_memory(stream, 0), 100000 * 21));
    gf_stream_destroy(stream);
}
