/* What was delivered and is not acknowledged: XACK, XPENDING. */
#include "modules/streams.h"

void gf_streams_xack_run(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct gf_bytes name = gf_args_next(x->args);
    uint32_t first = x->args->index;
    int64_t acknowledged = 0;
    struct gf_stream_group *group;
    struct gf_stream *stream;

    if (!gf_streams_find(x, &place, &stream))
        return;
    group = stream ? gf_stream_group_find(stream, name) : NULL;
    while (group && gf_args_left(x->args) > 0)
        (void)gf_streams_next_id(x->args);
    if (!gf_args_ok(x->args, x->reply))
        return;

    x->args->index = first;
    while (group && gf_args_left(x->args) > 0)
        acknowledged += gf_stream_pending_remove(group, gf_streams_next_id(x->args));
    if (acknowledged > 0)
        gf_streams_changed(x, &place, NULL);
    gf_reply_int(x->reply, acknowledged);
}

/* What the long form of XPENDING was told. */
struct pending_options {
    uint64_t idle_min_ms; /* 0 = all */
    struct gf_id from;
    struct gf_id to;
    uint64_t count;
    bool consumer_given;
    struct gf_bytes consumer;
};

/* read_pending - the words behind the group; false when the error is answered. Redis takes up to
 * nine words and looks at no more than it needs; the count is judged before the ids. */
static bool read_pending(struct gf_exec *x, struct pending_options *options)
{
    struct gf_args *args = x->args;
    uint32_t first;

    if (args->count < 6 || args->count > 9) {
        gf_reply_error(x->reply, GF_MSG_SYNTAX);
        return false;
    }
    if (gf_args_skip_if(args, "IDLE")) {
        int64_t idle_ms = gf_args_next_i64(args);

        options->idle_min_ms = idle_ms > 0 ? (uint64_t)idle_ms : 0;
        if (args->count < 8)
            gf_args_fail(args, GF_MSG_SYNTAX);
    }
    first = args->index;
    args->index = first + 2;
    options->count = gf_streams_next_count(args);
    args->index = first;
    options->from = gf_streams_next_start(args);
    options->to = gf_streams_next_end(args);
    args->index++;
    options->consumer_given = gf_args_left(args) > 0;
    if (options->consumer_given)
        options->consumer = gf_args_next(args);
    return gf_args_ok(args, x->reply);
}

/* reply_summary - how many, the first and the last, and how many for each consumer. */
static void reply_summary(struct gf_exec *x, const struct gf_stream_group *group)
{
    const struct gf_stream_pending *first = gf_id_tree_first(&group->pending);
    struct gf_reply_open array;
    uint64_t given = 0;

    gf_reply_array(x->reply, 4);
    gf_reply_int(x->reply, (int64_t)group->pending.count);
    if (!first) {
        gf_reply_null(x->reply);
        gf_reply_null(x->reply);
        gf_reply_null_array(x->reply);
        return;
    }
    gf_streams_reply_id(x->reply, first->id);
    gf_streams_reply_id(x->reply,
                        ((struct gf_stream_pending *)gf_id_tree_last(&group->pending))->id);
    array = gf_reply_array_open(x->reply);
    for (uint32_t i = 0; i < group->consumers_count; i++) {
        const struct gf_stream_consumer *consumer = group->consumers[i];

        if (consumer->pending.count == 0)
            continue;
        gf_reply_array(x->reply, 2);
        gf_reply_bulk(x->reply, gf_stream_consumer_name(consumer));
        gf_reply_bulk_int(x->reply, (int64_t)consumer->pending.count);
        given++;
    }
    gf_reply_close(x->reply, array, given);
}

static void reply_pending(struct gf_exec *x, const struct gf_stream_pending *pending,
                          uint64_t idle_ms)
{
    gf_reply_array(x->reply, 4);
    gf_streams_reply_id(x->reply, pending->id);
    gf_reply_bulk(x->reply, gf_stream_consumer_name(pending->consumer));
    gf_reply_int(x->reply, (int64_t)idle_ms);
    gf_reply_int(x->reply, (int64_t)pending->deliveries);
}

/* reply_list - pending entries from one id to another: the group's, or one consumer's. */
static void reply_list(struct gf_exec *x, const struct gf_stream_group *group,
                       const struct pending_options *options)
{
    const struct gf_stream_consumer *consumer =
        options->consumer_given ? gf_stream_consumer_find(group, options->consumer) : NULL;
    const struct gf_id_tree *tree = consumer ? &consumer->pending : &group->pending;
    struct gf_reply_open array = gf_reply_array_open(x->reply);
    struct gf_id_cursor cursor = gf_id_tree_seek(tree, options->from);
    const struct gf_id *id;
    uint64_t given = 0;

    if (options->consumer_given && !consumer)
        cursor = (struct gf_id_cursor){0};
    while (given < options->count && (id = gf_id_cursor_at(tree, cursor)) != NULL &&
           gf_id_compare(*id, options->to) <= 0) {
        const struct gf_stream_pending *pending = gf_stream_pending_find(group, *id);
        uint64_t idle_ms = x->now_ms > pending->delivery_ms ? x->now_ms - pending->delivery_ms : 0;

        gf_id_cursor_next(&cursor);
        gf_exec_pause(x, 2);
        if (idle_ms < options->idle_min_ms)
            continue;
        reply_pending(x, pending, idle_ms);
        given++;
    }
    gf_reply_close(x->reply, array, given);
}

/* list_is_long - see gf_exec_is_long. Entries that are not idle are looked at and not answered. */
static bool list_is_long(struct gf_exec *x, const struct gf_stream_group *group,
                         const struct pending_options *options)
{
    uint64_t count = group->pending.count;

    if (options->idle_min_ms == 0 && options->count < count)
        count = options->count;
    return gf_exec_is_long(x, 2 * count);
}

void gf_streams_xpending_run(struct gf_exec *x)
{
    struct pending_options options = {.count = 0};
    struct gf_place place = gf_place_next(x);
    struct gf_bytes name = gf_args_next(x->args);
    bool summary = x->args->count == 3;
    struct gf_stream_group *group;
    struct gf_stream *stream;

    if (!summary && !read_pending(x, &options))
        return;
    if (!gf_streams_find(x, &place, &stream))
        return;
    group = gf_streams_find_group(x, place.key, stream, name);
    if (!group)
        return;
    if (summary)
        reply_summary(x, group);
    else if (!list_is_long(x, group, &options))
        reply_list(x, group, &options);
}
