/* When fields expire: HEXPIRE and its relatives, HTTL and its relatives, HPERSIST.
 *
 * The words are read in Redis's order, which is not always from left to right.
 */
#include "core/alloc.h"
#include "core/assert.h"
#include "modules/expire.h"
#include "modules/hashes.h"

#define EXPIRE_MS_MAX ((INT64_C(1) << 46) - 1) /* Redis keeps two of its 48 bits for later */

/* What became of one field: HEXPIRE's and HPERSIST's answers. */
enum outcome {
    OUTCOME_NO_FIELD = -2,
    OUTCOME_NO_EXPIRY = -1,
    OUTCOME_CONDITION = 0, /* not met */
    OUTCOME_DONE = 1,
    OUTCOME_REMOVED = 2, /* its time had come already */
};

/* Reading. */

bool gf_hash_read_when(struct gf_exec *x, struct gf_bytes word, int64_t unit_ms, uint64_t base_ms,
                       uint64_t *ret_when_ms)
{
    int64_t time;

    if (!gf_bytes_parse_i64(word, &time)) {
        gf_reply_error(x->reply, GF_MSG_NOT_INTEGER);
        return false;
    }
    if (time < 0) {
        gf_reply_error(x->reply, GF_MSG_FIELD_EXPIRE_NEGATIVE);
        return false;
    }
    if (time > EXPIRE_MS_MAX / unit_ms || time * unit_ms > EXPIRE_MS_MAX - (int64_t)base_ms) {
        gf_expire_reply_invalid(x);
        return false;
    }
    *ret_when_ms = (uint64_t)(time * unit_ms) + base_ms;
    return true;
}

bool gf_hash_read_fields(struct gf_exec *x, enum gf_message_id number_error)
{
    struct gf_args *args = x->args;
    int64_t count;

    if (!gf_args_skip_if(args, "FIELDS")) {
        gf_reply_error(x->reply, GF_MSG_FIELDS_MISSING);
        return false;
    }
    if (gf_args_left(args) == 0 || !gf_bytes_parse_i64(gf_args_next(args), &count) || count < 1) {
        gf_reply_error(x->reply, number_error);
        return false;
    }
    if (count != gf_args_left(args)) {
        gf_reply_error(x->reply, GF_MSG_FIELDS_MISMATCH);
        return false;
    }
    return true;
}

/* Answers one number for each word that is left. */
static void outcome_for_all(struct gf_exec *x, enum outcome outcome)
{
    gf_reply_array(x->reply, gf_args_left(x->args));
    for (uint32_t left = gf_args_left(x->args); left > 0; left--)
        gf_reply_int(x->reply, outcome);
}

/* HEXPIRE and its relatives. */

enum condition {
    CONDITION_NONE,
    CONDITION_NX,
    CONDITION_XX,
    CONDITION_GT,
    CONDITION_LT,
};

static enum condition condition_read(struct gf_args *args)
{
    static const char *const words[] = {"NX", "XX", "GT", "LT"};

    for (uint32_t i = 0; i < GF_COUNT(words); i++)
        if (gf_args_skip_if(args, words[i]))
            return (enum condition)(CONDITION_NX + i);
    return CONDITION_NONE;
}

/* Does a field that expires at `current_ms` (0 = never) get the new time? */
static bool condition_holds(enum condition condition, uint64_t current_ms, uint64_t when_ms)
{
    switch (condition) {
    case CONDITION_NONE:
        return true;
    case CONDITION_NX:
        return current_ms == 0;
    case CONDITION_XX:
        return current_ms != 0;
    case CONDITION_GT:
        return current_ms != 0 && when_ms > current_ms;
    case CONDITION_LT:
        return current_ms == 0 || when_ms < current_ms;
    }
    gf_panic(__FILE__, __LINE__, "a condition is one of them");
}

/* False when there is no memory. */
static bool field_expire(struct gf_hash *hash, struct gf_bytes field, enum condition condition,
                         uint64_t when_ms, enum outcome *ret_outcome)
{
    struct gf_dict_entry entry;

    if (!gf_hash_get(hash, field, &entry)) {
        *ret_outcome = OUTCOME_NO_FIELD;
    } else if (!condition_holds(condition, entry.expire_ms, when_ms)) {
        *ret_outcome = OUTCOME_CONDITION;
    } else if (when_ms <= hash->x->now_ms) {
        gf_hash_remove(hash, field);
        *ret_outcome = OUTCOME_REMOVED;
    } else {
        *ret_outcome = OUTCOME_DONE;
        return gf_hash_set_expire(hash, field, when_ms);
    }
    return true;
}

/* The change as a whole, after it. */
static void expire_changed(struct gf_hash *hash, bool set, bool removed)
{
    if (set)
        gf_hash_changed(hash, "hexpire");
    if (removed && set)
        gf_exec_event(hash->x, hash->x->db, hash->key, GF_EVENT_HASH, "hdel");
    else if (removed)
        gf_hash_changed(hash, "hdel");
}

#define OUTCOMES_INLINE 64u /* fields of a command that need no memory */

/* Every field that is named gets the time. The answer comes last, because there may be no memory;
 * what was done before that stays. */
static void fields_expire(struct gf_hash *hash, enum condition condition, uint64_t when_ms)
{
    struct gf_exec *x = hash->x;
    uint32_t count = gf_args_left(x->args);
    int8_t few[OUTCOMES_INLINE];
    int8_t *outcomes = count <= OUTCOMES_INLINE ? few : gf_alloc_try(GF_MEMORY_OTHER, count);
    bool good = outcomes != NULL;
    bool set = false;
    bool removed = false;

    for (uint32_t i = 0; good && i < count; i++) {
        enum outcome outcome;

        good = field_expire(hash, gf_args_next(x->args), condition, when_ms, &outcome);
        outcomes[i] = (int8_t)outcome;
        set |= outcome == OUTCOME_DONE;
        removed |= outcome == OUTCOME_REMOVED;
    }
    expire_changed(hash, set, removed);
    if (good) {
        gf_reply_array(x->reply, count);
        for (uint32_t i = 0; i < count; i++)
            gf_reply_int(x->reply, outcomes[i]);
    } else {
        gf_reply_error(x->reply, GF_MSG_OOM);
    }
    if (outcomes != few)
        gf_free(GF_MEMORY_OTHER, outcomes);
}

static void expire_in(struct gf_exec *x, int64_t unit_ms, uint64_t base_ms)
{
    struct gf_bytes key = gf_args_next(x->args);
    enum condition condition;
    struct gf_hash hash;
    uint64_t when_ms;

    if (!gf_hash_find(x, key, &hash) ||
        !gf_hash_read_when(x, gf_args_next(x->args), unit_ms, base_ms, &when_ms))
        return;
    condition = condition_read(x->args);
    if (!gf_hash_read_fields(x, GF_MSG_FIELDS_NUMBER_PARAMETER))
        return;
    if (!hash.object) {
        outcome_for_all(x, OUTCOME_NO_FIELD);
        return;
    }
    gf_hash_purge(&hash);
    fields_expire(&hash, condition, when_ms);
}

static void hexpire(struct gf_exec *x)
{
    expire_in(x, 1000, x->now_ms);
}

static void hpexpire(struct gf_exec *x)
{
    expire_in(x, 1, x->now_ms);
}

static void hexpireat(struct gf_exec *x)
{
    expire_in(x, 1000, 0);
}

static void hpexpireat(struct gf_exec *x)
{
    expire_in(x, 1, 0);
}

/* HTTL and its relatives: from base_ms to the expiry, in units of unit_ms, rounded up. */
static void expiry_answer(struct gf_exec *x, uint64_t unit_ms, uint64_t base_ms)
{
    struct gf_hash hash;

    if (!gf_hash_find(x, gf_args_next(x->args), &hash) ||
        !gf_hash_read_fields(x, GF_MSG_FIELDS_NUMBER))
        return;
    gf_reply_array(x->reply, gf_args_left(x->args));
    while (gf_args_left(x->args) > 0) {
        struct gf_dict_entry entry;

        if (!gf_hash_get(&hash, gf_args_next(x->args), &entry))
            gf_reply_int(x->reply, OUTCOME_NO_FIELD);
        else if (entry.expire_ms == 0)
            gf_reply_int(x->reply, OUTCOME_NO_EXPIRY);
        else
            gf_reply_int(x->reply, (int64_t)((entry.expire_ms - base_ms + unit_ms - 1) / unit_ms));
    }
}

static void httl(struct gf_exec *x)
{
    expiry_answer(x, 1000, x->now_ms);
}

static void hpttl(struct gf_exec *x)
{
    expiry_answer(x, 1, x->now_ms);
}

static void hexpiretime(struct gf_exec *x)
{
    expiry_answer(x, 1000, 0);
}

static void hpexpiretime(struct gf_exec *x)
{
    expiry_answer(x, 1, 0);
}

/* Taking an expiry away needs no memory: its number gets shorter. */
static enum outcome field_persist(struct gf_hash *hash, struct gf_bytes field)
{
    struct gf_dict_entry entry;
    bool done;

    if (!gf_hash_get(hash, field, &entry))
        return OUTCOME_NO_FIELD;
    if (entry.expire_ms == 0)
        return OUTCOME_NO_EXPIRY;
    done = gf_hash_set_expire(hash, field, 0);
    GF_ASSERT(done);
    return OUTCOME_DONE;
}

static void hpersist(struct gf_exec *x)
{
    struct gf_hash hash;
    bool changed = false;

    if (!gf_hash_find(x, gf_args_next(x->args), &hash) ||
        !gf_hash_read_fields(x, GF_MSG_FIELDS_NUMBER))
        return;
    if (!hash.object) {
        outcome_for_all(x, OUTCOME_NO_FIELD);
        return;
    }
    gf_hash_purge(&hash);
    gf_reply_array(x->reply, gf_args_left(x->args));
    while (gf_args_left(x->args) > 0) {
        enum outcome outcome = field_persist(&hash, gf_args_next(x->args));

        changed |= outcome == OUTCOME_DONE;
        gf_reply_int(x->reply, outcome);
    }
    if (changed)
        gf_hash_changed(&hash, "hpersist");
}

/* clang-format off */
#define KEY {.name = "key", .type = GF_ARG_KEY}
#define FIELDS                                                                                    \
    {.name = "fields", .type = GF_ARG_BLOCK, .token = "FIELDS",                                   \
     GF_ARGS({.name = "numfields", .type = GF_ARG_INTEGER},                                       \
             {.name = "field", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE})}
#define CONDITION                                                                                 \
    {.name = "condition", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,                         \
     GF_ARGS({.name = "nx", .type = GF_ARG_TOKEN, .token = "NX"},                                 \
             {.name = "xx", .type = GF_ARG_TOKEN, .token = "XX"},                                 \
             {.name = "gt", .type = GF_ARG_TOKEN, .token = "GT"},                                 \
             {.name = "lt", .type = GF_ARG_TOKEN, .token = "LT"})}
/* A row of the four setters, and one of the four getters. */
#define SETTER(command, function, time, kind, what)                                               \
    {                                                                                             \
        .name = command, .run = function, .flags = GF_WRITE | GF_GROWS | GF_FAST, .arity = -6,    \
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_UPDATE,     \
        .since = "7.4.0", .group = "hash", .complexity = "O(N) in the number of fields named",    \
        .summary = what,                                                                          \
        GF_ARGS(KEY, {.name = time, .type = kind}, CONDITION, FIELDS),                            \
    }
#define GETTER(command, function, what)                                                           \
    {                                                                                             \
        .name = command, .run = function, .flags = GF_READ | GF_FAST, .arity = -5,                \
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,     \
        .since = "7.4.0", .group = "hash", .complexity = "O(N) in the number of fields named",    \
        .summary = what,                                                                          \
        GF_ARGS(KEY, FIELDS),                                                                     \
    }

static const struct gf_command commands[] = {
    SETTER("HEXPIRE", hexpire, "seconds", GF_ARG_INTEGER,
           "Lets fields expire in some seconds."),
    SETTER("HPEXPIRE", hpexpire, "milliseconds", GF_ARG_INTEGER,
           "Lets fields expire in some milliseconds."),
    SETTER("HEXPIREAT", hexpireat, "unix-time-seconds", GF_ARG_UNIX_TIME,
           "Lets fields expire at a Unix time in seconds."),
    SETTER("HPEXPIREAT", hpexpireat, "unix-time-milliseconds", GF_ARG_UNIX_TIME,
           "Lets fields expire at a Unix time in milliseconds."),
    GETTER("HTTL", httl, "The seconds that fields have left."),
    GETTER("HPTTL", hpttl, "The milliseconds that fields have left."),
    GETTER("HEXPIRETIME", hexpiretime, "When fields expire, as a Unix time in seconds."),
    GETTER("HPEXPIRETIME", hpexpiretime, "When fields expire, as a Unix time in milliseconds."),
    {
        .name = "HPERSIST", .run = hpersist, .flags = GF_WRITE | GF_FAST, .arity = -5,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_UPDATE,
        .since = "7.4.0", .group = "hash", .complexity = "O(N) in the number of fields named",
        .summary = "Takes the expiry of fields away.",
        GF_ARGS(KEY, FIELDS),
    },
};
/* clang-format on */

const struct gf_module gf_hash_expire_module = {
    .abi = GF_MODULE_ABI,
    .name = "hash_expire",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
