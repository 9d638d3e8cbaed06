/* Any bytes as a config file, as command line, as environment: they are refused with a sentence, or
 * they are settings that CONFIG REWRITE's file says again.
 *
 * The first byte of the input says which of the three the rest is; words of the command line and
 * variables end with a zero byte.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/driver.h"
#include "core/error.h"
#include "shards/settings.h"

#define INPUT_MAX 4096
#define WORDS_MAX 64
#define WHY_SIZE 512

const struct gf_bytes fuzz_seeds[] = {
    GF_BYTES("f# a comment\nmaxmemory 100mb\nmaxmemory-policy allkeys-lru\n\n  port 7000\r\n"),
    GF_BYTES("frequirepass \"a b\"\ndir /tmp\ntimeout 0\nsave \"\"\nlog-level notice"),
    GF_BYTES("fclient-output-buffer-limit \"normal 0 0 0 pubsub 32mb 8mb 60\"\n"),
    GF_BYTES("fbind 127.0.0.1 ::1\nappendonly no\nslowlog-log-slower-than -1\npartitions 256\n"),
    GF_BYTES("frequirepass \"\"\"\nrequirepass a\"b\\\t\x01\nPORT 1\nmax_clients 5\n"),
    GF_BYTES("fnonsense 5\n"),
    GF_BYTES("fport 99999999999999999999999\n"),
    GF_BYTES("fsave 900 1\n"),
    GF_BYTES("a--port\0007000\0--maxmemory=1gb\0--pin-cores\0--config\0file\0"),
    GF_BYTES("a--help\0--version\0-h\0-v\0--config\0"),
    GF_BYTES("eGOFISH_MAXMEMORY=1gb\0GOFISH_PORT=tcp://10.0.0.1:6379\0GOFISH_=\0PATH=/\0GOFISH"),
    GF_BYTES("ftimeout 1\n\0timeout 2\ntimeout 3\n"),
    GF_BYTES("fdir \"a\r\"\n"),
    GF_BYTES("a--requirepass\0a\nmaxclients 5\0"),
    {0},
};

/* A driver that has one file, whatever its name is. */
struct one_file {
    struct gf_driver driver;
    struct gf_bytes content;
};

static int one_file_read(struct gf_driver *driver, const char *path, char **ret_data,
                         size_t *ret_size)
{
    const struct one_file *file = gf_container(driver, struct one_file, driver);

    GF_ASSERT(path != NULL);
    *ret_data = gf_alloc(GF_MEMORY_OTHER, file->content.size);
    if (file->content.size > 0)
        memcpy(*ret_data, file->content.data, file->content.size);
    *ret_size = file->content.size;
    return GF_OK;
}

static const struct gf_driver_ops one_file_ops = {.name = "one file", .file_read = one_file_read};

/* GF_OK: `settings` are the caller's to deinit. */
static int load(struct gf_settings_source *source, struct gf_bytes content,
                struct gf_settings *settings)
{
    struct one_file file = {.driver = {.ops = &one_file_ops}, .content = content};
    enum gf_settings_action action;
    const char *path;
    char why[WHY_SIZE] = "";
    int error;

    source->driver = &file.driver;
    error = gf_settings_load(settings, source, &action, &path, why, sizeof(why));
    GF_ASSERT(error == GF_OK || error == GF_EINVAL);
    GF_ASSERT((error == GF_OK) == (why[0] == '\0'));
    GF_ASSERT(strnlen(why, sizeof(why)) < sizeof(why));
    return error;
}

static int load_file(struct gf_bytes content, struct gf_settings *settings)
{
    char *argv[] = {"gofish", "--config", "file", NULL};
    struct gf_settings_source source = {.argc = 3, .argv = argv};

    return load(&source, content, settings);
}

/* The texts that end with a zero byte; the rest behind the last one is left out. */
static int load_words(bool environment, char *text, size_t size, struct gf_settings *settings)
{
    char *words[WORDS_MAX + 2] = {"gofish"};
    struct gf_settings_source source = {.argc = 1, .argv = words};
    char *end;
    int count = 0;

    while (count < WORDS_MAX && (end = memchr(text, '\0', size)) != NULL) {
        words[1 + count++] = text;
        size -= (size_t)(end + 1 - text);
        text = end + 1;
    }
    if (environment)
        source.environment = words + 1;
    else
        source.argc += count;
    return load(&source, GF_BYTES("port 1\n"), settings);
}

static void assert_same(const struct gf_settings *a, const struct gf_settings *b)
{
    size_t count;
    const struct gf_option *rows = gf_settings_rows(&count);

    for (size_t i = 0; i < count; i++) {
        char number_a[GF_SETTINGS_VALUE_SIZE];
        char number_b[GF_SETTINGS_VALUE_SIZE];

        GF_ASSERT(gf_bytes_equal(gf_settings_value(a, &rows[i], number_a),
                                 gf_settings_value(b, &rows[i], number_b)));
    }
}

/* What is written in place of `old` is read back as it was, and written again as it is. */
static void assert_rewritten(const struct gf_settings *settings, struct gf_bytes old)
{
    struct gf_settings again;
    struct gf_bytes once;
    struct gf_bytes twice;
    char *text_once = gf_settings_rewrite(settings, old, &once.size);
    char *text_twice;

    once.data = text_once;
    GF_ASSERT(load_file(once, &again) == GF_OK);
    assert_same(settings, &again);
    text_twice = gf_settings_rewrite(&again, once, &twice.size);
    twice.data = text_twice;
    GF_ASSERT(gf_bytes_equal(once, twice));
    gf_settings_deinit(&again);
    gf_free(GF_MEMORY_OTHER, text_once);
    gf_free(GF_MEMORY_OTHER, text_twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gf_settings settings;
    struct gf_bytes old = {0};
    char text[INPUT_MAX];
    int error;

    if (size < 1 || size > INPUT_MAX)
        return 0;
    memcpy(text, data + 1, size - 1); /* the command line is anybody's to change */
    if (data[0] == 'a' || data[0] == 'e') {
        error = load_words(data[0] == 'e', text, size - 1, &settings);
    } else {
        old = (struct gf_bytes){.data = text, .size = size - 1};
        error = load_file(old, &settings);
    }
    if (error != GF_OK)
        return 0;
    assert_rewritten(&settings, old);
    gf_settings_deinit(&settings);
    return 0;
}
