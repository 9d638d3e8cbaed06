/* The look at quiet receives: which, and how many in one system call. */
#include "core/driver_sweep.h"

#include <poll.h>

#define SWEEP_NS 1000000000ull
#define BUSY_RUNS_MAX 256 /* between two looks at the clock */
#define BATCH 128         /* sockets given to one poll(2) */

struct batch {
    struct pollfd sockets[BATCH];
    uint32_t count;
};

static void batch_look(struct batch *batch, struct gf_posix_driver *posix,
                       void (*restart)(struct gf_posix_driver *posix, struct gf_op *reader))
{
    int found = batch->count > 0 ? poll(batch->sockets, batch->count, 0) : 0;

    for (uint32_t i = 0; i < batch->count && found > 0; i++) {
        if (batch->sockets[i].revents != 0)
            restart(posix, posix->handles[batch->sockets[i].fd].reader);
    }
    batch->count = 0;
}

static void sweep(struct gf_posix_driver *posix,
                  void (*restart)(struct gf_posix_driver *posix, struct gf_op *reader))
{
    struct batch batch;

    batch.count = 0;
    for (uint32_t handle = 0; handle < posix->handles_count; handle++) {
        struct gf_posix_handle *entry = &posix->handles[handle];

        if (!entry->reader || entry->closing || entry->watch == GF_SWEEP_UNWATCHED)
            continue;
        if (entry->watch == GF_SWEEP_FRESH) {
            entry->watch = GF_SWEEP_QUIET;
            continue;
        }
        entry->watch = GF_SWEEP_UNWATCHED;
        batch.sockets[batch.count++] = (struct pollfd){.fd = (int)handle, .events = POLLIN};
        if (batch.count == BATCH)
            batch_look(&batch, posix, restart);
    }
    batch_look(&batch, posix, restart);
}

void gf_sweep_if_due(struct gf_sweep *state, struct gf_posix_driver *posix, bool idle,
                     void (*restart)(struct gf_posix_driver *posix, struct gf_op *reader))
{
    uint64_t now_ns;

    if (!idle && ++state->busy_runs < BUSY_RUNS_MAX)
        return;
    state->busy_runs = 0;
    now_ns = gf_posix_now_ns(&posix->driver);
    if (now_ns < state->due_ns)
        return;
    state->due_ns = now_ns + SWEEP_NS;
    sweep(posix, restart);
}
