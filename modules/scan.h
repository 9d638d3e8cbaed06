/* SCAN's cursor: where to go on, and in which partition. SCAN on its way from core to core.
 *
 *     63              14 13          0
 *    +------------------+------------+
 *    |     position     |   place    |
 *    +------------------+------------+
 *
 * `position` is gf_keyspace_scan's (below 2^48). `place` is the partition's in the order of the
 * scan (shards/router.h: core by core). A finished partition leads to position 0 of the next one,
 * and only the last one leads to 0. Nobody keeps state for a scan: the number is all of it, so any
 * core can go on with it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"

#define GF_SCAN_PLACE_BITS 14 /* there are at most as many partitions as slots */
#define GF_SCAN_POSITION_BITS 48

/* gf_scan_cursor_parse - a cursor as clients may write it: decimal, with leading zeroes or a sign,
 * and nothing at all is 0; Redis reads them with strtoul.
 *
 * Returns    false for anything else ("ERR invalid cursor")
 */
bool gf_scan_cursor_parse(struct gf_bytes text, uint64_t *ret_cursor);

/* gf_scan_cursor_place - of the partition where a scan goes on; may be one that does not exist when
 * a client made the cursor up (the scan is over then, wherever it runs). */
static inline uint32_t gf_scan_cursor_place(uint64_t cursor)
{
    return (uint32_t)(cursor & ((1u << GF_SCAN_PLACE_BITS) - 1));
}

static inline uint64_t gf_scan_cursor_position(uint64_t cursor)
{
    return cursor >> GF_SCAN_PLACE_BITS;
}

static inline uint64_t gf_scan_cursor(uint64_t position, uint32_t place)
{
    return position << GF_SCAN_PLACE_BITS | place;
}

/* One call of SCAN that may go on at another core: what it has done so far. Whoever sends it around
 * (shards/trip.h) zeroes it, and puts the answers of all cores together. */
struct gf_scan_trip {
    bool begun;       /* this is not the first core: `cursor` says where, not word 1             */
    bool answered;    /* written by SCAN: it gave keys and a cursor, no error                    */
    bool more;        /* written by SCAN: not enough yet, and it was not given what comes next   */
    uint64_t cursor;  /* of the last answer                                                      */
    uint64_t found;   /* keys in the last answer                                                 */
    uint64_t visited; /* keys seen on all cores, wanted or not                                   */
    uint64_t rounds;  /* calls of gf_keyspace_scan that are left for all cores                   */
};
