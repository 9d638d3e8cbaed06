/* Searches for places: GEOSEARCH GEOSEARCHSTORE GEORADIUS GEORADIUSBYMEMBER and their _RO forms.
 *
 * One command with different words. The key is looked at first, then the words are read one after
 * the other; each mistake is answered where it is found, in Redis's order.
 */
#include "core/assert.h"
#include "modules/geo_search.h"

enum from { FROM_WORDS, FROM_POSITION, FROM_MEMBER };

/* A command line, read. */
struct query {
    enum from from; /* where the center stands: FROM_WORDS: GEOSEARCH's options say it */
    bool stores;    /* GEOSEARCHSTORE */
    bool may_store; /* STORE and STOREDIST may be said */
    bool has_target;
    bool has_from;
    bool has_lonlat;
    bool has_radius;
    bool has_box;
    bool store_distances;
    bool with_distances, with_scores, with_points;
    struct gf_geo_search search;
    struct gf_place target;
    struct gf_zset zset;
};

static bool fail(struct gf_exec *x, enum gf_message_id error)
{
    gf_reply_error(x->reply, error);
    return false;
}

static bool fail_for(struct gf_exec *x, enum gf_message_id error, struct gf_bytes name)
{
    gf_reply_error_format(x->reply, error, name, GF_BYTES(""));
    return false;
}

/* The next word as a number that is not too small; `error` when it is none. */
static bool length_read(struct gf_exec *x, enum gf_message_id error, double *ret_length)
{
    if (gf_bytes_parse_double(gf_args_next(x->args), ret_length))
        return true;
    return fail(x, error);
}

/* Radius and unit. */
static bool radius_read(struct gf_exec *x, struct gf_geo_search *search)
{
    double radius;

    if (!length_read(x, GF_MSG_GEO_RADIUS, &radius))
        return false;
    if (radius < 0)
        return fail(x, GF_MSG_GEO_RADIUS_NEGATIVE);
    if (!gf_geo_parse_unit(x, gf_args_next(x->args), &search->unit))
        return false;
    search->area.radius = radius * search->unit;
    return true;
}

/* Width, height and unit. */
static bool box_read(struct gf_exec *x, struct gf_geo_search *search)
{
    double width;
    double height;

    if (!length_read(x, GF_MSG_GEO_WIDTH, &width) || !length_read(x, GF_MSG_GEO_HEIGHT, &height))
        return false;
    if (width < 0 || height < 0)
        return fail(x, GF_MSG_GEO_BOX_NEGATIVE);
    if (!gf_geo_parse_unit(x, gf_args_next(x->args), &search->unit))
        return false;
    search->area.is_box = true;
    search->area.width = width * search->unit;
    search->area.height = height * search->unit;
    return true;
}

/* The position of the next member; without a key there is none to look for. */
static bool member_read(struct gf_exec *x, struct query *q)
{
    struct gf_bytes member = gf_args_next(x->args);
    double score;

    if (q->zset.count == 0)
        return true;
    if (!gf_zset_score(&q->zset, member, &score))
        return fail(x, GF_MSG_GEO_MEMBER);
    q->search.area.center = gf_geo_point_of(score);
    return true;
}

static bool count_read(struct gf_exec *x, struct gf_geo_search *search)
{
    int64_t count = gf_args_next_i64(x->args);

    if (!gf_args_ok(x->args, x->reply))
        return false;
    if (count <= 0)
        return fail(x, GF_MSG_COUNT_NOT_POSITIVE);
    search->count = (uint64_t)count;
    return true;
}

/* An option that is one word; false when there is none. */
static bool flag_read(struct gf_args *args, struct query *q)
{
    if (gf_args_skip_if(args, "WITHDIST"))
        q->with_distances = true;
    else if (gf_args_skip_if(args, "WITHHASH"))
        q->with_scores = true;
    else if (gf_args_skip_if(args, "WITHCOORD"))
        q->with_points = true;
    else if (gf_args_skip_if(args, "ANY"))
        q->search.any = true;
    else if (gf_args_skip_if(args, "ASC"))
        q->search.order = GF_GEO_NEAREST;
    else if (gf_args_skip_if(args, "DESC"))
        q->search.order = GF_GEO_FARTHEST;
    else if (q->stores && gf_args_skip_if(args, "STOREDIST"))
        q->store_distances = true;
    else
        return false;
    return true;
}

/* The option of GEOSEARCH at the cursor; *ret_known is false when there is none. */
static bool area_option_read(struct gf_exec *x, struct query *q, bool *ret_known)
{
    struct gf_args *args = x->args;
    uint32_t left = gf_args_left(args) - 1; /* behind the name */

    *ret_known = true;
    if (left > 0 && !q->has_lonlat && gf_args_skip_if(args, "FROMMEMBER")) {
        q->has_from = true;
        return member_read(x, q);
    }
    if (left > 1 && !q->has_from && gf_args_skip_if(args, "FROMLONLAT")) {
        q->has_lonlat = true;
        return gf_geo_read_point(x, &q->search.area.center);
    }
    if (left > 1 && !q->has_box && gf_args_skip_if(args, "BYRADIUS")) {
        q->has_radius = true;
        return radius_read(x, &q->search);
    }
    if (left > 2 && !q->has_radius && gf_args_skip_if(args, "BYBOX")) {
        q->has_box = true;
        return box_read(x, &q->search);
    }
    *ret_known = false;
    return true;
}

static bool target_option_read(struct gf_exec *x, struct query *q)
{
    bool distances = false;

    if (!q->may_store || gf_args_left(x->args) < 2)
        return false;
    if (gf_args_skip_if(x->args, "STOREDIST"))
        distances = true;
    else if (!gf_args_skip_if(x->args, "STORE"))
        return false;
    q->target = gf_place_next(x);
    q->has_target = true;
    q->store_distances = distances;
    return true;
}

static bool option_read(struct gf_exec *x, struct query *q)
{
    bool known = false;

    if (flag_read(x->args, q) || target_option_read(x, q))
        return true;
    if (gf_args_left(x->args) > 1 && gf_args_skip_if(x->args, "COUNT"))
        return count_read(x, &q->search);
    if (q->from == FROM_WORDS && !area_option_read(x, q, &known))
        return false;
    return known || fail(x, GF_MSG_SYNTAX);
}

/* What does not go together. */
static bool query_check(struct gf_exec *x, const struct query *q)
{
    struct gf_bytes name = x->args->words[0];

    if (q->has_target && (q->with_distances || q->with_scores || q->with_points))
        return fail_for(x, GF_MSG_GEO_STORE,
                        q->stores ? GF_BYTES("GEOSEARCHSTORE")
                                  : GF_BYTES("STORE option in GEORADIUS"));
    if (q->from == FROM_WORDS && !q->has_from && !q->has_lonlat)
        return fail_for(x, GF_MSG_GEO_FROM, name);
    if (q->from == FROM_WORDS && !q->has_radius && !q->has_box)
        return fail_for(x, GF_MSG_GEO_BY, name);
    if (q->search.any && q->search.count == 0)
        return fail(x, GF_MSG_GEO_ANY);
    return true;
}

/* The words between the key and the options. */
static bool center_read(struct gf_exec *x, struct query *q)
{
    switch (q->from) {
    case FROM_WORDS:
        return true;
    case FROM_POSITION:
        return gf_geo_read_point(x, &q->search.area.center) && radius_read(x, &q->search);
    case FROM_MEMBER:
        if (q->zset.count > 0)
            return member_read(x, q) && radius_read(x, &q->search);
        x->args->index += 3; /* nobody looks at them */
        return true;
    }
    return false;
}

/* Everything behind the command's name; false when a mistake was answered. */
static bool query_read(struct gf_exec *x, struct query *q)
{
    struct gf_place source;

    q->search.unit = 1;
    if (q->stores) {
        q->target = gf_place_next(x);
        q->has_target = true;
    }
    source = gf_place_next(x);
    if (!gf_zset_open(x, &source, &q->zset) || !center_read(x, q))
        return false;
    while (gf_args_left(x->args) > 0) {
        if (!option_read(x, q))
            return false;
    }
    return query_check(x, q);
}

static void reply_found(struct gf_exec *x, const struct query *q, const struct gf_geo_found *found)
{
    uint32_t more = (uint32_t)q->with_distances + q->with_scores + q->with_points;

    if (more > 0)
        gf_reply_array(x->reply, more + 1);
    gf_packed_reply(x->reply, &found->member);
    if (q->with_distances)
        gf_geo_reply_distance(x->reply, found->distance / q->search.unit);
    if (q->with_scores)
        gf_reply_int(x->reply, (int64_t)found->score);
    if (q->with_points)
        gf_geo_reply_point(x->reply, found->point);
}

/* False when there is no memory. */
static bool result_copy(const struct query *q, const struct gf_geo_result *result,
                        struct gf_zset *copy)
{
    char text[GF_PACKED_TEXT_MAX];

    for (uint64_t i = 0; i < result->count; i++) {
        const struct gf_geo_found *found = &result->found[i];
        double score = q->store_distances ? found->distance / q->search.unit : found->score;

        if (gf_zset_add(copy, gf_packed_text(&found->member, text), 0, &score) == GF_ZSET_NO_MEMORY)
            return false;
    }
    return true;
}

static void store_result(struct gf_exec *x, const struct query *q,
                         const struct gf_geo_result *result)
{
    struct gf_zset copy;

    gf_zset_init(x, &copy);
    if (!result_copy(q, result, &copy)) {
        gf_zset_deinit(&copy);
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    gf_zset_store_result(x, &q->target, &copy, q->stores ? "geosearchstore" : "georadiusstore");
}

static void query_run(struct gf_exec *x, struct query *q)
{
    struct gf_geo_result result = {0};

    if (!query_read(x, q))
        return;
    if (q->zset.count > 0 && !gf_geo_search_run(&q->search, &q->zset, &result)) {
        gf_reply_error(x->reply, GF_MSG_OOM);
        return;
    }
    if (q->has_target) {
        store_result(x, q, &result);
    } else {
        gf_reply_array(x->reply, result.count);
        for (uint64_t i = 0; i < result.count; i++)
            reply_found(x, q, &result.found[i]);
    }
    gf_geo_result_deinit(&result);
}

static void geosearch(struct gf_exec *x)
{
    query_run(x, &(struct query){.from = FROM_WORDS});
}

static void geosearchstore(struct gf_exec *x)
{
    query_run(x, &(struct query){.from = FROM_WORDS, .stores = true});
}

static void georadius(struct gf_exec *x)
{
    query_run(x, &(struct query){.from = FROM_POSITION, .may_store = true});
}

static void georadiusbymember(struct gf_exec *x)
{
    query_run(x, &(struct query){.from = FROM_MEMBER, .may_store = true});
}

static void georadius_ro(struct gf_exec *x)
{
    query_run(x, &(struct query){.from = FROM_POSITION});
}

static void georadiusbymember_ro(struct gf_exec *x)
{
    query_run(x, &(struct query){.from = FROM_MEMBER});
}

/* The key, and the last one behind STORE or STOREDIST. */
static uint32_t radius_keys_find(const struct gf_bytes *words, uint32_t count,
                                 uint32_t *ret_indexes, uint32_t max)
{
    uint32_t target = 0;

    if (count < 2)
        return 0;
    for (uint32_t i = 5; i + 1 < count; i++) {
        if (gf_bytes_is(words[i], "STORE") || gf_bytes_is(words[i], "STOREDIST"))
            target = ++i;
    }
    if (max > 0)
        ret_indexes[0] = 1;
    if (max > 1 && target != 0)
        ret_indexes[1] = target;
    return target != 0 ? 2 : 1;
}

/* clang-format off */

static const struct gf_history any_and_units_history[] = {
    {.since = "6.2.0", .what = "ANY, with COUNT."},
    {.since = "7.0.0", .what = "Units in upper case."},
};
#define ANY_HISTORY .history = any_and_units_history, .history_count = 1
#define UNITS_HISTORY .history = any_and_units_history + 1, .history_count = 1
#define ANY_AND_UNITS_HISTORY .history = any_and_units_history, .history_count = 2

static const struct gf_key_spec geosearchstore_keys[] = {
    {.flags = GF_KEY_OW | GF_KEY_UPDATE, .begin_index = 1, .last = 0, .step = 1},
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 2, .last = 0, .step = 1},
};

/* The source, and what is behind STORE or STOREDIST: not before the word `from`. */
#define RADIUS_KEYS(from)                                                                         \
    {.flags = GF_KEY_RO | GF_KEY_ACCESS, .begin_index = 1, .last = 0, .step = 1},                 \
    {.flags = GF_KEY_OW | GF_KEY_UPDATE, .begin_keyword = "STORE", .begin_from = from,            \
     .last = 0, .step = 1},                                                                       \
    {.flags = GF_KEY_OW | GF_KEY_UPDATE, .begin_keyword = "STOREDIST", .begin_from = from,        \
     .last = 0, .step = 1}

static const struct gf_key_spec georadius_keys[] = {RADIUS_KEYS(6)};
static const struct gf_key_spec georadiusbymember_keys[] = {RADIUS_KEYS(5)};

/* What the rows have in common. */
#define SEARCH_COST "O(log N + M), N = places, M = of them in the grid cells around the area"
#define KEY {.name = "key", .type = GF_ARG_KEY}
#define MEMBER {.name = "member", .type = GF_ARG_STRING}
#define RADIUS {.name = "radius", .type = GF_ARG_DOUBLE}
#define POSITION                                                                                  \
    {.name = "longitude", .type = GF_ARG_DOUBLE}, {.name = "latitude", .type = GF_ARG_DOUBLE}
#define UNIT                                                                                      \
    {.name = "unit", .type = GF_ARG_ONEOF,                                                        \
     GF_ARGS({.name = "m", .type = GF_ARG_TOKEN, .token = "M"},                                   \
             {.name = "km", .type = GF_ARG_TOKEN, .token = "KM"},                                 \
             {.name = "ft", .type = GF_ARG_TOKEN, .token = "FT"},                                 \
             {.name = "mi", .type = GF_ARG_TOKEN, .token = "MI"})}
#define FROM                                                                                      \
    {.name = "from", .type = GF_ARG_ONEOF,                                                        \
     GF_ARGS({.name = "member", .type = GF_ARG_STRING, .token = "FROMMEMBER"},                    \
             {.name = "longitude_latitude", .type = GF_ARG_BLOCK, .token = "FROMLONLAT",          \
              GF_ARGS(POSITION)})}
#define BY                                                                                        \
    {.name = "by", .type = GF_ARG_ONEOF,                                                          \
     GF_ARGS({.name = "circle", .type = GF_ARG_BLOCK,                                             \
              GF_ARGS({.name = "radius", .type = GF_ARG_DOUBLE, .token = "BYRADIUS"}, UNIT)},     \
             {.name = "box", .type = GF_ARG_BLOCK,                                                \
              GF_ARGS({.name = "width", .type = GF_ARG_DOUBLE, .token = "BYBOX"},                 \
                      {.name = "height", .type = GF_ARG_DOUBLE}, UNIT)})}
#define ORDER                                                                                     \
    {.name = "order", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,                             \
     GF_ARGS({.name = "asc", .type = GF_ARG_TOKEN, .token = "ASC"},                               \
             {.name = "desc", .type = GF_ARG_TOKEN, .token = "DESC"})}
/* What is said of ANY besides. */
#define COUNT(...)                                                                                \
    {.name = "count", .type = GF_ARG_BLOCK, .flags = GF_ARG_OPTIONAL,                             \
     GF_ARGS({.name = "count", .type = GF_ARG_INTEGER, .token = "COUNT"},                         \
             {.name = "any", .type = GF_ARG_TOKEN, .token = "ANY", .flags = GF_ARG_OPTIONAL,      \
              __VA_ARGS__})}
#define OPTION(option, word)                                                                      \
    {.name = option, .type = GF_ARG_TOKEN, .token = word, .flags = GF_ARG_OPTIONAL}
#define WITH                                                                                      \
    OPTION("withcoord", "WITHCOORD"), OPTION("withdist", "WITHDIST"),                             \
        OPTION("withhash", "WITHHASH")
#define STORES                                                                                    \
    {.name = "key", .type = GF_ARG_KEY, .token = "STORE", .flags = GF_ARG_OPTIONAL},              \
    {.name = "key", .type = GF_ARG_KEY, .token = "STOREDIST", .flags = GF_ARG_OPTIONAL}

static const struct gf_command commands[] = {
    {
        .name = "GEOSEARCH", .run = geosearch,
        .flags = GF_READ, .arity = -7,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        UNITS_HISTORY,
        .since = "6.2.0", .group = "geo", .complexity = SEARCH_COST,
        .summary = "The places inside a circle or a box.",
        GF_ARGS(KEY, FROM, BY, ORDER, COUNT(), WITH),
    },
    {
        .name = "GEOSEARCHSTORE", .run = geosearchstore,
        .flags = GF_WRITE | GF_GROWS, .arity = -8,
        .key_first = 1, .key_last = 2, .key_step = 1,
        .key_specs = geosearchstore_keys, .key_specs_count = GF_COUNT(geosearchstore_keys),
        UNITS_HISTORY,
        .since = "6.2.0", .group = "geo", .complexity = SEARCH_COST,
        .summary = "Stores the places inside a circle or a box as a sorted set.",
        GF_ARGS({.name = "destination", .type = GF_ARG_KEY}, {.name = "source", .type = GF_ARG_KEY},
                FROM, BY, ORDER, COUNT(), OPTION("storedist", "STOREDIST")),
    },
    {
        .name = "GEORADIUS", .run = georadius,
        .flags = GF_WRITE | GF_GROWS | GF_MOVABLE, .arity = -6,
        .key_first = 1, .key_last = 1, .key_step = 1, .find_keys = radius_keys_find,
        .key_specs = georadius_keys, .key_specs_count = GF_COUNT(georadius_keys),
        ANY_AND_UNITS_HISTORY,
        .deprecated_since = "6.2.0",
        .replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
        .since = "3.2.0", .group = "geo", .complexity = SEARCH_COST,
        .summary = "The places around a position; may store them.",
        GF_ARGS(KEY, POSITION, RADIUS, UNIT, WITH, COUNT(.since = "6.2.0"), ORDER, STORES),
    },
    {
        .name = "GEORADIUSBYMEMBER", .run = georadiusbymember,
        .flags = GF_WRITE | GF_GROWS | GF_MOVABLE, .arity = -5,
        .key_first = 1, .key_last = 1, .key_step = 1, .find_keys = radius_keys_find,
        .key_specs = georadiusbymember_keys, .key_specs_count = GF_COUNT(georadiusbymember_keys),
        UNITS_HISTORY,
        .deprecated_since = "6.2.0",
        .replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        .since = "3.2.0", .group = "geo", .complexity = SEARCH_COST,
        .summary = "The places around one of them; may store them.",
        GF_ARGS(KEY, MEMBER, RADIUS, UNIT, WITH, COUNT(), ORDER, STORES),
    },
    {
        .name = "GEORADIUS_RO", .run = georadius_ro,
        .flags = GF_READ, .arity = -6,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        ANY_HISTORY,
        .deprecated_since = "6.2.0",
        .replaced_by = "`GEOSEARCH` with the `BYRADIUS` argument",
        .since = "3.2.10", .group = "geo", .complexity = SEARCH_COST,
        .summary = "GEORADIUS that never stores.",
        GF_ARGS(KEY, POSITION, RADIUS, UNIT, WITH, COUNT(.since = "6.2.0"), ORDER),
    },
    {
        .name = "GEORADIUSBYMEMBER_RO", .run = georadiusbymember_ro,
        .flags = GF_READ, .arity = -5,
        .key_first = 1, .key_last = 1, .key_step = 1, .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .deprecated_since = "6.2.0",
        .replaced_by = "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
        .since = "3.2.10", .group = "geo", .complexity = SEARCH_COST,
        .summary = "GEORADIUSBYMEMBER that never stores.",
        GF_ARGS(KEY, MEMBER, RADIUS, UNIT, WITH, COUNT(), ORDER),
    },
};

/* clang-format on */

const struct gf_module gf_geo_query_module = {
    .abi = GF_MODULE_ABI,
    .name = "geo_query",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
