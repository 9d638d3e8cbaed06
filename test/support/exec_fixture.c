/* Runs command lines against keyspaces, without a server. */
#include "support/exec_fixture.h"

#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "protocol/args.h"
#include "protocol/reply.h"

#define WORDS_MAX 256

/* The keyspaces are checked as a whole after each command, of more than so many after some. */
#define CHECKS_DENSE 500
#define CHECKS_EVERY 32

static uint32_t partition_of(struct exec_fixture *fixture, struct gf_bytes key)
{
    return (uint32_t)(gf_keyspace_hash(fixture->context.hash_seed, key) >> 20) % EXEC_PARTITIONS;
}

static struct exec_fixture *fixture_of(struct gf_space *space)
{
    return (struct exec_fixture *)((char *)space - offsetof(struct exec_fixture, space));
}

static struct gf_keyspace *space_find(struct gf_space *space, uint32_t db, struct gf_bytes key)
{
    struct exec_fixture *fixture = fixture_of(space);

    GF_ASSERT(db < EXEC_DATABASES);
    return fixture->keyspaces[db][partition_of(fixture, key)];
}

static struct gf_keyspace *space_at(struct gf_space *space, uint32_t db, uint32_t index)
{
    struct exec_fixture *fixture = fixture_of(space);

    GF_ASSERT(db < EXEC_DATABASES);
    return index < EXEC_PARTITIONS ? fixture->keyspaces[db][index] : NULL;
}

static uint32_t space_partition_at(struct gf_space *space, uint32_t index)
{
    (void)space;
    GF_ASSERT(index < EXEC_PARTITIONS);
    return index;
}

static uint32_t space_walk(struct gf_space *space, uint32_t partition)
{
    (void)space;
    return partition;
}

static void space_clear(struct gf_space *space, uint32_t db)
{
    struct exec_fixture *fixture = fixture_of(space);

    GF_ASSERT(db < EXEC_DATABASES);
    for (uint32_t i = 0; i < EXEC_PARTITIONS; i++) {
        gf_keyspace_destroy(fixture->keyspaces[db][i]);
        fixture->keyspaces[db][i] = gf_keyspace_create(&fixture->context);
    }
}

static void space_swap(struct gf_space *space, uint32_t a, uint32_t b)
{
    struct exec_fixture *fixture = fixture_of(space);

    GF_ASSERT(a < EXEC_DATABASES);
    GF_ASSERT(b < EXEC_DATABASES);
    for (uint32_t i = 0; i < EXEC_PARTITIONS; i++) {
        struct gf_keyspace *keyspace = fixture->keyspaces[a][i];

        fixture->keyspaces[a][i] = fixture->keyspaces[b][i];
        fixture->keyspaces[b][i] = keyspace;
    }
}

/* What a command can reach: everything. A test may put functions of its own in here. */
static const struct gf_space whole_space = {
    .find = space_find,
    .at = space_at,
    .partition_at = space_partition_at,
    .walk = space_walk,
    .clear = space_clear,
    .swap = space_swap,
    .databases = EXEC_DATABASES,
    .partitions = EXEC_PARTITIONS,
};

void exec_fixture_init(struct exec_fixture *fixture)
{
    char why[200];

    *fixture = (struct exec_fixture){
        .now_ms = 1700000000000,
        .seed = 1,
        .resp = 2,
        .limits =
            {
                .bulk_size_max = 512u << 20,
                .hash_max_listpack_entries = 512,
                .hash_max_listpack_value = 64,
                .list_max_listpack_size = -2,
                .set_max_intset_entries = 512,
                .set_max_listpack_entries = 128,
                .set_max_listpack_value = 64,
                .zset_max_listpack_entries = 128,
                .zset_max_listpack_value = 64,
                .hll_sparse_max_bytes = 3000,
                .stream_node_max_bytes = 4096,
                .stream_node_max_entries = 100,
            },
        .space = whole_space,
    };
    if (gf_registry_create(NULL, 0, &fixture->registry, why, sizeof(why)) != GF_OK)
        gf_panic(__FILE__, __LINE__, why);
    fixture->context = (struct gf_keyspace_context){
        .types = gf_registry_types(fixture->registry),
        .hash_seed = 42,
        .lfu_log_factor = 10,
        .lfu_decay_min = 1,
    };
    for (uint32_t db = 0; db < EXEC_DATABASES; db++) {
        for (uint32_t i = 0; i < EXEC_PARTITIONS; i++)
            fixture->keyspaces[db][i] = gf_keyspace_create(&fixture->context);
    }
}

static void keyspaces_check(const struct exec_fixture *fixture, uint32_t db)
{
    for (uint32_t i = 0; i < EXEC_PARTITIONS; i++)
        gf_keyspace_check(fixture->keyspaces[db][i]);
}

void exec_fixture_deinit(struct exec_fixture *fixture)
{
    for (uint32_t db = 0; db < EXEC_DATABASES; db++) {
        keyspaces_check(fixture, db);
        for (uint32_t i = 0; i < EXEC_PARTITIONS; i++)
            gf_keyspace_destroy(fixture->keyspaces[db][i]);
    }
    gf_registry_destroy(fixture->registry);
    gf_buf_deinit(&fixture->answer);
}

static void answer_unknown(struct gf_reply *reply, const struct gf_command *container,
                           const struct gf_bytes *words)
{
    if (container != NULL)
        gf_reply_error_format(reply, GF_MSG_UNKNOWN_SUBCOMMAND, words[1], words[0]);
    else
        gf_reply_error_format(reply, GF_MSG_UNKNOWN_COMMAND, words[0], (struct gf_bytes){0});
}

static void run_row(struct exec_fixture *fixture, const struct gf_command *row,
                    struct gf_args *args, struct gf_reply *reply)
{
    uint32_t key_index = 0;
    struct gf_exec x = {
        .args = args,
        .reply = reply,
        .now_ms = fixture->now_ms,
        .seed = gf_random_next(&fixture->seed),
        .db = fixture->db,
        .space = &fixture->space,
        .command = row,
        .limits = &fixture->limits,
        .registry = fixture->registry,
        .events = &fixture->events,
    };

    if (gf_command_keys(row, args->words, args->count, &key_index, 1) > 0) {
        x.key_hash = gf_keyspace_hash(fixture->context.hash_seed, args->words[key_index]);
        x.keyspace = gf_exec_keyspace(&x, args->words[key_index]);
    }
    row->run(&x);
}

static void answer_take(struct exec_fixture *fixture, struct gf_chain *chain)
{
    gf_chain_seal(chain);
    fixture->answer.size = 0;
    for (struct gf_chunk *chunk = chain->first; chunk != NULL; chunk = chunk->next) {
        struct gf_bytes bytes = {.data = chunk->data, .size = chunk->used};

        GF_ASSERT(gf_buf_append(&fixture->answer, bytes) == GF_OK);
    }
    GF_ASSERT(gf_buf_append(&fixture->answer, (struct gf_bytes){.data = "", .size = 1}) == GF_OK);
    fixture->answer.size--;
    gf_chain_clear(chain);
}

const char *exec_run_words(struct exec_fixture *fixture, const struct gf_bytes *words,
                           uint32_t count, size_t *ret_size)
{
    const struct gf_command *container;
    const struct gf_command *row =
        gf_registry_find_words(fixture->registry, words, count, &container);
    struct gf_chain chain = {0};
    struct gf_reply reply;
    struct gf_args args;
    char name[64];

    gf_reply_init(&reply, &chain, fixture->resp);
    gf_args_init(&args, words, count);
    if (row == NULL) {
        answer_unknown(&reply, container, words);
    } else if (!gf_command_arity_ok(row, count)) {
        size_t size = gf_registry_row_name(fixture->registry,
                                           gf_registry_row_id(fixture->registry, row), name);

        gf_reply_error_format(&reply, GF_MSG_WRONG_ARITY,
                              (struct gf_bytes){.data = name, .size = size}, (struct gf_bytes){0});
    } else {
        run_row(fixture, row, &args, &reply);
    }
    gf_reply_end(&reply);
    answer_take(fixture, &chain);
    fixture->commands++;
    if (fixture->commands <= CHECKS_DENSE || fixture->commands % CHECKS_EVERY == 0)
        keyspaces_check(fixture, fixture->db);
    if (ret_size != NULL)
        *ret_size = fixture->answer.size;
    return fixture->answer.data;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return (c | 0x20) - 'a' + 10;
}

/* unescape - the byte that an escape after a backslash means; moves *cursor behind it. */
static char unescape(const char **cursor)
{
    char c = *(*cursor)++;

    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'x':
        *cursor += 2;
        return (char)(hex_digit((*cursor)[-2]) * 16 + hex_digit((*cursor)[-1]));
    default:
        return c;
    }
}

/* word_next - the next word of a line, its bytes written to `text`; false at the end. */
static bool word_next(const char **cursor, char *text, struct gf_bytes *ret_word)
{
    bool quoted = false;
    size_t size = 0;

    while (**cursor == ' ')
        (*cursor)++;
    if (**cursor == '\0')
        return false;
    while (**cursor != '\0' && (quoted || **cursor != ' ')) {
        char c = *(*cursor)++;

        if (c == '"')
            quoted = !quoted;
        else if (c == '\\' && quoted)
            text[size++] = unescape(cursor);
        else
            text[size++] = c;
    }
    *ret_word = (struct gf_bytes){.data = text, .size = size};
    return true;
}

const char *exec_run(struct exec_fixture *fixture, const char *line)
{
    struct gf_bytes words[WORDS_MAX];
    char *text = gf_alloc(GF_MEMORY_OTHER, strlen(line) + 1);
    const char *cursor = line;
    const char *answer;
    uint32_t count = 0;
    size_t used = 0;

    while (word_next(&cursor, text + used, &words[count])) {
        used += words[count++].size;
        GF_ASSERT(count < WORDS_MAX);
    }
    GF_ASSERT(count > 0);
    answer = exec_run_words(fixture, words, count, NULL);
    gf_free(GF_MEMORY_OTHER, text);
    return answer;
}

struct gf_object *exec_find(struct exec_fixture *fixture, const char *key)
{
    struct gf_bytes bytes = gf_bytes_of(key);

    return gf_keyspace_peek(fixture->keyspaces[fixture->db][partition_of(fixture, bytes)],
                            gf_keyspace_hash(fixture->context.hash_seed, bytes), bytes,
                            fixture->now_ms);
}
