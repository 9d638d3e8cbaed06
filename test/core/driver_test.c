/* Both real drivers against the contract in core/driver.h, over loopback. Every test runs once per
 * driver; two drivers in one thread are the two ends, or the two cores of a hand-over. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/driver.h"
#include "core/error.h"

#define DRIVERS_COUNT 2
#define QUIET_RUNS_MAX                                                                             \
    10000              /* in a row in which nothing happens, of a loop that waits for something */
#define QUIET_RUNS 100 /* from then on a run waits: the kernel may need the processor */
#define RUN_TIMEOUT_NS 2000000 /* of one run; nothing is asserted about time */
#define ENDS_MAX 512
#define PENDING 12345 /* a result that no operation gives */

/* One end of a connection and everything that can be in flight on it. */
struct end {
    struct gf_recv_op recv;
    struct gf_send_op send;
    struct gf_op close;
    struct gf_bytes parts[GF_SEND_PARTS_MAX];
    int handle;
    int recv_result; /* of the last done: 0, an error, or PENDING */
    int send_result;
    int close_result;
    uint64_t received; /* bytes */
    uint64_t sum;      /* of all received bytes, each times its place */
    char last[64];     /* the first bytes of the last piece */
    bool echo;         /* send back what comes */
    bool stop_at_piece;
    struct gf_driver *driver;
};

/* Two drivers: `a` serves, `b` is the client, or a second core. */
struct world {
    struct gf_driver *a;
    struct gf_driver *b;
    struct gf_accept_op accept;
    int listener;
    int accept_last; /* the last result that was no handle */
    struct gf_op connect;
    int connect_result;
    struct gf_op listener_close;
    int listener_close_result;
    uint32_t ends_count; /* accepted */
    struct end ends[ENDS_MAX];
    struct end clients[ENDS_MAX];
    char echo_buffer[4096];
    uint16_t port;
};

static struct world world;
static uint64_t dones; /* that have run: a sign that the drivers are getting on */

static const struct gf_driver_options options = {.recv_buffer_size = 4096,
                                                 .recv_buffer_count = 8, /* few: they do run out */
                                                 .queue_size = 16,       /* small: it does fill */
                                                 .tcp_keepalive_s = 300,
                                                 .backlog = 511};

static int (*const creates[DRIVERS_COUNT])(const struct gf_driver_options *,
                                           struct gf_driver **) = {gf_driver_epoll_create,
                                                                   gf_driver_uring_create};

/* Lets both drivers run once. `quiet_runs` so far were without a done; gives the new number. */
static int run_both(int quiet_runs)
{
    uint64_t dones_before = dones;

    world.a->ops->run(world.a, quiet_runs < QUIET_RUNS ? 0 : RUN_TIMEOUT_NS);
    world.b->ops->run(world.b, 0);
    return dones == dones_before ? quiet_runs + 1 : 0;
}

/* Runs both drivers until `condition` holds. */
#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        int quiet_runs = 0;                                                                        \
        while (!(condition)) {                                                                     \
            cr_assert_lt(quiet_runs, QUIET_RUNS_MAX, "still waiting for: %s", #condition);         \
            quiet_runs = run_both(quiet_runs);                                                     \
        }                                                                                          \
    } while (0)

/* Runs both drivers until nothing has happened for a while, or the sender is done. */
static void run_until_quiet(const struct end *sender)
{
    int quiet_runs = 0;

    while (quiet_runs < QUIET_RUNS + 10 && sender->send_result == PENDING)
        quiet_runs = run_both(quiet_runs);
}

static void end_sent(struct gf_op *op, int result)
{
    struct end *end = gf_container(op, struct end, send.op);

    dones++;
    cr_assert_eq(end->send_result, PENDING);
    end->send_result = result;
}

static void end_send(struct end *end, const char *data, size_t size)
{
    end->send_result = PENDING;
    end->parts[0] = (struct gf_bytes){data, size};
    end->send.parts = end->parts;
    end->send.parts_count = 1;
    end->driver->ops->send(end->driver, end->handle, &end->send);
    cr_assert_eq(end->send_result, PENDING, "done never runs inside the start");
}

static void end_received(struct gf_op *op, int result)
{
    struct end *end = gf_container(op, struct end, recv.op);

    dones++;
    cr_assert_eq(end->recv_result, PENDING, "nothing comes after the last done");
    if (result <= 0) {
        end->recv_result = result;
        return;
    }
    for (int i = 0; i < result; i++)
        end->sum += (uint64_t)(unsigned char)end->recv.data[i] * (end->received + (uint64_t)i + 1);
    end->received += (uint64_t)result;
    memcpy(end->last, end->recv.data, result < 64 ? (size_t)result : 64);
    if (end->echo) {
        cr_assert_leq((size_t)result, sizeof(world.echo_buffer));
        memcpy(world.echo_buffer, end->recv.data, (size_t)result);
        end_send(end, world.echo_buffer, (size_t)result);
    }
    if (end->stop_at_piece)
        end->driver->ops->recv_stop(end->driver, &end->recv);
}

static void end_closed(struct gf_op *op, int result)
{
    struct end *end = gf_container(op, struct end, close);

    dones++;
    cr_assert_neq(end->recv_result, PENDING, "close comes after everything in flight");
    cr_assert_neq(end->send_result, PENDING);
    end->close_result = result;
}

static void end_init(struct end *end, struct gf_driver *driver, int handle)
{
    *end = (struct end){.driver = driver, .handle = handle};
    end->recv.op.done = end_received;
    end->send.op.done = end_sent;
    end->close.done = end_closed;
    end->recv_result = PENDING;
    end->close_result = PENDING;
}

static void end_recv(struct end *end)
{
    end->recv_result = PENDING;
    end->driver->ops->recv_start(end->driver, end->handle, &end->recv);
}

static void end_close(struct end *end, bool linger)
{
    end->driver->ops->close(end->driver, end->handle, linger, &end->close);
    cr_assert_eq(end->close_result, PENDING, "done never runs inside the start");
}

static void accepted(struct gf_op *op, int result)
{
    (void)op;
    dones++;
    if (result < 0) {
        world.accept_last = result;
        return;
    }
    cr_assert_lt(world.ends_count, ENDS_MAX);
    end_init(&world.ends[world.ends_count++], world.a, result);
}

static void connected(struct gf_op *op, int result)
{
    (void)op;
    dones++;
    world.connect_result = result;
}

static void listener_closed(struct gf_op *op, int result)
{
    (void)op;
    dones++;
    cr_assert_eq(world.accept_last, GF_ECANCELED);
    world.listener_close_result = result;
}

/* The port at the end of "host:port". */
static uint16_t address_port(const struct gf_address *address)
{
    return (uint16_t)strtoul(strrchr(address->text, ':') + 1, NULL, 10);
}

static void world_listen(const char *host)
{
    struct gf_address local;
    struct gf_address peer;

    world.listener = world.a->ops->listen(world.a, host, 0, false);
    cr_assert_geq(world.listener, 0);
    world.a->ops->addresses(world.a, world.listener, &local, &peer);
    world.port = address_port(&local);
    cr_assert_str_empty(peer.text);
    world.accept.op.done = accepted;
    world.a->ops->accept_start(world.a, world.listener, &world.accept);
}

static bool world_start(int driver)
{
    memset(&world, 0, sizeof(world));
    if (creates[driver](&options, &world.a) == GF_EUNSUPPORTED)
        return false; /* the kernel refuses io_uring: nothing to test */
    cr_assert_eq(creates[driver](&options, &world.b), GF_OK);
    world.listener_close_result = PENDING;
    world_listen("127.0.0.1");
    return true;
}

static int world_connect(const char *host, uint16_t port)
{
    world.connect.done = connected;
    world.connect_result = PENDING;
    world.b->ops->connect(world.b, host, port, &world.connect);
    cr_assert_eq(world.connect_result, PENDING, "done never runs inside the start");
    RUN_UNTIL(world.connect_result != PENDING);
    return world.connect_result;
}

/* A new connection: the client's end and the one that was accepted for it, both receiving. */
static struct end *world_pair(struct end **ret_accepted)
{
    uint32_t index = world.ends_count;
    int handle = world_connect("127.0.0.1", world.port);

    cr_assert_geq(handle, 0);
    end_init(&world.clients[index], world.b, handle);
    RUN_UNTIL(world.ends_count > index);
    end_recv(&world.clients[index]);
    end_recv(&world.ends[index]);
    *ret_accepted = &world.ends[index];
    return &world.clients[index];
}

static void world_close_pair(struct end *client, struct end *server)
{
    end_close(client, true);
    end_close(server, true);
    RUN_UNTIL(client->close_result != PENDING && server->close_result != PENDING);
    cr_assert_eq(client->close_result, GF_OK);
    cr_assert_eq(server->close_result, GF_OK);
}

static void world_stop(void)
{
    world.listener_close.done = listener_closed;
    world.a->ops->close(world.a, world.listener, true, &world.listener_close);
    RUN_UNTIL(world.listener_close_result != PENDING);
    world.a->ops->destroy(world.a);
    world.b->ops->destroy(world.b);
}

/* One test per driver: DRIVER_TEST(name) { ... } */
#define DRIVER_TEST(name)                                                                          \
    static void name(void);                                                                        \
    Test(driver, name##_on_epoll, .timeout = 240)                                                  \
    {                                                                                              \
        world_start(0);                                                                            \
        name();                                                                                    \
        world_stop();                                                                              \
    }                                                                                              \
    Test(driver, name##_on_io_uring, .timeout = 240)                                               \
    {                                                                                              \
        if (!world_start(1))                                                                       \
            cr_skip_test("the kernel refuses io_uring");                                           \
        name();                                                                                    \
        world_stop();                                                                              \
    }                                                                                              \
    static void name(void)

DRIVER_TEST(echoes)
{
    struct end *server;
    struct end *client = world_pair(&server);
    struct gf_address local;
    struct gf_address peer;

    server->echo = true;
    for (int i = 0; i < 100; i++) {
        char text[16];
        size_t size = (size_t)snprintf(text, sizeof(text), "hello %d", i);
        uint64_t expected = client->received + size;

        end_send(client, text, size);
        RUN_UNTIL(client->received == expected && server->send_result != PENDING);
        cr_assert_eq(client->send_result, (int)size);
        cr_assert_eq(memcmp(client->last, text, size), 0);
    }
    world.a->ops->addresses(world.a, server->handle, &local, &peer);
    cr_assert_eq(address_port(&local), world.port);
    cr_assert_eq(strncmp(peer.text, "127.0.0.1:", 10), 0);
    cr_assert(fcntl(server->handle, F_GETFD) & FD_CLOEXEC);
    cr_assert(fcntl(server->handle, F_GETFL) & O_NONBLOCK);
    world_close_pair(client, server);
}

DRIVER_TEST(serves_many_connections_with_few_buffers)
{
    static char texts[200][3000];

    for (int i = 0; i < 200; i++) {
        struct end *server;
        struct end *client = world_pair(&server);

        memset(texts[i], 'a' + i % 26, sizeof(texts[i]));
        client->parts[0] = (struct gf_bytes){texts[i], sizeof(texts[i])};
    }
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 200; i++)
            end_send(&world.clients[i], texts[i], sizeof(texts[i]));
        for (int i = 0; i < 200; i++)
            RUN_UNTIL(world.ends[i].received == (uint64_t)(round + 1) * sizeof(texts[i]) &&
                      world.clients[i].send_result != PENDING);
    }
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(world.ends[i].last[0], 'a' + i % 26);
        world_close_pair(&world.clients[i], &world.ends[i]);
    }
}

DRIVER_TEST(lets_a_peer_close_its_half_and_still_read)
{
    struct end *server;
    struct end *client = world_pair(&server);

    shutdown(client->handle, SHUT_WR);
    RUN_UNTIL(server->recv_result != PENDING);
    cr_assert_eq(server->recv_result, 0);
    end_send(server, "bye", 3);
    RUN_UNTIL(client->received == 3 && server->send_result != PENDING);
    end_close(server, true);
    RUN_UNTIL(client->recv_result != PENDING);
    cr_assert_eq(client->recv_result, 0);
    end_close(client, true);
    RUN_UNTIL(client->close_result != PENDING && server->close_result != PENDING);
}

#define BIG_PART (1 << 20)
#define BIG_PARTS 20 /* more than the socket buffers of both ends hold */

DRIVER_TEST(sends_a_lot_to_a_slow_reader)
{
    struct end *server;
    struct end *client = world_pair(&server);
    char *big = malloc(BIG_PART);
    uint64_t sum = 0;

    for (size_t i = 0; i < BIG_PART; i++)
        big[i] = (char)(i * 2654435761u >> 13);
    client->driver->ops->recv_stop(client->driver, &client->recv);
    RUN_UNTIL(client->recv_result == GF_ECANCELED);
    for (uint64_t i = 0; i < BIG_PARTS; i++) {
        server->parts[i] = (struct gf_bytes){big, BIG_PART};
        for (uint64_t place = 0; place < BIG_PART; place++)
            sum += (uint64_t)(unsigned char)big[place] * (i * BIG_PART + place + 1);
    }
    server->send_result = PENDING;
    server->send.parts = server->parts;
    server->send.parts_count = BIG_PARTS;
    world.a->ops->send(world.a, server->handle, &server->send);
    run_until_quiet(server);
    cr_assert_eq(server->send_result, PENDING, "nobody reads");
    cr_assert_lt(server->send.sent, (size_t)BIG_PARTS * BIG_PART);

    end_recv(client);
    RUN_UNTIL(client->received == (uint64_t)BIG_PARTS * BIG_PART && server->send_result != PENDING);
    cr_assert_eq(server->send_result, BIG_PARTS * BIG_PART);
    cr_assert_eq(client->sum, sum, "every byte in its place");
    world_close_pair(client, server);
    free(big);
}

DRIVER_TEST(sends_small_pieces_to_a_reader_that_is_full)
{
    static char piece[20000];
    struct end *server;
    struct end *client = world_pair(&server);
    uint64_t sent = 0;

    memset(piece, 'x', sizeof(piece));
    client->driver->ops->recv_stop(client->driver, &client->recv);
    RUN_UNTIL(client->recv_result == GF_ECANCELED);
    for (int i = 0; i < 2000 && server->send_result != PENDING; i++) {
        end_send(server, piece, sizeof(piece));
        sent += sizeof(piece);
        run_until_quiet(server);
    }
    cr_assert_eq(server->send_result, PENDING, "the socket is full at last");
    end_recv(client);
    RUN_UNTIL(client->received == sent && server->send_result != PENDING);
    cr_assert_eq(server->send_result, (int)sizeof(piece));
    cr_assert_eq(client->sum, 'x' * (sent * (sent + 1) / 2));
    world_close_pair(client, server);
}

DRIVER_TEST(closes_with_a_send_in_flight)
{
    struct end *server;
    struct end *client = world_pair(&server);
    char *big = calloc(1, 64 << 20);

    client->driver->ops->recv_stop(client->driver, &client->recv);
    end_send(server, big, 64 << 20);
    run_until_quiet(server);
    cr_assert_eq(server->send_result, PENDING);
    end_close(server, false);
    RUN_UNTIL(server->close_result != PENDING);
    cr_assert_eq(server->send_result, GF_ECANCELED);
    cr_assert_eq(server->recv_result, GF_ECANCELED);
    end_recv(client);
    RUN_UNTIL(client->recv_result <= 0);
    cr_assert_eq(client->recv_result, GF_EIO, "it was a reset, not an end");
    end_close(client, true);
    RUN_UNTIL(client->close_result != PENDING);
    free(big);
}

/* The send fails, and the close waits for it alone. */
DRIVER_TEST(closes_with_a_send_to_a_peer_that_is_gone)
{
    struct end *server;
    struct end *client = world_pair(&server);

    end_close(client, false);
    RUN_UNTIL(client->close_result != PENDING && server->recv_result != PENDING);
    end_send(server, "too late", 8);
    end_close(server, false);
    RUN_UNTIL(server->close_result != PENDING);
    cr_expect_lt(server->send_result, 0);
    cr_expect_eq(server->close_result, GF_OK);
}

DRIVER_TEST(closes_right_after_a_start)
{
    struct end *server;
    struct end *client = world_pair(&server);

    end_send(server, "last words", 10);
    end_close(server, true);
    RUN_UNTIL(server->close_result != PENDING);
    RUN_UNTIL(client->recv_result != PENDING);
    end_send(client, "x", 1);
    end_close(client, false);
    RUN_UNTIL(client->close_result != PENDING);
    cr_assert_eq(client->close_result, GF_OK);
}

DRIVER_TEST(stops_a_receive_inside_its_own_done)
{
    struct end *server;
    struct end *client = world_pair(&server);

    server->stop_at_piece = true;
    end_send(client, "one", 3);
    RUN_UNTIL(server->recv_result != PENDING);
    cr_assert_eq(server->recv_result, GF_ECANCELED);
    cr_assert_eq(server->received, 3);
    server->driver->ops->recv_stop(server->driver, &server->recv); /* it is over: no effect */
    server->stop_at_piece = false;
    end_send(client, "two", 3);
    end_recv(server);
    RUN_UNTIL(server->received == 6);
    world_close_pair(client, server);
}

DRIVER_TEST(hands_a_connection_to_another_core)
{
    struct end *server;
    struct end *client = world_pair(&server);

    for (int i = 0; i < 20; i++) {
        uint64_t expected = server->received + 4;

        server->driver->ops->recv_stop(server->driver, &server->recv);
        end_send(client, "ping", 4); /* arrives on either, and is not lost */
        RUN_UNTIL(server->recv_result == GF_ECANCELED);
        server->driver = server->driver == world.a ? world.b : world.a;
        end_recv(server);
        RUN_UNTIL(server->received == expected && client->send_result != PENDING);
        end_send(server, "pong", 4);
        RUN_UNTIL(client->received == expected && server->send_result != PENDING);
    }
    world_close_pair(client, server);
}

DRIVER_TEST(says_when_a_connect_is_refused)
{
    struct gf_address local;
    struct gf_address peer;
    int handle = world.a->ops->listen(world.a, "127.0.0.1", 0, false);

    cr_assert_geq(handle, 0);
    world.a->ops->addresses(world.a, handle, &local, &peer);
    close(handle); /* nobody listens there now */
    cr_assert_eq(world_connect("127.0.0.1", address_port(&local)), GF_EIO);
    cr_assert_eq(world_connect("not an address", 1), GF_EINVAL);
}

DRIVER_TEST(says_why_it_cannot_listen)
{
    int first;
    int second;

    cr_assert_eq(world.a->ops->listen(world.a, "127.0.0.1", world.port, false), GF_EADDRINUSE);
    cr_assert_eq(world.a->ops->listen(world.a, "nonsense", 0, false), GF_EINVAL);
    cr_assert_eq(world.a->ops->listen(world.a, "192.0.2.1", 0, false), GF_EINVAL);

    first = world.a->ops->listen(world.a, "*", 0, true);
    cr_assert_geq(first, 0);
    struct gf_address local;
    struct gf_address peer;
    world.a->ops->addresses(world.a, first, &local, &peer);
    second = world.b->ops->listen(world.b, "*", address_port(&local), true);
    cr_assert_geq(second, 0, "shared by two cores");
    close(first);
    close(second);
}

DRIVER_TEST(speaks_ipv6)
{
    struct gf_address local;
    struct gf_address peer;
    int handle = world.b->ops->listen(world.b, "::1", 0, false);

    if (handle < 0)
        cr_skip_test("no IPv6 here");
    world.b->ops->addresses(world.b, handle, &local, &peer);
    cr_assert_eq(strncmp(local.text, "[::1]:", 6), 0);
    int client = world_connect("::1", address_port(&local));
    cr_assert_geq(client, 0);
    world.b->ops->addresses(world.b, client, &local, &peer);
    cr_assert_eq(strncmp(peer.text, "[::1]:", 6), 0);
    close(client);
    close(handle);
}

#define SPARE_DESCRIPTORS 8

/* The limit is lowered before the accept starts: io_uring takes it from there. */
DRIVER_TEST(rests_when_there_are_too_many_open_files)
{
    int spares[SPARE_DESCRIPTORS];
    int spares_count = 0;
    struct rlimit limit;

    world.listener_close.done = listener_closed;
    world.a->ops->close(world.a, world.listener, true, &world.listener_close);
    RUN_UNTIL(world.listener_close_result != PENDING);
    world.listener_close_result = PENDING;
    world.accept_last = 0;
    getrlimit(RLIMIT_NOFILE, &limit);
    spares[spares_count] = dup(0);
    limit.rlim_cur = (rlim_t)spares[spares_count++] + SPARE_DESCRIPTORS;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    world_listen("127.0.0.1");
    while ((spares[spares_count] = dup(0)) >= 0)
        spares_count++;
    close(spares[--spares_count]); /* room for the client's end, none for ours */

    world.connect.done = connected;
    world.connect_result = PENDING;
    world.b->ops->connect(world.b, "127.0.0.1", world.port, &world.connect);
    RUN_UNTIL(world.connect_result != PENDING && world.accept_last != 0);
    cr_assert_geq(world.connect_result, 0);
    cr_assert_eq(world.accept_last, GF_EMFILE);
    cr_assert_eq(world.ends_count, 0);

    while (spares_count > 0)
        close(spares[--spares_count]);
    RUN_UNTIL(world.ends_count == 1); /* it tries again by itself */
    close(world.connect_result);
    close(world.ends[0].handle);
}

DRIVER_TEST(reads_and_replaces_whole_files)
{
    char path[] = "/tmp/gofish-driver-test-XXXXXX";
    char *data;
    size_t size;
    int file = mkstemp(path);

    cr_assert_geq(file, 0);
    close(file);
    cr_assert_eq(world.a->ops->file_replace(world.a, path, GF_BYTES("a\nb\n")), GF_OK);
    cr_assert_eq(world.a->ops->file_read(world.a, path, &data, &size), GF_OK);
    cr_assert_eq(size, 4);
    cr_assert_eq(memcmp(data, "a\nb\n", 4), 0);
    gf_free(GF_MEMORY_OTHER, data);
    unlink(path);
    cr_assert_eq(world.a->ops->file_read(world.a, path, &data, &size), GF_ENOENT);
    cr_assert_eq(world.a->ops->file_read(world.a, "/tmp", &data, &size), GF_EINVAL);
    cr_assert_eq(world.a->ops->file_replace(world.a, "/nowhere/at/all", GF_BYTES("x")), GF_ENOENT);
}

/* A config file holds passwords: who may not read it must not be able to after a rewrite either. */
DRIVER_TEST(keeps_a_replaced_files_permissions)
{
    char path[] = "/tmp/gofish-driver-test-XXXXXX";
    struct stat state;
    int file = mkstemp(path);

    cr_assert_geq(file, 0);
    cr_assert_eq(fchmod(file, 0640), 0);
    close(file);
    cr_assert_eq(world.a->ops->file_replace(world.a, path, GF_BYTES("a\n")), GF_OK);
    cr_assert_eq(stat(path, &state), 0);
    cr_expect_eq(state.st_mode & 07777, 0640);
    unlink(path);
    cr_assert_eq(world.a->ops->file_replace(world.a, path, GF_BYTES("a\n")), GF_OK);
    cr_assert_eq(stat(path, &state), 0);
    cr_expect_eq(state.st_mode & 07777 & ~0644u, 0); /* a new one: whatever the umask leaves */
    unlink(path);
}

DRIVER_TEST(knows_the_time_and_the_process)
{
    uint64_t first_ns = world.a->ops->now_ns(world.a);
    char bytes[2][16] = {{0}};

    world.a->ops->random(world.a, bytes[0], 16);
    world.a->ops->random(world.a, bytes[1], 16);
    cr_assert_neq(memcmp(bytes[0], bytes[1], 16), 0);
    cr_assert_geq(world.a->ops->now_ns(world.a), first_ns);
    cr_assert_gt(world.a->ops->resident_size(world.a), 100000);
    cr_assert_gt(world.a->ops->cpu_ns(world.a, false) + world.a->ops->cpu_ns(world.a, true), 0);
}
