/* A command that asks every core before it answers: CLIENT LIST, CLIENT KILL, INFO, ...
 *
 *   run       [gf_ask_create, gf_ask_start]   the connection is held: what follows waits
 *   on_core   once on every core, this one included; writes its own slot and nothing else
 *   again     here: true = everybody once more (work in slices)
 *   whole     on_core meets every connection of the node: hand-overs stop, those under way arrive,
 *             then on_core runs; after it each core lets its connections go again (so one that has
 *             been met may be met a second time, on another core)
 *   answer    here, once all have answered: merges the slots into one reply
 *
 * Failure: a client that hangs up meanwhile is not answered; everything else happens all the same.
 *
 *     struct count_ask {
 *         struct gf_ask ask;     // first
 *         uint64_t least;        // what the cores need to know, copied: the words are gone by then
 *     };
 *     static const struct gf_ask_kind count_kind = {
 *         .size = sizeof(struct count_ask), .slot_size = sizeof(uint64_t),
 *         .on_core = count_on_core, .answer = count_answer,
 *     };
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shards/call.h"

struct gf_ask;
struct gf_command;
struct gf_conn;
struct gf_exec;
struct gf_reply;

/* Where a `whole` ask is; others are at GF_ASK_RUN from the beginning. */
enum gf_ask_step {
    GF_ASK_STOP,   /* every core stops handing over                    */
    GF_ASK_SETTLE, /* again and again until nothing is under way       */
    GF_ASK_RUN,    /* on_core                                          */
};

/* What is the same for all asks of a command. */
struct gf_ask_kind {
    size_t size;      /* of the struct that begins with the gf_ask */
    size_t slot_size; /* what each core writes */
    bool whole;       /* no connection may be missed because it is between two cores */
    void (*on_core)(struct gf_worker *worker, struct gf_ask *ask);
    bool (*again)(struct gf_ask *ask); /* or NULL: once is enough */
    /* Writes exactly one reply. NULL: the answer is OK. */
    void (*answer)(struct gf_ask *ask, struct gf_reply *reply);
    /* Frees what the ask and its slots own, after the answer; answered or not. Or NULL. */
    void (*deinit)(struct gf_ask *ask);
};

struct gf_ask {
    struct gf_call call;
    const struct gf_ask_kind *kind;
    struct gf_worker *worker; /* home */
    struct gf_conn *conn;     /* pinned and held until the answer */
    const struct gf_command *command;
    uint32_t cores_count;
    enum gf_ask_step step;
    bool discard; /* CLIENT REPLY says: nobody wants the answer */
    bool close;   /* set by answer: hang up when the answer is sent */
    char *slots;  /* of all cores, each on cache lines of its own; owned, zeroed. The last byte
                     of each: hand-overs are under way from there */
    size_t slot_stride;
};

/* gf_ask_create - zeroed but for what is above. Ask of a GF_HOME command's exec. */
struct gf_ask *gf_ask_create(struct gf_exec *x, const struct gf_ask_kind *kind);

/* gf_ask_start - go. The command returns without a reply; the ask frees itself in the end. */
void gf_ask_start(struct gf_ask *ask);

/* gf_ask_slot - the slot of a core. */
static inline void *gf_ask_slot(const struct gf_ask *ask, uint32_t core)
{
    return ask->slots + core * ask->slot_stride;
}
