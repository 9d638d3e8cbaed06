/* What subscribers hear of what publishers publish.
 *
 * A publisher is a connection that publishes 1, 2, 3, ... to a channel of its own. A listener is
 * subscribed to all of them by a pattern. Of each publisher it must have heard a stretch: in order,
 * without a hole and nothing twice, from the first message at the latest that was queued after the
 * subscription was confirmed, and, when all is quiet at the end, up to the last that was answered.
 * And no PUBLISH may be answered with fewer receivers than heard it, or more than there can be.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/list.h"
#include "sim/client.h"
#include "sim/world.h"

/* One connection that publishes; kept to the end of the run. */
struct sim_publisher {
    struct gf_link link;
    uint32_t id;       /* 0, 1, 2, ...: names its channel       */
    uint32_t queued;   /* messages so far                       */
    uint32_t answered; /* and not because the connection ended  */
};

struct sim_publishers {
    struct sim_world *world;
    struct gf_list list; /* sim_publisher.link, in the order of their ids; owned */
    uint32_t count;
    uint32_t listeners; /* that have asked to be subscribed, ever               */
};

/* One subscriber, from PSUBSCRIBE to its end. */
struct sim_listener {
    struct sim_publishers *publishers; /* NULL = does not listen                          */
    bool begun;                        /* PSUBSCRIBE was answered                         */
    struct gf_buf queued; /* uint32_t of each publisher when PSUBSCRIBE was answered      */
    struct gf_buf heard;  /* uint32_t of each publisher: its last message; 0 = none so far */
};

void sim_publishers_init(struct sim_publishers *publishers, struct sim_world *world);
void sim_publishers_deinit(struct sim_publishers *publishers);

/* sim_publisher_add - of a connection that has just been made. sim_publisher_play - its next
 * message. */
struct sim_publisher *sim_publisher_add(struct sim_publishers *publishers);
void sim_publisher_play(struct sim_publishers *publishers, struct sim_publisher *publisher,
                        struct sim_client *client);

/* sim_listener_ask - PSUBSCRIBE is sent; sim_listener_begin - it has been answered. */
void sim_listener_ask(struct sim_listener *listener, struct sim_publishers *publishers,
                      struct sim_command *command);
void sim_listener_begin(struct sim_listener *listener);

/* sim_listener_take - a reply that is a message; false: it is none. */
bool sim_listener_take(struct sim_listener *listener, const struct sim_reply *reply);

/* sim_listener_end - checks what it heard. quiet: nothing more would have come. Not listening is
 * fine. */
void sim_listener_end(struct sim_listener *listener, bool quiet);
