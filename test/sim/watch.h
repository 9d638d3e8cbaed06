/* What monitors see of what connections do.
 *
 * Every connection keeps a track: a hash of each command, as MONITOR would write it. A monitor
 * keeps the lines that it got. Of each connection it must have seen a stretch of the track: without
 * a hole and nothing twice, in order, from the first that was sent after MONITOR's OK at the
 * latest, and, when all is quiet at the end, up to the last that was answered. It may begin
 * earlier: while others monitor, lines of another core may be on their way to a new monitor.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/list.h"
#include "sim/client.h"
#include "sim/world.h"

/* Of one connection; kept to the end of the run. */
struct sim_track {
    struct gf_link link;
    char address[64];     /* as the server sees the client    */
    uint32_t id;          /* 0, 1, 2, ...                     */
    struct gf_buf hashes; /* uint64_t each, of all commands   */
    uint32_t sent;        /* of them, wholly                  */
    uint32_t answered;    /* and not because the connection ended */
};

struct sim_tracks {
    struct sim_world *world;
    struct gf_list list; /* sim_track.link, in the order of their ids; owned */
    uint32_t count;
};

/* One monitor, from OK to its end. */
struct sim_watch {
    struct sim_tracks *tracks; /* NULL = does not watch                                  */
    bool begun;                /* MONITOR was answered                                    */
    struct gf_buf sent;        /* uint32_t of each track when MONITOR was answered        */
    struct gf_buf lines;       /* pairs of uint64_t: id of the track, hash                */
};

void sim_tracks_init(struct sim_tracks *tracks, struct sim_world *world);
void sim_tracks_deinit(struct sim_tracks *tracks);

/* sim_track_add - of a connection that has just been made. */
struct sim_track *sim_track_add(struct sim_tracks *tracks, const struct sim_client *client);

/* sim_track_queue - its next command. */
void sim_track_queue(struct sim_track *track, const struct sim_command *command);

/* sim_watch_ask - MONITOR is sent; sim_watch_begin - it has been answered; sim_watch_line - it gets
 * a line. */
void sim_watch_ask(struct sim_watch *watch, struct sim_tracks *tracks);
void sim_watch_begin(struct sim_watch *watch);
void sim_watch_line(struct sim_watch *watch, struct gf_bytes text);

/* sim_watch_end - checks what it saw. quiet: nothing more would have come. Not watching is fine. */
void sim_watch_end(struct sim_watch *watch, bool quiet);
