/* Operations over the simulated network.
 *
 * What is in flight on a handle is kept in a `port`, the socket's user. Happy path: readable or
 * writable on the socket schedules an event; when it fires, the operation joins `ready` and the
 * core is woken; the next run delivers what is ready, in any order.
 *
 * On close: reader and writer in flight end first, each with a done of its own; then the close
 * joins `ready`, and the handle is gone when its done runs.
 */
#include "sim/driver_sim.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "core/hash.h"
#include "sim/clock.h"

#define SEND_DONE_DELAY_NS (10 * SIM_MS) /* the contract's bound */
#define SEND_DONE_DELAY_SIZE 32768
#define ACCEPT_REST_NS (100 * SIM_MS)

/* gf_op.state; 0 is idle. */
enum op_state {
    OP_ACCEPT = 1,
    OP_RECV,
    OP_SEND,
    OP_CONNECT,
    OP_CLOSE,
    OP_KIND = 15,
    OP_READY = 16,    /* on `ready` */
    OP_LATE = 32,     /* on `late` */
    OP_STOPPING = 64, /* asked to end: its next done may be the last */
};

struct sim_driver {
    struct gf_driver driver;
    struct sim_world *world;
    struct sim_machine *machine;
    struct sim_task *task;
    struct gf_core *core;        /* that entered first; everything else must be on it too */
    struct gf_list ready;        /* gf_op.link: owed dones                                */
    struct gf_list late;         /* gf_op.link: owed dones that may wait                  */
    struct sim_event wake_event; /* a wake on its way                                     */
    uint32_t in_flight;          /* operations started and not yet done                   */
    bool running;
};

/* What is in flight on one handle. */
struct port {
    struct sim_driver *driver; /* that works on it now; NULL = none          */
    struct sim_socket *socket;
    struct gf_op *reader;
    struct gf_op *writer;
    struct gf_op *closing;
    bool linger;
    struct sim_event reader_event;
    struct sim_event writer_event;
    struct sim_event close_event;
    uint64_t rests_until_ns; /* an accept after GF_EMFILE                  */
    char *copy;              /* of what is being sent; owned               */
    size_t copy_size;
};

static struct sim_driver *driver_of(struct gf_driver *driver)
{
    return (struct sim_driver *)driver;
}

/* Every call from the server: on this core, by the one who owns it. What the simulator allocates is
 * booked to nobody. */
static struct gf_memory_account *driver_enter(struct sim_driver *driver)
{
    SIM_CHECK(driver->world, driver->world->running == driver->task);
    if (!driver->core)
        driver->core = gf_core_here();
    SIM_CHECK(driver->world, gf_core_here() == driver->core);
    return gf_memory_account_use(NULL);
}

static void driver_leave(struct gf_memory_account *account)
{
    gf_memory_account_use(account);
}

static void op_ready(struct sim_driver *driver, struct gf_op *op)
{
    SIM_CHECK(driver->world, op->state != 0);
    if (op->state & OP_READY)
        return;
    if (op->state & OP_LATE) {
        gf_list_remove(&op->link);
        op->state &= ~(uint32_t)OP_LATE;
    }
    op->state |= OP_READY;
    gf_list_push_back(&driver->ready, &op->link);
    if (driver->task)
        sim_task_wake(driver->task);
}

static void op_start(struct sim_driver *driver, struct gf_op *op, enum op_state kind, int handle)
{
    SIM_CHECK(driver->world, op->state == 0);
    SIM_CHECK(driver->world, op->done != NULL);
    SIM_CHECK(driver->world, gf_link_is_free(&op->link));
    op->state = kind;
    op->handle = handle;
    driver->in_flight++;
}

/* Runs a done; what it allocates is the core's. */
static void op_call(struct sim_driver *driver, struct gf_op *op, int result)
{
    gf_memory_account_use(driver->core ? &driver->core->memory : NULL);
    op->done(op, result);
    gf_memory_account_use(NULL);
}

/* The last done of an operation; it may be gone afterwards. */
static void op_done(struct sim_driver *driver, struct gf_op *op, int result)
{
    SIM_CHECK(driver->world, gf_link_is_free(&op->link));
    sim_note(driver->world, "done", op->handle, result);
    op->state = 0;
    driver->in_flight--;
    op_call(driver, op, result);
}

/* ---- Ports ---- */

static void port_reader_fire(struct sim_event *event)
{
    struct port *port = gf_container(event, struct port, reader_event);

    if (port->reader)
        op_ready(port->driver, port->reader);
}

static void port_reader_wake(struct port *port)
{
    struct sim_world *world = port->socket->world;
    uint64_t delay_ns = sim_delay(world);

    if (!port->reader || (port->reader->state & OP_READY) || sim_is_scheduled(&port->reader_event))
        return;
    if (port->rests_until_ns > world->now_ns)
        delay_ns += port->rests_until_ns - world->now_ns;
    sim_schedule(world, &port->reader_event, delay_ns);
}

static void port_readable(struct sim_socket *socket)
{
    port_reader_wake(socket->user);
}

static void port_writer_wake(struct port *port)
{
    if (port->writer && !(port->writer->state & (OP_READY | OP_LATE)) &&
        !sim_is_scheduled(&port->writer_event))
        sim_schedule(port->socket->world, &port->writer_event, sim_delay(port->socket->world));
}

static void port_writable(struct sim_socket *socket)
{
    port_writer_wake(socket->user);
}

static void port_writer_fire(struct sim_event *event);

static void port_close_fire(struct sim_event *event)
{
    struct port *port = gf_container(event, struct port, close_event);

    op_ready(port->driver, port->closing);
}

static struct port *port_create(struct sim_socket *socket)
{
    struct port *port = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*port));

    port->socket = socket;
    port->reader_event.fire = port_reader_fire;
    port->writer_event.fire = port_writer_fire;
    port->close_event.fire = port_close_fire;
    socket->user = port;
    socket->readable = port_readable;
    socket->writable = port_writable;
    return port;
}

/* The port behind a handle, for a new operation of this driver. */
static struct port *port_take(struct sim_driver *driver, int handle)
{
    struct port *port = sim_handle_find(driver->machine, handle)->user;

    SIM_CHECK(driver->world, !port->closing);
    /* One core at a time. */
    SIM_CHECK(driver->world, !(port->reader || port->writer) || port->driver == driver);
    port->driver = driver;
    return port;
}

/* ---- Accept and receive ---- */

static int sim_driver_listen(struct gf_driver *base, const char *host, uint16_t port, bool shared)
{
    struct sim_driver *driver = driver_of(base);
    struct gf_memory_account *account = driver_enter(driver);
    /* Every address is this machine's, if it is one of IPv4. */
    int handle = strchr(host, ':') ? GF_EINVAL : sim_listen(driver->machine, port, shared);

    if (handle >= 0)
        port_create(sim_handle_find(driver->machine, handle));
    sim_note(driver->world, "listen", port, handle);
    driver_leave(account);
    return handle;
}

static void reader_start(struct sim_driver *driver, int handle, struct gf_op *op,
                         enum op_state kind)
{
    struct gf_memory_account *account = driver_enter(driver);
    struct port *port = port_take(driver, handle);

    SIM_CHECK(driver->world, port->reader == NULL);
    op_start(driver, op, kind, handle);
    port->reader = op;
    port_reader_wake(port);
    driver_leave(account);
}

static void sim_driver_accept_start(struct gf_driver *base, int handle, struct gf_accept_op *op)
{
    reader_start(driver_of(base), handle, &op->op, OP_ACCEPT);
}

static void sim_driver_recv_start(struct gf_driver *base, int handle, struct gf_recv_op *op)
{
    reader_start(driver_of(base), handle, &op->op, OP_RECV);
}

static void sim_driver_recv_stop(struct gf_driver *base, struct gf_recv_op *op)
{
    struct sim_driver *driver = driver_of(base);
    struct gf_memory_account *account = driver_enter(driver);

    if (op->op.state != 0 && !(op->op.state & OP_STOPPING)) {
        struct port *port = sim_handle_find(driver->machine, op->op.handle)->user;

        SIM_CHECK(driver->world, port->reader == &op->op);
        op->op.state |= OP_STOPPING;
        port_reader_wake(port);
    }
    driver_leave(account);
}

static void reader_end(struct sim_driver *driver, struct port *port, int result)
{
    struct gf_op *op = port->reader;

    port->reader = NULL;
    sim_cancel(driver->world, &port->reader_event);
    if (port->closing && !port->writer)
        sim_schedule(driver->world, &port->close_event, sim_delay(driver->world));
    op_done(driver, op, result);
}

static void accept_deliver(struct sim_driver *driver, struct port *port)
{
    struct gf_op *op = port->reader;
    struct gf_link *link;

    if (op->state & OP_STOPPING) {
        reader_end(driver, port, GF_ECANCELED);
        return;
    }
    if (gf_list_empty(&port->socket->backlog))
        return;
    if (sim_one_in(driver->world, 100)) {
        port->rests_until_ns = driver->world->now_ns + ACCEPT_REST_NS;
        op_call(driver, op, GF_EMFILE);
    } else {
        struct sim_socket *socket;

        link = gf_list_pop_front(&port->socket->backlog);
        socket = gf_container(link, struct sim_socket, link);
        port_create(socket);
        sim_note(driver->world, "accept", op->handle, sim_handle_open(driver->machine, socket));
        op_call(driver, op, socket->handle);
    }
    if (port->reader == op)
        port_reader_wake(port);
}

/* Hands over one piece in a block that is gone when done has returned. */
static void recv_piece(struct sim_driver *driver, struct port *port)
{
    struct gf_recv_op *op = gf_container(port->reader, struct gf_recv_op, op);
    size_t size = sim_size(driver->world, driver->world->climate.piece_max);
    char *block;

    if (size > port->socket->in.arrived)
        size = port->socket->in.arrived;
    block = gf_alloc(GF_MEMORY_OTHER, size);
    GF_ASSERT(sim_read(port->socket, block, size) == (int)size);
    op->data = block;
    sim_note(driver->world, "recv", op->op.handle, (int64_t)size);
    op_call(driver, &op->op, (int)size);
    memset(block, 0xdd, size);
    gf_free(GF_MEMORY_OTHER, block);
}

static void recv_deliver(struct sim_driver *driver, struct port *port)
{
    struct sim_socket *socket = port->socket;
    struct gf_op *op = port->reader;
    bool stopping = op->state & OP_STOPPING;

    /* What had arrived before the stop comes first, or not. */
    if (stopping && sim_one_in(driver->world, 2)) {
        reader_end(driver, port, GF_ECANCELED);
        return;
    }
    if (socket->in.broken) {
        reader_end(driver, port, GF_EIO);
    } else if (socket->in.arrived > 0) {
        recv_piece(driver, port);
        if (port->reader == op &&
            (socket->in.arrived > 0 || socket->in.ended || (op->state & OP_STOPPING)))
            port_reader_wake(port);
    } else if (sim_at_end(socket)) {
        reader_end(driver, port, 0);
    } else if (stopping) {
        reader_end(driver, port, GF_ECANCELED);
    }
}

/* ---- Send and connect ---- */

static void send_copy(struct sim_driver *driver, struct port *port, struct gf_send_op *op)
{
    size_t size = 0;

    for (uint32_t i = 0; i < op->parts_count; i++) {
        SIM_CHECK(driver->world, op->parts[i].size > 0);
        size += op->parts[i].size;
    }
    port->copy_size = size;
    port->copy = gf_alloc(GF_MEMORY_OTHER, size);
    for (uint32_t i = 0, at = 0; i < op->parts_count; at += op->parts[i++].size)
        memcpy(port->copy + at, op->parts[i].data, op->parts[i].size);
}

/* The sender promised to leave every byte alone until done. */
static void send_verify(struct sim_driver *driver, const struct port *port)
{
    struct gf_send_op *op = gf_container(port->writer, struct gf_send_op, op);
    size_t at = 0;

    for (uint32_t i = 0; i < op->parts_count; i++) {
        SIM_CHECK(driver->world, at + op->parts[i].size <= port->copy_size);
        SIM_CHECK(driver->world,
                  memcmp(port->copy + at, op->parts[i].data, op->parts[i].size) == 0);
        at += op->parts[i].size;
    }
    SIM_CHECK(driver->world, at == port->copy_size);
}

static void sim_driver_send(struct gf_driver *base, int handle, struct gf_send_op *op)
{
    struct sim_driver *driver = driver_of(base);
    struct gf_memory_account *account = driver_enter(driver);
    struct port *port = port_take(driver, handle);

    SIM_CHECK(driver->world, port->writer == NULL);
    SIM_CHECK(driver->world, op->parts_count > 0);
    SIM_CHECK(driver->world, op->parts_count <= GF_SEND_PARTS_MAX);
    op_start(driver, &op->op, OP_SEND, handle);
    op->sent = 0;
    port->writer = &op->op;
    send_copy(driver, port, op);
    port_writer_wake(port);
    driver_leave(account);
}

/* All is sent, or it failed: the done may come at once or wait a while. */
static void send_over(struct sim_driver *driver, struct port *port, int result)
{
    struct gf_op *op = port->writer;

    op->result = result;
    if (result > 0 && result <= SEND_DONE_DELAY_SIZE && !sim_one_in(driver->world, 3)) {
        op->state |= OP_LATE;
        gf_list_push_back(&driver->late, &op->link);
        sim_schedule(driver->world, &port->writer_event,
                     sim_below(driver->world, SEND_DONE_DELAY_NS));
    } else {
        op_ready(driver, op);
    }
}

/* Takes one piece of what is to be sent. */
static void port_writer_fire(struct sim_event *event)
{
    struct port *port = gf_container(event, struct port, writer_event);
    struct sim_driver *driver = port->driver;
    struct gf_op *op = port->writer;
    struct gf_send_op *send = gf_container(op, struct gf_send_op, op);
    size_t size = sim_size(driver->world, driver->world->climate.piece_max);
    int result;

    if (!op || (op->state & OP_READY))
        return;
    if ((op->state & OP_KIND) == OP_CONNECT || (op->state & (OP_LATE | OP_STOPPING))) {
        op_ready(driver, op);
        return;
    }
    send_verify(driver, port);
    if (size > port->copy_size - send->sent)
        size = port->copy_size - send->sent;
    result = sim_write(port->socket, port->copy + send->sent, size);
    sim_note(driver->world, "send", op->handle, result);
    if (result == 0)
        return; /* until it is writable */
    if (result > 0)
        send->sent += (size_t)result;
    if (result < 0)
        send_over(driver, port, result);
    else if (send->sent == port->copy_size)
        send_over(driver, port, (int)send->sent);
    else
        port_writer_wake(port);
}

static void writer_deliver(struct sim_driver *driver, struct port *port)
{
    struct gf_op *op = port->writer;

    if ((op->state & OP_KIND) == OP_SEND) {
        struct gf_send_op *send = gf_container(op, struct gf_send_op, op);

        send_verify(driver, port);
        gf_free(GF_MEMORY_OTHER, port->copy);
        port->copy = NULL;
        /* The driver may change the parts: nobody may count on them now. */
        for (uint32_t i = 0; i < send->parts_count; i++)
            send->parts[i] = (struct gf_bytes){.data = (const char *)16, .size = SIZE_MAX};
    }
    port->writer = NULL;
    sim_cancel(driver->world, &port->writer_event);
    if (port->closing && !port->reader)
        sim_schedule(driver->world, &port->close_event, sim_delay(driver->world));
    op_done(driver, op, op->result);
}

/* host is 10.0.0.<machine>; a world of one machine knows only itself. */
static void sim_driver_connect(struct gf_driver *base, const char *host, uint16_t port_number,
                               struct gf_op *op)
{
    struct sim_driver *driver = driver_of(base);
    struct gf_memory_account *account = driver_enter(driver);
    struct sim_socket *socket;
    struct port *port;

    (void)host;
    socket = sim_connect(driver->world, driver->machine, driver->machine, port_number);
    port = port_create(socket);
    port->driver = driver;
    op_start(driver, op, OP_CONNECT, sim_handle_open(driver->machine, socket));
    op->result = op->handle;
    port->writer = op;
    port_writer_wake(port);
    driver_leave(account);
}

/* ---- Close ---- */

static void sim_driver_close(struct gf_driver *base, int handle, bool linger, struct gf_op *op)
{
    struct sim_driver *driver = driver_of(base);
    struct gf_memory_account *account = driver_enter(driver);
    struct port *port = port_take(driver, handle);

    op_start(driver, op, OP_CLOSE, handle);
    port->closing = op;
    port->linger = linger;
    if (port->reader) {
        port->reader->state |= OP_STOPPING;
        port->rests_until_ns = 0;
        port_reader_wake(port);
    }
    if (port->writer && !(port->writer->state & (OP_READY | OP_LATE))) {
        port->writer->state |= OP_STOPPING;
        port->writer->result = GF_ECANCELED;
        port_writer_wake(port);
    }
    if (!port->reader && !port->writer)
        sim_schedule(driver->world, &port->close_event, sim_delay(driver->world));
    driver_leave(account);
}

static void close_deliver(struct sim_driver *driver, struct port *port)
{
    struct gf_op *op = port->closing;

    SIM_CHECK(driver->world, !port->reader);
    SIM_CHECK(driver->world, !port->writer);
    sim_cancel(driver->world, &port->reader_event);
    sim_cancel(driver->world, &port->writer_event);
    sim_close(port->socket, port->linger);
    gf_free(GF_MEMORY_OTHER, port);
    op_done(driver, op, GF_OK);
}

static void sim_driver_addresses(struct gf_driver *base, int handle, struct gf_address *ret_local,
                                 struct gf_address *ret_peer)
{
    struct sim_driver *driver = driver_of(base);
    struct sim_socket *socket = sim_handle_find(driver->machine, handle);

    *ret_local = socket->local;
    *ret_peer = socket->peer;
}

/* ---- Files ---- */

static struct sim_file *file_find(struct sim_machine *machine, const char *path)
{
    for (uint32_t i = 0; i < machine->files_count; i++) {
        if (strcmp(machine->files[i].path, path) == 0)
            return &machine->files[i];
    }
    return NULL;
}

static char *block_copy(const void *data, size_t size)
{
    char *copy = gf_alloc(GF_MEMORY_OTHER, size);

    memcpy(copy, data, size);
    return copy;
}

static int sim_driver_file_read(struct gf_driver *base, const char *path, char **ret_data,
                                size_t *ret_size)
{
    struct sim_file *file = file_find(driver_of(base)->machine, path);

    if (!file)
        return GF_ENOENT;
    *ret_data = block_copy(file->data, file->size);
    *ret_size = file->size;
    return GF_OK;
}

static int sim_driver_file_replace(struct gf_driver *base, const char *path,
                                   struct gf_bytes content)
{
    struct sim_driver *driver = driver_of(base);
    struct sim_file *file = file_find(driver->machine, path);
    struct gf_memory_account *account = gf_memory_account_use(NULL);

    if (!file) {
        SIM_CHECK(driver->world, driver->machine->files_count < SIM_FILES_MAX);
        file = &driver->machine->files[driver->machine->files_count++];
        file->path = block_copy(path, strlen(path) + 1);
    }
    gf_free(GF_MEMORY_OTHER, file->data);
    file->data = block_copy(content.data, content.size);
    file->size = content.size;
    gf_memory_account_use(account);
    return GF_OK;
}

/* ---- Run ---- */

static void op_deliver(struct sim_driver *driver, struct gf_op *op)
{
    struct port *port = sim_handle_find(driver->machine, op->handle)->user;

    SIM_CHECK(driver->world, port->driver == driver);
    op->state &= ~(uint32_t)OP_READY;
    switch (op->state & OP_KIND) {
    case OP_ACCEPT:
        accept_deliver(driver, port);
        break;
    case OP_RECV:
        recv_deliver(driver, port);
        break;
    case OP_CLOSE:
        close_deliver(driver, port);
        break;
    default:
        writer_deliver(driver, port);
        break;
    }
}

static struct gf_op *ready_take(struct sim_driver *driver, uint32_t index)
{
    struct gf_link *link = gf_list_peek_front(&driver->ready);

    while (index-- > 0)
        link = gf_list_next(&driver->ready, link);
    gf_list_remove(link);
    return gf_container(link, struct gf_op, link);
}

static uint32_t list_count(const struct gf_list *list)
{
    uint32_t count = 0;

    for (struct gf_link *link = gf_list_peek_front(list); link; link = gf_list_next(list, link))
        count++;
    return count;
}

/* What may be late comes when anything else does, mostly. */
static void late_expedite(struct sim_driver *driver)
{
    struct gf_link *link = gf_list_peek_front(&driver->late);

    while (link) {
        struct gf_op *op = gf_container(link, struct gf_op, link);

        link = gf_list_next(&driver->late, link);
        if (!sim_one_in(driver->world, 8))
            op_ready(driver, op);
    }
}

/* Dones of what is ready, in any order. */
static uint32_t ready_deliver(struct sim_driver *driver)
{
    struct sim_world *world = driver->world;
    uint32_t delivered = 0;

    late_expedite(driver);
    for (uint32_t left = list_count(&driver->ready); left > 0; left--) {
        op_deliver(driver, ready_take(driver, (uint32_t)sim_below(world, left)));
        delivered++;
        if (sim_one_in(world, 16))
            break; /* the rest is the next run's */
    }
    return delivered;
}

/* The other cores and the network go on meanwhile, even if nothing is waited for. */
static void driver_wait(struct sim_driver *driver, uint64_t timeout_ns)
{
    struct sim_world *world = driver->world;
    uint64_t now_ns = world->now_ns;

    if (!driver->task)
        sim_world_step(world);
    else if (timeout_ns == 0 || !gf_list_empty(&driver->ready))
        sim_task_wait(driver->task, now_ns);
    else
        sim_task_wait(driver->task, timeout_ns == UINT64_MAX ? UINT64_MAX : now_ns + timeout_ns);
}

static uint32_t sim_driver_run(struct gf_driver *base, uint64_t timeout_ns)
{
    struct sim_driver *driver = driver_of(base);
    struct gf_memory_account *account = driver_enter(driver);
    uint32_t delivered;

    SIM_CHECK(driver->world, !driver->running);
    driver->running = true;
    driver_wait(driver, timeout_ns);
    driver->running = false;
    if (base->awake) {
        gf_memory_account_use(account);
        base->awake(base->awake_context);
        gf_memory_account_use(NULL);
    }
    delivered = ready_deliver(driver);
    if (driver->task && !gf_list_empty(&driver->ready))
        sim_task_wake(driver->task);
    driver_leave(account);
    return delivered;
}

static void wake_fire(struct sim_event *event)
{
    sim_task_wake(gf_container(event, struct sim_driver, wake_event)->task);
}

static void sim_driver_wake(struct gf_driver *base, struct gf_driver *peer)
{
    struct sim_driver *driver = driver_of(base);
    struct sim_driver *other = driver_of(peer);
    struct sim_world *world = driver->world;
    struct gf_memory_account *account = driver_enter(driver);
    bool lost = world->plant == SIM_PLANT_LOST_WAKES && sim_one_in(world, 50);

    SIM_CHECK(world, other != driver);
    sim_note(world, "wake", driver->task->id, other->task->id);
    if (!sim_is_scheduled(&other->wake_event) && !lost)
        sim_schedule(world, &other->wake_event, sim_delay(world));
    driver_leave(account);
}

/* ---- Clocks and the rest ---- */

/* Time passes with work: every look at the clock costs a little of it. */
static uint64_t sim_driver_now_ns(struct gf_driver *base)
{
    struct sim_world *world = driver_of(base)->world;

    world->now_ns += sim_below(world, 200);
    return world->now_ns;
}

static uint64_t sim_driver_wall_us(struct gf_driver *base)
{
    const struct sim_world *world = driver_of(base)->world;

    return sim_clock_wall_us(world->clock, world->now_ns);
}

static uint64_t sim_driver_cpu_ns(struct gf_driver *base, bool system)
{
    return driver_of(base)->world->now_ns / (system ? 4 : 2);
}

static void sim_driver_random(struct gf_driver *base, void *bytes, size_t size)
{
    struct sim_world *world = driver_of(base)->world;
    unsigned char *at = bytes;

    for (size_t i = 0; i < size; i++)
        at[i] = (unsigned char)(test_random_next(&world->random) >> 32);
}

static uint64_t sim_driver_resident_size(struct gf_driver *base)
{
    (void)base;
    return 0;
}

static void sim_driver_destroy(struct gf_driver *base)
{
    struct sim_driver *driver = driver_of(base);

    SIM_CHECK(driver->world, driver->in_flight == 0);
    SIM_CHECK(driver->world, gf_list_empty(&driver->ready));
    SIM_CHECK(driver->world, gf_list_empty(&driver->late));
    sim_cancel(driver->world, &driver->wake_event);
    gf_free(GF_MEMORY_OTHER, driver);
}

static const struct gf_driver_ops sim_driver_ops = {
    .name = "simulator",
    .listen = sim_driver_listen,
    .accept_start = sim_driver_accept_start,
    .recv_start = sim_driver_recv_start,
    .recv_stop = sim_driver_recv_stop,
    .send = sim_driver_send,
    .connect = sim_driver_connect,
    .close = sim_driver_close,
    .addresses = sim_driver_addresses,
    .file_read = sim_driver_file_read,
    .file_replace = sim_driver_file_replace,
    .run = sim_driver_run,
    .wake = sim_driver_wake,
    .now_ns = sim_driver_now_ns,
    .wall_us = sim_driver_wall_us,
    .cpu_ns = sim_driver_cpu_ns,
    .random = sim_driver_random,
    .resident_size = sim_driver_resident_size,
    .destroy = sim_driver_destroy,
};

struct gf_driver *sim_driver_create(struct sim_machine *machine, struct sim_task *task)
{
    struct gf_memory_account *account = gf_memory_account_use(NULL);
    struct sim_driver *driver = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*driver));

    gf_memory_account_use(account);
    driver->driver.ops = &sim_driver_ops;
    driver->world = machine->world;
    driver->machine = machine;
    driver->task = task;
    driver->wake_event.fire = wake_fire;
    gf_list_init(&driver->ready);
    gf_list_init(&driver->late);
    return &driver->driver;
}
