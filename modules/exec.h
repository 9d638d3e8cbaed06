/* What a command sees while it runs, and what it can say: `struct gf_exec`, and nothing else.
 *
 * It cannot reach anything that is not in here: no clock, no random, no file, no socket, no other
 * core. So every replica that runs the same words computes the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/random.h"
#include "protocol/args.h"
#include "protocol/reply.h"

struct gf_keyspace;
struct gf_exec;
struct gf_scan_trip;

/* Kinds of changes that somebody may listen to; the letters are notify-keyspace-events'. */
enum gf_event_class {
    GF_EVENT_GENERIC = 1u << 0,  /* g: DEL, EXPIRE, RENAME …            */
    GF_EVENT_STRING = 1u << 1,   /* $: SET, APPEND, INCR …              */
    GF_EVENT_LIST = 1u << 2,     /* l                                   */
    GF_EVENT_SET = 1u << 3,      /* s                                   */
    GF_EVENT_HASH = 1u << 4,     /* h                                   */
    GF_EVENT_ZSET = 1u << 5,     /* z                                   */
    GF_EVENT_STREAM = 1u << 6,   /* t                                   */
    GF_EVENT_EXPIRED = 1u << 7,  /* x                                   */
    GF_EVENT_EVICTED = 1u << 8,  /* e                                   */
    GF_EVENT_KEY_MISS = 1u << 9, /* m                                   */
    GF_EVENT_NEW = 1u << 10,     /* n                                   */
    GF_EVENT_MODULE = 1u << 11,  /* d: types from outside the tree      */
    GF_EVENT_CHANGED = 1u << 12, /* no letter: the key is not what it was; for who watches keys */
};

/* Who listens. Made by whoever runs the command; never NULL in an exec. */
struct gf_events {
    uint32_t wanted; /* enum gf_event_class; 0: nobody listens to anything */
    /* Called by gf_exec_emit while the command runs, after the change; must not touch the keyspace.
     * name NULL: the key changed and no event is called after it. */
    void (*emit)(struct gf_events *events, struct gf_exec *x, uint32_t classes, const char *name,
                 uint32_t db, struct gf_bytes key);
};

/* A command that found nothing and may wait for its keys: BLPOP, XREAD with BLOCK. It is run again,
 * from its words, after one of its keys was changed, in the order in which commands began to wait;
 * and a last time when its time is over. */
struct gf_wait {
    bool over;           /* in: the time is over, answer what there is to say then           */
    bool waits;          /* out: it waits; it has changed nothing and answered nothing       */
    uint64_t timeout_ms; /* out: since it was first run; 0 = for ever                        */
    /* out: words for the runs to come, when they are others than now (XREAD's $ becomes an id);
     * NULL = the same. One block of gf_alloc(GF_MEMORY_OTHER), texts that the command made in it;
     * the other texts are the request's. Whoever made the wait copies what it keeps when `run` has
     * returned, and frees the block. */
    const struct gf_bytes *words;
    uint32_t words_count;
};

/* How far a long command has come towards the moment at which others get their turn. It counts
 * elements down, or whatever takes about as long as one: a look-up, a comparison, 512 bytes. */
struct gf_pace {
    uint32_t left; /* elements until `pause` is called */
    /* Lets others run, or not yet, and sets `left` again; returns when it goes on. NULL: never. */
    void (*pause)(struct gf_pace *pace);
};

/* gf_pace_step - `count` elements are done; called in the loops of GF_SLICED commands, where
 * nothing is half done. See gf_exec_pause. pace NULL: never pauses. */
static inline void gf_pace_step(struct gf_pace *pace, uint32_t count)
{
    if (__builtin_expect(!pace || !pace->pause, 1))
        return;
    if (__builtin_expect(pace->left > count, 1)) {
        pace->left -= count;
        return;
    }
    pace->left = UINT32_MAX;
    pace->pause(pace);
}

/* Where a command finds the keyspaces of its keys: one partition's for most, or several's. */
struct gf_space {
    /* The keyspace of `db` that holds `key`; its partition is owned by this core. Never NULL. */
    struct gf_keyspace *(*find)(struct gf_space *space, uint32_t db, struct gf_bytes key);
    /* The index-th keyspace of `db` that the command was given, or NULL; empty ones may lack. */
    struct gf_keyspace *(*at)(struct gf_space *space, uint32_t db, uint32_t index);
    uint32_t databases; /* 0 .. databases - 1 */
    /* The place of the index-th keyspace's partition in a scan, ascending; one left out was not
     * given. A GF_CURSOR command is given its cursor's partition even when that is empty. */
    uint32_t (*partition_at)(struct gf_space *space, uint32_t index);
    /* The first place from `place` on that the client may see; `partitions`: there is none. */
    uint32_t (*walk)(struct gf_space *space, uint32_t place);
    /* In every partition given: an empty keyspace takes the place of `db`'s; or those of `a` and
     * `b` change places. Keyspace pointers from before are then of no use. */
    void (*clear)(struct gf_space *space, uint32_t db);
    void (*swap)(struct gf_space *space, uint32_t a, uint32_t b);
    uint32_t partitions; /* of the node, given to the command or not: 0 .. partitions - 1 */
};

/* Everything a command may see. */
struct gf_exec {
    struct gf_keyspace *keyspace; /* of the first key in the selected database; NULL without keys */
    struct gf_args *args;         /* the request; read it front to back */
    struct gf_reply *reply;       /* where the answer goes (discarded on replay) */
    uint64_t now_ms;              /* the leader's clock when it proposed; never runs backwards */
    uint64_t seed;                /* the only source of randomness */
    uint64_t key_hash;            /* gf_keyspace_hash of the first key; valid with `keyspace` */
    uint32_t db;                  /* selected database */
    struct gf_space *space;       /* the other keys */
    const struct gf_command *command;   /* the row being run */
    const struct gf_limits *limits;     /* options that commands obey */
    const struct gf_registry *registry; /* every command's row, for COMMAND */
    struct gf_lookups *lookups;         /* counts what is found and what is not; or NULL */
    struct gf_scan_trip *trip;          /* SCAN over several cores (modules/scan.h); or NULL */
    struct gf_events *events;           /* who listens to changes */
    struct gf_wait *wait;               /* a blocking command may wait; NULL: it may not (EXEC) */
    struct gf_pace pace;                /* zero: it runs in one go */
    uint32_t at_once;                   /* more elements than these are many: gf_exec_is_long */
    bool may_postpone;                  /* ... and then it can be run again, so that it can pause */
    bool postponed;                     /* set: it has to be */
};

/* Options that commands obey, the same on every replica. */
struct gf_limits {
    uint64_t bulk_size_max; /* proto-max-bulk-len: strings grow no longer than this */
    /* modules/options.def: up to where collections are one packed block. */
    uint64_t hash_max_listpack_entries;
    uint64_t hash_max_listpack_value; /* bytes */
    int64_t list_max_listpack_size;   /* elements; -1 … -5: 4, 8, 16, 32, 64 KiB */
    uint64_t set_max_intset_entries;
    uint64_t set_max_listpack_entries;
    uint64_t set_max_listpack_value; /* bytes */
    uint64_t zset_max_listpack_entries;
    uint64_t zset_max_listpack_value; /* bytes */
    uint64_t hll_sparse_max_bytes;
    uint64_t stream_node_max_bytes;
    uint64_t stream_node_max_entries;
};

/* gf_exec_keyspace - the keyspace of any key of the command, in the selected database. */
static inline struct gf_keyspace *gf_exec_keyspace(struct gf_exec *x, struct gf_bytes key)
{
    return x->space->find(x->space, x->db, key);
}

/* gf_exec_emit - the slow half of the two below: tells x->events what it wants to hear of. A change
 * that made its key is preceded by "new", and by "expired" if an expired one was still there. */
void gf_exec_emit(struct gf_exec *x, uint32_t classes, const char *name, uint32_t db,
                  struct gf_bytes key);

/* gf_exec_changed - a key is not what it was (new, other, or gone): every command says so, once per
 * change, after it. Whoever waits for the key, watches it, or keeps a copy of it learns of it here.
 * That a key is new is found out here; no command needs to say so.
 *
 * class      enum gf_event_class of the event, as Redis has it
 * name       of the event ("lpush", "del"); NULL = none
 */
static inline void gf_exec_changed(struct gf_exec *x, uint32_t db, struct gf_bytes key,
                                   uint32_t class, const char *name)
{
    const uint32_t implied = GF_EVENT_CHANGED | GF_EVENT_NEW | GF_EVENT_EXPIRED;

    if (__builtin_expect((x->events->wanted & (class | implied)) != 0, 0))
        gf_exec_emit(x, class | GF_EVENT_CHANGED, name, db, key);
}

/* gf_exec_event - something happened that did not change the key: "keymiss", or a second event of
 * one change. */
static inline void gf_exec_event(struct gf_exec *x, uint32_t db, struct gf_bytes key,
                                 uint32_t class, const char *name)
{
    if (__builtin_expect((x->events->wanted & class) != 0, 0))
        gf_exec_emit(x, class, name, db, key);
}

/* gf_exec_wait - a GF_BLOCKING command found nothing: may it wait for its keys?
 *
 * timeout_ms 0 = for ever
 * Returns    true: it waits; return without an answer. false: answer that there is nothing.
 */
static inline bool gf_exec_wait(struct gf_exec *x, uint64_t timeout_ms)
{
    if (!x->wait || x->wait->over)
        return false;
    x->wait->waits = true;
    x->wait->timeout_ms = timeout_ms;
    return true;
}

/* gf_exec_pause - `count` elements are done: may others run now? A GF_SLICED command asks so in
 * every loop that can be long, at least every few hundred elements. While it pauses, commands on
 * other keys run, and it finds its own as it left them:
 *
 *   stays     its keys, their values and objects, and pointers to them; its arguments; its reply;
 *             keyspaces; now_ms
 *   may not   be half done: that a key is there, or is not. Others look at that meanwhile; so it is
 *             made, or goes, and that is told (gf_exec_changed), in one step; and no value is empty
 */
static inline void gf_exec_pause(struct gf_exec *x, uint32_t count)
{
    gf_pace_step(&x->pace, count);
}

/* gf_exec_postpone - the slow half of gf_exec_is_long. */
bool gf_exec_postpone(struct gf_exec *x);

/* gf_exec_is_long - a GF_SLICED command with one key knows that it is about to go through `count`
 * elements, and has neither changed nor answered anything yet: is it to be run again, as one that
 * can pause?
 *
 * Returns    true: return without an answer. false: go on.
 */
static inline bool gf_exec_is_long(struct gf_exec *x, uint64_t count)
{
    return __builtin_expect(count > x->at_once, 0) && gf_exec_postpone(x);
}
