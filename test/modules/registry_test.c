/* From a name to its row, and the self-check of the rows. */
#include "modules/registry.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "modules/object.h"

static void run_nothing(struct gf_exec *x)
{
    (void)x;
}

/* A row that the self-check lets through; each test breaks one thing. */
static const struct gf_command good_row = {
    .name = "TRY",
    .run = run_nothing,
    .flags = GF_READ,
    .arity = 2,
    .key_first = 1,
    .key_last = 1,
    .key_step = 1,
    .key_flags = GF_KEY_RO,
    .since = "1.0.0",
    .group = "generic",
    .complexity = "O(1)",
    .summary = "Tries.",
};

static struct gf_module module_of(const struct gf_command *rows, uint32_t count)
{
    return (struct gf_module){
        .abi = GF_MODULE_ABI,
        .name = "try",
        .commands = rows,
        .commands_count = count,
    };
}

static struct gf_registry *registry_with(const struct gf_module *extra)
{
    struct gf_registry *registry;
    char why[200] = "";

    cr_assert_eq(gf_registry_create(&extra, extra != NULL, &registry, why, sizeof(why)), GF_OK,
                 "%s", why);
    return registry;
}

/* The module is refused, and the reason is `text`. */
static void expect_refused(const struct gf_module *module, const char *text)
{
    struct gf_registry *registry = NULL;
    char why[200] = "";

    cr_expect_eq(gf_registry_create(&module, 1, &registry, why, sizeof(why)), GF_EINVAL);
    cr_expect_str_eq(why, text);
    cr_expect_null(registry);
}

static void expect_row_refused(struct gf_command row, const char *text)
{
    struct gf_module module = module_of(&row, 1);

    expect_refused(&module, text);
}

/* Clients write commands in any case. */
Test(registry, finds_names_in_any_case)
{
    struct gf_registry *registry = registry_with(NULL);

    cr_expect_str_eq(gf_registry_find(registry, GF_BYTES("GET"))->name, "GET");
    cr_expect_str_eq(gf_registry_find(registry, GF_BYTES("get"))->name, "GET");
    cr_expect_str_eq(gf_registry_find(registry, GF_BYTES("inCRbyFLoat"))->name, "INCRBYFLOAT");
    gf_registry_destroy(registry);
}

/* Every row is found by its name, and by no other text of that size that differs in one byte. */
Test(registry, finds_every_name_and_no_neighbour)
{
    struct gf_registry *registry = registry_with(NULL);

    cr_assert_gt(gf_registry_count(registry), 40);
    for (uint32_t i = 0; i < gf_registry_count(registry); i++) {
        const struct gf_command *row = gf_registry_at(registry, i);
        size_t size = strlen(row->name);
        char text[64];

        memcpy(text, row->name, size);
        struct gf_bytes name = {.data = text, .size = size};
        cr_expect_eq(gf_registry_find(registry, name), row);
        for (size_t at = 0; at < size; at++) {
            for (int bit = 0; bit < 8; bit++) {
                bool only_case = bit == 5 && isalpha((unsigned char)text[at]);

                text[at] = (char)(text[at] ^ 1 << bit);
                const struct gf_command *found = gf_registry_find(registry, name);
                if (found != NULL)
                    cr_expect(gf_bytes_is(name, found->name), "%.*s", (int)size, text);
                cr_expect_eq(found == row, only_case);
                text[at] = (char)(text[at] ^ 1 << bit);
            }
        }
    }
    gf_registry_destroy(registry);
}

/* Whatever bytes come as a name are looked up without reading beyond them. */
Test(registry, odd_names_are_unknown)
{
    struct gf_registry *registry = registry_with(NULL);

    cr_expect_null(gf_registry_find(registry, GF_BYTES("")));
    cr_expect_null(gf_registry_find(registry, GF_BYTES("\0\0\0")));
    cr_expect_null(gf_registry_find(registry, GF_BYTES("GE")));
    cr_expect_null(gf_registry_find(registry, GF_BYTES("GETT")));
    cr_expect_null(gf_registry_find(registry, GF_BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff")));
    for (size_t size = 1; size < 300; size++) {
        char *text = malloc(size); /* its own block: a sanitizer sees a byte too many */

        memset(text, 'x', size);
        cr_expect_null(gf_registry_find(registry, (struct gf_bytes){.data = text, .size = size}));
        free(text);
    }
    gf_registry_destroy(registry);
}

/* Names longer than the two words that are compared still have to be equal in the middle. */
Test(registry, long_names_are_compared_whole)
{
    struct gf_command rows[] = {good_row, good_row};
    struct gf_module module = module_of(rows, 2);

    rows[0].name = "ABCDEFGH-ONE-IJKLMNOPQ";
    rows[1].name = "ABCDEFGH-TWO-IJKLMNOPQ";
    struct gf_registry *registry = registry_with(&module);

    cr_expect_str_eq(gf_registry_find(registry, GF_BYTES("abcdefgh-one-ijklmnopq"))->name,
                     rows[0].name);
    cr_expect_str_eq(gf_registry_find(registry, GF_BYTES("abcdefgh-two-ijklmnopq"))->name,
                     rows[1].name);
    cr_expect_null(gf_registry_find(registry, GF_BYTES("abcdefgh-six-ijklmnopq")));
    gf_registry_destroy(registry);
}

/* As many commands as Redis has, and more, still get a table without collisions. */
Test(registry, separates_hundreds_of_names)
{
    enum { COUNT = 600 };
    static struct gf_command rows[COUNT];
    static char names[COUNT][16];
    struct gf_module module = module_of(rows, COUNT);

    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof(names[i]), "TRY%d", i);
        rows[i] = good_row;
        rows[i].name = names[i];
    }
    struct gf_registry *registry = registry_with(&module);

    for (int i = 0; i < COUNT; i++)
        cr_expect_str_eq(gf_registry_find(registry, gf_bytes_of(names[i]))->name, names[i]);
    gf_registry_destroy(registry);
}

/* A request runs the subcommand's row; an unknown one is told apart from an unknown command. */
Test(registry, finds_subcommands)
{
    struct gf_registry *registry = registry_with(NULL);
    const struct gf_command *container;
    struct gf_bytes words[] = {GF_BYTES("command"), GF_BYTES("getKeys"), GF_BYTES("x")};

    cr_expect_str_eq(gf_registry_find_words(registry, words, 3, &container)->name, "GETKEYS");
    cr_expect_null(container);
    cr_expect_str_eq(gf_registry_find_words(registry, words, 1, &container)->name, "COMMAND");
    words[1] = GF_BYTES("nosuch");
    cr_expect_null(gf_registry_find_words(registry, words, 3, &container));
    cr_expect_str_eq(container->name, "COMMAND");
    words[0] = GF_BYTES("nosuch");
    cr_expect_null(gf_registry_find_words(registry, words, 3, &container));
    cr_expect_null(container);
    gf_registry_destroy(registry);
}

static struct gf_command object_part(const struct gf_command *subcommands)
{
    return (struct gf_command){
        .name = "OBJECT",
        .arity = -2,
        .since = "9.0.0",
        .group = "generic",
        .complexity = "O(1)",
        .summary = "Another part.",
        .subcommands = subcommands,
        .subcommands_count = 1,
    };
}

/* The server adds subcommands to containers of the data's modules, and the other way round. */
Test(registry, containers_are_spread_over_modules)
{
    struct gf_command subcommand = good_row;
    struct gf_command row = object_part(&subcommand);
    struct gf_module module = module_of(&row, 1);
    struct gf_registry *registry = registry_with(&module);
    const struct gf_command *object = gf_registry_find(registry, GF_BYTES("object"));
    struct gf_bytes words[] = {GF_BYTES("OBJECT"), GF_BYTES("TRY"), GF_BYTES("a")};
    const struct gf_command *container;
    char text[64];

    cr_assert_eq(object->subcommands_count, 6);
    cr_expect_str_eq(object->since, "2.2.3");
    const struct gf_command *found = gf_registry_find_words(registry, words, 3, &container);
    cr_assert_eq(found, &object->subcommands[5]);
    size_t size = gf_registry_row_name(registry, gf_registry_row_id(registry, found), text);
    cr_expect(
        gf_bytes_equal((struct gf_bytes){.data = text, .size = size}, GF_BYTES("object|try")));
    words[1] = GF_BYTES("ENCODING");
    cr_expect_not_null(gf_registry_find_words(registry, words, 3, &container));
    gf_registry_destroy(registry);
}

Test(registry, refuses_to_spread_what_runs_and_what_is_there)
{
    struct gf_command subcommand = good_row;
    struct gf_command row = object_part(&subcommand);
    struct gf_module module = module_of(&row, 1);

    row.run = run_nothing;
    expect_refused(&module, "try: OBJECT: another command has this name");
    row.run = NULL;
    subcommand.name = "FREQ";
    expect_refused(&module, "try: OBJECT: another module has a subcommand of this");
}

/* Statistics are arrays by row number: every row has one, and its public name. */
Test(registry, numbers_and_names_every_row)
{
    struct gf_registry *registry = registry_with(NULL);
    const struct gf_command *container;
    struct gf_bytes words[] = {GF_BYTES("COMMAND"), GF_BYTES("DOCS")};
    const struct gf_command *row = gf_registry_find_words(registry, words, 2, &container);
    char text[64];
    size_t size;

    for (uint32_t i = 0; i < gf_registry_rows(registry); i++)
        cr_expect_eq(gf_registry_row_id(registry, gf_registry_row(registry, i)), i);
    for (uint32_t i = 0; i < gf_registry_count(registry); i++)
        cr_expect_eq(gf_registry_at(registry, i), gf_registry_row(registry, i));
    size = gf_registry_row_name(registry, gf_registry_row_id(registry, row), text);
    cr_expect(
        gf_bytes_equal((struct gf_bytes){.data = text, .size = size}, GF_BYTES("command|docs")));
    cr_expect_str_eq(gf_registry_types(registry)[GF_TYPE_STRING]->name, "string");
    gf_registry_destroy(registry);
}

static void expect_keys(struct gf_command row, uint32_t count, const char *expected)
{
    struct gf_bytes words[16];
    uint32_t indexes[16];
    char text[64] = "";

    for (int i = 0; i < 16; i++)
        words[i] = GF_BYTES("x");
    uint32_t found = gf_command_keys(&row, words, count, indexes, 16);
    for (uint32_t i = 0; i < found; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u ", indexes[i]);
    cr_expect_str_eq(text, expected);
}

/* Routing asks for the keys of every request. */
Test(registry, finds_the_keys_of_a_request)
{
    struct gf_command row = good_row;

    expect_keys(row, 2, "1 ");
    row.key_last = -1;
    expect_keys(row, 5, "1 2 3 4 ");
    row.key_step = 2;
    expect_keys(row, 5, "1 3 ");
    expect_keys(row, 4, ""); /* a key without its value: no list at all */
    expect_keys(row, 1, "");
    row = good_row;
    row.key_last = 2;
    expect_keys(row, 2, "");
    expect_keys(row, 4, "1 2 ");
    row.key_first = row.key_last = row.key_step = 0;
    expect_keys(row, 4, "");
}

/* No more indexes are written than there is room for, but all are counted. */
Test(registry, counts_keys_beyond_the_room)
{
    struct gf_command row = good_row;
    struct gf_bytes words[8] = {{0}};
    uint32_t indexes[3] = {0, 0, 77};

    row.key_last = -1;
    cr_expect_eq(gf_command_keys(&row, words, 8, indexes, 2), 7);
    cr_expect_eq(indexes[1], 2);
    cr_expect_eq(indexes[2], 77);
}

/* A wrong row is found at start, with a text that says which and why. */
Test(registry, refuses_broken_rows)
{
    struct gf_command row = good_row;

    row.name = "try";
    expect_row_refused(row, "try: try: name must be upper case, at most 30 bytes");
    row = good_row;
    row.arity = 0;
    expect_row_refused(row, "try: TRY: arity must not be 0");
    row = good_row;
    row.run = NULL;
    expect_row_refused(row, "try: TRY: run is missing");
    row = good_row;
    row.flags |= GF_WRITE;
    expect_row_refused(row, "try: TRY: GF_WRITE contradicts GF_READ");
    row = good_row;
    row.key_first = 2;
    expect_row_refused(row, "try: TRY: key_first is not within the arity");
    row = good_row;
    row.key_step = 0;
    expect_row_refused(row, "try: TRY: key_step must be at least 1");
    row = good_row;
    row.key_flags = 0;
    expect_row_refused(row, "try: TRY: keys need key_flags or key_specs");
    row = good_row;
    row.flags |= GF_MOVABLE;
    expect_row_refused(row, "try: TRY: GF_MOVABLE needs find_keys");
    row = good_row;
    row.group = "nosuch";
    expect_row_refused(row, "try: TRY: group is missing or unknown");
    row = good_row;
    row.summary = NULL;
    expect_row_refused(row, "try: TRY: since or summary is missing");
    row = good_row;
    row.name = "GET";
    expect_row_refused(row, "try: GET: another command has this name");
}

Test(registry, refuses_broken_subcommands)
{
    struct gf_command subcommands[] = {good_row, good_row};
    struct gf_command row = good_row;

    row.subcommands = subcommands;
    row.subcommands_count = 2;
    expect_row_refused(row, "try: TRY|TRY: another subcommand has this name");
    subcommands[1].name = "OTHER";
    subcommands[1].arity = -1;
    expect_row_refused(row, "try: TRY|OTHER: a subcommand's arity counts both names");
    subcommands[1].name = NULL;
    expect_row_refused(row, "try: TRY|(no name): name is missing");
}

static const char *no_encoding(const struct gf_object *object)
{
    (void)object;
    return "none";
}

Test(registry, refuses_broken_modules)
{
    struct gf_type type = {.name = "other", .id = GF_TYPE_STRING, .encoding_name = no_encoding};
    struct gf_module module = module_of(&good_row, 1);

    module.abi++;
    expect_refused(&module, "try: built for another version of modules/module.h");
    module.abi--;
    module.type = &type;
    expect_refused(&module, "try: another type has this id");
    type.id = GF_TYPES_MAX;
    expect_refused(&module, "try: the type's id is out of range");
    type.id = GF_TYPE_PLUGIN_FIRST;
    type.name = "string";
    expect_refused(&module, "try: another type has this name");
}

static void later_run(struct gf_exec *x)
{
    gf_reply_ok(x->reply);
}

static const struct gf_command later_commands[] = {
    {.name = "LATER.ONE",
     .run = later_run,
     .flags = GF_READ,
     .arity = 1,
     .since = "1.0.0",
     .group = "module",
     .complexity = "O(1)",
     .summary = "The first."},
    {.name = "LATER.TWO",
     .run = later_run,
     .flags = GF_READ,
     .arity = 1,
     .since = "1.0.0",
     .group = "module",
     .complexity = "O(1)",
     .summary = "The second."},
};

/* A module that is loaded while the server runs: cores that do not know it yet see what they saw,
 * and a row is the same row for all of them. */
Test(registry, modules_come_and_go)
{
    struct gf_module later = {.abi = GF_MODULE_ABI,
                              .name = "later",
                              .commands = later_commands,
                              .commands_count = GF_COUNT(later_commands)};
    struct gf_registry *first = registry_with(NULL);
    struct gf_registry *more;
    struct gf_registry *less;
    struct gf_registry *none;
    char why[200] = "";

    cr_assert_eq(gf_registry_add(first, &later, &more, why, sizeof(why)), GF_OK, "%s", why);
    const struct gf_command *row = gf_registry_find(more, GF_BYTES("later.two"));
    cr_assert_not_null(row);
    cr_expect_null(gf_registry_find(first, GF_BYTES("later.two")));
    cr_expect_eq(gf_registry_count(more), gf_registry_count(first) + 2);
    cr_expect_eq(gf_registry_find(more, GF_BYTES("get")), gf_registry_find(first, GF_BYTES("get")));
    cr_expect_eq(gf_registry_row(first, gf_registry_row_id(more, row)), row);
    cr_expect_lt(gf_registry_row_id(more, row), gf_registry_rows_max(first));

    cr_expect_eq(gf_registry_add(more, &later, &none, why, sizeof(why)), GF_EINVAL);
    cr_expect_str_eq(why, "later: a module of this name is there already");
    struct gf_module other = later;

    other.name = "other";
    cr_expect_eq(gf_registry_add(more, &other, &none, why, sizeof(why)), GF_EINVAL);
    cr_expect_str_eq(why, "other: one of its commands is there already");

    less = gf_registry_remove(more, &later);
    cr_expect_null(gf_registry_find(less, GF_BYTES("later.two")));
    cr_expect_not_null(gf_registry_find(less, GF_BYTES("object")));
    cr_expect_eq(gf_registry_count(less), gf_registry_count(first));
    gf_registry_destroy(less);
    gf_registry_destroy(more);
    gf_registry_destroy(first);
}
