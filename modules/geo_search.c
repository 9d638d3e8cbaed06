/* A search: the cells around the area are ranges of scores; what is in them and in the area is
 * found, then sorted.
 */
#include "modules/geo_search.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/assert.h"

#define FOUND_FIRST 64u /* places there is room for at first */
#define DISTANCE_TEXT_MAX 340

bool gf_geo_read_point(struct gf_exec *x, struct gf_geo_point *ret_point)
{
    struct gf_geo_point point;
    char lon[DISTANCE_TEXT_MAX];
    char lat[DISTANCE_TEXT_MAX];

    point.lon = gf_args_next_double(x->args);
    point.lat = gf_args_next_double(x->args);
    if (!gf_args_ok(x->args, x->reply))
        return false;
    if (!gf_geo_is_valid(point)) {
        snprintf(lon, sizeof(lon), "%f", point.lon);
        snprintf(lat, sizeof(lat), "%f", point.lat);
        gf_reply_error_explain(x->reply, GF_MSG_GEO_POINT, lon, lat);
        return false;
    }
    *ret_point = point;
    return true;
}

bool gf_geo_parse_unit(struct gf_exec *x, struct gf_bytes word, double *ret_metres)
{
    static const struct {
        const char *name;
        double metres;
    } units[] = {{"m", 1}, {"km", 1000}, {"ft", 0.3048}, {"mi", 1609.34}};

    for (uint32_t i = 0; i < GF_COUNT(units); i++) {
        if (gf_bytes_is(word, units[i].name)) {
            *ret_metres = units[i].metres;
            return true;
        }
    }
    gf_reply_error(x->reply, GF_MSG_GEO_UNIT);
    return false;
}

void gf_geo_reply_distance(struct gf_reply *reply, double distance)
{
    char text[DISTANCE_TEXT_MAX];
    int size = snprintf(text, sizeof(text), "%.4f", distance);

    GF_ASSERT(size > 0);
    GF_ASSERT(size < DISTANCE_TEXT_MAX);
    gf_reply_bulk(reply, (struct gf_bytes){.data = text, .size = (size_t)size});
}

void gf_geo_reply_point(struct gf_reply *reply, struct gf_geo_point point)
{
    gf_reply_array(reply, 2);
    gf_reply_long_double(reply, point.lon);
    gf_reply_long_double(reply, point.lat);
}

static bool result_grow(struct gf_geo_result *result)
{
    uint64_t capacity = result->capacity ? result->capacity * 2 : FOUND_FIRST;
    struct gf_geo_found *found =
        gf_realloc_try(GF_MEMORY_OTHER, result->found, capacity * sizeof(*found));

    if (found == NULL)
        return false;
    result->found = found;
    result->capacity = capacity;
    return true;
}

void gf_geo_result_deinit(struct gf_geo_result *result)
{
    gf_free(GF_MEMORY_OTHER, result->found);
    *result = (struct gf_geo_result){0};
}

static bool has_enough(const struct gf_geo_search *search, const struct gf_geo_result *result)
{
    return search->any && result->count >= search->count;
}

/* The places in the area with scores in one cell; false when there is no memory. */
static bool cell_search(const struct gf_geo_search *search, const struct gf_zset *zset,
                        struct gf_geo_cell cell, struct gf_geo_result *result)
{
    uint32_t shift = 2 * (GF_GEO_STEPS - cell.steps);
    uint64_t number = gf_geo_cell_number(cell);
    struct gf_order_bound first = gf_order_bound_score((double)(number << shift), false);
    double end = (double)((number + 1) << shift);
    struct gf_order_pair pair;
    struct gf_zset_walk walk;

    gf_zset_walk_init(&walk, zset, gf_zset_below(zset, &first), UINT64_MAX, false);
    while (!has_enough(search, result) && gf_zset_walk_next(&walk, &pair) && pair.score < end) {
        struct gf_geo_found found = {
            .member = walk.member, .score = pair.score, .index = result->count};

        found.point = gf_geo_point_of(pair.score);
        if (!gf_geo_area_has(&search->area, found.point, &found.distance))
            continue;
        if (result->count == result->capacity && !result_grow(result))
            return false;
        result->found[result->count++] = found;
    }
    return true;
}

static bool same_cell(struct gf_geo_cell a, struct gf_geo_cell b)
{
    return a.column == b.column && a.row == b.row && a.steps == b.steps;
}

/* Big areas have few cells around them: the same one may come twice, and once is enough. */
static bool cells_search(const struct gf_geo_search *search, const struct gf_zset *zset,
                         struct gf_geo_result *result)
{
    struct gf_geo_cell cells[GF_GEO_CELLS];
    uint32_t last = 0;

    gf_geo_area_cells(&search->area, cells);
    for (uint32_t i = 0; i < GF_GEO_CELLS && !has_enough(search, result); i++) {
        if (cells[i].steps == 0 || (last > 0 && same_cell(cells[i], cells[last])))
            continue;
        if (!cell_search(search, zset, cells[i], result))
            return false;
        last = i;
    }
    return true;
}

/* Equally far ones stay in the order in which they were found. */
static int by_distance(const struct gf_geo_found *left, const struct gf_geo_found *right, int sign)
{
    if (left->distance != right->distance)
        return left->distance < right->distance ? -sign : sign;
    return left->index < right->index ? -1 : 1;
}

static int nearer(const void *a, const void *b)
{
    return by_distance(a, b, 1);
}

static int farther(const void *a, const void *b)
{
    return by_distance(a, b, -1);
}

bool gf_geo_search_run(const struct gf_geo_search *search, const struct gf_zset *zset,
                       struct gf_geo_result *ret_result)
{
    struct gf_geo_result result = {0};
    enum gf_geo_order order = search->order;

    if (!cells_search(search, zset, &result)) {
        gf_geo_result_deinit(&result);
        return false;
    }
    /* The first few of them are the nearest, unless any will do. */
    if (search->count > 0 && !search->any && order == GF_GEO_UNSORTED)
        order = GF_GEO_NEAREST;
    if (order != GF_GEO_UNSORTED && result.count > 0)
        qsort(result.found, result.count, sizeof(*result.found),
              order == GF_GEO_NEAREST ? nearer : farther);
    if (search->count > 0 && result.count > search->count)
        result.count = search->count;
    *ret_result = result;
    return true;
}
