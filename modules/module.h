/* The contract between go-fish and its data types: what a command is, what a type is, and
 * (modules/exec.h) what a command sees. Everything a plug-in needs, and nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "modules/exec.h"

/* Changes with everything a module is compiled against: the version of this header, the number of
 * messages, and the sizes of what is passed by address. */
#define GF_MODULE_VERSION 2u
#define GF_MODULE_ABI                                                                              \
    (GF_MODULE_VERSION << 24 | (uint32_t)GF_MESSAGES_COUNT << 12 |                                 \
     (uint32_t)(sizeof(struct gf_exec) + sizeof(struct gf_limits) + sizeof(struct gf_type) +       \
                sizeof(struct gf_command)))

struct gf_keyspace;
struct gf_loader;
struct gf_object;
struct gf_pace;
struct gf_saver;
struct gf_value;

/*                 flag        name in COMMAND INFO ("" = not shown) */
#define GF_COMMAND_FLAGS(X)                                                                        \
    X(GF_WRITE, 0, "write")                                                                        \
    X(GF_READ, 1, "readonly")                                                                      \
    X(GF_GROWS, 2, "denyoom") /* may need memory: refused over maxmemory */                        \
    X(GF_ADMIN, 3, "admin")                                                                        \
    X(GF_PUBSUB, 4, "pubsub")                                                                      \
    X(GF_NOSCRIPT, 5, "noscript")                                                                  \
    X(GF_BLOCKING, 6, "blocking")                                                                  \
    X(GF_LOADING_OK, 7, "loading")                                                                 \
    X(GF_STALE_OK, 8, "stale")                                                                     \
    X(GF_NO_MONITOR, 9, "skip_monitor")                                                            \
    X(GF_NO_SLOWLOG, 10, "skip_slowlog")                                                           \
    X(GF_ASKING, 11, "asking")                                                                     \
    X(GF_FAST, 12, "fast")                                                                         \
    X(GF_NO_AUTH, 13, "no_auth")                                                                   \
    X(GF_MAY_REPLICATE, 14, "may_replicate")                                                       \
    X(GF_NO_MULTI, 15, "no_multi")                                                                 \
    X(GF_MOVABLE, 16, "movablekeys")                                                               \
    X(GF_ALLOW_BUSY, 17, "allow_busy")                                                             \
    X(GF_NO_TOUCH, 18, "")  /* does not count as an access of its keys */                          \
    X(GF_HOME, 19, "")      /* runs on the home core, with its connection */                       \
    X(GF_DANGEROUS, 20, "") /* ACL category @dangerous */                                          \
    X(GF_ALL_KEYS, 21, "")  /* works on whole databases, every partition */                        \
    X(GF_NO_ASYNC_LOADING, 22, "no_async_loading")                                                 \
    X(GF_CURSOR, 23, "") /* SCAN: begins where the cursor in word 1 points */                      \
    X(GF_SLICED, 24, "") /* calls gf_exec_pause: others run in between when its keys are big */

enum gf_command_flag {
#define GF_COMMAND_FLAG(flag, bit, name) flag = 1u << (bit),
    GF_COMMAND_FLAGS(GF_COMMAND_FLAG)
#undef GF_COMMAND_FLAG
};

/* How the answers of a command's parts become one, when its keys live on several cores. A part is
 * the same command with only the keys (and what follows each: key_step words) of one core. */
enum gf_merge {
    GF_MERGE_NONE,   /* not a sum of parts: the partitions are lent to one core */
    GF_MERGE_SUM,    /* integers: DEL EXISTS TOUCH UNLINK DBSIZE */
    GF_MERGE_OK,     /* every part says OK, or the first error: MSET FLUSHDB FLUSHALL SWAPDB */
    GF_MERGE_KEYS,   /* arrays with one element per key, put back in the order of the keys: MGET */
    GF_MERGE_CONCAT, /* arrays one behind the other: KEYS */
    GF_MERGE_XOR,    /* hex digits of one length, digit by digit: DEBUG DIGEST */
    GF_MERGE_ANY,    /* one of the parts that did not answer null, chosen by seed: RANDOMKEY */
};

/* What a key is used for, as COMMAND INFO's key specifications say it. */
enum gf_key_flag {
    GF_KEY_RO = 1u << 0,
    GF_KEY_RW = 1u << 1,
    GF_KEY_OW = 1u << 2,
    GF_KEY_RM = 1u << 3,
    GF_KEY_ACCESS = 1u << 4,
    GF_KEY_UPDATE = 1u << 5,
    GF_KEY_INSERT = 1u << 6,
    GF_KEY_DELETE = 1u << 7,
    GF_KEY_INCOMPLETE = 1u << 8,
    GF_KEY_VARIABLE = 1u << 9,
    GF_KEY_NOT_KEY = 1u << 10, /* stands where a key does, but is none: a shard channel */
};

/* One key specification (COMMAND DOCS/INFO): begins at a word, or after a keyword; a range or a
 * counted list. Most commands need none: the row's key_first/last/step says the same. */
struct gf_key_spec {
    uint32_t flags;      /* enum gf_key_flag */
    int16_t begin_index; /* first key's word; or 0 and begin_keyword */
    const char *begin_keyword;
    int16_t begin_from; /* where the search for the keyword starts */
    int16_t last;       /* relative to begin; -1 = to the end */
    int16_t step;
    int16_t limit;
    bool counted;      /* the word at begin says how many keys follow it; no range            */
    bool unknown;      /* nothing is known beforehand: keys follow from what a key holds      */
    const char *notes; /* what a client should know of it, or NULL                            */
};

enum gf_arg_type {
    GF_ARG_STRING,
    GF_ARG_INTEGER,
    GF_ARG_DOUBLE,
    GF_ARG_KEY,
    GF_ARG_PATTERN,
    GF_ARG_UNIX_TIME,
    GF_ARG_TOKEN,
    GF_ARG_ONEOF,
    GF_ARG_BLOCK,
};

enum gf_arg_flag {
    GF_ARG_OPTIONAL = 1u << 0,
    GF_ARG_MULTIPLE = 1u << 1,
    GF_ARG_MULTIPLE_TOKEN = 1u << 2,
};

/* One argument, for COMMAND DOCS and the hints of redis-cli. */
struct gf_arg {
    const char *name;
    enum gf_arg_type type;
    uint32_t flags;            /* enum gf_arg_flag */
    const char *token;         /* the word in front of it ("EX"), or NULL */
    const char *since;         /* or NULL */
    const struct gf_arg *args; /* of a ONEOF or BLOCK */
    uint32_t args_count;
};

/* GF_ARGS - the .args and .args_count of a row or an argument. */
#define GF_ARGS(...)                                                                               \
    .args = (const struct gf_arg[]){__VA_ARGS__},                                                  \
    .args_count = sizeof((const struct gf_arg[]){__VA_ARGS__}) / sizeof(struct gf_arg)

/* One change of behaviour, for COMMAND DOCS. */
struct gf_history {
    const char *since;
    const char *what;
};

/* One command: everything go-fish knows about it. */
struct gf_command {
    const char *name; /* upper case; a subcommand's is its own word ("ENCODING") */
    void (*run)(struct gf_exec *x);
    uint32_t flags;    /* enum gf_command_flag */
    int16_t arity;     /* words with the name; negative = at least; of a subcommand: with both */
    int16_t key_first; /* word index of the first key, 0 = no keys */
    int16_t key_last;  /* of the last; negative counts from the end (-1 = last word) */
    int16_t key_step;  /* words from one key to the next */
    int16_t element;   /* word index of an element of the first key's value, for gf_type.prefetch:
                        * HSET's field, say; 0 = none */
    enum gf_merge merge;
    /* Keys that key_first/last/step cannot say (GF_MOVABLE; of a GF_PUBSUB command, that there are
     * none): writes at most `max` word indexes,
     * returns how many there are; 0 and a broken command line are the same. */
    uint32_t (*find_keys)(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                          uint32_t max);
    /* Does this request look up keys that only data tells (SORT with BY)? It is given every
     * partition then. NULL: none does. Its first key must be where key_first says. */
    bool (*finds_more)(const struct gf_bytes *words, uint32_t count);
    uint32_t key_flags; /* enum gf_key_flag of all keys, unless key_specs says more */
    /* key_flags of this request, where they depend on it (GF_KEY_VARIABLE: SET with GET). */
    uint32_t (*find_key_flags)(const struct gf_bytes *words, uint32_t count);
    const struct gf_key_spec *key_specs;
    uint32_t key_specs_count;
    const char *since; /* "2.0.0" */
    const char *group; /* COMMAND DOCS: "string", "generic", "connection", "server", … */
    const char *complexity;
    const char *summary;
    const char *categories; /* ACL categories beyond flags and group: "@a|-@b" (not b) or NULL */
    const char *deprecated_since; /* or NULL */
    const char *replaced_by;      /* with deprecated_since: what to use instead, Markdown */
    const char *tips; /* "request_policy:multi_shard|response_policy:agg_sum", '|' between */
    const struct gf_arg *args;
    uint32_t args_count;
    const struct gf_history *history;
    uint32_t history_count;
    /* Rows whose name is the second word. A row with these and without `run` may be there in
     * several modules: its subcommands are all of theirs, the rest is the first one's. */
    const struct gf_command *subcommands;
    uint32_t subcommands_count;
};

/* A value, parts of which have had their time, on its way through gf_type.purge. */
struct gf_purge {
    struct gf_keyspace *keyspace;
    uint64_t hash;            /* of the key */
    struct gf_object *object; /* it may move */
    uint64_t now_ms;
    uint32_t steps; /* buckets of ten elements or so that may be looked at */
    uint64_t count; /* out: how many parts were removed */
    bool more;      /* out: there are more of them */
};

#define GF_PREFETCH_STEPS 3u

/* A data type: how its values live, die, and are measured. A value is either bytes inside its
 * object (strings, packed collections) or a structure behind a pointer. */
struct gf_type {
    const char *name; /* TYPE's answer: "string" */
    uint8_t id;       /* 0 .. 15; part of the snapshot format, never reused */
    /* OBJECT ENCODING's answer for an object of this type. */
    const char *(*encoding_name)(const struct gf_object *object);
    /* Structured values only (NULL for types that are bytes): */
    void (*free)(void *value);
    /* Free up to `budget` elements; true when nothing is left (the value itself is freed then). */
    bool (*free_slice)(void *value, uint64_t budget);
    /* NULL when there is no memory. Calls gf_pace_step as it goes along; pace may be NULL. */
    void *(*copy)(const void *value, struct gf_pace *pace);
    /* Bytes held by the value; samples = elements to look at, 0 = all. */
    size_t (*memory)(const void *value, uint64_t samples);
    /* Elements to free, for the choice between freeing now and in slices. */
    uint64_t (*length)(const void *value);
    /* Steps 0 .. GF_PREFETCH_STEPS - 1, some time apart, that hide cache misses when an element is
     * known ahead of its use: each is given what the one before returned; NULL: no more of them.
     * Harmless at any time. NULL: nothing is gained. */
    const void *(*prefetch)(const void *value, struct gf_bytes element, uint32_t step,
                            const void *at);
    /* Of an object whose encoding has GF_ENCODING_GOES: has its value ended by itself? Then the key
     * is absent, as if it had expired. Called at every look at the key. NULL: never. */
    bool (*gone)(const struct gf_object *object, uint64_t now_ms);
    /* Goes with `gone`: remove parts whose time has come. What it does is a function of the value,
     * now_ms and steps alone: replicas that do the same stay the same. */
    void (*purge)(struct gf_purge *purge);
    /* A hash that does not depend on how the value is stored; NULL: of its bytes as they are. */
    uint64_t (*digest)(const struct gf_object *object, uint64_t seed);
    /* Every type: write the value so that `load` makes one that holds the same and from then on
     * behaves the same, to the order in which it iterates (modules/dump.h). */
    void (*save)(const struct gf_object *object, struct gf_saver *saver);
    /* Make a value as gf_keyspace_take gives it. False when the bytes are not what a save wrote, or
     * there is no memory: any bytes may come, from anybody. */
    bool (*load)(struct gf_loader *loader, struct gf_value *ret_value);
};

/* A module: a type and its commands, or only commands. */
struct gf_module {
    uint32_t abi; /* GF_MODULE_ABI */
    const char *name;
    const struct gf_type *type; /* or NULL */
    const struct gf_command *commands;
    uint32_t commands_count;
};
