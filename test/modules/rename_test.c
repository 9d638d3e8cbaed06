/* RENAME RENAMENX COPY MOVE. */
#include "support/exec_steps.h"

#include "core/alloc.h"

#define SAME "-ERR source and destination objects are the same"
#define NO_INTEGER "-ERR value is not an integer or out of range"
#define NO_INT "-ERR value is out of range, value must between -2147483648 and 2147483647"
#define NO_DB "-ERR DB index is out of range"

Test(rename, moves_the_value)
{
    EXEC_STEPS({"RENAME a b", "-ERR no such key"}, {"SET a 1", "+OK"}, {"RENAME a b", "+OK"},
               {"GET b", "$1\r\n1"}, {"EXISTS a", ":0"}, {"SET c \"some text\"", "+OK"},
               {"RENAME c b", "+OK"}, {"GET b", "$9\r\nsome text"}, {"DBSIZE", ":1"},
               {"RENAME a", "-ERR wrong number of arguments for 'rename' command"});
}

Test(rename, reaches_every_partition)
{
    EXEC_STEPS({"SET k0 v", "+OK"}, {"RENAME k0 k1", "+OK"}, {"RENAME k1 k2", "+OK"},
               {"RENAME k2 k3", "+OK"}, {"RENAME k3 k4", "+OK"}, {"RENAME k4 k5", "+OK"},
               {"RENAME k5 k6", "+OK"}, {"RENAME k6 k7", "+OK"}, {"RENAME k7 k8", "+OK"},
               {"GET k8", "$1\r\nv"}, {"DBSIZE", ":1"});
}

Test(rename, to_itself)
{
    EXEC_STEPS({"RENAME a a", "-ERR no such key"}, {"RENAMENX a a", "-ERR no such key"},
               {"SET a 1", "+OK"}, {"RENAME a a", "+OK"}, {"RENAMENX a a", ":0"},
               {"GET a", "$1\r\n1"});
}

Test(rename, expiry_goes_along)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"PEXPIRE a 5000", ":1"}, {"SET b 2", "+OK"},
               {"PEXPIRE b 100", ":1"}, {"RENAME a b", "+OK"}, {"PEXPIRE b 7000 LT", ":0"},
               {"PEXPIRE b 200 GT", ":0"}, {"SET c 3", "+OK"}, {"RENAME c b", "+OK"},
               {"PTTL b", ":-1"});
}

Test(rename, an_expired_source_is_no_key)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"PEXPIRE a 5", ":1"}, {"@5", NULL},
               {"RENAME a b", "-ERR no such key"}, {"RENAMENX a b", "-ERR no such key"});
}

Test(rename, nx_keeps_the_destination)
{
    EXEC_STEPS({"RENAMENX a b", "-ERR no such key"}, {"SET a 1", "+OK"}, {"SET b 2", "+OK"},
               {"RENAMENX a b", ":0"}, {"GET a", "$1\r\n1"}, {"GET b", "$1\r\n2"},
               {"RENAMENX a c", ":1"}, {"GET c", "$1\r\n1"}, {"EXISTS a", ":0"});
}

Test(rename, nx_takes_the_place_of_an_expired_key)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"SET b 2", "+OK"}, {"PEXPIRE b 5", ":1"}, {"@5", NULL},
               {"RENAMENX a b", ":1"}, {"GET b", "$1\r\n1"}, {"PTTL b", ":-1"});
}

Test(copy, leaves_the_source)
{
    EXEC_STEPS({"COPY a b", ":0"}, {"SET a 1", "+OK"}, {"COPY a b", ":1"}, {"GET a", "$1\r\n1"},
               {"GET b", "$1\r\n1"}, {"SET a text", "+OK"}, {"COPY a b", ":0"},
               {"GET b", "$1\r\n1"}, {"COPY a b REPLACE", ":1"}, {"GET b", "$4\r\ntext"},
               {"COPY a b replace replace", ":1"});
}

Test(copy, expiry_goes_along)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"PEXPIREAT a 9000000000000", ":1"}, {"COPY a b", ":1"},
               {"PEXPIRETIME b", ":9000000000000"}, {"PERSIST a", ":1"},
               {"PEXPIRETIME b", ":9000000000000"}, {"COPY a b REPLACE", ":1"}, {"PTTL b", ":-1"});
}

Test(copy, over_an_expired_key)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"SET b 2", "+OK"}, {"PEXPIRE b 5", ":1"}, {"@5", NULL},
               {"COPY b a", ":0"}, {"COPY a b", ":1"}, {"GET b", "$1\r\n1"});
}

Test(copy, to_another_database)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"COPY a a", SAME}, {"COPY a a DB 0", SAME},
               {"COPY a a DB 1", ":1"}, {"COPY a a DB 1", ":0"}, {"COPY a b DB 1", ":1"},
               {"COPY a a REPLACE DB 1", ":1"}, {"COPY a a DB 1 DB 2", ":1"},
               {"COPY nothing nothing", SAME}, {"DBSIZE", ":1"}, {"#1", NULL}, {"DBSIZE", ":2"},
               {"#2", NULL}, {"GET a", "$1\r\n1"});
}

Test(copy, errors)
{
    EXEC_STEPS({"SET a 1", "+OK"}, {"COPY a a foo", "-ERR syntax error"},
               {"COPY a b DB", "-ERR syntax error"}, {"COPY a b REPLACE 1", "-ERR syntax error"},
               {"COPY a b DB 16", NO_DB}, {"COPY a b DB -1", NO_DB}, {"COPY a b DB x", NO_INTEGER},
               {"COPY a b DB 9999999999", NO_INT}, {"COPY a b DB 16 foo", NO_DB},
               {"COPY a b DB 9223372036854775808", NO_INTEGER},
               {"COPY a b foo DB 16", "-ERR syntax error"},
               {"COPY a", "-ERR wrong number of arguments for 'copy' command"}, {"EXISTS b", ":0"});
}

Test(copy, copies_all_bytes_of_a_long_value)
{
    struct exec_fixture fixture;
    char value[100000];
    size_t size;

    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = (char)(i * 31 + i / 256);
    const struct gf_bytes set[] = {
        GF_BYTES("SET"), GF_BYTES("a"), {.data = value, .size = sizeof(value)}};
    const struct gf_bytes get[] = {GF_BYTES("GET"), GF_BYTES("b")};

    exec_fixture_init(&fixture);
    exec_run_words(&fixture, set, 3, &size);
    EXEC_STEPS_IN(&fixture, {"COPY a b", ":1"}, {"DEL a", ":1"}, {"MOVE b 3", ":1"}, {"#3", NULL},
                  {"RENAME b c", "+OK"}, {"RENAME c b", "+OK"});

    const char *answer = exec_run_words(&fixture, get, 2, &size);

    cr_assert_eq(size, sizeof(value) + strlen("$100000\r\n") + 2);
    cr_assert_eq(memcmp(answer + strlen("$100000\r\n"), value, sizeof(value)), 0);
    exec_fixture_deinit(&fixture);
}

Test(move, to_another_database)
{
    EXEC_STEPS({"MOVE a 1", ":0"}, {"MOVE a 0", SAME}, {"SET a 1", "+OK"},
               {"PEXPIREAT a 9000000000000", ":1"}, {"MOVE a 0", SAME}, {"MOVE a 1", ":1"},
               {"DBSIZE", ":0"}, {"SET a 2", "+OK"}, {"MOVE a 1", ":0"}, {"GET a", "$1\r\n2"},
               {"#1", NULL}, {"GET a", "$1\r\n1"}, {"PEXPIRETIME a", ":9000000000000"});
}

Test(move, over_an_expired_key)
{
    EXEC_STEPS({"#1", NULL}, {"SET a old", "+OK"}, {"PEXPIRE a 500", ":1"}, {"#0", NULL},
               {"SET a new", "+OK"}, {"MOVE a 1", ":0"}, {"@500", NULL}, {"MOVE a 1", ":1"},
               {"#1", NULL}, {"GET a", "$3\r\nnew"}, {"PTTL a", ":-1"});
}

Test(move, errors)
{
    EXEC_STEPS({"MOVE a 16", NO_DB}, {"MOVE a -1", NO_DB}, {"MOVE a x", NO_INTEGER},
               {"MOVE a 99999999999", NO_INT},
               {"MOVE a", "-ERR wrong number of arguments for 'move' command"});
}

/* A structured type: its values are counters behind a pointer. */
#define COUNTER_TYPE GF_TYPE_PLUGIN_FIRST

static const char *counter_encoding(const struct gf_object *object)
{
    (void)object;
    return "counter";
}

static void counter_free(void *value)
{
    gf_free(GF_MEMORY_DATA, value);
}

static bool counter_free_slice(void *value, uint64_t budget)
{
    (void)budget;
    counter_free(value);
    return true;
}

static void *counter_create(int64_t number)
{
    int64_t *value = gf_alloc(GF_MEMORY_DATA, sizeof(*value));

    *value = number;
    return value;
}

static void *counter_copy(const void *value, struct gf_pace *pace)
{
    gf_pace_step(pace, 1);
    return counter_create(*(const int64_t *)value);
}

static size_t counter_memory(const void *value, uint64_t samples)
{
    (void)value;
    return 1000 + samples;
}

static uint64_t counter_length(const void *value)
{
    (void)value;
    return 1;
}

static const struct gf_type counter_type = {
    .name = "counter",
    .id = COUNTER_TYPE,
    .encoding_name = counter_encoding,
    .free = counter_free,
    .free_slice = counter_free_slice,
    .copy = counter_copy,
    .memory = counter_memory,
    .length = counter_length,
};

/* Teaches the fixture the type and puts one of its values under `key`. */
static void counter_put(struct exec_fixture *fixture, const struct gf_type **types, const char *key,
                        int64_t number)
{
    struct gf_value value = {.type = COUNTER_TYPE, .pointer = counter_create(number)};
    struct gf_bytes bytes = gf_bytes_of(key);
    struct gf_keyspace *keyspace = fixture->space.find(&fixture->space, fixture->db, bytes);
    uint64_t hash = gf_keyspace_hash(fixture->context.hash_seed, bytes);

    memcpy(types, gf_registry_types(fixture->registry), GF_TYPES_MAX * sizeof(*types));
    types[COUNTER_TYPE] = &counter_type;
    fixture->context.types = types;
    cr_assert_not_null(gf_keyspace_put(keyspace, hash, bytes, &value, 0, fixture->now_ms));
}

static int64_t counter_get(struct exec_fixture *fixture, const char *key)
{
    struct gf_object *object = exec_find(fixture, key);

    cr_assert_not_null(object);
    cr_assert_eq((int)gf_object_type(object), COUNTER_TYPE);
    return *(int64_t *)gf_object_pointer(object);
}

Test(rename, structures_change_hands_and_are_copied)
{
    const struct gf_type *types[GF_TYPES_MAX];
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    counter_put(&fixture, types, "a", 5);
    const void *pointer = gf_object_pointer(exec_find(&fixture, "a"));

    EXEC_STEPS_IN(&fixture, {"TYPE a", "+counter"}, {"OBJECT ENCODING a", "$7\r\ncounter"},
                  {"SET b text", "+OK"}, {"RENAME a b", "+OK"});
    cr_assert_eq(gf_object_pointer(exec_find(&fixture, "b")), pointer);
    EXEC_STEPS_IN(&fixture, {"COPY b c", ":1"});
    cr_assert_neq(gf_object_pointer(exec_find(&fixture, "c")), pointer);
    cr_assert_eq(counter_get(&fixture, "c"), 5);
    cr_assert_eq(counter_get(&fixture, "b"), 5);
    EXEC_STEPS_IN(&fixture, {"MOVE b 1", ":1"}, {"COPY c b REPLACE DB 1", ":1"},
                  {"RENAME c d", "+OK"}, {"DEL d", ":1"}, {"DBSIZE", ":0"}, {"#1", NULL});
    cr_assert_eq(counter_get(&fixture, "b"), 5);
    exec_fixture_deinit(&fixture);
}

Test(rename, structures_say_what_they_hold)
{
    const struct gf_type *types[GF_TYPES_MAX];
    struct exec_fixture fixture;

    exec_fixture_init(&fixture);
    counter_put(&fixture, types, "a", 5);

    long by_default = strtol(exec_run(&fixture, "MEMORY USAGE a") + 1, NULL, 10);
    long of_all = strtol(exec_run(&fixture, "MEMORY USAGE a SAMPLES 0") + 1, NULL, 10);
    long of_ninety = strtol(exec_run(&fixture, "MEMORY USAGE a SAMPLES 90") + 1, NULL, 10);

    cr_assert_geq(of_all, 1000);
    cr_assert_eq(by_default, of_all + 5);
    cr_assert_eq(of_ninety, of_all + 90);
    exec_fixture_deinit(&fixture);
}
