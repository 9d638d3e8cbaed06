/* Entries in order: XLEN, XRANGE, XREVRANGE. */
#include "modules/streams.h"

#define ENTRY_STEPS 4u /* of gf_exec_pause: an id, and some fields with their values */

void gf_streams_xlen_run(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct gf_stream *stream;

    if (gf_streams_find(x, &place, &stream))
        gf_reply_int(x->reply, stream ? (int64_t)stream->length : 0);
}

/* An interval, and how many entries of it are wanted. */
struct range {
    struct gf_id from;
    struct gf_id to;
    bool back;
    bool counted;
    uint64_t count; /* with counted */
};

/* range_is_long - see gf_exec_is_long. */
static bool range_is_long(struct gf_exec *x, const struct gf_stream *stream,
                          const struct range *range)
{
    return (!range->counted || range->count > x->at_once) &&
           gf_exec_is_long(x, gf_stream_count(stream, range->from, range->to, x->at_once));
}

static void reply_range(struct gf_exec *x, const struct gf_stream *stream,
                        const struct range *range)
{
    struct gf_reply_open array = gf_reply_array_open(x->reply);
    uint64_t left = range->counted ? range->count : UINT64_MAX;
    struct gf_stream_entry entry;
    struct gf_stream_walk walk;
    uint64_t given = 0;

    if (range->back)
        gf_stream_walk_back_start(&walk, stream, range->from, range->to);
    else
        gf_stream_walk_start(&walk, stream, range->from, range->to);
    while (given < left && (range->back ? gf_stream_walk_back_next(&walk, &entry)
                                        : gf_stream_walk_next(&walk, &entry))) {
        gf_streams_reply_entry(x->reply, &entry);
        given++;
        gf_exec_pause(x, ENTRY_STEPS);
    }
    gf_stream_walk_end(&walk);
    gf_reply_close(x->reply, array, given);
}

static void range_run(struct gf_exec *x, struct range range)
{
    struct gf_place place = gf_place_next(x);
    struct gf_stream *stream;

    /* The start is judged before the end, whichever stands first. */
    if (range.back) {
        x->args->index++;
        range.from = gf_streams_next_start(x->args);
        x->args->index -= 2;
        range.to = gf_streams_next_end(x->args);
        x->args->index++;
    } else {
        range.from = gf_streams_next_start(x->args);
        range.to = gf_streams_next_end(x->args);
    }
    while (gf_args_left(x->args) >= 2 && gf_args_skip_if(x->args, "COUNT")) {
        range.count = gf_streams_next_count(x->args);
        range.counted = true;
    }
    if (!gf_args_finish(x->args, x->reply) || !gf_streams_find(x, &place, &stream))
        return;
    if (!stream)
        gf_reply_array(x->reply, 0);
    else if (range.counted && range.count == 0)
        gf_reply_null_array(x->reply);
    else if (!range_is_long(x, stream, &range))
        reply_range(x, stream, &range);
}

void gf_streams_xrange_run(struct gf_exec *x)
{
    range_run(x, (struct range){.back = false});
}

void gf_streams_xrevrange_run(struct gf_exec *x)
{
    range_run(x, (struct range){.back = true});
}
