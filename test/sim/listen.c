/* Publishers, and stretches of what they published. */
#include "sim/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"

#define MESSAGE_WORDS 4 /* "pmessage", pattern, channel, message */

void sim_publishers_init(struct sim_publishers *publishers, struct sim_world *world)
{
    *publishers = (struct sim_publishers){.world = world};
    gf_list_init(&publishers->list);
}

void sim_publishers_deinit(struct sim_publishers *publishers)
{
    struct gf_link *link;

    while ((link = gf_list_pop_front(&publishers->list)))
        gf_free(GF_MEMORY_OTHER, gf_container(link, struct sim_publisher, link));
}

struct sim_publisher *sim_publisher_add(struct sim_publishers *publishers)
{
    struct sim_publisher *publisher = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*publisher));

    publisher->id = publishers->count++;
    gf_list_push_back(&publishers->list, &publisher->link);
    return publisher;
}

/* One PUBLISH in flight. */
struct publish {
    struct sim_request request;
    struct sim_publishers *publishers;
    struct sim_publisher *publisher;
};

static void publish_answered(struct sim_request *request, const struct sim_reply *reply)
{
    struct publish *publish = gf_container(request, struct publish, request);
    struct sim_publishers *publishers = publish->publishers;

    if (reply) {
        if (reply->kind != SIM_REPLY_INTEGER || reply->integer < 0 ||
            reply->integer > publishers->listeners)
            sim_fail(publishers->world, "PUBLISH: %lld receivers, but %u ever asked",
                     (long long)reply->integer, publishers->listeners);
        publish->publisher->answered++;
    }
    gf_free(GF_MEMORY_OTHER, publish);
}

void sim_publisher_play(struct sim_publishers *publishers, struct sim_publisher *publisher,
                        struct sim_client *client)
{
    struct publish *publish = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*publish));
    struct sim_command command = {0};

    publish->publishers = publishers;
    publish->publisher = publisher;
    publish->request.answered = publish_answered;
    sim_command_print(&command, "PUBLISH");
    sim_command_print(&command, "p:%u", publisher->id);
    sim_command_print(&command, "%u", ++publisher->queued);
    sim_client_send(client, &command, &publish->request);
    sim_command_deinit(&command);
}

/* ---- Listening ---- */

void sim_listener_ask(struct sim_listener *listener, struct sim_publishers *publishers,
                      struct sim_command *command)
{
    *listener = (struct sim_listener){.publishers = publishers};
    publishers->listeners++;
    sim_command_print(command, "PSUBSCRIBE");
    sim_command_print(command, "p:*");
}

static void counts_append(struct gf_buf *counts, uint32_t count)
{
    struct gf_bytes bytes = {.data = (const char *)&count, .size = sizeof(count)};

    GF_ASSERT(gf_buf_append(counts, bytes) == GF_OK);
}

static uint32_t *counts_at(const struct gf_buf *counts, uint32_t id)
{
    if (id >= counts->size / sizeof(uint32_t))
        return NULL;
    return (uint32_t *)(void *)counts->data + id;
}

void sim_listener_begin(struct sim_listener *listener)
{
    const struct gf_list *list = &listener->publishers->list;

    listener->begun = true;
    for (struct gf_link *link = gf_list_peek_front(list); link; link = gf_list_next(list, link))
        counts_append(&listener->queued, gf_container(link, struct sim_publisher, link)->queued);
}

/* Messages of this publisher that were on their way before it began to listen. */
static uint32_t queued_before(const struct sim_listener *listener, uint32_t id)
{
    const uint32_t *queued = counts_at(&listener->queued, id);

    return queued ? *queued : 0;
}

bool sim_listener_take(struct sim_listener *listener, const struct sim_reply *reply)
{
    struct sim_world *world;
    uint32_t id;
    uint32_t number;
    uint32_t *heard;

    if (!listener->publishers || reply->kind != SIM_REPLY_ARRAY ||
        reply->integer != MESSAGE_WORDS ||
        !sim_reply_is(&reply->elements[0], SIM_REPLY_BULK, "pmessage"))
        return false;
    world = listener->publishers->world;
    if (!listener->begun)
        sim_fail(world, "a message came before the subscription was confirmed");
    id = (uint32_t)strtoul(reply->elements[2].text.data + 2, NULL, 10);
    number = (uint32_t)strtoul(reply->elements[3].text.data, NULL, 10);
    while (!counts_at(&listener->heard, id))
        counts_append(&listener->heard, 0);
    heard = counts_at(&listener->heard, id);
    if (*heard != 0 ? number != *heard + 1 : number > queued_before(listener, id) + 1)
        sim_fail(world,
                 "a subscriber heard message %u of publisher %u behind %u (%u were before it)",
                 number, id, *heard, queued_before(listener, id));
    *heard = number;
    return true;
}

void sim_listener_end(struct sim_listener *listener, bool quiet)
{
    struct gf_list *list;

    if (!listener->publishers)
        return;
    list = &listener->publishers->list;
    for (struct gf_link *link = gf_list_peek_front(list); quiet && listener->begun && link;
         link = gf_list_next(list, link)) {
        const struct sim_publisher *publisher = gf_container(link, struct sim_publisher, link);
        const uint32_t *heard = counts_at(&listener->heard, publisher->id);
        uint32_t last = heard && *heard != 0 ? *heard : queued_before(listener, publisher->id);

        if (last < publisher->answered)
            sim_fail(listener->publishers->world,
                     "a subscriber heard up to message %u of publisher %u, of %u answered", last,
                     publisher->id, publisher->answered);
    }
    gf_buf_deinit(&listener->queued);
    gf_buf_deinit(&listener->heard);
    *listener = (struct sim_listener){0};
}
