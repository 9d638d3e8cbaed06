/* A node turned by hand. See node_fixture.h. */
#include "support/node_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/error.h"

#define TURNS_MAX 2000 /* rounds until a test gives up waiting */

static const struct gf_driver_options driver_options = {
    .recv_buffer_size = 16384, .recv_buffer_count = 16, .queue_size = 64, .backlog = 16};

void node_start(struct node *node, uint16_t cores, void (*configure)(struct gf_settings *settings))
{
    struct gf_settings settings;
    char why[512] = "";
    char *bind;

    cr_assert_eq(gf_driver_epoll_create(&driver_options, &node->driver), GF_OK);
    gf_settings_init(&settings);
    settings.cores = cores;
    settings.partitions = 16;
    if (configure)
        configure(&settings);
    bind = settings.bind;
    settings.bind = ""; /* nothing listens, so no port is tried */
    cr_assert_eq(gf_server_init(&node->server, &settings, node->driver, why, sizeof(why)), GF_OK,
                 "%s", why);
    settings.bind = bind;
    gf_settings_deinit(&settings);
    for (uint16_t id = 0; id < cores; id++) {
        struct gf_core *core = &node->server.cores[id];

        gf_core_enter(core);
        cr_assert_eq(gf_driver_epoll_create(&driver_options, &core->driver), GF_OK);
        core->now_ns = core->driver->ops->now_ns(core->driver);
        core->wall_us = core->driver->ops->wall_us(core->driver);
        cr_assert_eq(gf_worker_init(node_worker(node, id), core, &node->server), GF_OK);
    }
}

struct gf_worker *node_enter(struct node *node, uint16_t core)
{
    gf_core_enter(&node->server.cores[core]);
    return node_worker(node, core);
}

static void worker_check(struct gf_worker *worker)
{
    gf_locks_check(&worker->locks);
    gf_pubsub_check(worker);
    gf_events_check(&worker->events);
    gf_waiters_check(worker);
    for (struct gf_link *link = gf_list_peek_front(&worker->conns); link;
         link = gf_list_next(&worker->conns, link))
        gf_conn_check(gf_container(link, struct gf_conn, link));
}

void node_turn(struct node *node, uint16_t core)
{
    struct gf_worker *worker = node_enter(node, core);

    gf_core_turn(&node->server.cores[core], false);
    worker_check(worker);
}

void node_turn_all(struct node *node, uint32_t rounds)
{
    for (uint32_t i = 0; i < rounds; i++) {
        for (uint16_t core = 0; core < node->server.cores_count; core++)
            node_turn(node, core);
    }
}

static bool node_is_empty(const struct node *node)
{
    for (uint16_t core = 0; core < node->server.cores_count; core++) {
        const struct gf_worker *worker = &node->server.workers[core];

        if (!gf_listeners_stopped(worker) || !gf_shutdown_is_quiet(worker))
            return false;
    }
    return true;
}

void node_end(struct node *node)
{
    for (uint32_t i = 0; i < TURNS_MAX && !node_is_empty(node); i++) {
        for (uint16_t core = 0; core < node->server.cores_count; core++) {
            struct gf_worker *worker = node_enter(node, core);

            gf_listeners_stop(worker);
            for (struct gf_link *link = gf_list_peek_front(&worker->conns); link;
                 link = gf_list_next(&worker->conns, link))
                gf_conn_close(gf_container(link, struct gf_conn, link), false);
        }
        node_turn_all(node, 1);
    }
    cr_assert(node_is_empty(node), "something is left at the end");
    for (uint16_t core = 0; core < node->server.cores_count; core++) {
        cr_assert(gf_locks_idle(&node_enter(node, core)->locks));
        gf_worker_deinit(&node->server.workers[core]);
    }
    gf_core_enter(NULL);
    gf_server_deinit(&node->server);
    node->driver->ops->destroy(node->driver);
}

void node_key(const struct node *node, uint16_t core, uint32_t index, char key[16])
{
    const struct gf_router *router = &node->server.router;

    for (unsigned number = 0;; number++) {
        snprintf(key, 16, "k%u", number);
        if (router->owners[gf_router_partition(router, gf_bytes_of(key))] == core && index-- == 0)
            return;
    }
}

void node_client_open(struct node_client *client, struct node *node, uint16_t core)
{
    struct gf_worker *worker = node_enter(node, core);
    struct gf_session session = {.resp = 2, .authenticated = true};
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    session.id = atomic_fetch_add(&node->server.next_client, 1) + 1;
    session.created_ms = gf_conn_turn_ms(worker);
    session.active_ms = session.created_ms;
    *client = (struct node_client){.node = node, .fd = fds[1]};
    client->in = calloc(1, NODE_CLIENT_IN);
    client->conn = gf_conn_open(worker, fds[0], &session);
}

void node_client_close(struct node_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    free(client->in);
    client->in = NULL;
}

void node_client_send(struct node_client *client, const char *text)
{
    size_t size = strlen(text);

    cr_assert_eq(send(client->fd, text, size, MSG_NOSIGNAL), (ssize_t)size);
}

void node_client_format(struct node_client *client, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    cr_assert_lt((size_t)size, sizeof(text));
    node_client_send(client, text);
}

void node_client_send_gets(struct node_client *client, const char *key, uint32_t count)
{
    char *text = malloc(count * 32);
    size_t size = 0;

    for (uint32_t i = 0; i < count; i++)
        size += (size_t)sprintf(text + size, "GET %s\r\n", key);
    node_client_send(client, text);
    free(text);
}

void node_client_read(struct node_client *client)
{
    ssize_t size = 1;

    while (size > 0 && client->in_size < NODE_CLIENT_IN - 1) {
        size =
            recv(client->fd, client->in + client->in_size, NODE_CLIENT_IN - 1 - client->in_size, 0);
        if (size > 0)
            client->in_size += (size_t)size;
    }
    if (size == 0 || (size < 0 && errno != EAGAIN))
        client->ended = true;
    client->in[client->in_size] = '\0';
}

void node_client_expect(struct node_client *client, const char *answer)
{
    size_t size = strlen(answer);

    node_client_read(client);
    for (uint32_t i = 0; i < TURNS_MAX && client->in_size < size && !client->ended; i++) {
        node_turn_all(client->node, 1);
        node_client_read(client);
    }
    cr_assert(client->in_size >= size && memcmp(client->in, answer, size) == 0,
              "expected %.200s, got %.200s", answer, client->in);
    client->in_size -= size;
    memmove(client->in, client->in + size, client->in_size + 1);
}

void node_client_expect_times(struct node_client *client, const char *answer, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        node_client_expect(client, answer);
}

void node_client_expect_end(struct node_client *client)
{
    for (uint32_t i = 0; i < TURNS_MAX && !client->ended; i++) {
        node_turn_all(client->node, 1);
        node_client_read(client);
    }
    cr_assert(client->ended, "the server has not closed");
}
