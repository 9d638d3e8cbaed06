/* The simulated network: machines, their sockets, and streams of bytes between them.
 *
 * A connection has two ends. What one end writes is under way for a while and then can be read at
 * the other, in order, in pieces of any size; a full window makes the writer wait. An end can close
 * (the other reads to the end, then 0) or reset (what the other has not read is lost, and it is
 * told).
 *
 * A machine is one process on one host: a table of handles that all its cores share, and files.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/driver.h"
#include "core/list.h"
#include "sim/world.h"

#define SIM_HANDLES_MAX 1024
#define SIM_FILES_MAX 16

struct sim_network;
struct sim_socket;

struct sim_file {
    char *path; /* owned */
    char *data; /* owned */
    size_t size;
};

struct sim_machine {
    struct sim_world *world;
    uint32_t id;                                 /* its address is 10.0.0.<id> */
    struct sim_socket *handles[SIM_HANDLES_MAX]; /* owned                      */
    uint32_t open_count;
    struct sim_file files[SIM_FILES_MAX];
    uint32_t files_count;
};

/* What one end receives. */
struct sim_stream {
    struct gf_buf bytes; /* arrived ones, then those under way       */
    size_t arrived;      /* that can be read now                     */
    size_t window;       /* bytes it holds at most                   */
    uint64_t last_ns;    /* when the last of what is under way comes */
    bool ended;          /* the end has arrived                      */
    bool broken;         /* a reset has arrived                      */
};

struct sim_connection;

/* One end of a connection, or a listening socket. */
struct sim_socket {
    struct sim_world *world;
    struct sim_machine *machine;       /* NULL: a client's                                  */
    struct sim_connection *connection; /* NULL: listening                                   */
    int side;                          /* 0 = connected, 1 = accepted                       */
    int handle;                        /* -1 = none yet, or a client's                      */
    bool closed;                       /* this end is gone                                  */
    bool solid;                        /* never breaks by itself                            */
    struct sim_stream in;
    struct gf_address local;
    struct gf_address peer;
    uint16_t port; /* of a listening socket                             */
    bool shared;
    struct gf_list backlog; /* sim_socket.link: connections to accept            */
    struct gf_link link;
    /* Whoever uses the socket: something may be read (or the end was seen), or written again.  */
    void (*readable)(struct sim_socket *socket);
    void (*writable)(struct sim_socket *socket);
    void *user; /* a driver's view of it, or a client                */
};

/* sim_machine_init - a blank host. */
void sim_machine_init(struct sim_machine *machine, struct sim_world *world, uint32_t id);
void sim_machine_deinit(struct sim_machine *machine);

/* sim_listen - Returns a handle or GF_EADDRINUSE. */
int sim_listen(struct sim_machine *machine, uint16_t port, bool shared);
/* sim_handle_open - the lowest free handle, as a system does; GF_EMFILE. */
int sim_handle_open(struct sim_machine *machine, struct sim_socket *socket);
struct sim_socket *sim_handle_find(struct sim_machine *machine, int handle);

/* sim_connect - from a client or a machine (from may be NULL) to a port. The end can write at once;
 * when nobody listens it reads a reset. */
struct sim_socket *sim_connect(struct sim_world *world, struct sim_machine *from,
                               struct sim_machine *to, uint16_t port);

/* sim_write - as much as the window takes, at most `size`. Returns bytes taken; 0 = wait for
 * writable; GF_EIO = the connection is broken. */
int sim_write(struct sim_socket *socket, const char *data, size_t size);
/* sim_read - at most `size` of what has arrived. Returns bytes; 0 = none now or the end: see
 * sim_at_end; GF_EIO. */
int sim_read(struct sim_socket *socket, char *data, size_t size);

static inline bool sim_at_end(const struct sim_socket *socket)
{
    return socket->in.ended && socket->in.arrived == 0;
}

/* sim_end - this end writes no more; it can still read. */
void sim_end(struct sim_socket *socket);

/* sim_is_whole - neither end has closed or ended, and nothing that breaks it is under way. */
bool sim_is_whole(const struct sim_socket *socket);

/* sim_close - this end is gone and must not be used any more. linger: the peer reads what was
 * sent. */
void sim_close(struct sim_socket *socket, bool linger);
