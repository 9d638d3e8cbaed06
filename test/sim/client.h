/* A simulated client: commands out, in pieces of any size; replies in, matched to their commands.
 *
 * A request is answered exactly once: with its reply, or with NULL when the connection ended
 * before. `sent_at` and the time of the answer enclose the moment it took effect, in ticks: a count
 * that rises with everything clients see, so that no two are the same.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/list.h"
#include "sim/network.h"
#include "sim/reply.h"
#include "sim/world.h"

#define SIM_WORDS_MAX 40

/* The words of one command. */
struct sim_command {
    uint32_t count;
    size_t sizes[SIM_WORDS_MAX];
    struct gf_buf bytes; /* of all words, one behind the other */
};

void sim_command_add(struct sim_command *command, struct gf_bytes word);
void sim_command_print(struct sim_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct gf_bytes sim_command_word(const struct sim_command *command, uint32_t index);
void sim_command_deinit(struct sim_command *command);

struct sim_client;
struct sim_track;

/* One command in flight. Embedded in its owner. */
struct sim_request {
    struct gf_link link;
    struct sim_client *client;
    uint64_t end;       /* of its last byte in what the client sends              */
    bool sent;          /* all of it: it may have taken effect                    */
    uint8_t resp;       /* HELLO: the protocol from its answer on; 0 = the same   */
    uint64_t sent_tick; /* before it took effect; valid when sent                 */
    uint64_t sent_ns;
    uint64_t waits_ns;  /* it may go unanswered for so long: it waits for keys; 0 = not   */
    void (*on_sent)(struct sim_request *request); /* or NULL                           */
    /* reply: NULL when the connection ended before; valid during the call             */
    void (*answered)(struct sim_request *request, const struct sim_reply *reply);
};

struct sim_client {
    struct sim_world *world;
    int id;
    uint64_t *ticks;           /* the workload's count; borrowed                         */
    struct sim_socket *socket; /* NULL = not connected                                   */
    struct gf_buf out;         /* not yet written                                        */
    uint64_t queued;           /* bytes ever put into `out`                              */
    uint64_t written;          /* bytes ever taken by the network                        */
    struct gf_buf in;          /* not yet parsed                                         */
    struct gf_list sending;    /* sim_request.link: not wholly written, in order         */
    struct gf_list waiting;    /* sim_request.link: written, not answered, in order      */
    uint32_t requests_count;   /* on both                                                */
    struct sim_event write_event;
    struct sim_event read_event;
    struct sim_event lazy_event; /* scheduled = it does not read                           */
    bool deaf;                   /* whatever comes is thrown away                          */
    uint8_t resp;                /* protocol of the last answer: 2 or 3                    */
    bool finishing;              /* it sends what is queued, then says that it is done ... */
    bool finished;               /* ... and has; it reads on                               */
    bool must_answer;            /* the server does not stop: what was asked is answered   */
    /* A status that answers nothing: what a monitor sees. Or NULL: there must be none.    */
    void (*line)(struct sim_client *client, struct gf_bytes text);
    /* A reply that answers nothing: a message to a subscriber. false: it is none. Or NULL.  */
    bool (*message)(struct sim_client *client, const struct sim_reply *reply);
    struct sim_track *track;     /* of this connection, for monitors; borrowed; or NULL    */
    uint64_t server_id;          /* CLIENT ID of this connection; 0 = not known            */
    uint64_t condemned_tick;     /* CLIENT KILL has been answered; 0 = not                 */
    uint64_t replies;            /* so far                                                 */
    uint64_t replied_ns;         /* the last one                                           */
};

void sim_client_init(struct sim_client *client, struct sim_world *world, int id, uint64_t *ticks);
/* sim_client_deinit - it is not connected. */
void sim_client_deinit(struct sim_client *client);

void sim_client_connect(struct sim_client *client, struct sim_machine *machine, uint16_t port,
                        bool solid);

/* sim_client_send - queue a command; `request` stays until it is answered. */
void sim_client_send(struct sim_client *client, const struct sim_command *command,
                     struct sim_request *request);
/* sim_client_send_raw - any bytes. */
void sim_client_send_raw(struct sim_client *client, struct gf_bytes bytes);

/* sim_client_rest - read nothing for a while. */
void sim_client_rest(struct sim_client *client, uint64_t duration_ns);

/* sim_client_close - hang up now, whatever is outstanding. Not connected is fine. */
void sim_client_close(struct sim_client *client, bool linger);

/* sim_client_slam - write all that is queued, or what there is room for, and reset at once. */
void sim_client_slam(struct sim_client *client);

/* sim_client_finish - send no more than what is queued, and read until the server ends. Everything
 * must have been answered then. */
void sim_client_finish(struct sim_client *client);

/* sim_client_is_whole - connected, and neither end has broken off. */
bool sim_client_is_whole(const struct sim_client *client);

/* sim_client_waits - a request that may wait for keys is the next to be answered, and its time is
 * not over (with a second for everything else). */
bool sim_client_waits(const struct sim_client *client);

/* sim_client_is_owed - it reads, has sent something whole or is not read from, and nothing is under
 * way: in a quiet world that is a lost request. */
bool sim_client_is_owed(const struct sim_client *client);
