/* Entries come and go: XADD, XTRIM, XDEL, XSETID. */
#include "core/alloc.h"
#include "modules/streams.h"

#define ENTRY_TEXT_MAX (1u << 30) /* bytes of all fields and values; Redis's limit */

/* What XADD was told. */
struct add_options {
    struct gf_streams_trim_options trimming;
    bool only_existing; /* NOMKSTREAM */
    bool id_given;
    bool seq_given; /* with id_given; false: "ms-*" */
    struct gf_id id;
};

/* read_add_id - "*", "ms-*" or an id. */
static void read_add_id(struct gf_args *args, struct add_options *options)
{
    struct gf_bytes word = gf_args_next(args);

    if (word.size == 1 && word.data[0] == '*')
        return;
    options->id_given = true;
    options->seq_given = true;
    if (word.size > 2 && word.data[word.size - 1] == '*' && word.data[word.size - 2] == '-') {
        options->seq_given = false;
        word.size -= 2;
        if (memchr(word.data, '-', word.size))
            gf_args_fail(args, GF_MSG_STREAM_ID);
    }
    if (!gf_streams_parse_id(word, 0, &options->id))
        gf_args_fail(args, GF_MSG_STREAM_ID);
}

/* read_add - everything up to the fields; false when the error is answered. */
static bool read_add(struct gf_exec *x, struct add_options *options)
{
    struct gf_args *args = x->args;

    while (args->error == GF_MSG_NONE) {
        if (gf_streams_next_trim(args, &options->trimming))
            continue;
        if (args->error != GF_MSG_NONE || gf_args_left(args) == 0)
            break;
        if (!gf_args_skip_if(args, "NOMKSTREAM")) {
            read_add_id(args, options);
            break;
        }
        options->only_existing = true;
    }
    gf_streams_finish_trim(args, x->limits, &options->trimming);
    if (!gf_args_ok(args, x->reply))
        return false;
    if (gf_args_left(args) < 2 || gf_args_left(args) % 2 == 1) {
        gf_reply_error_explain(x->reply, GF_MSG_WRONG_ARITY, "xadd", "");
        return false;
    }
    if (options->seq_given && gf_id_is_zero(options->id)) {
        gf_reply_error(x->reply, GF_MSG_STREAM_ID_ZERO);
        return false;
    }
    return true;
}

/* add_id - the id of the new entry; false when it would not be above the last one. */
static bool add_id(const struct gf_exec *x, struct gf_id last, const struct add_options *options,
                   struct gf_id *ret_id)
{
    struct gf_id id = options->id;

    if (!options->id_given) {
        id = (struct gf_id){.ms = x->now_ms};
        if (id.ms <= last.ms) {
            id = last;
            (void)gf_id_next(&id);
        }
    } else if (!options->seq_given && id.ms == last.ms) {
        if (last.seq == UINT64_MAX)
            return false;
        id.seq = last.seq + 1;
    }
    *ret_id = id;
    return gf_id_compare(id, last) > 0;
}

/* add_prepare - what is to be added to `stream`, which may not exist yet; false when the error is
 * answered. */
static bool add_prepare(struct gf_exec *x, const struct gf_stream *stream,
                        const struct add_options *options, struct gf_id *ret_id)
{
    struct gf_id last = stream ? stream->last_id : GF_ID_MIN;
    uint64_t size = 0;

    if (gf_id_compare(last, GF_ID_MAX) == 0) {
        gf_reply_error(x->reply, GF_MSG_STREAM_EXHAUSTED);
        return false;
    }
    if (!add_id(x, last, options, ret_id)) {
        gf_reply_error(x->reply, GF_MSG_STREAM_ID_SMALL);
        return false;
    }
    for (uint32_t i = x->args->index; i < x->args->count; i++)
        size += x->args->words[i].size;
    if (size > ENTRY_TEXT_MAX)
        gf_reply_error(x->reply, GF_MSG_STREAM_TOO_LARGE);
    return size <= ENTRY_TEXT_MAX;
}

/* trim_is_long - see gf_exec_is_long. */
static bool trim_is_long(struct gf_exec *x, const struct gf_stream *stream,
                         const struct gf_stream_trim *trim)
{
    return stream && trim->kind != GF_STREAM_TRIM_NONE &&
           gf_exec_is_long(x, gf_stream_trim_steps(stream, trim, x->at_once));
}

void gf_streams_xadd_run(struct gf_exec *x)
{
    struct add_options options = {.only_existing = false};
    struct gf_place place = gf_place_next(x);
    struct gf_stream *stream;
    struct gf_id id;

    if (!read_add(x, &options) || !gf_streams_find(x, &place, &stream))
        return;
    if (!stream && options.only_existing) {
        gf_reply_null(x->reply);
        return;
    }
    if (!add_prepare(x, stream, &options, &id) || trim_is_long(x, stream, &options.trimming.trim))
        return;

    struct gf_stream_words words = {.words = x->args->words + x->args->index,
                                    .count = gf_args_left(x->args)};
    bool created = stream == NULL;

    if (created)
        stream = gf_streams_add(x, &place);
    if (!stream)
        return;
    if (!gf_stream_append(stream, id, &words, x->limits)) {
        if (created)
            gf_keyspace_remove(place.keyspace, place.hash, gf_place_peek(x, &place));
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    gf_streams_changed(x, &place, "xadd");
    if (options.trimming.trim.kind != GF_STREAM_TRIM_NONE &&
        gf_stream_trim(stream, &options.trimming.trim, &x->pace) > 0)
        gf_exec_event(x, x->db, place.key, GF_EVENT_STREAM, "xtrim");
    gf_streams_reply_id(x->reply, id);
}

void gf_streams_xtrim_run(struct gf_exec *x)
{
    struct gf_streams_trim_options options = {.limited = false};
    struct gf_place place = gf_place_next(x);
    struct gf_stream *stream;
    uint64_t trimmed;

    while (gf_streams_next_trim(x->args, &options))
        continue;
    if (gf_args_left(x->args) > 0)
        gf_args_fail(x->args, GF_MSG_SYNTAX);
    if (options.trim.kind == GF_STREAM_TRIM_NONE && options.trim.limit == 0)
        gf_args_fail(x->args, GF_MSG_STREAM_TRIM_NONE);
    gf_streams_finish_trim(x->args, x->limits, &options);
    if (!gf_args_finish(x->args, x->reply) || !gf_streams_find(x, &place, &stream) ||
        trim_is_long(x, stream, &options.trim))
        return;

    trimmed = stream ? gf_stream_trim(stream, &options.trim, &x->pace) : 0;
    if (trimmed > 0)
        gf_streams_changed(x, &place, "xtrim");
    gf_reply_int(x->reply, (int64_t)trimmed);
}

void gf_streams_xdel_run(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    uint32_t first = x->args->index;
    int64_t removed = 0;
    struct gf_stream *stream;

    if (!gf_streams_find(x, &place, &stream))
        return;
    while (stream && gf_args_left(x->args) > 0)
        (void)gf_streams_next_id(x->args);
    if (!gf_args_ok(x->args, x->reply))
        return;

    x->args->index = first;
    while (stream && gf_args_left(x->args) > 0) {
        struct gf_id id = gf_streams_next_id(x->args);

        if (!gf_stream_remove(stream, id))
            continue;
        removed++;
        if (gf_id_compare(id, stream->max_deleted) > 0)
            stream->max_deleted = id;
    }
    if (removed > 0)
        gf_streams_changed(x, &place, "xdel");
    gf_reply_int(x->reply, removed);
}

/* What XSETID was told. */
struct setid_options {
    struct gf_id id;
    int64_t entries_added;    /* -1 = not given */
    struct gf_id max_deleted; /* 0-0 = not given */
};

static struct setid_options read_setid(struct gf_args *args)
{
    struct setid_options options = {.id = gf_streams_next_id(args), .entries_added = -1};

    while (args->error == GF_MSG_NONE && gf_args_left(args) >= 2) {
        if (gf_args_skip_if(args, "ENTRIESADDED")) {
            options.entries_added =
                gf_args_next_range(args, 0, INT64_MAX, GF_MSG_STREAM_ADDED_NEGATIVE);
        } else if (gf_args_skip_if(args, "MAXDELETEDID")) {
            options.max_deleted = gf_streams_next_id(args);
            if (gf_id_compare(options.id, options.max_deleted) < 0)
                gf_args_fail(args, GF_MSG_STREAM_SETID_GIVEN_DELETED);
        } else {
            break;
        }
    }
    return options;
}

/* setid_error - why the stream cannot have this last id, or GF_MSG_NONE. */
static enum gf_message_id setid_error(const struct gf_stream *stream,
                                      const struct setid_options *options)
{
    if (gf_id_compare(options->id, stream->max_deleted) < 0)
        return GF_MSG_STREAM_SETID_DELETED;
    if (stream->length == 0)
        return GF_MSG_NONE;
    if (gf_id_compare(options->id, gf_stream_edge_id(stream)) < 0)
        return GF_MSG_STREAM_SETID_SMALL;
    if (options->entries_added != -1 && stream->length > (uint64_t)options->entries_added)
        return GF_MSG_STREAM_SETID_ADDED;
    return GF_MSG_NONE;
}

void gf_streams_xsetid_run(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct setid_options options = read_setid(x->args);
    struct gf_stream *stream;
    enum gf_message_id error;

    if (!gf_args_finish(x->args, x->reply) || !gf_streams_find(x, &place, &stream))
        return;
    error = stream ? setid_error(stream, &options) : GF_MSG_NO_KEY;
    if (error != GF_MSG_NONE) {
        gf_reply_error(x->reply, error);
        return;
    }
    stream->last_id = options.id;
    if (options.entries_added != -1)
        stream->entries_added = (uint64_t)options.entries_added;
    if (!gf_id_is_zero(options.max_deleted))
        stream->max_deleted = options.max_deleted;
    gf_streams_changed(x, &place, "xsetid");
    gf_reply_ok(x->reply);
}
