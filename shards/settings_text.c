/* Options as text: --help, and the config file that CONFIG REWRITE writes. */
#include "shards/settings.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/buf.h"
#include "core/error.h"

static void append(struct gf_buf *buf, const char *text)
{
    GF_ASSERT(gf_buf_append(buf, gf_bytes_of(text)) == GF_OK);
}

/* "none|async|sync", "yes|no", "N", "SIZE", "TEXT". */
static void append_values(struct gf_buf *buf, const struct gf_option *row)
{
    switch (row->type) {
    case GF_OPTION_BOOL:
        append(buf, "yes|no");
        return;
    case GF_OPTION_ENUM:
        for (const struct gf_option_value *value = row->values; value->name; value++) {
            append(buf, value == row->values ? "" : "|");
            append(buf, value->name);
        }
        return;
    case GF_OPTION_UINT:
    case GF_OPTION_INT:
        append(buf, "N");
        return;
    case GF_OPTION_SIZE:
        append(buf, "SIZE");
        return;
    case GF_OPTION_TEXT:
        append(buf, "TEXT");
        return;
    }
}

char *gf_settings_help(void)
{
    struct gf_settings defaults;
    struct gf_buf buf = {0};
    size_t count;
    const struct gf_option *rows = gf_settings_rows(&count);

    gf_settings_init(&defaults);
    append(&buf, "gofish " GOFISH_VERSION ", a data structure server that speaks the Redis protocol"
                 "\n\nusage: gofish [--option value] ...\n\n"
                 "  --config FILE\n      Read options from FILE, one `name value` a line.\n"
                 "  --help\n  --version\n");
    for (size_t i = 0; i < count; i++) {
        char name[64];
        char value[1024];
        size_t size = gf_option_format(&rows[i], &defaults, value, sizeof(value));

        append(&buf, "  --");
        append(&buf, gf_option_public_name(&rows[i], name));
        append(&buf, " ");
        append_values(&buf, &rows[i]);
        append(&buf, "\n      ");
        append(&buf, rows[i].doc);
        append(&buf, " [");
        GF_ASSERT(gf_buf_append(&buf, (struct gf_bytes){.data = value, .size = size}) == GF_OK);
        append(&buf, "]\n");
    }
    append(&buf, "\nEvery option can also be set by a variable: GOFISH_MAXMEMORY=1gb.\n");
    gf_settings_deinit(&defaults);
    GF_ASSERT(gf_buf_append(&buf, (struct gf_bytes){.data = "", .size = 1}) == GF_OK);

    char *text = gf_alloc(GF_MEMORY_OTHER, buf.size);

    memcpy(text, buf.data, buf.size);
    gf_buf_deinit(&buf);
    return text;
}
