/* One connection: requests going out, and what is still owed for them, oldest first. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/load/scanner.h"

/* A request that was made and not answered yet. */
struct gf_pending {
    uint64_t due_ns; /* when it should have been sent, from the start of the run */
    uint64_t key;
    bool is_read;
    bool is_counted; /* due after the warm-up */
};

struct gf_conn {
    int fd;                     /* -1 when closed */
    bool is_dirty;              /* has bytes to send, is in the list of those that do */
    char *out;                  /* owned; bytes [out_sent, out_size) wait to be sent */
    size_t out_size;            /* bytes */
    size_t out_sent;            /* bytes */
    size_t out_capacity;        /* bytes */
    struct gf_pending *pending; /* owned ring of pending_capacity, a power of two, or 0 */
    uint32_t pending_capacity;
    uint32_t pending_head; /* ever pushed */
    uint32_t pending_tail; /* ever popped */
    struct gf_scanner scanner;
};

/* gf_conn_open - connect, then make it non-blocking. `conn` is zeroed before.
 * Returns 0, or an errno. */
int gf_conn_open(struct gf_conn *conn, const char *host, uint16_t port);

/* gf_conn_close - accepts a zeroed or closed one. What is pending stays until gf_conn_deinit. */
void gf_conn_close(struct gf_conn *conn);
void gf_conn_deinit(struct gf_conn *conn);

/* A value to SET. */
struct gf_value {
    const char *data;
    uint32_t size; /* bytes */
};

/* gf_conn_get, gf_conn_set - put a request behind the others; gf_conn_flush sends. */
void gf_conn_get(struct gf_conn *conn, const struct gf_pending *pending);
void gf_conn_set(struct gf_conn *conn, const struct gf_pending *pending, struct gf_value value);

/* gf_conn_flush - send as much as the socket takes. Returns false when the connection is lost. */
bool gf_conn_flush(struct gf_conn *conn);

/* gf_conn_pop - take the oldest pending request; false when there is none. */
bool gf_conn_pop(struct gf_conn *conn, struct gf_pending *ret_pending);
