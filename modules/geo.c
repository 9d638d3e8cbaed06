/* Places: GEOADD GEODIST GEOHASH GEOPOS. A place is a member whose score is its position
 * (modules/geohash.h), so ZREM, ZCARD and all others work on places, too.
 */
#include "core/assert.h"
#include "modules/geo_search.h"
#include "modules/geohash.h"
#include "modules/zsets.h"

/* The options in front of the places. */
static uint32_t geoadd_options_read(struct gf_args *args, bool *ret_changed)
{
    uint32_t flags = 0;

    *ret_changed = false;
    while (gf_args_left(args) > 0) {
        if (gf_args_skip_if(args, "NX"))
            flags |= GF_ZSET_NX;
        else if (gf_args_skip_if(args, "XX"))
            flags |= GF_ZSET_XX;
        else if (gf_args_skip_if(args, "CH"))
            *ret_changed = true;
        else
            break;
    }
    if (gf_args_left(args) == 0 || gf_args_left(args) % 3 != 0 ||
        flags == (GF_ZSET_NX | GF_ZSET_XX))
        gf_args_fail(args, GF_MSG_SYNTAX);
    return flags;
}

/* Every position is one: only then anything is added. Goes back to the first. */
static bool places_check(struct gf_exec *x)
{
    uint32_t first = x->args->index;
    struct gf_geo_point point;

    while (gf_args_left(x->args) > 0) {
        if (!gf_geo_read_point(x, &point))
            return false;
        (void)gf_args_next(x->args);
    }
    x->args->index = first;
    return true;
}

/* What adding places came to. */
struct geoadd_result {
    int64_t added;
    int64_t changed;
    bool no_memory; /* for one of them; those before it are there */
};

/* The places that are left. */
static void places_add(struct gf_exec *x, struct gf_zset *zset, uint32_t flags,
                       struct geoadd_result *ret_result)
{
    struct geoadd_result result = {0};

    while (gf_args_left(x->args) > 0 && !result.no_memory) {
        struct gf_geo_point point;
        enum gf_zset_added added;
        double score;

        (void)gf_geo_read_point(x, &point); /* found good before */
        score = gf_geo_score(point);
        added = gf_zset_add(zset, gf_args_next(x->args), flags, &score);
        result.added += added == GF_ZSET_ADDED;
        result.changed += added == GF_ZSET_CHANGED;
        result.no_memory = added == GF_ZSET_NO_MEMORY;
    }
    *ret_result = result;
}

static void geoadd(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    bool count_changed;
    uint32_t flags = geoadd_options_read(x->args, &count_changed);
    struct geoadd_result result;
    struct gf_zset zset;

    if (!gf_args_ok(x->args, x->reply) || !places_check(x) || !gf_zset_open(x, &place, &zset))
        return;
    places_add(x, &zset, flags, &result);
    if (!gf_zset_finish(x, &zset))
        return;
    if (result.added + result.changed > 0)
        gf_exec_changed(x, x->db, place.key, GF_EVENT_ZSET, "zadd");
    if (result.no_memory)
        gf_reply_error(x->reply, GF_MSG_OOM);
    else
        gf_reply_int(x->reply, result.added + (count_changed ? result.changed : 0));
}

/* The position of the next member; false when it is not there. */
static bool next_point(struct gf_exec *x, const struct gf_zset *zset,
                       struct gf_geo_point *ret_point)
{
    double score;

    if (!gf_zset_score(zset, gf_args_next(x->args), &score))
        return false;
    *ret_point = gf_geo_point_of(score);
    return true;
}

static void geodist(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct gf_geo_point points[2];
    double metres = 1;
    struct gf_zset zset;

    if (gf_args_left(x->args) > 3)
        gf_args_fail(x->args, GF_MSG_SYNTAX);
    if (!gf_args_ok(x->args, x->reply))
        return;
    if (gf_args_left(x->args) == 3 && !gf_geo_parse_unit(x, x->args->words[4], &metres))
        return;
    if (!gf_zset_open(x, &place, &zset))
        return;
    if (next_point(x, &zset, &points[0]) && next_point(x, &zset, &points[1]))
        gf_geo_reply_distance(x->reply, gf_geo_distance(points[0], points[1]) / metres);
    else
        gf_reply_null(x->reply);
}

static void geohash(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct gf_geo_point point;
    char text[GF_GEO_TEXT_SIZE];
    struct gf_zset zset;

    if (!gf_zset_open(x, &place, &zset))
        return;
    gf_reply_array(x->reply, gf_args_left(x->args));
    while (gf_args_left(x->args) > 0) {
        if (!next_point(x, &zset, &point)) {
            gf_reply_null(x->reply);
            continue;
        }
        gf_geo_text(point, text);
        gf_reply_bulk(x->reply, (struct gf_bytes){.data = text, .size = sizeof(text)});
    }
}

static void geopos(struct gf_exec *x)
{
    struct gf_place place = gf_place_next(x);
    struct gf_geo_point point;
    struct gf_zset zset;

    if (!gf_zset_open(x, &place, &zset))
        return;
    gf_reply_array(x->reply, gf_args_left(x->args));
    while (gf_args_left(x->args) > 0) {
        if (next_point(x, &zset, &point))
            gf_geo_reply_point(x->reply, point);
        else
            gf_reply_null_array(x->reply);
    }
}

/* clang-format off */

static const struct gf_history geoadd_history[] = {
    {.since = "6.2.0", .what = "CH, NX and XX."},
};

static const struct gf_command commands[] = {
    {
        .name = "GEOADD", .run = geoadd,
        .flags = GF_WRITE | GF_GROWS, .arity = -5,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RW | GF_KEY_UPDATE,
        .history = geoadd_history, .history_count = GF_COUNT(geoadd_history),
        .since = "3.2.0", .group = "geo",
        .complexity = "O(log N) per place, N = places",
        .summary = "Adds places, each a longitude, a latitude and a name.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "condition", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 .since = "6.2.0",
                 GF_ARGS({.name = "nx", .type = GF_ARG_TOKEN, .token = "NX"},
                         {.name = "xx", .type = GF_ARG_TOKEN, .token = "XX"})},
                {.name = "change", .type = GF_ARG_TOKEN, .token = "CH",
                 .flags = GF_ARG_OPTIONAL, .since = "6.2.0"},
                {.name = "longitude_latitude_member", .type = GF_ARG_BLOCK,
                 .flags = GF_ARG_MULTIPLE,
                 GF_ARGS({.name = "longitude", .type = GF_ARG_DOUBLE},
                         {.name = "latitude", .type = GF_ARG_DOUBLE},
                         {.name = "member", .type = GF_ARG_STRING})}),
    },
    {
        .name = "GEODIST", .run = geodist,
        .flags = GF_READ, .arity = -4,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "3.2.0", .group = "geo",
        .complexity = "O(1)",
        .summary = "How far two places are from each other.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "member1", .type = GF_ARG_STRING},
                {.name = "member2", .type = GF_ARG_STRING},
                {.name = "unit", .type = GF_ARG_ONEOF, .flags = GF_ARG_OPTIONAL,
                 GF_ARGS({.name = "m", .type = GF_ARG_TOKEN, .token = "M"},
                         {.name = "km", .type = GF_ARG_TOKEN, .token = "KM"},
                         {.name = "ft", .type = GF_ARG_TOKEN, .token = "FT"},
                         {.name = "mi", .type = GF_ARG_TOKEN, .token = "MI"})}),
    },
    {
        .name = "GEOHASH", .run = geohash,
        .flags = GF_READ, .arity = -2,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "3.2.0", .group = "geo",
        .complexity = "O(1) per place",
        .summary = "The standard geohash texts of places.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "member", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE}),
    },
    {
        .name = "GEOPOS", .run = geopos,
        .flags = GF_READ, .arity = -2,
        .key_first = 1, .key_last = 1, .key_step = 1,
        .key_flags = GF_KEY_RO | GF_KEY_ACCESS,
        .since = "3.2.0", .group = "geo",
        .complexity = "O(1) per place",
        .summary = "Where places are.",
        GF_ARGS({.name = "key", .type = GF_ARG_KEY},
                {.name = "member", .type = GF_ARG_STRING, .flags = GF_ARG_MULTIPLE}),
    },
};

/* clang-format on */

const struct gf_module gf_geo_module = {
    .abi = GF_MODULE_ABI,
    .name = "geo",
    .commands = commands,
    .commands_count = GF_COUNT(commands),
};
