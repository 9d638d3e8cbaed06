/* The only producer of RESP2 and RESP3 bytes.
 *
 * One verb per kind of answer, chosen by meaning; the protocol version is chosen inside. Bytes go
 * straight into a chain (a connection's output, or a request's own reply). In discard mode the very
 * same calls write nothing: replicas and log replay run the same command functions.
 *
 * Debug builds keep a stack of "elements still owed": gf_reply_end asserts that an aggregate got
 * exactly as many elements as it announced.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/bytes.h"
#include "protocol/messages.h"

#define GF_REPLY_DEPTH_MAX 16

struct gf_reply {
    struct gf_chain *chain; /* borrowed; where the bytes go */
    uint8_t resp;           /* 2 or 3 */
    bool discard;           /* write nothing */
    bool failed;            /* an error was answered (for statistics); the owner resets it */
    enum gf_message_id failure; /* which one; GF_MSG_NONE: it came from another core */
#ifdef GF_VERIFY_ENABLED
    uint32_t depth;
    uint64_t owed[GF_REPLY_DEPTH_MAX]; /* elements still owed per open aggregate */
#endif
};

void gf_reply_init(struct gf_reply *reply, struct gf_chain *chain, uint8_t resp);

/* gf_reply_end - the answer is complete (one top-level element was written). */
void gf_reply_end(struct gf_reply *reply);

void gf_reply_ok(struct gf_reply *reply);                            /* +OK */
void gf_reply_status(struct gf_reply *reply, struct gf_bytes text);  /* +text; no CR or LF in it */
void gf_reply_int(struct gf_reply *reply, int64_t value);            /* :value */
void gf_reply_bulk(struct gf_reply *reply, struct gf_bytes bytes);   /* $size bytes */
void gf_reply_bulk_text(struct gf_reply *reply, const char *text);   /* the same for a C string */
void gf_reply_bulk_int(struct gf_reply *reply, int64_t value);       /* a number as a bulk string */
void gf_reply_null(struct gf_reply *reply);                          /* $-1 | _ */
void gf_reply_null_array(struct gf_reply *reply);                    /* *-1 | _ */
void gf_reply_bool(struct gf_reply *reply, bool value);              /* :0 :1 | #f #t */
void gf_reply_double(struct gf_reply *reply, double value);          /* bulk | ,value */
void gf_reply_double_text(struct gf_reply *reply, double value);     /* always a bulk string */
void gf_reply_long_double(struct gf_reply *reply, long double value); /* %.17Lf; bulk | , */
void gf_reply_verbatim(struct gf_reply *reply, const char *format3, struct gf_bytes text);
                                                                     /* bulk | =size txt:… */

/* gf_reply_bulk_room - a bulk string whose `size` bytes (at most 8192) the caller writes to where
 * the returned pointer points, all of them and at once; NULL: nobody reads it (discard). */
char *gf_reply_bulk_room(struct gf_reply *reply, size_t size);
/* gf_reply_bulk_joined - two pieces as one bulk string. */
void gf_reply_bulk_joined(struct gf_reply *reply, struct gf_bytes first, struct gf_bytes second);
/* gf_reply_bulk_chain - all that `chain` holds as one bulk string; the chain is empty then. */
void gf_reply_bulk_chain(struct gf_reply *reply, struct gf_chain *chain);

/* Aggregates: announce the count, then answer that many elements (pairs*2 for a map). */
void gf_reply_array(struct gf_reply *reply, uint64_t count);
void gf_reply_map(struct gf_reply *reply, uint64_t pairs);      /* flat array | % */
void gf_reply_set(struct gf_reply *reply, uint64_t count);      /* array | ~ */
void gf_reply_push(struct gf_reply *reply, uint64_t count);     /* array | > */

/* An aggregate whose count is known only afterwards: open, answer elements, close with the count.
 * Open ones nest like brackets. The close puts the header in its place, in front of the elements.
 * The token is valid until then; keep it on the stack. */
struct gf_reply_open {
    struct gf_chunk *chunk;
    size_t offset;
    char type;
};
struct gf_reply_open gf_reply_array_open(struct gf_reply *reply);
struct gf_reply_open gf_reply_map_open(struct gf_reply *reply);
struct gf_reply_open gf_reply_set_open(struct gf_reply *reply);
void gf_reply_close(struct gf_reply *reply, struct gf_reply_open open, uint64_t count);

/* gf_reply_error - one of messages.def that has no %s. */
void gf_reply_error(struct gf_reply *reply, enum gf_message_id id);

/* gf_reply_error_format - one of messages.def with its %s filled; CR and LF become spaces, and each
 * argument ends at its first zero byte, of unknown (sub)commands at 128 bytes, as Redis does; all
 * others at 64 KiB, so that no client chooses the size of an answer by its mistake. */
void gf_reply_error_format(struct gf_reply *reply, enum gf_message_id id, struct gf_bytes first,
                           struct gf_bytes second);

/* gf_reply_error_explain - the same, but the arguments are texts of our own: they are not cut. */
void gf_reply_error_explain(struct gf_reply *reply, enum gf_message_id id, const char *first,
                            const char *second);

/* gf_reply_error_unknown - "unknown command" with the words it came with, quoted and cut as Redis
 * does.
 *
 * count      words, at least 1
 */
void gf_reply_error_unknown(struct gf_reply *reply, const struct gf_bytes *words, uint32_t count);

/* gf_reply_raw - bytes that are already RESP of this reply's version: `elements` whole elements. */
void gf_reply_raw(struct gf_reply *reply, struct gf_bytes bytes, uint64_t elements);
