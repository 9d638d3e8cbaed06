/* XREAD and XREADGROUP: what is new in several streams, at once or when it comes.
 *
 *   read the words -> where each stream is to be read from -> anything there?  yes: answer it
 *                                                                               no: wait, or null
 *
 * XREAD's $ and + mean ids that are known when the command is first run, so the words it waits with
 * have these ids in their places. A command that waits has changed nothing: the consumer of an
 * XREADGROUP is made when there is an answer.
 */
#include "core/alloc.h"
#include "modules/streams.h"

#define ID_TEXT_SIZE (2 * GF_I64_TEXT_MAX + 1)

/* One key that is read. */
struct source {
    struct gf_place place;
    struct gf_stream *stream;      /* NULL: there is none */
    struct gf_stream_group *group; /* NULL: XREAD */
    struct gf_id after;            /* entries behind this one are wanted */
    bool news;                     /* XREADGROUP's >: what no consumer has got */
    bool resolved;                 /* XREAD's $ or +: `after` is known from now on */
};

struct reading {
    bool grouped; /* XREADGROUP */
    bool group_given;
    bool blocks;
    bool no_ack;
    uint64_t timeout_ms;
    uint64_t count; /* entries of each stream; 0 = all */
    struct gf_bytes group;
    struct gf_bytes consumer;
    uint32_t first; /* word of the first key; 0: STREAMS was not there */
    uint32_t sources_count;
    struct source *sources; /* owned */
};

uint32_t gf_streams_find_keys(const struct gf_bytes *words, uint32_t count, uint32_t *ret_indexes,
                              uint32_t max)
{
    uint32_t first = 0;
    uint32_t keys;

    for (uint32_t i = 1; i < count && first == 0; i++) {
        if (gf_bytes_is(words[i], "STREAMS"))
            first = i + 1;
        else if (gf_bytes_is(words[i], "BLOCK") || gf_bytes_is(words[i], "COUNT"))
            i++;
        else if (gf_bytes_is(words[i], "GROUP"))
            i += 2;
        else if (!gf_bytes_is(words[i], "NOACK"))
            return 0;
    }
    if (first == 0 || first >= count || (count - first) % 2 != 0)
        return 0;
    keys = (count - first) / 2;
    for (uint32_t i = 0; i < keys && i < max; i++)
        ret_indexes[i] = first + i;
    return keys;
}

/* Reading the words. */

static void read_timeout(struct gf_exec *x, struct reading *r)
{
    struct gf_bytes word = gf_args_next(x->args);
    int64_t timeout_ms = 0;

    if (!gf_bytes_parse_i64(word, &timeout_ms))
        gf_args_fail(x->args, GF_MSG_TIMEOUT_INTEGER);
    else if (timeout_ms < 0)
        gf_args_fail(x->args, GF_MSG_TIMEOUT_NEGATIVE);
    else if ((uint64_t)timeout_ms > INT64_MAX - x->now_ms)
        gf_args_fail(x->args, GF_MSG_TIMEOUT_RANGE);
    r->blocks = true;
    r->timeout_ms = (uint64_t)timeout_ms;
}

/* read_streams - the keys are counted; their ids stand behind them. */
static bool read_streams(struct gf_exec *x, struct reading *r)
{
    uint32_t left = gf_args_left(x->args);

    r->first = x->args->index;
    r->sources_count = left / 2;
    if (left % 2 == 0)
        return true;
    gf_reply_error_explain(x->reply, GF_MSG_STREAM_UNBALANCED, r->grouped ? "xreadgroup" : "xread",
                           r->grouped ? ">" : "$");
    return false;
}

/* read_group_option - GROUP and NOACK, which XREAD does not have. */
static bool read_group_option(struct gf_args *args, struct reading *r)
{
    if (gf_args_left(args) >= 3 && gf_args_skip_if(args, "GROUP")) {
        r->group = gf_args_next(args);
        r->consumer = gf_args_next(args);
        r->group_given = true;
        if (!r->grouped)
            gf_args_fail(args, GF_MSG_STREAM_GROUP_OPTION);
        return true;
    }
    if (!gf_args_skip_if(args, "NOACK"))
        return false;
    r->no_ack = true;
    if (!r->grouped)
        gf_args_fail(args, GF_MSG_STREAM_NOACK_OPTION);
    return true;
}

/* read_options - up to the keys; false when the error is answered. */
static bool read_options(struct gf_exec *x, struct reading *r)
{
    struct gf_args *args = x->args;

    while (args->error == GF_MSG_NONE && gf_args_left(args) > 0 && r->first == 0) {
        bool more = gf_args_left(args) >= 2;

        if (more && gf_args_skip_if(args, "BLOCK"))
            read_timeout(x, r);
        else if (more && gf_args_skip_if(args, "COUNT"))
            r->count = gf_streams_next_count(args);
        else if (more && gf_args_skip_if(args, "STREAMS")) {
            if (!read_streams(x, r))
                return false;
        } else if (!read_group_option(args, r))
            gf_args_fail(args, GF_MSG_SYNTAX);
    }
    if (r->first == 0)
        gf_args_fail(args, GF_MSG_SYNTAX);
    if (r->grouped && !r->group_given)
        gf_args_fail(args, GF_MSG_STREAM_GROUP_MISSING);
    return gf_args_ok(args, x->reply);
}

/* Where to read. */

static struct gf_place source_place(struct gf_exec *x, const struct reading *r, uint32_t index)
{
    struct gf_bytes key = x->args->words[r->first + index];

    if (index > 0)
        return gf_place_of(x, x->db, key);
    return (struct gf_place){.keyspace = x->keyspace, .key = key, .hash = x->key_hash};
}

/* find_group - the group that a source is read for; false when the error is answered. */
static bool find_group(struct gf_exec *x, const struct reading *r, struct source *source)
{
    if (!r->grouped)
        return true;
    source->group = source->stream ? gf_stream_group_find(source->stream, r->group) : NULL;
    if (!source->group)
        gf_reply_error_format(x->reply, GF_MSG_STREAM_NO_GROUP_READ, source->place.key, r->group);
    return source->group != NULL;
}

/* last_but_one - behind which the last entry is; $ when there is none. */
static struct gf_id last_but_one(const struct gf_stream *stream)
{
    struct gf_id id = stream->length > 0 ? gf_stream_edge_id(stream) : stream->last_id;

    if (stream->length > 0)
        (void)gf_id_previous(&id);
    return id;
}

/* read_id - where a source is read from; false when the error is answered. */
static bool read_id(struct gf_exec *x, const struct reading *r, struct gf_bytes word,
                    struct source *source)
{
    enum gf_message_id error = GF_MSG_NONE;
    bool dollar = word.size == 1 && word.data[0] == '$';
    bool plus = word.size == 1 && word.data[0] == '+';

    if (dollar || plus) {
        if (r->grouped)
            error = dollar ? GF_MSG_STREAM_DOLLAR_GROUP : GF_MSG_STREAM_PLUS_GROUP;
        else if (source->stream)
            source->after = dollar ? source->stream->last_id : last_but_one(source->stream);
        source->resolved = true;
    } else if (word.size == 1 && word.data[0] == '>') {
        if (!r->grouped)
            error = GF_MSG_STREAM_NEWS_WITHOUT_GROUP;
        source->after = GF_ID_MAX;
    } else if (!gf_streams_parse_id(word, 0, &source->after)) {
        error = GF_MSG_STREAM_ID;
    }
    source->news = r->grouped && gf_id_compare(source->after, GF_ID_MAX) == 0;
    if (error != GF_MSG_NONE)
        gf_reply_error(x->reply, error);
    return error == GF_MSG_NONE;
}

static bool read_sources(struct gf_exec *x, struct reading *r)
{
    const struct gf_bytes *ids = x->args->words + r->first + r->sources_count;

    r->sources = gf_alloc_zero(GF_MEMORY_OTHER, r->sources_count * sizeof(*r->sources));
    for (uint32_t i = 0; i < r->sources_count; i++) {
        struct source *source = &r->sources[i];

        source->place = source_place(x, r, i);
        if (!gf_streams_find(x, &source->place, &source->stream) || !find_group(x, r, source) ||
            !read_id(x, r, ids[i], source))
            return false;
    }
    return true;
}

/* source_serves - there is something to answer: an entry, or the history of a consumer. */
static bool source_serves(const struct source *source)
{
    if (!source->stream)
        return false;
    if (source->group && !source->news)
        return true;
    if (source->stream->length == 0)
        return false;
    return gf_id_compare(gf_stream_edge_id(source->stream),
                         source->news ? source->group->last_id : source->after) > 0;
}

/* Answering. */

/* deliver - the entry was read by the group for the first time, or again after XGROUP SETID. */
static void deliver(struct gf_exec *x, const struct reading *r, const struct source *source,
                    struct gf_stream_consumer *consumer, struct gf_id id)
{
    struct gf_stream_group *group = source->group;
    struct gf_stream_pending *pending;

    if (gf_id_compare(id, group->last_id) > 0) {
        if (group->entries_read != GF_STREAM_READ_UNKNOWN &&
            !gf_streams_has_gaps(source->stream, id))
            group->entries_read++;
        else if (source->stream->entries_added > 0)
            group->entries_read = gf_streams_read_count(source->stream, id);
        group->last_id = id;
    }
    if (r->no_ack)
        return;
    pending = gf_stream_pending_find(group, id);
    if (pending)
        gf_stream_pending_give(pending, consumer);
    else
        pending = gf_stream_pending_add(group, id, consumer);
    pending->delivery_ms = x->now_ms;
    pending->deliveries = 1;
    consumer->active_ms = (int64_t)x->now_ms;
}

static void reply_new(struct gf_exec *x, const struct reading *r, const struct source *source,
                      struct gf_stream_consumer *consumer)
{
    struct gf_reply_open array = gf_reply_array_open(x->reply);
    struct gf_id from = source->news ? source->group->last_id : source->after;
    struct gf_stream_entry entry;
    struct gf_stream_walk walk;
    uint64_t given = 0;

    (void)gf_id_next(&from);
    gf_stream_walk_start(&walk, source->stream, from, GF_ID_MAX);
    while ((r->count == 0 || given < r->count) && gf_stream_walk_next(&walk, &entry)) {
        struct gf_id id = entry.id;

        gf_streams_reply_entry(x->reply, &entry);
        if (source->group)
            deliver(x, r, source, consumer, id);
        given++;
    }
    gf_reply_close(x->reply, array, given);
}

/* reply_history - what is pending for the consumer, once more. */
static void reply_history(struct gf_exec *x, const struct reading *r, const struct source *source,
                          struct gf_stream_consumer *consumer)
{
    struct gf_reply_open array = gf_reply_array_open(x->reply);
    struct gf_id from = source->after;
    struct gf_id_cursor cursor;
    const struct gf_id *id;
    uint64_t given = 0;

    (void)gf_id_next(&from);
    cursor = gf_id_tree_seek(&consumer->pending, from);
    while ((r->count == 0 || given < r->count) &&
           (id = gf_id_cursor_at(&consumer->pending, cursor)) != NULL) {
        struct gf_stream_entry entry;

        if (gf_stream_find(source->stream, *id, &entry)) {
            struct gf_stream_pending *pending = gf_stream_pending_find(source->group, *id);

            GF_ASSERT(pending != NULL);
            pending->delivery_ms = x->now_ms;
            pending->deliveries++;
            gf_streams_reply_entry(x->reply, &entry);
        } else {
            gf_reply_array(x->reply, 2);
            gf_streams_reply_id(x->reply, *id);
            gf_reply_null_array(x->reply);
        }
        given++;
        gf_id_cursor_next(&cursor);
    }
    gf_reply_close(x->reply, array, given);
}

/* reply_source - the key and its entries: a pair of the map that is being answered. */
static void reply_source(struct gf_exec *x, const struct reading *r, struct source *source)
{
    struct gf_stream_consumer *consumer =
        source->group ? gf_stream_consumer_find(source->group, r->consumer) : NULL;

    if (x->reply->resp == 2)
        gf_reply_array(x->reply, 2);
    gf_reply_bulk(x->reply, source->place.key);
    if (source->group && !source->news)
        reply_history(x, r, source, consumer);
    else
        reply_new(x, r, source, consumer);
    if (source->group)
        gf_streams_changed(x, &source->place, NULL);
}

/* make_consumers - in every group that is read; false when the error is answered. */
static bool make_consumers(struct gf_exec *x, const struct reading *r)
{
    for (uint32_t i = 0; i < r->sources_count; i++) {
        const struct source *source = &r->sources[i];

        if (source->group && !gf_streams_consumer(x, &source->place, source->group, r->consumer))
            return false;
    }
    return true;
}

/* words_resolve - the words to wait with, where $ or + stood for an id. One block; whoever made
 * x->wait frees it. */
static void words_resolve(struct gf_exec *x, const struct reading *r)
{
    uint32_t count = x->args->count;
    struct gf_bytes *words =
        gf_alloc(GF_MEMORY_OTHER, count * sizeof(*words) + r->sources_count * ID_TEXT_SIZE);
    char *text = (char *)(words + count);

    memcpy(words, x->args->words, count * sizeof(*words));
    for (uint32_t i = 0; i < r->sources_count; i++) {
        struct gf_id id = r->sources[i].after;
        size_t size;

        if (!r->sources[i].resolved)
            continue;
        size = gf_u64_format(text, id.ms);
        text[size++] = '-';
        size += gf_u64_format(text + size, id.seq);
        words[r->first + r->sources_count + i] = (struct gf_bytes){.data = text, .size = size};
        text += ID_TEXT_SIZE;
    }
    x->wait->words = words;
    x->wait->words_count = count;
}

static bool any_resolved(const struct reading *r)
{
    for (uint32_t i = 0; i < r->sources_count; i++) {
        if (r->sources[i].resolved)
            return true;
    }
    return false;
}

static void reply_nothing(struct gf_exec *x, const struct reading *r)
{
    if (r->blocks && gf_exec_wait(x, r->timeout_ms)) {
        if (any_resolved(r))
            words_resolve(x, r);
        return;
    }
    if (make_consumers(x, r))
        gf_reply_null_array(x->reply);
}

static bool any_serves(const struct reading *r)
{
    for (uint32_t i = 0; i < r->sources_count; i++) {
        if (source_serves(&r->sources[i]))
            return true;
    }
    return false;
}

static void reply_sources(struct gf_exec *x, const struct reading *r)
{
    struct gf_reply_open open;
    uint64_t served = 0;

    if (!any_serves(r)) {
        reply_nothing(x, r);
        return;
    }
    if (!make_consumers(x, r))
        return;
    open = x->reply->resp == 2 ? gf_reply_array_open(x->reply) : gf_reply_map_open(x->reply);
    for (uint32_t i = 0; i < r->sources_count; i++) {
        /* A key that is there twice may have nothing left the second time. */
        if (!source_serves(&r->sources[i]))
            continue;
        reply_source(x, r, &r->sources[i]);
        served++;
    }
    gf_reply_close(x->reply, open, served);
}

static void read_run(struct gf_exec *x, struct reading r)
{
    if (!read_options(x, &r))
        return;
    if (read_sources(x, &r))
        reply_sources(x, &r);
    gf_free(GF_MEMORY_OTHER, r.sources);
}

void gf_streams_xread_run(struct gf_exec *x)
{
    read_run(x, (struct reading){.grouped = false});
}

void gf_streams_xreadgroup_run(struct gf_exec *x)
{
    read_run(x, (struct reading){.grouped = true});
}
