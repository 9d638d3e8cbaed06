/* Option rows at work: the sentences for wrong values are Redis's, tools compare them. */
#include "core/option.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"

#define WHY_SIZE_MIN 160 /* promised by the header */
#define NAME_SIZE 64
#define INITIAL_SHOWN_MAX 64 /* bytes of a default in the message that nothing else works */

static void *option_field(const struct gf_option *row, void *options)
{
    return (char *)options + row->offset;
}

static const void *option_field_const(const struct gf_option *row, const void *options)
{
    return (const char *)options + row->offset;
}

static char *text_copy(struct gf_bytes text)
{
    char *copy = gf_alloc(GF_MEMORY_OTHER, text.size + 1);

    if (text.size)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

static bool choice_is_listed(const struct gf_option *row, int choice)
{
    for (const struct gf_option_value *value = row->values; value->name; value++) {
        if (value->value == choice)
            return true;
    }
    return false;
}

static void option_init(const struct gf_option *row, void *options)
{
    void *field = option_field(row, options);

    switch (row->type) {
    case GF_OPTION_BOOL:
        *(gf_option_ctype_BOOL *)field = row->initial.boolean;
        break;
    case GF_OPTION_UINT:
    case GF_OPTION_SIZE:
        GF_ASSERT(row->min >= 0);
        GF_ASSERT(row->initial.number >= (uint64_t)row->min);
        GF_ASSERT(row->initial.number <= row->max);
        *(uint64_t *)field = row->initial.number;
        break;
    case GF_OPTION_INT:
        GF_ASSERT(row->max <= INT64_MAX);
        GF_ASSERT(row->initial.integer >= row->min);
        GF_ASSERT(row->initial.integer <= (int64_t)row->max);
        *(gf_option_ctype_INT *)field = row->initial.integer;
        break;
    case GF_OPTION_ENUM:
        GF_ASSERT(choice_is_listed(row, row->initial.choice));
        *(gf_option_ctype_ENUM *)field = row->initial.choice;
        break;
    case GF_OPTION_TEXT:
        *(gf_option_ctype_TEXT *)field = text_copy(gf_bytes_of(row->initial.text));
        break;
    }
}

void gf_options_init(const struct gf_option *rows, size_t count, void *options)
{
    for (size_t i = 0; i < count; i++) {
        GF_ASSERT(strlen(rows[i].name) < NAME_SIZE);
        option_init(&rows[i], options);
    }
}

void gf_options_deinit(const struct gf_option *rows, size_t count, void *options)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].type == GF_OPTION_TEXT) {
            gf_option_ctype_TEXT *field = option_field(&rows[i], options);

            gf_free(GF_MEMORY_OTHER, *field);
            *field = NULL;
        }
    }
}

/* A letter of a name, by which "tcp-keepalive", "TCP_KEEPALIVE" and "tcp_keepalive" are one. */
static char name_letter(char letter)
{
    if (letter == '-')
        return '_';
    return letter >= 'A' && letter <= 'Z' ? (char)(letter | 0x20) : letter;
}

static bool name_equal(const char *row_name, struct gf_bytes name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (row_name[i] == '\0' || name_letter(row_name[i]) != name_letter(name.data[i]))
            return false;
    }
    return row_name[name.size] == '\0';
}

const struct gf_option *gf_option_find(const struct gf_option *rows, size_t count,
                                       struct gf_bytes name)
{
    for (size_t i = 0; i < count; i++) {
        if (name_equal(rows[i].name, name))
            return &rows[i];
    }
    return NULL;
}

/* Where the reason for a refusal goes. */
struct why {
    char *text;
    size_t size;
};

static int bool_parse(struct gf_bytes text, bool *field, struct why why)
{
    bool yes = gf_bytes_is(text, "yes");

    if (!yes && !gf_bytes_is(text, "no")) {
        snprintf(why.text, why.size, "argument must be 'yes' or 'no'");
        return GF_EINVAL;
    }
    *field = yes;
    return GF_OK;
}

static int why_not_a_number(struct why why)
{
    snprintf(why.text, why.size, "argument couldn't be parsed into an integer");
    return GF_EINVAL;
}

static int why_out_of_bounds(const struct gf_option *row, struct why why)
{
    snprintf(why.text, why.size, "argument must be between %" PRIi64 " and %" PRIu64 " inclusive",
             row->min, row->max);
    return GF_EINVAL;
}

/* UINT and SIZE. */
static int number_parse(const struct gf_option *row, struct gf_bytes text, uint64_t *field,
                        struct why why)
{
    uint64_t number;
    int64_t integer;

    if (row->type == GF_OPTION_SIZE) {
        if (!gf_bytes_parse_memory(text, &number)) {
            snprintf(why.text, why.size, "argument must be a memory value");
            return GF_EINVAL;
        }
    } else if (gf_bytes_parse_i64(text, &integer)) {
        if (integer < 0)
            return why_out_of_bounds(row, why);
        number = (uint64_t)integer;
    } else if (row->max <= INT64_MAX || !gf_bytes_parse_u64(text, &number)) {
        return why_not_a_number(why); /* to Redis, whose numbers all have a sign */
    }
    if (number < (uint64_t)row->min || number > row->max)
        return why_out_of_bounds(row, why);
    *field = number;
    return GF_OK;
}

static int integer_parse(const struct gf_option *row, struct gf_bytes text, int64_t *field,
                         struct why why)
{
    int64_t integer;

    if (!gf_bytes_parse_i64(text, &integer))
        return why_not_a_number(why);
    if (integer < row->min || integer > (int64_t)row->max)
        return why_out_of_bounds(row, why);
    *field = integer;
    return GF_OK;
}

static int choice_parse(const struct gf_option *row, struct gf_bytes text, int *field,
                        struct why why)
{
    size_t size;

    for (const struct gf_option_value *value = row->values; value->name; value++) {
        if (gf_bytes_is(text, value->name)) {
            *field = value->value;
            return GF_OK;
        }
    }
    size = (size_t)snprintf(why.text, why.size, "argument(s) must be one of the following: ");
    for (const struct gf_option_value *value = row->values; value->name && size < why.size;
         value++) {
        if (value > row->values && value[-1].value == value->value)
            continue; /* another name for the same */
        size += (size_t)snprintf(why.text + size, why.size - size, "%s%s",
                                 value > row->values ? ", " : "", value->name);
    }
    return GF_EINVAL;
}

/* What a line of the config file can hold: CONFIG REWRITE writes it there. */
static int text_parse(struct gf_bytes text, char **field, struct why why)
{
    char *copy;

    if (text.size && memchr(text.data, '\0', text.size)) {
        snprintf(why.text, why.size, "argument must not contain a zero byte");
        return GF_EINVAL;
    }
    if (text.size && (memchr(text.data, '\n', text.size) || memchr(text.data, '\r', text.size))) {
        snprintf(why.text, why.size, "argument must not contain a line break");
        return GF_EINVAL;
    }
    copy = text_copy(text);
    gf_free(GF_MEMORY_OTHER, *field);
    *field = copy;
    return GF_OK;
}

static int value_parse(const struct gf_option *row, void *options, struct gf_bytes text,
                       struct why why)
{
    void *field = option_field(row, options);

    switch (row->type) {
    case GF_OPTION_BOOL:
        return bool_parse(text, field, why);
    case GF_OPTION_UINT:
    case GF_OPTION_SIZE:
        return number_parse(row, text, field, why);
    case GF_OPTION_INT:
        return integer_parse(row, text, field, why);
    case GF_OPTION_ENUM:
        return choice_parse(row, text, field, why);
    case GF_OPTION_TEXT:
        return text_parse(text, field, why);
    }
    GF_ASSERT(!"unknown option type");
    return GF_EINVAL;
}

static bool is_initial(const struct gf_option *row, const void *options)
{
    const void *field = option_field_const(row, options);

    switch (row->type) {
    case GF_OPTION_BOOL:
        return *(const gf_option_ctype_BOOL *)field == row->initial.boolean;
    case GF_OPTION_UINT:
    case GF_OPTION_SIZE:
        return *(const uint64_t *)field == row->initial.number;
    case GF_OPTION_INT:
        return *(const gf_option_ctype_INT *)field == row->initial.integer;
    case GF_OPTION_ENUM:
        return *(const gf_option_ctype_ENUM *)field == row->initial.choice;
    case GF_OPTION_TEXT:
        return strcmp(*(const gf_option_ctype_TEXT *)field, row->initial.text) == 0;
    }
    GF_ASSERT(!"unknown option type");
    return false;
}

/* What a constant had before: its default. */
static int refuse_change(const struct gf_option *row, void *options, struct why why)
{
    char initial[INITIAL_SHOWN_MAX];
    size_t size;

    if (row->type == GF_OPTION_TEXT)
        gf_free(GF_MEMORY_OTHER, *(gf_option_ctype_TEXT *)option_field(row, options));
    option_init(row, options);
    size = gf_option_format(row, options, initial, sizeof(initial));
    snprintf(why.text, why.size, "only '%.*s' works in this build", (int)size, initial);
    return GF_EINVAL;
}

int gf_option_parse(const struct gf_option *row, void *options, struct gf_bytes text, char *ret_why,
                    size_t why_size)
{
    struct why why = {.text = ret_why, .size = why_size};
    int error;

    GF_ASSERT(why_size >= WHY_SIZE_MIN);
    error = value_parse(row, options, text, why);
    if (error == GF_OK && gf_option_is_constant(row) && !is_initial(row, options))
        error = refuse_change(row, options, why);
    return error;
}

static const char *choice_name(const struct gf_option *row, int choice)
{
    for (const struct gf_option_value *value = row->values; value->name; value++) {
        if (value->value == choice)
            return value->name;
    }
    GF_ASSERT(!"the field holds none of the row's values");
    return "";
}

size_t gf_option_format(const struct gf_option *row, const void *options, char *text,
                        size_t capacity)
{
    const void *field = option_field_const(row, options);
    char number[GF_I64_TEXT_MAX];
    struct gf_bytes shown = {.data = number};

    switch (row->type) {
    case GF_OPTION_BOOL:
        shown = gf_bytes_of(*(const gf_option_ctype_BOOL *)field ? "yes" : "no");
        break;
    case GF_OPTION_UINT:
    case GF_OPTION_SIZE:
        shown.size = gf_u64_format(number, *(const uint64_t *)field);
        break;
    case GF_OPTION_INT:
        shown.size = gf_i64_format(number, *(const gf_option_ctype_INT *)field);
        break;
    case GF_OPTION_ENUM:
        shown = gf_bytes_of(choice_name(row, *(const gf_option_ctype_ENUM *)field));
        break;
    case GF_OPTION_TEXT:
        shown = gf_bytes_of(*(const gf_option_ctype_TEXT *)field);
        break;
    }
    if (shown.size > capacity)
        shown.size = capacity;
    memcpy(text, shown.data, shown.size);
    return shown.size;
}

const char *gf_option_public_name(const struct gf_option *row, char *name)
{
    size_t i;

    for (i = 0; row->name[i]; i++) {
        GF_ASSERT(i + 1 < NAME_SIZE);
        name[i] = row->name[i] == '_' ? '-' : row->name[i];
    }
    name[i] = '\0';
    return name;
}
