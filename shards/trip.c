/* SCAN from core to core: collecting what the stops found. See trip.h. */
#include "shards/trip.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/core.h"
#include "shards/conn.h"
#include "shards/parcel.h"
#include "shards/request.h"
#include "shards/server.h"
#include "shards/worker.h"

#define STOPS_MORE 4    /* stops beyond one on each core */
#define HEADER_SIZE 128 /* of SCAN's answer, at most */

/* What stands in front of the keys: the cursor, and how many they are. */
static struct gf_bytes header_format(char text[HEADER_SIZE], uint64_t cursor, uint64_t found)
{
    char digits[GF_I64_TEXT_MAX];
    size_t digits_size = gf_u64_format(digits, cursor);
    int size = snprintf(text, HEADER_SIZE, "*2\r\n$%zu\r\n%.*s\r\n*%llu\r\n", digits_size,
                        (int)digits_size, digits, (unsigned long long)found);

    GF_ASSERT(size > 0);
    GF_ASSERT(size < HEADER_SIZE);
    return (struct gf_bytes){.data = text, .size = (size_t)size};
}

/* Moves the keys of the stop's answer behind those of the stops before. */
static void take_keys(struct gf_trip *trip, struct gf_request *request)
{
    struct gf_chain answer = {0};
    char text[HEADER_SIZE];
    struct gf_bytes header = header_format(text, trip->scan.cursor, trip->scan.found);

    gf_request_move_reply(request, &answer);
    gf_chain_consume(&answer, header.size);
    gf_chain_splice(&trip->keys, &answer);
    trip->found += trip->scan.found;
}

/* The last stop was not the only one: everything they found, as one answer. An error stays one. */
static void answer_all(struct gf_trip *trip, struct gf_request *request)
{
    char text[HEADER_SIZE];

    if (!trip->scan.answered)
        return;
    take_keys(trip, request);
    gf_chain_append(&request->reply, header_format(text, trip->scan.cursor, trip->found));
    gf_chain_splice(&request->reply, &trip->keys);
}

/* Where the cursor points now. */
static uint16_t next_partition(const struct gf_worker *worker, const struct gf_trip *trip)
{
    const struct gf_router *router = &worker->server->router;
    uint32_t place = gf_scan_cursor_place(trip->scan.cursor);

    GF_ASSERT(place < router->partitions_count);
    return router->order[place];
}

static bool may_go_on(struct gf_worker *worker, const struct gf_request *request)
{
    const struct gf_trip *trip = request->trip;
    uint16_t owner;

    if (!trip->scan.more || !request->conn || request->discard ||
        trip->stops >= (uint32_t)worker->core->count + STOPS_MORE)
        return false;
    owner = worker->server->router.owners[next_partition(worker, trip)];
    return owner == worker->core->id || gf_parcel_room_for_request(worker, owner);
}

void gf_trip_begin(struct gf_conn *conn, struct gf_request *request)
{
    GF_ASSERT(!request->trip);
    request->trip = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*request->trip));
    gf_conn_hold(conn);
}

bool gf_trip_goes_on(struct gf_worker *worker, struct gf_request *request)
{
    struct gf_trip *trip = request->trip;

    GF_ASSERT(request->state == GF_REQUEST_DONE);
    GF_ASSERT(request->message.home == worker->core->id);
    if (!may_go_on(worker, request)) {
        if (trip->stops > 0 && !request->discard)
            answer_all(trip, request);
        return false;
    }
    take_keys(trip, request);
    trip->stops++;
    trip->scan.answered = false;
    trip->scan.more = false;
    request->partition = next_partition(worker, trip);
    request->partitions = &request->partition;
    request->hashes = NULL;
    request->partitions_count = 1;
    request->owner = worker->server->router.owners[request->partition];
    request->state = GF_REQUEST_QUEUED;
    gf_request_start(worker, request);
    return true;
}

void gf_trip_end(struct gf_request *request)
{
    if (!request->trip)
        return;
    gf_chain_clear(&request->trip->keys);
    gf_free(GF_MEMORY_OTHER, request->trip);
    request->trip = NULL;
}
