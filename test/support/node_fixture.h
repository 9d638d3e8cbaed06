/* A node inside a test: its cores are turned by hand on one thread, its clients are socket pairs.
 *
 * Every interleaving of cores is the test's choice: what core 1 has not been turned for, it has not
 * seen. Drivers are the epoll ones; nothing listens.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shards/conn.h"
#include "shards/server.h"
#include "shards/worker.h"

#define NODE_CLIENT_IN (1024 * 1024) /* bytes of answers a client keeps */

struct node {
    struct gf_server server;
    struct gf_driver *driver; /* the "main thread's"; owned */
};

/* One client of one core. */
struct node_client {
    struct node *node;
    struct gf_conn *conn; /* the server's side; valid while the server has it */
    int fd;               /* the client's side; -1 once closed */
    bool ended;           /* the server closed */
    char *in;             /* what was answered and not taken yet; zero-terminated; owned */
    size_t in_size;
};

/* node_start - `configure` may change the defaults (NULL: 16 partitions, nothing else). */
void node_start(struct node *node, uint16_t cores, void (*configure)(struct gf_settings *settings));
/* node_end - closes what is open, turns until it is gone, checks that nothing is left. */
void node_end(struct node *node);

static inline struct gf_worker *node_worker(struct node *node, uint16_t core)
{
    return &node->server.workers[core];
}

/* node_turn - one turn of one core. node_turn_all - of every core, `rounds` times, checking every
 * structure after each. node_enter - calls on `core` follow, outside of its turn. */
void node_turn(struct node *node, uint16_t core);
void node_turn_all(struct node *node, uint32_t rounds);
struct gf_worker *node_enter(struct node *node, uint16_t core);

/* node_key - the index-th key of `core`: "k<number>". */
void node_key(const struct node *node, uint16_t core, uint32_t index, char key[16]);

void node_client_open(struct node_client *client, struct node *node, uint16_t core);
void node_client_close(struct node_client *client);
/* node_client_send - all of it, or the test fails. The server sees it when its core turns. */
void node_client_send(struct node_client *client, const char *text);
/* node_client_format - the same, made by printf. */
void node_client_format(struct node_client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* node_client_send_gets - GET key, `count` times, in one piece. */
void node_client_send_gets(struct node_client *client, const char *key, uint32_t count);
/* node_client_read - takes over what has been answered so far; sets `ended`. */
void node_client_read(struct node_client *client);
/* node_client_expect - turns all cores until that many bytes are there (or many turns have passed),
 * and compares; what was compared is taken. */
void node_client_expect(struct node_client *client, const char *answer);
/* node_client_expect_times - the same answer, `count` times. */
void node_client_expect_times(struct node_client *client, const char *answer, uint32_t count);
/* node_client_expect_end - turns until the server has closed. */
void node_client_expect_end(struct node_client *client);
