/* Commands on shared keys, and the checks of their answers. */
#include "sim/workload_shared.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "sim/workload_ledgers.h"

#define RACE_KEYS 3
#define RACE_TRIES 12 /* then the next race opens */
#define DEALS_LOT 8   /* of those that sim_shared_play draws */

/* One command in flight. */
struct step {
    struct sim_request request; /* first */
    struct sim_shared *shared;
    uint32_t index; /* counter or group                                     */
    uint64_t value; /* written by MSET or MSETNX                            */
    uint64_t race;
    uint64_t floor; /* of a counter: seen by somebody before this was sent  */
    bool increments;
    uint64_t pause_ms; /* CLIENT PAUSE */
};

static struct step *step_create(struct sim_shared *shared,
                                void (*answered)(struct sim_request *, const struct sim_reply *))
{
    struct step *step = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*step));

    step->shared = shared;
    step->request.answered = answered;
    return step;
}

static void step_send(struct step *step, struct sim_client *client, struct sim_command *command)
{
    sim_client_send(client, command, &step->request);
    sim_command_deinit(command);
}

_Noreturn static void step_fail(const struct step *step, const struct sim_reply *reply,
                                const char *what)
{
    char text[128];

    sim_reply_format(reply, text, sizeof(text));
    sim_fail(step->shared->world, "client %d: %s %u: %s", step->request.client->id, what,
             step->index, text);
}

/* The number at the start of a text like "17:xxxx"; 0 when there is none. */
static uint64_t value_of(struct gf_bytes text)
{
    uint64_t value = 0;

    for (size_t i = 0; i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; i++)
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    return value;
}

/* ---- Counters ---- */

static void counter_sent(struct sim_request *request)
{
    struct step *step = (struct step *)request;
    struct sim_counter *counter = &step->shared->counters[step->index];

    step->floor = counter->seen;
    counter->sent += step->increments;
}

static void counter_answered(struct sim_request *request, const struct sim_reply *reply)
{
    struct step *step = (struct step *)request;
    struct sim_counter *counter = &step->shared->counters[step->index];
    uint64_t value = 0;

    if (reply && !sim_reply_is_oom(reply)) {
        if (reply->kind == SIM_REPLY_INTEGER)
            value = (uint64_t)reply->integer;
        else if (reply->kind == SIM_REPLY_BULK)
            value = value_of(reply->text);
        else if (reply->kind != SIM_REPLY_NULL || step->increments)
            step_fail(step, reply, "an odd answer of counter");
        if (value > counter->sent || value >= SIM_COUNTER_MAX)
            step_fail(step, reply, "more than was added to counter");
        if (value < step->floor + step->increments)
            step_fail(step, reply, "somebody had seen more of counter");
        if (step->increments && counter->given[value]++)
            step_fail(step, reply, "given out twice by counter");
        if (value > counter->seen)
            counter->seen = value;
    }
    gf_free(GF_MEMORY_OTHER, step);
}

static void counter_play(struct sim_shared *shared, struct sim_client *client, uint32_t index,
                         bool increments)
{
    struct step *step = step_create(shared, counter_answered);
    struct sim_command command = {0};

    if (shared->counters[index].asked == SIM_COUNTER_MAX - 1)
        increments = false; /* as far as it is followed */
    shared->counters[index].asked += increments;
    step->index = index;
    step->increments = increments;
    step->request.on_sent = counter_sent;
    sim_command_print(&command, increments ? "INCR" : "GET");
    sim_command_print(&command, "counter:%u", index);
    step_send(step, client, &command);
}

void sim_shared_hammer(struct sim_shared *shared, struct sim_client *client, uint32_t counter)
{
    counter_play(shared, client, counter, !sim_one_in(shared->world, 5));
}

/* ---- Groups ---- */

static void group_written(struct sim_request *request, const struct sim_reply *reply)
{
    struct step *step = (struct step *)request;
    struct sim_history *history = &step->shared->groups[step->index].history;

    if (reply && sim_reply_is_oom(reply)) {
        gf_free(GF_MEMORY_OTHER, step); /* nothing of it was written */
        return;
    }
    if (reply && !sim_reply_is(reply, SIM_REPLY_STATUS, "OK"))
        step_fail(step, reply, "an odd answer of MSET to group");
    if (request->sent)
        sim_history_write(history, step->value, request->sent_tick,
                          reply ? *step->shared->ticks : SIM_NEVER_ANSWERED);
    gf_free(GF_MEMORY_OTHER, step);
}

static void group_read(struct sim_request *request, const struct sim_reply *reply)
{
    struct step *step = (struct step *)request;
    struct sim_group *group = &step->shared->groups[step->index];
    const struct sim_reply *one = reply;

    if (reply && reply->kind == SIM_REPLY_ARRAY) {
        if (reply->integer != group->keys_count)
            step_fail(step, reply, "an odd answer of MGET to group");
        one = &reply->elements[0];
        for (uint32_t i = 1; i < group->keys_count; i++) {
            const struct sim_reply *other = &reply->elements[i];

            if (other->kind != one->kind || value_of(other->text) != value_of(one->text))
                sim_fail(step->shared->world,
                         "client %d: MGET of group %u is torn: key 0 has %" PRIu64
                         ", key %u has %" PRIu64,
                         request->client->id, step->index, value_of(one->text), i,
                         value_of(other->text));
        }
    }
    if (reply)
        sim_history_read(&group->history, value_of(one->text), request->sent_tick,
                         *step->shared->ticks);
    gf_free(GF_MEMORY_OTHER, step);
}

/* MSET of the keys `first` .. `end` - 1 of a group. */
static void group_write(struct sim_shared *shared, struct sim_client *client, uint32_t index,
                        uint32_t first, uint32_t end)
{
    struct step *step = step_create(shared, group_written);
    struct sim_command command = {0};

    step->index = index;
    step->value = shared->last_value;
    sim_command_print(&command, "MSET");
    for (uint32_t i = first; i < end; i++) {
        sim_command_print(&command, "group:%u:%u", index, i);
        sim_command_print(&command, "%" PRIu64 ":%0*d", step->value,
                          (int)sim_size(shared->world, 100), 0);
    }
    step_send(step, client, &command);
}

static void group_play(struct sim_shared *shared, struct sim_client *client)
{
    uint32_t index = (uint32_t)sim_below(shared->world, SIM_GROUPS);
    uint32_t keys_count = shared->groups[index].keys_count;
    uint32_t kind = (uint32_t)sim_below(shared->world, 4);
    struct step *step;
    struct sim_command command = {0};

    if (kind == 0) {
        uint32_t middle = shared->world->plant == SIM_PLANT_HALVES ? keys_count / 2 : 0;

        shared->last_value++;
        if (middle > 0)
            group_write(shared, client, index, 0, middle);
        group_write(shared, client, index, middle, keys_count);
        return;
    }
    step = step_create(shared, group_read);
    step->index = index;
    if (kind == 3) {
        sim_command_print(&command, "GET");
        sim_command_print(&command, "group:%u:%u", index,
                          (unsigned)sim_below(shared->world, keys_count));
    } else {
        sim_command_print(&command, "MGET");
        for (uint32_t i = 0; i < keys_count; i++)
            sim_command_print(&command, "group:%u:%u", index, i);
    }
    step_send(step, client, &command);
}

/* ---- Tokens ---- */

static void token_answered(struct sim_request *request, const struct sim_reply *reply)
{
    struct step *step = (struct step *)request;
    uint32_t found = 0;

    if (reply && reply->kind == SIM_REPLY_ARRAY) {
        for (int64_t i = 0; i < reply->integer; i++)
            found += sim_reply_is(&reply->elements[i], SIM_REPLY_BULK, "token");
        if (found != 1)
            step_fail(step, reply, "MGET does not find exactly one token, but");
    } else if (reply && reply->kind == SIM_REPLY_INTEGER) {
        if (reply->integer != 1)
            step_fail(step, reply, "EXISTS does not count exactly one token, but");
    } else if (reply && !sim_reply_is(reply, SIM_REPLY_STATUS, "OK") &&
               !sim_reply_is(reply, SIM_REPLY_ERROR, "ERR no such key")) {
        step_fail(step, reply, "an odd answer of a token command");
    }
    gf_free(GF_MEMORY_OTHER, step);
}

static void token_made(struct sim_request *request, const struct sim_reply *reply)
{
    struct step *step = (struct step *)request;

    step->shared->token_made = reply && sim_reply_is(reply, SIM_REPLY_STATUS, "OK");
    gf_free(GF_MEMORY_OTHER, step);
}

static void token_play(struct sim_shared *shared, struct sim_client *client)
{
    static const char *const names[] = {"RENAME", "RENAME", "MGET", "EXISTS"};
    uint32_t kind = (uint32_t)sim_below(shared->world, GF_COUNT(names));
    uint32_t count = kind < 2 ? 2 : SIM_TOKENS;
    uint32_t first = (uint32_t)sim_below(shared->world, SIM_TOKENS);
    uint32_t by = 1 + (uint32_t)sim_below(shared->world, SIM_TOKENS - 1);
    struct step *step = step_create(shared, token_answered);
    struct sim_command command = {0};

    if (kind >= 2)
        by = 1;
    sim_command_print(&command, "%s", names[kind]);
    for (uint32_t i = 0; i < count; i++)
        sim_command_print(&command, "token:%u", (first + i * by) % SIM_TOKENS);
    step_send(step, client, &command);
}

void sim_shared_begin(struct sim_shared *shared, struct sim_client *client)
{
    struct step *step = step_create(shared, token_made);
    struct sim_command command = {0};

    sim_command_print(&command, "SET");
    sim_command_print(&command, "token:0");
    sim_command_print(&command, "token");
    step_send(step, client, &command);
}

/* ---- Races ---- */

static void race_run(struct sim_request *request, const struct sim_reply *reply)
{
    struct step *step = (struct step *)request;
    struct sim_shared *shared = step->shared;

    if (reply && reply->kind != SIM_REPLY_INTEGER && !sim_reply_is_oom(reply))
        step_fail(step, reply, "an odd answer of MSETNX");
    if (reply && reply->integer == 1 && step->race == shared->race) {
        if (shared->race_winner != 0 && shared->race_winner != step->value)
            step_fail(step, reply, "MSETNX won a race that was over");
        shared->race_winner = step->value;
    }
    gf_free(GF_MEMORY_OTHER, step);
}

/* All keys of a race hold the winner's value, or none exists. */
static void race_seen(struct sim_request *request, const struct sim_reply *reply)
{
    struct step *step = (struct step *)request;
    struct sim_shared *shared = step->shared;

    if (reply) {
        uint64_t value;

        if (reply->kind != SIM_REPLY_ARRAY || reply->integer != RACE_KEYS)
            step_fail(step, reply, "an odd answer of MGET to a race");
        value = value_of(reply->elements[0].text);
        for (uint32_t i = 1; i < RACE_KEYS; i++) {
            if (value_of(reply->elements[i].text) != value)
                step_fail(step, reply, "MSETNX is torn");
        }
        if (step->race == shared->race && value != 0) {
            if (shared->race_winner != 0 && shared->race_winner != value)
                step_fail(step, reply, "another MSETNX had won the race");
            shared->race_winner = value;
        }
    }
    gf_free(GF_MEMORY_OTHER, step);
}

static void race_play(struct sim_shared *shared, struct sim_client *client)
{
    bool run = !sim_one_in(shared->world, 3);
    struct step *step = step_create(shared, run ? race_run : race_seen);
    struct sim_command command = {0};

    if (++shared->race_tries > RACE_TRIES) {
        shared->race++;
        shared->race_tries = 0;
        shared->race_winner = 0;
    }
    step->race = shared->race;
    step->value = run ? ++shared->last_value : 0;
    sim_command_print(&command, run ? "MSETNX" : "MGET");
    for (uint32_t i = 0; i < RACE_KEYS; i++) {
        sim_command_print(&command, "race:%" PRIu64 ":%u", step->race, i);
        if (run)
            sim_command_print(&command, "%" PRIu64, step->value);
    }
    step_send(step, client, &command);
}

/* ---- What operators ask ---- */

static void operator_answered(struct sim_request *request, const struct sim_reply *reply)
{
    struct step *step = (struct step *)request;

    struct sim_shared *shared = step->shared;
    uint64_t pause_end_ns = shared->world->now_ns + step->pause_ms * SIM_MS;

    if (reply && reply->kind == SIM_REPLY_ERROR)
        step_fail(step, reply, "refused to an operator: command");
    shared->pauses_asked -= step->pause_ms > 0;
    if (step->pause_ms > 0 && pause_end_ns > shared->pause_end_ns)
        shared->pause_end_ns = pause_end_ns;
    /* KEYS token:* */
    if (reply && reply->kind == SIM_REPLY_ARRAY && step->value == 1 && reply->integer != 1)
        step_fail(step, reply, "KEYS does not find exactly one token, but");
    gf_free(GF_MEMORY_OTHER, step);
}

void sim_shared_limit(struct sim_shared *shared, struct sim_client *client, uint64_t size,
                      const char *policy)
{
    struct step *step = step_create(shared, operator_answered);
    struct sim_command command = {0};

    sim_command_print(&command, "CONFIG");
    sim_command_print(&command, "SET");
    sim_command_print(&command, "maxmemory");
    sim_command_print(&command, "%" PRIu64, size);
    sim_command_print(&command, "maxmemory-policy");
    sim_command_print(&command, "%s", policy);
    step_send(step, client, &command);
}

void sim_shared_operate(struct sim_shared *shared, struct sim_client *client)
{
    static const char *const lines[][3] = {
        {"KEYS", "token:*"},
        {"DBSIZE"},
        {"RANDOMKEY"},
        {"CLIENT", "LIST"},
        {"INFO"},
        {"CLIENT", "PAUSE", "WRITE"},
        {"CLIENT", "PAUSE", "ALL"},
        {"CLIENT", "UNPAUSE"},
        {"CONFIG", "GET", "maxmemory"},
        {"CONFIG", "SET"},
        {"MEMORY", "STATS"},
        {"CONFIG", "RESETSTAT"},
    };
    uint32_t index = (uint32_t)sim_below(shared->world, GF_COUNT(lines));
    struct step *step = step_create(shared, operator_answered);
    struct sim_command command = {0};

    step->index = index;
    if (!shared->token_made)
        index = 1;
    step->value = index == 0;
    for (uint32_t i = 0; i < 3 && lines[index][i]; i++) {
        if (i == 2 && strcmp(lines[index][1], "PAUSE") == 0) {
            step->pause_ms = sim_size(shared->world, 60);
            shared->pauses_asked += step->pause_ms > 0;
            sim_command_print(&command, "%" PRIu64, step->pause_ms);
        }
        sim_command_print(&command, "%s", lines[index][i]);
    }
    if (strcmp(lines[index][1] ? lines[index][1] : "", "SET") == 0 && shared->world->kind.evicts) {
        sim_command_print(&command, "maxmemory-samples");
        sim_command_print(&command, "%" PRIu64, sim_size(shared->world, 16));
    } else if (strcmp(lines[index][1] ? lines[index][1] : "", "SET") == 0) {
        /* So little that whatever grows is refused, or no limit. */
        sim_command_print(&command, "maxmemory");
        sim_command_print(&command, sim_one_in(shared->world, 4) ? "1mb" : "0");
    }
    step_send(step, client, &command);
}

/* ---- All of them ---- */

void sim_shared_play(struct sim_shared *shared, struct sim_client *client)
{
    uint64_t lot = sim_below(shared->world, 12);

    if (shared->world->kind.waits && !shared->world->kind.evicts && sim_below(shared->world, 8) > 0)
        lot = DEALS_LOT;
    switch (lot) {
    case 0:
    case 1:
        counter_play(shared, client, (uint32_t)sim_below(shared->world, SIM_COUNTERS),
                     !sim_one_in(shared->world, 3));
        break;
    case 2:
        race_play(shared, client);
        break;
    case 7:
        if (shared->world->kind.slices && !shared->world->kind.evicts) {
            sim_ledgers_play(shared->world, client);
            break;
        }
        group_play(shared, client);
        break;
    case DEALS_LOT:
    case 9:
    case 10:
        if (shared->world->kind.slices && !shared->world->kind.evicts &&
            sim_one_in(shared->world, 2)) {
            sim_ledgers_play(shared->world, client);
            break;
        }
        if (!shared->world->kind.evicts) { /* jobs would fill what little memory there is */
            sim_deals_play(&shared->deals, client);
            break;
        }
        group_play(shared, client);
        break;
    case 3:
    case 4:
        if (shared->token_made) {
            token_play(shared, client);
            break;
        }
        group_play(shared, client);
        break;
    default:
        group_play(shared, client);
        break;
    }
}

void sim_shared_check(struct sim_shared *shared)
{
    char why[256];

    for (uint32_t i = 0; i < SIM_GROUPS; i++) {
        if (!sim_history_check(&shared->groups[i].history, why, sizeof(why)))
            sim_fail(shared->world, "group %u is not linearizable: value %s", i, why);
    }
}

void sim_shared_init(struct sim_shared *shared, struct sim_world *world, uint64_t *ticks)
{
    *shared = (struct sim_shared){.world = world, .ticks = ticks};
    sim_deals_init(&shared->deals, world);
    for (uint32_t i = 0; i < SIM_COUNTERS; i++)
        shared->counters[i].given = gf_alloc_zero(GF_MEMORY_OTHER, SIM_COUNTER_MAX);
    for (uint32_t i = 0; i < SIM_GROUPS; i++)
        shared->groups[i].keys_count = 2 + (uint32_t)sim_below(world, SIM_GROUP_KEYS_MAX - 1);
}

void sim_shared_deinit(struct sim_shared *shared)
{
    sim_deals_deinit(&shared->deals);
    for (uint32_t i = 0; i < SIM_COUNTERS; i++)
        gf_free(GF_MEMORY_OTHER, shared->counters[i].given);
    for (uint32_t i = 0; i < SIM_GROUPS; i++)
        sim_history_deinit(&shared->groups[i].history);
}
