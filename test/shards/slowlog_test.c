/* Entries of the slow log: what is kept of a command, and how many. */
#include "shards/slowlog.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/alloc.h"

static struct gf_slowlog slowlog;

static void setup(void)
{
    gf_slowlog_init(&slowlog);
}

static void teardown(void)
{
    gf_slowlog_clear(&slowlog);
    cr_expect_eq(slowlog.count, 0);
    cr_expect(gf_list_empty(&slowlog.entries));
}

TestSuite(slowlog, .init = setup, .fini = teardown, .timeout = 10);

static void add(uint64_t id, const struct gf_bytes *words, uint32_t count)
{
    struct gf_slowlog_event event = {
        .id = id,
        .time_s = 1700000000 + id,
        .duration_us = 10 * id,
        .name = GF_BYTES("rod"),
        .peer = {.text = "127.0.0.1:5"},
        .words = words,
        .words_count = count,
    };

    gf_slowlog_add(&slowlog, &event, 3);
}

static const struct gf_slowlog_entry *newest(void)
{
    struct gf_link *link = gf_list_peek_front(&slowlog.entries);

    cr_assert_not_null(link);
    return gf_container(link, struct gf_slowlog_entry, link);
}

static void expect_arg(const struct gf_slowlog_entry *entry, uint32_t *offset, const char *text)
{
    struct gf_bytes arg = gf_slowlog_arg(entry, offset);

    cr_expect(gf_bytes_equal(arg, gf_bytes_of(text)), "%.*s is not %s", (int)arg.size, arg.data,
              text);
}

Test(slowlog, entry_holds_what_was_said)
{
    struct gf_bytes words[] = {GF_BYTES("SET"), GF_BYTES("k"), GF_BYTES("")};
    const struct gf_slowlog_entry *entry;
    uint32_t offset;

    add(1, words, 3);
    entry = newest();
    offset = entry->name_size;
    cr_expect_eq(entry->id, 1);
    cr_expect_eq(entry->time_s, 1700000001);
    cr_expect_eq(entry->duration_us, 10);
    cr_expect_str_eq(entry->peer.text, "127.0.0.1:5");
    cr_expect(gf_bytes_equal(gf_slowlog_name(entry), GF_BYTES("rod")));
    cr_expect_eq(entry->args_count, 3);
    expect_arg(entry, &offset, "SET");
    expect_arg(entry, &offset, "k");
    expect_arg(entry, &offset, "");
}

Test(slowlog, long_words_are_cut)
{
    char text[130];
    char cut[160] = "";
    struct gf_bytes words[] = {GF_BYTES("SET"), {.data = text, .size = sizeof(text)}};
    uint32_t offset;

    memset(text, 'x', sizeof(text));
    memset(cut, 'x', GF_SLOWLOG_ARG_SIZE);
    strcat(cut, "... (2 more bytes)");
    add(1, words, 2);
    offset = newest()->name_size;
    expect_arg(newest(), &offset, "SET");
    expect_arg(newest(), &offset, cut);
}

/* 32 words are kept whole; of more, 31 and how many are missing. */
Test(slowlog, many_words_are_counted)
{
    struct gf_bytes words[40];
    uint32_t offset;

    for (int i = 0; i < 40; i++)
        words[i] = GF_BYTES("w");
    add(1, words, 32);
    cr_expect_eq(newest()->args_count, 32);
    add(2, words, 40);
    cr_expect_eq(newest()->args_count, 32);
    offset = newest()->name_size;
    for (int i = 0; i < 31; i++)
        expect_arg(newest(), &offset, "w");
    expect_arg(newest(), &offset, "... (9 more arguments)");
}

Test(slowlog, oldest_entries_go)
{
    struct gf_bytes words[] = {GF_BYTES("PING")};

    for (uint64_t id = 1; id <= 10; id++)
        add(id, words, 1);
    cr_expect_eq(slowlog.count, 3);
    cr_expect_eq(newest()->id, 10);
    cr_expect_eq(gf_container(slowlog.entries.head.prev, struct gf_slowlog_entry, link)->id, 8);
}

/* A copy outlives its original: another core reads it while this one trims. */
Test(slowlog, copy_stands_alone)
{
    struct gf_bytes words[] = {GF_BYTES("ECHO"), GF_BYTES("hello")};
    struct gf_slowlog_entry *copy;
    uint32_t offset;

    add(1, words, 2);
    copy = gf_slowlog_copy(newest());
    gf_slowlog_clear(&slowlog);
    offset = copy->name_size;
    cr_expect(gf_link_is_free(&copy->link));
    expect_arg(copy, &offset, "ECHO");
    expect_arg(copy, &offset, "hello");
    gf_free(GF_MEMORY_OTHER, copy);
}
