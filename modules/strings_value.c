/* One string value: GET, SET and their relatives.
 *
 * GET and the plain SET come first and are over before any option is looked at. The options of SET
 * and GETEX are one table: each row says which others it excludes.
 */
#include "modules/strings.h"

#include "core/alloc.h"
#include "modules/expire.h"

void gf_string_get_run(struct gf_exec *x)
{
    struct gf_object *object;

    if (gf_string_find(x, x->args->words[1], &object))
        gf_string_reply(x->reply, object);
}

enum option {
    OPTION_EX = 1u << 0,
    OPTION_PX = 1u << 1,
    OPTION_EXAT = 1u << 2,
    OPTION_PXAT = 1u << 3,
    OPTION_KEEPTTL = 1u << 4,
    OPTION_PERSIST = 1u << 5,
    OPTION_NX = 1u << 6,
    OPTION_XX = 1u << 7,
    OPTION_GET = 1u << 8,
};

#define OPTIONS_EXPIRE (OPTION_EX | OPTION_PX | OPTION_EXAT | OPTION_PXAT)
#define OPTIONS_TTL (OPTIONS_EXPIRE | OPTION_KEEPTTL | OPTION_PERSIST)
#define OPTIONS_SET (OPTIONS_EXPIRE | OPTION_KEEPTTL | OPTION_NX | OPTION_XX | OPTION_GET)
#define OPTIONS_GETEX (OPTIONS_EXPIRE | OPTION_PERSIST)

static const struct option_row {
    const char *word;
    uint32_t option;
    uint32_t excludes; /* repeating the option itself is allowed; the last one counts */
} option_rows[] = {
    {.word = "EX", .option = OPTION_EX, .excludes = OPTIONS_TTL & ~OPTION_EX},
    {.word = "PX", .option = OPTION_PX, .excludes = OPTIONS_TTL & ~OPTION_PX},
    {.word = "NX", .option = OPTION_NX, .excludes = OPTION_XX},
    {.word = "XX", .option = OPTION_XX, .excludes = OPTION_NX},
    {.word = "GET", .option = OPTION_GET},
    {.word = "KEEPTTL", .option = OPTION_KEEPTTL, .excludes = OPTIONS_TTL & ~OPTION_KEEPTTL},
    {.word = "EXAT", .option = OPTION_EXAT, .excludes = OPTIONS_TTL & ~OPTION_EXAT},
    {.word = "PXAT", .option = OPTION_PXAT, .excludes = OPTIONS_TTL & ~OPTION_PXAT},
    {.word = "PERSIST", .option = OPTION_PERSIST, .excludes = OPTIONS_TTL & ~OPTION_PERSIST},
};

/* The options of one command line. */
struct options {
    uint32_t given;         /* enum option */
    struct gf_bytes amount; /* what follows EX, PX, EXAT or PXAT; not yet a number */
};

static const struct option_row *option_find(struct gf_bytes word)
{
    for (size_t i = 0; i < GF_COUNT(option_rows); i++) {
        if (gf_bytes_is(word, option_rows[i].word))
            return &option_rows[i];
    }
    return NULL;
}

/* options_read - all words that are left; false when there was an error, which is answered. */
static bool options_read(struct gf_exec *x, uint32_t allowed, struct options *ret_options)
{
    struct options options = {0};

    while (gf_args_left(x->args) > 0) {
        const struct option_row *row = option_find(gf_args_next(x->args));

        if (row == NULL || (row->option & allowed) == 0 || (row->excludes & options.given) != 0) {
            gf_args_fail(x->args, GF_MSG_SYNTAX);
            break;
        }
        options.given |= row->option;
        if ((row->option & OPTIONS_EXPIRE) != 0)
            options.amount = gf_args_next(x->args);
    }
    *ret_options = options;
    return gf_args_ok(x->args, x->reply);
}

/* options_expire - the moment that EX, PX, EXAT or PXAT mean.
 *
 * ret_expire_ms  untouched when none of them was given
 * Returns        false when the time is no number or out of range: the error is answered then
 */
static bool options_expire(struct gf_exec *x, const struct options *options,
                           uint64_t *ret_expire_ms)
{
    bool in_seconds = (options->given & (OPTION_EX | OPTION_EXAT)) != 0;
    bool from_now = (options->given & (OPTION_EX | OPTION_PX)) != 0;
    int64_t amount;
    int64_t when_ms;

    if ((options->given & OPTIONS_EXPIRE) == 0)
        return true;
    if (!gf_bytes_parse_i64(options->amount, &amount)) {
        gf_reply_error(x->reply, GF_MSG_NOT_INTEGER);
        return false;
    }
    if (amount <= 0 ||
        !gf_expire_when(amount, in_seconds ? 1000 : 1, from_now ? x->now_ms : 0, &when_ms)) {
        gf_expire_reply_invalid(x);
        return false;
    }
    *ret_expire_ms = (uint64_t)when_ms;
    return true;
}

/* What a command stores, and until when. */
struct store {
    struct gf_bytes key;
    struct gf_bytes value;
    uint64_t expire_ms; /* 0 = for good, GF_KEEP_EXPIRE = as it is */
};

/* store_do - put the value, or remove the key when it would be gone already: what is told is the
 * same then, and that it expired.
 * Returns false when there is no memory: the error is answered then. */
static bool store_do(struct gf_exec *x, const struct store *store)
{
    bool expires = store->expire_ms != 0 && store->expire_ms != GF_KEEP_EXPIRE;
    bool over = expires && store->expire_ms <= x->now_ms;

    if (over) {
        struct gf_object *object =
            gf_keyspace_find(x->keyspace, x->key_hash, store->key, x->now_ms);

        if (object != NULL)
            gf_keyspace_remove(x->keyspace, x->key_hash, object);
    } else if (!gf_string_put(x, store->key, store->value, store->expire_ms)) {
        return false;
    }
    gf_exec_changed(x, x->db, store->key, GF_EVENT_STRING, "set");
    if (expires)
        gf_exec_event(x, x->db, store->key, GF_EVENT_GENERIC, "expire");
    if (over)
        gf_exec_event(x, x->db, store->key, GF_EVENT_EXPIRED, "expired");
    return true;
}

#define BEFORE_INLINE_SIZE 128 /* bytes; most values need no block */

/* store_and_answer_old - an answer cannot be taken back and storing can fail for lack of memory, so
 * the old value is kept aside until the new one is in. */
static void store_and_answer_old(struct gf_exec *x, const struct store *store,
                                 const struct gf_object *object)
{
    char number[GF_I64_TEXT_MAX];
    char small[BEFORE_INLINE_SIZE];
    struct gf_bytes old = {0};
    char *copy = small;

    if (object != NULL)
        old = gf_string_bytes(object, number);
    if (old.size > sizeof(small))
        copy = gf_alloc_try(GF_MEMORY_OTHER, old.size);
    if (copy == NULL) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    if (old.size > 0)
        memcpy(copy, old.data, old.size);

    if (store_do(x, store)) {
        if (object != NULL)
            gf_reply_bulk(x->reply, (struct gf_bytes){.data = copy, .size = old.size});
        else
            gf_reply_null(x->reply);
    }
    if (copy != small)
        gf_free(GF_MEMORY_OTHER, copy);
}

static bool condition_holds(const struct options *options, const struct gf_object *object)
{
    if ((options->given & OPTION_NX) != 0)
        return object == NULL;
    if ((options->given & OPTION_XX) != 0)
        return object != NULL;
    return true;
}

static void set_with_get(struct gf_exec *x, const struct store *store,
                         const struct options *options)
{
    struct gf_object *object;

    if (!gf_string_find_old(x, store->key, &object))
        return;
    if (condition_holds(options, object))
        store_and_answer_old(x, store, object);
    else
        gf_string_reply(x->reply, object);
}

static void set_with_options(struct gf_exec *x)
{
    struct store store = {.key = gf_args_next(x->args)};
    struct options options;

    store.value = gf_args_next(x->args);
    if (!options_read(x, OPTIONS_SET, &options) || !options_expire(x, &options, &store.expire_ms))
        return;
    if ((options.given & OPTION_KEEPTTL) != 0)
        store.expire_ms = GF_KEEP_EXPIRE;
    if ((options.given & OPTION_GET) != 0) {
        set_with_get(x, &store, &options);
        return;
    }
    if ((options.given & (OPTION_NX | OPTION_XX)) != 0 &&
        !condition_holds(&options,
                         gf_keyspace_find(x->keyspace, x->key_hash, store.key, x->now_ms))) {
        gf_reply_null(x->reply);
        return;
    }

    if (store_do(x, &store))
        gf_reply_ok(x->reply);
}

void gf_string_set_run(struct gf_exec *x)
{
    const struct gf_bytes *words = x->args->words;

    if (GF_UNLIKELY(x->args->count != 3)) {
        set_with_options(x);
        return;
    }
    if (!gf_string_put(x, words[1], words[2], 0))
        return;
    gf_exec_changed(x, x->db, words[1], GF_EVENT_STRING, "set");
    gf_reply_ok(x->reply);
}

uint32_t gf_string_set_key_flags(const struct gf_bytes *words, uint32_t count)
{
    for (uint32_t i = 3; i < count; i++) {
        if (gf_bytes_is(words[i], "GET"))
            return GF_KEY_RW | GF_KEY_ACCESS | GF_KEY_UPDATE;
    }
    return GF_KEY_OW | GF_KEY_UPDATE;
}

void gf_string_getset_run(struct gf_exec *x)
{
    struct store store = {.key = gf_args_next(x->args)};
    struct gf_object *object;

    store.value = gf_args_next(x->args);
    if (gf_string_find_old(x, store.key, &object))
        store_and_answer_old(x, &store, object);
}

void gf_string_setnx_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct gf_bytes value = gf_args_next(x->args);

    if (gf_keyspace_find(x->keyspace, x->key_hash, key, x->now_ms) != NULL) {
        gf_reply_int(x->reply, 0);
        return;
    }
    if (!gf_string_put(x, key, value, 0))
        return;
    gf_exec_changed(x, x->db, key, GF_EVENT_STRING, "set");
    gf_reply_int(x->reply, 1);
}

static void set_expiring(struct gf_exec *x, enum option unit)
{
    struct store store = {.key = gf_args_next(x->args)};
    struct options options = {.given = unit};

    options.amount = gf_args_next(x->args);
    store.value = gf_args_next(x->args);
    if (!options_expire(x, &options, &store.expire_ms))
        return;
    if (store_do(x, &store))
        gf_reply_ok(x->reply);
}

void gf_string_setex_run(struct gf_exec *x)
{
    set_expiring(x, OPTION_EX);
}

void gf_string_psetex_run(struct gf_exec *x)
{
    set_expiring(x, OPTION_PX);
}

/* What GETEX does to the key after the answer. */
static void getex_expire(struct gf_exec *x, struct gf_bytes key, struct gf_object *object,
                         const struct options *options, uint64_t expire_ms)
{
    const char *event = "expire";

    if (expire_ms != 0 && expire_ms <= x->now_ms) {
        gf_keyspace_remove(x->keyspace, x->key_hash, object);
        event = "del";
    } else if (expire_ms != 0) {
        gf_keyspace_set_expire(x->keyspace, x->key_hash, object, expire_ms);
    } else if ((options->given & OPTION_PERSIST) != 0 && gf_object_expire_ms(object) != 0) {
        gf_keyspace_set_expire(x->keyspace, x->key_hash, object, 0);
        event = "persist";
    } else {
        return;
    }
    gf_exec_changed(x, x->db, key, GF_EVENT_GENERIC, event);
}

void gf_string_getex_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct gf_object *object;
    struct options options;
    uint64_t expire_ms = 0;

    if (!options_read(x, OPTIONS_GETEX, &options) || !gf_string_find_old(x, key, &object))
        return;
    if (object == NULL) {
        gf_reply_null(x->reply); /* before the time is looked at, as Redis does */
        return;
    }
    if (!options_expire(x, &options, &expire_ms))
        return;

    gf_string_reply(x->reply, object); /* first: the object may move or go */
    getex_expire(x, key, object, &options, expire_ms);
}

void gf_string_getdel_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    struct gf_object *object;

    if (!gf_string_find_old(x, key, &object))
        return;
    gf_string_reply(x->reply, object);
    if (object == NULL)
        return;
    gf_keyspace_remove(x->keyspace, x->key_hash, object);
    gf_exec_changed(x, x->db, key, GF_EVENT_GENERIC, "del");
}

void gf_string_strlen_run(struct gf_exec *x)
{
    struct gf_bytes key = gf_args_next(x->args);
    char number[GF_I64_TEXT_MAX];
    struct gf_object *object;

    if (!gf_string_find(x, key, &object))
        return;
    gf_reply_int(x->reply, object ? (int64_t)gf_string_bytes(object, number).size : 0);
}
