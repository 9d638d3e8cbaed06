/* All rings of one core.
 *
 * A mesh owns the rings *into* its core, one per peer; a post writes into the peer's mesh. So what
 * a core polls lies together, and a node's memory for rings is made where it is read.
 *
 * Sleeping without losing a wake-up. Each mesh has a flag `sleeping`. The sleeper and the poster
 * do, all four steps sequentially consistent:
 *
 *      sleeper                              poster
 *      S1  sleeping = true                  P1  publish head
 *      S2  look at every head               P2  look at sleeping
 *
 * In the one order of these steps either S1 comes before P2, and the poster sees the flag and
 * wakes; or P2 comes before S1, then P1 comes before S2, and the sleeper sees the message and does
 * not sleep. Both may happen: then a wake is spent in vain, which is harmless. The poster takes the
 * flag back with an exchange, so of several posters one wakes. A wake that is on its way when the
 * sleeper enters the kernel is kept there (a completion, or an eventfd's count).
 */
#include "core/mesh.h"

#include <stdatomic.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "core/ring.h"

#define BATCH_MAX 64
#define RING_CAPACITY (2 * GF_MESH_CREDITS) /* own messages of both directions: never full */

_Static_assert((RING_CAPACITY & (RING_CAPACITY - 1)) == 0, "a ring's capacity");

/* What a core knows of one peer. */
struct mesh_peer {
    struct gf_ring in; /* peer pushes, this core pops */
    uint32_t credits;  /* own messages that may still be posted to the peer; this core's */
    bool dirty;        /* something was pushed to the peer's ring since the last flush */
};

struct gf_mesh {
    _Alignas(GF_CACHE_LINE) _Atomic bool sleeping; /* this core sets it, posters take it back */

    _Alignas(GF_CACHE_LINE) uint16_t count; /* cores of the node */
    uint16_t dirty_count;                   /* peers in `dirty` */
    uint16_t dirty[GF_CORES_MAX];           /* peers that were posted to since the last flush */
    struct mesh_peer peers[];               /* `count`; the core's own is unused */
};

struct gf_mesh *gf_mesh_create(uint16_t count)
{
    size_t size = sizeof(struct gf_mesh) + count * sizeof(struct mesh_peer);
    struct gf_mesh *mesh = gf_alloc_aligned(GF_MEMORY_OTHER, size, GF_CACHE_LINE);

    GF_ASSERT(count > 0);
    GF_ASSERT(count <= GF_CORES_MAX);
    memset(mesh, 0, size);
    mesh->count = count;
    for (uint16_t i = 0; count > 1 && i < count; i++) {
        gf_ring_init(&mesh->peers[i].in, RING_CAPACITY);
        mesh->peers[i].credits = GF_MESH_CREDITS;
    }
    return mesh;
}

void gf_mesh_destroy(struct gf_mesh *mesh)
{
    if (!mesh)
        return;
    for (uint16_t i = 0; i < mesh->count; i++)
        gf_ring_deinit(&mesh->peers[i].in);
    gf_free(GF_MEMORY_OTHER, mesh);
}

uint32_t gf_mesh_credits(const struct gf_core *core, uint16_t to)
{
    GF_ASSERT(to < core->count);
    GF_ASSERT(to != core->id);
    return core->mesh->peers[to].credits;
}

bool gf_mesh_can_post(const struct gf_core *core, uint16_t to)
{
    return gf_mesh_credits(core, to) > 0;
}

static void mesh_push(struct gf_core *core, uint16_t to, struct gf_message *message)
{
    struct gf_mesh *mesh = core->mesh;
    bool pushed = gf_ring_push(&core->peers[to]->mesh->peers[core->id].in, message);

    GF_ASSERT(pushed); /* the ring holds the credits of both directions */
    if (mesh->peers[to].dirty)
        return;
    mesh->peers[to].dirty = true;
    mesh->dirty[mesh->dirty_count++] = to;
}

bool gf_mesh_post(struct gf_core *core, uint16_t to, struct gf_message *message)
{
    gf_core_assert_here(core->id);
    if (!gf_mesh_can_post(core, to))
        return false;
    core->mesh->peers[to].credits--;
    message->home = core->id;
    mesh_push(core, to, message);
    return true;
}

void gf_mesh_return(struct gf_core *core, struct gf_message *message)
{
    gf_core_assert_here(core->id);
    GF_ASSERT(message->home < core->count);
    GF_ASSERT(message->home != core->id);
    mesh_push(core, message->home, message);
}

/* One batch from a peer; the messages' own cache lines come from the other core, so they are asked
 * for before they are needed. */
static void mesh_deliver(struct gf_core *core, struct mesh_peer *peer, void **batch, uint32_t count)
{
    struct gf_message **messages = (struct gf_message **)batch;

    for (uint32_t i = 0; i < count; i++)
        __builtin_prefetch(messages[i]);
    for (uint32_t i = 0; i < count; i++)
        peer->credits += messages[i]->home == core->id;
    GF_ASSERT(peer->credits <= GF_MESH_CREDITS);
    core->receive(core, messages, count);
}

static uint32_t mesh_poll_peer(struct gf_core *core, struct mesh_peer *peer)
{
    uint32_t waiting = gf_ring_waiting(&peer->in);
    uint32_t done = 0;

    if (waiting == 0)
        return 0;
    /* Bounded by what was there when the phase began: a busy peer cannot hold this core here. */
    while (done < waiting) {
        void *batch[BATCH_MAX];
        uint32_t left = waiting - done;
        uint32_t count = gf_ring_pop(&peer->in, batch, left < BATCH_MAX ? left : BATCH_MAX);

        mesh_deliver(core, peer, batch, count);
        done += count;
    }
    gf_ring_release(&peer->in);
    return done;
}

uint32_t gf_mesh_poll(struct gf_core *core)
{
    struct gf_mesh *mesh = core->mesh;
    uint32_t count = 0;

    if (mesh->count == 1)
        return 0;
    for (uint16_t i = 0; i < mesh->count; i++)
        if (i != core->id)
            count += mesh_poll_peer(core, &mesh->peers[i]);
    return count;
}

void gf_mesh_flush(struct gf_core *core)
{
    struct gf_mesh *mesh = core->mesh;

    for (uint16_t i = 0; i < mesh->dirty_count; i++) {
        struct gf_core *peer = core->peers[mesh->dirty[i]];

        mesh->peers[peer->id].dirty = false;
        gf_ring_publish(&peer->mesh->peers[core->id].in); /* P1 */
        if (atomic_load(&peer->mesh->sleeping) &&         /* P2 */
            atomic_exchange(&peer->mesh->sleeping, false))
            core->driver->ops->wake(core->driver, peer->driver);
    }
    mesh->dirty_count = 0;
}

bool gf_mesh_sleep(struct gf_core *core)
{
    struct gf_mesh *mesh = core->mesh;

    if (mesh->dirty_count > 0)
        return false;
    if (mesh->count == 1)
        return true;
    atomic_store(&mesh->sleeping, true); /* S1 */
    for (uint16_t i = 0; i < mesh->count; i++) {
        if (i != core->id && gf_ring_waiting(&mesh->peers[i].in) > 0) { /* S2 */
            gf_mesh_awake(core);
            return false;
        }
    }
    return true;
}

void gf_mesh_awake(struct gf_core *core)
{
    /* Relaxed: a poster that still sees `true` only spends a wake in vain. */
    atomic_store_explicit(&core->mesh->sleeping, false, memory_order_relaxed);
}
