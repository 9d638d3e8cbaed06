/* SCAN's cursor: where to go on, and in which partition.
 *
 *     63              14 13          0
 *    +------------------+------------+
 *    |     position     | partition  |
 *    +------------------+------------+
 *
 * `position` is gf_keyspace_scan's (below 2^48). A finished partition leads to position 0 of the
 * next one, and only the last one leads to 0. Nobody keeps state for a scan: the number is all of
 * it, so any core, and later any node, can go on with it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"

#define GF_SCAN_PARTITION_BITS 14 /* there are at most as many partitions as slots */
#define GF_SCAN_POSITION_BITS 48

/* gf_scan_cursor_parse - a cursor as clients may write it: decimal, with leading zeroes or a sign,
 * and nothing at all is 0; Redis reads them with strtoul.
 *
 * Returns    false for anything else ("ERR invalid cursor")
 */
bool gf_scan_cursor_parse(struct gf_bytes text, uint64_t *ret_cursor);

/* gf_scan_cursor_partition - the partition where a scan goes on; may be one that does not exist
 * when a client made the cursor up (the scan is over then, wherever it runs). */
static inline uint32_t gf_scan_cursor_partition(uint64_t cursor)
{
    return (uint32_t)(cursor & ((1u << GF_SCAN_PARTITION_BITS) - 1));
}

static inline uint64_t gf_scan_cursor_position(uint64_t cursor)
{
    return cursor >> GF_SCAN_PARTITION_BITS;
}

static inline uint64_t gf_scan_cursor(uint64_t position, uint32_t partition)
{
    return position << GF_SCAN_PARTITION_BITS | partition;
}
