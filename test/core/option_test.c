/* core/option: one row per type, its bounds, and the sentences Redis 7.0's CONFIG SET gives. */
#include "core/option.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/log.h"
#include "core/options.def"
#include "support/random.h"

struct settings {
    gf_option_ctype_BOOL lazy_free;
    gf_option_ctype_UINT tcp_port;
    gf_option_ctype_UINT any_number;
    gf_option_ctype_INT balance;
    gf_option_ctype_INT any_integer;
    gf_option_ctype_SIZE maxmemory;
    gf_option_ctype_ENUM policy;
    gf_option_ctype_TEXT dir;
};

enum policy { POLICY_NONE = 7, POLICY_LRU = 3 };

static const struct gf_option_value policies[] = {
    {.name = "noeviction", .value = POLICY_NONE},
    {.name = "allkeys-lru", .value = POLICY_LRU},
    {.name = "lru", .value = POLICY_LRU}, /* another name for the same */
    {.name = NULL},
};

#define FIELD(field) .name = #field, .offset = offsetof(struct settings, field)

static const struct gf_option rows[] = {
    {FIELD(lazy_free), .type = GF_OPTION_BOOL, .initial.boolean = true, .max = 1},
    {FIELD(tcp_port), .type = GF_OPTION_UINT, .initial.number = 6379, .min = 1, .max = 65535},
    {FIELD(any_number), .type = GF_OPTION_UINT, .max = UINT64_MAX},
    {FIELD(balance), .type = GF_OPTION_INT, .initial.integer = -5, .min = -10, .max = 10},
    {FIELD(any_integer), .type = GF_OPTION_INT, .min = INT64_MIN, .max = INT64_MAX},
    {FIELD(maxmemory), .type = GF_OPTION_SIZE, .max = (uint64_t)1 << 50},
    {FIELD(policy), .type = GF_OPTION_ENUM, .initial.choice = POLICY_NONE, .values = policies},
    {FIELD(dir), .type = GF_OPTION_TEXT, .initial.text = "./data"},
};

#define ROWS_COUNT (sizeof(rows) / sizeof(rows[0]))

static struct gf_memory_account account;
static struct settings settings;

static void setup(void)
{
    gf_memory_account_use(&account);
    gf_options_init(rows, ROWS_COUNT, &settings);
}

/* Texts are owned: each was freed, however often it was replaced. */
static void teardown(void)
{
    gf_options_deinit(rows, ROWS_COUNT, &settings);
    cr_expect(eq(i64, atomic_load(&account.bytes[GF_MEMORY_OTHER]), 0));
}

TestSuite(option, .init = setup, .fini = teardown, .timeout = 10);

static const struct gf_option *row_of(const char *name)
{
    const struct gf_option *row = gf_option_find(rows, ROWS_COUNT, gf_bytes_of(name));

    cr_assert(row != NULL, "%s", name);
    return row;
}

/* The value is taken, and shown as `shown`. */
static void expect_taken(const char *name, const char *text, const char *shown)
{
    char why[160] = "";
    char value[200];

    cr_expect(eq(int, gf_option_parse(row_of(name), &settings, gf_bytes_of(text), why, 160), GF_OK),
              "%s %s: %s", name, text, why);
    value[gf_option_format(row_of(name), &settings, value, sizeof(value) - 1)] = '\0';
    cr_expect(eq(str, value, (char *)shown));
}

/* The value is refused for that reason, and the field stays as it was. */
static void expect_refused(const char *name, struct gf_bytes text, const char *reason)
{
    struct settings before = settings;
    char why[160] = "";

    cr_expect(eq(int, gf_option_parse(row_of(name), &settings, text, why, 160), GF_EINVAL), "%s %s",
              name, text.data);
    cr_expect(eq(str, why, (char *)reason));
    cr_expect(memcmp(&before, &settings, sizeof(settings)) == 0);
}

/* What is not configured has the value its row says. */
Test(option, defaults_are_those_of_the_rows)
{
    cr_expect(settings.lazy_free);
    cr_expect(eq(u64, settings.tcp_port, 6379));
    cr_expect(eq(i64, settings.balance, -5));
    cr_expect(eq(u64, settings.maxmemory, 0));
    cr_expect(eq(int, settings.policy, POLICY_NONE));
    cr_expect(eq(str, settings.dir, "./data"));
}

/* --tcp-port, tcp_port in a file and GOFISH_TCP_PORT are the same option. */
Test(option, names_are_found_in_every_spelling)
{
    char name[64];

    cr_expect(row_of("tcp_port") == row_of("tcp-port"));
    cr_expect(row_of("TCP_PORT") == row_of("Tcp-Port"));
    cr_expect(gf_option_find(rows, ROWS_COUNT, GF_BYTES("tcp")) == NULL);
    cr_expect(gf_option_find(rows, ROWS_COUNT, GF_BYTES("tcp-port2")) == NULL);
    cr_expect(gf_option_find(rows, ROWS_COUNT, GF_BYTES("")) == NULL);
    cr_expect(gf_option_find(rows, ROWS_COUNT, GF_BYTES("dir\0")) == NULL);
    cr_expect(eq(str, (char *)gf_option_public_name(row_of("TCP_PORT"), name), "tcp-port"));
}

/* Every value a user may write, and what CONFIG GET makes of it. */
Test(option, good_values_are_taken)
{
    expect_taken("lazy-free", "no", "no");
    expect_taken("lazy-free", "YES", "yes");
    expect_taken("tcp-port", "1", "1");
    expect_taken("tcp-port", "65535", "65535");
    expect_taken("any-number", "18446744073709551615", "18446744073709551615");
    expect_taken("balance", "-10", "-10");
    expect_taken("balance", "10", "10");
    expect_taken("any-integer", "-9223372036854775808", "-9223372036854775808");
    expect_taken("any-integer", "9223372036854775807", "9223372036854775807");
    expect_taken("maxmemory", "100mb", "104857600");
    expect_taken("maxmemory", "1k", "1000");
    expect_taken("policy", "ALLKEYS-LRU", "allkeys-lru");
    expect_taken("policy", "lru", "allkeys-lru");
    expect_taken("dir", "", "");
    expect_taken("dir", "/var/lib/gofish", "/var/lib/gofish");
}

/* Tools compare these sentences. */
Test(option, bad_values_are_refused_in_the_words_of_redis)
{
    static const char not_integer[] = "argument couldn't be parsed into an integer";
    static const char port_bounds[] = "argument must be between 1 and 65535 inclusive";
    static const char not_memory[] = "argument must be a memory value";

    expect_refused("lazy-free", GF_BYTES("1"), "argument must be 'yes' or 'no'");
    expect_refused("lazy-free", GF_BYTES(""), "argument must be 'yes' or 'no'");
    expect_refused("tcp-port", GF_BYTES("0"), port_bounds);
    expect_refused("tcp-port", GF_BYTES("65536"), port_bounds);
    expect_refused("tcp-port", GF_BYTES("-1"), port_bounds);
    expect_refused("tcp-port", GF_BYTES("9223372036854775807"), port_bounds);
    expect_refused("tcp-port", GF_BYTES("9223372036854775808"), not_integer);
    expect_refused("tcp-port", GF_BYTES("080"), not_integer);
    expect_refused("tcp-port", GF_BYTES("abc"), not_integer);
    expect_refused("tcp-port", GF_BYTES("1 "), not_integer);
    expect_refused("tcp-port", GF_BYTES("99999999999999999999"), not_integer);
    expect_refused("any-number", GF_BYTES("-1"),
                   "argument must be between 0 and 18446744073709551615 inclusive");
    expect_refused("balance", GF_BYTES("11"), "argument must be between -10 and 10 inclusive");
    expect_refused("balance", GF_BYTES("-11"), "argument must be between -10 and 10 inclusive");
    expect_refused("balance", GF_BYTES(""), not_integer);
    expect_refused("maxmemory", GF_BYTES("12x"), not_memory);
    expect_refused("maxmemory", GF_BYTES("-1"), not_memory);
    expect_refused("maxmemory", GF_BYTES("2000000gb"),
                   "argument must be between 0 and 1125899906842624 inclusive");
    expect_refused("policy", GF_BYTES("fifo"),
                   "argument(s) must be one of the following: noeviction, allkeys-lru");
    expect_refused("dir", GF_BYTES("a\0b"), "argument must not contain a zero byte");
    expect_refused("dir", GF_BYTES("a\n"), "argument must not contain a line break");
    expect_refused("dir", GF_BYTES("a\rb"), "argument must not contain a line break");
}

/* CONFIG GET's buffer is bounded; a long text is cut, not written past the end. */
Test(option, a_long_value_is_cut_to_the_room_there_is)
{
    char text[4] = "####";

    expect_taken("dir", "abcdef", "abcdef");
    cr_expect(eq(sz, gf_option_format(row_of("dir"), &settings, text, 3), 3));
    cr_expect(memcmp(text, "abc#", 4) == 0);
}

/* The reason is cut to its buffer, too: an enum can have more names than fit. */
Test(option, a_long_reason_is_cut)
{
    static struct gf_option_value many[100];
    struct gf_option row = {.name = "many", .type = GF_OPTION_ENUM, .values = many};
    char why[161];

    for (int i = 0; i < 99; i++)
        many[i] = (struct gf_option_value){.name = "alternative", .value = i};
    why[160] = '#';
    cr_expect(eq(int, gf_option_parse(&row, &settings, GF_BYTES("x"), why, 160), GF_EINVAL));
    cr_expect(eq(sz, strlen(why), 159));
    cr_expect(eq(chr, why[160], '#'));
}

/* What CONFIG GET shows can be given back to CONFIG SET. */
Test(option, shown_values_can_be_set_again)
{
    struct test_random random = {.state = 4};

    for (int round = 0; round < 10000; round++) {
        char text[32];
        char why[160];
        struct gf_bytes shown = {.data = text};
        int64_t value = (int64_t)test_random_next(&random);

        settings.any_integer = value;
        shown.size = gf_option_format(row_of("any-integer"), &settings, text, sizeof(text));
        settings.any_integer = 0;
        cr_assert(eq(int, gf_option_parse(row_of("any-integer"), &settings, shown, why, 160), 0));
        cr_assert(eq(i64, settings.any_integer, value));
    }
}

struct core_options {
#define CORE_FIELD(name, type, initial, min, max, when, doc) gf_option_ctype_##type name;
    GF_CORE_OPTIONS(CORE_FIELD)
#undef CORE_FIELD
};

/* CONFIG GET loglevel answers with Redis's words, and ours are understood. */
Test(option, log_levels_have_the_names_of_redis)
{
    const struct gf_option row = {
        .name = "loglevel",
        .type = GF_OPTION_ENUM,
        .offset = offsetof(struct core_options, loglevel),
        .initial.choice = GF_LOG_NOTICE,
        .values = gf_log_level_values,
    };
    struct core_options options = {.logfile = NULL};
    char text[16] = "";
    char why[160];

    gf_options_init(&row, 1, &options);
    cr_expect(eq(int, options.loglevel, GF_LOG_NOTICE));
    cr_expect(eq(int, gf_option_parse(&row, &options, GF_BYTES("info"), why, 160), GF_OK));
    cr_expect(eq(int, options.loglevel, GF_LOG_INFO));
    cr_expect(eq(sz, gf_option_format(&row, &options, text, sizeof(text) - 1), 7));
    cr_expect(eq(str, text, "verbose"));
}
