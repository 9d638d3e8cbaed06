/* What commands tell of what happens to keys: Redis's events, once per change, and only then. */
#include "support/exec_steps.h"

#include "core/list.h"

#include <stdio.h>

#define TOLD_MAX 2000

/* Writes down what it hears as "class:name:db:key " ("-" without a name). */
struct recorder {
    struct exec_fixture fixture;
    char told[TOLD_MAX];
};

static void record(struct gf_events *events, struct gf_exec *x, uint32_t classes, const char *name,
                   uint32_t db, struct gf_bytes key)
{
    struct recorder *recorder =
        gf_container(gf_container(events, struct exec_fixture, events), struct recorder, fixture);
    size_t used = strlen(recorder->told);

    (void)x;
    cr_assert((classes & events->wanted) != 0, "what is told was asked for");
    snprintf(recorder->told + used, sizeof(recorder->told) - used, "%s%s:%u:%.*s ",
             (classes & GF_EVENT_CHANGED) != 0 ? "!" : "", name ? name : "-", db, (int)key.size,
             key.data);
}

static void recorder_init(struct recorder *recorder, uint32_t wanted)
{
    exec_fixture_init(&recorder->fixture);
    recorder->told[0] = '\0';
    recorder->fixture.events = (struct gf_events){.wanted = wanted, .emit = record};
}

static void expect_told(struct recorder *recorder, const char *line, const char *told)
{
    recorder->told[0] = '\0';
    exec_run(&recorder->fixture, line);
    cr_expect_str_eq(recorder->told, told, "%s told \"%s\" instead of \"%s\"", line, recorder->told,
                     told);
}

struct told_step {
    const char *line;
    const char *told;
};

static void expect_all(uint32_t wanted, const struct told_step *steps, size_t count)
{
    struct recorder recorder;

    recorder_init(&recorder, wanted);
    for (size_t i = 0; i < count; i++)
        expect_told(&recorder, steps[i].line, steps[i].told);
    exec_fixture_deinit(&recorder.fixture);
}

#define EXPECT_TOLD(wanted, ...)                                                                   \
    expect_all((wanted), (const struct told_step[]){__VA_ARGS__},                                  \
               GF_COUNT(((const struct told_step[]){__VA_ARGS__})))

#define EVERYTHING UINT32_MAX
#define CHANGES (EVERYTHING & ~(uint32_t)(GF_EVENT_NEW | GF_EVENT_KEY_MISS))

Test(exec, strings_tell_their_changes)
{
    EXPECT_TOLD(CHANGES, {"SET a 1", "!set:0:a "}, {"SET a 2 NX", ""}, {"SET a 2 XX", "!set:0:a "},
                {"SET b 1 XX", ""}, {"SET a 1 EX 10", "!set:0:a expire:0:a "},
                {"SET a 1 KEEPTTL", "!set:0:a "}, {"SET a 2 GET", "!set:0:a "}, {"SETNX a 1", ""},
                {"SETNX b 1", "!set:0:b "}, {"SETEX a 10 1", "!set:0:a expire:0:a "},
                {"PSETEX a 10 1", "!set:0:a expire:0:a "}, {"GETSET a 1", "!set:0:a "},
                {"APPEND a 1", "!append:0:a "}, {"APPEND c 1", "!append:0:c "},
                {"SETRANGE a 5 x", "!setrange:0:a "}, {"SETRANGE a 5 \"\"", ""},
                {"SETRANGE d 1 x", "!setrange:0:d "}, {"GETDEL d", "!del:0:d "}, {"GETDEL d", ""},
                {"GETEX b", ""}, {"GETEX b EX 10", "!expire:0:b "},
                {"GETEX b PERSIST", "!persist:0:b "}, {"GETEX b PERSIST", ""},
                {"GETEX b PXAT 5", "!del:0:b "}, {"GETEX b EX 10", ""}, {"GET a", ""},
                {"MSET a 1 b 2 a 3", "!set:0:a !set:0:b !set:0:a "}, {"MSETNX a 1 z 2", ""},
                {"MSETNX y 1 z 2", "!set:0:y !set:0:z "});
}

Test(exec, numbers_tell_their_changes)
{
    EXPECT_TOLD(CHANGES, {"INCR a", "!incrby:0:a "}, {"DECR a", "!incrby:0:a "},
                {"INCRBY a 5", "!incrby:0:a "}, {"DECRBY a 5", "!incrby:0:a "},
                {"INCRBYFLOAT a 0.5", "!incrbyfloat:0:a "}, {"INCR a", ""}, {"INCRBY a x", ""});
}

Test(exec, a_value_that_is_gone_at_once_is_told_as_set_and_expired)
{
    EXPECT_TOLD(CHANGES, {"SET a 1 PXAT 1", "!set:0:a expire:0:a expired:0:a "}, {"EXISTS a", ""});
}

Test(exec, keys_tell_their_changes)
{
    EXPECT_TOLD(CHANGES, {"MSET a 1 b 1 c 1", "!set:0:a !set:0:b !set:0:c "}, {"TOUCH a", ""},
                {"EXPIRE a 10", "!expire:0:a "}, {"EXPIRE a 10 NX", ""}, {"EXPIRE nothing 10", ""},
                {"PERSIST a", "!persist:0:a "}, {"PERSIST a", ""}, {"EXPIRE a -1", "!del:0:a "},
                {"DEL a b b nothing", "!del:0:b "}, {"UNLINK c", "!del:0:c "});
}

Test(exec, other_names_and_databases_are_told)
{
    EXPECT_TOLD(
        CHANGES, {"SET a 1", "!set:0:a "}, {"RENAME a b", "!-:0:b !rename_from:0:a rename_to:0:b "},
        {"RENAME b b", ""}, {"RENAME a b", ""}, {"RENAMENX b b", ""},
        {"RENAMENX b c", "!-:0:c !rename_from:0:b rename_to:0:c "}, {"COPY c d", "!copy_to:0:d "},
        {"COPY c d", ""}, {"COPY c d REPLACE", "!copy_to:0:d "}, {"COPY c c DB 3", "!copy_to:3:c "},
        {"MOVE c 3", ""}, {"MOVE d 3", "!-:3:d !move_from:0:d move_to:3:d "});
}

Test(exec, a_new_key_is_told_before_its_change)
{
    EXPECT_TOLD(GF_EVENT_NEW | GF_EVENT_GENERIC | GF_EVENT_STRING, {"SET a 1", "new:0:a !set:0:a "},
                {"SET a 2", "!set:0:a "}, {"MSET a 1 b 1", "!set:0:a new:0:b !set:0:b "},
                {"RENAME a c", "new:0:c !rename_from:0:a rename_to:0:c "},
                {"RENAME c b", "!rename_from:0:c rename_to:0:b "},
                {"MOVE b 1", "new:1:b !move_from:0:b move_to:1:b "},
                {"INCR n", "new:0:n !incrby:0:n "}, {"DEL n", "!del:0:n "},
                {"SETNX n 1", "new:0:n !set:0:n "});
    EXPECT_TOLD(GF_EVENT_NEW, {"SET a 1", "new:0:a "}, {"SET a 1", ""});
}

Test(exec, a_key_that_is_missing_is_told_to_readers_only)
{
    EXPECT_TOLD(GF_EVENT_KEY_MISS, {"GET a", "keymiss:0:a "},
                {"MGET a b", "keymiss:0:a keymiss:0:b "}, {"EXISTS a", "keymiss:0:a "},
                {"TTL a", "keymiss:0:a "}, {"TYPE a", "keymiss:0:a "}, {"OBJECT ENCODING a", ""},
                {"INCR a", ""}, {"GET a", ""}, {"DEL b", ""}, {"GETDEL b", "keymiss:0:b "},
                {"COPY b c", "keymiss:0:b "});
}

Test(exec, an_expired_key_that_is_overwritten_is_told_as_expired)
{
    struct recorder recorder;

    recorder_init(&recorder, EVERYTHING);
    expect_told(&recorder, "SET a 1 PX 10", "new:0:a !set:0:a expire:0:a ");
    recorder.fixture.now_ms += 10;
    expect_told(&recorder, "SET a 1", "expired:0:a new:0:a !set:0:a ");
    exec_fixture_deinit(&recorder.fixture);
}

Test(exec, nobody_listens_and_nothing_is_told)
{
    EXPECT_TOLD(0, {"SET a 1", ""}, {"GET b", ""}, {"DEL a", ""});
    EXPECT_TOLD(GF_EVENT_LIST, {"SET a 1", ""}, {"GET b", ""}, {"DEL a", ""});
}

/* Keys that go by themselves, told by the keyspace's context. */
struct gone_recorder {
    struct gf_keyspace_context context;
    uint32_t classes;
    uint32_t count;
};

static void record_gone(const struct gf_keyspace_context *context,
                        const struct gf_keyspace *keyspace, const struct gf_object *object,
                        uint32_t class)
{
    struct gone_recorder *recorder = (struct gone_recorder *)(uintptr_t)context;

    (void)keyspace;
    cr_expect_eq(gf_object_key(object).size, 1);
    recorder->classes |= class;
    recorder->count++;
}

Test(exec, keys_that_go_by_themselves_are_told_by_the_keyspace)
{
    struct gone_recorder recorder = {
        .context = {.types = (const struct gf_type *[GF_TYPES_MAX]){NULL}, .gone = record_gone}};
    struct gf_keyspace *keyspace = gf_keyspace_create(&recorder.context);
    struct gf_value value = {.bytes = GF_BYTES("v")};
    struct gf_victim victim;
    uint64_t seed = 1;

    gf_keyspace_put(keyspace, gf_keyspace_hash(0, GF_BYTES("a")), GF_BYTES("a"), &value, 10, 1);
    gf_keyspace_put(keyspace, gf_keyspace_hash(0, GF_BYTES("b")), GF_BYTES("b"), &value, 0, 1);
    cr_expect_eq(gf_keyspace_expire_slice(keyspace, 100, 10), 1);
    cr_expect_eq(recorder.classes, GF_EVENT_EXPIRED);
    cr_assert_eq(gf_keyspace_sample(keyspace, GF_ALLKEYS_RANDOM, &seed, 10, &victim, 1), 1);
    cr_expect_gt(gf_keyspace_evict(keyspace, GF_ALLKEYS_RANDOM, &victim, 10), 0);
    cr_expect_eq(recorder.classes, GF_EVENT_EXPIRED | GF_EVENT_EVICTED);
    cr_expect_eq(recorder.count, 2);
    gf_keyspace_destroy(keyspace);
}
