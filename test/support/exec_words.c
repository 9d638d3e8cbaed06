/* Random command lines, made from what the rows say about their arguments. */
#include "support/exec_words.h"

#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/random.h"

#define KEYS_PER_GROUP 4
#define TIMES_MAX 4

/* Their answers depend on addresses or on how much room was left, not on the data alone. */
static const char *const left_out[] = {"memory|usage", "object|freq"};

/* So that keys of one type are met by the commands of the same type, mostly. */
static const char *const values[] = {
    "0",
    "1",
    "2",
    "-1",
    "10",
    "3.5",
    "-7",
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "hello",
    "foobar",
    "[a",
    "(c",
    "-",
    "+",
    "(1",
    "inf",
    "*",
    "1-1",
    "5-3",
    "$",
    ">",
    "",
    "-0",
    "u8",
    "i16",
    "u63",
    "0-0",
    "9999999",
    "10000000000",
    "an element of more than a few bytes, which some packed block "
    "does not like so much as the others",
};

static uint64_t draw(struct exec_words *words, uint64_t below)
{
    return gf_random_next(words->seed) % below;
}

static void word_add(struct exec_words *words, const char *text)
{
    size_t size = strlen(text);

    if (words->count == EXEC_WORDS_MAX || size > sizeof(words->text) - words->used)
        return;
    memcpy(words->text + words->used, text, size);
    words->words[words->count++] =
        (struct gf_bytes){.data = words->text + words->used, .size = size};
    words->used += size;
}

static void number_add(struct exec_words *words, int64_t low, int64_t high)
{
    char text[32];

    snprintf(text, sizeof(text), "%lld",
             (long long)(low + (int64_t)draw(words, (uint64_t)(high - low + 1))));
    word_add(words, text);
}

static void key_add(struct exec_words *words)
{
    static const char *const groups[] = {"string", "hash",   "list",        "set", "sorted-set",
                                         "stream", "bitmap", "hyperloglog", "geo"};
    const char *group = words->group;
    char text[64];

    if (strcmp(group, "generic") == 0 || draw(words, 12) == 0)
        group = groups[draw(words, GF_COUNT(groups))];
    snprintf(text, sizeof(text), "%s:%u", group, (unsigned)draw(words, KEYS_PER_GROUP));
    word_add(words, text);
}

static void value_add(struct exec_words *words)
{
    char text[32];

    if (draw(words, 3) > 0) {
        word_add(words, values[draw(words, GF_COUNT(values))]);
        return;
    }
    snprintf(text, sizeof(text), "member-%u", (unsigned)draw(words, 40));
    word_add(words, text);
}

static void integer_add(struct exec_words *words, const struct gf_arg *arg)
{
    if (strcmp(arg->name, "numkeys") == 0 || strcmp(arg->name, "numfields") == 0) {
        words->keys_told = 1 + (uint32_t)draw(words, 3);
        number_add(words, words->keys_told, words->keys_told);
    } else if (draw(words, 16) == 0) {
        number_add(words, 100, 5000);
    } else {
        number_add(words, -3, 12);
    }
}

static void args_add(struct exec_words *words, const struct gf_arg *args, uint32_t count);

/* One time, without the token in front of it. */
static void value_of_arg(struct exec_words *words, const struct gf_arg *arg)
{
    switch (arg->type) {
    case GF_ARG_KEY:
        key_add(words);
        break;
    case GF_ARG_INTEGER:
        integer_add(words, arg);
        break;
    case GF_ARG_DOUBLE:
        number_add(words, -50, 50);
        break;
    case GF_ARG_UNIX_TIME:
        number_add(words, 1699999990, 1700000100);
        break;
    case GF_ARG_PATTERN:
        word_add(words, draw(words, 2) ? "*" : "m*1");
        break;
    case GF_ARG_STRING:
        value_add(words);
        break;
    case GF_ARG_TOKEN:
        break;
    case GF_ARG_ONEOF:
        args_add(words, &arg->args[draw(words, arg->args_count)], 1);
        break;
    case GF_ARG_BLOCK:
        args_add(words, arg->args, arg->args_count);
        break;
    }
}

static void arg_add(struct exec_words *words, const struct gf_arg *arg)
{
    uint64_t times = 1;

    if ((arg->flags & GF_ARG_OPTIONAL) != 0 && draw(words, 3) > 0)
        return;
    if ((arg->flags & GF_ARG_MULTIPLE) != 0) {
        times = words->keys_told > 0 ? words->keys_told : 1 + draw(words, TIMES_MAX);
        words->keys_told = 0;
    }
    for (uint64_t i = 0; i < times; i++) {
        if (arg->token != NULL && (i == 0 || (arg->flags & GF_ARG_MULTIPLE_TOKEN) != 0))
            word_add(words, arg->token);
        value_of_arg(words, arg);
    }
}

static void args_add(struct exec_words *words, const struct gf_arg *args, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        arg_add(words, &args[i]);
}

static bool row_fits(const struct gf_registry *registry, uint32_t id)
{
    const struct gf_command *row = gf_registry_row(registry, id);
    char name[64];

    if (row->run == NULL || (row->key_first == 0 && row->find_keys == NULL) ||
        (row->flags & (GF_ADMIN | GF_HOME | GF_ALL_KEYS)) != 0)
        return false;
    (void)gf_registry_row_name(registry, id, name);
    for (size_t i = 0; i < GF_COUNT(left_out); i++) {
        if (strcmp(name, left_out[i]) == 0)
            return false;
    }
    return true;
}

void exec_words_draw(struct exec_words *words, const struct gf_registry *registry, uint64_t *seed)
{
    char name[64];
    char *sub;
    uint32_t id;

    words->seed = seed;
    words->count = 0;
    words->used = 0;
    words->keys_told = 0;
    do {
        id = (uint32_t)draw(words, gf_registry_rows(registry));
    } while (!row_fits(registry, id));
    (void)gf_registry_row_name(registry, id, name);
    sub = strchr(name, '|');
    if (sub != NULL)
        *sub++ = '\0';
    word_add(words, name);
    if (sub != NULL)
        word_add(words, sub);
    words->group = gf_registry_row(registry, id)->group;
    args_add(words, gf_registry_row(registry, id)->args, gf_registry_row(registry, id)->args_count);
}
