/* All rings of one core: post a message to another core, receive what others post.
 *
 * One single-producer single-consumer ring per ordered pair of cores. A message is a struct the
 * home core allocated and still owns; the other core borrows it and posts the same pointer back.
 *
 * Credits: a core has at most `GF_MESH_CREDITS` messages of its own at each peer. gf_mesh_post
 * spends one and can say "full"; gf_mesh_return gives it back and cannot fail, because a ring holds
 * the credits of both directions. Full is back-pressure: the caller stops reading what produces
 * messages.
 *
 * Posts of a turn become visible to the peer in the "rings out" phase, with one wake per sleeping
 * peer and turn.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GF_MESH_CREDITS 4096

struct gf_core;
struct gf_mesh;

/* First member of everything that travels between cores. */
struct gf_message {
    uint16_t home; /* core that allocated it; set by gf_mesh_post */
    uint16_t kind; /* the upper layer's; the mesh does not look at it */
};

/* Called on the receiving core, in the "rings in" phase, with up to 64 messages at a time in the
 * order they were posted by their sender: own messages that came back have home == this core. */
typedef void gf_mesh_receive(struct gf_core *core, struct gf_message **messages, uint32_t count);

/* gf_mesh_can_post - a post to `core` would succeed now. */
bool gf_mesh_can_post(const struct gf_core *core, uint16_t to);

/* gf_mesh_credits - so many posts to `core` would succeed now. */
uint32_t gf_mesh_credits(const struct gf_core *core, uint16_t to);

/* gf_mesh_post - lend a message to core `to` (not this one).
 *
 * Called by  the message's home core.
 * Returns    false when the credits are used up; the caller keeps the message.
 */
bool gf_mesh_post(struct gf_core *core, uint16_t to, struct gf_message *message);

/* gf_mesh_return - give a borrowed message back to message->home (not this core). */
void gf_mesh_return(struct gf_core *core, struct gf_message *message);

/* The rest is the reactor's (core/core.c). */

/* gf_mesh_create - the rings into a core of a node of `count` cores. */
struct gf_mesh *gf_mesh_create(uint16_t count);
void gf_mesh_destroy(struct gf_mesh *mesh);

/* gf_mesh_poll - hand what peers posted to core->receive. Returns how many messages. */
uint32_t gf_mesh_poll(struct gf_core *core);

/* gf_mesh_flush - let peers see the posts of this turn, and wake those that sleep. */
void gf_mesh_flush(struct gf_core *core);

/* gf_mesh_sleep - announce that this core is about to wait. Returns false when it must not: there
 * is something to receive or to flush. */
bool gf_mesh_sleep(struct gf_core *core);

/* gf_mesh_awake - the wait is over; peers need not wake this core. */
void gf_mesh_awake(struct gf_core *core);
