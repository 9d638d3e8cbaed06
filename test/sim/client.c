/* Encode, write piece by piece; read piece by piece, parse, match. */
#include "sim/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "sim/watch.h"

/* ---- Commands ---- */

void sim_command_add(struct sim_command *command, struct gf_bytes word)
{
    GF_ASSERT(command->count < SIM_WORDS_MAX);
    GF_ASSERT(word.size == 0 || gf_buf_append(&command->bytes, word) == GF_OK);
    command->sizes[command->count++] = word.size;
}

void sim_command_print(struct sim_command *command, const char *format, ...)
{
    char text[256];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    GF_ASSERT(size < (int)sizeof(text));
    sim_command_add(command, (struct gf_bytes){.data = text, .size = (size_t)size});
}

struct gf_bytes sim_command_word(const struct sim_command *command, uint32_t index)
{
    size_t at = 0;

    GF_ASSERT(index < command->count);
    for (uint32_t i = 0; i < index; i++)
        at += command->sizes[i];
    return (struct gf_bytes){.data = command->bytes.data + at, .size = command->sizes[index]};
}

void sim_command_deinit(struct sim_command *command)
{
    gf_buf_deinit(&command->bytes);
}

/* ---- Writing ---- */

static void client_write_later(struct sim_client *client)
{
    if (client->socket && client->out.size > 0 && !sim_is_scheduled(&client->write_event))
        sim_schedule(client->world, &client->write_event, sim_delay(client->world));
}

static void requests_sent(struct sim_client *client)
{
    struct gf_link *link;

    while ((link = gf_list_peek_front(&client->sending))) {
        struct sim_request *request = gf_container(link, struct sim_request, link);

        if (request->end > client->written)
            return;
        gf_list_remove(link);
        gf_list_push_back(&client->waiting, link);
        request->sent = true;
        if (client->track)
            client->track->sent++;
        request->sent_tick = ++*client->ticks;
        request->sent_ns = client->world->now_ns;
        if (request->on_sent)
            request->on_sent(request);
    }
}

static void client_finish_if_written(struct sim_client *client)
{
    if (!client->finishing || client->finished || client->out.size > 0)
        return;
    sim_note(client->world, "client finishes", client->id, client->requests_count);
    client->finished = true;
    sim_end(client->socket);
}

static void client_write_fire(struct sim_event *event)
{
    struct sim_client *client = gf_container(event, struct sim_client, write_event);
    size_t size = sim_size(client->world, client->world->climate.piece_max * 4);
    int result;

    if (!client->socket)
        return;
    if (client->out.size == 0) {
        client_finish_if_written(client);
        return;
    }
    if (size > client->out.size || sim_one_in(client->world, 4))
        size = client->out.size;
    /* Noted as sent before the network has it: the answer cannot come earlier. */
    result = sim_write(client->socket, client->out.data, size);
    if (result == GF_EIO) {
        sim_client_close(client, false);
        return;
    }
    sim_note(client->world, "client writes", client->id, result);
    if (result == 0)
        return; /* until it is writable */
    gf_buf_consume(&client->out, (size_t)result);
    client->written += (uint64_t)result;
    requests_sent(client);
    client_finish_if_written(client);
    client_write_later(client);
}

static void client_writable(struct sim_socket *socket)
{
    client_write_later(socket->user);
}

void sim_client_send_raw(struct sim_client *client, struct gf_bytes bytes)
{
    GF_ASSERT(gf_buf_append(&client->out, bytes) == GF_OK);
    client->queued += bytes.size;
    client_write_later(client);
}

void sim_client_send(struct sim_client *client, const struct sim_command *command,
                     struct sim_request *request)
{
    char head[32];
    size_t at = 0;

    GF_ASSERT(!client->finishing);
    if (client->track)
        sim_track_queue(client->track, command);
    sim_client_send_raw(
        client,
        (struct gf_bytes){.data = head,
                          .size = (size_t)snprintf(head, sizeof(head), "*%u\r\n", command->count)});
    for (uint32_t i = 0; i < command->count; i++) {
        size_t size = command->sizes[i];
        int head_size = snprintf(head, sizeof(head), "$%zu\r\n", size);

        sim_client_send_raw(client, (struct gf_bytes){.data = head, .size = (size_t)head_size});
        if (size > 0)
            sim_client_send_raw(client,
                                (struct gf_bytes){.data = command->bytes.data + at, .size = size});
        sim_client_send_raw(client, GF_BYTES("\r\n"));
        at += size;
    }
    request->client = client;
    request->end = client->queued;
    request->sent = false;
    gf_list_push_back(&client->sending, &request->link);
    client->requests_count++;
}

/* ---- Reading ---- */

static void client_read_later(struct sim_client *client)
{
    if (client->socket && !sim_is_scheduled(&client->read_event) &&
        !sim_is_scheduled(&client->lazy_event))
        sim_schedule(client->world, &client->read_event, sim_delay(client->world));
}

static void client_readable(struct sim_socket *socket)
{
    client_read_later(socket->user);
}

static void request_answer(struct sim_client *client, struct sim_request *request,
                           const struct sim_reply *reply)
{
    gf_list_remove(&request->link);
    client->requests_count--;
    if (client->track && reply)
        client->track->answered++;
    ++*client->ticks;
    request->answered(request, reply);
}

_Noreturn static void client_fail(struct sim_client *client, const char *what, struct gf_bytes rest)
{
    sim_fail(client->world, "client %d: %s: %.*s", client->id, what,
             (int)(rest.size < 60 ? rest.size : 60), rest.data);
}

/* Lines of a monitor begin with a time. */
static bool reply_is_line(const struct sim_client *client, const struct sim_reply *reply)
{
    return client->line && reply->kind == SIM_REPLY_STATUS && reply->text.size > 0 &&
           reply->text.data[0] >= '0' && reply->text.data[0] <= '9';
}

static void client_take(struct sim_client *client, const struct sim_reply *reply,
                        struct gf_bytes rest)
{
    struct gf_link *link = gf_list_peek_front(&client->waiting);
    struct sim_request *request;

    if (reply_is_line(client, reply)) {
        client->line(client, reply->text);
        return;
    }
    if (client->message && client->message(client, reply))
        return;
    if (!link)
        client_fail(client, "a reply that nobody waits for", rest);
    request = gf_container(link, struct sim_request, link);
    if (client->condemned_tick != 0 && request->sent_tick > client->condemned_tick)
        client_fail(client, "it was killed and is served on", rest);
    if (request->resp != 0)
        client->resp = request->resp;
    request_answer(client, request, reply);
}

static void client_parse(struct sim_client *client)
{
    size_t used = 0;

    while (used < client->in.size) {
        struct sim_reply elements[SIM_REPLY_ELEMENTS_MAX];
        struct sim_reply reply;
        struct gf_bytes rest = {.data = client->in.data + used, .size = client->in.size - used};
        struct gf_link *link = gf_list_peek_front(&client->waiting);
        uint8_t resp = link ? gf_container(link, struct sim_request, link)->resp : 0;
        int64_t size = sim_reply_parse(rest, resp ? resp : client->resp, &reply, elements);

        if (size == 0)
            break;
        if (size < 0)
            client_fail(client, "this is no reply", rest);
        client->replies++;
        client->replied_ns = client->world->now_ns;
        used += (size_t)size;
        sim_note(client->world, "client reads", client->id, size);
        client_take(client, &reply, rest);
        if (!client->socket)
            return; /* it hung up */
    }
    if (used > 0)
        gf_buf_consume(&client->in, used);
}

static void client_read_fire(struct sim_event *event)
{
    struct sim_client *client = gf_container(event, struct sim_client, read_event);
    size_t size = sim_size(client->world, client->world->climate.piece_max * 4);
    int result;

    if (!client->socket || sim_is_scheduled(&client->lazy_event))
        return;
    GF_ASSERT(gf_buf_reserve(&client->in, size) == GF_OK);
    result = sim_read(client->socket, client->in.data + client->in.size, size);
    if (result < 0 || (result == 0 && sim_at_end(client->socket))) {
        sim_note(client->world, "client loses", client->id, result);
        if (result == 0 && client->finished && client->requests_count > 0 && client->must_answer &&
            !sim_client_waits(client))
            sim_fail(client->world, "client %d: the end came before %u answers", client->id,
                     client->requests_count);
        sim_client_close(client, false);
        return;
    }
    if (result == 0)
        return;
    if (!client->deaf) {
        client->in.size += (size_t)result;
        client_parse(client);
    }
    client_read_later(client);
}

static void client_lazy_fire(struct sim_event *event)
{
    client_read_later(gf_container(event, struct sim_client, lazy_event));
}

void sim_client_rest(struct sim_client *client, uint64_t duration_ns)
{
    if (!sim_is_scheduled(&client->lazy_event))
        sim_schedule(client->world, &client->lazy_event, duration_ns);
}

/* ---- Life ---- */

void sim_client_init(struct sim_client *client, struct sim_world *world, int id, uint64_t *ticks)
{
    *client = (struct sim_client){.world = world, .id = id, .ticks = ticks};
    gf_list_init(&client->sending);
    gf_list_init(&client->waiting);
    client->write_event.fire = client_write_fire;
    client->read_event.fire = client_read_fire;
    client->lazy_event.fire = client_lazy_fire;
    client->lazy_event.idle = true;
}

void sim_client_deinit(struct sim_client *client)
{
    GF_ASSERT(client->socket == NULL);
    gf_buf_deinit(&client->in);
    gf_buf_deinit(&client->out);
}

void sim_client_connect(struct sim_client *client, struct sim_machine *machine, uint16_t port,
                        bool solid)
{
    GF_ASSERT(client->socket == NULL);
    client->socket = sim_connect(client->world, NULL, machine, port);
    client->socket->solid = solid;
    client->socket->user = client;
    client->socket->readable = client_readable;
    client->socket->writable = client_writable;
    client->deaf = false;
    client->resp = 2;
    client->finishing = false;
    client->finished = false;
    client->condemned_tick = 0;
    client->server_id = 0;
    client->track = NULL;
    client->queued = 0;
    client->written = 0;
}

void sim_client_close(struct sim_client *client, bool linger)
{
    struct gf_link *link;

    if (!client->socket)
        return;
    sim_note(client->world, "client closes", client->id, linger);
    sim_close(client->socket, linger);
    client->socket = NULL;
    sim_cancel(client->world, &client->write_event);
    sim_cancel(client->world, &client->read_event);
    sim_cancel(client->world, &client->lazy_event);
    gf_buf_deinit(&client->out);
    gf_buf_deinit(&client->in);
    while ((link = gf_list_peek_front(&client->waiting)))
        request_answer(client, gf_container(link, struct sim_request, link), NULL);
    while ((link = gf_list_peek_front(&client->sending)))
        request_answer(client, gf_container(link, struct sim_request, link), NULL);
}

void sim_client_slam(struct sim_client *client)
{
    int result;

    if (!client->socket)
        return;
    result =
        client->out.size > 0 ? sim_write(client->socket, client->out.data, client->out.size) : 0;
    if (result > 0) {
        client->written += (uint64_t)result;
        requests_sent(client);
    }
    sim_client_close(client, false);
}

void sim_client_finish(struct sim_client *client)
{
    if (!client->socket || client->finishing)
        return;
    client->finishing = true;
    if (!sim_is_scheduled(&client->write_event))
        sim_schedule(client->world, &client->write_event, sim_delay(client->world));
}

bool sim_client_is_whole(const struct sim_client *client)
{
    return client->socket && sim_is_whole(client->socket);
}

bool sim_client_waits(const struct sim_client *client)
{
    struct gf_link *link = gf_list_peek_front(&client->waiting);
    const struct sim_request *request = link ? gf_container(link, struct sim_request, link) : NULL;

    uint64_t since_ns = client->replied_ns;

    if (!request || request->waits_ns == 0)
        return false;
    if (since_ns < request->sent_ns)
        since_ns = request->sent_ns;
    return client->world->now_ns < since_ns + request->waits_ns + SIM_S;
}

bool sim_client_is_owed(const struct sim_client *client)
{
    return client->socket && !client->deaf && !sim_is_scheduled(&client->lazy_event) &&
           client->requests_count > 0 && !sim_client_waits(client);
}
