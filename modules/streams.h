/* What the files of the streams module share: its commands, ids and options as clients write them,
 * and how a stream is found and answered.
 *
 *   streams.c           the type and the rows
 *   streams_args.c      ids, intervals, trimming options
 *   streams_write.c     XADD XTRIM XDEL XSETID
 *   streams_range.c     XLEN XRANGE XREVRANGE
 *   streams_read.c      XREAD XREADGROUP
 *   streams_pending.c   XACK XPENDING
 *   streams_claim.c     XCLAIM XAUTOCLAIM
 *   streams_groups.c    XGROUP, a module of its own: its rows and what they do
 *   streams_info.c      XINFO, the same
 *
 *   stream.h            the structure under them
 */
#pragma once

#include "core/assert.h"
#include "core/bytes.h"
#include "modules/keyspace.h"
#include "modules/module.h"
#include "modules/object.h"
#include "modules/place.h"
#include "modules/stream.h"
#include "modules/stream_group.h"

/* gf_streams_of - the stream of an object, or NULL for NULL. False when it holds another type: the
 * error is answered. */
static inline bool gf_streams_of(struct gf_exec *x, const struct gf_object *object,
                                 struct gf_stream **ret_stream)
{
    if (object && GF_UNLIKELY(gf_object_type(object) != GF_TYPE_STREAM)) {
        gf_reply_error(x->reply, GF_MSG_WRONGTYPE);
        return false;
    }
    *ret_stream = object ? gf_object_pointer(object) : NULL;
    return true;
}

/* gf_streams_find - the stream at a place, NULL when there is no such key. False: as above. */
static inline bool gf_streams_find(struct gf_exec *x, const struct gf_place *place,
                                   struct gf_stream **ret_stream)
{
    return gf_streams_of(x, gf_place_find(x, place), ret_stream);
}

/* gf_streams_place - the command's only key. */
static inline struct gf_place gf_streams_place(struct gf_exec *x)
{
    x->args->index = (uint32_t)x->command->key_first;
    return gf_place_next(x);
}

/* gf_streams_changed - the key at `place` is not what it was. */
static inline void gf_streams_changed(struct gf_exec *x, const struct gf_place *place,
                                      const char *event)
{
    gf_exec_changed(x, x->db, place->key, GF_EVENT_STREAM, event);
}

/* gf_streams_add - an empty stream under a key that does not exist. */
struct gf_stream *gf_streams_add(struct gf_exec *x, const struct gf_place *place);

/* gf_streams_find_group - a group that must exist, or NULL: the error is answered then. */
struct gf_stream_group *gf_streams_find_group(struct gf_exec *x, struct gf_bytes key,
                                              const struct gf_stream *stream, struct gf_bytes name);

/* gf_streams_consumer - the consumer with this name, made when there is none; it is seen now. NULL
 * when there is no memory: the error is answered then. */
struct gf_stream_consumer *gf_streams_consumer(struct gf_exec *x, const struct gf_place *place,
                                               struct gf_stream_group *group, struct gf_bytes name);

/* Ids as clients write them; the readers remember an error in `args` (protocol/args.h). */

/* gf_streams_parse_id - "ms-seq" or "ms", whose seq is `seq` then. False when it is none. */
bool gf_streams_parse_id(struct gf_bytes text, uint64_t seq, struct gf_id *ret_id);

/* gf_streams_next_id - the next word as an id; a missing seq is 0. */
struct gf_id gf_streams_next_id(struct gf_args *args);

/* gf_streams_next_start, gf_streams_next_end - the next word as the lowest or highest id of an
 * interval: an id, "-", "+", or "(" and an id that is not included. */
struct gf_id gf_streams_next_start(struct gf_args *args);
struct gf_id gf_streams_next_end(struct gf_args *args);

/* gf_streams_next_count - a COUNT: negative is 0. */
static inline uint64_t gf_streams_next_count(struct gf_args *args)
{
    int64_t count = gf_args_next_i64(args);

    return count > 0 ? (uint64_t)count : 0;
}

/* Options of XADD and XTRIM. */
struct gf_streams_trim_options {
    struct gf_stream_trim trim;
    bool limited; /* LIMIT was given */
};

/* gf_streams_next_trim - reads one of MAXLEN, MINID and LIMIT if the next word is one; false: it is
 * not, or the words are broken. */
bool gf_streams_next_trim(struct gf_args *args, struct gf_streams_trim_options *options);

/* gf_streams_finish_trim - what the options mean together; an error is remembered in `args`. */
void gf_streams_finish_trim(struct gf_args *args, const struct gf_limits *limits,
                            struct gf_streams_trim_options *options);

/* Answers. */

void gf_streams_reply_id(struct gf_reply *reply, struct gf_id id);
/* gf_streams_reply_entry - id, and fields and values. */
void gf_streams_reply_entry(struct gf_reply *reply, struct gf_stream_entry *entry);
/* Counters of groups: how many entries were read, as far as that is known. */

/* gf_streams_read_count - the number of the entry with this id among all ever added; unknown when
 * entries were removed in between. */
int64_t gf_streams_read_count(const struct gf_stream *stream, struct gf_id id);

/* gf_streams_has_gaps - entries behind `id` were removed, or may have been. */
bool gf_streams_has_gaps(const struct gf_stream *stream, struct gf_id id);

/* gf_streams_find_keys - the keys of XREAD and XREADGROUP. */
uint32_t gf_streams_find_keys(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                              uint32_t max);

/* The commands; their rows say what they do. */
void gf_streams_xadd_run(struct gf_exec *x);
void gf_streams_xtrim_run(struct gf_exec *x);
void gf_streams_xdel_run(struct gf_exec *x);
void gf_streams_xsetid_run(struct gf_exec *x);
void gf_streams_xlen_run(struct gf_exec *x);
void gf_streams_xrange_run(struct gf_exec *x);
void gf_streams_xrevrange_run(struct gf_exec *x);
void gf_streams_xread_run(struct gf_exec *x);
void gf_streams_xreadgroup_run(struct gf_exec *x);
void gf_streams_xack_run(struct gf_exec *x);
void gf_streams_xpending_run(struct gf_exec *x);
void gf_streams_xclaim_run(struct gf_exec *x);
void gf_streams_xautoclaim_run(struct gf_exec *x);
