/* Asking for connections by id. */
#include "sim/roster.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"

/* One question in flight. */
struct question {
    struct sim_request request; /* first */
    struct sim_client *other;
    uint64_t other_id; /* of the connection that it had when it was asked for */
};

static struct question *question_create(struct sim_client *other,
                                        void (*answered)(struct sim_request *,
                                                         const struct sim_reply *))
{
    struct question *question = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*question));

    question->request.answered = answered;
    question->other = other;
    question->other_id = other->server_id;
    return question;
}

static void question_send(struct question *question, struct sim_client *client, const char *name,
                          bool with_id)
{
    struct sim_command command = {0};

    sim_command_print(&command, "CLIENT");
    sim_command_print(&command, "%s", name);
    if (with_id) {
        sim_command_print(&command, "ID");
        sim_command_print(&command, "%" PRIu64, question->other_id);
    }
    sim_client_send(client, &command, &question->request);
    sim_command_deinit(&command);
}

/* The same connection, and nothing ends it. */
static bool other_is_whole(const struct question *question)
{
    return question->other->server_id == question->other_id &&
           sim_client_is_whole(question->other);
}

static void id_answered(struct sim_request *request, const struct sim_reply *reply)
{
    struct question *question = (struct question *)request;

    if (reply && reply->kind != SIM_REPLY_INTEGER)
        sim_fail(question->other->world, "CLIENT ID does not answer a number");
    if (reply)
        question->other->server_id = (uint64_t)reply->integer;
    gf_free(GF_MEMORY_OTHER, question);
}

void sim_roster_ask_id(struct sim_client *client)
{
    question_send(question_create(client, id_answered), client, "ID", false);
}

/* Lines of a list that begin with this id. */
static uint32_t lines_with(struct gf_bytes text, uint64_t id)
{
    char start[32];
    size_t size = (size_t)snprintf(start, sizeof(start), "id=%" PRIu64 " ", id);
    uint32_t count = 0;

    for (size_t at = 0; at < text.size;) {
        const char *line = text.data + at;
        const char *end = memchr(line, '\n', text.size - at);

        count += text.size - at > size && memcmp(line, start, size) == 0;
        at = end ? (size_t)(end - text.data) + 1 : text.size;
    }
    return count;
}

static void list_answered(struct sim_request *request, const struct sim_reply *reply)
{
    struct question *question = (struct question *)request;

    if (reply) {
        uint32_t count = lines_with(reply->text, question->other_id);

        if (reply->kind != SIM_REPLY_BULK || count > 1)
            sim_fail(question->other->world, "CLIENT LIST has client %d %u times",
                     question->other->id, count);
        if (count == 0 && other_is_whole(question))
            sim_fail(question->other->world, "CLIENT LIST misses client %d, id %" PRIu64,
                     question->other->id, question->other_id);
    }
    gf_free(GF_MEMORY_OTHER, question);
}

void sim_roster_list(struct sim_client *client, struct sim_client *other)
{
    question_send(question_create(other, list_answered), client, "LIST",
                  sim_one_in(client->world, 2));
}

static void kill_answered(struct sim_request *request, const struct sim_reply *reply)
{
    struct question *question = (struct question *)request;
    struct sim_client *other = question->other;

    if (reply) {
        if (reply->kind != SIM_REPLY_INTEGER || reply->integer > 1)
            sim_fail(other->world, "CLIENT KILL ID kills more than one");
        if (reply->integer == 0 && other_is_whole(question))
            sim_fail(other->world, "CLIENT KILL does not find client %d, id %" PRIu64, other->id,
                     question->other_id);
        if (reply->integer == 1 && other->server_id == question->other_id)
            other->condemned_tick = *other->ticks;
    }
    gf_free(GF_MEMORY_OTHER, question);
}

void sim_roster_kill(struct sim_client *client, struct sim_client *other)
{
    question_send(question_create(other, kill_answered), client, "KILL", true);
}

static void unblock_answered(struct sim_request *request, const struct sim_reply *reply)
{
    struct question *question = (struct question *)request;

    if (reply && (reply->kind != SIM_REPLY_INTEGER || reply->integer > 1))
        sim_fail(question->other->world, "CLIENT UNBLOCK does not answer 0 or 1");
    gf_free(GF_MEMORY_OTHER, question);
}

void sim_roster_unblock(struct sim_client *client, struct sim_client *other)
{
    struct question *question = question_create(other, unblock_answered);
    struct sim_command command = {0};

    sim_command_print(&command, "CLIENT");
    sim_command_print(&command, "UNBLOCK");
    sim_command_print(&command, "%" PRIu64, question->other_id);
    sim_command_print(&command, sim_one_in(client->world, 2) ? "ERROR" : "TIMEOUT");
    sim_client_send(client, &command, &question->request);
    sim_command_deinit(&command);
}
