/* What a client's own keys must hold: a sequential model, checked reply by reply.
 *
 * Nobody else touches these keys, and one connection's commands take effect in their order, so
 * every reply is known exactly; only of keys with a time to live one must know when the command
 * ran, and that was between sending and answering.
 *
 * Two databases of the connection are used; to a `sole` model they belong wholly, and it also
 * checks DBSIZE, SWAPDB and FLUSHDB. Where the server may evict keys, a key may be missing, but
 * what is there is what was written.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "sim/client.h"
#include "sim/world.h"

#define SIM_MODEL_KEYS 12    /* without a time to live, then … */
#define SIM_MODEL_VOLATILE 4 /* … with one */
#define SIM_MODEL_DATABASES 2

struct sim_model_key {
    bool exists;
    bool expires;
    uint64_t expire_min_ms; /* it is gone at some time from here … */
    uint64_t expire_max_ms; /* … to here */
    struct gf_buf value;    /* owned */
};

/* A SCAN that goes on. */
struct sim_model_scan {
    bool asked;  /* a call is in flight */
    bool active; /* its first call was answered, its last was not */
    uint32_t db;
    uint64_t cursor;
    bool present[SIM_MODEL_KEYS]; /* all the time so far */
    bool seen[SIM_MODEL_KEYS];
};

struct sim_model {
    struct sim_world *world;
    uint64_t id; /* part of every key's name */
    bool sole;
    uint32_t db_first;  /* the connection's databases: this one and the next */
    uint32_t db;        /* that the last command sent was for: 0 or 1 */
    uint32_t value_max; /* bytes of a new value */
    uint32_t hot;       /* keys mostly used; 0 = all alike */
    bool may_evict;     /* the server may evict keys with a time to live ... */
    bool may_evict_all; /* ... or any */
    bool one_core;      /* on a core's port, where SCAN is about that core's keys */
    struct sim_model_scan scan;
    struct sim_model_key keys[SIM_MODEL_DATABASES][SIM_MODEL_KEYS + SIM_MODEL_VOLATILE];
};

void sim_model_init(struct sim_model *model, struct sim_world *world, uint64_t id);
void sim_model_deinit(struct sim_model *model);

/* sim_model_begin - the first command of a connection: SELECT. */
void sim_model_begin(struct sim_model *model, struct sim_client *client);

/* sim_model_play - one random command; its reply is checked when it comes. The model stays until
 * all requests are answered. */
void sim_model_play(struct sim_model *model, struct sim_client *client);
