/* Options: their text, their file, and what they must satisfy together. */
#include "shards/settings.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"

static struct gf_settings settings;
static char why[512];

static void setup(void)
{
    gf_settings_init(&settings);
}

static void teardown(void)
{
    gf_settings_deinit(&settings);
}

TestSuite(settings, .init = setup, .fini = teardown, .timeout = 10);

static const struct gf_option *row_of(const char *name)
{
    size_t count;
    const struct gf_option *rows = gf_settings_rows(&count);
    const struct gf_option *row = gf_option_find(rows, count, gf_bytes_of(name));

    cr_assert_not_null(row, "%s", name);
    return row;
}

static void set(const char *name, const char *value)
{
    cr_assert_eq(gf_option_parse(row_of(name), &settings, gf_bytes_of(value), why, sizeof(why)),
                 GF_OK, "%s %s: %s", name, value, why);
}

static void refuse(const char *name, const char *value, const char *expected)
{
    const struct gf_option *row = row_of(name);
    char before[64];
    char after[64];
    size_t size = gf_option_format(row, &settings, before, sizeof(before));

    cr_expect_eq(gf_option_parse(row, &settings, gf_bytes_of(value), why, sizeof(why)), GF_EINVAL);
    cr_expect_str_eq(why, expected);
    cr_expect_eq(gf_option_format(row, &settings, after, sizeof(after)), size);
    cr_expect_arr_eq(after, before, size);
}

static void expect_rewritten(const char *before, const char *after)
{
    size_t size;
    char *text = gf_settings_rewrite(&settings, gf_bytes_of(before), &size);

    cr_expect_eq(size, strlen(after));
    cr_expect_arr_eq(text, after, size < strlen(after) ? size : strlen(after), "got: %.*s",
                     (int)size, text);
    gf_free(GF_MEMORY_OTHER, text);
}

Test(settings, defaults_satisfy_the_checks)
{
    cr_expect_eq(gf_settings_check(&settings, why, sizeof(why)), GF_OK, "%s", why);
}

Test(settings, what_this_build_cannot_do_is_refused)
{
    refuse("appendonly", "yes", "only 'no' works in this build");
    refuse("save", "900 1", "only '' works in this build");
    refuse("cluster-enabled", "no", "only 'yes' works in this build");
    refuse("appendonly", "maybe", "argument must be 'yes' or 'no'");
    set("appendonly", "NO");
    set("save", "");
    set("durability", "sync");
    cr_expect_eq(gf_settings_check(&settings, why, sizeof(why)), GF_EINVAL);
}

static int load_environment(char **environment)
{
    char *argv[] = {"gofish", NULL};
    struct gf_settings_source source = {.argc = 1, .argv = argv, .environment = environment};
    enum gf_settings_action action;
    const char *config_path;

    gf_settings_deinit(&settings);
    return gf_settings_load(&settings, &source, &action, &config_path, why, sizeof(why));
}

Test(settings, the_environment_sets_options)
{
    char *good[] = {"GOFISH_PORT=7000", "GOFISH_TCP_KEEPALIVE=60", "GOFISH_OTHER=x", NULL};
    char *bad[] = {"GOFISH_PORT=many", NULL};

    cr_assert_eq(load_environment(good), GF_OK, "%s", why);
    cr_expect_eq(settings.port, 7000);
    cr_expect_eq(settings.tcp_keepalive, 60);
    cr_expect_eq(load_environment(bad), GF_EINVAL);
}

/* A service named gofish: not what an operator has set. */
Test(settings, kubernetes_links_are_no_options)
{
    char *links[] = {"GOFISH_PORT=tcp://10.0.0.7:6379", "GOFISH_SERVICE_PORT=6379",
                     "GOFISH_PORT_6379_TCP_ADDR=10.0.0.7", NULL};
    int64_t port = (int64_t)settings.port;

    cr_assert_eq(load_environment(links), GF_OK, "%s", why);
    cr_expect_eq((int64_t)settings.port, port);
}

Test(settings, output_limit_is_checked_before_it_is_taken)
{
    static const char *const bad[] = {"",
                                      "normal",
                                      "normal 1 2",
                                      "foo 1 2 3",
                                      "normal x 2 3",
                                      "normal 1 2 3 pubsub",
                                      "normal 1 2 3 4"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        set("client-output-buffer-limit", bad[i]);
        cr_expect_eq(gf_settings_check(&settings, why, sizeof(why)), GF_EINVAL, "%s", bad[i]);
    }
    set("client-output-buffer-limit", "normal 1gb 256mb 60 pubsub 0 0 0 slave 0 0 0");
    cr_expect_eq(gf_settings_check(&settings, why, sizeof(why)), GF_OK, "%s", why);
}

/* Long texts are not cut, as they would be in a buffer. */
Test(settings, value_of_a_text_is_whole)
{
    char number[GF_SETTINGS_VALUE_SIZE];
    char text[3000];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    set("requirepass", text);
    cr_expect_eq(gf_settings_value(&settings, row_of("requirepass"), number).size,
                 sizeof(text) - 1);
    set("maxmemory", "100mb");
    struct gf_bytes value = gf_settings_value(&settings, row_of("maxmemory"), number);

    cr_expect(gf_bytes_equal(value, GF_BYTES("104857600")));
}

Test(settings, rewrite_of_nothing_says_what_is_not_default)
{
    expect_rewritten("", "");
    set("timeout", "7");
    set("requirepass", "two words");
    expect_rewritten("", "requirepass \"two words\"\ntimeout 7\n");
}

Test(settings, rewrite_keeps_comments_and_places)
{
    set("timeout", "7");
    set("maxclients", "50");
    expect_rewritten("# mine\n\n  maxclients   10\n#timeout 3\nport 6379\n",
                     "# mine\n\nmaxclients 50\n#timeout 3\nport 6379\ntimeout 7\n");
}

/* The last line of an option wins when a file is read; one line is enough to say so. */
Test(settings, rewrite_drops_repeated_lines)
{
    set("timeout", "7");
    expect_rewritten("timeout 1\nmaxclients 10000\ntimeout 2", "timeout 7\nmaxclients 10000\n");
}

/* Files from systems that end lines with CR LF. */
Test(settings, rewrite_understands_a_carriage_return)
{
    set("timeout", "7");
    expect_rewritten("timeout 1\r\n", "timeout 7\n");
}

Test(settings, help_lists_every_option)
{
    char *text = gf_settings_help();
    size_t count;
    const struct gf_option *rows = gf_settings_rows(&count);

    for (size_t i = 0; i < count; i++) {
        char name[64];

        cr_expect_not_null(strstr(text, gf_option_public_name(&rows[i], name)), "%s", name);
    }
    gf_free(GF_MEMORY_OTHER, text);
}
