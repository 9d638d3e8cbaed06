/* DUMP and RESTORE: a value on its own, given away and taken back. */
#include "core/assert.h"
#include "modules/keyspace.h"
#include "modules/payload.h"
#include "modules/place.h"
#include "modules/strings.h"

#define FREQUENCY_MAX 255
#define NOT_GIVEN (-1)

static void dump(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    const struct gf_object *object = gf_place_find(x, &place);
    struct gf_chain payload = {0};

    if (object == NULL) {
        gf_reply_null(x->reply);
        return;
    }
    gf_payload_save(gf_place_type(&place, object), object, &payload);
    gf_reply_bulk_chain(x->reply, &payload);
}

/* The words of a RESTORE. */
struct restore {
    struct gf_place place;
    struct gf_bytes ttl; /* not yet a number: whether the key exists is asked first */
    struct gf_bytes payload;
    bool replace;
    bool absolute;      /* ttl is a moment, not a time from now */
    int64_t idle_s;     /* or NOT_GIVEN */
    int64_t frequency;  /* or NOT_GIVEN */
    uint64_t expire_ms; /* 0 = never; from ttl */
};

static void idle_read(struct gf_args *args, struct restore *restore)
{
    if (gf_args_left(args) == 0 || restore->frequency != NOT_GIVEN)
        gf_args_fail(args, GF_MSG_SYNTAX);
    restore->idle_s = gf_args_next_range(args, 0, INT64_MAX, GF_MSG_RESTORE_IDLETIME);
}

static void frequency_read(struct gf_args *args, struct restore *restore)
{
    if (gf_args_left(args) == 0 || restore->idle_s != NOT_GIVEN)
        gf_args_fail(args, GF_MSG_SYNTAX);
    restore->frequency = gf_args_next_range(args, 0, FREQUENCY_MAX, GF_MSG_RESTORE_FREQ);
}

/* False when an error was answered. */
static bool restore_read(struct gf_exec *x, struct restore *restore)
{
    struct gf_args *args = x->args;

    restore->place = gf_place_next(x);
    restore->ttl = gf_args_next(args);
    restore->payload = gf_args_next(args);
    restore->idle_s = NOT_GIVEN;
    restore->frequency = NOT_GIVEN;
    while (gf_args_left(args) > 0) {
        if (gf_args_skip_if(args, "REPLACE"))
            restore->replace = true;
        else if (gf_args_skip_if(args, "ABSTTL"))
            restore->absolute = true;
        else if (gf_args_skip_if(args, "IDLETIME"))
            idle_read(args, restore);
        else if (gf_args_skip_if(args, "FREQ"))
            frequency_read(args, restore);
        else
            break; /* left over: a syntax error */
    }
    return gf_args_finish(args, x->reply);
}

/* ttl as a moment; false when it is none, which is answered. */
static bool ttl_read(struct gf_exec *x, struct restore *restore)
{
    int64_t ttl_ms;

    if (!gf_bytes_parse_i64(restore->ttl, &ttl_ms)) {
        gf_reply_error(x->reply, GF_MSG_NOT_INTEGER);
        return false;
    }
    if (ttl_ms < 0) {
        gf_reply_error(x->reply, GF_MSG_RESTORE_TTL);
        return false;
    }
    restore->expire_ms = (uint64_t)ttl_ms;
    if (ttl_ms > 0 && !restore->absolute)
        restore->expire_ms += x->now_ms;
    return true;
}

/* Later than a clock can say (a signed number of milliseconds) is long ago, for Redis as well. */
static bool restore_is_over(const struct gf_exec *x, const struct restore *restore)
{
    return restore->expire_ms != 0 &&
           (restore->expire_ms <= x->now_ms || restore->expire_ms > INT64_MAX);
}

/* What was replaced is gone, and the new value has had its time. */
static void restore_nothing(struct gf_exec *x, const struct restore *restore)
{
    const struct gf_place *place = &restore->place;
    struct gf_object *object =
        gf_keyspace_peek(place->keyspace, place->hash, place->key, x->now_ms);

    if (object != NULL) {
        gf_keyspace_remove(place->keyspace, place->hash, object);
        gf_exec_changed(x, x->db, place->key, GF_EVENT_GENERIC, "del");
    }
    gf_reply_ok(x->reply);
}

static void restore_access(const struct gf_exec *x, const struct restore *restore,
                           struct gf_object *object)
{
    bool lfu = gf_keyspace_context_of(restore->place.keyspace)->lfu;

    if (lfu && restore->frequency != NOT_GIVEN)
        gf_object_set_frequency(object, (uint8_t)restore->frequency, x->now_ms);
    if (!lfu && restore->idle_s != NOT_GIVEN) {
        uint64_t idle_s = (uint64_t)restore->idle_s;

        gf_object_set_idle_ms(object, idle_s < UINT32_MAX ? idle_s * 1000 : UINT64_MAX, x->now_ms);
    }
}

/* A string that was made piece by piece is now as if SET had stored it, as with Redis. */
static struct gf_value restore_value(const struct gf_value *value, int64_t *number)
{
    if (value->type == GF_TYPE_STRING && value->encoding != GF_STRING_INT)
        return gf_string_value(value->bytes, number);
    return *value;
}

static void restore_put(struct gf_exec *x, const struct restore *restore, struct gf_value *value)
{
    const struct gf_place *place = &restore->place;
    int64_t number;
    struct gf_value stored = restore_value(value, &number);
    struct gf_object *object = gf_keyspace_put(place->keyspace, place->hash, place->key, &stored,
                                               restore->expire_ms, x->now_ms);

    if (object == NULL) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    value->pointer = NULL; /* the keyspace's now */
    restore_access(x, restore, object);
    gf_exec_changed(x, x->db, place->key, GF_EVENT_GENERIC, "restore");
    gf_reply_ok(x->reply);
}

static void restore(struct gf_exec *x)
{
    struct restore restore = {0};
    struct gf_value value = {0};
    const struct gf_keyspace_context *context;

    if (!restore_read(x, &restore))
        return;
    if (!restore.replace && gf_place_peek(x, &restore.place) != NULL) {
        gf_reply_error(x->reply, GF_MSG_BUSYKEY);
        return;
    }
    if (!ttl_read(x, &restore))
        return;
    context = gf_keyspace_context_of(restore.place.keyspace);
    switch (gf_payload_load(context, restore.payload, &value)) {
    case GF_PAYLOAD_OK:
        break;
    case GF_PAYLOAD_DAMAGED:
        gf_reply_error(x->reply, GF_MSG_PAYLOAD_DAMAGED);
        return;
    case GF_PAYLOAD_ODD:
        gf_reply_error(x->reply, GF_MSG_PAYLOAD_ODD);
        return;
    }
    if (restore_is_over(x, &restore))
        restore_nothing(x, &restore);
    else
        restore_put(x, &restore, &value);
    gf_value_deinit(&value, context);
}

static const struct gf_history restore_history[] = {
    {.since = "3.0.0", .what = "REPLACE."},
    {.since = "5.0.0", .what = "ABSTTL."},
    {.since = "5.0.0", .what = "IDLETIME and FREQ."},
};

/* clang-format off */

#define RESTORE_ARGS                                                                              \
    GF_ARGS({.name = "key", .type = GF_ARG_KEY},                                                  \
            {.name = "ttl", .type = GF_ARG_INTEGER},                                              \
            {.name = "serialized-value", .type = GF_ARG_STRING},                                  \
            {.name = "replace", .type = GF_ARG_TOKEN, .token = "REPLACE", .since = "3.0.0",       \
             .flags = GF_ARG_OPTIONAL},                                                           \
            {.name = "absttl", .type = GF_ARG_TOKEN, .token = "ABSTTL", .since = "5.0.0",         \
             .flags = GF_ARG_OPTIONAL},                                                           \
            {.name = "seconds", .type = GF_ARG_INTEGER, .token = "IDLETIME", .since = "5.0.0",    \
             .flags = GF_ARG_OPTIONAL},                                                           \
            {.name = "frequency", .type = GF_ARG_INTEGER, .token = "FREQ", .since = "5.0.0",      \
             .flags = GF_ARG_OPTIONAL})

static const struct gf_command commands[] = {
    {
        .name = "DUMP", .run = dump, .flags = GF_READ, .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "2.6.0", .group = "generic", .complexity = "O(N), N = bytes of the answer",
        .summary = "A value as bytes that RESTORE understands.",
        .tips = "nondeterministic_output",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "RESTORE", .run = restore, .flags = GF_WRITE | GF_GROWS | GF_DANGEROUS,
        .arity = -4,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_OW | GF_KEY_UPDATE,
        .since = "2.6.0", .group = "generic", .complexity = "O(N), N = bytes of the value",
        .summary = "Stores what DUMP gave under a key.",
        .history = restore_history, .history_count = GF_COUNT(restore_history),
        RESTORE_ARGS,
    },
    {
        .name = "RESTORE-ASKING", .run = restore,
        .flags = GF_WRITE | GF_GROWS | GF_DANGEROUS | GF_ASKING, .arity = -4,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_OW | GF_KEY_UPDATE,
        .categories = "@keyspace",
        .since = "3.0.0", .group = "server", .complexity = "O(N), N = bytes of the value",
        .summary = "RESTORE as it is between the nodes of a cluster.",
        .history = restore_history, .history_count = GF_COUNT(restore_history),
        RESTORE_ARGS,
    },
};
/* clang-format on */

const struct gf_module gf_dump_module = {
    .abi = GF_MODULE_ABI,
    .name = "dump",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
