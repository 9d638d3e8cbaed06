/* What the files of the model share: one command in flight, and what it does to the keys.
 *
 *   model.c            the rows, the words, playing
 *   model_apply.c      keys without a time to live, whole databases
 *   model_volatile.c   keys with one
 *   model_evict.c      keys that the server may evict
 *   model_scan.c       SCAN
 */
#pragma once

#include "core/bytes.h"
#include "sim/model.h"

#define SIM_STEP_KEYS_MAX 6

struct sim_step;

enum sim_shape {
    SIM_SHAPE_NONE,    /* COMMAND               */
    SIM_SHAPE_KEY,     /* COMMAND k             */
    SIM_SHAPE_VALUE,   /* COMMAND k value       */
    SIM_SHAPE_NUMBER,  /* COMMAND k number      */
    SIM_SHAPE_TTL,     /* COMMAND k ms          */
    SIM_SHAPE_SET_PX,  /* SET k value PX ms     */
    SIM_SHAPE_TWO,     /* COMMAND k k           */
    SIM_SHAPE_REPLACE, /* COPY k k REPLACE      */
    SIM_SHAPE_KEYS,    /* COMMAND k k …         */
    SIM_SHAPE_PAIRS,   /* COMMAND k v k v …     */
    SIM_SHAPE_DBS,     /* SWAPDB a b            */
    SIM_SHAPE_SCAN,    /* SCAN cursor MATCH … COUNT n */
    SIM_SHAPE_HELLO,   /* HELLO 2 or 3          */
};

enum sim_keys_kind { SIM_KEYS_PLAIN, SIM_KEYS_VOLATILE, SIM_KEYS_SOLE };

struct sim_row {
    const char *name;
    enum sim_shape shape;
    enum sim_keys_kind kind;
    uint32_t weight;
    bool (*apply)(struct sim_step *step, const struct sim_reply *reply);
};

/* One command in flight. */
struct sim_step {
    struct sim_request request; /* first */
    struct sim_model *model;
    const struct sim_row *row;
    uint32_t db;
    uint32_t keys[SIM_STEP_KEYS_MAX];
    uint32_t keys_count;
    uint64_t ttl_ms;
    struct sim_command command; /* owned */
};

/* A key's state, and what a reply is. */
struct sim_model_key *sim_step_key(struct sim_step *step, uint32_t index);
struct gf_bytes sim_key_value(const struct sim_model_key *key);
void sim_key_remove(struct sim_model_key *key);
void sim_key_append(struct sim_model_key *key, struct gf_bytes value);
void sim_key_set(struct sim_model_key *key, struct gf_bytes value);
bool sim_reply_is_value(const struct sim_reply *reply, const struct sim_model_key *key);
bool sim_reply_is_integer(const struct sim_reply *reply, int64_t value);
bool sim_reply_is_ok(const struct sim_reply *reply);
/* What a command does to the model when it is answered so. Returns whether that can be. */
bool sim_apply_set(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_get(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_getset(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_getdel(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_setnx(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_append(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_strlen(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_incrby(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_count(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_del(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_mget(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_mset(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_msetnx(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_rename(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_renamenx(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_copy(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_set_px(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_volatile_get(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_volatile_exists(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_volatile_del(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_persist(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_pexpire(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_pttl(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_dbsize(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_flushdb(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_swapdb(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_select(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_hello(struct sim_step *step, const struct sim_reply *reply);
bool sim_apply_scan(struct sim_step *step, const struct sim_reply *reply);

/* sim_evict_apply - the row's apply, for some choice of evicted keys. */
bool sim_evict_apply(struct sim_step *step, const struct sim_reply *reply);

/* sim_scan_follow - after every command: what has gone need not be returned. sim_scan_give_up -
 * nothing need be: the databases were swapped. */
void sim_scan_follow(struct sim_model *model);
void sim_scan_give_up(struct sim_model *model);
