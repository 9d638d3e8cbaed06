/* Packed values: what is written is read back, in the fewest bytes, and bad runs are told apart. */
#include "modules/packed.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "core/alloc.h"
#include "core/hash.h"
#include "support/random.h"

#define BIG 70000u

static struct gf_block block;
static char big[BIG];

static void init(void)
{
    block = (struct gf_block){0};
    memset(big, 'x', sizeof(big));
}

static void fini(void)
{
    gf_free(GF_MEMORY_DATA, block.data);
}

TestSuite(packed, .init = init, .fini = fini);

static void append(struct gf_bytes bytes)
{
    struct gf_packed_draft draft = gf_packed_draft(bytes);

    cr_assert(gf_packed_append(&block, &draft));
}

/* The value at an offset is `bytes`, and the next one begins at *offset then. */
static void expect(size_t *offset, struct gf_bytes bytes)
{
    char text[GF_PACKED_TEXT_MAX];
    struct gf_packed_view view;
    const char *at = block.data + *offset;
    const char *next = gf_packed_read(at, &view);

    cr_assert(next == gf_packed_next(at));
    cr_assert(gf_bytes_equal(gf_packed_text(&view, text), bytes), "%.*s", (int)bytes.size,
              bytes.data);
    cr_assert(eq(sz, gf_packed_text_size(&view), bytes.size));
    cr_assert(gf_packed_view_equals(&view, bytes));
    *offset = (size_t)(next - block.data);
}

/* Whatever a client stores comes back byte for byte, in no more bytes than promised. */
Test(packed, every_kind_of_value_comes_back)
{
    static const struct {
        const char *text;
        size_t size;
    } rows[] = {
        {"", 1},
        {"a", 2},
        {"0", 1},
        {"111", 1},
        {"112", 2},
        {"127", 2},
        {"128", 3},
        {"-1", 2},
        {"-128", 2},
        {"-129", 3},
        {"32767", 3},
        {"32768", 4},
        {"8388607", 4},
        {"8388608", 5},
        {"2147483648", 6},
        {"-9223372036854775808", 9},
        {"9223372036854775807", 9},
        {"9223372036854775808", 20},
        {"01", 3},
        {"-0", 3},
        {"+1", 3},
        {" 1", 3},
        {"1 ", 3},
        {"-", 2},
        {"1.5", 4},
        {"--1", 4},
        {"1234567890123456", 8},
        {"0123456789012345", 10},
        {"0123456789abcdef", 10},
        {"00000000000000000000000000000000", 18},
        {"fedcba9876543210fedcba98", 14},
        {"da39a3ee5e6b4b0d3255bfef95601890afd80709", 22},
        {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 34},
        {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85500000000", 73},
        {"0123456789abcde", 16},
        {"0123456789abcdef0", 18},
        {"0123456789ABCDEF", 17},
        {"0123456789abcdeg", 17},
        {"xxxxxxxxxxxxxxxx", 17},
        {"-123456789abcdef", 17},
        {"01234567", 9},
        {"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", 17},
        {"F81d4fae-7dec-11d0-a765-00a0c91e6bf6", 37},
        {"f81d4fae-7dec-11d0-a765-00a0c91e6bfG", 37},
        {"f81d4fae07dec-11d0-a765-00a0c91e6bf6", 37},
        {"f81d4fae-7dec-11d0-a765000a0c91e6bf6", 37},
    };
    size_t offset = 0;
    uint64_t count;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        size_t before = block.size;

        append(gf_bytes_of(rows[i].text));
        cr_expect(eq(sz, block.size - before, rows[i].size), "%s", rows[i].text);
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        expect(&offset, gf_bytes_of(rows[i].text));
    cr_assert(gf_packed_valid((struct gf_bytes){.data = block.data, .size = block.size}, &count));
    cr_assert(eq(u64, count, sizeof(rows) / sizeof(*rows)));
}

/* A text is packed as digits when it is all digits, wherever the one that is none may stand. */
Test(packed, every_byte_among_digits_comes_back)
{
    char text[GF_PACKED_DIGITS_MAX];

    for (uint32_t i = 0; i < 256 * 24; i++) {
        struct gf_bytes bytes = {.data = text, .size = 24};
        struct gf_packed_draft draft;
        char back[GF_PACKED_TEXT_MAX];
        struct gf_packed_view view;
        bool is_digit = strchr("0123456789abcdef", (int)(i % 256)) != NULL && i % 256 != 0;

        memset(text, '0' + (int)(i % 10), sizeof(text));
        text[0] = '0'; /* or it would be an integer */
        text[i / 256] = (char)i;
        draft = gf_packed_draft(bytes);
        cr_assert(eq(sz, gf_packed_draft_size(&draft), is_digit ? 14 : 25), "%u", i);
        block.size = 0;
        append(bytes);
        (void)gf_packed_read(block.data, &view);
        cr_assert(gf_bytes_equal(gf_packed_text(&view, back), bytes), "%u", i);
        cr_assert(gf_packed_is(block.data, &draft));
        cr_assert(eq(u64, gf_packed_hash(block.data, 7), gf_hash64(text, bytes.size, 7)));
        cr_assert(eq(u64, gf_packed_draft_hash(&draft, 7), gf_hash64(text, bytes.size, 7)));
        draft = gf_packed_draft_of(&view);
        cr_assert(gf_packed_is(block.data, &draft));
    }
}

/* Sizes change their form at 127 and 65535: both sides of each border come back. */
Test(packed, long_values_come_back)
{
    static const size_t sizes[] = {126, 127, 128, 255, 256, 65535, 65536, BIG};
    size_t offset = 0;
    uint64_t count;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        append((struct gf_bytes){.data = big, .size = sizes[i]});
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        expect(&offset, (struct gf_bytes){.data = big, .size = sizes[i]});
    cr_assert(eq(sz, offset, block.size));
    cr_assert(gf_packed_valid((struct gf_bytes){.data = block.data, .size = block.size}, &count));
}

/* A member far away is the same member as one that is near: found, and hashed alike. */
Test(packed, far_values_equal_near_ones)
{
    struct gf_bytes bytes = {.data = big, .size = 1000};
    struct gf_packed_far *far = gf_packed_far_create(bytes);
    struct gf_packed_draft far_draft = gf_packed_draft_far(far);
    struct gf_packed_draft draft = gf_packed_draft(bytes);
    struct gf_packed_view view;
    uint64_t count;

    cr_assert(gf_packed_append(&block, &far_draft));
    cr_assert(eq(sz, block.size, 9));
    cr_assert(gf_packed_is(block.data, &draft));
    cr_assert(eq(u64, gf_packed_hash(block.data, 7), gf_packed_draft_hash(&draft, 7)));
    gf_packed_read(block.data, &view);
    cr_assert(view.far == far);
    cr_assert(
        not(gf_packed_valid((struct gf_bytes){.data = block.data, .size = block.size}, &count)));
    gf_free(GF_MEMORY_DATA, far);
}

/* A value equal to a field is no field: only the first of each record counts. */
Test(packed, find_looks_at_the_first_of_each_record)
{
    struct gf_packed_draft draft = gf_packed_draft(GF_BYTES("v"));
    struct gf_bytes run;

    append(GF_BYTES("f"));
    append(GF_BYTES("v"));
    append(GF_BYTES("5"));
    append(GF_BYTES("g"));
    run = (struct gf_bytes){.data = block.data, .size = block.size};
    cr_assert(gf_packed_find(run, &draft, 2) == NULL);
    cr_assert(gf_packed_find(run, &draft, 1) == block.data + 2);
    draft = gf_packed_draft(GF_BYTES("5"));
    cr_assert(gf_packed_find(run, &draft, 2) == block.data + 4);
    cr_assert(eq(u64, gf_packed_hash(block.data + 4, 3), gf_packed_draft_hash(&draft, 3)));
}

#define MODEL_MAX 64u

/* A value out of few: numbers, short and long bytes. */
static struct gf_bytes value_any(struct test_random *random, char *text)
{
    uint64_t kind = test_random_below(random, 8);

    if (kind == 0)
        return (struct gf_bytes){.data = big, .size = test_random_below(random, 300)};
    if (kind < 4)
        return (struct gf_bytes){.data = text,
                                 .size = gf_i64_format(text, (int64_t)test_random_next(random) >>
                                                                 test_random_below(random, 64))};
    text[0] = 'a' + (char)test_random_below(random, 26);
    return (struct gf_bytes){.data = text, .size = test_random_below(random, 2)};
}

/* Any mixture of inserts, replacements and removals leaves what a plain list would hold. */
Test(packed, random_changes_match_a_list)
{
    struct test_random random = {.state = 42};
    struct {
        char data[320];
        size_t size;
    } model[MODEL_MAX + 1];
    size_t count = 0;

    for (uint32_t step = 0; step < 20000; step++) {
        size_t index = test_random_below(&random, count + 1);
        size_t offset = (size_t)(gf_packed_skip(block.data, (uint32_t)index) - block.data);
        uint64_t action = count == MODEL_MAX ? 2 : test_random_below(&random, 3);
        char text[GF_I64_TEXT_MAX];
        struct gf_bytes value = value_any(&random, text);
        struct gf_packed_draft draft = gf_packed_draft(value);

        if (index == count)
            action = 0;
        if (index == count && count == MODEL_MAX)
            continue;
        if (action == 2) {
            gf_packed_remove(&block, offset, 1);
            memmove(&model[index], &model[index + 1], (count - index) * sizeof(*model));
            count--;
        } else if (action == 1) {
            cr_assert(gf_packed_replace(&block, offset, &draft));
        } else {
            cr_assert(gf_packed_insert(&block, offset, &draft));
            memmove(&model[index + 1], &model[index], (count - index) * sizeof(*model));
            count++;
        }
        if (action != 2) {
            memcpy(model[index].data, value.data, value.size);
            model[index].size = value.size;
        }
        offset = 0;
        for (size_t i = 0; i < count; i++)
            expect(&offset, (struct gf_bytes){.data = model[i].data, .size = model[i].size});
        cr_assert(eq(sz, offset, block.size));
    }
}

/* Bytes from anybody: the check reads no further than their end and accepts one form only. */
Test(packed, hostile_runs_are_told_apart)
{
    static const struct gf_bytes bad[] = {
        GF_BYTES("\x02"
                 "a"),
        GF_BYTES("\x01"
                 "5"),
        GF_BYTES("\xf0"),
        GF_BYTES("\xf0\x05"),
        GF_BYTES("\xf1\x05\x00"),
        GF_BYTES("\xf8\x01\x00"
                 "a"),
        GF_BYTES("\xf8\x01"),
        GF_BYTES("\xf9\xff\xff\xff\xff"
                 "a"),
        GF_BYTES("\xfa"
                 "12345678"),
        GF_BYTES("\xfb"),
        GF_BYTES("\xfb\x08"),
        GF_BYTES("\xfb\x08"
                 "\xab"
                 "234567"),
        GF_BYTES("\xfb\x04"
                 "\xab"
                 "234"),
        GF_BYTES("\xfb\x09"
                 "\xab"
                 "23456789"),
        GF_BYTES("\xfb\x24"
                 "\xab"
                 "23456789012345678901234567890123456"),
        GF_BYTES("\xfb\x08\x12\x34\x56\x78\x90\x12\x34\x56"), /* an integer */
        GF_BYTES("\xfc"
                 "123456789012345"),
        GF_BYTES("\xfd"),
        GF_BYTES("\xff"),
    };
    struct test_random random = {.state = 7};
    char bytes[64];
    uint64_t count;

    /* Once digits were kept as text. */
    cr_expect(gf_packed_valid(GF_BYTES("\x10"
                                       "0123456789abcdef"),
                              &count));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        cr_expect(not(gf_packed_valid(bad[i], &count)), "%zu", i);
    for (uint32_t i = 0; i < 200000; i++) {
        struct gf_bytes run = {.data = bytes, .size = test_random_below(&random, sizeof(bytes))};

        for (size_t k = 0; k < run.size; k++)
            bytes[k] = (char)(test_random_next(&random) >> 8);
        (void)gf_packed_valid(run, &count);
    }
}
