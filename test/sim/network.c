/* Streams of bytes that arrive later. */
#include "sim/network.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"

#define CLIENT_PORT_FIRST 1024 /* no two connections of a run have the same */

enum arrival_kind { ARRIVAL_BYTES, ARRIVAL_END, ARRIVAL_RESET, ARRIVAL_CONNECTED };

/* Both ends, and what is under way between them. Freed when both ends are closed and nothing is. */
struct sim_connection {
    struct sim_socket ends[2];
    uint32_t under_way;
    bool broken; /* an end or a reset is under way or has come */
};

/* Something on its way to one end. */
struct arrival {
    struct sim_event event;
    struct sim_socket *to;
    enum arrival_kind kind;
    size_t size;
};

static struct sim_socket *socket_peer(const struct sim_socket *socket)
{
    return &socket->connection->ends[1 - socket->side];
}

static void connection_free_if_over(struct sim_connection *connection)
{
    if (connection->under_way > 0 || !connection->ends[0].closed || !connection->ends[1].closed)
        return;
    gf_buf_deinit(&connection->ends[0].in.bytes);
    gf_buf_deinit(&connection->ends[1].in.bytes);
    gf_free(GF_MEMORY_OTHER, connection);
}

static void arrival_fire(struct sim_event *event);

static void arrival_send(struct sim_socket *to, enum arrival_kind kind, size_t size)
{
    struct sim_world *world = to->world;
    struct arrival *arrival = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*arrival));
    uint64_t at_ns = world->now_ns + sim_delay(world);

    if (kind == ARRIVAL_END || kind == ARRIVAL_RESET)
        to->connection->broken = true;
    arrival->event.fire = arrival_fire;
    arrival->to = to;
    arrival->kind = kind;
    arrival->size = size;
    if (at_ns < to->in.last_ns)
        at_ns = to->in.last_ns;
    to->in.last_ns = at_ns;
    to->connection->under_way++;
    sim_schedule(world, &arrival->event, at_ns - world->now_ns);
}

static void socket_reset(struct sim_socket *socket)
{
    socket->in.broken = true;
    socket->in.arrived = 0;
    gf_buf_deinit(&socket->in.bytes);
}

static void socket_end(struct sim_socket *socket)
{
    socket->in.ended = true;
    if (socket->world->plant == SIM_PLANT_SHORT_ENDS && socket->side == 1) {
        socket->in.arrived = 0;
        gf_buf_deinit(&socket->in.bytes);
    }
}

/* The server's end of a new connection comes to a machine: to one of those who listen. */
static void connected_arrive(struct sim_socket *socket)
{
    struct sim_machine *machine = socket->machine;
    struct sim_socket *listeners[SIM_HANDLES_MAX];
    uint32_t count = 0;

    for (int i = 0; i < SIM_HANDLES_MAX; i++) {
        struct sim_socket *listener = machine->handles[i];

        if (listener && !listener->connection && !listener->closed &&
            listener->port == socket->port)
            listeners[count++] = listener;
    }
    if (count == 0) {
        socket->closed = true;
        arrival_send(socket_peer(socket), ARRIVAL_RESET, 0);
        return;
    }
    struct sim_socket *listener = listeners[sim_below(machine->world, count)];

    gf_list_push_back(&listener->backlog, &socket->link);
    if (listener->readable)
        listener->readable(listener);
}

static void arrival_fire(struct sim_event *event)
{
    struct arrival *arrival = gf_container(event, struct arrival, event);
    struct sim_socket *to = arrival->to;
    struct sim_connection *connection = to->connection;
    enum arrival_kind kind = arrival->kind;
    size_t size = arrival->size;

    gf_free(GF_MEMORY_OTHER, arrival);
    connection->under_way--;
    sim_note(to->world, "arrives", (int64_t)kind, (int64_t)size);
    if (to->closed) {
        /* Bytes for an end that is gone: the sender is told, as by a system. */
        if (kind == ARRIVAL_BYTES && !socket_peer(to)->closed && !socket_peer(to)->in.broken)
            arrival_send(socket_peer(to), ARRIVAL_RESET, 0);
    } else if (kind == ARRIVAL_CONNECTED) {
        connected_arrive(to);
    } else if (!to->in.broken) {
        if (kind == ARRIVAL_BYTES)
            to->in.arrived += size;
        else if (kind == ARRIVAL_END)
            socket_end(to);
        else
            socket_reset(to);
        if (to->readable)
            to->readable(to);
        if (kind == ARRIVAL_RESET && to->writable)
            to->writable(to);
    }
    connection_free_if_over(connection);
}

int sim_write(struct sim_socket *socket, const char *data, size_t size)
{
    struct sim_world *world = socket->world;
    struct sim_socket *peer = socket_peer(socket);
    size_t room;

    SIM_CHECK(world, !socket->closed);
    if (socket->in.broken)
        return GF_EIO;
    if (!socket->solid && !peer->solid && sim_one_in(world, world->climate.reset_one_in)) {
        sim_note(world, "breaks", socket->handle, peer->handle);
        arrival_send(peer, ARRIVAL_RESET, 0);
        arrival_send(socket, ARRIVAL_RESET, 0);
    }
    if (peer->closed || peer->in.broken) {
        /* Nobody will read it; the reset is under way. */
        arrival_send(peer, ARRIVAL_BYTES, 0);
        return (int)size;
    }
    room = peer->in.window - peer->in.bytes.size;
    if (room < size)
        size = room;
    if (size == 0)
        return 0;
    GF_ASSERT(gf_buf_append(&peer->in.bytes, (struct gf_bytes){.data = data, .size = size}) ==
              GF_OK);
    arrival_send(peer, ARRIVAL_BYTES, size);
    return (int)size;
}

int sim_read(struct sim_socket *socket, char *data, size_t size)
{
    bool was_full = socket->in.bytes.size == socket->in.window;
    struct sim_socket *peer = socket_peer(socket);

    SIM_CHECK(socket->world, !socket->closed);
    if (socket->in.broken)
        return GF_EIO;
    if (size > socket->in.arrived)
        size = socket->in.arrived;
    if (size == 0)
        return 0;
    memcpy(data, socket->in.bytes.data, size);
    gf_buf_consume(&socket->in.bytes, size);
    socket->in.arrived -= size;
    if (was_full && !peer->closed && peer->writable)
        peer->writable(peer);
    return (int)size;
}

static void listener_close(struct sim_socket *socket)
{
    struct gf_link *link;

    while ((link = gf_list_pop_front(&socket->backlog)))
        sim_close(gf_container(link, struct sim_socket, link), false);
}

void sim_end(struct sim_socket *socket)
{
    SIM_CHECK(socket->world, !socket->closed);
    if (!socket_peer(socket)->closed)
        arrival_send(socket_peer(socket), ARRIVAL_END, 0);
}

bool sim_is_whole(const struct sim_socket *socket)
{
    const struct sim_connection *connection = socket->connection;

    return !connection->broken && !connection->ends[0].closed && !connection->ends[1].closed;
}

void sim_close(struct sim_socket *socket, bool linger)
{
    struct sim_machine *machine = socket->machine;

    SIM_CHECK(socket->world, !socket->closed);
    socket->closed = true;
    socket->readable = NULL;
    socket->writable = NULL;
    if (machine && socket->handle >= 0) {
        machine->handles[socket->handle] = NULL;
        machine->open_count--;
    }
    if (!socket->connection) {
        listener_close(socket);
        gf_free(GF_MEMORY_OTHER, socket);
        return;
    }
    /* A client that leaves what it was sent resets, as a system does; servers drain first. */
    if (!machine && socket->in.bytes.size > 0)
        linger = false;
    gf_buf_deinit(&socket->in.bytes);
    if (!socket_peer(socket)->closed)
        arrival_send(socket_peer(socket), linger ? ARRIVAL_END : ARRIVAL_RESET, 0);
    connection_free_if_over(socket->connection);
}

int sim_handle_open(struct sim_machine *machine, struct sim_socket *socket)
{
    for (int i = 0; i < SIM_HANDLES_MAX; i++) {
        if (machine->handles[i])
            continue;
        machine->handles[i] = socket;
        machine->open_count++;
        socket->handle = i;
        return i;
    }
    return GF_EMFILE;
}

struct sim_socket *sim_handle_find(struct sim_machine *machine, int handle)
{
    SIM_CHECK(machine->world, handle >= 0);
    SIM_CHECK(machine->world, handle < SIM_HANDLES_MAX);
    SIM_CHECK(machine->world, machine->handles[handle] != NULL);
    return machine->handles[handle];
}

int sim_listen(struct sim_machine *machine, uint16_t port, bool shared)
{
    struct sim_socket *socket;
    int handle;

    for (int i = 0; i < SIM_HANDLES_MAX; i++) {
        socket = machine->handles[i];
        if (socket && !socket->connection && socket->port == port && !(shared && socket->shared))
            return GF_EADDRINUSE;
    }
    socket = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*socket));
    *socket = (struct sim_socket){
        .world = machine->world, .machine = machine, .port = port, .shared = shared};
    gf_list_init(&socket->backlog);
    snprintf(socket->local.text, sizeof(socket->local.text), "10.0.0.%u:%u", machine->id, port);
    handle = sim_handle_open(machine, socket);
    if (handle < 0)
        gf_free(GF_MEMORY_OTHER, socket);
    return handle;
}

struct sim_socket *sim_connect(struct sim_world *world, struct sim_machine *from,
                               struct sim_machine *to, uint16_t port)
{
    struct sim_connection *connection = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*connection));
    unsigned client_port = CLIENT_PORT_FIRST + world->connections++;

    for (int side = 0; side < 2; side++) {
        struct sim_socket *end = &connection->ends[side];

        *end = (struct sim_socket){.world = world,
                                   .connection = connection,
                                   .side = side,
                                   .handle = -1,
                                   .machine = side == 0 ? from : to};
        end->in.window = 32 + sim_size(world, world->climate.window_max);
        snprintf(side ? end->peer.text : end->local.text, sizeof(end->local.text), "10.0.0.%u:%u",
                 from ? from->id : 200, client_port);
        snprintf(side ? end->local.text : end->peer.text, sizeof(end->local.text), "10.0.0.%u:%u",
                 to->id, port);
    }
    connection->ends[1].port = port;
    arrival_send(&connection->ends[1], ARRIVAL_CONNECTED, 0);
    return &connection->ends[0];
}

void sim_machine_init(struct sim_machine *machine, struct sim_world *world, uint32_t id)
{
    *machine = (struct sim_machine){.world = world, .id = id};
}

void sim_machine_deinit(struct sim_machine *machine)
{
    SIM_CHECK(machine->world, machine->open_count == 0);
    for (uint32_t i = 0; i < machine->files_count; i++) {
        gf_free(GF_MEMORY_OTHER, machine->files[i].path);
        gf_free(GF_MEMORY_OTHER, machine->files[i].data);
    }
    machine->files_count = 0;
}
