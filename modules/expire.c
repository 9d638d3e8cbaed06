/* Commands about when keys expire: EXPIRE and its relatives, TTL and its relatives, PERSIST.
 *
 * A keyspace stores one number, the Unix time in milliseconds at which a key is gone. The four
 * setters differ in unit and in what they count from; the four getters in unit and in what they
 * subtract. All of it is arithmetic on exec.now_ms: there is no other clock here.
 */
#include "modules/expire.h"

#include "core/assert.h"
#include "modules/keyspace.h"
#include "modules/place.h"
#include "modules/registry.h"

/* The condition of EXPIRE: bits, because some may be given together. */
enum expire_condition {
    EXPIRE_NX = 1u << 0, /* only if it does not expire yet */
    EXPIRE_XX = 1u << 1, /* only if it expires */
    EXPIRE_GT = 1u << 2, /* only if that is later; never expiring is the latest */
    EXPIRE_LT = 1u << 3, /* only if that is earlier */
};

/* Reads the conditions from word 3 on; false when an error was answered. They are checked before
 * the number in front of them is, because Redis does so. */
static bool conditions_read(struct gf_exec *x, uint32_t *ret_conditions)
{
    static const char *const names[] = {"NX", "XX", "GT", "LT"};
    uint32_t conditions = 0;

    for (uint32_t i = 3; i < x->args->count; i++) {
        uint32_t bit = 0;

        while (bit < GF_COUNT(names) && !gf_bytes_is(x->args->words[i], names[bit]))
            bit++;
        if (bit == GF_COUNT(names)) {
            gf_reply_error_format(x->reply, GF_MSG_UNSUPPORTED_OPTION, x->args->words[i],
                                  GF_BYTES(""));
            return false;
        }
        conditions |= 1u << bit;
    }
    if ((conditions & EXPIRE_NX) != 0 && conditions != EXPIRE_NX) {
        gf_reply_error(x->reply, GF_MSG_EXPIRE_NX);
        return false;
    }
    if ((conditions & EXPIRE_GT) != 0 && (conditions & EXPIRE_LT) != 0) {
        gf_reply_error(x->reply, GF_MSG_EXPIRE_GT_LT);
        return false;
    }
    *ret_conditions = conditions;
    return true;
}

/* Does a key that expires at `current_ms` (0 = never) get the new time `when_ms`? */
static bool conditions_hold(uint32_t conditions, uint64_t current_ms, int64_t when_ms)
{
    bool expires = current_ms != 0;
    /* Times of keys fit into an int64_t: conversion below refuses what does not. */
    bool later = expires && when_ms > (int64_t)current_ms;
    bool earlier = !expires || when_ms < (int64_t)current_ms;

    if ((conditions & EXPIRE_NX) != 0 && expires)
        return false;
    if ((conditions & EXPIRE_XX) != 0 && !expires)
        return false;
    if ((conditions & EXPIRE_GT) != 0 && !later)
        return false;
    return (conditions & EXPIRE_LT) == 0 || earlier;
}

bool gf_expire_when(int64_t time, int64_t unit_ms, uint64_t base_ms, int64_t *ret_when_ms)
{
    int64_t when_ms;

    if (__builtin_mul_overflow(time, unit_ms, &when_ms))
        return false;
    if (__builtin_add_overflow(when_ms, (int64_t)base_ms, &when_ms))
        return false;
    *ret_when_ms = when_ms;
    return true;
}

void gf_expire_reply_invalid(struct gf_exec *x)
{
    char text[64];
    uint32_t row_id = gf_registry_row_id(x->registry, x->command);
    struct gf_bytes name = {
        .data = text,
        .size = gf_registry_row_name(x->registry, row_id, text),
    };

    gf_reply_error_format(x->reply, GF_MSG_INVALID_EXPIRE, name, GF_BYTES(""));
}

/* EXPIRE and its relatives. A time that is not in the future removes the key. */
static void expire_in(struct gf_exec *x, int64_t unit_ms, uint64_t base_ms)
{
    struct gf_place place = gf_place_next(x);
    uint32_t conditions;
    int64_t when_ms;

    if (!conditions_read(x, &conditions))
        return;
    int64_t time = gf_args_next_i64(x->args);
    if (!gf_args_ok(x->args, x->reply))
        return;
    if (!gf_expire_when(time, unit_ms, base_ms, &when_ms)) {
        gf_expire_reply_invalid(x);
        return;
    }

    struct gf_object *object = gf_place_find(x, &place);

    if (object == NULL || !conditions_hold(conditions, gf_object_expire_ms(object), when_ms)) {
        gf_reply_int(x->reply, 0);
        return;
    }
    bool over = when_ms <= (int64_t)x->now_ms;

    if (over)
        gf_keyspace_remove(place.keyspace, place.hash, object);
    else
        gf_keyspace_set_expire(place.keyspace, place.hash, object, (uint64_t)when_ms);
    gf_exec_changed(x, x->db, place.key, GF_EVENT_GENERIC, over ? "del" : "expire");
    gf_reply_int(x->reply, 1);
}

static void expire(struct gf_exec *x)
{
    expire_in(x, 1000, x->now_ms);
}

static void pexpire(struct gf_exec *x)
{
    expire_in(x, 1, x->now_ms);
}

static void expireat(struct gf_exec *x)
{
    expire_in(x, 1000, 0);
}

static void pexpireat(struct gf_exec *x)
{
    expire_in(x, 1, 0);
}

/* TTL and its relatives: milliseconds from base_ms to the expiry, in units of unit_ms, rounded to
 * the nearest. */
static void expiry_answer(struct gf_exec *x, uint64_t unit_ms, uint64_t base_ms)
{
    struct gf_place place = gf_place_next(x);

    if (!gf_args_finish(x->args, x->reply))
        return;

    const struct gf_object *object = gf_place_peek(x, &place);
    uint64_t expire_ms = object != NULL ? gf_object_expire_ms(object) : 0;

    if (expire_ms == 0) {
        gf_reply_int(x->reply, object != NULL ? -1 : -2);
        return;
    }
    GF_ASSERT(expire_ms > base_ms);
    gf_reply_int(x->reply, (int64_t)((expire_ms - base_ms + unit_ms / 2) / unit_ms));
}

static void ttl(struct gf_exec *x)
{
    expiry_answer(x, 1000, x->now_ms);
}

static void pttl(struct gf_exec *x)
{
    expiry_answer(x, 1, x->now_ms);
}

static void expiretime(struct gf_exec *x)
{
    expiry_answer(x, 1000, 0);
}

static void pexpiretime(struct gf_exec *x)
{
    expiry_answer(x, 1, 0);
}

static void persist(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);

    if (!gf_args_finish(x->args, x->reply))
        return;

    struct gf_object *object = gf_place_find(x, &place);
    bool expires = object != NULL && gf_object_expire_ms(object) != 0;

    if (expires) {
        gf_keyspace_set_expire(place.keyspace, place.hash, object, 0);
        gf_exec_changed(x, x->db, place.key, GF_EVENT_GENERIC, "persist");
    }
    gf_reply_int(x->reply, expires);
}

static const struct gf_history expire_history[] = {
    {.since = "7.0.0", .what = "Conditions: NX, XX, GT and LT."},
};

static const struct gf_history ttl_history[] = {
    {.since = "2.8.0", .what = "-2 tells a missing key from one that does not expire."},
};

/* clang-format off */
#define EXPIRE_CONDITION                                                                          \
    {.name = "condition", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL, .since = "7.0.0",       \
     GF_ARGS({.name = "nx", .type = GF_ARG_TOKEN, .token = "NX"},                                 \
             {.name = "xx", .type = GF_ARG_TOKEN, .token = "XX"},                                 \
             {.name = "gt", .type = GF_ARG_TOKEN, .token = "GT"},                                 \
             {.name = "lt", .type = GF_ARG_TOKEN, .token = "LT"})}

static const struct gf_command commands[] = {
    {
        .name = "EXPIRE", .run = expire, .flags = GF_WRITE | GF_FAST, .arity = -3,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_UPDATE,
        .since = "1.0.0", .group = "generic", .complexity = "O(1)",
        .summary = "Lets a key expire in some seconds.",
        .history = expire_history, .history_count = GF_COUNT(expire_history),
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "seconds", .type = GF_ARG_INTEGER},
                EXPIRE_CONDITION),
    },
    {
        .name = "PEXPIRE", .run = pexpire, .flags = GF_WRITE | GF_FAST, .arity = -3,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_UPDATE,
        .since = "2.6.0", .group = "generic", .complexity = "O(1)",
        .summary = "Lets a key expire in some milliseconds.",
        .history = expire_history, .history_count = GF_COUNT(expire_history),
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "milliseconds", .type = GF_ARG_INTEGER},
                EXPIRE_CONDITION),
    },
    {
        .name = "EXPIREAT", .run = expireat, .flags = GF_WRITE | GF_FAST, .arity = -3,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_UPDATE,
        .since = "1.2.0", .group = "generic", .complexity = "O(1)",
        .summary = "Lets a key expire at a Unix time in seconds.",
        .history = expire_history, .history_count = GF_COUNT(expire_history),
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "unix-time-seconds", .type = GF_ARG_UNIX_TIME},
                EXPIRE_CONDITION),
    },
    {
        .name = "PEXPIREAT", .run = pexpireat, .flags = GF_WRITE | GF_FAST, .arity = -3,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_UPDATE,
        .since = "2.6.0", .group = "generic", .complexity = "O(1)",
        .summary = "Lets a key expire at a Unix time in milliseconds.",
        .history = expire_history, .history_count = GF_COUNT(expire_history),
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "unix-time-milliseconds", .type = GF_ARG_UNIX_TIME},
                EXPIRE_CONDITION),
    },
    {
        .name = "TTL", .run = ttl, .flags = GF_READ | GF_FAST | GF_NO_TOUCH, .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "1.0.0", .group = "generic", .complexity = "O(1)",
        .summary = "Seconds a key has left to live; -1: it does not expire, -2: no such key.",
        .tips = "nondeterministic_output",
        .history = ttl_history, .history_count = GF_COUNT(ttl_history),
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "PTTL", .run = pttl, .flags = GF_READ | GF_FAST | GF_NO_TOUCH, .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "2.6.0", .group = "generic", .complexity = "O(1)",
        .summary = "Milliseconds a key has left to live; -1: it does not expire, -2: no such key.",
        .tips = "nondeterministic_output",
        .history = ttl_history, .history_count = GF_COUNT(ttl_history),
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "EXPIRETIME", .run = expiretime, .arity = 2,
        .flags = GF_READ | GF_FAST | GF_NO_TOUCH,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "7.0.0", .group = "generic", .complexity = "O(1)",
        .summary = "Unix time in seconds at which a key expires; -1: never, -2: no such key.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "PEXPIRETIME", .run = pexpiretime, .arity = 2,
        .flags = GF_READ | GF_FAST | GF_NO_TOUCH,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "7.0.0", .group = "generic", .complexity = "O(1)",
        .summary = "Unix time in milliseconds at which a key expires; -1: never, -2: no such key.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
    {
        .name = "PERSIST", .run = persist, .flags = GF_WRITE | GF_FAST, .arity = 2,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_UPDATE,
        .since = "2.2.0", .group = "generic", .complexity = "O(1)",
        .summary = "Takes a key's expiry away; answers 1 if it had one.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY}),
    },
};
/* clang-format on */

const struct gf_module gf_expire_module = {
    .abi = GF_MODULE_ABI,
    .name = "expire",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
