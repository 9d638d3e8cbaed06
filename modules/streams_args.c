/* Ids, intervals and trimming options as clients write them, and ids and entries as answers. */
#include "modules/streams.h"

#include <ctype.h>

#define ID_TEXT_MAX 127   /* bytes of a word that may be an id */
#define LIMIT_BLOCKS 100u /* blocks that an approximate trim takes at most, without LIMIT */
#define LIMIT_WITHOUT_BLOCKS 10000u /* entries, when blocks have no limit of them */
#define LIMIT_MAX 1000000u

/* digits_parse - digits, all of `text`, no more than 64 bits. */
static bool digits_parse(struct gf_bytes text, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (size_t i = 0; i < text.size; i++) {
        uint64_t digit = (uint64_t)(uint8_t)text.data[i] - '0';

        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return text.size > 0;
}

/* number_parse - half of an id. Redis hands what is not a plain number to strtoull: blanks and a
 * sign in front are fine, and "-01" is 2^64 - 1, but "-1" is refused. */
static bool number_parse(struct gf_bytes text, uint64_t *ret_value)
{
    int64_t plain;
    bool negative = false;

    if (digits_parse(text, ret_value))
        return true;
    if (gf_bytes_parse_i64(text, &plain))
        return false; /* a negative one */
    while (text.size > 0 && isspace((unsigned char)*text.data))
        text = (struct gf_bytes){.data = text.data + 1, .size = text.size - 1};
    if (text.size > 0 && (*text.data == '-' || *text.data == '+')) {
        negative = *text.data == '-';
        text = (struct gf_bytes){.data = text.data + 1, .size = text.size - 1};
    }
    if (!digits_parse(text, ret_value))
        return false;
    *ret_value = negative ? -*ret_value : *ret_value;
    return true;
}

bool gf_streams_parse_id(struct gf_bytes text, uint64_t seq, struct gf_id *ret_id)
{
    struct gf_id id = {.seq = seq};
    const char *dash;

    if (text.size > ID_TEXT_MAX)
        return false;
    text.size = strnlen(text.data, text.size); /* as Redis, which stops at a zero byte */
    dash = memchr(text.data, '-', text.size);
    if (dash) {
        size_t before = (size_t)(dash - text.data);
        struct gf_bytes behind = {.data = dash + 1, .size = text.size - before - 1};

        text.size = before;
        if (!number_parse(behind, &id.seq))
            return false;
    }
    if (!number_parse(text, &id.ms))
        return false;
    *ret_id = id;
    return true;
}

static struct gf_id parse_or_fail(struct gf_args *args, struct gf_bytes word, uint64_t seq)
{
    struct gf_id id = GF_ID_MIN;

    if (!gf_streams_parse_id(word, seq, &id))
        gf_args_fail(args, GF_MSG_STREAM_ID);
    return id;
}

struct gf_id gf_streams_next_id(struct gf_args *args)
{
    return parse_or_fail(args, gf_args_next(args), 0);
}

static bool word_is(struct gf_bytes word, char c)
{
    return word.size >= 1 && word.data[0] == c && (word.size == 1 || word.data[1] == '\0');
}

/* next_bound - an end of an interval; *ret_excluded when it does not belong to it. */
static struct gf_id next_bound(struct gf_args *args, uint64_t seq, bool *ret_excluded)
{
    struct gf_bytes word = gf_args_next(args);

    *ret_excluded = word.size > 1 && word.data[0] == '(';
    if (*ret_excluded) {
        word = (struct gf_bytes){.data = word.data + 1, .size = word.size - 1};
        return parse_or_fail(args, word, seq);
    }
    if (word_is(word, '-') && word.size <= ID_TEXT_MAX)
        return GF_ID_MIN;
    if (word_is(word, '+') && word.size <= ID_TEXT_MAX)
        return GF_ID_MAX;
    return parse_or_fail(args, word, seq);
}

struct gf_id gf_streams_next_start(struct gf_args *args)
{
    bool excluded;
    struct gf_id id = next_bound(args, 0, &excluded);

    if (excluded && !gf_id_next(&id))
        gf_args_fail(args, GF_MSG_STREAM_START);
    return id;
}

struct gf_id gf_streams_next_end(struct gf_args *args)
{
    bool excluded;
    struct gf_id id = next_bound(args, UINT64_MAX, &excluded);

    if (excluded && !gf_id_previous(&id))
        gf_args_fail(args, GF_MSG_STREAM_END);
    return id;
}

/* Trimming. */

/* next_strategy - what stands behind MAXLEN or MINID. */
static bool next_strategy(struct gf_args *args, enum gf_stream_trim_kind kind,
                          struct gf_stream_trim *trim)
{
    if (trim->kind != GF_STREAM_TRIM_NONE) {
        gf_args_fail(args, GF_MSG_STREAM_TRIM_TWICE);
        return false;
    }
    trim->approximate = false;
    if (gf_args_left(args) >= 2) {
        trim->approximate = gf_args_skip_if(args, "~");
        if (!trim->approximate)
            (void)gf_args_skip_if(args, "=");
    }
    if (kind == GF_STREAM_TRIM_MAXLEN)
        trim->maxlen =
            (uint64_t)gf_args_next_range(args, 0, INT64_MAX, GF_MSG_STREAM_MAXLEN_NEGATIVE);
    else
        trim->minid = gf_streams_next_id(args);
    trim->kind = kind;
    return args->error == GF_MSG_NONE;
}

bool gf_streams_next_trim(struct gf_args *args, struct gf_streams_trim_options *options)
{
    if (args->error != GF_MSG_NONE || gf_args_left(args) < 2)
        return false;
    if (gf_args_skip_if(args, "MAXLEN"))
        return next_strategy(args, GF_STREAM_TRIM_MAXLEN, &options->trim);
    if (gf_args_skip_if(args, "MINID"))
        return next_strategy(args, GF_STREAM_TRIM_MINID, &options->trim);
    if (!gf_args_skip_if(args, "LIMIT"))
        return false;
    options->trim.limit =
        (uint64_t)gf_args_next_range(args, 0, INT64_MAX, GF_MSG_STREAM_LIMIT_NEGATIVE);
    options->limited = true;
    return args->error == GF_MSG_NONE;
}

void gf_streams_finish_trim(struct gf_args *args, const struct gf_limits *limits,
                            struct gf_streams_trim_options *options)
{
    struct gf_stream_trim *trim = &options->trim;
    uint64_t entries_max = limits->stream_node_max_entries;

    if (trim->limit > 0 && trim->kind == GF_STREAM_TRIM_NONE) {
        gf_args_fail(args, GF_MSG_STREAM_LIMIT_ALONE);
    } else if (options->limited && !trim->approximate) {
        gf_args_fail(args, GF_MSG_STREAM_LIMIT_EXACT);
    } else if (!options->limited && trim->approximate) {
        trim->limit = LIMIT_WITHOUT_BLOCKS;
        if (entries_max > 0)
            trim->limit = entries_max < LIMIT_MAX ? LIMIT_BLOCKS * entries_max : LIMIT_MAX;
        if (trim->limit > LIMIT_MAX)
            trim->limit = LIMIT_MAX;
    }
}

/* Answers. */

void gf_streams_reply_id(struct gf_reply *reply, struct gf_id id)
{
    char text[2 * GF_I64_TEXT_MAX + 1];
    size_t size = gf_u64_format(text, id.ms);

    text[size++] = '-';
    size += gf_u64_format(text + size, id.seq);
    gf_reply_bulk(reply, (struct gf_bytes){.data = text, .size = size});
}

static void reply_value(struct gf_reply *reply, const struct gf_stream_value *value)
{
    if (value->bytes.data)
        gf_reply_bulk(reply, value->bytes);
    else
        gf_reply_bulk_int(reply, value->number);
}

void gf_streams_reply_entry(struct gf_reply *reply, struct gf_stream_entry *entry)
{
    struct gf_stream_value pair[2];

    gf_reply_array(reply, 2);
    gf_streams_reply_id(reply, entry->id);
    gf_reply_array(reply, 2 * (uint64_t)entry->count);
    for (uint32_t i = 0; i < entry->count; i++) {
        gf_stream_entry_pair(entry, pair);
        reply_value(reply, &pair[0]);
        reply_value(reply, &pair[1]);
    }
}

/* What several commands need. */

struct gf_stream *gf_streams_add(struct gf_exec *x, const struct gf_place *place)
{
    struct gf_stream *stream = gf_stream_create();
    struct gf_value value = {.type = GF_TYPE_STREAM, .pointer = stream};

    if (gf_keyspace_put(place->keyspace, place->hash, place->key, &value, 0, x->now_ms))
        return stream;
    gf_stream_destroy(stream);
    gf_reply_error(x->reply, GF_MSG_OOM);
    return NULL;
}

struct gf_stream_group *gf_streams_find_group(struct gf_exec *x, struct gf_bytes key,
                                              const struct gf_stream *stream, struct gf_bytes name)
{
    struct gf_stream_group *group = stream ? gf_stream_group_find(stream, name) : NULL;

    if (!group)
        gf_reply_error_format(x->reply, GF_MSG_STREAM_NO_KEY_OR_GROUP, key, name);
    return group;
}

struct gf_stream_consumer *gf_streams_consumer(struct gf_exec *x, const struct gf_place *place,
                                               struct gf_stream_group *group, struct gf_bytes name)
{
    struct gf_stream_consumer *consumer = gf_stream_consumer_find(group, name);

    if (consumer) {
        consumer->seen_ms = x->now_ms;
        return consumer;
    }
    consumer = gf_stream_consumer_add(group, name, x->now_ms);
    if (consumer)
        gf_streams_changed(x, place, "xgroup-createconsumer");
    else
        gf_reply_error(x->reply, GF_MSG_OOM);
    return consumer;
}

/* Counters. */

bool gf_streams_has_gaps(const struct gf_stream *stream, struct gf_id id)
{
    return stream->length > 0 && gf_id_compare(id, stream->max_deleted) <= 0 &&
           gf_id_compare(gf_stream_first_id(stream), stream->max_deleted) <= 0;
}

int64_t gf_streams_read_count(const struct gf_stream *stream, struct gf_id id)
{
    struct gf_id first = gf_stream_first_id(stream);
    int last_order = gf_id_compare(id, stream->last_id);

    if (stream->entries_added == 0)
        return 0;
    if (stream->length == 0 && last_order < 1)
        return (int64_t)stream->entries_added;
    if (last_order == 0)
        return (int64_t)stream->entries_added;
    if (last_order > 0)
        return GF_STREAM_READ_UNKNOWN;
    if (gf_id_is_zero(stream->max_deleted) || gf_id_compare(stream->max_deleted, first) < 0) {
        int first_order = gf_id_compare(id, first);

        if (first_order <= 0)
            return (int64_t)(stream->entries_added - stream->length + (first_order == 0));
    }
    return GF_STREAM_READ_UNKNOWN;
}
