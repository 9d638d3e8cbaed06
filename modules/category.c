/* ACL categories of commands.
 *
 * A category comes from the row's group (a data type's commands), from its flags (@read, @fast …),
 * or from its own list, for what neither can say.
 */
#include "modules/category.h"

#include "core/assert.h"

/* In the order in which Redis lists them. */
static const struct category {
    const char *name;
    const char *group; /* whose commands are in it, or NULL */
    uint32_t flags;    /* any of these puts a command in it */
} categories[] = {
    {.name = "@keyspace", .group = "generic"},
    {.name = "@read", .flags = GF_READ},
    {.name = "@write", .flags = GF_WRITE},
    {.name = "@set", .group = "set"},
    {.name = "@sortedset", .group = "sorted-set"},
    {.name = "@list", .group = "list"},
    {.name = "@hash", .group = "hash"},
    {.name = "@string", .group = "string"},
    {.name = "@bitmap", .group = "bitmap"},
    {.name = "@hyperloglog", .group = "hyperloglog"},
    {.name = "@geo", .group = "geo"},
    {.name = "@stream", .group = "stream"},
    {.name = "@pubsub", .group = "pubsub", .flags = GF_PUBSUB},
    {.name = "@admin", .flags = GF_ADMIN},
    {.name = "@fast", .flags = GF_FAST},
    {.name = "@slow"}, /* everything that is not @fast */
    {.name = "@blocking", .flags = GF_BLOCKING},
    {.name = "@dangerous", .flags = GF_DANGEROUS | GF_ADMIN},
    {.name = "@connection", .group = "connection"},
    {.name = "@transaction", .group = "transactions"},
    {.name = "@scripting", .group = "scripting"},
};

_Static_assert(GF_COUNT(categories) <= GF_CATEGORIES_MAX, "a category is a bit");

const char *gf_category_name(uint32_t index)
{
    return index < GF_COUNT(categories) ? categories[index].name : NULL;
}

uint32_t gf_category_find(struct gf_bytes name)
{
    for (uint32_t i = 0; i < GF_COUNT(categories); i++) {
        if (gf_bytes_is(name, categories[i].name + 1))
            return 1u << i;
    }
    return 0;
}

/* list_names - the list of a row ("@keyspace|-@dangerous") names the category: 1, or takes it away:
 * -1, or neither. */
static int list_names(const char *list, const char *name)
{
    size_t size = strlen(name);

    while (list != NULL && *list != '\0') {
        size_t word_size = strcspn(list, "| ");
        size_t sign_size = *list == '-';

        if (word_size - sign_size == size && memcmp(list + sign_size, name, size) == 0)
            return sign_size ? -1 : 1;
        list += word_size + (list[word_size] != '\0');
    }
    return 0;
}

static bool row_is_in(const struct gf_command *row, const struct category *category)
{
    int named = list_names(row->categories, category->name);

    if (named != 0)
        return named > 0;
    if (strcmp(category->name, "@slow") == 0)
        return (row->flags & GF_FAST) == 0;
    if ((row->flags & category->flags) != 0)
        return true;
    /* A container only leads to its subcommands; the group says what those do. */
    return row->run != NULL && category->group != NULL && strcmp(row->group, category->group) == 0;
}

uint32_t gf_command_categories(const struct gf_command *row)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < GF_COUNT(categories); i++) {
        if (row_is_in(row, &categories[i]))
            bits |= 1u << i;
    }
    return bits;
}
