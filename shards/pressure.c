/* Sharing out eviction over the cores. */
#include "shards/pressure.h"

#include "core/assert.h"
#include "core/core.h"
#include "shards/maxmemory.h"
#include "shards/request.h"
#include "shards/server.h"
#include "shards/worker.h"

static int64_t data_of(const struct gf_server *server, uint16_t core)
{
    return atomic_load_explicit(&server->cores[core].memory.bytes[GF_MEMORY_DATA],
                                memory_order_relaxed);
}

static int64_t data_mean(const struct gf_server *server)
{
    int64_t sum = 0;

    for (uint16_t core = 0; core < server->cores_count; core++)
        sum += data_of(server, core);
    return sum / server->cores_count;
}

int64_t gf_pressure_share(const struct gf_worker *worker, int64_t room)
{
    const struct gf_server *server = worker->server;
    int64_t mean = data_mean(server);
    int64_t full_cores = 0;

    if (room >= 0 || data_of(server, worker->core->id) < mean)
        return 0;
    for (uint16_t core = 0; core < server->cores_count; core++)
        full_cores += data_of(server, core) >= mean;
    return full_cores > 0 ? -room / full_cores : -room;
}

bool gf_pressure_ask(struct gf_worker *worker)
{
    const struct gf_server *server = worker->server;
    struct gf_pressure *pressure = &worker->pressure;
    uint16_t fullest = worker->core->id;

    /* A core that stops counts on nothing of its own being under way. */
    if (worker->shutdown.since_ms != 0)
        return false;
    if (pressure->out)
        return true;
    for (uint16_t core = 0; core < server->cores_count; core++) {
        if (data_of(server, core) > data_of(server, fullest))
            fullest = core;
    }
    if (fullest == worker->core->id)
        return false;
    pressure->out = true;
    pressure->parcel.message =
        (struct gf_message){.home = worker->core->id, .kind = GF_MESSAGE_PRESSURE};
    pressure->parcel.to = fullest;
    gf_parcel_post(worker, &pressure->parcel);
    return pressure->relieved;
}

void gf_pressure_arrive(struct gf_worker *worker, struct gf_pressure *pressure)
{
    pressure->relieved = gf_maxmemory_make_room(worker, 0);
    gf_mesh_return(worker->core, &pressure->parcel.message);
}

void gf_pressure_home(struct gf_worker *worker, struct gf_pressure *pressure)
{
    GF_ASSERT(pressure == &worker->pressure);
    GF_ASSERT(pressure->out);
    pressure->out = false;
}
