/* Fields read or set together with their expiry, or read and removed: HGETEX HSETEX HGETDEL.
 *
 * The words are read in Redis's order, which is not always from left to right.
 */
#include "modules/hashes.h"

/* What HGETEX and HSETEX do to expiries, and when HSETEX does anything at all. */
enum option {
    OPTION_EX = 1u << 0,
    OPTION_PX = 1u << 1,
    OPTION_EXAT = 1u << 2,
    OPTION_PXAT = 1u << 3,
    OPTION_PERSIST = 1u << 4,
    OPTION_KEEPTTL = 1u << 5,
    OPTION_FNX = 1u << 6,
    OPTION_FXX = 1u << 7,
};

#define OPTIONS_WHEN (OPTION_EX | OPTION_PX | OPTION_EXAT | OPTION_PXAT)

struct options {
    uint32_t given; /* enum option */
    uint64_t when_ms;
};

/* The option that the next word is, and takes it; 0 when it is none of them. */
static uint32_t option_read(struct gf_args *args, uint32_t allowed)
{
    static const char *const words[] = {"EX",      "PX",      "EXAT", "PXAT",
                                        "PERSIST", "KEEPTTL", "FNX",  "FXX"};

    for (uint32_t i = 0; i < GF_COUNT(words); i++)
        if ((allowed & 1u << i) != 0 && gf_args_skip_if(args, words[i]))
            return 1u << i;
    return 0;
}

/* The time behind EX, PX, EXAT or PXAT; false when an error was answered. */
static bool option_when_read(struct gf_exec *x, struct options *options)
{
    bool in_seconds = (options->given & (OPTION_EX | OPTION_EXAT)) != 0;
    bool from_now = (options->given & (OPTION_EX | OPTION_PX)) != 0;

    return gf_hash_read_when(x, gf_args_next(x->args), in_seconds ? 1000 : 1,
                             from_now ? x->now_ms : 0, &options->when_ms);
}

/* HGETEX. */

/* Nothing to do but to answer, or every field that is named gets another expiry. Where that may
 * fail, it is done before anything is answered. */
static bool fields_retime(struct gf_hash *hash, const struct options *options, bool *ret_changed)
{
    struct gf_args args = *hash->x->args;

    *ret_changed = false;
    while (gf_args_left(&args) > 0) {
        struct gf_bytes field = gf_args_next(&args);
        struct gf_dict_entry entry;

        if (!gf_hash_get(hash, field, &entry))
            continue;
        if ((options->given & OPTION_PERSIST) != 0 && entry.expire_ms == 0)
            continue;
        if (!gf_hash_set_expire(hash, field, options->when_ms)) {
            gf_hash_changed(hash, "hexpire");
            gf_reply_error(hash->x->reply, GF_MSG_OOM);
            return false;
        }
        *ret_changed = true;
    }
    return true;
}

/* The values of all fields that are named; each is removed, too, when `remove`. Returns whether any
 * was. */
static bool fields_answer(struct gf_hash *hash, bool remove)
{
    struct gf_exec *x = hash->x;
    bool removed = false;

    gf_reply_array(x->reply, gf_args_left(x->args));
    while (gf_args_left(x->args) > 0) {
        struct gf_bytes field = gf_args_next(x->args);
        struct gf_dict_entry entry;

        if (!gf_hash_get(hash, field, &entry)) {
            gf_reply_null(x->reply);
            continue;
        }
        gf_packed_reply(x->reply, &entry.value);
        if (remove)
            removed |= gf_hash_remove(hash, field);
    }
    return removed;
}

/* HGETEX's words; false when an error was answered. */
static bool getex_read(struct gf_exec *x, struct options *options)
{
    options->given = option_read(x->args, OPTIONS_WHEN | OPTION_PERSIST);
    if ((options->given & OPTIONS_WHEN) != 0 && !option_when_read(x, options))
        return false;
    return gf_hash_read_fields(x, GF_MSG_FIELDS_NUMBER);
}

static void hgetex(struct gf_exec *x)
{
    struct options options = {0};
    struct gf_hash hash;
    bool changed = false;

    if (!gf_hash_find(x, gf_args_next(x->args), &hash) || !getex_read(x, &options))
        return;
    bool over = (options.given & OPTIONS_WHEN) != 0 && options.when_ms <= x->now_ms;

    if (hash.object)
        gf_hash_purge(&hash);
    if (options.given != 0 && !over && !fields_retime(&hash, &options, &changed))
        return;
    if (fields_answer(&hash, over))
        gf_hash_changed(&hash, "hdel");
    else if (changed)
        gf_hash_changed(&hash, (options.given & OPTION_PERSIST) != 0 ? "hpersist" : "hexpire");
}

static void hgetdel(struct gf_exec *x)
{
    struct gf_hash hash;

    if (!gf_hash_find(x, gf_args_next(x->args), &hash) ||
        !gf_hash_read_fields(x, GF_MSG_FIELDS_NUMBER))
        return;
    if (hash.object)
        gf_hash_purge(&hash);
    if (fields_answer(&hash, true))
        gf_hash_changed(&hash, "hdel");
}

/* HSETEX. */

#define SETEX_EXPIRES (OPTIONS_WHEN | OPTION_KEEPTTL)
#define SETEX_CONDITIONS (OPTION_FNX | OPTION_FXX)

static void setex_wrong_arity(struct gf_exec *x)
{
    gf_reply_error_explain(x->reply, GF_MSG_WRONG_ARITY, "hsetex", "");
}

/* How many pairs, behind FIELDS; the cursor is at the first then. */
static bool setex_read_pairs(struct gf_exec *x)
{
    int64_t count;

    if (gf_args_left(x->args) < 3) {
        setex_wrong_arity(x);
        return false;
    }
    if (!gf_bytes_parse_i64(gf_args_next(x->args), &count) || count < 1 || count > INT32_MAX) {
        gf_reply_error(x->reply, GF_MSG_FIELDS_NUMBER_INVALID);
        return false;
    }
    if (gf_args_left(x->args) != 2 * count) {
        setex_wrong_arity(x);
        return false;
    }
    return true;
}

/* One option; false when an error was answered. */
static bool setex_read_option(struct gf_exec *x, struct options *options)
{
    uint32_t option = option_read(x->args, SETEX_EXPIRES | SETEX_CONDITIONS);
    uint32_t excludes = (option & SETEX_EXPIRES) != 0 ? SETEX_EXPIRES : SETEX_CONDITIONS;

    if (option == 0) {
        gf_reply_error_format(x->reply, GF_MSG_UNKNOWN_ARGUMENT, gf_args_next(x->args),
                              GF_BYTES(""));
        return false;
    }
    if ((options->given & excludes) != 0) {
        gf_reply_error(x->reply, excludes == SETEX_EXPIRES ? GF_MSG_HSETEX_EXPIRES
                                                           : GF_MSG_HSETEX_CONDITIONS);
        return false;
    }
    options->given |= option;
    if ((option & OPTIONS_WHEN) == 0)
        return true;
    if (gf_args_left(x->args) == 0) {
        gf_reply_error(x->reply, GF_MSG_FIELD_EXPIRE_MISSING);
        return false;
    }
    return option_when_read(x, options);
}

static bool setex_read(struct gf_exec *x, struct options *options)
{
    while (gf_args_left(x->args) > 0) {
        if (gf_args_skip_if(x->args, "FIELDS"))
            return setex_read_pairs(x);
        if (!setex_read_option(x, options))
            return false;
    }
    setex_wrong_arity(x); /* Redis has no answer to a command without FIELDS */
    return false;
}

/* FNX: none of the fields is there; FXX: all are. */
static bool setex_condition_holds(const struct gf_hash *hash, const struct options *options)
{
    struct gf_args args = *hash->x->args;

    if ((options->given & SETEX_CONDITIONS) == 0)
        return true;
    while (gf_args_left(&args) > 0) {
        struct gf_dict_entry entry;
        bool found = gf_hash_get(hash, gf_args_next(&args), &entry);

        gf_args_next(&args); /* its value */
        if (found != ((options->given & OPTION_FXX) != 0))
            return false;
    }
    return true;
}

/* One pair; false when there is no memory. A field whose time has come already is gone at once. */
static bool setex_pair(struct gf_hash *hash, const struct options *options, bool *removed)
{
    struct gf_args *args = hash->x->args;
    struct gf_bytes field = gf_args_next(args);
    struct gf_dict_draft draft = {.value = gf_args_next(args), .expire_ms = options->when_ms};
    struct gf_dict_entry entry;

    if ((options->given & OPTIONS_WHEN) != 0 && options->when_ms <= hash->x->now_ms) {
        gf_hash_remove(hash, field);
        *removed = true;
        return true;
    }
    if ((options->given & OPTION_KEEPTTL) != 0 && gf_hash_get(hash, field, &entry))
        draft.expire_ms = entry.expire_ms;
    return gf_hash_put(hash, field, &draft) != GF_DICT_NO_MEMORY;
}

static void hsetex(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct options options = {0};
    struct gf_hash hash;
    bool removed = false;
    bool good = true;

    if (!setex_read(x, &options) || !gf_hash_find_to_change(x, key, &hash))
        return;
    if (!setex_condition_holds(&hash, &options)) {
        gf_reply_int(x->reply, 0);
        return;
    }
    while (good && gf_args_left(x->args) > 0)
        good = setex_pair(&hash, &options, &removed);
    gf_hash_changed(&hash, "hset");
    if ((options.given & OPTIONS_WHEN) != 0)
        gf_exec_event(x, x->db, key, GF_EVENT_HASH, removed ? "hdel" : "hexpire");
    if (good)
        gf_reply_int(x->reply, 1);
    else
        gf_reply_error(x->reply, GF_MSG_OOM);
}

/* clang-format off */
#define KEY {.name = "key", .type = GF_ARG_KEY}
#define FIELDS                                                                                    \
    {.name = "fields", .type = GF_ARG_BLOCK, .token = "FIELDS",                                   \
     GF_ARGS({.name = "numfields", .type = GF_ARG_INTEGER},                                       \
             {.name = "field", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE})}
/* The ways to say when fields expire, and one more. */
#define EXPIRATION(...)                                                                           \
    {.name = "expiration", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,                        \
     GF_ARGS({.name = "seconds", .type = GF_ARG_INTEGER, .token = "EX"},                          \
             {.name = "milliseconds", .type = GF_ARG_INTEGER, .token = "PX"},                     \
             {.name = "unix-time-seconds", .type = GF_ARG_UNIX_TIME, .token = "EXAT"},            \
             {.name = "unix-time-milliseconds", .type = GF_ARG_UNIX_TIME, .token = "PXAT"},       \
             __VA_ARGS__)}

static const struct gf_command commands[] = {
    {
        .name = "HGETDEL", .run = hgetdel, .flags = GF_WRITE | GF_FAST, .arity = -5,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_DELETE,
        .since = "8.0.0", .group = "hash", .complexity = "O(N) in the number of fields named",
        .summary = "The values of fields, which are removed.",
        GF_ARGS(KEY, FIELDS),
    },
    {
        .name = "HGETEX", .run = hgetex, .flags = GF_WRITE | GF_FAST, .arity = -5,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE,
        .since = "8.0.0", .group = "hash", .complexity = "O(N) in the number of fields named",
        .summary = "The values of fields, whose expiry is set or removed at the same time.",
        GF_ARGS(KEY, EXPIRATION({.name = "persist", .type = GF_ARG_TOKEN, .token = "PERSIST"}),
                FIELDS),
    },
    {
        .name = "HSETEX", .run = hsetex, .flags = GF_WRITE | GF_GROWS | GF_FAST, .arity = -6,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RW | GF_KEY_UPDATE,
        .since = "8.0.0", .group = "hash", .complexity = "O(N) in the number of fields set",
        .summary = "Sets fields of a hash that expire together.",
        GF_ARGS(KEY,
                {.name = "condition", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "fnx", .type = GF_ARG_TOKEN, .token = "FNX"},
                         {.name = "fxx", .type = GF_ARG_TOKEN, .token = "FXX"})},
                EXPIRATION({.name = "keepttl", .type = GF_ARG_TOKEN, .token = "KEEPTTL"}),
                {.name = "fields", .type = GF_ARG_BLOCK, .token = "FIELDS",
                 GF_ARGS({.name = "numfields", .type = GF_ARG_INTEGER},
                         {.name = "data", .type = GF_ARG_BLOCK, .flags = GF_ARG_MULTIPLE,
                          GF_ARGS({.name = "field", .type = GF_ARG_STRING},
                                  {.name = "value", .type = GF_ARG_STRING})})}),
    },
};
/* clang-format on */

const struct gf_module gf_hash_ex_module = {
    .abi = GF_MODULE_ABI,
    .name = "hash_ex",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
