/* Options: where they come from, and what they must satisfy together. */
#include "shards/settings.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/driver.h"
#include "core/error.h"
#include "shards/worker.h"

#define VALUE_SHOWN_MAX 64 /* bytes of a wrong value in its error message */

static const struct gf_option_value gf_durability_values[] = {
    {.name = "none", .value = GF_DURABILITY_NONE},
    {.name = "async", .value = GF_DURABILITY_ASYNC},
    {.name = "sync", .value = GF_DURABILITY_SYNC},
    {.name = NULL},
};

static const struct gf_option_value gf_io_driver_values[] = {
    {.name = "auto", .value = GF_IO_AUTO},
    {.name = "io_uring", .value = GF_IO_URING},
    {.name = "epoll", .value = GF_IO_EPOLL},
    {.name = NULL},
};

/* In the order in which Redis lists them. */
static const struct gf_option_value gf_policy_values[] = {
    {.name = "volatile-lru", .value = GF_VOLATILE_LRU},
    {.name = "volatile-lfu", .value = GF_VOLATILE_LFU},
    {.name = "volatile-random", .value = GF_VOLATILE_RANDOM},
    {.name = "volatile-ttl", .value = GF_VOLATILE_TTL},
    {.name = "allkeys-lru", .value = GF_ALLKEYS_LRU},
    {.name = "allkeys-lfu", .value = GF_ALLKEYS_LFU},
    {.name = "allkeys-random", .value = GF_ALLKEYS_RANDOM},
    {.name = "noeviction", .value = GF_NOEVICTION},
    {.name = NULL},
};

static const struct gf_option_value gf_debug_values[] = {
    {.name = "no", .value = GF_DEBUG_NO},
    {.name = "yes", .value = GF_DEBUG_YES},
    {.name = "local", .value = GF_DEBUG_LOCAL},
    {.name = NULL},
};

/* What a row's columns mean depends on its type; everything else is the same. */
#define ROW_BOOL(def, lo, hi) .initial = {.boolean = (def)}
#define ROW_UINT(def, lo, hi) .initial = {.number = (def)}, .min = (lo), .max = (hi)
#define ROW_INT(def, lo, hi) .initial = {.integer = (def)}, .min = (lo), .max = (hi)
#define ROW_SIZE(def, lo, hi) .initial = {.number = (def)}, .min = (lo), .max = (hi)
#define ROW_ENUM(def, lo, hi) .initial = {.choice = (def)}, .values = (lo)
#define ROW_TEXT(def, lo, hi) .initial = {.text = (def)}

static const struct gf_option rows[] = {
#define GF_ROW(field, kind, def, lo, hi, moment, text)                                             \
    {                                                                                              \
        .name = #field,                                                                            \
        .type = GF_OPTION_##kind,                                                                  \
        .when = GF_OPTION_##moment,                                                                \
        .offset = offsetof(struct gf_settings, field),                                             \
        ROW_##kind(def, lo, hi),                                                                   \
        .doc = (text),                                                                             \
    },
    GF_CORE_OPTIONS(GF_ROW) GF_PROTOCOL_OPTIONS(GF_ROW) GF_MODULES_OPTIONS(GF_ROW)
        GF_SHARDS_OPTIONS(GF_ROW) GF_REDIS_OPTIONS(GF_ROW)
#undef GF_ROW
};

const struct gf_option *gf_settings_rows(size_t *ret_count)
{
    *ret_count = GF_COUNT(rows);
    return rows;
}

void gf_settings_init(struct gf_settings *settings)
{
    gf_options_init(rows, GF_COUNT(rows), settings);
}

void gf_settings_deinit(struct gf_settings *settings)
{
    gf_options_deinit(rows, GF_COUNT(rows), settings);
}

static char *text_copy(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(gf_alloc(GF_MEMORY_OTHER, size), text, size);
}

void gf_settings_copy(struct gf_settings *to, const struct gf_settings *from)
{
    *to = *from;
    for (size_t i = 0; i < GF_COUNT(rows); i++) {
        if (rows[i].type == GF_OPTION_TEXT) {
            char **field = (char **)(void *)((char *)to + rows[i].offset);

            *field = text_copy(*field);
        }
    }
}

int gf_settings_check(const struct gf_settings *settings, char *ret_why, size_t why_size)
{
    struct gf_output_limit limits[GF_OUTPUT_CLASSES];
    const char *limit_why;
    uint32_t notify_flags;

    if (settings->durability != GF_DURABILITY_NONE) {
        snprintf(ret_why, why_size,
                 "durability: this build has no log yet, so it cannot keep what it acknowledges; "
                 "only 'none' works: start with --durability none");
        return GF_EINVAL;
    }
    if ((settings->partitions & (settings->partitions - 1)) != 0) {
        snprintf(ret_why, why_size, "partitions: must be a power of two, for example 256");
        return GF_EINVAL;
    }
    if (!gf_notify_parse(settings->notify_keyspace_events, &notify_flags)) {
        snprintf(ret_why, why_size,
                 "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        return GF_EINVAL;
    }
    limit_why = gf_output_limit_parse(settings->client_output_buffer_limit, limits);
    if (limit_why) {
        snprintf(ret_why, why_size, "%s", limit_why);
        return GF_EINVAL;
    }
    return GF_OK;
}

/* Sets one row from text, with the option's public name and the text in front of any complaint. */
static int settings_parse(struct gf_settings *settings, struct gf_bytes name, struct gf_bytes value,
                          char *ret_why, size_t why_size)
{
    const struct gf_option *row = gf_option_find(rows, GF_COUNT(rows), name);
    char why[160];
    char public_name[64];

    if (!row) {
        snprintf(ret_why, why_size, "unknown option '%.*s'; --help lists them", (int)name.size,
                 name.data);
        return GF_ENOENT;
    }
    if (gf_option_parse(row, settings, value, why, sizeof(why)) != GF_OK) {
        snprintf(ret_why, why_size, "%s '%.*s': %s%s", gf_option_public_name(row, public_name),
                 (int)(value.size < VALUE_SHOWN_MAX ? value.size : VALUE_SHOWN_MAX), value.data,
                 why, row->type == GF_OPTION_SIZE ? ", for example 512mb" : "");
        return GF_EINVAL;
    }
    return GF_OK;
}

struct gf_bytes gf_settings_value(const struct gf_settings *settings, const struct gf_option *row,
                                  char *number)
{
    if (row->offset == offsetof(struct gf_settings, notify_keyspace_events)) {
        uint32_t flags = 0;

        (void)gf_notify_parse(settings->notify_keyspace_events, &flags);
        gf_notify_format(flags, number);
        return gf_bytes_of(number);
    }
    if (row->type == GF_OPTION_TEXT)
        return gf_bytes_of(*(char *const *)(const void *)((const char *)settings + row->offset));
    return (struct gf_bytes){
        .data = number,
        .size = gf_option_format(row, settings, number, GF_SETTINGS_VALUE_SIZE),
    };
}

/* One line of the config file: "name value", a comment, or nothing. */
static int settings_parse_line(struct gf_settings *settings, struct gf_bytes line, char *ret_why,
                               size_t why_size)
{
    size_t name_size = 0;
    size_t start = 0;

    while (line.size > 0 && memchr(" \t\r", line.data[line.size - 1], 3))
        line.size--;
    while (start < line.size && memchr(" \t", line.data[start], 2))
        start++;
    line.data += start;
    line.size -= start;
    if (line.size == 0 || line.data[0] == '#')
        return GF_OK;

    while (name_size < line.size && !memchr(" \t", line.data[name_size], 2))
        name_size++;
    start = name_size;
    while (start < line.size && memchr(" \t", line.data[start], 2))
        start++;

    struct gf_bytes name = {.data = line.data, .size = name_size};
    struct gf_bytes value = {.data = line.data + start, .size = line.size - start};

    if (value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"') {
        value.data++;
        value.size -= 2;
    }
    return settings_parse(settings, name, value, ret_why, why_size);
}

static int settings_load_file(struct gf_settings *settings, struct gf_driver *driver,
                              const char *path, char *ret_why, size_t why_size)
{
    char why[300];
    char *data;
    size_t size;
    size_t start = 0;
    uint32_t line_number = 0;
    int error = driver->ops->file_read(driver, path, &data, &size);

    if (error != GF_OK) {
        snprintf(ret_why, why_size, "cannot read %s: %s", path,
                 error == GF_EINVAL ? "it is not a file" : gf_error_text(error));
        return GF_EINVAL;
    }
    while (start < size && error == GF_OK) {
        const char *end = memchr(data + start, '\n', size - start);
        size_t line_size = end ? (size_t)(end - (data + start)) : size - start;
        struct gf_bytes line = {.data = data + start, .size = line_size};

        line_number++;
        error = settings_parse_line(settings, line, why, sizeof(why));
        start += line_size + 1;
    }
    if (error != GF_OK)
        snprintf(ret_why, why_size, "%s line %u: %s", path, line_number, why);
    gf_free(GF_MEMORY_OTHER, data);
    return error == GF_OK ? GF_OK : GF_EINVAL;
}

/* A service named gofish makes Kubernetes put GOFISH_PORT=tcp://10.0.0.1:6379 into every pod. */
static bool is_service_link(struct gf_bytes key, const char *value)
{
    return gf_bytes_is(key, "PORT") && strstr(value, "://") != NULL;
}

/* GOFISH_TCP_KEEPALIVE=60 and the like. Names that are no options are left alone. */
static int settings_load_environment(struct gf_settings *settings, char **environment,
                                     char *ret_why, size_t why_size)
{
    static const char prefix[] = "GOFISH_";

    for (; environment && *environment; environment++) {
        const char *name = *environment + sizeof(prefix) - 1;
        const char *equals = strchr(*environment, '=');
        char why[300];

        if (strncmp(*environment, prefix, sizeof(prefix) - 1) != 0 || !equals || equals < name)
            continue;
        struct gf_bytes key = {.data = name, .size = (size_t)(equals - name)};

        if (!gf_option_find(rows, GF_COUNT(rows), key) || is_service_link(key, equals + 1))
            continue;
        if (settings_parse(settings, key, gf_bytes_of(equals + 1), why, sizeof(why)) != GF_OK) {
            snprintf(ret_why, why_size, "environment %s%.*s: %s", prefix, (int)key.size, key.data,
                     why);
            return GF_EINVAL;
        }
    }
    return GF_OK;
}

/* --name value, --name=value; a BOOL may stand alone. */
static int settings_load_flags(struct gf_settings *settings,
                               const struct gf_settings_source *source, char *ret_why,
                               size_t why_size)
{
    for (int i = 1; i < source->argc; i++) {
        const char *flag = source->argv[i];
        const char *equals;
        struct gf_bytes name;
        struct gf_bytes value;
        const struct gf_option *row;

        if (strncmp(flag, "--", 2) != 0) {
            snprintf(ret_why, why_size, "unexpected argument '%s'; options begin with --", flag);
            return GF_EINVAL;
        }
        equals = strchr(flag, '=');
        name = equals ? (struct gf_bytes){.data = flag + 2, .size = (size_t)(equals - flag - 2)}
                      : gf_bytes_of(flag + 2);
        if (gf_bytes_is(name, "config")) {
            i += equals ? 0 : 1;
            continue;
        }
        row = gf_option_find(rows, GF_COUNT(rows), name);
        if (equals) {
            value = gf_bytes_of(equals + 1);
        } else if (row && row->type == GF_OPTION_BOOL &&
                   (i + 1 == source->argc || strncmp(source->argv[i + 1], "--", 2) == 0)) {
            value = GF_BYTES("yes");
        } else if (row && i + 1 == source->argc) {
            snprintf(ret_why, why_size, "%s needs a value", flag);
            return GF_EINVAL;
        } else {
            value = row ? gf_bytes_of(source->argv[++i]) : GF_BYTES("");
        }
        if (settings_parse(settings, name, value, ret_why, why_size) != GF_OK)
            return GF_EINVAL;
    }
    return GF_OK;
}

/* --help, --version and --config are looked for first: they decide what else is read. */
static int settings_scan_flags(const struct gf_settings_source *source,
                               enum gf_settings_action *ret_action, const char **ret_config_path,
                               char *ret_why, size_t why_size)
{
    *ret_action = GF_SETTINGS_RUN;
    *ret_config_path = NULL;
    for (int i = 1; i < source->argc; i++) {
        const char *flag = source->argv[i];

        if (strcmp(flag, "--help") == 0 || strcmp(flag, "-h") == 0) {
            *ret_action = GF_SETTINGS_HELP;
        } else if (strcmp(flag, "--version") == 0 || strcmp(flag, "-v") == 0) {
            *ret_action = GF_SETTINGS_VERSION;
        } else if (strncmp(flag, "--config=", 9) == 0) {
            *ret_config_path = flag + 9;
        } else if (strcmp(flag, "--config") == 0) {
            if (i + 1 == source->argc) {
                snprintf(ret_why, why_size, "--config needs a file");
                return GF_EINVAL;
            }
            *ret_config_path = source->argv[++i];
        }
    }
    return GF_OK;
}

int gf_settings_load(struct gf_settings *settings, const struct gf_settings_source *source,
                     enum gf_settings_action *ret_action, const char **ret_config_path,
                     char *ret_why, size_t why_size)
{
    int error = settings_scan_flags(source, ret_action, ret_config_path, ret_why, why_size);

    gf_settings_init(settings);
    if (error == GF_OK && *ret_action == GF_SETTINGS_RUN) {
        if (*ret_config_path)
            error =
                settings_load_file(settings, source->driver, *ret_config_path, ret_why, why_size);
        if (error == GF_OK)
            error = settings_load_environment(settings, source->environment, ret_why, why_size);
        if (error == GF_OK)
            error = settings_load_flags(settings, source, ret_why, why_size);
        if (error == GF_OK)
            error = gf_settings_check(settings, ret_why, why_size);
        if (error == GF_OK && settings->bind[strspn(settings->bind, " ")] == '\0') {
            snprintf(ret_why, why_size,
                     "bind: names no address to listen on; try --bind 127.0.0.1");
            error = GF_EINVAL;
        }
    }
    if (error != GF_OK)
        gf_settings_deinit(settings);
    return error;
}
