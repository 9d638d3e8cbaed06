/* Options as text: --help, and the config file that CONFIG REWRITE writes. */
#include "shards/settings.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"

#define HELP_WIDTH 78 /* of a line of names */

/* "none|async|sync", "yes|no", "N", "SIZE", "TEXT". */
static void append_values(struct gf_buf *buf, const struct gf_option *row)
{
    switch (row->type) {
    case GF_OPTION_BOOL:
        gf_buf_add_text(buf, "yes|no");
        return;
    case GF_OPTION_ENUM:
        for (const struct gf_option_value *value = row->values; value->name; value++) {
            gf_buf_add_text(buf, value == row->values ? "" : "|");
            gf_buf_add_text(buf, value->name);
        }
        return;
    case GF_OPTION_UINT:
    case GF_OPTION_INT:
        gf_buf_add_text(buf, "N");
        return;
    case GF_OPTION_SIZE:
        gf_buf_add_text(buf, "SIZE");
        return;
    case GF_OPTION_TEXT:
        gf_buf_add_text(buf, "TEXT");
        return;
    }
}

static void append_option(struct gf_buf *buf, const struct gf_option *row,
                          const struct gf_settings *defaults)
{
    char name[64];
    char value[1024];
    size_t size = gf_option_format(row, defaults, value, sizeof(value));

    gf_buf_add_text(buf, "  --");
    gf_buf_add_text(buf, gf_option_public_name(row, name));
    gf_buf_add_text(buf, " ");
    append_values(buf, row);
    gf_buf_add_text(buf, "\n      ");
    gf_buf_add_text(buf, row->doc);
    gf_buf_add_text(buf, " [");
    gf_buf_add(buf, (struct gf_bytes){.data = value, .size = size});
    gf_buf_add_text(buf, "]\n");
}

/* Names alone, as many in a line as fit. */
static void append_names_without_effect(struct gf_buf *buf, const struct gf_option *rows,
                                        size_t count)
{
    size_t width = 0;

    for (size_t i = 0; i < count; i++) {
        char name[64];
        size_t size = strlen(gf_option_public_name(&rows[i], name)) + 1;

        if (gf_option_has_effect(&rows[i]))
            continue;
        if (width > 0 && width + size > HELP_WIDTH) {
            gf_buf_add_text(buf, "\n");
            width = 0;
        }
        gf_buf_add_text(buf, width == 0 ? "  " : " ");
        gf_buf_add_text(buf, name);
        width += size;
    }
    gf_buf_add_text(buf, "\n");
}

char *gf_settings_help(void)
{
    struct gf_settings defaults;
    struct gf_buf buf = {0};
    size_t count;
    const struct gf_option *rows = gf_settings_rows(&count);

    gf_settings_init(&defaults);
    gf_buf_add_text(
        &buf, "gofish " GOFISH_VERSION ", a data structure server that speaks the Redis protocol"
              "\n\nusage: gofish [--option value] ...\n\n"
              "  --config FILE\n      Read options from FILE, one `name value` a line.\n"
              "  --help\n  --version\n");
    for (size_t i = 0; i < count; i++) {
        if (gf_option_has_effect(&rows[i]))
            append_option(&buf, &rows[i], &defaults);
    }
    gf_buf_add_text(&buf, "\nKnown from Redis, and without effect here:\n");
    append_names_without_effect(&buf, rows, count);
    gf_buf_add_text(&buf, "\nEvery option can also be set by a variable: GOFISH_MAXMEMORY=1gb.\n");
    gf_settings_deinit(&defaults);
    gf_buf_add(&buf, (struct gf_bytes){.data = "", .size = 1});

    char *text = gf_alloc(GF_MEMORY_OTHER, buf.size);

    memcpy(text, buf.data, buf.size);
    gf_buf_deinit(&buf);
    return text;
}

/* ---- the config file ----------------------------------------------------------------------- */

/* "name value", the value in quotes where it would not be read back as it is. */
static void append_setting(struct gf_buf *buf, const struct gf_settings *settings,
                           const struct gf_option *row)
{
    char name[64];
    char number[GF_SETTINGS_VALUE_SIZE];
    struct gf_bytes value = gf_settings_value(settings, row, number);
    bool quoted = value.size == 0 || memchr(value.data, ' ', value.size) ||
                  memchr(value.data, '\t', value.size) || memchr(value.data, '"', value.size);

    gf_buf_add_text(buf, gf_option_public_name(row, name));
    gf_buf_add_text(buf, quoted ? " \"" : " ");
    gf_buf_add(buf, value);
    gf_buf_add_text(buf, quoted ? "\"\n" : "\n");
}

/* The option that a line sets, or NULL for comments, empty lines and what is not known. */
static const struct gf_option *line_option(struct gf_bytes line)
{
    size_t count;
    const struct gf_option *rows = gf_settings_rows(&count);
    size_t size = 0;

    while (line.size > 0 && (line.data[0] == ' ' || line.data[0] == '\t')) {
        line.data++;
        line.size--;
    }
    while (size < line.size && !memchr(" \t\r", line.data[size], 3))
        size++;
    return gf_option_find(rows, count, (struct gf_bytes){.data = line.data, .size = size});
}

static bool is_default(const struct gf_settings *settings, const struct gf_settings *defaults,
                       const struct gf_option *row)
{
    char number[GF_SETTINGS_VALUE_SIZE];
    char default_number[GF_SETTINGS_VALUE_SIZE];

    return gf_bytes_equal(gf_settings_value(settings, row, number),
                          gf_settings_value(defaults, row, default_number));
}

/* Settings that no line of the file has, behind its last line. */
static void append_missing(struct gf_buf *buf, const struct gf_settings *settings, const bool *seen)
{
    struct gf_settings defaults;
    size_t count;
    const struct gf_option *rows = gf_settings_rows(&count);

    gf_settings_init(&defaults);
    for (size_t i = 0; i < count; i++) {
        if (!seen[i] && !is_default(settings, &defaults, &rows[i]))
            append_setting(buf, settings, &rows[i]);
    }
    gf_settings_deinit(&defaults);
}

char *gf_settings_rewrite(const struct gf_settings *settings, struct gf_bytes old, size_t *ret_size)
{
    struct gf_buf buf = {0};
    size_t count;
    const struct gf_option *rows = gf_settings_rows(&count);
    bool *seen = gf_alloc_zero(GF_MEMORY_OTHER, count * sizeof(*seen));
    size_t start = 0;

    while (start < old.size) {
        const char *end = memchr(old.data + start, '\n', old.size - start);
        size_t size = end ? (size_t)(end - (old.data + start)) : old.size - start;
        struct gf_bytes line = {.data = old.data + start, .size = size};
        const struct gf_option *row = line_option(line);

        start += size + 1;
        if (!row) {
            gf_buf_add(&buf, line);
            gf_buf_add_text(&buf, "\n");
        } else if (!seen[row - rows]) {
            seen[row - rows] = true;
            append_setting(&buf, settings, row);
        } /* else: the same option once more; the first line now says its value */
    }
    append_missing(&buf, settings, seen);
    gf_free(GF_MEMORY_OTHER, seen);

    char *text = gf_alloc(GF_MEMORY_OTHER, buf.size);

    if (buf.size > 0)
        memcpy(text, buf.data, buf.size);
    *ret_size = buf.size;
    gf_buf_deinit(&buf);
    return text;
}
