/* INFO: sections of lines, from what all cores say. */
#include <stdarg.h>
#include <stdio.h>

#include "core/assert.h"
#include "modules/command.h"
#include "shards/info.h"
#include "shards/session.h"

void gf_info_line(struct gf_buf *text, const char *format, ...)
{
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(line, sizeof(line) - 2, format, arguments);

    va_end(arguments);
    GF_ASSERT(size >= 0);
    if ((size_t)size > sizeof(line) - 3)
        size = sizeof(line) - 3; /* a path that is too long: cut */
    line[size++] = '\r';
    line[size++] = '\n';
    gf_buf_add(text, (struct gf_bytes){.data = line, .size = (size_t)size});
}

void gf_info_number(struct gf_buf *text, const char *name, uint64_t value)
{
    gf_info_line(text, "%s:%llu", name, (unsigned long long)value);
}

void gf_info_zeros(struct gf_buf *text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        gf_info_number(text, names[i], 0);
}

void gf_info_size(struct gf_buf *text, const char *name, uint64_t size)
{
    static const char units[] = {'K', 'M', 'G', 'T', 'P'};
    double value = (double)size;
    int unit = -1;

    gf_info_number(text, name, size);
    while (value >= 1024 && unit + 1 < (int)sizeof(units)) {
        value /= 1024;
        unit++;
    }
    if (unit < 0)
        gf_info_line(text, "%s_human:%lluB", name, (unsigned long long)size);
    else
        gf_info_line(text, "%s_human:%.2f%c", name, value, units[unit]);
}

/* Who shows a section that was not asked for by name. */
enum section_shown { SHOWN_DEFAULT, SHOWN_ALL, SHOWN_EVERYTHING };

struct section {
    const char *name;
    const char *title;
    enum section_shown shown;
    void (*write)(const struct gf_report *report, struct gf_buf *text);
};

static const struct section sections[] = {
#define SECTION(section, heading, by)                                                              \
    {                                                                                              \
        .name = #section,                                                                          \
        .title = heading,                                                                          \
        .shown = SHOWN_##by,                                                                       \
        .write = gf_info_##section,                                                                \
    },
    GF_INFO_SECTIONS(SECTION)
#undef SECTION
};

_Static_assert(GF_COUNT(sections) <= 64, "a set of sections is 64 bits");

static uint64_t sections_shown_by(enum section_shown shown)
{
    uint64_t set = 0;

    for (size_t i = 0; i < GF_COUNT(sections); i++) {
        if (sections[i].shown <= shown)
            set |= UINT64_C(1) << i;
    }
    return set;
}

/* The sections that one word asks for; none when it is not known. */
static uint64_t sections_of(struct gf_bytes word)
{
    if (gf_bytes_is(word, "default"))
        return sections_shown_by(SHOWN_DEFAULT);
    if (gf_bytes_is(word, "all"))
        return sections_shown_by(SHOWN_ALL);
    if (gf_bytes_is(word, "everything"))
        return sections_shown_by(SHOWN_EVERYTHING);
    for (size_t i = 0; i < GF_COUNT(sections); i++) {
        if (gf_bytes_is(word, sections[i].name))
            return UINT64_C(1) << i;
    }
    return 0;
}

static void info_write(const struct gf_report *report, uint64_t set, struct gf_reply *reply)
{
    struct gf_buf text = {0};

    for (size_t i = 0; i < GF_COUNT(sections); i++) {
        if ((set & UINT64_C(1) << i) == 0)
            continue;
        if (text.size > 0)
            gf_info_line(&text, "%s", "");
        gf_info_line(&text, "# %s", sections[i].title);
        sections[i].write(report, &text);
    }
    gf_reply_verbatim(reply, "txt", (struct gf_bytes){.data = text.data, .size = text.size});
    gf_buf_deinit(&text);
}

static void info(struct gf_exec *x)
{
    uint64_t set = x->args->count == 1 ? sections_shown_by(SHOWN_DEFAULT) : 0;

    for (uint32_t i = 1; i < x->args->count; i++)
        set |= sections_of(x->args->words[i]);
    gf_report_ask(x, set, info_write);
}

static const struct gf_history info_history[] = {
    {.since = "7.0.0", .what = "Several sections at once."},
};

/* clang-format off */
static const struct gf_command commands[] = {
    {
        .name = "INFO", .run = info, .arity = -1,
        .flags = GF_HOME | GF_LOADING_OK | GF_STALE_OK | GF_DANGEROUS,
        .since = "1.0.0", .group = "server", .complexity = "O(P), P = partitions",
        .summary = "What the server is, does and has done, in sections.",
        .tips = "nondeterministic_output|request_policy:all_shards|response_policy:special",
        .history = info_history, .history_count = GF_COUNT(info_history),
        GF_ARGS({.name = "section", .type = GF_ARG_STRING,
                 .flags = GF_ARG_OPTIONAL | GF_ARG_MULTIPLE}),
    },
};
/* clang-format on */

const struct gf_module gf_info_module = {
    .abi = GF_MODULE_ABI,
    .name = "info",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
