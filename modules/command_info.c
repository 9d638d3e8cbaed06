/* COMMAND and COMMAND INFO: one row as an array of ten. */
#include "modules/category.h"
#include "modules/command.h"

#include "core/assert.h"

#define INFO_FIELDS 10

static const struct flag_name {
    uint32_t flag;
    const char *name; /* "" = not shown */
} flag_names[] = {
#define GF_FLAG_NAME(flag_, bit, name_) {.flag = (flag_), .name = (name_)},
    GF_COMMAND_FLAGS(GF_FLAG_NAME)
#undef GF_FLAG_NAME
};

static const struct flag_name key_flag_names[] = {
    {.flag = GF_KEY_RO, .name = "RO"},
    {.flag = GF_KEY_RW, .name = "RW"},
    {.flag = GF_KEY_OW, .name = "OW"},
    {.flag = GF_KEY_RM, .name = "RM"},
    {.flag = GF_KEY_ACCESS, .name = "access"},
    {.flag = GF_KEY_UPDATE, .name = "update"},
    {.flag = GF_KEY_INSERT, .name = "insert"},
    {.flag = GF_KEY_DELETE, .name = "delete"},
    {.flag = GF_KEY_INCOMPLETE, .name = "incomplete"},
    {.flag = GF_KEY_VARIABLE, .name = "variable_flags"},
    {.flag = GF_KEY_NOT_KEY, .name = "not_key"},
};

/* reply_flags - the set of the names of `flags`, those without a name left out. */
static void reply_flags(struct gf_reply *reply, uint32_t flags, const struct flag_name *names,
                        uint32_t count)
{
    uint32_t shown = 0;

    for (uint32_t i = 0; i < count; i++)
        shown += (flags & names[i].flag) != 0 && names[i].name[0] != '\0';
    gf_reply_set(reply, shown);
    for (uint32_t i = 0; i < count; i++) {
        if ((flags & names[i].flag) != 0 && names[i].name[0] != '\0')
            gf_reply_status(reply, gf_bytes_of(names[i].name));
    }
}

void gf_command_reply_key_flags(struct gf_reply *reply, uint32_t flags)
{
    reply_flags(reply, flags, key_flag_names, GF_COUNT(key_flag_names));
}

static void reply_categories(struct gf_reply *reply, uint32_t categories)
{
    gf_reply_set(reply, (uint64_t)__builtin_popcount(categories));
    for (uint32_t i = 0; gf_category_name(i) != NULL; i++) {
        if ((categories & 1u << i) != 0)
            gf_reply_status(reply, gf_bytes_of(gf_category_name(i)));
    }
}

/* reply_tips - the words between '|'. */
static void reply_tips(struct gf_reply *reply, const char *tips)
{
    uint32_t count = tips != NULL;

    for (const char *c = tips; c != NULL && *c != '\0'; c++)
        count += *c == '|';
    gf_reply_set(reply, count);
    while (count-- > 0) {
        size_t size = strcspn(tips, "|");

        gf_reply_bulk(reply, (struct gf_bytes){.data = tips, .size = size});
        tips += size + 1;
    }
}

static void reply_pair_int(struct gf_reply *reply, const char *name, int64_t value)
{
    gf_reply_bulk_text(reply, name);
    gf_reply_int(reply, value);
}

static void reply_pair_text(struct gf_reply *reply, const char *name, const char *value)
{
    gf_reply_bulk_text(reply, name);
    gf_reply_bulk_text(reply, value);
}

static void reply_unknown(struct gf_reply *reply)
{
    reply_pair_text(reply, "type", "unknown");
    gf_reply_bulk_text(reply, "spec");
    gf_reply_map(reply, 0);
}

static void reply_begin_search(struct gf_reply *reply, const struct gf_key_spec *spec)
{
    gf_reply_bulk_text(reply, "begin_search");
    gf_reply_map(reply, 2);
    if (spec->unknown) {
        reply_unknown(reply);
    } else if (spec->begin_keyword != NULL) {
        reply_pair_text(reply, "type", "keyword");
        gf_reply_bulk_text(reply, "spec");
        gf_reply_map(reply, 2);
        reply_pair_text(reply, "keyword", spec->begin_keyword);
        reply_pair_int(reply, "startfrom", spec->begin_from);
    } else {
        reply_pair_text(reply, "type", "index");
        gf_reply_bulk_text(reply, "spec");
        gf_reply_map(reply, 1);
        reply_pair_int(reply, "index", spec->begin_index);
    }
}

static void reply_find_keys(struct gf_reply *reply, const struct gf_key_spec *spec)
{
    gf_reply_bulk_text(reply, "find_keys");
    gf_reply_map(reply, 2);
    if (spec->unknown) {
        reply_unknown(reply);
        return;
    }
    reply_pair_text(reply, "type", spec->counted ? "keynum" : "range");
    gf_reply_bulk_text(reply, "spec");
    gf_reply_map(reply, 3);
    if (spec->counted) {
        reply_pair_int(reply, "keynumidx", 0);
        reply_pair_int(reply, "firstkey", 1);
        reply_pair_int(reply, "keystep", spec->step);
    } else {
        reply_pair_int(reply, "lastkey", spec->last);
        reply_pair_int(reply, "keystep", spec->step);
        reply_pair_int(reply, "limit", spec->limit);
    }
}

static void reply_key_spec(struct gf_reply *reply, const struct gf_key_spec *spec)
{
    gf_reply_map(reply, spec->notes ? 4 : 3);
    if (spec->notes)
        reply_pair_text(reply, "notes", spec->notes);
    gf_reply_bulk_text(reply, "flags");
    gf_command_reply_key_flags(reply, spec->flags);
    reply_begin_search(reply, spec);
    reply_find_keys(reply, spec);
}

uint32_t gf_command_key_specs(const struct gf_command *row)
{
    return row->key_specs_count > 0 ? row->key_specs_count : row->key_first != 0;
}

static void reply_key_specs(struct gf_reply *reply, const struct gf_command *row)
{
    struct gf_key_spec implied = {
        .flags = row->key_flags,
        .begin_index = row->key_first,
        .last = (int16_t)(row->key_last < 0 ? row->key_last : row->key_last - row->key_first),
        .step = row->key_step,
    };
    const struct gf_key_spec *specs = row->key_specs_count > 0 ? row->key_specs : &implied;
    uint32_t count = gf_command_key_specs(row);

    gf_reply_set(reply, count);
    for (uint32_t i = 0; i < count; i++)
        reply_key_spec(reply, &specs[i]);
}

/* reply_fields - all of a row but its subcommands. */
static void reply_fields(struct gf_exec *x, const struct gf_command *row)
{
    gf_reply_array(x->reply, INFO_FIELDS);
    gf_command_reply_name(x, row);
    gf_reply_int(x->reply, row->arity);
    reply_flags(x->reply, row->flags, flag_names, GF_COUNT(flag_names));
    gf_reply_int(x->reply, row->key_first);
    gf_reply_int(x->reply, row->key_last);
    gf_reply_int(x->reply, row->key_step);
    reply_categories(x->reply, gf_command_categories(row));
    reply_tips(x->reply, row->tips);
    reply_key_specs(x->reply, row);
}

static void reply_row(struct gf_exec *x, const struct gf_command *row)
{
    if (row == NULL) {
        gf_reply_null(x->reply);
        return;
    }
    reply_fields(x, row);
    if (row->subcommands_count == 0) {
        gf_reply_set(x->reply, 0);
        return;
    }
    gf_reply_array(x->reply, row->subcommands_count); /* no set, as Redis 7.0 has it */
    for (uint32_t i = 0; i < row->subcommands_count; i++) {
        reply_fields(x, &row->subcommands[i]);
        gf_reply_set(x->reply, 0);
    }
}

/* COMMAND takes no word and COMMAND INFO takes names, but without one it answers the same. */
void gf_command_info_run(struct gf_exec *x)
{
    uint32_t count = gf_registry_count(x->registry);

    gf_args_skip_if(x->args, "INFO");
    if (gf_args_left(x->args) == 0) {
        gf_reply_array(x->reply, count);
        for (uint32_t i = 0; i < count; i++)
            reply_row(x, gf_registry_at(x->registry, i));
        return;
    }
    gf_reply_array(x->reply, gf_args_left(x->args));
    while (gf_args_left(x->args) > 0)
        reply_row(x, gf_command_find(x->registry, gf_args_next(x->args)));
}
