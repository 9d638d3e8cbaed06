/* Pending entries change hands: XCLAIM, XAUTOCLAIM.
 *
 * An entry that is pending but no longer in the stream is not handed on; it stops being pending.
 */
#include "core/alloc.h"
#include "modules/streams.h"

#define AUTOCLAIM_COUNT 100          /* entries, unless COUNT says so */
#define AUTOCLAIM_ATTEMPTS_FACTOR 10 /* pending entries looked at for each one wanted */
#define AUTOCLAIM_COUNT_MAX (INT64_MAX / 16)

/* What both commands are told. */
struct claim_options {
    struct gf_bytes consumer;
    uint64_t idle_min_ms;
    uint64_t delivery_ms; /* of the entries, from now on */
    int64_t deliveries;   /* -1 = one more than before */
    bool just_id;
    bool force; /* XCLAIM: also what is not pending */
};

/* A claim at work. */
struct claim {
    const struct claim_options *options;
    struct gf_place place;
    struct gf_stream *stream;
    struct gf_stream_group *group;
    struct gf_stream_consumer *consumer;
    uint64_t given; /* entries answered */
};

static uint64_t next_idle_min(struct gf_args *args, enum gf_message_id error)
{
    int64_t value = 0;

    if (!gf_bytes_parse_i64(gf_args_next(args), &value))
        gf_args_fail(args, error);
    return value > 0 ? (uint64_t)value : 0;
}

/* claim_start - the group and the consumer; false when the error is answered. */
static bool claim_start(struct gf_exec *x, struct gf_bytes group, struct claim *claim)
{
    claim->group = gf_streams_find_group(x, claim->place.key, claim->stream, group);
    if (!claim->group)
        return false;
    claim->consumer = gf_streams_consumer(x, &claim->place, claim->group, claim->options->consumer);
    return claim->consumer != NULL;
}

/* is_idle - for long enough to be taken away from its consumer. */
static bool is_idle(const struct gf_exec *x, const struct claim *claim,
                    const struct gf_stream_pending *pending)
{
    uint64_t least_ms = claim->options->idle_min_ms;

    return least_ms == 0 ||
           (x->now_ms >= pending->delivery_ms && x->now_ms - pending->delivery_ms >= least_ms);
}

/* take - the pending entry is the consumer's, and is answered. */
static void take(struct gf_exec *x, struct claim *claim, struct gf_stream_pending *pending,
                 struct gf_stream_entry *entry)
{
    const struct claim_options *options = claim->options;

    gf_stream_pending_give(pending, claim->consumer);
    pending->delivery_ms = options->delivery_ms;
    if (options->deliveries >= 0)
        pending->deliveries = (uint64_t)options->deliveries;
    else if (!options->just_id)
        pending->deliveries++;
    claim->consumer->active_ms = (int64_t)x->now_ms;
    claim->given++;
    if (options->just_id)
        gf_streams_reply_id(x->reply, entry->id);
    else
        gf_streams_reply_entry(x->reply, entry);
}

/* XCLAIM. */

static void claim_id(struct gf_exec *x, struct claim *claim, struct gf_id id)
{
    struct gf_stream_pending *pending = gf_stream_pending_find(claim->group, id);
    struct gf_stream_entry entry;

    if (!gf_stream_find(claim->stream, id, &entry)) {
        (void)gf_stream_pending_remove(claim->group, id);
        return;
    }
    if (!pending && claim->options->force) {
        pending = gf_stream_pending_add(claim->group, id, claim->consumer);
        pending->deliveries = 1;
        take(x, claim, pending, &entry);
    } else if (pending && is_idle(x, claim, pending)) {
        take(x, claim, pending, &entry);
    }
}

/* next_number - an option's number; `error` when it is none. */
static int64_t next_number(struct gf_args *args, enum gf_message_id error)
{
    int64_t value = 0;

    if (!gf_bytes_parse_i64(gf_args_next(args), &value))
        gf_args_fail(args, error);
    return value;
}

/* read_claim_option - the next option; false when the error is answered. */
static bool read_claim_option(struct gf_exec *x, struct claim_options *options,
                              int64_t *delivery_ms, struct gf_id *last_id)
{
    struct gf_args *args = x->args;
    bool more = gf_args_left(args) >= 2;

    if (gf_args_skip_if(args, "FORCE")) {
        options->force = true;
    } else if (gf_args_skip_if(args, "JUSTID")) {
        options->just_id = true;
    } else if (more && gf_args_skip_if(args, "IDLE")) {
        uint64_t idle_ms = (uint64_t)next_number(args, GF_MSG_STREAM_XCLAIM_IDLE_OPTION);

        *delivery_ms = (int64_t)(x->now_ms - idle_ms);
    } else if (more && gf_args_skip_if(args, "TIME")) {
        *delivery_ms = next_number(args, GF_MSG_STREAM_XCLAIM_TIME_OPTION);
    } else if (more && gf_args_skip_if(args, "RETRYCOUNT")) {
        options->deliveries = next_number(args, GF_MSG_STREAM_XCLAIM_COUNT_OPTION);
    } else if (more && gf_args_skip_if(args, "LASTID")) {
        *last_id = gf_streams_next_id(args);
    } else if (args->error == GF_MSG_NONE) {
        gf_reply_error_format(x->reply, GF_MSG_STREAM_XCLAIM_OPTION, gf_args_next(args),
                              GF_BYTES(""));
        return false;
    }
    return gf_args_ok(args, x->reply);
}

/* read_claim - min-idle-time, ids and options; false when the error is answered.
 *
 * ret_ids    words that are ids
 */
static bool read_claim(struct gf_exec *x, struct claim_options *options, uint32_t *ret_ids,
                       struct gf_id *last_id)
{
    struct gf_args *args = x->args;
    int64_t delivery_ms = -1;
    struct gf_id id;

    options->idle_min_ms = next_idle_min(args, GF_MSG_STREAM_XCLAIM_IDLE);
    *ret_ids = 0;
    if (!gf_args_ok(args, x->reply))
        return false;
    while (gf_args_left(args) > 0 && gf_streams_parse_id(args->words[args->index], 0, &id)) {
        args->index++;
        (*ret_ids)++;
    }
    while (gf_args_left(args) > 0) {
        if (!read_claim_option(x, options, &delivery_ms, last_id))
            return false;
    }
    options->delivery_ms = x->now_ms;
    if (delivery_ms >= 0 && (uint64_t)delivery_ms < x->now_ms)
        options->delivery_ms = (uint64_t)delivery_ms;
    return true;
}

void gf_streams_xclaim_run(struct gf_exec *x)
{
    struct claim_options options = {.deliveries = -1};
    struct claim claim = {.options = &options, .place = gf_place_next(x)};
    struct gf_bytes name = gf_args_next(x->args);
    struct gf_id last_id = GF_ID_MIN;
    struct gf_reply_open array;
    uint32_t ids;

    /* That there is a group comes before everything the other words say. */
    options.consumer = gf_args_next(x->args);
    if (!gf_streams_find(x, &claim.place, &claim.stream) ||
        !gf_streams_find_group(x, claim.place.key, claim.stream, name))
        return;

    uint32_t first = x->args->index + 1;

    if (!read_claim(x, &options, &ids, &last_id) || !claim_start(x, name, &claim))
        return;
    if (gf_id_compare(last_id, claim.group->last_id) > 0)
        claim.group->last_id = last_id;
    array = gf_reply_array_open(x->reply);
    x->args->index = first;
    for (uint32_t i = 0; i < ids; i++)
        claim_id(x, &claim, gf_streams_next_id(x->args));
    gf_reply_close(x->reply, array, claim.given);
    gf_streams_changed(x, &claim.place, NULL);
}

/* XAUTOCLAIM. */

/* What an XAUTOCLAIM walks through, and what it found to be gone. */
struct sweep {
    struct gf_id next;  /* where to go on; 0-0 at the end */
    uint64_t left;      /* entries to answer or to drop */
    struct gf_id *gone; /* owned; ids that were pending and are no longer in the stream */
    uint64_t gone_count;
};

/* gone_add - its room doubles when it is a power of two. */
static void gone_add(struct sweep *sweep, struct gf_id id)
{
    uint64_t count = sweep->gone_count;

    if ((count & (count - 1)) == 0) {
        sweep->gone = gf_realloc_try(GF_MEMORY_OTHER, sweep->gone,
                                     (count ? 2 * count : 1) * sizeof(*sweep->gone));
        GF_ASSERT(sweep->gone != NULL);
    }
    sweep->gone[sweep->gone_count++] = id;
}

/* sweep_run - answers what can be taken. */
static void sweep_run(struct gf_exec *x, struct claim *claim, struct sweep *sweep)
{
    uint64_t attempts = sweep->left * AUTOCLAIM_ATTEMPTS_FACTOR;
    struct gf_id_tree *tree = &claim->group->pending;
    struct gf_id_cursor cursor = gf_id_tree_seek(tree, sweep->next);
    struct gf_stream_pending *pending;

    while ((pending = gf_id_cursor_at(tree, cursor)) != NULL && attempts-- > 0 && sweep->left > 0) {
        struct gf_id id = pending->id;
        struct gf_stream_entry entry;

        if (!gf_stream_find(claim->stream, id, &entry)) {
            (void)gf_stream_pending_remove(claim->group, id);
            gone_add(sweep, id);
            sweep->left--;
            cursor = gf_id_tree_seek(tree, id);
            continue;
        }
        if (is_idle(x, claim, pending)) {
            take(x, claim, pending, &entry);
            sweep->left--;
        }
        gf_id_cursor_next(&cursor);
        gf_exec_pause(x, 4);
    }
    sweep->next = pending ? pending->id : GF_ID_MIN;
}

/* reply_sweep - where to go on, what was taken, what was gone. The cursor is known last, but stands
 * first: what was taken is answered into a chain of its own. */
static void reply_sweep(struct gf_exec *x, struct claim *claim, struct sweep *sweep)
{
    struct gf_chain taken = {0};
    struct gf_reply *reply = x->reply;
    struct gf_reply inner;

    gf_reply_init(&inner, &taken, reply->resp);
    inner.discard = reply->discard;
    x->reply = &inner;

    struct gf_reply_open array = gf_reply_array_open(&inner);

    sweep_run(x, claim, sweep);
    gf_reply_close(&inner, array, claim->given);
    gf_reply_end(&inner);
    x->reply = reply;

    gf_reply_array(reply, 3);
    gf_streams_reply_id(reply, sweep->next);
    gf_chain_splice(reply->chain, &taken);
    gf_reply_raw(reply, GF_BYTES(""), 1);
    gf_reply_array(reply, sweep->gone_count);
    for (uint64_t i = 0; i < sweep->gone_count; i++)
        gf_streams_reply_id(reply, sweep->gone[i]);
}

/* next_sweep_count - anything but a good number gets the same error. */
static uint64_t next_sweep_count(struct gf_args *args)
{
    int64_t count = 0;

    if (!gf_bytes_parse_i64(gf_args_next(args), &count) || count < 1 || count > AUTOCLAIM_COUNT_MAX)
        gf_args_fail(args, GF_MSG_COUNT_NOT_POSITIVE);
    return (uint64_t)count;
}

/* sweep_is_long - see gf_exec_is_long. */
static bool sweep_is_long(struct gf_exec *x, const struct gf_stream *stream, struct gf_bytes name,
                          const struct sweep *sweep)
{
    const struct gf_stream_group *group = stream ? gf_stream_group_find(stream, name) : NULL;
    uint64_t attempts = sweep->left * AUTOCLAIM_ATTEMPTS_FACTOR;

    if (!group)
        return false;
    return gf_exec_is_long(x, attempts < group->pending.count ? attempts : group->pending.count);
}

void gf_streams_xautoclaim_run(struct gf_exec *x)
{
    struct claim_options options = {.deliveries = -1, .delivery_ms = x->now_ms};
    struct claim claim = {.options = &options, .place = gf_place_next(x)};
    struct gf_bytes name = gf_args_next(x->args);
    struct sweep sweep = {.left = AUTOCLAIM_COUNT};

    options.consumer = gf_args_next(x->args);
    options.idle_min_ms = next_idle_min(x->args, GF_MSG_STREAM_XAUTOCLAIM_IDLE);
    sweep.next = gf_streams_next_start(x->args);
    while (x->args->error == GF_MSG_NONE && gf_args_left(x->args) > 0) {
        if (gf_args_left(x->args) >= 2 && gf_args_skip_if(x->args, "COUNT"))
            sweep.left = next_sweep_count(x->args);
        else if (gf_args_skip_if(x->args, "JUSTID"))
            options.just_id = true;
        else
            break;
    }
    if (!gf_args_finish(x->args, x->reply) || !gf_streams_find(x, &claim.place, &claim.stream) ||
        sweep_is_long(x, claim.stream, name, &sweep) || !claim_start(x, name, &claim))
        return;
    reply_sweep(x, &claim, &sweep);
    gf_free(GF_MEMORY_OTHER, sweep.gone);
    gf_streams_changed(x, &claim.place, NULL);
}
