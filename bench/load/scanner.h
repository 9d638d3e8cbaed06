/* Replies, told apart as they arrive: how each ended, and nothing of what is in it.
 *
 * Knows what GET and SET can answer: +text, -text, :number, $bulk and the nulls of RESP2 and RESP3.
 */
#pragma once

#include <stdint.h>

enum gf_scan {
    GF_SCAN_MORE,  /* the bytes end before a reply does */
    GF_SCAN_DONE,  /* a reply that is not an error */
    GF_SCAN_NULL,  /* a key that is not there */
    GF_SCAN_ERROR, /* -ERR ... */
    GF_SCAN_BROKEN /* not RESP, or a kind of reply that was not asked for */
};

struct gf_scanner {
    char line[64];      /* the start of the current line, without its end */
    uint32_t line_size; /* bytes of the line so far; those beyond `line` are dropped */
    uint64_t skip;      /* bytes of a bulk still to come, its line end included */
};

/* gf_scanner_next - look for the end of the next reply.
 *
 * at         in: the first unread byte; out: the first one after what was read
 * end        one past the last byte
 */
enum gf_scan gf_scanner_next(struct gf_scanner *scanner, const char **at, const char *end);
